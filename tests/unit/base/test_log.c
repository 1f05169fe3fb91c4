#include "scratch.h"

#include "base/log.h"

struct heard {
    int count;
    enum sg_log_level level;
    char text[4096];
};

static void hear(void *context, enum sg_log_level level, const char *text)
{
    struct heard *heard = context;
    heard->count++;
    heard->level = level;
    (void)snprintf(heard->text, sizeof(heard->text), "%s", text);
}

/* Does the handler get the text and its level, and is a log without one silent? */
static void passes_on(void **state)
{
    (void)state;
    struct heard heard = {0};
    struct sg_log log = {.handler = hear, .context = &heard}, silent = {0};
    sg_log(&log, SG_LOG_WARNING, "%s is %d", "it", 7);
    assert_int_equal(heard.count, 1);
    assert_int_equal(heard.level, SG_LOG_WARNING);
    assert_string_equal(heard.text, "it is 7");
    sg_log(&silent, SG_LOG_INFO, "%s", "x");
    sg_log(NULL, SG_LOG_INFO, "%s", "x");
    assert_int_equal(heard.count, 1);
}

/* Is a text without end cut, between two characters? */
static void cuts(void **state)
{
    (void)state;
    struct heard heard = {0};
    struct sg_log log = {.handler = hear, .context = &heard};
    char text[4000];
    for (size_t i = 0; i + 2 < sizeof(text); i += 2)
        memcpy(text + i, "ä", 3);
    sg_log(&log, SG_LOG_DEBUG, "%s", text);
    assert_int_equal(strlen(heard.text) % 2, 0);
    assert_true(strlen(heard.text) > 500);
    assert_memory_equal(heard.text, text, strlen(heard.text));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(passes_on), cmocka_unit_test(cuts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
