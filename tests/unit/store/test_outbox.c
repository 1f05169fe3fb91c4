/* The outbox: is what a signed document needs kept until it has it, found when it is due, and never more than once? */
#include "fixture.h"

#include "store/outbox.h"

#define CONTENT "c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0"
#define SIGNATURE "5151515151515151515151515151515151515151515151515151515151515151"
#define STAMPED "7575757575757575757575757575757575757575757575757575757575757575"
#define SENT "e4e4e4e4e4e4e4e4e4e4e4e4e4e4e4e4e4e4e4e4e4e4e4e4e4e4e4e4e4e4e4e4"

static const char *const TARGETS[] = {"archive", "mirror"};

static const struct sg_version VERSIONS[] = {
    {.level = SG_LEVEL_CONTENT, .sha256 = CONTENT, .size = 7},
    {.level = SG_LEVEL_B_B, .sha256 = SIGNATURE, .size = 1000},
};

/* A document to be time-stamped and stored at two targets: content and signature each. */
static int64_t queue_as(struct sg_store *store, const char *format, const char *input, const char *output)
{
    const struct sg_outbox_request request = {
        .versions = VERSIONS, .version_count = 2, .timestamp = true, .targets = TARGETS, .target_count = 2};
    struct sg_document document = document_named(input);
    int64_t number = 0;

    document.output = output;
    document.format = format;
    assert_done(sg_store_begin(store, &err));
    assert_done(sg_store_document_add(store, &document, &err));
    assert_done(sg_outbox_add(store, &request, &number, &err));
    assert_done(sg_store_commit(store, &err));
    return number;
}

static int64_t queue(struct sg_store *store, const char *input, const char *output)
{
    return queue_as(store, "CAdES", input, output);
}

static int64_t queue_placed(struct sg_store *store, const char *input, const char *output)
{
    int64_t document = queue(store, input, output);

    assert_done(sg_outbox_placed(store, document, SG_OUTPUT_CURRENT, &err));
    return document;
}

/* --- what the walks show, as a text that can be compared ------------------------------------------------------------
 */

struct text {
    char text[4096];
};

static void add_text(struct text *text, const char *format, ...) SG_PRINTF(2, 3);
static void add_text(struct text *text, const char *format, ...)
{
    size_t len = strlen(text->text);
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(text->text + len, sizeof(text->text) - len, format, arguments);
    va_end(arguments);
}

static enum sg_rc show_step(void *context, const struct sg_step *step, struct sg_err *err)
{
    static const char STATES[] = "wdx";

    (void)err;
    add_text(context, "%c %s %s %s\n", STATES[step->state], step->kind == SG_STEP_UPLOAD ? "upload" : "timestamp",
             step->level, step->target);
    return SG_OK;
}

static enum sg_rc show_document(void *context, const struct sg_outbox_document *document, struct sg_err *err)
{
    (void)err;
    add_text(context, "%lld %s %s %s %d %d closed %d forgotten %d\n", (long long)document->document, document->input,
             document->output, document->level, document->placed, document->output_state, document->closed != 0,
             document->forgotten != 0);
    return SG_OK;
}

static enum sg_rc show_version(void *context, const struct sg_version *version, struct sg_err *err)
{
    (void)err;
    add_text(context, "%s %.4s %lld %s %lld\n", version->level, version->sha256, (long long)version->size, version->tsa,
             (long long)version->time);
    return SG_OK;
}

static enum sg_rc show_receipt(void *context, const struct sg_kept_receipt *kept, struct sg_err *err)
{
    const struct sg_receipt *receipt = &kept->receipt;

    (void)err;
    add_text(context, "%s %s %s %.4s %lld %lld %lld %d %s %s %s %d\n", kept->level, receipt->target, receipt->url,
             receipt->sha256, (long long)receipt->size, (long long)receipt->stored, (long long)receipt->compared,
             receipt->status, receipt->etag, receipt->version_id, receipt->server_date, receipt->was_there);
    return SG_OK;
}

static void assert_steps(struct sg_store *store, int64_t document, const char *expected)
{
    struct text text = {""};

    assert_done(sg_steps_of(store, document, show_step, &text, &err));
    assert_string_equal(text.text, expected);
}

static void assert_due(struct fixture *f, struct sg_store *store, const char *target, size_t limit,
                       const char *expected)
{
    struct text text = {""};

    assert_done(sg_steps_due(store, target, f->now, false, limit, show_step, &text, &err));
    assert_string_equal(text.text, expected);
}

static void assert_found(struct sg_store *store, const char *name, const char *expected)
{
    struct text text = {""};

    assert_done(sg_outbox_find(store, name, show_document, &text, &err));
    assert_string_equal(text.text, expected);
}

static void assert_document(struct sg_store *store, int64_t document, const char *expected)
{
    struct text text = {""};

    assert_done(sg_outbox_get(store, document, show_document, &text, &err));
    assert_string_equal(text.text, expected);
}

