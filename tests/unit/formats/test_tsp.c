/* The Time-Stamp Protocol: what is asked is what OpenSSL reads, and of what comes back only whole, right answers are
 * taken. */
#include "ber.h"

#include "base/clock.h"
#include "formats/cms.h"
#include "formats/tsp.h"

#define TOKEN "3003 020105" /* looks like a token to who only splits the answer */
#define POLICY "0603 2a0304"
#define IMPRINT "3024 300b0609608648016503040201 0415 0102030405060708090a0b0c0d0e0f101112131415"
#define SERIAL "020107"

static OSSL_LIB_CTX *libctx;
static const uint8_t digest[SG_SHA256_LEN] = {1, 2, 3};

/* --- the request -------------------------------------------------------------------------------------------------- */

static TS_REQ *ask(const char *policy, uint8_t nonce[SG_TSP_NONCE])
{
    _cleanup_(sg_buf_clear) struct sg_buf out = SG_BUF(SG_KIB);
    assert_int_equal(sg_tsp_request_make(libctx, digest, policy, nonce, &out, NULL), SG_OK);
    const uint8_t *at = out.data;
    TS_REQ *request = d2i_TS_REQ(NULL, &at, (long)out.len);
    assert_non_null(request);
    assert_ptr_equal(at, out.data + out.len);
    return request;
}

/* Does OpenSSL read what was asked: the imprint by SHA-256, the nonce, the TSA's certificate, and the policy? */
static void asks(void **state)
{
    (void)state;
    for (int with_policy = 0; with_policy < 2; with_policy++) {
        uint8_t nonce[SG_TSP_NONCE], octets[SG_TSP_NONCE];
        TS_REQ *request = ask(with_policy ? "1.2.3.4" : "", nonce);
        TS_MSG_IMPRINT *imprint = TS_REQ_get_msg_imprint(request);
        const ASN1_OCTET_STRING *value = TS_MSG_IMPRINT_get_msg(imprint);
        BIGNUM *number = ASN1_INTEGER_to_BN(TS_REQ_get_nonce(request), NULL);
        assert_int_equal(TS_REQ_get_version(request), 1);
        assert_int_equal(OBJ_obj2nid(TS_MSG_IMPRINT_get_algo(imprint)->algorithm), NID_sha256);
        assert_int_equal(ASN1_STRING_length(value), sizeof digest);
        assert_memory_equal(ASN1_STRING_get0_data(value), digest, sizeof digest);
        assert_int_equal(BN_bn2binpad(number, octets, sizeof octets), sizeof octets);
        assert_memory_equal(octets, nonce, sizeof nonce);
        assert_true(BN_num_bits(number) > 64);
        assert_int_equal(TS_REQ_get_cert_req(request), 1);
        char text[32] = "";
        if (TS_REQ_get_policy_id(request))
            (void)OBJ_obj2txt(text, sizeof text, TS_REQ_get_policy_id(request), 1);
        assert_string_equal(text, with_policy ? "1.2.3.4" : "");
        BN_free(number);
        TS_REQ_free(request);
    }
}

/* Is the nonce another one each time? */
static void asks_with_fresh_nonces(void **state)
{
    (void)state;
    uint8_t nonces[2][SG_TSP_NONCE];
    for (int i = 0; i < 2; i++)
        TS_REQ_free(ask("", nonces[i]));
    assert_memory_not_equal(nonces[0], nonces[1], SG_TSP_NONCE);
}

static void refuses_a_policy_that_is_none(void **state)
{
    (void)state;
    _cleanup_(sg_buf_clear) struct sg_buf out = SG_BUF(SG_KIB);
    uint8_t nonce[SG_TSP_NONCE];
    struct sg_err err;
    assert_int_equal(sg_tsp_request_make(libctx, digest, "serverAuth", nonce, &out, &err), SG_E_USAGE);
    assert_non_null(strstr(err.text, "serverAuth"));
}

/* --- the answer --------------------------------------------------------------------------------------------------- */

static enum sg_rc read_answer(struct sg_slice bytes, struct sg_tsp_answer *answer)
{
    struct sg_err err = {0};
    *answer = (struct sg_tsp_answer){0};
    enum sg_rc rc = sg_tsp_answer_read(bytes, answer, &err);
    assert_int_equal(rc, err.rc);
    return rc;
}

static struct sg_slice answer_of(const char *status, struct sg_slice token)
{
    return tlv(0x30, JOIN(tlv(0x30, hex(status)), token));
}

/* Is the token of a granted answer handed on as it is? */
static void takes_a_token(void **state)
{
    (void)state;
    for (int status = 0; status < 2; status++) {
        struct sg_tsp_answer answer;
        struct sg_slice bytes = answer_of(status ? "020101" : "020100", hex(TOKEN));
        assert_int_equal(read_answer(bytes, &answer), SG_OK);
        assert_true(sg_slice_equal(answer.token, hex(TOKEN)));
        assert_true(answer.token.data > bytes.data && answer.token.data < bytes.data + bytes.len);
        assert_null(answer.refusal);
    }
}

