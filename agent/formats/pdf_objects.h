/* The objects of a PDF (ISO 32000-1 §7.3, §7.5) as plain values. They are read by qpdf with its recovery off: what it
 * would have to guess at is SG_E_MALFORMED. Nothing is judged here, and nothing is written.
 *
 * A revision of a file is a prefix of it (§7.5.6), and is opened like a file. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/input.h"

struct sg_pdf;

struct sg_pdf_id {
    int number, generation;
};

enum sg_pdf_type {
    SG_PDF_NULL,
    SG_PDF_BOOLEAN,
    SG_PDF_INTEGER,
    SG_PDF_REAL,
    SG_PDF_NAME,
    SG_PDF_STRING,
    SG_PDF_ARRAY,
    SG_PDF_DICTIONARY,
    SG_PDF_STREAM, /* its dictionary; the data: sg_pdf_stream() */
    SG_PDF_REFERENCE
};

#define SG_PDF_NO_OFFSET UINT64_MAX

struct sg_pdf_entry;

/* A value. Owned by the sg_pdf that it came from, and as old as that. */
struct sg_pdf_value {
    enum sg_pdf_type type;
    uint64_t offset;      /* of its first octet in the file (a stream: of its dictionary); SG_PDF_NO_OFFSET: it stands
                           * in an object stream */
    bool boolean;         /* of a boolean */
    int64_t integer;      /* of an integer */
    struct sg_pdf_id id;  /* of a reference: that of the object it refers to */
    struct sg_slice text; /* real: as written; name: without its slash, #xx decoded; string: its octets */
    const struct sg_pdf_entry *entries; /* of an array; of a dictionary or stream, sorted by key */
    size_t count;
};

struct sg_pdf_entry {
    struct sg_slice key; /* of a dictionary: a name as above */
    struct sg_pdf_value value;
};

/* Where the cross-reference has an object that is in use. */
struct sg_pdf_place {
    struct sg_pdf_id id;
    bool compressed;
    uint64_t offset; /* in the file; compressed: the number of the object stream */
    unsigned index;  /* compressed: in that */
};

/* The form of the file's newest cross-reference section (§7.5.4, §7.5.8). */
enum sg_pdf_xref { SG_PDF_XREF_TABLE, SG_PDF_XREF_STREAM, SG_PDF_XREF_HYBRID };

/* Whether the input begins as a PDF does: "%PDF-" is among its first 1,024 octets, and it is no archive. */
SG_MUST_CHECK enum sg_rc sg_pdf_probe(struct sg_input *input, bool *ret_is_pdf, struct sg_err *err);

/* Loads the module that sg_pdf_open() needs, for a process that is about to lose the right to open files. */
SG_MUST_CHECK enum sg_rc sg_pdf_preload(struct sg_err *err);

/* The first `end` octets of `input`, which must outlive the result. Broken: SG_E_MALFORMED, saying what and where;
 * encrypted: SG_E_UNSUPPORTED; over a limit: SG_E_LIMIT. The header must stand at octet 0: offsets (§7.5.4) count from
 * it for some readers, and from the first octet for others. */
SG_MUST_CHECK enum sg_rc sg_pdf_open(struct sg_input *input, uint64_t end, struct sg_pdf **ret, struct sg_err *err);
void sg_pdf_free(struct sg_pdf *pdf);
SG_DEFINE_CLEANUP(struct sg_pdf, sg_pdf_free)

const struct sg_pdf_value *sg_pdf_trailer(const struct sg_pdf *pdf); /* a dictionary */
uint64_t sg_pdf_startxref(const struct sg_pdf *pdf);                 /* where the newest section begins */
enum sg_pdf_xref sg_pdf_xref(const struct sg_pdf *pdf);
/* Every object in use, sorted by number. */
const struct sg_pdf_place *sg_pdf_places(const struct sg_pdf *pdf, size_t *ret_count);
/* That of one number, of whatever generation; NULL: it is not in use. */
const struct sg_pdf_place *sg_pdf_place_of(const struct sg_pdf *pdf, int number);

/* Whether two revisions of a file, `newer` the later one, have the object at the same place and wholly within the
 * earlier one, so that its octets and its meaning are the same. False also where that cannot be told. */
SG_MUST_CHECK enum sg_rc sg_pdf_same_place(struct sg_pdf *older, struct sg_pdf *newer, int number, bool *ret,
                                           struct sg_err *err);
/* An octet behind all that was read for an object that is not compressed, and perhaps some more; SG_PDF_NO_OFFSET: not
 * known. */
SG_MUST_CHECK enum sg_rc sg_pdf_extent(struct sg_pdf *pdf, struct sg_pdf_id id, uint64_t *ret, struct sg_err *err);
/* What both have at the same place is read once, by `newer`, which must outlive `pdf`. */
void sg_pdf_share(struct sg_pdf *pdf, struct sg_pdf *newer);

/* The object of that number; a null where there is none (§7.3.10). */
SG_MUST_CHECK enum sg_rc sg_pdf_object(struct sg_pdf *pdf, struct sg_pdf_id id, const struct sg_pdf_value **ret,
                                       struct sg_err *err);
/* What `value` is, or refers to. (An object that is a reference itself is malformed, so there are no chains.) */
SG_MUST_CHECK enum sg_rc sg_pdf_resolve(struct sg_pdf *pdf, const struct sg_pdf_value *value,
                                        const struct sg_pdf_value **ret, struct sg_err *err);
/* A stream's data as it stands in the file, or decoded by its filters (images' excepted), at most `out->max`. */
SG_MUST_CHECK enum sg_rc sg_pdf_stream(struct sg_pdf *pdf, struct sg_pdf_id id, bool decoded, struct sg_buf *out,
                                       struct sg_err *err);

/* A dictionary's (or stream's) entry, as it stands there; NULL: there is none, or it is no dictionary. Entries that are
 * null directly are left out (§7.3.7). */
const struct sg_pdf_value *sg_pdf_get(const struct sg_pdf_value *dictionary, const char *key);
/* The same, resolved; a null counts as none (§7.3.7). */
SG_MUST_CHECK enum sg_rc sg_pdf_find(struct sg_pdf *pdf, const struct sg_pdf_value *dictionary, const char *key,
                                     const struct sg_pdf_value **ret, struct sg_err *err);
/* The same, of a node that may have the entry from those above it: `*value` stays where it has none of its own. */
SG_MUST_CHECK enum sg_rc sg_pdf_inherit(struct sg_pdf *pdf, const struct sg_pdf_value *node, const char *key,
                                        const struct sg_pdf_value **value, struct sg_err *err);
bool sg_pdf_is_name(const struct sg_pdf_value *value, const char *name); /* value may be NULL */
/* It is one, or has one in it, at whatever depth. */
bool sg_pdf_has_reference(const struct sg_pdf_value *value);
/* A number, whole or real. False: it is none, or is too long to be told. */
SG_MUST_CHECK bool sg_pdf_number(const struct sg_pdf_value *value, double *ret);
/* Two numbers of the same value; not of what is too long to be told. */
bool sg_pdf_same_number(const struct sg_pdf_value *a, const struct sg_pdf_value *b);
