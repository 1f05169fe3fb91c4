/* signet token provision: tokens for a list of persons, and certificates for the tokens. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>

#include "base/input.h"
#include "base/limits.h"
#include "base/msg.h"
#include "base/outfile.h"
#include "cli/commands.h"
#include "cli/keygen.h"
#include "cli/provision_report.h"
#include "formats/pem.h"
#include "pkcs11/pin.h"

static const struct sg_option options[] = {
    {.name = "csv", .argument = "FILE", .help = N_("the list of persons: name, email, and more (see the manual)")},
    {.name = "certificates",
     .argument = "DIR",
     .help = N_("the tokens are made: put on them what the CA sent back, the files in DIR")},
    {.name = "all", .help = N_("take all tokens that are there (else one reader's, one after the other)")},
    {.name = "csr-dir", .argument = "DIR", .help = N_("where certificate requests go")},
    {.name = "letters", .argument = "DIR", .help = N_("where PIN letters go")},
    {.name = "officer",
     .argument = "CERT",
     .help = N_("encrypt PIN letters to this certificate (repeatable)"),
     .repeatable = true},
    {.name = "plain-letters", .help = N_("PIN letters as text that anybody can read who gets at the files")},
    {.name = "escrow", .argument = "DIR", .help = N_("where the escrowed SO PINs go")},
    {.name = "escrow-to",
     .argument = "CERT",
     .help = N_("encrypt SO PINs to this certificate; at least two"),
     .repeatable = true},
    {.name = "kind", .argument = "KIND", .help = N_("of keys, where the list does not say (else p-256)")},
    {.name = "usage", .argument = "sign|decrypt", .help = N_("of keys, where the list does not say (else sign)")},
    {.name = "so-pin-fd", .argument = "N", .help = N_("read the SO PIN that all tokens come with from descriptor N")},
    {.name = "report",
     .argument = "FILE",
     .help = N_("write what was made, as CSV (.csv) or JSON (repeatable)"),
     .repeatable = true,
     .writes = true},
    {.name = NULL},
};

/* What the command works with; cleared whatever has become of it. */
struct provisioning {
    struct sg_run run;
    struct sg_staff *staff;
    struct sg_secret *so_pin;
    char *csr_folder, *letters_folder, *escrow_folder;
    int lock;
};

static void provisioning_clear(struct provisioning *p)
{
    sg_run_clear(&p->run);
    sg_tokens_free(p->run.tokens);
    sg_store_free(p->run.store);
    sg_x509_stack_free(p->run.letters.readers);
    sg_x509_stack_free(p->run.letters.escrow_officers);
    sg_staff_free(p->staff);
    sg_secret_free(p->so_pin);
    free(p->csr_folder);
    free(p->letters_folder);
    free(p->escrow_folder);
    closep(&p->lock);
}

/* --- what was asked for ------------------------------------------------------------------------------------------- */

static enum sg_rc check_options_of_certifying(const struct sg_args *args, struct sg_err *err)
{
    static const char *const others[] = {"csr-dir", "letters",   "officer",  "plain-letters",
                                         "escrow",  "escrow-to", "so-pin-fd"};

    if (!sg_args_value(args, "csv"))
        return sg_fail(err, SG_E_USAGE, _("\"token provision\" wants --%s; see its --help."), "csv");
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        if (sg_args_flag(args, others[i]))
            return sg_fail(err, SG_E_USAGE, _("--%s is for making tokens; leave it out with --certificates."),
                           others[i]);
    return SG_OK;
}

static enum sg_rc check_options(const struct sg_args *args, struct sg_err *err)
{
    static const char *const needed[] = {"csv", "csr-dir", "letters", "escrow"};

    if (sg_args_value(args, "certificates"))
        return check_options_of_certifying(args, err);
    for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
        if (!sg_args_value(args, needed[i]))
            return sg_fail(err, SG_E_USAGE, _("\"token provision\" wants --%s; see its --help."), needed[i]);
    if (sg_args_flag(args, "plain-letters") == sg_args_flag(args, "officer"))
        return sg_fail(err, SG_E_USAGE, "%s",
                       _("Say who opens PIN letters: --officer CERT encrypts them, --plain-letters leaves them text; "
                         "one of the two."));
    if (sg_args_count(args, "escrow-to") < 2)
        return sg_fail(err, SG_E_USAGE, "%s",
                       _("SO PINs are escrowed to at least two officers: give --escrow-to CERT twice or more."));
    return SG_OK;
}

static void complain_of_row(void *context, const struct sg_err *complaint)
{
    const struct sg_app *app = context;

    (void)sg_complain(&app->voice, complaint);
}

