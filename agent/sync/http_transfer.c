/* One request at curl: what it is told, what it calls back with, and what the answer is. */
#include <string.h>
#include <strings.h>

#include "base/msg.h"
#include "sync/http_private.h"

#define LOW_SPEED 100L    /* bytes a second; slower for as long as the timeout is no progress */
#define LARGE_BODY SG_MIB /* from here on the server is asked first (Expect: 100-continue) */
#define LARGE_UPLOAD_BUFFER (512 * SG_KIB)
#define SHA256_OF_NOTHING "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define DOWNLOAD_BUFFER (64 * SG_KIB)

/* --- making ------------------------------------------------------------------------------------------------------- */

static enum sg_rc add_header(struct curl_slist **list, const char *line, struct sg_err *err)
{
    struct curl_slist *longer = curl_slist_append(*list, line);
    if (!longer)
        return sg_fail_memory(err);
    *list = longer;
    return SG_OK;
}

static uint64_t body_len(const struct sg_http_request *request)
{
    return request->body ? request->body_len : request->body_bytes.len;
}

static enum sg_rc copy_headers(struct sg_transfer *transfer, const struct sg_http_request *request, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;
    for (size_t i = 0; rc == SG_OK && i < request->header_count; i++) {
        if (strpbrk(request->headers[i], "\r\n"))
            return sg_fail(err, SG_E_INTERNAL, "%s", _("A header of a request has a line break in it."));
        rc = add_header(&transfer->headers, request->headers[i], err);
    }
    bool sigv4 = request->access && request->access->sigv4_region;
    if (rc == SG_OK && sigv4 && body_len(request) == 0)
        rc = add_header(&transfer->headers, "x-amz-content-sha256: " SHA256_OF_NOTHING, err);
    if (rc == SG_OK && !sigv4 && body_len(request) < LARGE_BODY) /* curl signs a header that is taken out, too */
        rc = add_header(&transfer->headers, "Expect:", err);
    return rc;
}

enum sg_rc sg_transfer_new(struct sg_http *http, const struct sg_http_request *request, struct sg_transfer **ret,
                           struct sg_err *err)
{
    _cleanup_(sg_transfer_freep) struct sg_transfer *transfer = calloc(1, sizeof(*transfer));
    if (!transfer)
        return sg_fail_memory(err);
    transfer->http = http;
    transfer->request = *request;
    transfer->own_server = true;
    transfer->private_allowed = http->settings.private_addresses || (request->flags & SG_HTTP_CONFIGURED);
    transfer->answer_headers = (struct sg_buf)SG_BUF(SG_MAX_HEADERS);
    transfer->error_body = (struct sg_buf)SG_BUF(SG_MAX_ERROR_BODY);
    transfer->method = strdup(request->method);
    transfer->url = strdup(request->url);
    if (!transfer->method || !transfer->url)
        return sg_fail_memory(err);
    enum sg_rc rc = copy_headers(transfer, request, err);
    if (rc == SG_OK)
        *ret = sg_steal(transfer);
    return rc;
}

void sg_transfer_free(struct sg_transfer *transfer)
{
    if (!transfer)
        return;
    curl_slist_free_all(transfer->headers);
    sg_buf_clear(&transfer->answer_headers);
    sg_buf_clear(&transfer->error_body);
    free(transfer->method);
    free(transfer->url);
    free(transfer);
}

/* --- what curl calls ---------------------------------------------------------------------------------------------- */

static size_t read_body(char *out, size_t size, size_t count, void *context)
{
    struct sg_transfer *transfer = context;
    const struct sg_http_request *request = &transfer->request;
    uint64_t left = body_len(request) - transfer->sent;
    size_t room = size * count, got = 0;
    room = left < room ? (size_t)left : room;
    if (!request->body && room > 0)
        memcpy(out, request->body_bytes.data + transfer->sent, got = room);
    else if (room > 0)
        transfer->rc =
            sg_input_read(request->body, request->body_offset + transfer->sent, out, room, &got, &transfer->err);
    if (transfer->rc == SG_OK && got < room)
        transfer->rc = sg_fail(&transfer->err, SG_E_INPUT_CHANGED, _("\"%s\" became shorter while it was sent."),
                               sg_input_name(request->body));
    if (transfer->rc != SG_OK)
        return CURL_READFUNC_ABORT;
    if (request->sends && got > 0)
        *request->sends = true;
    transfer->sent += got;
    return got;
}

