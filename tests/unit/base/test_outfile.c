#include "scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/input.h"
#include "base/limits.h"
#include "base/outfile.h"

/* The system calls that are made to fail, each by these definitions in place of the C library's. */
static struct {
    bool no_proc, no_rename_noreplace, no_link;
    int fsyncs, syncfss;         /* how often they were called */
    int fail_fsync, fail_syncfs; /* the call that fails, counted from 1 */
    char *taken, *by;            /* what has the name `taken` by then; NULL: the same */
} kernel;

int access(const char *path, int mode)
{
    if (kernel.no_proc && strcmp(path, "/proc/self/fd") == 0) {
        errno = ENOENT;
        return -1;
    }
    return (int)syscall(SYS_faccessat, AT_FDCWD, path, mode);
}

int renameat2(int from_folder, const char *from, int to_folder, const char *to, unsigned flags)
{
    if (kernel.no_rename_noreplace) {
        errno = EINVAL;
        return -1;
    }
    return (int)syscall(SYS_renameat2, from_folder, from, to_folder, to, flags);
}

int link(const char *from, const char *to)
{
    if (kernel.no_link) {
        errno = EPERM;
        return -1;
    }
    return (int)syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0);
}

int fsync(int fd)
{
    if (++kernel.fsyncs == kernel.fail_fsync) {
        if (kernel.by)
            assert_int_equal(rename(kernel.by, kernel.taken), 0);
        errno = EIO;
        return -1;
    }
    return (int)syscall(SYS_fsync, fd);
}

int syncfs(int fd)
{
    if (++kernel.syncfss == kernel.fail_syncfs) {
        errno = ENOSPC;
        return -1;
    }
    return (int)syscall(SYS_syncfs, fd);
}

static int setup(void **state)
{
    memset(&kernel, 0, sizeof(kernel));
    return scratch_make(state);
}

static struct sg_outfile *open_file(struct scratch *scratch, const char *name, unsigned flags, const char *text)
{
    struct sg_outfile *out = NULL;
    struct sg_err err;
    assert_ok(sg_outfile_open(scratch_path(scratch, name), flags, &out, &err));
    assert_string_equal(sg_outfile_path(out), scratch->path);
    assert_ok(sg_outfile_write(out, text, strlen(text), &err));
    return out;
}

static void assert_content(struct scratch *scratch, const char *name, const char *expected)
{
    char text[256];
    scratch_read(scratch, name, text, sizeof(text));
    assert_string_equal(text, expected);
}

/* How the file gets its name: linked from nothing, renamed, or linked and unlinked. */
enum way { WAY_TMPFILE, WAY_RENAME, WAY_LINK, WAY_COUNT };

static void choose(enum way way)
{
    kernel.no_proc = way != WAY_TMPFILE;
    kernel.no_rename_noreplace = way == WAY_LINK;
}

/* Is a file there only when it is committed, whole, and nothing else beside it, on any kind of file system? */
static void appears_when_committed(void **state)
{
    struct scratch *scratch = *state;
    for (enum way way = 0; way < WAY_COUNT; way++) {
        struct sg_err err;
        choose(way);
        _cleanup_(sg_outfile_freep) struct sg_outfile *out = open_file(scratch, "file", 0, "hello");
        assert_ok(sg_outfile_flush(out, &err));
        assert_int_equal(access(scratch_path(scratch, "file"), F_OK), -1);
        assert_ok(sg_outfile_write(out, " world", 6, &err));
        assert_int_equal(sg_outfile_size(out), 11);
        assert_ok(sg_outfile_commit(out, &err));
        assert_content(scratch, "file", "hello world");
        assert_int_equal(scratch_count(scratch), 1);
        assert_int_equal(unlink(scratch_path(scratch, "file")), 0);
    }
}

/* Is nothing left of a file that is not committed? */
static void leaves_nothing_behind(void **state)
{
    struct scratch *scratch = *state;
    for (enum way way = 0; way < WAY_COUNT; way++) {
        struct sg_err err;
        choose(way);
        struct sg_outfile *out = open_file(scratch, "file", 0, "hello");
        assert_ok(sg_outfile_flush(out, &err));
        sg_outfile_free(out);
        assert_int_equal(scratch_count(scratch), 0);
    }
    sg_outfile_free(NULL);
}

