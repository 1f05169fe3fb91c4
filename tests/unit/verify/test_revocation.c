/* Revocation by CRLs: what each mode takes for an answer, and which CRLs count. */
#include "judging.h"
#include "verify/known_crl.h"

static void judge_as(struct world *world, enum sg_indication indication, enum sg_sub_indication sub, const char *reason)
{
    judge(world, ORDINARY, CONTENT, indication, sub, reason, true);
}

static void forget(struct world *world, const X509_CRL *crl)
{
    for (int i = 0; i < sk_X509_CRL_num(world->crls); i++)
        if (sk_X509_CRL_value(world->crls, i) == crl)
            (void)sk_X509_CRL_delete(world->crls, i--);
}

/* The signer's certificate revoked, on hold, revoked after the judging time, released. */
static void revoked(void **state)
{
    struct world *world = *state;
    const struct pki_revoked revoked = {world->signer.cert, PKI_NOW - 2 * PKI_DAY, CRL_REASON_KEY_COMPROMISE};
    const struct pki_revoked held = {world->signer.cert, PKI_NOW - 2 * PKI_DAY, CRL_REASON_CERTIFICATE_HOLD};
    const struct pki_revoked no_reason = {world->signer.cert, PKI_NOW - 2 * PKI_DAY, 0};
    const struct pki_revoked another = {world->ca.cert, PKI_NOW - 2 * PKI_DAY, 0};
    judge_passed(world);
    world_crl(world, &world->ca_crl, &world->ca, &(struct pki_crl){.revoked = {revoked}});
    judge_as(world, SG_INDETERMINATE, SG_SUB_REVOKED_NO_POE, "revoked");
    world_crl(world, &world->ca_crl, &world->ca, &(struct pki_crl){.revoked = {another, no_reason}});
    judge_as(world, SG_INDETERMINATE, SG_SUB_REVOKED_NO_POE, "revoked");
    world_crl(world, &world->ca_crl, &world->ca, &(struct pki_crl){.revoked = {held}});
    judge_as(world, SG_INDETERMINATE, SG_SUB_TRY_LATER, "on-hold");
    world_crl(world, &world->ca_crl, &world->ca, &(struct pki_crl){.revoked = {another}});
    judge_passed(world);

    world_crl(world, &world->ca_crl, &world->ca, &(struct pki_crl){.revoked = {revoked}});
    world->options.at = PKI_NOW - 3 * PKI_DAY;
    judge_as(world, SG_TOTAL_PASSED, SG_SUB_NONE, "revoked-later");
    world->options.at = PKI_NOW - 2 * PKI_DAY;
    judge_as(world, SG_INDETERMINATE, SG_SUB_REVOKED_NO_POE, "revoked");
    world->options.at = SG_TIME_NONE;
    world->options.revocation = SG_REVOCATION_NONE;
    judge_as(world, SG_TOTAL_PASSED, SG_SUB_NONE, "revocation-not-asked");
}

/* The CA's certificate revoked, by the root. */
static void ca_revoked(void **state)
{
    struct world *world = *state;
    world_crl(world, &world->root_crl, &world->root,
              &(struct pki_crl){.revoked = {{world->ca.cert, PKI_NOW - PKI_DAY, CRL_REASON_SUPERSEDED}}});
    judge_as(world, SG_INDETERMINATE, SG_SUB_REVOKED_CA_NO_POE, "ca-revoked");
}

