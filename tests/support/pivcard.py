"""A PIV card (NIST SP 800-73-4) in software: what it holds, and its answer to each command APDU.

A card is a folder. For each key that it has, named by its reference (9a, 9c, 9d, 9e, 82 to 95), there are NAME.key and
NAME.pem, the private key and its certificate; without any it is a blank card. What only the card itself writes, its
serial number, PINs and counters, is in card.json, made when the card is first used."""
import json
import os
import pathlib

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa, utils

AID = bytes.fromhex("a000000308000010000100")
# Direct convention, T=1, and the PIV application's name in the historical bytes: by it OpenSC knows the card.
HISTORICAL = bytes.fromhex("80f9a00000030800001000")

PIN, PUK = b"123456", b"12345678"  # as the PIN of the other fixtures
TRIES = 3

# Status words (ISO/IEC 7816-4 §5.6).
DONE, MORE, TRIES_LEFT = 0x9000, 0x6100, 0x63C0
NOT_ALLOWED, LOCKED = 0x6982, 0x6983
WRONG_DATA, NOT_FOUND, NO_REFERENCE, NO_INSTRUCTION = 0x6A80, 0x6A82, 0x6A88, 0x6D00

# Data objects (SP 800-73-4 part 1, table 3).
DISCOVERY, CAPABILITIES, HOLDER_ID, KEY_HISTORY = 0x7E, 0x5FC107, 0x5FC102, 0x5FC10C
CERTIFICATE_OF = {0x9A: 0x5FC105, 0x9C: 0x5FC10A, 0x9D: 0x5FC10B, 0x9E: 0x5FC101}
RETIRED = range(0x82, 0x96)
CERTIFICATE_OF.update({key: 0x5FC10D + key - RETIRED.start for key in RETIRED})

SIGNATURE_KEY, CARD_AUTHENTICATION_KEY = 0x9C, 0x9E
PIN_REFERENCE, PUK_REFERENCE = 0x80, 0x81


class Refused(Exception):
    """The answer is only a status word."""


