/* Paths: is the good one found whatever else lies about, in any order; and no bad one taken? */
#include "judging.h"

/* certificatePolicies: 1.2.3.4, and anyPolicy beside it. */
#define POLICY "DER:30:07:30:05:06:03:2a:03:04"
#define POLICY_AND_ANY "DER:30:0f:30:05:06:03:2a:03:04:30:06:06:04:55:1d:20:00"

/* Judges a certificate (any purpose); `length` certificates in its path, -1: any number. */
static void check_by(const struct world *world, enum sg_revocation_mode revocation, X509 *cert,
                     enum sg_indication indication, enum sg_sub_indication sub, const char *reason, int length)
{
    struct sg_verifier_options options = world->options;
    struct sg_verifier *verifier = NULL;
    struct sg_report *report = NULL;
    options.revocation = revocation;
    assert_int_equal(sg_verifier_new(&options, &verifier, NULL), SG_OK);
    assert_int_equal(sg_cert_check(verifier, "test.pem", cert, SG_CERT_ANY, &report, NULL), SG_OK);
    assert_int_equal(report->verdict_count, 1);
    assert_null(report->format);
    assert_verdict(&report->verdicts[0], indication, sub, reason);
    int found = sk_X509_num(report->verdicts[0].chain);
    if (length >= 0)
        assert_int_equal(found > 0 ? found : 0, length);
    sg_report_free(report);
    sg_verifier_free(verifier);
}

/* Revocation is not asked. */
static void check(const struct world *world, X509 *cert, enum sg_indication indication, enum sg_sub_indication sub,
                  const char *reason, int length)
{
    check_by(world, SG_REVOCATION_NONE, cert, indication, sub, reason, length);
}

static void check_passed(const struct world *world, int length)
{
    check(world, world->signer.cert, SG_TOTAL_PASSED, SG_SUB_NONE, NULL, length);
}

static void check_no_path(const struct world *world)
{
    check(world, world->signer.cert, SG_INDETERMINATE, SG_SUB_NO_CERTIFICATE_CHAIN_FOUND, "no-path", 0);
}

static void help(struct world *world, X509 *cert)
{
    assert_true(sk_X509_push(world->intermediates, cert) > 0);
}

/* Helps with the two in either order. */
static void both_orders(struct world *world, X509 *a, X509 *b, int length)
{
    sk_X509_zero(world->intermediates);
    help(world, a);
    help(world, b);
    check_passed(world, length);
    sk_X509_zero(world->intermediates);
    help(world, b);
    help(world, a);
    check_passed(world, length);
    sk_X509_zero(world->intermediates);
}

/* With and without what is needed; an anchor in the middle, and the certificate itself as the anchor. */
static void plain(void **state)
{
    struct world *world = *state;
    check_no_path(world);
    help(world, world->ca.cert);
    check_passed(world, 3);
    sk_X509_zero(world->anchors);
    check_no_path(world);
    assert_true(sk_X509_push(world->anchors, world->ca.cert) > 0); /* not self-signed */
    check_passed(world, 2);
    sk_X509_zero(world->anchors);
    assert_true(sk_X509_push(world->anchors, world->signer.cert) > 0);
    check_passed(world, 1);
}

/* A certificate that is no CA's is trusted by itself: nothing says whether it was revoked. A CA's is an anchor as any.
 */
static void pinned(void **state)
{
    struct world *world = *state;
    sk_X509_zero(world->anchors);
    assert_true(sk_X509_push(world->anchors, world->signer.cert) > 0);
    assert_true(sk_X509_push(world->anchors, world->ca.cert) > 0);
    check_by(world, SG_REVOCATION_HARD, world->signer.cert, SG_INDETERMINATE, SG_SUB_CERTIFICATE_CHAIN_GENERAL_FAILURE,
             "no-revocation-data", 1);
    check_by(world, SG_REVOCATION_SOFT, world->signer.cert, SG_TOTAL_PASSED, SG_SUB_NONE, "no-revocation-data", 1);
    check_by(world, SG_REVOCATION_NONE, world->signer.cert, SG_TOTAL_PASSED, SG_SUB_NONE, "revocation-not-asked", 1);
    check_by(world, SG_REVOCATION_HARD, world->ca.cert, SG_TOTAL_PASSED, SG_SUB_NONE, NULL, 1);
}

/* Two issuers of one name, with and without key identifiers that would tell them apart. */
static void same_name(void **state)
{
    struct world *world = *state;
    struct pki_id twin = pki_issue(world->libctx, &world->root, &(struct pki_cert){.name = "Issuing CA", .ca = true});
    both_orders(world, world->ca.cert, twin.cert, 3);
    help(world, twin.cert);
    check_no_path(world);
    pki_free(&twin);
}

