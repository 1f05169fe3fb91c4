"""Makes PDFs: make_pdf.py KIND OUT [ARGUMENT]... KIND is one of KINDS below; those that take arguments say which. What
is not said otherwise is an ordinary PDF of two pages with a classic cross-reference table."""
import os
import pathlib
import sys
import zlib

from pdf_maker import BASE, INFO, SIGNER, WIDGET, Pdf, stream
from pdf_maker import FORM as SIGNED_FORM
from pdf_maker import PAGE as SIGNED_PAGE

CATALOG, PAGES, PAGE, SECOND, CONTENT, FONT = range(1, 7)
FORM, FIELD, OTHER, LIST = range(7, 11)


class Document:
    """What it is made of; `structure`: a cross-reference "table", "stream", or both ("hybrid")."""

    def __init__(self, structure="table"):
        self.structure = structure
        self.catalog = b""  # entries that are added to the objects of these names
        self.page = b""
        self.pages = b""
        self.generations = {}
        self.objects = {
            CATALOG: b"<< /Type /Catalog /Pages 2 0 R >>",
            PAGES: b"<< /Type /Pages /Kids [3 0 R 4 0 R] /Count 2 /MediaBox [0 0 612 792] >>",
            PAGE: b"<< /Type /Page /Parent 2 0 R /Contents 5 0 R /Resources << /Font << /F1 6 0 R >> >> >>",
            SECOND: b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 200] >>",
            CONTENT: stream(b"BT /F1 24 Tf 72 700 Td (Delivered complete and in good order.) Tj ET"),
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
        more = {CATALOG: self.catalog, PAGES: self.pages, PAGE: self.page}
        return {number: body[:-2] + more[number] + b" >>" if number in more else body
                for number, body in sorted(self.objects.items())}

    def pdf(self):
        """An object stream has all that can be in one, but for what an old reader has to see of a hybrid file."""
        pdf, bodies, options = Pdf(), self.bodies(), {}
        pdf.generations = self.generations
        if self.structure != "table":
            first = FONT if self.structure == "hybrid" else CATALOG
            options = {"stream": max(bodies) + 1, "hybrid": self.structure == "hybrid",
                       "packed": [n for n, body in bodies.items() if n >= first and b"stream\n" not in body]}
        return pdf.revise(bodies, trailer=b" /ID [<0102> <0304>]", **options)

    @property
    def data(self):
        return self.pdf().data


def many_objects():
    end = 7 + int(os.environ.get("PDF_OBJECTS", "100000"))
    pdf = with_catalog(b" /Pieces %d 0 R" % end)
    for number in range(7, end):
        pdf.objects[number] = b"<< /N %d /Page 3 0 R >>" % number
    pdf.objects[end] = b"[" + b" ".join(b"%d 0 R" % number for number in range(7, end)) + b"]"
    return pdf


def inflating(size):
    """SIZE: some kilobytes, of which an object stream, inflated twice, has so many octets. It takes the place of the one
    that the font is in."""
    packer = zlib.compressobj(9)
    packed = packer.compress(b"%d 0 null " % FONT)
    for _ in range(int(size) >> 20):
        packed += packer.compress(b" " * 2**20)
    packed = zlib.compress(packed + packer.flush(), 9)
    holder = (b"<< /Type /ObjStm /N 1 /First 4 /Filter [/FlateDecode /FlateDecode] /Length %d >>\nstream\n%s\nendstream"
              % (len(packed), packed))
    return Document("hybrid").pdf().revise({FONT + 2: holder})


def revised(count):
    """COUNT: so many revisions, all but the first with the same font once more."""
    pdf = Document().pdf()
    for _ in range(int(count) - 1):
        pdf.revise({FONT: pdf.objects[FONT]})
    return pdf


def with_page(entries):
    pdf = Document()
    pdf.page += entries
    return pdf


def with_catalog(entries):
    pdf = Document()
    pdf.catalog += entries
    return pdf


def indirect_lists():
    pdf = Document("stream").field()
    pdf.page = b" /Annots 10 0 R"
    pdf.objects[FORM] = b"<< /Fields 9 0 R /SigFlags 3 >>"
    pdf.objects[OTHER] = b"[8 0 R]"
    pdf.objects[LIST] = b"[8 0 R]"
    return pdf


def text_field():
    pdf = Document().field()
    pdf.objects[FIELD] = b"<< /Type /Annot /Subtype /Widget /FT /Tx /T (Remark) /V (none) /F 4 /P 3 0 R /Rect [9 9 99 30] >>"
    return pdf


