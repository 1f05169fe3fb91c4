#include "formats/mime.h"

#include <string.h>

#include "base/msg.h"
#include "formats/base64.h"
#include "formats/mime_private.h"

#define MESSAGE "message/rfc822"

struct sg_mime {
    struct sg_input *input; /* borrowed */
    struct sg_input *cms;
    bool is_signed, detached, holds_signed;
    uint64_t content_start, content_end; /* of what is signed, if detached */
};

/* A message being read. */
struct reading {
    struct sg_mime *mime;
    struct sg_mime_lines *lines;
    struct sg_mime_header outer;
    size_t signature_line; /* where the signature's part begins */
    size_t epilogue_line;
};

static bool is_signed_multipart(const struct sg_mime_header *header)
{
    return strcmp(header->type, "multipart/signed") == 0 && strcmp(header->protocol, "application/pgp-signature") != 0;
}

/* RFC 8551 §3.2: the smime-type may be left out. */
static bool is_pkcs7_mime(const struct sg_mime_header *header)
{
    static const char *const others[] = {"enveloped-data", "authenveloped-data", "compressed-data"};

    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strcmp(header->smime_type, others[i]) == 0)
            return false;
    return strcmp(header->type, "application/pkcs7-mime") == 0 || strcmp(header->type, "application/x-pkcs7-mime") == 0;
}

static bool is_pkcs7_signature(const char *type)
{
    return strcmp(type, "application/pkcs7-signature") == 0 || strcmp(type, "application/x-pkcs7-signature") == 0;
}

/* Where a message of another kind has a signed one in it, by its parts' headers: a forwarded one, or one to which a
 * mailing list added. 0: nowhere. What is in a part that is no multipart may look like one, which is only said. */
static enum sg_rc find_signed_part(struct sg_mime_lines *lines, const struct sg_mime_header *outer, size_t *ret_line,
                                   struct sg_err *err)
{
    struct sg_mime_header header = *outer;
    struct sg_mime_line line;
    bool more = (strncmp(outer->type, "multipart/", strlen("multipart/")) == 0 &&
                 strcmp(outer->type, "multipart/signed") != 0) ||
                strcmp(outer->type, MESSAGE) == 0;
    enum sg_rc rc = SG_OK;

    *ret_line = 0;
    while (rc == SG_OK && more) {
        bool at_headers = strcmp(header.type, MESSAGE) == 0;
        while (rc == SG_OK && more && !at_headers) {
            rc = sg_mime_lines_next(lines, &line, &more, err);
            at_headers = rc == SG_OK && more && line.text.len > 2 && memcmp(line.text.data, "--", 2) == 0;
        }
        if (rc == SG_OK && more)
            rc = sg_mime_header_read(lines, &header, err);
        if (rc == SG_OK && more && (is_signed_multipart(&header) || is_pkcs7_mime(&header))) {
            *ret_line = header.line;
            more = false;
        }
    }
    return rc;
}

/* Of a text, not of a mail (RFC 5322 §2.2). */
static enum sg_rc byte_order_mark(struct sg_input *input, size_t *ret_len, struct sg_err *err)
{
    static const uint8_t mark[] = {0xef, 0xbb, 0xbf};
    uint8_t head[sizeof(mark)];
    size_t len = 0;
    enum sg_rc rc = sg_input_read(input, 0, head, sizeof(head), &len, err);

    *ret_len = rc == SG_OK && len == sizeof(mark) && memcmp(head, mark, len) == 0 ? len : 0;
    return rc;
}

enum sg_rc sg_mime_probe(struct sg_input *input, bool *ret_is_smime, struct sg_err *err)
{
    _cleanup_(sg_mime_lines_freep) struct sg_mime_lines *lines = NULL;
    struct sg_mime_header header;
    size_t mark = 0, line = 0;

    enum sg_rc rc = byte_order_mark(input, &mark, err);
    if (rc == SG_OK)
        rc = sg_mime_lines_new(input, mark, &lines, err);
    if (rc == SG_OK)
        rc = sg_mime_header_read(lines, &header, err);
    bool is_smime = rc == SG_OK && (is_signed_multipart(&header) || is_pkcs7_mime(&header));
    if (rc == SG_OK && !is_smime)
        rc = find_signed_part(lines, &header, &line, err);
    if (rc == SG_OK)
        *ret_is_smime = is_smime || line > 0;
    return rc;
}

