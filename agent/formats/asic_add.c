/* One more signature in a container that has some. */
#include <string.h>
#include <strings.h>

#include <openssl/objects.h>

#include "base/hash.h"
#include "base/limits.h"
#include "base/msg.h"
#include "formats/asic.h"
#include "formats/cades_parallel.h"
#include "formats/cades_signer.h"
#include "formats/cms.h"

#define META_NAME_MAX 64

struct adding {
    const struct sg_cades_signer *signer;
    struct sg_input *container;
    struct sg_asic *asic;
    int64_t signing_time;
    struct sg_outfile *out;
    uint8_t *digest; /* of what the CAdES signs */
    size_t *ret_digest_len;
};

static enum sg_rc refuse(const struct adding *adding, enum sg_rc rc, const char *sentence, const char *name,
                         struct sg_err *err)
{
    const char *file = sg_input_name(adding->container);
    return sg_about(file, err,
                    sg_fail(err, rc, _("A signature cannot be added to \"%s\": %s (\"%s\")."), file, sentence, name));
}

static enum sg_rc digest_entry(const struct adding *adding, const struct sg_zip_entry *entry, const char *digest_name,
                               uint8_t out[EVP_MAX_MD_SIZE], struct sg_slice *ret, struct sg_err *err)
{
    _cleanup_(sg_hash_freep) struct sg_hash *hash = NULL;
    *ret = (struct sg_slice){.data = out};
    enum sg_rc rc = sg_hash_new(adding->signer->libctx, digest_name, (struct sg_sink){NULL, NULL}, &hash, err);
    if (rc == SG_OK)
        rc = sg_zip_copy(sg_asic_zip(adding->asic), entry, sg_hash_sink(hash), err);
    return rc == SG_OK ? sg_hash_end(hash, out, &ret->len, err) : rc;
}

/* --- ASiC-E: are the files what the signatures there are of? --------------------------------------------------------
 */

/* Of a SignerInfo without signed attributes it is for who judges its value to say. */
static enum sg_rc check_message_digest(const struct adding *adding, const struct sg_asic_signature *signature,
                                       const struct sg_signer_info *si, struct sg_err *err)
{
    const struct sg_attribute *attribute = NULL;
    const int nid = OBJ_obj2nid(si->digest_algorithm->algorithm);
    uint8_t value[EVP_MAX_MD_SIZE];
    struct sg_slice digest;
    if (sg_attributes_find(si->signed_attrs, si->signed_attr_count, NID_pkcs9_messageDigest, &attribute) != 1 ||
        attribute->value_count != 1)
        return SG_OK;
    enum sg_rc rc = digest_entry(adding, signature->content, OBJ_nid2sn(nid), value, &digest, err);
    if (rc != SG_OK)
        return rc;
    const struct sg_slice signed_value = attribute->values[0];
    if (signed_value.len < digest.len ||
        memcmp(signed_value.data + signed_value.len - digest.len, digest.data, digest.len) != 0)
        return refuse(adding, SG_E_POLICY, _("its manifest is not what its signature is of"), signature->content->name,
                      err);
    return SG_OK;
}

static enum sg_rc check_signature(const struct adding *adding, size_t index, struct sg_err *err)
{
    const struct sg_asic_signature *signature = sg_asic_signature(adding->asic, index);
    _cleanup_(sg_buf_clear) struct sg_buf bytes = SG_BUF(SG_MAX_CMS_REST);
    _cleanup_(sg_input_freep) struct sg_input *input = NULL;
    _cleanup_(sg_cms_freep) struct sg_cms *cms = NULL;
    if (!signature->content)
        return refuse(adding, SG_E_POLICY, _("a signature in it has no manifest"), signature->entry->name, err);
    enum sg_rc rc = sg_asic_read_signature(adding->asic, index, &bytes, err);
    if (rc == SG_OK)
        rc = sg_input_from_slice(sg_input_name(adding->container), sg_buf_slice(&bytes), &input, err);
    if (rc == SG_OK)
        rc = sg_cms_read(input, adding->signer->libctx, NULL, &cms, err);
    for (size_t i = 0; rc == SG_OK && i < sg_cms_signer_count(cms); i++)
        rc = check_message_digest(adding, signature, sg_cms_signer(cms, i), err);
    for (size_t i = 0; rc == SG_OK && i < signature->manifest.count; i++)
        if (!sg_zip_find(sg_asic_zip(adding->asic), signature->manifest.references[i].name))
            rc = refuse(adding, SG_E_POLICY, _("a file that was signed is not in it"),
                        signature->manifest.references[i].name, err);
    return rc;
}

