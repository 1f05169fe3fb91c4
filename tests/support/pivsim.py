#!/usr/bin/python3
"""A card reader's slot in software: puts PIV cards (pivcard.py) into pcscd's virtual reader, vpcd.

    pivsim.py serve SOCKET              the slot, empty; commands come over the Unix socket SOCKET
    pivsim.py ask SOCKET COMMAND...     gives one command and prints its answer

Commands, each answered when it is done:

    insert FOLDER       puts this card in; done when the reader has asked for its ATR
    remove              pulls the card
    delay MS            from now on each APDU takes so many milliseconds
    pull COUNTER N      pulls the card when its counter has risen by N: the command that did it gets no answer
    get NAME            a number of the card that is or was in the slot (pivcard.Card.NUMBERS), or its `serial`
    state               inserted or empty

vpcd listens on a TCP port on every address, so all this belongs into a network namespace. A connection is a card in
the slot. Each message is two octets of length and a body; a body of one octet is for the reader: 0 power off, 1 power
on, 2 reset, 4 the ATR is asked for. All others are APDUs. SOCKET is there when the slot is ready."""
import os
import socket
import sys
import threading
import time

READER = ("127.0.0.1", 35963)
POWER_OFF, POWER_ON, RESET, GET_ATR = 0, 1, 2, 4
SECONDS = 20  # for the reader to notice a card


class Pulled(Exception):
    """The connection is over."""


class Slot:
    def __init__(self):
        self.card = None  # the last one, also after it was pulled
        self.connection = self.thread = None
        self.asked = threading.Event()  # the reader has asked for the ATR
        self.out = threading.Event()  # the card was pulled
        self.out.set()
        self.delay = 0.0
        self.pull_at = None  # (counter, its value)

    # ---- what the reader sees -----------------------------------------------------------------------------------

    def _receive(self, size):
        data = b""
        while len(data) < size:
            # The reader sends length and body apart: a delayed acknowledgement of the first would cost 40 ms an APDU.
            self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
            part = self.connection.recv(size - len(data))
            if not part:
                raise Pulled
            data += part
        return data

    def _message(self):
        return self._receive(int.from_bytes(self._receive(2), "big"))

    def _send(self, body):
        self.connection.sendall(len(body).to_bytes(2, "big") + body)

    def _apdu(self, command):
        started = time.monotonic()
        answer = self.card.transmit(command)
        if self.pull_at and self.card.kept[self.pull_at[0]] >= self.pull_at[1]:
            raise Pulled
        if self.out.wait(max(0, self.delay - (time.monotonic() - started))):
            raise Pulled
        print(f"{time.monotonic():.3f} > {command.hex()} < {answer.hex()}", flush=True)
        self._send(answer)

    def _control(self, what):
        if what == GET_ATR:
            self._send(self.card.answer_to_reset())
            self.asked.set()
        else:
            self.card.reset()

    def _serve(self):
        """A card's time in the slot."""
        try:
            while True:
                body = self._message()
                if len(body) == 1:
                    self._control(body[0])
                else:
                    self._apdu(body)
        except (Pulled, OSError):
            pass
        finally:
            self.out.set()
            self.connection.close()
            self.pull_at = None
            self.card.save()

    # ---- what commands do ---------------------------------------------------------------------------------------

    def insert(self, folder):
        from pivcard import Card  # which takes longer to load than `ask` takes in all

        if not self.out.is_set():
            raise ValueError("there is a card in the slot")
        if self.thread:
            self.thread.join()
        self.card = Card(folder)
        self.connection = socket.create_connection(READER)
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.asked.clear()
        self.out.clear()
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()
        if not self.asked.wait(SECONDS):
            raise TimeoutError("the reader did not ask for the card's ATR")

    def remove(self):
        if self.out.is_set():
            raise ValueError("there is no card in the slot")
        self.out.set()
        self.connection.shutdown(socket.SHUT_RDWR)
        self.thread.join()

    def set_delay(self, milliseconds):
        self.delay = int(milliseconds) / 1000

    def pull(self, counter, rise):
        if counter not in self.card.COUNTERS:
            raise ValueError(f"no such counter: {counter}")
        self.pull_at = counter, self.card.kept[counter] + int(rise)

    def get(self, name):
        if name != "serial" and name not in self.card.NUMBERS:
            raise ValueError(f"no such number: {name}")
        return str(self.card.kept[name])

    def state(self):
        return "empty" if self.out.is_set() else "inserted"

    def obey(self, name, *arguments):
        commands = {
            "insert": self.insert,
            "remove": self.remove,
            "delay": self.set_delay,
            "pull": self.pull,
            "get": self.get,
            "state": self.state,
        }
        return commands[name](*arguments) or ""


# The protocol of SOCKET: the command's words, each ended by a NUL, until the sender shuts its side; then a first octet
# `+` or `-`, and the answer or what went wrong.


def serve(path):
    slot = Slot()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path + ".new")
        listener.listen()
        os.rename(path + ".new", path)
        while True:
            client, _ = listener.accept()
            with client, client.makefile("rb") as stream:
                words = stream.read().decode().split("\0")[:-1]
                try:
                    answer = "+" + slot.obey(*words)
                except (ValueError, TypeError, KeyError, AttributeError, OSError) as error:
                    answer = f"-{' '.join(words)}: {error!r}"
                client.sendall(answer.encode())


def ask(path, *words):
    with socket.socket(socket.AF_UNIX) as server, server.makefile("rb") as stream:
        server.connect(path)
        server.sendall("".join(word + "\0" for word in words).encode())
        server.shutdown(socket.SHUT_WR)
        answer = stream.read().decode()
    if not answer.startswith("+"):
        sys.exit(f"pivsim: {answer[1:] or 'no answer'}")
    if answer[1:]:
        print(answer[1:])


if __name__ == "__main__":
    {"serve": serve, "ask": ask}[sys.argv[1]](*sys.argv[2:])
