/* A verdict in the making: the gravest of several problems is the answer, and none is forgotten. */
#include "judging.h"

#include "verify/verdict.h"

/* EN 319 102-1 §5.1.3: every sub-indication is a problem's answer, with a word; what fails is graver than what is open.
 */
static void answers(void **state)
{
    bool reached[SG_SUB_NO_POE + 1] = {0};
    bool failed = false;
    (void)state;
    for (enum sg_severity i = SG_SEVERITY_NONE; i < SG_SEVERITY_COUNT; i++) {
        struct sg_conclusion conclusion = sg_judgement_conclusion(i);
        assert_int_equal(conclusion.indication == SG_TOTAL_PASSED, i == SG_SEVERITY_NONE);
        assert_true(!failed || conclusion.indication == SG_TOTAL_FAILED);
        failed = conclusion.indication == SG_TOTAL_FAILED;
        reached[conclusion.sub_indication] = true;
    }
    for (enum sg_sub_indication i = SG_SUB_NONE; i <= SG_SUB_NO_POE; i++) {
        assert_true(reached[i]);
        assert_int_equal(sg_sub_indication_text(i) == NULL, i == SG_SUB_NONE);
    }
}

static void note(struct sg_judgement *judgement, enum sg_severity severity)
{
    assert_int_equal(sg_judgement_note(judgement, severity, SG_REASON_EXPIRED, NULL, "%d", severity), SG_OK);
}

/* Does the gravest decide, in whatever order they come, and does what is mitigated show what was behind it? */
static void gravest(void **state)
{
    _cleanup_(sg_judgement_clear) struct sg_judgement one, other;
    (void)state;
    sg_judgement_init(&one);
    sg_judgement_init(&other);
    note(&one, SG_SEVERITY_REVOKED);
    note(&one, SG_SEVERITY_NONE);
    note(&one, SG_SEVERITY_TRY_LATER);
    assert_int_equal(one.verdict.sub_indication, SG_SUB_REVOKED_NO_POE);
    assert_int_equal(one.problems, SG_PROBLEM(SG_SEVERITY_REVOKED) | SG_PROBLEM(SG_SEVERITY_TRY_LATER));
    note(&other, SG_SEVERITY_HASH);
    assert_int_equal(sg_judgement_merge(&other, &one, NULL), SG_OK);
    assert_int_equal(other.verdict.sub_indication, SG_SUB_HASH_FAILURE);
    assert_int_equal(other.problems, one.problems | SG_PROBLEM(SG_SEVERITY_HASH));
    sg_judgement_mitigate(&one, SG_SEVERITY_CA_REVOKED, SG_SEVERITY_FORMAT); /* was not there */
    assert_int_equal(one.verdict.sub_indication, SG_SUB_REVOKED_NO_POE);
    sg_judgement_mitigate(&one, SG_SEVERITY_REVOKED, SG_SEVERITY_OUT_OF_BOUNDS_NOT_REVOKED);
    assert_int_equal(one.verdict.sub_indication, SG_SUB_OUT_OF_BOUNDS_NOT_REVOKED);
    assert_int_equal(one.verdict.now.sub_indication, SG_SUB_OUT_OF_BOUNDS_NOT_REVOKED);
    assert_int_equal(sg_judgement_settle(&one, &other, NULL), SG_OK);
    assert_int_equal(one.problems, other.problems);
    assert_int_equal(one.verdict.indication, SG_TOTAL_FAILED);
    assert_int_equal(one.verdict.reason_count, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(answers), cmocka_unit_test(gravest)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
