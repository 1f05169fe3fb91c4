/* An export of the ledger: entries with everything that goes into their hashes, and the witnesses known for them, so
 * that it can be checked without the store. docs/ledger.md is the format. JSON and CSV say the same. */
#pragma once

#include "base/outfile.h"
#include "cli/output.h"
#include "store/witness.h"

/* What it says of itself. */
struct sg_ledger_about {
    char store[SG_STORE_ID];
    struct sg_ledger_range range;
    int64_t made;
};

/* Translated; what every export says of what is not in it. */
const char *sg_ledger_note(void);

/* Parts in the order in which they are given; what they are given is borrowed. Anything but SG_OK stops the reading. */
struct sg_ledger_file_reader {
    enum sg_rc (*about)(void *context, const struct sg_ledger_about *about, struct sg_err *err);
    enum sg_rc (*witness)(void *context, const struct sg_witness *witness, struct sg_err *err);
    enum sg_rc (*entry)(void *context, const struct sg_ledger_record *record, struct sg_err *err);
    void *context;
};

/* One way to write it down; each appends to `out`. `index` counts from 0. What is not in this form is SG_E_MALFORMED.
 */
struct sg_ledger_format {
    const char *ending;
    enum sg_rc (*begin)(struct sg_buf *out, const struct sg_ledger_about *about, struct sg_err *err);
    enum sg_rc (*witness)(struct sg_buf *out, size_t index, const struct sg_witness *witness, struct sg_err *err);
    enum sg_rc (*begin_entries)(struct sg_buf *out, struct sg_err *err);
    enum sg_rc (*entry)(struct sg_buf *out, size_t index, const struct sg_ledger_record *record, struct sg_err *err);
    enum sg_rc (*end)(struct sg_buf *out, struct sg_err *err);
    enum sg_rc (*read)(struct sg_slice file, struct sg_ledger_file_reader reader, struct sg_err *err);
};

extern const struct sg_ledger_format sg_ledger_csv, sg_ledger_json;

/* By the ending of the file's name; else SG_E_USAGE. */
SG_MUST_CHECK enum sg_rc sg_ledger_format_of(const char *path, const struct sg_ledger_format **ret, struct sg_err *err);

/* Exports the entries of the range from the store to a file that is not there yet, or is replaced with `force`. */
SG_MUST_CHECK enum sg_rc sg_ledger_export(struct sg_store *store, struct sg_ledger_range range, int64_t now,
                                          const char *path, bool force, size_t *ret_entries, size_t *ret_witnesses,
                                          struct sg_err *err);
/* Reads one, whichever form it has. */
SG_MUST_CHECK enum sg_rc sg_ledger_file_read(const char *path, struct sg_ledger_file_reader reader, struct sg_err *err);

/* --- what both forms need ----------------------------------------------------------------------------------------- */

enum sg_rc sg_ledger_malformed(const char *what, struct sg_err *err);
const char *sg_witness_kind_word(enum sg_witness_kind kind); /* "tsa", "target" */
SG_MUST_CHECK bool sg_witness_kind_of(const char *word, enum sg_witness_kind *ret);
/* Base64 in one line, with its padding. Appends. */
SG_MUST_CHECK enum sg_rc sg_ledger_put_base64(struct sg_buf *out, struct sg_slice bytes, struct sg_err *err);
SG_MUST_CHECK enum sg_rc sg_ledger_take_base64(const char *text, struct sg_buf *out, struct sg_err *err);
/* An entry as an object, all but its schema; NULL: no memory. */
json_t *sg_ledger_entry_json(const struct sg_ledger_record *record);
