/* Is a countersignature judged by itself: good, wrong in each way, nested, and too many of them; and does a bad one
 * take nothing from the signature that it is of? */
#include "judging.h"

#include "formats/cms.h"
#include "formats/cms_augment.h"

/* A SignerInfo over these bytes; without content-type unless told otherwise. */
static void sign_over(const struct world *world, struct pki_cms what, struct sg_slice bytes, struct sg_buf *out)
{
    struct sg_der der = {.out = out};
    if (!what.signer)
        what.signer = &world->signer;
    what.content = bytes;
    what.odd ^= PKI_NO_CONTENT_TYPE;
    pki_signer_info(world->libctx, &what, &der);
    assert_int_equal(der.rc, SG_OK);
}

/* The attribute with `copies` of the value. */
static void attribute_of(struct sg_slice value, size_t copies, struct sg_buf *out)
{
    struct sg_der der = {.out = out};
    size_t attribute = sg_der_open(&der);
    sg_der_oid(&der, NID_pkcs9_countersignature);
    size_t set = sg_der_open(&der);
    for (size_t i = 0; i < copies; i++)
        sg_der_raw(&der, value);
    sg_der_close(&der, set, SG_DER_SET);
    sg_der_close(&der, attribute, SG_DER_SEQUENCE);
    assert_int_equal(der.rc, SG_OK);
}

/* Makes the second the countersignature of the first. */
static void put_into(struct sg_buf *signer_info, struct sg_slice counter)
{
    struct sg_countersignature *read = NULL;
    _cleanup_(sg_buf_clear) struct sg_buf attribute = SG_BUF(SG_MIB), whole = SG_BUF(SG_MIB);
    struct sg_der der = {.out = &whole};
    attribute_of(counter, 1, &attribute);
    assert_int_equal(sg_countersignature_read(sg_buf_slice(signer_info), &read, NULL), SG_OK);
    size_t info = sg_der_open(&der);
    sg_der_raw(&der, sg_countersignature_signer(read)->signed_part);
    sg_der_element(&der, SG_DER_CONTEXT(1), sg_buf_slice(&attribute));
    sg_der_close(&der, info, SG_DER_SEQUENCE);
    sg_countersignature_free(read);
    signer_info->len = 0;
    assert_int_equal(sg_buf_append(signer_info, whole.data, whole.len, NULL), SG_OK);
}

/* The CMS with the attribute added to one of its signers. */
static void add_to(struct sg_buf *cms, size_t signer, struct sg_slice attribute)
{
    struct sg_input *input = NULL;
    _cleanup_(sg_buf_clear) struct sg_buf before = SG_BUF(SG_MIB);
    assert_int_equal(sg_buf_append(&before, cms->data, cms->len, NULL), SG_OK);
    cms->len = 0;
    assert_int_equal(sg_input_from_slice("cms", sg_buf_slice(&before), &input, NULL), SG_OK);
    assert_int_equal(sg_cms_add_unsigned(input, signer, attribute, sg_buf_sink(cms), NULL), SG_OK);
    sg_input_free(input);
}

static struct sg_cms *parse(const struct world *world, struct sg_slice bytes, struct sg_input **input)
{
    struct sg_cms *cms = NULL;
    assert_int_equal(sg_input_from_slice("cms", bytes, input, NULL), SG_OK);
    assert_int_equal(sg_cms_read(*input, world->libctx, NULL, &cms, NULL), SG_OK);
    return cms;
}

/* An ordinary CMS, and a countersignature of its signer as `what` says. */
static void make(const struct world *world, struct pki_cms what, struct sg_buf *cms, struct sg_buf *counter)
{
    struct sg_input *input = NULL;
    world_sign(world, (struct pki_cms){.carried = {world->ca.cert, what.signer ? what.signer->cert : NULL}}, cms);
    struct sg_cms *read = parse(world, sg_buf_slice(cms), &input);
    sign_over(world, what, sg_cms_signer(read, 0)->signature, counter);
    sg_cms_free(read);
    sg_input_free(input);
}

