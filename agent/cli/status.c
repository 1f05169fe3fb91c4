/* signet status: what waits, what fails and why, and until when things are good. Nothing is asked of a network. */
#include "cli/status.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/msg.h"
#include "build.h"
#include "cli/commands.h"
#include "store/snapshot.h"

/* Room for one more in an array of `size`-byte items that grows in steps of 32. */
static void *grow(void *items, size_t count, size_t size)
{
    return count % 32 == 0 ? reallocarray(items, count + 32, size) : items;
}

/* --- from the store ----------------------------------------------------------------------------------------------- */

static enum sg_rc take_waiting(void *context, const struct sg_waiting *waiting, struct sg_err *err)
{
    struct sg_status *status = context;
    struct sg_status_waiting *items = grow(status->waiting, status->waiting_count, sizeof(*items));

    if (!items)
        return sg_fail_memory(err);
    status->waiting = items;
    struct sg_status_waiting *item = &items[status->waiting_count++];
    *item = (struct sg_status_waiting){.kind = waiting->kind,
                                       .target = strdup(waiting->target),
                                       .code = strdup(waiting->code),
                                       .text = strdup(waiting->text),
                                       .count = waiting->count,
                                       .since = waiting->since,
                                       .next = waiting->next,
                                       .known = waiting->kind != SG_STEP_UPLOAD ||
                                                sg_config_group_named(status->app->config, "target", waiting->target)};
    if (waiting->next < status->next)
        status->next = waiting->next;
    return item->target && item->code && item->text ? SG_OK : sg_fail_memory(err);
}

static enum sg_rc take_apart(void *context, const struct sg_outbox_document *document, struct sg_err *err)
{
    struct sg_status *status = context;
    struct sg_status_apart *item = &status->apart[status->apart_count++];

    item->state = document->output_state;
    (void)snprintf(item->sha256, sizeof(item->sha256), "%s", document->level_sha256);
    item->output = strdup(document->output);
    return item->output ? SG_OK : sg_fail_memory(err);
}

static enum sg_rc take_witness(void *context, const struct sg_witness_failure *failure, struct sg_err *err)
{
    struct sg_status *status = context;
    struct sg_status_witness *items = grow(status->witnesses, status->witness_count, sizeof(*items));

    if (!items)
        return sg_fail_memory(err);
    status->witnesses = items;
    struct sg_status_witness *item = &items[status->witness_count++];
    *item = (struct sg_status_witness){.kind = failure->kind,
                                       .name = strdup(failure->name),
                                       .code = strdup(failure->code),
                                       .text = strdup(failure->text),
                                       .since = failure->since};
    return item->name && item->code && item->text ? SG_OK : sg_fail_memory(err);
}

static enum sg_rc take_entry(void *context, const struct sg_ledger_record *record, struct sg_err *err)
{
    struct sg_status_entry *entry = context;
    struct sg_slice detail = record->texts[SG_LEDGER_DETAIL];

    entry->time = record->time;
    entry->text = strndup(detail.data ? (const char *)detail.data : "", detail.len);
    return entry->text ? SG_OK : sg_fail_memory(err);
}

/* `number` 0: there is none. */
static enum sg_rc read_entry(struct sg_store *store, int64_t number, struct sg_status_entry *ret, struct sg_err *err)
{
    if (number == 0)
        return SG_OK;
    return sg_ledger_read(store, (struct sg_ledger_range){number, number}, (struct sg_ledger_reader){take_entry, ret},
                          err);
}

static enum sg_rc ask_store(struct sg_status *status, struct sg_store *store, struct sg_err *err)
{
    enum sg_rc rc = sg_store_id(store, status->store, err);

    if (rc == SG_OK)
        rc = sg_overview_read(store, &status->overview, err);
    if (rc == SG_OK)
        rc = sg_overview_waiting(store, take_waiting, status, err);
    if (rc == SG_OK)
        rc = sg_overview_apart(store, SG_STATUS_APART, take_apart, status, err);
    if (rc == SG_OK)
        rc = sg_overview_witness_failures(store, take_witness, status, err);
    if (rc == SG_OK)
        rc = read_entry(store, status->overview.clock_entry, &status->clock, err);
    return rc == SG_OK ? read_entry(store, status->overview.late_entry, &status->late, err) : rc;
}

/* --- from the snapshot -------------------------------------------------------------------------------------------- */

