"""PDFs by hand: objects, revisions and signatures, of which everything can be made wrong."""

import pathlib
import subprocess
import tempfile

RESERVED = 4096  # octets of a CMS
SIGNER = []  # certificate and key: files
TSA = []  # the same


class Pdf:
    """A file, to which revisions are added."""

    def __init__(self):
        self.data = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"
        self.objects = {}  # number: body, as the newest revision has them
        self.section = None  # offset of the newest cross-reference section
        self.root = 1

    def copy(self):
        other = Pdf()
        other.__dict__.update(self.__dict__)
        other.objects = dict(self.objects)
        return other

    def revise(self, changes, free=(), trailer=b"", entries=None, stream=None, packed=(), size=None):
        """Appends a revision. `entries`: cross-reference entries of objects that stand elsewhere. `stream`: the
        cross-reference is a stream of that number; then objects `packed` stand in an object stream of the next."""
        changes = dict(changes)
        if stream and packed:
            changes[stream + 1] = object_stream({number: changes.pop(number) for number in packed})
        offsets = dict(entries or {})
        for number, body in changes.items():
            offsets[number] = len(self.data)
            self.data += b"%d 0 obj\n%s\nendobj\n" % (number, body)
        self.objects.update(changes)
        at = len(self.data)
        size = size or max([*self.objects, *offsets, stream or 0, *packed]) + 1
        trailer += b" /Root %d 0 R /Size %d" % (self.root, size)
        if self.section is not None:
            trailer += b" /Prev %d" % self.section
        if stream:
            self.data += xref_stream(stream, at, offsets, free, packed, trailer)
        else:
            self.data += xref_table(offsets, free, self.section is None)
            self.data += b"trailer\n<<%s >>\n" % trailer
        self.data += b"startxref\n%d\n%%%%EOF\n" % at
        self.section = at
        return self

    def stamp(self, number, field, changes, **options):
        """Likewise a time-stamp of the document."""
        return self.sign(number, field, changes, sub_filter=b"ETSI.RFC3161", kind=b"DocTimeStamp", **options)

    def sign(self, number, field, changes, parameters=b"", sub_filter=b"ETSI.CAdES.detached", kind=b"Sig",
             over=None, **options):
        """Signs: the dictionary is object `number`, `field` its field with /V to come. `over`: instead of what it ought
        to be over."""
        body = (b"<< /Type /%s /Filter /Adobe.PPKLite /SubFilter /%s /ByteRange [0 %s] /Contents <%s> "
                b"/M (D:20261126090000Z) %s >>" % (kind, sub_filter, b" " * 36, b"0" * 2 * RESERVED, parameters))
        self.revise({number: body, **changes, **field}, **options)
        start = self.data.rindex(b"/Contents <0000") + len(b"/Contents ")
        end = start + 2 * RESERVED + 2
        rest = len(self.data) - end
        where = self.data.rindex(b"/ByteRange [0 ", 0, start) + len(b"/ByteRange [0 ")
        numbers = b"%d %d %d" % (start, end, rest)
        self.data = self.data[:where] + numbers.ljust(36) + self.data[where + 36:]
        make = make_token if kind == b"DocTimeStamp" else make_cms
        cms = make(over or self.data[:start] + self.data[end:])
        self.data = self.data[:start + 1] + cms.hex().encode().ljust(2 * RESERVED, b"0") + self.data[end - 1:]
        return self


def make_cms(content):
    return subprocess.run(["openssl", "cms", "-sign", "-binary", "-cades", "-nosmimecap", "-md", "sha256", "-signer",
                           SIGNER[0], "-inkey", SIGNER[1], "-outform", "DER"],
                          input=content, capture_output=True, check=True).stdout


