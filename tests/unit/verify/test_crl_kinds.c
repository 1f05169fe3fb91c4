/* CRLs beside the complete one of a certificate's issuer: deltas, indirect ones, ones for some reasons, ones that
 * another key signed. Each that counts has a twin that does not. */
#include "base/limits.h"
#include "judging.h"

#define NO_DATA SG_INDETERMINATE, SG_SUB_CERTIFICATE_CHAIN_GENERAL_FAILURE

static void judge_as(struct world *world, enum sg_indication indication, enum sg_sub_indication sub, const char *reason)
{
    judge(world, ORDINARY, CONTENT, indication, sub, reason, true);
}

/* A further CRL; the world forgets all of them with unlist(). */
static void add(struct world *world, const struct pki_id *issuer, const struct pki_crl *what)
{
    assert_true(sk_X509_CRL_push(world->crls, pki_crl(world->libctx, issuer, what)) > 0);
}

/* Forgets every CRL but the root's. */
static void unlist(struct world *world)
{
    while (sk_X509_CRL_num(world->crls) > 1) {
        X509_CRL *crl = sk_X509_CRL_pop(world->crls);
        if (crl != world->ca_crl)
            X509_CRL_free(crl);
    }
}

/* --- deltas ------------------------------------------------------------------------------------------------------- */

#define NUMBER(n)                                                                                                      \
    {                                                                                                                  \
        NID_crl_number, "ASN1:INTEGER:" #n                                                                             \
    }
#define DELTA_OF(n)                                                                                                    \
    {                                                                                                                  \
        NID_delta_crl, "critical,ASN1:INTEGER:" #n                                                                     \
    }

enum { NOTHING = -1 };

/* What base and delta list of the signer, by their reasons (NOTHING: it is not listed), and what comes of it. */
static void delta_entries(void **state)
{
    struct world *world = *state;
    static const struct {
        int base, delta;
        enum sg_indication indication;
        enum sg_sub_indication sub;
        const char *reason;
    } cases[] = {
        {NOTHING, NOTHING, SG_TOTAL_PASSED, SG_SUB_NONE, NULL},
        {NOTHING, CRL_REASON_SUPERSEDED, SG_INDETERMINATE, SG_SUB_REVOKED_NO_POE, "revoked"},
        {NOTHING, CRL_REASON_CERTIFICATE_HOLD, SG_INDETERMINATE, SG_SUB_TRY_LATER, "on-hold"},
        {NOTHING, CRL_REASON_REMOVE_FROM_CRL, SG_TOTAL_PASSED, SG_SUB_NONE, NULL},
        {CRL_REASON_CERTIFICATE_HOLD, NOTHING, SG_INDETERMINATE, SG_SUB_TRY_LATER, "on-hold"},
        {CRL_REASON_CERTIFICATE_HOLD, CRL_REASON_REMOVE_FROM_CRL, SG_TOTAL_PASSED, SG_SUB_NONE, NULL},
        {CRL_REASON_CERTIFICATE_HOLD, CRL_REASON_KEY_COMPROMISE, SG_INDETERMINATE, SG_SUB_REVOKED_NO_POE, "revoked"},
        {CRL_REASON_KEY_COMPROMISE, CRL_REASON_REMOVE_FROM_CRL, SG_INDETERMINATE, SG_SUB_REVOKED_NO_POE, "revoked"},
        {CRL_REASON_KEY_COMPROMISE, NOTHING, SG_INDETERMINATE, SG_SUB_REVOKED_NO_POE, "revoked"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct pki_crl base = {.this_update = PKI_NOW - 5 * PKI_DAY, .more = {NUMBER(5)}};
        struct pki_crl delta = {.more = {NUMBER(6), DELTA_OF(5)}};
        if (cases[i].base != NOTHING)
            base.revoked[0] = (struct pki_revoked){world->signer.cert, PKI_NOW - 6 * PKI_DAY, cases[i].base};
        if (cases[i].delta != NOTHING)
            delta.revoked[0] = (struct pki_revoked){world->signer.cert, PKI_NOW - 2 * PKI_DAY, cases[i].delta};
        unlist(world);
        add(world, &world->ca, &base);
        add(world, &world->ca, &delta);
        judge_as(world, cases[i].indication, cases[i].sub, cases[i].reason);
    }
    unlist(world);
}

/* Which deltas go with a base (RFC 5280 §5.2.4)? The base is on hold for the signer, the delta would take that back. */
static void delta_pairs(void **state)
{
    struct world *world = *state;
    static const struct {
        struct pki_extension base[2], delta[3];
        bool goes;
    } cases[] = {
        {/* the very base */ {NUMBER(5)}, {NUMBER(6), DELTA_OF(5)}, true},
        {/* a newer base */ {NUMBER(5)}, {NUMBER(6), DELTA_OF(3)}, true},
        {/* a base that is too old */ {NUMBER(5)}, {NUMBER(8), DELTA_OF(6)}, false},
        {/* a delta that is older */ {NUMBER(5)}, {NUMBER(4), DELTA_OF(3)}, false},
        {/* a delta of the same number */ {NUMBER(5)}, {NUMBER(5), DELTA_OF(3)}, false},
        {/* a base without a number */ {{0}}, {NUMBER(6), DELTA_OF(5)}, false},
        {/* a delta without a number */ {NUMBER(5)}, {DELTA_OF(5)}, false},
        {/* a delta of another scope */ {NUMBER(5)},
         {NUMBER(6), DELTA_OF(5), {NID_issuing_distribution_point, "critical,onlyuser:TRUE"}},
         false},
        {/* a base of another key */ {NUMBER(5), {NID_authority_key_identifier, "DER:3003800101"}},
         {NUMBER(6), DELTA_OF(5), {NID_authority_key_identifier, "DER:3003800102"}},
         false},
    };
    const struct pki_revoked held = {world->signer.cert, PKI_NOW - 6 * PKI_DAY, CRL_REASON_CERTIFICATE_HOLD};
    const struct pki_revoked removed = {world->signer.cert, PKI_NOW - 2 * PKI_DAY, CRL_REASON_REMOVE_FROM_CRL};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct pki_crl base = {.this_update = PKI_NOW - 5 * PKI_DAY, .revoked = {held}};
        struct pki_crl delta = {.revoked = {removed}};
        memcpy(base.more, cases[i].base, sizeof cases[i].base);
        memcpy(delta.more, cases[i].delta, sizeof cases[i].delta);
        unlist(world);
        add(world, &world->ca, &base);
        add(world, &world->ca, &delta);
        if (cases[i].goes)
            judge_passed(world);
        else
            judge_as(world, SG_INDETERMINATE, SG_SUB_TRY_LATER, "on-hold");
    }
    unlist(world);
}

