/* Many files: threads sign, and the one that started them makes groups final and records them. While a group goes to
 * disk the next one is being signed; no more than two are under way, since each file of them is an open descriptor. */
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <string.h>
#include <sys/resource.h>

#include "base/limits.h"
#include "base/msg.h"
#include "cli/sign_jobs.h"

#define OTHER_FILES 100 /* descriptors for everything else: modules, the store, inputs */

struct run {
    struct sg_sign_jobs *jobs;
    void (*done)(const struct sg_sign_jobs *jobs, const struct sg_sign_job *job);
    size_t group; /* files in a group */

    pthread_mutex_t lock;
    pthread_cond_t changed;
    size_t next;       /* the first job that nobody has taken */
    size_t limit;      /* jobs before this one may be taken */
    size_t *in_hand;   /* of each group: jobs that are being signed */
    bool stop;         /* take no more */
    struct sg_err why; /* of `stop` */
};

/* Trouble with the token, the program, the PIN or a signal meets every file; with a file, only that one. */
static bool ends_all(enum sg_rc rc)
{
    int status = sg_rc_exit(rc);

    return rc == SG_E_CANCELLED || status == 69 || status == 70 || status == 77;
}

static void fail_job(struct sg_sign_job *job, const struct sg_err *err)
{
    if (!job->err)
        job->err = malloc(sizeof(*job->err));
    if (!job->err)
        return; /* the job is not final, which says that it failed */
    *job->err = *err;
    if (!err->file[0])
        sg_err_file(job->err, job->input);
}

static void stop_run(struct run *run, const struct sg_err *why)
{
    (void)pthread_mutex_lock(&run->lock);
    if (!run->stop)
        run->why = *why;
    run->stop = true;
    (void)pthread_cond_broadcast(&run->changed);
    (void)pthread_mutex_unlock(&run->lock);
}

/* Takes the next job, if need be waiting for its group's turn; NULL when there is none. */
static struct sg_sign_job *take(struct run *run)
{
    struct sg_sign_job *job = NULL;

    (void)pthread_mutex_lock(&run->lock);
    while (!run->stop && run->next >= run->limit && run->next < run->jobs->count)
        (void)pthread_cond_wait(&run->changed, &run->lock);
    if (!run->stop && run->next < run->jobs->count) {
        run->in_hand[run->next / run->group]++;
        job = &run->jobs->jobs[run->next++];
    }
    (void)pthread_mutex_unlock(&run->lock);
    return job;
}

static void give_back(struct run *run, const struct sg_sign_job *job)
{
    (void)pthread_mutex_lock(&run->lock);
    if (--run->in_hand[(size_t)(job - run->jobs->jobs) / run->group] == 0)
        (void)pthread_cond_broadcast(&run->changed);
    (void)pthread_mutex_unlock(&run->lock);
}

static void sign_job(struct run *run, struct sg_sign_job *job)
{
    struct sg_err err;

    job->started = true;
    if (sg_sign_one(run->jobs, job, &err) == SG_OK)
        return;
    fail_job(job, &err);
    if (ends_all(err.rc))
        stop_run(run, &err);
}

static void *work(void *context)
{
    struct run *run = context;
    struct sg_sign_job *job = NULL;

    while ((job = take(run))) {
        sign_job(run, job);
        give_back(run, job);
    }
    return NULL;
}

/* Lets the threads go on up to the group behind this one, and waits until this one is signed. */
static void wait_for(struct run *run, size_t group)
{
    size_t end = (group + 1) * run->group < run->jobs->count ? (group + 1) * run->group : run->jobs->count;

    (void)pthread_mutex_lock(&run->lock);
    run->limit = end + run->group;
    (void)pthread_cond_broadcast(&run->changed);
    while (run->in_hand[group] > 0 || (run->next < end && !run->stop))
        (void)pthread_cond_wait(&run->changed, &run->lock);
    (void)pthread_mutex_unlock(&run->lock);
}

/* --- making a group final ------------------------------------------------------------------------------------------
 */

enum sg_rc sg_sign_absolute(const char *path, char **ret, struct sg_err *err)
{
    char cwd[PATH_MAX] = "";
    bool as_it_is = path[0] == '/' || strcmp(path, "-") == 0;

