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

#define EARLIER 64 /* signatures made here into one file, the last ones, of which is known here */

struct completing {
    struct sg_completion completion;
    struct sg_input *bytes; /* the newest version, as far as it is made */
    char sha256[SG_SHA256_HEX];
    char format[16];
    char *file; /* the user's */
    struct sg_stamping_own own, earlier[EARLIER];
    size_t earlier_count; /* of all; those of the last are kept */
    size_t rounds;        /* time-stamps of those that were asked for, or looked for */
    bool beside;          /* as in the request of a stamping */
    size_t room;          /* ditto */
    struct sg_stamping *stamping;
    struct sg_completed completed; /* by the signature's own time-stamp; its `tsa` lives as long as the TSAs */
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

static enum sg_rc begin(struct completing *completing, const struct sg_stamping_own *own, size_t own_count,
                        struct sg_stamp_request *request, struct sg_err *err)
{
    const struct sg_stamping_request stamping = {.libctx = completing->completion.libctx,
                                                 .bytes = completing->bytes,
                                                 .format = completing->format,
                                                 .own = own,
                                                 .own_count = own_count,
                                                 .beside = completing->beside,
                                                 .room = completing->room};

    *request = (struct sg_stamp_request){.kind = "signature", .done = stamped, .context = completing};
    sg_stamping_free(sg_steal(completing->stamping));
    return sg_stamping_begin(&stamping, &completing->stamping, request->sha256, err);
}

/* Asks for the time-stamp; after that, `completing` is stamped()'s. */
static enum sg_rc start(struct completing *completing, struct sg_err *err)
{
    struct sg_stamp_request request;
    enum sg_rc rc = begin(completing, &completing->own, 1, &request, err);

    return rc == SG_OK ? sg_stamp_start(completing->completion.tsas, &request, err) : rc;
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
    const bool no_room = made == SG_E_LIMIT && (inside || (is_long && sg_stamping_is_beside(completing->stamping)));
    bool delivered = false;
    enum sg_rc rc = SG_OK;

    if (inside)
        rc = sg_outbox_delivered(completion->store, completion->document, &delivered, err);
    *ret = rc == SG_OK && (delivered || no_room);
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

/* --- signatures that were made here into the same file before -------------------------------------------------------
 */

static enum sg_rc take_earlier(void *context, const struct sg_outbox_document *document, struct sg_err *err)
{
    struct completing *completing = context;
    struct sg_stamping_own *own = &completing->earlier[completing->earlier_count % EARLIER];

    (void)err;
    if (document->document >= completing->completion.document)
        return SG_OK;
    (void)snprintf(own->key, sizeof(own->key), "%s", document->key);
    own->claimed_time = document->claimed_time;
    completing->earlier_count++;
    return SG_OK;
}

/* The files that they were in before have theirs, and this one took the place of those: so it gets them too, one after
 * the other. `*ret_again`: another one was asked for. */
static enum sg_rc ask_for_earlier(struct completing *completing, bool *ret_again, struct sg_err *err)
{
    const struct sg_completion *completion = &completing->completion;
    struct sg_stamp_request request;
    enum sg_rc rc = SG_OK;

    if (sg_stamping_signature_count(completing->stamping) < 2)
        return SG_OK;
    if (completing->rounds == 0)
        rc = sg_outbox_find(completion->store, completing->file, take_earlier, completing, err);
    const size_t count = completing->earlier_count < EARLIER ? completing->earlier_count : EARLIER;
    if (rc != SG_OK || completing->rounds++ == count)
        return rc;
    sg_stamping_free(sg_steal(completing->stamping));
    sg_input_free(sg_steal(completing->bytes));
    rc = open_blob(completing, err);
    if (rc == SG_OK)
        rc = begin(completing, completing->earlier, count, &request, err);
    if (rc == SG_E_UNSUPPORTED) /* each has one, or may not be changed any more */
        return SG_OK;
    if (rc == SG_OK)
        rc = sg_stamp_start(completion->tsas, &request, err);
    *ret_again = rc == SG_OK;
    return rc;
}

/* --- all of it -----------------------------------------------------------------------------------------------------
 */

/* `*ret_again`: another one was asked for; else the document is complete. */
static enum sg_rc take(struct completing *completing, const struct sg_stamp *stamp, bool *ret_again, struct sg_err *err)
{
    struct sg_version *version = &completing->completed.version;
    char sha256[SG_SHA256_HEX] = "";
    uint64_t size = 0;
    struct sg_err why;

    enum sg_rc rc = remember_chain(completing->completion.store, stamp->chain, err);
    if (rc == SG_OK)
        rc = make_blob(completing, stamp->token, sha256, &size, err);
    if (rc != SG_OK && rc != SG_E_LIMIT)
        return rc;
    /* Where it is not known whether it was delivered, nothing takes its place. */
    const enum sg_rc asked = must_ask_again(completing, rc, stamp->token.len, ret_again, &why);
    if (asked != SG_OK) {
        *err = why;
        return asked;
    }
    if (*ret_again)
        return start(completing, err);
    if (rc != SG_OK)
        return rc;
    if (completing->rounds == 0)
        completing->completed.stamped = stamp->stamped;
    (void)snprintf(completing->sha256, sizeof(completing->sha256), "%s", sha256);
    *version = (struct sg_version){.level = SG_LEVEL_B_T,
                                   .sha256 = completing->sha256,
                                   .size = (int64_t)size,
                                   .instead = sg_stamping_is_inside(completing->stamping)};
    return ask_for_earlier(completing, ret_again, err);
}

static void stamped(void *context, const struct sg_stamp *stamp, const struct sg_err *stamp_err)
{
    _cleanup_(completing_freep) struct completing *completing = context;
    const struct sg_completion *completion = &completing->completion;
    bool again = false;
    struct sg_err err;

    if (!stamp) {
        completion->done(completion->context, NULL, stamp_err);
        return;
    }
    enum sg_rc rc = take(completing, stamp, &again, &err);
    if (rc != SG_OK)
        completion->done(completion->context, NULL, &err);
    else if (again)
        completing = NULL;
    else
        completion->done(completion->context, &completing->completed, NULL);
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
