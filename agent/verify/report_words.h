/* What reports say of a verdict, in the reader's language: the same words in the text and on the page. */
#pragma once

#include "base/buf.h"
#include "verify/report.h"

const char *sg_headline(enum sg_indication indication);      /* VALID, NOT VALID or CANNOT TELL */
const char *sg_file_answer_word(enum sg_file_answer answer); /* likewise, or NOT JUDGED */
/* What a sub-indication comes down to, one sentence about a signature. */
const char *sg_sub_indication_meaning(enum sg_sub_indication sub);

/* Whether a time before the judging time is proven: `best_time`. */
bool sg_verdict_is_proven(const struct sg_report *report, const struct sg_verdict *verdict);

/* The verdict in a sentence; both answers where that as of now is another. Appends. The names in it are not cleaned. */
SG_MUST_CHECK enum sg_rc sg_verdict_lead(const struct sg_report *report, const struct sg_verdict *verdict,
                                         struct sg_buf *out, struct sg_err *err);
/* The standard's words: "TOTAL-PASSED, B-T; as of now INDETERMINATE / REVOKED_NO_POE". Appends. */
SG_MUST_CHECK enum sg_rc sg_verdict_etsi(const struct sg_verdict *verdict, struct sg_buf *out, struct sg_err *err);

/* One thing to know: by whom, when, as of when. Borrowed for the call. */
struct sg_fact {
    const char *label;  /* with its colon */
    const char *text;   /* a stranger's; NULL: it is a time */
    int64_t when;       /* if `text` is NULL */
    const char *remark; /* in brackets: whether it is proven; NULL: none */
};

typedef enum sg_rc sg_fact_fn(void *context, const struct sg_fact *fact, struct sg_err *err);

/* Tells each in the order in which people want to know. `content_name`: the file that was found to go with the
 * signature, or NULL. */
SG_MUST_CHECK enum sg_rc sg_verdict_facts(const struct sg_report *report, const struct sg_verdict *verdict,
                                          const char *content_name, sg_fact_fn *fn, void *context, struct sg_err *err);
