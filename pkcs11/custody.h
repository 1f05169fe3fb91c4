/* Custody: on what ground we believe that a private key is only on its token. */
#pragma once

#include "base/err.h"
#include "pkcs11/token.h"

enum sg_custody_basis {
    SG_CUSTODY_GENERATED, /* our own ledger saw the token make the key */
    SG_CUSTODY_REPORTED,  /* the module's attributes say so (OpenSC fills them in: never "proven") */
    SG_CUSTODY_ALLOWED,   /* configuration names the key, against what its attributes say */
    SG_CUSTODY_HELD,      /* imported, or SENSITIVE=FALSE with EXTRACTABLE=FALSE */
    SG_CUSTODY_REFUSED,   /* extractable, or unknown */
};

struct sg_custody_rules {
    bool generated_here; /* the ledger has its key generation */
    bool allowed;        /* [token] allow-key holds its SPKI's SHA-256 */
    bool strict;         /* [policy] custody = strict: `allowed` is ignored, `held` refused */
};

const char *sg_custody_text(enum sg_custody_basis basis); /* "generated" ... "refused" */
enum sg_custody_basis sg_custody_basis_of(const struct sg_key_attributes *attributes,
                                          const struct sg_custody_rules *rules);

/* The basis if the key may sign; else SG_E_CUSTODY, its text printing the `allow-key` line where that would help, or
 * SG_E_POLICY where only the policy forbids it. `spki_sha256` is 64 hex digits. */
SG_MUST_CHECK enum sg_rc sg_custody_require(const struct sg_key_info *key, const char *spki_sha256,
                                            const struct sg_custody_rules *rules, enum sg_custody_basis *ret,
                                            struct sg_err *err);
