/* What an anchor's trust is limited to besides its purposes: when it lasts, which names and which policies it may
 * certify (RFC 5914 §2, applied to paths as RFC 5937 §3 says). The store, snapshots and lists hold limits as text, one
 * a line: a word, a space and its value.
 *
 *     not-before 2026-01-01T00:00:00Z    judged before that time, the anchor does not count
 *     not-after 2030-01-01T00:00:00Z     judged after that time, likewise
 *     permit email:example.com           names of that kind are to be in one of these subtrees (RFC 5280 §4.2.1.10)
 *     exclude dir:O=Example,C=GB         and in none of these
 *     policy 1.2.3.4                     one of these policies has to be valid for the path (RFC 5280 §6.1.1 (c), (e))
 *
 * Kinds of names: email, dns, uri, ip (ADDRESS/BITS) and dir (RFC 4514). */
#pragma once

#include <openssl/x509v3.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/limits.h"

struct sg_anchor_limits {
    int64_t not_before, not_after;   /* SG_TIME_NONE: open */
    NAME_CONSTRAINTS *names;         /* NULL: any */
    STACK_OF(ASN1_OBJECT) *policies; /* NULL: any, and none is needed */
};

/* "": no limits, and `*ret` is NULL. Anything that is not as above: SG_E_MALFORMED. */
SG_MUST_CHECK enum sg_rc sg_anchor_limits_parse(const char *text, struct sg_anchor_limits **ret, struct sg_err *err);
void sg_anchor_limits_free(struct sg_anchor_limits *limits);
SG_DEFINE_CLEANUP(struct sg_anchor_limits, sg_anchor_limits_free)

/* Appends a line to such a text (of at most SG_MAX_ANCHOR_LIMITS), after a look at its value: SG_E_MALFORMED. */
SG_MUST_CHECK enum sg_rc sg_anchor_limit_add(const char *word, const char *value, struct sg_buf *text,
                                             struct sg_err *err);

/* The next line of such a text from `*at` on. False at the end, or where it is none. */
struct sg_anchor_limit {
    char word[16];
    struct sg_slice value;
};
bool sg_anchor_limit_next(const char **at, struct sg_anchor_limit *ret);
