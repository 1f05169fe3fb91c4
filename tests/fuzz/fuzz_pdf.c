/* PDFs, judged whole, on any bytes: nothing is trusted, so nothing may pass, and every answer has to be one that can
 * be. */
#include <string.h>

#include "base/crypto.h"
#include "fuzz.h"
#include "verify/verify.h"

static OSSL_LIB_CTX *libctx;
static struct sg_verifier *verifier;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    static const int64_t now = 1800000000;
    (void)argc;
    (void)argv;
    must(sg_libctx_new(&libctx, NULL) == SG_OK);
    const struct sg_verifier_options options = {.libctx = libctx,
                                                .revocation = SG_REVOCATION_NONE,
                                                .at = now,
                                                .clock = sg_clock_fixed(&now),
                                                .policy = {.max_depth = -1}};
    must(sg_verifier_new(&options, &verifier, NULL) == SG_OK);
    return 0;
}

static void check_verdict(const struct sg_verdict *verdict)
{
    must(verdict->indication != SG_TOTAL_PASSED && verdict->reason_count > 0);
    if (verdict->changes && strcmp(verdict->changes, "forbidden") == 0)
        must(verdict->indication == SG_TOTAL_FAILED);
    if (verdict->covers && strcmp(verdict->covers, "whole file") == 0)
        must(verdict->changes && strcmp(verdict->changes, "none") == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_(sg_input_freep) struct sg_input *input = NULL;
    _cleanup_(sg_report_freep) struct sg_report *report = NULL;
    struct sg_err err = {0};

    must(sg_input_from_slice("fuzz.pdf", (struct sg_slice){data, size}, &input, NULL) == SG_OK);
    enum sg_rc rc = sg_verify_file(verifier, input, NULL, &report, &err);
    must(rc == SG_OK || err.text[0] != '\0');
    for (size_t i = 0; rc == SG_OK && i < report->verdict_count; i++)
        check_verdict(&report->verdicts[i]);
    return 0;
}
