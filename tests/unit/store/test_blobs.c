/* Copies: are they whole, private, right, and gone when nothing needs them; is a signed file without its place put
 * there and nothing overwritten by it? */
#include "fixture.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include "store/blobs.h"
#include "store/outbox.h"

#define ABC_SHA256 "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static struct sg_slice slice_of(const char *text)
{
    return (struct sg_slice){(const uint8_t *)text, strlen(text)};
}

static void assert_no_file(const char *path)
{
    if (access(path, F_OK) == 0)
        fail_msg("%s is there", path);
}

/* A path in the fixture's folder, until the third call after it. */
static const char *in_folder(const struct fixture *f, const char *name)
{
    static char paths[4][256];
    static size_t next;
    char *path = paths[next++ % 4];

    (void)snprintf(path, sizeof(paths[0]), "%s/%s", f->folder, name);
    return path;
}

static void write_blob(struct fixture *f, const char *text, char sha256[SG_SHA256_HEX])
{
    assert_done(sg_blob_write(f->folder, f->libctx, slice_of(text), sha256, &err));
}

static int files_in(const char *folder)
{
    DIR *dir = opendir(folder);
    int count = 0;

    assert_non_null(dir);
    while (readdir(dir))
        count++;
    (void)closedir(dir);
    return count - 2;
}

/* --- making --------------------------------------------------------------------------------------------------------
 */

/* Is a blob named by its bytes, for its owner only, made once, and are other bytes under its name replaced? */
static void test_write(void **state)
{
    struct fixture *f = *state;
    char sha256[SG_SHA256_HEX], path[256];
    struct stat before, after;
    mode_t mask = umask(0);

    write_blob(f, "abc", sha256);
    (void)umask(mask);
    assert_string_equal(sha256, ABC_SHA256);
    (void)snprintf(path, sizeof(path), "%s/blobs/" ABC_SHA256, f->folder);
    assert_file(path, "abc");
    assert_int_equal(stat(path, &before), 0);
    assert_int_equal(before.st_mode & 0777, 0600);
    assert_int_equal(before.st_nlink, 1);

    write_blob(f, "abc", sha256);
    assert_int_equal(stat(path, &after), 0);
    assert_int_equal(before.st_ino, after.st_ino);

    write_file(path, "abd"); /* as long, and wrong */
    write_blob(f, "abc", sha256);
    assert_file(path, "abc");
    write_file(path, "");
    write_blob(f, "abc", sha256);
    assert_file(path, "abc");
    assert_int_equal(files_in(in_folder(f, "blobs")), 1);
}

struct taken {
    char text[16];
    size_t len;
};

static enum sg_rc take(void *context, const uint8_t *data, size_t len, struct sg_err *err)
{
    struct taken *taken = context;

    (void)err;
    assert_true(taken->len + len < sizeof(taken->text));
    memcpy(taken->text + taken->len, data, len);
    taken->len += len;
    return SG_OK;
}

/* Does a file become a blob that stays as it was when the file changes, and is it seen by who else wants it? */
static void test_take(void **state)
{
    struct fixture *f = *state;
    _cleanup_(sg_blob_freep) struct sg_blob *blob = NULL;
    _cleanup_(sg_input_freep) struct sg_input *input = NULL;
    struct taken taken = {"", 0};
    char sha256[SG_SHA256_HEX];

    write_file(in_folder(f, "file"), "abc");
    assert_done(sg_input_open(in_folder(f, "file"), &input, &err));
    assert_done(sg_blob_begin(f->folder, f->libctx, &blob, &err));
    assert_done(sg_blob_take(blob, input, (struct sg_sink){take, &taken}, &err));
    assert_int_equal(sg_blob_size(blob), 3);
    assert_int_equal(files_in(in_folder(f, "blobs")), 0);
    assert_done(sg_blob_finish(blob, sha256, &err));
    assert_done(sg_blobs_sync(f->folder, &err));
    assert_string_equal(taken.text, "abc");
    assert_string_equal(sha256, ABC_SHA256);
    write_file(in_folder(f, "file"), "xyz");
    assert_file(in_folder(f, "blobs/" ABC_SHA256), "abc");
}