/* Is a file that is there never overwritten, not even when it comes between open and commit? */
static void never_overwrites(void **state)
{
    struct scratch *scratch = *state;
    for (enum way way = 0; way < WAY_COUNT; way++) {
        struct sg_err err;
        struct sg_outfile *refused = NULL;
        choose(way);
        _cleanup_(sg_outfile_freep) struct sg_outfile *out = open_file(scratch, "file", 0, "new");
        scratch_write(scratch, "file", "old", 3);
        assert_int_equal(sg_outfile_open(scratch_path(scratch, "file"), 0, &refused, &err), SG_E_OUTPUT_EXISTS);
        assert_string_equal(err.file, scratch->path);
        assert_null(refused);
        assert_int_equal(sg_outfile_commit(out, &err), SG_E_OUTPUT_EXISTS);
        assert_string_equal(err.file, scratch->path);
        assert_content(scratch, "file", "old");
        assert_int_equal(unlink(scratch_path(scratch, "file")), 0);
    }
    /* A link that leads nowhere is a name that is taken. */
    struct sg_outfile *refused = NULL;
    assert_int_equal(symlink("nowhere", scratch_path(scratch, "link")), 0);
    assert_int_equal(sg_outfile_open(scratch->path, 0, &refused, NULL), SG_E_OUTPUT_EXISTS);
}

/* Is a file replaced when that is asked for, in one step, and an open one still whole for its reader? */
static void replaces_when_asked(void **state)
{
    struct scratch *scratch = *state;
    for (enum way way = 0; way < WAY_COUNT; way++) {
        struct sg_err err;
        char old[8] = "";
        choose(way);
        scratch_write(scratch, "file", "old", 3);
        _cleanup_(closep) int reader = open(scratch_path(scratch, "file"), O_RDONLY | O_CLOEXEC);
        _cleanup_(sg_outfile_freep) struct sg_outfile *out = open_file(scratch, "file", SG_OUT_REPLACE, "new");
        assert_content(scratch, "file", "old");
        assert_ok(sg_outfile_commit(out, &err));
        assert_content(scratch, "file", "new");
        assert_int_equal(read(reader, old, sizeof(old)), 3);
        assert_string_equal(old, "old");
        sg_outfile_free(sg_steal(out));
        assert_content(scratch, "file", "new");
        assert_int_equal(scratch_count(scratch), 1);
    }
}

/* What is made from what was there takes that one's place, and no other's. */
static void replaces_the_same(void **state)
{
    const struct sg_slice their = {(const uint8_t *)"their", 5};
    struct scratch *scratch = *state;
    for (enum way way = 0; way < WAY_COUNT; way++)
        for (int changed = 0; changed < 2; changed++) {
            struct sg_err err;
            choose(way);
            scratch_write(scratch, "file", "old", 3);
            _cleanup_(sg_outfile_freep) struct sg_outfile *out =
                open_file(scratch, "file", SG_OUT_REPLACE | SG_OUT_SAME, "new");
            if (changed)
                assert_ok(sg_file_write(scratch_path(scratch, "file"), their, SG_OUT_REPLACE, &err));
            assert_int_equal(sg_outfile_commit(out, &err), changed ? SG_E_INPUT_CHANGED : SG_OK);
            sg_outfile_free(sg_steal(out));
            assert_content(scratch, "file", changed ? "their" : "new");
            assert_int_equal(scratch_count(scratch), 1);
        }
}

/* The file gets its name, and what is to bring its folder to disk fails. */
static void fail_to_commit(struct sg_outfile *out)
{
    kernel.fail_fsync = kernel.fsyncs + 2;
    assert_int_equal(sg_outfile_commit(out, NULL), SG_E_IO);
    sg_outfile_free(out);
}

/* Does what was replaced come back, with nothing beside it, and stay away where the system cannot keep it: nothing at
 * all would be worse? */
