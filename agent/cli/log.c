/* signet log: what was done with which key, and whether that is still what was recorded. */
#include <string.h>

#include "base/input.h"
#include "base/limits.h"
#include "base/msg.h"
#include "cli/commands.h"
#include "cli/judging.h"
#include "cli/log_check.h"

static const struct sg_option options[] = {
    {.name = "since", .argument = "TIME", .help = N_("from the first entry at this time or later (RFC 3339)")},
    {.name = "until", .argument = "TIME", .help = N_("to the last entry before this time")},
    {.name = "last", .argument = "N", .help = N_("the last N of them")},
    {.name = "check", .help = N_("recompute the chain, of the store or of exports, and compare it with its witnesses")},
    {.name = "witness",
     .argument = "FILE",
     .repeatable = true,
     .help = N_("with --check: a statement about the ledger, fetched from where it was stored")},
    {.name = "anchor",
     .argument = "FILE",
     .repeatable = true,
     .help = N_("with --check: trust these certificates for time-stamps, not the stored anchors")},
    {.name = "crl", .argument = "FILE", .repeatable = true, .help = N_("with --check: further revocation lists")},
    {.name = "export",
     .argument = "FILE",
     .writes = true,
     .help = N_("write them to FILE.csv or FILE.json, which can be checked without the store")},
    {.name = "force", .help = N_("with --export: replace the file if it exists")},
    {0},
};

/* --- what is meant ------------------------------------------------------------------------------------------------ */

static enum sg_rc time_option(const struct sg_args *args, const char *name, int64_t otherwise, int64_t *ret,
                              struct sg_err *err)
{
    const char *text = sg_args_value(args, name);

    *ret = otherwise;
    return text ? sg_time_parse(text, ret, err) : SG_OK;
}

static enum sg_rc last_option(const struct sg_args *args, int64_t *ret, struct sg_err *err)
{
    const char *text = sg_args_value(args, "last");
    size_t digits = text ? strspn(text, "0123456789") : 0;

    *ret = INT64_MAX;
    if (!text)
        return SG_OK;
    if (digits == 0 || digits > 18 || text[digits] != '\0')
        return sg_fail(err, SG_E_USAGE, _("--last wants a number of entries, not \"%s\"."), text);
    *ret = strtoll(text, NULL, 10);
    return SG_OK;
}

static enum sg_rc find_range(struct sg_store *store, const struct sg_args *args, struct sg_ledger_range *ret,
                             struct sg_err *err)
{
    int64_t since, until, last;

    enum sg_rc rc = time_option(args, "since", INT64_MIN, &since, err);
    if (rc == SG_OK)
        rc = time_option(args, "until", INT64_MAX, &until, err);
    if (rc == SG_OK)
        rc = last_option(args, &last, err);
    if (rc == SG_OK)
        rc = sg_ledger_find(store, since, until, ret, err);
    if (rc == SG_OK && ret->last >= ret->first && last < ret->last - ret->first + 1)
        ret->first = ret->last - last + 1;
    return rc;
}

/* Options that say nothing together are refused: somebody meant something by them. */
static enum sg_rc check_options(const struct sg_args *args, struct sg_err *err)
{
    bool check = sg_args_flag(args, "check"), writes = sg_args_flag(args, "export");
    bool selects = sg_args_flag(args, "since") || sg_args_flag(args, "until") || sg_args_flag(args, "last");

    if (check && (writes || selects))
        return sg_fail(err, SG_E_USAGE, "%s",
                       _("--check looks at all entries, and goes with no option but --witness."));
    if (!check && (sg_args_flag(args, "witness") || sg_args_flag(args, "anchor") || sg_args_flag(args, "crl") ||
                   sg_args_file_count(args) > 0))
        return sg_fail(err, SG_E_USAGE, "%s", _("--witness, --anchor, --crl and exports are for --check."));
    if (!writes && sg_args_flag(args, "force"))
        return sg_fail(err, SG_E_USAGE, "%s", _("--force is for --export."));
    return SG_OK;
}

/* --- printing ----------------------------------------------------------------------------------------------------- */

static enum sg_rc print_json(const struct sg_voice *voice, const struct sg_ledger_record *record, struct sg_err *err)
{
    json_t *object = sg_ledger_entry_json(record);

    if (object && json_object_set_new(object, "schema", json_string("signet.log/1")) != 0) {
        json_decref(object);
        object = NULL;
    }
    return sg_json_print(voice, object) ? SG_OK : sg_fail_memory(err);
}

