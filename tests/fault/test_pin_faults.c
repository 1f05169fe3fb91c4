/* A token that refuses a PIN, in whatever words, or says that it soon will: is none given to it that could cost a try?
 */
#include "fake_token.h"

/* Locked, or one try left: is the PIN not even given to the token? */
static void test_pin_states(void **state)
{
    (void)state;
    static const struct {
        unsigned long flags;
        enum sg_rc rc;
        int tries_left;
    } cases[] = {{CKF_USER_PIN_LOCKED, SG_E_PIN_LOCKED, 0}, {CKF_USER_PIN_FINAL_TRY, SG_E_PIN_FINAL_TRY, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        _cleanup_(sg_tokens_freep) struct sg_tokens *tokens = NULL;
        struct sg_err err = {0};
        assert_int_equal(open_tokens(&tokens, NULL), SG_OK);
        fake->token_flags = cases[i].flags; /* come to be after the listing */
        assert_int_equal(login(tokens, right_pin, &err), cases[i].rc);
        assert_int_equal(err.tries_left, cases[i].tries_left);
        assert_int_equal(fake->logins, 0);
        fake->token_flags = 0;
    }
}

/* The ways in which a token says that a PIN is wrong. */
static const unsigned long refusals[] = {CKR_PIN_INCORRECT, CKR_PIN_INVALID, CKR_PIN_LEN_RANGE, CKR_PIN_LOCKED};
#define REFUSALS (sizeof refusals / sizeof *refusals)

/* The token answers the next C_Login with `rv`. */
static void refuse_next(unsigned long rv)
{
    fake->calls = 0;
    fake->fail_at = 4; /* C_GetSlotInfo, C_GetTokenInfo, C_OpenSession, C_Login */
    fake->fail_with = rv;
}

/* After a refusal, in whatever words, is no PIN sent that nobody typed, a right one neither, also not by who opens the
 * token anew; and is one that is typed sent, which clears it? */
static void test_refused_pins(void **state)
{
    (void)state;
    for (unsigned i = 0; i < REFUSALS; i++) {
        struct sg_err err = {0};
        fake->logins = 0;
        for (unsigned round = 0; round < 2; round++) {
            _cleanup_(sg_tokens_freep) struct sg_tokens *tokens = NULL;
            assert_int_equal(open_tokens(&tokens, NULL), SG_OK);
            if (round == 0) {
                refuse_next(refusals[i]);
                assert_int_not_equal(login(tokens, right_pin, &err), SG_OK);
                assert_string_equal(fake->failed, "C_Login");
            }
            assert_int_equal(login(tokens, right_pin, &err), SG_E_PIN_INTERLOCK);
            assert_int_equal(fake->logins, 1);
        }
        _cleanup_(sg_tokens_freep) struct sg_tokens *tokens = NULL;
        struct sg_pin_origin origin = {.typed = true};
        assert_int_equal(open_tokens(&tokens, NULL), SG_OK);
        struct sg_token *token = sg_tokens_get(tokens, 0);
        assert_int_equal(sg_token_pin_ready(token, SG_PIN_USER, &origin, &err), SG_OK);
        assert_int_equal(sg_token_login(token, right_pin, &origin, &err), SG_OK);
        sg_tokens_free(sg_steal(tokens));
        assert_int_equal(open_tokens(&tokens, NULL), SG_OK);
        assert_int_equal(login(tokens, right_pin, &err), SG_OK);
        assert_int_equal(fake->logins, 3);
    }
}

/* Of several who were asked at the same time, is only one PIN sent when it is refused, until they are asked again? */
static void test_asked_at_once(void **state)
{
    (void)state;
    _cleanup_(sg_tokens_freep) struct sg_tokens *tokens = NULL;
    _cleanup_(sg_secret_freep) struct sg_secret *wrong_pin = new_pin("1");
    struct sg_pin_origin origins[3] = {{.typed = true}, {.typed = true}, {.typed = true}};
    struct sg_err err = {0};
    assert_int_equal(open_tokens(&tokens, NULL), SG_OK);
    struct sg_token *token = sg_tokens_get(tokens, 0);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(sg_token_pin_ready(token, SG_PIN_USER, &origins[i], &err), SG_OK);
    assert_int_equal(sg_token_login(token, wrong_pin, &origins[0], &err), SG_E_PIN_INCORRECT);
    assert_int_equal(sg_token_login(token, wrong_pin, &origins[1], &err), SG_E_PIN_INTERLOCK);
    assert_int_equal(sg_token_login(token, right_pin, &origins[2], &err), SG_E_PIN_INTERLOCK);
    assert_int_equal(fake->logins, 1);
    assert_int_equal(sg_token_pin_ready(token, SG_PIN_USER, &origins[2], &err), SG_OK);
    assert_int_equal(sg_token_login(token, right_pin, &origins[2], &err), SG_OK);
}

/* An answer that says nothing about the PIN stops nobody; one that leaves it open (the module hung) does. */
static void test_other_failures(void **state)
{
    (void)state;
    static const unsigned long answers[] = {CKR_GENERAL_ERROR, CKR_DEVICE_ERROR, CKR_DEVICE_REMOVED, CKR_PIN_EXPIRED,
                                            CKR_VENDOR};
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        _cleanup_(sg_tokens_freep) struct sg_tokens *tokens = NULL;
        struct sg_err err = {0};
        assert_int_equal(open_tokens(&tokens, NULL), SG_OK);
        refuse_next(answers[i]);
        enum sg_rc rc = login(tokens, right_pin, &err);
        assert_int_not_equal(rc, SG_OK);
        assert_int_equal(rc == SG_E_PIN_TO_BE_CHANGED, answers[i] == CKR_PIN_EXPIRED);
        assert_int_equal(login(tokens, right_pin, &err), SG_OK);
    }
}

