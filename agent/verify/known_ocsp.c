/* Reading an OCSP response, and what its answers say. Who may have signed it: ocsp_signer.c. */
#include "verify/known_ocsp.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/msg.h"
#include "formats/der.h"
#include "formats/pem.h"
#include "verify/algorithms.h"
#include "verify/crypto.h"

SG_DEFINE_CLEANUP(ASN1_GENERALIZEDTIME, ASN1_GENERALIZEDTIME_free)

/* --- its parts ---------------------------------------------------------------------------------------------------- */

/* Takes the element that `at` begins with off it: with this identifier octet, and of definite length, as DER has it.
 * `content` and `whole` may be NULL. */
static bool take(struct sg_slice *at, uint8_t identifier, struct sg_slice *content, struct sg_slice *whole)
{
    const uint8_t *p = at->data;
    long len = 0;
    int tag = 0, class = 0;
    if (at->len == 0 || at->len > SG_MAX_OCSP_ANSWER || *p != identifier ||
        (ASN1_get_object(&p, &len, &tag, &class, (long)at->len) & 0x81) != 0)
        return false;
    struct sg_slice inside = {p, (size_t)len}, all = {at->data, (size_t)(p + len - at->data)};
    *at = (struct sg_slice){p + len, at->len - all.len};
    if (content)
        *content = inside;
    if (whole)
        *whole = all;
    return true;
}

static enum sg_rc malformed(const char *what, struct sg_err *err)
{
    return sg_fail_ssl(err, SG_E_MALFORMED, _("This is not an OCSP response that can be used: %s."), what);
}

static const char *status_text(uint8_t status)
{
    switch (status) { /* RFC 6960 §4.2.1 */
    case OCSP_RESPONSE_STATUS_MALFORMEDREQUEST:
        return _("the responder could not read the request");
    case OCSP_RESPONSE_STATUS_INTERNALERROR:
        return _("the responder had an error of its own");
    case OCSP_RESPONSE_STATUS_TRYLATER:
        return _("the responder asks to try later");
    case OCSP_RESPONSE_STATUS_SIGREQUIRED:
        return _("the responder answers signed requests only");
    case OCSP_RESPONSE_STATUS_UNAUTHORIZED:
        return _("the responder does not answer about this certificate");
    default:
        return _("the responder refused to answer");
    }
}

/* RFC 6960 §4.2.1: OCSPResponse { responseStatus, [0] { responseType, response OCTET STRING } }, down to the
 * BasicOCSPResponse. */
static enum sg_rc find_basic(struct sg_slice der, struct sg_slice *ret, struct sg_err *err)
{
    static const uint8_t id_pkix_ocsp_basic[] = {0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x01};
    struct sg_slice response, status, tagged, bytes, type, basic;
    if (!take(&der, SG_DER_SEQUENCE, &response, NULL) || der.len > 0 ||
        !take(&response, V_ASN1_ENUMERATED, &status, NULL) || status.len != 1)
        return malformed(_("it is something else"), err);
    if (status.data[0] != OCSP_RESPONSE_STATUS_SUCCESSFUL)
        return malformed(status_text(status.data[0]), err);
    if (!take(&response, SG_DER_CONTEXT(0), &tagged, NULL) || response.len > 0 ||
        !take(&tagged, SG_DER_SEQUENCE, &bytes, NULL) || tagged.len > 0 ||
        !take(&bytes, SG_DER_OBJECT_IDENTIFIER, &type, NULL) || !take(&bytes, SG_DER_OCTET_STRING, &basic, NULL) ||
        bytes.len > 0)
        return malformed(_("it is cut short or not DER"), err);
    if (type.len != sizeof id_pkix_ocsp_basic || memcmp(type.data, id_pkix_ocsp_basic, type.len) != 0)
        return malformed(_("it is of another type than the basic one"), err);
    *ret = basic;
    return SG_OK;
}

