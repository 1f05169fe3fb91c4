/* Is of an S/MIME message exactly what it signs found, whatever its line ends, and is one refused in which readers
 * could see something else? */
#include "ber.h"

#include "formats/mime.h"

#define TYPE                                                                                                           \
    "Content-Type: multipart/signed; protocol=\"application/pkcs7-signature\"; micalg=sha-256; boundary=\"b\"\n"
#define PART "Content-Type: text/plain\n\nHello,\nworld.\n"
#define SIGNATURE "Content-Type: application/pkcs7-signature; name=smime.p7s\nContent-Transfer-Encoding: base64\n\n"
#define MESSAGE                                                                                                        \
    "From: a@example.com\nSubject: s\n" TYPE "\npreamble\n--b\n" PART "\n--b\n" SIGNATURE                              \
    "AQID\nBA==\n--b--\nepilogue\n"

static struct sg_slice text(const char *string)
{
    return slice(string, strlen(string));
}

/* With every line end CRLF. */
static struct sg_slice crlf(struct sg_slice lf)
{
    uint8_t *out = room(2 * lf.len);
    size_t len = 0;
    for (size_t i = 0; i < lf.len; i++) {
        if (lf.data[i] == '\n')
            out[len++] = '\r';
        out[len++] = lf.data[i];
    }
    return (struct sg_slice){out, len};
}

static bool probes(struct sg_slice message)
{
    _cleanup_(sg_input_freep) struct sg_input *input = input_of(message);
    bool is_smime = false;
    assert_int_equal(sg_mime_probe(input, &is_smime, NULL), SG_OK);
    return is_smime;
}

static void assert_cms(const struct sg_mime *mime, struct sg_slice expected)
{
    _cleanup_(sg_buf_clear) struct sg_buf cms = SG_BUF(16 * SG_MIB);
    assert_int_equal(sg_input_read_all(sg_mime_cms(mime), &cms, NULL), SG_OK);
    assert_slice_equal(sg_buf_slice(&cms), expected);
}

/* It is a multipart/signed of that content (NONE: an application/pkcs7-mime), with that signature. */
static void assert_reads(struct sg_slice message, struct sg_slice content, struct sg_slice cms)
{
    _cleanup_(sg_input_freep) struct sg_input *input = input_of(message);
    _cleanup_(sg_mime_freep) struct sg_mime *mime = NULL;
    _cleanup_(sg_buf_clear) struct sg_buf got = SG_BUF(16 * SG_MIB);
    struct sg_err err = {0};

    assert_true(probes(message));
    if (sg_mime_read(input, &mime, &err) != SG_OK)
        fail_msg("%s", err.text);
    assert_cms(mime, cms);
    assert_int_equal(sg_mime_is_detached(mime), content.data != NULL);
    if (!content.data) {
        assert_int_equal(sg_mime_content(mime, sink_to(&got), NULL), SG_E_USAGE);
        return;
    }
    for (int twice = 0; twice < 2; twice++) {
        got.len = 0;
        assert_int_equal(sg_mime_content(mime, sink_to(&got), NULL), SG_OK);
        assert_slice_equal(sg_buf_slice(&got), content);
    }
}

static void assert_refused_as(struct sg_slice message, enum sg_rc why, const char *word)
{
    _cleanup_(sg_input_freep) struct sg_input *input = input_of(message);
    _cleanup_(sg_mime_freep) struct sg_mime *mime = NULL;
    struct sg_err err = {0};

    assert_int_equal(sg_mime_read(input, &mime, &err), why);
    assert_int_equal(err.rc, why);
    assert_string_equal(err.file, "test");
    if (!strstr(err.text, word))
        fail_msg("\"%s\" is not in: %s", word, err.text);
}

