/* The snapshot's reader: is damage anywhere noticed, and does it work where nothing can be written? */
#include "fixture.h"

#include <unistd.h>

#include "base/outfile.h"
#include "store/snapshot_format.h"

static void snapshot_path(struct fixture *f, char path[96])
{
    (void)snprintf(path, 96, "%s/trust/snapshot", f->folder);
}

static void publish_some(struct fixture *f)
{
    _cleanup_(sg_store_freep) struct sg_store *store = open_store(f);
    _cleanup_(X509_freep) X509 *cert = make_cert(f, "Root");
    _cleanup_(X509_CRL_freep) X509_CRL *crl = make_crl(f, (struct crl_parts){.issuer = "CA", .this_update = f->now});

    assert_done(sg_store_anchor_add(store, cert, SG_PURPOSES_ALL, "", "file", &err));
    assert_done(put_crl(store, crl, &err));
    assert_done(sg_store_publish(store, &err));
}

static void read_all(const char *path, struct sg_buf *out)
{
    uint8_t bytes[65536];
    FILE *file = fopen(path, "rb");

    assert_non_null(file);
    size_t len = fread(bytes, 1, sizeof(bytes), file);
    assert_int_equal(fclose(file), 0);
    assert_true(len > 0 && len < sizeof(bytes));
    assert_done(sg_buf_append(out, bytes, len, &err));
}

