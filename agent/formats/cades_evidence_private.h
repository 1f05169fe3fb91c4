/* How the files that read evidence share the work. The time-stamps are over places on the wire: the signed part of the
 * SignerInfo, the members of the SignedData's certificates and crls, the values of the unsigned attributes. A
 * certificate, CRL or OCSP response is found in one or more places, or referred to there by its hash; so what a
 * time-stamp covers is a set of places. What stands beside the CMS has places of its own, behind those.
 *
 *     cades_evidence.c            places, and the answers
 *     cades_evidence_tokens.c     the time-stamp tokens and what they carry
 *     cades_evidence_values.c     certificate-values, revocation-values, the SignedData's revocation information
 *     cades_evidence_references.c what is referred to by a hash
 *     cades_evidence_beside.c     what stands beside the CMS
 *     cades_evidence_index.c      ats-hash-index, and which places each time-stamp covers
 *     cades_evidence_imprint.c    imprints */
#pragma once

#include <openssl/evp.h>

#include "formats/cades_evidence.h"
#include "formats/cms_private.h"

#define SG_PLACE_SIGNED 0 /* the signed attributes and the signature value: always the first place */

struct sg_place {
    struct sg_slice bytes;
    const struct sg_attribute *attribute; /* that it is a value of; NULL: no value of an unsigned attribute */
    bool revocation;                      /* RevocationInfoChoice */
    size_t layer;                         /* as sg_evidence_beside has it; 0: in the CMS */
};

enum sg_found_kind { SG_FOUND_CERTIFICATE, SG_FOUND_CRL, SG_FOUND_OCSP, SG_FOUND_KINDS };

struct sg_found {
    struct sg_slice *ders;
    size_t count, room;
};

struct sg_link {
    enum sg_found_kind kind;
    size_t index; /* among those of its kind */
    size_t place;
};

struct sg_reference {
    enum sg_found_kind kind;
    int digest_nid;
    uint8_t hash[EVP_MAX_MD_SIZE];
    size_t len;
    size_t place;
};

/* ATSHashIndex and its later versions, as on the wire; no `bytes`: there is none. */
struct sg_hash_index {
    struct sg_slice bytes;
    int nid;                                               /* hashIndAlgorithm */
    bool of_values;                                        /* v3: hashes of type and value; else of whole attributes */
    struct sg_slice certificates, revocations, attributes; /* SEQUENCE OF OCTET STRING */
    const char *problem;                                   /* untranslated; NULL: each hash is of something there */
};

struct sg_token {
    struct sg_evidence_timestamp shown;
    size_t place;
    struct sg_input *input;
    struct sg_cms *cms; /* NULL: it cannot be read */
    uint8_t imprint[EVP_MAX_MD_SIZE];
    size_t imprint_len; /* 0: not known */
    int64_t time;       /* genTime, seconds; INT64_MIN: not known */
    struct sg_hash_index index;
    struct sg_slice document; /* the digest of what a document time-stamp has to be over */
    bool *covered;            /* by place */
};

/* What every archive-time-stamp v2 by one algorithm begins with: encapContentInfo and the content. */
struct sg_prefix {
    int nid;
    EVP_MD_CTX *ctx; /* NULL: the algorithm is not known */
};

/* Hashes of the places, for the indexes by one algorithm. */
struct sg_place_hashes {
    int nid;
    bool of_values;
    size_t len;     /* of one; 0: the algorithm is not known */
    uint8_t *bytes; /* of each place, one behind the other */
};

struct sg_evidence {
    const struct sg_cms *cms;
    const struct sg_signer_info *si;
    OSSL_LIB_CTX *libctx;
    const struct sg_evidence_beside *beside; /* NULL: nothing */
    struct sg_place *places;
    size_t place_count; /* in the CMS */
    size_t place_total; /* and beside it */
    struct sg_token *tokens;
    size_t token_count, token_room;
    struct sg_found found[SG_FOUND_KINDS];
    STACK_OF(X509) *certificates; /* those of `found` */
    struct sg_link *links;
    size_t link_count, link_room;
    struct sg_reference *references;
    size_t reference_count, reference_room;
    struct sg_place_hashes hashes[SG_MAX_EVIDENCE_DIGESTS];
    size_t hashes_count;
    struct sg_prefix prefixes[SG_MAX_EVIDENCE_DIGESTS];
    size_t prefix_count;
    size_t looked_at;   /* what sg_evidence_add() was asked for */
    bool content_given; /* through sg_evidence_content() */
    size_t malformed;
};

/* Makes room for one more member of a growing array: `*array` has `count` of `size` octets. */
SG_MUST_CHECK enum sg_rc sg_evidence_grow(void **array, size_t count, size_t *room, size_t size, struct sg_err *err);

/* What became of an attribute: one that cannot be read is left out and counted, anything else is an error (`why`). */
SG_MUST_CHECK enum sg_rc sg_evidence_tolerate(struct sg_evidence *evidence, enum sg_rc rc, const struct sg_err *why,
                                              struct sg_err *err);

/* That this was found in that place. The same bytes are found once, in several places. What cannot be parsed or is
 * beyond the limits is left out and counted. */
