"""Makes signed PDFs, and appends to each what one reader takes in one way and another in another: bodies to which no
cross-reference leads, under a cross-reference that some readers find broken, so that they look for the bodies. Each has
its harmless twin. Arguments: FOLDER CERTIFICATE KEY. Writes FOLDER/NAME.pdf, and FOLDER/cases: NAME, "yes" where the
signature is to pass ("no": it is not; "refused": the file is), and what is to be said of it ("-": nothing)."""

import pathlib
import sys

from pdf_maker import (BASE, INFO, PAGE, SIGNER, Pdf, in_use, object_stream, stream, text, xref_stream, xref_table)

FOLDER = pathlib.Path(sys.argv[1])
SIGNER += sys.argv[2:4]
cases = []

LEADS_NOWHERE = "something was appended to which no cross-reference leads"
IN_TWO_WAYS = "is written so that readers may take it in different ways"
WITHIN = "appended within an object that readers may take for another object"
NO_ENTRIES = "is not made of entries that all readers take alike"


def case(name, data, passes, words="-"):
    (FOLDER / f"{name}.pdf").write_bytes(data)
    cases.append(f"{name} {passes} {words}\n")


def signed(pdf=None, **options):
    return (pdf or Pdf().revise(CLEAN, trailer=INFO)).sign(
        20, {21: b"<< /Type /Annot /Subtype /Widget /FT /Sig /T (First) /F 132 /Rect [0 0 0 0] /P 3 0 R /V 20 0 R >>"},
        {6: b"<< /Fields [7 0 R 10 0 R 21 0 R] /SigFlags 3 >>"}, trailer=INFO, **options)


def body(number, content):
    return b"%d 0 obj\n%s\nendobj\n" % (number, content)


def appended(bodies=(), table=None, evil=b"", trailer=b"trailer\n<< /Root 1 0 R /Info 12 0 R /Size 90 /Prev %d >>\n",
             ending=b"startxref\n%d\n%%%%EOF\n", pdf=None):
    """An update by hand. `bodies`: number and octets; `table`: instead of theirs; `evil`: stands in front of them, and
    nothing leads there."""
    pdf = pdf or SIGNED
    data, rows = pdf.data + evil, {}
    for number, octets in bodies:
        rows[number] = len(data)
        data += octets
    at = len(data)
    data += xref_table(in_use(rows)) if table is None else table
    return data + (trailer % pdf.section if b"%d" in trailer else trailer) + ending % at


# The page refers to no object that is missing; its content is object 4.
CLEAN = {**BASE, 3: PAGE.replace(b" /Later 30 0 R", b"") % b"7 0 R 10 0 R"}
SIGNED = signed()
GOOD = SIGNED.data.index(b"4 0 obj\n")
EVIL = body(4, text(b"Pay 900 EUR"))
NULL = body(80, b"null")
ENTRY = b"%010d 00000 n \n" % GOOD
USUAL = b"xref\n4 1\n" + ENTRY

# --- nothing stands there to which nothing leads ----------------------------------------------------------------------

case("untouched", SIGNED.data, "yes")
case("inert", appended([(80, NULL)]), "yes")
case("inert-evil", appended([(80, NULL)], evil=EVIL), "no", LEADS_NOWHERE)
case("again", appended(table=USUAL), "yes")
case("again-evil", appended(table=USUAL, evil=EVIL), "no", LEADS_NOWHERE)
case("comment", appended([(80, b"% written by hand\n\n" + NULL)], table=b"xref\n80 1\n%010d 00000 n \n" % (
    len(SIGNED.data) + len(b"% written by hand\n\n"))), "yes")
case("comment-evil", appended([(80, NULL)], evil=b"%4 0 obj\n"), "no", WITHIN)
MISSING = signed(Pdf().revise(BASE, trailer=INFO))  # its page refers to an object 30
case("missing", appended([(80, NULL)], pdf=MISSING), "yes")
case("missing-evil", appended([(80, NULL)], evil=body(30, text(b"Pay 900 EUR")), pdf=MISSING), "no", LEADS_NOWHERE)
case("trailer-evil", appended([(80, NULL)], evil=b"trailer\n<< /Root 4 0 R >>\n"), "no", LEADS_NOWHERE)
case("section-evil", appended([(80, body(80, stream(b"", b"/Type /XRef /Root 4 0 R")))]), "no",
     "A cross-reference to which nothing leads")
case("blank", appended([(80, b"\n \r\n" + NULL)]), "yes")  # the offset leads to the white space in front of it
case("behind", appended([(80, NULL)]) + b"\n\n", "yes")
case("behind-evil", appended([(80, NULL)]) + EVIL, "no", "Something stands behind the end of the file")

