/* Where PINs come from: a descriptor, and a terminal that must not show them and is left as it was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pty.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>

#include "base/limits.h"
#include "pkcs11/pin.h"

static int setup(void **state)
{
    (void)state;
    return sg_secrets_init(NULL) == SG_OK ? 0 : -1;
}

/* What a descriptor with these bytes gives, twice in a row. */
static void feed(const void *bytes, size_t len, enum sg_rc want, const char *pin, enum sg_rc want_second,
                 const char *second)
{
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(write(fds[1], bytes, len), len);
    assert_int_equal(close(fds[1]), 0);
    for (int i = 0; i < 2; i++) {
        struct sg_secret *got = NULL;
        struct sg_err err = {0};
        const char *expected = i == 0 ? pin : second;
        assert_int_equal(sg_pin_from_fd(fds[0], &got, &err), i == 0 ? want : want_second);
        if (expected) {
            assert_int_equal(got->len, strlen(expected));
            assert_memory_equal(got->bytes, expected, got->len);
        } else {
            assert_null(got);
        }
        sg_secret_free(got);
    }
    assert_int_equal(close(fds[0]), 0);
}

/* Are a line, a last line without newline, and two PINs in a row read as they should, and empty and long ones refused?
 */
static void test_from_fd(void **state)
{
    (void)state;
    char longest[SG_MAX_PIN + 1], text[SG_MAX_PIN + 3];
    memset(longest, '7', SG_MAX_PIN);
    longest[SG_MAX_PIN] = '\0';
    feed("1234\n5678\n", 10, SG_OK, "1234", SG_OK, "5678");
    feed("1234", 4, SG_OK, "1234", SG_E_PIN_REQUIRED, NULL);
    feed("12 34\r\n", 7, SG_OK, "12 34", SG_E_PIN_REQUIRED, NULL);
    feed("", 0, SG_E_PIN_REQUIRED, NULL, SG_E_PIN_REQUIRED, NULL);
    feed("\n1\n", 3, SG_E_PIN_REQUIRED, NULL, SG_OK, "1");
    feed("12\0 34\n5\n", 9, SG_E_PIN_REQUIRED, NULL, SG_OK, " 34");
    feed(longest, SG_MAX_PIN, SG_OK, longest, SG_E_PIN_REQUIRED, NULL);
    (void)snprintf(text, sizeof text, "%s7\n", longest);
    feed(text, SG_MAX_PIN + 2, SG_E_PIN_REQUIRED, NULL, SG_E_PIN_REQUIRED, NULL);
    assert_int_equal(sg_pin_from_fd(-1, &(struct sg_secret *){NULL}, NULL), SG_E_PIN_REQUIRED);
}

static void on_signal(int number)
{
    (void)number;
}

/* Asks on a terminal of its own in a child; exit code: what came of it. */
static pid_t ask(int *ret_master)
{
    pid_t child = forkpty(ret_master, NULL, NULL, NULL);
    assert_true(child >= 0);
    if (child > 0)
        return child;
    const struct sigaction action = {.sa_handler = on_signal}; /* no SA_RESTART, as the program does it */
    (void)sigaction(SIGINT, &action, NULL);
    struct sg_secret *pin = NULL;
    struct termios after;
    enum sg_rc rc = sg_pin_from_terminal("PIN? ", &pin, NULL);
    bool right = rc == SG_OK && pin->len == 6 && memcmp(pin->bytes, "246810", 6) == 0;
    bool echoes = tcgetattr(0, &after) == 0 && (after.c_lflag & ECHO);
    sg_secret_free(pin);
    _exit(!echoes ? 3 : right ? 0 : rc == SG_E_CANCELLED ? 1 : 2);
}

/* Waits for the prompt, types, and collects all that the terminal showed. */
static int talk(int master, pid_t child, const char *keys, char *shown, size_t room)
{
    size_t len = 0;
    bool typed = false;
    ssize_t got;
    while (len < room - 1 && (got = read(master, shown + len, room - 1 - len)) > 0) {
        len += (size_t)got;
        shown[len] = '\0';
        if (!typed && strstr(shown, "PIN? ")) {
            assert_int_equal(write(master, keys, strlen(keys)), strlen(keys));
            typed = true;
        }
    }
    shown[len] = '\0';
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(close(master), 0);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* Is a PIN that is typed read, not shown, and the echo back afterwards? */
static void test_terminal(void **state)
{
    (void)state;
    int master = -1;
    char shown[256];
    pid_t child = ask(&master);
    assert_int_equal(talk(master, child, "246810\n", shown, sizeof shown), 0);
    assert_null(strstr(shown, "2468"));
}

/* Does Ctrl-C give SG_E_CANCELLED, with the echo back? */
static void test_terminal_interrupted(void **state)
{
    (void)state;
    int master = -1;
    char shown[256];
    pid_t child = ask(&master);
    assert_int_equal(talk(master, child, "24\x03", shown, sizeof shown), 1);
}

/* Without a terminal, is --pin-fd named? */
static void test_no_terminal(void **state)
{
    (void)state;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct sg_secret *pin = NULL;
        struct sg_err err = {0};
        (void)setsid();
        bool ok = sg_pin_from_terminal("PIN? ", &pin, &err) == SG_E_PIN_REQUIRED && strstr(err.text, "--pin-fd");
        _exit(ok ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_from_fd),
        cmocka_unit_test(test_terminal),
        cmocka_unit_test(test_terminal_interrupted),
        cmocka_unit_test(test_no_terminal),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
