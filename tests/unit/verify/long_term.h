/* Judging signatures with evidence: a PKI whose parts have the times that a test wants. */
#pragma once

#include "../../support/evidence_maker.h"
#include "judging.h"

#define DAYS(n) ((n)*PKI_DAY)
#define AGO(days) (PKI_NOW - DAYS(days))

/* The world of judging.h with a TSA of its own under the same root. */
struct scene {
    struct world world;
    struct pki_id tsa_ca, tsa;
    X509_CRL *tsa_crl;
};

static inline void scene_tsa(struct scene *scene, const struct pki_cert *ca, const struct pki_cert *tsa)
{
    pki_free(&scene->tsa_ca);
    pki_free(&scene->tsa);
    scene->tsa_ca = pki_issue(scene->world.libctx, &scene->world.root, ca);
    scene->tsa = made_tsa(scene->world.libctx, &scene->tsa_ca, tsa);
}

static inline void scene_tsa_crl(struct scene *scene, const struct pki_crl *what)
{
    if (scene->tsa_crl)
        world_crl(&scene->world, &scene->tsa_crl, &scene->tsa_ca, what);
    else
        assert_true(sk_X509_CRL_push(scene->world.crls,
                                     scene->tsa_crl = pki_crl(scene->world.libctx, &scene->tsa_ca, what)) > 0);
}

#define SINCE_2012 INT64_C(1325376000)

/* A PKI of 2012, which is good until now; the signer's certificate is signed by `digest`. */
static inline void scene_since_2012(struct scene *scene, const char *digest)
{
    struct world *world = &scene->world;
    pki_free(&world->root);
    pki_free(&world->ca);
    world->root =
        pki_issue(world->libctx, NULL, &(struct pki_cert){.name = "Root", .ca = true, .not_before = SINCE_2012});
    (void)sk_X509_set(world->anchors, 0, world->root.cert);
    world->ca = pki_issue(world->libctx, &world->root,
                          &(struct pki_cert){.name = "Issuing CA", .ca = true, .not_before = SINCE_2012});
    world_signer(world, &(struct pki_cert){.name = "Alice", .not_before = SINCE_2012, .digest = digest});
    world_crl(world, &world->root_crl, &world->root, &(struct pki_crl){.this_update = SINCE_2012});
    world_crl(world, &world->ca_crl, &world->ca, &(struct pki_crl){.this_update = SINCE_2012});
}

static inline int setup_scene(void **state)
{
    struct scene *scene = calloc(1, sizeof *scene);
    world_make(&scene->world);
    scene_tsa(scene, &(struct pki_cert){.name = "TSA CA", .ca = true}, &(struct pki_cert){.name = "TSA"});
    scene_tsa_crl(scene, &(struct pki_crl){0});
    *state = scene;
    return 0;
}

static inline int teardown_scene(void **state)
{
    struct scene *scene = *state;
    X509_CRL_free(scene->tsa_crl);
    pki_free(&scene->tsa);
    pki_free(&scene->tsa_ca);
    world_clear(&scene->world);
    free(scene);
    return 0;
}

#define SCENE_TEST(name) cmocka_unit_test_setup_teardown(name, setup_scene, teardown_scene)

/* The ordinary signature of the scene's signer; `what` may say more. */
static inline void scene_sign(const struct scene *scene, struct pki_cms what, struct made *made)
{
    if (!what.signer)
        what.signer = &scene->world.signer;
    if (!what.carried[0])
        what.carried[0] = scene->world.ca.cert;
    what.content = slice_of(CONTENT);
    made_sign(made, scene->world.libctx, &what);
}

/* A time-stamp by the scene's TSA. */
static inline struct made_stamp by_tsa(const struct scene *scene, int64_t time)
{
    return (struct made_stamp){.tsa = &scene->tsa, .time = time, .carried = {scene->tsa_ca.cert}};
}

static inline struct sg_report *scene_judge(const struct scene *scene, const struct made *made)
{
    _cleanup_(sg_buf_clear) struct sg_buf cms = SG_BUF(16 * SG_MIB);
    enum sg_rc rc;
    made_write(made, &cms);
    struct sg_report *report = judge_bytes(&scene->world, sg_buf_slice(&cms), CONTENT, &rc);
    assert_int_equal(rc, SG_OK);
    assert_int_equal(report->verdict_count, 1);
    assert_true(report->verdicts[0].intact);
    return report;
}

/* What a judgement has to say; what is left 0 is TOTAL-PASSED, and the same as of now. */
struct expected {
    enum sg_indication indication;
    enum sg_sub_indication sub;
    const char *reason, *level;
    struct sg_conclusion now; /* differs from the above if it is not 0 */
    int64_t best_time;        /* 0: not asked */
};

#define PASSED(...) ((struct expected){.indication = SG_TOTAL_PASSED, __VA_ARGS__})
#define UNDECIDED(SUB, code, ...)                                                                                      \
    ((struct expected){.indication = SG_INDETERMINATE, .sub = SG_SUB_##SUB, .reason = code, __VA_ARGS__})
#define FAILED(SUB, code) ((struct expected){.indication = SG_TOTAL_FAILED, .sub = SG_SUB_##SUB, .reason = code})
#define NOW_IS(SUB) .now = {SG_INDETERMINATE, SG_SUB_##SUB}

static inline void assert_expected(const struct sg_verdict *verdict, const struct expected *expected)
{
    struct sg_conclusion now = {expected->indication, expected->sub};
    if (expected->now.indication || expected->now.sub_indication)
        now = expected->now;
    assert_verdict(verdict, expected->indication, expected->sub, expected->reason);
    assert_int_equal(verdict->now.indication, now.indication);
    assert_int_equal(verdict->now.sub_indication, now.sub_indication);
    if (expected->level)
        assert_string_equal(verdict->level, expected->level);
    if (expected->best_time)
        assert_int_equal(verdict->best_time, expected->best_time);
}

/* Judges what was made, and clears it. */
static inline void scene_expect(const struct scene *scene, struct made *made, struct expected expected)
{
    _cleanup_(sg_report_freep) struct sg_report *report = scene_judge(scene, made);
    assert_expected(&report->verdicts[0], &expected);
    if (expected.indication == SG_TOTAL_PASSED) {
        assert_true(report->verdicts[0].good_until >= report->at);
        assert_true(report->verdicts[0].known_good);
    }
    made_clear(made);
}

/* B-B; with a signature-time-stamp of that time, if it is not 0, B-T. */
static inline void scene_make(const struct scene *scene, struct pki_cms what, int64_t stamped, struct made *made)
{
    struct made_stamp stamp = by_tsa(scene, stamped);
    scene_sign(scene, what, made);
    if (stamped)
        made_signature_stamp(made, &stamp);
}

static inline void expect_stamped(const struct scene *scene, int64_t stamped, struct expected expected)
{
    struct made made;
    scene_make(scene, ORDINARY, stamped, &made);
    scene_expect(scene, &made, expected);
}