static enum sg_rc malformed(const struct reading *reading, size_t line, const char *reason, struct sg_err *err)
{
    const char *name = sg_input_name(reading->mime->input);

    return sg_about(
        name, err,
        sg_fail(err, SG_E_MALFORMED,
                _("The message in \"%s\" cannot be read, so that what it signs is not clear: line %zu: %s."), name,
                line, reason));
}

static enum sg_rc check_headers(const struct reading *reading, const struct sg_mime_header *header, struct sg_err *err)
{
    if (!header->problem)
        return SG_OK;
    enum sg_rc rc = malformed(reading, header->line, _(header->problem), err);
    if (header->too_long && err)
        err->rc = SG_E_LIMIT;
    return header->too_long ? SG_E_LIMIT : rc;
}

/* --- boundaries (RFC 2046 §5.1.1) --------------------------------------------------------------------------------- */

enum delimiter { NO_DELIMITER, DELIMITER, LAST_DELIMITER, UNCLEAR_DELIMITER };

/* Blanks may stand behind a delimiter. Anything else behind it makes it one for some readers and none for others. */
static enum delimiter delimiter_of(const struct reading *reading, const struct sg_mime_line *line)
{
    const char *boundary = reading->outer.boundary;
    size_t boundary_len = strlen(boundary);
    struct sg_slice rest = line->text;

    if (rest.len < 2 + boundary_len || memcmp(rest.data, "--", 2) != 0 ||
        memcmp(rest.data + 2, boundary, boundary_len) != 0)
        return NO_DELIMITER;
    rest.data += 2 + boundary_len;
    rest.len -= 2 + boundary_len;
    bool last = rest.len >= 2 && memcmp(rest.data, "--", 2) == 0;
    for (size_t i = last ? 2 : 0; i < rest.len; i++)
        if (rest.data[i] != ' ' && rest.data[i] != '\t')
            return UNCLEAR_DELIMITER;
    if (!line->whole)
        return UNCLEAR_DELIMITER;
    return last ? LAST_DELIMITER : DELIMITER;
}

/* The next line that is a delimiter, or is at the input's end (NO_DELIMITER); `*ret_end` is where what stands before it
 * ends: the line break in front of a delimiter belongs to that. */
static enum sg_rc go_to_delimiter(struct reading *reading, struct sg_mime_line *ret_line, enum delimiter *ret,
                                  uint64_t *ret_end, struct sg_err *err)
{
    uint64_t start = sg_mime_lines_place(reading->lines);
    size_t line_break = 0;
    struct sg_mime_line line = {0};
    enum delimiter found = NO_DELIMITER;
    bool more = true;
    enum sg_rc rc = SG_OK;

    while (rc == SG_OK && found == NO_DELIMITER) {
        rc = sg_mime_lines_next(reading->lines, &line, &more, err);
        if (rc != SG_OK || !more)
            break;
        found = delimiter_of(reading, &line);
        if (found == NO_DELIMITER)
            line_break = line.line_break;
    }
    if (rc == SG_OK && found == UNCLEAR_DELIMITER)
        return malformed(reading, line.number, _("it begins as a boundary, but goes on"), err);
    if (rc != SG_OK)
        return rc;
    *ret_line = line;
    *ret = found;
    *ret_end = line.start > start ? line.start - line_break : start;
    return SG_OK;
}

/* The next delimiter, which has to be `wanted`; `why[i]` is what is wrong if it is that one. */
static enum sg_rc expect_delimiter(struct reading *reading, enum delimiter wanted, const char *const why[3],
                                   struct sg_mime_line *ret_line, uint64_t *ret_end, struct sg_err *err)
{
    enum delimiter found = NO_DELIMITER;

    enum sg_rc rc = go_to_delimiter(reading, ret_line, &found, ret_end, err);
    if (rc == SG_OK && found != wanted)
        return malformed(reading, ret_line->number, _(why[found]), err);
    return rc;
}

