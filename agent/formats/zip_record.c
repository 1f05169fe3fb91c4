/* The records of a stored file, and those that end an archive (APPNOTE.TXT §4.3.7, §4.3.12 to §4.3.16). */
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/limits.h"
#include "base/msg.h"
#include "formats/zip_private.h"

#define VERSION 20 /* of the format; 45 where Zip64 is needed (§4.4.3) */
#define VERSION64 45
#define MADE_BY (3 << 8 | 30)   /* Unix, which says what the attributes mean */
#define EXTRA64_MAX (4 + 3 * 8) /* sizes and place */

/* As MS-DOS has it (§4.4.6), in UTC. */
void sg_zip_record_set_time(struct sg_zip_record *record, int64_t seconds)
{
    struct tm tm = {0};
    time_t when = (time_t)seconds;
    if (!gmtime_r(&when, &tm) || tm.tm_year < 80 || tm.tm_year > 80 + 127) {
        record->date = 1 << 5 | 1; /* 1980-01-01 */
        record->time = 0;
        return;
    }
    record->date = (uint16_t)((tm.tm_year - 80) << 9 | (tm.tm_mon + 1) << 5 | tm.tm_mday);
    record->time = (uint16_t)(tm.tm_hour << 11 | tm.tm_min << 5 | tm.tm_sec / 2);
}

enum sg_rc sg_zip_check_new(const char *name, uint64_t count, struct sg_err *err)
{
    const size_t len = strlen(name);
    const char *problem = sg_zip_name_problem(name, len);
    if (problem)
        return sg_fail(err, SG_E_USAGE, _("A file cannot be put into the container as \"%.200s\": %s."), name, problem);
    if (name[len - 1] == '/')
        return sg_fail(err, SG_E_USAGE, _("A file cannot be put into the container as \"%.200s\", a folder."), name);
    if (count >= SG_MAX_ZIP_ENTRIES)
        return sg_fail(err, SG_E_LIMIT, _("A container cannot have more than %d files; make several."),
                       SG_MAX_ZIP_ENTRIES);
    return SG_OK;
}

