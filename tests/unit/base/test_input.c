#include "scratch.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/input.h"
#include "base/limits.h"

/* What a sink took, or after how many bytes it refuses more. */
struct taken {
    size_t len, calls, largest;
    uint8_t sum;
    size_t refuse_after;
};

static enum sg_rc take(void *context, const uint8_t *data, size_t len, struct sg_err *err)
{
    struct taken *taken = context;
    for (size_t i = 0; i < len; i++)
        taken->sum = (uint8_t)(taken->sum * 31 + data[i]);
    taken->len += len;
    taken->calls++;
    taken->largest = len > taken->largest ? len : taken->largest;
    if (taken->refuse_after > 0 && taken->len >= taken->refuse_after)
        return sg_fail(err, SG_E_CANCELLED, "enough");
    return SG_OK;
}

static void assert_reads(struct sg_input *input, uint64_t offset, size_t len, const char *expected)
{
    char bytes[64];
    size_t n = 99;
    struct sg_err err;
    assert_ok(sg_input_read(input, offset, bytes, len, &n, &err));
    assert_int_equal(n, strlen(expected));
    assert_memory_equal(bytes, expected, n);
}

/* Is any part of a file read, up to its end and not beyond, from disk and from memory alike? */
static void reads_at_offsets(void **state)
{
    struct scratch *scratch = *state;
    struct sg_err err;
    scratch_write(scratch, "file", "0123456789", 10);
    scratch_write(scratch, "front", "01234", 5);
    for (int kind = 0; kind < 3; kind++) {
        _cleanup_(sg_input_freep) struct sg_input *front = NULL;
        _cleanup_(sg_input_freep) struct sg_input *input = NULL;
        if (kind == 2) {
            assert_ok(sg_input_open(scratch_path(scratch, "front"), &front, &err));
            assert_ok(sg_input_joined(front, (struct sg_slice){(const uint8_t *)"56789", 5}, &input, &err));
            assert_reads(input, 5, 3, "567");
            assert_reads(input, 2, 3, "234");
        } else if (kind == 1)
            assert_ok(sg_input_from_slice("mem", (struct sg_slice){(const uint8_t *)"0123456789", 10}, &input, &err));
        else
            assert_ok(sg_input_open(scratch_path(scratch, "file"), &input, &err));
        assert_int_equal(sg_input_size(input), 10);
        assert_reads(input, 0, 10, "0123456789");
        assert_reads(input, 3, 4, "3456");
        assert_reads(input, 8, 20, "89");
        assert_reads(input, 10, 1, "");
        assert_reads(input, UINT64_MAX, 1, "");
        assert_ok(sg_input_check_unchanged(input, &err));
        struct taken taken = {0};
        assert_ok(sg_input_copy(input, 2, 5, (struct sg_sink){take, &taken}, &err));
        assert_int_equal(taken.len, 5);
        assert_int_equal(sg_input_copy(input, 2, 9, (struct sg_sink){take, &taken}, &err), SG_E_INPUT_CHANGED);
        assert_int_equal(sg_input_copy(input, 11, UINT64_MAX, (struct sg_sink){take, &taken}, &err),
                         SG_E_INPUT_CHANGED);
        assert_int_equal(taken.len, 5);
    }
}

/* Is each way in which a file cannot be opened told apart, with the file's name? */
static void says_why_not(void **state)
{
    struct scratch *scratch = *state;
    struct sg_input *input = NULL;
    struct sg_err err;
    assert_int_equal(sg_input_open(scratch->folder, &input, &err), SG_E_IS_FOLDER);
    assert_string_equal(err.file, scratch->folder);
    assert_int_equal(sg_input_open(scratch_path(scratch, "none"), &input, &err), SG_E_NOT_FOUND);
    assert_string_equal(err.file, scratch->path);
    scratch_write(scratch, "file", "x", 1);
    assert_int_equal(sg_input_open(scratch_path(scratch, "file/below"), &input, &err), SG_E_NOT_FOUND);
    assert_int_equal(symlink("loop", scratch_path(scratch, "loop")), 0);
    assert_int_equal(sg_input_open(scratch_path(scratch, "loop"), &input, &err), SG_E_NOT_READABLE);
    if (getuid() != 0) {
        assert_int_equal(chmod(scratch_path(scratch, "file"), 0), 0);
        assert_int_equal(sg_input_open(scratch->path, &input, &err), SG_E_NOT_READABLE);
    }
    assert_null(input);
}