static enum sg_rc check_stretch(const struct reading *reading, struct sg_mime_stretch stretch, struct sg_err *err)
{
    const char *problem = NULL;
    size_t line = 0;

    enum sg_rc rc = sg_mime_find_unclear(reading->mime->input, &stretch, reading->outer.boundary, &problem, &line, err);
    return rc == SG_OK && problem ? malformed(reading, line, _(problem), err) : rc;
}

/* --- the signature ------------------------------------------------------------------------------------------------ */

static enum sg_rc decode_line(struct reading *reading, struct sg_base64 *base64, const struct sg_mime_line *line,
                              struct sg_err *err)
{
    bool right = line->whole;
    enum sg_rc rc = SG_OK;

    if (right)
        rc = sg_base64_text(base64, line->text, &right, err);
    if (rc == SG_OK && !right)
        return malformed(reading, line->number,
                         line->whole ? _("it is not Base64") : _("it is too long for a line of Base64"), err);
    return rc;
}

/* Base64 up to the next delimiter, if there are any, or the input's end. */
static enum sg_rc decode_base64(struct reading *reading, struct sg_mime_line *ret_line, enum delimiter *ret,
                                struct sg_err *err)
{
    _cleanup_(sg_base64_freep) struct sg_base64 *base64 = NULL;
    struct sg_mime_line line = {0};
    enum delimiter found = NO_DELIMITER;
    bool more = true, right = true;

    enum sg_rc rc = sg_base64_new(sg_input_sink(reading->mime->cms), &base64, err);
    while (rc == SG_OK) {
        rc = sg_mime_lines_next(reading->lines, &line, &more, err);
        if (rc != SG_OK || !more)
            break;
        if (reading->mime->detached)
            found = delimiter_of(reading, &line);
        if (found != NO_DELIMITER)
            break;
        rc = decode_line(reading, base64, &line, err);
    }
    if (rc == SG_OK)
        rc = sg_base64_end(base64, &right, err);
    if (rc == SG_OK && !right)
        return malformed(reading, line.number, _("the Base64 before it is cut short"), err);
    if (rc != SG_OK)
        return rc;
    *ret_line = line;
    *ret = found;
    return SG_OK;
}

/* Octets as they are, likewise. */
static enum sg_rc copy_binary(struct reading *reading, struct sg_mime_line *ret_line, enum delimiter *ret,
                              struct sg_err *err)
{
    struct sg_input *input = reading->mime->input;
    uint64_t start = sg_mime_lines_place(reading->lines), end = sg_input_size(input);

    *ret = NO_DELIMITER;
    *ret_line = (struct sg_mime_line){0};
    enum sg_rc rc = reading->mime->detached ? go_to_delimiter(reading, ret_line, ret, &end, err) : SG_OK;
    return rc == SG_OK ? sg_input_copy(input, start, end - start, sg_input_sink(reading->mime->cms), err) : rc;
}

/* The body of a message or part that is a CMS. */
static enum sg_rc decode(struct reading *reading, const struct sg_mime_header *header, struct sg_mime_line *ret_line,
                         enum delimiter *ret, struct sg_err *err)
{
    const char *encoding = header->encoding;

    enum sg_rc rc = sg_input_spool(sg_input_name(reading->mime->input), &reading->mime->cms, err);
    if (rc != SG_OK)
        return rc;
    if (strcmp(encoding, "base64") == 0)
        return decode_base64(reading, ret_line, ret, err);
    if (encoding[0] == '\0' || strcmp(encoding, "binary") == 0 || strcmp(encoding, "8bit") == 0 ||
        strcmp(encoding, "7bit") == 0)
        return copy_binary(reading, ret_line, ret, err);
    return malformed(reading, header->line, _("a signature in this Content-Transfer-Encoding is not read"), err);
}

/* --- the message -------------------------------------------------------------------------------------------------- */

/* Whether what is signed says that it is a signed message itself: that one is not judged. */
static enum sg_rc look_into_content(struct sg_mime *mime, struct sg_err *err)
{
    _cleanup_(sg_mime_lines_freep) struct sg_mime_lines *lines = NULL;
    struct sg_mime_header header;

