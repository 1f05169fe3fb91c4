#include "formats/pades_stamp.h"

#include <string.h>

#include <openssl/asn1.h>

#include "base/hash.h"
#include "base/limits.h"
#include "base/msg.h"
#include "formats/pades_private.h"
#include "formats/pdf_signatures.h"
#include "formats/pdf_write.h"

/* --- in the signature ------------------------------------------------------------------------------------------------
 */

/* What fills /Contents up is not of the CMS. */
static bool der_length(struct sg_slice padded, size_t *ret)
{
    const unsigned char *p = padded.data;
    long len = 0;
    int tag = 0, class = 0;

    if (padded.len > LONG_MAX || (ASN1_get_object(&p, &len, &tag, &class, (long)padded.len) & 0x81) != 0)
        return false;
    *ret = (size_t)(p - padded.data) + (size_t)len;
    return true;
}

static bool is_last(const struct sg_pdf_signature *signature, uint64_t size)
{
    const uint64_t *range = signature->range;

    return signature->has_range && !signature->is_timestamp && range[0] == 0 && range[1] == signature->contents &&
           range[2] <= size && range[3] == size - range[2] && range[2] > range[1] + 2;
}

static enum sg_rc take(const struct sg_pdf_signature *signature, const char *name, struct sg_pades_last *ret,
                       struct sg_err *err)
{
    size_t len = 0;

    if (!der_length(signature->cms, &len))
        return sg_about(name, err, sg_fail(err, SG_E_MALFORMED, _("The signature in \"%s\" cannot be read."), name));
    ret->contents = signature->contents + 1;
    ret->room = (size_t)(signature->range[2] - signature->range[1] - 2) / 2;
    return sg_buf_append(&ret->cms, signature->cms.data, len, err);
}

enum sg_rc sg_pades_find_last(struct sg_input *input, struct sg_pades_last *ret, bool *ret_there, struct sg_err *err)
{
    _cleanup_(sg_pdf_freep) struct sg_pdf *pdf = NULL;
    struct sg_pdf_signatures signatures = {0};
    enum sg_rc rc = sg_pdf_open(input, sg_input_size(input), &pdf, err);

    *ret_there = false;
    if (rc == SG_OK)
        rc = sg_pdf_signatures_read(pdf, &signatures, err);
    for (size_t i = 0; i < signatures.count && rc == SG_OK && !*ret_there; i++)
        if (is_last(&signatures.list[i], sg_input_size(input))) {
            rc = take(&signatures.list[i], sg_input_name(input), ret, err);
            *ret_there = rc == SG_OK;
        }
    sg_pdf_signatures_clear(&signatures);
    return rc;
}

/* The digits of `octets` in hex, and zeros up to `room` octets. */
static enum sg_rc write_digits(struct sg_slice octets, size_t room, struct sg_sink sink, struct sg_err *err)
{
    _cleanup_(freep) char *digits = malloc(2 * room + 1);

    if (!digits)
        return sg_fail_memory(err);
    sg_hex(octets.data, octets.len, digits);
    memset(digits + 2 * octets.len, '0', 2 * (room - octets.len));
    return sink.write(sink.context, (const uint8_t *)digits, 2 * room, err);
}

static enum sg_rc no_room(struct sg_input *input, struct sg_err *err)
{
    return sg_about(sg_input_name(input), err,
                    sg_fail(err, SG_E_LIMIT, _("The time-stamp does not fit into the room that \"%s\" has for it."),
                            sg_input_name(input)));
}

enum sg_rc sg_pades_replace_cms(struct sg_input *input, const struct sg_pades_last *last, struct sg_slice cms,
                                struct sg_sink sink, struct sg_err *err)
{
    const uint64_t rest = last->contents + 2 * last->room;

    if (cms.len > last->room)
        return no_room(input, err);
    enum sg_rc rc = sg_input_copy(input, 0, last->contents, sink, err);
    if (rc == SG_OK)
        rc = write_digits(cms, last->room, sink, err);
    return rc == SG_OK ? sg_input_copy(input, rest, sg_input_size(input) - rest, sink, err) : rc;
}

/* --- of the document -------------------------------------------------------------------------------------------------
 */

struct sg_pades_stamp {
    struct sg_input *input; /* borrowed */
    struct sg_buf update;
    size_t gap, gap_len; /* of /Contents in the update, "<" and ">" included */
};

void sg_pades_stamp_free(struct sg_pades_stamp *stamp)
{
    if (!stamp)
        return;
    sg_buf_clear(&stamp->update);
    free(stamp);
}

static bool has_field(const struct sg_pades_doc *doc, const char *name)
{
    for (size_t i = 0; i < doc->count; i++)
        if (strcmp(doc->fields[i].name, name) == 0)
            return true;
    return false;
}

/* In a new field always: an empty one waits for a person. What a certification permits is of no account: a document
 * time-stamp is no change (ISO 32000-2 §12.8.2.2.2). */
