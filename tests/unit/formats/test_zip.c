/* Is an archive that is written read again as it was, by us and by zipinfo's rules? And is one that can be understood
 * in two ways, or is no whole one, refused with what is wrong? */
#include "signing.h"

#include <unistd.h>

#include "formats/zip_private.h"

#define MAX_FILE (1024 * 1024)

struct world {
    char folder[32];
    char path[64];
    struct sg_buf bytes;
};

static int set_up(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    assert_non_null(world);
    (void)strcpy(world->folder, "/tmp/test_zip.XXXXXX");
    assert_non_null(mkdtemp(world->folder));
    (void)snprintf(world->path, sizeof world->path, "%s/a.zip", world->folder);
    world->bytes.max = MAX_FILE;
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    (void)unlink(world->path);
    (void)rmdir(world->folder);
    sg_buf_clear(&world->bytes);
    free(world);
    return 0;
}

static struct sg_slice text(const char *string)
{
    return (struct sg_slice){(const uint8_t *)string, strlen(string)};
}

/* mimetype, a.txt in two pieces, "ü/b.txt". */
static void make(struct world *world, bool large)
{
    struct sg_err err;
    _cleanup_(sg_outfile_freep) struct sg_outfile *out = NULL;
    _cleanup_(sg_zip_writer_freep) struct sg_zip_writer *writer = NULL;
    assert_ok(sg_outfile_open(world->path, SG_OUT_REPLACE, &out, &err), &err);
    assert_ok(sg_zip_writer_new(out, NOW, &writer, &err), &err);
    assert_ok(sg_zip_add(writer, "mimetype", text("type"), &err), &err);
    assert_ok(sg_zip_begin(writer, "a.txt", large, &err), &err);
    assert_ok(sg_zip_write(writer, "con", 3, &err), &err);
    assert_ok(sg_zip_write(writer, "tent", 4, &err), &err);
    assert_ok(sg_zip_end(writer, &err), &err);
    assert_ok(sg_zip_add(writer, "ü/b.txt", text(""), &err), &err);
    assert_ok(sg_zip_finish(writer, &err), &err);
    assert_ok(sg_outfile_commit(out, &err), &err);
    world->bytes.len = 0;
    read_file(world->path, &world->bytes);
}

static enum sg_rc open_bytes(struct world *world, struct sg_input **input, struct sg_zip **zip, struct sg_err *err)
{
    assert_ok(sg_input_from_slice("a.zip", sg_buf_slice(&world->bytes), input, err), err);
    return sg_zip_open(*input, zip, err);
}

static void test_comes_back_as_written(void **state)
{
    struct world *world = *state;
    for (int large = 0; large <= 1; large++) {
        struct sg_err err;
        _cleanup_(sg_input_freep) struct sg_input *input = NULL;
        _cleanup_(sg_zip_freep) struct sg_zip *zip = NULL;
        _cleanup_(sg_buf_clear) struct sg_buf content = SG_BUF(64);
        make(world, large);
        assert_ok(open_bytes(world, &input, &zip, &err), &err);
        assert_int_equal(sg_zip_count(zip), 3);
        const struct sg_zip_entry *entry = sg_zip_find(zip, "a.txt");
        assert_non_null(entry);
        assert_int_equal(entry->size, 7);
        assert_int_equal(entry->bare, !large);
        assert_ok(sg_zip_copy(zip, entry, sg_buf_sink(&content), &err), &err);
        assert_true(sg_slice_equal(sg_buf_slice(&content), text("content")));
        assert_non_null(sg_zip_find(zip, "ü/b.txt"));
        assert_null(sg_zip_find(zip, "b.txt"));
        entry = sg_zip_find(zip, "mimetype");
        assert_true(entry && entry->header == 0 && entry->bare && entry->method == SG_ZIP_STORED);
    }
}

/* Each byte changed: the archive is refused, or a file is, or nothing that is read is another. */
static void test_no_byte_changes_unseen(void **state)
{
    struct world *world = *state;
    make(world, false);
    for (size_t i = 0; i < world->bytes.len; i++) {
        struct sg_err err;
        _cleanup_(sg_input_freep) struct sg_input *input = NULL;
        _cleanup_(sg_zip_freep) struct sg_zip *zip = NULL;
        _cleanup_(sg_buf_clear) struct sg_buf content = SG_BUF(64);
        world->bytes.data[i] ^= 1;
        if (open_bytes(world, &input, &zip, &err) == SG_OK && sg_zip_find(zip, "a.txt") &&
            sg_zip_copy(zip, sg_zip_find(zip, "a.txt"), sg_buf_sink(&content), &err) == SG_OK)
            assert_true(sg_slice_equal(sg_buf_slice(&content), text("content")));
        world->bytes.data[i] ^= 1;
    }
}

static void test_truncated_is_refused(void **state)
{
    struct world *world = *state;
    make(world, false);
    for (size_t whole = world->bytes.len; world->bytes.len > 0;) {
        struct sg_err err;
        _cleanup_(sg_input_freep) struct sg_input *input = NULL;
        _cleanup_(sg_zip_freep) struct sg_zip *zip = NULL;
        world->bytes.len--;
        assert_int_equal(open_bytes(world, &input, &zip, &err), SG_E_MALFORMED);
        assert_true(world->bytes.len < whole);
    }
}

/* The names a stranger may think of, and ordinary ones. */
static void test_names(void **state)
{
    static const struct {
        const char *name;
        bool good;
    } names[] = {
        {"a", true},
        {"a/b.txt", true},
        {"..a", true},
        {"a b", true},
        {"ü", true},
        {"", false},
        {"/a", false},
        {"../a", false},
        {"a/../b", false},
        {"a/..", false},
        {"./a", false},
        {"a//b", false},
        {"a\\b", false},
        {"C:a", false},
        {"c:/a", false},
        {"a\nb", false},
        {"a\x7f", false},
        {"a\xff", false},
        {"a\xe2\x80\xae", false},
        {"a/.", false},
        {"\xed\xa0\x80", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if ((sg_zip_name_problem(names[i].name, strlen(names[i].name)) == NULL) != names[i].good)
            fail_msg("\"%s\"", names[i].name);
    assert_non_null(sg_zip_name_problem("a\0b", 3));
}

/* An entry that a writer refuses leaves the archive as it is. */
static void test_writer_refuses_names(void **state)
{
    struct world *world = *state;
    struct sg_err err;
    _cleanup_(sg_outfile_freep) struct sg_outfile *out = NULL;
    _cleanup_(sg_zip_writer_freep) struct sg_zip_writer *writer = NULL;
    assert_ok(sg_outfile_open(world->path, SG_OUT_REPLACE, &out, &err), &err);
    assert_ok(sg_zip_writer_new(out, NOW, &writer, &err), &err);
    assert_int_equal(sg_zip_add(writer, "../a", text("x"), &err), SG_E_USAGE);
    assert_int_equal(sg_zip_begin(writer, "a/", false, &err), SG_E_USAGE);
    assert_int_equal(sg_outfile_size(out), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_comes_back_as_written, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_byte_changes_unseen, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_truncated_is_refused, set_up, tear_down),
        cmocka_unit_test(test_names),
        cmocka_unit_test_setup_teardown(test_writer_refuses_names, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
