/* A key of every kind, each with its certificate by one CA, and a folder for what is signed. */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "signing.h"

enum { RSA_KEY, RSA_PSS_KEY, P256_KEY, P384_KEY, P521_KEY, ED25519_KEY, KEY_COUNT };

static struct fixture {
    OSSL_LIB_CTX *libctx;
    struct identity root;
    struct identity keys[KEY_COUNT];
    char folder[32];
    char in_path[64];
    char out_path[64];
} fx;

static inline int setup(void **state)
{
    struct sg_err err;

    (void)state;
    assert_ok(sg_libctx_new(&fx.libctx, &err), &err);
    fx.root = make_identity(fx.libctx, "EC", "P-256", NULL);
    fx.keys[RSA_KEY] = make_identity(fx.libctx, "RSA", NULL, &fx.root);
    fx.keys[RSA_PSS_KEY] = make_identity(fx.libctx, "RSA-PSS", NULL, &fx.root);
    fx.keys[P256_KEY] = make_identity(fx.libctx, "EC", "P-256", &fx.root);
    fx.keys[P384_KEY] = make_identity(fx.libctx, "EC", "P-384", &fx.root);
    fx.keys[P521_KEY] = make_identity(fx.libctx, "EC", "P-521", &fx.root);
    fx.keys[ED25519_KEY] = make_identity(fx.libctx, "ED25519", NULL, &fx.root);
    strcpy(fx.folder, "/tmp/signet-signing-XXXXXX");
    assert_non_null(mkdtemp(fx.folder));
    (void)snprintf(fx.in_path, sizeof(fx.in_path), "%s/in", fx.folder);
    (void)snprintf(fx.out_path, sizeof(fx.out_path), "%s/out", fx.folder);
    return 0;
}

static inline int teardown(void **state)
{
    (void)state;
    (void)unlink(fx.in_path);
    (void)unlink(fx.out_path);
    (void)rmdir(fx.folder);
    for (size_t i = 0; i < KEY_COUNT; i++)
        identity_clear(&fx.keys[i]);
    identity_clear(&fx.root);
    OSSL_LIB_CTX_free(fx.libctx);
    return 0;
}
