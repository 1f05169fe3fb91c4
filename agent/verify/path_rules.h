/* RFC 5280 §6.1 over one candidate path: by OpenSSL as far as it checks it, by us beyond, and by the limits that the
 * path's anchor has. Usage, algorithms and revocation are others' (chain.c). */
#pragma once

#include <stdbool.h>

#include <openssl/x509_vfy.h>

#include "verify/anchor_limits.h"
#include "verify/verdict.h"

/* Dates that are not kept: only when revocation is known can it be said what that means. */
struct sg_path_dates {
    struct {
        X509 *cert;
        bool expired; /* else not valid yet */
    } items[SG_MAX_PATH_LENGTH];
    size_t count;
};

struct sg_path_rules {
    OSSL_LIB_CTX *libctx;
    X509_VERIFY_PARAM *param;              /* strict, with the inputs of §6.1.1 */
    const STACK_OF(ASN1_OBJECT) *policies; /* the user's initial policies; NULL: any */
    const struct sg_anchor_limits *limits; /* the anchor's; NULL: none */
    int64_t at;                            /* judged as of this time */
};

/* Judges `path` (leaf first, anchor last). All that is wrong but for dates is noted. */
SG_MUST_CHECK enum sg_rc sg_path_judge(const struct sg_path_rules *rules, STACK_OF(X509) *path,
                                       struct sg_judgement *judgement, struct sg_path_dates *ret_dates,
                                       struct sg_err *err);
