/* Tokens, their keys and certificates, and signing with them. The only door to PKCS#11: nothing above this folder sees
 * a PKCS#11 header. What a module answers is checked against limits before it is believed.
 *
 * A module runs in a process of its own, the token host, or, where that is asked for, in this one. Each call of a
 * module in a host has a deadline: SG_E_TOKEN_TIMEOUT. One that crashes is SG_E_MODULE_CRASHED. Either costs the
 * operation alone: the next one finds the module started again, but logged out. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/secret.h"

/* --- modules ---------------------------------------------------------------------------------------------------- */

struct sg_tokens; /* the modules in use and the tokens seen in them */

/* How old the list of the tokens may be, and what they show before a login. */
enum sg_listing {
    SG_LIST_LIVE,     /* modules are asked */
    SG_LIST_AND_KEEP, /* and what cards showed is kept, for as long as no reader sees one come or go */
    SG_LIST_KEPT      /* what was kept is good enough: the modules of such cards are asked only for more */
};

struct sg_tokens_options {
    const char *const *modules; /* paths; none: those p11-kit is configured with */
    size_t module_count;
    OSSL_LIB_CTX *libctx; /* ours; the signet provider is added to it */
    const struct sg_log *log;
    const char *host;        /* the program that serves a module; NULL: modules are loaded into this process */
    int64_t timeout_ms;      /* for one C_ call of a module in a host; 0: SG_TOKEN_TIMEOUT_MS */
    int64_t sign_timeout_ms; /* for one that uses a private key or waits for a person; 0: SG_TOKEN_SIGN_TIMEOUT_MS */
    const char *runtime;     /* folder of the PIN interlock and of what is kept of cards (sg_paths), made when needed;
                              * without it nobody can log in */
    enum sg_listing listing; /* of modules in a host; else always LIVE */
    int64_t idle_ms;         /* after which a host without work, login or key in use ends; 0: SG_TOKEN_IDLE_MS */
};

/* Loads and initialises the modules and lists their tokens. A module named by path that does not load:
 * SG_E_NO_MODULE (not there) or SG_E_MODULE_FAILED; one of p11-kit's that fails is logged and left out, unless it is
 * the only one. */
SG_MUST_CHECK enum sg_rc sg_tokens_open(const struct sg_tokens_options *options, struct sg_tokens **ret,
                                        struct sg_err *err);
/* Logs out everywhere and lets the hosts end, which takes them a moment: who has something else to do meanwhile says so
 * here. Nothing may be asked of the tokens any more; what is known of them stays until sg_tokens_free(). */
void sg_tokens_dismiss(struct sg_tokens *tokens);
void sg_tokens_free(struct sg_tokens *tokens); /* every EVP_PKEY made from it must be freed before */
SG_DEFINE_CLEANUP(struct sg_tokens, sg_tokens_free)

/* --- tokens ----------------------------------------------------------------------------------------------------- */

struct sg_token; /* one of sg_tokens; owned by it */

/* COUNT_LOW and FINAL_TRY before TO_BE_CHANGED, which a login finds out by itself. */
enum sg_pin_state {
    SG_PIN_OK,
    SG_PIN_COUNT_LOW,
    SG_PIN_FINAL_TRY,
    SG_PIN_LOCKED,
    SG_PIN_NOT_SET,
    SG_PIN_TO_BE_CHANGED
};

struct sg_token_info {
    const char *module; /* path, or p11-kit's name for it */
    const char *uri;    /* RFC 7512: pkcs11:token=...;serial=...;manufacturer=...;model=... */
    const char *label, *manufacturer, *model, *serial, *slot_description;
    uint8_t hardware_version[2], firmware_version[2];
    bool initialized, login_required, pin_pad, write_protected;
    bool present;            /* when its module was last asked */
    size_t min_pin, max_pin; /* bytes; 0: not known */
    enum sg_pin_state pin_state;
    enum sg_pin_state so_pin_state; /* of the security officer's; never NOT_SET */
    int64_t seen_at;                /* when both were last asked, seconds since 1970; 0: in this run */
};

/* Asks all modules again what is there. Tokens that came are added, those that went are no longer `present`; none is
 * freed. */