static enum sg_rc read_staff(struct sg_app *app, const struct sg_args *args, struct provisioning *p, struct sg_err *err)
{
    const char *kind = sg_args_value(args, "kind"), *usage = sg_args_value(args, "usage");
    _cleanup_(sg_input_freep) struct sg_input *input = NULL;
    _cleanup_(sg_buf_clear) struct sg_buf csv = SG_BUF(SG_MAX_CSV_FILE);
    struct sg_staff_options staff = {.file = sg_args_value(args, "csv"),
                                     .kind = SG_EC_P256,
                                     .usage = SG_FOR_SIGNING,
                                     .libctx = app->libctx,
                                     .complain = complain_of_row,
                                     .context = app};

    if (kind && !sg_key_kind_parse(kind, &staff.kind))
        return sg_fail(err, SG_E_USAGE, _("--kind: \"%s\" is not a kind of key."), kind);
    if (usage && !sg_key_purpose_parse(usage, &staff.usage))
        return sg_fail(err, SG_E_USAGE, _("--usage is sign or decrypt, not \"%s\"."), usage);
    enum sg_rc rc = sg_input_open(staff.file, &input, err);
    if (rc == SG_OK)
        rc = sg_input_read_all(input, &csv, err);
    if (rc == SG_OK)
        rc = sg_staff_read(sg_buf_slice(&csv), &staff, &p->staff, err);
    p->run.staff = p->staff;
    return rc;
}

/* Of one file, the first certificate: an issuer behind it is not a reader. */
static enum sg_rc read_officer(struct sg_app *app, const char *path, STACK_OF(X509) *officers, struct sg_err *err)
{
    _cleanup_(sg_input_freep) struct sg_input *input = NULL;
    _cleanup_(sg_x509_stack_freep) STACK_OF(X509) *certs = sk_X509_new_null();
    enum sg_rc rc = certs ? sg_input_open(path, &input, err) : sg_fail_memory(err);

    if (rc == SG_OK)
        rc = sg_certs_read(input, app->libctx, certs, err);
    if (rc != SG_OK)
        return rc;
    X509 *cert = sk_X509_value(certs, 0);
    time_t now = (time_t)sg_clock_now(&app->clock);
    if (X509_cmp_time(X509_get0_notAfter(cert), &now) < 0)
        return sg_about(path, err,
                        sg_fail(err, SG_E_CERT_EXPIRED, _("The officer's certificate in \"%s\" has expired."), path));
    for (int i = 0; i < sk_X509_num(officers); i++)
        if (EVP_PKEY_eq(X509_get0_pubkey(sk_X509_value(officers, i)), X509_get0_pubkey(cert)) == 1)
            return sg_about(
                path, err,
                sg_fail(err, SG_E_USAGE, _("\"%s\" has a key that was given already; name another officer."), path));
    if (X509_up_ref(cert) != 1 || sk_X509_push(officers, cert) <= 0)
        return sg_fail_memory(err);
    return SG_OK;
}

static enum sg_rc read_officers(struct sg_app *app, const struct sg_args *args, const char *option,
                                STACK_OF(X509) **ret, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;

    if (!sg_args_flag(args, option))
        return SG_OK;
    *ret = sk_X509_new_null();
    if (!*ret)
        return sg_fail_memory(err);
    for (size_t i = 0; rc == SG_OK && i < sg_args_count(args, option); i++)
        rc = read_officer(app, sg_args_item(args, option, i), *ret, err);
    return rc;
}

static enum sg_rc read_so_pin(const struct sg_args *args, struct provisioning *p, struct sg_err *err)
{
    int fd = -1;
    enum sg_rc rc = sg_app_fd(args, "so-pin-fd", &fd, err);

    if (rc == SG_OK && fd >= 0)
        rc = sg_pin_from_fd(fd, &p->so_pin, err);
    p->run.so_pin = p->so_pin;
    return rc;
}

/* NULL: none was named. */
static enum sg_rc make_folder(const char *path, char **ret, struct sg_err *err)
{
    enum sg_rc rc = path ? sg_folder_make(path, err) : SG_OK;

    if (rc != SG_OK || !path)
        return rc;
    *ret = realpath(path, NULL);
    return *ret ? SG_OK
                : sg_about(path, err,
                           sg_fail_errno(err, SG_E_CANNOT_CREATE, errno, _("The folder \"%s\" cannot be used."), path));
}

/* --- beginning ---------------------------------------------------------------------------------------------------- */

