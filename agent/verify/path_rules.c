#include "verify/path_rules.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/limits.h"
#include "base/msg.h"
#include "verify/names.h"
#include "verify/profile.h"

SG_DEFINE_CLEANUP(X509_VERIFY_PARAM, X509_VERIFY_PARAM_free)

/* What OpenSSL's callbacks need. */
struct verification {
    STACK_OF(X509) *path;
    struct sg_judgement *judgement;
    struct sg_path_dates *dates;
    int64_t at;
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
        if (cert && verification->dates->count < SG_MAX_PATH_LENGTH) {
            size_t next = verification->dates->count++;
            verification->dates->items[next].cert = cert;
            verification->dates->items[next].expired = error == X509_V_ERR_CERT_HAS_EXPIRED;
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
static enum sg_rc verify_path(OSSL_LIB_CTX *libctx, X509_VERIFY_PARAM *param, struct verification *verification,
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
    if (!X509_STORE_add_cert(store, sk_X509_value(path, length - 1)) || !X509_STORE_set1_param(store, param) ||
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

/* OpenSSL bounds the work that policies may make (a tree of them grows exponentially with the path), and calls what is
 * beyond "out of memory". It is not, if the same path goes through without them. */
static enum sg_rc note_policy_limit(OSSL_LIB_CTX *libctx, const struct verification *verification, struct sg_err *err)
{
    _cleanup_(X509_VERIFY_PARAM_freep) X509_VERIFY_PARAM *param = X509_VERIFY_PARAM_new();
    struct sg_path_dates dates = {0};
    struct verification again = {.path = verification->path,
                                 .judgement = verification->judgement,
                                 .dates = &dates,
                                 .at = verification->at,
                                 .err = err};
    int error = X509_V_OK;
    if (!param || !X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN))
        return sg_fail_memory(err);
    enum sg_rc rc = verify_path(libctx, param, &again, &error, err);
    if (rc == SG_OK && error == X509_V_ERR_OUT_OF_MEM)
        return sg_fail_memory(err);
    if (rc == SG_OK)
        rc = sg_judgement_note(verification->judgement, SG_SEVERITY_CHAIN_GENERAL, SG_REASON_PATH_LIMIT, err,
                               _("The policies of the certificates on the path are too many to be followed."));
    return rc;
}

static enum sg_rc run_openssl(OSSL_LIB_CTX *libctx, X509_VERIFY_PARAM *param, struct verification *verification,
                              struct sg_err *err)
{
    const struct sg_verdict *verdict = &verification->judgement->verdict;
    int error = X509_V_OK;
    enum sg_rc rc = verify_path(libctx, param, verification, &error, err);
    if (rc == SG_OK && error == X509_V_ERR_OUT_OF_MEM)
        return note_policy_limit(libctx, verification, err);
    bool silent = verdict->reason_count + verification->dates->count == 0;
    if (rc == SG_OK && error != X509_V_OK && silent) /* it says no, but not why */
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

/* Whether the path's certificate at `index` is exempt from constraints: a self-issued one between (RFC 5280 §6.1.3 (b),
 * (c)). */
static bool is_exempt(X509 *cert, int index)
{
    return index > 0 && (X509_get_extension_flags(cert) & EXFLAG_SI);
}

/* The names below `below` on the path. */
static enum sg_rc check_names(STACK_OF(X509) *path, int below, const NAME_CONSTRAINTS *constraints,
                              struct sg_judgement *judgement, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;
    for (int i = 0; rc == SG_OK && i < below; i++) {
        X509 *cert = sk_X509_value(path, i);
        const char *problem = is_exempt(cert, i) ? NULL : sg_names_problem(cert, constraints);
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

/* --- what the anchor is limited to -------------------------------------------------------------------------------- */

static bool has_policy(const STACK_OF(ASN1_OBJECT) *policies, const ASN1_OBJECT *wanted)
{
    for (int i = 0; i < sk_ASN1_OBJECT_num(policies); i++)
        if (OBJ_cmp(sk_ASN1_OBJECT_value(policies, i), wanted) == 0)
            return true;
    return false;
}

static void free_policies(STACK_OF(ASN1_OBJECT) **policies)
{
    sk_ASN1_OBJECT_free(*policies);
}

/* RFC 5937 §3.1: of the user's initial policies those that the anchor has too, one of which is needed. None is left:
 * `*ret` is NULL, and that is noted. */
static enum sg_rc limit_policies(const struct sg_path_rules *rules, X509_VERIFY_PARAM **ret,
                                 struct sg_judgement *judgement, struct sg_err *err)
{
    _cleanup_(X509_VERIFY_PARAM_freep) X509_VERIFY_PARAM *param = X509_VERIFY_PARAM_new();
    _cleanup_(free_policies) STACK_OF(ASN1_OBJECT) *common = sk_ASN1_OBJECT_new_null(); /* borrowed */
    const STACK_OF(ASN1_OBJECT) *of_anchor = rules->limits->policies;
    if (!param || !common || !X509_VERIFY_PARAM_set1(param, rules->param) ||
        !X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_EXPLICIT_POLICY))
        return sg_fail_memory(err);
    for (int i = 0; i < sk_ASN1_OBJECT_num(of_anchor); i++) {
        ASN1_OBJECT *policy = sk_ASN1_OBJECT_value(of_anchor, i);
        if ((!rules->policies || has_policy(rules->policies, policy)) && sk_ASN1_OBJECT_push(common, policy) <= 0)
            return sg_fail_memory(err);
    }
    if (sk_ASN1_OBJECT_num(common) == 0)
        return sg_judgement_note(judgement, SG_SEVERITY_CHAIN_CONSTRAINTS, SG_REASON_POLICY_NOT_MET, err,
                                 _("The anchor of the path is not trusted here for any of the policies asked for."));
    if (!X509_VERIFY_PARAM_set1_policies(param, common))
        return sg_fail_memory(err);
    *ret = sg_steal(param);
    return SG_OK;
}

/* RFC 5937 §3.1: as if the anchor's certificate had them. */
static enum sg_rc check_anchor_names(STACK_OF(X509) *path, NAME_CONSTRAINTS *names, struct sg_judgement *judgement,
                                     struct sg_err *err)
{
    int length = sk_X509_num(path), below = length > 1 ? length - 1 : 1;
    enum sg_rc rc = SG_OK;
    for (int i = 0; rc == SG_OK && i < below; i++) {
        X509 *cert = sk_X509_value(path, i);
        if (!is_exempt(cert, i) && NAME_CONSTRAINTS_check(cert, names) != X509_V_OK)
            rc = note_problem(judgement, SG_SEVERITY_CHAIN_CONSTRAINTS, SG_REASON_PATH_CONSTRAINT, cert,
                              N_("its names are not among those that the anchor is trusted for"), err);
    }
    return rc == SG_OK ? check_names(path, below, names, judgement, err) : rc;
}

static enum sg_rc check_anchor_dates(const struct sg_path_rules *rules, X509 *anchor, struct sg_judgement *judgement,
                                     struct sg_err *err)
{
    const struct sg_anchor_limits *limits = rules->limits;
    _cleanup_(freep) char *subject = NULL;
    char time[SG_TIME_TEXT];
    sg_judgement_lasts_until(judgement, limits->not_after);
    bool early = limits->not_before != SG_TIME_NONE && rules->at < limits->not_before;
    bool late = limits->not_after != SG_TIME_NONE && rules->at > limits->not_after;
    if (!early && !late)
        return SG_OK;
    enum sg_rc rc = sg_name_text(X509_get_subject_name(anchor), &subject, err);
    if (rc == SG_OK && early)
        rc = sg_judgement_note(judgement, SG_SEVERITY_CA_OUT_OF_BOUNDS, SG_REASON_CA_NOT_YET_VALID, err,
                               _("The anchor %s is trusted here only from %s on."), subject,
                               sg_time_text(limits->not_before, time));
    if (rc == SG_OK && late)
        rc = sg_judgement_note(judgement, SG_SEVERITY_CA_OUT_OF_BOUNDS, SG_REASON_CA_EXPIRED, err,
                               _("The anchor %s is trusted here only until %s."), subject,
                               sg_time_text(limits->not_after, time));
    return rc;
}

/* --- all of it ---------------------------------------------------------------------------------------------------- */

static enum sg_rc judge_rest(const struct sg_path_rules *rules, STACK_OF(X509) *path, struct sg_judgement *judgement,
                             struct sg_err *err)
{
    enum sg_rc rc = check_profile(path, judgement, err);
    if (rc == SG_OK && judgement->severity == SG_SEVERITY_NONE)
        rc = check_all_names(path, judgement, err);
    if (rc == SG_OK && rules->limits && rules->limits->names)
        rc = check_anchor_names(path, rules->limits->names, judgement, err);
    if (rc == SG_OK && rules->limits)
        rc = check_anchor_dates(rules, sk_X509_value(path, sk_X509_num(path) - 1), judgement, err);
    return rc;
}

enum sg_rc sg_path_judge(const struct sg_path_rules *rules, STACK_OF(X509) *path, struct sg_judgement *judgement,
                         struct sg_path_dates *ret_dates, struct sg_err *err)
{
    _cleanup_(X509_VERIFY_PARAM_freep) X509_VERIFY_PARAM *limited = NULL;
    struct verification verification = {
        .path = path, .judgement = judgement, .dates = ret_dates, .at = rules->at, .err = err};
    bool has_policies = rules->limits && rules->limits->policies, fit = false;
    *ret_dates = (struct sg_path_dates){0};
    enum sg_rc rc = check_links(path, judgement, &fit, err);
    if (rc != SG_OK || !fit)
        return rc;
    if (has_policies)
        rc = limit_policies(rules, &limited, judgement, err);
    if (rc == SG_OK)
        rc = run_openssl(rules->libctx, limited ? limited : rules->param, &verification, err);
    if (rc == SG_OK && judgement->severity < SG_SEVERITY_NO_CHAIN)
        rc = judge_rest(rules, path, judgement, err);
    return rc;
}
