/* Is everything that OpenSSL encrypts to a certificate read, is everything that was changed refused, and is a key that
 * does not unwrap no different from content that was changed? */
#include "base/outfile.h"
#include "envelope.h"

static OSSL_LIB_CTX *libctx;
static struct recipient rsa, other_rsa, p256, other_p256, p384, p521;
static const struct recipient *const all[] = {&rsa, &p256, &p384, &p521};

static struct sg_slice content(void)
{
    return slice("Confidential: the PIN of the card is in here.", 45);
}

static int setup(void **state)
{
    struct sg_err err;

    (void)state;
    if (sg_secrets_init(&err) != SG_OK || sg_libctx_new(&libctx, &err) != SG_OK)
        return -1;
    rsa = make_recipient(libctx, NULL, NULL);
    other_rsa = make_recipient(libctx, NULL, NULL);
    p256 = make_recipient(libctx, "P-256", NULL);
    other_p256 = make_recipient(libctx, "P-256", NULL);
    p384 = make_recipient(libctx, "P-384", NULL);
    p521 = make_recipient(libctx, "P-521", NULL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_clear();
    struct recipient *const each[] = {&rsa, &other_rsa, &p256, &other_p256, &p384, &p521};
    for (size_t i = 0; i < sizeof each / sizeof each[0]; i++)
        recipient_clear(each[i]);
    OSSL_LIB_CTX_free(libctx);
    return 0;
}

static int clear(void **state)
{
    (void)state;
    arena_clear();
    return 0;
}

static void assert_reads(struct sg_slice bytes, const struct recipient *id, struct sg_slice expected)
{
    _cleanup_(sg_buf_clear) struct sg_buf plain = SG_BUF(SG_MIB);
    struct sg_err err = {0};

    if (we_decrypt(libctx, bytes, id, &plain, &err) != SG_OK)
        fail_msg("%s (%s)", err.text, err.cause);
    assert_slice_equal(sg_buf_slice(&plain), expected);
}

static void assert_refuses(struct sg_slice bytes, const struct recipient *id, enum sg_rc expected)
{
    _cleanup_(sg_buf_clear) struct sg_buf plain = SG_BUF(SG_MIB);
    struct sg_err err = {0};
    enum sg_rc rc = we_decrypt(libctx, bytes, id, &plain, &err);

    if (rc != expected)
        fail_msg("%d and not %d: %s", rc, expected, err.text);
    assert_int_equal(err.rc, rc);
    assert_string_equal(err.file, "test");
}

/* --- what OpenSSL makes ------------------------------------------------------------------------------------------- */

static void test_every_cipher_form_and_key(void **state)
{
    const EVP_CIPHER *ciphers[] = {EVP_aes_128_gcm(), EVP_aes_192_gcm(), EVP_aes_256_gcm(), EVP_aes_128_cbc(),
                                   EVP_aes_192_cbc(), EVP_aes_256_cbc(), EVP_des_ede3_cbc()};

    (void)state;
    for (size_t c = 0; c < sizeof ciphers / sizeof ciphers[0]; c++)
        for (int form = AS_DER; form <= AS_PEM_STREAM; form++)
            for (size_t k = 0; k < sizeof all / sizeof all[0]; k++) {
                struct encryption how = {.to = {all[k]}, .cipher = ciphers[c], .flags = k % 2 ? CMS_USE_KEYID : 0};
                how.form = (enum form)form;
                /* OpenSSL wraps a 3DES key only by 3DES, unless told otherwise. */
                how.wrap = ciphers[c] == EVP_des_ede3_cbc() ? EVP_aes_256_wrap() : NULL;
                assert_reads(openssl_encrypts(libctx, &how, content()), all[k], content());
            }
}

static void test_is_told_whether_it_is_authenticated(void **state)
{
    (void)state;
    for (int gcm = 0; gcm < 2; gcm++) {
        const struct encryption how = {.to = {&rsa}, .cipher = gcm ? EVP_aes_192_gcm() : EVP_aes_128_cbc()};
        _cleanup_(sg_input_freep) struct sg_input *input = input_of(openssl_encrypts(libctx, &how, content()));
        _cleanup_(sg_envelope_freep) struct sg_envelope *envelope = NULL;
        assert_int_equal(sg_envelope_read(input, libctx, &envelope, NULL), SG_OK);
        assert_int_equal(sg_envelope_is_authenticated(envelope), gcm);
        assert_string_equal(sg_envelope_cipher(envelope), gcm ? "AES-192-GCM" : "AES-128-CBC");
        assert_true(sg_envelope_names(envelope, rsa.cert));
        assert_false(sg_envelope_names(envelope, other_rsa.cert));
    }
}

static void test_every_oaep(void **state)
{
    const EVP_MD *digests[] = {EVP_sha1(), EVP_sha224(), EVP_sha256(), EVP_sha384(), EVP_sha512()};

    (void)state;
    for (size_t i = 0; i < 5; i++)
        for (size_t j = 0; j < 5; j++) {
            const struct encryption how = {
                .to = {&rsa}, .cipher = EVP_aes_256_gcm(), .oaep = digests[i], .mgf1 = digests[j]};
            assert_reads(openssl_encrypts(libctx, &how, content()), &rsa, content());
        }
}

static void test_oaep_beyond_what_is_read(void **state)
{
    const struct encryption labelled = {
        .to = {&rsa}, .cipher = EVP_aes_256_gcm(), .oaep = EVP_sha256(), .label = "label"};
    const struct encryption sha3 = {.to = {&rsa}, .cipher = EVP_aes_256_gcm(), .oaep = EVP_sha3_256()};

    (void)state;
    assert_refuses(openssl_encrypts(libctx, &labelled, content()), &rsa, SG_E_UNSUPPORTED);
    assert_refuses(openssl_encrypts(libctx, &sha3, content()), &rsa, SG_E_UNSUPPORTED);
}

static void test_every_key_agreement(void **state)
{
    const EVP_MD *digests[] = {EVP_sha1(), EVP_sha224(), EVP_sha256(), EVP_sha384(), EVP_sha512()};
    const EVP_CIPHER *wraps[] = {EVP_aes_128_wrap(), EVP_aes_192_wrap(), EVP_aes_256_wrap()};

    (void)state;
    for (size_t i = 0; i < 5; i++)
        for (size_t j = 0; j < 3; j++)
            for (size_t k = 1; k < sizeof all / sizeof all[0]; k++) {
                const struct encryption how = {
                    .to = {all[k]}, .cipher = EVP_aes_256_gcm(), .kdf = digests[i], .wrap = wraps[j]};
                assert_reads(openssl_encrypts(libctx, &how, content()), all[k], content());
            }
}

static void test_many_recipients(void **state)
{
    const struct encryption how = {.to = {&other_rsa, &rsa, &p256}, .cipher = EVP_aes_256_gcm()};
    struct sg_slice bytes = openssl_encrypts(libctx, &how, content());

    (void)state;
    assert_reads(bytes, &other_rsa, content());
    assert_reads(bytes, &rsa, content());
    assert_reads(bytes, &p256, content());
    assert_refuses(bytes, &p384, SG_E_NO_KEY);
}

static void test_content_of_any_length(void **state)
{
    const size_t lengths[] = {0, 1, 15, 16, 17, 32 * SG_KIB, 700001};

    (void)state;
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++)
        for (int form = AS_DER; form <= AS_STREAM; form++) {
            struct sg_slice long_content = repeat(slice("x", 1), lengths[i]);
            struct encryption how = {.to = {&p256}, .cipher = EVP_aes_128_gcm()};
            if (lengths[i] == 0 && form == AS_STREAM)
                continue; /* OpenSSL does not write it */
            how.form = (enum form)form;
            assert_reads(openssl_encrypts(libctx, &how, long_content), &p256, long_content);
            how.cipher = EVP_aes_128_cbc();
            assert_reads(openssl_encrypts(libctx, &how, long_content), &p256, long_content);
        }
}

