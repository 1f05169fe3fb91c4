/* Is whatever a server says bounded, checked, and told in a sentence? */
#include "server.h"

#include <fcntl.h>

static const struct page pages[] = {
    {"GET /ok", "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello"},
    {"PUT /ok", "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"},
    {"POST /ok", "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nsaid"},
    {"MKCOL /ok", "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"},
    {"GET /cut", NULL},
    {"GET /short", "HTTP/1.1 200 OK\r\nContent-Length: 50\r\nConnection: close\r\n\r\nhello"},
    {"GET /silent", ""},
    {"GET /garbage", "HELO there\r\n\r\n"},
    {"GET /portal", "HTTP/1.1 200 OK\r\nContent-Length: 33\r\n\r\n\n <!DOCTYPE html><p>Log in, please"},
    {"GET /denied", "HTTP/1.1 403 Forbidden\r\nContent-Length: 9\r\n\r\nno\033[2Jway"},
    {"GET /trouble", "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"},
    {"GET /once", "HTTP/1.1 302 Found\r\nLocation: /ok\r\nContent-Length: 0\r\n\r\n"},
    {"GET /circle", "HTTP/1.1 302 Found\r\nLocation: /circle\r\nContent-Length: 0\r\n\r\n"},
    {"GET /file", "HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n"},
    {"GET /away", "HTTP/1.1 302 Found\r\nLocation: http://localhost:1/x\r\nContent-Length: 0\r\n\r\n"},
    {"GET /continue", "HTTP/1.1 100 Continue\r\nX-First: 1\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"},
};

static struct server server;

static int start(void **state)
{
    (void)state;
    server_start(&server, pages, sizeof(pages) / sizeof(pages[0]));
    return 0;
}

static int stop(void **state)
{
    (void)state;
    server_stop(&server);
    return 0;
}

static const char *url_of(const char *path)
{
    static char urls[4][128];
    static unsigned turn;
    char *url = urls[turn++ % 4];
    (void)snprintf(url, sizeof(urls[0]), "http://127.0.0.1:%u%s", server.port, path);
    return url;
}

static struct sg_http_request request_of(const char *method, const char *url, struct outcome *outcome)
{
    *outcome = (struct outcome){.body = SG_BUF(SG_MIB)};
    return (struct sg_http_request){
        .method = method,
        .url = url,
        .answer = {.write = outcome_write, .context = outcome},
        .max_answer = 1000,
        .flags = SG_HTTP_CONFIGURED,
        .done = outcome_take,
        .context = outcome,
    };
}

/* Asks for a page alone. The body stays in `outcome`. */
static void ask(const char *path, unsigned flags, struct outcome *outcome)
{
    _cleanup_(sg_http_freep) struct sg_http *http = open_http(1, 4);
    struct sg_http_request request = request_of("GET", url_of(path), outcome);

    request.flags = flags;
    assert_done(sg_http_start(http, &request, &err));
    run_all(http);
    assert_true(outcome->done);
}

static void assert_failed(const char *path, unsigned flags, enum sg_rc code, const char *words)
{
    struct outcome outcome;

    ask(path, flags, &outcome);
    if (outcome.err.rc != code || !strstr(outcome.err.text, words))
        fail_msg("%s: %s: %s (%s)", path, sg_rc_word(outcome.err.rc), outcome.err.text, outcome.err.cause);
    sg_buf_clear(&outcome.body);
}

static void test_answer_is_given(void **state)
{
    struct outcome outcome;

    (void)state;
    ask("/ok", SG_HTTP_CONFIGURED, &outcome);
    assert_int_equal(outcome.err.rc, SG_OK);
    assert_int_equal(outcome.status, 200);
    assert_string_equal(outcome.type, "text/plain");
    assert_false(outcome.html);
    assert_int_equal(outcome.body.len, 5);
    assert_memory_equal(outcome.body.data, "hello", 5);
    assert_null(strstr(server.last_head, "Expect"));
    sg_buf_clear(&outcome.body);
}

/* Headers of an answer that comes before the answer are not its own. */
static void test_continue_is_forgotten(void **state)
{
    struct outcome outcome;

    (void)state;
    ask("/continue", SG_HTTP_CONFIGURED, &outcome);
    assert_int_equal(outcome.status, 200);
    sg_buf_clear(&outcome.body);
}

static void test_no_answer_is_named(void **state)
{
    (void)state;
    assert_failed("/cut", SG_HTTP_CONFIGURED, SG_E_NETWORK, "was cut");
    assert_failed("/short", SG_HTTP_CONFIGURED, SG_E_NETWORK, "was cut");
    assert_failed("/silent", SG_HTTP_CONFIGURED, SG_E_TIMEOUT, "no progress");
    assert_failed("/garbage", SG_HTTP_CONFIGURED, SG_E_BAD_ANSWER, "does not answer");
}

