#include "cli/ask.h"

#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/msg.h"
#include "cli/app.h"

static FILE *open_terminal(void)
{
    return fopen("/dev/tty", "r+e");
}

bool sg_has_terminal(void)
{
    _cleanup_(fclosep) FILE *terminal = open_terminal();

    return terminal != NULL;
}

void sg_ask_show(const char *format, ...)
{
    _cleanup_(fclosep) FILE *terminal = open_terminal();
    _cleanup_(freep) char *text = NULL;
    va_list args;

    va_start(args, format);
    if (vasprintf(&text, format, args) < 0)
        text = NULL; /* vasprintf(3) leaves it undefined */
    va_end(args);
    if (!terminal || !text)
        return;
    sg_print_safely(terminal, text);
    (void)fputc('\n', terminal);
}

/* One line, without its newline; an end of file is an empty one. */
static enum sg_rc ask(const char *question, char *answer, size_t size, struct sg_err *err)
{
    _cleanup_(fclosep) FILE *terminal = open_terminal();

    if (!terminal)
        return sg_fail(err, SG_E_NOT_CONFIRMED, "%s", _("There is no terminal to ask on."));
    sg_print_safely(terminal, question);
    (void)fputc(' ', terminal);
    (void)fflush(terminal);
    bool read = fgets(answer, (int)size, terminal) != NULL;
    enum sg_rc rc = sg_check_cancelled(err);
    if (rc == SG_OK && !read)
        answer[0] = '\0';
    answer[strcspn(answer, "\n")] = '\0';
    return rc;
}

enum sg_rc sg_ask_yes(const char *question, const char *otherwise, struct sg_err *err)
{
    char answer[16] = "";

    if (!sg_has_terminal())
        return sg_fail(err, SG_E_NOT_CONFIRMED, "%s", otherwise);
    enum sg_rc rc = ask(question, answer, sizeof(answer), err);
    if (rc != SG_OK)
        return rc;
    if (strcasecmp(answer, "y") != 0 && strcasecmp(answer, "yes") != 0)
        return sg_fail(err, SG_E_NOT_CONFIRMED, "%s", _("Not confirmed; nothing was done."));
    return SG_OK;
}

enum sg_rc sg_ask_word(const char *question, const char *word, struct sg_err *err)
{
    char answer[128] = "";
    enum sg_rc rc = ask(question, answer, sizeof(answer), err);

    if (rc == SG_OK && strcmp(answer, word) != 0)
        rc = sg_fail(err, SG_E_NOT_CONFIRMED, _("\"%s\" is not %s; nothing was done."), answer, word);
    return rc;
}

enum sg_rc sg_ask_number(const char *question, size_t count, size_t *ret, struct sg_err *err)
{
    char answer[16] = "", *end = NULL;
    enum sg_rc rc = ask(question, answer, sizeof(answer), err);

    if (rc != SG_OK)
        return rc;
    unsigned long number = strtoul(answer, &end, 10);
    if (end == answer || *end || answer[0] == '-' || number < 1 || number > count)
        return sg_fail(err, SG_E_NOT_CONFIRMED, _("\"%s\" is not one of the numbers; nothing was done."), answer);
    *ret = number - 1;
    return SG_OK;
}
