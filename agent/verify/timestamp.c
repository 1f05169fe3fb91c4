/* The time-stamp validation building block (EN 319 102-1 §5.4). */
#include "verify/timestamp.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/objects.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/limits.h"
#include "base/msg.h"
#include "formats/cms.h"
#include "formats/der.h"
#include "formats/tsp.h"
#include "verify/algorithms.h"
#include "verify/ending.h"

SG_DEFINE_CLEANUP(GENERAL_NAMES, GENERAL_NAMES_free)

/* --- is it of this, and what was asked for? ----------------------------------------------------------------------- */

static enum sg_rc note_malformed(struct sg_judgement *judgement, const char *text, struct sg_err *err)
{
    return sg_judgement_note(judgement, SG_SEVERITY_FORMAT, SG_REASON_TIMESTAMP_MALFORMED, err, "%s", text);
}

static int64_t judged_at(const struct sg_timestamp_context *context, const struct sg_tst_info *info)
{
    return context->at == SG_TIME_NONE ? info->time : context->at;
}

/* Parameters of a digest's algorithm are absent or NULL (RFC 5754 §2). */
static int imprint_digest(const X509_ALGOR *algorithm)
{
    const ASN1_OBJECT *object = NULL;
    int type = V_ASN1_UNDEF;
    X509_ALGOR_get0(&object, &type, NULL, algorithm);
    return type == V_ASN1_UNDEF || type == V_ASN1_NULL ? OBJ_obj2nid(object) : NID_undef;
}

/* RFC 3161 §2.4.2: messageImprint. */
static enum sg_rc is_of_this(const struct sg_verifier *verifier, const struct sg_timestamp_request *request,
                             const struct sg_tst_info *info, int digest, bool *ret, struct sg_err *err)
{
    uint8_t value[EVP_MAX_MD_SIZE];
    struct sg_slice expected = {value, 0};
    if (request->imprint.data) {
        *ret = sg_slice_equal(info->imprint, request->imprint);
        return SG_OK;
    }
    if (!request->data.data) {
        *ret = digest == NID_sha256 && request->sha256.len == SG_SHA256_LEN &&
               sg_slice_equal(info->imprint, request->sha256);
        return SG_OK;
    }
    enum sg_rc rc = sg_digest(verifier->libctx, OBJ_nid2sn(digest), request->data, value, &expected.len, err);
    if (rc == SG_OK)
        *ret = sg_slice_equal(info->imprint, expected);
    return rc;
}

/* EN 319 102-1 §5.5.4 step 3 a: what is not of this is removed from the set. */
static enum sg_rc check_imprint(const struct sg_timestamp_context *context, const struct sg_timestamp_request *request,
                                const struct sg_tst_info *info, struct sg_judgement *judgement, struct sg_err *err)
{
    int digest = imprint_digest(info->imprint_algorithm);
    bool fits = false;
    struct sg_algorithm_answer answer = sg_algorithm_digest(digest, judged_at(context, info));
    enum sg_rc rc = SG_OK;
    sg_judgement_good_until(judgement, answer.until);
    if (!answer.acceptable)
        rc = sg_judgement_note(judgement, SG_SEVERITY_CRYPTO_CONSTRAINTS, SG_REASON_WEAK_ALGORITHM, err,
                               _("The time-stamp is of a digest by %s, which is not trusted."), answer.name);
    if (rc != SG_OK || context->imprint_unknown || (!answer.acceptable && !request->imprint.data))
        return rc;
    rc = is_of_this(context->verifier, request, info, digest, &fits, err);
    if (rc == SG_OK && !fits)
        rc = sg_judgement_note(judgement, SG_SEVERITY_HASH, SG_REASON_TIMESTAMP_OF_ANOTHER, err,
                               _("The time-stamp is of something else."));
    return rc;
}

static bool is_number(const ASN1_INTEGER *number, struct sg_slice octets)
{
    _cleanup_(BN_freep) BIGNUM *a = number ? ASN1_INTEGER_to_BN(number, NULL) : NULL;
    _cleanup_(BN_freep) BIGNUM *b = BN_bin2bn(octets.data, (int)octets.len, NULL);
    return a && b && BN_cmp(a, b) == 0;
}

/* RFC 3161 §2.4.2: nonce and policy have to be those of the request. */
static enum sg_rc check_asked(const struct sg_timestamp_request *request, const struct sg_tst_info *info,
                              struct sg_judgement *judgement, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;
    if (request->nonce.data && !is_number(info->nonce, request->nonce))
        rc = sg_judgement_note(judgement, SG_SEVERITY_SIG_CONSTRAINTS, SG_REASON_TIMESTAMP_NOT_ASKED_FOR, err,
                               _("The time-stamp has not the nonce that was asked with."));
    if (rc != SG_OK || !request->policy || !*request->policy)
        return rc;
    _cleanup_(ASN1_OBJECT_freep) ASN1_OBJECT *policy = OBJ_txt2obj(request->policy, 1);
    if (!policy || OBJ_cmp(policy, info->policy) != 0)
        rc = sg_judgement_note(judgement, SG_SEVERITY_SIG_CONSTRAINTS, SG_REASON_TIMESTAMP_NOT_ASKED_FOR, err,
                               _("The time-stamp is not under the policy %s, which was asked for."), request->policy);
    return rc;
}

