/* One candidate path, judged: RFC 5280 §6.1 by OpenSSL, then usage, algorithms and revocation by us. */
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/limits.h"
#include "base/msg.h"
#include "verify/ending.h"
#include "verify/names.h"
#include "verify/profile.h"
#include "verify/revocation.h"
#include "verify/verifier.h"

SG_DEFINE_CLEANUP(NAME_CONSTRAINTS, NAME_CONSTRAINTS_free)
SG_DEFINE_CLEANUP(X509_VERIFY_PARAM, X509_VERIFY_PARAM_free)

/* A date that is not kept, of a certificate of the path. Noted only when revocation is known, since that decides what
 * it means. */
struct date_problem {
    X509 *cert;
    bool expired;
};

struct verification {
    STACK_OF(X509) *path;
    struct sg_judgement *judgement;
    int64_t at;
    struct date_problem dates[SG_MAX_PATH_LENGTH];
    size_t date_count;
    enum sg_rc rc;
    struct sg_err *err;
};

/* What OpenSSL's complaint means for the verdict. */
static enum sg_severity severity_of(int error, enum sg_reason_code *ret_code)
{
    switch (error) {
    case X509_V_ERR_NO_EXPLICIT_POLICY:
        *ret_code = SG_REASON_POLICY_NOT_MET;
        return SG_SEVERITY_CHAIN_CONSTRAINTS;
    case X509_V_ERR_PATH_LENGTH_EXCEEDED:
    case X509_V_ERR_PERMITTED_VIOLATION:
    case X509_V_ERR_EXCLUDED_VIOLATION:
    case X509_V_ERR_SUBTREE_MINMAX:
    case X509_V_ERR_UNSUPPORTED_CONSTRAINT_TYPE:
    case X509_V_ERR_UNSUPPORTED_CONSTRAINT_SYNTAX:
    case X509_V_ERR_UNSUPPORTED_NAME_SYNTAX:
    case X509_V_ERR_INVALID_CA:
    case X509_V_ERR_INVALID_NON_CA:
    case X509_V_ERR_KEYUSAGE_NO_CERTSIGN:
    case X509_V_ERR_KEYUSAGE_NO_DIGITAL_SIGNATURE:
        *ret_code = SG_REASON_PATH_CONSTRAINT;
        return SG_SEVERITY_CHAIN_CONSTRAINTS;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
    case X509_V_ERR_UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY:
    case X509_V_ERR_SUBJECT_ISSUER_MISMATCH:
    case X509_V_ERR_AKID_SKID_MISMATCH:
    case X509_V_ERR_AKID_ISSUER_SERIAL_MISMATCH:
    case X509_V_ERR_CERT_UNTRUSTED:
    case X509_V_ERR_CERT_REJECTED:
        *ret_code = SG_REASON_NO_PATH;
        return SG_SEVERITY_NO_CHAIN;
    default:
        *ret_code = SG_REASON_PATH_INVALID;
        return SG_SEVERITY_CHAIN_GENERAL;
    }
}

static enum sg_rc note_error(struct sg_judgement *judgement, int error, X509 *cert, struct sg_err *err)
{
    _cleanup_(freep) char *subject = NULL;
    enum sg_reason_code code;
    enum sg_severity severity = severity_of(error, &code);
    const char *text = X509_verify_cert_error_string(error);
    if (!cert)
        return sg_judgement_note(judgement, severity, code, err, _("The path to the anchor does not hold: %s."), text);
    enum sg_rc rc = sg_name_text(X509_get_subject_name(cert), &subject, err);
    if (rc == SG_OK)
        rc = sg_judgement_note(judgement, severity, code, err,
                               _("The path to the anchor does not hold at the certificate of %s: %s."), subject, text);
    return rc;
}

