/* Errors: what happened, to what, and what the person can do.
 *
 * A function that can fail returns `enum sg_rc` and takes a `struct sg_err *` last. On failure it has filled the
 * struct and returns its code; outputs named `ret_` are then untouched. On success the struct is untouched. `err` may
 * be NULL where the caller needs only the code. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum sg_rc {
    SG_OK = 0,
#define SG_CODE(name, word, status, retry) SG_E_##name,
#include "codes.def"
#undef SG_CODE
    SG_RC_COUNT
};

#define SG_MUST_CHECK __attribute__((warn_unused_result))
#define SG_PRINTF(f, a) __attribute__((format(printf, f, a)))

/* Fixed size and no pointers, so that an error can be reported when memory is gone, and copied as it is. */
struct sg_err {
    enum sg_rc rc;
    char text[1024]; /* one sentence for a person, translated; no PIN ever */
    char file[512];  /* the file it is about, or "" */
    char token[256]; /* the token or module it is about (label, serial or path), or "" */
    char cause[256]; /* what the layer below said: "CKR_PIN_INCORRECT (0xA0)", strerror, OpenSSL's queue; or "" */
    int tries_left;  /* of the PIN; -1: not known or not about a PIN */
};

/* The stable word ("pin-incorrect"), the exit status (77) and whether the same call may succeed later. */
const char *sg_rc_word(enum sg_rc rc);
int sg_rc_exit(enum sg_rc rc);
bool sg_rc_retry(enum sg_rc rc);

/* The code that has this word, which may come from a file: SG_E_INTERNAL if there is none. */
enum sg_rc sg_rc_of(const char *word);

/* Fill `err` (if not NULL) and return `rc`, so that `return sg_fail(err, SG_E_IO, _("..."), ...)` is one line.
 * Clears file, token, cause and tries_left. */
enum sg_rc sg_fail(struct sg_err *err, enum sg_rc rc, const char *format, ...) SG_PRINTF(3, 4);
/* The same, with strerror(`errnum`) as the cause; ENOSPC, EDQUOT and EFBIG (a limit on a file's size) turn
 * `rc` into SG_E_DISK_FULL. */
enum sg_rc sg_fail_errno(struct sg_err *err, enum sg_rc rc, int errnum, const char *format, ...) SG_PRINTF(4, 5);
/* The same, with OpenSSL's error queue as the cause; empties the queue. */
enum sg_rc sg_fail_ssl(struct sg_err *err, enum sg_rc rc, const char *format, ...) SG_PRINTF(3, 4);
/* Out of memory: SG_E_NO_MEMORY with its own sentence. Allocates nothing. */
enum sg_rc sg_fail_memory(struct sg_err *err);

/* Add what the error is about; NULL-safe, cut at the field's size on a UTF-8 boundary. */
void sg_err_file(struct sg_err *err, const char *path);
void sg_err_token(struct sg_err *err, const char *token);
void sg_err_cause(struct sg_err *err, const char *format, ...) SG_PRINTF(2, 3);
/* The same as sg_err_file(), in the line that fails: `return sg_about(path, err, sg_fail(err, ...))`. */
enum sg_rc sg_about(const char *path, struct sg_err *err, enum sg_rc rc);
