/* The run as its journal has it: rows, the tokens that are shown, and what is done without one. */
#include "cli/provision_run.h"

#include <string.h>
#include <strings.h>

#include <openssl/pem.h>

#include "base/limits.h"
#include "base/msg.h"
#include "base/outfile.h"

/* --- rows --------------------------------------------------------------------------------------------------------- */

struct sg_making *sg_run_making(const struct sg_run *run, int64_t row)
{
    for (size_t i = run->makings->count; i-- > 0;) {
        struct sg_making *making = &run->makings->items[i];
        if (making->run == run->journal.id && making->row == row && !making->is_void)
            return making;
    }
    return NULL;
}

bool sg_run_is_done(const struct sg_run *run, int64_t row)
{
    const struct sg_making *making = sg_run_making(run, row);

    return making && making->state >= SG_MAKING_DONE;
}

size_t sg_run_total(const struct sg_run *run)
{
    size_t total = 0;

    for (int64_t row = 1; row <= (int64_t)run->staff->count; row++)
        total += run->phase->concerns(run, row);
    return total;
}

size_t sg_run_left(const struct sg_run *run)
{
    size_t left = 0;

    for (int64_t row = 1; row <= (int64_t)run->staff->count; row++)
        left += run->phase->concerns(run, row) && !run->phase->is_done(run, row);
    return left;
}

/* Of "Name <address>", as the journal has it. */
static bool has_email(const struct sg_making *making, const char *email)
{
    const char *at = strrchr(sg_making_text(making, SG_MAKING_PERSON), '<');
    size_t len = strlen(email);

    return at && strncasecmp(at + 1, email, len) == 0 && strcmp(at + 1 + len, ">") == 0;
}

enum sg_rc sg_run_earlier(const struct sg_run *run, int64_t row, const struct sg_making **ret, struct sg_err *err)
{
    const char *email = run->staff->persons[row - 1].email;

    for (size_t i = run->makings->count; i-- > 0;) {
        const struct sg_making *making = &run->makings->items[i];
        int64_t retired = INT64_MIN;
        if (making->run == run->journal.id || making->is_void || making->state < SG_MAKING_SEALED ||
            !has_email(making, email))
            continue;
        enum sg_rc rc = sg_store_token_retired(run->store, sg_making_text(making, SG_MAKING_SERIAL), &retired, err);
        if (rc != SG_OK)
            return rc;
        if (retired == INT64_MIN) {
            *ret = making;
            return SG_OK;
        }
    }
    *ret = NULL;
    return SG_OK;
}

/* --- what is done without a token --------------------------------------------------------------------------------- */

/* CSRs that are written together. */
struct csrs {
    struct sg_making *makings[SG_GROUP_FILES];
    struct sg_outfile *files[SG_GROUP_FILES];
    size_t count;
};

static void csrs_clear(struct csrs *csrs)
{
    for (size_t i = 0; i < csrs->count; i++)
        sg_outfile_free(csrs->files[i]);
}

static enum sg_rc write_csr(const struct sg_person *person, const struct sg_making *making, struct sg_outfile **ret,
                            struct sg_err *err)
{
    const char *label = person->usage == SG_FOR_DECRYPTION ? "PUBLIC KEY" : "CERTIFICATE REQUEST";
    _cleanup_(sg_outfile_freep) struct sg_outfile *out = NULL;
    _cleanup_(BIO_free_allp) BIO *memory = BIO_new(BIO_s_mem());
    char *text = NULL;

    if (!memory || PEM_write_bio(memory, label, "", making->csr, (long)making->csr_len) <= 0)
        return sg_fail_memory(err);
    long len = BIO_get_mem_data(memory, &text);
    enum sg_rc rc = sg_outfile_open(sg_making_text(making, SG_MAKING_CSR_PATH), SG_OUT_REPLACE, &out, err);
    if (rc == SG_OK)
        rc = sg_outfile_write(out, text, (size_t)len, err);
    if (rc == SG_OK)
        *ret = sg_steal(out);
    return rc;
}

static enum sg_rc write_csrs(const struct sg_run *run, struct csrs *csrs, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;

    for (int64_t row = 1; rc == SG_OK && row <= (int64_t)run->staff->count && csrs->count < SG_GROUP_FILES; row++) {
        struct sg_making *making = sg_run_making(run, row);
        if (!making || making->state != SG_MAKING_SEALED)
            continue;
        rc = write_csr(&run->staff->persons[row - 1], making, &csrs->files[csrs->count], err);
        csrs->makings[csrs->count] = making;
        csrs->count += rc == SG_OK;
    }
    return rc;
}

