/* One token, made in steps. Each is in the journal, on disk, before the next begins; docs/provisioning.md says what a
 * run that is killed at each of them leaves behind, and what the next one does about it. */
#include <string.h>

#include "base/limits.h"
#include "base/msg.h"
#include "base/outfile.h"
#include "cli/keygen.h"
#include "cli/provision_run.h"
#include "formats/csr.h"
#include "officer/pins.h"
#include "pkcs11/custody.h"
#include "pkcs11/provision.h"

/* What one token needs on its way. */
struct work {
    struct sg_run *run;
    const struct sg_person *person;
    struct sg_token *token;
    const struct sg_token_info *info;
    struct sg_making *making;
    struct sg_secret *transport, *pin, *so_pin;
};

static void work_clear(struct work *work)
{
    sg_secret_free(work->transport);
    sg_secret_free(work->pin);
    sg_secret_free(work->so_pin);
}

/* --- the SO PIN that it has until it is finished -------------------------------------------------------------------
 */

static const struct sg_provisioning *run_of(const struct sg_run *run, const struct sg_making *making)
{
    for (size_t i = 0; i < run->makings->run_count; i++)
        if (making && run->makings->runs[i].id == making->run)
            return &run->makings->runs[i];
    return &run->journal;
}

static enum sg_rc find_transport_pin(struct work *work, const struct sg_making *before, struct sg_err *err)
{
    const struct sg_run *run = work->run;

    if (!run->so_pin)
        return sg_pin_transport(run->app->libctx, run_of(run, before)->nonce, work->info->min_pin, work->info->max_pin,
                                &work->transport, err);
    enum sg_rc rc = sg_secret_new(run->so_pin->len, &work->transport, err);
    if (rc != SG_OK)
        return rc;
    memcpy(work->transport->bytes, run->so_pin->bytes, run->so_pin->len);
    work->transport->len = run->so_pin->len;
    return SG_OK;
}

/* Whether the token that was interrupted at its last step has its own SO PIN by now: setting the transport SO PIN anew
 * changes nothing where it is still the one. */
static enum sg_rc is_sealed(struct work *work, bool *ret, struct sg_err *err)
{
    struct sg_err failure = {0};
    const struct sg_provision same = {.step = SG_PROVISION_SO_PIN, .pin = work->transport, .new_pin = work->transport};
    enum sg_rc rc = sg_token_provision(work->token, &same, &failure);

    if (rc != SG_OK && rc != SG_E_PIN_INCORRECT) {
        if (err)
            *err = failure;
        return rc;
    }
    *ret = rc == SG_E_PIN_INCORRECT;
    return *ret ? sg_token_pin_clear(work->token, err) : SG_OK; /* it was not a mistake */
}

/* --- the steps ---------------------------------------------------------------------------------------------------- */

/* Another row's, or another list's: what was begun for that counts no more. */
static enum sg_rc give_up(struct work *work, int64_t row, struct sg_making *before, struct sg_err *err)
{
    if (!before || before->is_void || before->state >= SG_MAKING_SEALED ||
        (before->run == work->run->journal.id && before->row == row))
        return SG_OK;
    return sg_making_void(work->run->store, before, _("The token was begun anew for somebody else."), err);
}

static enum sg_rc describe(struct work *work, int64_t row, struct sg_making *making, struct sg_err *err)
{
    _cleanup_(freep) char *person = NULL;

    if (asprintf(&person, "%s <%s>", work->person->name, work->person->email) < 0) {
        person = NULL;
        return sg_fail_memory(err);
    }
    making->run = work->run->journal.id;
    making->row = row;
    enum sg_rc rc = sg_making_set(making, SG_MAKING_PERSON, person, err);
    if (rc == SG_OK)
        rc = sg_making_set(making, SG_MAKING_LABEL, work->person->label, err);
    return rc == SG_OK ? sg_making_set(making, SG_MAKING_SERIAL_BEFORE, work->info->serial, err) : rc;
}

