/* Witnesses of the ledger: is a statement made when there is something to witness and only then, is it always the same
 * bytes, and are other bytes refused? */
#include "fixture.h"

#include "store/witness.h"

static void append(struct sg_store *store, const char *object)
{
    const struct sg_ledger_entry entry = entry_about(object);

    assert_done(sg_ledger_append(store, &entry, &err));
}

static struct sg_statement begin(struct sg_store *store)
{
    struct sg_statement statement = {0};
    bool any = false;

    assert_done(sg_witness_begin(store, &statement, &any, &err));
    assert_true(any);
    return statement;
}

static void add(struct sg_store *store, const struct sg_statement *statement, enum sg_witness_kind kind,
                const char *name, int64_t time)
{
    const struct sg_witness witness = {.statement = *statement,
                                       .kind = kind,
                                       .name = name,
                                       .url = kind == SG_WITNESS_TARGET ? "https://archive.example/x" : "",
                                       .time = time,
                                       .token = {(const uint8_t *)"token", kind == SG_WITNESS_TSA ? 5 : 0}};

    assert_done(sg_witness_add(store, &witness, &err));
}

static void fail_with(struct sg_store *store, enum sg_witness_kind kind, const char *name, enum sg_rc code)
{
    struct sg_err why;

    (void)sg_fail(&why, code, "It could not be had.");
    assert_done(sg_witness_failed(store, kind, name, &why, &err));
}

/* --- statements --------------------------------------------------------------------------------------------------- */

static const struct sg_statement EXAMPLE = {
    .store = "0123456789abcdef0123456789abcdef", .number = 42, .hash = {0xaa, [31] = 0x01}, .time = 1700000000};

#define EXAMPLE_TEXT                                                                                                   \
    "{\"schema\":\"signet.ledger-head/1\",\"store\":\"0123456789abcdef0123456789abcdef\",\"number\":42,"               \
    "\"hash\":\"aa00000000000000000000000000000000000000000000000000000000000001\",\"time\":\"2023-11-14T22:13:20Z\"}"

static struct sg_slice slice_of(const char *text)
{
    return (struct sg_slice){(const uint8_t *)text, strlen(text)};
}

/* Are the bytes those that the format says, and is what is read what was written? */
static void test_statement(void **state)
{
    struct fixture *f = *state;
    _cleanup_(sg_buf_clear) struct sg_buf bytes = SG_BUF(SG_MAX_STATEMENT);
    struct sg_statement again;
    uint8_t sha256[SG_SHA256_LEN], digest[EVP_MAX_MD_SIZE];
    size_t len;

    assert_done(sg_statement_write(&EXAMPLE, &bytes, &err));
    assert_true(sg_slice_equal(sg_buf_slice(&bytes), slice_of(EXAMPLE_TEXT)));
    assert_done(sg_statement_read("x", sg_buf_slice(&bytes), &again, &err));
    assert_memory_equal(&again, &EXAMPLE, sizeof(again));
    assert_done(sg_statement_sha256(&EXAMPLE, f->libctx, sha256, &err));
    assert_done(sg_digest(f->libctx, "SHA256", slice_of(EXAMPLE_TEXT), digest, &len, &err));
    assert_memory_equal(sha256, digest, sizeof(sha256));
}

