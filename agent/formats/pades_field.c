/* Which field is signed. */
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/msg.h"
#include "base/utf8.h"
#include "formats/pades_private.h"

/* Whether a field of that name is there, or one below it. */
static bool is_taken(const struct sg_pades_doc *doc, const char *name)
{
    const size_t len = strlen(name);

    for (size_t i = 0; i < doc->count; i++)
        if (strncmp(doc->fields[i].name, name, len) == 0 && strchr(".", doc->fields[i].name[len]))
            return true;
    return false;
}

static enum sg_rc check_field(const struct sg_pades_doc *doc, const struct sg_pades_field *field, struct sg_err *err)
{
    if (!field->is_signature)
        return sg_about(doc->name, err,
                        sg_fail(err, SG_E_USAGE,
                                _("The field \"%s\" of \"%s\" is not for a signature; choose another."), field->name,
                                doc->name));
    if (field->value)
        return sg_about(doc->name, err,
                        sg_fail(err, SG_E_USAGE, _("The field \"%s\" of \"%s\" is signed already; choose another."),
                                field->name, doc->name));
    if (field->id.number == 0)
        return sg_pades_broken(doc, _("a field is no object of its own."), err);
    return SG_OK;
}

/* A name of one level: one with full stops would say where in the tree it is (§12.7.3.2). */
static enum sg_rc check_new_name(const struct sg_pades_doc *doc, const char *name, struct sg_err *err)
{
    if (*name == '\0' || strchr(name, '.') || strlen(name) > SG_MAX_PDF_TEXT / 4 ||
        !sg_utf8_is_printable(name, strlen(name)))
        return sg_about(doc->name, err,
                        sg_fail(err, SG_E_USAGE,
                                _("\"%s\" has no field of the name that was given, and it cannot be the name of a new "
                                  "one; choose one without full stops."),
                                doc->name));
    if (is_taken(doc, name))
        return sg_about(doc->name, err,
                        sg_fail(err, SG_E_USAGE, _("\"%s\" of \"%s\" is a group of fields; choose another name."), name,
                                doc->name));
    return SG_OK;
}

static enum sg_rc choose_named(const struct sg_pades_doc *doc, const char *wanted, const struct sg_pades_field **ret,
                               struct sg_err *err)
{
    const struct sg_pades_field *found = NULL;

    for (size_t i = 0; i < doc->count; i++) {
        if (strcmp(doc->fields[i].name, wanted) != 0)
            continue;
        if (found)
            return sg_pades_broken(doc, _("two of its fields have the same name."), err);
        found = &doc->fields[i];
    }
    enum sg_rc rc = found ? check_field(doc, found, err) : check_new_name(doc, wanted, err);
    if (rc == SG_OK)
        *ret = found;
    return rc;
}

static const struct sg_pades_field *only_empty(const struct sg_pades_doc *doc)
{
    const struct sg_pades_field *found = NULL;

    for (size_t i = 0; i < doc->count; i++) {
        const struct sg_pades_field *field = &doc->fields[i];
        if (!field->is_signature || field->value || field->id.number == 0)
            continue;
        if (found)
            return NULL;
        found = field;
    }
    return found;
}

static enum sg_rc copy_name(const char *name, char **ret, struct sg_err *err)
{
    char *copy = strdup(name);

    if (!copy)
        return sg_fail_memory(err);
    *ret = copy;
    return SG_OK;
}

/* N of "SignatureN", also of a group of fields; 0: it is another name. */
static unsigned long number_of(const char *name)
{
    static const char stem[] = "Signature";
    char *end = NULL;

    if (strncmp(name, stem, strlen(stem)) != 0)
        return 0;
    const char *digits = name + strlen(stem);
    const unsigned long number = strtoul(digits, &end, 10);
    return end > digits && end - digits < 9 && strchr(".", *end) ? number : 0;
}

/* "Signature1", or what follows the highest that is there. */
static enum sg_rc free_name(const struct sg_pades_doc *doc, char **ret, struct sg_err *err)
{
    char name[64];
    unsigned long highest = 0;

    for (size_t i = 0; i < doc->count; i++) {
        const unsigned long number = number_of(doc->fields[i].name);
        highest = number > highest ? number : highest;
    }
    (void)snprintf(name, sizeof(name), "Signature%lu", highest + 1);
    return copy_name(name, ret, err);
}

enum sg_rc sg_pades_choose_field(const struct sg_pades_doc *doc, const char *wanted, const struct sg_pades_field **ret,
                                 char **ret_name, struct sg_err *err)
{
    const struct sg_pades_field *field = NULL;

    if (wanted) {
        enum sg_rc rc = choose_named(doc, wanted, &field, err);
        if (rc == SG_OK)
            rc = copy_name(wanted, ret_name, err);
        if (rc == SG_OK)
            *ret = field;
        return rc;
    }
    field = only_empty(doc);
    enum sg_rc rc = field ? copy_name(field->name, ret_name, err) : free_name(doc, ret_name, err);
    if (rc == SG_OK)
        *ret = field;
    return rc;
}
