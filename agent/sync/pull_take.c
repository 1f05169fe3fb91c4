/* What a pull brought: judged by verify/, and only then kept. */
#include <string.h>

#include "base/input.h"
#include "base/limits.h"
#include "base/msg.h"
#include "formats/cms.h"
#include "formats/der.h"
#include "formats/pem.h"
#include "sync/pull_private.h"
#include "verify/anchor_list.h"
#include "verify/verify.h"

/* --- asking ------------------------------------------------------------------------------------------------------- */

static enum sg_rc put_hash(OSSL_LIB_CTX *libctx, struct sg_slice data, struct sg_der *der, struct sg_err *err)
{
    uint8_t hash[EVP_MAX_MD_SIZE];
    size_t len;
    enum sg_rc rc = sg_digest(libctx, "SHA1", data, hash, &len, err);
    if (rc == SG_OK)
        sg_der_element(der, SG_DER_OCTET_STRING, (struct sg_slice){hash, len});
    return rc;
}

/* The CertID is by SHA-1, which every responder knows (RFC 5019 §2.1.1); here it proves nothing. */
static enum sg_rc put_cert_id(OSSL_LIB_CTX *libctx, X509 *cert, X509 *issuer, struct sg_der *der, struct sg_err *err)
{
    const ASN1_BIT_STRING *key = X509_get0_pubkey_bitstr(issuer);
    struct sg_slice name = {NULL, 0}, bits = {ASN1_STRING_get0_data(key), (size_t)ASN1_STRING_length(key)};
    uint8_t *serial = NULL;
    if (!X509_NAME_get0_der(X509_get_issuer_name(cert), &name.data, &name.len))
        return sg_fail_ssl(err, SG_E_MALFORMED, _("The name of a certificate's issuer cannot be read."));
    size_t id = sg_der_open(der), algorithm = sg_der_open(der);
    sg_der_oid(der, NID_sha1);
    sg_der_element(der, SG_DER_NULL, (struct sg_slice){(const uint8_t *)"", 0});
    sg_der_close(der, algorithm, SG_DER_SEQUENCE);
    enum sg_rc rc = put_hash(libctx, name, der, err);
    if (rc == SG_OK)
        rc = put_hash(libctx, bits, der, err);
    int len = i2d_ASN1_INTEGER(X509_get0_serialNumber(cert), &serial);
    sg_der_i2d(der, len, &serial);
    sg_der_close(der, id, SG_DER_SEQUENCE);
    return rc;
}

/* §4.4.1: answered by those who can, so that an old answer is none. */
static void put_nonce(struct sg_slice nonce, struct sg_der *der)
{
    size_t tagged = sg_der_open(der), list = sg_der_open(der), extension = sg_der_open(der);
    sg_der_oid(der, NID_id_pkix_OCSP_Nonce);
    size_t value = sg_der_open(der);
    sg_der_element(der, SG_DER_OCTET_STRING, nonce);
    sg_der_close(der, value, SG_DER_OCTET_STRING);
    sg_der_close(der, extension, SG_DER_SEQUENCE);
    sg_der_close(der, list, SG_DER_SEQUENCE);
    sg_der_close(der, tagged, SG_DER_CONTEXT(2));
}

enum sg_rc sg_pull_ocsp_request(OSSL_LIB_CTX *libctx, X509 *cert, X509 *issuer, struct sg_slice nonce,
                                struct sg_buf *out, struct sg_err *err)
{
    struct sg_der der = {.out = out, .err = err};
    size_t whole = sg_der_open(&der), tbs = sg_der_open(&der), list = sg_der_open(&der), request = sg_der_open(&der);
    enum sg_rc rc = put_cert_id(libctx, cert, issuer, &der, err);
    sg_der_close(&der, request, SG_DER_SEQUENCE);
    sg_der_close(&der, list, SG_DER_SEQUENCE);
    put_nonce(nonce, &der);
    sg_der_close(&der, tbs, SG_DER_SEQUENCE);
    sg_der_close(&der, whole, SG_DER_SEQUENCE);
    return rc == SG_OK ? der.rc : rc;
}

