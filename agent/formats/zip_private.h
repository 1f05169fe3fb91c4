/* The records of a ZIP archive (APPNOTE.TXT §4.3), for its reader and its writer. Private to formats/. */
#pragma once

#include "base/limits.h"
#include "formats/zip.h"
#include "formats/zip_module.h"

/* Signatures, and the sizes of the records without what is of any length. */
#define SG_ZIP_LOCAL 0x04034b50u
#define SG_ZIP_LOCAL_SIZE 30
#define SG_ZIP_CENTRAL 0x02014b50u
#define SG_ZIP_CENTRAL_SIZE 46
#define SG_ZIP_END 0x06054b50u
#define SG_ZIP_END_SIZE 22
#define SG_ZIP_END64 0x06064b50u
#define SG_ZIP_END64_SIZE 56
#define SG_ZIP_LOCATOR64 0x07064b50u
#define SG_ZIP_LOCATOR64_SIZE 20
#define SG_ZIP_DESCRIPTOR 0x08074b50u

/* General purpose bits (§4.4.4). */
#define SG_ZIP_BIT_ENCRYPTED (1u << 0)
#define SG_ZIP_BIT_DESCRIPTOR (1u << 3) /* sizes and CRC follow the data */
#define SG_ZIP_BIT_PATCH (1u << 5)
#define SG_ZIP_BIT_STRONG (1u << 6)
#define SG_ZIP_BIT_UTF8 (1u << 11)
#define SG_ZIP_BIT_MASKED (1u << 13)

/* Extra fields (§4.5). */
#define SG_ZIP_EXTRA_64 0x0001u
#define SG_ZIP_EXTRA_UNICODE_PATH 0x7075u

#define SG_ZIP_MAX32 0xffffffffu
#define SG_ZIP_MAX16 0xffffu

static inline uint16_t sg_zip_get16(const uint8_t *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t sg_zip_get32(const uint8_t *p)
{
    return sg_zip_get16(p) | (uint32_t)sg_zip_get16(p + 2) << 16;
}

static inline uint64_t sg_zip_get64(const uint8_t *p)
{
    return sg_zip_get32(p) | (uint64_t)sg_zip_get32(p + 4) << 32;
}

static inline uint8_t *sg_zip_put(uint8_t *p, uint64_t value, int octets)
{
    for (int i = 0; i < octets; i++)
        *p++ = (uint8_t)(value >> (8 * i));
    return p;
}

/* What an archive is read with. */
struct sg_zip {
    struct sg_input *input;
    const struct sg_zip_module *module;
    struct sg_zip_entry *entries; /* the files, sorted by name */
    size_t count;
    char **names; /* that the entries own */
};

/* SG_E_MALFORMED, about the entry `name` of the archive; NULL: about the archive. `reason`: translated. */
enum sg_rc sg_zip_malformed(const struct sg_zip *zip, const char *name, const char *reason, struct sg_err *err);

/* An entry as the directory has it (zip_directory.c). */
struct sg_zip_central {
    struct sg_slice raw_name, extra; /* in the directory's bytes */
    uint16_t made_by, flags, method;
    uint32_t crc32, attributes;
    uint64_t packed, size, header;
    char *name; /* decoded; owned */
    uint64_t data;
    bool is_folder, bare;
};

/* The directory: `*ret` is to be freed with its names; the entries in its order. `directory` has its bytes, which end
 * where `*ret_offset`, at which they begin in the file, says. */
SG_MUST_CHECK enum sg_rc sg_zip_read_directory(const struct sg_zip *zip, struct sg_buf *directory,
                                               struct sg_zip_central **ret, size_t *ret_count, uint64_t *ret_offset,
                                               struct sg_err *err);
/* Whether the local header of each says the same, and they lie one behind the other up to `end` (zip_local.c). Sets
 * `data` and `bare`. */
SG_MUST_CHECK enum sg_rc sg_zip_check_local(const struct sg_zip *zip, struct sg_zip_central *entries, size_t count,
                                            uint64_t end, struct sg_err *err);

/* A field of the extra fields; false: they are broken. `*ret`: {NULL, 0} if it is not there; twice is broken. */
bool sg_zip_extra(struct sg_slice extra, uint16_t id, struct sg_slice *ret);
/* A name as text, checked (zip_name.c). `*ret` is to be freed. */
SG_MUST_CHECK enum sg_rc sg_zip_name_read(const struct sg_zip *zip, const struct sg_zip_central *entry, char **ret,
                                          struct sg_err *err);

/* --- writing (zip_record.c) -----------------------------------------------------------------------------------------
 */

#define SG_ZIP_LOCAL_EXTRA64 20 /* both sizes */
#define SG_ZIP_LOCAL_MAX (SG_ZIP_LOCAL_SIZE + SG_MAX_ZIP_NAME + SG_ZIP_LOCAL_EXTRA64)
#define SG_ZIP_ENDING_MAX (SG_ZIP_END64_SIZE + SG_ZIP_LOCATOR64_SIZE + SG_ZIP_END_SIZE)

/* A stored file, as its two headers say it. */
struct sg_zip_record {
    const char *name;
    uint64_t header, size;
    uint32_t crc32;
    uint16_t date, time;
    bool large; /* it may have 4 GiB or more */
};

void sg_zip_record_set_time(struct sg_zip_record *record, int64_t seconds);
/* Whether a file of that name may be put into an archive of `count`: else SG_E_USAGE, SG_E_LIMIT. */
SG_MUST_CHECK enum sg_rc sg_zip_check_new(const char *name, uint64_t count, struct sg_err *err);
/* All but the time, for a file that is in memory. */
SG_MUST_CHECK enum sg_rc sg_zip_record_set(const struct sg_zip_module *module, struct sg_zip_record *record,
                                           const char *name, struct sg_slice bytes, uint64_t header,
                                           struct sg_err *err);
/* Returns its length, which does not depend on size and CRC. */
size_t sg_zip_record_put_local(const struct sg_zip_record *record, uint8_t out[SG_ZIP_LOCAL_MAX]);
SG_MUST_CHECK enum sg_rc sg_zip_record_append_central(const struct sg_zip_record *record, struct sg_buf *directory,
                                                      struct sg_err *err);
/* What follows a directory of `size` octets at `offset`, up to the comment. Returns its length. */
size_t sg_zip_put_ending(uint64_t count, uint64_t size, uint64_t offset, size_t comment_len,
                         uint8_t out[SG_ZIP_ENDING_MAX]);
