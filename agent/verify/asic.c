/* Containers (EN 319 162-1): each signature's CAdES is judged over its manifest, and each file that the manifest names
 * against its digest there. A signature that does not hold for all its files does not hold. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/objects.h>

#include "base/limits.h"
#include "base/msg.h"
#include "formats/asic.h"
#include "formats/cms.h"
#include "verify/algorithms.h"
#include "verify/asic_container.h"

#define FILES_NAMED 10 /* of one kind of problem, in the reasons */

/* A signature of it. */
struct judged {
    struct sg_container *container;
    const struct sg_asic_signature *signature;
    size_t changed, absent; /* files that are named by the manifest */
};

static void container_clear(struct sg_container *container)
{
    EVP_MD_CTX_free(container->ctx);
    EVP_MD_free(container->md);
    free(container->digests);
    free(container->covered);
    sg_container_stamps_clear(container);
    sg_asic_free(container->asic);
}

static size_t index_of(const struct sg_container *container, const struct sg_zip_entry *entry)
{
    return (size_t)(entry - sg_zip_entry(sg_asic_zip(container->asic), 0));
}

/* --- digests of files -----------------------------------------------------------------------------------------------
 */

static enum sg_rc add_to_digest(void *context, const uint8_t *data, size_t len, struct sg_err *err)
{
    if (EVP_DigestUpdate(context, data, len) != 1)
        return sg_fail_ssl(err, SG_E_INTERNAL, _("Cannot compute the digest of the content"));
    return SG_OK;
}

/* False: there is no such algorithm here. */
static bool choose_digest(struct sg_container *container, int nid)
{
    if (container->md_nid != nid) {
        EVP_MD_free(container->md);
        ERR_set_mark();
        container->md = EVP_MD_fetch(container->judging->verifier->libctx, OBJ_nid2sn(nid), NULL);
        ERR_pop_to_mark();
        container->md_nid = nid;
    }
    return container->md != NULL;
}

enum sg_rc sg_container_digest(struct sg_container *container, const struct sg_zip_entry *entry, int nid,
                               struct sg_slice *ret, struct sg_err *err)
{
    struct sg_file_digest *kept = &container->digests[index_of(container, entry)];
    unsigned len = 0;
    *ret = (struct sg_slice){0};
    if (kept->nid == nid) {
        *ret = (struct sg_slice){kept->value, kept->len};
        return SG_OK;
    }
    if (!choose_digest(container, nid))
        return SG_OK;
    if (EVP_DigestInit_ex2(container->ctx, container->md, NULL) != 1)
        return sg_fail_ssl(err, SG_E_INTERNAL, _("Cannot compute the digest of the content"));
    enum sg_rc rc =
        sg_zip_copy(sg_asic_zip(container->asic), entry, (struct sg_sink){add_to_digest, container->ctx}, err);
    if (rc != SG_OK)
        return rc;
    if (EVP_DigestFinal_ex(container->ctx, kept->value, &len) != 1)
        return sg_fail_ssl(err, SG_E_INTERNAL, _("Cannot compute the digest of the content"));
    kept->nid = nid;
    kept->len = len;
    *ret = (struct sg_slice){kept->value, len};
    return SG_OK;
}

/* --- what a signature is over ---------------------------------------------------------------------------------------
 */

static enum sg_rc add_file(struct judged *judged, const struct sg_zip_entry *entry, struct sg_verdict *verdict,
                           struct sg_err *err)
{
    verdict->files[verdict->file_count] = strdup(entry->name);
    if (!verdict->files[verdict->file_count])
        return sg_fail_memory(err);
    verdict->file_digests[verdict->file_count++] = judged->container->digests[index_of(judged->container, entry)];
    judged->container->covered[index_of(judged->container, entry)] = true;
    return SG_OK;
}

