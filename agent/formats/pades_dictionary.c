/* The signature dictionary (ISO 32000-1 §12.8.1). */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/msg.h"
#include "formats/pades_private.h"
#include "formats/pdf_permissions.h"
#include "formats/pdf_write.h"

#define BYTE_RANGE_LEN 72 /* "[0 ", three numbers of at most 20 digits, and blanks */

static void put_option(struct sg_pdf_put *put, const char *key, const char *text)
{
    if (!text)
        return;
    sg_pdf_put_format(put, "\n/%s ", key);
    sg_pdf_put_text(put, text);
}

static void put_date(struct sg_pdf_put *put, int64_t time)
{
    sg_pdf_put_format(put, "\n/M ");
    sg_pdf_put_date(put, time);
}

static void put_fill(struct sg_pdf_put *put, char c, size_t len)
{
    uint8_t *room = NULL;

    if (put->rc == SG_OK)
        put->rc = sg_buf_extend(put->out, len, &room, put->err);
    if (put->rc == SG_OK)
        memset(room, c, len);
}

static void put_doc_mdp(struct sg_pdf_put *put, int permission)
{
    sg_pdf_put_format(put,
                      "<</Type /SigRef /TransformMethod /DocMDP /TransformParams <</Type /TransformParams /P %d /V "
                      "/1.2>>>>",
                      permission);
}

/* The field's own lock, in the signature that is in it. */
static void put_field_mdp(struct sg_pdf_put *put, struct sg_pdf_id catalog, const struct sg_pdf_value *lock)
{
    static const struct sg_pdf_change changes[] = {
        {"P", {NULL, 0}}, {"Type", {(const uint8_t *)"/TransformParams", 16}}, {"V", {(const uint8_t *)"/1.2", 4}}};

    sg_pdf_put_format(put, "<</Type /SigRef /TransformMethod /FieldMDP /Data ");
    sg_pdf_put_reference(put, catalog);
    sg_pdf_put_format(put, " /TransformParams ");
    sg_pdf_put_changed(put, lock, changes, sizeof(changes) / sizeof(*changes));
    sg_pdf_put_format(put, ">>");
}

/* What is permitted from now on: by the certification, by the field's lock, or by the stricter of both. */
static enum sg_rc put_permissions(const struct sg_pades_plan *plan, struct sg_pdf_put *put, struct sg_err *err)
{
    const struct sg_pdf_value *lock = NULL;
    int permission = (int)plan->params->certify;
    int locked = 0;
    enum sg_rc rc = SG_OK;

    if (plan->field)
        rc = sg_pdf_find(plan->doc->pdf, plan->field->dictionary, "Lock", &lock, err);
    if (rc == SG_OK && lock)
        rc = sg_pdf_level(plan->doc->pdf, lock, 0, &locked, err);
    if (rc != SG_OK)
        return rc;
    if (locked != 0 && (permission == 0 || locked < permission))
        permission = locked;
    if (permission == 0 && !lock)
        return SG_OK;
    sg_pdf_put_format(put, "\n/Reference [");
    if (permission != 0)
        put_doc_mdp(put, permission);
    if (lock)
        put_field_mdp(put, plan->doc->catalog_id, lock);
    sg_pdf_put_format(put, "]");
    return put->rc;
}

/* EN 319 142-1 §6.3; of a time-stamp ISO 32000-2 §12.8.5. */
enum sg_rc sg_pades_put_dictionary(struct sg_pades_plan *plan, struct sg_pdf_id id, struct sg_pdf_update *update,
                                   size_t *ret_byte_range, struct sg_err *err)
{
    const struct sg_pades_params *params = plan->params;
    struct sg_pdf_put *put = sg_pdf_update_begin(update, id, err);

    sg_pdf_put_format(put, "<</Type /%s /Filter /Adobe.PPKLite /SubFilter /%s\n/ByteRange ",
                      plan->is_timestamp ? "DocTimeStamp" : "Sig",
                      plan->is_timestamp ? "ETSI.RFC3161" : "ETSI.CAdES.detached");
    *ret_byte_range = put->out->len;
    put_fill(put, ' ', BYTE_RANGE_LEN);
    sg_pdf_put_format(put, "\n/Contents ");
    plan->contents = sg_pdf_update_base(update) + put->out->len;
    plan->contents_len = 2 * plan->room + 2;
    sg_pdf_put_format(put, "<");
    put_fill(put, '0', 2 * plan->room);
    sg_pdf_put_format(put, ">");
    if (!plan->is_timestamp)
        put_date(put, params->signing_time);
    put_option(put, "Name", params->name);
    put_option(put, "Reason", params->reason);
    put_option(put, "Location", params->location);
    put_option(put, "ContactInfo", params->contact);
    enum sg_rc rc = put_permissions(plan, put, err);
    sg_pdf_put_format(put, ">>");
    return rc == SG_OK ? sg_pdf_update_end(update) : rc;
}

/* From the file's first octet to /Contents, and from there to the end. */
void sg_pades_byte_range(const struct sg_pades_plan *plan, struct sg_pdf_update *update, size_t place)
{
    char text[BYTE_RANGE_LEN + 1];
    struct sg_buf *bytes = sg_pdf_update_bytes(update);
    const uint64_t rest = plan->contents + plan->contents_len;
    const uint64_t end = sg_pdf_update_base(update) + bytes->len;

    const int len =
        snprintf(text, sizeof(text), "[0 %" PRIu64 " %" PRIu64 " %" PRIu64 "]", plan->contents, rest, end - rest);
    memcpy(bytes->data + place, text, (size_t)len);
}
