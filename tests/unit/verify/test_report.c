/* Reports: the JSON's members and order, hostile text, and what people read first. */
#include <ctype.h>

#include <jansson.h>

#include "long_term.h"
#include "verify/report_words.h"
#include "verify/verdict.h"

static struct sg_report *report_of(const struct world *world, struct pki_cms what, const char *content)
{
    _cleanup_(sg_buf_clear) struct sg_buf cms = SG_BUF(SG_MIB);
    enum sg_rc rc;
    world_sign(world, what, &cms);
    struct sg_report *report = judge_bytes(world, sg_buf_slice(&cms), content, &rc);
    assert_int_equal(rc, SG_OK);
    return report;
}

static json_t *json_of(const struct sg_report *report)
{
    _cleanup_(sg_buf_clear) struct sg_buf out = SG_BUF(SG_MIB);
    const char *text = NULL;
    assert_int_equal(sg_report_json(report, &out, NULL), SG_OK);
    assert_int_equal(sg_buf_text(&out, &text, NULL), SG_OK);
    assert_null(strchr(text, '\n'));
    json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(json);
    return json;
}

static void assert_keys(json_t *object, const char *const *keys)
{
    const char *key;
    json_t *value;
    size_t i = 0;
    assert_true(json_is_object(object));
    json_object_foreach(object, key, value)
    {
        assert_non_null(keys[i]);
        assert_string_equal(key, keys[i++]);
        assert_non_null(value);
    }
    assert_null(keys[i]);
}

/* Every member, in the order that the design gives; null where nothing is known. */
static void json_form(void **state)
{
    struct world *world = *state;
    static const char *const outer[] = {"schema", "file", "format", "signatures", "uncovered", NULL};
    static const char *const inner[] = {
        "id",     "indication", "sub_indication", "now",        "intact",     "changes",      "level",
        "covers", "files",      "signer",         "digest",     "algorithm",  "claimed_time", "best_time",
        "as_of",  "good_until", "chain",          "revocation", "timestamps", "reasons",      NULL};
    static const char *const cert[] = {"subject", "issuer", "serial", "sha256", NULL};
    static const char *const crl[] = {"kind",   "issuer",     "this_update", "next_update",
                                      "status", "revoked_at", "reason",      NULL};
    static const char *const reason[] = {"code", "text", NULL};

    struct sg_report *report = report_of(world, ORDINARY, CONTENT);
    json_t *json = json_of(report);
    json_t *one = json_array_get(json_object_get(json, "signatures"), 0);
    assert_keys(json, outer);
    assert_keys(one, inner);
    assert_keys(json_object_get(one, "signer"), cert);
    assert_keys(json_array_get(json_object_get(one, "chain"), 2), cert);
    assert_keys(json_array_get(json_object_get(one, "revocation"), 0), crl);
    assert_string_equal(json_string_value(json_object_get(json, "schema")), "signet.verify/1");
    assert_string_equal(json_string_value(json_object_get(one, "indication")), "TOTAL-PASSED");
    assert_true(json_is_null(json_object_get(one, "sub_indication")));
    assert_true(json_is_null(json_object_get(one, "now")));
    assert_true(json_is_true(json_object_get(one, "intact")));
    assert_true(json_is_null(json_object_get(one, "changes")));
    assert_true(json_is_null(json_object_get(one, "files")) && json_is_null(json_object_get(json, "uncovered")));
    assert_string_equal(json_string_value(json_object_get(one, "best_time")), "2026-09-21T14:13:20Z");
    assert_string_equal(json_string_value(json_object_get(json_object_get(one, "signer"), "subject")), "CN=Alice");
    json_decref(json);
    sg_report_free(report);

    report = report_of(world, (struct pki_cms){.odd = PKI_NO_CERTIFICATES | PKI_NO_SIGNING_TIME}, CONTENT);
    json = json_of(report);
    one = json_array_get(json_object_get(json, "signatures"), 0);
    assert_keys(one, inner);
    static const char *const nulls[] = {"level", "signer", "claimed_time", "as_of", "good_until"};
    for (size_t i = 0; i < sizeof nulls / sizeof *nulls; i++)
        assert_true(json_is_null(json_object_get(one, nulls[i])));
    assert_int_equal(json_array_size(json_object_get(one, "chain")), 0);
    assert_keys(json_array_get(json_object_get(one, "reasons"), 0), reason);
    json_decref(json);
    sg_report_free(report);
}

