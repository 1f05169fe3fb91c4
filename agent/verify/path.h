/* Candidate paths from a certificate to an anchor (RFC 4158): OpenSSL does not backtrack, so we enumerate, and it
 * judges one path at a time. Only certificates whose signature fits are put together; the work is bounded. */
#pragma once

#include <stdbool.h>

#include <openssl/x509.h>

#include "base/err.h"
#include "verify/trust.h"

struct sg_path_search {
    struct sg_trust *trust;
    const STACK_OF(X509) *carried; /* helping certificates that came with the signature; may be NULL */
    unsigned purposes;             /* an anchor must have one of these */
    int64_t at;                    /* certificates valid then come first */
    unsigned *steps;               /* work left: issuers looked at, signatures checked; counted down */
    int max_depth;                 /* intermediates that are not self-issued, at most; -1: ours alone */

    /* Called with each path (leaf first, anchor last; borrowed) and its anchor's limits. `*ret_stop`: this one will
     * do. */
    enum sg_rc (*visit)(void *context, STACK_OF(X509) *path, const struct sg_anchor_limits *limits, bool *ret_stop,
                        struct sg_err *err);
    void *context;
};

/* Takes that much from the work left; false if there is not so much, and then there is none left. */
bool sg_spend(unsigned *steps, unsigned cost);

/* `*ret_limited`: the bounds were reached before all paths were seen. */
SG_MUST_CHECK enum sg_rc sg_path_search(const struct sg_path_search *search, X509 *leaf, bool *ret_limited,
                                        struct sg_err *err);
