/* Each step of provisioning on SoftHSM: what it leaves on the token, and what it refuses. */
#include "softhsm.h"

#include <openssl/x509v3.h>

#include "pkcs11/provision.h"

#define SO_PIN "87654321"

static struct softhsm hsm;

static enum sg_rc do_step(struct sg_token *token, struct sg_provision what, const char *pin, const char *new_pin,
                          struct sg_err *err)
{
    _cleanup_(sg_secret_freep) struct sg_secret *first = pin ? secret_of(pin) : NULL;
    _cleanup_(sg_secret_freep) struct sg_secret *second = new_pin ? secret_of(new_pin) : NULL;
    enum sg_pin_role role = what.step == SG_PROVISION_PIN ? SG_PIN_USER : SG_PIN_SO;
    what.pin = first;
    what.new_pin = second;
    what.origin.typed = true; /* so that one after a wrong one is tried */
    if (first && sg_token_info(token)->initialized)
        assert_int_equal(sg_token_pin_ready(token, role, &what.origin, err), SG_OK);
    return sg_token_provision(token, &what, err);
}

static void must(struct sg_token *token, struct sg_provision what, const char *pin, const char *new_pin)
{
    struct sg_err err = {0};
    if (do_step(token, what, pin, new_pin, &err) != SG_OK)
        fail_msg("%s [%s]", err.text, err.cause);
}

static void must_fail(struct sg_token *token, struct sg_provision what, const char *pin, const char *new_pin,
                      enum sg_rc rc, const char *part)
{
    struct sg_err err = {0};
    assert_int_equal(do_step(token, what, pin, new_pin, &err), rc);
    assert_int_equal(err.rc, rc);
    if (!strstr(err.text, part))
        fail_msg("“%s” does not say “%s”", err.text, part);
    assert_string_not_equal(err.token, "");
}

static struct sg_token *blank_token(void)
{
    struct sg_err err = {0};
    if (sg_tokens_refresh(hsm.tokens, &err) != SG_OK)
        fail_msg("%s [%s]", err.text, err.cause);
    for (size_t i = 0; i < sg_tokens_count(hsm.tokens); i++) {
        struct sg_token *token = sg_tokens_get(hsm.tokens, i);
        if (!sg_token_info(token)->initialized && sg_token_info(token)->present)
            return token;
    }
    fail_msg("no blank token");
    return NULL;
}

/* A token with a user PIN, made by the steps themselves. */
static struct sg_token *new_token(const char *label)
{
    struct sg_token *token = blank_token();
    must(token, (struct sg_provision){.step = SG_PROVISION_INIT, .label = label}, SO_PIN, NULL);
    must(token, (struct sg_provision){.step = SG_PROVISION_UNBLOCK}, SO_PIN, SOFTHSM_PIN);
    return token;
}

static enum sg_rc login(struct sg_token *token, const char *text)
{
    _cleanup_(sg_secret_freep) struct sg_secret *pin = secret_of(text);
    return sg_token_login(token, pin, NULL, NULL);
}

static struct sg_provision keygen(enum sg_key_kind kind, enum sg_key_purpose purpose, const uint8_t *id)
{
    return (struct sg_provision){
        .step = SG_PROVISION_KEYGEN, .kind = kind, .purpose = purpose, .label = "Jane Doe", .id = {id, 1}};
}

static char *key_uri(const struct sg_token *token, uint8_t id)
{
    char *uri = NULL;
    assert_true(asprintf(&uri, "pkcs11:serial=%s;id=%%%02x", sg_token_info(token)->serial, id) > 0);
    return uri;
}

/* --- the token and its PINs --------------------------------------------------------------------------------------- */

static void test_init(void **state)
{
    (void)state;
    struct sg_token *token = blank_token();
    must(token, (struct sg_provision){.step = SG_PROVISION_INIT, .label = "init one"}, SO_PIN, NULL);
    const struct sg_token_info *info = sg_token_info(token);
    assert_string_equal(info->label, "init one");
    assert_true(info->initialized);
    assert_int_equal(info->pin_state, SG_PIN_NOT_SET);
    assert_non_null(strstr(info->uri, "token=init%20one"));
    assert_non_null(strstr(info->uri, info->serial));

    /* Others see the same token, and there is another blank one for the next. */
    run("softhsm2-util --show-slots | grep -q 'Label: *init one'");
    struct sg_token *next = blank_token();
    assert_ptr_not_equal(next, token);
    must(next, (struct sg_provision){.step = SG_PROVISION_INIT, .label = "init two"}, SO_PIN, NULL);
    assert_string_not_equal(sg_token_info(next)->serial, info->serial);
}