/* Is a file that is being written while it is taken refused, and nothing of it left? */
static void test_take_changed(void **state)
{
    struct fixture *f = *state;
    _cleanup_(sg_input_freep) struct sg_input *input = NULL;
    struct sg_blob *blob = NULL;

    write_file(in_folder(f, "file"), "abc");
    assert_done(sg_input_open(in_folder(f, "file"), &input, &err));
    write_file(in_folder(f, "file"), "abcd");
    assert_done(sg_blob_begin(f->folder, f->libctx, &blob, &err));
    assert_rc(sg_blob_take(blob, input, (struct sg_sink){NULL, NULL}, &err), SG_E_INPUT_CHANGED);
    sg_blob_free(blob);
    assert_int_equal(files_in(in_folder(f, "blobs")), 0);
}

/* A signed file becomes a blob before it has its name. */
static void test_take_output(void **state)
{
    struct fixture *f = *state;
    _cleanup_(sg_outfile_freep) struct sg_outfile *out = NULL;
    _cleanup_(sg_blob_freep) struct sg_blob *blob = NULL;
    char sha256[SG_SHA256_HEX];

    assert_done(sg_outfile_open(in_folder(f, "out"), 0, &out, &err));
    assert_done(sg_outfile_write(out, "abc", 3, &err));
    assert_done(sg_outfile_flush(out, &err));
    assert_done(sg_blob_begin(f->folder, f->libctx, &blob, &err));
    assert_done(sg_blob_take_output(blob, out, &err));
    assert_done(sg_blob_finish(blob, sha256, &err));
    assert_file(in_folder(f, "blobs/" ABC_SHA256), "abc");
    assert_no_file(in_folder(f, "out"));
}

/* Is a blob copied only if it is there and right? */
static void test_copy(void **state)
{
    struct fixture *f = *state;
    char sha256[SG_SHA256_HEX];

    write_blob(f, "abc", sha256);
    for (int round = 0; round < 3; round++) {
        _cleanup_(sg_outfile_freep) struct sg_outfile *out = NULL;
        assert_done(sg_outfile_open(in_folder(f, "copy"), SG_OUT_REPLACE, &out, &err));
        if (round == 1)
            write_file(in_folder(f, "blobs/" ABC_SHA256), "abd");
        if (round == 2)
            assert_done(sg_blob_remove(f->folder, sha256, &err));
        assert_rc(sg_blob_copy(f->folder, f->libctx, sha256, out, &err), round == 0 ? SG_OK : SG_E_STORE_DAMAGED);
        if (round == 0)
            assert_done(sg_outfile_commit(out, &err));
    }
    assert_file(in_folder(f, "copy"), "abc");
    assert_done(sg_blob_remove(f->folder, sha256, &err)); /* again */
}

/* A name that is no SHA-256 is no way out of the folder. */
static void test_names(void **state)
{
    struct fixture *f = *state;
    char *path = NULL;
    struct sg_input *input = NULL;

    assert_rc(sg_blob_path(f->folder, "../store.db", &path, &err), SG_E_INTERNAL);
    assert_rc(sg_blob_open(f->folder, "", &input, &err), SG_E_INTERNAL);
    assert_rc(sg_blob_remove(f->folder, "../store.db", &err), SG_E_INTERNAL);
}

/* --- who may -------------------------------------------------------------------------------------------------------
 */

static void test_lock(void **state)
{
    struct fixture *f = *state;
    _cleanup_(sg_store_freep) struct sg_store *store = open_store(f);
    _cleanup_(closep) int first = -1;
    _cleanup_(closep) int second = -1;
    _cleanup_(closep) int alone = -1;

    assert_done(sg_outbox_share(store, &first, &err));
    assert_done(sg_outbox_share(store, &second, &err));
    assert_done(sg_outbox_alone(store, &alone, &err));
    assert_int_equal(alone, -1);
    closep(&first);
    assert_done(sg_outbox_alone(store, &alone, &err));
    assert_int_equal(alone, -1);
    closep(&second);
    assert_done(sg_outbox_alone(store, &alone, &err));
    assert_true(alone >= 0);
    assert_rc(sg_outbox_share(store, &first, &err), SG_E_BUSY);
    closep(&alone);
    assert_done(sg_outbox_share(store, &first, &err));
}

/* --- placing -------------------------------------------------------------------------------------------------------
 */

/* What a sign leaves that was killed after its commit. */
static int64_t leave_unplaced(struct fixture *f, struct sg_store *store, const char *output, const char *replaces)
{
    char sha256[SG_SHA256_HEX];
    struct sg_document document = document_named("/in");
    const struct sg_version version = {.level = SG_LEVEL_B_B, .sha256 = sha256, .size = 3};
    const char *target = "archive";
    const struct sg_outbox_request request = {
        .versions = &version, .version_count = 1, .targets = &target, .target_count = 1, .replaces = replaces};
    int64_t number = 0;

    write_blob(f, "abc", sha256);
    document.output = output;
    document.result_sha256 = sha256;
    assert_done(sg_store_begin(store, &err));
    assert_done(sg_store_document_add(store, &document, &err));
    assert_done(sg_outbox_add(store, &request, &number, &err));
    assert_done(sg_store_commit(store, &err));
    return number;
}

