/* What the http*.c share. Only they see curl. */
#pragma once

#include <curl/curl.h>
#include <sys/socket.h>

#include "base/limits.h"
#include "sync/http.h"

SG_DEFINE_CLEANUP(CURLU, curl_url_cleanup)

static inline void curl_freep(char **text)
{
    curl_free(*text);
    *text = NULL;
}

/* --- addresses: http_url.c ---------------------------------------------------------------------------------------- */

struct sg_url {
    char *scheme; /* "http" or "https" */
    char *host;   /* lower case; an IPv6 address stands in brackets */
    char *port;
    char *server; /* "https://host:port" */
};

/* Only http and https, no user in it, nothing but printable ASCII, not over SG_MAX_URL: else SG_E_MALFORMED. */
SG_MUST_CHECK enum sg_rc sg_url_read(const char *url, struct sg_url *ret, struct sg_err *err);
void sg_url_clear(struct sg_url *url);
/* Not an address of the public Internet: loopback, private, link-local, multicast, and what stands for one of them. */
bool sg_address_private(const struct sockaddr *address);
/* A host that is such an address, or "localhost". */
bool sg_host_private(const char *host);
/* The proxy for it, "" if none. As long as `setting` and the environment last. */
const char *sg_proxy_for(const char *setting, const struct sg_url *url);

/* --- who is asked: http.c ----------------------------------------------------------------------------------------- */

struct sg_transfer;

struct sg_http_server {
    char *name;                       /* "https://host:port" */
    struct sg_transfer *first, *last; /* waiting for their turn */
    size_t running;
    int64_t busy_since; /* ms: since when it is asked without an answer */
    int64_t spent;      /* ms that it cost so before */
    unsigned failures;  /* since its last answer */
    bool given_up;
    struct sg_err why;
};

/* Connections and TLS sessions are shared only among requests that may: one to a private address, or one that a client
 * key authenticated, is not for a URL out of a certificate. */
struct sg_http_realm {
    CURLSH *share;
    bool configured;
    EVP_PKEY *client_key;
    X509 *client_cert;
};

struct sg_http {
    struct sg_http_settings settings;
    CURLM *multi;
    struct sg_http_server *servers[SG_MAX_SERVERS];
    size_t server_count;
    struct sg_http_realm *realms[SG_MAX_HTTP_REALMS];
    size_t realm_count;
    CURL *idle[SG_MAX_IDLE_HANDLES]; /* used again: their buffers are */
    size_t idle_count;
    struct sg_transfer *running; /* all that curl has */
    size_t pending;
    bool closing;
};

/* --- one request: http_transfer.c --------------------------------------------------------------------------------- */

struct sg_transfer {
    struct sg_http *http;
    struct sg_http_server *server;
    struct sg_transfer *next, *previous; /* in the server's queue, or in those running */
    struct sg_http_request request;      /* its method, url and headers are ours, below */
    char *method, *url;
    struct curl_slist *headers;
    CURL *easy;       /* while it runs ... */
    int64_t launched; /* ... since then, ms of the monotonic clock */
    bool overdue;     /* and it took longer than it may */
    uint64_t sent;
    unsigned redirects;
    bool own_server;      /* no redirect has led away from it: it gets the credentials */
    bool private_allowed; /* addresses that are */
    bool private_refused; /* and one was not */
    bool proxied;
    bool alerted;                 /* the server said by TLS why it ends the connection */
    bool answered;                /* the error body was long enough; the rest is not waited for */
    struct sg_buf answer_headers; /* lines, each with a NUL */
    struct sg_buf error_body;
    char begin[16]; /* of the body, to tell HTML */
    size_t begun;
    uint64_t received;
    enum sg_rc rc; /* of what a callback of ours failed with */
    struct sg_err err;
    char said[CURL_ERROR_SIZE]; /* by curl */
};

SG_MUST_CHECK enum sg_rc sg_transfer_new(struct sg_http *http, const struct sg_http_request *request,
                                         struct sg_transfer **ret, struct sg_err *err);
void sg_transfer_free(struct sg_transfer *transfer);
SG_DEFINE_CLEANUP(struct sg_transfer, sg_transfer_free)
/* Makes `easy` ask what the transfer asks. */
SG_MUST_CHECK enum sg_rc sg_transfer_prepare(struct sg_transfer *transfer, CURL *easy, struct sg_http_realm *realm,
                                             struct sg_err *err);
/* Where the answer redirects to, if that is to be followed: checked, and `transfer->url` is it. */
SG_MUST_CHECK enum sg_rc sg_transfer_redirect(struct sg_transfer *transfer, bool *ret_again, struct sg_err *err);
/* What became of it. */
SG_MUST_CHECK enum sg_rc sg_transfer_result(struct sg_transfer *transfer, CURLcode result, struct sg_err *err);
int sg_transfer_status(const struct sg_transfer *transfer);
/* Calls back, with an error or with the answer. */
void sg_transfer_done(struct sg_transfer *transfer, const struct sg_err *err);

/* --- http_tls.c, http_fail.c -------------------------------------------------------------------------------------- */

SG_MUST_CHECK enum sg_rc sg_http_tls(CURL *easy, struct sg_transfer *transfer, struct sg_err *err);
/* What a transfer failed with that curl gave up on. */
enum sg_rc sg_http_curl_fail(struct sg_transfer *transfer, CURLcode result, struct sg_err *err);
