#include "base/input.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include "base/limits.h"
#include "base/msg.h"
#include "base/temporary.h"

struct sg_input {
    char *name;
    char *path; /* of a file that is called otherwise; else NULL */
    int fd;     /* -1: the bytes are in `memory` */
    struct sg_slice memory;
    struct sg_input *front; /* not NULL: `memory` stands behind this */
    struct sg_buf spooled;  /* owns `memory`, of a spool that is still small */
    uint64_t size;
    bool in_place;      /* `fd` is the file itself, not a temporary file of ours */
    bool watched;       /* by another process, which asks whether the file has changed */
    struct stat opened; /* of a file that is read in place */
};

static enum sg_rc cannot_read(const struct sg_input *input, int errnum, struct sg_err *err)
{
    return sg_about(input->name, err, sg_fail_errno(err, SG_E_IO, errnum, _("\"%s\" cannot be read."), input->name));
}

static enum sg_rc has_changed(const struct sg_input *input, struct sg_err *err)
{
    return sg_about(input->name, err,
                    sg_fail(err, SG_E_INPUT_CHANGED,
                            _("\"%s\" changed while it was being read; try again once it is at rest."), input->name));
}

static enum sg_rc input_new(const char *name, struct sg_input **ret, struct sg_err *err)
{
    _cleanup_(sg_input_freep) struct sg_input *input = calloc(1, sizeof(*input));
    if (!input)
        return sg_fail_memory(err);
    input->fd = -1;
    input->spooled.max = SG_SPOOL_MEMORY;
    input->name = strdup(name);
    if (!input->name)
        return sg_fail_memory(err);
    *ret = sg_steal(input);
    return SG_OK;
}

void sg_input_free(struct sg_input *input)
{
    if (!input)
        return;
    closep(&input->fd);
    sg_buf_clear(&input->spooled);
    free(input->name);
    free(input->path);
    free(input);
}

static enum sg_rc open_failed(const char *path, int errnum, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;
    switch (errnum) {
    case EINTR:
        rc = sg_fail(err, SG_E_CANCELLED, _("Waiting for \"%s\" was interrupted."), path);
        break;
    case ENOENT:
    case ENOTDIR:
    case ENAMETOOLONG:
        rc = sg_fail_errno(err, SG_E_NOT_FOUND, errnum, _("There is no file \"%s\"."), path);
        break;
    case EACCES:
    case EPERM:
    case ELOOP:
    case ENXIO:
        rc = sg_fail_errno(err, SG_E_NOT_READABLE, errnum, _("\"%s\" may not be read; check its permissions."), path);
        break;
    case EXDEV:
        rc = sg_fail_errno(err, SG_E_NOT_READABLE, errnum,
                           _("\"%s\" is a link that leads out of its folder, and is not followed."), path);
        break;
    default:
        rc = sg_fail_errno(err, SG_E_IO, errnum, _("\"%s\" cannot be opened."), path);
    }
    return sg_about(path, err, rc);
}

/* Copies all that comes out of `fd` (a pipe, a terminal) into the temporary file. */
static enum sg_rc spool_from(struct sg_input *input, int fd, struct sg_err *err)
{
    _cleanup_(freep) uint8_t *buffer = malloc(SG_IO_BUFFER);
    if (!buffer)
        return sg_fail_memory(err);
    for (;;) {
        ssize_t n = read(fd, buffer, SG_IO_BUFFER);
        if (n == 0)
            return SG_OK;
        if (n < 0)
            return errno == EINTR ? open_failed(input->name, EINTR, err) : cannot_read(input, errno, err);
        enum sg_rc rc = sg_input_append(input, buffer, (size_t)n, err);
        if (rc != SG_OK)
            return rc;
    }
}

/* Whether the file can be read where it lies. A regular file that says it is empty and has bytes is one of the
 * kernel's (/proc), and stdin may stand in the middle of its file. */
static bool can_stay_in_place(int fd, const struct stat *st, bool is_stdin)
{
    uint8_t byte = 0;
    if (!S_ISREG(st->st_mode) || (is_stdin && lseek(fd, 0, SEEK_CUR) != 0))
        return false;
    return st->st_size > 0 || pread(fd, &byte, 1, 0) <= 0;
}

