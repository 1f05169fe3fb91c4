/* Makes COUNT signers under one CA and a CAdES-B signature by each, in DIR: N and N.p7s from 0 on, ca.pem, crl.pem,
 * crl.der.
 *
 *     signers DIR COUNT
 *
 * The CA has an RSA-2048 key; the signers' are P-256, which take a moment to make and not minutes. */
#include <err.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include <openssl/cms.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

struct signer {
    EVP_PKEY *key;
    X509 *cert;
};

static void must(bool good, const char *what)
{
    if (!good)
        errx(70, "%s failed", what);
}

static FILE *open_to_write(const char *folder, const char *name)
{
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "we");
    if (!file)
        err(74, "%s", path);
    return file;
}

static void extend(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_nconf_nid(NULL, &ctx, nid, value);
    must(extension && X509_add_ext(cert, extension, -1), value);
    X509_EXTENSION_free(extension);
}

/* `issuer` NULL: by itself. */
static X509 *certify(EVP_PKEY *key, const struct signer *issuer, const char *name, long serial)
{
    X509 *cert = X509_new();
    X509_NAME *subject = X509_get_subject_name(cert);
    must(X509_set_version(cert, X509_VERSION_3) && ASN1_INTEGER_set(X509_get_serialNumber(cert), serial) &&
             X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1, 0) &&
             X509_set_issuer_name(cert, issuer ? X509_get_subject_name(issuer->cert) : subject) &&
             X509_gmtime_adj(X509_getm_notBefore(cert), -3600) &&
             X509_gmtime_adj(X509_getm_notAfter(cert), 30 * 86400) && X509_set_pubkey(cert, key),
         name);
    X509 *ca = issuer ? issuer->cert : cert;
    extend(cert, ca, NID_basic_constraints, issuer ? "critical,CA:FALSE" : "critical,CA:TRUE");
    extend(cert, ca, NID_key_usage,
           issuer ? "critical,digitalSignature,nonRepudiation" : "critical,keyCertSign,cRLSign");
    extend(cert, ca, NID_subject_key_identifier, "hash");
    extend(cert, ca, NID_authority_key_identifier, "keyid");
    must(X509_sign(cert, issuer ? issuer->key : key, EVP_sha256()), "signing a certificate");
    return cert;
}

static void write_crl(const char *folder, const struct signer *ca)
{
    X509_CRL *crl = X509_CRL_new();
    ASN1_TIME *from = X509_gmtime_adj(NULL, -60), *to = X509_gmtime_adj(NULL, 20 * 86400);
    must(X509_CRL_set_version(crl, X509_CRL_VERSION_2) &&
             X509_CRL_set_issuer_name(crl, X509_get_subject_name(ca->cert)) && X509_CRL_set1_lastUpdate(crl, from) &&
             X509_CRL_set1_nextUpdate(crl, to) && X509_CRL_sign(crl, ca->key, EVP_sha256()),
         "making a CRL");
    FILE *pem = open_to_write(folder, "crl.pem"), *der = open_to_write(folder, "crl.der");
    must(PEM_write_X509_CRL(pem, crl) && i2d_X509_CRL_fp(der, crl) && fclose(pem) == 0 && fclose(der) == 0,
         "writing the CRL");
    ASN1_TIME_free(from);
    ASN1_TIME_free(to);
    X509_CRL_free(crl);
}

static void sign(const char *folder, const struct signer *signer, int number)
{
    char name[32], text[64];
    (void)snprintf(name, sizeof name, "%d", number);
    int len = snprintf(text, sizeof text, "page %d\n", number);
    FILE *content = open_to_write(folder, name);
    must(fputs(text, content) >= 0 && fclose(content) == 0, name);
    BIO *data = BIO_new_mem_buf(text, len);
    const unsigned flags = CMS_BINARY | CMS_DETACHED | CMS_CADES | CMS_NOSMIMECAP;
    CMS_ContentInfo *cms = CMS_sign(signer->cert, signer->key, NULL, data, flags);
    (void)snprintf(name, sizeof name, "%d.p7s", number);
    FILE *file = open_to_write(folder, name);
    BIO *out = BIO_new_fp(file, BIO_CLOSE);
    must(cms && i2d_CMS_bio(out, cms) && BIO_free(out), name);
    BIO_free(data);
    CMS_ContentInfo_free(cms);
}

int main(int argc, char **argv)
{
    if (argc != 3)
        errx(64, "usage: signers DIR COUNT");
    int count = atoi(argv[2]);
    struct signer ca = {.key = EVP_RSA_gen(2048)};
    must(ca.key, "making the CA's key");
    ca.cert = certify(ca.key, NULL, "Bench CA", 1);
    FILE *file = open_to_write(argv[1], "ca.pem");
    must(PEM_write_X509(file, ca.cert) && fclose(file) == 0, "writing the CA");
    write_crl(argv[1], &ca);
    for (int i = 0; i < count; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "Signer %d", i);
        struct signer signer = {.key = EVP_EC_gen("P-256")};
        must(signer.key, "making a key");
        signer.cert = certify(signer.key, &ca, name, i + 2);
        sign(argv[1], &signer, i);
        X509_free(signer.cert);
        EVP_PKEY_free(signer.key);
    }
    X509_free(ca.cert);
    EVP_PKEY_free(ca.key);
    return 0;
}
