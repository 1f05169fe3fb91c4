/* Encrypted CMS built by hand from its parts, so that each part can be odd: attributes under the tag, its length, the
 * nonce, how the content is cut, what stands where it should not, what goes over a limit. */
#include <fcntl.h>
#include <sys/stat.h>

#include "envelope.h"

#define OID_DATA "06092a864886f70d010701"
#define OID_ENVELOPED "06092a864886f70d010703"
#define OID_AUTH_ENVELOPED "060b2a864886f70d0109100117"
#define OID_AES_256_GCM "060960864801650304012e"
#define OID_AES_256_CBC "060960864801650304012a"
#define CONTENT_TYPE_ATTR "3018 06092a864886f70d010903 310b 06092a864886f70d010701"
#define OTHER_ATTR "300c 0603 2a0304 3105 0c03 616263"

static OSSL_LIB_CTX *libctx;
static struct recipient rsa;
static const uint8_t content_key[32] = "An AES-256 key, to be used once.";

static int setup(void **state)
{
    struct sg_err err;

    (void)state;
    if (sg_secrets_init(&err) != SG_OK || sg_libctx_new(&libctx, &err) != SG_OK)
        return -1;
    rsa = make_recipient(libctx, NULL, NULL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    recipient_clear(&rsa);
    OSSL_LIB_CTX_free(libctx);
    return 0;
}

static int clear(void **state)
{
    (void)state;
    arena_clear();
    return 0;
}

static struct sg_slice content(void)
{
    return slice("What is under the tag, and what beside it?", 42);
}

/* --- parts -------------------------------------------------------------------------------------------------------- */

static struct sg_slice key_trans(void)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(libctx, rsa.key, NULL);
    const ASN1_OCTET_STRING *key_id = X509_get0_subject_key_id(rsa.cert);
    uint8_t wrapped[256];
    size_t len = sizeof wrapped;

    assert_int_equal(EVP_PKEY_encrypt_init(ctx), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING), 1);
    assert_int_equal(EVP_PKEY_encrypt(ctx, wrapped, &len, content_key, sizeof content_key), 1);
    EVP_PKEY_CTX_free(ctx);
    struct sg_slice rid = slice(ASN1_STRING_get0_data(key_id), (size_t)ASN1_STRING_length(key_id));
    /* id-RSAES-OAEP with an empty sequence: all by default, SHA-1 */
    return tlv(0x30, JOIN(hex("020102"), tlv(0x80, rid), hex("300d 06092a864886f70d010107 3000"),
                          tlv(0x04, slice(wrapped, len))));
}

struct sealed {
    struct sg_slice bytes;
    uint8_t tag[16];
};

static struct sealed seal(struct sg_slice nonce, struct sg_slice covered, struct sg_slice plain)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    struct sealed sealed = {.bytes = {.data = room(plain.len), .len = plain.len}};
    int len = 0;

    assert_int_equal(EVP_EncryptInit_ex2(ctx, EVP_aes_256_gcm(), NULL, NULL, NULL), 1);
    assert_int_equal(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_IVLEN, (int)nonce.len, NULL), 1);
    assert_int_equal(EVP_EncryptInit_ex2(ctx, NULL, content_key, nonce.data, NULL), 1);
    if (covered.len > 0)
        assert_int_equal(EVP_EncryptUpdate(ctx, NULL, &len, covered.data, (int)covered.len), 1);
    assert_int_equal(EVP_EncryptUpdate(ctx, (uint8_t *)(uintptr_t)sealed.bytes.data, &len, plain.data, (int)plain.len),
                     1);
    assert_int_equal(EVP_EncryptFinal_ex(ctx, NULL, &len), 1);
    assert_int_equal(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, 16, sealed.tag), 1);
    EVP_CIPHER_CTX_free(ctx);
    return sealed;
}

/* GCMParameters; `icv_len` 0: absent. */
static struct sg_slice gcm(struct sg_slice nonce, uint8_t icv_len)
{
    struct sg_slice length = icv_len ? tlv(0x02, slice(&icv_len, 1)) : NONE;
    return tlv(0x30, JOIN(hex(OID_AES_256_GCM), tlv(0x30, JOIN(tlv(0x04, nonce), length))));
}

