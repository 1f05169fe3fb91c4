/* RFC 7512 URIs: what is taken, and what is refused with a reason. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "pkcs11/uri.h"

/* Are the URIs that other programs print taken? */
static void test_taken(void **state)
{
    (void)state;
    static const char *const good[] = {
        "pkcs11:",
        "pkcs11:token=Card%20One;id=%01",
        "pkcs11:model=SoftHSM%20v2;manufacturer=SoftHSM%20project;serial=0123456789abcdef;token=t;id=%A1%b2",
        "pkcs11:object=k;type=cert",
        "pkcs11:slot-id=3",
        "pkcs11:library-manufacturer=SoftHSM;library-version=2.6",
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct sg_err err = {0};
        if (sg_uri_check(good[i], &err) != SG_OK)
            fail_msg("%s: %s", good[i], err.text);
    }
}

/* Is everything refused that is malformed, or that would have to be ignored? */
static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *uri, *says;
    } bad[] = {
        {"", "pkcs11:"},
        {"file:/etc/passwd", "pkcs11:"},
        {"PKCS11:token=a", "pkcs11:"},
        {"pkcs11:token", "no value"},
        {"pkcs11:token=a;token=b", "twice"},
        {"pkcs11:colour=red", "colour"},
        {"pkcs11:token=a?pin-value=secret1", "pin-value"},
        {"pkcs11:pin-value=secret1", "pin-value"},
        {"pkcs11:token=a?module-path=/x.so", "--module"},
        {"pkcs11:token=a?module-name=x", "--module"},
        {"pkcs11:token=a?x-vendor=1", "x-vendor"},
        {"pkcs11:id=%0", "malformed"},
        {"pkcs11:id=%zz", "malformed"},
        {"pkcs11:id=", "id"},
        {"pkcs11:type=secret-key", "type"},
        {"pkcs11:type=nonsense", "understood"},
        {"pkcs11:token=a b", "encoded"},
        {"pkcs11:token=a\n;id=%01", "encoded"},
        {"pkcs11:token=\xc3\xa9", "encoded"},
        {"pkcs11:slot-id=x", NULL},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct sg_err err = {0};
        if (sg_uri_check(bad[i].uri, &err) != SG_E_USAGE)
            fail_msg("taken: %s", bad[i].uri);
        if (bad[i].says && !strstr(err.text, bad[i].says))
            fail_msg("%s: %s", bad[i].uri, err.text);
        assert_null(strstr(err.text, "secret1"));
        assert_null(strstr(err.cause, "secret1"));
    }
}

/* Is the limit on the length kept to the character? */
static void test_length(void **state)
{
    (void)state;
    char *uri = malloc(SG_MAX_URI + 2);
    assert_non_null(uri);
    memset(uri, 'a', SG_MAX_URI + 1);
    memcpy(uri, "pkcs11:object=", 14);
    uri[SG_MAX_URI] = '\0';
    assert_int_equal(sg_uri_check(uri, NULL), SG_OK);
    uri[SG_MAX_URI] = 'a';
    uri[SG_MAX_URI + 1] = '\0';
    assert_int_equal(sg_uri_check(uri, NULL), SG_E_USAGE);
    free(uri);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_taken),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
