/* What the files of one run share (sync.c, line.c, journal.c, copy.c). */
#pragma once

#include "sync/sync.h"
#include "sync/tsa.h"
#include "sync/witness.h"

#define SG_SYNC_BATCH 256      /* steps of one line that are begun together */
#define SG_SYNC_MAX_AT_ONCE 64 /* uploads to one target at once */
#define SG_SYNC_IN_A_ROW 16    /* failures without a success, after which a server is left alone */
#define SG_SYNC_GROUP 256      /* outcomes that go to disk together */
#define SG_SYNC_GROUP_MS 100   /* outcomes wait so long for others that go to disk with them */

struct sg_run;
struct sg_line;

/* A step in hand. */
struct sg_job {
    struct sg_line *line;
    int64_t step, document;
    int64_t attempts; /* this one included */
    bool unchecked;   /* whether `bytes` are those of the digest, the upload sees */
    bool sent;        /* something of them may have been; else the attempt delivers nothing */
    bool there;       /* the target has these bytes: another upload of them has ended so since */
    char sha256[SG_SHA256_HEX], sent_sha256[SG_SHA256_HEX];
    char *level, *output;
    struct sg_input *bytes; /* the blob, while it is being sent */
    size_t slot;
};

void sg_job_free(struct sg_job *job);
SG_DEFINE_CLEANUP(struct sg_job, sg_job_free)

/* --- outcomes, journaled in groups (journal.c) ---------------------------------------------------------------------
 */

struct sg_outcome {
    struct sg_job *job;
    struct sg_err *err; /* NULL: done */
    int64_t next;
    struct sg_receipt receipt;     /* of an upload */
    struct sg_completed completed; /* of a time-stamp */
    char *texts;                   /* of either */
};

struct sg_journal {
    struct sg_outcome outcomes[SG_SYNC_GROUP];
    size_t count;
    int64_t oldest_ms;
};

/* Take the job over. */
SG_MUST_CHECK enum sg_rc sg_journal_uploaded(struct sg_run *run, struct sg_job *job, const struct sg_receipt *receipt,
                                             struct sg_err *err);
SG_MUST_CHECK enum sg_rc sg_journal_completed(struct sg_run *run, struct sg_job *job,
                                              const struct sg_completed *completed, struct sg_err *err);
SG_MUST_CHECK enum sg_rc sg_journal_failed(struct sg_run *run, struct sg_job *job, const struct sg_err *why,
                                           int64_t next, struct sg_err *err);
/* Milliseconds until the group has to be written; -1: there is none. */
int sg_journal_due_ms(const struct sg_journal *journal);
/* Writes the group, and tells of it. */
SG_MUST_CHECK enum sg_rc sg_journal_write(struct sg_run *run, struct sg_err *err);
void sg_journal_clear(struct sg_journal *journal);
/* When a step that failed is tried again: 1 min after the first attempt, twice as long after each more, 6 h at most,
 * a quarter less or more by chance. */
int64_t sg_sync_next_try(int64_t now, int64_t attempts);

/* --- the uploads to one target, or the time-stamps (line.c) ---------------------------------------------------------
 */

struct sg_line {
    struct sg_run *run;
    struct sg_sync_target *target;       /* NULL: time-stamps */
    struct sg_job *begun[SG_SYNC_BATCH]; /* not started yet: [first, count) */
    size_t first, count;
    struct sg_job *under_way[SG_SYNC_MAX_AT_ONCE]; /* NULL: a free place */
    size_t at_once, busy;
    bool exhausted; /* nothing more is due */
    bool left;      /* the server is left alone for the rest of the run */
    bool open, succeeded;
    size_t in_a_row; /* failures */
};

void sg_line_init(struct sg_line *line, struct sg_run *run, struct sg_sync_target *target);
void sg_line_clear(struct sg_line *line);
/* Opens its target, once. */
SG_MUST_CHECK enum sg_rc sg_line_open(struct sg_line *line, struct sg_err *err);
/* Starts what can be started now. */
SG_MUST_CHECK enum sg_rc sg_line_move(struct sg_line *line, struct sg_err *err);
bool sg_line_is_idle(const struct sg_line *line); /* nothing under way, and nothing left to start */

/* --- what is sent (copy.c) -----------------------------------------------------------------------------------------
 */

/* Opens the blob that the job sends: the version's, or what it is encrypted to, which is made the first time. One that
 * is gone or damaged is made again from the user's file, if that still has the same bytes. One that the upload checks
 * itself is left to it at the first attempt. */
SG_MUST_CHECK enum sg_rc sg_copy_open(struct sg_run *run, struct sg_job *job, struct sg_err *err);

/* Whether the document's newest version, which is gone or damaged, could be made again from the user's file. */
bool sg_copy_restore(struct sg_run *run, struct sg_job *job);

/* --- the run -------------------------------------------------------------------------------------------------------
 */

struct sg_run {
    const struct sg_sync *sync;
    struct sg_http *http;
    struct sg_tsas *tsas;
    struct sg_pull *pull;
    bool pulled;
    struct sg_witnessing *witnessing;
    const char **target_names;
    struct sg_line *lines; /* one a target, and behind them that of the time-stamps */
    size_t line_count;
    int shared; /* the outbox, while blobs are made; -1: not yet */
    struct sg_journal *journal;
    struct sg_sync_progress progress;
    int64_t looked_ms; /* when it was looked last what is due */
    enum sg_rc rc;     /* a callback's failure, which ends the run */
    struct sg_err err;
};

/* Shares the outbox, once blobs are made, until the run is over. */
SG_MUST_CHECK enum sg_rc sg_run_share(struct sg_run *run, struct sg_err *err);
/* There are new steps: no line is exhausted. */
void sg_run_more(struct sg_run *run);
/* The user's signed files become the completed ones. What cannot be written to now is for the next run, and said. */
void sg_sync_renew(const struct sg_sync *sync);
