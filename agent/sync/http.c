/* Who is asked when: requests wait at their server for their turn, run on one multi handle, and call back. */
#include "sync/http.h"

#include <string.h>

#include "base/clock.h"
#include "base/msg.h"
#include "sync/http_private.h"

#define LOOK_MS 1000 /* whether a transfer is overdue is looked at so often, at least */

enum sg_rc sg_http_new(const struct sg_http_settings *settings, struct sg_http **ret, struct sg_err *err)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return sg_fail(err, SG_E_INTERNAL, "%s", _("The library for HTTP (libcurl) cannot be used."));
    struct sg_http *http = calloc(1, sizeof(*http));
    CURLM *multi = curl_multi_init();
    if (!http || !multi) {
        free(http);
        (void)curl_multi_cleanup(multi);
        curl_global_cleanup();
        return sg_fail_memory(err);
    }
    http->settings = *settings;
    http->multi = multi;
    *ret = http;
    return SG_OK;
}

/* --- servers ------------------------------------------------------------------------------------------------------ */

static enum sg_rc find_server(struct sg_http *http, const char *url, struct sg_http_server **ret, struct sg_err *err)
{
    _cleanup_(sg_url_clear) struct sg_url read = {0};
    enum sg_rc rc = sg_url_read(url, &read, err);
    if (rc != SG_OK)
        return rc;
    for (size_t i = 0; i < http->server_count; i++)
        if (strcmp(http->servers[i]->name, read.server) == 0) {
            *ret = http->servers[i];
            return SG_OK;
        }
    if (http->server_count == SG_MAX_SERVERS)
        return sg_fail(err, SG_E_LIMIT, _("More than %d servers would have to be asked; %s is left out."),
                       SG_MAX_SERVERS, read.server);
    struct sg_http_server *server = calloc(1, sizeof(*server));
    if (!server)
        return sg_fail_memory(err);
    server->name = sg_steal(read.server);
    http->servers[http->server_count++] = server;
    *ret = server;
    return SG_OK;
}

static void wait_for_turn(struct sg_transfer *transfer, bool first)
{
    struct sg_http_server *server = transfer->server;
    transfer->next = first ? server->first : NULL;
    if (!server->first)
        server->first = server->last = transfer;
    else if (first)
        server->first = transfer;
    else
        server->last = server->last->next = transfer;
}

static struct sg_transfer *next_in_turn(struct sg_http_server *server)
{
    struct sg_transfer *transfer = server->first;
    server->first = transfer->next;
    if (!server->first)
        server->last = NULL;
    transfer->next = NULL;
    return transfer;
}

/* Whether a transfer that ended so is the server's failure. `failed` is why, if there was no answer at all. */
static bool servers_failure(const struct sg_transfer *transfer, struct sg_err *failed)
{
    int status = failed->rc == SG_OK ? sg_transfer_status(transfer) : 0;
    if (status >= 500 && status != 501) /* which is about the request */
        (void)sg_fail(failed, SG_E_SERVER_FAILED, _("%s is in trouble (status %d); it is tried again later."),
                      transfer->server->name, status);
    return failed->rc == SG_E_NETWORK || failed->rc == SG_E_TIMEOUT || failed->rc == SG_E_TLS ||
           failed->rc == SG_E_BAD_ANSWER || failed->rc == SG_E_SERVER_FAILED;
}

/* Counts what a server costs until it gives an answer. */
static void account(struct sg_http *http, struct sg_transfer *transfer, struct sg_err failed)
{
    struct sg_http_server *server = transfer->server;
    bool failure = servers_failure(transfer, &failed);
    int64_t now = sg_monotonic_ms();
    server->running--;
    if (!failure && failed.rc == SG_OK) {
        server->spent = 0;
        server->failures = 0;
        server->busy_since = now;
    }
    int64_t spent = server->spent + now - server->busy_since;
    if (server->running == 0)
        server->spent = spent;
    if (!failure)
        return;
    server->failures++;
    server->given_up = spent > http->settings.budget * 1000 || server->failures >= SG_MAX_SERVER_FAILURES;
    server->why = failed;
}

/* --- realms ------------------------------------------------------------------------------------------------------- */

static void free_realm(struct sg_http_realm *realm)
{
    if (!realm)
        return;
    (void)curl_share_cleanup(realm->share);
    EVP_PKEY_free(realm->client_key);
    X509_free(realm->client_cert);
    free(realm);
}
SG_DEFINE_CLEANUP(struct sg_http_realm, free_realm)

static enum sg_rc new_realm(struct sg_http_realm **ret, struct sg_err *err)
{
    _cleanup_(free_realmp) struct sg_http_realm *realm = calloc(1, sizeof(*realm));
    if (realm)
        realm->share = curl_share_init();
    if (!realm || !realm->share ||
        curl_share_setopt(realm->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_CONNECT) != CURLSHE_OK ||
        curl_share_setopt(realm->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION) != CURLSHE_OK ||
        curl_share_setopt(realm->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS) != CURLSHE_OK)
        return sg_fail_memory(err);
    *ret = sg_steal(realm);
    return SG_OK;
}