static void test_init_again(void **state)
{
    (void)state;
    static const uint8_t id = 1;
    struct sg_token *token = new_token("again");
    assert_int_equal(login(token, SOFTHSM_PIN), SG_OK);
    must(token, keygen(SG_EC_P256, SG_FOR_SIGNING, &id), NULL, NULL);

    must_fail(token, (struct sg_provision){.step = SG_PROVISION_INIT, .label = "lost"}, "00000000", NULL,
              SG_E_PIN_INCORRECT, "security officer");
    assert_string_equal(sg_token_info(token)->label, "again");
    must(token, (struct sg_provision){.step = SG_PROVISION_INIT, .label = "once more"}, SO_PIN, NULL);
    assert_string_equal(sg_token_info(token)->label, "once more");
    run("pkcs11-tool --module " SOFTHSM_MODULE " --token-label 'once more' -O 2>/dev/null | (! grep -q Object)");
}

static void test_init_refuses(void **state)
{
    (void)state;
    struct sg_token *token = blank_token();
    must_fail(token, (struct sg_provision){.step = SG_PROVISION_INIT, .label = ""}, SO_PIN, NULL, SG_E_USAGE, "label");
    must_fail(token, (struct sg_provision){.step = SG_PROVISION_INIT, .label = "a label of thirty-three bytes ..."},
              SO_PIN, NULL, SG_E_USAGE, "label");
    must_fail(token, (struct sg_provision){.step = SG_PROVISION_INIT, .label = "short"}, "12", NULL, SG_E_POLICY,
              "4 to 255");
    assert_false(sg_token_info(token)->initialized);
}

/* The slot that C_InitToken was called on has another number once the module was started again, which it is when a
 * token is sought in vain. */
static void test_restart_after_init(void **state)
{
    (void)state;
    struct sg_token *token = new_token("moved");
    struct sg_key_list *list = NULL;
    assert_int_equal(sg_keys_find(hsm.tokens, "pkcs11:token=nowhere", &list, NULL), SG_E_NO_TOKEN);
    assert_true(sg_token_info(token)->present);
    assert_ptr_equal(softhsm_token(&hsm, "moved"), token);
    assert_int_equal(login(token, SOFTHSM_PIN), SG_OK);
}

static void test_pins(void **state)
{
    (void)state;
    const struct sg_provision unblock = {.step = SG_PROVISION_UNBLOCK}, change = {.step = SG_PROVISION_PIN},
                              change_so = {.step = SG_PROVISION_SO_PIN};
    struct sg_token *token = new_token("pins");

    must(token, change, SOFTHSM_PIN, "565656");
    must_fail(token, change, SOFTHSM_PIN, "787878", SG_E_PIN_INCORRECT, "refused the PIN");
    must_fail(token, change, "565656", "12", SG_E_POLICY, "4 to 255");
    run("pkcs11-tool --module " SOFTHSM_MODULE " --token-label pins --login --pin 565656 -O >/dev/null 2>&1");

    must_fail(token, unblock, "00000000", "343434", SG_E_PIN_INCORRECT, "security officer");
    must_fail(token, unblock, SO_PIN, "12", SG_E_POLICY, "4 to 255");
    run("pkcs11-tool --module " SOFTHSM_MODULE " --token-label pins --login --pin 565656 -O >/dev/null 2>&1");
    must(token, unblock, SO_PIN, "343434");
    run("pkcs11-tool --module " SOFTHSM_MODULE " --token-label pins --login --pin 343434 -O >/dev/null 2>&1");

    must_fail(token, change_so, "00000000", "11223344", SG_E_PIN_INCORRECT, "security officer");
    must(token, change_so, SO_PIN, "11223344");
    must_fail(token, unblock, SO_PIN, "565656", SG_E_PIN_INCORRECT, "security officer");
    must(token, unblock, "11223344", "565656");
    assert_int_equal(login(token, "565656"), SG_OK);
}

/* --- keys --------------------------------------------------------------------------------------------------------- */

