/* Is what is fetched kept only if it is right and better than what there is, and each failure journaled and named? */
#include <ftw.h>

#include "../../support/pki_ocsp.h"
#include "server.h"
#include "sync/pull.h"
#include "verify/verify.h"

#define PAGES 8

/* A machine that has signed: it knows a signer's certificate and trusts the root. */
struct rig {
    OSSL_LIB_CTX *libctx;
    char folder[64];
    int64_t now;
    struct sg_clock clock;
    struct sg_store *store;
    struct sg_http *http;
    struct server server;
    struct page pages[PAGES];
    size_t lengths[PAGES];
    char *answers[PAGES];
    struct pki_id root, ca, signer, officer;
    char crl_url[64], ocsp_url[64], aia_url[64], list_url[64];
    char officer_sha256[SG_SHA256_HEX];
    struct sg_pull_result result;
    struct sg_err err;
    bool done;
};

static void open_client(struct rig *rig, bool private_addresses)
{
    const struct sg_http_settings settings = {
        .proxy = "none", .timeout = 10, .budget = 600, .parallel = 4, .private_addresses = private_addresses};
    sg_http_free(rig->http);
    rig->http = NULL;
    assert_done(sg_http_new(&settings, &rig->http, &err));
}

/* A certificate of the signer that names those of the three places that are asked for. */
static void know_signer(struct rig *rig, bool crl, bool ocsp, bool aia)
{
    static char points[80], access[160];
    struct pki_cert what = {.name = "Alice"};
    size_t more = 0;
    (void)snprintf(points, sizeof(points), "URI:%s", rig->crl_url);
    (void)snprintf(access, sizeof(access), "%s%s%s%s%s", ocsp ? "OCSP;URI:" : "", ocsp ? rig->ocsp_url : "",
                   ocsp && aia ? "," : "", aia ? "caIssuers;URI:" : "", aia ? rig->aia_url : "");
    if (crl)
        what.more[more++] = (struct pki_extension){NID_crl_distribution_points, points};
    if (ocsp || aia)
        what.more[more++] = (struct pki_extension){NID_info_access, access};
    rig->signer = pki_issue(rig->libctx, &rig->ca, &what);
    assert_done(sg_store_certificate_add(rig->store, rig->signer.cert, "signer", &err));
}

static void know_ca(struct rig *rig)
{
    assert_done(sg_store_certificate_add(rig->store, rig->ca.cert, "token", &err));
    assert_done(sg_store_publish(rig->store, &err));
}

static int setup(void **state)
{
    struct rig *rig = calloc(1, sizeof(*rig));
    rig->now = PKI_NOW;
    rig->clock = sg_clock_fixed(&rig->now);
    (void)snprintf(rig->folder, sizeof(rig->folder), "/tmp/signet-pull-XXXXXX");
    assert_non_null(mkdtemp(rig->folder));
    assert_done(sg_libctx_new(&rig->libctx, &err));
    for (size_t i = 0; i < PAGES; i++)
        rig->pages[i] = (struct page){"NONE /", ""};
    server_start(&rig->server, rig->pages, PAGES);
    rig->server.lengths = rig->lengths;
    (void)snprintf(rig->crl_url, sizeof(rig->crl_url), "http://127.0.0.1:%u/ca.crl", rig->server.port);
    (void)snprintf(rig->ocsp_url, sizeof(rig->ocsp_url), "http://127.0.0.1:%u/ocsp", rig->server.port);
    (void)snprintf(rig->aia_url, sizeof(rig->aia_url), "http://127.0.0.1:%u/ca.cer", rig->server.port);
    (void)snprintf(rig->list_url, sizeof(rig->list_url), "http://127.0.0.1:%u/list", rig->server.port);
    rig->root = pki_issue(rig->libctx, NULL, &(struct pki_cert){.name = "Root", .ca = true});
    rig->ca = pki_issue(rig->libctx, &rig->root, &(struct pki_cert){.name = "Issuing CA", .ca = true});
    rig->officer = pki_issue(rig->libctx, NULL, &(struct pki_cert){.name = "Officer"});
    assert_done(sg_cert_sha256(rig->libctx, rig->officer.cert, rig->officer_sha256, &err));
    assert_done(sg_store_open(rig->folder, rig->libctx, &rig->clock, &rig->store, &err));
    assert_done(sg_store_anchor_add(rig->store, rig->root.cert, SG_PURPOSES_ALL, "", "file root", &err));
    assert_done(sg_store_publish(rig->store, &err));
    open_client(rig, true);
    *state = rig;
    return 0;
}

