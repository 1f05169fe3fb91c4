#include "formats/checksums.h"

#include <string.h>

#include "base/limits.h"
#include "base/msg.h"

void sg_checksums_clear(struct sg_checksums *checksums)
{
    for (size_t i = 0; i < checksums->count; i++)
        free(checksums->files[i].name);
    free(checksums->files);
    *checksums = (struct sg_checksums){0};
}

/* What is escaped, in place. */
static bool unescape(char *name)
{
    char *to = name;

    for (const char *from = name; *from; from++) {
        char c = *from;

        if (c == '\\') {
            c = *++from == 'n' ? '\n' : *from == 'r' ? '\r' : *from;
            if (c != '\n' && c != '\r' && c != '\\')
                return false;
        }
        *to++ = c;
    }
    *to = '\0';
    return true;
}

/* `line` is without its newline. False: it is none of such a list. NULL in `ret->name`: no memory. */
static bool parse(struct sg_slice line, struct sg_checksum *ret)
{
    const size_t head = SG_SHA256_HEX - 1 + 2;
    bool escaped = line.len > 0 && line.data[0] == '\\';
    const char *text = (const char *)line.data + escaped;
    size_t len = line.len - escaped;
    char digits[SG_SHA256_HEX] = "";
    uint8_t digest[SG_SHA256_LEN];

    if (len <= head || memchr(text, '\0', len) || text[head - 2] != ' ' ||
        (text[head - 1] != ' ' && text[head - 1] != '*'))
        return false;
    memcpy(digits, text, sizeof(digits) - 1);
    if (!sg_unhex(digits, digest, sizeof(digest)))
        return false;
    sg_hex(digest, sizeof(digest), ret->sha256);
    ret->name = strndup(text + head, len - head);
    return !escaped || !ret->name || unescape(ret->name);
}

/* Takes the name over, also when it fails. */
static enum sg_rc add(struct sg_checksums *checksums, const struct sg_checksum *file, struct sg_err *err)
{
    if (checksums->count == checksums->room) {
        size_t room = checksums->room ? 2 * checksums->room : 64;
        struct sg_checksum *files = reallocarray(checksums->files, room, sizeof(*files));

        if (!files) {
            free(file->name);
            return sg_fail_memory(err);
        }
        checksums->files = files;
        checksums->room = room;
    }
    checksums->files[checksums->count++] = *file;
    return SG_OK;
}

static enum sg_rc take_line(struct sg_checksums *checksums, struct sg_slice line, const char *list, struct sg_err *err)
{
    struct sg_checksum file = {0};

    if (checksums->count == SG_MAX_CHECKSUMS)
        return sg_fail(err, SG_E_LIMIT, _("\"%s\" lists more than %d files."), list, SG_MAX_CHECKSUMS);
    if (!parse(line, &file)) {
        free(file.name);
        return sg_fail(err, SG_E_MALFORMED,
                       _("Line %zu of \"%s\" is not a SHA-256, two spaces and a name, as sha256sum writes them."),
                       checksums->count + 1, list);
    }
    return file.name ? add(checksums, &file, err) : sg_fail_memory(err);
}

static enum sg_rc take_lines(struct sg_checksums *checksums, struct sg_slice all, const char *list, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;

    while (all.len > 0 && rc == SG_OK) {
        const uint8_t *newline = memchr(all.data, '\n', all.len);
        size_t len = newline ? (size_t)(newline - all.data) : all.len;

        rc = take_line(checksums, (struct sg_slice){all.data, len}, list, err);
        len += newline ? 1 : 0;
        all = (struct sg_slice){all.data + len, all.len - len};
    }
    if (rc == SG_OK && checksums->count == 0)
        rc = sg_fail(err, SG_E_MALFORMED, _("\"%s\" lists no files."), list);
    return rc;
}

enum sg_rc sg_checksums_read(struct sg_input *input, struct sg_checksums *ret, struct sg_err *err)
{
    _cleanup_(sg_buf_clear) struct sg_buf buf = SG_BUF(SG_MAX_CHECKSUM_LIST);
    _cleanup_(sg_checksums_clear) struct sg_checksums checksums = {0};
    const char *list = sg_input_name(input);
    enum sg_rc rc = sg_input_read_all(input, &buf, err);

    if (rc == SG_OK)
        rc = take_lines(&checksums, sg_buf_slice(&buf), list, err);
    if (rc != SG_OK)
        return sg_about(list, err, rc);
    *ret = checksums;
    checksums = (struct sg_checksums){0};
    return SG_OK;
}
