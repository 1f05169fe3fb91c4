/* OCSP responses: which of them count, for which certificates, and how they stand beside CRLs. */
#include "../../support/pki_ocsp.h"
#include "judging.h"
#include "verify/known_ocsp.h"

/* A world whose issuing CA publishes no CRL: what is known of the signer is known by OCSP. */
struct ocsp_world {
    struct world world;
    struct sg_buf bytes[4];
    struct sg_slice responses[4];
    size_t count;
};

static int setup(void **state)
{
    struct ocsp_world *w = calloc(1, sizeof *w);
    world_make(&w->world);
    w->world.options.ocsps = w->responses;
    assert_ptr_equal(sk_X509_CRL_delete(w->world.crls, 1), w->world.ca_crl);
    *state = w;
    return 0;
}

static void forget_all(struct ocsp_world *w)
{
    for (size_t i = 0; i < w->count; i++)
        sg_buf_clear(&w->bytes[i]);
    w->count = w->world.options.ocsp_count = 0;
}

static int teardown(void **state)
{
    struct ocsp_world *w = *state;
    forget_all(w);
    world_clear(&w->world);
    free(w);
    return 0;
}

static struct pki_ocsp completed(struct ocsp_world *w, struct pki_ocsp what)
{
    if (!what.cert)
        what.cert = w->world.signer.cert;
    if (!what.issuer)
        what.issuer = &w->world.ca;
    return what;
}

static void add(struct ocsp_world *w, struct pki_ocsp what)
{
    what = completed(w, what);
    w->bytes[w->count] = (struct sg_buf)SG_BUF(64 * SG_KIB);
    pki_ocsp(w->world.libctx, &what, &w->bytes[w->count]);
    w->responses[w->count] = sg_buf_slice(&w->bytes[w->count]);
    w->world.options.ocsp_count = ++w->count;
}

static void only(struct ocsp_world *w, struct pki_ocsp what)
{
    forget_all(w);
    add(w, what);
}

static void judge_as(struct ocsp_world *w, enum sg_indication indication, enum sg_sub_indication sub,
                     const char *reason)
{
    judge(&w->world, ORDINARY, CONTENT, indication, sub, reason, true);
}

static void assert_unusable(struct ocsp_world *w)
{
    judge_as(w, SG_INDETERMINATE, SG_SUB_CERTIFICATE_CHAIN_GENERAL_FAILURE, "ocsp-not-usable");
}

static void assert_silent(struct ocsp_world *w)
{
    judge_as(w, SG_INDETERMINATE, SG_SUB_CERTIFICATE_CHAIN_GENERAL_FAILURE, "no-revocation-data");
}

static struct pki_id responder(struct ocsp_world *w, struct pki_cert what)
{
    if (!what.name)
        what.name = "Responder";
    if (!what.key_usage)
        what.key_usage = "critical,digitalSignature";
    if (!what.more[0].value)
        what.more[0] = (struct pki_extension){NID_ext_key_usage, "OCSPSigning"};
    return pki_issue(w->world.libctx, &w->world.ca, &what);
}

static const struct pki_extension no_check = {NID_id_pkix_OCSP_noCheck, "ignored"};

/* Each status, by the CA itself; and what the report says of the data. */
static void statuses(void **state)
{
    struct ocsp_world *w = *state;
    const int revoked = V_OCSP_CERTSTATUS_REVOKED;
    assert_silent(w);
    only(w, (struct pki_ocsp){0});
    judge_passed(&w->world);
    only(w, (struct pki_ocsp){.status = revoked, .reason = CRL_REASON_KEY_COMPROMISE});
    judge_as(w, SG_INDETERMINATE, SG_SUB_REVOKED_NO_POE, "revoked");
    only(w, (struct pki_ocsp){.status = revoked});
    judge_as(w, SG_INDETERMINATE, SG_SUB_REVOKED_NO_POE, "revoked");
    only(w, (struct pki_ocsp){.status = revoked, .reason = CRL_REASON_CERTIFICATE_HOLD});
    judge_as(w, SG_INDETERMINATE, SG_SUB_TRY_LATER, "on-hold");
    only(w, (struct pki_ocsp){.status = V_OCSP_CERTSTATUS_UNKNOWN});
    assert_unusable(w);
    w->world.options.at = PKI_NOW - 3 * PKI_DAY;
    only(w, (struct pki_ocsp){.status = revoked});
    judge_as(w, SG_TOTAL_PASSED, SG_SUB_NONE, "revoked-later");
}