def below():
    """A signature field two levels down, with its type above it and its widget below."""
    pdf = Document().field()
    pdf.page = b" /Annots [10 0 R]"
    pdf.objects[FIELD] = b"<< /T (Order) /FT /Sig /Kids [9 0 R] >>"
    pdf.objects[OTHER] = b"<< /T <FEFF00C4> /Parent 8 0 R /Kids [10 0 R] >>"
    pdf.objects[LIST] = b"<< /Type /Annot /Subtype /Widget /Parent 9 0 R /F 4 /Rect [100 100 300 180] >>"
    return pdf


def placed_twice():
    pdf = below()
    pdf.page = b" /Annots [10 0 R 11 0 R]"
    pdf.objects[OTHER] = pdf.objects[OTHER].replace(b"[10 0 R]", b"[10 0 R 11 0 R]")
    pdf.objects[11] = pdf.objects[LIST].replace(b"[100 100 300 180]", b"[100 300 300 380]")
    return pdf


def two_fields(names=(b"(Buyer)", b"(Seller)")):
    pdf = Document().field(name=names[0])
    pdf.page = b" /Annots [8 0 R %s]" % b" ".join(b"%d 0 R" % (9 + i) for i in range(len(names) - 1))
    pdf.objects[FORM] = b"<< /Fields %s /SigFlags 1 >>" % pdf.page[8:]
    for i, name in enumerate(names[1:]):
        pdf.objects[9 + i] = pdf.objects[FIELD].replace(names[0], name)
    return pdf


def flagged(flags):
    pdf = Document().field()
    pdf.objects[FIELD] = pdf.objects[FIELD].replace(b"/F 4", b"/F %d" % flags)
    return pdf


def cyclic_pages():
    pdf = Document()
    pdf.objects[SECOND] = b"<< /Type /Pages /Parent 2 0 R /Kids [2 0 R] /Count 1 >>"
    return pdf


def length():
    pdf = Document()
    pdf.objects[CONTENT] = b"<< /Length 10000000000 >>\nstream\nBT ET\nendstream"
    return pdf


def unending():
    """A stream with a length of which not every reader makes the same."""
    pdf = Document()
    pdf.objects[CONTENT] = pdf.objects[CONTENT].replace(b"/Length ", b"/Length " + b"0" * 30)
    return pdf


def cyclic_fields():
    pdf = Document().field()
    pdf.objects[FIELD] = b"<< /T (a) /FT /Sig /Kids [8 0 R] >>"
    return pdf


def two_roles():
    """The form is the page."""
    pdf = Document()
    pdf.catalog = b" /AcroForm 3 0 R"
    return pdf


def generations():
    pdf = Document()
    pdf.generations[FONT] = 3
    pdf.objects[PAGE] = pdf.objects[PAGE].replace(b"6 0 R", b"6 3 R")
    return pdf


def without_newline(pdf):
    pdf = pdf.pdf()
    pdf.data = pdf.data.rstrip(b"\n")
    return pdf


def turned(angle):
    pdf = Document()
    pdf.pages = b"/Rotate %d /CropBox [10 20 610 780]" % angle
    return pdf


def script(action):
    return with_catalog(b" /OpenAction << " + action + b" >>")


def acting(action, other="null"):
    """ACTION [OBJECT]: an action when the document is opened, and what object 7 is, which it may refer to."""
    pdf = script(action.encode())
    pdf.objects[7] = other.encode()
    return pdf


def bookmarks():
    """An outline (ISO 32000-1 §12.3.3), whose items lead to the ones before and behind them."""
    pdf = with_catalog(b" /Outlines 7 0 R /PageMode /UseOutlines")
    pdf.objects.update({
        7: b"<< /Type /Outlines /First 8 0 R /Last 10 0 R /Count 4 >>",
        8: b"<< /Title (Order) /Parent 7 0 R /Next 9 0 R /Dest [3 0 R /Fit] >>",
        9: b"<< /Title (Delivery) /Parent 7 0 R /Prev 8 0 R /Next 10 0 R /First 11 0 R /Last 11 0 R /Count 1 /Dest [3 0 R /Fit] >>",
        10: b"<< /Title (Payment) /Parent 7 0 R /Prev 9 0 R /Dest [4 0 R /Fit] >>",
        11: b"<< /Title (Complete) /Parent 9 0 R /Dest [3 0 R /Fit] >>",
    })
    return pdf