/* Two answers, and when and why a certificate is revoked: null, or there. */
static void json_of_two_answers(void **state)
{
    struct world *world = *state;
    _cleanup_(sg_report_freep) struct sg_report *report = report_of(world, ORDINARY, CONTENT);
    struct sg_verdict *verdict = &report->verdicts[0];
    json_t *json = json_of(report);
    json_t *one = json_array_get(json_object_get(json, "signatures"), 0);
    json_t *crl = json_array_get(json_object_get(one, "revocation"), 0);
    assert_true(json_is_null(json_object_get(crl, "revoked_at")));
    assert_true(json_is_null(json_object_get(crl, "reason")));
    json_decref(json);

    verdict->now = (struct sg_conclusion){SG_INDETERMINATE, SG_SUB_REVOKED_NO_POE};
    verdict->revocation[0].revoked_at = PKI_NOW;
    verdict->revocation[0].reason = "keyCompromise";
    json = json_of(report);
    one = json_array_get(json_object_get(json, "signatures"), 0);
    json_t *now = json_object_get(one, "now");
    crl = json_array_get(json_object_get(one, "revocation"), 0);
    assert_string_equal(json_string_value(json_object_get(one, "indication")), "TOTAL-PASSED");
    assert_string_equal(json_string_value(json_object_get(now, "indication")), "INDETERMINATE");
    assert_string_equal(json_string_value(json_object_get(now, "sub_indication")), "REVOKED_NO_POE");
    assert_string_equal(json_string_value(json_object_get(crl, "revoked_at")), "2026-09-21T14:13:20Z");
    assert_string_equal(json_string_value(json_object_get(crl, "reason")), "keyCompromise");
    json_decref(json);
    assert_int_equal(sg_report_exit(report), 0); /* by the answer at the proven time */
}

/* A certificate's answer. */
static void cert_json(void **state)
{
    struct world *world = *state;
    static const char *const keys[] = {"schema",     "file",    "indication", "sub_indication", "chain", "policies",
                                       "revocation", "reasons", NULL};
    struct sg_verifier *verifier = NULL;
    struct sg_report *report = NULL;
    _cleanup_(sg_buf_clear) struct sg_buf out = SG_BUF(SG_MIB);
    const char *text = NULL;
    assert_int_equal(world_verifier(world, &verifier), SG_OK);
    assert_int_equal(sg_cert_check(verifier, "ca.pem", world->ca.cert, SG_CERT_ANY, &report, NULL), SG_OK);
    assert_int_equal(sg_report_cert_json(report, &out, NULL), SG_OK);
    assert_int_equal(sg_buf_text(&out, &text, NULL), SG_OK);
    json_t *json = json_loads(text, 0, NULL);
    assert_keys(json, keys);
    assert_string_equal(json_string_value(json_object_get(json, "schema")), "signet.cert-check/1");
    assert_string_equal(json_string_value(json_object_get(json, "indication")), "PASSED");
    json_decref(json);
    sg_buf_clear(&out);
    assert_int_equal(sg_report_cert_text(report, &out, NULL), SG_OK);
    assert_int_equal(sg_buf_text(&out, &text, NULL), SG_OK);
    assert_ptr_equal(strstr(text, "VALID: ca.pem\n"), text);
    sg_report_free(report);
    sg_verifier_free(verifier);
}

