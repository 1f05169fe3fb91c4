/* Do signatures with all kinds of evidence stay what they are when another one is added to them? One that would be
 * broken is not touched. */
#include "../../support/evidence_maker_older.h"
#include "long_term.h"

#include "formats/cades_parallel.h"

static enum sg_rc add(const struct scene *scene, struct sg_slice cms, struct sg_buf *out)
{
    const struct world *world = &scene->world;
    const struct sg_cades_params params = {
        .libctx = world->libctx, .key = world->signer.key, .cert = world->signer.cert, .chain = world->intermediates};
    struct sg_cades_signer *signer = NULL;
    struct sg_input *existing = NULL, *content = NULL, *written = NULL;
    struct sg_outfile *outfile = NULL;
    uint8_t digest[EVP_MAX_MD_SIZE];
    size_t len = 0;
    char folder[] = "/tmp/signet-parallel-XXXXXX", path[64];
    struct sg_err err = {0};

    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/out", folder);
    assert_int_equal(sg_cades_signer_new(&params, &signer, NULL), SG_OK);
    assert_int_equal(sg_input_from_slice("cms", cms, &existing, NULL), SG_OK);
    assert_int_equal(sg_input_from_slice("content", slice_of(CONTENT), &content, NULL), SG_OK);
    assert_int_equal(sg_outfile_open(path, 0, &outfile, NULL), SG_OK);
    enum sg_rc rc =
        sg_cades_add_signer(signer, existing, content, PKI_NOW - 60, sg_outfile_sink(outfile), digest, &len, &err);
    if (rc == SG_OK) {
        assert_int_equal(sg_outfile_commit(outfile, NULL), SG_OK);
        assert_int_equal(sg_input_open(path, &written, NULL), SG_OK);
        assert_int_equal(sg_input_read_all(written, out, NULL), SG_OK);
        (void)unlink(path);
    }
    sg_input_free(written);
    sg_outfile_free(outfile);
    (void)rmdir(folder);
    sg_input_free(content);
    sg_input_free(existing);
    sg_cades_signer_free(signer);
    return rc;
}

static struct sg_report *judge_made(const struct scene *scene, struct sg_slice cms)
{
    enum sg_rc rc;
    struct sg_report *report = judge_bytes(&scene->world, cms, CONTENT, &rc);
    assert_int_equal(rc, SG_OK);
    return report;
}

/* A signature by Bob, whose certificate the other signer's file has not. */
static void make(struct scene *scene, struct pki_id *bob, struct made *made)
{
    *bob = pki_issue(scene->world.libctx, &scene->world.ca, &(struct pki_cert){.name = "Bob"});
    scene_sign(scene, (struct pki_cms){.signer = bob}, made);
    made_signature_stamp(made, &(struct made_stamp){.tsa = &scene->tsa, .carried = {scene->tsa_ca.cert}});
}

static void test_archived(void **state)
{
    struct scene *scene = *state;
    struct pki_id bob;
    struct made made;
    _cleanup_(sg_buf_clear) struct sg_buf before = SG_BUF(SG_MIB), after = SG_BUF(SG_MIB);
    make(scene, &bob, &made);
    made_certificate(&made, scene->world.ca.cert);
    made_certificate(&made, scene->world.root.cert);
    made_crl(&made, scene->world.ca_crl);
    made_crl(&made, scene->world.root_crl);
    made_archive_stamp(&made, &(struct made_stamp){.tsa = &scene->tsa, .carried = {scene->tsa_ca.cert}});
    made_write(&made, &before);

    struct sg_report *report = judge_made(scene, sg_buf_slice(&before));
    assert_int_equal(report->verdict_count, 1);
    assert_verdict(&report->verdicts[0], SG_TOTAL_PASSED, SG_SUB_NONE, NULL);
    const char *level = report->verdicts[0].level;
    assert_int_equal(add(scene, sg_buf_slice(&before), &after), SG_OK);
    struct sg_report *both = judge_made(scene, sg_buf_slice(&after));
    assert_int_equal(both->verdict_count, 2);
    size_t archived = 0;
    for (size_t i = 0; i < 2; i++) {
        const struct sg_verdict *verdict = &both->verdicts[i];
        assert_verdict(verdict, SG_TOTAL_PASSED, SG_SUB_NONE, NULL);
        assert_true(verdict->intact);
        if (X509_cmp(verdict->signer, bob.cert) != 0)
            continue;
        archived++;
        assert_string_equal(verdict->level, level);
        assert_int_equal(verdict->timestamp_count, 2);
        for (size_t k = 0; k < 2; k++)
            assert_int_equal(verdict->timestamps[k].verdict.indication, SG_TOTAL_PASSED);
    }
    assert_int_equal(archived, 1);
    sg_report_free(both);
    sg_report_free(report);
    made_clear(&made);
    pki_free(&bob);
}

/* The second version is over all certificates together: one more is refused, and if there is none to add, it is not. */
static void test_archived_v2(void **state)
{
    struct scene *scene = *state;
    struct pki_id bob;
    for (int carried = 0; carried < 2; carried++) {
        struct made made;
        _cleanup_(sg_buf_clear) struct sg_buf before = SG_BUF(SG_MIB), after = SG_BUF(SG_MIB);
        make(scene, &bob, &made);
        if (carried)
            made_certificate(&made, scene->world.signer.cert);
        made_archive_stamp_v2(&made, &(struct made_stamp){.tsa = &scene->tsa, .carried = {scene->tsa_ca.cert}});
        made_write(&made, &before);
        if (!carried) {
            assert_int_equal(add(scene, sg_buf_slice(&before), &after), SG_E_UNSUPPORTED);
        } else {
            assert_int_equal(add(scene, sg_buf_slice(&before), &after), SG_OK);
            struct sg_report *both = judge_made(scene, sg_buf_slice(&after));
            assert_int_equal(both->verdict_count, 2);
            for (size_t i = 0; i < 2; i++) {
                assert_verdict(&both->verdicts[i], SG_TOTAL_PASSED, SG_SUB_NONE, NULL);
                for (size_t k = 0; k < both->verdicts[i].timestamp_count; k++)
                    assert_int_equal(both->verdicts[i].timestamps[k].verdict.indication, SG_TOTAL_PASSED);
            }
            sg_report_free(both);
        }
        made_clear(&made);
        pki_free(&bob);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {SCENE_TEST(test_archived), SCENE_TEST(test_archived_v2)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
