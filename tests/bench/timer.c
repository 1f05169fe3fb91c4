/* Runs a command and writes "SECONDS PEAK-KIB" to a file: wall time and the peak resident memory of that process.
 *
 *     timer OUT COMMAND [ARGUMENT...]
 *
 * Ends as the command did, so that a failed run is not taken for a fast one. */
#include <spawn.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    struct rusage usage;
    double started = now(), seconds;
    FILE *out;
    pid_t child;
    int status;

    if (argc < 3 || posix_spawnp(&child, argv[2], NULL, NULL, argv + 2, environ) != 0 ||
        wait4(child, &status, 0, &usage) != child)
        return 127;
    seconds = now() - started;
    out = fopen(argv[1], "w");
    if (out == NULL || fprintf(out, "%.6f %ld\n", seconds, usage.ru_maxrss) < 0 || fclose(out) != 0)
        return 127;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
