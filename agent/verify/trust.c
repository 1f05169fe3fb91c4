#include "verify/trust.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#include "base/limits.h"
#include "base/log.h"
#include "base/msg.h"
#include "formats/pem.h"

#define WARM 8 /* anchors that are parsed ahead */

struct trusted_entry {
    X509 *cert;          /* NULL: not asked for yet */
    X509_NAME *subject;  /* of a certificate that is not parsed yet */
    struct sg_slice der; /* ditto */
    unsigned purposes;
    const char *limits_text;         /* of an anchor of the snapshot's */
    struct sg_anchor_limits *limits; /* read with the certificate; NULL: none */
    bool unreadable;
};

struct crl_entry {
    struct sg_known_crl *known; /* NULL: not asked for yet */
    X509_NAME *issuer;          /* of a CRL that is not read yet */
    size_t snapshot_index;
    char *unreadable; /* its file, which is missing or damaged */
    bool told;        /* to the log, that it is used */
};

struct ocsp_entry {
    struct sg_known_ocsp *known; /* NULL: not asked for yet */
    struct sg_slice cert_id;     /* of an answer of the snapshot's; {NULL, 0}: one that was named, about anything */
    size_t snapshot_index;
    char *unreadable;
};

struct sg_trust {
    OSSL_LIB_CTX *libctx;
    struct sg_cert_cache *known;
    const struct sg_log *log;
    const struct sg_snapshot *snapshot;
    STACK_OF(X509) *intermediates;
    pthread_mutex_t lock; /* over what is loaded when it is asked for */
    struct trusted_entry *certs;
    size_t cert_count;
    struct crl_entry *crls;
    size_t crl_count;
    struct ocsp_entry *ocsps;
    size_t ocsp_count;
};

/* The subject within a certificate's DER (RFC 5280 §4.1), without parsing the rest: decoding a public key costs more
 * than all else, and of hundreds of anchors a judgement needs one or two. NULL if it cannot be read. */
static X509_NAME *peek_subject(struct sg_slice der)
{
    const uint8_t *p = der.data;
    long len = 0;
    int tag = 0, class = 0;
    if (der.len > SG_MAX_CERTIFICATE)
        return NULL;
    const uint8_t *end = der.data + der.len;
    for (int depth = 0; depth < 2; depth++) { /* into Certificate, into TBSCertificate */
        if (ASN1_get_object(&p, &len, &tag, &class, end - p) != V_ASN1_CONSTRUCTED || tag != V_ASN1_SEQUENCE)
            return NULL;
        end = p + len;
    }
    /* version [0] is optional; then serialNumber, signature, issuer, validity */
    for (int skip = 0; skip < 4;) {
        if (ASN1_get_object(&p, &len, &tag, &class, end - p) & 0x81)
            return NULL;
        p += len;
        if (class == V_ASN1_UNIVERSAL)
            skip++;
    }
    return d2i_X509_NAME(NULL, &p, end - p);
}

/* What may be of use, whatever is trusted: a helping certificate of the store, which proves nothing by itself. */
static void add_helpers(struct sg_trust *trust)
{
    for (size_t i = 0; i < sg_snapshot_helper_count(trust->snapshot); i++) {
        struct sg_slice der = sg_snapshot_helper(trust->snapshot, i);
        X509_NAME *subject = peek_subject(der);
        trust->certs[trust->cert_count++] =
            (struct trusted_entry){.subject = subject, .der = der, .unreadable = !subject};
    }
}