/* A delta makes an old base the present one; a stale delta does not; and alone it is bad news or nothing. */
static void delta_times(void **state)
{
    struct world *world = *state;
    const struct pki_crl base = {
        .this_update = PKI_NOW - 9 * PKI_DAY, .next_update = PKI_NOW - PKI_DAY, .more = {NUMBER(5)}};
    const struct pki_crl fresh = {.more = {NUMBER(6), DELTA_OF(5)}};
    const struct pki_crl stale = {
        .this_update = PKI_NOW - 3 * PKI_DAY, .next_update = PKI_NOW - 2 * PKI_DAY, .more = {NUMBER(6), DELTA_OF(5)}};
    const struct pki_crl bad = {.revoked = {{world->signer.cert, PKI_NOW - 2 * PKI_DAY, CRL_REASON_SUPERSEDED}},
                                .more = {NUMBER(6), DELTA_OF(5)}};
    unlist(world);
    add(world, &world->ca, &base);
    judge_as(world, SG_INDETERMINATE, SG_SUB_TRY_LATER, "revocation-stale");
    add(world, &world->ca, &stale);
    judge_as(world, SG_INDETERMINATE, SG_SUB_TRY_LATER, "revocation-stale");
    add(world, &world->ca, &fresh);
    judge_passed(world);
    unlist(world);
    add(world, &world->ca, &fresh);
    judge_as(world, NO_DATA, "crl-not-usable");
    add(world, &world->ca, &bad);
    judge_as(world, SG_INDETERMINATE, SG_SUB_REVOKED_NO_POE, "revoked");
    unlist(world);
}

/* --- distribution points ------------------------------------------------------------------------------------------ */

