/* The store at a glance: is what waits counted by what it waits for and why, and is nothing counted that is done? */
#include "fixture.h"

#include "store/overview.h"

static int64_t queue(struct sg_store *store, const char *input)
{
    static const char *const TARGETS[] = {"archive", "second"};
    static const struct sg_version VERSIONS[] = {
        {.level = "B-B", .sha256 = "1111111111111111111111111111111111111111111111111111111111111111", .size = 3}};
    const struct sg_document document = document_named(input);
    const struct sg_outbox_request request = {
        .versions = VERSIONS, .version_count = 1, .timestamp = true, .targets = TARGETS, .target_count = 2};
    int64_t number = 0;

    assert_done(sg_store_begin(store, &err));
    assert_done(sg_store_document_add(store, &document, &err));
    assert_done(sg_outbox_add(store, &request, &number, &err));
    assert_done(sg_store_commit(store, &err));
    return number;
}

struct seen {
    char text[1024];
};

static enum sg_rc see_waiting(void *context, const struct sg_waiting *waiting, struct sg_err *err)
{
    struct seen *seen = context;
    size_t used = strlen(seen->text);

    (void)err;
    (void)snprintf(seen->text + used, sizeof(seen->text) - used, "%d:%s:%s:%lld:%lld:%lld:%s ", (int)waiting->kind,
                   waiting->target, waiting->code, (long long)waiting->count, (long long)(waiting->since - 1700000000),
                   (long long)(waiting->next - 1700000000), waiting->text);
    return SG_OK;
}

static void assert_waiting(struct sg_store *store, const char *text)
{
    struct seen seen = {""};

    assert_done(sg_overview_waiting(store, see_waiting, &seen, &err));
    assert_string_equal(seen.text, text);
}

static struct sg_overview overview_of(struct sg_store *store)
{
    struct sg_overview overview = {0};

    assert_done(sg_overview_read(store, &overview, &err));
    return overview;
}

/* Is an empty store nothing at all? */
static void test_empty(void **state)
{
    struct fixture *f = *state;
    _cleanup_(sg_store_freep) struct sg_store *store = open_store(f);
    struct sg_overview overview = overview_of(store), none = {0};

    assert_memory_equal(&overview, &none, sizeof(none));
    assert_waiting(store, "");
}

/* Does each step count where it belongs, with the earliest times of its group? */
static void test_waiting(void **state)
{
    struct fixture *f = *state;
    _cleanup_(sg_store_freep) struct sg_store *store = open_store(f);
    struct sg_err why;
    int64_t dropped = 0;

    int64_t first = queue(store, "/one");
    f->now += 10;
    (void)queue(store, "/two");
    assert_waiting(store, "1:::2:0:0: 2:archive::2:0:0: 2:second::2:0:0: ");
    struct sg_overview overview = overview_of(store);
    assert_int_equal(overview.open, 2);
    assert_int_equal(overview.unplaced, 2);
    assert_int_equal(overview.ledger_last, 2);
    assert_int_equal(overview.ledger_witnessed, 0);

    (void)sg_fail(&why, SG_E_TLS, "The name \xff is wrong.");
    assert_done(sg_step_failed(store,
                               ask(f, "SELECT id FROM step WHERE kind = 2 AND target = 'archive' AND document = 1"),
                               &why, f->now + 60, &err));
    assert_waiting(store,
                   "1:::2:0:0: 2:archive::1:10:10: 2:archive:tls:1:0:70:The name \xff is wrong. 2:second::2:0:0: ");

    /* Dropped, done: it is not waited for any more. */
    assert_done(sg_outbox_drop(store, first, NULL, "for no reason", &dropped, &err));
    assert_int_equal(dropped, 3);
    assert_waiting(store, "1:::1:10:10: 2:archive::1:10:10: 2:second::1:10:10: ");
    overview = overview_of(store);
    assert_int_equal(overview.dropped, 3);
    assert_int_equal(overview.open, 1);
}

static enum sg_rc see_document(void *context, const struct sg_outbox_document *document, struct sg_err *err)
{
    struct seen *seen = context;
    size_t used = strlen(seen->text);

    (void)err;
    (void)snprintf(seen->text + used, sizeof(seen->text) - used, "%lld:%d ", (long long)document->document,
                   (int)document->output_state);
    return SG_OK;
}

