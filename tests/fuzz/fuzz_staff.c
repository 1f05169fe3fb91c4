/* A list of persons, as a spreadsheet wrote it: every mistake is told with its line, and a list that is right has what
 * a token needs in every row. */
#include <string.h>

#include "fuzz.h"
#include "officer/staff.h"

static void count(void *context, const struct sg_err *err)
{
    size_t *complaints = context;
    must(err->text[0] != '\0');
    (*complaints)++;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_(sg_staff_freep) struct sg_staff *staff = NULL;
    size_t complaints = 0;
    struct sg_err err = {0};
    const struct sg_staff_options options = {
        .file = "staff.csv", .kind = SG_EC_P256, .complain = count, .context = &complaints};
    enum sg_rc rc = sg_staff_read((struct sg_slice){data, size}, &options, &staff, &err);
    must(rc == SG_OK || rc == SG_E_MALFORMED || rc == SG_E_LIMIT);
    must((rc == SG_OK) == (staff != NULL));
    must(rc != SG_OK || complaints == 0);
    for (size_t i = 0; staff && i < staff->count; i++) {
        const struct sg_person *person = &staff->persons[i];
        must(person->name && person->name[0] && person->email && person->subject && person->label[0]);
        must(memchr(person->label, '\0', sizeof(person->label)) != NULL);
    }
    return 0;
}
