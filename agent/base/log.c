#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/utf8.h"

void sg_log(const struct sg_log *log, enum sg_log_level level, const char *format, ...)
{
    if (!log || !log->handler)
        return;
    char text[1024];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (n < 0)
        return;
    if ((size_t)n >= sizeof(text))
        sg_utf8_cut(text);
    log->handler(log->context, level, text);
}
