/* PIN letters and escrow: what a token's PINs are written down in, before the token gets them. */
#pragma once

#include "base/outfile.h"
#include "base/secret.h"
#include "officer/staff.h"

/* What a letter and an escrow tell of the token that they are for. */
struct sg_letter {
    const struct sg_person *person;
    const char *serial;
    int64_t made;
};

struct sg_letters {
    OSSL_LIB_CTX *libctx;
    const char *folder;              /* absolute */
    STACK_OF(X509) *readers;         /* whose keys open a letter; NULL: text that anybody can read, mode 0600 */
    const char *escrow_folder;       /* absolute */
    STACK_OF(X509) *escrow_officers; /* whose keys open an escrow */
};

/* Where a person's files are: FOLDER/0007-ada_example.org-SERIAL.KIND. The same token and row give the same names, so
 * that a letter which no longer counts gives way to its successor. Allocated. */
SG_MUST_CHECK enum sg_rc sg_letter_path(const char *folder, int64_t row, const struct sg_person *person,
                                        const char *serial, const char *kind, char **ret, struct sg_err *err);

/* Write both, for sg_outfile_commit_group() to make them final. `sha256` are the files' digests, hex. */
SG_MUST_CHECK enum sg_rc sg_letter_write(const struct sg_letters *letters, const struct sg_letter *letter,
                                         const struct sg_secret *pin, const char *path, char sha256[SG_SHA256_HEX],
                                         struct sg_outfile **ret, struct sg_err *err);
/* CMS over JSON, signet.escrow/1. */
SG_MUST_CHECK enum sg_rc sg_escrow_write(const struct sg_letters *letters, const struct sg_letter *letter,
                                         const struct sg_secret *so_pin, const char *path, char sha256[SG_SHA256_HEX],
                                         struct sg_outfile **ret, struct sg_err *err);

#define SG_MAX_ESCROW ((size_t)4096) /* bytes of an escrow or a letter, in the secure heap */

/* What an escrow holds, once it is decrypted. */
struct sg_escrow {
    char *serial, *label, *person;
    struct sg_secret *so_pin;
};
/* Anything but a whole signet.escrow/1: SG_E_MALFORMED. */
SG_MUST_CHECK enum sg_rc sg_escrow_parse(const struct sg_secret *json, struct sg_escrow *ret, struct sg_err *err);
void sg_escrow_clear(struct sg_escrow *escrow);
/* The PIN in a letter, which has been decrypted where that was needed. */
SG_MUST_CHECK enum sg_rc sg_letter_parse(const struct sg_secret *text, struct sg_secret **ret_pin, struct sg_err *err);
