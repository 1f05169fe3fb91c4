/* The end of an archive and its directory (APPNOTE.TXT §4.3.12 to §4.3.16). */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/limits.h"
#include "base/msg.h"
#include "formats/zip_private.h"

#define MADE_BY_UNIX 3

struct ending {
    uint64_t entries, size, offset; /* of the directory */
    uint64_t end;                   /* where it has to end */
};

static enum sg_rc read_exactly(const struct sg_zip *zip, uint64_t offset, uint8_t *out, size_t len, struct sg_err *err)
{
    size_t done = 0;
    enum sg_rc rc = sg_input_read(zip->input, offset, out, len, &done, err);
    return rc == SG_OK && done < len ? sg_zip_malformed(zip, NULL, _("it is cut off"), err) : rc;
}

/* The record, from the back: the last one there is, and only a comment may follow it. */
static enum sg_rc find_end(const struct sg_zip *zip, uint8_t out[SG_ZIP_END_SIZE], uint64_t *ret_at, struct sg_err *err)
{
    uint64_t size = sg_input_size(zip->input);
    size_t len = (size_t)(size < SG_ZIP_END_SIZE + SG_ZIP_MAX16 ? size : SG_ZIP_END_SIZE + SG_ZIP_MAX16);
    _cleanup_(freep) uint8_t *tail = malloc(len + 1);
    if (!tail)
        return sg_fail_memory(err);
    enum sg_rc rc = read_exactly(zip, size - len, tail, len, err);
    if (rc != SG_OK)
        return rc;
    for (size_t at = len < SG_ZIP_END_SIZE ? 0 : len - SG_ZIP_END_SIZE + 1; at-- > 0;) {
        if (sg_zip_get32(tail + at) != SG_ZIP_END)
            continue;
        if (sg_zip_get16(tail + at + 20) != len - at - SG_ZIP_END_SIZE)
            return sg_zip_malformed(zip, NULL, _("there is something behind its end"), err);
        memcpy(out, tail + at, SG_ZIP_END_SIZE);
        *ret_at = size - len + at;
        return SG_OK;
    }
    return sg_zip_malformed(zip, NULL, _("its directory is missing; it is cut off"), err);
}

static bool fits(uint64_t small, uint64_t limit, uint64_t large)
{
    return small == limit || small == large;
}

/* The record for large archives and its locator, directly before the one at `at`; without them nothing changes. */
static enum sg_rc read_end64(const struct sg_zip *zip, uint64_t at, struct ending *ending, struct sg_err *err)
{
    uint8_t locator[SG_ZIP_LOCATOR64_SIZE], record[SG_ZIP_END64_SIZE];
    enum sg_rc rc = SG_OK;
    if (at < sizeof locator + sizeof record)
        return SG_OK;
    rc = read_exactly(zip, at - sizeof locator, locator, sizeof locator, err);
    if (rc != SG_OK || sg_zip_get32(locator) != SG_ZIP_LOCATOR64)
        return rc;
    uint64_t place = at - sizeof locator - sizeof record;
    rc = read_exactly(zip, place, record, sizeof record, err);
    if (rc != SG_OK)
        return rc;
    if (sg_zip_get64(locator + 8) != place || sg_zip_get32(locator + 4) != 0 || sg_zip_get32(locator + 16) > 1 ||
        sg_zip_get32(record) != SG_ZIP_END64 || sg_zip_get64(record + 4) != sizeof record - 12 ||
        sg_zip_get32(record + 16) != 0 || sg_zip_get32(record + 20) != 0)
        return sg_zip_malformed(zip, NULL, _("the record of its size (Zip64) is wrong"), err);
    struct ending large = {.entries = sg_zip_get64(record + 32),
                           .size = sg_zip_get64(record + 40),
                           .offset = sg_zip_get64(record + 48),
                           .end = place};
    if (sg_zip_get64(record + 24) != large.entries || !fits(ending->entries, SG_ZIP_MAX16, large.entries) ||
        !fits(ending->size, SG_ZIP_MAX32, large.size) || !fits(ending->offset, SG_ZIP_MAX32, large.offset))
        return sg_zip_malformed(zip, NULL, _("the records of its size contradict each other"), err);
    *ending = large;
    return SG_OK;
}

