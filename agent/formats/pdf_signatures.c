#include "formats/pdf_signatures.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/msg.h"
#include "base/utf8.h"
#include "formats/pdf_text.h"

/* --- strings --------------------------------------------------------------------------------------------------------
 */

enum sg_rc sg_pdf_text(struct sg_slice string, struct sg_buf *out, struct sg_err *err)
{
    _cleanup_(sg_buf_clear) struct sg_buf text = SG_BUF(SG_MAX_PDF_NAME_TEXT);
    enum sg_rc rc = sg_pdf_text_to_utf8(string, &text, err);
    return rc == SG_OK ? sg_utf8_append_printable(out, text.data, text.len, err) : rc;
}

/* `digits` of them at `*at`; `missing` where the string ends. */
static bool take_number(struct sg_slice string, size_t *at, size_t digits, int missing, int *ret)
{
    int number = 0;
    if (*at >= string.len) {
        *ret = missing;
        return true;
    }
    for (size_t i = 0; i < digits; i++, (*at)++) {
        if (*at >= string.len || string.data[*at] < '0' || string.data[*at] > '9')
            return false;
        number = number * 10 + (string.data[*at] - '0');
    }
    *ret = number;
    return true;
}

/* O HH ' mm: what is to be taken off. */
static bool take_zone(struct sg_slice string, size_t at, int *ret_seconds)
{
    int hours = 0, minutes = 0;
    *ret_seconds = 0;
    if (at >= string.len || string.data[at] == 'Z')
        return true;
    int sign = string.data[at] == '+' ? 1 : string.data[at] == '-' ? -1 : 0;
    at++;
    if (sign == 0 || !take_number(string, &at, 2, 0, &hours))
        return false;
    if (at < string.len && string.data[at] == '\'')
        at++;
    if (!take_number(string, &at, 2, 0, &minutes) || hours > 23 || minutes > 59)
        return false;
    *ret_seconds = sign * (hours * 3600 + minutes * 60);
    return true;
}

bool sg_pdf_date(struct sg_slice string, int64_t *ret)
{
    struct tm tm = {0};
    size_t at = string.len >= 2 && memcmp(string.data, "D:", 2) == 0 ? 2 : 0;
    int year = 0, month = 0, zone = 0;

    if (at + 4 > string.len || !take_number(string, &at, 4, 0, &year) || !take_number(string, &at, 2, 1, &month) ||
        !take_number(string, &at, 2, 1, &tm.tm_mday) || !take_number(string, &at, 2, 0, &tm.tm_hour))
        return false;
    /* Minutes and seconds may be left out before a zone. */
    bool zoned = at < string.len && (string.data[at] < '0' || string.data[at] > '9');
    if (!zoned && !take_number(string, &at, 2, 0, &tm.tm_min))
        return false;
    zoned = at < string.len && (string.data[at] < '0' || string.data[at] > '9');
    if (!zoned && !take_number(string, &at, 2, 0, &tm.tm_sec))
        return false;
    if (month < 1 || month > 12 || tm.tm_mday < 1 || tm.tm_mday > 31 || tm.tm_hour > 23 || tm.tm_min > 59 ||
        tm.tm_sec > 59 || !take_zone(string, at, &zone))
        return false;
    tm.tm_year = year - 1900;
    tm.tm_mon = month - 1;
    *ret = (int64_t)timegm(&tm) - zone;
    return true;
}

/* --- fields ---------------------------------------------------------------------------------------------------------
 */

struct walk {
    struct sg_pdf *pdf;
    struct sg_pdf_signatures found;
    size_t room, fields, max; /* `max`: the highest object number */
    uint8_t *visited;         /* by object number */
};

static enum sg_rc printable(const struct sg_pdf_value *value, char **ret, struct sg_err *err)
{
    _cleanup_(sg_buf_clear) struct sg_buf text = SG_BUF(SG_MAX_PDF_NAME_TEXT);
    const char *shown = "";
    enum sg_rc rc = SG_OK;
    if (value && (value->type == SG_PDF_NAME || value->type == SG_PDF_STRING))
        rc = sg_pdf_text(value->text, &text, err);
    if (rc == SG_OK)
        rc = sg_buf_text(&text, &shown, err);
    if (rc == SG_OK && !(*ret = strdup(shown)))
        rc = sg_fail_memory(err);
    return rc;
}