/* One CA, two certificates: one has ended, one is no CA's, one leads nowhere; the other is good. */
static void twins(void **state)
{
    struct world *world = *state;
    struct pki_id elsewhere = pki_issue(world->libctx, NULL, &(struct pki_cert){.name = "Elsewhere", .ca = true});
    const struct pki_cert ended = {.name = "Issuing CA", .ca = true, .not_after = PKI_NOW - PKI_DAY};
    const struct pki_cert no_ca = {.name = "Issuing CA", .basic_constraints = "critical,CA:FALSE", .key_usage = ""};
    const struct pki_cert other = {.name = "Issuing CA", .ca = true};
    X509 *bad[] = {pki_certify(world->libctx, world->ca.key, &world->root, &ended),
                   pki_certify(world->libctx, world->ca.key, &world->root, &no_ca),
                   pki_certify(world->libctx, world->ca.key, &elsewhere, &other)};
    for (size_t i = 0; i < 3; i++)
        both_orders(world, world->ca.cert, bad[i], 3);
    /* Alone, each gives its own answer. */
    help(world, bad[0]);
    check(world, world->signer.cert, SG_INDETERMINATE, SG_SUB_OUT_OF_BOUNDS_NO_POE, "ca-expired", 3);
    sk_X509_zero(world->intermediates);
    help(world, bad[1]);
    check(world, world->signer.cert, SG_INDETERMINATE, SG_SUB_CHAIN_CONSTRAINTS_FAILURE, "path-constraint", 3);
    sk_X509_zero(world->intermediates);
    help(world, bad[2]);
    check_no_path(world);
    for (size_t i = 0; i < 3; i++)
        X509_free(bad[i]);
    pki_free(&elsewhere);
}

/* Several bad paths: is the one that got furthest reported? */
static void best_failure(void **state)
{
    struct world *world = *state;
    X509 *no_ca = pki_certify(world->libctx, world->ca.key, &world->root,
                              &(struct pki_cert){.name = "Issuing CA", .basic_constraints = "critical,CA:FALSE"});
    X509 *ended = pki_certify(world->libctx, world->ca.key, &world->root,
                              &(struct pki_cert){.name = "Issuing CA", .ca = true, .not_after = PKI_NOW - PKI_DAY});
    help(world, no_ca);
    help(world, ended);
    check(world, world->signer.cert, SG_INDETERMINATE, SG_SUB_OUT_OF_BOUNDS_NO_POE, "ca-expired", 3);
    X509_free(no_ca);
    X509_free(ended);
}

/* A cross-certificate: a root that is not trusted here, certified by one that is. And a ring of CAs. */
static void cross_and_loop(void **state)
{
    struct world *world = *state;
    struct pki_id other = pki_issue(world->libctx, NULL, &(struct pki_cert){.name = "Other root", .ca = true});
    X509 *cross = pki_certify(world->libctx, world->root.key, &other, &(struct pki_cert){.name = "Root", .ca = true});
    X509 *back =
        pki_certify(world->libctx, other.key, &world->root, &(struct pki_cert){.name = "Other root", .ca = true});
    sk_X509_zero(world->anchors);
    assert_true(sk_X509_push(world->anchors, other.cert) > 0);
    help(world, world->ca.cert);
    check_no_path(world);
    help(world, world->root.cert);
    help(world, back);
    check_no_path(world);
    help(world, cross);
    check_passed(world, 4);

    /* Only the ring Root -> Other root -> Root, and an anchor that has nothing to do with it. */
    struct pki_id unrelated = pki_issue(world->libctx, NULL, &(struct pki_cert){.name = "Unrelated", .ca = true});
    sk_X509_zero(world->anchors);
    assert_true(sk_X509_push(world->anchors, unrelated.cert) > 0);
    check_no_path(world);
    X509_free(cross);
    X509_free(back);
    pki_free(&other);
    pki_free(&unrelated);
}

