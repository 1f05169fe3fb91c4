#include "fixture.h"

#include "officer/staff.h"

/* All complaints, a line each. */
static void collect(void *context, const struct sg_err *complaint)
{
    char *text = context;

    assert_string_equal(complaint->file, "staff.csv");
    (void)snprintf(text + strlen(text), 4096 - strlen(text), "%s\n", complaint->text);
}

static enum sg_rc read_text(const char *text, char complaints[4096], struct sg_staff **ret, struct sg_err *err)
{
    const struct sg_staff_options options = {.file = "staff.csv",
                                             .kind = SG_EC_P256,
                                             .usage = SG_FOR_SIGNING,
                                             .libctx = libctx,
                                             .complain = collect,
                                             .context = complaints};

    complaints[0] = '\0';
    return sg_staff_read((struct sg_slice){(const uint8_t *)text, strlen(text)}, &options, ret, err);
}

/* Are columns taken in any order, and made up where they are absent or empty? */
static void reads(void **state)
{
    (void)state;
    char complaints[4096];
    _cleanup_(sg_staff_freep) struct sg_staff *staff = NULL, *other = NULL;

    assert_done(read_text("email,name,kind,usage,label,subject\r\n"
                          "ada@example.org,Ada Lovelace,,,,\r\n"
                          "bob@example.org,\"Bob, the <Builder>\",rsa-3072,decrypt,Bob's card,\"CN=Bob,O=Example\"\r\n",
                          complaints, &staff, &err));
    assert_string_equal(complaints, "");
    assert_int_equal(staff->count, 2);
    const struct sg_person *ada = &staff->persons[0], *bob = &staff->persons[1];
    assert_string_equal(ada->name, "Ada Lovelace");
    assert_string_equal(ada->email, "ada@example.org");
    assert_string_equal(ada->subject, "CN=Ada Lovelace");
    assert_string_equal(ada->label, "Ada Lovelace");
    assert_int_equal(ada->kind, SG_EC_P256);
    assert_int_equal(ada->usage, SG_FOR_SIGNING);
    assert_int_equal(ada->line, 2);
    assert_string_equal(bob->subject, "CN=Bob,O=Example");
    assert_string_equal(bob->label, "Bob's card");
    assert_int_equal(bob->kind, SG_RSA_3072);
    assert_int_equal(bob->usage, SG_FOR_DECRYPTION);

    /* A name becomes a subject whatever is in it. */
    assert_done(read_text("name,email\n\"#J\xc3\xbcrgen, \"\"von\"\" + <Gro\xc3\x9f>\",j@example.org\n", complaints,
                          &other, &err));
    assert_string_equal(other->persons[0].subject, "CN=\\#J\xc3\xbcrgen\\, \\\"von\\\" \\+ \\<Gro\xc3\x9f\\>");
    assert_memory_not_equal(staff->sha256, other->sha256, SG_SHA256_LEN);
}

/* A label that is made of a name ends between characters. */
static void cuts_labels(void **state)
{
    (void)state;
    char complaints[4096];
    _cleanup_(sg_staff_freep) struct sg_staff *staff = NULL;

    assert_done(
        read_text("name,email\nA234567890123456789012345678901\xc3\xbc,a@example.org\n", complaints, &staff, &err));
    assert_string_equal(staff->persons[0].label, "A234567890123456789012345678901"); /* 31 bytes: the 32nd was half */
}

/* Are all mistakes of all rows told, with line and column, before anything is made of the list? */
static void tells_all_mistakes(void **state)
{
    (void)state;
    char complaints[4096];
    struct sg_staff *staff = NULL;
    struct sg_err err = {0};

    assert_int_equal(read_text("name,email,subject,label,kind,usage\n"
                               ",a@example.org,,,,\n"
                               "Ada,not an address,,,,\n"
                               "Bob,b@example.org,Bob,,,\n"
                               "Cyd,c@example.org,,a label that is longer than thirty-two,p-255,both\n"
                               "Dan,d@example.org\n"
                               "Bob,B@example.org,,,,\n"
                               "Eve\x1b[2J,e@example.org,,,,\n"
                               "Fay,f@example.org,,,ed25519,decrypt\n"
                               " Gus,g@example.org,\"C=GBR\",,,\n",
                               complaints, &staff, &err),
                     SG_E_MALFORMED);
    static const char *const wanted[] = {
        "line 2, column 1 (name): this is empty",
        "line 3, column 2 (email): \"not an address\" is not an e-mail address",
        "line 4, column 3 (subject): \"Bob\" is not a name",
        "line 5, column 4 (label): this has 38 bytes; 32 are allowed",
        "line 5, column 5 (kind): \"p-255\" is not a kind of key",
        "line 5, column 6 (usage): \"both\" is not a usage",
        "line 6: this line has 2 columns",
        "line 7, column 2 (email): this person is in line 4 already",
        "line 8, column 1 (name): there are characters",
        "line 9, column 6 (usage): an Ed25519 key cannot decrypt",
        "line 10, column 1 (name): there is a space at an end",
        "line 10, column 3 (subject): \"C=GBR\" is not a name",
    };
    size_t lines = 0;
    for (const char *c = complaints; *c; c++)
        lines += *c == '\n';
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
        if (!strstr(complaints, wanted[i]))
            fail_msg("not told: %s\nin:\n%s", wanted[i], complaints);
    assert_int_equal(lines, sizeof(wanted) / sizeof(wanted[0]));
    assert_non_null(strstr(err.text, "12 mistakes"));
    assert_null(staff);
}

static void refuses_columns(void **state)
{
    (void)state;
    static const struct {
        const char *text, *complaint;
    } cases[] = {
        {"name,email,phone\nAda,a@example.org,1\n", "line 1, column 3: \"phone\" is not a column"},
        {"name,email,name\nAda,a@example.org,Ada\n", "line 1, column 3: \"name\" is there twice"},
        {"name\nAda\n", "line 1: the column \"email\" is missing"},
        {"Ada,a@example.org\n", "line 1: the column \"name\" is missing"},
        {"", "line 1: the column \"name\" is missing"},
        {"name,email\nAda,\"a@example.org\n", "line 2, column 2: the quote"},
    };
    char complaints[4096];
    struct sg_staff *staff = NULL;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_rc(read_text(cases[i].text, complaints, &staff, &err), SG_E_MALFORMED);
        if (!strstr(complaints, cases[i].complaint))
            fail_msg("%s", complaints);
    }
    assert_rc(read_text("name,email\n", complaints, &staff, &err), SG_E_MALFORMED);
    assert_rc(read_text("name,email\n\xff,a@example.org\n", complaints, &staff, &err), SG_E_MALFORMED);
}

static void has_a_limit(void **state)
{
    (void)state;
    char complaints[4096], *text = malloc(64 * (SG_MAX_STAFF + 2));
    _cleanup_(sg_staff_freep) struct sg_staff *staff = NULL;
    struct sg_staff *too_many = NULL;

    assert_non_null(text);
    size_t used = (size_t)sprintf(text, "name,email\n");
    for (int i = 0; i < SG_MAX_STAFF; i++)
        used += (size_t)sprintf(text + used, "Person %d,p%d@example.org\n", i, i);
    assert_done(read_text(text, complaints, &staff, &err));
    (void)sprintf(text + used, "One more,more@example.org\n");
    assert_rc(read_text(text, complaints, &too_many, &err), SG_E_LIMIT);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads),           cmocka_unit_test(cuts_labels), cmocka_unit_test(tells_all_mistakes),
        cmocka_unit_test(refuses_columns), cmocka_unit_test(has_a_limit),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
