#include "verify/verdict.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/msg.h"

static const struct {
    const char *word, *advice;
} reason_table[SG_REASON_COUNT] = {
#define SG_REASON(name, word, advice) [SG_REASON_##name] = {word, advice},
#include "verify/reasons.def"
#undef SG_REASON
};

/* EN 319 102-1 §5.1.3, tables 5 and 6. */
static const struct {
    enum sg_indication indication;
    enum sg_sub_indication sub;
} severity_table[SG_SEVERITY_COUNT] = {
    [SG_SEVERITY_NONE] = {SG_TOTAL_PASSED, SG_SUB_NONE},
    [SG_SEVERITY_NO_REVOCATION_DATA] = {SG_INDETERMINATE, SG_SUB_CERTIFICATE_CHAIN_GENERAL_FAILURE},
    [SG_SEVERITY_TRY_LATER] = {SG_INDETERMINATE, SG_SUB_TRY_LATER},
    [SG_SEVERITY_ON_HOLD] = {SG_INDETERMINATE, SG_SUB_TRY_LATER},
    [SG_SEVERITY_REVOCATION_OUT_OF_BOUNDS] = {SG_INDETERMINATE, SG_SUB_REVOCATION_OUT_OF_BOUNDS_NO_POE},
    [SG_SEVERITY_OUT_OF_BOUNDS_NOT_REVOKED] = {SG_INDETERMINATE, SG_SUB_OUT_OF_BOUNDS_NOT_REVOKED},
    [SG_SEVERITY_OUT_OF_BOUNDS] = {SG_INDETERMINATE, SG_SUB_OUT_OF_BOUNDS_NO_POE},
    [SG_SEVERITY_CA_OUT_OF_BOUNDS] = {SG_INDETERMINATE, SG_SUB_OUT_OF_BOUNDS_NO_POE},
    [SG_SEVERITY_NO_POE] = {SG_INDETERMINATE, SG_SUB_NO_POE},
    [SG_SEVERITY_TIMESTAMP_ORDER] = {SG_INDETERMINATE, SG_SUB_TIMESTAMP_ORDER_FAILURE},
    [SG_SEVERITY_SIG_CONSTRAINTS] = {SG_INDETERMINATE, SG_SUB_SIG_CONSTRAINTS_FAILURE},
    [SG_SEVERITY_CRYPTO_CONSTRAINTS] = {SG_INDETERMINATE, SG_SUB_CRYPTO_CONSTRAINTS_FAILURE_NO_POE},
    [SG_SEVERITY_CHAIN_CRYPTO_CONSTRAINTS] = {SG_INDETERMINATE, SG_SUB_CRYPTO_CONSTRAINTS_FAILURE_NO_POE},
    [SG_SEVERITY_CRYPTO_CONSTRAINTS_PROVEN] = {SG_INDETERMINATE, SG_SUB_CRYPTO_CONSTRAINTS_FAILURE},
    [SG_SEVERITY_REVOKED] = {SG_INDETERMINATE, SG_SUB_REVOKED_NO_POE},
    [SG_SEVERITY_CA_REVOKED] = {SG_INDETERMINATE, SG_SUB_REVOKED_CA_NO_POE},
    [SG_SEVERITY_CHAIN_CONSTRAINTS] = {SG_INDETERMINATE, SG_SUB_CHAIN_CONSTRAINTS_FAILURE},
    [SG_SEVERITY_CHAIN_GENERAL] = {SG_INDETERMINATE, SG_SUB_CERTIFICATE_CHAIN_GENERAL_FAILURE},
    [SG_SEVERITY_NO_CHAIN] = {SG_INDETERMINATE, SG_SUB_NO_CERTIFICATE_CHAIN_FOUND},
    [SG_SEVERITY_POLICY_NOT_AVAILABLE] = {SG_INDETERMINATE, SG_SUB_SIGNATURE_POLICY_NOT_AVAILABLE},
    [SG_SEVERITY_POLICY_PROCESSING] = {SG_INDETERMINATE, SG_SUB_POLICY_PROCESSING_ERROR},
    [SG_SEVERITY_NO_CONTENT] = {SG_INDETERMINATE, SG_SUB_SIGNED_DATA_NOT_FOUND},
    [SG_SEVERITY_NO_SIGNING_CERTIFICATE] = {SG_INDETERMINATE, SG_SUB_NO_SIGNING_CERTIFICATE_FOUND},
    [SG_SEVERITY_NOT_YET_VALID] = {SG_TOTAL_FAILED, SG_SUB_NOT_YET_VALID},
    [SG_SEVERITY_EXPIRED_PROVEN] = {SG_TOTAL_FAILED, SG_SUB_EXPIRED},
    [SG_SEVERITY_REVOKED_PROVEN] = {SG_TOTAL_FAILED, SG_SUB_REVOKED},
    [SG_SEVERITY_SIGNATURE] = {SG_TOTAL_FAILED, SG_SUB_SIG_CRYPTO_FAILURE},
    [SG_SEVERITY_HASH] = {SG_TOTAL_FAILED, SG_SUB_HASH_FAILURE},
    [SG_SEVERITY_FORMAT] = {SG_TOTAL_FAILED, SG_SUB_FORMAT_FAILURE},
};