/* RFC 5280 §4.1.2.5: notAfter itself is within the validity; OpenSSL takes it for the first second after. */
static bool ends_at(X509 *cert, int64_t at)
{
    int64_t not_after;
    return cert && sg_time_from_asn1(X509_get0_notAfter(cert), &not_after) && not_after == at;
}

/* Collects every complaint instead of stopping at the first. Each one is noted, so that none can end in PASSED. */
static int on_verify(int ok, X509_STORE_CTX *ctx)
{
    struct verification *verification = X509_STORE_CTX_get_app_data(ctx);
    X509 *cert = X509_STORE_CTX_get_current_cert(ctx);
    int error = X509_STORE_CTX_get_error(ctx);
    int depth = X509_STORE_CTX_get_error_depth(ctx);
    if (ok || verification->rc != SG_OK)
        return ok;
    switch (error) {
    case X509_V_ERR_CA_CERT_MISSING_KEY_USAGE:
        /* §4.2.1.3 asks it of CAs, but §6.1.4 (n) lets a path do without: many private roots have none. */
        return 1;
    case X509_V_ERR_CA_BCONS_NOT_CRITICAL:
        /* §4.2.1.9 asks it of CAs, but §6.1.4 (k) only wants cA; an anchor's makers can be expected to know. */
        if (depth + 1 < sk_X509_num(X509_STORE_CTX_get0_chain(ctx)))
            return 1;
        break;
    case X509_V_ERR_CERT_HAS_EXPIRED:
        if (ends_at(cert, verification->at))
            return 1;
        /* fallthrough */
    case X509_V_ERR_CERT_NOT_YET_VALID:
        if (cert && verification->date_count < SG_MAX_PATH_LENGTH) {
            verification->dates[verification->date_count++] =
                (struct date_problem){.cert = cert, .expired = error == X509_V_ERR_CERT_HAS_EXPIRED};
            return 1;
        }
        break;
    case X509_V_ERR_OUT_OF_MEM:
        verification->rc = sg_fail_memory(verification->err);
        return 0;
    default:
        break;
    }
    verification->rc = note_error(verification->judgement, error, cert, verification->err);
    return verification->rc == SG_OK;
}

static enum sg_rc take_policies(X509_STORE_CTX *ctx, struct sg_verdict *verdict, struct sg_err *err)
{
    const X509_POLICY_TREE *tree = X509_STORE_CTX_get0_policy_tree(ctx);
    const STACK_OF(X509_POLICY_NODE) *nodes = tree ? X509_policy_tree_get0_user_policies(tree) : NULL;
    int count = sk_X509_POLICY_NODE_num(nodes);
    if (count <= 0)
        return SG_OK;
    verdict->policies = calloc((size_t)count, sizeof *verdict->policies);
    if (!verdict->policies)
        return sg_fail_memory(err);
    for (int i = 0; i < count; i++) {
        char text[128];
        const ASN1_OBJECT *policy = X509_policy_node_get0_policy(sk_X509_POLICY_NODE_value(nodes, i));
        if (OBJ_obj2txt(text, sizeof text, policy, 1) <= 0)
            continue;
        char *copy = strdup(text);
        if (!copy)
            return sg_fail_memory(err);
        verdict->policies[verdict->policy_count++] = copy;
    }
    return SG_OK;
}

/* OpenSSL refuses to build a path over a pair that does not fit, and then only says that there is none. */
static enum sg_rc check_links(STACK_OF(X509) *path, struct sg_judgement *judgement, bool *ret_fit, struct sg_err *err)
{
    bool fit = true;
    for (int i = 0; i + 1 < sk_X509_num(path); i++) {
        X509 *cert = sk_X509_value(path, i), *issuer = sk_X509_value(path, i + 1);
        int error = X509_check_issued(issuer, cert);
        if (error == X509_V_OK)
            continue;
        fit = false;
        enum sg_rc rc = note_error(judgement, error, issuer, err);
        if (rc != SG_OK)
            return rc;
    }
    *ret_fit = fit;
    return SG_OK;
}