struct wanted {
    const char *target, *level;
    int64_t id;
};

static enum sg_rc pick_step(void *context, const struct sg_step *step, struct sg_err *err)
{
    struct wanted *wanted = context;

    (void)err;
    if (strcmp(step->target, wanted->target) == 0 && strcmp(step->level, wanted->level) == 0)
        wanted->id = step->id;
    return SG_OK;
}

static int64_t step_of(struct sg_store *store, int64_t document, const char *target, const char *level)
{
    struct wanted wanted = {target, level, 0};

    assert_done(sg_steps_of(store, document, pick_step, &wanted, &err));
    assert_int_not_equal(wanted.id, 0);
    return wanted.id;
}

static void upload(struct sg_store *store, int64_t document, const char *target, const char *level)
{
    const struct sg_receipt receipt = {.target = target,
                                       .url = "https://x/1",
                                       .sha256 = SIGNATURE,
                                       .size = 1000,
                                       .stored = 1,
                                       .compared = 2,
                                       .status = 201,
                                       .etag = "\"e\\\"",
                                       .version_id = "v",
                                       .server_date = "Thu",
                                       .was_there = true};

    assert_done(sg_step_uploaded(store, step_of(store, document, target, level), &receipt, &err));
}

static const struct sg_stamped STAMPING = {"tsa.example", 1700000100, 1700000100, 1700000100};

static void stamp_as(struct sg_store *store, int64_t document, bool instead)
{
    const struct sg_version version = {.level = SG_LEVEL_B_T, .sha256 = STAMPED, .size = 3000, .instead = instead};

    assert_done(sg_step_timestamped(store, step_of(store, document, "", SG_LEVEL_B_T), &version, &STAMPING, &err));
}

static void stamp(struct sg_store *store, int64_t document)
{
    stamp_as(store, document, false);
}

/* --- queueing ------------------------------------------------------------------------------------------------------
 */

#define ALL_STEPS                                                                                                      \
    "w upload content archive\nw upload content mirror\n"                                                              \
    "w upload B-B archive\nw upload B-B mirror\n"                                                                      \
    "w timestamp B-T \n"

/* Are a version's steps there with it, and nothing due before the signed file has its place? */
static void test_queue(void **state)
{
    struct fixture *f = *state;
    _cleanup_(sg_store_freep) struct sg_store *store = open_store(f);
    struct text text = {""};
    int64_t document = queue(store, "/in/a", "/out/a.p7s"), next = 0;

    assert_int_equal(document, ask(f, "SELECT max(number) FROM ledger"));
    assert_steps(store, document, ALL_STEPS);
    assert_done(sg_outbox_versions(store, document, show_version, &text, &err));
    assert_string_equal(text.text, "content c0c0 7  0\nB-B 5151 1000  0\n");
    text.text[0] = '\0';
    assert_done(sg_outbox_unplaced(store, show_document, &text, &err));
    assert_string_equal(text.text, "1 /in/a /out/a.p7s B-B 0 0 closed 0 forgotten 0\n");
    assert_due(f, store, "archive", 10, "");

    assert_done(sg_outbox_placed(store, document, SG_OUTPUT_CURRENT, &err));
    text.text[0] = '\0';
    assert_done(sg_outbox_unplaced(store, show_document, &text, &err));
    assert_string_equal(text.text, "");
    assert_due(f, store, "archive", 10, "w upload content archive\nw upload B-B archive\n");
    assert_due(f, store, NULL, 10, "w timestamp B-T \n");
    assert_due(f, store, "archive", 1, "w upload content archive\n");
    assert_due(f, store, "elsewhere", 10, "");
    assert_done(sg_steps_next(store, 0, &next, &err));
    assert_int_equal(next, f->now);
    f->now--;
    assert_due(f, store, "archive", 10, "");
}

/* Is a rollback a rollback of the queue too, and does a document come in only while it is recorded? */
static void test_all_or_nothing(void **state)
{
    struct fixture *f = *state;
    _cleanup_(sg_store_freep) struct sg_store *store = open_store(f);
    const struct sg_outbox_request request = {.versions = VERSIONS, .version_count = 2};
    const struct sg_document document = document_named("/in/a");
    int64_t number = 0;

    assert_rc(sg_outbox_add(store, &request, &number, &err), SG_E_INTERNAL);
    assert_done(sg_store_begin(store, &err));
    assert_done(sg_store_document_add(store, &document, &err));
    assert_done(sg_outbox_add(store, &request, &number, &err));
    sg_store_rollback(store);
    assert_int_equal(ask(f, "SELECT (SELECT count(*) FROM outbox) + (SELECT count(*) FROM version) + "
                            "(SELECT count(*) FROM step)"),
                     0);
    assert_rc(sg_outbox_get(store, 1, show_document, NULL, &err), SG_E_NOT_FOUND);
}