/* No data, and data that is too old: hard and soft. */
static void missing_and_stale(void **state)
{
    struct world *world = *state;
    forget(world, world->root_crl);
    judge_as(world, SG_INDETERMINATE, SG_SUB_CERTIFICATE_CHAIN_GENERAL_FAILURE, "no-revocation-data");
    world->options.revocation = SG_REVOCATION_SOFT;
    judge_as(world, SG_TOTAL_PASSED, SG_SUB_NONE, "no-revocation-data");

    assert_true(sk_X509_CRL_push(world->crls, world->root_crl) > 0);
    world_crl(world, &world->ca_crl, &world->ca,
              &(struct pki_crl){.this_update = PKI_NOW - 20 * PKI_DAY, .next_update = PKI_NOW - 5 * PKI_DAY});
    world->options.stale = 5 * PKI_DAY;
    judge_as(world, SG_TOTAL_PASSED, SG_SUB_NONE, "revocation-stale");
    world->options.stale = 5 * PKI_DAY - 1;
    judge_as(world, SG_INDETERMINATE, SG_SUB_TRY_LATER, "revocation-stale");
    world->options.stale = 5 * PKI_DAY;
    world->options.revocation = SG_REVOCATION_HARD;
    judge_as(world, SG_INDETERMINATE, SG_SUB_TRY_LATER, "revocation-stale");

    world_crl(world, &world->ca_crl, &world->ca, &(struct pki_crl){.next_update = -1});
    judge_as(world, SG_INDETERMINATE, SG_SUB_TRY_LATER, "revocation-stale");
    world_crl(world, &world->ca_crl, &world->ca, &(struct pki_crl){.next_update = PKI_NOW});
    judge_passed(world);
}

/* What a stale CRL says of a revoked certificate still holds. */
static void stale_but_revoked(void **state)
{
    struct world *world = *state;
    world_crl(world, &world->ca_crl, &world->ca,
              &(struct pki_crl){.this_update = PKI_NOW - 20 * PKI_DAY,
                                .next_update = PKI_NOW - 5 * PKI_DAY,
                                .revoked = {{world->signer.cert, PKI_NOW - 30 * PKI_DAY, 0}}});
    judge_as(world, SG_INDETERMINATE, SG_SUB_REVOKED_NO_POE, "revoked");
    world->options.revocation = SG_REVOCATION_SOFT;
    world->options.stale = 365 * PKI_DAY;
    judge_as(world, SG_INDETERMINATE, SG_SUB_REVOKED_NO_POE, "revoked");
}

/* CRLs that must not be used, each good but for one thing. */
static void unusable(void **state)
{
    struct world *world = *state;
    static const struct pki_crl bad[] = {
        {.this_update = PKI_NOW + 1},
        {.more = {{NID_delta_crl, "critical,ASN1:INTEGER:1"}}},
        {.more = {{NID_delta_crl, "ASN1:INTEGER:1"}}},
        {.more = {{NID_crl_number, "critical,ASN1:INTEGER:1"}}},
        {.more = {{NID_issuer_alt_name, "critical,DNS:example.com"}}},
        {.more = {{NID_crl_number, "ASN1:INTEGER:1"}, {NID_crl_number, "ASN1:INTEGER:1"}}},
        {.more = {{NID_crl_number, "ASN1:INTEGER:-1"}}},
        {.more = {{NID_crl_number, "ASN1:INTEGER:0x01ffffffffffffffffffffffffffffffffffffffff"}}},
        {.this_update = PKI_NOW - PKI_DAY, .next_update = PKI_NOW - 2 * PKI_DAY},
        {.more = {{NID_issuing_distribution_point, "critical,onlyCA:TRUE"}}},
        {.more = {{NID_issuing_distribution_point, "critical,onlyAA:TRUE"}}},
        {.more = {{NID_issuing_distribution_point, "critical,onlysomereasons:keyCompromise"}}},
        {.more = {{NID_issuing_distribution_point, "critical,fullname:URI:http://other.example/"}}},
        {.more = {{NID_issuing_distribution_point, "critical,ASN1:INTEGER:1"}}},
        {.more = {{NID_issuing_distribution_point, "ASN1:INTEGER:1"}}},
        {.digest = "SHA1"},
    };
    static const struct pki_crl good[] = {
        {.this_update = PKI_NOW},
        {.more = {{NID_crl_number, "ASN1:INTEGER:1"}, {NID_authority_key_identifier, "keyid:always"}}},
        {.more = {{NID_issuing_distribution_point, "critical,onlyuser:TRUE"}}},
        {.more = {{NID_issuing_distribution_point, "critical,indirectCRL:TRUE"}}},
        {.digest = "SHA384"},
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        world_crl(world, &world->ca_crl, &world->ca, &good[i]);
        judge_passed(world);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        world_crl(world, &world->ca_crl, &world->ca, &bad[i]);
        judge_as(world, SG_INDETERMINATE, SG_SUB_CERTIFICATE_CHAIN_GENERAL_FAILURE, "crl-not-usable");
    }
    /* And signed by another key of the same name. */
    struct pki_id impostor = pki_issue(world->libctx, NULL, &(struct pki_cert){.name = "Issuing CA", .ca = true});
    world_crl(world, &world->ca_crl, &impostor, &(struct pki_crl){0});
    judge_as(world, SG_INDETERMINATE, SG_SUB_CERTIFICATE_CHAIN_GENERAL_FAILURE, "crl-not-usable");
    pki_free(&impostor);
}