static struct sg_report *judge_with(const struct world *world, struct sg_buf *cms, struct sg_slice value, size_t copies,
                                    const char *content)
{
    _cleanup_(sg_buf_clear) struct sg_buf attribute = SG_BUF(SG_MIB);
    enum sg_rc rc;
    attribute_of(value, copies, &attribute);
    add_to(cms, 0, sg_buf_slice(&attribute));
    struct sg_report *report = judge_bytes(world, sg_buf_slice(cms), content, &rc);
    assert_int_equal(rc, SG_OK);
    assert_string_equal(report->format, "CAdES");
    return report;
}

/* One countersignature, and what becomes of it; the signature itself passes. */
static void judge_one(const struct world *world, struct pki_cms what, enum sg_indication indication,
                      enum sg_sub_indication sub, const char *reason)
{
    _cleanup_(sg_buf_clear) struct sg_buf cms = SG_BUF(SG_MIB), counter = SG_BUF(SG_MIB);
    make(world, what, &cms, &counter);
    _cleanup_(sg_report_freep) struct sg_report *report = judge_with(world, &cms, sg_buf_slice(&counter), 1, CONTENT);
    assert_int_equal(report->verdict_count, 2);
    assert_string_equal(report->verdicts[0].id, "1");
    assert_verdict(&report->verdicts[0], SG_TOTAL_PASSED, SG_SUB_NONE, NULL);
    assert_string_equal(report->verdicts[1].id, "1.1");
    assert_string_equal(report->verdicts[1].covers, "signature 1");
    assert_verdict(&report->verdicts[1], indication, sub, reason);
    assert_int_equal(sg_report_exit(report), indication == SG_TOTAL_PASSED ? 0 : indication == SG_TOTAL_FAILED ? 1 : 2);
}

static void test_good(void **state)
{
    struct world *world = *state;
    judge_one(world, ORDINARY, SG_TOTAL_PASSED, SG_SUB_NONE, NULL);
    judge_one(world, (struct pki_cms){.digest = "SHA512"}, SG_TOTAL_PASSED, SG_SUB_NONE, NULL);
    struct pki_id bob = pki_issue(world->libctx, &world->ca, &(struct pki_cert){.name = "Bob"});
    judge_one(world, (struct pki_cms){.signer = &bob}, SG_TOTAL_PASSED, SG_SUB_NONE, NULL);
    pki_free(&bob);
}

static void test_form(void **state)
{
    struct world *world = *state;
    judge_one(world, (struct pki_cms){.odd = PKI_NO_CONTENT_TYPE}, SG_TOTAL_FAILED, SG_SUB_FORMAT_FAILURE,
              "signature-malformed"); /* it has one, which it may not */
    judge_one(world, (struct pki_cms){.odd = PKI_NO_DIGEST}, SG_TOTAL_FAILED, SG_SUB_FORMAT_FAILURE,
              "signature-malformed");
    judge_one(world, (struct pki_cms){.odd = PKI_TWO_DIGESTS}, SG_TOTAL_FAILED, SG_SUB_FORMAT_FAILURE,
              "attribute-duplicate");
}

static void test_not_trusted(void **state)
{
    struct world *world = *state;
    struct pki_id other = pki_issue(world->libctx, NULL, &(struct pki_cert){.name = "Mallory"});
    judge_one(world, (struct pki_cms){.signer = &other}, SG_INDETERMINATE, SG_SUB_NO_CERTIFICATE_CHAIN_FOUND,
              "no-path");
    pki_free(&other);
}

