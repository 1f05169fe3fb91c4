/* What "good until" promises: judged at any time before it, by what is here now, the answer is the same; and where it
 * is known what ends then, right after it the answer is another. Of all forms, B-B to B-LTA. And "as of": nothing that
 * the answer rests on is older. */
#include "archive.h"

#define IN(days) (PKI_NOW + DAYS(days))

static struct sg_report *judge_later(struct scene *scene, const struct made *made, int64_t at)
{
    scene->world.options.at = at;
    struct sg_report *report = scene_judge(scene, made);
    scene->world.options.at = SG_TIME_NONE;
    return report;
}

static bool passes(struct scene *scene, const struct made *made, int64_t at)
{
    _cleanup_(sg_report_freep) struct sg_report *report = judge_later(scene, made, at);
    return report->verdicts[0].indication == SG_TOTAL_PASSED;
}

/* Judged at `at`, it is good until `until`, and that is true. Clears it. */
static void expect_until(struct scene *scene, struct made *made, int64_t at, int64_t until)
{
    _cleanup_(sg_report_freep) struct sg_report *report = judge_later(scene, made, at);
    const struct expected passed = PASSED(.now = report->verdicts[0].now);
    assert_expected(&report->verdicts[0], &passed);
    assert_int_equal(report->verdicts[0].good_until, until);
    for (int64_t part = 1; part < 8; part++)
        assert_true(passes(scene, made, at + (until - at) / 8 * part));
    assert_true(passes(scene, made, until - 1));
    assert_false(passes(scene, made, until + 1));
    made_clear(made);
}

/* --- B-B, B-T and B-LT -------------------------------------------------------------------------------------------- */

/* A PKI whose CA ends in 30 days, and a TSA with all that it needs for ten years. */
static void end_ca_soon(struct scene *scene, const struct pki_cert *signer)
{
    struct world *world = &scene->world;
    pki_free(&world->root);
    pki_free(&world->ca);
    world->root = pki_issue(world->libctx, NULL, &(struct pki_cert){.name = "Root", .ca = true, .not_after = IN(4000)});
    (void)sk_X509_set(world->anchors, 0, world->root.cert);
    world->ca = pki_issue(world->libctx, &world->root,
                          &(struct pki_cert){.name = "Issuing CA", .ca = true, .not_after = IN(30)});
    world_signer(world, signer);
    scene_tsa(scene, &(struct pki_cert){.name = "TSA CA", .ca = true, .not_after = IN(3900)},
              &(struct pki_cert){.name = "TSA", .not_after = IN(3800)});
    world_crl(world, &world->root_crl, &world->root, &(struct pki_crl){.next_update = IN(3700)});
    world_crl(world, &world->ca_crl, &world->ca, &(struct pki_crl){.this_update = AGO(11), .next_update = IN(60)});
    scene_tsa_crl(scene, &(struct pki_crl){.next_update = IN(3600)});
}

static const struct pki_cert ended_signer = {.name = "Old", .not_after = AGO(5)};

/* As of now alone: until the first list is due, or a certificate ends. */
static void basic(void **state)
{
    struct scene *scene = *state;
    struct made made;
    scene_make(scene, ORDINARY, 0, &made);
    expect_until(scene, &made, PKI_NOW, IN(7));
    end_ca_soon(scene, &(struct pki_cert){.name = "Alice", .not_after = IN(20)});
    scene_make(scene, ORDINARY, 0, &made);
    expect_until(scene, &made, PKI_NOW, IN(20));
}

/* Judged as of a time before the certificate is revoked: until then. */
static void revoked_later(void **state)
{
    struct scene *scene = *state;
    struct made made;
    world_crl(&scene->world, &scene->world.ca_crl, &scene->world.ca,
              &(struct pki_crl){.revoked = {{scene->world.signer.cert, AGO(5), CRL_REASON_SUPERSEDED}}});
    scene_make(scene, ORDINARY, 0, &made);
    expect_until(scene, &made, AGO(9), AGO(5));
}

