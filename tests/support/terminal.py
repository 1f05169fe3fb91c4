#!/usr/bin/python3
"""Runs a command on a pseudo-terminal of its own and types at it.

    terminal.py [--dialogue] STEP... -- COMMAND...

A STEP is "see TEXT" (wait until the terminal shows it, after what the step before saw), "type TEXT" (and Enter),
"key HEX" (bytes as they are), "touch FILE" or "wait FILE" (until it is there; with these two, several can be brought to
the same point). What the terminal showed goes to stdout; the exit status is the command's, or 124 where it all takes
longer than five minutes.

With --dialogue the command has no terminal, but the terminal's name in GPG_TTY, where pinentry shows its dialogue; what the
command itself prints is not the terminal's, and stays on stdout and stderr.
"""
import fcntl
import os
import pty
import select
import signal
import subprocess
import sys
import termios
import time

LIMIT = 300


class Terminal:
    def __init__(self, master):
        self.master, self.shown, self.seen, self.deadline = master, b"", 0, time.monotonic() + LIMIT

    def read(self, wait=LIMIT):
        """Whether there may be more."""
        ready, _, _ = select.select([self.master], [], [], min(wait, max(0, self.deadline - time.monotonic())))
        if time.monotonic() > self.deadline:
            sys.stdout.buffer.write(self.shown)
            sys.exit(124)
        if not ready:
            return False
        try:
            data = os.read(self.master, 4096)
        except OSError:  # the last one has closed it
            return False
        self.shown += data
        return bool(data)

    def see(self, text):
        while self.shown.find(text, self.seen) < 0:
            if not self.read():
                sys.stdout.buffer.write(self.shown)
                sys.exit(f"terminal.py: {text!r} was not shown")
        self.seen = self.shown.find(text, self.seen) + len(text)

    def run(self, steps):
        for step in steps:
            verb, _, rest = step.partition(" ")
            if verb == "see":
                self.see(rest.encode())
            elif verb == "type":
                os.write(self.master, rest.encode() + b"\n")
            elif verb == "key":
                os.write(self.master, bytes.fromhex(rest))
            elif verb == "touch":
                open(rest, "w").close()
            elif verb == "wait":
                while not os.path.exists(rest) and time.monotonic() < self.deadline:
                    time.sleep(0.01)
            else:
                sys.exit(f"terminal.py: no such step: {step}")


def own_session():
    """As a terminal gives it: no signal is ignored because this program was started in the background."""
    os.setsid()
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)


def main():
    arguments = sys.argv[1:]
    dialogue = arguments[0] == "--dialogue"
    if dialogue:
        del arguments[0]
    end = arguments.index("--")
    steps, command = arguments[:end], arguments[end + 1:]
    master, slave = pty.openpty()
    if dialogue:
        environment = dict(os.environ, GPG_TTY=os.ttyname(slave), TERM="vt100")
        child = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, preexec_fn=own_session)
    else:
        def take_terminal():
            own_session()
            fcntl.ioctl(slave, termios.TIOCSCTTY, 0)

        child = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, preexec_fn=take_terminal)
        os.close(slave)
    terminal = Terminal(master)
    terminal.run(steps)
    while child.poll() is None if dialogue else True:
        if not terminal.read(0.1 if dialogue else LIMIT) and not dialogue:
            break
    if not dialogue:
        sys.stdout.buffer.write(terminal.shown)
    status = child.wait(timeout=LIMIT)
    sys.exit(128 - status if status < 0 else status)


main()
