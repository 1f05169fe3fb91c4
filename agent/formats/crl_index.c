/* Making an index, and looking up in it. */
#include "formats/crl_index.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <openssl/x509v3.h>

#include "base/limits.h"
#include "base/msg.h"
#include "formats/crl_index_format.h"
#include "formats/der.h"
#include "formats/tlv.h"

/* Where things are in a record. */
enum { AT_LENGTH = SG_CRL_SERIAL, AT_ISSUER = AT_LENGTH + 1, AT_REASON = SG_CRL_KEY, AT_DATE = AT_REASON + 1 };

#define NEGATIVE 0x80 /* bit of the length octet */
#define SLOTS (2 * SG_MAX_CRL_ISSUERS)

struct record {
    uint8_t octets[SG_CRL_RECORD];
};

struct maker {
    struct sg_crl_index *index;
    const EVP_MD *sha256;
    struct record *records;
    size_t capacity;
    size_t issuer;         /* number of the entry before */
    uint16_t slots[SLOTS]; /* a hash table: numbers of issuers, 0 is free */
};

static void put_number(uint8_t *out, size_t octets, uint64_t value)
{
    for (size_t i = octets; i-- > 0; value >>= 8)
        out[i] = (uint8_t)value;
}

static uint64_t get_number(const uint8_t *in, size_t octets)
{
    uint64_t value = 0;
    for (size_t i = 0; i < octets; i++)
        value = value << 8 | in[i];
    return value;
}

/* --- records ------------------------------------------------------------------------------------------------------ */

/* The serial and issuer of a record. */
static enum sg_rc put_key(const EVP_MD *sha256, struct sg_slice serial, size_t issuer, uint8_t key[SG_CRL_KEY],
                          struct sg_err *err)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    bool negative = serial.len > 0 && (serial.data[0] & 0x80) != 0;
    if (serial.len > 1 && serial.data[0] == 0)
        serial = (struct sg_slice){serial.data + 1, serial.len - 1};
    size_t len = serial.len < NEGATIVE ? serial.len : NEGATIVE - 1;
    memset(key, 0, SG_CRL_SERIAL);
    if (serial.len <= SG_CRL_SERIAL) {
        memcpy(key + SG_CRL_SERIAL - serial.len, serial.data, serial.len);
    } else {
        if (EVP_Digest(serial.data, serial.len, digest, NULL, sha256, NULL) != 1)
            return sg_fail_ssl(err, SG_E_INTERNAL, _("The digest of a CRL cannot be computed"));
        memcpy(key, digest, SG_CRL_SERIAL);
    }
    key[AT_LENGTH] = (uint8_t)(len | (negative ? NEGATIVE : 0));
    put_number(key + AT_ISSUER, 2, issuer);
    return SG_OK;
}

static enum sg_rc new_record(struct maker *maker, struct record **ret, struct sg_err *err)
{
    if (maker->index->count == maker->capacity) {
        size_t capacity = maker->capacity ? 2 * maker->capacity : SG_CRL_RECORDS;
        struct record *grown = reallocarray(maker->records, capacity, sizeof *grown);
        if (!grown)
            return sg_fail_memory(err);
        maker->records = grown;
        maker->capacity = capacity;
    }
    *ret = &maker->records[maker->index->count++];
    return SG_OK;
}

/* --- issuers ------------------------------------------------------------------------------------------------------ */

/* The Name of the first directoryName ([4], explicit) among GeneralNames; {NULL, 0}: there is none. */
static struct sg_slice directory_name(struct sg_slice names)
{
    const uint8_t *p = names.data;
    long len = 0;
    int tag = 0, class = 0;
    if (ASN1_get_object(&p, &len, &tag, &class, (long)names.len) != V_ASN1_CONSTRUCTED || tag != V_ASN1_SEQUENCE)
        return (struct sg_slice){NULL, 0};
    for (const uint8_t *end = p + len; p < end; p += len) {
        if ((ASN1_get_object(&p, &len, &tag, &class, end - p) & 0x81) != 0)
            break;
        if (class == V_ASN1_CONTEXT_SPECIFIC && tag == GEN_DIRNAME && len > 0)
            return (struct sg_slice){p, (size_t)len};
    }
    return (struct sg_slice){NULL, 0};
}

