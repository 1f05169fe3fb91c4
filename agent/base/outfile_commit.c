#include "base/outfile_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/limits.h"
#include "base/msg.h"

static enum sg_rc write_to_stdout(const uint8_t *data, size_t len, struct sg_err *err)
{
    while (len > 0) {
        ssize_t n = write(STDOUT_FILENO, data, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return sg_fail_errno(err, SG_E_IO, errno, "%s", _("The standard output cannot be written."));
        data += n;
        len -= (size_t)n;
    }
    return SG_OK;
}

static enum sg_rc copy_to_stdout(const struct sg_outfile *out, struct sg_err *err)
{
    _cleanup_(freep) uint8_t *block = malloc(SG_IO_BUFFER);
    if (!block)
        return sg_fail_memory(err);
    enum sg_rc rc = SG_OK;
    for (uint64_t offset = 0; offset < out->flushed && rc == SG_OK;) {
        uint64_t left = out->flushed - offset;
        size_t n = left < SG_IO_BUFFER ? (size_t)left : SG_IO_BUFFER;
        rc = sg_outfile_read(out, offset, block, n, err);
        if (rc == SG_OK)
            rc = write_to_stdout(block, n, err);
        offset += n;
    }
    return rc;
}

/* Gives the file the name `path`, which must be free. */
static int link_as(struct sg_outfile *out, const char *path)
{
    if (!out->hidden) {
        char self[64];
        (void)snprintf(self, sizeof(self), "/proc/self/fd/%d", out->fd);
        return linkat(AT_FDCWD, self, AT_FDCWD, path, AT_SYMLINK_FOLLOW);
    }
    int answer = renameat2(AT_FDCWD, out->hidden, AT_FDCWD, path, RENAME_NOREPLACE);
    if (answer < 0 && (errno == EINVAL || errno == ENOSYS)) {
        /* A file system that cannot do that, NFS for one, can usually link. */
        answer = link(out->hidden, path);
        if (answer == 0)
            (void)unlink(out->hidden);
    }
    if (answer == 0)
        free(sg_steal(out->hidden));
    return answer;
}

static enum sg_rc cannot_create(const struct sg_outfile *out, struct sg_err *err)
{
    return sg_about(out->path, err,
                    sg_fail_errno(err, SG_E_CANNOT_CREATE, errno, _("\"%s\" cannot be created."), out->path));
}

/* Gives the file that is to be replaced a second, hidden name, if the file system can do that and lets us. */
static enum sg_rc keep_former(struct sg_outfile *out, struct sg_err *err)
{
    _cleanup_(freep) char *former = NULL;
    enum sg_rc rc = sg_outfile_hidden_name(out->folder, &former, err);
    if (rc != SG_OK)
        return rc;
    if (link(out->path, former) == 0)
        out->former = sg_steal(former);
    else if (errno != EPERM && errno != EOPNOTSUPP && errno != ENOSYS && errno != EMLINK)
        return cannot_create(out, err);
    return SG_OK;
}

/* What has in it what was there is not put in the place of anything else. */
static enum sg_rc check_same(const struct sg_outfile *out, struct sg_err *err)
{
    char identity[SG_FILE_IDENTITY];
    if (!(out->flags & SG_OUT_SAME) || strcmp(sg_file_identity(out->path, identity), out->replaces) == 0)
        return SG_OK;
    return sg_about(out->path, err,
                    sg_fail(err, SG_E_INPUT_CHANGED,
                            _("\"%s\" was changed by another program meanwhile, and stays as it is; try again."),
                            out->path));
}

static enum sg_rc replace(struct sg_outfile *out, struct sg_err *err)
{
    enum sg_rc rc = check_same(out, err);
    if (rc == SG_OK)
        rc = keep_former(out, err);
    if (rc != SG_OK)
        return rc;
    if (!out->hidden) {
        _cleanup_(freep) char *hidden = NULL;
        rc = sg_outfile_hidden_name(out->folder, &hidden, err);
        if (rc != SG_OK)
            return rc;
        if (link_as(out, hidden) < 0)
            return cannot_create(out, err);
        out->hidden = sg_steal(hidden);
    }
    if (rename(out->hidden, out->path) < 0)
        return cannot_create(out, err);
    free(sg_steal(out->hidden));
    out->replaced = true;
    return SG_OK;
}

static enum sg_rc give_name(struct sg_outfile *out, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;
    if (!out->folder)
        return copy_to_stdout(out, err);
    if (link_as(out, out->path) < 0) {
        if (errno != EEXIST)
            return cannot_create(out, err);
        rc = out->flags & SG_OUT_REPLACE ? replace(out, err) : sg_outfile_exists(out, err);
    }
    out->named = rc == SG_OK;
    return rc;
}

enum sg_rc sg_outfile_name(struct sg_outfile *out, struct sg_err *err)
{
    enum sg_rc rc = sg_outfile_flush(out, err);

