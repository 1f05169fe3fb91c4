#include "formats/cades_parallel.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/objects.h>

#include "base/limits.h"
#include "base/msg.h"
#include "formats/cades_evidence.h"
#include "formats/cades_signer.h"
#include "formats/cms_parts.h"
#include "formats/der.h"

/* A signature to which one is added. */
struct adding {
    const struct sg_cades_signer *signer;
    struct sg_input *existing;
    struct sg_cms *cms;
    struct sg_cms_parts parts;
    bool has_digest_algorithm;     /* the signer's is there already */
    struct sg_slice *certificates; /* those of the signer's that are not there yet, in the order of DER */
    size_t certificate_count;
};

static void adding_clear(struct adding *adding)
{
    sg_cms_free(adding->cms);
    free(adding->certificates);
}

static enum sg_rc refuse(const struct adding *adding, enum sg_rc rc, const char *sentence, struct sg_err *err)
{
    const char *name = sg_input_name(adding->existing);

    return sg_about(name, err, sg_fail(err, rc, _("A signature cannot be added to \"%s\": %s"), name, sentence));
}

/* --- what is missing in it ---------------------------------------------------------------------------------------- */

/* digestAlgorithms ::= SET OF AlgorithmIdentifier; the parameters may be absent or NULL (RFC 5754 §2). */
static enum sg_rc find_digest_algorithm(struct adding *adding, struct sg_err *err)
{
    _cleanup_(sg_buf_clear) struct sg_buf bytes = SG_BUF(SG_MAX_CMS_REST);
    const struct sg_tlv *set = &adding->parts.digest_algorithms;
    uint8_t *room = NULL;
    size_t len = 0, count = 0;

    enum sg_rc rc = sg_buf_extend(&bytes, (size_t)set->length, &room, err);
    if (rc == SG_OK)
        rc = sg_input_read(adding->existing, set->content, room, (size_t)set->length, &len, err);
    if (rc != SG_OK)
        return rc;
    const uint8_t *at = room, *end = room + len;
    for (; at < end; count++) {
        _cleanup_(X509_ALGOR_freep) X509_ALGOR *algorithm = d2i_X509_ALGOR(NULL, &at, end - at);
        if (!algorithm)
            return sg_fail_ssl(err, SG_E_MALFORMED, _("The digest algorithms of \"%s\" cannot be read."),
                               sg_input_name(adding->existing));
        adding->has_digest_algorithm |= OBJ_obj2nid(algorithm->algorithm) == adding->signer->digest->nid;
    }
    if (!adding->has_digest_algorithm && count >= SG_MAX_DIGEST_ALGORITHMS)
        return refuse(adding, SG_E_LIMIT, _("it lists as many digest algorithms as a signature may."), err);
    return SG_OK;
}

static bool carries(const struct sg_cms_wire *wire, struct sg_slice certificate)
{
    for (size_t i = 0; i < wire->certificate_choice_count; i++)
        if (sg_slice_equal(wire->certificate_choices[i], certificate))
            return true;
    return false;
}

/* The members of the signer's CertificateSet that are not there. */
static enum sg_rc find_certificates(struct adding *adding, struct sg_err *err)
{
    const struct sg_cms_wire *wire = sg_cms_wire(adding->cms);
    const uint8_t *at = adding->signer->certificates.data, *end = at + adding->signer->certificates.len;
    long len = 0;
    int tag = 0, class = 0;

    adding->certificates = calloc(SG_MAX_CERTIFICATES, sizeof *adding->certificates);
    if (!adding->certificates)
        return sg_fail_memory(err);
    (void)ASN1_get_object(&at, &len, &tag, &class, end - at); /* the set's own header; it is ours */
    while (at < end) {
        const uint8_t *start = at;
        (void)ASN1_get_object(&at, &len, &tag, &class, end - at);
        at += len;
        struct sg_slice certificate = {start, (size_t)(at - start)};
        if (!carries(wire, certificate))
            adding->certificates[adding->certificate_count++] = certificate;
    }
    if (adding->certificate_count + wire->certificate_choice_count > SG_MAX_CERTIFICATES)
        return refuse(adding, SG_E_LIMIT, _("it carries as many certificates as a signature may."), err);
    return SG_OK;
}