/* --- judging ------------------------------------------------------------------------------------------------------ */

static enum sg_rc make_verifier(const struct sg_pull_judge *judge, enum sg_revocation_mode revocation,
                                struct sg_verifier **ret, struct sg_err *err)
{
    const struct sg_verifier_options options = {.libctx = judge->libctx,
                                                .snapshot = judge->snapshot,
                                                .intermediates = (STACK_OF(X509) *)judge->certs,
                                                .revocation = revocation,
                                                .at = SG_TIME_NONE,
                                                .clock = *judge->clock,
                                                .policy = {.max_depth = -1}};
    return sg_verifier_new(&options, ret, err);
}

static enum sg_rc refuse_ended(int64_t next_update, int64_t now, struct sg_err *err)
{
    char time[SG_TIME_TEXT];
    if (next_update >= now)
        return SG_OK;
    return sg_fail(err, SG_E_POLICY, _("It was good until %s, and is out of date."), sg_time_text(next_update, time));
}

/* Servers that know no conditions send the same again: that is put in again, in case its file was lost, and is nothing
 * new. */
static enum sg_rc is_kept(const struct sg_pull_judge *judge, enum sg_pull_kind kind, struct sg_slice body, bool *ret,
                          struct sg_err *err)
{
    const struct sg_snapshot *snapshot = judge->snapshot;
    size_t count = kind == SG_PULL_CRL ? sg_snapshot_crl_count(snapshot) : sg_snapshot_ocsp_count(snapshot);
    uint8_t digest[EVP_MAX_MD_SIZE];
    size_t len;
    bool kept = false;
    enum sg_rc rc = sg_digest(judge->libctx, "SHA256", body, digest, &len, err);
    for (size_t i = 0; rc == SG_OK && !kept && i < count; i++) {
        const uint8_t *sha256 =
            kind == SG_PULL_CRL ? sg_snapshot_crl(snapshot, i)->sha256 : sg_snapshot_ocsp(snapshot, i)->sha256;
        kept = memcmp(sha256, digest, SG_SHA256_LEN) == 0;
    }
    if (rc == SG_OK)
        *ret = kept;
    return rc;
}

/* Of the certificate's issuer, or of another that it names for its CRLs (RFC 5280 §4.2.1.13). */
static bool is_of_item(const struct sg_checked_crl *crl, const struct sg_pull_item *item)
{
    _cleanup_(CRL_DIST_POINTS_freep) CRL_DIST_POINTS *points = NULL;
    const X509_NAME *names[SG_MAX_CRL_ISSUER_NAMES];
    const uint8_t *at = crl->issuer.data;
    _cleanup_(X509_NAME_freep) X509_NAME *issuer = d2i_X509_NAME(NULL, &at, (long)crl->issuer.len);
    size_t count = sg_crl_issuer_names(item->cert, &points, names);
    for (size_t i = 0; issuer && i < count; i++)
        if (X509_NAME_cmp(issuer, names[i]) == 0)
            return true;
    return false;
}

static enum sg_rc keep_crl(const struct sg_pull_judge *judge, const struct sg_pull_item *item,
                           const struct sg_crl_place *place, struct sg_pull_taken *ret, struct sg_err *err)
{
    _cleanup_(sg_verifier_freep) struct sg_verifier *verifier = NULL;
    _cleanup_(sg_checked_crl_clear) struct sg_checked_crl crl = {0};
    enum sg_rc rc = make_verifier(judge, SG_REVOCATION_NONE, &verifier, err);
    if (rc == SG_OK)
        rc = sg_crl_check(verifier, place, &crl, err);
    if (rc == SG_OK && !is_of_item(&crl, item))
        rc = sg_fail(err, SG_E_POLICY, _("It is the CRL of another CA."));
    if (rc == SG_OK)
        rc = refuse_ended(crl.next_update, sg_clock_now(judge->clock), err);
    if (rc == SG_OK)
        rc = sg_store_crl_add(judge->store, &crl, err);
    if (rc == SG_OK)
        *ret =
            (struct sg_pull_taken){.changed = true, .good_until = crl.next_update == INT64_MAX ? 0 : crl.next_update};
    return rc;
}

