/* What a field asks of its signature: seed values (ISO 32000-1 §12.7.4.5, table 234). What they demand and a signature
 * of ours cannot have is refused; what they only suggest is passed over. */
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/msg.h"
#include "formats/pades_private.h"
#include "formats/pdf_text.h"

/* /Ff: the entry of that bit is a demand. */
enum {
    DEMANDS_FILTER = 1 << 0,
    DEMANDS_SUBFILTER = 1 << 1,
    DEMANDS_VERSION = 1 << 2,
    DEMANDS_REASONS = 1 << 3,
    DEMANDS_ATTESTATION = 1 << 4,
    DEMANDS_REVOCATION = 1 << 5,
    DEMANDS_DIGEST = 1 << 6,
    DEMANDS_LOCK = 1 << 7,
    DEMANDS_APPEARANCE = 1 << 8
};

#define SEED_VERSION 3 /* of /SV that is understood (ISO 32000-2, table 237) */

struct seed {
    const struct sg_pades_doc *doc;
    const struct sg_pades_field *field;
    const struct sg_pdf_value *values;
    int64_t demands;
    struct sg_err *err;
};

static enum sg_rc refuse(const struct seed *seed, const char *what)
{
    return sg_about(seed->doc->name, seed->err,
                    sg_fail(seed->err, SG_E_POLICY,
                            _("The field \"%s\" of \"%s\" asks for a signature that cannot be made with these options "
                              "(%s); choose another field or other options."),
                            seed->field->name, seed->doc->name, what));
}

static enum sg_rc find(const struct seed *seed, const char *key, const struct sg_pdf_value **ret)
{
    return sg_pdf_find(seed->doc->pdf, seed->values, key, ret, seed->err);
}

static enum sg_rc find_flags(const struct seed *seed, const struct sg_pdf_value *dictionary, int64_t *ret)
{
    const struct sg_pdf_value *flags = NULL;
    enum sg_rc rc = sg_pdf_find(seed->doc->pdf, dictionary, "Ff", &flags, seed->err);

    if (rc == SG_OK && flags && flags->type != SG_PDF_INTEGER)
        rc = sg_pades_broken(seed->doc, _("what a signature field demands is no number."), seed->err);
    if (rc == SG_OK)
        *ret = flags ? flags->integer : 0;
    return rc;
}

static enum sg_rc refuse_listed(const struct seed *seed, const struct sg_pdf_value *list, const char *what)
{
    struct sg_pades_choices choices = {0};
    char text[sizeof(choices.text) + 128];
    enum sg_rc rc = SG_OK;

    for (size_t i = 0; list->type == SG_PDF_ARRAY && i < list->count && rc == SG_OK; i++) {
        _cleanup_(freep) char *shown = NULL;
        const struct sg_pdf_value *value = NULL;
        rc = sg_pdf_resolve(seed->doc->pdf, &list->entries[i].value, &value, seed->err);
        if (rc == SG_OK)
            rc = sg_pdf_text_printable(value, &shown, seed->err);
        if (rc == SG_OK)
            sg_pades_choices_add(&choices, shown);
    }
    if (rc != SG_OK)
        return rc;
    (void)snprintf(text, sizeof(text), _("%s: it permits %s"), what, choices.count > 0 ? choices.text : _("none"));
    return refuse(seed, text);
}

/* Whether a list has the text, in one of its elements. A list that is none has nothing. */
static enum sg_rc has(const struct seed *seed, const struct sg_pdf_value *list, const char *text, bool *ret)
{
    const struct sg_slice wanted = {(const uint8_t *)text, strlen(text)};
    enum sg_rc rc = SG_OK;

    *ret = false;
    for (size_t i = 0; list && list->type == SG_PDF_ARRAY && i < list->count && rc == SG_OK && !*ret; i++) {
        _cleanup_(sg_buf_clear) struct sg_buf buf = SG_BUF(SG_MAX_PDF_TEXT);
        const struct sg_pdf_value *value = NULL;
        rc = sg_pdf_resolve(seed->doc->pdf, &list->entries[i].value, &value, seed->err);
        if (rc == SG_OK && value->type == SG_PDF_STRING)
            rc = sg_pdf_text_to_utf8(value->text, &buf, seed->err);
        else if (rc == SG_OK && value->type == SG_PDF_NAME)
            rc = sg_buf_append(&buf, value->text.data, value->text.len, seed->err);
        *ret = rc == SG_OK && sg_slice_equal(sg_buf_slice(&buf), wanted);
    }
    return rc;
}

static enum sg_rc check_listed(const struct seed *seed, int64_t demand, const char *key, const char *text,
                               const char *what)
{
    const struct sg_pdf_value *list = NULL;
    bool listed = false;

    if (!(seed->demands & demand))
        return SG_OK;
    enum sg_rc rc = find(seed, key, &list);
    if (rc == SG_OK && list)
        rc = has(seed, list, text, &listed);
    return rc == SG_OK && list && !listed ? refuse_listed(seed, list, what) : rc;
}

