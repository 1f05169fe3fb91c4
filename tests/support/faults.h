/* Faults, made to happen in turn: of the calls that a program makes, the first fails, then in the next run the second,
 * and so on until a run meets none. So each way to fail is taken once:
 *
 *     for (unsigned nth = 1; hit; nth++) {
 *         ... a fresh start ...
 *         faults_arm((struct fault){.calls = FAULT_WRITE | FAULT_FSYNC, .nth = nth, .errnum = EIO});
 *         rc = what_is_tested();
 *         hit = faults_disarm();
 *         ... an error if a call failed; nothing left behind ...
 *     }
 *
 * The calls of our own code are caught by the linker (--wrap; sg_faults() in tests/fault/CMakeLists.txt), those inside
 * shared libraries are not: for SQLite's there is faults_sqlite.h. A build with _FORTIFY_SOURCE replaces some calls
 * (asprintf) by others, which are then not caught. Not for several threads at once. */
#pragma once

#include <stdbool.h>

enum fault_call {
    FAULT_ALLOC = 1 << 0,    /* malloc, calloc, realloc, strdup, strndup, asprintf */
    FAULT_OPEN = 1 << 1,     /* open */
    FAULT_READ = 1 << 2,     /* read, pread */
    FAULT_WRITE = 1 << 3,    /* write, pwrite */
    FAULT_TRUNCATE = 1 << 4, /* ftruncate */
    FAULT_FSYNC = 1 << 5,    /* fsync, syncfs */
    FAULT_LINK = 1 << 6,     /* link, linkat */
    FAULT_RENAME = 1 << 7,   /* rename, renameat2 */
    FAULT_MKDIR = 1 << 8,    /* mkdir */
    FAULT_SQLITE = 1 << 9,   /* files of SQLite: faults_sqlite.h */
    FAULT_SQLITE_ALLOC = 1 << 10,
};

#define FAULT_FILES                                                                                                    \
    (FAULT_OPEN | FAULT_READ | FAULT_WRITE | FAULT_TRUNCATE | FAULT_FSYNC | FAULT_LINK | FAULT_RENAME | FAULT_MKDIR)

struct fault {
    unsigned calls; /* which; of enum fault_call */
    unsigned nth;   /* the call of these that fails; from 1 */
    bool lasting;   /* and all of these after it */
    int errnum;     /* how; 0: a write writes only a part, which is no error */
};

void faults_arm(struct fault fault);
/* From here on nothing fails. Whether a call did. */
bool faults_disarm(void);

/* Whether open() knows O_TMPFILE from here on: some file systems do not. */
void faults_tmpfile(bool known);

/* For who stands in for a call: whether it is to fail now; errno is then set. */
bool fault_now(enum fault_call call);
