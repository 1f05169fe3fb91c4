/* Names of entries: which may be, and how they are written. */
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/msg.h"
#include "base/utf8.h"
#include "formats/zip_private.h"

/* "", "." and ".." are none that a file can have. `*ret_next`: behind it and its slash. */
static bool is_part(const char *part, const char *end, const char **ret_next)
{
    const char *slash = memchr(part, '/', (size_t)(end - part));
    size_t len = (size_t)((slash ? slash : end) - part);
    *ret_next = slash ? slash + 1 : end;
    return len > 0 && !(len == 1 && part[0] == '.') && !(len == 2 && part[0] == '.' && part[1] == '.');
}

static bool has_drive(const char *name, size_t len)
{
    return len >= 2 && name[1] == ':' && ((name[0] | 0x20) >= 'a' && (name[0] | 0x20) <= 'z');
}

const char *sg_zip_name_problem(const char *name, size_t len)
{
    const char *end = name + len;
    if (len == 0)
        return _("it has no name");
    if (len > SG_MAX_ZIP_NAME)
        return _("its name is too long");
    if (!sg_utf8_is_printable(name, len))
        return _("its name is no text that can be shown");
    if (name[0] == '/' || has_drive(name, len))
        return _("its name is an absolute one");
    if (memchr(name, '\\', len))
        return _("its name has a backslash");
    for (const char *part = name; part < end;)
        if (!is_part(part, end, &part))
            return _("its name leads to other folders (\"..\", \".\" or \"//\")");
    return NULL;
}

/* Code page 437, which names are in that are not marked as UTF-8 (§D.1): its upper half. Many programs write other code
 * pages or UTF-8 there without saying so; what is well-formed UTF-8 is read as that. */
static const uint16_t code_page_437[128] = {
    0x00c7, 0x00fc, 0x00e9, 0x00e2, 0x00e4, 0x00e0, 0x00e5, 0x00e7, 0x00ea, 0x00eb, 0x00e8, 0x00ef, 0x00ee,
    0x00ec, 0x00c4, 0x00c5, 0x00c9, 0x00e6, 0x00c6, 0x00f4, 0x00f6, 0x00f2, 0x00fb, 0x00f9, 0x00ff, 0x00d6,
    0x00dc, 0x00a2, 0x00a3, 0x00a5, 0x20a7, 0x0192, 0x00e1, 0x00ed, 0x00f3, 0x00fa, 0x00f1, 0x00d1, 0x00aa,
    0x00ba, 0x00bf, 0x2310, 0x00ac, 0x00bd, 0x00bc, 0x00a1, 0x00ab, 0x00bb, 0x2591, 0x2592, 0x2593, 0x2502,
    0x2524, 0x2561, 0x2562, 0x2556, 0x2555, 0x2563, 0x2551, 0x2557, 0x255d, 0x255c, 0x255b, 0x2510, 0x2514,
    0x2534, 0x252c, 0x251c, 0x2500, 0x253c, 0x255e, 0x255f, 0x255a, 0x2554, 0x2569, 0x2566, 0x2560, 0x2550,
    0x256c, 0x2567, 0x2568, 0x2564, 0x2565, 0x2559, 0x2558, 0x2552, 0x2553, 0x256b, 0x256a, 0x2518, 0x250c,
    0x2588, 0x2584, 0x258c, 0x2590, 0x2580, 0x03b1, 0x00df, 0x0393, 0x03c0, 0x03a3, 0x03c3, 0x00b5, 0x03c4,
    0x03a6, 0x0398, 0x03a9, 0x03b4, 0x221e, 0x03c6, 0x03b5, 0x2229, 0x2261, 0x00b1, 0x2265, 0x2264, 0x2320,
    0x2321, 0x00f7, 0x2248, 0x00b0, 0x2219, 0x00b7, 0x221a, 0x207f, 0x00b2, 0x25a0, 0x00a0,
};