static const char *const sub_indication_words[] = {
    [SG_SUB_NONE] = NULL,
    [SG_SUB_FORMAT_FAILURE] = "FORMAT_FAILURE",
    [SG_SUB_HASH_FAILURE] = "HASH_FAILURE",
    [SG_SUB_SIG_CRYPTO_FAILURE] = "SIG_CRYPTO_FAILURE",
    [SG_SUB_REVOKED] = "REVOKED",
    [SG_SUB_EXPIRED] = "EXPIRED",
    [SG_SUB_NOT_YET_VALID] = "NOT_YET_VALID",
    [SG_SUB_NO_SIGNING_CERTIFICATE_FOUND] = "NO_SIGNING_CERTIFICATE_FOUND",
    [SG_SUB_NO_CERTIFICATE_CHAIN_FOUND] = "NO_CERTIFICATE_CHAIN_FOUND",
    [SG_SUB_CERTIFICATE_CHAIN_GENERAL_FAILURE] = "CERTIFICATE_CHAIN_GENERAL_FAILURE",
    [SG_SUB_CHAIN_CONSTRAINTS_FAILURE] = "CHAIN_CONSTRAINTS_FAILURE",
    [SG_SUB_OUT_OF_BOUNDS_NO_POE] = "OUT_OF_BOUNDS_NO_POE",
    [SG_SUB_OUT_OF_BOUNDS_NOT_REVOKED] = "OUT_OF_BOUNDS_NOT_REVOKED",
    [SG_SUB_REVOKED_NO_POE] = "REVOKED_NO_POE",
    [SG_SUB_REVOKED_CA_NO_POE] = "REVOKED_CA_NO_POE",
    [SG_SUB_TRY_LATER] = "TRY_LATER",
    [SG_SUB_REVOCATION_OUT_OF_BOUNDS_NO_POE] = "REVOCATION_OUT_OF_BOUNDS_NO_POE",
    [SG_SUB_CRYPTO_CONSTRAINTS_FAILURE] = "CRYPTO_CONSTRAINTS_FAILURE",
    [SG_SUB_CRYPTO_CONSTRAINTS_FAILURE_NO_POE] = "CRYPTO_CONSTRAINTS_FAILURE_NO_POE",
    [SG_SUB_SIG_CONSTRAINTS_FAILURE] = "SIG_CONSTRAINTS_FAILURE",
    [SG_SUB_SIGNED_DATA_NOT_FOUND] = "SIGNED_DATA_NOT_FOUND",
    [SG_SUB_POLICY_PROCESSING_ERROR] = "POLICY_PROCESSING_ERROR",
    [SG_SUB_SIGNATURE_POLICY_NOT_AVAILABLE] = "SIGNATURE_POLICY_NOT_AVAILABLE",
    [SG_SUB_TIMESTAMP_ORDER_FAILURE] = "TIMESTAMP_ORDER_FAILURE",
    [SG_SUB_NO_POE] = "NO_POE",
};

const char *sg_indication_text(enum sg_indication indication)
{
    switch (indication) {
    case SG_TOTAL_PASSED:
        return "TOTAL-PASSED";
    case SG_TOTAL_FAILED:
        return "TOTAL-FAILED";
    case SG_INDETERMINATE:
        break;
    }
    return "INDETERMINATE";
}

