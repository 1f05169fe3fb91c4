/* Pulling: requests for what is due, the journal of each, rounds until nothing more follows, one publication. */
#include "sync/pull.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/rand.h>

#include "base/limits.h"
#include "base/msg.h"
#include "sync/pull_private.h"

#define MINUTE 60
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define MAX_ROUNDS 4 /* certificates of CAs name further ones */

struct job {
    struct sg_pull *pull;
    size_t index; /* of the plan's item */
    struct sg_buf body, request;
    uint8_t nonce[SG_PULL_NONCE];
    bool conditional;
};

struct sg_pull {
    struct sg_pull_options options;
    struct sg_snapshot *snapshot;
    STACK_OF(X509) *certs;
    struct sg_pull_plan plan;
    struct job *jobs;
    size_t pending;
    int round;
    bool starting, changed;
    bool grown;    /* a certificate came in, and with it perhaps more to fetch */
    bool relisted; /* a list of anchors was applied, which counts only when it is published */
    struct sg_pull_result result;
    struct sg_err err; /* what `result.err` points at */
};

static int64_t now_of(const struct sg_pull *pull)
{
    return sg_clock_now(pull->options.clock);
}

/* --- when next ---------------------------------------------------------------------------------------------------- */

/* A quarter of what is left, so that there are some more chances before it ends; but not all the time, and a CA that
 * revokes is heard within a day. */
static int64_t next_after_success(const struct sg_pull_item *item, int64_t now)
{
    int64_t until = item->state.good_until;
    if (item->kind == SG_PULL_AIA || item->kind == SG_PULL_LIST)
        return now + DAY;
    if (until == 0)
        return now + HOUR;
    int64_t wait = until > now ? (until - now) / 4 : 0;
    return now + (wait < 5 * MINUTE ? 5 * MINUTE : wait > DAY ? DAY : wait);
}

/* Doubled with each failure, up to six hours, and a little more by chance: many machines fail at the same moment. */
static int64_t next_after_failure(const struct sg_pull *pull, int64_t failures, int64_t now)
{
    uint8_t chance = 0;
    int64_t wait = 6 * HOUR;
    if (failures < 7)
        wait = (int64_t)(5 * MINUTE) << (failures > 0 ? failures - 1 : 0);
    if (RAND_bytes_ex(pull->options.libctx, &chance, 1, 0) != 1)
        chance = 0;
    return now + wait + wait * chance / 1024;
}

/* --- outcomes ----------------------------------------------------------------------------------------------------- */

/* What keeps the pull itself from going on; the first counts. */
static void give_up(struct sg_pull *pull, const struct sg_err *err)
{
    if (!pull->result.err) {
        pull->err = *err;
        pull->result.err = &pull->err;
    }
}

static void journal(struct sg_pull *pull, struct sg_pull_item *item, bool changed, const struct sg_err *why)
{
    struct sg_err err = {0};
    const struct sg_pull_key key = {sg_pull_kind_word(item->kind), item->url, item->about};
    if (sg_pull_put(pull->options.store, &key, &item->state, &err) != SG_OK)
        give_up(pull, &err);
    if (pull->options.tell)
        pull->options.tell(pull->options.context, &(struct sg_pull_event){.kind = item->kind,
                                                                          .url = item->url,
                                                                          .changed = changed,
                                                                          .err = why,
                                                                          .next = item->state.next_attempt});
}

static void failed(struct sg_pull *pull, struct sg_pull_item *item, const struct sg_err *why)
{
    struct sg_pull_state *state = &item->state;
    pull->result.failed++;
    state->last_attempt = now_of(pull);
    state->failures++;
    state->next_attempt = next_after_failure(pull, state->failures, state->last_attempt);
    (void)snprintf(state->code, sizeof(state->code), "%s", sg_rc_word(why->rc));
    (void)snprintf(state->text, sizeof(state->text), "%s", why->text);
    journal(pull, item, false, why);
}

