#include "cli/timer.h"

#include <errno.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/msg.h"

extern char **environ;

/* sd_booted(3), for the user's manager: it has a folder where it can be asked. */
bool sg_timer_is_possible(void)
{
    const char *runtime = secure_getenv("XDG_RUNTIME_DIR");
    char folder[PATH_MAX];

    return runtime && snprintf(folder, sizeof(folder), "%s/systemd/private", runtime) < (int)sizeof(folder) &&
           access(folder, F_OK) == 0;
}

static enum sg_rc refused(int status, struct sg_err *err)
{
    (void)sg_fail(err, SG_E_CANNOT_CREATE, "%s",
                  _("systemd did not take the timer; \"systemctl --user status signet-sync.timer\" tells more."));
    sg_err_cause(err, "systemctl: %d", WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status));
    return SG_E_CANNOT_CREATE;
}

enum sg_rc sg_timer_enable(struct sg_err *err)
{
    char *const words[] = {"systemctl", "--user", "--quiet", "enable", "--now", "signet-sync.timer", NULL};
    pid_t child = 0;
    int status = 0;

    if (!sg_timer_is_possible())
        return sg_fail(err, SG_E_CANNOT_CREATE, "%s",
                       _("The user's systemd does not run here, so it cannot run \"signet sync\"; have cron do it, or "
                         "start \"signet sync --watch\"."));
    int errnum = posix_spawnp(&child, words[0], NULL, NULL, words, environ);
    if (errnum)
        return sg_fail_errno(err, SG_E_CANNOT_CREATE, errnum, "%s", _("systemctl cannot be started."));
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    return status == 0 ? SG_OK : refused(status, err);
}
