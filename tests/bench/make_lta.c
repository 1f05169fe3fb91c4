/* Makes a CAdES-B-LTA signature, and the parts of it that other programs judge one by one:
 *
 *     make_lta FOLDER
 *
 * lta.p7m (with its content), root.pem, anchors.pem (the same with the CRLs), signature.tst over `signature`,
 * archive.tst over `archived`. All of it is good as of PKI_NOW. */
#include <stdio.h>

#include <openssl/pem.h>

#include "../support/evidence_maker.h"

static const char *folder;

static FILE *create(const char *name)
{
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    return file;
}

static void put(const char *name, struct sg_slice bytes)
{
    FILE *file = create(name);
    assert_int_equal(fwrite(bytes.data, 1, bytes.len, file), bytes.len);
    assert_int_equal(fclose(file), 0);
}

static void put_pem(const char *name, X509 *cert, X509_CRL *const *crls, size_t crl_count)
{
    FILE *file = create(name);
    if (cert)
        assert_int_equal(PEM_write_X509(file, cert), 1);
    for (size_t i = 0; i < crl_count; i++)
        assert_int_equal(PEM_write_X509_CRL(file, crls[i]), 1);
    assert_int_equal(fclose(file), 0);
}

/* The only value of an unsigned attribute. */
static struct sg_slice token_in(const struct made *made, size_t index)
{
    struct sg_slice whole = sg_buf_slice(&made->unsigned_attrs.bufs[index]), members, value;
    (void)made_take(&whole, &members);
    (void)made_take(&members, NULL);
    (void)made_take(&members, &value);
    return value;
}

static void make(void **state)
{
    OSSL_LIB_CTX *libctx = NULL;
    static uint8_t content[100000];
    struct sg_buf file = SG_BUF(SG_MIB), index = SG_BUF(SG_MIB), archived = SG_BUF(SG_MIB);
    struct made made;
    (void)state;
    assert_int_equal(sg_libctx_new(&libctx, NULL), SG_OK);
    struct pki_id root = pki_issue(libctx, NULL, &(struct pki_cert){.name = "Root", .ca = true});
    struct pki_id ca = pki_issue(libctx, &root, &(struct pki_cert){.name = "Issuing CA", .ca = true});
    struct pki_id signer = pki_issue(libctx, &ca, &(struct pki_cert){.name = "Alice"});
    struct pki_id tsa = made_tsa(libctx, &ca, &(struct pki_cert){.name = "TSA"});
    X509_CRL *crls[] = {pki_crl(libctx, &root, &(struct pki_crl){0}), pki_crl(libctx, &ca, &(struct pki_crl){0})};

    const struct made_stamp first = {.tsa = &tsa, .time = PKI_NOW - 7200, .carried = {ca.cert}};
    const struct made_stamp second = {.tsa = &tsa, .time = PKI_NOW - 3600, .carried = {ca.cert}};
    made_sign(&made, libctx,
              &(struct pki_cms){.signer = &signer,
                                .content = {content, sizeof content},
                                .attached = true,
                                .signing_time = PKI_NOW - 10800,
                                .carried = {ca.cert}});
    made_signature_stamp(&made, &first);
    made_crl(&made, crls[0]);
    made_crl(&made, crls[1]);
    made_index(&made, &second, &index);
    made_archive_over(&made, "SHA256", sg_buf_slice(&index), &archived);
    made_archive_stamp(&made, &second);
    made_write(&made, &file);

    put("lta.p7m", sg_buf_slice(&file));
    put("signature", sg_buf_slice(&made.signature));
    put("signature.tst", token_in(&made, 0));
    put("archived", sg_buf_slice(&archived));
    put("archive.tst", token_in(&made, 1));
    put_pem("root.pem", root.cert, NULL, 0);
    put_pem("anchors.pem", root.cert, crls, 2);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(make)};
    if (argc != 2)
        return 64;
    folder = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
