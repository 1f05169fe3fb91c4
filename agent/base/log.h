/* Library code never prints: what is worth telling goes to the handler its caller passes. */
#pragma once

#include "base/err.h"

enum sg_log_level { SG_LOG_DEBUG, SG_LOG_INFO, SG_LOG_WARNING };

/* A NULL `struct sg_log *` or handler drops the text. Never a PIN, never a key. May be called from several threads. */
struct sg_log {
    void (*handler)(void *context, enum sg_log_level level, const char *text);
    void *context;
};

void sg_log(const struct sg_log *log, enum sg_log_level level, const char *format, ...) SG_PRINTF(3, 4);