/* An archive-time-stamp of the second version is over all certificates together (TS 101 733 §6.4.1); the first is worth
 * nothing, and one of the third is over each by itself, so that others may come (EN 319 122-1 §5.5.2). */
static enum sg_rc check_archive(const struct adding *adding, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;

    for (size_t i = 0; rc == SG_OK && adding->certificate_count > 0 && i < sg_cms_signer_count(adding->cms); i++) {
        _cleanup_(sg_evidence_freep) struct sg_evidence *evidence = NULL;
        rc = sg_evidence_read(adding->cms, sg_cms_signer(adding->cms, i), adding->signer->libctx, &evidence, err);
        for (size_t k = 0; rc == SG_OK && k < sg_evidence_timestamp_count(evidence); k++)
            if (sg_evidence_timestamp(evidence, k)->kind == SG_EVIDENCE_ARCHIVE_V2)
                rc = refuse(adding, SG_E_UNSUPPORTED,
                            _("it has an archive time-stamp over all its certificates, which another one would break. "
                              "Sign by itself."),
                            err);
    }
    return rc;
}

static enum sg_rc look_at_existing(struct adding *adding, const struct sg_input *content, struct sg_err *err)
{
    enum sg_rc rc = sg_cms_read(adding->existing, adding->signer->libctx, NULL, &adding->cms, err);
    if (rc == SG_OK)
        rc = sg_cms_parts_read(adding->existing, &adding->parts, err);
    if (rc != SG_OK)
        return rc;
    if (OBJ_obj2nid(sg_cms_content_type(adding->cms)) != NID_pkcs7_data)
        return refuse(adding, SG_E_UNSUPPORTED, _("what it signs is no document."), err);
    if (sg_cms_signer_count(adding->cms) == SG_MAX_SIGNERS)
        return refuse(adding, SG_E_LIMIT, _("it holds as many signatures as there may be."), err);
    if (sg_cms_is_detached(adding->cms) && !content)
        return refuse(adding, SG_E_USAGE, _("what it signs is not in it, and has to be named."), err);
    rc = find_digest_algorithm(adding, err);
    if (rc == SG_OK)
        rc = find_certificates(adding, err);
    return rc == SG_OK ? check_archive(adding, err) : rc;
}

/* --- the content -------------------------------------------------------------------------------------------------- */

#define MAX_HASHES (SG_MAX_DIGEST_ALGORITHMS + 1)

/* By the signer's digest, which is the first, and those of the signatures that are there. */
struct hashes {
    struct hash {
        int nid;
        EVP_MD_CTX *ctx;
        uint8_t value[EVP_MAX_MD_SIZE];
        unsigned len;
    } each[MAX_HASHES];
    size_t count;
};

static void hashes_clear(struct hashes *hashes)
{
    for (size_t i = 0; i < hashes->count; i++)
        EVP_MD_CTX_free(hashes->each[i].ctx);
}

static enum sg_rc cannot_hash(struct sg_err *err)
{
    return sg_fail_ssl(err, SG_E_INTERNAL, _("The content could not be hashed."));
}

static const struct hash *find_hash(const struct hashes *hashes, int nid)
{
    for (size_t i = 0; i < hashes->count; i++)
        if (hashes->each[i].nid == nid)
            return &hashes->each[i];
    return NULL;
}