/* The time-stamp proves that the signer's certificate was good, and not that its CA has not ended by then; with the
 * evidence in the signature it is no other. */
static void signer_ended(void **state)
{
    struct scene *scene = *state;
    for (int complete = 0; complete < 2; complete++) {
        struct made made;
        end_ca_soon(scene, &ended_signer);
        scene_make(scene, ORDINARY, AGO(10), &made);
        if (complete) {
            made_crl(&made, scene->world.root_crl);
            made_crl(&made, scene->world.ca_crl);
            made_crl(&made, scene->tsa_crl);
        }
        expect_until(scene, &made, PKI_NOW, IN(30));
    }
}

static void signer_revoked(void **state)
{
    struct scene *scene = *state;
    struct made made;
    end_ca_soon(scene, &(struct pki_cert){.name = "Alice"});
    world_crl(&scene->world, &scene->world.ca_crl, &scene->world.ca,
              &(struct pki_crl){.this_update = AGO(4),
                                .next_update = IN(60),
                                .revoked = {{scene->world.signer.cert, AGO(5), CRL_REASON_SUPERSEDED}}});
    scene_make(scene, ORDINARY, AGO(10), &made);
    expect_until(scene, &made, PKI_NOW, IN(30));
}

/* Where the CAs last longer, until the time-stamp itself is not good any more. */
static void stamp_ends(void **state)
{
    struct scene *scene = *state;
    struct made made;
    end_ca_soon(scene, &ended_signer);
    scene_tsa(scene, &(struct pki_cert){.name = "TSA CA", .ca = true},
              &(struct pki_cert){.name = "TSA", .not_after = IN(20)});
    scene_tsa_crl(scene, &(struct pki_crl){.next_update = IN(50)});
    scene_make(scene, ORDINARY, AGO(10), &made);
    expect_until(scene, &made, PKI_NOW, IN(20));
}

/* --- algorithms --------------------------------------------------------------------------------------------------- */

#define IN_2012 INT64_C(1341100800) /* July */
#define SHA1_ENDS INT64_C(1388534400)

/* A PKI of 2012 that is good until now, but for one thing that is by SHA-1. */
static void found_2012(struct scene *scene, const char *cert_digest, const char *crl_digest)
{
    scene_since_2012(scene, cert_digest);
    world_crl(&scene->world, &scene->world.ca_crl, &scene->world.ca,
              &(struct pki_crl){.this_update = SINCE_2012, .digest = crl_digest});
}

/* By the dated table: of the signature, of a certificate, of a CRL. */
static void algorithm_ends(void **state)
{
    struct scene *scene = *state;
    for (int what = 0; what < 3; what++) {
        struct made made;
        found_2012(scene, what == 1 ? "SHA1" : NULL, what == 2 ? "SHA1" : NULL);
        scene_make(scene, (struct pki_cms){.digest = what == 0 ? "SHA1" : NULL}, 0, &made);
        expect_until(scene, &made, IN_2012, SHA1_ENDS);
    }
}

/* --- B-LTA -------------------------------------------------------------------------------------------------------- */

