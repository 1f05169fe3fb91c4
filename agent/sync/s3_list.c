/* Lists of an object's parts: that which the server gives, and that which makes the object of them. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/msg.h"
#include "sync/s3_private.h"
#include "sync/s3_xml.h"

/* --- ListParts ---------------------------------------------------------------------------------------------------- */

struct page {
    void (*each)(void *context, const struct sg_s3_listed *part);
    void *context;
    struct sg_s3_listed part; /* that is being read */
    uint64_t next;
    bool is_list, truncated;
};

/* 0: it is no number. */
static uint64_t read_number(const char *text)
{
    size_t len = strlen(text);
    return len > 0 && len < 19 && strspn(text, "0123456789") == len ? strtoull(text, NULL, 10) : 0;
}

static void take_field(struct sg_s3_listed *part, const char *name, const char *text)
{
    if (strcmp(name, "PartNumber") == 0)
        part->number = read_number(text);
    else if (strcmp(name, "Size") == 0)
        part->size = read_number(text);
    else if (strcmp(name, "ETag") == 0 && strlen(text) < sizeof(part->etag))
        (void)strcpy(part->etag, text);
}

static void take_of_list(struct page *page, const char *name, const char *text)
{
    if (strcmp(name, "Part") == 0) {
        if (page->part.number > 0 && page->part.size > 0 && page->part.etag[0])
            page->each(page->context, &page->part);
        page->part = (struct sg_s3_listed){0};
    } else if (strcmp(name, "IsTruncated") == 0) {
        page->truncated = strcmp(text, "true") == 0;
    } else if (strcmp(name, "NextPartNumberMarker") == 0) {
        page->next = read_number(text);
    }
}

static enum sg_rc take(void *context, const char *parent, const char *name, const char *text, struct sg_err *err)
{
    struct page *page = context;
    (void)err;
    if (strcmp(parent, "Part") == 0)
        take_field(&page->part, name, text);
    else if (strcmp(parent, "ListPartsResult") == 0)
        take_of_list(page, name, text);
    else if (parent[0] == '\0')
        page->is_list = strcmp(name, "ListPartsResult") == 0;
    return SG_OK;
}

enum sg_rc sg_s3_list_read(struct sg_slice xml, void (*each)(void *context, const struct sg_s3_listed *part),
                           void *context, uint64_t *ret_next, struct sg_err *err)
{
    struct page page = {.each = each, .context = context};
    enum sg_rc rc = sg_s3_xml_read(xml, take, &page, err);
    if (rc != SG_OK)
        return rc;
    if (!page.is_list)
        return sg_fail(err, SG_E_BAD_ANSWER, "%s", _("The server's answer is no list of parts as S3 has it."));
    *ret_next = page.truncated ? page.next : 0;
    return SG_OK;
}

/* --- CompleteMultipartUpload -------------------------------------------------------------------------------------- */

static enum sg_rc append_escaped(struct sg_buf *out, const char *text, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;
    for (; rc == SG_OK && *text; text++)
        rc = isalnum((unsigned char)*text) ? sg_buf_append(out, text, 1, err)
                                           : sg_buf_printf(out, err, "&#%u;", (unsigned)(unsigned char)*text);
    return rc;
}

enum sg_rc sg_s3_list_write(const char (*etags)[SG_MAX_S3_ETAG], size_t count, struct sg_buf *out, struct sg_err *err)
{
    enum sg_rc rc = sg_buf_printf(out, err, "<CompleteMultipartUpload>");
    for (size_t i = 0; rc == SG_OK && i < count; i++) {
        rc = sg_buf_printf(out, err, "<Part><PartNumber>%zu</PartNumber><ETag>", i + 1);
        if (rc == SG_OK)
            rc = append_escaped(out, etags[i], err);
        if (rc == SG_OK)
            rc = sg_buf_printf(out, err, "</ETag></Part>");
    }
    return rc == SG_OK ? sg_buf_printf(out, err, "</CompleteMultipartUpload>") : rc;
}