static enum sg_rc read_range(struct sg_pdf *pdf, struct sg_pdf_signature *signature, struct sg_err *err)
{
    const struct sg_pdf_value *range = NULL;
    enum sg_rc rc = sg_pdf_find(pdf, signature->dictionary, "ByteRange", &range, err);
    signature->has_range = rc == SG_OK && range && range->type == SG_PDF_ARRAY && range->count == 4;
    for (size_t i = 0; signature->has_range && i < 4; i++) {
        const struct sg_pdf_value *number = &range->entries[i].value;
        signature->has_range = number->type == SG_PDF_INTEGER && number->integer >= 0;
        signature->range[i] = signature->has_range ? (uint64_t)number->integer : 0;
    }
    return rc;
}

static enum sg_rc read_signature(struct sg_pdf *pdf, struct sg_pdf_signature *signature, struct sg_err *err)
{
    const struct sg_pdf_value *dictionary = signature->dictionary, *contents = sg_pdf_get(dictionary, "Contents");
    const struct sg_pdf_value *type = NULL, *sub_filter = NULL, *date = NULL;
    enum sg_rc rc = sg_pdf_find(pdf, dictionary, "Type", &type, err);
    if (rc == SG_OK)
        rc = sg_pdf_find(pdf, dictionary, "SubFilter", &sub_filter, err);
    if (rc == SG_OK)
        rc = sg_pdf_find(pdf, dictionary, "M", &date, err);
    if (rc == SG_OK)
        rc = printable(sub_filter, &signature->sub_filter, err);
    if (rc == SG_OK)
        rc = read_range(pdf, signature, err);
    if (rc != SG_OK)
        return rc;
    signature->is_timestamp = sg_pdf_is_name(type, "DocTimeStamp") || sg_pdf_is_name(sub_filter, "ETSI.RFC3161");
    /* It has to stand in the dictionary itself, for the gap in what is signed is there. */
    bool direct = contents && contents->type == SG_PDF_STRING;
    signature->contents = direct ? contents->offset : SG_PDF_NO_OFFSET;
    signature->cms = direct ? contents->text : (struct sg_slice){NULL, 0};
    if (!date || date->type != SG_PDF_STRING || !sg_pdf_date(date->text, &signature->signing_time))
        signature->signing_time = SG_TIME_NONE;
    return SG_OK;
}

static void signature_clear(struct sg_pdf_signature *signature)
{
    free(signature->name);
    free(signature->sub_filter);
}

/* A widget below its field may repeat what that says (§12.7.4.1). */
static bool is_repeated(const struct walk *walk, const struct sg_pdf_value *value, const char *name)
{
    for (size_t i = 0; value->type == SG_PDF_REFERENCE && i < walk->found.count; i++) {
        const struct sg_pdf_signature *other = &walk->found.list[i];
        if (other->id.number == value->id.number && strcmp(other->name, name) == 0)
            return true;
    }
    return false;
}

static enum sg_rc add(struct walk *walk, struct sg_pdf_id field, const struct sg_pdf_value *value, const char *name,
                      struct sg_err *err)
{
    struct sg_pdf_signature signature = {.field = field};
    enum sg_rc rc = sg_pdf_resolve(walk->pdf, value, &signature.dictionary, err);
    if (rc != SG_OK || signature.dictionary->type != SG_PDF_DICTIONARY)
        return rc;
    if (walk->found.count >= SG_MAX_PDF_SIGNATURES)
        return sg_fail(err, SG_E_LIMIT, _("The PDF has more than %d signatures."), SG_MAX_PDF_SIGNATURES);
    if (value->type == SG_PDF_REFERENCE)
        signature.id = value->id;
    if (!(signature.name = strdup(name)))
        return sg_fail_memory(err);
    rc = read_signature(walk->pdf, &signature, err);
    if (rc == SG_OK && walk->found.count == walk->room) {
        size_t room = walk->room * 2 + 8;
        struct sg_pdf_signature *list = reallocarray(walk->found.list, room, sizeof(*list));
        if (list) {
            walk->found.list = list;
            walk->room = room;
        } else {
            rc = sg_fail_memory(err);
        }
    }
    if (rc == SG_OK)
        walk->found.list[walk->found.count++] = signature;
    else
        signature_clear(&signature);
    return rc;
}

