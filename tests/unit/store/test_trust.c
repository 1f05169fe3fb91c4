/* Anchors, CRLs and their publication: does verification see what was committed, no less and no more? */
#include "fixture.h"

#include <dirent.h>

#include "base/outfile.h"

static void add_anchor(struct fixture *f, struct sg_store *store, const char *name, char hex[SG_SHA256_HEX])
{
    _cleanup_(X509_freep) X509 *cert = make_cert(f, name);

    assert_done(sg_cert_sha256(f->libctx, cert, hex, &err));
    assert_done(sg_store_anchor_add(store, cert, SG_PURPOSE_SIGN, "", "file a.pem", &err));
}

static void assert_counts(struct fixture *f, size_t anchors, size_t crls)
{
    _cleanup_(sg_snapshot_freep) struct sg_snapshot *snapshot = open_snapshot(f);

    assert_int_equal(sg_snapshot_anchor_count(snapshot), anchors);
    assert_int_equal(sg_snapshot_crl_count(snapshot), crls);
}

static size_t crl_files(struct fixture *f)
{
    char path[96];
    size_t count = 0;
    const struct dirent *item;

    (void)snprintf(path, sizeof(path), "%s/trust/crl", f->folder);
    DIR *folder = opendir(path);
    assert_non_null(folder);
    while ((item = readdir(folder)))
        count += item->d_name[0] != '.';
    (void)closedir(folder);
    return count;
}

/* --- anchors ------------------------------------------------------------------------------------------------------ */

/* Does an anchor come out of the snapshot as it went in, and is its coming and going in the ledger? */
static void test_anchor(void **state)
{
    struct fixture *f = *state;
    _cleanup_(sg_store_freep) struct sg_store *store = open_store(f);
    _cleanup_(X509_freep) X509 *cert = make_cert(f, "Root");
    _cleanup_(OPENSSL_freep) unsigned char *der = NULL;
    size_t len = (size_t)i2d_X509(cert, &der);
    char hex[SG_SHA256_HEX];

    assert_counts(f, 0, 0); /* nothing published yet */
    assert_done(sg_cert_sha256(f->libctx, cert, hex, &err));
    assert_done(sg_store_anchor_add(store, cert, SG_PURPOSE_SIGN, "", "file r\xc3\xb6\xff.pem", &err));
    assert_done(sg_store_publish(store, &err));
    _cleanup_(sg_snapshot_freep) struct sg_snapshot *snapshot = open_snapshot(f);
    assert_int_equal(sg_snapshot_anchor_count(snapshot), 1);
    const struct sg_snapshot_anchor *anchor = sg_snapshot_anchor(snapshot, 0);
    assert_true(sg_slice_equal(anchor->certificate, (struct sg_slice){der, len}));
    assert_int_equal(anchor->purposes, SG_PURPOSE_SIGN);
    assert_string_equal(anchor->source, "file r\xc3\xb6\\xff.pem");
    assert_int_equal(anchor->added, f->now);

    for (char *c = hex; *c; c++) /* either case */
        *c = (char)(*c >= 'a' ? *c - 'a' + 'A' : *c);
    assert_done(sg_store_anchor_remove(store, hex, &err));
    assert_counts(f, 1, 0); /* not before it is published */
    assert_done(sg_store_publish(store, &err));
    assert_counts(f, 0, 0);
    assert_rc(sg_store_anchor_remove(store, hex, &err), SG_E_NOT_FOUND);
    assert_int_equal(ask(f, "SELECT group_concat(event, ' ') = 'trust-add trust-remove' FROM ledger"), 1);
    assert_int_equal(ask(f, "SELECT detail = 'CN=Root; for sign; from file r\xc3\xb6\\xff.pem' FROM ledger LIMIT 1"),
                     1);
}

/* Are purposes replaced when an anchor is added again, and what is no purpose refused? */
static void test_purposes(void **state)
{
    struct fixture *f = *state;
    _cleanup_(sg_store_freep) struct sg_store *store = open_store(f);
    _cleanup_(X509_freep) X509 *cert = make_cert(f, "Root");

    assert_rc(sg_store_anchor_add(store, cert, 0, "", "file", &err), SG_E_INTERNAL);
    assert_rc(sg_store_anchor_add(store, cert, 4, "", "file", &err), SG_E_INTERNAL);
    assert_done(sg_store_anchor_add(store, cert, SG_PURPOSES_ALL, "", "file", &err));
    assert_done(sg_store_anchor_add(store, cert, SG_PURPOSE_TIMESTAMP, "", "again", &err));
    assert_done(sg_store_publish(store, &err));
    _cleanup_(sg_snapshot_freep) struct sg_snapshot *snapshot = open_snapshot(f);
    assert_int_equal(sg_snapshot_anchor_count(snapshot), 1);
    assert_int_equal(sg_snapshot_anchor(snapshot, 0)->purposes, SG_PURPOSE_TIMESTAMP);
}

