/* What S3 says is wrong, as sentences that say what to do. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/msg.h"
#include "sync/s3_private.h"
#include "sync/s3_xml.h"

/* --- reading ------------------------------------------------------------------------------------------------------ */

static void keep(char *out, size_t size, const char *text)
{
    size_t len = 0;
    for (; *text && len < size - 1; text++)
        if (*text >= ' ' && *text < 0x7f)
            out[len++] = *text;
    out[len] = '\0';
}

static enum sg_rc take_error(void *context, const char *parent, const char *name, const char *text, struct sg_err *err)
{
    struct sg_s3_error *error = context;
    (void)err;
    if (strcmp(parent, "Error") != 0)
        return SG_OK;
    if (strcmp(name, "Code") == 0)
        keep(error->code, sizeof(error->code), text);
    else if (strcmp(name, "Message") == 0)
        keep(error->message, sizeof(error->message), text);
    else if (strcmp(name, "RequestId") == 0)
        keep(error->request_id, sizeof(error->request_id), text);
    else if (strcmp(name, "Region") == 0)
        keep(error->region, sizeof(error->region), text);
    return SG_OK;
}

enum sg_rc sg_s3_error_read(struct sg_slice xml, struct sg_s3_error *ret, struct sg_err *err)
{
    struct sg_s3_error error = {0};
    enum sg_rc rc = sg_s3_xml_read(xml, take_error, &error, err);
    if (rc != SG_OK)
        return rc;
    if (error.code[0] == '\0')
        return sg_fail(err, SG_E_BAD_ANSWER, "%s", _("The server's answer is no error as S3 has it."));
    *ret = error;
    return SG_OK;
}

bool sg_s3_is(struct sg_slice error_body, const char *code)
{
    struct sg_s3_error error;
    return sg_s3_error_read(error_body, &error, NULL) == SG_OK && strcmp(error.code, code) == 0;
}

bool sg_s3_date(const char *text, int64_t *ret)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    char month[4] = "";
    struct tm tm = {0};
    int end = 0;
    if (sscanf(text, "%*3[A-Za-z], %2d %3[A-Za-z] %4d %2d:%2d:%2d GMT%n", &tm.tm_mday, month, &tm.tm_year, &tm.tm_hour,
               &tm.tm_min, &tm.tm_sec, &end) != 6 ||
        end == 0 || text[end] != '\0' || strlen(month) != 3)
        return false;
    const char *at = strstr(months, month);
    if (!at || (at - months) % 3 != 0)
        return false;
    tm.tm_mon = (int)(at - months) / 3;
    tm.tm_year -= 1900;
    *ret = (int64_t)timegm(&tm);
    return true;
}

/* --- saying ------------------------------------------------------------------------------------------------------- */

/* Codes that are about the bucket, the credentials or the bytes, and what the server does then. */
static const struct {
    const char *code;
    enum sg_rc rc;
    const char *text;
} known[] = {
    {"AccessDenied", SG_E_SERVER_REFUSED,
     N_("does not allow it to this access key; the bucket's owner says who may do what.")},
    {"BadDigest", SG_E_BAD_ANSWER,
     N_("got other bytes than it was to get; if it stays so, the copy kept here is damaged.")},
    {"ConditionalRequestConflict", SG_E_SERVER_FAILED,
     N_("is just storing the same for somebody else; it is tried again later.")},
    {"EntityTooLarge", SG_E_SERVER_REFUSED, N_("does not take anything that large.")},
    {"InvalidAccessKeyId", SG_E_SERVER_REFUSED,
     N_("does not know the access key; check the user in the configuration.")},
    {"NoSuchBucket", SG_E_SERVER_REFUSED, N_("has no such bucket; make it, or check the URL in the configuration.")},
    {"NoSuchKey", SG_E_SERVER_REFUSED, N_("has nothing under that name.")},
    {"NoSuchUpload", SG_E_BAD_ANSWER, N_("does not have the parts any more that it got; they are sent again.")},
    {"QuotaExceeded", SG_E_SERVER_REFUSED, N_("says that the quota of the bucket or its owner is used up.")},
    {"SignatureDoesNotMatch", SG_E_SERVER_REFUSED,
     N_("does not accept the signature of the request; check the secret key in the configuration.")},
    {"SlowDown", SG_E_SERVER_FAILED, N_("has too much to do; it is tried again later.")},
    {"XAmzContentSHA256Mismatch", SG_E_BAD_ANSWER,
     N_("got other bytes than it was to get; if it stays so, the copy kept here is damaged.")},
};