static enum sg_rc mark_visited(struct walk *walk, struct sg_pdf_id id, struct sg_err *err)
{
    if (id.number < 0 || (size_t)id.number > walk->max)
        return SG_OK;
    if (walk->visited[id.number])
        return sg_fail(err, SG_E_MALFORMED,
                       _("The PDF is broken: its form leads to the field in object %d more than once."), id.number);
    walk->visited[id.number] = 1;
    return SG_OK;
}

static enum sg_rc walk_fields(struct walk *walk, const struct sg_pdf_value *fields, const char *parent,
                              bool parent_signs, int depth, struct sg_err *err);

static enum sg_rc qualified(struct walk *walk, const struct sg_pdf_value *field, const char *parent, char **ret,
                            struct sg_err *err)
{
    const struct sg_pdf_value *partial = NULL;
    _cleanup_(freep) char *own = NULL;
    enum sg_rc rc = sg_pdf_find(walk->pdf, field, "T", &partial, err);
    if (rc == SG_OK)
        rc = printable(partial, &own, err);
    if (rc != SG_OK)
        return rc;
    if (asprintf(ret, "%s%s%s", parent, *parent && *own ? "." : "", own) >= 0)
        return SG_OK;
    *ret = NULL;
    return sg_fail_memory(err);
}

static enum sg_rc walk_field(struct walk *walk, struct sg_pdf_id id, const struct sg_pdf_value *field,
                             const char *parent, bool parent_signs, int depth, struct sg_err *err)
{
    const struct sg_pdf_value *type = NULL, *kids = NULL, *value = sg_pdf_get(field, "V");
    _cleanup_(freep) char *name = NULL;
    enum sg_rc rc = qualified(walk, field, parent, &name, err);
    if (rc == SG_OK)
        rc = sg_pdf_find(walk->pdf, field, "FT", &type, err);
    if (rc == SG_OK)
        rc = sg_pdf_find(walk->pdf, field, "Kids", &kids, err);
    bool signs = type ? sg_pdf_is_name(type, "Sig") : parent_signs;
    if (rc == SG_OK && signs && value && !is_repeated(walk, value, name))
        rc = add(walk, id, value, name, err);
    if (rc == SG_OK && kids)
        rc = walk_fields(walk, kids, name, signs, depth + 1, err);
    return rc;
}

static enum sg_rc walk_fields(struct walk *walk, const struct sg_pdf_value *fields, const char *parent,
                              bool parent_signs, int depth, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;
    if (depth > SG_MAX_PDF_FIELD_DEPTH)
        return sg_fail(err, SG_E_LIMIT, _("The fields of the PDF's form are nested more than %d deep."),
                       SG_MAX_PDF_FIELD_DEPTH);
    for (size_t i = 0; rc == SG_OK && fields->type == SG_PDF_ARRAY && i < fields->count; i++) {
        const struct sg_pdf_value *item = &fields->entries[i].value, *field = NULL;
        struct sg_pdf_id id = item->type == SG_PDF_REFERENCE ? item->id : (struct sg_pdf_id){0, 0};
        if (++walk->fields > SG_MAX_PDF_FIELDS)
            return sg_fail(err, SG_E_LIMIT, _("The PDF's form has more than %d fields."), SG_MAX_PDF_FIELDS);
        if (id.number > 0)
            rc = mark_visited(walk, id, err);
        if (rc == SG_OK)
            rc = sg_pdf_resolve(walk->pdf, item, &field, err);
        if (rc == SG_OK && field->type == SG_PDF_DICTIONARY)
            rc = walk_field(walk, id, field, parent, parent_signs, depth, err);
    }
    return rc;
}

static int by_place(const void *a, const void *b)
{
    const struct sg_pdf_signature *x = a, *y = b;
    return (x->contents > y->contents) - (x->contents < y->contents);
}

