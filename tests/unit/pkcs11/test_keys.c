/* Finding tokens, keys and certificates on SoftHSM; PINs; custody of real keys. */
#include "softhsm.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include "pkcs11/custody.h"

static struct softhsm hsm;

/* A certificate for `pub`, signed by a key that is thrown away; written to FOLDER/cert.der. */
static void make_certificate(EVP_PKEY *pub, const char *name, long not_before, bool ca)
{
    EVP_PKEY *issuer = EVP_PKEY_Q_keygen(hsm.libctx, "provider=default", "EC", "P-256");
    X509 *cert = X509_new_ex(hsm.libctx, NULL);
    X509_NAME *subject = X509_get_subject_name(cert);
    assert_int_equal(X509_set_version(cert, X509_VERSION_3), 1);
    assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(cert), 7), 1);
    assert_non_null(X509_gmtime_adj(X509_getm_notBefore(cert), not_before));
    assert_non_null(X509_gmtime_adj(X509_getm_notAfter(cert), 86400));
    assert_int_equal(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0),
                     1);
    assert_int_equal(X509_set_issuer_name(cert, subject), 1);
    assert_int_equal(X509_set_pubkey(cert, pub), 1);
    if (ca) {
        X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, NID_basic_constraints, "critical,CA:TRUE");
        assert_int_equal(X509_add_ext(cert, extension, -1), 1);
        X509_EXTENSION_free(extension);
    }
    EVP_MD *md = EVP_MD_fetch(hsm.libctx, "SHA256", NULL);
    assert_true(X509_sign(cert, issuer, md) > 0);
    char path[128];
    (void)snprintf(path, sizeof path, "%s/cert.der", hsm.folder);
    BIO *file = BIO_new_file(path, "wb");
    assert_int_equal(i2d_X509_bio(file, cert), 1);
    BIO_free(file);
    EVP_MD_free(md);
    X509_free(cert);
    EVP_PKEY_free(issuer);
}

static void write_certificate(const char *token, const char *id, const char *label)
{
    run(TOOL "--write-object %s/cert.der --type cert %s%s --label '%s'", token, hsm.folder, id[0] ? "--id " : "", id,
        label);
}

/* The public key of a token's key, for a certificate. */
static EVP_PKEY *public_key(const char *uri)
{
    struct sg_key_list *list = NULL;
    EVP_PKEY *key = open_key(only_key(hsm.tokens, uri, &list));
    unsigned char *der = NULL;
    int len = i2d_PUBKEY(key, &der);
    const unsigned char *at = der;
    EVP_PKEY *pub = d2i_PUBKEY_ex(NULL, &at, len, hsm.libctx, NULL);
    assert_non_null(pub);
    OPENSSL_free(der);
    EVP_PKEY_free(key);
    sg_key_list_free(list);
    return pub;
}

/* The same RSA key as id-RSASSA-PSS. */
static EVP_PKEY *as_pss(EVP_PKEY *rsa)
{
    OSSL_PARAM *params = NULL;
    EVP_PKEY *pss = NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(hsm.libctx, "RSA-PSS", "provider=default");
    assert_int_equal(EVP_PKEY_todata(rsa, EVP_PKEY_PUBLIC_KEY, &params), 1);
    assert_int_equal(EVP_PKEY_fromdata_init(ctx), 1);
    assert_int_equal(EVP_PKEY_fromdata(ctx, &pss, EVP_PKEY_PUBLIC_KEY, params), 1);
    OSSL_PARAM_free(params);
    EVP_PKEY_CTX_free(ctx);
    return pss;
}

static void import_rsa(const char *token, const char *id, const char *label, const char *options)
{
    EVP_PKEY *key = EVP_PKEY_Q_keygen(hsm.libctx, "provider=default", "RSA", (size_t)2048);
    char path[128];
    (void)snprintf(path, sizeof path, "%s/key.der", hsm.folder);
    BIO *file = BIO_new_file(path, "wb");
    assert_int_equal(i2d_PrivateKey_bio(file, key), 1);
    BIO_free(file);
    EVP_PKEY_free(key);
    run(TOOL "--write-object %s --type privkey --id %s --label '%s' --usage-sign %s", token, path, id, label, options);
}