static int remove_item(const char *path, const struct stat *info, int type, struct FTW *walk)
{
    (void)info, (void)type, (void)walk;
    return remove(path);
}

static int teardown(void **state)
{
    struct rig *rig = *state;
    sg_http_free(rig->http);
    server_stop(&rig->server);
    sg_store_free(rig->store);
    for (size_t i = 0; i < PAGES; i++)
        free(rig->answers[i]);
    pki_free(&rig->signer);
    pki_free(&rig->officer);
    pki_free(&rig->ca);
    pki_free(&rig->root);
    OSSL_LIB_CTX_free(rig->libctx);
    (void)nftw(rig->folder, remove_item, 16, FTW_DEPTH | FTW_PHYS);
    free(rig);
    return 0;
}

/* --- the server's side -------------------------------------------------------------------------------------------- */

static void serve_raw(struct rig *rig, size_t page, const char *request, const char *head, struct sg_slice body)
{
    char line[64];
    (void)snprintf(line, sizeof(line), "Content-Length: %zu\r\n\r\n", body.len);
    size_t len = strlen(head) + strlen(line) + body.len;
    free(rig->answers[page]);
    rig->answers[page] = malloc(len + 1);
    int at = snprintf(rig->answers[page], len + 1, "%s%s", head, line);
    if (body.len > 0)
        memcpy(rig->answers[page] + at, body.data, body.len);
    rig->answers[page][len] = '\0';
    rig->pages[page] = (struct page){request, rig->answers[page]};
    rig->lengths[page] = len;
}

static void serve(struct rig *rig, size_t page, const char *request, struct sg_slice body)
{
    serve_raw(rig, page, request, "HTTP/1.1 200 OK\r\n", body);
}

static void serve_text(struct rig *rig, size_t page, const char *request, const char *text)
{
    serve(rig, page, request, (struct sg_slice){(const uint8_t *)text, strlen(text)});
}

static void serve_crl(struct rig *rig, const char *head, const struct pki_id *issuer, struct pki_crl what)
{
    uint8_t *der = NULL;
    X509_CRL *crl = pki_crl(rig->libctx, issuer, &what);
    int len = i2d_X509_CRL(crl, &der);
    serve_raw(rig, 0, "GET /ca.crl", head, (struct sg_slice){der, (size_t)len});
    OPENSSL_free(der);
    X509_CRL_free(crl);
}

static void serve_ocsp(struct rig *rig, struct pki_ocsp what)
{
    _cleanup_(sg_buf_clear) struct sg_buf bytes = SG_BUF(64 * SG_KIB);
    if (!what.cert)
        what.cert = rig->signer.cert;
    if (!what.issuer)
        what.issuer = &rig->ca;
    pki_ocsp(rig->libctx, &what, &bytes);
    serve(rig, 1, "POST /ocsp", sg_buf_slice(&bytes));
}

static void serve_cert(struct rig *rig, X509 *cert)
{
    uint8_t *der = NULL;
    int len = i2d_X509(cert, &der);
    serve(rig, 2, "GET /ca.cer", (struct sg_slice){der, (size_t)len});
    OPENSSL_free(der);
}

/* --- pulling ------------------------------------------------------------------------------------------------------ */

static void on_done(void *context, const struct sg_pull_result *result)
{
    struct rig *rig = context;
    assert_false(rig->done);
    rig->done = true;
    rig->result = *result;
    if (result->err)
        rig->err = *result->err;
}

