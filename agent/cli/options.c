#include "cli/options.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/msg.h"

const struct sg_option sg_common_options[] = {
    {.name = "module",
     .argument = "PATH",
     .help = N_("use this PKCS#11 module, not those that p11-kit is configured with (repeatable)"),
     .repeatable = true,
     .sets_key = true,
     .key = SG_KEY_TOKEN_MODULES},
    {.name = "pin-fd", .argument = "N", .help = N_("read the PIN from file descriptor N, up to a newline or its end")},
    {.name = "json", .help = N_("print JSON on stdout, one object a line, and nothing else")},
    {.name = "quiet", .help = N_("print errors only")},
    {.name = "verbose", .help = N_("tell what is going on, on stderr")},
    {.name = "help", .help = N_("print this help")},
    {.name = NULL},
};

static const struct sg_option version_option[] = {{.name = "version", .help = N_("print the version")}, {.name = NULL}};

struct value {
    const struct sg_option *option;
    const char *text; /* NULL of a flag */
};

struct sg_args {
    const struct sg_option *own; /* the command's table */
    struct value *values;
    size_t value_count;
    char **files; /* borrowed from argv */
    size_t file_count;
};

void sg_args_free(struct sg_args *args)
{
    if (!args)
        return;
    free(args->values);
    free(args);
}

static size_t table_size(const struct sg_option *table)
{
    size_t size = 0;

    while (table && table[size].name)
        size++;
    return size;
}

/* The two tables as one: what getopt's index is of. */
static const struct sg_option *option_at(const struct sg_option *own, size_t index)
{
    size_t common = table_size(sg_common_options);

    if (index < common)
        return &sg_common_options[index];
    index -= common;
    return index < table_size(own) ? &own[index] : &version_option[0];
}

static enum sg_rc make_getopt_table(const struct sg_option *own, struct option **ret, struct sg_err *err)
{
    size_t count = table_size(sg_common_options) + table_size(own) + (own ? 0 : 1);
    struct option *table = calloc(count + 1, sizeof(*table));

    if (!table)
        return sg_fail_memory(err);
    for (size_t i = 0; i < count; i++) {
        const struct sg_option *option = option_at(own, i);
        table[i].name = option->name;
        table[i].has_arg = option->argument ? required_argument : no_argument;
    }
    *ret = table;
    return SG_OK;
}

static enum sg_rc add_value(struct sg_args *args, const struct sg_option *option, const char *text, struct sg_err *err)
{
    for (size_t i = 0; i < args->value_count; i++)
        if (args->values[i].option == option && !option->repeatable)
            return sg_fail(err, SG_E_USAGE, _("--%s is given twice."), option->name);
    args->values[args->value_count++] = (struct value){.option = option, .text = text};
    return SG_OK;
}

/* The whole name is wanted: an abbreviation that is clear today is not when there is another option tomorrow. */
static bool given_in_full(char **argv, const struct sg_option *option, const char *value)
{
    const char *word = argv[optind - 1];
    size_t len = strlen(option->name);

    if (option->argument && word == value)
        word = argv[optind - 2];
    return strncmp(word, "--", 2) == 0 && strncmp(word + 2, option->name, len) == 0 &&
           (word[len + 2] == '\0' || word[len + 2] == '=');
}

static enum sg_rc refuse_word(int answer, const char *word, const char *command, struct sg_err *err)
{
    if (answer == ':')
        return sg_fail(err, SG_E_USAGE, _("%s needs a value; see signet %s --help."), word, command);
    return sg_fail(err, SG_E_USAGE, _("%s is not an option of signet %s in this version; see signet %s --help."), word,
                   command, command);
}

/* Parses options up to the first word that is none (`stop`), or all of them. */
static enum sg_rc parse_options(struct sg_args *args, int argc, char **argv, bool stop, const char *command,
                                struct sg_err *err)
{
    _cleanup_(freep) struct option *table = NULL;
    enum sg_rc rc = make_getopt_table(args->own, &table, err);
    int index = 0;

    opterr = 0;
    optind = 0; /* glibc: start afresh */
    while (rc == SG_OK) {
        int answer = getopt_long(argc, argv, stop ? "+:" : ":", table, &index);
        if (answer == -1)
            break;
        if (answer != 0)
            return refuse_word(answer, argv[optind - 1], command, err);
        const struct sg_option *option = option_at(args->own, (size_t)index);
        if (!given_in_full(argv, option, optarg))
            return refuse_word('?', argv[optind - 1], command, err);
        rc = add_value(args, option, optarg, err);
    }
    return rc;
}

/* The command that argv[0] (and argv[1]) name; NULL if there is none, which `err` then says. `*ret_words` is how many
 * words its name has. */
static const struct sg_command *find_command(const struct sg_command *const *commands, int argc, char **argv,
                                             int *ret_words, struct sg_err *err)
{
    bool known = false;

    for (; *commands; commands++) {
        if (strcmp((*commands)->name, argv[0]) != 0)
            continue;
        known = true;
        if ((*commands)->sub && (argc < 2 || strcmp((*commands)->sub, argv[1]) != 0))
            continue;
        *ret_words = (*commands)->sub ? 2 : 1;
        return *commands;
    }
    if (!known)
        (void)sg_fail(err, SG_E_USAGE, _("There is no command \"%s\" in this version; signet --help lists them."),
                      argv[0]);
    else if (argc < 2 || argv[1][0] == '-')
        (void)sg_fail(err, SG_E_USAGE, _("\"signet %s\" wants a second word; signet --help lists them."), argv[0]);
    else
        (void)sg_fail(err, SG_E_USAGE, _("There is no command \"%s %s\" in this version; signet --help lists them."),
                      argv[0], argv[1]);
    return NULL;
}

