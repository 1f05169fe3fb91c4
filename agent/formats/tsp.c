#include "formats/tsp.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/rand.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/msg.h"
#include "base/utf8.h"
#include "formats/der.h"
#include "formats/tlv.h"

#define DER_BOOLEAN 0x01

SG_DEFINE_CLEANUP(TS_STATUS_INFO, TS_STATUS_INFO_free)

/* --- the request -------------------------------------------------------------------------------------------------- */

static void add_imprint(struct sg_der *der, const uint8_t sha256[SG_SHA256_LEN])
{
    const size_t imprint = sg_der_open(der), algorithm = sg_der_open(der);

    sg_der_oid(der, NID_sha256);
    sg_der_element(der, SG_DER_NULL, (struct sg_slice){0});
    sg_der_close(der, algorithm, SG_DER_SEQUENCE);
    sg_der_element(der, SG_DER_OCTET_STRING, (struct sg_slice){sha256, SG_SHA256_LEN});
    sg_der_close(der, imprint, SG_DER_SEQUENCE);
}

static void add_policy(struct sg_der *der, const char *policy)
{
    _cleanup_(ASN1_OBJECT_freep) ASN1_OBJECT *oid = OBJ_txt2obj(policy, 1);

    if (oid)
        sg_der_element(der, SG_DER_OBJECT_IDENTIFIER, (struct sg_slice){OBJ_get0_data(oid), OBJ_length(oid)});
    else if (der->rc == SG_OK)
        der->rc = sg_fail_ssl(der->err, SG_E_USAGE, _("\"%s\" is not a policy's OID, such as 1.2.3.4."), policy);
}

enum sg_rc sg_tsp_request_make(OSSL_LIB_CTX *libctx, const uint8_t sha256[SG_SHA256_LEN], const char *policy,
                               uint8_t ret_nonce[SG_TSP_NONCE], struct sg_buf *out, struct sg_err *err)
{
    static const uint8_t yes = 0xff;
    struct sg_der der = {.out = out, .err = err};
    uint8_t nonce[SG_TSP_NONCE];

    if (RAND_bytes_ex(libctx, nonce, sizeof nonce, 0) != 1)
        return sg_fail_ssl(err, SG_E_INTERNAL, "%s", _("There are no random numbers."));
    nonce[0] = (uint8_t)((nonce[0] & 0x3f) | 0x40); /* positive, and as long as it looks */

    const size_t request = sg_der_open(&der);
    sg_der_small_integer(&der, 1);
    add_imprint(&der, sha256);
    if (policy[0] != '\0')
        add_policy(&der, policy);
    sg_der_element(&der, SG_DER_INTEGER, (struct sg_slice){nonce, sizeof nonce});
    sg_der_element(&der, DER_BOOLEAN, (struct sg_slice){&yes, 1}); /* certReq */
    sg_der_close(&der, request, SG_DER_SEQUENCE);
    if (der.rc == SG_OK)
        memcpy(ret_nonce, nonce, sizeof nonce);
    return der.rc;
}

/* --- the answer --------------------------------------------------------------------------------------------------- */

/* PKIStatus and PKIFailureInfo (RFC 3161 §2.4.2). */
static const char *const statuses[] = {
    N_("granted"), N_("granted, with changes"), N_("refused"),
    N_("not yet"), N_("a revocation is near"),  N_("its certificate has been revoked"),
};
#define STATUS_REFUSED 2

static const struct {
    int bit;
    const char *text;
} failures[] = {
    {0, N_("the digest's algorithm is not supported")},
    {2, N_("the request is not allowed or not supported")},
    {5, N_("the request is in the wrong format")},
    {14, N_("its clock is not available")},
    {15, N_("the policy is not supported")},
    {16, N_("the extension is not supported")},
    {17, N_("what was asked for besides is not available")},
    {25, N_("the system has failed")},
};

