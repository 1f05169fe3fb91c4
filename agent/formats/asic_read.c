/* Which of a container's files are signatures, and what each is over. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/limits.h"
#include "base/msg.h"
#include "formats/asic.h"

#define META_INF "META-INF/"

struct sg_asic {
    struct sg_input *input;
    struct sg_zip *zip;
    enum sg_asic_form form;
    struct sg_asic_signature *signatures;
    size_t count;
    struct sg_asic_timestamp *timestamps;
    size_t timestamp_count;
};

enum role {
    IS_DATA,
    IS_TYPE,
    IS_SIGNATURE,
    IS_MANIFEST,
    IS_TIMESTAMP,
    IS_ARCHIVE_MANIFEST,
    IS_RECORD,
    IS_XADES,
    IS_OTHER
};

static bool ends_in(const char *name, const char *ending)
{
    size_t len = strlen(name), tail = strlen(ending);
    return len >= tail && strcasecmp(name + len - tail, ending) == 0;
}

/* EN 319 162-1 §4.3.3.2, §4.4.3.2: by the names, whose case programs do not keep. An ASiCArchiveManifest, which has the
 * form of a manifest, is one of a time-stamp. */
static enum role role_of(const char *name)
{
    if (strcmp(name, "mimetype") == 0)
        return IS_TYPE;
    if (strncmp(name, META_INF, strlen(META_INF)) != 0)
        return IS_DATA;
    name += strlen(META_INF);
    if (ends_in(name, ".p7s"))
        return IS_SIGNATURE;
    if (ends_in(name, ".tst"))
        return IS_TIMESTAMP;
    if (strcasestr(name, "ASiCArchiveManifest"))
        return IS_ARCHIVE_MANIFEST;
    if (strcasestr(name, "EvidenceRecord"))
        return IS_RECORD;
    if (ends_in(name, ".xml") && strcasestr(name, "ASiCManifest"))
        return IS_MANIFEST;
    return ends_in(name, ".xml") && strcasestr(name, "signatures") ? IS_XADES : IS_OTHER;
}

bool sg_asic_is_data(const struct sg_zip_entry *entry)
{
    return role_of(entry->name) == IS_DATA;
}

bool sg_asic_is_content(const struct sg_zip_entry *entry)
{
    enum role role = role_of(entry->name);
    return role == IS_DATA || role == IS_OTHER;
}

enum sg_rc sg_asic_probe(struct sg_input *input, bool *ret_is_zip, struct sg_err *err)
{
    return sg_zip_probe(input, ret_is_zip, err);
}

enum sg_rc sg_asic_preload(struct sg_err *err)
{
    return sg_zip_preload(err);
}

void sg_asic_free(struct sg_asic *asic)
{
    if (!asic)
        return;
    for (size_t i = 0; asic->signatures && i < asic->count; i++)
        sg_asic_manifest_clear(&asic->signatures[i].manifest);
    free(asic->signatures);
    for (size_t i = 0; asic->timestamps && i < asic->timestamp_count; i++)
        sg_asic_manifest_clear(&asic->timestamps[i].manifest);
    free(asic->timestamps);
    sg_zip_free(asic->zip);
    free(asic);
}

static enum sg_rc malformed(const struct sg_asic *asic, const char *reason, const char *name, struct sg_err *err)
{
    const char *file = sg_input_name(asic->input);
    return sg_about(
        file, err, sg_fail(err, SG_E_MALFORMED, _("The container \"%s\" is broken: %s (\"%s\")."), file, reason, name));
}

/* --- what it is -----------------------------------------------------------------------------------------------------
 */

/* The type that the container says it is of; "" if it does not. */
static enum sg_rc read_type(const struct sg_asic *asic, char out[SG_ASIC_TYPE_MAX], struct sg_err *err)
{
    const struct sg_zip_entry *entry = sg_zip_find(asic->zip, "mimetype");
    _cleanup_(sg_buf_clear) struct sg_buf type = SG_BUF(SG_ASIC_TYPE_MAX - 1);
    out[0] = '\0';
    if (!entry || entry->size >= SG_ASIC_TYPE_MAX)
        return SG_OK;
    enum sg_rc rc = sg_zip_copy(asic->zip, entry, sg_buf_sink(&type), err);
    if (rc != SG_OK)
        return rc;
    while (type.len > 0 && strchr(" \t\r\n", type.data[type.len - 1]))
        type.len--;
    memcpy(out, type.data, type.len);
    out[type.len] = '\0';
    return SG_OK;
}