static enum sg_rc claim(struct work *work, int64_t row, struct sg_making *before, struct sg_err *err)
{
    struct sg_run *run = work->run;
    enum sg_rc rc = give_up(work, row, before, err);

    if (rc != SG_OK)
        return rc;
    struct sg_making *making = sg_makings_add(run->makings); /* moves the others */
    struct sg_making *former = sg_run_making(run, row);
    if (!making)
        return sg_fail_memory(err);
    making->is_void = true; /* until the journal has it */
    rc = describe(work, row, making, err);
    if (rc == SG_OK)
        rc = sg_making_claim(run->store, making, err);
    if (rc != SG_OK)
        return rc;
    if (former)
        former->is_void = true;
    making->is_void = false;
    sg_run_put_letters_aside(run);
    work->making = making;
    return SG_OK;
}

static enum sg_rc name_file(struct work *work, const char *folder, const char *kind, enum sg_making_text which,
                            struct sg_err *err)
{
    _cleanup_(freep) char *path = NULL;
    enum sg_rc rc = sg_letter_path(folder, work->making->row, work->person, work->info->serial, kind, &path, err);

    return rc == SG_OK ? sg_making_set(work->making, which, path, err) : rc;
}

static enum sg_rc name_files(struct work *work, struct sg_err *err)
{
    const struct sg_letters *letters = &work->run->letters;
    enum sg_rc rc =
        name_file(work, letters->folder, letters->readers ? "letter.p7m" : "letter.txt", SG_MAKING_LETTER, err);

    if (rc == SG_OK)
        rc = name_file(work, letters->escrow_folder, "escrow.p7m", SG_MAKING_ESCROW, err);
    if (rc == SG_OK)
        rc = name_file(work, work->run->csr_folder, work->person->usage == SG_FOR_DECRYPTION ? "pub" : "csr",
                       SG_MAKING_CSR_PATH, err);
    return rc;
}

static enum sg_rc initialise(struct work *work, struct sg_err *err)
{
    const struct sg_provision init = {.step = SG_PROVISION_INIT, .pin = work->transport, .label = work->person->label};
    enum sg_rc rc = sg_token_provision(work->token, &init, err);

    if (rc == SG_OK)
        rc = sg_making_set(work->making, SG_MAKING_SERIAL, work->info->serial, err);
    return rc == SG_OK ? name_files(work, err) : rc;
}

/* Both at once, as one group. */
static enum sg_rc write_files(struct work *work, char letter_sha256[SG_SHA256_HEX], char escrow_sha256[SG_SHA256_HEX],
                              struct sg_err *err)
{
    const struct sg_letters *letters = &work->run->letters;
    const struct sg_letter letter = {work->person, work->info->serial, sg_clock_now(&work->run->app->clock)};
    _cleanup_(sg_outfile_freep) struct sg_outfile *letter_file = NULL, *escrow_file = NULL;
    size_t failed = 0;
    enum sg_rc rc = sg_letter_write(letters, &letter, work->pin, sg_making_text(work->making, SG_MAKING_LETTER),
                                    letter_sha256, &letter_file, err);

    if (rc == SG_OK)
        rc = sg_escrow_write(letters, &letter, work->so_pin, sg_making_text(work->making, SG_MAKING_ESCROW),
                             escrow_sha256, &escrow_file, err);
    if (rc != SG_OK)
        return rc;
    struct sg_outfile *const files[] = {letter_file, escrow_file};
    return sg_outfile_commit_group(files, 2, &failed, err);
}

/* Letter and escrow are final before the token gets the PINs that they hold. */
static enum sg_rc write_letters(struct work *work, struct sg_err *err)
{
    OSSL_LIB_CTX *libctx = work->run->app->libctx;
    const struct sg_token_info *info = work->info;
    char letter_sha256[SG_SHA256_HEX], escrow_sha256[SG_SHA256_HEX];
    enum sg_rc rc = sg_pin_random(libctx, SG_USER_PIN_DIGITS, info->min_pin, info->max_pin, &work->pin, err);