/* Do an anchor's limits come out as they went in, go when it is added again without them, and stand in the ledger? */
static void test_limits(void **state)
{
    struct fixture *f = *state;
    _cleanup_(sg_store_freep) struct sg_store *store = open_store(f);
    _cleanup_(X509_freep) X509 *cert = make_cert(f, "Root");
    static const char *const limits = "permit email:example.com\npolicy 1.2.3\n";

    assert_done(sg_store_anchor_add(store, cert, SG_PURPOSE_SIGN, limits, "file", &err));
    assert_done(sg_store_publish(store, &err));
    struct sg_snapshot *snapshot = open_snapshot(f);
    assert_string_equal(sg_snapshot_anchor(snapshot, 0)->limits, limits);
    sg_snapshot_free(snapshot);
    assert_int_equal(ask(f, "SELECT detail = 'CN=Root; for sign; from file; permit email:example.com;policy 1.2.3' "
                            "FROM ledger LIMIT 1"),
                     1);
    assert_done(sg_store_anchor_add(store, cert, SG_PURPOSE_SIGN, "", "file", &err));
    assert_done(sg_store_publish(store, &err));
    snapshot = open_snapshot(f);
    assert_string_equal(sg_snapshot_anchor(snapshot, 0)->limits, "");
    sg_snapshot_free(snapshot);
}

/* Is what is no SHA-256 not found, rather than something else removed? */
static void test_remove_nonsense(void **state)
{
    struct fixture *f = *state;
    _cleanup_(sg_store_freep) struct sg_store *store = open_store(f);
    char hex[SG_SHA256_HEX];

    add_anchor(f, store, "Root", hex);
    hex[63] = '\0'; /* a prefix */
    assert_rc(sg_store_anchor_remove(store, hex, &err), SG_E_NOT_FOUND);
    assert_rc(sg_store_anchor_remove(store, "", &err), SG_E_NOT_FOUND);
    assert_rc(sg_store_anchor_remove(store, "' OR '1' = '1", &err), SG_E_NOT_FOUND);
    assert_int_equal(ask(f, "SELECT count(*) FROM anchor"), 1);
}

/* --- CRLs --------------------------------------------------------------------------------------------------------- */

#define DAY 1700000000

static enum sg_rc add_crl(struct fixture *f, struct sg_store *store, struct crl_parts parts)
{
    _cleanup_(X509_CRL_freep) X509_CRL *crl = make_crl(f, parts);

    return put_crl(store, crl, NULL);
}

/* Does a CRL come out of the snapshot as it went in? */
static void test_crl(void **state)
{
    struct fixture *f = *state;
    _cleanup_(sg_store_freep) struct sg_store *store = open_store(f);
    _cleanup_(X509_CRL_freep) X509_CRL *crl = make_crl(f, (struct crl_parts){.issuer = "CA", .this_update = DAY});
    _cleanup_(OPENSSL_freep) unsigned char *der = NULL;
    _cleanup_(OPENSSL_freep) unsigned char *name = NULL;
    size_t len = (size_t)i2d_X509_CRL(crl, &der), name_len = (size_t)i2d_X509_NAME(X509_CRL_get_issuer(crl), &name);
    _cleanup_(sg_buf_clear) struct sg_buf out = SG_BUF(100000);

    assert_done(put_crl(store, crl, &err));
    assert_done(sg_store_publish(store, &err));
    _cleanup_(sg_snapshot_freep) struct sg_snapshot *snapshot = open_snapshot(f);
    assert_int_equal(sg_snapshot_crl_count(snapshot), 1);
    const struct sg_snapshot_crl *entry = sg_snapshot_crl(snapshot, 0);
    assert_true(sg_slice_equal(entry->issuer, (struct sg_slice){name, name_len}));
    assert_int_equal(entry->this_update, DAY);
    assert_int_equal(entry->next_update, DAY + 86400);
    assert_done(read_crl(snapshot, 0, &out, &err));
    assert_true(sg_slice_equal(sg_buf_slice(&out), (struct sg_slice){der, len}));
    assert_int_equal(ask(f, "SELECT count(*) FROM ledger WHERE event = 'crl-add' AND detail LIKE 'CN=CA; of %'"), 1);
}