/* Is what a TSA says of a refusal told, and nothing in it steers a terminal? */
static void tells_a_refusal(void **state)
{
    (void)state;
    /* rejection, two texts of which one would clear the screen, and unacceptedPolicy (bit 15) */
    static const char status[] = "020102 3010 0c0568656c6c6f 0c07 1b5b324a 6e6f21 0303000001";
    struct sg_tsp_answer answer;
    assert_int_equal(read_answer(answer_of(status, NONE), &answer), SG_OK);
    assert_null(answer.token.data);
    assert_string_equal(answer.refusal, "refused; the policy is not supported (hello, \xef\xbf\xbd[2Jno!)");
    sg_tsp_answer_clear(&answer);

    /* Whatever stands beside it, a refusal brings no token. */
    assert_int_equal(read_answer(answer_of("020103", hex(TOKEN)), &answer), SG_OK);
    assert_null(answer.token.data);
    assert_string_equal(answer.refusal, "not yet");
    sg_tsp_answer_clear(&answer);
}

/* A text without end is cut, at a character. */
static void cuts_a_refusal(void **state)
{
    (void)state;
    uint8_t *text = room(3 * SG_MAX_TSA_TEXT);
    for (size_t i = 0; i < SG_MAX_TSA_TEXT; i++)
        memcpy(text + 3 * i, "\xe2\x82\xac", 3);
    struct sg_slice texts = tlv(0x30, tlv(0x0c, (struct sg_slice){text, 3 * SG_MAX_TSA_TEXT}));
    struct sg_tsp_answer answer;
    assert_int_equal(read_answer(tlv(0x30, tlv(0x30, JOIN(hex("020102"), texts))), &answer), SG_OK);
    assert_true(strlen(answer.refusal) <= SG_MAX_TSA_TEXT && strlen(answer.refusal) > SG_MAX_TSA_TEXT - 3);
    assert_string_equal(answer.refusal + strlen(answer.refusal) - 3, "\xe2\x82\xac");
    sg_tsp_answer_clear(&answer);
}

/* Is everything else refused? */
static void refuses_what_is_no_answer(void **state)
{
    (void)state;
    static const char html[] = "<html><body>Please log in</body></html>";
    const struct sg_slice good = answer_of("020100", hex(TOKEN));
    const struct sg_slice bad[] = {
        NONE,
        {(const uint8_t *)html, sizeof html - 1},
        answer_of("020100", NONE),                          /* granted, without a token */
        answer_of("020106", NONE),                          /* no such status */
        answer_of("0201ff", hex(TOKEN)),                    /* -1 */
        answer_of("0209010000000000000000", hex(TOKEN)),    /* 2^64: not 0 */
        answer_of("0c0100", hex(TOKEN)),                    /* a status that is no number */
        answer_of("020100 020100", hex(TOKEN)),             /* something behind the status */
        answer_of("020100", hex("0403 020105")),            /* a token that is no SEQUENCE */
        answer_of("020100", JOIN(hex(TOKEN), hex("0500"))), /* something behind the token */
        JOIN(good, hex("00")),                              /* behind the answer */
        {good.data, good.len - 1},                          /* cut */
        tlv(0x31, tlv(0x30, hex("020100"))),                /* a SET */
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct sg_tsp_answer answer;
        assert_int_equal(read_answer(bad[i], &answer), SG_E_MALFORMED);
        assert_null(answer.token.data);
    }
}

static void refuses_a_large_answer(void **state)
{
    (void)state;
    struct sg_tsp_answer answer;
    uint8_t *bytes = calloc(1, SG_MAX_TSA_ANSWER + 1);
    assert_int_equal(read_answer((struct sg_slice){bytes, SG_MAX_TSA_ANSWER + 1}, &answer), SG_E_LIMIT);
    free(bytes);
}

/* --- the token's content ------------------------------------------------------------------------------------------ */

static struct sg_slice time_of(const char *text)
{
    return tlv(0x18, slice(text, strlen(text)));
}

static struct sg_slice tst_info(struct sg_slice time, const char *behind)
{
    return tlv(0x30, JOIN(hex("020101"), hex(POLICY), hex(IMPRINT), hex(SERIAL), time, hex(behind)));
}

static enum sg_rc read_info(struct sg_slice bytes, struct sg_tst_info *info)
{
    struct sg_err err = {0};
    *info = (struct sg_tst_info){0};
    enum sg_rc rc = sg_tst_info_read(bytes, info, &err);
    assert_int_equal(rc, err.rc);
    return rc;
}

