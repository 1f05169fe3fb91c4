/* A VFS in front of SQLite's own, and an allocator in front of its own: each asks whether it is time to fail. */
#include "faults_sqlite.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include "faults.h"

/* A file of ours is followed by the one that it stands in front of. */
struct file {
    sqlite3_file base;
    sqlite3_file *real;
};

static struct {
    sqlite3_vfs *real;
    sqlite3_vfs vfs;
    sqlite3_mem_methods memory;
} ours;

static sqlite3_file *real(sqlite3_file *file)
{
    return ((struct file *)file)->real;
}

/* SQLite's code for a failing call, 0 if it does not fail. */
static int fails(int code)
{
    if (!fault_now(FAULT_SQLITE))
        return SQLITE_OK;
    return errno == ENOSPC ? SQLITE_FULL : code;
}

static int file_close(sqlite3_file *file)
{
    return real(file)->pMethods->xClose(real(file));
}

static int file_read(sqlite3_file *file, void *out, int len, sqlite3_int64 offset)
{
    int code = fault_now(FAULT_SQLITE) ? SQLITE_IOERR_READ : SQLITE_OK;

    return code != SQLITE_OK ? code : real(file)->pMethods->xRead(real(file), out, len, offset);
}

/* Writes half of it before it fails, as a disk that fills up does. */
static int file_write(sqlite3_file *file, const void *data, int len, sqlite3_int64 offset)
{
    int code = fails(SQLITE_IOERR_WRITE);

    if (code == SQLITE_OK)
        return real(file)->pMethods->xWrite(real(file), data, len, offset);
    (void)real(file)->pMethods->xWrite(real(file), data, len / 2, offset);
    return code;
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 len)
{
    int code = fails(SQLITE_IOERR_TRUNCATE);

    return code != SQLITE_OK ? code : real(file)->pMethods->xTruncate(real(file), len);
}

static int file_sync(sqlite3_file *file, int flags)
{
    int code = fails(SQLITE_IOERR_FSYNC);

    return code != SQLITE_OK ? code : real(file)->pMethods->xSync(real(file), flags);
}

static int file_size(sqlite3_file *file, sqlite3_int64 *ret)
{
    return real(file)->pMethods->xFileSize(real(file), ret);
}

static int file_lock(sqlite3_file *file, int level)
{
    return real(file)->pMethods->xLock(real(file), level);
}

static int file_unlock(sqlite3_file *file, int level)
{
    return real(file)->pMethods->xUnlock(real(file), level);
}

static int file_check_lock(sqlite3_file *file, int *ret)
{
    return real(file)->pMethods->xCheckReservedLock(real(file), ret);
}

static int file_control(sqlite3_file *file, int operation, void *argument)
{
    return real(file)->pMethods->xFileControl(real(file), operation, argument);
}

static int file_sector(sqlite3_file *file)
{
    return real(file)->pMethods->xSectorSize(real(file));
}

static int file_device(sqlite3_file *file)
{
    return real(file)->pMethods->xDeviceCharacteristics(real(file));
}

static int file_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **ret)
{
    int code = fails(SQLITE_IOERR_SHMMAP);

    return code != SQLITE_OK ? code : real(file)->pMethods->xShmMap(real(file), page, size, extend, ret);
}

static int file_shm_lock(sqlite3_file *file, int offset, int count, int flags)
{
    return real(file)->pMethods->xShmLock(real(file), offset, count, flags);
}

static void file_shm_barrier(sqlite3_file *file)
{
    real(file)->pMethods->xShmBarrier(real(file));
}

static int file_shm_unmap(sqlite3_file *file, int delete)
{
    return real(file)->pMethods->xShmUnmap(real(file), delete);
}

static const sqlite3_io_methods METHODS = {
    .iVersion = 2,
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_unlock,
    .xCheckReservedLock = file_check_lock,
    .xFileControl = file_control,
    .xSectorSize = file_sector,
    .xDeviceCharacteristics = file_device,
    .xShmMap = file_shm_map,
    .xShmLock = file_shm_lock,
    .xShmBarrier = file_shm_barrier,
    .xShmUnmap = file_shm_unmap,
};

static int vfs_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *ret_flags)
{
    struct file *own = (struct file *)file;

    (void)vfs;
    own->base.pMethods = NULL;
    own->real = (sqlite3_file *)(own + 1);
    if (fault_now(FAULT_SQLITE))
        return SQLITE_CANTOPEN;
    int code = ours.real->xOpen(ours.real, name, own->real, flags, ret_flags);
    if (own->real->pMethods)
        own->base.pMethods = &METHODS;
    return code;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *name, int sync_folder)
{
    int code = fails(SQLITE_IOERR_DELETE);

    (void)vfs;
    return code != SQLITE_OK ? code : ours.real->xDelete(ours.real, name, sync_folder);
}

static void *memory_new(int size)
{
    return fault_now(FAULT_SQLITE_ALLOC) ? NULL : ours.memory.xMalloc(size);
}

static void *memory_resize(void *old, int size)
{
    return fault_now(FAULT_SQLITE_ALLOC) ? NULL : ours.memory.xRealloc(old, size);
}

void faults_sqlite_install(void)
{
    if (sqlite3_config(SQLITE_CONFIG_GETMALLOC, &ours.memory) != SQLITE_OK)
        abort();
    sqlite3_mem_methods memory = ours.memory;
    memory.xMalloc = memory_new;
    memory.xRealloc = memory_resize;
    if (sqlite3_config(SQLITE_CONFIG_MALLOC, &memory) != SQLITE_OK || sqlite3_initialize() != SQLITE_OK)
        abort();

    ours.real = sqlite3_vfs_find(NULL);
    ours.vfs = *ours.real; /* the rest is its own, and takes its own pAppData */
    ours.vfs.zName = "faults";
    ours.vfs.szOsFile = (int)sizeof(struct file) + ours.real->szOsFile;
    ours.vfs.xOpen = vfs_open;
    ours.vfs.xDelete = vfs_delete;
    if (sqlite3_vfs_register(&ours.vfs, 1) != SQLITE_OK)
        abort();
}
