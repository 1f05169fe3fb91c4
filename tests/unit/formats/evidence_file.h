/* Signatures with what they carry to be judged by later: made, and read. */
#pragma once

#include "../../support/evidence_maker_older.h"

#include <openssl/ts.h>

#include "formats/cades_evidence.h"

#define CONTENT "The quick brown fox jumps over the lazy dog."

static OSSL_LIB_CTX *libctx;
static struct pki_id root, ca, signer, tsa, other_tsa;
static X509_CRL *root_crl, *ca_crl, *late_crl;
static struct sg_buf response = SG_BUF(SG_MIB), late_response = SG_BUF(SG_MIB);

static inline struct sg_slice text(const char *words)
{
    return (struct sg_slice){(const uint8_t *)words, strlen(words)};
}

static inline int setup(void **state)
{
    (void)state;
    assert_int_equal(sg_libctx_new(&libctx, NULL), SG_OK);
    root = pki_issue(libctx, NULL, &(struct pki_cert){.name = "Root", .ca = true});
    ca = pki_issue(libctx, &root, &(struct pki_cert){.name = "CA", .ca = true});
    signer = pki_issue(libctx, &ca, &(struct pki_cert){.name = "Alice"});
    tsa = made_tsa(libctx, &ca, &(struct pki_cert){.name = "TSA"});
    other_tsa = made_tsa(libctx, &root, &(struct pki_cert){.name = "Another TSA"});
    root_crl = pki_crl(libctx, &root, &(struct pki_crl){0});
    ca_crl = pki_crl(libctx, &ca, &(struct pki_crl){0});
    late_crl = pki_crl(libctx, &ca, &(struct pki_crl){.this_update = PKI_NOW - 3600});
    pki_ocsp(libctx, &(struct pki_ocsp){.cert = signer.cert, .issuer = &ca}, &response);
    pki_ocsp(libctx, &(struct pki_ocsp){.cert = tsa.cert, .issuer = &ca, .odd = PKI_OCSP_BY_KEY}, &late_response);
    return 0;
}

static inline int teardown(void **state)
{
    (void)state;
    pki_free(&root);
    pki_free(&ca);
    pki_free(&signer);
    pki_free(&tsa);
    pki_free(&other_tsa);
    X509_CRL_free(root_crl);
    X509_CRL_free(ca_crl);
    X509_CRL_free(late_crl);
    sg_buf_clear(&response);
    sg_buf_clear(&late_response);
    OSSL_LIB_CTX_free(libctx);
    return 0;
}

/* --- a file, read ------------------------------------------------------------------------------------------------- */

struct file {
    struct sg_buf bytes;
    struct sg_input *input;
    struct sg_cms *cms;
    struct sg_evidence *evidence;
    const char *content; /* that is taken for the one that was signed */
};

static inline void file_clear(struct file *file)
{
    sg_evidence_free(file->evidence);
    sg_cms_free(file->cms);
    sg_input_free(file->input);
    sg_buf_clear(&file->bytes);
}

/* Reads what stands in `bytes`, anew. */
static inline void file_read(struct file *file)
{
    sg_evidence_free(file->evidence);
    sg_cms_free(file->cms);
    sg_input_free(file->input);
    file->evidence = NULL;
    file->cms = NULL;
    assert_int_equal(sg_input_from_slice("test", sg_buf_slice(&file->bytes), &file->input, NULL), SG_OK);
    assert_int_equal(sg_cms_read(file->input, libctx, NULL, &file->cms, NULL), SG_OK);
    assert_int_equal(sg_evidence_read(file->cms, sg_cms_signer(file->cms, 0), libctx, &file->evidence, NULL), SG_OK);
    struct sg_sink sink = sg_evidence_content(file->evidence);
    if (sink.write)
        assert_int_equal(sink.write(sink.context, text(file->content).data, text(file->content).len, NULL), SG_OK);
}

static inline struct file file_of(const struct made *made)
{
    struct file file = {.bytes = SG_BUF(16 * SG_MIB), .content = CONTENT};
    made_write(made, &file.bytes);
    file_read(&file);
    return file;
}

static inline struct sg_slice digest_of_content(void *context, int nid)
{
    static uint8_t hash[EVP_MAX_MD_SIZE];
    size_t len = 0;
    assert_int_equal(sg_digest(libctx, OBJ_nid2sn(nid), text(context), hash, &len, NULL), SG_OK);
    return (struct sg_slice){hash, len};
}

static inline struct sg_evidence_imprint imprint_of(const struct file *file, size_t timestamp)
{
    struct sg_evidence_imprint imprint = {0};
    assert_int_equal(
        sg_evidence_imprint(file->evidence, timestamp, digest_of_content, (void *)file->content, &imprint, NULL),
        SG_OK);
    assert_true((imprint.len == 0) == (imprint.why != NULL));
    return imprint;
}

/* Whether the token's own imprint, read by OpenSSL, is that. */
static inline bool fits(const struct file *file, size_t timestamp)
{
    struct sg_evidence_imprint imprint = imprint_of(file, timestamp);
    struct sg_slice token = sg_evidence_timestamp(file->evidence, timestamp)->token;
    PKCS7 *pkcs7 = d2i_PKCS7(NULL, &token.data, (long)token.len);
    TS_TST_INFO *info = pkcs7 ? PKCS7_to_TS_TST_INFO(pkcs7) : NULL;
    assert_non_null(info);
    const ASN1_OCTET_STRING *stamped = TS_MSG_IMPRINT_get_msg(TS_TST_INFO_get_msg_imprint(info));
    bool same = sg_slice_equal((struct sg_slice){imprint.digest, imprint.len},
                               (struct sg_slice){ASN1_STRING_get0_data(stamped), (size_t)ASN1_STRING_length(stamped)});
    TS_TST_INFO_free(info);
    PKCS7_free(pkcs7);
    return same;
}

static inline struct sg_slice part(const struct made_parts *parts, size_t index)
{
    assert_true(index < parts->count);
    return sg_buf_slice(&parts->bufs[index]);
}

/* The first time-stamp of that kind. */
static inline size_t find_kind(const struct file *file, enum sg_evidence_kind kind)
{
    for (size_t i = 0; i < sg_evidence_timestamp_count(file->evidence); i++)
        if (sg_evidence_timestamp(file->evidence, i)->kind == kind)
            return i;
    fail();
    return 0;
}

/* --- what is made ---------------------------------------------------------------------------------------------------
 */

static inline void sign(struct made *made, bool attached)
{
    made_sign(
        made, libctx,
        &(struct pki_cms){.signer = &signer, .content = text(CONTENT), .attached = attached, .carried = {ca.cert}});
}

static inline void lt(struct made *made, bool attached)
{
    sign(made, attached);
    made_signature_stamp(made, &(struct made_stamp){.tsa = &tsa, .time = PKI_NOW - 30 * PKI_DAY});
    made_crl(made, ca_crl);
    made_crl(made, root_crl);
    made_ocsp(made, sg_buf_slice(&response));
}

static inline const struct made_old *old_of(void)
{
    static struct made_old old;
    old = (struct made_old){
        .certs = {ca.cert, root.cert}, .crls = {ca_crl, root_crl}, .ocsps = {sg_buf_slice(&response)}};
    return &old;
}
