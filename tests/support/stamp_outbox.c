/* The time-stamps of an outbox, without the rest of a sync:
 *
 *   stamp_outbox STATE add FILE...                         signed files are queued, to be brought to B-T
 *   stamp_outbox STATE run PARALLEL NAME=URL[=POLICY]...   those that wait are, by these TSAs; a line each says so */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/input.h"
#include "base/limits.h"
#include "base/msg.h"
#include "formats/cms.h"
#include "store/blobs.h"
#include "store/outbox.h"
#include "store/snapshot.h"
#include "sync/tsa.h"

#define MOST 4096

struct job {
    struct sg_store *store;
    int64_t step, document;
    char output[512];
};

static OSSL_LIB_CTX *libctx;
static const char *state_folder;
static struct job jobs[MOST];
static size_t job_count, under_way;
static struct sg_err err;

static void must(enum sg_rc rc)
{
    if (rc == SG_OK)
        return;
    fprintf(stderr, "%s: %s (%s)\n", sg_rc_word(rc), err.text, err.cause);
    exit(sg_rc_exit(rc));
}

/* --- adding ---------------------------------------------------------------------------------------------------------
 */

static int64_t claimed_time(struct sg_input *input)
{
    _cleanup_(sg_cms_freep) struct sg_cms *cms = NULL;
    const struct sg_attribute *attribute = NULL;
    int64_t when = 0;

    must(sg_cms_read(input, libctx, NULL, &cms, &err));
    const struct sg_signer_info *si = sg_cms_signer(cms, 0);
    if (sg_attributes_find(si->signed_attrs, si->signed_attr_count, NID_pkcs9_signingTime, &attribute) == 1) {
        const uint8_t *at = attribute->values[0].data;
        _cleanup_(ASN1_TIME_freep) ASN1_TIME *time = d2i_ASN1_TIME(NULL, &at, (long)attribute->values[0].len);
        if (!sg_time_from_asn1(time, &when))
            when = 0;
    }
    return when;
}

static void add(struct sg_store *store, const char *path)
{
    _cleanup_(sg_input_freep) struct sg_input *input = NULL;
    _cleanup_(sg_buf_clear) struct sg_buf bytes = SG_BUF(16 * SG_MIB);
    char sha256[SG_SHA256_HEX];
    int64_t document = 0;

    must(sg_input_open(path, &input, &err));
    must(sg_input_read_all(input, &bytes, &err));
    must(sg_blob_write(state_folder, libctx, sg_buf_slice(&bytes), sha256, &err));
    const struct sg_document row = {.input = path,
                                    .output = path,
                                    .digest_algorithm = "sha256",
                                    .content_digest = sha256,
                                    .result_sha256 = sha256,
                                    .format = "CAdES",
                                    .key = "",
                                    .token = "",
                                    .custody = "",
                                    .claimed_time = claimed_time(input),
                                    .clock_state = "ok",
                                    .remarks = ""};
    const struct sg_version version = {.level = SG_LEVEL_B_B, .sha256 = sha256, .size = (int64_t)bytes.len};
    const struct sg_outbox_request request = {.versions = &version, .version_count = 1, .timestamp = true};
    must(sg_store_begin(store, &err));
    must(sg_store_document_add(store, &row, &err));
    must(sg_outbox_add(store, &request, &document, &err));
    must(sg_outbox_placed(store, document, SG_OUTPUT_CURRENT, &err));
    must(sg_store_commit(store, &err));
}

/* --- time-stamping --------------------------------------------------------------------------------------------------
 */

static void done(void *context, const struct sg_completed *completed, const struct sg_err *why)
{
    struct job *job = context;

    under_way--;
    if (!completed) {
        printf("failed %s %s: %s\n", job->output, sg_rc_word(why->rc), why->text);
        must(sg_step_failed(job->store, job->step, why, 0, &err));
        return;
    }
    printf("done %s %s\n", job->output, completed->tsa);
    must(sg_blobs_sync(state_folder, &err));
    must(sg_step_timestamped(job->store, job->step, &completed->version, completed->tsa, completed->time, &err));
}

