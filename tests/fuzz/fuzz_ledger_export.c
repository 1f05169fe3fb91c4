/* Exports of a ledger, which whoever checks them got from elsewhere: what is read can be written again, and then reads
 * the same. */
#include <string.h>

#include "base/limits.h"
#include "cli/ledger_file.h"
#include "fuzz.h"

struct again {
    const struct sg_ledger_format *format;
    struct sg_buf out;
    size_t witnesses, entries;
    bool about;
};

static enum sg_rc write_about(void *context, const struct sg_ledger_about *about, struct sg_err *err)
{
    struct again *again = context;
    must(!again->about);
    again->about = true;
    return again->format->begin(&again->out, about, err);
}

static enum sg_rc write_witness(void *context, const struct sg_witness *witness, struct sg_err *err)
{
    struct again *again = context;
    must(again->about && again->entries == 0);
    return again->format->witness(&again->out, again->witnesses++, witness, err);
}

static enum sg_rc write_entry(void *context, const struct sg_ledger_record *record, struct sg_err *err)
{
    struct again *again = context;
    must(again->about);
    enum sg_rc rc = again->entries == 0 ? again->format->begin_entries(&again->out, err) : SG_OK;
    return rc == SG_OK ? again->format->entry(&again->out, again->entries++, record, err) : rc;
}

static enum sg_rc read_and_write(struct sg_slice file, struct again *again)
{
    const struct sg_ledger_file_reader reader = {write_about, write_witness, write_entry, again};
    struct sg_err err = {0};
    enum sg_rc rc = again->format->read(file, reader, &err);
    if (rc == SG_OK && again->entries == 0)
        rc = again->format->begin_entries(&again->out, &err);
    if (rc == SG_OK)
        rc = again->format->end(&again->out, &err);
    must(rc == SG_OK || err.text[0] != '\0');
    return rc;
}

static void try_format(const struct sg_ledger_format *format, struct sg_slice file)
{
    struct again first = {.format = format, .out = SG_BUF(64 * SG_MIB)};
    struct again second = {.format = format, .out = SG_BUF(64 * SG_MIB)};
    enum sg_rc rc = read_and_write(file, &first);
    must(rc == SG_OK || rc == SG_E_MALFORMED || rc == SG_E_LIMIT);
    if (rc == SG_OK) {
        must(read_and_write(sg_buf_slice(&first.out), &second) == SG_OK);
        must(sg_slice_equal(sg_buf_slice(&first.out), sg_buf_slice(&second.out)));
    }
    sg_buf_clear(&first.out);
    sg_buf_clear(&second.out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sg_slice file = {data, size};
    try_format(&sg_ledger_csv, file);
    try_format(&sg_ledger_json, file);
    return 0;
}
