#include "cli/log_check.h"

#include <stdarg.h>
#include <string.h>

#include "base/limits.h"
#include "base/msg.h"
#include "cli/findings.h"

/* Of what is wrong, the newest of each kind are said; the rest is counted. */
#define MAX_SAID 10

enum met {
    MET_NOTHING,   /* its entry is not there */
    MET_ITS_ENTRY, /* and all before it is as it was */
    MET_ANOTHER,   /* in its entry's place */
    MET_BEHIND,    /* its entry stands behind one that does not fit */
};

struct sg_witness_item {
    struct sg_statement statement;
    enum sg_witness_kind kind; /* not of a file */
    bool *from_file;           /* NULL: it is not from one; else set when its entry is met */
    char *name;                /* of TSA or target; of a file its path */
    char *url;
    int64_t time;
    uint8_t *token; /* NULL: the store has it, if there is one */
    size_t token_len;
    enum met met;
};

enum sg_rc sg_log_check_init(struct sg_log_check *check, struct sg_app *app, struct sg_verifier *verifier,
                             const char *name, struct sg_err *err)
{
    *check = (struct sg_log_check){.app = app, .verifier = verifier, .name = name, .findings = json_array()};
    if (!check->findings)
        return sg_fail_memory(err);
    return sg_ledger_chain_init(&check->chain, app->libctx, err);
}

void sg_log_check_clear(struct sg_log_check *check)
{
    for (size_t i = 0; i < check->item_count; i++) {
        free(check->items[i].name);
        free(check->items[i].url);
        free(check->items[i].token);
    }
    free(check->items);
    json_decref(check->findings);
    sg_ledger_chain_clear(&check->chain);
    *check = (struct sg_log_check){0};
}

/* --- findings ----------------------------------------------------------------------------------------------------- */

/* `kind` for what is about no witness in particular. */
SG_PRINTF(6, 7)
static enum sg_rc find(struct sg_log_check *check, enum sg_found found, const char *kind,
                       const struct sg_witness_item *item, struct sg_err *err, const char *format, ...)
{
    char text[1024];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (item)
        kind = item->from_file ? "file" : sg_witness_kind_word(item->kind);
    check->wrong |= found == SG_FOUND_WRONG;
    json_t *finding = json_pack("{s:s, s:s, s:o, s:o, s:o, s:o}", "check", kind, "result", sg_found_text(found),
                                "number", item ? json_integer(item->statement.number) : json_null(), "name",
                                sg_json_text(item ? item->name : NULL), "time",
                                item ? sg_json_time(item->time) : json_null(), "text", sg_json_text(text));
    return finding && json_array_append_new(check->findings, finding) == 0 ? SG_OK : sg_fail_memory(err);
}

static void say(const struct sg_log_check *check)
{
    const struct sg_voice *voice = &check->app->voice;
    const json_t *finding = NULL;
    size_t i = 0;

    sg_say(voice, _("%s: %lld entries of the ledger %s"), check->name, (long long)check->chain.count, check->id);
    json_array_foreach(check->findings, i, finding)
    {
        sg_say(voice, "  %-7s  %-6s  %s", json_string_value(json_object_get(finding, "result")),
               json_string_value(json_object_get(finding, "check")),
               json_string_value(json_object_get(finding, "text")));
    }
}

static int64_t unwitnessed(const struct sg_log_check *check)
{
    if (check->chain.count == 0)
        return 0;
    return check->witnessed > 0 ? check->range.last - check->witnessed : check->chain.count;
}

static json_t *number_or_null(int64_t number)
{
    return number > 0 ? json_integer(number) : json_null();
}

static enum sg_rc print_json(const struct sg_log_check *check, struct sg_err *err)
{
    json_t *object =
        json_pack("{s:s, s:o, s:s, s:I, s:o, s:o, s:o, s:o, s:I, s:s, s:O, s:s}", "schema", "signet.log-check/1",
                  "source", sg_json_text(check->name), "store", check->id, "entries", (json_int_t)check->chain.count,
                  "first", number_or_null(check->range.first), "last", number_or_null(check->range.last), "bad",
                  number_or_null(check->chain.bad), "witnessed", number_or_null(check->witnessed), "unwitnessed",
                  (json_int_t)unwitnessed(check), "result", check->wrong ? "wrong" : "ok", "findings", check->findings,
                  "note", sg_ledger_note());

    return sg_json_print(&check->app->voice, object) ? SG_OK : sg_fail_memory(err);
}

/* --- witnesses ---------------------------------------------------------------------------------------------------- */