static enum sg_rc print_entry(void *context, const struct sg_ledger_record *record, struct sg_err *err)
{
    const struct sg_voice *voice = context;
    char time[SG_TIME_TEXT];
    int len[SG_LEDGER_TEXTS];
    const char *at[SG_LEDGER_TEXTS];

    if (voice->json)
        return print_json(voice, record, err);
    for (size_t i = 0; i < SG_LEDGER_TEXTS; i++) {
        struct sg_slice text = record->texts[i];
        at[i] = text.len > 0 ? (const char *)text.data : "";
        len[i] = text.len < SG_MAX_NAME_TEXT ? (int)text.len : (int)SG_MAX_NAME_TEXT;
    }
#define TEXT(which) len[SG_LEDGER_##which], at[SG_LEDGER_##which]
    sg_say(voice, "%lld  %s  %.*s%s%.*s%s  %.*s", (long long)record->number, sg_time_text(record->time, time),
           TEXT(EVENT), len[SG_LEDGER_CODE] ? " [" : "", TEXT(CODE), len[SG_LEDGER_CODE] ? "]" : "", TEXT(OBJECT));
    if (len[SG_LEDGER_DETAIL])
        sg_say(voice, "    %.*s", TEXT(DETAIL));
    if (len[SG_LEDGER_TOKEN] || len[SG_LEDGER_KEY])
        sg_say(voice, _("    token %.*s, key %.*s"), TEXT(TOKEN), TEXT(KEY));
#undef TEXT
    return sg_check_cancelled(err);
}

static enum sg_rc print_entries(struct sg_app *app, const struct sg_args *args, struct sg_err *err)
{
    _cleanup_(sg_store_freep) struct sg_store *store = NULL;
    struct sg_ledger_range range;

    enum sg_rc rc = sg_app_store(app, &store, err);
    if (rc == SG_OK)
        rc = find_range(store, args, &range, err);
    if (rc == SG_OK)
        rc = sg_ledger_read(store, range, (struct sg_ledger_reader){print_entry, &app->voice}, err);
    return rc;
}

/* --- exporting ---------------------------------------------------------------------------------------------------- */

static enum sg_rc export_entries(struct sg_app *app, const struct sg_args *args, struct sg_err *err)
{
    _cleanup_(sg_store_freep) struct sg_store *store = NULL;
    const char *path = sg_args_value(args, "export");
    size_t entries = 0, witnesses = 0;
    struct sg_ledger_range range;

    enum sg_rc rc = sg_app_store(app, &store, err);
    if (rc == SG_OK)
        rc = find_range(store, args, &range, err);
    if (rc == SG_OK && range.last < range.first)
        rc = sg_fail(err, SG_E_NOT_FOUND, "%s", _("There is no entry in that time."));
    if (rc == SG_OK)
        rc = sg_ledger_export(store, range, sg_clock_now(&app->clock), path, sg_args_flag(args, "force"), &entries,
                              &witnesses, err);
    if (rc != SG_OK)
        return rc;
    sg_say(&app->voice, _("%s: entries %lld to %lld, with %zu witnesses."), path, (long long)range.first,
           (long long)range.last, witnesses);
    sg_say(&app->voice, "%s", sg_ledger_note());
    json_t *object = json_pack("{s:s, s:o, s:I, s:I, s:I, s:s}", "schema", "signet.log-export/1", "file",
                               sg_json_text(path), "first", (json_int_t)range.first, "last", (json_int_t)range.last,
                               "witnesses", (json_int_t)witnesses, "note", sg_ledger_note());
    return sg_json_print(&app->voice, object) ? SG_OK : sg_fail_memory(err);
}

/* --- checking ----------------------------------------------------------------------------------------------------- */

/* `met` has room for each. */
static enum sg_rc take_statements(struct sg_log_check *check, const struct sg_args *args, bool *met, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;

    for (size_t i = 0; rc == SG_OK && i < sg_args_count(args, "witness"); i++) {
        _cleanup_(sg_input_freep) struct sg_input *input = NULL;
        _cleanup_(sg_buf_clear) struct sg_buf bytes = SG_BUF(SG_MAX_STATEMENT);
        const char *path = sg_args_item(args, "witness", i);
        struct sg_statement statement;

        rc = sg_input_open(path, &input, err);
        if (rc == SG_OK)
            rc = sg_input_read_all(input, &bytes, err);
        if (rc == SG_OK)
            rc = sg_statement_read(path, sg_buf_slice(&bytes), &statement, err);
        if (rc == SG_OK)
            rc = sg_log_check_statement(check, path, &statement, &met[i], err);
    }
    return rc;
}

/* Witnesses first: what is witnessed meanwhile is about entries that will be there when they are read. */
static enum sg_rc check_store(struct sg_log_check *check, const struct sg_args *args, bool *met, struct sg_err *err)
{
    _cleanup_(sg_store_freep) struct sg_store *store = NULL;

