#include "pkcs11/host.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/limits.h"
#include "base/msg.h"
#include "base/sanitize.h"

#define END_NS 2000000000 /* how long an orderly end may take */
#define PAUSE_MS 10       /* between two looks, where the kernel has no word for the end of a process */
#define MAX_LIMIT_MS ((int64_t)86400 * 1000)

struct sg_host {
    const char *program;
    bool may_exec;
    int64_t idle_ms;
    size_t channel_count;

    pthread_mutex_t lock;
    pthread_cond_t released;
    bool running;
    unsigned generation;
    pid_t pid;
    int status;             /* of the one that ended last, as waitpid() has it */
    enum sg_exchange ended; /* what made us end it */
    int channels[SG_MAX_THREADS];
    bool busy[SG_MAX_THREADS];
    size_t busy_count;
    struct sg_host_clocks *clocks;
};

/* --- life --------------------------------------------------------------------------------------------------------- */

enum sg_rc sg_host_new(const char *program, bool may_exec, int64_t idle_ms, struct sg_host **ret, struct sg_err *err)
{
    struct sg_host *host = calloc(1, sizeof *host);
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    if (!host)
        return sg_fail_memory(err);
    if (pthread_mutex_init(&host->lock, NULL) != 0 || pthread_cond_init(&host->released, NULL) != 0) {
        free(host);
        return sg_fail_memory(err);
    }
    host->program = program;
    host->may_exec = may_exec;
    host->idle_ms = idle_ms;
    host->channel_count = cpus < 1 ? 1 : cpus > SG_MAX_THREADS ? SG_MAX_THREADS : (size_t)cpus;
    for (size_t i = 0; i < SG_MAX_THREADS; i++)
        host->channels[i] = -1;
    *ret = host;
    return SG_OK;
}

static void close_channels(struct sg_host *host)
{
    for (size_t i = 0; i < host->channel_count; i++) {
        if (host->channels[i] >= 0)
            (void)close(sg_steal_fd(&host->channels[i]));
    }
}

static bool reap(struct sg_host *host)
{
    int status = 0;
    pid_t ended = waitpid(host->pid, &status, WNOHANG);
    if (ended != host->pid)
        return ended < 0 && errno != EINTR;
    host->status = status;
    return true;
}

/* Waits until the process has ended, but not for ever: one that was killed may be in the kernel's hands. Without a
 * descriptor for it poll() is a pause. */
static bool await_end(struct sg_host *host)
{
    const int64_t until = sg_wire_now() + END_NS;
    struct pollfd process = {.fd = pidfd_open(host->pid, 0), .events = POLLIN};
    bool gone = reap(host);
    while (!gone && sg_wire_now() < until) {
        (void)poll(&process, 1, process.fd < 0 ? PAUSE_MS : (int)(END_NS / 1000000));
        gone = reap(host);
    }
    if (process.fd >= 0)
        (void)close(process.fd);
    return gone;
}

/* Ends the process, and what it started; the lock is held. */
static void end(struct sg_host *host, enum sg_exchange why)
{
    host->status = 0;
    host->ended = why;
    if (why != SG_EXCHANGE_NOT_BEGUN || !await_end(host)) {
        (void)kill(-host->pid, SIGKILL);
        (void)await_end(host);
    }
    host->running = false;
}

void sg_host_stop(struct sg_host *host)
{
    (void)pthread_mutex_lock(&host->lock);
    if (host->running)
        end(host, SG_EXCHANGE_DIED);
    (void)pthread_mutex_unlock(&host->lock);
}

void sg_host_dismiss(struct sg_host *host)
{
    (void)pthread_mutex_lock(&host->lock);
    close_channels(host);
    (void)pthread_mutex_unlock(&host->lock);
}

void sg_host_free(struct sg_host *host)
{
    if (!host)
        return;
    close_channels(host);
    if (host->running)
        end(host, SG_EXCHANGE_NOT_BEGUN);
    if (host->clocks)
        (void)munmap(host->clocks, sizeof *host->clocks);
    (void)pthread_cond_destroy(&host->released);
    (void)pthread_mutex_destroy(&host->lock);
    free(host);
}

bool sg_host_runs(struct sg_host *host, unsigned *ret_generation)
{
    (void)pthread_mutex_lock(&host->lock);
    bool runs = host->running;
    *ret_generation = host->generation;
    (void)pthread_mutex_unlock(&host->lock);
    return runs;
}

void sg_host_end_text(struct sg_host *host, char *out, size_t room)
{
    (void)pthread_mutex_lock(&host->lock);
    if (WIFSIGNALED(host->status))
        (void)snprintf(out, room, _("signal %d (%s)"), WTERMSIG(host->status), strsignal(WTERMSIG(host->status)));
    else
        (void)snprintf(out, room, _("exit status %d"), WEXITSTATUS(host->status));
    (void)pthread_mutex_unlock(&host->lock);
}

