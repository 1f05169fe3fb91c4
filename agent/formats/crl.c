/* The streaming reader. A window goes over the file; entries are read in it by a tight loop, since a large CRL has
 * nothing but entries. */
#include "formats/crl_private.h"

#include <string.h>

#include <openssl/asn1t.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "base/limits.h"
#include "base/msg.h"
#include "formats/der.h"
#include "formats/tlv.h"

#define WINDOW (2 * SG_MAX_CRL_PART)

struct reader {
    const struct sg_crl_place *place;
    struct sg_err *err;
    EVP_MD_CTX *whole, *tbs;     /* `tbs`: NULL until the algorithm is known, or for good */
    uint64_t tbs_start, tbs_end; /* in the CRL */
    struct sg_crl_head *head;
    bool hold;                /* TBSCertList itself is wanted */
    uint64_t start;           /* of the window, in the CRL */
    size_t at, len, digested; /* in the window: what is read next, its end, what the digests have */
    uint8_t window[WINDOW];
};

static enum sg_rc malformed(const struct reader *reader, const char *why)
{
    const char *name = sg_input_name(reader->place->input);
    return sg_about(name, reader->err,
                    sg_fail_ssl(reader->err, SG_E_MALFORMED, _("The CRL in \"%s\" cannot be read at byte %llu: %s."),
                                name, (unsigned long long)(reader->start + reader->at), why));
}

static enum sg_rc too_large(const struct reader *reader)
{
    const char *name = sg_input_name(reader->place->input);
    return sg_about(name, reader->err,
                    sg_fail(reader->err, SG_E_LIMIT,
                            _("The CRL in \"%s\" has a part at byte %llu that is larger than the limit of %zu bytes."),
                            name, (unsigned long long)(reader->start + reader->at), SG_MAX_CRL_PART));
}

/* --- the window --------------------------------------------------------------------------------------------------- */

static uint64_t position(const struct reader *reader)
{
    return reader->start + reader->at;
}

/* What of TBSCertList is in that part of the window, to its own digest. */
static enum sg_rc digest_tbs(struct reader *reader, size_t from, size_t to)
{
    uint64_t first = reader->start + from, last = reader->start + to;
    if (first < reader->tbs_start)
        first = reader->tbs_start;
    if (last > reader->tbs_end)
        last = reader->tbs_end;
    if (first >= last)
        return SG_OK;
    const uint8_t *data = reader->window + (first - reader->start);
    if (reader->tbs && EVP_DigestUpdate(reader->tbs, data, (size_t)(last - first)) != 1)
        return sg_fail_ssl(reader->err, SG_E_INTERNAL, _("The digest of a CRL cannot be computed"));
    return reader->hold ? sg_buf_append(&reader->head->tbs, data, (size_t)(last - first), reader->err) : SG_OK;
}

static enum sg_rc digest_window(struct reader *reader)
{
    size_t from = reader->digested;
    if (EVP_DigestUpdate(reader->whole, reader->window + from, reader->len - from) != 1)
        return sg_fail_ssl(reader->err, SG_E_INTERNAL, _("The digest of a CRL cannot be computed"));
    reader->digested = reader->len;
    return digest_tbs(reader, from, reader->len);
}

/* Moves what is unread to the window's front and reads on behind it. */
static enum sg_rc refill(struct reader *reader)
{
    const struct sg_crl_place *place = reader->place;
    size_t got = 0;
    enum sg_rc rc = digest_window(reader);
    if (rc != SG_OK)
        return rc;
    memmove(reader->window, reader->window + reader->at, reader->len - reader->at);
    reader->start += reader->at;
    reader->len -= reader->at;
    reader->at = 0;
    uint64_t end = reader->start + reader->len, left = place->len - end;
    size_t room = WINDOW - reader->len;
    rc = sg_input_read(place->input, place->offset + end, reader->window + reader->len,
                       left < room ? (size_t)left : room, &got, reader->err);
    reader->digested = reader->len;
    reader->len += got;
    return rc;
}

/* At least so many octets are in the window; there are so many. */
static enum sg_rc need(struct reader *reader, size_t len)
{
    if (reader->len - reader->at >= len)
        return SG_OK;
    enum sg_rc rc = refill(reader);
    if (rc == SG_OK && reader->len - reader->at < len)
        rc = malformed(reader, _("it is cut short"));
    return rc;
}

/* --- the CRL's parts ---------------------------------------------------------------------------------------------- */