/* OpenSSL is to judge this path and no other: it would look among the certificates for issuers by name, and take the
 * anchor where a certificate between has the anchor's name. */
static int is_next_on_path(X509_STORE_CTX *ctx, X509 *cert, X509 *issuer)
{
    const struct verification *verification = X509_STORE_CTX_get_app_data(ctx);
    for (int i = 0; i + 1 < sk_X509_num(verification->path); i++)
        if (sk_X509_value(verification->path, i) == cert)
            return sk_X509_value(verification->path, i + 1) == issuer;
    return 0;
}

static void free_borrowed(STACK_OF(X509) **certs)
{
    sk_X509_free(*certs);
}

/* RFC 5280 §6.1 over this path alone: the store holds its anchor, the untrusted certificates are what is between.
 * The anchor's dates count too (§6.1 leaves that open): an anchor that has ended vouches for nothing new. */
static enum sg_rc verify_path(OSSL_LIB_CTX *libctx, X509_VERIFY_PARAM *rules, struct verification *verification,
                              int *ret_error, struct sg_err *err)
{
    _cleanup_(X509_STORE_freep) X509_STORE *store = X509_STORE_new();
    _cleanup_(X509_STORE_CTX_freep) X509_STORE_CTX *ctx = X509_STORE_CTX_new_ex(libctx, NULL);
    _cleanup_(free_borrowed) STACK_OF(X509) *between = sk_X509_new_null();
    STACK_OF(X509) *path = verification->path;
    int length = sk_X509_num(path);
    if (!store || !ctx || !between)
        return sg_fail_memory(err);
    for (int i = 1; i < length - 1; i++)
        if (!sk_X509_push(between, sk_X509_value(path, i)))
            return sg_fail_memory(err);
    X509_STORE_set_check_issued(store, is_next_on_path);
    if (!X509_STORE_add_cert(store, sk_X509_value(path, length - 1)) || !X509_STORE_set1_param(store, rules) ||
        !X509_STORE_CTX_init(ctx, store, sk_X509_value(path, 0), between) ||
        !X509_STORE_CTX_set_app_data(ctx, verification))
        return sg_fail_ssl(err, SG_E_INTERNAL, _("Cannot prepare the check of a certificate"));
    X509_STORE_CTX_set_time(ctx, 0, (time_t)verification->at);
    X509_STORE_CTX_set_verify_cb(ctx, on_verify);
    bool right = X509_verify_cert(ctx) == 1 && sk_X509_num(X509_STORE_CTX_get0_chain(ctx)) == length;
    int error = X509_STORE_CTX_get_error(ctx);
    ERR_clear_error();
    if (verification->rc != SG_OK)
        return verification->rc;
    if (right) /* what was let pass is still there */
        error = X509_V_OK;
    else if (error == X509_V_OK)
        error = X509_V_ERR_UNSPECIFIED;
    *ret_error = error;
    return take_policies(ctx, &verification->judgement->verdict, err);
}

static bool is_silent(const struct verification *verification)
{
    return verification->judgement->verdict.reason_count + verification->date_count == 0;
}

/* OpenSSL bounds the work that policies may make (a tree of them grows exponentially with the path), and calls what is
 * beyond "out of memory". It is not, if the same path goes through without them. */
static enum sg_rc note_policy_limit(const struct sg_verifier *verifier, struct verification *verification,
                                    struct sg_err *err)
{
    _cleanup_(X509_VERIFY_PARAM_freep) X509_VERIFY_PARAM *rules = X509_VERIFY_PARAM_new();
    struct verification again = {
        .path = verification->path, .judgement = verification->judgement, .at = verification->at, .err = err};
    int error = X509_V_OK;
    if (!rules || !X509_VERIFY_PARAM_set_flags(rules, X509_V_FLAG_PARTIAL_CHAIN))
        return sg_fail_memory(err);
    enum sg_rc rc = verify_path(verifier->libctx, rules, &again, &error, err);
    if (rc == SG_OK && error == X509_V_ERR_OUT_OF_MEM)
        return sg_fail_memory(err);
    if (rc == SG_OK)
        rc = sg_judgement_note(verification->judgement, SG_SEVERITY_CHAIN_GENERAL, SG_REASON_PATH_LIMIT, err,
                               _("The policies of the certificates on the path are too many to be followed."));
    return rc;
}

