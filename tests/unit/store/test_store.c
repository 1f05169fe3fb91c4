/* The store: is it made as it should be, is a transaction all or nothing whatever happens, and is what cannot be used
 * refused with the right word? */
#include "fixture.h"

#include <signal.h>

#include "store/db.h"

static enum sg_rc add_document(struct sg_store *store, const char *input)
{
    const struct sg_document document = document_named(input);

    return sg_store_document_add(store, &document, NULL);
}

static mode_t mode_of(const char *folder, const char *name)
{
    char path[128];
    struct stat info;

    (void)snprintf(path, sizeof(path), "%s%s", folder, name);
    assert_int_equal(stat(path, &info), 0);
    return info.st_mode & 0777;
}

/* --- opening ------------------------------------------------------------------------------------------------------ */

/* Are the folder and the files for their owner only, whatever the umask? */
static void test_modes(void **state)
{
    struct fixture *f = *state;
    char folder[96];
    struct sg_store *store = NULL;
    mode_t before = umask(0);

    (void)snprintf(folder, sizeof(folder), "%s/deep/state", f->folder);
    assert_done(sg_store_open(folder, f->libctx, &f->clock, &store, &err));
    (void)umask(before);
    assert_done(add_document(store, "/a"));
    assert_int_equal(mode_of(folder, ""), 0700);
    assert_int_equal(mode_of(folder, "/store.db"), 0600);
    assert_int_equal(mode_of(folder, "/store.db-wal"), 0600);
    assert_int_equal(mode_of(folder, "/store.db-shm"), 0600);
    sg_store_free(store);
}

/* Is the database set up as the design says? */
static void test_settings(void **state)
{
    struct fixture *f = *state;
    _cleanup_(sg_store_freep) struct sg_store *store = open_store(f);
    static const struct {
        const char *sql;
        const char *value;
    } EXPECTED[] = {
        {"PRAGMA journal_mode", "wal"},
        {"PRAGMA synchronous", "2"},
        {"PRAGMA foreign_keys", "1"},
        {"PRAGMA trusted_schema", "0"},
        {"PRAGMA application_id", "1397182036"},
        {"PRAGMA busy_timeout", "5000"},
        {"PRAGMA user_version", "11"},
        {"SELECT count(*) FROM pragma_table_list WHERE schema = 'main' AND name NOT LIKE 'sqlite_%' AND NOT strict",
         "0"},
    };

    for (size_t i = 0; i < SG_COUNT(EXPECTED); i++) {
        sqlite3_stmt *statement = NULL;

        assert_int_equal(sqlite3_prepare_v2(store->db, EXPECTED[i].sql, -1, &statement, NULL), SQLITE_OK);
        assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
        assert_string_equal(sqlite3_column_text(statement, 0), EXPECTED[i].value);
        (void)sqlite3_finalize(statement);
    }
}

/* Is a store of a newer schema refused, naming what made it, and left as it is? */
static void test_newer(void **state)
{
    struct fixture *f = *state;
    struct sg_store *store = NULL;
    struct sg_err seen;

    sg_store_free(open_store(f));
    tamper(f, "INSERT INTO migration VALUES (99, '9.8.7', 0); PRAGMA user_version = 99");
    assert_int_equal(sg_store_open(f->folder, f->libctx, &f->clock, &store, &seen), SG_E_STORE_DAMAGED);
    assert_null(store);
    assert_non_null(strstr(seen.text, "9.8.7"));
    assert_string_equal(seen.file, f->database);
    assert_int_equal(ask(f, "PRAGMA user_version"), 99);

    tamper(f, "DROP TABLE migration");
    assert_rc(sg_store_open(f->folder, f->libctx, &f->clock, &store, &err), SG_E_STORE_DAMAGED);
}

