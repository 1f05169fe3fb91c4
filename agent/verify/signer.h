/* What a SignerInfo says, checked for its form (EN 319 102-1 §5.2.2, RFC 5652 §5.3 and §11). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "formats/cms.h"
#include "verify/crypto.h"
#include "verify/verdict.h"

#define SG_SIGNER_REFERENCES 2 /* signing-certificate and signing-certificate-v2 */

struct sg_signer {
    const struct sg_signer_info *si; /* borrowed */
    bool has_signed_attrs;
    bool is_countersignature;
    bool ambiguous;                    /* attributes stand there twice: what was signed is not one thing */
    bool content_type_right;           /* the content-type attribute is eContentType, or not there where none may be */
    struct sg_slice message_digest;    /* of `si`; none if absent or malformed */
    int64_t signing_time;              /* SG_TIME_NONE if absent or malformed */
    int digest_nid;                    /* digestAlgorithm */
    struct sg_signature_method method; /* its digest is filled in where the algorithm leaves it to digestAlgorithm */
    struct sg_ess_cert_id references[SG_SIGNER_REFERENCES];
    size_t reference_count;
};

/* Notes every fault of form as TOTAL-FAILED / FORMAT_FAILURE. A countersignature is of no content, and so has no type
 * of it (RFC 5652 §11.4). */
SG_MUST_CHECK enum sg_rc sg_signer_read(OSSL_LIB_CTX *libctx, const struct sg_cms *cms, const struct sg_signer_info *si,
                                        bool countersignature, struct sg_signer *ret, struct sg_judgement *judgement,
                                        struct sg_err *err);
void sg_signer_clear(struct sg_signer *signer);

/* Whether the signing-certificate attributes name this certificate (EN 319 102-1 §5.2.3.4); true if there are none. */
SG_MUST_CHECK enum sg_rc sg_signer_references(const struct sg_signer *signer, X509 *cert, OSSL_LIB_CTX *libctx,
                                              bool *ret_match, struct sg_err *err);
