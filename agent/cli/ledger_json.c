/* The ledger's export in JSON: one object, an entry or a witness a line. */
#include <string.h>

#include "base/limits.h"
#include "base/msg.h"
#include "cli/ledger_file.h"

/* --- writing ------------------------------------------------------------------------------------------------------ */

/* What is not UTF-8 was not written by us: its hash will not fit either way. */
static json_t *slice_json(struct sg_slice text)
{
    json_t *direct = json_stringn(text.data ? (const char *)text.data : "", text.len);

    if (direct)
        return direct;
    _cleanup_(freep) char *copy = strndup((const char *)text.data, text.len);
    return copy ? sg_json_text(copy) : NULL;
}

static json_t *hash_json(struct sg_slice hash)
{
    char hex[SG_SHA256_HEX];

    sg_hex(hash.data, hash.len < SG_SHA256_LEN ? hash.len : SG_SHA256_LEN, hex);
    return json_string(hex);
}

json_t *sg_ledger_entry_json(const struct sg_ledger_record *record)
{
    _cleanup_(json_decrefp) json_t *object =
        json_pack("{s:I, s:o}", "number", (json_int_t)record->number, "time", sg_json_time(record->time));
    bool ok = object != NULL;

    for (size_t i = 0; ok && i < SG_LEDGER_TEXTS; i++)
        ok =
            json_object_set_new(object, sg_ledger_text_name((enum sg_ledger_text)i), slice_json(record->texts[i])) == 0;
    ok = ok && json_object_set_new(object, "previous", hash_json(record->previous)) == 0 &&
         json_object_set_new(object, "hash", hash_json(record->hash)) == 0;
    return ok ? sg_steal(object) : NULL;
}

static int append(const char *text, size_t len, void *context)
{
    return sg_buf_append(context, text, len, NULL) == SG_OK ? 0 : -1;
}

/* Takes it over. */
static enum sg_rc put_json(struct sg_buf *out, json_t *value, struct sg_err *err)
{
    _cleanup_(json_decrefp) json_t *owned = value;

    return owned && json_dump_callback(owned, append, out, JSON_COMPACT | JSON_ENCODE_ANY) == 0 ? SG_OK
                                                                                                : sg_fail_memory(err);
}

static enum sg_rc put_item(struct sg_buf *out, size_t index, json_t *item, struct sg_err *err)
{
    _cleanup_(json_decrefp) json_t *owned = item;
    enum sg_rc rc = sg_buf_printf(out, err, "%s\n", index > 0 ? "," : "");

    return rc == SG_OK ? put_json(out, sg_steal(owned), err) : rc;
}

static enum sg_rc begin(struct sg_buf *out, const struct sg_ledger_about *about, struct sg_err *err)
{
    char made[SG_TIME_TEXT];
    enum sg_rc rc = sg_buf_printf(out, err,
                                  "{\"schema\":\"signet.ledger/1\",\"store\":\"%s\",\"first\":%lld,"
                                  "\"last\":%lld,\"made\":\"%s\",\n\"note\":",
                                  about->store, (long long)about->range.first, (long long)about->range.last,
                                  sg_time_text(about->made, made));

    if (rc == SG_OK)
        rc = put_json(out, sg_json_text(sg_ledger_note()), err);
    return rc == SG_OK ? sg_buf_printf(out, err, ",\n\"witnesses\":[") : rc;
}

static enum sg_rc put_witness(struct sg_buf *out, size_t index, const struct sg_witness *witness, struct sg_err *err)
{
    _cleanup_(sg_buf_clear) struct sg_buf proof = SG_BUF(2 * SG_MAX_TIMESTAMP);
    const struct sg_statement *statement = &witness->statement;
    const char *base64 = NULL;

    enum sg_rc rc = sg_ledger_put_base64(&proof, witness->token, err);
    if (rc == SG_OK)
        rc = sg_buf_text(&proof, &base64, err);
    if (rc != SG_OK)
        return rc;
    return put_item(out, index,
                    json_pack("{s:I, s:o, s:o, s:s, s:o, s:o, s:o, s:s}", "number", (json_int_t)statement->number,
                              "time", sg_json_time(statement->time), "hash",
                              hash_json((struct sg_slice){statement->hash, SG_SHA256_LEN}), "kind",
                              sg_witness_kind_word(witness->kind), "name", sg_json_text(witness->name), "url",
                              sg_json_text(witness->url), "witnessed", sg_json_time(witness->time), "proof", base64),
                    err);
}

static enum sg_rc begin_entries(struct sg_buf *out, struct sg_err *err)
{
    return sg_buf_printf(out, err, "],\n\"entries\":[");
}

static enum sg_rc put_entry(struct sg_buf *out, size_t index, const struct sg_ledger_record *record, struct sg_err *err)
{
    return put_item(out, index, sg_ledger_entry_json(record), err);
}

