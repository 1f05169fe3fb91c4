/* What of a path ends first: a certificate, a key, or the digest of a signature. */
#include "judging.h"
#include "verify/ending.h"

struct path {
    struct pki_id root, ca, leaf;
    STACK_OF(X509) *certs; /* leaf first; borrowed */
};

static struct path make_path(struct world *world, const struct pki_cert *root, const struct pki_cert *ca,
                             const struct pki_cert *leaf)
{
    struct path path = {.root = pki_issue(world->libctx, NULL, root), .certs = sk_X509_new_null()};
    path.ca = pki_issue(world->libctx, &path.root, ca);
    path.leaf = pki_issue(world->libctx, &path.ca, leaf);
    assert_int_equal(sk_X509_push(path.certs, path.leaf.cert), 1);
    assert_int_equal(sk_X509_push(path.certs, path.ca.cert), 2);
    assert_int_equal(sk_X509_push(path.certs, path.root.cert), 3);
    return path;
}

static void free_path(struct path *path)
{
    sk_X509_free(path->certs);
    pki_free(&path->leaf);
    pki_free(&path->ca);
    pki_free(&path->root);
}

/* The earliest of three, wherever it stands. */
static void certificates(void **state)
{
    static const int64_t ends[][3] = {{30, 20, 10}, {30, 10, 20}, {10, 20, 30}}; /* of root, CA, leaf, in days */
    for (size_t i = 0; i < 3; i++) {
        struct path path = make_path(
            *state, &(struct pki_cert){.name = "root", .ca = true, .not_after = PKI_NOW + ends[i][0] * PKI_DAY},
            &(struct pki_cert){.name = "ca", .ca = true, .not_after = PKI_NOW + ends[i][1] * PKI_DAY},
            &(struct pki_cert){.name = "leaf", .not_after = PKI_NOW + ends[i][2] * PKI_DAY});
        struct sg_ending ending = sg_path_ending(path.certs, true);
        assert_int_equal(ending.of, SG_ENDING_CERTIFICATE);
        assert_int_equal(ending.when, PKI_NOW + 10 * PKI_DAY);
        assert_ptr_equal(ending.cert, sk_X509_value(path.certs, (int)i));
        assert_string_equal(ending.algorithm, "");
        free_path(&path);
    }
}

/* A weak digest ends before any certificate, but not that of the anchor's own signature. */
static void digests(void **state)
{
    const struct pki_cert strong = {.name = "strong", .ca = true},
                          weak = {.name = "weak", .ca = true, .digest = "SHA1"};
    struct path path = make_path(*state, &strong, &weak, &(struct pki_cert){.name = "leaf"});
    struct sg_ending ending = sg_path_ending(path.certs, true);
    assert_int_equal(ending.of, SG_ENDING_SIGNATURE);
    assert_ptr_equal(ending.cert, path.ca.cert);
    assert_string_equal(ending.algorithm, "sha1");
    assert_int_equal(ending.when, sg_algorithm_digest(NID_sha1, PKI_NOW).until);
    free_path(&path);

    path = make_path(*state, &weak, &strong, &(struct pki_cert){.name = "leaf"});
    assert_int_equal(sg_path_ending(path.certs, true).of, SG_ENDING_CERTIFICATE);
    ending = sg_path_ending(path.certs, false);
    assert_int_equal(ending.of, SG_ENDING_SIGNATURE);
    assert_ptr_equal(ending.cert, path.root.cert);
    free_path(&path);
}

/* A key that is too short, alone, and one that never was good. */
static void keys(void **state)
{
    struct world *world = *state;
    static const size_t bits[] = {1024, 768};
    for (size_t i = 0; i < 2; i++) {
        EVP_PKEY *key = EVP_PKEY_Q_keygen(world->libctx, NULL, "RSA", bits[i]);
        assert_non_null(key);
        X509 *cert = pki_certify(world->libctx, key, NULL, &(struct pki_cert){.name = "short"});
        STACK_OF(X509) *alone = sk_X509_new_null();
        assert_int_equal(sk_X509_push(alone, cert), 1);
        struct sg_ending ending = sg_path_ending(alone, false);
        assert_int_equal(ending.of, SG_ENDING_KEY);
        assert_int_equal(ending.when, sg_algorithm_key(key, PKI_NOW).until);
        assert_int_equal(ending.when == SG_TIME_NONE, bits[i] == 768);
        assert_string_equal(ending.algorithm, bits[i] == 768 ? "RSA-768" : "RSA-1024");
        sk_X509_free(alone);
        X509_free(cert);
        EVP_PKEY_free(key);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {WORLD_TEST(certificates), WORLD_TEST(digests), WORLD_TEST(keys)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