/* One that is not known here, or beyond the limit, is left out. */
static enum sg_rc add_hash(struct hashes *hashes, OSSL_LIB_CTX *libctx, int nid, struct sg_err *err)
{
    if (nid == NID_undef || find_hash(hashes, nid) || hashes->count == MAX_HASHES)
        return SG_OK;
    (void)ERR_set_mark();
    _cleanup_(EVP_MD_freep) EVP_MD *md = EVP_MD_fetch(libctx, OBJ_nid2sn(nid), NULL);
    (void)ERR_pop_to_mark();
    if (!md || EVP_MD_get_flags(md) & EVP_MD_FLAG_XOF)
        return SG_OK;
    struct hash *hash = &hashes->each[hashes->count];
    *hash = (struct hash){.nid = nid, .ctx = EVP_MD_CTX_new()};
    if (!hash->ctx)
        return sg_fail_memory(err);
    hashes->count++;
    return EVP_DigestInit_ex2(hash->ctx, md, NULL) == 1 ? SG_OK : cannot_hash(err);
}

static enum sg_rc take_content(void *context, const uint8_t *data, size_t len, struct sg_err *err)
{
    struct hashes *hashes = context;

    for (size_t i = 0; i < hashes->count; i++)
        if (EVP_DigestUpdate(hashes->each[i].ctx, data, len) != 1)
            return cannot_hash(err);
    return SG_OK;
}

static enum sg_rc hash_content(const struct adding *adding, struct sg_input *content, struct hashes *hashes,
                               struct sg_err *err)
{
    const struct sg_sink sink = {take_content, hashes};
    enum sg_rc rc = add_hash(hashes, adding->signer->libctx, adding->signer->digest->nid, err);

    for (size_t i = 0; rc == SG_OK && i < sg_cms_signer_count(adding->cms); i++)
        rc = add_hash(hashes, adding->signer->libctx,
                      OBJ_obj2nid(sg_cms_signer(adding->cms, i)->digest_algorithm->algorithm), err);
    if (rc == SG_OK)
        rc = content ? sg_input_copy(content, 0, sg_input_size(content), sink, err)
                     : sg_cms_content(adding->cms, sink, err);
    if (rc == SG_OK && content)
        rc = sg_input_check_unchanged(content, err);
    for (size_t i = 0; rc == SG_OK && i < hashes->count; i++)
        if (EVP_DigestFinal_ex(hashes->each[i].ctx, hashes->each[i].value, &hashes->each[i].len) != 1)
            return cannot_hash(err);
    return rc;
}

/* Whether the SignerInfo has a message-digest that is another. Without signed attributes it has none: then it is for
 * who judges the signature value to say. */
static bool is_of_another(const struct sg_signer_info *si, const struct hashes *hashes)
{
    const struct hash *hash = find_hash(hashes, OBJ_obj2nid(si->digest_algorithm->algorithm));
    const struct sg_attribute *attribute = NULL;

    if (!hash || sg_attributes_find(si->signed_attrs, si->signed_attr_count, NID_pkcs9_messageDigest, &attribute) == 0)
        return false;
    for (size_t i = 0; i < attribute->value_count; i++) {
        struct sg_slice value = attribute->values[i];
        if (value.len < hash->len || memcmp(value.data + value.len - hash->len, hash->value, hash->len) != 0)
            return true;
    }
    return false;
}

/* A parallel signature is of the same content as the others: who adds it may only believe so. */
static enum sg_rc check_content(const struct adding *adding, struct sg_input *content, const struct hashes *hashes,
                                struct sg_err *err)
{
    for (size_t i = 0; i < sg_cms_signer_count(adding->cms); i++)
        if (is_of_another(sg_cms_signer(adding->cms, i), hashes))
            return refuse(adding, SG_E_POLICY,
                          _("the file is not what its signatures are of: it has been changed, or it is another file."),
                          err);
    if (sg_cms_is_detached(adding->cms) || !content)
        return SG_OK;
    uint8_t named[EVP_MAX_MD_SIZE];
    size_t len = 0;
    const struct hash *own = &hashes->each[0];
    enum sg_rc rc = sg_cades_digest_input(adding->signer, content, named, &len, err);
    if (rc == SG_OK && (len != own->len || memcmp(named, own->value, len) != 0))
        return refuse(adding, SG_E_POLICY, _("the document in it is not the file that was named with it."), err);
    return rc;
}

/* --- writing ------------------------------------------------------------------------------------------------------ */