/* What the first line says, and the exit status. */
static void headlines(void **state)
{
    struct world *world = *state;
    static const struct {
        const char *content, *start;
        int exit;
    } expected[] = {
        {CONTENT, "VALID: test.p7s\n", 0}, {"other", "NOT VALID: test.p7s\n", 1}, {NULL, "CANNOT TELL: test.p7s\n", 2}};
    for (size_t i = 0; i < 3; i++) {
        _cleanup_(sg_buf_clear) struct sg_buf out = SG_BUF(SG_MIB);
        const char *text = NULL;
        struct sg_report *report = report_of(world, ORDINARY, expected[i].content);
        assert_int_equal(sg_report_text(report, "test", &out, NULL), SG_OK);
        assert_int_equal(sg_buf_text(&out, &text, NULL), SG_OK);
        assert_ptr_equal(strstr(text, expected[i].start), text);
        assert_non_null(strstr(text, "CN=Alice"));
        assert_non_null(strstr(text, sg_indication_text(report->verdicts[0].indication)));
        assert_int_equal(strstr(text, "-> ") != NULL, i > 0); /* what to do */
        assert_int_equal(sg_report_exit(report), expected[i].exit);
        sg_report_free(report);
    }
}

static void assert_text_has(const struct sg_report *report, const char *what, bool there)
{
    _cleanup_(sg_buf_clear) struct sg_buf out = SG_BUF(SG_MIB);
    const char *text = NULL;
    assert_int_equal(sg_report_text(report, "test", &out, NULL), SG_OK);
    assert_int_equal(sg_buf_text(&out, &text, NULL), SG_OK);
    if ((strstr(text, what) != NULL) != there)
        print_error("%s:\n%s", there ? "not said" : "said", text);
    assert_int_equal(strstr(text, what) != NULL, there);
}

/* What is said of a signature that was valid when it was time-stamped, and is not any more; and of its twin that is. */
static void two_answers(void **state)
{
    struct world *world = *state;
    static const struct {
        enum sg_sub_indication now;
        int64_t revoked_at;
        const char *reason, *said;
    } cases[] = {
        {SG_SUB_REVOKED_NO_POE, PKI_NOW - PKI_DAY, "keyCompromise",
         "It was valid when it was time-stamped, at 2026-09-19T14:13:20Z; "
         "since 2026-09-20T14:13:20Z the certificate is revoked (keyCompromise).\n"},
        {SG_SUB_REVOKED_NO_POE, PKI_NOW - PKI_DAY, NULL, "; since 2026-09-20T14:13:20Z the certificate is revoked.\n"},
        {SG_SUB_REVOKED_NO_POE, SG_TIME_NONE, NULL, "; by now the signer's certificate is revoked.\n"},
        {SG_SUB_REVOKED_CA_NO_POE, PKI_NOW - PKI_DAY, NULL, "; since 2026-09-20T14:13:20Z a CA's certificate is"},
        {SG_SUB_OUT_OF_BOUNDS_NO_POE, SG_TIME_NONE, NULL, "; by now a CA's certificate has ended.\n"},
        {SG_SUB_CRYPTO_CONSTRAINTS_FAILURE_NO_POE, SG_TIME_NONE, NULL, "; by now an algorithm or a key"},
        {SG_SUB_TRY_LATER, PKI_NOW - PKI_DAY, "certificateHold",
         "; since 2026-09-20T14:13:20Z a certificate is suspended."},
        {SG_SUB_TRY_LATER, SG_TIME_NONE, NULL, "; by now what is known about revocation is out of date.\n"},
        {SG_SUB_NO_CERTIFICATE_CHAIN_FOUND, SG_TIME_NONE, NULL,
         "; without the time-stamp the answer would be CANNOT TELL.\n"},
    };
    _cleanup_(sg_report_freep) struct sg_report *report = report_of(world, ORDINARY, CONTENT);
    struct sg_verdict *verdict = &report->verdicts[0];
    assert_text_has(report, "\n  What was signed is unchanged, and the signer's certificate is good.\n", true);
    verdict->best_time = PKI_NOW - 2 * PKI_DAY;
    assert_text_has(report, "was valid when it was time-stamped, at 2026-09-19T14:13:20Z.\n", true);
    assert_text_has(report, "good until:", true);
    assert_text_has(report, "as of now", false);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        verdict->now = (struct sg_conclusion){SG_INDETERMINATE, cases[i].now};
        verdict->revocation[0].revoked_at = cases[i].revoked_at;
        verdict->revocation[0].reason = cases[i].reason;
        assert_text_has(report, cases[i].said, true);
        assert_text_has(report, "good until:", true); /* that of the proof */
        assert_text_has(report, "ETSI:        TOTAL-PASSED, B-B; as of now INDETERMINATE / ", true);
    }
    report->at = PKI_NOW + 1000 * PKI_DAY;
    verdict->now.sub_indication = SG_SUB_OUT_OF_BOUNDS_NO_POE;
    assert_text_has(report, "; the certificate ended at 2027-09-21T14:13:20Z.\n", true);
}

