/* Failures as sentences: why there was no answer, and what an answer that is an error says. */
#include <errno.h>
#include <string.h>

#include <openssl/x509_vfy.h>

#include "base/msg.h"
#include "base/utf8.h"
#include "sync/http_private.h"

/* --- no answer ---------------------------------------------------------------------------------------------------- */

static enum sg_rc fail_connect(struct sg_transfer *transfer, struct sg_err *err)
{
    const char *server = transfer->server->name;
    long errnum = 0;
    if (transfer->private_refused)
        return sg_fail(err, SG_E_POLICY,
                       _("%s leads to an address inside this network, and the configuration does not name it; if that "
                         "is meant, set private-addresses = yes in [sync]."),
                       server);
    if (transfer->proxied)
        return sg_fail(err, SG_E_NETWORK,
                       _("The proxy that leads to %s cannot be connected to; check the network, and [sync] proxy."),
                       server);
    if (transfer->easy)
        (void)curl_easy_getinfo(transfer->easy, CURLINFO_OS_ERRNO, &errnum);
    if (errnum == ECONNREFUSED)
        return sg_fail(err, SG_E_NETWORK,
                       _("%s refuses the connection: nothing listens there, or a firewall is before it."), server);
    return sg_fail(err, SG_E_NETWORK, _("%s cannot be connected to; check that the network is there."), server);
}

static enum sg_rc fail_timeout(struct sg_transfer *transfer, struct sg_err *err)
{
    curl_off_t connected = 0;
    if (transfer->overdue)
        return sg_fail(err, SG_E_TIMEOUT, _("%s was too slow, with %llu bytes in %lld seconds, and was left."),
                       transfer->server->name, (unsigned long long)(transfer->sent + transfer->received),
                       (long long)((sg_monotonic_ms() - transfer->launched) / 1000));
    if (transfer->easy)
        (void)curl_easy_getinfo(transfer->easy, CURLINFO_PRETRANSFER_TIME_T, &connected);
    return sg_fail(err, SG_E_TIMEOUT,
                   connected > 0 ? _("%s made no progress for %lld seconds and was left.")
                                 : _("%s could not be connected to within %lld seconds."),
                   transfer->server->name, (long long)transfer->http->settings.timeout);
}

static const struct sg_http_access *client_key_of(const struct sg_transfer *transfer)
{
    const struct sg_http_access *access = transfer->own_server ? transfer->request.access : NULL;
    return access && access->client_key ? access : NULL;
}

static enum sg_rc fail_alert(struct sg_transfer *transfer, struct sg_err *err)
{
    return sg_fail(err, SG_E_TLS,
                   client_key_of(transfer)
                       ? _("%s ended the TLS handshake; perhaps it does not accept the client certificate.")
                       : _("%s ended the TLS handshake; perhaps it wants a client certificate."),
                   transfer->server->name);
}

/* A client key on a token fails with the token's own words: it was pulled, or cannot make such a signature. */
static enum sg_rc fail_tls(struct sg_transfer *transfer, struct sg_err *err)
{
    const struct sg_http_access *access = client_key_of(transfer);
    enum sg_rc rc =
        access && access->client_key_error ? access->client_key_error(access->client_key_context, err) : SG_OK;
    if (rc != SG_OK)
        return rc;
    if (transfer->alerted || strstr(transfer->said, "alert"))
        return fail_alert(transfer, err);
    return sg_fail(err, SG_E_TLS, _("No TLS connection with %s came about."), transfer->server->name);
}

