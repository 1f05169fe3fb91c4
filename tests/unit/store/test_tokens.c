/* What the ledger knows of tokens: which keys were made, what was interrupted, what was retired, which certificates. */
#include "fixture.h"

static void append(struct sg_store *store, const char *event, const char *token, const char *key, const char *object)
{
    const struct sg_ledger_entry entry = {
        .event = event, .code = "", .token = token, .key = key, .object = object, .detail = ""};

    assert_done(sg_ledger_append(store, &entry, &err));
}

static bool generated(struct sg_store *store, const char *key)
{
    bool is = false;

    assert_done(sg_store_key_generated(store, key, &is, &err));
    return is;
}

static void test_generated(void **state)
{
    _cleanup_(sg_store_freep) struct sg_store *store = open_store(*state);

    append(store, "keygen-begun", "7", "", "01");
    append(store, "keygen-failed", "7", "aa", "01");
    append(store, "sign", "7", "bb", "path");
    append(store, "keygen", "7", "cc", "02");
    assert_false(generated(store, "aa"));
    assert_false(generated(store, "bb"));
    assert_false(generated(store, "c"));
    assert_false(generated(store, ""));
    assert_true(generated(store, "cc"));
}

/* The object of the first that is unfinished; "" if there is none. */
static void assert_unfinished(struct sg_store *store, const char *event, const char *token, const char *object)
{
    _cleanup_(freep) char *found = NULL;
    int64_t time = 0;

    assert_done(sg_store_token_unfinished(store, token, event, &found, &time, &err));
    assert_string_equal(found ? found : "", object);
    assert_int_equal(time, found ? 1700000000 : 0);
}

static void test_unfinished(void **state)
{
    _cleanup_(sg_store_freep) struct sg_store *store = open_store(*state);

    assert_unfinished(store, "keygen", "7", "");
    append(store, "keygen-begun", "7", "", "01");
    append(store, "keygen-begun", "7", "", "02");
    append(store, "keygen-begun", "8", "", "03");
    assert_unfinished(store, "keygen", "7", "01");
    assert_unfinished(store, "delete", "7", "");
    append(store, "keygen", "8", "aa", "01"); /* another token's */
    append(store, "delete", "7", "", "01");   /* another event */
    assert_unfinished(store, "keygen", "7", "01");
    append(store, "keygen", "7", "aa", "01");
    assert_unfinished(store, "keygen", "7", "02");
    append(store, "keygen-failed", "7", "", "02");
    assert_unfinished(store, "keygen", "7", "");
    append(store, "keygen-begun", "7", "", "01"); /* an earlier outcome does not count */
    assert_unfinished(store, "keygen", "7", "01");
    assert_unfinished(store, "keygen", "8", "03");
}

/* A serial is the module's word: a backslash in it is stored escaped. */
static void test_retired(void **state)
{
    struct fixture *f = *state;
    _cleanup_(sg_store_freep) struct sg_store *store = open_store(f);
    int64_t when = 0;
    bool known = true;

    append(store, "sign", "a\\b", "", "path");
    assert_done(sg_store_token_known(store, "a\\b", &known, &err));
    assert_true(known);
    assert_done(sg_store_token_known(store, "ab", &known, &err));
    assert_false(known);
    assert_done(sg_store_token_retired(store, "a\\b", &when, &err));
    assert_int_equal(when, INT64_MIN);
    append(store, "retire", "a\\b", "", "keyCompromise");
    f->now++;
    append(store, "retire", "a\\b", "", "superseded");
    assert_done(sg_store_token_retired(store, "a\\b", &when, &err));
    assert_int_equal(when, 1700000000);
    assert_done(sg_store_token_retired(store, "other", &when, &err));
    assert_int_equal(when, INT64_MIN);
}

static X509 *make_certificate(struct fixture *f, long serial)
{
    EVP_PKEY *key = EVP_PKEY_Q_keygen(f->libctx, NULL, "EC", "P-256");
    EVP_MD *md = EVP_MD_fetch(f->libctx, "SHA256", NULL);
    X509 *cert = X509_new_ex(f->libctx, NULL);

    assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(cert), serial), 1);
    assert_non_null(X509_gmtime_adj(X509_getm_notBefore(cert), 0));
    assert_non_null(X509_gmtime_adj(X509_getm_notAfter(cert), 60));
    assert_int_equal(X509_set_pubkey(cert, key), 1);
    assert_true(X509_sign(cert, key, md) > 0);
    EVP_MD_free(md);
    EVP_PKEY_free(key);
    return cert;
}

static void assert_certificates(struct sg_store *store, const char *token, int count)
{
    _cleanup_(sg_x509_stack_freep) STACK_OF(X509) *certs = sk_X509_new_null();

    assert_done(sg_store_token_certificates(store, token, certs, &err));
    assert_int_equal(sk_X509_num(certs), count);
}

static void test_certificates(void **state)
{
    struct fixture *f = *state;
    _cleanup_(sg_store_freep) struct sg_store *store = open_store(f);
    _cleanup_(X509_freep) X509 *first = make_certificate(f, 1);
    _cleanup_(X509_freep) X509 *second = make_certificate(f, 2);

    assert_certificates(store, "7", 0);
    assert_done(sg_store_token_certificate_add(store, "7", first, &err));
    assert_done(sg_store_token_certificate_add(store, "7", first, &err));
    assert_certificates(store, "7", 1);
    assert_done(sg_store_token_certificate_add(store, "7", second, &err));
    assert_done(sg_store_token_certificate_add(store, "8", second, &err));
    assert_certificates(store, "7", 2);
    assert_certificates(store, "8", 1);
    assert_certificates(store, "9", 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {fixture_test(test_generated), fixture_test(test_unfinished),
                                       fixture_test(test_retired), fixture_test(test_certificates)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
