/* How the program speaks: text for people on stdout, complaints on stderr, or JSON on stdout and nothing else. */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include <jansson.h>

#include "base/cleanup.h"
#include "base/err.h"

struct sg_voice {
    bool json, quiet, verbose;
    FILE *people; /* stdout, or stderr where stdout is taken by a file */
};

/* One line for people, unless --json or --quiet. Control characters, bytes that are not UTF-8 and the marks that
 * reorder text are escaped, so that a file's name cannot write to the terminal. The newline is added. */
void sg_say(const struct sg_voice *voice, const char *format, ...) SG_PRINTF(2, 3);
/* Lines that are already fit to print. */
void sg_say_text(const struct sg_voice *voice, const char *text);
/* A warning on stderr, `code` in brackets, unless --json (which has warnings in its objects) or --quiet. */
void sg_warn(const struct sg_voice *voice, const char *code, const char *format, ...) SG_PRINTF(3, 4);
/* A line on stderr of what is going on. */
void sg_note(const struct sg_voice *voice, const char *text);
/* `text` with what a terminal would act on escaped, as sg_say() does it. */
void sg_print_safely(FILE *out, const char *text);
/* An error: the sentence on stderr with its code, or a signet.error/1 object. Returns the exit status. */
int sg_complain(const struct sg_voice *voice, const struct sg_err *err);

/* Prints one object on a line of its own; takes it over. Nothing without --json. NULL (no memory): false. */
bool sg_json_print(const struct sg_voice *voice, json_t *object);
/* A JSON string; what is not UTF-8 in it becomes U+FFFD. NULL gives null. */
json_t *sg_json_text(const char *text);
json_t *sg_json_time(int64_t when);
json_t *sg_json_time_or_null(int64_t when); /* SG_TIME_NONE, or INT64_MAX for never: null */

/* Of two exit statuses the one that counts when there are several inputs: the first that applies of
 * 70, 77, 78, 69, 75, 74, 73, 66, 65, 64, 1, 2, 0. */
int sg_exit_worse(int a, int b);
/* Flushes stdout: what could not be written is an error of this program too (`> /dev/full`). */
SG_MUST_CHECK enum sg_rc sg_output_finish(struct sg_err *err);
