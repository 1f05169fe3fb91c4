#include <openssl/err.h>
#include <openssl/objects.h>

#include "base/msg.h"
#include "formats/cms_private.h"
#include "formats/pem.h"

struct choices {
    struct sg_slice *slices;
    size_t count, room;
};

struct sg_cms {
    struct sg_input *input;   /* borrowed, or `decoded` */
    struct sg_input *decoded; /* what was PEM */
    ASN1_OBJECT *content_type;
    bool detached;
    struct sg_tlv content; /* the OCTET STRING in eContent, unless detached */
    uint64_t encap_start;  /* of encapContentInfo; behind it is `rest` */
    struct sg_buf rest;    /* the bytes behind the content */
    struct sg_cms_wire wire;
    struct sg_buf content_type_wire;
    struct choices certificate_choices, revocation_choices; /* as `wire` shows them */
    OSSL_LIB_CTX *libctx;
    struct sg_cert_cache *known; /* or NULL */
    STACK_OF(X509) *certificates;
    size_t unreadable;
    struct sg_cms_signer *signers[SG_MAX_SIGNERS];
    size_t signer_count;
};

/* --- what stands before the content ------------------------------------------------------------------------------- */

static enum sg_rc read_content_type(struct sg_cms *cms, struct sg_tlv_reader *reader, struct sg_err *err)
{
    struct sg_buf *bytes = &cms->content_type_wire;
    struct sg_tlv element;
    uint8_t *room = NULL;
    size_t len = 0;

    enum sg_rc rc = sg_tlv_expect(reader, SG_TLV_UNIVERSAL, SG_TLV_OID, _("the type of the content"), &element, err);
    if (rc != SG_OK)
        return rc;
    if (element.end - element.start > bytes->max)
        return sg_tlv_malformed(reader, sg_tlv_place(reader), _("the type of the content is too long"), err);
    rc = sg_buf_extend(bytes, (size_t)(element.end - element.start), &room, err);
    if (rc == SG_OK)
        rc = sg_input_read(cms->input, element.start, room, bytes->len, &len, err);
    if (rc != SG_OK)
        return rc;
    const uint8_t *at = room;
    cms->content_type = len == bytes->len ? d2i_ASN1_OBJECT(NULL, &at, (long)len) : NULL;
    if (!cms->content_type) {
        ERR_clear_error();
        return sg_tlv_malformed(reader, sg_tlv_place(reader), _("the type of the content is not an object identifier"),
                                err);
    }
    cms->wire.content_type = sg_buf_slice(bytes);
    return SG_OK;
}

/* eContent [0] EXPLICIT OCTET STRING (RFC 5652 §5.2); in RFC 2315 anything, of which only this is in use. */
static enum sg_rc read_content(struct sg_cms *cms, struct sg_tlv_reader *reader, struct sg_err *err)
{
    const struct sg_sink nowhere = {0};

    enum sg_rc rc = sg_tlv_enter(reader, err);
    if (rc == SG_OK)
        rc = sg_tlv_expect(reader, SG_TLV_UNIVERSAL, SG_TLV_OCTET_STRING, _("the content, as an OCTET STRING,"),
                           &cms->content, err);
    /* An indefinite length is found by walking the fragments, of which there may be any number. */
    if (rc == SG_OK && cms->content.indefinite)
        rc = sg_tlv_octets(reader, nowhere, &cms->content, err);
    if (rc == SG_OK)
        rc = sg_tlv_expect_end(reader, err);
    if (rc == SG_OK)
        rc = sg_tlv_leave(reader, NULL, err);
    return rc;
}

/* EncapsulatedContentInfo ::= SEQUENCE { eContentType, eContent [0] EXPLICIT OPTIONAL } (RFC 5652 §5.2). */
static enum sg_rc read_encap(struct sg_cms *cms, struct sg_tlv_reader *reader, uint64_t *ret_end, struct sg_err *err)
{
    struct sg_tlv element;
    bool more = false;

    enum sg_rc rc = sg_tlv_expect(reader, SG_TLV_UNIVERSAL, SG_TLV_SEQUENCE, _("what was signed"), &element, err);
    if (rc == SG_OK)
        rc = sg_tlv_enter(reader, err);
    if (rc == SG_OK)
        rc = read_content_type(cms, reader, err);
    if (rc == SG_OK)
        rc = sg_tlv_next(reader, &element, &more, err);
    if (rc != SG_OK)
        return rc;
    cms->detached = !more;
    if (more && !sg_tlv_is(&element, SG_TLV_CONTEXT, 0))
        return sg_tlv_malformed(reader, sg_tlv_place(reader), _("something else stands where the content should be"),
                                err);
    if (more)
        rc = read_content(cms, reader, err);
    if (rc == SG_OK)
        rc = sg_tlv_expect_end(reader, err);
    if (rc == SG_OK)
        rc = sg_tlv_leave(reader, &element, err);
    if (rc != SG_OK)
        return rc;
    cms->encap_start = element.start;
    *ret_end = element.end;
    return SG_OK;
}

