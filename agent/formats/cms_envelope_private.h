/* How the files that read encrypted CMS share the work: cms_envelope.c walks the whole, cms_recipient.c knows whom a
 * RecipientInfo names, cms_key_trans.c and cms_key_agree.c get the content key out of it, cms_content_cipher.c decrypts
 * with that. */
#pragma once

#include "base/limits.h"
#include "base/secret.h"
#include "formats/cms_asn1.h"
#include "formats/cms_envelope.h"
#include "formats/tlv.h"

/* --- recipients (RFC 5652 §6.2) ----------------------------------------------------------------------------------- */

enum sg_recipient_kind {
    SG_RECIPIENT_KEY_TRANS,
    SG_RECIPIENT_KEY_AGREE,
    SG_RECIPIENT_KEK,
    SG_RECIPIENT_PASSWORD,
    SG_RECIPIENT_OTHER,
    SG_RECIPIENT_KINDS
};

struct sg_recipients {
    STACK_OF(SG_KEY_TRANS) *key_trans;
    STACK_OF(SG_KEY_AGREE) *key_agree;
    bool seen[SG_RECIPIENT_KINDS];
};

/* Adds one RecipientInfo. `encoding` is its own, whole, and is written to. */
SG_MUST_CHECK enum sg_rc sg_recipients_add(struct sg_recipients *recipients, enum sg_recipient_kind kind,
                                           struct sg_buf *encoding, struct sg_err *err);
/* SG_E_UNSUPPORTED, with the kinds that there are, if none of them is one that we read. */
SG_MUST_CHECK enum sg_rc sg_recipients_check(const struct sg_recipients *recipients, struct sg_err *err);
void sg_recipients_clear(struct sg_recipients *recipients);

/* What is encrypted to the certificate; both NULL if nothing is. OAEP goes before PKCS#1 v1.5. */
struct sg_recipient {
    const SG_KEY_TRANS *key_trans;
    const SG_KEY_AGREE *key_agree;
    const ASN1_OCTET_STRING *encrypted_key; /* of either */
};
struct sg_recipient sg_recipients_find(const struct sg_recipients *recipients, X509 *cert);

/* The content key, which is as long as `content_key` has room for. */
SG_MUST_CHECK enum sg_rc sg_recipient_unwrap(const struct sg_recipient *recipient, OSSL_LIB_CTX *libctx, EVP_PKEY *key,
                                             X509 *cert, struct sg_secret *content_key, struct sg_err *err);

SG_MUST_CHECK enum sg_rc sg_key_trans_unwrap(const SG_KEY_TRANS *info, OSSL_LIB_CTX *libctx, EVP_PKEY *key,
                                             struct sg_secret *content_key, struct sg_err *err);
SG_MUST_CHECK enum sg_rc sg_key_agree_unwrap(const SG_KEY_AGREE *info, const ASN1_OCTET_STRING *encrypted_key,
                                             OSSL_LIB_CTX *libctx, EVP_PKEY *key, X509 *cert,
                                             struct sg_secret *content_key, struct sg_err *err);

#define SG_ALGORITHM_TEXT 128
/* The name of an algorithm, or its OID. */
const char *sg_algorithm_text(const X509_ALGOR *algorithm, char text[SG_ALGORITHM_TEXT]);
/* SG_E_UNSUPPORTED: the content key is encrypted with something that we do not read. */
enum sg_rc sg_unsupported_wrap(const X509_ALGOR *algorithm, struct sg_err *err);
/* SG_E_DECRYPTION: the one sentence for all that can be wrong with a key or the content. */
enum sg_rc sg_decryption_failed(struct sg_err *err);

/* --- the content -------------------------------------------------------------------------------------------------- */

#define SG_GCM_TAG_MAX 16

struct sg_content_cipher {
    const struct sg_cipher_info {
        int nid;
        const char *name; /* OpenSSL's */
        size_t key_len;
        size_t iv_len; /* of CBC; 0: GCM, whose nonce may vary */
    } * info;
    uint8_t iv[SG_MAX_GCM_NONCE];
    size_t iv_len;
    uint8_t tag[SG_GCM_TAG_MAX];
    size_t tag_len;          /* GCM: as the parameters say */
    struct sg_buf auth_data; /* GCM: what the tag covers beside the content */
};

/* From contentEncryptionAlgorithm. One that does not fit (CBC where a tag is wanted) is SG_E_UNSUPPORTED. */
SG_MUST_CHECK enum sg_rc sg_content_cipher_read(struct sg_content_cipher *cipher, const X509_ALGOR *algorithm,
                                                bool authenticated, struct sg_err *err);

/* Decrypts the OCTET STRING `content` of `input` into `plain`. */
SG_MUST_CHECK enum sg_rc sg_content_decrypt(const struct sg_content_cipher *cipher, OSSL_LIB_CTX *libctx,
                                            const struct sg_secret *key, struct sg_input *input,
                                            const struct sg_tlv *content, struct sg_sink plain, struct sg_err *err);