/* A message in which `from` is exchanged, with LF and with CRLF; it is one of ours, and refused. */
static void assert_refused(const char *from, const char *to, const char *word)
{
    const char *at = strstr(MESSAGE, from);
    assert_non_null(at);
    struct sg_slice before = slice(MESSAGE, (size_t)(at - MESSAGE));
    struct sg_slice message = JOIN(before, text(to), text(at + strlen(from)));
    if (!probes(message))
        fail_msg("it is none with \"%s\"", to);
    assert_refused_as(message, SG_E_MALFORMED, word);
    assert_refused_as(crlf(message), SG_E_MALFORMED, word);
}

static const uint8_t cms_bytes[] = {1, 2, 3, 4};
#define CMS ((struct sg_slice){cms_bytes, sizeof cms_bytes})

static void test_signed(void **state)
{
    (void)state;
    assert_reads(text(MESSAGE), crlf(text(PART)), CMS);
    assert_reads(crlf(text(MESSAGE)), crlf(text(PART)), CMS);
    /* The line that mailboxes put before a message; no preamble and epilogue; no line break at the end. */
    assert_reads(text("From a@example.com Mon Jan  1 00:00:00 2024\n" MESSAGE), crlf(text(PART)), CMS);
    assert_reads(text(TYPE "\n--b\n" PART "\n--b\n" SIGNATURE "AQIDBA==\n--b--"), crlf(text(PART)), CMS);
    /* Blanks behind boundaries, which mail transport may add. */
    assert_reads(text(TYPE "\n--b  \n" PART "\n--b\t\n" SIGNATURE "AQIDBA==\n--b-- \n"), crlf(text(PART)), CMS);
    /* What is not quite a boundary is content. */
    assert_reads(text(TYPE "\n--b\n-b\n --b\n--\n--a\n\n--b\n" SIGNATURE "AQIDBA==\n--b--\n"),
                 text("-b\r\n --b\r\n--\r\n--a\r\n"), CMS);
}

/* Only the line break in front of the boundary goes; a carriage return alone is none. */
static void test_line_ends(void **state)
{
    static const char *const contents[][2] = {
        {"a\n", "a\n"}, {"a\n\n", "a\n\n"},   {"a\r\n\n", "a\r\n\n"}, {"a\n\r\n", "a\n\r\n"},
        {"\n", "\n"},   {"a\rb\n", "a\rb\n"}, {"a\r\r\n", "a\r\r\n"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof contents / sizeof *contents; i++) {
        _cleanup_(sg_buf_clear) struct sg_buf out = SG_BUF(SG_KIB);
        struct sg_slice message =
            JOIN(text(TYPE "\n--b\n"), text(contents[i][0]), text("--b\n" SIGNATURE "AQIDBA==\n--b--\n"));
        const char *body = contents[i][1];
        for (const char *c = body; *c; c++) {
            if (*c == '\n' && (c == body || c[-1] != '\r'))
                assert_int_equal(sg_buf_append(&out, "\r", 1, NULL), SG_OK);
            assert_int_equal(sg_buf_append(&out, c, 1, NULL), SG_OK);
        }
        assert_reads(message, slice(out.data, out.len - 2), CMS);
    }
}

/* Content over many buffers, with lines longer than any, and line ends at every place of one. */
static void test_large(void **state)
{
    (void)state;
    for (size_t shift = 0; shift < 5; shift++) {
        struct sg_slice content = JOIN(repeat(text("x"), shift), repeat(text("0123456789\n"), 30000),
                                       repeat(text("y"), 700000 + shift), text("\n--bb\n"), repeat(text("\n"), 70000));
        struct sg_slice with_it = JOIN(text("Content-Type: multipart/signed; protocol=\"application/pkcs7-signature\"; "
                                            "boundary=\"a b\"\n\n--a b\n"),
                                       content, text("\n--a b\n" SIGNATURE "AQIDBA==\n--a b--\n"));
        assert_reads(with_it, crlf(content), CMS);
        assert_reads(crlf(with_it), crlf(content), CMS);
        arena_clear();
    }
}

/* Headers as RFC 5322 and RFC 2045 allow them. */
static void test_headers(void **state)
{
    static const char *const types[] = {
        "content-type: MULTIPART/Signed; BOUNDARY=b; Protocol=application/x-pkcs7-signature",
        "Content-Type:\n\tmultipart/signed;\n boundary=\"b\";\n protocol=\"application/pkcs7-signature\";",
        "Content-Type: (a (nested) \\) comment) multipart/signed (x); (y) boundary (z) = (\") \"\\b\" ; "
        "protocol=\"application/pkcs7-signature\"",
        "Content-Type: multipart/signed; name=\"=?utf-8?q?x?=\"; boundary=b; protocol=\"application/pkcs7-signature\"",
        "X-Other : y\nContent-Transfer-Encoding: 7bit\nContent-Type : multipart/signed; boundary=b; "
        "protocol=\"application/pkcs7-signature\"\nMIME-Version: 1.0",
    };
    (void)state;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        struct sg_slice message = JOIN(text(types[i]), text("\n\n--b\n" PART "\n--b\n" SIGNATURE "AQIDBA==\n--b--\n"));
        assert_reads(message, crlf(text(PART)), CMS);
        assert_reads(crlf(message), crlf(text(PART)), CMS);
    }
}

