/* Signatures with time (EN 319 102-1 §5.5), and what content-time-stamps say (§5.3.4): each thing that a proven time
 * mends, and its twin, where the time is too late. */
#include "long_term.h"

static void revoke_signer(struct scene *scene, int64_t when, int reason)
{
    world_crl(&scene->world, &scene->world.ca_crl, &scene->world.ca,
              &(struct pki_crl){.revoked = {{scene->world.signer.cert, when, reason}}});
}

/* EN 319 102-1 §5.5.4 step 4 a, EN 319 102-1 §5.2.6.4: revoked after it was time-stamped; before. */
static void revoked(void **state)
{
    struct scene *scene = *state;
    revoke_signer(scene, AGO(5), CRL_REASON_KEY_COMPROMISE);
    expect_stamped(scene, 0, UNDECIDED(REVOKED_NO_POE, "revoked", .level = "B-B"));
    expect_stamped(scene, AGO(10),
                   PASSED(.reason = "proven-before", .level = "B-T", NOW_IS(REVOKED_NO_POE), .best_time = AGO(10)));
    expect_stamped(scene, AGO(3), UNDECIDED(REVOKED_NO_POE, "revoked", .level = "B-T"));
}

/* EN 319 102-1 §5.5.4 step 4 a: likewise a CA. */
static void ca_revoked(void **state)
{
    struct scene *scene = *state;
    world_crl(&scene->world, &scene->world.root_crl, &scene->world.root,
              &(struct pki_crl){.revoked = {{scene->world.ca.cert, AGO(5), CRL_REASON_SUPERSEDED}}});
    expect_stamped(scene, 0, UNDECIDED(REVOKED_CA_NO_POE, "ca-revoked"));
    expect_stamped(scene, AGO(10), (struct expected){NOW_IS(REVOKED_CA_NO_POE), .best_time = AGO(10)});
    expect_stamped(scene, AGO(3), UNDECIDED(REVOKED_CA_NO_POE, "ca-revoked"));
}

static void expect_unnamed(const struct scene *scene, int64_t stamped, struct expected expected)
{
    struct made made;
    scene_make(scene, (struct pki_cms){.odd = PKI_NO_REFERENCE}, stamped, &made);
    scene_expect(scene, &made, expected);
}

/* EN 319 102-1 §5.5.4 step 4 a: a signature that does not name its certificate. Whoever has stolen the CA's key can
 * have made that to fit a value that was time-stamped before; without such a key nobody can. */
static void certificate_not_named(void **state)
{
    struct scene *scene = *state;
    struct world *world = &scene->world;
    revoke_signer(scene, AGO(5), CRL_REASON_KEY_COMPROMISE);
    expect_unnamed(scene, AGO(10), (struct expected){NOW_IS(REVOKED_NO_POE), .best_time = AGO(10)});
    world_crl(world, &world->ca_crl, &world->ca, &(struct pki_crl){0});
    world_crl(world, &world->root_crl, &world->root,
              &(struct pki_crl){.revoked = {{world->ca.cert, AGO(5), CRL_REASON_KEY_COMPROMISE}}});
    expect_stamped(scene, AGO(10), (struct expected){NOW_IS(REVOKED_CA_NO_POE)});
    expect_unnamed(scene, AGO(10), UNDECIDED(REVOKED_CA_NO_POE, "no-proof-of-existence"));
    struct made made;
    struct made_stamp stamp = by_tsa(scene, AGO(10));
    scene_make(scene, (struct pki_cms){.odd = PKI_NO_REFERENCE}, AGO(10), &made);
    made_archive_stamp(&made, &stamp); /* over the certificate, too */
    scene_expect(scene, &made, (struct expected){NOW_IS(REVOKED_CA_NO_POE), .best_time = AGO(10)});
}

