/* A TSA's answer, and the token in it, on any bytes: judged against what was never asked, nothing holds. */

#include "base/crypto.h"
#include "formats/tsp.h"
#include "fuzz.h"
#include "verify/verify.h"

static OSSL_LIB_CTX *libctx;
static struct sg_verifier *verifier;
static STACK_OF(X509) *nobody;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    static const int64_t now = 1790000000;
    (void)argc;
    (void)argv;
    must(sg_libctx_new(&libctx, NULL) == SG_OK);
    nobody = sk_X509_new_null();
    struct sg_verifier_options options = {.libctx = libctx,
                                          .anchors = nobody,
                                          .revocation = SG_REVOCATION_HARD,
                                          .at = SG_TIME_NONE,
                                          .clock = sg_clock_fixed(&now),
                                          .policy = {.max_depth = -1}};
    must(sg_verifier_new(&options, &verifier, NULL) == SG_OK);
    return 0;
}

static void judge(struct sg_slice token)
{
    static const uint8_t digest[SG_SHA256_LEN] = {1};
    const struct sg_timestamp_request request = {.kind = "signature",
                                                 .token = token,
                                                 .sha256 = {digest, sizeof digest},
                                                 .nonce = {digest, 9},
                                                 .policy = "1.2.3"};
    struct sg_timestamp timestamp = {0};
    must(sg_timestamp_judge(verifier, &request, &timestamp, NULL) == SG_OK);
    must(timestamp.verdict.indication != SG_TOTAL_PASSED);
    must(timestamp.verdict.reason_count > 0);
    sg_timestamp_clear(&timestamp);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct sg_slice bytes = {data, size};
    struct sg_tsp_answer answer = {0};
    struct sg_tst_info info = {0};

    enum sg_rc rc = sg_tsp_answer_read(bytes, &answer, NULL);
    must(rc == SG_OK || rc == SG_E_MALFORMED || rc == SG_E_LIMIT);
    if (rc == SG_OK) {
        must((answer.token.data != NULL) != (answer.refusal != NULL));
        if (answer.token.data)
            judge(answer.token);
        sg_tsp_answer_clear(&answer);
    }
    if (sg_tst_info_read(bytes, &info, NULL) == SG_OK) {
        must(info.accuracy >= -1);
        sg_tst_info_clear(&info);
    }
    judge(bytes);
    return 0;
}
