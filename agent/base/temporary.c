#include "base/temporary.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/msg.h"

/* For file systems without O_TMPFILE. */
static int open_and_unlink(const char *folder)
{
    char path[PATH_MAX];
    int n = snprintf(path, sizeof(path), "%s/signet-XXXXXX", folder);
    if (n < 0 || (size_t)n >= sizeof(path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    int fd = mkostemp(path, O_CLOEXEC);
    if (fd >= 0)
        (void)unlink(path);
    return fd;
}

enum sg_rc sg_temporary_open(int *ret_fd, struct sg_err *err)
{
    const char *folder = secure_getenv("TMPDIR");
    if (!folder || folder[0] != '/')
        folder = "/tmp";
    int fd = open(folder, O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR))
        fd = open_and_unlink(folder);
    if (fd < 0) {
        enum sg_rc rc =
            sg_fail_errno(err, SG_E_CANNOT_CREATE, errno,
                          _("A temporary file cannot be made in %s; set TMPDIR to another folder."), folder);
        sg_err_file(err, folder);
        return rc;
    }
    *ret_fd = fd;
    return SG_OK;
}
