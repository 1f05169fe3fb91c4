/* The reader of CRLs and their index: is what OpenSSL wrote read as it is, and everything else refused? */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "../../support/pki.h"
#include "base/outfile.h"
#include "formats/crl_index.h"

static OSSL_LIB_CTX *libctx;
static struct pki_id issuer;

/* --- CRLs to read ------------------------------------------------------------------------------------------------- */

struct listed {
    const char *serial; /* hex, of a number */
    int64_t when;
    int reason; /* -1: none */
};

static void list_one(X509_CRL *crl, const struct listed *what)
{
    X509_REVOKED *entry = X509_REVOKED_new();
    ASN1_TIME *when = ASN1_TIME_set(NULL, (time_t)what->when);
    BIGNUM *number = NULL;
    assert_true(BN_hex2bn(&number, what->serial) > 0);
    ASN1_INTEGER *serial = BN_to_ASN1_INTEGER(number, NULL);
    assert_int_equal(X509_REVOKED_set_serialNumber(entry, serial), 1);
    assert_int_equal(X509_REVOKED_set_revocationDate(entry, when), 1);
    if (what->reason >= 0) {
        ASN1_ENUMERATED *reason = ASN1_ENUMERATED_new();
        assert_int_equal(ASN1_ENUMERATED_set(reason, what->reason), 1);
        assert_int_equal(X509_REVOKED_add1_ext_i2d(entry, NID_crl_reason, reason, 0, 0), 1);
        ASN1_ENUMERATED_free(reason);
    }
    assert_int_equal(X509_CRL_add0_revoked(crl, entry), 1);
    ASN1_INTEGER_free(serial);
    ASN1_TIME_free(when);
    BN_free(number);
}

static struct sg_slice encode(X509_CRL *crl)
{
    uint8_t *der = NULL;
    assert_true(X509_CRL_sign(crl, issuer.key, EVP_sha256()) > 0);
    int len = i2d_X509_CRL(crl, &der);
    assert_true(len > 0);
    return (struct sg_slice){der, (size_t)len};
}

static X509_CRL *new_crl(void)
{
    return pki_crl(libctx, &issuer, &(struct pki_crl){.more = {{NID_crl_number, "ASN1:INTEGER:7"}}});
}

static struct sg_slice list(const struct listed *entries, size_t count)
{
    X509_CRL *crl = new_crl();
    for (size_t i = 0; i < count; i++)
        list_one(crl, &entries[i]);
    struct sg_slice der = encode(crl);
    X509_CRL_free(crl);
    return der;
}

static enum sg_rc make(struct sg_slice der, struct sg_crl_index **ret)
{
    struct sg_input *input = NULL;
    assert_int_equal(sg_input_from_slice("test.crl", der, &input, NULL), SG_OK);
    enum sg_rc rc = sg_crl_index_make(&(struct sg_crl_place){input, 0, der.len}, libctx, ret, NULL);
    sg_input_free(input);
    return rc;
}

static struct sg_crl_hit find(const struct sg_crl_index *index, const char *serial, size_t number)
{
    struct sg_crl_hit hit = {0};
    BIGNUM *bn = NULL;
    uint8_t *der = NULL;
    assert_true(BN_hex2bn(&bn, serial) > 0);
    ASN1_INTEGER *integer = BN_to_ASN1_INTEGER(bn, NULL);
    int len = i2d_ASN1_INTEGER(integer, &der);
    assert_true(len > 2 && der[1] < 0x80);
    assert_int_equal(sg_crl_index_find(index, libctx, (struct sg_slice){der + 2, (size_t)len - 2}, number, &hit, NULL),
                     SG_OK);
    OPENSSL_free(der);
    ASN1_INTEGER_free(integer);
    BN_free(bn);
    return hit;
}

/* Writes the index into a file, and opens that. */
static struct sg_crl_index *through_file(const struct sg_crl_index *index)
{
    char path[] = "/tmp/signet-index.XXXXXX";
    struct sg_crl_index *opened = NULL;
    const struct sg_crl_index_bytes bytes = sg_crl_index_bytes(index);
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes.header.data, bytes.header.len), bytes.header.len);
    if (bytes.pages.len > 0)
        assert_int_equal(write(fd, bytes.pages.data, bytes.pages.len), bytes.pages.len);
    (void)close(fd);
    uint8_t sha256[SG_SHA256_LEN];
    memcpy(sha256, sg_crl_index_head(index)->sha256, sizeof sha256);
    assert_int_equal(sg_crl_index_open(path, libctx, sha256, &opened, NULL), SG_OK);
    sha256[3] ^= 1; /* of another CRL */
    struct sg_crl_index *none = NULL;
    assert_int_equal(sg_crl_index_open(path, libctx, sha256, &none, NULL), SG_E_STORE_DAMAGED);
    assert_null(none);
    (void)unlink(path);
    return opened;
}