static enum sg_rc take_revocation(struct sg_status *status, struct sg_slice issuer, int64_t this_update,
                                  int64_t next_update, struct sg_err *err)
{
    const uint8_t *at = issuer.data;
    _cleanup_(X509_NAME_freep) X509_NAME *name = d2i_X509_NAME(NULL, &at, (long)issuer.len);
    struct sg_status_revocation *items = grow(status->revocation, status->revocation_count, sizeof(*items));

    if (!items)
        return sg_fail_memory(err);
    status->revocation = items;
    if (!name)
        return sg_fail_ssl(err, SG_E_STORE_DAMAGED, _("The snapshot names a revocation list without an issuer."));
    struct sg_status_revocation *item = &items[status->revocation_count];
    *item = (struct sg_status_revocation){.this_update = this_update, .next_update = next_update};
    enum sg_rc rc = sg_name_text(name, &item->issuer, err);
    if (rc != SG_OK)
        return rc;
    status->revocation_count++;
    if (next_update < status->revocation_until)
        status->revocation_until = next_update;
    return SG_OK;
}

static enum sg_rc ask_snapshot(struct sg_status *status, struct sg_err *err)
{
    _cleanup_(sg_snapshot_freep) struct sg_snapshot *snapshot = NULL;
    enum sg_rc rc = sg_snapshot_open(status->app->paths.state, status->app->libctx, &snapshot, err);

    for (size_t i = 0; rc == SG_OK && i < sg_snapshot_crl_count(snapshot); i++) {
        const struct sg_snapshot_crl *crl = sg_snapshot_crl(snapshot, i);
        rc = take_revocation(status, crl->issuer, crl->this_update, crl->next_update, err);
    }
    for (size_t i = 0; rc == SG_OK && i < sg_snapshot_ocsp_count(snapshot); i++) {
        int64_t until = sg_snapshot_ocsp(snapshot, i)->next_update;
        status->ocsp_count++;
        status->ocsp_until = until < status->ocsp_until ? until : status->ocsp_until;
    }
    return rc;
}

/* --- what is fetched ---------------------------------------------------------------------------------------------- */

/* OCSP responders are asked about many certificates, and fail for all of them. */
static bool is_told(const struct sg_status *status, const struct sg_pull_key *key, const char *code)
{
    for (size_t i = 0; i < status->pull_count; i++) {
        const struct sg_status_pull *pull = &status->pulls[i];
        if (strcmp(pull->kind, key->kind) == 0 && strcmp(pull->url, key->url) == 0 && strcmp(pull->code, code) == 0)
            return true;
    }
    return false;
}

static enum sg_rc take_pull(void *context, const struct sg_pull_key *key, const struct sg_pull_state *state,
                            struct sg_err *err)
{
    struct sg_status *status = context;

    if (state->next_attempt < status->next_pull)
        status->next_pull = state->next_attempt;
    if (!state->code[0] || status->pull_count == SG_STATUS_PULLS || is_told(status, key, state->code))
        return SG_OK;
    struct sg_status_pull *item = &status->pulls[status->pull_count++];
    *item = (struct sg_status_pull){.kind = strdup(key->kind),
                                    .url = strdup(key->url),
                                    .code = strdup(state->code),
                                    .text = strdup(state->text),
                                    .last_success = state->last_success,
                                    .next = state->next_attempt};
    return item->kind && item->url && item->code && item->text ? SG_OK : sg_fail_memory(err);
}

static enum sg_rc ask_pulls(struct sg_status *status, struct sg_store *store, struct sg_err *err)
{
    const struct sg_config *config = status->app->config;
    enum sg_rc rc = sg_pulls_each(store, take_pull, status, err);

    if (rc == SG_OK && sg_config_text(config, SG_KEY_TRUST_LIST)[0])
        rc = sg_store_list_get(store, sg_config_text(config, SG_KEY_TRUST_LIST_SIGNER), &status->list, err);
    return rc;
}

/* --- from sync's lock --------------------------------------------------------------------------------------------- */

/* Asking whether it is held takes nothing: a sync that starts just now is not kept from it. */
static enum sg_rc ask_sync(struct sg_status *status, struct sg_err *err)
{
    _cleanup_(freep) char *path = NULL;
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    struct stat info;

    if (asprintf(&path, "%s/sync.lock", status->app->paths.state) < 0) {
        path = NULL; /* asprintf(3) leaves it undefined */
        return sg_fail_memory(err);
    }
    _cleanup_(closep) int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 && errno == ENOENT)
        return SG_OK;
    if (fd < 0 || fstat(fd, &info) < 0 || fcntl(fd, F_OFD_GETLK, &lock) < 0)
        return sg_about(path, err, sg_fail_errno(err, SG_E_IO, errno, _("\"%s\" could not be read."), path));
    status->running = lock.l_type != F_UNLCK;
    if (info.st_size > 0) /* one has ended */
        status->last_sync = info.st_mtime;
    return SG_OK;
}

/* --- all together ------------------------------------------------------------------------------------------------- */

enum sg_rc sg_status_gather(struct sg_app *app, struct sg_store *store, struct sg_status *ret, struct sg_err *err)
{
    struct sg_status *status = ret;

