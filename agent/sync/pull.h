/* Fetching what judging needs: CRLs from the distribution points of every known chain, OCSP responses about its
 * certificates, certificates of CAs that are missing (AIA), and the signed list of anchors.
 *
 * What comes back is judged by verify/ before it replaces anything, and all that one pull brings is published at once.
 * Each URL has its journal (store/pulls.h), by which it is due again: earlier when what it brought ends soon, later the
 * more often it fails. */
#pragma once

#include <openssl/x509.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/pulls.h"
#include "store/store.h"
#include "sync/http.h"

/* --- the plan ----------------------------------------------------------------------------------------------------- */

enum sg_pull_kind { SG_PULL_CRL, SG_PULL_OCSP, SG_PULL_AIA, SG_PULL_LIST };

struct sg_pull_item {
    enum sg_pull_kind kind;
    char *url;                  /* checked by sg_url_problem() */
    X509 *cert;                 /* CRL: one that it is about; OCSP: asked about; AIA: whose issuer is missing */
    X509 *issuer;               /* OCSP: of that */
    char about[SG_SHA256_HEX];  /* of `cert` for OCSP and AIA; else "" */
    struct sg_pull_state state; /* its journal; due from state.next_attempt on */
};

struct sg_pull_plan {
    struct sg_pull_item *items;
    size_t count, capacity;
    bool limited; /* more than SG_MAX_PULLS: the rest was left out */
};

const char *sg_pull_kind_word(enum sg_pull_kind kind);
/* Everything there is to fetch, each thing once. `list_url`: of the list of anchors; "": none. */
SG_MUST_CHECK enum sg_rc sg_pull_plan_make(struct sg_store *store, const struct sg_snapshot *snapshot,
                                           OSSL_LIB_CTX *libctx, const char *list_url, int64_t now,
                                           struct sg_pull_plan *ret, struct sg_err *err);
void sg_pull_plan_clear(struct sg_pull_plan *plan);

bool sg_pull_is_due(const struct sg_pull_item *item, int64_t now);

/* --- the pull ----------------------------------------------------------------------------------------------------- */

struct sg_pull_event {
    enum sg_pull_kind kind;
    const char *url;
    bool changed;             /* something new was taken */
    const struct sg_err *err; /* NULL: it is as it should be */
    int64_t next;             /* when it is due again */
};

struct sg_pull_result {
    size_t changed, unchanged, failed;
    const struct sg_err *err; /* NULL; else what kept the pull itself from going on or being published */
};

/* Everything is borrowed, until `done`. */
struct sg_pull_options {
    struct sg_store *store;
    struct sg_http *http;
    OSSL_LIB_CTX *libctx;
    const char *state_folder;
    const struct sg_clock *clock;
    const char *list_url, *list_signer;                             /* [trust]; "": no list */
    bool all;                                                       /* also what is not due yet */
    void (*tell)(void *context, const struct sg_pull_event *event); /* may be NULL */
    /* Once, when all has ended and is published: from sg_http_run(), or from sg_pull_start() if nothing is due. */
    void (*done)(void *context, const struct sg_pull_result *result);
    void *context;
};

struct sg_pull;

/* Starts what is due. The result is freed after `done`, or after its sg_http, which then cancelled what was under way.
 */
SG_MUST_CHECK enum sg_rc sg_pull_start(const struct sg_pull_options *options, struct sg_pull **ret, struct sg_err *err);
void sg_pull_free(struct sg_pull *pull);
SG_DEFINE_CLEANUP(struct sg_pull, sg_pull_free)
/* When something will be due; INT64_MAX: nothing ever. */
SG_MUST_CHECK enum sg_rc sg_pull_next(struct sg_store *store, const char *state_folder, OSSL_LIB_CTX *libctx,
                                      const char *list_url, int64_t now, int64_t *ret, struct sg_err *err);