/* --- tests -------------------------------------------------------------------------------------------------------- */

/* The head as it was written, and the digest that the signature is over. */
static void head(void **state)
{
    (void)state;
    const struct listed one = {"05", PKI_NOW, -1};
    struct sg_slice der = list(&one, 1);
    struct sg_crl_index *made = NULL;
    uint8_t *name = NULL, key[SG_SHA256_LEN] = {1, 2, 3}, got[SG_SHA256_LEN];
    int name_len = i2d_X509_NAME(X509_get_subject_name(issuer.cert), &name);
    assert_int_equal(make(der, &made), SG_OK);
    assert_false(sg_crl_index_key(made, got));
    assert_int_equal(sg_crl_index_set_key(made, libctx, key, NULL), SG_OK);
    struct sg_crl_index *opened = through_file(made);
    for (int i = 0; i < 2; i++) {
        const struct sg_crl_head *head = sg_crl_index_head(i ? opened : made);
        EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(libctx, issuer.key, NULL);
        assert_true(sg_slice_equal(sg_buf_slice(&head->issuer), (struct sg_slice){name, (size_t)name_len}));
        assert_int_equal(head->this_update, PKI_NOW - PKI_DAY);
        assert_int_equal(head->next_update, PKI_NOW + 7 * PKI_DAY);
        assert_false(head->dates_unreadable);
        assert_true(EVP_PKEY_verify_init(ctx) > 0);
        assert_int_equal(
            EVP_PKEY_verify(ctx, head->signature.data, head->signature.len, head->tbs_digest, head->tbs_digest_len), 1);
        const uint8_t *p = head->extensions.data;
        X509_EXTENSIONS *extensions = d2i_X509_EXTENSIONS(NULL, &p, (long)head->extensions.len);
        assert_true(X509v3_get_ext_by_NID(extensions, NID_crl_number, -1) >= 0);
        sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
        EVP_PKEY_CTX_free(ctx);
    }
    assert_true(sg_crl_index_key(opened, got));
    assert_memory_equal(got, key, sizeof key);
    sg_crl_index_free(opened);
    sg_crl_index_free(made);
    OPENSSL_free(name);
    OPENSSL_free((void *)der.data);
}

/* Serials of all kinds: found with date and reason, and not taken for one another. */
static void serials(void **state)
{
    (void)state;
    static const struct listed entries[] = {
        {"00", PKI_NOW, -1},
        {"01", PKI_NOW - 1, CRL_REASON_UNSPECIFIED},
        {"-01", PKI_NOW - 2, CRL_REASON_SUPERSEDED},
        {"7F", PKI_NOW - 3, -1},
        {"80", PKI_NOW - 4, CRL_REASON_KEY_COMPROMISE},
        {"-80", PKI_NOW - 5, -1},
        {"FF", PKI_NOW - 6, -1},
        {"FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF", PKI_NOW - 7, CRL_REASON_CERTIFICATE_HOLD}, /* 20 octets */
        {"010000000000000000000000000000000000000000", PKI_NOW - 8, -1},                        /* 21 */
        {"010000000000000000000000000000000000000001", PKI_NOW - 9, CRL_REASON_AA_COMPROMISE},
        {"112233", INT64_C(2600000000), -1}, /* a GeneralizedTime */
        {"112234", -INT64_C(600000000), -1}, /* in 1950 */
    };
    static const char *const others[] = {"02",
                                         "-02",
                                         "7E",
                                         "81",
                                         "0100",
                                         "FFFF",
                                         "1122",
                                         "11223300",
                                         "010000000000000000000000000000000000000002",
                                         "01000000000000000000000000000000000000000000"};
    struct sg_slice der = list(entries, sizeof entries / sizeof *entries);
    struct sg_crl_index *made = NULL;
    assert_int_equal(make(der, &made), SG_OK);
    struct sg_crl_index *opened = through_file(made);
    for (int i = 0; i < 2; i++) {
        const struct sg_crl_index *index = i ? opened : made;
        for (size_t k = 0; k < sizeof entries / sizeof *entries; k++) {
            struct sg_crl_hit hit = find(index, entries[k].serial, 0);
            if (!hit.found || hit.revoked_at != entries[k].when || hit.reason != entries[k].reason)
                fail_msg("%s: %lld %d", entries[k].serial, (long long)hit.revoked_at, hit.reason);
            assert_false(find(index, entries[k].serial, 1).found);
        }
        for (size_t k = 0; k < sizeof others / sizeof *others; k++)
            assert_false(find(index, others[k], 0).found);
    }
    sg_crl_index_free(opened);
    sg_crl_index_free(made);
    OPENSSL_free((void *)der.data);
}

