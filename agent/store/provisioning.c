#include "store/provisioning.h"

#include <string.h>

#include <openssl/rand.h>

#include "base/msg.h"
#include "store/db.h"

static const char *const words[SG_MAKING_STATES] = {"claimed",  "initialised", "lettered", "pin-set",
                                                    "key-made", "sealed",      "done",     "certified"};

const char *sg_making_state_word(enum sg_making_state state)
{
    return words[state];
}

/* --- runs --------------------------------------------------------------------------------------------------------- */

static enum sg_rc read_run(struct sg_store *store, sqlite3_stmt *row, struct sg_provisioning *ret, struct sg_err *err)
{
    struct sg_slice nonce = sg_db_bytes(row, 1);

    if (nonce.len != SG_RUN_NONCE)
        return sg_db_damaged(store, _("a run of provisioning in it has no nonce"), err);
    ret->id = sqlite3_column_int64(row, 0);
    memcpy(ret->nonce, nonce.data, SG_RUN_NONCE);
    ret->begun = sqlite3_column_int64(row, 2);
    return SG_OK;
}

static enum sg_rc find_run(struct sg_store *store, struct sg_slice csv_sha256, struct sg_provisioning *ret,
                           bool *ret_found, struct sg_err *err)
{
    _cleanup_(sg_rows_resetp) sqlite3_stmt *rows = NULL;
    const struct sg_value values[] = {sg_value_blob(csv_sha256)};

    enum sg_rc rc = sg_db_query(store, SG_SQL_RUN_GET, values, SG_COUNT(values), &rows, err);
    if (rc == SG_OK)
        rc = sg_db_next(store, rows, ret_found, err);
    return rc == SG_OK && *ret_found ? read_run(store, rows, ret, err) : rc;
}

static enum sg_rc add_run(struct sg_store *store, struct sg_slice csv_sha256, struct sg_err *err)
{
    uint8_t nonce[SG_RUN_NONCE];

    if (RAND_priv_bytes_ex(store->libctx, nonce, sizeof(nonce), 0) != 1)
        return sg_fail_ssl(err, SG_E_INTERNAL, _("There are no random numbers."));
    const struct sg_value values[] = {sg_value_blob(csv_sha256), sg_value_blob((struct sg_slice){nonce, sizeof(nonce)}),
                                      sg_value_integer(sg_clock_now(&store->clock))};
    return sg_db_run(store, SG_SQL_RUN_ADD, values, SG_COUNT(values), err);
}

static enum sg_rc open_run(struct sg_store *store, struct sg_slice csv_sha256, const char *detail,
                           struct sg_provisioning *ret, struct sg_err *err)
{
    char hex[SG_SHA256_HEX];
    bool found = false;
    enum sg_rc rc = find_run(store, csv_sha256, ret, &found, err);

    if (rc == SG_OK && !found)
        rc = add_run(store, csv_sha256, err);
    ret->resumed = found;
    if (rc == SG_OK && !found)
        rc = find_run(store, csv_sha256, ret, &found, err);
    if (rc != SG_OK)
        return rc;
    sg_hex(csv_sha256.data, csv_sha256.len, hex);
    return sg_ledger_add(
        store,
        &(struct sg_ledger_entry){ret->resumed ? "provision-resumed" : "provision-begun", "", "", "", hex, detail},
        err);
}

enum sg_rc sg_provisioning_open(struct sg_store *store, const uint8_t csv_sha256[SG_SHA256_LEN], const char *detail,
                                struct sg_provisioning *ret, struct sg_err *err)
{
    struct sg_operation operation;
    struct sg_provisioning run = {0};

    enum sg_rc rc = sg_operation_begin(&operation, store, err);
    if (rc != SG_OK)
        return rc;
    rc = open_run(store, (struct sg_slice){csv_sha256, SG_SHA256_LEN}, detail, &run, err);
    rc = sg_operation_end(&operation, rc, err);
    if (rc == SG_OK)
        *ret = run;
    return rc;
}

