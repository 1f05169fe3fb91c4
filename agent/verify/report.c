/* Reports for programs: `signet.verify/1` and `signet.cert-check/1`, and the exit status. */
#include "verify/report.h"

#include <string.h>

#include <jansson.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/limits.h"
#include "base/utf8.h"
#include "verify/verdict.h"

/* Text as a JSON string; NULL gives null. File names need not be UTF-8: what is not becomes U+FFFD. */
static json_t *text_json(const char *text)
{
    if (!text)
        return json_null();
    json_t *string = json_string(text);
    if (string)
        return string;
    size_t left = strlen(text), len = 0;
    _cleanup_(freep) char *clean = malloc(3 * left + 1);
    if (!clean)
        return NULL;
    while (left > 0) {
        uint32_t code_point;
        size_t step = sg_utf8_next((const uint8_t *)text, left, &code_point);
        memcpy(clean + len, step ? text : "\xef\xbf\xbd", step ? step : 3);
        len += step ? step : 3;
        step = step ? step : 1;
        text += step;
        left -= step;
    }
    return json_stringn(clean, len);
}

static json_t *time_json(int64_t when)
{
    char text[SG_TIME_TEXT];
    return when == SG_TIME_NONE ? json_null() : json_string(sg_time_text(when, text));
}

/* Sets a member; a value that could not be made is a failure. */
static bool set(json_t *object, const char *key, json_t *value)
{
    return json_object_set_new(object, key, value) == 0;
}

static enum sg_rc cert_json(OSSL_LIB_CTX *libctx, X509 *cert, json_t **ret, struct sg_err *err)
{
    _cleanup_(freep) char *subject = NULL, *issuer = NULL, *serial = NULL;
    _cleanup_(json_decrefp) json_t *object = json_object();
    char sha256[SG_SHA256_HEX];
    enum sg_rc rc = sg_name_text(X509_get_subject_name(cert), &subject, err);
    if (rc == SG_OK)
        rc = sg_name_text(X509_get_issuer_name(cert), &issuer, err);
    if (rc == SG_OK)
        rc = sg_serial_text(X509_get0_serialNumber(cert), &serial, err);
    if (rc == SG_OK)
        rc = sg_cert_sha256(libctx, cert, sha256, err);
    if (rc != SG_OK)
        return rc;
    if (!set(object, "subject", text_json(subject)) || !set(object, "issuer", text_json(issuer)) ||
        !set(object, "serial", text_json(serial)) || !set(object, "sha256", text_json(sha256)))
        return sg_fail_memory(err);
    *ret = sg_steal(object);
    return SG_OK;
}

static enum sg_rc chain_json(OSSL_LIB_CTX *libctx, const STACK_OF(X509) *chain, json_t **ret, struct sg_err *err)
{
    _cleanup_(json_decrefp) json_t *array = json_array();
    for (int i = 0; i < sk_X509_num(chain); i++) {
        json_t *cert = NULL;
        enum sg_rc rc = cert_json(libctx, sk_X509_value(chain, i), &cert, err);
        if (rc != SG_OK)
            return rc;
        if (json_array_append_new(array, cert) != 0)
            return sg_fail_memory(err);
    }
    *ret = sg_steal(array);
    return *ret ? SG_OK : sg_fail_memory(err);
}

static json_t *revocation_json(const struct sg_verdict *verdict)
{
    _cleanup_(json_decrefp) json_t *array = json_array();
    for (size_t i = 0; i < verdict->revocation_count; i++) {
        const struct sg_revocation_used *used = &verdict->revocation[i];
        _cleanup_(json_decrefp) json_t *object = json_object();
        if (!set(object, "kind", text_json(used->kind)) || !set(object, "issuer", text_json(used->issuer)) ||
            !set(object, "this_update", time_json(used->this_update)) ||
            !set(object, "next_update", time_json(used->next_update)) ||
            !set(object, "status", text_json(used->status)) ||
            !set(object, "revoked_at", time_json(used->revoked_at)) ||
            !set(object, "reason", text_json(used->reason)) || json_array_append(array, object) != 0)
            return NULL;
    }
    return sg_steal(array);
}

static enum sg_rc timestamp_json(const struct sg_timestamp *timestamp, json_t **ret, struct sg_err *err)
{
    const struct sg_verdict *verdict = &timestamp->verdict;
    _cleanup_(json_decrefp) json_t *object = json_object();
    _cleanup_(freep) char *tsa = NULL;
    enum sg_rc rc = verdict->signer ? sg_name_text(X509_get_subject_name(verdict->signer), &tsa, err) : SG_OK;
    if (rc != SG_OK)
        return rc;
    if (!set(object, "kind", text_json(timestamp->kind)) || !set(object, "time", time_json(timestamp->time)) ||
        !set(object, "tsa", text_json(tsa)) ||
        !set(object, "indication", text_json(sg_cert_indication_text(verdict->indication))) ||
        !set(object, "sub_indication", text_json(sg_sub_indication_text(verdict->sub_indication))))
        return sg_fail_memory(err);
    *ret = sg_steal(object);
    return SG_OK;
}

