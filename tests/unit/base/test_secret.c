#include "scratch.h"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <openssl/crypto.h>

#include "base/limits.h"
#include "base/secret.h"

/* Is a PIN refused a place in ordinary memory when the heap was never set up? */
static void wants_the_heap(void **state)
{
    (void)state;
    struct sg_secret *secret = NULL;
    struct sg_err err;
    assert_int_equal(sg_secret_new(16, &secret, &err), SG_E_INTERNAL);
    assert_null(secret);
}

/* Is too little locked memory an error that names the remedy, and not a silent ordinary heap? */
static void short_of_locked_memory_is_an_error(void **state)
{
    (void)state;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct sg_err err;
        const struct rlimit none = {0};
        /* Root may lock all it wants. */
        if (getuid() == 0 && setuid(65534) < 0)
            _exit(2);
        if (setrlimit(RLIMIT_MEMLOCK, &none) < 0)
            _exit(2);
        _exit(sg_secrets_init(&err) == SG_E_INTERNAL && strstr(err.text, "ulimit -l") ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* Do secrets live in the secure heap, as many as fit, and is a full heap an error? */
static void lives_in_the_secure_heap(void **state)
{
    (void)state;
    struct sg_err err;
    struct rlimit core;
    assert_ok(sg_secrets_init(&err));
    assert_ok(sg_secrets_init(&err)); /* twice does no harm */
    assert_int_equal(getrlimit(RLIMIT_CORE, &core), 0);
    assert_int_equal(core.rlim_max, 0);

    _cleanup_(sg_secret_freep) struct sg_secret *pin = NULL, *large = NULL, *empty = NULL;
    assert_ok(sg_secret_new(SG_MAX_PIN, &pin, &err));
    assert_true(CRYPTO_secure_allocated(pin->bytes));
    assert_int_equal(pin->capacity, SG_MAX_PIN);
    assert_int_equal(pin->len, 0);
    memcpy(pin->bytes, "123456", 6);
    pin->len = 6;
    assert_ok(sg_secret_new(0, &empty, &err));
    assert_int_equal(sg_secret_new(2 * SG_SECURE_HEAP, &large, &err), SG_E_NO_MEMORY);
    assert_null(large);
}

/* Is a freed secret wiped? Its place in the heap, which we may still read, has the PIN no more. */
static void is_wiped(void **state)
{
    (void)state;
    struct sg_err err;
    struct sg_secret *first = NULL;
    assert_ok(sg_secrets_init(&err));
    assert_ok(sg_secret_new(64, &first, &err));
    /* Another one beside it keeps the heap from being given back. */
    _cleanup_(sg_secret_freep) struct sg_secret *second = NULL;
    assert_ok(sg_secret_new(64, &second, &err));
    memcpy(first->bytes, "a PIN that must not stay in memory", 34);
    const volatile uint8_t *place = first->bytes;
    assert_int_equal(place[16], 'n');
    sg_secret_free(first);
    /* The heap keeps two pointers of its own at the start of free memory. */
    for (size_t i = 16; i < 64; i++)
        assert_int_equal(place[i], 0);
    sg_secret_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wants_the_heap),
        cmocka_unit_test(short_of_locked_memory_is_an_error),
        cmocka_unit_test(lives_in_the_secure_heap),
        cmocka_unit_test(is_wiped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
