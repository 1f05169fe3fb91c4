/* The store when calls fail: its own files, SQLite's, memory. Does each failure give an error, or does what was asked
 * for happen all the same; is the store afterwards whole, with all of the operation or nothing of it; and does the
 * snapshot say what the store says once it is opened again? Under ASan also: no leak. */
#include "../unit/store/fixture.h"

#include <dirent.h>
#include <errno.h>

#include "faults.h"
#include "faults_sqlite.h"
#include "store/blobs.h"
#include "store/db.h"
#include "store/outbox.h"

/* Made once: what fails is the store, not the making of these. */
struct material {
    struct fixture *base; /* its library context and clock */
    X509 *cert;
    struct kept_crl crl;
};

/* What is there afterwards. */
struct outcome {
    size_t entries, documents, anchors, crls, queued;
};

typedef enum sg_rc (*work_function)(struct sg_store *store, const struct material *material, struct sg_err *err);

static enum sg_rc with_store(struct fixture *f, const struct material *material, work_function work, struct sg_err *err)
{
    _cleanup_(sg_store_freep) struct sg_store *store = NULL;

    enum sg_rc rc = sg_store_open(f->folder, f->libctx, &f->clock, &store, err);
    return rc == SG_OK ? work(store, material, err) : rc;
}

static enum sg_rc only_open(struct sg_store *store, const struct material *material, struct sg_err *err)
{
    (void)store, (void)material, (void)err;
    return SG_OK;
}

static enum sg_rc add_documents(struct sg_store *store, const struct material *material, struct sg_err *err)
{
    const struct sg_document document = document_named("/tmp/\xff"), other = document_named("/b");

    (void)material;
    enum sg_rc rc = sg_store_begin(store, err);
    if (rc == SG_OK)
        rc = sg_store_document_add(store, &document, err);
    if (rc == SG_OK)
        rc = sg_store_document_add(store, &other, err);
    return rc == SG_OK ? sg_store_commit(store, err) : rc;
}

/* As sign does it, and then as whoever comes after a sign that was killed before the file had its name. */
static enum sg_rc queue(struct sg_store *store, const struct material *material, struct sg_err *err)
{
    const struct fixture *f = material->base;
    char sha256[SG_SHA256_HEX] = "", output[96];
    const char *const target = "archive";
    const struct sg_version version = {.level = SG_LEVEL_B_B, .sha256 = sha256, .size = 3};
    const struct sg_outbox_request request = {
        .versions = &version, .version_count = 1, .timestamp = true, .targets = &target, .target_count = 1};
    struct sg_document document = document_named("/tmp/\xff");
    _cleanup_(closep) int shared = -1;
    int64_t number = 0;

    (void)snprintf(output, sizeof(output), "%s/output", store->folder);
    document.output = output;
    document.result_sha256 = sha256;
    enum sg_rc rc = sg_outbox_share(store, &shared, err);
    if (rc == SG_OK)
        rc = sg_blob_write(store->folder, f->libctx, (struct sg_slice){(const uint8_t *)"abc", 3}, sha256, err);
    if (rc == SG_OK)
        rc = sg_store_begin(store, err);
    if (rc == SG_OK)
        rc = sg_store_document_add(store, &document, err);
    if (rc == SG_OK)
        rc = sg_outbox_add(store, &request, &number, err);
    if (rc == SG_OK)
        rc = sg_store_commit(store, err);
    return rc == SG_OK ? sg_outbox_place(store, NULL, NULL, err) : rc;
}

static enum sg_rc change_trust(struct sg_store *store, const struct material *material, struct sg_err *err)
{
    enum sg_rc rc = sg_store_begin(store, err);

    if (rc == SG_OK)
        rc = sg_store_anchor_add(store, material->cert, SG_PURPOSES_ALL, "", "file", err);
    if (rc == SG_OK)
        rc = sg_store_crl_add(store, &material->crl.checked, err);
    if (rc == SG_OK)
        rc = sg_store_commit(store, err);
    return rc == SG_OK ? sg_store_publish(store, err) : rc;
}

static enum sg_rc read_trust(struct fixture *f, struct sg_err *err)
{
    _cleanup_(sg_snapshot_freep) struct sg_snapshot *snapshot = NULL;
    _cleanup_(sg_buf_clear) struct sg_buf out = SG_BUF(100000);

    enum sg_rc rc = sg_snapshot_open(f->folder, f->libctx, &snapshot, err);
    return rc == SG_OK && sg_snapshot_crl_count(snapshot) > 0 ? read_crl(snapshot, 0, &out, err) : rc;
}