/* The last try is spent only with consent, and then only once. */
static void test_last_try(void **state)
{
    (void)state;
    _cleanup_(sg_tokens_freep) struct sg_tokens *tokens = NULL;
    struct sg_pin_origin consent = {.use_last_try = true};
    struct sg_err err = {0};
    fake->token_flags = CKF_USER_PIN_FINAL_TRY;
    assert_int_equal(open_tokens(&tokens, NULL), SG_OK);
    struct sg_token *token = sg_tokens_get(tokens, 0);
    assert_int_equal(sg_token_login(token, right_pin, NULL, &err), SG_E_PIN_FINAL_TRY);
    assert_non_null(strstr(err.text, "--use-last-try"));
    assert_int_equal(fake->logins, 0);
    refuse_next(CKR_PIN_INCORRECT);
    assert_int_equal(sg_token_login(token, right_pin, &consent, &err), SG_E_PIN_INCORRECT);
    assert_int_equal(sg_token_login(token, right_pin, &consent, &err), SG_E_PIN_INTERLOCK);
    assert_int_equal(fake->logins, 1);
}

/* A PIN for the first use only: nothing is sent where the token says so before, and nobody stays logged in where it
 * says so only then. */
static void test_to_be_changed(void **state)
{
    (void)state;
    for (int after = 0; after < 2; after++) {
        _cleanup_(sg_tokens_freep) struct sg_tokens *tokens = NULL;
        _cleanup_(sg_key_list_freep) struct sg_key_list *list = NULL;
        struct sg_err err = {0};
        fake->logins = 0;
        fake->token_flags = after ? 0 : CKF_USER_PIN_TO_BE_CHANGED | CKF_USER_PIN_COUNT_LOW;
        fake->flags_once_logged_in = CKF_USER_PIN_TO_BE_CHANGED;
        assert_int_equal(open_tokens(&tokens, NULL), SG_OK);
        assert_int_equal(login(tokens, right_pin, &err), SG_E_PIN_TO_BE_CHANGED);
        assert_int_equal(fake->logins, after);
        assert_int_equal(sg_keys_find(tokens, EC_KEY, &list, NULL), SG_OK);
        assert_int_equal(sg_token_key_inspect(sg_key_list_get(list, 0), SG_FOR_SIGNING, &err), SG_E_PIN_REQUIRED);
        fake->token_flags = fake->flags_once_logged_in = 0;
        assert_int_equal(login(tokens, right_pin, &err), SG_OK); /* it was no refusal */
    }
}