/* Over the signature of another file, and with its value changed. */
static void test_changed(void **state)
{
    struct world *world = *state;
    _cleanup_(sg_buf_clear) struct sg_buf cms = SG_BUF(SG_MIB), counter = SG_BUF(SG_MIB), other = SG_BUF(SG_MIB),
                                          its = SG_BUF(SG_MIB);
    make(world, ORDINARY, &cms, &counter);
    make(world, ORDINARY, &other, &its);
    struct sg_report *report = judge_with(world, &cms, sg_buf_slice(&its), 1, CONTENT);
    assert_verdict(&report->verdicts[0], SG_TOTAL_PASSED, SG_SUB_NONE, NULL);
    assert_verdict(&report->verdicts[1], SG_TOTAL_FAILED, SG_SUB_HASH_FAILURE, "content-changed");
    assert_false(report->verdicts[1].intact);
    assert_int_equal(sg_report_exit(report), 1);
    sg_report_free(report);

    its.data[its.len - 1] ^= 1;
    report = judge_with(world, &other, sg_buf_slice(&its), 1, CONTENT);
    assert_verdict(&report->verdicts[0], SG_TOTAL_PASSED, SG_SUB_NONE, NULL);
    assert_verdict(&report->verdicts[1], SG_TOTAL_FAILED, SG_SUB_SIG_CRYPTO_FAILURE, "signature-wrong");
    sg_report_free(report);
}

/* It says nothing about the document. */
static void test_of_bad_signature(void **state)
{
    struct world *world = *state;
    _cleanup_(sg_buf_clear) struct sg_buf cms = SG_BUF(SG_MIB), counter = SG_BUF(SG_MIB);
    make(world, ORDINARY, &cms, &counter);
    struct sg_report *report = judge_with(world, &cms, sg_buf_slice(&counter), 1, "another text");
    assert_verdict(&report->verdicts[0], SG_TOTAL_FAILED, SG_SUB_HASH_FAILURE, "content-changed");
    assert_verdict(&report->verdicts[1], SG_TOTAL_PASSED, SG_SUB_NONE, NULL);
    assert_int_equal(sg_report_exit(report), 1);
    sg_report_free(report);
}

static void test_unreadable(void **state)
{
    static const uint8_t octets[] = {SG_DER_OCTET_STRING, 2, 1, 2};
    struct world *world = *state;
    _cleanup_(sg_buf_clear) struct sg_buf cms = SG_BUF(SG_MIB), counter = SG_BUF(SG_MIB);
    make(world, ORDINARY, &cms, &counter);
    struct sg_report *report = judge_with(world, &cms, (struct sg_slice){octets, sizeof octets}, 1, CONTENT);
    assert_int_equal(report->verdict_count, 2);
    assert_verdict(&report->verdicts[0], SG_TOTAL_PASSED, SG_SUB_NONE, NULL);
    assert_verdict(&report->verdicts[1], SG_TOTAL_FAILED, SG_SUB_FORMAT_FAILURE, "signature-malformed");
    assert_string_equal(report->verdicts[1].covers, "signature 1");
    sg_report_free(report);
}