/* --- afterwards --------------------------------------------------------------------------------------------------- */

static void assert_no_leftovers(struct fixture *f)
{
    static const char *const FOLDERS[] = {"", "/trust", "/trust/crl", "/blobs"};
    const struct dirent *item;
    char path[96];

    for (size_t i = 0; i < sizeof(FOLDERS) / sizeof(FOLDERS[0]); i++) {
        (void)snprintf(path, sizeof(path), "%s%s", f->folder, FOLDERS[i]);
        DIR *folder = opendir(path);
        while (folder && (item = readdir(folder)))
            if (item->d_name[0] == '.' && strcmp(item->d_name, ".") != 0 && strcmp(item->d_name, "..") != 0)
                fail_msg("%s/%s was left behind", path, item->d_name);
        if (folder)
            (void)closedir(folder);
    }
}

/* What is queued has its place once the next program has looked after it, and what is not has none. */
static void look_for_output(struct fixture *f, struct sg_store *store, bool wanted)
{
    char path[96], text[8] = "";

    (void)snprintf(path, sizeof(path), "%s/output", f->folder);
    if (!wanted && access(path, F_OK) == 0)
        fail_msg("%s is there, and nothing is queued", path);
    if (!wanted)
        return;
    assert_done(sg_outbox_place(store, NULL, NULL, &err));
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fread(text, 1, sizeof(text), file), 3);
    assert_int_equal(fclose(file), 0);
    assert_string_equal(text, "abc");
    assert_int_equal(ask(f, "SELECT count(*) FROM outbox WHERE placed = 1 AND output_state = 0"), 1);
}

/* Opens the store as the next program would, checks that all of it fits together, and counts. */
static struct outcome look(struct fixture *f)
{
    int64_t count = 0, bad = -1;

