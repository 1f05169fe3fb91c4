/* Reading what a signature carries when memory ends, at each allocation in turn: that is said, and never taken for
 * evidence that is not there. Under ASan also: no leak. */
#include "../support/evidence_maker_older.h"

#include <errno.h>

#include "faults.h"
#include "formats/cades_evidence.h"

static OSSL_LIB_CTX *libctx;

static struct sg_slice any_digest(void *context, int nid)
{
    static const uint8_t zeros[EVP_MAX_MD_SIZE];
    (void)context;
    return (struct sg_slice){zeros, (size_t)EVP_MD_get_size(EVP_get_digestbynid(nid))};
}

/* A signature with each kind of evidence. */
static void make(struct sg_buf *out)
{
    static const struct sg_slice content = {(const uint8_t *)"text", 4};
    _cleanup_(sg_buf_clear) struct sg_buf response = SG_BUF(SG_MIB);
    struct made made;
    struct pki_id root = pki_issue(libctx, NULL, &(struct pki_cert){.name = "Root", .ca = true});
    struct pki_id signer = pki_issue(libctx, &root, &(struct pki_cert){.name = "Alice"});
    struct pki_id tsa = made_tsa(libctx, &root, &(struct pki_cert){.name = "TSA"});
    X509_CRL *crl = pki_crl(libctx, &root, &(struct pki_crl){0});
    pki_ocsp(libctx, &(struct pki_ocsp){.cert = signer.cert, .issuer = &root}, &response);
    const struct made_old old = {.certs = {root.cert}, .crls = {crl}, .ocsps = {sg_buf_slice(&response)}};
    const struct made_stamp stamp = {.tsa = &tsa, .values = {root.cert}};
    made_sign(&made, libctx, &(struct pki_cms){.signer = &signer, .content = content});
    made_signature_stamp(&made, &stamp);
    made_references(&made, &old);
    made_c_stamp(&made, &stamp);
    made_values(&made, &old);
    made_archive_stamp_v2(&made, &stamp);
    made_crl(&made, crl);
    made_ocsp(&made, sg_buf_slice(&response));
    made_archive_stamp(&made, &stamp);
    made_write(&made, out);
    made_clear(&made);
    X509_CRL_free(crl);
    pki_free(&tsa);
    pki_free(&signer);
    pki_free(&root);
}

/* All that is done with it. */
static enum sg_rc use(struct sg_cms *cms, size_t *ret_timestamps)
{
    _cleanup_(sg_evidence_freep) struct sg_evidence *evidence = NULL;
    struct sg_evidence_imprint imprint;

    enum sg_rc rc = sg_evidence_read(cms, sg_cms_signer(cms, 0), libctx, &evidence, NULL);
    if (rc != SG_OK)
        return rc;
    struct sg_sink sink = sg_evidence_content(evidence);
    rc = sink.write(sink.context, (const uint8_t *)"text", 4, NULL);
    *ret_timestamps = sg_evidence_timestamp_count(evidence);
    for (size_t i = 0; rc == SG_OK && i < *ret_timestamps; i++) {
        rc = sg_evidence_imprint(evidence, i, any_digest, NULL, &imprint, NULL);
        assert_true(rc != SG_OK || imprint.len > 0);
    }
    assert_int_equal(sg_evidence_malformed_count(evidence), 0);
    return rc;
}

static void test_no_memory(void **state)
{
    _cleanup_(sg_buf_clear) struct sg_buf bytes = SG_BUF(SG_MIB);
    _cleanup_(sg_input_freep) struct sg_input *input = NULL;
    _cleanup_(sg_cms_freep) struct sg_cms *cms = NULL;
    size_t timestamps = 0;
    bool hit = true;
    unsigned nth = 1;
    (void)state;
    assert_int_equal(sg_libctx_new(&libctx, NULL), SG_OK);
    make(&bytes);
    assert_int_equal(sg_input_from_slice("test", sg_buf_slice(&bytes), &input, NULL), SG_OK);
    assert_int_equal(sg_cms_read(input, libctx, NULL, &cms, NULL), SG_OK);
    for (; hit; nth++) {
        faults_arm((struct fault){.calls = FAULT_ALLOC, .nth = nth, .errnum = ENOMEM});
        enum sg_rc rc = use(cms, &timestamps);
        hit = faults_disarm();
        assert_int_equal(rc, hit ? SG_E_NO_MEMORY : SG_OK);
    }
    assert_int_equal(timestamps, 4);
    assert_true(nth > 100);
    sg_cms_free(sg_steal(cms));
    OSSL_LIB_CTX_free(libctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_no_memory)};
    return cmocka_run_group_tests_name("fault/evidence", tests, NULL, NULL);
}
