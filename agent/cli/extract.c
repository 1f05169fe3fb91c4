#include "cli/extract.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <string.h>
#include <sys/stat.h>

#include "base/limits.h"
#include "base/msg.h"
#include "formats/zip.h"

struct sg_extract {
    char *folder; /* that it will be */
    char *parent; /* in which it is */
    char *hidden; /* what it is called until then */
    int root;     /* that folder */
    int file;     /* the one that is being written; -1: none */
    char *name;   /* of that */
    size_t files;
    bool finished;
    enum sg_rc rc; /* what went wrong first */
    struct sg_err err;
};

static enum sg_rc cannot_write(const struct sg_extract *extract, const char *name, int errnum, struct sg_err *err)
{
    return sg_about(extract->folder, err,
                    sg_fail_errno(err, SG_E_IO, errnum, _("\"%s\" cannot be written into the folder \"%s\"."), name,
                                  extract->folder));
}

/* --- the folder -----------------------------------------------------------------------------------------------------
 */

static enum sg_rc make_names(struct sg_extract *extract, const char *folder, struct sg_err *err)
{
    size_t len = strlen(folder);
    while (len > 1 && folder[len - 1] == '/')
        len--;
    extract->folder = strndup(folder, len);
    if (!extract->folder)
        return sg_fail_memory(err);
    const char *slash = strrchr(extract->folder, '/');
    extract->parent = !slash                     ? strdup(".")
                      : slash == extract->folder ? strdup("/")
                                                 : strndup(extract->folder, (size_t)(slash - extract->folder));
    if (!extract->parent || asprintf(&extract->hidden, "%s/.signet-extract.XXXXXX", extract->parent) < 0) {
        extract->hidden = NULL;
        return sg_fail_memory(err);
    }
    return SG_OK;
}

static enum sg_rc exists(const struct sg_extract *extract, struct sg_err *err)
{
    return sg_about(extract->folder, err,
                    sg_fail(err, SG_E_OUTPUT_EXISTS,
                            _("\"%s\" exists already; name a folder that is not there yet (nothing is overwritten)."),
                            extract->folder));
}

