#include "cli/judging.h"

#include <string.h>

#include "base/input.h"
#include "base/limits.h"
#include "base/msg.h"
#include "formats/name.h"
#include "formats/pem.h"

enum sg_rc sg_file_certs(struct sg_app *app, const char *path, STACK_OF(X509) *certs, struct sg_err *err)
{
    OSSL_LIB_CTX *libctx = NULL;
    enum sg_rc rc = sg_app_libctx(app, &libctx, err);
    if (rc != SG_OK)
        return rc;
    _cleanup_(sg_input_freep) struct sg_input *input = NULL;
    rc = sg_input_open(path, &input, err);
    if (rc != SG_OK)
        return rc;
    return sg_certs_read(input, libctx, certs, err);
}

enum sg_rc sg_option_certs(struct sg_app *app, const struct sg_args *args, const char *name, STACK_OF(X509) *certs,
                           struct sg_err *err)
{
    for (size_t i = 0; i < sg_args_count(args, name); i++) {
        enum sg_rc rc = sg_file_certs(app, sg_args_item(args, name, i), certs, err);
        if (rc != SG_OK)
            return rc;
    }
    return SG_OK;
}

/* The CRLs of the file that was opened last. */
static enum sg_rc add_places(struct sg_crl_files *crls, const char *path, struct sg_err *err)
{
    const struct sg_crl_file *file = crls->files[crls->file_count - 1];
    size_t count = crls->count + sg_crl_file_count(file);
    struct sg_crl_place *places = reallocarray(crls->places, count, sizeof(*places));
    if (places)
        crls->places = places;
    const char **paths = reallocarray(crls->paths, count, sizeof(*paths));
    if (paths)
        crls->paths = paths;
    if (!places || !paths)
        return sg_fail_memory(err);
    for (size_t i = 0; i < sg_crl_file_count(file); i++, crls->count++) {
        places[crls->count] = sg_crl_file_place(file, i);
        paths[crls->count] = path;
    }
    return SG_OK;
}

enum sg_rc sg_option_crls(const struct sg_args *args, struct sg_crl_files *crls, struct sg_err *err)
{
    size_t count = sg_args_count(args, "crl");
    enum sg_rc rc = SG_OK;
    crls->inputs = calloc(count + 1, sizeof(*crls->inputs));
    crls->files = calloc(count + 1, sizeof(*crls->files));
    if (!crls->inputs || !crls->files)
        return sg_fail_memory(err);
    for (size_t i = 0; rc == SG_OK && i < count; i++) {
        const char *path = sg_args_item(args, "crl", i);
        crls->file_count++;
        rc = sg_input_open(path, &crls->inputs[i], err);
        if (rc == SG_OK)
            rc = sg_crl_file_open(crls->inputs[i], &crls->files[i], err);
        if (rc == SG_OK)
            rc = add_places(crls, path, err);
    }
    return rc;
}

void sg_crl_files_clear(struct sg_crl_files *crls)
{
    for (size_t i = 0; i < crls->file_count; i++) {
        sg_crl_file_free(crls->files[i]);
        sg_input_free(crls->inputs[i]);
    }
    free(crls->files);
    free(crls->inputs);
    free(crls->places);
    free(crls->paths);
    *crls = (struct sg_crl_files){0};
}

static enum sg_rc read_ocsp(const char *path, struct sg_slice *ret, struct sg_err *err)
{
    _cleanup_(sg_input_freep) struct sg_input *input = NULL;
    struct sg_buf bytes = SG_BUF(SG_MAX_OCSP_ANSWER);
    enum sg_rc rc = sg_input_open(path, &input, err);
    if (rc == SG_OK)
        rc = sg_input_read_all(input, &bytes, err);
    if (rc != SG_OK)
        sg_buf_clear(&bytes);
    else
        *ret = sg_buf_slice(&bytes); /* which the list now owns */
    return rc;
}

