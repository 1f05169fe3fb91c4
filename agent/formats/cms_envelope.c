#include "formats/cms_envelope_private.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/objects.h>

#include "base/msg.h"
#include "formats/der.h"
#include "formats/pem.h"

struct sg_envelope {
    struct sg_input *source;  /* as given */
    struct sg_input *input;   /* that, or `decoded` */
    struct sg_input *decoded; /* what was PEM */
    OSSL_LIB_CTX *libctx;
    bool authenticated;
    struct sg_recipients recipients;
    struct sg_content_cipher cipher;
    struct sg_tlv content; /* the [0] IMPLICIT OCTET STRING */
};

#define SMALL (64 * SG_KIB) /* the encoding of an algorithm, the tag */

/* --- small elements ----------------------------------------------------------------------------------------------- */

/* The element just read, whole, into `out`, and goes behind it. */
static enum sg_rc take(struct sg_envelope *envelope, struct sg_tlv_reader *reader, struct sg_buf *out,
                       struct sg_err *err)
{
    struct sg_tlv element;
    uint8_t *room = NULL;
    size_t len = 0;

    enum sg_rc rc = sg_tlv_skip(reader, &element, err);
    if (rc != SG_OK)
        return rc;
    if (element.end - element.start > out->max - out->len)
        return sg_fail(err, SG_E_LIMIT, _("A part of \"%s\" beside its content is over the limit of %zu bytes."),
                       sg_input_name(envelope->source), out->max);
    const size_t want = (size_t)(element.end - element.start);
    rc = sg_buf_extend(out, want, &room, err);
    if (rc == SG_OK)
        rc = sg_input_read(envelope->input, element.start, room, want, &len, err);
    if (rc == SG_OK && len != want)
        rc = sg_tlv_malformed(reader, element.start, _("an element is longer than what it is in"), err);
    return rc;
}

static enum sg_rc read_object(struct sg_envelope *envelope, struct sg_tlv_reader *reader, const char *what,
                              ASN1_OBJECT **ret, struct sg_err *err)
{
    _cleanup_(sg_buf_clear) struct sg_buf bytes = SG_BUF(SG_KIB);
    struct sg_tlv element;

    enum sg_rc rc = sg_tlv_expect(reader, SG_TLV_UNIVERSAL, SG_TLV_OID, what, &element, err);
    if (rc == SG_OK)
        rc = take(envelope, reader, &bytes, err);
    if (rc != SG_OK)
        return rc;
    const uint8_t *at = bytes.data;
    *ret = d2i_ASN1_OBJECT(NULL, &at, (long)bytes.len);
    if (*ret)
        return SG_OK;
    ERR_clear_error();
    return sg_tlv_malformed(reader, element.start, _("an object identifier is damaged"), err);
}

static enum sg_rc enter(struct sg_tlv_reader *reader, enum sg_tlv_class tag_class, uint32_t tag, const char *what,
                        struct sg_err *err)
{
    struct sg_tlv element;

    enum sg_rc rc = sg_tlv_expect(reader, tag_class, tag, what, &element, err);
    return rc == SG_OK ? sg_tlv_enter(reader, err) : rc;
}

/* --- before the content ------------------------------------------------------------------------------------------- */

/* ContentInfo ::= SEQUENCE { contentType, content [0] EXPLICIT }, up to within what it holds. */
static enum sg_rc enter_enveloped_data(struct sg_envelope *envelope, struct sg_tlv_reader *reader, struct sg_err *err)
{
    _cleanup_(ASN1_OBJECT_freep) ASN1_OBJECT *type = NULL;
    char name[128];