/* Is a pipe, which cannot go back, read whole and then read like a file? */
static void spools_a_pipe(void **state)
{
    struct scratch *scratch = *state;
    struct sg_err err;
    assert_int_equal(mkfifo(scratch_path(scratch, "pipe"), 0600), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        int fd = open(scratch->path, O_WRONLY | O_CLOEXEC);
        static uint8_t block[100000];
        for (int i = 0; i < 7; i++)
            if (write(fd, block, sizeof(block)) != (ssize_t)sizeof(block))
                _exit(1);
        _exit(write(fd, "end", 3) == 3 ? 0 : 1);
    }
    _cleanup_(sg_input_freep) struct sg_input *input = NULL;
    assert_ok(sg_input_open(scratch->path, &input, &err));
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(sg_input_size(input), 700003);
    assert_reads(input, 700000, 10, "end");
}

/* Is stdin used where it lies, unless something of it was read already? */
static void reads_stdin(void **state)
{
    struct scratch *scratch = *state;
    struct sg_err err;
    scratch_write(scratch, "file", "0123456789", 10);
    int saved = dup(STDIN_FILENO), fd = open(scratch_path(scratch, "file"), O_RDONLY | O_CLOEXEC);
    assert_int_equal(dup2(fd, STDIN_FILENO), STDIN_FILENO);
    for (int already_read = 0; already_read < 2; already_read++) {
        _cleanup_(sg_input_freep) struct sg_input *input = NULL;
        assert_int_equal(lseek(fd, already_read * 4, SEEK_SET), already_read * 4);
        assert_ok(sg_input_open("-", &input, &err));
        assert_string_equal(sg_input_name(input), "-");
        assert_reads(input, 0, 20, already_read ? "456789" : "0123456789");
        assert_ok(sg_input_check_unchanged(input, &err));
    }
    assert_int_equal(dup2(saved, STDIN_FILENO), STDIN_FILENO);
    assert_int_equal(close(saved), 0);
    assert_int_equal(close(fd), 0);
}

/* Is a copy named as the file that a person knows, and is its own file still the one that is watched? */
static void is_called(void **state)
{
    struct scratch *scratch = *state;
    _cleanup_(sg_input_freep) struct sg_input *input = NULL;
    struct sg_err err;
    scratch_write(scratch, "copy", "0123456789", 10);
    assert_ok(sg_input_open(scratch_path(scratch, "copy"), &input, &err));
    assert_ok(sg_input_call(input, "first", &err));
    assert_ok(sg_input_call(input, "doc.pdf", &err));
    assert_string_equal(sg_input_name(input), "doc.pdf");
    assert_ok(sg_input_check_unchanged(input, &err));
    assert_int_equal(truncate(scratch_path(scratch, "copy"), 9), 0);
    assert_int_equal(sg_input_check_unchanged(input, &err), SG_E_INPUT_CHANGED);
    assert_non_null(strstr(err.text, "\"doc.pdf\" changed"));
}

/* Is a file of the kernel's, which says that it is empty, read all the same? */
static void reads_proc(void **state)
{
    (void)state;
    _cleanup_(sg_input_freep) struct sg_input *input = NULL;
    struct sg_err err;
    assert_ok(sg_input_open("/proc/self/status", &input, &err));
    assert_true(sg_input_size(input) > 0);
}

/* Is every change noticed: longer, shorter, rewritten, another file in its place, gone? */
static void notices_changes(void **state)
{
    struct scratch *scratch = *state;
    char path[128], other[128];
    (void)snprintf(path, sizeof(path), "%s", scratch_path(scratch, "file"));
    (void)snprintf(other, sizeof(other), "%s", scratch_path(scratch, "other"));
    for (int change = 0; change < 6; change++) {
        _cleanup_(sg_input_freep) struct sg_input *input = NULL;
        struct sg_err err;
        scratch_write(scratch, "file", "0123456789", 10);
        scratch_write(scratch, "other", "0123456789", 10);
        /* Old, so that a write gives it another time however coarse the clock of the file system is. */
        assert_int_equal(utimensat(AT_FDCWD, path, (const struct timespec[]){{1000, 0}, {1000, 0}}, 0), 0);
        assert_ok(sg_input_open(path, &input, &err));
        assert_ok(sg_input_check_unchanged(input, &err));
        switch (change) {
        case 0:
            assert_int_equal(truncate(path, 11), 0);
            break;
        case 1:
            assert_int_equal(truncate(path, 9), 0);
            break;
        case 2:
            scratch_write(scratch, "file", "012345678X", 10);
            break;
        case 3:
            assert_int_equal(utimensat(AT_FDCWD, other, (const struct timespec[]){{1000, 0}, {1000, 0}}, 0), 0);
            assert_int_equal(rename(other, path), 0);
            break;
        case 4:
            assert_int_equal(unlink(path), 0);
            break;
        default:
            assert_int_equal(utimensat(AT_FDCWD, path, (const struct timespec[]){{1000, 1}, {1000, 1}}, 0), 0);
        }
        assert_int_equal(sg_input_check_unchanged(input, &err), SG_E_INPUT_CHANGED);
        assert_string_equal(err.file, path);
        if (change == 1) {
            struct taken taken = {0};
            assert_int_equal(sg_input_copy(input, 0, 10, (struct sg_sink){take, &taken}, &err), SG_E_INPUT_CHANGED);
        }
    }
}

