/* The Time-Stamp Protocol (RFC 3161, RFC 5816): requests, answers, and what a token says. Reading judges nothing:
 * whether a token holds is for verify/. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <openssl/ts.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/crypto.h"

#define SG_TSP_NONCE 16 /* octets: 126 of its bits are random */

/* A TimeStampReq (RFC 3161 §2.4.1) for what has this SHA-256, with a fresh nonce, that asks for the TSA's certificate;
 * `policy`: an OID in numbers, or "" for the TSA's own. Appends its DER. */
SG_MUST_CHECK enum sg_rc sg_tsp_request_make(OSSL_LIB_CTX *libctx, const uint8_t sha256[SG_SHA256_LEN],
                                             const char *policy, uint8_t ret_nonce[SG_TSP_NONCE], struct sg_buf *out,
                                             struct sg_err *err);

/* A TimeStampResp (RFC 3161 §2.4.2). */
struct sg_tsp_answer {
    struct sg_slice token; /* the TimeStampToken, among the bytes that were read; none: it was refused */
    char *refusal;         /* then what the TSA says of it, fit to be printed; else NULL */
};

/* Anything but one whole answer is SG_E_MALFORMED. */
SG_MUST_CHECK enum sg_rc sg_tsp_answer_read(struct sg_slice bytes, struct sg_tsp_answer *ret, struct sg_err *err);
void sg_tsp_answer_clear(struct sg_tsp_answer *answer);

/* The content of a token. */
struct sg_tst_info {
    TS_TST_INFO *parsed; /* owns what the others point to */
    const X509_ALGOR *imprint_algorithm;
    struct sg_slice imprint;
    const ASN1_OBJECT *policy;
    const ASN1_INTEGER *serial;
    const ASN1_INTEGER *nonce; /* NULL: none */
    const GENERAL_NAME *tsa;   /* ditto */
    int64_t time;            /* genTime; a fraction of a second is left off: it is from then on, and before the next */
    int64_t fraction;        /* that was left off: microseconds, rounded up */
    int64_t accuracy;        /* microseconds around genTime; -1: the token does not say */
    bool critical_extension; /* there is one, and none is known */
};

/* Not exactly one TSTInfo of version 1, or a genTime or accuracy against §2.4.2: SG_E_MALFORMED, saying what. */
SG_MUST_CHECK enum sg_rc sg_tst_info_read(struct sg_slice bytes, struct sg_tst_info *ret, struct sg_err *err);
void sg_tst_info_clear(struct sg_tst_info *info);

/* The unsigned attribute signature-time-stamp (EN 319 122-1 §5.3) with this token, for sg_cms_add_unsigned(). */
SG_MUST_CHECK enum sg_rc sg_tsp_attribute_make(struct sg_slice token, struct sg_buf *out, struct sg_err *err);
