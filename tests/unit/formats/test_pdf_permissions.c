/* What does a signature permit those who come later, and is what cannot be understood taken for the strictest? */
#include "pdf_make.h"

#include "formats/pdf_permissions.h"
#include "formats/pdf_text.h"

#define DOC_MDP(parameters) "<< /TransformMethod /DocMDP /TransformParams " parameters " >>"
#define FIELD_MDP(parameters) "<< /TransformMethod /FieldMDP /TransformParams " parameters " >>"

/* Object 4 is a field, 5 the signature in it. */
struct asked {
    struct making m;
    struct sg_input *input;
    struct sg_pdf *pdf;
    struct sg_pdf_signature signature;
};

static void asked_clear(struct asked *a)
{
    sg_pdf_free(a->pdf);
    sg_input_free(a->input);
    sg_buf_clear(&a->m.file);
}

static void ask(struct asked *a, const char *field, const char *reference)
{
    char text[512];
    make_begin(&a->m);
    make_object(&a->m, 1, "<< /Type /Catalog /Pages 2 0 R /Perms << /DocMDP 5 0 R >> >>");
    make_object(&a->m, 2, "<< /Type /Pages /Kids [3 0 R] /Count 1 >>");
    make_object(&a->m, 3, "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] >>");
    make_object(&a->m, 4, field);
    assert_true(snprintf(text, sizeof(text), "<< /Type /Sig %s >>", reference) < (int)sizeof(text));
    make_object(&a->m, 5, text);
    make_table(&a->m, "/Root 1 0 R");
    assert_int_equal(sg_input_from_slice("test.pdf", sg_buf_slice(&a->m.file), &a->input, NULL), SG_OK);
    assert_int_equal(sg_pdf_open(a->input, a->m.file.len, &a->pdf, NULL), SG_OK);
    a->signature.field = (struct sg_pdf_id){4, 0};
    assert_int_equal(sg_pdf_object(a->pdf, (struct sg_pdf_id){5, 0}, &a->signature.dictionary, NULL), SG_OK);
}

