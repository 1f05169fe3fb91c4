/* Certificates that are many, or lead round and round: is there an answer within a second? */
#include <stdio.h>
#include <time.h>

#include "base/sanitize.h"
#include "judging.h"

#define SECOND (SG_SANITIZED ? 20.0 : 1.0)

/* Of this thread: others may keep the machine busy. */
static double cpu_seconds(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void judge_soon(const struct world *world, X509 *cert, enum sg_indication indication, enum sg_sub_indication sub,
                       const char *reason)
{
    struct sg_verifier_options options = world->options;
    struct sg_verifier *verifier = NULL;
    struct sg_report *report = NULL;
    options.revocation = SG_REVOCATION_NONE;
    assert_int_equal(sg_verifier_new(&options, &verifier, NULL), SG_OK);
    double start = cpu_seconds();
    assert_int_equal(sg_cert_check(verifier, "test", cert, SG_CERT_ANY, &report, NULL), SG_OK);
    double spent = cpu_seconds() - start;
    print_message("%d certificates: %.2f s\n", sk_X509_num(world->intermediates), spent);
    assert_verdict(&report->verdicts[0], indication, sub, reason);
    assert_true(spent < SECOND);
    sg_report_free(report);
    sg_verifier_free(verifier);
}

static X509 *help(struct world *world, X509 *cert)
{
    assert_true(sk_X509_push(world->intermediates, cert) > 0);
    return cert;
}

static void free_helpers(struct world *world)
{
    while (sk_X509_num(world->intermediates) > 0)
        X509_free(sk_X509_pop(world->intermediates));
}

/* 1,000 certificates of one name and key, that certify each other; with and without the one that leads on. */
static void one_name(void **state)
{
    struct world *world = *state;
    for (int i = 0; i < 1000; i++)
        help(world, pki_certify(world->libctx, world->ca.key, &world->ca,
                                &(struct pki_cert){.name = "Issuing CA", .ca = true}));
    judge_soon(world, world->signer.cert, SG_INDETERMINATE, SG_SUB_NO_CERTIFICATE_CHAIN_FOUND, "no-path");
    X509_up_ref(world->ca.cert);
    help(world, world->ca.cert);
    judge_soon(world, world->signer.cert, SG_TOTAL_PASSED, SG_SUB_NONE, NULL);
    free_helpers(world);
}

/* 1,000 certificates of one name, each of a key of its own, all by the anchor: none is the signer's issuer. */
static void one_name_many_keys(void **state)
{
    struct world *world = *state;
    for (int i = 0; i < 1000; i++) {
        struct pki_id id = pki_issue(world->libctx, &world->root, &(struct pki_cert){.name = "Issuing CA", .ca = true});
        EVP_PKEY_free(id.key);
        help(world, id.cert);
    }
    judge_soon(world, world->signer.cert, SG_INDETERMINATE, SG_SUB_NO_CERTIFICATE_CHAIN_FOUND, "no-path");
    free_helpers(world);
}

/* 1,000 certificates of one name with keys that take long, each of which may be the signer's issuer, and is not. */
static void one_name_slow_keys(void **state)
{
    struct world *world = *state;
    static const char *const curves[] = {"sect233r1", "brainpoolP256r1", "sect571r1"};
    for (size_t i = 0; i < sizeof curves / sizeof *curves; i++) {
        EVP_PKEY *slow = EVP_PKEY_Q_keygen(world->libctx, NULL, "EC", curves[i]);
        EVP_PKEY *other = EVP_PKEY_Q_keygen(world->libctx, NULL, "EC", curves[i]);
        assert_true(slow && other);
        for (int k = 0; k < 1000; k++)
            help(world,
                 pki_certify(world->libctx, slow, &world->root, &(struct pki_cert){.name = "Slow CA", .ca = true}));
        const struct pki_id issuer = {.cert = sk_X509_value(world->intermediates, 0), .key = other};
        struct pki_id leaf = pki_issue(world->libctx, &issuer, &(struct pki_cert){.name = "Leaf"});
        judge_soon(world, leaf.cert, SG_INDETERMINATE, SG_SUB_NO_CERTIFICATE_CHAIN_FOUND, "path-limit");
        pki_free(&leaf);
        EVP_PKEY_free(slow);
        EVP_PKEY_free(other);
        free_helpers(world);
    }
}

/* 12 CA certificates of 250 kB, each of which 960 others may have issued, and did not. */
static void large_certificates(void **state)
{
    struct world *world = *state;
    enum { SIZE = 250000 };
    char *large = malloc(2 * SIZE + 16);
    assert_non_null(large);
    char *end = large + sprintf(large, "DER:0483%06x", (unsigned)SIZE);
    memset(end, '0', (size_t)2 * SIZE);
    end[(size_t)2 * SIZE] = '\0';
    EVP_PKEY *quick = EVP_PKEY_Q_keygen(world->libctx, NULL, "RSA", (size_t)1024);
    EVP_PKEY *other = EVP_PKEY_Q_keygen(world->libctx, NULL, "RSA", (size_t)1024);
    assert_true(quick && other);
    for (int i = 0; i < 960; i++)
        help(world,
             pki_certify(world->libctx, quick, &world->root, &(struct pki_cert){.name = "Quick CA", .ca = true}));
    const struct pki_id top = {.cert = sk_X509_value(world->intermediates, 0), .key = other};
    struct pki_id middle = {.key = pki_key(world->libctx)};
    for (int i = 0; i < 12; i++)
        middle.cert = help(
            world,
            pki_certify(world->libctx, middle.key, &top,
                        &(struct pki_cert){.name = "Large CA", .ca = true, .more = {{NID_netscape_comment, large}}}));
    struct pki_id leaf = pki_issue(world->libctx, &middle, &(struct pki_cert){.name = "Leaf"});
    judge_soon(world, leaf.cert, SG_INDETERMINATE, SG_SUB_NO_CERTIFICATE_CHAIN_FOUND, "path-limit");
    pki_free(&leaf);
    EVP_PKEY_free(middle.key);
    EVP_PKEY_free(quick);
    EVP_PKEY_free(other);
    free_helpers(world);
    free(large);
}

/* 31 CAs, each certified by every other, and none by the anchor. */
static void mesh(void **state)
{
    struct world *world = *state;
    enum { COUNT = 31 };
    struct pki_id cas[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "Mesh %zu", i);
        cas[i] = pki_issue(world->libctx, NULL, &(struct pki_cert){.name = name, .ca = true});
    }
    for (size_t i = 0; i < COUNT; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "Mesh %zu", i);
        for (size_t k = 0; k < COUNT; k++)
            if (k != i)
                help(world,
                     pki_certify(world->libctx, cas[i].key, &cas[k], &(struct pki_cert){.name = name, .ca = true}));
    }
    struct pki_id leaf = pki_issue(world->libctx, &cas[0], &(struct pki_cert){.name = "Leaf"});
    judge_soon(world, leaf.cert, SG_INDETERMINATE, SG_SUB_NO_CERTIFICATE_CHAIN_FOUND, "path-limit");
    /* The anchor certifies one of them. */
    X509 *bridge = help(
        world, pki_certify(world->libctx, cas[0].key, &world->root, &(struct pki_cert){.name = "Mesh 0", .ca = true}));
    assert_non_null(bridge);
    judge_soon(world, leaf.cert, SG_TOTAL_PASSED, SG_SUB_NONE, NULL);
    pki_free(&leaf);
    for (size_t i = 0; i < COUNT; i++)
        pki_free(&cas[i]);
    free_helpers(world);
}

