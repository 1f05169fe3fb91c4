/* signet-token-host CHANNELS IDLE-MS [may-exec]: loads one PKCS#11 module and does with it what comes through the
 * channels, so that a vendor's code has a process of its own. Started by the token layer alone (host.c), with the
 * clocks' page and the channels as descriptors. Ends when those are closed, or when nothing was asked for a while. */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>

#include "base/secret.h"
#include "pkcs11/confine.h"
#include "pkcs11/host.h"
#include "pkcs11/serve.h"

#define END_S 3 /* how long a module may take to finish, before it is killed */

struct host {
    struct sg_served *served;
    size_t channel_count;
    struct sg_host_clocks *clocks;
    int64_t idle_ns;

    pthread_mutex_t gate;
    size_t at_work;   /* requests that are being done and answered */
    size_t in_module; /* those that are being done */
    bool closing;     /* no more are begun */
    int64_t last;     /* when the last one ended */
};

struct channel {
    struct host *host;
    size_t index;
    pthread_t thread;
};

static bool begin_request(struct host *host)
{
    (void)pthread_mutex_lock(&host->gate);
    bool open = !host->closing;
    host->at_work += open;
    host->in_module += open;
    (void)pthread_mutex_unlock(&host->gate);
    return open;
}

static void leave_module(struct host *host)
{
    (void)pthread_mutex_lock(&host->gate);
    host->in_module--;
    (void)pthread_mutex_unlock(&host->gate);
}

static void end_request(struct host *host)
{
    (void)pthread_mutex_lock(&host->gate);
    host->at_work--;
    host->last = sg_wire_now();
    (void)pthread_mutex_unlock(&host->gate);
}

/* How long it is, in ns, until there was nothing to do for long enough; 0 closes the gate. While a request is at work,
 * nothing else is asked: whether somebody is logged in is behind a lock that a module may hold for ever. */
static int64_t idle_left(struct host *host)
{
    (void)pthread_mutex_lock(&host->gate);
    int64_t left = host->last + host->idle_ns - sg_wire_now();
    if (host->at_work > 0 || sg_served_in_use(host->served))
        left = host->idle_ns;
    host->closing = left <= 0;
    (void)pthread_mutex_unlock(&host->gate);
    return left > 0 ? left : 0;
}

static bool is_closing(struct host *host)
{
    (void)pthread_mutex_lock(&host->gate);
    bool closing = host->closing;
    (void)pthread_mutex_unlock(&host->gate);
    return closing;
}

static bool answer_one(struct host *host, int fd, _Atomic int64_t *clock, const struct sg_message *request)
{
    _cleanup_(sg_message_clear) struct sg_message answer = SG_MESSAGE;
    if (!begin_request(host))
        return false;
    bool good = sg_serve(host->served, clock, request, &answer);
    leave_module(host);
    good = good && sg_wire_send(fd, SG_WIRE_NEVER, answer.verb, answer.subject, sg_buf_slice(&answer.body),
                                (const struct sg_secret *const *)answer.secrets) == SG_WIRE_DONE;
    end_request(host);
    return good;
}

/* A channel that says what is no message, or is closed, has its end: so has the host (see watch()). Behind the closed
 * gate, the last word is say_bye()'s. */
static void *serve_channel(void *context)
{
    struct channel *channel = context;
    int fd = SG_HOST_FIRST_FD + 1 + (int)channel->index;
    for (bool good = true; good;) {
        _cleanup_(sg_message_clear) struct sg_message request = SG_MESSAGE;
        good = sg_wire_receive(fd, SG_WIRE_NEVER, &request) == SG_WIRE_DONE &&
               answer_one(channel->host, fd, &channel->host->clocks->of_channel[channel->index], &request);
    }
    if (!is_closing(channel->host))
        (void)shutdown(fd, SHUT_RDWR);
    return NULL;
}