static enum sg_rc run_openssl(const struct sg_verifier *verifier, struct verification *verification, struct sg_err *err)
{
    int error = X509_V_OK;
    enum sg_rc rc = verify_path(verifier->libctx, verifier->base, verification, &error, err);
    if (rc == SG_OK && error == X509_V_ERR_OUT_OF_MEM)
        return note_policy_limit(verifier, verification, err);
    if (rc == SG_OK && error != X509_V_OK && is_silent(verification)) /* it says no, but not why */
        rc = note_error(verification->judgement, error, sk_X509_value(verification->path, 0), err);
    return rc;
}

/* --- what OpenSSL does not check -----------------------------------------------------------------------------------
 */

static enum sg_rc note_problem(struct sg_judgement *judgement, enum sg_severity severity, enum sg_reason_code code,
                               X509 *cert, const char *problem, struct sg_err *err)
{
    _cleanup_(freep) char *subject = NULL;
    enum sg_rc rc = sg_name_text(X509_get_subject_name(cert), &subject, err);
    if (rc == SG_OK)
        rc = sg_judgement_note(judgement, severity, code, err,
                               _("The path to the anchor does not hold at the certificate of %s: %s."), subject,
                               _(problem));
    return rc;
}

static enum sg_rc check_profile(STACK_OF(X509) *path, struct sg_judgement *judgement, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;
    for (int i = 0; rc == SG_OK && i < sk_X509_num(path); i++) {
        const char *problem = sg_profile_problem(sk_X509_value(path, i), i > 0);
        if (problem)
            rc = note_problem(judgement, SG_SEVERITY_CHAIN_GENERAL, SG_REASON_PATH_INVALID, sk_X509_value(path, i),
                              problem, err);
    }
    return rc;
}

/* The names below `below` on the path; a self-issued certificate between is exempt (RFC 5280 §6.1.3 (b), (c)). */
static enum sg_rc check_names(STACK_OF(X509) *path, int below, const NAME_CONSTRAINTS *constraints,
                              struct sg_judgement *judgement, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;
    for (int i = 0; rc == SG_OK && i < below; i++) {
        X509 *cert = sk_X509_value(path, i);
        bool exempt = i > 0 && (X509_get_extension_flags(cert) & EXFLAG_SI);
        const char *problem = exempt ? NULL : sg_names_problem(cert, constraints);
        if (problem)
            rc = note_problem(judgement, SG_SEVERITY_CHAIN_CONSTRAINTS, SG_REASON_PATH_CONSTRAINT, cert, problem, err);
    }
    return rc;
}

/* Only where OpenSSL has found nothing: it bounds the product of names and constraints. */
static enum sg_rc check_all_names(STACK_OF(X509) *path, struct sg_judgement *judgement, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;
    for (int i = 1; rc == SG_OK && i < sk_X509_num(path); i++) {
        _cleanup_(NAME_CONSTRAINTS_freep) NAME_CONSTRAINTS *constraints =
            X509_get_ext_d2i(sk_X509_value(path, i), NID_name_constraints, NULL, NULL);
        if (constraints)
            rc = check_names(path, i, constraints, judgement, err);
    }
    return rc;
}