/* `count` policies under 1.2.3, each mapped to every one: the tree of them has count^depth leaves. */
static void policies_and_mappings(int count, char *policies, char *mappings)
{
    uint8_t der[16384], *at = der;
    int policy_len = count * 7, mapping_len = count * count * 12;
    char *out = policies;
    /* certificatePolicies: SEQUENCE OF SEQUENCE { OID 1.2.3.i } */
    *at++ = 0x30, *at++ = 0x82, *at++ = (uint8_t)(policy_len >> 8), *at++ = (uint8_t)policy_len;
    for (int i = 0; i < count; i++)
        memcpy(at, (const uint8_t[]){0x30, 0x05, 0x06, 0x03, 0x2a, 0x03, (uint8_t)(i + 1)}, 7), at += 7;
    out += sprintf(out, "DER");
    for (const uint8_t *p = der; p < at; p++)
        out += sprintf(out, ":%02x", *p);
    /* policyMappings: SEQUENCE OF SEQUENCE { OID, OID } */
    out = mappings, at = der;
    *at++ = 0x30, *at++ = 0x82, *at++ = (uint8_t)(mapping_len >> 8), *at++ = (uint8_t)mapping_len;
    for (int i = 0; i < count * count; i++)
        memcpy(at,
               (const uint8_t[]){0x30, 0x0a, 0x06, 0x03, 0x2a, 0x03, (uint8_t)(i / count + 1), 0x06, 0x03, 0x2a, 0x03,
                                 (uint8_t)(i % count + 1)},
               12),
            at += 12;
    out += sprintf(out, "DER");
    for (const uint8_t *p = der; p < at; p++)
        out += sprintf(out, ":%02x", *p);
}

