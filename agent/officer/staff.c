#include "officer/staff.h"

#include <stdarg.h>
#include <string.h>

#include "base/csv.h"
#include "base/msg.h"
#include "base/utf8.h"
#include "formats/name.h"

enum column { NAME, EMAIL, SUBJECT, LABEL, KIND, USAGE, COLUMNS };

static const struct {
    const char *word;
    size_t max; /* bytes */
    bool required;
} columns[COLUMNS] = {
    [NAME] = {"name", 64, true}, /* ub-common-name (RFC 5280 §A.1) */
    [EMAIL] = {"email", SG_MAX_EMAIL, true},
    [SUBJECT] = {"subject", 512, false},
    [LABEL] = {"label", 32, false}, /* CK_TOKEN_INFO */
    [KIND] = {"kind", 16, false},
    [USAGE] = {"usage", 16, false},
};

struct reading {
    const struct sg_staff_options *options;
    struct sg_csv csv;
    size_t at[COLUMNS]; /* which field it is, from 0 */
    bool there[COLUMNS];
    struct sg_staff *staff;
    size_t complaints;
};

/* --- complaints --------------------------------------------------------------------------------------------------- */

static void complain(struct reading *r, struct sg_err *complaint)
{
    sg_err_file(complaint, r->options->file);
    r->options->complain(r->options->context, complaint);
    r->complaints++;
}

SG_PRINTF(4, 5)
static void complain_of(struct reading *r, size_t line, enum column column, const char *format, ...)
{
    struct sg_err complaint;
    _cleanup_(freep) char *text = NULL;
    va_list args;

    va_start(args, format);
    if (vasprintf(&text, format, args) < 0)
        text = NULL;
    va_end(args);
    (void)sg_fail(&complaint, SG_E_MALFORMED, _("line %zu, column %zu (%s): %s"), line, r->at[column] + 1,
                  columns[column].word, text ? text : "");
    complain(r, &complaint);
}

/* --- the first line ----------------------------------------------------------------------------------------------- */

static void read_column(struct reading *r, size_t field)
{
    struct sg_err complaint;
    const char *word = r->csv.fields[field];

    for (size_t i = 0; i < COLUMNS; i++) {
        if (strcmp(word, columns[i].word) != 0)
            continue;
        if (!r->there[i]) {
            r->there[i] = true;
            r->at[i] = field;
            return;
        }
        (void)sg_fail(&complaint, SG_E_MALFORMED, _("line 1, column %zu: \"%s\" is there twice."), field + 1, word);
        complain(r, &complaint);
        return;
    }
    (void)sg_fail(&complaint, SG_E_MALFORMED,
                  _("line 1, column %zu: \"%s\" is not a column of this list; they are name, email, subject, label, "
                    "kind and usage."),
                  field + 1, word);
    complain(r, &complaint);
}

static enum sg_rc read_columns(struct reading *r, struct sg_err *err)
{
    bool more = false;
    struct sg_err complaint;
    enum sg_rc rc = sg_csv_next(&r->csv, &more, err);

    for (size_t i = 0; rc == SG_OK && i < r->csv.count; i++)
        read_column(r, i);
    for (size_t i = 0; rc == SG_OK && i < COLUMNS; i++) {
        if (r->there[i] || !columns[i].required)
            continue;
        (void)sg_fail(&complaint, SG_E_MALFORMED, _("line 1: the column \"%s\" is missing."), columns[i].word);
        complain(r, &complaint);
    }
    return rc;
}

/* --- persons ------------------------------------------------------------------------------------------------------ */

/* What a row has in this column; "" where there is no such column. */
static const char *value_of(const struct reading *r, enum column column)
{
    return r->there[column] ? r->csv.fields[r->at[column]] : "";
}

