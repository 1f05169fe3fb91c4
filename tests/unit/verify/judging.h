/* What the tests of judging share: a PKI of a root, an issuing CA and a signer, their CRLs, and one call to judge. */
#pragma once

#include "../../support/pki.h"
#include "verify/report.h"
#include "verify/verify.h"

#define CONTENT "The quick brown fox jumps over the lazy dog."

static inline struct sg_slice slice_of(const char *text)
{
    return (struct sg_slice){(const uint8_t *)text, strlen(text)};
}

struct world {
    OSSL_LIB_CTX *libctx;
    struct pki_id root, ca, signer;
    X509_CRL *root_crl, *ca_crl;
    int64_t now;
    STACK_OF(X509) *anchors, *intermediates;
    STACK_OF(X509_CRL) *crls;
    struct sg_verifier_options options;
};

/* Everything in order: judged, this world passes. A test then makes one thing wrong. */
static inline void world_make(struct world *world)
{
    *world = (struct world){.now = PKI_NOW};
    assert_int_equal(sg_libctx_new(&world->libctx, NULL), SG_OK);
    world->root = pki_issue(world->libctx, NULL, &(struct pki_cert){.name = "Root", .ca = true});
    world->ca = pki_issue(world->libctx, &world->root, &(struct pki_cert){.name = "Issuing CA", .ca = true});
    world->signer = pki_issue(world->libctx, &world->ca, &(struct pki_cert){.name = "Alice"});
    world->root_crl = pki_crl(world->libctx, &world->root, &(struct pki_crl){0});
    world->ca_crl = pki_crl(world->libctx, &world->ca, &(struct pki_crl){0});
    world->anchors = sk_X509_new_null();
    world->intermediates = sk_X509_new_null();
    world->crls = sk_X509_CRL_new_null();
    assert_true(sk_X509_push(world->anchors, world->root.cert) > 0);
    assert_true(sk_X509_CRL_push(world->crls, world->root_crl) > 0);
    assert_true(sk_X509_CRL_push(world->crls, world->ca_crl) > 0);
    world->options = (struct sg_verifier_options){.libctx = world->libctx,
                                                  .anchors = world->anchors,
                                                  .intermediates = world->intermediates,
                                                  .revocation = SG_REVOCATION_HARD,
                                                  .at = SG_TIME_NONE,
                                                  .clock = sg_clock_fixed(&world->now),
                                                  .policy = {.max_depth = -1}};
}

static inline void world_clear(struct world *world)
{
    sk_X509_free(world->anchors);
    sk_X509_free(world->intermediates);
    sk_X509_CRL_free(world->crls);
    X509_CRL_free(world->root_crl);
    X509_CRL_free(world->ca_crl);
    pki_free(&world->signer);
    pki_free(&world->ca);
    pki_free(&world->root);
    OSSL_LIB_CTX_free(world->libctx);
}

/* Exchanges one of the world's CRLs. */
static inline void world_crl(struct world *world, X509_CRL **slot, const struct pki_id *issuer,
                             const struct pki_crl *what)
{
    X509_CRL *crl = pki_crl(world->libctx, issuer, what);
    for (int i = 0; i < sk_X509_CRL_num(world->crls); i++)
        if (sk_X509_CRL_value(world->crls, i) == *slot)
            (void)sk_X509_CRL_set(world->crls, i, crl);
    X509_CRL_free(*slot);
    *slot = crl;
}

/* Exchanges the signer. */
static inline void world_signer(struct world *world, const struct pki_cert *what)
{
    pki_free(&world->signer);
    world->signer = pki_issue(world->libctx, &world->ca, what);
}

/* The ordinary CMS of this world's signer; `what` may say more. */
static inline void world_sign(const struct world *world, struct pki_cms what, struct sg_buf *out)
{
    if (!what.signer)
        what.signer = &world->signer;
    if (!what.carried[0])
        what.carried[0] = world->ca.cert;
    if (!what.content.data)
        what.content = slice_of(CONTENT);
    pki_sign(world->libctx, &what, out);
}

