/* A document's B-T: the time-stamp of its signature value, in a copy of its newest version. */
#include <string.h>

#include "base/hash.h"
#include "base/limits.h"
#include "base/msg.h"
#include "formats/cms.h"
#include "formats/cms_augment.h"
#include "formats/tsp.h"
#include "store/blobs.h"
#include "sync/tsa.h"

struct completing {
    struct sg_completion completion;
    struct sg_input *bytes; /* the newest version */
    char sha256[SG_SHA256_HEX];
};

static void completing_free(struct completing *completing)
{
    if (!completing)
        return;
    sg_input_free(completing->bytes);
    free(completing);
}
SG_DEFINE_CLEANUP(struct completing, completing_free)

/* --- what is stamped ------------------------------------------------------------------------------------------------
 */

static enum sg_rc take_newest(void *context, const struct sg_outbox_document *document, struct sg_err *err)
{
    struct completing *completing = context;

    (void)err;
    (void)snprintf(completing->sha256, sizeof(completing->sha256), "%s", document->level_sha256);
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
    return rc;
}

/* EN 319 122-1 §5.3: the imprint is of the signature value's octets. */
static enum sg_rc digest_signature(const struct completing *completing, uint8_t out[SG_SHA256_LEN], struct sg_err *err)
{
    OSSL_LIB_CTX *libctx = completing->completion.libctx;
    _cleanup_(sg_cms_freep) struct sg_cms *cms = NULL;
    uint8_t digest[EVP_MAX_MD_SIZE];
    size_t len = 0;

    enum sg_rc rc = sg_cms_read(completing->bytes, libctx, NULL, &cms, err);
    if (rc == SG_OK && sg_cms_signer_count(cms) != 1)
        return sg_fail(err, SG_E_UNSUPPORTED, _("\"%s\" has not one signature, but %zu; it is not time-stamped."),
                       sg_input_name(completing->bytes), sg_cms_signer_count(cms));
    if (rc == SG_OK)
        rc = sg_digest(libctx, "SHA256", sg_cms_signer(cms, 0)->signature, digest, &len, err);
    if (rc == SG_OK)
        memcpy(out, digest, SG_SHA256_LEN);
    return rc;
}

/* --- what comes of it -----------------------------------------------------------------------------------------------
 */

static enum sg_rc make_blob(struct completing *completing, struct sg_slice token, char ret_sha256[SG_SHA256_HEX],
                            uint64_t *ret_size, struct sg_err *err)
{
    const struct sg_completion *completion = &completing->completion;
    _cleanup_(sg_buf_clear) struct sg_buf attribute = SG_BUF(2 * SG_MAX_TSA_ANSWER);
    _cleanup_(sg_blob_freep) struct sg_blob *blob = NULL;

    enum sg_rc rc = sg_tsp_attribute_make(token, &attribute, err);
    if (rc == SG_OK)
        rc = sg_blob_begin(completion->state_folder, completion->libctx, &blob, err);
    if (rc == SG_OK)
        rc = sg_cms_add_unsigned(completing->bytes, 0, sg_buf_slice(&attribute), sg_blob_sink(blob), err);
    if (rc == SG_OK)
        *ret_size = sg_blob_size(blob);
    return rc == SG_OK ? sg_blob_finish(blob, ret_sha256, err) : rc;
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
    struct sg_err err;

    if (!stamp) {
        completion->done(completion->context, NULL, stamp_err);
        return;
    }
    if (remember_chain(completion->store, stamp->chain, &err) != SG_OK ||
        make_blob(completing, stamp->token, sha256, &size, &err) != SG_OK) {
        completion->done(completion->context, NULL, &err);
        return;
    }
    const struct sg_completed completed = {
        .version = {.level = SG_LEVEL_B_T, .sha256 = sha256, .size = (int64_t)size},
        .tsa = stamp->tsa,
        .time = stamp->time,
    };
    completion->done(completion->context, &completed, NULL);
}

enum sg_rc sg_completion_start(const struct sg_completion *completion, struct sg_err *err)
{
    _cleanup_(completing_freep) struct completing *completing = calloc(1, sizeof(*completing));
    struct sg_stamp_request request = {.kind = "signature", .done = stamped, .context = completing};

    if (!completing)
        return sg_fail_memory(err);
    completing->completion = *completion;
    enum sg_rc rc = sg_outbox_get(completion->store, completion->document, take_newest, completing, err);
    if (rc == SG_OK)
        rc = open_blob(completing, err);
    if (rc == SG_OK)
        rc = digest_signature(completing, request.sha256, err);
    if (rc == SG_OK)
        rc = sg_stamp_start(completion->tsas, &request, err);
    if (rc == SG_OK)
        completing = NULL;
    return rc;
}
