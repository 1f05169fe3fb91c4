/* What is signed, as what, and where each signature goes. */
#include <string.h>
#include <sys/stat.h>

#include "base/hash.h"
#include "base/msg.h"
#include "cli/sign_jobs.h"
#include "formats/asic.h"
#include "formats/pdf_objects.h"

static bool is_stream(const char *path)
{
    return strcmp(path, "-") == 0;
}

/* How much of the input's name stays: all of it, unless its ending gives way. */
static size_t stem_length(const char *name, const char *gives_way)
{
    const char *slash = strrchr(name, '/'), *base = slash ? slash + 1 : name, *dot = strrchr(base, '.');
    bool gives = gives_way && dot > base && (strcmp(gives_way, "*") == 0 || strcasecmp(dot, gives_way) == 0);

    return gives ? (size_t)(dot - name) : strlen(name);
}

static enum sg_rc name_output(const struct sg_sign_job *job, const char *folder, char **ret, struct sg_err *err)
{
    const char *input = job->inputs[0].path, *slash = strrchr(input, '/'), *name = slash && folder ? slash + 1 : input;
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
    enum sg_rc rc = SG_OK;

    if (!paths)
        return sg_fail_memory(err);
    for (size_t i = 0; i < jobs->count && rc == SG_OK; i++)
        rc = sg_sign_absolute(jobs->jobs[i].output, &paths[i], err);
    if (rc != SG_OK)
        return rc;
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

static bool is_file(const char *path, const struct file_id *id)
{
    struct stat st;

    return stat(path, &st) == 0 && st.st_dev == id->device && st.st_ino == id->inode;
}

/* Only --force could replace an input, and what is signed is only replaced where it takes the signature; without it the
 * kernel refuses a name that is taken. */
static enum sg_rc check_inputs_stay(const struct sg_sign_jobs *jobs, struct sg_err *err)
{
    _cleanup_(freep) struct file_id *inputs = calloc(jobs->input_count, sizeof(*inputs));
    size_t count = 0;
    struct stat st;

    if (!inputs)
        return sg_fail_memory(err);
    for (size_t i = 0; i < jobs->input_count; i++)
        if (!is_stream(jobs->inputs[i].path) && stat(jobs->inputs[i].path, &st) == 0)
            inputs[count++] = (struct file_id){st.st_dev, st.st_ino};
    qsort(inputs, count, sizeof(*inputs), compare_ids);
    for (size_t i = 0; i < jobs->count; i++) {
        const char *output = jobs->jobs[i].output;
        if (is_stream(output) || stat(output, &st) != 0)
            continue;
        const struct file_id id = {st.st_dev, st.st_ino};
        if (jobs->jobs[i].format->amends && is_file(jobs->jobs[i].inputs[0].path, &id))
            continue;
        if (bsearch(&id, inputs, count, sizeof(*inputs), compare_ids))
            return sg_about(
                output, err,
                sg_fail(err, SG_E_USAGE, _("\"%s\" is itself to be signed, and an input is never changed."), output));
    }
    return SG_OK;
}

/* --- what is signed, and as what -------------------------------------------------------------------------------------
 */

const struct sg_sign_format *const sg_sign_formats[] = {
    &sg_sign_cades,  &sg_sign_cades_attached, &sg_sign_cades_added, &sg_sign_cades_added_attached, &sg_sign_pades,
    &sg_sign_asic_e, &sg_sign_asic_e_added,   &sg_sign_asic_s,      &sg_sign_asic_s_added,         NULL};

/* What the options do not leave to each file. */
static const char *word_of(const struct sg_args *args)
{
    const char *word = sg_args_value(args, "format");

    if (word && strcmp(word, "auto") != 0)
        return word;
    if (sg_args_flag(args, "attached"))
        return "cades";
    return sg_sign_pdf_given(args) ? "pades" : "auto";
}

/* NULL: each file's own. */
static enum sg_rc choose_format(const struct sg_args *args, const struct sg_sign_format **ret, struct sg_err *err)
{
    const char *word = word_of(args);
    bool attached = sg_args_flag(args, "attached"), added = sg_args_flag(args, "add"), known = false;

