/* The page: is it complete and does it need nothing else; is all that a stranger wrote escaped; do the drawings say the
 * facts; is a text measured wide enough? With SIGNET_TEST_PAGES, a folder, the pages are written there for
 * test_html.sh, which looks at them in a browser. */
#include <stdio.h>
#include <stdlib.h>

#include "judging.h"
#include "verify/report_html.h"
#include "verify/report_html_measure.h"
#include "verify/report_html_write.h"
#include "verify/verdict.h"

#define HOSTILE "<script>alert(1)</script>\"'&--><img src=x onerror=alert(1)>"

/* --- reports to show ---------------------------------------------------------------------------------------------- */

static struct sg_report *report_of(const struct world *world, const char *content)
{
    _cleanup_(sg_buf_clear) struct sg_buf cms = SG_BUF(SG_MIB);
    enum sg_rc rc;
    world_sign(world, ORDINARY, &cms);
    struct sg_report *report = judge_bytes(world, sg_buf_slice(&cms), content, &rc);
    assert_int_equal(rc, SG_OK);
    return report;
}

/* A certificate like this one, named otherwise: nothing checks its signature any more. */
static X509 *renamed(X509 *cert, const char *subject, const char *issuer)
{
    X509 *copy = X509_dup(cert);
    const char *const names[] = {subject, issuer};
    for (size_t i = 0; i < 2; i++) {
        _cleanup_(X509_NAME_freep) X509_NAME *name = X509_NAME_new();
        assert_int_equal(
            X509_NAME_add_entry_by_txt(name, "CN", V_ASN1_UTF8STRING, (const uint8_t *)names[i], -1, -1, 0), 1);
        assert_int_equal(i == 0 ? X509_set_subject_name(copy, name) : X509_set_issuer_name(copy, name), 1);
    }
    return copy;
}

static void rename_all(struct sg_report *report, const char *subject, const char *issuer)
{
    for (size_t i = 0; i < report->verdict_count; i++) {
        struct sg_verdict *verdict = &report->verdicts[i];
        for (int k = 0; k < sk_X509_num(verdict->chain); k++) {
            X509 *old = sk_X509_value(verdict->chain, k);
            (void)sk_X509_set(verdict->chain, k, renamed(old, k == 0 ? subject : issuer, issuer));
            X509_free(old);
        }
        X509 *signer = renamed(verdict->signer, subject, issuer);
        X509_free(verdict->signer);
        verdict->signer = signer;
    }
}

static void add_stamp(struct sg_verdict *verdict, const char *kind, int64_t when, X509 *tsa, bool counts)
{
    verdict->timestamps = reallocarray(verdict->timestamps, verdict->timestamp_count + 1, sizeof *verdict->timestamps);
    assert_non_null(verdict->timestamps);
    struct sg_timestamp *fresh = &verdict->timestamps[verdict->timestamp_count++];
    assert_int_equal(X509_up_ref(tsa), 1);
    *fresh = (struct sg_timestamp){.kind = kind,
                                   .time = when,
                                   .accuracy = -1,
                                   .earliest = when,
                                   .latest = when,
                                   .proves = counts,
                                   .serial = strdup("1f"),
                                   .verdict = {.indication = counts ? SG_TOTAL_PASSED : SG_INDETERMINATE,
                                               .sub_indication = counts ? SG_SUB_NONE : SG_SUB_REVOKED_NO_POE,
                                               .signer = tsa}};
    if (counts && when < verdict->best_time)
        verdict->best_time = when;
    verdict->level = "B-T";
}

static struct sg_report *good(struct world *world)
{
    struct sg_report *report = report_of(world, CONTENT);
    report->verdicts[0].claimed_time = PKI_NOW - 40 * PKI_DAY;
    add_stamp(&report->verdicts[0], "signature", PKI_NOW - 40 * PKI_DAY + 7, world->ca.cert, true);
    return report;
}

static struct sg_report *failed(struct world *world)
{
    return report_of(world, "other");
}

static struct sg_report *undecided(struct world *world)
{
    (void)sk_X509_pop(world->anchors); /* put back below */
    struct sg_report *report = report_of(world, CONTENT);
    assert_true(sk_X509_push(world->anchors, world->root.cert) > 0);
    return report;
}