static void pull_some(struct rig *rig, bool all)
{
    struct sg_pull *pull = NULL;
    const struct sg_pull_options options = {.store = rig->store,
                                            .http = rig->http,
                                            .libctx = rig->libctx,
                                            .state_folder = rig->folder,
                                            .clock = &rig->clock,
                                            .list_url = rig->list_url,
                                            .list_signer = rig->lengths[3] ? rig->officer_sha256 : "",
                                            .all = all,
                                            .done = on_done,
                                            .context = rig};
    rig->done = false;
    assert_done(sg_pull_start(&options, &pull, &err));
    while (!rig->done)
        assert_done(sg_http_run(rig->http, 1000, -1, &err));
    sg_pull_free(pull);
    if (rig->result.err)
        fail_msg("%s", rig->err.text);
}

static void assert_pulled(struct rig *rig, size_t changed, size_t unchanged, size_t failed)
{
    pull_some(rig, true);
    assert_int_equal(rig->result.changed, changed);
    assert_int_equal(rig->result.unchanged, unchanged);
    assert_int_equal(rig->result.failed, failed);
}

static struct sg_pull_state state_of(struct rig *rig, const char *kind, const char *url, const X509 *about)
{
    struct sg_pull_state state = {0};
    char sha256[SG_SHA256_HEX] = "";
    if (about)
        assert_done(sg_cert_sha256(rig->libctx, about, sha256, &err));
    assert_done(sg_pull_get(rig->store, &(struct sg_pull_key){kind, url, sha256}, &state, &err));
    return state;
}

static void assert_crl_fails(struct rig *rig, const char *code)
{
    assert_pulled(rig, 0, 0, 1);
    struct sg_pull_state state = state_of(rig, "crl", rig->crl_url, NULL);
    if (strcmp(state.code, code) != 0)
        fail_msg("%s, not %s: %s", state.code, code, state.text);
    assert_true(state.text[0]);
}

/* What verification, which sees the snapshot alone, says of the signer. */
static void assert_signer(struct rig *rig, enum sg_indication indication, enum sg_sub_indication sub)
{
    _cleanup_(sg_snapshot_freep) struct sg_snapshot *snapshot = NULL;
    _cleanup_(sg_verifier_freep) struct sg_verifier *verifier = NULL;
    _cleanup_(sg_report_freep) struct sg_report *report = NULL;
    assert_done(sg_snapshot_open(rig->folder, rig->libctx, &snapshot, &err));
    const struct sg_verifier_options options = {.libctx = rig->libctx,
                                                .snapshot = snapshot,
                                                .revocation = SG_REVOCATION_HARD,
                                                .at = SG_TIME_NONE,
                                                .clock = rig->clock,
                                                .policy = {.max_depth = -1}};
    assert_done(sg_verifier_new(&options, &verifier, &err));
    assert_done(sg_cert_check(verifier, "signer", rig->signer.cert, SG_CERT_SIGN, &report, &err));
    const struct sg_verdict *verdict = &report->verdicts[0];
    if (verdict->indication != indication || verdict->sub_indication != sub)
        fail_msg("%s %s: %s", sg_indication_text(verdict->indication), sg_sub_indication_text(verdict->sub_indication),
                 verdict->reason_count ? verdict->reasons[0].text : "");
}

/* The root's CRL, which none of the certificates says where to get. */
static void add_root_crl(struct rig *rig)
{
    X509_CRL *crl = pki_crl(rig->libctx, &rig->root, &(struct pki_crl){0});
    struct sg_checked_crl checked = {0};
    _cleanup_(sg_verifier_freep) struct sg_verifier *verifier = NULL;
    uint8_t *der = NULL;
    struct sg_crl_place place = pki_crl_place(crl, &der);
    STACK_OF(X509) *anchors = sk_X509_new_null();
    const struct sg_verifier_options options = {.libctx = rig->libctx,
                                                .anchors = anchors,
                                                .revocation = SG_REVOCATION_NONE,
                                                .at = SG_TIME_NONE,
                                                .clock = rig->clock,
                                                .policy = {.max_depth = -1}};
    assert_true(sk_X509_push(anchors, rig->root.cert) > 0);
    assert_done(sg_verifier_new(&options, &verifier, &err));
    assert_done(sg_crl_check(verifier, &place, &checked, &err));
    assert_done(sg_store_crl_add(rig->store, &checked, &err));
    assert_done(sg_store_publish(rig->store, &err));
    sg_checked_crl_clear(&checked);
    sg_input_free(place.input);
    OPENSSL_free(der);
    sk_X509_free(anchors);
    X509_CRL_free(crl);
}