static void reported(void **state)
{
    struct ocsp_world *w = *state;
    _cleanup_(sg_buf_clear) struct sg_buf cms = SG_BUF(SG_MIB);
    enum sg_rc rc;
    only(w, (struct pki_ocsp){0});
    world_sign(&w->world, ORDINARY, &cms);
    _cleanup_(sg_report_freep) struct sg_report *report = judge_bytes(&w->world, sg_buf_slice(&cms), CONTENT, &rc);
    const struct sg_verdict *verdict = &report->verdicts[0];
    assert_int_equal(verdict->revocation_count, 2);
    assert_string_equal(verdict->revocation[0].kind, "ocsp");
    assert_string_equal(verdict->revocation[0].issuer, "CN=Issuing CA");
    assert_string_equal(verdict->revocation[0].status, "good");
    assert_int_equal(verdict->revocation[0].this_update, PKI_NOW - 3600);
    assert_int_equal(verdict->good_until, PKI_NOW + PKI_DAY);
    assert_string_equal(verdict->revocation[1].kind, "crl");
    assert_int_equal(verdict->as_of, PKI_NOW - PKI_DAY); /* the root's CRL is older */

    only(w, (struct pki_ocsp){.status = V_OCSP_CERTSTATUS_REVOKED, .reason = CRL_REASON_SUPERSEDED});
    _cleanup_(sg_report_freep) struct sg_report *revoked = judge_bytes(&w->world, sg_buf_slice(&cms), CONTENT, &rc);
    verdict = &revoked->verdicts[0];
    assert_string_equal(verdict->revocation[0].status, "revoked");
    assert_string_equal(verdict->revocation[0].reason, "superseded");
    assert_int_equal(verdict->revocation[0].revoked_at, PKI_NOW - 2 * PKI_DAY);
}

/* Responses that must not be used, each good but for one thing. */
static void unusable(void **state)
{
    struct ocsp_world *w = *state;
    static const struct pki_ocsp good[] = {
        {.odd = PKI_OCSP_BY_KEY},
        {.odd = PKI_OCSP_NO_CERTIFICATE},
        {.id_digest = "SHA256"},
        {.id_digest = "SHA384"},
        {.id_digest = "SHA512"},
        {.digest = "SHA512"},
        {.this_update = PKI_NOW + SG_MAX_CLOCK_SKEW},
        {.next_update = PKI_NOW},
    };
    static const struct pki_ocsp bad[] = {
        {.odd = PKI_OCSP_VERSION_2},
        {.odd = PKI_OCSP_CRITICAL},
        {.odd = PKI_OCSP_SINGLE_CRITICAL},
        {.digest = "SHA1"},
        {.this_update = PKI_NOW + SG_MAX_CLOCK_SKEW + 1},
        {.produced_at = PKI_NOW + SG_MAX_CLOCK_SKEW + 1},
        {.produced_at = PKI_NOW - 3601}, /* before thisUpdate */
        {.this_update = PKI_NOW - 3600, .next_update = PKI_NOW - 3601},
    };
    static const struct pki_ocsp about_others[] = {
        {.odd = PKI_OCSP_WRONG_NAME_HASH},
        {.odd = PKI_OCSP_WRONG_KEY_HASH},
        {.odd = PKI_OCSP_WRONG_SERIAL},
        {.odd = PKI_OCSP_NO_ANSWER},
        {.id_digest = "MD5"},
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        only(w, good[i]);
        judge_passed(&w->world);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        only(w, bad[i]);
        assert_unusable(w);
    }
    for (size_t i = 0; i < sizeof about_others / sizeof *about_others; i++) {
        only(w, about_others[i]);
        assert_silent(w);
    }
}

static void assert_malformed(struct ocsp_world *w, struct sg_slice bytes)
{
    struct sg_known_ocsp *known = NULL;
    enum sg_rc rc = sg_known_ocsp_new(bytes, w->world.libctx, &known, NULL);
    assert_true(rc == SG_E_MALFORMED || rc == SG_E_LIMIT);
    assert_null(known);
}

