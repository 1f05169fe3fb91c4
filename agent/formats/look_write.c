#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "base/limits.h"
#include "formats/look_private.h"

enum sg_rc sg_look_part(struct sg_pdf_look_parts *parts, bool is_stream, struct sg_pdf_part **ret, struct sg_err *err)
{
    struct sg_pdf_part *grown = reallocarray(parts->parts, parts->count + 1, sizeof *grown);
    if (!grown)
        return sg_fail_memory(err);
    parts->parts = grown;
    *ret = &grown[parts->count++];
    **ret = (struct sg_pdf_part){
        .dictionary = SG_BUF(SG_MAX_LOOK_PART),
        .data = SG_BUF(SG_MAX_LOOK_PART),
        .is_stream = is_stream,
    };
    return SG_OK;
}

static enum sg_rc write_number(struct sg_buf *out, double number, struct sg_err *err)
{
    long thousandths = lround(number * 1000);
    const char *sign = thousandths < 0 ? "-" : "";
    thousandths = labs(thousandths);
    if (thousandths % 1000 == 0)
        return sg_buf_printf(out, err, "%s%ld ", sign, thousandths / 1000);
    return sg_buf_printf(out, err, "%s%ld.%03ld ", sign, thousandths / 1000, thousandths % 1000);
}

enum sg_rc sg_look_numbers(struct sg_buf *out, const double *numbers, size_t count, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;
    for (size_t i = 0; i < count && rc == SG_OK; i++)
        rc = write_number(out, numbers[i], err);
    return rc;
}

enum sg_rc sg_look_utf16(struct sg_buf *out, const uint32_t *points, size_t count, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;
    for (size_t i = 0; i < count && rc == SG_OK; i++) {
        uint32_t beyond = points[i] - 0x10000;
        if (points[i] < 0x10000)
            rc = sg_buf_printf(out, err, "%04X", points[i]);
        else
            rc = sg_buf_printf(out, err, "%04X%04X", 0xd800 + (beyond >> 10), 0xdc00 + (beyond & 0x3ff));
    }
    return rc;
}

enum sg_rc sg_look_deflate(struct sg_slice data, struct sg_buf *out, struct sg_err *err)
{
    uint8_t *room = NULL;
    uLongf len = compressBound(data.len);
    size_t before = out->len;
    enum sg_rc rc = sg_buf_extend(out, len, &room, err);
    if (rc != SG_OK)
        return rc;
    if (compress2(room, &len, data.data, data.len, Z_BEST_COMPRESSION) != Z_OK)
        return sg_fail_memory(err);
    out->len = before + len;
    return SG_OK;
}
