#include "scratch.h"

#include <pwd.h>

#include "base/config.h"

static int clear_environment(void **state)
{
    (void)state;
    return unsetenv("SIGNET_HOME") || unsetenv("XDG_CONFIG_HOME") || unsetenv("XDG_STATE_HOME") ||
           setenv("HOME", "/home/someone", 1);
}

static void assert_paths(const char *config_file, const char *system_file, const char *state)
{
    _cleanup_(sg_paths_clear) struct sg_paths paths = {0};
    struct sg_err err;
    assert_ok(sg_paths_find(&paths, &err));
    assert_string_equal(paths.config_file, config_file);
    if (system_file)
        assert_string_equal(paths.system_file, system_file);
    else
        assert_null(paths.system_file);
    assert_string_equal(paths.policy_file, "/etc/signet/policy.conf");
    assert_string_equal(paths.state, state);
}

/* Are the XDG folders used, with the specification's defaults, and relative ones ignored? */
static void xdg(void **state)
{
    (void)state;
    const char *system_file = "/etc/signet/signet.conf";
    assert_paths("/home/someone/.config/signet/signet.conf", system_file, "/home/someone/.local/state/signet");
    assert_int_equal(setenv("XDG_CONFIG_HOME", "/c", 1), 0);
    assert_paths("/c/signet/signet.conf", system_file, "/home/someone/.local/state/signet");
    assert_int_equal(setenv("XDG_STATE_HOME", "/s", 1), 0);
    assert_paths("/c/signet/signet.conf", system_file, "/s/signet");
    assert_int_equal(setenv("XDG_CONFIG_HOME", "relative", 1), 0);
    assert_int_equal(setenv("XDG_STATE_HOME", "", 1), 0);
    assert_paths("/home/someone/.config/signet/signet.conf", system_file, "/home/someone/.local/state/signet");
}

/* Does SIGNET_HOME put all under one folder but the policy, and leave the system's file unread? */
static void signet_home(void **state)
{
    (void)state;
    assert_int_equal(setenv("XDG_CONFIG_HOME", "/c", 1), 0);
    assert_int_equal(setenv("SIGNET_HOME", "/h", 1), 0);
    assert_paths("/h/signet.conf", NULL, "/h");
    assert_int_equal(setenv("SIGNET_HOME", "", 1), 0);
    assert_paths("/c/signet/signet.conf", "/etc/signet/signet.conf", "/home/someone/.local/state/signet");
}

/* Is the home folder known when HOME is not set, or is nonsense? */
static void without_home(void **state)
{
    (void)state;
    const struct passwd *entry = getpwuid(getuid());
    char config_file[512], state_folder[512];
    assert_non_null(entry);
    (void)snprintf(config_file, sizeof(config_file), "%s/.config/signet/signet.conf", entry->pw_dir);
    (void)snprintf(state_folder, sizeof(state_folder), "%s/.local/state/signet", entry->pw_dir);
    assert_int_equal(unsetenv("HOME"), 0);
    assert_paths(config_file, "/etc/signet/signet.conf", state_folder);
    assert_int_equal(setenv("HOME", "somewhere", 1), 0);
    assert_paths(config_file, "/etc/signet/signet.conf", state_folder);
}

static void assert_runtime(const char *runtime)
{
    _cleanup_(sg_paths_clear) struct sg_paths paths = {0};
    struct sg_err err;
    assert_ok(sg_paths_find(&paths, &err));
    assert_string_equal(paths.runtime, runtime);
}

/* Is the runtime folder in one of the user's own, wherever SIGNET_HOME and TMPDIR point to? */
static void runtime(void **state)
{
    (void)state;
    char own[] = "/tmp/signet-test-XXXXXX", expected[64], by_id[64];
    struct stat st;
    assert_non_null(mkdtemp(own));
    (void)snprintf(expected, sizeof(expected), "%s/signet", own);
    assert_int_equal(setenv("XDG_RUNTIME_DIR", own, 1), 0);
    assert_int_equal(setenv("SIGNET_HOME", "/h", 1), 0);
    assert_int_equal(setenv("TMPDIR", "/t", 1), 0);
    assert_runtime(expected);
    assert_int_equal(rmdir(own), 0); /* one that is not there, or not ours, is as none */
    (void)snprintf(by_id, sizeof(by_id), "/run/user/%u", geteuid());
    bool has_one = stat(by_id, &st) == 0;
    (void)snprintf(expected, sizeof(expected), has_one ? "/run/user/%u/signet" : "/tmp/signet-%u", geteuid());
    assert_runtime(expected);
    assert_int_equal(unsetenv("XDG_RUNTIME_DIR"), 0);
    assert_runtime(expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(xdg, clear_environment),
        cmocka_unit_test_setup(signet_home, clear_environment),
        cmocka_unit_test_setup(without_home, clear_environment),
        cmocka_unit_test_setup(runtime, clear_environment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
