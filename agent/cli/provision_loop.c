/* Which token comes next: all that are there, or one reader's stack. */
#include <string.h>
#include <time.h>

#include "base/limits.h"
#include "base/msg.h"
#include "cli/progress.h"
#include "cli/provision_report.h"

#define POLL_MS 200 /* a person who changes cards does not notice it */
#define GROUP 16    /* tokens whose CSRs are written together */

struct loop {
    struct sg_run *run;
    struct sg_progress progress;
    /* Tokens that need not be looked at again: done, refused or failed. They stay where they are in memory. */
    const struct sg_token *settled[SG_MAX_TOKENS];
    size_t settled_count;
    int64_t worked[GROUP]; /* rows that are to be told of; their CSRs are still to be written */
    size_t worked_count;
    int status; /* the worst so far */
};

static bool is_settled(const struct loop *loop, const struct sg_token *token)
{
    for (size_t i = 0; i < loop->settled_count; i++)
        if (loop->settled[i] == token)
            return true;
    return false;
}

static void settle(struct loop *loop, const struct sg_token *token)
{
    if (loop->settled_count < SG_MAX_TOKENS)
        loop->settled[loop->settled_count++] = token;
}

static void complain(struct loop *loop, const struct sg_err *failure)
{
    sg_progress_hide(&loop->progress);
    loop->status = sg_exit_worse(loop->status, sg_complain(&loop->run->app->voice, failure));
}

/* Whether a failure is of this computer and not of the token: the next token would fail as well. */
static bool is_ours(enum sg_rc rc)
{
    int status = sg_rc_exit(rc);

    return status == 70 || status == 73 || status == 74 || rc == SG_E_BUSY || rc == SG_E_CANCELLED;
}

static size_t done_count(const struct sg_run *run)
{
    return sg_run_total(run) - sg_run_left(run);
}

static enum sg_rc tell(struct loop *loop, int64_t row, struct sg_err *err)
{
    struct sg_run *run = loop->run;
    const struct sg_voice *voice = &run->app->voice;

    sg_progress_hide(&loop->progress);
    run->phase->tell(run, row);
    (void)fflush(voice->people);
    sg_progress_show(&loop->progress, done_count(run));
    return sg_json_print(voice, sg_report_row(run, row)) ? SG_OK : sg_fail_memory(err);
}

/* Rows are told of when nothing of them can be lost any more; false: there is no going on. */
static bool finish(struct loop *loop)
{
    struct sg_err failure = {0};
    enum sg_rc rc = loop->worked_count > 0 ? sg_run_finish(loop->run, &failure) : SG_OK;

    for (size_t i = 0; rc == SG_OK && i < loop->worked_count; i++)
        rc = tell(loop, loop->worked[i], &failure);
    loop->worked_count = 0;
    if (rc != SG_OK)
        complain(loop, &failure);
    return rc == SG_OK;
}

/* Does the token's work; false: there is no going on. */
static bool work(struct loop *loop, int64_t row, const struct sg_shown *shown)
{
    struct sg_err failure = {0};
    enum sg_rc rc = loop->run->phase->work(loop->run, row, shown, &failure);

    settle(loop, shown->token);
    if (rc == SG_OK) {
        loop->worked[loop->worked_count++] = row;
        return loop->worked_count < GROUP || finish(loop);
    }
    complain(loop, &failure);
    return !is_ours(rc);
}

/* --- all that are there ------------------------------------------------------------------------------------------- */

/* One that was interrupted before a blank one, so that it is not left over. Those that are somebody's are not spoken
 * of: nobody has put them in for that. */
static enum sg_rc choose(struct loop *loop, struct sg_shown *ret, struct sg_err *err)
{
    struct sg_shown chosen = {0};

    for (size_t i = 0; i < sg_tokens_count(loop->run->tokens); i++) {
        struct sg_token *token = sg_tokens_get(loop->run->tokens, i);
        struct sg_shown shown;
        if (!sg_token_info(token)->present || is_settled(loop, token))
            continue;
        enum sg_rc rc = loop->run->phase->look(loop->run, token, &shown, err);
        if (rc != SG_OK)
            return rc;
        if (shown.card >= SG_CARD_DONE)
            settle(loop, token);
        else if (shown.card != SG_CARD_BLANK || !chosen.token)
            chosen = shown;
        if (chosen.token && chosen.card != SG_CARD_BLANK)
            break;
    }
    *ret = chosen;
    return SG_OK;
}

