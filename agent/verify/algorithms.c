#include "verify/algorithms.h"

#include <stdio.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/objects.h>

#include "base/cleanup.h"
#include "base/limits.h"
#include "verify/verify.h"

/* The dates are those of ETSI TS 119 312 and of its predecessor TS 102 176-1: the first day on which what was made with
 * an algorithm is not trusted without proof that it is older. What the tables still recommend, or give only a date in
 * the future for, has FOREVER: an edition may move such a date, and a verdict is not to change by itself on that day.
 * What is not in the table is not acceptable. To bring it up to date: change a date here, and its test. */
#define FOREVER INT64_MAX
#define NEVER SG_TIME_NONE
#define Y2005 INT64_C(1104537600)
#define Y2010 INT64_C(1262304000)
#define Y2014 INT64_C(1388534400)
#define Y2016 INT64_C(1451606400)
#define Y2017 INT64_C(1483228800)

static const struct {
    int nid;
    const char *word;
    int64_t until;
} digests[] = {
    {NID_sha256, "sha256", FOREVER},
    {NID_sha384, "sha384", FOREVER},
    {NID_sha512, "sha512", FOREVER},
    {NID_sha512_256, "sha512-256", FOREVER},
    {NID_sha3_256, "sha3-256", FOREVER},
    {NID_sha3_384, "sha3-384", FOREVER},
    {NID_sha3_512, "sha3-512", FOREVER},
    {NID_shake256, "shake256", FOREVER}, /* with Ed448 only (RFC 8419 §3.1) */
    {NID_sha224, "sha224", FOREVER},
    {NID_sha3_224, "sha3-224", FOREVER},
    {NID_sha1, "sha1", Y2014},
    {NID_ripemd160, "ripemd160", Y2014},
    {NID_md5, "md5", Y2005},
    {NID_md4, "md4", NEVER},
    {NID_md2, "md2", NEVER},
};

/* For each kind of key, from weak to strong: keys of fewer bits than `below` end at `until`. */
static const struct {
    const char *type;
    const char *name;
    struct {
        int below;
        int64_t until;
    } steps[4];
} keys[] = {
    {"RSA", "RSA", {{1024, NEVER}, {1536, Y2010}, {1900, Y2017}, {INT32_MAX, FOREVER}}},
    {"RSA-PSS", "RSA", {{1024, NEVER}, {1536, Y2010}, {1900, Y2017}, {INT32_MAX, FOREVER}}},
    {"DSA", "DSA", {{1024, NEVER}, {2048, Y2014}, {INT32_MAX, FOREVER}}},
    {"EC", "EC", {{160, NEVER}, {224, Y2014}, {256, Y2016}, {INT32_MAX, FOREVER}}},
    {"ED25519", "Ed25519", {{INT32_MAX, FOREVER}}},
    {"ED448", "Ed448", {{INT32_MAX, FOREVER}}},
};

#define COUNT(array) (sizeof(array) / sizeof *(array))

const char *sg_digest_word(int nid)
{
    for (size_t i = 0; i < COUNT(digests); i++)
        if (digests[i].nid == nid)
            return digests[i].word;
    return NULL;
}

static void judge_date(struct sg_algorithm_answer *answer, int64_t until, int64_t when)
{
    answer->acceptable = until != NEVER && when < until;
    answer->until = until;
}

struct sg_algorithm_answer sg_algorithm_digest(int nid, int64_t when)
{
    struct sg_algorithm_answer answer = {.until = SG_TIME_NONE};
    for (size_t i = 0; i < COUNT(digests); i++) {
        if (digests[i].nid != nid)
            continue;
        (void)snprintf(answer.name, sizeof answer.name, "%s", digests[i].word);
        judge_date(&answer, digests[i].until, when);
        return answer;
    }
    const char *name = nid == NID_undef ? NULL : OBJ_nid2sn(nid);
    (void)snprintf(answer.name, sizeof answer.name, "%s", name ? name : "?");
    return answer;
}