static size_t count_role(const struct sg_asic *asic, enum role role)
{
    size_t count = 0;
    for (size_t i = 0; i < sg_zip_count(asic->zip); i++)
        count += role_of(sg_zip_entry(asic->zip, i)->name) == role;
    return count;
}

/* By what it says, else by what is in it. */
static bool find_form(struct sg_asic *asic, const char *type)
{
    if (strcmp(type, SG_ASIC_S_TYPE) == 0) {
        asic->form = SG_ASIC_S;
        return true;
    }
    asic->form = strcmp(type, SG_ASIC_E_TYPE) == 0 || count_role(asic, IS_MANIFEST) > 0 ? SG_ASIC_E : SG_ASIC_S;
    return strcmp(type, SG_ASIC_E_TYPE) == 0 || (type[0] == '\0' && count_role(asic, IS_SIGNATURE) > 0);
}

/* --- signatures -----------------------------------------------------------------------------------------------------
 */

static enum sg_rc find_signatures(struct sg_asic *asic, struct sg_err *err)
{
    size_t count = count_role(asic, IS_SIGNATURE);
    if (count > SG_MAX_ASIC_SIGNATURES)
        return sg_about(sg_input_name(asic->input), err,
                        sg_fail(err, SG_E_LIMIT, _("The container \"%s\" has more signatures than the limit of %d."),
                                sg_input_name(asic->input), SG_MAX_ASIC_SIGNATURES));
    asic->signatures = calloc(count + 1, sizeof *asic->signatures);
    if (!asic->signatures)
        return sg_fail_memory(err);
    for (size_t i = 0; i < sg_zip_count(asic->zip); i++) {
        const struct sg_zip_entry *entry = sg_zip_entry(asic->zip, i);
        if (role_of(entry->name) == IS_SIGNATURE)
            asic->signatures[asic->count++].entry = entry;
    }
    return SG_OK;
}

static struct sg_asic_signature *signature_named(struct sg_asic *asic, const char *name)
{
    for (size_t i = 0; i < asic->count; i++)
        if (strcmp(asic->signatures[i].entry->name, name) == 0)
            return &asic->signatures[i];
    return NULL;
}

static int compare_references(const void *a, const void *b)
{
    const struct sg_asic_reference *x = a, *y = b;
    return strcmp(x->name, y->name);
}

/* Sorted from here on. */
static enum sg_rc check_references(const struct sg_asic *asic, struct sg_asic_manifest *manifest, const char *name,
                                   struct sg_err *err)
{
    qsort(manifest->references, manifest->count, sizeof *manifest->references, compare_references);
    for (size_t i = 1; i < manifest->count; i++)
        if (strcmp(manifest->references[i - 1].name, manifest->references[i].name) == 0)
            return malformed(asic, _("a manifest names a file twice"), name, err);
    return SG_OK;
}

static enum sg_rc read_stream(void *context, uint8_t *out, size_t len, size_t *ret_read, struct sg_err *err)
{
    return sg_zip_stream_read(context, out, len, ret_read, err);
}

/* XML may end before its bytes do; then what follows is part of what was signed, and of what is checked. */
static enum sg_rc read_to_end(struct sg_zip_stream *stream, struct sg_err *err)
{
    uint8_t room[SG_KIB];
    size_t got = 1;
    enum sg_rc rc = SG_OK;
    while (rc == SG_OK && got > 0)
        rc = sg_zip_stream_read(stream, room, sizeof room, &got, err);
    return rc;
}

static enum sg_rc read_manifest(struct sg_asic *asic, const struct sg_zip_entry *entry, struct sg_asic_manifest *ret,
                                struct sg_err *err)
{
    _cleanup_(sg_zip_stream_freep) struct sg_zip_stream *stream = NULL;
    enum sg_rc rc = sg_zip_stream_new(asic->zip, entry, &stream, err);
    if (rc == SG_OK)
        rc = sg_asic_manifest_read(entry->name, &(struct sg_asic_bytes){read_stream, stream}, ret, err);
    if (rc == SG_OK)
        rc = read_to_end(stream, err);
    if (rc == SG_OK)
        rc = check_references(asic, ret, entry->name, err);
    return rc == SG_OK ? rc : sg_about(sg_input_name(asic->input), err, rc);
}

static struct sg_asic_timestamp *timestamp_named(struct sg_asic *asic, const char *name)
{
    for (size_t i = 0; i < asic->timestamp_count; i++)
        if (strcmp(asic->timestamps[i].entry->name, name) == 0)
            return &asic->timestamps[i];
    return NULL;
}

