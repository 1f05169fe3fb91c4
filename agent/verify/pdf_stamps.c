#include <stdlib.h>

#include <openssl/objects.h>

#include "base/hash.h"
#include "base/limits.h"
#include "formats/cms.h"
#include "formats/tlv.h"
#include "formats/tsp.h"
#include "verify/pdf_file.h"
#include "verify/timestamp.h"

enum sg_rc sg_pdf_cms_length(struct sg_slice contents, size_t *ret_len, struct sg_err *err)
{
    _cleanup_(sg_input_freep) struct sg_input *input = NULL;
    _cleanup_(sg_tlv_reader_freep) struct sg_tlv_reader *reader = NULL;
    struct sg_tlv element;
    bool more = false;
    *ret_len = 0;
    enum sg_rc rc = sg_input_from_slice("/Contents", contents, &input, err);
    if (rc == SG_OK)
        rc = sg_tlv_reader_new(input, 0, contents.len, &reader, err);
    if (rc != SG_OK)
        return rc;
    if (sg_tlv_next(reader, &element, &more, NULL) != SG_OK || !more ||
        !sg_tlv_is(&element, SG_TLV_UNIVERSAL, SG_TLV_SEQUENCE) || sg_tlv_skip(reader, &element, NULL) != SG_OK)
        return SG_OK;
    for (size_t i = (size_t)element.end; i < contents.len; i++)
        if (contents.data[i] != 0)
            return SG_OK;
    *ret_len = (size_t)element.end;
    return SG_OK;
}

/* The digest algorithm of a time-stamp token's imprint, as OpenSSL names it; NULL: it cannot be read. */
static const char *imprint_digest(struct sg_verifier *verifier, struct sg_slice token)
{
    _cleanup_(sg_input_freep) struct sg_input *input = NULL;
    _cleanup_(sg_cms_freep) struct sg_cms *cms = NULL;
    _cleanup_(sg_buf_clear) struct sg_buf content = SG_BUF(SG_MAX_TIMESTAMP);
    struct sg_tst_info info = {0};
    const ASN1_OBJECT *object = NULL;
    if (sg_input_from_slice("/Contents", token, &input, NULL) != SG_OK ||
        sg_cms_read(input, verifier->libctx, verifier->certs, &cms, NULL) != SG_OK || sg_cms_is_detached(cms) ||
        sg_cms_content(cms, sg_buf_sink(&content), NULL) != SG_OK ||
        sg_tst_info_read(sg_buf_slice(&content), &info, NULL) != SG_OK)
        return NULL;
    X509_ALGOR_get0(&object, NULL, NULL, info.imprint_algorithm);
    int nid = OBJ_obj2nid(object);
    sg_tst_info_clear(&info);
    return nid == NID_undef ? NULL : OBJ_nid2sn(nid);
}

enum sg_rc sg_pdf_digest_stamped(struct sg_pdf_file *file, size_t index, struct sg_slice token, struct sg_err *err)
{
    struct sg_verifier *verifier = file->judging->verifier;
    struct sg_pdf_found *found = &file->found[index];
    struct sg_pdf_ranges ranges = {file->input, &file->signatures.list[index]};
    _cleanup_(sg_hash_freep) struct sg_hash *hash = NULL;
    enum sg_rc rc = SG_OK;
    if (found->digested)
        return SG_OK;
    found->digested = true;
    const char *name = token.len > 0 ? imprint_digest(verifier, token) : NULL;
    if (!name || !sg_pdf_ranges_usable(file->input, ranges.signature) ||
        sg_hash_new(verifier->libctx, name, (struct sg_sink){0}, &hash, NULL) != SG_OK)
        return SG_OK;
    rc = sg_pdf_ranges_stream(&ranges, sg_hash_sink(hash), err);
    return rc == SG_OK ? sg_hash_end(hash, found->digest, &found->digest_len, err) : rc;
}

enum sg_rc sg_pdf_judge_stamp(struct sg_pdf_file *file, size_t index, struct sg_timestamp *timestamp,
                              struct sg_judgement *judgement, struct sg_err *err)
{
    const struct sg_pdf_signature *signature = &file->signatures.list[index];
    struct sg_pdf_found *found = &file->found[index];
    _cleanup_(sg_pdf_evidence_clear) struct sg_pdf_evidence evidence = {0};
    const struct sg_timestamp_context context = {.verifier = file->judging->verifier,
                                                 .steps = &file->judging->steps,
                                                 .at = SG_TIME_NONE,
                                                 .beside = &evidence.beside};
    struct sg_timestamp_request request = {.kind = "document", .token = {signature->cms.data, 0}};
    enum sg_rc rc = sg_pdf_cms_length(signature->cms, &request.token.len, err);
    if (rc == SG_OK)
        rc = sg_pdf_digest_stamped(file, index, request.token, err);
    request.imprint = (struct sg_slice){found->digest, found->digest_len};
    if (rc == SG_OK)
        rc = sg_pdf_evidence_for(file, index, &evidence, err);
    if (rc == SG_OK)
        rc = sg_timestamp_judge_within(&context, &request, timestamp, judgement, err);
    if (rc == SG_OK && found->why_range)
        rc = sg_judgement_note(judgement, SG_SEVERITY_FORMAT, SG_REASON_PDF_RANGE, err, "%s", found->why_range);
    return rc;
}

static enum sg_rc add_stamp(struct sg_pdf_file *file, size_t index, struct sg_verdict *verdict, struct sg_err *err)
{
    _cleanup_(sg_judgement_clear) struct sg_judgement judgement;
    _cleanup_(sg_timestamp_clear) struct sg_timestamp stamp = {
        .kind = "document", .time = SG_TIME_NONE, .accuracy = -1};
    sg_judgement_init(&judgement);
    struct sg_timestamp *list = NULL;
    enum sg_rc rc = sg_pdf_judge_stamp(file, index, &stamp, &judgement, err);
    if (rc != SG_OK)
        return rc;
    list = reallocarray(verdict->timestamps, verdict->timestamp_count + 1, sizeof(*list));
    if (!list)
        return sg_fail_memory(err);
    verdict->timestamps = list;
    stamp.verdict = judgement.verdict;
    sg_judgement_init(&judgement);
    list[verdict->timestamp_count++] = stamp;
    stamp = (struct sg_timestamp){0};
    return SG_OK;
}

enum sg_rc sg_pdf_add_stamps(struct sg_pdf_file *file, const struct sg_pdf_found *found, struct sg_verdict *verdict,
                             struct sg_err *err)
{
    enum sg_rc rc = SG_OK;
    for (size_t i = 0; rc == SG_OK && i < file->signatures.count; i++)
        if (file->signatures.list[i].is_timestamp && !found->why_range &&
            (file->found[i].why_range || file->found[i].revision == found->revision) &&
            verdict->timestamp_count < SG_MAX_TIMESTAMPS)
            rc = add_stamp(file, i, verdict, err);
    return rc;
}
