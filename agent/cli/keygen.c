#include "cli/keygen.h"

#include <string.h>

#include "base/limits.h"
#include "base/msg.h"
#include "cli/key_trial.h"
#include "cli/signing.h"

const char *sg_key_purpose_text(enum sg_key_purpose purpose)
{
    return purpose == SG_FOR_SIGNING ? "sign" : "decrypt";
}

bool sg_key_purpose_parse(const char *text, enum sg_key_purpose *ret)
{
    bool sign = strcmp(text, "sign") == 0;

    if (!sign && strcmp(text, "decrypt") != 0)
        return false;
    *ret = sign ? SG_FOR_SIGNING : SG_FOR_DECRYPTION;
    return true;
}

bool sg_key_id_parse(const char *hex, uint8_t out[SG_MAX_KEY_ID], struct sg_slice *ret)
{
    size_t len = strlen(hex);

    if (len == 0 || len % 2 != 0 || len > 2 * (size_t)SG_MAX_KEY_ID || !sg_unhex(hex, out, len / 2))
        return false;
    *ret = (struct sg_slice){out, len / 2};
    return true;
}

/* --- what it has to be -------------------------------------------------------------------------------------------- */

/* NULL if the key is as it was asked for; else what is wrong. */
static const char *wrong_with(const struct sg_key_info *info, const struct sg_keygen *what)
{
    const struct sg_key_attributes *a = &info->attributes;
    bool rsa = strcmp(info->type, "RSA") == 0;
    bool signs = a->sign == SG_YES, decrypts = (rsa ? a->decrypt : a->derive) == SG_YES;
    bool other = a->decrypt == SG_YES || a->unwrap == SG_YES || a->derive == SG_YES;

    if (a->extractable != SG_NO || a->never_extractable != SG_YES)
        return _("the token does not say that it can never leave it");
    if (a->sensitive != SG_YES || a->always_sensitive != SG_YES)
        return _("the token does not say that its value was always kept secret");
    if (a->local != SG_YES)
        return _("the token does not say that it was made there");
    if (what->purpose == SG_FOR_SIGNING && (!signs || other))
        return _("the token does not keep it to signing alone");
    if (what->purpose == SG_FOR_DECRYPTION && (!decrypts || signs))
        return _("the token does not keep it to decryption alone");
    return NULL;
}

static bool is_of_kind(const struct sg_key_info *info, enum sg_key_kind kind)
{
    static const struct {
        const char *type, *curve;
        int bits;
    } kinds[SG_KEY_KINDS] = {
        [SG_RSA_2048] = {"RSA", NULL, 2048}, [SG_RSA_3072] = {"RSA", NULL, 3072}, [SG_RSA_4096] = {"RSA", NULL, 4096},
        [SG_EC_P256] = {"EC", "P-256", 0},   [SG_EC_P384] = {"EC", "P-384", 0},   [SG_EC_P521] = {"EC", "P-521", 0},
        [SG_ED25519] = {"Ed25519", NULL, 0},
    };

    return strcmp(info->type, kinds[kind].type) == 0 && (kinds[kind].bits == 0 || info->bits == kinds[kind].bits) &&
           (!kinds[kind].curve || (info->curve && strcmp(info->curve, kinds[kind].curve) == 0));
}

/* --- reading back ------------------------------------------------------------------------------------------------- */

static enum sg_rc read_back(struct sg_token_work *work, const struct sg_keygen *what, struct sg_key_list **ret_list,
                            char spki_sha256[SG_SHA256_HEX], struct sg_err *err)
{
    _cleanup_(sg_key_list_freep) struct sg_key_list *list = NULL;
    enum sg_rc rc = sg_token_work_keys(work, what->id, &list, err);

    if (rc == SG_OK && sg_key_list_count(list) != 1)
        rc = sg_fail(err, SG_E_TOKEN_FAILED, _("The token shows %zu keys of the id %s where one was made."),
                     sg_key_list_count(list), what->id);
    if (rc != SG_OK)
        return rc;
    struct sg_token_key *key = sg_key_list_get(list, 0);
    rc = sg_key_sha256(work->app, key, spki_sha256, err);
    if (rc == SG_OK)
        rc = sg_token_key_inspect(key, what->purpose, err);
    if (rc != SG_OK)
        return rc;
    const char *wrong = is_of_kind(sg_token_key_info(key), what->kind) ? wrong_with(sg_token_key_info(key), what)
                                                                       : _("it is of another kind");
    if (wrong)
        return sg_fail(err, SG_E_CUSTODY, _("The key that the token made is not what was asked for: %s."), wrong);
    if (what->purpose == SG_FOR_SIGNING)
        rc = sg_key_try_signature(work->app, key, err);
    if (rc == SG_OK)
        *ret_list = sg_steal(list);
    return rc;
}