/* Is a large file streamed in pieces of bounded size, every byte once and in order, and stopped by its sink? */
static void streams(void **state)
{
    struct scratch *scratch = *state;
    size_t len = 3 * SG_IO_BUFFER + 12345;
    _cleanup_(freep) uint8_t *bytes = malloc(len);
    assert_non_null(bytes);
    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)(i * 7 + i / 1000);
    scratch_write(scratch, "file", bytes, len);
    _cleanup_(sg_input_freep) struct sg_input *input = NULL, *memory = NULL;
    struct sg_err err;
    assert_ok(sg_input_open(scratch_path(scratch, "file"), &input, &err));
    assert_ok(sg_input_from_slice("memory", (struct sg_slice){bytes, len}, &memory, &err));
    struct taken whole = {0}, first = {0}, second = {0}, refusing = {.refuse_after = 1};
    assert_int_equal(take(&whole, bytes + 5, len - 5, &err), SG_OK);
    assert_ok(sg_input_copy(input, 5, len - 5, (struct sg_sink){take, &first}, &err));
    assert_ok(sg_input_copy(memory, 5, len - 5, (struct sg_sink){take, &second}, &err));
    assert_int_equal(first.len, len - 5);
    assert_int_equal(first.sum, whole.sum);
    assert_int_equal(second.len, len - 5);
    assert_int_equal(second.sum, whole.sum);
    assert_true(first.largest <= SG_IO_BUFFER);
    assert_true(second.largest <= SG_IO_BUFFER);
    assert_int_equal(sg_input_copy(input, 0, len, (struct sg_sink){take, &refusing}, &err), SG_E_CANCELLED);
    assert_int_equal(refusing.calls, 1);
}

/* Is a whole file taken up to the limit, and one byte more refused? */
static void reads_all_within_a_limit(void **state)
{
    struct scratch *scratch = *state;
    struct sg_err err;
    scratch_write(scratch, "file", "0123456789", 10);
    _cleanup_(sg_input_freep) struct sg_input *input = NULL;
    assert_ok(sg_input_open(scratch_path(scratch, "file"), &input, &err));
    _cleanup_(sg_buf_clear) struct sg_buf fits = SG_BUF(10), small = SG_BUF(9);
    assert_ok(sg_input_read_all(input, &fits, &err));
    assert_memory_equal(fits.data, "0123456789", 10);
    assert_int_equal(sg_input_read_all(input, &small, &err), SG_E_LIMIT);
    assert_string_equal(err.file, scratch->path);
    assert_int_equal(small.len, 0);
    /* What the buffer has already counts, and stays when the file cannot be read. */
    assert_int_equal(sg_input_read_all(input, &fits, &err), SG_E_LIMIT);
    assert_int_equal(fits.len, 10);
}

/* Can a spool be filled in pieces and read, with no name left anywhere? */
static void spools(void **state)
{
    struct scratch *scratch = *state;
    struct sg_err err;
    assert_int_equal(setenv("TMPDIR", scratch->folder, 1), 0);
    _cleanup_(sg_input_freep) struct sg_input *input = NULL;
    assert_ok(sg_input_spool("decoded", &input, &err));
    assert_ok(sg_input_append(input, "abc", 3, &err));
    assert_ok(sg_input_append(input, NULL, 0, &err));
    assert_ok(sg_input_append(input, "def", 3, &err));
    assert_int_equal(sg_input_size(input), 6);
    assert_reads(input, 2, 3, "cde");
    assert_ok(sg_input_check_unchanged(input, &err));
    assert_int_equal(scratch_count(scratch), 0);
    assert_int_equal(unsetenv("TMPDIR"), 0);
}

