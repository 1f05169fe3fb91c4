/* What a run has made, person by person: JSON for programs, CSV for lists. */
#pragma once

#include <jansson.h>

#include "cli/provision_run.h"

/* A row as signet.provision/1 has it. NULL: no memory, or the store cannot be read. */
json_t *sg_report_row(const struct sg_run *run, int64_t row);
/* Writes all rows to a file: CSV where its name ends in ".csv", else JSON (signet.provision-report/1). An existing
 * report is replaced: it is of the same run, and has less. */
SG_MUST_CHECK enum sg_rc sg_report_write(const struct sg_run *run, const char *path, struct sg_err *err);