static void certify(const char *uri, const char *token, const char *id, const char *label, bool pss)
{
    EVP_PKEY *pub = public_key(uri);
    if (pss) {
        EVP_PKEY *other = as_pss(pub);
        EVP_PKEY_free(pub);
        pub = other;
    }
    make_certificate(pub, label, -60, false);
    write_certificate(token, id, label);
    EVP_PKEY_free(pub);
}

static void reopen(void)
{
    sg_tokens_free(hsm.tokens);
    hsm.tokens = NULL;
    softhsm_open(&hsm);
}

static int setup(void **state)
{
    (void)state;
    softhsm_folder(&hsm);
    softhsm_add_token("one");
    softhsm_add_token("two");
    softhsm_add_token("two"); /* labels repeat */
    softhsm_keygen("one", "rsa:2048", "01", "sig");
    softhsm_keygen("one", "rsa:2048", "02", "pss");
    softhsm_keygen("one", "EC:prime256v1", "03", "twin");
    softhsm_keygen("one", "EC:secp384r1", "04", "twin");
    softhsm_open(&hsm);
    softhsm_login(&hsm, "one");
    certify("pkcs11:token=one;id=%01", "one", "01", "sig cert", false);
    certify("pkcs11:token=one;id=%02", "one", "02", "pss cert", true);
    certify("pkcs11:token=one;id=%03", "one", "", "no id", false);
    import_rsa("one", "10", "imported", "--sensitive");
    import_rsa("one", "11", "loose", "--extractable");
    reopen();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    softhsm_remove(&hsm);
    return 0;
}

static size_t count(const char *uri)
{
    struct sg_key_list *list = NULL;
    struct sg_err err = {0};
    if (sg_keys_find(hsm.tokens, uri, &list, &err) != SG_OK)
        fail_msg("%s", err.text);
    size_t found = sg_key_list_count(list);
    sg_key_list_free(list);
    return found;
}

/* Are the tokens listed, the blank one too, with what they say of themselves? */
static void test_tokens(void **state)
{
    (void)state;
    assert_int_equal(sg_tokens_count(hsm.tokens), 4);
    size_t blank = 0;
    _cleanup_(freep) char *module = realpath(SOFTHSM_MODULE, NULL);
    for (size_t i = 0; i < sg_tokens_count(hsm.tokens); i++) {
        const struct sg_token_info *info = sg_token_info(sg_tokens_get(hsm.tokens, i));
        assert_string_equal(info->module, module);
        assert_memory_equal(info->uri, "pkcs11:", 7);
        if (!info->initialized) {
            blank++;
            continue;
        }
        assert_string_equal(info->manufacturer, "SoftHSM project");
        assert_int_equal(strlen(info->serial), 16);
        assert_true(info->login_required);
        assert_false(info->pin_pad);
        assert_int_equal(info->pin_state, SG_PIN_OK);
    }
    assert_int_equal(blank, 1);
    assert_null(sg_tokens_get(hsm.tokens, 4));
}

/* Before login: are keys known by certificate or public key, and a private value's state not claimed? */
static void test_before_login(void **state)
{
    (void)state;
    reopen();
    assert_int_equal(count("pkcs11:token=one;id=%01"), 1);
    assert_int_equal(count("pkcs11:token=one;object=twin"), 2);
    assert_int_equal(count("pkcs11:token=one;id=%77"), 0);
    assert_int_equal(sg_keys_find(hsm.tokens, "pkcs11:token=nobody", &(struct sg_key_list *){NULL}, NULL),
                     SG_E_NO_TOKEN);
    struct sg_key_list *list = NULL;
    struct sg_token_key *key = only_key(hsm.tokens, "pkcs11:token=one;id=%01", &list);
    const struct sg_key_info *info = sg_token_key_info(key);
    assert_false(info->private_seen);
    assert_non_null(info->cert);
    assert_string_equal(info->type, "RSA");
    assert_int_equal(info->bits, 2048);
    struct sg_err err = {0};
    assert_int_equal(sg_token_key_inspect(key, SG_FOR_SIGNING, &err), SG_E_PIN_REQUIRED);
    assert_int_equal(sg_token_key_open(key, &(EVP_PKEY *){NULL}, &err), SG_E_INTERNAL);
    /* The same key object is good after login. */
    softhsm_login(&hsm, "one");
    EVP_PKEY *opened = open_key(key);
    assert_true(sg_token_key_info(key)->private_seen);
    assert_int_equal(X509_check_private_key(info->cert, opened), 1);
    EVP_PKEY_free(opened);
    sg_key_list_free(list);
}