static enum sg_rc note_weak(struct sg_judgement *judgement, const struct sg_algorithm_answer *answer,
                            enum sg_reason_code code, X509 *cert, struct sg_err *err)
{
    _cleanup_(freep) char *subject = NULL;
    char time[SG_TIME_TEXT];
    enum sg_rc rc = sg_name_text(X509_get_subject_name(cert), &subject, err);
    if (rc != SG_OK)
        return rc;
    if (answer->until == SG_TIME_NONE)
        return sg_judgement_note(judgement, SG_SEVERITY_CHAIN_CRYPTO_CONSTRAINTS, code, err,
                                 _("The certificate of %s uses %s, which is not trusted."), subject, answer->name);
    return sg_judgement_note(judgement, SG_SEVERITY_CHAIN_CRYPTO_CONSTRAINTS, code, err,
                             _("The certificate of %s uses %s, which is not trusted since %s."), subject, answer->name,
                             sg_time_text(answer->until, time));
}

/* EN 319 102-1 §5.2.6.4: the cryptographic constraints hold for every certificate of the path; the anchor is trusted
 * for its key, so its own signature does not count. */
static enum sg_rc check_algorithms(STACK_OF(X509) *path, int64_t at, struct sg_judgement *judgement, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;
    for (int i = 0; rc == SG_OK && i < sk_X509_num(path); i++) {
        X509 *cert = sk_X509_value(path, i);
        struct sg_algorithm_answer answer = sg_cert_key_answer(cert, at);
        if (!answer.acceptable)
            rc = note_weak(judgement, &answer, SG_REASON_WEAK_KEY, cert, err);
        if (rc != SG_OK || i + 1 == sk_X509_num(path))
            break;
        answer = sg_cert_signature_answer(cert, at);
        if (!answer.acceptable)
            rc = note_weak(judgement, &answer, SG_REASON_WEAK_ALGORITHM, cert, err);
    }
    return rc;
}

/* The anchor is trusted for what the store says, not for what it says of itself. */
static enum sg_rc check_usage(STACK_OF(X509) *path, enum sg_cert_purpose purpose, struct sg_judgement *judgement,
                              struct sg_err *err)
{
    const char *problem = sg_usage_problem(sk_X509_value(path, 0), purpose);
    enum sg_rc rc = SG_OK;
    if (problem)
        rc = sg_judgement_note(judgement, SG_SEVERITY_CHAIN_CONSTRAINTS, SG_REASON_WRONG_USAGE, err, "%s", _(problem));
    for (int i = 1; rc == SG_OK && i + 1 < sk_X509_num(path); i++) {
        problem = sg_usage_ca_problem(sk_X509_value(path, i), purpose);
        if (problem)
            rc = sg_judgement_note(judgement, SG_SEVERITY_CHAIN_CONSTRAINTS, SG_REASON_PATH_CONSTRAINT, err, "%s",
                                   _(problem));
    }
    return rc;
}

/* Every certificate but the anchor. */
static enum sg_rc check_revocation(const struct sg_chain_request *request, STACK_OF(X509) *path,
                                   struct sg_judgement *judgement, bool *ret_leaf_good, struct sg_err *err)
{
    const struct sg_verifier *verifier = request->verifier;
    struct sg_revocation_request revocation = {.libctx = verifier->libctx,
                                               .trust = verifier->trust,
                                               .carried = request->carried,
                                               .steps = request->steps,
                                               .mode = request->revocation,
                                               .stale = verifier->stale,
                                               .at = request->at,
                                               .known_at = request->known_at ? request->known_at : verifier->at,
                                               .present = verifier->at,
                                               .now = verifier->at > verifier->now ? verifier->at : verifier->now,
                                               .proves_time = request->purpose == SG_CERT_TIMESTAMP};
    *ret_leaf_good = false;
    if (request->revocation == SG_REVOCATION_NONE)
        return sg_judgement_note(judgement, SG_SEVERITY_NONE, SG_REASON_REVOCATION_NOT_ASKED, err,
                                 _("Whether the certificates have been revoked was not asked."));
    for (int i = 0; i + 1 < sk_X509_num(path); i++) {
        bool good = false;
        enum sg_rc rc = sg_revocation_judge(&revocation, sk_X509_value(path, i), sk_X509_value(path, i + 1), i == 0,
                                            judgement, &good, err);
        if (rc != SG_OK)
            return rc;
        if (i == 0)
            *ret_leaf_good = good;
    }
    return SG_OK;
}

