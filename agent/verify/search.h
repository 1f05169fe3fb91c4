/* Looking through the sources of revocation data: which of them speak of a certificate, and what they say together.
 * Private to the judgement of revocation (revocation.c). */
#pragma once

#include "verify/finding.h"
#include "verify/verdict.h"

enum { SG_REASON_FLAGS = 9 }; /* of ReasonFlags (RFC 5280 §4.2.1.13); the first is not used */

struct sg_search {
    const struct sg_revocation_request *request;
    X509 *cert, *issuer;
    X509 *judged_signer;     /* `cert`, if it is judged as the signer of a CRL; else NULL */
    const char *issuer_name; /* as text */
    /* What is there and does not count, with why; NULL: not wanted. What is `aside` speaks of something else: that is
     * worth a word only where nothing is known. */
    struct sg_judgement *unusable, *aside;

    /* What the sources say for each reason of revocation. Most speak for all. */
    struct sg_finding by_reason[SG_REASON_FLAGS];
    struct sg_finding best; /* of all of it, once it is settled */
    const char *unreadable_crl,
        *unreadable_ocsp;    /* the file of a source that the store knows and that cannot be read */
    bool skipped;            /* more carried CRLs of one name are here than are looked at */
    const char *rebuilt_crl; /* the file of a CRL whose index was missing or damaged */
};

/* Asks every CRL, stored, named or carried. */
SG_MUST_CHECK enum sg_rc sg_search_crls(struct sg_search *search, struct sg_err *err);
/* A finding that is for some reasons only (bits as SG_ALL_REASONS has them). */
void sg_search_take(struct sg_search *search, const struct sg_finding *finding, unsigned reasons);
/* Only what is covered for every reason is good (RFC 5280 §6.3.3). Sets `best`. */
SG_MUST_CHECK enum sg_rc sg_search_settle(struct sg_search *search, struct sg_err *err);
/* A source that does not count: `into` is one of the two above, `kind` is "crl" or "ocsp", `from` its time, `why`
 * untranslated. */
SG_MUST_CHECK enum sg_rc sg_search_note_unusable(const struct sg_search *search, struct sg_judgement *into,
                                                 const char *kind, int64_t from, const char *why, struct sg_err *err);