/* Two runs at once would take the same token for two persons. */
static enum sg_rc lock_out_others(struct sg_app *app, struct provisioning *p, struct sg_err *err)
{
    _cleanup_(freep) char *path = NULL;
    enum sg_rc rc = sg_folder_make(app->paths.state, err);

    if (rc != SG_OK)
        return rc;
    if (asprintf(&path, "%s/provision.lock", app->paths.state) < 0) {
        path = NULL;
        return sg_fail_memory(err);
    }
    p->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (p->lock < 0)
        return sg_about(path, err, sg_fail_errno(err, SG_E_CANNOT_CREATE, errno, _("\"%s\" cannot be written."), path));
    if (flock(p->lock, LOCK_EX | LOCK_NB) == 0)
        return SG_OK;
    return sg_fail(err, SG_E_BUSY, "%s",
                   _("Another \"token provision\" is at work here. Wait until it is done, then try again."));
}

static enum sg_rc open_all(struct sg_app *app, const struct sg_args *args, struct provisioning *p, struct sg_err *err)
{
    struct sg_letters *letters = &p->run.letters;
    OSSL_LIB_CTX *libctx = NULL;
    enum sg_rc rc = check_options(args, err);

    if (rc == SG_OK)
        rc = sg_app_libctx(app, &libctx, err);
    if (rc == SG_OK)
        rc = read_staff(app, args, p, err);
    if (rc == SG_OK)
        rc = read_officers(app, args, "officer", &letters->readers, err);
    if (rc == SG_OK)
        rc = read_officers(app, args, "escrow-to", &letters->escrow_officers, err);
    if (rc == SG_OK)
        rc = read_so_pin(args, p, err);
    if (rc == SG_OK)
        rc = make_folder(sg_args_value(args, "csr-dir"), &p->csr_folder, err);
    if (rc == SG_OK)
        rc = make_folder(sg_args_value(args, "letters"), &p->letters_folder, err);
    if (rc == SG_OK)
        rc = make_folder(sg_args_value(args, "escrow"), &p->escrow_folder, err);
    if (rc == SG_OK)
        rc = lock_out_others(app, p, err);
    if (rc == SG_OK)
        rc = sg_app_store(app, &p->run.store, err);
    if (rc == SG_OK)
        rc = sg_app_tokens(app, &p->run.tokens, err);
    letters->libctx = libctx;
    letters->folder = p->letters_folder;
    letters->escrow_folder = p->escrow_folder;
    p->run.csr_folder = p->csr_folder;
    return rc;
}

/* For the ledger: whose keys open what is written now. */
static enum sg_rc append_officers(struct sg_app *app, const char *what, const STACK_OF(X509) *officers,
                                  struct sg_buf *out, struct sg_err *err)
{
    char sha256[SG_SHA256_HEX];
    enum sg_rc rc = sg_buf_printf(out, err, "%s:", what);

    for (int i = 0; rc == SG_OK && officers && i < sk_X509_num(officers); i++) {
        rc = sg_cert_sha256(app->libctx, sk_X509_value(officers, i), sha256, err);
        if (rc == SG_OK)
            rc = sg_buf_printf(out, err, " %s", sha256);
    }
    return rc == SG_OK && !officers ? sg_buf_printf(out, err, " plain") : rc;
}

static enum sg_rc begin_making(struct sg_app *app, struct provisioning *p, struct sg_err *err)
{
    _cleanup_(sg_buf_clear) struct sg_buf detail = SG_BUF(SG_MIB);
    const char *text = NULL;
    enum sg_rc rc = append_officers(app, "letters", p->run.letters.readers, &detail, err);

    if (rc == SG_OK)
        rc = append_officers(app, ", escrow", p->run.letters.escrow_officers, &detail, err);
    if (rc == SG_OK)
        rc = sg_buf_text(&detail, &text, err);
    return rc == SG_OK ? sg_run_begin(&p->run, text, err) : rc;
}

static enum sg_rc begin_certifying(struct provisioning *p, const char *folder, struct sg_err *err)
{
    const struct sg_run *run = &p->run;
    bool known = false;
    enum sg_rc rc = sg_provisioning_known(run->store, run->staff->sha256, &known, err);

    if (rc == SG_OK && !known)
        rc = sg_fail(err, SG_E_NOT_FOUND, "%s",
                     _("No tokens were made for this list on this computer. Give the very file that they were made "
                       "with: it is known by its SHA-256."));
    if (rc == SG_OK)
        rc = sg_run_begin(&p->run, "certificates", err);
    return rc == SG_OK ? sg_run_read_issued(&p->run, folder, err) : rc;
}