/* The same where it is not known now whether the CA was revoked, though it was known then. */
static void ca_unknown(void **state)
{
    struct scene *scene = *state;
    world_crl(&scene->world, &scene->world.root_crl, &scene->world.root,
              &(struct pki_crl){.this_update = AGO(20), .next_update = AGO(8)});
    scene_tsa(scene, &(struct pki_cert){.name = "TSA CA", .ca = true}, &(struct pki_cert){.name = "TSA"});
    scene_tsa_crl(scene, &(struct pki_crl){0});
    (void)sk_X509_push(scene->world.anchors, scene->tsa_ca.cert);
    expect_stamped(scene, AGO(10), (struct expected){NOW_IS(TRY_LATER)});
    expect_unnamed(scene, AGO(10), UNDECIDED(TRY_LATER, "revocation-stale"));
}

/* A CA above the one that issued the signer's certificate, which is named: nothing proves that the one in between was
 * there, whose key could be anybody's. With a time-stamp over that, too, it is. */
static void ca_above_revoked(void **state)
{
    struct scene *scene = *state;
    struct world *world = &scene->world;
    struct pki_id below = pki_issue(world->libctx, &world->ca, &(struct pki_cert){.name = "Below", .ca = true});
    X509_CRL *below_crl = pki_crl(world->libctx, &below, &(struct pki_crl){0});
    struct pki_id signer = pki_issue(world->libctx, &below, &(struct pki_cert){.name = "Bob"});
    (void)sk_X509_CRL_push(world->crls, below_crl);
    for (int revoked = 0; revoked < 3; revoked++) {
        struct made made;
        struct made_stamp stamp = by_tsa(scene, AGO(10));
        if (revoked)
            world_crl(world, &world->root_crl, &world->root,
                      &(struct pki_crl){.revoked = {{world->ca.cert, AGO(5), CRL_REASON_KEY_COMPROMISE}}});
        scene_make(scene, (struct pki_cms){.signer = &signer, .carried = {world->ca.cert, below.cert}}, AGO(10), &made);
        if (revoked == 2)
            made_archive_stamp(&made, &stamp);
        const struct expected expected[] = {PASSED(.best_time = AGO(10)), UNDECIDED(REVOKED_CA_NO_POE, "ca-revoked"),
                                            PASSED(NOW_IS(REVOKED_CA_NO_POE))};
        scene_expect(scene, &made, expected[revoked]);
    }
    (void)sk_X509_CRL_pop(world->crls);
    X509_CRL_free(below_crl);
    pki_free(&signer);
    pki_free(&below);
}

/* RFC 3161 §2.4.2: the second in which a time-stamp may have been made at the latest is not yet over; at the earliest,
 * it had not begun. */
static void rounding(void **state)
{
    struct scene *scene = *state;
    revoke_signer(scene, AGO(5), CRL_REASON_KEY_COMPROMISE);
    for (int64_t before = 1; before <= 3; before++) {
        struct made made;
        struct made_stamp stamp = by_tsa(scene, AGO(5) - before);
        stamp.fraction = "244";
        stamp.millis = 999;
        scene_sign(scene, ORDINARY, &made);
        made_signature_stamp(&made, &stamp);
        scene_expect(scene, &made,
                     before < 3 ? UNDECIDED(REVOKED_NO_POE, "revoked")
                                : PASSED(NOW_IS(REVOKED_NO_POE), .best_time = AGO(5) - 1));
    }
    for (int64_t after = 1; after <= 2; after++) {
        _cleanup_(sg_buf_clear) struct sg_buf attribute = SG_BUF(SG_MIB);
        struct made made;
        struct made_stamp stamp = by_tsa(scene, AGO(5) + after);
        stamp.millis = 999;
        made_content_stamp(scene->world.libctx, &stamp, slice_of(CONTENT), &attribute);
        scene_sign(scene, (struct pki_cms){.more_signed = {sg_buf_slice(&attribute)}}, &made);
        scene_expect(scene, &made, after > 1 ? FAILED(REVOKED, "proven-after") : UNDECIDED(REVOKED_NO_POE, "revoked"));
    }
}