/* "refused; the policy is not supported (what the TSA wrote)" */
static enum sg_rc tell(const TS_STATUS_INFO *info, size_t status, struct sg_buf *out, struct sg_err *err)
{
    const ASN1_BIT_STRING *bits = TS_STATUS_INFO_get0_failure_info(info);
    const STACK_OF(ASN1_UTF8STRING) *texts = TS_STATUS_INFO_get0_text(info);
    enum sg_rc rc = sg_buf_printf(out, err, "%s", _(statuses[status]));

    for (size_t i = 0; rc == SG_OK && bits && i < sizeof(failures) / sizeof(failures[0]); i++)
        if (ASN1_BIT_STRING_get_bit(bits, failures[i].bit))
            rc = sg_buf_printf(out, err, "; %s", _(failures[i].text));
    for (int i = 0; rc == SG_OK && i < sk_ASN1_UTF8STRING_num(texts); i++) {
        const ASN1_UTF8STRING *text = sk_ASN1_UTF8STRING_value(texts, i);
        size_t len = (size_t)ASN1_STRING_length(text);
        rc = sg_buf_append(out, i == 0 ? " (" : ", ", 2, err);
        if (rc == SG_OK)
            rc = sg_utf8_append_printable(out, ASN1_STRING_get0_data(text), len, err);
    }
    if (rc == SG_OK && sk_ASN1_UTF8STRING_num(texts) > 0)
        rc = sg_buf_append(out, ")", 1, err);
    return rc;
}

static enum sg_rc make_refusal(const TS_STATUS_INFO *info, size_t status, char **ret, struct sg_err *err)
{
    _cleanup_(sg_buf_clear) struct sg_buf text = SG_BUF(4 * SG_MAX_TSA_ANSWER);
    const char *terminated = NULL;

    enum sg_rc rc = tell(info, status, &text, err);
    if (rc == SG_OK)
        rc = sg_buf_text(&text, &terminated, err);
    if (rc != SG_OK)
        return rc;
    char *copy = strndup(terminated, SG_MAX_TSA_TEXT);
    if (!copy)
        return sg_fail_memory(err);
    sg_utf8_cut(copy);
    *ret = copy;
    return SG_OK;
}

/* The bytes of the element just read. */
static enum sg_rc take(struct sg_tlv_reader *reader, struct sg_slice all, struct sg_slice *ret, struct sg_err *err)
{
    struct sg_tlv element;

    enum sg_rc rc = sg_tlv_skip(reader, &element, err);
    if (rc == SG_OK)
        *ret = (struct sg_slice){all.data + element.start, (size_t)(element.end - element.start)};
    return rc;
}

/* SEQUENCE { status PKIStatusInfo, timeStampToken ContentInfo OPTIONAL }; what is in them is left as it is. */
static enum sg_rc split(struct sg_slice bytes, struct sg_slice *ret_status, struct sg_slice *ret_token,
                        struct sg_err *err)
{
    _cleanup_(sg_input_freep) struct sg_input *input = NULL;
    _cleanup_(sg_tlv_reader_freep) struct sg_tlv_reader *reader = NULL;
    struct sg_tlv element;
    bool more = false;

    enum sg_rc rc = sg_input_from_slice(_("the TSA's answer"), bytes, &input, err);
    if (rc == SG_OK)
        rc = sg_tlv_reader_new(input, 0, bytes.len, &reader, err);
    if (rc == SG_OK)
        rc = sg_tlv_expect(reader, SG_TLV_UNIVERSAL, SG_TLV_SEQUENCE, _("a TimeStampResp"), &element, err);
    if (rc == SG_OK)
        rc = sg_tlv_enter(reader, err);
    if (rc == SG_OK)
        rc = sg_tlv_expect(reader, SG_TLV_UNIVERSAL, SG_TLV_SEQUENCE, _("the status"), &element, err);
    if (rc == SG_OK)
        rc = take(reader, bytes, ret_status, err);
    if (rc == SG_OK)
        rc = sg_tlv_next(reader, &element, &more, err);
    if (rc == SG_OK && more && !sg_tlv_is(&element, SG_TLV_UNIVERSAL, SG_TLV_SEQUENCE))
        return sg_tlv_malformed(reader, element.start, _("it is not a time-stamp token"), err);
    if (rc == SG_OK && more)
        rc = take(reader, bytes, ret_token, err);
    return rc == SG_OK ? sg_tlv_leave_all(reader, 1, bytes.len, err) : rc;
}