struct parts {
    struct sg_slice before;     /* version and originatorInfo */
    struct sg_slice recipients; /* in the SET */
    struct sg_slice algorithm;
    struct sg_slice encrypted; /* with its [0] */
    struct sg_slice behind;    /* authAttrs, the tag, unauthAttrs */
};

static struct sg_slice assemble(const char *type, const struct parts *parts)
{
    struct sg_slice info = tlv(0x30, JOIN(hex(OID_DATA), parts->algorithm, parts->encrypted));
    struct sg_slice inner = JOIN(parts->before, tlv(0x31, parts->recipients), info, parts->behind);
    return tlv(0x30, JOIN(hex(type), tlv(0xa0, tlv(0x30, inner))));
}

/* An ordinary one, for a test to make odd. */
static struct parts ordinary(void)
{
    struct sealed sealed = seal(hex("000102030405060708090a0b"), NONE, content());
    return (struct parts){
        .before = hex("020100"),
        .recipients = key_trans(),
        .algorithm = gcm(hex("000102030405060708090a0b"), 16),
        .encrypted = tlv(0x80, sealed.bytes),
        .behind = tlv(0x04, slice(sealed.tag, 16)),
    };
}

static enum sg_rc open_it(struct sg_slice bytes)
{
    _cleanup_(sg_buf_clear) struct sg_buf plain = SG_BUF(SG_MIB);
    enum sg_rc rc = we_decrypt(libctx, bytes, &rsa, &plain, NULL);
    if (rc == SG_OK)
        assert_slice_equal(sg_buf_slice(&plain), content());
    return rc;
}

/* --- tests -------------------------------------------------------------------------------------------------------- */

static void test_tags_of_every_length(void **state)
{
    (void)state;
    for (uint8_t len = 0; len <= 17; len++)
        for (uint8_t said = 0; said <= 17; said++) {
            struct parts parts = ordinary();
            uint8_t tag[17] = {0};
            memcpy(tag, seal(hex("000102030405060708090a0b"), NONE, content()).tag, 16);
            parts.algorithm = gcm(hex("000102030405060708090a0b"), said);
            parts.behind = tlv(0x04, slice(tag, len));
            const uint8_t wanted = said ? said : 12;
            const bool good = len == wanted && len >= 12 && len <= 16;
            assert_int_equal(open_it(assemble(OID_AUTH_ENVELOPED, &parts)), good ? SG_OK : SG_E_MALFORMED);
        }
}

static void test_nonces(void **state)
{
    const size_t lengths[] = {1, 8, 12, 16, SG_MAX_GCM_NONCE};

    (void)state;
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        struct sg_slice nonce = repeat(hex("5a"), lengths[i]);
        struct sealed sealed = seal(nonce, NONE, content());
        struct parts parts = ordinary();
        parts.algorithm = gcm(nonce, 16);
        parts.encrypted = tlv(0x80, sealed.bytes);
        parts.behind = tlv(0x04, slice(sealed.tag, 16));
        assert_int_equal(open_it(assemble(OID_AUTH_ENVELOPED, &parts)), SG_OK);
    }
    struct parts parts = ordinary();
    parts.algorithm = gcm(NONE, 16);
    assert_int_equal(open_it(assemble(OID_AUTH_ENVELOPED, &parts)), SG_E_MALFORMED);
    parts.algorithm = gcm(repeat(hex("5a"), SG_MAX_GCM_NONCE + 1), 16);
    assert_int_equal(open_it(assemble(OID_AUTH_ENVELOPED, &parts)), SG_E_MALFORMED);
}