/* ContentInfo ::= SEQUENCE { contentType, content [0] EXPLICIT }, up to within the SignedData. */
static enum sg_rc enter_signed_data(struct sg_cms *cms, struct sg_tlv_reader *reader, struct sg_err *err)
{
    struct sg_tlv element;
    bool right = false;

    enum sg_rc rc = sg_tlv_expect(reader, SG_TLV_UNIVERSAL, SG_TLV_SEQUENCE, _("a ContentInfo"), &element, err);
    if (rc == SG_OK)
        rc = sg_tlv_enter(reader, err);
    if (rc == SG_OK)
        rc = sg_tlv_expect(reader, SG_TLV_UNIVERSAL, SG_TLV_OID, _("the type signedData"), &element, err);
    if (rc == SG_OK)
        rc = sg_cms_is_signed_data(cms->input, &element, &right, err);
    if (rc != SG_OK)
        return rc;
    if (!right)
        return sg_tlv_malformed(reader, sg_tlv_place(reader), _("the type signedData was expected there"), err);
    rc = sg_tlv_expect(reader, SG_TLV_CONTEXT, 0, _("a SignedData"), &element, err);
    if (rc == SG_OK)
        rc = sg_tlv_enter(reader, err);
    if (rc == SG_OK)
        rc = sg_tlv_expect(reader, SG_TLV_UNIVERSAL, SG_TLV_SEQUENCE, _("a SignedData"), &element, err);
    if (rc == SG_OK)
        rc = sg_tlv_enter(reader, err);
    return rc;
}

/* version: 1, 3, 4 or 5 (RFC 5652 §5.1, §10.2.5; 1 in RFC 2315). Another is a structure that we do not know. */
static enum sg_rc read_version(struct sg_cms *cms, struct sg_tlv_reader *reader, struct sg_err *err)
{
    struct sg_tlv element;
    uint8_t version = 0;
    size_t len = 0;

    enum sg_rc rc = sg_tlv_expect(reader, SG_TLV_UNIVERSAL, SG_TLV_INTEGER, _("the version"), &element, err);
    if (rc == SG_OK && !element.constructed && element.length == 1)
        rc = sg_input_read(cms->input, element.content, &version, 1, &len, err);
    if (rc == SG_OK && (len != 1 || (version != 1 && (version < 3 || version > 5))))
        rc = sg_tlv_malformed(reader, sg_tlv_place(reader), _("the version of the SignedData is not known"), err);
    return rc;
}

static enum sg_rc read_digest_algorithms(struct sg_tlv_reader *reader, struct sg_err *err)
{
    struct sg_tlv element;
    bool more = true;

    enum sg_rc rc = sg_tlv_expect(reader, SG_TLV_UNIVERSAL, SG_TLV_SET, _("the digest algorithms"), &element, err);
    if (rc == SG_OK)
        rc = sg_tlv_enter(reader, err);
    for (size_t count = 0; rc == SG_OK && more; count++) {
        rc = sg_tlv_next(reader, &element, &more, err);
        if (rc != SG_OK || !more)
            break;
        if (!sg_tlv_is(&element, SG_TLV_UNIVERSAL, SG_TLV_SEQUENCE))
            return sg_tlv_malformed(reader, sg_tlv_place(reader), _("a digest algorithm is not a SEQUENCE"), err);
        if (count == SG_MAX_DIGEST_ALGORITHMS)
            return sg_fail(err, SG_E_LIMIT, _("The signature lists more than %d digest algorithms."),
                           SG_MAX_DIGEST_ALGORITHMS);
    }
    if (rc == SG_OK)
        rc = sg_tlv_leave(reader, NULL, err);
    return rc;
}

/* --- what stands behind the content ------------------------------------------------------------------------------- */

struct sg_slice sg_cms_bytes(const struct sg_cms_walk *walk, const struct sg_tlv *element)
{
    return (struct sg_slice){
        .data = walk->rest.data + (element->start - walk->rest_start),
        .len = (size_t)(element->end - element->start),
    };
}

enum sg_rc sg_cms_take(const struct sg_cms_walk *walk, uint32_t tag, const char *what, struct sg_slice *ret,
                       struct sg_err *err)
{
    struct sg_tlv element;