/* Is a document whose file got no name taken back whole, with the failure on record? */
static void test_withdraw(void **state)
{
    struct fixture *f = *state;
    _cleanup_(sg_store_freep) struct sg_store *store = open_store(f);
    int64_t kept = queue_placed(store, "/in/kept", "/out/kept"), document = queue(store, "/in/a\\\xff", "/out/a");
    int64_t count = 0, bad = 0;
    struct sg_err why;

    (void)sg_fail(&why, SG_E_OUTPUT_EXISTS, "It is there.");
    assert_done(sg_outbox_withdraw(store, document, &why, &err));
    assert_rc(sg_outbox_get(store, document, show_document, NULL, &err), SG_E_NOT_FOUND);
    assert_steps(store, document, "");
    assert_steps(store, kept, ALL_STEPS);
    assert_int_equal(ask(f, "SELECT count(*) FROM document"), 1);
    assert_int_equal(ask(f, "SELECT count(*) FROM version"), 2);
    assert_int_equal(ask(f, "SELECT count(*) FROM ledger WHERE event = 'sign-failed' AND code = 'output-exists' AND "
                            "object = '/in/a\\x5c\\xff' AND token = 'serial' AND detail = 'It is there.'"),
                     1);
    check_ledger(store, &count, &bad);
    assert_int_equal(bad, 0);
    assert_rc(sg_outbox_withdraw(store, document, &why, &err), SG_E_NOT_FOUND);

    const struct sg_document unqueued = document_named("/in/b");
    assert_done(sg_store_begin(store, &err));
    assert_done(sg_store_document_add(store, &unqueued, &err));
    document = sg_store_document_number(store);
    assert_done(sg_store_commit(store, &err));
    assert_done(sg_outbox_withdraw(store, document, &why, &err));
    assert_int_equal(ask(f, "SELECT count(*) FROM document"), 1);
    assert_int_equal(ask(f, "SELECT count(*) FROM ledger WHERE event = 'sign-failed' AND object = '/in/b'"), 1);
}

/* Is a document found by its paths, a file's name and a digest, whatever bytes the name has, and by nothing else? */
static void test_find(void **state)
{
    struct fixture *f = *state;
    _cleanup_(sg_store_freep) struct sg_store *store = open_store(f);
    const char *line = "1 /in/odd\\x41\xff /out/odd.p7s B-B 1 0 closed 0 forgotten 0\n";

    (void)queue_placed(store, "/in/odd\\x41\xff", "/out/odd.p7s");
    assert_found(store, "/in/odd\\x41\xff", line);
    assert_found(store, "/out/odd.p7s", line);
    assert_found(store, "odd.p7s", line);
    assert_found(store, "odd\\x41\xff", line);
    assert_found(store, SIGNATURE, line);
    assert_found(store, CONTENT, line);
    assert_found(store, "C0C0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0", line);
    assert_found(store, "dd.p7s", "");
    assert_found(store, "/odd.p7s", "");
    assert_found(store, "", "");
    assert_found(store, "%", "");
    assert_found(store, STAMPED, "");
    (void)queue_placed(store, "/other/odd.p7s", "/out/2");
    assert_found(store, "odd.p7s",
                 "1 /in/odd\\x41\xff /out/odd.p7s B-B 1 0 closed 0 forgotten 0\n"
                 "2 /other/odd.p7s /out/2 B-B 1 0 closed 0 forgotten 0\n");
}

/* --- the journal ---------------------------------------------------------------------------------------------------
 */

/* Does an attempt count, a failure wait until it is due, and the ledger have it once as long as it stays the same? */
static void test_failures(void **state)
{
    struct fixture *f = *state;
    _cleanup_(sg_store_freep) struct sg_store *store = open_store(f);
    int64_t document = queue_placed(store, "/in/a", "/out/a");
    int64_t step = step_of(store, document, "archive", SG_LEVEL_B_B), next = 0, count = 0;
    struct sg_err why;

    f->now += 10;
    assert_done(sg_step_begin(store, step, &err));
    assert_done(sg_step_begin(store, step, &err));
    assert_int_equal(ask(f, "SELECT attempts FROM step WHERE last_attempt = 1700000010"), 2);

    (void)sg_fail(&why, SG_E_NETWORK, "No network.");
    assert_done(sg_step_failed(store, step, &why, f->now + 60, &err));
    assert_due(f, store, "archive", 10, "w upload content archive\n");
    assert_done(sg_step_failed(store, step, &why, f->now + 60, &err));
    assert_int_equal(ask(f, "SELECT count(*) FROM ledger WHERE event = 'sync-failed' AND code = 'network' AND "
                            "object = '/out/a' AND detail = 'upload of B-B to archive: No network.'"),
                     1);
    (void)sg_fail(&why, SG_E_TIMEOUT, "Too slow.");
    assert_done(sg_step_failed(store, step, &why, f->now + 60, &err));
    assert_int_equal(ask(f, "SELECT count(*) FROM ledger WHERE event = 'sync-failed'"), 2);
    assert_int_equal(ask(f, "SELECT code = 'timeout' AND text = 'Too slow.' FROM step WHERE attempts = 2"), 1);
    f->now += 60;
    assert_due(f, store, "archive", 10, "w upload content archive\nw upload B-B archive\n");

    assert_done(sg_step_failed(store, step, &why, f->now + 9999, &err));
    assert_done(sg_outbox_retry(store, document + 1, &count, &err));
    assert_int_equal(count, 0);
    assert_due(f, store, "archive", 10, "w upload content archive\n");
    assert_done(sg_outbox_retry(store, document, &count, &err));
    assert_int_equal(count, 5);
    assert_due(f, store, "archive", 10, "w upload content archive\nw upload B-B archive\n");
    assert_done(sg_steps_next(store, 0, &next, &err));
    assert_int_equal(next, f->now);
    assert_rc(sg_step_failed(store, 999, &why, 0, &err), SG_E_NOT_FOUND);
}