static DIST_POINT *new_point(const char *uri, unsigned reasons, const X509_NAME *issuer)
{
    DIST_POINT *point = DIST_POINT_new();
    if (uri) {
        GENERAL_NAME *name = GENERAL_NAME_new();
        ASN1_IA5STRING *text = ASN1_IA5STRING_new();
        assert_int_equal(ASN1_STRING_set(text, uri, -1), 1);
        GENERAL_NAME_set0_value(name, GEN_URI, text);
        point->distpoint = DIST_POINT_NAME_new();
        point->distpoint->type = 0;
        point->distpoint->name.fullname = GENERAL_NAMES_new();
        assert_true(sk_GENERAL_NAME_push(point->distpoint->name.fullname, name) > 0);
    }
    if (reasons) {
        point->reasons = ASN1_BIT_STRING_new();
        for (int bit = 1; bit <= 8; bit++)
            if (reasons & 1U << bit)
                assert_int_equal(ASN1_BIT_STRING_set_bit(point->reasons, bit, 1), 1);
    }
    if (issuer) {
        GENERAL_NAME *name = GENERAL_NAME_new();
        GENERAL_NAME_set0_value(name, GEN_DIRNAME, X509_NAME_dup(issuer));
        point->CRLissuer = GENERAL_NAMES_new();
        assert_true(sk_GENERAL_NAME_push(point->CRLissuer, name) > 0);
    }
    return point;
}

/* The value of an extension with these points (the second may be NULL), as openssl.cnf has it. Frees the points. */
static const char *points_value(DIST_POINT *first, DIST_POINT *second, char out[1024])
{
    CRL_DIST_POINTS *points = sk_DIST_POINT_new_null();
    uint8_t *der = NULL;
    assert_true(sk_DIST_POINT_push(points, first) > 0);
    if (second)
        assert_true(sk_DIST_POINT_push(points, second) > 0);
    int len = i2d_CRL_DIST_POINTS(points, &der);
    assert_true(len > 0 && len < 500);
    memcpy(out, "DER:", 4);
    sg_hex(der, (size_t)len, out + 4);
    OPENSSL_free(der);
    CRL_DIST_POINTS_free(points);
    return out;
}

#define KEYS 0x006U   /* keyCompromise, cACompromise */
#define OTHERS 0x1f8U /* the other six */

static void signer_with_points(struct world *world, DIST_POINT *first, DIST_POINT *second)
{
    char value[1024];
    world_signer(world,
                 &(struct pki_cert){.name = "Alice",
                                    .more = {{NID_crl_distribution_points, points_value(first, second, value)}}});
}

/* onlySomeReasons [3] of the same, which openssl.cnf has no list for. */
#define KEY_REASONS "critical,DER:300483020560"
#define OTHER_REASONS "critical,DER:30058303071f80"

/* CRLs for some reasons: good only where all of them are covered, bad where one of them says so. */
static void reasons(void **state)
{
    struct world *world = *state;
    const struct pki_crl keys = {.more = {{NID_issuing_distribution_point, KEY_REASONS}}};
    struct pki_crl others = {.this_update = PKI_NOW - 3 * PKI_DAY,
                             .next_update = PKI_NOW + PKI_DAY,
                             .more = {{NID_issuing_distribution_point, OTHER_REASONS}}};
    unlist(world);
    add(world, &world->ca, &keys);
    judge_as(world, NO_DATA, "crl-not-usable");
    add(world, &world->ca, &others);
    judge_passed(world);

    unlist(world);
    add(world, &world->ca, &keys);
    others.next_update = PKI_NOW - PKI_DAY;
    add(world, &world->ca, &others);
    judge_as(world, SG_INDETERMINATE, SG_SUB_TRY_LATER, "revocation-stale");

    unlist(world);
    others.revoked[0] = (struct pki_revoked){world->signer.cert, PKI_NOW - 5 * PKI_DAY, CRL_REASON_SUPERSEDED};
    add(world, &world->ca, &others);
    judge_as(world, SG_INDETERMINATE, SG_SUB_REVOKED_NO_POE, "revoked");
    unlist(world);
}

/* The same by the certificate's points: each CRL is for the reasons of the point that it is of. */
static void point_reasons(void **state)
{
    struct world *world = *state;
    const struct pki_crl a = {.more = {{NID_issuing_distribution_point, "critical,fullname:URI:http://a.example/"}}};
    const struct pki_crl b = {.more = {{NID_issuing_distribution_point, "critical,fullname:URI:http://b.example/"}}};
    unlist(world);
    signer_with_points(world, new_point("http://a.example/", KEYS, NULL), new_point("http://b.example/", OTHERS, NULL));
    add(world, &world->ca, &a);
    judge_as(world, NO_DATA, "crl-not-usable");
    add(world, &world->ca, &b);
    judge_passed(world);
    signer_with_points(world, new_point("http://a.example/", KEYS, NULL), new_point("http://c.example/", OTHERS, NULL));
    judge_as(world, NO_DATA, "crl-not-usable");
    unlist(world);
}

