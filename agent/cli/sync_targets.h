/* The servers of the configuration: time-stamp authorities, and targets with what they are spoken to with, which is
 * read when it is needed. */
#pragma once

#include "cli/app.h"
#include "sync/sync.h"

/* What one target's access and encrypt_to point to. */
struct sg_target_keeping {
    const struct sg_config *section;
    bool open;
    char *url, *user;
    struct sg_secret *password;
    STACK_OF(X509) *encrypt_to, *chain;
    struct sg_key_list *keys;
    EVP_PKEY *key;
};

struct sg_sync_targets {
    struct sg_app *app;
    struct sg_sync_target *list;
    struct sg_target_keeping *kept; /* of each */
    size_t count;
    struct sg_tokens *tokens; /* NULL until a client key is wanted */
};

SG_MUST_CHECK enum sg_rc sg_sync_targets_load(struct sg_app *app, struct sg_sync_targets *ret, struct sg_err *err);
void sg_sync_targets_clear(struct sg_sync_targets *targets);
/* The time-stamp authorities in the order in which they are asked; `*ret` is freed with free(). */
SG_MUST_CHECK enum sg_rc sg_sync_tsas(const struct sg_config *config, struct sg_tsa **ret, size_t *ret_count,
                                      struct sg_err *err);
/* NULL: there is none of that name. */
struct sg_sync_target *sg_sync_targets_find(const struct sg_sync_targets *targets, const char *name);
/* Reads its credentials and the certificate that it is encrypted to, and opens its client key, which may ask for a
 * PIN: once a token. Once open, it stays so. */
SG_MUST_CHECK enum sg_rc sg_sync_targets_open(struct sg_sync_targets *targets, struct sg_sync_target *target,
                                              struct sg_err *err);
