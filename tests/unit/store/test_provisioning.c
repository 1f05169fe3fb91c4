#include "fixture.h"

#include "store/provisioning.h"

static const uint8_t list_a[SG_SHA256_LEN] = {1}, list_b[SG_SHA256_LEN] = {2};

static void claim(struct sg_store *store, const struct sg_provisioning *run, int64_t row, struct sg_making *making)
{
    *making = (struct sg_making){.run = run->id, .row = row};
    assert_done(sg_making_set(making, SG_MAKING_PERSON, "Ada Lovelace <ada@example.org>", &err));
    assert_done(sg_making_set(making, SG_MAKING_LABEL, "Ada", &err));
    assert_done(sg_making_claim(store, making, &err));
}

static int64_t ledger_count(struct sg_store *store)
{
    int64_t count = 0, bad = 0;

    check_ledger(store, &count, &bad);
    assert_int_equal(bad, 0);
    return count;
}

/* Is the same list the same run, with the same nonce, whatever comes between, and another list another? */
static void knows_a_list_again(void **state)
{
    struct fixture *f = *state;
    struct sg_provisioning first, again, other;
    _cleanup_(sg_store_freep) struct sg_store *store = open_store(f);

    assert_done(sg_provisioning_open(store, list_a, "", &first, &err));
    assert_false(first.resumed);
    sg_store_free(store);
    f->now += 3600;
    store = open_store(f);
    assert_done(sg_provisioning_open(store, list_b, "", &other, &err));
    assert_done(sg_provisioning_open(store, list_a, "", &again, &err));
    assert_true(again.resumed);
    assert_int_equal(again.id, first.id);
    assert_int_equal(again.begun, 1700000000);
    assert_memory_equal(again.nonce, first.nonce, SG_RUN_NONCE);
    assert_int_not_equal(other.id, first.id);
    assert_memory_not_equal(other.nonce, first.nonce, SG_RUN_NONCE);
    assert_int_equal(ledger_count(store), 3);
}

/* Is each step, with all that is known by then, there for the next run, and in the ledger? */
static void keeps_each_step(void **state)
{
    struct fixture *f = *state;
    struct sg_provisioning run;
    _cleanup_(sg_making_clear) struct sg_making making = {0};
    _cleanup_(sg_store_freep) struct sg_store *store = open_store(f);

    assert_done(sg_provisioning_open(store, list_a, "", &run, &err));
    claim(store, &run, 7, &making);
    for (int step = SG_MAKING_INITIALISED; step < SG_MAKING_STATES; step++) {
        _cleanup_(sg_makings_freep) struct sg_makings *all = NULL;

        f->now++;
        if (step == SG_MAKING_INITIALISED)
            assert_done(sg_making_set(&making, SG_MAKING_SERIAL, "0123", &err));
        if (step == SG_MAKING_KEY_MADE) {
            making.csr = (uint8_t *)strdup("csr");
            making.csr_len = 3;
        }
        assert_done(sg_making_advance(store, &making, (enum sg_making_state)step, &err));
        assert_int_equal(ledger_count(store), 2 + step);
        sg_store_free(store);
        store = open_store(f);
        assert_done(sg_makings_load(store, &all, &err));
        assert_int_equal(all->run_count, 1);
        assert_int_equal(all->count, 1);
        const struct sg_making *kept = &all->items[0];
        assert_int_equal(kept->state, step);
        assert_int_equal(kept->row, 7);
        assert_int_equal(kept->begun, 1700000000);
        assert_int_equal(kept->changed, f->now);
        assert_false(kept->is_void);
        assert_string_equal(sg_making_text(kept, SG_MAKING_SERIAL), "0123");
        assert_string_equal(sg_making_text(kept, SG_MAKING_LABEL), "Ada");
        assert_string_equal(sg_making_text(kept, SG_MAKING_BASIS), "");
        assert_int_equal(kept->csr_len, step >= SG_MAKING_KEY_MADE ? 3 : 0);
    }
}

/* Has a row one token that counts, and no more, also after a failure and a new start? */
static void voids_the_former(void **state)
{
    struct fixture *f = *state;
    struct sg_provisioning run;
    struct sg_err failure = {.rc = SG_E_TOKEN_FAILED, .text = "It was pulled."};
    _cleanup_(sg_making_clear) struct sg_making first = {0}, second = {0}, other = {0};
    _cleanup_(sg_makings_freep) struct sg_makings *all = NULL;
    _cleanup_(sg_store_freep) struct sg_store *store = open_store(f);

    assert_done(sg_provisioning_open(store, list_a, "", &run, &err));
    claim(store, &run, 1, &first);
    assert_done(sg_making_failed(store, &first, &failure, &err));
    claim(store, &run, 1, &second);
    claim(store, &run, 2, &other);
    assert_done(sg_making_void(store, &other, "The card is broken.", &err));
    assert_int_equal(ledger_count(store), 6);

    assert_done(sg_makings_load(store, &all, &err));
    assert_int_equal(all->count, 3);
    assert_true(all->items[0].is_void);
    assert_false(all->items[1].is_void);
    assert_true(all->items[2].is_void);
    assert_int_equal(all->items[1].id, second.id);
}

/* Is a step of a run that the journal does not have refused, and nothing left of it? */
static void is_one_transaction(void **state)
{
    struct fixture *f = *state;
    struct sg_provisioning nowhere = {.id = 99};
    _cleanup_(sg_making_clear) struct sg_making making = {.run = nowhere.id, .row = 1};
    _cleanup_(sg_store_freep) struct sg_store *store = open_store(f);

    assert_int_not_equal(sg_making_claim(store, &making, NULL), SG_OK);
    assert_int_equal(making.id, 0);
    assert_int_equal(ledger_count(store), 0);
}

/* Does a store from before there was provisioning get its tables, and keep what it has? */
static void comes_to_an_older_store(void **state)
{
    struct fixture *f = *state;
    struct sg_provisioning run;
    _cleanup_(sg_store_freep) struct sg_store *store = open_store(f);

    assert_done(sg_ledger_append(store, &(struct sg_ledger_entry){"sign", "", "", "", "", ""}, &err));
    sg_store_free(store);
    make_older(f);
    store = open_store(f);
    assert_done(sg_provisioning_open(store, list_a, "", &run, &err));
    assert_int_equal(ledger_count(store), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(knows_a_list_again), fixture_test(keeps_each_step),         fixture_test(voids_the_former),
        fixture_test(is_one_transaction), fixture_test(comes_to_an_older_store),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