static enum sg_rc note_date(const struct date_problem *problem, bool leaf, bool leaf_good,
                            struct sg_judgement *judgement, struct sg_err *err)
{
    X509 *cert = problem->cert;
    const ASN1_TIME *limit = problem->expired ? X509_get0_notAfter(cert) : X509_get0_notBefore(cert);
    _cleanup_(freep) char *subject = NULL;
    char time[SG_TIME_TEXT] = "?";
    int64_t when;
    enum sg_rc rc = sg_name_text(X509_get_subject_name(cert), &subject, err);
    if (rc != SG_OK)
        return rc;
    if (sg_time_from_asn1(limit, &when))
        (void)sg_time_text(when, time);
    if (!problem->expired)
        return sg_judgement_note(judgement, leaf ? SG_SEVERITY_OUT_OF_BOUNDS : SG_SEVERITY_CA_OUT_OF_BOUNDS,
                                 leaf ? SG_REASON_NOT_YET_VALID : SG_REASON_CA_NOT_YET_VALID, err,
                                 _("The certificate of %s is valid only from %s on."), subject, time);
    enum sg_severity severity = leaf_good ? SG_SEVERITY_OUT_OF_BOUNDS_NOT_REVOKED : SG_SEVERITY_OUT_OF_BOUNDS;
    return sg_judgement_note(judgement, leaf ? severity : SG_SEVERITY_CA_OUT_OF_BOUNDS,
                             leaf ? SG_REASON_EXPIRED : SG_REASON_CA_EXPIRED, err,
                             _("The certificate of %s ended at %s."), subject, time);
}

static enum sg_rc keep_path(STACK_OF(X509) *path, struct sg_judgement *judgement, struct sg_err *err)
{
    for (int i = 0; i < sk_X509_num(path); i++) {
        int64_t not_after;
        if (sg_time_from_asn1(X509_get0_notAfter(sk_X509_value(path, i)), &not_after))
            sg_judgement_good_until(judgement, not_after);
    }
    judgement->verdict.chain = X509_chain_up_ref(path);
    return judgement->verdict.chain ? SG_OK : sg_fail_memory(err);
}

enum sg_rc sg_judge_chain(const struct sg_chain_request *request, STACK_OF(X509) *path, struct sg_judgement *judgement,
                          struct sg_err *err)
{
    struct verification verification = {.path = path, .judgement = judgement, .at = request->at, .err = err};
    bool fit = false, leaf_good = false;
    enum sg_rc rc = check_links(path, judgement, &fit, err);
    if (rc == SG_OK && fit)
        rc = run_openssl(request->verifier, &verification, err);
    if (rc != SG_OK || judgement->severity >= SG_SEVERITY_NO_CHAIN)
        return rc;

    rc = keep_path(path, judgement, err);
    if (rc == SG_OK)
        rc = check_profile(path, judgement, err);
    if (rc == SG_OK && judgement->severity == SG_SEVERITY_NONE)
        rc = check_all_names(path, judgement, err);
    if (rc == SG_OK)
        rc = check_usage(path, request->purpose, judgement, err);
    if (rc == SG_OK)
        rc = check_algorithms(path, request->at, judgement, err);
    if (rc == SG_OK)
        rc = check_revocation(request, path, judgement, &leaf_good, err);
    for (size_t i = 0; rc == SG_OK && i < verification.date_count; i++)
        rc = note_date(&verification.dates[i], verification.dates[i].cert == sk_X509_value(path, 0), leaf_good,
                       judgement, err);
    return rc;
}