    enum sg_rc rc = sg_mime_lines_new(mime->input, mime->content_start, &lines, err);
    if (rc == SG_OK)
        rc = sg_mime_header_read(lines, &header, err);
    if (rc == SG_OK)
        mime->holds_signed = strcmp(header.type, "multipart/signed") == 0 || is_pkcs7_mime(&header);
    return rc;
}

static enum sg_rc check_multipart(const struct reading *reading, struct sg_err *err)
{
    const struct sg_mime_header *outer = &reading->outer;
    size_t len = strlen(outer->boundary);

    if (len == 0 || outer->boundary[len - 1] == ' ')
        return malformed(reading, outer->line, _("the headers before it name no boundary"), err);
    if (!is_pkcs7_signature(outer->protocol))
        return malformed(reading, outer->line,
                         _("the headers before it name another protocol than application/pkcs7-signature"), err);
    if (outer->encoding[0] != '\0' && strcmp(outer->encoding, "7bit") != 0 && strcmp(outer->encoding, "8bit") != 0 &&
        strcmp(outer->encoding, "binary") != 0)
        return malformed(reading, outer->line, _("a multipart is encoded as a whole"), err);
    return SG_OK;
}

static enum sg_rc read_content(struct reading *reading, struct sg_err *err)
{
    static const char *const before[] = {N_("the message ends, and the boundary has not come"), NULL,
                                         N_("the last boundary comes first")};
    static const char *const behind[] = {N_("the message ends within its first part"), NULL,
                                         N_("there is no second part, which would be the signature")};
    struct sg_mime *mime = reading->mime;
    struct sg_mime_line line, last;
    uint64_t start = sg_mime_lines_place(reading->lines), end = 0;

    enum sg_rc rc = expect_delimiter(reading, DELIMITER, before, &line, &end, err);
    if (rc == SG_OK)
        rc = check_stretch(reading, (struct sg_mime_stretch){start, end, reading->outer.line + 1, false}, err);
    if (rc == SG_OK)
        rc = expect_delimiter(reading, DELIMITER, behind, &last, &mime->content_end, err);
    if (rc != SG_OK)
        return rc;
    mime->content_start = line.end;
    rc = check_stretch(reading, (struct sg_mime_stretch){line.end, mime->content_end, line.number + 1, true}, err);
    reading->signature_line = last.number + 1;
    return rc == SG_OK ? look_into_content(mime, err) : rc;
}

static enum sg_rc read_signature(struct reading *reading, struct sg_err *err)
{
    struct sg_mime_header header;
    struct sg_mime_line line = {0};
    enum delimiter found = NO_DELIMITER;
    uint64_t start = sg_mime_lines_place(reading->lines);

    enum sg_rc rc = sg_mime_header_read(reading->lines, &header, err);
    if (rc == SG_OK)
        rc = check_headers(reading, &header, err);
    if (rc == SG_OK)
        rc = check_stretch(
            reading,
            (struct sg_mime_stretch){start, sg_mime_lines_place(reading->lines), reading->signature_line, false}, err);
    if (rc == SG_OK && !is_pkcs7_signature(header.type))
        return malformed(reading, header.line, _("the second part is not application/pkcs7-signature"), err);
    if (rc == SG_OK)
        rc = decode(reading, &header, &line, &found, err);
    reading->epilogue_line = line.number + 1;
    if (rc != SG_OK || found == LAST_DELIMITER)
        return rc;
    if (found == UNCLEAR_DELIMITER)
        return malformed(reading, line.number, _("it begins as a boundary, but goes on"), err);
    return malformed(reading, line.number,
                     found == DELIMITER ? _("there is a third part") : _("the message ends without its last boundary"),
                     err);
}

/* What comes behind the last boundary is shown by nobody; a boundary there would be. */
static enum sg_rc pass_epilogue(struct reading *reading, struct sg_err *err)
{
    struct sg_mime_line line;
    enum delimiter found = NO_DELIMITER;
    uint64_t start = sg_mime_lines_place(reading->lines), size = sg_input_size(reading->mime->input), end = 0;

