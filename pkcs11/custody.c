#include "pkcs11/custody.h"

#include "base/msg.h"

const char *sg_custody_text(enum sg_custody_basis basis)
{
    static const char *const texts[] = {[SG_CUSTODY_GENERATED] = "generated",
                                        [SG_CUSTODY_REPORTED] = "reported",
                                        [SG_CUSTODY_ALLOWED] = "allowed",
                                        [SG_CUSTODY_HELD] = "held",
                                        [SG_CUSTODY_REFUSED] = "refused"};
    return texts[basis];
}

/* Our ledger's word counts as long as the token does not contradict it. */
static bool contradicts_generated(const struct sg_key_attributes *a)
{
    return a->sensitive == SG_NO || a->always_sensitive == SG_NO || a->never_extractable == SG_NO || a->local == SG_NO;
}

enum sg_custody_basis sg_custody_basis_of(const struct sg_key_attributes *a, const struct sg_custody_rules *rules)
{
    if (a->extractable != SG_NO)
        return rules->allowed && !rules->strict ? SG_CUSTODY_ALLOWED : SG_CUSTODY_REFUSED;
    if (rules->generated_here && !contradicts_generated(a))
        return SG_CUSTODY_GENERATED;
    if (a->sensitive == SG_YES && a->always_sensitive == SG_YES && a->never_extractable == SG_YES && a->local == SG_YES)
        return SG_CUSTODY_REPORTED;
    return SG_CUSTODY_HELD;
}

static enum sg_rc refuse_extractable(const struct sg_key_info *key, const char *spki_sha256,
                                     const struct sg_custody_rules *rules, struct sg_err *err)
{
    const char *reason = key->attributes.extractable == SG_YES
                             ? _("the token says that its private key can be taken out")
                             : _("the token does not say whether its private key can be taken out");
    if (rules->strict && rules->allowed)
        return sg_fail(
            err, SG_E_POLICY,
            _("The key “%s” is not used: %s, and the policy “custody = strict” ignores allow-key; ask who set "
              "the policy, or use a key made on the token."),
            key->label, reason);
    if (rules->strict)
        return sg_fail(err, SG_E_CUSTODY, _("The key “%s” is not used: %s; use a key made on the token."), key->label,
                       reason);
    return sg_fail(err, SG_E_CUSTODY,
                   _("The key “%s” is not used: %s; use a key made on the token, or accept it with this line in the "
                     "[token] section of signet.conf: allow-key = %s"),
                   key->label, reason, spki_sha256);
}

enum sg_rc sg_custody_require(const struct sg_key_info *key, const char *spki_sha256,
                              const struct sg_custody_rules *rules, enum sg_custody_basis *ret, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;
    enum sg_custody_basis basis = sg_custody_basis_of(&key->attributes, rules);
    if (basis == SG_CUSTODY_REFUSED)
        rc = refuse_extractable(key, spki_sha256, rules, err);
    else if (basis == SG_CUSTODY_HELD && rules->strict)
        rc =
            sg_fail(err, SG_E_POLICY,
                    _("The key “%s” is not used: it was not made on its token as far as the token says, and the policy "
                      "is “custody = strict”; use a key made on the token."),
                    key->label);
    if (rc == SG_OK)
        *ret = basis;
    else
        sg_err_token(err, key->token->label);
    return rc;
}
