#include "pkcs11/cache.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>

#include "base/msg.h"
#include "base/outfile.h"
#include "pkcs11/messages.h"

#define FORM "signet tokens 1"
#define BOOT_ID "/proc/sys/kernel/random/boot_id"
#define STAMP "changed"
#define STAMP_LEN 16

void sg_cache_free(struct sg_cache *cache)
{
    if (!cache)
        return;
    sg_buf_clear(&cache->list);
    sg_buf_clear(&cache->keys);
    free(cache);
}

enum sg_rc sg_cache_new(const uint8_t key[SG_SHA256_LEN], struct sg_cache **ret, struct sg_err *err)
{
    struct sg_cache *cache = calloc(1, sizeof *cache);
    if (!cache)
        return sg_fail_memory(err);
    *cache = (struct sg_cache){
        .seen_at = (int64_t)time(NULL), .list = SG_BUF(SG_MAX_CACHE / 2), .keys = SG_BUF(SG_MAX_CACHE / 2)};
    memcpy(cache->key, key, SG_SHA256_LEN);
    *ret = cache;
    return SG_OK;
}

static bool sha256(const struct sg_tokens *tokens, struct sg_slice bytes, uint8_t ret[SG_SHA256_LEN])
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    size_t len = 0;
    if (sg_digest(tokens->libctx, "SHA256", bytes, digest, &len, NULL) != SG_OK || len != SG_SHA256_LEN)
        return false;
    memcpy(ret, digest, SG_SHA256_LEN);
    return true;
}

/* --- the folder --------------------------------------------------------------------------------------------------- */

/* In a folder that others may write to (/tmp), somebody may have made it before us: it is ours alone, or not used. */
static int open_folder(const char *runtime, bool make)
{
    struct stat st;
    if (!runtime || (make && mkdir(runtime, 0700) < 0 && errno != EEXIST))
        return -1;
    _cleanup_(closep) int fd = open(runtime, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0 || st.st_uid != geteuid() || (st.st_mode & 077) != 0)
        return -1;
    return sg_steal_fd(&fd);
}

/* Likewise a file in it, which is nobody else's and has no other name. `max`: of bytes. */
static bool read_file(const char *runtime, const char *name, size_t max, struct sg_buf *ret)
{
    struct stat st;
    uint8_t *room = NULL;
    _cleanup_(closep) int folder = open_folder(runtime, false);
    if (folder < 0)
        return false;
    _cleanup_(closep) int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 077) != 0 ||
        st.st_nlink != 1 || st.st_size < 1 || (uintmax_t)st.st_size > max)
        return false;
    return sg_buf_extend(ret, (size_t)st.st_size, &room, NULL) == SG_OK &&
           pread(fd, room, ret->len, 0) == (ssize_t)ret->len;
}

/* --- the key ------------------------------------------------------------------------------------------------------ */

static bool put_identity(struct sg_buf *out, const char *path, bool socket)
{
    struct stat st;
    if (stat(path, &st) < 0 || (socket ? !S_ISSOCK(st.st_mode) : !S_ISREG(st.st_mode)))
        return false;
    const struct timespec *when = socket ? &st.st_ctim : &st.st_mtim;
    return sg_put_text(out, path) && sg_put_u64(out, st.st_dev) && sg_put_u64(out, st.st_ino) &&
           sg_put_u64(out, (uint64_t)when->tv_sec) && sg_put_u64(out, (uint64_t)when->tv_nsec) &&
           sg_put_u64(out, socket ? 0 : (uint64_t)st.st_size);
}

