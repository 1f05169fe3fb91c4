/* Past certificate validation (EN 319 102-1 §5.6.2.1): a path that once was good, and until when it is known to be. */
#include "base/clock.h"
#include "base/msg.h"
#include "verify/past.h"
#include "verify/path.h"

struct past_paths {
    const struct sg_past_request *request;
    bool any; /* a path was judged, which is in `best` */
    struct sg_slide slide;
    struct sg_judgement best;
};

/* EN 319 102-1 §5.6.2.1.4 step 2, shell model: a time at which all certificates of the path were valid and the anchor
 * trusted, the first. SG_TIME_NONE: there is none. */
static int64_t first_common_time(const STACK_OF(X509) *path, const struct sg_anchor_limits *limits)
{
    int64_t from = limits ? limits->not_before : SG_TIME_NONE;
    int64_t until = limits && limits->not_after != SG_TIME_NONE ? limits->not_after : INT64_MAX;
    for (int i = 0; i < sk_X509_num(path); i++) {
        X509 *cert = sk_X509_value(path, i);
        int64_t not_before, not_after;
        if (!sg_time_from_asn1(X509_get0_notBefore(cert), &not_before) ||
            !sg_time_from_asn1(X509_get0_notAfter(cert), &not_after))
            return SG_TIME_NONE;
        from = not_before > from ? not_before : from;
        until = not_after < until ? not_after : until;
    }
    return from <= until ? from : SG_TIME_NONE;
}

/* The path by RFC 5280 §6.1 and our constraints (EN 319 102-1 §5.6.2.1.4 steps 2 and 4), without revocation; then until
 * when it is known to have been good (step 3). What was only remarked on the way is of no interest. */
static enum sg_rc judge_path(const struct sg_past_request *request, STACK_OF(X509) *path,
                             const struct sg_anchor_limits *limits, struct sg_slide *ret,
                             struct sg_judgement *judgement, struct sg_err *err)
{
    _cleanup_(sg_judgement_clear) struct sg_judgement shape;
    const struct sg_chain_request chain = {.verifier = request->verifier,
                                           .purpose = request->purpose,
                                           .at = first_common_time(path, limits),
                                           .revocation = SG_REVOCATION_NONE,
                                           .limits = limits,
                                           .carried = request->poes->carried,
                                           .steps = request->steps};
    sg_judgement_init(&shape);
    enum sg_rc rc = SG_OK;
    if (chain.at == SG_TIME_NONE)
        return sg_judgement_note(judgement, SG_SEVERITY_CHAIN_GENERAL, SG_REASON_PATH_INVALID, err,
                                 _("The certificates of the path were never valid at the same time."));
    rc = sg_judge_chain(&chain, path, &shape, err);
    if (rc == SG_OK && shape.severity != SG_SEVERITY_NONE)
        return sg_judgement_merge(judgement, &shape, err);
    if (rc != SG_OK)
        return rc;
    judgement->verdict.chain = X509_chain_up_ref(path);
    if (!judgement->verdict.chain)
        return sg_fail_memory(err);
    return sg_slide_time(request, path, limits, ret, judgement, err);
}

/* Of the paths that hold, the one that is known to have been good the longest. */
static bool is_better(const struct past_paths *paths, const struct sg_judgement *judgement,
                      const struct sg_slide *slide)
{
    if (!paths->any || judgement->severity != paths->best.severity)
        return !paths->any || judgement->severity < paths->best.severity;
    return judgement->severity == SG_SEVERITY_NONE && slide->control_time > paths->slide.control_time;
}

static enum sg_rc visit(void *context, const struct sg_found_path *found, bool *ret_stop, struct sg_err *err)
{
    struct past_paths *paths = context;
    _cleanup_(sg_judgement_clear) struct sg_judgement judgement;
    struct sg_slide slide = {0};
    sg_judgement_init(&judgement);
    enum sg_rc rc = judge_path(paths->request, found->certs, found->limits, &slide, &judgement, err);
    if (rc != SG_OK || (judgement.severity != SG_SEVERITY_NONE && !sg_path_is_signed(found)))
        return rc;
    if (is_better(paths, &judgement, &slide)) {
        struct sg_judgement worse = paths->best;
        paths->best = judgement;
        judgement = worse;
        paths->slide = slide;
        paths->any = true;
    }
    *ret_stop = paths->best.severity == SG_SEVERITY_NONE && paths->slide.control_time == paths->request->poes->now;
    return SG_OK;
}

enum sg_rc sg_past_certificate_judge(const struct sg_past_request *request, X509 *cert, struct sg_slide *ret,
                                     struct sg_judgement *judgement, struct sg_err *err)
{
    struct past_paths paths = {.request = request};
    const struct sg_path_search search = {.trust = request->verifier->trust,
                                          .carried = request->poes->carried->certs,
                                          .purposes = sg_anchor_purposes(request->purpose),
                                          .at = request->poes->signature,
                                          .max_depth = request->verifier->max_depth,
                                          .steps = request->steps,
                                          .visit = visit,
                                          .context = &paths};
    bool limited = false;
    sg_judgement_init(&paths.best);
    enum sg_rc rc = sg_path_search(&search, cert, &limited, err);
    if (rc == SG_OK && !paths.any)
        rc = sg_judgement_note(&paths.best, SG_SEVERITY_NO_CHAIN, SG_REASON_NO_PATH, err,
                               _("No path leads from the certificate to an anchor trusted here for this."));
    if (rc == SG_OK)
        rc = sg_judgement_merge(judgement, &paths.best, err);
    if (rc == SG_OK)
        *ret = paths.slide;
    sg_judgement_clear(&paths.best);
    return rc;
}
