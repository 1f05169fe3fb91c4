/* Taking files out of a container that was judged. */
#include <stdlib.h>
#include <string.h>

#include <openssl/objects.h>

#include "base/hash.h"
#include "base/msg.h"
#include "formats/asic.h"
#include "verify/verify.h"

/* A file to be taken out. */
struct wanted {
    const char *name;
    const struct sg_file_digest *digest;
};

struct choice {
    struct wanted *files;
    size_t count;
};

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct wanted *)a)->name, ((const struct wanted *)b)->name);
}

/* Several signatures may cover one file: each has found that it is what was signed. */
static void leave_out_twins(struct choice *choice)
{
    size_t kept = 0;
    qsort(choice->files, choice->count, sizeof *choice->files, by_name);
    for (size_t i = 0; i < choice->count; i++)
        if (kept == 0 || strcmp(choice->files[kept - 1].name, choice->files[i].name) != 0)
            choice->files[kept++] = choice->files[i];
    choice->count = kept;
}

static enum sg_rc choose_passed(const struct sg_report *report, struct choice *choice, struct sg_err *err)
{
    size_t most = 0;
    for (size_t i = 0; i < report->verdict_count; i++)
        most += report->verdicts[i].file_count;
    choice->files = calloc(most + 1, sizeof *choice->files);
    if (!choice->files)
        return sg_fail_memory(err);
    for (size_t i = 0; i < report->verdict_count; i++) {
        const struct sg_verdict *verdict = &report->verdicts[i];
        if (verdict->indication != SG_TOTAL_PASSED || !verdict->intact)
            continue;
        for (size_t k = 0; k < verdict->file_count; k++)
            choice->files[choice->count++] = (struct wanted){verdict->files[k], &verdict->file_digests[k]};
    }
    leave_out_twins(choice);
    return SG_OK;
}

static enum sg_rc choose_all(const struct sg_zip *zip, struct choice *choice, struct sg_err *err)
{
    choice->files = calloc(sg_zip_count(zip) + 1, sizeof *choice->files);
    if (!choice->files)
        return sg_fail_memory(err);
    for (size_t i = 0; i < sg_zip_count(zip); i++)
        choice->files[choice->count++] = (struct wanted){.name = sg_zip_entry(zip, i)->name};
    return SG_OK;
}

static enum sg_rc changed(const struct sg_input *file, const char *name, struct sg_err *err)
{
    return sg_about(sg_input_name(file), err,
                    sg_fail(err, SG_E_INPUT_CHANGED,
                            _("\"%s\" in \"%s\" is no longer what was judged; try again once it is at rest."), name,
                            sg_input_name(file)));
}

static enum sg_rc copy_judged(struct sg_input *file, const struct sg_zip *zip, const struct sg_zip_entry *entry,
                              const struct wanted *wanted, const struct sg_report *report,
                              const struct sg_extraction *to, struct sg_err *err)
{
    _cleanup_(sg_hash_freep) struct sg_hash *hash = NULL;
    uint8_t value[EVP_MAX_MD_SIZE];
    size_t len = 0;
    enum sg_rc rc = sg_hash_new(report->libctx, OBJ_nid2sn(wanted->digest->nid),
                                (struct sg_sink){to->write, to->context}, &hash, err);
    if (rc == SG_OK)
        rc = sg_zip_copy(zip, entry, sg_hash_sink(hash), err);
    if (rc == SG_OK)
        rc = sg_hash_end(hash, value, &len, err);
    if (rc == SG_OK && (len != wanted->digest->len || memcmp(value, wanted->digest->value, len) != 0))
        rc = changed(file, entry->name, err);
    return rc;
}

static enum sg_rc hand_out(struct sg_input *file, const struct sg_zip *zip, const struct wanted *wanted,
                           const struct sg_report *report, const struct sg_extraction *to, struct sg_err *err)
{
    const struct sg_zip_entry *entry = sg_zip_find(zip, wanted->name);
    if (!entry)
        return changed(file, wanted->name, err);
    if (!sg_asic_is_content(entry)) /* what says how the container is signed */
        return SG_OK;
    enum sg_rc rc = to->begin(to->context, entry->name, err);
    if (rc != SG_OK)
        return rc;
    return wanted->digest ? copy_judged(file, zip, entry, wanted, report, to, err)
                          : sg_zip_copy(zip, entry, (struct sg_sink){to->write, to->context}, err);
}

enum sg_rc sg_verify_extract(struct sg_input *file, const struct sg_report *report, bool all,
                             const struct sg_extraction *to, struct sg_err *err)
{
    _cleanup_(sg_asic_freep) struct sg_asic *asic = NULL;
    struct choice choice = {0};
    bool is_container = report->uncovered != NULL;
    enum sg_rc rc = is_container ? sg_asic_open(file, &asic, err) : SG_OK;
    if (rc == SG_OK && !asic)
        rc = sg_about(sg_input_name(file), err,
                      sg_fail(err, SG_E_USAGE,
                              _("\"%s\" is no container (ASiC) with a signature; --extract takes files out of one."),
                              sg_input_name(file)));
    if (rc == SG_OK)
        rc = all ? choose_all(sg_asic_zip(asic), &choice, err) : choose_passed(report, &choice, err);
    for (size_t i = 0; rc == SG_OK && i < choice.count; i++)
        rc = hand_out(file, sg_asic_zip(asic), &choice.files[i], report, to, err);
    free(choice.files);
    return rc;
}