    if (rc == SG_OK)
        rc = sg_pin_random(libctx, SG_SO_PIN_DIGITS, info->min_pin, info->max_pin, &work->so_pin, err);
    if (rc == SG_OK)
        rc = write_files(work, letter_sha256, escrow_sha256, err);
    if (rc == SG_OK)
        rc = sg_making_set(work->making, SG_MAKING_LETTER_SHA256, letter_sha256, err);
    return rc == SG_OK ? sg_making_set(work->making, SG_MAKING_ESCROW_SHA256, escrow_sha256, err) : rc;
}

static enum sg_rc set_pin(struct work *work, struct sg_err *err)
{
    const struct sg_provision unblock = {.step = SG_PROVISION_UNBLOCK, .pin = work->transport, .new_pin = work->pin};
    enum sg_rc rc = sg_token_provision(work->token, &unblock, err);

    return rc == SG_OK ? sg_token_login(work->token, work->pin, NULL, err) : rc;
}

/* --- the key ------------------------------------------------------------------------------------------------------ */

#define KEY_ID "01" /* a token that has just been initialised has no other */

/* What the former making of this token began and never ended: it is initialised anew, so nothing is left of that. */
static enum sg_rc settle(struct work *work, const struct sg_token_work *token_work, struct sg_err *err)
{
    struct sg_err failure;

    for (;;) {
        _cleanup_(freep) char *id = NULL;
        int64_t time = 0;
        enum sg_rc rc = sg_store_token_unfinished(work->run->store, work->info->serial, "keygen", &id, &time, err);
        if (rc != SG_OK || !id)
            return rc;
        (void)sg_fail(&failure, SG_E_CANCELLED, "%s", _("Interrupted; the token has been initialised anew since."));
        rc = sg_token_work_end(token_work, "keygen", "", id, "", &failure, err);
        if (rc != SG_OK)
            return rc;
    }
}

static const char *attribute_word(enum sg_tristate value)
{
    return value == SG_YES ? "yes" : value == SG_NO ? "no" : "unknown";
}

static enum sg_rc keep_attributes(struct work *work, const struct sg_key_attributes *a, struct sg_err *err)
{
    _cleanup_(json_decrefp) json_t *object =
        json_pack("{s:s, s:s, s:s, s:s, s:s}", "sensitive", attribute_word(a->sensitive), "extractable",
                  attribute_word(a->extractable), "always_sensitive", attribute_word(a->always_sensitive),
                  "never_extractable", attribute_word(a->never_extractable), "local", attribute_word(a->local));
    _cleanup_(freep) char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;

    return text ? sg_making_set(work->making, SG_MAKING_ATTRIBUTES, text, err) : sg_fail_memory(err);
}

/* A key that only decrypts cannot sign a request (RFC 2986 §4.2): the CA gets its public key. */
static enum sg_rc make_csr(struct work *work, struct sg_token_key *key, struct sg_buf *der, struct sg_err *err)
{
    _cleanup_(EVP_PKEY_freep) EVP_PKEY *opened = NULL;
    _cleanup_(OPENSSL_freep) unsigned char *spki = NULL;
    const char *email = work->person->email;

    if (work->person->usage == SG_FOR_DECRYPTION) {
        int len = i2d_PUBKEY(sg_token_key_public(key), &spki);
        return len > 0 ? sg_buf_append(der, spki, (size_t)len, err) : sg_fail_memory(err);
    }
    enum sg_rc rc = sg_token_key_open(key, &opened, err);
    if (rc != SG_OK)
        return rc;
    const struct sg_csr_input input = {.libctx = work->run->app->libctx,
                                       .key = opened,
                                       .subject = work->person->subject,
                                       .emails = &email,
                                       .email_count = 1,
                                       .pss = sg_token_key_info(key)->pss_only};
    rc = sg_csr_make(&input, der, err);
    if (rc == SG_OK)
        return SG_OK;
    enum sg_rc token = sg_token_key_last_error(key, err);
    return token == SG_OK ? rc : token;
}

