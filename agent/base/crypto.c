#include "base/crypto.h"

#include <limits.h>
#include <pthread.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <openssl/x509.h>

#include "base/cleanup.h"
#include "base/limits.h"
#include "base/msg.h"
#include "base/utf8.h"

enum sg_rc sg_libctx_new(OSSL_LIB_CTX **ret, struct sg_err *err)
{
    /* openssl.cnf configures the default context, which is not ours to use. Not reading it also keeps the providers
     * and engines that OPENSSL_CONF may name out of the process. */
    if (OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) != 1)
        return sg_fail_ssl(err, SG_E_INTERNAL, "%s", _("OpenSSL cannot be started."));
    _cleanup_(OSSL_LIB_CTX_freep) OSSL_LIB_CTX *libctx = OSSL_LIB_CTX_new();
    /* A new context has `default` until another provider is loaded without it being in use; asking for it puts it in
     * use. The handle of OSSL_PROVIDER_load() would be one more thing to keep, for it is not freed with the context. */
    if (!libctx || OSSL_PROVIDER_available(libctx, "default") != 1)
        return sg_fail_ssl(err, SG_E_INTERNAL, "%s", _("OpenSSL's default provider cannot be loaded."));
    *ret = sg_steal(libctx);
    return SG_OK;
}

enum sg_rc sg_digest(OSSL_LIB_CTX *libctx, const char *name, struct sg_slice data, uint8_t *out, size_t *ret_len,
                     struct sg_err *err)
{
    size_t len = 0;
    if (EVP_Q_digest(libctx, name, NULL, data.data, data.len, out, &len) != 1)
        return sg_fail_ssl(err, SG_E_INTERNAL, _("The %s digest cannot be computed."), name);
    *ret_len = len;
    return SG_OK;
}

/* --- digests of certificates --------------------------------------------------------------------------------------
 */

static int kept_digest; /* the index of it among what a certificate holds for us */
static pthread_once_t kept_digest_once = PTHREAD_ONCE_INIT;

static void free_kept(void *parent, void *digest, CRYPTO_EX_DATA *data, int index, long argl, void *argp)
{
    (void)parent, (void)data, (void)index, (void)argl, (void)argp;
    OPENSSL_free(digest);
}

static void find_index(void)
{
    kept_digest = X509_get_ex_new_index(0, NULL, NULL, NULL, free_kept);
}

static bool has_index(void)
{
    return pthread_once(&kept_digest_once, find_index) == 0 && kept_digest > 0;
}

enum sg_rc sg_cert_digest(OSSL_LIB_CTX *libctx, const X509 *cert, uint8_t ret[SG_SHA256_LEN], struct sg_err *err)
{
    const uint8_t *kept = has_index() ? X509_get_ex_data(cert, kept_digest) : NULL;
    if (kept) {
        memcpy(ret, kept, SG_SHA256_LEN);
        return SG_OK;
    }
    /* X509_digest() would fetch in the context that the certificate was made in, or keep an answer of its own. */
    _cleanup_(OPENSSL_freep) uint8_t *der = NULL;
    int der_len = i2d_X509(cert, &der);
    if (der_len < 0)
        return sg_fail_ssl(err, SG_E_INTERNAL, "%s", _("A certificate cannot be encoded."));
    size_t len = 0;
    return sg_digest(libctx, "SHA256", (struct sg_slice){der, (size_t)der_len}, ret, &len, err);
}

enum sg_rc sg_cert_digest_keep(OSSL_LIB_CTX *libctx, X509 *cert, struct sg_err *err)
{
    _cleanup_(OPENSSL_freep) uint8_t *digest = OPENSSL_malloc(SG_SHA256_LEN);
    if (!digest || !has_index())
        return sg_fail_memory(err);
    enum sg_rc rc = sg_cert_digest(libctx, cert, digest, err);
    if (rc == SG_OK && !X509_set_ex_data(cert, kept_digest, digest))
        return sg_fail_memory(err);
    if (rc == SG_OK)
        (void)sg_steal(digest);
    return rc;
}

enum sg_rc sg_cert_sha256(OSSL_LIB_CTX *libctx, const X509 *cert, char out[SG_SHA256_HEX], struct sg_err *err)
{
    uint8_t digest[SG_SHA256_LEN];
    enum sg_rc rc = sg_cert_digest(libctx, cert, digest, err);
    if (rc == SG_OK)
        sg_hex(digest, SG_SHA256_LEN, out);
    return rc;
}

#define CUT "\xe2\x80\xa6" /* an ellipsis: there is more */

/* RFC 4514, with UTF-8 as it is. */
static enum sg_rc print_name(BIO *bio, const X509_NAME *name, struct sg_err *err)
{
    const unsigned long flags = XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB;
    const uint8_t *der = NULL;
    size_t der_len = 0;

    /* Writing out what is cut anyway takes long, and a file may have it written for each of its signers. */
    if (X509_NAME_get0_der(name, &der, &der_len) == 1 && der_len > 4 * SG_MAX_NAME_TEXT)
        return BIO_puts(bio, CUT) > 0 ? SG_OK : sg_fail_memory(err);
    if (X509_NAME_print_ex(bio, name, 0, flags) >= 0)
        return SG_OK;
    /* A value that is not what its string type says: all values as #hex of their DER (RFC 4514 §2.4). */
    ERR_clear_error();
    (void)BIO_reset(bio);
    if (X509_NAME_print_ex(bio, name, 0, flags | ASN1_STRFLGS_DUMP_ALL) >= 0)
        return SG_OK;
    /* A stranger's name is no reason to say nothing of all else. */
    ERR_clear_error();
    (void)BIO_reset(bio);
    return BIO_puts(bio, "?") == 1 ? SG_OK : sg_fail_memory(err);
}