/* As many entries as fill no page, one, and several, in no order: every one is found, and what is between is not. */
static void many(void **state)
{
    (void)state;
    static const size_t counts[] = {0, 1, 32, 33, 126, 127, 128, 254, 255, 3000};
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
        X509_CRL *crl = new_crl();
        struct sg_crl_index *made = NULL;
        size_t count = counts[c];
        char hex[16];
        for (size_t i = 0; i < count; i++) {
            (void)snprintf(hex, sizeof hex, "%06zX", 2 * (i * 7919 % 3001) + 2);
            list_one(crl, &(struct listed){hex, PKI_NOW - (int64_t)i, i % 3 ? -1 : CRL_REASON_SUPERSEDED});
        }
        struct sg_slice der = encode(crl);
        assert_int_equal(make(der, &made), SG_OK);
        struct sg_crl_index *opened = through_file(made);
        assert_int_equal(sg_crl_index_check(opened, libctx, NULL), SG_OK);
        for (size_t i = 0; i < count; i++) {
            size_t serial = 2 * (i * 7919 % 3001) + 2;
            (void)snprintf(hex, sizeof hex, "%06zX", serial);
            struct sg_crl_hit hit = find(opened, hex, 0);
            assert_true(hit.found && hit.revoked_at == PKI_NOW - (int64_t)i);
            (void)snprintf(hex, sizeof hex, "%06zX", serial + 1);
            assert_false(find(opened, hex, 0).found);
        }
        assert_false(find(opened, "01", 0).found);
        assert_false(find(opened, "7FFFFFFF", 0).found);
        sg_crl_index_free(opened);
        sg_crl_index_free(made);
        OPENSSL_free((void *)der.data);
        X509_CRL_free(crl);
    }
}

/* Of several entries about one certificate, over several pages: the worst. */
static void worst(void **state)
{
    (void)state;
    X509_CRL *crl = new_crl();
    struct sg_crl_index *made = NULL;
    for (int i = 0; i < 300; i++)
        list_one(crl, &(struct listed){"AA", PKI_NOW - i % 7, CRL_REASON_REMOVE_FROM_CRL});
    for (int i = 0; i < 3; i++)
        list_one(crl, &(struct listed){"BB", PKI_NOW - i, CRL_REASON_CERTIFICATE_HOLD});
    list_one(crl, &(struct listed){"AA", PKI_NOW, CRL_REASON_CERTIFICATE_HOLD});
    list_one(crl, &(struct listed){"BB", PKI_NOW, CRL_REASON_SUPERSEDED});
    struct sg_slice der = encode(crl);
    assert_int_equal(make(der, &made), SG_OK);
    assert_int_equal(find(made, "AA", 0).reason, CRL_REASON_CERTIFICATE_HOLD);
    assert_int_equal(find(made, "BB", 0).reason, CRL_REASON_SUPERSEDED);
    assert_int_equal(sg_crl_index_odd(made), SG_CRL_ODD_REMOVAL);
    sg_crl_index_free(made);
    OPENSSL_free((void *)der.data);
    X509_CRL_free(crl);
}

static void name_issuer(X509_CRL *crl, int entry, const char *cn, int type)
{
    GENERAL_NAMES *names = GENERAL_NAMES_new();
    GENERAL_NAME *name = GENERAL_NAME_new();
    if (type == GEN_DIRNAME) {
        X509_NAME *directory = X509_NAME_new();
        assert_int_equal(X509_NAME_add_entry_by_txt(directory, "CN", MBSTRING_UTF8, (const uint8_t *)cn, -1, -1, 0), 1);
        GENERAL_NAME_set0_value(name, GEN_DIRNAME, directory);
    } else {
        ASN1_IA5STRING *text = ASN1_IA5STRING_new();
        assert_int_equal(ASN1_STRING_set(text, cn, -1), 1);
        GENERAL_NAME_set0_value(name, GEN_DNS, text);
    }
    assert_true(sk_GENERAL_NAME_push(names, name) > 0);
    X509_REVOKED *revoked = sk_X509_REVOKED_value(X509_CRL_get_REVOKED(crl), entry);
    assert_int_equal(X509_REVOKED_add1_ext_i2d(revoked, NID_certificate_issuer, names, 1, 0), 1);
    GENERAL_NAMES_free(names);
}