static void replace(const char *path, const void *bytes, size_t len)
{
    FILE *file = fopen(path, "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

static void assert_damaged(struct fixture *f)
{
    struct sg_snapshot *snapshot = NULL;

    assert_rc(sg_snapshot_open(f->folder, f->libctx, &snapshot, &err), SG_E_STORE_DAMAGED);
    assert_null(snapshot);
}

/* Is every single changed byte, every shorter file and anything behind the end noticed? */
static void test_flips(void **state)
{
    struct fixture *f = *state;
    _cleanup_(sg_buf_clear) struct sg_buf good = SG_BUF(65536);
    char path[96];
    struct sg_err seen = {0};
    struct sg_snapshot *snapshot = NULL;

    publish_some(f);
    snapshot_path(f, path);
    read_all(path, &good);
    for (size_t i = 0; i < good.len; i++) {
        good.data[i] ^= (uint8_t)(1 << (i % 8));
        replace(path, good.data, good.len);
        assert_damaged(f);
        good.data[i] ^= (uint8_t)(1 << (i % 8));
    }
    for (size_t i = 0; i < good.len; i++) {
        replace(path, good.data, i);
        assert_damaged(f);
    }
    assert_done(sg_buf_append(&good, "", 1, &err));
    replace(path, good.data, good.len);
    assert_damaged(f);
    assert_int_equal(sg_snapshot_open(f->folder, f->libctx, &snapshot, &seen), SG_E_STORE_DAMAGED);
    assert_string_equal(seen.file, path);

    replace(path, good.data, good.len - 1);
    sg_snapshot_free(open_snapshot(f));
}

/* Values that no writer of ours makes, under a digest that fits: is each refused? The first row is the twin that is
 * not. */
static void test_values(void **state)
{
    struct fixture *f = *state;
    static const uint8_t CERT[] = {0x30, 0x00};
    static const struct {
        int64_t version, purposes;
        const char *source;
        size_t source_len, cert_len, issuer_len, sha256_len;
        bool good;
    } CASES[] = {
        {2, 3, "file", 4, 2, 2, 32, true},   {4, 3, "file", 4, 2, 2, 32, false},
        {0, 3, "file", 4, 2, 2, 32, false},  {2, 0, "file", 4, 2, 2, 32, false},
        {2, 4, "file", 4, 2, 2, 32, false},  {2, -1, "file", 4, 2, 2, 32, false},
        {2, 3, "fi\0e", 4, 2, 2, 32, false}, {2, 3, "fi\xffl", 4, 2, 2, 32, false},
        {2, 3, "", 0, 2, 2, 32, true},       {2, 3, "file", 4, 0, 2, 32, false},
        {2, 3, "file", 4, 2, 0, 32, false},  {2, 3, "file", 4, 2, 2, 31, false},
        {2, 3, "file", 4, 2, 2, 33, false},  {2, (int64_t)1 << 32 | 2, "file", 4, 2, 2, 32, false},
    };

    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        _cleanup_(sg_snapshot_der_freep) SG_SNAPSHOT_DER *made = sg_snapshot_der_new();
        _cleanup_(sg_snapshot_der_freep) SG_SNAPSHOT_DER *read = NULL;
        _cleanup_(sg_buf_clear) struct sg_buf bytes = SG_BUF(4096);
        static const uint8_t LONG[64] = {0};

        assert_true(sg_snapshot_der_add_anchor(
            made, &(struct sg_snapshot_anchor){.certificate = {CERT, CASES[i].cert_len}, .purposes = 1, .source = ""}));
        assert_true(sg_snapshot_der_add_crl(made, &(struct sg_snapshot_crl){.issuer = {CERT, CASES[i].issuer_len}}));
        made->version = CASES[i].version;
        SG_ANCHOR_DER *anchor = sk_SG_ANCHOR_DER_value(made->anchors, 0);
        anchor->purposes = CASES[i].purposes;
        assert_int_equal(ASN1_STRING_set(anchor->source, CASES[i].source, (int)CASES[i].source_len), 1);
        assert_int_equal(ASN1_STRING_set(sk_SG_CRL_DER_value(made->crls, 0)->sha256, LONG, (int)CASES[i].sha256_len),
                         1);
        assert_done(sg_snapshot_encode(made, f->libctx, &bytes, &err));
        enum sg_rc rc = sg_snapshot_decode(sg_buf_slice(&bytes), f->libctx, &read, NULL);
        if (rc != (CASES[i].good ? SG_OK : SG_E_STORE_DAMAGED))
            fail_msg("case %zu: %s", i, sg_rc_word(rc));
    }
}

/* Is a snapshot of the version before read as what it is, and none that mixes the two? */
static void test_versions(void **state)
{
    struct fixture *f = *state;
    static const struct {
        int64_t version;
        bool ocsps, helpers, good;
    } CASES[] = {
        {1, false, false, true},  {1, true, false, false}, {1, true, true, false},
        {2, false, false, false}, {2, true, false, false}, {2, true, true, true},
        {3, false, false, false}, {3, true, false, false}, {3, true, true, true},
    };

    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        _cleanup_(sg_snapshot_der_freep) SG_SNAPSHOT_DER *made = sg_snapshot_der_new();
        _cleanup_(sg_snapshot_der_freep) SG_SNAPSHOT_DER *read = NULL;
        _cleanup_(sg_buf_clear) struct sg_buf bytes = SG_BUF(4096);

        made->version = CASES[i].version;
        if (!CASES[i].ocsps) {
            sk_SG_OCSP_DER_free(made->ocsps);
            made->ocsps = NULL;
        }
        if (!CASES[i].helpers) {
            sk_ASN1_OCTET_STRING_free(made->helpers);
            made->helpers = NULL;
        }
        assert_done(sg_snapshot_encode(made, f->libctx, &bytes, &err));
        assert_rc(sg_snapshot_decode(sg_buf_slice(&bytes), f->libctx, &read, &err),
                  CASES[i].good ? SG_OK : SG_E_STORE_DAMAGED);
    }
}

/* An anchor's limits: only in the version that has them, and as text. */
static void test_limits(void **state)
{
    struct fixture *f = *state;
    static const uint8_t CERT[] = {0x30, 0x00};
    static const struct {
        int64_t version;
        const char *limits;
        size_t len;
        bool good;
    } CASES[] = {{3, "policy 1.2\n", 11, true},    {2, "policy 1.2\n", 11, false},
                 {1, "policy 1.2\n", 11, false},   {3, "", 0, false},
                 {3, "policy\0 1.2\n", 12, false}, {3, "policy \xff\n", 9, false}};

    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        _cleanup_(sg_snapshot_der_freep) SG_SNAPSHOT_DER *made = sg_snapshot_der_new();
        _cleanup_(sg_snapshot_der_freep) SG_SNAPSHOT_DER *read = NULL;
        _cleanup_(sg_buf_clear) struct sg_buf bytes = SG_BUF(4096);

        assert_true(sg_snapshot_der_add_anchor(
            made,
            &(struct sg_snapshot_anchor){.certificate = {CERT, 2}, .purposes = 1, .source = "", .limits = "a b\n"}));
        made->version = CASES[i].version;
        assert_int_equal(
            ASN1_STRING_set(sk_SG_ANCHOR_DER_value(made->anchors, 0)->limits, CASES[i].limits, (int)CASES[i].len), 1);
        assert_done(sg_snapshot_encode(made, f->libctx, &bytes, &err));
        assert_rc(sg_snapshot_decode(sg_buf_slice(&bytes), f->libctx, &read, &err),
                  CASES[i].good ? SG_OK : SG_E_STORE_DAMAGED);
    }
}

