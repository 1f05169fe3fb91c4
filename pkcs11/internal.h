/* What stands behind token.h. Private to pkcs11/. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "base/limits.h"
#include "pkcs11/cryptoki.h"
#include "pkcs11/interlock.h"
#include "pkcs11/pcsc.h"
#include "pkcs11/token.h"
#include "pkcs11/uri.h"

/* --- modules (local_module.c, remote.c) --------------------------------------------------------------------------- */

/* How far the host that runs now has come. */
enum sg_host_stage { SG_HOST_BARE, SG_HOST_GREETED, SG_HOST_STARTED, SG_HOST_LISTED };

struct sg_cache;

/* Of a module in a host. */
struct sg_remote {
    _Atomic enum sg_host_stage stage;
    char *file;      /* the module's; NULL if p11-kit does not tell */
    uint8_t key[32]; /* sg_cache_key() before the module was started, if key_known */
    bool key_known;
    struct sg_cache *cache; /* what is kept under it; NULL: nothing */
    bool list_kept;         /* the list is the cache's, and was not taken from there yet */
};

struct sg_module {
    const struct sg_verbs *verbs;
    char *name;   /* path, or p11-kit's name */
    bool by_path; /* named by us, not from p11-kit's configuration */
    bool started;
    CK_INFO about;            /* zeros where it does not say */
    bool softhsm;             /* has a start-up race with other processes: see local_login.c */
    bool one_session;         /* breaks where two threads are in it at once */
    CK_FUNCTION_LIST *f;      /* in this process */
    struct sg_host *host;     /* else */
    pthread_mutex_t starting; /* of a host: held while it is started */
    struct sg_remote remote;
};

struct sg_tokens {
    struct sg_module *modules;
    size_t module_count;
    CK_FUNCTION_LIST **configured; /* what p11_kit_modules_load() gave */
    struct sg_token **tokens;
    size_t token_count;
    OSSL_LIB_CTX *libctx;
    OSSL_PROVIDER *provider;
    struct sg_log log;
    char *host_program;
    char *runtime;
    enum sg_listing listing;
    pthread_mutex_t list_lock;           /* held while `tokens` changes: any thread may start a host, and list anew */
    int64_t timeout_ms, sign_timeout_ms; /* for one C_ call of a module in a host */
    int64_t idle_ms;
};

/* An object without modules; sg_tokens_open() adds them. */
SG_MUST_CHECK enum sg_rc sg_tokens_new(const struct sg_tokens_options *options, struct sg_tokens **ret,
                                       struct sg_err *err);
/* What a module is called: its path, resolved; a name without a slash is left to p11-kit, which looks in its own folder
 * of modules. Allocated. */
SG_MUST_CHECK enum sg_rc sg_module_resolve(const char *path, char **ret, struct sg_err *err);
bool sg_module_known(const struct sg_tokens *tokens, const char *name);
/* Add modules; nothing of them runs yet but what loading a library runs. */
SG_MUST_CHECK enum sg_rc sg_local_load(struct sg_tokens *tokens, const char *path, struct sg_err *err);
SG_MUST_CHECK enum sg_rc sg_local_load_configured(struct sg_tokens *tokens, struct sg_err *err);
SG_MUST_CHECK enum sg_rc sg_remote_add(struct sg_tokens *tokens, const char *path, struct sg_err *err);
SG_MUST_CHECK enum sg_rc sg_remote_add_configured(struct sg_tokens *tokens, struct sg_err *err);

/* Takes over what a module says of itself, and what it needs for being the one that it is. */
void sg_module_recognise(struct sg_tokens *tokens, struct sg_module *module, const CK_INFO *about);
/* Whether a program keeps a card to itself, and in which reader. */
bool sg_remote_held(struct sg_tokens *tokens, char ret_reader[SG_READER_NAME]);
/* A module's list begins: its tokens are absent until they are listed. */
void sg_tokens_unlist(struct sg_tokens *tokens, const struct sg_module *module);
/* It ends: with those that were not listed their logins and sessions are gone; of a complete list, they were taken out.
 */
void sg_tokens_list_end(struct sg_tokens *tokens, const struct sg_module *module, bool complete);
/* One of its tokens: known by slot, label and serial, or new. Tokens stay where they are in memory. */
SG_MUST_CHECK enum sg_rc sg_tokens_list(struct sg_tokens *tokens, struct sg_module *module, CK_SLOT_ID slot,
                                        const CK_SLOT_INFO *slot_info, const CK_TOKEN_INFO *token_info,
                                        struct sg_token **ret, struct sg_err *err);
/* Looks again, after a moment, for tokens that a module overlooked because another process wrote to them (SoftHSM). */
SG_MUST_CHECK enum sg_rc sg_tokens_look_again(struct sg_tokens *tokens, struct sg_err *err);
void sg_pause_ms(long ms);