static int seek_body(void *context, curl_off_t offset, int origin)
{
    struct sg_transfer *transfer = context;
    if (origin != SEEK_SET || offset < 0 || (uint64_t)offset > body_len(&transfer->request))
        return CURL_SEEKFUNC_FAIL;
    transfer->sent = (uint64_t)offset;
    return CURL_SEEKFUNC_OK;
}

/* One line, "HTTP/1.1 200 OK" or "Name: value". The lines of an answer before the last (100) are forgotten. */
static size_t take_header(char *line, size_t size, size_t count, void *context)
{
    struct sg_transfer *transfer = context;
    size_t len = size * count, kept = len;
    if (len >= 5 && strncmp(line, "HTTP/", 5) == 0)
        transfer->answer_headers.len = 0;
    while (kept > 0 && (line[kept - 1] == '\r' || line[kept - 1] == '\n'))
        kept--;
    if (sg_buf_append(&transfer->answer_headers, line, kept, NULL) == SG_OK &&
        sg_buf_append(&transfer->answer_headers, "", 1, NULL) == SG_OK)
        return len;
    transfer->rc = sg_fail(&transfer->err, SG_E_BAD_ANSWER,
                           _("%s answered with more than %zu KiB of headers; this is no answer that can be used."),
                           transfer->server->name, SG_MAX_HEADERS / SG_KIB);
    return 0;
}

static bool keep_error(struct sg_transfer *transfer, const char *data, size_t len)
{
    struct sg_buf *body = &transfer->error_body;
    size_t room = SG_MAX_ERROR_BODY - body->len;
    transfer->answered = len > room;
    return sg_buf_append(body, data, len < room ? len : room, NULL) == SG_OK && !transfer->answered;
}

static size_t take_body(char *data, size_t size, size_t count, void *context)
{
    struct sg_transfer *transfer = context;
    const struct sg_http_request *request = &transfer->request;
    size_t len = size * count;
    for (size_t i = 0; i < len && transfer->begun < sizeof(transfer->begin); i++)
        transfer->begin[transfer->begun++] = data[i];
    if (sg_transfer_status(transfer) >= 300)
        return keep_error(transfer, data, len) ? len : 0;
    transfer->received += len;
    uint64_t most = request->answer.write || request->max_answer > 0 ? request->max_answer : SG_MAX_ERROR_BODY;
    if (transfer->received > most)
        transfer->rc = sg_fail(&transfer->err, SG_E_BAD_ANSWER,
                               _("%s answered with more than the %llu bytes that are allowed here."),
                               transfer->server->name, (unsigned long long)most);
    else if (request->answer.write)
        transfer->rc = request->answer.write(request->answer.context, (const uint8_t *)data, len, &transfer->err);
    return transfer->rc == SG_OK ? len : 0;
}

