/* Splicing an unsigned attribute into arbitrary bytes: what could be read before can be read afterwards, has the
 * attribute once more, and is otherwise as it was. */
#include <fcntl.h>
#include <string.h>

#include "base/crypto.h"
#include "base/limits.h"
#include "base/outfile.h"
#include "formats/cms.h"
#include "formats/cms_augment.h"
#include "formats/pem.h"
#include "fuzz.h"

/* SEQUENCE { 1.2.3.4, SET { OCTET STRING 'fuzz' } }, a type that the seeds do not have */
static const uint8_t attribute_bytes[] = {0x30, 0x0d, 0x06, 0x03, 0x2a, 0x03, 0x04, 0x31,
                                          0x06, 0x04, 0x04, 'f',  'u',  'z',  'z'};
static const struct sg_slice attribute = {attribute_bytes, sizeof(attribute_bytes)};

static struct sg_cms *parse(struct sg_input *input, OSSL_LIB_CTX *libctx)
{
    struct sg_cms *cms = NULL;

    return sg_cms_read(input, libctx, NULL, &cms, NULL) == SG_OK ? cms : NULL;
}

static size_t count_attribute(const struct sg_signer_info *si)
{
    size_t count = 0;

    for (size_t i = 0; i < si->unsigned_attr_count; i++)
        count += sg_slice_equal(si->unsigned_attrs[i].encoding, attribute);
    return count;
}

/* The unsigned attributes of before, in their order, with the new one among them. */
static void compare_unsigned(const struct sg_signer_info *before, const struct sg_signer_info *after)
{
    size_t b = 0;

    must(after->unsigned_attr_count == before->unsigned_attr_count + 1);
    must(count_attribute(after) == count_attribute(before) + 1);
    for (size_t a = 0; a < after->unsigned_attr_count; a++)
        if (b < before->unsigned_attr_count &&
            sg_slice_equal(after->unsigned_attrs[a].encoding, before->unsigned_attrs[b].encoding))
            b++;
    must(b == before->unsigned_attr_count);
}

static void compare_signers(const struct sg_cms *before, const struct sg_cms *after, size_t changed)
{
    must(sg_cms_signer_count(before) == sg_cms_signer_count(after));
    for (size_t i = 0; i < sg_cms_signer_count(before); i++) {
        const struct sg_signer_info *b = sg_cms_signer(before, i);
        const struct sg_signer_info *a = sg_cms_signer(after, i);
        if (i != changed) {
            must(sg_slice_equal(b->encoding, a->encoding));
            continue;
        }
        must(b->version == a->version);
        must(sg_slice_equal(b->signed_attrs_wire, a->signed_attrs_wire));
        must(sg_slice_equal(b->signature, a->signature));
        compare_unsigned(b, a);
    }
}

static enum sg_rc into_buffer(void *context, const uint8_t *bytes, size_t len, struct sg_err *err)
{
    return sg_buf_append(context, bytes, len, err);
}

static void compare_content(struct sg_cms *before, struct sg_cms *after)
{
    _cleanup_(sg_buf_clear) struct sg_buf b = SG_BUF(SG_MIB);
    _cleanup_(sg_buf_clear) struct sg_buf a = SG_BUF(SG_MIB);

    must(sg_cms_is_detached(before) == sg_cms_is_detached(after));
    if (sg_cms_is_detached(before))
        return;
    must(sg_cms_content(before, (struct sg_sink){into_buffer, &b}, NULL) ==
         sg_cms_content(after, (struct sg_sink){into_buffer, &a}, NULL));
    must(sg_slice_equal(sg_buf_slice(&b), sg_buf_slice(&a)));
}

/* Adds the attribute to a file in memory and opens it; NULL if that was refused. */
static struct sg_input *add(struct sg_input *input, size_t signer, enum sg_rc *ret_rc)
{
    static const char path[] = "/dev/shm/signet-fuzz-cms-augment";
    struct sg_input *result = NULL;
    _cleanup_(sg_outfile_freep) struct sg_outfile *out = NULL;
    char name[64];

    (void)snprintf(name, sizeof(name), "%s-%d", path, (int)getpid());
    must(sg_outfile_open(name, SG_OUT_REPLACE, &out, NULL) == SG_OK);
    *ret_rc = sg_cms_add_unsigned(input, signer, attribute, sg_outfile_sink(out), NULL);
    if (*ret_rc == SG_OK) {
        must(sg_outfile_commit(out, NULL) == SG_OK);
        must(sg_input_open(name, &result, NULL) == SG_OK);
        (void)unlink(name);
    }
    return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static OSSL_LIB_CTX *libctx;
    _cleanup_(sg_input_freep) struct sg_input *input = NULL;
    _cleanup_(sg_cms_freep) struct sg_cms *before = NULL;
    char label[SG_PEM_LABEL];

    if (!libctx)
        must(sg_libctx_new(&libctx, NULL) == SG_OK);
    must(sg_input_from_slice("fuzz", (struct sg_slice){data, size}, &input, NULL) == SG_OK);
    must(sg_pem_label(input, label, NULL) == SG_OK);
    if (label[0] != '\0')
        return 0;
    before = parse(input, libctx);

    const size_t count = before ? sg_cms_signer_count(before) : 1;
    for (size_t signer = 0; signer < count && signer < 3; signer++) {
        enum sg_rc rc = SG_OK;
        _cleanup_(sg_input_freep) struct sg_input *spliced = add(input, signer, &rc);
        if (!before)
            continue;
        if (rc == SG_E_LIMIT)
            continue;
        must(rc == SG_OK);
        _cleanup_(sg_cms_freep) struct sg_cms *after = parse(spliced, libctx);
        must(after != NULL);
        compare_signers(before, after, signer);
        compare_content(before, after);
    }
    return 0;
}