static enum sg_rc add_item(struct sg_log_check *check, const struct sg_witness *witness, bool *from_file,
                           struct sg_err *err)
{
    if (check->item_count >= SG_MAX_WITNESSES)
        return sg_fail(err, SG_E_LIMIT, _("\"%s\" has too many witnesses."), check->name);
    if (check->item_count % 256 == 0) {
        struct sg_witness_item *more = realloc(check->items, (check->item_count + 256) * sizeof(*more));
        if (!more)
            return sg_fail_memory(err);
        check->items = more;
    }
    struct sg_witness_item *item = &check->items[check->item_count];
    bool keeps = !check->store && witness->token.len > 0;
    *item = (struct sg_witness_item){.statement = witness->statement,
                                     .kind = witness->kind,
                                     .from_file = from_file,
                                     .name = strdup(witness->name),
                                     .url = strdup(witness->url),
                                     .time = witness->time,
                                     .token = keeps ? malloc(witness->token.len) : NULL,
                                     .token_len = keeps ? witness->token.len : 0};
    check->item_count++;
    if (!item->name || !item->url || (keeps && !item->token))
        return sg_fail_memory(err);
    if (keeps)
        memcpy(item->token, witness->token.data, item->token_len);
    return SG_OK;
}

enum sg_rc sg_log_check_witness(void *context, const struct sg_witness *witness, struct sg_err *err)
{
    return add_item(context, witness, NULL, err);
}

enum sg_rc sg_log_check_statement(struct sg_log_check *check, const char *path, const struct sg_statement *statement,
                                  bool *met, struct sg_err *err)
{
    const struct sg_witness witness = {
        .statement = *statement, .kind = SG_WITNESS_TARGET, .name = path, .url = "", .time = statement->time};

    return add_item(check, &witness, met, err);
}

static int by_number(const void *a, const void *b)
{
    const struct sg_witness_item *one = a, *two = b;

    return (one->statement.number > two->statement.number) - (one->statement.number < two->statement.number);
}

/* --- entries ------------------------------------------------------------------------------------------------------ */

/* Numbers of a ledger that was changed may go anywhere: whatever is passed by has not met its entry. */
static void meet(struct sg_log_check *check, int64_t number)
{
    const struct sg_slice hash = {check->chain.hash, SG_SHA256_LEN};

    for (; check->item_next < check->item_count; check->item_next++) {
        struct sg_witness_item *item = &check->items[check->item_next];
        if (item->statement.number > number)
            break;
        if (item->statement.number < number)
            continue;
        if (item->from_file)
            *item->from_file = true;
        if (check->chain.bad != 0)
            item->met = MET_BEHIND;
        else
            item->met = sg_slice_equal(hash, (struct sg_slice){item->statement.hash, SG_SHA256_LEN}) ? MET_ITS_ENTRY
                                                                                                     : MET_ANOTHER;
    }
}

enum sg_rc sg_log_check_entry(void *context, const struct sg_ledger_record *record, struct sg_err *err)
{
    struct sg_log_check *check = context;

    if (check->chain.count == 0) {
        if (check->items) /* qsort(3) wants some place even for nothing */
            qsort(check->items, check->item_count, sizeof(*check->items), by_number);
        check->range.first = record->number;
        if (check->believes_first && !sg_ledger_chain_begin_at(&check->chain, record))
            check->chain.bad = 1;
    }
    enum sg_rc rc = sg_ledger_chain_take(&check->chain, record, err);
    if (rc != SG_OK)
        return rc;
    check->range.last = record->number;
    meet(check, record->number);
    return SG_OK;
}

/* --- conclusions -------------------------------------------------------------------------------------------------- */

static enum sg_rc conclude_chain(struct sg_log_check *check, struct sg_err *err)
{
    if (check->chain.bad != 0)
        return find(check, SG_FOUND_WRONG, "chain", NULL, err,
                    _("Entry %lld is not as it was recorded: it was changed, or entries were taken away, put in or "
                      "moved. Tell the security officer."),
                    (long long)check->chain.bad);
    if (check->chain.count == 0)
        return find(check, SG_FOUND_OK, "chain", NULL, err, "%s", _("There are no entries."));
    if (check->believes_first && (check->range.first != check->said.first || check->range.last != check->said.last))
        return find(check, SG_FOUND_WRONG, "chain", NULL, err,
                    _("The export says that it has entries %lld to %lld, and has %lld to %lld: some were cut off."),
                    (long long)check->said.first, (long long)check->said.last, (long long)check->range.first,
                    (long long)check->range.last);
    return find(check, SG_FOUND_OK, "chain", NULL, err,
                _("Entries %lld to %lld are whole: each follows the one before."), (long long)check->range.first,
                (long long)check->range.last);
}

static enum sg_rc tell_gone(struct sg_log_check *check, const struct sg_witness_item *item, struct sg_err *err)
{
    char time[SG_TIME_TEXT];
    long long number = (long long)item->statement.number;