/* RFC 5083 §2.2: the tag covers the attributes as DER with the tag of a SET OF, whatever the wire has. */
static void test_attributes_under_the_tag(void **state)
{
    struct sg_slice sorted = tlv(0x31, JOIN(hex(OTHER_ATTR), hex(CONTENT_TYPE_ATTR)));
    struct sg_slice unsorted = JOIN(hex(CONTENT_TYPE_ATTR), hex(OTHER_ATTR));
    struct sealed sealed = seal(hex("000102030405060708090a0b"), sorted, content());
    const struct sg_slice wires[] = {tlv(0xa1, JOIN(hex(OTHER_ATTR), hex(CONTENT_TYPE_ATTR))), tlv(0xa1, unsorted),
                                     indefinite(0xa1, unsorted)};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct parts parts = ordinary();
        parts.encrypted = tlv(0x80, sealed.bytes);
        parts.behind = JOIN(wires[i], tlv(0x04, slice(sealed.tag, 16)));
        assert_int_equal(open_it(assemble(OID_AUTH_ENVELOPED, &parts)), SG_OK);
        parts.behind = JOIN(wires[i], tlv(0x04, slice(sealed.tag, 16)), tlv(0xa2, hex(OTHER_ATTR)));
        assert_int_equal(open_it(assemble(OID_AUTH_ENVELOPED, &parts)), SG_OK);
        parts.behind = tlv(0x04, slice(sealed.tag, 16)); /* left out */
        assert_int_equal(open_it(assemble(OID_AUTH_ENVELOPED, &parts)), SG_E_DECRYPTION);
        parts.behind = JOIN(tlv(0xa1, hex(OTHER_ATTR)), tlv(0x04, slice(sealed.tag, 16)));
        assert_int_equal(open_it(assemble(OID_AUTH_ENVELOPED, &parts)), SG_E_DECRYPTION);
    }
}

static void test_content_in_fragments(void **state)
{
    struct sealed sealed = seal(hex("000102030405060708090a0b"), NONE, content());
    struct parts parts = ordinary();
    struct sg_slice fragments = NONE;

    (void)state;
    for (size_t i = 0; i < sealed.bytes.len; i++)
        fragments = JOIN(fragments, tlv(0x04, slice(sealed.bytes.data + i, 1)), tlv(0x24, NONE));
    parts.encrypted = tlv(0xa0, fragments);
    assert_int_equal(open_it(assemble(OID_AUTH_ENVELOPED, &parts)), SG_OK);
    parts.encrypted = indefinite(0xa0, JOIN(indefinite(0x24, fragments), tlv(0x04, NONE)));
    parts.behind = indefinite(0x24, JOIN(tlv(0x04, slice(sealed.tag, 5)), tlv(0x04, slice(sealed.tag + 5, 11))));
    assert_int_equal(open_it(assemble(OID_AUTH_ENVELOPED, &parts)), SG_OK);
    parts.encrypted = tlv(0xa0, JOIN(fragments, hex("020101"))); /* no OCTET STRING */
    assert_int_equal(open_it(assemble(OID_AUTH_ENVELOPED, &parts)), SG_E_MALFORMED);
}

static void test_what_is_out_of_place(void **state)
{
    struct parts parts = ordinary();

    (void)state;
    assert_int_equal(open_it(assemble(OID_AUTH_ENVELOPED, &parts)), SG_OK);
    parts.before = JOIN(hex("020100"), tlv(0xa0, NONE)); /* originatorInfo */
    assert_int_equal(open_it(assemble(OID_AUTH_ENVELOPED, &parts)), SG_OK);
    parts.before = hex("020102"); /* a version of EnvelopedData */
    assert_int_equal(open_it(assemble(OID_AUTH_ENVELOPED, &parts)), SG_E_MALFORMED);
    parts = ordinary();
    parts.encrypted = NONE; /* detached */
    assert_int_equal(open_it(assemble(OID_AUTH_ENVELOPED, &parts)), SG_E_MALFORMED);
    parts = ordinary();
    parts.behind = NONE; /* no tag */
    assert_int_equal(open_it(assemble(OID_AUTH_ENVELOPED, &parts)), SG_E_MALFORMED);
    parts = ordinary();
    parts.recipients = NONE; /* nobody */
    assert_int_equal(open_it(assemble(OID_AUTH_ENVELOPED, &parts)), SG_E_MALFORMED);
    parts = ordinary();
    parts.recipients = JOIN(parts.recipients, hex("020100"));
    assert_int_equal(open_it(assemble(OID_AUTH_ENVELOPED, &parts)), SG_E_MALFORMED);
    parts = ordinary();
    parts.recipients = JOIN(hex("3000"), parts.recipients); /* an empty KeyTransRecipientInfo */
    assert_int_equal(open_it(assemble(OID_AUTH_ENVELOPED, &parts)), SG_E_MALFORMED);
    parts = ordinary();
    parts.recipients = JOIN(hex("a400 a300 a200"), parts.recipients); /* kinds that are skipped */
    assert_int_equal(open_it(assemble(OID_AUTH_ENVELOPED, &parts)), SG_OK);
}

