#include "verify/path.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "base/limits.h"
#include "verify/algorithms.h"
#include "verify/ending.h"

/* A certificate that the search has met. Its issuers are looked for once: every pair of certificates costs at most one
 * check of a signature, however many paths lead through it. */
struct node {
    X509 *cert; /* borrowed */
    bool anchor;
    const struct sg_anchor_limits *limits; /* of an anchor; NULL: none */
    bool valid;                            /* at the judging time */
    bool expanded;
    bool tried;      /* there was an issuer already */
    bool unchecked;  /* that its only issuer signed it */
    size_t *issuers; /* indexes of nodes, best first */
    size_t issuer_count;
};

struct sg_path_walk {
    const struct sg_path_search *search;
    struct node *nodes;
    size_t count, capacity;
    unsigned paths; /* left */
    STACK_OF(X509) *path;
    int length; /* of the paths that are looked for: certificates */
    int depth;  /* intermediates of the path that are not self-issued */
    bool cut;   /* there may be longer ones */
    bool stop, limited;
};

static void walk_clear(struct sg_path_walk *walk)
{
    for (size_t i = 0; i < walk->count; i++)
        free(walk->nodes[i].issuers);
    free(walk->nodes);
    sk_X509_free(walk->path);
}

bool sg_spend(unsigned *steps, unsigned cost)
{
    bool enough = *steps >= cost;
    *steps -= enough ? cost : *steps;
    return enough;
}

static bool spend(struct sg_path_walk *walk, unsigned cost)
{
    bool enough = sg_spend(walk->search->steps, cost);
    walk->limited |= !enough;
    return enough;
}

/* Met again as an anchor, it is one from then on. */
static bool find_node(struct sg_path_walk *walk, const struct sg_trusted *met, bool anchor, size_t *ret)
{
    for (size_t i = 0; i < walk->count; i++) {
        struct node *node = &walk->nodes[i];
        if (node->cert != met->cert && X509_cmp(node->cert, met->cert) != 0)
            continue;
        if (anchor && !node->anchor)
            node->limits = met->limits;
        node->anchor |= anchor;
        *ret = i;
        return true;
    }
    return false;
}

static enum sg_rc node_of(struct sg_path_walk *walk, const struct sg_trusted *met, size_t *ret, struct sg_err *err)
{
    bool anchor = met->purposes & walk->search->purposes;
    if (find_node(walk, met, anchor, ret))
        return SG_OK;
    if (walk->count == walk->capacity) {
        size_t capacity = walk->capacity ? 2 * walk->capacity : 16;
        struct node *grown = reallocarray(walk->nodes, capacity, sizeof *grown);
        if (!grown)
            return sg_fail_memory(err);
        walk->nodes = grown;
        walk->capacity = capacity;
    }
    walk->nodes[walk->count] = (struct node){.cert = met->cert,
                                             .anchor = anchor,
                                             .limits = anchor ? met->limits : NULL,
                                             .valid = sg_cert_is_valid_at(met->cert, walk->search->at)};
    *ret = walk->count++;
    return SG_OK;
}

/* The identifiers are a hint that saves work (RFC 5280 §4.2.1.1): where both are there and differ, OpenSSL would not
 * take the pair either. */
static bool identifiers_differ(X509 *cert, X509 *issuer)
{
    const ASN1_OCTET_STRING *wanted = X509_get0_authority_key_id(cert);
    const ASN1_OCTET_STRING *has = X509_get0_subject_key_id(issuer);
    return wanted && has && ASN1_OCTET_STRING_cmp(wanted, has) != 0;
}

/* A path never needs two certificates of one name and key (RFC 4158 §2.4.2): that is what loops are made of. */
static bool same_entity(X509 *a, X509 *b)
{
    return X509_NAME_cmp(X509_get_subject_name(a), X509_get_subject_name(b)) == 0 &&
           EVP_PKEY_eq(X509_get0_pubkey(a), X509_get0_pubkey(b)) == 1;
}

static bool is_signed_by(X509 *cert, X509 *issuer)
{
    ERR_set_mark();
    bool right = X509_verify(cert, X509_get0_pubkey(issuer)) == 1;
    ERR_pop_to_mark();
    return right;
}

/* Does the check that was put off. */
static bool check_only_issuer(struct sg_path_walk *walk, struct node *node)
{
    if (node->unchecked && !is_signed_by(node->cert, walk->nodes[node->issuers[0]].cert))
        node->issuer_count = 0;
    node->unchecked = false;
    return node->issuer_count > 0;
}