static void test_nobody_there_is_named(void **state)
{
    _cleanup_(sg_http_freep) struct sg_http *http = open_http(5, 4);
    struct outcome refused, unknown;

    (void)state;
    struct sg_http_request one = request_of("GET", "http://127.0.0.1:1/", &refused);
    struct sg_http_request two = request_of("GET", "http://no-such-host.invalid/", &unknown);
    assert_done(sg_http_start(http, &one, &err));
    assert_done(sg_http_start(http, &two, &err));
    run_all(http);
    assert_int_equal(refused.err.rc, SG_E_NETWORK);
    assert_non_null(strstr(refused.err.text, "http://127.0.0.1:1 refuses"));
    assert_int_equal(unknown.err.rc, SG_E_NETWORK);
    assert_non_null(strstr(unknown.err.text, "no-such-host.invalid"));
}

static void test_private_address_is_refused(void **state)
{
    (void)state;
    assert_failed("/ok", 0, SG_E_POLICY, "inside this network");
}

/* A name leads there as well: what counts is the address that is connected to. */
static void test_name_of_private_address_is_refused(void **state)
{
    _cleanup_(sg_http_freep) struct sg_http *http = open_http(1, 4);
    struct outcome outcome, allowed;
    char url[64];

    (void)state;
    (void)snprintf(url, sizeof(url), "http://ip6-localhost:%u/ok", server.port);
    struct sg_http_request request = request_of("GET", url, &outcome);
    request.flags = 0;
    assert_done(sg_http_start(http, &request, &err));
    run_all(http);
    assert_true(outcome.err.rc == SG_E_POLICY || outcome.err.rc == SG_E_NETWORK);
    /* A connection that a configured URL made is not lent to another. */
    struct sg_http_request first = request_of("GET", url_of("/ok"), &allowed);
    assert_done(sg_http_start(http, &first, &err));
    run_all(http);
    if (allowed.status != 200)
        fail_msg("%s %s", allowed.err.text, allowed.err.cause);
    struct sg_http_request second = request_of("GET", url_of("/ok"), &outcome);
    second.flags = 0;
    assert_done(sg_http_start(http, &second, &err));
    run_all(http);
    assert_int_equal(outcome.err.rc, SG_E_POLICY);
    sg_buf_clear(&allowed.body);
}

static void test_endless_answer_is_ended(void **state)
{
    _cleanup_(sg_http_freep) struct sg_http *http = open_http(1, 4);
    struct outcome outcome;

    (void)state;
    struct sg_http_request request = request_of("GET", url_of("/ok"), &outcome);
    request.max_answer = 4;
    assert_done(sg_http_start(http, &request, &err));
    run_all(http);
    assert_int_equal(outcome.err.rc, SG_E_BAD_ANSWER);
    assert_int_equal(outcome.body.len, 0);
}

static void test_html_is_told(void **state)
{
    struct outcome outcome;

    (void)state;
    ask("/portal", SG_HTTP_CONFIGURED, &outcome);
    assert_int_equal(outcome.status, 200);
    assert_true(outcome.html);
    assert_int_equal(outcome.as_error.rc, SG_E_CAPTIVE_PORTAL);
    sg_buf_clear(&outcome.body);
}

static void test_error_is_a_sentence(void **state)
{
    struct outcome outcome;

    (void)state;
    ask("/denied", SG_HTTP_CONFIGURED, &outcome);
    assert_int_equal(outcome.body.len, 0);
    assert_string_equal(outcome.error_body, "no\033[2Jway");
    assert_int_equal(outcome.as_error.rc, SG_E_SERVER_REFUSED);
    assert_non_null(strstr(outcome.as_error.text, "does not allow it (403)"));
    assert_string_equal(outcome.as_error.cause, "HTTP 403: no [2Jway");
    ask("/trouble", SG_HTTP_CONFIGURED, &outcome);
    assert_int_equal(outcome.as_error.rc, SG_E_SERVER_FAILED);
    ask("/away", SG_HTTP_CONFIGURED, &outcome);
    assert_int_equal(outcome.as_error.rc, SG_E_CAPTIVE_PORTAL);
}

