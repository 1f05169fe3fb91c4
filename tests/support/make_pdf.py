"""Makes small PDFs of odd structure: make_pdf.py KIND OUT. What is not said otherwise is an ordinary PDF of two pages
with a classic cross-reference table."""
import os
import struct
import sys

CATALOG, PAGES, PAGE, SECOND, CONTENT, FONT = range(1, 7)
FORM, FIELD, OTHER, LIST = range(7, 11)
STREAM_TYPES = b"/Type /ObjStm"


class Pdf:
    def __init__(self, kind="table"):
        self.kind = kind
        self.version = b"1.7"
        self.newline = b"\n"
        self.tail = b"\n"
        self.catalog = b""
        self.page = b""
        self.pages = b""
        self.generation = {}
        text = b"BT /F1 24 Tf 72 700 Td (Delivered complete and in good order.) Tj ET"
        self.objects = {
            PAGES: b"<< /Type /Pages /Kids [3 0 R 4 0 R] /Count 2 /MediaBox [0 0 612 792] %(pages)s >>",
            PAGE: b"<< /Type /Page /Parent 2 0 R /Contents 5 0 R /Resources << /Font << /F1 6 0 R >> >> %(page)s >>",
            SECOND: b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 200] >>",
            CONTENT: b"<< /Length %d >>\nstream\n%s\nendstream" % (len(text), text),
            FONT: b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        }

    def field(self, more=b"", name=b"(Approval)", rect=b"[100 100 300 180]"):
        """A form with one empty signature field, which is shown on the first page."""
        self.catalog += b" /AcroForm 7 0 R"
        self.page += b" /Annots [8 0 R]"
        self.objects[FORM] = b"<< /Fields [8 0 R] /SigFlags 1 >>"
        self.objects[FIELD] = (b"<< /Type /Annot /Subtype /Widget /FT /Sig /T " + name + b" /F 4 /P 3 0 R /Rect " + rect
                               + b" " + more + b" >>")
        return self

    def bodies(self):
        values = {b"pages": self.pages, b"page": self.page}
        self.objects[CATALOG] = b"<< /Type /Catalog /Pages 2 0 R" + self.catalog + b" >>"
        for number, body in sorted(self.objects.items()):
            yield number, body % values if b"%(" in body else body

    def write(self, path):
        out = bytearray(b"%PDF-" + self.version + self.newline + b"%\xe2\xe3\xcf\xd3" + self.newline)
        places, packed = {}, []
        for number, body in self.bodies():
            hide = self.kind in ("stream", "hybrid") and b"stream\n" not in body and (
                self.kind == "stream" or number > CONTENT)
            if hide:
                packed.append((number, body))
                continue
            places[number] = (1, len(out), self.generation.get(number, 0))
            out += b"%d %d obj\n%s\nendobj\n" % (number, self.generation.get(number, 0), body)
        size = max(self.objects) + 1
        if self.kind == "table":
            startxref = self.table(out, places, size, b"")
        else:
            startxref = self.streams(out, places, packed, size)
        out += b"startxref\n%d\n%%%%EOF" % startxref + self.tail
        with open(path, "wb") as file:
            file.write(out)

    def table(self, out, places, size, more):
        at = len(out)
        out += b"xref\n0 %d\n0000000000 65535 f \n" % size
        for number in range(1, size):
            out += b"%010d %05d n \n" % places[number][1:] if number in places else b"0000000000 00000 f \n"
        out += b"trailer\n<< /Size %d /Root 1 0 R /ID [<0102> <0304>] %s >>\n" % (size, more)
        return at

    def streams(self, out, places, packed, size):
        """An object stream and a cross-reference stream, to which a hybrid file's table points."""
        container, xref = size, size + 1
        index = data = b""
        hidden = {}
        for i, (number, body) in enumerate(packed):
            index += b"%d %d " % (number, len(data))
            data += body + b" "
            hidden[number] = (2, container, i)
        hidden[container] = (1, len(out), 0)
        out += b"%d 0 obj\n<< %s /N %d /First %d /Length %d >>\nstream\n%s%s\nendstream\nendobj\n" % (
            container, STREAM_TYPES, len(packed), len(index), len(index) + len(data), index, data)
        at = len(out)
        hidden[xref] = (1, at, 0)
        entries = dict(hidden) if self.kind == "hybrid" else {**places, **hidden}
        numbers = sorted(entries)
        subsections = b" ".join(b"%d 1" % n for n in numbers)
        rows = b"".join(struct.pack(">BIH", *entries[n]) for n in numbers)
        out += (b"%d 0 obj\n<< /Type /XRef /W [1 4 2] /Index [%s] /Size %d /Root 1 0 R /ID [<0102> <0304>] /Length %d >>"
                b"\nstream\n%s\nendstream\nendobj\n" % (xref, subsections, size + 2, len(rows), rows))
        if self.kind == "stream":
            return at
        return self.table(out, places, size + 2, b"/XRefStm %d" % at)