/* The header of the next element, which has to be this one; the reader is then behind it. */
static enum sg_rc enter(struct reader *reader, uint8_t identifier, uint64_t limit, uint64_t *ret_end)
{
    uint8_t found;
    size_t header, ahead = reader->len - reader->at;
    uint64_t length;
    enum sg_rc rc = ahead < SG_TLV_HEADER ? refill(reader) : SG_OK;
    if (rc != SG_OK)
        return rc;
    struct sg_slice at = {reader->window + reader->at, reader->len - reader->at};
    if (!sg_crl_header(at, &found, &header, &length) || found != identifier)
        return malformed(reader, _("there is something else than a CRL has there"));
    if (header + length > limit - position(reader))
        return malformed(reader, _("it is cut short"));
    reader->at += header;
    *ret_end = position(reader) + length;
    return SG_OK;
}

/* The identifier of the next element before `end`; 0: there is none. */
static enum sg_rc peek(struct reader *reader, uint64_t end, uint8_t *ret)
{
    *ret = 0;
    if (position(reader) >= end)
        return SG_OK;
    enum sg_rc rc = need(reader, 1);
    if (rc == SG_OK)
        *ret = reader->window[reader->at];
    return rc;
}

/* The next element, which is small, as it lies in the window. */
static enum sg_rc small(struct reader *reader, uint64_t end, uint8_t *ret_identifier, struct sg_slice *content,
                        struct sg_slice *whole)
{
    size_t header;
    uint64_t length;
    enum sg_rc rc = reader->len - reader->at < SG_TLV_HEADER ? refill(reader) : SG_OK;
    if (rc != SG_OK)
        return rc;
    struct sg_slice at = {reader->window + reader->at, reader->len - reader->at};
    if (!sg_crl_header(at, ret_identifier, &header, &length))
        return malformed(reader, _("it is not DER"));
    if (header + length > end - position(reader))
        return malformed(reader, _("it is cut short"));
    if (length > SG_MAX_CRL_PART)
        return too_large(reader);
    rc = need(reader, header + (size_t)length);
    if (rc != SG_OK)
        return rc;
    *content = (struct sg_slice){reader->window + reader->at + header, (size_t)length};
    *whole = (struct sg_slice){reader->window + reader->at, header + (size_t)length};
    reader->at += header + (size_t)length;
    return SG_OK;
}

static enum sg_rc small_sequence(struct reader *reader, uint64_t end, struct sg_slice *whole)
{
    uint8_t identifier = 0;
    struct sg_slice content;
    enum sg_rc rc = small(reader, end, &identifier, &content, whole);
    if (rc == SG_OK && identifier != SG_DER_SEQUENCE)
        rc = malformed(reader, _("there is something else than a CRL has there"));
    return rc;
}

/* A time that the standard allows, or SG_TIME_NONE and a note in the head. */
static enum sg_rc read_update(struct reader *reader, int64_t *ret)
{
    uint8_t identifier = 0;
    struct sg_slice content, whole;
    enum sg_rc rc = small(reader, reader->tbs_end, &identifier, &content, &whole);
    if (rc == SG_OK && identifier != SG_CRL_UTC_TIME && identifier != SG_CRL_GENERALIZED_TIME)
        rc = malformed(reader, _("there is something else than a CRL has there"));
    if (rc == SG_OK && !sg_crl_time(identifier, content, ret))
        reader->head->dates_unreadable = true;
    return rc;
}

/* The digest that the algorithm signs: RSASSA-PSS says it in its parameters (RFC 4055 §3.1). */
static int digest_of(const X509_ALGOR *algorithm)
{
    const ASN1_OBJECT *oid = NULL;
    const void *parameters = NULL;
    int type, digest = NID_undef, key = NID_undef;
    X509_ALGOR_get0(&oid, &type, &parameters, algorithm);
    if (OBJ_obj2nid(oid) != NID_rsassaPss)
        return OBJ_find_sigid_algs(OBJ_obj2nid(oid), &digest, &key) ? digest : NID_undef;
    RSA_PSS_PARAMS *pss = type == V_ASN1_SEQUENCE ? ASN1_item_unpack(parameters, ASN1_ITEM_rptr(RSA_PSS_PARAMS)) : NULL;
    if (pss)
        digest = pss->hashAlgorithm ? OBJ_obj2nid(pss->hashAlgorithm->algorithm) : NID_sha1;
    RSA_PSS_PARAMS_free(pss);
    return digest;
}