static enum sg_rc timestamps_json(const struct sg_verdict *verdict, json_t **ret, struct sg_err *err)
{
    _cleanup_(json_decrefp) json_t *array = json_array();
    for (size_t i = 0; i < verdict->timestamp_count; i++) {
        json_t *timestamp = NULL;
        enum sg_rc rc = timestamp_json(&verdict->timestamps[i], &timestamp, err);
        if (rc != SG_OK)
            return rc;
        if (json_array_append_new(array, timestamp) != 0)
            return sg_fail_memory(err);
    }
    *ret = sg_steal(array);
    return *ret ? SG_OK : sg_fail_memory(err);
}

static json_t *reasons_json(const struct sg_verdict *verdict)
{
    _cleanup_(json_decrefp) json_t *array = json_array();
    for (size_t i = 0; i < verdict->reason_count; i++) {
        _cleanup_(json_decrefp) json_t *object = json_object();
        if (!set(object, "code", text_json(verdict->reasons[i].code)) ||
            !set(object, "text", text_json(verdict->reasons[i].text)) || json_array_append(array, object) != 0)
            return NULL;
    }
    return sg_steal(array);
}

static json_t *policies_json(const struct sg_verdict *verdict)
{
    _cleanup_(json_decrefp) json_t *array = json_array();
    for (size_t i = 0; i < verdict->policy_count; i++)
        if (json_array_append_new(array, text_json(verdict->policies[i])) != 0)
            return NULL;
    return sg_steal(array);
}

/* Names of files in a container; null where the file is none. */
static json_t *names_json(char *const *names, size_t count)
{
    if (!names)
        return json_null();
    _cleanup_(json_decrefp) json_t *array = json_array();
    for (size_t i = 0; i < count; i++)
        if (json_array_append_new(array, text_json(names[i])) != 0)
            return NULL;
    return sg_steal(array);
}

/* The answer as of now, null where it is the one of the whole process. */
static json_t *now_json(const struct sg_verdict *verdict)
{
    if (!sg_verdict_differs_now(verdict))
        return json_null();
    _cleanup_(json_decrefp) json_t *object = json_object();
    if (!set(object, "indication", text_json(sg_indication_text(verdict->now.indication))) ||
        !set(object, "sub_indication", text_json(sg_sub_indication_text(verdict->now.sub_indication))))
        return NULL;
    return sg_steal(object);
}

static enum sg_rc signature_json(OSSL_LIB_CTX *libctx, const struct sg_verdict *verdict, json_t **ret,
                                 struct sg_err *err)
{
    _cleanup_(json_decrefp) json_t *object = json_object();
    json_t *signer = json_null(), *chain = NULL, *timestamps = NULL;
    enum sg_rc rc = SG_OK;
    if (!set(object, "id", text_json(verdict->id)) ||
        !set(object, "indication", text_json(sg_indication_text(verdict->indication))) ||
        !set(object, "sub_indication", text_json(sg_sub_indication_text(verdict->sub_indication))) ||
        !set(object, "now", now_json(verdict)) || !set(object, "intact", json_boolean(verdict->intact)) ||
        !set(object, "changes", text_json(verdict->changes)) || !set(object, "level", text_json(verdict->level)) ||
        !set(object, "covers", text_json(verdict->covers)) ||
        !set(object, "files", names_json(verdict->files, verdict->file_count)))
        return sg_fail_memory(err);
    if (verdict->signer)
        rc = cert_json(libctx, verdict->signer, &signer, err);
    if (rc != SG_OK)
        return rc;
    if (!set(object, "signer", signer) || !set(object, "digest", text_json(verdict->digest)) ||
        !set(object, "algorithm", text_json(verdict->algorithm)) ||
        !set(object, "claimed_time", time_json(verdict->claimed_time)) ||
        !set(object, "best_time", time_json(verdict->best_time)) || !set(object, "as_of", time_json(verdict->as_of)) ||
        !set(object, "good_until", time_json(verdict->good_until)))
        return sg_fail_memory(err);
    rc = chain_json(libctx, verdict->chain, &chain, err);
    if (rc != SG_OK)
        return rc;
    if (!set(object, "chain", chain) || !set(object, "revocation", revocation_json(verdict)))
        return sg_fail_memory(err);
    rc = timestamps_json(verdict, &timestamps, err);
    if (rc != SG_OK)
        return rc;
    if (!set(object, "timestamps", timestamps) || !set(object, "reasons", reasons_json(verdict)))
        return sg_fail_memory(err);
    *ret = sg_steal(object);
    return SG_OK;
}

struct dumping {
    struct sg_buf *out;
    enum sg_rc rc; /* jansson knows only that it failed */
    struct sg_err *err;
};