static size_t slot_of(struct sg_slice name)
{
    uint32_t hash = 2166136261; /* FNV-1a */
    for (size_t i = 0; i < name.len; i++)
        hash = (hash ^ name.data[i]) * 16777619;
    return hash % SLOTS;
}

static enum sg_rc add_issuer(struct sg_crl_index *index, struct sg_slice name, struct sg_err *err)
{
    if (index->issuer_count == SG_MAX_CRL_ISSUERS)
        return sg_fail(err, SG_E_LIMIT, _("A CRL lists certificates of more than %d issuers."), SG_MAX_CRL_ISSUERS);
    struct sg_buf *grown = reallocarray(index->issuers, index->issuer_count + 1, sizeof *grown);
    if (!grown)
        return sg_fail_memory(err);
    index->issuers = grown;
    grown[index->issuer_count] = (struct sg_buf)SG_BUF(SG_MAX_CRL_PART);
    return sg_buf_append(&grown[index->issuer_count++], name.data, name.len, err);
}

static enum sg_rc set_issuer(struct maker *maker, struct sg_slice names, struct sg_err *err)
{
    struct sg_crl_index *index = maker->index;
    struct sg_slice name = directory_name(names);
    index->odd |= SG_CRL_ODD_OTHER_ISSUER | (name.data ? 0 : SG_CRL_ODD_UNREADABLE_ISSUER);
    size_t slot = slot_of(name);
    while (maker->slots[slot] != 0 && !sg_slice_equal(sg_buf_slice(&index->issuers[maker->slots[slot]]), name))
        slot = (slot + 1) % SLOTS;
    if (maker->slots[slot] == 0) {
        enum sg_rc rc = add_issuer(index, name, err);
        if (rc != SG_OK)
            return rc;
        maker->slots[slot] = (uint16_t)(index->issuer_count - 1);
    }
    maker->issuer = maker->slots[slot];
    return SG_OK;
}

static enum sg_rc take_entry(void *context, const struct sg_crl_entry *entry, struct sg_err *err)
{
    struct maker *maker = context;
    struct record *record = NULL;
    enum sg_rc rc = entry->certificate_issuer.data ? set_issuer(maker, entry->certificate_issuer, err) : SG_OK;
    if (rc == SG_OK)
        rc = new_record(maker, &record, err);
    if (rc == SG_OK)
        rc = put_key(maker->sha256, entry->serial, maker->issuer, record->octets, err);
    if (rc != SG_OK)
        return rc;
    record->octets[AT_REASON] = (uint8_t)(int8_t)entry->reason;
    put_number(record->octets + AT_DATE, 8, (uint64_t)entry->revoked_at);
    if (entry->reason == CRL_REASON_REMOVE_FROM_CRL)
        maker->index->odd |= SG_CRL_ODD_REMOVAL;
    if (entry->unknown_critical)
        maker->index->odd |= SG_CRL_ODD_CRITICAL;
    return SG_OK;
}

/* --- sorting ------------------------------------------------------------------------------------------------------ */

static void sort_few(struct record *records, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        struct record record = records[i];
        size_t k = i;
        for (; k > 0 && memcmp(&records[k - 1], &record, sizeof record) > 0; k--)
            records[k] = records[k - 1];
        records[k] = record;
    }
}

/* By the octet `at`, in place: each record goes where the ones of its octet belong. `ends`: where those end. */
static void distribute(struct record *records, size_t at, const size_t counts[256], size_t ends[256])
{
    size_t next[256], sum = 0;
    for (size_t i = 0; i < 256; i++) {
        next[i] = sum;
        sum += counts[i];
        ends[i] = sum;
    }
    for (size_t i = 0; i < 256; i++) {
        while (next[i] < ends[i]) {
            struct record record = records[next[i]];
            for (uint8_t to = record.octets[at]; to != i; to = record.octets[at]) {
                struct record other = records[next[to]];
                records[next[to]++] = record;
                record = other;
            }
            records[next[i]++] = record;
        }
    }
}

