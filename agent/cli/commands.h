/* The table of commands: one file a command. */
#pragma once

#include "cli/options.h"

extern const struct sg_command *const sg_commands[]; /* ended by NULL */
