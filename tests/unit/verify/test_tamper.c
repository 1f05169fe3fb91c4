/* A signature that passes, with one byte changed anywhere that it covers: never passed, never intact. */
#include "judging.h"

#include "formats/cms.h"

/* The verdict over `cms` with byte `at` xored; a reader's refusal counts as not passed. */
static void flip(struct sg_verifier *verifier, struct sg_buf *cms, size_t at, uint8_t mask)
{
    struct sg_input *signature = NULL, *content = NULL;
    struct sg_report *report = NULL;
    cms->data[at] ^= mask;
    assert_int_equal(sg_input_from_slice("test.p7s", sg_buf_slice(cms), &signature, NULL), SG_OK);
    assert_int_equal(sg_input_from_slice("test", slice_of(CONTENT), &content, NULL), SG_OK);
    enum sg_rc rc = sg_verify_file(verifier, signature, content, &report, NULL);
    assert_true(rc == SG_OK || rc == SG_E_MALFORMED || rc == SG_E_LIMIT);
    for (size_t i = 0; rc == SG_OK && i < report->verdict_count; i++) {
        assert_false(report->verdicts[i].intact);
        assert_int_not_equal(report->verdicts[i].indication, SG_TOTAL_PASSED);
    }
    if (rc == SG_OK)
        assert_int_not_equal(sg_report_exit(report), 0);
    sg_report_free(report);
    sg_input_free(signature);
    sg_input_free(content);
    cms->data[at] ^= mask;
}

/* Where `part` stands in `whole`. */
static size_t place_of(const struct sg_buf *whole, struct sg_slice part)
{
    const uint8_t *found = memmem(whole->data, whole->len, part.data, part.len);
    assert_non_null(found);
    return (size_t)(found - whole->data);
}

static void flip_range(const struct world *world, struct sg_buf *cms, size_t from, size_t len)
{
    struct sg_verifier *verifier = NULL;
    assert_int_equal(world_verifier(world, &verifier), SG_OK);
    for (size_t at = from; at < from + len; at++)
        for (int bit = 0; bit < 8; bit += 3)
            flip(verifier, cms, at, (uint8_t)(1 << bit));
    sg_verifier_free(verifier);
}

/* Every byte of the signed attributes, the signature value and the attached content. */
static void every_byte(void **state)
{
    struct world *world = *state;
    for (int attached = 0; attached <= 1; attached++) {
        _cleanup_(sg_buf_clear) struct sg_buf cms = SG_BUF(SG_MIB);
        struct sg_input *input = NULL;
        struct sg_cms *parsed = NULL;
        world_sign(world, (struct pki_cms){.attached = attached}, &cms);
        assert_int_equal(sg_input_from_slice("test", sg_buf_slice(&cms), &input, NULL), SG_OK);
        assert_int_equal(sg_cms_read(input, world->libctx, NULL, &parsed, NULL), SG_OK);
        const struct sg_signer_info *si = sg_cms_signer(parsed, 0);
        size_t attrs = place_of(&cms, si->signed_attrs_wire), attrs_len = si->signed_attrs_wire.len;
        size_t value = place_of(&cms, si->signature), value_len = si->signature.len;
        sg_cms_free(parsed);
        sg_input_free(input);
        flip_range(world, &cms, attrs, attrs_len);
        flip_range(world, &cms, value, value_len);
        if (attached)
            flip_range(world, &cms, place_of(&cms, slice_of(CONTENT)), strlen(CONTENT));
    }
}

/* Every byte of a detached content. */
static void every_content_byte(void **state)
{
    struct world *world = *state;
    char content[] = CONTENT;
    for (size_t i = 0; i < strlen(CONTENT); i++) {
        content[i] ^= 1;
        judge(world, ORDINARY, content, SG_TOTAL_FAILED, SG_SUB_HASH_FAILURE, "content-changed", false);
        content[i] ^= 1;
    }
    judge_passed(world);
}

/* Any byte of the file at all, also where nothing is signed: an answer or an error, and passed only if intact. */
static void anywhere(void **state)
{
    struct world *world = *state;
    _cleanup_(sg_buf_clear) struct sg_buf cms = SG_BUF(SG_MIB);
    struct sg_verifier *verifier = NULL;
    world_sign(world, (struct pki_cms){.crls = {world->ca_crl}}, &cms);
    assert_int_equal(world_verifier(world, &verifier), SG_OK);
    for (size_t at = 0; at < cms.len; at++) {
        struct sg_input *signature = NULL, *content = NULL;
        struct sg_report *report = NULL;
        cms.data[at] ^= 0x55;
        assert_int_equal(sg_input_from_slice("test.p7s", sg_buf_slice(&cms), &signature, NULL), SG_OK);
        assert_int_equal(sg_input_from_slice("test", slice_of(CONTENT), &content, NULL), SG_OK);
        enum sg_rc rc = sg_verify_file(verifier, signature, content, &report, NULL);
        assert_true(rc == SG_OK || rc == SG_E_MALFORMED || rc == SG_E_LIMIT);
        for (size_t i = 0; rc == SG_OK && i < report->verdict_count; i++)
            assert_true(report->verdicts[i].intact || report->verdicts[i].indication != SG_TOTAL_PASSED);
        sg_report_free(report);
        sg_input_free(signature);
        sg_input_free(content);
        cms.data[at] ^= 0x55;
    }
    sg_verifier_free(verifier);
}

int main(void)
{
    const struct CMUnitTest tests[] = {WORLD_TEST(every_byte), WORLD_TEST(every_content_byte), WORLD_TEST(anywhere)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