/* --- starting ----------------------------------------------------------------------------------------------------- */

/* The seals keep the host from cutting the page away under us. */
static bool make_clocks(struct sg_host *host, int *ret_fd)
{
    int fd = memfd_create("signet-token-host", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return false;
    if (ftruncate(fd, sizeof *host->clocks) == 0 &&
        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0) {
        void *page = mmap(NULL, sizeof *host->clocks, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (page != MAP_FAILED) {
            if (host->clocks)
                (void)munmap(host->clocks, sizeof *host->clocks);
            host->clocks = page;
            *ret_fd = fd;
            return true;
        }
    }
    (void)close(fd);
    return false;
}

/* Their ends go to descriptors that the host knows; ours are first moved out of the way of these. */
static bool plan_descriptors(const int *ends, size_t count, posix_spawn_file_actions_t *actions)
{
    bool done = posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDWR, 0) == 0 &&
                posix_spawn_file_actions_adddup2(actions, STDIN_FILENO, STDOUT_FILENO) == 0;
    if (!SG_SANITIZED)
        done = done && posix_spawn_file_actions_adddup2(actions, STDIN_FILENO, STDERR_FILENO) == 0;
    for (size_t i = 0; done && i < count; i++)
        done = posix_spawn_file_actions_adddup2(actions, ends[i], SG_HOST_FIRST_FD + (int)i) == 0;
    return done;
}

static int spawn(struct sg_host *host, const int *ends, size_t count)
{
    char channels[16], idle[24];
    char *const arguments[] = {(char *)(uintptr_t) "signet-token-host", channels, idle,
                               host->may_exec ? (char *)(uintptr_t)SG_HOST_MAY_EXEC : NULL, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    (void)snprintf(channels, sizeof channels, "%zu", count - 1);
    (void)snprintf(idle, sizeof idle, "%lld", (long long)host->idle_ms);
    (void)sigemptyset(&none);
    (void)sigfillset(&all);
    if (posix_spawn_file_actions_init(&actions) != 0)
        return ENOMEM;
    if (posix_spawnattr_init(&attributes) != 0) {
        (void)posix_spawn_file_actions_destroy(&actions);
        return ENOMEM;
    }
    /* A group of its own: Ctrl-C is for the program that asks, which decides what becomes of the host. */
    int errnum = plan_descriptors(ends, count, &actions) && posix_spawnattr_setsigmask(&attributes, &none) == 0 &&
                         posix_spawnattr_setsigdefault(&attributes, &all) == 0 &&
                         posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                                                   POSIX_SPAWN_SETPGROUP) == 0
                     ? posix_spawn(&host->pid, host->program, &actions, &attributes, arguments, environ)
                     : ENOMEM;
    (void)posix_spawnattr_destroy(&attributes);
    (void)posix_spawn_file_actions_destroy(&actions);
    return errnum;
}

/* `ends`: the page's descriptor and the host's ends of the channels, all above those that they get there. */
static int open_channels(struct sg_host *host, int *ends)
{
    int fd = -1;
    if (!make_clocks(host, &fd))
        return errno;
    for (size_t i = 0; i <= host->channel_count; i++) {
        int pair[2] = {fd, -1};
        if (i > 0 && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
            return errno;
        if (i > 0)
            host->channels[i - 1] = pair[1];
        ends[i] = fcntl(pair[0], F_DUPFD_CLOEXEC, SG_HOST_FIRST_FD + SG_MAX_THREADS + 1);
        int errnum = errno;
        (void)close(pair[0]);
        if (ends[i] < 0)
            return errnum;
    }
    return 0;
}

enum sg_rc sg_host_start(struct sg_host *host, unsigned *ret_generation, struct sg_err *err)
{
    int ends[SG_MAX_THREADS + 1];
    size_t count = host->channel_count + 1;
    for (size_t i = 0; i < count; i++)
        ends[i] = -1;
    (void)pthread_mutex_lock(&host->lock);
    while (host->busy_count > 0)
        (void)pthread_cond_wait(&host->released, &host->lock);
    close_channels(host);
    int errnum = open_channels(host, ends);
    if (errnum == 0)
        errnum = spawn(host, ends, count);
    for (size_t i = 0; i < count; i++) {
        if (ends[i] >= 0)
            (void)close(ends[i]);
    }
    host->running = errnum == 0;
    *ret_generation = ++host->generation;
    if (errnum != 0)
        close_channels(host);
    (void)pthread_mutex_unlock(&host->lock);
    if (errnum != 0)
        return sg_about(host->program, err,
                        sg_fail_errno(err, SG_E_MODULE_FAILED, errnum, "%s",
                                      _("The program that PKCS#11 modules run in does not start; install Signet again, "
                                        "or set [token] isolation = none.")));
    return SG_OK;
}

/* --- asking ------------------------------------------------------------------------------------------------------- */

/* A channel of the host of that generation; -1 if it runs no longer, or was dismissed. */
static int take_channel(struct sg_host *host, unsigned generation, size_t *ret_index)
{
    int fd = -1;
    (void)pthread_mutex_lock(&host->lock);
    while (host->running && host->generation == generation && host->busy_count == host->channel_count)
        (void)pthread_cond_wait(&host->released, &host->lock);
    bool runs = host->running && host->generation == generation;
    for (size_t i = 0; runs && fd < 0 && i < host->channel_count; i++) {
        if (host->busy[i] || host->channels[i] < 0)
            continue;
        fd = host->channels[i];
        host->busy[i] = true;
        host->busy_count++;
        *ret_index = i;
    }
    (void)pthread_mutex_unlock(&host->lock);
    return fd;
}

/* Gives it back; after a failure the host is ended, once. The others who wait for it see it end, and say why. The next
 * one is not started as long as this channel is taken: a host that does not run any more is still ours. */
static enum sg_exchange release_channel(struct sg_host *host, size_t index, enum sg_exchange exchange)
{
    (void)pthread_mutex_lock(&host->lock);
    if (exchange != SG_EXCHANGE_DONE && host->running)
        end(host, exchange);
    else if (exchange == SG_EXCHANGE_DIED && host->ended == SG_EXCHANGE_TIMEOUT)
        exchange = SG_EXCHANGE_TIMEOUT;
    host->busy[index] = false;
    host->busy_count--;
    (void)pthread_cond_broadcast(&host->released);
    (void)pthread_mutex_unlock(&host->lock);
    return exchange;
}

/* Waits until there is something to read. The limit is for one C_ call, whose beginning the host writes down; what it
 * writes is only as good as the module in it. */
static enum sg_exchange wait_for_answer(int fd, _Atomic int64_t *clock, int64_t limit)
{
    const int64_t began = sg_wire_now();
    for (;;) {
        int64_t now = sg_wire_now(), call = atomic_load_explicit(clock, memory_order_relaxed);
        int64_t from = call == SG_CALL_WAITS ? now : call > began && call <= now ? call : began;
        int64_t left = from + limit - now, all_left = began + SG_MAX_HOST_CALLS * limit - now;
        left = left < all_left ? left : all_left;
        if (left <= 0)
            return SG_EXCHANGE_TIMEOUT;
        struct pollfd input = {.fd = fd, .events = POLLIN};
        if (poll(&input, 1, (int)(left / 1000000) + 1) > 0)
            return SG_EXCHANGE_DONE;
    }
}

static enum sg_exchange receive(int fd, int64_t limit, uint16_t verb, uint32_t subject, struct sg_message *answer)
{
    switch (sg_wire_receive(fd, sg_wire_now() + limit, answer)) {
    case SG_WIRE_DONE:
        if (answer->verb == SG_HOST_BYE)
            return SG_EXCHANGE_NOT_BEGUN;
        return answer->verb == verb && answer->subject == subject ? SG_EXCHANGE_DONE : SG_EXCHANGE_DIED;
    case SG_WIRE_LATE:
        return SG_EXCHANGE_TIMEOUT;
    case SG_WIRE_NO_MEMORY:
        return SG_EXCHANGE_NO_MEMORY;
    case SG_WIRE_CLOSED:
    case SG_WIRE_BROKEN:
        break;
    }
    return SG_EXCHANGE_DIED;
}

static enum sg_exchange exchange(int fd, _Atomic int64_t *clock, uint16_t verb, uint32_t subject, struct sg_slice body,
                                 const struct sg_secret *const secrets[SG_WIRE_SECRETS], int64_t limit_ms,
                                 struct sg_message *answer)
{
    const int64_t limit = (limit_ms < MAX_LIMIT_MS ? limit_ms : MAX_LIMIT_MS) * 1000000;
    atomic_store(clock, 0);
    enum sg_wire_end sent = sg_wire_send(fd, sg_wire_now() + limit, verb, subject, body, secrets);
    if (sent != SG_WIRE_DONE)
        return sent == SG_WIRE_LATE ? SG_EXCHANGE_TIMEOUT : SG_EXCHANGE_NOT_BEGUN;
    enum sg_exchange waited = wait_for_answer(fd, clock, limit);
    return waited == SG_EXCHANGE_DONE ? receive(fd, limit, verb, subject, answer) : waited;
}

enum sg_exchange sg_host_exchange(struct sg_host *host, unsigned generation, uint16_t verb, uint32_t subject,
                                  struct sg_slice body, const struct sg_secret *const secrets[SG_WIRE_SECRETS],
                                  int64_t limit_ms, struct sg_message *answer)
{
    size_t index = 0;
    int fd = take_channel(host, generation, &index);
    if (fd < 0)
        return SG_EXCHANGE_NOT_BEGUN;
    enum sg_exchange how =
        exchange(fd, &host->clocks->of_channel[index], verb, subject, body, secrets, limit_ms, answer);
    return release_channel(host, index, how);
}
