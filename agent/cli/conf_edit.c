#include "cli/conf_edit.h"

#include <string.h>

#include "base/config.h"
#include "base/input.h"
#include "base/limits.h"
#include "base/msg.h"
#include "base/outfile.h"

enum sg_rc sg_conf_read(const char *path, struct sg_buf *text, struct sg_err *err)
{
    _cleanup_(sg_input_freep) struct sg_input *input = NULL;
    struct sg_err why;

    if (sg_input_open(path, &input, &why) == SG_OK)
        return sg_input_read_all(input, text, err);
    if (why.rc != SG_E_NOT_FOUND && err)
        *err = why;
    return why.rc == SG_E_NOT_FOUND ? SG_OK : why.rc;
}

static struct sg_slice trimmed(struct sg_slice line)
{
    while (line.len > 0 && strchr(" \t\r\n", line.data[line.len - 1]))
        line.len--;
    while (line.len > 0 && strchr(" \t", line.data[0])) {
        line.data++;
        line.len--;
    }
    return line;
}

static bool is_text(struct sg_slice slice, const char *text)
{
    return slice.len == strlen(text) && memcmp(slice.data, text, slice.len) == 0;
}

/* "[section]", perhaps with a comment behind it. */
static bool is_header_of(struct sg_slice line, const char *section)
{
    const uint8_t *end = line.len > 1 ? memchr(line.data, ']', line.len) : NULL;

    return end && is_text((struct sg_slice){line.data + 1, (size_t)(end - line.data) - 1}, section);
}

static bool is_key(struct sg_slice line, const char *name)
{
    const uint8_t *end = line.len > 0 ? memchr(line.data, '=', line.len) : NULL;

    return end && is_text(trimmed((struct sg_slice){line.data, (size_t)(end - line.data)}), name);
}

static bool next_line(struct sg_slice *rest, struct sg_slice *line)
{
    if (rest->len == 0)
        return false;
    const uint8_t *end = memchr(rest->data, '\n', rest->len);
    *line = (struct sg_slice){rest->data, end ? (size_t)(end - rest->data) + 1 : rest->len};
    rest->data += line->len;
    rest->len -= line->len;
    return true;
}

/* Whether the section has a line of the key; `*ret_section` whether it is there at all. */
static bool has_key(struct sg_slice text, const char *section, const char *name, bool *ret_section)
{
    bool inside = false, found = false;

    *ret_section = false;
    for (struct sg_slice line; next_line(&text, &line);) {
        line = trimmed(line);
        if (line.len > 0 && line.data[0] == '[')
            inside = is_header_of(line, section);
        *ret_section |= inside;
        found |= inside && is_key(line, name);
    }
    return found;
}

/* Spaces at its ends are dropped by the reader, and ` ;` starts a comment. */
static bool reads_back(const char *value)
{
    size_t len = strlen(value);
    bool after_space = true;

    if (len > 0 && (value[0] == ' ' || value[len - 1] == ' '))
        return false;
    for (const char *c = value; *c; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7F || (after_space && (*c == ';' || *c == '#')))
            return false;
        after_space = *c == ' ';
    }
    return true;
}

static enum sg_rc put_values(struct sg_buf *out, const char *name, const char *const *values, size_t count,
                             struct sg_err *err)
{
    enum sg_rc rc = SG_OK;

    for (size_t i = 0; i < count && rc == SG_OK; i++)
        rc = sg_buf_printf(out, err, "%s = %s\n", name, values[i]);
    return rc;
}

static enum sg_rc edit(struct sg_slice text, const char *section, const char *name, const char *const *values,
                       size_t count, struct sg_buf *out, struct sg_err *err)
{
    bool section_there = false, inside = false, put = false;
    bool key_there = has_key(text, section, name, &section_there);
    enum sg_rc rc = SG_OK;

    for (struct sg_slice raw; rc == SG_OK && next_line(&text, &raw);) {
        struct sg_slice line = trimmed(raw);
        bool header = line.len > 0 && line.data[0] == '[', ours = inside && is_key(line, name);
        if (header)
            inside = is_header_of(line, section);
        if (!ours)
            rc = sg_buf_append(out, raw.data, raw.len, err);
        if (rc == SG_OK && raw.data[raw.len - 1] != '\n')
            rc = sg_buf_append(out, "\n", 1, err);
        if (rc == SG_OK && !put && (ours || (header && inside && !key_there))) {
            rc = put_values(out, name, values, count, err);
            put = true;
        }
    }
    if (rc == SG_OK && !put)
        rc = sg_buf_printf(out, err, "%s[%s]\n", out->len ? "\n" : "", section);
    if (rc == SG_OK && !put)
        rc = put_values(out, name, values, count, err);
    return rc;
}

enum sg_rc sg_conf_set(struct sg_buf *text, const char *section, const char *name, const char *const *values,
                       size_t count, struct sg_err *err)
{
    struct sg_buf out = SG_BUF(SG_MAX_CONFIG_FILE);
    enum sg_rc rc = SG_OK;

    for (size_t i = 0; i < count && rc == SG_OK; i++) {
        if (!reads_back(values[i]))
            return sg_fail(err, SG_E_CONFIG, _("The value of [%s] %s cannot be written into a configuration file."),
                           section, name);
        rc = sg_config_check(section, name, values[i], err);
    }
    if (rc == SG_OK)
        rc = edit(sg_buf_slice(text), section, name, values, count, &out, err);
    if (rc != SG_OK) {
        sg_buf_clear(&out);
        return rc;
    }
    sg_buf_clear(text);
    *text = out;
    return SG_OK;
}

enum sg_rc sg_conf_write(const char *path, const struct sg_buf *text, struct sg_err *err)
{
    _cleanup_(freep) char *real = realpath(path, NULL);
    const char *target = real ? real : path, *slash = strrchr(target, '/');
    enum sg_rc rc = SG_OK;

    if (slash && slash > target) {
        _cleanup_(freep) char *folder = strndup(target, (size_t)(slash - target));
        if (!folder)
            return sg_fail_memory(err);
        rc = sg_folder_make(folder, err);
    }
    return rc == SG_OK ? sg_file_write(target, sg_buf_slice(text), SG_OUT_REPLACE | SG_OUT_PRIVATE, err) : rc;
}