static struct sg_report *since_revoked(struct world *world)
{
    struct sg_report *report = good(world);
    struct sg_verdict *verdict = &report->verdicts[0];
    add_stamp(verdict, "archive", PKI_NOW - 10 * PKI_DAY, world->root.cert, true);
    add_stamp(verdict, "signature", PKI_NOW - 9 * PKI_DAY, world->root.cert, false);
    verdict->level = "B-LTA";
    verdict->now = (struct sg_conclusion){SG_INDETERMINATE, SG_SUB_REVOKED_NO_POE};
    verdict->revocation[0].revoked_at = PKI_NOW - 5 * PKI_DAY;
    verdict->revocation[0].reason = "keyCompromise";
    return report;
}

/* Ten within as many seconds, and one at a time that no calendar has. */
static struct sg_report *ten_stamps(struct world *world)
{
    struct sg_report *report = good(world);
    for (int i = 0; i < 10; i++)
        add_stamp(&report->verdicts[0], "signature", PKI_NOW - 2 * PKI_DAY + i, world->ca.cert, true);
    add_stamp(&report->verdicts[0], "content", SG_TIME_NONE, world->ca.cert, false);
    return report;
}

static struct sg_report *named(struct world *world, const char *subject, const char *issuer)
{
    struct sg_report *report = since_revoked(world);
    rename_all(report, subject, issuer);
    struct sg_verdict *verdict = &report->verdicts[0];
    X509 *tsa = renamed(world->ca.cert, issuer, subject);
    add_stamp(verdict, "references", PKI_NOW - 8 * PKI_DAY, tsa, true);
    X509_free(tsa);
    return report;
}

static struct sg_report *long_names(struct world *world)
{
    char words[2000], unbroken[1200];
    for (size_t i = 0; i < sizeof words - 1; i++)
        words[i] = i % 9 == 8 ? ' ' : "WwMm@%Wg"[i % 9];
    words[sizeof words - 1] = '\0';
    memset(unbroken, 'W', sizeof unbroken - 1);
    unbroken[sizeof unbroken - 1] = '\0';
    struct sg_report *report = named(world, words, unbroken);
    free(report->file);
    report->file = strdup(unbroken);
    return report;
}

static struct sg_report *arabic(struct world *world)
{
    return named(world,
                 "محمد بن عبد الله الأحمدي، المديرية العامة للجمارك والضرائب غير المباشرة، قسم التوقيعات الإلكترونية",
                 "\xef\xb7\xbd \xef\xb7\xba هيئة التصديق الوطنية للتوقيع الإلكتروني \xef\xb7\xbd");
}

static struct sg_report *chinese(struct world *world)
{
    return named(world, "王小明、國家電子簽章憑證管理中心、臺北市中正區重慶南路一段一百二十二號、電子文件簽署科",
                 "中华人民共和国电子签名认证服务中心 Ελληνικά Щекино Ґ ไทยภาษา हिन्दी தமிழ் 한국어 日本語 "
                 "😀👍🏽");
}

static struct sg_report *hostile(struct world *world)
{
    struct sg_report *report =
        named(world, HOSTILE, "Z\xcc\x81\xcc\x81\xcc\x81\xcc\x81\xcc\x81\xcc\x81\xcc\x81 ]]>" HOSTILE);
    free(report->file);
    report->file = strdup("\x1b[2J" HOSTILE "\xff\xe2\x80\xae.p7s");
    free(report->verdicts[0].revocation[0].issuer);
    report->verdicts[0].revocation[0].issuer = strdup(HOSTILE);
    free(report->verdicts[0].reasons);
    report->verdicts[0].reasons = calloc(1, sizeof *report->verdicts[0].reasons);
    report->verdicts[0].reason_count = 1;
    report->verdicts[0].reasons[0] = (struct sg_reason){.code = "no-path", .text = strdup(HOSTILE)};
    return report;
}

static struct sg_report *nothing(struct world *world)
{
    enum sg_rc rc;
    return judge_bytes(world, slice_of("plain text"), NULL, &rc);
}