enum sg_rc sg_provisioning_known(struct sg_store *store, const uint8_t csv_sha256[SG_SHA256_LEN], bool *ret,
                                 struct sg_err *err)
{
    struct sg_provisioning run;

    return find_run(store, (struct sg_slice){csv_sha256, SG_SHA256_LEN}, &run, ret, err);
}

/* --- tokens in the making ----------------------------------------------------------------------------------------- */

const char *sg_making_text(const struct sg_making *making, enum sg_making_text which)
{
    return making->texts[which] ? making->texts[which] : "";
}

enum sg_rc sg_making_set(struct sg_making *making, enum sg_making_text which, const char *text, struct sg_err *err)
{
    char *copy = strdup(text);

    if (!copy)
        return sg_fail_memory(err);
    free(making->texts[which]);
    making->texts[which] = copy;
    return SG_OK;
}

void sg_making_clear(struct sg_making *making)
{
    for (size_t i = 0; i < SG_MAKING_TEXTS; i++)
        free(making->texts[i]);
    free(making->csr);
    *making = (struct sg_making){0};
}

static enum sg_rc tell_ledger(struct sg_store *store, const struct sg_making *making, const char *event,
                              const char *code, const char *detail, struct sg_err *err)
{
    _cleanup_(freep) char *name = NULL;
    const char *serial = sg_making_text(making, SG_MAKING_SERIAL);

    if (asprintf(&name, "provision-%s", event) < 0) {
        name = NULL;
        return sg_fail_memory(err);
    }
    return sg_ledger_add(store,
                         &(struct sg_ledger_entry){
                             .event = name,
                             .code = code,
                             .token = serial[0] ? serial : sg_making_text(making, SG_MAKING_SERIAL_BEFORE),
                             .key = sg_making_text(making, SG_MAKING_CERTIFICATE_SHA256),
                             .object = sg_making_text(making, SG_MAKING_PERSON),
                             .detail = detail,
                         },
                         err);
}

/* What an officer would ask of this step. */
static const char *detail_of(const struct sg_making *making, enum sg_making_state state)
{
    static const enum sg_making_text details[SG_MAKING_STATES] = {
        [SG_MAKING_CLAIMED] = SG_MAKING_LABEL,        [SG_MAKING_INITIALISED] = SG_MAKING_LABEL,
        [SG_MAKING_LETTERED] = SG_MAKING_LETTER,      [SG_MAKING_PIN_SET] = SG_MAKING_LETTER_SHA256,
        [SG_MAKING_KEY_MADE] = SG_MAKING_SPKI_SHA256, [SG_MAKING_SEALED] = SG_MAKING_ESCROW,
        [SG_MAKING_DONE] = SG_MAKING_CSR_PATH,        [SG_MAKING_CERTIFIED] = SG_MAKING_CERTIFICATE_SHA256,
    };

    return sg_making_text(making, details[state]);
}

enum { FIXED = 6, COLUMNS = FIXED + SG_MAKING_TEXTS }; /* as in the statements: id, run, row, state, time, csr; texts */

static enum sg_rc write_row(struct sg_store *store, enum sg_sql which, const struct sg_making *making,
                            enum sg_making_state state, int64_t now, struct sg_err *err)
{
    _cleanup_(sg_buf_clear) struct sg_buf scratch = SG_BUF(SG_MAX_ENTRY);
    struct sg_value values[COLUMNS] = {
        sg_value_integer(making->id),  sg_value_integer(making->run),
        sg_value_integer(making->row), sg_value_integer(state),
        sg_value_integer(now),         sg_value_blob((struct sg_slice){making->csr, making->csr_len}),
    };

    for (size_t i = 0; i < SG_MAKING_TEXTS; i++)
        values[FIXED + i] = sg_value_text(sg_making_text(making, (enum sg_making_text)i));
    enum sg_rc rc = sg_values_escape(values, COLUMNS, &scratch, err);
    if (rc == SG_OK)
        rc = sg_db_run(store, which, values, COLUMNS, err);
    return rc == SG_OK ? tell_ledger(store, making, words[state], "", detail_of(making, state), err) : rc;
}

