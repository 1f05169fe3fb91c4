/* TLS: TLS 1.2 at least, the server's name and chain always, and our own key where the server asks for one. */
#include <openssl/ssl.h>

#include "base/msg.h"
#include "sync/http_private.h"

static const char *ca_file(const struct sg_transfer *transfer)
{
    const struct sg_http_access *access = transfer->own_server ? transfer->request.access : NULL;
    const char *file = access && access->ca_file && access->ca_file[0] ? access->ca_file : NULL;
    file = file ? file : transfer->http->settings.ca_file;
    return file && file[0] ? file : NULL;
}

static CURLcode use_client_key(CURL *easy, void *ssl_context, void *context)
{
    const struct sg_http_access *access = context;
    (void)easy;
    if (SSL_CTX_use_cert_and_key(ssl_context, access->client_cert, access->client_key, access->client_chain, 1) == 1)
        return CURLE_OK;
    return CURLE_SSL_CERTPROBLEM;
}

/* In TLS 1.3 a server refuses a client after the handshake. What is being sent by then fails before the alert is read:
 * curl reads it while it closes the connection, and tells of it here alone. */
static int hear(CURL *easy, curl_infotype type, char *text, size_t len, void *context)
{
    static const char alert[] = "(IN), TLS alert, ", end[] = "close notify";
    struct sg_transfer *transfer = context;
    (void)easy;
    if (type == CURLINFO_TEXT && memmem(text, len, alert, sizeof(alert) - 1) &&
        !memmem(text, len, end, sizeof(end) - 1))
        transfer->alerted = true;
    return 0;
}

enum sg_rc sg_http_tls(CURL *easy, struct sg_transfer *transfer, struct sg_err *err)
{
    const struct sg_http_access *access = transfer->own_server ? transfer->request.access : NULL;
    const char *file = ca_file(transfer), *proxy_file = transfer->http->settings.ca_file;
    bool good = curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK &&
                curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK &&
                curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK &&
                curl_easy_setopt(easy, CURLOPT_CAPATH, NULL) == CURLE_OK && /* it would be trusted besides the file */
                curl_easy_setopt(easy, CURLOPT_PROXY_CAPATH, NULL) == CURLE_OK &&
                curl_easy_setopt(easy, CURLOPT_VERBOSE, 1L) == CURLE_OK &&
                curl_easy_setopt(easy, CURLOPT_DEBUGFUNCTION, hear) == CURLE_OK &&
                curl_easy_setopt(easy, CURLOPT_DEBUGDATA, transfer) == CURLE_OK;
    if (good && file)
        good = curl_easy_setopt(easy, CURLOPT_CAINFO, file) == CURLE_OK;
    if (good && proxy_file && proxy_file[0])
        good = curl_easy_setopt(easy, CURLOPT_PROXY_CAINFO, proxy_file) == CURLE_OK;
    if (good && access && access->client_key)
        good = curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, use_client_key) == CURLE_OK &&
               curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, access) == CURLE_OK;
    return good ? SG_OK : sg_fail(err, SG_E_INTERNAL, "%s", _("The library for HTTP has no TLS that can be used."));
}
