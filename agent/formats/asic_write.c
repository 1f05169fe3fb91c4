/* Writing a container: its files, each read once; what says which they are; the signature over that. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/hash.h"
#include "base/limits.h"
#include "base/msg.h"
#include "formats/asic.h"
#include "formats/asic_manifest.h"
#include "formats/cades_signer.h"
#include "formats/zip.h"

#define MANIFEST_NAME "META-INF/ASiCManifest001.xml"
#define SIGNATURE_NAME "META-INF/signature001.p7s"
#define SIMPLE_SIGNATURE_NAME "META-INF/signature.p7s" /* EN 319 162-1 §4.3.3.2 */

/* A container in the making. */
struct making {
    const struct sg_asic_params *params;
    struct sg_zip_writer *zip;
    EVP_MD_CTX *ctx;
    struct sg_hash *sha256; /* of the file that is being put in, for check_file(); NULL: nobody asks */
    uint8_t *digests;       /* of each file, `digest_len` octets each */
    size_t digest_len;
    uint8_t *room;     /* SG_SMALL_FILE */
    struct sg_buf xml; /* of the manifest, what is not written yet */
};

static void making_clear(struct making *making)
{
    sg_zip_writer_free(making->zip);
    EVP_MD_CTX_free(making->ctx);
    sg_hash_free(making->sha256);
    free(making->digests);
    free(making->room);
    sg_buf_clear(&making->xml);
}

/* --- names ----------------------------------------------------------------------------------------------------------
 */

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static enum sg_rc check_name(const char *name, struct sg_err *err)
{
    if (strcmp(name, "mimetype") == 0 || strncmp(name, "mimetype/", 9) == 0 || strncasecmp(name, "META-INF/", 9) == 0 ||
        strcasecmp(name, "META-INF") == 0)
        return sg_fail(err, SG_E_USAGE,
                       _("A file cannot be put into the container as \"%.200s\": the name has a meaning "
                         "of its own there."),
                       name);
    return SG_OK;
}

/* A folder that a file is in: so much of the file's name. */
struct folder {
    const char *name;
    size_t len;
};

static int compare_folder(const void *key, const void *member)
{
    const struct folder *folder = key;
    const char *name = *(const char *const *)member;
    int order = strncmp(folder->name, name, folder->len);
    return order != 0 || name[folder->len] == '\0' ? order : -1;
}

/* Of the sorted names this one is not the one before, and no folder that it is in has the name of a file. */
static enum sg_rc check_against(const char *const *names, size_t count, size_t index, struct sg_err *err)
{
    const char *name = names[index];
    bool twice = index > 0 && strcmp(names[index - 1], name) == 0;
    size_t len = strlen(name);
    for (const char *slash = strchr(name, '/'); slash && !twice; slash = strchr(slash + 1, '/')) {
        len = (size_t)(slash - name);
        twice = bsearch(&(struct folder){name, len}, names, count, sizeof *names, compare_folder) != NULL;
    }
    if (twice)
        return sg_fail(err, SG_E_USAGE,
                       _("Two files would be \"%.*s\" in the container; each needs a name of its own."),
                       (int)(len < 200 ? len : 200), name);
    return SG_OK;
}

static enum sg_rc check_names(const struct sg_asic_params *params, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;
    _cleanup_(freep) const char **names = calloc(params->count + 1, sizeof *names);
    if (!names)
        return sg_fail_memory(err);
    if (params->count == 0 || params->count >= SG_MAX_ZIP_ENTRIES - 3)
        return sg_fail(err, SG_E_USAGE, _("A container takes from 1 to %d files."), SG_MAX_ZIP_ENTRIES - 4);
    if (params->form == SG_ASIC_S && params->count > 1)
        return sg_fail(err, SG_E_USAGE, _("An ASiC-S container takes one file; ASiC-E takes many (--format asic-e)."));
    for (size_t i = 0; rc == SG_OK && i < params->count; i++) {
        names[i] = params->files[i].name;
        rc = check_name(names[i], err);
    }
    if (rc == SG_OK)
        qsort(names, params->count, sizeof *names, compare_names);
    for (size_t i = 0; rc == SG_OK && i < params->count; i++)
        rc = check_against(names, params->count, i, err);
    return rc;
}

/* --- files ----------------------------------------------------------------------------------------------------------
 */

static enum sg_rc hash_begin(struct making *making, struct sg_err *err)
{
    if (EVP_DigestInit_ex2(making->ctx, making->params->signer->md, NULL) != 1)
        return sg_fail_ssl(err, SG_E_INTERNAL, _("The content could not be hashed."));
    return SG_OK;
}