def dangling(structure):
    """References that lead nowhere: to where the objects of one signature, and of many, would come, and far off."""
    pdf = Document(structure)
    pdf.catalog = b" /Later [%s 5000000 0 R]" % b" ".join(b"%d 0 R" % number for number in range(10, 40))
    pdf.page = b" /PieceInfo << /Lost << /LastModified (D:20260101) /Private 45 0 R >> >>"
    return pdf


def listed():
    """Dictionaries in lists, as PDF/A has them, which some writers make objects of their own when they add to the file."""
    return with_catalog(b" /OutputIntents [<< /Type /OutputIntent /S /GTS_PDFA1 /OutputConditionIdentifier (sRGB) >>]"
                        b" /PageLabels << /Nums [0 << /S /D >> 1 << /S /r /St 4 >>] >>")


def external():
    pdf = Document()
    pdf.objects[7] = b"<< /F (other.bin) /Length 0 >>\nstream\n\nendstream"
    return pdf


# --- those of a size, or with words, that are asked for -----------------------------------------------------------------

def page(words, *features):
    """TEXT [FEATURE]...: one page. FEATURE: script, external (what acts, or comes from elsewhere), field (an empty signature
    field "Here" with a place on the page), pad=N (N octets of content that nobody sees)."""
    pdf = script(b"/S /JavaScript /JS (app.alert(1))") if "script" in features else Document()
    if "field" in features:
        pdf.field(name=b"(Here)", rect=b"[72 400 372 500]")
    del pdf.objects[SECOND]
    pdf.objects[PAGES] = b"<< /Type /Pages /Kids [3 0 R] /Count 1 /MediaBox [0 0 595 842] >>"
    pdf.objects[CONTENT] = stream(b"BT /F1 24 Tf 72 720 Td (%s) Tj ET" % words.encode())
    for feature in features:
        if feature == "external":
            pdf.objects[OTHER] = stream(b"", b"/F << /Type /Filespec /FS /URL /F (http://a.example/) >>")
        if feature.startswith("pad="):
            pdf.objects[LIST] = stream(os.urandom(int(feature[4:])).replace(b"e", b"E"))
    return pdf


