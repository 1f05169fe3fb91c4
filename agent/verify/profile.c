#include "verify/profile.h"

#include <openssl/x509v3.h>

#include "base/cleanup.h"
#include "base/msg.h"
#include "verify/names.h"

static bool are_wellformed(const STACK_OF(GENERAL_SUBTREE) *subtrees)
{
    for (int i = 0; i < sk_GENERAL_SUBTREE_num(subtrees); i++)
        if (!sg_subtree_is_wellformed(sk_GENERAL_SUBTREE_value(subtrees, i)))
            return false;
    return true;
}

/* Of a CA. That the other constraints are to be critical as well (§4.2.1.11, §4.2.1.14) is not insisted on: they are
 * applied either way (§6.1.4 (i), (j)), and PKITS has them so. */
static const char *constraints_problem(X509 *cert)
{
    int critical = -1;
    _cleanup_(NAME_CONSTRAINTS_freep) NAME_CONSTRAINTS *constraints =
        X509_get_ext_d2i(cert, NID_name_constraints, &critical, NULL);
    if (!constraints)
        return critical == -1 ? NULL : N_("its name constraints cannot be read");
    if (critical == 0)
        return N_("its name constraints are not marked as critical (RFC 5280 §4.2.1.10)");
    if (!are_wellformed(constraints->permittedSubtrees) || !are_wellformed(constraints->excludedSubtrees))
        return N_("its name constraints are malformed (RFC 5280 §4.2.1.10)");
    return NULL;
}

const char *sg_profile_problem(X509 *cert, bool issues)
{
    if (issues)
        return constraints_problem(cert);
    if (X509_get_ext_by_NID(cert, NID_name_constraints, -1) >= 0 && !(X509_get_extension_flags(cert) & EXFLAG_CA))
        return N_("it has name constraints, which are for CAs alone (RFC 5280 §4.2.1.10)");
    return NULL;
}