/* Is everything refused that is not exactly such bytes? */
static void test_statement_refused(void **state)
{
    static const char *const CASES[] = {
        "",
        "{}",
        "\n",
        ("{\"schema\":\"signet.ledger-head/2\",\"store\":\"0123456789abcdef0123456789abcdef\",\"number\":42,"
         "\"hash\":\"aa00000000000000000000000000000000000000000000000000000000000001\",\"time\":\"2023-11-14T22:13:"
         "20Z\"}"),
        ("{\"schema\":\"signet.ledger-head/1\",\"store\":\"0123456789abcdef0123456789abcde\",\"number\":42,"
         "\"hash\":\"aa00000000000000000000000000000000000000000000000000000000000001\",\"time\":\"2023-11-14T22:13:"
         "20Z\"}"),
        ("{\"schema\":\"signet.ledger-head/1\",\"store\":\"0123456789abcdef0123456789abcdef\",\"number\":0,"
         "\"hash\":\"aa00000000000000000000000000000000000000000000000000000000000001\",\"time\":\"2023-11-14T22:13:"
         "20Z\"}"),
        ("{\"schema\":\"signet.ledger-head/1\",\"store\":\"0123456789abcdef0123456789abcdef\",\"number\":042,"
         "\"hash\":\"aa00000000000000000000000000000000000000000000000000000000000001\",\"time\":\"2023-11-14T22:13:"
         "20Z\"}"),
        ("{\"schema\":\"signet.ledger-head/"
         "1\",\"store\":\"0123456789abcdef0123456789abcdef\",\"number\":9999999999999999999,"
         "\"hash\":\"aa00000000000000000000000000000000000000000000000000000000000001\",\"time\":\"2023-11-14T22:13:"
         "20Z\"}"),
        ("{\"schema\":\"signet.ledger-head/1\",\"store\":\"0123456789abcdef0123456789abcdef\",\"number\":42,"
         "\"hash\":\"aa000000000000000000000000000000000000000000000000000000000001\",\"time\":\"2023-11-14T22:13:"
         "20Z\"}"),
        ("{\"schema\":\"signet.ledger-head/1\",\"store\":\"0123456789abcdef0123456789abcdef\",\"number\":42,"
         "\"hash\":\"aa00000000000000000000000000000000000000000000000000000000000001\",\"time\":\"2023-11-34T22:13:"
         "20Z\"}"),
        ("{\"schema\":\"signet.ledger-head/1\",\"store\":\"0123456789abcdef0123456789abcdef\",\"number\":42,"
         "\"hash\":\"aa00000000000000000000000000000000000000000000000000000000000001\",\"time\":\"2023-11-14\"}"),
    };
    struct sg_statement statement;

    (void)state;
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++)
        assert_rc(sg_statement_read("x", slice_of(CASES[i]), &statement, &err), SG_E_MALFORMED);
    /* Any byte changed is another statement or none. */
    for (size_t i = 0; i < strlen(EXAMPLE_TEXT); i++) {
        char text[] = EXAMPLE_TEXT;
        text[i] = (char)(text[i] ^ 1);
        if (sg_statement_read("x", slice_of(text), &statement, NULL) == SG_OK)
            assert_memory_not_equal(&statement, &EXAMPLE, sizeof(statement));
    }
    assert_rc(sg_statement_read("x", (struct sg_slice){(const uint8_t *)EXAMPLE_TEXT, strlen(EXAMPLE_TEXT) - 1},
                                &statement, &err),
              SG_E_MALFORMED);
}

/* --- in the store ------------------------------------------------------------------------------------------------- */

/* Is the store's id its own and the same each time it is opened? */
static void test_id(void **state)
{
    struct fixture *f = *state;
    char one[SG_STORE_ID], two[SG_STORE_ID];
    void *other = NULL;

    for (int i = 0; i < 2; i++) {
        _cleanup_(sg_store_freep) struct sg_store *store = open_store(f);
        assert_done(sg_store_id(store, i == 0 ? one : two, &err));
    }
    assert_string_equal(one, two);
    (void)fixture_setup(&other);
    {
        _cleanup_(sg_store_freep) struct sg_store *store = open_store(other);
        assert_done(sg_store_id(store, two, &err));
    }
    (void)fixture_teardown(&other);
    assert_string_not_equal(one, two);
}

/* Is a statement made once for what there is, whoever asks how often, and a new one when there is more? */
static void test_begin(void **state)
{
    struct fixture *f = *state;
    _cleanup_(sg_store_freep) struct sg_store *store = open_store(f);
    struct sg_statement statement;
    bool any = true;

    assert_done(sg_witness_begin(store, &statement, &any, &err));
    assert_false(any);
    append(store, "1");
    append(store, "2");
    struct sg_statement first = begin(store);
    assert_int_equal(first.number, 2);
    assert_int_equal(first.time, f->now);
    assert_int_equal(ask(f, "SELECT statement.hash = ledger.hash FROM statement JOIN ledger USING (number)"), 1);
    f->now += 100;
    struct sg_statement again = begin(store);
    assert_memory_equal(&again, &first, sizeof(first));

    /* That nobody witnesses it makes no new one, though it is in the ledger, once for each code. */
    fail_with(store, SG_WITNESS_TSA, "main", SG_E_NETWORK);
    fail_with(store, SG_WITNESS_TSA, "other", SG_E_NETWORK);
    fail_with(store, SG_WITNESS_TARGET, "archive", SG_E_NETWORK);
    fail_with(store, SG_WITNESS_TSA, "main", SG_E_TLS);
    assert_int_equal(ask(f, "SELECT count(*) FROM ledger WHERE event = 'witness-failed'"), 3);
    again = begin(store);
    assert_memory_equal(&again, &first, sizeof(first));
    add(store, &first, SG_WITNESS_TSA, "main", f->now);
    assert_int_equal(ask(f, "SELECT count(*) FROM witness_failure"), 1);
    again = begin(store);
    assert_memory_equal(&again, &first, sizeof(first));

    append(store, "3");
    again = begin(store);
    assert_int_equal(again.number, 6);
    assert_int_equal(again.time, f->now);
    assert_int_equal(ask(f, "SELECT count(*) FROM statement"), 2);
}