/* EN 319 102-1 §5.5.4 step 7: suspended since; before. */
static void on_hold(void **state)
{
    struct scene *scene = *state;
    revoke_signer(scene, AGO(5), CRL_REASON_CERTIFICATE_HOLD);
    expect_stamped(scene, AGO(10), (struct expected){NOW_IS(TRY_LATER)});
    expect_stamped(scene, AGO(3), UNDECIDED(TRY_LATER, "on-hold"));
}

/* A signer whose certificate ended 5 days ago, with a CRL of before that. */
static void end_signer(struct scene *scene)
{
    world_signer(&scene->world, &(struct pki_cert){.name = "Old", .not_after = AGO(5)});
    world_crl(&scene->world, &scene->world.ca_crl, &scene->world.ca,
              &(struct pki_crl){.this_update = AGO(11), .next_update = AGO(4)});
}

/* EN 319 102-1 §5.5.4 step 4 d: ended since, and known not to be revoked when it was time-stamped; only later. */
static void ended(void **state)
{
    struct scene *scene = *state;
    end_signer(scene);
    expect_stamped(scene, 0, UNDECIDED(OUT_OF_BOUNDS_NO_POE, "expired"));
    expect_stamped(scene, AGO(10), PASSED(.level = "B-T", NOW_IS(OUT_OF_BOUNDS_NO_POE)));
    expect_stamped(scene, AGO(3), UNDECIDED(OUT_OF_BOUNDS_NO_POE, "expired"));
}

/* EN 319 102-1 §5.5.4 step 4 b: whether it was revoked before it ended is not known at any time. */
static void ended_unknown(void **state)
{
    struct scene *scene = *state;
    end_signer(scene);
    world_crl(&scene->world, &scene->world.ca_crl, &scene->world.ca, &(struct pki_crl){.this_update = AGO(2)});
    expect_stamped(scene, AGO(10), UNDECIDED(OUT_OF_BOUNDS_NO_POE, "expired"));
}

/* EN 319 102-1 §5.5.4 step 4 a iii: ended, then time-stamped, then revoked. */
static void ended_then_revoked(void **state)
{
    struct scene *scene = *state;
    end_signer(scene);
    revoke_signer(scene, AGO(2), CRL_REASON_SUPERSEDED);
    expect_stamped(scene, AGO(3), UNDECIDED(OUT_OF_BOUNDS_NOT_REVOKED, "expired"));
    expect_stamped(scene, AGO(10), (struct expected){NOW_IS(REVOKED_NO_POE)});
}

/* EN 319 102-1 §5.5.4 step 4: time-stamped before the certificate was valid. */
static void not_yet_valid(void **state)
{
    struct scene *scene = *state;
    world_signer(&scene->world, &(struct pki_cert){.name = "New", .not_before = AGO(5)});
    expect_stamped(scene, AGO(10), FAILED(NOT_YET_VALID, "not-yet-valid"));
    expect_stamped(scene, AGO(5), PASSED(.level = "B-T"));
}

/* EN 319 102-1 §5.5.4 step 6, EN 319 102-1 §5.2.5.4: what is known about revocation is out of date, and was fresh then;
 * it was not.
 */
static void stale(void **state)
{
    struct scene *scene = *state;
    world_crl(&scene->world, &scene->world.ca_crl, &scene->world.ca,
              &(struct pki_crl){.this_update = AGO(20), .next_update = AGO(8)});
    expect_stamped(scene, AGO(10), (struct expected){NOW_IS(TRY_LATER)});
    expect_stamped(scene, AGO(7), UNDECIDED(TRY_LATER, "revocation-stale"));
}

/* 2013-06-01, when SHA-1 still counted, and 2014-06-01. */
#define IN_2013 INT64_C(1370044800)
#define IN_2014 INT64_C(1401580800)

