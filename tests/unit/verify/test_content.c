/* Is the content hashed once by all algorithms that its signers and their time-stamps name, and handed on to who else
 * wants it? */
#include "../../support/evidence_maker_older.h"
#include "judging.h"
#include "verify/content.h"

#define OTHER "Another content."

struct hashed {
    struct sg_buf bytes;
    struct sg_input *input, *detached;
    struct sg_cms *cms;
    struct sg_evidence *evidence;
    struct sg_content content;
};

static void hashed_clear(struct hashed *hashed)
{
    sg_evidence_free(hashed->evidence);
    sg_cms_free(hashed->cms);
    sg_input_free(hashed->input);
    sg_input_free(hashed->detached);
    sg_buf_clear(&hashed->bytes);
}

/* Reads what was made, and hashes `detached` (NULL: none) or what is attached, with or without the evidence. */
static struct hashed hash(const struct world *world, const struct made *made, const char *detached, bool evidence)
{
    struct hashed hashed = {.bytes = SG_BUF(16 * SG_MIB)};
    made_write(made, &hashed.bytes);
    assert_int_equal(sg_input_from_slice("test", sg_buf_slice(&hashed.bytes), &hashed.input, NULL), SG_OK);
    assert_int_equal(sg_cms_read(hashed.input, world->libctx, NULL, &hashed.cms, NULL), SG_OK);
    assert_int_equal(sg_evidence_read(hashed.cms, sg_cms_signer(hashed.cms, 0), world->libctx, &hashed.evidence, NULL),
                     SG_OK);
    if (detached)
        assert_int_equal(sg_input_from_slice("content", slice_of(detached), &hashed.detached, NULL), SG_OK);
    struct sg_source source = detached ? sg_input_source(hashed.detached) : (struct sg_source){0};
    struct sg_evidence *each[] = {NULL, hashed.evidence};
    const struct sg_content_evidence wants = {.each = each, .count = 2};
    assert_int_equal(sg_content_hash(hashed.cms, detached ? &source : NULL, evidence ? &wants : NULL, world->libctx,
                                     &hashed.content, NULL),
                     SG_OK);
    return hashed;
}

static void assert_digest(const struct world *world, const struct hashed *hashed, int nid, const char *content)
{
    uint8_t value[EVP_MAX_MD_SIZE];
    size_t len = 0;
    struct sg_slice digest = sg_content_digest_for((void *)&hashed->content, nid);
    assert_int_equal(sg_digest(world->libctx, OBJ_nid2sn(nid), slice_of(content), value, &len, NULL), SG_OK);
    assert_true(sg_slice_equal(digest, (struct sg_slice){value, len}));
}

static struct sg_evidence_imprint imprint(struct hashed *hashed, size_t timestamp)
{
    struct sg_evidence_imprint ret = {0};
    assert_int_equal(
        sg_evidence_imprint(hashed->evidence, timestamp, sg_content_digest_for, &hashed->content, &ret, NULL), SG_OK);
    return ret;
}

static void sign(const struct world *world, struct made *made, const char *content, bool attached)
{
    made_sign(made, world->libctx,
              &(struct pki_cms){.signer = &world->signer, .content = slice_of(content), .attached = attached});
}

static void test_digests(void **state)
{
    const struct world *world = *state;
    const char *const contents[] = {CONTENT, ""};
    struct pki_id tsa = made_tsa(world->libctx, &world->ca, &(struct pki_cert){.name = "TSA"});
    for (int i = 0; i < 4; i++) {
        const char *content = contents[i / 2];
        bool attached = i % 2;
        struct made made;
        sign(world, &made, content, attached);
        made_archive_stamp(&made, &(struct made_stamp){.tsa = &tsa, .digest = "SHA384"});
        made_archive_stamp(&made, &(struct made_stamp){.tsa = &tsa, .digest = "SHA512"});
        struct hashed with = hash(world, &made, attached ? NULL : content, true);
        assert_digest(world, &with, NID_sha256, content);
        assert_digest(world, &with, NID_sha384, content);
        assert_digest(world, &with, NID_sha512, content);
        assert_null(sg_content_digest(&with.content, NID_sha1).data);
        assert_int_equal(imprint(&with, 0).len, 48);
        hashed_clear(&with);

        struct hashed without = hash(world, &made, attached ? NULL : content, false);
        assert_digest(world, &without, NID_sha256, content);
        assert_null(sg_content_digest(&without.content, NID_sha384).data);
        assert_int_equal(imprint(&without, 0).len, 0);
        hashed_clear(&without);
        made_clear(&made);
    }
    pki_free(&tsa);
}

/* archive-time-stamp v2 is over the content itself: detached, it comes by in the same pass. */
static void test_passed_on(void **state)
{
    const struct world *world = *state;
    const char *const contents[] = {CONTENT, ""};
    struct pki_id tsa = made_tsa(world->libctx, &world->ca, &(struct pki_cert){.name = "TSA"});
    for (int i = 0; i < 2; i++) {
        struct made made;
        sign(world, &made, contents[i], false);
        made_archive_stamp_v2(&made, &(struct made_stamp){.tsa = &tsa});
        struct hashed right = hash(world, &made, contents[i], true);
        struct hashed wrong = hash(world, &made, OTHER, true);
        struct hashed none = hash(world, &made, NULL, true);
        struct sg_evidence_imprint a = imprint(&right, 0), b = imprint(&wrong, 0);
        assert_int_equal(a.len, 32);
        assert_int_equal(b.len, 32);
        assert_memory_not_equal(a.digest, b.digest, 32);
        assert_int_equal(imprint(&none, 0).len, 0);
        /* What the token says is the right one. */
        struct sg_slice token = sg_evidence_timestamp(right.evidence, 0)->token;
        assert_non_null(memmem(token.data, token.len, a.digest, a.len));
        assert_null(memmem(token.data, token.len, b.digest, b.len));
        hashed_clear(&right);
        hashed_clear(&wrong);
        hashed_clear(&none);
        made_clear(&made);
    }
    pki_free(&tsa);
}

/* A file beside an attached signature is held against it by all digests, also those that only a time-stamp wants. */
static void test_beside(void **state)
{
    const struct world *world = *state;
    struct pki_id tsa = made_tsa(world->libctx, &world->ca, &(struct pki_cert){.name = "TSA"});
    struct made made;
    sign(world, &made, CONTENT, true);
    made_archive_stamp(&made, &(struct made_stamp){.tsa = &tsa, .digest = "SHA512"});
    for (int evidence = 0; evidence < 2; evidence++) {
        struct hashed same = hash(world, &made, CONTENT, evidence);
        struct hashed other = hash(world, &made, OTHER, evidence);
        assert_false(same.content.differs);
        assert_true(other.content.differs);
        assert_digest(world, &other, NID_sha256, CONTENT); /* what counts is what is attached */
        hashed_clear(&same);
        hashed_clear(&other);
    }
    made_clear(&made);
    pki_free(&tsa);
}

int main(void)
{
    const struct CMUnitTest tests[] = {WORLD_TEST(test_digests), WORLD_TEST(test_passed_on), WORLD_TEST(test_beside)};
    return cmocka_run_group_tests_name("verify/content", tests, NULL, NULL);
}