const char *sg_cert_indication_text(enum sg_indication indication)
{
    const char *text = sg_indication_text(indication);
    return strncmp(text, "TOTAL-", 6) == 0 ? text + 6 : text; /* §5.1.3: a building block's answer */
}

const char *sg_sub_indication_text(enum sg_sub_indication sub)
{
    return sub_indication_words[sub];
}

bool sg_verdict_differs_now(const struct sg_verdict *verdict)
{
    return verdict->now.indication != verdict->indication || verdict->now.sub_indication != verdict->sub_indication;
}

const char *sg_reason_word(enum sg_reason_code code)
{
    return reason_table[code].word;
}

const char *sg_reason_advice(const char *word)
{
    for (size_t i = 0; i < SG_REASON_COUNT; i++)
        if (strcmp(reason_table[i].word, word) == 0)
            return *reason_table[i].advice ? _(reason_table[i].advice) : "";
    return "";
}

static void free_names(char **names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(names[i]);
    free(names);
}

void sg_verdict_clear(struct sg_verdict *verdict)
{
    free(verdict->id);
    free(verdict->covers);
    free_names(verdict->files, verdict->file_count);
    free(verdict->file_digests);
    X509_free(verdict->signer);
    sg_x509_stack_free(verdict->chain);
    for (size_t i = 0; i < verdict->revocation_count; i++)
        free(verdict->revocation[i].issuer);
    free(verdict->revocation);
    for (size_t i = 0; i < verdict->reason_count; i++)
        free(verdict->reasons[i].text);
    free(verdict->reasons);
    free_names(verdict->policies, verdict->policy_count);
    for (size_t i = 0; i < verdict->timestamp_count; i++)
        sg_timestamp_clear(&verdict->timestamps[i]);
    free(verdict->timestamps);
    *verdict = (struct sg_verdict){0};
}

void sg_timestamp_clear(struct sg_timestamp *timestamp)
{
    free(timestamp->serial);
    sg_verdict_clear(&timestamp->verdict);
    *timestamp = (struct sg_timestamp){0};
}

struct sg_conclusion sg_judgement_conclusion(enum sg_severity severity)
{
    return (struct sg_conclusion){severity_table[severity].indication, severity_table[severity].sub};
}

static void set_severity(struct sg_judgement *judgement, enum sg_severity severity)
{
    judgement->severity = severity;
    judgement->verdict.indication = severity_table[severity].indication;
    judgement->verdict.sub_indication = severity_table[severity].sub;
    judgement->verdict.now = sg_judgement_conclusion(severity);
}

static void add_problem(struct sg_judgement *judgement, enum sg_severity severity)
{
    if (severity != SG_SEVERITY_NONE)
        judgement->problems |= SG_PROBLEM(severity);
    if (severity > judgement->severity)
        set_severity(judgement, severity);
}

void sg_judgement_init(struct sg_judgement *judgement)
{
    *judgement = (struct sg_judgement){
        .verdict = {.claimed_time = SG_TIME_NONE,
                    .best_time = SG_TIME_NONE,
                    .as_of = SG_TIME_NONE,
                    .good_until = SG_TIME_NONE},
        .signer_revoked_at = SG_TIME_NONE,
        .lasts_until = SG_TIME_NONE,
    };
    set_severity(judgement, SG_SEVERITY_NONE);
}

void sg_judgement_clear(struct sg_judgement *judgement)
{
    sg_verdict_clear(&judgement->verdict);
    sg_judgement_init(judgement);
}

/* Appends a reason; the same one twice (several SignerInfos' or paths' worth of one fact) is said once. */
static enum sg_rc add_reason(struct sg_verdict *verdict, const char *word, const char *text, struct sg_err *err)
{
    for (size_t i = 0; i < verdict->reason_count; i++)
        if (strcmp(verdict->reasons[i].code, word) == 0 && strcmp(verdict->reasons[i].text, text) == 0)
            return SG_OK;
    _cleanup_(freep) char *copy = strdup(text);
    struct sg_reason *grown = reallocarray(verdict->reasons, verdict->reason_count + 1, sizeof *grown);
    if (grown)
        verdict->reasons = grown;
    if (!copy || !grown)
        return sg_fail_memory(err);
    grown[verdict->reason_count++] = (struct sg_reason){.code = word, .text = sg_steal(copy)};
    return SG_OK;
}