static enum sg_rc next_id(struct sg_store *store, int64_t *ret, struct sg_err *err)
{
    _cleanup_(sg_rows_resetp) sqlite3_stmt *rows = NULL;
    bool row = false;

    enum sg_rc rc = sg_db_query(store, SG_SQL_MAKING_NEXT, NULL, 0, &rows, err);
    if (rc == SG_OK)
        rc = sg_db_next(store, rows, &row, err); /* one row always */
    if (rc == SG_OK)
        *ret = sqlite3_column_int64(rows, 0);
    return rc;
}

static enum sg_rc void_row(struct sg_store *store, const struct sg_making *making, struct sg_err *err)
{
    const struct sg_value values[] = {sg_value_integer(making->run), sg_value_integer(making->row)};

    return sg_db_run(store, SG_SQL_MAKING_VOID_ROW, values, SG_COUNT(values), err);
}

enum sg_rc sg_making_claim(struct sg_store *store, struct sg_making *making, struct sg_err *err)
{
    struct sg_operation operation;
    int64_t now = sg_clock_now(&store->clock);

    enum sg_rc rc = sg_operation_begin(&operation, store, err);
    if (rc != SG_OK)
        return rc;
    making->state = SG_MAKING_CLAIMED;
    making->begun = making->changed = now;
    rc = next_id(store, &making->id, err);
    if (rc == SG_OK)
        rc = void_row(store, making, err);
    if (rc == SG_OK)
        rc = write_row(store, SG_SQL_MAKING_ADD, making, SG_MAKING_CLAIMED, now, err);
    rc = sg_operation_end(&operation, rc, err);
    if (rc != SG_OK)
        making->id = 0;
    return rc;
}

enum sg_rc sg_making_advance(struct sg_store *store, struct sg_making *making, enum sg_making_state state,
                             struct sg_err *err)
{
    struct sg_operation operation;
    int64_t now = sg_clock_now(&store->clock);

    enum sg_rc rc = sg_operation_begin(&operation, store, err);
    if (rc != SG_OK)
        return rc;
    rc = write_row(store, SG_SQL_MAKING_SET, making, state, now, err);
    rc = sg_operation_end(&operation, rc, err);
    if (rc == SG_OK) {
        making->state = state;
        making->changed = now;
    }
    return rc;
}

enum sg_rc sg_making_void(struct sg_store *store, struct sg_making *making, const char *why, struct sg_err *err)
{
    struct sg_operation operation;
    const struct sg_value values[] = {sg_value_integer(making->id)};

    enum sg_rc rc = sg_operation_begin(&operation, store, err);
    if (rc != SG_OK)
        return rc;
    rc = sg_db_run(store, SG_SQL_MAKING_VOID, values, SG_COUNT(values), err);
    if (rc == SG_OK)
        rc = tell_ledger(store, making, "void", "", why, err);
    rc = sg_operation_end(&operation, rc, err);
    if (rc == SG_OK)
        making->is_void = true;
    return rc;
}

enum sg_rc sg_making_failed(struct sg_store *store, const struct sg_making *making, const struct sg_err *failure,
                            struct sg_err *err)
{
    struct sg_operation operation;

    enum sg_rc rc = sg_operation_begin(&operation, store, err);
    if (rc != SG_OK)
        return rc;
    rc = tell_ledger(store, making, "failed", sg_rc_word(failure->rc), failure->text, err);
    return sg_operation_end(&operation, rc, err);
}

/* --- the whole journal -------------------------------------------------------------------------------------------- */

static enum sg_rc copy_column(sqlite3_stmt *row, int column, enum sg_making_text which, struct sg_making *making,
                              struct sg_err *err)
{
    const char *text = (const char *)sqlite3_column_text(row, column);

    return text && text[0] ? sg_making_set(making, which, text, err) : SG_OK;
}

