/* What `signet status` knows: gathered once, without a network, and said in one of three ways. */
#pragma once

#include "cli/app.h"
#include "store/overview.h"
#include "store/pulls.h"

#define SG_STATUS_APART 10  /* documents that are named */
#define SG_STATUS_PULLS 100 /* fetches that fail, told */

struct sg_status_waiting {
    enum sg_step_kind kind;
    char *target, *code, *text;
    int64_t count, since, next;
    bool known; /* the configuration has the target */
};

/* The ledger's last entry about something. */
struct sg_status_entry {
    char *text; /* its detail; NULL: there is none */
    int64_t time;
};

struct sg_status_apart {
    char *output;
    char sha256[SG_SHA256_HEX]; /* of the completed file */
    enum sg_output_state state;
};

struct sg_status_witness {
    enum sg_witness_kind kind;
    char *name, *code, *text;
    int64_t since;
};

/* What could not be fetched when that was last tried. */
struct sg_status_pull {
    char *kind, *url, *code, *text;
    int64_t last_success, next; /* 0: there was none */
};

/* Revocation lists that are kept. */
struct sg_status_revocation {
    char *issuer;
    int64_t this_update, next_update; /* INT64_MAX: it does not say */
};

struct sg_status {
    struct sg_app *app;
    int64_t now;
    char store[SG_STORE_ID];
    struct sg_overview overview;
    struct sg_status_waiting *waiting;
    size_t waiting_count;
    struct sg_status_apart apart[SG_STATUS_APART];
    size_t apart_count;
    struct sg_status_witness *witnesses; /* that failed */
    size_t witness_count;
    struct sg_status_revocation *revocation;
    size_t revocation_count;
    int64_t revocation_until; /* the earliest end; INT64_MAX: there is none */
    size_t ocsp_count;        /* OCSP responses that are kept */
    int64_t ocsp_until;       /* the earliest end; INT64_MAX: there is none */
    struct sg_status_pull pulls[SG_STATUS_PULLS];
    size_t pull_count;
    int64_t next_pull;            /* when the first fetch is due; INT64_MAX: none is known */
    struct sg_kept_list list;     /* of anchors; `number` 0: none */
    struct sg_status_entry clock; /* that this computer's clock was wrong */
    struct sg_status_entry late;  /* that a document was signed long before its time-stamp */
    bool running;                 /* a sync is at work */
    int64_t last_sync;            /* when one ended last; INT64_MIN: none ever did */
    int64_t next;                 /* when the first waiting step is due; INT64_MAX: none waits */
    bool stamps;                  /* a time-stamp authority is configured */
    size_t targets;               /* that are configured */
};

/* Clear with sg_status_clear() also after a failure. */
SG_MUST_CHECK enum sg_rc sg_status_gather(struct sg_app *app, struct sg_store *store, struct sg_status *ret,
                                          struct sg_err *err);
void sg_status_clear(struct sg_status *status);

/* Whether a sync has something to do now. */
bool sg_status_is_due(const struct sg_status *status);
/* What signatures are brought to as things are: "B-B" or "B-T", the highest level yet. */
const char *sg_status_level(const struct sg_status *status);

/* Whether the list of anchors tells of a newer version of Signet than this one. */
bool sg_status_has_release(const struct sg_status *status);

void sg_status_say(const struct sg_status *status);
SG_MUST_CHECK enum sg_rc sg_status_print_json(const struct sg_status *status, struct sg_err *err); /* signet.status/1 */
/* On stdout, as text that is read as OpenMetrics and as Prometheus' older format. */
SG_MUST_CHECK enum sg_rc sg_status_print_metrics(const struct sg_status *status, struct sg_err *err);

/* `--offline-for`: whether everything that is needed to sign lasts so long; `*ret_ends` if something does not. */
SG_MUST_CHECK enum sg_rc sg_status_offline(struct sg_app *app, const struct sg_args *args, int64_t seconds,
                                           bool *ret_ends, struct sg_err *err);
