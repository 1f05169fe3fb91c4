/* signet-token-host CHANNELS [may-exec]: loads one PKCS#11 module and does with it what comes through the channels, so
 * that a vendor's code has a process of its own. Started by the token layer alone (host.c), with the clocks' page and
 * the channels as descriptors. Ends when those are closed, or when nothing was asked for a while. */
#include <errno.h>
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

#define END_S 3 /* how long a module may take to finish, before the kernel ends it */

struct host {
    struct sg_served *served;
    size_t channel_count;
    struct sg_host_clocks *clocks;

    pthread_mutex_t gate;
    size_t at_work; /* requests that are being done */
    bool closing;   /* no more are begun */
    struct timespec last;
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
    (void)pthread_mutex_unlock(&host->gate);
    return open;
}

static void end_request(struct host *host)
{
    (void)pthread_mutex_lock(&host->gate);
    host->at_work--;
    (void)clock_gettime(CLOCK_MONOTONIC, &host->last);
    (void)pthread_mutex_unlock(&host->gate);
}

/* Seconds until there was nothing to do for long enough; 0 closes the gate. */
static int idle_left(struct host *host)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    bool in_use = sg_served_in_use(host->served);
    (void)pthread_mutex_lock(&host->gate);
    long left = SG_HOST_IDLE_S - (now.tv_sec - host->last.tv_sec);
    if (host->at_work > 0 || in_use)
        left = SG_HOST_IDLE_S;
    host->closing = left <= 0;
    (void)pthread_mutex_unlock(&host->gate);
    return left <= 0 ? 0 : (int)left;
}

static bool answer_one(struct host *host, int fd, _Atomic int64_t *clock, const struct sg_message *request)
{
    _cleanup_(sg_message_clear) struct sg_message answer = SG_MESSAGE;
    if (!begin_request(host))
        return false;
    bool good = sg_serve(host->served, clock, request, &answer) &&
                sg_wire_send(fd, answer.verb, answer.subject, sg_buf_slice(&answer.body),
                             (const struct sg_secret *const *)answer.secrets) == SG_WIRE_DONE;
    end_request(host);
    return good;
}

/* A channel that says what is no message, or is closed, has its end: so has the host (see watch()). */
static void *serve_channel(void *context)
{
    struct channel *channel = context;
    int fd = SG_HOST_FIRST_FD + 1 + (int)channel->index;
    for (bool good = true; good;) {
        _cleanup_(sg_message_clear) struct sg_message request = SG_MESSAGE;
        good = sg_wire_receive(fd, &request) == SG_WIRE_DONE &&
               answer_one(channel->host, fd, &channel->host->clocks->of_channel[channel->index], &request);
    }
    (void)shutdown(fd, SHUT_RDWR);
    return NULL;
}

/* Until a channel is closed, or there is nothing to do any more. */
static void watch(struct host *host)
{
    struct pollfd channels[SG_MAX_THREADS];
    for (size_t i = 0; i < host->channel_count; i++)
        channels[i] = (struct pollfd){.fd = SG_HOST_FIRST_FD + 1 + (int)i, .events = POLLRDHUP};
    for (int left = idle_left(host); left > 0; left = idle_left(host)) {
        int hung_up = poll(channels, host->channel_count, left * 1000);
        if (hung_up > 0 || (hung_up < 0 && errno != EINTR))
            return;
    }
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

int main(int argc, char **argv)
{
    static struct host host = {.gate = PTHREAD_MUTEX_INITIALIZER};
    struct channel channels[SG_MAX_THREADS];
    bool may_exec = argc == 3 && strcmp(argv[2], SG_HOST_MAY_EXEC) == 0;
    long count = argc == 2 || may_exec ? strtol(argv[1], NULL, 10) : 0;
    if (count < 1 || count > SG_MAX_THREADS)
        return 64;
    host.channel_count = (size_t)count;
    host.clocks = mmap(NULL, sizeof *host.clocks, PROT_READ | PROT_WRITE, MAP_SHARED, SG_HOST_FIRST_FD, 0);
    if (host.clocks == MAP_FAILED || sg_secrets_init(NULL) != SG_OK ||
        !sg_confine(SG_HOST_FIRST_FD + 1 + (unsigned)count, may_exec) || sg_served_new(&host.served, NULL) != SG_OK)
        return 70;
    (void)signal(SIGPIPE, SIG_IGN);
    (void)clock_gettime(CLOCK_MONOTONIC, &host.last);
    if (!start_threads(&host, channels))
        return 70;

    watch(&host);
    /* From here on the module has its time to finish and no more. */
    (void)signal(SIGALRM, SIG_DFL);
    (void)alarm(END_S);
    for (size_t i = 0; i < host.channel_count; i++) {
        (void)shutdown(SG_HOST_FIRST_FD + 1 + (int)i, SHUT_RDWR);
        (void)pthread_join(channels[i].thread, NULL);
    }
    sg_served_free(host.served);
    return 0;
}