/* certificates [0]: what is missing, or all of it. `*growth` gets what it adds. */
static enum sg_rc add_certificates(const struct adding *adding, struct sg_splice *splice, int64_t *growth,
                                   struct sg_err *err)
{
    const struct sg_cms_parts *parts = &adding->parts;
    const struct sg_buf *all = &adding->signer->certificates;

    if (parts->has_certificates)
        return sg_cms_add_members(splice, adding->existing, &parts->certificates, adding->certificates,
                                  adding->certificate_count, growth, err);
    *growth = (int64_t)all->len;
    return sg_splice_insert(splice, parts->content_end, sg_buf_slice(all), err);
}

static enum sg_rc plan(const struct adding *adding, const struct sg_slice *signer_info, struct sg_splice *splice,
                       int64_t *ret_growth, struct sg_err *err)
{
    const struct sg_cms_parts *parts = &adding->parts;
    const struct sg_slice digest_algorithm = sg_buf_slice(&adding->signer->digest_algorithm);
    int64_t algorithms = 0, certificates = 0, infos = 0;

    enum sg_rc rc = sg_cms_add_members(splice, adding->existing, &parts->digest_algorithms, &digest_algorithm,
                                       adding->has_digest_algorithm ? 0 : 1, &algorithms, err);
    if (rc == SG_OK)
        rc = add_certificates(adding, splice, &certificates, err);
    if (rc == SG_OK)
        rc = sg_cms_add_members(splice, adding->existing, &parts->signer_infos, signer_info, 1, &infos, err);
    int64_t growth = algorithms + certificates + infos;
    for (size_t i = sizeof parts->around / sizeof *parts->around; rc == SG_OK && i-- > 0;)
        rc = sg_splice_grow(splice, &parts->around[i], &growth, err);
    if (rc == SG_OK)
        *ret_growth = growth;
    return rc;
}

static enum sg_rc write_added(const struct adding *adding, struct sg_slice signer_info, struct sg_sink out,
                              struct sg_err *err)
{
    _cleanup_(sg_splice_clear) struct sg_splice splice = {0};
    uint64_t rest = sg_input_size(adding->existing) - adding->parts.content_end;
    int64_t growth = 0;

    enum sg_rc rc = plan(adding, &signer_info, &splice, &growth, err);
    if (rc == SG_OK && growth > 0 && rest + (uint64_t)growth > SG_MAX_CMS_REST)
        return refuse(adding, SG_E_LIMIT, _("it would be larger, beside its content, than a signature may be."), err);
    return rc == SG_OK ? sg_splice_write(&splice, adding->existing, out, err) : rc;
}

enum sg_rc sg_cades_add_signer(const struct sg_cades_signer *signer, struct sg_input *existing,
                               struct sg_input *content, int64_t signing_time, struct sg_sink out, uint8_t *digest,
                               size_t *ret_digest_len, struct sg_err *err)
{
    _cleanup_(adding_clear) struct adding adding = {.signer = signer, .existing = existing};
    _cleanup_(hashes_clear) struct hashes hashes = {0};
    _cleanup_(sg_buf_clear) struct sg_buf signer_info = SG_BUF(SG_MAX_CMS_REST);
    const struct hash *own = &hashes.each[0];

    enum sg_rc rc = look_at_existing(&adding, content, err);
    if (rc == SG_OK)
        rc = hash_content(&adding, sg_cms_is_detached(adding.cms) ? content : NULL, &hashes, err);
    if (rc == SG_OK)
        rc = check_content(&adding, content, &hashes, err);
    if (rc == SG_OK)
        rc = sg_cades_signer_info(signer, (struct sg_slice){own->value, own->len}, signing_time, &signer_info, err);
    if (rc == SG_OK)
        rc = write_added(&adding, sg_buf_slice(&signer_info), out, err);
    if (rc != SG_OK)
        return rc;
    memcpy(digest, own->value, own->len);
    *ret_digest_len = own->len;
    return SG_OK;
}
