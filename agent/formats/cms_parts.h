/* Where the parts of a SignedData stand in its file (RFC 5652 §5.1), for what is added to them. Private to formats/. */
#pragma once

#include "formats/splice.h"

struct sg_cms_parts {
    struct sg_tlv around[3]; /* ContentInfo, its [0], SignedData; an indefinite length is not known */
    struct sg_tlv digest_algorithms;
    uint64_t content_end; /* behind encapContentInfo */
    struct sg_tlv certificates;
    bool has_certificates;
    struct sg_tlv signer_infos;
};

/* PEM is SG_E_USAGE: only DER and BER are added to. */
SG_MUST_CHECK enum sg_rc sg_cms_refuse_pem(struct sg_input *input, struct sg_err *err);
/* Passes encapContentInfo (§5.2), the next element; its content may be of any size, in any number of fragments. */
SG_MUST_CHECK enum sg_rc sg_cms_pass_content(struct sg_tlv_reader *reader, uint64_t *ret_end, struct sg_err *err);

/* Of an input that sg_cms_read() has read, and that is not PEM: SG_E_USAGE. */
SG_MUST_CHECK enum sg_rc sg_cms_parts_read(struct sg_input *input, struct sg_cms_parts *ret, struct sg_err *err);

/* Puts members (whole encodings, in the order of DER) into one of the sets: in their places if the set is sorted as DER
 * wants it (X.690 §11.6), else behind all. `*growth`: by how much the whole set grows. */
SG_MUST_CHECK enum sg_rc sg_cms_add_members(struct sg_splice *splice, struct sg_input *input, const struct sg_tlv *set,
                                            const struct sg_slice *members, size_t count, int64_t *growth,
                                            struct sg_err *err);