static enum sg_rc check_reference(const struct adding *adding, const struct sg_zip_entry *entry,
                                  const struct sg_asic_reference *reference, struct sg_slice own, struct sg_err *err)
{
    uint8_t value[EVP_MAX_MD_SIZE];
    struct sg_slice digest = own;
    enum sg_rc rc = SG_OK;
    if (reference->digest_nid == NID_undef)
        return refuse(adding, SG_E_UNSUPPORTED, _("a digest in its manifest is not known here"), entry->name, err);
    if (reference->digest_nid != adding->signer->digest->nid)
        rc = digest_entry(adding, entry, OBJ_nid2sn(reference->digest_nid), value, &digest, err);
    if (rc == SG_OK && !sg_slice_equal(digest, (struct sg_slice){reference->digest, reference->digest_len}))
        rc = refuse(adding, SG_E_POLICY, _("a file in it is not what was signed: it has been changed"), entry->name,
                    err);
    return rc;
}

/* A file goes into the new manifest if a signature is over it. */
static enum sg_rc take_file(const struct adding *adding, const struct sg_zip_entry *entry, struct sg_buf *xml,
                            size_t *count, struct sg_err *err)
{
    uint8_t value[EVP_MAX_MD_SIZE];
    struct sg_slice own;
    bool covered = false;
    enum sg_rc rc = digest_entry(adding, entry, adding->signer->digest->name, value, &own, err);
    for (size_t i = 0; rc == SG_OK && i < sg_asic_signature_count(adding->asic); i++) {
        const struct sg_asic_reference *reference =
            sg_asic_manifest_find(&sg_asic_signature(adding->asic, i)->manifest, entry->name);
        if (!reference)
            continue;
        covered = true;
        rc = check_reference(adding, entry, reference, own, err);
    }
    if (rc == SG_OK && !covered && sg_asic_is_data(entry))
        return refuse(adding, SG_E_POLICY, _("a file in it is signed by nobody; somebody else may have put it there"),
                      entry->name, err);
    if (rc != SG_OK || !covered)
        return rc;
    (*count)++;
    return sg_asic_manifest_add(xml, entry->name, adding->signer->digest->name, own, err);
}

/* --- ASiC-E: the new files ------------------------------------------------------------------------------------------
 */

static bool is_taken(const struct adding *adding, const char *name)
{
    const struct sg_zip *zip = sg_asic_zip(adding->asic);
    for (size_t i = 0; i < sg_zip_count(zip); i++)
        if (strcasecmp(sg_zip_entry(zip, i)->name, name) == 0)
            return true;
    return false;
}

static void choose_names(const struct adding *adding, char manifest[META_NAME_MAX], char signature[META_NAME_MAX])
{
    size_t number = sg_asic_signature_count(adding->asic);
    do {
        number++;
        (void)snprintf(manifest, META_NAME_MAX, "META-INF/ASiCManifest%03zu.xml", number);
        (void)snprintf(signature, META_NAME_MAX, "META-INF/signature%03zu.p7s", number);
    } while (is_taken(adding, manifest) || is_taken(adding, signature));
}

static enum sg_rc make_manifest(const struct adding *adding, const char *signature, struct sg_buf *xml,
                                struct sg_err *err)
{
    const struct sg_zip *zip = sg_asic_zip(adding->asic);
    size_t count = 0;
    enum sg_rc rc = sg_asic_manifest_begin(xml, signature, err);
    for (size_t i = 0; rc == SG_OK && i < sg_zip_count(zip); i++)
        if (sg_asic_is_content(sg_zip_entry(zip, i)))
            rc = take_file(adding, sg_zip_entry(zip, i), xml, &count, err);
    if (rc == SG_OK && count == 0)
        rc = refuse(adding, SG_E_POLICY, _("there is no file in it that is signed"), "META-INF", err);
    return rc == SG_OK ? sg_asic_manifest_end(xml, err) : rc;
}

static enum sg_rc add_extended(const struct adding *adding, struct sg_err *err)
{
    _cleanup_(sg_buf_clear) struct sg_buf xml = SG_BUF(SG_MAX_ASIC_MANIFEST), cms = SG_BUF(SG_MAX_CMS_REST);
    char manifest[META_NAME_MAX], signature[META_NAME_MAX];
    enum sg_rc rc = SG_OK;
    for (size_t i = 0; rc == SG_OK && i < sg_asic_signature_count(adding->asic); i++)
        rc = check_signature(adding, i, err);
    choose_names(adding, manifest, signature);
    if (rc == SG_OK)
        rc = make_manifest(adding, signature, &xml, err);
    if (rc == SG_OK)
        rc = sg_digest(adding->signer->libctx, adding->signer->digest->name, sg_buf_slice(&xml), adding->digest,
                       adding->ret_digest_len, err);
    if (rc == SG_OK)
        rc = sg_cades_sign_detached(adding->signer, (struct sg_slice){adding->digest, *adding->ret_digest_len},
                                    adding->signing_time, &cms, err);
    const struct sg_zip_file files[] = {{manifest, sg_buf_slice(&xml)}, {signature, sg_buf_slice(&cms)}};
    return rc == SG_OK ? sg_zip_append(sg_asic_zip(adding->asic), files, 2, adding->signing_time,
                                       sg_outfile_sink(adding->out), err)
                       : rc;
}

