/* Signatures with archive time-stamps (EN 319 102-1 §5.6): chains that ended long ago, proven link by link; and each
 * link missing in turn. */
#include "../../support/evidence_maker_older.h"
#include "archive.h"

#include "verify/past.h"

/* What a test leaves out or makes otherwise; what is 0 is the ordinary thing. */
struct variant {
    bool no_ca_crl, no_root_crl, no_tsa_ca_crl, no_archive, no_second_archive, no_signature_stamp, wrong_second;
    bool late_ca_crl; /* it comes only with the second archive time-stamp */
    int64_t signed_at;
    X509_CRL *ca_crl; /* instead */
    const char *digest;
};

static void make(const struct archive *archive, const struct variant *variant, struct made *made)
{
    const struct scene *scene = &archive->scene;
    int64_t signed_at = variant->signed_at ? variant->signed_at : AGO(701);
    X509_CRL *ca_crl = variant->ca_crl ? variant->ca_crl : archive->ca_crl;
    struct made_stamp second = {.tsa = &archive->new_tsa,
                                .time = AGO(300),
                                .carried = {scene->tsa_ca.cert},
                                .odd = variant->wrong_second ? MADE_WRONG_IMPRINT : 0};
    struct made_stamp first = by_tsa(scene, AGO(698));
    scene_make(scene, (struct pki_cms){.digest = variant->digest}, variant->no_signature_stamp ? 0 : signed_at, made);
    if (!variant->no_root_crl)
        made_crl(made, archive->root_crl);
    if (!variant->no_ca_crl && !variant->late_ca_crl)
        made_crl(made, ca_crl);
    if (!variant->no_archive)
        made_archive_stamp(made, &first);
    if (!variant->no_tsa_ca_crl) {
        made_certificate(made, scene->tsa_ca.cert);
        made_certificate(made, scene->tsa.cert);
        made_crl(made, archive->tsa_ca_crl);
        made_crl(made, archive->late_root_crl);
    }
    if (variant->late_ca_crl)
        made_crl(made, ca_crl);
    if (!variant->no_second_archive)
        made_archive_stamp(made, &second);
}

static void expect(const struct archive *archive, struct variant variant, struct expected expected)
{
    struct made made;
    make(archive, &variant, &made);
    scene_expect(&archive->scene, &made, expected);
}

/* EN 319 102-1 §5.6.3.4 steps 2, 5, 6 and 7: from the newest time-stamp back to the signature. */
static void all_proven(void **state)
{
    expect(*state, (struct variant){0},
           PASSED(.reason = "proven-before", .level = "B-LTA", NOW_IS(OUT_OF_BOUNDS_NO_POE), .best_time = AGO(701)));
}

/* EN 319 102-1 §5.6.3.4 steps 3, 5 and 6: one link missing. */
static void links_missing(void **state)
{
    struct archive *archive = *state;
    expect(archive, (struct variant){.no_archive = true, .no_second_archive = true},
           UNDECIDED(OUT_OF_BOUNDS_NO_POE, "ca-expired"));
    expect(archive, (struct variant){.no_second_archive = true}, UNDECIDED(OUT_OF_BOUNDS_NO_POE, "ca-expired"));
    expect(archive, (struct variant){.wrong_second = true}, UNDECIDED(OUT_OF_BOUNDS_NO_POE, "timestamp-not-counted"));
    /* The first archive time-stamp can be done without: then what it covers is proven by the second, too late. */
    expect(archive, (struct variant){.no_archive = true}, UNDECIDED(OUT_OF_BOUNDS_NO_POE, "ca-expired"));
    /* Without the signature-time-stamp, the archive's proves the signature as well. */
    expect(archive, (struct variant){.no_signature_stamp = true},
           PASSED(.level = "B-B", NOW_IS(OUT_OF_BOUNDS_NO_POE), .best_time = AGO(698)));
}

