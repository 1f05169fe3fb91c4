/* Judging files that strangers made, where it can do no harm: in children that read the files they are given, answer
 * through a pipe, and can do nothing else (base/sandbox.h).
 *
 * The parent opens files and prints; it parses nothing of theirs. A child judges a batch of them, and is hostile from
 * the first byte it has read: its answers are checked for their form and for the file that they name, and a file that
 * makes it crash, takes too long, or asks for too much memory is SG_E_JUDGE_FAILED, never a verdict. Only an answer
 * gives it more time. What then was not judged yet goes to another child. So the most that a crafted file can do is to
 * falsify the answers about itself and the files of its batch behind it; the sentences of errors and of the log are the
 * child's own words. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/input.h"
#include "base/log.h"
#include "verify/verify.h"

/* A file that was named, and what may go with it. Whether it is a signature, the child finds out. */
struct sg_judge_file {
    struct sg_input *named;
    struct sg_input *content;   /* if `named` is a signature: what it is over; NULL: not to be had, or attached */
    struct sg_input *signature; /* if it is none: the one over it; NULL: there is none */
};

void sg_judge_file_clear(struct sg_judge_file *file);

/* The answer about one file. */
struct sg_judged {
    enum sg_rc rc;
    int status;               /* if `rc` is SG_OK: sg_report_exit()'s 0, 1 or 2 */
    struct sg_slice text;     /* ditto: the report, as lines of text or as JSON without a newline; fit to print */
    struct sg_slice section;  /* ditto, if it was asked for: that of the page (verify/report_html.h), and no more */
    const struct sg_err *err; /* else */
};

/* Which files of a container are taken out of it while it is judged. */
enum sg_judge_extract {
    SG_EXTRACT_NONE,
    SG_EXTRACT_PASSED, /* those that a signature covers which is TOTAL-PASSED */
    SG_EXTRACT_ALL
};

struct sg_judge {
    struct sg_verifier *verifier;
    struct sg_log *log; /* the verifier's: what a child logs reaches its handler in the parent */
    const char *folder; /* with the files that the verifier may come to need; NULL: none */
    bool json;          /* what the answers are written as */
    bool html;          /* a section of the page each, too, numbered from 1 */
    unsigned jobs;      /* children at once, at least 1 */
    unsigned seconds;   /* that one file may take, besides what its size asks for (SG_JUDGING_SECONDS) */
    size_t count;       /* files */
    enum sg_judge_extract extract;

    void *context;
    /* Called for each file once, in their order. What it opens is closed here. */
    enum sg_rc (*open)(void *context, size_t index, struct sg_judge_file *ret, struct sg_err *err);
    /* Ditto; valid during the call. */
    void (*answered)(void *context, size_t index, const struct sg_judged *answer);
    /* With `extract`: a file of a container, its name or its next bytes, as the child says them: hostile. What comes is
     * good only once `answered` was called with an answer. It is never more than the limits of containers let one of
     * this size hold: a child that says more is stopped. */
    void (*file_begins)(void *context, size_t index, struct sg_slice name);
    void (*file_goes_on)(void *context, size_t index, struct sg_slice bytes);
    /* Asked several times a second; SG_E_CANCELLED ends everything. */
    enum sg_rc (*check_cancelled)(struct sg_err *err);
};

/* Judges all files. The calling process has one thread. An error is what kept all of it from going on. */
SG_MUST_CHECK enum sg_rc sg_judge_run(const struct sg_judge *judge, struct sg_err *err);