    if (!as_it_is && !getcwd(cwd, sizeof(cwd)))
        return sg_fail_errno(err, SG_E_NOT_FOUND, errno, "%s", _("The working folder is not there any more."));
    *ret = NULL;
    if (asprintf(ret, "%s%s%s", cwd, as_it_is ? "" : "/", path) < 0) {
        *ret = NULL;
        return sg_fail_memory(err);
    }
    return SG_OK;
}

/* The codes of what was allowed: "certificate-expired, empty-file". */
static enum sg_rc remarks_of(const struct sg_signing *signing, const struct sg_sign_job *job, struct sg_buf *out,
                             const char **ret, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;

    for (size_t i = 0; i < signing->warning_count && rc == SG_OK; i++)
        rc = sg_buf_printf(out, err, "%s%s", out->len ? ", " : "", signing->warnings[i].code);
    if (rc == SG_OK && job->empty)
        rc = sg_buf_printf(out, err, "%s%s", out->len ? ", " : "", "empty-file");
    return rc == SG_OK ? sg_buf_text(out, ret, err) : rc;
}

static enum sg_rc record_document(const struct sg_sign_jobs *jobs, const struct sg_sign_job *job, struct sg_err *err)
{
    const struct sg_signing *signing = jobs->signing;
    _cleanup_(sg_buf_clear) struct sg_buf remarks = SG_BUF(4 * SG_KIB);
    _cleanup_(freep) char *input = NULL, *output = NULL;
    struct sg_document document = {.digest_algorithm = signing->digest,
                                   .content_digest = job->content_digest,
                                   .result_sha256 = job->result_sha256,
                                   .format = "CAdES",
                                   .key = signing->cert_sha256,
                                   .token = signing->info->token->serial,
                                   .custody = sg_custody_text(signing->custody),
                                   .claimed_time = job->claimed_time,
                                   .clock_state = signing->clock_state};
    enum sg_rc rc = sg_sign_absolute(job->input, &input, err);

    if (rc == SG_OK)
        rc = sg_sign_absolute(job->output, &output, err);
    if (rc == SG_OK)
        rc = remarks_of(signing, job, &remarks, &document.remarks, err);
    if (rc != SG_OK)
        return rc;
    document.input = input;
    document.output = output;
    return sg_store_document_add(jobs->signing->store, &document, err);
}

struct group {
    struct sg_sign_job *jobs;
    size_t count;
    struct sg_outfile **outs; /* of those signed; room for `count` */
    struct sg_sign_job **of;  /* the job of each */
    size_t out_count;
};

static enum sg_rc record_group(const struct sg_sign_jobs *jobs, const struct group *group, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;

    for (size_t i = 0; i < group->count && rc == SG_OK; i++) {
        const struct sg_sign_job *job = &group->jobs[i];
        if (job->err) {
            _cleanup_(freep) char *object = NULL;
            rc = sg_sign_absolute(job->input, &object, err);
            if (rc == SG_OK)
                rc = sg_signing_record_failure(jobs->signing, object, job->err, err);
        } else if (job->out) {
            rc = record_document(jobs, job, err);
        }
    }
    return rc;
}

/* Nothing of the group is final: each of its signatures is a failure, and is recorded as one. */
static void drop_group(const struct sg_sign_jobs *jobs, struct group *group, const struct sg_err *why)
{
    sg_store_rollback(jobs->signing->store);
    for (size_t i = 0; i < group->out_count; i++) {
        fail_job(group->of[i], why);
        sg_outfile_free(sg_steal(group->of[i]->out));
    }
    group->out_count = 0;
}

static enum sg_rc finish_group(const struct sg_sign_jobs *jobs, struct group *group, struct sg_err *err)
{
    size_t failed = 0;
    enum sg_rc rc = sg_store_begin(jobs->signing->store, err);

    if (rc == SG_OK)
        rc = record_group(jobs, group, err);
    if (rc == SG_OK && group->out_count > 0)
        rc = sg_check_cancelled(err);
    if (rc == SG_OK)
        rc = sg_outfile_commit_group(group->outs, group->out_count, &failed, err);
    if (rc != SG_OK)
        return rc;
    rc = sg_store_commit(jobs->signing->store, err);
    for (size_t i = 0; i < group->out_count; i++) {
        if (rc != SG_OK)
            sg_outfile_revoke(group->outs[i]);
        group->of[i]->final = rc == SG_OK;
    }
    return rc;
}