/* Which CRLs take another's place, which stand beside it, and which are refused? */
static void test_crl_order(void **state)
{
    static const struct {
        const char *question;
        struct crl_parts then;
        enum sg_rc rc;
        size_t left; /* CRLs afterwards; first there is: CA, DAY, number 10 */
    } CASES[] = {
        {"newer", {"CA", DAY + 1, 11, NULL, false, false}, SG_OK, 1},
        {"the same number and time again", {"CA", DAY, 10, NULL, false, false}, SG_OK, 1},
        {"newer, without a number", {"CA", DAY + 1, -1, NULL, false, false}, SG_OK, 1},
        {"a lower number, though a later time", {"CA", DAY + 1, 9, NULL, false, false}, SG_E_POLICY, 1},
        {"a higher number, though an earlier time", {"CA", DAY - 1, 11, NULL, false, false}, SG_E_POLICY, 1},
        {"an earlier time, without a number", {"CA", DAY - 1, -1, NULL, false, false}, SG_E_POLICY, 1},
        {"older, of another issuer", {"CB", DAY - 1, 9, NULL, false, false}, SG_OK, 2},
        {"older, of another key", {"CA", DAY - 1, 9, "key", false, false}, SG_OK, 2},
        {"older, of another scope", {"CA", DAY - 1, 9, NULL, true, false}, SG_OK, 2},
        {"a delta CRL", {"CA", DAY + 1, 11, NULL, false, true}, SG_OK, 2},
    };

    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        void *own = NULL;

        (void)state;
        (void)fixture_setup(&own);
        struct sg_store *store = open_store(own);
        assert_done(add_crl(own, store, (struct crl_parts){.issuer = "CA", .this_update = DAY, .number = 10}));
        _cleanup_(X509_CRL_freep) X509_CRL *then = make_crl(own, CASES[i].then);
        struct sg_err why = {0};
        enum sg_rc rc = put_crl(store, then, &why);
        if (rc != CASES[i].rc)
            fail_msg("%s: %s", CASES[i].question, sg_rc_word(rc));
        if (rc == SG_E_POLICY) /* what is from a later time is not called older */
            assert_non_null(strstr(why.text, CASES[i].then.this_update > DAY ? "has a lower number" : "is older"));
        assert_done(sg_store_publish(store, &err));
        assert_counts(own, 0, CASES[i].left);
        sg_store_free(store);
        (void)fixture_teardown(&own);
    }
}

/* Are large CRL numbers (20 octets, RFC 5280 §5.2.3) compared as numbers? */
static void test_crl_numbers(void **state)
{
    struct fixture *f = *state;
    _cleanup_(sg_store_freep) struct sg_store *store = open_store(f);
    static const struct {
        const char *hex;
        enum sg_rc rc;
    } CASES[] = {
        {"ff", SG_OK},
        {"0100", SG_OK}, /* greater than ff, though less as text */
        {"ff", SG_E_POLICY},
        {"ffffffffffffffffffffffffffffffffffffffff", SG_OK},
        {"7fffffffffffffffffffffffffffffffffffffff", SG_E_POLICY},
    };

    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        _cleanup_(BN_freep) BIGNUM *number = NULL;
        _cleanup_(X509_CRL_freep) X509_CRL *crl =
            make_crl(f, (struct crl_parts){.issuer = "CA", .this_update = DAY, .number = -1});

        assert_true(BN_hex2bn(&number, CASES[i].hex) > 0);
        _cleanup_(ASN1_INTEGER_freep) ASN1_INTEGER *integer = BN_to_ASN1_INTEGER(number, NULL);
        add_extension(crl, NID_crl_number, integer);
        _cleanup_(EVP_PKEY_freep) EVP_PKEY *key = make_key(f);
        assert_true(X509_CRL_sign(crl, key, EVP_sha256()) > 0);
        enum sg_rc rc = put_crl(store, crl, NULL);
        if (rc != CASES[i].rc)
            fail_msg("%s: %s", CASES[i].hex, sg_rc_word(rc));
    }
}

