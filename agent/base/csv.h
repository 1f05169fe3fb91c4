/* CSV as RFC 4180 has it: fields between commas, in quotes where they hold a comma, a quote or a line break. Strict:
 * UTF-8, a quote only around a whole field, every record with as many fields as the first. Lines may end in LF alone,
 * and a byte order mark at the start is skipped, since that is what spreadsheets write. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/limits.h"

struct sg_csv {
    struct sg_slice rest; /* borrowed */
    size_t line;          /* of what `rest` begins with, from 1 */
    size_t count;         /* fields in each record; 0 before the first */
    char *text;           /* the present record's fields, each with a NUL behind it */
    const char *fields[SG_MAX_CSV_FIELDS];
    size_t record_line; /* that the present record begins on */
};

/* `file` must outlive the reader. Neither UTF-8 nor free of NUL bytes: SG_E_MALFORMED, with the line. Free what it
 * holds with sg_csv_clear(). */
SG_MUST_CHECK enum sg_rc sg_csv_open(struct sg_slice file, struct sg_csv *ret, struct sg_err *err);
void sg_csv_clear(struct sg_csv *csv);
/* The next record's fields, until the next call; false at the end. SG_E_MALFORMED names the line, and the character in
 * it where that helps; more than SG_MAX_CSV_FIELDS: SG_E_LIMIT. After SG_E_MALFORMED for a wrong number of fields the
 * reader can go on behind the record (`*ret_more` is then true); after anything else it cannot. */
SG_MUST_CHECK enum sg_rc sg_csv_next(struct sg_csv *csv, bool *ret_more, struct sg_err *err);

/* Appends a field, quoted where it has to be, behind a comma unless the buffer is at the start of a line. */
SG_MUST_CHECK enum sg_rc sg_csv_put(struct sg_buf *out, const char *field, struct sg_err *err);
SG_MUST_CHECK enum sg_rc sg_csv_put_end(struct sg_buf *out, struct sg_err *err);
