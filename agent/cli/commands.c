#include "cli/commands.h"

const struct sg_command *const sg_commands[] = {
    NULL,
};
