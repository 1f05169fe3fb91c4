/* Judging one certificate, and a CRL or an OCSP response that is to be kept. */
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/limits.h"
#include "base/msg.h"
#include "verify/algorithms.h"
#include "verify/known_crl.h"
#include "verify/known_ocsp.h"
#include "verify/verifier.h"

enum sg_rc sg_cert_check(struct sg_verifier *verifier, const char *file, X509 *cert, enum sg_cert_purpose purpose,
                         struct sg_report **ret, struct sg_err *err)
{
    _cleanup_(sg_report_freep) struct sg_report *report = NULL;
    _cleanup_(sg_judgement_clear) struct sg_judgement judgement;
    sg_judgement_init(&judgement);
    unsigned steps = SG_MAX_PATH_STEPS;
    struct sg_cert_request request = {.cert = cert, .purpose = purpose, .at = verifier->at, .steps = &steps};
    enum sg_rc rc = sg_report_new(verifier->libctx, file, verifier->at, &report, err);
    if (rc == SG_OK)
        rc = sg_judge_certificate(verifier, &request, &judgement, err);
    ERR_clear_error(); /* what OpenSSL said on the way is in the verdict */
    if (rc != SG_OK)
        return rc;
    if (!X509_up_ref(cert))
        return sg_fail_memory(err);
    judgement.verdict.signer = cert;
    judgement.verdict.best_time = verifier->at;
    rc = sg_report_add(report, &judgement, err);
    if (rc == SG_OK)
        *ret = sg_steal(report);
    return rc;
}

/* Whether a certificate has a path to an anchor, revocation aside: what it signs may be about its own revocation. */
static enum sg_rc has_path(struct sg_verifier *verifier, X509 *cert, bool *ret, struct sg_err *err)
{
    _cleanup_(sg_judgement_clear) struct sg_judgement judgement;
    sg_judgement_init(&judgement);
    unsigned steps = SG_MAX_PATH_STEPS;
    struct sg_cert_request request = {.cert = cert, .purpose = SG_CERT_ANY, .at = verifier->at, .steps = &steps};
    enum sg_rc rc = sg_judge_paths(verifier, &request, SG_REVOCATION_NONE, &judgement, err);
    if (rc == SG_OK)
        *ret = judgement.severity == SG_SEVERITY_NONE;
    return rc;
}

/* --- CRLs --------------------------------------------------------------------------------------------------------- */

/* Takes `known` over. */
static void fill_checked(struct sg_known_crl *known, const struct sg_crl_place *place, struct sg_checked_crl *ret)
{
    const struct sg_crl_index_bytes bytes = sg_crl_index_bytes(known->index);
    *ret = (struct sg_checked_crl){
        .issuer = sg_buf_slice(&known->head->issuer),
        .authority_key = sg_known_crl_extension(known, NID_authority_key_identifier),
        .scope = sg_known_crl_extension(known, NID_issuing_distribution_point),
        .number = {known->number, known->has_number ? sizeof known->number : 0},
        .delta = known->is_delta,
        .this_update = known->this_update,
        .next_update = known->next_update == SG_TIME_NONE ? INT64_MAX : known->next_update,
        .der = place->input,
        .der_offset = place->offset,
        .der_len = place->len,
        .index = {bytes.header, bytes.pages},
        .owner = known,
    };
    memcpy(ret->sha256, known->head->sha256, SG_SHA256_LEN);
}

void sg_checked_crl_clear(struct sg_checked_crl *crl)
{
    sg_known_crl_free(crl->owner);
    *crl = (struct sg_checked_crl){0};
}

static enum sg_rc find_crl_issuer(struct sg_verifier *verifier, struct sg_known_crl *known, const char **ret_why,
                                  struct sg_err *err)
{
    unsigned steps = SG_MAX_PATH_STEPS;
    const char *why = N_("the certificate of its issuer is not here (--intermediate gives it)");
    for (size_t cursor = 0;;) {
        struct sg_trusted issuer = {0};
        bool trusted = false;
        enum sg_rc rc = sg_trust_next(verifier->trust, known->issuer, &cursor, &issuer, err);
        if (rc != SG_OK)
            return rc;
        if (!issuer.cert)
            break;
        rc = sg_known_crl_check_key(known, verifier->libctx, issuer.cert, verifier->at, &steps, &why, err);
        if (rc == SG_OK && !why)
            why = sg_crl_signer_problem(issuer.cert);
        if (rc == SG_OK && !why) {
            rc = has_path(verifier, issuer.cert, &trusted, err);
            why = trusted ? NULL : N_("no path leads from its issuer to a trusted anchor");
        }
        if (rc != SG_OK || !why) {
            *ret_why = why;
            return rc;
        }
    }
    *ret_why = why;
    return SG_OK;
}