/* CAdES-A of before EN 319 122-1: judged by the same process; it is no baseline level above B-LT. */
static void older_form(void **state)
{
    struct archive *archive = *state;
    const struct scene *scene = &archive->scene;
    for (int wrong = 0; wrong < 2; wrong++) {
        struct made made;
        struct made_stamp first = by_tsa(scene, AGO(698));
        struct made_stamp second = {.tsa = &archive->new_tsa,
                                    .time = AGO(300),
                                    .carried = {scene->tsa_ca.cert},
                                    .odd = wrong ? MADE_WRONG_IMPRINT : 0};
        first.values[0] = scene->tsa_ca.cert; /* by the time of the second, the first is completed */
        first.crl_values[0] = archive->tsa_ca_crl;
        first.crl_values[1] = archive->late_root_crl;
        scene_make(scene, ORDINARY, AGO(701), &made);
        made_values(&made,
                    &(struct made_old){.certs = {scene->world.ca.cert}, .crls = {archive->root_crl, archive->ca_crl}});
        made_archive_stamp_v2(&made, &first);
        made_archive_stamp_v2(&made, &second);
        scene_expect(scene, &made,
                     wrong ? UNDECIDED(OUT_OF_BOUNDS_NO_POE, "timestamp-not-counted")
                           : PASSED(NOW_IS(OUT_OF_BOUNDS_NO_POE), .level = "B-LT", .best_time = AGO(701)));
    }
}

/* The PKI of 2012, in which what is weak now was good; archived in 2013 by a TSA that is good still. */
static void in_2013(struct archive *archive, const char *cert_digest)
{
    struct world *world = &archive->scene.world;
    const int64_t begin = INT64_C(1325376000), end = INT64_C(1420070400); /* 2012, 2015 */
    pki_free(&world->root);
    pki_free(&world->ca);
    pki_free(&world->signer);
    pki_free(&archive->new_tsa);
    world->root = pki_issue(world->libctx, NULL, &(struct pki_cert){.name = "Root", .ca = true, .not_before = begin});
    (void)sk_X509_set(world->anchors, 0, world->root.cert);
    world->ca = pki_issue(world->libctx, &world->root,
                          &(struct pki_cert){.name = "Issuing CA", .ca = true, .not_before = begin, .not_after = end});
    world->signer =
        pki_issue(world->libctx, &world->ca,
                  &(struct pki_cert){.name = "Alice", .not_before = begin, .not_after = end, .digest = cert_digest});
    scene_tsa(&archive->scene, &(struct pki_cert){.name = "TSA CA", .ca = true, .not_before = begin},
              &(struct pki_cert){.name = "TSA", .not_before = begin});
    world_crl(world, &world->root_crl, &world->root, &(struct pki_crl){0});
    scene_tsa_crl(&archive->scene, &(struct pki_crl){0});
}

static void expect_2013(const struct archive *archive, const char *digest, int64_t archived, struct expected expected)
{
    const struct world *world = &archive->scene.world;
    struct made made;
    struct made_stamp stamp = by_tsa(&archive->scene, archived);
    const struct pki_crl what = {.this_update = archived - PKI_DAY, .next_update = archived + DAYS(7)};
    X509_CRL *root_crl = pki_crl(world->libctx, &world->root, &what);
    X509_CRL *ca_crl = pki_crl(world->libctx, &world->ca, &what);
    scene_make(&archive->scene, (struct pki_cms){.digest = digest}, archived - 3600, &made);
    made_crl(&made, root_crl);
    made_crl(&made, ca_crl);
    made_archive_stamp(&made, &stamp);
    scene_expect(&archive->scene, &made, expected);
    X509_CRL_free(root_crl);
    X509_CRL_free(ca_crl);
}

#define IN_2013 INT64_C(1370044800)
#define IN_2014 INT64_C(1401580800)

/* EN 319 102-1 §5.6.2.2.4 step 2 d: a certificate by SHA-1 that is proven for when that counted; for later. */
static void weak_certificate(void **state)
{
    in_2013(*state, "SHA1");
    expect_2013(*state, NULL, IN_2013, PASSED(.best_time = IN_2013 - 3600, NOW_IS(CRYPTO_CONSTRAINTS_FAILURE_NO_POE)));
    expect_2013(*state, NULL, IN_2014, UNDECIDED(CRYPTO_CONSTRAINTS_FAILURE_NO_POE, "weak-algorithm"));
}

/* EN 319 102-1 §5.6.2.4.4 steps 4 and 5: likewise the signature. */
static void weak_signature(void **state)
{
    in_2013(*state, NULL);
    expect_2013(*state, "SHA1", IN_2013,
                PASSED(.best_time = IN_2013 - 3600, NOW_IS(CRYPTO_CONSTRAINTS_FAILURE_NO_POE)));
    expect_2013(*state, "SHA1", IN_2014, UNDECIDED(CRYPTO_CONSTRAINTS_FAILURE_NO_POE, "weak-algorithm"));
}