    enum sg_rc rc = enter(reader, SG_TLV_UNIVERSAL, SG_TLV_SEQUENCE, _("a ContentInfo"), err);
    if (rc == SG_OK)
        rc = read_object(envelope, reader, _("the type envelopedData"), &type, err);
    if (rc != SG_OK)
        return rc;
    const int nid = OBJ_obj2nid(type);
    if (nid != NID_pkcs7_enveloped && nid != NID_id_smime_ct_authEnvelopedData) {
        if (OBJ_obj2txt(name, sizeof name, type, 0) <= 0)
            (void)snprintf(name, sizeof name, "?");
        return sg_fail(
            err, SG_E_MALFORMED,
            _("\"%s\" is CMS, but not encrypted to anybody: its type is %s, and there is nothing to decrypt."),
            sg_input_name(envelope->source), name);
    }
    envelope->authenticated = nid == NID_id_smime_ct_authEnvelopedData;
    rc = enter(reader, SG_TLV_CONTEXT, 0, _("the EnvelopedData"), err);
    if (rc == SG_OK)
        rc = enter(reader, SG_TLV_UNIVERSAL, SG_TLV_SEQUENCE, _("the EnvelopedData"), err);
    return rc;
}

/* version: 0, 2, 3 or 4 (RFC 5652 §6.1), 0 for AuthEnvelopedData (RFC 5083 §2.1); then originatorInfo [0] OPTIONAL,
 * whose certificates serve only kinds of recipients that are not read here; then the SET of recipientInfos. */
static enum sg_rc read_version(struct sg_envelope *envelope, struct sg_tlv_reader *reader, struct sg_err *err)
{
    _cleanup_(sg_buf_clear) struct sg_buf bytes = SG_BUF(SG_KIB);
    struct sg_tlv element;

    enum sg_rc rc = sg_tlv_expect(reader, SG_TLV_UNIVERSAL, SG_TLV_INTEGER, _("the version"), &element, err);
    if (rc == SG_OK)
        rc = take(envelope, reader, &bytes, err);
    if (rc == SG_OK &&
        (bytes.len != 3 || bytes.data[2] > 4 || bytes.data[2] == 1 || (envelope->authenticated && bytes.data[2] != 0)))
        rc = sg_tlv_malformed(reader, element.start, _("the version is not known"), err);
    return rc;
}

/* RecipientInfo ::= CHOICE { ktri, kari [1], kekri [2], pwri [3], ori [4] } (RFC 5652 §6.2). */
static bool recipient_kind(const struct sg_tlv *element, enum sg_recipient_kind *ret)
{
    if (sg_tlv_is(element, SG_TLV_UNIVERSAL, SG_TLV_SEQUENCE))
        *ret = SG_RECIPIENT_KEY_TRANS;
    else if (element->tag_class == SG_TLV_CONTEXT && element->tag >= 1 && element->tag < SG_RECIPIENT_KINDS)
        *ret = (enum sg_recipient_kind)element->tag;
    else
        return false;
    return true;
}

static enum sg_rc read_recipient(struct sg_envelope *envelope, struct sg_tlv_reader *reader,
                                 const struct sg_tlv *element, size_t *room, struct sg_err *err)
{
    _cleanup_(sg_buf_clear) struct sg_buf bytes = SG_BUF(*room);
    enum sg_recipient_kind kind = SG_RECIPIENT_OTHER;

    if (!recipient_kind(element, &kind))
        return sg_tlv_malformed(reader, element->start, _("something is not a RecipientInfo"), err);
    enum sg_rc rc = take(envelope, reader, &bytes, err);
    if (rc != SG_OK)
        return rc;
    *room -= bytes.len;
    return sg_recipients_add(&envelope->recipients, kind, &bytes, err);
}

static enum sg_rc read_recipients(struct sg_envelope *envelope, struct sg_tlv_reader *reader, struct sg_err *err)
{
    size_t room = SG_MAX_RECIPIENT_INFOS;
    struct sg_tlv element;
    bool more = false;

