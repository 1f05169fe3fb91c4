/* The ledger's export in CSV: a record for the export itself, then one for each witness, then one for each entry. */
#include <errno.h>
#include <string.h>

#include "base/csv.h"
#include "base/limits.h"
#include "base/msg.h"
#include "cli/ledger_file.h"

enum column {
    RECORD, /* "export", "witness", "entry" */
    STORE,
    NUMBER, /* of an export: of its first entry */
    LAST,
    TIME,
    TEXTS, /* event, code, token, key, object, detail */
    PREVIOUS = TEXTS + SG_LEDGER_TEXTS,
    HASH,
    KIND,
    NAME,
    URL,
    WITNESSED,
    PROOF,
    COLUMNS
};

#define FIRST_LINE                                                                                                     \
    "record,store,number,last,time,event,code,token,key,object,detail,previous,hash,kind,name,url,witnessed,proof"

/* --- writing ------------------------------------------------------------------------------------------------------ */

/* Fields that are not given are empty. */
static enum sg_rc put_record(struct sg_buf *out, const char *const fields[COLUMNS], struct sg_err *err)
{
    enum sg_rc rc = SG_OK;

    for (size_t i = 0; rc == SG_OK && i < COLUMNS; i++)
        rc = sg_csv_put(out, fields[i] ? fields[i] : "", err);
    return rc == SG_OK ? sg_csv_put_end(out, err) : rc;
}

#define NUMBER_TEXT 24

static const char *number_text(int64_t number, char out[NUMBER_TEXT])
{
    (void)snprintf(out, NUMBER_TEXT, "%lld", (long long)number);
    return out;
}

static const char *hash_text(struct sg_slice hash, char out[SG_SHA256_HEX])
{
    sg_hex(hash.data, hash.len < SG_SHA256_LEN ? hash.len : SG_SHA256_LEN, out);
    return out;
}

static enum sg_rc begin(struct sg_buf *out, const struct sg_ledger_about *about, struct sg_err *err)
{
    char first[NUMBER_TEXT], last[NUMBER_TEXT], made[SG_TIME_TEXT];
    const char *const fields[COLUMNS] = {[RECORD] = "export",
                                         [STORE] = about->store,
                                         [NUMBER] = number_text(about->range.first, first),
                                         [LAST] = number_text(about->range.last, last),
                                         [TIME] = sg_time_text(about->made, made),
                                         [TEXTS + SG_LEDGER_DETAIL] = sg_ledger_note()};
    enum sg_rc rc = sg_buf_printf(out, err, "%s\r\n", FIRST_LINE);

    return rc == SG_OK ? put_record(out, fields, err) : rc;
}

static enum sg_rc put_witness(struct sg_buf *out, size_t index, const struct sg_witness *witness, struct sg_err *err)
{
    (void)index;
    _cleanup_(sg_buf_clear) struct sg_buf proof = SG_BUF(2 * SG_MAX_TIMESTAMP);
    char number[NUMBER_TEXT], time[SG_TIME_TEXT], hash[SG_SHA256_HEX], witnessed[SG_TIME_TEXT];
    const struct sg_statement *statement = &witness->statement;
    const char *base64 = NULL;

    enum sg_rc rc = sg_ledger_put_base64(&proof, witness->token, err);
    if (rc == SG_OK)
        rc = sg_buf_text(&proof, &base64, err);
    if (rc != SG_OK)
        return rc;
    const char *const fields[COLUMNS] = {[RECORD] = "witness",
                                         [STORE] = statement->store,
                                         [NUMBER] = number_text(statement->number, number),
                                         [TIME] = sg_time_text(statement->time, time),
                                         [HASH] = hash_text((struct sg_slice){statement->hash, SG_SHA256_LEN}, hash),
                                         [KIND] = sg_witness_kind_word(witness->kind),
                                         [NAME] = witness->name,
                                         [URL] = witness->url,
                                         [WITNESSED] = sg_time_text(witness->time, witnessed),
                                         [PROOF] = base64};
    return put_record(out, fields, err);
}

static enum sg_rc begin_entries(struct sg_buf *out, struct sg_err *err)
{
    (void)out, (void)err;
    return SG_OK;
}

static enum sg_rc put_entry(struct sg_buf *out, size_t index, const struct sg_ledger_record *record, struct sg_err *err)
{
    (void)index;
    _cleanup_(sg_buf_clear) struct sg_buf texts = SG_BUF(SG_MAX_LEDGER_EXPORT);
    char number[NUMBER_TEXT], time[SG_TIME_TEXT], previous[SG_SHA256_HEX], hash[SG_SHA256_HEX];
    const char *fields[COLUMNS] = {[RECORD] = "entry",
                                   [NUMBER] = number_text(record->number, number),
                                   [TIME] = sg_time_text(record->time, time),
                                   [PREVIOUS] = hash_text(record->previous, previous),
                                   [HASH] = hash_text(record->hash, hash)};
    size_t starts[SG_LEDGER_TEXTS];
    enum sg_rc rc = SG_OK;

    for (size_t i = 0; rc == SG_OK && i < SG_LEDGER_TEXTS; i++) {
        starts[i] = texts.len;
        rc = sg_buf_append(&texts, record->texts[i].data, record->texts[i].len, err);
        if (rc == SG_OK)
            rc = sg_buf_append(&texts, "", 1, err);
    }
    for (size_t i = 0; rc == SG_OK && i < SG_LEDGER_TEXTS; i++)
        fields[TEXTS + i] = (const char *)texts.data + starts[i];
    return rc == SG_OK ? put_record(out, fields, err) : rc;
}

