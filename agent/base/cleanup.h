/* Ownership in the types: `_cleanup_(X509_freep) X509 *cert = NULL;` is freed when it goes out of scope, and
 * `return sg_steal(cert)` passes it on. This header declares the handles of the libraries that every layer uses; a
 * header of ours declares its own type's beside its `_free`; sqlite3 and PKCS#11 handles are declared by the one folder
 * that sees them. Every `_free` takes NULL. */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#define _cleanup_(function) __attribute__((cleanup(function)))

/* Defines FREEp(): what _cleanup_ wants for a `type *` that `free_function` frees. */
#define SG_DEFINE_CLEANUP(type, free_function)                                                                         \
    static inline void free_function##p(type **pointer)                                                                \
    {                                                                                                                  \
        free_function(*pointer);                                                                                       \
        *pointer = NULL;                                                                                               \
    }

/* The value, leaving NULL behind. */
#define sg_steal(pointer)                                                                                              \
    (__extension__({                                                                                                   \
        __typeof__(pointer) sg_stolen_ = (pointer);                                                                    \
        (pointer) = NULL;                                                                                              \
        sg_stolen_;                                                                                                    \
    }))

/* The same for a file descriptor, leaving -1 behind. */
static inline int sg_steal_fd(int *fd)
{
    int stolen = *fd;
    *fd = -1;
    return stolen;
}

static inline void freep(void *pointer)
{
    void **p = (void **)pointer;
    free(*p);
    *p = NULL;
}

static inline void OPENSSL_freep(void *pointer)
{
    void **p = (void **)pointer;
    OPENSSL_free(*p);
    *p = NULL;
}

static inline void closep(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

static inline void fclosep(FILE **file)
{
    if (*file)
        (void)fclose(*file);
    *file = NULL;
}

static inline void sg_x509_stack_free(STACK_OF(X509) *certs)
{
    sk_X509_pop_free(certs, X509_free);
}

SG_DEFINE_CLEANUP(ASN1_INTEGER, ASN1_INTEGER_free)
SG_DEFINE_CLEANUP(ASN1_OBJECT, ASN1_OBJECT_free)
SG_DEFINE_CLEANUP(ASN1_TIME, ASN1_TIME_free)
SG_DEFINE_CLEANUP(BIGNUM, BN_free)
SG_DEFINE_CLEANUP(BIO, BIO_free_all)
SG_DEFINE_CLEANUP(CRL_DIST_POINTS, CRL_DIST_POINTS_free)
SG_DEFINE_CLEANUP(ECDSA_SIG, ECDSA_SIG_free)
SG_DEFINE_CLEANUP(EVP_MD, EVP_MD_free)
SG_DEFINE_CLEANUP(EVP_MD_CTX, EVP_MD_CTX_free)
SG_DEFINE_CLEANUP(EVP_PKEY, EVP_PKEY_free)
SG_DEFINE_CLEANUP(EVP_PKEY_CTX, EVP_PKEY_CTX_free)
SG_DEFINE_CLEANUP(NAME_CONSTRAINTS, NAME_CONSTRAINTS_free)
SG_DEFINE_CLEANUP(OSSL_LIB_CTX, OSSL_LIB_CTX_free)
SG_DEFINE_CLEANUP(X509, X509_free)
SG_DEFINE_CLEANUP(X509_ALGOR, X509_ALGOR_free)
SG_DEFINE_CLEANUP(X509_NAME, X509_NAME_free)
SG_DEFINE_CLEANUP(X509_STORE, X509_STORE_free)
SG_DEFINE_CLEANUP(X509_STORE_CTX, X509_STORE_CTX_free)
SG_DEFINE_CLEANUP(STACK_OF(X509), sg_x509_stack_free)
