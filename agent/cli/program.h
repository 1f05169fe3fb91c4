/* What a program of ours does between its start and its end, whichever commands it has. */
#pragma once

#include "cli/options.h"

/* Reads the command line by `commands` (ended by NULL) and runs the command it names. Returns the exit status; does not
 * return if a signal came meanwhile. `argv` is permuted: options first. */
int sg_program_main(const struct sg_command *const *commands, int argc, char **argv);
