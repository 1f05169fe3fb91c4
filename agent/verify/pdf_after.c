/* What came to a PDF after one of its signatures, and whether that was permitted to. */
#include <stdlib.h>
#include <string.h>

#include "base/msg.h"
#include "base/utf8.h"
#include "formats/pdf_permissions.h"
#include "verify/pdf_file.h"

/* One of the fields that a step filled in is locked by a signature that was there. */
static enum sg_rc find_locked(struct sg_pdf_file *file, size_t step, char **ret_why, struct sg_err *err)
{
    const struct sg_pdf_changes *changes = &file->steps[step];
    const char *locked = NULL;
    enum sg_rc rc = SG_OK;
    for (size_t i = 0; rc == SG_OK && !locked && changes->count > 0 && i < file->signatures.count; i++)
        if (!file->found[i].why_range && file->found[i].revision <= step)
            rc = sg_pdf_find_locked(file->pdf, &file->signatures.list[i], (const char *const *)changes->fields,
                                    changes->count, &locked, err);
    if (rc == SG_OK && locked &&
        asprintf(ret_why, _("The field \"%.100s\" was changed, which a signature had locked."), locked) < 0) {
        *ret_why = NULL;
        rc = sg_fail_memory(err);
    }
    return rc;
}

static const struct sg_pdf_signature *signature_of(const struct sg_pdf_file *file, int number, size_t *ret_index)
{
    for (size_t i = 0; i < file->signatures.count; i++)
        if (file->signatures.list[i].id.number == number) {
            *ret_index = i;
            return &file->signatures.list[i];
        }
    return NULL;
}

/* Whether that is a signature, over its revision and not altered. Of a kind that is not judged, that is said where it
 * is told of; a time-stamp, which anybody can make, has no verdict of its own. */
static bool is_signature(const struct sg_pdf_file *file, int number)
{
    size_t index = 0;
    const struct sg_pdf_signature *signature = signature_of(file, number, &index);
    return signature && !signature->is_timestamp && (file->found[index].intact || file->found[index].unknown_kind);
}

/* Only a signature may show something in its field: else anybody could make up one. */
static enum sg_rc find_false(const struct sg_pdf_file *file, size_t step, char **ret_why, struct sg_err *err)
{
    const struct sg_pdf_changes *changes = &file->steps[step];
    for (size_t i = 0; i < changes->shown_count; i++) {
        if (is_signature(file, changes->shown[i]))
            continue;
        *ret_why = strdup(_("A field shows something with a signature that is none, or is not of this document."));
        return *ret_why ? SG_OK : sg_fail_memory(err);
    }
    return SG_OK;
}

/* What those who add evidence write, which no certification keeps from a document. */
#define WITH_EVIDENCE (SG_PDF_CHANGE_EVIDENCE | SG_PDF_CHANGE_VERSION | SG_PDF_CHANGE_WRITER)

static enum sg_rc why_forbidden(struct sg_pdf_file *file, const struct sg_pdf_found *found, size_t step, char **ret,
                                struct sg_err *err)
{
    const struct sg_pdf_changes *changes = &file->steps[step];
    const char *why = changes->why;
    if (!why && found->level == 1 && (changes->what & SG_PDF_CHANGE_METADATA))
        why = _("The title or other metadata of the document was changed, which was certified or locked so that "
                "nothing may be.");
    if (!why && found->level == 1 && (changes->what & ~(unsigned)WITH_EVIDENCE))
        why = _("The document was certified or locked so that nothing may be changed, and it was.");
    if (!why && found->level > 0 && (changes->what & SG_PDF_CHANGE_FIXED))
        why =
            _("The look of a field that is not filled in (a push button, or one that is only read) was changed, which "
              "no certification grants.");
    if (!why && found->level > 0 && (changes->what & SG_PDF_CHANGE_VISIBLE_FIELD))
        why =
            _("A signature field that is seen was added to a page of a certified or locked document; it can hide what "
              "was signed.");
    if (!why && found->level != 3 && (changes->what & SG_PDF_CHANGE_ANNOTATION))
        why = _("Annotations were added, which no certification grants.");
    if (why)
        return (*ret = strdup(why)) ? SG_OK : sg_fail_memory(err);
    enum sg_rc rc = find_locked(file, step, ret, err);
    return rc == SG_OK && !*ret ? find_false(file, step, ret, err) : rc;
}