def many_objects():
    end = 7 + int(os.environ.get("PDF_OBJECTS", "100000"))
    pdf = with_catalog(b" /Pieces %d 0 R" % end)
    for number in range(7, end):
        pdf.objects[number] = b"<< /N %d /Page 3 0 R >>" % number
    pdf.objects[end] = b"[" + b" ".join(b"%d 0 R" % number for number in range(7, end)) + b"]"
    return pdf


def with_page(entries):
    pdf = Pdf()
    pdf.page += entries
    return pdf


def with_catalog(entries):
    pdf = Pdf()
    pdf.catalog += entries
    return pdf


def indirect_lists():
    pdf = Pdf("stream").field()
    pdf.page = b" /Annots 10 0 R"
    pdf.objects[FORM] = b"<< /Fields 9 0 R /SigFlags 3 >>"
    pdf.objects[OTHER] = b"[8 0 R]"
    pdf.objects[LIST] = b"[8 0 R]"
    return pdf


def text_field():
    pdf = Pdf().field()
    pdf.objects[FIELD] = b"<< /Type /Annot /Subtype /Widget /FT /Tx /T (Remark) /V (none) /F 4 /P 3 0 R /Rect [9 9 99 30] >>"
    return pdf


def below():
    """A signature field two levels down, with its type above it and its widget below."""
    pdf = Pdf().field()
    pdf.page = b" /Annots [10 0 R]"
    pdf.objects[FIELD] = b"<< /T (Order) /FT /Sig /Kids [9 0 R] >>"
    pdf.objects[OTHER] = b"<< /T <FEFF00C4> /Parent 8 0 R /Kids [10 0 R] >>"
    pdf.objects[LIST] = b"<< /Type /Annot /Subtype /Widget /Parent 9 0 R /F 4 /Rect [100 100 300 180] >>"
    return pdf


def cyclic_pages():
    pdf = Pdf()
    pdf.objects[SECOND] = b"<< /Type /Pages /Parent 2 0 R /Kids [2 0 R] /Count 1 >>"
    return pdf


def length():
    pdf = Pdf()
    pdf.objects[CONTENT] = b"<< /Length 10000000000 >>\nstream\nBT ET\nendstream"
    return pdf


def cyclic_fields():
    pdf = Pdf().field()
    pdf.objects[FIELD] = b"<< /T (a) /FT /Sig /Kids [8 0 R] >>"
    return pdf


def two_roles():
    """The form is the page."""
    pdf = Pdf()
    pdf.catalog = b" /AcroForm 3 0 R"
    return pdf


def generations():
    pdf = Pdf()
    pdf.generation[FONT] = 3
    pdf.objects[PAGE] = pdf.objects[PAGE].replace(b"6 0 R", b"6 3 R")
    return pdf


