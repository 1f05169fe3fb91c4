#include "cli/provision_report.h"

#include <string.h>

#include "base/csv.h"
#include "base/msg.h"
#include "base/outfile.h"
#include "cli/keygen.h"

#define MAX_REPORT (16 * SG_MIB)

static const char *state_of(const struct sg_making *making)
{
    return making ? sg_making_state_word(making->state) : "pending";
}

/* --- JSON --------------------------------------------------------------------------------------------------------- */

static json_t *text_or_null(const struct sg_making *making, enum sg_making_text which)
{
    const char *text = making ? sg_making_text(making, which) : "";

    return sg_json_text(text[0] ? text : NULL);
}

static json_t *token_json(const struct sg_making *making)
{
    if (!making)
        return json_null();
    return json_pack("{s:o, s:o}", "label", text_or_null(making, SG_MAKING_LABEL), "serial",
                     text_or_null(making, SG_MAKING_SERIAL));
}

static json_t *key_json(const struct sg_person *person, const struct sg_making *making)
{
    if (!making || making->state < SG_MAKING_KEY_MADE)
        return json_null();
    return json_pack("{s:o, s:s, s:s, s:o, s:o, s:o}", "id", text_or_null(making, SG_MAKING_KEY_ID), "kind",
                     sg_key_kind_text(person->kind), "usage", sg_key_purpose_text(person->usage), "spki_sha256",
                     text_or_null(making, SG_MAKING_SPKI_SHA256), "attributes",
                     json_loads(sg_making_text(making, SG_MAKING_ATTRIBUTES), 0, NULL), "custody",
                     text_or_null(making, SG_MAKING_BASIS));
}

static json_t *files_json(const struct sg_making *making)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:o}", "letter", text_or_null(making, SG_MAKING_LETTER), "letter_sha256",
                     text_or_null(making, SG_MAKING_LETTER_SHA256), "escrow", text_or_null(making, SG_MAKING_ESCROW),
                     "escrow_sha256", text_or_null(making, SG_MAKING_ESCROW_SHA256), "csr",
                     text_or_null(making, SG_MAKING_CSR_PATH));
}

json_t *sg_report_row(const struct sg_run *run, int64_t row)
{
    const struct sg_person *person = &run->staff->persons[row - 1];
    const struct sg_making *making = sg_run_making(run, row), *earlier = NULL;

    if (sg_run_earlier(run, row, &earlier, NULL) != SG_OK)
        return NULL;
    return json_pack("{s:s, s:I, s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "schema",
                     "signet.provision/1", "row", (json_int_t)row, "name", person->name, "email", person->email,
                     "subject", person->subject, "state", state_of(making), "token", token_json(making),
                     "earlier_token", token_json(earlier), "key", key_json(person, making), "files", files_json(making),
                     "certificate_sha256", text_or_null(making, SG_MAKING_CERTIFICATE_SHA256), "begun",
                     making ? sg_json_time(making->begun) : json_null(), "changed",
                     making ? sg_json_time(making->changed) : json_null());
}

static enum sg_rc write_json(const struct sg_run *run, const char *path, struct sg_err *err)
{
    _cleanup_(json_decrefp) json_t *report = NULL;
    json_t *rows = json_array();
    char sha256[SG_SHA256_HEX];

    sg_hex(run->staff->sha256, SG_SHA256_LEN, sha256);
    report = json_pack("{s:s, s:s, s:o, s:o}", "schema", "signet.provision-report/1", "csv_sha256", sha256, "begun",
                       sg_json_time(run->journal.begun), "rows", rows);
    if (!report)
        return sg_fail_memory(err);
    for (int64_t row = 1; row <= (int64_t)run->staff->count; row++)
        if (json_array_append_new(rows, sg_report_row(run, row)) != 0)
            return sg_fail_memory(err);
    _cleanup_(freep) char *text = json_dumps(report, JSON_INDENT(2));
    if (!text)
        return sg_fail_memory(err);
    return sg_file_write(path, (struct sg_slice){(uint8_t *)text, strlen(text)}, SG_OUT_REPLACE, err);
}

/* --- CSV ---------------------------------------------------------------------------------------------------------- */

static const char *const columns[] = {"row",
                                      "name",
                                      "email",
                                      "subject",
                                      "label",
                                      "kind",
                                      "usage",
                                      "state",
                                      "serial",
                                      "key_id",
                                      "spki_sha256",
                                      "attributes",
                                      "custody",
                                      "begun",
                                      "changed",
                                      "letter",
                                      "escrow",
                                      "csr",
                                      "certificate_sha256"};

enum { COLUMNS = sizeof(columns) / sizeof(columns[0]) };

static enum sg_rc put_line(struct sg_buf *out, const char *const fields[COLUMNS], struct sg_err *err)
{
    enum sg_rc rc = SG_OK;

    for (size_t i = 0; rc == SG_OK && i < COLUMNS; i++)
        rc = sg_csv_put(out, fields[i], err);
    return rc == SG_OK ? sg_csv_put_end(out, err) : rc;
}

static enum sg_rc put_row(const struct sg_run *run, int64_t row, struct sg_buf *out, struct sg_err *err)
{
    static const struct sg_making none = {0};
    const struct sg_person *person = &run->staff->persons[row - 1];
    const struct sg_making *found = sg_run_making(run, row), *making = found ? found : &none;
    char number[24], begun[SG_TIME_TEXT] = "", changed[SG_TIME_TEXT] = "";

    (void)snprintf(number, sizeof(number), "%lld", (long long)row);
    if (found) {
        (void)sg_time_text(making->begun, begun);
        (void)sg_time_text(making->changed, changed);
    }
    const char *const fields[COLUMNS] = {
        number,
        person->name,
        person->email,
        person->subject,
        person->label,
        sg_key_kind_text(person->kind),
        sg_key_purpose_text(person->usage),
        state_of(found),
        sg_making_text(making, SG_MAKING_SERIAL),
        sg_making_text(making, SG_MAKING_KEY_ID),
        sg_making_text(making, SG_MAKING_SPKI_SHA256),
        sg_making_text(making, SG_MAKING_ATTRIBUTES),
        sg_making_text(making, SG_MAKING_BASIS),
        begun,
        changed,
        sg_making_text(making, SG_MAKING_LETTER),
        sg_making_text(making, SG_MAKING_ESCROW),
        sg_making_text(making, SG_MAKING_CSR_PATH),
        sg_making_text(making, SG_MAKING_CERTIFICATE_SHA256),
    };
    return put_line(out, fields, err);
}

static enum sg_rc write_csv(const struct sg_run *run, const char *path, struct sg_err *err)
{
    _cleanup_(sg_buf_clear) struct sg_buf out = SG_BUF(MAX_REPORT);
    enum sg_rc rc = put_line(&out, columns, err);

    for (int64_t row = 1; rc == SG_OK && row <= (int64_t)run->staff->count; row++)
        rc = put_row(run, row, &out, err);
    return rc == SG_OK ? sg_file_write(path, sg_buf_slice(&out), SG_OUT_REPLACE, err) : rc;
}

enum sg_rc sg_report_write(const struct sg_run *run, const char *path, struct sg_err *err)
{
    size_t len = strlen(path);

    return len >= 4 && strcmp(path + len - 4, ".csv") == 0 ? write_csv(run, path, err) : write_json(run, path, err);
}