/* Do the numbers of delta CRLs only grow as well, and is the complete one left alone? */
static void test_crl_delta(void **state)
{
    struct fixture *f = *state;
    _cleanup_(sg_store_freep) struct sg_store *store = open_store(f);

    assert_done(add_crl(f, store, (struct crl_parts){"CA", DAY, 10, NULL, false, false}));
    assert_done(add_crl(f, store, (struct crl_parts){"CA", DAY + 2, 12, NULL, false, true}));
    assert_rc(add_crl(f, store, (struct crl_parts){"CA", DAY + 1, 11, NULL, false, true}), SG_E_POLICY);
    assert_done(add_crl(f, store, (struct crl_parts){"CA", DAY + 3, 13, NULL, false, true}));
    assert_done(add_crl(f, store, (struct crl_parts){"CA", DAY + 1, 11, NULL, false, false}));
    assert_int_equal(ask(f, "SELECT count(*) FROM crl"), 2);
}

/* Does adding a CRL again bring a lost file back, without another entry? */
static void test_crl_again(void **state)
{
    struct fixture *f = *state;
    _cleanup_(sg_store_freep) struct sg_store *store = open_store(f);
    _cleanup_(X509_CRL_freep) X509_CRL *crl = make_crl(f, (struct crl_parts){.issuer = "CA", .this_update = DAY});
    char command[128];

    assert_done(put_crl(store, crl, &err));
    (void)snprintf(command, sizeof(command), "rm %s/trust/crl/*.crl", f->folder);
    assert_int_equal(system(command), 0);
    assert_done(put_crl(store, crl, &err));
    assert_int_equal(crl_files(f), 2); /* and its index */
    assert_int_equal(ask(f, "SELECT count(*) FROM ledger"), 1);
}

/* Does a reader of the snapshot that was just replaced still find its CRLs, and do they go one publication later? */
static void test_crl_files(void **state)
{
    struct fixture *f = *state;
    _cleanup_(sg_store_freep) struct sg_store *store = open_store(f);
    _cleanup_(sg_buf_clear) struct sg_buf out = SG_BUF(100000);
    char other[128];

    assert_done(add_crl(f, store, (struct crl_parts){.issuer = "CA", .this_update = DAY, .number = 1}));
    assert_done(sg_store_publish(store, &err));
    (void)snprintf(other, sizeof(other), "%s/trust/crl/somebody's.crl", f->folder);
    assert_done(sg_file_write(other, (struct sg_slice){NULL, 0}, 0, &err));

    _cleanup_(sg_snapshot_freep) struct sg_snapshot *reader = open_snapshot(f);
    assert_done(add_crl(f, store, (struct crl_parts){.issuer = "CA", .this_update = DAY, .number = 2}));
    assert_done(sg_store_publish(store, &err));
    assert_int_equal(crl_files(f), 5); /* two with their indexes */
    assert_done(read_crl(reader, 0, &out, &err));

    assert_done(sg_store_publish(store, &err));
    assert_int_equal(crl_files(f), 3); /* the newer with its index, and what is not ours to remove */
    out.len = 0;
    assert_rc(read_crl(reader, 0, &out, &err), SG_E_STORE_DAMAGED);
    _cleanup_(sg_snapshot_freep) struct sg_snapshot *now = open_snapshot(f);
    assert_done(read_crl(now, 0, &out, &err));
}

/* --- publishing --------------------------------------------------------------------------------------------------- */

/* Is a change that was committed by a program that died before publishing published by the next? */
static void test_made_up_for(void **state)
{
    struct fixture *f = *state;
    struct sg_store *store = open_store(f);
    char hex[SG_SHA256_HEX];

    add_anchor(f, store, "Root", hex);
    sg_store_free(store);
    assert_counts(f, 0, 0);
    sg_store_free(open_store(f));
    assert_counts(f, 1, 0);

    store = open_store(f);
    assert_done(sg_store_anchor_remove(store, hex, &err));
    sg_store_free(store);
    sg_store_free(open_store(f));
    assert_counts(f, 0, 0);
}

/* Does a change that was rolled back leave the snapshot alone? */
static void test_rolled_back(void **state)
{
    struct fixture *f = *state;
    _cleanup_(sg_store_freep) struct sg_store *store = open_store(f);
    char hex[SG_SHA256_HEX];

    assert_done(sg_store_begin(store, &err));
    add_anchor(f, store, "Root", hex);
    assert_done(add_crl(f, store, (struct crl_parts){.issuer = "CA", .this_update = DAY}));
    sg_store_rollback(store);
    assert_done(sg_store_publish(store, &err));
    assert_counts(f, 0, 0);
    assert_int_equal(crl_files(f), 0); /* the file of the CRL that never came */
}

