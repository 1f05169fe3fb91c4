/* The PIN interlock: does a refusal stop every process, does nothing of it get lost, and is a folder that others can
 * write to not used? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "pkcs11/interlock.h"

static char scratch[] = "/tmp/signet-test-XXXXXX";
static char folder[64], file[96];

#define NAME "serial=1.user"

static int setup_group(void **state)
{
    (void)state;
    if (!mkdtemp(scratch))
        return -1;
    (void)snprintf(folder, sizeof folder, "%s/run", scratch);
    (void)snprintf(file, sizeof file, "%s/" NAME, folder);
    return 0;
}

static int teardown_group(void **state)
{
    (void)state;
    (void)unlink(file);
    return rmdir(folder) == 0 && rmdir(scratch) == 0 ? 0 : -1;
}

static int setup(void **state)
{
    (void)state;
    (void)unlink(file);
    return 0;
}

static struct sg_interlock take(void)
{
    struct sg_interlock lock = {.fd = -1};
    struct sg_err err = {0};
    if (sg_interlock_take(folder, NAME, &lock, &err) != SG_OK)
        fail_msg("%s [%s]", err.text, err.cause);
    return lock;
}

/* What somebody else finds. */
static void assert_known(unsigned refused, bool set)
{
    struct sg_interlock lock = take();
    assert_int_equal(lock.record.refused, refused);
    assert_int_equal(sg_interlock_is_set(&lock), set);
    sg_interlock_release(&lock);
}

/* Marked, taken back, marked and kept, cleared: what does the next one find? */
static void test_states(void **state)
{
    (void)state;
    assert_known(0, false);
    struct sg_interlock lock = take();
    assert_int_equal(sg_interlock_mark(&lock, NULL), SG_OK);
    sg_interlock_take_back(&lock);
    sg_interlock_release(&lock);
    assert_known(0, false);

    for (unsigned i = 1; i <= 2; i++) {
        lock = take();
        assert_int_equal(sg_interlock_mark(&lock, NULL), SG_OK);
        sg_interlock_release(&lock);
        assert_known(i, true);
    }
    lock = take();
    assert_int_equal(lock.record.pid, getpid());
    assert_int_equal(sg_interlock_mark(&lock, NULL), SG_OK);
    sg_interlock_clear(&lock); /* this one was right */
    sg_interlock_release(&lock);
    assert_known(2, false); /* who was asked after the second may still be heard */

    lock = take();
    assert_int_equal(sg_interlock_mark(&lock, NULL), SG_OK);
    sg_interlock_release(&lock);
    assert_int_equal(sg_interlock_clear_named(folder, NAME, NULL), SG_OK);
    assert_known(3, false);
    assert_int_equal(sg_interlock_clear_named(folder, "serial=none.user", NULL), SG_OK);
}

/* Killed between the mark and the token's answer: does the mark stay, and the lock not? */
static void test_killed(void **state)
{
    (void)state;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct sg_interlock lock = {.fd = -1};
        if (sg_interlock_take(folder, NAME, &lock, NULL) != SG_OK || sg_interlock_mark(&lock, NULL) != SG_OK)
            _exit(1);
        (void)raise(SIGKILL);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    assert_known(1, true);
}