static const struct {
    const char *name;
    struct sg_report *(*make)(struct world *world);
} cases[] = {
    {"good", good},       {"failed", failed},   {"undecided", undecided}, {"since-revoked", since_revoked},
    {"ten", ten_stamps},  {"long", long_names}, {"arabic", arabic},       {"chinese", chinese},
    {"hostile", hostile}, {"nothing", nothing},
};
#define CASES (sizeof cases / sizeof *cases)

/* --- pages -------------------------------------------------------------------------------------------------------- */

static void append(struct sg_buf *to, const struct sg_buf *from)
{
    assert_int_equal(sg_buf_append(to, from->data, from->len, NULL), SG_OK);
}

/* As the command does it: the sections, and around them what is known when all are there. */
static const char *page_of(const struct world *world, struct sg_report *const *reports, size_t count,
                           struct sg_buf *page)
{
    _cleanup_(sg_buf_clear) struct sg_buf rows = SG_BUF(SG_MIB), sections = SG_BUF(32 * SG_MIB);
    struct sg_html_summary summary = {.made_at = PKI_NOW};
    const char *text = NULL;
    for (size_t i = 0; i < count; i++) {
        enum sg_file_answer answer = sg_report_answer(sg_report_exit(reports[i]));
        summary.counts[answer]++;
        assert_int_equal(sg_html_row(i + 1, reports[i]->file, answer, NULL, &rows, NULL), SG_OK);
        assert_int_equal(sg_report_html(reports[i], "test", i + 1, &sections, NULL), SG_OK);
    }
    summary.counts[SG_FILE_NOT_JUDGED]++;
    assert_int_equal(sg_html_row(count + 1, "broken.p7s", SG_FILE_NOT_JUDGED, HOSTILE, &rows, NULL), SG_OK);
    summary.rows = sg_buf_slice(&rows);
    assert_int_equal(sg_html_head(world->libctx, &summary, page, NULL), SG_OK);
    append(page, &sections);
    assert_int_equal(sg_html_end("signet 0", page, NULL), SG_OK);
    assert_int_equal(sg_buf_text(page, &text, NULL), SG_OK);
    return text;
}

static void keep(const char *name, const struct sg_buf *page)
{
    const char *folder = getenv("SIGNET_TEST_PAGES");
    char path[4096];
    if (!folder)
        return;
    (void)snprintf(path, sizeof path, "%s/%s.html", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(page->data, 1, page->len, file), page->len);
    assert_int_equal(fclose(file), 0);
}

/* Whatever the report, nothing in the page loads, runs or styles anything, and a stranger's markup is text. */
static void assert_harmless(const char *page)
{
    static const char *const never[] = {"<script", "<img",    "<link",       "<iframe",        "<object",
                                        "<base",   " src=",   "http:",       "https:",         "url(",
                                        "@import", " style=", "javascript:", "<foreignObject", "onerror=a>"};
    for (size_t i = 0; i < sizeof never / sizeof *never; i++) {
        const char *found = strstr(page, never[i]);
        while (found && strncmp(found, "http://www.w3.org/2000/svg", 26) == 0)
            found = strstr(found + 1, never[i]);
        if (found && (strcmp(never[i], " src=") == 0)) /* within text that is escaped */
            found = strstr(page, "<img src=");
        if (found)
            print_error("%.200s\n", found);
        assert_null(found);
    }
    assert_null(strchr(page, '\x1b'));
    assert_null(strchr(page, '\xff'));
    assert_null(strstr(page, "\xe2\x80\xae"));
    assert_ptr_equal(strstr(page, "<!DOCTYPE html>\n<html lang=\"en\">"), page);
    assert_non_null(strstr(page, "content=\"default-src 'none'; style-src 'sha256-"));
    assert_string_equal(page + strlen(page) - 8, "</html>\n");
}

static void every_case(void **state)
{
    struct world *world = *state;
    struct sg_report *reports[CASES];
    for (size_t i = 0; i < CASES; i++) {
        _cleanup_(sg_buf_clear) struct sg_buf page = SG_BUF(32 * SG_MIB);
        reports[i] = cases[i].make(world);
        assert_harmless(page_of(world, &reports[i], 1, &page));
        keep(cases[i].name, &page);
    }
    _cleanup_(sg_buf_clear) struct sg_buf page = SG_BUF(32 * SG_MIB);
    assert_harmless(page_of(world, reports, CASES, &page));
    keep("all", &page);
    for (size_t i = 0; i < CASES; i++)
        sg_report_free(reports[i]);
}