static enum sg_rc end(struct sg_buf *out, struct sg_err *err)
{
    return sg_buf_printf(out, err, "]}\n");
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

/* NULL: not a text. jansson takes no NUL into one. */
static const char *text_at(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

static bool number_at(const json_t *object, const char *name, int64_t *ret)
{
    const json_t *value = json_object_get(object, name);

    *ret = json_integer_value(value);
    return json_is_integer(value);
}

static bool time_at(const json_t *object, const char *name, int64_t *ret)
{
    const char *text = text_at(object, name);

    return text && sg_time_parse(text, ret, NULL) == SG_OK;
}

static bool hash_at(const json_t *object, const char *name, uint8_t out[SG_SHA256_LEN])
{
    const char *text = text_at(object, name);

    return text && sg_unhex(text, out, SG_SHA256_LEN);
}

static enum sg_rc take_about(const json_t *root, struct sg_ledger_about *about, struct sg_err *err)
{
    const char *schema = text_at(root, "schema"), *store = text_at(root, "store");

    if (!schema || strcmp(schema, "signet.ledger/1") != 0)
        return sg_ledger_malformed(_("its schema is another"), err);
    if (!store || strlen(store) != SG_STORE_ID - 1 || !number_at(root, "first", &about->range.first) ||
        !number_at(root, "last", &about->range.last) || !time_at(root, "made", &about->made) ||
        !json_is_array(json_object_get(root, "witnesses")) || !json_is_array(json_object_get(root, "entries")))
        return sg_ledger_malformed(_("what it says of itself is not complete"), err);
    memcpy(about->store, store, SG_STORE_ID);
    return SG_OK;
}

static enum sg_rc take_witness(const json_t *object, const char *store, struct sg_ledger_file_reader reader,
                               struct sg_err *err)
{
    _cleanup_(sg_buf_clear) struct sg_buf token = SG_BUF(SG_MAX_TIMESTAMP);
    struct sg_witness witness = {.name = text_at(object, "name"), .url = text_at(object, "url")};
    const char *kind = text_at(object, "kind"), *proof = text_at(object, "proof");

    memcpy(witness.statement.store, store, SG_STORE_ID);
    if (!witness.name || !witness.url || !kind || !proof || !sg_witness_kind_of(kind, &witness.kind) ||
        !number_at(object, "number", &witness.statement.number) || !time_at(object, "time", &witness.statement.time) ||
        !hash_at(object, "hash", witness.statement.hash) || !time_at(object, "witnessed", &witness.time))
        return sg_ledger_malformed(_("a witness is not one"), err);
    enum sg_rc rc = sg_ledger_take_base64(proof, &token, err);
    if (rc != SG_OK)
        return rc;
    witness.token = sg_buf_slice(&token);
    return reader.witness(reader.context, &witness, err);
}

static enum sg_rc take_entry(const json_t *object, struct sg_ledger_file_reader reader, struct sg_err *err)
{
    uint8_t previous[SG_SHA256_LEN], hash[SG_SHA256_LEN];
    struct sg_ledger_record record = {.previous = {previous, SG_SHA256_LEN}, .hash = {hash, SG_SHA256_LEN}};
    bool ok = number_at(object, "number", &record.number) && time_at(object, "time", &record.time) &&
              hash_at(object, "previous", previous) && hash_at(object, "hash", hash);

    for (size_t i = 0; i < SG_LEDGER_TEXTS; i++) {
        const json_t *text = json_object_get(object, sg_ledger_text_name((enum sg_ledger_text)i));
        ok = ok && json_is_string(text);
        record.texts[i] = (struct sg_slice){(const uint8_t *)json_string_value(text), json_string_length(text)};
    }
    if (!ok)
        return sg_ledger_malformed(_("an entry is not one"), err);
    return reader.entry(reader.context, &record, err);
}

static enum sg_rc read_file(struct sg_slice file, struct sg_ledger_file_reader reader, struct sg_err *err)
{
    struct sg_ledger_about about;
    json_error_t error;
    const json_t *item = NULL;
    size_t i = 0;
    _cleanup_(json_decrefp) json_t *root =
        json_loadb((const char *)file.data, file.len, JSON_REJECT_DUPLICATES, &error);

    if (!root)
        return sg_ledger_malformed(error.text, err);
    enum sg_rc rc = take_about(root, &about, err);
    if (rc == SG_OK)
        rc = reader.about(reader.context, &about, err);
    json_array_foreach(json_object_get(root, "witnesses"), i, item)
    {
        if (rc == SG_OK)
            rc = take_witness(item, about.store, reader, err);
    }
    json_array_foreach(json_object_get(root, "entries"), i, item)
    {
        if (rc == SG_OK)
            rc = take_entry(item, reader, err);
    }
    return rc;
}

const struct sg_ledger_format sg_ledger_json = {
    .ending = ".json",
    .begin = begin,
    .witness = put_witness,
    .begin_entries = begin_entries,
    .entry = put_entry,
    .end = end,
    .read = read_file,
};
