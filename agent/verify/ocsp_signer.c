/* Who may sign an OCSP response about a CA's certificates: the CA itself, or a responder whose certificate it issued
 * itself for that (RFC 6960 §4.2.2.2). */
#include <string.h>

#include "base/clock.h"
#include "base/msg.h"
#include "verify/algorithms.h"
#include "verify/crypto.h"
#include "verify/ending.h"
#include "verify/known_ocsp.h"
#include "verify/path.h"
#include "verify/revocation.h"
#include "verify/verifier.h"

static struct sg_slice key_bits(const X509 *cert)
{
    const ASN1_BIT_STRING *bits = X509_get0_pubkey_bitstr(cert);
    return (struct sg_slice){ASN1_STRING_get0_data(bits), (size_t)ASN1_STRING_length(bits)};
}

/* RFC 6960 §4.2.1: ResponderID is a name, or the SHA-1 of a public key. */
static enum sg_rc is_responder(const struct sg_known_ocsp *known, OSSL_LIB_CTX *libctx, const X509 *cert, bool *ret,
                               struct sg_err *err)
{
    const ASN1_OCTET_STRING *key_hash = NULL;
    const X509_NAME *name = NULL;
    uint8_t hash[EVP_MAX_MD_SIZE];
    size_t len = 0;
    if (!OCSP_resp_get0_id(known->basic, &key_hash, &name)) {
        *ret = false;
        return SG_OK;
    }
    if (name) {
        *ret = X509_NAME_cmp(X509_get_subject_name(cert), name) == 0;
        return SG_OK;
    }
    enum sg_rc rc = sg_digest(libctx, "SHA1", key_bits(cert), hash, &len, err);
    if (rc == SG_OK)
        *ret = (size_t)ASN1_STRING_length(key_hash) == len && memcmp(ASN1_STRING_get0_data(key_hash), hash, len) == 0;
    return rc;
}

/* --- the signature ------------------------------------------------------------------------------------------------ */

/* A right answer is remembered, and costs nothing more. `*ret_doubt`: it is right, but no proof of good news. */
static enum sg_rc check_signature(struct sg_known_ocsp *known, const struct sg_revocation_request *request, X509 *cert,
                                  const char **ret_doubt, const char **ret_why, struct sg_err *err)
{
    struct sg_signature_method method;
    enum sg_signature_answer answer;
    const ASN1_OCTET_STRING *value = OCSP_resp_get0_signature(known->basic);
    EVP_PKEY *key = X509_get0_pubkey(cert);
    uint8_t key_hash[EVP_MAX_MD_SIZE];
    size_t len = 0;
    *ret_why = NULL;
    if (!sg_signature_method_read(OCSP_resp_get0_tbs_sigalg(known->basic), &method)) {
        *ret_why = N_("it is signed with an algorithm that is not known here");
        return SG_OK;
    }
    if (method.digest != NID_undef &&
        !sg_algorithm_digest(method.digest, sg_finding_good_at(request, known->proven)).acceptable)
        *ret_doubt = N_("it is signed with a digest that is no longer trusted");
    enum sg_rc rc = sg_digest(request->libctx, "SHA256", key_bits(cert), key_hash, &len, err);
    if (rc != SG_OK || sg_checked_key_is(&known->checked, &known->lock, key_hash))
        return rc;
    if (!key || !sg_key_checkable(key) || !sg_spend(request->steps, sg_algorithm_cost(key))) {
        *ret_why = N_("its signature cannot be checked");
        return SG_OK;
    }
    rc = sg_signature_check(request->libctx, NULL, &method, key, (struct sg_signed_bytes){.data = known->tbs},
                            (struct sg_slice){ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value)}, &answer,
                            err);
    if (rc != SG_OK)
        return rc;
    if (answer == SG_SIGNATURE_RIGHT)
        sg_checked_key_set(&known->checked, &known->lock, key_hash);
    else
        *ret_why = N_("it is signed by another key");
    return SG_OK;
}

/* --- a responder that the CA named -------------------------------------------------------------------------------- */

static bool is_issued_by(X509 *cert, X509 *issuer, unsigned *steps)
{
    EVP_PKEY *key = X509_get0_pubkey(issuer);
    return key && sg_key_checkable(key) && sg_spend(steps, sg_algorithm_cost(key)) &&
           sg_cert_is_issued_by(cert, issuer);
}

static const char *responder_problem(const struct sg_revocation_request *request, X509 *cert, X509 *issuer)
{
    if (!is_issued_by(cert, issuer, request->steps))
        return N_("its responder's certificate was not issued by the CA itself");
    if (sg_usage_problem(cert, SG_CERT_OCSP))
        return N_("its responder's certificate is not meant for OCSP responses");
    if (X509_get_extension_flags(cert) & (EXFLAG_CRITICAL | EXFLAG_INVALID))
        return N_("its responder's certificate has an extension that cannot be read or is not known here");
    return NULL;
}

