#include "base/outfile_private.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "base/input.h"
#include "base/limits.h"
#include "base/msg.h"
#include "base/temporary.h"

#define WRITE_BUFFER (32 * SG_KIB) /* small files are written at once */

static enum sg_rc cannot_write(const struct sg_outfile *out, struct sg_err *err)
{
    const int errnum = errno;
    enum sg_rc rc = sg_fail_errno(err, SG_E_IO, errnum, _("\"%s\" cannot be written."), out->path);

    if (rc == SG_E_DISK_FULL)
        rc = sg_fail_errno(
            err, rc, errnum,
            _("There is no room for \"%s\", of which nothing was left behind. Make room, then try again."), out->path);
    return sg_about(out->path, err, rc);
}

enum sg_rc sg_outfile_exists(const struct sg_outfile *out, struct sg_err *err)
{
    return sg_about(out->path, err,
                    sg_fail(err, SG_E_OUTPUT_EXISTS,
                            _("\"%s\" is already there; choose another name, or move it away."), out->path));
}

static enum sg_rc bad_folder(const char *folder, int errnum, struct sg_err *err)
{
    return sg_about(
        folder, err,
        sg_fail_errno(
            err, SG_E_CANNOT_CREATE, errnum,
            _("No file can be created in \"%s\"; check that the folder is there and that you may write to it."),
            folder));
}

/* The folder that `path` is in; NULL if memory is gone. */
static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        return strdup(".");
    while (slash > path && slash[-1] == '/')
        slash--;
    return strndup(path, slash > path ? (size_t)(slash - path) : 1);
}

/* "FOLDER/.signet-0123456789abcdef" */
enum sg_rc sg_outfile_hidden_name(const char *folder, char **ret, struct sg_err *err)
{
    uint8_t random[8];
    char hex[2 * sizeof(random) + 1];
    if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
        return sg_fail_errno(err, SG_E_INTERNAL, errno, "%s", _("The system has no random numbers."));
    sg_hex(random, sizeof(random), hex);
    char *name = NULL;
    if (asprintf(&name, "%s/.signet-%s", folder, hex) < 0)
        return sg_fail_memory(err);
    *ret = name;
    return SG_OK;
}

static const char *identity_of(const struct stat *st, char out[SG_FILE_IDENTITY])
{
    (void)snprintf(out, SG_FILE_IDENTITY, "%jx:%jx:%jd:%jd.%09ld", (uintmax_t)st->st_dev, (uintmax_t)st->st_ino,
                   (intmax_t)st->st_size, (intmax_t)st->st_mtim.tv_sec, st->st_mtim.tv_nsec);
    return out;
}

const char *sg_file_identity(const char *path, char out[SG_FILE_IDENTITY])
{
    struct stat st;

    out[0] = '\0';
    return lstat(path, &st) == 0 ? identity_of(&st, out) : out;
}

static enum sg_rc check_name_is_free(struct sg_outfile *out, struct sg_err *err)
{
    size_t len = strlen(out->path);
    struct stat st;
    if (len == 0 || out->path[len - 1] == '/')
        return sg_about(out->path, err,
                        sg_fail(err, SG_E_CANNOT_CREATE, _("\"%s\" is not the name of a file."), out->path));
    if (lstat(out->path, &st) < 0)
        return SG_OK; /* a folder that is not there shows itself when the file is made */
    if (!(out->flags & SG_OUT_REPLACE))
        return sg_outfile_exists(out, err);
    if (!S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode))
        return sg_about(
            out->path, err,
            sg_fail(err, SG_E_CANNOT_CREATE, _("\"%s\" is not an ordinary file and is not replaced."), out->path));
    (void)identity_of(&st, out->replaces);
    return SG_OK;
}

