/* Proofs of existence (EN 319 102-1 §5.6.2.3): by when each thing that a signature carries is proven to have been
 * there. What is in front of us is there now; each time-stamp that holds proves what it is over for its own time. */
#pragma once

#include <stdint.h>

#include <openssl/x509.h>

#include "base/err.h"
#include "formats/cades_evidence.h"
#include "verify/carried.h"

struct sg_poes {
    const struct sg_evidence *evidence;
    struct sg_carried *carried; /* its revocation data, whose `proven` is kept up to date */
    int64_t now;                /* when judging takes place */
    int64_t signature;          /* the signature value */
    int64_t *certificates;      /* of the evidence, by index; as are the next */
    int64_t *timestamps;
};

/* EN 319 102-1 §5.6.3.4 step 2: everything is there now. Both are borrowed. */
SG_MUST_CHECK enum sg_rc sg_poes_make(const struct sg_evidence *evidence, struct sg_carried *carried, int64_t now,
                                      struct sg_poes *ret, struct sg_err *err);
void sg_poes_clear(struct sg_poes *poes);

/* Takes in what that time-stamp of the evidence, which holds, proves for `when`. */
void sg_poes_extract(struct sg_poes *poes, size_t timestamp, int64_t when);
/* By when the certificate is proven to have been there. */
int64_t sg_poes_certificate(const struct sg_poes *poes, X509 *cert);