    enum sg_rc rc = sg_tlv_expect(walk->reader, SG_TLV_UNIVERSAL, tag, what, &element, err);
    if (rc == SG_OK)
        rc = sg_tlv_skip(walk->reader, &element, err);
    if (rc == SG_OK)
        *ret = sg_cms_bytes(walk, &element);
    return rc;
}

enum sg_rc sg_cms_join(const struct sg_cms_walk *walk, struct sg_buf *out, struct sg_err *err)
{
    return sg_tlv_octets(walk->reader, sg_buf_sink(out), NULL, err);
}

/* Everything from `start` to the input's end, into memory. */
static enum sg_rc read_rest(struct sg_cms *cms, uint64_t start, struct sg_err *err)
{
    uint64_t len = sg_input_size(cms->input) - start;
    uint8_t *room = NULL;
    size_t got = 0;

    if (len > SG_MAX_CMS_REST)
        return sg_fail(err, SG_E_LIMIT, _("\"%s\" holds more than %zu bytes beside its content, which is the limit."),
                       sg_input_name(cms->input), SG_MAX_CMS_REST);
    cms->rest.max = (size_t)len;
    enum sg_rc rc = sg_buf_extend(&cms->rest, (size_t)len, &room, err);
    if (rc == SG_OK)
        rc = sg_input_read(cms->input, start, room, (size_t)len, &got, err);
    if (rc == SG_OK && got != len)
        rc = sg_fail(err, SG_E_INPUT_CHANGED, _("\"%s\" became shorter while it was read. Try again."),
                     sg_input_name(cms->input));
    return rc;
}

static enum sg_rc take_certificate(struct sg_cms *cms, struct sg_slice der, struct sg_err *err)
{
    _cleanup_(X509_freep) X509 *cert = NULL;

    enum sg_rc rc =
        cms->known ? sg_cert_cache_parse(cms->known, der, &cert, NULL) : sg_cert_parse(der, cms->libctx, &cert, NULL);
    if (rc == SG_E_NO_MEMORY)
        return sg_fail_memory(err);
    if (rc != SG_OK) {
        cms->unreadable++;
        return SG_OK;
    }
    if (sk_X509_push(cms->certificates, cert) <= 0)
        return sg_fail_memory(err);
    (void)sg_steal(cert);
    return SG_OK;
}

static enum sg_rc keep_choice(struct choices *choices, struct sg_slice der, struct sg_err *err)
{
    if (choices->count == choices->room) {
        size_t room = choices->room ? 2 * choices->room : 8;
        struct sg_slice *larger = reallocarray(choices->slices, room, sizeof *larger);
        if (!larger)
            return sg_fail_memory(err);
        choices->slices = larger;
        choices->room = room;
    }
    choices->slices[choices->count++] = der;
    return SG_OK;
}

struct choice_kind {
    uint32_t last; /* context tag */
    bool decoded;
};

static const struct choice_kind certificate_kind = {.last = 3, .decoded = true};
static const struct choice_kind revocation_kind = {.last = 1};

/* CertificateSet and RevocationInfoChoices (RFC 5652 §10.2.2, §10.2.1): a SEQUENCE is a certificate or CRL; the other
 * choices have context tags, and are ours neither to read nor to refuse. CRLs are only kept: whoever asks one reads its
 * bytes. */
static enum sg_rc read_choices(struct sg_cms *cms, const struct sg_cms_walk *walk, const struct choice_kind *kind,
                               struct choices *kept, struct sg_err *err)
{
    struct sg_tlv element;
    bool more = true;

    enum sg_rc rc = sg_tlv_enter(walk->reader, err);
    while (rc == SG_OK) {
        rc = sg_tlv_next(walk->reader, &element, &more, err);
        if (rc != SG_OK || !more)
            break;
        bool plain = sg_tlv_is(&element, SG_TLV_UNIVERSAL, SG_TLV_SEQUENCE);
        if (!plain && (element.tag_class != SG_TLV_CONTEXT || element.tag > kind->last))
            return sg_tlv_malformed(walk->reader, sg_tlv_place(walk->reader),
                                    _("something is neither a certificate nor a CRL"), err);
        if (kept->count == SG_MAX_CERTIFICATES)
            return sg_fail(err, SG_E_LIMIT, _("The signature carries more than %d certificates or CRLs."),
                           SG_MAX_CERTIFICATES);
        rc = sg_tlv_skip(walk->reader, &element, err);
        if (rc == SG_OK)
            rc = keep_choice(kept, sg_cms_bytes(walk, &element), err);
        if (rc == SG_OK && kind->decoded && plain)
            rc = take_certificate(cms, sg_cms_bytes(walk, &element), err);
        else if (rc == SG_OK && kind->decoded)
            cms->unreadable++;
    }
    return rc;
}

