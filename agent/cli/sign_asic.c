/* ASiC: a container, with one file or with all of them. */
#include <string.h>

#include "base/msg.h"
#include "cli/sign_jobs.h"
#include "formats/asic.h"

/* A container in the making. */
struct making {
    const struct sg_sign_jobs *jobs;
    const struct sg_sign_input *inputs;
    struct sg_asic_file *files;
    char **names;
    size_t count;
};

static void making_clear(struct making *making)
{
    for (size_t i = 0; making->names && i < making->count; i++)
        free(making->names[i]);
    free(making->names);
    free(making->files);
}

/* --- names -----------------------------------------------------------------------------------------------------------
 */

/* What a file is called in the container: its path, if that leads below the working folder; else its own name. */
static char *name_in(const char *path)
{
    const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
    char *name = malloc(strlen(path) + 1), *to = name;

    for (const char *at = path; name && *at;) {
        size_t len = strcspn(at, "/");

        if (at == path && len == 0) /* absolute */
            return strcpy(name, base);
        if (len == 2 && strncmp(at, "..", 2) == 0)
            return strcpy(name, base);
        if (len > 0 && !(len == 1 && *at == '.')) {
            to = to > name ? (*to = '/', to + 1) : to;
            to = (char *)memcpy(to, at, len) + len;
        }
        at += len + (at[len] == '/');
    }
    if (name)
        *to = '\0';
    return name;
}

static enum sg_rc list_files(const struct sg_sign_job *job, struct making *making, struct sg_err *err)
{
    making->files = calloc(job->input_count, sizeof(*making->files));
    making->names = calloc(job->input_count, sizeof(*making->names));
    if (!making->files || !making->names)
        return sg_fail_memory(err);
    making->count = job->input_count;
    for (size_t i = 0; i < job->input_count; i++) {
        making->names[i] = name_in(job->inputs[i].path);
        if (!making->names[i])
            return sg_fail_memory(err);
        making->files[i] = (struct sg_asic_file){.path = job->inputs[i].path, .name = making->names[i]};
    }
    return SG_OK;
}

/* --- signing ---------------------------------------------------------------------------------------------------------
 */

static void tell(void *context, size_t files)
{
    const struct making *making = context;

    if (making->count > 1)
        sg_progress_show(making->jobs->progress, files);
}

/* What was consented to is what is in the container. */
static enum sg_rc check_listed(void *context, size_t index, const char *sha256, struct sg_err *err)
{
    const struct making *making = context;

    return sg_sign_check_listed(&making->inputs[index], sha256, err);
}

static enum sg_rc make(struct making *making, struct sg_sign_job *job, enum sg_asic_form form, struct sg_outfile *out,
                       uint8_t *digest, size_t *ret_len, struct sg_err *err)
{
    const struct sg_asic_params params = {.signer = making->jobs->signing->signer,
                                          .form = form,
                                          .files = making->files,
                                          .count = making->count,
                                          .signing_time = job->claimed_time,
                                          .check_cancelled = sg_check_cancelled,
                                          .check_file = making->inputs[0].sha256 ? check_listed : NULL,
                                          .done = tell,
                                          .context = making};

    return sg_sign_token_error(making->jobs, sg_asic_sign(&params, out, digest, ret_len, err), err);
}

static enum sg_rc sign_container(const struct sg_sign_jobs *jobs, struct sg_sign_job *job, enum sg_asic_form form,
                                 struct sg_outfile *out, uint8_t *digest, size_t *ret_len, struct sg_err *err)
{
    _cleanup_(making_clear) struct making making = {.jobs = jobs, .inputs = job->inputs};
    enum sg_rc rc = list_files(job, &making, err);

    return rc == SG_OK ? make(&making, job, form, out, digest, ret_len, err) : rc;
}

static enum sg_rc sign_many(const struct sg_sign_jobs *jobs, struct sg_sign_job *job, struct sg_input *input,
                            struct sg_outfile *out, uint8_t *digest, size_t *ret_len, struct sg_err *err)
{
    (void)input;
    return sign_container(jobs, job, SG_ASIC_E, out, digest, ret_len, err);
}

static enum sg_rc sign_single(const struct sg_sign_jobs *jobs, struct sg_sign_job *job, struct sg_input *input,
                              struct sg_outfile *out, uint8_t *digest, size_t *ret_len, struct sg_err *err)
{
    (void)input;
    return sign_container(jobs, job, SG_ASIC_S, out, digest, ret_len, err);
}

/* --- one more signature ----------------------------------------------------------------------------------------------
 */

static enum sg_rc add_to(const struct sg_sign_jobs *jobs, struct sg_sign_job *job, struct sg_input *input,
                         enum sg_asic_form form, struct sg_outfile *out, uint8_t *digest, size_t *ret_len,
                         struct sg_err *err)
{
    return sg_sign_token_error(
        jobs, sg_asic_add_signature(jobs->signing->signer, form, input, job->claimed_time, out, digest, ret_len, err),
        err);
}

static enum sg_rc add_extended(const struct sg_sign_jobs *jobs, struct sg_sign_job *job, struct sg_input *input,
                               struct sg_outfile *out, uint8_t *digest, size_t *ret_len, struct sg_err *err)
{
    return add_to(jobs, job, input, SG_ASIC_E, out, digest, ret_len, err);
}

static enum sg_rc add_simple(const struct sg_sign_jobs *jobs, struct sg_sign_job *job, struct sg_input *input,
                             struct sg_outfile *out, uint8_t *digest, size_t *ret_len, struct sg_err *err)
{
    return add_to(jobs, job, input, SG_ASIC_S, out, digest, ret_len, err);
}

const struct sg_sign_format sg_sign_asic_e = {
    .word = "asic-e",
    .name = "ASiC-E",
    .ending = ".asice",
    .gives_way = "*",
    .by_path = true,
    .container = true,
    .note = N_("ASiC-E with CAdES B-B, the files in it; not time-stamped yet"),
    .sign = sign_many,
};

const struct sg_sign_format sg_sign_asic_s = {
    .word = "asic-s",
    .name = "ASiC-S",
    .ending = ".asics",
    .gives_way = "*",
    .by_path = true,
    .note = N_("ASiC-S with CAdES B-B, the file in it; not time-stamped yet"),
    .sign = sign_single,
    .is_of = sg_sign_digest_fits,
};

const struct sg_sign_format sg_sign_asic_e_added = {
    .word = "asic-e",
    .name = "ASiC-E",
    .ending = "",
    .added = true,
    .amends = true,
    .copies = true,
    .note = N_("ASiC-E with CAdES B-B, beside those that were there, over the same files; not time-stamped yet"),
    .sign = add_extended,
};

const struct sg_sign_format sg_sign_asic_s_added = {
    .word = "asic-s",
    .name = "ASiC-S",
    .ending = "",
    .added = true,
    .amends = true,
    .copies = true,
    .note = N_("ASiC-S with CAdES B-B, beside those that were there, of the same file; not time-stamped yet"),
    .sign = add_simple,
};
