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
    {.name = "use-last-try",
     .help = N_("send the PIN also where a wrong one would lock the token, since only one try is left")},
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

#define TITLE_SIZE 64

/* "signet trust add"; "signet" of no command. */
static const char *title_of(const struct sg_command *command, char out[TITLE_SIZE])
{
    const char *name = command ? command->name : "", *sub = command && command->sub ? command->sub : "";

    (void)snprintf(out, TITLE_SIZE, "signet%s%s%s%s", *name ? " " : "", name, *sub ? " " : "", sub);
    return out;
}

static enum sg_rc refuse_word(int answer, const char *word, const struct sg_command *command, struct sg_err *err)
{
    char title[TITLE_SIZE];

    (void)title_of(command, title);
    if (answer == ':')
        return sg_fail(err, SG_E_USAGE, _("%s needs a value; see %s --help."), word, title);
    return sg_fail(err, SG_E_USAGE, _("%s is not an option of %s in this version; see %s --help."), word, title, title);
}

/* Parses options up to the first word that is none (`stop`), or all of them. */
static enum sg_rc parse_options(struct sg_args *args, int argc, char **argv, bool stop,
                                const struct sg_command *command, struct sg_err *err)
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
        (void)sg_fail(err, SG_E_USAGE, _("\"signet %s\" wants a second word; signet %s --help lists them."), argv[0],
                      argv[0]);
    else
        (void)sg_fail(err, SG_E_USAGE, _("There is no command \"%s %s\" in this version; signet %s --help lists them."),
                      argv[0], argv[1], argv[0]);
    return NULL;
}

static enum sg_rc check_file_count(const struct sg_command *command, size_t count, struct sg_err *err)
{
    char title[TITLE_SIZE];

    (void)title_of(command, title);
    if (count < command->min_arguments)
        return sg_fail(err, SG_E_USAGE, _("\"%s\" wants %s; see its --help."), title, command->arguments);
    if (count > command->max_arguments && command->max_arguments == 0)
        return sg_fail(err, SG_E_USAGE, _("\"%s\" takes options only; see its --help."), title);
    if (count > command->max_arguments)
        return sg_fail(err, SG_E_USAGE, _("\"%s\" takes only %s; see its --help."), title, command->arguments);
    return SG_OK;
}

/* `signet trust --help`: "trust"; NULL if the words do not ask for that. */
static const char *group_of(const struct sg_command *const *commands, int argc, char **argv)
{
    if (argc != 2 || strcmp(argv[1], "--help") != 0)
        return NULL;
    for (; *commands; commands++)
        if ((*commands)->sub && strcmp((*commands)->name, argv[0]) == 0)
            return argv[0];
    return NULL;
}

enum sg_rc sg_request_parse(const struct sg_command *const *commands, int argc, char **argv, struct sg_request *ret,
                            struct sg_err *err)
{
    static const struct sg_option no_options[] = {{.name = NULL}};
    struct sg_request request = {0};
    _cleanup_(sg_args_freep) struct sg_args *args = calloc(1, sizeof(*args));

    if (!args || !(args->values = calloc((size_t)argc + 1, sizeof(*args->values))))
        return sg_fail_memory(err);
    enum sg_rc rc = parse_options(args, argc, argv, true, NULL, err);
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
    request.group = group_of(commands, argc - at, argv + at);
    if (request.group || (argc - at == 1 && strcmp(argv[at], "help") == 0)) {
        request.help = true;
        request.args = sg_steal(args);
        *ret = request;
        return SG_OK;
    }
    request.command = find_command(commands, argc - at, argv + at, &words, err);
    if (!request.command)
        return SG_E_USAGE;
    /* getopt wants a program's name in front: the command's last word stands there. */
    at += words - 1;
    args->own = request.command->options ? request.command->options : no_options;
    rc = parse_options(args, argc - at, argv + at, false, request.command, err);
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

bool sg_args_read_stdin(const struct sg_args *args)
{
    for (size_t i = 0; i < args->file_count; i++)
        if (strcmp(args->files[i], "-") == 0)
            return true;
    for (size_t i = 0; i < args->value_count; i++) {
        const struct value *value = &args->values[i];
        if (value->text && !value->option->writes && strcmp(value->text, "-") == 0)
            return true;
    }
    return false;
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

/* The commands, or those whose first word is `group`. */
static void help_commands(const struct sg_command *const *commands, const char *group)
{
    for (; *commands; commands++) {
        char title[TITLE_SIZE];
        if (!group || strcmp((*commands)->name, group) == 0)
            (void)printf("  %-26s %s\n", title_of(*commands, title) + strlen("signet "), _((*commands)->summary));
    }
}

void sg_help(const struct sg_command *const *commands, const struct sg_request *request)
{
    const struct sg_command *command = request->command;
    char title[TITLE_SIZE];

    if (command) {
        (void)printf(_("Usage: %s [OPTION]... %s\n\n%s\n"), title_of(command, title), command->arguments,
                     _(command->summary));
        if (command->options)
            (void)fputs(_("\nOptions:\n"), stdout);
        help_options(command->options);
    } else {
        (void)fputs(_("Usage: signet COMMAND [OPTION]... [FILE]...\n\nCommands (signet COMMAND --help tells more):\n"),
                    stdout);
        help_commands(commands, request->group);
    }
    (void)fputs(_("\nCommon options:\n"), stdout);
    help_options(sg_common_options);
    if (!command && !request->group)
        help_options(version_option);
}
