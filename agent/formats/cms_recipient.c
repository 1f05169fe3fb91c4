#include "formats/cms_envelope_private.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "base/msg.h"
#include "formats/der.h"

/* --- reading ------------------------------------------------------------------------------------------------------ */

static enum sg_rc unreadable(struct sg_err *err)
{
    return sg_fail_ssl(err, SG_E_MALFORMED, "%s", _("A recipient of the file cannot be read; get a fresh copy of it."));
}

static enum sg_rc add_key_trans(struct sg_recipients *recipients, struct sg_slice bytes, struct sg_err *err)
{
    const uint8_t *at = bytes.data;
    SG_KEY_TRANS *info = d2i_SG_KEY_TRANS(NULL, &at, (long)bytes.len);

    if (!info)
        return unreadable(err);
    if (!recipients->key_trans)
        recipients->key_trans = sk_SG_KEY_TRANS_new_null();
    if (sk_SG_KEY_TRANS_push(recipients->key_trans, info) <= 0) {
        SG_KEY_TRANS_free(info);
        return sg_fail_memory(err);
    }
    return SG_OK;
}

static enum sg_rc add_key_agree(struct sg_recipients *recipients, struct sg_buf *encoding, struct sg_err *err)
{
    encoding->data[0] = SG_DER_SEQUENCE; /* IMPLICIT [1] in its place */
    const uint8_t *at = encoding->data;
    SG_KEY_AGREE *info = d2i_SG_KEY_AGREE(NULL, &at, (long)encoding->len);

    if (!info)
        return unreadable(err);
    if (!recipients->key_agree)
        recipients->key_agree = sk_SG_KEY_AGREE_new_null();
    if (sk_SG_KEY_AGREE_push(recipients->key_agree, info) <= 0) {
        SG_KEY_AGREE_free(info);
        return sg_fail_memory(err);
    }
    return SG_OK;
}

enum sg_rc sg_recipients_add(struct sg_recipients *recipients, enum sg_recipient_kind kind, struct sg_buf *encoding,
                             struct sg_err *err)
{
    recipients->seen[kind] = true;
    if (kind == SG_RECIPIENT_KEY_TRANS)
        return add_key_trans(recipients, sg_buf_slice(encoding), err);
    if (kind == SG_RECIPIENT_KEY_AGREE)
        return add_key_agree(recipients, encoding, err);
    return SG_OK;
}

void sg_recipients_clear(struct sg_recipients *recipients)
{
    sk_SG_KEY_TRANS_pop_free(recipients->key_trans, SG_KEY_TRANS_free);
    sk_SG_KEY_AGREE_pop_free(recipients->key_agree, SG_KEY_AGREE_free);
    *recipients = (struct sg_recipients){0};
}

enum sg_rc sg_recipients_check(const struct sg_recipients *recipients, struct sg_err *err)
{
    const struct {
        enum sg_recipient_kind kind;
        const char *text;
    } others[] = {{SG_RECIPIENT_KEK, _("holders of a shared key (KEKRecipientInfo)")},
                  {SG_RECIPIENT_PASSWORD, _("knowers of a password (PasswordRecipientInfo)")},
                  {SG_RECIPIENT_OTHER, _("recipients of another kind (OtherRecipientInfo)")}};
    char kinds[320] = "";

    if (recipients->seen[SG_RECIPIENT_KEY_TRANS] || recipients->seen[SG_RECIPIENT_KEY_AGREE])
        return SG_OK;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        size_t used = strlen(kinds);
        if (recipients->seen[others[i].kind])
            (void)snprintf(kinds + used, sizeof kinds - used, "%s%s", used > 0 ? ", " : "", others[i].text);
    }
    if (kinds[0] == '\0')
        return sg_fail(err, SG_E_MALFORMED, "%s", _("The file is encrypted to nobody."));
    return sg_fail(err, SG_E_UNSUPPORTED,
                   _("The file is encrypted only to %s; ask the sender to encrypt it to your certificate."), kinds);
}

/* --- whom they name ----------------------------------------------------------------------------------------------- */

