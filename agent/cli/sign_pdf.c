/* PAdES: the signature in the PDF. */
#include "cli/sign_pdf.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/limits.h"
#include "base/msg.h"
#include "cli/sign_jobs.h"
#include "formats/pdf_objects.h"
#include "verify/pdf_addition.h"

/* --- options ---------------------------------------------------------------------------------------------------------
 */

bool sg_sign_pdf_given(const struct sg_args *args)
{
    static const struct sg_option options[] = {SG_SIGN_PDF_OPTIONS};

    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
        if (sg_args_flag(args, options[i].name))
            return true;
    return false;
}

static enum sg_rc read_number(const struct sg_args *args, const char *name, unsigned long min, unsigned long max,
                              unsigned long *ret, struct sg_err *err)
{
    const char *text = sg_args_value(args, name);
    char *end = NULL;

    if (!text)
        return SG_OK;
    errno = 0;
    unsigned long value = strtoul(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end || errno != 0 || value < min || value > max)
        return sg_fail(err, SG_E_USAGE, _("--%s wants a number from %lu to %lu."), name, min, max);
    *ret = value;
    return SG_OK;
}

static enum sg_rc read_rect(const char *text, struct sg_pdf_rect *ret, struct sg_err *err)
{
    double *const values[] = {&ret->x, &ret->y, &ret->width, &ret->height};
    const char *at = text;

    for (size_t i = 0; i < 4; i++) {
        char *end = NULL;

        *values[i] = strtod(at, &end);
        if (end == at || *end != (i < 3 ? ',' : '\0') || !isfinite(*values[i]))
            return sg_fail(err, SG_E_USAGE, _("--rect wants X,Y,W,H: four numbers of points, not \"%s\"."), text);
        at = end + 1;
    }
    if (ret->width <= 0 || ret->height <= 0)
        return sg_fail(err, SG_E_USAGE, _("--rect wants X,Y,W,H, of which W and H are more than 0, not \"%s\"."), text);
    return SG_OK;
}

static enum sg_rc read_image(const char *path, struct sg_sign_pdf *pdf, struct sg_err *err)
{
    _cleanup_(sg_input_freep) struct sg_input *input = NULL;
    enum sg_rc rc = sg_input_open(path, &input, err);

    pdf->image_name = path;
    if (rc == SG_OK)
        rc = sg_input_read_all(input, &pdf->image, err);
    if (rc == SG_OK && pdf->image.len == 0)
        return sg_about(path, err,
                        sg_fail(err, SG_E_MALFORMED, _("The image \"%s\" is empty; name a JPEG or PNG file."), path));
    return rc;
}

static enum sg_rc check_together(const struct sg_args *args, const struct sg_sign_pdf *pdf, struct sg_err *err)
{
    if (sg_args_flag(args, "page") && !sg_args_flag(args, "rect"))
        return sg_fail(err, SG_E_USAGE, "%s", _("--page says on which page --rect is; give that, too."));
    if (sg_args_flag(args, "image") && !pdf->visible)
        return sg_fail(err, SG_E_USAGE, "%s",
                       _("--image is shown in a place: --rect, or --visible where the field has one."));
    return SG_OK;
}

enum sg_rc sg_sign_pdf_read(const struct sg_args *args, struct sg_sign_pdf *ret, struct sg_err *err)
{
    unsigned long certify = 0, page = 1, reserve = SG_PADES_RESERVE;
    const char *rect = sg_args_value(args, "rect"), *image = sg_args_value(args, "image");
    enum sg_rc rc = read_number(args, "certify", 1, 3, &certify, err);

    if (rc == SG_OK)
        rc = read_number(args, "page", 1, SG_MAX_PDF_PAGES, &page, err);
    if (rc == SG_OK)
        rc = read_number(args, "reserve", 0, SG_MAX_PDF_RESERVE, &reserve, err);
    ret->params = (struct sg_pades_params){.field = sg_args_value(args, "field"),
                                           .reason = sg_args_value(args, "reason"),
                                           .location = sg_args_value(args, "location"),
                                           .contact = sg_args_value(args, "contact"),
                                           .certify = (unsigned)certify,
                                           .reserve = reserve,
                                           .page = (unsigned)page,
                                           .image_name = image};
    ret->visible = rect || sg_args_flag(args, "visible");
    ret->image = (struct sg_buf)SG_BUF(SG_MAX_LOOK_IMAGE);
    if (rc == SG_OK && rect)
        rc = read_rect(rect, &ret->params.rect, err);
    if (rc == SG_OK)
        rc = check_together(args, ret, err);
    return rc == SG_OK && image ? read_image(image, ret, err) : rc;
}

void sg_sign_pdf_clear(struct sg_sign_pdf *pdf)
{
    sg_buf_clear(&pdf->image);
}

/* --- signing ---------------------------------------------------------------------------------------------------------
 */