static enum sg_rc record_csrs(struct sg_run *run, const struct csrs *csrs, struct sg_err *err)
{
    enum sg_rc rc = sg_store_begin(run->store, err);

    for (size_t i = 0; rc == SG_OK && i < csrs->count; i++)
        rc = sg_making_advance(run->store, csrs->makings[i], SG_MAKING_DONE, err);
    if (rc == SG_OK)
        rc = sg_store_commit(run->store, err);
    if (rc != SG_OK)
        sg_store_rollback(run->store);
    for (size_t i = 0; rc != SG_OK && i < csrs->count; i++)
        csrs->makings[i]->state = SG_MAKING_SEALED;
    return rc;
}

enum sg_rc sg_run_finish(struct sg_run *run, struct sg_err *err)
{
    for (;;) {
        _cleanup_(csrs_clear) struct csrs csrs = {.count = 0};
        size_t failed = 0;
        enum sg_rc rc = write_csrs(run, &csrs, err);
        if (rc == SG_OK && csrs.count > 0)
            rc = sg_outfile_commit_group(csrs.files, csrs.count, &failed, err);
        if (rc == SG_OK && csrs.count > 0)
            rc = record_csrs(run, &csrs, err);
        if (rc != SG_OK || csrs.count < SG_GROUP_FILES)
            return rc;
    }
}

/* --- beginning ---------------------------------------------------------------------------------------------------- */

static bool is_current_letter(const struct sg_run *run, const char *path)
{
    for (size_t i = 0; i < run->makings->count; i++) {
        const struct sg_making *making = &run->makings->items[i];
        if (!making->is_void && (strcmp(sg_making_text(making, SG_MAKING_LETTER), path) == 0 ||
                                 strcmp(sg_making_text(making, SG_MAKING_ESCROW), path) == 0))
            return true;
    }
    return false;
}

static void put_aside(const struct sg_run *run, const char *path)
{
    _cleanup_(freep) char *aside = NULL;

    if (!path[0] || is_current_letter(run, path))
        return;
    if (asprintf(&aside, "%s.void", path) < 0)
        aside = NULL;
    else
        (void)rename(path, aside); /* it may have been put aside before, or may never have been written */
}

void sg_run_put_letters_aside(const struct sg_run *run)
{
    for (size_t i = 0; i < run->makings->count; i++) {
        const struct sg_making *making = &run->makings->items[i];
        if (!making->is_void)
            continue;
        put_aside(run, sg_making_text(making, SG_MAKING_LETTER));
        put_aside(run, sg_making_text(making, SG_MAKING_ESCROW));
    }
}

enum sg_rc sg_run_begin(struct sg_run *run, const char *detail, struct sg_err *err)
{
    enum sg_rc rc = sg_provisioning_open(run->store, run->staff->sha256, detail, &run->journal, err);

    if (rc == SG_OK)
        rc = sg_makings_load(run->store, &run->makings, err);
    if (rc != SG_OK)
        return rc;
    sg_run_put_letters_aside(run);
    return sg_run_finish(run, err);
}

void sg_run_clear(struct sg_run *run)
{
    sg_makings_free(sg_steal(run->makings));
    sg_issued_free(sg_steal(run->issued));
}

/* --- a token that is shown ---------------------------------------------------------------------------------------- */

static bool fits(const struct sg_making *making, const struct sg_token_info *info)
{
    const char *serial = sg_making_text(making, SG_MAKING_SERIAL);
    bool same_label = strcmp(sg_making_text(making, SG_MAKING_LABEL), info->label) == 0;

    if (serial[0])
        return same_label && strcmp(serial, info->serial) == 0;
    /* Initialising it was begun, and no more is known: a card has kept its serial, SoftHSM has given it another. */
    return same_label ||
           (info->serial[0] && strcmp(sg_making_text(making, SG_MAKING_SERIAL_BEFORE), info->serial) == 0);
}

/* Of those whose serial is known before those whose label alone is. */
struct sg_making *sg_run_find(const struct sg_run *run, const struct sg_token_info *info)
{
    struct sg_making *by_label = NULL;

    for (size_t i = run->makings->count; i-- > 0;) {
        struct sg_making *making = &run->makings->items[i];
        if (!fits(making, info))
            continue;
        if (sg_making_text(making, SG_MAKING_SERIAL)[0])
            return making;
        by_label = by_label ? by_label : making;
    }
    return by_label;
}

