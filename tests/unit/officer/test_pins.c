#include "fixture.h"

#include "officer/pins.h"

static size_t random_length(size_t wanted, size_t min, size_t max)
{
    _cleanup_(sg_secret_freep) struct sg_secret *pin = NULL;

    assert_done(sg_pin_random(libctx, wanted, min, max, &pin, &err));
    for (size_t i = 0; i < pin->len; i++)
        assert_in_range(pin->bytes[i], '0', '9');
    return pin->len;
}

/* Does the PIN fit the token, and is it as long as we want it where that fits? */
static void fits_the_token(void **state)
{
    (void)state;
    struct sg_secret *pin = NULL;

    assert_int_equal(random_length(8, 4, 255), 8);
    assert_int_equal(random_length(8, 0, 0), 8);
    assert_int_equal(random_length(8, 10, 12), 10);
    assert_int_equal(random_length(8, 4, 6), 6);
    assert_int_equal(random_length(16, 8, 8), 8);
    assert_rc(sg_pin_random(libctx, 8, 1, 3, &pin, &err), SG_E_POLICY);
    assert_rc(sg_pin_random(libctx, 8, 9, 5, &pin, &err), SG_E_POLICY);
    assert_null(pin);
}

/* Is each digit as frequent as the others at each place, and are there always enough different ones? With 20,000 PINs a
 * digit is at a place 2,000 times, give or take 42: a right generator is 8 times that off once in 10^14 runs. */
static void has_no_favourites(void **state)
{
    (void)state;
    enum { PINS = 20000, DIGITS = 8, OFF = 340 };
    static unsigned counts[DIGITS][10];

    for (int n = 0; n < PINS; n++) {
        _cleanup_(sg_secret_freep) struct sg_secret *pin = NULL;
        unsigned seen = 0;
        assert_done(sg_pin_random(libctx, DIGITS, 4, 16, &pin, &err));
        for (size_t i = 0; i < DIGITS; i++) {
            counts[i][pin->bytes[i] - '0']++;
            seen |= 1U << (pin->bytes[i] - '0');
        }
        assert_true(__builtin_popcount(seen) >= 4);
    }
    for (size_t i = 0; i < DIGITS; i++)
        for (size_t digit = 0; digit < 10; digit++)
            assert_in_range(counts[i][digit], PINS / 10 - OFF, PINS / 10 + OFF);
}

/* Of four digits one in a hundred is in steps: none of many may be. */
static void is_never_trivial(void **state)
{
    (void)state;
    for (int n = 0; n < 20000; n++) {
        _cleanup_(sg_secret_freep) struct sg_secret *pin = NULL;
        assert_done(sg_pin_random(libctx, 4, 4, 4, &pin, &err));
        int step = (pin->bytes[1] - pin->bytes[0] + 10) % 10;
        assert_false((pin->bytes[2] - pin->bytes[1] + 10) % 10 == step &&
                     (pin->bytes[3] - pin->bytes[2] + 10) % 10 == step);
    }
}

/* Is a run's transport PIN the same each time, and another run's another? */
static void is_the_runs_own(void **state)
{
    (void)state;
    static const uint8_t one[SG_RUN_NONCE] = {1}, two[SG_RUN_NONCE] = {2};
    _cleanup_(sg_secret_freep) struct sg_secret *first = NULL, *again = NULL, *other = NULL, *longest = NULL;

    assert_done(sg_pin_transport(libctx, one, 4, 255, &first, &err));
    assert_done(sg_pin_transport(libctx, one, 4, 255, &again, &err));
    assert_done(sg_pin_transport(libctx, two, 4, 255, &other, &err));
    assert_done(sg_pin_transport(libctx, two, 200, 255, &longest, &err));
    assert_int_equal(first->len, SG_SO_PIN_DIGITS);
    assert_int_equal(longest->len, 200);
    assert_memory_equal(first->bytes, again->bytes, first->len);
    assert_memory_not_equal(first->bytes, other->bytes, first->len);
    assert_memory_not_equal(longest->bytes, longest->bytes + 31, 31); /* it does not repeat */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fits_the_token),
        cmocka_unit_test(has_no_favourites),
        cmocka_unit_test(is_never_trivial),
        cmocka_unit_test(is_the_runs_own),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
