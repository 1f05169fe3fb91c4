/* A token host as a process: started, asked, waited for with a deadline, ended. Which messages make sense is for
 * remote.c. Safe for several threads. Private to pkcs11/. */
#pragma once

#include "pkcs11/wire.h"

/* What the host's main() finds: the clocks' page and then the channels, from this descriptor on. */
#define SG_HOST_FIRST_FD 3
#define SG_HOST_MAY_EXEC "may-exec" /* last argument, where modules may start programs */

/* The verb of the last message on each channel of a host that ends for want of work. What was sent to it and not
 * answered before was not begun. */
#define SG_HOST_BYE 0

/* A page that both share: for each channel, when its present C_ call began (sg_wire_now()), or that it waits for
 * another thread's. The module can write there too. */
#define SG_CALL_WAITS (-1)
struct sg_host_clocks {
    _Atomic int64_t of_channel[SG_MAX_THREADS];
};

struct sg_host;

/* How an exchange ended. */
enum sg_exchange {
    SG_EXCHANGE_DONE,
    SG_EXCHANGE_NOT_BEGUN, /* the host had ended, or another one had taken its place: nothing was done */
    SG_EXCHANGE_TIMEOUT,   /* a C_ call took longer than the limit; the host was killed */
    SG_EXCHANGE_DIED,      /* the host died, or said what is no message, and was killed */
    SG_EXCHANGE_NO_MEMORY
};

/* Not started yet. `program` outlives it. `may_exec`: p11-kit's configuration may have modules that are programs.
 * `idle_ms`: it ends after so long without work, a login or a key in use. */
SG_MUST_CHECK enum sg_rc sg_host_new(const char *program, bool may_exec, int64_t idle_ms, struct sg_host **ret,
                                     struct sg_err *err);
/* Lets it end, which sg_host_free() waits for; nothing may be asked of it any more. */
void sg_host_dismiss(struct sg_host *host);
void sg_host_free(struct sg_host *host); /* ends it, orderly where it lets itself be ended so within 2 s */
SG_DEFINE_CLEANUP(struct sg_host, sg_host_free)

/* Whether one runs, as far as is known, and which: what a host said means nothing to the next. */
bool sg_host_runs(struct sg_host *host, unsigned *ret_generation);
/* Starts it; waits first until nobody waits for the one before any more. */
SG_MUST_CHECK enum sg_rc sg_host_start(struct sg_host *host, unsigned *ret_generation, struct sg_err *err);
/* Kills it, for one that was started and cannot be used. */
void sg_host_stop(struct sg_host *host);
/* How the last one ended: "signal 11 (Segmentation fault)", "exit status 1". */
void sg_host_end_text(struct sg_host *host, char *out, size_t room);

/* One request and its answer, of that generation and no other. `limit_ms` is for each C_ call by itself; the whole of
 * it takes at most SG_MAX_HOST_CALLS times as long, whatever the host claims. */
SG_MUST_CHECK enum sg_exchange sg_host_exchange(struct sg_host *host, unsigned generation, uint16_t verb,
                                                uint32_t subject, struct sg_slice body,
                                                const struct sg_secret *const secrets[SG_WIRE_SECRETS],
                                                int64_t limit_ms, struct sg_message *answer);
