/* What is signed, as what, and where each signature goes. */
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "base/hash.h"
#include "base/msg.h"
#include "cli/sign_jobs.h"

static bool is_stream(const char *path)
{
    return strcmp(path, "-") == 0;
}

/* How much of the input's name stays: all of it, unless its ending gives way. */
static size_t stem_length(const char *name, const char *gives_way)
{
    size_t len = strlen(name), ending = gives_way ? strlen(gives_way) : 0;
    bool ends_so = ending > 0 && len > ending && strcasecmp(name + len - ending, gives_way) == 0;

    return ends_so ? len - ending : len;
}

static enum sg_rc name_output(const struct sg_sign_job *job, const char *folder, char **ret, struct sg_err *err)
{
    const char *input = job->input, *slash = strrchr(input, '/'), *name = slash && folder ? slash + 1 : input;
    int stem = (int)stem_length(name, job->format->gives_way), len = 0;

    if (is_stream(input) && folder)
        return sg_fail(err, SG_E_USAGE, "%s", _("Standard input has no name for --output-dir; use --output."));
    if (is_stream(input))
        len = asprintf(ret, "-");
    else
        len = asprintf(ret, "%s%s%.*s%s", folder ? folder : "", folder ? "/" : "", stem, name, job->format->ending);
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

/* --- what is signed, and as what -------------------------------------------------------------------------------------
 */

const struct sg_sign_format *const sg_sign_formats[] = {&sg_sign_cades, &sg_sign_cades_attached, NULL};

static enum sg_rc choose_format(const struct sg_args *args, const struct sg_sign_format **ret, struct sg_err *err)
{
    const char *word = sg_args_value(args, "format");
    bool attached = sg_args_flag(args, "attached"), known = false;

    if (!word || strcmp(word, "auto") == 0)
        word = sg_sign_cades.word;
    for (const struct sg_sign_format *const *format = sg_sign_formats; *format; format++) {
        if (strcmp((*format)->word, word) != 0)
            continue;
        known = true;
        *ret = *format;
        if ((*format)->attached == attached)
            return SG_OK;
    }
    if (known)
        return sg_fail(err, SG_E_USAGE, _("--attached is for CAdES, not for --format %s."), word);
    return sg_fail(err, SG_E_USAGE, _("There is no format \"%s\"; see signet sign --help."), word);
}

/* The list of files, and its own digest, by which it is recorded. */
static enum sg_rc read_manifest(struct sg_sign_jobs *jobs, const char *path, struct sg_err *err)
{
    _cleanup_(sg_input_freep) struct sg_input *input = NULL;
    OSSL_LIB_CTX *libctx = NULL;
    enum sg_rc rc = sg_app_libctx(jobs->app, &libctx, err);

    if (rc == SG_OK)
        rc = sg_input_open(path, &input, err);
    if (rc == SG_OK)
        rc = sg_checksums_read(input, &jobs->manifest, err);
    if (rc == SG_OK)
        rc = sg_sha256_input(libctx, input, (struct sg_sink){NULL, NULL}, jobs->manifest_sha256, err);
    return rc == SG_OK ? sg_input_check_unchanged(input, err) : rc;
}

static enum sg_rc list_jobs(struct sg_sign_jobs *jobs, const struct sg_args *args, struct sg_err *err)
{
    const char *manifest = sg_args_value(args, "manifest");
    size_t named = sg_args_file_count(args);

    if (manifest && named > 0)
        return sg_fail(err, SG_E_USAGE, "%s", _("--manifest lists the files; name no others."));
    if (!manifest && named == 0)
        return sg_fail(err, SG_E_USAGE, "%s", _("\"signet sign\" wants FILE... or --manifest; see its --help."));
    enum sg_rc rc = manifest ? read_manifest(jobs, manifest, err) : SG_OK;
    if (rc != SG_OK)
        return rc;
    size_t count = manifest ? jobs->manifest.count : named;
    jobs->jobs = calloc(count, sizeof(*jobs->jobs));
    if (!jobs->jobs)
        return sg_fail_memory(err);
    jobs->count = count;
    for (size_t i = 0; i < count; i++) {
        jobs->jobs[i].input = manifest ? jobs->manifest.files[i].name : sg_args_file(args, i);
        jobs->jobs[i].sha256 = manifest ? jobs->manifest.files[i].sha256 : NULL;
        if (manifest && is_stream(jobs->jobs[i].input))
            return sg_fail(err, SG_E_USAGE, _("\"%s\" lists standard input, which has no name."), manifest);
    }
    return SG_OK;
}

static enum sg_rc plan_job(struct sg_sign_job *job, const struct sg_args *args, struct sg_err *err)
{
    const char *output = sg_args_value(args, "output");
    enum sg_rc rc = choose_format(args, &job->format, err);

    if (rc != SG_OK || !output)
        return rc == SG_OK ? name_output(job, sg_args_value(args, "output-dir"), &job->output, err) : rc;
    job->output = strdup(output);
    return job->output ? SG_OK : sg_fail_memory(err);
}

enum sg_rc sg_sign_jobs_plan(struct sg_sign_jobs *jobs, const struct sg_args *args, struct sg_err *err)
{
    const char *output = sg_args_value(args, "output");
    enum sg_rc rc = list_jobs(jobs, args, err);

    if (rc == SG_OK && output && sg_args_value(args, "output-dir"))
        return sg_fail(err, SG_E_USAGE, "%s", _("--output and --output-dir do not go together."));
    if (rc == SG_OK && output && jobs->count > 1)
        return sg_fail(err, SG_E_USAGE, "%s", _("--output is for one file; use --output-dir."));
    for (size_t i = 0; i < jobs->count && rc == SG_OK; i++)
        rc = plan_job(&jobs->jobs[i], args, err);
    if (rc == SG_OK && jobs->count > 1)
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
        free(jobs->jobs[i].earlier);
    }
    free(jobs->jobs);
    sg_checksums_clear(&jobs->manifest);
    jobs->jobs = NULL;
    jobs->count = 0;
}