def tlv(tag, *values):
    value = b"".join(values)
    size = len(value)
    count = (size.bit_length() + 7) // 8
    length = bytes([size]) if size < 0x80 else bytes([0x80 | count]) + size.to_bytes(count, "big")
    return tag.to_bytes((tag.bit_length() + 7) // 8, "big") + length + value


def parse(data):
    """The elements of BER-TLV data, by tag."""
    elements, at = {}, 0
    while at < len(data):
        tag, at = data[at], at + 1
        while tag & 0x1F == 0x1F and tag < 0x100 or tag >= 0x100 and data[at - 1] & 0x80:
            tag, at = tag << 8 | data[at], at + 1
        length, at = data[at], at + 1
        if length & 0x80:
            count = length & 0x7F
            length, at = int.from_bytes(data[at : at + count], "big"), at + count
        elements[tag], at = data[at : at + length], at + length
    return elements


def fields(command):
    """The data of a command APDU and how much its sender takes (ISO/IEC 7816-4 §5.1), short or extended."""
    body = command[4:]
    if len(body) <= 1:
        return b"", (body[0] if body else 0) or 256
    wide = body[0] == 0 and len(body) >= 3
    size, start = (int.from_bytes(body[1:3], "big"), 3) if wide else (body[0], 1)
    if len(body) == start:
        return b"", size or 65536
    expected = int.from_bytes(body[start + size :], "big")
    return body[start : start + size], expected or (65536 if wide else 256)


def tries_left(count):
    return TRIES_LEFT | count if count else LOCKED


def padded(pin):
    return pin.ljust(8, b"\xff")


class Card:
    """Counters only rise: `apdus`; `verifies`, the PINs ever offered by VERIFY; `wrong`, the PINs and PUKs ever
    refused; `signatures`, the uses of a private key. `pin-tries` and `puk-tries` are what is left."""

    COUNTERS = ("apdus", "verifies", "wrong", "signatures")
    NUMBERS = COUNTERS + ("pin-tries", "puk-tries")

    def __init__(self, folder):
        self.file = pathlib.Path(folder, "card.json")
        self.keys, self.certificates = {}, {}
        for path in sorted(pathlib.Path(folder).glob("*.key")):
            key = int(path.stem, 16)
            self.keys[key] = serialization.load_pem_private_key(path.read_bytes(), None)
            certificate = x509.load_pem_x509_certificate(path.with_suffix(".pem").read_bytes())
            self.certificates[key] = certificate.public_bytes(serialization.Encoding.DER)
        self._load()
        self.objects = self._objects()
        self.reset()

    def _load(self):
        if self.file.exists():
            self.kept = json.loads(self.file.read_text("ascii"))
            return
        self.kept = dict.fromkeys(self.COUNTERS, 0)
        self.kept.update({"pin-tries": TRIES, "puk-tries": TRIES, "serial": os.urandom(16).hex()})
        self.kept.update({"pin": padded(PIN).hex(), "puk": padded(PUK).hex()})
        self.save()

    def save(self):
        new = self.file.with_suffix(".new")
        new.write_text(json.dumps(self.kept, indent=1) + "\n", "ascii")
        new.rename(self.file)

    def _objects(self):
        # A FASC-N of the agency 9999: what counts is the GUID.
        agency = bytes.fromhex("d4e739da739ced39ce739da1685a1082108ce73984119257fc")
        serial = bytes.fromhex(self.kept["serial"])
        empty = [tlv(tag) for tag in (0xF6, 0xF7, 0xFA, 0xFB, 0xFC, 0xFD, 0xFE)]
        objects = {
            DISCOVERY: tlv(0x4F, AID) + tlv(0x5F2F, b"\x40\x00"),  # the card's own PIN, no global one
            CAPABILITIES: tlv(0xF0, b"\xa0\x00\x00\x01\x16\xff\x02", serial[:14])
            + b"".join([tlv(0xF1, b"\x21"), tlv(0xF2, b"\x21"), tlv(0xF3), tlv(0xF4, b"\0"), tlv(0xF5, b"\x10")])
            + b"".join(empty),
            HOLDER_ID: tlv(0x30, agency) + tlv(0x34, serial) + tlv(0x35, b"20401231") + tlv(0x3E) + tlv(0xFE),
        }
        retired = sum(key in RETIRED for key in self.keys)
        if retired:
            objects[KEY_HISTORY] = tlv(0xC1, bytes([retired])) + tlv(0xC2, b"\0") + tlv(0xFE)
        for key, certificate in self.certificates.items():
            objects[CERTIFICATE_OF[key]] = tlv(0x70, certificate) + tlv(0x71, b"\0") + tlv(0xFE)
        return objects

    def answer_to_reset(self):
        rest = bytes([0x80 | len(HISTORICAL), 0x80, 0x01]) + HISTORICAL
        check = 0
        for byte in rest:
            check ^= byte
        return b"\x3b" + rest + bytes([check])

    def reset(self):
        """Power off and on: what was proven is forgotten."""
        self.verified = self.fresh = False  # the PIN was right; and nothing was signed since
        self.chained = self.rest = b""

    def transmit(self, command):
        """The answer to one command APDU."""
        self.kept["apdus"] += 1
        data, expected = fields(command)
        try:
            if command[1] != 0xC0:  # GET RESPONSE: what the last answer had no room for
                self.rest = b""
                self.rest = self._command(command, data)
        except Refused as refusal:
            return refusal.args[0].to_bytes(2, "big")
        part, self.rest = self.rest[:expected], self.rest[expected:]
        status = MORE | min(len(self.rest), 0xFF) if self.rest else DONE
        return part + status.to_bytes(2, "big")

    def _command(self, command, data):
        chain, instruction, parameters = command[0] & 0x10, command[1], command[2:4]
        self.chained += data
        if chain:
            return b""
        data, self.chained = self.chained, b""
        commands = {
            0x20: self._verify,
            0x24: self._change_reference_data,
            0x2C: self._reset_retry_counter,
            0x87: self._general_authenticate,
            0xA4: self._select,
            0xCB: self._get_data,
        }
        if instruction not in commands:
            raise Refused(NO_INSTRUCTION)
        return commands[instruction](*parameters, data)

    def _select(self, by, _, name):
        if by != 4 or not name or not AID.startswith(name):
            raise Refused(NOT_FOUND)
        return tlv(0x61, tlv(0x4F, AID[5:]), tlv(0x79, tlv(0x4F, AID[:5])))

    def _get_data(self, _, __, data):
        tag = int.from_bytes(parse(data)[0x5C], "big")
        if tag not in self.objects:
            raise Refused(NOT_FOUND)
        return tlv(DISCOVERY if tag == DISCOVERY else 0x53, self.objects[tag])

    def _offer(self, secret, offered):
        """Compares a PIN or PUK; wrong ones cost a try, and the last one locks."""
        tries = secret + "-tries"
        right = self.kept[tries] > 0 and offered.hex() == self.kept[secret]
        self.kept[tries] = TRIES if right else max(self.kept[tries] - 1, 0)
        self.kept["wrong"] += not right
        self.save()
        if not right:
            self.verified = self.fresh = False
            raise Refused(tries_left(self.kept[tries]))

    def _verify(self, how, reference, pin):
        if reference != PIN_REFERENCE:
            raise Refused(NO_REFERENCE)
        if how == 0xFF:
            self.verified = self.fresh = False
        elif pin:
            self.kept["verifies"] += 1
            self._offer("pin", pin)
            self.verified = self.fresh = True
        elif not self.verified:
            raise Refused(tries_left(self.kept["pin-tries"]))
        return b""

    def _change_reference_data(self, _, reference, data):
        secret = {PIN_REFERENCE: "pin", PUK_REFERENCE: "puk"}.get(reference)
        if not secret:
            raise Refused(NO_REFERENCE)
        self._offer(secret, data[:8])
        self.kept[secret] = data[8:16].hex()
        self.save()
        return b""

    def _reset_retry_counter(self, _, reference, data):
        if reference != PIN_REFERENCE:
            raise Refused(NO_REFERENCE)
        self._offer("puk", data[:8])
        self.kept.update({"pin": data[8:16].hex(), "pin-tries": TRIES})
        self.save()
        return b""

    def _general_authenticate(self, _, reference, data):
        key = self.keys.get(reference)
        if not key:
            raise Refused(NO_REFERENCE)
        allowed = reference == CARD_AUTHENTICATION_KEY or (self.fresh if reference == SIGNATURE_KEY else self.verified)
        if not allowed:
            raise Refused(NOT_ALLOWED)
        self.fresh = False
        result = use(key, parse(parse(data)[0x7C]))
        self.kept["signatures"] += 1
        self.save()
        return tlv(0x7C, tlv(0x82, result))


def use(key, template):
    """The private key's result: raw RSA of a padded block, ECDSA of a digest, or ECDH with a point."""
    if isinstance(key, rsa.RSAPrivateKey):
        size = key.key_size // 8
        block = template.get(0x81, b"")
        if len(block) != size:
            raise Refused(WRONG_DATA)
        numbers = key.private_numbers()
        return pow(int.from_bytes(block, "big"), numbers.d, numbers.public_numbers.n).to_bytes(size, "big")
    if 0x85 in template:
        point = ec.EllipticCurvePublicKey.from_encoded_point(key.curve, template[0x85])
        return key.exchange(ec.ECDH(), point)
    digest = template.get(0x81, b"")
    algorithm = {20: hashes.SHA1, 32: hashes.SHA256, 48: hashes.SHA384, 64: hashes.SHA512}.get(len(digest))
    if not algorithm:
        raise Refused(WRONG_DATA)
    return key.sign(digest, ec.ECDSA(utils.Prehashed(algorithm())))