/* The set of choices just read, as `*ret_whole` too; then the element behind it. */
static enum sg_rc read_set(struct sg_cms *cms, const struct sg_cms_walk *walk, const struct choice_kind *kind,
                           struct choices *kept, struct sg_slice *ret_whole, struct sg_tlv *element, bool *ret_more,
                           struct sg_err *err)
{
    enum sg_rc rc = read_choices(cms, walk, kind, kept, err);
    if (rc == SG_OK)
        rc = sg_tlv_leave(walk->reader, element, err);
    if (rc != SG_OK)
        return rc;
    *ret_whole = sg_cms_bytes(walk, element);
    return sg_tlv_next(walk->reader, element, ret_more, err);
}

/* SignerInfos ::= SET OF SignerInfo; the element just read. */
static enum sg_rc read_signers(struct sg_cms *cms, const struct sg_cms_walk *walk, struct sg_err *err)
{
    struct sg_tlv element;
    bool more = true;

    enum sg_rc rc = sg_tlv_enter(walk->reader, err);
    while (rc == SG_OK) {
        rc = sg_tlv_next(walk->reader, &element, &more, err);
        if (rc != SG_OK || !more)
            break;
        if (!sg_tlv_is(&element, SG_TLV_UNIVERSAL, SG_TLV_SEQUENCE))
            return sg_tlv_malformed(walk->reader, sg_tlv_place(walk->reader), _("a SignerInfo is not a SEQUENCE"), err);
        if (cms->signer_count == SG_MAX_SIGNERS)
            return sg_fail(err, SG_E_LIMIT, _("\"%s\" holds more than %d signatures."), sg_input_name(cms->input),
                           SG_MAX_SIGNERS);
        rc = sg_cms_read_signer(walk, &cms->signers[cms->signer_count], err);
        if (rc == SG_OK)
            cms->signer_count++;
    }
    if (rc == SG_OK)
        rc = sg_tlv_leave(walk->reader, NULL, err);
    return rc;
}

/* certificates [0] OPTIONAL, crls [1] OPTIONAL, signerInfos, each at most once and in this order (RFC 5652 §5.1). */
static enum sg_rc read_tail(struct sg_cms *cms, const struct sg_cms_walk *walk, struct sg_err *err)
{
    struct sg_tlv element;
    bool more = false;

    enum sg_rc rc = sg_tlv_next(walk->reader, &element, &more, err);
    if (rc == SG_OK && more && sg_tlv_is(&element, SG_TLV_CONTEXT, 0))
        rc = read_set(cms, walk, &certificate_kind, &cms->certificate_choices, &cms->wire.certificates, &element, &more,
                      err);
    if (rc == SG_OK && more && sg_tlv_is(&element, SG_TLV_CONTEXT, 1))
        rc = read_set(cms, walk, &revocation_kind, &cms->revocation_choices, &cms->wire.crls, &element, &more, err);
    if (rc != SG_OK)
        return rc;
    if (!more || !sg_tlv_is(&element, SG_TLV_UNIVERSAL, SG_TLV_SET))
        return sg_tlv_malformed(walk->reader, sg_tlv_place(walk->reader), _("the set of signatures was expected there"),
                                err);
    return read_signers(cms, walk, err);
}

/* --- the whole ---------------------------------------------------------------------------------------------------- */

static enum sg_rc parse(struct sg_cms *cms, struct sg_err *err)
{
    _cleanup_(sg_tlv_reader_freep) struct sg_tlv_reader *reader = NULL;
    struct sg_cms_walk walk = {0};

    enum sg_rc rc = sg_tlv_reader_new(cms->input, 0, sg_input_size(cms->input), &reader, err);
    if (rc == SG_OK)
        rc = enter_signed_data(cms, reader, err);
    if (rc == SG_OK)
        rc = read_version(cms, reader, err);
    if (rc == SG_OK)
        rc = read_digest_algorithms(reader, err);
    if (rc == SG_OK)
        rc = read_encap(cms, reader, &walk.rest_start, err);
    if (rc == SG_OK)
        rc = read_rest(cms, walk.rest_start, err);
    if (rc != SG_OK)
        return rc;
    walk.certs = cms->certificates;
    walk.reader = reader;
    walk.rest = sg_buf_slice(&cms->rest);
    rc = read_tail(cms, &walk, err);
    return rc == SG_OK ? sg_tlv_leave_all(reader, SG_CONTENT_INFO_LEVELS, sg_input_size(cms->input), err) : rc;
}