/* Does all that waits for a server wait with the one that found it gone, and come again with the network? */
static void test_a_server_that_is_gone(void **state)
{
    struct fixture *f = *state;
    _cleanup_(sg_store_freep) struct sg_store *store = open_store(f);
    int64_t document = queue_placed(store, "/in/a", "/out/a"), next = 0;
    size_t count = 0;
    struct sg_err why;

    assert_done(sg_steps_count_due(store, f->now, &count, &err));
    assert_int_equal(count, 5);
    (void)sg_fail(&why, SG_E_NETWORK, "No network.");
    assert_done(sg_steps_postpone(store, "archive", f->now, &why, f->now + 60, &err));
    assert_due(f, store, "archive", 10, "");
    assert_due(f, store, NULL, 10, "w timestamp B-T \n");
    assert_int_equal(ask(f, "SELECT sum(attempts) FROM step"), 0);
    assert_int_equal(ask(f, "SELECT count(*) FROM step WHERE code = 'network' AND text = 'No network.'"), 2);
    assert_done(sg_steps_next(store, f->now + 1, &next, &err));
    assert_int_equal(next, f->now + 60);
    assert_done(sg_steps_next(store, f->now + 61, &next, &err));
    assert_int_equal(next, INT64_MAX);
    assert_done(sg_steps_retry_some(store, f->now, false, &err));
    assert_due(f, store, "archive", 10, "w upload content archive\nw upload B-B archive\n");

    (void)sg_fail(&why, SG_E_SERVER_FAILED, "It failed.");
    assert_done(sg_steps_postpone(store, NULL, f->now, &why, f->now + 60, &err));
    assert_due(f, store, NULL, 10, "");
    assert_done(sg_steps_retry_some(store, f->now, true, &err));
    assert_due(f, store, NULL, 10, "");
    assert_steps(store, document, ALL_STEPS);

    f->now -= 3600; /* the clock was ahead, and is set back */
    assert_due(f, store, "archive", 10, "");
    assert_done(sg_steps_retry_some(store, f->now, false, &err));
    assert_due(f, store, NULL, 10, "w timestamp B-T \n");
    assert_due(f, store, "archive", 10, "w upload content archive\nw upload B-B archive\n");
}

/* Is what a person has to mend tried again when one may have, and not before? */
static void test_what_a_person_mends(void **state)
{
    static const enum sg_rc codes[] = {SG_E_NO_TOKEN, SG_E_PIN_REQUIRED, SG_E_CONFIG, SG_E_SERVER_REFUSED, SG_E_TLS};
    struct fixture *f = *state;
    _cleanup_(sg_store_freep) struct sg_store *store = open_store(f);
    struct sg_err why;

    (void)queue_placed(store, "/in/a", "/out/a");
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        (void)sg_fail(&why, codes[i], "It has to be mended.");
        assert_done(sg_steps_postpone(store, NULL, f->now, &why, f->now + 60, &err));
        assert_done(sg_steps_retry_some(store, f->now, false, &err));
        assert_due(f, store, NULL, 10, "");
        assert_done(sg_steps_retry_some(store, f->now, true, &err));
        assert_due(f, store, NULL, 10, "w timestamp B-T \n");
    }
}

/* Is what an upload needs to go on kept as it is? */
static void test_resume(void **state)
{
    struct fixture *f = *state;
    _cleanup_(sg_store_freep) struct sg_store *store = open_store(f);
    int64_t step = step_of(store, queue_placed(store, "/in/a", "/out/a"), "archive", SG_LEVEL_B_B);
    _cleanup_(freep) char *first = NULL;
    _cleanup_(freep) char *second = NULL;

    assert_done(sg_step_recall(store, step, &first, &err));
    assert_string_equal(first, "");
    assert_done(sg_step_remember(store, step, "upload-id \\x41 \xfe", &err));
    assert_done(sg_step_recall(store, step, &second, &err));
    assert_string_equal(second, "upload-id \\x41 \xfe");
    assert_done(sg_step_sends(store, step, SENT, &err));
    assert_int_equal(ask(f, "SELECT count(*) FROM step WHERE sent_sha256 = '" SENT "'"), 1);
}

