/* The verdict on one signature: each answer of the design's table, beside the same signature in good order. */
#include "judging.h"
#include "verify/signer.h"

/* Does a good signature pass, and say everything about itself? */
static void good(void **state)
{
    struct world *world = *state;
    _cleanup_(sg_buf_clear) struct sg_buf cms = SG_BUF(SG_MIB);
    enum sg_rc rc;
    world_sign(world, ORDINARY, &cms);
    _cleanup_(sg_report_freep) struct sg_report *report = judge_bytes(world, sg_buf_slice(&cms), CONTENT, &rc);
    assert_int_equal(rc, SG_OK);
    const struct sg_verdict *verdict = &report->verdicts[0];
    assert_verdict(verdict, SG_TOTAL_PASSED, SG_SUB_NONE, NULL);
    assert_true(verdict->intact);
    assert_string_equal(verdict->id, "1");
    assert_string_equal(verdict->level, "B-B");
    assert_string_equal(verdict->covers, "whole file");
    assert_string_equal(verdict->digest, "sha256");
    assert_string_equal(verdict->algorithm, "ecdsa");
    assert_int_equal(X509_cmp(verdict->signer, world->signer.cert), 0);
    assert_int_equal(verdict->claimed_time, PKI_NOW - 3600);
    assert_int_equal(verdict->best_time, PKI_NOW);
    assert_int_equal(verdict->as_of, PKI_NOW - PKI_DAY);
    assert_int_equal(verdict->good_until, PKI_NOW + 7 * PKI_DAY);
    assert_int_equal(sk_X509_num(verdict->chain), 3);
    assert_int_equal(X509_cmp(sk_X509_value(verdict->chain, 2), world->root.cert), 0);
    assert_int_equal(verdict->revocation_count, 2);
    assert_string_equal(verdict->revocation[0].status, "good");
    assert_int_equal(verdict->reason_count, 0);
    assert_int_equal(sg_report_exit(report), 0);
}

/* Attached, and with each kind of key and algorithm identifier? */
static void kinds(void **state)
{
    struct world *world = *state;
    judge(world, (struct pki_cms){.attached = true}, NULL, SG_TOTAL_PASSED, SG_SUB_NONE, NULL, true);
    judge(world, (struct pki_cms){.digest = "SHA512"}, CONTENT, SG_TOTAL_PASSED, SG_SUB_NONE, NULL, true);

    struct pki_id rsa = {.key = EVP_PKEY_Q_keygen(world->libctx, NULL, "RSA", (size_t)2048)};
    rsa.cert = pki_certify(world->libctx, rsa.key, &world->ca, &(struct pki_cert){.name = "Rob"});
    struct pki_id ed = {.key = EVP_PKEY_Q_keygen(world->libctx, NULL, "ED25519")};
    ed.cert = pki_certify(world->libctx, ed.key, &world->ca, &(struct pki_cert){.name = "Ed"});
    const struct pki_cms by_rsa = {.signer = &rsa}, by_ed = {.signer = &ed, .digest = "SHA512"};
    const struct pki_cms by_pss = {.signer = &rsa, .odd = PKI_PSS};
    const struct pki_cms by_oid = {.signer = &rsa, .odd = PKI_PLAIN_RSA_OID};
    const struct pki_cms all[] = {by_rsa, by_ed, by_pss, by_oid};
    for (size_t i = 0; i < 4; i++) {
        judge(world, all[i], CONTENT, SG_TOTAL_PASSED, SG_SUB_NONE, NULL, true);
        judge(world, all[i], CONTENT "?", SG_TOTAL_FAILED, SG_SUB_HASH_FAILURE, "content-changed", false);
    }
    /* A certificate of the same name and number, but of another key: the value does not fit it. */
    struct pki_id wrong = {.key = rsa.key, .cert = ed.cert};
    judge(world, (struct pki_cms){.signer = &wrong}, CONTENT, SG_TOTAL_FAILED, SG_SUB_SIG_CRYPTO_FAILURE,
          "signature-wrong", false);
    pki_free(&rsa);
    pki_free(&ed);
}