def make_token(content):
    """A time-stamp token, by `openssl ts`."""
    with tempfile.TemporaryDirectory() as name:
        place = pathlib.Path(name)
        (place / "serial").write_text("01\n")
        (place / "content").write_bytes(content)
        (place / "conf").write_text(
            f"[tsa]\ndefault_tsa = it\n[it]\nserial = {place}/serial\nsigner_cert = {TSA[0]}\nsigner_key = {TSA[1]}\n"
            "signer_digest = sha256\ndefault_policy = 1.2.3.4.1\ndigests = sha256\ness_cert_id_alg = sha256\n")
        subprocess.run(["openssl", "ts", "-query", "-data", place / "content", "-sha256", "-cert", "-out", place / "query"],
                       capture_output=True, check=True)
        subprocess.run(["openssl", "ts", "-reply", "-config", place / "conf", "-queryfile", place / "query", "-token_out",
                        "-out", place / "token"], capture_output=True, check=True)
        return (place / "token").read_bytes()


def xref_table(offsets, free, first):
    text = b"xref\n" + (b"0 1\n0000000000 65535 f \n" if first else b"")
    for number in sorted([*offsets, *free]):
        if number in free:
            text += b"%d 1\n0000000000 00001 f \n" % number
        else:
            text += b"%d 1\n%010d 00000 n \n" % (number, offsets[number])
    return text


def xref_stream(number, at, offsets, free, packed, trailer):
    rows = {number: (1, at, 0), **{n: (1, offset, 0) for n, offset in offsets.items()}, **{n: (0, 0, 1) for n in free}}
    rows.update({n: (2, number + 1, index) for index, n in enumerate(packed)})
    data = b"".join(kind.to_bytes(1, "big") + a.to_bytes(4, "big") + b.to_bytes(2, "big")
                    for _, (kind, a, b) in sorted(rows.items()))
    index = b" ".join(b"%d 1" % n for n in sorted(rows))
    return (b"%d 0 obj\n<< /Type /XRef /W [1 4 2] /Index [%s] /Length %d%s >>\nstream\n%s\nendstream\nendobj\n" %
            (number, index, len(data), trailer, data))


def object_stream(objects):
    bodies, head = b"", b""
    for number, body in objects.items():
        head += b"%d %d " % (number, len(bodies))
        bodies += body + b"\n"
    return b"<< /Type /ObjStm /N %d /First %d /Length %d >>\nstream\n%s%s\nendstream" % (
        len(objects), len(head), len(head) + len(bodies), head, bodies)


def stream(data, extra=b""):
    return b"<< /Length %d %s >>\nstream\n%s\nendstream" % (len(data), extra, data)


def text(words):
    return stream(b"BT /F1 18 Tf 20 100 Td (%s) Tj ET" % words)


PAGE = (b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 200] /Contents 4 0 R /Annots [%s] "
        b"/Resources << /Font << /F1 5 0 R >> /XObject << /Over 9 0 R /Later 30 0 R >> >> >>")
FORM = b"<< /Fields [%s] /SigFlags 3 /DR << /Font << /F1 5 0 R >> >> /DA (/F1 12 Tf) >>"
WIDGET = b"<< /Type /Annot /Subtype /Widget /FT /Sig /T (%s) /F 132 /Rect [%s] /P 3 0 R %s>>"
APPEARANCE = b"/Subtype /Form /BBox [0 0 100 20] /Resources << /Font << /F1 5 0 R >> >>"
FILLED = b"<< /Type /Annot /Subtype /Widget /FT /Tx /T (Amount) /F 4 /Rect [20 20 120 40] /P 3 0 R /V (%s) /AP << /N %d 0 R >> >>"
BASE = {
    1: b"<< /Type /Catalog /Pages 2 0 R /AcroForm 6 0 R /Metadata 11 0 R >>",
    2: b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
    3: PAGE % b"7 0 R 10 0 R",
    4: text(b"Pay 100 EUR"),
    5: b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    6: FORM % b"7 0 R 10 0 R",
    7: FILLED % (b"", 8),
    8: stream(b"", APPEARANCE),
    9: stream(b"1 0 0 rg 0 0 10 10 re f", b"/Subtype /Form /BBox [0 0 10 10]"),
    10: WIDGET % (b"Later", b"200 20 290 60", b""),
    11: stream(b"<x/>", b"/Type /Metadata /Subtype /XML"),
    12: b"<< /Producer (maker) >>",
}
INFO = b" /Info 12 0 R"