/* Does each completed level go where the one before went, and is the document closed when all is done and not before?
 */
static void test_whole_way(void **state)
{
    struct fixture *f = *state;
    _cleanup_(sg_store_freep) struct sg_store *store = open_store(f);
    int64_t document = queue_placed(store, "/in/a", "/out/a"), next = 0;
    struct text text = {""};

    upload(store, document, "archive", SG_LEVEL_CONTENT);
    upload(store, document, "archive", SG_LEVEL_B_B);
    stamp(store, document);
    assert_steps(store, document,
                 "d upload content archive\nw upload content mirror\nd upload B-B archive\nw upload B-B mirror\n"
                 "d timestamp B-T \nw upload B-T archive\nw upload B-T mirror\n");
    assert_document(store, document, "1 /in/a /out/a B-T 1 3 closed 0 forgotten 0\n");
    assert_done(sg_outbox_versions(store, document, show_version, &text, &err));
    assert_string_equal(text.text, "content c0c0 7  0\nB-B 5151 1000  0\nB-T 7575 3000 tsa.example 1700000100\n");

    upload(store, document, "mirror", SG_LEVEL_CONTENT);
    upload(store, document, "mirror", SG_LEVEL_B_B);
    upload(store, document, "mirror", SG_LEVEL_B_T);
    assert_document(store, document, "1 /in/a /out/a B-T 1 3 closed 0 forgotten 0\n");
    upload(store, document, "archive", SG_LEVEL_B_T);
    assert_document(store, document, "1 /in/a /out/a B-T 1 3 closed 1 forgotten 0\n");
    assert_done(sg_steps_next(store, 0, &next, &err));
    assert_true(next == INT64_MAX);
    assert_int_equal(ask(f, "SELECT count(*) FROM ledger WHERE event = 'uploaded'"), 6);
    assert_int_equal(ask(f, "SELECT count(*) FROM ledger WHERE event = 'timestamped' AND "
                            "detail LIKE 'B-T sha256 7575%, by tsa.example at 2023-11-14T22:15:00Z'"),
                     1);
}

static bool is_delivered(struct sg_store *store, int64_t document)
{
    bool delivered = false;

    assert_done(sg_outbox_delivered(store, document, &delivered, &err));
    return delivered;
}

/* Does an upload of the signature count as soon as it is begun, however it ends and whatever a person says then, unless
 * it is certain that nothing was sent?
 */
static void test_delivered(void **state)
{
    struct fixture *f = *state;
    _cleanup_(sg_store_freep) struct sg_store *store = open_store(f);
    const struct sg_err why = {.rc = SG_E_NETWORK, .text = "cut"};
    int64_t document = queue_placed(store, "/in/a", "/out/a"), other = queue_placed(store, "/in/b", "/out/b"), count;

    assert_done(sg_step_begin(store, step_of(store, document, "archive", SG_LEVEL_CONTENT), &err));
    assert_done(sg_step_begin(store, step_of(store, document, "", SG_LEVEL_B_T), &err));
    assert_false(is_delivered(store, document)); /* the content is not the signature, and a TSA sees neither */
    assert_done(sg_step_begin(store, step_of(store, document, "mirror", SG_LEVEL_B_B), &err));
    assert_true(is_delivered(store, document));
    assert_done(sg_step_failed(store, step_of(store, document, "mirror", SG_LEVEL_B_B), &why, 5000, &err));
    assert_true(is_delivered(store, document));
    assert_done(sg_outbox_drop(store, document, NULL, "enough", &count, &err));
    assert_true(is_delivered(store, document));
    assert_false(is_delivered(store, other));
    for (int i = 0; i < 3; i++) {
        assert_done(sg_step_begin(store, step_of(store, other, "archive", SG_LEVEL_B_B), &err));
        assert_true(is_delivered(store, other)); /* killed now, it would count */
        assert_done(sg_step_unsent(store, step_of(store, other, "archive", SG_LEVEL_B_B), &err));
        assert_false(is_delivered(store, other));
    }
    assert_int_equal(ask(f, "SELECT max(attempts) FROM step"), 3);
    assert_done(sg_step_begin(store, step_of(store, other, "archive", SG_LEVEL_B_B), &err));
    assert_done(sg_step_begin(store, step_of(store, other, "archive", SG_LEVEL_B_B), &err));
    assert_done(sg_step_unsent(store, step_of(store, other, "archive", SG_LEVEL_B_B), &err));
    assert_true(is_delivered(store, other)); /* by the attempt before */
    assert_done(sg_step_unsent(store, step_of(store, other, "archive", SG_LEVEL_B_B), &err));
    upload(store, other, "archive", SG_LEVEL_B_B);
    assert_true(is_delivered(store, other));
}

static void assert_due_after_stamps(struct fixture *f, struct sg_store *store, const char *target, const char *expected)
{
    struct text text = {""};

    assert_done(sg_steps_due(store, target, f->now, true, 10, show_step, &text, &err));
    assert_string_equal(text.text, expected);
}