static const struct {
    enum sg_key_kind kind;
    const char *type, *curve;
    int bits;
} kinds[] = {{SG_RSA_2048, "RSA", NULL, 2048},  {SG_RSA_3072, "RSA", NULL, 3072}, {SG_RSA_4096, "RSA", NULL, 4096},
             {SG_EC_P256, "EC", "P-256", 256},  {SG_EC_P384, "EC", "P-384", 384}, {SG_EC_P521, "EC", "P-521", 521},
             {SG_ED25519, "Ed25519", NULL, 256}};

static void check_key(struct sg_token *token, size_t kind, uint8_t id, enum sg_key_purpose purpose)
{
    struct sg_err err = {0};
    _cleanup_(freep) char *uri = key_uri(token, id);
    _cleanup_(sg_key_list_freep) struct sg_key_list *list = NULL;
    struct sg_token_key *key = only_key(hsm.tokens, uri, &list);
    if (sg_token_key_inspect(key, purpose, &err) != SG_OK)
        fail_msg("%s [%s]", err.text, err.cause);
    const struct sg_key_info *info = sg_token_key_info(key);
    const struct sg_key_attributes *at = &info->attributes;
    bool rsa = strcmp(info->type, "RSA") == 0;
    enum sg_tristate sign = purpose == SG_FOR_SIGNING ? SG_YES : SG_NO;
    enum sg_tristate decrypt = purpose == SG_FOR_DECRYPTION && rsa ? SG_YES : SG_NO;
    enum sg_tristate derive = purpose == SG_FOR_DECRYPTION && !rsa ? SG_YES : SG_NO;
    assert_string_equal(info->type, kinds[kind].type);
    assert_int_equal(info->curve != NULL, kinds[kind].curve != NULL);
    if (info->curve)
        assert_string_equal(info->curve, kinds[kind].curve);
    assert_in_range(info->bits, kinds[kind].bits - 3, kinds[kind].bits);
    assert_string_equal(info->label, "Jane Doe");
    assert_int_equal(at->sensitive, SG_YES);
    assert_int_equal(at->extractable, SG_NO);
    assert_int_equal(at->always_sensitive, SG_YES);
    assert_int_equal(at->never_extractable, SG_YES);
    assert_int_equal(at->local, SG_YES);
    assert_int_equal(at->sign, sign);
    assert_int_equal(at->decrypt, decrypt);
    assert_int_equal(at->unwrap, decrypt);
    assert_int_equal(at->derive, derive);
}

static void test_keygen(void **state)
{
    (void)state;
    struct sg_token *token = new_token("keys");
    assert_int_equal(login(token, SOFTHSM_PIN), SG_OK);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        uint8_t sign = (uint8_t)(0x10 + i), decrypt = (uint8_t)(0x20 + i);
        must(token, keygen(kinds[i].kind, SG_FOR_SIGNING, &sign), NULL, NULL);
        check_key(token, i, sign, SG_FOR_SIGNING);
        if (kinds[i].kind == SG_ED25519 || kinds[i].bits > 2048)
            continue;
        must(token, keygen(kinds[i].kind, SG_FOR_DECRYPTION, &decrypt), NULL, NULL);
        check_key(token, i, decrypt, SG_FOR_DECRYPTION);
    }
}

static void test_keygen_refuses(void **state)
{
    (void)state;
    static const uint8_t id = 7;
    struct sg_token *token = new_token("refuses");
    must_fail(token, keygen(SG_EC_P256, SG_FOR_SIGNING, &id), NULL, NULL, SG_E_PIN_REQUIRED, "PIN");
    assert_int_equal(login(token, SOFTHSM_PIN), SG_OK);
    must_fail(token, keygen(SG_EC_P256, SG_FOR_ANYTHING, &id), NULL, NULL, SG_E_USAGE, "never for both");
    must_fail(token, keygen(SG_ED25519, SG_FOR_DECRYPTION, &id), NULL, NULL, SG_E_USAGE, "Ed25519");
    struct sg_provision without_id = keygen(SG_EC_P256, SG_FOR_SIGNING, &id);
    without_id.id.len = 0;
    must_fail(token, without_id, NULL, NULL, SG_E_USAGE, "id");
    must(token, keygen(SG_EC_P256, SG_FOR_SIGNING, &id), NULL, NULL);
    must_fail(token, keygen(SG_EC_P384, SG_FOR_SIGNING, &id), NULL, NULL, SG_E_KEY_EXISTS, "another id");
}

/* --- certificates and deletion ------------------------------------------------------------------------------------ */

