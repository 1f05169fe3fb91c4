/* --resume: what an earlier run has signed. Nothing is believed but what the store recorded and the files show now. */
#include <ctype.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/hash.h"
#include "base/limits.h"
#include "base/msg.h"
#include "cli/sign_jobs.h"

/* --- what the store has ----------------------------------------------------------------------------------------------
 */

/* The jobs whose output is there, by its absolute path. */
struct output {
    char *path;
    struct sg_sign_job *job;
};

struct outputs {
    struct output *items;
    size_t count;
};

static void outputs_clear(struct outputs *outputs)
{
    for (size_t i = 0; i < outputs->count; i++)
        free(outputs->items[i].path);
    free(outputs->items);
}

static int compare_outputs(const void *a, const void *b)
{
    return strcmp(((const struct output *)a)->path, ((const struct output *)b)->path);
}

static enum sg_rc list_outputs(struct sg_sign_jobs *jobs, struct outputs *outputs, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;

    outputs->items = calloc(jobs->count, sizeof(*outputs->items));
    if (!outputs->items)
        return sg_fail_memory(err);
    for (size_t i = 0; i < jobs->count && rc == SG_OK; i++) {
        struct output *output = &outputs->items[outputs->count];

        if (strcmp(jobs->jobs[i].output, "-") == 0 || access(jobs->jobs[i].output, F_OK) != 0)
            continue;
        rc = sg_sign_absolute(jobs->jobs[i].output, &output->path, err);
        output->job = &jobs->jobs[i];
        outputs->count += rc == SG_OK;
    }
    if (outputs->count > 1)
        qsort(outputs->items, outputs->count, sizeof(*outputs->items), compare_outputs);
    return rc;
}

/* The last record of an output counts. */
static enum sg_rc take_record(void *context, const struct sg_signed_file *file, struct sg_err *err)
{
    const struct outputs *outputs = context;
    /* (bsearch only compares it) */
    const struct output key = {.path = (char *)(uintptr_t)file->output};
    const struct output *found =
        bsearch(&key, outputs->items, outputs->count, sizeof(*outputs->items), compare_outputs);

    if (!found)
        return SG_OK;
    struct sg_sign_job *job = found->job;
    if (!job->earlier && !(job->earlier = malloc(sizeof(*job->earlier))))
        return sg_fail_memory(err);
    struct sg_sign_earlier *earlier = job->earlier;
    (void)snprintf(earlier->digest_algorithm, sizeof(earlier->digest_algorithm), "%s", file->digest_algorithm);
    (void)snprintf(earlier->content_digest, sizeof(earlier->content_digest), "%s", file->content_digest);
    (void)snprintf(earlier->result, sizeof(earlier->result), "%s", file->result_sha256);
    (void)snprintf(earlier->newest, sizeof(earlier->newest), "%s", file->newest_sha256);
    return SG_OK;
}

/* --- what the files show ---------------------------------------------------------------------------------------------
 */

static enum sg_rc digest_fits(OSSL_LIB_CTX *libctx, struct sg_input *input, const char *algorithm, const char *digest,
                              bool *ret, struct sg_err *err)
{
    _cleanup_(sg_hash_freep) struct sg_hash *hash = NULL;
    uint8_t value[EVP_MAX_MD_SIZE];
    char hex[2 * EVP_MAX_MD_SIZE + 1];
    size_t len = 0;
    enum sg_rc rc = sg_hash_new(libctx, algorithm, (struct sg_sink){NULL, NULL}, &hash, err);

    if (rc == SG_OK)
        rc = sg_input_copy(input, 0, sg_input_size(input), sg_hash_sink(hash), err);
    if (rc == SG_OK)
        rc = sg_hash_end(hash, value, &len, err);
    if (rc != SG_OK)
        return rc;
    sg_hex(value, len, hex);
    *ret = strcmp(hex, digest) == 0;
    return SG_OK;
}

/* Whether it is the file that was recorded. */
static enum sg_rc is_recorded(OSSL_LIB_CTX *libctx, struct sg_input *output, const struct sg_sign_earlier *earlier,
                              bool *ret, struct sg_err *err)
{
    char sha256[SG_SHA256_HEX] = "";
    enum sg_rc rc = sg_sha256_input(libctx, output, (struct sg_sink){NULL, NULL}, sha256, err);

    if (rc == SG_OK)
        *ret = strcmp(sha256, earlier->result) == 0 || strcmp(sha256, earlier->newest) == 0;
    return rc;
}