/* A PKI and a TSA of 2012, which are good until now. */
static void found_early(struct scene *scene, const char *digest)
{
    scene_since_2012(scene, digest);
    scene_tsa(scene, &(struct pki_cert){.name = "TSA CA", .ca = true, .not_before = SINCE_2012},
              &(struct pki_cert){.name = "TSA", .not_before = SINCE_2012});
    scene_tsa_crl(scene, &(struct pki_crl){.this_update = SINCE_2012});
}

/* EN 319 102-1 §5.5.4 step 4 c: with an algorithm that was good when it was used; that was weak already. */
static void weak_digest(void **state)
{
    struct scene *scene = *state;
    struct made made;
    found_early(scene, NULL);
    scene_make(scene, (struct pki_cms){.digest = "SHA1"}, IN_2013, &made);
    scene_expect(scene, &made, (struct expected){NOW_IS(CRYPTO_CONSTRAINTS_FAILURE_NO_POE), .best_time = IN_2013});
    scene_make(scene, (struct pki_cms){.digest = "SHA1"}, IN_2014, &made);
    scene_expect(scene, &made, UNDECIDED(CRYPTO_CONSTRAINTS_FAILURE_NO_POE, "weak-algorithm"));
}

/* EN 319 102-1 §5.5.4 step 10: the certificate's own algorithm counts as of now; it could have been made since. */
static void weak_certificate(void **state)
{
    struct scene *scene = *state;
    found_early(scene, "SHA1");
    expect_stamped(scene, IN_2013, UNDECIDED(CRYPTO_CONSTRAINTS_FAILURE_NO_POE, "weak-algorithm"));
}

/* EN 319 102-1 §5.5.4 steps 2 and 4: a CA that has ended vouches for nothing that is not proven to be older (§5.6 may).
 */
static void ca_ended(void **state)
{
    struct scene *scene = *state;
    struct world *world = &scene->world;
    pki_free(&world->ca);
    world->ca = pki_issue(world->libctx, &world->root,
                          &(struct pki_cert){.name = "Issuing CA", .ca = true, .not_after = AGO(5)});
    world_signer(world, &(struct pki_cert){.name = "Alice"});
    world_crl(world, &world->ca_crl, &world->ca, &(struct pki_crl){.this_update = AGO(11)});
    expect_stamped(scene, AGO(10), UNDECIDED(OUT_OF_BOUNDS_NO_POE, "ca-expired"));
}

/* EN 319 122-1 §6.3: B-LT with all certificates and what is known about their revocation; without any one of these,
 * B-T; B-LTA with an archive-time-stamp that holds. */
static void level(void **state)
{
    struct scene *scene = *state;
    X509_CRL *const crls[] = {scene->world.root_crl, scene->world.ca_crl, scene->tsa_crl};
    for (size_t missing = 0; missing < 4; missing++) {
        struct made made;
        scene_make(scene, ORDINARY, AGO(1), &made);
        for (size_t i = 0; i < 3; i++)
            if (i != missing)
                made_crl(&made, crls[i]);
        scene_expect(scene, &made, PASSED(.level = missing < 3 ? "B-T" : "B-LT", .best_time = AGO(1)));
    }
    for (int wrong = 0; wrong < 2; wrong++) {
        struct made made;
        struct made_stamp stamp = by_tsa(scene, PKI_NOW - 3600);
        stamp.odd = wrong ? MADE_WRONG_IMPRINT : 0;
        scene_make(scene, ORDINARY, AGO(1), &made);
        for (size_t i = 0; i < 3; i++)
            made_crl(&made, crls[i]);
        made_archive_stamp(&made, &stamp);
        scene_expect(scene, &made, PASSED(.level = wrong ? "B-LT" : "B-LTA", .best_time = AGO(1)));
    }
}

/* EN 319 122-1 §6.3: B-LT rests on data that says something of the signature's time, and B-LTA on an archive-time-stamp
 * over all of it. */