    if (strcmp(word, "pades") != 0 && sg_sign_pdf_given(args))
        return sg_fail(err, SG_E_USAGE,
                       _("What is said of a signature in a PDF goes with --format pades, not with %s."),
                       strcmp(word, "cades") == 0 ? "CAdES" : word);
    *ret = NULL;
    if (strcmp(word, "auto") == 0)
        return SG_OK;
    for (const struct sg_sign_format *const *format = sg_sign_formats; *format; format++) {
        if (strcmp((*format)->word, word) != 0)
            continue;
        known = true;
        if ((*format)->attached == attached && (*format)->added == added) {
            *ret = *format;
            return SG_OK;
        }
    }
    if (known)
        return sg_fail(err, SG_E_USAGE,
                       attached ? _("--attached is for CAdES, not for --format %s.")
                                : _("--add is for CAdES and containers, not for --format %s."),
                       word);
    return sg_fail(err, SG_E_USAGE, _("There is no format \"%s\": it is auto, cades, pades, asic-e or asic-s."), word);
}

/* Beside what, or in what, a signature is added. */
static enum sg_rc find_added(struct sg_input *input, const struct sg_sign_format **ret, struct sg_err *err)
{
    enum sg_asic_form form = SG_ASIC_E;
    bool is_container = false;
    enum sg_rc rc = sg_asic_sniff(input, &form, &is_container, err);

    if (rc == SG_OK && is_container)
        *ret = form == SG_ASIC_E ? &sg_sign_asic_e_added : &sg_sign_asic_s_added;
    return rc;
}

/* By its first octets; the format stays as it is if that is given, or they say nothing. */
static enum sg_rc find_format(struct sg_sign_job *job, struct sg_sign_input *file, struct sg_input *input, bool added,
                              struct sg_err *err)
{
    enum sg_rc rc = sg_pdf_probe(input, &file->is_pdf, err);

    if (rc != SG_OK || job->format)
        return rc;
    if (added)
        return find_added(input, &job->format, err);
    job->format = file->is_pdf ? &sg_sign_pades : NULL;
    return SG_OK;
}

/* A file that cannot be opened now is of no format of its own, and why is said when it is to be signed. What can be
 * read only once is kept open. */
static enum sg_rc look_into(struct sg_sign_job *job, struct sg_sign_input *file, bool added, struct sg_err *err)
{
    _cleanup_(sg_input_freep) struct sg_input *input = NULL;
    struct stat st = {0};
    struct sg_err ignored;

    if (!is_stream(file->path) && stat(file->path, &st) == 0 && S_ISREG(st.st_mode)) {
        if (sg_input_open_file(-1, file->path, file->path, &input, &ignored) == SG_OK)
            (void)find_format(job, file, input, added, &ignored);
        return SG_OK;
    }
    /* A pipe whose format is given can wait until it is signed. */
    if (!is_stream(file->path) && (!S_ISFIFO(st.st_mode) || job->format))
        return SG_OK;
    if (job->format && job->format->by_path)
        return SG_OK;
    enum sg_rc rc = sg_input_open(file->path, &job->opened, err);
    return rc == SG_OK ? find_format(job, file, job->opened, added, err) : rc;
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

static enum sg_rc list_inputs(struct sg_sign_jobs *jobs, const struct sg_args *args, struct sg_err *err)
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
    jobs->inputs = calloc(count, sizeof(*jobs->inputs));
    if (!jobs->inputs)
        return sg_fail_memory(err);
    jobs->input_count = count;
    for (size_t i = 0; i < count; i++) {
        jobs->inputs[i].path = manifest ? jobs->manifest.files[i].name : sg_args_file(args, i);
        jobs->inputs[i].sha256 = manifest ? jobs->manifest.files[i].sha256 : NULL;
        if (manifest && is_stream(jobs->inputs[i].path))
            return sg_fail(err, SG_E_USAGE, _("\"%s\" lists standard input, which has no name."), manifest);
    }
    return SG_OK;
}

/* A job for each input, or one for all of them. */
static enum sg_rc list_jobs(struct sg_sign_jobs *jobs, const struct sg_sign_format *format, struct sg_err *err)
{
    bool together = format && format->container;

