#!/usr/bin/python3
"""Makes signatures that no well-made program makes, out of a good one by a key in a file.

    edit_cms.py double-attribute IN OUT KEY      the signing-time attribute twice, signed anew
    edit_cms.py replace IN OUT OLD.pem NEW.pem   another certificate in the signer's place
    edit_cms.py value IN OUT                     the signature value alone
    edit_cms.py stamp IN OUT TOKEN               with that signature-time-stamp as its only unsigned attribute

IN is a detached CMS with one SignerInfo, in DER."""
import base64
import subprocess
import sys


def head(data, at):
    """Where the value of the element at `at` begins, and its length."""
    first = data[at + 1]
    if first < 128:
        return at + 2, first
    count = first - 128
    return at + 2 + count, int.from_bytes(data[at + 2 : at + 2 + count], "big")


def children(element):
    at, length = head(element, 0)
    end = at + length
    while at < end:
        start, size = head(element, at)
        yield element[at : start + size]
        at = start + size


def wrap(tag, body):
    count = (len(body).bit_length() + 7) // 8
    length = bytes([len(body)]) if len(body) < 128 else bytes([128 + count]) + len(body).to_bytes(count, "big")
    return bytes([tag]) + length + body


def replace(element, old, new):
    if element == old:
        return new
    if old not in element:
        return element
    return wrap(element[0], b"".join(replace(child, old, new) for child in children(element)))


def certificate(path):
    pem = open(path, encoding="ascii").read()
    return base64.b64decode(pem.split("-----")[2])


def double_attribute(cms, key):
    signed_data = list(children(list(children(list(children(cms))[1]))[0]))
    signer = list(children(signed_data[-1]))[0]
    fields = list(children(signer))
    attributes = list(children(fields[3]))
    signing_time = next(a for a in attributes if bytes.fromhex("06092a864886f70d010905") in a)
    body = b"".join(sorted(attributes + [signing_time], key=lambda a: (len(a), a)))
    value = subprocess.run(
        ["openssl", "dgst", "-sha256", "-sign", key], input=wrap(0x31, body), capture_output=True, check=True
    ).stdout
    fields[3], fields[5] = wrap(0xA0, body), wrap(0x04, value)
    return replace(cms, signer, wrap(0x30, b"".join(fields)))


def signer_of(cms):
    signed_data = list(children(list(children(list(children(cms))[1]))[0]))
    return list(children(list(children(signed_data[-1]))[0]))


def value_of(cms):
    signer = signer_of(cms)
    at, length = head(signer[5], 0)
    return signer[5][at : at + length]


def stamp(cms, token):
    signature_time_stamp = bytes.fromhex("060b2a864886f70d010910020e")
    attribute = wrap(0x30, signature_time_stamp + wrap(0x31, token))
    fields = signer_of(cms)
    return replace(cms, wrap(0x30, b"".join(fields)), wrap(0x30, b"".join(fields[:6] + [wrap(0xA1, attribute)])))


def main():
    how, source, target, *rest = sys.argv[1:]
    cms = open(source, "rb").read()
    if how == "double-attribute":
        out = double_attribute(cms, rest[0])
    elif how == "value":
        out = value_of(cms)
    elif how == "stamp":
        out = stamp(cms, open(rest[0], "rb").read())
    else:
        out = replace(cms, certificate(rest[0]), certificate(rest[1]))
    if out == cms:
        sys.exit("nothing was changed")
    open(target, "wb").write(out)


if __name__ == "__main__":
    main()
