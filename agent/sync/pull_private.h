/* What the files of a pull share. */
#pragma once

#include "sync/pull.h"
#include "verify/verify.h"

#define SG_PULL_NONCE 16 /* bytes: what old responders take, too (RFC 8954 §2.1) */

/* What is judged with, of one round. */
struct sg_pull_judge {
    struct sg_store *store;
    OSSL_LIB_CTX *libctx;
    const struct sg_snapshot *snapshot;
    const STACK_OF(X509) *certs; /* that are known and no anchors */
    const struct sg_clock *clock;
    const char *list_signer;
};

struct sg_pull_taken {
    bool changed;
    int64_t good_until; /* 0: nothing is said */
};

/* Judges what an item's URL sent, and keeps it if it is better than what there is. What is not taken, for whatever it
 * is, is SG_E_BAD_ANSWER. `nonce`: of an OCSP request. */
SG_MUST_CHECK enum sg_rc sg_pull_take(const struct sg_pull_judge *judge, const struct sg_pull_item *item,
                                      struct sg_slice body, struct sg_slice nonce, struct sg_pull_taken *ret,
                                      struct sg_err *err);

/* An OCSPRequest (RFC 6960 §4.1) about `cert`, which `issuer` issued. */
SG_MUST_CHECK enum sg_rc sg_pull_ocsp_request(OSSL_LIB_CTX *libctx, X509 *cert, X509 *issuer, struct sg_slice nonce,
                                              struct sg_buf *out, struct sg_err *err);