static bool names_serial(const SG_ISSUER_AND_SERIAL *id, X509 *cert)
{
    return X509_NAME_cmp(id->issuer, X509_get_issuer_name(cert)) == 0 &&
           ASN1_INTEGER_cmp(id->serial, X509_get0_serialNumber(cert)) == 0;
}

/* The certificate's subjectKeyIdentifier extension, and nothing computed instead (RFC 5652 §6.2.1). */
static bool names_key_id(const ASN1_OCTET_STRING *id, X509 *cert)
{
    const ASN1_OCTET_STRING *key_id = X509_get0_subject_key_id(cert);

    return key_id && ASN1_OCTET_STRING_cmp(key_id, id) == 0;
}

static bool key_trans_names(const SG_KEY_TRANS *info, X509 *cert)
{
    return info->rid->type == 0 ? names_serial(info->rid->d.issuer_and_serial, cert)
                                : names_key_id(info->rid->d.subject_key_id, cert);
}

static bool key_agree_names(const SG_KEY_AGREE_ID *rid, X509 *cert)
{
    return rid->type == 0 ? names_serial(rid->d.issuer_and_serial, cert)
                          : names_key_id(rid->d.key_id->subject_key_id, cert);
}

struct sg_recipient sg_recipients_find(const struct sg_recipients *recipients, X509 *cert)
{
    struct sg_recipient found = {0};

    for (int i = 0; i < sk_SG_KEY_TRANS_num(recipients->key_trans); i++) {
        const SG_KEY_TRANS *info = sk_SG_KEY_TRANS_value(recipients->key_trans, i);
        bool oaep = OBJ_obj2nid(info->algorithm->algorithm) == NID_rsaesOaep;
        if (!key_trans_names(info, cert) || (found.key_trans && !oaep))
            continue;
        found = (struct sg_recipient){.key_trans = info, .encrypted_key = info->encrypted_key};
        if (oaep)
            return found;
    }
    for (int i = 0; i < sk_SG_KEY_AGREE_num(recipients->key_agree) && !found.key_trans; i++) {
        const SG_KEY_AGREE *info = sk_SG_KEY_AGREE_value(recipients->key_agree, i);
        for (int j = 0; j < sk_SG_RECIPIENT_ENCRYPTED_KEY_num(info->recipients); j++) {
            const SG_RECIPIENT_ENCRYPTED_KEY *to = sk_SG_RECIPIENT_ENCRYPTED_KEY_value(info->recipients, j);
            if (key_agree_names(to->rid, cert))
                return (struct sg_recipient){.key_agree = info, .encrypted_key = to->encrypted_key};
        }
    }
    return found;
}

/* --- what all of them share --------------------------------------------------------------------------------------- */

enum sg_rc sg_recipient_unwrap(const struct sg_recipient *recipient, OSSL_LIB_CTX *libctx, EVP_PKEY *key, X509 *cert,
                               struct sg_secret *content_key, struct sg_err *err)
{
    if (recipient->key_trans)
        return sg_key_trans_unwrap(recipient->key_trans, libctx, key, content_key, err);
    return sg_key_agree_unwrap(recipient->key_agree, recipient->encrypted_key, libctx, key, cert, content_key, err);
}

enum sg_rc sg_unsupported_wrap(const X509_ALGOR *algorithm, struct sg_err *err)
{
    char name[SG_ALGORITHM_TEXT];

    return sg_fail(
        err, SG_E_UNSUPPORTED,
        _("The key of the content is encrypted with %s, which this version does not read; ask the sender for "
          "another algorithm."),
        sg_algorithm_text(algorithm, name));
}

const char *sg_algorithm_text(const X509_ALGOR *algorithm, char text[SG_ALGORITHM_TEXT])
{
    if (OBJ_obj2txt(text, SG_ALGORITHM_TEXT, algorithm->algorithm, 0) <= 0)
        (void)snprintf(text, SG_ALGORITHM_TEXT, "?");
    return text;
}

enum sg_rc sg_decryption_failed(struct sg_err *err)
{
    ERR_clear_error(); /* it says too much, and not always the same */
    return sg_fail(
        err, SG_E_DECRYPTION, "%s",
        _("The content does not decrypt: the file was changed, or was not encrypted to this key. Get it again "
          "from the sender."));
}
