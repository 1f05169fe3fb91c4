/* Many files: threads sign, and the one that started them makes groups final and records them. While a group goes to
 * disk the next one is being signed; no more than two are under way, since each file of them is an open descriptor. */
#include <pthread.h>
#include <sys/resource.h>

#include "base/limits.h"
#include "base/msg.h"
#include "cli/sign_group.h"

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
    sg_sign_job_fail(job, &err);
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
static void run_groups(struct run *run, struct sg_sign_group *group, bool threaded)
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
    struct sg_sign_group group = {.outs = outs, .of = of};
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