    *status = (struct sg_status){.app = app,
                                 .now = sg_clock_now(&app->clock),
                                 .revocation_until = INT64_MAX,
                                 .ocsp_until = INT64_MAX,
                                 .next_pull = INT64_MAX,
                                 .last_sync = INT64_MIN,
                                 .next = INT64_MAX,
                                 .stamps = sg_config_group(app->config, "tsa", 0) != NULL};
    while (sg_config_group(app->config, "target", status->targets))
        status->targets++;
    enum sg_rc rc = ask_store(status, store, err);
    if (rc == SG_OK)
        rc = ask_snapshot(status, err);
    if (rc == SG_OK)
        rc = ask_pulls(status, store, err);
    return rc == SG_OK ? ask_sync(status, err) : rc;
}

void sg_status_clear(struct sg_status *status)
{
    for (size_t i = 0; i < status->waiting_count; i++) {
        free(status->waiting[i].target);
        free(status->waiting[i].code);
        free(status->waiting[i].text);
    }
    for (size_t i = 0; i < status->apart_count; i++)
        free(status->apart[i].output);
    for (size_t i = 0; i < status->witness_count; i++) {
        free(status->witnesses[i].name);
        free(status->witnesses[i].code);
        free(status->witnesses[i].text);
    }
    for (size_t i = 0; i < status->revocation_count; i++)
        free(status->revocation[i].issuer);
    for (size_t i = 0; i < status->pull_count; i++) {
        free(status->pulls[i].kind);
        free(status->pulls[i].url);
        free(status->pulls[i].code);
        free(status->pulls[i].text);
    }
    free(status->waiting);
    free(status->witnesses);
    free(status->revocation);
    free(status->clock.text);
    free(status->late.text);
    *status = (struct sg_status){0};
}

bool sg_status_is_due(const struct sg_status *status)
{
    bool witnesses = status->stamps || status->targets > 0;

    return status->next <= status->now || status->next_pull <= status->now ||
           (witnesses && status->overview.ledger_last > status->overview.ledger_witnessed);
}

const char *sg_status_level(const struct sg_status *status)
{
    const char *asked = sg_config_text(status->app->config, SG_KEY_SIGN_LEVEL);

    return status->stamps && strcmp(asked, "B-B") != 0 ? "B-T" : "B-B";
}

bool sg_status_has_release(const struct sg_status *status)
{
    return status->list.release_version[0] && strverscmp(status->list.release_version, SG_VERSION) > 0;
}

/* --- the command -------------------------------------------------------------------------------------------------- */

static const struct sg_option options[] = {
    {.name = "metrics", .help = N_("print figures for a monitoring system, in the OpenMetrics text format")},
    {.name = "offline-for",
     .argument = "TIME",
     .help = N_("say whether all that is needed to sign lasts so long without a network (14d)")},
    {0},
};

static enum sg_rc tell(struct sg_app *app, const struct sg_args *args, struct sg_store *store, struct sg_err *err)
{
    _cleanup_(sg_status_clear) struct sg_status status = {0};
    enum sg_rc rc = sg_status_gather(app, store, &status, err);

    if (rc != SG_OK)
        return rc;
    if (sg_args_flag(args, "metrics"))
        return sg_status_print_metrics(&status, err);
    sg_status_say(&status);
    return sg_status_print_json(&status, err);
}

static enum sg_rc run_options(struct sg_app *app, const struct sg_args *args, bool *ret_ends, struct sg_err *err)
{
    _cleanup_(sg_store_freep) struct sg_store *store = NULL;
    const char *offline = sg_args_value(args, "offline-for");
    int64_t seconds = 0;

    if (sg_args_flag(args, "metrics") && (offline || app->voice.json))
        return sg_fail(err, SG_E_USAGE, "%s", _("--metrics goes with neither --json nor --offline-for."));
    enum sg_rc rc = offline ? sg_duration_parse(offline, &seconds, err) : SG_OK;
    if (rc == SG_OK && offline)
        return sg_status_offline(app, args, seconds, ret_ends, err);
    if (rc == SG_OK)
        rc = sg_app_store(app, &store, err);
    return rc == SG_OK ? tell(app, args, store, err) : rc;
}

static int run(struct sg_app *app, const struct sg_args *args)
{
    struct sg_err err = {0};
    bool ends = false;

    if (run_options(app, args, &ends, &err) != SG_OK)
        return sg_complain(&app->voice, &err);
    return ends ? 1 : 0;
}

const struct sg_command sg_command_status = {
    .name = "status",
    .summary = N_("say what waits, what fails and why, and until when things are good"),
    .arguments = "",
    .options = options,
    .run = run,
};
