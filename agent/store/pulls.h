/* What has been fetched, and from where: the journal of each URL that is pulled, and the signed list of anchors. */
#pragma once

#include "store/snapshot.h"
#include "store/store.h"

/* --- the journal -------------------------------------------------------------------------------------------------- */

/* What is fetched: of a kind ("crl", "ocsp", "aia", "list"), from a URL, about a certificate (its SHA-256 in hex; ""
 * where the URL says it all). */
struct sg_pull_key {
    const char *kind, *url, *about;
};

/* How that went. Times are 0 where it never happened. */
struct sg_pull_state {
    char etag[256], last_modified[64]; /* of the last answer that was taken, for conditional requests; "": none */
    int64_t last_success, last_attempt, next_attempt;
    int64_t good_until;        /* of what was taken last; 0: nothing is said */
    int64_t failures;          /* since the last success */
    char code[32], text[1024]; /* the last failure, if there is one: its word and sentence */
};

/* All zero if it was never tried. */
SG_MUST_CHECK enum sg_rc sg_pull_get(struct sg_store *store, const struct sg_pull_key *key, struct sg_pull_state *ret,
                                     struct sg_err *err);
/* A failure whose code is another than that of the failure before is in the ledger ("sync-failed"). */
SG_MUST_CHECK enum sg_rc sg_pull_put(struct sg_store *store, const struct sg_pull_key *key,
                                     const struct sg_pull_state *state, struct sg_err *err);
/* What is not due yet is due, as with steps (sg_steps_retry_some()); or all that there is. */
SG_MUST_CHECK enum sg_rc sg_pulls_retry_some(struct sg_store *store, int64_t now, bool mended, struct sg_err *err);
SG_MUST_CHECK enum sg_rc sg_pulls_retry(struct sg_store *store, struct sg_err *err);
/* Forgets those that are not wanted any more. */
SG_MUST_CHECK enum sg_rc sg_pulls_keep(struct sg_store *store,
                                       bool (*is_wanted)(void *context, const struct sg_pull_key *key), void *context,
                                       struct sg_err *err);
/* All of them; what is passed is borrowed, and anything but SG_OK ends the walk. */
SG_MUST_CHECK enum sg_rc sg_pulls_each(struct sg_store *store,
                                       enum sg_rc (*each)(void *context, const struct sg_pull_key *key,
                                                          const struct sg_pull_state *state, struct sg_err *err),
                                       void *context, struct sg_err *err);

/* --- the list of anchors ------------------------------------------------------------------------------------------ */

struct sg_kept_list {
    int64_t number;             /* 0: none was applied */
    int64_t applied;            /* when */
    char sha256[SG_SHA256_HEX]; /* of the signed file */
    /* [trust] list-signer as it was then, and the certificate that has to have signed the next one. */
    char configured[SG_SHA256_HEX], pin[SG_SHA256_HEX];
    char release_version[SG_MAX_RELEASE_TEXT], release_sha256[SG_SHA256_HEX], release_url[SG_MAX_URL + 1]; /* or "" */
};

/* The list in force. One of another `configured` signer (SHA-256 in hex) does not count: then it is as if there was
 * none, with `pin` as configured. */
SG_MUST_CHECK enum sg_rc sg_store_list_get(struct sg_store *store, const char *configured, struct sg_kept_list *ret,
                                           struct sg_err *err);
/* Applies a list that the caller has checked, all of it or nothing: anchors that are new come in with the source "list
 * N", those of earlier lists that are not in this one go, those that a person put in stay as they are. A number that is
 * not higher than that of the list in force: SG_E_POLICY. `file` is what was signed with its signature. */
SG_MUST_CHECK enum sg_rc sg_store_list_apply(struct sg_store *store, const char *configured, struct sg_slice file,
                                             const struct sg_list_terms *terms, const struct sg_named_anchor *anchors,
                                             size_t count, struct sg_err *err);