enum sg_rc sg_option_ocsps(const struct sg_args *args, struct sg_ocsp_files *ocsps, struct sg_err *err)
{
    size_t count = sg_args_count(args, "ocsp");
    enum sg_rc rc = SG_OK;
    ocsps->responses = calloc(count + 1, sizeof *ocsps->responses);
    ocsps->paths = calloc(count + 1, sizeof *ocsps->paths);
    if (!ocsps->responses || !ocsps->paths)
        return sg_fail_memory(err);
    for (size_t i = 0; rc == SG_OK && i < count; i++) {
        ocsps->paths[i] = sg_args_item(args, "ocsp", i);
        rc = read_ocsp(ocsps->paths[i], &ocsps->responses[i], err);
        ocsps->count += rc == SG_OK;
    }
    return rc;
}

void sg_ocsp_files_clear(struct sg_ocsp_files *ocsps)
{
    for (size_t i = 0; i < ocsps->count; i++)
        free((uint8_t *)ocsps->responses[i].data);
    free(ocsps->responses);
    free(ocsps->paths);
    *ocsps = (struct sg_ocsp_files){0};
}

static enum sg_revocation_mode revocation_mode(const struct sg_config *config)
{
    const char *text = sg_config_text(config, SG_KEY_VERIFY_REVOCATION);
    if (strcmp(text, "none") == 0)
        return SG_REVOCATION_NONE;
    return strcmp(text, "soft") == 0 ? SG_REVOCATION_SOFT : SG_REVOCATION_HARD;
}

/* RFC 5280 §6.1.1 (c) to (g). */
static enum sg_rc policy_options(const struct sg_args *args, struct sg_judging *judging, struct sg_policy_options *ret,
                                 struct sg_err *err)
{
    size_t count = sg_args_count(args, "policy");
    if (count > 0) {
        judging->policies = calloc(count, sizeof(*judging->policies));
        if (!judging->policies)
            return sg_fail_memory(err);
    }
    for (size_t i = 0; i < count; i++) {
        const char *text = sg_args_item(args, "policy", i);
        _cleanup_(ASN1_OBJECT_freep) ASN1_OBJECT *oid = strcmp(text, "any") == 0 ? NULL : OBJ_txt2obj(text, 1);
        if (!oid && strcmp(text, "any") != 0)
            return sg_fail(err, SG_E_USAGE,
                           _("--policy wants an object identifier such as 2.16.840.1.101.3.2.1.48.1, "
                             "or any."));
        judging->policies[i] = text;
    }

    int max_depth = -1;
    const char *depth = sg_args_value(args, "max-depth");
    if (depth) {
        char *end = NULL;
        long value = strtol(depth, &end, 10);
        if (*depth == '\0' || *end != '\0' || value < 0)
            return sg_fail(err, SG_E_USAGE, _("--max-depth wants a number from 0 on."));
        max_depth = value > SG_MAX_PATH_LENGTH ? -1 : (int)value; /* our own limit is lower then */
    }
    *ret = (struct sg_policy_options){
        .policies = judging->policies,
        .policy_count = count,
        .explicit_policy = sg_args_flag(args, "explicit-policy"),
        .inhibit_mapping = sg_args_flag(args, "inhibit-mapping"),
        .inhibit_any_policy = sg_args_flag(args, "inhibit-any-policy"),
        .max_depth = max_depth,
    };
    return SG_OK;
}

/* As `signet trust add` has it; but who vouches for itself may be named for once. */
static enum sg_rc check_anchors(const STACK_OF(X509) *anchors, struct sg_err *err)
{
    _cleanup_(freep) char *subject = NULL;
    for (int i = 0; i < sk_X509_num(anchors); i++) {
        X509 *cert = sk_X509_value(anchors, i);
        if (sg_cert_is_ca(cert) || (X509_get_extension_flags(cert) & EXFLAG_SI))
            continue;
        enum sg_rc rc = sg_name_text(X509_get_subject_name(cert), &subject, err);
        if (rc != SG_OK)
            return rc;
        return sg_fail(err, SG_E_MALFORMED,
                       _("%s is not the certificate of a CA (its basic constraints do not say so), so it "
                         "cannot be a trust anchor."),
                       subject);
    }
    return SG_OK;
}

