#include "store/blobs.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/hash.h"
#include "base/limits.h"
#include "base/msg.h"

#define FOLDER "blobs"

static enum sg_rc path_in(const char *state_folder, const char *name, char **ret, struct sg_err *err)
{
    char *path = NULL;

    if (asprintf(&path, "%s/" FOLDER "/%s", state_folder, name) < 0)
        return sg_fail_memory(err);
    *ret = path;
    return SG_OK;
}

enum sg_rc sg_blob_path(const char *state_folder, const char *sha256, char **ret, struct sg_err *err)
{
    uint8_t digest[SG_SHA256_LEN];

    if (!sg_unhex(sha256, digest, sizeof(digest)))
        return sg_fail(err, SG_E_INTERNAL, _("A copy was looked for by what is not a SHA-256."));
    return path_in(state_folder, sha256, ret, err);
}

static enum sg_rc missing(const char *path, struct sg_err *err)
{
    return sg_about(path, err,
                    sg_fail(err, SG_E_STORE_DAMAGED,
                            _("The copy \"%s\" is not there, though the store needs it. Put it back from a backup, or "
                              "drop what waits for it: signet outbox drop."),
                            path));
}

static enum sg_rc damaged(const char *path, struct sg_err *err)
{
    return sg_about(path, err,
                    sg_fail(err, SG_E_STORE_DAMAGED,
                            _("The copy \"%s\" does not have the bytes that its name says. Check the disk, and put it "
                              "back from a backup."),
                            path));
}

enum sg_rc sg_blob_open(const char *state_folder, const char *sha256, struct sg_input **ret, struct sg_err *err)
{
    _cleanup_(freep) char *path = NULL;
    enum sg_rc rc = sg_blob_path(state_folder, sha256, &path, err);

    if (rc != SG_OK)
        return rc;
    rc = sg_input_open(path, ret, err);
    return rc == SG_E_NOT_FOUND ? missing(path, err) : rc;
}

enum sg_rc sg_blob_remove(const char *state_folder, const char *sha256, struct sg_err *err)
{
    _cleanup_(freep) char *path = NULL;
    enum sg_rc rc = sg_blob_path(state_folder, sha256, &path, err);

    if (rc != SG_OK)
        return rc;
    if (unlink(path) < 0 && errno != ENOENT)
        return sg_about(path, err, sg_fail_errno(err, SG_E_IO, errno, _("The copy \"%s\" cannot be removed."), path));
    return SG_OK;
}

/* --- making --------------------------------------------------------------------------------------------------------
 */

struct sg_blob {
    char *state_folder;
    OSSL_LIB_CTX *libctx;
    struct sg_hash *hash;
    struct sg_outfile *out;
};

void sg_blob_free(struct sg_blob *blob)
{
    if (!blob)
        return;
    sg_outfile_free(blob->out);
    sg_hash_free(blob->hash);
    free(blob->state_folder);
    free(blob);
}

/* The folder is made when it is missed. */
static enum sg_rc open_file(struct sg_blob *blob, struct sg_err *err)
{
    _cleanup_(freep) char *folder = NULL;
    _cleanup_(freep) char *path = NULL;
    enum sg_rc rc = path_in(blob->state_folder, "new", &path, err);

    if (rc == SG_OK)
        rc = path_in(blob->state_folder, "", &folder, err);
    if (rc == SG_OK && access(folder, F_OK) < 0)
        rc = sg_folder_make(folder, err);
    return rc == SG_OK ? sg_outfile_open(path, SG_OUT_PRIVATE, &blob->out, err) : rc;
}

enum sg_rc sg_blob_begin(const char *state_folder, OSSL_LIB_CTX *libctx, struct sg_blob **ret, struct sg_err *err)
{
    _cleanup_(sg_blob_freep) struct sg_blob *blob = calloc(1, sizeof(*blob));

