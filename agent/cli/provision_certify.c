/* The second phase: what the CA sent back, onto the tokens that have the keys. The officer does not know the persons'
 * PINs, and needs none where a token does as PKCS#11 has it: a session that may write creates public objects before any
 * login (SoftHSM does). Where a token wants its user, that is told, and `token import` is for the user. */
#include <string.h>

#include "base/msg.h"
#include "cli/import.h"
#include "cli/provision_run.h"
#include "cli/signing.h"

/* --- what the CA sent back ---------------------------------------------------------------------------------------- */

static bool is_finished(const struct sg_making *making)
{
    return making && !making->is_void && making->state >= SG_MAKING_DONE;
}

static void complain_of_certificate(void *context, const struct sg_err *complaint)
{
    const struct sg_app *app = context;

    (void)sg_complain(&app->voice, complaint);
}

static enum sg_rc read_folder(struct sg_run *run, const char *folder, struct sg_err *err)
{
    _cleanup_(freep) const char **keys = calloc(run->staff->count, sizeof(*keys));
    const struct sg_issued_options options = {.staff = run->staff,
                                              .keys = keys,
                                              .now = sg_clock_now(&run->app->clock),
                                              .libctx = run->app->libctx,
                                              .complain = complain_of_certificate,
                                              .context = run->app};

    if (!keys)
        return sg_fail_memory(err);
    for (size_t i = 0; i < run->staff->count; i++) {
        const struct sg_making *making = sg_run_making(run, (int64_t)i + 1);
        keys[i] = is_finished(making) ? sg_making_text(making, SG_MAKING_SPKI_SHA256) : "";
    }
    return sg_issued_read(folder, &options, &run->issued, err);
}

/* The issuers of one of the certificates, from among the others. */
static enum sg_rc find_chain(const struct sg_issued *issued, X509 *cert, STACK_OF(X509) *chain, struct sg_err *err)
{
    _cleanup_(sg_x509_stack_freep) STACK_OF(X509) *authorities = sk_X509_new_null();

    for (size_t i = 0; authorities && i < issued->count; i++) {
        if (!issued->certs[i].is_ca)
            continue;
        if (sk_X509_push(authorities, issued->certs[i].cert) <= 0)
            return sg_fail_memory(err);
        (void)X509_up_ref(issued->certs[i].cert);
    }
    return authorities ? sg_issuers_find(authorities, cert, true, chain, err) : sg_fail_memory(err);
}

/* Marks what is needed: the certificates that count, and their issuers. */
static enum sg_rc mark_needed(const struct sg_issued *issued, bool *needed, struct sg_err *err)
{
    for (size_t i = 0; i < issued->count; i++) {
        _cleanup_(sg_x509_stack_freep) STACK_OF(X509) *chain = sk_X509_new_null();
        if (!issued->certs[i].counts)
            continue;
        enum sg_rc rc = chain ? find_chain(issued, issued->certs[i].cert, chain, err) : sg_fail_memory(err);
        if (rc != SG_OK)
            return rc;
        needed[i] = true;
        for (size_t j = 0; j < issued->count; j++)
            for (int k = 0; k < sk_X509_num(chain); k++)
                needed[j] |= sk_X509_value(chain, k) == issued->certs[j].cert;
    }
    return SG_OK;
}

static enum sg_rc say_left_out(const struct sg_run *run, struct sg_err *err)
{
    const struct sg_issued *issued = run->issued;
    _cleanup_(freep) bool *needed = calloc(issued->count + 1, sizeof(*needed));
    enum sg_rc rc = needed ? mark_needed(issued, needed, err) : sg_fail_memory(err);

    for (size_t i = 0; rc == SG_OK && i < issued->count; i++) {
        const struct sg_issued_cert *item = &issued->certs[i];
        if (needed[i])
            continue;
        if (item->row > 0)
            sg_warn(&run->app->voice, "certificate-left-out",
                    _("A certificate of %s in \"%s\" is left out: there is a newer one for the same key."),
                    run->staff->persons[item->row - 1].name, item->file);
        else
            sg_warn(&run->app->voice, "certificate-left-out",
                    _("A CA's certificate in \"%s\" is left out: it leads from none of the others to its root."),
                    item->file);
    }
    return rc;
}

/* What is odd about a row; there is nothing to do for it then. */
static enum sg_rc say_row(const struct sg_run *run, int64_t row, struct sg_err *err)
{
    const struct sg_person *person = &run->staff->persons[row - 1];
    const struct sg_making *making = sg_run_making(run, row);
    const struct sg_issued_cert *item = sg_issued_for(run->issued, row);
    bool certified = making && making->state == SG_MAKING_CERTIFIED;
    char sha256[SG_SHA256_HEX];

