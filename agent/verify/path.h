/* Candidate paths from a certificate to an anchor (RFC 4158): OpenSSL does not backtrack, so we enumerate, and it
 * judges one path at a time. Only certificates whose signature fits are put together; the work is bounded.
 *
 * OpenSSL checks the signatures on a path again, and for most certificates there is but one issuer to be tried. Such a
 * pair is put together unchecked: the path that passes has been checked by OpenSSL, and the one that does not is no
 * path unless sg_path_is_signed() says so. */
#pragma once

#include <stdbool.h>

#include <openssl/x509.h>

#include "base/err.h"
#include "verify/trust.h"

struct sg_path_walk;

struct sg_found_path {
    STACK_OF(X509) *certs;                 /* leaf first, anchor last; borrowed */
    const struct sg_anchor_limits *limits; /* the anchor's; NULL: none */
    struct sg_path_walk *walk;
};

struct sg_path_search {
    struct sg_trust *trust;
    const STACK_OF(X509) *carried; /* helping certificates that came with the signature; may be NULL */
    unsigned purposes;             /* an anchor must have one of these */
    int64_t at;                    /* certificates valid then come first */
    unsigned *steps;               /* work left: issuers looked at, signatures checked; counted down */
    int max_depth;                 /* intermediates that are not self-issued, at most; -1: ours alone */

    /* Called with each path. `*ret_stop`: this one will do. */
    enum sg_rc (*visit)(void *context, const struct sg_found_path *found, bool *ret_stop, struct sg_err *err);
    void *context;
};

/* Whether each certificate on the path is signed by the next one. If not, it was no path: nothing is to be said of it,
 * and the search goes on without it. */
bool sg_path_is_signed(const struct sg_found_path *found);

/* Takes that much from the work left; false if there is not so much, and then there is none left. */
bool sg_spend(unsigned *steps, unsigned cost);

/* `*ret_limited`: the bounds were reached before all paths were seen. */
SG_MUST_CHECK enum sg_rc sg_path_search(const struct sg_path_search *search, X509 *leaf, bool *ret_limited,
                                        struct sg_err *err);
