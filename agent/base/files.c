#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/msg.h"
#include "base/outfile_private.h"

enum sg_rc sg_file_write(const char *path, struct sg_slice bytes, unsigned flags, struct sg_err *err)
{
    _cleanup_(sg_outfile_freep) struct sg_outfile *out = NULL;
    enum sg_rc rc = sg_outfile_open(path, flags, &out, err);
    if (rc == SG_OK)
        rc = sg_outfile_write(out, bytes.data, bytes.len, err);
    if (rc == SG_OK)
        rc = sg_outfile_commit(out, err);
    return rc;
}

static bool is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static enum sg_rc make_one(const char *path, const char *parent, struct sg_err *err)
{
    if (mkdir(path, 0700) == 0)
        return sg_folder_sync(parent, err);
    int errnum = errno;
    if (is_folder(path)) /* made by another process meanwhile */
        return SG_OK;
    return sg_about(path, err,
                    sg_fail_errno(err, SG_E_CANNOT_CREATE, errnum, _("The folder \"%s\" cannot be created."), path));
}

enum sg_rc sg_folder_make(const char *path, struct sg_err *err)
{
    if (is_folder(path))
        return SG_OK;
    if (path[0] == '\0')
        return sg_fail(err, SG_E_CANNOT_CREATE, "%s", _("A folder without a name cannot be created."));
    _cleanup_(freep) char *made = strdup(path);
    _cleanup_(freep) char *parent = strdup(path[0] == '/' ? "/" : ".");
    if (!made || !parent)
        return sg_fail_memory(err);
    /* `made` is cut at each slash in turn: "/a", "/a/b", "/a/b/c". */
    for (char *slash = made; slash;) {
        slash = strchr(slash + 1, '/');
        if (slash)
            *slash = '\0';
        enum sg_rc rc = is_folder(made) ? SG_OK : make_one(made, parent, err);
        if (rc != SG_OK)
            return rc;
        free(parent);
        parent = strdup(made);
        if (!parent)
            return sg_fail_memory(err);
        if (slash)
            *slash = '/';
    }
    return SG_OK;
}