static enum sg_rc read_certs(struct sg_slice tagged, OSSL_LIB_CTX *libctx, STACK_OF(X509) *certs, struct sg_err *err)
{
    struct sg_slice list, cert;
    if (!take(&tagged, SG_DER_SEQUENCE, &list, NULL) || tagged.len > 0)
        return malformed(_("its certificates are not a list"), err);
    while (list.len > 0) {
        X509 *parsed = NULL;
        if (sk_X509_num(certs) >= SG_MAX_OCSP_CERTIFICATES || !take(&list, SG_DER_SEQUENCE, NULL, &cert))
            return malformed(_("its certificates cannot be read, or are too many"), err);
        enum sg_rc rc = sg_cert_parse(cert, libctx, &parsed, err);
        if (rc != SG_OK)
            return rc;
        if (!sk_X509_push(certs, parsed)) {
            X509_free(parsed);
            return sg_fail_memory(err);
        }
    }
    return SG_OK;
}

/* BasicOCSPResponse { tbsResponseData, signatureAlgorithm, signature, [0] certs }. The certificates are parsed by
 * themselves: within the rest OpenSSL would make them in the process's default context. */
static enum sg_rc read_basic(struct sg_slice basic, OSSL_LIB_CTX *libctx, struct sg_known_ocsp *known,
                             struct sg_err *err)
{
    struct sg_slice parts, tbs, algorithm, signature, certs = {NULL, 0};
    if (!take(&basic, SG_DER_SEQUENCE, &parts, NULL) || basic.len > 0 || !take(&parts, SG_DER_SEQUENCE, NULL, &tbs) ||
        !take(&parts, SG_DER_SEQUENCE, NULL, &algorithm) || !take(&parts, V_ASN1_BIT_STRING, NULL, &signature) ||
        (parts.len > 0 && !take(&parts, SG_DER_CONTEXT(0), &certs, NULL)) || parts.len > 0)
        return malformed(_("it is cut short or not DER"), err);
    enum sg_rc rc = certs.data ? read_certs(certs, libctx, known->certs, err) : SG_OK;
    if (rc != SG_OK)
        return rc;

    struct sg_der der = {.out = &known->bytes, .err = err};
    size_t sequence = sg_der_open(&der);
    sg_der_raw(&der, tbs);
    sg_der_raw(&der, algorithm);
    sg_der_raw(&der, signature);
    sg_der_close(&der, sequence, SG_DER_SEQUENCE);
    if (der.rc != SG_OK)
        return der.rc;
    const uint8_t *p = known->bytes.data;
    known->basic = d2i_OCSP_BASICRESP(NULL, &p, (long)known->bytes.len);
    if (!known->basic || p != known->bytes.data + known->bytes.len)
        return malformed(_("it is cut short or not DER"), err);
    known->tbs = (struct sg_slice){p - signature.len - algorithm.len - tbs.len, tbs.len};
    return SG_OK;
}

/* --- whether it can be used --------------------------------------------------------------------------------------- */

/* RFC 6960 §4.2.1: version is [0] EXPLICIT with v1 as its default. OpenSSL shows it to nobody. */
static bool is_version_1(struct sg_slice tbs)
{
    static const uint8_t v1[] = {0xa0, 0x03, 0x02, 0x01, 0x00};
    struct sg_slice content;
    if (!take(&tbs, SG_DER_SEQUENCE, &content, NULL) || content.len == 0)
        return false;
    return content.data[0] != v1[0] || (content.len > sizeof v1 && memcmp(content.data, v1, sizeof v1) == 0);
}

/* §4.4: a critical extension that is not known makes the response one of something else. The nonce is for who asked. */
static const char *response_problem(OCSP_BASICRESP *basic, struct sg_slice tbs)
{
    if (!is_version_1(tbs))
        return N_("its version is not known here");
    for (int i = 0; i < OCSP_BASICRESP_get_ext_count(basic); i++) {
        X509_EXTENSION *extension = OCSP_BASICRESP_get_ext(basic, i);
        if (X509_EXTENSION_get_critical(extension) &&
            OBJ_obj2nid(X509_EXTENSION_get_object(extension)) != NID_id_pkix_OCSP_Nonce)
            return N_("it has a critical extension that is not known here");
    }
    return NULL;
}

