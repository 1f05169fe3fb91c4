/* The blocks of a PEM file (RFC 7468), one after the other, with bounded memory. Private to formats/. */
#pragma once

#include "formats/pem.h"

struct sg_pem_reader;

SG_MUST_CHECK enum sg_rc sg_pem_reader_new(struct sg_input *input, struct sg_pem_reader **ret, struct sg_err *err);
void sg_pem_reader_free(struct sg_pem_reader *reader);
SG_DEFINE_CLEANUP(struct sg_pem_reader, sg_pem_reader_free)

/* Goes to the next block, over any text and over the block before; `*ret_more` is false if there is none. */
SG_MUST_CHECK enum sg_rc sg_pem_next(struct sg_pem_reader *reader, char label[SG_PEM_LABEL], bool *ret_more,
                                     struct sg_err *err);
/* Decodes the block just found, with its label, into `sink`. */
SG_MUST_CHECK enum sg_rc sg_pem_block(struct sg_pem_reader *reader, const char *label, struct sg_sink sink,
                                      struct sg_err *err);
