#include "ber.h"

/* Walks everything, into every constructed element; returns the first failure, and counts elements. */
static enum sg_rc walk(struct sg_slice bytes, size_t *ret_elements)
{
    _cleanup_(sg_input_freep) struct sg_input *input = input_of(bytes);
    _cleanup_(sg_tlv_reader_freep) struct sg_tlv_reader *reader = NULL;
    struct sg_err err = {0};
    size_t depth = 0, elements = 0;

    enum sg_rc rc = sg_tlv_reader_new(input, 0, bytes.len, &reader, &err);
    for (;;) {
        struct sg_tlv element;
        bool more = false;
        if (rc == SG_OK)
            rc = sg_tlv_next(reader, &element, &more, &err);
        if (rc != SG_OK)
            break;
        if (!more && depth-- == 0)
            break;
        if (!more) {
            rc = sg_tlv_leave(reader, NULL, &err);
            continue;
        }
        elements++;
        if (element.constructed) {
            rc = sg_tlv_enter(reader, &err);
            depth++;
        }
    }
    if (rc != SG_OK) {
        assert_int_equal(err.rc, rc);
        assert_string_equal(err.file, "test");
    }
    if (ret_elements)
        *ret_elements = elements;
    return rc;
}

static enum sg_rc skip_first(struct sg_slice bytes, struct sg_tlv *ret)
{
    _cleanup_(sg_input_freep) struct sg_input *input = input_of(bytes);
    _cleanup_(sg_tlv_reader_freep) struct sg_tlv_reader *reader = NULL;
    bool more = false;

    enum sg_rc rc = sg_tlv_reader_new(input, 0, bytes.len, &reader, NULL);
    if (rc == SG_OK)
        rc = sg_tlv_next(reader, ret, &more, NULL);
    return rc == SG_OK ? sg_tlv_skip(reader, ret, NULL) : rc;
}

static enum sg_rc octets(struct sg_slice bytes, struct sg_buf *out)
{
    _cleanup_(sg_input_freep) struct sg_input *input = input_of(bytes);
    _cleanup_(sg_tlv_reader_freep) struct sg_tlv_reader *reader = NULL;
    struct sg_tlv element;
    bool more = false;

    enum sg_rc rc = sg_tlv_reader_new(input, 0, bytes.len, &reader, NULL);
    if (rc == SG_OK)
        rc = sg_tlv_next(reader, &element, &more, NULL);
    if (rc == SG_OK)
        rc = sg_tlv_octets(reader, out ? sink_to(out) : (struct sg_sink){0}, &element, NULL);
    if (rc == SG_OK)
        assert_int_equal(element.end, bytes.len);
    return rc;
}

/* Is each form of a header that X.690 §8.1 allows read for what it is? */
static void test_headers(void **state)
{
    static const struct {
        const char *bytes;
        enum sg_tlv_class tag_class;
        uint32_t tag;
        bool constructed, indefinite;
        uint64_t content, length, end;
    } cases[] = {
        {"0400", SG_TLV_UNIVERSAL, 4, false, false, 2, 0, 2},
        {"0401ff", SG_TLV_UNIVERSAL, 4, false, false, 2, 1, 3},
        {"048101ff", SG_TLV_UNIVERSAL, 4, false, false, 3, 1, 4},
        {"0484 00000001 ff", SG_TLV_UNIVERSAL, 4, false, false, 6, 1, 7},
        {"048a 00000000000000000001 ff", SG_TLV_UNIVERSAL, 4, false, false, 12, 1, 13},
        {"a300", SG_TLV_CONTEXT, 3, true, false, 2, 0, 2},
        {"5f1f00", SG_TLV_APPLICATION, 31, false, false, 3, 0, 3},
        {"df8fffffff7f00", SG_TLV_PRIVATE, UINT32_MAX, false, false, 7, 0, 7},
        {"3080 0400 0000", SG_TLV_UNIVERSAL, 16, true, true, 2, 2, 6},
        {"3080 3080 0000 0400 0000", SG_TLV_UNIVERSAL, 16, true, true, 2, 6, 10},
        {"3080 3006 308004000000 0000", SG_TLV_UNIVERSAL, 16, true, true, 2, 8, 12},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sg_tlv element;
        assert_int_equal(skip_first(hex(cases[i].bytes), &element), SG_OK);
        assert_true(sg_tlv_is(&element, cases[i].tag_class, cases[i].tag));
        assert_int_equal(element.constructed, cases[i].constructed);
        assert_int_equal(element.indefinite, cases[i].indefinite);
        assert_int_equal(element.content, cases[i].content);
        assert_int_equal(element.length, cases[i].length);
        assert_int_equal(element.end, cases[i].end);
        assert_int_equal(walk(hex(cases[i].bytes), NULL), SG_OK);
        arena_clear();
    }
}

