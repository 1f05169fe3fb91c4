/* Archives of stored files, written from the first byte to the last; only sizes and CRC of a file in several pieces are
 * put in afterwards. Nothing but what describes the entries stays in memory. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/limits.h"
#include "base/msg.h"
#include "formats/zip_private.h"

#define VERSION 20 /* of the format; 45 where Zip64 is needed (§4.4.3) */
#define VERSION64 45
#define MADE_BY (3 << 8 | 30)   /* Unix, which says what the attributes mean */
#define LOCAL_EXTRA64 20        /* both sizes */
#define EXTRA64_MAX (4 + 3 * 8) /* sizes and place */

struct entry {
    char *name;
    size_t name_len;
    uint64_t header, size;
    uint32_t crc32;
    bool large;
};

struct sg_zip_writer {
    struct sg_outfile *out;
    const struct sg_zip_module *module;
    uint16_t date, time;
    struct sg_buf directory;
    uint64_t count;
    uint64_t start;
    struct entry open; /* that bytes are written to; `name` NULL: none */
};

/* As MS-DOS has it (§4.4.6), in UTC. */
static void set_time(struct sg_zip_writer *writer, int64_t seconds)
{
    struct tm tm = {0};
    time_t when = (time_t)seconds;
    if (!gmtime_r(&when, &tm) || tm.tm_year < 80 || tm.tm_year > 80 + 127) {
        writer->date = 1 << 5 | 1; /* 1980-01-01 */
        return;
    }
    writer->date = (uint16_t)((tm.tm_year - 80) << 9 | (tm.tm_mon + 1) << 5 | tm.tm_mday);
    writer->time = (uint16_t)(tm.tm_hour << 11 | tm.tm_min << 5 | tm.tm_sec / 2);
}

enum sg_rc sg_zip_writer_new(struct sg_outfile *out, int64_t seconds, struct sg_zip_writer **ret, struct sg_err *err)
{
    _cleanup_(sg_zip_writer_freep) struct sg_zip_writer *writer = calloc(1, sizeof *writer);
    if (!writer)
        return sg_fail_memory(err);
    writer->out = out;
    writer->start = sg_outfile_size(out);
    writer->directory.max = SG_MAX_ZIP_DIRECTORY;
    set_time(writer, seconds);
    enum sg_rc rc = sg_zip_module_get(&writer->module, err);
    if (rc == SG_OK)
        *ret = sg_steal(writer);
    return rc;
}

void sg_zip_writer_free(struct sg_zip_writer *writer)
{
    if (!writer)
        return;
    sg_buf_clear(&writer->directory);
    free(writer->open.name);
    free(writer);
}

static uint64_t place(const struct sg_zip_writer *writer)
{
    return sg_outfile_size(writer->out) - writer->start;
}

static bool is_ascii(const char *name)
{
    for (; *name; name++)
        if ((uint8_t)*name >= 0x80)
            return false;
    return true;
}

static uint32_t at_most32(uint64_t value, bool large)
{
    return large || value >= SG_ZIP_MAX32 ? SG_ZIP_MAX32 : (uint32_t)value;
}

/* What both headers of an entry begin with (§4.3.7 from "version needed" on, §4.3.12), up to the name's length. */
static uint8_t *put_common(const struct sg_zip_writer *writer, const struct entry *entry, bool large, uint8_t *p)
{
    p = sg_zip_put(p, large ? VERSION64 : VERSION, 2);
    p = sg_zip_put(p, is_ascii(entry->name) ? 0 : SG_ZIP_BIT_UTF8, 2);
    p = sg_zip_put(p, SG_ZIP_STORED, 2);
    p = sg_zip_put(p, writer->time, 2);
    p = sg_zip_put(p, writer->date, 2);
    p = sg_zip_put(p, entry->crc32, 4);
    p = sg_zip_put(p, at_most32(entry->size, entry->large), 4);
    p = sg_zip_put(p, at_most32(entry->size, entry->large), 4);
    return sg_zip_put(p, entry->name_len, 2);
}

