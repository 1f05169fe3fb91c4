/* Signature files, judged whole, on any bytes. What a file brings along that has signed itself is trusted, so that
 * paths, revocation, time-stamps and the past are all judged; every answer has to be one that can be. */

#include "base/crypto.h"
#include "base/limits.h"
#include "formats/cms.h"
#include "fuzz.h"
#include "verify/verify.h"

static OSSL_LIB_CTX *libctx;
static const int64_t now = 1790000000;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    must(sg_libctx_new(&libctx, NULL) == SG_OK);
    return 0;
}

static void find_anchors(struct sg_input *input, STACK_OF(X509) *anchors)
{
    _cleanup_(sg_cms_freep) struct sg_cms *cms = NULL;
    if (sg_cms_read(input, libctx, NULL, &cms, NULL) != SG_OK)
        return;
    const STACK_OF(X509) *certs = sg_cms_certificates(cms);
    for (int i = 0; i < sk_X509_num(certs); i++) {
        X509 *cert = sk_X509_value(certs, i);
        if (X509_NAME_cmp(X509_get_subject_name(cert), X509_get_issuer_name(cert)) == 0)
            must(X509_up_ref(cert) && sk_X509_push(anchors, cert) > 0);
    }
}

static void check_timestamp(const struct sg_timestamp *timestamp)
{
    const struct sg_verdict *verdict = &timestamp->verdict;
    must(timestamp->kind && timestamp->accuracy >= -1);
    if (verdict->indication == SG_TOTAL_PASSED)
        must(verdict->intact && verdict->signer && sk_X509_num(verdict->chain) > 0 && timestamp->time <= now);
    else
        must(verdict->reason_count > 0);
}

static void check_verdict(const struct sg_verdict *verdict)
{
    bool passed = verdict->indication == SG_TOTAL_PASSED;
    must(passed == (verdict->sub_indication == SG_SUB_NONE));
    must(passed || verdict->reason_count > 0);
    must(passed || verdict->now.indication != SG_TOTAL_PASSED); /* the past mends; it does not break */
    if (passed)
        must(verdict->intact && verdict->signer && sk_X509_num(verdict->chain) > 0);
    must(verdict->best_time <= now && verdict->timestamp_count <= SG_MAX_TIMESTAMPS);
    for (size_t i = 0; i < verdict->timestamp_count; i++)
        check_timestamp(&verdict->timestamps[i]);
}

static void judge(struct sg_input *input, STACK_OF(X509) *anchors, enum sg_revocation_mode mode)
{
    static const uint8_t text[] = "The quick brown fox jumps over the lazy dog.";
    _cleanup_(sg_verifier_freep) struct sg_verifier *verifier = NULL;
    _cleanup_(sg_report_freep) struct sg_report *report = NULL;
    _cleanup_(sg_input_freep) struct sg_input *content = NULL;
    const struct sg_verifier_options options = {.libctx = libctx,
                                                .anchors = anchors,
                                                .revocation = mode,
                                                .at = SG_TIME_NONE,
                                                .clock = sg_clock_fixed(&now),
                                                .policy = {.max_depth = -1}};
    must(sg_verifier_new(&options, &verifier, NULL) == SG_OK);
    must(sg_input_from_slice("content", (struct sg_slice){text, sizeof text - 1}, &content, NULL) == SG_OK);
    enum sg_rc rc = sg_verify_file(verifier, input, content, &report, NULL);
    must(rc == SG_OK || rc == SG_E_MALFORMED || rc == SG_E_LIMIT || rc == SG_E_UNSUPPORTED);
    for (size_t i = 0; report && i < report->verdict_count; i++)
        check_verdict(&report->verdicts[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_(sg_input_freep) struct sg_input *input = NULL;
    _cleanup_(sg_x509_stack_freep) STACK_OF(X509) *anchors = sk_X509_new_null();
    must(anchors && sg_input_from_slice("fuzz", (struct sg_slice){data, size}, &input, NULL) == SG_OK);
    find_anchors(input, anchors);
    judge(input, anchors, SG_REVOCATION_HARD);
    judge(input, anchors, SG_REVOCATION_NONE);
    return 0;
}