/* EN 319 102-1 §5.2.7.4: is content that was changed, or is not there, told apart? */
static void content(void **state)
{
    struct world *world = *state;
    judge_passed(world);
    judge(world, ORDINARY, CONTENT " ", SG_TOTAL_FAILED, SG_SUB_HASH_FAILURE, "content-changed", false);
    judge(world, ORDINARY, "", SG_TOTAL_FAILED, SG_SUB_HASH_FAILURE, "content-changed", false);
    judge(world, ORDINARY, NULL, SG_INDETERMINATE, SG_SUB_SIGNED_DATA_NOT_FOUND, "content-absent", false);
}

/* A file named beside an attached signature: must it be the attached content? */
static void content_beside_attached(void **state)
{
    struct world *world = *state;
    const struct pki_cms attached = {.attached = true};
    judge(world, attached, CONTENT, SG_TOTAL_PASSED, SG_SUB_NONE, NULL, true);
    judge(world, attached, "another file", SG_TOTAL_FAILED, SG_SUB_HASH_FAILURE, "content-differs", false);
}

/* EN 319 102-1 §5.2.3.4: does the signing-certificate reference bind the certificate, and is its absence said? */
static void reference(void **state)
{
    struct world *world = *state;
    /* The same name, number and key, so that the signature value fits; but another certificate. */
    X509 *twin = pki_certify(world->libctx, world->signer.key, &world->ca,
                             &(struct pki_cert){.name = "Alice",
                                                .serial = ASN1_INTEGER_get(X509_get0_serialNumber(world->signer.cert)),
                                                .not_after = PKI_NOW + PKI_DAY});
    judge(world, (struct pki_cms){.reference = twin}, CONTENT, SG_INDETERMINATE, SG_SUB_NO_SIGNING_CERTIFICATE_FOUND,
          "signing-certificate-mismatch", true);
    /* Both came along: the one that is named is the one. */
    judge(world, (struct pki_cms){.reference = twin, .carried = {world->ca.cert, twin}}, CONTENT, SG_TOTAL_PASSED,
          SG_SUB_NONE, NULL, true);
    judge(world, (struct pki_cms){.odd = PKI_NO_REFERENCE}, CONTENT, SG_TOTAL_PASSED, SG_SUB_NONE,
          "no-signing-certificate-attribute", true);
    X509_free(twin);
}

/* Without the reference, or without a signing time: no level? */
static void level(void **state)
{
    struct world *world = *state;
    const unsigned odd[] = {PKI_NO_REFERENCE, PKI_NO_SIGNING_TIME};
    for (size_t i = 0; i < 2; i++) {
        _cleanup_(sg_buf_clear) struct sg_buf cms = SG_BUF(SG_MIB);
        enum sg_rc rc;
        world_sign(world, (struct pki_cms){.odd = odd[i]}, &cms);
        _cleanup_(sg_report_freep) struct sg_report *report = judge_bytes(world, sg_buf_slice(&cms), CONTENT, &rc);
        assert_int_equal(rc, SG_OK);
        assert_null(report->verdicts[0].level);
        assert_int_equal(report->verdicts[0].indication, SG_TOTAL_PASSED);
    }
}

