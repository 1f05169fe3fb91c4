/* The outbox's folder of copies: who may change it, signed files that were left without their place, copies that
 * nothing needs any more. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "base/hash.h"
#include "base/input.h"
#include "base/msg.h"
#include "base/outfile.h"
#include "store/blobs.h"
#include "store/steps.h"

#define WAIT_MS 5000
#define WAIT_STEP_MS 10

/* --- sharing -------------------------------------------------------------------------------------------------------
 */

static enum sg_rc open_lock(const struct sg_store *store, int *ret_fd, struct sg_err *err)
{
    _cleanup_(freep) char *path = NULL;

    if (asprintf(&path, "%s/outbox.lock", store->folder) < 0) {
        path = NULL;
        return sg_fail_memory(err);
    }
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return sg_about(path, err, sg_fail_errno(err, SG_E_CANNOT_CREATE, errno, _("\"%s\" cannot be opened."), path));
    *ret_fd = fd;
    return SG_OK;
}

static bool lock(int fd, int operation)
{
    int answer;

    do
        answer = flock(fd, operation | LOCK_NB);
    while (answer < 0 && errno == EINTR);
    return answer == 0;
}

enum sg_rc sg_outbox_share(struct sg_store *store, int *ret_fd, struct sg_err *err)
{
    const struct timespec pause = {.tv_nsec = WAIT_STEP_MS * 1000000L};
    _cleanup_(closep) int fd = -1;
    enum sg_rc rc = open_lock(store, &fd, err);

    if (rc != SG_OK)
        return rc;
    for (int waited = 0; !lock(fd, LOCK_SH); waited += WAIT_STEP_MS) {
        if (waited >= WAIT_MS)
            return sg_fail(
                err, SG_E_BUSY,
                _("Another program puts the outbox of the store \"%s\" in order. Wait until it is done, then "
                  "try again."),
                store->path);
        (void)nanosleep(&pause, NULL);
    }
    *ret_fd = sg_steal_fd(&fd);
    return SG_OK;
}

enum sg_rc sg_outbox_alone(struct sg_store *store, int *ret_fd, struct sg_err *err)
{
    _cleanup_(closep) int fd = -1;
    enum sg_rc rc = open_lock(store, &fd, err);

    if (rc == SG_OK)
        *ret_fd = lock(fd, LOCK_EX) ? sg_steal_fd(&fd) : -1;
    return rc;
}

/* --- placing -------------------------------------------------------------------------------------------------------
 */

struct placing {
    struct sg_store *store;
    sg_outbox_place_fn *each;
    void *context;
    struct sg_buf documents; /* int64_t each: those without their place, as they were when it began */
};

/* Whether the file there has the bytes that sign made. */
static bool is_the_file(const struct sg_store *store, const struct sg_outbox_document *document)
{
    _cleanup_(sg_input_freep) struct sg_input *there = NULL;
    struct stat st;
    char sha256[SG_SHA256_HEX];

    if (lstat(document->output, &st) < 0 || !S_ISREG(st.st_mode) ||
        sg_input_open(document->output, &there, NULL) != SG_OK)
        return false;
    return sg_sha256_input(store->libctx, there, (struct sg_sink){NULL, NULL}, sha256, NULL) == SG_OK &&
           strcmp(sha256, document->result_sha256) == 0;
}

static enum sg_rc write_file(const struct sg_store *store, const struct sg_outbox_document *document, unsigned flags,
                             struct sg_err *err)
{
    _cleanup_(sg_outfile_freep) struct sg_outfile *out = NULL;
    enum sg_rc rc = sg_outfile_open(document->output, flags, &out, err);

    if (rc == SG_OK)
        rc = sg_blob_copy(store->folder, store->libctx, document->result_sha256, out, err);
    return rc == SG_OK ? sg_outfile_commit(out, err) : rc;
}