static enum sg_rc from_code_page(struct sg_slice raw, struct sg_buf *out, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;
    for (size_t i = 0; rc == SG_OK && i < raw.len; i++) {
        uint32_t c = raw.data[i] < 0x80 ? raw.data[i] : code_page_437[raw.data[i] - 0x80];
        uint8_t octets[3] = {(uint8_t)c};
        size_t len = 1;
        if (c >= 0x800) {
            octets[0] = (uint8_t)(0xe0 | c >> 12);
            octets[1] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
            octets[2] = (uint8_t)(0x80 | (c & 0x3f));
            len = 3;
        } else if (c >= 0x80) {
            octets[0] = (uint8_t)(0xc0 | c >> 6);
            octets[1] = (uint8_t)(0x80 | (c & 0x3f));
            len = 2;
        }
        rc = sg_buf_append(out, octets, len, err);
    }
    return rc;
}

static bool is_utf8(struct sg_slice text)
{
    uint32_t code_point;
    for (size_t at = 0, len; at < text.len; at += len) {
        len = sg_utf8_next(text.data + at, text.len - at, &code_point);
        if (len == 0)
            return false;
    }
    return true;
}

/* The name in Info-ZIP's Unicode Path (§4.6.9), if it is of this name: {NULL, 0} if there is none. Programs that know
 * it show it, others the name in the header. */
static bool unicode_path(const struct sg_zip *zip, const struct sg_zip_central *entry, struct sg_slice *ret)
{
    struct sg_slice field = {0};
    *ret = (struct sg_slice){0};
    if (!sg_zip_extra(entry->extra, SG_ZIP_EXTRA_UNICODE_PATH, &field))
        return false;
    if (!field.data)
        return true;
    if (field.len <= 5 || field.data[0] != 1)
        return false;
    if (sg_zip_get32(field.data + 1) == zip->module->crc32(0, entry->raw_name.data, entry->raw_name.len))
        *ret = (struct sg_slice){field.data + 5, field.len - 5};
    return true;
}

static enum sg_rc decode(const struct sg_zip *zip, const struct sg_zip_central *entry, struct sg_buf *out,
                         struct sg_err *err)
{
    bool plain = is_utf8(entry->raw_name);
    struct sg_slice other = {0};
    if (!unicode_path(zip, entry, &other) || (other.data && plain && !sg_slice_equal(other, entry->raw_name)))
        return sg_zip_malformed(zip, NULL, _("an entry has two names"), err);
    if (!plain && entry->flags & SG_ZIP_BIT_UTF8)
        return sg_zip_malformed(zip, NULL, _("a name is marked as UTF-8 and is none"), err);
    struct sg_slice text = other.data ? other : entry->raw_name;
    return plain || other.data ? sg_buf_append(out, text.data, text.len, err) : from_code_page(text, out, err);
}

enum sg_rc sg_zip_name_read(const struct sg_zip *zip, const struct sg_zip_central *entry, char **ret,
                            struct sg_err *err)
{
    _cleanup_(sg_buf_clear) struct sg_buf text = SG_BUF(3 * SG_ZIP_MAX16 + 1);
    _cleanup_(sg_buf_clear) struct sg_buf shown = SG_BUF(9 * SG_ZIP_MAX16 + 1);
    const char *name = NULL;
    enum sg_rc rc = decode(zip, entry, &text, err);
    if (rc == SG_OK)
        rc = sg_buf_text(&text, &name, err);
    if (rc != SG_OK)
        return rc;
    const char *problem = sg_zip_name_problem(name, text.len);
    if (problem) {
        rc = sg_utf8_append_printable(&shown, name, text.len < 256 ? text.len : 256, err);
        if (rc == SG_OK)
            rc = sg_buf_text(&shown, &name, err);
        return rc == SG_OK ? sg_zip_malformed(zip, name, problem, err) : rc;
    }
    *ret = strdup(name);
    return *ret ? SG_OK : sg_fail_memory(err);
}