/* Of many at once, does each wait for the one before, so that every mark counts? */
static void test_parallel(void **state)
{
    (void)state;
    enum { PROCESSES = 8, MARKS = 20 };
    pid_t children[PROCESSES];
    for (int i = 0; i < PROCESSES; i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        for (int j = 0; children[i] == 0 && j < MARKS; j++) {
            struct sg_interlock lock = {.fd = -1};
            if (sg_interlock_take(folder, NAME, &lock, NULL) != SG_OK || sg_interlock_mark(&lock, NULL) != SG_OK)
                _exit(1);
            sg_interlock_release(&lock);
        }
        if (children[i] == 0)
            _exit(0);
    }
    for (int i = 0; i < PROCESSES; i++) {
        int status = 0;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    assert_known(PROCESSES * MARKS, true);
}

/* Removed while somebody waits for it (a cleaner of /tmp): is the new file the one that counts? */
static void test_removed_meanwhile(void **state)
{
    (void)state;
    int ready[2];
    char byte = 0;
    struct sg_interlock lock = take();
    assert_int_equal(sg_interlock_mark(&lock, NULL), SG_OK);
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        sg_interlock_release(&lock); /* the parent's lock is not ours to hold */
        if (write(ready[1], "", 1) != 1)
            _exit(1);
        struct sg_interlock own = {.fd = -1};
        bool fresh = sg_interlock_take(folder, NAME, &own, NULL) == SG_OK && sg_interlock_mark(&own, NULL) == SG_OK;
        _exit(fresh ? 0 : 1);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(unlink(file), 0);
    sg_interlock_release(&lock);
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_known(1, true);
    (void)close(ready[0]);
    (void)close(ready[1]);
}

/* Is a file that makes no sense taken for a refusal, which a person can clear? */
static void test_nonsense(void **state)
{
    (void)state;
    static const char *const texts[] = {"x", "refused -1 cleared", "\xff\xff\xff\n"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        FILE *out = fopen(file, "w");
        assert_non_null(out);
        (void)fputs(texts[i], out);
        assert_int_equal(fclose(out), 0);
        assert_known(1, true);
        assert_int_equal(sg_interlock_clear_named(folder, NAME, NULL), SG_OK);
        assert_known(1, false);
    }
}

/* Is a folder that others may read or write, or a link to one, refused, and so is a link in place of the file? */
static void test_hostile_folder(void **state)
{
    (void)state;
    static const mode_t modes[] = {0777, 0750, 0701};
    struct sg_interlock lock = {.fd = -1};
    struct sg_err err = {0};
    char link[96];
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        assert_int_equal(chmod(folder, modes[i]), 0);
        assert_int_equal(sg_interlock_take(folder, NAME, &lock, &err), SG_E_CANNOT_CREATE);
        assert_string_equal(err.file, folder);
    }
    assert_int_equal(chmod(folder, 0700), 0);
    (void)snprintf(link, sizeof link, "%s/link", scratch);
    assert_int_equal(symlink(folder, link), 0);
    assert_int_equal(sg_interlock_take(link, NAME, &lock, NULL), SG_E_CANNOT_CREATE);
    assert_int_equal(unlink(link), 0);
    assert_int_equal(symlink("/dev/null", file), 0);
    assert_int_equal(sg_interlock_take(folder, NAME, &lock, NULL), SG_E_CANNOT_CREATE);
    assert_int_equal(unlink(file), 0);
    assert_int_equal(mkfifo(file, 0600), 0);
    assert_int_equal(sg_interlock_take(folder, NAME, &lock, NULL), SG_E_CANNOT_CREATE);
    assert_int_equal(lock.fd, -1);
}

/* Does each token have a name of its own that is one in the folder, whatever it says of itself? */
static void test_names(void **state)
{
    (void)state;
    static const struct {
        const char *serial, *label;
        const char *name;
    } cases[] = {
        {"0123-ab", "x", "serial=0123-ab.so"},
        {"../../etc", "x", "serial=%2e%2e%2f%2e%2e%2fetc.so"},
        {"a b%\xff", "x", "serial=a%20b%25%ff.so"},
        {"", "The label", "label=The%20label,slot=7.so"},
        {"", "", "label=,slot=7.so"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t serial[16], label[32];
        char name[SG_INTERLOCK_NAME];
        memset(serial, ' ', sizeof serial);
        memset(label, i % 2 ? '\0' : ' ', sizeof label);
        memcpy(serial, cases[i].serial, strlen(cases[i].serial));
        memcpy(label, cases[i].label, strlen(cases[i].label));
        sg_interlock_name((struct sg_slice){serial, sizeof serial}, (struct sg_slice){label, sizeof label}, 7,
                          SG_PIN_SO, name);
        assert_string_equal(name, cases[i].name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_states, setup),   cmocka_unit_test_setup(test_killed, setup),
        cmocka_unit_test_setup(test_parallel, setup), cmocka_unit_test_setup(test_removed_meanwhile, setup),
        cmocka_unit_test_setup(test_nonsense, setup), cmocka_unit_test_setup(test_hostile_folder, setup),
        cmocka_unit_test_setup(test_names, setup),
    };
    return cmocka_run_group_tests(tests, setup_group, teardown_group);
}