    if (!is_finished(making)) {
        sg_warn(&run->app->voice, "certificate-missing", _("%s <%s> has no finished token yet."), person->name,
                person->email);
    } else if (!item && !certified) {
        sg_warn(&run->app->voice, "certificate-missing", _("There is no certificate for the key of %s <%s> yet."),
                person->name, person->email);
    } else if (item && certified) {
        enum sg_rc rc = sg_cert_sha256(run->app->libctx, item->cert, sha256, err);
        if (rc != SG_OK)
            return rc;
        if (strcmp(sha256, sg_making_text(making, SG_MAKING_CERTIFICATE_SHA256)) != 0)
            sg_warn(&run->app->voice, "certificate-left-out",
                    _("A certificate of %s in \"%s\" is left out: the token has another one already. Put it there with "
                      "signet token import."),
                    person->name, item->file);
    }
    return SG_OK;
}

enum sg_rc sg_run_read_issued(struct sg_run *run, const char *folder, struct sg_err *err)
{
    enum sg_rc rc = read_folder(run, folder, err);

    if (rc == SG_OK)
        rc = say_left_out(run, err);
    for (int64_t row = 1; rc == SG_OK && row <= (int64_t)run->staff->count; row++)
        rc = say_row(run, row, err);
    return rc;
}

/* --- one token ---------------------------------------------------------------------------------------------------- */

/* The key that was made there, and no other: a token can be begun anew elsewhere under the same name. */
static enum sg_rc check_key(const struct sg_token_work *work, const struct sg_making *making,
                            const struct sg_key_list *keys, struct sg_err *err)
{
    char sha256[SG_SHA256_HEX];

    for (size_t i = 0; i < sg_key_list_count(keys); i++)
        if (sg_key_sha256(work->app, sg_key_list_get(keys, i), sha256, NULL) == SG_OK &&
            strcmp(sha256, sg_making_text(making, SG_MAKING_SPKI_SHA256)) == 0)
            return SG_OK;
    return sg_fail(err, SG_E_POLICY,
                   _("The token %s (serial %s) does not show the key that was made on it for %s; it was not touched."),
                   work->info->label, work->info->serial, sg_making_text(making, SG_MAKING_PERSON));
}

static const char *file_of(const struct sg_issued *issued, const X509 *cert)
{
    for (size_t i = 0; i < issued->count; i++)
        if (issued->certs[i].cert == cert)
            return issued->certs[i].file;
    return "";
}

/* The certificate and its issuers. */
static enum sg_rc collect(const struct sg_run *run, const struct sg_issued_cert *item, struct sg_import *import,
                          struct sg_err *err)
{
    _cleanup_(sg_x509_stack_freep) STACK_OF(X509) *chain = sk_X509_new_null();
    enum sg_rc rc = chain ? find_chain(run->issued, item->cert, chain, err) : sg_fail_memory(err);

    if (rc == SG_OK)
        rc = sg_import_add(run->app, item->cert, item->file, import, err);
    for (int i = 0; rc == SG_OK && i < sk_X509_num(chain); i++) {
        X509 *issuer = sk_X509_value(chain, i);
        rc = sg_import_add(run->app, issuer, file_of(run->issued, issuer), import, err);
    }
    return rc;
}

/* The person's own certificate last: where it is, its issuers are. */
static enum sg_rc put_all(const struct sg_token_work *work, const struct sg_import *import, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;

    for (size_t i = import->count; rc == SG_OK && i-- > 0;)
        rc = sg_import_put(work, &import->items[i], err);
    return rc;
}

static enum sg_rc put(const struct sg_run *run, const struct sg_token_work *work, const struct sg_making *making,
                      struct sg_import *import, struct sg_err *err)
{
    _cleanup_(sg_key_list_freep) struct sg_key_list *keys = NULL;
    enum sg_rc rc = sg_refuse_retired(work->store, work->info, err);

    if (rc == SG_OK)
        rc = sg_token_work_keys(work, sg_making_text(making, SG_MAKING_KEY_ID), &keys, err);
    if (rc == SG_OK)
        rc = check_key(work, making, keys, err);
    if (rc == SG_OK)
        rc = collect(run, sg_issued_for(run->issued, making->row), import, err);
    if (rc == SG_OK)
        rc = sg_import_sort_out(work, keys, import, err);
    return rc == SG_OK ? put_all(work, import, err) : rc;
}

