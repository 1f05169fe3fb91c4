#include "cli/outbox_find.h"

#include <string.h>
#include <sys/stat.h>

#include "base/hash.h"
#include "base/limits.h"
#include "base/msg.h"
#include "cli/sign_jobs.h"

void sg_documents_clear(struct sg_documents *documents)
{
    free(documents->numbers);
    *documents = (struct sg_documents){0};
}

enum sg_rc sg_documents_add(struct sg_documents *documents, int64_t number, struct sg_err *err)
{
    int64_t *numbers = reallocarray(documents->numbers, documents->count + 1, sizeof(*numbers));

    if (!numbers)
        return sg_fail_memory(err);
    numbers[documents->count++] = number;
    documents->numbers = numbers;
    return SG_OK;
}

struct search {
    struct sg_documents *found;
    struct sg_buf outputs; /* paths of the signed files */
    char *last;            /* of them */
    size_t paths;          /* how many there are, as they change */
};

static enum sg_rc take(void *context, const struct sg_outbox_document *document, struct sg_err *err)
{
    struct search *search = context;

    enum sg_rc rc = sg_documents_add(search->found, document->document, err);

    if (rc != SG_OK || (search->last && strcmp(search->last, document->output) == 0))
        return rc;
    free(search->last);
    search->last = strdup(document->output);
    if (!search->last)
        return sg_fail_memory(err);
    return sg_buf_printf(&search->outputs, err, "%s%s", search->paths++ > 0 ? ", " : "", document->output);
}

/* The file may have been moved or renamed since. */
static enum sg_rc find_by_bytes(struct sg_app *app, struct sg_store *store, const char *path, struct search *search,
                                struct sg_err *err)
{
    _cleanup_(sg_input_freep) struct sg_input *input = NULL;
    char sha256[SG_SHA256_HEX];
    struct stat st;

    if (stat(path, &st) < 0 || !S_ISREG(st.st_mode))
        return SG_OK;
    enum sg_rc rc = sg_input_open(path, &input, err);
    if (rc == SG_OK)
        rc = sg_sha256_input(app->libctx, input, (struct sg_sink){NULL, NULL}, sha256, err);
    return rc == SG_OK ? sg_outbox_find(store, sha256, take, search, err) : rc;
}

static enum sg_rc find(struct sg_app *app, struct sg_store *store, const char *name, struct search *search,
                       struct sg_err *err)
{
    _cleanup_(freep) char *path = NULL;
    enum sg_rc rc = sg_sign_absolute(name, &path, err);

    if (rc == SG_OK)
        rc = sg_outbox_find(store, path, take, search, err);
    if (rc == SG_OK && search->found->count == 0)
        rc = find_by_bytes(app, store, path, search, err);
    if (rc == SG_OK && search->found->count == 0 && !strchr(name, '/'))
        rc = sg_outbox_find(store, name, take, search, err);
    return rc;
}

static enum sg_rc judge(const struct search *search, const char *name, bool bytes, struct sg_err *err)
{
    uint8_t digest[SG_SHA256_LEN];

    if (search->found->count == 0)
        return sg_about(name, err,
                        sg_fail(err, SG_E_NOT_FOUND,
                                _("Nothing was queued for \"%s\": it was not signed here, or without a target and a "
                                  "TSA. The ledger has all that was signed: signet log."),
                                name));
    if (search->paths < 2 || (bytes && sg_unhex(name, digest, sizeof(digest))))
        return SG_OK;
    return sg_fail(err, SG_E_USAGE,
                   _("\"%s\" may be one of several; give the path or the SHA-256 of the signed file: %.*s"), name,
                   (int)search->outputs.len, (const char *)search->outputs.data);
}

enum sg_rc sg_documents_find(struct sg_app *app, struct sg_store *store, const char *name, bool bytes,
                             struct sg_documents *ret, struct sg_err *err)
{
    struct sg_documents found = {0};
    struct search search = {.found = &found, .outputs = SG_BUF(SG_MAX_CONFIG_FILE)};
    OSSL_LIB_CTX *libctx = NULL;
    enum sg_rc rc = sg_app_libctx(app, &libctx, err);

    if (rc == SG_OK)
        rc = find(app, store, name, &search, err);
    if (rc == SG_OK)
        rc = judge(&search, name, bytes, err);
    if (rc == SG_OK) {
        *ret = found;
        found = (struct sg_documents){0};
    }
    sg_documents_clear(&found);
    sg_buf_clear(&search.outputs);
    free(search.last);
    return rc;
}
