/* Associated signature containers (EN 319 162-1) with CAdES: ASiC-E, many files under one signature by its ASiCManifest
 * (§4.4.4.2), and ASiC-S, one file (§4.3). Names in a container are data: none of them is ever used as a path here. */
#pragma once

#include "base/outfile.h"
#include "formats/asic_manifest.h"
#include "formats/cades.h"
#include "formats/zip.h"

/* What a container says it is, in its file "mimetype". */
#define SG_ASIC_E_TYPE "application/vnd.etsi.asic-e+zip"
#define SG_ASIC_S_TYPE "application/vnd.etsi.asic-s+zip"
#define SG_ASIC_TYPE_MAX 256

enum sg_asic_form { SG_ASIC_E, SG_ASIC_S };

/* A file to be put in. */
struct sg_asic_file {
    const char *path; /* where it is */
    const char *name; /* in the container: relative, UTF-8, "/" between folders, no "." or "..", not of META-INF */
};

struct sg_asic_params {
    const struct sg_cades_signer *signer;
    enum sg_asic_form form; /* SG_ASIC_S: one file */
    const struct sg_asic_file *files;
    size_t count;
    int64_t signing_time;
    enum sg_rc (*check_cancelled)(struct sg_err *err); /* may be NULL */
    /* Each file's SHA-256, hex, of the octets that went into the container; anything but SG_OK, and nothing is signed.
     * May be NULL. */
    enum sg_rc (*check_file)(void *context, size_t index, const char *sha256, struct sg_err *err);
    void (*done)(void *context, size_t files); /* how many are in it by now; may be NULL */
    void *context;
};

/* Writes the container to `out` (not committed): each file is read once, the key is used once. `digest`: of what the
 * CAdES signs (the manifest; of ASiC-S the file), room for EVP_MAX_MD_SIZE. A name that may not be: SG_E_USAGE. */
SG_MUST_CHECK enum sg_rc sg_asic_sign(const struct sg_asic_params *params, struct sg_outfile *out, uint8_t *digest,
                                      size_t *ret_digest_len, struct sg_err *err);

/* --- reading --------------------------------------------------------------------------------------------------------
 */

struct sg_asic;

/* A signature in a container. Everything is borrowed from the sg_asic. */
struct sg_asic_signature {
    const struct sg_zip_entry *entry;   /* the CAdES */
    const struct sg_zip_entry *content; /* what it is over: ASiC-E: its manifest; ASiC-S: the file. NULL: not there */
    struct sg_asic_manifest manifest;   /* of ASiC-E; references sorted by name */
};

/* Whether the input begins as a ZIP does, and what reading one needs (formats/module.h). */
SG_MUST_CHECK enum sg_rc sg_asic_probe(struct sg_input *input, bool *ret_is_zip, struct sg_err *err);
SG_MUST_CHECK enum sg_rc sg_asic_preload(struct sg_err *err);
/* Reads the directory and the manifests; `input` must outlive the result. Broken: SG_E_MALFORMED, SG_E_LIMIT or
 * SG_E_UNSUPPORTED as zip.h has it, and for a manifest that is none, two for one signature, a file that one names
 * twice, an ASiC-S of several files. A ZIP that is no ASiC: `*ret` is NULL. */
SG_MUST_CHECK enum sg_rc sg_asic_open(struct sg_input *input, struct sg_asic **ret, struct sg_err *err);
void sg_asic_free(struct sg_asic *asic);
SG_DEFINE_CLEANUP(struct sg_asic, sg_asic_free)

enum sg_asic_form sg_asic_form(const struct sg_asic *asic);
const struct sg_zip *sg_asic_zip(const struct sg_asic *asic);
size_t sg_asic_signature_count(const struct sg_asic *asic);
const struct sg_asic_signature *sg_asic_signature(const struct sg_asic *asic, size_t index);
/* The CAdES itself, into `bytes`. Larger than that may be: SG_E_LIMIT. */
SG_MUST_CHECK enum sg_rc sg_asic_read_signature(const struct sg_asic *asic, size_t index, struct sg_buf *bytes,
                                                struct sg_err *err);
/* Whether another signature or a time-stamp of the container is over the CAdES, or may be, so that it has to stay as it
 * is. */
bool sg_asic_signature_is_covered(const struct sg_asic *asic, size_t index);
/* A time-stamp of its own, beside those in signatures (§4.3.3.2, §4.4.3.2, §A.4). Borrowed likewise. */
struct sg_asic_timestamp {
    const struct sg_zip_entry *entry;   /* the token */
    const struct sg_zip_entry *content; /* what it is over: its manifest; of ASiC-S also the file. NULL: that is not to
                                         * be found, cannot be read, or is not clear */
    struct sg_asic_manifest manifest;   /* none, where it is over the file; references sorted by name */
    bool unclear;                       /* several manifests name it */
};

size_t sg_asic_timestamp_count(const struct sg_asic *asic);
const struct sg_asic_timestamp *sg_asic_timestamp(const struct sg_asic *asic, size_t index);
/* Whether it has evidence records. They are not read. */
bool sg_asic_has_evidence_records(const struct sg_asic *asic);
/* Whether a file is one of those that a container is made for: not what says how it is signed. */
bool sg_asic_is_content(const struct sg_zip_entry *entry);
/* Whether it is one that is not in META-INF either. */
bool sg_asic_is_data(const struct sg_zip_entry *entry);

/* --- adding a signature ----------------------------------------------------------------------------------------------
 */

/* Which form the file says it is of, by its first entry. */
SG_MUST_CHECK enum sg_rc sg_asic_sniff(struct sg_input *input, enum sg_asic_form *ret_form, bool *ret_is,
                                       struct sg_err *err);
/* Writes `container` with one more signature to `out`, not committed; everything else stays as it is, octet for octet.
 * ASiC-E: a manifest and a CAdES of its own, over the files that the signatures there are over (EN 319 162-1 §4.4.4.2).
 * ASiC-S: one more SignerInfo in its CAdES (§4.3.3.2: one file of signatures). The key is used once, and last.
 *
 * What is signed is what the others signed: a file that none of them covers, one that was changed or is missing is
 * SG_E_POLICY, as is a manifest that its signature is not of. Whether those signatures are good is not judged. Of
 * another form, or no container: SG_E_USAGE. No signature in it, or one whose CAdES may not change (ASiC-S):
 * SG_E_UNSUPPORTED. `digest` as of sg_asic_sign(). */
SG_MUST_CHECK enum sg_rc sg_asic_add_signature(const struct sg_cades_signer *signer, enum sg_asic_form form,
                                               struct sg_input *container, int64_t signing_time, struct sg_outfile *out,
                                               uint8_t *digest, size_t *ret_digest_len, struct sg_err *err);
