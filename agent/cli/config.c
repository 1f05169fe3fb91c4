/* signet config show, config check. Reading it has already happened when a command runs: what is wrong was said. */
#include <stdio.h>
#include <string.h>

#include "base/msg.h"
#include "cli/app.h"
#include "cli/commands.h"

/* --- show --------------------------------------------------------------------------------------------------------- */

static const struct sg_option show_options[] = {
    {.name = "origin", .help = N_("say also where each value comes from")},
    {0},
};

static json_t *value_json(const struct sg_config *config, enum sg_key key)
{
    if (!sg_key_is_list(key))
        return sg_json_text(sg_config_text(config, key));
    json_t *list = json_array();
    for (size_t i = 0; i < sg_config_count(config, key); i++)
        json_array_append_new(list, sg_json_text(sg_config_item(config, key, i)));
    return list;
}

/* `section` is as it stands between the brackets. */
static bool show_json(const struct sg_app *app, const struct sg_config *config, const char *section, enum sg_key key)
{
    const char *where = sg_config_where(config, key);
    return sg_json_print(&app->voice,
                         json_pack("{s:s, s:s, s:s, s:o, s:s, s:o}", "schema", "signet.config/1", "section", section,
                                   "key", sg_key_name(key), "value", value_json(config, key), "origin",
                                   sg_origin_text(sg_config_origin(config, key)), "where",
                                   sg_json_text(where[0] ? where : NULL)));
}

static void show_text(const struct sg_app *app, const struct sg_config *config, enum sg_key key, bool origin)
{
    char from[1024] = "";
    const char *where = sg_config_where(config, key);
    if (origin)
        (void)snprintf(from, sizeof(from), "    ; %s%s%s", sg_origin_text(sg_config_origin(config, key)),
                       where[0] ? ", " : "", where);
    size_t count = sg_config_count(config, key);
    for (size_t i = 0; i < count; i++)
        sg_say(&app->voice, "%s = %s%s", sg_key_name(key), sg_config_item(config, key, i), from);
    if (count == 0)
        sg_say(&app->voice, "%s =%s", sg_key_name(key), from);
}

/* The keys of one section, and its header. */
static bool show_section(const struct sg_app *app, const struct sg_config *config, const char *section,
                         const char *title, bool origin)
{
    sg_say(&app->voice, "[%s]", title);
    for (enum sg_key key = 0; key < SG_KEY_COUNT; key++) {
        if (strcmp(sg_key_section(key), section) != 0)
            continue;
        if (!app->voice.json)
            show_text(app, config, key, origin);
        else if (!show_json(app, config, title, key))
            return false;
    }
    return true;
}

static bool show_groups(const struct sg_app *app, const char *section, bool origin)
{
    const struct sg_config *group = NULL;
    bool shown = true;
    for (size_t i = 0; shown && (group = sg_config_group(app->config, section, i)); i++) {
        char title[256];
        (void)snprintf(title, sizeof(title), "%s \"%s\"", section, sg_config_group_name(group));
        sg_say(&app->voice, "%s", "");
        shown = show_section(app, group, section, title, origin);
    }
    return shown;
}

static int run_show(struct sg_app *app, const struct sg_args *args)
{
    const char *section = "";
    bool origin = sg_args_flag(args, "origin"), shown = true;
    for (enum sg_key key = 0; shown && key < SG_KEY_COUNT; key++) {
        if (strcmp(section, sg_key_section(key)) == 0)
            continue;
        bool first = section[0] == '\0';
        section = sg_key_section(key);
        if (sg_key_in_group(key)) {
            shown = show_groups(app, section, origin);
            continue;
        }
        if (!first)
            sg_say(&app->voice, "%s", "");
        shown = show_section(app, app->config, section, section, origin);
    }
    if (shown)
        return 0;
    struct sg_err err = {0};
    (void)sg_fail_memory(&err);
    return sg_complain(&app->voice, &err);
}

const struct sg_command sg_command_config_show = {
    .name = "config",
    .sub = "show",
    .summary = N_("print the configuration in force"),
    .arguments = "",
    .options = show_options,
    .run = run_show,
};

/* --- check -------------------------------------------------------------------------------------------------------- */

static int run_check(struct sg_app *app, const struct sg_args *args)
{
    (void)args;
    const char *const files[] = {app->paths.policy_file, app->paths.system_file, app->paths.config_file};
    json_t *list = json_array();
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        bool there = files[i] && access(files[i], F_OK) == 0;
        if (files[i])
            sg_say(&app->voice, there ? _("%s: good") : _("%s: not there, which is fine"), files[i]);
        if (there)
            json_array_append_new(list, sg_json_text(files[i]));
    }
    if (!sg_json_print(&app->voice,
                       json_pack("{s:s, s:b, s:o}", "schema", "signet.config/1", "ok", true, "files", list))) {
        struct sg_err err = {0};
        (void)sg_fail_memory(&err);
        return sg_complain(&app->voice, &err);
    }
    return 0;
}

const struct sg_command sg_command_config_check = {
    .name = "config",
    .sub = "check",
    .summary = N_("read every configuration file and say whether all is well"),
    .arguments = "",
    .run = run_check,
};