/* DER of a certificate of its own making; freed by OPENSSL_free(). */
static int make_certificate(unsigned char **ret)
{
    _cleanup_(EVP_PKEY_freep) EVP_PKEY *key = EVP_PKEY_Q_keygen(hsm.libctx, "provider=default", "EC", "P-256");
    _cleanup_(X509_freep) X509 *cert = X509_new_ex(hsm.libctx, NULL);
    _cleanup_(EVP_MD_freep) EVP_MD *md = EVP_MD_fetch(hsm.libctx, "SHA256", NULL);
    X509_NAME *name = X509_get_subject_name(cert);
    assert_int_equal(X509_set_version(cert, X509_VERSION_3), 1);
    assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(cert), 7), 1);
    assert_non_null(X509_gmtime_adj(X509_getm_notBefore(cert), -60));
    assert_non_null(X509_gmtime_adj(X509_getm_notAfter(cert), 86400));
    assert_int_equal(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"Jane", -1, -1, 0), 1);
    assert_int_equal(X509_set_issuer_name(cert, name), 1);
    assert_int_equal(X509_set_pubkey(cert, key), 1);
    assert_true(X509_sign(cert, key, md) > 0);
    *ret = NULL;
    return i2d_X509(cert, ret);
}

/* Without a login: a certificate is a public object, and who provisions tokens does not know the user's PIN. */
static void test_import(void **state)
{
    (void)state;
    static const uint8_t id = 9;
    struct sg_token *token = new_token("import");
    _cleanup_(OPENSSL_freep) unsigned char *der = NULL;
    int len = make_certificate(&der);
    struct sg_provision what = {
        .step = SG_PROVISION_IMPORT, .label = "Jane", .id = {&id, 1}, .certificate = {der, (size_t)len}};
    must(token, what, NULL, NULL);
    run("pkcs11-tool --module " SOFTHSM_MODULE " --token-label import --read-object --type cert --id 09 "
        "--output-file %s/back.der >/dev/null 2>&1",
        hsm.folder);
    run("openssl x509 -inform DER -in %s/back.der -noout -subject | grep -q 'CN = Jane'", hsm.folder);
    run("pkcs11-tool --module " SOFTHSM_MODULE " --token-label import -O --type cert 2>/dev/null | grep -q "
        "'label: *Jane'");

    what.certificate.len--;
    must_fail(token, what, NULL, NULL, SG_E_MALFORMED, "not a certificate");
}

static void test_delete(void **state)
{
    (void)state;
    static const uint8_t id = 3, other = 4;
    struct sg_token *token = new_token("delete");
    struct sg_provision what = {.step = SG_PROVISION_DELETE, .id = {&id, 1}};
    assert_int_equal(login(token, SOFTHSM_PIN), SG_OK);
    must(token, keygen(SG_EC_P256, SG_FOR_SIGNING, &id), NULL, NULL);
    must(token, keygen(SG_EC_P256, SG_FOR_SIGNING, &other), NULL, NULL);
    must(token, what, NULL, NULL);
    must_fail(token, what, NULL, NULL, SG_E_NO_KEY, "nothing with this id");
    run("pkcs11-tool --module " SOFTHSM_MODULE " --token-label delete --login --pin " SOFTHSM_PIN
        " -O 2>/dev/null | grep -c 'ID: *04' | grep -qx 2");
    run("pkcs11-tool --module " SOFTHSM_MODULE " --token-label delete --login --pin " SOFTHSM_PIN
        " -O 2>/dev/null | (! grep -q 'ID: *03')");
}

static void test_kinds(void **state)
{
    (void)state;
    enum sg_key_kind kind = SG_KEY_KINDS;
    assert_true(sg_key_kind_parse("p-384", &kind));
    assert_int_equal(kind, SG_EC_P384);
    assert_false(sg_key_kind_parse("rsa-1024", &kind));
    assert_false(sg_key_kind_parse("P-384", &kind));
    assert_int_equal(kind, SG_EC_P384);
}

static int setup(void **state)
{
    (void)state;
    softhsm_folder(&hsm);
    softhsm_open(&hsm);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    softhsm_remove(&hsm);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_init),           cmocka_unit_test(test_init_again),
                                       cmocka_unit_test(test_init_refuses),   cmocka_unit_test(test_restart_after_init),
                                       cmocka_unit_test(test_pins),           cmocka_unit_test(test_keygen),
                                       cmocka_unit_test(test_keygen_refuses), cmocka_unit_test(test_import),
                                       cmocka_unit_test(test_delete),         cmocka_unit_test(test_kinds)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