SG_MUST_CHECK enum sg_rc sg_tokens_refresh(struct sg_tokens *tokens, struct sg_err *err);
size_t sg_tokens_count(const struct sg_tokens *tokens);
struct sg_token *sg_tokens_get(const struct sg_tokens *tokens, size_t index);
const struct sg_token_info *sg_token_info(const struct sg_token *token);

/* The error of there being no token that `uri` (NULL: any) fits: SG_E_NO_TOKEN, or SG_E_BUSY where another program
 * keeps a card to itself, which modules do not show then. */
enum sg_rc sg_tokens_fail_none(struct sg_tokens *tokens, const char *uri, struct sg_err *err);

/* The one initialised token that is there and that `uri` (RFC 7512; NULL: any) fits; what the URI says of a key does
 * not count. None: sg_tokens_fail_none(); several: SG_E_USAGE. */
SG_MUST_CHECK enum sg_rc sg_token_find(struct sg_tokens *tokens, const char *uri, struct sg_token **ret,
                                       struct sg_err *err);
/* The same of the one that is to be initialised: the only blank one, or what `uri` names, blank or not. */
SG_MUST_CHECK enum sg_rc sg_token_find_to_initialise(struct sg_tokens *tokens, const char *uri, struct sg_token **ret,
                                                     struct sg_err *err);

/* --- PINs ------------------------------------------------------------------------------------------------------- */

enum sg_pin_role { SG_PIN_USER, SG_PIN_SO };

/* Where a PIN comes from decides whether it may be given to a token after one was refused, by whatever process:
 * pkcs11/interlock.h. All zeros: nobody typed it. */
struct sg_pin_origin {
    bool typed;        /* a person entered it, for this token and this time; so is one on a PIN pad */
    unsigned asked_at; /* of a typed one: what sg_token_pin_ready() gave before the person was asked */
    bool use_last_try; /* the person knows that a wrong one locks the token, and wants it tried */
};

/* Before a PIN is asked for: whether it can be given at all, with the pin_state and so_pin_state of sg_token_info() as
 * they are now. Sets `asked_at`. SG_E_PIN_LOCKED says who can unblock it; the last one without `use_last_try`:
 * SG_E_PIN_FINAL_TRY; gone: SG_E_NO_TOKEN. */
SG_MUST_CHECK enum sg_rc sg_token_pin_ready(struct sg_token *token, enum sg_pin_role role, struct sg_pin_origin *origin,
                                            struct sg_err *err);

/* Logs the user in, in every session of this token. `pin` NULL: it is entered on the reader's own PIN pad. `origin`
 * NULL: nobody typed it.
 *
 * Wrong: SG_E_PIN_INCORRECT with tries_left if known; locked: SG_E_PIN_LOCKED. Not given to the token: one that nobody
 * typed after a refusal, and a typed one if another was refused since the person was asked (who may be asked again):
 * SG_E_PIN_INTERLOCK; one that would be the last try, without consent: SG_E_PIN_FINAL_TRY. A PIN that is good for being
 * changed only: SG_E_PIN_TO_BE_CHANGED, and nobody is logged in.
 *
 * A copy of the PIN stays in the secure heap, for keys that want it before each signature, until sg_token_key_open()
 * finds that there is none. SoftHSM's start-up race is met by a bounded retry (for errors that are not about the PIN).
 */
SG_MUST_CHECK enum sg_rc sg_token_login(struct sg_token *token, const struct sg_secret *pin,
                                        const struct sg_pin_origin *origin, struct sg_err *err);

/* No refusal of user or security officer counts any more: the cause was found. */
SG_MUST_CHECK enum sg_rc sg_token_pin_clear(struct sg_token *token, struct sg_err *err);

/* --- keys ------------------------------------------------------------------------------------------------------- */

/* What the module says of a private key; an attribute that it does not give is "unknown". */
enum sg_tristate { SG_UNKNOWN, SG_NO, SG_YES };

struct sg_key_attributes {
    enum sg_tristate sensitive, extractable, always_sensitive, never_extractable, local, sign, decrypt, unwrap, derive,
        always_authenticate;
};

enum sg_key_purpose { SG_FOR_ANYTHING, SG_FOR_SIGNING, SG_FOR_DECRYPTION };

struct sg_token_key; /* a key pair with its certificate; owned by the list it came in */

