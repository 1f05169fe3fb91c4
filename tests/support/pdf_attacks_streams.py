"""Makes signed PDFs with object streams, of which a later cross-reference says something else, or that were replaced so
that readers differ, each beside its harmless twin; and PDFs that take much work for their size. Arguments and result:
as of pdf_attacks.py, and how many revisions such a PDF has."""

import pathlib
import sys

from pdf_maker import BASE, FORM, INFO, PAGE, SIGNER, TSA, WIDGET, Pdf, in_use, object_stream, stream, xref_stream

FOLDER = pathlib.Path(sys.argv[1])
SIGNER += sys.argv[2:4]
TSA += sys.argv[4:6]
UNTOUCHED, GOOD, BAD = ("yes", "none", "-"), ("yes", "permitted", "pdf-added-to"), ("no", "forbidden", "pdf-changed")
cases = []


def case(name, pdf, result):
    (FOLDER / f"{name}.pdf").write_bytes(pdf.data)
    cases.append(" ".join((name, *result)) + "\n")


def broken(words):
    return "refused", "-", "malformed", words


def signed(pdf, certified=None):
    """A signature in object 20, its invisible field in 21."""
    parameters, changes = b"", {3: pdf.objects[3].replace(b"10 0 R]", b"10 0 R 21 0 R]"), 6: FORM % b"7 0 R 10 0 R 21 0 R"}
    if certified:
        parameters = (b"/Reference [<< /Type /SigRef /TransformMethod /DocMDP /TransformParams "
                      b"<< /Type /TransformParams /V /1.2 /P %d >> >>]" % certified)
        changes[1] = pdf.objects[1][:-2] + b"/Perms << /DocMDP 20 0 R >> >>"
    return pdf.sign(20, {21: WIDGET % (b"First", b"0 0 0 0", b"/V 20 0 R ")}, changes, parameters, trailer=INFO, stream=70)


def packed(objects, holder, rows):
    """Object 51 is this object stream; `rows` says at which index each object is in it."""
    pdf, offsets = Pdf(), {}
    for number, body in {**{n: b for n, b in objects.items() if n not in rows}, 51: holder}.items():
        offsets[number] = len(pdf.data)
        pdf.data += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    pdf.section, pdf.objects = len(pdf.data), {**objects, 51: holder}
    inner = {number: (2, 51, index) for number, index in rows.items()}
    pdf.data += xref_stream(50, pdf.section, {**in_use(offsets), **inner}, INFO + b" /Root 1 0 R /Size 71")
    pdf.data += b"startxref\n%d\n%%%%EOF\n" % pdf.section
    return pdf


def pointed(pdf, rows):
    """An update that is nothing but a cross-reference."""
    pdf = pdf.copy()
    at = len(pdf.data)
    pdf.data += xref_stream(72, at, rows, b" /Root 1 0 R /Size 90 /Prev %d" % pdf.section + INFO)
    pdf.data += b"startxref\n%d\n%%%%EOF\n" % at
    return pdf


def holder(pairs, bodies):
    """An object stream with these numbers and offsets."""
    head = b"".join(b"%d %d " % pair for pair in pairs)
    return stream(head + bodies, b"/Type /ObjStm /N %d /First %d" % (len(pairs), len(head)))


RESOURCES = b"<< /Font << /F1 5 0 R >> /XObject << /Over 9 0 R >> >>"
DOCUMENT = {**BASE, 3: (PAGE % b"7 0 R 10 0 R").split(b"/Resources")[0] + b"/Resources 80 0 R >>", 80: RESOURCES}
INNER = {n: DOCUMENT[n] for n in (2, 5, 80)}
AT = {2: 0, 5: 1, 80: 2}

# --- another index: some readers go by it, others by the number that stands in the object stream ------------------------

for level in (None, 1):
    pdf = signed(packed(DOCUMENT, object_stream(INNER), AT), level)
    case(f"index-{level}", pdf, UNTOUCHED)
    case(f"index-same-{level}", pointed(pdf, {5: (2, 51, 1), 80: (2, 51, 2)}), GOOD)
    for number, index in ((5, 60000), (5, 7), (5, 0), (80, 1), (80, 3), (2, 1)):
        case(f"index-{number}-{index}-{level}", pointed(pdf, {number: (2, 51, index)}),
             broken(f"object {number} has another index in its object stream than {index}"))
    case(f"index-none-{level}", pointed(pdf, {12: (2, 51, 1)}), broken("object 12 is not in the object stream"))
    case(f"index-new-{level}", pointed(pdf, {81: (2, 51, 1)}), broken("object 81 is not in the object stream"))
    case(f"holder-none-{level}", pointed(pdf, {5: (2, 4, 1)}), broken("object 4 is no object stream"))
    case(f"holder-itself-{level}", pointed(pdf, {5: (2, 5, 0)}), broken("object 5 is no object stream"))

# --- an object that the stream has twice: prepared, and then taken from the other index ---------------------------------

