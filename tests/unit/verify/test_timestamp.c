/* Time-stamp tokens: one that OpenSSL's TSA made passes, and so does the same made by hand; each of that one's parts
 * made wrong does not. */
#include "judging.h"

#include <openssl/ts.h>

#include "formats/cms_augment.h"
#include "formats/tsp.h"

#define DATA "what is stamped"
#define POLICY "1.2.3.4.1"

static const uint8_t nonce[] = {0x41, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09};
static const struct sg_slice nonce_slice = {nonce, sizeof nonce};

struct stamping {
    struct world world;
    struct pki_id tsa;
    struct sg_timestamp_request request; /* what it is to be judged against; the token is put in */
};

static X509_CRL *tsa_crl(struct stamping *stamping, int64_t when, int reason)
{
    struct pki_crl what = {.revoked = {{when ? stamping->tsa.cert : NULL, when, reason}}};
    return pki_crl(stamping->world.libctx, &stamping->world.ca, &what);
}

static int setup(void **state)
{
    struct stamping *stamping = calloc(1, sizeof *stamping);
    world_make(&stamping->world);
    stamping->tsa = pki_issue(stamping->world.libctx, &stamping->world.ca,
                              &(struct pki_cert){.name = "TSA",
                                                 .key_usage = "critical,digitalSignature",
                                                 .more = {{NID_ext_key_usage, "critical,timeStamping"}}});
    stamping->request = (struct sg_timestamp_request){
        .kind = "signature", .data = slice_of(DATA), .nonce = nonce_slice, .policy = POLICY};
    *state = stamping;
    return 0;
}

static int teardown(void **state)
{
    struct stamping *stamping = *state;
    pki_free(&stamping->tsa);
    world_clear(&stamping->world);
    free(stamping);
    return 0;
}

/* --- tokens made by hand ------------------------------------------------------------------------------------------ */

/* What is left 0 is the ordinary thing. */
struct tst {
    const char *policy, *time, *data;
    int digest;           /* NID */
    struct sg_slice over; /* what `data` is where that is no text */
    struct sg_slice nonce;
    bool no_nonce, cut_imprint, critical, trailing;
    const X509_NAME *tsa;
    struct pki_cms cms; /* signer, content_type, odd, ... */
};