/* What is no basic response at all; and every byte of one cut off, or changed: never another answer. */
static void malformed(void **state)
{
    struct ocsp_world *w = *state;
    static const struct pki_ocsp bad[] = {
        {.odd = PKI_OCSP_OTHER_TYPE},
        {.odd = PKI_OCSP_TRAILING},
        {.response_status = OCSP_RESPONSE_STATUS_TRYLATER},
        {.response_status = OCSP_RESPONSE_STATUS_UNAUTHORIZED},
        {.response_status = 9},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        only(w, bad[i]);
        assert_malformed(w, w->responses[0]);
    }
    assert_malformed(w, slice_of("<html>log in to the hotel</html>"));
    only(w, (struct pki_ocsp){.status = V_OCSP_CERTSTATUS_REVOKED});
    for (size_t i = 0; i < w->bytes[0].len; i++)
        assert_malformed(w, (struct sg_slice){w->bytes[0].data, i});
}

static void tampered(void **state)
{
    struct ocsp_world *w = *state;
    _cleanup_(sg_buf_clear) struct sg_buf cms = SG_BUF(SG_MIB);
    only(w, (struct pki_ocsp){.odd = PKI_OCSP_NO_CERTIFICATE});
    world_sign(&w->world, ORDINARY, &cms);
    for (size_t i = 0; i < w->bytes[0].len; i++) {
        struct sg_verifier *verifier = NULL;
        struct sg_report *report = NULL;
        enum sg_rc rc = SG_OK;
        w->bytes[0].data[i] ^= (uint8_t)(1 << (i % 8));
        if (world_verifier(&w->world, &verifier) == SG_OK) {
            report = judge_bytes(&w->world, sg_buf_slice(&cms), CONTENT, &rc);
            assert_int_equal(rc, SG_OK);
            if (report->verdicts[0].indication == SG_TOTAL_PASSED)
                fail_msg("passed with byte %zu changed", i);
        }
        sg_report_free(report);
        sg_verifier_free(verifier);
        w->bytes[0].data[i] ^= (uint8_t)(1 << (i % 8));
    }
    judge_passed(&w->world);
}

/* Who may answer for a CA: a responder whose certificate it issued itself, for that, and that still holds. */
static void responders(void **state)
{
    struct ocsp_world *w = *state;
    const struct pki_cert good[] = {
        {.more = {{NID_ext_key_usage, "OCSPSigning"}, no_check}},
        {.more = {{NID_ext_key_usage, "clientAuth,OCSPSigning"}, no_check}},
    };
    const struct pki_cert bad[] = {
        {.more = {{NID_ext_key_usage, "clientAuth"}, no_check}},
        {.more = {{NID_ext_key_usage, "anyExtendedKeyUsage"}, no_check}},
        {.key_usage = "critical,keyCertSign", .more = {{NID_ext_key_usage, "OCSPSigning"}, no_check}},
        {.not_after = PKI_NOW - 1, .more = {{NID_ext_key_usage, "OCSPSigning"}, no_check}},
        {.not_before = PKI_NOW + 1, .more = {{NID_ext_key_usage, "OCSPSigning"}, no_check}},
        {.digest = "SHA1", .more = {{NID_ext_key_usage, "OCSPSigning"}, no_check}},
        {.more = {{NID_ext_key_usage, "OCSPSigning"}, no_check, {NID_issuer_alt_name, "critical,DNS:example.com"}}},
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        for (unsigned by_key = 0; by_key < 2; by_key++) {
            struct pki_id id = responder(w, good[i]);
            only(w, (struct pki_ocsp){.signer = &id, .odd = by_key ? PKI_OCSP_BY_KEY : 0});
            judge_passed(&w->world);
            only(w, (struct pki_ocsp){.signer = &id, .odd = PKI_OCSP_NO_CERTIFICATE});
            assert_unusable(w);
            pki_free(&id);
        }
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct pki_id id = responder(w, bad[i]);
        only(w, (struct pki_ocsp){.signer = &id});
        assert_unusable(w);
        pki_free(&id);
    }
}