static enum sg_rc read_ending(const struct sg_zip *zip, struct ending *ret, struct sg_err *err)
{
    uint8_t end[SG_ZIP_END_SIZE] = {0};
    enum sg_rc rc = find_end(zip, end, &ret->end, err);
    if (rc != SG_OK)
        return rc;
    ret->entries = sg_zip_get16(end + 10);
    ret->size = sg_zip_get32(end + 12);
    ret->offset = sg_zip_get32(end + 16);
    if (sg_zip_get16(end + 4) != 0 || sg_zip_get16(end + 6) != 0 || sg_zip_get16(end + 8) != ret->entries)
        return sg_about(sg_input_name(zip->input), err,
                        sg_fail(err, SG_E_UNSUPPORTED, _("\"%s\" is a part of an archive in several parts."),
                                sg_input_name(zip->input)));
    rc = read_end64(zip, ret->end, ret, err);
    if (rc == SG_OK && (ret->offset > ret->end || ret->size != ret->end - ret->offset))
        rc = sg_zip_malformed(zip, NULL, _("its directory is not where it should be"), err);
    return rc;
}

bool sg_zip_extra(struct sg_slice extra, uint16_t id, struct sg_slice *ret)
{
    *ret = (struct sg_slice){0};
    while (extra.len >= 4) {
        uint16_t len = sg_zip_get16(extra.data + 2);
        if (len > extra.len - 4)
            return false;
        if (sg_zip_get16(extra.data) == id) {
            if (ret->data)
                return false;
            *ret = (struct sg_slice){extra.data + 4, len};
        }
        extra.data += 4 + len;
        extra.len -= 4u + len;
    }
    return true; /* fewer than four octets are padding, as some programs write it */
}

/* The sizes that do not fit into 32 bits, in their order (§4.5.3). */
static bool read_large(struct sg_zip_central *entry)
{
    uint64_t *const values[] = {&entry->size, &entry->packed, &entry->header};
    struct sg_slice field;
    if (!sg_zip_extra(entry->extra, SG_ZIP_EXTRA_64, &field))
        return false;
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        if (*values[i] != SG_ZIP_MAX32)
            continue;
        if (field.len < 8)
            return false;
        *values[i] = sg_zip_get64(field.data);
        field.data += 8;
        field.len -= 8;
    }
    return true;
}

static enum sg_rc unsupported(const struct sg_zip *zip, const char *name, const char *reason, struct sg_err *err)
{
    return sg_about(sg_input_name(zip->input), err,
                    sg_fail(err, SG_E_UNSUPPORTED, _("\"%s\" cannot be read: its entry \"%s\" is %s."),
                            sg_input_name(zip->input), name, reason));
}

/* A link, a device: not with the type of a file or folder that Unix gives. */
static bool is_special(const struct sg_zip_central *entry)
{
    mode_t type = (mode_t)(entry->attributes >> 16) & S_IFMT;
    return entry->made_by >> 8 == MADE_BY_UNIX && type != 0 && type != S_IFREG && type != S_IFDIR;
}

static enum sg_rc check_entry(const struct sg_zip *zip, const struct sg_zip_central *entry, struct sg_err *err)
{
    const unsigned locked = SG_ZIP_BIT_ENCRYPTED | SG_ZIP_BIT_STRONG | SG_ZIP_BIT_MASKED;
    if (entry->flags & locked)
        return unsupported(zip, entry->name, _("encrypted"), err);
    if ((entry->method != SG_ZIP_STORED && entry->method != SG_ZIP_DEFLATED) || entry->flags & SG_ZIP_BIT_PATCH)
        return unsupported(zip, entry->name, _("packed in a way that is not known here"), err);
    if (is_special(entry))
        return sg_zip_malformed(zip, entry->name, _("it is neither a file nor a folder"), err);
    if (entry->method == SG_ZIP_STORED && entry->size != entry->packed)
        return sg_zip_malformed(zip, entry->name, _("its sizes contradict each other"), err);
    if (entry->is_folder && entry->size != 0)
        return sg_zip_malformed(zip, entry->name, _("it is a folder that has content"), err);
    return SG_OK;
}

