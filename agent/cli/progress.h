/* A progress bar: on stderr, where that is a terminal and nobody asked for JSON or silence; else nothing. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "cli/output.h"

struct sg_progress {
    bool shown;
    bool visible; /* at the moment */
    size_t done, total;
    size_t done_before; /* when it began: what was done then says nothing of how fast it goes */
    int64_t begun_ms, drawn_ms;
};

void sg_progress_begin(struct sg_progress *progress, const struct sg_voice *voice, size_t done, size_t total);
void sg_progress_show(struct sg_progress *progress, size_t done);
/* The same where several go on at once, and `total` may still grow: `bytes` were moved since it began. */
void sg_progress_show_transfers(struct sg_progress *progress, size_t done, size_t total, size_t under_way,
                                uint64_t bytes);
/* Before anything else is written to the terminal, and at the end. */
void sg_progress_hide(struct sg_progress *progress);
