/* The formats that sign makes: how each names its file, signs, and is recorded. */
#pragma once

#include "base/input.h"
#include "base/outfile.h"

struct sg_sign_jobs;
struct sg_sign_job;

struct sg_sign_format {
    const char *word;      /* of --format */
    const char *name;      /* in JSON, the store and the ledger: "CAdES" */
    const char *ending;    /* of the file that is made: ".p7s" */
    const char *gives_way; /* the ending of the input that it takes the place of: ".pdf"; "*": any; NULL: none does */
    bool attached;         /* CAdES with the content in it: --attached */
    bool added;            /* to signatures that are there: --add */
    bool amends;           /* ... in the input itself, whose name the output has, unless it is told another */
    bool detached;         /* the content stays apart, and goes to a target with its signature */
    bool container;        /* one file for all of them */
    bool by_path;          /* it opens inputs itself, and compares them with the manifest */
    bool copies;           /* the file that is made begins with the input, but for its head */
    const char *note;      /* N_(): what the file is, for people */
    /* Loads what signing needs and takes its time, in a thread of its own; NULL: nothing. What fails is tried again. */
    enum sg_rc (*preload)(struct sg_err *err);
    /* Signs one job into `out`. `input` is NULL if `by_path`. `digest`: of what was signed, room for EVP_MAX_MD_SIZE.
     * Safe for several threads. */
    enum sg_rc (*sign)(const struct sg_sign_jobs *jobs, struct sg_sign_job *job, struct sg_input *input,
                       struct sg_outfile *out, uint8_t *digest, size_t *ret_len, struct sg_err *err);
    /* Whether the signed file `output` is of `input`, by what was recorded of it, whose digest is the input's or not.
     * NULL: that is not to be known. */
    enum sg_rc (*is_of)(struct sg_input *input, struct sg_input *output, bool digest_fits, bool *ret,
                        struct sg_err *err);
};

extern const struct sg_sign_format sg_sign_cades, sg_sign_cades_attached, sg_sign_cades_added,
    sg_sign_cades_added_attached, sg_sign_pades, sg_sign_asic_e, sg_sign_asic_e_added, sg_sign_asic_s,
    sg_sign_asic_s_added;

/* `is_of` where the digest that was recorded is that of the content. */
enum sg_rc sg_sign_digest_fits(struct sg_input *input, struct sg_input *output, bool digest_fits, bool *ret,
                               struct sg_err *err);

/* Of all that there are; NULL ends them. */
extern const struct sg_sign_format *const sg_sign_formats[];
