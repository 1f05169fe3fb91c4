#include "sync/s3_xml.h"

#include <limits.h>
#include <string.h>

#include <libxml/xmlreader.h>

#include "base/cleanup.h"
#include "base/limits.h"
#include "base/msg.h"

SG_DEFINE_CLEANUP(xmlTextReader, xmlFreeTextReader)

struct element {
    char name[64];
    struct sg_buf text;
};

struct reading {
    xmlTextReader *reader;
    struct element open[SG_MAX_S3_DEPTH];
    size_t depth;
    sg_s3_element_fn *each;
    void *context;
};

static enum sg_rc bad(struct sg_err *err)
{
    return sg_fail(err, SG_E_BAD_ANSWER, "%s", _("The server's answer is no XML as S3 has it."));
}

static enum sg_rc open_element(struct reading *r, struct sg_err *err)
{
    const char *name = (const char *)xmlTextReaderConstLocalName(r->reader);
    if (r->depth == SG_MAX_S3_DEPTH || !name || strlen(name) >= sizeof(r->open[0].name))
        return bad(err);
    struct element *element = &r->open[r->depth++];
    *element = (struct element){.text = SG_BUF(SG_MAX_S3_TEXT)};
    (void)strcpy(element->name, name);
    return SG_OK;
}

static enum sg_rc add_text(struct reading *r, struct sg_err *err)
{
    const char *text = (const char *)xmlTextReaderConstValue(r->reader);
    if (!text || r->depth == 0)
        return SG_OK;
    return sg_buf_append(&r->open[r->depth - 1].text, text, strlen(text), NULL) == SG_OK ? SG_OK : bad(err);
}

/* Without the white space around it, in place. */
static enum sg_rc trimmed(struct sg_buf *buf, const char **ret, struct sg_err *err)
{
    static const char space[] = " \t\r\n";
    while (buf->len > 0 && memchr(space, buf->data[buf->len - 1], strlen(space)))
        buf->len--;
    enum sg_rc rc = sg_buf_text(buf, ret, err);
    if (rc == SG_OK)
        *ret += strspn(*ret, space);
    return rc;
}

static enum sg_rc close_element(struct reading *r, struct sg_err *err)
{
    const char *text = "";
    struct element *element = &r->open[--r->depth];
    enum sg_rc rc = trimmed(&element->text, &text, err);
    if (rc == SG_OK)
        rc = r->each(r->context, r->depth > 0 ? r->open[r->depth - 1].name : "", element->name, text, err);
    sg_buf_clear(&element->text);
    return rc;
}

static enum sg_rc take(struct reading *r, struct sg_err *err)
{
    enum sg_rc rc;
    switch (xmlTextReaderNodeType(r->reader)) {
    case XML_READER_TYPE_ELEMENT:
        rc = open_element(r, err);
        return rc == SG_OK && xmlTextReaderIsEmptyElement(r->reader) ? close_element(r, err) : rc;
    case XML_READER_TYPE_END_ELEMENT:
        return close_element(r, err);
    case XML_READER_TYPE_TEXT:
    case XML_READER_TYPE_CDATA:
    case XML_READER_TYPE_SIGNIFICANT_WHITESPACE:
    case XML_READER_TYPE_WHITESPACE:
        return add_text(r, err);
    case XML_READER_TYPE_COMMENT:
    case XML_READER_TYPE_XML_DECLARATION:
        return SG_OK;
    default: /* a DTD, an entity, a processing instruction */
        return bad(err);
    }
}

/* What is wrong is told by the code that is returned; the library would print it. */
static void be_silent(void *context, const char *message, xmlParserSeverities severity, xmlTextReaderLocatorPtr where)
{
    (void)context;
    (void)message;
    (void)severity;
    (void)where;
}

enum sg_rc sg_s3_xml_read(struct sg_slice xml, sg_s3_element_fn *each, void *context, struct sg_err *err)
{
    _cleanup_(xmlFreeTextReaderp) xmlTextReader *reader = NULL;
    struct reading reading = {.each = each, .context = context};
    enum sg_rc rc = SG_OK;
    int more = 1;

    if (xml.len == 0 || xml.len > INT_MAX)
        return bad(err);
    reader = xmlReaderForMemory((const char *)xml.data, (int)xml.len, NULL, NULL, XML_PARSE_NONET | XML_PARSE_NOERROR);
    if (!reader)
        return sg_fail_memory(err);
    xmlTextReaderSetErrorHandler(reader, be_silent, NULL);
    reading.reader = reader;
    while (rc == SG_OK && (more = xmlTextReaderRead(reader)) == 1)
        rc = take(&reading, err);
    while (reading.depth > 0)
        sg_buf_clear(&reading.open[--reading.depth].text);
    return rc == SG_OK && more != 0 ? bad(err) : rc;
}
