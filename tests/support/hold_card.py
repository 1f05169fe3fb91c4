#!/usr/bin/python3
"""Holds the card in a reader for itself alone (SCARD_SHARE_EXCLUSIVE), as another program would, until its standard
input ends.

    hold_card.py READY      READY is a file that is made when the card is held
"""
import ctypes
import sys

SCOPE_SYSTEM, SHARE_EXCLUSIVE, ANY_PROTOCOL, LEAVE_CARD = 2, 1, 3, 0
pcsc = ctypes.CDLL("libpcsclite.so.1")


def must(result, what):
    if result & 0xFFFFFFFF:
        sys.exit(f"{what}: {result & 0xFFFFFFFF:#x}")


def main(ready):
    context, card, protocol = ctypes.c_long(), ctypes.c_long(), ctypes.c_ulong()
    size = ctypes.c_ulong(2048)
    names = ctypes.create_string_buffer(size.value)
    must(pcsc.SCardEstablishContext(ctypes.c_ulong(SCOPE_SYSTEM), None, None, ctypes.byref(context)), "context")
    must(pcsc.SCardListReaders(context, None, names, ctypes.byref(size)), "readers")
    must(pcsc.SCardConnect(context, names, ctypes.c_ulong(SHARE_EXCLUSIVE), ctypes.c_ulong(ANY_PROTOCOL),
                           ctypes.byref(card), ctypes.byref(protocol)), "connect")
    open(ready, "x").close()
    sys.stdin.read()
    must(pcsc.SCardDisconnect(card, ctypes.c_ulong(LEAVE_CARD)), "disconnect")
    must(pcsc.SCardReleaseContext(context), "release")


main(sys.argv[1])