static enum sg_rc keep_key(struct work *work, struct sg_token_key *key, const char *spki_sha256, struct sg_err *err)
{
    const struct sg_key_info *info = sg_token_key_info(key);
    const struct sg_custody_rules rules = {.generated_here = true};
    _cleanup_(sg_buf_clear) struct sg_buf der = SG_BUF(SG_MAX_CERTIFICATE);
    struct sg_making *making = work->making;
    enum sg_rc rc = make_csr(work, key, &der, err);

    if (rc == SG_OK)
        rc = keep_attributes(work, &info->attributes, err);
    if (rc == SG_OK)
        rc = sg_making_set(making, SG_MAKING_KEY_ID, info->id, err);
    if (rc == SG_OK)
        rc = sg_making_set(making, SG_MAKING_SPKI_SHA256, spki_sha256, err);
    if (rc == SG_OK)
        rc = sg_making_set(making, SG_MAKING_BASIS, sg_custody_text(sg_custody_basis_of(&info->attributes, &rules)),
                           err);
    if (rc != SG_OK)
        return rc;
    making->csr_len = der.len;
    making->csr = sg_steal(der.data);
    return SG_OK;
}

static enum sg_rc make_key(struct work *work, struct sg_err *err)
{
    struct sg_run *run = work->run;
    struct sg_token_work token_work = {
        .app = run->app, .store = run->store, .tokens = run->tokens, .token = work->token, .info = work->info};
    const struct sg_keygen what = {
        .kind = work->person->kind, .purpose = work->person->usage, .label = work->person->label, .id = KEY_ID};
    _cleanup_(sg_key_list_freep) struct sg_key_list *list = NULL;
    char spki_sha256[SG_SHA256_HEX];
    enum sg_rc rc = settle(work, &token_work, err);

    if (rc == SG_OK)
        rc = sg_keygen(&token_work, &what, &list, spki_sha256, err);
    return rc == SG_OK ? keep_key(work, sg_key_list_get(list, 0), spki_sha256, err) : rc;
}

/* --- the last steps ----------------------------------------------------------------------------------------------- */

static enum sg_rc seal(struct work *work, struct sg_err *err)
{
    const struct sg_provision so_pin = {.step = SG_PROVISION_SO_PIN, .pin = work->transport, .new_pin = work->so_pin};

    return sg_token_provision(work->token, &so_pin, err);
}

/* --- in their order ----------------------------------------------------------------------------------------------- */

static const struct step {
    enum sg_rc (*run)(struct work *work, struct sg_err *err);
    enum sg_making_state then; /* what the journal has afterwards */
} steps[] = {
    {initialise, SG_MAKING_INITIALISED},
    {write_letters, SG_MAKING_LETTERED},
    {set_pin, SG_MAKING_PIN_SET},
    {make_key, SG_MAKING_KEY_MADE},
    {seal, SG_MAKING_SEALED},
};

/* Until the token gets its own SO PIN, all that is lost by a power cut is made again: the journal need not wait for the
 * disk. The entry before that step does, and makes all of them final. */
static enum sg_rc record(struct work *work, enum sg_making_state state, struct sg_err *err)
{
    struct sg_store *store = work->run->store;
    enum sg_rc rc = state == SG_MAKING_KEY_MADE ? sg_store_relax(store, false, err) : SG_OK;

    if (rc == SG_OK)
        rc = sg_making_advance(store, work->making, state, err);
    return rc == SG_OK && state == SG_MAKING_KEY_MADE ? sg_store_relax(store, true, err) : rc;
}

static enum sg_rc make(struct work *work, struct sg_err *err)
{
    enum sg_rc rc = sg_store_relax(work->run->store, true, err);

