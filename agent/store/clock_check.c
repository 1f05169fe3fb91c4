/* What time-stamps say of clocks. A genTime lies between the moment at which it was asked for and the one at which it
 * came: so it shows whether this computer's clock is right. The time that a signature claims is another matter: without
 * a network it lies before the time-stamp for as long as the document waited. */
#include <stdarg.h>
#include <stdio.h>

#include "base/msg.h"
#include "store/steps.h"

static enum sg_rc add(struct sg_store *store, const char *event, const char *object, char *detail, struct sg_err *err)
{
    enum sg_rc rc = detail ? sg_ledger_add(store, &(struct sg_ledger_entry){event, "", "", "", object, detail}, err)
                           : sg_fail_memory(err);

    free(detail);
    return rc;
}

/* NULL: no memory. */
SG_PRINTF(1, 2)
static char *sentence(const char *format, ...)
{
    char *text = NULL;
    va_list args;

    va_start(args, format);
    int length = vasprintf(&text, format, args);
    va_end(args);
    return length < 0 ? NULL : text;
}

enum sg_rc sg_clock_compare_claim(struct sg_store *store, const struct sg_outbox_document *document,
                                  const struct sg_stamped *stamped, struct sg_err *err)
{
    const int64_t before = stamped->time - document->claimed_time;
    char claimed[SG_TIME_TEXT], time[SG_TIME_TEXT], span[SG_SPAN_TEXT];

    (void)sg_time_text(document->claimed_time, claimed);
    (void)sg_time_text(stamped->time, time);
    if (before > SG_CLOCK_TOLERANCE)
        return add(store, "clock-differs", document->output,
                   sentence(_("signed %s before its time-stamp: claimed %s, time-stamped %s by %s"),
                            sg_span_text(before, span), claimed, time, stamped->tsa),
                   err);
    if (before < -SG_CLOCK_TOLERANCE)
        return add(store, "clock-ahead", document->output,
                   sentence(_("signed by a clock that was %s ahead: claimed %s, time-stamped %s by %s"),
                            sg_span_text(-before, span), claimed, time, stamped->tsa),
                   err);
    return SG_OK;
}

/* As the ledger's last entry about it says. */
static enum sg_rc was_wrong(struct sg_store *store, bool *ret, struct sg_err *err)
{
    _cleanup_(sg_rows_resetp) sqlite3_stmt *rows = NULL;
    bool row = false;

    enum sg_rc rc = sg_db_query(store, SG_SQL_CLOCK_IS_WRONG, NULL, 0, &rows, err);
    if (rc == SG_OK)
        rc = sg_db_next(store, rows, &row, err); /* one row always */
    if (rc == SG_OK)
        *ret = sqlite3_column_int(rows, 0) != 0;
    return rc;
}

/* How far the clock is ahead, at least; negative: behind. */
static int64_t ahead_by(const struct sg_stamped *stamped)
{
    return stamped->asked > stamped->time      ? stamped->asked - stamped->time
           : stamped->answered < stamped->time ? stamped->answered - stamped->time
                                               : 0;
}

static enum sg_rc compare(struct sg_store *store, const struct sg_stamped *stamped, struct sg_err *err)
{
    const int64_t ahead = ahead_by(stamped);
    const bool wrong = ahead > SG_CLOCK_TOLERANCE || ahead < -SG_CLOCK_TOLERANCE;
    char ours[SG_TIME_TEXT], time[SG_TIME_TEXT], span[SG_SPAN_TEXT];
    bool before = false;
    enum sg_rc rc = was_wrong(store, &before, err);

    if (rc != SG_OK || wrong == before)
        return rc;
    (void)sg_time_text(stamped->answered, ours);
    (void)sg_time_text(stamped->time, time);
    (void)sg_span_text(ahead < 0 ? -ahead : ahead, span);
    if (!wrong)
        return add(store, "clock-right", "",
                   sentence(_("this computer's clock said %s when %s time-stamped %s"), ours, stamped->tsa, time), err);
    return add(store, "clock-wrong", "",
               sentence(ahead > 0 ? _("this computer's clock said %s when %s time-stamped %s: %s ahead")
                                  : _("this computer's clock said %s when %s time-stamped %s: %s behind"),
                        ours, stamped->tsa, time, span),
               err);
}

enum sg_rc sg_clock_compare(struct sg_store *store, const struct sg_stamped *stamped, struct sg_err *err)
{
    struct sg_operation operation;
    enum sg_rc rc = sg_operation_begin(&operation, store, err);

    return rc == SG_OK ? sg_operation_end(&operation, compare(store, stamped, err), err) : rc;
}