static void level_asks_what_it_rests_on(void **state)
{
    struct scene *scene = *state;
    const struct pki_crl old = {.this_update = AGO(20), .next_update = AGO(13)};
    X509_CRL *stale = pki_crl(scene->world.libctx, &scene->world.ca, &old);
    static const unsigned odds[] = {0, MADE_INDEX_NO_REVOCATIONS, MADE_INDEX_NO_CERTIFICATES};
    for (size_t i = 0; i < 2 + sizeof odds / sizeof *odds; i++) {
        struct made made;
        struct made_stamp stamp = by_tsa(scene, PKI_NOW - 3600);
        bool archived = i >= 2;
        scene_make(scene, ORDINARY, AGO(1), &made);
        made_crl(&made, scene->world.root_crl);
        made_crl(&made, i == 1 ? stale : scene->world.ca_crl);
        made_crl(&made, scene->tsa_crl);
        stamp.odd = archived ? odds[i - 2] : 0;
        if (archived)
            made_archive_stamp(&made, &stamp);
        scene_expect(scene, &made, PASSED(.level = i == 1 ? "B-T" : i == 2 ? "B-LTA" : "B-LT", .best_time = AGO(1)));
    }
    X509_CRL_free(stale);
}

/* --- content-time-stamps: the signature is younger ---------------------------------------------------------------- */

static void make_after(const struct scene *scene, int64_t content_stamped, struct pki_cms what, int64_t stamped,
                       struct made *made)
{
    _cleanup_(sg_buf_clear) struct sg_buf attribute = SG_BUF(SG_MIB);
    struct made_stamp stamp = by_tsa(scene, content_stamped);
    made_content_stamp(scene->world.libctx, &stamp, slice_of(CONTENT), &attribute);
    what.more_signed[0] = sg_buf_slice(&attribute);
    scene_make(scene, what, stamped, made);
}

static void expect_after(const struct scene *scene, int64_t content_stamped, struct pki_cms what,
                         struct expected expected)
{
    struct made made;
    make_after(scene, content_stamped, what, 0, &made);
    scene_expect(scene, &made, expected);
}

/* EN 319 102-1 §5.3.4 step 5: signed after it was revoked, for certain. */
static void revoked_for_certain(void **state)
{
    struct scene *scene = *state;
    revoke_signer(scene, AGO(5), CRL_REASON_KEY_COMPROMISE);
    expect_after(scene, AGO(3), ORDINARY, FAILED(REVOKED, "proven-after"));
    expect_after(scene, AGO(10), ORDINARY, UNDECIDED(REVOKED_NO_POE, "revoked"));
}

/* EN 319 102-1 §5.3.4 step 5: signed after the certificate had ended. */
static void expired_for_certain(void **state)
{
    struct scene *scene = *state;
    end_signer(scene);
    expect_after(scene, AGO(3), ORDINARY, FAILED(EXPIRED, "proven-after"));
    expect_after(scene, AGO(10), ORDINARY, UNDECIDED(OUT_OF_BOUNDS_NO_POE, "expired"));
}

/* EN 319 102-1 §5.3.4 step 6: signed with an algorithm that was weak by then. */
static void weak_for_certain(void **state)
{
    struct scene *scene = *state;
    found_early(scene, NULL);
    expect_after(scene, IN_2014, (struct pki_cms){.digest = "SHA1"},
                 UNDECIDED(CRYPTO_CONSTRAINTS_FAILURE, "proven-after"));
    expect_after(scene, IN_2013, (struct pki_cms){.digest = "SHA1"},
                 UNDECIDED(CRYPTO_CONSTRAINTS_FAILURE_NO_POE, "weak-algorithm"));
}

/* EN 319 102-1 §5.5.4 step 4 e: a signature-time-stamp that is older than the content-time-stamp. */
static void order(void **state)
{
    struct scene *scene = *state;
    struct made made;
    make_after(scene, AGO(3), ORDINARY, AGO(2), &made);
    scene_expect(scene, &made, PASSED(.level = "B-T", .best_time = AGO(2)));
    make_after(scene, AGO(2), ORDINARY, AGO(3), &made);
    scene_expect(scene, &made, UNDECIDED(TIMESTAMP_ORDER_FAILURE, "timestamp-order"));
    make_after(scene, AGO(2), ORDINARY, AGO(700), &made); /* a TSA whose clock is years off: it does not even hold */
    scene_expect(scene, &made, PASSED(.reason = "timestamp-not-counted"));
}

