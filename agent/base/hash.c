#include "base/hash.h"

#include "base/msg.h"

struct sg_hash {
    const char *name;
    EVP_MD *md;
    EVP_MD_CTX *ctx;
    struct sg_sink onward;
};

static enum sg_rc failed(const struct sg_hash *hash, struct sg_err *err)
{
    return sg_fail_ssl(err, SG_E_INTERNAL, _("The %s digest cannot be computed."), hash->name);
}

enum sg_rc sg_hash_new(OSSL_LIB_CTX *libctx, const char *digest, struct sg_sink onward, struct sg_hash **ret,
                       struct sg_err *err)
{
    _cleanup_(sg_hash_freep) struct sg_hash *hash = calloc(1, sizeof(*hash));

    if (!hash)
        return sg_fail_memory(err);
    hash->name = digest;
    hash->onward = onward;
    hash->md = EVP_MD_fetch(libctx, digest, NULL);
    hash->ctx = EVP_MD_CTX_new();
    if (!hash->md || !hash->ctx || EVP_DigestInit_ex2(hash->ctx, hash->md, NULL) != 1)
        return failed(hash, err);
    *ret = sg_steal(hash);
    return SG_OK;
}

void sg_hash_free(struct sg_hash *hash)
{
    if (!hash)
        return;
    EVP_MD_CTX_free(hash->ctx);
    EVP_MD_free(hash->md);
    free(hash);
}

static enum sg_rc take(void *context, const uint8_t *data, size_t len, struct sg_err *err)
{
    struct sg_hash *hash = context;

    if (EVP_DigestUpdate(hash->ctx, data, len) != 1)
        return failed(hash, err);
    return hash->onward.write ? hash->onward.write(hash->onward.context, data, len, err) : SG_OK;
}

struct sg_sink sg_hash_sink(struct sg_hash *hash)
{
    return (struct sg_sink){take, hash};
}

void sg_hash_set_onward(struct sg_hash *hash, struct sg_sink onward)
{
    hash->onward = onward;
}

enum sg_rc sg_hash_end(struct sg_hash *hash, uint8_t *out, size_t *ret_len, struct sg_err *err)
{
    unsigned len = 0;

    if (EVP_DigestFinal_ex(hash->ctx, out, &len) != 1)
        return failed(hash, err);
    *ret_len = len;
    return SG_OK;
}

enum sg_rc sg_hash_end_hex(struct sg_hash *hash, char out[SG_SHA256_HEX], struct sg_err *err)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    size_t len = 0;
    enum sg_rc rc = sg_hash_end(hash, digest, &len, err);

    if (rc == SG_OK)
        sg_hex(digest, len, out);
    return rc;
}

enum sg_rc sg_sha256_input(OSSL_LIB_CTX *libctx, struct sg_input *input, struct sg_sink onward, char out[SG_SHA256_HEX],
                           struct sg_err *err)
{
    _cleanup_(sg_hash_freep) struct sg_hash *hash = NULL;
    enum sg_rc rc = sg_hash_new(libctx, "SHA256", onward, &hash, err);

    if (rc == SG_OK)
        rc = sg_input_copy(input, 0, sg_input_size(input), sg_hash_sink(hash), err);
    return rc == SG_OK ? sg_hash_end_hex(hash, out, err) : rc;
}