/* EN 319 102-1 §5.6.2.2.4 step 2 c, EN 319 102-1 §5.2.5.4: data from before the signature counts as long as it says
 * that it does. */
static void slides_to_next_update(void **state)
{
    struct archive *archive = *state;
    long_root_crl(archive, AGO(690));
    expect(archive, (struct variant){0}, PASSED(.level = "B-LTA", NOW_IS(OUT_OF_BOUNDS_NO_POE)));
    long_root_crl(archive, AGO(702));
    expect(archive, (struct variant){0}, UNDECIDED(OUT_OF_BOUNDS_NO_POE, "ca-expired"));
}

/* EN 319 102-1 §5.6.2.4.4 steps 1 and 7: revocation data that is proven only when its CA had ended. */
static void revocation_out_of_bounds(void **state)
{
    struct archive *archive = *state;
    long_root_crl(archive, AGO(200));
    expect(archive, (struct variant){.late_ca_crl = true},
           UNDECIDED(REVOCATION_OUT_OF_BOUNDS_NO_POE, "no-proof-of-existence", .level = "B-LTA"));
    expect(archive, (struct variant){0}, PASSED(NOW_IS(OUT_OF_BOUNDS_NO_POE)));
}

/* EN 319 102-1 §5.6.2.2.4 step 2 a, EN 319 102-1 §5.6.2.4.4 step 2: without revocation data of each link, nothing is
 * proven: the answer stays the one as of now, with that as the explanation. */
static void data_missing(void **state)
{
    struct archive *archive = *state;
    expect(archive, (struct variant){.no_ca_crl = true}, UNDECIDED(OUT_OF_BOUNDS_NO_POE, "ca-expired", .level = "B-T"));
    expect(archive, (struct variant){.no_ca_crl = true}, UNDECIDED(OUT_OF_BOUNDS_NO_POE, "no-proof-of-existence"));
    expect(archive, (struct variant){.no_root_crl = true}, UNDECIDED(OUT_OF_BOUNDS_NO_POE, "no-proof-of-existence"));
    expect(archive, (struct variant){.no_tsa_ca_crl = true}, UNDECIDED(OUT_OF_BOUNDS_NO_POE, "ca-expired"));
}

static X509_CRL *revoking(const struct archive *archive, const struct pki_id *issuer, int64_t this_update,
                          const X509 *cert, int64_t when)
{
    return pki_crl(archive->scene.world.libctx, issuer,
                   &(struct pki_crl){.this_update = this_update,
                                     .next_update = this_update + DAYS(7),
                                     .revoked = {{cert, when, CRL_REASON_KEY_COMPROMISE}}});
}

/* EN 319 102-1 §5.6.2.2.4 step 2 b: revoked after the signature is proven; before. */
static void revoked_then(void **state)
{
    struct archive *archive = *state;
    const struct world *world = &archive->scene.world;
    X509_CRL *after = revoking(archive, &world->ca, AGO(699), world->signer.cert, AGO(700));
    X509_CRL *before = revoking(archive, &world->ca, AGO(699), world->signer.cert, AGO(702));
    expect(archive, (struct variant){.ca_crl = after}, PASSED(NOW_IS(REVOKED_NO_POE), .best_time = AGO(701)));
    expect(archive, (struct variant){.ca_crl = before}, UNDECIDED(REVOKED_NO_POE, "revoked"));
    X509_CRL_free(after);
    X509_CRL_free(before);
}

/* EN 319 102-1 §5.6.2.4.4 step 3: what became known later of a time before the signature is believed, though it is not
 * from before the control time; of a time after it, it changes nothing. */
static void revoked_as_known_later(void **state)
{
    struct archive *archive = *state;
    struct world *world = &archive->scene.world;
    for (int before = 0; before < 2; before++) {
        X509_CRL *crl = revoking(archive, &world->ca, AGO(400), world->signer.cert, before ? AGO(702) : AGO(690));
        assert_true(sk_X509_CRL_push(world->crls, crl) > 0);
        expect(archive, (struct variant){0},
               before ? UNDECIDED(REVOKED_NO_POE, "revoked") : PASSED(.level = "B-LTA", NOW_IS(REVOKED_NO_POE)));
        (void)sk_X509_CRL_pop(world->crls);
        X509_CRL_free(crl);
    }
}