    for (size_t i = 0; rc == SG_OK && i < sizeof(steps) / sizeof(steps[0]); i++) {
        rc = steps[i].run(work, err);
        if (rc == SG_OK)
            rc = record(work, steps[i].then, err);
    }
    enum sg_rc waits = sg_store_relax(work->run->store, false, rc == SG_OK ? err : NULL);
    return rc == SG_OK ? waits : rc;
}

/* What a person can do with a token that a failure left behind in this state. */
static const char *state_text(enum sg_making_state state)
{
    if (state < SG_MAKING_KEY_MADE)
        return _("The token is not finished; show it again, and it is begun anew.");
    if (state == SG_MAKING_KEY_MADE)
        return _("The token has its key, and may have its own SO PIN; show it again, and it is finished.");
    return _("The token is finished; run the command again for its certificate request.");
}

/* The journal has the failure, and the error says in what state the token is. */
static enum sg_rc record_failure(struct work *work, const struct sg_err *failure, struct sg_err *err)
{
    struct sg_err told = *failure;
    enum sg_rc rc = sg_making_failed(work->run->store, work->making, failure, err);

    if (rc != SG_OK)
        return rc;
    (void)snprintf(told.text, sizeof(told.text), "%.700s %s", failure->text, state_text(work->making->state));
    sg_app_about_token(&told, work->info);
    if (err)
        *err = told;
    return told.rc;
}

/* A token that was interrupted at its last step, and has its own SO PIN: that step was done. */
static enum sg_rc finish(struct work *work, struct sg_making *making, struct sg_err *err)
{
    struct sg_run *run = work->run;
    bool counts = making->run == run->journal.id && !making->is_void;
    enum sg_rc rc = sg_making_advance(run->store, making, SG_MAKING_SEALED, err);

    if (rc == SG_OK && !counts) {
        rc = sg_fail(err, SG_E_POLICY,
                     _("The token was finished for %s in a run that counts no more; its SO PIN is in \"%s\"."),
                     sg_making_text(making, SG_MAKING_PERSON), sg_making_text(making, SG_MAKING_ESCROW));
        sg_app_about_token(err, work->info);
    }
    return rc;
}

static enum sg_rc check_pad(const struct sg_token_info *info, struct sg_err *err)
{
    if (!info->pin_pad)
        return SG_OK;
    (void)sg_fail(err, SG_E_NOT_SERVED, "%s",
                  _("The token takes PINs on its reader's PIN pad only, where no random PIN can be entered; use "
                    "another reader, or the single commands of signet token."));
    sg_app_about_token(err, info);
    return SG_E_NOT_SERVED;
}

enum sg_rc sg_run_make(struct sg_run *run, int64_t row, const struct sg_shown *shown, struct sg_err *err)
{
    _cleanup_(work_clear) struct work work = {.run = run,
                                              .person = &run->staff->persons[row - 1],
                                              .token = shown->token,
                                              .info = sg_token_info(shown->token)};
    struct sg_err failure = {0};
    bool sealed = false;
    enum sg_rc rc = check_pad(work.info, err);

    /* A run that was killed while the token had a PIN from it is no refusal: the journal knows the cause. */
    if (rc == SG_OK && (shown->card == SG_CARD_UNFINISHED || shown->card == SG_CARD_UNSURE))
        rc = sg_token_pin_clear(shown->token, err);
    if (rc == SG_OK)
        rc = find_transport_pin(&work, shown->making, err);
    if (rc == SG_OK && shown->card == SG_CARD_UNSURE)
        rc = is_sealed(&work, &sealed, err);
    if (rc != SG_OK)
        return rc;
    if (sealed)
        return finish(&work, shown->making, err);
    rc = claim(&work, row, shown->making, err);
    if (rc != SG_OK)
        return rc;
    if (make(&work, &failure) != SG_OK)
        return record_failure(&work, &failure, err);
    return SG_OK;
}
