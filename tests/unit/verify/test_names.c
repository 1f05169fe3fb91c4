/* Names under constraints: is one that may break a constraint, though it does not read so, refused; and is no other? */
#include "judging.h"

/* Judges a leaf with that subjectAltName below a CA with those constraints ("": none). */
static void judge_names(const struct world *world, const char *constraints, const char *names, bool passes)
{
    const struct pki_cert named = {
        .name = "Names", .ca = true, .more = {{NID_name_constraints, *constraints ? constraints : NULL}}};
    struct pki_id ca = pki_issue(world->libctx, &world->root, &named);
    struct pki_id leaf =
        pki_issue(world->libctx, &ca, &(struct pki_cert){.name = "a.b", .more = {{NID_subject_alt_name, names}}});
    struct sg_verifier_options options = world->options;
    struct sg_verifier *verifier = NULL;
    struct sg_report *report = NULL;
    options.revocation = SG_REVOCATION_NONE;
    assert_true(sk_X509_push(world->intermediates, ca.cert) > 0);
    assert_int_equal(sg_verifier_new(&options, &verifier, NULL), SG_OK);
    assert_int_equal(sg_cert_check(verifier, "test", leaf.cert, SG_CERT_SIGN, &report, NULL), SG_OK);
    print_message("%s / %s\n", constraints, names);
    if (passes)
        assert_verdict(&report->verdicts[0], SG_TOTAL_PASSED, SG_SUB_NONE, NULL);
    else
        assert_int_equal(report->verdicts[0].indication, SG_INDETERMINATE);
    sg_report_free(report);
    sg_verifier_free(verifier);
    sk_X509_zero(world->intermediates);
    pki_free(&leaf);
    pki_free(&ca);
}

struct row {
    const char *constraints, *names;
    bool passes;
};

static void judge_rows(const struct world *world, const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        judge_names(world, rows[i].constraints, rows[i].names, rows[i].passes);
}

/* A CN that looks like a host's name (it is "a.b" in all of these) is none. */
static void hosts(void **state)
{
    static const struct row rows[] = {
        {"critical,permitted;DNS:example.com", "DNS:example.com", true},
        {"critical,permitted;DNS:example.com", "DNS:a.EXAMPLE.com", true},
        {"critical,permitted;DNS:example.com", "DNS:anexample.com", false},
        {"critical,permitted;DNS:example.com", "email:a@elsewhere.example", true},
        {"critical,permitted;DNS:example.com", "DNS:*.example.com", true},
        {"critical,permitted;DNS:a.example.com", "DNS:*.example.com", false},
        {"critical,permitted;DNS:example.com", "DNS:.example.com", false},
        {"critical,permitted;DNS:example.com", "DNS:a..example.com", false},
        {"critical,permitted;DNS:example.com", "DNS:a b.example.com", false},
        {"critical,permitted;DNS:example.com", "DNS:a.*.example.com", false},
        {"", "DNS:.example.com", true}, /* nothing to be kept */
        {"critical,excluded;DNS:bad.example.com", "DNS:good.example.com", true},
        {"critical,excluded;DNS:bad.example.com", "DNS:bad.example.com", false},
        {"critical,excluded;DNS:bad.example.com", "DNS:*.example.com", false},
        {"critical,excluded;DNS:bad.EXAMPLE.com", "DNS:*.example.com", false},
        {"critical,excluded;DNS:bad.example.com", "DNS:*.example.org", true},
        {"critical,permitted;DNS:.example.com", "DNS:a.example.com", false},
        {"critical,permitted;DNS:*.example.com", "DNS:a.example.com", false},
    };
    judge_rows(*state, rows, sizeof rows / sizeof *rows);
}

static void mail(void **state)
{
    static const struct row rows[] = {
        {"critical,permitted;email:example.com", "email:a@example.com", true},
        {"critical,permitted;email:example.com", "email:a@mail.example.com", false},
        {"critical,permitted;email:.example.com", "email:a@mail.example.com", true},
        {"critical,permitted;email:.example.com", "email:a@example.com", false},
        {"critical,permitted;email:a@example.com", "email:a@example.com", true},
        {"critical,permitted;email:a@example.com", "email:b@example.com", false},
        {"critical,permitted;email:example.com", "email:a@b@example.com", false},
        {"critical,permitted;email:example.com", "email:\"a@b\"@example.com", true},
        {"critical,permitted;email:example.com", "email:@example.com", false},
        {"critical,excluded;email:example.com", "email:a@example.org", true},
        {"critical,excluded;email:example.com", "email:a@example.com", false},
        {"critical,excluded;email:example.com", "email:nobody", false},
        {"critical,permitted;email:a@b@example.com", "email:a@example.com", false},
    };
    judge_rows(*state, rows, sizeof rows / sizeof *rows);
}

static void others(void **state)
{
    static const struct row rows[] = {
        {"critical,permitted;URI:example.com", "URI:https://example.com/a", true},
        {"critical,permitted;URI:.example.com", "URI:https://u@a.example.com:443/a?b", true},
        {"critical,permitted;URI:example.com", "URI:https://example.org/a", false},
        {"critical,excluded;URI:example.org", "URI:https://example.com/", true},
        {"critical,excluded;URI:example.org", "URI:https://192.0.2.1/", false},
        {"critical,excluded;URI:example.org", "URI:https://[2001:db8::1]/", false},
        {"critical,excluded;URI:example.org", "URI:urn:a:b", false},
        {"critical,permitted;IP:192.0.2.0/255.255.255.0", "IP:192.0.2.7", true},
        {"critical,permitted;IP:192.0.2.0/255.255.255.0", "IP:192.0.3.7", false},
        {"critical,permitted;IP:192.0.2.0/255.255.255.0", "IP:2001:db8::1", false},
        {"critical,excluded;IP:192.0.2.0/255.255.255.0", "IP:192.0.2.7", false},
        {"critical,excluded;IP:192.0.2.0/255.0.255.0", "IP:10.0.0.1", false}, /* no mask */
        {"critical,excluded;RID:1.2.3", "RID:1.2.4", false},                  /* nobody can say what is below */
        {"critical,excluded;RID:1.2.3", "email:a@example.com", true},
        {"permitted;email:example.com", "email:a@example.com", false}, /* not critical */
    };
    judge_rows(*state, rows, sizeof rows / sizeof *rows);
}

/* Name constraints in a certificate that is no CA's. */
static void of_leaf(void **state)
{
    struct world *world = *state;
    struct pki_id leaf = pki_issue(
        world->libctx, &world->ca,
        &(struct pki_cert){.name = "Leaf", .more = {{NID_name_constraints, "critical,permitted;email:example.com"}}});
    struct sg_verifier_options options = world->options;
    struct sg_verifier *verifier = NULL;
    struct sg_report *report = NULL;
    options.revocation = SG_REVOCATION_NONE;
    assert_true(sk_X509_push(world->intermediates, world->ca.cert) > 0);
    assert_int_equal(sg_verifier_new(&options, &verifier, NULL), SG_OK);
    assert_int_equal(sg_cert_check(verifier, "test", leaf.cert, SG_CERT_SIGN, &report, NULL), SG_OK);
    assert_verdict(&report->verdicts[0], SG_INDETERMINATE, SG_SUB_CERTIFICATE_CHAIN_GENERAL_FAILURE, "path-invalid");
    sg_report_free(report);
    sg_verifier_free(verifier);
    pki_free(&leaf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(hosts),
        WORLD_TEST(mail),
        WORLD_TEST(others),
        WORLD_TEST(of_leaf),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