/* Where the DER or BER is: in `input`, or decoded from the PEM that it is. */
static enum sg_rc find_bytes(struct sg_cms *cms, struct sg_input *input, struct sg_err *err)
{
    char label[SG_PEM_LABEL];

    enum sg_rc rc = sg_pem_label(input, label, err);
    if (rc == SG_OK && label[0] != '\0' && !sg_cms_is_label(label))
        rc = sg_fail(err, SG_E_MALFORMED, _("\"%s\" is PEM, but holds no signature: its label is %s."),
                     sg_input_name(input), label);
    if (rc == SG_OK)
        rc = sg_pem_decode(input, &cms->decoded, err);
    if (rc == SG_OK)
        cms->input = cms->decoded ? cms->decoded : input;
    return rc;
}

enum sg_rc sg_cms_read(struct sg_input *input, OSSL_LIB_CTX *libctx, struct sg_cert_cache *known, struct sg_cms **ret,
                       struct sg_err *err)
{
    _cleanup_(sg_cms_freep) struct sg_cms *cms = calloc(1, sizeof *cms);

    if (!cms)
        return sg_fail_memory(err);
    cms->libctx = libctx;
    cms->known = known;
    cms->content_type_wire.max = 4 * SG_KIB;
    cms->certificates = sk_X509_new_null();
    if (!cms->certificates)
        return sg_fail_memory(err);

    enum sg_rc rc = find_bytes(cms, input, err);
    if (rc == SG_OK)
        rc = parse(cms, err);
    if (rc != SG_OK) {
        sg_err_file(err, sg_input_name(input));
        return rc;
    }
    cms->wire.certificate_choices = cms->certificate_choices.slices;
    cms->wire.certificate_choice_count = cms->certificate_choices.count;
    cms->wire.revocation_choices = cms->revocation_choices.slices;
    cms->wire.revocation_choice_count = cms->revocation_choices.count;
    *ret = sg_steal(cms);
    return SG_OK;
}

void sg_cms_free(struct sg_cms *cms)
{
    if (!cms)
        return;
    for (size_t i = 0; i < cms->signer_count; i++)
        sg_cms_signer_free(cms->signers[i]);
    sg_x509_stack_free(cms->certificates);
    ASN1_OBJECT_free(cms->content_type);
    sg_buf_clear(&cms->content_type_wire);
    free(cms->certificate_choices.slices);
    free(cms->revocation_choices.slices);
    sg_buf_clear(&cms->rest);
    sg_input_free(cms->decoded);
    free(cms);
}

enum sg_rc sg_cms_content(struct sg_cms *cms, struct sg_sink sink, struct sg_err *err)
{
    _cleanup_(sg_tlv_reader_freep) struct sg_tlv_reader *reader = NULL;
    struct sg_tlv element;

    if (cms->detached)
        return sg_fail(err, SG_E_USAGE, _("\"%s\" does not hold what it signs."), sg_input_name(cms->input));
    enum sg_rc rc =
        sg_tlv_reader_new(cms->input, cms->content.start, cms->content.end - cms->content.start, &reader, err);
    if (rc == SG_OK)
        rc = sg_tlv_expect(reader, SG_TLV_UNIVERSAL, SG_TLV_OCTET_STRING, _("the content"), &element, err);
    return rc == SG_OK ? sg_tlv_octets(reader, sink, NULL, err) : rc;
}

enum sg_rc sg_cms_encapsulated(const struct sg_cms *cms, struct sg_sink sink, struct sg_err *err)
{
    const uint64_t end = sg_input_size(cms->input) - cms->rest.len;

    return sg_input_copy(cms->input, cms->encap_start, end - cms->encap_start, sink, err);
}

const struct sg_cms_wire *sg_cms_wire(const struct sg_cms *cms)
{
    return &cms->wire;
}

struct sg_cert_cache *sg_cms_known(const struct sg_cms *cms)
{
    return cms->known;
}

const ASN1_OBJECT *sg_cms_content_type(const struct sg_cms *cms)
{
    return cms->content_type;
}

bool sg_cms_is_detached(const struct sg_cms *cms)
{
    return cms->detached;
}

const STACK_OF(X509) *sg_cms_certificates(const struct sg_cms *cms)
{
    return cms->certificates;
}

size_t sg_cms_unreadable_count(const struct sg_cms *cms)
{
    return cms->unreadable;
}

size_t sg_cms_signer_count(const struct sg_cms *cms)
{
    return cms->signer_count;
}

const struct sg_signer_info *sg_cms_signer(const struct sg_cms *cms, size_t index)
{
    return index < cms->signer_count ? &cms->signers[index]->info : NULL;
}