static enum sg_rc take(void *context, const struct sg_step *step, struct sg_err *step_err)
{
    (void)step_err;
    jobs[job_count] = (struct job){.store = context, .step = step->id, .document = step->document};
    (void)snprintf(jobs[job_count++].output, sizeof(jobs[0].output), "%s", step->output);
    return SG_OK;
}

static void start(struct job *job, struct sg_tsas *tsas)
{
    const struct sg_completion completion = {.tsas = tsas,
                                             .store = job->store,
                                             .state_folder = state_folder,
                                             .libctx = libctx,
                                             .document = job->document,
                                             .done = done,
                                             .context = job};
    struct sg_err why;

    must(sg_step_begin(job->store, job->step, &err));
    under_way++;
    if (sg_completion_start(&completion, &why) != SG_OK)
        done(job, NULL, &why);
}

static void say_state(void *context, const struct sg_outbox_document *document, enum sg_output_state state)
{
    static const char *const WORDS[] = {"current", "moved", "changed", "behind"};

    (void)context;
    printf("file %s %s\n", document->output, WORDS[state]);
}

static void run_all(struct sg_store *store, struct sg_http *http, struct sg_tsas *tsas, size_t parallel)
{
    size_t next = 0;

    must(sg_steps_due(store, NULL, INT64_MAX, MOST, take, store, &err));
    while (next < job_count || under_way > 0) {
        while (next < job_count && under_way < parallel)
            start(&jobs[next++], tsas);
        must(sg_http_run(http, 1000, -1, &err));
    }
    must(sg_outbox_renew(store, say_state, NULL, &err));
}

static void run(struct sg_store *store, const struct sg_clock *clock, size_t parallel, char **words, int count)
{
    _cleanup_(sg_snapshot_freep) struct sg_snapshot *snapshot = NULL;
    _cleanup_(sg_verifier_freep) struct sg_verifier *verifier = NULL;
    _cleanup_(sg_tsas_freep) struct sg_tsas *tsas = NULL;
    _cleanup_(sg_http_freep) struct sg_http *http = NULL;
    const struct sg_http_settings settings = {.proxy = "none", .timeout = 2, .budget = 30, .parallel = parallel};
    struct sg_tsa list[16];

    for (int i = 0; i < count && i < 16; i++) {
        list[i] = (struct sg_tsa){.name = strtok(words[i], "="), .url = strtok(NULL, "=")};
        const char *policy = strtok(NULL, "=");
        list[i].policy = policy ? policy : "";
    }
    must(sg_snapshot_open(state_folder, libctx, &snapshot, &err));
    const struct sg_verifier_options judging = {.libctx = libctx,
                                                .snapshot = snapshot,
                                                .revocation = SG_REVOCATION_SOFT,
                                                .stale = INT64_MAX / 4,
                                                .at = SG_TIME_NONE,
                                                .clock = *clock,
                                                .policy = {.max_depth = -1}};
    must(sg_verifier_new(&judging, &verifier, &err));
    must(sg_http_new(&settings, &http, &err));
    const struct sg_tsas_options options = {
        .http = http, .verifier = verifier, .libctx = libctx, .tsas = list, .count = (size_t)count};
    must(sg_tsas_new(&options, &tsas, &err));
    run_all(store, http, tsas, parallel);
}

int main(int argc, char **argv)
{
    struct sg_clock clock = sg_clock_system();
    struct sg_store *store = NULL;

    if (argc < 4)
        return 64;
    state_folder = argv[1];
    must(sg_libctx_new(&libctx, &err));
    must(sg_store_open(state_folder, libctx, &clock, &store, &err));
    if (strcmp(argv[2], "add") == 0)
        for (int i = 3; i < argc; i++)
            add(store, argv[i]);
    else
        run(store, &clock, strtoul(argv[3], NULL, 10), argv + 4, argc - 4);
    sg_store_free(store);
    OSSL_LIB_CTX_free(libctx);
    return 0;
}
