/* A newer version in the place of a signed file: is it put there only where the file still is ours, whole and with its
 * mode, and does nothing of anybody else's get lost? */
#include "fixture.h"

#include <unistd.h>

#include "store/blobs.h"
#include "store/overview.h"

#define OLD "the first version"
#define NEW "the version with a time-stamp"

struct signed_file {
    int64_t document;
    char path[256];
    char old_sha256[SG_SHA256_HEX], new_sha256[SG_SHA256_HEX];
};

static void write_blob(struct fixture *f, const char *text, char sha256[SG_SHA256_HEX])
{
    assert_done(
        sg_blob_write(f->folder, f->libctx, (struct sg_slice){(const uint8_t *)text, strlen(text)}, sha256, &err));
}

static enum sg_rc take_step(void *context, const struct sg_step *step, struct sg_err *err)
{
    (void)err;
    if (step->kind == SG_STEP_TIMESTAMP)
        *(int64_t *)context = step->id;
    return SG_OK;
}

static void complete(struct sg_store *store, const struct signed_file *file, int64_t time)
{
    const struct sg_version version = {.level = SG_LEVEL_B_T, .sha256 = file->new_sha256, .size = sizeof NEW - 1};
    int64_t step = 0;

    assert_done(sg_steps_of(store, file->document, take_step, &step, &err));
    const struct sg_stamped stamped = {.tsa = "main", .time = time, .asked = time, .answered = time};

    assert_done(sg_step_timestamped(store, step, &version, &stamped, &err));
}

/* A signed file in its place, and its newer version complete, as a run leaves it when it is killed just then. */
static void leave_behind(struct fixture *f, struct sg_store *store, const char *name, struct signed_file *file)
{
    struct sg_document document = document_named("/in/a");

    (void)snprintf(file->path, sizeof(file->path), "%s%s%s", name[0] == '-' ? "" : f->folder, name[0] == '-' ? "" : "/",
                   name);
    write_blob(f, OLD, file->old_sha256);
    write_blob(f, NEW, file->new_sha256);
    const struct sg_version version = {.level = SG_LEVEL_B_B, .sha256 = file->old_sha256, .size = sizeof OLD - 1};
    const struct sg_outbox_request request = {.versions = &version, .version_count = 1, .timestamp = true};
    document.output = file->path;
    document.result_sha256 = file->old_sha256;
    assert_done(sg_store_begin(store, &err));
    assert_done(sg_store_document_add(store, &document, &err));
    assert_done(sg_outbox_add(store, &request, &file->document, &err));
    assert_done(sg_outbox_placed(store, file->document, SG_OUTPUT_CURRENT, &err));
    assert_done(sg_store_commit(store, &err));
    if (name[0] != '-')
        write_file(file->path, OLD);
    complete(store, file, 1700000100);
}

struct seen {
    int count;
    enum sg_output_state state;
};

static void see(void *context, const struct sg_outbox_document *document, enum sg_output_state state)
{
    struct seen *seen = context;

    (void)document;
    seen->count++;
    seen->state = state;
}

static void assert_renewed(struct fixture *f, struct sg_store *store, enum sg_output_state state)
{
    struct seen seen = {0};

    assert_done(sg_outbox_renew(store, see, &seen, &err));
    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.state, state);
    assert_int_equal(ask(f, "SELECT output_state FROM outbox ORDER BY document DESC LIMIT 1"), state);
}

/* Nothing is left beside the files: `count` of them, and the folder's own. */
static void assert_nothing_aside(const struct fixture *f)
{
    char command[256];

    (void)snprintf(command, sizeof(command), "ls -A '%s' | grep -q '^\\.signet'", f->folder);
    assert_int_not_equal(system(command), 0);
}