static enum sg_rc make_folder(struct sg_extract *extract, struct sg_err *err)
{
    struct stat st;
    if (lstat(extract->folder, &st) == 0)
        return exists(extract, err);
    if (!mkdtemp(extract->hidden)) {
        int errnum = errno;
        free(extract->hidden);
        extract->hidden = NULL;
        return sg_about(
            extract->folder, err,
            sg_fail_errno(err, SG_E_CANNOT_CREATE, errnum, _("The folder \"%s\" cannot be created."), extract->folder));
    }
    extract->root = open(extract->hidden, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return extract->root >= 0 ? SG_OK : cannot_write(extract, ".", errno, err);
}

enum sg_rc sg_extract_begin(const char *folder, struct sg_extract **ret, struct sg_err *err)
{
    _cleanup_(sg_extract_freep) struct sg_extract *extract = calloc(1, sizeof *extract);
    if (!extract)
        return sg_fail_memory(err);
    extract->root = extract->file = -1;
    enum sg_rc rc = make_names(extract, folder, err);
    if (rc == SG_OK)
        rc = make_folder(extract, err);
    if (rc == SG_OK)
        *ret = sg_steal(extract);
    return rc;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
    (void)st;
    (void)type;
    (void)where;
    (void)remove(path);
    return 0;
}

void sg_extract_free(struct sg_extract *extract)
{
    if (!extract)
        return;
    closep(&extract->file);
    closep(&extract->root);
    if (extract->hidden && !extract->finished)
        (void)nftw(extract->hidden, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(extract->name);
    free(extract->hidden);
    free(extract->parent);
    free(extract->folder);
    free(extract);
}

/* --- files ----------------------------------------------------------------------------------------------------------
 */

/* The folder of that name in `parent`, made if need be; -1 with errno. */
static int enter(int parent, const char *name)
{
    if (mkdirat(parent, name, 0777) < 0 && errno != EEXIST)
        return -1;
    return openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* A new file of that name, below the root; -1 with errno. `name` is cut at its slashes. */
static int create(int root, char *name)
{
    int at = root;
    for (char *slash = strchr(name, '/'); slash; name = slash + 1, slash = strchr(name, '/')) {
        *slash = '\0';
        int next = enter(at, name), errnum = errno;
        if (at != root)
            (void)close(at);
        *slash = '/';
        errno = errnum;
        if (next < 0)
            return -1;
        at = next;
    }
    int file = openat(at, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666), errnum = errno;
    if (at != root)
        (void)close(at);
    errno = errnum;
    return file;
}

static enum sg_rc begin_file(struct sg_extract *extract, struct sg_slice name, struct sg_err *err)
{
    closep(&extract->file);
    free(extract->name);
    extract->name = strndup((const char *)name.data, name.len);
    if (!extract->name)
        return sg_fail_memory(err);
    const char *problem = sg_zip_name_problem(extract->name, name.len);
    if (problem || extract->name[name.len - 1] == '/')
        return sg_fail(err, SG_E_MALFORMED, _("A file cannot be taken out of the container as \"%s\": %s."),
                       extract->name, problem ? problem : _("it is a folder"));
    extract->file = create(extract->root, extract->name);
    if (extract->file < 0)
        return cannot_write(extract, extract->name, errno, err);
    extract->files++;
    return SG_OK;
}

void sg_extract_file(struct sg_extract *extract, struct sg_slice name)
{
    if (extract->rc == SG_OK)
        extract->rc = begin_file(extract, name, &extract->err);
}

static enum sg_rc write_bytes(struct sg_extract *extract, struct sg_slice bytes, struct sg_err *err)
{
    if (extract->file < 0)
        return sg_fail(err, SG_E_JUDGE_FAILED, "%s", _("Bytes came that belong to no file of the container."));
    while (bytes.len > 0) {
        ssize_t n = write(extract->file, bytes.data, bytes.len);
        if (n < 0 && errno != EINTR)
            return cannot_write(extract, extract->name, errno, err);
        bytes.data += n > 0 ? n : 0;
        bytes.len -= n > 0 ? (size_t)n : 0;
    }
    return SG_OK;
}

void sg_extract_bytes(struct sg_extract *extract, struct sg_slice bytes)
{
    if (extract->rc == SG_OK)
        extract->rc = write_bytes(extract, bytes, &extract->err);
}

/* --- the end --------------------------------------------------------------------------------------------------------
 */

static mode_t usual_mode(void)
{
    mode_t mask = umask(0);
    (void)umask(mask);
    return 0777 & ~mask;
}

/* On disk, then named, as one. */
static enum sg_rc name_folder(struct sg_extract *extract, struct sg_err *err)
{
    _cleanup_(closep) int parent = open(extract->parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (parent < 0 || fchmod(extract->root, usual_mode()) < 0 || syncfs(extract->root) < 0)
        return cannot_write(extract, ".", errno, err);
    int done = renameat2(AT_FDCWD, extract->hidden, AT_FDCWD, extract->folder, RENAME_NOREPLACE);
    if (done < 0 && errno == EINVAL) /* a file system that cannot promise it; at most an empty folder is replaced */
        done = rename(extract->hidden, extract->folder);
    if (done < 0)
        return errno == EEXIST || errno == ENOTEMPTY ? exists(extract, err) : cannot_write(extract, ".", errno, err);
    extract->finished = true;
    return fsync(parent) < 0 ? cannot_write(extract, ".", errno, err) : SG_OK;
}

enum sg_rc sg_extract_finish(struct sg_extract *extract, size_t *ret_files, struct sg_err *err)
{
    *ret_files = extract->files;
    closep(&extract->file);
    if (extract->rc != SG_OK) {
        if (err)
            *err = extract->err;
        return extract->rc;
    }
    return extract->files > 0 ? name_folder(extract, err) : SG_OK;
}
