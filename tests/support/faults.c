#include "faults.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct {
    struct fault fault;
    unsigned count;
    bool hit;
    bool no_tmpfile;
} faults;

void faults_arm(struct fault fault)
{
    faults.fault = fault;
    faults.count = 0;
    faults.hit = false;
}

bool faults_disarm(void)
{
    faults.fault.calls = 0;
    return faults.hit;
}

void faults_tmpfile(bool known)
{
    faults.no_tmpfile = !known;
}

bool fault_now(enum fault_call call)
{
    if ((faults.fault.calls & (unsigned)call) == 0)
        return false;
    faults.count++;
    if (faults.count != faults.fault.nth && !(faults.fault.lasting && faults.count > faults.fault.nth))
        return false;
    faults.hit = true;
    errno = faults.fault.errnum;
    return true;
}

/* What --wrap=NAME makes of a call of NAME, and what it leaves for us to call it by. */
#define WRAP(type, name, ...)                                                                                          \
    type __wrap_##name(__VA_ARGS__);                                                                                   \
    type __real_##name(__VA_ARGS__);                                                                                   \
    type __wrap_##name(__VA_ARGS__)

WRAP(void *, malloc, size_t size)
{
    return fault_now(FAULT_ALLOC) ? NULL : __real_malloc(size);
}

WRAP(void *, calloc, size_t count, size_t size)
{
    return fault_now(FAULT_ALLOC) ? NULL : __real_calloc(count, size);
}

WRAP(void *, realloc, void *old, size_t size)
{
    return fault_now(FAULT_ALLOC) ? NULL : __real_realloc(old, size);
}

WRAP(char *, strdup, const char *text)
{
    return fault_now(FAULT_ALLOC) ? NULL : __real_strdup(text);
}

WRAP(char *, strndup, const char *text, size_t len)
{
    return fault_now(FAULT_ALLOC) ? NULL : __real_strndup(text, len);
}

int __wrap_asprintf(char **ret, const char *format, ...) __attribute__((format(printf, 2, 3)));
int __wrap_asprintf(char **ret, const char *format, ...)
{
    va_list arguments;

    if (fault_now(FAULT_ALLOC))
        return -1;
    va_start(arguments, format);
    int len = vasprintf(ret, format, arguments);
    va_end(arguments);
    return len;
}

int __wrap_open(const char *path, int flags, ...);
int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
    va_list arguments;
    mode_t mode = 0;

    if (fault_now(FAULT_OPEN))
        return -1;
    if ((flags & O_TMPFILE) == O_TMPFILE && faults.no_tmpfile) {
        errno = EOPNOTSUPP;
        return -1;
    }
    if ((flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE) {
        va_start(arguments, flags);
        mode = va_arg(arguments, mode_t);
        va_end(arguments);
    }
    return __real_open(path, flags, mode);
}

WRAP(ssize_t, read, int fd, void *out, size_t len)
{
    return fault_now(FAULT_READ) ? -1 : __real_read(fd, out, len);
}

WRAP(ssize_t, pread, int fd, void *out, size_t len, off_t offset)
{
    return fault_now(FAULT_READ) ? -1 : __real_pread(fd, out, len, offset);
}

/* How much of `len` is to be written; 0: none, it fails. */
static size_t write_part(size_t len)
{
    if (!fault_now(FAULT_WRITE))
        return len;
    return errno == 0 ? (len + 1) / 2 : 0;
}

WRAP(ssize_t, write, int fd, const void *data, size_t len)
{
    size_t part = write_part(len);

    return part == 0 && len > 0 ? -1 : __real_write(fd, data, part);
}

WRAP(ssize_t, pwrite, int fd, const void *data, size_t len, off_t offset)
{
    size_t part = write_part(len);

    return part == 0 && len > 0 ? -1 : __real_pwrite(fd, data, part, offset);
}

WRAP(int, ftruncate, int fd, off_t len)
{
    return fault_now(FAULT_TRUNCATE) ? -1 : __real_ftruncate(fd, len);
}

WRAP(int, fsync, int fd)
{
    return fault_now(FAULT_FSYNC) ? -1 : __real_fsync(fd);
}

WRAP(int, syncfs, int fd)
{
    return fault_now(FAULT_FSYNC) ? -1 : __real_syncfs(fd);
}

WRAP(int, link, const char *old, const char *new)
{
    return fault_now(FAULT_LINK) ? -1 : __real_link(old, new);
}

WRAP(int, linkat, int old_folder, const char *old, int new_folder, const char *new, int flags)
{
    return fault_now(FAULT_LINK) ? -1 : __real_linkat(old_folder, old, new_folder, new, flags);
}

WRAP(int, rename, const char *old, const char *new)
{
    return fault_now(FAULT_RENAME) ? -1 : __real_rename(old, new);
}

WRAP(int, renameat2, int old_folder, const char *old, int new_folder, const char *new, unsigned flags)
{
    return fault_now(FAULT_RENAME) ? -1 : __real_renameat2(old_folder, old, new_folder, new, flags);
}

WRAP(int, mkdir, const char *path, mode_t mode)
{
    return fault_now(FAULT_MKDIR) ? -1 : __real_mkdir(path, mode);
}