/* The CA's CRL with an entry for another certificate, which has a certificateIssuer, and then one for the signer's. */
static void crl_with_entry_issuer(struct world *world, const X509 *named, int critical)
{
    const struct pki_revoked another = {world->ca.cert, PKI_NOW - 2 * PKI_DAY, 0};
    const struct pki_revoked revoked = {world->signer.cert, PKI_NOW - 2 * PKI_DAY, 0};
    world_crl(world, &world->ca_crl, &world->ca, &(struct pki_crl){.revoked = {another, revoked}});
    GENERAL_NAMES *names = GENERAL_NAMES_new();
    GENERAL_NAME *name = GENERAL_NAME_new();
    GENERAL_NAME_set0_value(name, GEN_DIRNAME, X509_NAME_dup(X509_get_subject_name(named)));
    assert_true(sk_GENERAL_NAME_push(names, name) > 0);
    X509_REVOKED *first = sk_X509_REVOKED_value(X509_CRL_get_REVOKED(world->ca_crl), 0);
    assert_int_equal(X509_REVOKED_add1_ext_i2d(first, NID_certificate_issuer, names, critical, 0), 1);
    assert_true(X509_CRL_sign(world->ca_crl, world->ca.key, EVP_sha256()) > 0);
    GENERAL_NAMES_free(names);

    uint8_t *der = NULL;
    int len = i2d_X509_CRL(world->ca_crl, &der);
    const uint8_t *p = der;
    X509_CRL *read = X509_CRL_new_ex(world->libctx, NULL);
    assert_non_null(d2i_X509_CRL(&read, &p, len));
    OPENSSL_free(der);
    forget(world, world->ca_crl);
    X509_CRL_free(world->ca_crl);
    world->ca_crl = read;
    assert_true(sk_X509_CRL_push(world->crls, read) > 0);
}

/* Can an entry's certificateIssuer, which OpenSSL takes over to the entries behind it, hide one of them? */
static void entry_issuer(void **state)
{
    struct world *world = *state;
    for (int critical = 0; critical < 2; critical++) {
        crl_with_entry_issuer(world, world->root.cert, critical);
        judge_as(world, SG_INDETERMINATE, SG_SUB_CERTIFICATE_CHAIN_GENERAL_FAILURE, "crl-not-usable");
    }
}

/* Can a removeFromCRL, which is of delta CRLs (RFC 5280 §5.3.1), hide the entry that revokes? */
static void removal(void **state)
{
    struct world *world = *state;
    const struct pki_revoked removed = {world->signer.cert, PKI_NOW - 2 * PKI_DAY, CRL_REASON_REMOVE_FROM_CRL};
    const struct pki_revoked revoked = {world->signer.cert, PKI_NOW - 2 * PKI_DAY, CRL_REASON_KEY_COMPROMISE};
    world_crl(world, &world->ca_crl, &world->ca, &(struct pki_crl){.revoked = {revoked, revoked}});
    judge_as(world, SG_INDETERMINATE, SG_SUB_REVOKED_NO_POE, "revoked");
    world_crl(world, &world->ca_crl, &world->ca, &(struct pki_crl){.revoked = {removed, revoked}});
    judge_as(world, SG_INDETERMINATE, SG_SUB_CERTIFICATE_CHAIN_GENERAL_FAILURE, "crl-not-usable");
    world_crl(world, &world->ca_crl, &world->ca, &(struct pki_crl){.revoked = {removed}});
    judge_as(world, SG_INDETERMINATE, SG_SUB_CERTIFICATE_CHAIN_GENERAL_FAILURE, "crl-not-usable");
}