/* One record of the directory, and what follows it. */
static enum sg_rc read_entry(const struct sg_zip *zip, struct sg_slice *left, struct sg_zip_central *ret,
                             struct sg_err *err)
{
    const uint8_t *p = left->data;
    if (left->len < SG_ZIP_CENTRAL_SIZE || sg_zip_get32(p) != SG_ZIP_CENTRAL)
        return sg_zip_malformed(zip, NULL, _("its directory is broken"), err);
    size_t name_len = sg_zip_get16(p + 28), extra_len = sg_zip_get16(p + 30), comment_len = sg_zip_get16(p + 32);
    size_t len = SG_ZIP_CENTRAL_SIZE + name_len + extra_len + comment_len;
    if (len > left->len || sg_zip_get16(p + 34) != 0)
        return sg_zip_malformed(zip, NULL, _("its directory is broken"), err);
    *ret = (struct sg_zip_central){.raw_name = {p + SG_ZIP_CENTRAL_SIZE, name_len},
                                   .extra = {p + SG_ZIP_CENTRAL_SIZE + name_len, extra_len},
                                   .made_by = sg_zip_get16(p + 4),
                                   .flags = sg_zip_get16(p + 8),
                                   .method = sg_zip_get16(p + 10),
                                   .crc32 = sg_zip_get32(p + 16),
                                   .packed = sg_zip_get32(p + 20),
                                   .size = sg_zip_get32(p + 24),
                                   .attributes = sg_zip_get32(p + 38),
                                   .header = sg_zip_get32(p + 42)};
    enum sg_rc rc = sg_zip_name_read(zip, ret, &ret->name, err);
    if (rc != SG_OK)
        return rc;
    ret->is_folder = ret->name[strlen(ret->name) - 1] == '/';
    if (!read_large(ret))
        return sg_zip_malformed(zip, ret->name, _("its extra fields are broken"), err);
    left->data += len;
    left->len -= len;
    return check_entry(zip, ret, err);
}

static enum sg_rc too_many(const struct sg_zip *zip, struct sg_err *err)
{
    return sg_about(sg_input_name(zip->input), err,
                    sg_fail(err, SG_E_LIMIT, _("\"%s\" has more entries than the limit of %d."),
                            sg_input_name(zip->input), SG_MAX_ZIP_ENTRIES));
}

/* What all of it unpacks to, against what the file has: as checked when the bytes come, entry by entry. */
static enum sg_rc check_growth(const struct sg_zip *zip, const struct sg_zip_central *entries, size_t count,
                               struct sg_err *err)
{
    uint64_t most = sg_input_size(zip->input) * SG_MAX_ZIP_RATIO + SG_MAX_ZIP_FREE, total = 0;
    for (size_t i = 0; i < count; i++) {
        total += entries[i].size < UINT64_MAX - total ? entries[i].size : UINT64_MAX - total;
        if (total > most)
            return sg_about(sg_input_name(zip->input), err,
                            sg_fail(err, SG_E_LIMIT,
                                    _("\"%s\" would grow to more than %d times its size (a \"ZIP bomb\"), at its "
                                      "entry \"%s\"."),
                                    sg_input_name(zip->input), SG_MAX_ZIP_RATIO, entries[i].name));
    }
    return SG_OK;
}

static enum sg_rc read_bytes(const struct sg_zip *zip, const struct ending *ending, struct sg_buf *directory,
                             struct sg_err *err)
{
    uint8_t *room = NULL;
    if (ending->size > directory->max)
        return too_many(zip, err);
    enum sg_rc rc = sg_buf_extend(directory, (size_t)ending->size, &room, err);
    return rc == SG_OK ? read_exactly(zip, ending->offset, room, (size_t)ending->size, err) : rc;
}

static enum sg_rc read_entries(const struct sg_zip *zip, struct sg_slice left, struct sg_zip_central *entries,
                               size_t count, size_t *ret_read, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;
    for (*ret_read = 0; rc == SG_OK && *ret_read < count; (*ret_read)++)
        rc = read_entry(zip, &left, &entries[*ret_read], err);
    if (rc == SG_OK && left.len > 0)
        rc = sg_zip_malformed(zip, NULL, _("its directory has more in it than its entries"), err);
    return rc == SG_OK ? check_growth(zip, entries, count, err) : rc;
}

enum sg_rc sg_zip_read_directory(const struct sg_zip *zip, struct sg_buf *directory, struct sg_zip_central **ret,
                                 size_t *ret_count, uint64_t *ret_offset, struct sg_err *err)
{
    struct ending ending = {0};
    enum sg_rc rc = read_ending(zip, &ending, err);
    if (rc != SG_OK)
        return rc;
    if (ending.entries > SG_MAX_ZIP_ENTRIES)
        return too_many(zip, err);
    if (ending.size / SG_ZIP_CENTRAL_SIZE < ending.entries)
        return sg_zip_malformed(zip, NULL, _("its directory is broken"), err);
    *ret_offset = ending.offset;
    rc = read_bytes(zip, &ending, directory, err);
    if (rc != SG_OK)
        return rc;
    /* Handed over whatever comes of it, so that the names that were read are freed with it. */
    *ret = calloc((size_t)ending.entries + 1, sizeof **ret);
    if (!*ret)
        return sg_fail_memory(err);
    return read_entries(zip, sg_buf_slice(directory), *ret, (size_t)ending.entries, ret_count, err);
}
