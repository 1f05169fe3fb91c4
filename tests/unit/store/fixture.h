/* What the store's tests share: a folder of their own, a clock they set, certificates and CRLs made on the spot. */
#pragma once

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#include <openssl/ec.h>
#include <openssl/sha.h>
#include <sqlite3.h>

#include "../../support/assert_rc.h"
#include "base/crypto.h"
#include "base/input.h"
#include "store/ledger.h"
#include "store/snapshot.h"
#include "store/store.h"

SG_DEFINE_CLEANUP(X509_CRL, X509_CRL_free)

struct fixture {
    char folder[64];
    char database[96];
    OSSL_LIB_CTX *libctx;
    int64_t now;
    struct sg_clock clock;
};

static inline void fixture_folder(struct fixture *f, const char *parent)
{
    (void)snprintf(f->folder, sizeof(f->folder), "%s/signet-store-XXXXXX", parent);
    assert_non_null(mkdtemp(f->folder));
    (void)snprintf(f->database, sizeof(f->database), "%s/store.db", f->folder);
}

static inline int fixture_remove_item(const char *path, const struct stat *info, int type, struct FTW *walk)
{
    (void)info, (void)type, (void)walk;
    return remove(path);
}

static inline void fixture_remove_folder(const struct fixture *f)
{
    (void)nftw(f->folder, fixture_remove_item, 16, FTW_DEPTH | FTW_PHYS);
}

static inline int fixture_setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    fixture_folder(f, "/tmp");
    assert_done(sg_libctx_new(&f->libctx, &err));
    f->now = 1700000000;
    f->clock = sg_clock_fixed(&f->now);
    *state = f;
    return 0;
}

static inline int fixture_teardown(void **state)
{
    struct fixture *f = *state;

    fixture_remove_folder(f);
    OSSL_LIB_CTX_free(f->libctx);
    free(f);
    return 0;
}

#define fixture_test(function) cmocka_unit_test_setup_teardown(function, fixture_setup, fixture_teardown)

static inline struct sg_store *open_store(struct fixture *f)
{
    struct sg_store *store = NULL;

    assert_done(sg_store_open(f->folder, f->libctx, &f->clock, &store, &err));
    return store;
}

