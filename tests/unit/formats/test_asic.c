/* Is a container signed over all its files, with one use of the key, and read again as it was written? Are manifests
 * that are none refused? */
#include "signing.h"

#include <unistd.h>

#include "formats/asic.h"

#define FILES 3

struct world {
    OSSL_LIB_CTX *libctx;
    struct identity root, signer;
    struct sg_cades_signer *cades;
    char folder[32];
    char paths[FILES][64], out[64];
};

static const char *const names[FILES] = {"b.txt", "folder/ä & <b>.txt", "a.txt"};

static int set_up(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    struct sg_err err;
    assert_non_null(world);
    assert_ok(sg_libctx_new(&world->libctx, &err), &err);
    world->root = make_identity(world->libctx, "EC", "P-256", NULL);
    world->signer = make_identity(world->libctx, "EC", "P-256", &world->root);
    const struct sg_cades_params params = {
        .libctx = world->libctx, .key = world->signer.key, .cert = world->signer.cert};
    assert_ok(sg_cades_signer_new(&params, &world->cades, &err), &err);
    (void)strcpy(world->folder, "/tmp/test_asic.XXXXXX");
    assert_non_null(mkdtemp(world->folder));
    (void)snprintf(world->out, sizeof world->out, "%s/out.asice", world->folder);
    for (size_t i = 0; i < FILES; i++) {
        char content[100000] = "";
        (void)snprintf(world->paths[i], sizeof world->paths[i], "%s/%zu", world->folder, i);
        memset(content, 'a' + (int)i, sizeof content);
        write_file(world->paths[i], content, i == 1 ? sizeof content : i); /* the second does not fit one piece */
    }
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    for (size_t i = 0; i < FILES; i++)
        (void)unlink(world->paths[i]);
    (void)unlink(world->out);
    (void)rmdir(world->folder);
    sg_cades_signer_free(world->cades);
    identity_clear(&world->signer);
    identity_clear(&world->root);
    OSSL_LIB_CTX_free(world->libctx);
    free(world);
    return 0;
}

static enum sg_rc sign(struct world *world, enum sg_asic_form form, const struct sg_asic_file *files, size_t count,
                       struct sg_err *err)
{
    _cleanup_(sg_outfile_freep) struct sg_outfile *out = NULL;
    uint8_t digest[EVP_MAX_MD_SIZE];
    size_t len = 0;
    const struct sg_asic_params params = {
        .signer = world->cades, .form = form, .files = files, .count = count, .signing_time = NOW};
    enum sg_rc rc = sg_outfile_open(world->out, SG_OUT_REPLACE, &out, err);
    if (rc == SG_OK)
        rc = sg_asic_sign(&params, out, digest, &len, err);
    if (rc == SG_OK)
        assert_int_equal(len, 32);
    return rc == SG_OK ? sg_outfile_commit(out, err) : rc;
}

static enum sg_rc sign_three(struct world *world, const char *const called[FILES], struct sg_err *err)
{
    struct sg_asic_file files[FILES];
    for (size_t i = 0; i < FILES; i++)
        files[i] = (struct sg_asic_file){world->paths[i], called[i]};
    return sign(world, SG_ASIC_E, files, FILES, err);
}

static void read_entry(const struct sg_zip *zip, const struct sg_zip_entry *entry, struct sg_buf *out)
{
    struct sg_err err;
    assert_non_null(entry);
    assert_ok(sg_zip_copy(zip, entry, sg_buf_sink(out), &err), &err);
}

static void test_extended(void **state)
{
    struct world *world = *state;
    struct sg_err err;
    _cleanup_(sg_input_freep) struct sg_input *input = NULL;
    _cleanup_(sg_asic_freep) struct sg_asic *asic = NULL;
    _cleanup_(sg_buf_clear) struct sg_buf manifest = SG_BUF(SG_MIB), cms = SG_BUF(SG_MIB);
    assert_ok(sign_three(world, names, &err), &err);

    assert_ok(sg_input_open(world->out, &input, &err), &err);
    assert_ok(sg_asic_open(input, &asic, &err), &err);
    assert_non_null(asic);
    assert_int_equal(sg_asic_form(asic), SG_ASIC_E);
    assert_int_equal(sg_asic_timestamp_count(asic), 0);
    assert_int_equal(sg_asic_signature_count(asic), 1);
    const struct sg_asic_signature *signature = sg_asic_signature(asic, 0);
    assert_int_equal(signature->manifest.count, FILES);
    assert_string_equal(signature->manifest.references[2].name, names[1]);
    read_entry(sg_asic_zip(asic), signature->content, &manifest);
    read_entry(sg_asic_zip(asic), signature->entry, &cms);
    assert_true(openssl_verifies(world->libctx, sg_buf_slice(&cms), world->root.cert, sg_buf_slice(&manifest),
                                 (struct sg_slice){0}));
    manifest.data[manifest.len - 2] ^= 1;
    assert_false(openssl_verifies(world->libctx, sg_buf_slice(&cms), world->root.cert, sg_buf_slice(&manifest),
                                  (struct sg_slice){0}));
}

