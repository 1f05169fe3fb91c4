/* A snapshot of the test's own: these functions stand in for the store's. Its CRLs are in files of a folder, as the
 * store has them; indexes beside them, if the test writes some. */
#pragma once

#include <stdlib.h>
#include <unistd.h>

#include <openssl/sha.h>

#include "base/outfile.h"
#include "judging.h"

struct sg_snapshot {
    struct sg_snapshot_anchor anchors[3];
    size_t anchor_count;
    struct sg_snapshot_crl crls[2];
    struct sg_slice crl_bytes[2];
    size_t crl_count;
    char folder[64]; /* where `crl_bytes` are as files, and indexes beside some of them */
};

size_t sg_snapshot_anchor_count(const struct sg_snapshot *snapshot)
{
    return snapshot->anchor_count;
}

const struct sg_snapshot_anchor *sg_snapshot_anchor(const struct sg_snapshot *snapshot, size_t index)
{
    return &snapshot->anchors[index];
}

size_t sg_snapshot_crl_count(const struct sg_snapshot *snapshot)
{
    return snapshot->crl_count;
}

const struct sg_snapshot_crl *sg_snapshot_crl(const struct sg_snapshot *snapshot, size_t index)
{
    return &snapshot->crls[index];
}

static inline enum sg_rc path_of(const struct sg_snapshot *snapshot, size_t index, const char *suffix, char **ret)
{
    assert_true(index < snapshot->crl_count);
    assert_true(asprintf(ret, "%s/%zu.%s", snapshot->folder, index, suffix) > 0);
    return SG_OK;
}

enum sg_rc sg_snapshot_crl_path(const struct sg_snapshot *snapshot, size_t index, char **ret, struct sg_err *err)
{
    (void)err;
    return path_of(snapshot, index, "crl", ret);
}

enum sg_rc sg_snapshot_crl_index_path(const struct sg_snapshot *snapshot, size_t index, char **ret, struct sg_err *err)
{
    (void)err;
    return path_of(snapshot, index, "index", ret);
}

/* It has neither OCSP responses nor helping certificates. */
size_t sg_snapshot_ocsp_count(const struct sg_snapshot *snapshot)
{
    (void)snapshot;
    return 0;
}

const struct sg_snapshot_ocsp *sg_snapshot_ocsp(const struct sg_snapshot *snapshot, size_t index)
{
    (void)snapshot;
    fail_msg("there is no OCSP response %zu", index);
    return NULL;
}

enum sg_rc sg_snapshot_ocsp_path(const struct sg_snapshot *snapshot, size_t index, char **ret, struct sg_err *err)
{
    (void)snapshot;
    (void)index;
    (void)ret;
    return sg_fail(err, SG_E_INTERNAL, "there is none");
}

enum sg_rc sg_snapshot_ocsp_read(const struct sg_snapshot *snapshot, size_t index, struct sg_buf *out,
                                 struct sg_err *err)
{
    (void)snapshot;
    (void)index;
    (void)out;
    return sg_fail(err, SG_E_INTERNAL, "there is none");
}

size_t sg_snapshot_helper_count(const struct sg_snapshot *snapshot)
{
    (void)snapshot;
    return 0;
}

struct sg_slice sg_snapshot_helper(const struct sg_snapshot *snapshot, size_t index)
{
    (void)snapshot;
    fail_msg("there is no helping certificate %zu", index);
    return (struct sg_slice){NULL, 0};
}

static inline struct sg_slice der_of(int len, uint8_t *der)
{
    assert_true(len > 0);
    return (struct sg_slice){der, (size_t)len};
}

static inline struct sg_slice cert_der(X509 *cert)
{
    uint8_t *der = NULL;
    int len = i2d_X509(cert, &der);
    return der_of(len, der);
}

/* Writes the DER file of a CRL; without bytes there is none. */
static inline void write_crl(const struct sg_snapshot *snapshot, size_t index, struct sg_slice bytes)
{
    char *path = NULL;
    (void)path_of(snapshot, index, "crl", &path);
    (void)unlink(path);
    if (bytes.data)
        assert_int_equal(sg_file_write(path, bytes, 0, NULL), SG_OK);
    free(path);
}

static inline void remove_index(const struct sg_snapshot *snapshot, size_t index)
{
    char *path = NULL;
    (void)path_of(snapshot, index, "index", &path);
    assert_int_equal(unlink(path), 0);
    free(path);
}

static inline void add_crl(struct sg_snapshot *snapshot, X509_CRL *crl)
{
    uint8_t *der = NULL, *name = NULL;
    size_t index = snapshot->crl_count++;
    int len = i2d_X509_NAME(X509_CRL_get_issuer(crl), &name);
    snapshot->crls[index].issuer = der_of(len, name);
    len = i2d_X509_CRL(crl, &der);
    snapshot->crl_bytes[index] = der_of(len, der);
    assert_non_null(SHA256(der, (size_t)len, snapshot->crls[index].sha256));
    write_crl(snapshot, index, snapshot->crl_bytes[index]);
}

static inline void snapshot_make(struct world *world, struct sg_snapshot *snapshot)
{
    *snapshot = (struct sg_snapshot){.anchor_count = 2, .folder = "/tmp/signet-verifier.XXXXXX"};
    assert_non_null(mkdtemp(snapshot->folder));
    snapshot->anchors[0] = (struct sg_snapshot_anchor){.certificate = slice_of("no certificate"), .purposes = 3};
    snapshot->anchors[1] =
        (struct sg_snapshot_anchor){.certificate = cert_der(world->root.cert), .purposes = SG_PURPOSE_SIGN};
    add_crl(snapshot, world->root_crl);
    add_crl(snapshot, world->ca_crl);
    sk_X509_zero(world->anchors);
    sk_X509_CRL_zero(world->crls);
    world->options.snapshot = snapshot;
}

static inline void snapshot_clear(struct sg_snapshot *snapshot)
{
    OPENSSL_free((void *)snapshot->anchors[1].certificate.data);
    for (size_t i = 0; i < snapshot->crl_count; i++) {
        write_crl(snapshot, i, (struct sg_slice){NULL, 0});
        OPENSSL_free((void *)snapshot->crls[i].issuer.data);
        OPENSSL_free((void *)snapshot->crl_bytes[i].data);
    }
    assert_int_equal(rmdir(snapshot->folder), 0);
}
