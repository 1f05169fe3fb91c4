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

/* The fields that a lock lists, sorted: a name is looked for among thousands. */
struct listed {
    char **names;
    size_t count;
    bool known; /* false: which they are cannot be told */
};

static void listed_clear(struct listed *listed)
{
    for (size_t i = 0; i < listed->count; i++)
        free(listed->names[i]);
    free(listed->names);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static enum sg_rc read_listed(struct sg_pdf *pdf, const struct sg_pdf_value *fields, struct listed *listed,
                              struct sg_err *err)
{
    enum sg_rc rc = SG_OK;
    listed->known = fields && fields->type == SG_PDF_ARRAY;
    if (listed->known && !(listed->names = calloc(fields->count + 1, sizeof(*listed->names))))
        return sg_fail_memory(err);
    for (size_t i = 0; rc == SG_OK && listed->known && i < fields->count; i++) {
        const struct sg_pdf_value *item = NULL;
        char **name = &listed->names[i];
        rc = sg_pdf_resolve(pdf, &fields->entries[i].value, &item, err);
        if (rc == SG_OK)
            rc = sg_pdf_text_printable(item, name, err);
        if (rc != SG_OK)
            break;
        listed->count++;
        listed->known = item->type == SG_PDF_STRING && sg_pdf_text_is_telling(*name);
    }
    if (rc == SG_OK && listed->count > 1)
        qsort(listed->names, listed->count, sizeof(*listed->names), compare_names);
    return rc;
}

/* The first one that is not in front of these `len` octets. */
static size_t first_from(const struct listed *listed, const char *key, size_t len)
{
    size_t low = 0, high = listed->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strncmp(listed->names[middle], key, len) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Whether the field, or one that it lies in, is listed. `key` is its name and a dot. */
static bool is_listed(const struct listed *listed, const char *key)
{
    for (const char *end = strchr(key, '.'); end; end = strchr(end + 1, '.')) {
        size_t len = (size_t)(end - key), at = first_from(listed, key, len);
        if (at < listed->count && strncmp(listed->names[at], key, len) == 0 && listed->names[at][len] == '\0')
            return true;
    }
    return false;
}

/* Whether one in it is, which may have its value from it (§12.7.3.1): any could be in what has no name. */
static bool is_one_within_listed(const struct listed *listed, const char *key)
{
    size_t len = strlen(key), at = first_from(listed, key, len);
    if (len == 1)
        return listed->count > 0;
    return at < listed->count && strncmp(listed->names[at], key, len) == 0;
}

/* `*ret`: the lock of that /Action, or of none that is known, holds the field. */
static enum sg_rc holds(const struct listed *listed, const struct sg_pdf_value *action, const char *name, bool *ret,
                        struct sg_err *err)
{
    _cleanup_(freep) char *key = NULL;
    if (asprintf(&key, "%s.", name) < 0) {
        key = NULL;
        return sg_fail_memory(err);
    }
    bool known = listed->known && sg_pdf_text_is_telling(name);
    if (known && sg_pdf_is_name(action, "Include"))
        *ret = is_listed(listed, key) || is_one_within_listed(listed, key);
    else if (known && sg_pdf_is_name(action, "Exclude"))
        *ret = !is_listed(listed, key);
    else
        *ret = true;
    return SG_OK;
}

/* The first of the names that FieldMDP's parameters (table 256) or a lock (table 233) hold, by /Action and /Fields;
 * NULL: none. */
static enum sg_rc find_held(struct sg_pdf *pdf, const struct sg_pdf_value *lock, const char *const *names, size_t count,
                            const char **ret, struct sg_err *err)
{
    const struct sg_pdf_value *action = NULL, *fields = NULL;
    _cleanup_(listed_clear) struct listed listed = {0};
    enum sg_rc rc = sg_pdf_find(pdf, lock, "Action", &action, err);
    if (rc == SG_OK)
        rc = sg_pdf_find(pdf, lock, "Fields", &fields, err);
    if (rc == SG_OK)
        rc = read_listed(pdf, fields, &listed, err);
    for (size_t i = 0; rc == SG_OK && !*ret && i < count; i++) {
        bool held = false;
        rc = holds(&listed, action, names[i], &held, err);
        if (held)
            *ret = names[i];
    }
    return rc;
}

/* --- signatures -----------------------------------------------------------------------------------------------------
 */

/* What is asked of a signature. */
struct question {
    struct sg_pdf *pdf;
    const char *const *names; /* of fields */
    size_t count;
    int level;          /* the strictest that was found; 0: none that limits */
    const char *locked; /* one of the fields that is; NULL: none */
};

static void limit(struct question *q, int level)
{
    if (level < 3 && (q->level == 0 || level < q->level))
        q->level = level;
}

static void permit_nothing(struct question *q)
{
    q->level = 1;
    if (q->count > 0)
        q->locked = q->names[0];
}

static enum sg_rc ask_lock(struct question *q, const struct sg_pdf_value *lock, struct sg_err *err)
{
    int level = 0;
    enum sg_rc rc = sg_pdf_level(q->pdf, lock, 3, &level, err);
    if (rc == SG_OK)
        limit(q, level);
    if (rc == SG_OK && q->count > 0 && !q->locked)
        rc = find_held(q->pdf, lock, q->names, q->count, &q->locked, err);
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

enum sg_rc sg_pdf_find_locked(struct sg_pdf *pdf, const struct sg_pdf_signature *signature, const char *const *names,
                              size_t count, const char **ret, struct sg_err *err)
{
    struct question q = {.pdf = pdf, .names = names, .count = count};
    enum sg_rc rc = ask(&q, signature, err);
    if (rc == SG_OK)
        *ret = q.locked;
    return rc;
}

enum sg_rc sg_pdf_locks(struct sg_pdf *pdf, const struct sg_pdf_signature *signature, const char *name, bool *ret,
                        struct sg_err *err)
{
    const char *locked = NULL;
    enum sg_rc rc = sg_pdf_find_locked(pdf, signature, &name, 1, &locked, err);
    if (rc == SG_OK)
        *ret = locked != NULL;
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