static enum sg_rc find_realm(struct sg_http *http, const struct sg_transfer *transfer, struct sg_http_realm **ret,
                             struct sg_err *err)
{
    const struct sg_http_access *access = transfer->own_server ? transfer->request.access : NULL;
    EVP_PKEY *key = access ? access->client_key : NULL;
    X509 *cert = key ? access->client_cert : NULL;
    bool configured = transfer->request.flags & SG_HTTP_CONFIGURED;
    for (size_t i = 0; i < http->realm_count; i++) {
        struct sg_http_realm *realm = http->realms[i];
        if (realm->client_key == key && realm->client_cert == cert && realm->configured == configured) {
            *ret = realm;
            return SG_OK;
        }
    }
    if (http->realm_count == SG_MAX_HTTP_REALMS)
        return sg_fail(err, SG_E_LIMIT, _("There are more than %d client keys for TLS."), SG_MAX_HTTP_REALMS);
    struct sg_http_realm *realm = NULL;
    enum sg_rc rc = new_realm(&realm, err);
    if (rc != SG_OK)
        return rc;
    realm->configured = configured;
    if (key && cert && EVP_PKEY_up_ref(key) && X509_up_ref(cert)) {
        realm->client_key = key;
        realm->client_cert = cert;
    }
    http->realms[http->realm_count++] = *ret = realm;
    return SG_OK;
}

/* --- starting ----------------------------------------------------------------------------------------------------- */

enum sg_rc sg_http_start(struct sg_http *http, const struct sg_http_request *request, struct sg_err *err)
{
    _cleanup_(sg_transfer_freep) struct sg_transfer *transfer = NULL;
    if (http->closing)
        return sg_fail(err, SG_E_CANCELLED, "%s", _("It was cancelled."));
    enum sg_rc rc = sg_transfer_new(http, request, &transfer, err);
    if (rc == SG_OK)
        rc = find_server(http, request->url, &transfer->server, err);
    if (rc != SG_OK)
        return rc;
    wait_for_turn(sg_steal(transfer), false);
    http->pending++;
    return SG_OK;
}

size_t sg_http_pending(const struct sg_http *http)
{
    return http->pending;
}

static void finish(struct sg_transfer *transfer, const struct sg_err *failed)
{
    transfer->http->pending--;
    sg_transfer_done(transfer, failed);
    sg_transfer_free(transfer);
}

/* Keeps a handle with its buffers for the next request. One that failed may have a buffer that no option can change. */
static void give_back(struct sg_http *http, CURL *easy, bool good)
{
    if (!good || http->idle_count == SG_MAX_IDLE_HANDLES) {
        curl_easy_cleanup(easy);
        return;
    }
    curl_easy_reset(easy);
    http->idle[http->idle_count++] = easy;
}

static void to_running(struct sg_transfer *transfer, CURL *easy)
{
    struct sg_http *http = transfer->http;
    transfer->easy = easy;
    transfer->launched = sg_monotonic_ms();
    transfer->previous = NULL;
    transfer->next = http->running;
    if (http->running)
        http->running->previous = transfer;
    http->running = transfer;
    if (transfer->server->running++ == 0)
        transfer->server->busy_since = transfer->launched;
}

static void from_running(struct sg_transfer *transfer)
{
    struct sg_http *http = transfer->http;
    if (transfer->previous)
        transfer->previous->next = transfer->next;
    else
        http->running = transfer->next;
    if (transfer->next)
        transfer->next->previous = transfer->previous;
    transfer->next = transfer->previous = NULL;
}

static enum sg_rc launch(struct sg_transfer *transfer, struct sg_err *err)
{
    struct sg_http *http = transfer->http;
    struct sg_http_realm *realm = NULL;
    enum sg_rc rc = find_realm(http, transfer, &realm, err);
    if (rc != SG_OK)
        return rc;
    CURL *easy = http->idle_count > 0 ? http->idle[--http->idle_count] : curl_easy_init();
    if (!easy)
        return sg_fail_memory(err);
    rc = sg_transfer_prepare(transfer, easy, realm, err);
    if (rc == SG_OK && curl_multi_add_handle(http->multi, easy) != CURLM_OK)
        rc = sg_fail_memory(err);
    if (rc != SG_OK) {
        give_back(http, easy, false);
        return rc;
    }
    to_running(transfer, easy);
    return SG_OK;
}

/* Starts what has its turn. True if something called back meanwhile. */
static bool launch_all(struct sg_http *http)
{
    bool called = false;
    for (size_t i = 0; i < http->server_count; i++) {
        struct sg_http_server *server = http->servers[i];
        size_t most = http->settings.parallel > 0 ? http->settings.parallel : 1;
        while (server->first && (server->given_up || server->running < most)) {
            struct sg_transfer *transfer = next_in_turn(server);
            struct sg_err failed = server->why;
            if (server->given_up || launch(transfer, &failed) != SG_OK) {
                finish(transfer, &failed);
                called = true;
            }
        }
    }
    return called;
}

/* --- running ------------------------------------------------------------------------------------------------------ */

