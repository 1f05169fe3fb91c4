/* Changing an archive without unpacking it: what stays is copied, and only the places in its directory follow. */
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/msg.h"
#include "formats/zip_private.h"

struct editing {
    const struct sg_zip *zip;
    struct sg_sink sink;
    uint64_t written;
    struct sg_buf old; /* the directory as it is, ... */
    struct sg_zip_central *entries;
    size_t entry_count;
    uint64_t end;             /* ... and where it begins */
    struct sg_buf directory;  /* the new one */
    struct sg_zip_record put; /* the file that was put in last */
    size_t count;
};

static void editing_clear(struct editing *editing)
{
    for (size_t i = 0; editing->entries && i < editing->entry_count; i++)
        free(editing->entries[i].name);
    free(editing->entries);
    sg_buf_clear(&editing->old);
    sg_buf_clear(&editing->directory);
}

static enum sg_rc write_out(struct editing *editing, struct sg_slice bytes, struct sg_err *err)
{
    editing->written += bytes.len;
    return bytes.len > 0 ? editing->sink.write(editing->sink.context, bytes.data, bytes.len, err) : SG_OK;
}

static enum sg_rc copy(struct editing *editing, uint64_t from, uint64_t to, struct sg_err *err)
{
    editing->written += to - from;
    return sg_input_copy(editing->zip->input, from, to - from, editing->sink, err);
}

/* Its bytes come next. */
static enum sg_rc put_file(struct editing *editing, const char *name, struct sg_slice bytes, struct sg_err *err)
{
    uint8_t header[SG_ZIP_LOCAL_MAX];
    enum sg_rc rc = sg_zip_record_set(editing->zip->module, &editing->put, name, bytes, editing->written, err);
    if (rc == SG_OK)
        rc = write_out(editing, (struct sg_slice){header, sg_zip_record_put_local(&editing->put, header)}, err);
    return rc == SG_OK ? write_out(editing, bytes, err) : rc;
}

/* --- the directory --------------------------------------------------------------------------------------------------
 */

/* An entry's record (§4.3.12), with its comment. */
static struct sg_slice record_of(const struct sg_zip_central *entry)
{
    const uint8_t *record = entry->raw_name.data - SG_ZIP_CENTRAL_SIZE;
    return (struct sg_slice){record,
                             SG_ZIP_CENTRAL_SIZE + entry->raw_name.len + entry->extra.len + sg_zip_get16(record + 32)};
}

/* Where the record has the place of the file, if that does not fit into its 32 bits: behind the sizes that do not. */
static size_t far_place(const struct sg_zip_central *entry, const uint8_t *record)
{
    struct sg_slice field = {0};
    (void)sg_zip_extra(entry->extra, SG_ZIP_EXTRA_64, &field); /* it was read by that */
    return (size_t)(field.data - record) + (sg_zip_get32(record + 24) == SG_ZIP_MAX32 ? 8 : 0) +
           (sg_zip_get32(record + 20) == SG_ZIP_MAX32 ? 8 : 0);
}

/* A file that stays, `moved` octets further back. */
static enum sg_rc keep_record(struct editing *editing, const struct sg_zip_central *entry, int64_t moved,
                              struct sg_err *err)
{
    const struct sg_slice old = record_of(entry);
    const uint64_t header = entry->header + (uint64_t)moved;
    const bool far = sg_zip_get32(old.data + 42) == SG_ZIP_MAX32;
    uint8_t *record = NULL;
    if (!far && header >= SG_ZIP_MAX32)
        return sg_fail(err, SG_E_LIMIT, _("\"%s\" would come to lie beyond 4 GiB in the container."), entry->name);
    enum sg_rc rc = sg_buf_extend(&editing->directory, old.len, &record, err);
    if (rc != SG_OK)
        return rc;
    memcpy(record, old.data, old.len);
    if (far)
        (void)sg_zip_put(record + far_place(entry, old.data), header, 8);
    else
        (void)sg_zip_put(record + 42, header, 4);
    editing->count++;
    return SG_OK;
}

static enum sg_rc add_record(struct editing *editing, struct sg_err *err)
{
    editing->count++;
    return sg_zip_record_append_central(&editing->put, &editing->directory, err);
}

/* The archive's comment, which may say its type (EN 319 162-1 §A.1). */
static enum sg_rc find_comment(const struct editing *editing, uint64_t *ret, struct sg_err *err)
{
    struct sg_input *input = editing->zip->input;
    const uint64_t at = editing->end + editing->old.len;
    uint8_t signature[4] = {0};
    size_t done = 0;
    enum sg_rc rc = sg_input_read(input, at, signature, sizeof signature, &done, err);
    if (rc != SG_OK)
        return rc;
    *ret = at + SG_ZIP_END_SIZE;
    if (sg_zip_get32(signature) == SG_ZIP_END64)
        *ret += SG_ZIP_END64_SIZE + SG_ZIP_LOCATOR64_SIZE;
    return *ret <= sg_input_size(input) ? SG_OK : sg_zip_malformed(editing->zip, NULL, _("it is cut off"), err);
}