bool sg_path_is_signed(const struct sg_found_path *found)
{
    struct sg_path_walk *walk = found->walk;
    bool all = true;
    for (size_t i = 0; i < walk->count; i++)
        for (int k = 0; walk->nodes[i].unchecked && k + 1 < sk_X509_num(found->certs); k++)
            if (walk->nodes[i].cert == sk_X509_value(found->certs, k))
                all = check_only_issuer(walk, &walk->nodes[i]) && all;
    walk->paths += !all;
    return all;
}

/* The certificate is hashed, too. */
static unsigned cost_of_check(const X509 *cert, const EVP_PKEY *key)
{
    int len = i2d_X509(cert, NULL);
    return sg_algorithm_cost(key) + (unsigned)(len > 0 ? len : 0) / SG_BYTES_PER_STEP;
}

/* Adds `issuer` to the node's issuers if it signed it, which is put off for the first one. Node 0 is the leaf. */
static enum sg_rc try_issuer(struct sg_path_walk *walk, size_t node, const struct sg_trusted *candidate,
                             struct sg_err *err)
{
    X509 *cert = walk->nodes[node].cert, *issuer = candidate->cert;
    if (!spend(walk, 1) || identifiers_differ(cert, issuer))
        return SG_OK;
    size_t known_count = walk->count;
    size_t index = 0;
    enum sg_rc rc = node_of(walk, candidate, &index, err);
    if (rc != SG_OK)
        return rc;
    struct node *child = &walk->nodes[node]; /* node_of() may have moved them */
    for (size_t i = 0; index < known_count && i < child->issuer_count; i++)
        if (child->issuers[i] == index)
            return SG_OK;
    EVP_PKEY *key = X509_get0_pubkey(issuer);
    if (index == node || !key || !sg_key_checkable(key) || (node > 0 && same_entity(cert, issuer)) ||
        !spend(walk, cost_of_check(cert, key)))
        return SG_OK;
    (void)check_only_issuer(walk, child);
    bool first = !child->tried;
    child->tried = true;
    if (!first && !is_signed_by(cert, issuer))
        return SG_OK;
    size_t *grown = reallocarray(child->issuers, child->issuer_count + 1, sizeof *grown);
    if (!grown)
        return sg_fail_memory(err);
    child->issuers = grown;
    grown[child->issuer_count++] = index;
    child->unchecked = first;
    return SG_OK;
}

/* Anchors first, then what is valid at the judging time, then what leads to another name (RFC 4158 §3.5): the path that
 * passes is mostly the first one. */
static int score(const struct node *node)
{
    bool self_issued = X509_get_extension_flags(node->cert) & EXFLAG_SI;
    return 4 * node->anchor + 2 * node->valid + !self_issued;
}

static void order_issuers(struct sg_path_walk *walk, struct node *node)
{
    size_t *issuers = node->issuers;
    for (size_t i = 1; i < node->issuer_count; i++) {
        size_t index = issuers[i], k = i;
        int own = score(&walk->nodes[index]);
        for (; k > 0 && score(&walk->nodes[issuers[k - 1]]) < own; k--)
            issuers[k] = issuers[k - 1];
        issuers[k] = index;
    }
}

static enum sg_rc expand(struct sg_path_walk *walk, size_t node, struct sg_err *err)
{
    const X509_NAME *issuer = X509_get_issuer_name(walk->nodes[node].cert);
    enum sg_rc rc = SG_OK;
    if (walk->nodes[node].expanded)
        return SG_OK;
    walk->nodes[node].expanded = true;
    for (size_t cursor = 0; rc == SG_OK;) {
        struct sg_trusted trusted = {0};
        rc = sg_trust_next(walk->search->trust, issuer, &cursor, &trusted, err);
        if (rc != SG_OK || !trusted.cert)
            break;
        rc = try_issuer(walk, node, &trusted, err);
    }
    for (int i = 0; rc == SG_OK && i < sk_X509_num(walk->search->carried); i++) {
        const struct sg_trusted candidate = {.cert = sk_X509_value(walk->search->carried, i)};
        if (X509_NAME_cmp(X509_get_subject_name(candidate.cert), issuer) == 0)
            rc = try_issuer(walk, node, &candidate, err);
    }
    order_issuers(walk, &walk->nodes[node]);
    return rc;
}

static bool is_on_path(const struct sg_path_walk *walk, X509 *cert)
{
    for (int i = 0; i < sk_X509_num(walk->path); i++) {
        X509 *other = sk_X509_value(walk->path, i);
        if (other == cert || X509_cmp(other, cert) == 0 || (i > 0 && same_entity(other, cert)))
            return true;
    }
    return false;
}