/* A CRL for one distribution point counts for the certificates that name it. */
static void distribution_point(void **state)
{
    struct world *world = *state;
    const struct pki_crl crl = {.more = {{NID_issuing_distribution_point, "critical,fullname:URI:http://a.example/"}}};
    world_crl(world, &world->ca_crl, &world->ca, &crl);
    world_signer(world,
                 &(struct pki_cert){.name = "Al", .more = {{NID_crl_distribution_points, "URI:http://b.example/"}}});
    judge_as(world, SG_INDETERMINATE, SG_SUB_CERTIFICATE_CHAIN_GENERAL_FAILURE, "crl-not-usable");
    world_signer(world, &(struct pki_cert){
                            .name = "Al",
                            .more = {{NID_crl_distribution_points, "URI:http://b.example/,URI:http://a.example/"}}});
    judge_passed(world);
}

/* A CA that may not sign CRLs. */
static void not_a_crl_signer(void **state)
{
    struct world *world = *state;
    X509_free(world->ca.cert);
    world->ca.cert =
        pki_certify(world->libctx, world->ca.key, &world->root,
                    &(struct pki_cert){.name = "Issuing CA", .ca = true, .key_usage = "critical,keyCertSign"});
    judge_as(world, SG_INDETERMINATE, SG_SUB_CERTIFICATE_CHAIN_GENERAL_FAILURE, "crl-not-usable");
}

/* A second certificate of the issuing CA, which may not sign CRLs, comes along: does a path through it save a revoked
 * certificate where revocation is asked softly? */
static void revoked_by_key(void **state)
{
    struct world *world = *state;
    const struct pki_revoked revoked = {world->signer.cert, PKI_NOW - 2 * PKI_DAY, CRL_REASON_KEY_COMPROMISE};
    const struct pki_revoked held = {world->signer.cert, PKI_NOW - 2 * PKI_DAY, CRL_REASON_CERTIFICATE_HOLD};
    X509 *other =
        pki_certify(world->libctx, world->ca.key, &world->root,
                    &(struct pki_cert){.name = "Issuing CA", .ca = true, .key_usage = "critical,keyCertSign"});
    const struct pki_cms both = {.carried = {other, world->ca.cert}}, alone = {.carried = {other}};
    judge(world, both, CONTENT, SG_TOTAL_PASSED, SG_SUB_NONE, NULL, true);
    judge(world, alone, CONTENT, SG_INDETERMINATE, SG_SUB_CERTIFICATE_CHAIN_GENERAL_FAILURE, "crl-not-usable", true);
    world->options.revocation = SG_REVOCATION_SOFT;
    judge(world, alone, CONTENT, SG_TOTAL_PASSED, SG_SUB_NONE, "crl-not-usable", true);

    world_crl(world, &world->ca_crl, &world->ca, &(struct pki_crl){.revoked = {revoked}});
    judge(world, both, CONTENT, SG_INDETERMINATE, SG_SUB_REVOKED_NO_POE, "revoked", true);
    judge(world, alone, CONTENT, SG_INDETERMINATE, SG_SUB_REVOKED_NO_POE, "revoked", true);
    world_crl(world, &world->ca_crl, &world->ca, &(struct pki_crl){.revoked = {held}});
    judge(world, both, CONTENT, SG_INDETERMINATE, SG_SUB_TRY_LATER, "on-hold", true);
    X509_free(other);
}

/* Of several CRLs the newest counts, wherever it comes from; once revoked stays revoked. */
static void several(void **state)
{
    struct world *world = *state;
    const struct pki_revoked held = {world->signer.cert, PKI_NOW - 9 * PKI_DAY, CRL_REASON_CERTIFICATE_HOLD};
    const struct pki_revoked revoked = {world->signer.cert, PKI_NOW - 9 * PKI_DAY, CRL_REASON_UNSPECIFIED};
    X509_CRL *old =
        pki_crl(world->libctx, &world->ca, &(struct pki_crl){.this_update = PKI_NOW - 8 * PKI_DAY, .revoked = {held}});
    judge(world, (struct pki_cms){.crls = {old}}, CONTENT, SG_TOTAL_PASSED, SG_SUB_NONE, NULL, true);
    world_crl(world, &world->ca_crl, &world->ca,
              &(struct pki_crl){.this_update = PKI_NOW - 9 * PKI_DAY, .revoked = {held}});
    X509_CRL *newer = pki_crl(world->libctx, &world->ca, &(struct pki_crl){0});
    judge(world, (struct pki_cms){.crls = {old, newer}}, CONTENT, SG_TOTAL_PASSED, SG_SUB_NONE, NULL, true);
    judge(world, (struct pki_cms){.crls = {old}}, CONTENT, SG_INDETERMINATE, SG_SUB_TRY_LATER, "on-hold", true);
    X509_CRL *revoking = pki_crl(world->libctx, &world->ca,
                                 &(struct pki_crl){.this_update = PKI_NOW - 8 * PKI_DAY, .revoked = {revoked}});
    judge(world, (struct pki_cms){.crls = {newer, revoking}}, CONTENT, SG_INDETERMINATE, SG_SUB_REVOKED_NO_POE,
          "revoked", true);
    X509_CRL_free(old);
    X509_CRL_free(newer);
    X509_CRL_free(revoking);
}

