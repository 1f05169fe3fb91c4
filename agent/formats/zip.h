/* ZIP archives (APPNOTE.TXT 6.3), as far as containers of signatures need them, by one reader and one writer of our
 * own: two readers that understand an archive differently are how a signature comes to cover other bytes than a person
 * sees. An archive is read only if there is one way to understand it: its entries, its directory and the end of that
 * lie one behind the other and fill the file; what an entry's two headers say is the same; no name comes twice.
 *
 * Names are data. They are relative, UTF-8, with "/" between folders; none is ever used as a path here. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/input.h"
#include "base/outfile.h"

enum sg_zip_method { SG_ZIP_STORED = 0, SG_ZIP_DEFLATED = 8 };

/* A file in the archive. */
struct sg_zip_entry {
    const char *name; /* fit to print */
    uint64_t header;  /* where its local header begins */
    uint64_t data;    /* where its bytes begin, `packed` of them */
    uint64_t packed, size;
    uint32_t crc32;
    enum sg_zip_method method;
    bool bare; /* its local header has no extra field */
};

/* --- reading ------------------------------------------------------------------------------------------------------ */

struct sg_zip;

/* Whether the input begins as a ZIP does. */
SG_MUST_CHECK enum sg_rc sg_zip_probe(struct sg_input *input, bool *ret_is_zip, struct sg_err *err);
/* Loads what reading needs (formats/module.h), for a process that later cannot. */
SG_MUST_CHECK enum sg_rc sg_zip_preload(struct sg_err *err);
/* Reads and checks all headers; `input` must outlive the result. Broken, or to be understood in several ways:
 * SG_E_MALFORMED, naming the entry; too many, too large, or growing too much: SG_E_LIMIT; encrypted, in several parts,
 * or packed otherwise: SG_E_UNSUPPORTED. */
SG_MUST_CHECK enum sg_rc sg_zip_open(struct sg_input *input, struct sg_zip **ret, struct sg_err *err);
void sg_zip_free(struct sg_zip *zip);
SG_DEFINE_CLEANUP(struct sg_zip, sg_zip_free)

/* The files (not the folders), sorted by name as strcmp() does. */
size_t sg_zip_count(const struct sg_zip *zip);
const struct sg_zip_entry *sg_zip_entry(const struct sg_zip *zip, size_t index);
/* The file of that name; NULL: there is none. */
const struct sg_zip_entry *sg_zip_find(const struct sg_zip *zip, const char *name);

/* An entry's bytes, from the first to the last. */
struct sg_zip_stream;

SG_MUST_CHECK enum sg_rc sg_zip_stream_new(const struct sg_zip *zip, const struct sg_zip_entry *entry,
                                           struct sg_zip_stream **ret, struct sg_err *err);
void sg_zip_stream_free(struct sg_zip_stream *stream);
SG_DEFINE_CLEANUP(struct sg_zip_stream, sg_zip_stream_free)
/* The next bytes; `*ret_read` is 0 at the end only, and then size and CRC were right. Else: SG_E_MALFORMED. */
SG_MUST_CHECK enum sg_rc sg_zip_stream_read(struct sg_zip_stream *stream, uint8_t *out, size_t len, size_t *ret_read,
                                            struct sg_err *err);
/* All of an entry. */
SG_MUST_CHECK enum sg_rc sg_zip_copy(const struct sg_zip *zip, const struct sg_zip_entry *entry, struct sg_sink sink,
                                     struct sg_err *err);

/* --- names -------------------------------------------------------------------------------------------------------- */

/* Why a name may not be in an archive, translated; NULL: it may. A folder's ends in "/". */
const char *sg_zip_name_problem(const char *name, size_t len);

/* --- writing ------------------------------------------------------------------------------------------------------ */

struct sg_zip_writer;

/* Appends an archive of stored files to `out`, which must outlive the writer. `time`: of all entries. */
SG_MUST_CHECK enum sg_rc sg_zip_writer_new(struct sg_outfile *out, int64_t time, struct sg_zip_writer **ret,
                                           struct sg_err *err);
void sg_zip_writer_free(struct sg_zip_writer *writer);
SG_DEFINE_CLEANUP(struct sg_zip_writer, sg_zip_writer_free)

/* A file in one piece. Names that may not be: SG_E_USAGE; that none comes twice is for the caller to see to. */
SG_MUST_CHECK enum sg_rc sg_zip_add(struct sg_zip_writer *writer, const char *name, struct sg_slice bytes,
                                    struct sg_err *err);
/* A file in several: begin, write, end. `large`: it may have 4 GiB or more. */
SG_MUST_CHECK enum sg_rc sg_zip_begin(struct sg_zip_writer *writer, const char *name, bool large, struct sg_err *err);
SG_MUST_CHECK enum sg_rc sg_zip_write(struct sg_zip_writer *writer, const void *data, size_t len, struct sg_err *err);
SG_MUST_CHECK enum sg_rc sg_zip_end(struct sg_zip_writer *writer, struct sg_err *err);
/* The directory. Nothing may follow. */
SG_MUST_CHECK enum sg_rc sg_zip_finish(struct sg_zip_writer *writer, struct sg_err *err);

/* --- changing ----------------------------------------------------------------------------------------------------- */

struct sg_zip_file {
    const char *name;
    struct sg_slice bytes;
};

/* Write the archive with other bytes for an entry, which is where it was, or with more files behind all others. Those
 * are stored; every other entry is copied as it is, octet for octet, and not held. `time`: of what is new. Over a limit
 * of archives: SG_E_LIMIT; an archive that changed meanwhile: SG_E_INPUT_CHANGED. */
SG_MUST_CHECK enum sg_rc sg_zip_replace(const struct sg_zip *zip, const struct sg_zip_entry *entry,
                                        struct sg_slice bytes, struct sg_sink sink, struct sg_err *err);
SG_MUST_CHECK enum sg_rc sg_zip_append(const struct sg_zip *zip, const struct sg_zip_file *files, size_t count,
                                       int64_t time, struct sg_sink sink, struct sg_err *err);