    if (check->one_of_many && item->from_file)
        return find(check, SG_FOUND_UNKNOWN, NULL, item, err, _("%s is about entry %lld, which is not here."),
                    item->name, number);
    if (check->chain.count > 0 && item->statement.number < check->range.first)
        return find(check, SG_FOUND_WRONG, NULL, item, err,
                    _("%s is about entry %lld, which is before the first one here."), item->name, number);
    return find(check, SG_FOUND_WRONG, NULL, item, err,
                _("%s knew of entry %lld at %s, but the last one here is %lld: the newest were cut off, or an older "
                  "copy was put back. Tell the security officer."),
                item->name, number, sg_time_text(item->time, time), (long long)check->range.last);
}

/* What speaks against the ledger. */
static enum sg_rc tell_against(struct sg_log_check *check, const struct sg_witness_item *item, struct sg_err *err)
{
    char time[SG_TIME_TEXT];

    if (strcmp(item->statement.store, check->id) != 0)
        return find(check, SG_FOUND_WRONG, NULL, item, err, _("%s is about another ledger, that of %s."), item->name,
                    item->statement.store);
    if (item->met == MET_ANOTHER)
        return find(check, SG_FOUND_WRONG, NULL, item, err,
                    _("Entry %lld is another than the one that %s knew of at %s: the ledger was written anew. Tell the "
                      "security officer."),
                    (long long)item->statement.number, item->name, sg_time_text(item->time, time));
    return tell_gone(check, item, err);
}

static bool is_against(const struct sg_log_check *check, const struct sg_witness_item *item)
{
    return strcmp(item->statement.store, check->id) != 0 || item->met == MET_ANOTHER || item->met == MET_NOTHING;
}

static enum sg_rc conclude_against(struct sg_log_check *check, struct sg_err *err)
{
    size_t said = 0, unsaid = 0;
    enum sg_rc rc = SG_OK;

    for (size_t i = check->item_count; rc == SG_OK && i-- > 0;) {
        const struct sg_witness_item *item = &check->items[i];
        if (!is_against(check, item))
            continue;
        if (said++ < MAX_SAID || item->from_file)
            rc = tell_against(check, item, err);
        else
            unsaid++;
    }
    if (rc == SG_OK && unsaid > 0)
        rc = find(check, SG_FOUND_WRONG, "witness", NULL, err, _("%zu older witnesses do not fit either."), unsaid);
    return rc;
}

/* --- time-stamps -------------------------------------------------------------------------------------------------- */

static enum sg_rc take_token(void *context, const struct sg_witness *witness, struct sg_err *err)
{
    return witness->kind == SG_WITNESS_TSA && ((struct sg_buf *)context)->len == 0
               ? sg_buf_append(context, witness->token.data, witness->token.len, err)
               : SG_OK;
}

static enum sg_rc find_token(const struct sg_log_check *check, const struct sg_witness_item *item, struct sg_buf *out,
                             struct sg_err *err)
{
    const struct sg_ledger_range one = {item->statement.number, item->statement.number};

    return check->store ? sg_witness_read(check->store, one, (struct sg_witness_reader){take_token, out}, err)
                        : sg_buf_append(out, item->token, item->token_len, err);
}

/* What a verdict is worth: only one that passed says that the entries were there. */
static enum sg_rc tell_stamp(struct sg_log_check *check, const struct sg_witness_item *item,
                             const struct sg_timestamp *stamp, bool *ret_good, struct sg_err *err)
{
    _cleanup_(sg_buf_clear) struct sg_buf why = SG_BUF(SG_MAX_NAME_TEXT);
    enum sg_indication indication = stamp->verdict.indication;
    long long number = (long long)item->statement.number;
    char time[SG_TIME_TEXT];
    const char *text = "";

    *ret_good = indication == SG_TOTAL_PASSED;
    if (*ret_good)
        return find(check, SG_FOUND_OK, NULL, item, err,
                    _("Entry %lld and all before it were there at %s, says a time-stamp by %s."), number,
                    sg_time_text(stamp->time, time), item->name);
    enum sg_rc rc = sg_timestamp_why(stamp, &why, err);
    if (rc == SG_OK)
        rc = sg_buf_text(&why, &text, err);
    if (rc != SG_OK)
        return rc;
    return find(check, indication == SG_TOTAL_FAILED ? SG_FOUND_WRONG : SG_FOUND_UNKNOWN, NULL, item, err,
                _("The time-stamp of entry %lld by %s does not hold: %s"), number, item->name, text);
}

static enum sg_rc judge(struct sg_log_check *check, const struct sg_witness_item *item, bool *ret_good,
                        struct sg_err *err)
{
    _cleanup_(sg_buf_clear) struct sg_buf token = SG_BUF(SG_MAX_TIMESTAMP);
    _cleanup_(sg_buf_clear) struct sg_buf statement = SG_BUF(SG_MAX_STATEMENT);
    struct sg_timestamp stamp = {0};