static bool has_folder(const struct sg_outbox_document *document)
{
    const char *slash = strrchr(document->output, '/');
    _cleanup_(freep) char *folder = slash ? strndup(document->output, (size_t)(slash - document->output) + 1) : NULL;

    return folder && access(folder, W_OK | X_OK) == 0;
}

/* What is wrong with the place is no failure: the file is in the store. */
static enum sg_rc put_there(const struct sg_store *store, const struct sg_outbox_document *document,
                            enum sg_output_state *ret_state, struct sg_err *err)
{
    char identity[SG_FILE_IDENTITY];
    bool is_replaced =
        document->replaces[0] != '\0' && strcmp(sg_file_identity(document->output, identity), document->replaces) == 0;

    if (strcmp(document->output, "-") == 0) {
        *ret_state = SG_OUTPUT_MOVED;
        return SG_OK;
    }
    if (!is_replaced && is_the_file(store, document)) {
        *ret_state = SG_OUTPUT_CURRENT;
        return SG_OK;
    }
    enum sg_rc rc = write_file(store, document, is_replaced ? SG_OUT_REPLACE : 0, err);
    if (rc != SG_OK && rc != SG_E_OUTPUT_EXISTS && (rc != SG_E_CANNOT_CREATE || has_folder(document)))
        return rc;
    *ret_state = rc == SG_OK ? SG_OUTPUT_CURRENT : rc == SG_E_OUTPUT_EXISTS ? SG_OUTPUT_CHANGED : SG_OUTPUT_MOVED;
    return SG_OK;
}

static enum sg_rc place_one(void *context, const struct sg_outbox_document *document, struct sg_err *err)
{
    const struct placing *placing = context;
    enum sg_output_state state = SG_OUTPUT_CURRENT;
    enum sg_rc rc = put_there(placing->store, document, &state, err);

    if (rc == SG_OK)
        rc = sg_outbox_placed(placing->store, document->document, state, err);
    if (rc == SG_OK && placing->each)
        placing->each(placing->context, document, state);
    return rc;
}

static enum sg_rc note(void *context, const struct sg_outbox_document *document, struct sg_err *err)
{
    struct placing *placing = context;

    return sg_buf_append(&placing->documents, &document->document, sizeof(document->document), err);
}

static enum sg_rc place_all(struct placing *placing, struct sg_err *err)
{
    enum sg_rc first = SG_OK;
    struct sg_err failure;

    for (size_t at = 0; at < placing->documents.len; at += sizeof(int64_t)) {
        int64_t document;
        memcpy(&document, placing->documents.data + at, sizeof(document));
        enum sg_rc rc = sg_outbox_get(placing->store, document, place_one, placing, &failure);
        if (rc == SG_OK || first != SG_OK)
            continue;
        first = rc;
        if (err)
            *err = failure;
    }
    return first;
}

enum sg_rc sg_outbox_place(struct sg_store *store, sg_outbox_place_fn *each, void *context, struct sg_err *err)
{
    struct placing placing = {.store = store, .each = each, .context = context, .documents = SG_BUF(SG_MAX_CRL_FILE)};
    enum sg_rc rc = sg_outbox_unplaced(store, note, &placing, err);

    if (rc == SG_OK)
        rc = place_all(&placing, err);
    sg_buf_clear(&placing.documents);
    return rc;
}

/* --- sweeping ------------------------------------------------------------------------------------------------------
 */

#define SWEEP_FILES 256 /* removed while nobody can share the outbox */

struct sweep {
    struct sg_store *store;
    DIR *folder;
    char names[SWEEP_FILES][SG_SHA256_HEX]; /* of files that nothing needed when they were looked at */
    size_t count;
    int64_t removed;
    bool later; /* some stayed, since somebody shares the outbox */
};

static void closedirp(DIR **folder)
{
    if (*folder)
        (void)closedir(*folder);
}