/* The chain, or the name, which curl looks at when the chain is good. */
static enum sg_rc fail_certificate(struct sg_transfer *transfer, struct sg_err *err)
{
    const char *server = transfer->server->name;
    long verdict = X509_V_ERR_UNSPECIFIED; /* what curl says of a good chain too, until it has seen the name */
    if (strcmp(transfer->said, "SSL certificate verification failed") == 0) /* the server's, of ours */
        return fail_alert(transfer, err);
    if (transfer->easy)
        (void)curl_easy_getinfo(transfer->easy, CURLINFO_SSL_VERIFYRESULT, &verdict);
    switch (verdict) {
    case X509_V_OK:
    case X509_V_ERR_UNSPECIFIED:
        return sg_fail(err, SG_E_TLS,
                       _("The TLS certificate of %s is not for this name; another server answers in its place, perhaps "
                         "the log-in page of this network."),
                       server);
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return sg_fail(err, SG_E_TLS,
                       _("The TLS certificate of %s is not valid at this computer's time; check the clock, else its "
                         "owner has to renew it."),
                       server);
    default:
        return sg_fail(err, SG_E_TLS,
                       _("The TLS certificate of %s leads to no CA that is trusted; if its CA is your own, name the "
                         "CA's file as ca-file in the configuration."),
                       server);
    }
}

static enum sg_rc fail_proxy(struct sg_transfer *transfer, long status, struct sg_err *err)
{
    return sg_fail(err, SG_E_NETWORK,
                   status == 407 ? _("The proxy wants a user and a password before it leads to %s (status %ld).")
                                 : _("The proxy does not lead to %s (status %ld)."),
                   transfer->server->name, status);
}

static enum sg_rc fail_cut(struct sg_transfer *transfer, struct sg_err *err)
{
    return sg_fail(err, SG_E_NETWORK, _("The connection with %s was cut before its answer was whole."),
                   transfer->server->name);
}

static enum sg_rc fail_by_code(struct sg_transfer *transfer, CURLcode result, struct sg_err *err)
{
    const char *server = transfer->server->name;
    long proxy_status = 0;
    if (transfer->easy)
        (void)curl_easy_getinfo(transfer->easy, CURLINFO_HTTP_CONNECTCODE, &proxy_status);
    if (proxy_status >= 300)
        return fail_proxy(transfer, proxy_status, err);
    switch (result) {
    case CURLE_COULDNT_RESOLVE_HOST:
        return sg_fail(err, SG_E_NETWORK, _("The name of %s is not known; check the network, then the name."), server);
    case CURLE_COULDNT_RESOLVE_PROXY:
        return sg_fail(err, SG_E_NETWORK, _("The name of the proxy that leads to %s is not known."), server);
    case CURLE_COULDNT_CONNECT:
        return fail_connect(transfer, err);
    case CURLE_OPERATION_TIMEDOUT:
        return fail_timeout(transfer, err);
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
        if (transfer->alerted || strstr(transfer->said, "alert")) /* as servers refuse clients in TLS 1.3 */
            return fail_tls(transfer, err);
        return fail_cut(transfer, err);
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
    case CURLE_SEND_FAIL_REWIND:
        return fail_cut(transfer, err);
    case CURLE_PEER_FAILED_VERIFICATION:
        return fail_certificate(transfer, err);
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
        return fail_tls(transfer, err);
    case CURLE_SSL_CACERT_BADFILE:
        return sg_fail(err, SG_E_CONFIG, _("The file of CAs that %s is checked by cannot be read."), server);
    case CURLE_OUT_OF_MEMORY:
        return sg_fail_memory(err);
    default:
        return sg_fail(err, SG_E_BAD_ANSWER, _("%s does not answer as HTTP wants it."), server);
    }
}

enum sg_rc sg_http_curl_fail(struct sg_transfer *transfer, CURLcode result, struct sg_err *err)
{
    enum sg_rc rc = fail_by_code(transfer, result, err);
    if (err && !err->cause[0])
        sg_err_cause(err, "%s", transfer->said[0] ? transfer->said : curl_easy_strerror(result));
    return rc;
}

/* --- an answer that is none --------------------------------------------------------------------------------------- */

