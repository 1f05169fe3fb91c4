/* The status for a monitoring system: OpenMetrics text 1.0, in the words that it shares with the older text format of
 * Prometheus (0.0.4), since Prometheus' node exporter reads files in that one alone. So every family is a gauge: "info"
 * is no type there, and the two name a counter differently. Every series has the id of its store, for the files of
 * several users to be read together. */
#include <pwd.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/msg.h"
#include "build.h"
#include "cli/status.h"

struct page {
    const char *store; /* its id */
    struct sg_buf text;
    enum sg_rc rc;
    struct sg_err *err;
};

SG_PRINTF(2, 3)
static void put(struct page *page, const char *format, ...)
{
    _cleanup_(freep) char *line = NULL;
    va_list args;

    va_start(args, format);
    if (vasprintf(&line, format, args) < 0) {
        line = NULL; /* vasprintf(3) leaves it undefined */
        page->rc = sg_fail_memory(page->err);
    }
    va_end(args);
    if (page->rc == SG_OK)
        page->rc = sg_buf_append(&page->text, line, strlen(line), page->err);
}

/* `unit` is the end of `name`; NULL: it is a count. */
static void put_family(struct page *page, const char *name, const char *unit, const char *help)
{
    put(page, "# TYPE signet_%s gauge\n", name);
    if (unit)
        put(page, "# UNIT signet_%s %s\n", name, unit);
    put(page, "# HELP signet_%s %s\n", name, help);
}

/* A series is begun, gets its labels, and ends with its value. */
static void put_series(struct page *page, const char *name)
{
    put(page, "signet_%s{store=\"%s\"", name, page->store);
}

/* Backslash, quote and line feed are escaped; what is not UTF-8 has no place in the format. */
static void put_label(struct page *page, const char *name, const char *value)
{
    _cleanup_(json_decrefp) json_t *clean = sg_json_text(value);
    const char *at = json_string_value(clean);

    put(page, ",%s=\"", name);
    for (; at && *at; at++) {
        if (*at == '\\' || *at == '"' || *at == '\n')
            put(page, "\\");
        put(page, "%c", *at == '\n' ? 'n' : *at);
    }
    put(page, "\"");
}

static void put_value(struct page *page, int64_t value)
{
    put(page, "} %lld\n", (long long)value);
}

static void put_alone(struct page *page, const char *name, const char *help, int64_t value)
{
    put_family(page, name, NULL, help);
    put_series(page, name);
    put_value(page, value);
}

/* --- whose it is -------------------------------------------------------------------------------------------------- */

/* The name of the user; of one without a name, the number. */
static void put_user(struct page *page)
{
    char buffer[16384], number[24];
    struct passwd entry, *found = NULL;

    (void)snprintf(number, sizeof(number), "%u", getuid());
    (void)getpwuid_r(getuid(), &entry, buffer, sizeof(buffer), &found);
    put_label(page, "user", found ? found->pw_name : number);
}

static void put_info(struct page *page)
{
    put_family(page, "info", NULL, "The program, and the user whose store it is.");
    put_series(page, "info");
    put_label(page, "version", SG_VERSION);
    put_user(page);
    put_value(page, 1);
}

/* --- what waits --------------------------------------------------------------------------------------------------- */

static const char *kind_word(enum sg_step_kind kind)
{
    return kind == SG_STEP_TIMESTAMP ? "timestamp" : "upload";
}

static void put_line(struct page *page, const char *name, enum sg_step_kind kind, const char *target, int64_t value)
{
    put_series(page, name);
    put_label(page, "kind", kind_word(kind));
    put_label(page, "target", target);
    put_value(page, value);
}

/* Of one kind and target, whatever the reason. */
static void put_sum(struct page *page, const struct sg_status *status, const char *name, bool age,
                    enum sg_step_kind kind, const char *target)
{
    int64_t count = 0, since = status->now;

    for (size_t i = 0; i < status->waiting_count; i++) {
        const struct sg_status_waiting *w = &status->waiting[i];
        if (w->kind != kind || strcmp(w->target, target) != 0)
            continue;
        count += w->count;
        since = w->since < since ? w->since : since;
    }
    put_line(page, name, kind, target, age ? status->now - since : count);
}

/* Everything that is configured has its line, also with nothing waiting; and what is not configured any more, if
 * something waits for it. */
static void put_sums(struct page *page, const struct sg_status *status, const char *name, bool age)
{
    const struct sg_config *group = NULL;
    const char *before = NULL;

    put_sum(page, status, name, age, SG_STEP_TIMESTAMP, "");
    for (size_t i = 0; (group = sg_config_group(status->app->config, "target", i)) != NULL; i++)
        put_sum(page, status, name, age, SG_STEP_UPLOAD, sg_config_group_name(group));
    for (size_t i = 0; i < status->waiting_count; i++) {
        const struct sg_status_waiting *w = &status->waiting[i];
        if (w->known || (before && strcmp(before, w->target) == 0))
            continue;
        before = w->target;
        put_sum(page, status, name, age, w->kind, w->target);
    }
}