/* Whether the value can be used as far as any can. */
static bool check_value(struct reading *r, enum column column)
{
    const char *value = value_of(r, column);
    size_t line = r->csv.record_line, len = strlen(value);

    if (columns[column].required && len == 0)
        complain_of(r, line, column, "%s", _("this is empty."));
    else if (len > columns[column].max)
        complain_of(r, line, column, _("this has %zu bytes; %zu are allowed."), len, columns[column].max);
    else if (!sg_utf8_is_printable(value, len))
        complain_of(r, line, column, "%s", _("there are characters in this that do not print."));
    else if (len > 0 && (value[0] == ' ' || value[len - 1] == ' '))
        complain_of(r, line, column, "%s", _("there is a space at an end of this."));
    else
        return len > 0;
    return false;
}

/* RFC 4514 §2.4: what has a meaning in a name is escaped. */
static enum sg_rc subject_of_name(const char *name, char **ret, struct sg_err *err)
{
    char *subject = malloc(strlen("CN=") + 2 * strlen(name) + 1);

    if (!subject)
        return sg_fail_memory(err);
    char *at = stpcpy(subject, "CN=");
    for (const char *c = name; *c; c++) {
        if (strchr("\"+,;<>\\", *c) || (*c == '#' && c == name))
            *at++ = '\\';
        *at++ = *c;
    }
    *at = '\0';
    *ret = subject;
    return SG_OK;
}

static enum sg_rc read_subject(struct reading *r, struct sg_person *person, struct sg_err *err)
{
    struct sg_err complaint;
    _cleanup_(X509_NAME_freep) X509_NAME *name = NULL;

    if (!check_value(r, SUBJECT))
        return subject_of_name(person->name, &person->subject, err);
    person->subject = strdup(value_of(r, SUBJECT));
    if (!person->subject)
        return sg_fail_memory(err);
    if (sg_name_parse(person->subject, &name, &complaint) == SG_E_NO_MEMORY)
        return sg_fail_memory(err);
    if (!name)
        complain_of(r, person->line, SUBJECT, "%s", complaint.text);
    return SG_OK;
}

static void read_kind(struct reading *r, struct sg_person *person)
{
    person->kind = r->options->kind;
    if (check_value(r, KIND) && !sg_key_kind_parse(value_of(r, KIND), &person->kind))
        complain_of(r, person->line, KIND,
                    _("\"%s\" is not a kind of key; they are rsa-2048, rsa-3072, rsa-4096, p-256, p-384, p-521 and "
                      "ed25519."),
                    value_of(r, KIND));
}

static void read_usage(struct reading *r, struct sg_person *person)
{
    const char *word = value_of(r, USAGE);

    person->usage = r->options->usage;
    if (check_value(r, USAGE)) {
        if (strcmp(word, "sign") == 0)
            person->usage = SG_FOR_SIGNING;
        else if (strcmp(word, "decrypt") == 0)
            person->usage = SG_FOR_DECRYPTION;
        else
            complain_of(r, person->line, USAGE, _("\"%s\" is not a usage; they are sign and decrypt."), word);
    }
    if (person->kind == SG_ED25519 && person->usage == SG_FOR_DECRYPTION)
        complain_of(r, person->line, r->there[USAGE] ? USAGE : KIND, "%s", _("an Ed25519 key cannot decrypt."));
}

static void check_email(struct reading *r, const struct sg_person *person)
{
    if (!check_value(r, EMAIL))
        return;
    if (!sg_email_is_plain(person->email)) {
        complain_of(r, person->line, EMAIL, _("\"%s\" is not an e-mail address."), person->email);
        return;
    }
    for (size_t i = 0; i < r->staff->count; i++)
        if (strcasecmp(r->staff->persons[i].email, person->email) == 0) {
            complain_of(r, person->line, EMAIL, _("this person is in line %zu already."), r->staff->persons[i].line);
            return;
        }
}

