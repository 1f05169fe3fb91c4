#include "formats/tlv.h"

#include <inttypes.h>
#include <string.h>

#include "base/limits.h"
#include "base/msg.h"

/* Tag in up to 6 octets (32 bits of number), length in up to 127 (leading zeros are allowed in BER). */
#define MAX_HEADER 133
#define WINDOW (32 * SG_KIB)

struct level {
    struct sg_tlv element;
    uint64_t limit; /* no element in here ends behind this: the end of the innermost definite length */
};

struct sg_tlv_reader {
    struct sg_input *input;
    uint64_t position; /* of the next header */
    struct level levels[SG_MAX_TLV_DEPTH + 1];
    size_t depth;
    struct sg_tlv current; /* what next() returned last, unless `taken` */
    bool taken;
    size_t elements;
    uint64_t window_start;
    size_t window_len;
    uint8_t window[WINDOW];
};

uint64_t sg_tlv_place(const struct sg_tlv_reader *reader)
{
    return reader->taken ? reader->position : reader->current.start;
}

enum sg_rc sg_tlv_malformed(const struct sg_tlv_reader *reader, uint64_t offset, const char *reason, struct sg_err *err)
{
    const char *name = sg_input_name(reader->input);
    enum sg_rc rc =
        sg_fail(err, SG_E_MALFORMED,
                _("The structure of \"%s\" is damaged at byte %" PRIu64 ": %s. Get a fresh copy of the file."), name,
                offset, reason);
    sg_err_file(err, name);
    return rc;
}

static enum sg_rc over_limit(const struct sg_tlv_reader *reader, struct sg_err *err, const char *reason)
{
    enum sg_rc rc = sg_fail(err, SG_E_LIMIT, _("The structure of \"%s\" goes over a limit at byte %" PRIu64 ": %s."),
                            sg_input_name(reader->input), sg_tlv_place(reader), reason);
    sg_err_file(err, sg_input_name(reader->input));
    return rc;
}

enum sg_rc sg_tlv_reader_new(struct sg_input *input, uint64_t offset, uint64_t len, struct sg_tlv_reader **ret,
                             struct sg_err *err)
{
    if (len > UINT64_MAX - offset)
        return sg_fail(err, SG_E_INTERNAL, _("A range to read is too large."));

    struct sg_tlv_reader *reader = malloc(sizeof *reader);
    if (!reader)
        return sg_fail_memory(err);
    /* All but the window, which is filled before it is looked at. */
    memset(reader, 0, offsetof(struct sg_tlv_reader, window));
    reader->input = input;
    reader->position = offset;
    reader->taken = true;
    reader->levels[0] = (struct level){
        .element = {.constructed = true, .start = offset, .content = offset, .length = len, .end = offset + len},
        .limit = offset + len,
    };
    *ret = reader;
    return SG_OK;
}

void sg_tlv_reader_free(struct sg_tlv_reader *reader)
{
    free(reader);
}

/* Up to `want` (at most WINDOW) octets at `offset`, borrowed from the window; less only at the end of the input. */
static enum sg_rc look(struct sg_tlv_reader *reader, uint64_t offset, size_t want, struct sg_slice *ret,
                       struct sg_err *err)
{
    bool inside = offset >= reader->window_start && offset - reader->window_start <= reader->window_len;

    if (!inside || reader->window_len - (size_t)(offset - reader->window_start) < want) {
        size_t len = 0;
        reader->window_len = 0;
        enum sg_rc rc = sg_input_read(reader->input, offset, reader->window, WINDOW, &len, err);
        if (rc != SG_OK)
            return rc;
        reader->window_start = offset;
        reader->window_len = len;
    }
    size_t skip = (size_t)(offset - reader->window_start);
    size_t there = reader->window_len - skip;
    *ret = (struct sg_slice){.data = reader->window + skip, .len = there < want ? there : want};
    return SG_OK;
}

