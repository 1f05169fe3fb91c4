/* Makes a CRL of so many entries, in DER, in a second:
 *
 *     make_crl COUNT KEY.pem ISSUER.pem OUT
 *
 * The serials are 16 octets in no order, always the same ones; each fourth entry has a reason. Good from now on for a
 * year. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

enum { SERIAL = 16 };

struct bytes {
    uint8_t *data;
    size_t len, capacity;
};

static void must(int done, const char *what)
{
    if (done)
        return;
    fprintf(stderr, "make_crl: %s\n", what);
    exit(70);
}

static void add(struct bytes *bytes, const void *data, size_t len)
{
    if (bytes->len + len > bytes->capacity) {
        bytes->capacity = 2 * (bytes->len + len);
        bytes->data = realloc(bytes->data, bytes->capacity);
        must(bytes->data != NULL, "memory");
    }
    memcpy(bytes->data + bytes->len, data, len);
    bytes->len += len;
}

/* Header and content. */
static void element(struct bytes *out, uint8_t tag, const void *content, size_t len)
{
    uint8_t header[6] = {tag, 0x84, (uint8_t)(len >> 24), (uint8_t)(len >> 16), (uint8_t)(len >> 8), (uint8_t)len};
    size_t octets = len < 0x80 ? 0 : len < 0x100 ? 1 : len < 0x10000 ? 2 : len < 0x1000000 ? 3 : 4;

    header[1] = octets == 0 ? (uint8_t)len : (uint8_t)(0x80 | octets);
    memmove(header + 2, header + 6 - octets, octets);
    add(out, header, 2 + octets);
    add(out, content, len);
}

static uint64_t next_random(uint64_t *state) /* xorshift64 */
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    return *state ^= *state << 17;
}

static void add_entries(struct bytes *out, unsigned long count)
{
    static const uint8_t reason[] = {0x30, 0x0c, 0x30, 0x0a, 0x06, 0x03, 0x55,
                                     0x1d, 0x15, 0x04, 0x03, 0x0a, 0x01, 0x04}; /* superseded */
    uint64_t state = 0x9e3779b97f4a7c15;

    for (unsigned long i = 0; i < count; i++) {
        uint64_t serial[SERIAL / 8] = {next_random(&state), next_random(&state)};
        struct bytes fields = {(uint8_t[128]){0}, 0, 128};

        ((uint8_t *)serial)[0] = (uint8_t)(0x20 | (serial[0] & 0x1f)); /* positive, and of this length */
        element(&fields, V_ASN1_INTEGER, serial, SERIAL);
        element(&fields, V_ASN1_UTCTIME, "250101000000Z", 13);
        if (i % 4 == 0)
            add(&fields, reason, sizeof(reason));
        element(out, V_ASN1_SEQUENCE | V_ASN1_CONSTRUCTED, fields.data, fields.len);
    }
}

static void add_time(struct bytes *out, time_t when)
{
    char text[16];
    struct tm tm;

    strftime(text, sizeof(text), "%y%m%d%H%M%SZ", gmtime_r(&when, &tm));
    element(out, V_ASN1_UTCTIME, text, 13);
}

int main(int argc, char **argv)
{
    static const uint8_t sha256_rsa[] = {0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86,
                                         0xf7, 0x0d, 0x01, 0x01, 0x0b, 0x05, 0x00};
    static const uint8_t number[] = {0x30, 0x0c, 0x30, 0x0a, 0x06, 0x03, 0x55,
                                     0x1d, 0x14, 0x04, 0x03, 0x02, 0x01, 0x7f}; /* cRLNumber 127 */
    must(argc == 5, "usage: make_crl COUNT KEY.pem ISSUER.pem OUT");
    FILE *key_file = fopen(argv[2], "r"), *cert_file = fopen(argv[3], "r"), *out_file = fopen(argv[4], "w");
    must(key_file && cert_file && out_file, "a file cannot be opened");
    EVP_PKEY *key = PEM_read_PrivateKey(key_file, NULL, NULL, NULL);
    X509 *cert = PEM_read_X509(cert_file, NULL, NULL, NULL);
    must(key && cert && EVP_PKEY_is_a(key, "RSA"), "an RSA key and a certificate are wanted");

    struct bytes entries = {0}, fields = {0}, tbs = {0}, list = {0}, out = {0};
    uint8_t *issuer = NULL, signature[1 + 2048] = {0};
    size_t signature_len = sizeof(signature) - 1;
    int issuer_len = i2d_X509_NAME(X509_get_subject_name(cert), &issuer);

    add_entries(&entries, strtoul(argv[1], NULL, 10));
    element(&fields, V_ASN1_INTEGER, "\1", 1);
    add(&fields, sha256_rsa, sizeof(sha256_rsa));
    add(&fields, issuer, (size_t)issuer_len);
    add_time(&fields, time(NULL) - 3600);
    add_time(&fields, time(NULL) + 365 * 86400);
    element(&fields, V_ASN1_SEQUENCE | V_ASN1_CONSTRUCTED, entries.data, entries.len);
    element(&fields, V_ASN1_CONTEXT_SPECIFIC | V_ASN1_CONSTRUCTED, number, sizeof(number));
    element(&tbs, V_ASN1_SEQUENCE | V_ASN1_CONSTRUCTED, fields.data, fields.len);

    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    must(ctx && EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
             EVP_DigestSign(ctx, signature + 1, &signature_len, tbs.data, tbs.len) == 1,
         "it cannot be signed");
    add(&list, tbs.data, tbs.len);
    add(&list, sha256_rsa, sizeof(sha256_rsa));
    element(&list, V_ASN1_BIT_STRING, signature, 1 + signature_len);
    element(&out, V_ASN1_SEQUENCE | V_ASN1_CONSTRUCTED, list.data, list.len);
    must(fwrite(out.data, 1, out.len, out_file) == out.len && fclose(out_file) == 0, "it cannot be written");
    return 0;
}