static enum sg_rc read_status(struct sg_slice encoding, TS_STATUS_INFO **ret, size_t *ret_status, struct sg_err *err)
{
    const uint8_t *at = encoding.data;
    _cleanup_(TS_STATUS_INFO_freep) TS_STATUS_INFO *info = d2i_TS_STATUS_INFO(NULL, &at, (long)encoding.len);
    uint64_t status = 0;

    if (!info || at != encoding.data + encoding.len)
        return sg_fail_ssl(err, SG_E_MALFORMED, "%s", _("The status in the TSA's answer cannot be read."));
    if (ASN1_INTEGER_get_uint64(&status, TS_STATUS_INFO_get0_status(info)) != 1 ||
        status >= sizeof(statuses) / sizeof(statuses[0]))
        return sg_fail_ssl(err, SG_E_MALFORMED, "%s", _("The status in the TSA's answer is none that there is."));
    *ret = sg_steal(info);
    *ret_status = (size_t)status;
    return SG_OK;
}

enum sg_rc sg_tsp_answer_read(struct sg_slice bytes, struct sg_tsp_answer *ret, struct sg_err *err)
{
    _cleanup_(TS_STATUS_INFO_freep) TS_STATUS_INFO *info = NULL;
    struct sg_slice status_bytes = {0};
    struct sg_tsp_answer answer = {0};
    size_t status = 0;

    if (bytes.len > SG_MAX_TSA_ANSWER)
        return sg_fail(err, SG_E_LIMIT, _("The TSA's answer has more than %zu bytes."), SG_MAX_TSA_ANSWER);
    enum sg_rc rc = split(bytes, &status_bytes, &answer.token, err);
    if (rc == SG_OK)
        rc = read_status(status_bytes, &info, &status, err);
    if (rc == SG_OK && status < STATUS_REFUSED && !answer.token.data)
        rc = sg_fail(err, SG_E_MALFORMED, "%s", _("The TSA's answer says \"granted\" and holds no time-stamp."));
    if (rc == SG_OK && status >= STATUS_REFUSED) {
        answer.token = (struct sg_slice){0};
        rc = make_refusal(info, status, &answer.refusal, err);
    }
    if (rc == SG_OK)
        *ret = answer;
    return rc;
}

void sg_tsp_answer_clear(struct sg_tsp_answer *answer)
{
    free(answer->refusal);
    *answer = (struct sg_tsp_answer){0};
}

/* --- the token's content ------------------------------------------------------------------------------------------ */

static enum sg_rc malformed(struct sg_err *err, const char *what)
{
    return sg_fail_ssl(err, SG_E_MALFORMED, "%s", what);
}

/* Of the digits behind the point; rounded up. */
static int64_t micros_of(const char *digits, size_t count)
{
    int64_t micros = 0;
    for (size_t i = 0; i < 6; i++)
        micros = 10 * micros + (i < count ? digits[i] - '0' : 0);
    return micros + (count > 6);
}

/* YYYYMMDDhhmmss[.s...]Z: in UTC, with seconds, and a fraction that does not end in 0 (RFC 3161 §2.4.2). */
static bool is_gen_time(const ASN1_GENERALIZEDTIME *time, int64_t *ret_fraction)
{
    const char *text = (const char *)ASN1_STRING_get0_data(time);
    const size_t len = (size_t)ASN1_STRING_length(time);
    size_t digits = 0, fraction = 0;

    while (digits < len && text[digits] >= '0' && text[digits] <= '9')
        digits++;
    if (digits != 14 || len < digits + 1)
        return false;
    if (text[digits] == '.') {
        while (digits + 1 + fraction < len && text[digits + 1 + fraction] >= '0' && text[digits + 1 + fraction] <= '9')
            fraction++;
        if (fraction == 0 || text[digits + fraction] == '0')
            return false;
        *ret_fraction = micros_of(text + digits + 1, fraction);
        fraction++; /* the point */
    }
    return len == digits + fraction + 1 && text[len - 1] == 'Z';
}