enum sg_rc sg_pdf_signatures_read(struct sg_pdf *pdf, struct sg_pdf_signatures *ret, struct sg_err *err)
{
    const struct sg_pdf_value *root = NULL, *form = NULL, *fields = NULL;
    struct walk walk = {.pdf = pdf};
    size_t count = 0;
    const struct sg_pdf_place *places = sg_pdf_places(pdf, &count);
    enum sg_rc rc = sg_pdf_find(pdf, sg_pdf_trailer(pdf), "Root", &root, err);
    if (rc == SG_OK)
        rc = sg_pdf_find(pdf, root, "AcroForm", &form, err);
    if (rc == SG_OK)
        rc = sg_pdf_find(pdf, form, "Fields", &fields, err);
    if (rc != SG_OK)
        return rc;
    walk.max = count > 0 ? (size_t)places[count - 1].id.number : 0;
    if (!(walk.visited = calloc(walk.max + 1, 1)))
        return sg_fail_memory(err);
    if (fields)
        rc = walk_fields(&walk, fields, "", false, 0, err);
    free(walk.visited);
    if (walk.found.count > 0)
        qsort(walk.found.list, walk.found.count, sizeof(*walk.found.list), by_place);
    if (rc == SG_OK)
        *ret = walk.found;
    else
        sg_pdf_signatures_clear(&walk.found);
    return rc;
}

void sg_pdf_signatures_clear(struct sg_pdf_signatures *signatures)
{
    for (size_t i = 0; i < signatures->count; i++)
        signature_clear(&signatures->list[i]);
    free(signatures->list);
    *signatures = (struct sg_pdf_signatures){0};
}

/* --- what signatures permit -----------------------------------------------------------------------------------------
 */

/* The parameters of the first transform of that method among /Reference (§12.8.1, table 253). */
static enum sg_rc find_transform(struct sg_pdf *pdf, const struct sg_pdf_value *signature, const char *method,
                                 bool *ret_there, const struct sg_pdf_value **ret_parameters, struct sg_err *err)
{
    const struct sg_pdf_value *references = NULL, *reference = NULL, *name = NULL;
    enum sg_rc rc = sg_pdf_find(pdf, signature, "Reference", &references, err);
    *ret_there = false;
    *ret_parameters = NULL;
    for (size_t i = 0; rc == SG_OK && references && references->type == SG_PDF_ARRAY && i < references->count; i++) {
        rc = sg_pdf_resolve(pdf, &references->entries[i].value, &reference, err);
        if (rc == SG_OK)
            rc = sg_pdf_find(pdf, reference, "TransformMethod", &name, err);
        if (rc != SG_OK || !sg_pdf_is_name(name, method))
            continue;
        *ret_there = true;
        return sg_pdf_find(pdf, reference, "TransformParams", ret_parameters, err);
    }
    return rc;
}

enum sg_rc sg_pdf_certification(struct sg_pdf *pdf, int *ret, struct sg_err *err)
{
    const struct sg_pdf_value *root = NULL, *permissions = NULL, *signature = NULL, *parameters = NULL, *level = NULL;
    bool there = false;
    enum sg_rc rc = sg_pdf_find(pdf, sg_pdf_trailer(pdf), "Root", &root, err);
    if (rc == SG_OK)
        rc = sg_pdf_find(pdf, root, "Perms", &permissions, err);
    if (rc == SG_OK)
        rc = sg_pdf_find(pdf, permissions, "DocMDP", &signature, err);
    if (rc == SG_OK)
        rc = find_transform(pdf, signature, "DocMDP", &there, &parameters, err);
    if (rc == SG_OK)
        rc = sg_pdf_find(pdf, parameters, "P", &level, err);
    if (rc != SG_OK)
        return rc;
    if (!signature)
        *ret = 0;
    else if (there && !level)
        *ret = 2; /* the default of table 254 */
    else if (there && level->type == SG_PDF_INTEGER && level->integer >= 1 && level->integer <= 3)
        *ret = (int)level->integer;
    else
        *ret = 1;
    return SG_OK;
}

/* Names that cannot be decoded or printed are not told from each other. */
static bool is_telling(const char *name)
{
    return sg_utf8_is_printable(name, strlen(name)) && !strstr(name, "\xEF\xBF\xBD");
}

/* Whether the field, or one that it lies in, is listed; `*ret_known` false: that cannot be told. */
static enum sg_rc is_listed(struct sg_pdf *pdf, const struct sg_pdf_value *fields, const char *name, bool *ret,
                            bool *ret_known, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;
    *ret = false;
    *ret_known = is_telling(name) && fields && fields->type == SG_PDF_ARRAY;
    for (size_t i = 0; rc == SG_OK && *ret_known && i < fields->count; i++) {
        const struct sg_pdf_value *item = NULL;
        _cleanup_(freep) char *listed = NULL;
        rc = sg_pdf_resolve(pdf, &fields->entries[i].value, &item, err);
        if (rc == SG_OK)
            rc = printable(item, &listed, err);
        if (rc != SG_OK)
            break;
        size_t len = strlen(listed);
        *ret_known = item->type == SG_PDF_STRING && is_telling(listed);
        if (strncmp(name, listed, len) == 0 && (name[len] == '\0' || name[len] == '.'))
            *ret = true;
    }
    return rc;
}

