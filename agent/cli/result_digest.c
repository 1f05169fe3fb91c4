#include "cli/result_digest.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "base/limits.h"
#include "base/msg.h"

#define FOLLOW_FROM (8 * SG_MIB) /* until then nobody waits for it */
#define HEAD 64                  /* lengths are patched into the head at the end, and nowhere else */

struct sg_result_digest {
    struct sg_outfile *out;
    uint64_t expected;
    EVP_MD *md;
    EVP_MD_CTX *ctx;
    uint64_t hashed;
    uint8_t head[HEAD];
    uint8_t *block;

    pthread_t thread;
    bool following;
    atomic_bool written; /* there is no more to come */
    enum sg_rc rc;
    struct sg_err err;
};

static enum sg_rc hash_up_to(struct sg_result_digest *digest, uint64_t size, struct sg_err *err)
{
    while (digest->hashed < size) {
        uint64_t left = size - digest->hashed;
        size_t len = left < SG_IO_BUFFER ? (size_t)left : SG_IO_BUFFER;
        enum sg_rc rc = sg_outfile_read(digest->out, digest->hashed, digest->block, len, err);
        if (rc != SG_OK)
            return rc;
        if (digest->hashed == 0)
            memcpy(digest->head, digest->block, len < HEAD ? len : HEAD);
        if (EVP_DigestUpdate(digest->ctx, digest->block, len) != 1)
            return sg_fail_ssl(err, SG_E_INTERNAL, "%s", _("The signature could not be hashed."));
        digest->hashed += len;
    }
    return SG_OK;
}

/* What the kernel has of the file is what may be read; whole blocks of it go to disk at once, since the one who waits
 * for fsync in the end waits the less. */
static void *follow(void *context)
{
    struct sg_result_digest *digest = context;
    const struct timespec pause = {.tv_nsec = 1000000};
    uint64_t begun = 0;

    while (digest->rc == SG_OK && !atomic_load(&digest->written)) {
        uint64_t size = sg_outfile_flushed(digest->out);
        size = size < digest->expected ? size : digest->expected;
        size -= size % SG_IO_BUFFER;
        if (size < FOLLOW_FROM || size <= digest->hashed) {
            (void)nanosleep(&pause, NULL);
            continue;
        }
        digest->rc = hash_up_to(digest, size, &digest->err);
        sg_outfile_begin_writeback(digest->out, begun, size - begun);
        begun = size;
    }
    return NULL;
}

static void stop_following(struct sg_result_digest *digest)
{
    atomic_store(&digest->written, true);
    if (digest->following)
        (void)pthread_join(digest->thread, NULL);
    digest->following = false;
}

static enum sg_rc restart(struct sg_result_digest *digest, struct sg_err *err)
{
    digest->hashed = 0;
    if (EVP_DigestInit_ex2(digest->ctx, digest->md, NULL) != 1)
        return sg_fail_ssl(err, SG_E_INTERNAL, "%s", _("The signature could not be hashed."));
    return SG_OK;
}

enum sg_rc sg_result_digest_start(OSSL_LIB_CTX *libctx, struct sg_outfile *out, uint64_t expected,
                                  struct sg_result_digest **ret, struct sg_err *err)
{
    _cleanup_(sg_result_digest_freep) struct sg_result_digest *digest = calloc(1, sizeof(*digest));

    if (!digest)
        return sg_fail_memory(err);
    digest->out = out;
    digest->expected = expected;
    digest->md = EVP_MD_fetch(libctx, "SHA256", NULL);
    digest->ctx = EVP_MD_CTX_new();
    digest->block = malloc(SG_IO_BUFFER);
    if (!digest->md || !digest->ctx || !digest->block)
        return sg_fail_memory(err);
    enum sg_rc rc = restart(digest, err);
    if (rc != SG_OK)
        return rc;
    if (expected >= FOLLOW_FROM) /* and if there is no thread to be had, it is hashed in the end too */
        digest->following = pthread_create(&digest->thread, NULL, follow, digest) == 0;
    *ret = sg_steal(digest);
    return SG_OK;
}

enum sg_rc sg_result_digest_finish(struct sg_result_digest *digest, char hex[SG_SHA256_HEX], struct sg_err *err)
{
    uint8_t head[HEAD], value[EVP_MAX_MD_SIZE];

    stop_following(digest);
    size_t len = digest->hashed < HEAD ? (size_t)digest->hashed : HEAD;
    enum sg_rc rc = sg_outfile_flush(digest->out, err);
    if (rc == SG_OK && digest->rc != SG_OK && err)
        *err = digest->err;
    rc = rc == SG_OK ? digest->rc : rc;
    if (rc == SG_OK && len > 0)
        rc = sg_outfile_read(digest->out, 0, head, len, err);
    if (rc == SG_OK && len > 0 && memcmp(head, digest->head, len) != 0)
        rc = restart(digest, err);
    if (rc == SG_OK)
        rc = hash_up_to(digest, sg_outfile_size(digest->out), err);
    if (rc != SG_OK)
        return rc;
    if (EVP_DigestFinal_ex(digest->ctx, value, NULL) != 1)
        return sg_fail_ssl(err, SG_E_INTERNAL, "%s", _("The signature could not be hashed."));
    sg_hex(value, SG_SHA256_LEN, hex);
    return SG_OK;
}

void sg_result_digest_free(struct sg_result_digest *digest)
{
    if (!digest)
        return;
    stop_following(digest);
    EVP_MD_CTX_free(digest->ctx);
    EVP_MD_free(digest->md);
    free(digest->block);
    free(digest);
}
