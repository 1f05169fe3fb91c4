/* What the signatures that are there permit: by a certification (DocMDP, ISO 32000-1 §12.8.2.2), and by locks of fields
 * (FieldMDP, §12.8.2.4; /Lock, §12.7.4.5). What cannot be understood permits nothing. */
#include <string.h>

#include "base/limits.h"
#include "base/msg.h"
#include "formats/pades_private.h"
#include "formats/pdf_text.h"

struct question {
    const struct sg_pades_doc *doc;
    const char *name; /* of the field that is to be signed */
    struct sg_err *err;
};

enum sg_rc sg_pades_permission(const struct sg_pades_doc *doc, const struct sg_pdf_value *dictionary,
                               unsigned otherwise, unsigned *ret, struct sg_err *err)
{
    const struct sg_pdf_value *p = NULL;
    enum sg_rc rc = sg_pdf_find(doc->pdf, dictionary, "P", &p, err);

    if (rc != SG_OK)
        return rc;
    if (!p)
        *ret = otherwise;
    else
        *ret = p->type == SG_PDF_INTEGER && p->integer >= 1 && p->integer <= 3 ? (unsigned)p->integer : 1;
    return SG_OK;
}

static enum sg_rc no_changes(const struct question *q, struct sg_err *err)
{
    return sg_about(q->doc->name, err,
                    sg_fail(err, SG_E_POLICY,
                            _("A signature in \"%s\" permits no changes, and one more would break it; sign another "
                              "copy of the document."),
                            q->doc->name));
}

static enum sg_rc check_permission(const struct question *q, const struct sg_pdf_value *dictionary, unsigned otherwise)
{
    unsigned p = 0;
    enum sg_rc rc = sg_pades_permission(q->doc, dictionary, otherwise, &p, q->err);

    return rc == SG_OK && p == 1 ? no_changes(q, q->err) : rc;
}

/* Whether the field, or a group that it is in, is one of the list. */
static enum sg_rc is_listed(const struct question *q, const struct sg_pdf_value *fields, bool *ret)
{
    enum sg_rc rc = SG_OK;

    *ret = false;
    for (size_t i = 0; i < fields->count && rc == SG_OK && !*ret; i++) {
        _cleanup_(sg_buf_clear) struct sg_buf buf = SG_BUF(SG_MAX_PDF_TEXT);
        const struct sg_pdf_value *value = NULL;
        const char *text = "";
        rc = sg_pdf_resolve(q->doc->pdf, &fields->entries[i].value, &value, q->err);
        if (rc == SG_OK && value->type == SG_PDF_STRING)
            rc = sg_pdf_text_to_utf8(value->text, &buf, q->err);
        if (rc == SG_OK)
            rc = sg_buf_text(&buf, &text, q->err);
        *ret = rc == SG_OK && buf.len > 0 && strncmp(q->name, text, buf.len) == 0 && strchr(".", q->name[buf.len]);
    }
    return rc;
}

/* A lock: /Action with /Fields. */
static enum sg_rc check_lock(const struct question *q, const struct sg_pdf_value *lock)
{
    const struct sg_pdf_value *action = NULL;
    const struct sg_pdf_value *fields = NULL;
    bool locked = true;
    bool listed = false;
    enum sg_rc rc = sg_pdf_find(q->doc->pdf, lock, "Action", &action, q->err);

    if (rc == SG_OK)
        rc = sg_pdf_find(q->doc->pdf, lock, "Fields", &fields, q->err);
    if (rc == SG_OK && fields && fields->type == SG_PDF_ARRAY) {
        rc = is_listed(q, fields, &listed);
        if (sg_pdf_is_name(action, "Include"))
            locked = listed;
        else if (sg_pdf_is_name(action, "Exclude"))
            locked = !listed;
    }
    if (rc == SG_OK && locked)
        rc = sg_about(q->doc->name, q->err,
                      sg_fail(q->err, SG_E_POLICY,
                              _("A signature in \"%s\" has locked the field \"%s\"; choose another field, or sign "
                                "another copy of the document."),
                              q->doc->name, q->name));
    return rc;
}

/* An entry of a signature's /Reference (§12.8.1, table 253). */
static enum sg_rc check_reference(const struct question *q, const struct sg_pdf_value *reference)
{
    const struct sg_pdf_value *method = NULL;
    const struct sg_pdf_value *transform = NULL;
    enum sg_rc rc = sg_pdf_find(q->doc->pdf, reference, "TransformMethod", &method, q->err);

    if (rc == SG_OK)
        rc = sg_pdf_find(q->doc->pdf, reference, "TransformParams", &transform, q->err);
    if (rc == SG_OK && sg_pdf_is_name(method, "DocMDP"))
        rc = check_permission(q, transform, 2);
    else if (rc == SG_OK && sg_pdf_is_name(method, "FieldMDP"))
        rc = check_lock(q, transform);
    return rc;
}

static enum sg_rc check_references(const struct question *q, const struct sg_pdf_value *signature)
{
    const struct sg_pdf_value *references = NULL;
    const struct sg_pdf_value *reference = NULL;
    enum sg_rc rc = sg_pdf_find(q->doc->pdf, signature, "Reference", &references, q->err);

    if (rc == SG_OK && references && references->type != SG_PDF_ARRAY)
        rc = sg_pades_broken(q->doc, _("what a signature refers to is no array."), q->err);
    for (size_t i = 0; rc == SG_OK && references && i < references->count; i++) {
        rc = sg_pdf_resolve(q->doc->pdf, &references->entries[i].value, &reference, q->err);
        if (rc == SG_OK)
            rc = check_reference(q, reference);
    }
    return rc;
}

static enum sg_rc check_signed_field(const struct question *q, const struct sg_pades_field *field)
{
    const struct sg_pdf_value *lock = NULL;
    enum sg_rc rc = check_references(q, field->value);

    if (rc == SG_OK)
        rc = sg_pdf_find(q->doc->pdf, field->dictionary, "Lock", &lock, q->err);
    if (rc == SG_OK && lock)
        rc = check_permission(q, lock, 3);
    return rc == SG_OK && lock ? check_lock(q, lock) : rc;
}

/* The certification that the catalog names (§12.8.4), which need not be in a field. */
static enum sg_rc find_certification(const struct question *q, const struct sg_pdf_value **ret)
{
    const struct sg_pdf_value *permissions = NULL;
    enum sg_rc rc = sg_pdf_find(q->doc->pdf, q->doc->catalog, "Perms", &permissions, q->err);

    return rc == SG_OK ? sg_pdf_find(q->doc->pdf, permissions, "DocMDP", ret, q->err) : rc;
}

enum sg_rc sg_pades_check_permitted(const struct sg_pades_doc *doc, const char *name, bool certify, struct sg_err *err)
{
    const struct question q = {.doc = doc, .name = name, .err = err};
    const struct sg_pdf_value *certification = NULL;
    bool is_signed = false;
    enum sg_rc rc = find_certification(&q, &certification);

    if (rc == SG_OK && certification)
        rc = check_references(&q, certification);
    for (size_t i = 0; rc == SG_OK && i < doc->count; i++) {
        if (!sg_pades_is_signed(&doc->fields[i]))
            continue;
        is_signed = true;
        rc = check_signed_field(&q, &doc->fields[i]);
    }
    if (rc == SG_OK && certify && (is_signed || certification))
        rc = sg_about(doc->name, err,
                      sg_fail(err, SG_E_POLICY,
                              _("\"%s\" is signed already, and only the first signature can certify it; sign it "
                                "without a certification."),
                              doc->name));
    return rc;
}