/* Is it replaced, with its mode, and once? */
static void test_replaced(void **state)
{
    struct fixture *f = *state;
    _cleanup_(sg_store_freep) struct sg_store *store = open_store(f);
    struct signed_file file;
    struct seen seen = {0};
    struct stat st;

    leave_behind(f, store, "out.p7s", &file);
    assert_int_equal(chmod(file.path, 0640), 0);
    assert_int_equal(ask(f, "SELECT output_state FROM outbox"), SG_OUTPUT_BEHIND);
    assert_renewed(f, store, SG_OUTPUT_CURRENT);
    assert_file(file.path, NEW);
    assert_int_equal(stat(file.path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0640);
    assert_int_equal(st.st_nlink, 1);
    assert_nothing_aside(f);
    assert_done(sg_outbox_renew(store, see, &seen, &err));
    assert_int_equal(seen.count, 0);
}

/* Is what is not ours any more left as it is, and nothing made where nothing is? */
static void test_not_ours(void **state)
{
    struct fixture *f = *state;
    _cleanup_(sg_store_freep) struct sg_store *store = open_store(f);
    struct signed_file file;

    leave_behind(f, store, "changed.p7s", &file);
    write_file(file.path, "the first versiom");
    assert_renewed(f, store, SG_OUTPUT_CHANGED);
    assert_file(file.path, "the first versiom");

    leave_behind(f, store, "missing.p7s", &file);
    assert_int_equal(unlink(file.path), 0);
    assert_renewed(f, store, SG_OUTPUT_MOVED);
    assert_int_not_equal(access(file.path, F_OK), 0);
}

/* A link is not the file that was signed, wherever it leads. */
static void test_link(void **state)
{
    struct fixture *f = *state;
    _cleanup_(sg_store_freep) struct sg_store *store = open_store(f);
    struct signed_file file;
    char elsewhere[300];

    leave_behind(f, store, "out.p7s", &file);
    (void)snprintf(elsewhere, sizeof(elsewhere), "%s-moved", file.path);
    assert_int_equal(rename(file.path, elsewhere), 0);
    assert_int_equal(symlink(elsewhere, file.path), 0);
    assert_renewed(f, store, SG_OUTPUT_CHANGED);
    assert_file(elsewhere, OLD);
}

static void test_standard_output(void **state)
{
    struct fixture *f = *state;
    _cleanup_(sg_store_freep) struct sg_store *store = open_store(f);
    struct signed_file file;

    leave_behind(f, store, "-", &file);
    assert_renewed(f, store, SG_OUTPUT_MOVED);
}

/* Killed at any point, is the next run's end the same? */
static void test_killed(void **state)
{
    struct fixture *f = *state;
    _cleanup_(sg_store_freep) struct sg_store *store = open_store(f);
    static const char *const asides[] = {"half of the version wi", NEW, OLD};
    struct signed_file file;
    char aside[300];

    for (size_t i = 0; i < sizeof asides / sizeof asides[0]; i++)
        for (int exchanged = 0; exchanged < 2; exchanged++) {
            leave_behind(f, store, "out.p7s", &file);
            (void)snprintf(aside, sizeof(aside), "%s/.signet-%.16s", f->folder, file.new_sha256);
            write_file(aside, exchanged ? OLD : asides[i]);
            if (exchanged)
                write_file(file.path, NEW);
            assert_renewed(f, store, SG_OUTPUT_CURRENT);
            assert_file(file.path, NEW);
            assert_nothing_aside(f);
        }

    /* Somebody put another file there just before the names were exchanged. */
    leave_behind(f, store, "out.p7s", &file);
    write_file(aside, "somebody's");
    write_file(file.path, NEW);
    assert_renewed(f, store, SG_OUTPUT_CHANGED);
    assert_file(file.path, "somebody's");
    assert_nothing_aside(f);
}

/* Does a damaged blob wait for its backup, and hold up nobody else? */
static void test_damaged(void **state)
{
    struct fixture *f = *state;
    _cleanup_(sg_store_freep) struct sg_store *store = open_store(f);
    struct signed_file file;
    char blob[300];

    leave_behind(f, store, "out.p7s", &file);
    (void)snprintf(blob, sizeof(blob), "%s/blobs/%s", f->folder, file.new_sha256);
    write_file(blob, "other bytes");
    assert_rc(sg_outbox_renew(store, NULL, NULL, &err), SG_E_STORE_DAMAGED);
    assert_file(file.path, OLD);
    assert_nothing_aside(f);
    write_file(blob, NEW);
    assert_renewed(f, store, SG_OUTPUT_CURRENT);
    assert_file(file.path, NEW);
}

/* --- the clock ------------------------------------------------------------------------------------------------------
 */

static int64_t entries(struct fixture *f, const char *event)
{
    char sql[128];

    (void)snprintf(sql, sizeof(sql), "SELECT count(*) FROM ledger WHERE event = '%s'", event);
    return ask(f, sql);
}

/* Is it in the ledger when the claimed time is more than five minutes from the time-stamp, and only then; as a wrong
 * clock only if it is later? */
static void test_claimed_time(void **state)
{
    struct fixture *f = *state;
    _cleanup_(sg_store_freep) struct sg_store *store = open_store(f);
    static const struct {
        int64_t time;
        int differs, ahead; /* entries from then on */
    } cases[] = {{1700000300, 0, 0}, {1700000301, 1, 0}, {1699999700, 1, 0}, {1699999699, 1, 1}};
    struct signed_file file;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sg_document document = document_named("/in/b");
        const struct sg_version version = {.level = SG_LEVEL_B_B, .sha256 = file.old_sha256, .size = 1};
        const struct sg_outbox_request request = {.versions = &version, .version_count = 1, .timestamp = true};
        write_blob(f, OLD, file.old_sha256);
        write_blob(f, NEW, file.new_sha256);
        assert_done(sg_store_begin(store, &err));
        assert_done(sg_store_document_add(store, &document, &err));
        assert_done(sg_outbox_add(store, &request, &file.document, &err));
        assert_done(sg_outbox_placed(store, file.document, SG_OUTPUT_CURRENT, &err));
        assert_done(sg_store_commit(store, &err));
        complete(store, &file, cases[i].time);
        assert_int_equal(entries(f, "clock-differs"), cases[i].differs);
        assert_int_equal(entries(f, "clock-ahead"), cases[i].ahead);
        assert_int_equal(entries(f, "clock-wrong"), 0);
    }
}