/* X.690 §8.1.2. Returns what is wrong, or NULL. */
static const char *parse_tag(struct sg_slice bytes, size_t *at, struct sg_tlv *element)
{
    if (bytes.len == 0)
        return _("it ends before an element's tag");
    uint8_t first = bytes.data[(*at)++];
    element->tag_class = (enum sg_tlv_class)(first >> 6);
    element->constructed = first & 0x20;
    element->tag = first & 0x1f;
    if (element->tag != 0x1f)
        return NULL;

    uint32_t tag = 0;
    for (;;) {
        if (*at == bytes.len)
            return _("it ends within an element's tag");
        uint8_t octet = bytes.data[(*at)++];
        if (tag == 0 && octet == 0x80)
            return _("a tag number begins with zeros (X.690 §8.1.2.4.2)");
        if (tag > UINT32_MAX >> 7)
            return _("a tag number is too large");
        tag = tag << 7 | (octet & 0x7f);
        if (!(octet & 0x80))
            break;
    }
    if (tag < 0x1f)
        return _("a small tag number is written in the long form (X.690 §8.1.2.2)");
    element->tag = tag;
    return NULL;
}

/* X.690 §8.1.3. */
static const char *parse_length(struct sg_slice bytes, size_t *at, struct sg_tlv *element)
{
    if (*at == bytes.len)
        return _("it ends before an element's length");
    uint8_t first = bytes.data[(*at)++];
    if (first < 0x80) {
        element->length = first;
        return NULL;
    }
    if (first == 0x80) {
        element->indefinite = true;
        return element->constructed ? NULL : _("a primitive element has an indefinite length (X.690 §8.1.3.2)");
    }
    if (first == 0xff)
        return _("an element's length begins with the reserved octet FF (X.690 §8.1.3.5)");

    uint64_t length = 0;
    for (size_t left = first & 0x7f; left > 0; left--) {
        if (*at == bytes.len)
            return _("it ends within an element's length");
        if (length >> 56)
            return _("an element's length is too large");
        length = length << 8 | bytes.data[(*at)++];
    }
    element->length = length;
    return NULL;
}

static enum sg_rc read_header(struct sg_tlv_reader *reader, struct sg_tlv *ret, struct sg_err *err)
{
    const struct level *level = &reader->levels[reader->depth];
    uint64_t room = level->limit - reader->position;
    struct sg_slice bytes;

    enum sg_rc rc = look(reader, reader->position, room < MAX_HEADER ? (size_t)room : MAX_HEADER, &bytes, err);
    if (rc != SG_OK)
        return rc;

    struct sg_tlv element = {.start = reader->position};
    size_t at = 0;
    const char *reason = parse_tag(bytes, &at, &element);
    if (!reason)
        reason = parse_length(bytes, &at, &element);
    if (reason)
        return sg_tlv_malformed(reader, sg_tlv_place(reader), reason, err);

    element.content = element.start + at;
    if (!element.indefinite) {
        if (element.length > room - at)
            return sg_tlv_malformed(reader, sg_tlv_place(reader), _("an element is longer than what it is in"), err);
        element.end = element.content + element.length;
    }
    *ret = element;
    return SG_OK;
}

static enum sg_rc push(struct sg_tlv_reader *reader, struct sg_err *err)
{
    if (reader->depth == SG_MAX_TLV_DEPTH)
        return over_limit(reader, err, _("elements are nested too deeply"));
    uint64_t limit = reader->current.indefinite ? reader->levels[reader->depth].limit : reader->current.end;
    reader->depth++;
    reader->levels[reader->depth] = (struct level){.element = reader->current, .limit = limit};
    reader->position = reader->current.content;
    reader->taken = true;
    return SG_OK;
}

/* At the end of a level: its element is complete, and what follows it is next. */
static struct sg_tlv pop(struct sg_tlv_reader *reader)
{
    struct sg_tlv element = reader->levels[reader->depth].element;
    if (element.indefinite) {
        element.length = reader->position - element.content;
        element.end = reader->position + 2; /* the end-of-contents octets */
    }
    reader->position = element.end;
    reader->depth--;
    reader->taken = true;
    return element;
}

/* The next header at this level, or its end; what was read before has been dealt with. */
static enum sg_rc step(struct sg_tlv_reader *reader, bool *ret_more, struct sg_err *err)
{
    const struct level *level = &reader->levels[reader->depth];
    struct sg_tlv element;

    if (!level->element.indefinite && reader->position == level->element.end) {
        *ret_more = false;
        return SG_OK;
    }
    enum sg_rc rc = read_header(reader, &element, err);
    if (rc != SG_OK)
        return rc;
    if (sg_tlv_is(&element, SG_TLV_UNIVERSAL, 0)) {
        /* End-of-contents, X.690 §8.1.5: two zero octets, and only where an indefinite length ends. */
        bool exact = !element.constructed && element.length == 0 && element.content - element.start == 2;
        if (!level->element.indefinite || !exact)
            return sg_tlv_malformed(reader, sg_tlv_place(reader), _("end-of-contents octets are out of place"), err);
        *ret_more = false;
        return SG_OK;
    }
    reader->current = element;
    reader->taken = false;
    *ret_more = true;
    return SG_OK;
}