/* --- sessions (local_session.c) ----------------------------------------------------------------------------------- */

/* A signing call has a session to itself: PKCS#11 allows one operation a session at a time. They are opened as they are
 * needed and kept. */
struct sg_sessions {
    pthread_mutex_t lock;
    pthread_cond_t released;
    CK_SESSION_HANDLE idle[SG_MAX_THREADS];
    size_t idle_count;
    size_t open_count;
    size_t limit; /* SG_MAX_THREADS, or what the token turned out to serve */
};

SG_MUST_CHECK bool sg_sessions_init(struct sg_sessions *sessions);
void sg_sessions_destroy(struct sg_sessions *sessions);

/* --- tokens (token.c) -------------------------------------------------------------------------------------------- */

struct sg_token {
    struct sg_tokens *tokens;
    size_t module; /* index into tokens->modules */
    CK_SLOT_ID slot;
    CK_SLOT_INFO slot_info;
    CK_TOKEN_INFO token_info;
    struct sg_token_info info; /* its texts are ours to free */
    char *name;                /* "label (serial)", for messages */
    struct sg_sessions sessions;
    size_t remote; /* in a host: its number there */
    bool logged_in;
    CK_SESSION_HANDLE login_session;  /* kept open: closing a token's last session would log it out */
    struct sg_secret *pin;            /* after login, for keys that want it before each signature */
    bool use_last_try;                /* the person agreed to it */
    bool pin_wanted;                  /* an inspected key does */
    pthread_mutex_t reauthentication; /* from C_SignInit to C_Sign of a key that wants its PIN each time */
    bool was_present;                 /* before the list that is being made */
    CK_MECHANISM_TYPE *mechanisms;
    size_t mechanism_count;
    bool mechanisms_known;
};

SG_MUST_CHECK enum sg_rc sg_token_new(struct sg_tokens *tokens, size_t module, CK_SLOT_ID slot,
                                      const CK_SLOT_INFO *slot_info, const CK_TOKEN_INFO *token_info,
                                      struct sg_token **ret, struct sg_err *err);
void sg_token_free(struct sg_token *token);
SG_DEFINE_CLEANUP(struct sg_token, sg_token_free)
/* Takes over what the token says of itself, which C_InitToken changes, and makes its texts. */
SG_MUST_CHECK enum sg_rc sg_token_set_info(struct sg_token *token, const CK_TOKEN_INFO *info, struct sg_err *err);
/* Whether that is this token, by label and serial. */
bool sg_token_is(const struct sg_token *token, const CK_TOKEN_INFO *info);
/* Takes over the token's present flags. */
void sg_token_set_flags(struct sg_token *token, CK_FLAGS flags);

static inline struct sg_module *sg_token_module(const struct sg_token *token)
{
    return &token->tokens->modules[token->module];
}

/* Private objects can be seen now. */
static inline bool sg_token_open_to_us(const struct sg_token *token)
{
    return token->logged_in || !token->info.login_required;
}

/* The name of its PIN interlock. */
void sg_token_interlock(const struct sg_token *token, enum sg_pin_role role, char out[SG_INTERLOCK_NAME]);
/* It was taken out. What a refused PIN stopped may go on when it is back, if it could be taken out at all. */
void sg_token_gone(struct sg_token *token);

/* The token's mechanism list, asked for once. A token that does not give one is believed to have everything. */
bool sg_token_has_mechanism(struct sg_token *token, CK_MECHANISM_TYPE mechanism);

/* --- PINs (login.c) ----------------------------------------------------------------------------------------------- */

/* Each time that a PIN may reach the token, from sg_pin_try_begin(), which says whether it may, to sg_pin_try_end(),
 * which is told what the token said. */
struct sg_pin_try {
    struct sg_token *token;
    enum sg_pin_role role;
    const struct sg_secret *pin; /* NULL: the PIN pad */
    struct sg_pin_origin origin;
    bool changes; /* replaces the PIN, for which one that has to be changed is good enough */
    struct sg_interlock interlock;
};

SG_MUST_CHECK enum sg_rc sg_pin_try_begin(struct sg_pin_try *try, struct sg_err *err);
SG_MUST_CHECK enum sg_rc sg_pin_try_end(struct sg_pin_try *try, enum sg_rc rc, struct sg_err *err);

/* The same around an operation with a key that wants its PIN each time: one at a time, and none once one was refused.
 * Who begins, ends. */
SG_MUST_CHECK enum sg_rc sg_token_reauthenticate_begin(struct sg_token *token, struct sg_pin_try *try,
                                                       struct sg_err *err);
SG_MUST_CHECK enum sg_rc sg_token_reauthenticate_end(struct sg_pin_try *try, enum sg_rc rc, struct sg_err *err);

