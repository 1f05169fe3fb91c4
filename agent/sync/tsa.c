#include "sync/tsa.h"

#include <string.h>

#include "base/limits.h"
#include "base/msg.h"
#include "formats/tsp.h"

struct sg_tsas {
    struct sg_tsas_options options;
    struct sg_tsa_state {
        size_t failures; /* answers in a row that did not hold */
        struct sg_err last;
        bool chain_given;
    } * states; /* one a TSA */
};

/* One time-stamp being asked for. */
struct asking {
    struct sg_tsas *tsas;
    struct sg_stamp_request request;
    size_t next;   /* TSA to ask, after the one that is being asked */
    int64_t since; /* our clock, when that one was asked */
    uint8_t nonce[SG_TSP_NONCE];
    struct sg_buf query, answer;
    struct sg_buf why;     /* what those before said */
    STACK_OF(X509) *chain; /* of the TSA that answers for the first time */
    enum sg_rc rc;         /* what all of them together come to */
};

enum sg_rc sg_tsas_new(const struct sg_tsas_options *options, struct sg_tsas **ret, struct sg_err *err)
{
    _cleanup_(sg_tsas_freep) struct sg_tsas *tsas = calloc(1, sizeof(*tsas));

    if (!tsas)
        return sg_fail_memory(err);
    tsas->options = *options;
    tsas->states = calloc(options->count ? options->count : 1, sizeof(*tsas->states));
    if (!tsas->states)
        return sg_fail_memory(err);
    *ret = sg_steal(tsas);
    return SG_OK;
}

void sg_tsas_free(struct sg_tsas *tsas)
{
    if (!tsas)
        return;
    free(tsas->states);
    free(tsas);
}

static void asking_free(struct asking *asking)
{
    if (!asking)
        return;
    sg_buf_clear(&asking->query);
    sg_buf_clear(&asking->answer);
    sg_buf_clear(&asking->why);
    sg_x509_stack_free(asking->chain);
    free(asking);
}
SG_DEFINE_CLEANUP(struct asking, asking_free)

/* --- failures -------------------------------------------------------------------------------------------------------
 */

static bool is_network(enum sg_rc rc)
{
    return rc == SG_E_NETWORK || rc == SG_E_TIMEOUT || rc == SG_E_CAPTIVE_PORTAL;
}

/* Of several the first TSA's counts, as the one that is meant to answer; but if one could not be reached, a network
 * will help, and that is what is waited for. */
static void note_failure(struct asking *asking, const struct sg_err *err)
{
    if (asking->rc == SG_OK || (is_network(err->rc) && !is_network(asking->rc)))
        asking->rc = err->rc;
    const char *separator = asking->why.len > 0 ? " " : "";
    if (sg_buf_printf(&asking->why, NULL, "%s%s", separator, err->text) != SG_OK)
        return; /* said by those that there is room for */
}

/* The sentence of all of them. */
static enum sg_rc fail_all(struct asking *asking, struct sg_err *err)
{
    const char *text = NULL;

    if (asking->tsas->options.count == 0)
        return sg_fail(err, SG_E_CONFIG, "%s",
                       _("No time-stamping authority is configured; signet.conf(5), [tsa], says how."));
    if (sg_buf_text(&asking->why, &text, err) != SG_OK)
        return err ? err->rc : SG_E_NO_MEMORY;
    return sg_fail(err, asking->rc, "%s", text);
}

/* --- one TSA --------------------------------------------------------------------------------------------------------
 */

static const struct sg_tsa *asked(const struct asking *asking)
{
    return &asking->tsas->options.tsas[asking->next - 1];
}

/* "The time-stamping authority "main" ..." begins what http says of its answer. */
static enum sg_rc fail_answer(const struct asking *asking, const struct sg_http_answer *answer, struct sg_slice body,
                              struct sg_err *err)
{
    char what[256];

    (void)snprintf(what, sizeof(what), _("The time-stamping authority \"%.64s\" gave no time-stamp"),
                   asked(asking)->name);
    return sg_http_fail(answer, body, what, err);
}

/* Once a run is enough for whoever wants to know it. */
static enum sg_rc keep_chain(struct asking *asking, STACK_OF(X509) *chain, struct sg_err *err)
{
    struct sg_tsa_state *state = &asking->tsas->states[asking->next - 1];

    if (state->chain_given || !chain)
        return SG_OK;
    asking->chain = X509_chain_up_ref(chain);
    state->chain_given = asking->chain != NULL;
    return asking->chain ? SG_OK : sg_fail_memory(err);
}

static enum sg_rc judge(struct asking *asking, struct sg_slice token, int64_t *ret_time, struct sg_err *err)
{
    const struct sg_tsa *tsa = asked(asking);
    const struct sg_timestamp_request request = {.kind = asking->request.kind,
                                                 .token = token,
                                                 .sha256 = {asking->request.sha256, SG_SHA256_LEN},
                                                 .nonce = {asking->nonce, sizeof(asking->nonce)},
                                                 .policy = tsa->policy};
    _cleanup_(sg_timestamp_clear) struct sg_timestamp timestamp = {0};
    _cleanup_(sg_buf_clear) struct sg_buf why = SG_BUF(SG_MIB);
    const char *text = NULL;