static const char *ok = "HTTP/1.1 200 OK\r\n";

/* --- CRLs --------------------------------------------------------------------------------------------------------- */

/* A CRL comes in, is asked for anew on condition, and revokes. */
static void crl(void **state)
{
    struct rig *rig = *state;
    know_ca(rig);
    know_signer(rig, true, false, false);
    add_root_crl(rig);
    assert_signer(rig, SG_INDETERMINATE, SG_SUB_CERTIFICATE_CHAIN_GENERAL_FAILURE);
    serve_crl(rig, "HTTP/1.1 200 OK\r\nETag: \"one\"\r\nLast-Modified: Mon, 21 Sep 2026 00:00:00 GMT\r\n", &rig->ca,
              (struct pki_crl){0});
    assert_pulled(rig, 1, 0, 0);
    assert_null(strstr(rig->server.last_head, "If-None-Match"));
    assert_signer(rig, SG_TOTAL_PASSED, SG_SUB_NONE);
    struct sg_pull_state journal = state_of(rig, "crl", rig->crl_url, NULL);
    assert_string_equal(journal.etag, "\"one\"");
    assert_int_equal(journal.last_success, PKI_NOW);
    assert_int_equal(journal.good_until, PKI_NOW + 7 * PKI_DAY);
    assert_int_equal(journal.next_attempt, PKI_NOW + PKI_DAY);

    assert_pulled(rig, 0, 1, 0); /* the same, by a server that looks at no condition */
    serve_raw(rig, 0, "GET /ca.crl", "HTTP/1.1 304 Not Modified\r\n", (struct sg_slice){NULL, 0});
    assert_pulled(rig, 0, 1, 0);
    assert_non_null(strstr(rig->server.last_head, "If-None-Match: \"one\"\r\n"));
    assert_non_null(strstr(rig->server.last_head, "If-Modified-Since: Mon, 21 Sep 2026 00:00:00 GMT\r\n"));

    serve_crl(rig, ok, &rig->ca,
              (struct pki_crl){.this_update = PKI_NOW - 3600, .revoked = {{rig->signer.cert, PKI_NOW - 7200, 0}}});
    assert_pulled(rig, 1, 0, 0);
    assert_signer(rig, SG_INDETERMINATE, SG_SUB_REVOKED_NO_POE);
    /* Without it, what was asked for on condition would not come back: out of date, it is asked for as it is. */
    rig->now = PKI_NOW + 8 * PKI_DAY;
    serve_raw(rig, 0, "GET /ca.crl", "HTTP/1.1 304 Not Modified\r\n", (struct sg_slice){NULL, 0});
    assert_pulled(rig, 0, 0, 1);
    assert_null(strstr(rig->server.last_head, "If-None-Match"));
}