static enum sg_rc write_local(struct sg_zip_writer *writer, const struct entry *entry, struct sg_err *err)
{
    uint8_t header[SG_ZIP_LOCAL_SIZE + SG_MAX_ZIP_NAME + LOCAL_EXTRA64];
    uint8_t *p = sg_zip_put(header, SG_ZIP_LOCAL, 4);
    p = put_common(writer, entry, entry->large, p);
    p = sg_zip_put(p, entry->large ? LOCAL_EXTRA64 : 0, 2);
    memcpy(p, entry->name, entry->name_len);
    p += entry->name_len;
    if (entry->large) {
        p = sg_zip_put(p, SG_ZIP_EXTRA_64, 2);
        p = sg_zip_put(p, LOCAL_EXTRA64 - 4, 2);
        p = sg_zip_put(p, entry->size, 8);
        p = sg_zip_put(p, entry->size, 8);
    }
    return sg_outfile_write(writer->out, header, (size_t)(p - header), err);
}

static enum sg_rc add_to_directory(struct sg_zip_writer *writer, const struct entry *entry, struct sg_err *err)
{
    const bool far = entry->header >= SG_ZIP_MAX32;
    uint8_t extra[EXTRA64_MAX], header[SG_ZIP_CENTRAL_SIZE];
    uint8_t *e = extra + 4, *p = sg_zip_put(header, SG_ZIP_CENTRAL, 4);
    if (entry->large)
        e = sg_zip_put(sg_zip_put(e, entry->size, 8), entry->size, 8);
    if (far)
        e = sg_zip_put(e, entry->header, 8);
    const size_t extra_len = entry->large || far ? (size_t)(e - extra) : 0;
    (void)sg_zip_put(sg_zip_put(extra, SG_ZIP_EXTRA_64, 2), (uint64_t)(e - extra) - 4, 2);
    p = sg_zip_put(p, MADE_BY, 2);
    p = put_common(writer, entry, entry->large || far, p);
    p = sg_zip_put(p, extra_len, 2);
    p = sg_zip_put(p, 0, 6); /* no comment, the first disk, a binary file */
    p = sg_zip_put(p, (uint64_t)(S_IFREG | 0644) << 16, 4);
    (void)sg_zip_put(p, at_most32(entry->header, far), 4);
    enum sg_rc rc = sg_buf_append(&writer->directory, header, sizeof header, err);
    if (rc == SG_OK)
        rc = sg_buf_append(&writer->directory, entry->name, entry->name_len, err);
    if (rc == SG_OK && extra_len > 0)
        rc = sg_buf_append(&writer->directory, extra, extra_len, err);
    writer->count++;
    return rc;
}

static enum sg_rc check(const struct sg_zip_writer *writer, const char *name, struct sg_err *err)
{
    const size_t len = strlen(name);
    const char *problem = sg_zip_name_problem(name, len);
    if (problem)
        return sg_fail(err, SG_E_USAGE, _("A file cannot be put into the container as \"%.200s\": %s."), name, problem);
    if (name[len - 1] == '/')
        return sg_fail(err, SG_E_USAGE, _("A file cannot be put into the container as \"%.200s\", a folder."), name);
    if (writer->count == SG_MAX_ZIP_ENTRIES)
        return sg_fail(err, SG_E_LIMIT, _("A container cannot have more than %d files; make several."),
                       SG_MAX_ZIP_ENTRIES);
    return SG_OK;
}

enum sg_rc sg_zip_add(struct sg_zip_writer *writer, const char *name, struct sg_slice bytes, struct sg_err *err)
{
    enum sg_rc rc = check(writer, name, err);
    const struct entry entry = {.name = (char *)name,
                                .name_len = strlen(name),
                                .header = place(writer),
                                .size = bytes.len,
                                .crc32 = writer->module->crc32(0, bytes.data, bytes.len)};
    if (rc == SG_OK && bytes.len >= SG_ZIP_MAX32)
        rc = sg_fail(err, SG_E_INTERNAL, _("\"%s\" is too large to be put in at once."), name);
    if (rc == SG_OK)
        rc = write_local(writer, &entry, err);
    if (rc == SG_OK)
        rc = sg_outfile_write(writer->out, bytes.data, bytes.len, err);
    return rc == SG_OK ? add_to_directory(writer, &entry, err) : rc;
}

enum sg_rc sg_zip_begin(struct sg_zip_writer *writer, const char *name, bool large, struct sg_err *err)
{
    enum sg_rc rc = check(writer, name, err);
    if (rc != SG_OK)
        return rc;
    free(writer->open.name);
    writer->open =
        (struct entry){.name = strdup(name), .name_len = strlen(name), .header = place(writer), .large = large};
    return writer->open.name ? write_local(writer, &writer->open, err) : sg_fail_memory(err);
}