static void add_snapshot(struct sg_trust *trust, bool with_anchors)
{
    const struct sg_snapshot *snapshot = trust->snapshot;
    for (size_t i = 0; with_anchors && i < sg_snapshot_anchor_count(snapshot); i++) {
        const struct sg_snapshot_anchor *anchor = sg_snapshot_anchor(snapshot, i);
        X509_NAME *subject = peek_subject(anchor->certificate);
        trust->certs[trust->cert_count++] = (struct trusted_entry){.subject = subject,
                                                                   .der = anchor->certificate,
                                                                   .purposes = anchor->purposes,
                                                                   .limits_text = anchor->limits,
                                                                   .unreadable = !subject};
    }
    for (size_t i = 0; i < sg_snapshot_crl_count(snapshot); i++) {
        const struct sg_snapshot_crl *crl = sg_snapshot_crl(snapshot, i);
        const uint8_t *p = crl->issuer.data;
        X509_NAME *issuer =
            crl->issuer.len > SG_MAX_CERTIFICATE ? NULL : d2i_X509_NAME(NULL, &p, (long)crl->issuer.len);
        trust->crls[trust->crl_count++] = (struct crl_entry){.issuer = issuer, .snapshot_index = i};
    }
    for (size_t i = 0; i < sg_snapshot_ocsp_count(snapshot); i++)
        trust->ocsps[trust->ocsp_count++] =
            (struct ocsp_entry){.cert_id = sg_snapshot_ocsp(snapshot, i)->cert_id, .snapshot_index = i};
    add_helpers(trust);
}

static enum sg_rc add_options(struct sg_trust *trust, const struct sg_verifier_options *options, struct sg_err *err)
{
    for (int i = 0; i < sk_X509_num(options->anchors); i++) {
        X509 *cert = sk_X509_value(options->anchors, i);
        if (!X509_up_ref(cert))
            return sg_fail_memory(err);
        struct trusted_entry *entry = &trust->certs[trust->cert_count++];
        *entry = (struct trusted_entry){.cert = cert, .purposes = SG_PURPOSES_ALL};
        enum sg_rc rc =
            options->anchor_limits ? sg_anchor_limits_parse(options->anchor_limits[i], &entry->limits, err) : SG_OK;
        if (rc != SG_OK)
            return rc;
    }
    for (int i = 0; i < sk_X509_num(options->intermediates); i++) {
        X509 *cert = sk_X509_value(options->intermediates, i);
        if (!X509_up_ref(cert))
            return sg_fail_memory(err);
        trust->certs[trust->cert_count++] = (struct trusted_entry){.cert = cert};
    }
    for (size_t i = 0; i < options->crl_count; i++) {
        struct sg_known_crl *known = NULL;
        enum sg_rc rc = sg_known_crl_read(&options->crls[i], trust->libctx, &known, err);
        if (rc != SG_OK)
            return rc;
        trust->crls[trust->crl_count++] = (struct crl_entry){.known = known};
    }
    for (size_t i = 0; i < options->ocsp_count; i++) {
        struct sg_known_ocsp *known = NULL;
        enum sg_rc rc = sg_known_ocsp_new(options->ocsps[i], trust->libctx, &known, err);
        if (rc != SG_OK)
            return rc;
        trust->ocsps[trust->ocsp_count++] = (struct ocsp_entry){.known = known};
    }
    return SG_OK;
}

static size_t count(int stack_size)
{
    return stack_size > 0 ? (size_t)stack_size : 0;
}

/* The others only help. */
static size_t anchor_count(const struct sg_trust *trust)
{
    size_t anchors = 0;

    for (size_t i = 0; i < trust->cert_count; i++)
        anchors += trust->certs[i].purposes != 0;
    return anchors;
}

enum sg_rc sg_trust_new(const struct sg_verifier_options *options, struct sg_cert_cache *certs, struct sg_trust **ret,
                        struct sg_err *err)
{
    const struct sg_snapshot *snapshot = options->snapshot;
    size_t named = count(sk_X509_num(options->anchors));
    size_t cert_room = named + count(sk_X509_num(options->intermediates)) + 1;
    size_t crl_room = options->crl_count + 1;
    size_t ocsp_room = options->ocsp_count + 1;
    if (snapshot) {
        cert_room += sg_snapshot_anchor_count(snapshot) + sg_snapshot_helper_count(snapshot);
        crl_room += sg_snapshot_crl_count(snapshot);
        ocsp_room += sg_snapshot_ocsp_count(snapshot);
    }

