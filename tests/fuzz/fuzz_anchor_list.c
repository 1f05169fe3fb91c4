/* The JSON of a list of anchors: what is accepted is what the header promises. */
#include <stdint.h>
#include <string.h>

#include "base/url.h"
#include "judge.h"
#include "verify/anchor_list.h"

static void check_text(const char *text)
{
    for (; *text; text++)
        must(*text >= 0x20 && *text <= 0x7e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static OSSL_LIB_CTX *libctx;
    struct sg_anchor_list list = {0};

    if (!libctx)
        must(sg_libctx_new(&libctx, NULL) == SG_OK);
    if (sg_anchor_list_parse((struct sg_slice){data, size}, libctx, &list, NULL) != SG_OK)
        return 0;
    must(list.terms.number >= 1);
    must(list.terms.next_signer[0] == '\0' || strlen(list.terms.next_signer) == SG_SHA256_HEX - 1);
    check_text(list.terms.release_version);
    must(list.terms.release_url[0] == '\0' || !sg_url_problem(list.terms.release_url));
    for (size_t i = 0; i < list.anchors.count; i++) {
        must(list.anchors.items[i].purposes != 0);
        must(X509_check_ca(list.anchors.items[i].cert) != 0);
    }
    sg_anchor_list_clear(&list);
    return 0;
}