/* Columns: id, run, row, state, begun, changed, void, csr, texts. */
static enum sg_rc read_making(struct sg_store *store, sqlite3_stmt *row, struct sg_making *making, struct sg_err *err)
{
    int64_t state = sqlite3_column_int64(row, 3);
    struct sg_slice csr = sg_db_bytes(row, 7);
    enum sg_rc rc = SG_OK;

    if (state < 0 || state >= SG_MAKING_STATES)
        return sg_db_damaged(store, _("a token of provisioning in it has no known state"), err);
    making->id = sqlite3_column_int64(row, 0);
    making->run = sqlite3_column_int64(row, 1);
    making->row = sqlite3_column_int64(row, 2);
    making->state = (enum sg_making_state)state;
    making->begun = sqlite3_column_int64(row, 4);
    making->changed = sqlite3_column_int64(row, 5);
    making->is_void = sqlite3_column_int(row, 6) != 0;
    for (int i = 0; i < SG_MAKING_TEXTS && rc == SG_OK; i++)
        rc = copy_column(row, 8 + i, (enum sg_making_text)i, making, err);
    if (rc != SG_OK || csr.len == 0)
        return rc;
    making->csr = malloc(csr.len);
    if (!making->csr)
        return sg_fail_memory(err);
    memcpy(making->csr, csr.data, csr.len);
    making->csr_len = csr.len;
    return SG_OK;
}

/* Room for one more, zeroed, at the end of `*items`. */
static void *grow(void **items, size_t count, size_t size)
{
    char *grown = reallocarray(*items, count + 1, size);

    if (!grown)
        return NULL;
    *items = grown;
    return memset(grown + count * size, 0, size);
}

static enum sg_rc load_runs(struct sg_store *store, struct sg_makings *makings, struct sg_err *err)
{
    _cleanup_(sg_rows_resetp) sqlite3_stmt *rows = NULL;
    bool row = true;

    enum sg_rc rc = sg_db_query(store, SG_SQL_RUN_ALL, NULL, 0, &rows, err);
    while (rc == SG_OK && (rc = sg_db_next(store, rows, &row, err)) == SG_OK && row) {
        struct sg_provisioning *run = grow((void **)&makings->runs, makings->run_count, sizeof(*run));
        if (!run)
            return sg_fail_memory(err);
        makings->run_count++;
        rc = read_run(store, rows, run, err);
    }
    return rc;
}

struct sg_making *sg_makings_add(struct sg_makings *makings)
{
    struct sg_making *making = grow((void **)&makings->items, makings->count, sizeof(*making));

    makings->count += making != NULL;
    return making;
}

static enum sg_rc load_makings(struct sg_store *store, struct sg_makings *makings, struct sg_err *err)
{
    _cleanup_(sg_rows_resetp) sqlite3_stmt *rows = NULL;
    bool row = true;

    enum sg_rc rc = sg_db_query(store, SG_SQL_MAKING_ALL, NULL, 0, &rows, err);
    while (rc == SG_OK && (rc = sg_db_next(store, rows, &row, err)) == SG_OK && row) {
        struct sg_making *making = sg_makings_add(makings);
        if (!making)
            return sg_fail_memory(err);
        rc = read_making(store, rows, making, err);
    }
    return rc;
}

enum sg_rc sg_makings_load(struct sg_store *store, struct sg_makings **ret, struct sg_err *err)
{
    _cleanup_(sg_makings_freep) struct sg_makings *makings = calloc(1, sizeof(*makings));
    if (!makings)
        return sg_fail_memory(err);
    enum sg_rc rc = load_runs(store, makings, err);
    if (rc == SG_OK)
        rc = load_makings(store, makings, err);
    if (rc == SG_OK)
        *ret = sg_steal(makings);
    return rc;
}

void sg_makings_free(struct sg_makings *makings)
{
    if (!makings)
        return;
    for (size_t i = 0; i < makings->count; i++)
        sg_making_clear(&makings->items[i]);
    free(makings->items);
    free(makings->runs);
    free(makings);
}
