/* Time-stamps of a container itself (EN 319 162-1 §4.3.3.2, §4.4.3.2, §A.4): over its file, or over a manifest that has
 * digests of files and signatures. They are judged and said; no signature is judged by what they prove. */
#include <stdlib.h>

#include <openssl/objects.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/msg.h"
#include "formats/cms.h"
#include "formats/name.h"
#include "formats/tsp.h"
#include "verify/algorithms.h"
#include "verify/asic_container.h"
#include "verify/timestamp.h"

/* --- what it is over ------------------------------------------------------------------------------------------------
 */

/* The digest algorithm of the token's imprint; NID_undef: it is no token. */
static enum sg_rc find_algorithm(const struct sg_container *container, struct sg_slice token, int *ret,
                                 struct sg_err *err)
{
    _cleanup_(sg_input_freep) struct sg_input *input = NULL;
    _cleanup_(sg_cms_freep) struct sg_cms *cms = NULL;
    _cleanup_(sg_buf_clear) struct sg_buf content = SG_BUF(SG_MAX_TSA_ANSWER);
    _cleanup_(sg_tst_info_clear) struct sg_tst_info info = {0};
    *ret = NID_undef;
    enum sg_rc rc = sg_input_from_slice(sg_input_name(container->input), token, &input, err);
    if (rc == SG_OK)
        rc = sg_cms_read(input, container->judging->verifier->libctx, NULL, &cms, err);
    if (rc == SG_OK && !sg_cms_is_detached(cms))
        rc = sg_cms_content(cms, sg_buf_sink(&content), err);
    if (rc == SG_OK && content.len > 0)
        rc = sg_tst_info_read(sg_buf_slice(&content), &info, err);
    if (rc == SG_OK && info.parsed)
        *ret = OBJ_obj2nid(info.imprint_algorithm->algorithm);
    return rc == SG_E_MALFORMED || rc == SG_E_LIMIT || rc == SG_E_UNSUPPORTED || rc == SG_E_USAGE ? SG_OK : rc;
}

/* Of what is there. What cannot be calculated is not what was stamped. */
static enum sg_rc judge_token(struct sg_container *container, struct sg_container_stamp *stamp, struct sg_slice token,
                              struct sg_judgement *judgement, struct sg_err *err)
{
    unsigned steps = SG_MAX_PATH_STEPS; /* its own, so that it takes nothing from the signatures */
    struct sg_timestamp_context context = {
        .verifier = container->judging->verifier, .steps = &steps, .at = container->judging->verifier->at};
    struct sg_slice imprint = {0};
    int nid = NID_undef;
    enum sg_rc rc = find_algorithm(container, token, &nid, err);
    if (rc == SG_OK && stamp->of->content && nid != NID_undef)
        rc = sg_container_digest(container, stamp->of->content, nid, &imprint, err);
    context.imprint_unknown = imprint.len == 0;
    if (rc == SG_OK && context.imprint_unknown)
        rc = sg_judgement_note(judgement, SG_SEVERITY_SIG_CONSTRAINTS, SG_REASON_TIMESTAMP_IMPRINT, err,
                               _("What it is over is not there, or not clear."));
    const struct sg_timestamp_request request = {.kind = "container", .token = token, .imprint = imprint};
    if (rc == SG_OK)
        rc = sg_timestamp_judge_within(&context, &request, &stamp->told, judgement, err);
    if (rc == SG_OK && stamp->told.time > context.at)
        rc = sg_judgement_note(judgement, SG_SEVERITY_SIG_CONSTRAINTS, SG_REASON_TIMESTAMP_FUTURE, err,
                               _("The time-stamp is from the future."));
    return rc;
}

static enum sg_rc check_reference(struct sg_container *container, struct sg_container_stamp *stamp,
                                  const struct sg_asic_reference *reference, struct sg_err *err)
{
    const struct sg_zip_entry *entry = sg_zip_find(sg_asic_zip(container->asic), reference->name);
    struct sg_slice digest = {0};
    enum sg_rc rc = SG_OK;
    if (entry && sg_algorithm_digest(reference->digest_nid, container->judging->verifier->at).acceptable)
        rc = sg_container_digest(container, entry, reference->digest_nid, &digest, err);
    if (rc != SG_OK)
        return rc;
    if (digest.len == 0 || !sg_slice_equal(digest, (struct sg_slice){reference->digest, reference->digest_len}))
        stamp->broken = reference->name;
    else
        stamp->files += sg_asic_is_content(entry);
    return SG_OK;
}

static enum sg_rc check_what_it_is_over(struct sg_container *container, struct sg_container_stamp *stamp,
                                        struct sg_err *err)
{
    const struct sg_asic_manifest *manifest = &stamp->of->manifest;
    enum sg_rc rc = SG_OK;
    if (manifest->count == 0)
        stamp->files = stamp->of->content ? 1 : 0;
    for (size_t i = 0; rc == SG_OK && i < manifest->count; i++)
        rc = check_reference(container, stamp, &manifest->references[i], err);
    return rc;
}

/* --- judged ---------------------------------------------------------------------------------------------------------
 */