enum sg_rc sg_judgement_note(struct sg_judgement *judgement, enum sg_severity severity, enum sg_reason_code code,
                             struct sg_err *err, const char *format, ...)
{
    _cleanup_(freep) char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    int len = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (len < 0) {
        text = NULL;
        return sg_fail_memory(err);
    }
    add_problem(judgement, severity);
    return add_reason(&judgement->verdict, sg_reason_word(code), text, err);
}

static void set_earlier(int64_t *time, int64_t when)
{
    if (when != SG_TIME_NONE && when != INT64_MAX && (*time == SG_TIME_NONE || when < *time))
        *time = when;
}

void sg_judgement_good_until(struct sg_judgement *judgement, int64_t when)
{
    set_earlier(&judgement->verdict.good_until, when);
}

void sg_judgement_lasts_until(struct sg_judgement *judgement, int64_t when)
{
    set_earlier(&judgement->lasts_until, when);
    sg_judgement_good_until(judgement, when);
}

void sg_judgement_as_of(struct sg_judgement *judgement, int64_t when)
{
    set_earlier(&judgement->verdict.as_of, when);
}

enum sg_rc sg_judgement_revocation(struct sg_judgement *judgement, const struct sg_revocation_used *used,
                                   struct sg_err *err)
{
    struct sg_verdict *verdict = &judgement->verdict;
    _cleanup_(freep) char *issuer = strdup(used->issuer);
    struct sg_revocation_used *grown = reallocarray(verdict->revocation, verdict->revocation_count + 1, sizeof *grown);
    if (grown)
        verdict->revocation = grown;
    if (!issuer || !grown)
        return sg_fail_memory(err);
    struct sg_revocation_used *fresh = &grown[verdict->revocation_count++];
    *fresh = *used;
    fresh->issuer = sg_steal(issuer);
    sg_judgement_as_of(judgement, used->this_update);
    sg_judgement_good_until(judgement, used->next_update);
    return SG_OK;
}

static enum sg_rc merge_policies(struct sg_verdict *into, const struct sg_verdict *from, struct sg_err *err)
{
    if (from->policy_count == 0)
        return SG_OK;
    char **grown = reallocarray(into->policies, into->policy_count + from->policy_count, sizeof *grown);
    if (!grown)
        return sg_fail_memory(err);
    into->policies = grown;
    for (size_t i = 0; i < from->policy_count; i++) {
        char *copy = strdup(from->policies[i]);
        if (!copy)
            return sg_fail_memory(err);
        grown[into->policy_count++] = copy;
    }
    return SG_OK;
}

enum sg_rc sg_judgement_merge(struct sg_judgement *into, const struct sg_judgement *from, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;
    struct sg_verdict *to = &into->verdict;
    const struct sg_verdict *source = &from->verdict;

    if (source->chain) {
        sg_x509_stack_free(to->chain);
        to->chain = X509_chain_up_ref(source->chain);
        if (!to->chain)
            return sg_fail_memory(err);
    }
    for (size_t i = 0; i < source->revocation_count && rc == SG_OK; i++)
        rc = sg_judgement_revocation(into, &source->revocation[i], err);
    for (size_t i = 0; i < source->reason_count && rc == SG_OK; i++)
        rc = add_reason(to, source->reasons[i].code, source->reasons[i].text, err);
    if (rc == SG_OK)
        rc = merge_policies(to, source, err);
    into->problems |= from->problems;
    if (from->severity > into->severity)
        set_severity(into, from->severity);
    to->known_good |= source->known_good;
    if (from->signer_revoked_at != SG_TIME_NONE)
        into->signer_revoked_at = from->signer_revoked_at;
    sg_judgement_as_of(into, source->as_of);
    sg_judgement_good_until(into, source->good_until);
    sg_judgement_lasts_until(into, from->lasts_until);
    return rc;
}