    return rc == SG_OK ? give_name(out, err) : rc;
}

/* Takes the name back, unless somebody has put another file there since. */
static void take_name_back(struct sg_outfile *out)
{
    struct stat ours, there;
    if (!out->named || (out->replaced && !out->former))
        return;
    if (fstat(out->fd, &ours) == 0 && lstat(out->path, &there) == 0 && ours.st_dev == there.st_dev &&
        ours.st_ino == there.st_ino) {
        if (!out->former)
            (void)unlink(out->path);
        else if (rename(out->former, out->path) == 0)
            free(sg_steal(out->former));
    }
    out->named = false;
}

/* Whether no earlier file of the group is in the same folder. */
static bool starts_folder(struct sg_outfile *const *outs, size_t index)
{
    if (!outs[index]->folder)
        return false;
    for (size_t i = 0; i < index; i++)
        if (outs[i]->folder && strcmp(outs[i]->folder, outs[index]->folder) == 0)
            return false;
    return true;
}

static enum sg_rc sync_failed(const struct sg_outfile *out, struct sg_err *err)
{
    return sg_about(out->path, err,
                    sg_fail_errno(err, SG_E_IO, errno, _("\"%s\" cannot be brought to disk."), out->path));
}

static enum sg_rc folder_failed(const char *folder, struct sg_err *err)
{
    return sg_about(folder, err,
                    sg_fail_errno(err, SG_E_IO, errno, _("The folder \"%s\" cannot be brought to disk."), folder));
}

/* `*ret_device`: the file system that is done by that. */
static enum sg_rc sync_file_system(const char *folder, dev_t *ret_device, struct sg_err *err)
{
    _cleanup_(closep) int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0 || syncfs(fd) < 0)
        return folder_failed(folder, err);
    *ret_device = st.st_dev;
    return SG_OK;
}

/* The bytes of all files: fsync for one, syncfs for every file system that several are on, and for `folder`'s. */
static enum sg_rc sync_data(struct sg_outfile *const *outs, size_t count, const char *folder, size_t *ret_failed,
                            struct sg_err *err)
{
    _cleanup_(freep) dev_t *synced = calloc(count + 1, sizeof(*synced));
    size_t n_synced = 0;
    if (!synced)
        return sg_fail_memory(err);
    if (folder) {
        enum sg_rc rc = sync_file_system(folder, &synced[n_synced++], err);
        if (rc != SG_OK)
            return rc;
    }
    for (size_t i = 0; i < count; i++) {
        struct stat st;
        size_t known = 0;
        if (!starts_folder(outs, i))
            continue;
        *ret_failed = i;
        if (fstat(outs[i]->fd, &st) < 0)
            return sync_failed(outs[i], err);
        while (known < n_synced && synced[known] != st.st_dev)
            known++;
        if (known < n_synced)
            continue;
        if ((count > 1 ? syncfs(outs[i]->fd) : fsync(outs[i]->fd)) < 0)
            return sync_failed(outs[i], err);
        synced[n_synced++] = st.st_dev;
    }
    return SG_OK;
}

enum sg_rc sg_folder_sync(const char *folder, struct sg_err *err)
{
    _cleanup_(closep) int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 || fsync(fd) < 0 ? folder_failed(folder, err) : SG_OK;
}

static enum sg_rc sync_folders(struct sg_outfile *const *outs, size_t count, size_t *ret_failed, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;
    for (size_t i = 0; i < count && rc == SG_OK; i++)
        if (starts_folder(outs, i)) {
            rc = sg_folder_sync(outs[i]->folder, err);
            *ret_failed = i;
        }
    return rc;
}

enum sg_rc sg_outfile_sync_group(struct sg_outfile *const *outs, size_t count, const char *folder, size_t *ret_failed,
                                 struct sg_err *err)
{
    bool synced = !folder;
    enum sg_rc rc = SG_OK;
    for (size_t i = 0; i < count && rc == SG_OK; i++) {
        rc = sg_outfile_flush(outs[i], err);
        *ret_failed = i;
        synced = synced && outs[i]->synced;
    }
    if (rc != SG_OK || synced)
        return rc;
    rc = sync_data(outs, count, folder, ret_failed, err);
    for (size_t i = 0; i < count && rc == SG_OK; i++)
        outs[i]->synced = true;
    return rc;
}

static enum sg_rc make_final(struct sg_outfile *const *outs, size_t count, size_t *ret_failed, struct sg_err *err)
{
    enum sg_rc rc = sg_outfile_sync_group(outs, count, NULL, ret_failed, err);
    for (size_t i = 0; i < count && rc == SG_OK; i++) {
        rc = give_name(outs[i], err);
        *ret_failed = i;
    }
    if (rc == SG_OK)
        rc = sync_folders(outs, count, ret_failed, err);
    return rc;
}

enum sg_rc sg_outfile_commit_group(struct sg_outfile *const *outs, size_t count, size_t *ret_failed, struct sg_err *err)
{
    size_t failed = 0;
    enum sg_rc rc = count > 0 ? make_final(outs, count, &failed, err) : SG_OK;
    if (rc == SG_OK)
        return SG_OK;
    for (size_t i = count; i-- > 0;) /* two of them may have replaced one another */
        take_name_back(outs[i]);
    /* What failed stays the error, whatever becomes of this. */
    size_t ignored = 0;
    if (sync_folders(outs, count, &ignored, NULL) != SG_OK)
        ignored = 0;
    *ret_failed = failed;
    return rc;
}

enum sg_rc sg_outfile_commit(struct sg_outfile *out, struct sg_err *err)
{
    size_t ignored = 0;
    return sg_outfile_commit_group(&out, 1, &ignored, err);
}