/* Devices are no documents, and some never end (/dev/zero): all but the terminal and the empty one. */
static bool is_device(int fd, const struct stat *st)
{
    return S_ISBLK(st->st_mode) || (S_ISCHR(st->st_mode) && !isatty(fd) && st->st_rdev != makedev(1, 3));
}

static enum sg_rc keep_in_place(const char *path, int *fd, const struct stat *st, struct sg_input **ret,
                                struct sg_err *err)
{
    enum sg_rc rc = input_new(path, ret, err);
    if (rc != SG_OK)
        return rc;
    (*ret)->fd = sg_steal_fd(fd);
    (*ret)->in_place = true;
    (*ret)->opened = *st;
    (*ret)->size = (uint64_t)st->st_size;
    return SG_OK;
}

enum sg_rc sg_input_open(const char *path, struct sg_input **ret, struct sg_err *err)
{
    bool is_stdin = strcmp(path, "-") == 0;
    _cleanup_(closep) int fd =
        is_stdin ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0) : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0)
        return open_failed(path, errno, err);
    if (S_ISDIR(st.st_mode))
        return sg_about(path, err, sg_fail(err, SG_E_IS_FOLDER, _("\"%s\" is a folder; name the files in it."), path));
    if (is_device(fd, &st))
        return sg_about(path, err,
                        sg_fail(err, SG_E_NOT_READABLE, _("\"%s\" is a device; name a file instead."), path));
    if (can_stay_in_place(fd, &st, is_stdin))
        return keep_in_place(path, &fd, &st, ret, err);

    _cleanup_(sg_input_freep) struct sg_input *input = NULL;
    enum sg_rc rc = sg_input_spool(path, &input, err);
    if (rc == SG_OK)
        rc = spool_from(input, fd, err);
    if (rc == SG_OK)
        *ret = sg_steal(input);
    return rc;
}

/* By a path below `folder` that leads out of it neither by ".." nor by a link. Before Linux 5.6, by no link at its end.
 */
static int open_beneath(int folder, const char *path, int flags)
{
    const struct open_how how = {.flags = (unsigned)flags, .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
    int fd = (int)syscall(SYS_openat2, folder, path, &how, sizeof how);
    return fd < 0 && errno == ENOSYS ? openat(folder, path, flags | O_NOFOLLOW) : fd;
}

enum sg_rc sg_input_open_file(int folder, const char *path, const char *name, struct sg_input **ret, struct sg_err *err)
{
    const int flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
    _cleanup_(closep) int fd = folder < 0 ? open(path, flags) : open_beneath(folder, path, flags);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0)
        return open_failed(name, errno, err);
    if (!S_ISREG(st.st_mode))
        return sg_about(name, err,
                        sg_fail(err, SG_E_NOT_READABLE,
                                _("\"%s\" is no regular file; only such are read here, where nobody named it."), name));
    return keep_in_place(name, &fd, &st, ret, err);
}

enum sg_rc sg_input_watched(struct sg_input *input, struct sg_err *err)
{
    input->watched = true;
    if (!input->in_place || input->size > SG_SMALL_FILE)
        return SG_OK;
    enum sg_rc rc = sg_input_read_all(input, &input->spooled, err);
    if (rc == SG_OK)
        input->memory = sg_buf_slice(&input->spooled);
    return rc;
}

enum sg_rc sg_input_from_slice(const char *name, struct sg_slice bytes, struct sg_input **ret, struct sg_err *err)
{
    struct sg_input *input = NULL;
    enum sg_rc rc = input_new(name, &input, err);
    if (rc != SG_OK)
        return rc;
    input->memory = bytes;
    input->size = bytes.len;
    *ret = input;
    return SG_OK;
}

enum sg_rc sg_input_joined(struct sg_input *front, struct sg_slice behind, struct sg_input **ret, struct sg_err *err)
{
    struct sg_input *input = NULL;
    enum sg_rc rc = sg_input_from_slice(front->name, behind, &input, err);
    if (rc != SG_OK)
        return rc;
    input->front = front;
    input->size += front->size;
    *ret = input;
    return SG_OK;
}