/* RFC 3161 §2.4.2: tsa, if there, is one of the certificate's subject names. */
static bool is_name_of(const GENERAL_NAME *name, X509 *cert)
{
    if (name->type == GEN_DIRNAME && X509_NAME_cmp(name->d.directoryName, X509_get_subject_name(cert)) == 0)
        return true;
    _cleanup_(GENERAL_NAMES_freep) GENERAL_NAMES *others = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
    for (int i = 0; i < sk_GENERAL_NAME_num(others); i++)
        if (GENERAL_NAME_cmp(sk_GENERAL_NAME_value(others, i), (GENERAL_NAME *)name) == 0)
            return true;
    return false;
}

/* Whatever the time is that it is judged at: what it says is what its certificate was good for. */
static enum sg_rc check_time(const struct sg_tst_info *info, X509 *tsa, struct sg_judgement *judgement,
                             struct sg_err *err)
{
    char time[SG_TIME_TEXT];
    if (sg_cert_is_valid_at(tsa, info->time))
        return SG_OK;
    return sg_judgement_note(judgement, SG_SEVERITY_SIG_CONSTRAINTS, SG_REASON_TIMESTAMP_TIME, err,
                             _("The time-stamp says %s, when its TSA's certificate was not valid."),
                             sg_time_text(info->time, time));
}

static enum sg_rc check_info(const struct sg_timestamp_context *context, const struct sg_timestamp_request *request,
                             const struct sg_tst_info *info, struct sg_judgement *judgement, struct sg_err *err)
{
    X509 *tsa = judgement->verdict.signer;
    enum sg_rc rc = check_imprint(context, request, info, judgement, err);
    if (rc == SG_OK)
        rc = check_asked(request, info, judgement, err);
    if (rc == SG_OK && tsa && context->at != SG_TIME_NONE)
        rc = check_time(info, tsa, judgement, err);
    if (rc == SG_OK && info->tsa && tsa && !is_name_of(info->tsa, tsa))
        rc = sg_judgement_note(judgement, SG_SEVERITY_SIG_CONSTRAINTS, SG_REASON_TIMESTAMP_TSA_NAME, err,
                               _("The time-stamp names another TSA than its certificate does."));
    if (rc == SG_OK && info->critical_extension)
        rc = note_malformed(judgement, _("The time-stamp has a critical extension that is not known here."), err);
    return rc;
}

/* --- the token ---------------------------------------------------------------------------------------------------- */

/* RFC 3161 §2.4.2: SignedData over a TSTInfo, which it holds, with the TSA's signature and no other; DER. */
static const char *form_problem(const struct sg_cms *cms)
{
    if (OBJ_obj2nid(sg_cms_content_type(cms)) != NID_id_smime_ct_TSTInfo)
        return N_("The time-stamp is signed, but what is signed is not a time-stamp.");
    if (sg_cms_is_detached(cms))
        return N_("The time-stamp does not hold what is signed.");
    if (sg_cms_signer_count(cms) != 1)
        return N_("The time-stamp has not exactly one signature.");
    return NULL;
}

static enum sg_rc read_info(struct sg_cms *cms, struct sg_tst_info *ret, struct sg_err *err)
{
    _cleanup_(sg_buf_clear) struct sg_buf content = SG_BUF(SG_MAX_TIMESTAMP);
    enum sg_rc rc = sg_cms_content(cms, sg_buf_sink(&content), err);
    return rc == SG_OK ? sg_tst_info_read(sg_buf_slice(&content), ret, err) : rc;
}

/* EN 319 102-1 §5.4.4: as a basic signature, of which the TSA is the signer. */
static enum sg_rc judge_signature(const struct sg_timestamp_context *context, struct sg_cms *cms, int64_t at,
                                  struct sg_judgement *judgement, struct sg_err *err)
{
    OSSL_LIB_CTX *libctx = context->verifier->libctx;
    _cleanup_(sg_evidence_freep) struct sg_evidence *evidence = NULL;
    _cleanup_(sg_carried_clear) struct sg_carried carried = {0};
    struct sg_content content = {0};
    struct sg_signature_request request = {.verifier = context->verifier,
                                           .cms = cms,
                                           .si = sg_cms_signer(cms, 0),
                                           .content = &content,
                                           .carried = context->carried ? context->carried : &carried,
                                           .purpose = SG_CERT_TIMESTAMP,
                                           .at = at,
                                           .past = context->past,
                                           .steps = context->steps};
    enum sg_rc rc = sg_content_hash(cms, NULL, NULL, libctx, &content, err);
    if (rc == SG_OK && !context->carried)
        rc = sg_evidence_read_with(cms, request.si, context->beside, libctx, &evidence, err);
    if (rc == SG_OK && !context->carried)
        rc = sg_carried_make(libctx, evidence, &carried, err);
    if (rc == SG_OK)
        rc = sg_signature_judge(&request, judgement, err);
    judgement->verdict.level = NULL;
    judgement->verdict.claimed_time = judgement->verdict.best_time = SG_TIME_NONE;
    return rc;
}

