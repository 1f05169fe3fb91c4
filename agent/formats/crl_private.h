/* The small elements of a CRL, as they lie in memory. Private to formats/. */
#pragma once

#include "formats/crl.h"

enum { SG_CRL_BIT_STRING = 0x03, SG_CRL_UTC_TIME = 0x17, SG_CRL_GENERALIZED_TIME = 0x18 };

/* A header with a definite length in as few octets as can be (X.690 §10.1); the element need not be there whole. */
bool sg_crl_header(struct sg_slice at, uint8_t *identifier, size_t *header, uint64_t *length);
/* Takes the element that `at` begins with off it. `whole` may be NULL. */
bool sg_crl_take_any(struct sg_slice *at, uint8_t *identifier, struct sg_slice *content, struct sg_slice *whole);
/* The same, if it is this one. */
bool sg_crl_take(struct sg_slice *at, uint8_t identifier, struct sg_slice *content);
/* RFC 5280 §4.1.2.5: with seconds, in UTC, two digits of the year being of 1950 to 2049. */
bool sg_crl_time(uint8_t identifier, struct sg_slice text, int64_t *ret);
/* The content of revokedCertificates' SEQUENCE { userCertificate, revocationDate, crlEntryExtensions OPTIONAL }. */
bool sg_crl_entry_read(struct sg_slice fields, struct sg_crl_entry *entry);
