/* Countersignatures (RFC 5652 §11.4): a SignerInfo in an unsigned attribute of another's, over its signature value.
 * Each is a signature of its own, with an answer of its own: it says nothing about the document, and a bad one takes
 * nothing from the signature that it is of. */
#include <stdio.h>
#include <string.h>

#include <openssl/objects.h>

#include "base/limits.h"
#include "base/msg.h"
#include "verify/cms_judging.h"

struct place {
    struct sg_cms_judging *judging;
    struct sg_report *report;
    const struct sg_signer_info *of;
    const char *number; /* of that */
    size_t depth;
};

static enum sg_rc judge_below(const struct place *place, struct sg_err *err);

/* The signature value as a source. */
static enum sg_rc stream_value(void *context, struct sg_sink sink, struct sg_err *err)
{
    const struct sg_signer_info *of = context;
    return sink.write(sink.context, of->signature.data, of->signature.len, err);
}

static enum sg_rc judge_readable(const struct place *place, const struct sg_signer_info *si,
                                 struct sg_judgement *judgement, struct sg_err *err)
{
    struct sg_cms_judging *judging = place->judging;
    const struct sg_source value = {stream_value, (void *)place->of};
    _cleanup_(sg_evidence_freep) struct sg_evidence *evidence = NULL;
    struct sg_content content = {0};
    enum sg_rc rc = sg_evidence_read(judging->cms, si, judging->verifier->libctx, &evidence, err);
    if (rc == SG_OK)
        rc = sg_content_hash_for(si, evidence, &value, judging->verifier->libctx, &content, err);
    const struct sg_cms_judged judged = {.si = si, .evidence = evidence, .content = &content, .countersignature = true};
    return rc == SG_OK ? sg_judge_signer_info(judging, &judged, judgement, err) : rc;
}

/* The answer, with its number and what it is of. */
static enum sg_rc hand_over(const struct place *place, struct sg_judgement *judgement, const char *number,
                            struct sg_err *err)
{
    if (asprintf(&judgement->verdict.covers, "signature %s", place->number) < 0) {
        judgement->verdict.covers = NULL;
        return sg_fail_memory(err);
    }
    return sg_report_add_as(place->report, judgement, number, err);
}

static enum sg_rc judge_value(const struct place *place, struct sg_slice value, const char *number, struct sg_err *err)
{
    _cleanup_(sg_countersignature_freep) struct sg_countersignature *counter = NULL;
    _cleanup_(sg_judgement_clear) struct sg_judgement judgement;
    struct sg_err why;
    sg_judgement_init(&judgement);
    enum sg_rc rc = sg_countersignature_read(value, &counter, &why);
    if (rc == SG_E_MALFORMED || rc == SG_E_LIMIT)
        rc = sg_judgement_note(&judgement, SG_SEVERITY_FORMAT, SG_REASON_SIGNATURE_MALFORMED, err,
                               _("The countersignature cannot be read."));
    else if (rc != SG_OK && err)
        *err = why;
    if (counter)
        rc = judge_readable(place, sg_countersignature_signer(counter), &judgement, err);
    if (rc == SG_OK)
        rc = hand_over(place, &judgement, number, err);
    if (rc != SG_OK || !counter)
        return rc;
    struct place below = *place;
    below.of = sg_countersignature_signer(counter);
    below.number = number;
    below.depth++;
    return judge_below(&below, err);
}

/* That there are more is said once. */
static enum sg_rc say_limit(const struct place *place, const char *number, struct sg_err *err)
{
    _cleanup_(sg_judgement_clear) struct sg_judgement judgement;
    sg_judgement_init(&judgement);
    enum sg_rc rc = sg_judgement_note(&judgement, SG_SEVERITY_CRYPTO_CONSTRAINTS, SG_REASON_WORK_LIMIT, err,
                                      _("There are more countersignatures than are judged, this one among them."));
    return rc == SG_OK ? hand_over(place, &judgement, number, err) : rc;
}

static enum sg_rc judge_or_limit(const struct place *place, struct sg_slice value, size_t index, struct sg_err *err)
{
    size_t *count = &place->judging->countersignatures;
    _cleanup_(freep) char *number = NULL;
    if (*count > SG_MAX_COUNTERSIGNATURES)
        return SG_OK;
    if (asprintf(&number, "%s.%zu", place->number, index) < 0) {
        number = NULL;
        return sg_fail_memory(err);
    }
    if (++*count > SG_MAX_COUNTERSIGNATURES || place->depth == SG_MAX_COUNTERSIGNATURE_NESTING) {
        *count = SG_MAX_COUNTERSIGNATURES + 1;
        return say_limit(place, number, err);
    }
    return judge_value(place, value, number, err);
}

static enum sg_rc judge_below(const struct place *place, struct sg_err *err)
{
    size_t index = 0;
    enum sg_rc rc = SG_OK;
    for (size_t i = 0; i < place->of->unsigned_attr_count; i++) {
        const struct sg_attribute *attribute = &place->of->unsigned_attrs[i];
        if (OBJ_obj2nid(attribute->type) != NID_pkcs9_countersignature)
            continue;
        for (size_t k = 0; rc == SG_OK && k < attribute->value_count; k++)
            rc = judge_or_limit(place, attribute->values[k], ++index, err);
    }
    return rc;
}

enum sg_rc sg_judge_countersignatures(struct sg_cms_judging *judging, const struct sg_signer_info *of,
                                      const char *number, struct sg_report *report, struct sg_err *err)
{
    const struct place place = {.judging = judging, .report = report, .of = of, .number = number};
    return judge_below(&place, err);
}
