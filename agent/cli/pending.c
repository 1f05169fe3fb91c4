#include "cli/pending.h"

#include <stdlib.h>
#include <string.h>

#include "formats/pem.h"
#include "store/snapshot.h"
#include "verify/anchor_limits.h"

enum sg_rc sg_pending_add(struct sg_app *app, X509 *cert, unsigned purposes, const char *limits, const char *source,
                          struct sg_pending *pending, struct sg_err *err)
{
    _cleanup_(freep) char *subject = NULL, *limited = strdup(limits ? limits : ""), *from = strdup(source);
    struct sg_pending_anchor anchor = {.purposes = purposes};
    enum sg_rc rc = sg_cert_sha256(app->libctx, cert, anchor.sha256, err);

    if (rc == SG_OK && (!limited || !from))
        rc = sg_fail_memory(err);
    if (rc == SG_OK)
        rc = sg_name_text(X509_get_subject_name(cert), &subject, err);
    if (rc != SG_OK)
        return rc;
    struct sg_pending_anchor *grown = reallocarray(pending->anchors, pending->count + 1, sizeof(*grown));
    if (!grown)
        return sg_fail_memory(err);
    pending->anchors = grown;
    if (!X509_up_ref(cert))
        return sg_fail_memory(err);
    anchor.cert = cert;
    anchor.subject = sg_steal(subject);
    anchor.limits = sg_steal(limited);
    anchor.source = sg_steal(from);
    pending->anchors[pending->count++] = anchor;
    return SG_OK;
}

void sg_pending_clear(struct sg_pending *pending)
{
    for (size_t i = 0; i < pending->count; i++) {
        X509_free(pending->anchors[i].cert);
        free(pending->anchors[i].subject);
        free(pending->anchors[i].limits);
        free(pending->anchors[i].source);
    }
    free(pending->anchors);
    *pending = (struct sg_pending){0};
}

/* Adding an anchor again replaces its purposes: of the pending ones, the last word counts. */
static bool is_replaced(const struct sg_pending *pending, size_t from, const X509 *cert)
{
    for (size_t i = from; i < pending->count; i++)
        if (X509_cmp(pending->anchors[i].cert, cert) == 0)
            return true;
    return false;
}

void sg_pending_trust_clear(struct sg_pending_trust *trust)
{
    for (int i = 0; trust->limits && i < sk_X509_num(trust->anchors); i++)
        free(trust->limits[i]);
    free(trust->limits);
    sg_x509_stack_free(trust->anchors);
    *trust = (struct sg_pending_trust){0};
}

static enum sg_rc add_anchor(X509 *cert, const char *limits, struct sg_pending_trust *trust, struct sg_err *err)
{
    char *copy = strdup(limits);

    if (!copy || !X509_add_cert(trust->anchors, cert, X509_ADD_FLAG_UP_REF)) {
        free(copy);
        return sg_fail_memory(err);
    }
    trust->limits[sk_X509_num(trust->anchors) - 1] = copy;
    return SG_OK;
}

/* An anchor that cannot be read, or whose limits cannot, is no anchor, as in every judgement. */
static enum sg_rc add_known(struct sg_app *app, const struct sg_snapshot_anchor *known,
                            const struct sg_pending *pending, struct sg_pending_trust *trust, struct sg_err *err)
{
    _cleanup_(sg_anchor_limits_freep) struct sg_anchor_limits *limits = NULL;
    _cleanup_(X509_freep) X509 *cert = NULL;
    enum sg_rc rc = sg_anchor_limits_parse(known->limits, &limits, err);

    if (rc == SG_OK)
        rc = sg_cert_parse(known->certificate, app->libctx, &cert, err);
    if (rc == SG_E_MALFORMED || rc == SG_E_LIMIT)
        return SG_OK;
    if (rc != SG_OK || is_replaced(pending, 0, cert))
        return rc;
    return add_anchor(cert, known->limits, trust, err);
}

enum sg_rc sg_pending_trusted(struct sg_app *app, const struct sg_pending *pending, unsigned purposes,
                              struct sg_pending_trust *ret, struct sg_err *err)
{
    _cleanup_(sg_snapshot_freep) struct sg_snapshot *snapshot = NULL;
    _cleanup_(sg_pending_trust_clear) struct sg_pending_trust trust = {0};

    *ret = (struct sg_pending_trust){0};
    enum sg_rc rc = sg_snapshot_open(app->paths.state, app->libctx, &snapshot, err);
    if (rc != SG_OK)
        return rc;
    trust.anchors = sk_X509_new_null();
    trust.limits = calloc(sg_snapshot_anchor_count(snapshot) + pending->count + 1, sizeof(*trust.limits));
    if (!trust.anchors || !trust.limits)
        return sg_fail_memory(err);
    for (size_t i = 0; i < sg_snapshot_anchor_count(snapshot) && rc == SG_OK; i++)
        if (sg_snapshot_anchor(snapshot, i)->purposes & purposes)
            rc = add_known(app, sg_snapshot_anchor(snapshot, i), pending, &trust, err);
    for (size_t i = 0; i < pending->count && rc == SG_OK; i++) {
        const struct sg_pending_anchor *anchor = &pending->anchors[i];
        if ((anchor->purposes & purposes) && !is_replaced(pending, i + 1, anchor->cert))
            rc = add_anchor(anchor->cert, anchor->limits, &trust, err);
    }
    if (rc != SG_OK)
        return rc;
    *ret = trust;
    trust = (struct sg_pending_trust){0};
    return SG_OK;
}

enum sg_rc sg_pending_store(const struct sg_pending *pending, struct sg_store *store, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;

    for (size_t i = 0; i < pending->count && rc == SG_OK; i++)
        rc = sg_store_anchor_add(store, pending->anchors[i].cert, pending->anchors[i].purposes,
                                 pending->anchors[i].limits, pending->anchors[i].source, err);
    return rc;
}
