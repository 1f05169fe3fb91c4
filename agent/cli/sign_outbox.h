/* Sign's side of the outbox: what is to become of the signatures once there is a network, and the copies that it takes.
 */
#pragma once

#include "base/crypto.h"
#include "base/input.h"
#include "base/outfile.h"
#include "cli/app.h"
#include "store/store.h"

/* For all files of one sign. All zero: nothing is queued. */
struct sg_sign_outbox {
    bool timestamp;       /* sync is to bring them to B-T */
    const char **targets; /* names of the configuration's sections; of targets: where they go */
    size_t target_count;
    int shared; /* sg_outbox_share(); -1 until sg_sign_outbox_open() */
};

/* Copies of one file that the store keeps, by their SHA-256 in hex. */
struct sg_sign_copies {
    char content[SG_SHA256_HEX], result[SG_SHA256_HEX]; /* "": there is none */
    int64_t content_size, result_size;
};

/* Reads --target, --no-upload and the configuration. A target that is not there is SG_E_USAGE, with those that are. */
SG_MUST_CHECK enum sg_rc sg_sign_outbox_plan(struct sg_sign_outbox *outbox, const struct sg_config *config,
                                             const struct sg_args *args, struct sg_err *err);
void sg_sign_outbox_clear(struct sg_sign_outbox *outbox);
static inline bool sg_sign_queues(const struct sg_sign_outbox *outbox)
{
    return outbox->timestamp || outbox->target_count > 0;
}

/* Puts signed files in their places that an interrupted sign could not, which is said and no reason not to sign; then
 * shares the outbox, if anything is to be queued. */
SG_MUST_CHECK enum sg_rc sg_sign_outbox_open(struct sg_app *app, struct sg_store *store, struct sg_sign_outbox *outbox,
                                             struct sg_err *err);

/* Reads the input once: into its copy, and into `digest` (as EVP_MD_fetch names it; room for EVP_MAX_MD_SIZE). */
SG_MUST_CHECK enum sg_rc sg_sign_copy_content(const struct sg_app *app, struct sg_input *input, const char *digest_name,
                                              struct sg_sign_copies *copies, uint8_t *digest, size_t *ret_len,
                                              struct sg_err *err);
/* The signed file, written and flushed. */
SG_MUST_CHECK enum sg_rc sg_sign_copy_result(const struct sg_app *app, const struct sg_outfile *out,
                                             struct sg_sign_copies *copies, struct sg_err *err);
/* Queues the document that was just recorded. */
SG_MUST_CHECK enum sg_rc sg_sign_queue(const struct sg_sign_outbox *outbox, struct sg_store *store,
                                       const struct sg_sign_copies *copies, const char *replaces, int64_t *ret_document,
                                       struct sg_err *err);