static void what_is_permitted(void **state)
{
    (void)state;
    static const struct {
        const char *field, *reference;
        int certified, level; /* as the document's certification; as one of its signatures */
        bool locks_a, locks_b;
    } cases[] = {
        {"<< /T (s) >>", "", 1, 0, false, false},
        {"<< /T (s) >>", "/Reference [" DOC_MDP("<< /P 3 >>") "]", 3, 0, false, false},
        {"<< /T (s) >>", "/Reference [" DOC_MDP("<< /P 2 >>") "]", 2, 2, false, false},
        {"<< /T (s) >>", "/Reference [" DOC_MDP("<< /P 1 >>") "]", 1, 1, false, false},
        {"<< /T (s) >>", "/Reference [" DOC_MDP("<< /P 4 >>") "]", 1, 1, false, false},
        {"<< /T (s) >>", "/Reference [" DOC_MDP("<< /P (3) >>") "]", 1, 1, false, false},
        {"<< /T (s) >>", "/Reference [" DOC_MDP("<< >>") "]", 2, 2, false, false},
        {"<< /T (s) >>", "/Reference " DOC_MDP("<< /P 3 >>"), 1, 1, true, true},
        {"<< /T (s) >>", "/Reference [" FIELD_MDP("<< /Action /All >>") "]", 1, 0, true, true},
        {"<< /T (s) >>", "/Reference [" FIELD_MDP("<< /Action /Include /Fields [(a)] >>") "]", 1, 0, true, false},
        {"<< /T (s) >>", "/Reference [" FIELD_MDP("<< /Action /Exclude /Fields [(a)] >>") "]", 1, 0, false, true},
        {"<< /T (s) >>", "/Reference [" FIELD_MDP("<< /Action /Include /Fields [/a] >>") "]", 1, 0, true, true},
        {"<< /T (s) >>", "/Reference [" FIELD_MDP("<< /Action /Include /Fields [<FEFFD800>] >>") "]", 1, 0, true, true},
        {"<< /T (s) >>", "/Reference [" FIELD_MDP("<< /Action /Include >>") "]", 1, 0, true, true},
        {"<< /T (s) >>", "/Reference [" FIELD_MDP("null") "]", 1, 0, true, true},
        {"<< /T (s) >>",
         "/Reference [" FIELD_MDP("<< /Action /Include /Fields [(a)] >>")
             FIELD_MDP("<< /P 2 /Action /Include /Fields [(b)] >>") "]",
         1, 2, true, true},
        {"<< /T (s) /Lock << /Action /Include /Fields [(b)] /P 1 >> >>", "", 1, 1, false, true},
        {"<< /T (s) /Lock (b) >>", "/Reference [" DOC_MDP("<< /P 3 >>") "]", 3, 0, true, true},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        _cleanup_(asked_clear) struct asked a = {0};
        int certified = -1, level = 0, strict = 1;
        bool locks[2] = {false, false};
        ask(&a, cases[i].field, cases[i].reference);
        assert_int_equal(sg_pdf_certification(a.pdf, &certified, NULL), SG_OK);
        assert_int_equal(certified, cases[i].certified);
        assert_int_equal(sg_pdf_limit_level(a.pdf, &a.signature, &level, NULL), SG_OK);
        assert_int_equal(level, cases[i].level);
        assert_int_equal(sg_pdf_limit_level(a.pdf, &a.signature, &strict, NULL), SG_OK);
        assert_int_equal(strict, 1);
        assert_int_equal(sg_pdf_locks(a.pdf, &a.signature, "a.x", &locks[0], NULL), SG_OK);
        assert_int_equal(sg_pdf_locks(a.pdf, &a.signature, "b", &locks[1], NULL), SG_OK);
        assert_int_equal(locks[0], cases[i].locks_a);
        assert_int_equal(locks[1], cases[i].locks_b);
    }
}

static void what_lies_in_what(void **state)
{
    (void)state;
    static const struct {
        const char *lock, *name;
        bool locked;
    } cases[] = {
        {"/Action /Include /Fields [(a.b)]", "a.b", true},
        {"/Action /Include /Fields [(a.b)]", "a.b.c", true},
        {"/Action /Include /Fields [(a.b)]", "a", true},
        {"/Action /Include /Fields [(a.b)]", "", true},
        {"/Action /Include /Fields [(a.b)]", "a.bc", false},
        {"/Action /Include /Fields [(a.b)]", "a.c", false},
        {"/Action /Include /Fields [(ab)]", "a", false},
        {"/Action /Include /Fields [(x) (a.b.c)]", "a", true},
        {"/Action /Include /Fields []", "", false},
        {"/Action /Exclude /Fields [(a.b)]", "a.b", false},
        {"/Action /Exclude /Fields [(a.b)]", "a.b.c", false},
        {"/Action /Exclude /Fields [(a.b)]", "a", true},
        {"/Action /Exclude /Fields [(a.b)]", "", true},
        {"/Action /Exclude /Fields [()]", "a", true},
        {"/Action /All", "a", true},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        _cleanup_(asked_clear) struct asked a = {0};
        char field[128];
        bool locked = !cases[i].locked;
        assert_true(snprintf(field, sizeof(field), "<< /T (s) /Lock << %s >> >>", cases[i].lock) < (int)sizeof(field));
        ask(&a, field, "");
        assert_int_equal(sg_pdf_locks(a.pdf, &a.signature, cases[i].name, &locked, NULL), SG_OK);
        assert_int_equal(locked, cases[i].locked);
    }
}

