#include "scratch.h"

#include "base/config.h"
#include "base/limits.h"

#define DIGEST_A "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define DIGEST_B "ff112233445566778899AABBCCDDEEFF00112233445566778899aabbccddeeff"

/* Loads texts as the three files; NULL: no such file. */
static enum sg_rc load(struct scratch *scratch, const char *system, const char *user, const char *policy,
                       struct sg_config **ret, struct sg_err *err)
{
    char paths[3][128];
    const char *texts[] = {system, user, policy}, *names[] = {"system.conf", "signet.conf", "policy.conf"};
    for (size_t i = 0; i < 3; i++) {
        (void)snprintf(paths[i], sizeof(paths[i]), "%s", scratch_path(scratch, names[i]));
        (void)unlink(paths[i]);
        if (texts[i])
            scratch_write(scratch, names[i], texts[i], strlen(texts[i]));
    }
    const struct sg_config_files files = {.system = paths[0], .user = paths[1], .policy = paths[2]};
    return sg_config_load(&files, ret, err);
}

/* Without any file: is every key what it is built in to be? */
static void defaults(void **state)
{
    struct scratch *scratch = *state;
    _cleanup_(sg_config_freep) struct sg_config *config = NULL, *none = NULL;
    struct sg_err err;
    assert_ok(load(scratch, NULL, NULL, NULL, &config, &err));
    assert_string_equal(sg_config_text(config, SG_KEY_SIGN_KEY), "");
    assert_string_equal(sg_config_text(config, SG_KEY_SIGN_CONFIRM), "auto");
    assert_string_equal(sg_config_text(config, SG_KEY_TOKEN_MODULES), "");
    assert_int_equal(sg_config_count(config, SG_KEY_TOKEN_MODULES), 0);
    assert_string_equal(sg_config_text(config, SG_KEY_TOKEN_ISOLATION), "process");
    assert_string_equal(sg_config_text(config, SG_KEY_VERIFY_REVOCATION), "hard");
    assert_int_equal(sg_config_seconds(config, SG_KEY_VERIFY_STALE), 7 * 86400);
    assert_string_equal(sg_config_text(config, SG_KEY_POLICY_CUSTODY), "held");
    assert_string_equal(sg_config_text(config, SG_KEY_POLICY_CLOCK), "warn");
    for (int key = 0; key < SG_KEY_COUNT; key++) {
        assert_int_equal(sg_config_origin(config, (enum sg_key)key), SG_ORIGIN_BUILT_IN);
        assert_string_equal(sg_config_where(config, (enum sg_key)key), "");
    }
    assert_ok(sg_config_apply_policy(config, &err));
    assert_ok(sg_config_load(&(struct sg_config_files){0}, &none, &err));
}