/* Is the responder's certificate taken from what was named, or came with the signature, where the response has none? */
static void responder_elsewhere(void **state)
{
    struct ocsp_world *w = *state;
    const struct pki_cert right = {.more = {{NID_ext_key_usage, "OCSPSigning"}, no_check}};
    const struct pki_cert wrong = {.more = {{NID_ext_key_usage, "clientAuth"}, no_check}};
    for (unsigned by_key = 0; by_key < 2; by_key++) {
        for (int is_right = 0; is_right < 2; is_right++) {
            struct pki_id id = responder(w, is_right ? right : wrong);
            const struct pki_cms with = {.carried = {w->world.ca.cert, id.cert}};
            only(w, (struct pki_ocsp){.signer = &id, .odd = PKI_OCSP_NO_CERTIFICATE | (by_key ? PKI_OCSP_BY_KEY : 0)});
            assert_unusable(w);
            judge(&w->world, with, CONTENT, is_right ? SG_TOTAL_PASSED : SG_INDETERMINATE,
                  is_right ? SG_SUB_NONE : SG_SUB_CERTIFICATE_CHAIN_GENERAL_FAILURE, NULL, true);
            assert_true(sk_X509_push(w->world.intermediates, id.cert) > 0);
            if (is_right)
                judge_passed(&w->world);
            else
                assert_unusable(w);
            sk_X509_zero(w->world.intermediates);
            pki_free(&id);
        }
    }
}

/* Several answers in one response: those about others, and those that do not count, stand in nobody's way; once revoked
 * is revoked. */
static void several_answers(void **state)
{
    struct ocsp_world *w = *state;
    const struct pki_ocsp of_other =
        completed(w, (struct pki_ocsp){.cert = w->world.ca.cert, .issuer = &w->world.root});
    const struct pki_ocsp revoked = completed(w, (struct pki_ocsp){.status = V_OCSP_CERTSTATUS_REVOKED});
    const struct pki_ocsp unknown = completed(w, (struct pki_ocsp){.status = V_OCSP_CERTSTATUS_UNKNOWN});
    const struct pki_ocsp good = completed(w, (struct pki_ocsp){0});
    only(w, (struct pki_ocsp){.cert = w->world.ca.cert, .issuer = &w->world.ca, .and = &good});
    judge_passed(&w->world);
    only(w, (struct pki_ocsp){.and = &of_other});
    judge_passed(&w->world);
    only(w, (struct pki_ocsp){.odd = PKI_OCSP_SINGLE_CRITICAL, .and = &good});
    judge_passed(&w->world);
    only(w, (struct pki_ocsp){.odd = PKI_OCSP_SINGLE_CRITICAL, .and = &unknown});
    assert_unusable(w);
    only(w, (struct pki_ocsp){.and = &revoked});
    judge_as(w, SG_INDETERMINATE, SG_SUB_REVOKED_NO_POE, "revoked");
    only(w, (struct pki_ocsp){.status = V_OCSP_CERTSTATUS_REVOKED, .and = &good});
    judge_as(w, SG_INDETERMINATE, SG_SUB_REVOKED_NO_POE, "revoked");
}

/* A BasicOCSPResponse by itself, as a signature's revocation-values have it: the same as within its OCSPResponse, and
 * neither taken for the other. */