SG_MUST_CHECK enum sg_rc sg_evidence_add(struct sg_evidence *evidence, enum sg_found_kind kind, struct sg_slice der,
                                         size_t place, struct sg_err *err);

/* A walk over a structure in memory. */
struct sg_memory_walk {
    struct sg_input *input;
    struct sg_tlv_reader *reader;
    struct sg_cms_walk walk;
};

SG_MUST_CHECK enum sg_rc sg_memory_walk_begin(struct sg_slice bytes, struct sg_memory_walk *ret, struct sg_err *err);
void sg_memory_walk_end(struct sg_memory_walk *memory);
/* The next element whole; `*ret_more` is false at the level's end. */
SG_MUST_CHECK enum sg_rc sg_memory_walk_next(struct sg_memory_walk *memory, struct sg_tlv *element,
                                             struct sg_slice *ret, bool *ret_more, struct sg_err *err);
/* Goes into the next element, which has to be this one. */
SG_MUST_CHECK enum sg_rc sg_memory_walk_into(struct sg_memory_walk *memory, enum sg_tlv_class tag_class, uint32_t tag,
                                             struct sg_err *err);

/* Reads one list of those below; `memory` is in it. */
typedef enum sg_rc sg_read_list(struct sg_evidence *evidence, struct sg_memory_walk *memory, enum sg_found_kind kind,
                                size_t place, struct sg_err *err);
/* What RevocationValues and CrlOcspRef (EN 319 122-1 §A.1.2) have in common, up to the end of the level that the walk
 * is in: [0] CRLs, [1] OCSP responses, each a SEQUENCE, and [2] others, which are passed over; each is optional. */
SG_MUST_CHECK enum sg_rc sg_evidence_read_lists(struct sg_evidence *evidence, struct sg_memory_walk *memory,
                                                sg_read_list *read, size_t place, struct sg_err *err);

/* The time-stamps, and what they carry. */
SG_MUST_CHECK enum sg_rc sg_evidence_read_tokens(struct sg_evidence *evidence, struct sg_err *err);
void sg_evidence_clear_token(struct sg_token *token);

/* What the SignedData and the unsigned attributes carry; the revocation information of a token too. */
SG_MUST_CHECK enum sg_rc sg_evidence_read_values(struct sg_evidence *evidence, struct sg_err *err);
SG_MUST_CHECK enum sg_rc sg_evidence_read_revocation(struct sg_evidence *evidence, const struct sg_cms *cms,
                                                     size_t place, struct sg_err *err);
/* An attribute's values, if it is certificate-values or revocation-values. `place` is that of its first value, the
 * others' behind it, or of all of them if `single`. */
SG_MUST_CHECK enum sg_rc sg_evidence_read_attribute(struct sg_evidence *evidence, const struct sg_attribute *attribute,
                                                    size_t place, bool single, struct sg_err *err);

/* The same of an OCSPResponse (RFC 6960 §4.2.1) or a BasicOCSPResponse. */
SG_MUST_CHECK enum sg_rc sg_evidence_add_ocsp(struct sg_evidence *evidence, struct sg_slice der, size_t place,
                                              struct sg_err *err);

/* What stands beside the CMS: a place for each, certificates and revocation data, and the time-stamps. */
void sg_evidence_place_beside(struct sg_evidence *evidence);
SG_MUST_CHECK enum sg_rc sg_evidence_read_beside(struct sg_evidence *evidence, struct sg_err *err);
SG_MUST_CHECK enum sg_rc sg_evidence_read_document_stamps(struct sg_evidence *evidence, struct sg_err *err);
/* A time-stamp token that stands in that place. */
SG_MUST_CHECK enum sg_rc sg_evidence_add_token(struct sg_evidence *evidence, enum sg_evidence_kind kind,
                                               struct sg_slice der, size_t place, struct sg_err *err);

/* What is referred to by a hash in one of those attributes is found in its place as well. */
SG_MUST_CHECK enum sg_rc sg_evidence_read_references(struct sg_evidence *evidence, struct sg_err *err);

/* Reads a token's index; none, or one that cannot be read, is a `problem`. */
SG_MUST_CHECK enum sg_rc sg_evidence_read_index(struct sg_token *token, struct sg_err *err);
/* Which places each time-stamp covers. */
SG_MUST_CHECK enum sg_rc sg_evidence_cover(struct sg_evidence *evidence, struct sg_err *err);
/* Whether that unsigned attribute's value may have been there when the archive-time-stamp v2 was made: all but itself
 * and later archive-time-stamps. */
bool sg_evidence_was_before(const struct sg_evidence *evidence, const struct sg_token *token, size_t place);

SG_MUST_CHECK enum sg_rc sg_evidence_begin_prefixes(struct sg_evidence *evidence, struct sg_err *err);

/* Whether the object identifier has these content octets: for those that OpenSSL has no number for. */
bool sg_evidence_is_oid(const ASN1_OBJECT *object, struct sg_slice octets);
#define SG_OID(...) ((struct sg_slice){(const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})})
/* The digest of an AlgorithmIdentifier's encoding; NID_undef: none that is known. */
int sg_evidence_digest_nid(struct sg_slice algorithm);
/* A digest by number; NULL: not known. */
EVP_MD *sg_evidence_digest(const struct sg_evidence *evidence, int nid);
