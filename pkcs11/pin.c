#include "pkcs11/pin.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <termios.h>

#include "base/limits.h"
#include "base/msg.h"

/* Reads up to a newline, a byte at a time and straight into the secure heap. `on_interrupt`: a signal ends it. */
static enum sg_rc read_line(int fd, bool on_interrupt, struct sg_secret *pin, struct sg_err *err)
{
    for (;;) {
        uint8_t *byte = pin->bytes + pin->len;
        ssize_t got = read(fd, byte, 1);
        if (got < 0 && errno == EINTR && !on_interrupt)
            continue;
        if (got < 0 && errno == EINTR)
            return sg_fail(err, SG_E_CANCELLED, "%s", _("The PIN was not given; nothing was done."));
        if (got < 0)
            return sg_fail_errno(err, SG_E_PIN_REQUIRED, errno, "%s", _("The PIN cannot be read."));
        if (got == 0 || *byte == '\n')
            break;
        if (pin->len >= SG_MAX_PIN)
            return sg_fail(err, SG_E_PIN_REQUIRED, _("The PIN is longer than %d bytes."), SG_MAX_PIN);
        pin->len++;
    }
    /* A file written on another system may end its line with CR LF. */
    if (pin->len > 0 && pin->bytes[pin->len - 1] == '\r')
        pin->len--;
    if (pin->len == 0)
        return sg_fail(err, SG_E_PIN_REQUIRED, "%s", _("No PIN was given."));
    return SG_OK;
}

enum sg_rc sg_pin_from_fd(int fd, struct sg_secret **ret, struct sg_err *err)
{
    _cleanup_(sg_secret_freep) struct sg_secret *pin = NULL;
    enum sg_rc rc = sg_secret_new(SG_MAX_PIN + 1, &pin, err);
    if (rc == SG_OK)
        rc = read_line(fd, false, pin, err);
    if (rc == SG_OK)
        *ret = sg_steal(pin);
    return rc;
}

static bool write_all(int fd, const char *text)
{
    size_t len = strlen(text);
    while (len > 0) {
        ssize_t written = write(fd, text, len);
        if (written <= 0)
            return false;
        text += written;
        len -= (size_t)written;
    }
    return true;
}

enum sg_rc sg_pin_from_terminal(const char *prompt, struct sg_secret **ret, struct sg_err *err)
{
    _cleanup_(closep) int tty = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
    struct termios before;
    if (tty < 0 || tcgetattr(tty, &before) < 0)
        return sg_fail(err, SG_E_PIN_REQUIRED, "%s",
                       _("The token wants its PIN, and there is no terminal to ask on; give it with --pin-fd."));
    _cleanup_(sg_secret_freep) struct sg_secret *pin = NULL;
    enum sg_rc rc = sg_secret_new(SG_MAX_PIN + 1, &pin, err);
    if (rc != SG_OK)
        return rc;

    struct termios quiet = before;
    quiet.c_lflag &= (tcflag_t) ~(ECHO | ECHOE | ECHOK | ECHONL);
    quiet.c_lflag |= ICANON | ISIG;
    quiet.c_cc[VSUSP] = _POSIX_VDISABLE; /* stopping the program here would leave the terminal without echo */
    if (tcsetattr(tty, TCSAFLUSH, &quiet) < 0)
        return sg_fail_errno(err, SG_E_PIN_REQUIRED, errno, "%s", _("The terminal's echo cannot be switched off."));
    rc = write_all(tty, prompt) ? read_line(tty, true, pin, err)
                                : sg_fail(err, SG_E_CANCELLED, "%s", _("The terminal is gone; nothing was done."));
    while (tcsetattr(tty, TCSAFLUSH, &before) < 0 && errno == EINTR)
        ;
    (void)write_all(tty, "\n");
    if (rc == SG_OK)
        *ret = sg_steal(pin);
    return rc;
}
