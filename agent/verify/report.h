/* Reports of verdicts: text for people, JSON as design and docs/schema/ give it. */
#pragma once

#include "base/buf.h"
#include "verify/verify.h"

/* One line of JSON ("signet.verify/1"), no newline. */
SG_MUST_CHECK enum sg_rc sg_report_json(const struct sg_report *report, struct sg_buf *out, struct sg_err *err);
/* The same for a certificate ("signet.cert-check/1"). */
SG_MUST_CHECK enum sg_rc sg_report_cert_json(const struct sg_report *report, struct sg_buf *out, struct sg_err *err);

/* VALID, NOT VALID or CANNOT TELL first, by whom, when, as of when; the ETSI words after. `content_name`: the file that
 * was found to go with the signature, or NULL. */
SG_MUST_CHECK enum sg_rc sg_report_text(const struct sg_report *report, const char *content_name, struct sg_buf *out,
                                        struct sg_err *err);
SG_MUST_CHECK enum sg_rc sg_report_cert_text(const struct sg_report *report, struct sg_buf *out, struct sg_err *err);

/* Whether what claims to be one of the above (sg_report_json(), sg_report_text()) is about `file` and no other: whoever
 * made it is not believed. Of JSON: one object, and its member "file", which is there once; of text: each heading. What
 * else it says is not looked at. */
bool sg_report_json_is_about(struct sg_slice json, const char *file);
bool sg_report_text_is_about(struct sg_slice text, const char *file);

/* 0, 1 or 2 as the design's table says. */
int sg_report_exit(const struct sg_report *report);

/* How a file came out: as its report says, or that there is none. */
enum sg_file_answer { SG_FILE_VALID, SG_FILE_NOT_VALID, SG_FILE_CANNOT_TELL, SG_FILE_NOT_JUDGED, SG_FILE_ANSWERS };

/* The answer that goes with an exit status of sg_report_exit(). */
enum sg_file_answer sg_report_answer(int status);