/* EN 319 102-1 §5.2.2.4: are signed attributes that are missing, double or malformed never passed? */
static void attributes(void **state)
{
    struct world *world = *state;
    judge_passed(world);
    judge(world, (struct pki_cms){.odd = PKI_UNSORTED}, CONTENT, SG_TOTAL_PASSED, SG_SUB_NONE, NULL, true);
    judge(world, (struct pki_cms){.odd = PKI_NO_SIGNED_ATTRS}, CONTENT, SG_INDETERMINATE,
          SG_SUB_SIG_CONSTRAINTS_FAILURE, "no-signed-attributes", true);
    judge(world, (struct pki_cms){.odd = PKI_NO_SIGNED_ATTRS}, CONTENT "?", SG_TOTAL_FAILED, SG_SUB_SIG_CRYPTO_FAILURE,
          "signature-wrong", false);

    const unsigned doubles[] = {PKI_TWO_CONTENT_TYPES, PKI_TWO_DIGESTS, PKI_TWO_DIGEST_VALUES, PKI_TWO_SIGNING_TIMES,
                                PKI_TWO_REFERENCES};
    for (size_t i = 0; i < sizeof doubles / sizeof *doubles; i++)
        judge(world, (struct pki_cms){.odd = doubles[i]}, CONTENT, SG_TOTAL_FAILED, SG_SUB_FORMAT_FAILURE,
              "attribute-duplicate", false);
    const unsigned lacking[] = {PKI_NO_DIGEST, PKI_NO_DIGEST_VALUE};
    for (size_t i = 0; i < sizeof lacking / sizeof *lacking; i++)
        judge(world, (struct pki_cms){.odd = lacking[i]}, CONTENT, SG_TOTAL_FAILED, SG_SUB_FORMAT_FAILURE,
              "signature-malformed", false);
    const unsigned wrong[] = {PKI_NO_CONTENT_TYPE, PKI_OTHER_CONTENT_TYPE, PKI_MALFORMED_REFERENCE};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        judge(world, (struct pki_cms){.odd = wrong[i]}, CONTENT, SG_TOTAL_FAILED, SG_SUB_FORMAT_FAILURE,
              "signature-malformed", true);
}

/* The signed attributes of a good signature, handed on as the content of one without signed attributes: passed? */
static void attributes_as_content(void **state)
{
    struct world *world = *state;
    struct pki_attrs attrs = {0};
    _cleanup_(sg_buf_clear) struct sg_buf as_content = SG_BUF(SG_MIB);
    struct pki_cms original = {.signer = &world->signer, .content = slice_of(CONTENT)};
    pki_make_attrs(&original, &attrs);
    pki_write_attrs(&attrs, SG_DER_SET, &as_content);
    judge(world, (struct pki_cms){.attached = true, .content = sg_buf_slice(&as_content), .odd = PKI_NO_SIGNED_ATTRS},
          NULL, SG_INDETERMINATE, SG_SUB_SIG_CONSTRAINTS_FAILURE, "no-signed-attributes", true);
    for (size_t i = 0; i < attrs.count; i++)
        sg_buf_clear(&attrs.bytes[i]);
}

/* Is a signer's certificate that did not come along found among the helping ones, and missed otherwise? */
static void certificate_absent(void **state)
{
    struct world *world = *state;
    const struct pki_cms bare = {.odd = PKI_NO_CERTIFICATES};
    judge(world, bare, CONTENT, SG_INDETERMINATE, SG_SUB_NO_SIGNING_CERTIFICATE_FOUND, "no-signer-certificate", false);
    judge(world, bare, CONTENT "?", SG_TOTAL_FAILED, SG_SUB_HASH_FAILURE, "content-changed", false);
    assert_true(sk_X509_push(world->intermediates, world->signer.cert) > 0);
    assert_true(sk_X509_push(world->intermediates, world->ca.cert) > 0);
    judge(world, bare, CONTENT, SG_TOTAL_PASSED, SG_SUB_NONE, NULL, true);
}