    struct sg_trust *fresh = calloc(1, sizeof *fresh);
    if (!fresh)
        return sg_fail_memory(err);
    if (pthread_mutex_init(&fresh->lock, NULL) != 0) {
        free(fresh);
        return sg_fail_memory(err);
    }
    _cleanup_(sg_trust_freep) struct sg_trust *trust = fresh;
    trust->libctx = options->libctx;
    trust->known = certs;
    trust->log = options->log;
    trust->snapshot = snapshot;
    trust->certs = calloc(cert_room, sizeof *trust->certs);
    trust->crls = calloc(crl_room, sizeof *trust->crls);
    trust->ocsps = calloc(ocsp_room, sizeof *trust->ocsps);
    trust->intermediates = options->intermediates ? X509_chain_up_ref(options->intermediates) : sk_X509_new_null();
    if (!trust->certs || !trust->crls || !trust->ocsps || !trust->intermediates)
        return sg_fail_memory(err);

    enum sg_rc rc = add_options(trust, options, err);
    /* With --anchor, only those count (the command line's rule), but what is known to be revoked is known all the same.
     */
    if (rc == SG_OK && snapshot)
        add_snapshot(trust, named == 0);
    if (rc == SG_OK)
        sg_log(trust->log, SG_LOG_INFO, _("Judged with %zu anchors and %zu revocation lists"), anchor_count(trust),
               trust->crl_count);
    if (rc == SG_OK)
        *ret = sg_steal(trust);
    return rc;
}

void sg_trust_free(struct sg_trust *trust)
{
    if (!trust)
        return;
    for (size_t i = 0; i < trust->cert_count; i++) {
        X509_free(trust->certs[i].cert);
        X509_NAME_free(trust->certs[i].subject);
        sg_anchor_limits_free(trust->certs[i].limits);
    }
    for (size_t i = 0; i < trust->crl_count; i++) {
        sg_known_crl_free(trust->crls[i].known);
        X509_NAME_free(trust->crls[i].issuer);
        free(trust->crls[i].unreadable);
    }
    for (size_t i = 0; i < trust->ocsp_count; i++) {
        sg_known_ocsp_free(trust->ocsps[i].known);
        free(trust->ocsps[i].unreadable);
    }
    free(trust->certs);
    free(trust->crls);
    free(trust->ocsps);
    sg_x509_stack_free(trust->intermediates);
    (void)pthread_mutex_destroy(&trust->lock);
    free(trust);
}

static const X509_NAME *subject_of(const struct trusted_entry *entry)
{
    return entry->subject ? entry->subject : X509_get_subject_name(entry->cert);
}

static enum sg_rc read_entry(struct sg_trust *trust, struct trusted_entry *entry, struct sg_err *err)
{
    _cleanup_(sg_anchor_limits_freep) struct sg_anchor_limits *limits = NULL;
    enum sg_rc rc = entry->limits_text ? sg_anchor_limits_parse(entry->limits_text, &limits, err) : SG_OK;
    if (rc == SG_OK)
        rc = sg_cert_cache_parse(trust->known, entry->der, &entry->cert, err);
    if (rc == SG_OK)
        entry->limits = sg_steal(limits);
    return rc;
}

/* An anchor of the snapshot that cannot be read, or whose limits cannot, is no anchor; what kept us from reading it, if
 * that is our own trouble, is an error. */
static enum sg_rc load_cert(struct sg_trust *trust, struct trusted_entry *entry, X509 **ret, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;
    (void)pthread_mutex_lock(&trust->lock);
    if (!entry->cert && !entry->unreadable) {
        rc = read_entry(trust, entry, err);
        if (rc == SG_E_MALFORMED || rc == SG_E_LIMIT) {
            entry->unreadable = true;
            rc = SG_OK;
        }
    }
    X509 *cert = entry->cert;
    (void)pthread_mutex_unlock(&trust->lock);
    if (rc == SG_OK)
        *ret = cert;
    return rc;
}

