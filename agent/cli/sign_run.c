/* Many files: threads sign, and the one that started them makes groups final and records them. A group is what is
 * signed when there are enough files, or when the first of them has waited for long enough: a slow card's signatures do
 * not wait for hundreds of others. While a group goes to disk the next one is being signed; no more than two are under
 * way, since each file of them is an open descriptor. */
#include <pthread.h>
#include <sys/resource.h>

#include "base/limits.h"
#include "base/msg.h"
#include "cli/progress.h"
#include "cli/sign_group.h"

#define OTHER_FILES 100 /* descriptors for everything else: modules, the store, inputs */
#define WAKE_MS 50      /* how often the progress bar moves */

struct run {
    struct sg_sign_jobs *jobs;
    void (*done)(const struct sg_sign_jobs *jobs, const struct sg_sign_job *job);
    size_t group; /* files in a group */
    struct sg_progress progress;

    pthread_mutex_t lock;
    pthread_cond_t may_take; /* for who signs */
    pthread_cond_t changed;  /* for who makes groups final */
    size_t next;             /* the first job that nobody has taken */
    size_t limit;            /* jobs before this one may be taken */
    size_t in_hand;          /* jobs that are being signed */
    size_t finished;         /* jobs that are not any more */
    size_t ready;            /* jobs from the first on that are all finished */
    size_t wanted;           /* `ready` that is waited for */
    int64_t woken_ms;
    bool stop;         /* take no more */
    struct sg_err why; /* of `stop` */
};

/* Trouble with the token, the program, the PIN or a signal meets every file; with a file, only that one. What a file
 * itself does not permit is such, too. */
static bool ends_all(enum sg_rc rc)
{
    int status = sg_rc_exit(rc);

    return rc == SG_E_CANCELLED || status == 69 || status == 70 || (status == 77 && rc != SG_E_POLICY);
}

static void stop_run(struct run *run, const struct sg_err *why)
{
    (void)pthread_mutex_lock(&run->lock);
    if (!run->stop)
        run->why = *why;
    run->stop = true;
    (void)pthread_cond_broadcast(&run->may_take);
    (void)pthread_cond_signal(&run->changed);
    (void)pthread_mutex_unlock(&run->lock);
}

/* Takes the next job, if need be waiting for its turn; NULL when there is none. */
static struct sg_sign_job *take(struct run *run)
{
    struct sg_sign_job *job = NULL;

    (void)pthread_mutex_lock(&run->lock);
    while (!run->stop && run->next >= run->limit && run->next < run->jobs->count)
        (void)pthread_cond_wait(&run->may_take, &run->lock);
    if (!run->stop && run->next < run->jobs->count) {
        run->in_hand++;
        job = &run->jobs->jobs[run->next++];
    }
    (void)pthread_mutex_unlock(&run->lock);
    return job;
}

static void give_back(struct run *run, struct sg_sign_job *job)
{
    int64_t now = sg_monotonic_ms();

    (void)pthread_mutex_lock(&run->lock);
    job->finished = true;
    run->in_hand--;
    run->finished++;
    while (run->ready < run->next && run->jobs->jobs[run->ready].finished)
        run->ready++;
    if (run->ready >= run->wanted || run->in_hand == 0 || now - run->woken_ms >= WAKE_MS) {
        run->woken_ms = now;
        (void)pthread_cond_signal(&run->changed);
    }
    (void)pthread_mutex_unlock(&run->lock);
}

static void sign_job(struct run *run, struct sg_sign_job *job)
{
    struct sg_err err;

    job->started = true;
    if (job->skipped || sg_sign_one(run->jobs, job, &err) == SG_OK)
        return;
    sg_sign_job_fail(job, &err);
    if (ends_all(err.rc))
        stop_run(run, &err);
}

/* False: there was none. */
static bool sign_next(struct run *run)
{
    struct sg_sign_job *job = take(run);

    if (!job)
        return false;
    sign_job(run, job);
    give_back(run, job);
    return true;
}

static void *work(void *context)
{
    while (sign_next(context))
        ;
    return NULL;
}

/* Lets the threads go on up to the group behind the one that begins with job `first`. */
static void allow(struct run *run, size_t first)
{
    size_t left = run->jobs->count - first;

    (void)pthread_mutex_lock(&run->lock);
    run->wanted = first + (left < run->group ? left : run->group);
    run->limit = first + 2 * run->group;
    (void)pthread_cond_broadcast(&run->may_take);
    (void)pthread_mutex_unlock(&run->lock);
}