/* Is everything refused that X.690 §8.1 does not allow, or that does not fit? */
static void test_malformed(void **state)
{
    static const char *const cases[] = {
        "04",                     /* no length */
        "0402ff",                 /* longer than the input */
        "048480000000",           /* length of 2 GiB */
        "0488ffffffffffffffff",   /* length of 2^64 - 1 */
        "0489010000000000000000", /* more than 64 bits of length */
        "0481",                   /* length cut short */
        "048200",                 /* ditto */
        "04ff00",                 /* reserved length octet */
        "0480 0000",              /* primitive and indefinite */
        "1f",                     /* tag cut short */
        "1f8a",                   /* ditto */
        "1f8001 00",              /* tag with leading zeros */
        "1f1e00",                 /* small tag in long form */
        "df9fffffff7f00",         /* tag over 32 bits */
        "0000",                   /* end-of-contents where nothing is to end */
        "3002 0000",              /* ditto, in a definite length */
        "3080 0400",              /* no end-of-contents */
        "3080 040000",            /* half of it */
        "3080 000100",            /* end-of-contents with a value */
        "3080 00810000",          /* end-of-contents in another form */
        "3080 20000000",          /* end-of-contents, constructed */
        "3003 0402ff",            /* the inner goes over the outer */
        "3004 3080 0400 0000",    /* the inner, indefinite, goes over the outer */
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(walk(hex(cases[i]), NULL), SG_E_MALFORMED);
        arena_clear();
    }
}

/* Does next() go over what was not entered, leave() over the rest of a level, and expect() insist? */
static void test_walking(void **state)
{
    struct sg_slice inner = JOIN(hex("020101"), indefinite(0x30, hex("0400 0400")), hex("020102"));
    struct sg_slice bytes = JOIN(tlv(0x30, inner), indefinite(0x30, inner), hex("020103"));
    _cleanup_(sg_input_freep) struct sg_input *input = input_of(bytes);
    _cleanup_(sg_tlv_reader_freep) struct sg_tlv_reader *reader = NULL;
    struct sg_tlv element;
    bool more = false;
    (void)state;

    assert_int_equal(sg_tlv_reader_new(input, 0, bytes.len, &reader, NULL), SG_OK);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(sg_tlv_expect(reader, SG_TLV_UNIVERSAL, SG_TLV_SEQUENCE, "it", &element, NULL), SG_OK);
        assert_int_equal(sg_tlv_enter(reader, NULL), SG_OK);
        assert_int_equal(sg_tlv_expect(reader, SG_TLV_UNIVERSAL, SG_TLV_INTEGER, "it", &element, NULL), SG_OK);
        assert_int_equal(sg_tlv_expect(reader, SG_TLV_UNIVERSAL, SG_TLV_SEQUENCE, "it", &element, NULL), SG_OK);
        if (i == 0) { /* over the indefinite one, to the integer behind it */
            assert_int_equal(sg_tlv_expect(reader, SG_TLV_UNIVERSAL, SG_TLV_INTEGER, "it", &element, NULL), SG_OK);
            assert_int_equal(sg_tlv_expect_end(reader, NULL), SG_OK);
        } else {
            assert_int_equal(sg_tlv_enter(reader, NULL), SG_OK);
            assert_int_equal(sg_tlv_leave(reader, &element, NULL), SG_OK);
            assert_int_equal(element.length, 4);
        }
        assert_int_equal(sg_tlv_leave(reader, &element, NULL), SG_OK);
        assert_int_equal(element.length, inner.len);
    }
    assert_int_equal(sg_tlv_next(reader, &element, &more, NULL), SG_OK);
    assert_true(more && element.end == bytes.len);
    assert_int_equal(sg_tlv_enter(reader, NULL), SG_E_MALFORMED);
    assert_int_equal(sg_tlv_expect_end(reader, NULL), SG_OK);
    assert_int_equal(sg_tlv_expect(reader, SG_TLV_UNIVERSAL, SG_TLV_INTEGER, "it", &element, NULL), SG_E_MALFORMED);
    assert_int_equal(sg_tlv_leave(reader, NULL, NULL), SG_E_INTERNAL);
    assert_int_equal(sg_tlv_skip(reader, NULL, NULL), SG_E_INTERNAL);
    arena_clear();
}

