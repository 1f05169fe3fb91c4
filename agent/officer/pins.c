#include "officer/pins.h"

#include <string.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "base/limits.h"
#include "base/msg.h"

#define TRANSPORT_DOMAIN "signet.transport-so-pin/1"

static enum sg_rc digits_allowed(size_t wanted, size_t min, size_t max, size_t *ret, struct sg_err *err)
{
    size_t count = wanted;

    if (max == 0 || max > SG_MAX_PIN)
        max = SG_MAX_PIN;
    if (count < min)
        count = min;
    if (count > max)
        count = max;
    if (min > max || count < SG_MIN_RANDOM_PIN)
        return sg_fail(err, SG_E_POLICY, _("The token takes PINs of %zu to %zu characters; no random PIN fits there."),
                       min, max);
    *ret = count;
    return SG_OK;
}

/* A digit of a random byte, each as likely as the others; false: the byte is one of the few left over. */
static bool digit_of(uint8_t byte, uint8_t *ret)
{
    *ret = (uint8_t)('0' + byte % 10);
    return byte < 250;
}

static bool is_trivial(const struct sg_secret *pin)
{
    unsigned seen = 0;
    bool steps = true;

    for (size_t i = 0; i < pin->len; i++) {
        seen |= 1U << (pin->bytes[i] - '0');
        if (i >= 2)
            steps = steps && (pin->bytes[i] - pin->bytes[i - 1] + 10) % 10 == (pin->bytes[1] - pin->bytes[0] + 10) % 10;
    }
    return steps || __builtin_popcount(seen) < (pin->len < 8 ? 3 : 4);
}

enum sg_rc sg_pin_random(OSSL_LIB_CTX *libctx, size_t wanted, size_t min, size_t max, struct sg_secret **ret,
                         struct sg_err *err)
{
    _cleanup_(sg_secret_freep) struct sg_secret *pin = NULL;
    size_t count = 0;
    uint8_t byte = 0;
    enum sg_rc rc = digits_allowed(wanted, min, max, &count, err);

    if (rc == SG_OK)
        rc = sg_secret_new(count, &pin, err);
    if (rc != SG_OK)
        return rc;
    do {
        pin->len = 0;
        while (pin->len < count) {
            if (RAND_priv_bytes_ex(libctx, &byte, 1, 0) != 1)
                return sg_fail_ssl(err, SG_E_INTERNAL, "%s", _("There are no random numbers."));
            pin->len += digit_of(byte, &pin->bytes[pin->len]);
        }
    } while (is_trivial(pin));
    OPENSSL_cleanse(&byte, sizeof(byte));
    *ret = sg_steal(pin);
    return SG_OK;
}

enum sg_rc sg_pin_transport(OSSL_LIB_CTX *libctx, const uint8_t nonce[SG_RUN_NONCE], size_t min, size_t max,
                            struct sg_secret **ret, struct sg_err *err)
{
    _cleanup_(sg_secret_freep) struct sg_secret *pin = NULL;
    uint8_t input[sizeof(TRANSPORT_DOMAIN) + SG_RUN_NONCE + 1] = TRANSPORT_DOMAIN, digest[EVP_MAX_MD_SIZE];
    size_t count = 0, len = 0;
    enum sg_rc rc = digits_allowed(SG_SO_PIN_DIGITS, min, max, &count, err);

    if (rc == SG_OK)
        rc = sg_secret_new(count, &pin, err);
    memcpy(input + sizeof(TRANSPORT_DOMAIN), nonce, SG_RUN_NONCE);
    /* As many digests as it takes, each of the nonce and a counter. */
    while (rc == SG_OK && pin->len < count) {
        rc = sg_digest(libctx, "SHA256", (struct sg_slice){input, sizeof(input)}, digest, &len, err);
        for (size_t i = 0; rc == SG_OK && i < len && pin->len < count; i++)
            pin->len += digit_of(digest[i], &pin->bytes[pin->len]);
        input[sizeof(input) - 1]++;
    }
    if (rc == SG_OK)
        *ret = sg_steal(pin);
    return rc;
}
