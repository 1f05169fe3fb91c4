#!/usr/bin/python3
"""A WebDAV and PUT server that lies as it is told to.

    lying_server.py PORT-FILE LIE-FILE LOG-FILE

listens on a port of its own, which it writes to PORT-FILE, and keeps what it is given in memory. With each request it
reads LIE-FILE: "honest", "deaf N" (honest, but after N PUTs it ignores conditions), or how it lies (the names of the
functions below), with words for them. LOG-FILE gets a line a request. GET /count says how many objects it has.
"""
import os
import socketserver
import sys
import threading
import time

PORT_FILE, LIE_FILE, LOG_FILE = sys.argv[1:4]
lock = threading.Lock()
objects = {}
first = []  # the first answer that was ever given to a GET
REASONS = {200: "OK", 201: "Created", 204: "No Content", 404: "Not Found", 405: "Method Not Allowed",
           412: "Precondition Failed"}
PAGE = b"<!DOCTYPE html>\n<html><body><form>Accept our terms</form></body></html>\n"


def whole(status, body=b"", *headers):
    head = [f"HTTP/1.1 {status} {REASONS.get(status, 'Whatever')}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(head + ["", ""]).encode() + body


def path_of(url):
    return "/" + url.split("://", 1)[-1].split("/", 1)[-1] if "://" in url else url


puts = []  # the paths, as long as the server is told to be deaf


def deaf(words, path):
    """Whether a server that is told "deaf N" ignores conditions: after N PUTs."""
    if words[0] != "deaf":
        puts.clear()
        return False
    puts.append(path)
    return len(puts) > int(words[1])


def honest(method, path, headers, body, words):
    """What a server has to answer; (status, body)."""
    with lock:
        if method in ("GET", "HEAD"):
            if path == "/count":
                return 200, str(len(objects)).encode()
            return (200, objects[path]) if path in objects else (404, b"")
        if method == "PUT":
            there = path in objects
            if not deaf(words, path) and headers.get("if-none-match") == "*" and there:
                return 412, b""
            objects[path] = body
            return 204 if there else 201, b""
        if method == "DELETE":
            return (204, b"") if objects.pop(path, None) is not None else (404, b"")
        if method == "MOVE":
            to = path_of(headers["destination"])
            if path not in objects:
                return 404, b""
            if headers.get("overwrite") == "F" and to in objects:
                return 412, b""
            objects[to] = objects.pop(path)
            return 201, b""
        return 405, b""


# Each lie sends what it likes and returns whether the connection goes on. `answer` is the honest one.
def lie_portal(send, request, answer):
    send(whole(200, PAGE, "Content-Type: text/html"))
    return True


def lie_portal_redirect(send, request, answer):
    send(whole(302, PAGE, "Location: http://login.invalid/", "Content-Type: text/html"))
    return True


def lie_circle(send, request, answer):
    send(whole(302, b"", "Location: " + request["path"]))
    return True


def lie_status(send, request, answer, status="503", method=""):
    if method and method != request["method"]:
        return lie_not(send, request, answer)
    send(whole(int(status), b"whatever"))
    return True


def lie_not(send, request, answer):
    status, body = answer
    if request["method"] == "HEAD":
        send(whole(status, body)[: -len(body) or None])
    else:
        send(whole(status, body))
    if request["method"] == "GET" and not first:
        first.append(body)
    return True


def in_get(lie):
    """A lie about what is read back only."""

    def told(send, request, answer, *words):
        if request["method"] != "GET" or answer[0] != 200 or request["path"] == "/count":
            return lie_not(send, request, answer)
        return lie(send, request, answer, *words)

    return told


@in_get
def lie_wrong(send, request, answer):
    body = bytearray(answer[1])
    body[len(body) // 2] ^= 1
    send(whole(200, bytes(body)))
    return True


@in_get
def lie_html(send, request, answer):
    send(whole(200, PAGE, "Content-Type: text/html"))
    return True


@in_get
def lie_cut_short(send, request, answer):
    send(whole(200, answer[1])[:-10])
    return False


@in_get
def lie_short(send, request, answer):
    send(whole(200, answer[1][:-10]))
    return True


@in_get
def lie_long(send, request, answer):
    send(whole(200, answer[1] + b"more"))
    return True


@in_get
def lie_replay(send, request, answer):
    send(whole(200, first[0] if first else b"something old"))
    return True


@in_get
def lie_endless(send, request, answer):
    send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        send(b"1000\r\n" + b"A" * 4096 + b"\r\n")


@in_get
def lie_late(send, request, answer, seconds="1"):
    time.sleep(float(seconds))
    return lie_not(send, request, answer)


def lie_endless_headers(send, request, answer):
    send(b"HTTP/1.1 200 OK\r\n")
    while True:
        send(b"X-More: " + b"A" * 1000 + b"\r\n")


def lie_endless_error(send, request, answer):
    send(b"HTTP/1.1 500 Oh\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        send(b"1000\r\n" + b"A" * 4096 + b"\r\n")


def lie_slow_headers(send, request, answer):
    for byte in b"HTTP/1.1 200 OK\r\n" + b"X-More: more and more\r\n" * 1000:
        send(bytes([byte]))
        time.sleep(0.05)


def lie_silent(send, request, answer):
    time.sleep(600)


def lie_garbage(send, request, answer):
    send(os.urandom(500))
    return False


def lie_cut(send, request, answer):
    return False


def lie_deaf(send, request, answer, puts):
    return lie_not(send, request, answer)  # honest() has seen to it


def lie_cut_412(send, request, answer):
    """No condition is ever heard to have failed."""
    return lie_not(send, request, answer) if answer[0] != 412 else False


def lie_lost(send, request, answer, method="MOVE"):
    """It is done, and nobody hears of it."""
    return lie_not(send, request, answer) if request["method"] != method else False


class Handler(socketserver.StreamRequestHandler):
    def read_request(self):
        line = self.rfile.readline(65536).decode("latin-1").split()
        if len(line) != 3:
            return None
        headers = {}
        while (header := self.rfile.readline(65536)) not in (b"\r\n", b""):
            name, _, value = header.decode("latin-1").partition(":")
            headers[name.lower()] = value.strip()
        if headers.get("expect"):
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        length = int(headers.get("content-length", 0))
        body = self.rfile.read(length)
        return {"method": line[0], "path": line[1], "headers": headers, "body": body} if len(body) == length else None

    def handle(self):
        try:
            while (request := self.read_request()) is not None:
                with open(LIE_FILE, encoding="utf-8") as file:
                    name, *words = file.read().split()
                answer = honest(request["method"], request["path"], request["headers"], request["body"], [name, *words])
                with lock, open(LOG_FILE, "a", encoding="utf-8") as log:
                    log.write(f"{request['method']} {request['path']} {answer[0]}\n")
                lie = lie_not if name == "honest" else globals()["lie_" + name.replace("-", "_")]
                if not lie(self.wfile.write, request, answer, *words):
                    break
        except OSError:
            pass


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 64


with Server(("127.0.0.1", 0), Handler) as server:
    with open(PORT_FILE + ".new", "w", encoding="utf-8") as file:
        file.write(f"{server.server_address[1]}\n")
    os.rename(PORT_FILE + ".new", PORT_FILE)
    server.serve_forever()