/* CRLs that came with the signature are as good as others, if they are right. */
static void carried(void **state)
{
    struct world *world = *state;
    forget(world, world->ca_crl);
    judge(world, (struct pki_cms){.crls = {world->ca_crl}}, CONTENT, SG_TOTAL_PASSED, SG_SUB_NONE, NULL, true);
    struct pki_id impostor = pki_issue(world->libctx, NULL, &(struct pki_cert){.name = "Issuing CA", .ca = true});
    X509_CRL *forged = pki_crl(world->libctx, &impostor, &(struct pki_crl){0});
    judge(world, (struct pki_cms){.crls = {forged}}, CONTENT, SG_INDETERMINATE,
          SG_SUB_CERTIFICATE_CHAIN_GENERAL_FAILURE, "crl-not-usable", true);
    judge_as(world, SG_INDETERMINATE, SG_SUB_CERTIFICATE_CHAIN_GENERAL_FAILURE, "no-revocation-data");
    X509_CRL_free(forged);
    pki_free(&impostor);
}

/* A CRL that nobody needs, of five MiB in large entries, signed by another key of the CA's name. */
static X509_CRL *large_crl(const struct world *world, const struct pki_id *impostor)
{
    enum { LEN = 100 << 10, COUNT = 52 };
    X509_CRL *crl = pki_crl(world->libctx, impostor, &(struct pki_crl){0});
    ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
    assert_int_equal(ASN1_STRING_set(value, NULL, LEN), 1);
    memset((void *)ASN1_STRING_get0_data(value), 'x', LEN);
    X509_EXTENSION *extension = X509_EXTENSION_create_by_NID(NULL, NID_netscape_comment, 0, value);
    for (int i = 0; i < COUNT; i++) {
        pki_revoke(crl, &(struct pki_revoked){.cert = world->root.cert, .when = PKI_NOW});
        X509_REVOKED *entry = sk_X509_REVOKED_value(X509_CRL_get_REVOKED(crl), i);
        assert_int_equal(X509_REVOKED_add_ext(entry, extension, -1), 1);
    }
    assert_true(X509_CRL_sign(crl, impostor->key, EVP_sha256()) > 0);
    X509_EXTENSION_free(extension);
    ASN1_OCTET_STRING_free(value);
    return crl;
}

/* More CRLs than a signature may carry: is the rest left out, and said so, while those that fit serve? */
static void carried_too_large(void **state)
{
    struct world *world = *state;
    struct pki_id impostor = pki_issue(world->libctx, NULL, &(struct pki_cert){.name = "Issuing CA", .ca = true});
    X509_CRL *first = large_crl(world, &impostor), *second = large_crl(world, &impostor);
    const struct pki_cms fits = {.crls = {first, world->ca_crl}}, large = {.crls = {first, second, world->ca_crl}};
    forget(world, world->ca_crl);
    for (int i = 0; i < 2; i++) {
        _cleanup_(sg_buf_clear) struct sg_buf cms = SG_BUF(16 * SG_MIB);
        enum sg_rc rc;
        world_sign(world, i ? large : fits, &cms);
        _cleanup_(sg_report_freep) struct sg_report *report = judge_bytes(world, sg_buf_slice(&cms), CONTENT, &rc);
        assert_int_equal(rc, SG_OK);
        assert_verdict(&report->verdicts[0], SG_TOTAL_PASSED, SG_SUB_NONE, i ? "certificates-unreadable" : NULL);
        assert_int_equal(has_reason(&report->verdicts[0], "certificates-unreadable"), i);
    }
    X509_CRL_free(first);
    X509_CRL_free(second);
    pki_free(&impostor);
}