static void write_database(struct fixture *f, const void *bytes, size_t len)
{
    FILE *file = fopen(f->database, "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

/* Is what is not our database refused and left alone? The twin: an empty file is what a crash may have left, and is
 * taken. */
static void test_foreign(void **state)
{
    struct fixture *f = *state;
    static const char GARBAGE[] =
        "This is not a database, and long enough to be looked at: a header has 100 bytes, and "
        "less than that might be taken for a file cut short.";
    struct sg_store *store = NULL;

    write_database(f, GARBAGE, sizeof(GARBAGE));
    assert_rc(sg_store_open(f->folder, f->libctx, &f->clock, &store, &err), SG_E_STORE_DAMAGED);

    write_database(f, "", 0);
    tamper(f, "CREATE TABLE somebody_elses (x)");
    assert_rc(sg_store_open(f->folder, f->libctx, &f->clock, &store, &err), SG_E_STORE_DAMAGED);
    assert_int_equal(ask(f, "SELECT count(*) FROM sqlite_schema"), 1);
    assert_int_equal(ask(f, "SELECT journal_mode = 'delete' FROM pragma_journal_mode"), 1);

    write_database(f, "", 0);
    tamper(f, "PRAGMA application_id = 42");
    assert_rc(sg_store_open(f->folder, f->libctx, &f->clock, &store, &err), SG_E_STORE_DAMAGED);

    write_database(f, "", 0);
    tamper(f, "PRAGMA application_id = 1397182036"); /* ours, with no schema */
    assert_rc(sg_store_open(f->folder, f->libctx, &f->clock, &store, &err), SG_E_STORE_DAMAGED);
    assert_null(store);

    assert_int_equal(remove(f->database), 0);
    write_database(f, "", 0);
    sg_store_free(open_store(f));
}

/* Is a database whose pages were overwritten reported as damaged, not read as something else? */
static void test_damaged_pages(void **state)
{
    struct fixture *f = *state;
    char page[4096];

    sg_store_free(open_store(f));
    tamper(f, "PRAGMA wal_checkpoint(TRUNCATE)");
    FILE *file = fopen(f->database, "r+b");
    assert_non_null(file);
    memset(page, 0xa5, sizeof(page));
    assert_int_equal(fseek(file, 4096, SEEK_SET), 0);
    for (int i = 0; i < 20; i++)
        assert_int_equal(fwrite(page, 1, sizeof(page), file), sizeof(page));
    assert_int_equal(fclose(file), 0);

    struct sg_store *store = NULL;
    enum sg_rc rc = sg_store_open(f->folder, f->libctx, &f->clock, &store, NULL);
    if (rc == SG_OK)
        rc = add_document(store, "/a");
    assert_int_equal(rc, SG_E_STORE_DAMAGED);
    sg_store_free(store);
}

static void open_and_append(struct fixture *f, int number)
{
    struct sg_store *store = NULL;
    char name[16];

    (void)snprintf(name, sizeof(name), "/%d", number);
    if (sg_store_open(f->folder, f->libctx, &f->clock, &store, NULL) != SG_OK || add_document(store, name) != SG_OK)
        _exit(1);
    sg_store_free(store);
}

/* Do many processes that make the store at once all get it, one schema and one chain? */
static void test_made_at_once(void **state)
{
    struct fixture *f = *state;
    enum { CHILDREN = 8 };
    pid_t children[CHILDREN];

    for (int i = 0; i < CHILDREN; i++)
        children[i] = start_child(f, open_and_append, i);
    for (int i = 0; i < CHILDREN; i++)
        assert_int_equal(wait_child(children[i]), 0);
    _cleanup_(sg_store_freep) struct sg_store *store = open_store(f);
    int64_t count = 0, bad = -1;
    check_ledger(store, &count, &bad);
    assert_int_equal(count, CHILDREN);
    assert_int_equal(bad, 0);
    assert_int_equal(ask(f, "SELECT count(*) FROM migration"), 11);
}

/* --- transactions ------------------------------------------------------------------------------------------------- */

/* Does a document come with its ledger entry, which holds its digests? */
static void test_document(void **state)
{
    struct fixture *f = *state;
    _cleanup_(sg_store_freep) struct sg_store *store = open_store(f);

    assert_done(add_document(store, "/tmp/\xff.pdf"));
    assert_int_equal(ask(f, "SELECT count(*) FROM document JOIN ledger ON entry = number WHERE input = object "
                            "AND input = '/tmp/\\xff.pdf' AND event = 'sign' AND ledger.key = document.key "
                            "AND ledger.token = document.token AND detail = "
                            "'sha256 00; result sha256 11, CAdES; custody reported; clock ok'"),
                     1);
}

static enum sg_rc take_file(void *context, const struct sg_signed_file *file, struct sg_err *err_)
{
    int *count = context;
    const char *const outputs[] = {"/tmp/output.p7s", "/tmp/\xff.p7s"};

    (void)err_;
    assert_in_range(*count, 0, 1);
    assert_string_equal(file->output, outputs[*count]);
    assert_string_equal(file->digest_algorithm, "sha256");
    assert_string_equal(file->content_digest, "00");
    assert_string_equal(file->result_sha256, "11");
    assert_string_equal(file->newest_sha256, "");
    (*count)++;
    return SG_OK;
}

/* Is what was signed told again, in order and with any path; and is the manifest recorded, and in the chain? */
static void test_signed_files(void **state)
{
    struct fixture *f = *state;
    _cleanup_(sg_store_freep) struct sg_store *store = open_store(f);
    struct sg_document document = document_named("/tmp/a");
    int count = 0;

    assert_done(sg_store_document_add(store, &document, &err));
    document.output = "/tmp/\xff.p7s";
    document.manifest = "33";
    assert_done(sg_store_document_add(store, &document, &err));
    assert_done(sg_store_documents(store, take_file, &count, &err));
    assert_int_equal(count, 2);
    assert_int_equal(ask(f, "SELECT count(*) FROM document JOIN ledger ON entry = number WHERE manifest = '33' "
                            "AND detail LIKE '%; clock ok; manifest sha256 33'"),
                     1);
}

/* Is a group all there after the commit, and nothing of it after a rollback or when the store is freed? */
static void test_all_or_nothing(void **state)
{
    struct fixture *f = *state;
    struct sg_store *store = open_store(f);

    for (int round = 0; round < 3; round++) {
        assert_done(sg_store_begin(store, &err));
        assert_done(add_document(store, "/a"));
        assert_done(add_document(store, "/b"));
        if (round == 0)
            assert_done(sg_store_commit(store, &err));
        else if (round == 1)
            sg_store_rollback(store);
        else
            sg_store_free(store);
        assert_int_equal(ask(f, "SELECT count(*) FROM document"), 2);
        assert_int_equal(ask(f, "SELECT count(*) FROM ledger"), 2);
    }
}

/* Are the mistakes of a caller errors? */
static void test_misuse(void **state)
{
    _cleanup_(sg_store_freep) struct sg_store *store = open_store(*state);

    assert_rc(sg_store_commit(store, &err), SG_E_INTERNAL);
    assert_done(sg_store_begin(store, &err));
    assert_rc(sg_store_begin(store, &err), SG_E_INTERNAL);
    assert_rc(sg_store_publish(store, &err), SG_E_INTERNAL);
    assert_done(sg_store_commit(store, &err));
}

/* When half of an operation fails within a transaction, can the other half still be committed? It must not. */
static void test_broken(void **state)
{
    struct fixture *f = *state;
    _cleanup_(sg_store_freep) struct sg_store *store = open_store(f);

    assert_int_equal(sqlite3_exec(store->db,
                                  "CREATE TEMP TRIGGER refuse BEFORE INSERT ON main.document WHEN NEW.input = '/bad' "
                                  "BEGIN SELECT RAISE(ABORT, 'refused'); END",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    assert_done(sg_store_begin(store, &err));
    assert_done(add_document(store, "/good"));
    assert_rc(add_document(store, "/bad"), SG_E_INTERNAL);
    assert_rc(add_document(store, "/good"), SG_E_INTERNAL);
    assert_rc(sg_store_commit(store, &err), SG_E_INTERNAL);
    assert_int_equal(ask(f, "SELECT count(*) FROM ledger"), 0);

    assert_rc(add_document(store, "/bad"), SG_E_INTERNAL); /* in a transaction of its own */
    assert_done(add_document(store, "/good"));
    assert_int_equal(ask(f, "SELECT count(*) FROM ledger"), 1);
    assert_int_equal(ask(f, "SELECT count(*) FROM document"), 1);
}

/* A refusal that wrote nothing leaves the transaction usable. */
static void test_refusal_does_not_break(void **state)
{
    struct fixture *f = *state;
    _cleanup_(sg_store_freep) struct sg_store *store = open_store(f);

    assert_done(sg_store_begin(store, &err));
    assert_done(add_document(store, "/a"));
    assert_rc(sg_store_anchor_remove(store, "00", &err), SG_E_NOT_FOUND);
    assert_done(sg_store_commit(store, &err));
    assert_int_equal(ask(f, "SELECT count(*) FROM ledger"), 1);
}

/* Is a store that another holds reported as busy, with its name, and usable afterwards? */
static void test_busy(void **state)
{
    struct fixture *f = *state;
    _cleanup_(sg_store_freep) struct sg_store *holder = open_store(f);
    _cleanup_(sg_store_freep) struct sg_store *other = open_store(f);
    struct sg_err seen;
    int64_t record, crl;

    assert_int_equal(sqlite3_busy_timeout(other->db, 1), SQLITE_OK); /* not the five seconds */
    assert_done(sg_store_begin(holder, &err));
    assert_int_equal(sg_store_begin(other, &seen), SG_E_BUSY);
    assert_string_equal(seen.file, f->database);
    assert_true(sg_rc_retry(seen.rc));
    assert_rc(add_document(other, "/a"), SG_E_BUSY);
    assert_done(sg_store_latest(other, &record, &crl, &err)); /* reading goes on */
    assert_done(sg_store_commit(holder, &err));
    assert_done(add_document(other, "/a"));
}

/* And one that a program holds before it is ours, past any waiting of SQLite's? */
static void test_busy_while_made(void **state)
{
    struct fixture *f = *state;
    sqlite3 *db = NULL;
    struct sg_store *store = NULL;
    struct sg_err seen;

    sg_store_free(open_store(f));
    tamper(f, "PRAGMA journal_mode = DELETE");
    assert_int_equal(sqlite3_open(f->database, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "BEGIN; SELECT count(*) FROM ledger", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sg_store_open(f->folder, f->libctx, &f->clock, &store, &seen), SG_E_BUSY);
    assert_string_equal(seen.file, f->database);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    sg_store_free(open_store(f));
}

static void killed_before_commit(struct fixture *f, int number)
{
    struct sg_store *store = NULL;

    (void)number;
    if (sg_store_open(f->folder, f->libctx, &f->clock, &store, NULL) == SG_OK && sg_store_begin(store, NULL) == SG_OK &&
        add_document(store, "/a") == SG_OK)
        (void)raise(SIGKILL);
}

static void killed_after_commit(struct fixture *f, int number)
{
    struct sg_store *store = NULL;

    (void)number;
    if (sg_store_open(f->folder, f->libctx, &f->clock, &store, NULL) == SG_OK && add_document(store, "/b") == SG_OK)
        (void)raise(SIGKILL);
}

/* Is nothing there of what was not committed when the program was killed, and all of what was? */
static void test_killed(void **state)
{
    struct fixture *f = *state;
    int64_t count, bad;

    for (int i = 0; i < 2; i++) {
        int status = wait_child(start_child(f, i == 0 ? killed_before_commit : killed_after_commit, 0));
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        _cleanup_(sg_store_freep) struct sg_store *store = open_store(f);
        check_ledger(store, &count, &bad);
        assert_int_equal(count, i);
        assert_int_equal(bad, 0);
        assert_int_equal(ask(f, "SELECT count(*) FROM document"), i);
    }
}

/* Does the log of many short runs stay short? It is read at each opening. */
static void test_log_stays_short(void **state)
{
    struct fixture *f = *state;
    char path[128];
    struct stat info;
    off_t longest = 0;

    (void)snprintf(path, sizeof(path), "%s-wal", f->database);
    for (int i = 0; i < 300; i++) {
        open_and_append(f, i);
        assert_int_equal(stat(path, &info), 0);
        longest = info.st_size > longest ? info.st_size : longest;
    }
    assert_in_range(longest, 1, 300 * 4096);
    assert_int_equal(ask(f, "SELECT count(*) FROM ledger"), 300);
}

/* --- the clock ---------------------------------------------------------------------------------------------------- */

/* Is the latest time the latest there ever was, also when the clock went back? */
static void test_latest(void **state)
{
    struct fixture *f = *state;
    _cleanup_(sg_store_freep) struct sg_store *store = open_store(f);
    int64_t record = 0, crl = 0, start = f->now;

    assert_done(sg_store_latest(store, &record, &crl, &err));
    assert_true(record == INT64_MIN && crl == INT64_MIN);
    f->now = start + 100;
    assert_done(add_document(store, "/a"));
    f->now = start;
    assert_done(add_document(store, "/b"));
    assert_done(sg_store_latest(store, &record, &crl, &err));
    assert_int_equal(record, start + 100);
    assert_true(crl == INT64_MIN);

    _cleanup_(X509_CRL_freep) X509_CRL *list =
        make_crl(f, (struct crl_parts){.issuer = "CA", .this_update = start + 7, .number = -1});
    assert_done(put_crl(store, list, &err));
    assert_done(sg_store_latest(store, &record, &crl, &err));
    assert_int_equal(crl, start + 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(test_modes),          fixture_test(test_settings),
        fixture_test(test_newer),          fixture_test(test_foreign),
        fixture_test(test_damaged_pages),  fixture_test(test_made_at_once),
        fixture_test(test_document),       fixture_test(test_signed_files),
        fixture_test(test_all_or_nothing), fixture_test(test_misuse),
        fixture_test(test_broken),         fixture_test(test_refusal_does_not_break),
        fixture_test(test_busy),           fixture_test(test_busy_while_made),
        fixture_test(test_killed),         fixture_test(test_log_stays_short),
        fixture_test(test_latest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
