/* A folder of a test's own: made by its setup, gone with all that is in it after its teardown. */
#pragma once

#include <dirent.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/err.h"

struct scratch {
    char folder[64];
    char path[512];
};

static inline int scratch_make(void **state)
{
    struct scratch *scratch = calloc(1, sizeof(*scratch));
    *state = scratch;
    if (!scratch)
        return -1;
    (void)snprintf(scratch->folder, sizeof(scratch->folder), "/tmp/signet-test-XXXXXX");
    return mkdtemp(scratch->folder) ? 0 : -1;
}

static inline int scratch_remove_one(const char *path, const struct stat *st, int kind, struct FTW *walk)
{
    (void)st;
    (void)kind;
    (void)walk;
    return remove(path);
}

static inline int scratch_remove(void **state)
{
    struct scratch *scratch = *state;
    int answer = nftw(scratch->folder, scratch_remove_one, 8, FTW_DEPTH | FTW_PHYS);
    free(scratch);
    return answer;
}

/* FOLDER/name; the next call overwrites it. */
static inline const char *scratch_path(struct scratch *scratch, const char *name)
{
    (void)snprintf(scratch->path, sizeof(scratch->path), "%s/%s", scratch->folder, name);
    return scratch->path;
}

static inline void scratch_write(struct scratch *scratch, const char *name, const void *data, size_t len)
{
    _cleanup_(fclosep) FILE *file = fopen(scratch_path(scratch, name), "we");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, len, file), len);
}

/* The whole of a small file, with a NUL behind it. */
static inline void scratch_read(struct scratch *scratch, const char *name, char *out, size_t size)
{
    _cleanup_(fclosep) FILE *file = fopen(scratch_path(scratch, name), "re");
    assert_non_null(file);
    out[fread(out, 1, size - 1, file)] = '\0';
}

/* How many files and folders are in the folder itself. */
static inline int scratch_count(const struct scratch *scratch)
{
    DIR *folder = opendir(scratch->folder);
    int count = 0;
    assert_non_null(folder);
    for (const struct dirent *entry; (entry = readdir(folder));)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            count++;
    (void)closedir(folder);
    return count;
}

#define assert_ok(call)                                                                                                \
    do {                                                                                                               \
        enum sg_rc rc_ = (call);                                                                                       \
        if (rc_ != SG_OK)                                                                                              \
            print_message("%s: %s\n", #call, sg_rc_word(rc_));                                                         \
        assert_int_equal(rc_, SG_OK);                                                                                  \
    } while (0)
