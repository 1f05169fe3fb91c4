/* The index of a CRL, damaged at random: does it ever make a revoked certificate a good one? */
#include "formats/crl_index.h"
#include "snapshot_of_test.h"
#include "verify/known_crl.h"

enum { TRIALS = 10000, PAGE = 4096, ENTRIES = 400 };

/* A random number below `limit`, always the same ones. */
static size_t chance(size_t limit)
{
    static uint64_t state = 88172645463325252;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (size_t)(state % limit);
}

/* The issuing CA's CRL, with the signer's certificate somewhere among many. */
static void revoke_among_many(struct world *world)
{
    const struct pki_revoked revoked = {world->signer.cert, PKI_NOW - 2 * PKI_DAY, CRL_REASON_KEY_COMPROMISE};
    X509_CRL *crl = pki_crl(world->libctx, &world->ca, &(struct pki_crl){.revoked = {revoked}});
    for (int i = 0; i < ENTRIES; i++) {
        X509_REVOKED *entry = X509_REVOKED_new();
        ASN1_TIME *when = ASN1_TIME_set(NULL, PKI_NOW - PKI_DAY);
        ASN1_INTEGER *serial = ASN1_INTEGER_new();
        assert_int_equal(ASN1_INTEGER_set(serial, 1000 + 7 * i), 1);
        assert_int_equal(X509_REVOKED_set_serialNumber(entry, serial), 1);
        assert_int_equal(X509_REVOKED_set_revocationDate(entry, when), 1);
        assert_int_equal(X509_CRL_add0_revoked(crl, entry), 1);
        ASN1_INTEGER_free(serial);
        ASN1_TIME_free(when);
    }
    assert_true(X509_CRL_sign(crl, world->ca.key, EVP_sha256()) > 0);
    (void)sk_X509_CRL_delete(world->crls, 1);
    X509_CRL_free(world->ca_crl);
    world->ca_crl = crl;
}

/* The file of a CRL's index, as the store would write it. */
static void index_of(const struct world *world, X509_CRL *crl, struct sg_buf *out)
{
    struct sg_crl_index *index = NULL;
    uint8_t *der = NULL;
    const struct sg_crl_place place = pki_crl_place(crl, &der);
    assert_int_equal(sg_crl_index_make(&place, world->libctx, &index, NULL), SG_OK);
    const struct sg_crl_index_bytes bytes = sg_crl_index_bytes(index);
    assert_int_equal(sg_buf_append(out, bytes.header.data, bytes.header.len, NULL), SG_OK);
    assert_int_equal(sg_buf_append(out, bytes.pages.data, bytes.pages.len, NULL), SG_OK);
    sg_crl_index_free(index);
    sg_input_free(place.input);
    OPENSSL_free(der);
}

/* Without waiting for the disk, which 10,000 files would take long for: as a new file, since file systems bring a file
 * to disk that is written over. */
static void write_index(const struct sg_snapshot *snapshot, struct sg_slice bytes)
{
    char *path = NULL;
    (void)path_of(snapshot, 1, "index", &path);
    (void)unlink(path);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes.data, 1, bytes.len, file), bytes.len);
    assert_int_equal(fclose(file), 0);
    free(path);
}

static void swap_pages(uint8_t *a, uint8_t *b)
{
    uint8_t page[PAGE];
    memcpy(page, a, PAGE);
    memcpy(a, b, PAGE);
    memcpy(b, page, PAGE);
}

/* One kind of damage to `file`, of which a part behind `file->len` can be used as well. */
static void damage(struct sg_buf *file, struct sg_slice other)
{
    size_t pages = file->len / PAGE;
    uint8_t *a = file->data + chance(pages) * PAGE, *b = file->data + chance(pages) * PAGE;
    switch (chance(8)) {
    case 0: /* a page in the place of another */
        memmove(a, b, PAGE);
        break;
    case 1:
        swap_pages(a, b);
        break;
    case 2: /* never written */
        memset(a, 0, PAGE);
        break;
    case 3:
        file->len = chance(file->len);
        break;
    case 4: /* a page of another CRL's index */
        memcpy(a, other.data + chance(other.len / PAGE) * PAGE, PAGE);
        break;
    case 5: /* two records exchanged, or one over another */
        memmove(a + chance(PAGE / 32) * 32, b + chance(PAGE / 32) * 32, 32);
        break;
    default: /* octets */
        for (size_t i = chance(4) + 1; i > 0; i--)
            file->data[chance(file->len)] ^= (uint8_t)(1U << chance(8));
    }
}