static void test_redirects_are_bounded(void **state)
{
    struct outcome outcome;

    (void)state;
    ask("/once", SG_HTTP_CONFIGURED | SG_HTTP_FOLLOW, &outcome);
    assert_int_equal(outcome.status, 200);
    assert_string_equal(outcome.url, url_of("/ok"));
    assert_int_equal(outcome.body.len, 5);
    sg_buf_clear(&outcome.body);
    ask("/once", SG_HTTP_CONFIGURED, &outcome);
    assert_int_equal(outcome.status, 302);
    assert_failed("/circle", SG_HTTP_CONFIGURED | SG_HTTP_FOLLOW, SG_E_BAD_ANSWER, "in a circle");
    assert_failed("/file", SG_HTTP_CONFIGURED | SG_HTTP_FOLLOW, SG_E_BAD_ANSWER, "file:///etc/passwd");
    /* The leave to go to private addresses ends with the server that was configured. */
    assert_failed("/away", SG_HTTP_CONFIGURED | SG_HTTP_FOLLOW, SG_E_POLICY, "http://localhost:1 ");
}

static bool sends(const char *url)
{
    _cleanup_(sg_http_freep) struct sg_http *http = open_http(1, 1);
    struct outcome outcome;
    bool sends = false;

    struct sg_http_request put = request_of("PUT", url, &outcome);
    put.body_bytes = (struct sg_slice){(const uint8_t *)"abc", 3};
    put.sends = &sends;
    assert_done(sg_http_start(http, &put, &err));
    run_all(http);
    sg_buf_clear(&outcome.body);
    return sends;
}

/* Is it known that nothing of a body went out, and never said of one that may have? */
static void test_what_is_not_sent_is_known(void **state)
{
    (void)state;
    assert_false(sends("http://127.0.0.1:1/"));
    assert_false(sends("http://no-such-host.invalid/"));
    assert_true(sends(url_of("/ok")));
    assert_true(sends(url_of("/silent")));
    assert_true(sends(url_of("/garbage")));
}

static void test_bodies_are_sent(void **state)
{
    _cleanup_(sg_http_freep) struct sg_http *http = open_http(1, 1);
    _cleanup_(sg_input_freep) struct sg_input *input = NULL;
    const char *const headers[] = {"If-None-Match: *"};
    struct outcome outcome;

    (void)state;
    assert_done(sg_input_from_slice("memory", (struct sg_slice){(const uint8_t *)"0123456789", 10}, &input, &err));
    struct sg_http_request put = request_of("PUT", url_of("/ok"), &outcome);
    put.headers = headers;
    put.header_count = 1;
    put.body = input;
    put.body_offset = 2;
    put.body_len = 5;
    size_t before = server.connections;
    assert_done(sg_http_start(http, &put, &err));
    run_all(http);
    assert_int_equal(outcome.status, 201);
    assert_string_equal(server.last_body, "23456");
    assert_non_null(strstr(server.last_head, "If-None-Match: *\r\n"));
    struct sg_http_request post = request_of("POST", url_of("/ok"), &outcome);
    post.body_bytes = (struct sg_slice){(const uint8_t *)"abc", 3};
    assert_done(sg_http_start(http, &post, &err));
    run_all(http);
    assert_string_equal(server.last_body, "abc");
    assert_null(strstr(server.last_head, "Content-Type"));
    sg_buf_clear(&outcome.body);
    struct sg_http_request make = request_of("MKCOL", url_of("/ok"), &outcome);
    assert_done(sg_http_start(http, &make, &err));
    run_all(http);
    assert_int_equal(outcome.status, 201);
    assert_int_equal(strncmp(server.last_head, "MKCOL /ok HTTP/1.1\r\n", 20), 0);
    assert_int_equal(server.connections, before + 1); /* it is kept */
}

static void test_shrunk_body_is_named(void **state)
{
    _cleanup_(sg_http_freep) struct sg_http *http = open_http(1, 1);
    _cleanup_(sg_input_freep) struct sg_input *input = NULL;
    struct outcome outcome;

    (void)state;
    assert_done(sg_input_from_slice("memory", (struct sg_slice){(const uint8_t *)"0123", 4}, &input, &err));
    struct sg_http_request put = request_of("PUT", url_of("/ok"), &outcome);
    put.body = input;
    put.body_len = 5;
    assert_done(sg_http_start(http, &put, &err));
    run_all(http);
    assert_int_equal(outcome.err.rc, SG_E_INPUT_CHANGED);
}

