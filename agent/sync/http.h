/* HTTP for everything that sync does, over libcurl's multi interface; the only header of the folder's http*.c, which
 * alone see curl. One thread: requests are started, sg_http_run() moves all of them, and each calls back once when it
 * has ended.
 *
 * Whatever a server says is hostile: sizes, times, redirects and addresses are bounded here, whoever asks. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/input.h"
#include "base/log.h"
#include "base/secret.h"

struct sg_http;

struct sg_http_settings {
    const char *proxy;      /* "env": as the environment says; "none"; else the proxy's URL */
    const char *ca_file;    /* PEM; NULL or "": the system's */
    bool private_addresses; /* URLs that are not the configuration's may lead to private addresses too */
    int64_t timeout;        /* seconds without progress (connect, low speed) after which a request ends */
    /* Seconds that one server may cost without an answer; then it is asked no more, and its requests fail with the last
     * failure. The same after SG_MAX_SERVER_FAILURES in a row. It is forgiven by a new sg_http, so make one a run.
     *
     * A request may last so long, too, and a second longer for each SG_LEAST_RATE bytes of bodies that it has moved;
     * then it ends with SG_E_TIMEOUT, although a little more may come each time. */
    int64_t budget;
    size_t parallel;          /* requests at once to one server */
    const struct sg_log *log; /* may be NULL; borrowed, as all above is */
};

SG_MUST_CHECK enum sg_rc sg_http_new(const struct sg_http_settings *settings, struct sg_http **ret, struct sg_err *err);
/* Requests that have not ended call back with SG_E_CANCELLED first. */
void sg_http_free(struct sg_http *http);
SG_DEFINE_CLEANUP(struct sg_http, sg_http_free)

/* How one server is spoken to. Borrowed by every request that names it. */
struct sg_http_access {
    const char *user;                 /* NULL: no credentials. S3: the access key */
    const struct sg_secret *password; /* S3: the secret key */
    /* NULL: Basic; else requests are signed with AWS SigV4 for this region. One that has a body then needs the header
     * "x-amz-content-sha256" with the body's digest, and parameters of a query have to be sorted. */
    const char *sigv4_region;
    const char *ca_file; /* NULL: as the settings say */
    /* TLS client authentication (a key on a token is an ordinary EVP_PKEY); NULL: none. */
    X509 *client_cert;
    EVP_PKEY *client_key;
    STACK_OF(X509) *client_chain;
    /* What the key's last use failed with (sg_token_key_last_error()): fills `err`, returns its code; SG_OK if nothing
     * did. NULL: it has no words of its own. */
    enum sg_rc (*client_key_error)(void *context, struct sg_err *err);
    void *client_key_context;
};

enum sg_http_flags {
    SG_HTTP_CONFIGURED = 1 << 0, /* the URL is the configuration's: private addresses are as good as others */
    SG_HTTP_FOLLOW = 1 << 1, /* GET and HEAD: up to SG_MAX_REDIRECTS redirects, to http(s), never from https to http */
};

struct sg_http_answer {
    int status;
    const char *url; /* that answered, after redirects */
    uint64_t len;    /* of the body that went into the sink */
    bool html;       /* the body began like HTML, or said that it is: what a captive portal sends */
    const struct sg_http *http;
    void *transfer; /* for sg_http_header() */
};

/* A header of the answer, NULL if it is not there; until the callback returns. */
const char *sg_http_header(const struct sg_http_answer *answer, const char *name);

struct sg_http_request {
    const char *method; /* "GET", "HEAD", "PUT", "POST", "MOVE", "DELETE", "MKCOL", ... */
    const char *url;
    const char *const *headers; /* "Name: value"; copied */
    size_t header_count;
    /* The body: bytes [offset, offset + len) of an input that outlives the request, or bytes that do. */
    struct sg_input *body;
    uint64_t body_offset, body_len;
    struct sg_slice body_bytes;
    bool *sends; /* becomes true before the first octet of the body is sent; outlives the request. NULL: nobody asks */
    /* Takes the body of an answer with a status below 300 as it comes; write == NULL: dropped. Of other answers the
     * first SG_MAX_ERROR_BODY bytes are kept and given to the callback. */
    struct sg_sink answer;
    uint64_t max_answer;                 /* more than that: SG_E_BAD_ANSWER; 0 without a sink: SG_MAX_ERROR_BODY */
    unsigned flags;                      /* enum sg_http_flags */
    const struct sg_http_access *access; /* NULL: none */
    /* Called once, from sg_http_run() or sg_http_free(). `err` is NULL if there was an answer, whatever its status;
     * else why there was none: SG_E_NETWORK, SG_E_TIMEOUT, SG_E_TLS, SG_E_BAD_ANSWER (over a limit, redirected in
     * circles), SG_E_POLICY (a private address), SG_E_CANCELLED, or what the sink or the body's reader failed with.
     * `error_body` is that of a status of 300 or more. */
    void (*done)(void *context, const struct sg_http_answer *answer, struct sg_slice error_body,
                 const struct sg_err *err);
    void *context;
};

/* Starts a request; may be called from a callback. What is wrong with it at once (its URL, no memory) is returned, and
 * then nothing is called back. */
SG_MUST_CHECK enum sg_rc sg_http_start(struct sg_http *http, const struct sg_http_request *request, struct sg_err *err);
/* Requests that have not ended, waiting for their turn or under way. */
size_t sg_http_pending(const struct sg_http *http);
/* Moves all requests on, for at most `wait_ms`, or until one has called back or `extra_fd` (-1: none) can be read.
 * `extra_fd` is for the network-change notice and the like. */
SG_MUST_CHECK enum sg_rc sg_http_run(struct sg_http *http, int wait_ms, int extra_fd, struct sg_err *err);

/* "https://host:port" of a URL: what budgets and errors are counted by. SG_E_MALFORMED if it is no http(s) URL. */
SG_MUST_CHECK enum sg_rc sg_http_server(const char *url, struct sg_buf *out, struct sg_err *err);
/* What an answer is as an error: SG_E_SERVER_FAILED (5xx), SG_E_SERVER_REFUSED (3xx, 4xx; 401, 403 and 407 say what to
 * check), SG_E_CAPTIVE_PORTAL (status 511, a passing redirect to another server, or HTML with a status below 300), else
 * SG_E_BAD_ANSWER. `what` begins the sentence: "The archive \"a\" did not take the document". */
enum sg_rc sg_http_fail(const struct sg_http_answer *answer, struct sg_slice error_body, const char *what,
                        struct sg_err *err);