/* Usages that are not for documents? */
static void usage(void **state)
{
    struct world *world = *state;
    static const char *const good_purposes[] = {"emailProtection", "1.3.6.1.5.5.7.3.36", "clientAuth,emailProtection",
                                                "anyExtendedKeyUsage"};
    static const char *const bad_purposes[] = {"serverAuth", "critical,timeStamping", "OCSPSigning", "clientAuth"};
    for (size_t i = 0; i < 4; i++) {
        world_signer(world, &(struct pki_cert){.name = "Eve", .more = {{NID_ext_key_usage, good_purposes[i]}}});
        assert_true(sg_cert_may_sign(world->signer.cert));
        judge_passed(world);
        world_signer(world, &(struct pki_cert){.name = "Eve", .more = {{NID_ext_key_usage, bad_purposes[i]}}});
        assert_false(sg_cert_may_sign(world->signer.cert));
        judge(world, ORDINARY, CONTENT, SG_INDETERMINATE, SG_SUB_CHAIN_CONSTRAINTS_FAILURE, "wrong-usage", true);
    }
    static const char *const good_usages[] = {"", "critical,digitalSignature", "digitalSignature,keyEncipherment"};
    static const char *const bad_usages[] = {"critical,keyEncipherment", "critical,cRLSign", "keyAgreement"};
    for (size_t i = 0; i < 3; i++) {
        world_signer(world, &(struct pki_cert){.name = "Eve", .key_usage = good_usages[i]});
        judge_passed(world);
        world_signer(world, &(struct pki_cert){.name = "Eve", .key_usage = bad_usages[i]});
        judge(world, ORDINARY, CONTENT, SG_INDETERMINATE, SG_SUB_CHAIN_CONSTRAINTS_FAILURE, "wrong-usage", true);
    }
}

/* Is a time claimed later than now remarked on, without changing the answer? */
static void claimed_time(void **state)
{
    judge(*state, (struct pki_cms){.signing_time = PKI_NOW + PKI_DAY}, CONTENT, SG_TOTAL_PASSED, SG_SUB_NONE,
          "claimed-time-odd", true);
}

/* EN 319 102-1 §5.2.8.4: weak digests: as of when? (SHA-1 counted until 2014.) */
static void weak_digest(void **state)
{
    struct world *world = *state;
    judge(world, (struct pki_cms){.digest = "SHA1"}, CONTENT, SG_INDETERMINATE,
          SG_SUB_CRYPTO_CONSTRAINTS_FAILURE_NO_POE, "weak-algorithm", true);
    judge(world, (struct pki_cms){.digest = "SHA1"}, CONTENT "?", SG_TOTAL_FAILED, SG_SUB_HASH_FAILURE,
          "weak-algorithm", false);
    judge(world, (struct pki_cms){.digest = "SHA224"}, CONTENT, SG_TOTAL_PASSED, SG_SUB_NONE, NULL, true);
}

/* Where in `cms` the last occurrence of these bytes is. */
static uint8_t *last_of(const struct sg_buf *cms, const void *bytes, size_t len)
{
    uint8_t *found = NULL;
    for (size_t i = 0; i + len <= cms->len; i++)
        if (memcmp(cms->data + i, bytes, len) == 0)
            found = cms->data + i;
    assert_non_null(found);
    return found;
}

/* An algorithm that nobody knows: not passed, and not called wrong either; a certificate that cannot be read: said. */
static void not_understood(void **state)
{
    struct world *world = *state;
    static const uint8_t ecdsa[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02};
    _cleanup_(sg_buf_clear) struct sg_buf cms = SG_BUF(SG_MIB);
    enum sg_rc rc;
    world_sign(world, ORDINARY, &cms);
    last_of(&cms, ecdsa, sizeof ecdsa)[9] = 0x7f;
    struct sg_report *report = judge_bytes(world, sg_buf_slice(&cms), CONTENT, &rc);
    assert_int_equal(rc, SG_OK);
    assert_verdict(&report->verdicts[0], SG_INDETERMINATE, SG_SUB_CRYPTO_CONSTRAINTS_FAILURE_NO_POE,
                   "signature-unsupported");
    assert_false(report->verdicts[0].intact);
    assert_string_equal(report->verdicts[0].algorithm, "other");
    sg_report_free(report);

    cms.len = 0;
    world_sign(world, (struct pki_cms){.carried = {world->ca.cert, world->root.cert}}, &cms);
    static const uint8_t root_name[] = {'R', 'o', 'o', 't'};
    last_of(&cms, root_name, sizeof root_name)[-2] = 0x3f; /* another type of string */
    report = judge_bytes(world, sg_buf_slice(&cms), CONTENT, &rc);
    assert_int_equal(rc, SG_OK);
    assert_verdict(&report->verdicts[0], SG_TOTAL_PASSED, SG_SUB_NONE, "certificates-unreadable");
    sg_report_free(report);
}