/* Is each stronger origin preferred, whatever the order of the calls, and is the origin told? */
static void stronger_origins_win(void **state)
{
    struct scratch *scratch = *state;
    _cleanup_(sg_config_freep) struct sg_config *config = NULL;
    struct sg_err err;
    assert_ok(load(scratch, "[verify]\nrevocation = none\nstale=1d\n[sign]\nkey=pkcs11:token=S\n",
                   "; mine\n\n[verify]\n  revocation : soft ; for now\n", "[policy]\ncustody = strict\n", &config,
                   &err));
    assert_string_equal(sg_config_text(config, SG_KEY_SIGN_KEY), "pkcs11:token=S");
    assert_int_equal(sg_config_origin(config, SG_KEY_SIGN_KEY), SG_ORIGIN_SYSTEM);
    assert_int_equal(sg_config_seconds(config, SG_KEY_VERIFY_STALE), 86400);
    assert_string_equal(sg_config_text(config, SG_KEY_VERIFY_REVOCATION), "soft");
    assert_int_equal(sg_config_origin(config, SG_KEY_VERIFY_REVOCATION), SG_ORIGIN_USER);
    assert_non_null(strstr(sg_config_where(config, SG_KEY_VERIFY_REVOCATION), "/signet.conf:4"));
    assert_string_equal(sg_config_text(config, SG_KEY_POLICY_CUSTODY), "strict");
    assert_int_equal(sg_config_origin(config, SG_KEY_POLICY_CUSTODY), SG_ORIGIN_POLICY);

    assert_ok(sg_config_set(config, SG_KEY_VERIFY_REVOCATION, "hard", SG_ORIGIN_OPTION, "--revocation", &err));
    assert_ok(sg_config_set(config, SG_KEY_VERIFY_REVOCATION, "none", SG_ORIGIN_ENVIRONMENT, "SIGNET_X", &err));
    assert_string_equal(sg_config_text(config, SG_KEY_VERIFY_REVOCATION), "hard");
    assert_string_equal(sg_config_where(config, SG_KEY_VERIFY_REVOCATION), "--revocation");
    assert_int_equal(sg_config_set(config, SG_KEY_VERIFY_REVOCATION, "maybe", SG_ORIGIN_OPTION, "--revocation", &err),
                     SG_E_USAGE);
    assert_non_null(strstr(err.text, "--revocation"));
    assert_non_null(strstr(err.text, "none, soft or hard"));
    assert_int_equal(sg_config_set(config, SG_KEY_VERIFY_STALE, "x", SG_ORIGIN_ENVIRONMENT, "SIGNET_X", &err),
                     SG_E_CONFIG);
    assert_string_equal(sg_config_text(config, SG_KEY_VERIFY_REVOCATION), "hard");
    /* Only the policy's file sets the policy. */
    assert_int_equal(sg_config_set(config, SG_KEY_POLICY_CUSTODY, "held", SG_ORIGIN_OPTION, "--custody", &err),
                     SG_E_CONFIG);
    assert_string_equal(sg_config_text(config, SG_KEY_POLICY_CUSTODY), "strict");
}

/* Does a list gather its lines, and does a stronger origin start it anew, also with nothing? */
static void lists(void **state)
{
    struct scratch *scratch = *state;
    _cleanup_(sg_config_freep) struct sg_config *config = NULL, *emptied = NULL;
    struct sg_err err;
    const char *system =
        "[token]\nmodules = /lib/a.so\nmodules = /lib/b.so\nallow-key = " DIGEST_A "\nallow-key = " DIGEST_B "\n";
    assert_ok(load(scratch, system, NULL, NULL, &config, &err));
    assert_int_equal(sg_config_count(config, SG_KEY_TOKEN_MODULES), 2);
    assert_string_equal(sg_config_item(config, SG_KEY_TOKEN_MODULES, 0), "/lib/a.so");
    assert_string_equal(sg_config_item(config, SG_KEY_TOKEN_MODULES, 1), "/lib/b.so");
    assert_string_equal(sg_config_text(config, SG_KEY_TOKEN_MODULES), "/lib/a.so");
    assert_int_equal(sg_config_count(config, SG_KEY_TOKEN_ALLOW_KEY), 2);
    assert_non_null(strstr(sg_config_item(config, SG_KEY_TOKEN_ALLOW_KEY, 1), "8899aabbccddeeff"));
    assert_ok(sg_config_set(config, SG_KEY_TOKEN_MODULES, "x.so", SG_ORIGIN_OPTION, "--module", &err));
    assert_ok(sg_config_set(config, SG_KEY_TOKEN_MODULES, "y.so", SG_ORIGIN_OPTION, "--module", &err));
    assert_int_equal(sg_config_count(config, SG_KEY_TOKEN_MODULES), 2);
    assert_string_equal(sg_config_item(config, SG_KEY_TOKEN_MODULES, 1), "y.so");

    assert_ok(load(scratch, system, "[token]\nmodules =\n", NULL, &emptied, &err));
    assert_int_equal(sg_config_count(emptied, SG_KEY_TOKEN_MODULES), 0);
    assert_int_equal(sg_config_count(emptied, SG_KEY_TOKEN_ALLOW_KEY), 2);
}

