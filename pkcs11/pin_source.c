/* A PIN from the place that a key's URI names. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/msg.h"
#include "pkcs11/pin.h"
#include "pkcs11/uri.h"

/* "/path", "file:/path" or "file:///path" (RFC 8089). A program ("|command", which RFC 7512 allows) is never run. */
static enum sg_rc path_of(const char *source, const char **ret, struct sg_err *err)
{
    const char *path = source;
    if (strncmp(source, "file:", 5) == 0) {
        path = source + 5;
        if (strncmp(path, "///", 3) == 0)
            path += 2;
        if (path[0] != '/' || path[1] == '/' || strchr(path, '%'))
            return sg_fail(err, SG_E_USAGE, "%s",
                           _("The URI's pin-source is not a file on this computer; give its path as it is."));
    }
    if (path[0] != '/')
        return sg_fail(err, SG_E_USAGE, "%s",
                       _("The URI's pin-source has to be the whole path of a file, from the first “/” on; programs "
                         "are not run."));
    *ret = path;
    return SG_OK;
}

static enum sg_rc check_private(int fd, const char *path, struct sg_err *err)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return sg_about(path, err,
                        sg_fail_errno(err, SG_E_NOT_READABLE, errno, "%s", _("The PIN's file cannot be read.")));
    if (!S_ISREG(st.st_mode) && !S_ISFIFO(st.st_mode))
        return sg_about(path, err, sg_fail(err, SG_E_POLICY, "%s", _("The PIN's file is neither a file nor a pipe.")));
    if (st.st_uid != geteuid() || (st.st_mode & 077) != 0)
        return sg_about(path, err,
                        sg_fail(err, SG_E_POLICY, "%s",
                                _("The PIN's file is not yours alone, so others may know the PIN; make it so (chmod "
                                  "600), and change the PIN.")));
    return SG_OK;
}

enum sg_rc sg_pin_from_uri(const char *uri, struct sg_secret **ret, struct sg_err *err)
{
    _cleanup_(sg_uri_freep) struct sg_uri *parsed = NULL;
    const char *path = NULL;
    enum sg_rc rc = sg_uri_parse(uri, &parsed, err);
    const char *source = rc == SG_OK ? sg_uri_pin_source(parsed) : NULL;
    if (rc == SG_OK && !source) {
        *ret = NULL;
        return SG_OK;
    }
    if (rc == SG_OK)
        rc = path_of(source, &path, err);
    if (rc != SG_OK)
        return rc;
    _cleanup_(closep) int fd = open(path, O_RDONLY | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return sg_about(path, err,
                        sg_fail_errno(err, errno == ENOENT ? SG_E_NOT_FOUND : SG_E_NOT_READABLE, errno, "%s",
                                      _("The PIN's file cannot be opened.")));
    rc = check_private(fd, path, err);
    return rc == SG_OK ? sg_pin_from_fd(fd, ret, err) : rc;
}
