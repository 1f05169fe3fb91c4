/* Time, injected: code that judges or records takes a clock, so that tests choose the day. Times are seconds since
 * 1970-01-01T00:00:00Z in int64_t; texts are RFC 3339 with Z. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <openssl/asn1.h>

#include "base/err.h"

struct sg_clock {
    int64_t (*now)(void *context);
    void *context;
};

struct sg_clock sg_clock_system(void);
struct sg_clock sg_clock_fixed(const int64_t *when); /* `when` must outlive the clock */
int64_t sg_clock_now(const struct sg_clock *clock);

/* Milliseconds of a clock that only goes on and begins anywhere: for deadlines and rates, which nobody injects. */
int64_t sg_monotonic_ms(void);

#define SG_TIME_NONE INT64_MIN /* no time, or none that can be read */

#define SG_TIME_TEXT 32 /* room that sg_time_text() needs */

/* "2026-11-21T23:02:51Z"; years 0 to 9999. Returns `out`. */
const char *sg_time_text(int64_t when, char out[SG_TIME_TEXT]);

#define SG_SPAN_TEXT 48 /* room that sg_span_text() needs */

/* "6 hours", "12 minutes", "3 days": rounded, as a person would say it; of a negative span as of none. Returns `out`.
 */
const char *sg_span_text(int64_t seconds, char out[SG_SPAN_TEXT]);
/* RFC 3339: "2026-11-21T23:02:51Z", with an offset, with a fraction (dropped), or a bare date (midnight UTC). */
SG_MUST_CHECK enum sg_rc sg_time_parse(const char *text, int64_t *ret, struct sg_err *err);
/* False if the ASN.1 time cannot be read. */
SG_MUST_CHECK bool sg_time_from_asn1(const ASN1_TIME *time, int64_t *ret);
/* "7d", "12h", "30m", "45s", "90" (seconds). */
SG_MUST_CHECK enum sg_rc sg_duration_parse(const char *text, int64_t *ret, struct sg_err *err);