/* certificateIssuer holds for the entries behind it (§5.3.3): whose certificate is each entry about? */
static void issuers(void **state)
{
    (void)state;
    static const char *const named[] = {NULL, "A", NULL, "B", "A", NULL};
    static const size_t numbers[] = {0, 1, 1, 2, 1, 1};
    X509_CRL *crl = new_crl();
    struct sg_crl_index *made = NULL;
    for (int i = 0; i < 6; i++) {
        char hex[8];
        (void)snprintf(hex, sizeof hex, "%02X", 0x10 + i);
        list_one(crl, &(struct listed){hex, PKI_NOW, -1});
        if (named[i])
            name_issuer(crl, i, named[i], GEN_DIRNAME);
    }
    struct sg_slice der = encode(crl);
    assert_int_equal(make(der, &made), SG_OK);
    struct sg_crl_index *opened = through_file(made);
    assert_int_equal(sg_crl_index_issuer_count(opened), 3);
    assert_int_equal(sg_crl_index_odd(opened), SG_CRL_ODD_OTHER_ISSUER);
    for (int i = 0; i < 6; i++) {
        char hex[8];
        (void)snprintf(hex, sizeof hex, "%02X", 0x10 + i);
        for (size_t number = 0; number < 3; number++)
            assert_int_equal(find(opened, hex, number).found, number == numbers[i]);
    }
    sg_crl_index_free(opened);
    sg_crl_index_free(made);
    OPENSSL_free((void *)der.data);

    name_issuer(crl, 0, "a.example", GEN_DNS);
    der = encode(crl);
    made = NULL;
    assert_int_equal(make(der, &made), SG_OK);
    assert_int_equal(sg_crl_index_odd(made), SG_CRL_ODD_OTHER_ISSUER | SG_CRL_ODD_UNREADABLE_ISSUER);
    sg_crl_index_free(made);
    OPENSSL_free((void *)der.data);
    X509_CRL_free(crl);
}

/* Cut short anywhere, one octet more, each octet changed: refused, or read as another CRL. Never as the same one. */
static void damaged(void **state)
{
    (void)state;
    static const struct listed entries[] = {{"11", PKI_NOW, CRL_REASON_SUPERSEDED}, {"1234567890", PKI_NOW, -1}};
    struct sg_slice der = list(entries, 2);
    struct sg_crl_index *right = NULL;
    uint8_t *copy = malloc(der.len + 1);
    assert_int_equal(make(der, &right), SG_OK);
    memcpy(copy, der.data, der.len);
    copy[der.len] = 0;
    for (size_t len = 0; len <= der.len + 1; len++) {
        struct sg_crl_index *index = NULL;
        if (len != der.len)
            assert_int_equal(make((struct sg_slice){copy, len}, &index), SG_E_MALFORMED);
    }
    for (size_t at = 0; at < der.len; at++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            struct sg_crl_index *index = NULL;
            copy[at] ^= (uint8_t)(1U << bit);
            enum sg_rc rc = make((struct sg_slice){copy, der.len}, &index);
            assert_true(rc == SG_OK || rc == SG_E_MALFORMED || rc == SG_E_LIMIT);
            if (rc == SG_OK)
                assert_memory_not_equal(sg_crl_index_head(index)->sha256, sg_crl_index_head(right)->sha256, 32);
            sg_crl_index_free(index);
            copy[at] ^= (uint8_t)(1U << bit);
        }
    }
    sg_crl_index_free(right);
    free(copy);
    OPENSSL_free((void *)der.data);
}