/* Does a spool that becomes too large for memory go on in a file, and say so where none can be made? */
static void spools_much(void **state)
{
    struct scratch *scratch = *state;
    struct sg_err err;
    _cleanup_(freep) uint8_t *block = calloc(1, SG_MIB);
    _cleanup_(sg_input_freep) struct sg_input *input = NULL;
    assert_non_null(block);
    assert_int_equal(setenv("TMPDIR", scratch->folder, 1), 0);
    assert_ok(sg_input_spool("decoded", &input, &err));
    assert_ok(sg_input_append(input, "start", 5, &err));
    for (size_t i = 0; i < SG_SPOOL_MEMORY; i += SG_MIB)
        assert_ok(sg_input_append(input, block, SG_MIB, &err));
    assert_ok(sg_input_append(input, "end", 3, &err));
    assert_true(sg_input_fd(input) >= 0);
    assert_int_equal(sg_input_size(input), SG_SPOOL_MEMORY + 8);
    assert_reads(input, 0, 5, "start");
    assert_reads(input, SG_SPOOL_MEMORY + 5, 3, "end");
    assert_int_equal(scratch_count(scratch), 0);

    _cleanup_(sg_input_freep) struct sg_input *none = NULL;
    enum sg_rc rc = SG_OK;
    assert_int_equal(setenv("TMPDIR", "/nowhere/at/all", 1), 0);
    assert_ok(sg_input_spool("decoded", &none, &err));
    for (size_t i = 0; rc == SG_OK && i <= SG_SPOOL_MEMORY; i += SG_MIB)
        rc = sg_input_append(none, block, SG_MIB, &err);
    assert_int_equal(rc, SG_E_CANNOT_CREATE);
    assert_string_equal(err.file, "/nowhere/at/all");
    assert_int_equal(unsetenv("TMPDIR"), 0);
}

static enum sg_rc open_in(int folder, const char *path, struct sg_err *err)
{
    _cleanup_(sg_input_freep) struct sg_input *input = NULL;
    return sg_input_open_file(folder, path, path, &input, err);
}

/* Where nobody named a file: is a FIFO refused and not waited for, and does neither ".." nor a link lead out of the
 * folder, though links within it do? */
static void opens_what_nobody_named(void **state)
{
    struct scratch *scratch = *state;
    struct sg_err err;
    assert_int_equal(symlink("/etc/passwd", scratch_path(scratch, "out")), 0);
    assert_int_equal(symlink("file", scratch_path(scratch, "in")), 0);
    assert_int_equal(symlink("/etc", scratch_path(scratch, "away")), 0);
    assert_int_equal(mkfifo(scratch_path(scratch, "fifo"), 0600), 0);
    scratch_write(scratch, "file", "text", 4);
    _cleanup_(closep) int folder = open(scratch->folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    assert_ok(open_in(folder, "file", &err));
    assert_ok(open_in(folder, "in", &err));
    assert_ok(open_in(-1, "/etc/passwd", &err));
    assert_int_equal(open_in(folder, "fifo", &err), SG_E_NOT_READABLE);
    assert_int_equal(open_in(-1, scratch_path(scratch, "fifo"), &err), SG_E_NOT_READABLE);
    assert_int_not_equal(open_in(folder, "out", &err), SG_OK);
    assert_int_not_equal(open_in(folder, "away/passwd", &err), SG_OK);
    assert_int_not_equal(open_in(folder, "../../etc/passwd", &err), SG_OK);
    assert_int_not_equal(open_in(folder, "/etc/passwd", &err), SG_OK);
    assert_int_equal(open_in(folder, "none", &err), SG_E_NOT_FOUND);
}

/* Does a process leave it to another one to notice changes, and read a small file as it was when it was asked to? */
static void leaves_changes_to_another(void **state)
{
    struct scratch *scratch = *state;
    struct sg_err err;
    _cleanup_(sg_input_freep) struct sg_input *input = NULL;
    scratch_write(scratch, "file", "text", 4);
    assert_ok(sg_input_open(scratch_path(scratch, "file"), &input, &err));
    assert_ok(sg_input_watched(input, &err));
    scratch_write(scratch, "file", "else", 4);
    assert_reads(input, 0, 4, "text");
    assert_ok(sg_input_check_unchanged(input, &err));
}

/* Is a device refused, which may never end, but for the one that is empty? */
static void refuses_devices(void **state)
{
    (void)state;
    struct sg_err err;
    _cleanup_(sg_input_freep) struct sg_input *input = NULL;
    assert_int_equal(sg_input_open("/dev/zero", &input, &err), SG_E_NOT_READABLE);
    assert_string_equal(err.file, "/dev/zero");
    assert_null(input);
    assert_ok(sg_input_open("/dev/null", &input, &err));
    assert_int_equal(sg_input_size(input), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_make, scratch_remove)
    const struct CMUnitTest tests[] = {
        TEST(reads_at_offsets),
        TEST(says_why_not),
        TEST(spools_a_pipe),
        TEST(reads_stdin),
        TEST(is_called),
        TEST(reads_proc),
        TEST(notices_changes),
        TEST(streams),
        TEST(reads_all_within_a_limit),
        TEST(spools),
        TEST(refuses_devices),
        TEST(spools_much),
        TEST(opens_what_nobody_named),
        TEST(leaves_changes_to_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
