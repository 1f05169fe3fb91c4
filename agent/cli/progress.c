#include "cli/progress.h"

#include <unistd.h>

#include "base/clock.h"
#include "base/msg.h"

#define WIDTH 30
#define PAUSE_MS 50 /* what is quick is not drawn each time */

void sg_progress_begin(struct sg_progress *progress, const struct sg_voice *voice, size_t done, size_t total)
{
    *progress = (struct sg_progress){.shown = !voice->json && !voice->quiet && isatty(STDERR_FILENO) == 1,
                                     .done = done,
                                     .total = total,
                                     .done_before = done,
                                     .begun_ms = sg_monotonic_ms()};
}

static void show_bar(struct sg_progress *progress)
{
    char bar[WIDTH + 1];
    size_t filled = progress->total > 0 ? WIDTH * progress->done / progress->total : WIDTH;

    for (size_t i = 0; i < WIDTH; i++)
        bar[i] = i < filled ? '#' : '.';
    bar[WIDTH] = '\0';
    (void)fprintf(stderr, "\r\033[K[%s] %zu/%zu", bar, progress->done, progress->total);
    progress->visible = true;
}

/* Milliseconds that one took, so far; -1: none is done yet. */
static int64_t each_ms(const struct sg_progress *progress)
{
    size_t fresh = progress->done - progress->done_before;

    return fresh > 0 ? (sg_monotonic_ms() - progress->begun_ms) / (int64_t)fresh : -1;
}

/* How many are done in a second. */
static int64_t rate(const struct sg_progress *progress)
{
    int64_t spent_ms = sg_monotonic_ms() - progress->begun_ms;

    return spent_ms > 0 ? (int64_t)(progress->done - progress->done_before) * 1000 / spent_ms : 0;
}

static int64_t seconds_left(const struct sg_progress *progress)
{
    int64_t fresh = (int64_t)(progress->done - progress->done_before);

    return fresh > 0
               ? (sg_monotonic_ms() - progress->begun_ms) * (int64_t)(progress->total - progress->done) / fresh / 1000
               : 0;
}

static void show_pace(const struct sg_progress *progress)
{
    int64_t each = each_ms(progress), left = seconds_left(progress);

    if (each < 0)
        return;
    if (each >= 100)
        (void)fprintf(stderr, _("  %lld.%lld s each"), (long long)(each / 1000), (long long)(each % 1000 / 100));
    else
        (void)fprintf(stderr, _("  %lld/s"), (long long)rate(progress));
    (void)fprintf(stderr, _(", %lld:%02lld left"), (long long)(left / 60), (long long)(left % 60));
}

void sg_progress_show(struct sg_progress *progress, size_t done)
{
    int64_t now = sg_monotonic_ms();

    progress->done = done;
    if (!progress->shown || (done < progress->total && now - progress->drawn_ms < PAUSE_MS))
        return;
    progress->drawn_ms = now;
    show_bar(progress);
    show_pace(progress);
    (void)fflush(stderr);
}

void sg_progress_show_transfers(struct sg_progress *progress, size_t done, size_t total, size_t under_way,
                                uint64_t bytes)
{
    int64_t spent_ms = sg_monotonic_ms() - progress->begun_ms;

    progress->done = done;
    progress->total = total > done ? total : done;
    if (!progress->shown)
        return;
    show_bar(progress);
    (void)fprintf(stderr, _("  %zu under way"), under_way);
    if (spent_ms > 0 && bytes > 0)
        (void)fprintf(stderr, _(", %.1f MB/s"), (double)bytes / 1000 / (double)spent_ms);
    if (each_ms(progress) >= 0)
        (void)fprintf(stderr, _(", %lld:%02lld left"), (long long)(seconds_left(progress) / 60),
                      (long long)(seconds_left(progress) % 60));
    (void)fflush(stderr);
}

void sg_progress_hide(struct sg_progress *progress)
{
    if (progress->visible)
        (void)fputs("\r\033[K", stderr);
    progress->visible = false;
}