    enum sg_rc rc = sg_app_store(check->app, &store, err);
    if (rc == SG_OK)
        rc = sg_store_id(store, check->id, err);
    check->store = store;
    if (rc == SG_OK)
        rc = sg_witness_read(store, SG_LEDGER_ALL, (struct sg_witness_reader){sg_log_check_witness, check}, err);
    if (rc == SG_OK)
        rc = take_statements(check, args, met, err);
    if (rc == SG_OK)
        rc = sg_ledger_read(store, SG_LEDGER_ALL, (struct sg_ledger_reader){sg_log_check_entry, check}, err);
    if (rc == SG_OK)
        rc = sg_log_check_conclude(check, err);
    check->store = NULL;
    return rc;
}

static enum sg_rc take_about(void *context, const struct sg_ledger_about *about, struct sg_err *err)
{
    struct sg_log_check *check = context;

    (void)err;
    memcpy(check->id, about->store, sizeof(check->id));
    check->believes_first = true;
    check->said = about->range;
    return SG_OK;
}

static enum sg_rc check_export(struct sg_log_check *check, const struct sg_args *args, bool *met, struct sg_err *err)
{
    const struct sg_ledger_file_reader reader = {
        .about = take_about, .witness = sg_log_check_witness, .entry = sg_log_check_entry, .context = check};

    enum sg_rc rc = take_statements(check, args, met, err);
    if (rc == SG_OK)
        rc = sg_ledger_file_read(check->name, reader, err);
    return rc == SG_OK ? sg_log_check_conclude(check, err) : rc;
}

/* `export` NULL: the store. */
static enum sg_rc check_one(struct sg_app *app, const struct sg_args *args, struct sg_verifier *verifier,
                            const char *export, bool *met, bool *wrong, struct sg_err *err)
{
    _cleanup_(sg_log_check_clear) struct sg_log_check check = {0};
    enum sg_rc rc = sg_log_check_init(&check, app, verifier, export ? export : app->paths.state, err);

    check.one_of_many = sg_args_file_count(args) > 1;
    if (rc == SG_OK)
        rc = export ? check_export(&check, args, met, err) : check_store(&check, args, met, err);
    *wrong |= check.wrong;
    return rc;
}

/* A statement whose entry no export has is about what was cut off, as far as anybody can tell. */
static bool all_met(const struct sg_app *app, const struct sg_args *args, const bool *met)
{
    bool all = true;

    for (size_t i = 0; i < sg_args_count(args, "witness"); i++) {
        all &= met[i];
        if (!met[i])
            sg_say(&app->voice, _("%s: the entry that it is about is nowhere here."), sg_args_item(args, "witness", i));
    }
    return all;
}

static enum sg_rc check_all(struct sg_app *app, const struct sg_args *args, bool *wrong, struct sg_err *err)
{
    _cleanup_(sg_judging_clear) struct sg_judging judging = {0};
    _cleanup_(freep) bool *met = calloc(sg_args_count(args, "witness") + 1, sizeof(*met));
    size_t count = sg_args_file_count(args);

    enum sg_rc rc = met ? sg_judging_init(app, args, NULL, &judging, err) : sg_fail_memory(err);
    if (rc == SG_OK && count == 0)
        rc = check_one(app, args, judging.verifier, NULL, met, wrong, err);
    for (size_t i = 0; rc == SG_OK && i < count; i++)
        rc = check_one(app, args, judging.verifier, sg_args_file(args, i), met, wrong, err);
    if (rc == SG_OK && count > 1)
        *wrong |= !all_met(app, args, met);
    return rc;
}

/* --- the command -------------------------------------------------------------------------------------------------- */

static int run(struct sg_app *app, const struct sg_args *args)
{
    struct sg_err err = {0};
    bool wrong = false;

    enum sg_rc rc = check_options(args, &err);
    if (rc == SG_OK && sg_args_flag(args, "check"))
        rc = check_all(app, args, &wrong, &err);
    else if (rc == SG_OK && sg_args_flag(args, "export"))
        rc = export_entries(app, args, &err);
    else if (rc == SG_OK)
        rc = print_entries(app, args, &err);
    if (rc != SG_OK)
        return sg_complain(&app->voice, &err);
    return wrong ? 1 : 0;
}

const struct sg_command sg_command_log = {
    .name = "log",
    .summary = N_("print, check or export the ledger of what was done with keys"),
    .arguments = "[EXPORT]...",
    .max_arguments = SIZE_MAX,
    .options = options,
    .run = run,
};