/* Whether the output, which is what was recorded, is of this input. */
static enum sg_rc is_done(const struct sg_sign_jobs *jobs, const struct sg_sign_job *job, struct sg_input *output,
                          bool *ret, struct sg_err *err)
{
    _cleanup_(sg_input_freep) struct sg_input *input = NULL;
    OSSL_LIB_CTX *libctx = jobs->app->libctx;
    const struct sg_sign_earlier *earlier = job->earlier;
    bool fits = true;
    enum sg_rc rc = sg_input_open_file(-1, job->input, job->input, &input, err);

    if (rc == SG_OK && job->inputs[0].sha256)
        rc = digest_fits(libctx, input, "SHA256", job->inputs[0].sha256, &fits, err);
    if (rc != SG_OK || !fits)
        return rc;
    rc = digest_fits(libctx, input, earlier->digest_algorithm, earlier->content_digest, &fits, err);
    return rc == SG_OK ? job->format->is_of(input, output, fits, ret, err) : rc;
}

static enum sg_rc look_at(const struct sg_sign_jobs *jobs, struct sg_sign_job *job, struct sg_err *err)
{
    _cleanup_(sg_input_freep) struct sg_input *output = NULL;
    bool recorded = false;
    enum sg_rc rc = sg_input_open_file(-1, job->output, job->output, &output, err);

    if (rc == SG_OK)
        rc = is_recorded(jobs->app->libctx, output, job->earlier, &recorded, err);
    if (!recorded)
        free(sg_steal(job->earlier));
    return recorded ? is_done(jobs, job, output, &job->skipped, err) : rc;
}

struct survey {
    struct sg_sign_jobs *jobs;
    atomic_size_t next;
};

/* A file that cannot be looked at is not skipped: why it cannot is said when it is to be signed. */
static void *work(void *context)
{
    struct survey *survey = context;
    size_t i;

    while ((i = atomic_fetch_add(&survey->next, 1)) < survey->jobs->count) {
        struct sg_sign_job *job = &survey->jobs->jobs[i];
        struct sg_err err;

        if (job->earlier && !sg_signal_caught() && look_at(survey->jobs, job, &err) != SG_OK)
            job->skipped = false;
    }
    return NULL;
}

/* The command as it was finds what it made the last time: "*" has the signatures, too. Those are left out, unless a
 * manifest lists them. What was made of files that are not given now is signed: it may get a second signature. */
static enum sg_rc leave_out(struct sg_sign_job *job, const struct outputs *outputs, struct sg_err *err)
{
    struct output key = {0};
    enum sg_rc rc = sg_sign_absolute(job->input, &key.path, err);

    if (rc != SG_OK)
        return rc;
    const struct output *found =
        bsearch(&key, outputs->items, outputs->count, sizeof(*outputs->items), compare_outputs);
    free(key.path);
    job->left_out = found && found->job->earlier;
    job->skipped |= job->left_out;
    return SG_OK;
}

enum sg_rc sg_sign_jobs_survey(struct sg_sign_jobs *jobs, struct sg_err *err)
{
    _cleanup_(outputs_clear) struct outputs outputs = {0};
    struct survey survey = {.jobs = jobs};
    pthread_t threads[SG_MAX_THREADS];
    size_t started = 0;
    enum sg_rc rc = list_outputs(jobs, &outputs, err);

    if (rc == SG_OK)
        rc = sg_store_documents(jobs->signing->store, take_record, &outputs, err);
    if (rc != SG_OK)
        return rc;
    size_t wanted = outputs.count < sg_sign_threads(jobs) ? outputs.count : sg_sign_threads(jobs);
    while (started + 1 < wanted && pthread_create(&threads[started], NULL, work, &survey) == 0)
        started++;
    (void)work(&survey);
    for (size_t i = 0; i < started; i++)
        (void)pthread_join(threads[i], NULL);
    for (size_t i = 0; i < jobs->count && rc == SG_OK; i++)
        if (!jobs->jobs[i].skipped && !jobs->jobs[i].inputs[0].sha256)
            rc = leave_out(&jobs->jobs[i], &outputs, err);
    return rc == SG_OK ? sg_check_cancelled(err) : rc;
}