/* --- what was changed --------------------------------------------------------------------------------------------- */

/* Whichever octet of an AuthEnvelopedData changes: the content comes out as it was (the octet did not matter: another
 * recipient's, a name), or not at all. */
static void test_no_change_gets_through(void **state)
{
    const struct recipient *const to[] = {&rsa, &p256};

    (void)state;
    for (size_t k = 0; k < 2; k++) {
        const struct encryption how = {.to = {to[k]}, .cipher = EVP_aes_256_gcm(), .oaep = EVP_sha256()};
        struct sg_slice bytes = openssl_encrypts(libctx, &how, content());
        size_t refused = 0;
        for (size_t i = 0; i < bytes.len; i++) {
            _cleanup_(sg_buf_clear) struct sg_buf plain = SG_BUF(SG_MIB);
            struct sg_slice twin = slice(bytes.data, bytes.len);
            ((uint8_t *)(uintptr_t)twin.data)[i] ^= 0x01;
            enum sg_rc rc = we_decrypt(libctx, twin, to[k], &plain, NULL);
            if (rc == SG_OK)
                assert_slice_equal(sg_buf_slice(&plain), content());
            else
                refused++;
        }
        assert_true(refused > bytes.len / 2);
    }
}

static void test_no_truncation_gets_through(void **state)
{
    const EVP_CIPHER *ciphers[] = {EVP_aes_256_gcm(), EVP_aes_256_cbc()};

    (void)state;
    for (size_t c = 0; c < 2; c++)
        for (int form = AS_DER; form <= AS_STREAM; form++) {
            struct encryption how = {.to = {&p256}, .cipher = ciphers[c]};
            how.form = (enum form)form;
            struct sg_slice bytes = openssl_encrypts(libctx, &how, content());
            for (size_t len = 0; len < bytes.len; len++)
                assert_refuses(slice(bytes.data, len), &p256, SG_E_MALFORMED);
            assert_refuses(JOIN(bytes, hex("00")), &p256, SG_E_MALFORMED);
        }
}

