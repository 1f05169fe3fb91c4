/* Configuration: built-in < /etc/signet/signet.conf < the user's signet.conf < environment < options, all bounded by
 * /etc/signet/policy.conf. A section, key or value that is not known, repeated where it may not be, or on a line over
 * the limit is SG_E_CONFIG with file and line. Only keys that the program serves are known. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/err.h"

enum sg_origin {
    SG_ORIGIN_BUILT_IN,
    SG_ORIGIN_SYSTEM, /* /etc/signet/signet.conf */
    SG_ORIGIN_USER,   /* the user's signet.conf, or $SIGNET_HOME/signet.conf */
    SG_ORIGIN_ENVIRONMENT,
    SG_ORIGIN_OPTION,
    SG_ORIGIN_POLICY, /* /etc/signet/policy.conf, section [policy] only */
};

/* Every key there is, with its place in the file. Lists are keys that may stand on several lines. */
enum sg_key {
    SG_KEY_SIGN_KEY,           /* [sign] key: RFC 7512 URI, "" = choose */
    SG_KEY_SIGN_CERTIFICATE,   /* [sign] certificate: SHA-256 of that key's certificate, hex, "" = any */
    SG_KEY_SIGN_CONFIRM,       /* [sign] confirm: auto | always | never */
    SG_KEY_SIGN_LEVEL,         /* [sign] level: B-B | B-T | B-LT | B-LTA: what sync works towards */
    SG_KEY_TOKEN_MODULES,      /* [token] modules: list of paths; none = p11-kit's */
    SG_KEY_TOKEN_ISOLATION,    /* [token] isolation: process | none */
    SG_KEY_TOKEN_TIMEOUT,      /* [token] timeout: duration, for one call of a module in a process of its own */
    SG_KEY_TOKEN_SIGN_TIMEOUT, /* [token] sign-timeout: the same, where a private key or a person is needed */
    SG_KEY_TOKEN_PINENTRY,     /* [token] pinentry: program that asks where there is no terminal; "" = none */
    SG_KEY_TOKEN_ALLOW_KEY,    /* [token] allow-key: list of SHA-256 of the SPKI, hex */
    SG_KEY_VERIFY_REVOCATION,  /* [verify] revocation: hard | soft | none */
    SG_KEY_VERIFY_STALE,       /* [verify] stale: duration, soft only */
    SG_KEY_TRUST_LIST,         /* [trust] list: URL of the signed list of anchors, "" = none */
    SG_KEY_TRUST_LIST_SIGNER,  /* [trust] list-signer: SHA-256 of the certificate that signs it, hex */
    SG_KEY_SYNC_QUORUM,        /* [sync] quorum: how many targets must hold a document, at least; a number */
    SG_KEY_SYNC_INTERVAL,      /* [sync] interval: duration between two syncs */
    SG_KEY_SYNC_PROXY,         /* [sync] proxy: env | none | URL */
    SG_KEY_SYNC_KEEP_COPIES,   /* [sync] keep-copies: duration, after the last receipt */
    SG_KEY_SYNC_PRIVATE,       /* [sync] private-addresses: no | yes */
    SG_KEY_SYNC_CA_FILE,       /* [sync] ca-file: path, "" = the system's */
    SG_KEY_SYNC_TIMEOUT,       /* [sync] timeout: duration without progress */
    /* Of sections with a name of their own, which sg_config_group() gives: */
    SG_KEY_TSA_URL,            /* [tsa "NAME"] url */
    SG_KEY_TSA_ORDER,          /* [tsa "NAME"] order: a number; the lowest is asked first */
    SG_KEY_TSA_POLICY,         /* [tsa "NAME"] policy: OID, "" = any */
    SG_KEY_TARGET_TYPE,        /* [target "NAME"] type: s3 | webdav | put */
    SG_KEY_TARGET_URL,         /* [target "NAME"] url */
    SG_KEY_TARGET_REGION,      /* [target "NAME"] region: of s3 */
    SG_KEY_TARGET_CREDENTIALS, /* [target "NAME"] credentials: a file (0600) of two lines, user and password; "" = none
                                */
    SG_KEY_TARGET_CLIENT_KEY,  /* [target "NAME"] client-key: URI of the key on a token for TLS; "" = none */
    SG_KEY_TARGET_CA_FILE,     /* [target "NAME"] ca-file: path, "" = as [sync] says */
    SG_KEY_TARGET_ENCRYPT_TO,  /* [target "NAME"] encrypt-to: a certificate's file, "" = sent as it is */
    SG_KEY_TARGET_REQUIRED,    /* [target "NAME"] required: yes | no */
    SG_KEY_POLICY_CUSTODY,     /* [policy] custody: held | strict */
    SG_KEY_POLICY_REVOCATION,  /* [policy] min-revocation: none | soft | hard; without a policy, none */
    SG_KEY_POLICY_CLOCK,       /* [policy] clock: warn | strict */
    SG_KEY_COUNT
};