enum sg_rc sg_crl_check(struct sg_verifier *verifier, const struct sg_crl_place *place, struct sg_checked_crl *ret,
                        struct sg_err *err)
{
    _cleanup_(sg_known_crl_freep) struct sg_known_crl *known = NULL;
    _cleanup_(freep) char *name = NULL;
    const char *why = NULL;
    enum sg_rc rc = sg_known_crl_read(place, verifier->libctx, &known, err);
    if (rc == SG_OK)
        rc = sg_name_text(known->issuer, &name, err);
    if (rc != SG_OK)
        return rc;
    if (known->problem)
        return sg_fail(err, SG_E_POLICY, _("The CRL of %s cannot be used: %s"), name, _(known->problem));
    if (known->this_update > verifier->now)
        return sg_fail(err, SG_E_POLICY, _("The CRL of %s is from the future: check this computer's clock"), name);
    rc = find_crl_issuer(verifier, known, &why, err);
    if (rc == SG_OK && why)
        rc = sg_fail(err, SG_E_POLICY, _("The CRL of %s is not taken: %s"), name, _(why));
    if (rc == SG_OK)
        rc = sg_crl_index_set_key(known->index, verifier->libctx, known->checked.sha256, err);
    if (rc == SG_OK)
        fill_checked(sg_steal(known), place, ret);
    return rc;
}

enum sg_rc sg_crl_reindex(const struct sg_snapshot *snapshot, size_t index, OSSL_LIB_CTX *libctx,
                          struct sg_checked_crl *ret, struct sg_err *err)
{
    const uint8_t *sha256 = sg_snapshot_crl(snapshot, index)->sha256;
    _cleanup_(freep) char *der_path = NULL, *index_path = NULL;
    _cleanup_(sg_crl_index_freep) struct sg_crl_index *old = NULL;
    _cleanup_(sg_known_crl_freep) struct sg_known_crl *known = NULL;
    uint8_t key[SG_SHA256_LEN];
    *ret = (struct sg_checked_crl){0};
    enum sg_rc rc = sg_snapshot_crl_path(snapshot, index, &der_path, err);
    if (rc == SG_OK)
        rc = sg_snapshot_crl_index_path(snapshot, index, &index_path, err);
    if (rc == SG_OK)
        rc = sg_crl_index_open(index_path, libctx, sha256, &old, err);
    if (rc == SG_OK)
        rc = sg_crl_index_check(old, libctx, err);
    if (rc != SG_E_STORE_DAMAGED)
        return rc;
    rc = sg_known_crl_rebuild(der_path, sha256, libctx, &known, err);
    if (rc == SG_OK && old && sg_crl_index_key(old, key)) /* a header that is whole still tells by which key */
        rc = sg_crl_index_set_key(known->index, libctx, key, err);
    else if (rc == SG_OK && known->head->tbs.len > 0)
        return SG_OK; /* without the key, its signature needs the DER at each use */
    if (rc == SG_OK)
        fill_checked(sg_steal(known), &(struct sg_crl_place){0}, ret);
    return rc;
}

/* --- OCSP --------------------------------------------------------------------------------------------------------- */

bool sg_cert_is_issued_by(X509 *cert, X509 *issuer)
{
    EVP_PKEY *key = X509_get0_pubkey(issuer);
    ERR_set_mark();
    bool right =
        X509_check_issued(issuer, cert) == X509_V_OK && key && sg_key_checkable(key) && X509_verify(cert, key) == 1;
    ERR_pop_to_mark();
    return right;
}

struct ocsp_check {
    struct sg_verifier *verifier;
    struct sg_known_ocsp *known;
    const STACK_OF(X509) *issuers;
    const struct sg_ocsp_question *asked;
    unsigned steps;
};

/* `*ret_why`: why this CA does not make the answer count (untranslated). */
static enum sg_rc try_issuer(struct ocsp_check *check, const struct sg_ocsp_answer *answer, const X509_NAME *name,
                             X509 *issuer, const char **ret_why, struct sg_err *err)
{
    struct sg_verifier *verifier = check->verifier;
    const struct sg_revocation_request request = {.libctx = verifier->libctx,
                                                  .trust = verifier->trust,
                                                  .steps = &check->steps,
                                                  .mode = verifier->revocation,
                                                  .at = verifier->at,
                                                  .now = verifier->now};
    struct sg_ocsp_signer signer = {0};
    bool about = false, trusted = false;
    enum sg_rc rc = sg_ocsp_id_is_of(answer->id, name, issuer, verifier->libctx, &about, err);
    if (rc != SG_OK || !about)
        return rc; /* and why is still that it is another's */
    *ret_why = answer->problem;
    if (!*ret_why)
        rc = sg_known_ocsp_signer(check->known, &request, issuer, &signer, ret_why, err);
    if (rc == SG_OK && !*ret_why)
        *ret_why = signer.problem;
    if (rc == SG_OK && !*ret_why)
        rc = has_path(verifier, issuer, &trusted, err);
    if (rc == SG_OK && !*ret_why && !trusted)
        *ret_why = N_("no path leads from the CA to a trusted anchor");
    return rc;
}