/* One part of an Accuracy; a part that is not there counts as 0. */
static bool add_part(const ASN1_INTEGER *part, int64_t most, int64_t micros, int64_t *sum)
{
    int64_t value = 0;

    if (part && (ASN1_INTEGER_get_int64(&value, part) != 1 || value < 0 || value > most))
        return false;
    *sum += value * micros;
    return true;
}

static bool read_accuracy(const TS_ACCURACY *accuracy, int64_t *ret)
{
    int64_t sum = 0;

    if (!accuracy) {
        *ret = -1;
        return true;
    }
    if (!add_part(TS_ACCURACY_get_seconds(accuracy), SG_MAX_DURATION, 1000000, &sum) ||
        !add_part(TS_ACCURACY_get_millis(accuracy), 999, 1000, &sum) ||
        !add_part(TS_ACCURACY_get_micros(accuracy), 999, 1, &sum))
        return false;
    *ret = sum;
    return true;
}

static enum sg_rc fill(TS_TST_INFO *parsed, struct sg_tst_info *ret, struct sg_err *err)
{
    TS_MSG_IMPRINT *imprint = TS_TST_INFO_get_msg_imprint(parsed);
    const ASN1_OCTET_STRING *value = TS_MSG_IMPRINT_get_msg(imprint);
    const ASN1_GENERALIZEDTIME *time = TS_TST_INFO_get_time(parsed);

    *ret = (struct sg_tst_info){
        .imprint_algorithm = TS_MSG_IMPRINT_get_algo(imprint),
        .imprint = {ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value)},
        .policy = TS_TST_INFO_get_policy_id(parsed),
        .serial = TS_TST_INFO_get_serial(parsed),
        .nonce = TS_TST_INFO_get_nonce(parsed),
        .tsa = TS_TST_INFO_get_tsa(parsed),
        .critical_extension = TS_TST_INFO_get_ext_by_critical(parsed, 1, -1) >= 0,
    };
    if (TS_TST_INFO_get_version(parsed) != 1)
        return malformed(err, _("The time-stamp is of a version that is not known."));
    if (!is_gen_time(time, &ret->fraction) || !sg_time_from_asn1(time, &ret->time))
        return malformed(err, _("The time in the time-stamp is not written as RFC 3161 §2.4.2 wants."));
    if (!read_accuracy(TS_TST_INFO_get_accuracy(parsed), &ret->accuracy))
        return malformed(err, _("The accuracy in the time-stamp is out of its bounds."));
    return SG_OK;
}

enum sg_rc sg_tst_info_read(struct sg_slice bytes, struct sg_tst_info *ret, struct sg_err *err)
{
    const uint8_t *at = bytes.data;
    struct sg_tst_info info = {0};
    TS_TST_INFO *parsed = d2i_TS_TST_INFO(NULL, &at, (long)bytes.len);

    if (!parsed || at != bytes.data + bytes.len) {
        TS_TST_INFO_free(parsed);
        return malformed(err, _("What the time-stamp holds is not a TSTInfo."));
    }
    enum sg_rc rc = fill(parsed, &info, err);
    info.parsed = parsed;
    if (rc == SG_OK)
        *ret = info;
    else
        sg_tst_info_clear(&info);
    return rc;
}

void sg_tst_info_clear(struct sg_tst_info *info)
{
    TS_TST_INFO_free(info->parsed);
    *info = (struct sg_tst_info){0};
}

/* --- the attribute ------------------------------------------------------------------------------------------------ */

enum sg_rc sg_tsp_attribute_make(struct sg_slice token, struct sg_buf *out, struct sg_err *err)
{
    struct sg_der der = {.out = out, .err = err};

    const size_t attribute = sg_der_open(&der);
    sg_der_oid(&der, NID_id_smime_aa_timeStampToken);
    const size_t values = sg_der_open(&der);
    sg_der_raw(&der, token);
    sg_der_close(&der, values, SG_DER_SET);
    sg_der_close(&der, attribute, SG_DER_SEQUENCE);
    return der.rc;
}
