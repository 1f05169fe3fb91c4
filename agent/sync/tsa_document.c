/* A document's B-T: the time-stamp of its signature value, in a copy of its newest version. */
#include <string.h>

#include "base/hash.h"
#include "base/limits.h"
#include "base/msg.h"
#include "store/blobs.h"
#include "sync/stamping.h"
#include "sync/tsa.h"

#define ROOM (24 * SG_KIB)  /* in a PDF, for the token of a document time-stamp: at first, ... */
#define MARGIN (4 * SG_KIB) /* ... and, where one did not fit, for one that is as much longer */

struct completing {
    struct sg_completion completion;
    struct sg_input *bytes; /* the newest version */
    char sha256[SG_SHA256_HEX];
    char format[16];
    char *file; /* the user's */
    struct sg_stamping_own own;
    bool beside; /* as in the request of a stamping */
    size_t room; /* ditto */
    struct sg_stamping *stamping;
};

static void completing_free(struct completing *completing)
{
    if (!completing)
        return;
    sg_stamping_free(completing->stamping);
    sg_input_free(completing->bytes);
    free(completing->file);
    free(completing);
}
SG_DEFINE_CLEANUP(struct completing, completing_free)

static void stamped(void *context, const struct sg_stamp *stamp, const struct sg_err *stamp_err);

/* --- what is stamped ------------------------------------------------------------------------------------------------
 */

static enum sg_rc take_newest(void *context, const struct sg_outbox_document *document, struct sg_err *err)
{
    struct completing *completing = context;
    const bool piped = strcmp(document->output, "-") == 0;

    completing->file = strdup(piped ? document->input : document->output);
    if (!completing->file)
        return sg_fail_memory(err);
    (void)snprintf(completing->sha256, sizeof(completing->sha256), "%s", document->level_sha256);
    (void)snprintf(completing->format, sizeof(completing->format), "%s", document->format);
    (void)snprintf(completing->own.key, sizeof(completing->own.key), "%s", document->key);
    completing->own.claimed_time = document->claimed_time;
    return SG_OK;
}

static enum sg_rc open_blob(struct completing *completing, struct sg_err *err)
{
    const struct sg_completion *completion = &completing->completion;
    char sha256[SG_SHA256_HEX] = "";

    enum sg_rc rc = sg_blob_open(completion->state_folder, completing->sha256, &completing->bytes, err);
    if (rc == SG_OK)
        rc = sg_sha256_input(completion->libctx, completing->bytes, (struct sg_sink){NULL, NULL}, sha256, err);
    if (rc == SG_OK && strcmp(sha256, completing->sha256) != 0)
        return sg_about(sg_input_name(completing->bytes), err,
                        sg_fail(err, SG_E_STORE_DAMAGED,
                                _("The copy \"%s\" is damaged: it is not what was signed. Put it back from a backup."),
                                sg_input_name(completing->bytes)));
    return rc == SG_OK ? sg_input_call(completing->bytes, completing->file, err) : rc;
}

/* Asks for the time-stamp; after that, `completing` is stamped()'s. */
static enum sg_rc start(struct completing *completing, struct sg_err *err)
{
    const struct sg_completion *completion = &completing->completion;
    const struct sg_stamping_request stamping = {.libctx = completion->libctx,
                                                 .bytes = completing->bytes,
                                                 .format = completing->format,
                                                 .own = &completing->own,
                                                 .beside = completing->beside,
                                                 .room = completing->room};
    struct sg_stamp_request request = {.kind = "signature", .done = stamped, .context = completing};

    sg_stamping_free(sg_steal(completing->stamping));
    enum sg_rc rc = sg_stamping_begin(&stamping, &completing->stamping, request.sha256, err);
    return rc == SG_OK ? sg_stamp_start(completion->tsas, &request, err) : rc;
}

/* --- what comes of it -----------------------------------------------------------------------------------------------
 */