static unsigned take_remarks(struct sg_sign_job *job, unsigned hazards)
{
    static const struct {
        unsigned hazard, remark;
    } pairs[] = {
        {SG_PDF_SCRIPTS, SG_REMARK_SCRIPTS}, {SG_PDF_LAUNCH, SG_REMARK_LAUNCH}, {SG_PDF_EXTERNAL, SG_REMARK_EXTERNAL}};
    unsigned remarks = 0;

    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
        remarks |= hazards & pairs[i].hazard ? pairs[i].remark : 0;
    job->remarks |= remarks;
    job->looked_into = true;
    return remarks;
}

unsigned sg_sign_pdf_remarks(struct sg_sign_job *job, const struct sg_sign_input *file)
{
    _cleanup_(sg_input_freep) struct sg_input *input = NULL;
    unsigned hazards = 0, remarks = 0;
    struct sg_err ignored;

    if (!file->is_pdf)
        return 0;
    if (!job->opened && sg_input_open_file(-1, file->path, file->path, &input, &ignored) != SG_OK)
        return 0;
    if (sg_pdf_hazards(job->opened ? job->opened : input, &hazards, &ignored) == SG_OK)
        remarks = take_remarks(job, hazards);
    return remarks;
}

/* What only has a PDF somewhere near its beginning may be something else, and meant so. */
static enum sg_rc check_begins(struct sg_input *input, struct sg_err *err)
{
    static const char header[] = "%PDF-"; /* ISO 32000-1 §7.5.2 */
    const char *name = sg_input_name(input);
    char head[sizeof(header) - 1] = "";
    bool is_pdf = false;
    size_t len = 0;
    enum sg_rc rc = sg_input_read(input, 0, head, sizeof(head), &len, err);

    if (rc == SG_OK)
        rc = sg_pdf_probe(input, &is_pdf, err);
    if (rc != SG_OK || !is_pdf || memcmp(head, header, sizeof(head)) == 0)
        return rc;
    return sg_about(
        name, err,
        sg_fail(err, SG_E_MALFORMED,
                _("The PDF \"%s\" is broken: octets stand before its header. Have it written anew; if it is "
                  "not meant as a PDF, sign it with --format cades."),
                name));
}

static enum sg_rc sign_pdf(const struct sg_sign_jobs *jobs, struct sg_sign_job *job, struct sg_input *input,
                           struct sg_outfile *out, uint8_t *digest, size_t *ret_len, struct sg_err *err)
{
    const struct sg_signing *signing = jobs->signing;
    struct sg_pades_params params = jobs->pdf.params;
    unsigned hazards = 0;
    char time[SG_TIME_TEXT];
    const char *const lines[] = {signing->name, sg_time_text(job->claimed_time, time), params.reason};
    const struct sg_pdf_look look = {
        .lines = lines, .line_count = params.reason ? 3 : 2, .image = sg_buf_slice(&jobs->pdf.image)};

    params.signer = signing->pdf_signer;
    params.name = signing->name;
    params.signing_time = job->claimed_time;
    params.look = jobs->pdf.visible ? &look : NULL;
    params.compare = sg_pdf_check_addition;
    params.ret_hazards = job->looked_into ? NULL : &hazards;
    enum sg_rc rc = check_begins(input, err);
    if (rc == SG_OK)
        rc = sg_sign_token_error(jobs, sg_pades_sign(&params, input, out, digest, ret_len, err), err);
    if (rc == SG_OK && !job->looked_into)
        (void)take_remarks(job, hazards);
    return rc;
}

/* --- was it signed before? -------------------------------------------------------------------------------------------
 */

/* The signed PDF begins with the one that was signed. */
static enum sg_rc is_of(struct sg_input *input, struct sg_input *output, bool digest_fits, bool *ret,
                        struct sg_err *err)
{
    uint8_t a[16 * SG_KIB], b[sizeof(a)];
    uint64_t size = sg_input_size(input);
    bool same = size <= sg_input_size(output);
    enum sg_rc rc = SG_OK;

    (void)digest_fits; /* the digest is of what the signature covers */
    for (uint64_t at = 0; at < size && same && rc == SG_OK; at += sizeof(a)) {
        size_t len = size - at < sizeof(a) ? (size_t)(size - at) : sizeof(a), len_a = 0, len_b = 0;

        rc = sg_input_read(input, at, a, len, &len_a, err);
        if (rc == SG_OK)
            rc = sg_input_read(output, at, b, len, &len_b, err);
        same = rc == SG_OK && len_a == len && len_b == len && memcmp(a, b, len) == 0;
    }
    if (rc == SG_OK)
        *ret = same;
    return rc;
}

const struct sg_sign_format sg_sign_pades = {
    .word = "pades",
    .name = "PAdES",
    .ending = ".signed.pdf",
    .gives_way = ".pdf",
    .copies = true,
    .note = N_("PAdES B-B; not time-stamped yet"),
    .preload = sg_pdf_preload,
    .sign = sign_pdf,
    .is_of = is_of,
};