static void bare(void **state)
{
    struct ocsp_world *w = *state;
    struct sg_known_ocsp *known = NULL;
    only(w, (struct pki_ocsp){0});
    const uint8_t *p = w->responses[0].data;
    OCSP_RESPONSE *response = d2i_OCSP_RESPONSE(NULL, &p, (long)w->responses[0].len);
    OCSP_BASICRESP *basic = OCSP_response_get1_basic(response);
    uint8_t *der = NULL;
    int len = i2d_OCSP_BASICRESP(basic, &der);
    assert_true(len > 0);
    const struct sg_slice bytes = {der, (size_t)len};
    assert_int_equal(sg_known_ocsp_new(bytes, w->world.libctx, &known, NULL), SG_E_MALFORMED);
    assert_int_equal(sg_known_ocsp_new_basic(w->responses[0], w->world.libctx, &known, NULL), SG_E_MALFORMED);
    for (size_t cut = 1; cut < 40; cut++)
        assert_int_equal(
            sg_known_ocsp_new_basic((struct sg_slice){der, bytes.len - cut}, w->world.libctx, &known, NULL),
            SG_E_MALFORMED);
    assert_null(known);
    assert_int_equal(sg_known_ocsp_new_basic(bytes, w->world.libctx, &known, NULL), SG_OK);
    assert_int_equal(sg_known_ocsp_count(known), 1);
    unsigned steps = 100;
    const struct sg_revocation_request request = {.libctx = w->world.libctx,
                                                  .steps = &steps,
                                                  .mode = SG_REVOCATION_HARD,
                                                  .at = PKI_NOW,
                                                  .known_at = PKI_NOW,
                                                  .now = PKI_NOW};
    struct sg_finding finding = {0};
    const char *why = NULL;
    assert_int_equal(
        sg_known_ocsp_consult(known, &request, w->world.signer.cert, w->world.ca.cert, &finding, &why, NULL), SG_OK);
    assert_null(why);
    assert_int_equal(finding.answer, SG_ANSWER_GOOD);
    sg_known_ocsp_free(known);
    OPENSSL_free(der);
    OCSP_BASICRESP_free(basic);
    OCSP_RESPONSE_free(response);
}

/* Responders of others: of the root, of the CA's CA, of a CA of the same name, and any certificate of the CA's. */
static void foreign_responders(void **state)
{
    struct ocsp_world *w = *state;
    const struct pki_cert what = {.name = "Responder",
                                  .key_usage = "critical,digitalSignature",
                                  .more = {{NID_ext_key_usage, "OCSPSigning"}, no_check}};
    struct pki_id impostor = pki_issue(w->world.libctx, NULL, &(struct pki_cert){.name = "Issuing CA", .ca = true});
    struct pki_id of_root = pki_issue(w->world.libctx, &w->world.root, &what);
    struct pki_id of_impostor = pki_issue(w->world.libctx, &impostor, &what);
    struct pki_id of_responder = responder(w, what);
    struct pki_id deeper = pki_issue(w->world.libctx, &of_responder, &what);
    const struct pki_id *const all[] = {&impostor, &of_root, &of_impostor, &deeper, &w->world.root, &w->world.signer};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        only(w, (struct pki_ocsp){.signer = all[i]});
        assert_unusable(w);
        only(w, (struct pki_ocsp){.signer = all[i], .status = V_OCSP_CERTSTATUS_REVOKED});
        assert_unusable(w);
    }
    only(w, (struct pki_ocsp){.signer = &of_responder});
    judge_passed(&w->world);
    pki_free(&impostor);
    pki_free(&of_root);
    pki_free(&of_impostor);
    pki_free(&deeper);
    pki_free(&of_responder);
}

/* Without id-pkix-ocsp-nocheck the responder itself may be revoked, which the CA's CRL tells. */
static void responder_revoked(void **state)
{
    struct ocsp_world *w = *state;
    struct pki_id id = responder(w, (struct pki_cert){0});
    only(w, (struct pki_ocsp){.signer = &id});
    assert_unusable(w);
    w->world.options.revocation = SG_REVOCATION_SOFT;
    judge_passed(&w->world);
    w->world.options.revocation = SG_REVOCATION_HARD;
    X509_CRL *crl =
        pki_crl(w->world.libctx, &w->world.ca,
                &(struct pki_crl){.revoked = {{id.cert, PKI_NOW - 2 * PKI_DAY, CRL_REASON_KEY_COMPROMISE}}});
    assert_true(sk_X509_CRL_push(w->world.crls, crl) > 0);
    only(w, (struct pki_ocsp){.signer = &id, .status = V_OCSP_CERTSTATUS_REVOKED});
    judge_as(w, SG_TOTAL_PASSED, SG_SUB_NONE, NULL); /* by the CRL; the revoked responder's word counts for nothing */
    (void)sk_X509_CRL_pop(w->world.crls);
    X509_CRL_free(crl);
    crl = pki_crl(w->world.libctx, &w->world.ca, &(struct pki_crl){.this_update = PKI_NOW - 3 * PKI_DAY});
    assert_true(sk_X509_CRL_push(w->world.crls, crl) > 0);
    judge_as(w, SG_INDETERMINATE, SG_SUB_REVOKED_NO_POE, "revoked");

    /* The answer is as old as what is known about who gave it. */
    _cleanup_(sg_buf_clear) struct sg_buf cms = SG_BUF(SG_MIB);
    enum sg_rc rc;
    only(w, (struct pki_ocsp){.signer = &id});
    world_sign(&w->world, ORDINARY, &cms);
    _cleanup_(sg_report_freep) struct sg_report *report = judge_bytes(&w->world, sg_buf_slice(&cms), CONTENT, &rc);
    assert_verdict(&report->verdicts[0], SG_TOTAL_PASSED, SG_SUB_NONE, NULL);
    assert_string_equal(report->verdicts[0].revocation[0].kind, "ocsp");
    assert_int_equal(report->verdicts[0].as_of, PKI_NOW - 3 * PKI_DAY);
    (void)sk_X509_CRL_pop(w->world.crls);
    X509_CRL_free(crl);
    pki_free(&id);
}