/* What the page says first, and that table and drawing say the same times. */
static void what_it_says(void **state)
{
    struct world *world = *state;
    static const struct {
        struct sg_report *(*make)(struct world *world);
        const char *said[8];
    } expected[] = {
        {good,
         {"<strong class=\"badge good\">VALID</strong>",
          "was valid when it was time-stamped, at <time>2026-08-12T14:13:27Z</time>.", ">2026-08-12T14:13:27Z</text>",
          "<time>2026-08-12T14:13:27Z</time>", "Time-stamped: 2026-08-12T14:13:27Z. ",
          "Good until: ", "Trust anchor: CN=Root, valid from 2025-09-21"}},
        {failed,
         {"<strong class=\"badge bad\">NOT VALID</strong>", "The document is not the one that was signed.",
          "<code>content-changed</code>", "Named as the signer: CN=Alice", "TOTAL-FAILED / HASH_FAILURE"}},
        {undecided,
         {"<strong class=\"badge open\">CANNOT TELL</strong>", "No CA that is trusted here", "No path leads from it",
          "<code>no-path</code>"}},
        {since_revoked,
         {"<strong class=\"badge good\">VALID</strong>", "<strong class=\"badge open\">as of now: CANNOT TELL</strong>",
          "; since <time>2026-09-16T14:13:20Z</time> the certificate is revoked (keyCompromise).",
          "Revoked: 2026-09-16T14:13:20Z. ", "class=\"mark revoked\"", "Archive time-stamp: 2026-09-11",
          "does not count"}},
        {nothing, {"<strong class=\"badge open\">CANNOT TELL</strong>", "There is no signature in it"}},
    };
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        _cleanup_(sg_report_freep) struct sg_report *report = expected[i].make(world);
        _cleanup_(sg_buf_clear) struct sg_buf out = SG_BUF(SG_MIB);
        const char *text = NULL;
        assert_int_equal(sg_report_html(report, "test", 1, &out, NULL), SG_OK);
        assert_int_equal(sg_buf_text(&out, &text, NULL), SG_OK);
        for (size_t k = 0; k < 8 && expected[i].said[k]; k++) {
            if (!strstr(text, expected[i].said[k]))
                print_error("not said: %s\n", expected[i].said[k]);
            assert_non_null(strstr(text, expected[i].said[k]));
        }
        assert_int_equal(strstr(text, "Good until: ") != NULL, i == 0 || i == 3);
    }
}

#define DIVS "<div><div><div><div><div><div><div><div>"
#define TOO_DEEP "<section id=\"f1\">" DIVS DIVS "</section>\n"

/* What another process made in the place of a section is one with this number, or nothing. */
static void sections(void **state)
{
    struct world *world = *state;
    static const char *const no_sections[] = {
        "",
        "<section id=\"f1\">",
        "<section id=\"f1\"></section>",
        "<section id=\"f2\"></section>\n",
        "<section id=\"f12\"></section>\n",
        "<p></p>\n",
        "x<section id=\"f1\"></section>\n",
        "<section id=\"f1\"></section>\n<p></p>\n",
        "<section id=\"f1\"></section>\n<section id=\"f2\"></section>\n",
        "<section id=\"f1\"><section id=\"f1-s1\"></section></section>\n",
        "<section id=\"f1\"></main></section>\n",
        "<section id=\"f1\"><div></section>\n",
        "<section id=\"f1\"><div></p></div></section>\n",
        "<section id=\"f1\"><div id=\"f2\"></div></section>\n",
        "<section id=\"f1\"><div id=\"f12-s1\"></div></section>\n",
        "<section id=\"f1\"><script>x</script></section>\n",
        "<section id=\"f1\"><style>x</style></section>\n",
        "<section id=\"f1\"><img></section>\n",
        "<section id=\"f1\"><!-- </section>\n",
        "<section id=\"f1\"><p style=\"x\"></p></section>\n",
        "<section id=\"f1\"><p onclick=\"x\"></p></section>\n",
        "<section id=\"f1\"><p class=x></p></section>\n",
        "<section id=\"f1\"><p class=\"x></p></section>\n",
        "<section id=\"f1\"><p class=\"x\"onclick=\"y\"></p></section>\n",
        "<section id=\"f1\"><P></P></section>\n",
        "<section id=\"f1\"><p/\n></p></section>\n",
        "<section id=\"f1\">\x1b</section>\n",
        "<section id=\"f1\">\xff</section>\n",
        "<section id=\"f1\">\xe2\x80\xae</section>\n",
        TOO_DEEP,
    };
    assert_true(sg_html_is_section(slice_of("<section id=\"f1\"><p class=\"x\">y<br></p></section>\n"), 1));
    for (size_t i = 0; i < sizeof no_sections / sizeof *no_sections; i++) {
        if (sg_html_is_section(slice_of(no_sections[i]), 1))
            print_error("%s\n", no_sections[i]);
        assert_false(sg_html_is_section(slice_of(no_sections[i]), 1));
    }
    for (size_t i = 0; i < CASES; i++) {
        _cleanup_(sg_report_freep) struct sg_report *report = cases[i].make(world);
        _cleanup_(sg_buf_clear) struct sg_buf out = SG_BUF(SG_MIB);
        assert_int_equal(sg_report_html(report, "test", 12, &out, NULL), SG_OK);
        assert_true(sg_html_is_section(sg_buf_slice(&out), 12));
        assert_false(sg_html_is_section(sg_buf_slice(&out), 1));
        out.len--;
        assert_false(sg_html_is_section(sg_buf_slice(&out), 12));
    }
}

