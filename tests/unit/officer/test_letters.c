/* pki.h first: its parameters are called as the fixture's context is. */
#include "../../support/pki.h"

#include "fixture.h"

#include <openssl/cms.h>

#include "officer/letters.h"

static char folder[] = "/tmp/signet-letters-XXXXXX";
static struct pki_id officers[3];
static struct sg_person ada;

static int setup(void **state)
{
    (void)group_setup(state);
    static const char *const names[] = {"One", "Two", "Stranger"};
    assert_non_null(mkdtemp(folder));
    for (size_t i = 0; i < 3; i++)
        officers[i] = pki_issue(libctx, NULL, &(struct pki_cert){.name = names[i], .key_usage = "keyAgreement"});
    ada = (struct sg_person){.name = strdup("Ada"), .email = strdup("ada@example.org"), .label = "Ada"};
    return 0;
}

static int teardown(void **state)
{
    assert_int_equal(rmdir(folder), 0);
    for (size_t i = 0; i < 3; i++)
        pki_free(&officers[i]);
    free(ada.name);
    free(ada.email);
    return group_teardown(state);
}

static void set_pin(const char *digits, struct sg_secret **ret)
{
    assert_done(sg_secret_new(strlen(digits), ret, &err));
    memcpy((*ret)->bytes, digits, strlen(digits));
    (*ret)->len = strlen(digits);
}

/* What OpenSSL finds in the file with that officer's key; NULL: it does not open. */
static struct sg_secret *open_file(const char *path, const struct pki_id *officer)
{
    BIO *in = BIO_new_file(path, "r"), *out = BIO_new(BIO_s_mem());
    CMS_ContentInfo *cms = CMS_ContentInfo_new_ex(libctx, NULL);
    struct sg_secret *text = NULL;
    char *bytes = NULL;

    assert_non_null(in);
    assert_non_null(d2i_CMS_bio(in, &cms));
    if (CMS_decrypt(cms, officer->key, officer->cert, NULL, out, 0) == 1) {
        long len = BIO_get_mem_data(out, &bytes);
        assert_done(sg_secret_new(SG_MAX_ESCROW, &text, &err));
        memcpy(text->bytes, bytes, (size_t)len);
        text->len = (size_t)len;
    }
    CMS_ContentInfo_free(cms);
    BIO_free(in);
    BIO_free(out);
    return text;
}

/* Does a letter open for its officer alone, and an escrow for each of its two? */
static void opens_for_officers_alone(void **state)
{
    (void)state;
    char letter_path[256], escrow_path[256], sha256[SG_SHA256_HEX];
    _cleanup_(sg_secret_freep) struct sg_secret *pin = NULL, *so_pin = NULL, *text = NULL, *found = NULL;
    _cleanup_(sg_outfile_freep) struct sg_outfile *letter_file = NULL, *escrow_file = NULL;
    STACK_OF(X509) *one = sk_X509_new_null(), *two = sk_X509_new_null();
    const struct sg_letter letter = {&ada, "0123", PKI_NOW};
    const struct sg_letters letters = {libctx, folder, one, folder, two};

    assert_true(sk_X509_push(one, officers[0].cert) > 0);
    assert_true(sk_X509_push(two, officers[0].cert) > 0 && sk_X509_push(two, officers[1].cert) > 0);
    set_pin("31415926", &pin);
    set_pin("2718281828459045", &so_pin);
    (void)snprintf(letter_path, sizeof(letter_path), "%s/letter", folder);
    (void)snprintf(escrow_path, sizeof(escrow_path), "%s/escrow", folder);
    assert_done(sg_letter_write(&letters, &letter, pin, letter_path, sha256, &letter_file, &err));
    assert_done(sg_outfile_commit(letter_file, &err));
    assert_done(sg_escrow_write(&letters, &letter, so_pin, escrow_path, sha256, &escrow_file, &err));
    assert_done(sg_outfile_commit(escrow_file, &err));

    text = open_file(letter_path, &officers[0]);
    assert_non_null(text);
    assert_done(sg_letter_parse(text, &found, &err));
    assert_int_equal(found->len, 8);
    assert_memory_equal(found->bytes, "31415926", 8);
    assert_null(open_file(letter_path, &officers[1]));
    assert_null(open_file(escrow_path, &officers[2]));
    for (size_t i = 0; i < 2; i++) {
        _cleanup_(sg_secret_freep) struct sg_secret *json = open_file(escrow_path, &officers[i]);
        _cleanup_(sg_escrow_clear) struct sg_escrow escrow = {0}, none = {0};
        assert_non_null(json);
        assert_done(sg_escrow_parse(json, &escrow, &err));
        assert_string_equal(escrow.serial, "0123");
        assert_string_equal(escrow.person, "Ada <ada@example.org>");
        assert_int_equal(escrow.so_pin->len, 16);
        assert_memory_equal(escrow.so_pin->bytes, "2718281828459045", 16);
        assert_rc(sg_escrow_parse(text, &none, &err), SG_E_MALFORMED);
    }
    assert_int_equal(unlink(letter_path), 0);
    assert_int_equal(unlink(escrow_path), 0);
    sk_X509_free(one);
    sk_X509_free(two);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(opens_for_officers_alone)};

    return cmocka_run_group_tests(tests, setup, teardown);
}