/* Is the clock wrong exactly if it was more than five minutes off all the while that the time-stamp was asked for, and
 * is it said when that begins and when it ends? */
static void test_clock(void **state)
{
    struct fixture *f = *state;
    _cleanup_(sg_store_freep) struct sg_store *store = open_store(f);
    static const struct {
        int64_t asked, answered;
        int wrong, right; /* entries from then on */
    } cases[] = {
        {1700000000, 1700000002, 0, 0}, {1699996400, 1700003600, 0, 0}, /* asleep meanwhile */
        {1700000300, 1700000301, 0, 0}, {1699999690, 1699999700, 0, 0}, {1700000301, 1700000302, 1, 0},
        {1700009000, 1700009001, 1, 0}, {1699990000, 1699990000, 1, 0}, {1700000000, 1700000000, 1, 1},
        {1700000000, 1700000000, 1, 1}, {1699999690, 1699999699, 2, 1},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct sg_stamped stamped = {"main", 1700000000, cases[i].asked, cases[i].answered};
        struct sg_overview overview;
        assert_done(sg_clock_compare(store, &stamped, &err));
        assert_int_equal(entries(f, "clock-wrong"), cases[i].wrong);
        assert_int_equal(entries(f, "clock-right"), cases[i].right);
        assert_done(sg_overview_read(store, &overview, &err));
        assert_int_equal(overview.clock_wrong, cases[i].wrong > cases[i].right);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_replaced, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_not_ours, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_link, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_standard_output, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_killed, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_damaged, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_claimed_time, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_clock, fixture_setup, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
