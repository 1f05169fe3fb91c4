#include "cli/verify_summary.h"

#include "base/msg.h"
#include "verify/report_words.h"

/* The worst first. */
static void list_files(const struct sg_voice *voice, const struct sg_file_tree *files, const uint8_t *answers)
{
    static const uint8_t order[] = {SG_FILE_NOT_VALID, SG_FILE_NOT_JUDGED, SG_FILE_CANNOT_TELL};

    for (size_t i = 0; i < sizeof(order); i++)
        for (size_t k = 0; k < files->count; k++)
            if (answers[k] == order[i])
                sg_say(voice, "  %-13s%s", sg_file_answer_word(order[i]), files->files[k].path);
}

void sg_verify_summary(const struct sg_voice *voice, const struct sg_file_tree *files, const uint8_t *answers)
{
    size_t counts[SG_FILE_ANSWERS] = {0};

    if (voice->json || voice->quiet)
        return;
    for (size_t i = 0; i < files->count; i++)
        counts[answers[i]]++;
    sg_say_text(voice, "\n");
    sg_say(voice, _("%zu files:"), files->count);
    for (unsigned i = 0; i < SG_FILE_ANSWERS; i++)
        sg_say(voice, "  %-13s%8zu", sg_file_answer_word(i), counts[i]);
    if (counts[SG_FILE_VALID] < files->count)
        sg_say(voice, "%s", _("Those that are not valid:"));
    list_files(voice, files, answers);
}
