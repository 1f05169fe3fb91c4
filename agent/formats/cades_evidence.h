/* What one SignerInfo carries to be judged by later (EN 319 122-1 §5.2 to §5.5, and the attributes of its Annex A that
 * older programs write): certificates, revocation data, time-stamps, and what each time-stamp is over. Reading alone:
 * nothing is judged, and what is odd but readable is handed on. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/x509.h>

#include "base/buf.h"
#include "base/err.h"
#include "formats/cms.h"

enum sg_evidence_kind {
    SG_EVIDENCE_CONTENT,    /* content-time-stamp, signed (§5.2.8): of the content */
    SG_EVIDENCE_SIGNATURE,  /* signature-time-stamp (§5.3): of the signature value */
    SG_EVIDENCE_CADES_C,    /* CAdES-C-timestamp (Annex A.1.5.2) */
    SG_EVIDENCE_REFERENCES, /* time-stamped-certs-crls-references (Annex A.1.5.1) */
    SG_EVIDENCE_ARCHIVE_V2, /* archive-time-stamp (TS 101 733 §6.4.1): of the whole, in an order that is a convention */
    SG_EVIDENCE_ARCHIVE_V3, /* archive-time-stamp-v3 (§5.5.3), with its ats-hash-index, -v2 or -v3 (§5.5.2) */
    SG_EVIDENCE_ARCHIVE_V1, /* the first archive-time-stamp (TS 101 733 V1.4.0): only known by its name */
    SG_EVIDENCE_DOCUMENT,   /* document time-stamp (EN 319 142-1 §5.4.3): of a PDF up to it, the signature with it */
};

/* One time-stamp token; in the order of the attributes. */
struct sg_evidence_timestamp {
    enum sg_evidence_kind kind;
    struct sg_slice token; /* DER; borrowed from the sg_cms */
    int digest_nid;        /* of its message imprint; NID_undef: not known, or the token cannot be read */
};

/* What a time-stamp is over, to be compared with its imprint. */
struct sg_evidence_imprint {
    uint8_t digest[EVP_MAX_MD_SIZE];
    size_t len; /* 0: it cannot be calculated, and `why` is a sentence, untranslated */
    const char *why;
};

/* What stands outside the CMS, in a document that holds both. What is younger has a higher layer, and the CMS is older
 * than any time-stamp here: each is over all that has a lower layer than itself. All is borrowed. */
enum sg_evidence_item_kind { SG_EVIDENCE_CERTIFICATE, SG_EVIDENCE_CRL, SG_EVIDENCE_OCSP };

struct sg_evidence_item {
    enum sg_evidence_item_kind kind;
    struct sg_slice der; /* of an OCSPResponse or a BasicOCSPResponse (RFC 6960 §4.2.1) */
    size_t layer;
};

struct sg_evidence_document_stamp {
    struct sg_slice token;  /* {NULL, 0}: it cannot be read */
    struct sg_slice digest; /* of what it has to be over, by its own algorithm; {NULL, 0}: it cannot be calculated */
    size_t layer;           /* more than 0 */
};

struct sg_evidence_beside {
    const struct sg_evidence_item *items;
    size_t count;
    const struct sg_evidence_document_stamp *stamps;
    size_t stamp_count;
    bool left_out; /* there is more, which cannot be read or is beyond a limit */
};

struct sg_evidence;

/* Reads what `si`, a signer of `cms`, carries; both must outlive the result. Malformed attributes, and what is beyond
 * the limits, are left out and counted; a time-stamp that cannot be read is shown as it is. */
SG_MUST_CHECK enum sg_rc sg_evidence_read(const struct sg_cms *cms, const struct sg_signer_info *si,
                                          OSSL_LIB_CTX *libctx, struct sg_evidence **ret, struct sg_err *err);
/* The same, with what stands beside the CMS (NULL: nothing), which must outlive the result. */
SG_MUST_CHECK enum sg_rc sg_evidence_read_with(const struct sg_cms *cms, const struct sg_signer_info *si,
                                               const struct sg_evidence_beside *beside, OSSL_LIB_CTX *libctx,
                                               struct sg_evidence **ret, struct sg_err *err);
void sg_evidence_free(struct sg_evidence *evidence);
SG_DEFINE_CLEANUP(struct sg_evidence, sg_evidence_free)

size_t sg_evidence_malformed_count(const struct sg_evidence *evidence);
size_t sg_evidence_timestamp_count(const struct sg_evidence *evidence);
const struct sg_evidence_timestamp *sg_evidence_timestamp(const struct sg_evidence *evidence, size_t index);

/* Certificates and revocation data: of the SignedData, of certificate-values and revocation-values (Annex A.1.3), and
 * of the time-stamp tokens' own SignedData and unsigned attributes, and what stands beside. Without duplicates. OCSP:
 * DER of BasicOCSPResponse (RFC 6960 §4.2.1). Borrowed. */
const STACK_OF(X509) *sg_evidence_certificates(const struct sg_evidence *evidence);
size_t sg_evidence_crl_count(const struct sg_evidence *evidence);
struct sg_slice sg_evidence_crl(const struct sg_evidence *evidence, size_t index);
size_t sg_evidence_ocsp_count(const struct sg_evidence *evidence);
struct sg_slice sg_evidence_ocsp(const struct sg_evidence *evidence, size_t index);

/* The digest algorithms by which the content has to be hashed for the imprints. */
size_t sg_evidence_digests(const struct sg_evidence *evidence, int *nids, size_t capacity);
/* Where detached content has to go, all of it and once, before the imprints are asked for: the older
 * archive-time-stamps are over it among other things. No `write`: nowhere. */
struct sg_sink sg_evidence_content(struct sg_evidence *evidence);

/* Gives the digest of the content by an algorithm ({NULL, 0}: not to be had): attached or detached, it was hashed
 * before in one pass by the algorithms of sg_evidence_digests(). */
typedef struct sg_slice sg_content_digest_of(void *context, int nid);

/* What that time-stamp has to be over. Of an archive-time-stamp-v3 the index is checked first: each hash in it has to
 * be that of something there (§5.5.2). */
SG_MUST_CHECK enum sg_rc sg_evidence_imprint(const struct sg_evidence *evidence, size_t timestamp,
                                             sg_content_digest_of *content_digest, void *context,
                                             struct sg_evidence_imprint *ret, struct sg_err *err);

/* Whether that time-stamp, where it holds, proves that these existed (EN 319 102-1 §5.6.2.3, POE extraction): a
 * certificate, a CRL or an OCSP response of the above by its index, or an earlier time-stamp. */
bool sg_evidence_covers_certificate(const struct sg_evidence *evidence, size_t timestamp, X509 *cert);
bool sg_evidence_covers_crl(const struct sg_evidence *evidence, size_t timestamp, size_t crl);
bool sg_evidence_covers_ocsp(const struct sg_evidence *evidence, size_t timestamp, size_t ocsp);
bool sg_evidence_covers_timestamp(const struct sg_evidence *evidence, size_t timestamp, size_t earlier);
