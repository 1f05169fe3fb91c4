/* OCSP responses, certificates that are no anchors, the list of anchors and the journal of what is fetched: are they
 * kept as they were put in, and does nothing worse take the place of what is there? */
#include "fixture.h"

#include <openssl/x509v3.h>

#include "base/outfile.h"
#include "store/pulls.h"

static const uint8_t ID_ONE[] = {0x30, 0x01, 0x01}, ID_TWO[] = {0x30, 0x01, 0x02};

static struct sg_slice text(const char *bytes)
{
    return (struct sg_slice){(const uint8_t *)bytes, strlen(bytes)};
}

static struct sg_ocsp_fact fact(const uint8_t id[3], int64_t this_update, bool revoked)
{
    return (struct sg_ocsp_fact){
        .cert_id = {id, 3}, .this_update = this_update, .next_update = this_update + 100, .revoked = revoked};
}

static size_t file_count(struct fixture *f)
{
    char command[128];
    size_t count = 0;

    (void)snprintf(command, sizeof(command), "ls %s/trust/ocsp | wc -l", f->folder);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    assert_int_equal(fscanf(pipe, "%zu", &count), 1);
    (void)pclose(pipe);
    return count;
}

/* Older does not replace newer, and what is revoked is not made good again. */
static void test_replacing(void **state)
{
    struct fixture *f = *state;
    _cleanup_(sg_store_freep) struct sg_store *store = open_store(f);
    const struct sg_ocsp_fact first = fact(ID_ONE, 1000, false), older = fact(ID_ONE, 999, false),
                              same_time = fact(ID_ONE, 1000, false), revoked = fact(ID_ONE, 1001, true),
                              good_again = fact(ID_ONE, 1002, false), revoked_again = fact(ID_ONE, 1003, true);

    assert_done(sg_store_ocsp_add(store, text("first"), &first, 1, &err));
    assert_rc(sg_store_ocsp_add(store, text("older"), &older, 1, &err), SG_E_POLICY);
    assert_done(sg_store_ocsp_add(store, text("first"), &first, 1, &err)); /* it is there already */
    assert_int_equal(ask(f, "SELECT count(*) FROM ledger WHERE event = 'ocsp-add'"), 1);
    assert_done(sg_store_ocsp_add(store, text("same"), &same_time, 1, &err));
    assert_done(sg_store_ocsp_add(store, text("revoked"), &revoked, 1, &err));
    assert_rc(sg_store_ocsp_add(store, text("good again"), &good_again, 1, &err), SG_E_POLICY);
    assert_done(sg_store_ocsp_add(store, text("revoked again"), &revoked_again, 1, &err));
    assert_done(sg_store_publish(store, &err));
    _cleanup_(sg_snapshot_freep) struct sg_snapshot *snapshot = open_snapshot(f);
    _cleanup_(sg_buf_clear) struct sg_buf bytes = SG_BUF(64);
    assert_int_equal(sg_snapshot_ocsp_count(snapshot), 1);
    assert_int_equal(sg_snapshot_ocsp(snapshot, 0)->this_update, 1003);
    assert_done(sg_snapshot_ocsp_read(snapshot, 0, &bytes, &err));
    assert_true(sg_slice_equal(sg_buf_slice(&bytes), text("revoked again")));
}

/* Is a response's file that was changed, cut or removed noticed, and one above the caller's limit refused? */
static void test_file(void **state)
{
    struct fixture *f = *state;
    _cleanup_(sg_store_freep) struct sg_store *store = open_store(f);
    const struct sg_ocsp_fact one = fact(ID_ONE, 1000, false);
    _cleanup_(sg_buf_clear) struct sg_buf out = SG_BUF(64), small = SG_BUF(4);
    static const char *const others[] = {"Response", "respons", "response ", ""};
    char *path = NULL;

    assert_done(sg_store_ocsp_add(store, text("response"), &one, 1, &err));
    assert_done(sg_store_publish(store, &err));
    _cleanup_(sg_snapshot_freep) struct sg_snapshot *snapshot = open_snapshot(f);
    assert_done(sg_snapshot_ocsp_read(snapshot, 0, &out, &err));
    assert_true(sg_slice_equal(sg_buf_slice(&out), text("response")));
    assert_rc(sg_snapshot_ocsp_read(snapshot, 0, &small, &err), SG_E_LIMIT);
    assert_done(sg_snapshot_ocsp_path(snapshot, 0, &path, &err));
    out.len = 3; /* what was in the buffer stays */
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        assert_done(sg_file_write(path, text(others[i]), SG_OUT_REPLACE, &err));
        assert_rc(sg_snapshot_ocsp_read(snapshot, 0, &out, &err), SG_E_STORE_DAMAGED);
        assert_int_equal(out.len, 3);
    }
    assert_int_equal(remove(path), 0);
    assert_rc(sg_snapshot_ocsp_read(snapshot, 0, &out, &err), SG_E_STORE_DAMAGED);
    free(path);
}