/* Passes by an answer of the CA, with a remark about another that is not used. */
static void assert_remark(struct ocsp_world *w)
{
    judge_as(w, SG_TOTAL_PASSED, SG_SUB_NONE, "ocsp-not-usable");
}

/* Beside a good answer of the CA: what this response, not to be relied on, says well is a remark, and its bad news
 * counts. */
static void assert_bad_news_only(struct ocsp_world *w, struct pki_ocsp what)
{
    const struct pki_ocsp good = {.this_update = PKI_NOW - 7200};
    only(w, good);
    what.status = V_OCSP_CERTSTATUS_REVOKED;
    what.reason = CRL_REASON_KEY_COMPROMISE;
    add(w, what);
    judge_as(w, SG_INDETERMINATE, SG_SUB_REVOKED_NO_POE, "revoked");
    only(w, good);
    what.reason = CRL_REASON_CERTIFICATE_HOLD;
    add(w, what);
    judge_as(w, SG_INDETERMINATE, SG_SUB_TRY_LATER, "on-hold");
    only(w, good);
    what.status = V_OCSP_CERTSTATUS_GOOD;
    add(w, what);
    assert_remark(w);
}

/* Bad news counts from the CA itself or its responder, even where that would prove nothing good; of others, never. */
static void doubtful(void **state)
{
    struct ocsp_world *w = *state;
    struct pki_id plain = responder(w, (struct pki_cert){0});
    struct pki_id ended = responder(
        w, (struct pki_cert){.not_after = PKI_NOW - 1, .more = {{NID_ext_key_usage, "OCSPSigning"}, no_check}});
    struct pki_id client = responder(w, (struct pki_cert){.more = {{NID_ext_key_usage, "clientAuth"}, no_check}});
    assert_bad_news_only(w, (struct pki_ocsp){.digest = "SHA1"});
    assert_bad_news_only(w, (struct pki_ocsp){.this_update = PKI_NOW + SG_MAX_CLOCK_SKEW + 1});
    assert_bad_news_only(w, (struct pki_ocsp){.signer = &plain});
    assert_bad_news_only(w, (struct pki_ocsp){.signer = &ended});
    only(w, (struct pki_ocsp){0});
    add(w, (struct pki_ocsp){.signer = &client, .status = V_OCSP_CERTSTATUS_REVOKED});
    assert_remark(w);
    /* What is known about the responder is out of date. */
    X509_CRL *crl =
        pki_crl(w->world.libctx, &w->world.ca,
                &(struct pki_crl){.this_update = PKI_NOW - 9 * PKI_DAY, .next_update = PKI_NOW - 2 * PKI_DAY});
    assert_true(sk_X509_CRL_push(w->world.crls, crl) > 0);
    assert_bad_news_only(w, (struct pki_ocsp){.signer = &plain});
    (void)sk_X509_CRL_pop(w->world.crls);
    X509_CRL_free(crl);
    pki_free(&plain);
    pki_free(&ended);
    pki_free(&client);
}