/* A million extensions, of one entry or of the CRL, and a CRL of 500 MB without end: refused, with bounded memory. */
static void oversized(void **state)
{
    (void)state;
    const struct listed one = {"11", PKI_NOW, -1};
    for (int of_entry = 0; of_entry < 2; of_entry++) {
        X509_CRL *crl = new_crl();
        list_one(crl, &one);
        ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
        X509_EXTENSION *extension = X509_EXTENSION_create_by_NID(NULL, NID_netscape_comment, 0, value);
        X509_REVOKED *entry = sk_X509_REVOKED_value(X509_CRL_get_REVOKED(crl), 0);
        for (int i = 0; i < 1000000; i++)
            assert_int_equal(
                of_entry ? X509_REVOKED_add_ext(entry, extension, -1) : X509_CRL_add_ext(crl, extension, -1), 1);
        struct sg_slice der = encode(crl);
        struct sg_crl_index *index = NULL;
        assert_int_equal(make(der, &index), SG_E_LIMIT);
        OPENSSL_free((void *)der.data);
        X509_EXTENSION_free(extension);
        ASN1_OCTET_STRING_free(value);
        X509_CRL_free(crl);
    }

    static const uint8_t start[] = {0x30, 0x84, 0x1d, 0xcd, 0x65, 0x00, 0x30, 0x84, 0x1d, 0xcd, 0x64, 0xfa};
    char path[] = "/tmp/signet-large.XXXXXX";
    struct sg_input *input = NULL;
    struct sg_crl_index *index = NULL;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, start, sizeof start), sizeof start);
    assert_int_equal(ftruncate(fd, 500000006), 0);
    assert_int_equal(sg_input_open(path, &input, NULL), SG_OK);
    assert_int_equal(sg_crl_index_make(&(struct sg_crl_place){input, 0, 500000006}, libctx, &index, NULL),
                     SG_E_MALFORMED);
    assert_int_equal(sg_crl_index_make(&(struct sg_crl_place){input, 0, SG_MAX_CRL_FILE + 1}, libctx, &index, NULL),
                     SG_E_LIMIT);
    sg_input_free(input);
    (void)close(fd);
    (void)unlink(path);
}

static struct sg_slice pem_of(const char *label, struct sg_slice der, const char *before, const char *behind)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *data = NULL;
    (void)BIO_puts(bio, before);
    assert_true(PEM_write_bio(bio, label, "", der.data, (long)der.len) > 0);
    (void)BIO_puts(bio, behind);
    long len = BIO_get_mem_data(bio, &data);
    uint8_t *copy = malloc((size_t)len);
    memcpy(copy, data, (size_t)len);
    BIO_free(bio);
    return (struct sg_slice){copy, (size_t)len};
}

/* The CRLs of a file, in DER or PEM. */
static void files(void **state)
{
    (void)state;
    const struct listed one = {"11", PKI_NOW, -1};
    struct sg_slice der = list(&one, 1);
    struct sg_slice block = pem_of("X509 CRL", der, "a comment\n", "");
    char *twice = malloc(2 * block.len + 1);
    memcpy(twice, block.data, block.len);
    memcpy(twice + block.len, block.data, block.len);
    twice[2 * block.len] = '\0';
    struct sg_slice both = pem_of("CERTIFICATE", der, twice, "");
    struct sg_slice cert = pem_of("CERTIFICATE", der, "", "");
    const struct {
        struct sg_slice bytes;
        size_t count; /* 0: refused */
    } cases[] = {
        {der, 1},      {block, 1}, {both, 2}, {cert, 0}, {{der.data, der.len - 1}, 0}, {{block.data, block.len - 3}, 0},
        {{NULL, 0}, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sg_input *input = NULL;
        struct sg_crl_file *file = NULL;
        assert_int_equal(sg_input_from_slice("test", cases[i].bytes, &input, NULL), SG_OK);
        enum sg_rc rc = sg_crl_file_open(input, &file, NULL);
        assert_int_equal(rc, cases[i].count > 0 ? SG_OK : SG_E_MALFORMED);
        assert_int_equal(file ? sg_crl_file_count(file) : 0, cases[i].count);
        for (size_t k = 0; k < cases[i].count; k++) {
            const struct sg_crl_place place = sg_crl_file_place(file, k);
            struct sg_crl_index *index = NULL;
            assert_int_equal(sg_crl_index_make(&place, libctx, &index, NULL), SG_OK);
            assert_true(find(index, "11", 0).found);
            sg_crl_index_free(index);
        }
        sg_crl_file_free(file);
        sg_input_free(input);
    }
    free((void *)block.data);
    free((void *)both.data);
    free((void *)cert.data);
    free(twice);
    OPENSSL_free((void *)der.data);
}

static int set_up(void **state)
{
    (void)state;
    if (sg_libctx_new(&libctx, NULL) != SG_OK)
        return -1;
    issuer = pki_issue(libctx, NULL, &(struct pki_cert){.name = "CA", .ca = true});
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    pki_free(&issuer);
    OSSL_LIB_CTX_free(libctx);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(head),    cmocka_unit_test(serials), cmocka_unit_test(many),      cmocka_unit_test(worst),
        cmocka_unit_test(issuers), cmocka_unit_test(damaged), cmocka_unit_test(oversized), cmocka_unit_test(files),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