/* Without revocation data of the signer's certificate, whatever is known of its CA's, it is not said to be good, nor to
 * have been valid when it was time-stamped, which may have been after it was revoked. */
static void not_known(void **state)
{
    struct scene *scene = *state;
    struct world *world = &scene->world;
    static const char unknown[] = "Whether the signer's certificate ";
    world_crl(world, &world->ca_crl, &world->ca,
              &(struct pki_crl){.revoked = {{world->signer.cert, AGO(5), CRL_REASON_KEY_COMPROMISE}}});
    for (int stamped = 0; stamped < 2; stamped++) {
        struct made made;
        scene_make(scene, ORDINARY, stamped ? AGO(3) : 0, &made);
        for (enum sg_revocation_mode mode = SG_REVOCATION_NONE; mode <= SG_REVOCATION_SOFT; mode++) {
            world->options.revocation = mode;
            if (mode == SG_REVOCATION_SOFT)
                (void)sk_X509_CRL_delete_ptr(world->crls, world->ca_crl);
            _cleanup_(sg_report_freep) struct sg_report *report = scene_judge(scene, &made);
            assert_int_equal(report->verdicts[0].indication, SG_TOTAL_PASSED);
            assert_text_has(report, unknown, true);
            assert_text_has(report, "certificate is good", false);
            assert_text_has(report, "was valid", false);
            assert_text_has(report, "was there when it was time-stamped", stamped);
            if (mode == SG_REVOCATION_SOFT)
                assert_true(sk_X509_CRL_push(world->crls, world->ca_crl) > 0);
        }
        made_clear(&made);
    }
}

/* Likewise where there are two answers; and its twin, of which it is known. */
static void not_known_then(void **state)
{
    struct scene *scene = *state;
    struct world *world = &scene->world;
    struct made made;
    world_signer(world, &(struct pki_cert){.name = "Old", .not_after = AGO(5)});
    world_crl(world, &world->ca_crl, &world->ca, &(struct pki_crl){.this_update = AGO(11), .next_update = AGO(4)});
    scene_make(scene, ORDINARY, AGO(10), &made);
    for (int known = 0; known < 2; known++) {
        world->options.revocation = known ? SG_REVOCATION_HARD : SG_REVOCATION_NONE;
        _cleanup_(sg_report_freep) struct sg_report *report = scene_judge(scene, &made);
        assert_text_has(report, "It was valid when it was time-stamped, at 2026-09-11T14:13:20Z; the certificate ended",
                        known);
        assert_text_has(report,
                        "It was there when it was time-stamped, at 2026-09-11T14:13:20Z. Whether the signer's "
                        "certificate was revoked by then is not known; the certificate ended",
                        !known);
    }
    made_clear(&made);
}

/* Each sub-indication has a sentence of its own. */
static void meanings(void **state)
{
    (void)state;
    for (enum sg_sub_indication i = SG_SUB_NONE; i <= SG_SUB_NO_POE; i++)
        for (enum sg_sub_indication k = SG_SUB_NONE; k < i; k++)
            assert_string_not_equal(sg_sub_indication_meaning(i), sg_sub_indication_meaning(k));
}

