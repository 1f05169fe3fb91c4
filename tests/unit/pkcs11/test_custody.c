/* Custody: which attributes and rules lead to which basis, and what a refusal says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "pkcs11/custody.h"

#define SPKI "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static const struct sg_key_attributes made_on_token = {.sensitive = SG_YES,
                                                       .extractable = SG_NO,
                                                       .always_sensitive = SG_YES,
                                                       .never_extractable = SG_YES,
                                                       .local = SG_YES};
static const struct sg_key_attributes imported = {
    .sensitive = SG_YES, .extractable = SG_NO, .always_sensitive = SG_NO, .never_extractable = SG_NO, .local = SG_NO};
static const struct sg_key_attributes not_sensitive = {.sensitive = SG_NO, .extractable = SG_NO};
static const struct sg_key_attributes extractable = {.sensitive = SG_YES, .extractable = SG_YES};
static const struct sg_key_attributes silent = {.sensitive = SG_UNKNOWN};

static enum sg_rc require(const struct sg_key_attributes *attributes, struct sg_custody_rules rules,
                          enum sg_custody_basis *ret, struct sg_err *err)
{
    const struct sg_token_info token = {.label = "card"};
    const struct sg_key_info key = {.token = &token, .label = "k", .attributes = *attributes};
    return sg_custody_require(&key, SPKI, &rules, ret, err);
}

/* Does each case get its basis, with and without the rules that change it? */
static void test_basis(void **state)
{
    (void)state;
    static const struct {
        const struct sg_key_attributes *attributes;
        struct sg_custody_rules rules;
        enum sg_rc rc;
        enum sg_custody_basis basis;
    } cases[] = {
        {&made_on_token, {0}, SG_OK, SG_CUSTODY_REPORTED},
        {&made_on_token, {.strict = true}, SG_OK, SG_CUSTODY_REPORTED},
        {&made_on_token, {.generated_here = true}, SG_OK, SG_CUSTODY_GENERATED},
        {&made_on_token, {.allowed = true}, SG_OK, SG_CUSTODY_REPORTED},
        {&imported, {0}, SG_OK, SG_CUSTODY_HELD},
        {&imported, {.generated_here = true}, SG_OK, SG_CUSTODY_HELD},
        {&imported, {.strict = true}, SG_E_POLICY, 0},
        {&not_sensitive, {0}, SG_OK, SG_CUSTODY_HELD},
        {&not_sensitive, {.generated_here = true}, SG_OK, SG_CUSTODY_HELD},
        {&extractable, {0}, SG_E_CUSTODY, 0},
        {&extractable, {.generated_here = true}, SG_E_CUSTODY, 0},
        {&extractable, {.allowed = true}, SG_OK, SG_CUSTODY_ALLOWED},
        {&extractable, {.allowed = true, .strict = true}, SG_E_POLICY, 0},
        {&extractable, {.strict = true}, SG_E_CUSTODY, 0},
        {&silent, {0}, SG_E_CUSTODY, 0},
        {&silent, {.allowed = true}, SG_OK, SG_CUSTODY_ALLOWED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        enum sg_custody_basis basis = SG_CUSTODY_REFUSED;
        struct sg_err err = {0};
        if (require(cases[i].attributes, cases[i].rules, &basis, &err) != cases[i].rc)
            fail_msg("case %zu: %s", i, err.text);
        if (cases[i].rc == SG_OK)
            assert_int_equal(basis, cases[i].basis);
        else
            assert_int_equal(basis, SG_CUSTODY_REFUSED); /* untouched */
    }
}

/* Is the line for the configuration printed where it helps, and only there? */
static void test_allow_key_line(void **state)
{
    (void)state;
    enum sg_custody_basis basis;
    struct sg_err err = {0};
    assert_int_equal(require(&extractable, (struct sg_custody_rules){0}, &basis, &err), SG_E_CUSTODY);
    assert_non_null(strstr(err.text, "allow-key = " SPKI));
    assert_string_equal(err.token, "card");
    assert_int_equal(require(&extractable, (struct sg_custody_rules){.strict = true}, &basis, &err), SG_E_CUSTODY);
    assert_null(strstr(err.text, SPKI));
    assert_int_equal(require(&imported, (struct sg_custody_rules){.strict = true}, &basis, &err), SG_E_POLICY);
    assert_null(strstr(err.text, SPKI));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_basis),
        cmocka_unit_test(test_allow_key_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