    if (!blob)
        return sg_fail_memory(err);
    blob->libctx = libctx;
    blob->state_folder = strdup(state_folder);
    if (!blob->state_folder)
        return sg_fail_memory(err);
    enum sg_rc rc = open_file(blob, err);
    if (rc == SG_OK)
        rc = sg_hash_new(libctx, "SHA256", sg_outfile_sink(blob->out), &blob->hash, err);
    if (rc == SG_OK)
        *ret = sg_steal(blob);
    return rc;
}

struct sg_sink sg_blob_sink(struct sg_blob *blob)
{
    return sg_hash_sink(blob->hash);
}

uint64_t sg_blob_size(const struct sg_blob *blob)
{
    return sg_outfile_size(blob->out);
}

/* Two takers of the same bytes. */
struct both {
    struct sg_sink first, second;
};

static enum sg_rc both_write(void *context, const uint8_t *data, size_t len, struct sg_err *err)
{
    const struct both *both = context;
    enum sg_rc rc = both->first.write(both->first.context, data, len, err);

    return rc == SG_OK && both->second.write ? both->second.write(both->second.context, data, len, err) : rc;
}

static enum sg_rc read_output(const struct sg_outfile *out, struct sg_sink sink, struct sg_err *err)
{
    _cleanup_(freep) uint8_t *block = malloc(SG_IO_BUFFER);
    uint64_t size = sg_outfile_size(out);
    enum sg_rc rc = SG_OK;

    if (!block)
        return sg_fail_memory(err);
    for (uint64_t offset = 0; rc == SG_OK && offset < size;) {
        size_t len = size - offset < SG_IO_BUFFER ? (size_t)(size - offset) : SG_IO_BUFFER;
        rc = sg_outfile_read(out, offset, block, len, err);
        if (rc == SG_OK)
            rc = sink.write(sink.context, block, len, err);
        offset += len;
    }
    return rc;
}

static bool share_blocks(struct sg_blob *blob, int fd)
{
    bool cloned = fd >= 0 && sg_outfile_clone(blob->out, fd);

    if (cloned)
        sg_hash_set_onward(blob->hash, (struct sg_sink){NULL, NULL}); /* it has its bytes */
    return cloned;
}

/* Of what is cloned the clone is read, which nobody else can change. */
enum sg_rc sg_blob_take(struct sg_blob *blob, struct sg_input *input, struct sg_sink also, struct sg_err *err)
{
    struct both both = {sg_blob_sink(blob), also};
    struct sg_sink sink = {both_write, &both};
    enum sg_rc rc = share_blocks(blob, sg_input_fd(input)) ? read_output(blob->out, sink, err)
                                                           : sg_input_copy(input, 0, sg_input_size(input), sink, err);

    return rc == SG_OK ? sg_input_check_unchanged(input, err) : rc;
}

enum sg_rc sg_blob_take_output(struct sg_blob *blob, const struct sg_outfile *out, struct sg_err *err)
{
    const struct sg_outfile *from = share_blocks(blob, sg_outfile_fd(out)) ? blob->out : out;

    return read_output(from, sg_blob_sink(blob), err);
}

/* Whether what is there under the name has the bytes that it says. */
static enum sg_rc is_right(struct sg_blob *blob, const char *path, const char *sha256, bool *ret, struct sg_err *err)
{
    _cleanup_(sg_input_freep) struct sg_input *there = NULL;
    char hex[SG_SHA256_HEX] = "";
    enum sg_rc rc = sg_input_open(path, &there, err);

    if (rc == SG_OK && sg_input_size(there) == sg_outfile_size(blob->out))
        rc = sg_sha256_input(blob->libctx, there, (struct sg_sink){NULL, NULL}, hex, err);
    if (rc == SG_OK)
        *ret = strcmp(hex, sha256) == 0;
    return rc;
}

