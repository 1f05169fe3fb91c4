/* What in a PDF acts, or comes from elsewhere. */
#include <string.h>

#include "base/limits.h"
#include "base/msg.h"
#include "formats/pades_private.h"

struct named {
    const char *name;
    unsigned hazard;
};

/* Actions (ISO 32000-1 §12.6.4) by their type. */
static const struct named actions[] = {
    {"JavaScript", SG_PDF_SCRIPTS}, {"RichMediaExecute", SG_PDF_SCRIPTS}, {"Launch", SG_PDF_LAUNCH},
    {"SubmitForm", SG_PDF_LAUNCH},  {"ImportData", SG_PDF_LAUNCH},        {"GoToR", SG_PDF_LAUNCH},
    {"GoToE", SG_PDF_LAUNCH},       {"Movie", SG_PDF_EXTERNAL},           {"Rendition", SG_PDF_EXTERNAL},
    {"Sound", SG_PDF_EXTERNAL},
};

/* Annotations that play something (§12.5.6): media, most often from another file; models, with scripts of their own. */
static const struct named annotations[] = {
    {"Movie", SG_PDF_EXTERNAL},
    {"Screen", SG_PDF_EXTERNAL},
    {"RichMedia", SG_PDF_SCRIPTS | SG_PDF_EXTERNAL},
};

/* Entries that only what acts, or refers elsewhere, has. */
static const struct named keys[] = {
    {"JS", SG_PDF_SCRIPTS},            /* of an action, or of a rendition that plays one */
    {"XFA", SG_PDF_SCRIPTS},           /* a form that draws itself (§12.7.8) */
    {"OnInstantiate", SG_PDF_SCRIPTS}, /* of a model (§13.6.3) */
    {"OPI", SG_PDF_EXTERNAL},          /* a proxy for a picture that lies elsewhere (§14.11.7) */
};

static unsigned hazard_of(const struct sg_pdf_value *name, const struct named *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (sg_pdf_is_name(name, list[i].name))
            return list[i].hazard;
    return 0;
}

static enum sg_rc add_hazards(struct sg_pdf *pdf, const struct sg_pdf_value *dictionary, unsigned *hazards,
                              struct sg_err *err)
{
    const struct sg_pdf_value *action = NULL, *subtype = NULL, *system = NULL;
    enum sg_rc rc = sg_pdf_find(pdf, dictionary, "S", &action, err);

    if (rc == SG_OK)
        rc = sg_pdf_find(pdf, dictionary, "Subtype", &subtype, err);
    if (rc == SG_OK)
        rc = sg_pdf_find(pdf, dictionary, "FS", &system, err);
    if (rc != SG_OK)
        return rc;
    *hazards |= hazard_of(action, actions, sizeof(actions) / sizeof(*actions));
    *hazards |= hazard_of(subtype, annotations, sizeof(annotations) / sizeof(*annotations));
    for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
        if (sg_pdf_get(dictionary, keys[i].name))
            *hazards |= keys[i].hazard;
    if (sg_pdf_is_name(action, "Thread") && sg_pdf_get(dictionary, "F")) /* one of another file (§12.6.4.6) */
        *hazards |= SG_PDF_LAUNCH;
    if (sg_pdf_is_name(system, "URL")) /* a file specification (§7.11.5) */
        *hazards |= SG_PDF_EXTERNAL;
    /* A stream whose data are another file (§7.3.8.2); a form that stands for a page of one (§8.10.4). */
    if (dictionary->type == SG_PDF_STREAM && (sg_pdf_get(dictionary, "F") || sg_pdf_get(dictionary, "Ref")))
        *hazards |= SG_PDF_EXTERNAL;
    return SG_OK;
}

static enum sg_rc look_into(struct sg_pdf *pdf, const struct sg_pdf_value *value, unsigned depth, unsigned *hazards,
                            struct sg_err *err)
{
    enum sg_rc rc = SG_OK;

    if (depth > SG_MAX_PDF_DEPTH)
        return sg_fail(err, SG_E_LIMIT, _("An object is nested deeper than %d levels."), SG_MAX_PDF_DEPTH);
    if (value->type == SG_PDF_DICTIONARY || value->type == SG_PDF_STREAM)
        rc = add_hazards(pdf, value, hazards, err);
    else if (value->type != SG_PDF_ARRAY)
        return SG_OK;
    for (size_t i = 0; i < value->count && rc == SG_OK; i++)
        rc = look_into(pdf, &value->entries[i].value, depth + 1, hazards, err);
    return rc;
}

enum sg_rc sg_pades_hazards(struct sg_pdf *pdf, unsigned *ret, struct sg_err *err)
{
    const struct sg_pdf_value *value = NULL;
    unsigned hazards = 0;
    size_t count = 0;
    enum sg_rc rc = SG_OK;
    const struct sg_pdf_place *places = sg_pdf_places(pdf, &count);

    for (size_t i = 0; i < count && rc == SG_OK; i++) {
        rc = sg_pdf_object(pdf, places[i].id, &value, err);
        if (rc == SG_OK)
            rc = look_into(pdf, value, 0, &hazards, err);
    }
    if (rc == SG_OK)
        *ret = hazards;
    return rc;
}

enum sg_rc sg_pdf_hazards(struct sg_input *input, unsigned *ret, struct sg_err *err)
{
    _cleanup_(sg_pdf_freep) struct sg_pdf *pdf = NULL;
    enum sg_rc rc = sg_pdf_open(input, sg_input_size(input), &pdf, err);

    return rc == SG_OK ? sg_pades_hazards(pdf, ret, err) : rc;
}