/* A manifest is kept with the time-stamp that it names, and is the only one; that another one names it, too, is no
 * reason not to read the container, whose signatures do not depend on it. */
static bool give_to_timestamp(struct sg_asic *asic, const struct sg_zip_entry *entry, struct sg_asic_manifest *manifest)
{
    struct sg_asic_timestamp *timestamp = timestamp_named(asic, manifest->signature);
    if (!timestamp || timestamp->unclear)
        return false;
    if (timestamp->content) {
        sg_asic_manifest_clear(&timestamp->manifest);
        timestamp->content = NULL;
        timestamp->unclear = true;
        return false;
    }
    timestamp->content = entry;
    timestamp->manifest = *manifest;
    *manifest = (struct sg_asic_manifest){0};
    return true;
}

/* A manifest is kept with the signature that it names; one whose signature is missing covers nothing. */
static enum sg_rc take_manifest(struct sg_asic *asic, const struct sg_zip_entry *entry, struct sg_err *err)
{
    struct sg_asic_manifest manifest = {0};
    enum sg_rc rc = read_manifest(asic, entry, &manifest, err);
    struct sg_asic_signature *signature = rc == SG_OK ? signature_named(asic, manifest.signature) : NULL;
    if (signature && signature->content)
        rc = malformed(asic, _("two manifests name one signature"), entry->name, err);
    if (rc == SG_OK && !signature && give_to_timestamp(asic, entry, &manifest))
        return SG_OK;
    if (rc != SG_OK || !signature) {
        sg_asic_manifest_clear(&manifest);
        return rc;
    }
    signature->content = entry;
    signature->manifest = manifest;
    return SG_OK;
}

static enum sg_rc find_manifests(struct sg_asic *asic, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;
    if (count_role(asic, IS_MANIFEST) > SG_MAX_ASIC_MANIFESTS)
        return sg_about(sg_input_name(asic->input), err,
                        sg_fail(err, SG_E_LIMIT, _("The container \"%s\" has more manifests than the limit of %d."),
                                sg_input_name(asic->input), SG_MAX_ASIC_MANIFESTS));
    for (size_t i = 0; rc == SG_OK && i < sg_zip_count(asic->zip); i++) {
        const struct sg_zip_entry *entry = sg_zip_entry(asic->zip, i);
        if (role_of(entry->name) == IS_MANIFEST)
            rc = take_manifest(asic, entry, err);
    }
    return rc;
}

static enum sg_rc find_timestamps(struct sg_asic *asic, struct sg_err *err)
{
    asic->timestamps = calloc(count_role(asic, IS_TIMESTAMP) + 1, sizeof *asic->timestamps);
    if (!asic->timestamps)
        return sg_fail_memory(err);
    for (size_t i = 0; i < sg_zip_count(asic->zip); i++) {
        const struct sg_zip_entry *entry = sg_zip_entry(asic->zip, i);
        if (role_of(entry->name) == IS_TIMESTAMP)
            asic->timestamps[asic->timestamp_count++].entry = entry;
    }
    return SG_OK;
}

/* Those of time-stamps alone. One that cannot be read leaves its time-stamp without what it is over. */
static enum sg_rc find_archive_manifests(struct sg_asic *asic, struct sg_err *err)
{
    size_t read = 0;
    for (size_t i = 0; i < sg_zip_count(asic->zip) && read < SG_MAX_ASIC_MANIFESTS; i++) {
        const struct sg_zip_entry *entry = sg_zip_entry(asic->zip, i);
        struct sg_asic_manifest manifest = {0};
        if (role_of(entry->name) != IS_ARCHIVE_MANIFEST)
            continue;
        read++;
        enum sg_rc rc = read_manifest(asic, entry, &manifest, err);
        if (rc == SG_OK)
            (void)give_to_timestamp(asic, entry, &manifest);
        sg_asic_manifest_clear(&manifest);
        if (rc != SG_OK && rc != SG_E_MALFORMED && rc != SG_E_LIMIT)
            return rc;
    }
    return SG_OK;
}

/* ASiC-S: a time-stamp that no manifest names is over the file (§4.3.3.2). */
static void give_file_to_timestamp(struct sg_asic *asic, const struct sg_zip_entry *data)
{
    struct sg_asic_timestamp *timestamp = timestamp_named(asic, META_INF "timestamp.tst");
    if (timestamp && !timestamp->content && !timestamp->unclear)
        timestamp->content = data;
}

/* ASiC-S: one file beside META-INF, one signature over it (EN 319 162-1 §4.3.3). More would leave open which it is
 * over. */
