/* A document's B-T: the time-stamp of its signature value, in a copy of its newest version. */
#include <string.h>

#include <openssl/objects.h>

#include "base/clock.h"
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
    int64_t claimed_time;
    size_t signer; /* whose signature value is stamped */
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
    completing->claimed_time = document->claimed_time;
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

static bool was_signed_at(const struct sg_signer_info *si, int64_t when)
{
    const struct sg_attribute *attribute = NULL;
    int64_t time = SG_TIME_NONE;

    if (sg_attributes_find(si->signed_attrs, si->signed_attr_count, NID_pkcs9_signingTime, &attribute) != 1 ||
        attribute->value_count != 1)
        return false;
    const uint8_t *at = attribute->values[0].data;
    _cleanup_(ASN1_TIME_freep) ASN1_TIME *parsed = d2i_ASN1_TIME(NULL, &at, (long)attribute->values[0].len);
    return parsed && sg_time_from_asn1(parsed, &time) && time == when;
}

static bool is_stamped(const struct sg_signer_info *si)
{
    const struct sg_attribute *attribute = NULL;

    return sg_attributes_find(si->unsigned_attrs, si->unsigned_attr_count, NID_id_smime_aa_timeStampToken, &attribute) >
           0;
}

/* Ours, where others have signed beside us: the one with the time at which we did, and no time-stamp yet. */
static enum sg_rc find_signer(struct completing *completing, const struct sg_cms *cms, struct sg_err *err)
{
    size_t count = sg_cms_signer_count(cms), found = 0;

    for (size_t i = 0; i < count; i++) {
        const struct sg_signer_info *si = sg_cms_signer(cms, i);
        if (count > 1 && (is_stamped(si) || !was_signed_at(si, completing->claimed_time)))
            continue;
        completing->signer = i;
        found++;
    }
    if (found != 1)
        return sg_fail(err, SG_E_UNSUPPORTED,
                       _("Which of the %zu signatures in \"%s\" is the one made here is not clear; it is not "
                         "time-stamped."),
                       count, sg_input_name(completing->bytes));
    return SG_OK;
}

/* EN 319 122-1 §5.3: the imprint is of the signature value's octets. */
static enum sg_rc digest_signature(struct completing *completing, uint8_t out[SG_SHA256_LEN], struct sg_err *err)
{
    OSSL_LIB_CTX *libctx = completing->completion.libctx;
    _cleanup_(sg_cms_freep) struct sg_cms *cms = NULL;
    uint8_t digest[EVP_MAX_MD_SIZE];
    size_t len = 0;

    enum sg_rc rc = sg_cms_read(completing->bytes, libctx, NULL, &cms, err);
    if (rc == SG_OK)
        rc = find_signer(completing, cms, err);
    if (rc == SG_OK)
        rc = sg_digest(libctx, "SHA256", sg_cms_signer(cms, completing->signer)->signature, digest, &len, err);
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
        rc = sg_cms_add_unsigned(completing->bytes, completing->signer, sg_buf_slice(&attribute), sg_blob_sink(blob),
                                 err);
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