static enum sg_rc note_absent(struct judged *judged, const char *name, struct sg_judgement *judgement,
                              struct sg_err *err)
{
    judgement->verdict.intact = false;
    if (judged->absent++ >= FILES_NAMED)
        return SG_OK;
    return sg_judgement_note(judgement, SG_SEVERITY_NO_CONTENT, SG_REASON_FILE_ABSENT, err,
                             _("The file \"%s\" that was signed is not in the container."), name);
}

static enum sg_rc note_changed(struct judged *judged, const char *name, struct sg_judgement *judgement,
                               struct sg_err *err)
{
    judgement->verdict.intact = false;
    if (judged->changed++ >= FILES_NAMED)
        return SG_OK;
    return sg_judgement_note(judgement, SG_SEVERITY_HASH, SG_REASON_FILE_CHANGED, err,
                             _("The file \"%s\" is not what was signed: it has been changed."), name);
}

static enum sg_rc note_unknown(const char *name, struct sg_judgement *judgement, struct sg_err *err)
{
    judgement->verdict.intact = false;
    return sg_judgement_note(judgement, SG_SEVERITY_CRYPTO_CONSTRAINTS, SG_REASON_SIGNATURE_UNSUPPORTED, err,
                             _("The manifest has a digest of \"%s\" that is not known here."), name);
}

static enum sg_rc check_strength(const struct judged *judged, int nid, struct sg_judgement *judgement,
                                 struct sg_err *err)
{
    const struct sg_algorithm_answer answer = sg_algorithm_digest(nid, judged->container->judging->verifier->at);
    if (answer.acceptable || judgement->problems & SG_PROBLEM(SG_SEVERITY_CRYPTO_CONSTRAINTS))
        return SG_OK;
    return sg_judgement_note(judgement, SG_SEVERITY_CRYPTO_CONSTRAINTS, SG_REASON_WEAK_ALGORITHM, err,
                             _("The manifest uses %s, which is not trusted."), answer.name);
}

static enum sg_rc check_reference(struct judged *judged, const struct sg_asic_reference *reference,
                                  struct sg_judgement *judgement, struct sg_err *err)
{
    const struct sg_zip_entry *entry = sg_zip_find(sg_asic_zip(judged->container->asic), reference->name);
    struct sg_slice digest = {0};
    if (!entry)
        return note_absent(judged, reference->name, judgement, err);
    enum sg_rc rc = reference->digest_nid == NID_undef
                        ? SG_OK
                        : sg_container_digest(judged->container, entry, reference->digest_nid, &digest, err);
    if (rc != SG_OK)
        return rc;
    if (digest.len == 0)
        return note_unknown(reference->name, judgement, err);
    if (!sg_slice_equal(digest, (struct sg_slice){reference->digest, reference->digest_len}))
        return note_changed(judged, reference->name, judgement, err);
    rc = check_strength(judged, reference->digest_nid, judgement, err);
    return rc == SG_OK ? add_file(judged, entry, &judgement->verdict, err) : rc;
}

static enum sg_rc check_manifest(struct judged *judged, struct sg_judgement *judgement, struct sg_err *err)
{
    const struct sg_asic_manifest *manifest = &judged->signature->manifest;
    enum sg_rc rc = SG_OK;
    for (size_t i = 0; rc == SG_OK && i < manifest->count; i++)
        rc = check_reference(judged, &manifest->references[i], judgement, err);
    if (rc == SG_OK && judged->absent > FILES_NAMED)
        rc = sg_judgement_note(judgement, SG_SEVERITY_NO_CONTENT, SG_REASON_FILE_ABSENT, err,
                               _("Of the files that were signed, %zu more are not in the container."),
                               judged->absent - FILES_NAMED);
    if (rc == SG_OK && judged->changed > FILES_NAMED)
        rc = sg_judgement_note(judgement, SG_SEVERITY_HASH, SG_REASON_FILE_CHANGED, err,
                               _("Of the files that were signed, %zu more have been changed."),
                               judged->changed - FILES_NAMED);
    return rc;
}

