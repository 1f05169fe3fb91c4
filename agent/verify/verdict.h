/* A verdict in the making: problems are noted as they are found, and the gravest decides the indication. */
#pragma once

#include "base/err.h"
#include "verify/verify.h"

enum sg_reason_code {
#define SG_REASON(name, word, advice) SG_REASON_##name,
#include "verify/reasons.def"
#undef SG_REASON
    SG_REASON_COUNT
};

const char *sg_reason_word(enum sg_reason_code code);
const char *sg_reason_advice(const char *word); /* translated; "" where there is nothing to do */

/* How grave a problem is. Of several problems of one path or signature the gravest gives the sub-indication; of several
 * paths the one whose gravest problem is the least grave is reported. A TOTAL-FAILED is graver than any INDETERMINATE
 * (EN 319 102-1 §5.3.4), and what is certainly wrong is graver than what is only missing. */
enum sg_severity {
    SG_SEVERITY_NONE,
    SG_SEVERITY_NO_REVOCATION_DATA,
    SG_SEVERITY_TRY_LATER, /* what is known about revocation is out of date */
    SG_SEVERITY_ON_HOLD,
    SG_SEVERITY_REVOCATION_OUT_OF_BOUNDS, /* what is known would count, were it proven to be older */
    SG_SEVERITY_OUT_OF_BOUNDS_NOT_REVOKED,
    SG_SEVERITY_OUT_OF_BOUNDS,
    SG_SEVERITY_CA_OUT_OF_BOUNDS,
    SG_SEVERITY_NO_POE,
    SG_SEVERITY_TIMESTAMP_ORDER,
    SG_SEVERITY_SIG_CONSTRAINTS,
    SG_SEVERITY_CRYPTO_CONSTRAINTS,       /* what is signed, and its signature */
    SG_SEVERITY_CHAIN_CRYPTO_CONSTRAINTS, /* a certificate of the path */
    SG_SEVERITY_CRYPTO_CONSTRAINTS_PROVEN,
    SG_SEVERITY_REVOKED,
    SG_SEVERITY_CA_REVOKED,
    SG_SEVERITY_CHAIN_CONSTRAINTS,
    SG_SEVERITY_CHAIN_GENERAL,
    SG_SEVERITY_NO_CHAIN,
    SG_SEVERITY_POLICY_NOT_AVAILABLE,
    SG_SEVERITY_POLICY_PROCESSING,
    SG_SEVERITY_NO_CONTENT,
    SG_SEVERITY_NO_SIGNING_CERTIFICATE,
    SG_SEVERITY_NOT_YET_VALID, /* from here on TOTAL-FAILED */
    SG_SEVERITY_EXPIRED_PROVEN,
    SG_SEVERITY_REVOKED_PROVEN,
    SG_SEVERITY_SIGNATURE,
    SG_SEVERITY_HASH,
    SG_SEVERITY_FORMAT,
    SG_SEVERITY_COUNT
};

#define SG_PROBLEM(severity) (UINT32_C(1) << (severity))
_Static_assert(SG_SEVERITY_COUNT <= 32, "a bit each");

struct sg_judgement {
    enum sg_severity severity;
    uint32_t problems;         /* every severity noted but NONE: SG_PROBLEM() of each */
    bool names_signer;         /* the signed attributes name the certificate by its hash */
    int64_t signer_revoked_at; /* the certificate that was judged; SG_TIME_NONE: it was not, or it is not known when */
    int64_t lasts_until;       /* as good_until, but for what a proof of an earlier time mends; SG_TIME_NONE: no end */
    struct sg_verdict verdict; /* indication and sub_indication follow `severity` */
};

void sg_judgement_init(struct sg_judgement *judgement);
void sg_judgement_clear(struct sg_judgement *judgement);

/* Notes a problem (SG_SEVERITY_NONE: a remark that changes nothing) with a sentence for a person. */
SG_MUST_CHECK enum sg_rc sg_judgement_note(struct sg_judgement *judgement, enum sg_severity severity,
                                           enum sg_reason_code code, struct sg_err *err, const char *format, ...)
    SG_PRINTF(5, 6);
/* Notes the revocation data that was used (copied); as_of and good_until follow. */
SG_MUST_CHECK enum sg_rc sg_judgement_revocation(struct sg_judgement *judgement, const struct sg_revocation_used *used,
                                                 struct sg_err *err);
/* It holds until then. Of several such times the earliest counts; SG_TIME_NONE and INT64_MAX are no such time. */
void sg_judgement_good_until(struct sg_judgement *judgement, int64_t when);
/* Likewise, whatever is proven of when it was made. */
void sg_judgement_lasts_until(struct sg_judgement *judgement, int64_t when);
/* It says nothing about what happened after this time. Of several such times the earliest counts. */
void sg_judgement_as_of(struct sg_judgement *judgement, int64_t when);
/* Takes over what was found about a certificate: path, revocation, policies, reasons, times. */
SG_MUST_CHECK enum sg_rc sg_judgement_merge(struct sg_judgement *into, const struct sg_judgement *from,
                                            struct sg_err *err);

/* Whether the answer as of now is another than that of the whole process. */
bool sg_verdict_differs_now(const struct sg_verdict *verdict);

const char *sg_cert_indication_text(enum sg_indication indication); /* PASSED, FAILED, INDETERMINATE */

/* That problem, if it was noted, is a less grave one, as is known now. */
void sg_judgement_mitigate(struct sg_judgement *judgement, enum sg_severity from, enum sg_severity to);
/* Takes over the reasons of `why` alone, as remarks that change nothing. */
SG_MUST_CHECK enum sg_rc sg_judgement_explain(struct sg_judgement *judgement, const struct sg_judgement *why,
                                              struct sg_err *err);
/* The problems are those of `then` instead; its reasons come to those that are there. */
SG_MUST_CHECK enum sg_rc sg_judgement_settle(struct sg_judgement *judgement, const struct sg_judgement *then,
                                             struct sg_err *err);
/* What it answers, if that is the gravest problem. */
struct sg_conclusion sg_judgement_conclusion(enum sg_severity severity);

void sg_verdict_clear(struct sg_verdict *verdict);
/* A report without a verdict. */
SG_MUST_CHECK enum sg_rc sg_report_new(OSSL_LIB_CTX *libctx, const char *file, int64_t at, struct sg_report **ret,
                                       struct sg_err *err);
/* Moves the judgement's verdict to the end of the report, with the next number as its `id`, and makes the judgement
 * blank. */
SG_MUST_CHECK enum sg_rc sg_report_add(struct sg_report *report, struct sg_judgement *judgement, struct sg_err *err);
/* The same with an `id` of its own (copied): that of a countersignature, "1.1", counts for no number of the others. */
SG_MUST_CHECK enum sg_rc sg_report_add_as(struct sg_report *report, struct sg_judgement *judgement, const char *id,
                                          struct sg_err *err);
/* Moves all verdicts of `from` to the end of the report; the numbers go on. */
SG_MUST_CHECK enum sg_rc sg_report_append(struct sg_report *report, struct sg_report *from, struct sg_err *err);
bool sg_verdict_is_countersignature(const struct sg_verdict *verdict);
