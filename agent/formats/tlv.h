/* A bounded, streaming reader of BER and DER elements (X.690 §8). It never holds content: it walks headers over an
 * sg_input and says where each value begins and ends. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/input.h"

enum sg_tlv_class { SG_TLV_UNIVERSAL = 0, SG_TLV_APPLICATION = 1, SG_TLV_CONTEXT = 2, SG_TLV_PRIVATE = 3 };

struct sg_tlv {
    enum sg_tlv_class tag_class;
    uint32_t tag;
    bool constructed;
    bool indefinite;
    uint64_t start;   /* of the tag, in the input */
    uint64_t content; /* of the first value octet */
    uint64_t length;  /* of the value; of an indefinite one only after sg_tlv_leave() or sg_tlv_skip() */
    uint64_t end;     /* behind the element, its end-of-contents octets included; ditto */
};

/* Universal tags (X.680 §8.6) that CMS is made of. */
enum sg_tlv_tag {
    SG_TLV_INTEGER = 2,
    SG_TLV_OCTET_STRING = 4,
    SG_TLV_OID = 6,
    SG_TLV_SEQUENCE = 16,
    SG_TLV_SET = 17,
};

struct sg_tlv_reader;

/* Reads elements of [offset, offset + len) of `input`, which must outlive the reader. The range may go beyond the
 * input's end: reading there is SG_E_MALFORMED. */
SG_MUST_CHECK enum sg_rc sg_tlv_reader_new(struct sg_input *input, uint64_t offset, uint64_t len,
                                           struct sg_tlv_reader **ret, struct sg_err *err);
void sg_tlv_reader_free(struct sg_tlv_reader *reader);
SG_DEFINE_CLEANUP(struct sg_tlv_reader, sg_tlv_reader_free)

/* The next element at this level, behind the one before, entered or not; `*ret_more` is false at the level's end.
 * Malformed, truncated, too deep or too many: SG_E_MALFORMED or SG_E_LIMIT with the offset in the text. */
SG_MUST_CHECK enum sg_rc sg_tlv_next(struct sg_tlv_reader *reader, struct sg_tlv *ret, bool *ret_more,
                                     struct sg_err *err);
/* The next element, which must be there and be this one; `what` names it in the error ("the signature value"). */
SG_MUST_CHECK enum sg_rc sg_tlv_expect(struct sg_tlv_reader *reader, enum sg_tlv_class tag_class, uint32_t tag,
                                       const char *what, struct sg_tlv *ret, struct sg_err *err);
/* Nothing more at this level. */
SG_MUST_CHECK enum sg_rc sg_tlv_expect_end(struct sg_tlv_reader *reader, struct sg_err *err);
bool sg_tlv_is(const struct sg_tlv *element, enum sg_tlv_class tag_class, uint32_t tag);

/* Goes into the (constructed) element just read, or behind all of it; leave() skips what is left of the level and
 * returns to the one above. Both complete the element's `length` and `end` where they are given one (not NULL). */
SG_MUST_CHECK enum sg_rc sg_tlv_enter(struct sg_tlv_reader *reader, struct sg_err *err);
SG_MUST_CHECK enum sg_rc sg_tlv_leave(struct sg_tlv_reader *reader, struct sg_tlv *ret_closed, struct sg_err *err);
/* Leaves so many values, one around the other, the last one the whole input of `size` bytes, with nothing behind any of
 * them. */
#define SG_CONTENT_INFO_LEVELS 3 /* a CMS structure, its [0] and the ContentInfo (RFC 5652 §3) */
SG_MUST_CHECK enum sg_rc sg_tlv_leave_all(struct sg_tlv_reader *reader, int levels, uint64_t size, struct sg_err *err);
SG_MUST_CHECK enum sg_rc sg_tlv_skip(struct sg_tlv_reader *reader, struct sg_tlv *element, struct sg_err *err);

/* Whether the input is one SEQUENCE of definite length, and nothing else: text that begins with a '0' is not. */
bool sg_tlv_is_sequence(struct sg_input *input);

/* Passes on the octets of the string just read, primitive or constructed (X.690 §8.7), and goes behind it. Without
 * `sink.write` they are only walked. Fragments do not count as elements: a string may be of any size. */
SG_MUST_CHECK enum sg_rc sg_tlv_octets(struct sg_tlv_reader *reader, struct sg_sink sink, struct sg_tlv *element,
                                       struct sg_err *err);

/* SG_E_MALFORMED, with the file, the offset and the (translated) reason in the text. */
enum sg_rc sg_tlv_malformed(const struct sg_tlv_reader *reader, uint64_t offset, const char *reason,
                            struct sg_err *err);
/* Where the element just read begins, or the reader is. */
uint64_t sg_tlv_place(const struct sg_tlv_reader *reader);

/* DER headers for writing: tag octet and definite length. `out` has room for SG_TLV_HEADER; returns the octets used. */
#define SG_TLV_HEADER 10
size_t sg_tlv_header(uint8_t tag_octet, uint64_t length, uint8_t out[SG_TLV_HEADER]);