/* What the server said in words, as the cause: without what a terminal might obey. */
static void add_cause(const struct sg_http_answer *answer, struct sg_slice error_body, struct sg_err *err)
{
    char text[200] = "";
    size_t len = 0;
    for (size_t i = 0; !answer->html && i < error_body.len && len < sizeof(text) - 1; i++) {
        bool plain = error_body.data[i] > ' ' && error_body.data[i] < 0x7f;
        if (plain || (len > 0 && text[len - 1] != ' '))
            text[len++] = plain ? (char)error_body.data[i] : ' ';
    }
    text[len] = '\0';
    sg_err_cause(err, "HTTP %d%s%s", answer->status, len > 0 ? ": " : "", text);
}

static enum sg_rc fail_portal(const char *server, const char *what, struct sg_err *err)
{
    return sg_fail(err, SG_E_CAPTIVE_PORTAL,
                   _("%s: a web page came in place of the answer of %s, as from the log-in page of a network; log in "
                     "with a browser and try again."),
                   what, server);
}

static enum sg_rc fail_refused(const struct sg_http_answer *answer, const char *server, const char *what,
                               struct sg_err *err)
{
    switch (answer->status) {
    case 401:
        return sg_fail(err, SG_E_SERVER_REFUSED,
                       _("%s: %s does not accept the user and password, or wants some (401); check the credentials in "
                         "the configuration."),
                       what, server);
    case 403:
        return sg_fail(err, SG_E_SERVER_REFUSED,
                       _("%s: %s does not allow it (403); its owner says who may, and the configuration who asks."),
                       what, server);
    case 404:
        return sg_fail(err, SG_E_SERVER_REFUSED, _("%s: %s has nothing under that address (404)."), what, server);
    case 407:
        return sg_fail(err, SG_E_SERVER_REFUSED, _("%s: the proxy before %s wants a user and a password (407)."), what,
                       server);
    case 413:
        return sg_fail(err, SG_E_SERVER_REFUSED, _("%s: %s does not take anything that large (413)."), what, server);
    case 507:
        return sg_fail(err, SG_E_SERVER_FAILED, _("%s: %s has no room left (507)."), what, server);
    default:
        return sg_fail(err, SG_E_SERVER_REFUSED, _("%s: %s refused it (status %d)."), what, server, answer->status);
    }
}

static enum sg_rc fail_redirect(const struct sg_http_answer *answer, const char *server, const char *what,
                                struct sg_err *err)
{
    const char *to = sg_http_header(answer, "Location");
    _cleanup_(sg_url_clear) struct sg_url next = {0};
    bool elsewhere = to && sg_url_read(to, &next, NULL) == SG_OK && strcmp(next.server, server) != 0;
    /* What moved for good would say 301 or 308. */
    if (elsewhere && (answer->status == 302 || answer->status == 303 || answer->status == 307))
        return fail_portal(server, what, err);
    return sg_fail(err, SG_E_SERVER_REFUSED,
                   _("%s: %s redirects to \"%.200s\"; if that is right, put that address into the configuration."),
                   what, server, to ? to : "");
}

enum sg_rc sg_http_fail(const struct sg_http_answer *answer, struct sg_slice error_body, const char *what,
                        struct sg_err *err)
{
    const struct sg_transfer *transfer = answer->transfer;
    const char *server = transfer->server->name;
    enum sg_rc rc;
    if (answer->status == 511 || (answer->status < 300 && answer->html))
        rc = fail_portal(server, what, err);
    else if (answer->status < 300)
        rc = sg_fail(err, SG_E_BAD_ANSWER, _("%s: what %s answered is not what was asked for (status %d)."), what,
                     server, answer->status);
    else if (answer->status < 400)
        rc = fail_redirect(answer, server, what, err);
    else if (answer->status < 500 || answer->status == 507)
        rc = fail_refused(answer, server, what, err);
    else
        rc = sg_fail(err, SG_E_SERVER_FAILED, _("%s: %s is in trouble (status %d); it is tried again later."), what,
                     server, answer->status);
    add_cause(answer, error_body, err);
    return rc;
}
