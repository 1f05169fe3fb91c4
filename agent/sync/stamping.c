#include "sync/stamping.h"

#include <string.h>

#include <openssl/asn1.h>
#include <openssl/objects.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/msg.h"
#include "formats/asic.h"
#include "formats/cms.h"
#include "formats/cms_augment.h"
#include "formats/pades_stamp.h"
#include "formats/tsp.h"
#include "verify/pdf_addition.h"

struct stamping_format {
    const char *name;
    enum sg_rc (*begin)(struct sg_stamping *stamping, const struct sg_stamping_request *request,
                        uint8_t sha256[SG_SHA256_LEN], struct sg_err *err);
    enum sg_rc (*finish)(struct sg_stamping *stamping, struct sg_slice token, struct sg_sink sink, struct sg_err *err);
};

struct sg_stamping {
    OSSL_LIB_CTX *libctx;
    struct sg_input *bytes; /* borrowed */
    const struct stamping_format *format;
    size_t count;                 /* of the signatures among which is that one */
    size_t signer;                /* of a CMS: whose signature value is stamped */
    struct sg_asic *asic;         /* of a container: ... */
    size_t signature;             /* ... in which CMS */
    struct sg_pades_last last;    /* of a PDF: the signature that has room for it; or ... */
    struct sg_pades_stamp *stamp; /* ... the update that it is in */
};

void sg_stamping_free(struct sg_stamping *stamping)
{
    if (!stamping)
        return;
    sg_buf_clear(&stamping->last.cms);
    sg_pades_stamp_free(stamping->stamp);
    sg_asic_free(stamping->asic);
    free(stamping);
}

/* --- CAdES -----------------------------------------------------------------------------------------------------------
 */

static bool was_signed_at(const struct sg_signer_info *si, int64_t when)
{
    const struct sg_attribute *attribute = NULL;
    int64_t time = SG_TIME_NONE;

    if (sg_attributes_find(si->signed_attrs, si->signed_attr_count, NID_pkcs9_signingTime, &attribute) != 1 ||
        attribute->value_count != 1)
        return false;
    const uint8_t *at = attribute->values[0].data;
    _cleanup_(ASN1_TIME_freep) ASN1_TIME *parsed = d2i_ASN1_TIME(NULL, &at, (long)attribute->values[0].len);
    return parsed && sg_time_from_asn1(parsed, &time) && time == when;
}

/* RFC 5035 §3: the certificate's SHA-256, in what is signed. */
static bool was_signed_with(const struct sg_signer_info *si, const char *key)
{
    const struct sg_attribute *attribute = NULL;
    _cleanup_(sg_ess_cert_id_clear) struct sg_ess_cert_id id = {0};
    char hex[SG_SHA256_HEX];

    if (sg_attributes_find(si->signed_attrs, si->signed_attr_count, NID_id_smime_aa_signingCertificateV2, &attribute) !=
            1 ||
        sg_ess_cert_id_read(attribute, true, &id, NULL) != SG_OK || id.hash.len != SG_SHA256_LEN)
        return false;
    sg_hex(id.hash.data, id.hash.len, hex);
    return strcmp(hex, key) == 0;
}

static bool is_stamped(const struct sg_signer_info *si)
{
    const struct sg_attribute *attribute = NULL;

    return sg_attributes_find(si->unsigned_attrs, si->unsigned_attr_count, NID_id_smime_aa_timeStampToken, &attribute) >
           0;
}

/* Signatures among which is the one made here. */
struct search {
    size_t count;
    bool found;
    size_t signature, signer; /* the first that fits, or the only one */
};

/* Ours, where others have signed beside us: one with our certificate and the time at which we did, and no time-stamp
 * yet. */
static bool is_own(const struct sg_signer_info *si, const struct sg_stamping_request *request)
{
    for (size_t i = 0; i < request->own_count && !is_stamped(si); i++)
        if (was_signed_at(si, request->own[i].claimed_time) && was_signed_with(si, request->own[i].key))
            return true;
    return false;
}

static void search_in(struct search *search, const struct sg_cms *cms, size_t signature,
                      const struct sg_stamping_request *request)
{
    for (size_t i = 0; i < sg_cms_signer_count(cms); i++) {
        const bool fits = is_own(sg_cms_signer(cms, i), request);

        if ((fits && !search->found) || search->count == 0) {
            search->signature = signature;
            search->signer = i;
        }
        search->found = search->found || fits;
        search->count++;
    }
}

static enum sg_rc take_found(struct sg_stamping *stamping, const struct search *search, struct sg_err *err)
{
    if (search->count != 1 && !search->found)
        return sg_fail(err, SG_E_UNSUPPORTED,
                       _("Which of the %zu signatures in \"%s\" is the one made here is not clear; none is "
                         "time-stamped. signet outbox drop gives that up."),
                       search->count, sg_input_name(stamping->bytes));
    stamping->count = search->count;
    stamping->signature = search->signature;
    stamping->signer = search->signer;
    return SG_OK;
}

