/* What stands before and behind each entry's bytes (APPNOTE.TXT §4.3.7, §4.3.9), against the directory: a program that
 * goes through the file from its beginning must see what one sees that believes the directory. */
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/msg.h"
#include "formats/zip_private.h"

/* Bits that tell how to read an entry; the others say how well it was packed. */
#define FLAGS_COMPARED                                                                                                 \
    (SG_ZIP_BIT_ENCRYPTED | SG_ZIP_BIT_DESCRIPTOR | SG_ZIP_BIT_PATCH | SG_ZIP_BIT_STRONG | SG_ZIP_BIT_UTF8 |           \
     SG_ZIP_BIT_MASKED)

#define DESCRIPTOR_MAX 24

static enum sg_rc differs(const struct sg_zip *zip, const struct sg_zip_central *entry, struct sg_err *err)
{
    return sg_zip_malformed(zip, entry->name, _("its two headers contradict each other"), err);
}

/* A value of the local header: it is left open where a descriptor follows the data. */
static bool agrees(const struct sg_zip_central *entry, uint64_t local, uint64_t central)
{
    return local == central || (entry->flags & SG_ZIP_BIT_DESCRIPTOR && local == 0);
}

/* Its sizes, which may be in its own extra field for large files. */
static bool sizes_agree(const struct sg_zip_central *entry, const uint8_t *header, struct sg_slice extra)
{
    uint64_t packed = sg_zip_get32(header + 18), size = sg_zip_get32(header + 22);
    struct sg_slice field;
    if (!sg_zip_extra(extra, SG_ZIP_EXTRA_64, &field))
        return false;
    if (field.data && (packed == SG_ZIP_MAX32 || size == SG_ZIP_MAX32)) {
        if (field.len < 16)
            return false;
        size = sg_zip_get64(field.data);
        packed = sg_zip_get64(field.data + 8);
    }
    return agrees(entry, packed, entry->packed) && agrees(entry, size, entry->size);
}

/* Programs go by the local header's Unicode Path as well. */
static bool same_unicode_path(const struct sg_zip_central *entry, struct sg_slice extra)
{
    struct sg_slice local, central;
    return sg_zip_extra(extra, SG_ZIP_EXTRA_UNICODE_PATH, &local) &&
           sg_zip_extra(entry->extra, SG_ZIP_EXTRA_UNICODE_PATH, &central) &&
           (!local.data || sg_slice_equal(local, central));
}

static bool same_header(const struct sg_zip_central *entry, const uint8_t *header, struct sg_slice name,
                        struct sg_slice extra)
{
    return ((sg_zip_get16(header + 6) ^ entry->flags) & FLAGS_COMPARED) == 0 &&
           sg_zip_get16(header + 8) == entry->method && agrees(entry, sg_zip_get32(header + 14), entry->crc32) &&
           sizes_agree(entry, header, extra) && sg_slice_equal(name, entry->raw_name) &&
           same_unicode_path(entry, extra);
}

/* Name and extra fields behind the header at `offset`. */
static enum sg_rc read_rest(const struct sg_zip *zip, uint64_t offset, size_t len, struct sg_buf *out,
                            struct sg_err *err)
{
    size_t done = 0;
    uint8_t *room = NULL;
    out->len = 0;
    enum sg_rc rc = sg_buf_extend(out, len, &room, err);
    if (rc == SG_OK)
        rc = sg_input_read(zip->input, offset, room, len, &done, err);
    return rc == SG_OK && done < len ? sg_zip_malformed(zip, NULL, _("it is cut off"), err) : rc;
}