/* Each answer that is not what was asked for leaves what is there, and is named. */
static void bad_crls(void **state)
{
    struct rig *rig = *state;
    struct pki_id impostor = pki_issue(rig->libctx, NULL, &(struct pki_cert){.name = "Issuing CA", .ca = true});
    know_ca(rig);
    know_signer(rig, true, false, false);
    add_root_crl(rig);
    serve_crl(rig, ok, &rig->ca, (struct pki_crl){0});
    assert_pulled(rig, 1, 0, 0);

    const struct {
        const struct pki_id *issuer;
        struct pki_crl crl;
    } bad[] = {
        {&rig->ca, {.this_update = PKI_NOW - 2 * PKI_DAY}}, /* older */
        {&rig->ca, {.this_update = PKI_NOW + 1}},
        {&rig->ca, {.next_update = PKI_NOW - 1}},
        {&rig->ca, {.more = {{NID_delta_crl, "critical,ASN1:INTEGER:1"}}}},
        {&rig->ca, {.digest = "SHA1"}},
        {&rig->root, {0}},
        {&impostor, {0}},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        serve_crl(rig, ok, bad[i].issuer, bad[i].crl);
        assert_crl_fails(rig, "bad-answer");
        assert_signer(rig, SG_TOTAL_PASSED, SG_SUB_NONE);
    }
    serve_crl(rig, ok, &rig->ca, (struct pki_crl){.this_update = PKI_NOW - 60});
    rig->lengths[0] -= 3; /* cut short on the way */
    (void)memcpy(strstr(rig->answers[0], "Length: ") + 8, "100\r\n\r\n", 7);
    assert_crl_fails(rig, "bad-answer");
    serve_text(rig, 0, "GET /ca.crl", "");
    assert_crl_fails(rig, "bad-answer");
    serve_text(rig, 0, "GET /ca.crl", "nothing that anybody asked for");
    assert_crl_fails(rig, "bad-answer");
    assert_signer(rig, SG_TOTAL_PASSED, SG_SUB_NONE);
    pki_free(&impostor);
}

/* Servers that do not answer: each is named, and tried less and less often. */
static void failures(void **state)
{
    struct rig *rig = *state;
    know_ca(rig);
    know_signer(rig, true, false, false);
    serve_text(rig, 0, "GET /ca.crl", "<!DOCTYPE html><title>Log in to the network</title>");
    assert_crl_fails(rig, "captive-portal");
    serve_raw(rig, 0, "GET /ca.crl", "HTTP/1.1 302 Found\r\nLocation: /ca.crl\r\n", (struct sg_slice){NULL, 0});
    assert_crl_fails(rig, "bad-answer");
    rig->pages[0] = (struct page){"NONE /", ""};
    assert_crl_fails(rig, "server-refused");
    serve_raw(rig, 0, "GET /ca.crl", "HTTP/1.1 503 Service Unavailable\r\n", (struct sg_slice){NULL, 0});
    assert_crl_fails(rig, "server-failed");
    rig->pages[0] = (struct page){"GET /ca.crl", NULL};
    rig->lengths[0] = 0;
    assert_crl_fails(rig, "network");
    open_client(rig, false);
    assert_crl_fails(rig, "policy");
    open_client(rig, true);

    struct sg_pull_state journal = state_of(rig, "crl", rig->crl_url, NULL);
    assert_int_equal(journal.failures, 6);
    assert_int_equal(journal.last_success, 0);
    assert_true(journal.next_attempt >= PKI_NOW + 2 * 3600 && journal.next_attempt < PKI_NOW + 4 * 3600);
    size_t asked = rig->server.requests;
    int64_t next = 0;
    assert_done(sg_pull_next(rig->store, rig->folder, rig->libctx, "", rig->now, &next, &err));
    assert_int_equal(next, journal.next_attempt);
    pull_some(rig, false); /* nothing is due */
    assert_int_equal(rig->server.requests, asked);
    rig->now = next;
    serve_crl(rig, ok, &rig->ca, (struct pki_crl){0});
    pull_some(rig, false);
    assert_int_equal(rig->result.changed, 1);
    journal = state_of(rig, "crl", rig->crl_url, NULL);
    assert_int_equal(journal.failures, 0);
    assert_string_equal(journal.code, "");
}

/* More than there may be, and no end of it. */
static void endless(void **state)
{
    struct rig *rig = *state;
    know_ca(rig);
    know_signer(rig, false, true, false);
    struct sg_slice much = {calloc(1, SG_MAX_OCSP_ANSWER + 1), SG_MAX_OCSP_ANSWER + 1};
    serve(rig, 1, "POST /ocsp", much);
    assert_pulled(rig, 0, 0, 1);
    struct sg_pull_state journal = state_of(rig, "ocsp", rig->ocsp_url, rig->signer.cert);
    assert_string_equal(journal.code, "bad-answer");
    free((uint8_t *)much.data);
}

