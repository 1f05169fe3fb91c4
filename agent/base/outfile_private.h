/* What writing a file (outfile.c) and making it final (outfile_commit.c) share. */
#pragma once

#include "base/outfile.h"

struct sg_outfile {
    char *path;   /* as given */
    char *folder; /* of `path`; NULL for stdout */
    char *hidden; /* a temporary name that the file has, or NULL */
    char *former; /* a temporary name of the file that this one replaced, or NULL */
    char replaces[SG_FILE_IDENTITY];
    int fd;
    unsigned flags;
    bool synced;        /* its bytes are on disk */
    bool named;         /* `path` is this file */
    bool replaced;      /* and was another before */
    struct sg_buf tail; /* the last bytes, not yet handed to the kernel */
    uint64_t flushed;   /* how many are before them */
};

/* A free name in the folder: "FOLDER/.signet-0123456789abcdef". */
SG_MUST_CHECK enum sg_rc sg_outfile_hidden_name(const char *folder, char **ret, struct sg_err *err);
/* Fills `err`: the name is taken. */
enum sg_rc sg_outfile_exists(const struct sg_outfile *out, struct sg_err *err);
/* Brings the folder's names to disk. */
SG_MUST_CHECK enum sg_rc sg_folder_sync(const char *folder, struct sg_err *err);