/* EN 319 122-1 §5.3: the imprint is of the signature value's octets. */
static enum sg_rc digest_value(const struct sg_stamping *stamping, const struct sg_cms *cms,
                               uint8_t sha256[SG_SHA256_LEN], struct sg_err *err)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    size_t len = 0;

    enum sg_rc rc =
        sg_digest(stamping->libctx, "SHA256", sg_cms_signer(cms, stamping->signer)->signature, digest, &len, err);
    if (rc == SG_OK)
        memcpy(sha256, digest, SG_SHA256_LEN);
    return rc;
}

static enum sg_rc digest_signature(struct sg_stamping *stamping, struct sg_input *cms_file,
                                   const struct sg_stamping_request *request, uint8_t sha256[SG_SHA256_LEN],
                                   struct sg_err *err)
{
    _cleanup_(sg_cms_freep) struct sg_cms *cms = NULL;
    struct search search = {0};

    enum sg_rc rc = sg_cms_read(cms_file, stamping->libctx, NULL, &cms, err);
    if (rc != SG_OK)
        return rc;
    search_in(&search, cms, 0, request);
    rc = take_found(stamping, &search, err);
    return rc == SG_OK ? digest_value(stamping, cms, sha256, err) : rc;
}

static enum sg_rc add_token(const struct sg_stamping *stamping, struct sg_input *cms, struct sg_slice token,
                            struct sg_sink sink, struct sg_err *err)
{
    _cleanup_(sg_buf_clear) struct sg_buf attribute = SG_BUF(2 * SG_MAX_TSA_ANSWER);
    enum sg_rc rc = sg_tsp_attribute_make(token, &attribute, err);

    return rc == SG_OK ? sg_cms_add_unsigned(cms, stamping->signer, sg_buf_slice(&attribute), sink, err) : rc;
}

static enum sg_rc begin_cades(struct sg_stamping *stamping, const struct sg_stamping_request *request,
                              uint8_t sha256[SG_SHA256_LEN], struct sg_err *err)
{
    /* An unsigned attribute is what nobody has signed. */
    return digest_signature(stamping, stamping->bytes, request, sha256, err);
}

static enum sg_rc finish_cades(struct sg_stamping *stamping, struct sg_slice token, struct sg_sink sink,
                               struct sg_err *err)
{
    return add_token(stamping, stamping->bytes, token, sink, err);
}

/* --- PAdES -----------------------------------------------------------------------------------------------------------
 */

/* In the signature, where it ends the file and is nobody else's yet; else as a revision of its own. */
static enum sg_rc begin_pades(struct sg_stamping *stamping, const struct sg_stamping_request *request,
                              uint8_t sha256[SG_SHA256_LEN], struct sg_err *err)
{
    _cleanup_(sg_input_freep) struct sg_input *cms = NULL;
    bool inside = false;
    enum sg_rc rc = SG_OK;

    if (!request->beside)
        rc = sg_pades_find_last(stamping->bytes, &stamping->last, &inside, err);
    if (rc == SG_OK && !inside)
        return sg_pades_stamp_begin(stamping->libctx, stamping->bytes, request->room, sg_pdf_check_addition,
                                    &stamping->stamp, sha256, err);
    if (rc == SG_OK)
        rc = sg_input_from_slice(sg_input_name(stamping->bytes), sg_buf_slice(&stamping->last.cms), &cms, err);
    return rc == SG_OK ? digest_signature(stamping, cms, request, sha256, err) : rc;
}

static enum sg_rc finish_pades(struct sg_stamping *stamping, struct sg_slice token, struct sg_sink sink,
                               struct sg_err *err)
{
    _cleanup_(sg_buf_clear) struct sg_buf stamped = SG_BUF(SG_MAX_CMS_REST);
    _cleanup_(sg_input_freep) struct sg_input *cms = NULL;

    if (stamping->stamp)
        return sg_pades_stamp_finish(stamping->stamp, token, sink, err);
    enum sg_rc rc = sg_input_from_slice(sg_input_name(stamping->bytes), sg_buf_slice(&stamping->last.cms), &cms, err);
    if (rc == SG_OK)
        rc = add_token(stamping, cms, token, sg_buf_sink(&stamped), err);
    return rc == SG_OK ? sg_pades_replace_cms(stamping->bytes, &stamping->last, sg_buf_slice(&stamped), sink, err) : rc;
}

/* --- ASiC ------------------------------------------------------------------------------------------------------------
 */

/* A CMS of the container; `*ret_input` borrows from `bytes`. */
static enum sg_rc open_signature(const struct sg_stamping *stamping, size_t index, struct sg_buf *bytes,
                                 struct sg_input **ret_input, struct sg_err *err)
{
    enum sg_rc rc = sg_asic_read_signature(stamping->asic, index, bytes, err);

    return rc == SG_OK ? sg_input_from_slice(sg_input_name(stamping->bytes), sg_buf_slice(bytes), ret_input, err) : rc;
}

static enum sg_rc search_container(struct sg_stamping *stamping, const struct sg_stamping_request *request,
                                   struct sg_err *err)
{
    struct search search = {0};
    enum sg_rc rc = SG_OK;

