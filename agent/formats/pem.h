/* Files of certificates: DER, or PEM with any number of blocks. CRLs are in crl.h. */
#pragma once

#include <openssl/x509.h>

#include "base/input.h"

/* Appends every certificate of the file to `certs`; none in it, or one that cannot be read, is SG_E_MALFORMED. */
SG_MUST_CHECK enum sg_rc sg_certs_read(struct sg_input *input, OSSL_LIB_CTX *libctx, STACK_OF(X509) *certs,
                                       struct sg_err *err);
/* A certificate from DER in our library context. Trailing bytes are SG_E_MALFORMED. */
SG_MUST_CHECK enum sg_rc sg_cert_parse(struct sg_slice der, OSSL_LIB_CTX *libctx, X509 **ret, struct sg_err *err);
/* If the input is PEM, that is begins with a block's BEGIN line (white space aside): the bytes of that block, decoded
 * into a spooled input (any size); else `*ret` is NULL. */
SG_MUST_CHECK enum sg_rc sg_pem_decode(struct sg_input *input, struct sg_input **ret, struct sg_err *err);
#define SG_PEM_LABEL 64
/* The label of that block ("CMS"); "" if the input is not PEM. A label that does not fit is none. */
SG_MUST_CHECK enum sg_rc sg_pem_label(struct sg_input *input, char label[SG_PEM_LABEL], struct sg_err *err);