TURNED = INNER[2][:-2] + b"/Rotate 180 >>"
for level in (None, 1):
    for name, bodies in (("evil-last", (INNER[2], TURNED)), ("evil-first", (TURNED, INNER[2]))):
        twice = holder(((2, 0), (2, 100)), b"".join(body.ljust(100) for body in bodies))
        for now in (0, 1):
            pdf = signed(packed(DOCUMENT, twice, {2: now}), level)
            case(f"twice-{name}-{now}-{level}", pointed(pdf, {2: (2, 51, 1 - now)}),
                 broken("object 2 is more than once in an object stream"))

# --- an object stream that is replaced: where an object ends, for who reads up to the next one --------------------------

pdf = signed(packed(DOCUMENT, object_stream(INNER), AT))
LENGTHS = [len(INNER[n]) + 1 for n in AT]
BODIES = b"".join(INNER[n] + b"\n" for n in AT)
PAIRS = ((2, 0), (5, LENGTHS[0]), (80, LENGTHS[0] + LENGTHS[1]))


def replaced(name, body, result, before=pdf):
    case(f"replaced-{name}", before.copy().revise({51: body}, trailer=INFO, stream=74), result)


replaced("same", holder(PAIRS, BODIES), GOOD)
replaced("commented", object_stream({number: body + b" % << (\n\0" for number, body in INNER.items()}), GOOD)
replaced("cut-behind", holder((*PAIRS, (90, PAIRS[2][1] + 8)), BODIES), broken("object 80 does not end where the next one"))
replaced("more-behind", holder((*PAIRS, (90, len(BODIES) + 9)), BODIES + b"stream\n  null"),
         broken("object 80 does not end where the next one"))
replaced("unordered", holder((PAIRS[0], (5, LENGTHS[0]), (80, 0)), BODIES), broken("do not stand in their order"))
replaced("fewer", holder(PAIRS, BODIES).replace(b"/N 3", b"/N 2"), broken("object 5 does not end"))
replaced("more", holder(PAIRS, BODIES).replace(b"/N 3", b"/N 4"), broken("begin with the numbers"))
replaced("many", holder(PAIRS, BODIES).replace(b"/N 3", b"/N 2000000000"), broken("a wrong /N or /First"))
replaced("first-beyond", holder(PAIRS, BODIES).replace(b"/First ", b"/First 9"), broken("a wrong /N or /First"))
replaced("other-type", holder(PAIRS, BODIES).replace(b"/ObjStm", b"/Other"), broken("object 51 is no object stream"))

# A whole number, which some take for the beginning of a reference: what stands behind it would go on as one.
counted = signed(packed({**DOCUMENT, 2: INNER[2].replace(b"/Count 1", b"/Count 81 0 R"), 81: b"1"},
                        holder(((81, 0), (90, 2)), b"1 true"), {81: 0}))
case("number", counted, UNTOUCHED)
replaced("number-alone", holder(((81, 0),), b"1"), GOOD, counted)
replaced("number-and-more", holder(((81, 0), (90, 2)), b"1 null"), BAD, counted)  # no cross-reference leads to 90
replaced("number-joined", holder(((81, 0), (90, 1)), b"12 null"), broken("object 81 does not end"), counted)
replaced("number-referring", holder(((81, 0), (90, 2)), b"1 0 R"), broken("object 81 may be taken for a reference"), counted)

# --- what stands behind the last revision -------------------------------------------------------------------------------

plain = signed(Pdf().revise(BASE, trailer=INFO))
added = plain.copy().revise({80: b"null"}, trailer=INFO)
for name, pdf, result in (("untouched", plain, UNTOUCHED), ("added", added, GOOD)):
    case(name, pdf, result)
    for behind, octets, then in (("blank", b"\n", result), ("junk", b"junk", BAD)):
        longer = pdf.copy()
        longer.data += octets
        case(f"{name}-{behind}", longer, then)

# --- work: many revisions with a high number, of which they have few objects --------------------------------------------

high = signed(Pdf().revise({**BASE, 8388600: b"null"}, trailer=INFO))
for _ in range(int(sys.argv[6])):
    high.revise({80: b"null"}, trailer=INFO, size=8388601)
case("high-number", high, GOOD)
case("high-number-changed", high.copy().revise({5: b"null"}, trailer=INFO, size=8388601), BAD)

# Many fields that are filled in, and a lock of many others.
MANY = range(4000)
fields = {1000 + i: b"<< /FT /Tx /T (f%d) /V () >>" % i for i in MANY}
filled = {1000 + i: b"<< /FT /Tx /T (f%d) /V (x) >>" % i for i in MANY}
form = b"7 0 R 10 0 R 21 0 R " + b" ".join(b"%d 0 R" % number for number in fields)
for name, last, result in (("others", b"g", GOOD), ("one", b"f3999", BAD)):
    lock = b"/Lock << /Type /SigFieldLock /Action /Include /Fields [%s (%s)] >> " % (
        b" ".join(b"(g%d)" % i for i in MANY), last)
    pdf = Pdf().revise({**BASE, **fields}, trailer=INFO)
    pdf.sign(20, {21: WIDGET % (b"First", b"0 0 0 0", b"/V 20 0 R " + lock)}, {6: FORM % form}, trailer=INFO)
    case(f"locked-many-{name}", pdf.revise(filled, trailer=INFO), result)

(FOLDER / "cases").write_text("".join(cases), "utf-8")