/* Does any beginning of something well-formed pass for the whole? */
static void test_truncated(void **state)
{
    struct sg_slice bytes =
        indefinite(0x30, JOIN(tlv(0x30, hex("020101 0400")), indefinite(0x24, hex("040161 040162")), hex("5f1f0101")));
    (void)state;

    assert_int_equal(walk(bytes, NULL), SG_OK);
    for (size_t len = 1; len < bytes.len; len++) {
        struct sg_tlv element;
        struct sg_slice cut = slice(bytes.data, len);
        assert_int_equal(walk(cut, NULL), SG_E_MALFORMED);
        assert_int_equal(skip_first(cut, &element), SG_E_MALFORMED);
    }
    arena_clear();
}

/* Is nesting limited, however it is gone through? */
static void test_depth(void **state)
{
    struct sg_slice definite = hex("0400"), open = hex("0400");
    struct sg_tlv element;
    (void)state;

    for (int i = 0; i < SG_MAX_TLV_DEPTH; i++) {
        definite = tlv(0x24, definite);
        open = indefinite(0x24, open);
    }
    assert_int_equal(walk(definite, NULL), SG_OK);
    assert_int_equal(walk(open, NULL), SG_OK);
    assert_int_equal(skip_first(open, &element), SG_OK);
    assert_int_equal(octets(open, NULL), SG_OK);
    definite = tlv(0x24, definite);
    open = indefinite(0x24, open);
    assert_int_equal(walk(definite, NULL), SG_E_LIMIT);
    assert_int_equal(walk(open, NULL), SG_E_LIMIT);
    assert_int_equal(skip_first(open, &element), SG_E_LIMIT);
    assert_int_equal(octets(open, NULL), SG_E_LIMIT);
    assert_int_equal(octets(definite, NULL), SG_E_LIMIT);
    assert_int_equal(skip_first(repeat(hex("3080"), 100000), &element), SG_E_LIMIT);
    arena_clear();
}

/* Is the number of elements limited, but not that of a string's fragments? */
static void test_count(void **state)
{
    struct sg_slice many = repeat(hex("0400"), SG_MAX_TLV_ELEMENTS);
    struct sg_tlv element;
    size_t elements = 0;
    (void)state;

    assert_int_equal(walk(many, &elements), SG_OK);
    assert_int_equal(elements, SG_MAX_TLV_ELEMENTS);
    assert_int_equal(walk(JOIN(many, hex("0400")), NULL), SG_E_LIMIT);
    assert_int_equal(skip_first(indefinite(0x30, many), &element), SG_E_LIMIT);
    assert_int_equal(skip_first(tlv(0x30, JOIN(many, many)), &element), SG_OK); /* not looked into */
    assert_int_equal(octets(indefinite(0x24, JOIN(many, many)), NULL), SG_OK);
    arena_clear();
}