enum sg_rc sg_zip_record_set(const struct sg_zip_module *module, struct sg_zip_record *record, const char *name,
                             struct sg_slice bytes, uint64_t header, struct sg_err *err)
{
    if (bytes.len >= SG_ZIP_MAX32)
        return sg_fail(err, SG_E_INTERNAL, _("\"%s\" is too large to be put in at once."), name);
    record->name = name;
    record->header = header;
    record->size = bytes.len;
    record->crc32 = module->crc32(0, bytes.data, bytes.len);
    record->large = false;
    return SG_OK;
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

/* What both headers of a file begin with (§4.3.7 from "version needed" on, §4.3.12), up to the name's length. */
static uint8_t *put_common(const struct sg_zip_record *record, bool large, uint8_t *p)
{
    p = sg_zip_put(p, large ? VERSION64 : VERSION, 2);
    p = sg_zip_put(p, is_ascii(record->name) ? 0 : SG_ZIP_BIT_UTF8, 2);
    p = sg_zip_put(p, SG_ZIP_STORED, 2);
    p = sg_zip_put(p, record->time, 2);
    p = sg_zip_put(p, record->date, 2);
    p = sg_zip_put(p, record->crc32, 4);
    p = sg_zip_put(p, at_most32(record->size, record->large), 4);
    p = sg_zip_put(p, at_most32(record->size, record->large), 4);
    return sg_zip_put(p, strlen(record->name), 2);
}

size_t sg_zip_record_put_local(const struct sg_zip_record *record, uint8_t out[SG_ZIP_LOCAL_MAX])
{
    const size_t name_len = strlen(record->name);
    uint8_t *p = sg_zip_put(out, SG_ZIP_LOCAL, 4);
    p = put_common(record, record->large, p);
    p = sg_zip_put(p, record->large ? SG_ZIP_LOCAL_EXTRA64 : 0, 2);
    p = (uint8_t *)memcpy(p, record->name, name_len) + name_len;
    if (record->large) {
        p = sg_zip_put(p, SG_ZIP_EXTRA_64, 2);
        p = sg_zip_put(p, SG_ZIP_LOCAL_EXTRA64 - 4, 2);
        p = sg_zip_put(p, record->size, 8);
        p = sg_zip_put(p, record->size, 8);
    }
    return (size_t)(p - out);
}

enum sg_rc sg_zip_record_append_central(const struct sg_zip_record *record, struct sg_buf *directory,
                                        struct sg_err *err)
{
    const bool far = record->header >= SG_ZIP_MAX32;
    uint8_t extra[EXTRA64_MAX], header[SG_ZIP_CENTRAL_SIZE];
    uint8_t *e = extra + 4, *p = sg_zip_put(header, SG_ZIP_CENTRAL, 4);
    if (record->large)
        e = sg_zip_put(sg_zip_put(e, record->size, 8), record->size, 8);
    if (far)
        e = sg_zip_put(e, record->header, 8);
    const size_t extra_len = record->large || far ? (size_t)(e - extra) : 0;
    (void)sg_zip_put(sg_zip_put(extra, SG_ZIP_EXTRA_64, 2), (uint64_t)(e - extra) - 4, 2);
    p = sg_zip_put(p, MADE_BY, 2);
    p = put_common(record, record->large || far, p);
    p = sg_zip_put(p, extra_len, 2);
    p = sg_zip_put(p, 0, 6); /* no comment, the first disk, a binary file */
    p = sg_zip_put(p, (uint64_t)(S_IFREG | 0644) << 16, 4);
    (void)sg_zip_put(p, at_most32(record->header, far), 4);
    enum sg_rc rc = sg_buf_append(directory, header, sizeof header, err);
    if (rc == SG_OK)
        rc = sg_buf_append(directory, record->name, strlen(record->name), err);
    if (rc == SG_OK && extra_len > 0)
        rc = sg_buf_append(directory, extra, extra_len, err);
    return rc;
}

/* The records of the end for large archives (§4.3.14, §4.3.15). */
static uint8_t *put_end64(uint64_t count, uint64_t size, uint64_t offset, uint8_t *p)
{
    p = sg_zip_put(p, SG_ZIP_END64, 4);
    p = sg_zip_put(p, SG_ZIP_END64_SIZE - 12, 8);
    p = sg_zip_put(p, MADE_BY, 2);
    p = sg_zip_put(p, VERSION64, 2);
    p = sg_zip_put(p, 0, 8);
    p = sg_zip_put(p, count, 8);
    p = sg_zip_put(p, count, 8);
    p = sg_zip_put(p, size, 8);
    p = sg_zip_put(p, offset, 8);
    p = sg_zip_put(p, SG_ZIP_LOCATOR64, 4);
    p = sg_zip_put(p, 0, 4);
    p = sg_zip_put(p, offset + size, 8);
    return sg_zip_put(p, 1, 4);
}

size_t sg_zip_put_ending(uint64_t count, uint64_t size, uint64_t offset, size_t comment_len,
                         uint8_t out[SG_ZIP_ENDING_MAX])
{
    const uint64_t count16 = count < SG_ZIP_MAX16 ? count : SG_ZIP_MAX16;
    uint8_t *p = out;
    if (count16 == SG_ZIP_MAX16 || offset >= SG_ZIP_MAX32 || size >= SG_ZIP_MAX32)
        p = put_end64(count, size, offset, p);
    p = sg_zip_put(p, SG_ZIP_END, 4);
    p = sg_zip_put(p, 0, 4);
    p = sg_zip_put(p, count16, 2);
    p = sg_zip_put(p, count16, 2);
    p = sg_zip_put(p, at_most32(size, false), 4);
    p = sg_zip_put(p, at_most32(offset, false), 4);
    return (size_t)(sg_zip_put(p, comment_len, 2) - out);
}