/* --- time-stamps that do not hold --------------------------------------------------------------------------------- */

/* Nothing is proven, since the one time-stamp does not hold, for this reason. */
static void expect_not_counted(const struct scene *scene, struct made *made, const char *reason)
{
    _cleanup_(sg_report_freep) struct sg_report *report = scene_judge(scene, made);
    const struct expected nothing = UNDECIDED(REVOKED_NO_POE, "timestamp-not-counted", .level = "B-B");
    const struct sg_verdict *verdict = &report->verdicts[0];
    assert_expected(verdict, &nothing);
    assert_int_equal(verdict->timestamp_count, 1);
    const struct sg_verdict *stamp = &verdict->timestamps[0].verdict;
    assert_verdict(stamp, stamp->indication, stamp->sub_indication, reason);
    made_clear(made);
}

static void expect_stamp_not_counted(const struct scene *scene, int64_t stamped, const char *reason)
{
    struct made made;
    scene_make(scene, ORDINARY, stamped, &made);
    expect_not_counted(scene, &made, reason);
}

/* EN 319 102-1 §5.5.4 step 3: over something else, from the future, by a TSA whose certificate ended, was revoked, or
 * was not valid yet: proves nothing. */
static void not_counted(void **state)
{
    struct scene *scene = *state;
    struct made made;
    revoke_signer(scene, AGO(5), CRL_REASON_KEY_COMPROMISE);
    struct made_stamp stamp = by_tsa(scene, AGO(10));
    stamp.odd = MADE_WRONG_IMPRINT;
    scene_sign(scene, ORDINARY, &made);
    made_signature_stamp(&made, &stamp);
    expect_not_counted(scene, &made, "timestamp-of-another");

    expect_stamp_not_counted(scene, PKI_NOW + 3600, "timestamp-future");
    scene_tsa_crl(scene, &(struct pki_crl){.revoked = {{scene->tsa.cert, AGO(1), CRL_REASON_KEY_COMPROMISE}}});
    expect_stamp_not_counted(scene, AGO(10), "revoked");
    scene_tsa(scene, &(struct pki_cert){.name = "TSA CA", .ca = true},
              &(struct pki_cert){.name = "TSA", .not_after = AGO(2)});
    scene_tsa_crl(scene, &(struct pki_crl){0});
    expect_stamp_not_counted(scene, AGO(10), "expired");
    scene_tsa(scene, &(struct pki_cert){.name = "TSA CA", .ca = true},
              &(struct pki_cert){.name = "TSA", .not_before = AGO(8)});
    scene_tsa_crl(scene, &(struct pki_crl){0});
    expect_stamp_not_counted(scene, AGO(10), "timestamp-time");
}

/* --- signature policies ------------------------------------------------------------------------------------------- */

static void expect_policy(const struct scene *scene, const uint8_t *value, size_t len, struct expected expected)
{
    struct pki_attrs attrs = {0};
    struct made made;
    pki_add_attr(&attrs, NID_id_smime_aa_ets_sigPolicyId, (struct sg_slice){value, len}, 1);
    scene_sign(scene, (struct pki_cms){.more_signed = {attrs.slices[0]}}, &made);
    scene_expect(scene, &made, expected);
    sg_buf_clear(&attrs.bytes[0]);
}

/* EN 319 102-1 §5.2.4.4: a policy is named, implied, not readable. */
static void policy(void **state)
{
    static const uint8_t named[] = {0x30, 0x05, 0x06, 0x03, 0x2a, 0x03, 0x04}, implied[] = {0x05, 0x00},
                         malformed[] = {0x30, 0x03, 0x02, 0x01, 0x01};
    expect_policy(*state, named, sizeof named, UNDECIDED(SIGNATURE_POLICY_NOT_AVAILABLE, "signature-policy-unknown"));
    expect_policy(*state, implied, sizeof implied, PASSED(.level = "B-B"));
    expect_policy(*state, malformed, sizeof malformed,
                  UNDECIDED(POLICY_PROCESSING_ERROR, "signature-policy-malformed"));
}