/* A radix sort, the first octet first: serials are long and differ early. */
static void sort(struct record *records, size_t count, size_t at)
{
    size_t ends[256], start = 0;
    for (; count > SG_CRL_RECORD && at < SG_CRL_RECORD; at++) {
        size_t counts[256] = {0};
        for (size_t i = 0; i < count; i++)
            counts[records[i].octets[at]]++;
        if (counts[records[0].octets[at]] == count)
            continue;
        distribute(records, at, counts, ends);
        for (size_t i = 0; i < 256; start = ends[i++])
            sort(records + start, ends[i] - start, at + 1);
        return;
    }
    sort_few(records, at < SG_CRL_RECORD ? count : 0);
}

/* --- pages -------------------------------------------------------------------------------------------------------- */

#define DIGEST (SG_CRL_RECORDS * SG_CRL_RECORD) /* where it is in a page: behind the records */

/* A page behind what its digest is over besides its records. */
struct page {
    uint8_t crl[SG_SHA256_LEN], number[8], count[8];
    uint8_t octets[SG_CRL_PAGE];
};

/* Fills in all but the records and the digest, and computes that. */
static bool page_digest(const struct sg_crl_index *index, const EVP_MD *sha256, size_t number, struct page *page,
                        uint8_t ret[EVP_MAX_MD_SIZE])
{
    memcpy(page->crl, index->head.sha256, SG_SHA256_LEN);
    put_number(page->number, sizeof page->number, number);
    put_number(page->count, sizeof page->count, index->count);
    return EVP_Digest(page, offsetof(struct page, octets) + DIGEST, ret, NULL, sha256, NULL) == 1;
}

static size_t pages_of(uint64_t count)
{
    return (size_t)((count + SG_CRL_RECORDS - 1) / SG_CRL_RECORDS);
}

/* The sorted records become pages where they lie, the last one first, since a page takes up more than its records. */
static enum sg_rc lay_pages(struct maker *maker, struct sg_err *err)
{
    struct sg_crl_index *index = maker->index;
    size_t count = pages_of(index->count), left = (size_t)index->count;
    uint8_t *pages = reallocarray(maker->records, count + 1, SG_CRL_PAGE);
    if (!pages)
        return sg_fail_memory(err);
    maker->records = NULL;
    index->made = pages;
    index->pages = pages;
    index->page_count = count;
    for (size_t i = count; i-- > 0;) {
        struct page page = {0};
        uint8_t digest[EVP_MAX_MD_SIZE];
        size_t first = i * SG_CRL_RECORDS, here = left - first;
        memcpy(page.octets, pages + first * SG_CRL_RECORD, here * SG_CRL_RECORD);
        if (!page_digest(index, maker->sha256, i, &page, digest))
            return sg_fail_ssl(err, SG_E_INTERNAL, _("The digest of a CRL cannot be computed"));
        memcpy(page.octets + DIGEST, digest, SG_SHA256_LEN);
        memcpy(pages + i * SG_CRL_PAGE, page.octets, SG_CRL_PAGE);
        left = first;
    }
    return SG_OK;
}

/* --- making and opening ------------------------------------------------------------------------------------------- */

static struct sg_crl_index *index_new(void)
{
    struct sg_crl_index *index = calloc(1, sizeof *index);
    if (index) {
        index->header = (struct sg_buf)SG_BUF(SG_MAX_CRL_INDEX_HEADER + SG_CRL_PAGE);
        index->map = MAP_FAILED;
    }
    return index;
}

void sg_crl_index_free(struct sg_crl_index *index)
{
    if (!index)
        return;
    sg_crl_head_clear(&index->head);
    for (size_t i = 0; i < index->issuer_count; i++)
        sg_buf_clear(&index->issuers[i]);
    free(index->issuers);
    sg_buf_clear(&index->header);
    free(index->made);
    if (index->map != MAP_FAILED)
        (void)munmap(index->map, index->map_len);
    free(index);
}

static void maker_clear(struct maker *maker)
{
    free(maker->records);
    sg_crl_index_free(maker->index);
}