def large(pages, size):
    """PAGES OCTETS: so many pages, each with an image of noise, which together are so large."""
    count, noise = int(pages), os.urandom(int(size) // int(pages))
    image = stream(noise, b"/Type /XObject /Subtype /Image /Width %d /Height 1 /BitsPerComponent 8 /ColorSpace /DeviceGray"
                   % len(noise))
    numbers = range(3, 3 + 3 * count, 3)
    objects = {CATALOG: b"<< /Type /Catalog /Pages 2 0 R >>",
               PAGES: b"<< /Type /Pages /Kids [%s] /Count %d /MediaBox [0 0 595 842] >>" % (
                   b" ".join(b"%d 0 R" % number for number in numbers), count)}
    for number in numbers:
        objects[number] = (b"<< /Type /Page /Parent 2 0 R /Contents %d 0 R /Resources << /XObject << /I %d 0 R >> >> >>"
                           % (number + 1, number + 2))
        objects[number + 1] = stream(b"q 500 0 0 700 40 70 cm /I Do")
        objects[number + 2] = image
    return Pdf().revise(objects)


def form_shared(certificate, key):
    """CERTIFICATE KEY: signed once; something else leads to its form, too, which so may not change."""
    SIGNER.extend((certificate, key))
    pdf = Pdf().revise({**BASE, 1: BASE[1][:-2] + b"/Later 6 0 R >>"}, trailer=INFO)
    fields = b"7 0 R 10 0 R 20 0 R"
    return pdf.sign(21, {20: WIDGET % (b"Signature", b"0 0 0 0", b"/V 21 0 R ")},
                    {3: SIGNED_PAGE % fields, 6: SIGNED_FORM % fields}, trailer=INFO)


def signed(count, certificate, key):
    """COUNT CERTIFICATE KEY: signed so many times, each in a revision of its own behind the first."""
    SIGNER.extend((certificate, key))
    pdf, fields = Pdf().revise(BASE, trailer=INFO), b"7 0 R 10 0 R"
    for number in range(int(count)):
        field, signature = 100 + 2 * number, 101 + 2 * number
        fields += b" %d 0 R" % field
        pdf.sign(signature, {field: WIDGET % (b"Signature %d" % number, b"0 0 0 0", b"/V %d 0 R " % signature)},
                 {3: SIGNED_PAGE % fields, 6: SIGNED_FORM % fields}, trailer=INFO)
    return pdf


KINDS = {
    "table": Document,
    "stream": lambda: Document("stream"),
    "hybrid": lambda: Document("hybrid").field(),
    "many": many_objects,
    "no-newline": lambda: without_newline(Document()),
    "no-newline-stream": lambda: without_newline(Document("stream")),
    "generations": generations,
    "direct-form": lambda: with_catalog(b" /AcroForm << /Fields [] >>"),
    "indirect-lists": indirect_lists,
    "field": lambda: Document().field(),
    "field-stream": lambda: Document("stream").field(),
    "field-below": below,
    "field-invisible": lambda: Document().field(rect=b"[0 0 0 0]"),
    "field-hidden": lambda: flagged(2),
    "field-no-view": lambda: flagged(36),
    "field-not-printed": lambda: flagged(0),
    "field-outside": lambda: Document().field(rect=b"[900 900 1100 980]"),
    "field-cut": lambda: Document().field(rect=b"[500 100 700 180]"),
    "field-edge": lambda: Document().field(rect=b"[412.5 100 612.5 180]"),
    "field-places": placed_twice,
    "fields": two_fields,
    "fields-many": lambda: two_fields([b"(%s %d \033)" % (b"A" * 80, i) for i in range(9)]),
    "field-text": text_field,
    "field-lock-all": lambda: Document().field(b"/Lock << /Type /SigFieldLock /Action /All >>"),
    "field-lock-other": lambda: Document().field(b"/Lock << /Type /SigFieldLock /Action /Include /Fields [(Signature2)] >>"),
    "field-lock-p1": lambda: Document().field(b"/Lock << /Type /SigFieldLock /Action /Include /Fields [(x)] /P 1 >>"),
    "field-lock-p2": lambda: Document().field(b"/Lock << /Type /SigFieldLock /Action /Include /Fields [(x)] /P 2 >>"),
    "field-lock-p3": lambda: Document().field(b"/Lock << /Type /SigFieldLock /Action /Include /Fields [(x)] /P 3 >>"),
    "seed-subfilter": lambda: Document().field(b"/SV << /Ff 2 /SubFilter [/adbe.pkcs7.detached] >>"),
    "seed-subfilter-good": lambda: Document().field(b"/SV << /Ff 2 /SubFilter [/adbe.pkcs7.detached /ETSI.CAdES.detached] >>"),
    "seed-subfilter-wish": lambda: Document().field(b"/SV << /Ff 0 /SubFilter [/adbe.pkcs7.detached] >>"),
    "seed-digest": lambda: Document().field(b"/SV << /Ff 64 /DigestMethod [(SHA512)] >>"),
    "seed-reasons": lambda: Document().field(b"/SV << /Ff 8 /Reasons [(Seen) (Paid)] >>"),
    "seed-many-reasons": lambda: Document().field(b"/SV << /Ff 8 /Reasons [%s] >>" % (b"(Seen \177 by everybody) " * 99)),
    "seed-no-reason": lambda: Document().field(b"/SV << /Ff 8 /Reasons [(.)] >>"),
    "seed-certify": lambda: Document().field(b"/SV << /MDP << /P 2 >> >>"),
    "seed-certificate": lambda: Document().field(b"/SV << /Cert << /Ff 1 /Subject [(x)] >> >>"),
    "seed-time-stamp": lambda: Document().field(b"/SV << /TimeStamp << /URL (http://x) /Ff 1 >> >>"),
    "turned-0": lambda: turned(0),
    "turned-90": lambda: turned(90),
    "turned-180": lambda: turned(180),
    "turned-270": lambda: turned(-90),
    "user-unit": lambda: with_page(b" /UserUnit 2"),
    "script": lambda: script(b"/S /JavaScript /JS (app.alert(1))"),
    "launch": lambda: script(b"/S /Launch /F (calc.exe)"),
    "acting": acting,
    "listed": listed,
    "external": external,
    "bookmarks": bookmarks,
    "dangling": lambda: dangling("table"),
    "dangling-stream": lambda: dangling("stream"),
    "unending": unending,
    "cyclic-pages": cyclic_pages,
    "cyclic-fields": cyclic_fields,
    "length": length,
    "inflating": inflating,
    "revised": revised,
    "two-roles": two_roles,
    "page": page,
    "large": large,
    "signed": signed,
    "form-shared": form_shared,
}

if __name__ == "__main__":
    pathlib.Path(sys.argv[2]).write_bytes(KINDS[sys.argv[1]](*sys.argv[3:]).data)