static void a_field_that_is_not_found_again_locks(void **state)
{
    (void)state;
    _cleanup_(asked_clear) struct asked a = {0};
    bool locked = false;
    int level = 0;
    ask(&a, "<< /T (s) >>", "");
    a.signature.field = (struct sg_pdf_id){0};
    assert_int_equal(sg_pdf_locks(a.pdf, &a.signature, "a", &locked, NULL), SG_OK);
    assert_int_equal(sg_pdf_limit_level(a.pdf, &a.signature, &level, NULL), SG_OK);
    assert_true(locked && level == 1);
}

static void a_name_is_found_among_several(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool listed, within; /* as long as names are compared part by part */
    } cases[] = {
        {"a", true, true},      {"a.b", true, false},     {"a.c", true, false},    {"a.c.d", true, false},
        {"a.", true, false},    {"a-b", false, false},    {"ab", false, false},    {"a b", true, false},
        {"b", true, false},     {"b.x", true, false},     {"c", false, true},      {"c.d", false, true},
        {"c.d.e", true, false}, {"c.d.e.f", true, false}, {"c.d-e", false, false}, {"d", false, false},
        {"", false, true},      {"z", false, false},
    };
    static const char *const one_of[] = {"z", "d", "c.d.e", "b"}, *const none_of[] = {"z", "d"};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        _cleanup_(asked_clear) struct asked include = {0}, exclude = {0};
        bool held = false, kept = false;
        ask(&include, "<< /T (s) >>",
            "/Reference [" FIELD_MDP("<< /Action /Include /Fields [(b) (c.d.e) (a b) (a) (a.c) (b)] >>") "]");
        ask(&exclude, "<< /T (s) >>",
            "/Reference [" FIELD_MDP("<< /Action /Exclude /Fields [(b) (c.d.e) (a b) (a) (a.c) (b)] >>") "]");
        assert_int_equal(sg_pdf_locks(include.pdf, &include.signature, cases[i].name, &held, NULL), SG_OK);
        assert_int_equal(sg_pdf_locks(exclude.pdf, &exclude.signature, cases[i].name, &kept, NULL), SG_OK);
        if (held != (cases[i].listed || cases[i].within) || kept != !cases[i].listed)
            print_error("\"%s\": %d %d\n", cases[i].name, held, kept);
        assert_int_equal(held, cases[i].listed || cases[i].within);
        assert_int_equal(kept, !cases[i].listed);
        if (i == 0) {
            const char *found = NULL;
            assert_int_equal(sg_pdf_find_locked(include.pdf, &include.signature, one_of, 4, &found, NULL), SG_OK);
            assert_string_equal(found, "c.d.e");
            assert_int_equal(sg_pdf_find_locked(include.pdf, &include.signature, none_of, 2, &found, NULL), SG_OK);
            assert_null(found);
        }
    }
}

static void names(void **state)
{
    (void)state;
    static const struct {
        const char *field, *parent, *name;
    } cases[] = {
        {"<< /T (own) >>", "", "own"},
        {"<< /T (own) >>", "above", "above.own"},
        {"<< /Subtype /Widget >>", "above", "above"},
        {"<< /T <FEFF202E> >>", "above", "above.\xef\xbf\xbd"},
        {"<< /T /own >>", "", "\xef\xbf\xbd"}, /* no text: it cannot be told whether it is locked */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        _cleanup_(asked_clear) struct asked a = {0};
        _cleanup_(freep) char *name = NULL;
        const struct sg_pdf_value *field = NULL;
        ask(&a, cases[i].field, "");
        assert_int_equal(sg_pdf_object(a.pdf, (struct sg_pdf_id){4, 0}, &field, NULL), SG_OK);
        assert_int_equal(sg_pdf_field_name(a.pdf, field, cases[i].parent, &name, NULL), SG_OK);
        assert_string_equal(name, cases[i].name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_permitted),
        cmocka_unit_test(what_lies_in_what),
        cmocka_unit_test(a_field_that_is_not_found_again_locks),
        cmocka_unit_test(a_name_is_found_among_several),
        cmocka_unit_test(names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