# --- nor within what nobody looks into ----------------------------------------------------------------------------------

def streamed(data):
    return appended([(80, body(80, stream(data)))])


case("in-stream", streamed(b"\n4 1 R, 4 objects, endobj, stream\n"), "yes")
case("in-stream-evil", streamed(b"\n" + EVIL), "no", WITHIN)
case("in-stream-signs", streamed(b"\n+4 -0 obj\n"), "no", WITHIN)
case("in-stream-comments", streamed(b"\n4 %x\n0 %y\nobj\n"), "no", WITHIN)
case("in-stream-end", streamed(b"\nendstrendstream\n"), "no", WITHIN)
case("in-string", appended([(80, body(80, b"(4 objects, it says)"))]), "yes")
case("in-string-evil", appended([(80, body(80, b"(\n4 0 obj (Pay 900 EUR) endobj)"))]), "no", WITHIN)
case("in-string-tab", appended([(80, body(80, b"(\n4\v0\vobj (Pay 900 EUR) endobj)"))]), "no", WITHIN)


def packed(listed, held):
    """An object stream, 81, that has `held` in it; the section says so of `listed`."""
    pdf, data = PACKED, PACKED.data
    at = len(data)
    data += body(81, object_stream({number: b"null" for number in held}))
    section = len(data)
    rows = {81: (1, at, 0), **{number: (2, 81, index) for index, number in enumerate(held) if number in listed}}
    data += xref_stream(82, section, rows, b" /Root 1 0 R /Info 12 0 R /Size 90 /Prev %d" % pdf.section)
    return data + b"startxref\n%d\n%%%%EOF\n" % section


PACKED = signed(Pdf().revise(CLEAN, stream=50, trailer=INFO), stream=52)
case("packed", packed((83, 84), (83, 84)), "yes")
case("packed-evil", packed((83,), (83, 4)), "no", "Object 4 in the object stream 81 was appended")

# --- a table and its trailer: exactly as they are to be (§7.5.4, §7.5.5) ------------------------------------------------

SPELLINGS = {
    "lines": USUAL.replace(b"\n", b"\r\n").replace(b" \r\n", b"\r\n"), "returns": USUAL.replace(b"\n", b"\r"),
    "blank-behind": USUAL.replace(b"4 1", b"4 1 "), "line-behind": USUAL + b"\n",
}
for name, table in SPELLINGS.items():
    case(f"table-{name}", appended(table=table), "yes")
REFUSED = {
    "tab-in-header": b"xref\n4\v1\n" + ENTRY, "tab-in-entry": b"xref\n4 1\n%010d\v00000\vn \n" % GOOD,
    "tab-behind-entry": b"xref\n4 1\n%010d 00000 n\v\n" % GOOD, "tab-in-free": b"xref\n80 1\n0000000000 00000 f\v\n",
    "tab-behind-xref": b"xref\v\n4 1\n" + ENTRY, "repeated": USUAL + b"4\v1\n%010d 00000 n \n" % len(SIGNED.data),
}
for name, table in REFUSED.items():
    case(f"table-{name}", appended(table=table), "refused", NO_ENTRIES)
FORBIDDEN = {
    "two-spaces": b"xref\n4  1\n" + ENTRY, "form-feed": b"xref\n4\f1\n" + ENTRY, "short": b"xref\n4 1\n" + ENTRY[:18] + b"\n",
    "tabulator": b"xref\n4\t1\n" + ENTRY, "feeds-in-entry": b"xref\n4 1\n%010d\f00000\fn \n" % GOOD,
    "blank-lines": b"xref\n\n\n4 1\n" + ENTRY, "inline": b"xref 4 1\n" + ENTRY, "blanks": b"xref\n  4 1\n" + ENTRY,
}
for name, table in FORBIDDEN.items():
    case(f"table-{name}", appended(table=table), "no", IN_TWO_WAYS)
case("trailer-tab", appended(table=USUAL, trailer=b"trailer\v\n<< /Root 1 0 R /Info 12 0 R /Size 90 /Prev %d >>\n"), "no",
     IN_TWO_WAYS)
case("prev-tab", appended(table=USUAL, trailer=b"trailer\n<< /Root 1 0 R /Info 12 0 R /Size 90 /Prev\v%d >>\n"), "no",
     IN_TWO_WAYS)
for name, ending in (("feed", b"startxref\f%d\f%%%%EOF\n"), ("nul", b"startxref\0%d\0%%%%EOF\n")):
    case(f"ending-{name}", appended(table=USUAL, ending=ending), "no", IN_TWO_WAYS)
