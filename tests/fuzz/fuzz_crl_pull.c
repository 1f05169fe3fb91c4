/* What a distribution point sends in a CRL's place, of the name of a CA whose key nobody has: read within bounds, and
 * never taken. */
#include <stdint.h>

#include "base/input.h"
#include "formats/pem.h"
#include "judge.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct judge *judge = the_judge();
    STACK_OF(X509_CRL) *crls = sk_X509_CRL_new_null();
    struct sg_input *input = NULL;

    check(crls && sg_input_from_slice("fuzz", (struct sg_slice){data, size}, &input, NULL) == SG_OK);
    if (sg_crls_read(input, judge->libctx, crls, NULL) == SG_OK)
        for (int i = 0; i < sk_X509_CRL_num(crls); i++)
            check(sg_crl_check(judge->verifier, sk_X509_CRL_value(crls, i), NULL) != SG_OK);
    sg_input_free(input);
    sg_x509_crl_stack_free(crls);
    return 0;
}