enum sg_rc sg_known_ocsp_new_basic(struct sg_slice basic, OSSL_LIB_CTX *libctx, struct sg_known_ocsp **ret,
                                   struct sg_err *err)
{
    if (basic.len > SG_MAX_OCSP_ANSWER)
        return sg_fail(err, SG_E_LIMIT, _("The OCSP response is larger than %zu bytes."), SG_MAX_OCSP_ANSWER);
    struct sg_known_ocsp *fresh = calloc(1, sizeof *fresh);
    if (!fresh || pthread_mutex_init(&fresh->lock, NULL) != 0) {
        free(fresh);
        return sg_fail_memory(err);
    }
    _cleanup_(sg_known_ocsp_freep) struct sg_known_ocsp *known = fresh;
    known->bytes = (struct sg_buf)SG_BUF(SG_MAX_OCSP_ANSWER + SG_KIB);
    known->certs = sk_X509_new_null();
    if (!known->certs)
        return sg_fail_memory(err);
    enum sg_rc rc = read_basic(basic, libctx, known, err);
    if (rc != SG_OK)
        return rc;
    known->produced_at = known->proven = SG_TIME_NONE;
    if (!sg_time_from_asn1(OCSP_resp_get0_produced_at(known->basic), &known->produced_at))
        known->problem = N_("its dates cannot be read");
    if (!known->problem)
        known->problem = response_problem(known->basic, known->tbs);
    ERR_clear_error();
    *ret = sg_steal(known);
    return SG_OK;
}

enum sg_rc sg_known_ocsp_new(struct sg_slice der, OSSL_LIB_CTX *libctx, struct sg_known_ocsp **ret, struct sg_err *err)
{
    struct sg_slice basic = {NULL, 0};
    if (der.len > SG_MAX_OCSP_ANSWER)
        return sg_fail(err, SG_E_LIMIT, _("The OCSP response is larger than %zu bytes."), SG_MAX_OCSP_ANSWER);
    enum sg_rc rc = find_basic(der, &basic, err);
    return rc == SG_OK ? sg_known_ocsp_new_basic(basic, libctx, ret, err) : rc;
}

void sg_known_ocsp_free(struct sg_known_ocsp *known)
{
    if (!known)
        return;
    OCSP_BASICRESP_free(known->basic);
    sg_x509_stack_free(known->certs);
    sg_buf_clear(&known->bytes);
    (void)pthread_mutex_destroy(&known->lock);
    free(known);
}

/* --- its answers -------------------------------------------------------------------------------------------------- */

int sg_known_ocsp_count(const struct sg_known_ocsp *known)
{
    return OCSP_resp_count(known->basic);
}

/* §4.4.4: what ended since then is still known; SG_TIME_NONE if nothing is said. */
static int64_t archive_cutoff(OCSP_SINGLERESP *single)
{
    _cleanup_(ASN1_GENERALIZEDTIME_freep) ASN1_GENERALIZEDTIME *cutoff =
        OCSP_SINGLERESP_get1_ext_d2i(single, NID_id_pkix_OCSP_archiveCutoff, NULL, NULL);
    int64_t when;
    return cutoff && sg_time_from_asn1(cutoff, &when) ? when : SG_TIME_NONE;
}

static const char *answer_problem(const struct sg_known_ocsp *known, OCSP_SINGLERESP *single,
                                  const struct sg_ocsp_answer *answer)
{
    if (known->problem)
        return known->problem;
    for (int i = 0; i < OCSP_SINGLERESP_get_ext_count(single); i++) {
        X509_EXTENSION *extension = OCSP_SINGLERESP_get_ext(single, i);
        if (X509_EXTENSION_get_critical(extension) &&
            OBJ_obj2nid(X509_EXTENSION_get_object(extension)) != NID_id_pkix_OCSP_archiveCutoff)
            return N_("it has a critical extension that is not known here");
    }
    if (answer->this_update > known->produced_at ||
        (answer->next_update != SG_TIME_NONE && answer->next_update < answer->this_update))
        return N_("its dates contradict each other");
    if (answer->status == V_OCSP_CERTSTATUS_UNKNOWN)
        return N_("the responder does not know the certificate");
    return NULL;
}