/* No list, or one of a single full stop: there shall be no reason. */
static enum sg_rc check_reason(const struct seed *seed, const char *reason)
{
    const struct sg_pdf_value *list = NULL;
    bool none = false;

    if (!(seed->demands & DEMANDS_REASONS))
        return SG_OK;
    enum sg_rc rc = find(seed, "Reasons", &list);
    if (rc == SG_OK && list && list->count == 1)
        rc = has(seed, list, ".", &none);
    if (rc == SG_OK && (!list || list->count == 0 || none))
        return reason ? refuse(seed, _("without a reason")) : SG_OK;
    return rc == SG_OK ? check_listed(seed, DEMANDS_REASONS, "Reasons", reason ? reason : "", _("the reason")) : rc;
}

/* /MDP: 0 is an approval signature, the others are what it is to certify. */
static enum sg_rc check_certification(const struct seed *seed, unsigned certify)
{
    const struct sg_pdf_value *mdp = NULL;
    const struct sg_pdf_value *p = NULL;
    enum sg_rc rc = find(seed, "MDP", &mdp);

    if (rc == SG_OK && mdp)
        rc = sg_pdf_find(seed->doc->pdf, mdp, "P", &p, seed->err);
    if (rc == SG_OK && mdp && (!p || p->type != SG_PDF_INTEGER || p->integer != (int64_t)certify))
        rc = refuse(seed, _("what it certifies"));
    return rc;
}

/* What no signature of ours has, or is yet to get: demanded, it is refused. */
static enum sg_rc check_never(const struct seed *seed, int64_t demand, const char *key, const char *what)
{
    const struct sg_pdf_value *value = NULL;

    if (!(seed->demands & demand))
        return SG_OK;
    enum sg_rc rc = find(seed, key, &value);
    return rc == SG_OK && value && (value->type != SG_PDF_BOOLEAN || value->boolean) ? refuse(seed, what) : rc;
}

/* A dictionary with flags of its own: the signer's certificate, a time-stamp. */
static enum sg_rc check_undemanding(const struct seed *seed, const char *key, const char *what)
{
    const struct sg_pdf_value *value = NULL;
    int64_t flags = 0;
    enum sg_rc rc = find(seed, key, &value);

    if (rc == SG_OK && value)
        rc = find_flags(seed, value, &flags);
    return rc == SG_OK && flags != 0 ? refuse(seed, what) : rc;
}

static enum sg_rc check_filter(const struct seed *seed)
{
    const struct sg_pdf_value *value = NULL;

    if (!(seed->demands & DEMANDS_FILTER))
        return SG_OK;
    enum sg_rc rc = find(seed, "Filter", &value);
    return rc == SG_OK && value && !sg_pdf_is_name(value, "Adobe.PPKLite") ? refuse(seed, "Filter") : rc;
}

static enum sg_rc check_version(const struct seed *seed)
{
    const struct sg_pdf_value *value = NULL;

    if (!(seed->demands & DEMANDS_VERSION))
        return SG_OK;
    enum sg_rc rc = find(seed, "V", &value);
    return rc == SG_OK && value && !(value->type == SG_PDF_INTEGER && value->integer <= SEED_VERSION)
               ? refuse(seed, "V")
               : rc;
}

enum sg_rc sg_pades_check_seed(const struct sg_pades_doc *doc, const struct sg_pades_field *field,
                               const struct sg_pades_params *params, struct sg_err *err)
{
    struct seed seed = {.doc = doc, .field = field, .err = err};
    enum sg_rc rc = sg_pdf_find(doc->pdf, field->dictionary, "SV", &seed.values, err);

    if (rc == SG_OK && seed.values)
        rc = find_flags(&seed, seed.values, &seed.demands);
    if (rc != SG_OK || !seed.values)
        return rc;
    rc = check_filter(&seed);
    if (rc == SG_OK)
        rc = check_version(&seed);
    if (rc == SG_OK)
        rc = check_listed(&seed, DEMANDS_SUBFILTER, "SubFilter", "ETSI.CAdES.detached", "SubFilter");
    if (rc == SG_OK)
        rc = check_listed(&seed, DEMANDS_DIGEST, "DigestMethod", sg_cades_digest_name(params->signer), _("the digest"));
    if (rc == SG_OK)
        rc = check_reason(&seed, params->reason);
    if (rc == SG_OK)
        rc = check_certification(&seed, params->certify);
    if (rc == SG_OK && params->certify)
        rc = check_never(&seed, DEMANDS_ATTESTATION, "LegalAttestation", _("an attestation"));
    if (rc == SG_OK)
        rc = check_never(&seed, DEMANDS_REVOCATION, "AddRevInfo", _("revocation data"));
    if (rc == SG_OK)
        rc = check_never(&seed, DEMANDS_LOCK, "LockDocument", _("a locked document"));
    if (rc == SG_OK)
        rc = check_never(&seed, DEMANDS_APPEARANCE, "AppearanceFilter", _("its appearance"));
    if (rc == SG_OK)
        rc = check_undemanding(&seed, "Cert", _("the signer's certificate"));
    return rc == SG_OK ? check_undemanding(&seed, "TimeStamp", _("a time-stamp")) : rc;
}
