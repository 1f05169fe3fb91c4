/* What people read of time-stamps: as proven only what is, and no better than by the accuracy. */
#include "../../support/evidence_maker_older.h"
#include "long_term.h"
#include "verify/report_html.h"

static const char *text_of(const struct sg_report *report, bool html, struct sg_buf *out)
{
    const char *text = NULL;
    enum sg_rc rc = html ? sg_report_html(report, "test", 1, out, NULL) : sg_report_text(report, "test", out, NULL);
    assert_int_equal(rc, SG_OK);
    assert_int_equal(sg_buf_text(out, &text, NULL), SG_OK);
    return text;
}

static void assert_told(const struct sg_report *report, bool html, const char *what, bool there)
{
    _cleanup_(sg_buf_clear) struct sg_buf out = SG_BUF(SG_MIB);
    const char *text = text_of(report, html, &out);
    if ((strstr(text, what) != NULL) != there)
        print_error("%s \"%s\":\n%s", there ? "not said" : "said", what, text);
    assert_int_equal(strstr(text, what) != NULL, there);
}

#define PROOF_MARK "class=\"mark proof\""

/* A time-stamp over the references alone may be of an older signature; its twin is over the signature as well. */
static void references_alone(void **state)
{
    struct scene *scene = *state;
    for (int with_signature = 0; with_signature < 2; with_signature++) {
        const struct made_stamp stamp = by_tsa(scene, AGO(10));
        struct made made;
        scene_sign(scene, ORDINARY, &made);
        made_references(&made, &(struct made_old){.certs = {scene->world.ca.cert}});
        if (with_signature)
            made_c_stamp(&made, &stamp);
        else
            made_references_stamp(&made, &stamp);
        _cleanup_(sg_report_freep) struct sg_report *report = scene_judge(scene, &made);
        assert_string_equal(report->verdicts[0].timestamps[0].kind, with_signature ? "references" : "references-only");
        assert_int_equal(report->verdicts[0].timestamps[0].verdict.indication, SG_TOTAL_PASSED);
        assert_told(report, false, "not later:   2026-09-11T14:13:20Z (proven", with_signature);
        assert_told(report, false, "time-stamp:  2026-09-11T14:13:20Z (of the references alone: proves nothing",
                    !with_signature);
        assert_told(report, true, PROOF_MARK, with_signature);
        assert_told(report, true, ">References alone stamped<", !with_signature);
        made_clear(&made);
    }
}

/* RFC 3161 §2.4.2: of a time with an accuracy the limits are told, as they count. */
static void limits(void **state)
{
    struct scene *scene = *state;
    _cleanup_(sg_buf_clear) struct sg_buf attribute = SG_BUF(SG_MIB);
    struct made_stamp before = by_tsa(scene, AGO(11)), after = by_tsa(scene, AGO(10));
    struct made made;
    before.accuracy = after.accuracy = 100;
    made_content_stamp(scene->world.libctx, &before, slice_of(CONTENT), &attribute);
    scene_sign(scene, (struct pki_cms){.more_signed = {sg_buf_slice(&attribute)}}, &made);
    made_signature_stamp(&made, &after);
    _cleanup_(sg_report_freep) struct sg_report *report = scene_judge(scene, &made);
    assert_int_equal(report->verdicts[0].best_time, AGO(10) + 100);
    assert_told(report, false, "not later:   2026-09-11T14:15:00Z (proven", true);
    assert_told(report, false, "not earlier: 2026-09-10T14:11:40Z (proven", true);
    assert_told(report, true, ">Time-stamped</text>", true);
    assert_told(report, true, ">2026-09-11T14:15:00Z</text>", true);
    assert_told(report, true, ">2026-09-10T14:11:40Z</text>", true);
    made_clear(&made);
}

/* EN 319 102-1 §5.5.4 step 4 e: of times that contradict each other none is proven, nor makes a B-T, whichever process
 * would use it; and its twin. */
static void contradiction(void **state)
{
    struct scene *scene = *state;
    struct world *world = &scene->world;
    world_crl(world, &world->ca_crl, &world->ca,
              &(struct pki_crl){.revoked = {{world->signer.cert, AGO(5), CRL_REASON_SUPERSEDED}}});
    for (int contradict = 0; contradict < 2; contradict++) {
        _cleanup_(sg_buf_clear) struct sg_buf attribute = SG_BUF(SG_MIB);
        const struct made_stamp content = by_tsa(scene, contradict ? AGO(7) : AGO(11)), archive = by_tsa(scene, AGO(1));
        struct made made;
        made_content_stamp(world->libctx, &content, slice_of(CONTENT), &attribute);
        scene_make(scene, (struct pki_cms){.more_signed = {sg_buf_slice(&attribute)}}, AGO(10), &made);
        made_archive_stamp(&made, &archive);
        _cleanup_(sg_report_freep) struct sg_report *report = scene_judge(scene, &made);
        const struct expected expected =
            contradict ? UNDECIDED(REVOKED_NO_POE, "timestamp-order", .level = "B-B", .best_time = PKI_NOW)
                       : PASSED(NOW_IS(REVOKED_NO_POE), .level = "B-T", .best_time = AGO(10));
        assert_expected(&report->verdicts[0], &expected);
        assert_told(report, false, "(proven", !contradict);
        assert_told(report, false, "time-stamp:  2026-09-11T14:13:20Z (proves nothing of the signature)", contradict);
        assert_told(report, true, PROOF_MARK, !contradict);
        made_clear(&made);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE_TEST(references_alone),
        SCENE_TEST(limits),
        SCENE_TEST(contradiction),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