enum sg_rc sg_trust_next(struct sg_trust *trust, const X509_NAME *subject, size_t *cursor, struct sg_trusted *ret,
                         struct sg_err *err)
{
    while (*cursor < trust->cert_count) {
        struct trusted_entry *entry = &trust->certs[(*cursor)++];
        /* `unreadable` without a subject is set before any thread starts, and never changes back. */
        if ((!entry->subject && entry->der.data) || X509_NAME_cmp(subject_of(entry), subject) != 0)
            continue;
        X509 *cert = NULL;
        enum sg_rc rc = load_cert(trust, entry, &cert, err);
        if (rc != SG_OK)
            return rc;
        if (!cert)
            continue;
        *ret = (struct sg_trusted){.cert = cert, .purposes = entry->purposes, .limits = entry->limits};
        return SG_OK;
    }
    *ret = (struct sg_trusted){0};
    return SG_OK;
}

void sg_trust_warm_up(struct sg_trust *trust)
{
    struct sg_err err;
    int left = WARM;
    for (size_t i = 0; i < trust->cert_count && left > 0; i++) {
        struct trusted_entry *entry = &trust->certs[i];
        X509 *cert = NULL;
        /* One that cannot be read now is met again when it is needed. */
        if (entry->purposes != 0 && load_cert(trust, entry, &cert, &err) == SG_OK && cert) {
            (void)X509_self_signed(cert, 1);
            left--;
        }
    }
    ERR_clear_error();
}

const STACK_OF(X509) *sg_trust_intermediates(const struct sg_trust *trust)
{
    return trust->intermediates;
}

static enum sg_rc read_crl(struct sg_trust *trust, size_t index, struct sg_known_crl **ret, struct sg_err *err)
{
    _cleanup_(freep) char *der_path = NULL, *index_path = NULL;
    const uint8_t *sha256 = sg_snapshot_crl(trust->snapshot, index)->sha256;
    enum sg_rc rc = sg_snapshot_crl_path(trust->snapshot, index, &der_path, err);
    if (rc == SG_OK)
        rc = sg_snapshot_crl_index_path(trust->snapshot, index, &index_path, err);
    return rc == SG_OK ? sg_known_crl_open(index_path, der_path, sha256, trust->libctx, ret, err) : rc;
}

/* Once for each: how many signatures it is used for is of no interest. */
static void tell_crl(const struct sg_trust *trust, struct crl_entry *entry)
{
    _cleanup_(freep) char *issuer = NULL;
    char issued[SG_TIME_TEXT];

    if (entry->told || !trust->log)
        return;
    entry->told = true;
    if (entry->unreadable)
        sg_log(trust->log, SG_LOG_INFO, _("Revocation list that cannot be read: %s"), entry->unreadable);
    else if (entry->known && sg_name_text(entry->known->issuer, &issuer, NULL) == SG_OK)
        sg_log(trust->log, SG_LOG_INFO, _("Revocation list used: %s, issued %s"), issuer,
               sg_time_text(entry->known->this_update, issued));
}

/* What cannot be read is remembered with its file: what it says of a certificate is known, and no longer at hand. */
static enum sg_rc load_crl(struct sg_trust *trust, struct crl_entry *entry, struct sg_known_crl **ret,
                           const char **ret_unreadable, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;
    (void)pthread_mutex_lock(&trust->lock);
    if (!entry->known && !entry->unreadable) {
        rc = read_crl(trust, entry->snapshot_index, &entry->known, err);
        if (rc == SG_E_MALFORMED || rc == SG_E_LIMIT || rc == SG_E_STORE_DAMAGED || rc == SG_E_NOT_FOUND)
            rc = sg_snapshot_crl_path(trust->snapshot, entry->snapshot_index, &entry->unreadable, err);
    }
    if (rc == SG_OK)
        tell_crl(trust, entry);
    struct sg_known_crl *known = entry->known;
    const char *unreadable = entry->unreadable; /* never changes back */
    (void)pthread_mutex_unlock(&trust->lock);
    if (rc == SG_OK) {
        *ret = known;
        *ret_unreadable = unreadable;
    }
    return rc;
}

