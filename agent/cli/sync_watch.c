/* Staying: a run whenever something is due, a document was signed, a network came, or the interval has passed. */
#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <time.h>

#include "base/msg.h"
#include "cli/sync_run.h"

#define QUIET_MS 1000 /* changes come in swarms: the run begins when there was none for so long */
#define MAX_SWARM 30  /* and begins all the same after so many */

enum { ON_NETWORK, ON_STORE, ON_COUNT };

/* The kernel's notice that addresses, routes or links changed. */
static enum sg_rc watch_network(int *ret, struct sg_err *err)
{
    struct sockaddr_nl address = {.nl_family = AF_NETLINK,
                                  .nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR |
                                               RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE};
    _cleanup_(closep) int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);

    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
        return sg_fail_errno(err, SG_E_INTERNAL, errno, "%s", _("The kernel does not tell of network changes."));
    *ret = sg_steal_fd(&fd);
    return SG_OK;
}

/* Whoever signs writes to the store. */
static enum sg_rc watch_store(const char *folder, int *ret, struct sg_err *err)
{
    _cleanup_(closep) int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

    if (fd < 0 || inotify_add_watch(fd, folder, IN_MODIFY) < 0)
        return sg_fail_errno(err, SG_E_INTERNAL, errno, _("Changes of the folder \"%s\" cannot be watched."), folder);
    *ret = sg_steal_fd(&fd);
    return SG_OK;
}

static void drain(int fd)
{
    char buffer[4096];

    while (read(fd, buffer, sizeof(buffer)) > 0 || errno == ENOBUFS)
        errno = 0;
}

/* Waits for one of the descriptors, `wait_ms` at most. A signal between the look at its flag and the waiting would be
 * overlooked: they are let through only while it waits. */
static bool wait_for_any(struct pollfd fds[ON_COUNT], int64_t wait_ms)
{
    struct timespec timeout = {.tv_sec = wait_ms / 1000, .tv_nsec = wait_ms % 1000 * 1000000};
    sigset_t all, before;
    int ready = 0;

    (void)sigfillset(&all);
    (void)sigprocmask(SIG_BLOCK, &all, &before);
    if (!sg_signal_caught())
        ready = ppoll(fds, ON_COUNT, &timeout, &before);
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    return ready > 0;
}

/* `*due` or, if that is earlier, when something is to be fetched again: because what there is ends. */
static enum sg_rc next_pull(struct sg_sync_work *work, int64_t last, int64_t *due, struct sg_err *err)
{
    struct sg_app *app = work->app;
    OSSL_LIB_CTX *libctx = NULL;
    int64_t next = INT64_MAX;
    enum sg_rc rc = sg_app_libctx(app, &libctx, err);

    if (rc == SG_OK)
        rc = sg_pull_next(work->store, app->paths.state, libctx, sg_config_text(app->config, SG_KEY_TRUST_LIST),
                          sg_clock_now(&app->clock), &next, err);
    if (rc == SG_OK && next > last && next < *due)
        *due = next;
    return rc;
}

/* Milliseconds until the next run: when a step is due, or the interval has passed. */
static enum sg_rc next_run(struct sg_sync_work *work, int64_t last, int64_t *ret_ms, struct sg_err *err)
{
    int64_t now = sg_clock_now(&work->app->clock), due = INT64_MAX;
    int64_t regular = last + sg_config_seconds(work->app->config, SG_KEY_SYNC_INTERVAL);
    /* What was due when the last run began, and still is, is nothing that a run can do now. */
    enum sg_rc rc = sg_steps_next(work->store, last, &due, err);

    if (rc == SG_OK)
        rc = next_pull(work, last, &due, err);
    if (rc != SG_OK)
        return rc;
    /* A clock that was set back does not make it wait longer than the interval. */
    if (regular - now > regular - last)
        regular = now + (regular - last);
    if (due > regular)
        due = regular;
    *ret_ms = due > now ? 1000 * (due - now) : 0;
    return SG_OK;
}

/* Until the next run. */
static enum sg_rc rest(struct sg_sync_work *work, struct pollfd fds[ON_COUNT], int64_t last, struct sg_err *err)
{
    int64_t wait_ms = 0;

    for (;;) {
        enum sg_rc rc = next_run(work, last, &wait_ms, err);
        if (rc != SG_OK || wait_ms == 0 || sg_signal_caught())
            return rc;
        if (!wait_for_any(fds, wait_ms))
            continue;
        bool network = fds[ON_NETWORK].revents != 0;
        for (int i = 0; i < MAX_SWARM && wait_for_any(fds, QUIET_MS); i++) {
            network = network || fds[ON_NETWORK].revents != 0;
            drain(fds[ON_NETWORK].fd);
            drain(fds[ON_STORE].fd);
        }
        if (network)
            return SG_OK;
    }
}

static int watch(struct sg_sync_work *work, struct pollfd fds[ON_COUNT])
{
    const struct sg_voice *voice = &work->app->voice;
    struct sg_err err;

    while (!sg_signal_caught()) {
        int64_t begun = sg_clock_now(&work->app->clock);
        (void)sg_sync_once(work, true); /* what it ends with is said, and is no reason to end */
        drain(fds[ON_STORE].fd);        /* that was ourselves */
        if (sg_output_finish(&err) != SG_OK || rest(work, fds, begun, &err) != SG_OK)
            return sg_complain(voice, &err);
    }
    return 0;
}

int sg_sync_watch(struct sg_sync_work *work)
{
    _cleanup_(closep) int network = -1, store = -1;
    struct sg_err err;

    work->app->unattended = true;
    if (watch_network(&network, &err) != SG_OK || watch_store(work->app->paths.state, &store, &err) != SG_OK)
        return sg_complain(&work->app->voice, &err);
    struct pollfd fds[ON_COUNT] = {
        [ON_NETWORK] = {.fd = network, .events = POLLIN}, [ON_STORE] = {.fd = store, .events = POLLIN}};
    return watch(work, fds);
}
