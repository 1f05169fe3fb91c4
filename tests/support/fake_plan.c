/* fake_plan FILE [only=FUNCTION] [at=N] [deed=NAME|rv=CODE] [absent=1]: tells the fake module of which FAKE_CONTROL
 * names FILE what to do from now on; what it holds stays. `fake_plan FILE show` prints where it did that, and its
 * process. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fake_module.h"

static const char *const deeds[] = {[FAKE_FAILS] = "fails", [FAKE_SEGFAULTS] = "segfaults", [FAKE_ABORTS] = "aborts",
                                    [FAKE_EXITS] = "exits", [FAKE_HANGS] = "hangs",         [FAKE_GARBLES] = "garbles"};

static int set(struct fake_control *control, const char *name, const char *value)
{
    if (strcmp(name, "only") == 0) {
        (void)snprintf(control->only, sizeof control->only, "%s", value);
        return 0;
    }
    for (size_t i = 0; strcmp(name, "deed") == 0 && i < sizeof deeds / sizeof *deeds; i++) {
        if (strcmp(value, deeds[i]) != 0)
            continue;
        control->deed = (enum fake_deed)i;
        return 0;
    }
    unsigned long number = strtoul(value, NULL, 0);
    if (strcmp(name, "at") == 0)
        control->fail_at = (unsigned)number;
    else if (strcmp(name, "rv") == 0)
        control->fail_with = number;
    else if (strcmp(name, "absent") == 0)
        control->absent = number != 0;
    else
        return 64;
    return 0;
}

int main(int argc, char **argv)
{
    int fd = argc > 1 ? open(argv[1], O_RDWR | O_CREAT, 0600) : -1;
    if (fd < 0 || ftruncate(fd, sizeof(struct fake_control)) < 0)
        return 74;
    struct fake_control *control = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (control == MAP_FAILED)
        return 74;
    if (argc == 3 && strcmp(argv[2], "show") == 0)
        return printf("%s %d\n", control->where, control->pid) > 0 ? 0 : 74;
    control->lists_raw = control->serves_raw = true;
    control->deed = FAKE_FAILS;
    control->fail_at = control->calls = 0;
    control->only[0] = control->where[0] = '\0';
    control->absent = false;
    for (int i = 2; i < argc; i++) {
        char *value = strchr(argv[i], '=');
        if (!value)
            return 64;
        *value = '\0';
        if (set(control, argv[i], value + 1) != 0)
            return 64;
    }
    return 0;
}