static void test_changed_content_leaves_no_file(void **state)
{
    const struct encryption how = {.to = {&rsa}, .cipher = EVP_aes_256_gcm(), .oaep = EVP_sha256()};
    struct sg_slice bytes = openssl_encrypts(libctx, &how, repeat(content(), 10000));
    char folder[] = "/tmp/signet-envelope-XXXXXX", path[64];

    (void)state;
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/plain", folder);
    for (int changed = 1; changed >= 0; changed--) {
        _cleanup_(sg_outfile_freep) struct sg_outfile *out = NULL;
        _cleanup_(sg_envelope_freep) struct sg_envelope *envelope = NULL;
        ((uint8_t *)(uintptr_t)bytes.data)[bytes.len - 1000] ^= 0x80; /* there, and back */
        _cleanup_(sg_input_freep) struct sg_input *input = input_of(bytes);
        assert_int_equal(sg_envelope_read(input, libctx, &envelope, NULL), SG_OK);
        assert_int_equal(sg_outfile_open(path, 0, &out, NULL), SG_OK);
        enum sg_rc rc = sg_envelope_decrypt(envelope, rsa.key, rsa.cert, sg_outfile_sink(out), NULL);
        assert_int_equal(rc, changed ? SG_E_DECRYPTION : SG_OK);
        if (rc == SG_OK)
            assert_int_equal(sg_outfile_commit(out, NULL), SG_OK);
        assert_int_equal(access(path, F_OK), changed ? -1 : 0);
    }
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0); /* nothing else was left in it */
}

static void test_wrong_key(void **state)
{
    const struct recipient mixed_rsa = {.key = other_rsa.key, .cert = rsa.cert};
    const struct recipient mixed_ec = {.key = other_p256.key, .cert = p256.cert};
    const struct recipient mixed_kind = {.key = p256.key, .cert = rsa.cert};
    const struct recipient mixed_curve = {.key = p384.key, .cert = p256.cert};
    const struct encryption pkcs1 = {.to = {&rsa, &p256}, .cipher = EVP_aes_256_gcm()};
    const struct encryption oaep = {.to = {&rsa}, .cipher = EVP_aes_256_gcm(), .oaep = EVP_sha1()};
    struct sg_slice bytes = openssl_encrypts(libctx, &pkcs1, content());

    (void)state;
    assert_refuses(bytes, &mixed_rsa, SG_E_DECRYPTION);
    assert_refuses(bytes, &mixed_ec, SG_E_DECRYPTION);
    assert_refuses(bytes, &mixed_kind, SG_E_DECRYPTION);
    assert_refuses(bytes, &mixed_curve, SG_E_DECRYPTION);
    assert_refuses(openssl_encrypts(libctx, &oaep, content()), &mixed_rsa, SG_E_DECRYPTION);
}

