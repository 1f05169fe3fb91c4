#include "formats/module.h"
#include "formats/pdf_objects.h"
#include "formats/zip_module.h"

extern const struct sg_zip_module sg_zip_module __attribute__((weak));

/* libxml2 brings libstdc++, too, which counts what it takes only if the module for PDFs loaded it (pdf_heap.cpp). */
enum sg_rc sg_zip_module_get(const struct sg_zip_module **ret, struct sg_err *err)
{
    static sg_module_kept kept;
    const void *table = NULL;
    enum sg_rc rc = kept || &sg_zip_module ? SG_OK : sg_pdf_preload(err);
    if (rc == SG_OK)
        rc = sg_module_table(SG_ZIP_MODULE, SG_ZIP_TABLE, &sg_zip_module, &kept, &table, err);
    if (rc == SG_OK)
        *ret = table;
    return rc;
}