static void keep_header(const struct sg_http_answer *answer, const char *name, char *out, size_t size)
{
    const char *value = sg_http_header(answer, name);
    out[0] = '\0';
    if (value && strlen(value) < size)
        (void)snprintf(out, size, "%s", value);
}

static void succeeded(struct sg_pull *pull, struct sg_pull_item *item, bool changed)
{
    struct sg_pull_state *state = &item->state;
    if (changed)
        pull->result.changed++;
    else
        pull->result.unchanged++;
    pull->changed |= changed;
    pull->relisted |= changed && item->kind == SG_PULL_LIST;
    pull->grown |= changed && (item->kind == SG_PULL_AIA || item->kind == SG_PULL_LIST);
    state->last_attempt = state->last_success = now_of(pull);
    state->failures = 0;
    state->code[0] = state->text[0] = '\0';
    state->next_attempt = next_after_success(item, state->last_success);
    journal(pull, item, changed, NULL);
}

static void take(struct sg_pull *pull, struct job *job, struct sg_pull_item *item, const struct sg_http_answer *answer)
{
    const struct sg_pull_judge judge = {.store = pull->options.store,
                                        .libctx = pull->options.libctx,
                                        .snapshot = pull->snapshot,
                                        .certs = pull->certs,
                                        .clock = pull->options.clock,
                                        .list_signer = pull->options.list_signer};
    struct sg_pull_taken taken = {0};
    struct sg_err why = {0};
    enum sg_rc rc = sg_pull_take(&judge, item, sg_buf_slice(&job->body),
                                 (struct sg_slice){job->nonce, sizeof(job->nonce)}, &taken, &why);
    if (rc != SG_OK) {
        failed(pull, item, &why);
        return;
    }
    keep_header(answer, "ETag", item->state.etag, sizeof(item->state.etag));
    keep_header(answer, "Last-Modified", item->state.last_modified, sizeof(item->state.last_modified));
    item->state.good_until = taken.good_until;
    succeeded(pull, item, taken.changed);
}

static void round_ended(struct sg_pull *pull);

static void on_done(void *context, const struct sg_http_answer *answer, struct sg_slice error_body,
                    const struct sg_err *err)
{
    struct job *job = context;
    struct sg_pull *pull = job->pull;
    struct sg_pull_item *item = &pull->plan.items[job->index];
    struct sg_err why = {0};
    if (err && err->rc == SG_E_CANCELLED)
        give_up(pull, err); /* it was not the server's fault */
    else if (err)
        failed(pull, item, err);
    else if (answer->status == 304 && job->conditional)
        succeeded(pull, item, false);
    else if (answer->status != 200 || answer->html)
        failed(
            pull, item,
            (sg_http_fail(answer, error_body, _("What should be fetched for judging signatures was not"), &why), &why));
    else
        take(pull, job, item, answer);
    sg_buf_clear(&job->body);
    sg_buf_clear(&job->request);
    if (--pull->pending == 0 && !pull->starting)
        round_ended(pull);
}

/* --- requests ----------------------------------------------------------------------------------------------------- */

static size_t max_answer(enum sg_pull_kind kind)
{
    switch (kind) {
    case SG_PULL_CRL:
        return SG_MAX_CRL_ANSWER;
    case SG_PULL_OCSP:
        return SG_MAX_OCSP_ANSWER;
    case SG_PULL_AIA:
        return SG_MAX_AIA_ANSWER;
    case SG_PULL_LIST:
        break;
    }
    return SG_MAX_ANCHOR_LIST_FILE;
}

