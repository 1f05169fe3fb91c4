/* A CRL of anybody: read within bounds, and what its index says is what the CRL says. The index's file, whatever is in
 * it, is read within bounds too. */
#include <stdint.h>
#include <string.h>

#include "formats/crl_index_format.h"
#include "judge.h"
#include "verify/known_crl.h"

struct seen {
    const struct sg_crl_index *index;
    OSSL_LIB_CTX *libctx;
    size_t issuers, left; /* entries that are looked up: each costs as much as a few that are read */
};

static enum sg_rc look_up(void *context, const struct sg_crl_entry *entry, struct sg_err *err)
{
    struct seen *seen = context;
    bool found = false;

    must(entry->serial.len > 0 && entry->reason >= -2);
    for (size_t i = 0; seen->left > 0 && i < seen->issuers && !found; i++) {
        struct sg_crl_hit hit;
        must(sg_crl_index_find(seen->index, seen->libctx, entry->serial, i, &hit, err) == SG_OK);
        found = hit.found;
    }
    must(found || seen->left == 0);
    seen->left -= seen->left > 0;
    return SG_OK;
}

static void read_crl(const struct judge *judge, struct sg_slice bytes)
{
    struct sg_input *input = NULL;
    struct sg_crl_index *index = NULL;
    struct sg_known_crl *known = NULL;

    must(sg_input_from_slice("fuzz", bytes, &input, NULL) == SG_OK);
    const struct sg_crl_place place = {input, 0, bytes.len};
    if (sg_crl_index_make(&place, judge->libctx, &index, NULL) == SG_OK) {
        struct seen seen = {index, judge->libctx, sg_crl_index_issuer_count(index), 64};
        struct sg_crl_head head;
        must(sg_crl_index_check(index, judge->libctx, NULL) == SG_OK);
        must(sg_crl_read(&place, judge->libctx, (struct sg_crl_visitor){look_up, &seen}, &head, NULL) == SG_OK);
        must(memcmp(head.sha256, sg_crl_index_head(index)->sha256, SG_SHA256_LEN) == 0);
        sg_crl_head_clear(&head);
    }
    if (sg_known_crl_read(&place, judge->libctx, &known, NULL) == SG_OK) {
        struct sg_crl_hit hit;
        bool rebuilt = true;
        const char *why = NULL;
        (void)sg_known_crl_reasons(known, judge->ca, &why);
        must(sg_known_crl_look_up(known, judge->libctx, judge->ca, &hit, &rebuilt, NULL) == SG_OK);
        must(!rebuilt);
        (void)sg_known_crl_combine(known, known);
    }
    sg_known_crl_free(known);
    sg_crl_index_free(index);
    sg_input_free(input);
}

/* The bytes as a header's DER, with the digest made to fit. */
static void read_header(const struct judge *judge, struct sg_slice der)
{
    struct sg_crl_index *index = calloc(1, sizeof(*index));
    uint8_t digest[EVP_MAX_MD_SIZE], *file = calloc(1, 4 + der.len + SG_SHA256_LEN);
    size_t len;

    must(index && file && der.len < 1 << 24);
    index->map = (void *)-1;
    for (int i = 0; i < 4; i++)
        file[i] = (uint8_t)(der.len >> (24 - 8 * i));
    memcpy(file + 4, der.data, der.len);
    must(sg_digest(judge->libctx, "SHA256", (struct sg_slice){file, 4 + der.len}, digest, &len, NULL) == SG_OK);
    memcpy(file + 4 + der.len, digest, SG_SHA256_LEN);
    (void)sg_crl_index_decode(index, judge->libctx, (struct sg_slice){file, 4 + der.len + SG_SHA256_LEN}, &len);
    sg_crl_index_free(index);
    free(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct judge *judge = the_judge();

    read_crl(judge, (struct sg_slice){data, size});
    read_header(judge, (struct sg_slice){data, size});
    return 0;
}