static enum sg_rc note_forbidden(struct sg_judgement *judgement, size_t revision, const char *why, struct sg_err *err)
{
    judgement->verdict.changes = "forbidden";
    return sg_judgement_note(judgement, SG_SEVERITY_FORMAT, SG_REASON_PDF_CHANGED, err,
                             _("The PDF was changed after this signature, in its revision %zu, as it may not be: %s"),
                             revision, why);
}

#define FIELDS_SAID 5

/* The first of the fields that were filled in or signed, quoted. */
static enum sg_rc name_fields(const struct sg_pdf_file *file, size_t revision, struct sg_buf *out, struct sg_err *err)
{
    const char *last = NULL;
    size_t said = 0;
    enum sg_rc rc = SG_OK;
    for (size_t step = revision; step + 1 < file->revisions.count; step++)
        for (size_t i = 0; rc == SG_OK && i < file->steps[step].count && said <= FIELDS_SAID; i++) {
            char name[128];
            if (last && strcmp(last, file->steps[step].fields[i]) == 0)
                continue; /* another widget of it */
            last = file->steps[step].fields[i];
            if (snprintf(name, sizeof(name), "%s", last) >= (int)sizeof(name))
                sg_utf8_cut(name);
            rc = said < FIELDS_SAID ? sg_buf_printf(out, err, "%s\"%s\"", said > 0 ? ", " : "", name)
                                    : sg_buf_printf(out, err, "%s", _(", and more"));
            said++;
        }
    return rc;
}

static enum sg_rc note_filled(const struct sg_pdf_file *file, size_t revision, struct sg_judgement *judgement,
                              struct sg_err *err)
{
    _cleanup_(sg_buf_clear) struct sg_buf names = SG_BUF(4 * SG_KIB);
    const char *shown = "";
    enum sg_rc rc = name_fields(file, revision, &names, err);
    if (rc == SG_OK)
        rc = sg_buf_text(&names, &shown, err);
    return rc == SG_OK
               ? sg_judgement_note(judgement, SG_SEVERITY_NONE, SG_REASON_PDF_ADDED_TO, err,
                                   _("Fields of the form were filled in or signed after this signature: %s."), shown)
               : rc;
}

static const char *words_of(unsigned what)
{
    return what & SG_PDF_CHANGE_ANNOTATION ? _("Comments were added after this signature, as the certification grants.")
                                           : _("Evidence, or nothing that is seen, was added after this signature.");
}

static enum sg_rc note_permitted(const struct sg_pdf_file *file, size_t revision, unsigned what,
                                 struct sg_judgement *judgement, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;
    judgement->verdict.changes = "permitted";
    if ((what & SG_PDF_CHANGE_FORM) && !(what & SG_PDF_CHANGE_ANNOTATION))
        rc = note_filled(file, revision, judgement, err);
    else
        rc = sg_judgement_note(judgement, SG_SEVERITY_NONE, SG_REASON_PDF_ADDED_TO, err, "%s", words_of(what));
    if (rc == SG_OK && (what & SG_PDF_CHANGE_METADATA))
        rc = sg_judgement_note(judgement, SG_SEVERITY_NONE, SG_REASON_PDF_ADDED_TO, err, "%s",
                               _("The title or other metadata of the document was changed with that."));
    return rc;
}

enum sg_rc sg_pdf_note_changes(struct sg_pdf_file *file, const struct sg_pdf_found *found,
                               struct sg_judgement *judgement, struct sg_err *err)
{
    size_t newest = file->revisions.count - 1;
    unsigned what = 0;
    judgement->verdict.changes = "none";
    for (size_t step = found->revision; step < newest; step++) {
        _cleanup_(freep) char *why = NULL;
        enum sg_rc rc = why_forbidden(file, found, step, &why, err);
        if (rc != SG_OK || why)
            return rc == SG_OK ? note_forbidden(judgement, step + 2, why, err) : rc;
        what |= file->steps[step].what;
    }
    if (file->trailing) {
        judgement->verdict.changes = "forbidden";
        return sg_judgement_note(judgement, SG_SEVERITY_FORMAT, SG_REASON_PDF_CHANGED, err, "%s",
                                 _("Something was added to the PDF after this signature, behind the end of its last "
                                   "revision, as it may not be."));
    }
    if (found->revision == newest)
        return SG_OK;
    return note_permitted(file, found->revision, what, judgement, err);
}