/* A token that is taken out lets the next PIN be tried, if it is one that can be taken out. */
static void test_removal(void **state)
{
    (void)state;
    for (int removable = 0; removable < 2; removable++) {
        for (int while_listing = 0; while_listing < 2; while_listing++) {
            _cleanup_(sg_tokens_freep) struct sg_tokens *tokens = NULL;
            struct sg_err err = {0};
            *fake = (struct fake_control){.lists_raw = true, .serves_raw = true, .removable = removable};
            forget_refusals();
            assert_int_equal(open_tokens(&tokens, NULL), SG_OK);
            refuse_next(CKR_PIN_INCORRECT);
            assert_int_equal(login(tokens, right_pin, &err), SG_E_PIN_INCORRECT);
            fake->absent = true;
            if (while_listing)
                assert_int_equal(sg_tokens_refresh(tokens, &err), SG_OK);
            else
                assert_int_equal(login(tokens, right_pin, &err), SG_E_NO_TOKEN);
            assert_false(sg_token_info(sg_tokens_get(tokens, 0))->present);
            fake->absent = false;
            assert_int_equal(login(tokens, right_pin, &err), removable ? SG_OK : SG_E_PIN_INTERLOCK);
        }
    }
}

/* The first key that fits, inspected and opened. */
static struct sg_token_key *open_key(struct sg_tokens *tokens, const char *uri, struct sg_key_list **list,
                                     EVP_PKEY **opened)
{
    assert_int_equal(sg_keys_find(tokens, uri, list, NULL), SG_OK);
    struct sg_token_key *key = sg_key_list_get(*list, 0);
    assert_int_equal(sg_token_key_inspect(key, SG_FOR_SIGNING, NULL), SG_OK);
    assert_int_equal(sg_token_key_open(key, opened, NULL), SG_OK);
    return key;
}

/* A key that wants its PIN each time gets it each time; once it is refused, in whatever words, never again. */
static void test_always_authenticate(void **state)
{
    (void)state;
    for (size_t i = 0; i < REFUSALS; i++) {
        *fake = (struct fake_control){.lists_raw = true, .serves_raw = true, .reauthenticate = true};
        forget_refusals();
        _cleanup_(sg_tokens_freep) struct sg_tokens *tokens = NULL;
        _cleanup_(sg_key_list_freep) struct sg_key_list *list = NULL;
        _cleanup_(EVP_PKEY_freep) EVP_PKEY *opened = NULL;
        struct sg_err err = {0};
        assert_int_equal(open_tokens(&tokens, NULL), SG_OK);
        assert_int_equal(login(tokens, right_pin, NULL), SG_OK);
        struct sg_token_key *key = open_key(tokens, EC_KEY, &list, &opened);
        assert_int_equal(sign(key, opened, "SHA256", false, false, &err), SG_OK);
        assert_int_equal(sign(key, opened, "SHA256", false, false, &err), SG_OK);
        assert_int_equal(fake->logins, 3);

        fake->calls = 0;
        fake->fail_at = 4; /* C_GetSlotInfo, C_GetTokenInfo, C_SignInit, C_Login */
        fake->fail_with = refusals[i];
        assert_int_not_equal(sign(key, opened, "SHA256", false, false, &err), SG_OK);
        assert_string_equal(fake->failed, "C_Login");
        assert_int_equal(fake->logins, 4);
        enum sg_rc rc = sign(key, opened, "SHA256", false, false, &err);
        assert_int_equal(rc, SG_E_PIN_REQUIRED); /* it is forgotten */
        assert_int_equal(fake->logins, 4);
        sg_key_list_free(sg_steal(list));
        EVP_PKEY_free(sg_steal(opened));
        sg_tokens_free(sg_steal(tokens));
        assert_int_equal(open_tokens(&tokens, NULL), SG_OK);
        assert_int_equal(login(tokens, right_pin, &err), SG_E_PIN_INTERLOCK);
        assert_int_equal(fake->logins, 4);
    }
}