static void test_attached(void **state)
{
    (void)state;
    assert_reads(text("Content-Type: application/pkcs7-mime; smime-type=signed-data; name=smime.p7m\n"
                      "Content-Transfer-Encoding: base64\n\nAQID\nBA==\n"),
                 NONE, CMS);
    assert_reads(text("Content-Type: application/x-pkcs7-mime\nContent-Transfer-Encoding: BASE64\n\nAQIDBA=="), NONE,
                 CMS);
    struct sg_slice binary = JOIN(text("Content-Type: application/pkcs7-mime; smime-type=signed-data\n"
                                       "Content-Transfer-Encoding: binary\n\n"),
                                  hex("30 0d 0a 00 0a"));
    assert_reads(binary, NONE, hex("30 0d 0a 00 0a"));
    struct sg_slice part = JOIN(text(TYPE "\n--b\n" PART "\n--b\nContent-Type: application/pkcs7-signature\n"
                                          "Content-Transfer-Encoding: binary\n\n"),
                                hex("30 0d 0a 00 0a"), text("\n--b--\n"));
    assert_reads(part, crlf(text(PART)), hex("30 0d 0a 00 0a"));
}

/* What is no signed message is none, rather than a broken one. */
static void test_others(void **state)
{
    static const char *const others[] = {
        "",
        "\n",
        "Hello.\n",
        "key: value\n",
        "Content-Type: text/plain\n\nmultipart/signed\n",
        " Content-Type: x/y\n",
        "\nContent-Type: multipart/signed; protocol=\"application/pkcs7-signature\"; boundary=b\n\n",
        "Content-Type: multipart/signed; protocol=\"application/pgp-signature\"; boundary=b\n\n--b\n",
        "Content-Type: application/pkcs7-mime; smime-type=enveloped-data\n\nMII=\n",
        "Content-Type: application/pkcs7-mime; smime-type=authEnveloped-data\n\nMII=\n",
        "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\nx\n--b--\n",
        "Content-Type: multipart/mixed; boundary=b\n\n" TYPE "\n",
        "Content-Type: text/plain\n\n--b\n" TYPE "\n--b\n",
        "Content-Type: multipart/signed; protocol=\"application/pgp-signature\"; boundary=b\n\n--b\n" TYPE "\n--b\n",
        "Content-Type: message/rfc822\n\nContent-Type: text/plain\n\n" TYPE "\n",
        "\xef\xbb\xbfHello.\n",
        "no header\n" TYPE "\n",
    };
    (void)state;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_false(probes(text(others[i])));
    assert_false(probes(repeat(text("x"), 1000000)));
    assert_false(probes(repeat(text("X-Header: y\n"), 100000)));
}