static void add_imprint(struct sg_der *der, const struct tst *what)
{
    int digest = what->digest ? what->digest : NID_sha256;
    struct sg_slice data = what->over.data ? what->over : slice_of(what->data ? what->data : DATA);
    uint8_t hash[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    assert_int_equal(EVP_Digest(data.data, data.len, hash, &len, EVP_get_digestbynid(digest), NULL), 1);
    size_t imprint = sg_der_open(der);
    pki_algorithm(der, digest, true);
    sg_der_element(der, SG_DER_OCTET_STRING, (struct sg_slice){hash, len - what->cut_imprint});
    sg_der_close(der, imprint, SG_DER_SEQUENCE);
}

static void add_tsa(struct sg_der *der, const X509_NAME *name)
{
    uint8_t *encoding = NULL;
    size_t tsa = sg_der_open(der), directory = sg_der_open(der);
    int len = i2d_X509_NAME(name, &encoding);
    sg_der_i2d(der, len, &encoding);
    sg_der_close(der, directory, SG_DER_CONTEXT(4));
    sg_der_close(der, tsa, SG_DER_CONTEXT(0));
}

static void add_extension(struct sg_der *der)
{
    static const uint8_t extension[] = {0x30, 0x0b, 0x06, 0x03, 0x2a, 0x03, 0x04, 0x01, 0x01, 0xff, 0x04, 0x01, 0xaa};
    size_t extensions = sg_der_open(der);
    sg_der_raw(der, (struct sg_slice){extension, sizeof extension});
    sg_der_close(der, extensions, SG_DER_CONTEXT(1));
}

static void make_info(const struct tst *what, struct sg_buf *out)
{
    struct sg_der der = {.out = out};
    ASN1_OBJECT *policy = OBJ_txt2obj(what->policy ? what->policy : POLICY, 1);
    struct sg_slice number = what->nonce.data ? what->nonce : nonce_slice;
    size_t info = sg_der_open(&der);
    sg_der_small_integer(&der, 1);
    sg_der_element(&der, SG_DER_OBJECT_IDENTIFIER, (struct sg_slice){OBJ_get0_data(policy), OBJ_length(policy)});
    add_imprint(&der, what);
    sg_der_small_integer(&der, 42);
    sg_der_element(&der, 0x18, slice_of(what->time ? what->time : "20260921141000.5Z"));
    if (!what->no_nonce)
        sg_der_element(&der, SG_DER_INTEGER, number);
    if (what->tsa)
        add_tsa(&der, what->tsa);
    if (what->critical)
        add_extension(&der);
    sg_der_close(&der, info, SG_DER_SEQUENCE);
    if (what->trailing)
        sg_der_element(&der, SG_DER_NULL, (struct sg_slice){0});
    assert_int_equal(der.rc, SG_OK);
    ASN1_OBJECT_free(policy);
}

static void make_token(const struct stamping *stamping, struct tst what, struct sg_buf *out)
{
    _cleanup_(sg_buf_clear) struct sg_buf info = SG_BUF(SG_MIB);
    make_info(&what, &info);
    what.cms.content = sg_buf_slice(&info);
    what.cms.attached = true;
    if (!what.cms.signer)
        what.cms.signer = &stamping->tsa;
    if (!what.cms.content_type)
        what.cms.content_type = NID_id_smime_ct_TSTInfo;
    if (!what.cms.carried[0])
        what.cms.carried[0] = stamping->world.ca.cert;
    pki_sign(stamping->world.libctx, &what.cms, out);
}

/* --- judging ------------------------------------------------------------------------------------------------------ */

static void judge_token(const struct stamping *stamping, struct sg_slice token, struct sg_timestamp *ret)
{
    struct sg_verifier *verifier = NULL;
    struct sg_timestamp_request request = stamping->request;
    request.token = token;
    assert_int_equal(world_verifier(&stamping->world, &verifier), SG_OK);
    assert_int_equal(sg_timestamp_judge(verifier, &request, ret, NULL), SG_OK);
    sg_verifier_free(verifier);
}

static void judge_made(const struct stamping *stamping, struct tst what, enum sg_indication indication,
                       enum sg_sub_indication sub, const char *reason)
{
    _cleanup_(sg_buf_clear) struct sg_buf token = SG_BUF(SG_MIB);
    _cleanup_(sg_timestamp_clear) struct sg_timestamp timestamp;
    make_token(stamping, what, &token);
    judge_token(stamping, sg_buf_slice(&token), &timestamp);
    assert_verdict(&timestamp.verdict, indication, sub, reason);
}

#define GOOD ((struct tst){0})

static void passes(const struct stamping *stamping, struct tst what)
{
    judge_made(stamping, what, SG_TOTAL_PASSED, SG_SUB_NONE, NULL);
}

/* What it says is there to be read. */
static void says_what_it_says(void **state)
{
    struct stamping *stamping = *state;
    _cleanup_(sg_buf_clear) struct sg_buf token = SG_BUF(SG_MIB);
    _cleanup_(sg_timestamp_clear) struct sg_timestamp timestamp;
    make_token(stamping, GOOD, &token);
    judge_token(stamping, sg_buf_slice(&token), &timestamp);
    assert_verdict(&timestamp.verdict, SG_TOTAL_PASSED, SG_SUB_NONE, NULL);
    assert_int_equal(timestamp.time, PKI_NOW - 200);
    assert_int_equal(timestamp.accuracy, -1);
    assert_string_equal(timestamp.serial, "2a");
    assert_int_equal(X509_cmp(timestamp.verdict.signer, stamping->tsa.cert), 0);
    assert_int_equal(sk_X509_num(timestamp.verdict.chain), 3);
    assert_null(timestamp.verdict.level);
}

/* --- a token of OpenSSL's TSA ------------------------------------------------------------------------------------- */

static ASN1_INTEGER *make_serial(struct TS_resp_ctx *ctx, void *data)
{
    ASN1_INTEGER *serial = ASN1_INTEGER_new();
    (void)ctx;
    (void)data;
    (void)ASN1_INTEGER_set(serial, 4711);
    return serial;
}

static int make_time(struct TS_resp_ctx *ctx, void *data, long *sec, long *usec)
{
    (void)ctx;
    (void)data;
    *sec = PKI_NOW - 60;
    *usec = 250000;
    return 1;
}

static BIO *make_request(const struct stamping *stamping, uint8_t asked_nonce[SG_TSP_NONCE])
{
    _cleanup_(sg_buf_clear) struct sg_buf request = SG_BUF(SG_KIB);
    uint8_t hash[EVP_MAX_MD_SIZE];
    size_t len = 0;
    assert_int_equal(sg_digest(stamping->world.libctx, "SHA256", slice_of(DATA), hash, &len, NULL), SG_OK);
    assert_int_equal(sg_tsp_request_make(stamping->world.libctx, hash, POLICY, asked_nonce, &request, NULL), SG_OK);
    BIO *bio = BIO_new(BIO_s_mem());
    assert_int_equal(BIO_write(bio, request.data, (int)request.len), (int)request.len);
    return bio;
}

/* Answers `request`; the answer's DER, for OPENSSL_free(). */
static struct sg_slice answer_by_openssl(const struct stamping *stamping, BIO *request)
{
    TS_RESP_CTX *ctx = TS_RESP_CTX_new_ex(stamping->world.libctx, NULL);
    STACK_OF(X509) *certs = sk_X509_new_null();
    ASN1_OBJECT *policy = OBJ_txt2obj(POLICY, 1);
    uint8_t *der = NULL;
    assert_true(sk_X509_push(certs, stamping->world.ca.cert) > 0);
    assert_int_equal(TS_RESP_CTX_set_signer_cert(ctx, stamping->tsa.cert), 1);
    assert_int_equal(TS_RESP_CTX_set_signer_key(ctx, stamping->tsa.key), 1);
    assert_int_equal(TS_RESP_CTX_set_signer_digest(ctx, EVP_sha256()), 1);
    assert_int_equal(TS_RESP_CTX_set_ess_cert_id_digest(ctx, EVP_sha256()), 1);
    assert_int_equal(TS_RESP_CTX_set_certs(ctx, certs), 1);
    assert_int_equal(TS_RESP_CTX_set_def_policy(ctx, policy), 1);
    assert_int_equal(TS_RESP_CTX_add_md(ctx, EVP_sha256()), 1);
    assert_int_equal(TS_RESP_CTX_set_accuracy(ctx, 1, 500, 100), 1);
    assert_int_equal(TS_RESP_CTX_set_clock_precision_digits(ctx, 3), 1);
    TS_RESP_CTX_add_flags(ctx, TS_TSA_NAME | TS_ORDERING);
    TS_RESP_CTX_set_serial_cb(ctx, make_serial, NULL);
    TS_RESP_CTX_set_time_cb(ctx, make_time, NULL);
    TS_RESP *response = TS_RESP_create_response(ctx, request);
    assert_non_null(response);
    int len = i2d_TS_RESP(response, &der);
    assert_true(len > 0);
    TS_RESP_free(response);
    ASN1_OBJECT_free(policy);
    sk_X509_free(certs);
    TS_RESP_CTX_free(ctx);
    BIO_free(request);
    return (struct sg_slice){der, (size_t)len};
}

/* Asked by us, answered by OpenSSL, read and judged by us: passes, and with one bit changed anywhere it never says
 * another time, or is of something else, and passes. */
static void from_openssl(void **state)
{
    struct stamping *stamping = *state;
    uint8_t asked_nonce[SG_TSP_NONCE], hash[EVP_MAX_MD_SIZE];
    size_t len = 0;
    struct sg_slice answer_bytes = answer_by_openssl(stamping, make_request(stamping, asked_nonce));
    struct sg_tsp_answer answer = {0};
    struct sg_timestamp timestamp = {0};
    assert_int_equal(sg_tsp_answer_read(answer_bytes, &answer, NULL), SG_OK);
    assert_null(answer.refusal);
    assert_int_equal(sg_digest(stamping->world.libctx, "SHA256", slice_of(DATA), hash, &len, NULL), SG_OK);
    stamping->request.data = (struct sg_slice){0};
    stamping->request.sha256 = (struct sg_slice){hash, len};
    stamping->request.nonce = (struct sg_slice){asked_nonce, sizeof asked_nonce};
    judge_token(stamping, answer.token, &timestamp);
    assert_verdict(&timestamp.verdict, SG_TOTAL_PASSED, SG_SUB_NONE, NULL);
    assert_int_equal(timestamp.time, PKI_NOW - 60);
    assert_int_equal(timestamp.accuracy, 1500100);
    assert_string_equal(timestamp.serial, "1267");
    sg_timestamp_clear(&timestamp);

    uint8_t *bytes = (uint8_t *)answer.token.data;
    for (size_t at = 0; at < answer.token.len; at++) {
        bytes[at] ^= (uint8_t)(1 << at % 8);
        judge_token(stamping, answer.token, &timestamp);
        if (timestamp.verdict.indication == SG_TOTAL_PASSED)
            assert_int_equal(timestamp.time, PKI_NOW - 60);
        sg_timestamp_clear(&timestamp);
        bytes[at] ^= (uint8_t)(1 << at % 8);
    }
    OPENSSL_free((void *)answer_bytes.data);
}

/* --- twins -------------------------------------------------------------------------------------------------------- */

/* The imprint: its value, its algorithm, its length; and a digest that is no longer trusted. */
static void imprint(void **state)
{
    struct stamping *stamping = *state;
    uint8_t hash[EVP_MAX_MD_SIZE];
    size_t len = 0;
    passes(stamping, GOOD);
    passes(stamping, (struct tst){.digest = NID_sha512});
    judge_made(stamping, (struct tst){.data = "what is not"}, SG_TOTAL_FAILED, SG_SUB_HASH_FAILURE,
               "timestamp-of-another");
    judge_made(stamping, (struct tst){.cut_imprint = true}, SG_TOTAL_FAILED, SG_SUB_HASH_FAILURE,
               "timestamp-of-another");
    judge_made(stamping, (struct tst){.digest = NID_sha1}, SG_INDETERMINATE, SG_SUB_CRYPTO_CONSTRAINTS_FAILURE_NO_POE,
               "weak-algorithm");
    judge_made(stamping, (struct tst){.digest = NID_md5}, SG_INDETERMINATE, SG_SUB_CRYPTO_CONSTRAINTS_FAILURE_NO_POE,
               "weak-algorithm");

    /* Asked for by its SHA-256, another digest of the same will not do. */
    assert_int_equal(sg_digest(stamping->world.libctx, "SHA256", slice_of(DATA), hash, &len, NULL), SG_OK);
    stamping->request.data = (struct sg_slice){0};
    stamping->request.sha256 = (struct sg_slice){hash, len};
    passes(stamping, GOOD);
    judge_made(stamping, (struct tst){.digest = NID_sha512}, SG_TOTAL_FAILED, SG_SUB_HASH_FAILURE,
               "timestamp-of-another");
    hash[0] ^= 1;
    judge_made(stamping, GOOD, SG_TOTAL_FAILED, SG_SUB_HASH_FAILURE, "timestamp-of-another");
    /* Judged against nothing, a token is of nothing. */
    stamping->request.sha256 = (struct sg_slice){0};
    judge_made(stamping, GOOD, SG_TOTAL_FAILED, SG_SUB_HASH_FAILURE, "timestamp-of-another");
}

static void asked(void **state)
{
    struct stamping *stamping = *state;
    uint8_t other[sizeof nonce];
    memcpy(other, nonce, sizeof nonce);
    other[sizeof nonce - 1] ^= 1;
    judge_made(stamping, (struct tst){.nonce = {other, sizeof other}}, SG_INDETERMINATE, SG_SUB_SIG_CONSTRAINTS_FAILURE,
               "timestamp-not-asked-for");
    judge_made(stamping, (struct tst){.nonce = {nonce, sizeof nonce - 1}}, SG_INDETERMINATE,
               SG_SUB_SIG_CONSTRAINTS_FAILURE, "timestamp-not-asked-for");
    judge_made(stamping, (struct tst){.no_nonce = true}, SG_INDETERMINATE, SG_SUB_SIG_CONSTRAINTS_FAILURE,
               "timestamp-not-asked-for");
    judge_made(stamping, (struct tst){.policy = "1.2.3.4.2"}, SG_INDETERMINATE, SG_SUB_SIG_CONSTRAINTS_FAILURE,
               "timestamp-not-asked-for");
    stamping->request.nonce = (struct sg_slice){0};
    stamping->request.policy = NULL;
    passes(stamping, (struct tst){.no_nonce = true, .policy = "1.2.3.4.2"});
}

/* The form of the token and of what is in it. */
static void form(void **state)
{
    struct stamping *stamping = *state;
    const struct tst bad[] = {
        {.cms = {.content_type = NID_pkcs7_data}},
        {.cms = {.second = &stamping->world.signer}},
        {.trailing = true},
        {.critical = true},
        {.time = "20260921141000+0100"},
        {.time = "20260921141000.50Z"},
        {.time = "2026092114Z"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        judge_made(stamping, bad[i], SG_TOTAL_FAILED, SG_SUB_FORMAT_FAILURE, "timestamp-malformed");
    passes(stamping, (struct tst){.time = "20260921141000Z"});
}

/* Bytes that are no token, or not only one. */
static void bytes(void **state)
{
    struct stamping *stamping = *state;
    _cleanup_(sg_buf_clear) struct sg_buf token = SG_BUF(SG_MIB);
    make_token(stamping, GOOD, &token);
    assert_int_equal(sg_buf_append(&token, "", 1, NULL), SG_OK);
    static const char pem[] = "-----BEGIN CMS-----\nMAA=\n-----END CMS-----\n";
    const struct sg_slice bad[] = {
        {token.data, token.len},     /* one behind */
        {token.data, token.len - 2}, /* cut */
        {token.data, 0},
        slice_of(pem),
        slice_of("0"),
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        _cleanup_(sg_timestamp_clear) struct sg_timestamp timestamp;
        judge_token(stamping, bad[i], &timestamp);
        assert_verdict(&timestamp.verdict, SG_TOTAL_FAILED, SG_SUB_FORMAT_FAILURE, "timestamp-malformed");
        assert_int_equal(timestamp.time, SG_TIME_NONE);
    }
}

/* EN 319 102-1 §5.4.4: the TSA's signature, and the attribute that names its certificate. */
static void signature(void **state)
{
    struct stamping *stamping = *state;
    const struct {
        unsigned odd;
        enum sg_indication indication;
        enum sg_sub_indication sub;
        const char *reason;
    } cases[] = {
        {PKI_NO_REFERENCE, SG_INDETERMINATE, SG_SUB_SIG_CONSTRAINTS_FAILURE, "no-signing-certificate-attribute"},
        {PKI_TWO_REFERENCES, SG_TOTAL_FAILED, SG_SUB_FORMAT_FAILURE, "attribute-duplicate"},
        {PKI_NO_SIGNED_ATTRS, SG_INDETERMINATE, SG_SUB_SIG_CONSTRAINTS_FAILURE, "no-signed-attributes"},
        {PKI_NO_DIGEST, SG_TOTAL_FAILED, SG_SUB_FORMAT_FAILURE, "signature-malformed"},
        {PKI_OTHER_CONTENT_TYPE, SG_TOTAL_FAILED, SG_SUB_FORMAT_FAILURE, "signature-malformed"},
        {PKI_NO_CERTIFICATES, SG_INDETERMINATE, SG_SUB_NO_SIGNING_CERTIFICATE_FOUND, "no-signer-certificate"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        judge_made(stamping, (struct tst){.cms = {.odd = cases[i].odd}}, cases[i].indication, cases[i].sub,
                   cases[i].reason);
    judge_made(stamping, (struct tst){.cms = {.reference = stamping->world.signer.cert}}, SG_INDETERMINATE,
               SG_SUB_NO_SIGNING_CERTIFICATE_FOUND, "signing-certificate-mismatch");

    /* Signed with another key than the certificate's. */
    struct pki_id forged = {.key = stamping->world.signer.key, .cert = stamping->tsa.cert};
    judge_made(stamping, (struct tst){.cms = {.signer = &forged}}, SG_TOTAL_FAILED, SG_SUB_SIG_CRYPTO_FAILURE,
               "signature-wrong");
}

static void tsa_name(void **state)
{
    struct stamping *stamping = *state;
    passes(stamping, (struct tst){.tsa = X509_get_subject_name(stamping->tsa.cert)});
    judge_made(stamping, (struct tst){.tsa = X509_get_subject_name(stamping->world.signer.cert)}, SG_INDETERMINATE,
               SG_SUB_SIG_CONSTRAINTS_FAILURE, "timestamp-tsa-name");
}

static void tsa_certify(struct stamping *stamping, struct pki_cert what)
{
    pki_free(&stamping->tsa);
    what.name = "TSA";
    what.key_usage = what.key_usage ? what.key_usage : "critical,digitalSignature";
    stamping->tsa = pki_issue(stamping->world.libctx, &stamping->world.ca, &what);
}

/* RFC 3161 §2.3: for time-stamps alone, and critical. */
static void purpose(void **state)
{
    struct stamping *stamping = *state;
    static const char *const bad[] = {"timeStamping", "critical,timeStamping,codeSigning",
                                      "critical,anyExtendedKeyUsage", "critical,emailProtection"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        tsa_certify(stamping, (struct pki_cert){.more = {{NID_ext_key_usage, bad[i]}}});
        judge_made(stamping, GOOD, SG_INDETERMINATE, SG_SUB_CHAIN_CONSTRAINTS_FAILURE, "wrong-usage");
    }
    tsa_certify(stamping, (struct pki_cert){0});
    judge_made(stamping, GOOD, SG_INDETERMINATE, SG_SUB_CHAIN_CONSTRAINTS_FAILURE, "wrong-usage");
    tsa_certify(stamping, (struct pki_cert){.key_usage = "critical,keyAgreement",
                                            .more = {{NID_ext_key_usage, "critical,timeStamping"}}});
    judge_made(stamping, GOOD, SG_INDETERMINATE, SG_SUB_CHAIN_CONSTRAINTS_FAILURE, "wrong-usage");
}

/* The certificate counts at genTime: it may have ended since, but not before. */
static void dates(void **state)
{
    struct stamping *stamping = *state;
    struct pki_cert what = {.not_after = PKI_NOW - 100, .more = {{NID_ext_key_usage, "critical,timeStamping"}}};
    world_crl(&stamping->world, &stamping->world.ca_crl, &stamping->world.ca,
              &(struct pki_crl){.this_update = PKI_NOW - 150});
    tsa_certify(stamping, what);
    passes(stamping, GOOD);
    what.not_after = PKI_NOW - 300;
    tsa_certify(stamping, what);
    stamping->world.options.revocation = SG_REVOCATION_NONE;
    judge_made(stamping, GOOD, SG_INDETERMINATE, SG_SUB_OUT_OF_BOUNDS_NO_POE, "expired");
    what.not_after = 0;
    what.not_before = PKI_NOW - 100;
    tsa_certify(stamping, what);
    judge_made(stamping, GOOD, SG_INDETERMINATE, SG_SUB_OUT_OF_BOUNDS_NO_POE, "not-yet-valid");
}

/* An anchor for signatures alone does not vouch for time-stamps (with a snapshot: test_verifier.c); no anchor at all,
 * none. */
static void untrusted(void **state)
{
    struct stamping *stamping = *state;
    struct pki_id other = pki_issue(stamping->world.libctx, NULL, &(struct pki_cert){.name = "Other", .ca = true});
    (void)sk_X509_set(stamping->world.anchors, 0, other.cert);
    judge_made(stamping, GOOD, SG_INDETERMINATE, SG_SUB_NO_CERTIFICATE_CHAIN_FOUND, "no-path");
    pki_free(&other);
}

static void revoked(struct stamping *stamping, int64_t when, int reason, enum sg_indication indication,
                    enum sg_sub_indication sub, const char *code)
{
    X509_CRL *crl = tsa_crl(stamping, when, reason);
    assert_true(sk_X509_CRL_push(stamping->world.crls, crl) > 0);
    (void)sk_X509_CRL_delete(stamping->world.crls, 1); /* the CA's that lists nobody */
    judge_made(stamping, GOOD, indication, sub, code);
    (void)sk_X509_CRL_pop(stamping->world.crls);
    assert_true(sk_X509_CRL_push(stamping->world.crls, stamping->world.ca_crl) > 0);
    X509_CRL_free(crl);
}

/* Revoked before: no. Revoked later: only for a reason that leaves the key in its hands (RFC 3161 §4 (1)). */
static void revocation(void **state)
{
    struct stamping *stamping = *state;
    const int64_t before = PKI_NOW - 3600, later = PKI_NOW - 30;
    revoked(stamping, before, CRL_REASON_SUPERSEDED, SG_INDETERMINATE, SG_SUB_REVOKED_NO_POE, "revoked");
    revoked(stamping, later, CRL_REASON_SUPERSEDED, SG_TOTAL_PASSED, SG_SUB_NONE, "revoked-later");
    revoked(stamping, later, CRL_REASON_CESSATION_OF_OPERATION, SG_TOTAL_PASSED, SG_SUB_NONE, "revoked-later");
    revoked(stamping, later, CRL_REASON_KEY_COMPROMISE, SG_INDETERMINATE, SG_SUB_REVOKED_NO_POE, "revoked");
    revoked(stamping, later, 0, SG_INDETERMINATE, SG_SUB_REVOKED_NO_POE, "revoked");
    revoked(stamping, later, CRL_REASON_CERTIFICATE_HOLD, SG_INDETERMINATE, SG_SUB_TRY_LATER, "on-hold");
    passes(stamping, GOOD);
}

/* A list that was good at genTime says nothing of what became of the key since. */
static void revocation_is_asked_now(void **state)
{
    struct stamping *stamping = *state;
    world_crl(&stamping->world, &stamping->world.ca_crl, &stamping->world.ca,
              &(struct pki_crl){.this_update = PKI_NOW - PKI_DAY, .next_update = PKI_NOW - 100});
    judge_made(stamping, GOOD, SG_INDETERMINATE, SG_SUB_TRY_LATER, "revocation-stale");
    stamping->world.options.at = PKI_NOW - 150;
    passes(stamping, GOOD);
}

/* --- in a signature ----------------------------------------------------------------------------------------------- */

/* Puts a token at the signature in `cms`. */
static void add_token(struct sg_buf *cms, struct sg_slice token)
{
    _cleanup_(sg_buf_clear) struct sg_buf attribute = SG_BUF(SG_MIB);
    _cleanup_(sg_buf_clear) struct sg_buf stamped = SG_BUF(SG_MIB);
    struct sg_input *input = NULL;
    assert_int_equal(sg_tsp_attribute_make(token, &attribute, NULL), SG_OK);
    assert_int_equal(sg_input_from_slice("test", sg_buf_slice(cms), &input, NULL), SG_OK);
    assert_int_equal(sg_cms_add_unsigned(input, 0, sg_buf_slice(&attribute), sg_buf_sink(&stamped), NULL), SG_OK);
    sg_input_free(input);
    cms->len = 0;
    assert_int_equal(sg_buf_append(cms, stamped.data, stamped.len, NULL), SG_OK);
}

/* A token over the signature value in `cms`; `what` may say more. */
static void stamp(const struct stamping *stamping, struct sg_slice cms, struct tst what, struct sg_buf *token)
{
    struct sg_input *input = NULL;
    struct sg_cms *parsed = NULL;
    assert_int_equal(sg_input_from_slice("test", cms, &input, NULL), SG_OK);
    assert_int_equal(sg_cms_read(input, stamping->world.libctx, NULL, &parsed, NULL), SG_OK);
    if (!what.data)
        what.over = sg_cms_signer(parsed, 0)->signature;
    make_token(stamping, what, token);
    sg_cms_free(parsed);
    sg_input_free(input);
}

static struct sg_report *judge_stamped(const struct stamping *stamping, const struct tst *tokens, size_t count)
{
    _cleanup_(sg_buf_clear) struct sg_buf cms = SG_BUF(SG_MIB);
    enum sg_rc rc;
    world_sign(&stamping->world, ORDINARY, &cms);
    for (size_t i = 0; i < count; i++) {
        _cleanup_(sg_buf_clear) struct sg_buf token = SG_BUF(SG_MIB);
        stamp(stamping, sg_buf_slice(&cms), tokens[i], &token);
        add_token(&cms, sg_buf_slice(&token));
    }
    struct sg_report *report = judge_bytes(&stamping->world, sg_buf_slice(&cms), CONTENT, &rc);
    assert_int_equal(rc, SG_OK);
    return report;
}

/* A signature with a time-stamp that holds is a B-T, and was there by genTime and its accuracy. */
static void makes_b_t(void **state)
{
    struct stamping *stamping = *state;
    const struct tst tokens[] = {GOOD};
    _cleanup_(sg_report_freep) struct sg_report *report = judge_stamped(stamping, tokens, 1);
    const struct sg_verdict *verdict = &report->verdicts[0];
    assert_verdict(verdict, SG_TOTAL_PASSED, SG_SUB_NONE, NULL);
    assert_string_equal(verdict->level, "B-T");
    assert_int_equal(verdict->best_time, PKI_NOW - 199);
    assert_int_equal(verdict->timestamp_count, 1);
    assert_string_equal(verdict->timestamps[0].kind, "signature");

    _cleanup_(sg_buf_clear) struct sg_buf text = SG_BUF(SG_MIB), json = SG_BUF(SG_MIB);
    const char *terminated = NULL;
    assert_int_equal(sg_report_text(report, NULL, &text, NULL), SG_OK);
    assert_int_equal(sg_buf_text(&text, &terminated, NULL), SG_OK);
    assert_non_null(strstr(terminated, "not later:   2026-09-21T14:10:01Z (proven by a time-stamp)"));
    assert_non_null(strstr(terminated, "stamped by:  CN=TSA"));
    assert_non_null(strstr(terminated, "judged at:   2026-09-21T14:13:20Z"));
    assert_int_equal(sg_report_json(report, &json, NULL), SG_OK);
    assert_int_equal(sg_buf_text(&json, &terminated, NULL), SG_OK);
    assert_non_null(strstr(terminated, "\"timestamps\":[{\"kind\":\"signature\",\"time\":\"2026-09-21T14:10:00Z\","
                                       "\"tsa\":\"CN=TSA\",\"indication\":\"PASSED\",\"sub_indication\":null}]"));
}

/* One that does not hold changes nothing but is said. */
static void stays_b_b(void **state)
{
    struct stamping *stamping = *state;
    const struct tst tokens[] = {{.data = "another signature's value"}};
    _cleanup_(sg_report_freep) struct sg_report *report = judge_stamped(stamping, tokens, 1);
    const struct sg_verdict *verdict = &report->verdicts[0];
    assert_verdict(verdict, SG_TOTAL_PASSED, SG_SUB_NONE, "timestamp-not-counted");
    assert_string_equal(verdict->level, "B-B");
    assert_int_equal(verdict->best_time, PKI_NOW);
    assert_int_equal(verdict->timestamp_count, 1);
    assert_int_equal(verdict->timestamps[0].verdict.sub_indication, SG_SUB_HASH_FAILURE);
}

/* EN 319 102-1 §5.5.4 steps 1 and 3: of several the earliest that holds counts. */
static void takes_the_earliest(void **state)
{
    struct stamping *stamping = *state;
    const struct tst tokens[] = {GOOD, {.time = "20260921140000Z"}, {.time = "20260921130000Z", .data = "another's"}};
    _cleanup_(sg_report_freep) struct sg_report *report = judge_stamped(stamping, tokens, 3);
    const struct sg_verdict *verdict = &report->verdicts[0];
    assert_verdict(verdict, SG_TOTAL_PASSED, SG_SUB_NONE, "timestamp-not-counted");
    assert_string_equal(verdict->level, "B-T");
    assert_int_equal(verdict->timestamp_count, 3);
    assert_int_equal(verdict->best_time, PKI_NOW - 800);
}

static void has_limits(void **state)
{
    struct stamping *stamping = *state;
    struct tst tokens[SG_MAX_TIMESTAMPS + 1] = {0};
    _cleanup_(sg_report_freep) struct sg_report *report = judge_stamped(stamping, tokens, SG_MAX_TIMESTAMPS + 1);
    assert_verdict(&report->verdicts[0], SG_TOTAL_PASSED, SG_SUB_NONE, "timestamps-limit");
    assert_int_equal(report->verdicts[0].timestamp_count, SG_MAX_TIMESTAMPS);
    _cleanup_(sg_report_freep) struct sg_report *fewer = judge_stamped(stamping, tokens, SG_MAX_TIMESTAMPS);
    assert_false(has_reason(&fewer->verdicts[0], "timestamps-limit"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(says_what_it_says),
        TEST(from_openssl),
        TEST(imprint),
        TEST(asked),
        TEST(form),
        TEST(bytes),
        TEST(signature),
        TEST(tsa_name),
        TEST(purpose),
        TEST(dates),
        TEST(untrusted),
        TEST(revocation),
        TEST(revocation_is_asked_now),
        TEST(makes_b_t),
        TEST(stays_b_b),
        TEST(takes_the_earliest),
        TEST(has_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