static enum sg_rc judge_token(const struct sg_timestamp_context *context, const struct sg_timestamp_request *request,
                              struct sg_cms *cms, struct sg_timestamp *timestamp, struct sg_judgement *judgement,
                              struct sg_err *err)
{
    struct sg_tst_info info = {0};
    struct sg_err why = {0};
    const char *problem = form_problem(cms);
    if (problem)
        return note_malformed(judgement, _(problem), err);
    enum sg_rc rc = read_info(cms, &info, &why);
    if (rc == SG_E_MALFORMED || rc == SG_E_LIMIT)
        return note_malformed(judgement, why.text, err);
    if (rc != SG_OK && err)
        *err = why;
    if (rc != SG_OK)
        return rc;
    timestamp->time = info.time;
    timestamp->fraction = info.fraction;
    timestamp->accuracy = info.accuracy;
    if (!timestamp->serial)
        rc = sg_serial_text(info.serial, &timestamp->serial, err);
    if (rc == SG_OK)
        rc = judge_signature(context, cms, judged_at(context, &info), judgement, err);
    if (rc == SG_OK)
        rc = check_info(context, request, &info, judgement, err);
    sg_tst_info_clear(&info);
    return rc;
}

/* Reads the token; NULL in `*ret` and a note if it cannot be read. */
static enum sg_rc read_token(struct sg_verifier *verifier, struct sg_slice token, struct sg_input **ret_input,
                             struct sg_cms **ret, struct sg_judgement *judgement, struct sg_err *err)
{
    const char *const text = _("The time-stamp cannot be read.");
    /* What sg_cms_read() takes besides, PEM, does not begin with a SEQUENCE. */
    if (token.len == 0 || token.len > SG_MAX_TIMESTAMP || token.data[0] != SG_DER_SEQUENCE)
        return note_malformed(judgement, text, err);
    enum sg_rc rc = sg_input_from_slice(_("the time-stamp"), token, ret_input, err);
    if (rc != SG_OK)
        return rc;
    struct sg_err why = {0};
    rc = sg_cms_read(*ret_input, verifier->libctx, verifier->certs, ret, &why);
    if (rc == SG_E_MALFORMED || rc == SG_E_LIMIT)
        return note_malformed(judgement, text, err);
    if (rc != SG_OK && err)
        *err = why;
    return rc;
}

enum sg_rc sg_timestamp_judge_within(const struct sg_timestamp_context *context,
                                     const struct sg_timestamp_request *request, struct sg_timestamp *timestamp,
                                     struct sg_judgement *judgement, struct sg_err *err)
{
    _cleanup_(sg_input_freep) struct sg_input *input = NULL;
    _cleanup_(sg_cms_freep) struct sg_cms *cms = NULL;
    enum sg_rc rc = read_token(context->verifier, request->token, &input, &cms, judgement, err);
    if (rc == SG_OK && cms)
        rc = judge_token(context, request, cms, timestamp, judgement, err);
    ERR_clear_error(); /* what OpenSSL said on the way is in the verdict */
    return rc;
}

enum sg_rc sg_timestamp_judge(struct sg_verifier *verifier, const struct sg_timestamp_request *request,
                              struct sg_timestamp *ret, struct sg_err *err)
{
    unsigned steps = SG_MAX_PATH_STEPS;
    const struct sg_timestamp_context context = {.verifier = verifier, .steps = &steps, .at = SG_TIME_NONE};
    _cleanup_(sg_judgement_clear) struct sg_judgement judgement;
    _cleanup_(sg_timestamp_clear) struct sg_timestamp timestamp = {
        .kind = request->kind, .time = SG_TIME_NONE, .accuracy = -1};
    sg_judgement_init(&judgement);
    enum sg_rc rc = sg_timestamp_judge_within(&context, request, &timestamp, &judgement, err);
    if (rc != SG_OK)
        return rc;
    timestamp.verdict = judgement.verdict;
    sg_judgement_init(&judgement);
    *ret = timestamp;
    timestamp = (struct sg_timestamp){0};
    return SG_OK;
}

enum sg_rc sg_timestamp_why(const struct sg_timestamp *timestamp, struct sg_buf *out, struct sg_err *err)
{
    const struct sg_verdict *verdict = &timestamp->verdict;
    enum sg_rc rc = SG_OK;
    for (size_t i = 0; rc == SG_OK && i < verdict->reason_count; i++)
        rc = sg_buf_printf(out, err, "%s%s", i == 0 ? "" : " ", verdict->reasons[i].text);
    return rc;
}
