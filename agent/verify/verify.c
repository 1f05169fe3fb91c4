/* A file with signatures: which format it has, and the answer about all of it. */
#include "verify/verify.h"

#include <openssl/err.h>

#include "base/limits.h"
#include "verify/format.h"

/* PDF is the last, since its mark need not be the first of a file: a container or a mail may have one in it. */
static const struct sg_format *const formats[] = {&sg_format_cms, &sg_format_asic, &sg_format_mime, &sg_format_pdf};

static enum sg_rc find_format(struct sg_input *input, const struct sg_format **ret, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;
    *ret = NULL;
    for (size_t i = 0; rc == SG_OK && !*ret && i < sizeof formats / sizeof *formats; i++) {
        bool is_it = false;
        rc = formats[i]->probe(input, &is_it, err);
        if (is_it)
            *ret = formats[i];
    }
    return rc;
}

enum sg_rc sg_verify_file(struct sg_verifier *verifier, struct sg_input *signature, struct sg_input *content,
                          struct sg_report **ret, struct sg_err *err)
{
    _cleanup_(sg_report_freep) struct sg_report *report = NULL;
    const struct sg_format *format = NULL;
    enum sg_rc rc = sg_report_new(verifier->libctx, sg_input_name(signature), verifier->at, &report, err);
    if (rc == SG_OK)
        rc = find_format(signature, &format, err);
    struct sg_file_judging judging = {.verifier = verifier, .report = report, .steps = SG_MAX_PATH_STEPS};
    if (rc == SG_OK && format)
        rc = format->judge(&judging, signature, content, err);
    if (rc == SG_OK)
        rc = sg_input_check_unchanged(signature, err);
    ERR_clear_error(); /* what OpenSSL said on the way is in the verdict */
    if (rc == SG_OK)
        *ret = sg_steal(report);
    return rc;
}

/* A parent of judging children comes here, and may parse nothing: a format that has something to load is known by its
 * first octets alone. */
void sg_verify_preload(struct sg_input *signature)
{
    struct sg_err err;
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        bool is_it = false;
        if (formats[i]->preload && formats[i]->probe(signature, &is_it, &err) == SG_OK && is_it)
            (void)!formats[i]->preload(&err);
    }
}