    enum sg_rc rc = sg_tlv_next(reader, &element, &more, err);
    if (rc == SG_OK && more && sg_tlv_is(&element, SG_TLV_CONTEXT, 0))
        rc = sg_tlv_next(reader, &element, &more, err);
    if (rc != SG_OK)
        return rc;
    if (!more || !sg_tlv_is(&element, SG_TLV_UNIVERSAL, SG_TLV_SET))
        return sg_tlv_malformed(reader, sg_tlv_place(reader), _("the set of recipients was expected there"), err);
    rc = sg_tlv_enter(reader, err);
    while (rc == SG_OK) {
        rc = sg_tlv_next(reader, &element, &more, err);
        if (rc != SG_OK || !more)
            break;
        rc = read_recipient(envelope, reader, &element, &room, err);
    }
    if (rc == SG_OK)
        rc = sg_tlv_leave(reader, NULL, err);
    return rc == SG_OK ? sg_recipients_check(&envelope->recipients, err) : rc;
}

/* --- the content and what stands behind it ------------------------------------------------------------------------ */

static enum sg_rc read_cipher(struct sg_envelope *envelope, struct sg_tlv_reader *reader, struct sg_err *err)
{
    _cleanup_(sg_buf_clear) struct sg_buf bytes = SG_BUF(SMALL);
    struct sg_tlv element;

    enum sg_rc rc =
        sg_tlv_expect(reader, SG_TLV_UNIVERSAL, SG_TLV_SEQUENCE, _("the encryption of the content"), &element, err);
    if (rc == SG_OK)
        rc = take(envelope, reader, &bytes, err);
    if (rc != SG_OK)
        return rc;
    const uint8_t *at = bytes.data;
    _cleanup_(X509_ALGOR_freep) X509_ALGOR *algorithm = d2i_X509_ALGOR(NULL, &at, (long)bytes.len);
    if (!algorithm) {
        ERR_clear_error();
        return sg_tlv_malformed(reader, element.start, _("the encryption of the content is damaged"), err);
    }
    return sg_content_cipher_read(&envelope->cipher, algorithm, envelope->authenticated, err);
}

/* EncryptedContentInfo ::= SEQUENCE { contentType, contentEncryptionAlgorithm, encryptedContent [0] IMPLICIT OPTIONAL }
 * (RFC 5652 §6.1). The type of the content is the business of whoever reads that. */
static enum sg_rc read_content_info(struct sg_envelope *envelope, struct sg_tlv_reader *reader, struct sg_err *err)
{
    _cleanup_(ASN1_OBJECT_freep) ASN1_OBJECT *type = NULL;
    const struct sg_sink nowhere = {0};

    enum sg_rc rc = enter(reader, SG_TLV_UNIVERSAL, SG_TLV_SEQUENCE, _("the encrypted content"), err);
    if (rc == SG_OK)
        rc = read_object(envelope, reader, _("the type of the content"), &type, err);
    if (rc == SG_OK)
        rc = read_cipher(envelope, reader, err);
    if (rc == SG_OK)
        rc = sg_tlv_expect(reader, SG_TLV_CONTEXT, 0, _("the encrypted content"), &envelope->content, err);
    /* An indefinite length is found by walking the fragments, of which there may be any number. */
    if (rc == SG_OK && envelope->content.indefinite)
        rc = sg_tlv_octets(reader, nowhere, &envelope->content, err);
    if (rc == SG_OK)
        rc = sg_tlv_expect_end(reader, err);
    if (rc == SG_OK)
        rc = sg_tlv_leave(reader, NULL, err);
    return rc;
}

/* authAttrs as the tag covers them: DER, and a SET OF instead of [1] (RFC 5083 §2.2). */
static enum sg_rc read_auth_attrs(struct sg_envelope *envelope, struct sg_tlv_reader *reader, struct sg_err *err)
{
    _cleanup_(sg_buf_clear) struct sg_buf bytes = SG_BUF(SMALL);
    _cleanup_(OPENSSL_freep) uint8_t *der = NULL;

