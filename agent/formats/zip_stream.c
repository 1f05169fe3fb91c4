/* The bytes of an entry: unpacked, and its size and CRC checked. */
#include <stdlib.h>

#include "base/limits.h"
#include "base/msg.h"
#include "formats/zip_private.h"

struct sg_zip_stream {
    const struct sg_zip *zip;
    const struct sg_zip_entry *entry;
    struct sg_inflate *inflate; /* NULL: stored */
    uint64_t taken, given;      /* packed and unpacked bytes */
    uint32_t crc32;
    uint8_t *room;        /* for packed bytes, of SG_IO_BUFFER */
    struct sg_slice left; /* of them */
    bool ended;           /* the packed data says so */
};

void sg_zip_stream_free(struct sg_zip_stream *stream)
{
    if (!stream)
        return;
    if (stream->inflate)
        stream->zip->module->inflate_free(stream->inflate);
    free(stream->room);
    free(stream);
}

enum sg_rc sg_zip_stream_new(const struct sg_zip *zip, const struct sg_zip_entry *entry, struct sg_zip_stream **ret,
                             struct sg_err *err)
{
    _cleanup_(sg_zip_stream_freep) struct sg_zip_stream *stream = calloc(1, sizeof *stream);
    enum sg_rc rc = SG_OK;
    if (!stream)
        return sg_fail_memory(err);
    stream->zip = zip;
    stream->entry = entry;
    if (entry->method == SG_ZIP_DEFLATED) {
        stream->room = malloc(SG_IO_BUFFER);
        rc = stream->room ? zip->module->inflate_new(&stream->inflate, err) : sg_fail_memory(err);
    }
    if (rc == SG_OK)
        *ret = sg_steal(stream);
    return rc;
}

static enum sg_rc broken(const struct sg_zip_stream *stream, const char *reason, struct sg_err *err)
{
    return sg_zip_malformed(stream->zip, stream->entry->name, reason, err);
}

/* The next of the entry's packed bytes. */
static enum sg_rc fetch(struct sg_zip_stream *stream, uint8_t *out, size_t len, size_t *ret_read, struct sg_err *err)
{
    uint64_t left = stream->entry->packed - stream->taken;
    enum sg_rc rc = sg_input_read(stream->zip->input, stream->entry->data + stream->taken, out,
                                  (size_t)(len < left ? len : left), ret_read, err);
    if (rc == SG_OK)
        stream->taken += *ret_read;
    return rc;
}

static enum sg_rc unpack(struct sg_zip_stream *stream, uint8_t *out, size_t len, size_t *ret_read, struct sg_err *err)
{
    *ret_read = 0;
    while (*ret_read == 0 && !stream->ended) {
        enum sg_rc rc = SG_OK;
        if (stream->left.len == 0) {
            stream->left.data = stream->room;
            rc = fetch(stream, stream->room, SG_IO_BUFFER, &stream->left.len, err);
            if (rc == SG_OK && stream->left.len == 0)
                return broken(stream, _("its packed data is cut off"), err);
        }
        if (rc == SG_OK)
            rc = stream->zip->module->inflate(stream->inflate, &stream->left, out, len, ret_read, &stream->ended, err);
        if (rc == SG_E_MALFORMED)
            return broken(stream, _("its packed data is broken"), err);
        if (rc != SG_OK)
            return rc;
    }
    return SG_OK;
}

/* All of it is there, and nothing more. */
static enum sg_rc check_end(const struct sg_zip_stream *stream, struct sg_err *err)
{
    if (stream->left.len > 0 || stream->taken != stream->entry->packed)
        return broken(stream, _("there is something behind its packed data"), err);
    if (stream->given != stream->entry->size)
        return broken(stream, _("it is shorter than its headers say"), err);
    if (stream->crc32 != stream->entry->crc32)
        return broken(stream, _("its CRC is wrong"), err);
    return SG_OK;
}

enum sg_rc sg_zip_stream_read(struct sg_zip_stream *stream, uint8_t *out, size_t len, size_t *ret_read,
                              struct sg_err *err)
{
    size_t got = 0;
    enum sg_rc rc = stream->inflate ? unpack(stream, out, len, &got, err) : fetch(stream, out, len, &got, err);
    if (rc != SG_OK)
        return rc;
    if (got > stream->entry->size - stream->given)
        return broken(stream, _("it is longer than its headers say"), err);
    stream->given += got;
    stream->crc32 = stream->zip->module->crc32(stream->crc32, out, got);
    if (got == 0 && len > 0)
        rc = check_end(stream, err);
    if (rc == SG_OK)
        *ret_read = got;
    return rc;
}

enum sg_rc sg_zip_copy(const struct sg_zip *zip, const struct sg_zip_entry *entry, struct sg_sink sink,
                       struct sg_err *err)
{
    _cleanup_(sg_zip_stream_freep) struct sg_zip_stream *stream = NULL;
    size_t room_len = entry->size < SG_IO_BUFFER ? (size_t)entry->size + 1 : SG_IO_BUFFER, got = 1;
    _cleanup_(freep) uint8_t *room = malloc(room_len);
    enum sg_rc rc = room ? sg_zip_stream_new(zip, entry, &stream, err) : sg_fail_memory(err);
    while (rc == SG_OK && got > 0) {
        rc = sg_zip_stream_read(stream, room, room_len, &got, err);
        if (rc == SG_OK && got > 0)
            rc = sink.write(sink.context, room, got, err);
    }
    return rc;
}