/* --- indirect CRLs ------------------------------------------------------------------------------------------------ */

/* Names whose certificate the entries from number `entry` on are about. */
static void name_issuer(X509_CRL *crl, int entry, const X509_NAME *issuer)
{
    GENERAL_NAMES *names = GENERAL_NAMES_new();
    GENERAL_NAME *name = GENERAL_NAME_new();
    GENERAL_NAME_set0_value(name, GEN_DIRNAME, X509_NAME_dup(issuer));
    assert_true(sk_GENERAL_NAME_push(names, name) > 0);
    X509_REVOKED *revoked = sk_X509_REVOKED_value(X509_CRL_get_REVOKED(crl), entry);
    assert_int_equal(X509_REVOKED_add1_ext_i2d(revoked, NID_certificate_issuer, names, 1, 0), 1);
    GENERAL_NAMES_free(names);
}

static X509_CRL *indirect(const struct world *world, const struct pki_id *issuer, X509_NAME *about, bool flag)
{
    const struct pki_crl what = {
        .revoked = {{world->signer.cert, PKI_NOW - 2 * PKI_DAY, CRL_REASON_SUPERSEDED}},
        .more = {{NID_issuing_distribution_point, flag ? "critical,indirectCRL:TRUE" : "critical,onlyuser:TRUE"}}};
    X509_CRL *crl = pki_crl(world->libctx, issuer, &what);
    if (about)
        name_issuer(crl, 0, about);
    assert_true(X509_CRL_sign(crl, issuer->key, EVP_sha256()) > 0);
    return crl;
}

