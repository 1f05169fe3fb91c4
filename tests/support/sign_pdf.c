/* Signs a PDF with a key in a file:
 *
 *   sign_pdf KEY CERT IN OUT [OPTION=VALUE]...
 *
 * Options: field, name, reason, location, contact, certify, reserve, time, page, digest; rect=X,Y,W,H, line=TEXT (up to
 * 8), image=FILE and font=FILE make it visible. The error's word and sentence go to stderr, and the exit status is its
 * own. "sign_pdf hazards IN" prints which hazards IN has. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <openssl/pem.h>

#include "base/crypto.h"
#include "base/limits.h"
#include "formats/pades.h"

#define MAX_LINES 8

struct options {
    struct sg_pades_params params;
    struct sg_pdf_look look;
    const char *lines[MAX_LINES];
    const char *font;
    const char *image;
    const char *digest;
};

static int report(const struct sg_err *err)
{
    (void)fprintf(stderr, "%s: %s [%s]\n", sg_rc_word(err->rc), err->text, err->cause);
    return sg_rc_exit(err->rc);
}

static bool read_option(struct options *o, const char *key, const char *value)
{
    const struct {
        const char *key;
        const char **place;
    } texts[] = {
        {"field", &o->params.field},
        {"name", &o->params.name},
        {"reason", &o->params.reason},
        {"location", &o->params.location},
        {"contact", &o->params.contact},
        {"image", &o->image},
        {"font", &o->font},
        {"digest", &o->digest},
    };
    const unsigned long number = strtoul(value, NULL, 10);
    struct sg_pdf_rect *rect = &o->params.rect;

    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        if (strcmp(key, texts[i].key) != 0)
            continue;
        *texts[i].place = value;
        return true;
    }
    if (strcmp(key, "line") == 0 && o->look.line_count < MAX_LINES)
        o->lines[o->look.line_count++] = value;
    else if (strcmp(key, "rect") == 0)
        return sscanf(value, "%lf,%lf,%lf,%lf", &rect->x, &rect->y, &rect->width, &rect->height) == 4;
    else if (strcmp(key, "certify") == 0)
        o->params.certify = (unsigned)number;
    else if (strcmp(key, "page") == 0)
        o->params.page = (unsigned)number;
    else if (strcmp(key, "reserve") == 0)
        o->params.reserve = number;
    else if (strcmp(key, "time") == 0)
        o->params.signing_time = (int64_t)number;
    else
        return false;
    return true;
}

static bool read_options(struct options *o, char **arguments)
{
    for (; *arguments; arguments++) {
        char *equals = strchr(*arguments, '=');
        if (!equals)
            return false;
        *equals = '\0';
        if (!read_option(o, *arguments, equals + 1))
            return false;
    }
    o->params.image_name = o->image;
    o->look.lines = o->lines;
    o->look.fonts = &o->font;
    o->look.font_count = o->font ? 1 : 0;
    if (!o->font)
        o->look.fonts = NULL;
    if (o->look.line_count > 0 || o->image)
        o->params.look = &o->look;
    return true;
}

static EVP_PKEY *read_key(OSSL_LIB_CTX *libctx, const char *path)
{
    FILE *file = fopen(path, "r");
    EVP_PKEY *key = file ? PEM_read_PrivateKey_ex(file, NULL, NULL, NULL, libctx, NULL) : NULL;

    fclosep(&file);
    return key;
}

/* The first certificate is the signer's, the others are carried along. */
static STACK_OF(X509) *read_certificates(const char *path)
{
    STACK_OF(X509) *certs = sk_X509_new_null();
    FILE *file = fopen(path, "r");
    X509 *cert = NULL;

    while (file && (cert = PEM_read_X509(file, NULL, NULL, NULL)))
        sk_X509_push(certs, cert);
    fclosep(&file);
    return certs;
}

static enum sg_rc sign(struct options *o, const struct sg_cades_signer *signer, const char *in, const char *out,
                       struct sg_err *err)
{
    _cleanup_(sg_buf_clear) struct sg_buf image = SG_BUF(SG_MAX_LOOK_IMAGE);
    _cleanup_(sg_input_freep) struct sg_input *image_input = NULL;
    _cleanup_(sg_input_freep) struct sg_input *input = NULL;
    _cleanup_(sg_outfile_freep) struct sg_outfile *file = NULL;
    uint8_t digest[EVP_MAX_MD_SIZE];
    size_t len = 0;
    unsigned hazards = 0;
    enum sg_rc rc = sg_input_open(in, &input, err);

    o->params.ret_hazards = &hazards; /* every object is read, as by "signet sign" */
    if (rc == SG_OK)
        rc = sg_outfile_open(out, 0, &file, err);
    if (rc == SG_OK && o->image)
        rc = sg_input_open(o->image, &image_input, err);
    if (rc == SG_OK && o->image)
        rc = sg_input_read_all(image_input, &image, err);
    if (rc != SG_OK)
        return rc;
    o->look.image = sg_buf_slice(&image);
    o->params.signer = signer;
    rc = sg_pades_sign(&o->params, input, file, digest, &len, err);
    return rc == SG_OK ? sg_outfile_commit(file, err) : rc;
}

static int hazards(const char *path)
{
    _cleanup_(sg_input_freep) struct sg_input *input = NULL;
    struct sg_err err;
    unsigned found = 0;

    if (sg_input_open(path, &input, &err) != SG_OK || sg_pdf_hazards(input, &found, &err) != SG_OK)
        return report(&err);
    (void)printf("hazards:%s%s%s\n", found & SG_PDF_SCRIPTS ? " scripts" : "", found & SG_PDF_LAUNCH ? " launch" : "",
                 found & SG_PDF_EXTERNAL ? " external" : "");
    return 0;
}

int main(int argc, char **argv)
{
    _cleanup_(OSSL_LIB_CTX_freep) OSSL_LIB_CTX *libctx = NULL;
    _cleanup_(EVP_PKEY_freep) EVP_PKEY *key = NULL;
    _cleanup_(sg_x509_stack_freep) STACK_OF(X509) *certs = NULL;
    _cleanup_(sg_cades_signer_freep) struct sg_cades_signer *signer = NULL;
    struct options o = {.params = {.reserve = SG_PADES_RESERVE, .signing_time = time(NULL)}};
    struct sg_err err = {0};

    (void)signal(SIGXFSZ, SIG_IGN); /* as signet: a write fails instead */
    if (argc == 3 && strcmp(argv[1], "hazards") == 0)
        return hazards(argv[2]);
    if (argc < 5 || !read_options(&o, argv + 5)) {
        (void)fprintf(stderr, "usage: sign_pdf KEY CERT IN OUT [OPTION=VALUE]...\n");
        return 64;
    }
    if (sg_libctx_new(&libctx, &err) != SG_OK)
        return report(&err);
    key = read_key(libctx, argv[1]);
    certs = read_certificates(argv[2]);
    if (!key || sk_X509_num(certs) < 1)
        return 66;
    const struct sg_cades_params params = {.libctx = libctx,
                                           .key = key,
                                           .cert = sk_X509_value(certs, 0),
                                           .chain = certs,
                                           .digest = o.digest,
                                           .leave_out_signing_time = true};
    if (sg_cades_signer_new(&params, &signer, &err) != SG_OK || sign(&o, signer, argv[3], argv[4], &err) != SG_OK)
        return report(&err);
    return 0;
}