/* A GET, on condition that there is something newer: if what was got last is still good, and so still here. */
static enum sg_rc start_get(struct sg_pull *pull, struct job *job, struct sg_pull_item *item, struct sg_err *err)
{
    char match[sizeof(item->state.etag) + 32], since[sizeof(item->state.last_modified) + 32];
    const char *headers[2];
    struct sg_http_request request = {.method = "GET",
                                      .url = item->url,
                                      .headers = headers,
                                      .answer = sg_buf_sink(&job->body),
                                      .max_answer = max_answer(item->kind),
                                      .flags = SG_HTTP_FOLLOW,
                                      .done = on_done,
                                      .context = job};
    bool current = item->kind == SG_PULL_LIST || (item->kind == SG_PULL_CRL && item->state.good_until > now_of(pull));
    if (item->kind == SG_PULL_LIST)
        request.flags |= SG_HTTP_CONFIGURED;
    (void)snprintf(match, sizeof(match), "If-None-Match: %s", item->state.etag);
    (void)snprintf(since, sizeof(since), "If-Modified-Since: %s", item->state.last_modified);
    if (current && item->state.etag[0])
        headers[request.header_count++] = match;
    if (current && item->state.last_modified[0])
        headers[request.header_count++] = since;
    job->conditional = request.header_count > 0;
    return sg_http_start(pull->options.http, &request, err);
}

/* A POST, which every responder takes, with any nonce and any length of CertID; RFC 6960 §A.1 leaves the choice. A GET
 * (RFC 5019) would be for caches on the way, whose answers are older than they need to be. */
static enum sg_rc start_post(struct sg_pull *pull, struct job *job, struct sg_pull_item *item, struct sg_err *err)
{
    static const char *const headers[] = {"Content-Type: application/ocsp-request",
                                          "Accept: application/ocsp-response"};
    job->request = (struct sg_buf)SG_BUF(4 * SG_KIB);
    if (RAND_bytes_ex(pull->options.libctx, job->nonce, sizeof(job->nonce), 0) != 1)
        return sg_fail_ssl(err, SG_E_INTERNAL, _("There are no random numbers."));
    enum sg_rc rc = sg_pull_ocsp_request(pull->options.libctx, item->cert, item->issuer,
                                         (struct sg_slice){job->nonce, sizeof(job->nonce)}, &job->request, err);
    if (rc != SG_OK)
        return rc;
    return sg_http_start(pull->options.http,
                         &(struct sg_http_request){.method = "POST",
                                                   .url = item->url,
                                                   .headers = headers,
                                                   .header_count = 2,
                                                   .body_bytes = sg_buf_slice(&job->request),
                                                   .answer = sg_buf_sink(&job->body),
                                                   .max_answer = SG_MAX_OCSP_ANSWER,
                                                   .flags = SG_HTTP_FOLLOW,
                                                   .done = on_done,
                                                   .context = job},
                         err);
}

static void start(struct sg_pull *pull, size_t index)
{
    struct sg_pull_item *item = &pull->plan.items[index];
    struct job *job = &pull->jobs[index];
    struct sg_err why = {0};
    *job = (struct job){.pull = pull, .index = index, .body = SG_BUF(max_answer(item->kind))};
    pull->pending++;
    enum sg_rc rc = item->kind == SG_PULL_OCSP ? start_post(pull, job, item, &why) : start_get(pull, job, item, &why);
    if (rc == SG_OK)
        return;
    pull->pending--;
    sg_buf_clear(&job->request);
    failed(pull, item, &why);
}

/* --- rounds ------------------------------------------------------------------------------------------------------- */

static void plan_clear(struct sg_pull *pull)
{
    for (size_t i = 0; pull->jobs && i < pull->plan.count; i++) {
        sg_buf_clear(&pull->jobs[i].body);
        sg_buf_clear(&pull->jobs[i].request);
    }
    free(pull->jobs);
    pull->jobs = NULL;
    sg_pull_plan_clear(&pull->plan);
    sg_x509_stack_free(pull->certs);
    pull->certs = NULL;
    sg_snapshot_free(pull->snapshot);
    pull->snapshot = NULL;
}

