/* `signet token check` of one key. */
#pragma once

#include <openssl/x509.h>

#include "cli/app.h"
#include "cli/findings.h"
#include "pkcs11/token.h"
#include "store/store.h"
#include "verify/verify.h"

struct sg_key_check {
    struct sg_app *app;
    struct sg_store *store;
    struct sg_verifier *verifier; /* as of now, offline, with the token's certificates to help */
    struct sg_token_key *key;
    const struct sg_key_info *info; /* of it */
    bool logged_in;                 /* else nothing is known of the private key */
    struct sg_err inspection;       /* after login: what sg_token_key_inspect() said; `rc` */

    struct sg_findings findings;
    const char *custody; /* basis; NULL: not known */
    char spki_sha256[65], cert_sha256[65];
    bool allowed;     /* [token] allow-key names it */
    json_t *until;    /* NULL: nothing that ends is known */
    int64_t list_due; /* when the first of the revocation lists used is to be replaced; SG_TIME_NONE: none was used */
};

/* The path to an anchor, revocation, and until when all that is good. The certificate itself was checked before. */
SG_MUST_CHECK enum sg_rc sg_key_check_chain(struct sg_key_check *check, bool for_signing, struct sg_err *err);

/* All keys that are to be used are inspected before the first of them is checked (sg_token_key_open()). What is wrong
 * with the key is a finding; an error is what kept us from looking. sg_key_check_clear() also after a failure. */
SG_MUST_CHECK enum sg_rc sg_key_check_run(struct sg_key_check *check, struct sg_err *err);
void sg_key_check_clear(struct sg_key_check *check);
/* {"uri", ..., "findings"}; NULL: no memory. */
json_t *sg_key_check_json(const struct sg_key_check *check);
void sg_key_check_say(const struct sg_key_check *check, const struct sg_voice *voice);