/* The address that is really connected to, whatever a name was resolved to before. */
static curl_socket_t open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct sg_transfer *transfer = context;
    (void)purpose;
    if (!transfer->private_allowed && sg_address_private(&address->addr)) {
        transfer->private_refused = true;
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* --- preparing ---------------------------------------------------------------------------------------------------- */

struct options {
    CURL *easy;
    bool failed;
};

#define set(options, option, value) ((options)->failed |= curl_easy_setopt((options)->easy, option, value) != CURLE_OK)

static void set_callbacks(struct options *o, struct sg_transfer *transfer)
{
    set(o, CURLOPT_PRIVATE, transfer);
    set(o, CURLOPT_ERRORBUFFER, transfer->said);
    set(o, CURLOPT_HEADERFUNCTION, take_header);
    set(o, CURLOPT_HEADERDATA, transfer);
    set(o, CURLOPT_WRITEFUNCTION, take_body);
    set(o, CURLOPT_WRITEDATA, transfer);
    set(o, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    set(o, CURLOPT_OPENSOCKETDATA, transfer);
}

static void set_limits(struct options *o, const struct sg_http_settings *settings)
{
    set(o, CURLOPT_NOSIGNAL, 1L);
    set(o, CURLOPT_PROTOCOLS_STR, "http,https");
    set(o, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    set(o, CURLOPT_CONNECTTIMEOUT, (long)settings->timeout);
    set(o, CURLOPT_LOW_SPEED_LIMIT, LOW_SPEED);
    set(o, CURLOPT_LOW_SPEED_TIME, (long)settings->timeout);
    set(o, CURLOPT_BUFFERSIZE, (long)DOWNLOAD_BUFFER);
    set(o, CURLOPT_TCP_NODELAY, 1L);
    set(o, CURLOPT_TCP_KEEPALIVE, 1L);
    set(o, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
}

static void set_request(struct options *o, struct sg_transfer *transfer)
{
    const struct sg_http_request *request = &transfer->request;
    uint64_t len = body_len(request);
    set(o, CURLOPT_URL, transfer->url);
    set(o, CURLOPT_USERAGENT, "signet");
    set(o, CURLOPT_HTTPHEADER, transfer->headers);
    if (strcmp(transfer->method, "HEAD") == 0) {
        set(o, CURLOPT_NOBODY, 1L);
        return;
    }
    set(o, CURLOPT_CUSTOMREQUEST, transfer->method);
    if (len == 0 && strcmp(transfer->method, "PUT") != 0 && strcmp(transfer->method, "POST") != 0)
        return;
    set(o, CURLOPT_UPLOAD, 1L);
    set(o, CURLOPT_INFILESIZE_LARGE, (curl_off_t)len);
    set(o, CURLOPT_READFUNCTION, read_body);
    set(o, CURLOPT_READDATA, transfer);
    set(o, CURLOPT_SEEKFUNCTION, seek_body);
    set(o, CURLOPT_SEEKDATA, transfer);
    if (len >= LARGE_BODY)
        set(o, CURLOPT_UPLOAD_BUFFERSIZE, (long)LARGE_UPLOAD_BUFFER);
}

/* curl wants it with a NUL, and copies it; this copy is wiped. */
static enum sg_rc set_password(struct options *o, const struct sg_secret *password, struct sg_err *err)
{
    size_t len = password ? password->len : 0;
    char *text = OPENSSL_secure_zalloc(len + 1);
    if (!text)
        return sg_fail_memory(err);
    if (len > 0)
        memcpy(text, password->bytes, len);
    set(o, CURLOPT_PASSWORD, text);
    OPENSSL_secure_clear_free(text, len + 1);
    return SG_OK;
}

static enum sg_rc set_credentials(struct options *o, const struct sg_http_access *access, struct sg_err *err)
{
    char sigv4[128];
    if (!access || !access->user)
        return SG_OK;
    set(o, CURLOPT_USERNAME, access->user);
    if (access->sigv4_region) {
        if (snprintf(sigv4, sizeof(sigv4), "aws:amz:%s:s3", access->sigv4_region) >= (int)sizeof(sigv4))
            return sg_fail(err, SG_E_CONFIG, _("\"%.100s\" is too long for the name of a region."),
                           access->sigv4_region);
        set(o, CURLOPT_AWS_SIGV4, sigv4);
    } else {
        set(o, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
    }
    return set_password(o, access->password, err);
}

/* A proxy is the configuration's, and may be where it likes; but it is not asked for its own private addresses. */
static enum sg_rc set_way(struct options *o, struct sg_transfer *transfer, struct sg_err *err)
{
    _cleanup_(sg_url_clear) struct sg_url url = {0};
    enum sg_rc rc = sg_url_read(transfer->url, &url, err);
    if (rc != SG_OK)
        return rc;
    transfer->private_refused = !transfer->private_allowed && sg_host_private(url.host);
    if (transfer->private_refused)
        return sg_http_curl_fail(transfer, CURLE_COULDNT_CONNECT, err);
    const char *proxy = sg_proxy_for(transfer->http->settings.proxy, &url);
    set(o, CURLOPT_PROXY, proxy);
    set(o, CURLOPT_NOPROXY, "");
    transfer->proxied = proxy[0];
    if (transfer->proxied)
        set(o, CURLOPT_OPENSOCKETFUNCTION, NULL);
    return SG_OK;
}

enum sg_rc sg_transfer_prepare(struct sg_transfer *transfer, CURL *easy, struct sg_http_realm *realm,
                               struct sg_err *err)
{
    struct options options = {.easy = easy};
    const struct sg_http_access *access = transfer->own_server ? transfer->request.access : NULL;
    set_callbacks(&options, transfer);
    set_limits(&options, &transfer->http->settings);
    set_request(&options, transfer);
    set(&options, CURLOPT_SHARE, realm->share);
    enum sg_rc rc = set_way(&options, transfer, err);
    if (rc == SG_OK)
        rc = set_credentials(&options, access, err);
    if (rc == SG_OK)
        rc = sg_http_tls(easy, transfer, err);
    if (rc == SG_OK && options.failed)
        rc = sg_fail_memory(err);
    return rc;
}

/* --- the answer --------------------------------------------------------------------------------------------------- */

int sg_transfer_status(const struct sg_transfer *transfer)
{
    long status = 0;
    (void)curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    return (int)status;
}

enum sg_rc sg_transfer_result(struct sg_transfer *transfer, CURLcode result, struct sg_err *err)
{
    if (transfer->rc != SG_OK) {
        if (err)
            *err = transfer->err;
        return transfer->rc;
    }
    if (result == CURLE_OK || (result == CURLE_WRITE_ERROR && transfer->answered))
        return SG_OK;
    return sg_http_curl_fail(transfer, result, err);
}

static void start_over(struct sg_transfer *transfer)
{
    transfer->sent = transfer->received = 0;
    transfer->begun = 0;
    transfer->answered = false;
    transfer->error_body.len = transfer->answer_headers.len = 0;
}

/* Never from https to http; credentials stay with the server that they are for, and so does the leave to go to private
 * addresses. */
static enum sg_rc follow(struct sg_transfer *transfer, const char *to, struct sg_err *err)
{
    _cleanup_(sg_url_clear) struct sg_url next = {0};
    bool secure = strncasecmp(transfer->url, "https:", 6) == 0;
    if (transfer->redirects++ == SG_MAX_REDIRECTS)
        return sg_fail(err, SG_E_BAD_ANSWER, _("%s redirects more than %d times, perhaps in a circle."),
                       transfer->server->name, SG_MAX_REDIRECTS);
    if (sg_url_read(to, &next, NULL) != SG_OK || (secure && strcmp(next.scheme, "https") != 0))
        return sg_fail(err, SG_E_BAD_ANSWER, _("%s redirects to \"%.200s\", where nothing is asked for."),
                       transfer->server->name, to);
    char *copy = strdup(to);
    if (!copy)
        return sg_fail_memory(err);
    free(transfer->url);
    transfer->url = copy;
    if (strcmp(next.server, transfer->server->name) != 0) {
        transfer->own_server = false;
        transfer->private_allowed = transfer->http->settings.private_addresses;
        transfer->request.flags &= ~(unsigned)SG_HTTP_CONFIGURED;
    }
    start_over(transfer);
    return SG_OK;
}

enum sg_rc sg_transfer_redirect(struct sg_transfer *transfer, bool *ret_again, struct sg_err *err)
{
    int status = sg_transfer_status(transfer);
    char *to = NULL;
    bool reads = strcmp(transfer->method, "GET") == 0 || strcmp(transfer->method, "HEAD") == 0;
    bool moved = status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
    if (!(transfer->request.flags & SG_HTTP_FOLLOW) || !reads || !moved ||
        curl_easy_getinfo(transfer->easy, CURLINFO_REDIRECT_URL, &to) != CURLE_OK || !to)
        return SG_OK;
    enum sg_rc rc = follow(transfer, to, err);
    if (rc == SG_OK)
        *ret_again = true;
    return rc;
}

static bool begins(const char *text, size_t len, const char *with)
{
    return len >= strlen(with) && strncasecmp(text, with, strlen(with)) == 0;
}

static bool is_html(const struct sg_transfer *transfer, const struct sg_http_answer *answer)
{
    const char *type = sg_http_header(answer, "Content-Type"), *begin = transfer->begin;
    size_t len = transfer->begun;
    for (; len > 0 && strchr(" \t\r\n\xef\xbb\xbf", *begin) && *begin; len--)
        begin++;
    return (type && begins(type, strlen(type), "text/html")) || begins(begin, len, "<html") ||
           begins(begin, len, "<!doctype h");
}

void sg_transfer_done(struct sg_transfer *transfer, const struct sg_err *err)
{
    const struct sg_http_request *request = &transfer->request;
    if (err) {
        request->done(request->context, NULL, (struct sg_slice){0}, err);
        return;
    }
    struct sg_http_answer answer = {
        .status = sg_transfer_status(transfer),
        .url = transfer->url,
        .len = transfer->received,
        .http = transfer->http,
        .transfer = transfer,
    };
    answer.html = is_html(transfer, &answer);
    request->done(request->context, &answer, sg_buf_slice(&transfer->error_body), NULL);
}

const char *sg_http_header(const struct sg_http_answer *answer, const char *name)
{
    const struct sg_transfer *transfer = answer->transfer;
    const char *line = (const char *)transfer->answer_headers.data;
    const char *end = line + transfer->answer_headers.len;
    size_t len = strlen(name);
    for (; line && line < end; line += strlen(line) + 1)
        if (strncasecmp(line, name, len) == 0 && line[len] == ':') {
            line += len + 1;
            return line + strspn(line, " \t");
        }
    return NULL;
}
