/* The reader of ZIP archives, on any bytes: what it accepts has names that may be, each once, and entries that are as
 * long as they say. */
#include <string.h>

#include "formats/asic.h"
#include "fuzz.h"

#define MOST (4u << 20) /* unpacked in one run */

static enum sg_rc add(void *context, const uint8_t *data, size_t len, struct sg_err *err)
{
    uint64_t *total = context;
    (void)data;
    (void)err;
    *total += len;
    return SG_OK;
}

static void read_entries(const struct sg_zip *zip)
{
    uint64_t all = 0;
    for (size_t i = 0; i < sg_zip_count(zip); i++) {
        const struct sg_zip_entry *entry = sg_zip_entry(zip, i);
        uint64_t len = 0;
        must(!sg_zip_name_problem(entry->name, strlen(entry->name)) && sg_zip_find(zip, entry->name) == entry);
        must(i == 0 || strcmp(sg_zip_entry(zip, i - 1)->name, entry->name) < 0);
        all += entry->size;
        if (all > MOST)
            return;
        enum sg_rc rc = sg_zip_copy(zip, entry, (struct sg_sink){add, &len}, NULL);
        must(rc == SG_OK ? len == entry->size : rc == SG_E_MALFORMED && len <= entry->size);
    }
}

static void read_container(struct sg_input *input)
{
    _cleanup_(sg_asic_freep) struct sg_asic *asic = NULL;
    enum sg_rc rc = sg_asic_open(input, &asic, NULL);
    must(rc == SG_OK || rc == SG_E_MALFORMED || rc == SG_E_LIMIT || rc == SG_E_UNSUPPORTED);
    for (size_t i = 0; asic && i < sg_asic_signature_count(asic); i++) {
        const struct sg_asic_signature *signature = sg_asic_signature(asic, i);
        must((signature->manifest.count > 0) == (sg_asic_form(asic) == SG_ASIC_E && signature->content));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_(sg_input_freep) struct sg_input *input = NULL;
    _cleanup_(sg_zip_freep) struct sg_zip *zip = NULL;
    must(sg_input_from_slice("fuzz", (struct sg_slice){data, size}, &input, NULL) == SG_OK);
    enum sg_rc rc = sg_zip_open(input, &zip, NULL);
    must(rc == SG_OK || rc == SG_E_MALFORMED || rc == SG_E_LIMIT || rc == SG_E_UNSUPPORTED);
    if (zip)
        read_entries(zip);
    read_container(input);
    return 0;
}