/* A verifier with the world's options and CRLs. */
static inline enum sg_rc world_verifier(const struct world *world, struct sg_verifier **ret)
{
    struct sg_verifier_options options = world->options;
    struct sg_crl_place places[16];
    uint8_t *ders[16];
    int count = sk_X509_CRL_num(world->crls);
    assert_true(count <= 16);
    for (int i = 0; i < count; i++)
        places[i] = pki_crl_place(sk_X509_CRL_value(world->crls, i), &ders[i]);
    options.crls = places;
    options.crl_count = (size_t)count;
    enum sg_rc rc = sg_verifier_new(&options, ret, NULL);
    for (int i = 0; i < count; i++) {
        sg_input_free(places[i].input);
        OPENSSL_free(ders[i]);
    }
    return rc;
}

static inline struct sg_report *judge_bytes(const struct world *world, struct sg_slice cms, const char *content,
                                            enum sg_rc *ret_rc)
{
    struct sg_verifier *verifier = NULL;
    struct sg_input *signature = NULL, *detached = NULL;
    struct sg_report *report = NULL;
    assert_int_equal(world_verifier(world, &verifier), SG_OK);
    assert_int_equal(sg_input_from_slice("test.p7s", cms, &signature, NULL), SG_OK);
    if (content)
        assert_int_equal(sg_input_from_slice("test", slice_of(content), &detached, NULL), SG_OK);
    *ret_rc = sg_verify_file(verifier, signature, detached, &report, NULL);
    sg_input_free(signature);
    sg_input_free(detached);
    sg_verifier_free(verifier);
    return report;
}

static inline bool has_reason(const struct sg_verdict *verdict, const char *code)
{
    for (size_t i = 0; i < verdict->reason_count; i++)
        if (strcmp(verdict->reasons[i].code, code) == 0)
            return true;
    return false;
}

static inline void assert_verdict(const struct sg_verdict *verdict, enum sg_indication indication,
                                  enum sg_sub_indication sub, const char *reason)
{
    if (verdict->indication != indication || verdict->sub_indication != sub ||
        (reason && !has_reason(verdict, reason))) {
        print_error("%s / %s\n", sg_indication_text(verdict->indication),
                    sg_sub_indication_text(verdict->sub_indication) ? sg_sub_indication_text(verdict->sub_indication)
                                                                    : "-");
        for (size_t i = 0; i < verdict->reason_count; i++)
            print_error("  %s: %s\n", verdict->reasons[i].code, verdict->reasons[i].text);
    }
    assert_int_equal(verdict->indication, indication);
    assert_int_equal(verdict->sub_indication, sub);
    if (reason)
        assert_true(has_reason(verdict, reason));
}

/* Signs as `what` says, judges over `content` (NULL: none at hand), and compares. */
static inline void judge(const struct world *world, struct pki_cms what, const char *content,
                         enum sg_indication indication, enum sg_sub_indication sub, const char *reason, bool intact)
{
    _cleanup_(sg_buf_clear) struct sg_buf cms = SG_BUF(SG_MIB);
    enum sg_rc rc;
    world_sign(world, what, &cms);
    _cleanup_(sg_report_freep) struct sg_report *report = judge_bytes(world, sg_buf_slice(&cms), content, &rc);
    assert_int_equal(rc, SG_OK);
    assert_int_equal(report->verdict_count, 1);
    assert_string_equal(report->format, "CAdES");
    assert_verdict(&report->verdicts[0], indication, sub, reason);
    assert_int_equal(report->verdicts[0].intact, intact);
}

#define ORDINARY ((struct pki_cms){0})

static inline void judge_passed(const struct world *world)
{
    judge(world, ORDINARY, CONTENT, SG_TOTAL_PASSED, SG_SUB_NONE, NULL, true);
}

static inline int setup_world(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    world_make(world);
    *state = world;
    return 0;
}

static inline int teardown_world(void **state)
{
    world_clear(*state);
    free(*state);
    return 0;
}

#define WORLD_TEST(name) cmocka_unit_test_setup_teardown(name, setup_world, teardown_world)