/* --- RFC 3218 ----------------------------------------------------------------------------------------------------- */

/* `bytes` with the only RSA-2048 encryptedKey in it replaced by `block`, encrypted as it is. */
static struct sg_slice with_rsa_block(struct sg_slice bytes, const uint8_t block[256])
{
    const uint8_t header[] = {0x04, 0x82, 0x01, 0x00};
    struct sg_slice twin = slice(bytes.data, bytes.len);
    uint8_t *at = memmem(twin.data, twin.len, header, sizeof header);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(libctx, rsa.key, NULL);
    size_t len = 256;

    assert_non_null(at);
    assert_int_equal(EVP_PKEY_encrypt_init(ctx), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING), 1);
    assert_int_equal(EVP_PKEY_encrypt(ctx, at + 4, &len, block, 256), 1);
    EVP_PKEY_CTX_free(ctx);
    return twin;
}

static void assert_same_error(struct sg_slice bytes, struct sg_slice twin)
{
    _cleanup_(sg_buf_clear) struct sg_buf plain = SG_BUF(SG_MIB);
    struct sg_err one = {0}, two = {0};

    assert_int_equal(we_decrypt(libctx, bytes, &rsa, &plain, &one), SG_E_DECRYPTION);
    const size_t len = plain.len;
    assert_int_equal(we_decrypt(libctx, twin, &rsa, &plain, &two), SG_E_DECRYPTION);
    assert_int_equal(plain.len, len); /* both went to the end of the content */
    assert_memory_equal(&one, &two, sizeof one);
}

static void test_a_bad_pkcs1_key_is_as_changed_content(void **state)
{
    const struct encryption how = {.to = {&rsa}, .cipher = EVP_aes_256_gcm()};
    struct sg_slice bytes = openssl_encrypts(libctx, &how, content());
    struct sg_slice changed = slice(bytes.data, bytes.len);
    uint8_t block[256];

    (void)state;
    ((uint8_t *)(uintptr_t)changed.data)[changed.len - 1] ^= 1; /* of the tag */
    memset(block, 0x5a, sizeof block);                          /* no padding at all */
    block[0] = 0;
    assert_same_error(changed, with_rsa_block(bytes, block));
    block[1] = 2; /* no zero octet that ends it */
    assert_same_error(changed, with_rsa_block(bytes, block));
    block[256 - 17] = 0; /* right, but the key is an AES-128 key */
    assert_same_error(changed, with_rsa_block(bytes, block));
    block[256 - 17] = 0x5a;
    block[256 - 33] = 0; /* right, but another key of the right length */
    assert_same_error(changed, with_rsa_block(bytes, block));
}

/* CBC has padding only, which garbage fits once in 256. */
static void test_a_bad_pkcs1_key_never_gives_the_content(void **state)
{
    const struct encryption how = {.to = {&rsa}, .cipher = EVP_aes_256_cbc()};
    struct sg_slice bytes = openssl_encrypts(libctx, &how, content());
    uint8_t block[256] = {0};
    size_t refused = 0;

    (void)state;
    for (int i = 0; i < 8; i++) {
        _cleanup_(sg_buf_clear) struct sg_buf plain = SG_BUF(SG_MIB);
        enum sg_rc rc = we_decrypt(libctx, with_rsa_block(bytes, block), &rsa, &plain, NULL);
        assert_true(rc == SG_OK || rc == SG_E_DECRYPTION);
        assert_false(sg_slice_equal(sg_buf_slice(&plain), content()));
        refused += rc == SG_E_DECRYPTION;
    }
    assert_true(refused > 0);
}

/* --- what is not for a certificate -------------------------------------------------------------------------------- */

