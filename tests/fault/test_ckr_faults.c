/* Each C_ function answers with each code that PKCS#11 has, in this process and in a token host: a sentence, and the
 * exit status of the code's group; or nothing, where the answer is a help only. */
#include "whole_way.h"

#include <p11-kit/pkcs11.h>

#include "base/sanitize.h"
#include "fake_shared.h"

static const struct {
    CK_RV rv;
    const char *name;
    enum sg_rc rc;
} codes[] = {
#define CKR(name, rc, text) {CKR_##name, #name, SG_E_##rc},
#include "pkcs11/ckr.def"
#undef CKR
};
#define CODES (sizeof codes / sizeof *codes)

/* With a sanitizer, every so many: another one of them for each function. */
#define STRIDE (SG_SANITIZED ? 8 : 1)
#define HOST_STRIDE (SG_SANITIZED ? 48 : 12)

static struct fake_control *fake;
static char runtime[] = "/tmp/signet-test-XXXXXX"; /* the PIN interlock's */

/* At the end of something, or a help only, or a question that is asked again in another way. */
static bool is_help(const char *function)
{
    static const char *const names[] = {"C_Finalize",         "C_CloseSession", "C_Logout",       "C_GetInfo",
                                        "C_GetMechanismList", "C_GetSlotList",  "C_GetTokenInfo", "C_GetSlotInfo"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(function, names[i]) == 0)
            return true;
    }
    return false;
}

/* Codes that say something else of one attribute, mechanism, login or ciphertext than that the call failed. */
static bool is_answer(const char *function, CK_RV rv)
{
    if (strcmp(function, "C_GetAttributeValue") == 0)
        return rv == CKR_ATTRIBUTE_TYPE_INVALID || rv == CKR_ATTRIBUTE_SENSITIVE || rv == CKR_BUFFER_TOO_SMALL;
    if (strncmp(function, "C_Sign", 6) == 0)
        return rv == CKR_MECHANISM_INVALID;
    if (strcmp(function, "C_DeriveKey") == 0)
        return rv == CKR_MECHANISM_PARAM_INVALID || rv == CKR_ARGUMENTS_BAD;
    if (strcmp(function, "C_Initialize") == 0)
        return rv == CKR_CRYPTOKI_ALREADY_INITIALIZED;
    return strcmp(function, "C_Login") == 0 && rv == CKR_USER_ALREADY_LOGGED_IN;
}

/* A module that does not start has failed, whatever it says. */
static int right_exit(const char *function, size_t code)
{
    return sg_rc_exit(strcmp(function, "C_Initialize") == 0 ? SG_E_MODULE_FAILED : codes[code].rc);
}

static unsigned complaints;

static void complain(const char *function, size_t code, const char *what, const struct sg_err *err)
{
    print_error("%s answers CKR_%s, and %s: %s [%s] (%s) %s\n", function, codes[code].name, what, err->text, err->cause,
                err->token, sg_rc_word(err->rc));
    complaints++;
}

static void fail_with(const char *function, size_t code, const char *host)
{
    static const char *const module = FAKE_MODULE;
    const struct sg_tokens_options options = {
        .modules = &module, .module_count = 1, .libctx = libctx, .host = host, .runtime = runtime};
    _cleanup_(sg_tokens_freep) struct sg_tokens *tokens = NULL;
    struct sg_err err = {.tries_left = -1};
    fake->calls = 0;
    fake->where[0] = '\0';
    (void)snprintf(fake->only, sizeof fake->only, "%s", function);
    fake->fail_at = 1;
    fake->fail_with = codes[code].rv;
    enum sg_rc rc = sg_tokens_open(&options, &tokens, &err);
    if (rc == SG_OK && fake_token(tokens))
        assert_int_equal(sg_token_pin_clear(fake_token(tokens), NULL), SG_OK);
    if (rc == SG_OK)
        rc = use(tokens, &err);
    fake->fail_at = 0;
    assert_string_equal(fake->where, function);
    if (is_help(function) || is_answer(function, codes[code].rv))
        return;
    if (rc == SG_OK)
        complain(function, code, "nobody notices", &err);
    else if (err.rc != rc || err.text[0] == '\0' || (err.cause[0] == '\0' && rc != SG_E_PIN_LOCKED) ||
             err.token[0] == '\0')
        complain(function, code, "no sentence says so", &err);
    else if (sg_rc_exit(rc) != right_exit(function, code))
        complain(function, code, "it is of the wrong group", &err);
}

static void fail_all(size_t stride, const char *host)
{
    complaints = 0;
    for (size_t f = 0; f < FUNCTIONS; f++) {
        for (size_t code = f % stride; code < CODES; code += stride)
            fail_with(functions[f], code, host);
    }
    assert_int_equal(complaints, 0);
}

static void test_in_this_process(void **state)
{
    (void)state;
    fail_all(STRIDE, NULL);
}

static void test_in_a_host(void **state)
{
    (void)state;
    fail_all(HOST_STRIDE, TOKEN_HOST);
}

static int setup_group(void **state)
{
    (void)state;
    fake = fake_control_share();
    if (!fake || sg_secrets_init(NULL) != SG_OK || sg_libctx_new(&libctx, NULL) != SG_OK || !mkdtemp(runtime))
        return -1;
    *fake = (struct fake_control){.lists_raw = true, .serves_raw = true};
    return 0;
}

static int teardown_group(void **state)
{
    (void)state;
    OSSL_LIB_CTX_free(libctx);
    run("rm -rf '%s'", runtime);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_in_this_process), cmocka_unit_test(test_in_a_host)};
    return cmocka_run_group_tests(tests, setup_group, teardown_group);
}
