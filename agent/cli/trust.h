/* What the trust commands share: a line about an anchor, a revocation list or an OCSP response. */
#pragma once

#include "cli/app.h"
#include "cli/options.h"
#include "verify/verify.h"

/* Rows of an option table: what anchors that are added are limited to. */
#define SG_LIMIT_OPTIONS                                                                                               \
    {.name = "not-before", .argument = "TIME", .help = N_("judged before that time, they do not count")},              \
        {.name = "not-after", .argument = "TIME", .help = N_("judged after that time, they do not count")},            \
        {.name = "permit",                                                                                             \
         .argument = "NAME",                                                                                           \
         .repeatable = true,                                                                                           \
         .help = N_("they may vouch for names under email:, dns:, uri:, ip: or dir:NAME alone")},                      \
        {.name = "exclude", .argument = "NAME", .repeatable = true, .help = N_("and for none under such a NAME")},     \
    {                                                                                                                  \
        .name = "policy", .argument = "OID", .repeatable = true, .help = N_("one of these policies is needed")         \
    }

/* NULL and SG_TIME_NONE: does not apply. */
struct sg_trust_item {
    const char *kind, *sha256, *subject, *source;
    const char *limits; /* as in the snapshot */
    unsigned purposes;
    int64_t added, not_after, this_update, next_update;
};

/* Prints it as JSON ("signet.trust/1"), where that is asked for. `action`: "added", "removed", "listed", "exported". */
SG_MUST_CHECK enum sg_rc sg_trust_print_item(const struct sg_voice *voice, const char *action,
                                             const struct sg_trust_item *item, struct sg_err *err);
/* Says an anchor, for people or as JSON. Of `anchor` the certificate's DER does not count, `cert` does. */
SG_MUST_CHECK enum sg_rc sg_trust_print_anchor(struct sg_app *app, const char *action, X509 *cert,
                                               const struct sg_snapshot_anchor *anchor, struct sg_err *err);

/* What --purpose says; all of them if it is not given. */
SG_MUST_CHECK enum sg_rc sg_trust_purposes(const struct sg_args *args, unsigned *ret, struct sg_err *err);
/* The text (verify/anchor_limits.h) of the limits that the options --not-before, --not-after, --permit, --exclude and
 * --policy give; appends. One that is none: SG_E_USAGE. */
SG_MUST_CHECK enum sg_rc sg_trust_limits_given(const struct sg_args *args, struct sg_buf *text, struct sg_err *err);
json_t *sg_trust_limits_json(const char *limits); /* null where there are none */
/* On one line. Allocated. */
SG_MUST_CHECK enum sg_rc sg_trust_limits_text(const char *limits, char **ret, struct sg_err *err);
/* Says what an OCSP response says of one certificate, likewise; `sha256` is the response's. */
SG_MUST_CHECK enum sg_rc sg_trust_print_ocsp(struct sg_app *app, const char *action, const char *sha256,
                                             const struct sg_snapshot_ocsp *ocsp, int64_t added, struct sg_err *err);
/* Shows a certificate to the person who is about to be asked whether to trust it: for what, and within which limits. */
SG_MUST_CHECK enum sg_rc sg_trust_show(const char *subject, const char *sha256, unsigned purposes, const char *limits,
                                       struct sg_err *err);
/* 64 hexadecimal digits, whatever case and colons they were copied with, in lower case; else SG_E_USAGE. */
SG_MUST_CHECK enum sg_rc sg_trust_sha256(const char *given, char out[SG_SHA256_HEX], struct sg_err *err);
/* SG_TIME_NONE where there is none, or it cannot be read. */
int64_t sg_trust_time(const ASN1_TIME *time);
/* `trust add --list`: applies a signed list of anchors, and nothing else. */
SG_MUST_CHECK enum sg_rc sg_trust_add_list(struct sg_app *app, const struct sg_args *args, struct sg_err *err);
