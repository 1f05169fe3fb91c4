/* Writing PDF's objects (ISO 32000-1 §7.3). The error sticks, as in der.h:
 *
 *     struct sg_pdf_put put = {.out = &buf, .err = err};
 *     sg_pdf_put_text(&put, "José");
 *     return put.rc; */
#pragma once

#include "formats/pdf_objects.h"

struct sg_pdf_put {
    struct sg_buf *out;
    struct sg_err *err;
    enum sg_rc rc;
};

/* What is PDF already; a format's arguments are ours, and none a stranger's text. */
void sg_pdf_put_raw(struct sg_pdf_put *put, struct sg_slice bytes);
void sg_pdf_put_format(struct sg_pdf_put *put, const char *format, ...) SG_PRINTF(2, 3);

void sg_pdf_put_name(struct sg_pdf_put *put, struct sg_slice name);     /* adds the slash, and #xx where needed */
void sg_pdf_put_string(struct sg_pdf_put *put, struct sg_slice octets); /* as (...), or <...> where that is shorter */
/* A text string (§7.9.2.2) of UTF-8: as it is where PDFDocEncoding is ASCII, else UTF-16. Not UTF-8: SG_E_USAGE. */
void sg_pdf_put_text(struct sg_pdf_put *put, const char *text);
void sg_pdf_put_date(struct sg_pdf_put *put, int64_t time); /* §7.9.4, in UTC */
void sg_pdf_put_reference(struct sg_pdf_put *put, struct sg_pdf_id id);
/* A value as it is; a stream's dictionary alone. */
void sg_pdf_put_value(struct sg_pdf_put *put, const struct sg_pdf_value *value);

struct sg_pdf_change {
    const char *key;
    struct sg_slice text; /* as PDF; {NULL, 0}: the key is taken out */
};

/* A dictionary with its changes; the last of a key counts. `dictionary` NULL: there was none. */
void sg_pdf_put_changed(struct sg_pdf_put *put, const struct sg_pdf_value *dictionary,
                        const struct sg_pdf_change *changes, size_t count);
/* An array with one more element. `array` NULL: there was none. */
void sg_pdf_put_longer(struct sg_pdf_put *put, const struct sg_pdf_value *array, struct sg_pdf_id element);
