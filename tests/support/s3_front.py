#!/usr/bin/python3
"""Stands before an S3 server and makes it one of the less able ones; what it does not touch is the server's own.

    s3_front.py PORT-FILE CONTROL-FILE LOG-FILE TO-PORT

listens on a port of its own, which it writes to PORT-FILE. LOG-FILE gets "METHOD PATH?QUERY STATUS" for each request,
once it is answered. It does what CONTROL-FILE says when a request comes, one or more lines of

    honest
    refuse            If-None-Match is answered with 501
    ignore            If-None-Match is taken out (and the request signed anew by $S3_USER and $S3_PASSWORD)
    cannot-list       HEAD is answered with 403
    damage            the last byte of what is stored is another one
    hold N            part N of an upload, and the later ones, are not read as long as it says so
    late-error CODE   CompleteMultipartUpload is answered with 200, and then with an error
    no-etag           what was stored is not said
"""
import datetime
import hashlib
import hmac
import http.client
import http.server
import os
import re
import sys
import threading
import time

PORT_FILE, CONTROL_FILE, LOG_FILE, TO_PORT = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
ERROR = '<?xml version="1.0" encoding="UTF-8"?><Error><Code>{}</Code><Message>as told</Message></Error>'
log_lock = threading.Lock()


def control():
    with open(CONTROL_FILE, encoding="utf-8") as file:
        return {line.split()[0]: line.split()[1:] for line in file if line.strip()}


def sign(method, target, headers):
    """AWS Signature Version 4, for what has only the headers that are signed here."""
    path, _, query = target.partition("?")
    headers["x-amz-date"] = datetime.datetime.utcnow().strftime("%Y%m%dT%H%M%SZ")
    day = headers["x-amz-date"][:8]
    names = ["host", "x-amz-content-sha256", "x-amz-date"]
    canonical = "\n".join([method, path, query, *(f"{n}:{headers[n]}" for n in names), "", ";".join(names),
                           headers["x-amz-content-sha256"]])
    scope = f"{day}/us-east-1/s3/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", headers["x-amz-date"], scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = ("AWS4" + os.environ["S3_PASSWORD"]).encode()
    for part in (day, "us-east-1", "s3", "aws4_request", text):
        key = hmac.new(key, part.encode(), "sha256").digest()
    headers["authorization"] = (f"AWS4-HMAC-SHA256 Credential={os.environ['S3_USER']}/{scope}, "
                                f"SignedHeaders={';'.join(names)}, Signature={key.hex()}")


class Front(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def body(self, damage):
        left = int(self.headers.get("Content-Length", 0))
        while left > 0:
            data = self.rfile.read(min(left, 1 << 20))
            if not data:
                raise ConnectionError
            left -= len(data)
            yield data if left or not damage else data[:-1] + bytes([data[-1] ^ 255])

    def answer(self, status, headers, body):
        # Logged first: who sees the answer finds it in the log.
        with log_lock, open(LOG_FILE, "a", encoding="utf-8") as log:
            log.write(f"{self.command} {self.path} {status}\n")
        self.send_response_only(status)
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        for data in body:
            self.wfile.write(data)

    def answer_error(self, status, code):
        for _ in self.body(False):
            pass
        text = b"" if self.command == "HEAD" else ERROR.format(code).encode()
        self.answer(status, [("Content-Type", "application/xml"), ("Content-Length", str(len(text)))], [text])

    def pass_on(self, how):
        headers = {name.lower(): value for name, value in self.headers.items() if name.lower() != "expect"}
        if "ignore" in how and headers.pop("if-none-match", None):
            sign(self.command, self.path, headers)
        server = http.client.HTTPConnection("127.0.0.1", TO_PORT)
        server.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in headers.items():
            server.putheader(name, value)
        server.endheaders()
        for data in self.body("damage" in how):
            server.send(data)
        answer = server.getresponse()
        left_out = ["connection", "keep-alive", "transfer-encoding"] + (["etag"] if "no-etag" in how else [])
        kept = [h for h in answer.getheaders() if h[0].lower() not in left_out]
        body = iter(lambda: answer.read(1 << 20), b"")
        if answer.chunked:
            body = [b"".join(body)]
            kept.append(("Content-Length", str(len(body[0]))))
        self.answer(answer.status, kept, body)
        server.close()

    def do(self):
        how = control()
        part = re.search(r"partNumber=(\d+)", self.path)
        completes = self.command == "POST" and "uploadId=" in self.path
        if "refuse" in how and "If-None-Match" in self.headers:
            self.answer_error(501, "NotImplemented")
        elif "cannot-list" in how and self.command == "HEAD":
            self.answer_error(403, "AccessDenied")
        elif "late-error" in how and completes:
            self.answer_error(200, how["late-error"][0])
        else:
            while part and int(part[1]) >= int(how.get("hold", ["99999"])[0]):
                time.sleep(0.05)
                how = control()
            self.pass_on(how)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = do


class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        pass  # who was asked, or who asked, is gone


front = Server(("127.0.0.1", 0), Front)
with open(PORT_FILE + ".new", "w", encoding="utf-8") as file:
    file.write(str(front.server_port))
os.rename(PORT_FILE + ".new", PORT_FILE)
front.serve_forever()