static enum sg_rc count(struct sg_tlv_reader *reader, struct sg_err *err)
{
    if (++reader->elements > SG_MAX_TLV_ELEMENTS)
        return over_limit(reader, err, _("there are too many elements"));
    return SG_OK;
}

enum sg_rc sg_tlv_next(struct sg_tlv_reader *reader, struct sg_tlv *ret, bool *ret_more, struct sg_err *err)
{
    bool more = false;
    enum sg_rc rc = SG_OK;

    if (!reader->taken)
        rc = sg_tlv_skip(reader, NULL, err);
    if (rc == SG_OK)
        rc = step(reader, &more, err);
    if (rc == SG_OK && more)
        rc = count(reader, err);
    if (rc != SG_OK)
        return rc;
    if (more)
        *ret = reader->current;
    *ret_more = more;
    return SG_OK;
}

bool sg_tlv_is(const struct sg_tlv *element, enum sg_tlv_class tag_class, uint32_t tag)
{
    return element->tag_class == tag_class && element->tag == tag;
}

enum sg_rc sg_tlv_expect(struct sg_tlv_reader *reader, enum sg_tlv_class tag_class, uint32_t tag, const char *what,
                         struct sg_tlv *ret, struct sg_err *err)
{
    struct sg_tlv element;
    bool more = false;

    enum sg_rc rc = sg_tlv_next(reader, &element, &more, err);
    if (rc != SG_OK)
        return rc;
    if (!more || !sg_tlv_is(&element, tag_class, tag)) {
        char reason[160];
        (void)snprintf(reason, sizeof reason, _("\"%s\" was expected there"), what);
        return sg_tlv_malformed(reader, sg_tlv_place(reader), reason, err);
    }
    *ret = element;
    return SG_OK;
}

enum sg_rc sg_tlv_expect_end(struct sg_tlv_reader *reader, struct sg_err *err)
{
    struct sg_tlv element;
    bool more = false;

    enum sg_rc rc = sg_tlv_next(reader, &element, &more, err);
    if (rc == SG_OK && more)
        rc = sg_tlv_malformed(reader, sg_tlv_place(reader), _("something follows that should not be there"), err);
    return rc;
}

enum sg_rc sg_tlv_enter(struct sg_tlv_reader *reader, struct sg_err *err)
{
    if (reader->taken)
        return sg_fail(err, SG_E_INTERNAL, _("There is no element to go into."));
    if (!reader->current.constructed)
        return sg_tlv_malformed(reader, sg_tlv_place(reader), _("an element that should hold others does not"), err);
    return push(reader, err);
}

enum sg_rc sg_tlv_leave(struct sg_tlv_reader *reader, struct sg_tlv *ret_closed, struct sg_err *err)
{
    struct sg_tlv element;
    bool more = true;

    if (reader->depth == 0)
        return sg_fail(err, SG_E_INTERNAL, _("There is no element to leave."));
    if (!reader->levels[reader->depth].element.indefinite) {
        reader->position = reader->levels[reader->depth].element.end;
        more = false;
    }
    while (more) {
        enum sg_rc rc = sg_tlv_next(reader, &element, &more, err);
        if (rc != SG_OK)
            return rc;
    }
    element = pop(reader);
    if (ret_closed)
        *ret_closed = element;
    return SG_OK;
}

/* Goes behind the indefinite element just read: into every element of indefinite length below it, over the others. */
static enum sg_rc skip_indefinite(struct sg_tlv_reader *reader, struct sg_tlv *ret, struct sg_err *err)
{
    size_t base = reader->depth;
    struct sg_tlv closed;

    enum sg_rc rc = push(reader, err);
    while (rc == SG_OK && reader->depth > base) {
        bool more = false;
        rc = step(reader, &more, err);
        if (rc != SG_OK)
            break;
        if (!more) {
            closed = pop(reader);
            continue;
        }
        rc = count(reader, err);
        if (rc != SG_OK)
            break;
        if (reader->current.indefinite) {
            rc = push(reader, err);
        } else {
            reader->position = reader->current.end;
            reader->taken = true;
        }
    }
    if (rc == SG_OK)
        *ret = closed;
    return rc;
}

