#include "formats/cert_cache.h"

#include <pthread.h>
#include <string.h>

#include "base/limits.h"
#include "formats/pem.h"

#define SLOTS 256
#define TAIL 8                 /* octets by which a place is found */
#define MAX_KEPT (16 * SG_KIB) /* larger certificates are parsed each time */

struct slot {
    struct sg_buf der;
    X509 *cert; /* NULL: empty */
};

struct sg_cert_cache {
    OSSL_LIB_CTX *libctx;
    pthread_mutex_t lock;
    struct slot slots[SLOTS]; /* a certificate's place follows from its bytes; the newer one takes it */
};

enum sg_rc sg_cert_cache_new(OSSL_LIB_CTX *libctx, struct sg_cert_cache **ret, struct sg_err *err)
{
    struct sg_cert_cache *cache = calloc(1, sizeof(*cache));
    if (!cache)
        return sg_fail_memory(err);
    cache->libctx = libctx;
    (void)pthread_mutex_init(&cache->lock, NULL);
    *ret = cache;
    return SG_OK;
}

static void slot_clear(struct slot *slot)
{
    sg_buf_clear(&slot->der);
    X509_free(slot->cert);
    slot->cert = NULL;
}

void sg_cert_cache_free(struct sg_cert_cache *cache)
{
    if (!cache)
        return;
    for (size_t i = 0; i < SLOTS; i++)
        slot_clear(&cache->slots[i]);
    (void)pthread_mutex_destroy(&cache->lock);
    free(cache);
}

/* A certificate ends with its signature, of which two are alike only by design. Who makes certificates collide gains
 * only that they are parsed again. */
static struct slot *slot_of(struct sg_cert_cache *cache, struct sg_slice der)
{
    size_t hash = der.len;
    for (size_t i = der.len > TAIL ? der.len - TAIL : 0; i < der.len; i++)
        hash = 31 * hash + der.data[i];
    return &cache->slots[hash % SLOTS];
}

static X509 *find(struct sg_cert_cache *cache, struct slot *slot, struct sg_slice der)
{
    X509 *cert = NULL;
    (void)pthread_mutex_lock(&cache->lock);
    if (slot->cert && sg_slice_equal(sg_buf_slice(&slot->der), der) && X509_up_ref(slot->cert))
        cert = slot->cert;
    (void)pthread_mutex_unlock(&cache->lock);
    return cert;
}

/* Not being able to keep it is no error. */
static void keep(struct sg_cert_cache *cache, struct slot *slot, struct sg_slice der, X509 *cert)
{
    struct slot fresh = {.der = SG_BUF(MAX_KEPT)};
    if (der.len > MAX_KEPT || sg_buf_append(&fresh.der, der.data, der.len, NULL) != SG_OK)
        return;
    if (X509_up_ref(cert))
        fresh.cert = cert;
    (void)pthread_mutex_lock(&cache->lock);
    struct slot old = *slot;
    *slot = fresh;
    (void)pthread_mutex_unlock(&cache->lock);
    slot_clear(&old);
}

enum sg_rc sg_cert_cache_parse(struct sg_cert_cache *cache, struct sg_slice der, X509 **ret, struct sg_err *err)
{
    struct slot *slot = slot_of(cache, der);
    X509 *cert = find(cache, slot, der);
    enum sg_rc rc = SG_OK;
    if (!cert) {
        rc = sg_cert_parse(der, cache->libctx, &cert, err);
        if (rc == SG_OK)
            keep(cache, slot, der, cert);
    }
    if (rc == SG_OK)
        *ret = cert;
    return rc;
}