enum sg_rc sg_input_spool(const char *name, struct sg_input **ret, struct sg_err *err)
{
    return input_new(name, ret, err);
}

static enum sg_rc write_spool(struct sg_input *input, uint64_t offset, struct sg_slice bytes, struct sg_err *err)
{
    while (bytes.len > 0) {
        ssize_t n = pwrite(input->fd, bytes.data, bytes.len, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return sg_about(
                input->name, err,
                sg_fail_errno(err, SG_E_IO, errno, _("The temporary copy of \"%s\" cannot be written."), input->name));
        bytes.data += n;
        bytes.len -= (size_t)n;
        offset += (uint64_t)n;
    }
    return SG_OK;
}

/* What has become too large for memory goes on in a file. */
static enum sg_rc move_to_file(struct sg_input *input, struct sg_err *err)
{
    enum sg_rc rc = sg_temporary_open(&input->fd, err);
    if (rc == SG_OK)
        rc = write_spool(input, 0, sg_buf_slice(&input->spooled), err);
    sg_buf_clear(&input->spooled);
    input->memory = (struct sg_slice){0};
    return rc;
}

enum sg_rc sg_input_append(struct sg_input *input, const void *data, size_t len, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;
    if (input->fd < 0 && input->size + len <= SG_SPOOL_MEMORY) {
        rc = sg_buf_append(&input->spooled, data, len, err);
        input->memory = sg_buf_slice(&input->spooled);
    } else {
        if (input->fd < 0)
            rc = move_to_file(input, err);
        if (rc == SG_OK)
            rc = write_spool(input, input->size, (struct sg_slice){data, len}, err);
    }
    if (rc == SG_OK)
        input->size += len;
    return rc;
}

static enum sg_rc append_to_buf(void *context, const uint8_t *data, size_t len, struct sg_err *err)
{
    return sg_buf_append(context, data, len, err);
}

struct sg_sink sg_buf_sink(struct sg_buf *buf)
{
    return (struct sg_sink){append_to_buf, buf};
}

static enum sg_rc append_to_input(void *context, const uint8_t *data, size_t len, struct sg_err *err)
{
    return sg_input_append(context, data, len, err);
}

struct sg_sink sg_input_sink(struct sg_input *input)
{
    return (struct sg_sink){append_to_input, input};
}

const char *sg_input_name(const struct sg_input *input)
{
    return input->name;
}

enum sg_rc sg_input_call(struct sg_input *input, const char *name, struct sg_err *err)
{
    char *called = strdup(name);

