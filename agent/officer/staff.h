/* The list of persons who get tokens: CSV whose first line names the columns. `name` and `email` have to be there;
 * `subject` (RFC 4514), `label`, `kind` and `usage` may, and where they are absent or empty, the subject is the name as
 * common name, the label the name's beginning, and kind and usage those of all. The columns may come in any order. */
#pragma once

#include "base/crypto.h"
#include "pkcs11/provision.h"

struct sg_person {
    size_t line; /* of the file */
    char *name, *email;
    char *subject;      /* RFC 4514 */
    char label[32 + 1]; /* of the token; CK_TOKEN_INFO has room for 32 bytes */
    enum sg_key_kind kind;
    enum sg_key_purpose usage;
};

struct sg_staff {
    struct sg_person *persons; /* row 1 of the journal is persons[0] */
    size_t count;
    uint8_t sha256[SG_SHA256_LEN]; /* of the file */
};

struct sg_staff_options {
    const char *file; /* its name, for messages */
    enum sg_key_kind kind;
    enum sg_key_purpose usage;
    OSSL_LIB_CTX *libctx;
    /* Is told of every mistake there is, with line and column. */
    void (*complain)(void *context, const struct sg_err *err);
    void *context;
};

/* Reads a list that is right in every row. Any mistake: SG_E_MALFORMED (too long: SG_E_LIMIT), after all of them have
 * been complained of. */
SG_MUST_CHECK enum sg_rc sg_staff_read(struct sg_slice csv, const struct sg_staff_options *options,
                                       struct sg_staff **ret, struct sg_err *err);
void sg_staff_free(struct sg_staff *staff);
SG_DEFINE_CLEANUP(struct sg_staff, sg_staff_free)