static enum sg_rc take_crl(const struct sg_pull_judge *judge, const struct sg_pull_item *item, struct sg_slice body,
                           struct sg_pull_taken *ret, struct sg_err *err)
{
    _cleanup_(sg_input_freep) struct sg_input *input = NULL;
    _cleanup_(sg_crl_file_freep) struct sg_crl_file *file = NULL;
    enum sg_rc rc = sg_input_from_slice(item->url, body, &input, err);
    if (rc == SG_OK)
        rc = sg_crl_file_open(input, &file, err); /* RFC 5280 §4.2.1.13 has DER; some send PEM */
    if (rc == SG_OK && sg_crl_file_count(file) != 1)
        rc = sg_fail(err, SG_E_MALFORMED, _("There is more than one CRL in it."));
    bool kept = false;
    if (rc == SG_OK)
        rc = is_kept(judge, SG_PULL_CRL, body, &kept, err);
    if (rc == SG_OK) {
        const struct sg_crl_place place = sg_crl_file_place(file, 0);
        rc = keep_crl(judge, item, &place, ret, err);
    }
    ret->changed &= !kept;
    return rc;
}

static enum sg_rc take_ocsp(const struct sg_pull_judge *judge, const struct sg_pull_item *item, struct sg_slice body,
                            struct sg_slice nonce, struct sg_pull_taken *ret, struct sg_err *err)
{
    _cleanup_(sg_verifier_freep) struct sg_verifier *verifier = NULL;
    _cleanup_(sg_ocsp_facts_clear) struct sg_ocsp_facts facts = {0};
    const struct sg_ocsp_question asked = {item->cert, item->issuer, nonce};
    bool kept = false;
    /* Whether the responder's own certificate is revoked is judged at each use. */
    enum sg_rc rc = make_verifier(judge, SG_REVOCATION_NONE, &verifier, err);
    if (rc == SG_OK)
        rc = sg_ocsp_check(verifier, body, NULL, &asked, &facts, err);
    for (size_t i = 0; rc == SG_OK && i < facts.count; i++)
        rc = refuse_ended(facts.facts[i].next_update, sg_clock_now(judge->clock), err);
    if (rc == SG_OK)
        rc = is_kept(judge, SG_PULL_OCSP, body, &kept, err);
    if (rc == SG_OK)
        rc = sg_store_ocsp_add(judge->store, body, facts.facts, facts.count, err);
    if (rc == SG_OK)
        *ret = (struct sg_pull_taken){
            .changed = !kept, .good_until = facts.facts[0].next_update == INT64_MAX ? 0 : facts.facts[0].next_update};
    return rc;
}

/* RFC 5280 §4.2.2.1: a certificate in DER, or a CMS that holds nothing but certificates; PEM is seen, too. */
static enum sg_rc read_certificates(OSSL_LIB_CTX *libctx, struct sg_input *input, STACK_OF(X509) *certs,
                                    struct sg_err *err)
{
    _cleanup_(sg_cms_freep) struct sg_cms *cms = NULL;
    bool is_cms = false;
    enum sg_rc rc = sg_cms_probe(input, &is_cms, err);
    if (rc != SG_OK || !is_cms)
        return rc == SG_OK ? sg_certs_read(input, libctx, certs, err) : rc;
    rc = sg_cms_read(input, libctx, NULL, &cms, err);
    if (rc == SG_OK && sg_cms_certificates(cms) &&
        !X509_add_certs(certs, (STACK_OF(X509) *)sg_cms_certificates(cms), X509_ADD_FLAG_UP_REF))
        rc = sg_fail_memory(err);
    return rc;
}