static int64_t unplaced(struct fixture *f)
{
    return ask(f, "SELECT count(*) FROM outbox WHERE placed = 0");
}

static int64_t state_of(struct fixture *f)
{
    return ask(f, "SELECT output_state FROM outbox WHERE placed = 1 ORDER BY document DESC LIMIT 1");
}

static void count_placed(void *context, const struct sg_outbox_document *document, enum sg_output_state state)
{
    (void)document, (void)state;
    ++*(int *)context;
}

/* Is a file put where it belongs, and once? */
static void test_place(void **state)
{
    struct fixture *f = *state;
    _cleanup_(sg_store_freep) struct sg_store *store = open_store(f);
    const char *output = in_folder(f, "odd\\x41\xff.p7s");
    int count = 0;

    (void)leave_unplaced(f, store, output, "");
    assert_done(sg_outbox_place(store, count_placed, &count, &err));
    assert_file(output, "abc");
    assert_int_equal(count, 1);
    assert_int_equal(unplaced(f), 0);
    assert_int_equal(state_of(f), SG_OUTPUT_CURRENT);
    assert_done(sg_outbox_place(store, count_placed, &count, &err));
    assert_int_equal(count, 1);

    (void)leave_unplaced(f, store, output, ""); /* killed just after the name was given */
    assert_done(sg_outbox_place(store, NULL, NULL, &err));
    assert_int_equal(state_of(f), SG_OUTPUT_CURRENT);
    assert_file(output, "abc");
}

/* Is another file that is there kept, unless it is the one that sign was to replace, and the work not done again? */
static void test_place_taken(void **state)
{
    struct fixture *f = *state;
    _cleanup_(sg_store_freep) struct sg_store *store = open_store(f);
    const char *output = in_folder(f, "out.p7s");
    char identity[SG_FILE_IDENTITY];

    write_file(output, "somebody's");
    (void)leave_unplaced(f, store, output, "");
    assert_done(sg_outbox_place(store, NULL, NULL, &err));
    assert_file(output, "somebody's");
    assert_int_equal(state_of(f), SG_OUTPUT_CHANGED);
    assert_int_equal(unplaced(f), 0);

    (void)leave_unplaced(f, store, output, sg_file_identity(output, identity));
    write_file(output, "somebody's new one");
    assert_done(sg_outbox_place(store, NULL, NULL, &err));
    assert_file(output, "somebody's new one");
    assert_int_equal(state_of(f), SG_OUTPUT_CHANGED);

    (void)leave_unplaced(f, store, output, sg_file_identity(output, identity));
    assert_done(sg_outbox_place(store, NULL, NULL, &err));
    assert_file(output, "abc");
    assert_int_equal(state_of(f), SG_OUTPUT_CURRENT);
}

/* Is what has no place kept in the store: a folder that is gone, the standard output? */
static void test_place_nowhere(void **state)
{
    struct fixture *f = *state;
    _cleanup_(sg_store_freep) struct sg_store *store = open_store(f);

    (void)leave_unplaced(f, store, in_folder(f, "gone/out.p7s"), "");
    assert_done(sg_outbox_place(store, NULL, NULL, &err));
    assert_int_equal(state_of(f), SG_OUTPUT_MOVED);
    (void)leave_unplaced(f, store, "-", "");
    assert_done(sg_outbox_place(store, NULL, NULL, &err));
    assert_int_equal(state_of(f), SG_OUTPUT_MOVED);
    assert_int_equal(unplaced(f), 0);
    assert_file(in_folder(f, "blobs/" ABC_SHA256), "abc");
}

/* Does a damaged blob hold up nobody else, and wait for its backup? */
static void test_place_damaged(void **state)
{
    struct fixture *f = *state;
    _cleanup_(sg_store_freep) struct sg_store *store = open_store(f);
    const char *output = in_folder(f, "out.p7s");

    (void)leave_unplaced(f, store, output, "");
    write_file(in_folder(f, "blobs/" ABC_SHA256), "abd");
    assert_rc(sg_outbox_place(store, NULL, NULL, &err), SG_E_STORE_DAMAGED);
    assert_no_file(output);
    assert_int_equal(unplaced(f), 1);
    write_file(in_folder(f, "blobs/" ABC_SHA256), "abc");
    assert_done(sg_outbox_place(store, NULL, NULL, &err));
    assert_file(output, "abc");
}