/* Of one another: each has the number of the one before in its own, and too deep is not judged. */
static void test_nested(void **state)
{
    static const char *const numbers[] = {"1", "1.1", "1.1.1", "1.1.1.1", "1.1.1.1.1"};
    struct world *world = *state;
    for (size_t depth = 1; depth <= 4; depth++) {
        _cleanup_(sg_buf_clear) struct sg_buf cms = SG_BUF(SG_MIB), counter = SG_BUF(SG_MIB);
        make(world, ORDINARY, &cms, &counter);
        struct sg_buf each[4] = {SG_BUF(SG_MIB), SG_BUF(SG_MIB), SG_BUF(SG_MIB), SG_BUF(SG_MIB)};
        assert_int_equal(sg_buf_append(&each[0], counter.data, counter.len, NULL), SG_OK);
        for (size_t i = 1; i < depth; i++) {
            struct sg_countersignature *read = NULL;
            assert_int_equal(sg_countersignature_read(sg_buf_slice(&each[i - 1]), &read, NULL), SG_OK);
            sign_over(world, ORDINARY, sg_countersignature_signer(read)->signature, &each[i]);
            sg_countersignature_free(read);
        }
        for (size_t i = depth; i-- > 1;)
            put_into(&each[i - 1], sg_buf_slice(&each[i]));
        _cleanup_(sg_report_freep) struct sg_report *report =
            judge_with(world, &cms, sg_buf_slice(&each[0]), 1, CONTENT);
        assert_int_equal(report->verdict_count, depth + 1);
        for (size_t i = 0; i <= depth; i++) {
            assert_string_equal(report->verdicts[i].id, numbers[i]);
            if (i <= SG_MAX_COUNTERSIGNATURE_NESTING)
                assert_verdict(&report->verdicts[i], SG_TOTAL_PASSED, SG_SUB_NONE, NULL);
            else
                assert_verdict(&report->verdicts[i], SG_INDETERMINATE, SG_SUB_CRYPTO_CONSTRAINTS_FAILURE_NO_POE,
                               "work-limit");
        }
        for (size_t i = 0; i < 4; i++)
            sg_buf_clear(&each[i]);
    }
}

/* As many as there may be, and one more. */
static void test_many(void **state)
{
    struct world *world = *state;
    for (size_t count = SG_MAX_COUNTERSIGNATURES; count <= SG_MAX_COUNTERSIGNATURES + 5; count += 5) {
        _cleanup_(sg_buf_clear) struct sg_buf cms = SG_BUF(SG_MIB), counter = SG_BUF(SG_MIB);
        make(world, ORDINARY, &cms, &counter);
        bool over = count > SG_MAX_COUNTERSIGNATURES;
        struct sg_report *report = judge_with(world, &cms, sg_buf_slice(&counter), count, CONTENT);
        assert_int_equal(report->verdict_count, 1 + SG_MAX_COUNTERSIGNATURES + over);
        for (size_t i = 0; i <= SG_MAX_COUNTERSIGNATURES; i++)
            assert_verdict(&report->verdicts[i], SG_TOTAL_PASSED, SG_SUB_NONE, NULL);
        if (over)
            assert_verdict(&report->verdicts[SG_MAX_COUNTERSIGNATURES + 1], SG_INDETERMINATE,
                           SG_SUB_CRYPTO_CONSTRAINTS_FAILURE_NO_POE, "work-limit");
        assert_int_equal(sg_report_exit(report), over ? 2 : 0);
        sg_report_free(report);
    }
}

/* Of the first of two signers: the second is still number 2. */
static void test_numbers(void **state)
{
    static const char *const numbers[] = {"1", "1.1", "2"};
    struct world *world = *state;
    struct sg_input *input = NULL;
    _cleanup_(sg_buf_clear) struct sg_buf cms = SG_BUF(SG_MIB), counter = SG_BUF(SG_MIB);
    world_sign(world, (struct pki_cms){.second = &world->signer}, &cms);
    struct sg_cms *read = parse(world, sg_buf_slice(&cms), &input);
    sign_over(world, ORDINARY, sg_cms_signer(read, 0)->signature, &counter);
    sg_cms_free(read);
    sg_input_free(input);
    struct sg_report *report = judge_with(world, &cms, sg_buf_slice(&counter), 1, CONTENT);
    assert_int_equal(report->verdict_count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_string_equal(report->verdicts[i].id, numbers[i]);
        assert_verdict(&report->verdicts[i], SG_TOTAL_PASSED, SG_SUB_NONE, NULL);
    }
    sg_report_free(report);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(test_good),
        WORLD_TEST(test_form),
        WORLD_TEST(test_not_trusted),
        WORLD_TEST(test_changed),
        WORLD_TEST(test_of_bad_signature),
        WORLD_TEST(test_unreadable),
        WORLD_TEST(test_nested),
        WORLD_TEST(test_many),
        WORLD_TEST(test_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