/* Does the URI of each key find that key and no other, before and after login? */
static void test_round_trip(void **state)
{
    (void)state;
    for (int logged_in = 0; logged_in < 2; logged_in++) {
        reopen();
        if (logged_in)
            softhsm_login(&hsm, "one");
        struct sg_key_list *all = NULL;
        assert_int_equal(sg_keys_find(hsm.tokens, NULL, &all, NULL), SG_OK);
        assert_int_equal(sg_key_list_count(all), logged_in ? 6 : 4);
        for (size_t i = 0; i < sg_key_list_count(all); i++) {
            const struct sg_key_info *info = sg_token_key_info(sg_key_list_get(all, i));
            struct sg_key_list *list = NULL;
            struct sg_token_key *again = only_key(hsm.tokens, info->uri, &list);
            assert_string_equal(sg_token_key_info(again)->uri, info->uri);
            assert_non_null(strstr(info->uri, info->token->serial));
            assert_int_equal(sg_token_key_info(again)->cert != NULL, info->cert != NULL);
            if (info->cert)
                assert_int_equal(X509_cmp(info->cert, sg_token_key_info(again)->cert), 0);
            sg_key_list_free(list);
        }
        sg_key_list_free(all);
    }
}

/* Two tokens of one label: is each key on its own token? */
static void test_labels_repeat(void **state)
{
    (void)state;
    reopen();
    struct sg_token *first = NULL, *second = NULL;
    for (size_t i = 0; i < sg_tokens_count(hsm.tokens); i++) {
        struct sg_token *token = sg_tokens_get(hsm.tokens, i);
        if (strcmp(sg_token_info(token)->label, "two") == 0) {
            second = first;
            first = token;
        }
    }
    assert_non_null(second);
    _cleanup_(sg_secret_freep) struct sg_secret *pin = secret_of(SOFTHSM_PIN);
    softhsm_keygen("two", "EC:prime256v1", "01", "a"); /* on the first of the two */
    reopen();
    struct sg_key_list *list = NULL;
    struct sg_token_key *key = only_key(hsm.tokens, "pkcs11:token=two", &list);
    struct sg_token *token = sg_token_key_token(key);
    assert_ptr_equal(sg_token_key_info(key)->token, sg_token_info(token));
    assert_int_equal(sg_token_login(token, pin, NULL, NULL), SG_OK);
    EVP_PKEY *opened = open_key(key);
    EVP_PKEY_free(opened);
    sg_key_list_free(list);
}

/* Does the certificate that a key gets have the key's public key, also where its CKA_ID is missing? And does a
 * certificate with the key's CKA_ID but another public key stay away? */
static void test_certificates(void **state)
{
    (void)state;
    softhsm_login(&hsm, "one");
    struct sg_key_list *list = NULL;
    struct sg_token_key *key = only_key(hsm.tokens, "pkcs11:token=one;id=%03", &list);
    assert_non_null(sg_token_key_info(key)->cert);
    sg_key_list_free(list);

    key = only_key(hsm.tokens, "pkcs11:token=one;id=%04", &list);
    assert_null(sg_token_key_info(key)->cert);
    sg_key_list_free(list);
    EVP_PKEY *stranger = EVP_PKEY_Q_keygen(hsm.libctx, "provider=default", "EC", "P-384");
    make_certificate(stranger, "stranger", -60, false);
    write_certificate("one", "04", "stranger");
    EVP_PKEY_free(stranger);
    reopen();
    softhsm_login(&hsm, "one");
    key = only_key(hsm.tokens, "pkcs11:token=one;id=%04", &list);
    assert_null(sg_token_key_info(key)->cert);
    sg_key_list_free(list);

    STACK_OF(X509) *certs = sk_X509_new_null();
    assert_int_equal(sg_token_certificates(softhsm_token(&hsm, "one"), NULL, certs, NULL), SG_OK);
    assert_int_equal(sk_X509_num(certs), 4);
    sg_x509_stack_free(certs);
}