    assert_no_leftovers(f);
    _cleanup_(sg_store_freep) struct sg_store *store = open_store(f);
    check_ledger(store, &count, &bad);
    assert_int_equal(bad, 0);
    assert_int_equal(ask(f, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'"), 0);
    assert_int_equal(ask(f, "SELECT count(*) FROM pragma_foreign_key_check"), 0);
    struct outcome outcome = {
        .entries = (size_t)count,
        .documents = (size_t)ask(f, "SELECT count(*) FROM document"),
        .anchors = (size_t)ask(f, "SELECT count(*) FROM anchor"),
        .crls = (size_t)ask(f, "SELECT count(*) FROM crl"),
        .queued =
            (size_t)ask(f, "SELECT count(*) FROM outbox JOIN version USING (document) JOIN step USING (document)"),
    };
    look_for_output(f, store, outcome.queued > 0);
    _cleanup_(sg_snapshot_freep) struct sg_snapshot *snapshot = open_snapshot(f);
    assert_int_equal(sg_snapshot_anchor_count(snapshot), outcome.anchors);
    assert_int_equal(sg_snapshot_crl_count(snapshot), outcome.crls);
    for (size_t i = 0; i < outcome.crls; i++) {
        _cleanup_(sg_buf_clear) struct sg_buf out = SG_BUF(100000);
        assert_done(read_crl(snapshot, i, &out, &err));
    }
    return outcome;
}

static bool same(struct outcome a, struct outcome b)
{
    return a.entries == b.entries && a.documents == b.documents && a.anchors == b.anchors && a.crls == b.crls &&
           a.queued == b.queued;
}

/* --- each call in turn -------------------------------------------------------------------------------------------- */

static const struct {
    struct fault fault;
    unsigned step; /* SQLite allocates so often that only some of these are made to fail */
} FAULTS[] = {
    {{.calls = FAULT_FILES | FAULT_SQLITE, .errnum = EIO}, 1},
    {{.calls = FAULT_FILES | FAULT_SQLITE, .errnum = ENOSPC, .lasting = true}, 1},
    {{.calls = FAULT_ALLOC, .errnum = ENOMEM}, 1},
    {{.calls = FAULT_SQLITE_ALLOC, .errnum = ENOMEM}, 19},
    {{.calls = FAULT_ALLOC | FAULT_SQLITE_ALLOC, .errnum = ENOMEM, .lasting = true}, 23},
};

/* One run with one fault. Whether it was met. */
static bool run(struct fault fault, work_function work, const struct material *material, bool made_before,
                struct outcome after)
{
    struct fixture f = *material->base;
    struct sg_err err = {0};

    fixture_folder(&f, access("/dev/shm", W_OK) == 0 ? "/dev/shm"
                                                     : "/tmp"); /* hundreds of runs, and no fsync to wait for */
    if (made_before)
        sg_store_free(open_store(&f));
    faults_arm(fault);
    enum sg_rc rc = with_store(&f, material, work, &err);
    bool hit = faults_disarm();
    if (!hit && rc != SG_OK)
        fail_msg("without a fault: %s (%s)", err.text, err.cause);
    if (rc != SG_OK && (err.rc != rc || err.text[0] == '\0'))
        fail_msg("call %u failed, and there is no text for %s", fault.nth, sg_rc_word(rc));
    struct outcome outcome = look(&f);
    if (!same(outcome, after) && (rc == SG_OK || !same(outcome, (struct outcome){0})))
        fail_msg("call %u failed, the answer was %s, and there are %zu entries, %zu documents, %zu anchors, %zu CRLs",
                 fault.nth, sg_rc_word(rc), outcome.entries, outcome.documents, outcome.anchors, outcome.crls);
    fixture_remove_folder(&f);
    return hit;
}

static void in_turn(void **state, work_function work, bool made_before, struct outcome after)
{
    const struct material *material = *state;

    for (size_t i = 0; i < sizeof(FAULTS) / sizeof(FAULTS[0]); i++) {
        struct fault fault = FAULTS[i].fault;

        fault.nth = 1;
        while (run(fault, work, material, made_before, after))
            fault.nth += FAULTS[i].step;
        assert_true(fault.nth > 1);
    }
}

static int material_setup(void **state)
{
    struct material *material = calloc(1, sizeof(*material));
    void *base = NULL;

    assert_non_null(material);
    (void)fixture_setup(&base);
    material->base = base;
    material->cert = make_cert(base, "Root");
    _cleanup_(X509_CRL_freep) X509_CRL *crl =
        make_crl(base, (struct crl_parts){.issuer = "CA", .this_update = 1700000000});
    kept_crl_make(crl, &material->crl);
    *state = material;
    return 0;
}

static int material_teardown(void **state)
{
    struct material *material = *state;
    void *base = material->base;

    X509_free(material->cert);
    kept_crl_clear(&material->crl);
    free(material);
    return fixture_teardown(&base);
}

/* Making the store. */
static void test_made(void **state)
{
    in_turn(state, only_open, false, (struct outcome){0});
}

/* Opening one that is there. */
static void test_opened(void **state)
{
    in_turn(state, only_open, true, (struct outcome){0});
}

/* A group of documents. */
static void test_documents(void **state)
{
    in_turn(state, add_documents, true, (struct outcome){.entries = 2, .documents = 2});
}

/* A document, its copy, its place. */
static void test_queue(void **state)
{
    in_turn(state, queue, true, (struct outcome){.entries = 1, .documents = 1, .queued = 2});
}

/* An anchor, a CRL, their publication. */
static void test_trust(void **state)
{
    in_turn(state, change_trust, true, (struct outcome){.entries = 2, .anchors = 1, .crls = 1});
}

/* Reading the snapshot: never fewer anchors than there are without an error. */
static void test_read(void **state)
{
    struct fixture *f = *state;
    _cleanup_(X509_freep) X509 *cert = make_cert(f, "Root");
    _cleanup_(X509_CRL_freep) X509_CRL *crl = make_crl(f, (struct crl_parts){.issuer = "CA"});
    struct material material = {.base = f, .cert = cert};
    struct fault fault = {.calls = FAULT_FILES | FAULT_ALLOC, .errnum = EIO};
    bool hit = true;

    kept_crl_make(crl, &material.crl);
    assert_done(with_store(f, &material, change_trust, &err));
    kept_crl_clear(&material.crl);
    while (hit) {
        fault.nth++;
        faults_arm(fault);
        enum sg_rc rc = read_trust(f, NULL);
        hit = faults_disarm();
        assert_int_equal(rc == SG_OK, !hit);
    }
    assert_true(fault.nth > 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_made, material_setup, material_teardown),
        cmocka_unit_test_setup_teardown(test_opened, material_setup, material_teardown),
        cmocka_unit_test_setup_teardown(test_documents, material_setup, material_teardown),
        cmocka_unit_test_setup_teardown(test_queue, material_setup, material_teardown),
        cmocka_unit_test_setup_teardown(test_trust, material_setup, material_teardown),
        fixture_test(test_read),
    };

    faults_sqlite_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