/* Is everything that is not known, repeated or malformed refused, with the file, the line and what is wrong? */
static void refuses_mistakes(void **state)
{
    struct scratch *scratch = *state;
    static const struct {
        const char *text;
        int line;
        const char *says;
    } cases[] = {
        {"key = pkcs11:\n", 1, "before the first"},
        {"[signs]\n", 1, "no section [signs]"},
        {"[Sign]\n", 1, "no section [Sign]"},
        {"[]\n", 1, "no section []"},
        {"\n\n[sign\nkey=\n", 3, "written as [name]"},
        {"[sign] key = x\n", 1, "written as [name]"},
        {"[sign ;]\n", 1, "no section [sign ;]"},
        {"[sign]\n[token]\n[sign]\n", 3, "there twice"},
        {"[sign]\nkeys = x\n", 2, "no key \"keys\""},
        {"[sign]\n = x\n", 2, "no key \"\""},
        {"[sign]\nKey = \n", 2, "no key \"Key\""},
        {"[sign]\nkey\n", 2, "neither"},
        {"[sign]\n\n# x\nkey = pkcs11:a\nkey = pkcs11:a\n", 5, "line 4"},
        {"[sign]\nkey = /dev/null\n", 2, "pkcs11:"},
        {"[sign]\nkey = pkcs11:token=a?pin-value=1234\n", 2, "never part of a URI"},
        {"[sign]\nkey = pkcs11:a\n continued\n", 3, "neither"},
        {"[sign]\nconfirm = yes\n", 2, "never, auto or always"},
        {"[sign]\nconfirm =\n", 2, "never, auto or always"},
        {"[sign]\nconfirm = auto # ask\n", 2, "never, auto or always"},
        {"[verify]\nrevocation = Hard\n", 2, "none, soft or hard"},
        {"[verify]\nstale = soon\n", 2, "duration"},
        {"[verify]\nstale = 99999999999999999999d\n", 2, "duration"},
        {"[token]\nmodules = opensc-pkcs11.so\n", 2, "whole path"},
        {"[token]\nmodules = /a\nmodules = /a\n", 3, "this value already"},
        {"[token]\nallow-key = 0011\n", 2, "64 hex digits"},
        {"[token]\nisolation = maybe\n", 2, "may be none or process"},
        {"[token]\ntimeout = soon\n", 2, "timeout"},
        {"[token]\nsign-timeout = 1s\nsign-timeout = 2s\n", 3, "sign-timeout"},
        {"[policy]\ncustody = held\n", 1, "policy.conf"},
        {"[sign]\nlevel = B\n", 2, "B-B, B-T, B-LT or B-LTA"},
        {"[token]\npinentry = ../x\n", 2, "whole path"},
        {"[backup]\n", 1, "does not serve [backup] yet"},
        {"[sync]\ntimeout = 1s\n[sync]\n", 3, "there twice"},
        {"[sync]\nquorum = many\n", 2, "a number"},
        {"[sync]\nprivate-addresses = perhaps\n", 2, "no or yes"},
        {"[sync]\nproxy = socks://x\n", 2, "neither http:// nor https://"},
        {"[sync]\nca-file = ca.pem\n", 2, "whole path"},
        {"[sync \"x\"]\n", 1, "only one section [sync]"},
        {"[tsa]\n", 1, "needs a name of its own"},
        {"[tsa \"\"]\n", 1, "no section"},
        {"[tsa \"a b\"]\n", 1, "no section"},
        {"[tsa \"a]\n", 1, "no section"},
        {"[tsa \"a\" \"b\"]\n", 1, "no section"},
        {"[tsa \"a\"]\nurl = http://a\n[tsa \"a\"]\n", 3, "there twice"},
        {"[tsa \"a\"]\nurl = http://a\nurl = http://b\n", 3, "line 2"},
        {"[tsa \"a\"]\ntype = put\n", 2, "no key \"type\""},
        {"[tsa \"a\"]\npolicy = one.two\n", 2, "cannot be"},
        {"[target \"a\"]\nurl = ftp://a\n", 2, "neither http:// nor https://"},
        {"[target \"a\"]\nurl = https://1234@a\n", 2, "a user or a password"},
        {"[target \"a\"]\nurl = https:///a\n", 2, "names no server"},
        {"[target \"a\"]\nurl = https://a/#b\n", 2, "does not belong"},
        {"[target \"a\"]\ntype = ftp\n", 2, "put, webdav or s3"},
        {"[synchro]\n", 1, "no section"},
        {"[sign]\nkey = pkcs11:\x1b[2J\n", 2, "cannot be shown"},
        {"[sign]\nkey = pkcs11:\xc2\x9bJ\n", 2, "cannot be shown"},
        {"[sign]\nkey = pkcs11:\xff\n", 2, "cannot be shown"},
        {"[sign]\rkey = \n", 1, "cannot be shown"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct sg_config *config = NULL;
        struct sg_err err;
        char where[256];
        enum sg_rc rc = load(scratch, NULL, cases[i].text, NULL, &config, &err);
        if (rc != SG_E_CONFIG)
            fail_msg("accepted: %s", cases[i].text);
        assert_null(config);
        (void)snprintf(where, sizeof(where), "%s:%d: ", scratch_path(scratch, "signet.conf"), cases[i].line);
        if (strncmp(err.text, where, strlen(where)) != 0 || !strstr(err.text, cases[i].says))
            fail_msg("for \"%s\", not \"%s...%s\" but \"%s\"", cases[i].text, where, cases[i].says, err.text);
        assert_string_equal(err.file, scratch->path);
        assert_null(strstr(err.text, "1234"));
    }
}

/* Are sections with names of their own kept apart, each with what it does not say built in, a stronger file's winning
 * key by key? */
static void keeps_groups_apart(void **state)
{
    struct scratch *scratch = *state;
    _cleanup_(sg_config_freep) struct sg_config *config = NULL;
    struct sg_err err;
    assert_ok(load(scratch, "[target \"a\"]\nurl = https://a/x\nregion = r1\n[target \"b\"]\nurl = http://b\n",
                   "[target \"c\"]\nurl = http://c\n[target \"a\"]\nregion = r2\ntype = s3\n", NULL, &config, &err));
    const struct sg_config *a = sg_config_group(config, "target", 0), *b = sg_config_group(config, "target", 1);
    assert_string_equal(sg_config_group_name(a), "a");
    assert_string_equal(sg_config_text(a, SG_KEY_TARGET_URL), "https://a/x");
    assert_string_equal(sg_config_text(a, SG_KEY_TARGET_REGION), "r2");
    assert_string_equal(sg_config_text(a, SG_KEY_TARGET_TYPE), "s3");
    assert_int_equal(sg_config_origin(a, SG_KEY_TARGET_TYPE), SG_ORIGIN_USER);
    assert_string_equal(sg_config_text(b, SG_KEY_TARGET_TYPE), "put");
    assert_true(sg_config_yes(b, SG_KEY_TARGET_REQUIRED));
    assert_string_equal(sg_config_group_name(sg_config_group(config, "target", 2)), "c");
    assert_null(sg_config_group(config, "target", 3));
    assert_null(sg_config_group(config, "tsa", 0));
}

/* Is a section without its URL refused, whichever files it stands in? */
static void groups_need_a_url(void **state)
{
    struct scratch *scratch = *state;
    _cleanup_(sg_config_freep) struct sg_config *config = NULL;
    struct sg_err err;
    assert_int_equal(load(scratch, NULL, "[tsa \"a\"]\norder = 2\n", NULL, &config, &err), SG_E_CONFIG);
    assert_non_null(strstr(err.text, "[tsa \"a\"] has no \"url\""));
    assert_ok(load(scratch, "[tsa \"a\"]\nurl = http://a\n", "[tsa \"a\"]\norder = 2\n", NULL, &config, &err));
    assert_int_equal(sg_config_number(sg_config_group(config, "tsa", 0), SG_KEY_TSA_ORDER), 2);
}

/* Is a list that nobody may sign refused, whichever files the two stand in? */
static void a_list_needs_its_signer(void **state)
{
    struct scratch *scratch = *state;
    _cleanup_(sg_config_freep) struct sg_config *config = NULL;
    struct sg_err err;
    const char *signer = "[trust]\nlist-signer = 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n";
    assert_int_equal(load(scratch, NULL, "[trust]\nlist = https://a/list\n", NULL, &config, &err), SG_E_CONFIG);
    assert_non_null(strstr(err.text, "needs \"list-signer\""));
    assert_ok(load(scratch, signer, "[trust]\nlist = https://a/list\n", NULL, &config, &err));
}

/* Is a line taken up to the limit, and neither cut nor continued beyond it? */
static void lines_have_a_limit(void **state)
{
    struct scratch *scratch = *state;
    char text[SG_MAX_CONFIG_LINE + 64];
    for (size_t len = 190; len <= SG_MAX_CONFIG_LINE; len += len < 210 ? 1 : len < 4080 ? 387 : 1) {
        _cleanup_(sg_config_freep) struct sg_config *config = NULL;
        struct sg_err err;
        int start = snprintf(text, sizeof(text), "[sign]\n");
        memset(text + start, 'x', len);
        memcpy(text + start, "key = pkcs11:", 13);
        memcpy(text + start + len, "\n[token]\n", 10);
        enum sg_rc rc = load(scratch, NULL, text, NULL, &config, &err);
        assert_int_equal(rc, len <= SG_MAX_CONFIG_LINE - 3 ? SG_OK : SG_E_CONFIG);
        if (rc == SG_OK)
            assert_int_equal(strlen(sg_config_text(config, SG_KEY_SIGN_KEY)), len - 6);
        else
            assert_non_null(strstr(err.text, "signet.conf:2: "));
    }
    /* Comments too: whatever is behind the limit would otherwise be a line of its own. */
    struct sg_config *config = NULL;
    memset(text, '#', sizeof(text));
    memcpy(text + sizeof(text) - 17, "\n[sign]\nkey = \n\n", 17);
    assert_int_equal(load(scratch, NULL, text, NULL, &config, NULL), SG_E_CONFIG);
}

/* Are a NUL, which would hide the rest of its line, and a file over the limit refused? */
static void files_have_limits(void **state)
{
    struct scratch *scratch = *state;
    struct sg_config *config = NULL;
    struct sg_err err;
    char path[128];
    (void)snprintf(path, sizeof(path), "%s", scratch_path(scratch, "signet.conf"));
    const struct sg_config_files files = {.user = path};
    scratch_write(scratch, "signet.conf", "[sign]\nkey = \0 x\n", 17);
    assert_int_equal(sg_config_load(&files, &config, &err), SG_E_CONFIG);
    assert_non_null(strstr(err.text, "signet.conf:2: "));

    size_t len = SG_MAX_CONFIG_FILE + 1;
    _cleanup_(freep) char *large = malloc(len);
    assert_non_null(large);
    memset(large, '\n', len);
    scratch_write(scratch, "signet.conf", large, len);
    assert_int_equal(sg_config_load(&files, &config, &err), SG_E_CONFIG);
    assert_string_equal(err.file, path);
    scratch_write(scratch, "signet.conf", large, len - 1);
    assert_ok(sg_config_load(&files, &config, &err));
    sg_config_free(config);
    config = NULL;

    /* A file that is there and cannot be read is not as none: it may be the one that makes us stricter. */
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(sg_config_load(&files, &config, &err), SG_E_CONFIG);
    assert_string_equal(err.file, path);
    assert_null(config);
}

/* Are files from elsewhere read: CR LF, a byte order mark, no newline at the end? */
static void reads_other_editors(void **state)
{
    struct scratch *scratch = *state;
    _cleanup_(sg_config_freep) struct sg_config *config = NULL;
    struct sg_err err;
    assert_ok(
        load(scratch, NULL, "\xef\xbb\xbf[verify]\r\n\r\n\trevocation\t=\tsoft\r\nstale=3h", NULL, &config, &err));
    assert_string_equal(sg_config_text(config, SG_KEY_VERIFY_REVOCATION), "soft");
    assert_int_equal(sg_config_seconds(config, SG_KEY_VERIFY_STALE), 3 * 3600);
}

/* Does the policy bound what is asked for, from wherever it comes, and say who asked and who refuses? */
static void policy_bounds(void **state)
{
    struct scratch *scratch = *state;
    static const char *const values[] = {"none", "soft", "hard"};
    for (size_t least = 0; least < 3; least++)
        for (size_t asked = 0; asked < 3; asked++) {
            _cleanup_(sg_config_freep) struct sg_config *config = NULL;
            struct sg_err err;
            char policy[64];
            (void)snprintf(policy, sizeof(policy), "[policy]\nmin-revocation = %s\n", values[least]);
            assert_ok(load(scratch, NULL, NULL, policy, &config, &err));
            assert_ok(
                sg_config_set(config, SG_KEY_VERIFY_REVOCATION, values[asked], SG_ORIGIN_OPTION, "--revocation", &err));
            assert_int_equal(sg_config_apply_policy(config, &err), asked < least ? SG_E_POLICY : SG_OK);
            if (asked < least) {
                assert_non_null(strstr(err.text, "--revocation"));
                assert_non_null(strstr(err.text, "policy.conf:2"));
            }
        }
    struct sg_config *config = NULL;
    struct sg_err err;
    assert_int_equal(load(scratch, NULL, NULL, "[verify]\nrevocation = hard\n", &config, &err), SG_E_CONFIG);
    assert_non_null(strstr(err.text, "[policy] alone"));
    assert_int_equal(load(scratch, NULL, NULL, "[policy]\ncustody = none\n", &config, &err), SG_E_CONFIG);
    assert_int_equal(load(scratch, "[policy]\nclock = strict\n", NULL, NULL, &config, &err), SG_E_CONFIG);
}

/* Is a profile's entry judged as one of the user's file? */
static void checks_one_entry(void **state)
{
    (void)state;
    struct sg_err err;
    assert_ok(sg_config_check("verify", "revocation", "soft", &err));
    assert_ok(sg_config_check("token", "modules", "/lib/a.so", &err));
    assert_int_equal(sg_config_check("verify", "revocation", "weak", &err), SG_E_CONFIG);
    assert_int_equal(sg_config_check("token", "modules", "a.so", &err), SG_E_CONFIG);
    assert_int_equal(sg_config_check("verify", "key", "pkcs11:", &err), SG_E_CONFIG);
    assert_ok(sg_config_check("target \"a\"", "type", "s3", &err));
    assert_int_equal(sg_config_check("target", "type", "s3", &err), SG_E_CONFIG);
    assert_int_equal(sg_config_check("sync \"a\"", "quorum", "1", &err), SG_E_CONFIG);
    assert_int_equal(sg_config_check("backup", "keep", "1", &err), SG_E_CONFIG);
    assert_int_equal(sg_config_check("policy", "custody", "held", &err), SG_E_CONFIG);
    assert_int_equal(sg_config_check("sign", "key", "pkcs11:a\nb", &err), SG_E_CONFIG);
    assert_int_equal(sg_config_check("si\x1bgn", "key", "pkcs11:a", &err), SG_E_CONFIG);
    assert_null(strchr(err.text, '\x1b'));
}

/* Has every key and origin a name of its own? */
static void keys_have_names(void **state)
{
    (void)state;
    for (int key = 0; key < SG_KEY_COUNT; key++)
        for (int other = 0; other < key; other++)
            assert_false(strcmp(sg_key_section((enum sg_key)key), sg_key_section((enum sg_key)other)) == 0 &&
                         strcmp(sg_key_name((enum sg_key)key), sg_key_name((enum sg_key)other)) == 0);
    assert_true(sg_key_is_list(SG_KEY_TOKEN_MODULES));
    assert_true(sg_key_is_list(SG_KEY_TOKEN_ALLOW_KEY));
    assert_false(sg_key_is_list(SG_KEY_SIGN_KEY));
    for (int origin = 1; origin <= SG_ORIGIN_POLICY; origin++)
        assert_string_not_equal(sg_origin_text((enum sg_origin)origin), sg_origin_text((enum sg_origin)(origin - 1)));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_make, scratch_remove)
    const struct CMUnitTest tests[] = {
        TEST(defaults),           TEST(stronger_origins_win), TEST(lists),
        TEST(refuses_mistakes),   TEST(keeps_groups_apart),   TEST(groups_need_a_url),
        TEST(refuses_mistakes),   TEST(keeps_groups_apart),   TEST(a_list_needs_its_signer),
        TEST(lines_have_a_limit), TEST(files_have_limits),    TEST(reads_other_editors),
        TEST(policy_bounds),      TEST(checks_one_entry),     TEST(keys_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