/* It must be valid when it signs, and when we rely on it: its key may be lost once it has ended. */
static const char *responder_doubt(const struct sg_known_ocsp *known, const struct sg_revocation_request *request,
                                   X509 *cert)
{
    int64_t at = sg_finding_good_at(request, known->proven);
    int64_t when = known->produced_at > at ? known->produced_at : at;
    if (!sg_cert_is_valid_at(cert, when))
        return N_("its responder's certificate has ended, or is not valid yet");
    if (!sg_cert_key_answer(cert, at).acceptable || !sg_cert_signature_answer(cert, at).acceptable)
        return N_("its responder's certificate uses an algorithm or a key that is not trusted");
    return NULL;
}

static enum sg_rc try_responder(struct sg_known_ocsp *known, const struct sg_revocation_request *request,
                                X509 *candidate, X509 *issuer, struct sg_ocsp_signer *ret, const char **ret_why,
                                struct sg_err *err)
{
    *ret_why = responder_problem(request, candidate, issuer);
    if (*ret_why)
        return SG_OK;
    *ret = (struct sg_ocsp_signer){
        .cert = candidate, .as_of = SG_TIME_NONE, .problem = responder_doubt(known, request, candidate)};
    enum sg_rc rc = check_signature(known, request, candidate, &ret->problem, ret_why, err);
    /* §4.2.2.2.1: the CA says by this extension that it need not be asked about the responder. */
    if (rc != SG_OK || *ret_why || X509_get_ext_by_NID(candidate, NID_id_pkix_OCSP_noCheck, -1) >= 0 ||
        request->mode == SG_REVOCATION_NONE)
        return rc;
    return sg_revocation_judge_responder(request, candidate, issuer, &ret->as_of, &ret->problem, ret_why, err);
}

static bool serves(const struct sg_ocsp_signer *signer)
{
    return signer->cert && !signer->problem;
}

/* Looks through one list of certificates for the responder's, until one serves in full. */
static enum sg_rc try_list(struct sg_known_ocsp *known, const struct sg_revocation_request *request,
                           const STACK_OF(X509) *certs, X509 *issuer, struct sg_ocsp_signer *signer, const char **why,
                           struct sg_err *err)
{
    enum sg_rc rc = SG_OK;
    for (int i = 0; rc == SG_OK && !serves(signer) && i < sk_X509_num(certs); i++) {
        X509 *candidate = sk_X509_value(certs, i);
        struct sg_ocsp_signer found = {0};
        bool is = false;
        rc = is_responder(known, request->libctx, candidate, &is, err);
        if (rc != SG_OK || !is || X509_cmp(candidate, issuer) == 0)
            continue;
        rc = try_responder(known, request, candidate, issuer, &found, why, err);
        if (rc == SG_OK && !*why && (!signer->cert || serves(&found)))
            *signer = found;
    }
    return rc;
}

/* The responder's certificate comes with the response (§4.2.1), but need not, if who asks has it. */
static enum sg_rc try_responders(struct sg_known_ocsp *known, const struct sg_revocation_request *request, X509 *issuer,
                                 struct sg_ocsp_signer *signer, const char **why, struct sg_err *err)
{
    enum sg_rc rc = try_list(known, request, known->certs, issuer, signer, why, err);
    if (rc == SG_OK && !serves(signer) && request->carried)
        rc = try_list(known, request, request->carried->certs, issuer, signer, why, err);
    if (rc == SG_OK && !serves(signer) && request->trust)
        rc = try_list(known, request, sg_trust_intermediates(request->trust), issuer, signer, why, err);
    return rc;
}

enum sg_rc sg_known_ocsp_signer(struct sg_known_ocsp *known, const struct sg_revocation_request *request, X509 *issuer,
                                struct sg_ocsp_signer *ret, const char **ret_why, struct sg_err *err)
{
    const char *why = N_("the certificate of its responder is not here"), *doubt = NULL;
    bool is = false;
    enum sg_rc rc = is_responder(known, request->libctx, issuer, &is, err);
    if (rc == SG_OK && is)
        rc = check_signature(known, request, issuer, &doubt, &why, err);
    struct sg_ocsp_signer signer = {.cert = is && !why ? issuer : NULL, .as_of = SG_TIME_NONE, .problem = doubt};
    if (rc == SG_OK && !serves(&signer))
        rc = try_responders(known, request, issuer, &signer, &why, err);
    if (rc != SG_OK)
        return rc;
    *ret = signer;
    *ret_why = signer.cert ? NULL : why;
    return SG_OK;
}