static enum sg_rc check_answer(struct ocsp_check *check, const struct sg_ocsp_answer *answer, const char **ret_why,
                               struct sg_err *err)
{
    static const char *const another = N_("the certificate of the CA that it speaks of is not here");
    static const char *const not_asked = N_("it is about another certificate than the one asked about");
    const struct sg_ocsp_question *asked = check->asked;
    const char *why = asked ? not_asked : another;
    enum sg_rc rc = SG_OK;
    if (asked && sg_ocsp_id_has_serial(answer->id, X509_get0_serialNumber(asked->cert)))
        rc = try_issuer(check, answer, X509_get_issuer_name(asked->cert), asked->issuer, &why, err);
    for (int i = 0; rc == SG_OK && why && i < sk_X509_num(check->issuers); i++)
        rc = try_issuer(check, answer, X509_get_subject_name(sk_X509_value(check->issuers, i)),
                        sk_X509_value(check->issuers, i), &why, err);
    *ret_why = why;
    return rc;
}

static enum sg_rc add_fact(const struct sg_ocsp_answer *answer, struct sg_ocsp_facts *facts, struct sg_err *err)
{
    uint8_t *der = NULL;
    int len = i2d_OCSP_CERTID(answer->id, &der);
    if (len <= 0)
        return sg_fail_ssl(err, SG_E_MALFORMED, _("An OCSP response cannot be encoded."));
    facts->facts[facts->count++] = (struct sg_ocsp_fact){
        .cert_id = {der, (size_t)len},
        .this_update = answer->this_update,
        .next_update = answer->next_update == SG_TIME_NONE ? INT64_MAX : answer->next_update,
        .revoked = answer->status == V_OCSP_CERTSTATUS_REVOKED && answer->reason != CRL_REASON_CERTIFICATE_HOLD,
    };
    return SG_OK;
}

enum sg_rc sg_ocsp_check(struct sg_verifier *verifier, struct sg_slice response, const STACK_OF(X509) *issuers,
                         const struct sg_ocsp_question *asked, struct sg_ocsp_facts *ret, struct sg_err *err)
{
    _cleanup_(sg_known_ocsp_freep) struct sg_known_ocsp *known = NULL;
    _cleanup_(sg_ocsp_facts_clear) struct sg_ocsp_facts facts = {0};
    const char *first_why = N_("it has no answer in it");
    enum sg_rc rc = sg_known_ocsp_new(response, verifier->libctx, &known, err);
    if (rc != SG_OK)
        return rc;
    if (asked && !sg_known_ocsp_has_nonce(known, asked->nonce))
        return sg_fail(err, SG_E_POLICY, _("The OCSP response is not taken: it is the answer to another question."));
    int count = sg_known_ocsp_count(known);
    facts.facts = calloc(count > 0 ? (size_t)count : 1, sizeof *facts.facts);
    if (!facts.facts)
        return sg_fail_memory(err);
    struct ocsp_check check = {verifier, known, asked ? NULL : issuers, asked, SG_MAX_PATH_STEPS};
    for (int i = 0; rc == SG_OK && i < count; i++) {
        struct sg_ocsp_answer answer = sg_known_ocsp_answer(known, i, verifier->now);
        const char *why = NULL;
        rc = check_answer(&check, &answer, &why, err);
        if (rc == SG_OK && !why)
            rc = add_fact(&answer, &facts, err);
        if (why && i == 0)
            first_why = why;
    }
    if (rc == SG_OK && facts.count == 0)
        rc = sg_fail(err, SG_E_POLICY, _("The OCSP response is not taken: %s."), _(first_why));
    if (rc != SG_OK)
        return rc;
    *ret = facts;
    facts = (struct sg_ocsp_facts){0};
    return SG_OK;
}

void sg_ocsp_facts_clear(struct sg_ocsp_facts *facts)
{
    for (size_t i = 0; i < facts->count; i++)
        OPENSSL_free((uint8_t *)facts->facts[i].cert_id.data);
    free(facts->facts);
    *facts = (struct sg_ocsp_facts){0};
}
