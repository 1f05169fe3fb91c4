/* The key that signs in this command: which one, whether it may, unlocked, and with what belongs to every signature by
 * it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "cli/app.h"
#include "formats/cades.h"
#include "pkcs11/custody.h"
#include "pkcs11/token.h"
#include "store/store.h"

#define SG_SIGNING_MAX_WARNINGS 8

/* What is odd and was allowed: said in the result, and its code recorded. */
struct sg_warning {
    const char *code;
    char text[256];
};

struct sg_signing {
    enum sg_rc (*preload)(struct sg_err *err); /* given: what sg_signing_open() loads by the way; NULL: nothing */
    struct sg_store *store;
    struct sg_tokens *tokens; /* NULL: see `tokens_err` */
    struct sg_err tokens_err;
    struct sg_key_list *keys;
    char *candidates;               /* after SG_E_KEY_AMBIGUOUS: their URIs, one a line */
    struct sg_token_key *token_key; /* the one chosen */
    const struct sg_key_info *info; /* of it */

    EVP_PKEY *key;
    struct sg_cades_signer *signer;
    struct sg_cades_signer *pdf_signer; /* the same without a signing time, which PDFs have elsewhere */
    char digest[32];                    /* the algorithm as JSON and store have it: "sha256" */
    enum sg_custody_basis custody;

    char cert_sha256[65];
    char *subject, *issuer, *serial; /* of the certificate */
    char *name;                      /* of its subject, the one that people know: the common name, else all of it */
    int64_t not_before, not_after;

    const char *clock_state; /* as struct sg_document has it */
    struct sg_warning warnings[SG_SIGNING_MAX_WARNINGS];
    size_t warning_count;
};

struct sg_signing_options {
    bool allow_expired, allow_not_yet_valid, allow_wrong_usage;
    bool allow_changed; /* another certificate than [sign] certificate: for who is about to write that anew */
};

/* The steps, in this order. sg_signing_clear() also after a failure. */

/* Opens the store, without which nothing is signed, and the tokens. Trouble with those is kept for sg_signing_choose(),
 * so that it can be recorded. */
SG_MUST_CHECK enum sg_rc sg_signing_open(struct sg_app *app, struct sg_signing *signing, struct sg_err *err);
/* Chooses: --key, else [sign] key, else the only key whose certificate has nonRepudiation, else the only usable one,
 * else a question on the terminal; without one SG_E_KEY_AMBIGUOUS with the candidates' URIs. */
SG_MUST_CHECK enum sg_rc sg_signing_choose(struct sg_app *app, struct sg_signing *signing, struct sg_err *err);
/* sg_complain(); the candidates of SG_E_KEY_AMBIGUOUS follow, for people. */
int sg_signing_complain(const struct sg_app *app, const struct sg_signing *signing, const struct sg_err *err);
/* Whether its certificate is the one that [sign] certificate pins, its validity and usage, and this computer's clock
 * against what has already happened. */
SG_MUST_CHECK enum sg_rc sg_signing_check(struct sg_app *app, const struct sg_signing_options *options,
                                          struct sg_signing *signing, struct sg_err *err);
/* Logs in, looks at the key's custody, and makes the signer with its chain. */
SG_MUST_CHECK enum sg_rc sg_signing_unlock(struct sg_app *app, struct sg_signing *signing, struct sg_err *err);
void sg_signing_clear(struct sg_signing *signing);

/* The SHA-256 of a key's SPKI as hex. The token tells its public part nowhere: SG_E_NO_CERTIFICATE. */
SG_MUST_CHECK enum sg_rc sg_key_sha256(struct sg_app *app, const struct sg_token_key *key, char spki_sha256[65],
                                       struct sg_err *err);
/* The same, and what the configuration and the ledger say of the key's custody. */
SG_MUST_CHECK enum sg_rc sg_custody_rules_for(struct sg_app *app, struct sg_store *store,
                                              const struct sg_token_key *key, char spki_sha256[65],
                                              struct sg_custody_rules *ret, struct sg_err *err);
/* SG_E_POLICY if the token was retired: it may be in anybody's hands. */
SG_MUST_CHECK enum sg_rc sg_refuse_retired(struct sg_store *store, const struct sg_token_info *info,
                                           struct sg_err *err);

/* What makes the time `now` impossible: something that has happened later. */
struct sg_clock_doubt {
    const char *state; /* as struct sg_document has it; "ok": nothing does */
    const char *what;  /* translated: "this program was built"; NULL if nothing does */
    int64_t then;
};

SG_MUST_CHECK enum sg_rc sg_clock_doubt(struct sg_store *store, int64_t now, struct sg_clock_doubt *ret,
                                        struct sg_err *err);

/* Appends to `chain` the issuers of `cert` among `certs`, by name and signature, nearest first; the root too if
 * `with_root`. */
SG_MUST_CHECK enum sg_rc sg_issuers_find(const STACK_OF(X509) *certs, X509 *cert, bool with_root, STACK_OF(X509) *chain,
                                         struct sg_err *err);

/* Appends to the warnings, and says it. */
void sg_signing_warn(struct sg_app *app, struct sg_signing *signing, const char *code, const char *format, ...)
    SG_PRINTF(4, 5);

/* A ledger entry of a failure; `object` is what was to be signed. */
SG_MUST_CHECK enum sg_rc sg_signing_record_failure(const struct sg_signing *signing, const char *object,
                                                   const struct sg_err *failure, struct sg_err *err);