static enum sg_rc hash_add(struct making *making, const void *data, size_t len, struct sg_err *err)
{
    if (EVP_DigestUpdate(making->ctx, data, len) != 1)
        return sg_fail_ssl(err, SG_E_INTERNAL, _("The content could not be hashed."));
    if (!making->sha256)
        return SG_OK;
    const struct sg_sink sink = sg_hash_sink(making->sha256);
    return sink.write(sink.context, data, len, err);
}

static enum sg_rc hash_end(struct making *making, uint8_t *out, struct sg_err *err)
{
    if (EVP_DigestFinal_ex(making->ctx, out, NULL) != 1)
        return sg_fail_ssl(err, SG_E_INTERNAL, _("The content could not be hashed."));
    return SG_OK;
}

static enum sg_rc begin_check(struct making *making, struct sg_err *err)
{
    if (!making->params->check_file)
        return SG_OK;
    return sg_hash_new(making->params->signer->libctx, "SHA256", (struct sg_sink){NULL, NULL}, &making->sha256, err);
}

static enum sg_rc check_file(struct making *making, size_t index, struct sg_err *err)
{
    _cleanup_(sg_hash_freep) struct sg_hash *hash = sg_steal(making->sha256);
    char sha256[SG_SHA256_HEX] = "";
    enum sg_rc rc = hash ? sg_hash_end_hex(hash, sha256, err) : SG_OK;
    return rc == SG_OK && hash ? making->params->check_file(making->params->context, index, sha256, err) : rc;
}

static enum sg_rc take(void *context, const uint8_t *data, size_t len, struct sg_err *err)
{
    struct making *making = context;
    enum sg_rc rc = hash_add(making, data, len, err);
    return rc == SG_OK ? sg_zip_write(making->zip, data, len, err) : rc;
}

static enum sg_rc put_small(struct making *making, const char *name, struct sg_input *input, struct sg_err *err)
{
    size_t len = 0;
    enum sg_rc rc = sg_input_read(input, 0, making->room, SG_SMALL_FILE, &len, err);
    if (rc == SG_OK)
        rc = hash_add(making, making->room, len, err);
    return rc == SG_OK ? sg_zip_add(making->zip, name, (struct sg_slice){making->room, len}, err) : rc;
}

static enum sg_rc put_large(struct making *making, const char *name, struct sg_input *input, struct sg_err *err)
{
    const uint64_t size = sg_input_size(input);
    enum sg_rc rc = sg_zip_begin(making->zip, name, size >= UINT32_MAX, err);
    if (rc == SG_OK)
        rc = sg_input_copy(input, 0, size, (struct sg_sink){take, making}, err);
    return rc == SG_OK ? sg_zip_end(making->zip, err) : rc;
}

static enum sg_rc put_file(struct making *making, size_t index, struct sg_err *err)
{
    const struct sg_asic_file *file = &making->params->files[index];
    _cleanup_(sg_input_freep) struct sg_input *input = NULL;
    enum sg_rc rc = sg_input_open(file->path, &input, err);
    if (rc == SG_OK)
        rc = hash_begin(making, err);
    if (rc == SG_OK)
        rc = begin_check(making, err);
    if (rc == SG_OK)
        rc = sg_input_size(input) <= SG_SMALL_FILE ? put_small(making, file->name, input, err)
                                                   : put_large(making, file->name, input, err);
    if (rc == SG_OK)
        rc = sg_input_check_unchanged(input, err);
    if (rc == SG_OK)
        rc = hash_end(making, making->digests + index * making->digest_len, err);
    return rc == SG_OK ? check_file(making, index, err) : rc;
}

static enum sg_rc put_files(struct making *making, struct sg_err *err)
{
    const struct sg_asic_params *params = making->params;
    enum sg_rc rc = SG_OK;
    for (size_t i = 0; rc == SG_OK && i < params->count; i++) {
        rc = params->check_cancelled ? params->check_cancelled(err) : SG_OK;
        if (rc == SG_OK)
            rc = put_file(making, i, err);
        if (rc == SG_OK && params->done)
            params->done(params->context, i + 1);
    }
    return rc;
}

/* --- the manifest ---------------------------------------------------------------------------------------------------
 */