static enum sg_rc begin_digest(struct reader *reader, OSSL_LIB_CTX *libctx)
{
    struct sg_crl_head *head = reader->head;
    const uint8_t *p = head->algorithm.data;
    _cleanup_(X509_ALGOR_freep) X509_ALGOR *algorithm = d2i_X509_ALGOR(NULL, &p, (long)head->algorithm.len);
    if (!algorithm)
        return malformed(reader, _("its algorithm is none"));
    int nid = OBJ_obj2nid(algorithm->algorithm);
    reader->hold = nid == NID_ED25519 || nid == NID_ED448;
    int digest = digest_of(algorithm);
    if (reader->hold && reader->tbs_end - reader->tbs_start > SG_MAX_CRL_HELD)
        return sg_fail(reader->err, SG_E_LIMIT, _("A CRL that is signed with EdDSA is larger than %zu bytes."),
                       SG_MAX_CRL_HELD);
    _cleanup_(EVP_MD_freep) EVP_MD *md = digest == NID_undef ? NULL : EVP_MD_fetch(libctx, OBJ_nid2sn(digest), NULL);
    ERR_clear_error();
    if (!md) /* which nobody can check then */
        return SG_OK;
    reader->tbs = EVP_MD_CTX_new();
    return reader->tbs && EVP_DigestInit_ex2(reader->tbs, md, NULL) == 1 ? SG_OK : sg_fail_memory(reader->err);
}

/* TBSCertList up to revokedCertificates (§5.1.2). */
static enum sg_rc read_head(struct reader *reader, OSSL_LIB_CTX *libctx, bool *ret_version_2)
{
    struct sg_crl_head *head = reader->head;
    struct sg_slice content, whole = {NULL, 0};
    uint8_t next = 0, identifier;
    enum sg_rc rc = peek(reader, reader->tbs_end, &next);
    *ret_version_2 = next == SG_DER_INTEGER;
    if (rc == SG_OK && next == SG_DER_INTEGER) {
        rc = small(reader, reader->tbs_end, &identifier, &content, &whole);
        if (rc == SG_OK && (content.len != 1 || content.data[0] != X509_CRL_VERSION_2))
            rc = malformed(reader, _("its version is not known here"));
    }
    if (rc == SG_OK)
        rc = small_sequence(reader, reader->tbs_end, &whole);
    if (rc == SG_OK)
        rc = sg_buf_append(&head->algorithm, whole.data, whole.len, reader->err);
    if (rc == SG_OK)
        rc = begin_digest(reader, libctx);
    if (rc == SG_OK)
        rc = small_sequence(reader, reader->tbs_end, &whole);
    if (rc == SG_OK)
        rc = sg_buf_append(&head->issuer, whole.data, whole.len, reader->err);
    if (rc == SG_OK)
        rc = read_update(reader, &head->this_update);
    if (rc == SG_OK)
        rc = peek(reader, reader->tbs_end, &next);
    if (rc == SG_OK && (next == SG_CRL_UTC_TIME || next == SG_CRL_GENERALIZED_TIME))
        rc = read_update(reader, &head->next_update);
    return rc;
}

static enum sg_rc read_entries(struct reader *reader, struct sg_crl_visitor visitor)
{
    struct sg_crl_entry entry;
    uint64_t end = 0;
    uint8_t next = 0;
    enum sg_rc rc = peek(reader, reader->tbs_end, &next);
    if (rc != SG_OK || next != SG_DER_SEQUENCE)
        return rc;
    rc = enter(reader, SG_DER_SEQUENCE, reader->tbs_end, &end);
    while (rc == SG_OK && position(reader) < end) {
        uint8_t identifier;
        struct sg_slice content, whole;
        rc = small(reader, end, &identifier, &content, &whole);
        if (rc == SG_OK && (identifier != SG_DER_SEQUENCE || !sg_crl_entry_read(content, &entry)))
            rc = malformed(reader, _("an entry is none"));
        if (rc == SG_OK)
            rc = visitor.visit(visitor.context, &entry, reader->err);
    }
    return rc;
}

/* crlExtensions [0] EXPLICIT, of version 2 alone (§5.1.2.7), and nothing behind them. */
static enum sg_rc read_extensions(struct reader *reader, bool version_2)
{
    struct sg_slice content, whole, inside;
    uint8_t identifier;
    if (position(reader) == reader->tbs_end)
        return SG_OK;
    enum sg_rc rc = small(reader, reader->tbs_end, &identifier, &content, &whole);
    if (rc != SG_OK)
        return rc;
    struct sg_slice list = content;
    if (identifier != SG_DER_CONTEXT(0) || !version_2 || !sg_crl_take(&content, SG_DER_SEQUENCE, &inside) ||
        content.len > 0 || position(reader) != reader->tbs_end)
        return malformed(reader, _("there is something else than a CRL has there"));
    return sg_buf_append(&reader->head->extensions, list.data, list.len, reader->err);
}

/* signatureAlgorithm, which has to be the one within (§5.1.1.2), and signatureValue. */
static enum sg_rc read_signature(struct reader *reader, uint64_t end)
{
    struct sg_crl_head *head = reader->head;
    struct sg_slice content, whole = {NULL, 0};
    uint8_t identifier;
    enum sg_rc rc = small_sequence(reader, end, &whole);
    if (rc == SG_OK && !sg_slice_equal(whole, sg_buf_slice(&head->algorithm)))
        rc = malformed(reader, _("it names two signature algorithms"));
    if (rc == SG_OK)
        rc = small(reader, end, &identifier, &content, &whole);
    if (rc != SG_OK)
        return rc;
    if (identifier != SG_CRL_BIT_STRING || content.len < 1 || content.data[0] != 0 || position(reader) != end)
        return malformed(reader, _("its signature is none"));
    return sg_buf_append(&head->signature, content.data + 1, content.len - 1, reader->err);
}