static enum sg_rc check_file_count(const struct sg_command *command, size_t count, struct sg_err *err)
{
    const char *sub = command->sub ? command->sub : "", *space = command->sub ? " " : "";

    if (count < command->min_arguments)
        return sg_fail(err, SG_E_USAGE, _("\"signet %s%s%s\" wants %s; see its --help."), command->name, space, sub,
                       command->arguments);
    if (count > command->max_arguments && command->max_arguments == 0)
        return sg_fail(err, SG_E_USAGE, _("\"signet %s%s%s\" takes options only; see its --help."), command->name,
                       space, sub);
    if (count > command->max_arguments)
        return sg_fail(err, SG_E_USAGE, _("\"signet %s%s%s\" takes only %s; see its --help."), command->name, space,
                       sub, command->arguments);
    return SG_OK;
}

enum sg_rc sg_request_parse(const struct sg_command *const *commands, int argc, char **argv, struct sg_request *ret,
                            struct sg_err *err)
{
    static const struct sg_option no_options[] = {{.name = NULL}};
    struct sg_request request = {0};
    _cleanup_(sg_args_freep) struct sg_args *args = calloc(1, sizeof(*args));

    if (!args || !(args->values = calloc((size_t)argc + 1, sizeof(*args->values))))
        return sg_fail_memory(err);
    enum sg_rc rc = parse_options(args, argc, argv, true, "", err);
    if (rc != SG_OK)
        return rc;
    request.version = sg_args_flag(args, "version");
    request.help = sg_args_flag(args, "help");
    if (optind >= argc) {
        if (!request.version && !request.help)
            return sg_fail(err, SG_E_USAGE, "%s", _("Which command? signet --help lists them."));
        ret->args = sg_steal(args);
        ret->help = request.help;
        ret->version = request.version;
        return SG_OK;
    }

    int at = optind, words = 0;
    request.command = find_command(commands, argc - at, argv + at, &words, err);
    if (!request.command)
        return SG_E_USAGE;
    /* getopt wants a program's name in front: the command's last word stands there. */
    at += words - 1;
    args->own = request.command->options ? request.command->options : no_options;
    rc = parse_options(args, argc - at, argv + at, false, request.command->name, err);
    if (rc != SG_OK)
        return rc;
    args->files = argv + at + optind;
    args->file_count = (size_t)(argc - at - optind);
    request.help = sg_args_flag(args, "help");
    if (!request.help)
        rc = check_file_count(request.command, args->file_count, err);
    if (rc != SG_OK)
        return rc;
    request.args = sg_steal(args);
    *ret = request;
    return SG_OK;
}

const char *sg_args_item(const struct sg_args *args, const char *name, size_t index)
{
    for (size_t i = 0; i < args->value_count; i++)
        if (strcmp(args->values[i].option->name, name) == 0 && index-- == 0)
            return args->values[i].text;
    return NULL;
}

size_t sg_args_count(const struct sg_args *args, const char *name)
{
    size_t count = 0;

    for (size_t i = 0; i < args->value_count; i++)
        count += strcmp(args->values[i].option->name, name) == 0;
    return count;
}

bool sg_args_flag(const struct sg_args *args, const char *name)
{
    return sg_args_count(args, name) > 0;
}

const char *sg_args_value(const struct sg_args *args, const char *name)
{
    return sg_args_item(args, name, 0);
}

size_t sg_args_file_count(const struct sg_args *args)
{
    return args->file_count;
}

const char *sg_args_file(const struct sg_args *args, size_t index)
{
    return args->files[index];
}

enum sg_rc sg_args_configure(const struct sg_args *args, struct sg_config *config, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;

    for (size_t i = 0; i < args->value_count && rc == SG_OK; i++) {
        const struct sg_option *option = args->values[i].option;
        char where[64];

        (void)snprintf(where, sizeof(where), "--%s", option->name);
        if (option->sets_key)
            rc = sg_config_set(config, option->key, args->values[i].text, SG_ORIGIN_OPTION, where, err);
    }
    return rc;
}

static void help_options(const struct sg_option *table)
{
    for (; table && table->name; table++) {
        char name[64];
        (void)snprintf(name, sizeof(name), "--%s%s%s", table->name, table->argument ? " " : "",
                       table->argument ? table->argument : "");
        (void)printf("  %-26s %s\n", name, _(table->help));
    }
}

void sg_help(const struct sg_command *const *commands, const struct sg_command *command)
{
    if (command) {
        (void)printf(_("Usage: signet %s%s%s [OPTION]... %s\n\n%s\n"), command->name, command->sub ? " " : "",
                     command->sub ? command->sub : "", command->arguments, _(command->summary));
        if (command->options)
            (void)fputs(_("\nOptions:\n"), stdout);
        help_options(command->options);
    } else {
        (void)fputs(_("Usage: signet COMMAND [OPTION]... [FILE]...\n\nCommands (signet COMMAND --help tells more):\n"),
                    stdout);
        for (; *commands; commands++) {
            char name[64];
            (void)snprintf(name, sizeof(name), "%s%s%s", (*commands)->name, (*commands)->sub ? " " : "",
                           (*commands)->sub ? (*commands)->sub : "");
            (void)printf("  %-26s %s\n", name, _((*commands)->summary));
        }
    }
    (void)fputs(_("\nCommon options:\n"), stdout);
    help_options(sg_common_options);
    if (!command)
        help_options(version_option);
}