/* Several answers in one response: all of them or none; its file goes when nothing names it any more. */
static void test_several(void **state)
{
    struct fixture *f = *state;
    _cleanup_(sg_store_freep) struct sg_store *store = open_store(f);
    const struct sg_ocsp_fact both[] = {fact(ID_ONE, 1000, false), fact(ID_TWO, 1000, true)};
    const struct sg_ocsp_fact mixed[] = {fact(ID_ONE, 2000, false), fact(ID_TWO, 900, true)};
    const struct sg_ocsp_fact newer[] = {fact(ID_ONE, 3000, false), fact(ID_TWO, 3000, true)};

    assert_done(sg_store_ocsp_add(store, text("both"), both, 2, &err));
    assert_rc(sg_store_ocsp_add(store, text("mixed"), mixed, 2, &err), SG_E_POLICY);
    assert_int_equal(ask(f, "SELECT max(this_update) FROM ocsp"), 1000);
    assert_done(sg_store_publish(store, &err));
    assert_done(sg_store_ocsp_add(store, text("newer"), newer, 2, &err));
    assert_done(sg_store_publish(store, &err));
    assert_int_equal(file_count(f), 2); /* who reads the snapshot before still needs it */
    assert_done(sg_store_publish(store, &err));
    assert_int_equal(file_count(f), 1);
}

static X509 *make_ca(struct fixture *f, const char *name)
{
    _cleanup_(EVP_PKEY_freep) EVP_PKEY *key = make_key(f);
    X509 *cert = make_cert(f, name);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, NID_basic_constraints, "critical,CA:TRUE");

    assert_int_equal(X509_add_ext(cert, extension, -1), 1);
    X509_EXTENSION_free(extension);
    assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
    return cert;
}

/* Verification is offered the certificates of CAs, as no anchors; those of signers are known to sync alone. */
static void test_certificates(void **state)
{
    struct fixture *f = *state;
    _cleanup_(sg_store_freep) struct sg_store *store = open_store(f);
    _cleanup_(X509_freep) X509 *ca = make_ca(f, "CA");
    _cleanup_(X509_freep) X509 *signer = make_cert(f, "Signer");
    _cleanup_(sg_x509_stack_freep) STACK_OF(X509) *certs = sk_X509_new_null();

    assert_done(sg_store_certificate_add(store, ca, "aia", &err));
    assert_done(sg_store_certificate_add(store, signer, "signer", &err));
    assert_done(sg_store_certificate_add(store, signer, "token", &err));
    assert_done(sg_store_certificates(store, certs, &err));
    assert_int_equal(sk_X509_num(certs), 2);
    assert_done(sg_store_publish(store, &err));
    _cleanup_(sg_snapshot_freep) struct sg_snapshot *snapshot = open_snapshot(f);
    assert_int_equal(sg_snapshot_anchor_count(snapshot), 0);
    assert_int_equal(sg_snapshot_helper_count(snapshot), 1);
}

static enum sg_rc apply(struct fixture *f, struct sg_store *store, int64_t number, X509 *first, X509 *second)
{
    struct sg_named_anchor anchors[2] = {{.cert = first, .purposes = 1}, {.cert = second, .purposes = 3}};
    const struct sg_list_terms terms = {.number = number};
    size_t count = second ? 2 : first ? 1 : 0;

    for (size_t i = 0; i < count; i++)
        assert_done(sg_cert_sha256(f->libctx, anchors[i].cert, anchors[i].sha256, &err));
    return sg_store_list_apply(store, "aa", text("file"), &terms, anchors, count, NULL);
}