/* Something that one reader could take for this, and another for that. */
/* What is around a part that is signed is not signed. */
static void test_signed_parts(void **state)
{
    static const char *const in_part[] = {
        "Content-Type: multipart/mixed; boundary=o\n\n--o\n" MESSAGE "\n--o\n\nThe list\n--o--\n",
        "Content-Type: multipart/mixed; boundary=o\n\nx\n--o\n\nThe list\n--o\n" MESSAGE "\n--o--\n",
        "Content-Type: multipart/mixed; boundary=o\n\n--o\nContent-Type: message/rfc822\n\n" MESSAGE "\n--o--\n",
        "Content-Type: multipart/mixed; boundary=o\n\n--o\nContent-Type: application/pkcs7-mime\n\nMII=\n--o--\n",
        "Content-Type: message/rfc822\n\n" MESSAGE,
    };
    static const char *const lines[] = {"(line 7)", "(line 11)", "(line 9)", "(line 5)", "(line 6)"};
    (void)state;
    for (size_t i = 0; i < sizeof in_part / sizeof *in_part; i++) {
        assert_true(probes(text(in_part[i])));
        assert_refused_as(text(in_part[i]), SG_E_UNSUPPORTED, lines[i]);
        assert_refused_as(crlf(text(in_part[i])), SG_E_UNSUPPORTED, "Save that part");
    }
    assert_true(probes(text("\xef\xbb\xbf" MESSAGE)));
    assert_refused_as(text("\xef\xbb\xbf" MESSAGE), SG_E_MALFORMED, "byte order mark");
}

static void test_refused(void **state)
{
    (void)state;
    assert_refused("boundary=\"b\"", "boundary=\"\"", "no boundary");
    assert_refused("; boundary=\"b\"", "", "no boundary");
    assert_refused("boundary=\"b\"", "boundary*=b", "RFC 2231");
    assert_refused("boundary=\"b\"", "boundary=\"b \"", "no boundary");
    assert_refused("boundary=\"b\"", "boundary=\"b\"; boundary=\"c\"", "twice");
    assert_refused("boundary=\"b\"", "boundary=\"b", "cannot be read");
    assert_refused("boundary=\"b\"", "boundary=\"b\" (x", "does not end");
    assert_refused("boundary=\"b\"",
                   "boundary=bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", "too long");
    assert_refused("application/pkcs7-signature\"", "application/pgp-signatures\"", "another protocol");
    assert_refused("protocol=\"application/pkcs7-signature\"; ", "", "another protocol");
    assert_refused("\n\npreamble", "\nContent-Type: text/plain\n\npreamble", "two Content-Types");
    assert_refused("\n\npreamble", "\nContent-Transfer-Encoding: base64\n\npreamble", "as a whole");
    assert_refused("\n\npreamble", "\nnot a header\n\npreamble", "line 4: it is not a header");
    assert_refused("\n\npreamble", "\nX: \ry\n\npreamble", "control character");
    assert_refused("preamble", "--b--", "last boundary comes first");
    assert_refused("preamble", "--bc", "line 5: it begins as a boundary");
    assert_refused("--b\n" PART, PART, "no second part");
    assert_refused("--b\n" SIGNATURE, "", "no second part");
    assert_refused("Hello", "--bb", "line 9: it begins as a boundary");
    assert_refused("Hello", "--b\n", "it is not a header");
    assert_refused("application/pkcs7-signature; name", "text/plain; name", "second part is not");
    assert_refused(": base64", ": quoted-printable", "Content-Transfer-Encoding is not read");
    assert_refused(": base64", ": base64\nContent-Transfer-Encoding: 7bit", "two Content-Transfer-Encodings");
    assert_refused("BA==", "B", "cut short");
    assert_refused("BA==", "*A==", "not Base64");
    assert_refused("BA==\n", "BA==\nAA==\n", "not Base64");
    assert_refused("--b--", "--b", "third part");
    assert_refused("--b--\nepilogue", "", "without its last boundary");
    assert_refused("--b--", "--b-", "begins as a boundary");
    assert_refused("epilogue", "--b\n" PART, "behind the last one");
    assert_refused("epilogue", "--b--", "behind the last one");
}