/* Of a renewed certificate, is the newer one taken? */
static void test_renewed(void **state)
{
    (void)state;
    softhsm_login(&hsm, "one");
    EVP_PKEY *pub = public_key("pkcs11:token=one;id=%01");
    make_certificate(pub, "older", -7200, false);
    write_certificate("one", "01", "older");
    make_certificate(pub, "newer", -10, false);
    write_certificate("one", "01", "newer");
    EVP_PKEY_free(pub);
    reopen();
    struct sg_key_list *list = NULL;
    struct sg_token_key *key = only_key(hsm.tokens, "pkcs11:token=one;id=%01", &list);
    char *name = NULL;
    assert_int_equal(sg_name_text(X509_get_subject_name(sg_token_key_info(key)->cert), &name, NULL), SG_OK);
    assert_string_equal(name, "CN=newer");
    free(name);
    sg_key_list_free(list);
}

/* A key whose certificate says id-RSASSA-PSS: does it sign PSS by itself, and nothing else? */
static void test_pss_certificate(void **state)
{
    (void)state;
    softhsm_login(&hsm, "one");
    struct sg_key_list *list = NULL;
    struct sg_token_key *key = only_key(hsm.tokens, "pkcs11:token=one;id=%02", &list);
    EVP_PKEY *opened = open_key(key);
    const struct sg_key_info *info = sg_token_key_info(key);
    assert_true(info->pss_only);
    assert_int_equal(X509_check_private_key(info->cert, opened), 1);

    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *pctx = NULL;
    uint8_t sig[SG_MAX_SIGNATURE];
    size_t len = sizeof sig;
    assert_int_equal(EVP_DigestSignInit_ex(ctx, &pctx, "SHA384", hsm.libctx, NULL, opened, NULL), 1);
    assert_int_not_equal(EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PADDING), 1);
    assert_int_equal(EVP_DigestSign(ctx, sig, &len, (const unsigned char *)"pss", 3), 1);
    EVP_MD_CTX_reset(ctx);
    assert_int_equal(EVP_DigestVerifyInit_ex(ctx, NULL, "SHA384", hsm.libctx, NULL, X509_get0_pubkey(info->cert), NULL),
                     1);
    assert_int_equal(EVP_DigestVerify(ctx, sig, len, (const unsigned char *)"pss", 3), 1);
    assert_int_not_equal(EVP_DigestVerify(ctx, sig, len, (const unsigned char *)"pst", 3), 1);
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(opened);
    sg_key_list_free(list);
}

/* Do real keys get their custody: made on the token, imported, extractable? */
static void test_custody(void **state)
{
    (void)state;
    static const struct {
        const char *uri;
        enum sg_rc rc;
        enum sg_custody_basis basis;
    } cases[] = {
        {"pkcs11:token=one;id=%01", SG_OK, SG_CUSTODY_REPORTED},
        {"pkcs11:token=one;id=%10", SG_OK, SG_CUSTODY_HELD},
        {"pkcs11:token=one;id=%11", SG_E_CUSTODY, SG_CUSTODY_REFUSED},
    };
    softhsm_login(&hsm, "one");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sg_key_list *list = NULL;
        struct sg_token_key *key = only_key(hsm.tokens, cases[i].uri, &list);
        struct sg_err err = {0};
        const struct sg_custody_rules rules = {0};
        enum sg_custody_basis basis = SG_CUSTODY_REFUSED;
        enum sg_rc rc = sg_token_key_inspect(key, SG_FOR_SIGNING, &err);
        if (rc == SG_OK)
            rc = sg_custody_require(sg_token_key_info(key), "ab", &rules, &basis, &err);
        if (rc != cases[i].rc)
            fail_msg("%s: %s", cases[i].uri, err.text);
        assert_int_equal(basis, cases[i].basis);
        sg_key_list_free(list);
    }
}