/* What an OCSP response says, and helping certificates: are they there again as they were put in, and nothing empty? */
static void test_ocsps_and_helpers(void **state)
{
    struct fixture *f = *state;
    static const uint8_t ID[] = {0x30, 0x00}, LONG[64] = {0};
    static const struct {
        size_t id_len, sha256_len, helper_len;
        bool good;
    } CASES[] = {{2, 32, 2, true}, {0, 32, 2, false}, {2, 31, 2, false}, {2, 32, 0, false}};

    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        _cleanup_(sg_snapshot_der_freep) SG_SNAPSHOT_DER *made = sg_snapshot_der_new();
        _cleanup_(sg_snapshot_der_freep) SG_SNAPSHOT_DER *read = NULL;
        _cleanup_(sg_buf_clear) struct sg_buf bytes = SG_BUF(4096);

        assert_true(sg_snapshot_der_add_ocsp(
            made, &(struct sg_snapshot_ocsp){.cert_id = {ID, CASES[i].id_len}, .this_update = 7, .next_update = 8}));
        assert_true(sg_snapshot_der_add_helper(made, (struct sg_slice){ID, CASES[i].helper_len}));
        assert_int_equal(ASN1_STRING_set(sk_SG_OCSP_DER_value(made->ocsps, 0)->sha256, LONG, (int)CASES[i].sha256_len),
                         1);
        assert_done(sg_snapshot_encode(made, f->libctx, &bytes, &err));
        assert_rc(sg_snapshot_decode(sg_buf_slice(&bytes), f->libctx, &read, &err),
                  CASES[i].good ? SG_OK : SG_E_STORE_DAMAGED);
        if (!CASES[i].good)
            continue;
        assert_int_equal(sk_SG_OCSP_DER_value(read->ocsps, 0)->this_update, 7);
        assert_int_equal(sk_SG_OCSP_DER_value(read->ocsps, 0)->next_update, 8);
        assert_int_equal(ASN1_STRING_length(sk_ASN1_OCTET_STRING_value(read->helpers, 0)), 2);
    }
}

static int make_read_only(const char *path, const struct stat *info, int type, struct FTW *walk)
{
    (void)info, (void)walk;
    return chmod(path, type == FTW_DP ? 0500 : 0400) | (getuid() == 0 ? chown(path, 65534, 65534) : 0);
}

static void read_without_rights(struct fixture *f, int number)
{
    struct sg_snapshot *snapshot = NULL;
    struct sg_store *store = NULL;
    struct sg_buf out = SG_BUF(65536);

    (void)number;
    if (getuid() == 0 && setresuid(65534, 65534, 65534) != 0)
        _exit(1);
    if (sg_snapshot_open(f->folder, f->libctx, &snapshot, NULL) != SG_OK || sg_snapshot_anchor_count(snapshot) != 1 ||
        read_crl(snapshot, 0, &out, NULL) != SG_OK)
        _exit(2);
    if (sg_store_open(f->folder, f->libctx, &f->clock, &store, NULL) != SG_E_CANNOT_CREATE)
        _exit(3); /* the twin: the folder is read-only indeed */
    sg_snapshot_free(snapshot);
    sg_buf_clear(&out);
}

static int make_writable(const char *path, const struct stat *info, int type, struct FTW *walk)
{
    (void)info, (void)walk;
    return type == FTW_D ? chmod(path, 0700) : 0;
}

/* Does verification's view work when the state folder is read-only, which a read-only open of SQLite's WAL does not? */
static void test_read_only(void **state)
{
    struct fixture *f = *state;

    publish_some(f);
    assert_int_equal(nftw(f->folder, make_read_only, 16, FTW_DEPTH | FTW_PHYS), 0);
    int status = wait_child(start_child(f, read_without_rights, 0));
    assert_int_equal(nftw(f->folder, make_writable, 16, FTW_PHYS), 0);
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(test_flips),
        fixture_test(test_values),
        fixture_test(test_versions),
        fixture_test(test_limits),
        fixture_test(test_ocsps_and_helpers),
        fixture_test(test_read_only),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