case("ending-lines", appended(table=USUAL, ending=b"startxref\r\n%d\r\n%%%%EOF\r\n"), "yes")

# --- objects and streams of the cross-reference -------------------------------------------------------------------------

PAGED = SIGNED.objects[3]
case("page-again", appended([(3, body(3, PAGED))]), "yes")
case("page-tab", appended([(3, body(3, PAGED.replace(b"/Contents 4", b"/Contents\v 4")))]), "no", IN_TWO_WAYS)
case("page-in-string", appended([(80, body(80, b"(\v)"))]), "yes")
for name, header in (("tab", b"80\v0\vobj"), ("comment", b"80 %x\n0 %y\nobj"), ("lines", b"80\n0\nobj")):
    case(f"header-{name}", appended([(80, header + b"\nnull\nendobj\n")]), "no", IN_TWO_WAYS)


def by_stream(spell):
    at = len(PACKED.data)
    rows = {4: (1, PACKED.data.index(b"\n4 0 obj\n") + 1, 0)}
    section = xref_stream(60, at, rows, b" /Root 1 0 R /Info 12 0 R /Size 90 /Prev %d" % PACKED.section)
    return PACKED.data + spell(section) + b"startxref\n%d\n%%%%EOF\n" % at


case("stream", by_stream(bytes), "yes")
case("stream-tab", by_stream(lambda section: section.replace(b"60 0 obj", b"60\v0 obj")), "no", IN_TWO_WAYS)
case("stream-widths", by_stream(lambda section: section.replace(b"/W [1 4 2]", b"/W [1 4 2 0]")), "no", IN_TWO_WAYS)


def hybrid(free, used):
    """A table says of `free` that they are, and its stream that `used`, which stands in front of the update, is not."""
    at, rows = len(SIGNED.data), {number: (0, 0, 1) for number in (*free, 51)}
    data = SIGNED.data + xref_stream(51, at, in_use(used), b" /Root 1 0 R /Size 60")
    section = len(data)
    return data + xref_table(rows) + (b"trailer\n<< /Root 1 0 R /Info 12 0 R /Size 60 /Prev %d /XRefStm %d >>\n"
                                      b"startxref\n%d\n%%%%EOF\n" % (SIGNED.section, at, section))


case("hybrid", hybrid((), {}), "yes")
case("hybrid-hides", hybrid((4,), {4: GOOD}), "no", "Object 4 was hidden from readers that know no cross-reference streams")

# --- a length, and a number of objects, that are right only with the update ---------------------------------------------

SMALL = signed(Pdf().revise(CLEAN, trailer=INFO, size=5), size=5)
case("size", SMALL.copy().revise({1: BASE[1]}, trailer=INFO, size=5).data, "yes")
case("size-raised", SMALL.copy().revise({1: BASE[1]}, trailer=INFO, size=60).data, "no", "beyond /Size of the signed trailer")


def linearized(evil):
    """In front of all a table for a file of LENGTH octets, the length with its update: object 4 stands in that."""
    far, length, offsets = 30000, 40000, {number: 0 for number in (*CLEAN, 20, 21, 99)}
    for _ in range(2):  # first to see where everything comes to stand
        pdf = Pdf()
        start = len(pdf.data)
        pdf.data += body(99, b"<< /Linearized 1 /L %d /H [1000 10] /O 3 /E 20000 /N 1 /T 25000 >>" % length)
        pdf.data += xref_table({0: (0, 0, 65535), **in_use({**offsets, 4: far})})
        pdf.data += b"trailer\n<< /Root 1 0 R /Size 100 /Info 12 0 R >>\nstartxref\n0\n%%EOF\n"
        pdf = signed(pdf.revise(CLEAN, trailer=INFO, entries={99: start}, size=100), size=100)
        offsets = {number: pdf.data.rindex(b"\n%d 0 obj\n" % number) + 1 for number in offsets}
    data = (pdf.data.ljust(far - 1) + b"\n" + evil).ljust(length - 200) + b"\n"
    section = len(data)
    data += (b"xref\n0 1\n0000000000 65535 f \ntrailer\n<< /Root 1 0 R /Size 100 /Info 12 0 R /Prev %d >>\n" %
             pdf.section)
    return data.ljust(length - len(b"startxref\n%d\n%%%%EOF\n" % section)) + b"startxref\n%d\n%%%%EOF\n" % section


case("linearized", linearized(b""), "yes")
case("linearized-evil", linearized(EVIL), "no", LEADS_NOWHERE)

(FOLDER / "cases").write_text("".join(cases))