static void put_waiting(struct page *page, const struct sg_status *status)
{
    put_family(page, "waiting_steps", NULL, "Steps that wait, by what they wait for.");
    put_sums(page, status, "waiting_steps", false);
    put_family(page, "oldest_waiting_seconds", "seconds", "For how long the oldest of them waits.");
    put_sums(page, status, "oldest_waiting_seconds", true);
    put_family(page, "failing_steps", NULL, "Steps that wait and have failed, by the code of the last failure.");
    for (size_t i = 0; i < status->waiting_count; i++) {
        const struct sg_status_waiting *w = &status->waiting[i];
        if (!w->code[0])
            continue;
        put_series(page, "failing_steps");
        put_label(page, "kind", kind_word(w->kind));
        put_label(page, "target", w->target);
        put_label(page, "code", w->code);
        put_value(page, w->count);
    }
}

/* --- the rest ----------------------------------------------------------------------------------------------------- */

static void put_displaced(struct page *page, const char *state, int64_t count)
{
    put_series(page, "displaced_documents");
    put_label(page, "state", state);
    put_value(page, count);
}

static void put_documents(struct page *page, const struct sg_status *status)
{
    const struct sg_overview *o = &status->overview;

    put_alone(page, "open_documents", "Documents of which some step waits.", o->open);
    put_family(page, "displaced_documents", NULL, "Documents whose completed file is only in the store.");
    put_displaced(page, "moved", o->moved);
    put_displaced(page, "changed", o->changed);
    put_alone(page, "unplaced_documents", "Documents whose signing was cut off before they had their names.",
              o->unplaced);
    put_alone(page, "dropped_steps", "Steps that a person dropped.", o->dropped);
}

static void put_ledger(struct page *page, const struct sg_status *status)
{
    const struct sg_overview *o = &status->overview;

    put_alone(page, "ledger_entries", "Entries of the ledger.", o->ledger_last);
    put_alone(page, "ledger_unwitnessed_entries", "Entries of the ledger that nobody has witnessed yet.",
              o->ledger_last - o->ledger_witnessed);
    put_family(page, "ledger_witness_failures", NULL, "Who could not witness the ledger, by the code of the failure.");
    for (size_t i = 0; i < status->witness_count; i++) {
        put_series(page, "ledger_witness_failures");
        put_label(page, "target", status->witnesses[i].name);
        put_label(page, "code", status->witnesses[i].code);
        put_value(page, 1);
    }
}

static void put_clock(struct page *page, const struct sg_status *status)
{
    const struct sg_overview *o = &status->overview;

    put_alone(page, "clock_wrong",
              "Whether this computer's clock was more than five minutes off at the last time-stamp.", o->clock_wrong);
    put_alone(page, "clock_differences", "Times that this computer's clock was found to be, or to have been, wrong.",
              o->clock_differs);
    put_alone(page, "late_documents", "Documents signed more than five minutes before their time-stamp.", o->late);
}

/* Absent while there is no such time. */
static void put_time(struct page *page, const char *name, const char *help, int64_t when)
{
    put_family(page, name, "seconds", help);
    if (when == INT64_MAX || when == INT64_MIN)
        return;
    put_series(page, name);
    put_value(page, when);
}

static void put_times(struct page *page, const struct sg_status *status)
{
    put_time(page, "revocation_good_until_timestamp_seconds",
             "When the first of the revocation lists (CRLs) here has to be replaced.", status->revocation_until);
    put_time(page, "ocsp_good_until_timestamp_seconds", "When the first of the OCSP responses here has to be replaced.",
             status->ocsp_until);
    put_family(page, "failing_pulls", NULL, "What could not be fetched, by its URL and the code of the last failure.");
    for (size_t i = 0; i < status->pull_count; i++) {
        put_series(page, "failing_pulls");
        put_label(page, "kind", status->pulls[i].kind);
        put_label(page, "url", status->pulls[i].url);
        put_label(page, "code", status->pulls[i].code);
        put_value(page, 1);
    }
    put_time(page, "last_sync_timestamp_seconds", "When the last sync ended.", status->last_sync);
    put_alone(page, "sync_running", "Whether a sync is at work.", status->running);
    put_alone(page, "sync_due", "Whether a sync has something to do.", sg_status_is_due(status));
}

enum sg_rc sg_status_print_metrics(const struct sg_status *status, struct sg_err *err)
{
    struct page page = {.store = status->store, .text = SG_BUF(SG_MAX_METRICS), .rc = SG_OK, .err = err};

    put_info(&page);
    put_waiting(&page, status);
    put_documents(&page, status);
    put_ledger(&page, status);
    put_clock(&page, status);
    put_times(&page, status);
    put(&page, "# EOF\n");
    if (page.rc == SG_OK)
        (void)fwrite(page.text.data, 1, page.text.len, stdout); /* sg_output_finish() sees a failure */
    sg_buf_clear(&page.text);
    return page.rc;
}
