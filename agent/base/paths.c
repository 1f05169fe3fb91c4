#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>

#include "base/config.h"
#include "base/msg.h"

#define SYSTEM_FILE "/etc/signet/signet.conf"
#define POLICY_FILE "/etc/signet/policy.conf"
#define LIBEXEC "/libexec/signet"

void sg_paths_clear(struct sg_paths *paths)
{
    free(paths->config_file);
    free(paths->system_file);
    free(paths->policy_file);
    free(paths->state);
    free(paths->libexec);
    free(paths->runtime);
    *paths = (struct sg_paths){0};
}

static enum sg_rc join(const char *folder, const char *rest, char **ret, struct sg_err *err)
{
    if (asprintf(ret, "%s%s", folder, rest) >= 0)
        return SG_OK;
    *ret = NULL;
    return sg_fail_memory(err);
}

static enum sg_rc copy(const char *text, char **ret, struct sg_err *err)
{
    *ret = strdup(text);
    return *ret ? SG_OK : sg_fail_memory(err);
}

/* An absolute path in the environment; the XDG Base Directory Specification has others ignored. */
static const char *absolute(const char *variable)
{
    const char *value = secure_getenv(variable);
    return value && value[0] == '/' ? value : NULL;
}

static enum sg_rc home_folder(char **ret, struct sg_err *err)
{
    const char *home = absolute("HOME");
    if (home)
        return copy(home, ret, err);
    _cleanup_(freep) char *buffer = malloc(16384);
    struct passwd entry, *found = NULL;
    if (!buffer)
        return sg_fail_memory(err);
    int errnum = getpwuid_r(getuid(), &entry, buffer, 16384, &found);
    if (!found || !found->pw_dir || found->pw_dir[0] != '/')
        return sg_fail_errno(err, SG_E_CONFIG, errnum, "%s", _("Your home folder is not known; set HOME."));
    return copy(found->pw_dir, ret, err);
}

/* "$VARIABLE/signet" or "HOME/by_default/signet", with `rest` behind it. */
static enum sg_rc xdg_path(const char *variable, const char *by_default, const char *rest, char **ret,
                           struct sg_err *err)
{
    _cleanup_(freep) char *home = NULL, *base = NULL;
    const char *folder = absolute(variable);
    if (!folder) {
        enum sg_rc rc = home_folder(&home, err);
        if (rc == SG_OK)
            rc = join(home, by_default, &base, err);
        if (rc != SG_OK)
            return rc;
        folder = base;
    }
    return join(folder, rest, ret, err);
}

enum sg_rc sg_libexec_folder(char **ret, struct sg_err *err)
{
    char program[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", program, sizeof(program));
    while (len > 0 && program[len - 1] != '/')
        len--;
    if (len <= 0)
        return sg_fail_errno(err, SG_E_INTERNAL, errno, "%s", _("The program's own folder cannot be found."));
    program[len - 1] = '\0';
    size_t end = strlen(LIBEXEC), own = (size_t)len - 1;
    if (own > end && strcmp(program + own - end, LIBEXEC) == 0) /* this is one of them */
        return copy(program, ret, err);
    return join(program, "/.." LIBEXEC, ret, err);
}

static bool is_own_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid();
}

/* The same for all of a user's programs, whatever their environment: a job of cron's has no XDG_RUNTIME_DIR, and su(1)
 * leaves somebody else's. So TMPDIR does not count. */
static enum sg_rc runtime_folder(char **ret, struct sg_err *err)
{
    const char *xdg = absolute("XDG_RUNTIME_DIR");
    char by_id[64];
    if (xdg && is_own_folder(xdg))
        return join(xdg, "/signet", ret, err);
    (void)snprintf(by_id, sizeof(by_id), "/run/user/%u", geteuid());
    if (is_own_folder(by_id))
        return join(by_id, "/signet", ret, err);
    (void)snprintf(by_id, sizeof(by_id), P_tmpdir "/signet-%u", geteuid());
    return copy(by_id, ret, err);
}

enum sg_rc sg_paths_find(struct sg_paths *ret, struct sg_err *err)
{
    _cleanup_(sg_paths_clear) struct sg_paths paths = {0};
    const char *home = secure_getenv("SIGNET_HOME");
    enum sg_rc rc = copy(POLICY_FILE, &paths.policy_file, err);
    if (rc == SG_OK)
        rc = runtime_folder(&paths.runtime, err);
    if (home && home[0] != '\0') {
        if (rc == SG_OK)
            rc = join(home, "/signet.conf", &paths.config_file, err);
        if (rc == SG_OK)
            rc = copy(home, &paths.state, err);
    } else {
        if (rc == SG_OK)
            rc = copy(SYSTEM_FILE, &paths.system_file, err);
        if (rc == SG_OK)
            rc = xdg_path("XDG_CONFIG_HOME", "/.config", "/signet/signet.conf", &paths.config_file, err);
        if (rc == SG_OK)
            rc = xdg_path("XDG_STATE_HOME", "/.local/state", "/signet", &paths.state, err);
    }
    if (rc == SG_OK)
        rc = sg_libexec_folder(&paths.libexec, err);
    if (rc != SG_OK)
        return rc;
    *ret = paths;
    paths = (struct sg_paths){0};
    return SG_OK;
}