/* Also what a file system without O_TMPFILE kept of one who was killed is not needed; what is not ours, is. */
static enum sg_rc is_needed(struct sg_store *store, const char *name, bool *ret, struct sg_err *err)
{
    _cleanup_(sg_rows_resetp) sqlite3_stmt *rows = NULL;
    const struct sg_value values[] = {sg_value_text(name)};
    uint8_t digest[SG_SHA256_LEN];
    bool row = false;

    *ret = strncmp(name, ".signet-", strlen(".signet-")) != 0 || strlen(name) >= SG_SHA256_HEX;
    if (!sg_unhex(name, digest, sizeof(digest)))
        return SG_OK;
    enum sg_rc rc = sg_db_query(store, SG_SQL_BLOB_NEEDED, values, SG_COUNT(values), &rows, err);
    if (rc == SG_OK)
        rc = sg_db_next(store, rows, &row, err);
    if (rc == SG_OK)
        *ret = sqlite3_column_int(rows, 0) != 0;
    return rc;
}

static enum sg_rc remove_file(struct sweep *sweep, const char *name, struct sg_err *err)
{
    bool needed = true;
    enum sg_rc rc = is_needed(sweep->store, name, &needed, err);

    if (rc != SG_OK || needed)
        return rc;
    if (unlinkat(dirfd(sweep->folder), name, 0) == 0)
        sweep->removed++;
    else if (errno != ENOENT)
        return sg_about(name, err, sg_fail_errno(err, SG_E_IO, errno, _("The copy \"%s\" cannot be removed."), name));
    return SG_OK;
}

/* Those found so far, if they still are not needed now that nobody makes any. */
static enum sg_rc remove_found(struct sweep *sweep, struct sg_err *err)
{
    _cleanup_(closep) int alone = -1;
    enum sg_rc rc = sweep->count > 0 ? sg_outbox_alone(sweep->store, &alone, err) : SG_OK;

    sweep->later = sweep->later || (sweep->count > 0 && alone < 0);
    for (size_t i = 0; i < sweep->count && alone >= 0 && rc == SG_OK; i++)
        rc = remove_file(sweep, sweep->names[i], err);
    sweep->count = 0;
    return rc;
}

static enum sg_rc look_at(struct sweep *sweep, const char *name, struct sg_err *err)
{
    bool needed = true;
    enum sg_rc rc = is_needed(sweep->store, name, &needed, err);

    if (rc != SG_OK || needed)
        return rc;
    (void)snprintf(sweep->names[sweep->count++], SG_SHA256_HEX, "%.64s", name); /* which is all of it */
    return sweep->count == SWEEP_FILES ? remove_found(sweep, err) : SG_OK;
}

static enum sg_rc sweep_folder(struct sweep *sweep, struct sg_err *err)
{
    _cleanup_(freep) char *path = NULL;

    if (asprintf(&path, "%s/blobs", sweep->store->folder) < 0) {
        path = NULL;
        return sg_fail_memory(err);
    }
    _cleanup_(closedirp) DIR *folder = opendir(path);
    if (!folder && errno == ENOENT)
        return SG_OK;
    if (!folder)
        return sg_about(path, err, sg_fail_errno(err, SG_E_IO, errno, _("\"%s\" cannot be read."), path));
    sweep->folder = folder;
    enum sg_rc rc = SG_OK;
    for (const struct dirent *entry; rc == SG_OK && !sweep->later && (entry = readdir(folder));)
        rc = look_at(sweep, entry->d_name, err);
    return rc == SG_OK ? remove_found(sweep, err) : rc;
}

enum sg_rc sg_outbox_sweep(struct sg_store *store, int64_t *ret_removed, bool *ret_later, struct sg_err *err)
{
    struct sweep sweep = {.store = store};
    enum sg_rc rc = sweep_folder(&sweep, err);

    if (rc == SG_OK) {
        *ret_removed = sweep.removed;
        *ret_later = sweep.later;
    }
    return rc;
}
