#include "cms_make.h"

#include <openssl/ess.h>

static struct identity alice;

#define NAME_OF_ALICE "3010310e300c06035504030c05416c696365"
#define SHA1_OF_NOTHING "0414da39a3ee5e6b4b0d3255bfef95601890afd80709"

/* Reads the attribute with these values; `id` is to be cleared. */
static enum sg_rc read_values(const struct sg_slice *values, size_t count, bool v2, struct sg_ess_cert_id *id)
{
    struct sg_attribute attr = {.values = values, .value_count = count};
    struct sg_err err = {0};

    *id = (struct sg_ess_cert_id){0};
    enum sg_rc rc = sg_ess_cert_id_read(&attr, v2, id, &err);
    assert_int_equal(rc, err.rc);
    if (rc != SG_OK)
        assert_null(id->hash.data);
    return rc;
}

static enum sg_rc read_one(struct sg_slice value, bool v2, struct sg_ess_cert_id *id)
{
    return read_values(&value, 1, v2, id);
}

static void assert_refused(struct sg_slice value, bool v2)
{
    struct sg_ess_cert_id id;
    assert_int_equal(read_one(value, v2, &id), SG_E_MALFORMED);
}

/* SigningCertificate{V2} with one ESSCertID of these contents. */
static struct sg_slice with_id(struct sg_slice contents)
{
    return sequence(sequence(sequence(contents)));
}

/* Is what OpenSSL writes read, in both versions, with and without issuer and serial? */
static void test_openssl(void **state)
{
    uint8_t hash[EVP_MAX_MD_SIZE];
    unsigned hash_len = 0;
    (void)state;

    for (int with_issuer = 0; with_issuer < 2; with_issuer++) {
        const EVP_MD *digests[] = {EVP_sha256(), EVP_sha384(), EVP_sha1()};
        for (int i = 0; i < 3; i++) {
            struct sg_ess_cert_id id;
            uint8_t *e = NULL;
            struct sg_slice value;
            if (i == 2) {
                ESS_SIGNING_CERT *v1 = OSSL_ESS_signing_cert_new_init(alice.cert, NULL, with_issuer);
                value = encoded(i2d_ESS_SIGNING_CERT(v1, &e), &e);
                ESS_SIGNING_CERT_free(v1);
            } else {
                ESS_SIGNING_CERT_V2 *v2 = OSSL_ESS_signing_cert_v2_new_init(digests[i], alice.cert, NULL, with_issuer);
                value = encoded(i2d_ESS_SIGNING_CERT_V2(v2, &e), &e);
                ESS_SIGNING_CERT_V2_free(v2);
            }
            assert_int_equal(X509_digest(alice.cert, digests[i], hash, &hash_len), 1);
            assert_int_equal(read_one(value, i < 2, &id), SG_OK);
            assert_ptr_equal(id.digest, digests[i]);
            assert_slice_equal(id.hash, slice(hash, hash_len));
            assert_int_equal(id.issuer != NULL, with_issuer);
            if (with_issuer) {
                assert_int_equal(X509_NAME_cmp(id.issuer, X509_get_issuer_name(alice.cert)), 0);
                assert_int_equal(ASN1_INTEGER_cmp(id.serial, X509_get0_serialNumber(alice.cert)), 0);
            }
            sg_ess_cert_id_clear(&id);
            assert_refused(JOIN(value, hex("00")), i < 2);
            for (size_t len = 0; len < value.len; len++)
                assert_refused(slice(value.data, len), i < 2);
        }
    }
    arena_clear();
}

/* Is the first ESSCertID the one that counts, policies or not, and an unknown digest told as such? */
static void test_first(void **state)
{
    struct sg_slice first = sequence(hex("040161")), second = sequence(hex("040162"));
    struct sg_slice policies = sequence(sequence(hex("060155")));
    struct sg_ess_cert_id id;
    (void)state;

    assert_int_equal(read_one(sequence(JOIN(sequence(JOIN(first, second)), policies)), true, &id), SG_OK);
    assert_ptr_equal(id.digest, EVP_sha256());
    assert_slice_equal(id.hash, text("a"));
    sg_ess_cert_id_clear(&id);

    assert_int_equal(read_one(with_id(hex("3003060155 040161")), true, &id), SG_OK);
    assert_null(id.digest);
    sg_ess_cert_id_clear(&id);

    assert_int_equal(read_one(with_id(hex("0400")), true, &id), SG_OK);
    assert_int_equal(id.hash.len, 0);
    sg_ess_cert_id_clear(&id);
    arena_clear();
}

