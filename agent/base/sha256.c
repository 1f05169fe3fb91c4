#include "base/sha256.h"

#include "base/msg.h"

struct sg_sha256 {
    EVP_MD *md;
    EVP_MD_CTX *ctx;
    struct sg_sink onward;
};

static enum sg_rc failed(struct sg_err *err)
{
    return sg_fail_ssl(err, SG_E_INTERNAL, _("The %s digest cannot be computed."), "SHA256");
}

enum sg_rc sg_sha256_new(OSSL_LIB_CTX *libctx, struct sg_sink onward, struct sg_sha256 **ret, struct sg_err *err)
{
    _cleanup_(sg_sha256_freep) struct sg_sha256 *sha256 = calloc(1, sizeof(*sha256));

    if (!sha256)
        return sg_fail_memory(err);
    sha256->onward = onward;
    sha256->md = EVP_MD_fetch(libctx, "SHA256", NULL);
    sha256->ctx = EVP_MD_CTX_new();
    if (!sha256->md || !sha256->ctx || EVP_DigestInit_ex2(sha256->ctx, sha256->md, NULL) != 1)
        return failed(err);
    *ret = sg_steal(sha256);
    return SG_OK;
}

void sg_sha256_free(struct sg_sha256 *sha256)
{
    if (!sha256)
        return;
    EVP_MD_CTX_free(sha256->ctx);
    EVP_MD_free(sha256->md);
    free(sha256);
}

static enum sg_rc take(void *context, const uint8_t *data, size_t len, struct sg_err *err)
{
    struct sg_sha256 *sha256 = context;

    if (EVP_DigestUpdate(sha256->ctx, data, len) != 1)
        return failed(err);
    return sha256->onward.write ? sha256->onward.write(sha256->onward.context, data, len, err) : SG_OK;
}

struct sg_sink sg_sha256_sink(struct sg_sha256 *sha256)
{
    return (struct sg_sink){take, sha256};
}

void sg_sha256_set_onward(struct sg_sha256 *sha256, struct sg_sink onward)
{
    sha256->onward = onward;
}

enum sg_rc sg_sha256_end(struct sg_sha256 *sha256, char out[SG_SHA256_HEX], struct sg_err *err)
{
    uint8_t digest[EVP_MAX_MD_SIZE];

    if (EVP_DigestFinal_ex(sha256->ctx, digest, NULL) != 1)
        return failed(err);
    sg_hex(digest, SG_SHA256_LEN, out);
    return SG_OK;
}

enum sg_rc sg_sha256_input(OSSL_LIB_CTX *libctx, struct sg_input *input, struct sg_sink onward, char out[SG_SHA256_HEX],
                           struct sg_err *err)
{
    _cleanup_(sg_sha256_freep) struct sg_sha256 *sha256 = NULL;
    enum sg_rc rc = sg_sha256_new(libctx, onward, &sha256, err);

    if (rc == SG_OK)
        rc = sg_input_copy(input, 0, sg_input_size(input), sg_sha256_sink(sha256), err);
    return rc == SG_OK ? sg_sha256_end(sha256, out, err) : rc;
}
