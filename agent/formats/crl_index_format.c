/* The header of an index: writing and reading side by side. */
#include "formats/crl_index_format.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/asn1t.h>
#include <openssl/err.h>

#include "base/limits.h"
#include "base/msg.h"

enum { VERSION = 1, LENGTH = 4, DATES_UNREADABLE = 1 << 16 };

DEFINE_STACK_OF(ASN1_OCTET_STRING)

typedef struct {
    int64_t version;
    ASN1_OCTET_STRING *crl;
    int64_t entries;
    ASN1_OCTET_STRING *issuer;
    int64_t this_update, next_update;
    ASN1_OCTET_STRING *extensions, *algorithm, *signature, *digest, *key;
    int64_t odd;
    STACK_OF(ASN1_OCTET_STRING) *issuers;
} INDEX;

/* clang-format off */
ASN1_SEQUENCE(INDEX) = {
    ASN1_EMBED(INDEX, version, INT64),
    ASN1_SIMPLE(INDEX, crl, ASN1_OCTET_STRING),
    ASN1_EMBED(INDEX, entries, INT64),
    ASN1_SIMPLE(INDEX, issuer, ASN1_OCTET_STRING),
    ASN1_EMBED(INDEX, this_update, INT64),
    ASN1_EMBED(INDEX, next_update, INT64),
    ASN1_SIMPLE(INDEX, extensions, ASN1_OCTET_STRING),
    ASN1_SIMPLE(INDEX, algorithm, ASN1_OCTET_STRING),
    ASN1_SIMPLE(INDEX, signature, ASN1_OCTET_STRING),
    ASN1_SIMPLE(INDEX, digest, ASN1_OCTET_STRING),
    ASN1_SIMPLE(INDEX, key, ASN1_OCTET_STRING),
    ASN1_EMBED(INDEX, odd, INT64),
    ASN1_SEQUENCE_OF(INDEX, issuers, ASN1_OCTET_STRING),
} static_ASN1_SEQUENCE_END(INDEX)
    /* clang-format on */

    static void index_free(INDEX * index)
{
    ASN1_item_free((ASN1_VALUE *)index, ASN1_ITEM_rptr(INDEX));
}
SG_DEFINE_CLEANUP(INDEX, index_free)

static bool set(ASN1_OCTET_STRING *string, const void *data, size_t len)
{
    return ASN1_STRING_set(string, data ? data : "", (int)len) == 1; /* all within the limits of a CRL's parts */
}

static bool set_buf(ASN1_OCTET_STRING *string, const struct sg_buf *buf)
{
    return set(string, buf->data, buf->len);
}

static bool add_issuers(INDEX *der, const struct sg_crl_index *index)
{
    for (size_t i = 1; i < index->issuer_count; i++) {
        ASN1_OCTET_STRING *issuer = ASN1_OCTET_STRING_new();
        if (!issuer || !set_buf(issuer, &index->issuers[i]) || sk_ASN1_OCTET_STRING_push(der->issuers, issuer) <= 0) {
            ASN1_OCTET_STRING_free(issuer);
            return false;
        }
    }
    return true;
}

static bool fill(INDEX *der, const struct sg_crl_index *index)
{
    const struct sg_crl_head *head = &index->head;
    der->version = VERSION;
    der->entries = (int64_t)index->count;
    der->this_update = head->this_update;
    der->next_update = head->next_update;
    der->odd = index->odd | (head->dates_unreadable ? DATES_UNREADABLE : 0);
    return set(der->crl, head->sha256, SG_SHA256_LEN) && set_buf(der->issuer, &head->issuer) &&
           set_buf(der->extensions, &head->extensions) && set_buf(der->algorithm, &head->algorithm) &&
           set_buf(der->signature, &head->signature) && set(der->digest, head->tbs_digest, head->tbs_digest_len) &&
           set(der->key, index->key, index->has_key ? SG_SHA256_LEN : 0) && add_issuers(der, index);
}

