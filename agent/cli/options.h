/* The command line, from tables: a command has a name, its options and one function that runs it. Options are long
 * ones, given in full, and once unless the table says otherwise; whatever is not in a table is SG_E_USAGE. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/config.h"
#include "base/err.h"

struct sg_app;
struct sg_args;

struct sg_option {
    const char *name;     /* without the dashes; NULL ends a table */
    const char *argument; /* "FILE"; NULL: a flag */
    const char *help;     /* one line, N_() */
    bool repeatable;
    bool writes;   /* the value is a file to write: "-" is stdout, not stdin */
    bool sets_key; /* the value is what `key` of the configuration is set to */
    enum sg_key key;
};

struct sg_command {
    const char *name;      /* "token" */
    const char *sub;       /* "list"; NULL if the command is one word */
    const char *summary;   /* one line, N_() */
    const char *arguments; /* "FILE...", or "" */
    size_t min_arguments, max_arguments;
    const struct sg_option *options; /* without the common ones; NULL: none */
    bool takes_pin;                  /* the secure heap is set up before it runs */
    /* Returns the exit status; errors are reported through sg_complain(). */
    int (*run)(struct sg_app *app, const struct sg_args *args);
};

extern const struct sg_option sg_common_options[];

/* What was asked for. `command` is NULL only for `--help` and `--version` without one; `group` ("trust") then narrows
 * `--help` to the commands with that first word. */
struct sg_request {
    const struct sg_command *command;
    const char *group;
    bool help, version;
    struct sg_args *args;
};

/* Parses the command line by `commands` (ended by NULL). `argv` is permuted, and must outlive the result. */
SG_MUST_CHECK enum sg_rc sg_request_parse(const struct sg_command *const *commands, int argc, char **argv,
                                          struct sg_request *ret, struct sg_err *err);
void sg_args_free(struct sg_args *args);
SG_DEFINE_CLEANUP(struct sg_args, sg_args_free)

/* Of an option in the command's table or the common one: how often it was given, and its values in that order. */
size_t sg_args_count(const struct sg_args *args, const char *name);
const char *sg_args_item(const struct sg_args *args, const char *name, size_t index);
bool sg_args_flag(const struct sg_args *args, const char *name);         /* given at all */
const char *sg_args_value(const struct sg_args *args, const char *name); /* NULL if not given */
/* What is not an option: files. */
size_t sg_args_file_count(const struct sg_args *args);
const char *sg_args_file(const struct sg_args *args, size_t index);

/* Whether an input, a file or an option's, is "-". */
bool sg_args_read_stdin(const struct sg_args *args);

/* Sets the configuration's keys from the options that name one. */
SG_MUST_CHECK enum sg_rc sg_args_configure(const struct sg_args *args, struct sg_config *config, struct sg_err *err);

/* `--help`: of the program if `request` names no command. Writes to stdout. */
void sg_help(const struct sg_command *const *commands, const struct sg_request *request);
