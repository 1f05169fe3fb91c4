#include <string.h>

#include "base/limits.h"
#include "base/msg.h"
#include "pkcs11/internal.h"

struct sg_uri {
    P11KitUri *p11;
    bool has_id;
};

/* --- parsing ----------------------------------------------------------------------------------------------------- */

/* RFC 7512 §2.3. What stands here with a reason is refused: nothing that a URI says is ignored. */
static const struct {
    const char *name;
    bool in_query;
    const char *reason;
} known[] = {
    {"token", false, NULL},
    {"manufacturer", false, NULL},
    {"serial", false, NULL},
    {"model", false, NULL},
    {"library-manufacturer", false, NULL},
    {"library-description", false, NULL},
    {"library-version", false, NULL},
    {"object", false, NULL},
    {"type", false, NULL},
    {"id", false, NULL},
    {"slot-description", false, NULL},
    {"slot-manufacturer", false, NULL},
    {"slot-id", false, NULL},
    {"pin-value", true, N_("a PIN does not belong in a URI, where others can read it; use --pin-fd")},
    {"pin-source", true, NULL},
    {"module-name", true, N_("it is not served; use --module")},
    {"module-path", true, N_("it is not served; use --module")},
};
#define KNOWN_COUNT (sizeof known / sizeof *known)

/* The attribute's own text is left out: it may be a PIN. */
static enum sg_rc fail_attribute(struct sg_err *err, const char *name, size_t len, const char *reason)
{
    _cleanup_(freep) char *safe = sg_safe_text(name, len < 64 ? len : 64);
    if (!safe)
        return sg_fail_memory(err);
    return sg_fail(err, SG_E_USAGE, _("The PKCS#11 URI has the attribute “%s”: %s."), safe, reason);
}

static enum sg_rc check_attribute(const char *text, size_t len, bool in_query, bool *seen, struct sg_err *err)
{
    const char *equals = memchr(text, '=', len);
    size_t name_len = equals ? (size_t)(equals - text) : len;
    for (size_t i = 0; i < KNOWN_COUNT; i++) {
        if (known[i].in_query != in_query || strlen(known[i].name) != name_len ||
            memcmp(known[i].name, text, name_len) != 0)
            continue;
        if (known[i].reason)
            return fail_attribute(err, text, name_len, _(known[i].reason));
        if (!equals)
            return fail_attribute(err, text, name_len, _("it has no value"));
        if (seen[i])
            return fail_attribute(err, text, name_len, _("it stands there twice"));
        seen[i] = true;
        return SG_OK;
    }
    return fail_attribute(err, text, name_len, _("it is not one of RFC 7512 that can be served"));
}

/* Each name once and known (RFC 7512 §2.3), before p11-kit, which lets a later value replace an earlier one. */
static enum sg_rc check_names(const char *attributes, struct sg_err *err)
{
    bool seen[KNOWN_COUNT] = {false};
    bool in_query = false;
    const char *at = attributes;
    while (*at) {
        size_t len = strcspn(at, in_query ? "&" : ";?");
        if (len > 0) {
            enum sg_rc rc = check_attribute(at, len, in_query, seen, err);
            if (rc != SG_OK)
                return rc;
        }
        at += len;
        if (*at == '?')
            in_query = true;
        if (*at)
            at++;
    }
    return SG_OK;
}

/* Printable ASCII without space; anything else has to be percent-encoded (RFC 7512 §2.3). p11-kit would skip white
 * space, also in the middle of a name. */
static bool is_plain(const char *text)
{
    for (; *text; text++) {
        if (*text <= ' ' || *text > '~')
            return false;
    }
    return true;
}

static enum sg_rc check_meaning(struct sg_uri *uri, struct sg_err *err)
{
    if (p11_kit_uri_any_unrecognized(uri->p11))
        return sg_fail(err, SG_E_USAGE, "%s", _("The PKCS#11 URI has a value that cannot be understood."));
    CK_ATTRIBUTE *class = p11_kit_uri_get_attribute(uri->p11, CKA_CLASS);
    if (class && class->pValue && class->ulValueLen == sizeof(CK_OBJECT_CLASS)) {
        CK_OBJECT_CLASS value = 0;
        memcpy(&value, class->pValue, sizeof value);
        if (value != CKO_PRIVATE_KEY && value != CKO_PUBLIC_KEY && value != CKO_CERTIFICATE)
            return sg_fail(err, SG_E_USAGE, "%s",
                           _("The PKCS#11 URI asks for a type that is no key; say type=private, or leave it out."));
    }
    CK_ATTRIBUTE *id = p11_kit_uri_get_attribute(uri->p11, CKA_ID);
    if (id && id->ulValueLen == 0)
        return sg_fail(err, SG_E_USAGE, "%s", _("The PKCS#11 URI has an empty “id”; leave it out."));
    uri->has_id = id != NULL;
    return SG_OK;
}

enum sg_rc sg_uri_parse(const char *text, struct sg_uri **ret, struct sg_err *err)
{
    static const char scheme[] = "pkcs11:";
    if (strnlen(text, SG_MAX_URI + 1) > SG_MAX_URI)
        return sg_fail(err, SG_E_USAGE, _("The PKCS#11 URI is longer than %d characters."), SG_MAX_URI);
    if (strncmp(text, scheme, sizeof scheme - 1) != 0)
        return sg_fail(err, SG_E_USAGE, "%s",
                       _("A key is named by a PKCS#11 URI that begins with “pkcs11:”; see signet token list."));
    if (!is_plain(text))
        return sg_fail(err, SG_E_USAGE, "%s",
                       _("The PKCS#11 URI has a character that has to be percent-encoded (a space is %20)."));
    enum sg_rc rc = check_names(text + sizeof scheme - 1, err);
    if (rc != SG_OK)
        return rc;

