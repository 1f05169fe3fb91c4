#include "formats/pdf_permissions.h"

#include <stdlib.h>
#include <string.h>

#include "formats/pdf_text.h"

enum sg_rc sg_pdf_level(struct sg_pdf *pdf, const struct sg_pdf_value *dictionary, int otherwise, int *ret,
                        struct sg_err *err)
{
    const struct sg_pdf_value *p = NULL;
    enum sg_rc rc = sg_pdf_find(pdf, dictionary, "P", &p, err);
    if (rc != SG_OK)
        return rc;
    if (!p)
        *ret = otherwise;
    else
        *ret = p->type == SG_PDF_INTEGER && p->integer >= 1 && p->integer <= 3 ? (int)p->integer : 1;
    return SG_OK;
}

/* --- locks ----------------------------------------------------------------------------------------------------------
 */

/* Whether a field is the other one, or one in it. */
static bool lies_in(const char *name, const char *other)
{
    size_t len = strlen(other);
    return strncmp(name, other, len) == 0 && (name[len] == '\0' || name[len] == '.');
}

/* Whether the field, or one that it lies in, is listed: `*ret`; or one in it, which may have its value from it
 * (§12.7.3.1): `*ret_within`. `*ret_known` false: that cannot be told. */
static enum sg_rc is_listed(struct sg_pdf *pdf, const struct sg_pdf_value *fields, const char *name, bool *ret,
                            bool *ret_within, bool *ret_known, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;
    *ret = *ret_within = false;
    *ret_known = sg_pdf_text_is_telling(name) && fields && fields->type == SG_PDF_ARRAY;
    for (size_t i = 0; rc == SG_OK && *ret_known && i < fields->count; i++) {
        const struct sg_pdf_value *item = NULL;
        _cleanup_(freep) char *listed = NULL;
        rc = sg_pdf_resolve(pdf, &fields->entries[i].value, &item, err);
        if (rc == SG_OK)
            rc = sg_pdf_text_printable(item, &listed, err);
        if (rc != SG_OK)
            break;
        *ret_known = item->type == SG_PDF_STRING && sg_pdf_text_is_telling(listed);
        *ret |= lies_in(name, listed);
        *ret_within |= *name == '\0' || lies_in(listed, name); /* any could be in what has no name */
    }
    return rc;
}

/* FieldMDP's parameters (table 256) or a lock (table 233): /Action and /Fields. */
static enum sg_rc holds(struct sg_pdf *pdf, const struct sg_pdf_value *lock, const char *name, bool *ret,
                        struct sg_err *err)
{
    const struct sg_pdf_value *action = NULL, *fields = NULL;
    bool listed = false, within = false, known = false;
    enum sg_rc rc = sg_pdf_find(pdf, lock, "Action", &action, err);
    if (rc == SG_OK)
        rc = sg_pdf_find(pdf, lock, "Fields", &fields, err);
    if (rc == SG_OK)
        rc = is_listed(pdf, fields, name, &listed, &within, &known, err);
    if (rc != SG_OK)
        return rc;
    if (known && sg_pdf_is_name(action, "Include"))
        *ret = listed || within;
    else if (known && sg_pdf_is_name(action, "Exclude"))
        *ret = !listed;
    else
        *ret = true;
    return SG_OK;
}

/* --- signatures -----------------------------------------------------------------------------------------------------
 */

/* What is asked of a signature. */
struct question {
    struct sg_pdf *pdf;
    const char *name; /* of a field; NULL: of none */
    int level;        /* the strictest that was found; 0: none that limits */
    bool locked;      /* the field is */
};

static void limit(struct question *q, int level)
{
    if (level < 3 && (q->level == 0 || level < q->level))
        q->level = level;
}

static void permit_nothing(struct question *q)
{
    q->level = 1;
    q->locked = true;
}

static enum sg_rc ask_lock(struct question *q, const struct sg_pdf_value *lock, struct sg_err *err)
{
    bool locked = false;
    int level = 0;
    enum sg_rc rc = sg_pdf_level(q->pdf, lock, 3, &level, err);
    if (rc == SG_OK)
        limit(q, level);
    if (rc == SG_OK && q->name)
        rc = holds(q->pdf, lock, q->name, &locked, err);
    q->locked |= locked;
    return rc;
}