/* EN 319 102-1 §5.6.3.4 step 5 c: the key of the TSA of then is lost: after its time-stamps were proven; before. */
static void tsa_revoked(void **state)
{
    struct archive *archive = *state;
    struct scene *scene = &archive->scene;
    world_crl(&scene->world, &scene->tsa_crl, &scene->tsa_ca,
              &(struct pki_crl){.revoked = {{scene->tsa.cert, AGO(200), CRL_REASON_KEY_COMPROMISE}}});
    expect(archive, (struct variant){0}, PASSED(.level = "B-LTA", NOW_IS(OUT_OF_BOUNDS_NO_POE)));
    world_crl(&scene->world, &scene->tsa_crl, &scene->tsa_ca,
              &(struct pki_crl){.revoked = {{scene->tsa.cert, AGO(302), CRL_REASON_KEY_COMPROMISE}}});
    expect(archive, (struct variant){0}, UNDECIDED(OUT_OF_BOUNDS_NO_POE, "timestamp-not-counted"));
}

/* EN 319 102-1 §5.6.2.4.4 step 3: before the signer's certificate was valid. */
static void too_early(void **state)
{
    struct archive *archive = *state;
    struct world *world = &archive->scene.world;
    pki_free(&world->signer);
    world->signer = pki_issue(world->libctx, &world->ca,
                              &(struct pki_cert){.name = "Alice", .not_before = AGO(700), .not_after = AGO(365)});
    expect(archive, (struct variant){0}, FAILED(NOT_YET_VALID, "not-yet-valid"));
}

/* EN 319 102-1 §5.6.2.4.4 step 6: what is wrong at all times. */
static void not_mendable(void **state)
{
    struct archive *archive = *state;
    struct world *world = &archive->scene.world;
    pki_free(&world->signer);
    world->signer = pki_issue(
        world->libctx, &world->ca,
        &(struct pki_cert){
            .name = "Alice", .not_before = AGO(1000), .not_after = AGO(365), .key_usage = "critical,keyEncipherment"});
    expect(archive, (struct variant){0}, UNDECIDED(CHAIN_CONSTRAINTS_FAILURE, "wrong-usage"));
}

/* EN 319 102-1 §5.5.4 step 4 e: an archive time-stamp that says it is older than what it is over. */
static void order(void **state)
{
    struct archive *archive = *state;
    struct made made;
    struct made_stamp stamp = {.tsa = &archive->new_tsa, .time = AGO(350), .carried = {archive->scene.tsa_ca.cert}};
    make(archive, &(struct variant){0}, &made);
    made_archive_stamp(&made, &stamp);
    scene_expect(&archive->scene, &made, UNDECIDED(TIMESTAMP_ORDER_FAILURE, "timestamp-order", .best_time = PKI_NOW));
}

/* EN 319 102-1 §5.6.2.3: an OCSP response by a responder that has ended long since counts if it is proven. */
static void ocsp_proven(void **state)
{
    struct archive *archive = *state;
    struct world *world = &archive->scene.world;
    struct made made;
    struct pki_id responder =
        pki_issue(world->libctx, &world->ca,
                  &(struct pki_cert){.name = "Responder",
                                     .not_before = AGO(710),
                                     .not_after = AGO(690),
                                     .key_usage = "critical,digitalSignature",
                                     .more = {{NID_ext_key_usage, "OCSPSigning"}, {NID_id_pkix_OCSP_noCheck, "NULL"}}});
    for (int late = 0; late < 2; late++) {
        _cleanup_(sg_buf_clear) struct sg_buf response = SG_BUF(SG_MIB);
        int64_t when = AGO(700);
        struct made_stamp first = by_tsa(&archive->scene, late ? AGO(689) : AGO(698));
        struct made_stamp second = {
            .tsa = &archive->new_tsa, .time = AGO(300), .carried = {archive->scene.tsa_ca.cert}};
        pki_ocsp(world->libctx,
                 &(struct pki_ocsp){.cert = world->signer.cert,
                                    .issuer = &world->ca,
                                    .signer = &responder,
                                    .this_update = when,
                                    .next_update = when + DAYS(7)},
                 &response);
        scene_make(&archive->scene, ORDINARY, AGO(701), &made);
        made_crl(&made, archive->root_crl);
        made_ocsp(&made, sg_buf_slice(&response));
        made_archive_stamp(&made, &first);
        made_certificate(&made, archive->scene.tsa_ca.cert);
        made_certificate(&made, archive->scene.tsa.cert);
        made_crl(&made, archive->tsa_ca_crl);
        made_crl(&made, archive->late_root_crl);
        made_archive_stamp(&made, &second);
        scene_expect(&archive->scene, &made,
                     late ? UNDECIDED(OUT_OF_BOUNDS_NO_POE, "ca-expired")
                          : PASSED(.level = "B-LTA", NOW_IS(OUT_OF_BOUNDS_NO_POE)));
    }
    pki_free(&responder);
}