    _cleanup_(sg_uri_freep) struct sg_uri *uri = calloc(1, sizeof *uri);
    if (!uri || !(uri->p11 = p11_kit_uri_new()))
        return sg_fail_memory(err);
    int result = p11_kit_uri_parse(text, P11_KIT_URI_FOR_ANY, uri->p11);
    if (result == P11_KIT_URI_NO_MEMORY)
        return sg_fail_memory(err);
    if (result != P11_KIT_URI_OK) {
        (void)sg_fail(err, SG_E_USAGE, "%s",
                      _("The PKCS#11 URI is malformed; see signet token list for the right ones."));
        sg_err_cause(err, "%s", p11_kit_uri_message(result));
        return SG_E_USAGE;
    }
    rc = check_meaning(uri, err);
    if (rc == SG_OK)
        *ret = sg_steal(uri);
    return rc;
}

void sg_uri_free(struct sg_uri *uri)
{
    if (uri)
        p11_kit_uri_free(uri->p11);
    free(uri);
}

const char *sg_uri_pin_source(const struct sg_uri *uri)
{
    return p11_kit_uri_get_pin_source(uri->p11);
}

enum sg_rc sg_uri_check(const char *uri, struct sg_err *err)
{
    _cleanup_(sg_uri_freep) struct sg_uri *parsed = NULL;
    return sg_uri_parse(uri, &parsed, err);
}

/* --- matching ---------------------------------------------------------------------------------------------------- */

bool sg_uri_fits_token(const struct sg_uri *uri, const struct sg_token *token)
{
    CK_SLOT_ID slot = p11_kit_uri_get_slot_id(uri->p11);
    CK_INFO info = sg_token_module(token)->about;
    return (slot == (CK_SLOT_ID)-1 || slot == token->slot) &&
           p11_kit_uri_match_token_info(uri->p11, &token->token_info) == 1 &&
           p11_kit_uri_match_slot_info(uri->p11, &token->slot_info) == 1 &&
           p11_kit_uri_match_module_info(uri->p11, &info) == 1;
}

struct sg_slice sg_uri_id(const struct sg_uri *uri)
{
    CK_ATTRIBUTE *id = uri->has_id ? p11_kit_uri_get_attribute(uri->p11, CKA_ID) : NULL;
    return id ? (struct sg_slice){id->pValue, id->ulValueLen} : (struct sg_slice){NULL, 0};
}

/* With `type`, the label of that object; without, the label of any of the three that make the key. */
static bool fits_label(const struct sg_uri *uri, const struct sg_token_key *key)
{
    CK_ATTRIBUTE *label = p11_kit_uri_get_attribute(uri->p11, CKA_LABEL);
    if (!label)
        return true;
    CK_ATTRIBUTE *class = p11_kit_uri_get_attribute(uri->p11, CKA_CLASS);
    for (size_t i = 0; i < SG_LABELS; i++) {
        const struct sg_label *own = &key->labels[i];
        bool wanted = !class || memcmp(class->pValue, &own->class, sizeof own->class) == 0;
        /* Before login the private key's label is not known, and the other two speak for it. */
        if (class && own->class != CKO_PRIVATE_KEY && !key->info.private_seen)
            wanted = true;
        if (wanted && own->bytes && own->len == label->ulValueLen && memcmp(own->bytes, label->pValue, own->len) == 0)
            return true;
    }
    return false;
}

bool sg_uri_fits_key(const struct sg_uri *uri, const struct sg_token_key *key)
{
    struct sg_slice id = sg_uri_id(uri);
    return (!id.data || sg_slice_equal(id, (struct sg_slice){key->id, key->id_len})) && fits_label(uri, key);
}

/* --- making ------------------------------------------------------------------------------------------------------ */

char *sg_uri_of_key(const struct sg_token_key *key)
{
    _cleanup_(p11_kit_uri_freep) P11KitUri *uri = p11_kit_uri_new();
    if (!uri)
        return NULL;
    CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
    CK_ATTRIBUTE of_class = {CKA_CLASS, &class, sizeof class};
    CK_ATTRIBUTE of_id = {CKA_ID, key->id, key->id_len};
    const struct sg_label *label = sg_token_key_label(key);
    CK_ATTRIBUTE of_label = {CKA_LABEL, label ? label->bytes : NULL, label ? label->len : 0};

    *p11_kit_uri_get_token_info(uri) = key->token->token_info;
    bool named = key->id_len > 0   ? p11_kit_uri_set_attribute(uri, &of_id) == P11_KIT_URI_OK
                 : of_label.pValue ? p11_kit_uri_set_attribute(uri, &of_label) == P11_KIT_URI_OK
                                   : true;
    char *text = NULL;
    if (!named || p11_kit_uri_set_attribute(uri, &of_class) != P11_KIT_URI_OK ||
        p11_kit_uri_format(uri, P11_KIT_URI_FOR_OBJECT_ON_TOKEN, &text) != P11_KIT_URI_OK)
        return NULL;
    return text;
}
