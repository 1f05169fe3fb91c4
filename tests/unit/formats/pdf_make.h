/* Small PDFs by hand: objects one after the other, and the cross-reference that finds them. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/input.h"
#include "formats/pdf_objects.h"

#define MAX_MADE 64

struct making {
    struct sg_buf file;
    uint64_t offsets[MAX_MADE]; /* of objects of this section; 0: not in it */
    uint64_t previous;          /* the section before; 0: none */
    unsigned index;             /* for make_xref_stream() */
};

static inline void make_text(struct making *m, const char *text)
{
    assert_int_equal(sg_buf_append(&m->file, text, strlen(text), NULL), SG_OK);
}

static inline void make_object(struct making *m, int number, const char *body)
{
    m->offsets[number] = m->file.len;
    assert_int_equal(sg_buf_printf(&m->file, NULL, "%d 0 obj\n%s\nendobj\n", number, body), SG_OK);
}

/* `extra` stands in the trailer. */
static inline void make_table(struct making *m, const char *extra)
{
    uint64_t at = m->file.len;
    make_text(m, m->previous ? "xref\n" : "xref\n0 1\n0000000000 65535 f \n");
    for (int i = 1; i < MAX_MADE; i++)
        if (m->offsets[i])
            assert_int_equal(
                sg_buf_printf(&m->file, NULL, "%d 1\n%010llu 00000 n \n", i, (unsigned long long)m->offsets[i]), SG_OK);
    assert_int_equal(sg_buf_printf(&m->file, NULL, "trailer\n<< /Size %d %s", MAX_MADE, extra), SG_OK);
    if (m->previous)
        assert_int_equal(sg_buf_printf(&m->file, NULL, " /Prev %llu", (unsigned long long)m->previous), SG_OK);
    assert_int_equal(sg_buf_printf(&m->file, NULL, " >>\nstartxref\n%llu\n%%%%EOF\n", (unsigned long long)at), SG_OK);
    m->previous = at;
    memset(m->offsets, 0, sizeof(m->offsets));
}

static inline void make_be(struct making *m, uint64_t value, int octets)
{
    while (octets-- > 0) {
        uint8_t octet = (uint8_t)(value >> (8 * octets));
        assert_int_equal(sg_buf_append(&m->file, &octet, 1, NULL), SG_OK);
    }
}

/* The same as a stream, object `number`, of W [1 4 2]; object `inner` has that index in the object stream `holder`. */
static inline void make_xref_stream(struct making *m, int number, int inner, int holder, const char *extra)
{
    uint64_t at = m->file.len;
    m->offsets[number] = at;
    assert_int_equal(sg_buf_printf(&m->file, NULL, "%d 0 obj\n<< /Type /XRef /Size %d /W [1 4 2] /Length %d %s", number,
                                   MAX_MADE, MAX_MADE * 7, extra),
                     SG_OK);
    if (m->previous)
        assert_int_equal(sg_buf_printf(&m->file, NULL, " /Prev %llu", (unsigned long long)m->previous), SG_OK);
    make_text(m, " >>\nstream\n");
    for (int i = 0; i < MAX_MADE; i++) {
        make_be(m, i == inner ? 2 : m->offsets[i] ? 1 : 0, 1);
        make_be(m, i == inner ? (uint64_t)holder : m->offsets[i], 4);
        make_be(m, i == inner ? m->index : 0, 2);
    }
    assert_int_equal(
        sg_buf_printf(&m->file, NULL, "\nendstream\nendobj\nstartxref\n%llu\n%%%%EOF\n", (unsigned long long)at),
        SG_OK);
    m->previous = at;
    memset(m->offsets, 0, sizeof(m->offsets));
}

static inline void make_begin(struct making *m)
{
    *m = (struct making){.file = SG_BUF((size_t)64 << 20)};
    make_text(m, "%PDF-1.7\n");
}

/* One empty page. */
static inline void make_page(struct making *m)
{
    make_object(m, 1, "<< /Type /Catalog /Pages 2 0 R >>");
    make_object(m, 2, "<< /Type /Pages /Kids [3 0 R] /Count 1 >>");
    make_object(m, 3, "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] >>");
}