enum sg_rc sg_crl_index_encode(struct sg_crl_index *index, OSSL_LIB_CTX *libctx, struct sg_err *err)
{
    _cleanup_(index_freep) INDEX *der = (INDEX *)ASN1_item_new(ASN1_ITEM_rptr(INDEX));
    _cleanup_(OPENSSL_freep) unsigned char *bytes = NULL;
    uint8_t digest[EVP_MAX_MD_SIZE], *room = NULL;
    size_t digest_len;
    if (!der || !fill(der, index))
        return sg_fail_memory(err);
    int len = ASN1_item_i2d((const ASN1_VALUE *)der, &bytes, ASN1_ITEM_rptr(INDEX));
    if (len <= 0)
        return sg_fail_ssl(err, SG_E_INTERNAL, _("The index of a CRL cannot be encoded."));
    const uint8_t length[LENGTH] = {(uint8_t)(len >> 24), (uint8_t)(len >> 16), (uint8_t)(len >> 8), (uint8_t)len};
    index->header.len = 0;
    enum sg_rc rc = sg_buf_append(&index->header, length, sizeof length, err);
    if (rc == SG_OK)
        rc = sg_buf_append(&index->header, bytes, (size_t)len, err);
    if (rc == SG_OK)
        rc = sg_digest(libctx, "SHA256", sg_buf_slice(&index->header), digest, &digest_len, err);
    if (rc == SG_OK)
        rc = sg_buf_append(&index->header, digest, SG_SHA256_LEN, err);
    size_t padding = -index->header.len % SG_CRL_PAGE;
    if (rc == SG_OK)
        rc = sg_buf_extend(&index->header, padding, &room, err);
    if (rc == SG_OK && padding > 0)
        memset(room, 0, padding);
    return rc;
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

/* The header's DER, if its digest is right. */
static bool find_der(OSSL_LIB_CTX *libctx, struct sg_slice file, struct sg_slice *ret)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    size_t digest_len;
    if (file.len < LENGTH)
        return false;
    size_t len = (size_t)file.data[0] << 24 | (size_t)file.data[1] << 16 | (size_t)file.data[2] << 8 | file.data[3];
    if (len > SG_MAX_CRL_INDEX_HEADER || file.len < LENGTH + len + SG_SHA256_LEN ||
        sg_digest(libctx, "SHA256", (struct sg_slice){file.data, LENGTH + len}, digest, &digest_len, NULL) != SG_OK ||
        memcmp(digest, file.data + LENGTH + len, SG_SHA256_LEN) != 0)
        return false;
    *ret = (struct sg_slice){file.data + LENGTH, len};
    return true;
}

static bool get(const ASN1_OCTET_STRING *string, struct sg_buf *buf)
{
    *buf = (struct sg_buf)SG_BUF(SG_MAX_CRL_INDEX_HEADER);
    return sg_buf_append(buf, ASN1_STRING_get0_data(string), (size_t)ASN1_STRING_length(string), NULL) == SG_OK;
}

static bool get_fixed(const ASN1_OCTET_STRING *string, void *out, size_t len)
{
    if ((size_t)ASN1_STRING_length(string) != len)
        return false;
    memcpy(out, ASN1_STRING_get0_data(string), len);
    return true;
}

static bool get_issuers(const INDEX *der, struct sg_crl_index *index)
{
    int count = sk_ASN1_OCTET_STRING_num(der->issuers);
    if (count < 0 || count >= SG_MAX_CRL_ISSUERS)
        return false;
    index->issuers = calloc((size_t)count + 1, sizeof *index->issuers);
    if (!index->issuers)
        return false;
    index->issuer_count = 1;
    for (int i = 0; i < count; i++)
        if (!get(sk_ASN1_OCTET_STRING_value(der->issuers, i), &index->issuers[index->issuer_count++]))
            return false;
    return true;
}

static bool get_members(const INDEX *der, struct sg_crl_index *index)
{
    struct sg_crl_head *head = &index->head;
    size_t digest_len = (size_t)ASN1_STRING_length(der->digest);
    if (der->version != VERSION || der->entries < 0 || der->entries > (int64_t)SG_MAX_CRL_FILE ||
        digest_len > sizeof head->tbs_digest)
        return false;
    index->count = (uint64_t)der->entries;
    index->odd = (unsigned)der->odd & (DATES_UNREADABLE - 1);
    index->has_key = ASN1_STRING_length(der->key) > 0;
    head->this_update = der->this_update;
    head->next_update = der->next_update;
    head->dates_unreadable = (der->odd & DATES_UNREADABLE) != 0;
    head->tbs_digest_len = digest_len;
    return get_fixed(der->crl, head->sha256, SG_SHA256_LEN) && get(der->issuer, &head->issuer) &&
           get(der->extensions, &head->extensions) && get(der->algorithm, &head->algorithm) &&
           get(der->signature, &head->signature) && get_fixed(der->digest, head->tbs_digest, digest_len) &&
           (!index->has_key || get_fixed(der->key, index->key, SG_SHA256_LEN)) && get_issuers(der, index);
}

bool sg_crl_index_decode(struct sg_crl_index *index, OSSL_LIB_CTX *libctx, struct sg_slice file, size_t *ret_len)
{
    struct sg_slice bytes = {NULL, 0};
    if (!find_der(libctx, file, &bytes))
        return false;
    const uint8_t *end = bytes.data;
    _cleanup_(index_freep) INDEX *der = (INDEX *)ASN1_item_d2i(NULL, &end, (long)bytes.len, ASN1_ITEM_rptr(INDEX));
    bool right = der && end == bytes.data + bytes.len && get_members(der, index);
    ERR_clear_error();
    size_t len = LENGTH + bytes.len + SG_SHA256_LEN;
    *ret_len = len + -len % SG_CRL_PAGE;
    return right;
}
