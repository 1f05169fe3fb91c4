/* How a time-stamp gets into a signed file of each format. */
#pragma once

#include "base/crypto.h"
#include "base/input.h"

/* A signed file that is to have one. */
struct sg_stamping;

/* A signature that was made here, as the store has it. */
struct sg_stamping_own {
    char key[SG_SHA256_HEX]; /* SHA-256 of the certificate */
    int64_t claimed_time;
};

struct sg_stamping_request {
    OSSL_LIB_CTX *libctx;
    struct sg_input *bytes; /* the file; borrowed */
    const char *format;     /* as the store has it */
    /* They tell the signature that is to have it from others in the same file: it is the first that one of them fits
     * and that has none. */
    const struct sg_stamping_own *own;
    size_t own_count;
    /* Of a PDF: beside the signature, in an update of its own, with room for a token of so many octets; else, and as
     * long as nobody has the file as it is, it goes into the room that the signature leaves. */
    bool beside;
    size_t room;
};

/* A format that takes none in this version, or a file in which ours is not clear: SG_E_UNSUPPORTED. `sha256`: what is
 * to be stamped. */
SG_MUST_CHECK enum sg_rc sg_stamping_begin(const struct sg_stamping_request *request, struct sg_stamping **ret,
                                           uint8_t sha256[SG_SHA256_LEN], struct sg_err *err);
/* Writes the file with the token in it. SG_E_LIMIT: it has no room for it. */
SG_MUST_CHECK enum sg_rc sg_stamping_finish(struct sg_stamping *stamping, struct sg_slice token, struct sg_sink sink,
                                            struct sg_err *err);
/* How many signatures there are, one of which is to have it; of a PDF at most 1. */
size_t sg_stamping_signature_count(const struct sg_stamping *stamping);
/* Whether it needs that the file was not delivered. */
bool sg_stamping_is_inside(const struct sg_stamping *stamping);
/* Whether it has the room that was asked for. */
bool sg_stamping_is_beside(const struct sg_stamping *stamping);
void sg_stamping_free(struct sg_stamping *stamping);
SG_DEFINE_CLEANUP(struct sg_stamping, sg_stamping_free)