static void judge_revoked(const struct world *world, int trial)
{
    struct sg_verifier *verifier = NULL;
    struct sg_report *report = NULL;
    assert_int_equal(world_verifier(world, &verifier), SG_OK);
    assert_int_equal(sg_cert_check(verifier, "signer", world->signer.cert, SG_CERT_ANY, &report, NULL), SG_OK);
    const struct sg_verdict *verdict = &report->verdicts[0];
    if (verdict->sub_indication != SG_SUB_REVOKED_NO_POE)
        fail_msg("trial %d: %s", trial, sg_indication_text(verdict->indication));
    for (size_t i = 0; i < verdict->revocation_count; i++)
        if (strcmp(verdict->revocation[i].status, "revoked") == 0) {
            assert_int_equal(verdict->revocation[i].revoked_at, PKI_NOW - 2 * PKI_DAY);
            assert_string_equal(verdict->revocation[i].reason, "keyCompromise");
        }
    sg_report_free(report);
    sg_verifier_free(verifier);
}

/* The look-up alone, which takes a fraction of the time. */
static void find_revoked(const struct world *world, const struct sg_snapshot *snapshot, int trial)
{
    char *index_path = NULL, *der_path = NULL;
    struct sg_known_crl *known = NULL;
    struct sg_crl_hit hit = {0};
    bool rebuilt = false;
    (void)path_of(snapshot, 1, "index", &index_path);
    (void)path_of(snapshot, 1, "crl", &der_path);
    assert_int_equal(sg_known_crl_open(index_path, der_path, snapshot->crls[1].sha256, world->libctx, &known, NULL),
                     SG_OK);
    assert_int_equal(sg_known_crl_look_up(known, world->libctx, world->signer.cert, &hit, &rebuilt, NULL), SG_OK);
    if (!hit.found || hit.revoked_at != PKI_NOW - 2 * PKI_DAY || hit.reason != CRL_REASON_KEY_COMPROMISE)
        fail_msg("trial %d", trial);
    sg_known_crl_free(known);
    free(index_path);
    free(der_path);
}

/* Whatever the index is like, the answer is the CRL's own. */
static void damaged_at_random(void **state)
{
    struct world *world = *state;
    struct sg_snapshot snapshot;
    _cleanup_(sg_buf_clear) struct sg_buf right = SG_BUF(SG_MIB), other = SG_BUF(SG_MIB), file = SG_BUF(SG_MIB);
    index_of(world, world->ca_crl, &other);
    revoke_among_many(world);
    index_of(world, world->ca_crl, &right);
    snapshot_make(world, &snapshot);
    assert_true(sk_X509_push(world->intermediates, world->ca.cert) > 0);
    write_index(&snapshot, sg_buf_slice(&right));
    judge_revoked(world, -1);
    for (int trial = 0; trial < TRIALS; trial++) {
        file.len = 0;
        assert_int_equal(sg_buf_append(&file, right.data, right.len, NULL), SG_OK);
        damage(&file, sg_buf_slice(&other));
        write_index(&snapshot, sg_buf_slice(&file));
        find_revoked(world, &snapshot, trial);
        if (trial % 10 == 0)
            judge_revoked(world, trial);
    }
    remove_index(&snapshot, 1);
    judge_revoked(world, TRIALS);
    snapshot_clear(&snapshot);
}

/* Is the damage said, the index made anew with the same octets, and is one that is right left alone? */
static void noticed(void **state)
{
    struct world *world = *state;
    struct sg_snapshot snapshot;
    struct sg_checked_crl made = {0};
    _cleanup_(sg_buf_clear) struct sg_buf right = SG_BUF(SG_MIB), file = SG_BUF(SG_MIB);
    revoke_among_many(world);
    index_of(world, world->ca_crl, &right);
    snapshot_make(world, &snapshot);
    assert_true(sk_X509_push(world->intermediates, world->ca.cert) > 0);
    write_index(&snapshot, sg_buf_slice(&right));
    assert_int_equal(sg_crl_reindex(&snapshot, 1, world->libctx, &made, NULL), SG_OK);
    assert_null(made.owner);
    for (size_t at = 0; at < right.len; at += 509) {
        if (at < PAGE && right.data[at] == 0) /* what fills up the header's page */
            continue;
        file.len = 0;
        assert_int_equal(sg_buf_append(&file, right.data, right.len, NULL), SG_OK);
        file.data[at] ^= 0x10;
        write_index(&snapshot, sg_buf_slice(&file));
        assert_int_equal(sg_crl_reindex(&snapshot, 1, world->libctx, &made, NULL), SG_OK);
        if (!made.owner)
            fail_msg("octet %zu", at);
        assert_true(sg_slice_equal(made.index[0], (struct sg_slice){right.data, made.index[0].len}));
        assert_true(
            sg_slice_equal(made.index[1], (struct sg_slice){right.data + made.index[0].len, made.index[1].len}));
        sg_checked_crl_clear(&made);
    }
    judge(world, ORDINARY, CONTENT, SG_INDETERMINATE, SG_SUB_REVOKED_NO_POE, "crl-index-rebuilt", true);
    remove_index(&snapshot, 1);
    snapshot_clear(&snapshot);
}

int main(void)
{
    const struct CMUnitTest tests[] = {WORLD_TEST(damaged_at_random), WORLD_TEST(noticed)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
