/* The ledger: does the chain hold, and does every kind of tampering with the file show where it was done? */
#include "fixture.h"

#define TRIGGERS_OFF "DROP TRIGGER ledger_append; DROP TRIGGER ledger_update; DROP TRIGGER ledger_delete;"

static void append(struct sg_store *store, const char *object)
{
    const struct sg_ledger_entry entry = entry_about(object);

    assert_done(sg_ledger_append(store, &entry, &err));
}

static void make_ledger(struct fixture *f)
{
    _cleanup_(sg_store_freep) struct sg_store *store = open_store(f);

    for (int i = 1; i <= 5; i++) {
        char object[16];

        (void)snprintf(object, sizeof(object), "object %d", i);
        f->now++;
        append(store, object);
    }
}

static void assert_ledger(struct fixture *f, int64_t count, int64_t bad)
{
    _cleanup_(sg_store_freep) struct sg_store *store = open_store(f);
    int64_t is_count = -1, is_bad = -1;

    check_ledger(store, &is_count, &is_bad);
    assert_int_equal(is_count, count);
    assert_int_equal(is_bad, bad);
}

/* Does an untouched ledger check, empty and filled? */
static void test_good(void **state)
{
    assert_ledger(*state, 0, 0);
    make_ledger(*state);
    assert_ledger(*state, 5, 0);
}

/* Is the hash the one that the head of ledger.h gives? Computed here from the text alone. */
static void test_hash_input(void **state)
{
    struct fixture *f = *state;
    static const char INPUT[] = "signet.ledger/1"
                                "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
                                "\0\0\0\0\0\0\0\1"
                                "\0\0\0\0\x65\x53\xf1\x00"
                                "\0\0\0\0\0\0\0\x0bsign-failed"
                                "\0\0\0\0\0\0\0\x0dpin-incorrect"
                                "\0\0\0\0\0\0\0\6serial"
                                "\0\0\0\0\0\0\0\3key"
                                "\0\0\0\0\0\0\0\4path"
                                "\0\0\0\0\0\0\0\6detail";
    uint8_t digest[EVP_MAX_MD_SIZE];
    size_t len;
    char hex[SG_SHA256_HEX], sql[256];

    _cleanup_(sg_store_freep) struct sg_store *store = open_store(f);
    append(store, "path");
    assert_done(sg_digest(f->libctx, "SHA256", (struct sg_slice){(const uint8_t *)INPUT, sizeof(INPUT) - 1}, digest,
                          &len, &err));
    sg_hex(digest, len, hex);
    (void)snprintf(sql, sizeof(sql), "SELECT lower(hex(hash)) = '%s' FROM ledger", hex);
    assert_int_equal(ask(f, sql), 1);
}

/* Is each entry's tampering seen, and at that entry? */
static void test_tampered(void **state)
{
    static const struct {
        const char *sql;
        int64_t count, bad;
    } CASES[] = {
        {"UPDATE ledger SET time = time + 1 WHERE number = 3", 5, 3},
        {"UPDATE ledger SET event = 'sign' WHERE number = 3", 5, 3},
        {"UPDATE ledger SET code = '' WHERE number = 3", 5, 3},
        {"UPDATE ledger SET token = 'Serial' WHERE number = 3", 5, 3},
        {"UPDATE ledger SET key = 'kez' WHERE number = 3", 5, 3},
        {"UPDATE ledger SET object = 'object 4' WHERE number = 3", 5, 3},
        {"UPDATE ledger SET detail = 'detail ' WHERE number = 3", 5, 3},
        {"UPDATE ledger SET token = 'serialk', key = 'ey' WHERE number = 3", 5, 3}, /* a boundary moved */
        {"UPDATE ledger SET previous = zeroblob(32) WHERE number = 3", 5, 3},
        {"UPDATE ledger SET hash = zeroblob(32) WHERE number = 3", 5, 3},
        {"UPDATE ledger SET hash = x'00' WHERE number = 5", 5, 5},
        {"UPDATE ledger SET detail = '' WHERE number = 1", 5, 1},
        {"UPDATE ledger SET detail = '' WHERE number = 5", 5, 5},
        /* removed, closing the gap or not */
        {"DELETE FROM ledger WHERE number = 3", 4, 3},
        {"DELETE FROM ledger WHERE number = 3;"
         "UPDATE ledger SET number = 3 WHERE number = 4; UPDATE ledger SET number = 4 WHERE number = 5",
         4, 3},
        {"DELETE FROM ledger WHERE number = 1", 4, 1},
        /* reordered */
        {"UPDATE ledger SET number = -3 WHERE number = 3; UPDATE ledger SET number = 3 WHERE number = 4;"
         "UPDATE ledger SET number = 4 WHERE number = -3",
         5, 3},
        /* inserted */
        {"INSERT INTO ledger SELECT 0, time, event, code, token, key, object, detail, previous, hash FROM ledger "
         "WHERE number = 1",
         6, 1},
        {"INSERT INTO ledger SELECT 6, time, event, code, token, key, object, detail, previous, hash FROM ledger "
         "WHERE number = 5",
         6, 6},
    };

    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        void *own = NULL;

        (void)state;
        (void)fixture_setup(&own);
        make_ledger(own);
        tamper(own, TRIGGERS_OFF);
        assert_ledger(own, 5, 0);
        tamper(own, CASES[i].sql);
        assert_ledger(own, CASES[i].count, CASES[i].bad);
        (void)fixture_teardown(&own);
    }
}