static void test_simple(void **state)
{
    struct world *world = *state;
    struct sg_err err;
    _cleanup_(sg_input_freep) struct sg_input *input = NULL;
    _cleanup_(sg_asic_freep) struct sg_asic *asic = NULL;
    _cleanup_(sg_buf_clear) struct sg_buf content = SG_BUF(SG_MIB), cms = SG_BUF(SG_MIB);
    const struct sg_asic_file files[] = {{world->paths[1], "b.txt"}, {world->paths[2], "c.txt"}};
    assert_int_equal(sign(world, SG_ASIC_S, files, 2, &err), SG_E_USAGE);
    assert_ok(sign(world, SG_ASIC_S, files, 1, &err), &err);
    assert_ok(sg_input_open(world->out, &input, &err), &err);
    assert_ok(sg_asic_open(input, &asic, &err), &err);
    assert_int_equal(sg_asic_form(asic), SG_ASIC_S);
    read_entry(sg_asic_zip(asic), sg_asic_signature(asic, 0)->content, &content);
    read_entry(sg_asic_zip(asic), sg_asic_signature(asic, 0)->entry, &cms);
    assert_true(openssl_verifies(world->libctx, sg_buf_slice(&cms), world->root.cert, sg_buf_slice(&content),
                                 (struct sg_slice){0}));
}

/* What is written can be read, however alike the names are. */
static void test_names_that_are_alike(void **state)
{
    struct world *world = *state;
    static const char *const good[][FILES] = {
        {"a/b", "a-b", "a/c"}, {"ab", "a/b", "a/bc"}, {"mimetypes/a", "META-INFO/a", "a/mimetype"}};
    struct sg_err err;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        _cleanup_(sg_input_freep) struct sg_input *input = NULL;
        _cleanup_(sg_asic_freep) struct sg_asic *asic = NULL;
        assert_ok(sign_three(world, good[i], &err), &err);
        assert_ok(sg_input_open(world->out, &input, &err), &err);
        assert_ok(sg_asic_open(input, &asic, &err), &err);
        assert_int_equal(sg_asic_signature(asic, 0)->manifest.count, FILES);
    }
}

static void test_names_that_may_not_be(void **state)
{
    struct world *world = *state;
    static const char *const bad[] = {"mimetype", "mimetype/a", "META-INF/a", "meta-inf/a", "../a",
                                      "/a",       "a/",         "",           "a\\b"};
    struct sg_err err;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const struct sg_asic_file files[] = {{world->paths[0], bad[i]}, {world->paths[1], "good"}};
        for (size_t count = 1; count <= 2; count++)
            if (sign(world, SG_ASIC_E, files, count, &err) != SG_E_USAGE)
                fail_msg("\"%s\", of %zu", bad[i], count);
    }
    const struct sg_asic_file twice[] = {{world->paths[0], "a"}, {world->paths[1], "b"}, {world->paths[2], "a"}};
    assert_int_equal(sign(world, SG_ASIC_E, twice, 3, &err), SG_E_USAGE);
    /* a file that is a folder of another, wherever it is; "-" comes before "/" */
    static const char *const below[][FILES] = {{"a", "a/b", "c"}, {"a/b", "a-b", "a"}, {"a/b-c", "a/b/c/d", "a/b"}};
    for (size_t i = 0; i < sizeof below / sizeof *below; i++)
        if (sign_three(world, below[i], &err) != SG_E_USAGE)
            fail_msg("\"%s\"", below[i][0]);
    assert_int_equal(access(world->out, F_OK), -1);
}

/* --- manifests ------------------------------------------------------------------------------------------------------
 */

struct bytes {
    const char *text;
    size_t at;
};

/* A few octets at a time, as a stream may give them. */
static enum sg_rc give(void *context, uint8_t *out, size_t len, size_t *ret_read, struct sg_err *err)
{
    struct bytes *bytes = context;
    size_t left = strlen(bytes->text) - bytes->at, some = len < 7 ? len : 7;
    (void)err;
    *ret_read = left < some ? left : some;
    memcpy(out, bytes->text + bytes->at, *ret_read);
    bytes->at += *ret_read;
    return SG_OK;
}

#define SPACES "xmlns=\"http://uri.etsi.org/02918/v1.2.1#\" xmlns:d=\"http://www.w3.org/2000/09/xmldsig#\""
#define SIGNATURE "<SigReference URI=\"META-INF/s.p7s\"/>"
#define METHOD "<d:DigestMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\"/>"
#define VALUE "<d:DigestValue>AAAA\n AA==</d:DigestValue>"
#define FILE_A "<DataObjectReference URI=\"a%20b\">" METHOD VALUE "</DataObjectReference>"
#define MANIFEST(content) "<ASiCManifest " SPACES ">" content "</ASiCManifest>"

static enum sg_rc read_text(const char *xml, struct sg_asic_manifest *ret, struct sg_err *err)
{
    struct bytes bytes = {.text = xml};
    return sg_asic_manifest_read("m.xml", &(struct sg_asic_bytes){give, &bytes}, ret, err);
}

