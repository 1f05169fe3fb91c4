/* Output files when calls fail: does each failure give an error, and leave no file, no part of one, and what was there
 * before as it was? Under ASan also: no leak. */
#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"
#include "base/outfile.h"
#include "faults.h"

enum { LEN = 300 * 1024, FILES = 3 };

struct place {
    char folder[64], paths[FILES][96];
    uint8_t *content;
};

static int place_setup(void **state)
{
    struct place *place = calloc(1, sizeof(*place));

    assert_non_null(place);
    strcpy(place->folder, "/tmp/signet-outfile-XXXXXX");
    assert_non_null(mkdtemp(place->folder));
    for (int i = 0; i < FILES; i++)
        (void)snprintf(place->paths[i], sizeof(place->paths[i]), "%s/file %d", place->folder, i);
    place->content = malloc(LEN);
    assert_non_null(place->content);
    for (size_t i = 0; i < LEN; i++)
        place->content[i] = (uint8_t)(i * 31 >> 3);
    *state = place;
    return 0;
}

static size_t count_files(const struct place *place)
{
    size_t count = 0;
    const struct dirent *item;
    DIR *folder = opendir(place->folder);

    assert_non_null(folder);
    while ((item = readdir(folder)))
        count += strcmp(item->d_name, ".") != 0 && strcmp(item->d_name, "..") != 0;
    (void)closedir(folder);
    return count;
}

static void remove_files(const struct place *place)
{
    for (int i = 0; i < FILES; i++)
        (void)remove(place->paths[i]);
}

static int place_teardown(void **state)
{
    struct place *place = *state;

    remove_files(place);
    assert_int_equal(rmdir(place->folder), 0); /* nothing else is in it */
    free(place->content);
    free(place);
    return 0;
}

static bool has_content(const char *path, const void *content, size_t len)
{
    _cleanup_(fclosep) FILE *file = fopen(path, "rb");
    _cleanup_(freep) uint8_t *bytes = malloc(LEN + 16);

    return file && bytes && fread(bytes, 1, LEN + 16, file) == len && memcmp(bytes, content, len) == 0;
}

/* The whole life of a file: the head is patched, and room for the last block is made and filled. */
static enum sg_rc write_file(const struct place *place, const char *path, unsigned flags, struct sg_outfile **ret,
                             struct sg_err *err)
{
    enum { HEAD = 16, GAP_AT = 1000, GAP = 5000 };
    _cleanup_(sg_outfile_freep) struct sg_outfile *out = NULL;
    const uint8_t *content = place->content;

    enum sg_rc rc = sg_outfile_open(path, flags, &out, err);
    if (rc == SG_OK)
        rc = sg_outfile_write(out, (const uint8_t[HEAD]){0}, HEAD, err);
    if (rc == SG_OK)
        rc = sg_outfile_write(out, content + HEAD, GAP_AT - HEAD, err);
    if (rc == SG_OK)
        rc = sg_outfile_write(out, content + GAP_AT + GAP, LEN - GAP_AT - GAP, err);
    if (rc == SG_OK)
        rc = sg_outfile_insert(out, GAP_AT, GAP, err);
    if (rc == SG_OK)
        rc = sg_outfile_patch(out, GAP_AT, content + GAP_AT, GAP, err);
    if (rc == SG_OK)
        rc = sg_outfile_patch(out, 0, content, HEAD, err);
    if (rc == SG_OK)
        *ret = sg_steal(out);
    return rc;
}

static enum sg_rc write_one(const struct place *place, unsigned flags, struct sg_err *err)
{
    _cleanup_(sg_outfile_freep) struct sg_outfile *out = NULL;

    enum sg_rc rc = write_file(place, place->paths[0], flags, &out, err);
    return rc == SG_OK ? sg_outfile_commit(out, err) : rc;
}

static enum sg_rc write_group(const struct place *place, unsigned flags, struct sg_err *err)
{
    struct sg_outfile *outs[FILES] = {NULL};
    enum sg_rc rc = SG_OK;
    size_t failed = 0;

    for (int i = 0; i < FILES && rc == SG_OK; i++)
        rc = write_file(place, place->paths[i], flags, &outs[i], err);
    if (rc == SG_OK)
        rc = sg_outfile_commit_group(outs, FILES, &failed, err);
    assert_true(failed < FILES);
    for (int i = 0; i < FILES; i++)
        sg_outfile_free(outs[i]);
    return rc;
}

static const struct {
    struct fault fault;
    enum sg_rc rc; /* SG_OK: any error */
} FAULTS[] = {
    {{.calls = FAULT_FILES, .errnum = EIO}, SG_OK},
    {{.calls = FAULT_FILES, .errnum = EIO, .lasting = true}, SG_OK},
    {{.calls = FAULT_FILES, .errnum = EACCES}, SG_OK},
    {{.calls = FAULT_WRITE | FAULT_TRUNCATE | FAULT_FSYNC, .errnum = ENOSPC, .lasting = true}, SG_E_DISK_FULL},
    {{.calls = FAULT_WRITE | FAULT_FSYNC, .errnum = EDQUOT}, SG_E_DISK_FULL},
    {{.calls = FAULT_ALLOC, .errnum = ENOMEM}, SG_E_NO_MEMORY},
    {{.calls = FAULT_ALLOC, .errnum = ENOMEM, .lasting = true}, SG_E_NO_MEMORY},
};