static enum sg_rc take_issuer(const struct sg_pull_judge *judge, const struct sg_pull_item *item, struct sg_slice body,
                              struct sg_pull_taken *ret, struct sg_err *err)
{
    _cleanup_(sg_input_freep) struct sg_input *input = NULL;
    _cleanup_(sg_x509_stack_freep) STACK_OF(X509) *certs = sk_X509_new_null();
    char source[SG_MAX_URL + 8];
    bool found = false;
    (void)snprintf(source, sizeof(source), "aia %s", item->url);
    enum sg_rc rc = certs ? sg_input_from_slice(item->url, body, &input, err) : sg_fail_memory(err);
    if (rc == SG_OK)
        rc = read_certificates(judge->libctx, input, certs, err);
    for (int i = 0; rc == SG_OK && i < sk_X509_num(certs); i++) {
        X509 *cert = sk_X509_value(certs, i);
        if (X509_check_ca(cert) == 0 || !sg_cert_is_issued_by(item->cert, cert))
            continue;
        found = true;
        rc = sg_store_certificate_add(judge->store, cert, source, err);
    }
    if (rc == SG_OK && !found)
        rc = sg_fail(err, SG_E_POLICY, _("There is no certificate in it that the one in question was issued with."));
    if (rc == SG_OK)
        *ret = (struct sg_pull_taken){.changed = true};
    return rc;
}

static enum sg_rc take_list(const struct sg_pull_judge *judge, const struct sg_pull_item *item, struct sg_slice body,
                            struct sg_pull_taken *ret, struct sg_err *err)
{
    _cleanup_(sg_verifier_freep) struct sg_verifier *verifier = NULL;
    _cleanup_(sg_anchor_list_clear) struct sg_anchor_list list = {0};
    struct sg_kept_list kept;
    uint8_t digest[EVP_MAX_MD_SIZE];
    char sha256[2 * EVP_MAX_MD_SIZE + 1];
    size_t len;
    enum sg_rc rc = sg_store_list_get(judge->store, judge->list_signer, &kept, err);
    if (rc == SG_OK)
        rc = sg_digest(judge->libctx, "SHA256", body, digest, &len, err);
    if (rc != SG_OK)
        return rc;
    sg_hex(digest, len, sha256);
    *ret = (struct sg_pull_taken){0};
    if (strcmp(sha256, kept.sha256) == 0)
        return SG_OK; /* the one in force, by whoever signed it then */
    rc = make_verifier(judge, SG_REVOCATION_HARD, &verifier, err);
    if (rc == SG_OK)
        rc = sg_anchor_list_read(verifier, body, item->url, kept.pin, &list, err);
    if (rc == SG_OK)
        rc = sg_store_list_apply(judge->store, judge->list_signer, body, &list.terms, list.anchors.items,
                                 list.anchors.count, err);
    ret->changed = rc == SG_OK;
    return rc;
}

static enum sg_rc take(const struct sg_pull_judge *judge, const struct sg_pull_item *item, struct sg_slice body,
                       struct sg_slice nonce, struct sg_pull_taken *ret, struct sg_err *err)
{
    switch (item->kind) {
    case SG_PULL_CRL:
        return take_crl(judge, item, body, ret, err);
    case SG_PULL_OCSP:
        return take_ocsp(judge, item, body, nonce, ret, err);
    case SG_PULL_AIA:
        return take_issuer(judge, item, body, ret, err);
    case SG_PULL_LIST:
        break;
    }
    return take_list(judge, item, body, ret, err);
}

enum sg_rc sg_pull_take(const struct sg_pull_judge *judge, const struct sg_pull_item *item, struct sg_slice body,
                        struct sg_slice nonce, struct sg_pull_taken *ret, struct sg_err *err)
{
    struct sg_pull_taken taken = {0};
    struct sg_err why = {0};
    enum sg_rc rc = take(judge, item, body, nonce, &taken, &why);
    switch (rc) {
    case SG_OK:
        *ret = taken;
        return SG_OK;
    case SG_E_MALFORMED:
    case SG_E_LIMIT:
    case SG_E_POLICY:
    case SG_E_UNSUPPORTED:
        return sg_fail(err, SG_E_BAD_ANSWER, _("What %s sent is not taken, and what was there stays: %s"), item->url,
                       why.text);
    default: /* our own trouble */
        if (err)
            *err = why;
        return rc;
    }
}