/* --- OCSP --------------------------------------------------------------------------------------------------------- */

static void ocsp(void **state)
{
    struct rig *rig = *state;
    know_ca(rig);
    know_signer(rig, false, true, false);
    add_root_crl(rig);
    serve_ocsp(rig, (struct pki_ocsp){0});
    assert_pulled(rig, 1, 0, 0);
    assert_non_null(strstr(rig->server.last_head, "Content-Type: application/ocsp-request\r\n"));
    assert_pulled(rig, 0, 1, 0); /* the same answer again */
    assert_signer(rig, SG_TOTAL_PASSED, SG_SUB_NONE);

    struct pki_id impostor = pki_issue(rig->libctx, NULL, &(struct pki_cert){.name = "Issuing CA", .ca = true});
    const struct pki_ocsp bad[] = {
        {.this_update = PKI_NOW - 7200}, /* older: an answer that somebody kept */
        {.next_update = PKI_NOW - 1},
        {.this_update = PKI_NOW + SG_MAX_CLOCK_SKEW + 1},
        {.status = V_OCSP_CERTSTATUS_UNKNOWN},
        {.signer = &impostor},
        {.odd = PKI_OCSP_WRONG_SERIAL},
        {.odd = PKI_OCSP_WRONG_KEY_HASH},
        {.response_status = OCSP_RESPONSE_STATUS_TRYLATER},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        serve_ocsp(rig, bad[i]);
        assert_pulled(rig, 0, 0, 1);
        assert_string_equal(state_of(rig, "ocsp", rig->ocsp_url, rig->signer.cert).code, "bad-answer");
        assert_signer(rig, SG_TOTAL_PASSED, SG_SUB_NONE);
    }
    serve_ocsp(rig, (struct pki_ocsp){.status = V_OCSP_CERTSTATUS_REVOKED, .this_update = PKI_NOW - 60});
    assert_pulled(rig, 1, 0, 0);
    assert_signer(rig, SG_INDETERMINATE, SG_SUB_REVOKED_NO_POE);
    serve_ocsp(rig, (struct pki_ocsp){.this_update = PKI_NOW - 30}); /* what is revoked is not made good again */
    assert_pulled(rig, 0, 0, 1);
    assert_signer(rig, SG_INDETERMINATE, SG_SUB_REVOKED_NO_POE);
    pki_free(&impostor);
}

/* --- certificates of CAs ------------------------------------------------------------------------------------------ */

/* The issuer of a signer whose token does not carry it; with it there is more to fetch, at once. */
static void issuer(void **state)
{
    struct rig *rig = *state;
    know_signer(rig, true, false, true);
    add_root_crl(rig);
    serve_crl(rig, ok, &rig->ca, (struct pki_crl){0});
    struct pki_id other = pki_issue(rig->libctx, &rig->root, &(struct pki_cert){.name = "Issuing CA", .ca = true});
    serve_cert(rig, other.cert); /* of the name, and another key */
    assert_pulled(rig, 0, 0, 1);
    serve_cert(rig, rig->signer.cert);
    assert_pulled(rig, 0, 0, 1);
    serve_text(rig, 2, "GET /ca.cer", "<html>");
    assert_pulled(rig, 0, 0, 1);
    assert_string_equal(state_of(rig, "aia", rig->aia_url, rig->signer.cert).code, "captive-portal");
    assert_signer(rig, SG_INDETERMINATE, SG_SUB_NO_CERTIFICATE_CHAIN_FOUND);
    serve_cert(rig, rig->ca.cert);
    assert_pulled(rig, 2, 0, 0);
    assert_signer(rig, SG_TOTAL_PASSED, SG_SUB_NONE);
    pki_free(&other);
}