/* A file without a name, or with a hidden one where that cannot be had. */
static enum sg_rc open_unnamed(struct sg_outfile *out, struct sg_err *err)
{
    mode_t mode = out->flags & SG_OUT_PRIVATE ? 0600 : 0666;
    /* It is through /proc that a file without a name gets one: linkat(2), AT_SYMLINK_FOLLOW. */
    if (access("/proc/self/fd", X_OK) == 0) {
        out->fd = open(out->folder, O_TMPFILE | O_RDWR | O_CLOEXEC, mode);
        if (out->fd >= 0)
            return SG_OK;
        if (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL)
            return bad_folder(out->folder, errno, err);
    }
    enum sg_rc rc = sg_outfile_hidden_name(out->folder, &out->hidden, err);
    if (rc != SG_OK)
        return rc;
    out->fd = open(out->hidden, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
    if (out->fd >= 0)
        return SG_OK;
    int errnum = errno;
    free(sg_steal(out->hidden));
    return bad_folder(out->folder, errnum, err);
}

enum sg_rc sg_outfile_open(const char *path, unsigned flags, struct sg_outfile **ret, struct sg_err *err)
{
    _cleanup_(sg_outfile_freep) struct sg_outfile *out = calloc(1, sizeof(*out));
    if (!out)
        return sg_fail_memory(err);
    *out = (struct sg_outfile){.fd = -1, .flags = flags, .tail.max = WRITE_BUFFER, .path = strdup(path)};
    if (!out->path)
        return sg_fail_memory(err);
    enum sg_rc rc = SG_OK;
    if (strcmp(path, "-") == 0) {
        rc = sg_temporary_open(&out->fd, err);
    } else {
        out->folder = folder_of(path);
        if (!out->folder)
            return sg_fail_memory(err);
        rc = check_name_is_free(out, err);
        if (rc == SG_OK)
            rc = open_unnamed(out, err);
    }
    if (rc == SG_OK)
        *ret = sg_steal(out);
    return rc;
}

void sg_outfile_free(struct sg_outfile *out)
{
    if (!out)
        return;
    if (out->hidden)
        (void)unlink(out->hidden);
    if (out->former)
        (void)unlink(out->former);
    closep(&out->fd);
    sg_buf_clear(&out->tail);
    free(out->hidden);
    free(out->former);
    free(out->folder);
    free(out->path);
    free(out);
}

const char *sg_outfile_path(const struct sg_outfile *out)
{
    return out->path;
}

enum sg_rc sg_outfile_rename(struct sg_outfile *out, const char *path, struct sg_err *err)
{
    char *copy = strdup(path);

