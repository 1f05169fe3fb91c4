#include "verify/pdf_ranges.h"

#include <string.h>

#include "base/limits.h"
#include "base/msg.h"

bool sg_pdf_ranges_usable(struct sg_input *input, const struct sg_pdf_signature *signature)
{
    uint64_t size = sg_input_size(input);
    const uint64_t *range = signature->range;
    return signature->has_range && range[0] <= size && range[1] <= size - range[0] && range[2] <= size &&
           range[3] <= size - range[2];
}

enum sg_rc sg_pdf_ranges_stream(void *context, struct sg_sink sink, struct sg_err *err)
{
    const struct sg_pdf_ranges *ranges = context;
    const uint64_t *range = ranges->signature->range;
    enum sg_rc rc = sg_input_copy(ranges->input, range[0], range[1], sink, err);
    return rc == SG_OK ? sg_input_copy(ranges->input, range[2], range[3], sink, err) : rc;
}

/* --- what is let out ------------------------------------------------------------------------------------------------
 */

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f' || c == '\0';
}

static bool is_hex(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* Looks at octets as they come. */
struct look {
    bool (*allows)(uint8_t c);
    bool holds;
};

static enum sg_rc look_at(void *context, const uint8_t *data, size_t len, struct sg_err *err)
{
    struct look *look = context;
    (void)err;
    for (size_t i = 0; look->holds && i < len; i++)
        look->holds = look->allows(data[i]);
    return SG_OK;
}

static enum sg_rc all_are(struct sg_input *input, uint64_t from, uint64_t to, bool (*allows)(uint8_t c), bool *ret,
                          struct sg_err *err)
{
    struct look look = {.allows = allows, .holds = true};
    enum sg_rc rc = sg_input_copy(input, from, to - from, (struct sg_sink){look_at, &look}, err);
    if (rc == SG_OK)
        *ret = look.holds;
    return rc;
}

enum sg_rc sg_pdf_is_blank(struct sg_input *input, uint64_t from, uint64_t to, bool *ret, struct sg_err *err)
{
    return all_are(input, from, to, is_blank, ret, err);
}

static bool is_hex_or_blank(uint8_t c)
{
    return is_hex(c) || is_blank(c);
}

/* Exactly one hexadecimal string, "<" and ">" with it (ISO 32000-1 §7.3.4.3). */
static enum sg_rc is_string(struct sg_input *input, uint64_t from, uint64_t to, bool *ret, struct sg_err *err)
{
    uint8_t first = 0, last = 0;
    size_t n = 0;
    *ret = false;
    if (to - from < 2 || to - from > 2 * (SG_MAX_PDF_STRING + 1))
        return SG_OK;
    enum sg_rc rc = sg_input_read(input, from, &first, 1, &n, err);
    if (rc == SG_OK)
        rc = sg_input_read(input, to - 1, &last, 1, &n, err);
    if (rc != SG_OK || first != '<' || last != '>')
        return rc;
    return all_are(input, from + 1, to - 1, is_hex_or_blank, ret, err);
}

/* --- all of it ------------------------------------------------------------------------------------------------------
 */

static enum sg_rc say(char **ret_why, const char *text, struct sg_err *err)
{
    return (*ret_why = strdup(text)) ? SG_OK : sg_fail_memory(err);
}

/* The revision that ends at `end`; its line end may be left out, and white space behind the last one be in it. */
static enum sg_rc find_revision(struct sg_input *input, const struct sg_pdf_revisions *revisions, uint64_t end,
                                size_t *ret, bool *ret_found, struct sg_err *err)
{
    const struct sg_pdf_revision *newest = &revisions->list[revisions->count - 1];
    *ret_found = false;
    for (size_t i = 0; !*ret_found && i < revisions->count; i++) {
        *ret_found = end >= revisions->list[i].end_of_eof && end <= revisions->list[i].end;
        *ret = i;
    }
    if (*ret_found || end <= newest->end || end > sg_input_size(input))
        return SG_OK;
    return sg_pdf_is_blank(input, newest->end, end, ret_found, err);
}

enum sg_rc sg_pdf_ranges_check(struct sg_input *input, const struct sg_pdf_signature *signature,
                               const struct sg_pdf_revisions *revisions, size_t *ret_revision, char **ret_why,
                               struct sg_err *err)
{
    const uint64_t *range = signature->range;
    bool is_contents = false, found = false;
    size_t revision = 0;
    if (!signature->has_range)
        return say(ret_why, _("The signature does not say by /ByteRange, with four numbers, which octets it covers."),
                   err);
    if (!sg_pdf_ranges_usable(input, signature))
        return say(ret_why, _("The signature's /ByteRange leads out of the file."), err);
    if (range[0] != 0)
        return say(ret_why, _("The signature does not cover the file from its first octet on."), err);
    uint64_t gap = range[1], end_of_gap = range[2];
    enum sg_rc rc = SG_OK;
    if (end_of_gap > gap && signature->contents == gap)
        rc = is_string(input, gap, end_of_gap, &is_contents, err);
    if (rc == SG_OK && !is_contents)
        return say(
            ret_why,
            _("What the signature leaves out of the file is not exactly the string /Contents of its dictionary."), err);
    if (rc == SG_OK)
        rc = find_revision(input, revisions, end_of_gap + range[3], &revision, &found, err);
    if (rc == SG_OK && !found)
        return say(ret_why, _("The signature does not cover the file up to the end of any revision of it."), err);
    if (rc == SG_OK) {
        *ret_why = NULL;
        *ret_revision = revision;
    }
    return rc;
}