/* A fetched CA certificate that no anchor vouches for is no anchor. */
static void no_anchor(void **state)
{
    struct rig *rig = *state;
    struct pki_id root = pki_issue(rig->libctx, NULL, &(struct pki_cert){.name = "Somebody's Root", .ca = true});
    pki_free(&rig->ca);
    rig->ca = root;
    know_signer(rig, false, false, true);
    serve_cert(rig, root.cert);
    assert_pulled(rig, 1, 0, 0);
    assert_signer(rig, SG_INDETERMINATE, SG_SUB_NO_CERTIFICATE_CHAIN_FOUND);
}

/* --- the list of anchors ------------------------------------------------------------------------------------------ */

static void serve_list(struct rig *rig, const struct pki_id *signer, const char *json)
{
    _cleanup_(sg_buf_clear) struct sg_buf cms = SG_BUF(SG_MIB);
    const struct pki_cms what = {.signer = signer, .content = {(const uint8_t *)json, strlen(json)}, .attached = true};
    pki_sign(rig->libctx, &what, &cms);
    serve(rig, 3, "GET /list", sg_buf_slice(&cms));
}

static const char *list_json(const X509 *anchor, int number, const char *more)
{
    static char json[8192];
    uint8_t *der = NULL, base64[4096] = "";
    int len = anchor ? i2d_X509(anchor, &der) : 0;
    if (anchor)
        (void)EVP_EncodeBlock(base64, der, len);
    OPENSSL_free(der);
    (void)snprintf(json, sizeof(json), "{\"schema\": \"signet.anchors/1\", \"number\": %d, \"anchors\": [%s%s%s]%s}",
                   number, anchor ? "{\"certificate\": \"" : "", base64, anchor ? "\", \"purposes\": [\"sign\"]}" : "",
                   more);
    return json;
}

static size_t anchor_count(struct rig *rig)
{
    _cleanup_(sg_snapshot_freep) struct sg_snapshot *snapshot = NULL;
    assert_done(sg_snapshot_open(rig->folder, rig->libctx, &snapshot, &err));
    return sg_snapshot_anchor_count(snapshot);
}

static void assert_list_refused(struct rig *rig, const char *words)
{
    size_t anchors = anchor_count(rig);
    assert_pulled(rig, 0, 0, 1);
    struct sg_pull_state journal = state_of(rig, "list", rig->list_url, NULL);
    assert_string_equal(journal.code, "bad-answer");
    if (!strstr(journal.text, words))
        fail_msg("%s", journal.text);
    assert_int_equal(anchor_count(rig), anchors);
}

static void list(void **state)
{
    struct rig *rig = *state;
    struct pki_id first = pki_issue(rig->libctx, NULL, &(struct pki_cert){.name = "First", .ca = true});
    struct pki_id second = pki_issue(rig->libctx, NULL, &(struct pki_cert){.name = "Second", .ca = true});
    struct pki_id next = pki_issue(rig->libctx, NULL, &(struct pki_cert){.name = "Next officer"});
    char sha256[SG_SHA256_HEX], more[256];
    struct sg_kept_list kept;

    serve_list(rig, &next, list_json(first.cert, 5, ""));
    assert_list_refused(rig, "is signed by");
    serve_list(rig, &rig->officer, list_json(rig->signer.cert, 5, ", \"extra\": 1"));
    assert_list_refused(rig, "member");
    serve_list(rig, &rig->officer, list_json(rig->officer.cert, 5, ""));
    assert_list_refused(rig, "not that of a CA");
    serve_list(rig, &rig->officer, list_json(first.cert, 5, ""));
    char *digit = memmem(rig->answers[3], rig->lengths[3], "\"number\": 5", 11);
    digit[10] = '6';
    assert_list_refused(rig, "not good");
    digit[10] = '5';
    assert_pulled(rig, 1, 0, 0);
    assert_int_equal(anchor_count(rig), 2); /* the root, which a person put in, stays */
    assert_pulled(rig, 0, 1, 0);            /* the same again */

    /* An older one, and another of the same number. */
    serve_list(rig, &rig->officer, list_json(second.cert, 4, ""));
    assert_list_refused(rig, "number 5 is in force");
    serve_list(rig, &rig->officer, list_json(second.cert, 5, ""));
    assert_list_refused(rig, "number 5 is in force");

    /* The next one says who signs from now on, and what is new. */
    assert_done(sg_cert_sha256(rig->libctx, next.cert, sha256, &err));
    (void)snprintf(more, sizeof(more),
                   ", \"next_signer\": \"%s\", \"release\": {\"version\": \"9.1\", \"sha256\": \"%s\", \"url\": "
                   "\"https://signet.example/9.1\"}",
                   sha256, sha256);
    serve_list(rig, &rig->officer, list_json(second.cert, 6, more));
    assert_pulled(rig, 1, 0, 0);
    assert_int_equal(anchor_count(rig), 2); /* the first is gone */
    assert_done(sg_store_list_get(rig->store, rig->officer_sha256, &kept, &err));
    assert_int_equal(kept.number, 6);
    assert_string_equal(kept.pin, sha256);
    assert_string_equal(kept.release_version, "9.1");
    serve_list(rig, &rig->officer, list_json(first.cert, 7, ""));
    assert_list_refused(rig, "is signed by");
    serve_list(rig, &next, list_json(NULL, 7, ""));
    assert_pulled(rig, 1, 0, 0);
    assert_int_equal(anchor_count(rig), 1);
    pki_free(&first);
    pki_free(&second);
    pki_free(&next);
}