/* An entry of /Reference (§12.8.1, table 253). */
static enum sg_rc ask_reference(struct question *q, const struct sg_pdf_value *reference, struct sg_err *err)
{
    const struct sg_pdf_value *method = NULL, *parameters = NULL;
    int level = 3;
    enum sg_rc rc = sg_pdf_find(q->pdf, reference, "TransformMethod", &method, err);
    if (rc == SG_OK)
        rc = sg_pdf_find(q->pdf, reference, "TransformParams", &parameters, err);
    if (rc == SG_OK && sg_pdf_is_name(method, "FieldMDP"))
        return ask_lock(q, parameters, err);
    if (rc == SG_OK && sg_pdf_is_name(method, "DocMDP"))
        rc = sg_pdf_level(q->pdf, parameters, 2, &level, err); /* the default of table 254 */
    if (rc == SG_OK)
        limit(q, level);
    return rc;
}

static enum sg_rc ask(struct question *q, const struct sg_pdf_signature *signature, struct sg_err *err)
{
    const struct sg_pdf_value *references = NULL, *reference = NULL, *field = NULL, *lock = NULL;
    enum sg_rc rc = sg_pdf_find(q->pdf, signature->dictionary, "Reference", &references, err);
    if (rc == SG_OK && references && references->type != SG_PDF_ARRAY)
        permit_nothing(q);
    for (size_t i = 0; rc == SG_OK && references && i < references->count; i++) {
        rc = sg_pdf_resolve(q->pdf, &references->entries[i].value, &reference, err);
        if (rc == SG_OK)
            rc = ask_reference(q, reference, err);
    }
    /* A field that is no object of its own (§12.7.2 wants one) is not found again. */
    if (signature->field.number == 0)
        permit_nothing(q);
    else if (rc == SG_OK)
        rc = sg_pdf_object(q->pdf, signature->field, &field, err);
    if (rc == SG_OK)
        rc = sg_pdf_find(q->pdf, field, "Lock", &lock, err);
    return rc == SG_OK && lock ? ask_lock(q, lock, err) : rc;
}

enum sg_rc sg_pdf_limit_level(struct sg_pdf *pdf, const struct sg_pdf_signature *signature, int *level,
                              struct sg_err *err)
{
    struct question q = {.pdf = pdf, .level = *level};
    enum sg_rc rc = ask(&q, signature, err);
    if (rc == SG_OK)
        *level = q.level;
    return rc;
}

enum sg_rc sg_pdf_locks(struct sg_pdf *pdf, const struct sg_pdf_signature *signature, const char *name, bool *ret,
                        struct sg_err *err)
{
    struct question q = {.pdf = pdf, .name = name};
    enum sg_rc rc = ask(&q, signature, err);
    if (rc == SG_OK)
        *ret = q.locked;
    return rc;
}

/* --- certification --------------------------------------------------------------------------------------------------
 */

/* The parameters of the certification's transform (§12.8.1, table 253). */
static enum sg_rc find_doc_mdp(struct sg_pdf *pdf, const struct sg_pdf_value *signature, bool *ret_there,
                               const struct sg_pdf_value **ret_parameters, struct sg_err *err)
{
    const struct sg_pdf_value *references = NULL, *reference = NULL, *method = NULL;
    enum sg_rc rc = sg_pdf_find(pdf, signature, "Reference", &references, err);
    for (size_t i = 0; rc == SG_OK && references && references->type == SG_PDF_ARRAY && i < references->count; i++) {
        rc = sg_pdf_resolve(pdf, &references->entries[i].value, &reference, err);
        if (rc == SG_OK)
            rc = sg_pdf_find(pdf, reference, "TransformMethod", &method, err);
        if (rc != SG_OK || !sg_pdf_is_name(method, "DocMDP"))
            continue;
        *ret_there = true;
        return sg_pdf_find(pdf, reference, "TransformParams", ret_parameters, err);
    }
    return rc;
}

enum sg_rc sg_pdf_certification(struct sg_pdf *pdf, int *ret, struct sg_err *err)
{
    const struct sg_pdf_value *root = NULL, *permissions = NULL, *signature = NULL, *parameters = NULL;
    bool there = false;
    int level = 0;
    enum sg_rc rc = sg_pdf_find(pdf, sg_pdf_trailer(pdf), "Root", &root, err);
    if (rc == SG_OK)
        rc = sg_pdf_find(pdf, root, "Perms", &permissions, err);
    if (rc == SG_OK)
        rc = sg_pdf_find(pdf, permissions, "DocMDP", &signature, err);
    if (rc == SG_OK && signature)
        rc = find_doc_mdp(pdf, signature, &there, &parameters, err);
    if (rc == SG_OK && there)
        rc = sg_pdf_level(pdf, parameters, 2, &level, err); /* the default of table 254 */
    if (rc == SG_OK)
        *ret = signature && !there ? 1 : level;
    return rc;
}
