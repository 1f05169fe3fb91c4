/* Until when a certificate is good by what it and its path say themselves: the first end among their validities and
 * among the algorithms that they were made with. Revocation is another matter. */
#pragma once

#include <openssl/x509.h>

#include "verify/algorithms.h"

/* How good the certificate's own key is, and the signature on it, by the table of algorithms.h. */
struct sg_algorithm_answer sg_cert_key_answer(X509 *cert, int64_t when);
struct sg_algorithm_answer sg_cert_signature_answer(X509 *cert, int64_t when);

/* Whether `at` is within its validity (RFC 5280 §4.1.2.5); no, if that cannot be read. */
bool sg_cert_is_valid_at(const X509 *cert, int64_t at);

enum sg_ending_of { SG_ENDING_CERTIFICATE, SG_ENDING_KEY, SG_ENDING_SIGNATURE };

struct sg_ending {
    enum sg_ending_of of;
    X509 *cert;         /* whose it is; one of the path's, borrowed */
    int64_t when;       /* SG_TIME_NONE: it never was good, or it is a certificate whose end cannot be read */
    char algorithm[64]; /* of a key or a signature */
};

/* `path` has at least one certificate. With `anchored` its last one is an anchor, whose own signature does not count.
 */
struct sg_ending sg_path_ending(const STACK_OF(X509) *path, bool anchored);
