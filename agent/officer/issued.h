/* What a CA sent back for a list of persons: whose each certificate is. That is decided by the key alone; what else is
 * in a certificate has to fit the person that the key was made for. */
#pragma once

#include "base/crypto.h"
#include "officer/staff.h"

struct sg_issued_cert {
    X509 *cert;                      /* owned */
    char *file;                      /* owned */
    char spki_sha256[SG_SHA256_HEX]; /* of its public key as the journal has it; "": a key that cannot be read */
    int64_t row;                     /* whose key it is; 0: nobody's in the list */
    bool is_ca;
    bool counts; /* the newest of its key */
};

struct sg_issued {
    struct sg_issued_cert *certs;
    size_t count;
};

struct sg_issued_options {
    const struct sg_staff *staff;
    const char *const *keys; /* of each row: the SHA-256 of its key's SPKI, hex; "": it has none */
    int64_t now;
    OSSL_LIB_CTX *libctx;
    /* Is told of every mistake there is. */
    void (*complain)(void *context, const struct sg_err *err);
    void *context;
};

/* Reads the files in a folder, in the order of their names, but those whose names begin with a dot. Those of a CA may
 * be among them, certificates of nobody in the list must not; the newest of each key has to be good still, and to have
 * the row's e-mail address and all that the row's subject has (a CA may add to it). Anything else: SG_E_POLICY, after
 * all of it has been complained of. */
SG_MUST_CHECK enum sg_rc sg_issued_read(const char *folder, const struct sg_issued_options *options,
                                        struct sg_issued **ret, struct sg_err *err);
/* The one that counts; NULL: there is none. */
const struct sg_issued_cert *sg_issued_for(const struct sg_issued *issued, int64_t row);
void sg_issued_free(struct sg_issued *issued);
SG_DEFINE_CLEANUP(struct sg_issued, sg_issued_free)