/* What does checking a CRL cost: nothing for one of the store that is right, and every wrong key and stranger's CRL? */
static void work(void **state)
{
    struct world *world = *state;
    struct sg_known_crl *known = NULL;
    const char *why = NULL;
    unsigned steps = 100, left = 100;
    struct pki_id other = pki_issue(world->libctx, NULL, &(struct pki_cert){.name = "Issuing CA", .ca = true});
    uint8_t *der = NULL;
    const struct sg_crl_place place = pki_crl_place(world->ca_crl, &der);
    for (int carried = 0; carried < 2; carried++) {
        assert_int_equal(sg_known_crl_read(&place, world->libctx, &known, NULL), SG_OK);
        known->carried = carried;
        steps = 100;
        for (int i = 0; i < 2; i++) {
            assert_int_equal(sg_known_crl_check_key(known, world->libctx, world->ca.cert, PKI_NOW, &steps, &why, NULL),
                             SG_OK);
            assert_null(why);
            if (i == 0)
                assert_int_equal(steps < 100, carried);
            else
                assert_int_equal(steps, left); /* remembered */
            left = steps;
        }
        for (int i = 0; i < 2; i++) {
            left = steps;
            assert_int_equal(sg_known_crl_check_key(known, world->libctx, other.cert, PKI_NOW, &steps, &why, NULL),
                             SG_OK);
            assert_non_null(why);
            assert_true(steps < left);
        }
        sg_known_crl_free(known);
        assert_int_equal(sg_known_crl_read(&place, world->libctx, &known, NULL), SG_OK);
        steps = 0;
        assert_int_equal(sg_known_crl_check_key(known, world->libctx, world->ca.cert, PKI_NOW, &steps, &why, NULL),
                         SG_OK);
        assert_non_null(why);
        sg_known_crl_free(known);
    }
    sg_input_free(place.input);
    OPENSSL_free(der);
    pki_free(&other);
}

/* An ended certificate: known not to be revoked only by a CRL from before its end, or one that keeps what has ended. */
static void expired(void **state)
{
    struct world *world = *state;
    const int64_t ended = PKI_NOW - 2 * PKI_DAY;
    world_signer(world, &(struct pki_cert){.name = "Old", .not_after = ended});
    judge_as(world, SG_INDETERMINATE, SG_SUB_OUT_OF_BOUNDS_NO_POE, "revocation-after-expiry");
    world_crl(world, &world->ca_crl, &world->ca, &(struct pki_crl){.this_update = ended});
    judge_as(world, SG_INDETERMINATE, SG_SUB_OUT_OF_BOUNDS_NOT_REVOKED, "expired");
    world_crl(world, &world->ca_crl, &world->ca,
              &(struct pki_crl){.this_update = ended, .revoked = {{world->signer.cert, ended - PKI_DAY, 0}}});
    judge_as(world, SG_INDETERMINATE, SG_SUB_REVOKED_NO_POE, "revoked");
    forget(world, world->ca_crl);
    judge_as(world, SG_INDETERMINATE, SG_SUB_OUT_OF_BOUNDS_NO_POE, "expired");
    world->options.revocation = SG_REVOCATION_NONE;
    judge_as(world, SG_INDETERMINATE, SG_SUB_OUT_OF_BOUNDS_NO_POE, "expired");
    world->options.at = ended; /* notAfter is within the validity (RFC 5280 §4.1.2.5) */
    judge_as(world, SG_TOTAL_PASSED, SG_SUB_NONE, NULL);
    world->options.at = ended + 1;
    judge_as(world, SG_INDETERMINATE, SG_SUB_OUT_OF_BOUNDS_NO_POE, "expired");
}