static enum sg_rc begin(struct sg_app *app, const struct sg_args *args, struct provisioning *p, struct sg_err *err)
{
    const char *certificates = sg_args_value(args, "certificates");

    p->run.phase = certificates ? &sg_phase_certifying : &sg_phase_making;
    return certificates ? begin_certifying(p, certificates, err) : begin_making(app, p, err);
}

/* A second token may be what is wanted (a spare, another usage), or a list that was given twice. */
static enum sg_rc say_earlier(const struct sg_app *app, const struct sg_run *run, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;

    for (int64_t row = 1; rc == SG_OK && row <= (int64_t)run->staff->count; row++) {
        const struct sg_person *person = &run->staff->persons[row - 1];
        const struct sg_making *earlier = NULL;
        char when[SG_TIME_TEXT];
        if (sg_run_is_done(run, row))
            continue;
        rc = sg_run_earlier(run, row, &earlier, err);
        if (rc == SG_OK && earlier)
            sg_warn(&app->voice, "has-token", _("%s <%s> has a token of an earlier list: %s (serial %s), of %s."),
                    person->name, person->email, sg_making_text(earlier, SG_MAKING_LABEL),
                    sg_making_text(earlier, SG_MAKING_SERIAL), sg_time_text(earlier->changed, when));
    }
    return rc;
}

static enum sg_rc say_beginning(const struct sg_app *app, const struct sg_run *run, struct sg_err *err)
{
    char when[SG_TIME_TEXT];
    size_t count = sg_run_total(run), left = sg_run_left(run);

    if (run->issued) {
        sg_say(&app->voice, _("There are certificates for %zu of %zu persons; %zu are on their tokens."), count,
               run->staff->count, count - left);
        return SG_OK;
    }
    if (!run->letters.readers)
        sg_warn(&app->voice, "plain-letters", "%s",
                _("PIN letters are written as plain text: whoever can read the files has the PINs. Print them, then "
                  "delete them."));
    if (run->journal.resumed)
        sg_say(&app->voice, _("Going on with the list that was begun at %s: %zu of %zu are done."),
               sg_time_text(run->journal.begun, when), count - left, count);
    return say_earlier(app, run, err);
}

/* --- the command -------------------------------------------------------------------------------------------------- */

static int complain_of_rest(const struct sg_app *app, const struct sg_run *run, size_t left)
{
    struct sg_err err;

    if (run->issued)
        (void)sg_fail(&err, SG_E_NO_TOKEN,
                      _("%zu of %zu certificates are not on a token yet, and their tokens are not there; repeat the "
                        "command when they are."),
                      left, sg_run_total(run));
    else
        (void)sg_fail(&err, SG_E_NO_TOKEN,
                      _("%zu of %zu persons have no token yet, and there is no blank one; repeat the command when "
                        "there is."),
                      left, sg_run_total(run));
    return sg_complain(&app->voice, &err);
}

static int finish(struct sg_app *app, const struct sg_args *args, const struct sg_run *run, int status)
{
    struct sg_err err = {0};
    size_t left = sg_run_left(run);

    for (size_t i = 0; i < sg_args_count(args, "report"); i++)
        if (sg_report_write(run, sg_args_item(args, "report", i), &err) != SG_OK)
            status = sg_exit_worse(status, sg_complain(&app->voice, &err));
    if (left == 0)
        sg_say(&app->voice,
               run->issued ? _("All %zu certificates are on their tokens.") : _("All %zu tokens are made."),
               sg_run_total(run));
    else if (status == 0)
        status = complain_of_rest(app, run, left);
    return status;
}

static int run_provision(struct sg_app *app, const struct sg_args *args)
{
    _cleanup_(provisioning_clear) struct provisioning p = {.run.app = app, .lock = -1};
    struct sg_err err = {0};
    enum sg_rc rc = open_all(app, args, &p, &err);

    if (rc == SG_OK)
        rc = begin(app, args, &p, &err);
    if (rc == SG_OK)
        rc = say_beginning(app, &p.run, &err);
    if (rc != SG_OK)
        return sg_complain(&app->voice, &err);
    int status = sg_args_flag(args, "all") ? sg_run_all(&p.run) : sg_run_stack(&p.run);
    return finish(app, args, &p.run, status);
}

const struct sg_command sg_command_token_provision = {
    .name = "token",
    .sub = "provision",
    .summary = N_("make tokens for a list of persons, with PIN letters and escrow, and put their certificates there"),
    .arguments = "",
    .options = options,
    .takes_pin = true,
    .run = run_provision,
};