struct sg_config;

/* Where the files are. NULL: that file is not read. A file that does not exist is as an empty one. */
struct sg_config_files {
    const char *system;
    const char *user;
    const char *policy;
};

SG_MUST_CHECK enum sg_rc sg_config_load(const struct sg_config_files *files, struct sg_config **ret,
                                        struct sg_err *err);
void sg_config_free(struct sg_config *config);
SG_DEFINE_CLEANUP(struct sg_config, sg_config_free)

/* Sets a key from the environment or an option; replaces what weaker origins said. `where` ("SIGNET_MODULE",
 * "--revocation") is for messages. For lists, call once a value: the first call of an origin starts the list anew. */
SG_MUST_CHECK enum sg_rc sg_config_set(struct sg_config *config, enum sg_key key, const char *value,
                                       enum sg_origin origin, const char *where, struct sg_err *err);
/* Bounds everything by the policy: [verify] revocation weaker than min-revocation that was asked for is SG_E_POLICY.
 * Call once after the last sg_config_set(). */
SG_MUST_CHECK enum sg_rc sg_config_apply_policy(struct sg_config *config, struct sg_err *err);

const char *sg_config_text(const struct sg_config *config, enum sg_key key); /* never NULL; lists: the first or "" */
size_t sg_config_count(const struct sg_config *config, enum sg_key key);
const char *sg_config_item(const struct sg_config *config, enum sg_key key, size_t index);
int64_t sg_config_seconds(const struct sg_config *config, enum sg_key key); /* of a duration */
int64_t sg_config_number(const struct sg_config *config, enum sg_key key);  /* of a number */
bool sg_config_yes(const struct sg_config *config, enum sg_key key);        /* of yes | no */

/* Sections with a name of their own, [target "archive"], in the order in which they first appear: each is a
 * configuration that has its section's keys, as it says them or built in. NULL behind the last. A stronger file that
 * has the same section wins key by key. */
const struct sg_config *sg_config_group(const struct sg_config *config, const char *section, size_t index);
/* The one of that name; NULL: there is none. */
const struct sg_config *sg_config_group_named(const struct sg_config *config, const char *section, const char *name);
const char *sg_config_group_name(const struct sg_config *group);
bool sg_key_in_group(enum sg_key key); /* it stands in such sections alone */

/* For `config show --origin`: section, name, origin, and "file:line" or the option's name ("" for built-in). */
const char *sg_key_section(enum sg_key key);
const char *sg_key_name(enum sg_key key);
bool sg_key_is_list(enum sg_key key);
const char *sg_origin_text(enum sg_origin origin);
enum sg_origin sg_config_origin(const struct sg_config *config, enum sg_key key);
const char *sg_config_where(const struct sg_config *config, enum sg_key key);

/* Parses `section`.`name` = `value` as a file would, without keeping it: what a profile's `config` is checked by. */
SG_MUST_CHECK enum sg_rc sg_config_check(const char *section, const char *name, const char *value, struct sg_err *err);

/* The folders. SIGNET_HOME puts all but the policy and the runtime folder under one; otherwise XDG's, with their
 * defaults. Allocated; free with sg_paths_clear(). */
struct sg_paths {
    char *config_file; /* signet.conf */
    char *system_file; /* /etc/signet/signet.conf, or NULL with SIGNET_HOME */
    char *policy_file; /* /etc/signet/policy.conf */
    char *state;       /* folder of store.db, blobs/, trust/ */
    char *libexec;     /* folder of the programs that this one starts: ../libexec/signet from its own */
    char *runtime; /* folder of the PIN interlock, which is made (0700) when it is needed: "signet" in XDG_RUNTIME_DIR
                    * or in /run/user/UID, whichever is the user's own, else /tmp/signet-UID */
};

SG_MUST_CHECK enum sg_rc sg_paths_find(struct sg_paths *ret, struct sg_err *err);
void sg_paths_clear(struct sg_paths *paths);
/* `libexec` alone. Allocated. */
SG_MUST_CHECK enum sg_rc sg_libexec_folder(char **ret, struct sg_err *err);