static void restores_what_it_replaced(void **state)
{
    struct scratch *scratch = *state;
    for (int linkable = 0; linkable < 2; linkable++) {
        kernel.no_link = !linkable;
        scratch_write(scratch, "file", "old", 3);
        fail_to_commit(open_file(scratch, "file", SG_OUT_REPLACE, "new"));
        assert_content(scratch, "file", linkable ? "old" : "new");
        assert_int_equal(scratch_count(scratch), 1);
    }
    /* A link is replaced itself, and comes back as one; a folder that came meanwhile is not. */
    struct stat st;
    kernel.no_link = false;
    assert_int_equal(symlink("nowhere", scratch_path(scratch, "link")), 0);
    fail_to_commit(open_file(scratch, "link", SG_OUT_REPLACE, "new"));
    assert_int_equal(lstat(scratch_path(scratch, "link"), &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    _cleanup_(sg_outfile_freep) struct sg_outfile *refused = open_file(scratch, "folder", SG_OUT_REPLACE, "new");
    assert_int_equal(mkdir(scratch_path(scratch, "folder"), 0700), 0);
    assert_int_equal(sg_outfile_commit(refused, NULL), SG_E_CANNOT_CREATE);
    assert_int_equal(lstat(scratch_path(scratch, "folder"), &st), 0);
    assert_true(S_ISDIR(st.st_mode));
}

/* Is what is no ordinary file never replaced, and a missing folder named? */
static void refuses_what_it_cannot_write(void **state)
{
    struct scratch *scratch = *state;
    struct sg_outfile *out = NULL;
    struct sg_err err;
    assert_int_equal(sg_outfile_open("/dev/null", SG_OUT_REPLACE, &out, &err), SG_E_CANNOT_CREATE);
    assert_int_equal(sg_outfile_open(scratch->folder, SG_OUT_REPLACE, &out, &err), SG_E_CANNOT_CREATE);
    assert_int_equal(sg_outfile_open(scratch->folder, 0, &out, &err), SG_E_OUTPUT_EXISTS);
    assert_int_equal(sg_outfile_open(scratch_path(scratch, "none/file"), 0, &out, &err), SG_E_CANNOT_CREATE);
    assert_string_equal(err.file, scratch_path(scratch, "none"));
    assert_int_equal(sg_outfile_open(scratch_path(scratch, "none/"), 0, &out, &err), SG_E_CANNOT_CREATE);
    assert_int_equal(sg_outfile_open(scratch_path(scratch, ""), SG_OUT_REPLACE, &out, &err), SG_E_CANNOT_CREATE);
    assert_int_equal(sg_outfile_open("", 0, &out, &err), SG_E_CANNOT_CREATE);
    kernel.no_proc = true;
    assert_int_equal(sg_outfile_open(scratch_path(scratch, "none/file"), 0, &out, &err), SG_E_CANNOT_CREATE);
    assert_string_equal(err.file, scratch_path(scratch, "none"));
    assert_null(out);
}

/* Do the umask, and privacy where it is asked for, decide who may read the file? */
static void has_the_right_permissions(void **state)
{
    struct scratch *scratch = *state;
    struct sg_err err;
    mode_t before = umask(027);
    for (enum way way = 0; way < WAY_COUNT; way++) {
        struct stat st;
        choose(way);
        assert_ok(sg_file_write(scratch_path(scratch, "shared"), (struct sg_slice){0}, SG_OUT_REPLACE, &err));
        assert_int_equal(stat(scratch->path, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0640);
        assert_ok(sg_file_write(scratch_path(scratch, "private"), (struct sg_slice){0}, SG_OUT_PRIVATE | SG_OUT_REPLACE,
                                &err));
        assert_int_equal(stat(scratch->path, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
    }
    (void)umask(before);
}

/* Do bytes land where they belong, for every size around that of the buffer and with patches on both sides of it? */
static void writes_and_patches(void **state)
{
    struct scratch *scratch = *state;
    size_t sizes[] = {0, 1, 100, 32767, 32768, 32769, 65536, 300000};
    _cleanup_(freep) uint8_t *expected = malloc(2 * 300000);
    _cleanup_(freep) uint8_t *found = malloc(2 * 300000 + 1);
    assert_non_null(expected);
    assert_non_null(found);
    for (size_t i = 0; i < 64; i++) {
        size_t first = sizes[i / 8], second = sizes[i % 8], size = first + second;
        struct sg_err err;
        for (size_t j = 0; j < size; j++)
            expected[j] = (uint8_t)(j * 13 + j / 251);
        _cleanup_(sg_outfile_freep) struct sg_outfile *out = open_file(scratch, "file", SG_OUT_REPLACE, "");
        assert_ok(sg_outfile_write(out, expected, first, &err));
        assert_ok(sg_outfile_sink(out).write(sg_outfile_sink(out).context, expected + first, second, &err));
        for (size_t at = 0; at + 7 <= size; at += size / 5 + 7) {
            memcpy(expected + at, "PATCHED", 7);
            assert_ok(sg_outfile_patch(out, at, "PATCHED", 7, &err));
        }
        assert_int_equal(sg_outfile_size(out), size);
        assert_int_equal(sg_outfile_patch(out, size, "x", 1, &err), SG_E_INTERNAL);
        assert_int_equal(sg_outfile_patch(out, UINT64_MAX, "xx", 2, &err), SG_E_INTERNAL);
        assert_ok(sg_outfile_commit(out, &err));
        scratch_read(scratch, "file", (char *)found, 2 * 300000 + 1);
        assert_memory_equal(found, expected, size);
        struct stat st;
        assert_int_equal(stat(scratch_path(scratch, "file"), &st), 0);
        assert_int_equal(st.st_size, size);
    }
}

/* Is room made at the front, in the middle and at the end, also by more than what follows and more than a block? */
static void inserts(void **state)
{
    struct scratch *scratch = *state;
    const size_t size = SG_IO_BUFFER * 2 + 777, offsets[] = {0, 1, 5000, size - 1, size},
                 lengths[] = {0, 1, 4, SG_IO_BUFFER + 1};
    _cleanup_(freep) uint8_t *bytes = malloc(size);
    _cleanup_(freep) uint8_t *found = malloc(2 * size + 1);
    assert_non_null(bytes);
    assert_non_null(found);
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(i * 17 + i / 253);
    for (size_t i = 0; i < 20; i++) {
        size_t offset = offsets[i / 4], len = lengths[i % 4];
        struct sg_err err;
        _cleanup_(sg_outfile_freep) struct sg_outfile *out = open_file(scratch, "file", SG_OUT_REPLACE, "");
        assert_ok(sg_outfile_write(out, bytes, size, &err));
        assert_ok(sg_outfile_insert(out, offset, len, &err));
        assert_int_equal(sg_outfile_size(out), size + len);
        assert_int_equal(sg_outfile_insert(out, size + len + 1, 1, &err), SG_E_INTERNAL);
        assert_ok(sg_outfile_write(out, "end", 3, &err));
        assert_ok(sg_outfile_commit(out, &err));
        scratch_read(scratch, "file", (char *)found, 2 * size + 1);
        assert_memory_equal(found, bytes, offset);
        assert_memory_equal(found + offset + len, bytes + offset, size - offset);
        assert_memory_equal(found + size + len, "end", 4);
    }
}

/* Does a group cost one syncfs and one fsync a folder, however many its files are? */
static void a_group_is_cheap(void **state)
{
    struct scratch *scratch = *state;
    struct sg_outfile *outs[40] = {NULL};
    struct sg_err err;
    size_t failed = 99;
    assert_int_equal(mkdir(scratch_path(scratch, "sub"), 0700), 0);
    for (size_t i = 0; i < 40; i++) {
        char name[32];
        (void)snprintf(name, sizeof(name), i % 2 ? "sub/file%zu" : "file%zu", i);
        outs[i] = open_file(scratch, name, 0, "content");
    }
    assert_ok(sg_outfile_commit_group(outs, 40, &failed, &err));
    assert_int_equal(kernel.syncfss, 1);
    assert_int_equal(kernel.fsyncs, 2);
    assert_int_equal(failed, 99);
    assert_content(scratch, "sub/file39", "content");
    assert_int_equal(scratch_count(scratch), 21);
    for (size_t i = 0; i < 40; i++)
        sg_outfile_free(outs[i]);
    assert_ok(sg_outfile_commit_group(NULL, 0, &failed, &err));
}

/* Commits a group of four in which `prepare` goes wrong, and sees that nothing is there but what was. */
static void assert_group_fails(struct scratch *scratch, enum sg_rc expected, size_t expected_index)
{
    struct sg_outfile *outs[4] = {NULL};
    struct sg_err err;
    size_t failed = 99;
    int before = scratch_count(scratch);
    for (size_t i = 0; i < 4; i++) {
        char name[32];
        (void)snprintf(name, sizeof(name), "file%zu", i);
        outs[i] = open_file(scratch, name, 0, "new");
    }
    if (expected == SG_E_OUTPUT_EXISTS) {
        scratch_write(scratch, "file2", "old", 3);
        before++;
    }
    assert_int_equal(sg_outfile_commit_group(outs, 4, &failed, &err), expected);
    assert_int_equal(failed, expected_index);
    assert_int_equal(err.rc, expected);
    for (size_t i = 0; i < 4; i++)
        sg_outfile_free(outs[i]);
    assert_int_equal(scratch_count(scratch), before);
}

/* Are the names that a failed group gave out taken back, whatever failed, and a stranger's file left alone? */
static void a_failed_group_leaves_nothing(void **state)
{
    struct scratch *scratch = *state;
    for (enum way way = 0; way < WAY_COUNT; way++) {
        memset(&kernel, 0, sizeof(kernel));
        choose(way);
        kernel.fail_syncfs = kernel.syncfss + 1;
        assert_group_fails(scratch, SG_E_DISK_FULL, 0);
        kernel.fail_fsync = kernel.fsyncs + 1;
        assert_group_fails(scratch, SG_E_IO, 0);
        assert_group_fails(scratch, SG_E_OUTPUT_EXISTS, 2);
        assert_content(scratch, "file2", "old");
        assert_int_equal(unlink(scratch_path(scratch, "file2")), 0);
    }
}

/* Are the files that a failed group replaced there again, also one that the group itself had put there, and nothing
 * else? */
static void a_failed_group_restores(void **state)
{
    struct scratch *scratch = *state;
    static const char *const names[] = {"first", "second", "first", "new", "taken"};
    for (enum way way = 0; way < WAY_COUNT; way++) {
        struct sg_outfile *outs[5] = {NULL};
        struct sg_err err;
        size_t failed = 99;
        choose(way);
        scratch_write(scratch, "first", "old 1", 5);
        scratch_write(scratch, "second", "old 2", 5);
        for (size_t i = 0; i < 5; i++)
            outs[i] = open_file(scratch, names[i], i < 4 ? SG_OUT_REPLACE : 0, "new");
        scratch_write(scratch, "taken", "theirs", 6);
        assert_int_equal(sg_outfile_commit_group(outs, 5, &failed, &err), SG_E_OUTPUT_EXISTS);
        assert_int_equal(failed, 4);
        for (size_t i = 0; i < 5; i++)
            sg_outfile_free(outs[i]);
        assert_content(scratch, "first", "old 1");
        assert_content(scratch, "second", "old 2");
        assert_content(scratch, "taken", "theirs");
        assert_int_equal(scratch_count(scratch), 3);
        assert_int_equal(unlink(scratch_path(scratch, "taken")), 0);
    }
}

/* Is a name that somebody gave to another file meanwhile left alone by taking it back? */
static void takes_back_only_its_own(void **state)
{
    struct scratch *scratch = *state;
    struct sg_outfile *out = open_file(scratch, "file", 0, "ours");
    char path[128], other[128];
    (void)snprintf(path, sizeof(path), "%s", scratch_path(scratch, "file"));
    scratch_write(scratch, "other", "theirs", 6);
    (void)snprintf(other, sizeof(other), "%s", scratch_path(scratch, "other"));
    kernel.taken = path;
    kernel.by = other;
    fail_to_commit(out);
    assert_content(scratch, "file", "theirs");
}

/* Is a write that the system refuses an error, with nothing left behind? */
static void a_refused_write_is_an_error(void **state)
{
    struct scratch *scratch = *state;
    struct rlimit before, small;
    struct sg_err err;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = 100000;
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    struct sg_outfile *out = open_file(scratch, "file", 0, "");
    static const uint8_t block[60000];
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    assert_ok(sg_outfile_write(out, block, sizeof(block), &err));
    enum sg_rc rc = sg_outfile_write(out, block, sizeof(block), &err);
    if (rc == SG_OK)
        rc = sg_outfile_commit(out, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    (void)signal(SIGXFSZ, handler);
    assert_int_equal(rc, SG_E_DISK_FULL);
    assert_string_equal(err.file, scratch_path(scratch, "file"));
    assert_string_not_equal(err.cause, "");
    sg_outfile_free(out);
    assert_int_equal(scratch_count(scratch), 0);
}

/* Does stdout get all of it at the commit, and nothing before? */
static void writes_to_stdout(void **state)
{
    struct scratch *scratch = *state;
    struct sg_err err;
    _cleanup_(closep) int saved = dup(STDOUT_FILENO);
    _cleanup_(closep) int fd = open(scratch_path(scratch, "stdout"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    struct sg_outfile *out = NULL, *abandoned = NULL;
    (void)fflush(stdout);
    assert_int_equal(dup2(fd, STDOUT_FILENO), STDOUT_FILENO);
    enum sg_rc rc = sg_outfile_open("-", 0, &out, &err);
    if (rc == SG_OK)
        rc = sg_outfile_open("-", 0, &abandoned, &err);
    if (rc == SG_OK)
        rc = sg_outfile_write(abandoned, "abandoned", 9, &err);
    if (rc == SG_OK)
        rc = sg_outfile_write(out, "to stdout", 9, &err);
    sg_outfile_free(abandoned);
    off_t before = lseek(fd, 0, SEEK_END);
    if (rc == SG_OK)
        rc = sg_outfile_commit(out, &err);
    assert_int_equal(dup2(saved, STDOUT_FILENO), STDOUT_FILENO);
    assert_ok(rc);
    assert_int_equal(before, 0);
    assert_content(scratch, "stdout", "to stdout");
    sg_outfile_free(out);
}

/* Are folders made with all their parents, for their owner alone, and on disk? */
static void makes_folders(void **state)
{
    struct scratch *scratch = *state;
    struct sg_err err;
    struct stat st;
    assert_ok(sg_folder_make(scratch_path(scratch, "a//b/c/"), &err));
    assert_int_equal(kernel.fsyncs, 3);
    assert_int_equal(stat(scratch_path(scratch, "a/b/c"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    assert_ok(sg_folder_make(scratch_path(scratch, "a/b/c"), &err));
    assert_int_equal(kernel.fsyncs, 3);
    scratch_write(scratch, "file", "x", 1);
    assert_int_equal(sg_folder_make(scratch_path(scratch, "file/below"), &err), SG_E_CANNOT_CREATE);
    assert_int_equal(sg_folder_make(scratch_path(scratch, "file"), &err), SG_E_CANNOT_CREATE);
    assert_string_equal(err.file, scratch->path);
    assert_int_equal(sg_folder_make("", &err), SG_E_CANNOT_CREATE);
    kernel.fail_fsync = kernel.fsyncs + 1;
    assert_int_equal(sg_folder_make(scratch_path(scratch, "d"), &err), SG_E_IO);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, scratch_remove)
    const struct CMUnitTest tests[] = {
        TEST(appears_when_committed),
        TEST(leaves_nothing_behind),
        TEST(never_overwrites),
        TEST(replaces_when_asked),
        TEST(replaces_the_same),
        TEST(restores_what_it_replaced),
        TEST(refuses_what_it_cannot_write),
        TEST(has_the_right_permissions),
        TEST(writes_and_patches),
        TEST(inserts),
        TEST(a_group_is_cheap),
        TEST(a_failed_group_leaves_nothing),
        TEST(a_failed_group_restores),
        TEST(takes_back_only_its_own),
        TEST(a_refused_write_is_an_error),
        TEST(writes_to_stdout),
        TEST(makes_folders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