static void collect(struct group *group)
{
    group->out_count = 0;
    for (size_t i = 0; i < group->count; i++) {
        if (!group->jobs[i].out)
            continue;
        group->outs[group->out_count] = group->jobs[i].out;
        group->of[group->out_count++] = &group->jobs[i];
    }
}

/* A group that cannot be finished because of its files or the disk fails, and is recorded as failed; a store that
 * cannot take even that ends the run. */
static void conclude(struct run *run, struct group *group)
{
    struct sg_err err, second;

    collect(group);
    if (finish_group(run->jobs, group, &err) != SG_OK) {
        drop_group(run->jobs, group, &err);
        if (finish_group(run->jobs, group, &second) != SG_OK) {
            sg_store_rollback(run->jobs->signing->store);
            stop_run(run, &second);
        }
        if (ends_all(err.rc))
            stop_run(run, &err);
    }
    for (size_t i = 0; i < group->count; i++) {
        sg_outfile_free(sg_steal(group->jobs[i].out));
        run->done(run->jobs, &group->jobs[i]);
    }
}

/* --- the run ---------------------------------------------------------------------------------------------------------
 */

/* How many files a group may have: two groups are open at once. */
static size_t group_size(void)
{
    struct rlimit limit;
    const rlim_t wanted = 2 * SG_GROUP_FILES + OTHER_FILES;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 1;
    if (limit.rlim_cur < wanted) {
        limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
        (void)getrlimit(RLIMIT_NOFILE, &limit);
    }
    if (limit.rlim_cur >= wanted)
        return SG_GROUP_FILES;
    return limit.rlim_cur > OTHER_FILES + 2 ? (size_t)(limit.rlim_cur - OTHER_FILES) / 2 : 1;
}

static size_t thread_count(size_t jobs)
{
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    size_t count = cpus < 1 ? 1 : cpus > SG_MAX_THREADS ? SG_MAX_THREADS : (size_t)cpus;

    return jobs < count ? jobs : count;
}

/* One file needs no thread: this one does it. */
static size_t start_threads(struct run *run, pthread_t *threads)
{
    size_t wanted = thread_count(run->jobs->count), started = 0;

    while (wanted > 1 && started < wanted && pthread_create(&threads[started], NULL, work, run) == 0)
        started++;
    return started;
}

static bool stopped(struct run *run)
{
    (void)pthread_mutex_lock(&run->lock);
    bool stop = run->stop;
    (void)pthread_mutex_unlock(&run->lock);
    return stop;
}

/* Also after a stop: a key that was used is recorded. A group of which nothing was begun is the end. */
static void run_groups(struct run *run, struct group *group, bool threaded)
{
    struct sg_sign_jobs *jobs = run->jobs;

    for (size_t first = 0; first < jobs->count; first += run->group) {
        group->jobs = jobs->jobs + first;
        group->count = jobs->count - first < run->group ? jobs->count - first : run->group;
        if (threaded)
            wait_for(run, first / run->group);
        for (size_t i = 0; !threaded && i < group->count && !stopped(run); i++)
            sign_job(run, &group->jobs[i]);
        if (!group->jobs[0].started)
            return;
        conclude(run, group);
    }
}

enum sg_rc sg_sign_jobs_run(struct sg_sign_jobs *jobs,
                            void (*done)(const struct sg_sign_jobs *jobs, const struct sg_sign_job *job),
                            struct sg_err *err)
{
    struct run run = {.jobs = jobs,
                      .done = done,
                      .group = group_size(),
                      .lock = PTHREAD_MUTEX_INITIALIZER,
                      .changed = PTHREAD_COND_INITIALIZER};
    _cleanup_(freep) size_t *in_hand = calloc(jobs->count / run.group + 1, sizeof(*in_hand));
    _cleanup_(freep) struct sg_outfile **outs = calloc(run.group, sizeof(*outs));
    _cleanup_(freep) struct sg_sign_job **of = calloc(run.group, sizeof(*of));
    struct group group = {.outs = outs, .of = of};
    pthread_t threads[SG_MAX_THREADS];

    if (!in_hand || !outs || !of)
        return sg_fail_memory(err);
    run.in_hand = in_hand;
    size_t started = start_threads(&run, threads);
    run_groups(&run, &group, started > 0);
    for (size_t i = 0; i < started; i++)
        (void)pthread_join(threads[i], NULL);
    if (!run.stop)
        return SG_OK;
    if (err)
        *err = run.why;
    return run.why.rc;
}