/* Does the signature of a PDF, and of nothing else, wait for its time-stamp as long as that is due, and no longer? */
static void test_stamps_first(void **state)
{
    struct fixture *f = *state;
    _cleanup_(sg_store_freep) struct sg_store *store = open_store(f);
    int64_t pdf = queue_as(store, "PAdES", "/in/a", "/out/a");
    const struct sg_err why = {.rc = SG_E_NETWORK, .text = "cut"};

    assert_done(sg_outbox_placed(store, pdf, SG_OUTPUT_CURRENT, &err));
    assert_due_after_stamps(f, store, "archive", "w upload content archive\n");
    assert_due_after_stamps(f, store, NULL, "w timestamp B-T \n");
    assert_due(f, store, "archive", 10, "w upload content archive\nw upload B-B archive\n");
    assert_done(sg_step_failed(store, step_of(store, pdf, "", SG_LEVEL_B_T), &why, f->now + 60, &err));
    assert_due_after_stamps(f, store, "archive", "w upload content archive\nw upload B-B archive\n");
    f->now += 60;
    assert_due_after_stamps(f, store, "archive", "w upload content archive\n");
    stamp(store, pdf);
    assert_due_after_stamps(f, store, "archive",
                            "w upload content archive\nw upload B-B archive\nw upload B-T archive\n");

    (void)queue_placed(store, "/in/b", "/out/b");
    assert_due_after_stamps(f, store, "mirror",
                            "w upload content mirror\nw upload B-B mirror\nw upload B-T mirror\n"
                            "w upload content mirror\nw upload B-B mirror\n");
}

/* Does a version that is there instead of the one before go where that one was to go, and that one nowhere? */
static void test_instead(void **state)
{
    struct fixture *f = *state;
    _cleanup_(sg_store_freep) struct sg_store *store = open_store(f);
    int64_t document = queue_placed(store, "/in/a", "/out/a"), count = 0;

    assert_done(sg_outbox_drop(store, document, "mirror", "gone", &count, &err));
    stamp_as(store, document, true);
    assert_steps(store, document,
                 "w upload content archive\nx upload content mirror\nw upload B-T archive\nx upload B-B mirror\n"
                 "d timestamp B-T \n");
    assert_int_equal(ask(f, "SELECT count(*) FROM step WHERE state = 0 AND sha256 = '" STAMPED "'"), 1);
    upload(store, document, "archive", SG_LEVEL_CONTENT);
    upload(store, document, "archive", SG_LEVEL_B_T);
    assert_document(store, document, "1 /in/a /out/a B-T 1 3 closed 1 forgotten 0\n");
}

/* Does the same outcome, journaled twice, change nothing the second time? */
static void test_twice(void **state)
{
    struct fixture *f = *state;
    _cleanup_(sg_store_freep) struct sg_store *store = open_store(f);
    int64_t document = queue_placed(store, "/in/a", "/out/a");
    struct text text = {""};

    upload(store, document, "archive", SG_LEVEL_B_B);
    upload(store, document, "archive", SG_LEVEL_B_B);
    stamp(store, document);
    stamp(store, document);
    assert_int_equal(ask(f, "SELECT count(*) FROM receipt"), 1);
    assert_int_equal(ask(f, "SELECT count(*) FROM version"), 3);
    assert_int_equal(ask(f, "SELECT count(*) FROM step WHERE level = 'B-T' AND kind = 2"), 2);
    assert_int_equal(ask(f, "SELECT count(*) FROM ledger WHERE event IN ('uploaded', 'timestamped')"), 2);
    assert_done(sg_receipts_of(store, document, show_receipt, &text, &err));
    assert_string_equal(text.text, "B-B archive https://x/1 5151 1000 1 2 201 \"e\\\" v Thu 1\n");
}

/* A step that is of one kind takes no outcome of the other. */
static void test_wrong_kind(void **state)
{
    struct fixture *f = *state;
    _cleanup_(sg_store_freep) struct sg_store *store = open_store(f);
    int64_t document = queue_placed(store, "/in/a", "/out/a");
    const struct sg_receipt receipt = {"archive", "u", SIGNATURE, 1, 1, 1, 201, "", "", "", false};

    assert_rc(sg_step_uploaded(store, step_of(store, document, "", SG_LEVEL_B_T), &receipt, &err), SG_E_INTERNAL);
    assert_rc(
        sg_step_timestamped(store, step_of(store, document, "archive", SG_LEVEL_B_B), &VERSIONS[1], &STAMPING, &err),
        SG_E_INTERNAL);
    assert_steps(store, document, ALL_STEPS);
}

/* --- dropping, forgetting ------------------------------------------------------------------------------------------
 */

