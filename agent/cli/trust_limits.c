/* What anchors are added for: purposes and limits, from options, as JSON, and as a line for people. */
#include <string.h>

#include "base/msg.h"
#include "cli/trust.h"
#include "verify/anchor_limits.h"

enum sg_rc sg_trust_purposes(const struct sg_args *args, unsigned *ret, struct sg_err *err)
{
    static const struct {
        const char *text;
        unsigned purposes;
    } known[] = {
        {"sign", SG_PURPOSE_SIGN},
        {"timestamp", SG_PURPOSE_TIMESTAMP},
        {"sign,timestamp", SG_PURPOSES_ALL},
        {"timestamp,sign", SG_PURPOSES_ALL},
    };
    const char *text = sg_args_value(args, "purpose");
    if (!text) {
        *ret = SG_PURPOSES_ALL;
        return SG_OK;
    }
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (strcmp(text, known[i].text) == 0) {
            *ret = known[i].purposes;
            return SG_OK;
        }
    }
    return sg_fail(err, SG_E_USAGE, _("--purpose is sign, timestamp, or both with a comma between them."));
}

/* An option of `trust add`, the word in the store's text, and the member of the JSON form. */
static const struct {
    const char *option, *member;
    bool several;
} words[] = {
    {"not-before", "not_before", false}, {"not-after", "not_after", false}, {"permit", "permit", true},
    {"exclude", "exclude", true},        {"policy", "policies", true},
};

enum sg_rc sg_trust_limits_given(const struct sg_args *args, struct sg_buf *text, struct sg_err *err)
{
    enum sg_rc rc = SG_OK;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        for (size_t k = 0; rc == SG_OK && k < sg_args_count(args, words[i].option); k++)
            rc = sg_anchor_limit_add(words[i].option, sg_args_item(args, words[i].option, k), text, err);
    if (rc == SG_E_MALFORMED) /* it is the command line that is */
        rc = err->rc = SG_E_USAGE;
    return rc;
}

static void add_json(json_t *object, const struct sg_anchor_limit *limit)
{
    json_t *value = json_stringn((const char *)limit->value.data, limit->value.len);
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(words[i].option, limit->word) != 0)
            continue;
        json_t *list = json_object_get(object, words[i].member);
        if (!words[i].several)
            (void)json_object_set(object, words[i].member, value);
        else if (list)
            (void)json_array_append(list, value);
        else
            (void)json_object_set_new(object, words[i].member, json_pack("[O]", value));
    }
    json_decref(value);
}

json_t *sg_trust_limits_json(const char *limits)
{
    struct sg_anchor_limit limit;
    if (!limits || !*limits)
        return json_null();
    json_t *object = json_object();
    while (sg_anchor_limit_next(&limits, &limit))
        add_json(object, &limit);
    return object;
}

enum sg_rc sg_trust_limits_text(const char *limits, char **ret, struct sg_err *err)
{
    char *text = strdup(limits);
    if (!text)
        return sg_fail_memory(err);
    size_t len = strlen(text);
    if (len > 0)
        text[len - 1] = '\0'; /* the last line's end */
    for (char *c = text; *c; c++)
        if (*c == '\n')
            *c = ';';
    *ret = text;
    return SG_OK;
}