static enum sg_rc plan(struct sg_pull *pull, struct sg_err *err)
{
    const struct sg_pull_options *options = &pull->options;
    const char *list = options->list_signer[0] ? options->list_url : "";
    plan_clear(pull);
    pull->certs = sk_X509_new_null();
    enum sg_rc rc = pull->certs ? sg_snapshot_open(options->state_folder, options->libctx, &pull->snapshot, err)
                                : sg_fail_memory(err);
    if (rc == SG_OK)
        rc = sg_store_certificates(options->store, pull->certs, err);
    if (rc == SG_OK)
        rc = sg_pull_plan_make(options->store, pull->snapshot, options->libctx, list, now_of(pull), &pull->plan, err);
    if (rc != SG_OK)
        return rc;
    pull->jobs = calloc(pull->plan.count + 1, sizeof(*pull->jobs));
    return pull->jobs ? SG_OK : sg_fail_memory(err);
}

/* What was tried in this pull is not tried again in its later rounds. */
static bool is_due(const struct sg_pull *pull, const struct sg_pull_item *item)
{
    bool all = pull->options.all && pull->round == 1;
    return all || sg_pull_is_due(item, now_of(pull));
}

static enum sg_rc begin_round(struct sg_pull *pull, struct sg_err *err)
{
    pull->round++;
    pull->grown = false;
    enum sg_rc rc = plan(pull, err);
    if (rc != SG_OK)
        return rc;
    pull->starting = true;
    for (size_t i = 0; i < pull->plan.count && !pull->result.err; i++)
        if (is_due(pull, &pull->plan.items[i]))
            start(pull, i);
    pull->starting = false;
    return SG_OK;
}

static enum sg_rc publish(struct sg_pull *pull, struct sg_err *err)
{
    enum sg_rc rc = pull->changed ? sg_store_publish(pull->options.store, err) : SG_OK;
    pull->changed = pull->relisted = false;
    return rc;
}

static bool is_planned(void *context, const struct sg_pull_key *key)
{
    const struct sg_pull *pull = context;
    for (size_t i = 0; i < pull->plan.count; i++) {
        const struct sg_pull_item *item = &pull->plan.items[i];
        if (strcmp(sg_pull_kind_word(item->kind), key->kind) == 0 && strcmp(item->url, key->url) == 0 &&
            strcmp(item->about, key->about) == 0)
            return true;
    }
    return false;
}

/* What the configuration has no longer, or no certificate names that is in use, fails no longer either. */
static enum sg_rc forget(struct sg_pull *pull, struct sg_err *err)
{
    bool whole = !pull->result.err && !pull->plan.limited;
    return whole ? sg_pulls_keep(pull->options.store, is_planned, pull, err) : SG_OK;
}

static void finish(struct sg_pull *pull)
{
    struct sg_err err = {0};
    enum sg_rc rc = publish(pull, &err);
    if (rc == SG_OK)
        rc = forget(pull, &err);
    if (rc != SG_OK)
        give_up(pull, &err);
    pull->options.done(pull->options.context, &pull->result);
}

static void round_ended(struct sg_pull *pull)
{
    struct sg_err err = {0};
    while (pull->pending == 0 && pull->grown && pull->round < MAX_ROUNDS && !pull->result.err) {
        enum sg_rc rc = pull->relisted ? publish(pull, &err) : SG_OK;
        if (rc == SG_OK)
            rc = begin_round(pull, &err);
        if (rc != SG_OK)
            give_up(pull, &err);
    }
    if (pull->pending == 0)
        finish(pull);
}

enum sg_rc sg_pull_start(const struct sg_pull_options *options, struct sg_pull **ret, struct sg_err *err)
{
    _cleanup_(sg_pull_freep) struct sg_pull *pull = calloc(1, sizeof(*pull));
    if (!pull)
        return sg_fail_memory(err);
    pull->options = *options;
    enum sg_rc rc = begin_round(pull, err);
    if (rc != SG_OK)
        return rc;
    bool ended = pull->pending == 0;
    struct sg_pull *started = sg_steal(pull);
    *ret = started;
    if (ended)
        round_ended(started);
    return SG_OK;
}

void sg_pull_free(struct sg_pull *pull)
{
    if (!pull)
        return;
    plan_clear(pull);
    free(pull);
}