    enum sg_rc rc = find_token(check, item, &token, err);
    if (rc == SG_OK)
        rc = sg_statement_write(&item->statement, &statement, err);
    if (rc != SG_OK)
        return rc;
    const struct sg_timestamp_request request = {
        .kind = "ledger", .token = sg_buf_slice(&token), .data = sg_buf_slice(&statement)};
    rc = sg_timestamp_judge(check->verifier, &request, &stamp, err);
    if (rc == SG_OK)
        rc = tell_stamp(check, item, &stamp, ret_good, err);
    sg_timestamp_clear(&stamp);
    return rc;
}

/* --- what speaks for it ------------------------------------------------------------------------------------------- */

static void witnessed(struct sg_log_check *check, const struct sg_witness_item *item)
{
    if (item->statement.number > check->witnessed)
        check->witnessed = item->statement.number;
}

static bool is_for(const struct sg_log_check *check, const struct sg_witness_item *item)
{
    return item->met == MET_ITS_ENTRY && !is_against(check, item);
}

/* The newest time-stamp that is good says all that older ones could. */
static enum sg_rc conclude_timestamps(struct sg_log_check *check, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;
    bool good = false;
    size_t judged = 0;

    for (size_t i = check->item_count; rc == SG_OK && !good && judged < MAX_SAID && i-- > 0;) {
        const struct sg_witness_item *item = &check->items[i];
        if (item->from_file || item->kind != SG_WITNESS_TSA || !is_for(check, item))
            continue;
        judged++;
        rc = judge(check, item, &good, err);
        if (good)
            witnessed(check, item);
        else if (!check->wrong && check->stamped == 0)
            check->stamped = item->statement.number;
    }
    return rc;
}

static bool is_newest_of_target(const struct sg_log_check *check, size_t index)
{
    const struct sg_witness_item *item = &check->items[index];

    for (size_t i = index + 1; i < check->item_count; i++)
        if (!check->items[i].from_file && check->items[i].kind == SG_WITNESS_TARGET &&
            is_for(check, &check->items[i]) && strcmp(check->items[i].name, item->name) == 0)
            return false;
    return true;
}

static enum sg_rc conclude_copies(struct sg_log_check *check, struct sg_err *err)
{
    char time[SG_TIME_TEXT];
    enum sg_rc rc = SG_OK;

    for (size_t i = check->item_count; rc == SG_OK && i-- > 0;) {
        const struct sg_witness_item *item = &check->items[i];
        long long number = (long long)item->statement.number;
        if (!is_for(check, item) || (!item->from_file && item->kind == SG_WITNESS_TSA))
            continue;
        if (item->from_file)
            rc = find(check, SG_FOUND_OK, NULL, item, err, _("Entry %lld and all before it are as %s says."), number,
                      item->name);
        else if (is_newest_of_target(check, i))
            rc = find(check, SG_FOUND_OK, NULL, item, err,
                      _("Entry %lld and all before it are stated at the target %s since %s: %s"), number, item->name,
                      sg_time_text(item->time, time), item->url);
        else
            continue;
        witnessed(check, item);
    }
    return rc;
}

static enum sg_rc conclude_rest(struct sg_log_check *check, struct sg_err *err)
{
    long long rest = (long long)unwitnessed(check);

    if (check->chain.bad != 0 || rest == 0)
        return SG_OK;
    if (check->stamped > check->witnessed)
        return find(check, SG_FOUND_UNKNOWN, "witness", NULL, err,
                    _("Entries up to %lld have a time-stamp that cannot be judged here, for want of what is said "
                      "above; signet sync fetches it where the TSA's certificates name a place, and signet trust add "
                      "puts it in."),
                    (long long)check->stamped);
    if (check->witnessed == 0)
        return find(check, SG_FOUND_UNKNOWN, "witness", NULL, err, "%s",
                    _("No entry is witnessed: that the newest were cut off, or all was written anew, would not show. "
                      "signet sync has it witnessed."));
    return find(check, SG_FOUND_UNKNOWN, "witness", NULL, err,
                _("Entries after %lld are not witnessed yet (%lld); signet sync has them witnessed."),
                (long long)check->witnessed, rest);
}

enum sg_rc sg_log_check_conclude(struct sg_log_check *check, struct sg_err *err)
{
    enum sg_rc rc = conclude_chain(check, err);

    if (rc == SG_OK)
        rc = conclude_against(check, err);
    if (rc == SG_OK)
        rc = conclude_timestamps(check, err);
    if (rc == SG_OK)
        rc = conclude_copies(check, err);
    if (rc == SG_OK)
        rc = conclude_rest(check, err);
    if (rc != SG_OK)
        return rc;
    say(check);
    return print_json(check, err);
}