/* Nobody else writes any more: every request that was begun is answered. */
static void say_bye(const struct host *host)
{
    for (size_t i = 0; i < host->channel_count; i++)
        (void)!sg_wire_send(SG_HOST_FIRST_FD + 1 + (int)i, 0, SG_HOST_BYE, 0, (struct sg_slice){NULL, 0}, NULL);
}

/* Until a channel is closed, or there is nothing to do any more. */
static void watch(struct host *host)
{
    struct pollfd channels[SG_MAX_THREADS];
    for (size_t i = 0; i < host->channel_count; i++)
        channels[i] = (struct pollfd){.fd = SG_HOST_FIRST_FD + 1 + (int)i, .events = POLLRDHUP};
    for (int64_t left = idle_left(host); left > 0; left = idle_left(host)) {
        int hung_up = poll(channels, host->channel_count, (int)(left / 1000000) + 1);
        if (hung_up > 0 || (hung_up < 0 && errno != EINTR))
            return;
    }
    say_bye(host);
}

/* Ends this process, whatever the module is at, and whatever signals it does not want to hear. */
static void *kill_in_time(void *context)
{
    const struct timespec pause = {.tv_sec = END_S};
    (void)context;
    (void)nanosleep(&pause, NULL);
    (void)kill(getpid(), SIGKILL);
    return NULL;
}

static bool start_threads(struct host *host, struct channel *channels)
{
    for (size_t i = 0; i < host->channel_count; i++) {
        channels[i] = (struct channel){.host = host, .index = i};
        if (pthread_create(&channels[i].thread, NULL, serve_channel, &channels[i]) != 0)
            return false;
    }
    return true;
}

/* Who asked is gone: what the module is at ends here, as it would have in their own process, and not some time later,
 * when somebody else is at work on the token. */
static void abandon(struct host *host)
{
    (void)pthread_mutex_lock(&host->gate);
    if (host->in_module > 0)
        (void)kill(getpid(), SIGKILL);
    host->closing = true;
    (void)pthread_mutex_unlock(&host->gate);
}

static void finish(struct host *host, struct channel *channels)
{
    pthread_t killer;
    abandon(host);
    if (pthread_create(&killer, NULL, kill_in_time, NULL) != 0)
        _exit(70);
    for (size_t i = 0; i < host->channel_count; i++) {
        (void)shutdown(SG_HOST_FIRST_FD + 1 + (int)i, SHUT_RDWR);
        (void)pthread_join(channels[i].thread, NULL);
    }
    sg_served_free(host->served);
}

static long number(const char *text, long most)
{
    char *end = NULL;
    long value = strtol(text, &end, 10);
    return *end == '\0' && value <= most ? value : 0;
}

int main(int argc, char **argv)
{
    static struct host host = {.gate = PTHREAD_MUTEX_INITIALIZER};
    struct channel channels[SG_MAX_THREADS];
    bool may_exec = argc == 4 && strcmp(argv[3], SG_HOST_MAY_EXEC) == 0;
    long count = argc == 3 || may_exec ? number(argv[1], SG_MAX_THREADS) : 0;
    long idle_ms = count > 0 ? number(argv[2], INT_MAX / 2) : 0;
    if (count < 1 || idle_ms < 1)
        return 64;
    host.channel_count = (size_t)count;
    host.idle_ns = (int64_t)idle_ms * 1000000;
    host.clocks = mmap(NULL, sizeof *host.clocks, PROT_READ | PROT_WRITE, MAP_SHARED, SG_HOST_FIRST_FD, 0);
    if (host.clocks == MAP_FAILED || sg_secrets_init(NULL) != SG_OK ||
        !sg_confine(SG_HOST_FIRST_FD + 1 + (unsigned)count, may_exec) || sg_served_new(&host.served, NULL) != SG_OK)
        return 70;
    (void)signal(SIGPIPE, SIG_IGN);
    host.last = sg_wire_now();
    if (!start_threads(&host, channels))
        return 70;
    watch(&host);
    finish(&host, channels);
    return 0;
}