static enum sg_rc record_failure(const struct sg_token_work *work, const struct sg_making *making,
                                 struct sg_err *failure, struct sg_err *err)
{
    if (failure->rc == SG_E_PIN_REQUIRED)
        (void)sg_fail(
            failure, SG_E_PIN_REQUIRED,
            _("The token takes certificates from its user alone. Give the certificate to %s, for signet token "
              "import."),
            sg_making_text(making, SG_MAKING_PERSON));
    enum sg_rc rc = sg_making_failed(work->store, making, failure, err);
    if (rc != SG_OK)
        return rc;
    sg_app_about_token(failure, work->info);
    if (err)
        *err = *failure;
    return failure->rc;
}

static enum sg_rc certify(struct sg_run *run, int64_t row, const struct sg_shown *shown, struct sg_err *err)
{
    _cleanup_(sg_import_clear) struct sg_import import = {0};
    const struct sg_token_work work = {.app = run->app,
                                       .store = run->store,
                                       .tokens = run->tokens,
                                       .token = shown->token,
                                       .info = sg_token_info(shown->token)};
    struct sg_making *making = sg_run_making(run, row);
    struct sg_err failure;

    if (put(run, &work, making, &import, &failure) != SG_OK)
        return record_failure(&work, making, &failure, err);
    enum sg_rc rc = sg_making_set(making, SG_MAKING_CERTIFICATE_SHA256, import.items[0].sha256, err);
    return rc == SG_OK ? sg_making_advance(run->store, making, SG_MAKING_CERTIFIED, err) : rc;
}

/* --- the phase ---------------------------------------------------------------------------------------------------- */

static bool is_issued(const struct sg_run *run, int64_t row)
{
    return sg_issued_for(run->issued, row) != NULL;
}

static bool is_certified(const struct sg_run *run, int64_t row)
{
    const struct sg_making *making = sg_run_making(run, row);

    return making && making->state == SG_MAKING_CERTIFIED;
}

static enum sg_rc look(const struct sg_run *run, struct sg_token *token, struct sg_shown *ret, struct sg_err *err)
{
    const struct sg_token_info *info = sg_token_info(token);
    struct sg_shown shown = {.token = token, .card = SG_CARD_OTHERS};

    (void)err;
    if (info->initialized)
        shown.making = sg_run_find(run, info);
    if (is_finished(shown.making) && shown.making->run == run->journal.id)
        shown.card = is_certified(run, shown.making->row) ? SG_CARD_DONE
                     : is_issued(run, shown.making->row)  ? SG_CARD_AWAITED
                                                          : SG_CARD_UNISSUED;
    *ret = shown;
    return SG_OK;
}

static int64_t row_for(const struct sg_run *run, const struct sg_shown *shown)
{
    if (shown->card == SG_CARD_AWAITED)
        return shown->making->row;
    for (int64_t row = 1; row <= (int64_t)run->staff->count; row++)
        if (is_issued(run, row) && !is_certified(run, row))
            return row;
    return 0;
}

static void refuse(const struct sg_run *run, const struct sg_shown *shown, struct sg_err *ret)
{
    const struct sg_token_info *info = sg_token_info(shown->token);
    const char *person = shown->making ? sg_making_text(shown->making, SG_MAKING_PERSON) : "?";

    (void)run;
    if (shown->card == SG_CARD_DONE)
        (void)sg_fail(ret, SG_E_POLICY, _("The token %s (serial %s) of %s has its certificate already."), info->label,
                      info->serial, person);
    else if (shown->card == SG_CARD_UNISSUED)
        (void)sg_fail(ret, SG_E_POLICY, _("There is no certificate for the token %s (serial %s) of %s yet."),
                      info->label, info->serial, person);
    else
        (void)sg_fail(ret, SG_E_POLICY,
                      _("The token %s (serial %s) was not made for this list, or was never finished; it was not "
                        "touched."),
                      info->label, info->serial);
}

static void ask(const struct sg_run *run, int64_t row)
{
    sg_say(&run->app->voice, _("Put in the token of %s (serial %s), or another one that waits; there are %zu."),
           run->staff->persons[row - 1].name, sg_making_text(sg_run_making(run, row), SG_MAKING_SERIAL),
           sg_run_left(run));
}

static void tell(const struct sg_run *run, int64_t row)
{
    const struct sg_person *person = &run->staff->persons[row - 1];
    const struct sg_making *making = sg_run_making(run, row);

    sg_say(&run->app->voice, _("%lld/%zu  %s <%s>: token %s (serial %s), certificate %s"), (long long)row,
           run->staff->count, person->name, person->email, person->label, sg_making_text(making, SG_MAKING_SERIAL),
           sg_making_text(making, SG_MAKING_CERTIFICATE_SHA256));
}

const struct sg_phase sg_phase_certifying = {
    .concerns = is_issued,
    .is_done = is_certified,
    .look = look,
    .row_for = row_for,
    .work = certify,
    .refuse = refuse,
    .ask = ask,
    .tell = tell,
};