/* Puts ours in the place of one that is damaged, in a moment: the name is never without a file. */
static enum sg_rc put_right(struct sg_blob *blob, const char *path, const char *sha256, struct sg_err *err)
{
    bool right = false;
    enum sg_rc rc = is_right(blob, path, sha256, &right, NULL);

    if (rc == SG_OK && right)
        return SG_OK;
    sg_outfile_replace(blob->out);
    return sg_outfile_name(blob->out, err);
}

enum sg_rc sg_blob_finish(struct sg_blob *blob, char ret_sha256[SG_SHA256_HEX], struct sg_err *err)
{
    _cleanup_(freep) char *path = NULL;
    char sha256[SG_SHA256_HEX];
    uint8_t digest[EVP_MAX_MD_SIZE];
    size_t len = 0;
    enum sg_rc rc = sg_hash_end(blob->hash, digest, &len, err);

    if (rc != SG_OK)
        return rc;
    sg_hex(digest, len, sha256);
    rc = sg_blob_path(blob->state_folder, sha256, &path, err);
    if (rc == SG_OK)
        rc = sg_outfile_rename(blob->out, path, err);
    if (rc == SG_OK)
        rc = sg_outfile_name(blob->out, err);
    if (rc == SG_E_OUTPUT_EXISTS)
        rc = put_right(blob, path, sha256, err);
    if (rc == SG_OK)
        memcpy(ret_sha256, sha256, SG_SHA256_HEX);
    return rc;
}

enum sg_rc sg_blobs_sync_with(const char *state_folder, struct sg_outfile *const *outs, size_t count,
                              struct sg_err *err)
{
    _cleanup_(freep) char *folder = NULL;
    size_t failed = 0;
    enum sg_rc rc = path_in(state_folder, "", &folder, err);

    return rc == SG_OK ? sg_outfile_sync_group(outs, count, folder, &failed, err) : rc;
}

enum sg_rc sg_blobs_sync(const char *state_folder, struct sg_err *err)
{
    return sg_blobs_sync_with(state_folder, NULL, 0, err);
}

static enum sg_rc write_bytes(struct sg_blob *blob, struct sg_slice bytes, struct sg_err *err)
{
    struct sg_sink sink = sg_blob_sink(blob);

    return sink.write(sink.context, bytes.data, bytes.len, err);
}

enum sg_rc sg_blob_write(const char *state_folder, OSSL_LIB_CTX *libctx, struct sg_slice bytes,
                         char ret_sha256[SG_SHA256_HEX], struct sg_err *err)
{
    _cleanup_(sg_blob_freep) struct sg_blob *blob = NULL;
    char sha256[SG_SHA256_HEX];
    enum sg_rc rc = sg_blob_begin(state_folder, libctx, &blob, err);

    if (rc == SG_OK)
        rc = write_bytes(blob, bytes, err);
    if (rc == SG_OK)
        rc = sg_blob_finish(blob, sha256, err);
    if (rc == SG_OK)
        rc = sg_blobs_sync(state_folder, err);
    if (rc == SG_OK)
        memcpy(ret_sha256, sha256, SG_SHA256_HEX);
    return rc;
}

/* --- reading -------------------------------------------------------------------------------------------------------
 */

enum sg_rc sg_blob_copy(const char *state_folder, OSSL_LIB_CTX *libctx, const char *sha256, struct sg_outfile *out,
                        struct sg_err *err)
{
    _cleanup_(sg_input_freep) struct sg_input *input = NULL;
    char hex[SG_SHA256_HEX] = "";
    enum sg_rc rc = sg_blob_open(state_folder, sha256, &input, err);

    if (rc != SG_OK)
        return rc;
    bool cloned = sg_outfile_clone(out, sg_input_fd(input));
    rc = sg_sha256_input(libctx, input, cloned ? (struct sg_sink){NULL, NULL} : sg_outfile_sink(out), hex, err);
    if (rc == SG_OK && strcmp(hex, sha256) != 0)
        rc = damaged(sg_input_name(input), err);
    return rc;
}
