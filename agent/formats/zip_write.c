/* Archives of stored files, written from the first byte to the last; only sizes and CRC of a file in several pieces are
 * put in afterwards. Nothing but what describes the entries stays in memory. */
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/msg.h"
#include "formats/zip_private.h"

struct sg_zip_writer {
    struct sg_outfile *out;
    const struct sg_zip_module *module;
    struct sg_zip_record blank; /* with the time of all */
    struct sg_buf directory;
    uint64_t count;
    uint64_t start;
    char *name;                /* of ... */
    struct sg_zip_record open; /* ... the one that bytes are written to */
};

enum sg_rc sg_zip_writer_new(struct sg_outfile *out, int64_t seconds, struct sg_zip_writer **ret, struct sg_err *err)
{
    _cleanup_(sg_zip_writer_freep) struct sg_zip_writer *writer = calloc(1, sizeof *writer);
    if (!writer)
        return sg_fail_memory(err);
    writer->out = out;
    writer->start = sg_outfile_size(out);
    writer->directory.max = SG_MAX_ZIP_DIRECTORY;
    sg_zip_record_set_time(&writer->blank, seconds);
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
    free(writer->name);
    free(writer);
}

static uint64_t place(const struct sg_zip_writer *writer)
{
    return sg_outfile_size(writer->out) - writer->start;
}

static enum sg_rc write_local(struct sg_zip_writer *writer, const struct sg_zip_record *record, struct sg_err *err)
{
    uint8_t header[SG_ZIP_LOCAL_MAX];
    const size_t len = sg_zip_record_put_local(record, header);
    return sg_outfile_write(writer->out, header, len, err);
}

static enum sg_rc add_to_directory(struct sg_zip_writer *writer, const struct sg_zip_record *record, struct sg_err *err)
{
    writer->count++;
    return sg_zip_record_append_central(record, &writer->directory, err);
}

enum sg_rc sg_zip_add(struct sg_zip_writer *writer, const char *name, struct sg_slice bytes, struct sg_err *err)
{
    struct sg_zip_record record = writer->blank;
    enum sg_rc rc = sg_zip_check_new(name, writer->count, err);
    if (rc == SG_OK)
        rc = sg_zip_record_set(writer->module, &record, name, bytes, place(writer), err);
    if (rc == SG_OK)
        rc = write_local(writer, &record, err);
    if (rc == SG_OK)
        rc = sg_outfile_write(writer->out, bytes.data, bytes.len, err);
    return rc == SG_OK ? add_to_directory(writer, &record, err) : rc;
}

enum sg_rc sg_zip_begin(struct sg_zip_writer *writer, const char *name, bool large, struct sg_err *err)
{
    enum sg_rc rc = sg_zip_check_new(name, writer->count, err);
    if (rc != SG_OK)
        return rc;
    free(writer->name);
    writer->name = strdup(name);
    if (!writer->name)
        return sg_fail_memory(err);
    writer->open = writer->blank;
    writer->open.name = writer->name;
    writer->open.header = place(writer);
    writer->open.large = large;
    return write_local(writer, &writer->open, err);
}

enum sg_rc sg_zip_write(struct sg_zip_writer *writer, const void *data, size_t len, struct sg_err *err)
{
    struct sg_zip_record *record = &writer->open;
    record->crc32 = writer->module->crc32(record->crc32, data, len);
    record->size += len;
    if (!record->large && record->size >= SG_ZIP_MAX32)
        return sg_fail(err, SG_E_LIMIT, _("\"%s\" grew over 4 GiB in the container."), record->name);
    return sg_outfile_write(writer->out, data, len, err);
}

/* CRC and sizes into the local header, which was written without them. */
enum sg_rc sg_zip_end(struct sg_zip_writer *writer, struct sg_err *err)
{
    uint8_t header[SG_ZIP_LOCAL_MAX];
    const size_t len = sg_zip_record_put_local(&writer->open, header);
    enum sg_rc rc = sg_outfile_patch(writer->out, writer->start + writer->open.header, header, len, err);
    return rc == SG_OK ? add_to_directory(writer, &writer->open, err) : rc;
}

enum sg_rc sg_zip_finish(struct sg_zip_writer *writer, struct sg_err *err)
{
    uint8_t end[SG_ZIP_ENDING_MAX];
    const size_t len = sg_zip_put_ending(writer->count, writer->directory.len, place(writer), 0, end);
    enum sg_rc rc = sg_outfile_write(writer->out, writer->directory.data, writer->directory.len, err);
    return rc == SG_OK ? sg_outfile_write(writer->out, end, len, err) : rc;
}