    if (!called)
        return sg_fail_memory(err);
    if (input->path)
        free(input->name);
    else
        input->path = input->name;
    input->name = called;
    return SG_OK;
}

int sg_input_fd(const struct sg_input *input)
{
    return input->fd;
}

uint64_t sg_input_size(const struct sg_input *input)
{
    return input->size;
}

static bool in_memory(const struct sg_input *input)
{
    return !input->front && (input->fd < 0 || input->memory.data);
}

/* What is there of `len` bytes at `offset`. */
static size_t within(const struct sg_input *input, uint64_t offset, uint64_t len)
{
    uint64_t left = offset < input->size ? input->size - offset : 0;
    return (size_t)(len < left ? len : left);
}

static enum sg_rc read_joined(struct sg_input *input, uint64_t offset, uint8_t *out, size_t wanted, size_t *ret_read,
                              struct sg_err *err)
{
    const uint64_t border = input->front->size;
    size_t done = 0;
    enum sg_rc rc = offset < border ? sg_input_read(input->front, offset, out, wanted, &done, err) : SG_OK;
    if (rc == SG_OK && done < wanted)
        memcpy(out + done, input->memory.data + (offset + done - border), wanted - done);
    *ret_read = wanted;
    return rc;
}

enum sg_rc sg_input_read(struct sg_input *input, uint64_t offset, void *out, size_t len, size_t *ret_read,
                         struct sg_err *err)
{
    size_t wanted = within(input, offset, len), done = 0;
    if (in_memory(input)) {
        if (wanted > 0)
            memcpy(out, input->memory.data + offset, wanted);
        *ret_read = wanted;
        return SG_OK;
    }
    if (input->front)
        return read_joined(input, offset, out, wanted, ret_read, err);
    while (done < wanted) {
        ssize_t n = pread(input->fd, (uint8_t *)out + done, wanted - done, (off_t)(offset + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return cannot_read(input, errno, err);
        if (n == 0)
            return has_changed(input, err);
        done += (size_t)n;
    }
    *ret_read = done;
    return SG_OK;
}

enum sg_rc sg_input_read_all(struct sg_input *input, struct sg_buf *buf, struct sg_err *err)
{
    size_t before = buf->len, done = 0;
    if (buf->max < before || input->size > buf->max - before)
        return sg_about(input->name, err,
                        sg_fail(err, SG_E_LIMIT,
                                _("\"%s\" is larger than the limit of %zu bytes for files of its kind."), input->name,
                                buf->max));
    uint8_t *room = NULL;
    enum sg_rc rc = sg_buf_extend(buf, (size_t)input->size, &room, err);
    if (rc == SG_OK)
        rc = sg_input_read(input, 0, room, (size_t)input->size, &done, err);
    if (rc != SG_OK)
        buf->len = before;
    return rc;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
           a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

enum sg_rc sg_input_check_unchanged(struct sg_input *input, struct sg_err *err)
{
    if (!input->in_place || input->watched)
        return SG_OK;
    /* By its name, so that another file put in its place is seen too: while `fd` is open, the number of the inode
     * cannot belong to another file. */
    struct stat now;
    const char *path = input->path ? input->path : input->name;
    int answer = strcmp(path, "-") == 0 ? fstat(input->fd, &now) : stat(path, &now);
    if (answer < 0 || !same_file(&input->opened, &now))
        return has_changed(input, err);
    return SG_OK;
}

static enum sg_rc copy_memory(const struct sg_input *input, uint64_t offset, uint64_t len, struct sg_sink sink,
                              struct sg_err *err)
{
    enum sg_rc rc = SG_OK;
    while (len > 0 && rc == SG_OK) {
        size_t n = len < SG_IO_BUFFER ? (size_t)len : SG_IO_BUFFER;
        rc = sink.write(sink.context, input->memory.data + offset, n, err);
        offset += n;
        len -= n;
    }
    return rc;
}

enum sg_rc sg_input_copy(struct sg_input *input, uint64_t offset, uint64_t len, struct sg_sink sink, struct sg_err *err)
{
    if (within(input, offset, len) < len)
        return has_changed(input, err);
    if (in_memory(input))
        return copy_memory(input, offset, len, sink, err);

    size_t size = len < SG_IO_BUFFER ? (size_t)len : SG_IO_BUFFER;
    _cleanup_(freep) uint8_t *buffer = malloc(size > 0 ? size : 1);
    if (!buffer)
        return sg_fail_memory(err);
    if (len > size && input->fd >= 0)
        (void)posix_fadvise(input->fd, (off_t)offset, (off_t)len, POSIX_FADV_SEQUENTIAL);
    enum sg_rc rc = SG_OK;
    while (len > 0 && rc == SG_OK) {
        size_t n = 0;
        rc = sg_input_read(input, offset, buffer, len < size ? (size_t)len : size, &n, err);
        if (rc == SG_OK)
            rc = sink.write(sink.context, buffer, n, err);
        offset += n;
        len -= n;
    }
    return rc;
}

static enum sg_rc stream_input(void *context, struct sg_sink sink, struct sg_err *err)
{
    struct sg_input *input = context;
    enum sg_rc rc = sg_input_copy(input, 0, sg_input_size(input), sink, err);
    return rc == SG_OK ? sg_input_check_unchanged(input, err) : rc;
}

struct sg_source sg_input_source(struct sg_input *input)
{
    return (struct sg_source){stream_input, input};
}
