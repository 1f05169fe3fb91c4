/* Time-stamps in PDFs: of a signature, in the room that is left in its /Contents (EN 319 142-1 §5.3), and of the whole
 * document, as an update of its own (§5.4.3, ISO 32000-2 §12.8.5). */
#pragma once

#include "base/buf.h"
#include "formats/pades.h"

/* The signature whose revision is the whole file, and its CMS. */
struct sg_pades_last {
    uint64_t contents; /* the offset of its first digit */
    size_t room;       /* octets that the digits can hold */
    struct sg_buf cms; /* as DER; initialise with SG_BUF() */
};

/* `*ret_there` is false if the file ends with anything else: another revision, a document time-stamp, no signature. */
SG_MUST_CHECK enum sg_rc sg_pades_find_last(struct sg_input *input, struct sg_pades_last *ret, bool *ret_there,
                                            struct sg_err *err);
/* Writes the file with `cms` in its place. One that is too long: SG_E_LIMIT. */
SG_MUST_CHECK enum sg_rc sg_pades_replace_cms(struct sg_input *input, const struct sg_pades_last *last,
                                              struct sg_slice cms, struct sg_sink sink, struct sg_err *err);

/* A document time-stamp in the making. */
struct sg_pades_stamp;

/* Prepares the update, with room for a token. `compare`: as for a signature. `sha256`: what is to be stamped. */
SG_MUST_CHECK enum sg_rc sg_pades_stamp_begin(OSSL_LIB_CTX *libctx, struct sg_input *input, size_t room,
                                              sg_pades_compare *compare, struct sg_pades_stamp **ret,
                                              uint8_t sha256[32], struct sg_err *err);
/* Writes the file with the update and the token in it: SG_E_LIMIT if there is not enough room. */
SG_MUST_CHECK enum sg_rc sg_pades_stamp_finish(struct sg_pades_stamp *stamp, struct sg_slice token, struct sg_sink sink,
                                               struct sg_err *err);
void sg_pades_stamp_free(struct sg_pades_stamp *stamp);
SG_DEFINE_CLEANUP(struct sg_pades_stamp, sg_pades_stamp_free)