static enum sg_rc finish(struct reader *reader)
{
    struct sg_crl_head *head = reader->head;
    unsigned len = 0, whole_len = 0;
    enum sg_rc rc = digest_window(reader);
    if (rc == SG_OK && reader->tbs && EVP_DigestFinal_ex(reader->tbs, head->tbs_digest, &len) != 1)
        rc = sg_fail_ssl(reader->err, SG_E_INTERNAL, _("The digest of a CRL cannot be computed"));
    if (rc == SG_OK && EVP_DigestFinal_ex(reader->whole, head->sha256, &whole_len) != 1)
        rc = sg_fail_ssl(reader->err, SG_E_INTERNAL, _("The digest of a CRL cannot be computed"));
    head->tbs_digest_len = len;
    return rc;
}

static enum sg_rc read_all(struct reader *reader, OSSL_LIB_CTX *libctx, struct sg_crl_visitor visitor)
{
    uint64_t end = 0;
    bool version_2 = false;
    enum sg_rc rc = enter(reader, SG_DER_SEQUENCE, reader->place->len, &end);
    if (rc == SG_OK && end != reader->place->len)
        rc = malformed(reader, _("there is more behind its end"));
    reader->tbs_start = position(reader);
    if (rc == SG_OK)
        rc = enter(reader, SG_DER_SEQUENCE, end, &reader->tbs_end);
    if (rc == SG_OK)
        rc = read_head(reader, libctx, &version_2);
    if (rc == SG_OK)
        rc = read_entries(reader, visitor);
    if (rc == SG_OK)
        rc = read_extensions(reader, version_2);
    if (rc == SG_OK)
        rc = read_signature(reader, end);
    return rc == SG_OK ? finish(reader) : rc;
}

/* The window is not worth clearing. */
static struct reader *reader_new(void)
{
    struct reader *reader = malloc(sizeof *reader);
    if (reader)
        memset(reader, 0, offsetof(struct reader, window));
    return reader;
}

static void reader_freep(struct reader **reader)
{
    if (!*reader)
        return;
    EVP_MD_CTX_free((*reader)->whole);
    EVP_MD_CTX_free((*reader)->tbs);
    free(*reader);
}

void sg_crl_head_clear(struct sg_crl_head *head)
{
    sg_buf_clear(&head->issuer);
    sg_buf_clear(&head->algorithm);
    sg_buf_clear(&head->extensions);
    sg_buf_clear(&head->signature);
    sg_buf_clear(&head->tbs);
}

enum sg_rc sg_crl_read(const struct sg_crl_place *place, OSSL_LIB_CTX *libctx, struct sg_crl_visitor visitor,
                       struct sg_crl_head *ret, struct sg_err *err)
{
    _cleanup_(sg_crl_head_clear) struct sg_crl_head head = {
        .issuer = SG_BUF(2 * SG_MAX_CRL_PART),
        .algorithm = SG_BUF(2 * SG_MAX_CRL_PART),
        .extensions = SG_BUF(2 * SG_MAX_CRL_PART),
        .signature = SG_BUF(2 * SG_MAX_CRL_PART),
        .tbs = SG_BUF(SG_MAX_CRL_HELD),
        .this_update = SG_TIME_NONE,
        .next_update = SG_TIME_NONE,
    };
    _cleanup_(EVP_MD_freep) EVP_MD *md = EVP_MD_fetch(libctx, "SHA256", NULL);
    _cleanup_(reader_freep) struct reader *reader = reader_new();
    if (!reader)
        return sg_fail_memory(err);
    if (place->len > SG_MAX_CRL_FILE)
        return sg_about(
            sg_input_name(place->input), err,
            sg_fail(err, SG_E_LIMIT, _("A CRL is larger than %zu bytes, which is the limit."), SG_MAX_CRL_FILE));
    reader->place = place;
    reader->head = &head;
    reader->err = err;
    reader->whole = EVP_MD_CTX_new();
    if (!md || !reader->whole || EVP_DigestInit_ex2(reader->whole, md, NULL) != 1)
        return sg_fail_ssl(err, SG_E_INTERNAL, _("The digest of a CRL cannot be computed"));
    enum sg_rc rc = read_all(reader, libctx, visitor);
    if (rc != SG_OK)
        return rc;
    *ret = head;
    head = (struct sg_crl_head){0};
    return SG_OK;
}