/* Constraints that OpenSSL checks, and the bound of the options. */
static void constraints(void **state)
{
    struct world *world = *state;
    const struct pki_cert short_path = {.name = "CA 0", .ca = true, .basic_constraints = "critical,CA:TRUE,pathlen:0"};
    const struct pki_cert names = {
        .name = "Names", .ca = true, .more = {{NID_name_constraints, "critical,permitted;email:.example.com"}}};
    const struct pki_cert unknown = {
        .name = "Odd", .ca = true, .more = {{NID_netscape_comment, "critical,nobody knows this"}}};
    const struct pki_cert v3 = {.name = "No key id", .ca = true};
    struct pki_id limited = pki_issue(world->libctx, &world->root, &short_path);
    struct pki_id below = pki_issue(world->libctx, &limited, &v3);
    struct pki_id named = pki_issue(world->libctx, &world->root, &names);
    struct pki_id odd = pki_issue(world->libctx, &world->root, &unknown);
    struct pki_id direct = pki_issue(world->libctx, &limited, &(struct pki_cert){.name = "A"});
    struct pki_id deep = pki_issue(world->libctx, &below, &(struct pki_cert){.name = "B"});
    struct pki_id inside =
        pki_issue(world->libctx, &named,
                  &(struct pki_cert){.name = "C", .more = {{NID_subject_alt_name, "email:c@mail.example.com"}}});
    struct pki_id outside =
        pki_issue(world->libctx, &named,
                  &(struct pki_cert){.name = "D", .more = {{NID_subject_alt_name, "email:d@evil.example"}}});
    struct pki_id strange = pki_issue(world->libctx, &odd, &(struct pki_cert){.name = "E"});
    X509 *all[] = {limited.cert, below.cert, named.cert, odd.cert};
    for (size_t i = 0; i < 4; i++)
        help(world, all[i]);

    check(world, direct.cert, SG_TOTAL_PASSED, SG_SUB_NONE, NULL, 3);
    check(world, deep.cert, SG_INDETERMINATE, SG_SUB_CHAIN_CONSTRAINTS_FAILURE, "path-constraint", 4);
    check(world, inside.cert, SG_TOTAL_PASSED, SG_SUB_NONE, NULL, 3);
    check(world, outside.cert, SG_INDETERMINATE, SG_SUB_CHAIN_CONSTRAINTS_FAILURE, "path-constraint", 3);
    check(world, strange.cert, SG_INDETERMINATE, SG_SUB_CERTIFICATE_CHAIN_GENERAL_FAILURE, "path-invalid", 3);
    world->options.policy.max_depth = 1;
    check(world, direct.cert, SG_TOTAL_PASSED, SG_SUB_NONE, NULL, 3);
    world->options.policy.max_depth = 0;
    check(world, direct.cert, SG_INDETERMINATE, SG_SUB_NO_CERTIFICATE_CHAIN_FOUND, "no-path", 0);

    struct pki_id *ids[] = {&limited, &below, &named, &odd, &direct, &deep, &inside, &outside, &strange};
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++)
        pki_free(ids[i]);
}

/* The four inputs of policy processing (RFC 5280 §6.1.1), and what is reported of it. */
static void policies(void **state)
{
    struct world *world = *state;
    const struct pki_cert with = {.name = "P", .ca = true, .more = {{NID_certificate_policies, POLICY_AND_ANY}}};
    struct pki_id ca = pki_issue(world->libctx, &world->root, &with);
    struct pki_id leaf =
        pki_issue(world->libctx, &ca, &(struct pki_cert){.name = "L", .more = {{NID_certificate_policies, POLICY}}});
    struct pki_id bare = pki_issue(world->libctx, &ca, &(struct pki_cert){.name = "M"});
    static const char *const wanted[] = {"1.2.3.4"}, *const other[] = {"1.2.3.5"}, *const wrong[] = {"no policy"};
    help(world, ca.cert);
    check(world, leaf.cert, SG_TOTAL_PASSED, SG_SUB_NONE, NULL, 3);
    check(world, bare.cert, SG_TOTAL_PASSED, SG_SUB_NONE, NULL, 3);
    world->options.policy.explicit_policy = true;
    check(world, leaf.cert, SG_TOTAL_PASSED, SG_SUB_NONE, NULL, 3);
    check(world, bare.cert, SG_INDETERMINATE, SG_SUB_CHAIN_CONSTRAINTS_FAILURE, "policy-not-met", 3);
    world->options.policy.policy_count = 1;
    world->options.policy.policies = wanted;
    check(world, leaf.cert, SG_TOTAL_PASSED, SG_SUB_NONE, NULL, 3);
    world->options.policy.policies = other;
    check(world, leaf.cert, SG_INDETERMINATE, SG_SUB_CHAIN_CONSTRAINTS_FAILURE, "policy-not-met", 3);
    world->options.policy.policies = wrong;
    struct sg_verifier *verifier = NULL;
    assert_int_equal(world_verifier(world, &verifier), SG_E_USAGE);

    world->options.policy = (struct sg_policy_options){.max_depth = -1};
    struct sg_report *report = NULL;
    world->options.revocation = SG_REVOCATION_NONE;
    assert_int_equal(world_verifier(world, &verifier), SG_OK);
    assert_int_equal(sg_cert_check(verifier, "l", leaf.cert, SG_CERT_SIGN, &report, NULL), SG_OK);
    assert_int_equal(report->verdicts[0].policy_count, 1);
    assert_string_equal(report->verdicts[0].policies[0], "1.2.3.4");
    sg_report_free(report);
    sg_verifier_free(verifier);
    pki_free(&ca);
    pki_free(&leaf);
    pki_free(&bare);
}

