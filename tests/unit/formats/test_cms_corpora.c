/* Signatures that other programs made. They are not ours to carry along: where the folder is not there, this is
 * skipped, and says so. */
#include <glob.h>
#include <stdio.h>

#include "cms_make.h"

static OSSL_LIB_CTX *libctx;

static enum sg_rc digest(void *context, const uint8_t *data, size_t len, struct sg_err *err)
{
    (void)err;
    assert_int_equal(EVP_DigestUpdate(context, data, len), 1);
    return SG_OK;
}

/* Whether the message-digest attribute is that of the attached content. */
static bool content_is_right(struct sg_cms *cms, const struct sg_signer_info *si)
{
    const struct sg_attribute *attr = NULL;
    uint8_t value[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    char name[80];

    OBJ_obj2txt(name, sizeof name, si->digest_algorithm->algorithm, 0);
    _cleanup_(EVP_MD_freep) EVP_MD *md = EVP_MD_fetch(libctx, name, NULL);
    _cleanup_(EVP_MD_CTX_freep) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    assert_int_equal(EVP_DigestInit_ex(ctx, md, NULL), 1);
    assert_int_equal(sg_cms_content(cms, (struct sg_sink){.write = digest, .context = ctx}, NULL), SG_OK);
    assert_int_equal(EVP_DigestFinal_ex(ctx, value, &len), 1);
    assert_int_equal(sg_attributes_find(si->signed_attrs, si->signed_attr_count, NID_pkcs9_messageDigest, &attr), 1);
    return sg_slice_equal(attr->values[0], tlv(0x04, slice(value, len)));
}

/* Whether the signature value is right over the signed attributes as they are on the wire. */
static bool value_is_right(const struct sg_cms *cms, const struct sg_signer_info *si)
{
    _cleanup_(sg_buf_clear) struct sg_buf bytes = SG_BUF(SG_MAX_CMS_REST);
    _cleanup_(EVP_MD_CTX_freep) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    X509 *signer = NULL;
    char name[80];

    for (int i = 0; i < sk_X509_num(sg_cms_certificates(cms)); i++)
        if (sg_signer_info_names(si, sk_X509_value(sg_cms_certificates(cms), i)))
            signer = sk_X509_value(sg_cms_certificates(cms), i);
    assert_non_null(signer);
    OBJ_obj2txt(name, sizeof name, si->digest_algorithm->algorithm, 0);
    assert_int_equal(sg_signer_info_to_be_signed(si, false, &bytes, NULL), SG_OK);
    assert_int_equal(EVP_DigestVerifyInit_ex(ctx, NULL, name, libctx, NULL, X509_get0_pubkey(signer), NULL), 1);
    return EVP_DigestVerify(ctx, si->signature.data, si->signature.len, bytes.data, bytes.len) == 1;
}

static void check(const char *path)
{
    _cleanup_(sg_input_freep) struct sg_input *input = NULL;
    _cleanup_(sg_cms_freep) struct sg_cms *cms = NULL;
    bool is_cms = false;

    assert_int_equal(sg_input_open(path, &input, NULL), SG_OK);
    assert_int_equal(sg_cms_probe(input, &is_cms, NULL), SG_OK);
    assert_true(is_cms);
    enum sg_rc rc = sg_cms_read(input, libctx, NULL, &cms, NULL);
    if (strstr(path, "cades-duplicated-signed-attrs")) {
        assert_int_equal(rc, SG_E_MALFORMED); /* zeros behind the structure */
        return;
    }
    assert_int_equal(rc, SG_OK);
    assert_int_equal(sg_cms_signer_count(cms), 1);
    const struct sg_signer_info *si = sg_cms_signer(cms, 0);
    if (!sg_cms_is_detached(cms))
        assert_int_equal(content_is_right(cms, si), !strstr(path, "cades-enveloping-broken"));
    if (sk_X509_num(sg_cms_certificates(cms)) > 0)
        assert_true(value_is_right(cms, si));
    arena_clear();
}

/* Does what many programs write mean to us what it means to them? */
static void test_cades(void **state)
{
    const char *folder = getenv("SIGNET_CORPORA");
    char pattern[4096];
    glob_t found;
    (void)state;

    (void)snprintf(pattern, sizeof pattern, "%s/dss/*.p[7k]*", folder ? folder : "../shared/corpora");
    if (glob(pattern, 0, NULL, &found) != 0) {
        print_message("skipped: no file is like %s (SIGNET_CORPORA)\n", pattern);
        skip();
    }
    for (size_t i = 0; i < found.gl_pathc; i++)
        check(found.gl_pathv[i]);
    assert_in_range(found.gl_pathc, 14, 1000);
    globfree(&found);
}

static int set_up(void **state)
{
    (void)state;
    return sg_libctx_new(&libctx, NULL) == SG_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    OSSL_LIB_CTX_free(libctx);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cades)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
