/* What a distribution point sends in a CRL's place, of the name of a CA whose key nobody has: read within bounds, and
 * never taken. */
#include <stdint.h>

#include "base/input.h"
#include "formats/crl.h"
#include "judge.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct judge *judge = the_judge();
    struct sg_input *input = NULL;
    struct sg_crl_file *file = NULL;

    must(sg_input_from_slice("fuzz", (struct sg_slice){data, size}, &input, NULL) == SG_OK);
    if (sg_crl_file_open(input, &file, NULL) == SG_OK) {
        for (size_t i = 0; i < sg_crl_file_count(file); i++) {
            const struct sg_crl_place place = sg_crl_file_place(file, i);
            struct sg_checked_crl checked = {0};
            must(sg_crl_check(judge->verifier, &place, &checked, NULL) != SG_OK && !checked.owner);
        }
    }
    sg_crl_file_free(file);
    sg_input_free(input);
    return 0;
}