/* --- the building blocks by themselves ---------------------------------------------------------------------------- */

/* Judges the signer's certificate of a file, of which nothing is proven but that it is there now. */
static void judge_past(const struct archive *archive, struct sg_slice file, struct sg_slide *ret,
                       struct sg_judgement *judgement)
{
    OSSL_LIB_CTX *libctx = archive->scene.world.libctx;
    _cleanup_(sg_verifier_freep) struct sg_verifier *verifier = NULL;
    _cleanup_(sg_input_freep) struct sg_input *input = NULL;
    _cleanup_(sg_cms_freep) struct sg_cms *cms = NULL;
    _cleanup_(sg_evidence_freep) struct sg_evidence *evidence = NULL;
    _cleanup_(sg_carried_clear) struct sg_carried carried = {0};
    _cleanup_(sg_poes_clear) struct sg_poes poes = {0};
    unsigned steps = SG_MAX_PATH_STEPS;
    assert_int_equal(sg_verifier_new(&archive->scene.world.options, &verifier, NULL), SG_OK);
    assert_int_equal(sg_input_from_slice("test", file, &input, NULL), SG_OK);
    assert_int_equal(sg_cms_read(input, libctx, NULL, &cms, NULL), SG_OK);
    assert_int_equal(sg_evidence_read(cms, sg_cms_signer(cms, 0), libctx, &evidence, NULL), SG_OK);
    assert_int_equal(sg_carried_make(libctx, evidence, &carried, NULL), SG_OK);
    assert_int_equal(sg_poes_make(evidence, &carried, PKI_NOW, &poes, NULL), SG_OK);
    const struct sg_past_request request = {
        .verifier = verifier, .poes = &poes, .purpose = SG_CERT_SIGN, .steps = &steps};
    assert_int_equal(sg_past_certificate_judge(&request, archive->scene.world.signer.cert, ret, judgement, NULL),
                     SG_OK);
}

/* EN 319 102-1 §5.6.2.1.4 steps 2 and 4: the path is found and was good once; EN 319 102-1 §5.6.2.2.4 steps 1 and 2 a:
 * but nothing proves that what is known was there in time (NO_POE). With data that is fresh there is a control time. */
static void past_certificate(void **state)
{
    struct archive *archive = *state;
    _cleanup_(sg_judgement_clear) struct sg_judgement judgement;
    _cleanup_(sg_buf_clear) struct sg_buf file = SG_BUF(SG_MIB);
    struct sg_slide slide = {0};
    struct made made;
    sg_judgement_init(&judgement);
    make(archive, &(struct variant){.no_archive = true, .no_second_archive = true}, &made);
    made_write(&made, &file);
    judge_past(archive, sg_buf_slice(&file), &slide, &judgement);
    assert_verdict(&judgement.verdict, SG_INDETERMINATE, SG_SUB_NO_POE, "no-proof-of-existence");
    assert_int_equal(sk_X509_num(judgement.verdict.chain), 3);
    sg_judgement_clear(&judgement);

    archive->scene.world.options.revocation = SG_REVOCATION_NONE;
    judge_past(archive, sg_buf_slice(&file), &slide, &judgement);
    assert_verdict(&judgement.verdict, SG_TOTAL_PASSED, SG_SUB_NONE, NULL);
    assert_int_equal(slide.control_time, PKI_NOW);
    made_clear(&made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ARCHIVE_TEST(all_proven),
        ARCHIVE_TEST(links_missing),
        ARCHIVE_TEST(older_form),
        ARCHIVE_TEST(weak_certificate),
        ARCHIVE_TEST(weak_signature),
        ARCHIVE_TEST(slides_to_next_update),
        ARCHIVE_TEST(revocation_out_of_bounds),
        ARCHIVE_TEST(data_missing),
        ARCHIVE_TEST(revoked_then),
        ARCHIVE_TEST(revoked_as_known_later),
        ARCHIVE_TEST(tsa_revoked),
        ARCHIVE_TEST(too_early),
        ARCHIVE_TEST(not_mendable),
        ARCHIVE_TEST(order),
        ARCHIVE_TEST(ocsp_proven),
        ARCHIVE_TEST(past_certificate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
