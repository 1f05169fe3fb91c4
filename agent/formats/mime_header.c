/* Headers of a message or a part: fields that may go on over several lines (RFC 5322 §2.2), of which two are read
 * (RFC 2045 §5.1 and §6.1). */
#include <string.h>
#include <strings.h>

#include "base/msg.h"
#include "formats/mime_private.h"

enum field { FIELD_OTHER, FIELD_TYPE, FIELD_ENCODING };

struct reading {
    struct sg_mime_header header;
    enum field field; /* the one that is being read */
    bool seen_type, seen_encoding;
    struct sg_buf *value; /* of it, unfolded */
    size_t octets;        /* of all of them */
};

static void note(struct reading *reading, const char *problem)
{
    if (!reading->header.problem)
        reading->header.problem = problem;
}

/* --- the words of a field ----------------------------------------------------------------------------------------- */

struct scan {
    const char *at, *end;
};

/* Where a word goes; no `bytes`: it is dropped. */
struct word {
    char *bytes;
    size_t size; /* room, with the NUL */
    size_t len;
    bool keep_case;
};

static bool add(struct word *word, char c)
{
    if (!word->bytes)
        return true;
    if (word->len + 1 >= word->size)
        return false;
    word->bytes[word->len++] = !word->keep_case && c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    word->bytes[word->len] = '\0';
    return true;
}

/* White space and comments, which nest (RFC 5322 §3.2.2). False: a comment does not end. */
static bool skip_blanks(struct scan *scan)
{
    size_t depth = 0;

    for (; scan->at < scan->end; scan->at++) {
        const char c = *scan->at;
        if (c == '(')
            depth++;
        else if (depth > 0 && c == ')')
            depth--;
        else if (depth > 0 && c == '\\' && scan->at + 1 < scan->end)
            scan->at++;
        else if (depth == 0 && c != ' ' && c != '\t')
            break;
    }
    return depth == 0;
}

static bool take_char(struct scan *scan, char c)
{
    if (scan->at == scan->end || *scan->at != c)
        return false;
    scan->at++;
    return true;
}

/* A token (RFC 2045 §5.1) of at least one letter. Values that should be quoted, and are not, are in use. */
static bool take_token(struct scan *scan, const char *also, struct word *word)
{
    const char *start = scan->at;

    for (; scan->at < scan->end; scan->at++) {
        const char c = *scan->at;
        if (c <= ' ' || c > '~' || (strchr("()<>@,;:\\\"/[]?=", c) && !strchr(also, c)))
            break;
        if (!add(word, c))
            return false;
    }
    return scan->at > start;
}

/* A quoted-string (RFC 5322 §3.2.4) whose first quote has been taken. */
static bool take_quoted(struct scan *scan, struct word *word)
{
    while (scan->at < scan->end) {
        char c = *scan->at++;
        if (c == '"')
            return true;
        if (c == '\\' && scan->at < scan->end)
            c = *scan->at++;
        if (!add(word, c))
            return false;
    }
    return false;
}

static bool take_value(struct scan *scan, struct word *word)
{
    return take_char(scan, '"') ? take_quoted(scan, word) : take_token(scan, "/:?=", word);
}

/* --- Content-Type and Content-Transfer-Encoding ------------------------------------------------------------------- */

/* Where the value of a parameter goes. */
static struct word parameter(struct sg_mime_header *header, const char *name)
{
    if (strcmp(name, "boundary") == 0)
        return (struct word){.bytes = header->boundary, .size = sizeof header->boundary, .keep_case = true};
    if (strcmp(name, "protocol") == 0)
        return (struct word){.bytes = header->protocol, .size = sizeof header->protocol};
    if (strcmp(name, "smime-type") == 0)
        return (struct word){.bytes = header->smime_type, .size = sizeof header->smime_type};
    return (struct word){0};
}

/* Some readers take a name in the forms of RFC 2231 ("boundary*=", "boundary*0=") before the plain one, others do not
 * know them. */
static bool is_other_form(const char *name)
{
    static const char *const names[] = {"boundary*", "protocol*", "smime-type*", "micalg*"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strncmp(name, names[i], strlen(names[i])) == 0)
            return true;
    return false;
}

/* *(";" attribute "=" value) */
static const char *read_parameters(struct scan *scan, struct sg_mime_header *header)
{
    for (;;) {
        char name[64] = "";
        if (!skip_blanks(scan))
            return N_("a comment in the Content-Type does not end");
        if (scan->at == scan->end)
            return NULL;
        if (!take_char(scan, ';') || !skip_blanks(scan))
            return N_("the Content-Type cannot be read");
        if (scan->at == scan->end)
            return NULL;
        if (!take_token(scan, "", &(struct word){.bytes = name, .size = sizeof name}) || !skip_blanks(scan) ||
            !take_char(scan, '=') || !skip_blanks(scan))
            return N_("a parameter of the Content-Type cannot be read");
        if (is_other_form(name))
            return N_("a parameter of the Content-Type has a form that not all programs know (RFC 2231)");
        struct word value = parameter(header, name);
        if (value.bytes && value.bytes[0] != '\0')
            return N_("a parameter of the Content-Type is there twice");
        if (!take_value(scan, &value))
            return N_("a parameter of the Content-Type cannot be read, or is too long");
    }
}

