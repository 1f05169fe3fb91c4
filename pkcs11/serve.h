/* The other end of remote.c, in a token host: takes a request, does the verb in this process, makes the answer.
 * Private to pkcs11/, but for the fuzzer. */
#pragma once

#include "pkcs11/wire.h"

struct sg_served; /* the modules of this process, its tokens and the keys that were inspected */

SG_MUST_CHECK enum sg_rc sg_served_new(struct sg_served **ret, struct sg_err *err);
void sg_served_free(struct sg_served *served); /* C_Finalize */
SG_DEFINE_CLEANUP(struct sg_served, sg_served_free)

/* Called by several threads at once; each has a clock of its own (struct sg_host_clocks). False: the request makes no
 * sense, or memory is gone, and the connection is to be closed. */
SG_MUST_CHECK bool sg_serve(struct sg_served *served, _Atomic int64_t *clock, const struct sg_message *request,
                            struct sg_message *answer);
/* Whether somebody is logged in or a key was looked at: then there is something to lose. */
bool sg_served_in_use(struct sg_served *served);
