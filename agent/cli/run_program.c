#include <errno.h>
#include <unistd.h>

#include "base/msg.h"
#include "cli/app.h"

int sg_app_become(const struct sg_app *app, const char *program)
{
    _cleanup_(freep) char *path = NULL;
    struct sg_err err;

    if (asprintf(&path, "%s/%s", app->paths.libexec, program) < 0) {
        path = NULL; /* asprintf(3) leaves it undefined */
        (void)sg_fail_memory(&err);
        return sg_complain(&app->voice, &err);
    }
    (void)execv(path, app->argv);
    (void)sg_fail_errno(&err, SG_E_INTERNAL, errno, _("The program \"%s\" cannot be started; install Signet anew."),
                        path);
    sg_err_file(&err, path);
    return sg_complain(&app->voice, &err);
}