/* Names that would steer a terminal, reorder text, or are no UTF-8: neither in the text nor a broken JSON. */
static void hostile(void **state)
{
    struct world *world = *state;
    world_signer(world, &(struct pki_cert){.name = "Eve\x1b[2J\r\n\xe2\x80\xaeVALID: \"x\""});
    struct sg_report *report = report_of(world, ORDINARY, CONTENT);
    free(report->file);
    report->file = strdup("bad\xff\xfe\x1b[0m\nname\xe2\x80\xae.p7s");

    _cleanup_(sg_buf_clear) struct sg_buf out = SG_BUF(SG_MIB);
    const char *text = NULL;
    assert_int_equal(sg_report_text(report, "con\ttent\x7f", &out, NULL), SG_OK);
    assert_int_equal(sg_buf_text(&out, &text, NULL), SG_OK);
    assert_null(strstr(text, "\x1b"));
    assert_null(strstr(text, "\xe2\x80\xae"));
    assert_null(strstr(text, "\xff"));
    assert_null(strchr(text, '\r'));
    assert_null(strchr(text, '\t'));
    assert_non_null(strstr(text, "bad\xef\xbf\xbd"));

    json_t *json = json_of(report);
    assert_non_null(strstr(json_string_value(json_object_get(json, "file")), "bad\xef\xbf\xbd\xef\xbf\xbd\x1b[0m\n"));
    json_decref(json);
    sg_report_free(report);
}

/* Whatever a file is called, its reports are known as about it; and none that is about another one, too, is. */
static void whose_it_is(void **state)
{
    static const char *const names[] = {"a.p7s", "sub/dir \"x\" \\.p7s", "bad\xff\xfe\x1b[0m\nname\xe2\x80\xae.p7s",
                                        ""};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        _cleanup_(sg_report_freep) struct sg_report *report = report_of(*state, ORDINARY, CONTENT);
        _cleanup_(sg_buf_clear) struct sg_buf text = SG_BUF(SG_MIB), json = SG_BUF(SG_MIB);
        free(report->file);
        report->file = strdup(names[i]);
        assert_int_equal(sg_report_text(report, "content", &text, NULL), SG_OK);
        assert_int_equal(sg_report_text(report, NULL, &text, NULL), SG_OK); /* of a second signature */
        assert_int_equal(sg_report_json(report, &json, NULL), SG_OK);
        assert_true(sg_report_text_is_about(sg_buf_slice(&text), names[i]));
        assert_true(sg_report_json_is_about(sg_buf_slice(&json), names[i]));
        assert_false(sg_report_text_is_about(sg_buf_slice(&text), "b.p7s"));
        assert_false(sg_report_json_is_about(sg_buf_slice(&json), "b.p7s"));
        json.len--;
        assert_false(sg_report_json_is_about(sg_buf_slice(&json), names[i]));
    }
}

static void whose_it_is_not(void **state)
{
#define JSON "{\"schema\":\"signet.verify/1\",\"file\":\"a\",\"format\":null,\"signatures\":["
    static const char *const texts[] = {
        "",
        "VALID: a",
        "  VALID: a\n",
        "FINE: a\n",
        "VALID: a \n",
        "VALID: a\n  why: it is\nVALID: b\n",
        "VALID: a\n VALID: b\n",
        "VALID: a\n\n",
        "VALID: a\n  x",
    };
    static const char *const jsons[] = {
        "",
        "{}",
        "{\"file\":\"a\"}",
        "{\"schema\":\"signet.verify/1\",\"file\":\"a\"}",
        JSON "]",
        JSON "]},{}",
        JSON "]}{\"file\":\"b\"}",
        JSON "],\"file\":\"b\"}",
        JSON "],\"f\\u0069le\":\"b\"}",
        JSON "\"}",
        "{\"schema\":\"signet.verify/1\",\"file\":\"a\"}{\"format\":null}",
    };
    (void)state;
    assert_true(sg_report_text_is_about(slice_of("CANNOT TELL: a\n  why: VALID: b\nNOT VALID: a\n"), "a"));
    assert_true(sg_report_json_is_about(slice_of(JSON "{\"file\":\"\\\"}\"}]}"), "a"));
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_false(sg_report_text_is_about(slice_of(texts[i]), "a"));
    for (size_t i = 0; i < sizeof jsons / sizeof *jsons; i++)
        assert_false(sg_report_json_is_about(slice_of(jsons[i]), "a"));
#undef JSON
}

