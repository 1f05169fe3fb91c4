/* Certificates for one token: which are of its keys, which lead from those towards the root, and how they get there. */
#pragma once

#include "cli/token_work.h"

struct sg_import_item {
    X509 *cert;               /* of `certs` */
    const char *file;         /* it was read from; the caller's */
    struct sg_token_key *key; /* whose certificate it is */
    bool issuer;              /* it leads from such a one towards the root */
    bool there;               /* on the token already */
    char sha256[SG_SHA256_HEX];
    char *subject;
};

struct sg_import {
    STACK_OF(X509) *certs;
    struct sg_import_item *items; /* one for each of `certs` */
    size_t count;
};

/* Takes a reference; nothing if it is there by now. */
SG_MUST_CHECK enum sg_rc sg_import_add(struct sg_app *app, X509 *cert, const char *file, struct sg_import *import,
                                       struct sg_err *err);
void sg_import_clear(struct sg_import *import);

/* Finds out whose each is, before anything is written: one that is neither of a key in `keys` nor an issuer of one that
 * is, is SG_E_NO_KEY. `keys` has to outlive the import. */
SG_MUST_CHECK enum sg_rc sg_import_sort_out(const struct sg_token_work *work, const struct sg_key_list *keys,
                                            struct sg_import *import, struct sg_err *err);
/* Puts one on the token unless it is there, and into the ledger. A token that takes certificates from its user alone
 * has to be logged in to; most do not ask for that. */
SG_MUST_CHECK enum sg_rc sg_import_put(const struct sg_token_work *work, const struct sg_import_item *item,
                                       struct sg_err *err);