/* A PIN that no inspected key wants is wiped when a key is opened; a key that wants it later says so instead of giving
 * the token no PIN, which could cost a try. One that is wanted is kept, whichever key is opened first. */
static void test_pin_is_wiped(void **state)
{
    (void)state;
    for (int wanted = 0; wanted < 2; wanted++) {
        *fake = (struct fake_control){.lists_raw = true, .serves_raw = true};
        _cleanup_(sg_tokens_freep) struct sg_tokens *tokens = NULL;
        _cleanup_(sg_key_list_freep) struct sg_key_list *first_list = NULL, *second_list = NULL, *early_list = NULL;
        _cleanup_(EVP_PKEY_freep) EVP_PKEY *first = NULL, *second = NULL;
        struct sg_err err = {0};
        assert_int_equal(open_tokens(&tokens, NULL), SG_OK);
        assert_int_equal(login(tokens, right_pin, NULL), SG_OK);
        if (wanted) {
            fake->reauthenticate = true;
            assert_int_equal(sg_keys_find(tokens, EC_KEY, &early_list, NULL), SG_OK);
            assert_int_equal(sg_token_key_inspect(sg_key_list_get(early_list, 0), SG_FOR_SIGNING, NULL), SG_OK);
            fake->reauthenticate = false;
        }
        struct sg_token_key *key = open_key(tokens, RSA_KEY, &first_list, &first);
        assert_int_equal(sign(key, first, "SHA256", false, false, &err), SG_OK);
        assert_int_equal(fake->logins, 1);
        fake->reauthenticate = true;
        key = open_key(tokens, EC_KEY, &second_list, &second);
        enum sg_rc rc = sign(key, second, "SHA256", false, false, &err);
        assert_int_equal(rc, wanted ? SG_OK : SG_E_PIN_REQUIRED);
        assert_int_equal(fake->logins, wanted ? 2 : 1);
    }
}

/* A reader with a PIN pad takes no PIN from us; one without wants it. */
static void test_pin_pad(void **state)
{
    (void)state;
    _cleanup_(sg_tokens_freep) struct sg_tokens *tokens = NULL;
    struct sg_err err = {0};
    assert_int_equal(open_tokens(&tokens, NULL), SG_OK);
    assert_int_equal(sg_token_login(sg_tokens_get(tokens, 0), NULL, NULL, &err), SG_E_PIN_REQUIRED);
    assert_int_equal(fake->logins, 0);
    fake->token_flags = CKF_PROTECTED_AUTHENTICATION_PATH;
    assert_int_equal(sg_token_login(sg_tokens_get(tokens, 0), NULL, NULL, &err), SG_E_PIN_INCORRECT);
    assert_int_equal(fake->logins, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_pin_states, setup),    cmocka_unit_test_setup(test_refused_pins, setup),
        cmocka_unit_test_setup(test_asked_at_once, setup), cmocka_unit_test_setup(test_other_failures, setup),
        cmocka_unit_test_setup(test_last_try, setup),      cmocka_unit_test_setup(test_to_be_changed, setup),
        cmocka_unit_test_setup(test_removal, setup),       cmocka_unit_test_setup(test_always_authenticate, setup),
        cmocka_unit_test_setup(test_pin_is_wiped, setup),  cmocka_unit_test_setup(test_pin_pad, setup),
    };
    return cmocka_run_group_tests(tests, setup_group, teardown_group);
}