/* What must not reach a terminal as it is becomes a backslash and the octet's hex digits (RFC 4514 §2.4). */
static enum sg_rc append_escaped(struct sg_buf *text, struct sg_slice raw, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;
    for (size_t i = 0; i < raw.len && rc == SG_OK;) {
        uint32_t code_point = 0;
        if (text->len >= SG_MAX_NAME_TEXT)
            return sg_buf_append(text, CUT, strlen(CUT), err);
        size_t n = sg_utf8_next(raw.data + i, raw.len - i, &code_point);
        if (n > 0 && sg_utf8_printable(code_point)) {
            rc = sg_buf_append(text, raw.data + i, n, err);
            i += n;
            continue;
        }
        for (size_t end = i + (n > 0 ? n : 1); i < end && rc == SG_OK; i++)
            rc = sg_buf_printf(text, err, "\\%02X", raw.data[i]);
    }
    return rc;
}

static enum sg_rc make_name_text(const X509_NAME *name, struct sg_buf *out, struct sg_err *err)
{
    _cleanup_(BIO_free_allp) BIO *bio = BIO_new(BIO_s_mem());
    if (!bio)
        return sg_fail_memory(err);
    enum sg_rc rc = print_name(bio, name, err);
    if (rc != SG_OK)
        return rc;
    char *raw = NULL;
    long raw_len = BIO_get_mem_data(bio, &raw);
    return append_escaped(out, (struct sg_slice){(const uint8_t *)raw, (size_t)raw_len}, err);
}

/* Names that were made into text lately: thousands of files name the same few. */
static struct {
    uint8_t der[256];
    char text[256];
    size_t der_len, text_len;
} known_names[16];

static pthread_mutex_t known_names_lock = PTHREAD_MUTEX_INITIALIZER;

/* FNV-1a. Who makes names collide gains only that they are made into text again. */
static size_t place_of(struct sg_slice der)
{
    uint64_t hash = 0xcbf29ce484222325U;
    for (size_t i = 0; i < der.len; i++)
        hash = (hash ^ der.data[i]) * 0x100000001b3U;
    return (hash ^ hash >> 32) % (sizeof known_names / sizeof *known_names);
}

static bool recall_name(struct sg_slice der, struct sg_buf *out)
{
    size_t at = place_of(der);
    (void)pthread_mutex_lock(&known_names_lock);
    bool known = der.len > 0 && sg_slice_equal(der, (struct sg_slice){known_names[at].der, known_names[at].der_len}) &&
                 sg_buf_append(out, known_names[at].text, known_names[at].text_len, NULL) == SG_OK;
    (void)pthread_mutex_unlock(&known_names_lock);
    return known;
}

static void remember_name(struct sg_slice der, struct sg_slice text)
{
    size_t at = place_of(der);
    if (der.len > sizeof known_names[at].der || text.len > sizeof known_names[at].text || text.len == 0)
        return;
    (void)pthread_mutex_lock(&known_names_lock);
    memcpy(known_names[at].der, der.data, der.len);
    memcpy(known_names[at].text, text.data, text.len);
    known_names[at].der_len = der.len;
    known_names[at].text_len = text.len;
    (void)pthread_mutex_unlock(&known_names_lock);
}

enum sg_rc sg_name_text(const X509_NAME *name, char **ret, struct sg_err *err)
{
    _cleanup_(sg_buf_clear) struct sg_buf text = SG_BUF(2 * SG_MAX_NAME_TEXT);
    struct sg_slice der = {NULL, 0};
    const char *ignored = NULL;
    enum sg_rc rc = SG_OK;
    if (!X509_NAME_get0_der(name, &der.data, &der.len))
        der = (struct sg_slice){NULL, 0};
    if (!recall_name(der, &text)) {
        rc = make_name_text(name, &text, err);
        if (rc == SG_OK && der.len > 0)
            remember_name(der, sg_buf_slice(&text));
    }
    if (rc == SG_OK)
        rc = sg_buf_text(&text, &ignored, err);
    if (rc == SG_OK)
        *ret = (char *)sg_steal(text.data);
    return rc;
}

enum sg_rc sg_serial_text(const ASN1_INTEGER *serial, char **ret, struct sg_err *err)
{
    const uint8_t *data = ASN1_STRING_get0_data(serial);
    size_t len = (size_t)ASN1_STRING_length(serial);
    while (len > 0 && data[0] == 0) {
        data++;
        len--;
    }
    bool negative = ASN1_STRING_type(serial) == V_ASN1_NEG_INTEGER && len > 0;
    char *text = malloc(2 * len + 4);
    if (!text)
        return sg_fail_memory(err);
    text[0] = '-';
    if (len == 0)
        memcpy(text, "00", 3);
    else
        sg_hex(data, len, text + (negative ? 1 : 0));
    *ret = text;
    return SG_OK;
}
