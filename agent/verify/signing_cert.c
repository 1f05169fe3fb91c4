/* Identification of the signing certificate (EN 319 102-1 §5.2.3). */
#include "base/limits.h"
#include "verify/blocks.h"

/* EN 319 102-1 §5.2.3.4: of the certificates that the SignerIdentifier names, the one that the signed attributes name
 * too; else the one whose key fits. */
static bool is_better(const struct sg_candidate *a, const struct sg_candidate *b)
{
    if (!b->cert || a->matches != b->matches)
        return !b->cert || a->matches;
    return a->answer == SG_SIGNATURE_RIGHT && b->answer != SG_SIGNATURE_RIGHT;
}

static enum sg_rc find_among(const struct sg_signature_request *request, const struct sg_signer *signer,
                             const STACK_OF(X509) *certs, struct sg_candidate *best, struct sg_err *err)
{
    int tried = 0;
    for (int i = 0; i < sk_X509_num(certs) && tried < SG_MAX_SIGNER_CANDIDATES; i++) {
        struct sg_candidate candidate = {.cert = sk_X509_value(certs, i), .answer = SG_SIGNATURE_UNSUPPORTED};
        if (!sg_signer_info_names(signer->si, candidate.cert))
            continue;
        tried++;
        enum sg_rc rc =
            sg_signer_references(signer, candidate.cert, request->verifier->libctx, &candidate.matches, err);
        if (rc == SG_OK)
            rc = sg_signature_value_try(request, signer, &candidate, err);
        if (rc != SG_OK)
            return rc;
        if (is_better(&candidate, best))
            *best = candidate;
        if (best->matches && best->answer == SG_SIGNATURE_RIGHT)
            break;
    }
    return SG_OK;
}

enum sg_rc sg_signing_cert_find(const struct sg_signature_request *request, const struct sg_signer *signer,
                                struct sg_candidate *ret, bool *ret_along, struct sg_err *err)
{
    struct sg_candidate found = {.answer = SG_SIGNATURE_UNSUPPORTED};
    enum sg_rc rc = find_among(request, signer, sg_cms_certificates(request->cms), &found, err);
    bool along = found.cert != NULL;
    if (rc == SG_OK && !found.cert)
        rc = find_among(request, signer, request->carried->certs, &found, err);
    if (rc == SG_OK && !found.cert)
        rc = find_among(request, signer, sg_trust_intermediates(request->verifier->trust), &found, err);
    if (rc != SG_OK)
        return rc;
    *ret = found;
    *ret_along = along;
    return SG_OK;
}
