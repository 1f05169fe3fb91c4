/* PINs that nobody chose: digits from the system's generator. */
#pragma once

#include "base/secret.h"
#include "store/provisioning.h"

/* Where a token's limits allow it: 8 digits for a person, 16 for a safe. */
#define SG_USER_PIN_DIGITS 8
#define SG_SO_PIN_DIGITS 16
#define SG_MIN_RANDOM_PIN 4

/* As many digits as `wanted`, or as near to it as a token takes whose PINs have `min` to `max` bytes (0: not known).
 * Every PIN is as likely as any other, but for those that a thief tries first, which never come: few different digits,
 * or all in steps. Fewer than SG_MIN_RANDOM_PIN digits allowed: SG_E_POLICY. */
SG_MUST_CHECK enum sg_rc sg_pin_random(OSSL_LIB_CTX *libctx, size_t wanted, size_t min, size_t max,
                                       struct sg_secret **ret, struct sg_err *err);

/* The SO PIN of tokens that are not finished yet: made of the run's nonce, so that the next run knows it too. It guards
 * a token that is of no use to anybody, and is replaced by the escrowed one before a certificate is asked for. */
SG_MUST_CHECK enum sg_rc sg_pin_transport(OSSL_LIB_CTX *libctx, const uint8_t nonce[SG_RUN_NONCE], size_t min,
                                          size_t max, struct sg_secret **ret, struct sg_err *err);
