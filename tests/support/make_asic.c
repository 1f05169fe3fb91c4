/* Signs a container without a token:
 *
 *     make_asic e|s KEY CERTIFICATE OUT < NAMES
 *
 * KEY and CERTIFICATE are PEM. Each line of NAMES is a file: its path, relative and its name in the container. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <openssl/pem.h>

#include "base/crypto.h"
#include "formats/asic.h"
#include "formats/pem.h"

static int complain(const struct sg_err *err)
{
    (void)fprintf(stderr, "make_asic: %s (%s)\n", err->text, err->cause);
    return sg_rc_exit(err->rc);
}

static EVP_PKEY *read_key(const char *path, OSSL_LIB_CTX *libctx)
{
    _cleanup_(BIO_free_allp) BIO *bio = BIO_new_file(path, "r");
    return bio ? PEM_read_bio_PrivateKey_ex(bio, NULL, NULL, NULL, libctx, NULL) : NULL;
}

static struct sg_asic_file *read_names(size_t *ret_count)
{
    struct sg_asic_file *files = NULL;
    char *line = NULL;
    size_t room = 0;
    for (ssize_t len; (len = getline(&line, &room, stdin)) > 0;) {
        line[strcspn(line, "\n")] = '\0';
        files = reallocarray(files, *ret_count + 1, sizeof *files);
        char *name = strdup(line);
        if (!files || !name)
            abort();
        files[(*ret_count)++] = (struct sg_asic_file){.path = name, .name = name};
    }
    free(line);
    return files;
}

static enum sg_rc sign(const struct sg_asic_params *params, const char *path, struct sg_err *err)
{
    _cleanup_(sg_outfile_freep) struct sg_outfile *out = NULL;
    uint8_t digest[EVP_MAX_MD_SIZE];
    size_t digest_len = 0;
    enum sg_rc rc = sg_outfile_open(path, SG_OUT_REPLACE, &out, err);
    if (rc == SG_OK)
        rc = sg_asic_sign(params, out, digest, &digest_len, err);
    return rc == SG_OK ? sg_outfile_commit(out, err) : rc;
}

int main(int argc, char **argv)
{
    _cleanup_(OSSL_LIB_CTX_freep) OSSL_LIB_CTX *libctx = NULL;
    _cleanup_(EVP_PKEY_freep) EVP_PKEY *key = NULL;
    _cleanup_(sg_x509_stack_freep) STACK_OF(X509) *certs = sk_X509_new_null();
    _cleanup_(sg_input_freep) struct sg_input *input = NULL;
    _cleanup_(sg_cades_signer_freep) struct sg_cades_signer *signer = NULL;
    struct sg_err err = {0};
    if (argc != 5)
        return 64;
    enum sg_rc rc = sg_libctx_new(&libctx, &err);
    if (rc == SG_OK)
        rc = sg_input_open(argv[3], &input, &err);
    if (rc == SG_OK)
        rc = sg_certs_read(input, libctx, certs, &err);
    key = rc == SG_OK ? read_key(argv[2], libctx) : NULL;
    const struct sg_cades_params cades = {.libctx = libctx, .key = key, .cert = sk_X509_value(certs, 0)};
    if (rc == SG_OK)
        rc = sg_cades_signer_new(&cades, &signer, &err);
    struct sg_asic_params params = {
        .signer = signer, .form = strcmp(argv[1], "s") == 0 ? SG_ASIC_S : SG_ASIC_E, .signing_time = time(NULL)};
    struct sg_asic_file *files = read_names(&params.count);
    params.files = files;
    if (rc == SG_OK)
        rc = sign(&params, argv[4], &err);
    for (size_t i = 0; i < params.count; i++)
        free((char *)files[i].path);
    free(files);
    return rc == SG_OK ? 0 : complain(&err);
}