    enum sg_rc rc = take(envelope, reader, &bytes, err);
    if (rc != SG_OK)
        return rc;
    bytes.data[0] = SG_DER_SET;
    const uint8_t *at = bytes.data;
    _cleanup_(SG_ATTRIBUTES_freep) SG_ATTRIBUTES *attributes = d2i_SG_ATTRIBUTES(NULL, &at, (long)bytes.len);
    const int len = attributes ? i2d_SG_ATTRIBUTES(attributes, &der) : -1;
    if (len < 0) {
        ERR_clear_error();
        return sg_tlv_malformed(reader, sg_tlv_place(reader), _("the authenticated attributes are damaged"), err);
    }
    return sg_buf_append(&envelope->cipher.auth_data, der, (size_t)len, err);
}

/* The mac, which is the tag (RFC 5084 §3.2), as long as the parameters say. */
static enum sg_rc read_tag(struct sg_envelope *envelope, struct sg_tlv_reader *reader, struct sg_err *err)
{
    _cleanup_(sg_buf_clear) struct sg_buf bytes = SG_BUF(SMALL);
    struct sg_content_cipher *cipher = &envelope->cipher;

    enum sg_rc rc = sg_tlv_octets(reader, sg_buf_sink(&bytes), NULL, err);
    if (rc == SG_OK && bytes.len != cipher->tag_len)
        rc = sg_tlv_malformed(reader, sg_tlv_place(reader),
                              _("the tag is not as long as the parameters of AES-GCM say"), err);
    if (rc == SG_OK)
        memcpy(cipher->tag, bytes.data, bytes.len);
    return rc;
}

/* AuthEnvelopedData: authAttrs [1] OPTIONAL, mac, unauthAttrs [2] OPTIONAL. EnvelopedData: unprotectedAttrs [1]
 * OPTIONAL. What is not authenticated is not read. */
static enum sg_rc read_tail(struct sg_envelope *envelope, struct sg_tlv_reader *reader, struct sg_err *err)
{
    struct sg_tlv element;
    bool more = false;

    enum sg_rc rc = sg_tlv_next(reader, &element, &more, err);
    if (rc == SG_OK && envelope->authenticated && more && sg_tlv_is(&element, SG_TLV_CONTEXT, 1)) {
        rc = read_auth_attrs(envelope, reader, err);
        if (rc == SG_OK)
            rc = sg_tlv_next(reader, &element, &more, err);
    }
    if (rc != SG_OK)
        return rc;
    if (envelope->authenticated) {
        if (!more || !sg_tlv_is(&element, SG_TLV_UNIVERSAL, SG_TLV_OCTET_STRING))
            return sg_tlv_malformed(reader, sg_tlv_place(reader), _("the tag was expected there"), err);
        rc = read_tag(envelope, reader, err);
        if (rc == SG_OK)
            rc = sg_tlv_next(reader, &element, &more, err);
    }
    if (rc == SG_OK && more && !sg_tlv_is(&element, SG_TLV_CONTEXT, envelope->authenticated ? 2 : 1))
        rc = sg_tlv_malformed(reader, sg_tlv_place(reader), _("something follows that should not be there"), err);
    return rc;
}

/* --- the whole ---------------------------------------------------------------------------------------------------- */

static enum sg_rc parse(struct sg_envelope *envelope, struct sg_err *err)
{
    _cleanup_(sg_tlv_reader_freep) struct sg_tlv_reader *reader = NULL;
    const uint64_t size = sg_input_size(envelope->input);

    enum sg_rc rc = sg_tlv_reader_new(envelope->input, 0, size, &reader, err);
    if (rc == SG_OK)
        rc = enter_enveloped_data(envelope, reader, err);
    if (rc == SG_OK)
        rc = read_version(envelope, reader, err);
    if (rc == SG_OK)
        rc = read_recipients(envelope, reader, err);
    if (rc == SG_OK)
        rc = read_content_info(envelope, reader, err);
    if (rc == SG_OK)
        rc = read_tail(envelope, reader, err);
    return rc == SG_OK ? sg_tlv_leave_all(reader, SG_CONTENT_INFO_LEVELS, size, err) : rc;
}