static enum sg_rc put(struct sg_pades_plan *plan, struct sg_pdf *pdf, struct sg_input *input,
                      struct sg_pades_stamp *stamp, struct sg_err *err)
{
    _cleanup_(sg_pdf_update_freep) struct sg_pdf_update *update = NULL;
    char name[32];

    for (size_t i = 1; i <= plan->doc->count + 1; i++) {
        (void)snprintf(name, sizeof(name), "TimeStamp%zu", i);
        if (!has_field(plan->doc, name))
            break;
    }
    plan->name = name;
    enum sg_rc rc = sg_pdf_update_new(pdf, input, &update, err);
    if (rc == SG_OK)
        rc = sg_pades_put_signature(plan, update, err);
    if (rc == SG_OK)
        rc = sg_pades_check_addition(plan, input, update, err);
    plan->name = NULL;
    if (rc != SG_OK)
        return rc;
    stamp->gap = (size_t)(plan->contents - sg_pdf_update_base(update));
    stamp->gap_len = plan->contents_len;
    const struct sg_buf *bytes = sg_pdf_update_bytes(update);
    return sg_buf_append(&stamp->update, bytes->data, bytes->len, err);
}

static enum sg_rc prepare(struct sg_input *input, size_t room, sg_pades_compare *compare, struct sg_pades_stamp *stamp,
                          struct sg_err *err)
{
    const struct sg_pades_params params = {.compare = compare};
    _cleanup_(sg_pdf_freep) struct sg_pdf *pdf = NULL;
    struct sg_pades_doc doc = {0};
    struct sg_pades_plan plan = {.params = &params, .doc = &doc, .room = room, .is_timestamp = true};
    enum sg_rc rc = sg_pdf_open(input, sg_input_size(input), &pdf, err);

    if (rc == SG_OK)
        rc = sg_pades_doc_read(pdf, sg_input_name(input), &doc, err);
    if (rc == SG_OK)
        rc = sg_pades_check_ends(pdf, input, err);
    if (rc == SG_OK)
        rc = put(&plan, pdf, input, stamp, err);
    sg_pades_doc_clear(&doc);
    return rc;
}

static enum sg_rc digest(OSSL_LIB_CTX *libctx, const struct sg_pades_stamp *stamp, uint8_t sha256[32],
                         struct sg_err *err)
{
    _cleanup_(sg_hash_freep) struct sg_hash *hash = NULL;
    const size_t rest = stamp->gap + stamp->gap_len;
    uint8_t value[EVP_MAX_MD_SIZE];
    size_t len = 0;
    enum sg_rc rc = sg_hash_new(libctx, "SHA256", (struct sg_sink){NULL, NULL}, &hash, err);

    if (rc != SG_OK)
        return rc;
    const struct sg_sink sink = sg_hash_sink(hash);
    rc = sg_input_copy(stamp->input, 0, sg_input_size(stamp->input), sink, err);
    if (rc == SG_OK)
        rc = sink.write(sink.context, stamp->update.data, stamp->gap, err);
    if (rc == SG_OK)
        rc = sink.write(sink.context, stamp->update.data + rest, stamp->update.len - rest, err);
    if (rc == SG_OK)
        rc = sg_hash_end(hash, value, &len, err);
    if (rc == SG_OK)
        memcpy(sha256, value, SG_SHA256_LEN);
    return rc;
}

enum sg_rc sg_pades_stamp_begin(OSSL_LIB_CTX *libctx, struct sg_input *input, size_t room, sg_pades_compare *compare,
                                struct sg_pades_stamp **ret, uint8_t sha256[32], struct sg_err *err)
{
    _cleanup_(sg_pades_stamp_freep) struct sg_pades_stamp *stamp = calloc(1, sizeof(*stamp));

    if (!stamp)
        return sg_fail_memory(err);
    stamp->input = input;
    stamp->update = (struct sg_buf)SG_BUF(SG_MAX_PDF_UPDATE);
    enum sg_rc rc = prepare(input, room, compare, stamp, err);
    if (rc == SG_OK)
        rc = digest(libctx, stamp, sha256, err);
    if (rc == SG_OK)
        *ret = sg_steal(stamp);
    return rc;
}

enum sg_rc sg_pades_stamp_finish(struct sg_pades_stamp *stamp, struct sg_slice token, struct sg_sink sink,
                                 struct sg_err *err)
{
    const size_t rest = stamp->gap + stamp->gap_len - 1; /* the ">" */
    const size_t room = (stamp->gap_len - 2) / 2;

    if (token.len > room)
        return no_room(stamp->input, err);
    enum sg_rc rc = sg_input_copy(stamp->input, 0, sg_input_size(stamp->input), sink, err);
    if (rc == SG_OK)
        rc = sink.write(sink.context, stamp->update.data, stamp->gap + 1, err);
    if (rc == SG_OK)
        rc = write_digits(token, room, sink, err);
    if (rc == SG_OK)
        rc = sink.write(sink.context, stamp->update.data + rest, stamp->update.len - rest, err);
    return rc;
}