/* Of archive.h, with a TSA that ends in 86 days, and another that lasts ten years. */
static void last_long(struct archive *archive, struct pki_id *lasting)
{
    struct scene *scene = &archive->scene;
    struct world *world = &scene->world;
    pki_free(&world->root);
    world->root =
        pki_issue(world->libctx, NULL,
                  &(struct pki_cert){.name = "Root", .ca = true, .not_before = AGO(1500), .not_after = IN(4000)});
    (void)sk_X509_set(world->anchors, 0, world->root.cert);
    pki_free(&world->ca);
    pki_free(&world->signer);
    world->ca =
        pki_issue(world->libctx, &world->root,
                  &(struct pki_cert){.name = "Issuing CA", .ca = true, .not_before = AGO(1000), .not_after = AGO(365)});
    world->signer = pki_issue(world->libctx, &world->ca,
                              &(struct pki_cert){.name = "Alice", .not_before = AGO(1000), .not_after = AGO(365)});
    scene_tsa(scene, &(struct pki_cert){.name = "TSA CA", .ca = true, .not_before = AGO(1000), .not_after = IN(3900)},
              &(struct pki_cert){.name = "TSA", .not_before = AGO(1000), .not_after = IN(86)});
    *lasting = made_tsa(world->libctx, &scene->tsa_ca, &(struct pki_cert){.name = "Lasting", .not_after = IN(3800)});
    world_crl(world, &world->root_crl, &world->root, &(struct pki_crl){.next_update = IN(3700)});
    scene_tsa_crl(scene, &(struct pki_crl){.next_update = IN(3600)});
    X509_CRL_free(archive->root_crl);
    X509_CRL_free(archive->ca_crl);
    archive->root_crl = make_crl(archive, &world->root, AGO(699));
    archive->ca_crl = make_crl(archive, &world->ca, AGO(699));
}

enum renewal { NOT_RENEWED, BY_SIGNATURE_STAMP, BY_ARCHIVE_STAMP, WITHOUT_EVIDENCE };

static void make_archived(const struct archive *archive, const struct pki_id *lasting, enum renewal renewal,
                          struct made *made)
{
    const struct scene *scene = &archive->scene;
    struct made_stamp first = by_tsa(scene, AGO(698));
    const struct made_stamp fresh = {.tsa = lasting, .time = AGO(1), .carried = {scene->tsa_ca.cert}};
    scene_make(scene, ORDINARY, AGO(701), made);
    made_crl(made, archive->root_crl);
    made_crl(made, archive->ca_crl);
    made_archive_stamp(made, &first);
    if (renewal == BY_SIGNATURE_STAMP)
        made_signature_stamp(made, &fresh);
    if (renewal == BY_ARCHIVE_STAMP) {
        made_certificate(made, scene->tsa_ca.cert);
        made_certificate(made, scene->tsa.cert);
        made_crl(made, scene->world.root_crl);
        made_crl(made, scene->tsa_crl);
    }
    if (renewal == BY_ARCHIVE_STAMP || renewal == WITHOUT_EVIDENCE)
        made_archive_stamp(made, &fresh);
}

/* Until the archive time-stamp ends that it rests on: one more of the signature does not prove what was archived; one
 * more archive time-stamp carries it on. */
static void archived(void **state)
{
    static const int64_t until[] = {IN(86), IN(86), IN(3600), IN(3600)};
    struct archive *archive = *state;
    struct pki_id lasting;
    last_long(archive, &lasting);
    for (enum renewal renewal = NOT_RENEWED; renewal <= WITHOUT_EVIDENCE; renewal++) {
        struct made made;
        make_archived(archive, &lasting, renewal, &made);
        expect_until(&archive->scene, &made, PKI_NOW, until[renewal]);
    }
    pki_free(&lasting);
}

/* --- as of -------------------------------------------------------------------------------------------------------- */

/* What is known of the TSA's revocation counts as well, where its time-stamp carries the answer. */
static void as_of(void **state)
{
    struct scene *scene = *state;
    struct made made;
    end_ca_soon(scene, &ended_signer);
    scene_tsa_crl(scene, &(struct pki_crl){.this_update = AGO(20), .next_update = IN(50)});
    scene_make(scene, ORDINARY, AGO(10), &made);
    _cleanup_(sg_report_freep) struct sg_report *report = scene_judge(scene, &made);
    assert_int_equal(report->verdicts[0].indication, SG_TOTAL_PASSED);
    assert_int_equal(report->verdicts[0].as_of, AGO(20));
    made_clear(&made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE_TEST(basic),      SCENE_TEST(revoked_later),  SCENE_TEST(signer_ended), SCENE_TEST(signer_revoked),
        SCENE_TEST(stamp_ends), SCENE_TEST(algorithm_ends), ARCHIVE_TEST(archived),   SCENE_TEST(as_of),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