/* Is anything refused that could be read in more than one way? */
static void test_refused(void **state)
{
    struct sg_slice hash = hex(SHA1_OF_NOTHING), serial = hex("020101");
    struct sg_slice directory = tlv(0xa4, hex(NAME_OF_ALICE)), mail = tlv(0x81, text("a@example.org"));
    struct sg_slice good = with_id(JOIN(hash, sequence(JOIN(sequence(directory), serial))));
    const struct sg_slice bad[] = {
        with_id(JOIN(hash, sequence(JOIN(sequence(JOIN(directory, directory)), serial)))),
        with_id(JOIN(hash, sequence(JOIN(sequence(JOIN(directory, mail)), serial)))),
        with_id(JOIN(hash, sequence(JOIN(sequence(mail), serial)))),
        with_id(JOIN(hash, sequence(JOIN(sequence(NONE), serial)))),
        with_id(JOIN(hash, sequence(sequence(directory)))),
        with_id(JOIN(hash, sequence(JOIN(sequence(directory), serial, serial)))),
        with_id(NONE),
        with_id(JOIN(hash, hash)),
        sequence(sequence(NONE)), /* no ESSCertID at all */
        sequence(NONE),
        sequence(JOIN(sequence(sequence(hash)), hash)),
        hash,
        NONE,
    };
    const struct sg_slice twice[] = {good, good};
    struct sg_ess_cert_id id;
    (void)state;

    for (int v2 = 0; v2 < 2; v2++) {
        assert_int_equal(read_one(good, v2, &id), SG_OK);
        assert_slice_equal(id.hash, slice(hash.data + 2, hash.len - 2));
        assert_int_equal(X509_NAME_cmp(id.issuer, X509_get_issuer_name(alice.cert)), 0);
        sg_ess_cert_id_clear(&id);
        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
            assert_refused(bad[i], v2);
        assert_int_equal(read_values(twice, 2, v2, &id), SG_E_MALFORMED);
        assert_int_equal(read_values(twice, 0, v2, &id), SG_E_MALFORMED);
    }
    assert_refused(with_id(JOIN(hex(SHA256_ALGORITHM), hash)), false); /* version 2 in version 1's attribute */
    arena_clear();
}

/* Is the usual attribute known without being read, and nothing else taken for it? */
static void test_usual(void **state)
{
    uint8_t hash[EVP_MAX_MD_SIZE], *e = NULL;
    unsigned len = 0;
    (void)state;

    assert_int_equal(X509_digest(alice.cert, EVP_sha256(), hash, &len), 1);
    for (int with_issuer = 0; with_issuer < 2; with_issuer++) {
        ESS_SIGNING_CERT_V2 *v2 = OSSL_ESS_signing_cert_v2_new_init(EVP_sha256(), alice.cert, NULL, with_issuer);
        struct sg_slice value = encoded(i2d_ESS_SIGNING_CERT_V2(v2, &e), &e);
        struct sg_attribute attr = {.values = &value, .value_count = 1}, twice = {.values = &value, .value_count = 2};
        uint8_t *bytes = (uint8_t *)value.data;
        ESS_SIGNING_CERT_V2_free(v2);
        assert_int_equal(sg_ess_is_usual(&attr, alice.cert, slice(hash, len)), with_issuer);
        assert_false(sg_ess_is_usual(&twice, alice.cert, slice(hash, len)));
        for (size_t i = 0; i < value.len; i++) {
            bytes[i] ^= 1;
            assert_false(sg_ess_is_usual(&attr, alice.cert, slice(hash, len)));
            bytes[i] ^= 1;
        }
        for (value.len--; value.len > 0; value.len--)
            assert_false(sg_ess_is_usual(&attr, alice.cert, slice(hash, len)));
    }
    arena_clear();
}

static int set_up(void **state)
{
    (void)state;
    alice = make_identity("Alice", 1, true);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    free_identity(&alice);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_openssl),
        cmocka_unit_test(test_first),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_usual),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
