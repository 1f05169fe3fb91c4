/* Newer versions in the place of signed files in the user's folders. Between looking at a file and replacing it
 * somebody may change it: so the two names are exchanged, which loses nothing, and what was there is looked at once
 * more. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/hash.h"
#include "base/input.h"
#include "base/limits.h"
#include "base/msg.h"
#include "base/outfile.h"
#include "store/blobs.h"
#include "store/steps.h"

/* What a file has. */
enum holding { HOLDS_NOTHING, HOLDS_NEWEST, HOLDS_OLDER, HOLDS_ANOTHER };

struct renewal {
    struct sg_store *store;
    const struct sg_outbox_document *document;
    char *aside; /* a name beside the file, where the newest version waits for its place */
};

/* --- what is there -------------------------------------------------------------------------------------------------
 */

struct search {
    const char *sha256;
    bool found;
};

static enum sg_rc is_version(void *context, const struct sg_version *version, struct sg_err *err)
{
    struct search *search = context;

    (void)err;
    search->found |= strcmp(version->level, SG_LEVEL_CONTENT) != 0 && strcmp(version->sha256, search->sha256) == 0;
    return SG_OK;
}

/* Only an ordinary file is ours; one that cannot be read is another. */
static enum sg_rc look_at(const struct renewal *renewal, const char *path, enum holding *ret,
                          char ret_identity[SG_FILE_IDENTITY], struct sg_err *err)
{
    _cleanup_(sg_input_freep) struct sg_input *input = NULL;
    char sha256[SG_SHA256_HEX] = "";
    struct search search = {.sha256 = sha256};
    struct stat st;

    (void)sg_file_identity(path, ret_identity);
    *ret = HOLDS_ANOTHER;
    if (lstat(path, &st) < 0)
        *ret = errno == ENOENT || errno == ENOTDIR ? HOLDS_NOTHING : HOLDS_ANOTHER;
    else if (S_ISREG(st.st_mode) && sg_input_open(path, &input, NULL) == SG_OK &&
             sg_sha256_input(renewal->store->libctx, input, (struct sg_sink){NULL, NULL}, sha256, NULL) == SG_OK) {
        enum sg_rc rc = sg_outbox_versions(renewal->store, renewal->document->document, is_version, &search, err);
        if (rc != SG_OK)
            return rc;
        if (strcmp(sha256, renewal->document->level_sha256) == 0)
            *ret = HOLDS_NEWEST;
        else if (search.found)
            *ret = HOLDS_OLDER;
    }
    return SG_OK;
}

/* --- exchanging ----------------------------------------------------------------------------------------------------
 */

static enum sg_rc cannot_replace(const char *path, struct sg_err *err)
{
    return sg_about(path, err, sg_fail_errno(err, SG_E_CANNOT_CREATE, errno, _("\"%s\" cannot be replaced."), path));
}

/* The two names change their files; where the file system cannot do that, the first takes the second's. */
static int exchange(const char *from, const char *to, bool *ret_both)
{
    *ret_both = renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_EXCHANGE) == 0;
    if (*ret_both || (errno != EINVAL && errno != ENOSYS && errno != EOPNOTSUPP))
        return *ret_both ? 0 : -1;
    return rename(from, to);
}

/* Before the store says that it was done. */
static enum sg_rc sync_folder(const char *path, struct sg_err *err)
{
    const char *slash = strrchr(path, '/');
    _cleanup_(freep) char *folder = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");

    if (!folder)
        return sg_fail_memory(err);
    _cleanup_(closep) int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd >= 0 && fsync(fd) == 0 ? SG_OK : cannot_replace(path, err);
}

/* The newest version, with the mode of the file that it is to replace, complete and on disk. */
static enum sg_rc write_aside(const struct renewal *renewal, struct sg_err *err)
{
    const struct sg_outbox_document *document = renewal->document;
    _cleanup_(sg_outfile_freep) struct sg_outfile *out = NULL;
    struct stat st;

    if (lstat(document->output, &st) < 0)
        return cannot_replace(document->output, err);
    enum sg_rc rc = sg_outfile_open(renewal->aside, SG_OUT_PRIVATE | SG_OUT_REPLACE, &out, err);
    if (rc == SG_OK)
        rc = sg_blob_copy(renewal->store->folder, renewal->store->libctx, document->level_sha256, out, err);
    if (rc == SG_OK)
        rc = sg_outfile_flush(out, err);
    if (rc == SG_OK && (fchmod(sg_outfile_fd(out), st.st_mode & 0777) < 0 || fsync(sg_outfile_fd(out)) < 0))
        rc = cannot_replace(document->output, err);
    return rc == SG_OK ? sg_outfile_name(out, err) : rc;
}

/* What the exchange brought to the other name is not what was looked at: back with it. */
static enum sg_rc put_back(const struct renewal *renewal, enum sg_output_state *ret_state, struct sg_err *err)
{
    bool both = false;

    if (exchange(renewal->aside, renewal->document->output, &both) < 0)
        return cannot_replace(renewal->document->output, err);
    *ret_state = SG_OUTPUT_CHANGED;
    return SG_OK;
}

static enum sg_rc replace(const struct renewal *renewal, const char *identity, enum sg_output_state *ret_state,
                          struct sg_err *err)
{
    char now[SG_FILE_IDENTITY];
    bool both = false;
    enum sg_rc rc = write_aside(renewal, err);