enum sg_rc sg_zip_write(struct sg_zip_writer *writer, const void *data, size_t len, struct sg_err *err)
{
    struct entry *entry = &writer->open;
    entry->crc32 = writer->module->crc32(entry->crc32, data, len);
    entry->size += len;
    if (!entry->large && entry->size >= SG_ZIP_MAX32)
        return sg_fail(err, SG_E_LIMIT, _("\"%s\" grew over 4 GiB in the container."), entry->name);
    return sg_outfile_write(writer->out, data, len, err);
}

/* CRC and sizes into the local header, which was written without them. */
static enum sg_rc complete_local(struct sg_zip_writer *writer, const struct entry *entry, struct sg_err *err)
{
    uint8_t values[16];
    const uint64_t at = writer->start + entry->header;
    uint8_t *p = sg_zip_put(values, entry->crc32, 4);
    p = sg_zip_put(p, at_most32(entry->size, entry->large), 4);
    p = sg_zip_put(p, at_most32(entry->size, entry->large), 4);
    enum sg_rc rc = sg_outfile_patch(writer->out, at + 14, values, (size_t)(p - values), err);
    if (rc != SG_OK || !entry->large)
        return rc;
    p = sg_zip_put(sg_zip_put(values, entry->size, 8), entry->size, 8);
    return sg_outfile_patch(writer->out, at + SG_ZIP_LOCAL_SIZE + entry->name_len + 4, values, (size_t)(p - values),
                            err);
}

enum sg_rc sg_zip_end(struct sg_zip_writer *writer, struct sg_err *err)
{
    enum sg_rc rc = complete_local(writer, &writer->open, err);
    if (rc == SG_OK)
        rc = add_to_directory(writer, &writer->open, err);
    free(writer->open.name);
    writer->open = (struct entry){0};
    return rc;
}

/* The records of the end for large archives (§4.3.14, §4.3.15). */
static uint8_t *put_end64(const struct sg_zip_writer *writer, uint64_t offset, uint8_t *p)
{
    const uint64_t end = offset + writer->directory.len;
    p = sg_zip_put(p, SG_ZIP_END64, 4);
    p = sg_zip_put(p, SG_ZIP_END64_SIZE - 12, 8);
    p = sg_zip_put(p, MADE_BY, 2);
    p = sg_zip_put(p, VERSION64, 2);
    p = sg_zip_put(p, 0, 8);
    p = sg_zip_put(p, writer->count, 8);
    p = sg_zip_put(p, writer->count, 8);
    p = sg_zip_put(p, writer->directory.len, 8);
    p = sg_zip_put(p, offset, 8);
    p = sg_zip_put(p, SG_ZIP_LOCATOR64, 4);
    p = sg_zip_put(p, 0, 4);
    p = sg_zip_put(p, end, 8);
    return sg_zip_put(p, 1, 4);
}

enum sg_rc sg_zip_finish(struct sg_zip_writer *writer, struct sg_err *err)
{
    uint8_t end[SG_ZIP_END64_SIZE + SG_ZIP_LOCATOR64_SIZE + SG_ZIP_END_SIZE];
    const uint64_t offset = place(writer);
    const uint64_t count = writer->count < SG_ZIP_MAX16 ? writer->count : SG_ZIP_MAX16;
    uint8_t *p = end;
    if (count == SG_ZIP_MAX16 || offset >= SG_ZIP_MAX32 || writer->directory.len >= SG_ZIP_MAX32)
        p = put_end64(writer, offset, p);
    p = sg_zip_put(p, SG_ZIP_END, 4);
    p = sg_zip_put(p, 0, 4);
    p = sg_zip_put(p, count, 2);
    p = sg_zip_put(p, count, 2);
    p = sg_zip_put(p, at_most32(writer->directory.len, false), 4);
    p = sg_zip_put(p, at_most32(offset, false), 4);
    p = sg_zip_put(p, 0, 2);
    enum sg_rc rc = sg_outfile_write(writer->out, writer->directory.data, writer->directory.len, err);
    if (rc == SG_OK)
        rc = sg_outfile_write(writer->out, end, (size_t)(p - end), err);
    return rc;
}