/* Are documents whose file is not in its place counted and told, the newest first, and those in place not? */
static void test_apart(void **state)
{
    struct fixture *f = *state;
    _cleanup_(sg_store_freep) struct sg_store *store = open_store(f);
    struct seen seen = {""};

    for (int i = 0; i < 4; i++)
        (void)queue(store, "/x");
    assert_done(sg_outbox_placed(store, 1, SG_OUTPUT_CURRENT, &err));
    assert_done(sg_outbox_placed(store, 2, SG_OUTPUT_MOVED, &err));
    assert_done(sg_outbox_placed(store, 3, SG_OUTPUT_CHANGED, &err));
    struct sg_overview overview = overview_of(store);
    assert_int_equal(overview.moved, 1);
    assert_int_equal(overview.changed, 1);
    assert_int_equal(overview.unplaced, 1);
    assert_done(sg_overview_apart(store, 10, see_document, &seen, &err));
    assert_string_equal(seen.text, "3:2 2:1 ");
    seen = (struct seen){""};
    assert_done(sg_overview_apart(store, 1, see_document, &seen, &err));
    assert_string_equal(seen.text, "3:2 ");
}

static enum sg_rc see_failure(void *context, const struct sg_witness_failure *failure, struct sg_err *err)
{
    struct seen *seen = context;
    size_t used = strlen(seen->text);

    (void)err;
    (void)snprintf(seen->text + used, sizeof(seen->text) - used, "%d:%s:%s:%s:%lld ", (int)failure->kind, failure->name,
                   failure->code, failure->text, (long long)(failure->since - 1700000000));
    return SG_OK;
}

/* Does the ledger say how far it is witnessed, and why no further; and what it says of the clock? */
static void test_ledger(void **state)
{
    struct fixture *f = *state;
    _cleanup_(sg_store_freep) struct sg_store *store = open_store(f);
    struct sg_statement statement;
    struct seen seen = {""};
    struct sg_err why;
    bool any = false;

    assert_done(
        sg_ledger_append(store, &(struct sg_ledger_entry){"clock-differs", "", "", "", "/x", "By an hour."}, &err));
    assert_done(sg_ledger_append(store, &(struct sg_ledger_entry){"sign", "", "", "", "/x", ""}, &err));
    assert_done(sg_witness_begin(store, &statement, &any, &err));
    const struct sg_witness witness = {
        .statement = statement, .kind = SG_WITNESS_TARGET, .name = "archive", .url = "https://a.example/x", .time = 1};
    assert_done(sg_witness_add(store, &witness, &err));
    (void)sg_fail(&why, SG_E_NETWORK, "It is out of reach.");
    assert_done(sg_witness_failed(store, SG_WITNESS_TSA, "main", &why, &err));
    f->now += 60;
    assert_done(sg_witness_failed(store, SG_WITNESS_TSA, "main", &why, &err));
    struct sg_overview overview = overview_of(store);
    assert_int_equal(overview.late, 1);
    assert_int_equal(overview.late_entry, 1);
    assert_int_equal(overview.clock_differs, 0);
    assert_int_equal(overview.clock_entry, 0);
    assert_int_equal(overview.ledger_last, 3);
    assert_int_equal(overview.ledger_witnessed, 2);
    assert_done(sg_overview_witness_failures(store, see_failure, &seen, &err));
    assert_string_equal(seen.text, "1::network:It is out of reach.:0 ");
}

/* Is every wrong clock counted, and is one that was wrong told from one that is? */
static void test_clock(void **state)
{
    struct fixture *f = *state;
    _cleanup_(sg_store_freep) struct sg_store *store = open_store(f);
    static const char *const events[] = {"clock-right", "clock-ahead", "clock-wrong", "clock-ahead", "clock-right"};
    static const int64_t last[] = {0, 2, 3, 4, 4}, count[] = {0, 1, 2, 3, 3};

    for (int i = 0; i < 5; i++) {
        assert_done(sg_ledger_append(store, &(struct sg_ledger_entry){events[i], "", "", "", "", "By an hour."}, &err));
        struct sg_overview overview = overview_of(store);
        assert_int_equal(overview.clock_entry, last[i]);
        assert_int_equal(overview.clock_differs, count[i]);
        assert_int_equal(overview.clock_wrong, i == 2 || i == 3);
        assert_int_equal(overview.late, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(test_empty),  fixture_test(test_waiting), fixture_test(test_apart),
        fixture_test(test_ledger), fixture_test(test_clock),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