/* Are the fragments of a string joined, whatever their form, and is anything else among them refused? */
static void test_octets(void **state)
{
    static const char *const good[] = {"0406 616263646566", "2408 0402 6162 0402 6364", "2480 0402 6162 0000",
                                       "2480 2480 0401 61 0000 2403 0401 62 0400 0000"};
    static const char *const joined[] = {"616263646566", "61626364", "6162", "6162"};
    static const char *const bad[] = {"2403 020161", "2480 0401 61 0c0161 0000", "2480 8401 61 0000", "2402 3000"};
    (void)state;

    for (size_t i = 0; i < 4; i++) {
        _cleanup_(sg_buf_clear) struct sg_buf out = SG_BUF(100);
        assert_int_equal(octets(hex(good[i]), &out), SG_OK);
        assert_slice_equal(sg_buf_slice(&out), hex(joined[i]));
        assert_int_equal(octets(hex(good[i]), NULL), SG_OK);
        assert_int_equal(octets(hex(bad[i]), NULL), SG_E_MALFORMED);
    }
    arena_clear();
}

static enum sg_rc refuse(void *context, const uint8_t *data, size_t len, struct sg_err *err)
{
    (void)context;
    (void)data;
    (void)len;
    return sg_fail(err, SG_E_DISK_FULL, "full");
}

/* Do fragments of any size arrive unbroken, across the reader's window, and does the sink's failure come back? */
static void test_long_octets(void **state)
{
    static const size_t sizes[] = {1, 1000, 4096, 32767, 32768, 32769, 300000};
    _cleanup_(sg_buf_clear) struct sg_buf out = SG_BUF(8 * SG_MIB);
    uint8_t *pattern = room(300000);
    struct sg_slice fragments = NONE, plain = NONE;
    (void)state;

    for (size_t i = 0; i < 300000; i++)
        pattern[i] = (uint8_t)(i * 7 + i / 251);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int times = 0; times < 3; times++) {
            fragments = JOIN(fragments, tlv(0x04, slice(pattern, sizes[i])));
            plain = JOIN(plain, slice(pattern, sizes[i]));
        }
    assert_int_equal(octets(indefinite(0x24, fragments), &out), SG_OK);
    assert_slice_equal(sg_buf_slice(&out), plain);

    struct sg_slice string = indefinite(0x24, fragments);
    _cleanup_(sg_input_freep) struct sg_input *input = input_of(string);
    _cleanup_(sg_tlv_reader_freep) struct sg_tlv_reader *reader = NULL;
    struct sg_tlv element;
    bool more = false;
    assert_int_equal(sg_tlv_reader_new(input, 0, string.len, &reader, NULL), SG_OK);
    assert_int_equal(sg_tlv_next(reader, &element, &more, NULL), SG_OK);
    assert_int_equal(sg_tlv_octets(reader, (struct sg_sink){.write = refuse}, NULL, NULL), SG_E_DISK_FULL);
    arena_clear();
}

/* Is a header that we write the shortest, and read back as it was meant? */
static void test_write_header(void **state)
{
    static const uint64_t lengths[] = {0, 1, 0x7f, 0x80, 0xff, 0x100, 0xffff, 0x10000, 0x100000000, UINT64_MAX};
    static const size_t used[] = {2, 2, 2, 3, 3, 4, 4, 5, 7, 10};
    (void)state;

    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        uint8_t header[SG_TLV_HEADER];
        assert_int_equal(sg_tlv_header(0x04, lengths[i], header), used[i]);
        if (lengths[i] > INT32_MAX)
            continue;
        _cleanup_(sg_input_freep) struct sg_input *input = input_of(slice(header, used[i]));
        _cleanup_(sg_tlv_reader_freep) struct sg_tlv_reader *reader = NULL;
        struct sg_tlv element;
        bool more = false;
        assert_int_equal(sg_tlv_reader_new(input, 0, INT64_MAX, &reader, NULL), SG_OK);
        assert_int_equal(sg_tlv_next(reader, &element, &more, NULL), SG_OK);
        assert_int_equal(element.length, lengths[i]);
        assert_int_equal(element.content, used[i]);
    }
    arena_clear();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_headers),   cmocka_unit_test(test_malformed),   cmocka_unit_test(test_walking),
        cmocka_unit_test(test_truncated), cmocka_unit_test(test_depth),       cmocka_unit_test(test_count),
        cmocka_unit_test(test_octets),    cmocka_unit_test(test_long_octets), cmocka_unit_test(test_write_header),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
