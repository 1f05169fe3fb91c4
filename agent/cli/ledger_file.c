#include "cli/ledger_file.h"

#include <string.h>

#include <openssl/evp.h>

#include "base/input.h"
#include "base/limits.h"
#include "base/msg.h"

const char *sg_ledger_note(void)
{
    return _("Signatures that other programs made with the same keys are not in this ledger.");
}

enum sg_rc sg_ledger_malformed(const char *what, struct sg_err *err)
{
    return sg_fail(err, SG_E_MALFORMED, _("The file is not an export of a ledger (signet.ledger/1): %s."), what);
}

const char *sg_witness_kind_word(enum sg_witness_kind kind)
{
    return kind == SG_WITNESS_TSA ? "tsa" : "target";
}

bool sg_witness_kind_of(const char *word, enum sg_witness_kind *ret)
{
    *ret = strcmp(word, "tsa") == 0 ? SG_WITNESS_TSA : SG_WITNESS_TARGET;
    return strcmp(word, sg_witness_kind_word(*ret)) == 0;
}

enum sg_rc sg_ledger_put_base64(struct sg_buf *out, struct sg_slice bytes, struct sg_err *err)
{
    uint8_t *room;
    size_t len = (bytes.len + 2) / 3 * 4;

    if (bytes.len > SG_MAX_TIMESTAMP)
        return sg_fail(err, SG_E_LIMIT, "%s", _("A time-stamp of the ledger is too long."));
    enum sg_rc rc = sg_buf_extend(out, len + 1, &room, err); /* EVP_EncodeBlock() adds a NUL */
    if (rc != SG_OK)
        return rc;
    if (bytes.len > 0)
        (void)EVP_EncodeBlock(room, bytes.data, (int)bytes.len);
    out->len--;
    return SG_OK;
}

enum sg_rc sg_ledger_take_base64(const char *text, struct sg_buf *out, struct sg_err *err)
{
    size_t len = strlen(text), before = out->len;
    uint8_t *room;

    if (len == 0)
        return SG_OK;
    if (len % 4 != 0 || len / 4 * 3 > SG_MAX_TIMESTAMP)
        return sg_ledger_malformed(_("a time-stamp is not in base64, or too long"), err);
    enum sg_rc rc = sg_buf_extend(out, len / 4 * 3, &room, err);
    if (rc != SG_OK)
        return rc;
    int decoded = EVP_DecodeBlock(room, (const unsigned char *)text, (int)len);
    /* EVP_DecodeBlock() counts what stands for padding. */
    int padding = text[len - 1] != '=' ? 0 : text[len - 2] != '=' ? 1 : 2;
    if (decoded <= padding)
        return sg_ledger_malformed(_("a time-stamp is not in base64"), err);
    out->len = before + (size_t)(decoded - padding);
    return SG_OK;
}

/* --- writing ------------------------------------------------------------------------------------------------------ */

enum sg_rc sg_ledger_format_of(const char *path, const struct sg_ledger_format **ret, struct sg_err *err)
{
    static const struct sg_ledger_format *const formats[] = {&sg_ledger_csv, &sg_ledger_json};
    const char *ending = strrchr(path, '.');

    for (size_t i = 0; ending && i < sizeof(formats) / sizeof(formats[0]); i++)
        if (strcasecmp(ending, formats[i]->ending) == 0) {
            *ret = formats[i];
            return SG_OK;
        }
    return sg_fail(err, SG_E_USAGE, _("\"%s\" has to end in .csv or .json, which says what is written."), path);
}

struct writing {
    const struct sg_ledger_format *format;
    struct sg_outfile *out;
    struct sg_buf part; /* not yet in `out` */
    size_t entries, witnesses;
};

/* What cannot be read again is not written. */
static enum sg_rc pass_on(struct writing *w, enum sg_rc rc, struct sg_err *err)
{
    if (rc == SG_OK)
        rc = sg_outfile_write(w->out, w->part.data, w->part.len, err);
    w->part.len = 0;
    if (rc == SG_OK && sg_outfile_size(w->out) > SG_MAX_LEDGER_EXPORT)
        return sg_fail(
            err, SG_E_LIMIT,
            _("That is more than the %zu MiB that an export may have; export it in parts, by --since and --until."),
            SG_MAX_LEDGER_EXPORT / SG_MIB);
    return rc;
}

static enum sg_rc write_witness(void *context, const struct sg_witness *witness, struct sg_err *err)
{
    struct writing *w = context;

    return pass_on(w, w->format->witness(&w->part, w->witnesses++, witness, err), err);
}

static enum sg_rc write_entry(void *context, const struct sg_ledger_record *record, struct sg_err *err)
{
    struct writing *w = context;

    return pass_on(w, w->format->entry(&w->part, w->entries++, record, err), err);
}

static enum sg_rc write_all(struct writing *w, struct sg_store *store, const struct sg_ledger_about *about,
                            struct sg_err *err)
{
    enum sg_rc rc = pass_on(w, w->format->begin(&w->part, about, err), err);

    if (rc == SG_OK)
        rc = sg_witness_read(store, about->range, (struct sg_witness_reader){write_witness, w}, err);
    if (rc == SG_OK)
        rc = pass_on(w, w->format->begin_entries(&w->part, err), err);
    if (rc == SG_OK)
        rc = sg_ledger_read(store, about->range, (struct sg_ledger_reader){write_entry, w}, err);
    return rc == SG_OK ? pass_on(w, w->format->end(&w->part, err), err) : rc;
}

enum sg_rc sg_ledger_export(struct sg_store *store, struct sg_ledger_range range, int64_t now, const char *path,
                            bool force, size_t *ret_entries, size_t *ret_witnesses, struct sg_err *err)
{
    _cleanup_(sg_outfile_freep) struct sg_outfile *out = NULL;
    _cleanup_(sg_buf_clear) struct sg_buf part = SG_BUF(SG_MAX_LEDGER_EXPORT);
    struct sg_ledger_about about = {.range = range, .made = now};
    struct writing w = {0};

    enum sg_rc rc = sg_ledger_format_of(path, &w.format, err);
    if (rc == SG_OK)
        rc = sg_store_id(store, about.store, err);
    if (rc == SG_OK)
        rc = sg_outfile_open(path, force ? SG_OUT_REPLACE : 0, &out, err);
    if (rc != SG_OK)
        return rc;
    w.out = out;
    w.part = part;
    rc = write_all(&w, store, &about, err);
    part = w.part;
    if (rc == SG_OK)
        rc = sg_outfile_commit(out, err);
    if (rc == SG_OK) {
        *ret_entries = w.entries;
        *ret_witnesses = w.witnesses;
    }
    return rc;
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

enum sg_rc sg_ledger_file_read(const char *path, struct sg_ledger_file_reader reader, struct sg_err *err)
{
    _cleanup_(sg_input_freep) struct sg_input *input = NULL;
    _cleanup_(sg_buf_clear) struct sg_buf file = SG_BUF(SG_MAX_LEDGER_EXPORT);

    enum sg_rc rc = sg_input_open(path, &input, err);
    if (rc == SG_OK)
        rc = sg_input_read_all(input, &file, err);
    if (rc != SG_OK)
        return rc;
    const struct sg_ledger_format *format = file.len > 0 && file.data[0] == '{' ? &sg_ledger_json : &sg_ledger_csv;
    rc = format->read(sg_buf_slice(&file), reader, err);
    if (rc != SG_OK && err && !err->file[0])
        sg_err_file(err, path);
    return rc;
}