    if (rc != SG_OK)
        return rc;
    *ret_state = SG_OUTPUT_CHANGED;
    if (strcmp(sg_file_identity(renewal->document->output, now), identity) != 0)
        return SG_OK;
    if (exchange(renewal->aside, renewal->document->output, &both) < 0)
        return cannot_replace(renewal->document->output, err);
    *ret_state = SG_OUTPUT_CURRENT;
    if (both && strcmp(sg_file_identity(renewal->aside, now), identity) != 0)
        rc = put_back(renewal, ret_state, err);
    return rc;
}

/* A run that was killed may have left something aside: the newest version, the one it replaced, or, had somebody put
 * another file there just then, that one. */
static enum sg_rc clear_aside(const struct renewal *renewal, struct sg_err *err)
{
    char identity[SG_FILE_IDENTITY];
    enum holding aside = HOLDS_NOTHING, there = HOLDS_NOTHING;
    enum sg_output_state ignored;
    enum sg_rc rc = look_at(renewal, renewal->aside, &aside, identity, err);

    if (rc == SG_OK && aside == HOLDS_ANOTHER)
        rc = look_at(renewal, renewal->document->output, &there, identity, err);
    if (rc == SG_OK && there == HOLDS_NEWEST)
        rc = put_back(renewal, &ignored, err);
    if (rc == SG_OK && aside != HOLDS_NOTHING)
        (void)unlink(renewal->aside);
    return rc;
}

/* --- one file -------------------------------------------------------------------------------------------------------
 */

static enum sg_rc name_aside(const struct sg_outbox_document *document, char **ret, struct sg_err *err)
{
    const char *slash = strrchr(document->output, '/');
    int folder = slash ? (int)(slash - document->output) + 1 : 0;

    if (asprintf(ret, "%.*s.signet-%.16s", folder, document->output, document->level_sha256) < 0)
        return sg_fail_memory(err);
    return SG_OK;
}

static enum sg_rc renew_file(const struct renewal *renewal, enum sg_output_state *ret_state, struct sg_err *err)
{
    char identity[SG_FILE_IDENTITY];
    enum holding holding = HOLDS_NOTHING;
    enum sg_rc rc = clear_aside(renewal, err);

    if (rc == SG_OK)
        rc = look_at(renewal, renewal->document->output, &holding, identity, err);
    if (rc != SG_OK)
        return rc;
    *ret_state = holding == HOLDS_NOTHING  ? SG_OUTPUT_MOVED
                 : holding == HOLDS_NEWEST ? SG_OUTPUT_CURRENT
                                           : SG_OUTPUT_CHANGED;
    if (holding != HOLDS_OLDER)
        return SG_OK;
    rc = replace(renewal, identity, ret_state, err);
    (void)unlink(renewal->aside);
    if (rc == SG_OK)
        rc = sync_folder(renewal->document->output, err);
    if (rc == SG_E_CANNOT_CREATE) { /* a folder that may not be written to just now */
        *ret_state = SG_OUTPUT_BEHIND;
        rc = SG_OK;
    }
    return rc;
}

struct renewing {
    struct sg_store *store;
    sg_outbox_place_fn *each;
    void *context;
    struct sg_buf documents; /* int64_t each */
};

static enum sg_rc renew_one(void *context, const struct sg_outbox_document *document, struct sg_err *err)
{
    const struct renewing *renewing = context;
    struct renewal renewal = {.store = renewing->store, .document = document};
    enum sg_output_state state = SG_OUTPUT_MOVED;
    enum sg_rc rc = SG_OK;

    if (strcmp(document->output, "-") != 0)
        rc = name_aside(document, &renewal.aside, err);
    if (rc == SG_OK && renewal.aside)
        rc = renew_file(&renewal, &state, err);
    free(renewal.aside);
    if (rc == SG_OK && state != SG_OUTPUT_BEHIND)
        rc = sg_outbox_placed(renewing->store, document->document, state, err);
    if (rc == SG_OK && renewing->each)
        renewing->each(renewing->context, document, state);
    return rc;
}

static enum sg_rc note(void *context, const struct sg_outbox_document *document, struct sg_err *err)
{
    struct renewing *renewing = context;

    return sg_buf_append(&renewing->documents, &document->document, sizeof(document->document), err);
}

static enum sg_rc renew_all(struct renewing *renewing, struct sg_err *err)
{
    enum sg_rc first = SG_OK;
    struct sg_err failure;

    for (size_t at = 0; at < renewing->documents.len; at += sizeof(int64_t)) {
        int64_t document;
        memcpy(&document, renewing->documents.data + at, sizeof(document));
        enum sg_rc rc = sg_outbox_get(renewing->store, document, renew_one, renewing, &failure);
        if (rc == SG_OK || first != SG_OK)
            continue;
        first = rc;
        if (err)
            *err = failure;
    }
    return first;
}

enum sg_rc sg_outbox_renew(struct sg_store *store, sg_outbox_place_fn *each, void *context, struct sg_err *err)
{
    struct renewing renewing = {.store = store, .each = each, .context = context, .documents = SG_BUF(SG_MAX_CRL_FILE)};
    enum sg_rc rc = sg_outbox_behind(store, note, &renewing, err);

    /* What the store says of the files need not be on disk at once: it is found out anew, should it be lost. */
    if (rc == SG_OK && renewing.documents.len > 0)
        rc = sg_store_relax(store, true, err);
    if (rc == SG_OK && renewing.documents.len > 0) {
        rc = renew_all(&renewing, err);
        enum sg_rc relaxed = sg_store_relax(store, false, rc == SG_OK ? err : NULL);
        rc = rc == SG_OK ? relaxed : rc;
    }
    sg_buf_clear(&renewing.documents);
    return rc;
}
