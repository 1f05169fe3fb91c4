#include "base/config_private.h"

#include <ini.h>
#include <limits.h>
#include <string.h>

#include "base/input.h"
#include "base/limits.h"
#include "base/msg.h"
#include "base/utf8.h"

/* inih takes a line apart into name and value. Which line it is, how long it may be, its characters and the section
 * that it is in are looked at here, before: inih cuts long lines and section names, and does not tell of sections. */
struct reader {
    struct sg_config *config;
    struct sg_config *group; /* the section with a name of its own that the line is in; NULL: another */
    const char *path;
    enum sg_origin origin;
    const char *rest, *end;     /* what is not read yet */
    size_t line;                /* number of the line read last */
    char where[PATH_MAX + 32];  /* "FILE:LINE" */
    const char *section;        /* that the line is in; NULL before the first */
    bool entered[SG_KEY_COUNT]; /* by the first key of a section */
    const struct sg_config *entered_groups[SG_MAX_CONFIG_GROUPS];
    size_t entered_group_count;
    size_t said[SG_KEY_COUNT]; /* the line that a key stands on, or 0 */
    enum sg_rc rc;
    struct sg_err *err;
};

static enum sg_rc fail_twice(const struct reader *reader, const char *name)
{
    return sg_fail(reader->err, SG_E_CONFIG, _("%s: [%s] is there twice; make one section of the two."), reader->where,
                   name);
}

/* [tsa "main"]: its keys may stand in each such section. */
static enum sg_rc enter_group(struct reader *reader, const char *text, const char *section, const char *name)
{
    enum sg_key first = SG_KEY_COUNT;
    if (reader->origin == SG_ORIGIN_POLICY)
        return sg_fail(reader->err, SG_E_CONFIG, _("%s: [%s] belongs in signet.conf; here is room for [policy] alone."),
                       reader->where, text);
    enum sg_rc rc = sg_config_group_get(reader->config, section, name, reader->where, &reader->group, reader->err);
    if (rc != SG_OK)
        return rc;
    for (size_t i = 0; i < reader->entered_group_count; i++)
        if (reader->entered_groups[i] == reader->group)
            return fail_twice(reader, text);
    reader->entered_groups[reader->entered_group_count++] = reader->group;
    (void)sg_config_find_section(section, &first);
    reader->section = sg_key_section(first);
    for (enum sg_key key = 0; key < SG_KEY_COUNT; key++)
        if (sg_key_in_group(key))
            reader->said[key] = 0;
    return SG_OK;
}

/* Names of sections are plain words or a word and a quoted name: nothing in them needs inih. */
static enum sg_rc enter_section(struct reader *reader, const char *line)
{
    const char *close = strchr(line, ']'), *after = close ? close + 1 + strspn(close + 1, " ") : "";
    if (!close || (*after != '\0' && *after != ';' && *after != '#'))
        return sg_fail(reader->err, SG_E_CONFIG, _("%s: a section is written as [name] on a line of its own."),
                       reader->where);
    _cleanup_(freep) char *name = strndup(line + 1, (size_t)(close - line - 1));
    if (!name)
        return sg_fail_memory(reader->err);
    enum sg_key first = SG_KEY_COUNT;
    char word[SG_MAX_SECTION_WORD], own[SG_MAX_SECTION_WORD];
    if (sg_config_split(name, word, own))
        return enter_group(reader, name, word, own);
    if (!sg_config_find_section(name, &first) || sg_key_in_group(first))
        return sg_config_unknown(reader->where, name, NULL, reader->err);
    bool is_policy = strcmp(name, "policy") == 0;
    if (is_policy && reader->origin != SG_ORIGIN_POLICY)
        return sg_fail(reader->err, SG_E_CONFIG, _("%s: [policy] belongs in /etc/signet/policy.conf."), reader->where);
    if (!is_policy && reader->origin == SG_ORIGIN_POLICY)
        return sg_fail(reader->err, SG_E_CONFIG, _("%s: [%s] belongs in signet.conf; here is room for [policy] alone."),
                       reader->where, name);
    if (reader->entered[first])
        return fail_twice(reader, name);
    reader->entered[first] = true;
    reader->group = NULL;
    reader->section = sg_key_section(first);
    return SG_OK;
}

/* Copies the line for inih, with a space for each tab, and looks at what is to be seen before inih does. */
static enum sg_rc take_line(struct reader *reader, const char *line, size_t len, char *out, size_t size)
{
    if (len > SG_MAX_CONFIG_LINE - 3) /* inih's: with CR, LF and NUL */
        return sg_fail(reader->err, SG_E_CONFIG, _("%s: the line is longer than %zu bytes."), reader->where,
                       (size_t)SG_MAX_CONFIG_LINE - 3);
    if (len >= size)
        return sg_fail(reader->err, SG_E_INTERNAL, "%s", _("inih does not keep to the limit it was given."));
    for (size_t i = 0; i < len; i++)
        out[i] = line[i] == '\t' ? ' ' : line[i];
    out[len] = '\0';
    if (!sg_utf8_is_printable(out, len))
        return sg_fail(reader->err, SG_E_CONFIG, _("%s: the line has characters that cannot be shown."), reader->where);
    const char *start = out + strspn(out, " ");
    return *start == '[' ? enter_section(reader, start) : SG_OK;
}