/* --- sweeping ------------------------------------------------------------------------------------------------------
 */

/* Do copies go once nobody needs them, and not before? */
static void test_sweep(void **state)
{
    struct fixture *f = *state;
    _cleanup_(sg_store_freep) struct sg_store *store = open_store(f);
    int64_t first = leave_unplaced(f, store, in_folder(f, "1"), ""), second = 0, removed = 0, count = 0;
    char other[SG_SHA256_HEX];
    bool later = false;

    second = leave_unplaced(f, store, in_folder(f, "2"), ""); /* the same bytes */
    write_blob(f, "nobody's", other);
    write_file(in_folder(f, "blobs/.signet-0123456789abcdef"), "half");
    write_file(in_folder(f, "blobs/README"), "not ours");
    assert_done(sg_outbox_sweep(store, &removed, &later, &err));
    assert_int_equal(removed, 2);
    assert_file(in_folder(f, "blobs/" ABC_SHA256), "abc");
    assert_file(in_folder(f, "blobs/README"), "not ours");

    assert_done(sg_outbox_drop(store, first, NULL, "a mistake", &count, &err));
    assert_done(sg_outbox_forget(store, first, &err));
    assert_done(sg_outbox_sweep(store, &removed, &later, &err)); /* the second still needs it */
    assert_int_equal(removed, 0);
    assert_done(sg_outbox_drop(store, second, NULL, "a mistake", &count, &err));
    assert_done(sg_outbox_forget(store, second, &err));
    assert_done(sg_outbox_sweep(store, &removed, &later, &err));
    assert_int_equal(removed, 1);
    assert_no_file(in_folder(f, "blobs/" ABC_SHA256));
}

/* Is a blob that is sent in a version's place kept as long as its step waits? */
static void test_sweep_sent(void **state)
{
    struct fixture *f = *state;
    _cleanup_(sg_store_freep) struct sg_store *store = open_store(f);
    int64_t removed = 0, count = 0, document = leave_unplaced(f, store, in_folder(f, "1"), "");
    char sent[SG_SHA256_HEX];
    bool later = false;

    write_blob(f, "encrypted", sent);
    assert_done(sg_step_sends(store, ask(f, "SELECT id FROM step"), sent, &err));
    assert_done(sg_outbox_sweep(store, &removed, &later, &err));
    assert_int_equal(removed, 0);
    assert_done(sg_outbox_drop(store, document, NULL, "a mistake", &count, &err));
    assert_done(sg_outbox_sweep(store, &removed, &later, &err));
    assert_int_equal(removed, 1);
}

/* Does nothing go while somebody makes copies, who may be about to need it, and all of it afterwards, however many? */
static void test_sweep_shared(void **state)
{
    struct fixture *f = *state;
    _cleanup_(sg_store_freep) struct sg_store *store = open_store(f);
    _cleanup_(closep) int shared = -1;
    char sha256[SG_SHA256_HEX], path[256];
    int64_t removed = 0;
    bool later = false;

    write_blob(f, "nobody's", sha256);
    for (int i = 0; i < 600; i++) {
        (void)snprintf(path, sizeof(path), "%s/blobs/%064d", f->folder, i);
        write_file(path, "nobody's");
    }
    assert_done(sg_outbox_share(store, &shared, &err));
    assert_done(sg_outbox_sweep(store, &removed, &later, &err));
    assert_int_equal(removed, 0);
    assert_true(later);
    assert_int_equal(files_in(in_folder(f, "blobs")), 601);
    closep(&shared);
    assert_done(sg_outbox_sweep(store, &removed, &later, &err));
    assert_int_equal(removed, 601);
    assert_false(later);
    assert_int_equal(files_in(in_folder(f, "blobs")), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(test_write),         fixture_test(test_take),          fixture_test(test_take_changed),
        fixture_test(test_take_output),   fixture_test(test_copy),          fixture_test(test_names),
        fixture_test(test_lock),          fixture_test(test_place),         fixture_test(test_place_taken),
        fixture_test(test_place_nowhere), fixture_test(test_place_damaged), fixture_test(test_sweep),
        fixture_test(test_sweep_sent),    fixture_test(test_sweep_shared),
    };

    return cmocka_run_group_tests_name("blobs", tests, NULL, NULL);
}