/* --- the plan ----------------------------------------------------------------------------------------------------- */

/* What certificates name is asked only where it is a URL that may be asked, and once. */
static void plan(void **state)
{
    struct rig *rig = *state;
    static const char *const bad[] = {
        "URI:ftp://ca.example/ca.crl", "URI:file:///etc/passwd",       "URI:http://user@ca.example/ca.crl",
        "URI:ldap://ca.example/cn=CA", "URI:http://ca.example/a%0d b", "DNS:ca.example",
    };
    know_ca(rig);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct pki_id id = pki_issue(rig->libctx, &rig->ca,
                                     &(struct pki_cert){.name = "A", .more = {{NID_crl_distribution_points, bad[i]}}});
        assert_done(sg_store_certificate_add(rig->store, id.cert, "signer", &err));
        pki_free(&id);
    }
    const struct pki_cert same = {
        .name = "B", .more = {{NID_crl_distribution_points, "URI:ldap://x/y,URI:http://ca.example/ca.crl"}}};
    for (int i = 0; i < 2; i++) {
        struct pki_id id = pki_issue(rig->libctx, &rig->ca, &same);
        assert_done(sg_store_certificate_add(rig->store, id.cert, "signer", &err));
        pki_free(&id);
    }
    struct pki_cert ended = same;
    ended.not_after = PKI_NOW - 1;
    ended.more[0].value = "URI:http://ca.example/old.crl";
    struct pki_id id = pki_issue(rig->libctx, &rig->ca, &ended);
    assert_done(sg_store_certificate_add(rig->store, id.cert, "signer", &err));
    pki_free(&id);

    _cleanup_(sg_snapshot_freep) struct sg_snapshot *snapshot = NULL;
    _cleanup_(sg_pull_plan_clear) struct sg_pull_plan made = {0};
    assert_done(sg_snapshot_open(rig->folder, rig->libctx, &snapshot, &err));
    assert_done(sg_pull_plan_make(rig->store, snapshot, rig->libctx, "", PKI_NOW, &made, &err));
    assert_int_equal(made.count, 1);
    assert_int_equal(made.items[0].kind, SG_PULL_CRL);
    assert_string_equal(made.items[0].url, "http://ca.example/ca.crl");
}

#define PULL_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PULL_TEST(crl),    PULL_TEST(bad_crls),  PULL_TEST(failures), PULL_TEST(endless), PULL_TEST(ocsp),
        PULL_TEST(issuer), PULL_TEST(no_anchor), PULL_TEST(list),     PULL_TEST(plan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