/* Both clocks tell a time; the difference is what a person has to set. */
static enum sg_rc fail_clock(const struct sg_http_answer *answer, const char *server, const char *what,
                             struct sg_err *err)
{
    const char *date = sg_http_header(answer, "Date");
    struct sg_clock clock = sg_clock_system(); /* which requests are signed by */
    int64_t now = sg_clock_now(&clock), then = 0;
    if (!date || !sg_s3_date(date, &then))
        return sg_fail(err, SG_E_CLOCK_WRONG,
                       _("%s: %s says that this computer's clock is wrong; set it and try again."), what, server);
    int64_t off = now > then ? now - then : then - now;
    return sg_fail(err, SG_E_CLOCK_WRONG,
                   now > then ? _("%s: this computer's clock is %lld minutes ahead of that of %s, which takes nothing "
                                  "that far off; set the clock and try again.")
                              : _("%s: this computer's clock is %lld minutes behind that of %s, which takes nothing "
                                  "that far off; set the clock and try again."),
                   what, (long long)(off + 30) / 60, server);
}

static enum sg_rc fail_region(const struct sg_s3_error *error, const char *server, const char *what, struct sg_err *err)
{
    if (error->region[0] == '\0')
        return sg_fail(err, SG_E_SERVER_REFUSED,
                       _("%s: %s does not accept how the request is signed; check the region in the configuration."),
                       what, server);
    return sg_fail(err, SG_E_SERVER_REFUSED, _("%s: %s wants the region \"%s\"; put that into the configuration."),
                   what, server, error->region);
}

static enum sg_rc fail_other(const struct sg_http_answer *answer, const char *server, const char *what,
                             struct sg_err *err)
{
    if (answer->status >= 300 && answer->status < 500)
        return sg_fail(err, SG_E_SERVER_REFUSED, _("%s: %s refused it (status %d)."), what, server, answer->status);
    return sg_fail(err, SG_E_SERVER_FAILED, _("%s: %s is in trouble (status %d); it is tried again later."), what,
                   server, answer->status);
}

static enum sg_rc fail_known(const struct sg_http_answer *answer, const struct sg_s3_error *error, const char *server,
                             const char *what, struct sg_err *err)
{
    if (strcmp(error->code, "RequestTimeTooSkewed") == 0)
        return fail_clock(answer, server, what, err);
    if (strcmp(error->code, "AuthorizationHeaderMalformed") == 0)
        return fail_region(error, server, what, err);
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (strcmp(error->code, known[i].code) == 0)
            return sg_fail(err, known[i].rc, _("%s: %s %s"), what, server, _(known[i].text));
    return fail_other(answer, server, what, err);
}

enum sg_rc sg_s3_fail_error(const struct sg_http_answer *answer, const struct sg_s3_error *error, const char *what,
                            struct sg_err *err)
{
    _cleanup_(sg_buf_clear) struct sg_buf buf = SG_BUF(SG_MAX_URL);
    const char *server = answer->url;
    if (sg_http_server(answer->url, &buf, NULL) == SG_OK)
        (void)!sg_buf_text(&buf, &server, NULL);
    enum sg_rc rc = fail_known(answer, error, server, what, err);
    sg_err_cause(err, "%s%s%s%s%s", error->code, error->message[0] ? ": " : "", error->message,
                 error->request_id[0] ? ", request " : "", error->request_id);
    return rc;
}

enum sg_rc sg_s3_fail(const struct sg_http_answer *answer, struct sg_slice error_body, const char *what,
                      struct sg_err *err)
{
    struct sg_s3_error error;
    if (answer->status < 300 || sg_s3_error_read(error_body, &error, NULL) != SG_OK)
        return sg_http_fail(answer, error_body, what, err);
    return sg_s3_fail_error(answer, &error, what, err);
}