    for (size_t i = 0; rc == SG_OK && i < sg_asic_signature_count(stamping->asic); i++) {
        _cleanup_(sg_buf_clear) struct sg_buf bytes = SG_BUF(SG_MAX_CMS_REST);
        _cleanup_(sg_input_freep) struct sg_input *input = NULL;
        _cleanup_(sg_cms_freep) struct sg_cms *cms = NULL;
        rc = open_signature(stamping, i, &bytes, &input, err);
        if (rc == SG_OK)
            rc = sg_cms_read(input, stamping->libctx, NULL, &cms, err);
        if (rc == SG_OK)
            search_in(&search, cms, i, request);
    }
    return rc == SG_OK ? take_found(stamping, &search, err) : rc;
}

/* In the CMS, as of CAdES, unless that is what something else in the container is over. */
static enum sg_rc begin_asic(struct sg_stamping *stamping, const struct sg_stamping_request *request,
                             uint8_t sha256[SG_SHA256_LEN], struct sg_err *err)
{
    _cleanup_(sg_buf_clear) struct sg_buf bytes = SG_BUF(SG_MAX_CMS_REST);
    _cleanup_(sg_input_freep) struct sg_input *input = NULL;
    _cleanup_(sg_cms_freep) struct sg_cms *cms = NULL;
    const char *name = sg_input_name(stamping->bytes);

    enum sg_rc rc = sg_asic_open(stamping->bytes, &stamping->asic, err);
    if (rc == SG_OK && !stamping->asic)
        rc = sg_fail(err, SG_E_MALFORMED, _("\"%s\" is no container (ASiC)."), name);
    if (rc == SG_OK)
        rc = search_container(stamping, request, err);
    if (rc == SG_OK && sg_asic_signature_is_covered(stamping->asic, stamping->signature))
        rc = sg_fail(err, SG_E_UNSUPPORTED,
                     _("The signature in \"%s\" is covered by another one or by a time-stamp of the container, and may "
                       "not be changed; it is not time-stamped. signet outbox drop gives that up."),
                     name);
    if (rc == SG_OK)
        rc = open_signature(stamping, stamping->signature, &bytes, &input, err);
    if (rc == SG_OK)
        rc = sg_cms_read(input, stamping->libctx, NULL, &cms, err);
    return rc == SG_OK ? digest_value(stamping, cms, sha256, err) : rc;
}

static enum sg_rc finish_asic(struct sg_stamping *stamping, struct sg_slice token, struct sg_sink sink,
                              struct sg_err *err)
{
    _cleanup_(sg_buf_clear) struct sg_buf bytes = SG_BUF(SG_MAX_CMS_REST), stamped = SG_BUF(SG_MAX_CMS_REST);
    _cleanup_(sg_input_freep) struct sg_input *input = NULL;
    const struct sg_zip_entry *entry = sg_asic_signature(stamping->asic, stamping->signature)->entry;

    enum sg_rc rc = open_signature(stamping, stamping->signature, &bytes, &input, err);
    if (rc == SG_OK)
        rc = add_token(stamping, input, token, sg_buf_sink(&stamped), err);
    return rc == SG_OK ? sg_zip_replace(sg_asic_zip(stamping->asic), entry, sg_buf_slice(&stamped), sink, err) : rc;
}

/* --- any -------------------------------------------------------------------------------------------------------------
 */

static const struct stamping_format formats[] = {
    {"CAdES", begin_cades, finish_cades},
    {"PAdES", begin_pades, finish_pades},
    {"ASiC-E", begin_asic, finish_asic},
    {"ASiC-S", begin_asic, finish_asic},
};

enum sg_rc sg_stamping_begin(const struct sg_stamping_request *request, struct sg_stamping **ret,
                             uint8_t sha256[SG_SHA256_LEN], struct sg_err *err)
{
    _cleanup_(sg_stamping_freep) struct sg_stamping *stamping = calloc(1, sizeof(*stamping));

    if (!stamping)
        return sg_fail_memory(err);
    *stamping = (struct sg_stamping){
        .libctx = request->libctx, .bytes = request->bytes, .last = {.cms = SG_BUF(SG_MAX_CMS_REST)}};
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
        if (strcmp(formats[i].name, request->format) == 0)
            stamping->format = &formats[i];
    if (!stamping->format)
        return sg_fail(
            err, SG_E_UNSUPPORTED,
            _("A file of the format %s is not time-stamped by this version; signet outbox drop gives that up."),
            request->format);
    enum sg_rc rc = stamping->format->begin(stamping, request, sha256, err);
    if (rc == SG_OK)
        *ret = sg_steal(stamping);
    return rc;
}

enum sg_rc sg_stamping_finish(struct sg_stamping *stamping, struct sg_slice token, struct sg_sink sink,
                              struct sg_err *err)
{
    return stamping->format->finish(stamping, token, sink, err);
}

size_t sg_stamping_signature_count(const struct sg_stamping *stamping)
{
    return stamping->count;
}

bool sg_stamping_is_inside(const struct sg_stamping *stamping)
{
    return stamping->last.cms.len > 0;
}

bool sg_stamping_is_beside(const struct sg_stamping *stamping)
{
    return stamping->stamp != NULL;
}
