/* Editing BER by splicing: bytes are put in, the definite lengths around them are written anew, and every other octet
 * stays as it is. What is edited is never held. Private to formats/. */
#pragma once

#include "base/input.h"
#include "formats/tlv.h"

struct sg_splice_edit {
    uint64_t at;     /* in the input */
    size_t left_out; /* octets of the input from there on */
    struct sg_slice bytes;
    uint8_t header[SG_TLV_HEADER]; /* holds `bytes` of a header */
};

struct sg_splice {
    struct sg_splice_edit *edits; /* in the order of the input */
    size_t count, room;
};

void sg_splice_clear(struct sg_splice *splice);
/* Puts bytes in (borrowed); what is put in at one place stays in the order of the calls. */
SG_MUST_CHECK enum sg_rc sg_splice_insert(struct sg_splice *splice, uint64_t at, struct sg_slice bytes,
                                          struct sg_err *err);
/* The content of `around` grows by `*growth` octets: a definite length is written anew, and `*growth` has by how much
 * the whole element grows. (A length that took more octets than it had to may make it less.) Of what begins at one
 * place, call this after the bytes that go in front of it. */
SG_MUST_CHECK enum sg_rc sg_splice_grow(struct sg_splice *splice, const struct sg_tlv *around, int64_t *growth,
                                        struct sg_err *err);
/* SG_E_INPUT_CHANGED if the input did. */
SG_MUST_CHECK enum sg_rc sg_splice_write(const struct sg_splice *splice, struct sg_input *input, struct sg_sink sink,
                                         struct sg_err *err);
