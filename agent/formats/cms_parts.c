#include "formats/cms_parts.h"

#include "base/limits.h"
#include "base/msg.h"
#include "formats/der.h"
#include "formats/pem.h"

enum sg_rc sg_cms_refuse_pem(struct sg_input *input, struct sg_err *err)
{
    const char *name = sg_input_name(input);
    char label[SG_PEM_LABEL];

    enum sg_rc rc = sg_pem_label(input, label, err);
    if (rc == SG_OK && label[0] != '\0')
        return sg_about(name, err, sg_fail(err, SG_E_USAGE, _("\"%s\" is PEM; turn it into DER to add to it."), name));
    return rc;
}

/* Goes into ContentInfo, its [0] and SignedData. */
static enum sg_rc go_in(struct sg_tlv_reader *reader, struct sg_cms_parts *parts, struct sg_err *err)
{
    struct sg_tlv element;

    enum sg_rc rc =
        sg_tlv_expect(reader, SG_TLV_UNIVERSAL, SG_TLV_SEQUENCE, _("a ContentInfo"), &parts->around[0], err);
    if (rc == SG_OK)
        rc = sg_tlv_enter(reader, err);
    if (rc == SG_OK)
        rc = sg_tlv_expect(reader, SG_TLV_UNIVERSAL, SG_TLV_OID, _("the content type"), &element, err);
    if (rc == SG_OK)
        rc = sg_tlv_expect(reader, SG_TLV_CONTEXT, 0, _("the content [0]"), &parts->around[1], err);
    if (rc == SG_OK)
        rc = sg_tlv_enter(reader, err);
    if (rc == SG_OK)
        rc = sg_tlv_expect(reader, SG_TLV_UNIVERSAL, SG_TLV_SEQUENCE, _("the SignedData"), &parts->around[2], err);
    return rc == SG_OK ? sg_tlv_enter(reader, err) : rc;
}

enum sg_rc sg_cms_pass_content(struct sg_tlv_reader *reader, uint64_t *ret_end, struct sg_err *err)
{
    struct sg_tlv encap, element;
    bool more = false;

    enum sg_rc rc =
        sg_tlv_expect(reader, SG_TLV_UNIVERSAL, SG_TLV_SEQUENCE, _("the encapsulated content"), &encap, err);
    if (rc == SG_OK)
        rc = sg_tlv_enter(reader, err);
    if (rc == SG_OK)
        rc = sg_tlv_expect(reader, SG_TLV_UNIVERSAL, SG_TLV_OID, _("its type"), &element, err);
    if (rc == SG_OK)
        rc = sg_tlv_next(reader, &element, &more, err);
    if (rc == SG_OK && more)
        rc = sg_tlv_enter(reader, err);
    if (rc == SG_OK && more)
        rc = sg_tlv_expect(reader, SG_TLV_UNIVERSAL, SG_TLV_OCTET_STRING, _("the content"), &element, err);
    if (rc == SG_OK && more)
        rc = sg_tlv_octets(reader, (struct sg_sink){0}, NULL, err);
    if (rc == SG_OK && more)
        rc = sg_tlv_leave(reader, NULL, err);
    if (rc == SG_OK)
        rc = sg_tlv_leave(reader, &encap, err);
    if (rc == SG_OK)
        *ret_end = encap.end;
    return rc;
}

/* certificates [0] and crls [1], both optional, and signerInfos. */
static enum sg_rc pass_rest(struct sg_tlv_reader *reader, struct sg_cms_parts *parts, struct sg_err *err)
{
    struct sg_tlv element;
    bool more = true;

    for (;;) {
        enum sg_rc rc = sg_tlv_next(reader, &element, &more, err);
        if (rc == SG_OK && more)
            rc = sg_tlv_skip(reader, &element, err);
        if (rc != SG_OK)
            return rc;
        if (!more)
            return sg_tlv_malformed(reader, sg_tlv_place(reader), _("the set of signatures was expected there"), err);
        if (sg_tlv_is(&element, SG_TLV_CONTEXT, 0)) {
            parts->certificates = element;
            parts->has_certificates = true;
        } else if (sg_tlv_is(&element, SG_TLV_UNIVERSAL, SG_TLV_SET)) {
            parts->signer_infos = element;
            return SG_OK;
        }
    }
}

enum sg_rc sg_cms_parts_read(struct sg_input *input, struct sg_cms_parts *ret, struct sg_err *err)
{
    _cleanup_(sg_tlv_reader_freep) struct sg_tlv_reader *reader = NULL;
    struct sg_cms_parts parts = {0};
    struct sg_tlv version;