/* A list takes away what a list brought, and nothing that a person did; another signer's list begins anew. */
static void test_list(void **state)
{
    struct fixture *f = *state;
    _cleanup_(sg_store_freep) struct sg_store *store = open_store(f);
    _cleanup_(X509_freep) X509 *own = make_ca(f, "Own");
    _cleanup_(X509_freep) X509 *listed = make_ca(f, "Listed");
    struct sg_kept_list kept;

    assert_done(sg_store_anchor_add(store, own, 1, "", "file own", &err));
    assert_int_equal(apply(f, store, 2, listed, own), SG_OK);
    assert_int_equal(ask(f, "SELECT count(*) FROM anchor WHERE source = 'list 2'"), 1);
    assert_int_equal(ask(f, "SELECT purposes FROM anchor WHERE source = 'file own'"), 1);
    assert_int_equal(apply(f, store, 2, NULL, NULL), SG_E_POLICY);
    assert_int_equal(apply(f, store, 1, NULL, NULL), SG_E_POLICY);
    assert_int_equal(ask(f, "SELECT count(*) FROM anchor"), 2);
    assert_int_equal(apply(f, store, 3, NULL, NULL), SG_OK);
    assert_int_equal(ask(f, "SELECT count(*) FROM anchor"), 1);

    /* A list that only limits what the one before brought. */
    struct sg_named_anchor limited = {.cert = listed, .purposes = 1, .limits = (char[]){"policy 1.2\n"}};
    assert_done(sg_cert_sha256(f->libctx, listed, limited.sha256, &err));
    assert_int_equal(apply(f, store, 4, listed, NULL), SG_OK);
    assert_int_equal(ask(f, "SELECT count(*) FROM anchor WHERE limits = ''"), 2);
    assert_done(
        sg_store_list_apply(store, "aa", text("file"), &(struct sg_list_terms){.number = 5}, &limited, 1, &err));
    assert_int_equal(ask(f, "SELECT count(*) FROM anchor WHERE limits <> '' AND source = 'list 5'"), 1);

    assert_int_equal(apply(f, store, 6, listed, NULL), SG_OK);
    assert_done(sg_store_anchor_add(store, listed, 3, "", "file listed", &err)); /* now a person's */
    assert_int_equal(apply(f, store, 7, NULL, NULL), SG_OK);
    assert_int_equal(ask(f, "SELECT count(*) FROM anchor"), 2);
    assert_done(sg_store_list_get(store, "aa", &kept, &err));
    assert_int_equal(kept.number, 7);
    assert_done(sg_store_list_get(store, "bb", &kept, &err));
    assert_int_equal(kept.number, 0);
    assert_string_equal(kept.pin, "bb");
}

static enum sg_rc count_pulls(void *context, const struct sg_pull_key *key, const struct sg_pull_state *state,
                              struct sg_err *err)
{
    (void)err;
    assert_string_equal(key->kind, "crl");
    assert_string_equal(state->code, "network");
    ++*(size_t *)context;
    return SG_OK;
}

/* The journal gives back what was put in; a failure is in the ledger when it is another than before. */
static void test_journal(void **state)
{
    struct fixture *f = *state;
    _cleanup_(sg_store_freep) struct sg_store *store = open_store(f);
    const struct sg_pull_key key = {"crl", "http://ca.example/crl", ""};
    struct sg_pull_state put = {.etag = "\"x\"",
                                .last_modified = "today",
                                .last_success = 1,
                                .last_attempt = 2,
                                .next_attempt = 3,
                                .good_until = 4,
                                .failures = 5,
                                .code = "timeout",
                                .text = "why"},
                         got;
    size_t count = 0;

    assert_done(sg_pull_get(store, &key, &got, &err));
    assert_int_equal(got.last_attempt, 0);
    assert_done(sg_pull_put(store, &key, &put, &err));
    assert_done(sg_pull_put(store, &key, &put, &err));
    assert_int_equal(ask(f, "SELECT count(*) FROM ledger WHERE event = 'sync-failed'"), 1);
    (void)snprintf(put.code, sizeof(put.code), "network");
    assert_done(sg_pull_put(store, &key, &put, &err));
    assert_int_equal(ask(f, "SELECT count(*) FROM ledger WHERE event = 'sync-failed'"), 2);
    assert_done(sg_pull_get(store, &key, &got, &err));
    assert_string_equal(got.etag, put.etag);
    assert_string_equal(got.last_modified, put.last_modified);
    assert_string_equal(got.text, put.text);
    assert_int_equal(got.next_attempt, 3);
    assert_int_equal(got.good_until, 4);
    assert_int_equal(got.failures, 5);
    assert_done(sg_pulls_each(store, count_pulls, &count, &err));
    assert_int_equal(count, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(test_replacing),    fixture_test(test_file), fixture_test(test_several),
        fixture_test(test_certificates), fixture_test(test_list), fixture_test(test_journal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