    enum sg_rc rc = go_to_delimiter(reading, &line, &found, &end, err);
    if (rc == SG_OK && found != NO_DELIMITER)
        return malformed(reading, line.number, _("there is a boundary behind the last one"), err);
    return rc == SG_OK
               ? check_stretch(reading, (struct sg_mime_stretch){start, size, reading->epilogue_line, false}, err)
               : rc;
}

static enum sg_rc read_body(struct reading *reading, struct sg_err *err)
{
    enum delimiter found = NO_DELIMITER;

    if (!reading->mime->detached)
        return decode(reading, &reading->outer, &(struct sg_mime_line){0}, &found, err);
    enum sg_rc rc = check_multipart(reading, err);
    if (rc == SG_OK)
        rc = read_content(reading, err);
    if (rc == SG_OK)
        rc = read_signature(reading, err);
    return rc == SG_OK ? pass_epilogue(reading, err) : rc;
}

/* Only the part is signed: a reader shows what is around it, too. */
static enum sg_rc refuse_other(const struct reading *reading, struct sg_err *err)
{
    const char *name = sg_input_name(reading->mime->input);
    size_t line = 0;

    enum sg_rc rc = find_signed_part(reading->lines, &reading->outer, &line, err);
    if (rc == SG_OK && line == 0)
        rc = malformed(reading, reading->outer.line, _("the headers before it are not those of a signed message"), err);
    else if (rc == SG_OK)
        rc = sg_about(
            name, err,
            sg_fail(err, SG_E_UNSUPPORTED,
                    _("The message in \"%s\" is not signed as a whole: a signed part is in it (line %zu), as when "
                      "a mailing list added to it or somebody forwarded it. Save that part as a message of its "
                      "own, and verify that."),
                    name, line));
    return rc;
}

enum sg_rc sg_mime_read(struct sg_input *input, struct sg_mime **ret, struct sg_err *err)
{
    _cleanup_(sg_mime_freep) struct sg_mime *mime = calloc(1, sizeof *mime);
    _cleanup_(sg_mime_lines_freep) struct sg_mime_lines *lines = NULL;
    struct reading reading = {.mime = mime};

    if (!mime)
        return sg_fail_memory(err);
    mime->input = input;
    size_t mark = 0;
    enum sg_rc rc = byte_order_mark(input, &mark, err);
    if (rc == SG_OK && mark > 0)
        return malformed(
            &reading, 1,
            _("octets of a text editor stand before the headers (a byte order mark); save the message from "
              "the mailbox again"),
            err);
    if (rc == SG_OK)
        rc = sg_mime_lines_new(input, 0, &lines, err);
    reading.lines = lines;
    if (rc == SG_OK)
        rc = sg_mime_header_read(lines, &reading.outer, err);
    if (rc == SG_OK)
        rc = check_headers(&reading, &reading.outer, err);
    if (rc != SG_OK)
        return rc;
    mime->detached = strcmp(reading.outer.type, "multipart/signed") == 0;
    mime->is_signed = mime->detached || strcmp(reading.outer.smime_type, "signed-data") == 0;
    if (!mime->detached && !is_pkcs7_mime(&reading.outer))
        return refuse_other(&reading, err);
    rc = read_body(&reading, err);
    if (rc == SG_OK)
        *ret = sg_steal(mime);
    return rc;
}

void sg_mime_free(struct sg_mime *mime)
{
    if (!mime)
        return;
    sg_input_free(mime->cms);
    free(mime);
}

struct sg_input *sg_mime_cms(const struct sg_mime *mime)
{
    return mime->cms;
}

bool sg_mime_is_signed(const struct sg_mime *mime)
{
    return mime->is_signed;
}

bool sg_mime_is_detached(const struct sg_mime *mime)
{
    return mime->detached;
}

bool sg_mime_holds_signed(const struct sg_mime *mime)
{
    return mime->holds_signed;
}

enum sg_rc sg_mime_content(struct sg_mime *mime, struct sg_sink sink, struct sg_err *err)
{
    if (!mime->detached)
        return sg_fail(err, SG_E_USAGE, _("The message in \"%s\" carries what it signs within the signature."),
                       sg_input_name(mime->input));
    return sg_mime_canonical(mime->input, mime->content_start, mime->content_end, sink, err);
}