/* It is not taken for a want of memory. */
static void policy_tree(void **state)
{
    struct world *world = *state;
    static char policies[65536], mappings[65536];
    policies_and_mappings(20, policies, mappings);
    const struct pki_extension more[] = {{NID_certificate_policies, policies}, {NID_policy_mappings, mappings}};
    struct pki_id ids[12];
    struct pki_id issuer = world->root;
    for (size_t i = 0; i < 12; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "Policies %zu", i);
        ids[i] =
            pki_issue(world->libctx, &issuer, &(struct pki_cert){.name = name, .ca = true, .more = {more[0], more[1]}});
        issuer = ids[i];
        X509_up_ref(ids[i].cert);
        help(world, ids[i].cert);
    }
    struct pki_id leaf = pki_issue(world->libctx, &issuer, &(struct pki_cert){.name = "Leaf", .more = {more[0]}});
    judge_soon(world, leaf.cert, SG_INDETERMINATE, SG_SUB_CERTIFICATE_CHAIN_GENERAL_FAILURE, "path-limit");
    pki_free(&leaf);
    for (size_t i = 0; i < 12; i++)
        pki_free(&ids[i]);
    free_helpers(world);
}

/* 2,000 names under 2,000 constraints: four million comparisons are not made. */
static void names_and_constraints(void **state)
{
    struct world *world = *state;
    enum { COUNT = 2000, ROOM = COUNT * 48 };
    char *constraints = malloc(ROOM), *names = malloc(ROOM), *c = constraints, *n = names;
    assert_true(constraints && names);
    for (int i = 0; i < COUNT; i++) {
        c += sprintf(c, "%sexcluded;DNS:x%d.example", i ? "," : "critical,", i);
        n += sprintf(n, "%sDNS:*.y%d.example", i ? "," : "", i);
    }
    struct pki_id ca =
        pki_issue(world->libctx, &world->root,
                  &(struct pki_cert){.name = "Names", .ca = true, .more = {{NID_name_constraints, constraints}}});
    struct pki_id leaf =
        pki_issue(world->libctx, &ca, &(struct pki_cert){.name = "Leaf", .more = {{NID_subject_alt_name, names}}});
    X509_up_ref(ca.cert);
    help(world, ca.cert);
    judge_soon(world, leaf.cert, SG_INDETERMINATE, SG_SUB_CERTIFICATE_CHAIN_GENERAL_FAILURE, "path-invalid");
    pki_free(&leaf);
    pki_free(&ca);
    free_helpers(world);
    free(constraints);
    free(names);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(one_name),
        WORLD_TEST(one_name_many_keys),
        WORLD_TEST(one_name_slow_keys),
        WORLD_TEST(large_certificates),
        WORLD_TEST(mesh),
        WORLD_TEST(policy_tree),
        WORLD_TEST(names_and_constraints),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