static enum sg_rc provision(const struct sg_token_work *work, enum sg_provision_step step, const struct sg_keygen *what,
                            struct sg_err *err)
{
    uint8_t id[SG_MAX_KEY_ID];
    struct sg_provision request = {.step = step, .label = what->label, .kind = what->kind, .purpose = what->purpose};

    if (!sg_key_id_parse(what->id, id, &request.id))
        return sg_fail(err, SG_E_USAGE, _("A key's id is 1 to %d bytes in hex, not \"%s\"."), SG_MAX_KEY_ID, what->id);
    return sg_token_provision(work->token, &request, err);
}

/* A key that is not what it should be does not stay, and the ledger and the person are told both. Where it cannot be
 * deleted, the ledger's entry stays open: the next run finds it. */
static enum sg_rc take_back(struct sg_token_work *work, const struct sg_keygen *what, const char *spki_sha256,
                            struct sg_err *failure, struct sg_err *err)
{
    struct sg_err deletion = {0};
    char text[sizeof(failure->text)];
    bool deleted = provision(work, SG_PROVISION_DELETE, what, &deletion) == SG_OK;

    memcpy(text, failure->text, sizeof(text));
    (void)snprintf(failure->text, sizeof(failure->text), "%.700s %s", text,
                   deleted
                       ? _("The key was deleted again.")
                       : _("It could not be deleted again: do not use it, and delete it with signet token delete."));
    sg_app_about_token(failure, work->info);
    enum sg_rc rc = deleted ? sg_token_work_end(work, "keygen", spki_sha256, what->id, "", failure, err) : SG_OK;
    if (rc == SG_OK) {
        rc = failure->rc;
        if (err)
            *err = *failure;
    }
    return rc;
}

static enum sg_rc make(struct sg_token_work *work, const struct sg_keygen *what, struct sg_err *err)
{
    struct sg_err failure = {0};
    enum sg_rc rc = provision(work, SG_PROVISION_KEYGEN, what, &failure);

    if (rc == SG_OK)
        return SG_OK;
    if (sg_token_work_did_nothing(rc)) {
        enum sg_rc recorded = sg_token_work_end(work, "keygen", "", what->id, "", &failure, err);
        if (recorded != SG_OK)
            return recorded;
    }
    if (err)
        *err = failure;
    return rc;
}

enum sg_rc sg_keygen(struct sg_token_work *work, const struct sg_keygen *what, struct sg_key_list **ret_list,
                     char ret_spki_sha256[SG_SHA256_HEX], struct sg_err *err)
{
    _cleanup_(sg_key_list_freep) struct sg_key_list *list = NULL;
    char detail[256], spki_sha256[SG_SHA256_HEX] = "";
    struct sg_err failure = {0};

    (void)snprintf(detail, sizeof(detail), "%s to %s, label \"%.128s\"", sg_key_kind_text(what->kind),
                   sg_key_purpose_text(what->purpose), what->label);
    enum sg_rc rc = sg_token_work_begin(work, "keygen", "", what->id, detail, err);
    if (rc == SG_OK)
        rc = make(work, what, err);
    if (rc != SG_OK)
        return rc;
    if (read_back(work, what, &list, spki_sha256, &failure) != SG_OK)
        return take_back(work, what, spki_sha256, &failure, err);
    rc = sg_token_work_end(work, "keygen", spki_sha256, what->id, detail, NULL, err);
    if (rc != SG_OK)
        return rc;
    *ret_list = sg_steal(list);
    memcpy(ret_spki_sha256, spki_sha256, SG_SHA256_HEX);
    return SG_OK;
}