static enum sg_rc make_blob(struct completing *completing, struct sg_slice token, char ret_sha256[SG_SHA256_HEX],
                            uint64_t *ret_size, struct sg_err *err)
{
    const struct sg_completion *completion = &completing->completion;
    _cleanup_(sg_blob_freep) struct sg_blob *blob = NULL;

    enum sg_rc rc = sg_blob_begin(completion->state_folder, completion->libctx, &blob, err);
    if (rc == SG_OK)
        rc = sg_stamping_finish(completing->stamping, token, sg_blob_sink(blob), err);
    if (rc == SG_OK)
        *ret_size = sg_blob_size(blob);
    return rc == SG_OK ? sg_blob_finish(blob, ret_sha256, err) : rc;
}

/* What was to go into the signature cannot, since a target may have got it meanwhile, or there is no room for the
 * token: then another one is to be put beside it. And one that is longer than the room there is for that is asked for
 * once more, with more room. `made`: what became of the blob. */
static enum sg_rc must_ask_again(struct completing *completing, enum sg_rc made, size_t token_len, bool *ret,
                                 struct sg_err *err)
{
    const struct sg_completion *completion = &completing->completion;
    const bool inside = sg_stamping_is_inside(completing->stamping), is_long = token_len > completing->room;
    bool delivered = false;
    enum sg_rc rc = SG_OK;

    if (inside)
        rc = sg_outbox_delivered(completion->store, completion->document, &delivered, err);
    *ret = rc == SG_OK && (delivered || (made == SG_E_LIMIT && (inside || is_long)));
    completing->beside = completing->beside || *ret;
    if (*ret && is_long) /* no token is longer than an answer */
        completing->room = token_len + MARGIN < SG_MAX_TSA_ANSWER ? token_len + MARGIN : SG_MAX_TSA_ANSWER;
    return rc;
}

/* From it follows what the next pull has to fetch. */
static enum sg_rc remember_chain(struct sg_store *store, const STACK_OF(X509) *chain, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;

    for (int i = 0; rc == SG_OK && i + 1 < sk_X509_num(chain); i++)
        rc = sg_store_certificate_add(store, sk_X509_value(chain, i), "tsa", err);
    return rc;
}

static void stamped(void *context, const struct sg_stamp *stamp, const struct sg_err *stamp_err)
{
    _cleanup_(completing_freep) struct completing *completing = context;
    const struct sg_completion *completion = &completing->completion;
    char sha256[SG_SHA256_HEX] = "";
    uint64_t size = 0;
    bool again = false;
    struct sg_err err, why;

    if (!stamp) {
        completion->done(completion->context, NULL, stamp_err);
        return;
    }
    enum sg_rc rc = remember_chain(completion->store, stamp->chain, &err);
    if (rc == SG_OK)
        rc = make_blob(completing, stamp->token, sha256, &size, &err);
    if (rc == SG_OK || rc == SG_E_LIMIT) {
        enum sg_rc asked = must_ask_again(completing, rc, stamp->token.len, &again, &why);
        if (asked == SG_OK && again)
            asked = start(completing, &why);
        if (asked == SG_OK && again) {
            completing = NULL;
            return;
        }
        if (asked != SG_OK) { /* whether it was delivered is not known either: nothing takes its place */
            err = why;
            rc = asked;
        }
    }
    if (rc != SG_OK) {
        completion->done(completion->context, NULL, &err);
        return;
    }
    const struct sg_completed completed = {
        .version = {.level = SG_LEVEL_B_T,
                    .sha256 = sha256,
                    .size = (int64_t)size,
                    .instead = sg_stamping_is_inside(completing->stamping)},
        .stamped = stamp->stamped,
    };
    completion->done(completion->context, &completed, NULL);
}

enum sg_rc sg_completion_start(const struct sg_completion *completion, struct sg_err *err)
{
    _cleanup_(completing_freep) struct completing *completing = calloc(1, sizeof(*completing));

    if (!completing)
        return sg_fail_memory(err);
    completing->completion = *completion;
    completing->room = ROOM;
    enum sg_rc rc = sg_outbox_get(completion->store, completion->document, take_newest, completing, err);
    if (rc == SG_OK)
        rc = open_blob(completing, err);
    if (rc == SG_OK)
        rc = sg_outbox_delivered(completion->store, completion->document, &completing->beside, err);
    if (rc == SG_OK)
        rc = start(completing, err);
    if (rc == SG_OK)
        completing = NULL;
    return rc;
}
