/* Writing DER (X.690 §10, §11). The error sticks: after the first failure the calls do nothing, and the code is in
 * `rc` at the end.
 *
 *     struct sg_der der = {.out = &buf, .err = err};
 *     size_t seq = sg_der_open(&der);
 *     sg_der_oid(&der, NID_pkcs7_data);
 *     sg_der_close(&der, seq, SG_DER_SEQUENCE);
 *     return der.rc; */
#pragma once

#include <stdint.h>

#include <openssl/objects.h>

#include "base/buf.h"

#define SG_DER_INTEGER 0x02
#define SG_DER_OCTET_STRING 0x04
#define SG_DER_NULL 0x05
#define SG_DER_OBJECT_IDENTIFIER 0x06
#define SG_DER_SEQUENCE 0x30
#define SG_DER_SET 0x31
#define SG_DER_CONTEXT(n) ((uint8_t)(0xa0 | (n))) /* constructed: EXPLICIT, or IMPLICIT of a SET or SEQUENCE */

struct sg_der {
    struct sg_buf *out;
    struct sg_err *err;
    enum sg_rc rc;
};

/* A constructed element: what is written between open and close is its content. Elements nest. */
size_t sg_der_open(const struct sg_der *der);
void sg_der_close(struct sg_der *der, size_t opened, uint8_t tag);

void sg_der_element(struct sg_der *der, uint8_t tag, struct sg_slice content);
void sg_der_raw(struct sg_der *der, struct sg_slice encoding); /* what is already DER */
void sg_der_small_integer(struct sg_der *der, uint8_t value);  /* 0 to 127 */
void sg_der_oid(struct sg_der *der, int nid);
/* What an i2d function of OpenSSL's gave: `uint8_t *e = NULL; sg_der_i2d(&der, i2d_X509(cert, &e), &e);` Frees it. */
void sg_der_i2d(struct sg_der *der, int len, uint8_t **encoding);

/* The order of a SET OF in DER (X.690 §11.6): as memcmp, what is shorter padded with zero octets. */
int sg_der_compare(struct sg_slice a, struct sg_slice b);
/* A SET OF with the given tag; sorts `elements` (whole encodings). */
void sg_der_set_of(struct sg_der *der, uint8_t tag, struct sg_slice *elements, size_t count);

/* The octets of an element with so many content octets, its header included. */
uint64_t sg_der_size(uint64_t content_length);
