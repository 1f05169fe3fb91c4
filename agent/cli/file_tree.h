/* The files that a command was given, and those found in folders. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/input.h"

struct sg_found_file {
    char *path;   /* as named, or FOLDER/... */
    size_t below; /* where in `path` the part below its folder begins; 0: the file was named itself */
    int errnum;   /* not 0: a folder that could not be looked into */
};

struct sg_file_tree {
    struct sg_found_file *files;
    size_t count, room;
    int folder; /* the one that was walked and is open; -1: none */
    char *folder_path;
};

#define SG_FILE_TREE                                                                                                   \
    {                                                                                                                  \
        .folder = -1                                                                                                   \
    }

void sg_file_tree_clear(struct sg_file_tree *tree);

/* Adds a file by its name, whatever it is. */
SG_MUST_CHECK enum sg_rc sg_file_tree_add(struct sg_file_tree *tree, const char *path, struct sg_err *err);
/* Adds, in the order of their names, the regular files below a folder that `wanted` takes by their name, and folders
 * that cannot be read. Links are not followed. */
SG_MUST_CHECK enum sg_rc sg_file_tree_walk(struct sg_file_tree *tree, const char *folder,
                                           bool (*wanted)(const char *name), struct sg_err *err);

/* Opens a file of the tree, or the one beside it that has this name: the path of `file` with an ending added or taken
 * off. What is below a folder is a regular file and does not lead out of it. */
SG_MUST_CHECK enum sg_rc sg_file_tree_open(struct sg_file_tree *tree, const struct sg_found_file *file,
                                           const char *path, struct sg_input **ret, struct sg_err *err);