struct sg_algorithm_answer sg_algorithm_key(const EVP_PKEY *key, int64_t when)
{
    struct sg_algorithm_answer answer = {.until = SG_TIME_NONE};
    int bits = EVP_PKEY_get_bits(key);
    for (size_t i = 0; i < COUNT(keys); i++) {
        if (!EVP_PKEY_is_a(key, keys[i].type))
            continue;
        (void)snprintf(answer.name, sizeof answer.name, "%s-%d", keys[i].name, bits);
        for (size_t step = 0; step < COUNT(keys[i].steps) && keys[i].steps[step].below; step++) {
            if (bits < keys[i].steps[step].below) {
                judge_date(&answer, keys[i].steps[step].until, when);
                return answer;
            }
        }
        return answer;
    }
    const char *name = EVP_PKEY_get0_type_name(key);
    (void)snprintf(answer.name, sizeof answer.name, "%s", name ? name : "?");
    return answer;
}

static bool is_rsa(const EVP_PKEY *key)
{
    return EVP_PKEY_is_a(key, "RSA") || EVP_PKEY_is_a(key, "RSA-PSS");
}

/* Of an RSA key's public exponent; INT32_MAX if it cannot be had, or is longer than what is accepted. Asked for as a
 * number of that size, since OpenSSL takes longest over a large one. */
static int exponent_bits(const EVP_PKEY *key)
{
    uint64_t exponent = 0;
    OSSL_PARAM wanted[] = {OSSL_PARAM_uint64(OSSL_PKEY_PARAM_RSA_E, &exponent), OSSL_PARAM_END};
    ERR_set_mark();
    bool fits = EVP_PKEY_get_params(key, wanted) == 1 && OSSL_PARAM_modified(&wanted[0]);
    ERR_pop_to_mark();
    return !fits ? INT32_MAX : exponent == 0 ? 0 : 64 - __builtin_clzll(exponent);
}

/* RFC 8032 §5.1.3: the y of the points of Ed25519 whose order divides 8, but for those next to p. By such a key one
 * value is right over many contents, or over any; OpenSSL takes it as it is. (Of Ed448 it takes none.) */
static bool has_small_order(const EVP_PKEY *key)
{
    static const uint8_t order_8[][32] = {
        {0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0,
         0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05},
        {0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f,
         0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a},
    };
    uint8_t y[32];
    size_t len = sizeof y;
    if (!EVP_PKEY_is_a(key, "ED25519") || EVP_PKEY_get_raw_public_key(key, y, &len) != 1)
        return false;
    y[31] &= 0x7f;    /* without the sign of x */
    bool same = true; /* all octets but the first: of 0 and 1; of p - 1, p and p + 1 */
    for (size_t i = 2; i < 31; i++)
        same = same && y[i] == y[1];
    bool near_0 = same && y[1] == 0 && y[31] == 0 && y[0] <= 1;
    bool near_p = same && y[1] == 0xff && y[31] == 0x7f && y[0] >= 0xec && y[0] <= 0xee;
    return near_0 || near_p || memcmp(y, order_8[0], sizeof y) == 0 || memcmp(y, order_8[1], sizeof y) == 0;
}

bool sg_key_checkable(const EVP_PKEY *key)
{
    if (has_small_order(key))
        return false;
    return !is_rsa(key) ||
           (EVP_PKEY_get_bits(key) <= SG_MAX_RSA_BITS && exponent_bits(key) <= SG_MAX_RSA_EXPONENT_BITS); /* 64 */
}

static bool is_p256(const EVP_PKEY *key)
{
    char group[sizeof "prime256v1"];
    size_t len = 0;
    ERR_set_mark();
    bool known = EVP_PKEY_get_group_name(key, group, sizeof group, &len) == 1;
    ERR_pop_to_mark();
    return known && strcmp(group, "prime256v1") == 0;
}

unsigned sg_algorithm_cost(const EVP_PKEY *key)
{
    unsigned bits = (unsigned)(EVP_PKEY_get_bits(key) > 0 ? EVP_PKEY_get_bits(key) : 0);
    unsigned blocks = bits / 2048 + 1;
    if (is_rsa(key)) /* up to 65537: 17 multiplications, else up to two for each bit */
        return blocks * blocks * (exponent_bits(key) <= 17 ? 1 : 8);
    if (EVP_PKEY_is_a(key, "DSA")) /* two exponents of q's length */
        return blocks * blocks * 16;
    if (EVP_PKEY_is_a(key, "ED25519") || EVP_PKEY_is_a(key, "ED448"))
        return bits <= 256 ? 8 : 16;
    /* P-256 has code of its own in OpenSSL; of the others, curves over binary fields take longest. */
    return is_p256(key) ? 4 : bits * bits / 1200 + 4;
}
