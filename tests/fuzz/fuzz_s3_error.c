/* What an S3 server, or whoever answers in its place, sends as XML: an error, and a list of parts. */
#include <string.h>

#include "fuzz.h"
#include "sync/s3_private.h"
#include "sync/s3_xml.h"

static void check_text(const char *text)
{
    for (; *text; text++)
        must(*text >= ' ' && *text < 0x7f);
}

static enum sg_rc check_element(void *context, const char *parent, const char *name, const char *text,
                                struct sg_err *err)
{
    (void)context;
    (void)err;
    must(name[0] != '\0' && strlen(parent) < 64);
    must(strlen(text) <= SG_MAX_S3_TEXT);
    return SG_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sg_slice xml = {data, size};
    struct sg_s3_error error = {0};
    struct sg_err err = {0};
    enum sg_rc rc = sg_s3_error_read(xml, &error, &err);
    must(rc == SG_OK || (rc == SG_E_BAD_ANSWER && err.text[0] != '\0'));
    if (rc == SG_OK)
        must(error.code[0] != '\0');
    check_text(error.code);
    check_text(error.message);
    check_text(error.request_id);
    check_text(error.region);
    rc = sg_s3_xml_read(xml, check_element, NULL, NULL);
    must(rc == SG_OK || rc == SG_E_BAD_ANSWER);
    return 0;
}
