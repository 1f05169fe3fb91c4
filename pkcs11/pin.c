#include "pkcs11/pin.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <termios.h>

#include "base/limits.h"
#include "base/msg.h"

/* Reads up to a newline, a byte at a time and straight into the secure heap. With `signals`, those that come while
 * waiting, and are not blocked there, end it. */
static enum sg_rc read_line(int fd, const sigset_t *signals, struct sg_secret *pin, struct sg_err *err)
{
    for (;;) {
        struct pollfd input = {.fd = fd, .events = POLLIN};
        if (signals && ppoll(&input, 1, NULL, signals) < 0)
            return sg_fail(err, SG_E_CANCELLED, "%s", _("The PIN was not given; nothing was done."));
        uint8_t *byte = pin->bytes + pin->len;
        ssize_t got = read(fd, byte, 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return sg_fail_errno(err, SG_E_PIN_REQUIRED, errno, "%s", _("The PIN cannot be read."));
        if (got == 0 || *byte == '\n')
            break;
        if (*byte == '\0') /* a module may take what is before it for the PIN, and count a wrong try */
            return sg_fail(err, SG_E_PIN_REQUIRED, "%s", _("The PIN has a NUL byte in it; give it as plain text."));
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
        rc = read_line(fd, NULL, pin, err);
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

/* Asks with the echo off, and puts the terminal back. */
static enum sg_rc ask(int tty, const struct termios *before, const char *prompt, const sigset_t *unblocked,
                      struct sg_secret *pin, struct sg_err *err)
{
    struct termios quiet = *before;
    quiet.c_lflag &= (tcflag_t) ~(ECHO | ECHOE | ECHOK | ECHONL);
    quiet.c_lflag |= ICANON | ISIG;
    quiet.c_cc[VSUSP] = _POSIX_VDISABLE; /* stopping the program here would leave the terminal without echo */
    if (tcsetattr(tty, TCSAFLUSH, &quiet) < 0)
        return sg_fail_errno(err, SG_E_PIN_REQUIRED, errno, "%s", _("The terminal's echo cannot be switched off."));
    enum sg_rc rc = write_all(tty, prompt)
                        ? read_line(tty, unblocked, pin, err)
                        : sg_fail(err, SG_E_CANCELLED, "%s", _("The terminal is gone; nothing was done."));
    (void)tcsetattr(tty, TCSAFLUSH, before);
    (void)write_all(tty, "\n");
    return rc;
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

    /* Signals come only while we wait: one that came just before would leave us waiting. */
    sigset_t fatal, unblocked;
    (void)sigemptyset(&fatal);
    (void)sigaddset(&fatal, SIGINT);
    (void)sigaddset(&fatal, SIGTERM);
    (void)sigaddset(&fatal, SIGHUP);
    (void)sigaddset(&fatal, SIGQUIT);
    (void)pthread_sigmask(SIG_BLOCK, &fatal, &unblocked);
    rc = ask(tty, &before, prompt, &unblocked, pin, err);
    (void)pthread_sigmask(SIG_SETMASK, &unblocked, NULL);
    if (rc == SG_OK)
        *ret = sg_steal(pin);
    return rc;
}