struct seen {
    size_t count;
    char text[512];
};

static enum sg_rc see(void *context, const struct sg_witness *witness, struct sg_err *err)
{
    struct seen *seen = context;
    size_t used = strlen(seen->text);

    (void)err;
    seen->count++;
    (void)snprintf(seen->text + used, sizeof(seen->text) - used, "%lld:%d:%s:%s:%zu ",
                   (long long)witness->statement.number, (int)witness->kind, witness->name, witness->url,
                   witness->token.len);
    return SG_OK;
}

/* Are witnesses kept, by number, and found by the range of entries? */
static void test_witnesses(void **state)
{
    struct fixture *f = *state;
    _cleanup_(sg_store_freep) struct sg_store *store = open_store(f);
    struct seen seen = {0};

    append(store, "1");
    struct sg_statement statement = begin(store);
    add(store, &statement, SG_WITNESS_TARGET, "archive", f->now);
    add(store, &statement, SG_WITNESS_TSA, "main", f->now);
    add(store, &statement, SG_WITNESS_TSA, "main", f->now);
    append(store, "2");
    statement = begin(store);
    add(store, &statement, SG_WITNESS_TSA, "main", f->now);
    assert_done(sg_witness_read(store, SG_LEDGER_ALL, (struct sg_witness_reader){see, &seen}, &err));
    assert_string_equal(seen.text, "1:1:main::5 1:2:archive:https://archive.example/x:0 2:1:main::5 ");
    seen = (struct seen){0};
    assert_done(sg_witness_read(store, (struct sg_ledger_range){2, 9}, (struct sg_witness_reader){see, &seen}, &err));
    assert_string_equal(seen.text, "2:1:main::5 ");

    tamper(f, "UPDATE statement SET hash = x'00' WHERE number = 2");
    assert_rc(sg_witness_read(store, SG_LEDGER_ALL, (struct sg_witness_reader){see, &seen}, &err), SG_E_STORE_DAMAGED);
    tamper(f, "DELETE FROM identity");
    assert_rc(sg_witness_read(store, SG_LEDGER_ALL, (struct sg_witness_reader){see, &seen}, &err), SG_E_STORE_DAMAGED);
}

/* Are entries found by their times, with what stands between them, and nothing where there is none? */
static void test_range(void **state)
{
    struct fixture *f = *state;
    _cleanup_(sg_store_freep) struct sg_store *store = open_store(f);
    struct sg_ledger_range range;
    static const int TIMES[] = {10, 20, 15, 30, 5}; /* a clock that was set back */
    static const struct {
        int64_t since, until, first, last;
    } CASES[] = {
        {INT64_MIN, INT64_MAX, 1, 5},
        {20, INT64_MAX, 2, 5},
        {INT64_MIN, 20, 1, 5},
        {25, 31, 4, 5},
        {12, 20, 2, 5},
        {6, 16, 1, 5},
    };

    assert_done(sg_ledger_find(store, INT64_MIN, INT64_MAX, &range, &err));
    assert_true(range.last < range.first);
    for (size_t i = 0; i < sizeof(TIMES) / sizeof(TIMES[0]); i++) {
        f->now = TIMES[i];
        append(store, "x");
    }
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        assert_done(sg_ledger_find(store, CASES[i].since, CASES[i].until, &range, &err));
        assert_int_equal(range.first, CASES[i].first);
        assert_int_equal(range.last, CASES[i].last);
    }
    assert_done(sg_ledger_find(store, 31, INT64_MAX, &range, &err));
    assert_true(range.last < range.first);
    assert_done(sg_ledger_find(store, INT64_MIN, 5, &range, &err));
    assert_true(range.last < range.first);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(test_statement), fixture_test(test_statement_refused), fixture_test(test_id),
        fixture_test(test_begin),     fixture_test(test_witnesses),         fixture_test(test_range),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
