#include "cli/commands.h"
#include "cli/program.h"

int main(int argc, char **argv)
{
    return sg_program_main(sg_commands, argc, argv);
}
