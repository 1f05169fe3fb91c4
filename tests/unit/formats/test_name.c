#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/crypto.h"
#include "formats/name.h"

/* Is a name read as what is written back, order, escapes and all? */
static void reads_names(void **state)
{
    (void)state;
    static const struct {
        const char *text, *back;
    } cases[] = {
        {"CN=Ada Lovelace,O=Example,C=GB", "CN=Ada Lovelace,O=Example,C=GB"},
        {"cn = Ada , o = Example", NULL},
        {"CN=Ada, O=Example", "CN=Ada,O=Example"},
        {"CN=J\xc3\xbcrgen\\2C Dr.", "CN=J\xc3\xbcrgen\\, Dr."},
        {"CN=a\\,b\\+c\\\\d", "CN=a\\,b\\+c\\\\d"},
        {"CN=J\\C3\\BCrgen", "CN=J\xc3\xbcrgen"},
        {"CN=Ada+UID=7,DC=example,DC=org", "UID=7+CN=Ada,DC=example,DC=org"}, /* a set */
        {"2.5.4.3=Ada", "CN=Ada"},
        {"CN=\\ Ada\\ ", "CN=\\ Ada\\ "},
        {"CN=a=b", "CN=a=b"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        _cleanup_(X509_NAME_freep) X509_NAME *name = NULL;
        _cleanup_(freep) char *back = NULL;
        enum sg_rc rc = sg_name_parse(cases[i].text, &name, NULL);
        assert_int_equal(rc, cases[i].back ? SG_OK : SG_E_MALFORMED);
        if (!cases[i].back)
            continue;
        assert_int_equal(sg_name_text(name, &back, NULL), SG_OK);
        assert_string_equal(back, cases[i].back);
    }
}

static void refuses_names(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "",         "Ada",       "CN",        "CN=",           "CN=Ada,",  "CN=Ada,,C=GB", ",CN=Ada",
        "=Ada",     "XX=Ada",    "CN=a\\",    "CN=a\\4",       "CN=a\\zz", "CN=\"Ada\"",   "CN=a;b",
        "CN=#0401", "CN=<Ada>",  "C=GBR",     "C=G",           "CN=Ada+",  "+CN=Ada",      "CN=\xff",
        "1.2..3=a", "CN= ,C=GB", "/CN=Ada/C", "CN=\\FF\\FE\\", "9.9.9=a",  "CN=Ada,O=",    "C=\xc3\xbc\xc3\xb6",
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        X509_NAME *name = NULL;
        struct sg_err err = {0};
        if (sg_name_parse(cases[i], &name, &err) != SG_E_MALFORMED)
            fail_msg("accepted: %s", cases[i]);
        assert_true(err.text[0]);
        assert_null(name);
    }
}

static void knows_addresses(void **state)
{
    (void)state;
    static const char *const good[] = {"ada@example.org", "a.b+c@x-y.example", "o'neil@localhost", "1@2.example"};
    static const char *const bad[] = {
        "",         "ada",      "@example.org", "ada@",      "a@b@c",           "ada@.org",     "ada@example.",
        ".a@b.org", "a.@b.org", "a..b@c.org",   "a b@c.org", "a@b c.org",       "a@[10.0.0.1]", "\"a\"@b.org",
        "a@-b.org", "a@b.org-", "a@b,org",      "a\n@b.org", "J\xc3\xbc@b.org", "a@b..org",     "<a@b.org>",
    };
    char longest[300];

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_true(sg_email_is_plain(good[i]));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (sg_email_is_plain(bad[i]))
            fail_msg("accepted: %s", bad[i]);
    memset(longest, 'a', 64);
    (void)snprintf(longest + 64, sizeof(longest) - 64, "@example.org");
    assert_true(sg_email_is_plain(longest));
    memset(longest, 'a', 65);
    (void)snprintf(longest + 65, sizeof(longest) - 65, "@example.org");
    assert_false(sg_email_is_plain(longest));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_names),
        cmocka_unit_test(refuses_names),
        cmocka_unit_test(knows_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