/* Is all that a token says read? */
static void reads_a_token(void **state)
{
    (void)state;
    struct sg_tst_info info;
    int64_t when = 0;
    assert_int_equal(sg_time_parse("2026-11-26T01:02:03Z", &when, NULL), SG_OK);
    /* accuracy 2 s, 3 ms, 4 us; nonce 9; tsa: a dNSName; an extension that is not critical */
    assert_int_equal(read_info(tst_info(time_of("20261126010203.25Z"),
                                        "3009 020102 800103 810104 020109 a003 820161 a109 3007 06022a03 0401aa"),
                               &info),
                     SG_OK);
    assert_int_equal(info.time, when);
    assert_int_equal(info.accuracy, 2003004);
    assert_int_equal(ASN1_INTEGER_get(info.serial), 7);
    assert_int_equal(ASN1_INTEGER_get(info.nonce), 9);
    assert_int_equal(info.imprint.len, 21);
    assert_non_null(info.tsa);
    assert_false(info.critical_extension);
    sg_tst_info_clear(&info);

    assert_int_equal(read_info(tst_info(time_of("20261126010203Z"), "a10c 300a 06022a03 0101ff 0401aa"), &info), SG_OK);
    assert_int_equal(info.time, when);
    assert_int_equal(info.accuracy, -1);
    assert_null(info.nonce);
    assert_null(info.tsa);
    assert_true(info.critical_extension);
    sg_tst_info_clear(&info);
}

/* Are times as RFC 3161 does not write them refused? */
static void refuses_odd_times(void **state)
{
    (void)state;
    static const char *const odd[] = {
        "20261126010203",      "202611260102Z",
        "20261126010203+0100", "20261126010203.Z",
        "20261126010203.50Z",  "20261126010203,5Z",
        "20261326010203Z",     "20261126250203Z",
        "20261126010203.5",    "20261126010203ZZ",
        "20261126010203.5+01", "0261126010203Z",
        "2026112601020 Z",     "",
    };
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        struct sg_tst_info info;
        assert_int_equal(read_info(tst_info(time_of(odd[i]), ""), &info), SG_E_MALFORMED);
        assert_null(info.parsed);
    }
    struct sg_tst_info info; /* a UTCTime */
    assert_int_equal(read_info(tst_info(tlv(0x17, slice("261126010203Z", 13)), ""), &info), SG_E_MALFORMED);
}

static void refuses_what_is_no_token(void **state)
{
    (void)state;
    static const char *const behind[] = {
        "3003 0201ff",               /* -1 s */
        "3004 800203e8",             /* 1000 ms */
        "3004 810203e8",             /* 1000 us */
        "300a 02080fffffffffffffff", /* more seconds than there are */
        "0500",                      /* what has no place there */
    };
    struct sg_tst_info info;
    struct sg_slice good = tst_info(time_of("20261126010203Z"), "");
    for (size_t i = 0; i < sizeof behind / sizeof behind[0]; i++)
        assert_int_equal(read_info(tst_info(time_of("20261126010203Z"), behind[i]), &info), SG_E_MALFORMED);
    assert_int_equal(read_info(JOIN(good, hex("00")), &info), SG_E_MALFORMED);
    assert_int_equal(read_info((struct sg_slice){good.data, good.len - 1}, &info), SG_E_MALFORMED);
    assert_int_equal(read_info(NONE, &info), SG_E_MALFORMED);
    /* version 2 */
    assert_int_equal(
        read_info(tlv(0x30, JOIN(hex("020102"), hex(POLICY), hex(IMPRINT), hex(SERIAL), time_of("20261126010203Z"))),
                  &info),
        SG_E_MALFORMED);
}

/* --- the attribute ------------------------------------------------------------------------------------------------ */

static void makes_the_attribute(void **state)
{
    (void)state;
    _cleanup_(sg_buf_clear) struct sg_buf out = SG_BUF(SG_KIB);
    assert_int_equal(sg_tsp_attribute_make(hex(TOKEN), &out, NULL), SG_OK);
    assert_true(sg_slice_equal(sg_buf_slice(&out), hex("3014 060b2a864886f70d010910020e 3105" TOKEN)));
}

static int setup(void **state)
{
    (void)state;
    return sg_libctx_new(&libctx, NULL) == SG_OK ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    OSSL_LIB_CTX_free(libctx);
    return 0;
}

static int clear(void **state)
{
    (void)state;
    arena_clear();
    return 0;
}

#define TEST(name) cmocka_unit_test_teardown(name, clear)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(asks),
        TEST(asks_with_fresh_nonces),
        TEST(refuses_a_policy_that_is_none),
        TEST(takes_a_token),
        TEST(tells_a_refusal),
        TEST(cuts_a_refusal),
        TEST(refuses_what_is_no_answer),
        TEST(refuses_a_large_answer),
        TEST(reads_a_token),
        TEST(refuses_odd_times),
        TEST(refuses_what_is_no_token),
        TEST(makes_the_attribute),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