/* The file of an ASiC-S, by the digest that the signature is over. */
static enum sg_rc add_simple(struct judged *judged, const struct sg_signer_info *si, struct sg_verdict *verdict,
                             struct sg_err *err)
{
    struct sg_slice digest;
    enum sg_rc rc = sg_container_digest(judged->container, judged->signature->content,
                                        OBJ_obj2nid(si->digest_algorithm->algorithm), &digest, err);
    return rc == SG_OK ? add_file(judged, judged->signature->content, verdict, err) : rc;
}

static enum sg_rc say_what_is_covered(const struct judged *judged, struct sg_verdict *verdict, struct sg_err *err)
{
    free(verdict->covers);
    if (asprintf(&verdict->covers, "%zu of %zu files", verdict->file_count, judged->container->content_count) < 0) {
        verdict->covers = NULL;
        return sg_fail_memory(err);
    }
    return SG_OK;
}

/* A signature over content of its own, where there is no manifest (ASiC-E) or no file (ASiC-S), may well be intact, and
 * says nothing of what is in the container (EN 319 162-1 §4.3.3.2, §4.4.3.2). */
static enum sg_rc check_over_files(struct sg_judgement *judgement, struct sg_err *err)
{
    if (!judgement->verdict.intact || judgement->verdict.file_count > 0)
        return SG_OK;
    judgement->verdict.intact = false;
    return sg_judgement_note(judgement, SG_SEVERITY_FORMAT, SG_REASON_SIGNATURE_MALFORMED, err, "%s",
                             _("The signature is over no file of the container."));
}

/* Adds to the judgement of the CAdES. It is asked once for each SignerInfo. */
static enum sg_rc add_files(void *context, const struct sg_signer_info *si, struct sg_judgement *judgement,
                            struct sg_err *err)
{
    struct judged *judged = context;
    struct sg_verdict *verdict = &judgement->verdict;
    const struct sg_asic_signature *signature = judged->signature;
    enum sg_rc rc = SG_OK;
    judged->absent = judged->changed = 0;
    verdict->files = calloc(signature->manifest.count + 1, sizeof *verdict->files);
    verdict->file_digests = calloc(signature->manifest.count + 1, sizeof *verdict->file_digests);
    if (!verdict->files || !verdict->file_digests)
        return sg_fail_memory(err);
    if (sg_asic_form(judged->container->asic) == SG_ASIC_E)
        rc = check_manifest(judged, judgement, err);
    else if (signature->content && verdict->intact)
        rc = add_simple(judged, si, verdict, err);
    if (rc == SG_OK)
        rc = check_over_files(judgement, err);
    if (rc == SG_OK)
        rc = sg_container_stamps_note(judged->container, signature, judgement, err);
    return rc == SG_OK ? say_what_is_covered(judged, verdict, err) : rc;
}

/* --- signatures -----------------------------------------------------------------------------------------------------
 */

struct stream {
    const struct sg_zip *zip;
    const struct sg_zip_entry *entry;
};

static enum sg_rc stream_entry(void *context, struct sg_sink sink, struct sg_err *err)
{
    const struct stream *stream = context;
    return sg_zip_copy(stream->zip, stream->entry, sink, err);
}

/* The CAdES itself; `*ret` borrows from `bytes`. */
static enum sg_rc read_signature(const struct sg_container *container, size_t index, struct sg_buf *bytes,
                                 struct sg_input **ret, struct sg_err *err)
{
    _cleanup_(freep) char *name = NULL;
    const char *file = sg_input_name(container->input);
    bool is_cms = false;
    if (asprintf(&name, "%s: %s", file, sg_asic_signature(container->asic, index)->entry->name) < 0) {
        name = NULL;
        return sg_fail_memory(err);
    }
    enum sg_rc rc = sg_asic_read_signature(container->asic, index, bytes, err);
    if (rc == SG_OK)
        rc = sg_input_from_slice(name, sg_buf_slice(bytes), ret, err);
    if (rc == SG_OK)
        rc = sg_cms_probe(*ret, &is_cms, err);
    if (rc == SG_OK && !is_cms)
        rc = sg_about(file, err, sg_fail(err, SG_E_MALFORMED, _("\"%s\" is no signature (CMS)."), name));
    return rc;
}

