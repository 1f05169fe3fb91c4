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
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#include "base/msg.h"
#include "base/sanitize.h"
#include "pkcs11/serve.h"

#define END_ATTEMPTS 200 /* of 10 ms: how long an orderly end may take */
#define CALLS_AT_MOST 50 /* limits that one request may take, however many C_ calls it makes */

struct sg_host {
    const char *program;
    bool may_exec;
    size_t channel_count;

    pthread_mutex_t lock;
    pthread_cond_t released;
    bool running;
    unsigned generation;
    pid_t pid;
    int status; /* of the one that ended last, as waitpid() has it */
    int channels[SG_MAX_THREADS];
    bool busy[SG_MAX_THREADS];
    size_t busy_count;
    struct sg_host_clocks *clocks;
};

static int64_t now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* --- life --------------------------------------------------------------------------------------------------------- */

enum sg_rc sg_host_new(const char *program, bool may_exec, struct sg_host **ret, struct sg_err *err)
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
    pid_t ended = waitpid(host->pid, &host->status, WNOHANG);
    return ended == host->pid || (ended < 0 && errno != EINTR);
}

static void pause_10_ms(void)
{
    const struct timespec pause = {.tv_nsec = 10000000};
    (void)nanosleep(&pause, NULL);
}

/* Ends the process; the lock is held. One that was killed and does not go (it is in the kernel's hands) is left. */
static void end(struct sg_host *host, bool orderly)
{
    bool gone = reap(host);
    for (int i = 0; !gone && orderly && i < END_ATTEMPTS; i++) {
        pause_10_ms();
        gone = reap(host);
    }
    if (!gone)
        (void)kill(host->pid, SIGKILL);
    for (int i = 0; !gone && i < END_ATTEMPTS; i++) {
        gone = reap(host);
        if (!gone)
            pause_10_ms();
    }
    host->running = false;
}

void sg_host_free(struct sg_host *host)
{
    if (!host)
        return;
    close_channels(host);
    if (host->running)
        end(host, true);
    if (host->clocks)
        (void)munmap(host->clocks, sizeof *host->clocks);
    (void)pthread_cond_destroy(&host->released);
    (void)pthread_mutex_destroy(&host->lock);
    free(host);
}

bool sg_host_runs(struct sg_host *host)
{
    (void)pthread_mutex_lock(&host->lock);
    bool runs = host->running;
    (void)pthread_mutex_unlock(&host->lock);
    return runs;
}

unsigned sg_host_generation(struct sg_host *host)
{
    (void)pthread_mutex_lock(&host->lock);
    unsigned generation = host->generation;
    (void)pthread_mutex_unlock(&host->lock);
    return generation;
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

static bool make_clocks(struct sg_host *host, int *ret_fd)
{
    int fd = memfd_create("signet-token-host", MFD_CLOEXEC);
    if (fd < 0)
        return false;
    if (ftruncate(fd, sizeof *host->clocks) == 0) {
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
    char channels[16];
    char *const arguments[] = {(char *)(uintptr_t) "signet-token-host", channels,
                               host->may_exec ? (char *)(uintptr_t)SG_HOST_MAY_EXEC : NULL, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    (void)snprintf(channels, sizeof channels, "%zu", count - 1);
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

enum sg_rc sg_host_start(struct sg_host *host, struct sg_err *err)
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
    host->generation++;
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

/* A channel of the host that runs now, or -1. */
static int take_channel(struct sg_host *host, size_t *ret_index, unsigned *ret_generation)
{
    int fd = -1;
    (void)pthread_mutex_lock(&host->lock);
    while (host->running && host->busy_count == host->channel_count)
        (void)pthread_cond_wait(&host->released, &host->lock);
    for (size_t i = 0; host->running && fd < 0 && i < host->channel_count; i++) {
        if (host->busy[i])
            continue;
        fd = host->channels[i];
        host->busy[i] = true;
        host->busy_count++;
        *ret_index = i;
        *ret_generation = host->generation;
    }
    (void)pthread_mutex_unlock(&host->lock);
    return fd;
}

/* Gives it back; after a failure the host is ended, once. The others who wait for it see it end. */
static enum sg_exchange release_channel(struct sg_host *host, size_t index, unsigned generation,
                                        enum sg_exchange exchange)
{
    (void)pthread_mutex_lock(&host->lock);
    if (exchange != SG_EXCHANGE_DONE && host->running && host->generation == generation) {
        end(host, exchange == SG_EXCHANGE_IDLE);
        if (exchange == SG_EXCHANGE_IDLE && !(WIFEXITED(host->status) && WEXITSTATUS(host->status) == 0))
            exchange = SG_EXCHANGE_DIED;
    }
    host->busy[index] = false;
    host->busy_count--;
    (void)pthread_cond_broadcast(&host->released);
    (void)pthread_mutex_unlock(&host->lock);
    return exchange;
}

/* Waits until there is something to read. The limit is for one C_ call, whose beginning the host writes down. */
static enum sg_exchange wait_for_answer(int fd, _Atomic int64_t *clock, int64_t limit_ms)
{
    const int64_t limit = limit_ms * 1000000, began = now_ns();
    for (;;) {
        int64_t now = now_ns(), call = atomic_load_explicit(clock, memory_order_relaxed);
        int64_t from = call == SG_CALL_WAITS ? now : call > began && call <= now ? call : began;
        int64_t left = from + limit - now;
        if (left <= 0 || (now - began) / CALLS_AT_MOST > limit)
            return SG_EXCHANGE_TIMEOUT;
        struct pollfd input = {.fd = fd, .events = POLLIN};
        if (poll(&input, 1, (int)(left / 1000000) + 1) > 0)
            return SG_EXCHANGE_DONE;
    }
}

static enum sg_exchange exchange(int fd, _Atomic int64_t *clock, uint16_t verb, uint32_t subject, struct sg_slice body,
                                 const struct sg_secret *const secrets[SG_WIRE_SECRETS], int64_t limit_ms,
                                 struct sg_message *answer)
{
    atomic_store(clock, 0);
    if (sg_wire_send(fd, verb, subject, body, secrets) != SG_WIRE_DONE)
        return SG_EXCHANGE_IDLE; /* or DIED: how it ended tells */
    enum sg_exchange waited = wait_for_answer(fd, clock, limit_ms);
    if (waited != SG_EXCHANGE_DONE)
        return waited;
    switch (sg_wire_receive(fd, answer)) {
    case SG_WIRE_DONE:
        return answer->verb == verb && answer->subject == subject ? SG_EXCHANGE_DONE : SG_EXCHANGE_DIED;
    case SG_WIRE_CLOSED:
        return SG_EXCHANGE_IDLE;
    case SG_WIRE_NO_MEMORY:
        return SG_EXCHANGE_NO_MEMORY;
    case SG_WIRE_BROKEN:
        break;
    }
    return SG_EXCHANGE_DIED;
}

enum sg_exchange sg_host_exchange(struct sg_host *host, uint16_t verb, uint32_t subject, struct sg_slice body,
                                  const struct sg_secret *const secrets[SG_WIRE_SECRETS], int64_t limit_ms,
                                  struct sg_message *answer)
{
    size_t index = 0;
    unsigned generation = 0;
    int fd = take_channel(host, &index, &generation);
    if (fd < 0)
        return SG_EXCHANGE_DIED;
    enum sg_exchange end =
        exchange(fd, &host->clocks->of_channel[index], verb, subject, body, secrets, limit_ms, answer);
    return release_channel(host, index, generation, end);
}