static void test_manifest(void **state)
{
    _cleanup_(sg_asic_manifest_clear) struct sg_asic_manifest manifest = {0};
    struct sg_err err;
    (void)state;
    assert_ok(read_text("<?xml version=\"1.0\"?>\n" MANIFEST(
                            SIGNATURE "<!-- x -->" FILE_A
                                      "<ASiCManifestExtensions><Extension><x/>y</Extension></ASiCManifestExtensions>"),
                        &manifest, &err),
              &err);
    assert_string_equal(manifest.signature, "META-INF/s.p7s");
    assert_false(manifest.is_timestamp);
    assert_int_equal(manifest.count, 1);
    assert_string_equal(manifest.references[0].name, "a b");
    assert_int_equal(manifest.references[0].digest_nid, NID_sha256);
    assert_int_equal(manifest.references[0].digest_len, 4);
}

static void test_manifests_that_are_none(void **state)
{
    static const char *const bad[] = {
        "",
        "text",
        "<ASiCManifest>" SIGNATURE FILE_A "</ASiCManifest>",
        "<AsicManifest " SPACES ">" SIGNATURE FILE_A "</AsicManifest>",
        MANIFEST(SIGNATURE),
        MANIFEST(FILE_A),
        MANIFEST(FILE_A SIGNATURE),
        MANIFEST(SIGNATURE SIGNATURE FILE_A),
        MANIFEST(SIGNATURE FILE_A "<Other/>"),
        MANIFEST(SIGNATURE FILE_A "text"),
        MANIFEST(SIGNATURE FILE_A) "<a/>",
        MANIFEST(SIGNATURE FILE_A) "text",
        "<!DOCTYPE ASiCManifest>" MANIFEST(SIGNATURE FILE_A),
        "<!DOCTYPE a [<!ENTITY e \"a\">]>" MANIFEST(SIGNATURE "<DataObjectReference URI=\"&e;\">" METHOD VALUE
                                                              "</DataObjectReference>"),
        MANIFEST(SIGNATURE "<DataObjectReference URI=\"a\">&e;" METHOD VALUE "</DataObjectReference>"),
        MANIFEST(SIGNATURE "<DataObjectReference>" METHOD VALUE "</DataObjectReference>"),
        MANIFEST(SIGNATURE "<DataObjectReference URI=\"\">" METHOD VALUE "</DataObjectReference>"),
        MANIFEST(SIGNATURE "<DataObjectReference URI=\"a%0ab\">" METHOD VALUE "</DataObjectReference>"),
        MANIFEST(SIGNATURE "<DataObjectReference URI=\"a%00b\">" METHOD VALUE "</DataObjectReference>"),
        MANIFEST(SIGNATURE "<DataObjectReference URI=\"a%4\">" METHOD VALUE "</DataObjectReference>"),
        MANIFEST(SIGNATURE "<DataObjectReference URI=\"a#b\">" METHOD VALUE "</DataObjectReference>"),
        MANIFEST(SIGNATURE "<DataObjectReference URI=\"a\">" METHOD "</DataObjectReference>"),
        MANIFEST(SIGNATURE "<DataObjectReference URI=\"a\">" VALUE METHOD "</DataObjectReference>"),
        MANIFEST(SIGNATURE "<DataObjectReference URI=\"a\">" METHOD METHOD VALUE "</DataObjectReference>"),
        MANIFEST(SIGNATURE "<DataObjectReference URI=\"a\">" METHOD VALUE VALUE "</DataObjectReference>"),
        MANIFEST(SIGNATURE "<DataObjectReference URI=\"a\">" METHOD
                           "<d:DigestValue>AAA</d:DigestValue></DataObjectReference>"),
        MANIFEST(SIGNATURE "<DataObjectReference URI=\"a\">" METHOD
                           "<d:DigestValue>A=AA</d:DigestValue></DataObjectReference>"),
        MANIFEST(SIGNATURE "<DataObjectReference URI=\"a\">" METHOD "<d:DigestValue/></DataObjectReference>"),
        MANIFEST(SIGNATURE "<DataObjectReference URI=\"a\">" METHOD
                           "<d:DigestValue>A<!-- -->AAA<x/></d:DigestValue></DataObjectReference>"),
        "<ASiCManifest " SPACES ">" SIGNATURE FILE_A,
    };
    struct sg_err err;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct sg_asic_manifest manifest = {0};
        if (read_text(bad[i], &manifest, &err) != SG_E_MALFORMED)
            fail_msg("%s", bad[i]);
    }
}

static void test_uris(void **state)
{
    _cleanup_(sg_buf_clear) struct sg_buf uri = SG_BUF(256);
    const char *text = NULL;
    struct sg_err err;
    (void)state;
    assert_ok(sg_asic_uri_append(&uri, "a b/ä%\"<&~.txt", &err), &err);
    assert_ok(sg_buf_text(&uri, &text, &err), &err);
    assert_string_equal(text, "a%20b/%C3%A4%25%22%3C%26~.txt");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_extended, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_simple, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_names_that_are_alike, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_names_that_may_not_be, set_up, tear_down),
        cmocka_unit_test(test_manifest),
        cmocka_unit_test(test_manifests_that_are_none),
        cmocka_unit_test(test_uris),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