/* Writes what has come together of the XML. */
static enum sg_rc flush_xml(struct making *making, struct sg_err *err)
{
    enum sg_rc rc = take(making, making->xml.data, making->xml.len, err);
    making->xml.len = 0;
    return rc;
}

static enum sg_rc put_reference(struct making *making, size_t index, struct sg_err *err)
{
    const struct sg_slice digest = {making->digests + index * making->digest_len, making->digest_len};
    enum sg_rc rc = sg_asic_manifest_add(&making->xml, making->params->files[index].name,
                                         sg_cades_digest_name(making->params->signer), digest, err);
    return rc == SG_OK && making->xml.len > SG_SMALL_FILE ? flush_xml(making, err) : rc;
}

static enum sg_rc put_manifest(struct making *making, uint8_t *digest, struct sg_err *err)
{
    enum sg_rc rc = sg_zip_begin(making->zip, MANIFEST_NAME, false, err);
    if (rc == SG_OK)
        rc = hash_begin(making, err);
    if (rc == SG_OK)
        rc = sg_asic_manifest_begin(&making->xml, SIGNATURE_NAME, err);
    for (size_t i = 0; rc == SG_OK && i < making->params->count; i++)
        rc = put_reference(making, i, err);
    if (rc == SG_OK)
        rc = sg_asic_manifest_end(&making->xml, err);
    if (rc == SG_OK)
        rc = flush_xml(making, err);
    if (rc == SG_OK)
        rc = hash_end(making, digest, err);
    return rc == SG_OK ? sg_zip_end(making->zip, err) : rc;
}

/* --- the container --------------------------------------------------------------------------------------------------
 */

static enum sg_rc prepare(struct making *making, struct sg_outfile *out, struct sg_err *err)
{
    const struct sg_asic_params *params = making->params;
    making->digest_len = (size_t)EVP_MD_get_size(params->signer->md);
    making->digests = calloc(params->count, making->digest_len);
    making->room = malloc(SG_SMALL_FILE);
    making->ctx = EVP_MD_CTX_new();
    if (!making->digests || !making->room || !making->ctx)
        return sg_fail_memory(err);
    return sg_zip_writer_new(out, params->signing_time, &making->zip, err);
}

static enum sg_rc put_signature(struct making *making, const uint8_t *digest, struct sg_err *err)
{
    const struct sg_asic_params *params = making->params;
    _cleanup_(sg_buf_clear) struct sg_buf cms = SG_BUF(SG_MAX_CMS_REST);
    enum sg_rc rc = params->check_cancelled ? params->check_cancelled(err) : SG_OK;
    if (rc == SG_OK)
        rc = sg_cades_sign_detached(params->signer, (struct sg_slice){digest, making->digest_len}, params->signing_time,
                                    &cms, err);
    if (rc == SG_OK)
        rc = sg_zip_add(making->zip, params->form == SG_ASIC_S ? SIMPLE_SIGNATURE_NAME : SIGNATURE_NAME,
                        sg_buf_slice(&cms), err);
    return rc;
}

enum sg_rc sg_asic_sign(const struct sg_asic_params *params, struct sg_outfile *out, uint8_t *digest,
                        size_t *ret_digest_len, struct sg_err *err)
{
    static const char simple[] = SG_ASIC_S_TYPE, extended[] = SG_ASIC_E_TYPE;
    _cleanup_(making_clear) struct making making = {.params = params, .xml = SG_BUF(SG_MIB)};
    const struct sg_slice type = params->form == SG_ASIC_S
                                     ? (struct sg_slice){(const uint8_t *)simple, sizeof simple - 1}
                                     : (struct sg_slice){(const uint8_t *)extended, sizeof extended - 1};
    uint8_t md[EVP_MAX_MD_SIZE];
    enum sg_rc rc = check_names(params, err);
    if (rc == SG_OK)
        rc = prepare(&making, out, err);
    if (rc == SG_OK)
        rc = sg_zip_add(making.zip, "mimetype", type, err);
    if (rc == SG_OK)
        rc = put_files(&making, err);
    if (rc == SG_OK && params->form == SG_ASIC_S)
        memcpy(md, making.digests, making.digest_len);
    else if (rc == SG_OK)
        rc = put_manifest(&making, md, err);
    if (rc == SG_OK)
        rc = put_signature(&making, md, err);
    if (rc == SG_OK)
        rc = sg_zip_finish(making.zip, err);
    if (rc != SG_OK)
        return rc;
    memcpy(digest, md, making.digest_len);
    *ret_digest_len = making.digest_len;
    return SG_OK;
}