struct sg_key_info {
    const struct sg_token_info *token;
    const char *uri;   /* pins token serial, CKA_ID and object type: what [sign] key holds */
    const char *label; /* CKA_LABEL, made safe to print; may be "" */
    const char *id;    /* CKA_ID as lower-case hex */
    const char *type;  /* "RSA", "EC", "Ed25519" or "unknown" */
    const char *curve; /* "P-256"...; NULL unless EC */
    int bits;
    X509 *cert;                          /* whose public key is this key's; NULL if there is none on the token */
    bool private_seen;                   /* the private key object was visible (it may want a login first) */
    bool pss_only;                       /* CKA_ALLOWED_MECHANISMS or the SPKI leave only RSA-PSS */
    struct sg_key_attributes attributes; /* meaningful if private_seen */
};

struct sg_key_list;

/* The keys of all tokens that fit `uri` (RFC 7512; NULL: all). Before login, keys are known by certificate or public
 * key; after it, also by their private objects. Malformed URI: SG_E_USAGE. A URI that no token fits: SG_E_NO_TOKEN; no
 * key: an empty list. */
SG_MUST_CHECK enum sg_rc sg_keys_find(struct sg_tokens *tokens, const char *uri, struct sg_key_list **ret,
                                      struct sg_err *err);
void sg_key_list_free(struct sg_key_list *list);
SG_DEFINE_CLEANUP(struct sg_key_list, sg_key_list_free)
size_t sg_key_list_count(const struct sg_key_list *list);
struct sg_token_key *sg_key_list_get(const struct sg_key_list *list, size_t index);
const struct sg_key_info *sg_token_key_info(const struct sg_token_key *key);
struct sg_token *sg_token_key_token(const struct sg_token_key *key);
/* Its public key, in the `default` provider; NULL if the token tells it nowhere. */
EVP_PKEY *sg_token_key_public(const struct sg_token_key *key);
/* The mechanisms for a key of this type that Signet can use and the token lists, by their PKCS#11 names; all of them
 * for a token that does not list any. Returns how many. */
#define SG_KEY_MECHANISMS 16
size_t sg_token_key_mechanisms(const struct sg_token_key *key, const char *names[SG_KEY_MECHANISMS]);
/* Whether the certificate's public key is this key's. */
bool sg_token_key_fits(const struct sg_token_key *key, const X509 *cert);

/* The certificates on a token whose subject is `subject` (NULL: all of them), for building the chain. Appends to
 * `certs`. */
SG_MUST_CHECK enum sg_rc sg_token_certificates(struct sg_token *token, const X509_NAME *subject, STACK_OF(X509) *certs,
                                               struct sg_err *err);

/* After login: finds the private object and reads its attributes (sg_token_key_info() then has them), checks that it
 * belongs to the certificate or public key, and tries to read its private value, which must be refused: a value that
 * can be read is SG_E_CUSTODY, whatever the attributes say. A key that the token does not let do what it is meant for:
 * SG_E_NO_KEY. */
SG_MUST_CHECK enum sg_rc sg_token_key_inspect(struct sg_token_key *key, enum sg_key_purpose purpose,
                                              struct sg_err *err);

/* After inspect: the key as an EVP_PKEY of the signet provider. It signs (RSA PKCS#1 v1.5 and PSS, ECDSA, Ed25519),
 * decrypts (RSA PKCS#1 v1.5, and OAEP without a label) and agrees on secrets (ECDH). Hashes and, where the token lacks
 * them, RSA paddings are the host's; a token without the raw mechanism of a signature is asked for the combined one. It
 * may be used by several threads at once (a session each); opening it is for one. Its first signature is verified with
 * the certificate's public key. An error of the token in a call is kept for sg_token_key_last_error(), since OpenSSL
 * passes only "it failed".
 * Unless a key of the token that was inspected by now says CKA_ALWAYS_AUTHENTICATE, the PIN is wiped: inspect all that
 * are to be used before the first is opened. */
SG_MUST_CHECK enum sg_rc sg_token_key_open(struct sg_token_key *key, EVP_PKEY **ret, struct sg_err *err);
/* What went wrong in the calling thread's last use of this key: fills `err`, returns its code; SG_OK if
 * nothing did. A ciphertext that was not encrypted to the key is no error of the token. */
enum sg_rc sg_token_key_last_error(const struct sg_token_key *key, struct sg_err *err);