enum sg_rc sg_pdf_lock_holds(struct sg_pdf *pdf, const struct sg_pdf_value *lock, const char *name, bool *ret,
                             struct sg_err *err)
{
    const struct sg_pdf_value *action = NULL, *fields = NULL;
    bool listed = false, known = false;
    enum sg_rc rc = sg_pdf_find(pdf, lock, "Action", &action, err);
    if (rc == SG_OK)
        rc = sg_pdf_find(pdf, lock, "Fields", &fields, err);
    if (rc == SG_OK)
        rc = is_listed(pdf, fields, name, &listed, &known, err);
    if (rc != SG_OK)
        return rc;
    if (known && sg_pdf_is_name(action, "Include"))
        *ret = listed;
    else if (known && sg_pdf_is_name(action, "Exclude"))
        *ret = !listed;
    else
        *ret = true;
    return SG_OK;
}

/* The lock that is in the signature, and that of its field; NULL: there is none. */
static enum sg_rc find_locks(struct sg_pdf *pdf, const struct sg_pdf_signature *signature, bool *ret_there,
                             const struct sg_pdf_value **ret_parameters, const struct sg_pdf_value **ret_lock,
                             struct sg_err *err)
{
    const struct sg_pdf_value *field = NULL;
    enum sg_rc rc = find_transform(pdf, signature->dictionary, "FieldMDP", ret_there, ret_parameters, err);
    *ret_lock = NULL;
    if (rc == SG_OK && signature->field.number > 0)
        rc = sg_pdf_object(pdf, signature->field, &field, err);
    return rc == SG_OK ? sg_pdf_find(pdf, field, "Lock", ret_lock, err) : rc;
}

enum sg_rc sg_pdf_locks(struct sg_pdf *pdf, const struct sg_pdf_signature *signature, const char *name, bool *ret,
                        struct sg_err *err)
{
    const struct sg_pdf_value *parameters = NULL, *lock = NULL;
    /* A field that is no object of its own (§12.7.2 wants one) is not found again: it locks. */
    bool there = false, by_transform = false, by_field = signature->field.number == 0;
    enum sg_rc rc = find_locks(pdf, signature, &there, &parameters, &lock, err);
    if (rc == SG_OK && there)
        rc = sg_pdf_lock_holds(pdf, parameters, name, &by_transform, err);
    if (rc == SG_OK && lock)
        rc = sg_pdf_lock_holds(pdf, lock, name, &by_field, err);
    if (rc == SG_OK)
        *ret = by_transform || by_field;
    return rc;
}

/* A lock's /P, if it has one and that is stricter. */
static enum sg_rc limit_level(struct sg_pdf *pdf, const struct sg_pdf_value *lock, int *level, struct sg_err *err)
{
    const struct sg_pdf_value *p = NULL;
    enum sg_rc rc = sg_pdf_find(pdf, lock, "P", &p, err);
    if (rc != SG_OK || !p)
        return rc;
    int granted = p->type == SG_PDF_INTEGER && p->integer >= 1 && p->integer <= 3 ? (int)p->integer : 1;
    if (granted < 3 && (*level == 0 || granted < *level))
        *level = granted;
    return SG_OK;
}

enum sg_rc sg_pdf_limit_by_lock(struct sg_pdf *pdf, const struct sg_pdf_signature *signature, int *level,
                                struct sg_err *err)
{
    const struct sg_pdf_value *parameters = NULL, *lock = NULL;
    bool there = false;
    enum sg_rc rc = find_locks(pdf, signature, &there, &parameters, &lock, err);
    if (rc == SG_OK && parameters)
        rc = limit_level(pdf, parameters, level, err);
    if (rc == SG_OK && lock)
        rc = limit_level(pdf, lock, level, err);
    if (rc == SG_OK && signature->field.number == 0) /* as above */
        *level = 1;
    return rc;
}