/* A CRL of an issuer of CRLs, which the signer's certificate names for its distribution point. */
static void by_another_issuer(void **state)
{
    struct world *world = *state;
    struct pki_id lister =
        pki_issue(world->libctx, &world->root,
                  &(struct pki_cert){.name = "CRL Issuer", .basic_constraints = "", .key_usage = "critical,cRLSign"});
    const struct pki_crl nobody = {.more = {{NID_issuing_distribution_point, "critical,indirectCRL:TRUE"}}};
    X509_NAME *ca = X509_get_subject_name(world->ca.cert), *root = X509_get_subject_name(world->root.cert);
    const X509_NAME *name = X509_get_subject_name(lister.cert);
    unlist(world);
    add(world, &lister, &nobody);
    assert_true(sk_X509_push(world->intermediates, lister.cert) > 0);

    judge_as(world, NO_DATA, "no-revocation-data"); /* the certificate does not name it */
    signer_with_points(world, new_point(NULL, 0, name), NULL);
    judge_passed(world);
    unlist(world); /* not indirect */
    add(world, &lister, &(struct pki_crl){.more = {{NID_issuing_distribution_point, "critical,onlyuser:TRUE"}}});
    judge_as(world, NO_DATA, "crl-not-usable");

    const struct {
        X509_NAME *about;
        bool flag, revokes;
    } cases[] = {{ca, true, true}, {root, true, false}, {NULL, true, false}, {ca, false, false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        unlist(world);
        assert_true(sk_X509_CRL_push(world->crls, indirect(world, &lister, cases[i].about, cases[i].flag)) > 0);
        if (cases[i].revokes)
            judge_as(world, SG_INDETERMINATE, SG_SUB_REVOKED_NO_POE, "revoked");
        else if (cases[i].flag)
            judge_passed(world);
        else
            judge_as(world, NO_DATA, "crl-not-usable");
    }

    unlist(world); /* its certificate is not here */
    add(world, &lister, &nobody);
    sk_X509_zero(world->intermediates);
    judge_as(world, NO_DATA, "crl-not-usable");
    unlist(world);
    pki_free(&lister);
}

/* --- other keys --------------------------------------------------------------------------------------------------- */

/* A CA that signs its CRLs with another key: by a second certificate of its name, under the same anchor. */
static void another_key(void **state)
{
    struct world *world = *state;
    struct pki_id stranger = pki_issue(world->libctx, NULL, &(struct pki_cert){.name = "Stranger", .ca = true});
    static const struct {
        const char *key_usage;
        bool of_stranger, revoked, counts;
    } cases[] = {
        {"critical,cRLSign", false, false, true},
        {"critical,keyCertSign", false, false, false},
        {"critical,cRLSign", true, false, false},
        {"critical,cRLSign", false, true, false},
    };
    assert_true(sk_X509_push(world->anchors, stranger.cert) > 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct pki_id second =
            pki_issue(world->libctx, cases[i].of_stranger ? &stranger : &world->root,
                      &(struct pki_cert){.name = "Issuing CA", .ca = true, .key_usage = cases[i].key_usage});
        struct pki_crl root_crl = {0};
        if (cases[i].revoked)
            root_crl.revoked[0] = (struct pki_revoked){second.cert, PKI_NOW - 2 * PKI_DAY, CRL_REASON_KEY_COMPROMISE};
        world_crl(world, &world->root_crl, &world->root, &root_crl);
        unlist(world);
        add(world, &second, &(struct pki_crl){0});
        add(world, &stranger, &(struct pki_crl){0});
        judge_as(world, NO_DATA, "crl-not-usable"); /* its certificate is not here */
        assert_true(sk_X509_push(world->intermediates, second.cert) > 0);
        if (cases[i].counts)
            judge_passed(world);
        else
            judge_as(world, NO_DATA, "crl-not-usable");
        sk_X509_zero(world->intermediates);
        unlist(world);
        pki_free(&second);
    }
    pki_free(&stranger);
}

/* --- doubtful ones ------------------------------------------------------------------------------------------------ */

/* That passes: with the remark that a CRL is not used, or without. */
static void passes_with_remark(struct world *world, bool remark)
{
    _cleanup_(sg_buf_clear) struct sg_buf cms = SG_BUF(SG_MIB);
    enum sg_rc rc;
    world_sign(world, ORDINARY, &cms);
    _cleanup_(sg_report_freep) struct sg_report *report = judge_bytes(world, sg_buf_slice(&cms), CONTENT, &rc);
    assert_int_equal(rc, SG_OK);
    assert_verdict(&report->verdicts[0], SG_TOTAL_PASSED, SG_SUB_NONE, NULL);
    assert_int_equal(has_reason(&report->verdicts[0], "crl-not-usable"), remark);
}

/* Judged with one CRL more, which is then forgotten. */
static void judge_with(struct world *world, const struct pki_id *issuer, const struct pki_crl *what, bool revokes)
{
    add(world, issuer, what);
    if (revokes)
        judge_as(world, SG_INDETERMINATE, SG_SUB_REVOKED_NO_POE, "revoked");
    else
        passes_with_remark(world, true);
    X509_CRL_free(sk_X509_CRL_pop(world->crls));
}

/* Beside the CA's own CRL, by which all is good: with the signer in it, and the same CRL without. */
static void beside_good(struct world *world, const struct pki_id *issuer, const struct pki_crl what, bool revokes)
{
    struct pki_crl with_signer = what;
    with_signer.revoked[0] = (struct pki_revoked){world->signer.cert, PKI_NOW - 2 * PKI_DAY, CRL_REASON_KEY_COMPROMISE};
    judge_with(world, issuer, &with_signer, revokes);
    judge_with(world, issuer, &what, false);
}

/* Bad news counts from CRLs of the CA's key that prove nothing good; another key's count for nothing. */
static void doubtful(void **state)
{
    struct world *world = *state;
    struct pki_id impostor = pki_issue(world->libctx, NULL, &(struct pki_cert){.name = "Issuing CA", .ca = true});
    const struct pki_crl cases[] = {
        {.digest = "SHA1"},
        {.this_update = PKI_NOW + PKI_DAY, .next_update = PKI_NOW + 2 * PKI_DAY}, /* or our clock is behind */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        beside_good(world, &world->ca, cases[i], true);
        beside_good(world, &impostor, cases[i], false);
    }
    /* What is about others is not worth a word. */
    add(world, &world->ca, &(struct pki_crl){.more = {{NID_issuing_distribution_point, "critical,onlyCA:TRUE"}}});
    passes_with_remark(world, false);
    unlist(world);
    pki_free(&impostor);
}

/* The same of a signer by another key, whose certificate has ended, or of which nothing here says that it has not been
 * revoked. One that has been, or that leads to another anchor, has nothing to say. */
static void doubtful_signers(void **state)
{
    struct world *world = *state;
    enum { ROOT, SILENT, LATE, STRANGER };
    struct pki_id stranger = pki_issue(world->libctx, NULL, &(struct pki_cert){.name = "Stranger", .ca = true});
    struct pki_id silent = pki_issue(world->libctx, &world->root, &(struct pki_cert){.name = "Silent CA", .ca = true});
    struct pki_id late = pki_issue(world->libctx, &world->root, &(struct pki_cert){.name = "Late CA", .ca = true});
    const struct pki_id *const issuers[] = {&world->root, &silent, &late, &stranger};
    static const struct {
        int of;
        int64_t not_after;
        bool revoked, revokes;
    } cases[] = {
        {SILENT, 0, false, true}, {LATE, 0, false, true},      {ROOT, PKI_NOW - 1, false, true},
        {ROOT, 0, true, false},   {STRANGER, 0, false, false},
    };
    add(world, &late, &(struct pki_crl){.this_update = PKI_NOW - 9 * PKI_DAY, .next_update = PKI_NOW - 2 * PKI_DAY});
    assert_true(sk_X509_push(world->anchors, stranger.cert) > 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct pki_id second = pki_issue(
            world->libctx, issuers[cases[i].of],
            &(struct pki_cert){
                .name = "Issuing CA", .ca = true, .key_usage = "critical,cRLSign", .not_after = cases[i].not_after});
        struct pki_crl root_crl = {0};
        if (cases[i].revoked)
            root_crl.revoked[0] = (struct pki_revoked){second.cert, PKI_NOW - 2 * PKI_DAY, CRL_REASON_KEY_COMPROMISE};
        world_crl(world, &world->root_crl, &world->root, &root_crl);
        assert_true(sk_X509_push(world->intermediates, second.cert) > 0);
        assert_true(sk_X509_push(world->intermediates, silent.cert) > 0);
        assert_true(sk_X509_push(world->intermediates, late.cert) > 0);
        beside_good(world, &second, (struct pki_crl){0}, cases[i].revokes);
        sk_X509_zero(world->intermediates);
        pki_free(&second);
    }
    unlist(world);
    pki_free(&late);
    pki_free(&silent);
    pki_free(&stranger);
}

/* However many CRLs of the CA's name a file carries, the stored one of another name is looked at. One more than are
 * looked at may be the one that revokes. */
static void carried_hide_none(void **state)
{
    struct world *world = *state;
    struct pki_id impostor = pki_issue(world->libctx, NULL, &(struct pki_cert){.name = "Issuing CA", .ca = true});
    struct pki_id lister =
        pki_issue(world->libctx, &world->root,
                  &(struct pki_cert){.name = "CRL Issuer", .basic_constraints = "", .key_usage = "critical,cRLSign"});
    struct pki_cms what = ORDINARY;
    signer_with_points(world, new_point(NULL, 0, X509_get_subject_name(lister.cert)), NULL);
    assert_true(sk_X509_push(world->intermediates, lister.cert) > 0);
    for (int i = 0; i < SG_MAX_CARRIED_CRLS_TRIED; i++)
        what.crls[i] = pki_crl(world->libctx, &impostor, &(struct pki_crl){.this_update = PKI_NOW - PKI_DAY - i});
    judge(world, what, CONTENT, SG_TOTAL_PASSED, SG_SUB_NONE, NULL, true);
    X509_CRL *revoking = indirect(world, &lister, X509_get_subject_name(world->ca.cert), true);
    assert_true(sk_X509_CRL_push(world->crls, revoking) > 0);
    judge(world, what, CONTENT, SG_INDETERMINATE, SG_SUB_REVOKED_NO_POE, "revoked", true);
    (void)sk_X509_CRL_pop(world->crls);

    what.crls[SG_MAX_CARRIED_CRLS_TRIED] = revoking; /* of another name: counted by itself */
    judge(world, what, CONTENT, SG_INDETERMINATE, SG_SUB_REVOKED_NO_POE, "revoked", true);
    what.crls[SG_MAX_CARRIED_CRLS_TRIED] =
        pki_crl(world->libctx, &impostor, &(struct pki_crl){.this_update = PKI_NOW - 9 * PKI_DAY});
    judge(world, what, CONTENT, NO_DATA, "work-limit", true);
    X509_CRL_free(revoking);
    for (size_t i = 0; what.crls[i]; i++)
        X509_CRL_free(what.crls[i]);
    sk_X509_zero(world->intermediates);
    pki_free(&lister);
    pki_free(&impostor);
}

/* --- what is reported --------------------------------------------------------------------------------------------- */

/* as_of is the age of the oldest answer that was used, good_until the first end; and when and why it was revoked. */
static void reported(void **state)
{
    struct world *world = *state;
    _cleanup_(sg_buf_clear) struct sg_buf cms = SG_BUF(SG_MIB);
    const struct pki_revoked held = {world->signer.cert, PKI_NOW - 6 * PKI_DAY, CRL_REASON_CERTIFICATE_HOLD};
    enum sg_rc rc;
    unlist(world);
    add(world, &world->ca,
        &(struct pki_crl){.this_update = PKI_NOW - 4 * PKI_DAY,
                          .next_update = PKI_NOW + 2 * PKI_DAY,
                          .more = {{NID_issuing_distribution_point, KEY_REASONS}}});
    add(world, &world->ca,
        &(struct pki_crl){.this_update = PKI_NOW - 2 * PKI_DAY,
                          .next_update = PKI_NOW + 4 * PKI_DAY,
                          .more = {{NID_issuing_distribution_point, OTHER_REASONS}}});
    world_sign(world, ORDINARY, &cms);
    struct sg_report *report = judge_bytes(world, sg_buf_slice(&cms), CONTENT, &rc);
    assert_int_equal(rc, SG_OK);
    const struct sg_verdict *verdict = &report->verdicts[0];
    assert_verdict(verdict, SG_TOTAL_PASSED, SG_SUB_NONE, NULL);
    assert_int_equal(verdict->as_of, PKI_NOW - 4 * PKI_DAY);
    assert_int_equal(verdict->good_until, PKI_NOW + 2 * PKI_DAY);
    assert_int_equal(verdict->revocation[0].this_update, PKI_NOW - 4 * PKI_DAY);
    assert_int_equal(verdict->revocation[0].revoked_at, SG_TIME_NONE);
    assert_null(verdict->revocation[0].reason);
    sg_report_free(report);

    add(world, &world->ca, &(struct pki_crl){.this_update = PKI_NOW - PKI_DAY, .revoked = {held}});
    report = judge_bytes(world, sg_buf_slice(&cms), CONTENT, &rc);
    verdict = &report->verdicts[0];
    assert_verdict(verdict, SG_INDETERMINATE, SG_SUB_TRY_LATER, "on-hold");
    assert_string_equal(verdict->revocation[0].status, "on-hold");
    assert_string_equal(verdict->revocation[0].reason, "certificateHold");
    assert_int_equal(verdict->revocation[0].revoked_at, PKI_NOW - 6 * PKI_DAY);
    assert_int_equal(verdict->revocation[0].this_update, PKI_NOW - PKI_DAY);
    sg_report_free(report);

    /* By another key: no longer than its certificate is good. */
    struct pki_id second = pki_issue(
        world->libctx, &world->root,
        &(struct pki_cert){
            .name = "Issuing CA", .ca = true, .key_usage = "critical,cRLSign", .not_after = PKI_NOW + PKI_DAY});
    unlist(world);
    add(world, &second, &(struct pki_crl){0});
    assert_true(sk_X509_push(world->intermediates, second.cert) > 0);
    report = judge_bytes(world, sg_buf_slice(&cms), CONTENT, &rc);
    verdict = &report->verdicts[0];
    assert_verdict(verdict, SG_TOTAL_PASSED, SG_SUB_NONE, NULL);
    assert_int_equal(verdict->good_until, PKI_NOW + PKI_DAY);
    sg_report_free(report);
    sk_X509_zero(world->intermediates);
    pki_free(&second);
    unlist(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(delta_entries), WORLD_TEST(delta_pairs),       WORLD_TEST(delta_times),       WORLD_TEST(reasons),
        WORLD_TEST(point_reasons), WORLD_TEST(by_another_issuer), WORLD_TEST(another_key),       WORLD_TEST(reported),
        WORLD_TEST(doubtful),      WORLD_TEST(doubtful_signers),  WORLD_TEST(carried_hide_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