/* A wrong PIN: said once; after it none is given to the token but one that is typed, and the right one sets it free. */
static void test_wrong_pin(void **state)
{
    (void)state;
    reopen();
    struct sg_token *token = softhsm_token(&hsm, "one");
    _cleanup_(sg_secret_freep) struct sg_secret *wrong = secret_of("111111");
    _cleanup_(sg_secret_freep) struct sg_secret *empty = secret_of("");
    struct sg_err err = {0};
    assert_int_equal(sg_token_login(token, NULL, NULL, &err), SG_E_PIN_REQUIRED);
    assert_int_equal(sg_token_login(token, empty, NULL, &err), SG_E_PIN_REQUIRED);
    assert_int_equal(sg_token_login(token, wrong, NULL, &err), SG_E_PIN_INCORRECT);
    assert_string_equal(err.cause, "CKR_PIN_INCORRECT (0xa0)");
    assert_int_equal(err.tries_left, -1);
    assert_null(strstr(err.text, "111111"));
    _cleanup_(sg_secret_freep) struct sg_secret *right = secret_of(SOFTHSM_PIN);
    assert_int_equal(sg_token_login(token, right, NULL, &err), SG_E_PIN_INTERLOCK);
    assert_string_equal(err.cause, "");
    struct sg_pin_origin origin = {.typed = true};
    assert_int_equal(sg_token_pin_ready(token, SG_PIN_USER, &origin, &err), SG_OK);
    assert_int_equal(sg_token_login(token, right, &origin, &err), SG_OK);
    softhsm_login(&hsm, "one"); /* a second time is no error */
}

/* A module that is not there, and a file that is no module. */
static void test_modules(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        enum sg_rc rc;
    } cases[] = {
        {"/nowhere/module.so", SG_E_NO_MODULE},
        {"no-such-module.so", SG_E_NO_MODULE},
        {"/etc/passwd", SG_E_MODULE_FAILED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sg_tokens_options options = {.modules = &cases[i].path,
                                            .module_count = 1,
                                            .libctx = hsm.libctx,
                                            .host = softhsm_host(),
                                            .runtime = hsm.folder};
        struct sg_tokens *tokens = NULL;
        struct sg_err err = {0};
        assert_int_equal(sg_tokens_open(&options, &tokens, &err), cases[i].rc);
        assert_null(tokens);
        assert_string_equal(err.token, cases[i].path);
    }
    /* Named twice, it is there once. */
    const char *twice[] = {SOFTHSM_MODULE, SOFTHSM_MODULE};
    struct sg_tokens_options options = {
        .modules = twice, .module_count = 2, .libctx = hsm.libctx, .host = softhsm_host(), .runtime = hsm.folder};
    struct sg_tokens *tokens = NULL;
    assert_int_equal(sg_tokens_open(&options, &tokens, NULL), SG_OK);
    assert_int_equal(sg_tokens_count(tokens), sg_tokens_count(hsm.tokens));
    sg_tokens_free(tokens);
}

/* The child that has ended, if one has; it stays to be waited for. */
static bool find_ended(siginfo_t *ret)
{
    *ret = (siginfo_t){0};
    return waitid(P_ALL, 0, ret, WEXITED | WNOHANG | WNOWAIT) == 0 && ret->si_pid != 0;
}

/* A host that is dismissed ends while others do something else, and what was known of its tokens stays. */
static void test_dismissed(void **state)
{
    (void)state;
    struct softhsm other = {.libctx = hsm.libctx};
    STACK_OF(X509) *certs = sk_X509_new_null();
    siginfo_t ended;
    memcpy(other.folder, hsm.folder, sizeof other.folder);
    softhsm_open(&other);
    softhsm_login(&other, "one");
    if (softhsm_host())
        assert_false(find_ended(&ended));
    sg_tokens_dismiss(other.tokens);
    sg_tokens_dismiss(other.tokens); /* once more is no error */
    for (int i = 0; softhsm_host() && i < 1000 && !find_ended(&ended); i++)
        (void)usleep(10000);
    if (softhsm_host()) {
        assert_true(find_ended(&ended));
        assert_int_equal(ended.si_code, CLD_EXITED);
        assert_int_equal(ended.si_status, 0);
    }
    assert_string_equal(sg_token_info(softhsm_token(&other, "one"))->label, "one");
    for (int i = 0; softhsm_host() && i < 2; i++) /* who asks all the same is told so, and does not wait for ever */
        assert_int_equal(sg_token_certificates(softhsm_token(&other, "one"), NULL, certs, NULL), SG_E_MODULE_CRASHED);
    sk_X509_free(certs);
    sg_tokens_free(other.tokens);
    assert_false(find_ended(&ended));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tokens),          cmocka_unit_test(test_before_login), cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_labels_repeat),   cmocka_unit_test(test_certificates), cmocka_unit_test(test_renewed),
        cmocka_unit_test(test_pss_certificate), cmocka_unit_test(test_custody),      cmocka_unit_test(test_wrong_pin),
        cmocka_unit_test(test_modules),         cmocka_unit_test(test_dismissed),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
