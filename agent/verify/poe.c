#include "verify/poe.h"

#include <stdlib.h>

#include "verify/verify.h"

static int64_t *all_now(size_t count, int64_t now)
{
    int64_t *times = calloc(count ? count : 1, sizeof *times);
    for (size_t i = 0; times && i < count; i++)
        times[i] = now;
    return times;
}

enum sg_rc sg_poes_make(const struct sg_evidence *evidence, struct sg_carried *carried, int64_t now,
                        struct sg_poes *ret, struct sg_err *err)
{
    size_t certs = (size_t)sk_X509_num(sg_evidence_certificates(evidence));
    size_t stamps = sg_evidence_timestamp_count(evidence);
    struct sg_poes poes = {.evidence = evidence,
                           .carried = carried,
                           .now = now,
                           .signature = now,
                           .certificates = all_now(certs, now),
                           .timestamps = all_now(stamps, now)};
    if (!poes.certificates || !poes.timestamps) {
        sg_poes_clear(&poes);
        return sg_fail_memory(err);
    }
    *ret = poes;
    return SG_OK;
}

void sg_poes_clear(struct sg_poes *poes)
{
    free(poes->certificates);
    free(poes->timestamps);
    *poes = (struct sg_poes){0};
}

static void lower(int64_t *time, int64_t when)
{
    if (*time == SG_TIME_NONE || when < *time)
        *time = when;
}

/* A time-stamp over the content alone says nothing of the signature, which need not have been there yet. */
static bool proves_signature(enum sg_evidence_kind kind)
{
    return kind != SG_EVIDENCE_CONTENT && kind != SG_EVIDENCE_REFERENCES;
}

/* EN 319 102-1 §5.6.2.3.4: everything that the time-stamp is over, directly or by its hash, was there when it was made.
 */
void sg_poes_extract(struct sg_poes *poes, size_t timestamp, int64_t when)
{
    const struct sg_evidence *evidence = poes->evidence;
    const STACK_OF(X509) *certs = sg_evidence_certificates(evidence);
    struct sg_carried *carried = poes->carried;
    if (proves_signature(sg_evidence_timestamp(evidence, timestamp)->kind))
        lower(&poes->signature, when);
    for (int i = 0; i < sk_X509_num(certs); i++)
        if (sg_evidence_covers_certificate(evidence, timestamp, sk_X509_value(certs, i)))
            lower(&poes->certificates[i], when);
    for (size_t i = 0; i < carried->crl_count; i++)
        if (sg_evidence_covers_crl(evidence, timestamp, carried->crl_indexes[i]))
            lower(&carried->crls[i]->proven, when);
    for (size_t i = 0; i < carried->ocsp_count; i++)
        if (sg_evidence_covers_ocsp(evidence, timestamp, carried->ocsp_indexes[i]))
            lower(&carried->ocsps[i]->proven, when);
    for (size_t i = 0; i < sg_evidence_timestamp_count(evidence); i++)
        if (i != timestamp && sg_evidence_covers_timestamp(evidence, timestamp, i))
            lower(&poes->timestamps[i], when);
}

int64_t sg_poes_certificate(const struct sg_poes *poes, X509 *cert)
{
    const STACK_OF(X509) *certs = sg_evidence_certificates(poes->evidence);
    for (int i = 0; i < sk_X509_num(certs); i++)
        if (X509_cmp(sk_X509_value(certs, i), cert) == 0)
            return poes->certificates[i];
    return poes->now;
}
