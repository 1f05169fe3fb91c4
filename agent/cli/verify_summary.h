/* What `verify` says at the end of many files. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "cli/file_tree.h"
#include "cli/output.h"

/* A table of how many files came out how, and the names of those that are not valid. `answers`: enum sg_file_answer,
 * one a file. */
void sg_verify_summary(const struct sg_voice *voice, const struct sg_file_tree *files, const uint8_t *answers);
