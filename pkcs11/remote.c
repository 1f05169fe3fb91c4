/* The verbs by a host. */
#include "base/msg.h"
#include "pkcs11/verbs.h"

enum sg_rc sg_remote_add(struct sg_tokens *tokens, const char *path, struct sg_err *err)
{
    (void)tokens;
    return sg_fail(err, SG_E_INTERNAL, "%s", path);
}

enum sg_rc sg_remote_add_configured(struct sg_tokens *tokens, struct sg_err *err)
{
    (void)tokens;
    return sg_fail(err, SG_E_INTERNAL, "%s", "");
}
