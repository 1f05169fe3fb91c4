#include "formats/splice.h"

#include <stdlib.h>

void sg_splice_clear(struct sg_splice *splice)
{
    free(splice->edits);
    *splice = (struct sg_splice){0};
}

/* Takes a place for a new edit, behind all that are not behind it in the input. */
static enum sg_rc make_edit(struct sg_splice *splice, uint64_t at, struct sg_splice_edit **ret, struct sg_err *err)
{
    if (splice->count == splice->room) {
        size_t room = splice->room ? 2 * splice->room : 8;
        struct sg_splice_edit *larger = reallocarray(splice->edits, room, sizeof *larger);
        if (!larger)
            return sg_fail_memory(err);
        splice->edits = larger;
        splice->room = room;
    }
    size_t place = splice->count++;
    for (; place > 0 && splice->edits[place - 1].at > at; place--)
        splice->edits[place] = splice->edits[place - 1];
    splice->edits[place] = (struct sg_splice_edit){.at = at};
    *ret = &splice->edits[place];
    return SG_OK;
}

enum sg_rc sg_splice_insert(struct sg_splice *splice, uint64_t at, struct sg_slice bytes, struct sg_err *err)
{
    struct sg_splice_edit *edit = NULL;

    enum sg_rc rc = make_edit(splice, at, &edit, err);
    if (rc == SG_OK)
        edit->bytes = bytes;
    return rc;
}

enum sg_rc sg_splice_grow(struct sg_splice *splice, const struct sg_tlv *around, int64_t *growth, struct sg_err *err)
{
    const uint8_t tag_octet = (uint8_t)(around->tag_class << 6 | 0x20 | around->tag);
    struct sg_splice_edit *edit = NULL;

    if (around->indefinite || *growth == 0)
        return SG_OK;
    enum sg_rc rc = make_edit(splice, around->start, &edit, err);
    if (rc != SG_OK)
        return rc;
    edit->left_out = (size_t)(around->content - around->start);
    edit->bytes.len = sg_tlv_header(tag_octet, (uint64_t)((int64_t)around->length + *growth), edit->header);
    *growth += (int64_t)edit->bytes.len - (int64_t)edit->left_out;
    return SG_OK;
}

enum sg_rc sg_splice_write(const struct sg_splice *splice, struct sg_input *input, struct sg_sink sink,
                           struct sg_err *err)
{
    uint64_t copied = 0;
    enum sg_rc rc = SG_OK;

    for (size_t i = 0; i < splice->count && rc == SG_OK; i++) {
        const struct sg_splice_edit *edit = &splice->edits[i];
        const uint8_t *bytes = edit->bytes.data ? edit->bytes.data : edit->header;
        rc = sg_input_copy(input, copied, edit->at - copied, sink, err);
        if (rc == SG_OK && edit->bytes.len > 0)
            rc = sink.write(sink.context, bytes, edit->bytes.len, err);
        copied = edit->at + edit->left_out;
    }
    if (rc == SG_OK)
        rc = sg_input_copy(input, copied, sg_input_size(input) - copied, sink, err);
    return rc == SG_OK ? sg_input_check_unchanged(input, err) : rc;
}
