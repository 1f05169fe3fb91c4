#include "pkcs11/interlock.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "base/limits.h"
#include "base/msg.h"

#define POLL_MS 2

/* --- the name ----------------------------------------------------------------------------------------------------- */

/* Appends it as a file's name can have it. */
static void add_field(char out[SG_INTERLOCK_NAME], const char *before, struct sg_slice field)
{
    static const char digits[] = "0123456789abcdef";
    size_t used = strlen(out);

    for (; *before && used + 1 < SG_INTERLOCK_NAME; before++)
        out[used++] = *before;
    for (size_t i = 0; i < field.len && used + 4 <= SG_INTERLOCK_NAME; i++) {
        uint8_t c = field.data[i];
        bool plain = c < 0x80 && (isalnum(c) || c == '-');
        if (!plain)
            out[used++] = '%';
        if (!plain)
            out[used++] = digits[c >> 4];
        out[used++] = plain ? (char)c : digits[c & 15];
    }
    out[used] = '\0';
}

/* Without what PKCS#11 has padded it with, and some modules instead. */
static struct sg_slice trimmed(struct sg_slice field)
{
    while (field.len > 0 && (field.data[field.len - 1] == ' ' || field.data[field.len - 1] == '\0'))
        field.len--;
    return field;
}

void sg_interlock_name(struct sg_slice serial, struct sg_slice label, unsigned long slot, enum sg_pin_role role,
                       char out[SG_INTERLOCK_NAME])
{
    char where[32] = "";

    out[0] = '\0';
    if (trimmed(serial).len > 0) {
        add_field(out, "serial=", trimmed(serial));
    } else {
        add_field(out, "label=", trimmed(label));
        (void)snprintf(where, sizeof where, ",slot=%lu", slot);
    }
    add_field(out, where, (struct sg_slice){NULL, 0});
    add_field(out, role == SG_PIN_SO ? ".so" : ".user", (struct sg_slice){NULL, 0});
}

/* --- what is in it: one line of fixed length, so that writing it anew leaves nothing of the old one --------------- */

#define RECORD "refused %010u cleared %010u at %020" PRId64 " by %010ld\n"
#define RECORD_SCAN "refused %10u cleared %10u at %20" SCNd64 " by %10ld\n"
#define RECORD_LEN 76

static enum sg_rc write_record(const struct sg_interlock *lock, const struct sg_interlock_record *record,
                               struct sg_err *err)
{
    char line[2 * RECORD_LEN];

    (void)snprintf(line, sizeof line, RECORD, record->refused, record->cleared, record->when, record->pid);
    ssize_t written = pwrite(lock->fd, line, RECORD_LEN, 0);
    if (written == RECORD_LEN)
        return SG_OK;
    return sg_fail_errno(err, SG_E_IO, written < 0 ? errno : ENOSPC, "%s",
                         _("The record of wrong PINs cannot be written, so that no PIN is sent."));
}

static enum sg_rc read_record(int fd, struct sg_interlock_record *ret, struct sg_err *err)
{
    struct sg_interlock_record record = {0};
    char line[RECORD_LEN + 2];
    ssize_t got = pread(fd, line, sizeof line - 1, 0);

    if (got < 0)
        return sg_fail_errno(err, SG_E_IO, errno, "%s", _("The record of wrong PINs cannot be read."));
    line[got] = '\0';
    if (got > 0 && (got != RECORD_LEN ||
                    sscanf(line, RECORD_SCAN, &record.refused, &record.cleared, &record.when, &record.pid) != 4))
        record = (struct sg_interlock_record){.refused = 1};
    *ret = record;
    return SG_OK;
}

/* --- the folder and the file -------------------------------------------------------------------------------------- */

static enum sg_rc fail_folder(const char *folder, const char *text, struct sg_err *err)
{
    return sg_about(folder, err, sg_fail_errno(err, SG_E_CANNOT_CREATE, errno, "%s", text));
}

/* In a folder that others may write to (/tmp), somebody may have made it before us: it is ours alone, or not used. */
static enum sg_rc open_folder(const char *folder, int *ret, struct sg_err *err)
{
    struct stat st;

    if (mkdir(folder, 0700) < 0 && errno != EEXIST)
        return fail_folder(folder, _("The folder for the record of wrong PINs cannot be made."), err);
    _cleanup_(closep) int fd = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0)
        return fail_folder(folder, _("The folder for the record of wrong PINs cannot be opened."), err);
    if (st.st_uid != geteuid() || (st.st_mode & 077) != 0) {
        errno = 0;
        return fail_folder(folder,
                           _("The folder for the record of wrong PINs is not yours alone, so that no PIN is sent; have "
                             "it removed."),
                           err);
    }
    *ret = sg_steal_fd(&fd);
    return SG_OK;
}