static bool put_boot(struct sg_buf *out)
{
    char id[64];
    _cleanup_(closep) int fd = open(BOOT_ID, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd < 0 ? -1 : read(fd, id, sizeof id);
    return len > 0 && sg_put_bytes(out, (struct sg_slice){(const uint8_t *)id, (size_t)len});
}

/* None: nothing was written since the boot. */
static bool put_stamp(struct sg_buf *out, const char *runtime)
{
    _cleanup_(sg_buf_clear) struct sg_buf stamp = SG_BUF(STAMP_LEN);
    (void)read_file(runtime, STAMP, STAMP_LEN, &stamp);
    return sg_put_bytes(out, sg_buf_slice(&stamp));
}

bool sg_cache_key(const struct sg_tokens *tokens, const char *file, struct sg_slice readers, uint8_t ret[SG_SHA256_LEN])
{
    _cleanup_(sg_buf_clear) struct sg_buf all = SG_BUF(SG_MAX_CACHE);
    return sg_put_text(&all, FORM) && sg_put_u32(&all, SG_WIRE_VERSION) && put_identity(&all, file, false) &&
           put_boot(&all) && put_identity(&all, sg_pcsc_socket(), true) && put_stamp(&all, tokens->runtime) &&
           sg_put_bytes(&all, readers) && sha256(tokens, sg_buf_slice(&all), ret);
}

/* A slot's description is as long as PKCS#11 lets it be, or begins with the reader's name. */
static bool is_in_reader(const struct sg_token *token, struct sg_slice readers)
{
    struct sg_fields fields = {.rest = readers};
    struct sg_reader reader;
    const CK_UTF8CHAR *description = token->slot_info.slotDescription;
    uint32_t count = sg_get_u8(&fields, 1) ? sg_get_u32(&fields, SG_MAX_READERS) : 0;
    for (uint32_t i = 0; i < count; i++) {
        sg_get_reader(&fields, &reader);
        size_t len = strnlen(reader.name, sizeof token->slot_info.slotDescription);
        if (!fields.bad && len > 0 && memcmp(description, reader.name, len) == 0)
            return true;
    }
    return false;
}

bool sg_cache_covers(const struct sg_module *module, const struct sg_tokens *tokens, struct sg_slice readers)
{
    size_t listed = 0;
    for (size_t i = 0; i < tokens->token_count; i++) {
        const struct sg_token *token = tokens->tokens[i];
        if (sg_token_module(token) != module || !token->info.present)
            continue;
        if (!is_in_reader(token, readers))
            return false;
        listed++;
    }
    return listed > 0;
}

/* Sixteen random bytes: times may be too coarse to tell two changes apart. */
void sg_cache_outdate(const char *runtime)
{
    uint8_t stamp[STAMP_LEN];
    _cleanup_(closep) int folder = open_folder(runtime, true);
    if (folder < 0 || getrandom(stamp, sizeof stamp, 0) != sizeof stamp)
        return;
    _cleanup_(closep) int fd =
        openat(folder, STAMP, O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, (mode_t)0600);
    if (fd >= 0)
        (void)!pwrite(fd, stamp, sizeof stamp, 0);
}

/* --- the file ----------------------------------------------------------------------------------------------------- */

/* SHA-256 of what follows; key, time, list, keys. */
static bool write_file(struct sg_buf *out, const struct sg_tokens *tokens, const struct sg_cache *cache)
{
    uint8_t digest[SG_SHA256_LEN];
    _cleanup_(sg_buf_clear) struct sg_buf body = SG_BUF(SG_MAX_CACHE);
    return sg_buf_append(&body, cache->key, sizeof cache->key, NULL) == SG_OK &&
           sg_put_u64(&body, (uint64_t)cache->seen_at) && sg_put_bytes(&body, sg_buf_slice(&cache->list)) &&
           sg_put_bytes(&body, sg_buf_slice(&cache->keys)) && sha256(tokens, sg_buf_slice(&body), digest) &&
           sg_buf_append(out, digest, sizeof digest, NULL) == SG_OK &&
           sg_buf_append(out, body.data, body.len, NULL) == SG_OK;
}

static bool parse_file(struct sg_slice all, const struct sg_tokens *tokens, struct sg_cache *ret)
{
    struct sg_fields fields = {.rest = all};
    uint8_t said[SG_SHA256_LEN], digest[SG_SHA256_LEN];
    sg_get_exactly(&fields, said, sizeof said);
    if (fields.bad || !sha256(tokens, fields.rest, digest) || memcmp(said, digest, sizeof digest) != 0)
        return false;
    sg_get_exactly(&fields, ret->key, sizeof ret->key);
    ret->seen_at = (int64_t)sg_get_u64(&fields);
    struct sg_slice list = sg_get_bytes(&fields, ret->list.max), keys = sg_get_bytes(&fields, ret->keys.max);
    return sg_fields_end(&fields) && ret->seen_at > 0 &&
           sg_buf_append(&ret->list, list.data, list.len, NULL) == SG_OK &&
           sg_buf_append(&ret->keys, keys.data, keys.len, NULL) == SG_OK;
}

#define NAME 40 /* bytes, with the NUL */

static bool name_of(const struct sg_tokens *tokens, const char *file, char out[NAME])
{
    uint8_t digest[SG_SHA256_LEN];
    if (!sha256(tokens, (struct sg_slice){(const uint8_t *)file, strlen(file)}, digest))
        return false;
    size_t used = (size_t)snprintf(out, NAME, "cards.");
    for (size_t i = 0; i < 16; i++)
        used += (size_t)snprintf(out + used, NAME - used, "%02x", digest[i]);
    return true;
}

struct sg_cache *sg_cache_load(const struct sg_tokens *tokens, const char *file, const uint8_t key[SG_SHA256_LEN])
{
    char name[NAME];
    _cleanup_(sg_cache_freep) struct sg_cache *cache = NULL;
    _cleanup_(sg_buf_clear) struct sg_buf all = SG_BUF(SG_MAX_CACHE);
    if (!name_of(tokens, file, name) || !read_file(tokens->runtime, name, SG_MAX_CACHE, &all) ||
        sg_cache_new(key, &cache, NULL) != SG_OK)
        return NULL;
    bool good = parse_file(sg_buf_slice(&all), tokens, cache) && memcmp(cache->key, key, SG_SHA256_LEN) == 0;
    return good ? sg_steal(cache) : NULL;
}

void sg_cache_store(const struct sg_tokens *tokens, const char *file, const struct sg_cache *cache)
{
    char name[NAME], path[SG_MAX_PATH_TEXT];
    struct sg_err err = {0};
    _cleanup_(sg_buf_clear) struct sg_buf all = SG_BUF(SG_MAX_CACHE);
    _cleanup_(closep) int folder = open_folder(tokens->runtime, true);
    if (folder < 0 || !name_of(tokens, file, name) || !write_file(&all, tokens, cache))
        return;
    if ((size_t)snprintf(path, sizeof path, "%s/%s", tokens->runtime, name) >= sizeof path)
        return;
    if (sg_file_write(path, sg_buf_slice(&all), SG_OUT_REPLACE | SG_OUT_PRIVATE, &err) != SG_OK)
        sg_log(&tokens->log, SG_LOG_INFO, "%s", err.text);
}

/* --- keys --------------------------------------------------------------------------------------------------------- */

struct sg_slice sg_cache_keys(const struct sg_cache *cache, uint64_t slot)
{
    struct sg_fields fields = {.rest = sg_buf_slice(&cache->keys)};
    while (!fields.bad && fields.rest.len > 0) {
        uint64_t of = sg_get_u64(&fields);
        struct sg_slice answer = sg_get_bytes(&fields, SG_MAX_CACHE);
        if (!fields.bad && of == slot)
            return answer;
    }
    return (struct sg_slice){NULL, 0};
}

bool sg_cache_add_keys(struct sg_cache *cache, uint64_t slot, struct sg_slice answer)
{
    return sg_put_u64(&cache->keys, slot) && sg_put_bytes(&cache->keys, answer);
}
