/* Where each signature goes. */
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "base/msg.h"
#include "cli/sign_jobs.h"

static bool is_stream(const char *path)
{
    return strcmp(path, "-") == 0;
}

static enum sg_rc name_output(const struct sg_sign_jobs *jobs, const char *input, const char *folder, char **ret,
                              struct sg_err *err)
{
    const char *ending = jobs->attached ? "p7m" : "p7s", *slash = strrchr(input, '/');
    int len = 0;

    if (is_stream(input) && folder)
        return sg_fail(err, SG_E_USAGE, "%s", _("Standard input has no name for --output-dir; use --output."));
    if (is_stream(input))
        len = asprintf(ret, "-");
    else if (folder)
        len = asprintf(ret, "%s/%s.%s", folder, slash ? slash + 1 : input, ending);
    else
        len = asprintf(ret, "%s.%s", input, ending);
    if (len < 0) {
        *ret = NULL;
        return sg_fail_memory(err);
    }
    return SG_OK;
}

/* --- the same file twice, or an input as the output ----------------------------------------------------------------
 */

/* A path whose folder is resolved, so that two spellings of one file are one; as given if that cannot be. */
struct resolver {
    char folder[PATH_MAX]; /* as spelled, the last one asked for */
    char real[PATH_MAX];
};

static char *resolve(struct resolver *resolver, const char *path)
{
    const char *slash = strrchr(path, '/');
    size_t len = slash ? (size_t)(slash - path) + 1 : 0;
    char folder[PATH_MAX] = "./", *resolved = NULL;

    if (len >= sizeof(folder))
        return strdup(path);
    if (len > 0) {
        memcpy(folder, path, len);
        folder[len] = '\0';
    }
    if (strcmp(folder, resolver->folder) != 0) {
        if (!realpath(folder, resolver->real))
            return strdup(path);
        memcpy(resolver->folder, folder, sizeof(folder));
    }
    return asprintf(&resolved, "%s/%s", resolver->real, slash ? slash + 1 : path) < 0 ? NULL : resolved;
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void free_texts(char ***texts)
{
    for (size_t i = 0; *texts && (*texts)[i]; i++)
        free((*texts)[i]);
    free(*texts);
}

static enum sg_rc check_outputs_differ(const struct sg_sign_jobs *jobs, struct sg_err *err)
{
    _cleanup_(free_texts) char **paths = calloc(jobs->count + 1, sizeof(*paths));
    _cleanup_(freep) struct resolver *resolver = calloc(1, sizeof(*resolver));

    if (!paths || !resolver)
        return sg_fail_memory(err);
    for (size_t i = 0; i < jobs->count; i++) {
        paths[i] = is_stream(jobs->jobs[i].output) ? strdup("-") : resolve(resolver, jobs->jobs[i].output);
        if (!paths[i])
            return sg_fail_memory(err);
    }
    qsort(paths, jobs->count, sizeof(*paths), compare_texts);
    for (size_t i = 1; i < jobs->count; i++)
        if (strcmp(paths[i - 1], paths[i]) == 0)
            return sg_about(paths[i], err,
                            sg_fail(err, SG_E_USAGE,
                                    _("\"%s\" would be written twice; sign the files one by one, or "
                                      "into different folders."),
                                    paths[i]));
    return SG_OK;
}

struct file_id {
    dev_t device;
    ino_t inode;
};

static int compare_ids(const void *a, const void *b)
{
    const struct file_id *x = a, *y = b;

    if (x->device != y->device)
        return x->device < y->device ? -1 : 1;
    return x->inode == y->inode ? 0 : x->inode < y->inode ? -1 : 1;
}

/* Only --force could replace an input; without it the kernel refuses a name that is taken. */
static enum sg_rc check_inputs_stay(const struct sg_sign_jobs *jobs, struct sg_err *err)
{
    _cleanup_(freep) struct file_id *inputs = calloc(jobs->count, sizeof(*inputs));
    size_t count = 0;
    struct stat st;

    if (!inputs)
        return sg_fail_memory(err);
    for (size_t i = 0; i < jobs->count; i++)
        if (!is_stream(jobs->jobs[i].input) && stat(jobs->jobs[i].input, &st) == 0)
            inputs[count++] = (struct file_id){st.st_dev, st.st_ino};
    qsort(inputs, count, sizeof(*inputs), compare_ids);
    for (size_t i = 0; i < jobs->count; i++) {
        const char *output = jobs->jobs[i].output;
        if (is_stream(output) || stat(output, &st) != 0)
            continue;
        const struct file_id id = {st.st_dev, st.st_ino};
        if (bsearch(&id, inputs, count, sizeof(*inputs), compare_ids))
            return sg_about(
                output, err,
                sg_fail(err, SG_E_USAGE, _("\"%s\" is itself to be signed, and an input is never changed."), output));
    }
    return SG_OK;
}

enum sg_rc sg_sign_jobs_plan(struct sg_sign_jobs *jobs, const struct sg_args *args, struct sg_err *err)
{
    const char *output = sg_args_value(args, "output"), *folder = sg_args_value(args, "output-dir");
    size_t count = sg_args_file_count(args);
    enum sg_rc rc = SG_OK;

    if (output && folder)
        return sg_fail(err, SG_E_USAGE, "%s", _("--output and --output-dir do not go together."));
    if (output && count > 1)
        return sg_fail(err, SG_E_USAGE, "%s", _("--output is for one file; use --output-dir."));
    jobs->jobs = calloc(count, sizeof(*jobs->jobs));
    if (!jobs->jobs)
        return sg_fail_memory(err);
    jobs->count = count;
    for (size_t i = 0; i < count && rc == SG_OK; i++) {
        struct sg_sign_job *job = &jobs->jobs[i];
        job->input = sg_args_file(args, i);
        if (!output)
            rc = name_output(jobs, job->input, folder, &job->output, err);
        else if (!(job->output = strdup(output)))
            rc = sg_fail_memory(err);
    }
    if (rc == SG_OK && count > 1)
        rc = check_outputs_differ(jobs, err);
    if (rc == SG_OK && jobs->replace)
        rc = check_inputs_stay(jobs, err);
    return rc;
}

void sg_sign_jobs_clear(struct sg_sign_jobs *jobs)
{
    for (size_t i = 0; i < jobs->count; i++) {
        sg_outfile_free(jobs->jobs[i].out);
        free(jobs->jobs[i].output);
        free(jobs->jobs[i].err);
    }
    free(jobs->jobs);
    jobs->jobs = NULL;
    jobs->count = 0;
}