/* Beside a CRL: revoked in either is revoked; else the newer one counts. */
static void beside_crl(void **state)
{
    struct ocsp_world *w = *state;
    const int revoked = V_OCSP_CERTSTATUS_REVOKED;
    const struct pki_revoked on_list = {w->world.signer.cert, PKI_NOW - 2 * PKI_DAY, CRL_REASON_SUPERSEDED};
    const struct pki_revoked held = {w->world.signer.cert, PKI_NOW - 2 * PKI_DAY, CRL_REASON_CERTIFICATE_HOLD};
    assert_true(sk_X509_CRL_push(w->world.crls, w->world.ca_crl) > 0);
    only(w, (struct pki_ocsp){.status = revoked, .this_update = PKI_NOW - 5 * PKI_DAY});
    judge_as(w, SG_INDETERMINATE, SG_SUB_REVOKED_NO_POE, "revoked");
    world_crl(&w->world, &w->world.ca_crl, &w->world.ca, &(struct pki_crl){.revoked = {on_list}});
    only(w, (struct pki_ocsp){0});
    judge_as(w, SG_INDETERMINATE, SG_SUB_REVOKED_NO_POE, "revoked");
    world_crl(&w->world, &w->world.ca_crl, &w->world.ca, &(struct pki_crl){.revoked = {held}});
    judge_passed(&w->world); /* released since */
    only(w, (struct pki_ocsp){.this_update = PKI_NOW - 2 * PKI_DAY});
    judge_as(w, SG_INDETERMINATE, SG_SUB_TRY_LATER, "on-hold");
    /* Neither undoes the other by being out of date. */
    world_crl(&w->world, &w->world.ca_crl, &w->world.ca,
              &(struct pki_crl){.this_update = PKI_NOW - 9 * PKI_DAY, .next_update = PKI_NOW - 2 * PKI_DAY});
    only(w, (struct pki_ocsp){0});
    judge_passed(&w->world);
    world_crl(&w->world, &w->world.ca_crl, &w->world.ca, &(struct pki_crl){0});
    only(w, (struct pki_ocsp){.next_update = -1});
    judge_passed(&w->world);
    /* Two responses: the CA has revoked it since. */
    only(w, (struct pki_ocsp){0});
    add(w, (struct pki_ocsp){.status = revoked, .id_digest = "SHA256"});
    judge_as(w, SG_INDETERMINATE, SG_SUB_REVOKED_NO_POE, "revoked");
}

/* Until when a response is good: nextUpdate, without which there is always a newer one; or its responder's end. */
static void stale(void **state)
{
    struct ocsp_world *w = *state;
    only(w, (struct pki_ocsp){.next_update = PKI_NOW - 1});
    judge_as(w, SG_INDETERMINATE, SG_SUB_TRY_LATER, "revocation-stale");
    only(w, (struct pki_ocsp){.next_update = -1});
    judge_as(w, SG_INDETERMINATE, SG_SUB_TRY_LATER, "revocation-stale");
    w->world.options.revocation = SG_REVOCATION_SOFT;
    w->world.options.stale = PKI_DAY;
    judge_as(w, SG_TOTAL_PASSED, SG_SUB_NONE, "revocation-stale");
    w->world.options.revocation = SG_REVOCATION_HARD;

    const struct pki_cert ends = {.not_after = PKI_NOW + 60, .more = {{NID_ext_key_usage, "OCSPSigning"}, no_check}};
    struct pki_id id = responder(w, ends);
    _cleanup_(sg_buf_clear) struct sg_buf cms = SG_BUF(SG_MIB);
    enum sg_rc rc;
    only(w, (struct pki_ocsp){.signer = &id});
    world_sign(&w->world, ORDINARY, &cms);
    struct sg_report *report = judge_bytes(&w->world, sg_buf_slice(&cms), CONTENT, &rc);
    assert_int_equal(report->verdicts[0].good_until, PKI_NOW + 60);
    sg_report_free(report);
    pki_free(&id);
}

