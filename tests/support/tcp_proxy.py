#!/usr/bin/python3
"""A bad network: passes TCP connections on to a port of this host, as it is told to.

    tcp_proxy.py PORT-FILE CONTROL-FILE TO-PORT

listens on a port of its own, which it writes to PORT-FILE. Each connection does what CONTROL-FILE says when it begins,
one or more lines of

    pass
    cut N            after N bytes from the client
    cut-answer N     after N bytes from the server
    delay SECONDS    before the first byte goes on, in each direction
    drip N SECONDS   N bytes at a time, with a pause after each
    refuse           closes it at once
"""
import os
import socket
import struct
import sys
import threading
import time

PORT_FILE, CONTROL_FILE, TO_PORT = sys.argv[1], sys.argv[2], int(sys.argv[3])


def control():
    with open(CONTROL_FILE, encoding="utf-8") as file:
        lines = [line.split() for line in file if line.strip()]
    return {line[0]: [float(word) for word in line[1:]] for line in lines}


def cut(*sockets):
    """Both ends see it as it is when a cable is pulled: no end, a reset."""
    for s in sockets:
        try:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            s.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        s.close()


def pump(source, sink, how, limit):
    left = int(limit[0]) if limit else None
    size, pause = how.get("drip", [65536, 0])
    time.sleep(how.get("delay", [0])[0])
    try:
        while data := source.recv(int(size)):
            if left is not None and len(data) >= left:
                sink.sendall(data[:left])
                cut(source, sink)
                return
            left = left - len(data) if left is not None else None
            sink.sendall(data)
            time.sleep(pause)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        cut(source, sink)


def serve(client):
    how = control()
    if "refuse" in how:
        cut(client)
        return
    try:
        server = socket.create_connection(("127.0.0.1", TO_PORT))
    except OSError:
        cut(client)
        return
    for s in (client, server):
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    threading.Thread(target=pump, args=(client, server, how, how.get("cut")), daemon=True).start()
    threading.Thread(target=pump, args=(server, client, how, how.get("cut-answer")), daemon=True).start()


listener = socket.create_server(("127.0.0.1", 0), backlog=64)
with open(PORT_FILE + ".new", "w", encoding="utf-8") as port_file:
    port_file.write(f"{listener.getsockname()[1]}\n")
os.rename(PORT_FILE + ".new", PORT_FILE)
while True:
    serve(listener.accept()[0])