    enum sg_rc rc = sg_timestamp_judge(asking->tsas->options.verifier, &request, &timestamp, err);
    if (rc == SG_OK && timestamp.verdict.indication == SG_TOTAL_PASSED) {
        *ret_time = timestamp.time;
        return keep_chain(asking, timestamp.verdict.chain, err);
    }
    if (rc == SG_OK)
        rc = sg_timestamp_why(&timestamp, &why, err);
    if (rc == SG_OK)
        rc = sg_buf_text(&why, &text, err);
    if (rc != SG_OK)
        return rc;
    return sg_fail(err, SG_E_BAD_ANSWER, _("The time-stamp of the authority \"%s\" does not hold: %s"), tsa->name,
                   text);
}

static enum sg_rc take_answer(struct asking *asking, struct sg_stamp *ret, struct sg_err *err)
{
    const struct sg_tsa *tsa = asked(asking);
    struct sg_tsp_answer answer = {0};
    struct sg_err cause = {0};

    enum sg_rc rc = sg_tsp_answer_read(sg_buf_slice(&asking->answer), &answer, &cause);
    if (rc == SG_E_MALFORMED || rc == SG_E_LIMIT)
        return sg_fail(err, SG_E_BAD_ANSWER,
                       _("What the time-stamping authority \"%s\" answered is none of the Time-Stamp Protocol: %s"),
                       tsa->name, cause.text);
    if (rc != SG_OK) {
        *err = cause;
        return rc;
    }
    *ret = (struct sg_stamp){
        .token = answer.token,
        .stamped = {.tsa = tsa->name, .asked = asking->since, .answered = sg_clock_now(asking->tsas->options.clock)}};
    if (answer.refusal)
        rc = sg_fail(err, SG_E_SERVER_REFUSED, _("The time-stamping authority \"%s\" gave no time-stamp: %s."),
                     tsa->name, answer.refusal);
    else
        rc = judge(asking, answer.token, &ret->stamped.time, err);
    ret->chain = asking->chain;
    sg_tsp_answer_clear(&answer);
    return rc;
}

static enum sg_rc ask_next(struct asking *asking, struct sg_err *err);

static void done(void *context, const struct sg_http_answer *answer, struct sg_slice error_body,
                 const struct sg_err *http_err)
{
    _cleanup_(asking_freep) struct asking *asking = context;
    struct sg_tsa_state *state = &asking->tsas->states[asking->next - 1];
    struct sg_stamp stamp = {0};
    struct sg_err err;
    enum sg_rc rc = SG_OK;

    if (http_err) {
        err = *http_err;
        rc = err.rc;
    } else if (answer->status != 200 || answer->html) {
        rc = fail_answer(asking, answer, error_body, &err);
    } else {
        rc = take_answer(asking, &stamp, &err);
    }
    state->failures = rc == SG_OK || http_err ? 0 : state->failures + 1; /* http counts its own */
    if (rc == SG_OK) {
        asking->request.done(asking->request.context, &stamp, NULL);
        return;
    }
    state->last = err;
    note_failure(asking, &err);
    if (rc != SG_E_CANCELLED)
        rc = ask_next(asking, &err);
    if (rc != SG_OK)
        asking->request.done(asking->request.context, NULL, &err);
    else
        asking = NULL; /* it is asking on */
}

static enum sg_rc ask(struct asking *asking, struct sg_err *err)
{
    static const char *const headers[] = {"Content-Type: application/timestamp-query",
                                          "Accept: application/timestamp-reply"};
    const struct sg_tsa *tsa = asked(asking);
    struct sg_http_request http = {.method = "POST",
                                   .url = tsa->url,
                                   .headers = headers,
                                   .header_count = sizeof(headers) / sizeof(headers[0]),
                                   .answer = sg_buf_sink(&asking->answer),
                                   .max_answer = SG_MAX_TSA_ANSWER,
                                   .flags = SG_HTTP_CONFIGURED,
                                   .done = done,
                                   .context = asking};

    asking->query.len = asking->answer.len = 0;
    enum sg_rc rc = sg_tsp_request_make(asking->tsas->options.libctx, asking->request.sha256, tsa->policy,
                                        asking->nonce, &asking->query, err);
    if (rc != SG_OK)
        return rc;
    http.body_bytes = sg_buf_slice(&asking->query);
    asking->since = sg_clock_now(asking->tsas->options.clock);
    return sg_http_start(asking->tsas->options.http, &http, err);
}

/* Asks the next TSA that may be asked. One whose answers never hold is left alone like one that never answers. */
static enum sg_rc ask_next(struct asking *asking, struct sg_err *err)
{
    const struct sg_tsas *tsas = asking->tsas;
    struct sg_err failure;

    while (asking->next < tsas->options.count) {
        const struct sg_tsa_state *state = &tsas->states[asking->next++];
        failure = state->last;
        if (state->failures < SG_MAX_SERVER_FAILURES && ask(asking, &failure) == SG_OK)
            return SG_OK;
        note_failure(asking, &failure);
    }
    return fail_all(asking, err);
}

enum sg_rc sg_stamp_start(struct sg_tsas *tsas, const struct sg_stamp_request *request, struct sg_err *err)
{
    _cleanup_(asking_freep) struct asking *asking = calloc(1, sizeof(*asking));
    struct sg_err failure;

    if (!asking)
        return sg_fail_memory(err);
    *asking = (struct asking){.tsas = tsas,
                              .request = *request,
                              .query = SG_BUF(SG_KIB),
                              .answer = SG_BUF(SG_MAX_TSA_ANSWER),
                              .why = SG_BUF(sizeof(failure.text))};
    enum sg_rc rc = ask_next(asking, &failure);
    if (rc == SG_OK)
        asking = NULL;
    else if (err)
        *err = failure;
    return rc;
}
