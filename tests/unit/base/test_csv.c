#include "scratch.h"

#include "base/csv.h"

static enum sg_rc open_text(const char *text, struct sg_csv *csv, struct sg_err *err)
{
    return sg_csv_open((struct sg_slice){(const uint8_t *)text, strlen(text)}, csv, err);
}

/* All records as one text: fields in brackets, a line each. Ends with the code that ended it. */
static enum sg_rc read_all(const char *text, char out[1024], struct sg_err *err)
{
    _cleanup_(sg_csv_clear) struct sg_csv csv = {0};
    bool more = true;
    enum sg_rc rc = open_text(text, &csv, err);

    out[0] = '\0';
    while (rc == SG_OK && more) {
        rc = sg_csv_next(&csv, &more, err);
        for (size_t i = 0; rc == SG_OK && more && i < csv.count; i++)
            (void)snprintf(out + strlen(out), 1024 - strlen(out), "[%s]%s", csv.fields[i],
                           i + 1 == csv.count ? "\n" : "");
    }
    return rc;
}

/* Is everything that RFC 4180 allows read as what it is? */
static void reads(void **state)
{
    (void)state;
    static const struct {
        const char *text, *fields;
    } cases[] = {
        {"", ""},
        {"a,b\r\n1,2\r\n", "[a][b]\n[1][2]\n"},
        {"a,b\n1,2", "[a][b]\n[1][2]\n"},
        {"\xef\xbb\xbfname\nAda\n", "[name]\n[Ada]\n"},
        {"a,b\n,\n", "[a][b]\n[][]\n"},
        {"a,b\n\"x, y\",\"say \"\"yes\"\"\"\n", "[a][b]\n[x, y][say \"yes\"]\n"},
        {"a\n\"two\r\nlines\"\n", "[a]\n[two\r\nlines]\n"},
        {"a\n\"\"\n", "[a]\n[]\n"},
        {"name\nJ\xc3\xbcrgen\n", "[name]\n[J\xc3\xbcrgen]\n"},
        {"a b\n x \n", "[a b]\n[ x ]\n"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char fields[1024];
        assert_int_equal(read_all(cases[i].text, fields, NULL), SG_OK);
        assert_string_equal(fields, cases[i].fields);
    }
}

/* Is everything else refused, with the line, and the column where there is one? */
static void refuses(void **state)
{
    (void)state;
    static const struct {
        const char *text, *where;
    } cases[] = {
        {"a,b\n1\n", "line 2: this line has 1"},
        {"a,b\n1,2\n\n", "line 3: this line has 1"},
        {"a\n1,2\n", "line 2: this line has 2"},
        {"a,b\n1,x\"y\n", "line 2, column 2: there is a quote"},
        {"a,b\n\"x\"y,2\n", "line 2, column 1: there is text"},
        {"a,b\n\"x\" ,2\n", "line 2, column 1: there is text"},
        {"a,b\n1,\"x\n2,3\n", "line 2, column 2: the quote"},
        {"a,b\n1,2\r3,4\n", "line 2, column 2: there is a carriage return"},
        {"a\nb\n\xff\n", "line 3: this is not text"},
        {"a\n\xed\xa0\x80\n", "line 2: this is not text"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char fields[1024];
        struct sg_err err = {0};
        assert_int_equal(read_all(cases[i].text, fields, &err), SG_E_MALFORMED);
        assert_ptr_equal(strstr(err.text, cases[i].where), err.text);
    }
    struct sg_csv csv;
    assert_int_equal(sg_csv_open((struct sg_slice){(const uint8_t *)"a\0b", 3}, &csv, NULL), SG_E_MALFORMED);
}

/* A record with too few fields does not stand in the way of the ones behind it. */
static void goes_on_behind_a_short_record(void **state)
{
    (void)state;
    _cleanup_(sg_csv_clear) struct sg_csv csv = {0};
    bool more = false;

    assert_int_equal(open_text("a,b\n1\n\"3\n\",4\n5,6\n", &csv, NULL), SG_OK);
    assert_int_equal(sg_csv_next(&csv, &more, NULL), SG_OK);
    assert_int_equal(sg_csv_next(&csv, &more, NULL), SG_E_MALFORMED);
    assert_true(more);
    assert_int_equal(sg_csv_next(&csv, &more, NULL), SG_OK);
    assert_int_equal(csv.record_line, 3);
    assert_int_equal(sg_csv_next(&csv, &more, NULL), SG_OK);
    assert_int_equal(csv.record_line, 5); /* behind a field of two lines */
    assert_string_equal(csv.fields[1], "6");
    assert_int_equal(sg_csv_next(&csv, &more, NULL), SG_OK);
    assert_false(more);
}

static void has_a_limit(void **state)
{
    (void)state;
    char text[2 * SG_MAX_CSV_FIELDS + 2] = {0}, fields[1024];

    memset(text, ',', SG_MAX_CSV_FIELDS - 1);
    assert_int_equal(read_all(text, fields, NULL), SG_OK);
    memset(text, ',', SG_MAX_CSV_FIELDS);
    assert_int_equal(read_all(text, fields, NULL), SG_E_LIMIT);
}

/* What is written is read back as it was. */
static void writes(void **state)
{
    (void)state;
    static const char *const fields[] = {"", "plain", "a,b", "say \"yes\"", "two\nlines", "J\xc3\xbcrgen", "", "\r"};
    _cleanup_(sg_buf_clear) struct sg_buf out = SG_BUF(4096);
    _cleanup_(sg_csv_clear) struct sg_csv csv = {0};
    bool more = false;

    for (int line = 0; line < 2; line++) {
        for (size_t i = 0; i < 8; i++)
            assert_int_equal(sg_csv_put(&out, fields[i], NULL), SG_OK);
        assert_int_equal(sg_csv_put_end(&out, NULL), SG_OK);
    }
    assert_int_equal(sg_csv_open(sg_buf_slice(&out), &csv, NULL), SG_OK);
    for (int line = 0; line < 2; line++) {
        assert_int_equal(sg_csv_next(&csv, &more, NULL), SG_OK);
        assert_int_equal(csv.count, 8);
        for (size_t i = 0; i < 8; i++)
            assert_string_equal(csv.fields[i], fields[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads),       cmocka_unit_test(refuses), cmocka_unit_test(goes_on_behind_a_short_record),
        cmocka_unit_test(has_a_limit), cmocka_unit_test(writes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