static enum sg_rc check_header(const struct sg_zip *zip, struct sg_zip_central *entry, uint64_t end,
                               struct sg_buf *rest, struct sg_err *err)
{
    uint8_t header[SG_ZIP_LOCAL_SIZE];
    size_t done = 0;
    enum sg_rc rc = sg_input_read(zip->input, entry->header, header, sizeof header, &done, err);
    if (rc != SG_OK)
        return rc;
    if (done < sizeof header || sg_zip_get32(header) != SG_ZIP_LOCAL)
        return sg_zip_malformed(zip, entry->name, _("it is not where the directory says"), err);
    size_t name_len = sg_zip_get16(header + 26), extra_len = sg_zip_get16(header + 28);
    rc = read_rest(zip, entry->header + sizeof header, name_len + extra_len, rest, err);
    if (rc != SG_OK)
        return rc;
    if (!same_header(entry, header, (struct sg_slice){rest->data, name_len},
                     (struct sg_slice){rest->data + name_len, extra_len}))
        return differs(zip, entry, err);
    entry->data = entry->header + sizeof header + name_len + extra_len;
    entry->bare = extra_len == 0;
    return entry->data <= end && entry->packed <= end - entry->data
               ? SG_OK
               : sg_zip_malformed(zip, entry->name, _("it goes on into what is not its own"), err);
}

/* CRC and sizes behind the data, of 32 or 64 bits, with or without a signature. */
static bool is_descriptor(const struct sg_zip_central *entry, const uint8_t *p, size_t len)
{
    if (len == 16 || len == 24) {
        if (sg_zip_get32(p) != SG_ZIP_DESCRIPTOR)
            return false;
        p += 4;
        len -= 4;
    }
    if (sg_zip_get32(p) != entry->crc32)
        return false;
    if (len == 12)
        return sg_zip_get32(p + 4) == entry->packed && sg_zip_get32(p + 8) == entry->size;
    return len == 20 && sg_zip_get64(p + 4) == entry->packed && sg_zip_get64(p + 12) == entry->size;
}

/* What is between the data and whatever comes next. */
static enum sg_rc check_behind(const struct sg_zip *zip, const struct sg_zip_central *entry, uint64_t next,
                               struct sg_err *err)
{
    uint8_t descriptor[DESCRIPTOR_MAX];
    uint64_t at = entry->data + entry->packed, len = next - at;
    size_t done = 0;
    if (!(entry->flags & SG_ZIP_BIT_DESCRIPTOR))
        return len == 0 ? SG_OK : sg_zip_malformed(zip, entry->name, _("there is something hidden behind it"), err);
    if (len != 12 && len != 16 && len != 20 && len != 24)
        return sg_zip_malformed(zip, entry->name, _("there is something hidden behind it"), err);
    enum sg_rc rc = sg_input_read(zip->input, at, descriptor, (size_t)len, &done, err);
    if (rc == SG_OK && (done < len || !is_descriptor(entry, descriptor, done)))
        rc = differs(zip, entry, err);
    return rc;
}

static int by_place(const void *a, const void *b)
{
    const struct sg_zip_central *const *x = a, *const *y = b;
    return (*x)->header < (*y)->header ? -1 : (*x)->header > (*y)->header;
}

static enum sg_rc check_in_order(const struct sg_zip *zip, struct sg_zip_central *const *order, size_t count,
                                 uint64_t end, struct sg_err *err)
{
    _cleanup_(sg_buf_clear) struct sg_buf rest = SG_BUF(2 * SG_ZIP_MAX16);
    enum sg_rc rc = SG_OK;
    if (count > 0 ? order[0]->header != 0 : end != 0)
        return sg_zip_malformed(zip, NULL, _("there is something before its first entry"), err);
    for (size_t i = 0; rc == SG_OK && i < count; i++) {
        uint64_t next = i + 1 < count ? order[i + 1]->header : end;
        rc = check_header(zip, order[i], next, &rest, err);
        if (rc == SG_OK)
            rc = check_behind(zip, order[i], next, err);
    }
    return rc;
}

enum sg_rc sg_zip_check_local(const struct sg_zip *zip, struct sg_zip_central *entries, size_t count, uint64_t end,
                              struct sg_err *err)
{
    _cleanup_(freep) struct sg_zip_central **order = calloc(count + 1, sizeof *order);
    if (!order)
        return sg_fail_memory(err);
    for (size_t i = 0; i < count; i++)
        order[i] = &entries[i];
    qsort(order, count, sizeof *order, by_place);
    return check_in_order(zip, order, count, end, err);
}