static enum sg_rc visit(struct sg_path_walk *walk, const struct sg_anchor_limits *limits, struct sg_err *err)
{
    if (walk->paths == 0) {
        walk->limited = true;
        return SG_OK;
    }
    walk->paths--;
    for (int i = 1; i < sk_X509_num(walk->path); i++)
        if (!spend(walk,
                   cost_of_check(sk_X509_value(walk->path, i - 1), X509_get0_pubkey(sk_X509_value(walk->path, i)))))
            return SG_OK;
    const struct sg_found_path found = {walk->path, limits, walk};
    return walk->search->visit(walk->search->context, &found, &walk->stop, err);
}

static enum sg_rc descend(struct sg_path_walk *walk, size_t node, struct sg_err *err);

static enum sg_rc step_to(struct sg_path_walk *walk, size_t index, struct sg_err *err)
{
    const struct sg_path_search *search = walk->search;
    X509 *cert = walk->nodes[index].cert;
    bool anchor = walk->nodes[index].anchor;
    bool counts = !anchor && !(X509_get_extension_flags(cert) & EXFLAG_SI); /* RFC 5280 §6.1.4 (l) */
    if (is_on_path(walk, cert) || (counts && search->max_depth >= 0 && walk->depth >= search->max_depth))
        return SG_OK;
    if (!sk_X509_push(walk->path, cert))
        return sg_fail_memory(err);
    walk->depth += counts;
    enum sg_rc rc = SG_OK;
    if (!anchor)
        rc = descend(walk, index, err);
    else if (sk_X509_num(walk->path) == walk->length) /* a shorter one has been visited */
        rc = visit(walk, walk->nodes[index].limits, err);
    walk->depth -= counts;
    (void)sk_X509_pop(walk->path);
    return rc;
}

static enum sg_rc descend(struct sg_path_walk *walk, size_t node, struct sg_err *err)
{
    if (sk_X509_num(walk->path) == walk->length) {
        walk->cut = true;
        return SG_OK;
    }
    enum sg_rc rc = expand(walk, node, err);
    for (size_t i = 0; rc == SG_OK && !walk->stop && i < walk->nodes[node].issuer_count; i++) {
        if (!spend(walk, 1) || walk->paths == 0) {
            walk->limited = true;
            break;
        }
        rc = step_to(walk, walk->nodes[node].issuers[i], err);
    }
    return rc;
}

/* Short paths first: among CAs that all certify each other, the work would be spent on the long way round. */
static enum sg_rc find_paths(struct sg_path_walk *walk, size_t leaf, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;
    walk->cut = true;
    for (walk->length = 2; rc == SG_OK && walk->cut && !walk->stop && !walk->limited; walk->length++) {
        walk->cut = false;
        rc = descend(walk, leaf, err);
        walk->limited |= walk->cut && walk->length == SG_MAX_PATH_LENGTH;
    }
    return rc;
}

/* The leaf, as an anchor if it is one itself. */
static enum sg_rc find_leaf(const struct sg_path_search *search, X509 *leaf, struct sg_trusted *ret, struct sg_err *err)
{
    struct sg_trusted trusted = {0};
    enum sg_rc rc = SG_OK;
    *ret = (struct sg_trusted){.cert = leaf};
    for (size_t cursor = 0; rc == SG_OK && !ret->purposes;) {
        rc = sg_trust_next(search->trust, X509_get_subject_name(leaf), &cursor, &trusted, err);
        if (rc != SG_OK || !trusted.cert)
            break;
        if ((trusted.purposes & search->purposes) && X509_cmp(trusted.cert, leaf) == 0)
            *ret = (struct sg_trusted){.cert = leaf, .purposes = trusted.purposes, .limits = trusted.limits};
    }
    return rc;
}

enum sg_rc sg_path_search(const struct sg_path_search *search, X509 *leaf, bool *ret_limited, struct sg_err *err)
{
    _cleanup_(walk_clear) struct sg_path_walk walk = {
        .search = search, .paths = SG_MAX_PATHS, .path = sk_X509_new_reserve(NULL, SG_MAX_PATH_LENGTH + 1)};
    struct sg_trusted met;
    size_t node = 0;
    if (!walk.path || !sk_X509_push(walk.path, leaf))
        return sg_fail_memory(err);
    enum sg_rc rc = find_leaf(search, leaf, &met, err);
    if (rc == SG_OK)
        rc = node_of(&walk, &met, &node, err);
    if (rc == SG_OK)
        rc = walk.nodes[node].anchor ? visit(&walk, met.limits, err) : find_paths(&walk, node, err);
    if (rc == SG_OK)
        *ret_limited = walk.limited;
    return rc;
}