/* Is what waits for one target dropped with its reason, and no later version sent there? */
static void test_drop_target(void **state)
{
    struct fixture *f = *state;
    _cleanup_(sg_store_freep) struct sg_store *store = open_store(f);
    int64_t document = queue_placed(store, "/in/a", "/out/a"), count = 0;

    upload(store, document, "archive", SG_LEVEL_B_B);
    assert_done(sg_outbox_drop(store, document, "mirror", "it is gone", &count, &err));
    assert_int_equal(count, 2);
    assert_int_equal(ask(f, "SELECT count(*) FROM ledger WHERE event = 'dropped' AND object = '/out/a' AND detail = "
                            "'it is gone; upload of content to mirror; upload of B-B to mirror'"),
                     1);
    stamp(store, document);
    assert_steps(store, document,
                 "w upload content archive\nx upload content mirror\nd upload B-B archive\nx upload B-B mirror\n"
                 "d timestamp B-T \nw upload B-T archive\n");
    assert_done(sg_outbox_drop(store, document, "mirror", "again", &count, &err));
    assert_int_equal(count, 0);
    assert_int_equal(ask(f, "SELECT count(*) FROM ledger WHERE event = 'dropped'"), 1);
}

/* Is a document closed by dropping all, and does a receipt that comes after it count, but no time-stamp? */
static void test_drop_all(void **state)
{
    struct fixture *f = *state;
    _cleanup_(sg_store_freep) struct sg_store *store = open_store(f);
    int64_t document = queue_placed(store, "/in/a", "/out/a"), other = queue_placed(store, "/in/b", "/out/b"),
            count = 0;

    assert_done(sg_outbox_drop(store, document, NULL, "a mistake", &count, &err));
    assert_int_equal(count, 5);
    assert_document(store, document, "1 /in/a /out/a B-B 1 0 closed 1 forgotten 0\n");
    stamp(store, document);
    upload(store, document, "archive", SG_LEVEL_B_B);
    assert_steps(store, document,
                 "x upload content archive\nx upload content mirror\nd upload B-B archive\nx upload B-B mirror\n"
                 "x timestamp B-T \n");
    assert_steps(store, other, ALL_STEPS);
}

/* Are copies kept while steps wait, and the record after them? */
static void test_forget(void **state)
{
    struct fixture *f = *state;
    _cleanup_(sg_store_freep) struct sg_store *store = open_store(f);
    int64_t document = queue_placed(store, "/in/a", "/out/a"), count = 0;

    assert_rc(sg_outbox_forget(store, document, &err), SG_E_POLICY);
    assert_done(sg_outbox_drop(store, document, NULL, "a mistake", &count, &err));
    assert_done(sg_outbox_forget(store, document, &err));
    assert_done(sg_outbox_forget(store, document, &err));
    assert_found(store, "/out/a", "1 /in/a /out/a B-B 1 0 closed 1 forgotten 1\n");
    assert_int_equal(ask(f, "SELECT count(*) FROM ledger WHERE event = 'forgotten' AND object = '/out/a'"), 1);
    assert_rc(sg_outbox_forget(store, 99, &err), SG_E_NOT_FOUND);
}

/* Whether its copies are kept once the time is over. */
static bool expires(struct fixture *f, struct sg_store *store, int64_t document)
{
    char sql[96];

    (void)snprintf(sql, sizeof(sql), "SELECT forgotten > 0 FROM outbox WHERE document = %lld", (long long)document);
    assert_done(sg_outbox_expire(store, f->now + 1, &err));
    return ask(f, sql) != 0;
}

/* Do copies expire once their time is over, with an entry each, and not as long as something waits? */
static void test_expire(void **state)
{
    struct fixture *f = *state;
    _cleanup_(sg_store_freep) struct sg_store *store = open_store(f);
    int64_t document = queue_placed(store, "/in/a", "/out/a"), count = 0;

    assert_false(expires(f, store, document)); /* it waits */
    assert_done(sg_outbox_drop(store, document, NULL, "a mistake", &count, &err));
    assert_done(sg_outbox_expire(store, f->now, &err)); /* closed now, not before it */
    assert_int_equal(ask(f, "SELECT count(*) FROM outbox WHERE forgotten > 0"), 0);
    assert_true(expires(f, store, document));
    assert_true(expires(f, store, document));
    assert_int_equal(ask(f, "SELECT count(*) FROM ledger WHERE event = 'expired' AND object = '/out/a'"), 1);
}

