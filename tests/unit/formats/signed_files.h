/* Files with signatures over the same content, of some size: by us, in DER, and by OpenSSL, in BER. */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "ber.h"
#include "signing.h"

#define CONTENT_LEN (300 * 1024)

static struct fixture {
    OSSL_LIB_CTX *libctx;
    struct identity root, first, second, third;
    char folder[40];
    char path[64];
    uint8_t *content;
    struct sg_slice detached;     /* over `content`, by us and `first` */
    struct sg_slice attached;     /* ditto */
    struct sg_slice ber_attached; /* by OpenSSL, streamed: indefinite lengths */
    struct sg_slice ber_detached; /* ditto, by `first` and `second` */
} fx;

static inline struct sg_slice whole_content(void)
{
    return (struct sg_slice){fx.content, CONTENT_LEN};
}

/* Keeps bytes beyond the arena of one test. */
static inline struct sg_slice keep(struct sg_slice bytes)
{
    uint8_t *copy = malloc(bytes.len);

    assert_non_null(copy);
    memcpy(copy, bytes.data, bytes.len);
    return (struct sg_slice){copy, bytes.len};
}

static inline struct sg_cades_signer *signer_of(const struct identity *id, const char *digest)
{
    const struct sg_cades_params params = {.libctx = fx.libctx, .key = id->key, .cert = id->cert, .digest = digest};
    struct sg_cades_signer *signer = NULL;
    struct sg_err err;

    assert_ok(sg_cades_signer_new(&params, &signer, &err), &err);
    return signer;
}

static inline void sign_ours(void)
{
    _cleanup_(sg_cades_signer_freep) struct sg_cades_signer *signer = signer_of(&fx.first, NULL);
    _cleanup_(sg_input_freep) struct sg_input *input = input_of(whole_content());
    _cleanup_(sg_outfile_freep) struct sg_outfile *out = NULL;
    _cleanup_(sg_buf_clear) struct sg_buf detached = SG_BUF(SG_MIB);
    _cleanup_(sg_buf_clear) struct sg_buf attached = SG_BUF(SG_MIB);
    uint8_t digest[EVP_MAX_MD_SIZE];
    size_t digest_len = 0;
    struct sg_err err;

    assert_ok(sg_outfile_open(fx.path, SG_OUT_REPLACE, &out, &err), &err);
    assert_ok(sg_cades_sign_attached(signer, input, NOW, out, digest, &digest_len, &err), &err);
    assert_ok(sg_outfile_commit(out, &err), &err);
    read_file(fx.path, &attached);
    assert_ok(sg_cades_sign_detached(signer, (struct sg_slice){digest, digest_len}, NOW, &detached, &err), &err);
    fx.detached = keep(sg_buf_slice(&detached));
    fx.attached = keep(sg_buf_slice(&attached));
}

static inline struct sg_slice sign_openssl(unsigned flags, bool two)
{
    BIO *in = BIO_new_mem_buf(fx.content, CONTENT_LEN);
    BIO *out = BIO_new(BIO_s_mem());
    uint8_t *data = NULL;

    flags |= CMS_STREAM | CMS_BINARY | CMS_CADES | CMS_NOSMIMECAP;
    CMS_ContentInfo *cms = CMS_sign_ex(fx.first.cert, fx.first.key, NULL, in, flags, fx.libctx, NULL);
    assert_non_null(cms);
    if (two)
        assert_non_null(CMS_add1_signer(cms, fx.second.cert, fx.second.key, NULL, flags));
    assert_int_equal(i2d_CMS_bio_stream(out, cms, in, (int)flags), 1);
    const long len = BIO_get_mem_data(out, &data);
    const struct sg_slice kept = keep((struct sg_slice){data, (size_t)len});
    CMS_ContentInfo_free(cms);
    BIO_free(in);
    BIO_free(out);
    return kept;
}

/* `flags`: CMS_NOCERTS, or 0, of `ber_detached`. */
static inline int signed_files_setup(unsigned flags)
{
    struct sg_err err;

    assert_ok(sg_libctx_new(&fx.libctx, &err), &err);
    fx.root = make_identity(fx.libctx, "EC", "P-256", NULL);
    fx.first = make_identity(fx.libctx, "RSA", NULL, &fx.root);
    fx.second = make_identity(fx.libctx, "EC", "P-384", &fx.root);
    fx.third = make_identity(fx.libctx, "RSA", NULL, &fx.root);
    strcpy(fx.folder, "/tmp/signet-signed-XXXXXX");
    assert_non_null(mkdtemp(fx.folder));
    (void)snprintf(fx.path, sizeof(fx.path), "%s/out", fx.folder);
    fx.content = malloc(CONTENT_LEN);
    assert_non_null(fx.content);
    for (size_t i = 0; i < CONTENT_LEN; i++)
        fx.content[i] = (uint8_t)(i * 7 + i / 251);
    sign_ours();
    fx.ber_attached = sign_openssl(0, false);
    fx.ber_detached = sign_openssl(CMS_DETACHED | flags, true);
    return 0;
}

static inline int teardown(void **state)
{
    (void)state;
    (void)unlink(fx.path);
    (void)rmdir(fx.folder);
    free((void *)fx.detached.data);
    free((void *)fx.attached.data);
    free((void *)fx.ber_attached.data);
    free((void *)fx.ber_detached.data);
    free(fx.content);
    identity_clear(&fx.root);
    identity_clear(&fx.first);
    identity_clear(&fx.second);
    identity_clear(&fx.third);
    OSSL_LIB_CTX_free(fx.libctx);
    return 0;
}

static inline int clear(void **state)
{
    (void)state;
    arena_clear();
    return 0;
}
