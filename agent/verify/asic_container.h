/* A container being judged: what asic.c and asic_stamps.c share. */
#pragma once

#include "formats/asic.h"
#include "verify/format.h"

/* A time-stamp of the container. It is said what it is worth, and changes no answer. */
struct sg_container_stamp {
    const struct sg_asic_timestamp *of;
    struct sg_timestamp told;
    bool holds;         /* the token, for what is there; now */
    size_t files;       /* that it is over, and that are what they were; those that a container is made for */
    const char *broken; /* one that is not, or is not there; NULL: none. Borrowed */
};

struct sg_container {
    struct sg_file_judging *judging;
    struct sg_input *input;
    struct sg_asic *asic;
    struct sg_file_digest *digests; /* of each entry, kept for the next signature over it */
    bool *covered;                  /* likewise: by a signature */
    size_t content_count;           /* files that a container is made for */
    EVP_MD *md;                     /* the last digest that was used, ... */
    int md_nid;                     /* ... and which it is */
    EVP_MD_CTX *ctx;
    struct sg_container_stamp *stamps;
    size_t stamp_count;
};

/* The digest of an entry, which is good until the next is asked for; `*ret` has no length if the algorithm is not
 * known. */
SG_MUST_CHECK enum sg_rc sg_container_digest(struct sg_container *container, const struct sg_zip_entry *entry, int nid,
                                             struct sg_slice *ret, struct sg_err *err);

/* Judges the time-stamps, each as of now (EN 319 102-1 §5.4), and the digests in its manifest. */
SG_MUST_CHECK enum sg_rc sg_container_stamps_judge(struct sg_container *container, struct sg_err *err);
/* Says of each what it is over, and whether it holds, as remarks on a signature. */
SG_MUST_CHECK enum sg_rc sg_container_stamps_note(const struct sg_container *container,
                                                  const struct sg_asic_signature *signature,
                                                  struct sg_judgement *judgement, struct sg_err *err);
void sg_container_stamps_clear(struct sg_container *container);