static void set_problems(struct sg_judgement *judgement, uint32_t problems)
{
    enum sg_severity gravest = SG_SEVERITY_NONE;
    for (enum sg_severity i = SG_SEVERITY_NONE; i < SG_SEVERITY_COUNT; i++)
        if (problems & SG_PROBLEM(i))
            gravest = i;
    judgement->problems = problems;
    set_severity(judgement, gravest);
}

void sg_judgement_mitigate(struct sg_judgement *judgement, enum sg_severity from, enum sg_severity to)
{
    if (judgement->problems & SG_PROBLEM(from))
        set_problems(judgement, (judgement->problems & ~SG_PROBLEM(from)) | SG_PROBLEM(to));
}

enum sg_rc sg_judgement_explain(struct sg_judgement *judgement, const struct sg_judgement *why, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;
    for (size_t i = 0; i < why->verdict.reason_count && rc == SG_OK; i++)
        rc = add_reason(&judgement->verdict, why->verdict.reasons[i].code, why->verdict.reasons[i].text, err);
    return rc;
}

enum sg_rc sg_judgement_settle(struct sg_judgement *judgement, const struct sg_judgement *then, struct sg_err *err)
{
    set_problems(judgement, then->problems);
    return sg_judgement_explain(judgement, then, err);
}

enum sg_rc sg_report_new(OSSL_LIB_CTX *libctx, const char *file, int64_t at, struct sg_report **ret, struct sg_err *err)
{
    _cleanup_(sg_report_freep) struct sg_report *report = calloc(1, sizeof *report);
    if (!report)
        return sg_fail_memory(err);
    report->libctx = libctx;
    report->at = at;
    report->file = strdup(file);
    if (!report->file)
        return sg_fail_memory(err);
    *ret = sg_steal(report);
    return SG_OK;
}

enum sg_rc sg_report_add_as(struct sg_report *report, struct sg_judgement *judgement, const char *id,
                            struct sg_err *err)
{
    struct sg_verdict *grown = reallocarray(report->verdicts, report->verdict_count + 1, sizeof *grown);
    if (!grown)
        return sg_fail_memory(err);
    report->verdicts = grown;
    judgement->verdict.id = strdup(id);
    if (!judgement->verdict.id)
        return sg_fail_memory(err);
    grown[report->verdict_count++] = judgement->verdict;
    sg_judgement_init(judgement);
    return SG_OK;
}

bool sg_verdict_is_countersignature(const struct sg_verdict *verdict)
{
    return verdict->id && strchr(verdict->id, '.');
}

static size_t count_signatures(const struct sg_report *report)
{
    size_t count = 0;
    for (size_t i = 0; i < report->verdict_count; i++)
        count += !sg_verdict_is_countersignature(&report->verdicts[i]);
    return count;
}

enum sg_rc sg_report_add(struct sg_report *report, struct sg_judgement *judgement, struct sg_err *err)
{
    char id[24];
    (void)snprintf(id, sizeof id, "%zu", count_signatures(report) + 1);
    return sg_report_add_as(report, judgement, id, err);
}

enum sg_rc sg_report_append(struct sg_report *report, struct sg_report *from, struct sg_err *err)
{
    size_t number = count_signatures(report);
    struct sg_verdict *grown =
        reallocarray(report->verdicts, report->verdict_count + from->verdict_count + 1, sizeof *grown);
    if (!grown)
        return sg_fail_memory(err);
    report->verdicts = grown;
    for (size_t i = 0; i < from->verdict_count; i++) {
        struct sg_verdict *verdict = &from->verdicts[i];
        const char *nested = strchr(verdict->id, '.');
        char *id = NULL;
        number += !nested;
        if (asprintf(&id, "%zu%s", number, nested ? nested : "") < 0)
            return sg_fail_memory(err);
        free(verdict->id);
        verdict->id = id;
    }
    memcpy(&grown[report->verdict_count], from->verdicts, from->verdict_count * sizeof *grown);
    report->verdict_count += from->verdict_count;
    from->verdict_count = 0;
    return SG_OK;
}

void sg_report_free(struct sg_report *report)
{
    if (!report)
        return;
    for (size_t i = 0; i < report->verdict_count; i++)
        sg_verdict_clear(&report->verdicts[i]);
    free(report->verdicts);
    free_names(report->uncovered, report->uncovered_count);
    free(report->file);
    free(report);
}