/* Is a name cut that would fill the screen, at a whole character, and is a report that does not fit called so? */
static void large(void **state)
{
    struct world *world = *state;
    enum { LEN = 10000 };
    static const char cut[] = "\xe2\x80\xa6";
    _cleanup_(X509_NAME_freep) X509_NAME *name = X509_NAME_new();
    _cleanup_(freep) char *text = NULL;
    uint8_t *value = malloc(LEN);
    for (size_t i = 0; i < LEN; i += 2)
        memcpy(value + i, "\xc3\xbc", 2);
    for (int len = 2; len <= LEN; len += LEN - 2) {
        while (X509_NAME_entry_count(name) > 0)
            X509_NAME_ENTRY_free(X509_NAME_delete_entry(name, 0));
        assert_int_equal(X509_NAME_add_entry_by_txt(name, "CN", V_ASN1_UTF8STRING, value, len, -1, 0), 1);
        free(text);
        assert_int_equal(sg_name_text(name, &text, NULL), SG_OK);
        assert_true(strlen(text) <= SG_MAX_NAME_TEXT + strlen("\xc3\xbc") + strlen(cut));
        bool is_cut = strcmp(text + strlen(text) - strlen(cut), cut) == 0;
        assert_int_equal(is_cut, len == LEN);
        assert_memory_equal(text, "CN=\xc3\xbc", 5);
        json_t *json = json_string(text); /* UTF-8 only */
        assert_non_null(json);
        json_decref(json);
    }
    free(value);
    for (int i = 0; i < 1000; i++) /* far beyond: not even begun */
        assert_int_equal(X509_NAME_add_entry_by_txt(name, "CN", V_ASN1_UTF8STRING, (const uint8_t *)"x", 1, -1, 0), 1);
    free(text);
    assert_int_equal(sg_name_text(name, &text, NULL), SG_OK);
    assert_string_equal(text, cut);

    _cleanup_(sg_report_freep) struct sg_report *report = report_of(world, ORDINARY, CONTENT);
    _cleanup_(sg_buf_clear) struct sg_buf small = SG_BUF(100), enough = SG_BUF(SG_MIB);
    assert_int_equal(sg_report_json(report, &small, NULL), SG_E_LIMIT);
    assert_int_equal(small.len, 0);
    assert_int_equal(sg_report_json(report, &enough, NULL), SG_OK);
}

/* No signature: no format, exit 2, and said. */
static void nothing(void **state)
{
    struct world *world = *state;
    enum sg_rc rc;
    struct sg_report *report = judge_bytes(world, slice_of("plain text"), NULL, &rc);
    json_t *json = json_of(report);
    assert_true(json_is_null(json_object_get(json, "format")));
    assert_int_equal(json_array_size(json_object_get(json, "signatures")), 0);
    assert_int_equal(sg_report_exit(report), 2);
    json_decref(json);
    sg_report_free(report);
}

/* The words of reasons: lower-case, distinct; and each has its advice, or none on purpose. */
static void reason_words(void **state)
{
    (void)state;
    for (enum sg_reason_code i = 0; i < SG_REASON_COUNT; i++) {
        const char *word = sg_reason_word(i);
        for (const char *p = word; *p; p++)
            assert_true(islower((unsigned char)*p) || *p == '-');
        for (enum sg_reason_code k = 0; k < i; k++)
            assert_string_not_equal(word, sg_reason_word(k));
        assert_non_null(sg_reason_advice(word));
    }
    assert_string_equal(sg_reason_advice("no such word"), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(json_form),
        WORLD_TEST(json_of_two_answers),
        WORLD_TEST(cert_json),
        SCENE_TEST(not_known),
        SCENE_TEST(not_known_then),
        WORLD_TEST(headlines),
        WORLD_TEST(two_answers),
        cmocka_unit_test(meanings),
        WORLD_TEST(hostile),
        WORLD_TEST(whose_it_is),
        cmocka_unit_test(whose_it_is_not),
        WORLD_TEST(nothing),
        cmocka_unit_test(reason_words),
        WORLD_TEST(large),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