/* A signed attribute whose value cannot be decoded, and a value that is wrong: a verdict, not an error for the file? */
static void undecodable_attribute(void **state)
{
    struct world *world = *state;
    static const uint8_t time_type[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x05, 0x31, 0x0f, 0x17, 0x0d};
    _cleanup_(sg_buf_clear) struct sg_buf cms = SG_BUF(SG_MIB);
    enum sg_rc rc;
    world_sign(world, ORDINARY, &cms);
    uint8_t *value = last_of(&cms, time_type, sizeof time_type) + sizeof time_type - 2;
    value[0] = V_ASN1_INTEGER; /* with needless zeros in front, which X.690 §8.3.2 forbids */
    value[2] = value[3] = 0;
    _cleanup_(sg_report_freep) struct sg_report *report = judge_bytes(world, sg_buf_slice(&cms), CONTENT, &rc);
    assert_int_equal(rc, SG_OK);
    assert_verdict(&report->verdicts[0], SG_TOTAL_FAILED, SG_SUB_FORMAT_FAILURE, "signature-wrong");
}

/* A reference by a digest that OpenSSL knows and does not provide: no match, and no error? */
static void reference_digest(void **state)
{
    struct world *world = *state;
    static const struct {
        const char *digest;
        bool match;
    } cases[] = {{"SHA256", true}, {"SHA512", true}, {"MD4", false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const EVP_MD *md = EVP_get_digestbyname(cases[i].digest);
        uint8_t hash[EVP_MAX_MD_SIZE] = {0};
        unsigned len = (unsigned)EVP_MD_get_size(md);
        bool match = !cases[i].match;
        if (cases[i].match)
            assert_int_equal(X509_digest(world->signer.cert, md, hash, &len), 1);
        struct sg_signer signer = {.references = {{.digest = md, .hash = {hash, len}}}, .reference_count = 1};
        assert_int_equal(sg_signer_references(&signer, world->signer.cert, world->libctx, &match, NULL), SG_OK);
        assert_int_equal(match, cases[i].match);
        hash[0] ^= 1;
        assert_int_equal(sg_signer_references(&signer, world->signer.cert, world->libctx, &match, NULL), SG_OK);
        assert_false(match);
    }
}

/* What is no signature: no verdict; what is a broken one: an error? */
static void not_signatures(void **state)
{
    struct world *world = *state;
    _cleanup_(sg_buf_clear) struct sg_buf cms = SG_BUF(SG_MIB);
    enum sg_rc rc;
    struct sg_report *report = judge_bytes(world, slice_of("a plain text"), NULL, &rc);
    assert_int_equal(rc, SG_OK);
    assert_null(report->format);
    assert_int_equal(report->verdict_count, 0);
    assert_int_equal(sg_report_exit(report), 2);
    sg_report_free(report);

    world_sign(world, ORDINARY, &cms);
    struct sg_slice cut = {cms.data, cms.len - 1};
    report = judge_bytes(world, cut, CONTENT, &rc);
    assert_int_equal(rc, SG_E_MALFORMED);
    assert_null(report);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(good),
        WORLD_TEST(kinds),
        WORLD_TEST(content),
        WORLD_TEST(reference),
        WORLD_TEST(level),
        WORLD_TEST(attributes),
        WORLD_TEST(usage),
        WORLD_TEST(claimed_time),
        WORLD_TEST(weak_digest),
        WORLD_TEST(not_signatures),
        WORLD_TEST(not_understood),
        WORLD_TEST(undecodable_attribute),
        WORLD_TEST(reference_digest),
        WORLD_TEST(content_beside_attached),
        WORLD_TEST(certificate_absent),
        WORLD_TEST(attributes_as_content),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