static void assert_failed(enum sg_rc rc, enum sg_rc expected, const struct sg_err *err, unsigned nth)
{
    if (rc == SG_OK || (expected != SG_OK && rc != expected))
        fail_msg("call %u failed, and the answer was %s: %s", nth, sg_rc_word(rc), err->text);
    assert_int_equal(err->rc, rc);
    assert_true(err->text[0] != '\0');
}

/* A new file. */
static void check_single(const struct place *place)
{
    for (size_t i = 0; i < sizeof(FAULTS) / sizeof(FAULTS[0]); i++) {
        struct fault fault = FAULTS[i].fault;
        bool hit = true;

        while (hit) {
            struct sg_err err = {0};

            fault.nth++;
            faults_arm(fault);
            enum sg_rc rc = write_one(place, 0, &err);
            hit = faults_disarm();
            if (hit) {
                assert_failed(rc, FAULTS[i].rc, &err, fault.nth);
                assert_int_equal(count_files(place), 0);
            }
        }
        assert_true(fault.nth > 1);
        assert_true(has_content(place->paths[0], place->content, LEN));
        assert_int_equal(count_files(place), 1);
        remove_files(place);
    }
}

/* A file in the place of another: what is there is one or the other, whole. */
static void check_replace(const struct place *place)
{
    for (size_t i = 0; i < sizeof(FAULTS) / sizeof(FAULTS[0]); i++) {
        struct fault fault = FAULTS[i].fault;
        bool hit = true;

        while (hit) {
            struct sg_err err = {0};

            assert_int_equal(
                sg_file_write(place->paths[0], (struct sg_slice){(const uint8_t *)"old", 3}, SG_OUT_REPLACE, NULL),
                SG_OK);
            fault.nth++;
            faults_arm(fault);
            enum sg_rc rc = write_one(place, SG_OUT_REPLACE, &err);
            hit = faults_disarm();
            if (hit)
                assert_failed(rc, FAULTS[i].rc, &err, fault.nth);
            assert_true(has_content(place->paths[0], place->content, LEN) ||
                        (rc != SG_OK && has_content(place->paths[0], "old", 3)));
            assert_int_equal(count_files(place), 1);
        }
        assert_true(fault.nth > 1);
    }
}

/* A group: all of it or none. */
static void check_group(const struct place *place)
{
    for (size_t i = 0; i < sizeof(FAULTS) / sizeof(FAULTS[0]); i++) {
        struct fault fault = FAULTS[i].fault;
        bool hit = true;

        while (hit) {
            struct sg_err err = {0};

            fault.nth++;
            faults_arm(fault);
            enum sg_rc rc = write_group(place, 0, &err);
            hit = faults_disarm();
            if (hit) {
                assert_failed(rc, FAULTS[i].rc, &err, fault.nth);
                assert_int_equal(count_files(place), 0);
            }
        }
        assert_true(fault.nth > 1);
        for (int j = 0; j < FILES; j++)
            assert_true(has_content(place->paths[j], place->content, LEN));
        remove_files(place);
    }
}

/* A group that replaces others: all of it or what was there, as long as the way back does not fail as well. */
static void check_group_replaces(const struct place *place)
{
    for (size_t i = 0; i < sizeof(FAULTS) / sizeof(FAULTS[0]); i++) {
        struct fault fault = FAULTS[i].fault;
        bool hit = true;

        while (hit) {
            struct sg_err err = {0};

            for (int j = 0; j < FILES; j++)
                assert_int_equal(
                    sg_file_write(place->paths[j], (struct sg_slice){(const uint8_t *)"old", 3}, SG_OUT_REPLACE, NULL),
                    SG_OK);
            fault.nth++;
            faults_arm(fault);
            enum sg_rc rc = write_group(place, SG_OUT_REPLACE, &err);
            hit = faults_disarm();
            if (hit)
                assert_failed(rc, FAULTS[i].rc, &err, fault.nth);
            for (int j = 0; j < FILES; j++) {
                bool is_new = has_content(place->paths[j], place->content, LEN);
                assert_true(is_new || has_content(place->paths[j], "old", 3));
                if (!fault.lasting || !(fault.calls & FAULT_RENAME))
                    assert_int_equal(is_new, rc == SG_OK);
            }
            assert_int_equal(count_files(place), FILES);
        }
        assert_true(fault.nth > 1);
    }
    remove_files(place);
}

/* Writes that take only a part are gone on with. */
static void test_short_writes(void **state)
{
    const struct place *place = *state;
    struct fault fault = {.calls = FAULT_WRITE};
    bool hit = true;

    while (hit) {
        fault.nth++;
        faults_arm(fault);
        enum sg_rc rc = write_one(place, 0, NULL);
        hit = faults_disarm();
        assert_int_equal(rc, SG_OK);
        assert_true(has_content(place->paths[0], place->content, LEN));
        remove_files(place);
    }
    assert_true(fault.nth > 1);
}

/* Each of these where files without a name are to be had, and where they are not. */
static void in_both_worlds(void **state, void (*check)(const struct place *place))
{
    check(*state);
    faults_tmpfile(false);
    check(*state);
    faults_tmpfile(true);
}

static void test_single(void **state)
{
    in_both_worlds(state, check_single);
}

static void test_replace(void **state)
{
    in_both_worlds(state, check_replace);
    remove_files(*state);
}

static void test_group(void **state)
{
    in_both_worlds(state, check_group);
    in_both_worlds(state, check_group_replaces);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_single, place_setup, place_teardown),
        cmocka_unit_test_setup_teardown(test_replace, place_setup, place_teardown),
        cmocka_unit_test_setup_teardown(test_group, place_setup, place_teardown),
        cmocka_unit_test_setup_teardown(test_short_writes, place_setup, place_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