/* Is what would not fit into a snapshot refused before it is committed? Committed, it could never be published. */
static void test_too_much(void **state)
{
    struct fixture *f = *state;
    _cleanup_(sg_store_freep) struct sg_store *store = open_store(f);
    _cleanup_(X509_freep) X509 *cert = make_cert(f, "Root");
    char hex[SG_SHA256_HEX];

    add_anchor(f, store, "First", hex);
    tamper(f, "INSERT INTO anchor VALUES ('00', zeroblob(16 * 1024 * 1024 - 500), 1, '', 0, '')");
    assert_rc(sg_store_anchor_add(store, cert, SG_PURPOSE_SIGN, "", "file", &err), SG_E_LIMIT);
    assert_int_equal(ask(f, "SELECT count(*) FROM ledger"), 1);
    tamper(f, "DELETE FROM anchor WHERE sha256 = '00'");
    assert_done(sg_store_anchor_add(store, cert, SG_PURPOSE_SIGN, "", "file", &err));
}

/* Is a damaged snapshot written anew by publishing? */
static void test_rebuilt(void **state)
{
    struct fixture *f = *state;
    _cleanup_(sg_store_freep) struct sg_store *store = open_store(f);
    char hex[SG_SHA256_HEX], path[96];

    add_anchor(f, store, "Root", hex);
    assert_done(sg_store_publish(store, &err));
    (void)snprintf(path, sizeof(path), "%s/trust/snapshot", f->folder);
    assert_done(sg_file_write(path, (struct sg_slice){(const uint8_t *)"damaged", 7}, SG_OUT_REPLACE, &err));
    struct sg_snapshot *snapshot = NULL;
    assert_rc(sg_snapshot_open(f->folder, f->libctx, &snapshot, &err), SG_E_STORE_DAMAGED);
    assert_done(sg_store_publish(store, &err));
    assert_counts(f, 1, 0);
}

enum { CHANGES = 6 };

static void change_and_publish(struct fixture *f, int number)
{
    struct sg_store *store = NULL;

    if (sg_store_open(f->folder, f->libctx, &f->clock, &store, NULL) != SG_OK)
        _exit(1);
    for (int i = 0; i < CHANGES; i++) {
        char name[32];

        (void)snprintf(name, sizeof(name), "CA %d %d", number, i);
        _cleanup_(X509_freep) X509 *cert = make_cert(f, name);
        if (sg_store_anchor_add(store, cert, SG_PURPOSE_SIGN, "", name, NULL) != SG_OK ||
            add_crl(f, store, (struct crl_parts){.issuer = name, .this_update = DAY}) != SG_OK ||
            sg_store_publish(store, NULL) != SG_OK)
            _exit(1);
    }
    sg_store_free(store);
}

/* Do several publishers at once end with a snapshot of everything, each CRL's file there? */
static void test_publishers(void **state)
{
    struct fixture *f = *state;
    enum { CHILDREN = 4 };
    pid_t children[CHILDREN];

    sg_store_free(open_store(f));
    for (int i = 0; i < CHILDREN; i++)
        children[i] = start_child(f, change_and_publish, i);
    for (int i = 0; i < CHILDREN; i++)
        assert_int_equal(wait_child(children[i]), 0);
    assert_counts(f, CHILDREN * CHANGES, CHILDREN * CHANGES);
    _cleanup_(sg_snapshot_freep) struct sg_snapshot *snapshot = open_snapshot(f);
    for (size_t i = 0; i < sg_snapshot_crl_count(snapshot); i++) {
        _cleanup_(sg_buf_clear) struct sg_buf out = SG_BUF(100000);
        assert_done(read_crl(snapshot, i, &out, &err));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(test_anchor),          fixture_test(test_purposes),    fixture_test(test_limits),
        fixture_test(test_remove_nonsense), fixture_test(test_crl),         cmocka_unit_test(test_crl_order),
        fixture_test(test_crl_numbers),     fixture_test(test_crl_delta),   fixture_test(test_crl_again),
        fixture_test(test_crl_files),       fixture_test(test_made_up_for), fixture_test(test_rolled_back),
        fixture_test(test_rebuilt),         fixture_test(test_too_much),    fixture_test(test_publishers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