static const char *read_type(struct scan *scan, struct sg_mime_header *header)
{
    struct word type = {.bytes = header->type, .size = sizeof header->type};

    if (!skip_blanks(scan) || !take_token(scan, "/", &type))
        return N_("the Content-Type cannot be read");
    return read_parameters(scan, header);
}

static const char *read_encoding(struct scan *scan, struct sg_mime_header *header)
{
    struct word encoding = {.bytes = header->encoding, .size = sizeof header->encoding};

    if (!skip_blanks(scan) || !take_token(scan, "", &encoding) || !skip_blanks(scan) || scan->at < scan->end)
        return N_("the Content-Transfer-Encoding cannot be read");
    return NULL;
}

/* --- fields ------------------------------------------------------------------------------------------------------- */

/* The field is whole. */
static void end_field(struct reading *reading)
{
    struct scan scan = {.at = reading->value->len > 0 ? (const char *)reading->value->data : ""};
    const char *problem = NULL;

    scan.end = scan.at + reading->value->len;
    if (reading->field == FIELD_TYPE)
        problem = read_type(&scan, &reading->header);
    else if (reading->field == FIELD_ENCODING)
        problem = read_encoding(&scan, &reading->header);
    if (problem)
        note(reading, problem);
    reading->field = FIELD_OTHER;
    reading->value->len = 0;
}

/* The length of the field's name, with the colon behind it (RFC 5322 §2.2); 0: it is none. */
static size_t name_len(struct sg_slice text)
{
    size_t len = 0;

    while (len < text.len && text.data[len] > ' ' && text.data[len] <= '~' && text.data[len] != ':')
        len++;
    size_t colon = len;
    while (colon < text.len && (text.data[colon] == ' ' || text.data[colon] == '\t'))
        colon++; /* obsolete, §4.5 */
    return len > 0 && colon < text.len && text.data[colon] == ':' ? colon + 1 : 0;
}

static bool is_named(struct sg_slice text, const char *name)
{
    size_t len = strlen(name);

    return text.len > len && strncasecmp((const char *)text.data, name, len) == 0 &&
           strchr(": \t", text.data[len]) != NULL;
}

/* Of a field that is there twice the first is read: the problem is noted. */
static void begin_field(struct reading *reading, struct sg_slice text)
{
    if (is_named(text, "Content-Type") && reading->seen_type) {
        note(reading, N_("there are two Content-Types"));
    } else if (is_named(text, "Content-Type")) {
        reading->field = FIELD_TYPE;
        reading->seen_type = true;
    } else if (is_named(text, "Content-Transfer-Encoding") && reading->seen_encoding) {
        note(reading, N_("there are two Content-Transfer-Encodings"));
    } else if (is_named(text, "Content-Transfer-Encoding")) {
        reading->field = FIELD_ENCODING;
        reading->seen_encoding = true;
    }
}

static enum sg_rc add_value(struct reading *reading, struct sg_slice text, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;

    if (reading->field == FIELD_OTHER)
        return SG_OK;
    if (text.len > reading->value->max - reading->value->len) {
        note(reading, N_("a header is too long"));
        reading->header.too_long = true;
        return SG_OK;
    }
    if (text.len > 0)
        rc = sg_buf_append(reading->value, text.data, text.len, err);
    return rc;
}

/* At some of them other readers end a line. */
static bool has_control(struct sg_slice text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.data[i] < ' ' && text.data[i] != '\t')
            return true;
    return false;
}

static enum sg_rc take_line(struct reading *reading, const struct sg_mime_line *line, struct sg_err *err)
{
    struct sg_slice text = line->text;

    reading->octets += text.len;
    if (!line->whole || reading->octets > SG_MAX_MIME_HEADERS) {
        note(reading, N_("the headers are too long"));
        reading->header.too_long = true;
        return SG_OK;
    }
    if (has_control(text)) {
        note(reading, N_("there is a control character in the headers"));
        return SG_OK;
    }
    if (text.data[0] == ' ' || text.data[0] == '\t') {
        if (reading->octets == text.len)
            note(reading, N_("it is not a header"));
        return add_value(reading, text, err);
    }
    end_field(reading);
    size_t name = name_len(text);
    if (name > 0 && !reading->header.problem) {
        begin_field(reading, text);
        return add_value(reading, (struct sg_slice){text.data + name, text.len - name}, err);
    }
    /* The line that mailboxes put in front of a message (RFC 4155). */
    if (name == 0 && (line->start != 0 || text.len < 5 || memcmp(text.data, "From ", 5) != 0))
        note(reading, N_("it is not a header"));
    return SG_OK;
}

enum sg_rc sg_mime_header_read(struct sg_mime_lines *lines, struct sg_mime_header *ret, struct sg_err *err)
{
    _cleanup_(sg_buf_clear) struct sg_buf value = SG_BUF(SG_MAX_MIME_FIELD);
    struct reading reading = {.value = &value};
    struct sg_mime_line line;
    bool more = true;
    enum sg_rc rc = SG_OK;

    while (rc == SG_OK && !reading.header.problem) {
        rc = sg_mime_lines_next(lines, &line, &more, err);
        if (rc != SG_OK || !more)
            break;
        reading.header.line = line.number;
        if (line.text.len == 0)
            break;
        rc = take_line(&reading, &line, err);
    }
    end_field(&reading); /* with a problem too: what it says of the message may be known by then */
    if (rc == SG_OK)
        *ret = reading.header;
    return rc;
}