/* True if it called back; a redirect goes on instead. */
static bool ended(struct sg_transfer *transfer, CURLcode result)
{
    struct sg_http *http = transfer->http;
    struct sg_err failed = {0};
    bool again = false;
    enum sg_rc rc = sg_transfer_result(transfer, result, &failed);
    account(http, transfer, failed);
    if (rc == SG_OK)
        rc = sg_transfer_redirect(transfer, &again, &failed);
    if (rc == SG_OK && again)
        rc = find_server(http, transfer->url, &transfer->server, &failed);
    from_running(transfer);
    if (rc == SG_OK && again) {
        give_back(http, sg_steal(transfer->easy), true);
        wait_for_turn(transfer, true);
        return false;
    }
    CURL *easy = transfer->easy; /* the answer asks it until it has called back */
    finish(transfer, rc == SG_OK ? NULL : &failed);
    give_back(http, easy, result == CURLE_OK);
    return true;
}

static bool collect(struct sg_http *http)
{
    bool called = false;
    int left = 0;
    for (CURLMsg *message; (message = curl_multi_info_read(http->multi, &left)) != NULL;) {
        if (message->msg != CURLMSG_DONE)
            continue;
        CURL *easy = message->easy_handle;
        CURLcode result = message->data.result;
        char *transfer = NULL;
        (void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, &transfer);
        (void)curl_multi_remove_handle(http->multi, easy);
        called |= ended((struct sg_transfer *)(void *)transfer, result);
    }
    return called;
}

/* What is slow but never still: curl's own limits do not end it. */
static bool is_overdue(const struct sg_transfer *transfer, int64_t now)
{
    uint64_t earned = (transfer->sent + transfer->received) / SG_LEAST_RATE;
    return now - transfer->launched > 1000 * (transfer->http->settings.budget + (int64_t)earned);
}

static bool end_overdue(struct sg_http *http)
{
    int64_t now = sg_monotonic_ms();
    bool called = false;
    for (struct sg_transfer *transfer = http->running, *next; transfer; transfer = next) {
        next = transfer->next;
        if (!is_overdue(transfer, now))
            continue;
        transfer->overdue = true;
        (void)curl_multi_remove_handle(http->multi, transfer->easy);
        called |= ended(transfer, CURLE_OPERATION_TIMEDOUT);
    }
    return called;
}

static enum sg_rc perform(struct sg_http *http, bool *called, struct sg_err *err)
{
    int running = 0;
    *called |= launch_all(http);
    CURLMcode code = curl_multi_perform(http->multi, &running);
    if (code != CURLM_OK)
        return sg_fail(err, SG_E_INTERNAL, _("The library for HTTP failed: %s."), curl_multi_strerror(code));
    *called |= collect(http);
    *called |= end_overdue(http);
    return SG_OK;
}

enum sg_rc sg_http_run(struct sg_http *http, int wait_ms, int extra_fd, struct sg_err *err)
{
    int64_t until = sg_monotonic_ms() + wait_ms;
    bool called = false;
    struct curl_waitfd extra = {.fd = extra_fd, .events = CURL_WAIT_POLLIN};
    unsigned extra_count = extra_fd >= 0;
    enum sg_rc rc = perform(http, &called, err);
    for (int64_t left = wait_ms; rc == SG_OK && !called && left > 0 && !extra.revents;
         left = until - sg_monotonic_ms()) {
        int ready = 0;
        if (http->pending == 0 && extra_count == 0)
            break;
        int wait = left < LOOK_MS ? (int)left : LOOK_MS;
        CURLMcode code = curl_multi_poll(http->multi, extra_count ? &extra : NULL, extra_count, wait, &ready);
        if (code == CURLM_OK)
            rc = perform(http, &called, err);
        else if (code == CURLM_UNRECOVERABLE_POLL) /* a signal: for the caller to look at */
            break;
        else
            rc = sg_fail(err, SG_E_INTERNAL, _("The library for HTTP failed: %s."), curl_multi_strerror(code));
    }
    return rc;
}

void sg_http_free(struct sg_http *http)
{
    if (!http)
        return;
    struct sg_err cancelled = {0};
    (void)sg_fail(&cancelled, SG_E_CANCELLED, "%s", _("It was cancelled."));
    http->closing = true;
    while (http->running) {
        struct sg_transfer *transfer = http->running;
        CURL *easy = transfer->easy;
        (void)curl_multi_remove_handle(http->multi, easy);
        from_running(transfer);
        finish(transfer, &cancelled);
        curl_easy_cleanup(easy);
    }
    for (size_t i = 0; i < http->server_count; i++) {
        while (http->servers[i]->first)
            finish(next_in_turn(http->servers[i]), &cancelled);
        free(http->servers[i]->name);
        free(http->servers[i]);
    }
    for (size_t i = 0; i < http->idle_count; i++)
        curl_easy_cleanup(http->idle[i]);
    (void)curl_multi_cleanup(http->multi);
    for (size_t i = 0; i < http->realm_count; i++)
        free_realm(http->realms[i]);
    free(http);
    curl_global_cleanup();
}