/* Does the only copy of a completed file stay, until it is in its place, or a target has it? */
static void test_expire_only_copy(void **state)
{
    struct fixture *f = *state;
    _cleanup_(sg_store_freep) struct sg_store *store = open_store(f);
    int64_t placed = queue_placed(store, "/in/a", "/out/a"), stored = queue_placed(store, "/in/b", "/out/b"), count = 0;

    stamp(store, placed);
    upload(store, stored, "archive", SG_LEVEL_B_B); /* of a version that is not the newest */
    stamp(store, stored);
    assert_done(sg_outbox_drop(store, placed, NULL, "none", &count, &err));
    assert_done(sg_outbox_drop(store, stored, "mirror", "none", &count, &err));
    upload(store, stored, "archive", SG_LEVEL_CONTENT);
    assert_done(sg_outbox_drop(store, stored, NULL, "none", &count, &err));
    assert_false(expires(f, store, placed)); /* behind: it is to be put in its place */
    assert_done(sg_outbox_placed(store, placed, SG_OUTPUT_MOVED, &err));
    assert_done(sg_outbox_placed(store, stored, SG_OUTPUT_CHANGED, &err));
    assert_false(expires(f, store, placed));
    assert_false(expires(f, store, stored));
    assert_int_equal(ask(f, "SELECT count(*) FROM ledger WHERE event = 'expired'"), 0);

    assert_done(sg_outbox_placed(store, placed, SG_OUTPUT_CURRENT, &err));
    assert_true(expires(f, store, placed));
    upload(store, stored, "archive", SG_LEVEL_B_T); /* which was under way when it was dropped */
    assert_true(expires(f, store, stored));
}

/* Is what waits for one target counted at the others by document and version? */
static void test_short(void **state)
{
    struct fixture *f = *state;
    _cleanup_(sg_store_freep) struct sg_store *store = open_store(f);
    int64_t document = queue_placed(store, "/in/a", "/out/a"), other = 0;
    bool is_short = false;

    upload(store, document, "archive", SG_LEVEL_B_B);
    assert_done(sg_steps_short(store, "mirror", 1, &is_short, &err)); /* its content is nowhere */
    assert_true(is_short);
    upload(store, document, "archive", SG_LEVEL_CONTENT);
    assert_done(sg_steps_short(store, "mirror", 1, &is_short, &err));
    assert_false(is_short);
    assert_done(sg_steps_short(store, "mirror", 2, &is_short, &err));
    assert_true(is_short);
    other = queue_placed(store, "/in/b", "/out/b");
    assert_done(sg_steps_short(store, "mirror", 1, &is_short, &err));
    assert_true(is_short);
    upload(store, other, "archive", SG_LEVEL_CONTENT);
    upload(store, other, "archive", SG_LEVEL_B_B);
    assert_done(sg_steps_short(store, "mirror", 1, &is_short, &err));
    assert_false(is_short);
    assert_done(sg_steps_short(store, "archive", 1, &is_short, &err)); /* for which nothing waits */
    assert_false(is_short);
}

/* --- with many -----------------------------------------------------------------------------------------------------
 */

/* Whether SQLite answers it from an index, without a look at every row. */
static void assert_indexed(struct fixture *f, const char *sql)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *plan = NULL;
    char explain[1024];

    (void)snprintf(explain, sizeof(explain), "EXPLAIN QUERY PLAN %s", sql);
    assert_int_equal(sqlite3_open(f->database, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, explain, -1, &plan, NULL), SQLITE_OK);
    while (sqlite3_step(plan) == SQLITE_ROW) {
        const char *line = (const char *)sqlite3_column_text(plan, 3);
        if (strncmp(line, "SCAN", 4) == 0 && !strstr(line, "INDEX"))
            fail_msg("%s: %s", sql, line);
    }
    (void)sqlite3_finalize(plan);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* Is what waits found without a look at what is done? */
static void test_indexes(void **state)
{
    struct fixture *f = *state;

    sg_store_free(open_store(f));
    assert_indexed(f, "SELECT count(*) FROM outbox WHERE forgotten = 0 AND closed = 0");
    assert_indexed(f, "SELECT count(*) FROM outbox WHERE placed = 0");
    assert_indexed(f, "SELECT target, count(*) FROM step WHERE state = 0 GROUP BY target");
    assert_indexed(f, "SELECT 1 FROM step WHERE state = 0 AND target = 'x' AND next_attempt <= 5 "
                      "ORDER BY next_attempt, id");
    assert_indexed(f, "SELECT document FROM version WHERE sha256 = 'x'");
    assert_indexed(f, "SELECT max(number) FROM ledger WHERE event = 'clock-wrong' "
                      "AND event IN ('clock-ahead', 'clock-right', 'clock-wrong')");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(test_queue),
        fixture_test(test_all_or_nothing),
        fixture_test(test_withdraw),
        fixture_test(test_find),
        fixture_test(test_failures),
        fixture_test(test_resume),
        fixture_test(test_a_server_that_is_gone),
        fixture_test(test_what_a_person_mends),
        fixture_test(test_whole_way),
        fixture_test(test_delivered),
        fixture_test(test_stamps_first),
        fixture_test(test_instead),
        fixture_test(test_twice),
        fixture_test(test_wrong_kind),
        fixture_test(test_drop_target),
        fixture_test(test_drop_all),
        fixture_test(test_forget),
        fixture_test(test_expire),
        fixture_test(test_expire_only_copy),
        fixture_test(test_short),
        fixture_test(test_indexes),
    };

    return cmocka_run_group_tests_name("outbox", tests, NULL, NULL);
}
