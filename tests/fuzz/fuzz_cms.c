/* Everything that reads a signature file, on any bytes. */
#include <stdlib.h>

#include <openssl/objects.h>

#include "base/crypto.h"
#include "base/limits.h"
#include "formats/cms.h"
#include "formats/pem.h"
#include "fuzz.h"

static OSSL_LIB_CTX *libctx;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    return sg_libctx_new(&libctx, NULL) == SG_OK ? 0 : -1;
}

static enum sg_rc drop(void *context, const uint8_t *data, size_t len, struct sg_err *err)
{
    (void)err;
    uint8_t *sum = context;
    for (size_t i = 0; i < len; i++)
        *sum ^= data[i]; /* touches every octet, so that one out of bounds is seen */
    return SG_OK;
}

static void read_ess(const struct sg_signer_info *si, int nid, bool v2)
{
    const struct sg_attribute *attr = NULL;
    struct sg_ess_cert_id id;

    if (sg_attributes_find(si->signed_attrs, si->signed_attr_count, nid, &attr) > 0 &&
        sg_ess_cert_id_read(attr, v2, &id, NULL) == SG_OK)
        sg_ess_cert_id_clear(&id);
}

static void use_signer(struct sg_cms *cms, const struct sg_signer_info *si)
{
    for (int sorted = 0; sorted < 2 && si->signed_attrs_wire.data; sorted++) {
        _cleanup_(sg_buf_clear) struct sg_buf bytes = SG_BUF(SG_MAX_CMS_REST);
        /* What is read has a form on the wire; a DER form it may lack. */
        if (sg_signer_info_to_be_signed(si, sorted, &bytes, NULL) != SG_OK && !sorted)
            abort();
    }
    for (int i = 0; i < sk_X509_num(sg_cms_certificates(cms)); i++)
        (void)sg_signer_info_names(si, sk_X509_value(sg_cms_certificates(cms), i));
    read_ess(si, NID_id_smime_aa_signingCertificate, false);
    read_ess(si, NID_id_smime_aa_signingCertificateV2, true);
}

static void use_cms(struct sg_input *input)
{
    _cleanup_(sg_cms_freep) struct sg_cms *cms = NULL;
    bool is_cms = false;
    uint8_t sum = 0;

    if (sg_cms_probe(input, &is_cms, NULL) != SG_OK)
        abort();
    enum sg_rc rc = sg_cms_read(input, libctx, NULL, &cms, NULL);
    if (rc != SG_OK && rc != SG_E_MALFORMED && rc != SG_E_LIMIT)
        abort();
    if (rc != SG_OK)
        return;
    if (!is_cms) /* what can be read looks like it */
        abort();
    if (!sg_cms_is_detached(cms))
        (void)!sg_cms_content(cms, (struct sg_sink){.write = drop, .context = &sum}, NULL);
    for (size_t i = 0; i < sg_cms_signer_count(cms); i++)
        use_signer(cms, sg_cms_signer(cms, i));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_(sg_input_freep) struct sg_input *input = NULL;
    _cleanup_(sg_x509_stack_freep) STACK_OF(X509) *certs = sk_X509_new_null();

    if (sg_input_from_slice("fuzz", (struct sg_slice){data, size}, &input, NULL) != SG_OK)
        abort();
    use_cms(input);
    (void)!sg_certs_read(input, libctx, certs, NULL);
    return 0;
}
