/* OCSP responses of anybody, about certificates of a CA whose key nobody has: read within bounds, and never taken. */
#include <stdint.h>
#include <string.h>

#include "judge.h"
#include "verify/known_ocsp.h"

static void read_all(const struct sg_known_ocsp *known, const struct judge *judge)
{
    const uint8_t *end = known->bytes.data + known->bytes.len;

    must(known->tbs.data >= known->bytes.data && known->tbs.data + known->tbs.len <= end);
    for (int i = 0; i < sg_known_ocsp_count(known); i++) {
        struct sg_ocsp_answer answer = sg_known_ocsp_answer(known, i, judge->now);
        bool is = false;

        must(answer.id != NULL);
        must(answer.problem || answer.this_update <= judge->now + SG_MAX_CLOCK_SKEW);
        must(sg_ocsp_id_is_of(answer.id, X509_get_subject_name(judge->ca), judge->ca, judge->libctx, &is, NULL) ==
             SG_OK);
    }
    (void)sg_known_ocsp_has_nonce(known, (struct sg_slice){(const uint8_t *)"nonce", 5});
}

/* The CertIDs of its answers made to fit, so that the signer is looked for as well. */
static void ask_for_signer(struct sg_known_ocsp *known, const struct judge *judge)
{
    unsigned steps = 1000;
    const struct sg_revocation_request request = {.libctx = judge->libctx,
                                                  .steps = &steps,
                                                  .mode = SG_REVOCATION_NONE,
                                                  .at = judge->now,
                                                  .known_at = judge->now,
                                                  .now = judge->now};
    struct sg_ocsp_signer signer = {0};
    const char *why = NULL;

    must(sg_known_ocsp_signer(known, &request, judge->ca, &signer, &why, NULL) == SG_OK);
    must(!signer.cert && why);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct judge *judge = the_judge();
    const struct sg_slice bytes = {data, size};
    struct sg_known_ocsp *known = NULL;
    struct sg_ocsp_facts facts = {0};

    if (sg_known_ocsp_new(bytes, judge->libctx, &known, NULL) == SG_OK) {
        read_all(known, judge);
        ask_for_signer(known, judge);
    }
    sg_known_ocsp_free(known);
    must(sg_ocsp_check(judge->verifier, bytes, judge->anchors, NULL, &facts, NULL) != SG_OK);
    return 0;
}
