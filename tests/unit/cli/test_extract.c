/* Does a judging child that is in a stranger's hands get anything written outside the new folder, or over anything? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/extract.h"

struct world {
    char place[32], folder[64];
};

static int set_up(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    assert_non_null(world);
    (void)strcpy(world->place, "/tmp/test_extract.XXXXXX");
    assert_non_null(mkdtemp(world->place));
    (void)snprintf(world->folder, sizeof world->folder, "%s/out", world->place);
    *state = world;
    return 0;
}

static size_t count_files(const char *folder)
{
    size_t count = 0;
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    while (readdir(dir))
        count++;
    (void)closedir(dir);
    return count - 2; /* "." and ".." */
}

static int tear_down(void **state)
{
    struct world *world = *state;
    char path[PATH_MAX];
    static const char *const made[] = {"out/a/b", "out/a", "out/c", "out"};
    for (size_t i = 0; i < sizeof made / sizeof *made; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", world->place, made[i]);
        (void)remove(path);
    }
    (void)rmdir(world->place);
    free(world);
    return 0;
}

static struct sg_slice slice(const char *text)
{
    return (struct sg_slice){(const uint8_t *)text, strlen(text)};
}

static void test_written_and_named(void **state)
{
    struct world *world = *state;
    struct sg_err err;
    _cleanup_(sg_extract_freep) struct sg_extract *extract = NULL;
    char path[PATH_MAX];
    size_t files = 0;
    assert_int_equal(sg_extract_begin(world->folder, &extract, &err), SG_OK);
    sg_extract_file(extract, slice("a/b"));
    sg_extract_bytes(extract, slice("one"));
    sg_extract_bytes(extract, slice("two"));
    sg_extract_file(extract, slice("c"));
    assert_int_equal(access(world->folder, F_OK), -1);
    assert_int_equal(sg_extract_finish(extract, &files, &err), SG_OK);
    assert_int_equal(files, 2);
    struct stat st;
    (void)snprintf(path, sizeof path, "%s/a/b", world->folder);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_size, 6);
    assert_int_equal(count_files(world->place), 1);
}

/* Each of these leaves nothing. */
static void test_names_that_lead_elsewhere(void **state)
{
    static const char *const names[] = {"../x", "a/../../x", "/tmp/x", "a//x", ".", "..", "a/", "a\\x", "a\nx"};
    struct world *world = *state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct sg_err err;
        size_t files = 0;
        struct sg_extract *extract = NULL;
        assert_int_equal(sg_extract_begin(world->folder, &extract, &err), SG_OK);
        sg_extract_file(extract, slice("a"));
        sg_extract_file(extract, slice(names[i]));
        sg_extract_bytes(extract, slice("hostile"));
        assert_int_equal(sg_extract_finish(extract, &files, &err), SG_E_MALFORMED);
        sg_extract_free(extract);
        assert_int_equal(count_files(world->place), 0);
    }
}

static void refuses(struct world *world, const char *first, const char *second)
{
    struct sg_err err;
    size_t files = 0;
    struct sg_extract *extract = NULL;
    assert_int_equal(sg_extract_begin(world->folder, &extract, &err), SG_OK);
    if (first)
        sg_extract_file(extract, slice(first));
    if (second)
        sg_extract_file(extract, slice(second));
    else
        sg_extract_bytes(extract, slice("bytes of no file"));
    assert_int_not_equal(sg_extract_finish(extract, &files, &err), SG_OK);
    sg_extract_free(extract);
    assert_int_equal(count_files(world->place), 0);
}

static void test_nothing_is_overwritten(void **state)
{
    struct world *world = *state;
    struct sg_err err;
    struct sg_extract *extract = NULL;
    refuses(world, "a", "a");
    refuses(world, "a", "a/b");
    refuses(world, "a/b", "a");
    refuses(world, NULL, NULL);
    assert_int_equal(mkdir(world->folder, 0700), 0);
    assert_int_equal(sg_extract_begin(world->folder, &extract, &err), SG_E_OUTPUT_EXISTS);
    assert_int_equal(count_files(world->place), 1);
}

/* The folder that comes up meanwhile stays as it is. */
static void test_folder_that_comes_up(void **state)
{
    struct world *world = *state;
    struct sg_err err;
    size_t files = 0;
    struct sg_extract *extract = NULL;
    assert_int_equal(sg_extract_begin(world->folder, &extract, &err), SG_OK);
    sg_extract_file(extract, slice("a"));
    assert_int_equal(mkdir(world->folder, 0700), 0);
    assert_int_equal(sg_extract_finish(extract, &files, &err), SG_E_OUTPUT_EXISTS);
    sg_extract_free(extract);
    assert_int_equal(count_files(world->folder), 0);
    assert_int_equal(count_files(world->place), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_written_and_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_names_that_lead_elsewhere, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_nothing_is_overwritten, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_folder_that_comes_up, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