    jobs->count = together ? 1 : jobs->input_count;
    jobs->jobs = calloc(jobs->count, sizeof(*jobs->jobs));
    if (!jobs->jobs) {
        jobs->count = 0;
        return sg_fail_memory(err);
    }
    for (size_t i = 0; i < jobs->count; i++)
        jobs->jobs[i] = (struct sg_sign_job){.inputs = &jobs->inputs[i],
                                             .input_count = together ? jobs->input_count : 1,
                                             .input = jobs->inputs[i].path,
                                             .format = format};
    return SG_OK;
}

static enum sg_rc plan_job(struct sg_sign_job *job, const struct sg_args *args, struct sg_err *err)
{
    const char *output = sg_args_value(args, "output");
    bool added = sg_args_flag(args, "add");
    enum sg_rc rc = SG_OK;

    for (size_t i = 0; i < job->input_count && rc == SG_OK; i++)
        rc = look_into(job, &job->inputs[i], added, err);
    if (!job->format)
        job->format = added ? &sg_sign_cades_added : &sg_sign_cades;
    if (rc == SG_OK && !output)
        rc = name_output(job, sg_args_value(args, "output-dir"), &job->output, err);
    else if (rc == SG_OK && !(job->output = strdup(output)))
        rc = sg_fail_memory(err);
    if (rc == SG_OK && job->input_count > 1)
        job->input = job->output;
    return rc;
}

/* What the format, and how many files there are, leave of the options. */
static enum sg_rc check_options(const struct sg_sign_jobs *jobs, const struct sg_args *args,
                                const struct sg_sign_format *format, struct sg_err *err)
{
    const char *output = sg_args_value(args, "output");
    bool together = format && format->container;

    if (output && sg_args_value(args, "output-dir"))
        return sg_fail(err, SG_E_USAGE, "%s", _("--output and --output-dir do not go together."));
    if (output && jobs->input_count > 1 && !together)
        return sg_fail(err, SG_E_USAGE, "%s", _("--output is for one file; use --output-dir."));
    if (!output && jobs->input_count > 1 && together)
        return sg_fail(err, SG_E_USAGE, "%s",
                       _("Several files go into one container: say with --output how to call it."));
    if (jobs->resume && sg_args_flag(args, "add"))
        return sg_fail(err, SG_E_USAGE, "%s", _("--resume and --add do not go together."));
    if (jobs->resume && format && !format->is_of)
        return sg_fail(err, SG_E_USAGE, "%s",
                       _("--resume has nothing to go on with in one container, which is made whole or not at all."));
    for (size_t i = 0; format && format->by_path && i < jobs->input_count; i++)
        if (is_stream(jobs->inputs[i].path))
            return sg_fail(err, SG_E_USAGE, "%s", _("Standard input has no name in a container."));
    return SG_OK;
}

enum sg_rc sg_sign_jobs_plan(struct sg_sign_jobs *jobs, const struct sg_args *args, struct sg_err *err)
{
    const struct sg_sign_format *format = NULL;
    enum sg_rc rc = choose_format(args, &format, err);

    if (rc == SG_OK)
        rc = sg_sign_pdf_read(args, &jobs->pdf, err);
    if (rc == SG_OK)
        rc = list_inputs(jobs, args, err);
    if (rc == SG_OK)
        rc = check_options(jobs, args, format, err);
    if (rc == SG_OK)
        rc = list_jobs(jobs, format, err);
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
        sg_input_free(jobs->jobs[i].opened);
        free(jobs->jobs[i].output);
        free(jobs->jobs[i].err);
        free(jobs->jobs[i].earlier);
    }
    free(jobs->jobs);
    free(jobs->inputs);
    sg_checksums_clear(&jobs->manifest);
    sg_sign_pdf_clear(&jobs->pdf);
    jobs->jobs = NULL;
    jobs->count = 0;
}