/* `flags`: O_CREAT or 0. Not there: SG_OK, and *ret is -1. */
static enum sg_rc open_file(const char *folder, const char *name, int flags, int *ret, struct sg_err *err)
{
    struct stat st;
    _cleanup_(closep) int folder_fd = -1;
    enum sg_rc rc = open_folder(folder, &folder_fd, err);

    if (rc != SG_OK)
        return rc;
    _cleanup_(closep) int fd =
        openat(folder_fd, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | flags, (mode_t)0600);
    bool absent = fd < 0 && errno == ENOENT && !(flags & O_CREAT);
    if (!absent && (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)))
        return fail_folder(folder, _("The record of wrong PINs cannot be opened, so that no PIN is sent."), err);
    *ret = sg_steal_fd(&fd);
    return SG_OK;
}

static enum sg_rc lock_file(int fd, struct sg_err *err)
{
    const struct timespec pause = {.tv_nsec = POLL_MS * 1000000L};

    for (int waited = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; waited += POLL_MS) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return sg_fail_errno(err, SG_E_IO, errno, "%s", _("The record of wrong PINs cannot be locked."));
        if (waited >= SG_INTERLOCK_WAIT * 1000)
            return sg_fail(err, SG_E_BUSY, "%s",
                           _("Another program is giving the token a PIN and does not come to an end; try again when it "
                             "has."));
        if (nanosleep(&pause, NULL) < 0)
            return sg_fail(err, SG_E_CANCELLED, "%s", _("Stopped by a signal; no PIN was sent."));
    }
    return SG_OK;
}

/* Somebody may remove the file between our opening and our locking it: then it is not the one that others lock. */
static enum sg_rc take(const char *folder, const char *name, int flags, struct sg_interlock *ret, struct sg_err *err)
{
    struct sg_interlock lock = {.fd = -1};
    struct stat st = {0};

    while (st.st_nlink == 0) {
        _cleanup_(closep) int fd = -1;
        enum sg_rc rc = open_file(folder, name, flags, &fd, err);
        if (rc == SG_OK && fd < 0)
            break;
        if (rc == SG_OK)
            rc = lock_file(fd, err);
        if (rc == SG_OK && fstat(fd, &st) < 0)
            rc = sg_fail_errno(err, SG_E_IO, errno, "%s", _("The record of wrong PINs cannot be read."));
        if (rc == SG_OK)
            rc = read_record(fd, &lock.record, err);
        if (rc != SG_OK)
            return rc;
        if (st.st_nlink > 0)
            lock.fd = sg_steal_fd(&fd);
    }
    *ret = lock;
    return SG_OK;
}

enum sg_rc sg_interlock_take(const char *folder, const char *name, struct sg_interlock *ret, struct sg_err *err)
{
    return take(folder, name, O_CREAT, ret, err);
}

void sg_interlock_release(struct sg_interlock *lock)
{
    closep(&lock->fd); /* which unlocks */
}

/* --- what happens to it ------------------------------------------------------------------------------------------- */

enum sg_rc sg_interlock_mark(struct sg_interlock *lock, struct sg_err *err)
{
    struct sg_interlock_record marked = {.refused = lock->record.refused + 1,
                                         .cleared = lock->record.cleared,
                                         .when = (int64_t)time(NULL),
                                         .pid = (long)getpid()};
    enum sg_rc rc = write_record(lock, &marked, err);

    if (rc != SG_OK)
        return rc;
    lock->before = lock->record;
    lock->record = marked;
    lock->marked = true;
    return SG_OK;
}

/* What cannot be written here stays marked: too careful, not too little. */
static void replace(struct sg_interlock *lock, const struct sg_interlock_record *record)
{
    if (write_record(lock, record, NULL) == SG_OK)
        lock->record = *record;
    lock->marked = false;
}

void sg_interlock_take_back(struct sg_interlock *lock)
{
    replace(lock, &lock->before);
}

void sg_interlock_clear(struct sg_interlock *lock)
{
    struct sg_interlock_record clear = lock->marked ? lock->before : lock->record;

    clear.cleared = clear.refused;
    replace(lock, &clear);
}

enum sg_rc sg_interlock_clear_named(const char *folder, const char *name, struct sg_err *err)
{
    struct sg_interlock lock = {.fd = -1};
    enum sg_rc rc = take(folder, name, 0, &lock, err);

    if (rc == SG_OK && lock.fd >= 0) {
        sg_interlock_clear(&lock);
        if (sg_interlock_is_set(&lock))
            rc = sg_fail(err, SG_E_IO, "%s", _("The record of wrong PINs cannot be written."));
    }
    sg_interlock_release(&lock);
    return rc;
}