/* Dates, to the second, of the leaf and of the anchor. */
static void dates(void **state)
{
    struct world *world = *state;
    world_signer(world, &(struct pki_cert){.name = "A", .not_before = PKI_NOW, .not_after = PKI_NOW + 10});
    help(world, world->ca.cert);
    check_passed(world, 3);
    world->options.at = PKI_NOW - 1;
    check(world, world->signer.cert, SG_INDETERMINATE, SG_SUB_OUT_OF_BOUNDS_NO_POE, "not-yet-valid", 3);
    world->options.at = PKI_NOW + 10;
    check_passed(world, 3);
    world->options.at = PKI_NOW + 11;
    check(world, world->signer.cert, SG_INDETERMINATE, SG_SUB_OUT_OF_BOUNDS_NO_POE, "expired", 3);
    X509_free(world->ca.cert);
    world->ca.cert = pki_certify(world->libctx, world->ca.key, &world->root,
                                 &(struct pki_cert){.name = "Issuing CA", .ca = true, .not_before = PKI_NOW + 10});
    sk_X509_zero(world->intermediates);
    help(world, world->ca.cert);
    world->options.at = PKI_NOW + 9;
    check(world, world->signer.cert, SG_INDETERMINATE, SG_SUB_OUT_OF_BOUNDS_NO_POE, "ca-not-yet-valid", 3);
    world->options.at = PKI_NOW + 366 * PKI_DAY;
    check(world, world->signer.cert, SG_INDETERMINATE, SG_SUB_OUT_OF_BOUNDS_NO_POE, "ca-expired", 3);
}

/* A CA certificate without key usage, and an intermediate whose basicConstraints are not critical, as private CAs make
 * them, are taken; an anchor that is no CA is not. */
static void lenience(void **state)
{
    struct world *world = *state;
    const struct pki_cert no_usage = {
        .name = "Issuing CA", .ca = true, .key_usage = "", .basic_constraints = "CA:TRUE"};
    X509 *plain_ca = pki_certify(world->libctx, world->ca.key, &world->root, &no_usage);
    help(world, plain_ca);
    check_passed(world, 3);

    X509 *no_ca = pki_certify(world->libctx, world->root.key, NULL,
                              &(struct pki_cert){.name = "Root", .basic_constraints = "critical,CA:FALSE"});
    sk_X509_zero(world->anchors);
    assert_true(sk_X509_push(world->anchors, no_ca) > 0);
    check(world, world->signer.cert, SG_INDETERMINATE, SG_SUB_CHAIN_CONSTRAINTS_FAILURE, NULL, 3);
    X509_free(plain_ca);
    X509_free(no_ca);
}

/* Ten CAs with two keys each, every one certified by both keys of the next: a thousand paths that lead nowhere, and a
 * thousand to an anchor that has ended: too many to try, which is said. */
static void lattice(void **state)
{
    struct world *world = *state;
    enum { LEVELS = 10 };
    struct pki_id level[LEVELS + 1][2];
    X509 *certs[4 * LEVELS];
    size_t count = 0;
    for (int i = 0; i <= LEVELS; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "L%d", i);
        for (int k = 0; k < 2; k++)
            level[i][k] = pki_issue(world->libctx, NULL, &(struct pki_cert){.name = name, .ca = true});
    }
    for (int i = 0; i < LEVELS; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "L%d", i);
        for (int k = 0; k < 4; k++) {
            certs[count] = pki_certify(world->libctx, level[i][k % 2].key, &level[i + 1][k / 2],
                                       &(struct pki_cert){.name = name, .ca = true});
            help(world, certs[count++]);
        }
    }
    struct pki_id leaf = pki_issue(world->libctx, &level[0][0], &(struct pki_cert){.name = "Leaf"});
    check(world, leaf.cert, SG_INDETERMINATE, SG_SUB_NO_CERTIFICATE_CHAIN_FOUND, "no-path", 0);
    assert_true(sk_X509_push(world->anchors, level[LEVELS][1].cert) > 0);
    check(world, leaf.cert, SG_TOTAL_PASSED, SG_SUB_NONE, NULL, LEVELS + 2);
    world->options.at = PKI_NOW + 1000 * PKI_DAY;
    check(world, leaf.cert, SG_INDETERMINATE, SG_SUB_OUT_OF_BOUNDS_NO_POE, "path-limit", LEVELS + 2);
    pki_free(&leaf);
    for (size_t i = 0; i < count; i++)
        X509_free(certs[i]);
    for (int i = 0; i <= LEVELS; i++)
        for (int k = 0; k < 2; k++)
            pki_free(&level[i][k]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(plain),        WORLD_TEST(pinned),         WORLD_TEST(same_name),   WORLD_TEST(twins),
        WORLD_TEST(best_failure), WORLD_TEST(cross_and_loop), WORLD_TEST(constraints), WORLD_TEST(policies),
        WORLD_TEST(dates),        WORLD_TEST(lenience),       WORLD_TEST(lattice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