static struct sg_slice encrypted_otherwise(bool with_password)
{
    CMS_ContentInfo *cms = CMS_encrypt_ex(NULL, NULL, EVP_aes_128_cbc(), CMS_BINARY | CMS_PARTIAL, libctx, NULL);
    BIO *in = BIO_new_mem_buf("secret", 6);
    uint8_t *key = OPENSSL_zalloc(16), *id = (uint8_t *)OPENSSL_strdup("id"), *der = NULL;

    assert_non_null(CMS_add0_recipient_key(cms, NID_undef, key, 16, id, 2, NULL, NULL, NULL));
    if (with_password)
        assert_non_null(CMS_add0_recipient_password(cms, -1, NID_undef, NID_undef,
                                                    (uint8_t *)OPENSSL_strdup("password"), 8, EVP_aes_128_cbc()));
    assert_int_equal(CMS_final(cms, in, NULL, CMS_BINARY), 1);
    int len = i2d_CMS_ContentInfo(cms, &der);
    struct sg_slice bytes = slice(der, (size_t)len);
    OPENSSL_free(der);
    BIO_free(in);
    CMS_ContentInfo_free(cms);
    return bytes;
}

static void test_other_kinds_of_recipients_are_named(void **state)
{
    _cleanup_(sg_buf_clear) struct sg_buf plain = SG_BUF(SG_KIB);
    struct sg_err err = {0};

    (void)state;
    assert_int_equal(we_decrypt(libctx, encrypted_otherwise(false), &rsa, &plain, &err), SG_E_UNSUPPORTED);
    assert_non_null(strstr(err.text, "KEKRecipientInfo"));
    assert_null(strstr(err.text, "PasswordRecipientInfo"));
    assert_int_equal(we_decrypt(libctx, encrypted_otherwise(true), &rsa, &plain, &err), SG_E_UNSUPPORTED);
    assert_non_null(strstr(err.text, "KEKRecipientInfo"));
    assert_non_null(strstr(err.text, "PasswordRecipientInfo"));
}

static void test_what_is_no_envelope(void **state)
{
    CMS_ContentInfo *cms = CMS_sign(rsa.cert, rsa.key, NULL, NULL, CMS_PARTIAL | CMS_DETACHED);
    uint8_t *der = NULL;
    int len = i2d_CMS_ContentInfo(cms, &der);
    struct sg_slice signed_data = slice(der, (size_t)len);
    const struct encryption weak = {.to = {&rsa}, .cipher = EVP_camellia_128_cbc()};

    (void)state;
    OPENSSL_free(der);
    CMS_ContentInfo_free(cms);
    assert_refuses(signed_data, &rsa, SG_E_MALFORMED);
    assert_refuses(NONE, &rsa, SG_E_MALFORMED);
    assert_refuses(slice("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", 59), &rsa, SG_E_MALFORMED);
    assert_refuses(openssl_encrypts(libctx, &weak, content()), &rsa, SG_E_UNSUPPORTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_every_cipher_form_and_key, clear),
        cmocka_unit_test_teardown(test_is_told_whether_it_is_authenticated, clear),
        cmocka_unit_test_teardown(test_every_oaep, clear),
        cmocka_unit_test_teardown(test_oaep_beyond_what_is_read, clear),
        cmocka_unit_test_teardown(test_every_key_agreement, clear),
        cmocka_unit_test_teardown(test_many_recipients, clear),
        cmocka_unit_test_teardown(test_content_of_any_length, clear),
        cmocka_unit_test_teardown(test_no_change_gets_through, clear),
        cmocka_unit_test_teardown(test_no_truncation_gets_through, clear),
        cmocka_unit_test_teardown(test_changed_content_leaves_no_file, clear),
        cmocka_unit_test_teardown(test_wrong_key, clear),
        cmocka_unit_test_teardown(test_a_bad_pkcs1_key_is_as_changed_content, clear),
        cmocka_unit_test_teardown(test_a_bad_pkcs1_key_never_gives_the_content, clear),
        cmocka_unit_test_teardown(test_other_kinds_of_recipients_are_named, clear),
        cmocka_unit_test_teardown(test_what_is_no_envelope, clear),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