/* A cipher without a tag where there should be one, and the reverse: taking the tag off makes no EnvelopedData. */
static void test_ciphers_of_the_other_kind(void **state)
{
    struct parts parts = ordinary();
    struct sg_slice cbc = tlv(0x30, JOIN(hex(OID_AES_256_CBC), tlv(0x04, repeat(hex("00"), 16))));

    (void)state;
    parts.behind = NONE;
    assert_int_equal(open_it(assemble(OID_ENVELOPED, &parts)), SG_E_UNSUPPORTED);
    parts = ordinary();
    parts.algorithm = cbc;
    assert_int_equal(open_it(assemble(OID_AUTH_ENVELOPED, &parts)), SG_E_UNSUPPORTED);
    parts.behind = NONE;
    parts.algorithm = tlv(0x30, JOIN(hex(OID_AES_256_CBC), tlv(0x04, repeat(hex("00"), 15)))); /* a short IV */
    assert_int_equal(open_it(assemble(OID_ENVELOPED, &parts)), SG_E_MALFORMED);
}

static void test_too_many_recipients(void **state)
{
    struct parts parts = ordinary();
    const size_t each = parts.recipients.len;

    (void)state;
    parts.recipients = repeat(parts.recipients, SG_MAX_RECIPIENT_INFOS / each);
    assert_int_equal(open_it(assemble(OID_AUTH_ENVELOPED, &parts)), SG_OK);
    parts.recipients = JOIN(parts.recipients, slice(parts.recipients.data, each));
    assert_int_equal(open_it(assemble(OID_AUTH_ENVELOPED, &parts)), SG_E_LIMIT);
}

/* 64 GiB less 32 octets is what one nonce may encrypt: a sparse file has one octet more. It is refused before anything
 * is decrypted. */
static void test_content_beyond_the_limit_of_gcm(void **state)
{
    const uint64_t too_much = SG_MAX_GCM_CONTENT + 1;
    const struct parts parts = ordinary();
    _cleanup_(sg_buf_clear) struct sg_buf plain = SG_BUF(SG_MIB);
    _cleanup_(sg_input_freep) struct sg_input *input = NULL;
    _cleanup_(sg_envelope_freep) struct sg_envelope *envelope = NULL;
    char path[] = "/tmp/signet-envelope-XXXXXX";
    uint8_t header[SG_TLV_HEADER];

    (void)state;
    struct sg_slice encrypted = slice(header, sg_tlv_header(0x80, too_much, header));
    struct sg_slice head = JOIN(hex("3080" OID_AUTH_ENVELOPED "a080 3080"), parts.before, tlv(0x31, parts.recipients),
                                hex("3080" OID_DATA), parts.algorithm, encrypted);
    struct sg_slice tail = JOIN(hex("0000"), parts.behind, hex("0000 0000 0000"));
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, head.data, head.len, 0), head.len);
    assert_int_equal(pwrite(fd, tail.data, tail.len, (off_t)(head.len + too_much)), tail.len);
    assert_int_equal(close(fd), 0);
    assert_int_equal(sg_input_open(path, &input, NULL), SG_OK);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(sg_envelope_read(input, libctx, &envelope, NULL), SG_OK);
    assert_int_equal(sg_envelope_decrypt(envelope, rsa.key, rsa.cert, sink_to(&plain), NULL), SG_E_LIMIT);
    assert_int_equal(plain.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_tags_of_every_length, clear),
        cmocka_unit_test_teardown(test_nonces, clear),
        cmocka_unit_test_teardown(test_attributes_under_the_tag, clear),
        cmocka_unit_test_teardown(test_content_in_fragments, clear),
        cmocka_unit_test_teardown(test_what_is_out_of_place, clear),
        cmocka_unit_test_teardown(test_ciphers_of_the_other_kind, clear),
        cmocka_unit_test_teardown(test_too_many_recipients, clear),
        cmocka_unit_test_teardown(test_content_beyond_the_limit_of_gcm, clear),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
