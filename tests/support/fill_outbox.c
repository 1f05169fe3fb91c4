/* Fills an outbox as so many signatures would, without a token:
 *
 *     fill_outbox STATE COUNT SIZE TARGET...
 *
 * COUNT documents of SIZE bytes each, with one version (B-B), which goes to each TARGET. Their bytes differ. */
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "store/blobs.h"
#include "store/outbox.h"

#define GROUP 500

static int complain(const struct sg_err *err)
{
    (void)fprintf(stderr, "fill_outbox: %s (%s)\n", err->text, err->cause);
    return 1;
}

/* A blob whose bytes begin with its number. */
static enum sg_rc make_blob(const char *state, OSSL_LIB_CTX *libctx, size_t number, uint8_t *bytes, size_t size,
                            char sha256[SG_SHA256_HEX], struct sg_err *err)
{
    _cleanup_(sg_blob_freep) struct sg_blob *blob = NULL;
    char head[32];
    size_t len = (size_t)snprintf(head, sizeof(head), "document %zu\n", number);

    memcpy(bytes, head, len < size ? len : size);
    enum sg_rc rc = sg_blob_begin(state, libctx, &blob, err);
    if (rc != SG_OK)
        return rc;
    struct sg_sink sink = sg_blob_sink(blob);
    rc = sink.write(sink.context, bytes, size, err);
    return rc == SG_OK ? sg_blob_finish(blob, sha256, err) : rc;
}

static enum sg_rc queue(struct sg_store *store, size_t number, const char *sha256, size_t size, char **targets,
                        size_t count, struct sg_err *err)
{
    char input[64], output[64];
    const struct sg_version version = {.level = SG_LEVEL_B_B, .sha256 = sha256, .size = (int64_t)size};
    const struct sg_outbox_request request = {.versions = &version,
                                              .version_count = 1,
                                              .targets = (const char *const *)targets,
                                              .target_count = count,
                                              .replaces = ""};
    int64_t document = 0;

    (void)snprintf(input, sizeof(input), "/nowhere/document-%zu", number);
    (void)snprintf(output, sizeof(output), "/nowhere/document-%zu.p7m", number);
    const struct sg_document made = {.input = input,
                                     .output = output,
                                     .digest_algorithm = "sha256",
                                     .content_digest = sha256,
                                     .result_sha256 = sha256,
                                     .format = "CAdES",
                                     .key = "",
                                     .token = "",
                                     .custody = "reported",
                                     .claimed_time = 1,
                                     .clock_state = "ok",
                                     .remarks = ""};
    enum sg_rc rc = sg_store_document_add(store, &made, err);
    if (rc == SG_OK)
        rc = sg_outbox_add(store, &request, &document, err);
    return rc == SG_OK ? sg_outbox_placed(store, document, SG_OUTPUT_CURRENT, err) : rc;
}

static enum sg_rc fill(const char *state, OSSL_LIB_CTX *libctx, struct sg_store *store, size_t documents, size_t size,
                       char **targets, size_t count, struct sg_err *err)
{
    _cleanup_(freep) uint8_t *bytes = calloc(size + 1, 1);
    char sha256[SG_SHA256_HEX];
    enum sg_rc rc = bytes ? SG_OK : sg_fail_memory(err);

    for (size_t i = 0; i < documents && rc == SG_OK; i++) {
        if (i % GROUP == 0)
            rc = sg_store_begin(store, err);
        if (rc == SG_OK)
            rc = make_blob(state, libctx, i, bytes, size, sha256, err);
        if (rc == SG_OK)
            rc = queue(store, i, sha256, size, targets, count, err);
        if (rc == SG_OK && (i % GROUP == GROUP - 1 || i + 1 == documents))
            rc = sg_store_commit(store, err);
    }
    return rc == SG_OK ? sg_blobs_sync(state, err) : rc;
}

int main(int argc, char **argv)
{
    OSSL_LIB_CTX *libctx = NULL;
    struct sg_store *store = NULL;
    const struct sg_clock clock = sg_clock_system();
    struct sg_err err;

    if (argc < 4)
        return 64;
    enum sg_rc rc = sg_libctx_new(&libctx, &err);
    if (rc == SG_OK)
        rc = sg_store_open(argv[1], libctx, &clock, &store, &err);
    if (rc == SG_OK)
        rc = fill(argv[1], libctx, store, strtoul(argv[2], NULL, 10), strtoul(argv[3], NULL, 10), argv + 4,
                  (size_t)argc - 4, &err);
    sg_store_free(store);
    OSSL_LIB_CTX_free(libctx);
    return rc == SG_OK ? 0 : complain(&err);
}
