/* pki.h first: its parameters are called as the fixture's context is. */
#include "../../support/pki.h"

#include "fixture.h"

#include "officer/issued.h"

static char folder[] = "/tmp/signet-issued-XXXXXX";
static struct pki_id root, ada, bob;
static char keys[2][SG_SHA256_HEX];

static void write_cert(const char *name, X509 *cert)
{
    char path[256];
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    BIO *out = BIO_new_file(path, "w");
    assert_non_null(out);
    assert_int_equal(i2d_X509_bio(out, cert), 1);
    BIO_free(out);
}

static void remove_file(const char *name)
{
    char path[256];
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    assert_int_equal(unlink(path), 0);
}

static void hash_key(EVP_PKEY *key, char out[SG_SHA256_HEX])
{
    uint8_t *der = NULL, digest[EVP_MAX_MD_SIZE];
    size_t len = 0;
    int der_len = i2d_PUBKEY(key, &der);
    assert_true(der_len > 0);
    assert_done(sg_digest(libctx, "SHA256", (struct sg_slice){der, (size_t)der_len}, digest, &len, &err));
    sg_hex(digest, SG_SHA256_LEN, out);
    OPENSSL_free(der);
}

static int setup(void **state)
{
    (void)group_setup(state);
    assert_non_null(mkdtemp(folder));
    root = pki_issue(libctx, NULL, &(struct pki_cert){.name = "Root", .ca = true});
    ada.key = pki_key(libctx);
    bob.key = pki_key(libctx);
    hash_key(ada.key, keys[0]);
    hash_key(bob.key, keys[1]);
    write_cert("root.der", root.cert);
    return 0;
}

static int teardown(void **state)
{
    remove_file("root.der");
    assert_int_equal(rmdir(folder), 0);
    pki_free(&root);
    pki_free(&ada);
    pki_free(&bob);
    return group_teardown(state);
}

/* Certifies and writes it. */
static void issue(const char *file, EVP_PKEY *key, const char *name, const char *email, int64_t begins, int64_t ends)
{
    struct pki_cert what = {.name = name, .not_before = begins, .not_after = ends};
    if (email)
        what.more[0] = (struct pki_extension){NID_subject_alt_name, email};
    X509 *cert = pki_certify(libctx, key, &root, &what);
    write_cert(file, cert);
    X509_free(cert);
}

static void collect(void *context, const struct sg_err *complaint)
{
    char *text = context;
    (void)snprintf(text + strlen(text), 4096 - strlen(text), "%s\n", sg_rc_word(complaint->rc));
}

static enum sg_rc read_all(char complaints[4096], struct sg_issued **ret, struct sg_err *err)
{
    struct sg_person persons[] = {
        {.line = 2, .name = (char[]){"Ada"}, .email = (char[]){"ada@example.org"}, .subject = (char[]){"CN=Ada"}},
        {.line = 3, .name = (char[]){"Bob"}, .email = (char[]){"bob@example.org"}, .subject = (char[]){"CN=Bob"}}};
    const struct sg_staff staff = {.persons = persons, .count = 2};
    const char *const of_rows[] = {keys[0], keys[1]};
    const struct sg_issued_options options = {
        .staff = &staff, .keys = of_rows, .now = PKI_NOW, .libctx = libctx, .complain = collect, .context = complaints};

    complaints[0] = '\0';
    return sg_issued_read(folder, &options, ret, err);
}

/* Is a certificate the one's whose key it has, whatever its file's name, and of several the newest? */
static void finds_owners(void **state)
{
    (void)state;
    char complaints[4096];
    _cleanup_(sg_issued_freep) struct sg_issued *issued = NULL;

    issue("bob.der", ada.key, "ADA", "email:Ada@example.org", PKI_NOW - PKI_DAY, 0);
    issue("old.der", ada.key, "Not she", NULL, PKI_NOW - 2 * PKI_DAY, PKI_NOW - PKI_DAY);
    issue("zoe.der", ada.key, "Not she", NULL, PKI_NOW - 3 * PKI_DAY, 0);
    assert_done(read_all(complaints, &issued, &err));
    assert_string_equal(complaints, "");
    assert_int_equal(issued->count, 4);
    const struct sg_issued_cert *found = sg_issued_for(issued, 1);
    assert_non_null(found);
    assert_non_null(strstr(found->file, "/bob.der"));
    assert_null(sg_issued_for(issued, 2));
    remove_file("bob.der");
    remove_file("old.der");
    remove_file("zoe.der");
}

/* Is everything told that does not fit, once for each? */
static void refuses(void **state)
{
    (void)state;
    static const struct {
        const char *name, *email;
        int64_t ends;
        const char *complaint;
    } cases[] = {
        {"Bob", "email:bob@example.org", 0, ""},
        {"Bob", "email:b@example.org,email:bob@example.org", 0, ""},
        {"Bobby", "email:bob@example.org", 0, "policy\n"},
        {"Bob", "email:ada@example.org", 0, "policy\n"},
        {"Bob", "DNS:bob@example.org", 0, "policy\n"},
        {"Bob", NULL, 0, "policy\n"},
        {"Bob", "email:bob@example.org", PKI_NOW - 1, "certificate-expired\n"},
    };
    char complaints[4096];
    struct pki_id stranger = {.key = pki_key(libctx)};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        _cleanup_(sg_issued_freep) struct sg_issued *issued = NULL;
        issue("bob.der", bob.key, cases[i].name, cases[i].email, 0, cases[i].ends);
        assert_rc(read_all(complaints, &issued, &err), cases[i].complaint[0] ? SG_E_POLICY : SG_OK);
        assert_string_equal(complaints, cases[i].complaint);
        remove_file("bob.der");
    }
    _cleanup_(sg_issued_freep) struct sg_issued *none = NULL;
    issue("a.der", stranger.key, "Ada", "email:ada@example.org", 0, 0);
    issue("b.der", bob.key, "Bobby", "email:bob@example.org", 0, 0);
    issue(".hidden", stranger.key, "Ada", "email:ada@example.org", 0, 0);
    assert_rc(read_all(complaints, &none, &err), SG_E_POLICY);
    assert_string_equal(complaints, "no-key\npolicy\n");
    remove_file("a.der");
    remove_file("b.der");
    remove_file(".hidden");
    pki_free(&stranger);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(finds_owners), cmocka_unit_test(refuses)};

    return cmocka_run_group_tests(tests, setup, teardown);
}