struct sg_ocsp_answer sg_known_ocsp_answer(const struct sg_known_ocsp *known, int index, int64_t now)
{
    OCSP_SINGLERESP *single = OCSP_resp_get0(known->basic, index);
    ASN1_GENERALIZEDTIME *revoked_at = NULL, *this_update = NULL, *next_update = NULL;
    int reason = -1;
    struct sg_ocsp_answer answer = {.id = OCSP_SINGLERESP_get0_id(single),
                                    .this_update = SG_TIME_NONE,
                                    .next_update = SG_TIME_NONE,
                                    .revoked_at = SG_TIME_NONE,
                                    .archive_cutoff = archive_cutoff(single)};
    answer.status = OCSP_single_get0_status(single, &reason, &revoked_at, &this_update, &next_update);
    answer.reason = reason;
    if (revoked_at && !sg_time_from_asn1(revoked_at, &answer.revoked_at))
        answer.revoked_at = SG_TIME_NONE; /* which counts as long ago */
    if (!sg_time_from_asn1(this_update, &answer.this_update) ||
        (next_update && !sg_time_from_asn1(next_update, &answer.next_update)))
        answer.problem = N_("its dates cannot be read");
    else
        answer.problem = answer_problem(known, single, &answer);
    /* Responders answer at the moment they are asked, by clocks that are not ours. */
    if (!answer.problem &&
        (known->produced_at > now + SG_MAX_CLOCK_SKEW || answer.this_update > now + SG_MAX_CLOCK_SKEW)) {
        answer.problem = N_("it is from the future");
        answer.early = true;
    }
    return answer;
}

bool sg_known_ocsp_has_nonce(const struct sg_known_ocsp *known, struct sg_slice nonce)
{
    int index = OCSP_BASICRESP_get_ext_by_NID(known->basic, NID_id_pkix_OCSP_Nonce, -1);
    if (index < 0)
        return true;
    const ASN1_OCTET_STRING *value = X509_EXTENSION_get_data(OCSP_BASICRESP_get_ext(known->basic, index));
    struct sg_slice at = {ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value)}, inside;
    return take(&at, SG_DER_OCTET_STRING, &inside, NULL) && at.len == 0 && sg_slice_equal(inside, nonce);
}

/* §4.1.1: digests of the issuer's name and key, by one of SHA-1 and SHA-2. */
static const char *id_digest(const ASN1_OBJECT *algorithm)
{
    switch (OBJ_obj2nid(algorithm)) {
    case NID_sha1:
        return "SHA1"; /* it identifies, and proves nothing */
    case NID_sha256:
        return "SHA256";
    case NID_sha384:
        return "SHA384";
    case NID_sha512:
        return "SHA512";
    default:
        return NULL;
    }
}

static enum sg_rc has_digest(OSSL_LIB_CTX *libctx, const char *digest, struct sg_slice data,
                             const ASN1_OCTET_STRING *value, bool *ret, struct sg_err *err)
{
    uint8_t hash[EVP_MAX_MD_SIZE];
    size_t len = 0;
    enum sg_rc rc = sg_digest(libctx, digest, data, hash, &len, err);
    if (rc == SG_OK)
        *ret = (size_t)ASN1_STRING_length(value) == len && memcmp(ASN1_STRING_get0_data(value), hash, len) == 0;
    return rc;
}

enum sg_rc sg_ocsp_id_is_of(const OCSP_CERTID *id, const X509_NAME *name, const X509 *issuer, OSSL_LIB_CTX *libctx,
                            bool *ret, struct sg_err *err)
{
    ASN1_OCTET_STRING *name_hash = NULL, *key_hash = NULL;
    ASN1_OBJECT *algorithm = NULL;
    (void)OCSP_id_get0_info(&name_hash, &algorithm, &key_hash, NULL, (OCSP_CERTID *)id);
    const char *digest = id_digest(algorithm);
    struct sg_slice name_der = {NULL, 0};
    const ASN1_BIT_STRING *key = X509_get0_pubkey_bitstr(issuer);
    bool same_name = false, same_key = false;
    if (!digest || !X509_NAME_get0_der(name, &name_der.data, &name_der.len)) {
        *ret = false;
        return SG_OK;
    }
    enum sg_rc rc = has_digest(libctx, digest, name_der, name_hash, &same_name, err);
    if (rc == SG_OK)
        rc = has_digest(libctx, digest, (struct sg_slice){ASN1_STRING_get0_data(key), (size_t)ASN1_STRING_length(key)},
                        key_hash, &same_key, err);
    if (rc == SG_OK)
        *ret = same_name && same_key;
    return rc;
}

/* --- what it says of one certificate ------------------------------------------------------------------------------ */

bool sg_ocsp_id_has_serial(const OCSP_CERTID *id, const ASN1_INTEGER *serial)
{
    ASN1_INTEGER *asked = NULL;
    (void)OCSP_id_get0_info(NULL, NULL, NULL, &asked, (OCSP_CERTID *)id);
    return asked && ASN1_INTEGER_cmp(asked, serial) == 0;
}