static enum sg_rc has_keys(const struct sg_run *run, const struct sg_token_info *info, bool *ret, struct sg_err *err)
{
    _cleanup_(sg_key_list_freep) struct sg_key_list *keys = NULL;
    enum sg_rc rc = sg_keys_find(run->tokens, info->uri, &keys, err);

    if (rc == SG_OK)
        *ret = sg_key_list_count(keys) > 0;
    return rc;
}

static enum sg_card card_of(const struct sg_making *making)
{
    if (making->state >= SG_MAKING_SEALED)
        return SG_CARD_DONE;
    return making->state == SG_MAKING_KEY_MADE ? SG_CARD_UNSURE : SG_CARD_UNFINISHED;
}

static enum sg_rc look(const struct sg_run *run, struct sg_token *token, struct sg_shown *ret, struct sg_err *err)
{
    const struct sg_token_info *info = sg_token_info(token);
    struct sg_shown shown = {.token = token, .card = SG_CARD_BLANK};
    bool keys = false;

    if (info->initialized) {
        shown.making = sg_run_find(run, info);
        if (shown.making) {
            shown.card = card_of(shown.making);
        } else {
            enum sg_rc rc = has_keys(run, info, &keys, err);
            if (rc != SG_OK)
                return rc;
            shown.card = keys ? SG_CARD_WITH_KEYS : run->so_pin ? SG_CARD_BLANK : SG_CARD_STRANGE;
        }
    }
    *ret = shown;
    return SG_OK;
}

static int64_t row_for(const struct sg_run *run, const struct sg_shown *shown)
{
    int64_t begun = 0;

    if (shown->making && shown->making->run == run->journal.id && !shown->making->is_void)
        return sg_run_is_done(run, shown->making->row) ? 0 : shown->making->row;
    for (int64_t row = 1; row <= (int64_t)run->staff->count; row++) {
        const struct sg_making *making = sg_run_making(run, row);
        if (!making)
            return row;
        if (begun == 0 && making->state < SG_MAKING_SEALED)
            begun = row;
    }
    return begun;
}

/* --- making, as a phase ------------------------------------------------------------------------------------------- */

static bool concerns_everybody(const struct sg_run *run, int64_t row)
{
    (void)run;
    (void)row;
    return true;
}

static void refuse(const struct sg_run *run, const struct sg_shown *shown, struct sg_err *ret)
{
    const struct sg_token_info *info = sg_token_info(shown->token);

    (void)run;
    switch (shown->card) {
    case SG_CARD_WITH_KEYS:
        (void)sg_fail(ret, SG_E_POLICY, _("The token %s (serial %s) holds keys; it was not touched."), info->label,
                      info->serial);
        break;
    case SG_CARD_STRANGE:
        (void)sg_fail(ret, SG_E_POLICY,
                      _("The token %s (serial %s) is initialised already, and not by this list; it was not touched. If "
                        "all tokens come with the same SO PIN, give that with --so-pin-fd."),
                      info->label, info->serial);
        break;
    default:
        (void)sg_fail(ret, SG_E_POLICY, _("The token %s (serial %s) has been made already, for %s."), info->label,
                      info->serial, shown->making ? sg_making_text(shown->making, SG_MAKING_PERSON) : "?");
        break;
    }
}

static void ask(const struct sg_run *run, int64_t row)
{
    sg_say(&run->app->voice, _("Put in the token for %s (%lld of %zu)."), run->staff->persons[row - 1].name,
           (long long)row, run->staff->count);
}

static void tell(const struct sg_run *run, int64_t row)
{
    const struct sg_person *person = &run->staff->persons[row - 1];
    const struct sg_making *making = sg_run_making(run, row);

    sg_say(&run->app->voice, _("%lld/%zu  %s <%s>: token %s (serial %s), key %s"), (long long)row, run->staff->count,
           person->name, person->email, person->label, sg_making_text(making, SG_MAKING_SERIAL),
           sg_making_text(making, SG_MAKING_SPKI_SHA256));
}

const struct sg_phase sg_phase_making = {
    .concerns = concerns_everybody,
    .is_done = sg_run_is_done,
    .look = look,
    .row_for = row_for,
    .work = sg_run_make,
    .refuse = refuse,
    .ask = ask,
    .tell = tell,
};