/* What the options --anchor, --intermediate, --crl and --ocsp name, and what `extra` adds. */
static enum sg_rc read_files(struct sg_app *app, const struct sg_args *args, const STACK_OF(X509) *extra,
                             struct sg_judging *judging, struct sg_err *err)
{
    judging->anchors = sk_X509_new_null();
    judging->intermediates = sk_X509_new_null();
    if (!judging->anchors || !judging->intermediates)
        return sg_fail_memory(err);
    enum sg_rc rc = sg_option_certs(app, args, "anchor", judging->anchors, err);
    if (rc == SG_OK)
        rc = check_anchors(judging->anchors, err);
    if (rc == SG_OK)
        rc = sg_option_certs(app, args, "intermediate", judging->intermediates, err);
    if (rc == SG_OK)
        rc = sg_option_crls(args, &judging->crls, err);
    if (rc == SG_OK)
        rc = sg_option_ocsps(args, &judging->ocsps, err);
    for (int i = 0; rc == SG_OK && i < sk_X509_num(extra); i++)
        if (!X509_add_cert(judging->intermediates, sk_X509_value(extra, i), X509_ADD_FLAG_UP_REF))
            rc = sg_fail_memory(err);
    return rc;
}

enum sg_rc sg_judging_init(struct sg_app *app, const struct sg_args *args, const STACK_OF(X509) *extra,
                           struct sg_judging *judging, struct sg_err *err)
{
    *judging = (struct sg_judging){0};
    struct sg_verifier_options options = {
        .log = &app->log,
        .revocation = revocation_mode(app->config),
        .stale = sg_config_seconds(app->config, SG_KEY_VERIFY_STALE),
        .at = SG_TIME_NONE,
        .clock = app->clock,
    };
    enum sg_rc rc = sg_app_libctx(app, &options.libctx, err);
    if (rc == SG_OK && sg_args_flag(args, "at"))
        rc = sg_time_parse(sg_args_value(args, "at"), &options.at, err);
    if (rc == SG_OK)
        rc = policy_options(args, judging, &options.policy, err);
    if (rc == SG_OK)
        rc = sg_snapshot_open(app->paths.state, options.libctx, &judging->snapshot, err);
    if (rc == SG_OK)
        rc = read_files(app, args, extra, judging, err);
    if (rc != SG_OK)
        return rc;
    options.snapshot = judging->snapshot;
    options.anchors = judging->anchors;
    options.intermediates = judging->intermediates;
    options.crls = judging->crls.places;
    options.crl_count = judging->crls.count;
    options.ocsps = judging->ocsps.responses;
    options.ocsp_count = judging->ocsps.count;
    return sg_verifier_new(&options, &judging->verifier, err);
}

void sg_judging_clear(struct sg_judging *judging)
{
    sg_verifier_free(judging->verifier);
    sg_crl_files_clear(&judging->crls);
    sg_ocsp_files_clear(&judging->ocsps);
    sg_x509_stack_free(judging->intermediates);
    sg_x509_stack_free(judging->anchors);
    sg_snapshot_free(judging->snapshot);
    free(judging->policies);
    *judging = (struct sg_judging){0};
}

enum sg_rc sg_judging_strict(struct sg_app *app, const struct sg_snapshot *snapshot, struct sg_verifier **ret,
                             struct sg_err *err)
{
    const struct sg_verifier_options options = {.libctx = app->libctx,
                                                .snapshot = snapshot,
                                                .revocation = SG_REVOCATION_HARD,
                                                .at = SG_TIME_NONE,
                                                .clock = app->clock,
                                                .policy = {.max_depth = -1}};

    return sg_verifier_new(&options, ret, err);
}