/* §4.4.4: a responder need not know certificates that have ended, unless it says so. */
static bool may_have_been_dropped(const struct sg_ocsp_answer *answer, X509 *cert)
{
    int64_t not_after;
    if (!sg_time_from_asn1(X509_get0_notAfter(cert), &not_after))
        return true;
    return answer->this_update > not_after &&
           (answer->archive_cutoff == SG_TIME_NONE || answer->archive_cutoff > not_after);
}

/* Until when the responder's certificate is good, unless it is the CA itself, and the digest that it signed by. */
static int64_t signer_ends(const struct sg_known_ocsp *known, X509 *signer, X509 *issuer)
{
    struct sg_signature_method method;
    int64_t not_after, ends = INT64_MAX;
    if (sg_signature_method_read(OCSP_resp_get0_tbs_sigalg(known->basic), &method) && method.digest != NID_undef)
        ends = sg_algorithm_digest(method.digest, 0).until;
    if (signer != issuer && sg_time_from_asn1(X509_get0_notAfter(signer), &not_after) && not_after < ends)
        ends = not_after;
    return ends;
}

static struct sg_finding finding_of(const struct sg_known_ocsp *known, const struct sg_ocsp_answer *answer, X509 *cert,
                                    const struct sg_ocsp_signer *signer, X509 *issuer,
                                    const struct sg_revocation_request *request)
{
    struct sg_finding finding = {.kind = "ocsp",
                                 .issuer = X509_get_subject_name(signer->cert),
                                 .this_update = answer->this_update,
                                 .next_update = answer->next_update,
                                 .signer_ends = signer_ends(known, signer->cert, issuer),
                                 .signer_as_of = signer->as_of,
                                 .fresh_at = sg_finding_fresh_at(request, cert),
                                 .revoked_at = SG_TIME_NONE,
                                 .proven = sg_finding_is_older(request, known->proven)};
    if (answer->status == V_OCSP_CERTSTATUS_REVOKED)
        sg_finding_set_revoked(&finding, answer->revoked_at, answer->reason, request);
    else if (may_have_been_dropped(answer, cert))
        finding.answer = SG_ANSWER_NOT_KNOWN_AFTER_EXPIRY;
    else
        sg_finding_set_good(&finding);
    return finding;
}

enum sg_rc sg_known_ocsp_consult(struct sg_known_ocsp *known, const struct sg_revocation_request *request, X509 *cert,
                                 X509 *issuer, struct sg_finding *ret, const char **ret_why, struct sg_err *err)
{
    const ASN1_INTEGER *serial = X509_get0_serialNumber(cert);
    struct sg_finding best = {.revoked_at = SG_TIME_NONE};
    const char *why = NULL, *signer_why = NULL;
    struct sg_ocsp_signer signer = {0};
    enum sg_rc rc = SG_OK;
    for (int i = 0; rc == SG_OK && !signer_why && i < sg_known_ocsp_count(known); i++) {
        struct sg_ocsp_answer answer = sg_known_ocsp_answer(known, i, request->now);
        bool about = false;
        if (!sg_ocsp_id_has_serial(answer.id, serial))
            continue;
        rc = sg_ocsp_id_is_of(answer.id, X509_get_issuer_name(cert), issuer, request->libctx, &about, err);
        if (rc != SG_OK || !about)
            continue;
        if (answer.problem && !answer.early) { /* of this answer; another one may serve */
            why = answer.problem;
            continue;
        }
        if (!sg_finding_is_proven(request, known->proven))
            signer_why = N_("nothing proves that it was there in time");
        else if (!signer.cert)
            rc = sg_known_ocsp_signer(known, request, issuer, &signer, &signer_why, err);
        if (rc != SG_OK || signer_why)
            continue;
        struct sg_finding finding = finding_of(known, &answer, cert, &signer, issuer, request);
        const char *doubt = answer.problem ? answer.problem : signer.problem;
        if (doubt && !sg_finding_is_bad(&finding))
            why = doubt;
        else if (sg_finding_is_better(&finding, &best))
            best = finding;
    }
    if (rc != SG_OK)
        return rc;
    *ret = best;
    *ret_why = best.kind ? NULL : signer_why ? signer_why : why;
    return SG_OK;
}