def no_newline(pdf):
    pdf.tail = b""
    return pdf


def turned(angle):
    pdf = Pdf()
    pdf.pages = b"/Rotate %d /CropBox [10 20 610 780]" % angle
    return pdf


def script(action):
    return with_catalog(b" /OpenAction << " + action + b" >>")


def external():
    pdf = Pdf()
    pdf.objects[7] = b"<< /F (other.bin) /Length 0 >>\nstream\n\nendstream"
    return pdf


KINDS = {
    "table": Pdf,
    "stream": lambda: Pdf("stream"),
    "hybrid": lambda: Pdf("hybrid").field(),
    "many": many_objects,
    "no-newline": lambda: no_newline(Pdf()),
    "no-newline-stream": lambda: no_newline(Pdf("stream")),
    "generations": generations,
    "direct-form": lambda: with_catalog(b" /AcroForm << /Fields [] >>"),
    "indirect-lists": indirect_lists,
    "field": lambda: Pdf().field(),
    "field-stream": lambda: Pdf("stream").field(),
    "field-below": below,
    "field-invisible": lambda: Pdf().field(rect=b"[0 0 0 0]"),
    "field-text": text_field,
    "field-lock-all": lambda: Pdf().field(b"/Lock << /Type /SigFieldLock /Action /All >>"),
    "field-lock-other": lambda: Pdf().field(b"/Lock << /Type /SigFieldLock /Action /Include /Fields [(Signature2)] >>"),
    "field-lock-p1": lambda: Pdf().field(b"/Lock << /Type /SigFieldLock /Action /Include /Fields [(x)] /P 1 >>"),
    "field-lock-p2": lambda: Pdf().field(b"/Lock << /Type /SigFieldLock /Action /Include /Fields [(x)] /P 2 >>"),
    "field-lock-p3": lambda: Pdf().field(b"/Lock << /Type /SigFieldLock /Action /Include /Fields [(x)] /P 3 >>"),
    "seed-subfilter": lambda: Pdf().field(b"/SV << /Ff 2 /SubFilter [/adbe.pkcs7.detached] >>"),
    "seed-subfilter-good": lambda: Pdf().field(b"/SV << /Ff 2 /SubFilter [/adbe.pkcs7.detached /ETSI.CAdES.detached] >>"),
    "seed-subfilter-wish": lambda: Pdf().field(b"/SV << /Ff 0 /SubFilter [/adbe.pkcs7.detached] >>"),
    "seed-digest": lambda: Pdf().field(b"/SV << /Ff 64 /DigestMethod [(SHA512)] >>"),
    "seed-reasons": lambda: Pdf().field(b"/SV << /Ff 8 /Reasons [(Seen) (Paid)] >>"),
    "seed-no-reason": lambda: Pdf().field(b"/SV << /Ff 8 /Reasons [(.)] >>"),
    "seed-certify": lambda: Pdf().field(b"/SV << /MDP << /P 2 >> >>"),
    "seed-certificate": lambda: Pdf().field(b"/SV << /Cert << /Ff 1 /Subject [(x)] >> >>"),
    "seed-time-stamp": lambda: Pdf().field(b"/SV << /TimeStamp << /URL (http://x) /Ff 1 >> >>"),
    "turned-0": lambda: turned(0),
    "turned-90": lambda: turned(90),
    "turned-180": lambda: turned(180),
    "turned-270": lambda: turned(-90),
    "user-unit": lambda: with_page(b" /UserUnit 2"),
    "script": lambda: script(b"/S /JavaScript /JS (app.alert(1))"),
    "launch": lambda: script(b"/S /Launch /F (calc.exe)"),
    "external": external,
    "cyclic-pages": cyclic_pages,
    "cyclic-fields": cyclic_fields,
    "length": length,
    "two-roles": two_roles,
}

if __name__ == "__main__":
    KINDS[sys.argv[1]]().write(sys.argv[2])