    if (!copy)
        return sg_fail_memory(err);
    free(out->path);
    out->path = copy;
    return SG_OK;
}

void sg_outfile_replace(struct sg_outfile *out)
{
    out->flags |= SG_OUT_REPLACE;
}

const char *sg_outfile_replaces(const struct sg_outfile *out)
{
    return out->replaces;
}

int sg_outfile_fd(const struct sg_outfile *out)
{
    return out->fd;
}

bool sg_outfile_clone(struct sg_outfile *out, int fd)
{
    if (sg_outfile_size(out) > 0 || ioctl(out->fd, FICLONE, fd) < 0)
        return false;
    out->flushed = sg_outfile_flushed(out);
    return true;
}

uint64_t sg_outfile_size(const struct sg_outfile *out)
{
    return out->flushed + out->tail.len;
}

static enum sg_rc write_at(struct sg_outfile *out, uint64_t offset, const uint8_t *data, size_t len, struct sg_err *err)
{
    out->synced = out->synced && len == 0;
    while (len > 0) {
        ssize_t n = pwrite(out->fd, data, len, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return cannot_write(out, err);
        data += n;
        len -= (size_t)n;
        offset += (uint64_t)n;
    }
    return SG_OK;
}

enum sg_rc sg_outfile_read(const struct sg_outfile *out, uint64_t offset, uint8_t *data, size_t len, struct sg_err *err)
{
    while (len > 0) {
        ssize_t n = pread(out->fd, data, len, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            errno = n < 0 ? errno : EIO;
            return sg_about(out->path, err,
                            sg_fail_errno(err, SG_E_IO, errno, _("\"%s\" cannot be read back."), out->path));
        }
        data += n;
        len -= (size_t)n;
        offset += (uint64_t)n;
    }
    return SG_OK;
}

uint64_t sg_outfile_flushed(const struct sg_outfile *out)
{
    struct stat st;
    return fstat(out->fd, &st) == 0 ? (uint64_t)st.st_size : 0;
}

void sg_outfile_begin_writeback(const struct sg_outfile *out, uint64_t offset, uint64_t len)
{
    (void)sync_file_range(out->fd, (off_t)offset, (off_t)len, SYNC_FILE_RANGE_WRITE);
}

enum sg_rc sg_outfile_flush(struct sg_outfile *out, struct sg_err *err)
{
    enum sg_rc rc = write_at(out, out->flushed, out->tail.data, out->tail.len, err);
    if (rc != SG_OK)
        return rc;
    out->flushed += out->tail.len;
    sg_buf_clear(&out->tail);
    return SG_OK;
}

enum sg_rc sg_outfile_write(struct sg_outfile *out, const void *data, size_t len, struct sg_err *err)
{
    if (len > WRITE_BUFFER - out->tail.len) {
        enum sg_rc rc = sg_outfile_flush(out, err);
        if (rc != SG_OK)
            return rc;
    }
    if (len <= WRITE_BUFFER)
        return sg_buf_append(&out->tail, data, len, err);
    enum sg_rc rc = write_at(out, out->flushed, data, len, err);
    if (rc == SG_OK)
        out->flushed += len;
    return rc;
}

enum sg_rc sg_outfile_patch(struct sg_outfile *out, uint64_t offset, const void *data, size_t len, struct sg_err *err)
{
    uint64_t size = sg_outfile_size(out);
    if (offset > size || len > size - offset)
        return sg_fail(err, SG_E_INTERNAL, "%s", _("Bytes that were not written were to be changed."));
    if (len == 0)
        return SG_OK;
    if (offset >= out->flushed) {
        memcpy(out->tail.data + (offset - out->flushed), data, len);
        return SG_OK;
    }
    enum sg_rc rc = sg_outfile_flush(out, err);
    return rc == SG_OK ? write_at(out, offset, data, len, err) : rc;
}

enum sg_rc sg_outfile_insert(struct sg_outfile *out, uint64_t offset, size_t len, struct sg_err *err)
{
    if (offset > sg_outfile_size(out))
        return sg_fail(err, SG_E_INTERNAL, "%s", _("Room was to be made behind the end of a file."));
    enum sg_rc rc = sg_outfile_flush(out, err);
    if (rc != SG_OK)
        return rc;
    _cleanup_(freep) uint8_t *block = malloc(SG_IO_BUFFER);
    if (!block)
        return sg_fail_memory(err);
    /* From the end, so that nothing is overwritten before it was moved. */
    for (uint64_t end = out->flushed; end > offset && rc == SG_OK;) {
        size_t n = end - offset < SG_IO_BUFFER ? (size_t)(end - offset) : SG_IO_BUFFER;
        end -= n;
        rc = sg_outfile_read(out, end, block, n, err);
        if (rc == SG_OK)
            rc = write_at(out, end + len, block, n, err);
    }
    out->synced = false;
    if (rc == SG_OK && ftruncate(out->fd, (off_t)(out->flushed + len)) < 0)
        rc = cannot_write(out, err);
    if (rc == SG_OK)
        out->flushed += len;
    return rc;
}

static enum sg_rc sink_write(void *context, const uint8_t *data, size_t len, struct sg_err *err)
{
    return sg_outfile_write(context, data, len, err);
}

struct sg_sink sg_outfile_sink(struct sg_outfile *out)
{
    return (struct sg_sink){.write = sink_write, .context = out};
}
