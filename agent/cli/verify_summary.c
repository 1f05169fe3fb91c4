#include "cli/verify_summary.h"

#include "base/msg.h"

#define OUTCOMES (SG_OUTCOME_NOT_JUDGED + 1)

static const char *word_of(unsigned outcome)
{
    switch (outcome) {
    case SG_OUTCOME_VALID:
        return _("VALID");
    case SG_OUTCOME_NOT_VALID:
        return _("NOT VALID");
    case SG_OUTCOME_CANNOT_TELL:
        return _("CANNOT TELL");
    default:
        return _("not judged");
    }
}

/* The worst first. */
static void list_files(const struct sg_voice *voice, const struct sg_file_tree *files, const uint8_t *outcomes)
{
    static const uint8_t order[] = {SG_OUTCOME_NOT_VALID, SG_OUTCOME_NOT_JUDGED, SG_OUTCOME_CANNOT_TELL};

    for (size_t i = 0; i < sizeof(order); i++)
        for (size_t k = 0; k < files->count; k++)
            if (outcomes[k] == order[i])
                sg_say(voice, "  %-13s%s", word_of(order[i]), files->files[k].path);
}

void sg_verify_summary(const struct sg_voice *voice, const struct sg_file_tree *files, const uint8_t *outcomes)
{
    size_t counts[OUTCOMES] = {0};

    if (voice->json || voice->quiet)
        return;
    for (size_t i = 0; i < files->count; i++)
        counts[outcomes[i]]++;
    sg_say_text(voice, "\n");
    sg_say(voice, _("%zu files:"), files->count);
    for (unsigned i = 0; i < OUTCOMES; i++)
        sg_say(voice, "  %-13s%8zu", word_of(i), counts[i]);
    if (counts[SG_OUTCOME_VALID] < files->count)
        sg_say(voice, "%s", _("Those that are not valid:"));
    list_files(voice, files, outcomes);
}
