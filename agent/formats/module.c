#include "formats/module.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/config.h"
#include "base/msg.h"

/* dlopen(3) counts for itself what is loaded already, and is safe from several threads. */
enum sg_rc sg_module_table(const char *name, const char *symbol, const void *linked, sg_module_kept *kept,
                           const void **ret, struct sg_err *err)
{
    _cleanup_(freep) char *folder = NULL;
    _cleanup_(freep) char *path = NULL;
    const void *known = linked ? linked : *kept;
    if (known) {
        *ret = known;
        return SG_OK;
    }
    enum sg_rc rc = sg_libexec_folder(&folder, err);
    if (rc != SG_OK)
        return rc;
    if (asprintf(&path, "%s/%s", folder, name) < 0) {
        path = NULL; /* asprintf(3) leaves it undefined */
        return sg_fail_memory(err);
    }
    void *module = dlopen(path, RTLD_LAZY | RTLD_LOCAL | RTLD_NODELETE);
    const void *table = module ? dlsym(module, symbol) : NULL;
    if (!table) {
        rc = sg_fail(err, SG_E_INTERNAL, _("The part of Signet \"%s\" cannot be loaded; install Signet anew."), path);
        sg_err_cause(err, "%s", dlerror());
        return rc;
    }
    *kept = table;
    *ret = table;
    return SG_OK;
}