static void test_credentials_go_to_one_server(void **state)
{
    _cleanup_(sg_http_freep) struct sg_http *http = open_http(1, 1);
    _cleanup_(sg_secret_freep) struct sg_secret *password = NULL;
    struct outcome outcome;

    (void)state;
    assert_done(sg_secret_new(6, &password, &err));
    memcpy(password->bytes, "secret", 6);
    password->len = 6;
    struct sg_http_access access = {.user = "ann:e", .password = password};
    struct sg_http_request request = request_of("GET", url_of("/once"), &outcome);
    request.access = &access;
    request.flags |= SG_HTTP_FOLLOW;
    assert_done(sg_http_start(http, &request, &err));
    run_all(http);
    assert_non_null(strstr(server.last_head, "Authorization: Basic YW5uOmU6c2VjcmV0\r\n"));
    sg_buf_clear(&outcome.body);

    struct server other;
    struct page page = {"GET /there", NULL};
    char answer[160];
    server_start(&other, pages, sizeof(pages) / sizeof(pages[0]));
    (void)snprintf(answer, sizeof(answer),
                   "HTTP/1.1 307 Moved\r\nLocation: http://127.0.0.1:%u/ok\r\nContent-Length: 0\r\n\r\n", other.port);
    page.answer = answer;
    struct server sends;
    server_start(&sends, &page, 1);
    char url[64];
    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%u/there", sends.port);
    request = request_of("GET", url, &outcome);
    request.access = &access;
    request.flags |= SG_HTTP_FOLLOW;
    struct sg_http_settings settings = {
        .proxy = "none", .timeout = 1, .budget = 9, .parallel = 1, .private_addresses = 1};
    _cleanup_(sg_http_freep) struct sg_http *trusting = NULL;
    assert_done(sg_http_new(&settings, &trusting, &err));
    assert_done(sg_http_start(trusting, &request, &err));
    run_all(trusting);
    assert_int_equal(outcome.status, 200);
    assert_non_null(strstr(sends.last_head, "Authorization"));
    assert_null(strstr(other.last_head, "Authorization"));
    sg_buf_clear(&outcome.body);
    server_stop(&sends);
    server_stop(&other);
}

/* A server that never answers costs what it may, and then nothing. */
static void test_bad_server_is_given_up(void **state)
{
    struct sg_http_settings settings = {.proxy = "none", .timeout = 1, .budget = 1, .parallel = 1};
    _cleanup_(sg_http_freep) struct sg_http *http = NULL;
    struct outcome outcomes[6], good;

    (void)state;
    assert_done(sg_http_new(&settings, &http, &err));
    size_t before = server.requests;
    for (size_t i = 0; i < 6; i++) {
        struct sg_http_request request = request_of("GET", url_of("/silent"), &outcomes[i]);
        assert_done(sg_http_start(http, &request, &err));
    }
    run_all(http);
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(outcomes[i].err.rc, SG_E_TIMEOUT);
    assert_in_range(server.requests - before, 1, 2);
    struct sg_http_request after = request_of("GET", url_of("/ok"), &good);
    assert_done(sg_http_start(http, &after, &err));
    run_all(http);
    assert_int_equal(good.err.rc, SG_E_TIMEOUT); /* not in this run */
}

/* However patient it is about silence: a request lasts as long as its server may cost, if nothing comes of it. */
static void test_request_as_a_whole_is_bounded(void **state)
{
    struct sg_http_settings settings = {.proxy = "none", .timeout = 600, .budget = 1, .parallel = 1};
    _cleanup_(sg_http_freep) struct sg_http *http = NULL;
    struct outcome outcome, good;

    (void)state;
    assert_done(sg_http_new(&settings, &http, &err));
    struct sg_http_request before = request_of("GET", url_of("/ok"), &good);
    assert_done(sg_http_start(http, &before, &err));
    run_all(http);
    assert_int_equal(good.status, 200);
    sg_buf_clear(&good.body);
    struct sg_http_request request = request_of("GET", url_of("/silent"), &outcome);
    assert_done(sg_http_start(http, &request, &err));
    run_all(http);
    assert_int_equal(outcome.err.rc, SG_E_TIMEOUT);
    assert_non_null(strstr(outcome.err.text, "was too slow, with 0 bytes in "));
}

static void test_many_requests_share_connections(void **state)
{
    enum { COUNT = 200, PARALLEL = 4 };
    _cleanup_(sg_http_freep) struct sg_http *http = open_http(10, PARALLEL);
    struct outcome *outcomes = calloc(COUNT, sizeof(*outcomes));

    (void)state;
    size_t before = server.connections;
    for (size_t i = 0; i < COUNT; i++) {
        struct sg_http_request request = request_of("GET", url_of("/ok"), &outcomes[i]);
        assert_done(sg_http_start(http, &request, &err));
    }
    run_all(http);
    for (size_t i = 0; i < COUNT; i++) {
        assert_int_equal(outcomes[i].status, 200);
        sg_buf_clear(&outcomes[i].body);
    }
    assert_in_range(server.connections - before, 1, PARALLEL);
    free(outcomes);
}

