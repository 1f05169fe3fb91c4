/* The baseline level (EN 319 122-1 §6, EN 319 142-1 §6): what is there and holds, whatever the answer is. */
#include <stdlib.h>

#include "base/cleanup.h"
#include "verify/process.h"
#include "verify/revocation.h"

/* Whether a source says how the certificate stood at the signature's time; one that was out of date by then does not.
 */
static bool says_something(const struct sg_finding *finding)
{
    return finding->kind && (finding->answer == SG_ANSWER_GOOD || finding->answer == SG_ANSWER_REVOKED_LATER ||
                             finding->answer == SG_ANSWER_ON_HOLD || finding->answer == SG_ANSWER_REVOKED);
}

/* EN 319 122-1 §6.3, table 1, and EN 319 142-1 §6.3, table 1, B-LT: every certificate of the path but the anchor, and
 * revocation data about it, among what is carried. */
static enum sg_rc has_path(const struct sg_process *process, const STACK_OF(X509) *path,
                           const struct sg_carried *carried, bool *ret, struct sg_err *err)
{
    const struct sg_signature_request *signature = process->request;
    const struct sg_revocation_request request = {.libctx = signature->verifier->libctx,
                                                  .trust = signature->verifier->trust,
                                                  .carried = carried,
                                                  .steps = signature->steps,
                                                  .mode = SG_REVOCATION_SOFT,
                                                  .at = process->poes.signature,
                                                  .known_at = process->poes.signature,
                                                  .now = process->poes.now,
                                                  .carried_only = true};
    bool all = sk_X509_num(path) > 1;
    for (int i = 0; all && i + 1 < sk_X509_num(path); i++) {
        struct sg_finding finding = {0};
        bool whole = false;
        X509 *cert = sk_X509_value(path, i);
        enum sg_rc rc = sg_revocation_find(&request, cert, sk_X509_value(path, i + 1), &finding, &whole, err);
        if (rc != SG_OK)
            return rc;
        all = whole && says_something(&finding) && sg_certs_have(carried->certs, cert);
    }
    *ret = all;
    return SG_OK;
}

/* The same of both paths: the signer's, and that of the signature-time-stamp. */
static enum sg_rc has_material(const struct sg_process *process, const STACK_OF(X509) *const paths[2],
                               const struct sg_carried *carried, bool *ret, struct sg_err *err)
{
    enum sg_rc rc = has_path(process, paths[0], carried, ret, err);
    return rc == SG_OK && *ret ? has_path(process, paths[1], carried, ret, err) : rc;
}

/* --- what archive-time-stamps cover ------------------------------------------------------------------------------- */

typedef bool covers_index(const struct sg_evidence *evidence, size_t timestamp, size_t index);

/* Whether any archive-time-stamp-v3 or document time-stamp that holds covers it. */
static bool is_archived(const struct sg_process *process, covers_index *covers, size_t index)
{
    for (size_t i = 0; i < process->stamp_count; i++) {
        const struct sg_stamp *stamp = &process->stamps[i];
        enum sg_evidence_kind kind = sg_stamp_kind(process, stamp);
        if (sg_stamp_holds(stamp) && (kind == SG_EVIDENCE_ARCHIVE_V3 || kind == SG_EVIDENCE_DOCUMENT) &&
            covers(process->evidence, stamp->index, index))
            return true;
    }
    return false;
}

static bool covers_cert(const struct sg_evidence *evidence, size_t timestamp, size_t index)
{
    X509 *cert = sk_X509_value(sg_evidence_certificates(evidence), (int)index);
    return sg_evidence_covers_certificate(evidence, timestamp, cert);
}

/* Of what is carried, that which is archived; all in it is borrowed but its lists. */
struct archived {
    struct sg_carried carried;
    STACK_OF(X509) *certs;
};

static void archived_clear(struct archived *archived)
{
    sk_X509_free(archived->certs);
    free(archived->carried.crls);
    free(archived->carried.ocsps);
}

static enum sg_rc find_archived(const struct sg_process *process, struct archived *ret, struct sg_err *err)
{
    const struct sg_carried *all = process->poes.carried;
    struct sg_carried *some = &ret->carried;
    some->certs = ret->certs = sk_X509_new_null();
    some->crls = calloc(all->crl_count + 1, sizeof *some->crls);
    some->ocsps = calloc(all->ocsp_count + 1, sizeof *some->ocsps);
    if (!ret->certs || !some->crls || !some->ocsps)
        return sg_fail_memory(err);
    for (int i = 0; i < sk_X509_num(all->certs); i++)
        if (is_archived(process, covers_cert, (size_t)i) && sk_X509_push(ret->certs, sk_X509_value(all->certs, i)) <= 0)
            return sg_fail_memory(err);
    for (size_t i = 0; i < all->crl_count; i++)
        if (is_archived(process, sg_evidence_covers_crl, all->crl_indexes[i]))
            some->crls[some->crl_count++] = all->crls[i];
    for (size_t i = 0; i < all->ocsp_count; i++)
        if (is_archived(process, sg_evidence_covers_ocsp, all->ocsp_indexes[i]))
            some->ocsps[some->ocsp_count++] = all->ocsps[i];
    return SG_OK;
}

/* B-LTA (EN 319 122-1 §5.5.3, EN 319 142-1 §6.3): what B-LT rests on is archived, `stamp` with it, and not just the
 * signature. */
static enum sg_rc has_archive(const struct sg_process *process, const struct sg_stamp *stamp,
                              const STACK_OF(X509) *const paths[2], bool *ret, struct sg_err *err)
{
    _cleanup_(archived_clear) struct archived archived = {0};
    if (!is_archived(process, sg_evidence_covers_timestamp, stamp->index))
        return SG_OK;
    enum sg_rc rc = find_archived(process, &archived, err);
    return rc == SG_OK ? has_material(process, paths, &archived.carried, ret, err) : rc;
}

static const struct sg_stamp *find_signature_stamp(const struct sg_process *process)
{
    for (size_t i = 0; i < process->stamp_count; i++)
        if (sg_stamp_holds(&process->stamps[i]) && sg_stamp_is_of_signature(process, &process->stamps[i]))
            return &process->stamps[i];
    return NULL;
}

enum sg_rc sg_process_level(const struct sg_process *process, const struct sg_judgement *answer, const char **ret,
                            struct sg_err *err)
{
    const struct sg_stamp *stamp = find_signature_stamp(process);
    bool complete = false, archived = false;
    if (!stamp || (answer->problems & SG_PROBLEM(SG_SEVERITY_TIMESTAMP_ORDER)))
        return SG_OK; /* nothing is proven */
    const struct sg_judgement *judged = stamp->holds_now ? &stamp->current : &stamp->past;
    const STACK_OF(X509) *const paths[] = {answer->verdict.chain, judged->verdict.chain};
    enum sg_rc rc = has_material(process, paths, process->poes.carried, &complete, err);
    if (rc == SG_OK && complete)
        rc = has_archive(process, stamp, paths, &archived, err);
    if (rc != SG_OK)
        return rc;
    *ret = !complete ? "B-T" : archived ? "B-LTA" : "B-LT";
    return SG_OK;
}