enum sg_rc sg_tlv_skip(struct sg_tlv_reader *reader, struct sg_tlv *element, struct sg_err *err)
{
    struct sg_tlv closed = reader->current;

    if (reader->taken)
        return sg_fail(err, SG_E_INTERNAL, _("There is no element to skip."));
    if (closed.indefinite) {
        enum sg_rc rc = skip_indefinite(reader, &closed, err);
        if (rc != SG_OK)
            return rc;
    } else {
        reader->position = closed.end;
        reader->taken = true;
    }
    if (element)
        *element = closed;
    return SG_OK;
}

/* The value of a primitive element, through the window where it fits. */
static enum sg_rc pass_on(struct sg_tlv_reader *reader, const struct sg_tlv *element, struct sg_sink sink,
                          struct sg_err *err)
{
    if (!sink.write || element->length == 0)
        return SG_OK;
    if (element->length > WINDOW)
        return sg_input_copy(reader->input, element->content, element->length, sink, err);

    struct sg_slice bytes;
    enum sg_rc rc = look(reader, element->content, (size_t)element->length, &bytes, err);
    if (rc != SG_OK)
        return rc;
    if (bytes.len < element->length)
        return sg_tlv_malformed(reader, sg_tlv_place(reader), _("an element is longer than what it is in"), err);
    return sink.write(sink.context, bytes.data, bytes.len, err);
}

enum sg_rc sg_tlv_octets(struct sg_tlv_reader *reader, struct sg_sink sink, struct sg_tlv *element, struct sg_err *err)
{
    size_t base = reader->depth;
    struct sg_tlv closed = reader->current;
    enum sg_rc rc = SG_OK;
    bool more = true;

    if (reader->taken)
        return sg_fail(err, SG_E_INTERNAL, _("There is no string to read."));
    do {
        if (!more) {
            closed = pop(reader);
        } else if (reader->current.constructed) {
            rc = push(reader, err);
        } else {
            rc = pass_on(reader, &reader->current, sink, err);
            reader->position = reader->current.end;
            reader->taken = true;
        }
        if (rc == SG_OK && reader->depth > base)
            rc = step(reader, &more, err);
        if (rc == SG_OK && !reader->taken && !sg_tlv_is(&reader->current, SG_TLV_UNIVERSAL, SG_TLV_OCTET_STRING))
            rc = sg_tlv_malformed(reader, sg_tlv_place(reader), _("a fragment is not an OCTET STRING (X.690 §8.7.3)"),
                                  err);
    } while (rc == SG_OK && reader->depth > base);

    if (rc == SG_OK && element)
        *element = closed;
    return rc;
}

size_t sg_tlv_header(uint8_t tag_octet, uint64_t length, uint8_t out[SG_TLV_HEADER])
{
    size_t used = 0;
    size_t octets = 1;

    out[used++] = tag_octet;
    if (length < 0x80) {
        out[used++] = (uint8_t)length;
        return used;
    }
    while (octets < 8 && length >> (8 * octets))
        octets++;
    out[used++] = (uint8_t)(0x80 | octets);
    while (octets-- > 0)
        out[used++] = (uint8_t)(length >> (8 * octets));
    return used;
}

enum sg_rc sg_tlv_leave_all(struct sg_tlv_reader *reader, int levels, uint64_t size, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;
    struct sg_tlv whole = {0};

    for (int level = 0; rc == SG_OK && level < levels; level++) {
        rc = sg_tlv_expect_end(reader, err);
        if (rc == SG_OK)
            rc = sg_tlv_leave(reader, &whole, err);
    }
    if (rc == SG_OK && whole.end != size)
        rc = sg_tlv_malformed(reader, whole.end, _("there are bytes behind its end"), err);
    return rc;
}

bool sg_tlv_is_sequence(struct sg_input *input)
{
    _cleanup_(sg_tlv_reader_freep) struct sg_tlv_reader *reader = NULL;
    struct sg_tlv element;
    bool more = false;

    if (sg_tlv_reader_new(input, 0, sg_input_size(input), &reader, NULL) != SG_OK ||
        sg_tlv_next(reader, &element, &more, NULL) != SG_OK || !more)
        return false;
    return sg_tlv_is(&element, SG_TLV_UNIVERSAL, SG_TLV_SEQUENCE) && !element.indefinite &&
           element.end == sg_input_size(input);
}