/* Cutting off the tail cannot be seen by the chain: it is documented, and this holds the documentation to it. */
static void test_tail(void **state)
{
    make_ledger(*state);
    tamper(*state, TRIGGERS_OFF "DELETE FROM ledger WHERE number = 5");
    assert_ledger(*state, 4, 0);
}

/* Do the triggers refuse what is not an append at the end? */
static void test_append_only(void **state)
{
    static const char *const REFUSED[] = {
        "UPDATE ledger SET detail = ''",
        "DELETE FROM ledger WHERE number = 5",
        "INSERT INTO ledger SELECT 7, time, event, code, token, key, object, detail, previous, hash FROM ledger LIMIT "
        "1",
        "INSERT INTO ledger SELECT NULL, time, event, code, token, key, object, detail, previous, hash FROM ledger "
        "LIMIT 1",
        "INSERT OR REPLACE INTO ledger SELECT 5, time, event, code, token, key, object, 'x', previous, hash FROM "
        "ledger "
        "LIMIT 1",
    };
    struct fixture *f = *state;
    sqlite3 *db = NULL;

    make_ledger(f);
    assert_int_equal(sqlite3_open(f->database, &db), SQLITE_OK);
    for (size_t i = 0; i < sizeof(REFUSED) / sizeof(REFUSED[0]); i++) {
        assert_int_equal(sqlite3_exec(db, REFUSED[i], NULL, NULL, NULL), SQLITE_CONSTRAINT);
        assert_string_equal(sqlite3_errmsg(db), "the ledger is append-only");
    }
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    assert_ledger(f, 5, 0);
}

/* Does the chain go on over processes and transactions, also those rolled back? */
static void test_continues(void **state)
{
    struct fixture *f = *state;
    _cleanup_(sg_store_freep) struct sg_store *one = open_store(f);
    _cleanup_(sg_store_freep) struct sg_store *two = open_store(f);

    append(one, "1");
    append(two, "2");
    assert_done(sg_store_begin(one, &err));
    append(one, "rolled back");
    append(one, "rolled back too");
    sg_store_rollback(one);
    append(two, "3");
    assert_done(sg_store_begin(one, &err));
    append(one, "4");
    append(one, "5");
    assert_done(sg_store_commit(one, &err));
    append(two, "6");
    assert_ledger(f, 6, 0);
}

/* Are bytes that are not UTF-8, and backslashes, stored as reversible UTF-8, and others as they are? */
static void test_escaped(void **state)
{
    struct fixture *f = *state;
    _cleanup_(sg_store_freep) struct sg_store *store = open_store(f);

    append(store, "/tmp/a\xff\xc3(b\\x");
    append(store, "/tmp/\xc3\xa4 \xf0\x9f\x98\x80");
    append(store, "");
    assert_int_equal(ask(f, "SELECT object = '/tmp/a\\xff\\xc3(b\\x5cx' FROM ledger WHERE number = 1"), 1);
    assert_int_equal(ask(f, "SELECT object = '/tmp/\xc3\xa4 \xf0\x9f\x98\x80' FROM ledger WHERE number = 2"), 1);
    assert_int_equal(ask(f, "SELECT object = '' FROM ledger WHERE number = 3"), 1);
    assert_ledger(f, 3, 0);
}

/* Does a head that is no hash stop appending, rather than start a new chain? */
static void test_bad_head(void **state)
{
    struct fixture *f = *state;

    make_ledger(f);
    tamper(f, TRIGGERS_OFF "UPDATE ledger SET hash = x'00' WHERE number = 5");
    _cleanup_(sg_store_freep) struct sg_store *store = open_store(f);
    const struct sg_ledger_entry entry = entry_about("x");
    assert_rc(sg_ledger_append(store, &entry, &err), SG_E_STORE_DAMAGED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(test_good),    fixture_test(test_hash_input),  cmocka_unit_test(test_tampered),
        fixture_test(test_tail),    fixture_test(test_append_only), fixture_test(test_continues),
        fixture_test(test_escaped), fixture_test(test_bad_head),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