    enum sg_rc rc = sg_cms_refuse_pem(input, err);
    if (rc == SG_OK)
        rc = sg_tlv_reader_new(input, 0, sg_input_size(input), &reader, err);
    if (rc == SG_OK)
        rc = go_in(reader, &parts, err);
    if (rc == SG_OK)
        rc = sg_tlv_expect(reader, SG_TLV_UNIVERSAL, SG_TLV_INTEGER, _("the version"), &version, err);
    if (rc == SG_OK)
        rc = sg_tlv_expect(reader, SG_TLV_UNIVERSAL, SG_TLV_SET, _("the digest algorithms"), &parts.digest_algorithms,
                           err);
    if (rc == SG_OK)
        rc = sg_tlv_skip(reader, &parts.digest_algorithms, err);
    if (rc == SG_OK)
        rc = sg_cms_pass_content(reader, &parts.content_end, err);
    if (rc == SG_OK)
        rc = pass_rest(reader, &parts, err);
    if (rc == SG_OK)
        *ret = parts;
    return rc;
}

/* --- members of a set --------------------------------------------------------------------------------------------- */

/* A set with its members, in memory. */
struct set {
    struct sg_buf bytes;
    uint64_t start; /* in the input, of its content */
    struct sg_slice *members;
    size_t count, room;
};

static void set_clear(struct set *set)
{
    sg_buf_clear(&set->bytes);
    free(set->members);
}

static enum sg_rc add_member(struct set *set, const struct sg_tlv *element, struct sg_err *err)
{
    if (set->count == set->room) {
        size_t room = set->room ? 2 * set->room : 16;
        struct sg_slice *larger = reallocarray(set->members, room, sizeof *larger);
        if (!larger)
            return sg_fail_memory(err);
        set->members = larger;
        set->room = room;
    }
    set->members[set->count++] =
        (struct sg_slice){set->bytes.data + (element->start - set->start), (size_t)(element->end - element->start)};
    return SG_OK;
}

static enum sg_rc read_set(struct set *set, struct sg_input *input, const struct sg_tlv *element, struct sg_err *err)
{
    _cleanup_(sg_tlv_reader_freep) struct sg_tlv_reader *reader = NULL;
    uint8_t *room = NULL;
    size_t len = 0;
    bool more = true;

    enum sg_rc rc = sg_buf_extend(&set->bytes, (size_t)element->length, &room, err);
    if (rc == SG_OK)
        rc = sg_input_read(input, element->content, room, (size_t)element->length, &len, err);
    if (rc == SG_OK)
        rc = sg_tlv_reader_new(input, element->content, element->length, &reader, err);
    set->start = element->content;
    while (rc == SG_OK && more) {
        struct sg_tlv member;
        rc = sg_tlv_next(reader, &member, &more, err);
        if (rc == SG_OK && more)
            rc = sg_tlv_skip(reader, &member, err);
        if (rc == SG_OK && more)
            rc = add_member(set, &member, err);
    }
    return rc;
}

static bool is_sorted(const struct set *set)
{
    for (size_t i = 1; i < set->count; i++)
        if (sg_der_compare(set->members[i - 1], set->members[i]) > 0)
            return false;
    return true;
}

enum sg_rc sg_cms_add_members(struct sg_splice *splice, struct sg_input *input, const struct sg_tlv *element,
                              const struct sg_slice *members, size_t count, int64_t *growth, struct sg_err *err)
{
    _cleanup_(set_clear) struct set set = {.bytes = SG_BUF(SG_MAX_CMS_REST)};
    size_t place = 0;
    int64_t grown = 0;

    enum sg_rc rc = read_set(&set, input, element, err);
    if (rc == SG_OK && !is_sorted(&set))
        place = set.count;
    for (size_t i = 0; rc == SG_OK && i < count; i++) {
        while (place < set.count && sg_der_compare(set.members[place], members[i]) <= 0)
            place++;
        uint64_t at = place < set.count ? set.start + (uint64_t)(set.members[place].data - set.bytes.data)
                                        : set.start + set.bytes.len;
        rc = sg_splice_insert(splice, at, members[i], err);
        grown += (int64_t)members[i].len;
    }
    if (rc == SG_OK)
        rc = sg_splice_grow(splice, element, &grown, err);
    if (rc == SG_OK)
        *growth = grown;
    return rc;
}