/* Waits until a group is signed. After a stop, for what is still in hand: a key that was used is recorded. */
static void wait_for_group(struct run *run, size_t first)
{
    int64_t until = sg_monotonic_ms() + SG_GROUP_MS;

    (void)pthread_mutex_lock(&run->lock);
    while (run->ready < run->wanted && !(run->stop && run->in_hand == 0) &&
           !(run->ready > first && sg_monotonic_ms() >= until)) {
        (void)pthread_cond_wait(&run->changed, &run->lock);
        size_t finished = run->finished;
        (void)pthread_mutex_unlock(&run->lock);
        sg_progress_show(&run->progress, finished);
        (void)pthread_mutex_lock(&run->lock);
    }
    (void)pthread_mutex_unlock(&run->lock);
}

/* How many jobs from the first on are signed, or have failed: at most a group. */
static size_t count_ready(struct run *run, size_t first)
{
    (void)pthread_mutex_lock(&run->lock);
    size_t count = run->ready < run->wanted ? run->ready - first : run->wanted - first;
    (void)pthread_mutex_unlock(&run->lock);
    return count;
}

/* A group that cannot be finished because of its files or the disk fails, and is recorded as failed; a store that
 * cannot take even that ends the run. */
static void conclude(struct run *run, struct sg_sign_group *group)
{
    struct sg_err err, second;

    if (sg_sign_group_finish(run->jobs, group, &err) != SG_OK) {
        sg_sign_group_drop(group, &err);
        if (sg_sign_group_finish(run->jobs, group, &second) != SG_OK)
            stop_run(run, &second);
        if (ends_all(err.rc))
            stop_run(run, &err);
    }
    sg_progress_hide(&run->progress);
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

size_t sg_sign_threads(const struct sg_sign_jobs *jobs)
{
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    size_t count = cpus < 1 ? 1 : cpus > SG_MAX_THREADS ? SG_MAX_THREADS : (size_t)cpus;

    return jobs->count < count ? jobs->count : count;
}

/* One file needs no thread: this one does it. */
static size_t start_threads(struct run *run, pthread_t *threads)
{
    size_t wanted = run->jobs->count > 1 ? sg_sign_threads(run->jobs) : 0, started = 0;

    while (started < wanted && pthread_create(&threads[started], NULL, work, run) == 0)
        started++;
    return started;
}

/* When all is signed, the token's host ends while the files go to disk. */
static void dismiss_tokens(struct run *run)
{
    (void)pthread_mutex_lock(&run->lock);
    bool done = run->finished == run->jobs->count;
    (void)pthread_mutex_unlock(&run->lock);
    if (done && run->jobs->signing->tokens)
        sg_tokens_dismiss(run->jobs->signing->tokens);
}

/* Also after a stop: what was signed by then is made final. A group with nothing in it is the end. */
static void run_groups(struct run *run, struct sg_sign_group *group, bool threaded)
{
    for (size_t first = 0; first < run->jobs->count; first += group->count) {
        allow(run, first);
        while (!threaded && count_ready(run, first) < run->wanted - first && sign_next(run))
            ;
        if (threaded)
            wait_for_group(run, first);
        group->jobs = run->jobs->jobs + first;
        group->count = count_ready(run, first);
        if (group->count == 0)
            return;
        dismiss_tokens(run);
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
                      .may_take = PTHREAD_COND_INITIALIZER,
                      .changed = PTHREAD_COND_INITIALIZER};
    _cleanup_(freep) struct sg_outfile **outs = calloc(run.group, sizeof(*outs));
    _cleanup_(freep) struct sg_sign_job **of = calloc(run.group, sizeof(*of));
    struct sg_sign_group group = {.outs = outs, .of = of};
    pthread_t threads[SG_MAX_THREADS];

    if (!outs || !of)
        return sg_fail_memory(err);
    if (jobs->input_count > 1)
        sg_progress_begin(&run.progress, &jobs->app->voice, 0, jobs->input_count);
    jobs->progress = &run.progress;
    size_t started = start_threads(&run, threads);
    run_groups(&run, &group, started > 0);
    for (size_t i = 0; i < started; i++)
        (void)pthread_join(threads[i], NULL);
    sg_progress_hide(&run.progress);
    jobs->progress = NULL;
    if (!run.stop)
        return SG_OK;
    if (err)
        *err = run.why;
    return run.why.rc;
}