static int append_bytes(const char *bytes, size_t len, void *context)
{
    struct dumping *dumping = context;
    dumping->rc = sg_buf_append(dumping->out, bytes, len, dumping->err);
    return dumping->rc == SG_OK ? 0 : -1;
}

static enum sg_rc dump(const json_t *object, struct sg_buf *out, struct sg_err *err)
{
    struct dumping dumping = {.out = out, .err = err};
    size_t before = out->len;
    if (json_dump_callback(object, append_bytes, &dumping, JSON_COMPACT) == 0)
        return SG_OK;
    out->len = before;
    return dumping.rc == SG_OK ? sg_fail_memory(err) : dumping.rc;
}

/* The members that tell it from other reports. */
static bool begin(json_t *object, const char *file)
{
    return set(object, "schema", json_string("signet.verify/1")) && set(object, "file", text_json(file));
}

enum sg_rc sg_report_json(const struct sg_report *report, struct sg_buf *out, struct sg_err *err)
{
    _cleanup_(json_decrefp) json_t *object = json_object(), *signatures = json_array();
    for (size_t i = 0; i < report->verdict_count; i++) {
        json_t *signature = NULL;
        enum sg_rc rc = signature_json(report->libctx, &report->verdicts[i], &signature, err);
        if (rc != SG_OK)
            return rc;
        if (json_array_append_new(signatures, signature) != 0)
            return sg_fail_memory(err);
    }
    if (!begin(object, report->file) || !set(object, "format", text_json(report->format)) ||
        !set(object, "signatures", json_incref(signatures)) ||
        !set(object, "uncovered", names_json(report->uncovered, report->uncovered_count)))
        return sg_fail_memory(err);
    return dump(object, out, err);
}

/* What comes behind some of its members: it ends with the last byte, and has no second member "file". */
static bool is_rest_of_object(struct sg_slice rest)
{
    static const char file[] = "\"file\"";
    bool in_string = false;
    size_t depth = 1;
    for (size_t i = 0; i < rest.len && depth > 0; i++) {
        uint8_t byte = rest.data[i];
        bool ours = depth == 1; /* names of members, which may be written otherwise by a backslash */
        if (in_string && byte == '\\') {
            if (ours)
                return false;
            i++;
        } else if (byte == '"') {
            if (ours && !in_string && rest.len - i >= strlen(file) && memcmp(rest.data + i, file, strlen(file)) == 0)
                return false;
            in_string = !in_string;
        } else if (!in_string && (byte == '{' || byte == '[')) {
            depth++;
        } else if (!in_string && (byte == '}' || byte == ']')) {
            depth--;
        }
        if (depth == 0)
            return i + 1 == rest.len;
    }
    return false;
}

bool sg_report_json_is_about(struct sg_slice json, const char *file)
{
    _cleanup_(sg_buf_clear) struct sg_buf head = SG_BUF(SG_MIB);
    _cleanup_(json_decrefp) json_t *object = json_object();
    struct sg_err err;
    if (!begin(object, file) || dump(object, &head, &err) != SG_OK)
        return false;
    size_t len = head.len - 1; /* but its end */
    return json.len > len && json.data[len] == ',' && memcmp(json.data, head.data, len) == 0 &&
           is_rest_of_object((struct sg_slice){json.data + len, json.len - len});
}

enum sg_rc sg_report_cert_json(const struct sg_report *report, struct sg_buf *out, struct sg_err *err)
{
    const struct sg_verdict *verdict = &report->verdicts[0];
    _cleanup_(json_decrefp) json_t *object = json_object();
    json_t *chain = NULL;
    if (!set(object, "schema", json_string("signet.cert-check/1")) || !set(object, "file", text_json(report->file)) ||
        !set(object, "indication", text_json(sg_cert_indication_text(verdict->indication))) ||
        !set(object, "sub_indication", text_json(sg_sub_indication_text(verdict->sub_indication))))
        return sg_fail_memory(err);
    enum sg_rc rc = chain_json(report->libctx, verdict->chain, &chain, err);
    if (rc != SG_OK)
        return rc;
    if (!set(object, "chain", chain) || !set(object, "policies", policies_json(verdict)) ||
        !set(object, "revocation", revocation_json(verdict)) || !set(object, "reasons", reasons_json(verdict)))
        return sg_fail_memory(err);
    return dump(object, out, err);
}

int sg_report_exit(const struct sg_report *report)
{
    int status = report->verdict_count == 0 ? 2 : 0;
    for (size_t i = 0; i < report->verdict_count; i++) {
        if (report->verdicts[i].indication == SG_TOTAL_FAILED)
            return 1;
        if (report->verdicts[i].indication == SG_INDETERMINATE)
            status = 2;
    }
    return status;
}

enum sg_file_answer sg_report_answer(int status)
{
    if (status == 0)
        return SG_FILE_VALID;
    return status == 1 ? SG_FILE_NOT_VALID : SG_FILE_CANNOT_TELL;
}
