"""What the two suites of PDFs share."""

import re
import zlib

from cryptography import x509

import suite


def parts(data):
    """All that a certificate may stand in: the file, its signatures, and its streams."""
    yield data
    for match in re.finditer(rb"/Contents\s*<([0-9A-Fa-f]+)>", data):
        yield bytes.fromhex(match[1].decode())
    for match in re.finditer(rb"stream\r?\n", data):
        try:
            yield zlib.decompressobj().decompress(data[match.end():])
        except zlib.error:
            pass


def roots(path, folder):
    """Arguments that make an anchor of every certificate in the file that its own subject issued."""
    found = set()
    for part in parts(path.read_bytes()):
        for match in re.finditer(rb"\x30\x82(..)\x30", part, re.S):
            der = part[match.start():match.start() + 4 + int.from_bytes(match[1], "big")]
            try:
                certificate = x509.load_der_x509_certificate(der)
            except ValueError:
                continue
            if certificate.issuer == certificate.subject:
                found.add(der)
    for number, der in enumerate(sorted(found)):
        name = folder / f"{path.name}-root-{number}"
        name.write_bytes(der)
        yield from ("--anchor", name)


def stamp_altered(path, folder):
    """The newest signature's last octet, which is the last document time-stamp's signature value, is another."""
    data = bytearray(path.read_bytes())
    newest = list(re.finditer(rb"/Contents\s*<([0-9A-Fa-f]+?)(00)*>", data))[-1]
    data[newest.end(1) - 1] = ord("1") if data[newest.end(1) - 1] != ord("1") else ord("2")
    twin = folder / f"stamp-altered-{path.name}"
    twin.write_bytes(data)
    return twin


def tampered(path, folder):
    """The comment behind the header changed, which every signature covers and no reader reads: nothing is intact."""
    data = bytearray(path.read_bytes())
    match = re.match(rb"%PDF-[^\r\n]*[\r\n]+%(.)", data, re.S)
    if not match:
        return None
    data[match.start(1)] ^= 1
    twin = folder / f"tampered-{path.name}"
    twin.write_bytes(data)

    def check(answer):
        intact = [one["id"] for one in answer["signatures"] if one["intact"]]
        return f"intact: {intact}" if intact or not answer["signatures"] else None
    return suite.Case(f"{path.name}: a byte changed", [twin], False, check, command=("verify",), whole=True)


def is_accepted(one):
    return one["intact"] and one["changes"] in ("none", "permitted") and one["indication"] != "TOTAL-FAILED"