/* RFC 7468 §8 and §9, and gpgsm's. */
static bool is_label(const char *label)
{
    return strcmp(label, "CMS") == 0 || strcmp(label, "PKCS7") == 0 || strcmp(label, "ENCRYPTED MESSAGE") == 0;
}

/* Where the DER or BER is: in `source`, or decoded from the PEM that it is. */
static enum sg_rc find_bytes(struct sg_envelope *envelope, struct sg_err *err)
{
    char label[SG_PEM_LABEL];

    enum sg_rc rc = sg_pem_label(envelope->source, label, err);
    if (rc == SG_OK && label[0] != '\0' && !is_label(label))
        rc = sg_fail(err, SG_E_MALFORMED, _("\"%s\" is PEM, but holds nothing encrypted: its label is %s."),
                     sg_input_name(envelope->source), label);
    if (rc == SG_OK)
        rc = sg_pem_decode(envelope->source, &envelope->decoded, err);
    if (rc == SG_OK)
        envelope->input = envelope->decoded ? envelope->decoded : envelope->source;
    return rc;
}

enum sg_rc sg_envelope_read(struct sg_input *input, OSSL_LIB_CTX *libctx, struct sg_envelope **ret, struct sg_err *err)
{
    _cleanup_(sg_envelope_freep) struct sg_envelope *envelope = calloc(1, sizeof *envelope);

    if (!envelope)
        return sg_fail_memory(err);
    envelope->source = input;
    envelope->libctx = libctx;
    envelope->cipher.auth_data.max = SMALL;

    enum sg_rc rc = find_bytes(envelope, err);
    if (rc == SG_OK)
        rc = parse(envelope, err);
    if (rc != SG_OK)
        return sg_about(sg_input_name(input), err, rc);
    *ret = sg_steal(envelope);
    return SG_OK;
}

void sg_envelope_free(struct sg_envelope *envelope)
{
    if (!envelope)
        return;
    sg_recipients_clear(&envelope->recipients);
    sg_buf_clear(&envelope->cipher.auth_data);
    sg_input_free(envelope->decoded);
    free(envelope);
}

bool sg_envelope_is_authenticated(const struct sg_envelope *envelope)
{
    return envelope->authenticated;
}

const char *sg_envelope_cipher(const struct sg_envelope *envelope)
{
    return envelope->cipher.info->name;
}

bool sg_envelope_names(const struct sg_envelope *envelope, X509 *cert)
{
    return sg_recipients_find(&envelope->recipients, cert).encrypted_key != NULL;
}

enum sg_rc sg_envelope_decrypt(struct sg_envelope *envelope, EVP_PKEY *key, X509 *cert, struct sg_sink plain,
                               struct sg_err *err)
{
    _cleanup_(sg_secret_freep) struct sg_secret *content_key = NULL;
    const struct sg_recipient recipient = sg_recipients_find(&envelope->recipients, cert);

    if (!recipient.encrypted_key)
        return sg_about(sg_input_name(envelope->source), err,
                        sg_fail(err, SG_E_NO_KEY, _("\"%s\" is not encrypted to the certificate of this key."),
                                sg_input_name(envelope->source)));
    enum sg_rc rc = sg_secret_new(envelope->cipher.info->key_len, &content_key, err);
    if (rc == SG_OK)
        rc = sg_recipient_unwrap(&recipient, envelope->libctx, key, cert, content_key, err);
    if (rc == SG_OK)
        rc = sg_content_decrypt(&envelope->cipher, envelope->libctx, content_key, envelope->input, &envelope->content,
                                plain, err);
    if (rc == SG_OK)
        rc = sg_input_check_unchanged(envelope->source, err);
    return rc == SG_OK ? SG_OK : sg_about(sg_input_name(envelope->source), err, rc);
}