/* An ended certificate: a responder need not know it any more, unless it says how far back it does. */
static void expired(void **state)
{
    struct ocsp_world *w = *state;
    const int64_t ended = PKI_NOW - 2 * PKI_DAY;
    world_signer(&w->world, &(struct pki_cert){.name = "Old", .not_after = ended});
    only(w, (struct pki_ocsp){0});
    judge_as(w, SG_INDETERMINATE, SG_SUB_OUT_OF_BOUNDS_NO_POE, "revocation-after-expiry");
    only(w, (struct pki_ocsp){.archive_cutoff = ended + 1});
    judge_as(w, SG_INDETERMINATE, SG_SUB_OUT_OF_BOUNDS_NO_POE, "revocation-after-expiry");
    only(w, (struct pki_ocsp){.archive_cutoff = ended});
    judge_as(w, SG_INDETERMINATE, SG_SUB_OUT_OF_BOUNDS_NOT_REVOKED, "expired");
    only(w, (struct pki_ocsp){.this_update = ended});
    judge_as(w, SG_INDETERMINATE, SG_SUB_OUT_OF_BOUNDS_NOT_REVOKED, "expired");
}

static enum sg_rc check(struct ocsp_world *w, X509 *issuer, struct sg_ocsp_facts *facts)
{
    _cleanup_(sg_verifier_freep) struct sg_verifier *verifier = NULL;
    STACK_OF(X509) *issuers = sk_X509_new_null();
    size_t named = w->world.options.ocsp_count;
    assert_true(sk_X509_push(issuers, w->world.root.cert) > 0 && sk_X509_push(issuers, issuer) > 0);
    w->world.options.ocsp_count = 0;
    assert_true(sk_X509_push(w->world.intermediates, w->world.ca.cert) > 0);
    assert_int_equal(world_verifier(&w->world, &verifier), SG_OK);
    enum sg_rc rc = sg_ocsp_check(verifier, w->responses[0], issuers, NULL, facts, NULL);
    (void)sk_X509_pop(w->world.intermediates);
    w->world.options.ocsp_count = named;
    sk_X509_free(issuers);
    return rc;
}

/* What may enter the store: an answer that counts, by a CA that an anchor vouches for. */
static void entering(void **state)
{
    struct ocsp_world *w = *state;
    struct sg_ocsp_facts facts = {0};
    struct pki_id other = pki_issue(w->world.libctx, NULL, &(struct pki_cert){.name = "Other", .ca = true});
    only(w, (struct pki_ocsp){.status = V_OCSP_CERTSTATUS_REVOKED, .next_update = -1});
    assert_int_equal(check(w, w->world.ca.cert, &facts), SG_OK);
    assert_int_equal(facts.count, 1);
    assert_true(facts.facts[0].revoked);
    assert_int_equal(facts.facts[0].this_update, PKI_NOW - 3600);
    assert_int_equal(facts.facts[0].next_update, INT64_MAX);
    assert_true(facts.facts[0].cert_id.len > 40);
    sg_ocsp_facts_clear(&facts);

    const struct pki_ocsp bad[] = {
        {.signer = &other},
        {.issuer = &other},
        {.status = V_OCSP_CERTSTATUS_UNKNOWN},
        {.odd = PKI_OCSP_NO_ANSWER},
        {.this_update = PKI_NOW + SG_MAX_CLOCK_SKEW + 1},
        {.digest = "SHA1", .status = V_OCSP_CERTSTATUS_REVOKED},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        only(w, bad[i]);
        assert_int_equal(check(w, w->world.ca.cert, &facts), SG_E_POLICY);
    }
    /* Right in itself, of a CA that nobody vouches for. */
    only(w, (struct pki_ocsp){.issuer = &other});
    assert_int_equal(check(w, other.cert, &facts), SG_E_POLICY);
    pki_free(&other);
}

#define OCSP_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        OCSP_TEST(statuses),
        OCSP_TEST(reported),
        OCSP_TEST(unusable),
        OCSP_TEST(malformed),
        OCSP_TEST(tampered),
        OCSP_TEST(responders),
        OCSP_TEST(responder_elsewhere),
        OCSP_TEST(several_answers),
        OCSP_TEST(bare),
        OCSP_TEST(foreign_responders),
        OCSP_TEST(responder_revoked),
        OCSP_TEST(doubtful),
        OCSP_TEST(beside_crl),
        OCSP_TEST(stale),
        OCSP_TEST(expired),
        OCSP_TEST(entering),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