/* The next token, and for whom; false: there is none, or none is wanted, or it failed. */
static bool next(struct loop *loop, struct sg_shown *ret, int64_t *ret_row)
{
    const struct sg_shown blank = {.card = SG_CARD_BLANK};
    struct sg_err failure = {0};

    if (loop->run->phase->row_for(loop->run, &blank) == 0)
        return false;
    enum sg_rc rc = sg_check_cancelled(&failure);

    if (rc == SG_OK)
        rc = sg_tokens_refresh(loop->run->tokens, &failure);
    if (rc == SG_OK)
        rc = choose(loop, ret, &failure);
    if (rc != SG_OK) {
        complain(loop, &failure);
        return false;
    }
    *ret_row = ret->token ? loop->run->phase->row_for(loop->run, ret) : 0;
    return *ret_row > 0;
}

int sg_run_all(struct sg_run *run)
{
    struct loop loop = {.run = run};
    struct sg_shown shown = {0};
    int64_t row = 0;

    sg_progress_begin(&loop.progress, &run->app->voice, done_count(run), sg_run_total(run));
    while (next(&loop, &shown, &row) && work(&loop, row, &shown))
        ;
    (void)finish(&loop);
    sg_progress_hide(&loop.progress);
    return sg_run_left(run) > 0 ? loop.status : 0; /* a token that failed is no loss where another took its place */
}

/* --- one reader's stack ------------------------------------------------------------------------------------------- */

/* The token in the reader; NULL: none. */
static enum sg_rc present_token(const struct sg_run *run, struct sg_token **ret, struct sg_err *err)
{
    struct sg_token *found = NULL;

    for (size_t i = 0; i < sg_tokens_count(run->tokens); i++) {
        struct sg_token *token = sg_tokens_get(run->tokens, i);
        if (!sg_token_info(token)->present)
            continue;
        if (found)
            return sg_fail(err, SG_E_USAGE, "%s",
                           _("There are several tokens; name the reader's module alone with --module and put one token "
                             "in at a time, or make all that are there with --all."));
        found = token;
    }
    *ret = found;
    return SG_OK;
}

static void ask(struct loop *loop)
{
    const struct sg_shown blank = {.card = SG_CARD_BLANK};
    struct sg_run *run = loop->run;

    sg_progress_hide(&loop->progress);
    run->phase->ask(run, run->phase->row_for(run, &blank));
    (void)fflush(run->app->voice.people);
    sg_progress_show(&loop->progress, done_count(run));
}

/* Waits until the reader has another token than `last`, or has that one again. */
static enum sg_rc wait_for_next(struct loop *loop, const struct sg_token *last, struct sg_token **ret,
                                struct sg_err *err)
{
    const struct timespec pause = {.tv_nsec = POLL_MS * 1000000L};
    const struct sg_run *run = loop->run;
    bool asked = false;

    for (;;) {
        struct sg_token *token = NULL;
        enum sg_rc rc = sg_check_cancelled(err);
        if (rc == SG_OK)
            rc = sg_tokens_refresh(run->tokens, err);
        if (rc == SG_OK)
            rc = present_token(run, &token, err);
        if (rc != SG_OK)
            return rc;
        if (token && token != last) {
            *ret = token;
            return SG_OK;
        }
        if (!token) {
            last = NULL;
            if (!asked)
                ask(loop);
            asked = true;
        }
        (void)nanosleep(&pause, NULL);
    }
}

static void refuse(struct loop *loop, const struct sg_shown *shown)
{
    struct sg_err refusal = {0};

    loop->run->phase->refuse(loop->run, shown, &refusal);
    sg_app_about_token(&refusal, sg_token_info(shown->token));
    sg_progress_hide(&loop->progress);
    (void)sg_complain(&loop->run->app->voice, &refusal);
}

/* Looks at the token that was put in, and works on it if it may; false: there is no going on. */
static bool take(struct loop *loop, struct sg_token *token)
{
    struct sg_shown shown = {0};
    struct sg_err failure = {0};

    if (loop->run->phase->look(loop->run, token, &shown, &failure) != SG_OK) {
        complain(loop, &failure);
        return !is_ours(failure.rc);
    }
    int64_t row = shown.card < SG_CARD_DONE ? loop->run->phase->row_for(loop->run, &shown) : 0;
    if (row > 0)
        return work(loop, row, &shown);
    refuse(loop, &shown);
    return true;
}

int sg_run_stack(struct sg_run *run)
{
    struct loop loop = {.run = run};
    struct sg_token *token = NULL;
    struct sg_err failure = {0};

    sg_progress_begin(&loop.progress, &run->app->voice, done_count(run), sg_run_total(run));
    while (sg_run_left(run) > 0) {
        if (token) {
            sg_progress_hide(&loop.progress);
            sg_say(&run->app->voice, "%s", _("Take the token out."));
            (void)fflush(run->app->voice.people);
        }
        if (wait_for_next(&loop, token, &token, &failure) != SG_OK) {
            complain(&loop, &failure);
            break;
        }
        if (!take(&loop, token) || !finish(&loop))
            break;
    }
    sg_progress_hide(&loop.progress);
    return sg_run_left(run) > 0 ? loop.status : 0;
}
