/* What `verify` and `cert check` share: their options, and the verifier made from them. */
#pragma once

#include "cli/app.h"
#include "verify/verify.h"

/* Rows of an option table. */
#define SG_JUDGING_OPTIONS                                                                                             \
    {.name = "at", .argument = "TIME", .help = N_("judge as of this time (RFC 3339)")},                                \
        {.name = "anchor",                                                                                             \
         .argument = "FILE",                                                                                           \
         .repeatable = true,                                                                                           \
         .help = N_("trust these certificates, not the stored anchors")},                                              \
        {.name = "intermediate",                                                                                       \
         .argument = "FILE",                                                                                           \
         .repeatable = true,                                                                                           \
         .help = N_("certificates that may help to build a path")},                                                    \
        {.name = "crl", .argument = "FILE", .repeatable = true, .help = N_("further revocation lists")},               \
        {.name = "ocsp", .argument = "FILE", .repeatable = true, .help = N_("further OCSP responses")},                \
        {.name = "revocation",                                                                                         \
         .argument = "none|soft|hard",                                                                                 \
         .sets_key = true,                                                                                             \
         .key = SG_KEY_VERIFY_REVOCATION,                                                                              \
         .help = N_("how much revocation data is asked for (hard)")},                                                  \
        {.name = "policy",                                                                                             \
         .argument = "OID|any",                                                                                        \
         .repeatable = true,                                                                                           \
         .help = N_("a certificate policy that is acceptable")},                                                       \
        {.name = "explicit-policy", .help = N_("a valid policy is required")},                                         \
        {.name = "inhibit-mapping", .help = N_("policy mapping is not allowed")},                                      \
        {.name = "inhibit-any-policy", .help = N_("anyPolicy is not honoured")},                                       \
    {                                                                                                                  \
        .name = "max-depth", .argument = "N", .help = N_("at most N intermediate certificates")                        \
    }

/* The bytes of OCSP responses, and the file that each is from (the option's, borrowed). */
struct sg_ocsp_files {
    struct sg_slice *responses;
    const char **paths;
    size_t count;
};

/* The CRLs of files, and the file that each is from (the option's, borrowed). */
struct sg_crl_files {
    struct sg_crl_place *places;
    const char **paths;
    size_t count;
    struct sg_input **inputs;
    struct sg_crl_file **files;
    size_t file_count;
};

struct sg_judging {
    struct sg_snapshot *snapshot;
    STACK_OF(X509) *anchors;
    STACK_OF(X509) *intermediates;
    struct sg_crl_files crls;
    struct sg_ocsp_files ocsps;
    const char **policies;
    struct sg_verifier *verifier;
};

/* `extra` helps to build paths besides the --intermediate ones; NULL: none. Clear with sg_judging_clear() also after a
 * failure. */
SG_MUST_CHECK enum sg_rc sg_judging_init(struct sg_app *app, const struct sg_args *args, const STACK_OF(X509) *extra,
                                         struct sg_judging *judging, struct sg_err *err);
void sg_judging_clear(struct sg_judging *judging);

/* Judges what is made for this program (a profile, a list of anchors): by the snapshot alone, with revocation data. */
SG_MUST_CHECK enum sg_rc sg_judging_strict(struct sg_app *app, const struct sg_snapshot *snapshot,
                                           struct sg_verifier **ret, struct sg_err *err);

/* Appends the certificates of every file that option `name` gives. */
SG_MUST_CHECK enum sg_rc sg_option_certs(struct sg_app *app, const struct sg_args *args, const char *name,
                                         STACK_OF(X509) *certs, struct sg_err *err);
/* Appends the certificates of one file. */
SG_MUST_CHECK enum sg_rc sg_file_certs(struct sg_app *app, const char *path, STACK_OF(X509) *certs, struct sg_err *err);
/* Finds the CRLs in every file that --crl gives. They are for verify/ to read. Clear also after a failure. */
SG_MUST_CHECK enum sg_rc sg_option_crls(const struct sg_args *args, struct sg_crl_files *crls, struct sg_err *err);
void sg_crl_files_clear(struct sg_crl_files *crls);
/* Reads every file that --ocsp gives. What is in it is for verify/ to say. */
SG_MUST_CHECK enum sg_rc sg_option_ocsps(const struct sg_args *args, struct sg_ocsp_files *ocsps, struct sg_err *err);
void sg_ocsp_files_clear(struct sg_ocsp_files *ocsps);
