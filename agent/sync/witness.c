#include "sync/witness.h"

#include <string.h>

#include "base/msg.h"

struct at_target {
    struct sg_witnessing *witnessing;
    const char *name;
    bool stored;
};

struct sg_witnessing {
    struct sg_witnessing_options options;
    struct sg_statement statement;
    struct sg_buf bytes; /* of it */
    uint8_t sha256[SG_SHA256_LEN];
    struct sg_input *input; /* over `bytes` */
    bool stamped;
    struct at_target *targets;
    size_t pending;
    enum sg_rc rc;
    struct sg_err err;
};

void sg_witnessing_free(struct sg_witnessing *witnessing)
{
    if (!witnessing)
        return;
    sg_input_free(witnessing->input);
    sg_buf_clear(&witnessing->bytes);
    free(witnessing->targets);
    free(witnessing);
}

bool sg_witnessing_is_over(const struct sg_witnessing *witnessing)
{
    return witnessing->pending == 0;
}

enum sg_rc sg_witnessing_result(const struct sg_witnessing *witnessing, struct sg_err *err)
{
    if (witnessing->rc != SG_OK && err)
        *err = witnessing->err;
    return witnessing->rc;
}

/* --- outcomes ----------------------------------------------------------------------------------------------------- */

/* What was cancelled is not over: the next run does it. */
static void record_failure(struct sg_witnessing *w, enum sg_witness_kind kind, const char *name,
                           const struct sg_err *why)
{
    if (why->rc != SG_E_CANCELLED && w->rc == SG_OK)
        w->rc = sg_witness_failed(w->options.store, kind, name, why, &w->err);
}

static void record(struct sg_witnessing *w, const struct sg_witness *witness)
{
    if (w->rc == SG_OK)
        w->rc = sg_witness_add(w->options.store, witness, &w->err);
}

static void stamped(void *context, const struct sg_stamp *stamp, const struct sg_err *err)
{
    struct sg_witnessing *w = context;

    w->pending--;
    if (!stamp) {
        record_failure(w, SG_WITNESS_TSA, "", err);
        return;
    }
    record(w, &(struct sg_witness){.statement = w->statement,
                                   .kind = SG_WITNESS_TSA,
                                   .name = stamp->stamped.tsa,
                                   .url = "",
                                   .time = stamp->stamped.time,
                                   .token = stamp->token});
    if (w->rc == SG_OK)
        w->rc = sg_clock_compare(w->options.store, &stamp->stamped, &w->err);
}

static void stored(void *context, const struct sg_receipt *receipt, const struct sg_err *err)
{
    const struct at_target *target = context;
    struct sg_witnessing *w = target->witnessing;

    w->pending--;
    if (err)
        record_failure(w, SG_WITNESS_TARGET, target->name, err);
    else
        record(w, &(struct sg_witness){.statement = w->statement,
                                       .kind = SG_WITNESS_TARGET,
                                       .name = target->name,
                                       .url = receipt->url,
                                       .time = receipt->compared});
}

/* --- starting ----------------------------------------------------------------------------------------------------- */

static enum sg_rc take_witness(void *context, const struct sg_witness *witness, struct sg_err *err)
{
    struct sg_witnessing *w = context;

    (void)err;
    w->stamped |= witness->kind == SG_WITNESS_TSA;
    for (size_t i = 0; witness->kind == SG_WITNESS_TARGET && i < w->options.target_count; i++)
        w->targets[i].stored |= strcmp(w->targets[i].name, witness->name) == 0;
    return SG_OK;
}

static void start_stamp(struct sg_witnessing *w)
{
    struct sg_stamp_request request = {.kind = "ledger", .done = stamped, .context = w};
    struct sg_err why;

    memcpy(request.sha256, w->sha256, sizeof(request.sha256));
    w->pending++;
    if (sg_stamp_start(w->options.tsas, &request, &why) != SG_OK) {
        w->pending--;
        record_failure(w, SG_WITNESS_TSA, "", &why);
    }
}

static void start_upload(struct sg_witnessing *w, size_t index)
{
    struct sg_upload upload = {.http = w->options.http,
                               .bytes = w->input,
                               .store = w->options.store,
                               .clock = w->options.clock,
                               .libctx = w->options.libctx,
                               .done = stored,
                               .context = &w->targets[index]};
    struct sg_err why;

    sg_hex(w->sha256, sizeof(w->sha256), upload.sha256);
    w->pending++;
    if (w->options.open(w->options.context, index, &upload.target, &why) != SG_OK ||
        sg_upload_start(&upload, &why) != SG_OK) {
        w->pending--;
        record_failure(w, SG_WITNESS_TARGET, w->targets[index].name, &why);
    }
}

static enum sg_rc start(struct sg_witnessing *w, struct sg_err *err)
{
    const struct sg_ledger_range its = {w->statement.number, w->statement.number};
    enum sg_rc rc = sg_witness_read(w->options.store, its, (struct sg_witness_reader){take_witness, w}, err);

    if (rc == SG_OK)
        rc = sg_statement_write(&w->statement, &w->bytes, err);
    if (rc == SG_OK)
        rc = sg_statement_sha256(&w->statement, w->options.libctx, w->sha256, err);
    if (rc == SG_OK)
        rc = sg_input_from_slice("signet.ledger-head/1", sg_buf_slice(&w->bytes), &w->input, err);
    if (rc != SG_OK)
        return rc;
    if (w->options.tsas && !w->stamped)
        start_stamp(w);
    for (size_t i = 0; i < w->options.target_count; i++)
        if (!w->targets[i].stored)
            start_upload(w, i);
    return SG_OK; /* from here on what goes wrong is in the result */
}

static bool is_asked(void *context, enum sg_witness_kind kind, const char *name)
{
    const struct sg_witnessing_options *options = context;

    if (kind == SG_WITNESS_TSA)
        return options->tsas != NULL;
    for (size_t i = 0; i < options->target_count; i++)
        if (strcmp(options->targets[i], name) == 0)
            return true;
    return false;
}

enum sg_rc sg_witnessing_start(const struct sg_witnessing_options *options, struct sg_witnessing **ret,
                               struct sg_err *err)
{
    _cleanup_(sg_witnessing_freep) struct sg_witnessing *w = calloc(1, sizeof(*w));
    bool any = false;

    if (!w || !(w->targets = calloc(options->target_count + 1, sizeof(*w->targets))))
        return sg_fail_memory(err);
    w->options = *options;
    w->bytes.max = SG_MAX_STATEMENT;
    for (size_t i = 0; i < options->target_count; i++)
        w->targets[i] = (struct at_target){.witnessing = w, .name = options->targets[i]};
    enum sg_rc rc = sg_witness_failures_keep(options->store, is_asked, &w->options, err);
    if (rc == SG_OK && (options->tsas || options->target_count > 0))
        rc = sg_witness_begin(options->store, &w->statement, &any, err);
    if (rc == SG_OK && any)
        rc = start(w, err);
    if (rc == SG_OK)
        *ret = sg_steal(w);
    return rc;
}