/* adbe-revocationInfoArchival with these CRLs: the whole attribute. */
static void make_archival(const struct world *world, X509_CRL *const crls[2], struct sg_buf *out)
{
    _cleanup_(sg_buf_clear) struct sg_buf value = SG_BUF(SG_MIB);
    struct sg_der der = {.out = &value};
    struct made holder = {.libctx = world->libctx};
    struct made_parts parts = {0};
    for (int i = 0; i < 2; i++)
        made_x509_crl(&parts, crls[i]);
    size_t sequence = sg_der_open(&der), tagged = sg_der_open(&der);
    made_set(false, &der, &parts, SG_DER_SEQUENCE);
    sg_der_close(&der, tagged, SG_DER_CONTEXT(0));
    sg_der_close(&der, sequence, SG_DER_SEQUENCE);
    made_attribute(&holder, "1.2.840.113583.1.1.8", sg_buf_slice(&value));
    const struct sg_buf *made = &holder.unsigned_attrs.bufs[0];
    assert_int_equal(sg_buf_append(out, made->data, made->len, NULL), SG_OK);
    made_clear(&holder);
    made_clear_parts(&parts);
}

/* What Adobe's programs put among the signed attributes (ISO 32000-1 §12.8.3.3.2) is evidence as any other: that of the
 * CAs is enough; of somebody else in the place of one it is nothing. */
static void signed_archival(void **state)
{
    struct scene *scene = *state;
    struct world *world = &scene->world;
    STACK_OF(X509_CRL) *known = world->crls;
    struct pki_id other = pki_issue(world->libctx, NULL, &(struct pki_cert){.name = "Issuing CA", .ca = true});
    X509_CRL *false_crl = pki_crl(world->libctx, &other, &(struct pki_crl){0});
    world->crls = sk_X509_CRL_new_null();
    for (int wrong = 0; wrong < 2; wrong++) {
        _cleanup_(sg_buf_clear) struct sg_buf attribute = SG_BUF(SG_MIB);
        struct made made;
        make_archival(world, (X509_CRL *const[]){world->root_crl, wrong ? false_crl : world->ca_crl}, &attribute);
        scene_sign(scene, (struct pki_cms){.more_signed = {sg_buf_slice(&attribute)}}, &made);
        scene_expect(scene, &made,
                     wrong ? UNDECIDED(CERTIFICATE_CHAIN_GENERAL_FAILURE, "no-revocation-data")
                           : PASSED(.level = "B-B"));
    }
    sk_X509_CRL_free(world->crls);
    world->crls = known;
    X509_CRL_free(false_crl);
    pki_free(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE_TEST(revoked),
        SCENE_TEST(ca_revoked),
        SCENE_TEST(certificate_not_named),
        SCENE_TEST(ca_unknown),
        SCENE_TEST(ca_above_revoked),
        SCENE_TEST(rounding),
        SCENE_TEST(on_hold),
        SCENE_TEST(ended),
        SCENE_TEST(ended_unknown),
        SCENE_TEST(ended_then_revoked),
        SCENE_TEST(not_yet_valid),
        SCENE_TEST(stale),
        SCENE_TEST(weak_digest),
        SCENE_TEST(weak_certificate),
        SCENE_TEST(ca_ended),
        SCENE_TEST(level),
        SCENE_TEST(level_asks_what_it_rests_on),
        SCENE_TEST(revoked_for_certain),
        SCENE_TEST(expired_for_certain),
        SCENE_TEST(weak_for_certain),
        SCENE_TEST(order),
        SCENE_TEST(not_counted),
        SCENE_TEST(policy),
        SCENE_TEST(signed_archival),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
