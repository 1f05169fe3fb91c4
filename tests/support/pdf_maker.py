"""PDFs by hand: objects, revisions and signatures, of which everything can be made wrong."""

import pathlib
import struct
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
        self.generations = {}  # number: generation, where it is not 0
        self.section = None  # offset of the newest cross-reference section
        self.root = 1

    def copy(self):
        other = Pdf()
        other.__dict__.update(self.__dict__)
        other.objects = dict(self.objects)
        return other

    def revise(self, changes, free=(), trailer=b"", entries=None, stream=None, packed=(), hybrid=False, size=None):
        """Appends a revision. `entries`: cross-reference entries of objects that stand elsewhere. `stream`: the
        cross-reference is a stream of that number; then objects `packed` stand in an object stream of the next.
        `hybrid`: it has these alone, and a table has the others and leads to it."""
        bodies = dict(changes)
        if packed:
            bodies[stream + 1] = object_stream({number: bodies.pop(number) for number in packed})
        out, rows = bytearray(self.data), {**in_use(entries or {}), **{number: (0, 0, 1) for number in free}}
        for number, body in bodies.items():
            generation = self.generations.get(number, 0)
            rows[number] = (1, len(out), generation)
            out += b"%d %d obj\n%s\nendobj\n" % (number, generation, body)
        self.objects.update({**changes, **bodies})
        size = size or max([*self.objects, *rows, stream or 0]) + 1
        trailer += b" /Root %d %d R /Size %d" % (self.root, self.generations.get(self.root, 0), size)
        if self.section is not None:
            trailer += b" /Prev %d" % self.section
        self.section, hidden = len(out), {}
        if packed:
            hidden = {stream + 1: rows.pop(stream + 1), **{n: (2, stream + 1, i) for i, n in enumerate(packed)}}
        if stream:
            out += xref_stream(stream, len(out), hidden if hybrid else {**rows, **hidden}, trailer)
        if hybrid:
            rows.update({number: (0, 0, 0) for number in (*hidden, stream)})
            trailer += b" /XRefStm %d" % self.section
            self.section = len(out)
        if hybrid or not stream:
            first = {} if b"/Prev " in trailer else {0: (0, 0, 65535)}
            out += xref_table({**first, **rows}) + b"trailer\n<<%s >>\n" % trailer
        self.data = bytes(out + b"startxref\n%d\n%%%%EOF\n" % self.section)
        return self

    def stamp(self, number, field, changes, **options):
        """Likewise a time-stamp of the document."""
        return self.sign(number, field, changes, sub_filter=b"ETSI.RFC3161", kind=b"DocTimeStamp", **options)

    def sign(self, number, field, changes, parameters=b"", sub_filter=b"ETSI.CAdES.detached", kind=b"Sig",
             over=None, extra=b"", **options):
        """Signs: the dictionary is object `number`, `field` its field with /V to come; in that `parameters` stand behind
        /Contents, `extra` in front of it. `over`: instead of what it ought to be over."""
        body = (b"<< /Type /%s /Filter /Adobe.PPKLite /SubFilter /%s %s/ByteRange [0 %s] /Contents <%s> "
                b"/M (D:20261126090000Z) %s >>" %
                (kind, sub_filter, extra, b" " * 36, b"0" * 2 * RESERVED, parameters))
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


# --- cross-references: a row (type, offset or object stream, generation or index) for a number ---------------------------

def in_use(offsets):
    return {number: (1, offset, 0) for number, offset in offsets.items()}


def runs(rows):
    """The subsections: (first number, [row, ...])."""
    found = []
    for number, row in sorted(rows.items()):
        if not found or found[-1][0] + len(found[-1][1]) != number:
            found.append((number, []))
        found[-1][1].append(row)
    return found


def xref_table(rows):
    return b"xref\n" + b"".join(
        b"%d %d\n" % (first, len(run)) + b"".join(b"%010d %05d %c \n" % (place, generation, b"fn"[kind])
                                                 for kind, place, generation in run) for first, run in runs(rows))


def xref_stream(number, at, rows, trailer):
    subsections = runs({**rows, number: (1, at, 0)})
    data = b"".join(struct.pack(">BIH", *row) for _, run in subsections for row in run)
    index = b" ".join(b"%d %d" % (first, len(run)) for first, run in subsections)
    return b"%d 0 obj\n%s\nendobj\n" % (number, stream(data, b"/Type /XRef /W [1 4 2] /Index [%s]%s" % (index, trailer)))


# --- objects ------------------------------------------------------------------------------------------------------------

def object_stream(objects):
    bodies, head = b"", b""
    for number, body in objects.items():
        head += b"%d %d " % (number, len(bodies))
        bodies += body + b"\n"
    return stream(head + bodies, b"/Type /ObjStm /N %d /First %d" % (len(objects), len(head)))


def stream(data, extra=b""):
    return b"<< /Length %d %s >>\nstream\n%s\nendstream" % (len(data), extra, data)


def text(words):
    return stream(b"BT /F1 18 Tf 20 100 Td (%s) Tj ET" % words)


# --- a document of one page, with a form and a field for a signature ----------------------------------------------------

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