enum sg_rc sg_crl_index_make(const struct sg_crl_place *place, OSSL_LIB_CTX *libctx, struct sg_crl_index **ret,
                             struct sg_err *err)
{
    _cleanup_(EVP_MD_freep) EVP_MD *sha256 = EVP_MD_fetch(libctx, "SHA256", NULL);
    _cleanup_(maker_clear) struct maker maker = {.index = index_new(), .sha256 = sha256};
    if (!sha256 || !maker.index)
        return sg_fail_memory(err);
    struct sg_crl_index *index = maker.index;
    enum sg_rc rc = add_issuer(index, (struct sg_slice){NULL, 0}, err); /* number 0, whose name is in the head */
    if (rc == SG_OK)
        rc = sg_crl_read(place, libctx, (struct sg_crl_visitor){take_entry, &maker}, &index->head, err);
    if (rc != SG_OK)
        return rc;
    sort(maker.records, (size_t)index->count, 0);
    rc = lay_pages(&maker, err);
    if (rc == SG_OK)
        rc = sg_crl_index_encode(index, libctx, err);
    if (rc != SG_OK)
        return rc;
    *ret = sg_steal(maker.index);
    return SG_OK;
}

static enum sg_rc damaged(struct sg_err *err)
{
    return sg_fail(err, SG_E_STORE_DAMAGED, _("The index of a CRL is missing or damaged."));
}

static bool map_file(const char *path, struct sg_crl_index *index)
{
    _cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size < SG_CRL_PAGE ||
        st.st_size > (off_t)(4 * SG_MAX_CRL_FILE))
        return false;
    index->map_len = (size_t)st.st_size;
    index->map = mmap(NULL, index->map_len, PROT_READ, MAP_PRIVATE, fd, 0);
    if (index->map == MAP_FAILED)
        return false;
    (void)madvise(index->map, index->map_len, MADV_RANDOM); /* a page that is asked for brings no others along */
    return true;
}

enum sg_rc sg_crl_index_open(const char *path, OSSL_LIB_CTX *libctx, const uint8_t sha256[SG_SHA256_LEN],
                             struct sg_crl_index **ret, struct sg_err *err)
{
    _cleanup_(sg_crl_index_freep) struct sg_crl_index *index = index_new();
    size_t header = 0;
    if (!index)
        return sg_fail_memory(err);
    if (!map_file(path, index) ||
        !sg_crl_index_decode(index, libctx, (struct sg_slice){index->map, index->map_len}, &header) ||
        memcmp(index->head.sha256, sha256, SG_SHA256_LEN) != 0)
        return damaged(err);
    index->page_count = pages_of(index->count);
    index->pages = (const uint8_t *)index->map + header;
    if (index->map_len != header + index->page_count * SG_CRL_PAGE)
        return damaged(err);
    *ret = sg_steal(index);
    return SG_OK;
}

/* --- looking up --------------------------------------------------------------------------------------------------- */

struct lookup {
    const struct sg_crl_index *index;
    const EVP_MD *sha256;
    struct page page; /* a copy, which cannot change once it is checked */
    size_t number;    /* of it; SIZE_MAX: none yet */
};

/* False: the page is damaged. */
static bool load(struct lookup *lookup, size_t number)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    if (lookup->number == number)
        return true;
    memcpy(lookup->page.octets, lookup->index->pages + number * SG_CRL_PAGE, SG_CRL_PAGE);
    lookup->number = number;
    return page_digest(lookup->index, lookup->sha256, number, &lookup->page, digest) &&
           memcmp(digest, lookup->page.octets + DIGEST, SG_SHA256_LEN) == 0;
}

