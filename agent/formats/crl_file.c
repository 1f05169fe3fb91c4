/* The CRLs of a file: where each of them is. What is PEM is decoded into one temporary file. */
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/msg.h"
#include "formats/crl.h"
#include "formats/pem_reader.h"
#include "formats/tlv.h"

struct sg_crl_file {
    struct sg_input *decoded; /* NULL: the file is DER */
    struct sg_crl_place *places;
    size_t count;
};

static enum sg_rc append(void *context, const uint8_t *data, size_t len, struct sg_err *err)
{
    struct sg_input *decoded = context;
    if (sg_input_size(decoded) + len > SG_MAX_CRL_FILE)
        return sg_fail(err, SG_E_LIMIT, _("A CRL is larger than %zu bytes, which is the limit."), SG_MAX_CRL_FILE);
    return sg_input_append(decoded, data, len, err);
}

static enum sg_rc add_place(struct sg_crl_file *file, struct sg_input *input, uint64_t offset, struct sg_err *err)
{
    struct sg_crl_place *grown = reallocarray(file->places, file->count + 1, sizeof *grown);
    if (!grown)
        return sg_fail_memory(err);
    file->places = grown;
    grown[file->count++] =
        (struct sg_crl_place){.input = input, .offset = offset, .len = sg_input_size(input) - offset};
    return SG_OK;
}

/* Every block with the label of a CRL (RFC 7468 §7); others are not decoded. */
static enum sg_rc read_pem(struct sg_input *input, struct sg_crl_file *file, struct sg_err *err)
{
    _cleanup_(sg_pem_reader_freep) struct sg_pem_reader *reader = NULL;
    char label[SG_PEM_LABEL];
    bool more = true;
    enum sg_rc rc = sg_pem_reader_new(input, &reader, err);
    if (rc == SG_OK)
        rc = sg_input_spool(sg_input_name(input), &file->decoded, err);
    while (rc == SG_OK) {
        rc = sg_pem_next(reader, label, &more, err);
        if (rc != SG_OK || !more)
            break;
        if (strcmp(label, "X509 CRL") != 0)
            continue;
        if (file->count == SG_MAX_CERTIFICATES)
            return sg_fail(err, SG_E_LIMIT, _("\"%s\" holds more than %d CRLs, which is the limit."),
                           sg_input_name(input), SG_MAX_CERTIFICATES);
        uint64_t offset = sg_input_size(file->decoded);
        rc = sg_pem_block(reader, label, (struct sg_sink){append, file->decoded}, err);
        if (rc == SG_OK)
            rc = add_place(file, file->decoded, offset, err);
    }
    if (rc == SG_OK && file->count == 0)
        rc = sg_fail(err, SG_E_MALFORMED, _("\"%s\" holds no CRL: it is neither DER nor PEM with one in it."),
                     sg_input_name(input));
    return rc;
}

enum sg_rc sg_crl_file_open(struct sg_input *input, struct sg_crl_file **ret, struct sg_err *err)
{
    _cleanup_(sg_crl_file_freep) struct sg_crl_file *file = calloc(1, sizeof *file);
    if (!file)
        return sg_fail_memory(err);
    enum sg_rc rc = sg_tlv_is_sequence(input) ? add_place(file, input, 0, err) : read_pem(input, file, err);
    if (rc != SG_OK)
        return sg_about(sg_input_name(input), err, rc);
    *ret = sg_steal(file);
    return SG_OK;
}

void sg_crl_file_free(struct sg_crl_file *file)
{
    if (!file)
        return;
    sg_input_free(file->decoded);
    free(file->places);
    free(file);
}

size_t sg_crl_file_count(const struct sg_crl_file *file)
{
    return file->count;
}

struct sg_crl_place sg_crl_file_place(const struct sg_crl_file *file, size_t index)
{
    return file->places[index];
}