/* RFC 2231 gives parameters other names, which not all readers know. */
static void test_other_forms(void **state)
{
    static const char *const forms[] = {
        "boundary*=us-ascii''c", "boundary*0=c",   "BOUNDARY*0*=c",
        "protocol*=us-ascii''x", "smime-type*0=x", "micalg*0=\"sha-1\"",
    };
    (void)state;
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        struct sg_slice with_it = JOIN(text("boundary=\"b\"; "), text(forms[i]), slice("", 1));
        assert_refused("boundary=\"b\"", (const char *)with_it.data,
                       "line 4: a parameter of the Content-Type has a form");
    }
    assert_reads(text("Content-Type: multipart/signed; protocol=\"application/pkcs7-signature\"; x*=us-ascii''y; "
                      "boundaryx*=y; boundary=b\n\n--b\n" PART "\n--b\n" SIGNATURE "AQIDBA==\n--b--\n"),
                 crlf(text(PART)), CMS);
}

/* A boundary for who ends lines elsewhere, or looks for it anywhere. */
static void test_unclear_lines(void **state)
{
    static const char *const refused[][3] = {
        {"preamble", "x\r--b\rContent-Type: text/plain\r\rmore\r", "line 5: there is a carriage return"},
        {"preamble", "one\nx\ry", "line 6: there is a carriage return"},
        {"preamble", "x\r\r", "line 5: there is a carriage return"},
        {"preamble", "x\f", "line 5: there is a control character"},
        {"preamble", "x\v", "line 5: there is a control character"},
        {"preamble", "x\x1cy", "line 5: there is a control character"},
        {"preamble", "\x85--b", "line 5: there is a boundary within"},
        {"preamble", "\xe2\x80\xa8--b\xe2\x80\xa8", "line 5: there is a boundary within"},
        {"preamble", " --b", "line 5: there is a boundary within"},
        {"epilogue", "x\r--b\r", "line 19: there is a carriage return"},
        {"epilogue", "one\nx\x1e", "line 20: there is a control character"},
        {"epilogue", "x --b", "line 19: there is a boundary within"},
        {"; name=", "; x=\x85--b; name=", "cannot be read"},
        {"name=smime.p7s\n", "name=smime.p7s\nX: \xc2\x85--b\n", "line 14: there is a boundary within"},
        {"name=smime.p7s\n", "name=smime.p7s\nX: \v\n", "line 14: there is a control character"},
        {"\n\npreamble", "\nX: \f\n\npreamble", "line 4: there is a control character"},
        {"Hello", "Hello\r--b", "line 9: there is a boundary within"},
        {"Hello", "Hello\r--b--\r", "line 9: there is a boundary within"},
        {"Hello", "Hello\x85--b", "line 9: there is a boundary within"},
        {"Hello", "Hello\v--b", "line 9: there is a boundary within"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        assert_refused(refused[i][0], refused[i][1], refused[i][2]);
    assert_reads(text(TYPE "\nNot only \xc2\x85 ASCII:\ttabs -- b -b\r\n--b\nx\ry --b \v\r-b\n--b\n" SIGNATURE
                           "AQIDBA==\n--b--\n\xe2\x80\xa8 \t-b\r\n"),
                 text("x\ry --b \v\r-b"), CMS);
}

/* Wherever it is in the window that is looked through. */
static void test_unclear_far(void **state)
{
    (void)state;
    for (size_t shift = 0; shift < 8; shift++) {
        struct sg_slice head = text(TYPE "\n"), tail = text("\n--b\n" PART "\n--b\n" SIGNATURE "AQIDBA==\n--b--\n");
        struct sg_slice before = repeat(text("x"), SG_IO_BUFFER - 6 + shift);
        assert_refused_as(JOIN(head, before, text(" --b"), tail), SG_E_MALFORMED, "line 3: there is a boundary");
        assert_refused_as(JOIN(head, before, text("\ry"), tail), SG_E_MALFORMED, "line 3: there is a carriage return");
        assert_refused_as(JOIN(head, before, text("\n\f"), tail), SG_E_MALFORMED, "line 4: there is a control");
        assert_reads(JOIN(head, before, text("\r\n-b"), tail), crlf(text(PART)), CMS);
        assert_refused_as(JOIN(head, text("--b\n"), before, text("\r--b"), tail), SG_E_MALFORMED,
                          "line 4: there is a boundary");
        arena_clear();
    }
}

/* Cut anywhere, it is no message or a broken one, but for the last line break and what is behind the last boundary. */
static void test_truncated(void **state)
{
    const char *last = strstr(MESSAGE, "--b--");

    (void)state;
    for (size_t len = 0; len < (size_t)(last - MESSAGE) + 5; len++) {
        _cleanup_(sg_input_freep) struct sg_input *input = input_of(slice(MESSAGE, len));
        _cleanup_(sg_mime_freep) struct sg_mime *mime = NULL;
        assert_int_equal(sg_mime_read(input, &mime, NULL), SG_E_MALFORMED);
    }
}

static void test_limits(void **state)
{
    struct sg_slice rest = text("\n--b\n" PART "\n--b\n" SIGNATURE "AQIDBA==\n--b--\n");

    (void)state;
    assert_reads(JOIN(text(TYPE), repeat(text("X-Header: y\n"), 20000), rest), crlf(text(PART)), CMS);
    assert_refused_as(JOIN(text(TYPE), repeat(text("X-Header: y\n"), 30000), rest), SG_E_LIMIT, "too long");
    assert_refused_as(JOIN(text(TYPE "X: "), repeat(text("y"), SG_MAX_MIME_LINE), text("\n"), rest), SG_E_LIMIT,
                      "too long");
    assert_refused_as(JOIN(text(TYPE), repeat(text(" ; x=\"yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\"\n"), 200), rest),
                      SG_E_LIMIT, "too long");
    assert_refused_as(
        JOIN(text(TYPE "\n--b\n" PART "\n--b\n" SIGNATURE), repeat(text("AQID"), SG_MAX_MIME_LINE), text("\n--b--\n")),
        SG_E_MALFORMED, "too long");
}

/* What is signed may be a signed message. */
static void test_holds_signed(void **state)
{
    _cleanup_(sg_input_freep) struct sg_input *plain = input_of(text(MESSAGE));
    _cleanup_(sg_input_freep) struct sg_input *nested = input_of(
        text("Content-Type: multipart/signed; protocol=\"application/pkcs7-signature\"; boundary=c\n\n--c\n" MESSAGE
             "\n--c\n" SIGNATURE "AQIDBA==\n--c--\n"));
    _cleanup_(sg_mime_freep) struct sg_mime *mime = NULL, *outer = NULL;

    (void)state;
    assert_int_equal(sg_mime_read(plain, &mime, NULL), SG_OK);
    assert_false(sg_mime_holds_signed(mime));
    assert_int_equal(sg_mime_read(nested, &outer, NULL), SG_OK);
    assert_true(sg_mime_holds_signed(outer));
    assert_true(sg_mime_is_signed(outer));
}

static int clear(void **state)
{
    (void)state;
    arena_clear();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_signed, clear),      cmocka_unit_test_teardown(test_line_ends, clear),
        cmocka_unit_test_teardown(test_large, clear),       cmocka_unit_test_teardown(test_headers, clear),
        cmocka_unit_test_teardown(test_attached, clear),    cmocka_unit_test_teardown(test_others, clear),
        cmocka_unit_test_teardown(test_refused, clear),     cmocka_unit_test_teardown(test_truncated, clear),
        cmocka_unit_test_teardown(test_limits, clear),      cmocka_unit_test_teardown(test_holds_signed, clear),
        cmocka_unit_test_teardown(test_other_forms, clear), cmocka_unit_test_teardown(test_unclear_lines, clear),
        cmocka_unit_test_teardown(test_unclear_far, clear), cmocka_unit_test_teardown(test_signed_parts, clear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