/* expiredCertsOnCRL: a CRL that still lists what ended. */
static void expired_kept(void **state)
{
    struct world *world = *state;
    int nid = OBJ_create("2.5.29.60", "expiredCertsOnCRL", "expiredCertsOnCRL");
    assert_int_not_equal(nid, NID_undef);
    world_signer(world, &(struct pki_cert){.name = "Old", .not_after = PKI_NOW - 2 * PKI_DAY});
    X509_CRL *crl = X509_CRL_dup(world->ca_crl);
    assert_non_null(crl);
    ASN1_GENERALIZEDTIME *since = ASN1_GENERALIZEDTIME_set(NULL, (time_t)(PKI_NOW - 100 * PKI_DAY));
    uint8_t *der = NULL;
    int len = i2d_ASN1_GENERALIZEDTIME(since, &der);
    ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
    assert_int_equal(ASN1_OCTET_STRING_set(value, der, len), 1);
    X509_EXTENSION *extension = X509_EXTENSION_create_by_NID(NULL, nid, 0, value);
    assert_int_equal(X509_CRL_add_ext(crl, extension, -1), 1);
    assert_true(X509_CRL_sign(crl, world->ca.key, EVP_sha256()) > 0);
    judge(world, (struct pki_cms){.crls = {crl}}, CONTENT, SG_INDETERMINATE, SG_SUB_OUT_OF_BOUNDS_NOT_REVOKED,
          "expired", true);
    X509_EXTENSION_free(extension);
    ASN1_OCTET_STRING_free(value);
    OPENSSL_free(der);
    ASN1_GENERALIZEDTIME_free(since);
    X509_CRL_free(crl);
}

static enum sg_rc admit(struct sg_verifier *verifier, X509_CRL *crl)
{
    struct sg_checked_crl checked = {0};
    struct sg_err err = {0};
    uint8_t *der = NULL;
    const struct sg_crl_place place = pki_crl_place(crl, &der);
    enum sg_rc rc = sg_crl_check(verifier, &place, &checked, &err);
    assert_int_equal(checked.owner != NULL, rc == SG_OK);
    if (rc == SG_OK)
        assert_true(checked.index[0].len > 0 && checked.der_len == place.len);
    sg_checked_crl_clear(&checked);
    sg_input_free(place.input);
    OPENSSL_free(der);
    return rc;
}

/* Is a CRL let into the snapshot only with an issuer on a path to an anchor? */
static void admission(void **state)
{
    struct world *world = *state;
    struct pki_id impostor = pki_issue(world->libctx, NULL, &(struct pki_cert){.name = "Root", .ca = true});
    struct sg_verifier *verifier = NULL;
    assert_int_equal(world_verifier(world, &verifier), SG_OK);
    assert_int_equal(admit(verifier, world->root_crl), SG_OK);
    assert_int_equal(admit(verifier, world->ca_crl), SG_E_POLICY); /* its issuer is not at hand */
    X509_CRL *forged = pki_crl(world->libctx, &impostor, &(struct pki_crl){0});
    assert_int_equal(admit(verifier, forged), SG_E_POLICY);
    X509_CRL *future = pki_crl(world->libctx, &world->root, &(struct pki_crl){.this_update = PKI_NOW + PKI_DAY});
    assert_int_equal(admit(verifier, future), SG_E_POLICY);
    sg_verifier_free(verifier);

    assert_true(sk_X509_push(world->intermediates, world->ca.cert) > 0);
    assert_int_equal(world_verifier(world, &verifier), SG_OK);
    assert_int_equal(admit(verifier, world->ca_crl), SG_OK);
    sg_verifier_free(verifier);
    X509_CRL_free(forged);
    X509_CRL_free(future);
    pki_free(&impostor);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(revoked),
        WORLD_TEST(ca_revoked),
        WORLD_TEST(missing_and_stale),
        WORLD_TEST(stale_but_revoked),
        WORLD_TEST(unusable),
        WORLD_TEST(distribution_point),
        WORLD_TEST(not_a_crl_signer),
        WORLD_TEST(several),
        WORLD_TEST(carried),
        WORLD_TEST(entry_issuer),
        WORLD_TEST(removal),
        WORLD_TEST(carried_too_large),
        WORLD_TEST(work),
        WORLD_TEST(revoked_by_key),
        WORLD_TEST(expired),
        WORLD_TEST(expired_kept),
        WORLD_TEST(admission),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
