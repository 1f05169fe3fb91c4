#include "cli/progress.h"

#include <time.h>
#include <unistd.h>

#include "base/msg.h"

#define WIDTH 30

static int64_t now_ms(void)
{
    struct timespec now = {0};

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void sg_progress_begin(struct sg_progress *progress, const struct sg_voice *voice, size_t done, size_t total)
{
    *progress = (struct sg_progress){.shown = !voice->json && !voice->quiet && isatty(STDERR_FILENO) == 1,
                                     .done = done,
                                     .total = total,
                                     .done_before = done,
                                     .begun_ms = now_ms()};
}

void sg_progress_show(struct sg_progress *progress, size_t done)
{
    char bar[WIDTH + 1];
    size_t filled = progress->total > 0 ? WIDTH * done / progress->total : WIDTH;
    size_t fresh = done - progress->done_before;

    progress->done = done;
    if (!progress->shown)
        return;
    for (size_t i = 0; i < WIDTH; i++)
        bar[i] = i < filled ? '#' : '.';
    bar[WIDTH] = '\0';
    (void)fprintf(stderr, "\r\033[K[%s] %zu/%zu", bar, done, progress->total);
    if (fresh > 0) {
        int64_t each_ms = (now_ms() - progress->begun_ms) / (int64_t)fresh;
        int64_t left = each_ms * (int64_t)(progress->total - done) / 1000;
        (void)fprintf(stderr, _("  %lld.%lld s each, %lld:%02lld left"), (long long)(each_ms / 1000),
                      (long long)(each_ms % 1000 / 100), (long long)(left / 60), (long long)(left % 60));
    }
    (void)fflush(stderr);
}

void sg_progress_hide(const struct sg_progress *progress)
{
    if (progress->shown)
        (void)fputs("\r\033[K", stderr);
}
