/* What a module's cards showed when they were last read, kept for as long as no reader saw one come or go. Reading a
 * card takes seconds; asking the readers takes none of it.
 *
 * A file of the runtime folder for each module, of mode 0600, with the host's own answers (messages.h), which are
 * decoded again as those of a host, and with a key that changes with whatever they depend on. What does not change the
 * key, and what may therefore be older than the card: PIN states, and what programs that are not ours write to a card
 * while it stays in. Private to pkcs11/. */
#pragma once

#include "base/crypto.h"
#include "pkcs11/internal.h"

struct sg_cache {
    uint8_t key[SG_SHA256_LEN];
    int64_t seen_at;    /* seconds since 1970 */
    struct sg_buf list; /* the answer to LIST */
    struct sg_buf keys; /* slot and answer to KEYS, of each token whose keys were asked for before a login */
};

void sg_cache_free(struct sg_cache *cache);
SG_DEFINE_CLEANUP(struct sg_cache, sg_cache_free)

/* An empty one, as of now. */
SG_MUST_CHECK enum sg_rc sg_cache_new(const uint8_t key[SG_SHA256_LEN], struct sg_cache **ret, struct sg_err *err);

/* The key: over the module's file, the boot, pcscd's socket, what Signet itself wrote to tokens (sg_cache_outdate())
 * and `readers`, the answer to READERS. False where one of them cannot be told, so that nothing can be kept. */
bool sg_cache_key(const struct sg_tokens *tokens, const char *file, struct sg_slice readers,
                  uint8_t ret[SG_SHA256_LEN]);

/* What is kept of the module in `file` under this key; NULL if there is nothing, or nothing that is whole and ours. */
struct sg_cache *sg_cache_load(const struct sg_tokens *tokens, const char *file, const uint8_t key[SG_SHA256_LEN]);
/* A cache that cannot be written is none; that is logged. */
void sg_cache_store(const struct sg_tokens *tokens, const char *file, const struct sg_cache *cache);

/* Whether the key covers what the module lists: there is a token, and each is in one of these readers. */
bool sg_cache_covers(const struct sg_module *module, const struct sg_tokens *tokens, struct sg_slice readers);

/* The answer to KEYS of the token in a slot; {NULL, 0} if it is not kept. */
struct sg_slice sg_cache_keys(const struct sg_cache *cache, uint64_t slot);
SG_MUST_CHECK bool sg_cache_add_keys(struct sg_cache *cache, uint64_t slot, struct sg_slice answer);

/* Before and after something of ours changes a token: every key changes, so that neither what was kept before nor what
 * another process reads meanwhile is found later. `runtime` may be NULL. */
void sg_cache_outdate(const char *runtime);