static enum sg_rc find_simple(struct sg_asic *asic, struct sg_err *err)
{
    const struct sg_zip_entry *data = NULL;
    for (size_t i = 0; i < sg_zip_count(asic->zip); i++) {
        const struct sg_zip_entry *entry = sg_zip_entry(asic->zip, i);
        enum role role = role_of(entry->name);
        if ((role == IS_DATA && data) || role == IS_MANIFEST)
            return malformed(asic, _("an ASiC-S has one file, and this one has another"), entry->name, err);
        if (role == IS_DATA)
            data = entry;
    }
    if (asic->count > 1)
        return malformed(asic, _("an ASiC-S has one signature, and this one has another"),
                         asic->signatures[1].entry->name, err);
    if (asic->count == 1)
        asic->signatures[0].content = data;
    give_file_to_timestamp(asic, data);
    return SG_OK;
}

static enum sg_rc only_xades(const struct sg_asic *asic, struct sg_err *err)
{
    if (asic->count > 0 || count_role(asic, IS_XADES) == 0)
        return SG_OK;
    return sg_about(sg_input_name(asic->input), err,
                    sg_fail(err, SG_E_UNSUPPORTED,
                            _("The container \"%s\" is signed with XAdES, which is not read here; only CAdES is."),
                            sg_input_name(asic->input)));
}

enum sg_rc sg_asic_open(struct sg_input *input, struct sg_asic **ret, struct sg_err *err)
{
    _cleanup_(sg_asic_freep) struct sg_asic *asic = calloc(1, sizeof *asic);
    char type[SG_ASIC_TYPE_MAX];
    if (!asic)
        return sg_fail_memory(err);
    asic->input = input;
    enum sg_rc rc = sg_zip_open(input, &asic->zip, err);
    if (rc == SG_OK)
        rc = read_type(asic, type, err);
    if (rc != SG_OK)
        return rc;
    if (!find_form(asic, type)) {
        *ret = NULL;
        return SG_OK;
    }
    rc = find_signatures(asic, err);
    if (rc == SG_OK)
        rc = find_timestamps(asic, err);
    if (rc == SG_OK)
        rc = find_archive_manifests(asic, err);
    if (rc == SG_OK)
        rc = only_xades(asic, err);
    if (rc == SG_OK)
        rc = asic->form == SG_ASIC_E ? find_manifests(asic, err) : find_simple(asic, err);
    if (rc == SG_OK)
        *ret = sg_steal(asic);
    return rc;
}

enum sg_asic_form sg_asic_form(const struct sg_asic *asic)
{
    return asic->form;
}

const struct sg_zip *sg_asic_zip(const struct sg_asic *asic)
{
    return asic->zip;
}

size_t sg_asic_timestamp_count(const struct sg_asic *asic)
{
    return asic->timestamp_count;
}

const struct sg_asic_timestamp *sg_asic_timestamp(const struct sg_asic *asic, size_t index)
{
    return &asic->timestamps[index];
}

bool sg_asic_has_evidence_records(const struct sg_asic *asic)
{
    return count_role(asic, IS_RECORD) > 0;
}

size_t sg_asic_signature_count(const struct sg_asic *asic)
{
    return asic->count;
}

const struct sg_asic_signature *sg_asic_signature(const struct sg_asic *asic, size_t index)
{
    return &asic->signatures[index];
}

enum sg_rc sg_asic_read_signature(const struct sg_asic *asic, size_t index, struct sg_buf *bytes, struct sg_err *err)
{
    const struct sg_zip_entry *entry = asic->signatures[index].entry;
    const char *file = sg_input_name(asic->input);
    bytes->len = 0;
    if (entry->size > bytes->max)
        return sg_about(file, err,
                        sg_fail(err, SG_E_LIMIT,
                                _("\"%s: %s\" is larger than the limit of %zu bytes for files of its kind."), file,
                                entry->name, bytes->max));
    return sg_zip_copy(asic->zip, entry, sg_buf_sink(bytes), err);
}

bool sg_asic_signature_is_covered(const struct sg_asic *asic, size_t index)
{
    const char *name = asic->signatures[index].entry->name;
    bool covered = sg_asic_has_evidence_records(asic);
    for (size_t i = 0; !covered && i < asic->count; i++)
        covered = sg_asic_manifest_find(&asic->signatures[i].manifest, name) != NULL;
    for (size_t i = 0; !covered && i < asic->timestamp_count; i++)
        covered = !asic->timestamps[i].content || sg_asic_manifest_find(&asic->timestamps[i].manifest, name);
    return covered;
}
