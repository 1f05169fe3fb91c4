/* Everything that reads what a signature carries to be judged by later, on any bytes. */

#include <openssl/objects.h>

#include "base/crypto.h"
#include "formats/cades_evidence.h"
#include "fuzz.h"

static OSSL_LIB_CTX *libctx;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    return sg_libctx_new(&libctx, NULL) == SG_OK ? 0 : -1;
}

static struct sg_slice any_digest(void *context, int nid)
{
    static const uint8_t zeros[EVP_MAX_MD_SIZE];
    (void)context;
    const EVP_MD *md = EVP_get_digestbynid(nid);
    return (struct sg_slice){zeros, md ? (size_t)EVP_MD_get_size(md) : 0};
}

static void use_timestamp(const struct sg_evidence *evidence, size_t index)
{
    struct sg_evidence_imprint imprint = {0};
    const STACK_OF(X509) *certs = sg_evidence_certificates(evidence);

    must(sg_evidence_timestamp(evidence, index) != NULL);
    must(sg_evidence_imprint(evidence, index, any_digest, NULL, &imprint, NULL) == SG_OK);
    must((imprint.len == 0) == (imprint.why != NULL));
    must(!sg_evidence_covers_timestamp(evidence, index, index));
    for (int i = 0; i < sk_X509_num(certs); i++)
        (void)sg_evidence_covers_certificate(evidence, index, sk_X509_value(certs, i));
    for (size_t i = 0; i < sg_evidence_crl_count(evidence); i++)
        (void)sg_evidence_covers_crl(evidence, index, i);
    for (size_t i = 0; i < sg_evidence_ocsp_count(evidence); i++)
        (void)sg_evidence_covers_ocsp(evidence, index, i);
}

/* Touches every octet, so that one out of bounds is seen. */
static void touch(struct sg_slice bytes)
{
    static volatile uint8_t sum;
    for (size_t i = 0; i < bytes.len; i++)
        sum = sum ^ bytes.data[i];
}

static void use_signer(const struct sg_cms *cms, const struct sg_signer_info *si)
{
    _cleanup_(sg_evidence_freep) struct sg_evidence *evidence = NULL;
    int nids[4];

    must(sg_evidence_read(cms, si, libctx, &evidence, NULL) == SG_OK);
    must(sg_evidence_digests(evidence, nids, 4) <= 4);
    struct sg_sink sink = sg_evidence_content(evidence);
    if (sink.write)
        must(sink.write(sink.context, (const uint8_t *)"content", 7, NULL) == SG_OK);
    for (size_t i = 0; i < sg_evidence_crl_count(evidence); i++)
        touch(sg_evidence_crl(evidence, i));
    for (size_t i = 0; i < sg_evidence_ocsp_count(evidence); i++)
        touch(sg_evidence_ocsp(evidence, i));
    for (size_t i = 0; i < sg_evidence_timestamp_count(evidence); i++)
        use_timestamp(evidence, i);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_(sg_input_freep) struct sg_input *input = NULL;
    _cleanup_(sg_cms_freep) struct sg_cms *cms = NULL;

    must(sg_input_from_slice("fuzz", (struct sg_slice){data, size}, &input, NULL) == SG_OK);
    if (sg_cms_read(input, libctx, NULL, &cms, NULL) != SG_OK)
        return 0;
    for (size_t i = 0; i < sg_cms_signer_count(cms); i++)
        use_signer(cms, sg_cms_signer(cms, i));
    return 0;
}