/* What somebody who can write the file can do. */
static inline void tamper(struct fixture *f, const char *sql)
{
    sqlite3 *db = NULL;
    char *message = NULL;

    assert_int_equal(sqlite3_open(f->database, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
        fail_msg("%s: %s", sql, message);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* The store as it was when its schema had two steps, with nothing in the tables that came later. */
static inline void make_older(struct fixture *f)
{
    static const char later[] =
        "SELECT group_concat('DROP TABLE ' || name, ';') FROM sqlite_schema WHERE type = 'table' "
        "AND name NOT IN ('migration', 'ledger', 'anchor', 'crl', 'trust', 'document', "
        "'token_certificate')";
    sqlite3 *db = NULL;
    sqlite3_stmt *statement = NULL;

    assert_int_equal(sqlite3_open(f->database, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, later, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    char *drop = strdup((const char *)sqlite3_column_text(statement, 0));
    assert_int_equal(sqlite3_finalize(statement), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    assert_non_null(drop);
    tamper(f, drop);
    tamper(f, "ALTER TABLE anchor DROP COLUMN limits; ALTER TABLE document DROP COLUMN manifest");
    tamper(f, "DROP INDEX IF EXISTS ledger_clock; DROP INDEX IF EXISTS ledger_clock_state; "
              "DELETE FROM migration WHERE version >= 3; PRAGMA user_version = 2");
    free(drop);
}

/* A number from the database, past the store. */
static inline int64_t ask(struct fixture *f, const char *sql)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *statement = NULL;

    assert_int_equal(sqlite3_open(f->database, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    int64_t answer = sqlite3_column_int64(statement, 0);
    (void)sqlite3_finalize(statement);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    return answer;
}

static inline struct sg_ledger_entry entry_about(const char *object)
{
    return (struct sg_ledger_entry){"sign-failed", "pin-incorrect", "serial", "key", object, "detail"};
}

static inline enum sg_rc take_entry(void *context, const struct sg_ledger_record *record, struct sg_err *err)
{
    return sg_ledger_chain_take(context, record, err);
}

/* Recomputes the ledger: how many entries it has, and the first that does not fit. */
static inline void check_ledger(struct sg_store *store, int64_t *ret_count, int64_t *ret_bad)
{
    struct sg_ledger_chain chain;

    assert_done(sg_ledger_chain_init(&chain, NULL, &err));
    assert_done(sg_ledger_read(store, SG_LEDGER_ALL, (struct sg_ledger_reader){take_entry, &chain}, &err));
    *ret_count = chain.count;
    *ret_bad = chain.bad;
    sg_ledger_chain_clear(&chain);
}

static inline struct sg_document document_named(const char *input)
{
    return (struct sg_document){
        .input = input,
        .output = "/tmp/output.p7s",
        .digest_algorithm = "sha256",
        .content_digest = "00",
        .result_sha256 = "11",
        .format = "CAdES",
        .key = "22",
        .token = "serial",
        .custody = "reported",
        .claimed_time = 1700000000,
        .clock_state = "ok",
        .remarks = "",
    };
}

/* --- certificates and CRLs ---------------------------------------------------------------------------------------- */

static inline EVP_PKEY *make_key(struct fixture *f)
{
    EVP_PKEY *key = EVP_PKEY_Q_keygen(f->libctx, NULL, "EC", "P-256");

    assert_non_null(key);
    return key;
}

static inline X509 *make_cert(struct fixture *f, const char *name)
{
    _cleanup_(EVP_PKEY_freep) EVP_PKEY *key = make_key(f);
    X509 *cert = X509_new_ex(f->libctx, NULL);

    assert_non_null(cert);
    assert_int_equal(X509_set_version(cert, X509_VERSION_3), 1);
    assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(cert), 1), 1);
    assert_int_equal(X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_UTF8,
                                                (const unsigned char *)name, -1, -1, 0),
                     1);
    assert_int_equal(X509_set_issuer_name(cert, X509_get_subject_name(cert)), 1);
    assert_non_null(X509_gmtime_adj(X509_getm_notBefore(cert), 0));
    assert_non_null(X509_gmtime_adj(X509_getm_notAfter(cert), 86400));
    assert_int_equal(X509_set_pubkey(cert, key), 1);
    assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
    return cert;
}

struct crl_parts {
    const char *issuer;
    int64_t this_update;
    long number;     /* negative: none */
    const char *key; /* authorityKeyIdentifier's keyid, or NULL */
    bool only_users; /* an issuingDistributionPoint */
    bool delta;
};

static inline void add_extension(X509_CRL *crl, int nid, void *value)
{
    assert_int_equal(X509_CRL_add1_ext_i2d(crl, nid, value, nid == NID_delta_crl, X509V3_ADD_DEFAULT), 1);
}

static inline X509_CRL *make_crl(struct fixture *f, struct crl_parts parts)
{
    _cleanup_(EVP_PKEY_freep) EVP_PKEY *signer = make_key(f);
    _cleanup_(X509_NAME_freep) X509_NAME *issuer = X509_NAME_new();
    _cleanup_(ASN1_TIME_freep) ASN1_TIME *time = ASN1_TIME_set(NULL, (time_t)parts.this_update);
    _cleanup_(ASN1_TIME_freep) ASN1_TIME *next = ASN1_TIME_set(NULL, (time_t)parts.this_update + 86400);
    _cleanup_(ASN1_INTEGER_freep) ASN1_INTEGER *number = ASN1_INTEGER_new();
    X509_CRL *crl = X509_CRL_new_ex(f->libctx, NULL);

    assert_int_equal(
        X509_NAME_add_entry_by_txt(issuer, "CN", MBSTRING_UTF8, (const unsigned char *)parts.issuer, -1, -1, 0), 1);
    assert_int_equal(X509_CRL_set_version(crl, X509_CRL_VERSION_2), 1);
    assert_int_equal(X509_CRL_set_issuer_name(crl, issuer), 1);
    assert_int_equal(X509_CRL_set1_lastUpdate(crl, time), 1);
    assert_int_equal(X509_CRL_set1_nextUpdate(crl, next), 1);
    if (parts.number >= 0) {
        assert_int_equal(ASN1_INTEGER_set(number, parts.number), 1);
        add_extension(crl, NID_crl_number, number);
        if (parts.delta)
            add_extension(crl, NID_delta_crl, number);
    }
    if (parts.key) {
        AUTHORITY_KEYID *key = AUTHORITY_KEYID_new();
        key->keyid = ASN1_OCTET_STRING_new();
        assert_int_equal(ASN1_OCTET_STRING_set(key->keyid, (const unsigned char *)parts.key, -1), 1);
        add_extension(crl, NID_authority_key_identifier, key);
        AUTHORITY_KEYID_free(key);
    }
    if (parts.only_users) {
        ISSUING_DIST_POINT *scope = ISSUING_DIST_POINT_new();
        scope->onlyuser = 0xff;
        add_extension(crl, NID_issuing_distribution_point, scope);
        ISSUING_DIST_POINT_free(scope);
    }
    assert_true(X509_CRL_sign(crl, signer, EVP_sha256()) > 0);
    return crl;
}

static inline struct sg_slice extension_value(const X509_CRL *crl, int nid)
{
    int index = X509_CRL_get_ext_by_NID(crl, nid, -1);

    if (index < 0)
        return (struct sg_slice){NULL, 0};
    const ASN1_OCTET_STRING *value = X509_EXTENSION_get_data(X509_CRL_get_ext(crl, index));
    return (struct sg_slice){ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value)};
}

/* A CRL as verify/ hands it over, with what that borrows; its index is a few words. */
struct kept_crl {
    X509_CRL *crl;
    unsigned char *der, *issuer;
    uint8_t number[20];
    struct sg_checked_crl checked;
};

static inline void kept_crl_make(X509_CRL *crl, struct kept_crl *kept)
{
    *kept = (struct kept_crl){.crl = crl};
    assert_int_equal(X509_CRL_up_ref(crl), 1);
    int len = i2d_X509_CRL(crl, &kept->der), issuer_len = i2d_X509_NAME(X509_CRL_get_issuer(crl), &kept->issuer);
    struct sg_checked_crl *checked = &kept->checked;
    _cleanup_(BN_freep) BIGNUM *number = NULL;
    ASN1_INTEGER *integer = X509_CRL_get_ext_d2i(crl, NID_crl_number, NULL, NULL);

    assert_true(len > 0 && issuer_len > 0);
    checked->issuer = (struct sg_slice){kept->issuer, (size_t)issuer_len};
    checked->authority_key = extension_value(crl, NID_authority_key_identifier);
    checked->scope = extension_value(crl, NID_issuing_distribution_point);
    checked->delta = extension_value(crl, NID_delta_crl).data != NULL;
    checked->index[0] = (struct sg_slice){(const uint8_t *)"the index", 9};
    checked->index[1] = (struct sg_slice){(const uint8_t *)" of it", 6};
    if (integer) {
        number = ASN1_INTEGER_to_BN(integer, NULL);
        assert_int_equal(BN_bn2binpad(number, kept->number, sizeof(kept->number)), sizeof(kept->number));
        checked->number = (struct sg_slice){kept->number, sizeof(kept->number)};
        ASN1_INTEGER_free(integer);
    }
    assert_true(sg_time_from_asn1(X509_CRL_get0_lastUpdate(crl), &checked->this_update));
    assert_true(sg_time_from_asn1(X509_CRL_get0_nextUpdate(crl), &checked->next_update));
    assert_true(SHA256(kept->der, (size_t)len, checked->sha256) != NULL);
    checked->der_len = (uint64_t)len;
    assert_int_equal(sg_input_from_slice("test.crl", (struct sg_slice){kept->der, (size_t)len}, &checked->der, NULL),
                     SG_OK);
}

static inline void kept_crl_clear(struct kept_crl *kept)
{
    sg_input_free(kept->checked.der);
    OPENSSL_free(kept->der);
    OPENSSL_free(kept->issuer);
    X509_CRL_free(kept->crl);
}

static inline enum sg_rc put_crl(struct sg_store *store, X509_CRL *crl, struct sg_err *err)
{
    struct kept_crl kept;

    kept_crl_make(crl, &kept);
    enum sg_rc rc = sg_store_crl_add(store, &kept.checked, err);
    kept_crl_clear(&kept);
    return rc;
}

static inline struct sg_snapshot *open_snapshot(struct fixture *f)
{
    struct sg_snapshot *snapshot = NULL;

    assert_done(sg_snapshot_open(f->folder, f->libctx, &snapshot, &err));
    return snapshot;
}

/* Whether a CRL's file is there and has the bytes that the snapshot names: into `out`, else SG_E_STORE_DAMAGED. */
static inline enum sg_rc read_crl(const struct sg_snapshot *snapshot, size_t index, struct sg_buf *out,
                                  struct sg_err *err)
{
    _cleanup_(sg_input_freep) struct sg_input *input = NULL;
    _cleanup_(freep) char *path = NULL;
    uint8_t digest[SG_SHA256_LEN], *room = NULL;
    size_t len = 0;
    enum sg_rc rc = sg_snapshot_crl_path(snapshot, index, &path, err);

    if (rc == SG_OK)
        rc = sg_input_open(path, &input, err);
    if (rc == SG_OK)
        rc = sg_buf_extend(out, (size_t)sg_input_size(input), &room, err);
    if (rc == SG_OK)
        rc = sg_input_read(input, 0, room, (size_t)sg_input_size(input), &len, err);
    if (rc == SG_OK &&
        (!SHA256(room, len, digest) || memcmp(digest, sg_snapshot_crl(snapshot, index)->sha256, SG_SHA256_LEN) != 0))
        rc = sg_fail(err, SG_E_STORE_DAMAGED, "%s has other bytes.", path);
    return rc == SG_E_NOT_FOUND ? sg_fail(err, SG_E_STORE_DAMAGED, "%s is not there.", path) : rc;
}

/* --- other processes ---------------------------------------------------------------------------------------------- */

/* Runs `work` in a child, which must end well or, if `killed`, be killed. */
static inline pid_t start_child(struct fixture *f, void (*work)(struct fixture *f, int number), int number)
{
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        work(f, number);
        _exit(0);
    }
    return child;
}

static inline int wait_child(pid_t child)
{
    int status = 0;

    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static inline void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
}

static inline void assert_file(const char *path, const char *text)
{
    char there[256] = "";
    FILE *file = fopen(path, "rb");

    if (!file)
        fail_msg("%s is not there", path);
    size_t len = fread(there, 1, sizeof(there) - 1, file);
    assert_int_equal(fclose(file), 0);
    there[len] = '\0';
    assert_string_equal(there, text);
}
