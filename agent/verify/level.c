/* The baseline level (EN 319 122-1 §6): what is there and holds, whatever the answer is. */
#include "verify/process.h"
#include "verify/revocation.h"

static bool has_cert(const STACK_OF(X509) *certs, X509 *cert)
{
    for (int i = 0; i < sk_X509_num(certs); i++)
        if (X509_cmp(sk_X509_value(certs, i), cert) == 0)
            return true;
    return false;
}

/* EN 319 122-1 §6.3, table 1, B-LT: every certificate of the path but the anchor, and revocation data about it. */
static enum sg_rc has_material(const struct sg_process *process, const STACK_OF(X509) *path, bool *ret,
                               struct sg_err *err)
{
    const struct sg_signature_request *signature = process->request;
    const struct sg_carried *carried = process->poes.carried;
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
        all = whole && finding.kind && has_cert(carried->certs, cert);
    }
    *ret = all;
    return SG_OK;
}

static const struct sg_stamp *find_stamp(const struct sg_process *process, enum sg_evidence_kind kind)
{
    for (size_t i = 0; i < process->stamp_count; i++)
        if (sg_stamp_holds(&process->stamps[i]) && sg_stamp_kind(process, &process->stamps[i]) == kind)
            return &process->stamps[i];
    return NULL;
}

enum sg_rc sg_process_level(const struct sg_process *process, const struct sg_judgement *answer, const char **ret,
                            struct sg_err *err)
{
    const struct sg_stamp *stamp = find_stamp(process, SG_EVIDENCE_SIGNATURE);
    bool complete = false;
    if (!stamp)
        return SG_OK;
    const struct sg_judgement *judged = stamp->holds_now ? &stamp->current : &stamp->past;
    enum sg_rc rc = has_material(process, answer->verdict.chain, &complete, err);
    if (rc == SG_OK && complete)
        rc = has_material(process, judged->verdict.chain, &complete, err);
    if (rc != SG_OK)
        return rc;
    *ret = !complete ? "B-T" : find_stamp(process, SG_EVIDENCE_ARCHIVE_V3) ? "B-LTA" : "B-LT";
    return SG_OK;
}