static enum sg_rc read_person(struct reading *r, struct sg_person *person, struct sg_err *err)
{
    person->line = r->csv.record_line;
    person->name = strdup(value_of(r, NAME));
    person->email = strdup(value_of(r, EMAIL));
    if (!person->name || !person->email)
        return sg_fail_memory(err);
    (void)check_value(r, NAME);
    check_email(r, person);
    const char *label = check_value(r, LABEL) ? value_of(r, LABEL) : person->name;
    (void)snprintf(person->label, sizeof(person->label), "%s", label);
    sg_utf8_cut(person->label);
    read_kind(r, person);
    read_usage(r, person);
    return read_subject(r, person, err);
}

static enum sg_rc add_person(struct reading *r, struct sg_err *err)
{
    struct sg_staff *staff = r->staff;
    struct sg_person *grown = reallocarray(staff->persons, staff->count + 1, sizeof(*grown));

    if (!grown)
        return sg_fail_memory(err);
    staff->persons = grown;
    grown[staff->count] = (struct sg_person){0};
    enum sg_rc rc = read_person(r, &grown[staff->count], err);
    staff->count++;
    return rc;
}

static enum sg_rc read_persons(struct reading *r, struct sg_err *err)
{
    struct sg_err complaint;
    bool more = true;

    for (;;) {
        enum sg_rc rc = sg_csv_next(&r->csv, &more, &complaint);
        if (rc != SG_OK)
            complain(r, &complaint);
        if (!more)
            return SG_OK;
        if (rc != SG_OK)
            continue;
        if (r->staff->count == SG_MAX_STAFF)
            return sg_fail(err, SG_E_LIMIT, _("\"%s\" has more than %d persons; make several lists of it."),
                           r->options->file, SG_MAX_STAFF);
        rc = add_person(r, err);
        if (rc != SG_OK)
            return rc;
    }
}

/* --- the list ----------------------------------------------------------------------------------------------------- */

static enum sg_rc read_list(struct reading *r, struct sg_slice file, struct sg_err *err)
{
    enum sg_rc rc = sg_csv_open(file, &r->csv, err);

    if (rc == SG_OK)
        rc = read_columns(r, err);
    if (rc == SG_OK && r->complaints == 0)
        rc = read_persons(r, err);
    if (rc != SG_OK)
        return sg_about(r->options->file, err, rc);
    if (r->complaints > 0)
        return sg_about(r->options->file, err,
                        sg_fail(err, SG_E_MALFORMED,
                                _("\"%s\" has %zu mistakes; no token was touched. Correct them, then try again."),
                                r->options->file, r->complaints));
    if (r->staff->count == 0)
        return sg_about(r->options->file, err,
                        sg_fail(err, SG_E_MALFORMED, _("\"%s\" has no persons."), r->options->file));
    return SG_OK;
}

enum sg_rc sg_staff_read(struct sg_slice csv, const struct sg_staff_options *options, struct sg_staff **ret,
                         struct sg_err *err)
{
    _cleanup_(sg_staff_freep) struct sg_staff *staff = calloc(1, sizeof(*staff));
    struct reading reading = {.options = options, .staff = staff};
    uint8_t digest[EVP_MAX_MD_SIZE];
    size_t len = 0;

    if (!staff)
        return sg_fail_memory(err);
    enum sg_rc rc = sg_digest(options->libctx, "SHA256", csv, digest, &len, err);
    if (rc == SG_OK)
        rc = read_list(&reading, csv, err);
    sg_csv_clear(&reading.csv);
    if (rc != SG_OK)
        return rc;
    memcpy(staff->sha256, digest, sizeof(staff->sha256));
    *ret = sg_steal(staff);
    return SG_OK;
}

void sg_staff_free(struct sg_staff *staff)
{
    if (!staff)
        return;
    for (size_t i = 0; i < staff->count; i++) {
        free(staff->persons[i].name);
        free(staff->persons[i].email);
        free(staff->persons[i].subject);
    }
    free(staff->persons);
    free(staff);
}