static enum sg_rc judge_signature(struct sg_container *container, size_t index, struct sg_err *err)
{
    _cleanup_(sg_buf_clear) struct sg_buf bytes = SG_BUF(SG_MAX_CMS_REST);
    _cleanup_(sg_input_freep) struct sg_input *cms = NULL;
    const struct sg_asic_signature *signature = sg_asic_signature(container->asic, index);
    struct judged judged = {.container = container, .signature = signature};
    struct stream stream = {sg_asic_zip(container->asic), signature->content};
    const struct sg_source source = {stream_entry, &stream};
    const size_t before = container->judging->report->verdict_count;
    enum sg_rc rc = read_signature(container, index, &bytes, &cms, err);
    if (rc != SG_OK)
        return rc;
    const struct sg_cms_file file = {
        .cms = cms, .content = signature->content ? &source : NULL, .judged = add_files, .context = &judged};
    rc = sg_judge_cms(container->judging, &file, err);
    if (rc == SG_OK && container->judging->report->verdict_count == before)
        rc = sg_about(sg_input_name(container->input), err,
                      sg_fail(err, SG_E_MALFORMED, _("\"%s\" has no signer in it."), sg_input_name(cms)));
    return rc;
}

/* --- the container --------------------------------------------------------------------------------------------------
 */

static enum sg_rc prepare(struct sg_container *container, struct sg_err *err)
{
    const struct sg_zip *zip = sg_asic_zip(container->asic);
    const size_t count = sg_zip_count(zip);
    container->digests = calloc(count + 1, sizeof *container->digests);
    container->covered = calloc(count + 1, sizeof *container->covered);
    container->ctx = EVP_MD_CTX_new();
    if (!container->digests || !container->covered || !container->ctx)
        return sg_fail_memory(err);
    for (size_t i = 0; i < count; i++)
        container->content_count += sg_asic_is_content(sg_zip_entry(zip, i));
    return SG_OK;
}

static enum sg_rc find_uncovered(const struct sg_container *container, struct sg_report *report, struct sg_err *err)
{
    const struct sg_zip *zip = sg_asic_zip(container->asic);
    report->uncovered = calloc(container->content_count + 1, sizeof *report->uncovered);
    if (!report->uncovered)
        return sg_fail_memory(err);
    for (size_t i = 0; i < sg_zip_count(zip); i++) {
        const struct sg_zip_entry *entry = sg_zip_entry(zip, i);
        if (container->covered[i] || !sg_asic_is_content(entry))
            continue;
        report->uncovered[report->uncovered_count] = strdup(entry->name);
        if (!report->uncovered[report->uncovered_count])
            return sg_fail_memory(err);
        report->uncovered_count++;
    }
    return SG_OK;
}

static enum sg_rc judge_container(struct sg_file_judging *judging, struct sg_input *input, struct sg_input *content,
                                  struct sg_err *err)
{
    _cleanup_(container_clear) struct sg_container container = {.judging = judging, .input = input};
    (void)content; /* it has its own */
    enum sg_rc rc = sg_asic_open(input, &container.asic, err);
    if (rc != SG_OK || !container.asic || sg_asic_signature_count(container.asic) == 0)
        return rc;
    rc = prepare(&container, err);
    if (rc == SG_OK)
        rc = sg_container_stamps_judge(&container, err);
    for (size_t i = 0; rc == SG_OK && i < sg_asic_signature_count(container.asic); i++)
        rc = judge_signature(&container, i, err);
    if (rc == SG_OK)
        rc = find_uncovered(&container, judging->report, err);
    if (rc == SG_OK)
        judging->report->format = sg_asic_form(container.asic) == SG_ASIC_E ? "ASiC-E" : "ASiC-S";
    return rc;
}

const struct sg_format sg_format_asic = {.probe = sg_asic_probe, .preload = sg_asic_preload, .judge = judge_container};
