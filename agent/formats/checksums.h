/* Lists of files with their SHA-256, as sha256sum(1) of the GNU coreutils writes them, so that anybody can make and
 * check one:
 *
 *     64 hex digits, a space, a space or "*", the name, a newline
 *
 * A line that begins with a backslash has its name escaped: "\\" is a backslash, "\n" a newline, "\r" a carriage
 * return. */
#pragma once

#include "base/crypto.h"
#include "base/input.h"

struct sg_checksum {
    char *name; /* as written: relative to the working folder, as sha256sum -c takes it */
    char sha256[SG_SHA256_HEX];
};

struct sg_checksums {
    struct sg_checksum *files;
    size_t count, room;
};

/* Reads a whole list. A line that is none, or an empty list: SG_E_MALFORMED, saying which; too long: SG_E_LIMIT. */
SG_MUST_CHECK enum sg_rc sg_checksums_read(struct sg_input *input, struct sg_checksums *ret, struct sg_err *err);
void sg_checksums_clear(struct sg_checksums *checksums);