enum sg_rc sg_trust_next_crl(struct sg_trust *trust, const X509_NAME *issuer, struct sg_source_cursor *cursor,
                             struct sg_known_crl **ret, struct sg_err *err)
{
    while (cursor->next < trust->crl_count) {
        struct crl_entry *entry = &trust->crls[cursor->next++];
        const X509_NAME *name = entry->issuer;
        if (!name && entry->known)
            name = entry->known->issuer;
        if (!name || X509_NAME_cmp(name, issuer) != 0)
            continue;
        struct sg_known_crl *known = NULL;
        const char *unreadable = NULL;
        enum sg_rc rc = load_crl(trust, entry, &known, &unreadable, err);
        if (rc != SG_OK)
            return rc;
        if (unreadable)
            cursor->unreadable = unreadable;
        if (!known)
            continue;
        *ret = known;
        return SG_OK;
    }
    *ret = NULL;
    return SG_OK;
}

/* --- OCSP responses ------------------------------------------------------------------------------------------------
 */

/* A CertID (RFC 6960 §4.1.1) ends with the serial number, which tells most apart without parsing it. */
static bool may_be_about(struct sg_slice cert_id, const uint8_t *serial, size_t len)
{
    return !cert_id.data || (cert_id.len > len && memcmp(cert_id.data + cert_id.len - len, serial, len) == 0);
}

static enum sg_rc read_ocsp(struct sg_trust *trust, size_t index, struct sg_known_ocsp **ret, struct sg_err *err)
{
    _cleanup_(sg_buf_clear) struct sg_buf der = SG_BUF(SG_MAX_OCSP_ANSWER);
    enum sg_rc rc = sg_snapshot_ocsp_read(trust->snapshot, index, &der, err);
    return rc == SG_OK ? sg_known_ocsp_new(sg_buf_slice(&der), trust->libctx, ret, err) : rc;
}

static enum sg_rc load_ocsp(struct sg_trust *trust, struct ocsp_entry *entry, struct sg_known_ocsp **ret,
                            const char **ret_unreadable, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;
    (void)pthread_mutex_lock(&trust->lock);
    if (!entry->known && !entry->unreadable) {
        rc = read_ocsp(trust, entry->snapshot_index, &entry->known, err);
        if (rc == SG_E_MALFORMED || rc == SG_E_LIMIT || rc == SG_E_STORE_DAMAGED || rc == SG_E_NOT_FOUND)
            rc = sg_snapshot_ocsp_path(trust->snapshot, entry->snapshot_index, &entry->unreadable, err);
    }
    struct sg_known_ocsp *known = entry->known;
    const char *unreadable = entry->unreadable; /* never changes back */
    (void)pthread_mutex_unlock(&trust->lock);
    if (rc == SG_OK) {
        *ret = known;
        *ret_unreadable = unreadable;
    }
    return rc;
}

enum sg_rc sg_trust_next_ocsp(struct sg_trust *trust, const ASN1_INTEGER *serial, struct sg_source_cursor *cursor,
                              struct sg_known_ocsp **ret, struct sg_err *err)
{
    _cleanup_(OPENSSL_freep) uint8_t *der = NULL;
    struct sg_known_ocsp *known = NULL;
    int len = cursor->next < trust->ocsp_count ? i2d_ASN1_INTEGER(serial, &der) : 0;
    if (len < 0)
        return sg_fail_memory(err);
    while (!known && cursor->next < trust->ocsp_count) {
        struct ocsp_entry *entry = &trust->ocsps[cursor->next++];
        const char *unreadable = NULL;
        if (!may_be_about(entry->cert_id, der, (size_t)len))
            continue;
        enum sg_rc rc = load_ocsp(trust, entry, &known, &unreadable, err);
        if (rc != SG_OK)
            return rc;
        if (unreadable)
            cursor->unreadable = unreadable;
    }
    *ret = known;
    return SG_OK;
}
