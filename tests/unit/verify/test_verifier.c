/* The verifier as a whole: anchors of a snapshot with their purposes, one verifier for many files and threads. */
#include <pthread.h>

#include "snapshot_of_test.h"

/* Anchors and CRLs of the snapshot serve; an anchor for time-stamps alone does not vouch for documents. */
static void snapshot_anchors(void **state)
{
    struct world *world = *state;
    struct sg_snapshot snapshot;
    snapshot_make(world, &snapshot);
    judge_passed(world);
    snapshot.anchors[1].purposes = SG_PURPOSE_TIMESTAMP;
    judge(world, ORDINARY, CONTENT, SG_INDETERMINATE, SG_SUB_NO_CERTIFICATE_CHAIN_FOUND, "no-path", true);
    snapshot.anchors[1].purposes = SG_PURPOSES_ALL;
    judge_passed(world);
    snapshot_clear(&snapshot);
}

/* With --anchor, the snapshot's anchors do not count, but what it knows to be revoked does. */
static void only_named_anchors(void **state)
{
    struct world *world = *state;
    struct sg_snapshot snapshot;
    struct pki_id other = pki_issue(world->libctx, NULL, &(struct pki_cert){.name = "Other", .ca = true});
    snapshot_make(world, &snapshot);
    assert_true(sk_X509_push(world->anchors, other.cert) > 0);
    judge(world, ORDINARY, CONTENT, SG_INDETERMINATE, SG_SUB_NO_CERTIFICATE_CHAIN_FOUND, "no-path", true);
    sk_X509_zero(world->anchors);
    assert_true(sk_X509_push(world->anchors, world->root.cert) > 0);
    judge_passed(world);
    snapshot_clear(&snapshot);
    pki_free(&other);
}

/* A CRL of the store that is missing or damaged may be the one that revokes: does anything pass by it, however softly
 * revocation is asked, and whatever another CRL says? */
static void damaged_crl(void **state)
{
    struct world *world = *state;
    struct sg_snapshot snapshot;
    const struct pki_cms with_other = {.crls = {world->ca_crl}};
    snapshot_make(world, &snapshot);
    struct sg_slice kept = snapshot.crl_bytes[1];
    const struct sg_slice damaged[] = {{0}, {kept.data, kept.len - 3}};
    for (size_t i = 0; i < 4; i++) {
        world->options.revocation = i < 2 ? SG_REVOCATION_HARD : SG_REVOCATION_SOFT;
        write_crl(&snapshot, 1, damaged[i % 2]);
        judge(world, ORDINARY, CONTENT, SG_INDETERMINATE, SG_SUB_CERTIFICATE_CHAIN_GENERAL_FAILURE, "crl-unreadable",
              true);
        judge(world, with_other, CONTENT, SG_INDETERMINATE, SG_SUB_CERTIFICATE_CHAIN_GENERAL_FAILURE, "crl-unreadable",
              true);
        write_crl(&snapshot, 1, kept);
        judge_passed(world);
    }
    snapshot_clear(&snapshot);
}

struct work {
    struct sg_verifier *verifier;
    struct sg_slice cms[3];
    const char *content[3];
    enum sg_indication expected[3];
    int wrong;
};

static void *judge_many(void *context)
{
    struct work *work = context;
    for (int i = 0; i < 60; i++) {
        struct sg_input *signature = NULL, *content = NULL;
        struct sg_report *report = NULL;
        int k = i % 3;
        if (sg_input_from_slice("x.p7s", work->cms[k], &signature, NULL) != SG_OK ||
            sg_input_from_slice("x", slice_of(work->content[k]), &content, NULL) != SG_OK ||
            sg_verify_file(work->verifier, signature, content, &report, NULL) != SG_OK ||
            report->verdicts[0].indication != work->expected[k])
            work->wrong++;
        sg_report_free(report);
        sg_input_free(signature);
        sg_input_free(content);
    }
    return NULL;
}

