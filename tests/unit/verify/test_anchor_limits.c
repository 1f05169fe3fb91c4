/* The text that limits an anchor: is what it says read, what says nothing refused, and each line checked? */
#include "judging.h"
#include "verify/anchor_limits.h"

static void assert_text(const char *text, bool good)
{
    struct sg_anchor_limits *limits = NULL;
    enum sg_rc rc = sg_anchor_limits_parse(text, &limits, NULL);
    if (rc != (good ? SG_OK : SG_E_MALFORMED))
        fail_msg("%s: %d", text, rc);
    assert_true(!good || !*text || limits);
    sg_anchor_limits_free(limits);
}

static void texts(void **state)
{
    (void)state;
    static const char *const good[] = {
        "",
        "not-before 2026-01-01T00:00:00Z\n",
        "not-after 2026-01-01\nnot-before 2025-01-01\n",
        "policy 1.2.3\npolicy 1.2.4",
        "permit email:example.com\nexclude email:.example.com\npermit dns:example.com\npermit uri:.example.com\n",
        "permit ip:192.0.2.0/24\nexclude ip:2001:db8::/32\npermit ip:0.0.0.0/0\n",
        "permit dir:O=Example,C=GB\n",
        "permit email:somebody@example.com\n",
    };
    static const char *const bad[] = {
        "\n",
        "permit",
        "permit \n",
        " permit email:example.com\n",
        "permits email:example.com\n",
        "policy one.two\n",
        "policy 1.2.3\n\n",
        "not-after soon\n",
        "not-after 2026-01-01\nnot-after 2027-01-01\n",
        "permit example.com\n",
        "permit email:\n",
        "permit email:a@b@example.com\n",
        "permit dns:.example.com\n",
        "permit dns:*.example.com\n",
        "permit ip:192.0.2.0\n",
        "permit ip:192.0.2.0/33\n",
        "permit ip:192.0.2.0/-1\n",
        "permit ip:192.0.2/24\n",
        "permit ip:2001:db8::/129\n",
        "permit dir:Example\n",
        "permit other:example.com\n",
        "permit dns:ex\xc3\xa4mple.com\n",
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_text(good[i], true);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_text(bad[i], false);
}

static void parsed(void **state)
{
    (void)state;
    static const uint8_t range[] = {192, 0, 2, 0, 255, 255, 254, 0};
    _cleanup_(sg_anchor_limits_freep) struct sg_anchor_limits *limits = NULL;
    assert_int_equal(
        sg_anchor_limits_parse("not-after 2026-09-21T14:13:20Z\npermit ip:192.0.2.0/23\nexclude dns:a.example\n"
                               "policy 1.2.3\n",
                               &limits, NULL),
        SG_OK);
    assert_int_equal(limits->not_before, SG_TIME_NONE);
    assert_int_equal(limits->not_after, PKI_NOW);
    assert_int_equal(sk_ASN1_OBJECT_num(limits->policies), 1);
    assert_int_equal(sk_GENERAL_SUBTREE_num(limits->names->permittedSubtrees), 1);
    assert_int_equal(sk_GENERAL_SUBTREE_num(limits->names->excludedSubtrees), 1);
    const GENERAL_NAME *base = sk_GENERAL_SUBTREE_value(limits->names->permittedSubtrees, 0)->base;
    assert_int_equal(base->type, GEN_IPADD);
    assert_int_equal(base->d.iPAddress->length, sizeof range);
    assert_memory_equal(base->d.iPAddress->data, range, sizeof range);
}

static void lines(void **state)
{
    (void)state;
    _cleanup_(sg_buf_clear) struct sg_buf text = SG_BUF(SG_MAX_ANCHOR_LIMITS);
    struct sg_anchor_limit limit;
    const char *at = NULL;
    assert_int_equal(sg_anchor_limit_add("not-after", "2026-09-21T16:13:20+02:00", &text, NULL), SG_OK);
    assert_int_equal(sg_anchor_limit_add("permit", "dir:O=A B,C=GB", &text, NULL), SG_OK);
    assert_int_equal(sg_anchor_limit_add("permit", "email:a\npolicy 1.2", &text, NULL), SG_E_MALFORMED);
    assert_int_equal(sg_anchor_limit_add("allow", "email:example.com", &text, NULL), SG_E_MALFORMED);
    assert_int_equal(sg_buf_text(&text, &at, NULL), SG_OK);
    assert_string_equal(at, "not-after 2026-09-21T14:13:20Z\npermit dir:O=A B,C=GB\n");
    assert_true(sg_anchor_limit_next(&at, &limit));
    assert_string_equal(limit.word, "not-after");
    assert_true(sg_anchor_limit_next(&at, &limit));
    assert_string_equal(limit.word, "permit");
    assert_true(sg_slice_equal(limit.value, slice_of("dir:O=A B,C=GB")));
    assert_false(sg_anchor_limit_next(&at, &limit));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts),
        cmocka_unit_test(parsed),
        cmocka_unit_test(lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