/* A page that does not fit is an error, not half a page. */
static void too_large(void **state)
{
    struct world *world = *state;
    _cleanup_(sg_report_freep) struct sg_report *report = good(world);
    _cleanup_(sg_buf_clear) struct sg_buf out = SG_BUF(2000);
    assert_int_equal(sg_report_html(report, NULL, 1, &out, NULL), SG_E_LIMIT);
}

static void cleaning(void **state)
{
    (void)state;
    static const struct {
        const char *text, *clean;
    } texts[] = {
        {"plain", "plain"},
        {"e\xcc\x81\xcc\x81\xcc\x81", "e\xcc\x81\xcc\x81\xcc\x81"},
        {"e\xcc\x81\xcc\x81\xcc\x81\xcc\x81", "e\xcc\x81\xcc\x81\xcc\x81\xef\xbf\xbd"},
        {"a\nb\xff", "a\xef\xbf\xbd"
                     "b\xef\xbf\xbd"},
        {"\xe2\x80\xae", "\xef\xbf\xbd"},
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        _cleanup_(sg_buf_clear) struct sg_buf out = SG_BUF(100);
        const char *text = NULL;
        assert_int_equal(sg_html_clean(texts[i].text, &out, NULL), SG_OK);
        assert_int_equal(sg_buf_text(&out, &text, NULL), SG_OK);
        assert_string_equal(text, texts[i].clean);
    }
}

/* Lines: all of the text, none too wide, at a space where there is one, never within a character or before its mark. */
static void lines(void **state)
{
    (void)state;
    const struct sg_lettering letters = {"n", 10, true};
    static const struct {
        const char *text;
        size_t first;
    } texts[] = {
        {"two words", 4},
        {"unbrokenword", 4},
        {"a", 1},
        {"O=A,CN=Beatrice", 4},
        {"ab     c", 7},
        {"\xe4\xb8\xad\xe6\x96\x87\xe5\xad\x97\xe5\xad\x97", 9},
        {"wwe\xcc\x81\xcc\x81xx", 7},
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_int_equal(sg_html_line(slice_of(texts[i].text), &letters, 33), texts[i].first);
    struct sg_slice left = slice_of("WWWWWW iiiiiiiiiiiiiiiiiiii CN=Some Name, O=Some Organisation");
    while (left.len > 0) {
        size_t n = sg_html_line(left, &letters, 100);
        assert_true(n > 0 && n <= left.len);
        size_t shown = left.data[n - 1] == ' ' ? n - 1 : n;
        assert_true(sg_html_width((struct sg_slice){left.data, shown}, &letters) <= 100);
        left.data += n;
        left.len -= n;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(every_case), WORLD_TEST(what_it_says),   WORLD_TEST(too_large),
        WORLD_TEST(sections),   cmocka_unit_test(cleaning), cmocka_unit_test(lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