static enum sg_rc judge(struct sg_container *container, struct sg_container_stamp *stamp, struct sg_err *err)
{
    _cleanup_(sg_buf_clear) struct sg_buf token = SG_BUF(SG_MAX_CMS_REST);
    _cleanup_(sg_judgement_clear) struct sg_judgement judgement;
    sg_judgement_init(&judgement);
    enum sg_rc rc = SG_OK;
    if (stamp->of->entry->size <= token.max)
        rc = sg_zip_copy(sg_asic_zip(container->asic), stamp->of->entry, sg_buf_sink(&token), err);
    if (rc == SG_OK)
        rc = judge_token(container, stamp, sg_buf_slice(&token), &judgement, err);
    if (rc != SG_OK)
        return rc;
    stamp->holds = judgement.severity == SG_SEVERITY_NONE && stamp->told.time != SG_TIME_NONE;
    stamp->told.verdict = judgement.verdict;
    sg_judgement_init(&judgement);
    return stamp->holds ? check_what_it_is_over(container, stamp, err) : SG_OK;
}

enum sg_rc sg_container_stamps_judge(struct sg_container *container, struct sg_err *err)
{
    size_t count = sg_asic_timestamp_count(container->asic);
    enum sg_rc rc = SG_OK;
    if (count > SG_MAX_TIMESTAMPS)
        count = SG_MAX_TIMESTAMPS;
    container->stamps = calloc(count + 1, sizeof *container->stamps);
    if (!container->stamps)
        return sg_fail_memory(err);
    for (size_t i = 0; rc == SG_OK && i < count; i++) {
        struct sg_container_stamp *stamp = &container->stamps[container->stamp_count++];
        *stamp = (struct sg_container_stamp){
            .of = sg_asic_timestamp(container->asic, i),
            .told = {.kind = "container", .time = SG_TIME_NONE, .accuracy = -1},
        };
        rc = judge(container, stamp, err);
    }
    return rc;
}

void sg_container_stamps_clear(struct sg_container *container)
{
    for (size_t i = 0; i < container->stamp_count; i++)
        sg_timestamp_clear(&container->stamps[i].told);
    free(container->stamps);
}

/* --- said -----------------------------------------------------------------------------------------------------------
 */

static enum sg_rc note_bad(const struct sg_container_stamp *stamp, struct sg_judgement *judgement, struct sg_err *err)
{
    _cleanup_(sg_buf_clear) struct sg_buf why = SG_BUF(SG_MIB);
    const char *text = NULL;
    enum sg_rc rc = sg_timestamp_why(&stamp->told, &why, err);
    if (rc == SG_OK)
        rc = sg_buf_text(&why, &text, err);
    if (rc == SG_OK)
        rc = sg_judgement_note(judgement, SG_SEVERITY_NONE, SG_REASON_CONTAINER_TIMESTAMP_BAD, err,
                               _("The container's time-stamp \"%s\" does not hold. %s"), stamp->of->entry->name, text);
    return rc;
}

static enum sg_rc note_good(const struct sg_container *container, const struct sg_container_stamp *stamp,
                            const struct sg_asic_signature *signature, struct sg_judgement *judgement,
                            struct sg_err *err)
{
    _cleanup_(freep) char *tsa = NULL;
    char time[SG_TIME_TEXT];
    X509 *cert = stamp->told.verdict.signer;
    const bool over_signature = sg_asic_manifest_find(&stamp->of->manifest, signature->entry->name) != NULL;
    enum sg_rc rc = cert ? sg_name_text(X509_get_subject_name(cert), &tsa, err) : SG_OK;
    if (rc != SG_OK)
        return rc;
    return sg_judgement_note(judgement, SG_SEVERITY_NONE, SG_REASON_CONTAINER_TIMESTAMP, err,
                             over_signature ? _("A time-stamp of the container, by %s, shows that this signature and "
                                                "%zu of %zu files were there at %s. The answer does not rest on it.")
                                            : _("A time-stamp of the container, by %s, which is not over this "
                                                "signature, shows that %zu of %zu files were there at %s. The answer "
                                                "does not rest on it."),
                             tsa ? tsa : "?", stamp->files, container->content_count,
                             sg_time_text(stamp->told.time, time));
}

static enum sg_rc note(const struct sg_container *container, const struct sg_container_stamp *stamp,
                       const struct sg_asic_signature *signature, struct sg_judgement *judgement, struct sg_err *err)
{
    if (!stamp->holds)
        return note_bad(stamp, judgement, err);
    if (!stamp->broken)
        return note_good(container, stamp, signature, judgement, err);
    return sg_judgement_note(judgement, SG_SEVERITY_NONE, SG_REASON_CONTAINER_TIMESTAMP_BAD, err,
                             _("The container's time-stamp \"%s\" is over \"%s\", which is not there, or not what it "
                               "was."),
                             stamp->of->entry->name, stamp->broken);
}

enum sg_rc sg_container_stamps_note(const struct sg_container *container, const struct sg_asic_signature *signature,
                                    struct sg_judgement *judgement, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;
    for (size_t i = 0; rc == SG_OK && i < container->stamp_count; i++)
        rc = note(container, &container->stamps[i], signature, judgement, err);
    if (rc == SG_OK && (sg_asic_timestamp_count(container->asic) > container->stamp_count ||
                        sg_asic_has_evidence_records(container->asic)))
        rc = sg_judgement_note(judgement, SG_SEVERITY_NONE, SG_REASON_CONTAINER_TIMESTAMP_BAD, err,
                               _("The container has more time-stamps than are judged, or evidence records, which are "
                                 "not read."));
    return rc;
}