static enum sg_rc end(struct sg_buf *out, struct sg_err *err)
{
    (void)out, (void)err;
    return SG_OK;
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

static bool take_number(const char *text, int64_t *ret)
{
    char *rest = NULL;

    errno = 0;
    *ret = strtoll(text, &rest, 10);
    return errno == 0 && rest != text && *rest == '\0' && (text[0] == '-' || (text[0] >= '0' && text[0] <= '9'));
}

static bool take_time(const char *text, int64_t *ret)
{
    return sg_time_parse(text, ret, NULL) == SG_OK;
}

static enum sg_rc take_about(const char *const *fields, struct sg_ledger_about *about, struct sg_err *err)
{
    if (strcmp(fields[RECORD], "export") != 0 || strlen(fields[STORE]) != SG_STORE_ID - 1 ||
        !take_number(fields[NUMBER], &about->range.first) || !take_number(fields[LAST], &about->range.last) ||
        !take_time(fields[TIME], &about->made))
        return sg_ledger_malformed(_("what it says of itself is not complete"), err);
    memcpy(about->store, fields[STORE], SG_STORE_ID);
    return SG_OK;
}

static enum sg_rc take_witness(const char *const *fields, const char *store, struct sg_ledger_file_reader reader,
                               struct sg_err *err)
{
    _cleanup_(sg_buf_clear) struct sg_buf token = SG_BUF(SG_MAX_TIMESTAMP);
    struct sg_witness witness = {.name = fields[NAME], .url = fields[URL]};

    memcpy(witness.statement.store, store, SG_STORE_ID);
    if (strcmp(fields[STORE], store) != 0 || !sg_witness_kind_of(fields[KIND], &witness.kind) ||
        !take_number(fields[NUMBER], &witness.statement.number) || !take_time(fields[TIME], &witness.statement.time) ||
        !sg_unhex(fields[HASH], witness.statement.hash, SG_SHA256_LEN) || !take_time(fields[WITNESSED], &witness.time))
        return sg_ledger_malformed(_("a witness is not one"), err);
    enum sg_rc rc = sg_ledger_take_base64(fields[PROOF], &token, err);
    if (rc != SG_OK)
        return rc;
    witness.token = sg_buf_slice(&token);
    return reader.witness(reader.context, &witness, err);
}

static enum sg_rc take_entry(const char *const *fields, struct sg_ledger_file_reader reader, struct sg_err *err)
{
    uint8_t previous[SG_SHA256_LEN], hash[SG_SHA256_LEN];
    struct sg_ledger_record record = {.previous = {previous, SG_SHA256_LEN}, .hash = {hash, SG_SHA256_LEN}};

    if (!take_number(fields[NUMBER], &record.number) || !take_time(fields[TIME], &record.time) ||
        !sg_unhex(fields[PREVIOUS], previous, SG_SHA256_LEN) || !sg_unhex(fields[HASH], hash, SG_SHA256_LEN))
        return sg_ledger_malformed(_("an entry is not one"), err);
    for (size_t i = 0; i < SG_LEDGER_TEXTS; i++)
        record.texts[i] = (struct sg_slice){(const uint8_t *)fields[TEXTS + i], strlen(fields[TEXTS + i])};
    return reader.entry(reader.context, &record, err);
}

static enum sg_rc take_record(const char *const *fields, const char *store, struct sg_ledger_file_reader reader,
                              struct sg_err *err)
{
    if (strcmp(fields[RECORD], "witness") == 0)
        return take_witness(fields, store, reader, err);
    if (strcmp(fields[RECORD], "entry") == 0)
        return take_entry(fields, reader, err);
    return sg_ledger_malformed(_("it has a record of no known kind"), err);
}

static enum sg_rc take_first_line(struct sg_csv *csv, struct sg_err *err)
{
    _cleanup_(sg_buf_clear) struct sg_buf line = SG_BUF(SG_MAX_LEDGER_EXPORT);
    const char *text = NULL;
    bool more = false;

    enum sg_rc rc = sg_csv_next(csv, &more, err);
    for (size_t i = 0; rc == SG_OK && i < csv->count; i++)
        rc = sg_csv_put(&line, csv->fields[i], err);
    if (rc == SG_OK)
        rc = sg_buf_text(&line, &text, err);
    if (rc == SG_OK && (!more || strcmp(text, FIRST_LINE) != 0))
        rc = sg_ledger_malformed(_("its columns are others"), err);
    return rc;
}

static enum sg_rc read_records(struct sg_csv *csv, struct sg_ledger_file_reader reader, struct sg_err *err)
{
    struct sg_ledger_about about = {0};
    bool more = false;

    enum sg_rc rc = take_first_line(csv, err);
    if (rc == SG_OK)
        rc = sg_csv_next(csv, &more, err);
    if (rc == SG_OK && !more)
        rc = sg_ledger_malformed(_("there is nothing in it"), err);
    if (rc == SG_OK)
        rc = take_about(csv->fields, &about, err);
    if (rc == SG_OK)
        rc = reader.about(reader.context, &about, err);
    while (rc == SG_OK && more) {
        rc = sg_csv_next(csv, &more, err);
        if (rc == SG_OK && more)
            rc = take_record(csv->fields, about.store, reader, err);
    }
    return rc;
}

static enum sg_rc read_file(struct sg_slice file, struct sg_ledger_file_reader reader, struct sg_err *err)
{
    struct sg_csv csv = {0};

    enum sg_rc rc = sg_csv_open(file, &csv, err);
    if (rc == SG_OK)
        rc = read_records(&csv, reader, err);
    sg_csv_clear(&csv);
    return rc;
}

const struct sg_ledger_format sg_ledger_csv = {
    .ending = ".csv",
    .begin = begin,
    .witness = put_witness,
    .begin_entries = begin_entries,
    .entry = put_entry,
    .end = end,
    .read = read_file,
};