/* The first record that is not before the key; the count of entries if there is none. False: a page is damaged. */
static bool lower_bound(struct lookup *lookup, const uint8_t key[SG_CRL_KEY], uint64_t *ret)
{
    size_t low = 0, high = lookup->index->page_count; /* of the pages whose first record is before the key, the last */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (!load(lookup, middle))
            return false;
        if (memcmp(lookup->page.octets, key, SG_CRL_KEY) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *ret = 0;
    if (low == 0)
        return true;
    if (!load(lookup, low - 1))
        return false;
    uint64_t first = (uint64_t)(low - 1) * SG_CRL_RECORDS, left = lookup->index->count - first;
    size_t at = 0, end = left < SG_CRL_RECORDS ? (size_t)left : SG_CRL_RECORDS;
    while (at < end && memcmp(lookup->page.octets + at * SG_CRL_RECORD, key, SG_CRL_KEY) < 0)
        at++;
    *ret = first + at;
    return true;
}

static int badness(int reason)
{
    return reason == CRL_REASON_REMOVE_FROM_CRL ? 0 : reason == CRL_REASON_CERTIFICATE_HOLD ? 1 : 2;
}

static void take_record(const uint8_t record[SG_CRL_RECORD], struct sg_crl_hit *hit)
{
    int reason = (int8_t)record[AT_REASON];
    int64_t when = (int64_t)get_number(record + AT_DATE, 8);
    bool worse =
        badness(reason) > badness(hit->reason) || (badness(reason) == badness(hit->reason) && when < hit->revoked_at);
    if (!hit->found || worse)
        *hit = (struct sg_crl_hit){.found = true, .revoked_at = when, .reason = reason};
}

enum sg_rc sg_crl_index_find(const struct sg_crl_index *index, OSSL_LIB_CTX *libctx, struct sg_slice serial,
                             size_t issuer, struct sg_crl_hit *ret, struct sg_err *err)
{
    _cleanup_(EVP_MD_freep) EVP_MD *sha256 = EVP_MD_fetch(libctx, "SHA256", NULL);
    struct lookup lookup = {.index = index, .sha256 = sha256, .number = SIZE_MAX};
    struct sg_crl_hit hit = {.revoked_at = SG_TIME_NONE};
    uint8_t key[SG_CRL_KEY];
    uint64_t at = 0;
    if (!sha256)
        return sg_fail_memory(err);
    enum sg_rc rc = put_key(sha256, serial, issuer, key, err);
    if (rc != SG_OK)
        return rc;
    if (!lower_bound(&lookup, key, &at))
        return damaged(err);
    for (; at < index->count; at++) {
        if (!load(&lookup, (size_t)(at / SG_CRL_RECORDS)))
            return damaged(err);
        const uint8_t *record = lookup.page.octets + at % SG_CRL_RECORDS * SG_CRL_RECORD;
        if (memcmp(record, key, SG_CRL_KEY) != 0)
            break;
        take_record(record, &hit);
    }
    *ret = hit;
    return SG_OK;
}

enum sg_rc sg_crl_index_check(const struct sg_crl_index *index, OSSL_LIB_CTX *libctx, struct sg_err *err)
{
    _cleanup_(EVP_MD_freep) EVP_MD *sha256 = EVP_MD_fetch(libctx, "SHA256", NULL);
    struct lookup lookup = {.index = index, .sha256 = sha256, .number = SIZE_MAX};
    if (!sha256)
        return sg_fail_memory(err);
    for (size_t i = 0; i < index->page_count; i++)
        if (!load(&lookup, i))
            return damaged(err);
    return SG_OK;
}

/* --- what it says of itself --------------------------------------------------------------------------------------- */

const struct sg_crl_head *sg_crl_index_head(const struct sg_crl_index *index)
{
    return &index->head;
}

unsigned sg_crl_index_odd(const struct sg_crl_index *index)
{
    return index->odd;
}

size_t sg_crl_index_issuer_count(const struct sg_crl_index *index)
{
    return index->issuer_count;
}

struct sg_slice sg_crl_index_issuer(const struct sg_crl_index *index, size_t number)
{
    return sg_buf_slice(number == 0 ? &index->head.issuer : &index->issuers[number]);
}

bool sg_crl_index_key(const struct sg_crl_index *index, uint8_t ret[SG_SHA256_LEN])
{
    memcpy(ret, index->key, SG_SHA256_LEN);
    return index->has_key;
}

enum sg_rc sg_crl_index_set_key(struct sg_crl_index *index, OSSL_LIB_CTX *libctx, const uint8_t key[SG_SHA256_LEN],
                                struct sg_err *err)
{
    memcpy(index->key, key, SG_SHA256_LEN);
    index->has_key = true;
    return sg_crl_index_encode(index, libctx, err);
}

struct sg_crl_index_bytes sg_crl_index_bytes(const struct sg_crl_index *index)
{
    return (struct sg_crl_index_bytes){sg_buf_slice(&index->header), {index->pages, index->page_count * SG_CRL_PAGE}};
}