/* Several threads, several signers, one verifier: every file gets its own answer. */
static void threads(void **state)
{
    struct world *world = *state;
    enum { THREADS = 4 };
    struct sg_snapshot snapshot;
    struct sg_verifier *verifier = NULL;
    struct pki_id other = pki_issue(world->libctx, NULL, &(struct pki_cert){.name = "Nobody"});
    struct sg_buf cms[3] = {SG_BUF(SG_MIB), SG_BUF(SG_MIB), SG_BUF(SG_MIB)};
    snapshot_make(world, &snapshot);
    world_sign(world, ORDINARY, &cms[0]);
    world_sign(world, ORDINARY, &cms[1]);
    world_sign(world, (struct pki_cms){.signer = &other}, &cms[2]);
    assert_int_equal(world_verifier(world, &verifier), SG_OK);
    struct work work[THREADS];
    pthread_t thread[THREADS];
    for (int i = 0; i < THREADS; i++) {
        work[i] = (struct work){.verifier = verifier,
                                .cms = {sg_buf_slice(&cms[0]), sg_buf_slice(&cms[1]), sg_buf_slice(&cms[2])},
                                .content = {CONTENT, "changed", CONTENT},
                                .expected = {SG_TOTAL_PASSED, SG_TOTAL_FAILED, SG_INDETERMINATE}};
        assert_int_equal(pthread_create(&thread[i], NULL, judge_many, &work[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(thread[i], NULL), 0);
        assert_int_equal(work[i].wrong, 0);
    }
    sg_verifier_free(verifier);
    for (int i = 0; i < 3; i++)
        sg_buf_clear(&cms[i]);
    snapshot_clear(&snapshot);
    pki_free(&other);
}

/* What is remembered for one company of certificates is not used for another: a signer whose CA did not come along. */
static void company(void **state)
{
    struct world *world = *state;
    struct sg_verifier *verifier = NULL;
    struct sg_buf with = SG_BUF(SG_MIB), without = SG_BUF(SG_MIB);
    world_sign(world, ORDINARY, &with);
    world_sign(world, (struct pki_cms){.carried = {world->root.cert}}, &without);
    assert_int_equal(world_verifier(world, &verifier), SG_OK);
    for (int round = 0; round < 2; round++) {
        for (int k = 0; k < 2; k++) {
            struct sg_input *signature = NULL, *content = NULL;
            struct sg_report *report = NULL;
            assert_int_equal(sg_input_from_slice("x", sg_buf_slice(k ? &without : &with), &signature, NULL), SG_OK);
            assert_int_equal(sg_input_from_slice("x", slice_of(CONTENT), &content, NULL), SG_OK);
            assert_int_equal(sg_verify_file(verifier, signature, content, &report, NULL), SG_OK);
            assert_int_equal(report->verdicts[0].indication, k ? SG_INDETERMINATE : SG_TOTAL_PASSED);
            sg_report_free(report);
            sg_input_free(signature);
            sg_input_free(content);
        }
    }
    sg_buf_clear(&with);
    sg_buf_clear(&without);
    sg_verifier_free(verifier);
}

/* The purpose decides: the same certificate for documents, for time-stamps, for OCSP. */
static void purposes(void **state)
{
    struct world *world = *state;
    struct pki_id tsa =
        pki_issue(world->libctx, &world->ca,
                  &(struct pki_cert){.name = "TSA", .more = {{NID_ext_key_usage, "critical,timeStamping"}}});
    struct pki_id ocsp = pki_issue(world->libctx, &world->ca,
                                   &(struct pki_cert){.name = "OCSP", .more = {{NID_ext_key_usage, "OCSPSigning"}}});
    X509 *certs[] = {world->signer.cert, tsa.cert, ocsp.cert};
    const enum sg_cert_purpose asked[] = {SG_CERT_SIGN, SG_CERT_TIMESTAMP, SG_CERT_OCSP, SG_CERT_ANY};
    struct sg_verifier *verifier = NULL;
    assert_true(sk_X509_push(world->intermediates, world->ca.cert) > 0);
    assert_int_equal(world_verifier(world, &verifier), SG_OK);
    for (size_t i = 0; i < 3; i++) {
        for (size_t k = 0; k < 4; k++) {
            struct sg_report *report = NULL;
            bool fits = i == k || k == 3;
            assert_int_equal(sg_cert_check(verifier, "x", certs[i], asked[k], &report, NULL), SG_OK);
            assert_verdict(&report->verdicts[0], fits ? SG_TOTAL_PASSED : SG_INDETERMINATE,
                           fits ? SG_SUB_NONE : SG_SUB_CHAIN_CONSTRAINTS_FAILURE, fits ? NULL : "wrong-usage");
            sg_report_free(report);
        }
    }
    sg_verifier_free(verifier);
    pki_free(&tsa);
    pki_free(&ocsp);
}

/* Does the extended key usage of a CA limit what it may issue for, while none limits nothing? */
static void ca_purposes(void **state)
{
    static const struct {
        const char *purposes;
        bool sign, timestamp;
    } cases[] = {
        {NULL, true, true},
        {"serverAuth", false, false},
        {"critical,serverAuth,clientAuth", false, false},
        {"emailProtection", true, false},
        {"1.3.6.1.5.5.7.3.36,serverAuth", true, false},
        {"critical,timeStamping", false, true},
        {"anyExtendedKeyUsage", true, true},
    };
    struct world *world = *state;
    struct pki_id tsa =
        pki_issue(world->libctx, &world->ca,
                  &(struct pki_cert){.name = "TSA", .more = {{NID_ext_key_usage, "critical,timeStamping"}}});
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        X509 *ca = pki_certify(
            world->libctx, world->ca.key, &world->root,
            &(struct pki_cert){.name = "Issuing CA", .ca = true, .more = {{NID_ext_key_usage, cases[i].purposes}}});
        struct sg_verifier *verifier = NULL;
        struct sg_report *report = NULL;
        judge(world, (struct pki_cms){.carried = {ca}}, CONTENT, cases[i].sign ? SG_TOTAL_PASSED : SG_INDETERMINATE,
              cases[i].sign ? SG_SUB_NONE : SG_SUB_CHAIN_CONSTRAINTS_FAILURE, cases[i].sign ? NULL : "path-constraint",
              true);
        sk_X509_zero(world->intermediates);
        assert_true(sk_X509_push(world->intermediates, ca) > 0);
        assert_int_equal(world_verifier(world, &verifier), SG_OK);
        assert_int_equal(sg_cert_check(verifier, "x", tsa.cert, SG_CERT_TIMESTAMP, &report, NULL), SG_OK);
        assert_verdict(&report->verdicts[0], cases[i].timestamp ? SG_TOTAL_PASSED : SG_INDETERMINATE,
                       cases[i].timestamp ? SG_SUB_NONE : SG_SUB_CHAIN_CONSTRAINTS_FAILURE,
                       cases[i].timestamp ? NULL : "path-constraint");
        sg_report_free(report);
        sg_verifier_free(verifier);
        sk_X509_zero(world->intermediates);
        X509_free(ca);
    }
    pki_free(&tsa);
}

/* A SignedData by the world's signer, after `before` SignerInfos that name six certificates of slow keys each. */
static void sign_after(const struct world *world, X509 *const slow[6], int before, struct sg_buf *out)
{
    struct pki_id odd = {.key = world->signer.key, .cert = slow[0]};
    struct pki_cms first = {.signer = &odd, .content = slice_of(CONTENT)};
    struct pki_cms last = {.signer = &world->signer, .content = slice_of(CONTENT), .carried = {world->ca.cert}};
    struct sg_der der = {.out = out};
    size_t info = sg_der_open(&der);
    sg_der_oid(&der, NID_pkcs7_signed);
    size_t explicit = sg_der_open(&der), data = sg_der_open(&der);
    sg_der_small_integer(&der, 1);
    size_t digests = sg_der_open(&der);
    pki_algorithm(&der, NID_sha256, false);
    sg_der_close(&der, digests, SG_DER_SET);
    size_t encap = sg_der_open(&der);
    sg_der_oid(&der, NID_pkcs7_data);
    sg_der_close(&der, encap, SG_DER_SEQUENCE);
    for (size_t i = 0; i < 6; i++)
        last.carried[i + 1] = slow[i];
    pki_certificates(&last, &der);
    size_t infos = sg_der_open(&der);
    for (int i = 0; i < before; i++)
        pki_signer_info(world->libctx, &first, &der);
    pki_signer_info(world->libctx, &last, &der);
    sg_der_close(&der, infos, SG_DER_SET);
    sg_der_close(&der, data, SG_DER_SEQUENCE);
    sg_der_close(&der, explicit, SG_DER_CONTEXT(0));
    sg_der_close(&der, info, SG_DER_SEQUENCE);
    assert_int_equal(der.rc, SG_OK);
}

/* Is the work for signature values bounded, and is what was cut short neither passed nor remembered? */
static void work_limit(void **state)
{
    struct world *world = *state;
    EVP_PKEY *key = EVP_PKEY_Q_keygen(world->libctx, NULL, "EC", "P-384");
    X509 *slow[6];
    struct sg_verifier *verifier = NULL;
    static const int before[] = {3, 70, 3};
    for (size_t i = 0; i < 6; i++)
        slow[i] = pki_certify(world->libctx, key, &world->ca, &(struct pki_cert){.name = "Slow", .serial = 7});
    for (size_t i = 0; i < 3; i++) {
        _cleanup_(sg_buf_clear) struct sg_buf cms = SG_BUF(SG_MIB);
        _cleanup_(sg_report_freep) struct sg_report *report = NULL;
        struct sg_input *signature = NULL, *content = NULL;
        if (i < 2) { /* the third time by the verifier that has seen the second */
            sg_verifier_free(verifier);
            assert_int_equal(world_verifier(world, &verifier), SG_OK);
        }
        sign_after(world, slow, before[i], &cms);
        assert_int_equal(sg_input_from_slice("x", sg_buf_slice(&cms), &signature, NULL), SG_OK);
        assert_int_equal(sg_input_from_slice("x", slice_of(CONTENT), &content, NULL), SG_OK);
        assert_int_equal(sg_verify_file(verifier, signature, content, &report, NULL), SG_OK);
        assert_int_equal(report->verdict_count, before[i] + 1);
        assert_verdict(&report->verdicts[0], SG_TOTAL_FAILED, SG_SUB_SIG_CRYPTO_FAILURE, "signature-wrong");
        const struct sg_verdict *last = &report->verdicts[before[i]];
        assert_int_equal(last->indication, i == 1 ? SG_INDETERMINATE : SG_TOTAL_PASSED);
        assert_int_equal(has_reason(last, "work-limit"), i == 1);
        assert_int_equal(last->intact, i != 1);
        sg_input_free(signature);
        sg_input_free(content);
    }
    sg_verifier_free(verifier);
    for (size_t i = 0; i < 6; i++)
        X509_free(slow[i]);
    EVP_PKEY_free(key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(snapshot_anchors), WORLD_TEST(only_named_anchors), WORLD_TEST(damaged_crl), WORLD_TEST(threads),
        WORLD_TEST(company),          WORLD_TEST(purposes),           WORLD_TEST(ca_purposes), WORLD_TEST(work_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