/* --- ASiC-S ---------------------------------------------------------------------------------------------------------
 */

static enum sg_rc add_simple(const struct adding *adding, struct sg_err *err)
{
    const struct sg_asic_signature *signature = sg_asic_signature(adding->asic, 0);
    const struct sg_zip *zip = sg_asic_zip(adding->asic);
    _cleanup_(sg_buf_clear) struct sg_buf bytes = SG_BUF(SG_MAX_CMS_REST), more = SG_BUF(SG_MAX_CMS_REST);
    _cleanup_(sg_input_freep) struct sg_input *cms = NULL, *content = NULL;
    if (sg_asic_signature_is_covered(adding->asic, 0))
        return refuse(adding, SG_E_UNSUPPORTED,
                      _("a time-stamp of the container may be over its signature, which it would break"),
                      signature->entry->name, err);
    if (!signature->content)
        return refuse(adding, SG_E_POLICY, _("what was signed is not in it"), signature->entry->name, err);
    enum sg_rc rc = sg_asic_read_signature(adding->asic, 0, &bytes, err);
    if (rc == SG_OK)
        rc = sg_input_from_slice(sg_input_name(adding->container), sg_buf_slice(&bytes), &cms, err);
    if (rc == SG_OK)
        rc = sg_input_spool(sg_input_name(adding->container), &content, err);
    if (rc == SG_OK)
        rc = sg_zip_copy(zip, signature->content, sg_input_sink(content), err);
    if (rc == SG_OK)
        rc = sg_cades_add_signer(adding->signer, cms, content, adding->signing_time, sg_buf_sink(&more), adding->digest,
                                 adding->ret_digest_len, err);
    return rc == SG_OK ? sg_zip_replace(zip, signature->entry, sg_buf_slice(&more), sg_outfile_sink(adding->out), err)
                       : rc;
}

/* --- either ---------------------------------------------------------------------------------------------------------
 */

enum sg_rc sg_asic_sniff(struct sg_input *input, enum sg_asic_form *ret_form, bool *ret_is, struct sg_err *err)
{
    static const char name[] = "mimetype", simple[] = SG_ASIC_S_TYPE, extended[] = SG_ASIC_E_TYPE;
    static const size_t at = 30; /* behind the first local header (APPNOTE.TXT §4.3.7) */
    char begin[30 + sizeof name - 1 + sizeof extended - 1] = "";
    size_t done = 0;
    _Static_assert(sizeof simple == sizeof extended, "types of one length");
    *ret_is = false;
    enum sg_rc rc = sg_input_read(input, 0, begin, sizeof begin, &done, err);
    if (rc != SG_OK || done < sizeof begin || memcmp(begin, "PK\3\4", 4) != 0 ||
        memcmp(begin + at, name, sizeof name - 1) != 0)
        return rc;
    const char *type = begin + at + sizeof name - 1;
    *ret_form = memcmp(type, simple, sizeof simple - 1) == 0 ? SG_ASIC_S : SG_ASIC_E;
    *ret_is = *ret_form == SG_ASIC_S || memcmp(type, extended, sizeof extended - 1) == 0;
    return SG_OK;
}

static enum sg_rc open_container(struct adding *adding, enum sg_asic_form form, struct sg_err *err)
{
    const char *file = sg_input_name(adding->container), *word = form == SG_ASIC_E ? "ASiC-E" : "ASiC-S";
    bool is_zip = false;
    enum sg_rc rc = sg_asic_probe(adding->container, &is_zip, err);
    if (rc == SG_OK && is_zip)
        rc = sg_asic_open(adding->container, &adding->asic, err);
    if (rc != SG_OK)
        return rc;
    if (!adding->asic || sg_asic_form(adding->asic) != form)
        return sg_about(file, err,
                        sg_fail(err, SG_E_USAGE,
                                _("\"%s\" is no container of the form %s, to which a signature could be added."), file,
                                word));
    if (sg_asic_signature_count(adding->asic) == 0)
        return refuse(adding, SG_E_UNSUPPORTED, _("there is no signature with CAdES in it"), "META-INF", err);
    return SG_OK;
}

enum sg_rc sg_asic_add_signature(const struct sg_cades_signer *signer, enum sg_asic_form form,
                                 struct sg_input *container, int64_t signing_time, struct sg_outfile *out,
                                 uint8_t *digest, size_t *ret_digest_len, struct sg_err *err)
{
    struct adding adding = {.signer = signer,
                            .container = container,
                            .signing_time = signing_time,
                            .out = out,
                            .digest = digest,
                            .ret_digest_len = ret_digest_len};
    enum sg_rc rc = open_container(&adding, form, err);
    if (rc == SG_OK)
        rc = form == SG_ASIC_E ? add_extended(&adding, err) : add_simple(&adding, err);
    sg_asic_free(adding.asic);
    return rc;
}
