/* S/MIME messages of any bytes. What is read can be streamed again, has only CRLF for line ends, and is the same
 * whether the message itself had one or the other; and a message that is read is one that was known for one. */
#include <string.h>

#include "base/limits.h"
#include "formats/mime.h"
#include "fuzz.h"

static enum sg_rc into_buffer(void *context, const uint8_t *bytes, size_t len, struct sg_err *err)
{
    return sg_buf_append(context, bytes, len, err);
}

static struct sg_input *input_of(struct sg_slice bytes)
{
    struct sg_input *input = NULL;

    must(sg_input_from_slice("fuzz", bytes, &input, NULL) == SG_OK);
    return input;
}

/* What it signs goes to `content`; false: it is not read. */
static bool read_message(struct sg_slice bytes, struct sg_buf *content)
{
    _cleanup_(sg_input_freep) struct sg_input *input = input_of(bytes);
    _cleanup_(sg_mime_freep) struct sg_mime *mime = NULL;
    bool known = false;
    struct sg_err err;

    must(sg_mime_probe(input, &known, NULL) == SG_OK);
    enum sg_rc rc = sg_mime_read(input, &mime, &err);
    must(rc == SG_OK || rc == SG_E_MALFORMED || rc == SG_E_UNSUPPORTED || rc == SG_E_LIMIT);
    must(rc == SG_OK ? known : err.text[0] != '\0');
    if (!mime)
        return false;
    must(sg_mime_cms(mime) && sg_input_size(sg_mime_cms(mime)) <= bytes.len);
    if (sg_mime_is_detached(mime))
        must(sg_mime_content(mime, (struct sg_sink){into_buffer, content}, NULL) == SG_OK);
    return true;
}

static void check_line_ends(const struct sg_buf *content)
{
    for (size_t i = 0; i < content->len; i++)
        must(content->data[i] != '\n' || (i > 0 && content->data[i - 1] == '\r'));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const size_t room = 2 * size + 1;
    _cleanup_(sg_buf_clear) struct sg_buf content = SG_BUF(room), again = SG_BUF(room), canonical = SG_BUF(room);

    if (!read_message((struct sg_slice){data, size}, &content))
        return 0;
    check_line_ends(&content);
    for (size_t i = 0; i < size; i++) {
        if (data[i] == '\n' && (i == 0 || data[i - 1] != '\r'))
            must(sg_buf_append(&canonical, "\r", 1, NULL) == SG_OK);
        must(sg_buf_append(&canonical, data + i, 1, NULL) == SG_OK);
    }
    must(read_message(sg_buf_slice(&canonical), &again));
    must(sg_slice_equal(sg_buf_slice(&content), sg_buf_slice(&again)));
    return 0;
}