/* inih's reader, as fgets(3): one line, or NULL at the end and after a failure. */
static char *next_line(char *out, int size, void *stream)
{
    struct reader *reader = stream;
    if (reader->rc != SG_OK || reader->rest == reader->end)
        return NULL;
    const char *line = reader->rest, *newline = memchr(line, '\n', (size_t)(reader->end - line));
    size_t len = (size_t)((newline ? newline : reader->end) - line);
    reader->rest = newline ? newline + 1 : reader->end;
    if (len > 0 && line[len - 1] == '\r')
        len--;
    reader->line++;
    (void)snprintf(reader->where, sizeof(reader->where), "%s:%zu", reader->path, reader->line);
    reader->rc = take_line(reader, line, len, out, size > 0 ? (size_t)size : 0);
    return reader->rc == SG_OK ? out : NULL;
}

static enum sg_rc take_value(struct reader *reader, const char *name, const char *value)
{
    enum sg_key key = SG_KEY_COUNT;
    if (!reader->section)
        return sg_fail(reader->err, SG_E_CONFIG, _("%s: \"%s\" stands before the first [section]."), reader->where,
                       name);
    if (!sg_config_find_key(reader->section, name, &key))
        return sg_config_unknown(reader->where, reader->section, name, reader->err);
    if (reader->said[key] != 0 && !sg_key_is_list(key))
        return sg_fail(reader->err, SG_E_CONFIG, _("%s: \"%s\" is there twice; line %zu has it too."), reader->where,
                       name, reader->said[key]);
    for (size_t i = 0; reader->said[key] != 0 && i < sg_config_count(reader->config, key); i++)
        if (strcmp(sg_config_item(reader->config, key, i), value) == 0)
            return sg_fail(reader->err, SG_E_CONFIG, _("%s: \"%s\" has this value already."), reader->where, name);
    reader->said[key] = reader->line;
    return sg_config_set(reader->group ? reader->group : reader->config, key, value, reader->origin, reader->where,
                         reader->err);
}

/* inih's handler: 0 stops. The section that it knows may be cut; ours is not. */
static int handle(void *user, const char *section, const char *name, const char *value)
{
    struct reader *reader = user;
    (void)section;
    reader->rc = take_value(reader, name, value);
    return reader->rc == SG_OK;
}

static enum sg_rc parse(struct reader *reader)
{
    /* inih's settings are globals of its library; every caller sets the same. */
    ini_use_stack = false;
    ini_max_line = SG_MAX_CONFIG_LINE;
    ini_initial_alloc = SG_MAX_CONFIG_LINE; /* without a stack buffer, this is what it reads by */
    ini_allow_realloc = false;
    ini_allow_multiline = false;
    ini_allow_no_value = false;
    ini_stop_on_first_error = true;
    int answer = ini_parse_stream(next_line, reader, handle, reader);
    if (reader->rc != SG_OK)
        return reader->rc;
    if (answer == -2)
        return sg_fail_memory(reader->err);
    if (answer != 0)
        return sg_fail(reader->err, SG_E_CONFIG, _("%s: the line is neither a [section] nor \"name = value\"."),
                       reader->where);
    return SG_OK;
}

/* A file that is there and cannot be read is an error: it may say something that makes us stricter. */
static enum sg_rc read_text(const char *path, struct sg_buf *text, struct sg_err *err)
{
    _cleanup_(sg_input_freep) struct sg_input *input = NULL;
    struct sg_err why;
    enum sg_rc rc = sg_input_open(path, &input, &why);
    if (rc == SG_E_NOT_FOUND)
        return SG_OK;
    if (rc == SG_OK)
        rc = sg_input_read_all(input, text, &why);
    if (rc != SG_OK && err) {
        *err = why;
        err->rc = rc == SG_E_NO_MEMORY ? rc : SG_E_CONFIG;
    }
    return rc == SG_OK || rc == SG_E_NO_MEMORY ? rc : SG_E_CONFIG;
}

enum sg_rc sg_config_read(struct sg_config *config, const char *path, enum sg_origin origin, struct sg_err *err)
{
    static const char bom[] = "\xef\xbb\xbf";

    _cleanup_(sg_buf_clear) struct sg_buf buf = SG_BUF(SG_MAX_CONFIG_FILE);
    const char *text = NULL;
    enum sg_rc rc = read_text(path, &buf, err);
    if (rc == SG_OK)
        rc = sg_buf_text(&buf, &text, err);
    if (rc != SG_OK)
        return rc;
    struct reader reader = {.config = config, .path = path, .origin = origin, .err = err};
    reader.rest = strncmp(text, bom, 3) == 0 ? text + 3 : text;
    reader.end = text + buf.len;
    rc = parse(&reader);
    return rc == SG_OK ? SG_OK : sg_about(path, err, rc);
}
