/* Certificates out of bytes and files; a CRL out of bytes. */
#include <string.h>

#include "base/crypto.h"
#include "base/limits.h"
#include "base/msg.h"
#include "formats/pem_reader.h"
#include "formats/tlv.h"

enum sg_rc sg_cert_parse(struct sg_slice der, OSSL_LIB_CTX *libctx, X509 **ret, struct sg_err *err)
{
    const uint8_t *at = der.data;

    if (der.len > SG_MAX_CERTIFICATE)
        return sg_fail(err, SG_E_LIMIT, _("A certificate is larger than %zu bytes, which is the limit."),
                       SG_MAX_CERTIFICATE);
    _cleanup_(X509_freep) X509 *cert = X509_new_ex(libctx, NULL);
    if (!cert)
        return sg_fail_memory(err);
    if (!d2i_X509(&cert, &at, (long)der.len) || at != der.data + der.len)
        return sg_fail_ssl(err, SG_E_MALFORMED, _("A certificate cannot be read."));
    enum sg_rc rc = sg_cert_digest_keep(libctx, cert, err); /* by which it is compared and remembered, many times */
    if (rc == SG_OK)
        *ret = sg_steal(cert);
    return rc;
}

static enum sg_rc take(struct sg_slice der, OSSL_LIB_CTX *libctx, STACK_OF(X509) *certs, struct sg_err *err)
{
    _cleanup_(X509_freep) X509 *cert = NULL;

    enum sg_rc rc = sg_cert_parse(der, libctx, &cert, err);
    if (rc != SG_OK)
        return rc;
    if (sk_X509_push(certs, cert) <= 0)
        return sg_fail_memory(err);
    (void)sg_steal(cert);
    return SG_OK;
}

static enum sg_rc read_der(struct sg_input *input, OSSL_LIB_CTX *libctx, STACK_OF(X509) *certs, struct sg_err *err)
{
    _cleanup_(sg_buf_clear) struct sg_buf der = SG_BUF(SG_MAX_CERTIFICATE);

    enum sg_rc rc = sg_input_read_all(input, &der, err);
    return rc == SG_OK ? take(sg_buf_slice(&der), libctx, certs, err) : rc;
}

static bool is_wanted(const char *label)
{
    return strcmp(label, "CERTIFICATE") == 0 || strcmp(label, "X509 CERTIFICATE") == 0;
}

/* Every block with a label of ours; others (keys, for one) are not decoded. */
static enum sg_rc read_pem(struct sg_input *input, OSSL_LIB_CTX *libctx, STACK_OF(X509) *certs, struct sg_err *err)
{
    _cleanup_(sg_pem_reader_freep) struct sg_pem_reader *reader = NULL;
    _cleanup_(sg_buf_clear) struct sg_buf der = SG_BUF(SG_MAX_CERTIFICATE);
    char label[SG_PEM_LABEL];
    bool more = true;

    enum sg_rc rc = sg_pem_reader_new(input, &reader, err);
    while (rc == SG_OK) {
        rc = sg_pem_next(reader, label, &more, err);
        if (rc != SG_OK || !more)
            break;
        if (!is_wanted(label))
            continue;
        if (sk_X509_num(certs) == SG_MAX_CERTIFICATES)
            return sg_fail(err, SG_E_LIMIT, _("\"%s\" holds more than %d of them, which is the limit."),
                           sg_input_name(input), SG_MAX_CERTIFICATES);
        der.len = 0;
        rc = sg_pem_block(reader, label, sg_buf_sink(&der), err);
        if (rc == SG_OK)
            rc = take(sg_buf_slice(&der), libctx, certs, err);
    }
    return rc;
}

static enum sg_rc read_file(struct sg_input *input, OSSL_LIB_CTX *libctx, STACK_OF(X509) *certs, struct sg_err *err)
{
    if (sg_input_size(input) > SG_MAX_CERT_FILE)
        return sg_fail(err, SG_E_LIMIT, _("\"%s\" is larger than %zu bytes, which is the limit."), sg_input_name(input),
                       SG_MAX_CERT_FILE);
    enum sg_rc rc =
        sg_tlv_is_sequence(input) ? read_der(input, libctx, certs, err) : read_pem(input, libctx, certs, err);
    if (rc == SG_OK && sk_X509_num(certs) == 0)
        rc = sg_fail(err, SG_E_MALFORMED, _("\"%s\" holds no certificate: it is neither DER nor PEM with one in it."),
                     sg_input_name(input));
    return rc;
}

enum sg_rc sg_certs_read(struct sg_input *input, OSSL_LIB_CTX *libctx, STACK_OF(X509) *certs, struct sg_err *err)
{
    _cleanup_(sg_x509_stack_freep) STACK_OF(X509) *found = sk_X509_new_null();

    if (!found)
        return sg_fail_memory(err);
    enum sg_rc rc = read_file(input, libctx, found, err);
    if (rc != SG_OK) {
        sg_err_file(err, sg_input_name(input));
        return rc;
    }
    if (!sk_X509_reserve(certs, sk_X509_num(found)))
        return sg_fail_memory(err);
    while (sk_X509_num(found) > 0)
        (void)sk_X509_push(certs, sk_X509_shift(found));
    return SG_OK;
}