/* A connection that a client key may have authenticated is for requests with that key alone. */
static void test_client_keys_share_nothing(void **state)
{
    _cleanup_(sg_http_freep) struct sg_http *http = open_http(10, 4);
    _cleanup_(EVP_PKEY_freep) EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    _cleanup_(X509_freep) X509 *cert = X509_new();
    const struct sg_http_access with_key = {.client_key = key, .client_cert = cert}, without = {0};
    const struct sg_http_access *const turns[] = {&with_key, &without, NULL, &with_key};
    struct outcome outcome;

    (void)state;
    size_t before = server.connections;
    for (size_t i = 0; i < sizeof(turns) / sizeof(turns[0]); i++) {
        struct sg_http_request request = request_of("GET", url_of("/ok"), &outcome);
        request.access = turns[i];
        assert_done(sg_http_start(http, &request, &err));
        run_all(http);
        assert_int_equal(outcome.status, 200);
        sg_buf_clear(&outcome.body);
    }
    assert_int_equal(server.connections - before, 2);
}

static void test_end_cancels(void **state)
{
    struct sg_http *http = open_http(10, 1);
    struct outcome running, waiting;

    (void)state;
    struct sg_http_request one = request_of("GET", url_of("/silent"), &running);
    struct sg_http_request two = request_of("GET", url_of("/ok"), &waiting);
    assert_done(sg_http_start(http, &one, &err));
    assert_done(sg_http_start(http, &two, &err));
    assert_done(sg_http_run(http, 10, -1, &err));
    assert_int_equal(sg_http_pending(http), 2);
    sg_http_free(http);
    assert_int_equal(running.err.rc, SG_E_CANCELLED);
    assert_int_equal(waiting.err.rc, SG_E_CANCELLED);
}

static void test_other_descriptor_wakes(void **state)
{
    _cleanup_(sg_http_freep) struct sg_http *http = open_http(10, 1);
    struct outcome outcome;
    int fds[2];

    (void)state;
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    struct sg_http_request request = request_of("GET", url_of("/silent"), &outcome);
    assert_done(sg_http_start(http, &request, &err));
    assert_int_equal(write(fds[1], "x", 1), 1);
    assert_done(sg_http_run(http, 60000, fds[0], &err)); /* else the test's own time is over */
    assert_int_equal(sg_http_pending(http), 1);
    closep(&fds[0]);
    closep(&fds[1]);
}

static void test_wrong_addresses(void **state)
{
    static const char *const wrong[] = {
        "",           "ftp://host/",       "file:///etc/passwd", "http://user@host/", "http://user:pw@host/",
        "http://a b", "http://host/\r\nX", "host/path",          "http://",           "https://host:99999/",
    };
    _cleanup_(sg_http_freep) struct sg_http *http = open_http(1, 1);
    struct outcome outcome;

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct sg_http_request request = request_of("GET", wrong[i], &outcome);
        assert_rc(sg_http_start(http, &request, &err), SG_E_MALFORMED);
    }
    assert_int_equal(sg_http_pending(http), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answer_is_given),
        cmocka_unit_test(test_continue_is_forgotten),
        cmocka_unit_test(test_no_answer_is_named),
        cmocka_unit_test(test_nobody_there_is_named),
        cmocka_unit_test(test_private_address_is_refused),
        cmocka_unit_test(test_name_of_private_address_is_refused),
        cmocka_unit_test(test_endless_answer_is_ended),
        cmocka_unit_test(test_html_is_told),
        cmocka_unit_test(test_error_is_a_sentence),
        cmocka_unit_test(test_redirects_are_bounded),
        cmocka_unit_test(test_what_is_not_sent_is_known),
        cmocka_unit_test(test_bodies_are_sent),
        cmocka_unit_test(test_shrunk_body_is_named),
        cmocka_unit_test(test_credentials_go_to_one_server),
        cmocka_unit_test(test_bad_server_is_given_up),
        cmocka_unit_test(test_request_as_a_whole_is_bounded),
        cmocka_unit_test(test_many_requests_share_connections),
        cmocka_unit_test(test_client_keys_share_nothing),
        cmocka_unit_test(test_end_cancels),
        cmocka_unit_test(test_other_descriptor_wakes),
        cmocka_unit_test(test_wrong_addresses),
    };
    struct sg_err err = {0};

    if (sg_secrets_init(&err) != SG_OK)
        return 1;
    return cmocka_run_group_tests(tests, start, stop);
}