/* --- objects (local_object.c) ------------------------------------------------------------------------------------- */

struct sg_attribute {
    CK_ATTRIBUTE_TYPE type;
    bool present;
    uint8_t *data; /* `len` bytes, freed by sg_attributes_clear() */
    size_t len;
};

/* --- public keys (pubkey.c) -------------------------------------------------------------------------------------- */

/* From CKA_MODULUS and CKA_PUBLIC_EXPONENT, or CKA_EC_PARAMS and CKA_EC_POINT. NULL without an error where the values
 * make no key that we know. */
EVP_PKEY *sg_pubkey_rsa(OSSL_LIB_CTX *libctx, struct sg_slice modulus, struct sg_slice exponent);
EVP_PKEY *sg_pubkey_ec(OSSL_LIB_CTX *libctx, struct sg_slice params, struct sg_slice point);
bool sg_pubkey_same(const EVP_PKEY *a, const EVP_PKEY *b);
/* "RSA", "EC", "Ed25519" or "unknown"; what CKA_KEY_TYPE would be called, too. */
const char *sg_pubkey_type(const EVP_PKEY *key);
const char *sg_key_type_text(CK_KEY_TYPE type);
/* "P-256" and so on; OpenSSL's name for other curves; "" if there is none. */
void sg_pubkey_curve(const EVP_PKEY *key, char *out, size_t room);

/* --- keys (key.c, keys.c) ----------------------------------------------------------------------------------------- */

/* Ways to sign; RSA keys may know two. */
enum sg_scheme { SG_SCHEME_PKCS1, SG_SCHEME_PSS, SG_SCHEME_EC, SG_SCHEME_ED, SG_SCHEMES };

enum sg_raw_state { SG_RAW_UNTRIED, SG_RAW_WORKS, SG_RAW_MISSING };

struct sg_sign_error {
    bool used;
    pthread_t thread;
    struct sg_err err;
};

#define SG_DIGESTS 3 /* SHA-256, SHA-384, SHA-512 */

/* The CKA_LABEL of one of the objects that make a key, as the token wrote it. */
struct sg_label {
    CK_OBJECT_CLASS class;
    uint8_t *bytes;
    size_t len;
};
#define SG_LABELS 3 /* private key, public key, certificate */

struct sg_token_key {
    atomic_uint references;
    struct sg_token *token;
    struct sg_key_info info; /* its texts are ours to free; `cert` holds a reference */
    char curve[64];
    uint8_t *id;
    size_t id_len;
    struct sg_label labels[SG_LABELS];
    EVP_PKEY *pub;           /* the certificate's, else the public key object's; NULL if neither is known */
    CK_OBJECT_HANDLE handle; /* of the private object; in a host, the host's number for the key */
    unsigned generation;     /* of the host that gave the number */
    enum sg_key_purpose purpose;
    bool inspected;

    /* Signing (sign.c, local_sign.c). */
    EVP_MD *digests[SG_DIGESTS];
    _Atomic enum sg_raw_state raw[SG_SCHEMES];
    atomic_bool proven; /* a signature of this key has verified with `pub` */
    pthread_mutex_t errors_lock;
    struct sg_sign_error *errors; /* SG_MAX_THREADS of them once one was needed */
    atomic_bool any_error;
};

struct sg_key_list {
    struct sg_token_key **keys;
    size_t count;
};

/* Makes the texts of `info` from what is known by now. */
SG_MUST_CHECK enum sg_rc sg_token_key_describe_texts(struct sg_token_key *key, struct sg_err *err);
SG_MUST_CHECK enum sg_rc sg_token_key_new(struct sg_token *token, struct sg_slice id, struct sg_token_key **ret,
                                          struct sg_err *err);
struct sg_token_key *sg_token_key_ref(struct sg_token_key *key);
void sg_token_key_unref(struct sg_token_key *key);
SG_DEFINE_CLEANUP(struct sg_token_key, sg_token_key_unref)
/* The private key's, else the public key's, else the certificate's; NULL if none has one. */
const struct sg_label *sg_token_key_label(const struct sg_token_key *key);
SG_MUST_CHECK enum sg_rc sg_token_key_set_label(struct sg_token_key *key, CK_OBJECT_CLASS class,
                                                const struct sg_attribute *label, struct sg_err *err);
/* Fills type, curve, bits and pss_only from `pub`. */
void sg_token_key_describe(struct sg_token_key *key);
/* Gives the list a new key; the list owns it. */
SG_MUST_CHECK enum sg_rc sg_key_list_add(struct sg_key_list *list, struct sg_token_key *key, struct sg_err *err);
/* A certificate as a token gave it; NULL if it is none that can be read, which is logged. */
X509 *sg_token_certificate(struct sg_token *token, struct sg_slice der);