/* Directory, end and comment. */
static enum sg_rc finish(struct editing *editing, struct sg_err *err)
{
    struct sg_input *input = editing->zip->input;
    uint8_t ending[SG_ZIP_ENDING_MAX];
    uint64_t comment = 0;
    enum sg_rc rc = find_comment(editing, &comment, err);
    if (rc != SG_OK)
        return rc;
    const size_t len = sg_zip_put_ending(editing->count, editing->directory.len, editing->written,
                                         (size_t)(sg_input_size(input) - comment), ending);
    rc = write_out(editing, sg_buf_slice(&editing->directory), err);
    if (rc == SG_OK)
        rc = write_out(editing, (struct sg_slice){ending, len}, err);
    if (rc == SG_OK)
        rc = copy(editing, comment, sg_input_size(input), err);
    return rc == SG_OK ? sg_input_check_unchanged(input, err) : rc;
}

/* --- what is changed ------------------------------------------------------------------------------------------------
 */

static enum sg_rc begin(struct editing *editing, struct sg_err *err)
{
    editing->old.max = editing->directory.max = SG_MAX_ZIP_DIRECTORY;
    return sg_zip_read_directory(editing->zip, &editing->old, &editing->entries, &editing->entry_count, &editing->end,
                                 err);
}

/* Where the entry at `header` ends, with what follows its data: the next one begins there, or the directory. */
static uint64_t end_of(const struct editing *editing, uint64_t header)
{
    uint64_t end = editing->end;
    for (size_t i = 0; i < editing->entry_count; i++)
        if (editing->entries[i].header > header && editing->entries[i].header < end)
            end = editing->entries[i].header;
    return end;
}

/* What is put in has the time of what it takes the place of. */
static enum sg_rc keep_time(struct editing *editing, uint64_t header, struct sg_err *err)
{
    for (size_t i = 0; i < editing->entry_count; i++) {
        if (editing->entries[i].header != header)
            continue;
        const uint8_t *record = record_of(&editing->entries[i]).data;
        editing->put.time = sg_zip_get16(record + 12);
        editing->put.date = sg_zip_get16(record + 14);
        return SG_OK;
    }
    return sg_fail(err, SG_E_INPUT_CHANGED, _("\"%s\" was changed while it was being read."),
                   sg_input_name(editing->zip->input));
}

enum sg_rc sg_zip_replace(const struct sg_zip *zip, const struct sg_zip_entry *entry, struct sg_slice bytes,
                          struct sg_sink sink, struct sg_err *err)
{
    _cleanup_(editing_clear) struct editing editing = {.zip = zip, .sink = sink};
    enum sg_rc rc = begin(&editing, err);
    if (rc == SG_OK)
        rc = keep_time(&editing, entry->header, err);
    if (rc != SG_OK)
        return rc;
    const uint64_t next = end_of(&editing, entry->header);
    rc = copy(&editing, 0, entry->header, err);
    if (rc == SG_OK)
        rc = put_file(&editing, entry->name, bytes, err);
    const int64_t moved = (int64_t)(editing.written - next);
    if (rc == SG_OK)
        rc = copy(&editing, next, editing.end, err);
    for (size_t i = 0; rc == SG_OK && i < editing.entry_count; i++) {
        const struct sg_zip_central *other = &editing.entries[i];
        rc = other->header == entry->header
                 ? add_record(&editing, err)
                 : keep_record(&editing, other, other->header > entry->header ? moved : 0, err);
    }
    return rc == SG_OK ? finish(&editing, err) : rc;
}

enum sg_rc sg_zip_append(const struct sg_zip *zip, const struct sg_zip_file *files, size_t count, int64_t time,
                         struct sg_sink sink, struct sg_err *err)
{
    _cleanup_(editing_clear) struct editing editing = {.zip = zip, .sink = sink};
    enum sg_rc rc = begin(&editing, err);
    if (rc == SG_OK)
        rc = copy(&editing, 0, editing.end, err);
    for (size_t i = 0; rc == SG_OK && i < editing.entry_count; i++)
        rc = keep_record(&editing, &editing.entries[i], 0, err);
    sg_zip_record_set_time(&editing.put, time);
    for (size_t i = 0; rc == SG_OK && i < count; i++) {
        rc = sg_zip_check_new(files[i].name, editing.count, err);
        if (rc == SG_OK)
            rc = put_file(&editing, files[i].name, files[i].bytes, err);
        if (rc == SG_OK)
            rc = add_record(&editing, err);
    }
    return rc == SG_OK ? finish(&editing, err) : rc;
}
