#include "base/msg.h"
#include "pkcs11/cryptoki.h"

struct meaning {
    CK_RV rv;
    const char *name;
    enum sg_rc rc;
    const char *text;
};

static const struct meaning meanings[] = {
#define CKR(name, rc, text) {CKR_##name, "CKR_" #name, SG_E_##rc, N_(text)},
#include "ckr.def"
#undef CKR
};

static const struct meaning *meaning_of(CK_RV rv)
{
    for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++) {
        if (meanings[i].rv == rv)
            return &meanings[i];
    }
    return NULL;
}

const char *sg_ck_name(CK_RV rv)
{
    const struct meaning *meaning = meaning_of(rv);
    return meaning ? meaning->name : NULL;
}

enum sg_rc sg_fail_ck(struct sg_err *err, CK_RV rv, const char *about, const char *what)
{
    const struct meaning *meaning = meaning_of(rv);
    if (meaning) {
        (void)sg_fail(err, meaning->rc, "%s: %s.", what, _(meaning->text));
        sg_err_cause(err, "%s (0x%lx)", meaning->name, rv);
    } else {
        (void)sg_fail(err, SG_E_TOKEN_FAILED,
                      _("%s: the module answers with a code that only its maker knows; see its documentation."), what);
        sg_err_cause(err, "0x%lx", rv);
    }
    if (about)
        sg_err_token(err, about);
    return meaning ? meaning->rc : SG_E_TOKEN_FAILED;
}
