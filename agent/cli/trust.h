/* What the trust commands share: a line about an anchor or a revocation list. */
#pragma once

#include "cli/app.h"
#include "verify/verify.h"

/* NULL and SG_TIME_NONE: does not apply. */
struct sg_trust_item {
    const char *kind, *sha256, *subject, *source;
    unsigned purposes;
    int64_t added, not_after, this_update, next_update;
};

/* Prints it as JSON ("signet.trust/1"), where that is asked for. `action`: "added", "removed", "listed", "exported". */
SG_MUST_CHECK enum sg_rc sg_trust_print_item(const struct sg_voice *voice, const char *action,
                                             const struct sg_trust_item *item, struct sg_err *err);
/* Says an anchor, for people or as JSON. */
SG_MUST_CHECK enum sg_rc sg_trust_print_anchor(struct sg_app *app, const char *action, X509 *cert, unsigned purposes,
                                               const char *source, int64_t added, struct sg_err *err);
/* 64 hexadecimal digits, whatever case and colons they were copied with, in lower case; else SG_E_USAGE. */
SG_MUST_CHECK enum sg_rc sg_trust_sha256(const char *given, char out[SG_SHA256_HEX], struct sg_err *err);
/* SG_TIME_NONE where there is none, or it cannot be read. */
int64_t sg_trust_time(const ASN1_TIME *time);
