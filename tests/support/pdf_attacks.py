"""Makes signed PDFs, and what was done to each afterwards: the attacks that were published on signed and on certified
PDFs, the changes that the standard permits, and files that are broken. Arguments: FOLDER CERTIFICATE KEY
TSA-CERTIFICATE TSA-KEY. Writes FOLDER/NAME.pdf, and FOLDER/cases: NAME, whether the first signature is to pass
("refused": the file is), what `changes` it is to say, and for which reasons ("-": none), parted by commas. Of a file
that is refused: the code, and behind it what the sentence is to say."""

import pathlib
import re
import ssl
import sys

from pdf_maker import (APPEARANCE, BASE, FILLED, FORM, INFO, PAGE, SIGNER, TSA, WIDGET, Pdf, in_use, object_stream, stream,
                       text, xref_stream, xref_table)

FOLDER = pathlib.Path(sys.argv[1])
SIGNER += sys.argv[2:4]
TSA += sys.argv[4:6]
CERTIFICATE = stream(ssl.PEM_cert_to_DER_cert(pathlib.Path(SIGNER[0]).read_text("ascii")))
cases = []


def case(name, pdf, passes, changes, reasons=None):
    (FOLDER / f"{name}.pdf").write_bytes(pdf if isinstance(pdf, bytes) else pdf.data)
    reasons = reasons or {"none": "-", "permitted": "pdf-added-to", "forbidden": "pdf-changed"}[changes]
    cases.append(f"{name} {passes} {changes} {reasons}\n")


def broken(name, pdf, words, code="malformed"):
    case(name, pdf, "refused", "-", f"{code} {words}")


def base(**more):
    return Pdf().revise({**BASE, **{int(number[1:]): body for number, body in more.items()}}, trailer=INFO)


def signed(pdf=None, parameters=b"", lock=b"", certified=None, named=True, **options):
    """A signature in object 20, its invisible field in 21. `named`: /Perms leads to what certifies."""
    pdf = pdf or base()
    changes = {3: PAGE % b"7 0 R 10 0 R 21 0 R", 6: FORM % b"7 0 R 10 0 R 21 0 R"}
    if certified:
        parameters = (b"/Reference [<< /Type /SigRef /TransformMethod /DocMDP /TransformParams "
                      b"<< /Type /TransformParams /V /1.2 /P %d >> >>]" % certified)
    if certified and named:
        changes[1] = BASE[1][:-2] + b"/Perms << /DocMDP 20 0 R >> >>"
    return pdf.sign(20, {21: WIDGET % (b"First", b"0 0 0 0", b"/V 20 0 R " + lock)}, changes, parameters,
                    trailer=INFO, **options)


def revised(name, passes, changes, update, pdf=None, reasons=None, **options):
    pdf = (pdf or SIGNED).copy()
    case(name, pdf.revise(update, trailer=options.pop("trailer", INFO), **options), passes, changes, reasons)


def catalog(extra, pdf=None):
    return (pdf or SIGNED).objects[1][:-2] + extra + b" >>"


SIGNED = signed()
CERTIFIED = {level: signed(certified=level) for level in (1, 2, 3)}
CONTENTS = SIGNED.data.index(b"<30")
PAGED = b"7 0 R 10 0 R 21 0 R 22 0 R"

# --- what nobody changed, and what is permitted -----------------------------------------------------------------------

case("untouched", SIGNED, "yes", "none")
case("blank-behind", SIGNED.data + b"\n\n", "yes", "none")
case("adobe-detached", signed(sub_filter=b"adbe.pkcs7.detached"), "yes", "none")
for level in (1, 2, 3):
    case(f"certified-{level}", CERTIFIED[level], "yes", "none")
    revised(f"certified-{level}-dss", "yes", "permitted",
            {1: catalog(b"/DSS << /Certs [40 0 R] >>", CERTIFIED[level]), 40: CERTIFICATE}, CERTIFIED[level])
    revised(f"certified-{level}-filled", "yes" if level > 1 else "no", "permitted" if level > 1 else "forbidden",
            {7: FILLED % (b"5", 31), 31: stream(b"", APPEARANCE)}, CERTIFIED[level])
revised("dss", "yes", "permitted", {1: catalog(b"/DSS << /Certs [40 0 R] >>"), 40: CERTIFICATE})
revised("dss-unreadable", "yes", "permitted", {1: catalog(b"/DSS << /Certs [40 0 R] >>"), 40: stream(b"x")},
        reasons="certificates-unreadable,pdf-added-to")
revised("filled", "yes", "permitted", {7: FILLED % (b"5", 31), 31: stream(b"", APPEARANCE)})
revised("filled-in-place", "yes", "permitted", {7: FILLED % (b"5", 8), 8: stream(b"q Q", APPEARANCE)})
revised("inert", "yes", "permitted", {40: b"<< /Nothing /leads /here true >>"})
case("signed-twice", SIGNED.copy().sign(23, {22: WIDGET % (b"Second", b"0 0 0 0", b"/V 23 0 R ")},
                                        {3: PAGE % PAGED, 6: FORM % PAGED}, trailer=INFO), "yes", "permitted")
case("signed-twice-seen", SIGNED.copy().sign(23, {22: WIDGET % (b"Second", b"9 9 99 99", b"/V 23 0 R ")},
                                             {3: PAGE % PAGED, 6: FORM % PAGED}, trailer=INFO), "yes", "permitted")
case("signed-prepared-field", SIGNED.copy().sign(23, {10: WIDGET % (b"Later", b"200 20 290 60", b"/V 23 0 R ")}, {},
                                                 trailer=INFO), "yes", "permitted")
case("certified-2-signed-prepared", CERTIFIED[2].copy().sign(
    23, {10: WIDGET % (b"Later", b"200 20 290 60", b"/V 23 0 R ")}, {}, trailer=INFO), "yes", "permitted")
case("xref-stream", signed(stream=25), "yes", "none")
comment = b"<< /Type /Annot /Subtype /%s /Rect [20 90 150 120] /P 3 0 R /Contents (note) %s >>"
revised("certified-3-comment", "yes", "permitted", {3: PAGE % PAGED, 22: comment % (b"Text", b"")}, CERTIFIED[3])
LOCKED = signed(lock=b"/Lock << /Type /SigFieldLock /Action /Include /Fields [(Amount)] >> ")
OTHERS = signed(lock=b"/Lock << /Type /SigFieldLock /Action /Exclude /Fields [(Amount)] >> ")
revised("locked-others-filled", "yes", "permitted", {7: FILLED % (b"5", 31), 31: stream(b"", APPEARANCE)}, OTHERS)

# --- what is said about the document: only with what a signer, a time-stamp or evidence has to write -------------------

EVIDENCE = b"/DSS << /Certs [40 0 R] >> "
HIDDEN = {22: WIDGET % (b"Second", b"0 0 0 0", b"/V 23 0 R ")}
ADDED = {3: PAGE % PAGED, 6: FORM % PAGED}
ESIC = b"<< /BaseVersion /1.7 /ExtensionLevel %d >>"
XMP = stream(b"<y/>", b"/Type /Metadata /Subtype /XML")


def about(name, change, alone, evidence, stamp, sign, pdf=None, level=None):
    """The same change by itself, and with each of what it may come with: "yes" or "no". `change` is by object number;
    for the catalog, what stands in it besides."""
    def made(more):
        changed = {**change, **({40: CERTIFICATE} if more else {})}
        if 1 in change or more:
            changed[1] = catalog(change.get(1, b"") + more, start)
        return changed

    def result(passes):
        return ("yes", "permitted") if passes == "yes" else ("no", "forbidden")

    start = pdf or CERTIFIED.get(level, SIGNED)
    name = f"about-{name}-{level}"
    revised(f"{name}-alone", *result(alone), made(b""), start)
    revised(f"{name}-evidence", *result(evidence), made(EVIDENCE), start)
    for kind, passes, method in (("stamp", stamp, Pdf.stamp), ("sign", sign, Pdf.sign)):
        said = "pdf-added-to,pdf-added-to" if passes == "yes" and name.startswith("about-title") else None
        case(f"{name}-{kind}", method(start.copy(), 23, HIDDEN, {**ADDED, **made(b"")}, trailer=INFO), *result(passes), said)


for level in (None, 1, 2, 3):
    other = "no" if level == 1 else "yes"  # level 1 grants no signature, either
    about("title", {12: b"<< /Producer (maker) /Title (Other) >>"}, "no", "no", other, other, level=level)
    about("title-xmp", {11: XMP}, "no", "no", other, other, level=level)
    about("writer", {12: b"<< /Producer (maker; other) /ModDate (D:20261126) >>"}, "no", "yes", "yes", other, level=level)
    about("extension", {1: b"/Extensions << /ESIC %s >> " % (ESIC % 1)}, "no", "yes", "yes", other, level=level)
    about("version", {1: b"/Version /2.0 "}, "no", "yes", "yes", other, level=level)
    # Programs that fill in a form, or comment, note that as well; the title they leave alone.
    for name, change, filled, noted in (
            ("writer", {12: b"<< /Producer (maker; other) /ModDate (D:20261126) >>"}, other, "yes" if level == 3 else "no"),
            ("title", {12: b"<< /Producer (maker) /ModDate (D:20261126) /Title (Other) >>"}, "no", "no"),
            ("title-xmp", {11: XMP}, "no", "no"), ("version", {1: catalog(b"/Version /2.0 ", CERTIFIED.get(level))}, "no", "no")):
        for also, passes, more in (("filled", filled, {7: FILLED % (b"5", 31), 31: stream(b"", APPEARANCE)}),
                                   ("noted", noted, {3: PAGE % PAGED, 22: comment % (b"Text", b"")})):
            revised(f"about-{name}-{level}-{also}", passes, "permitted" if passes == "yes" else "forbidden",
                    {**change, **more}, CERTIFIED.get(level))
about("title-is-none", {12: b"<< /Title [(a)] >>", 13: b"null"}, "no", "no", "yes", "yes", signed(base(_12=b"<< /Title (a) >>")))
NEWER = signed(base(_1=BASE[1][:-2] + b"/Version /1.7 /Extensions << /ESIC %s /ISO_ [%s] >> >>" % (ESIC % 2, ESIC % 3)))
for name, old, new, passes in (
        ("version-raised", b"/Version /1.7", b"/Version /2.0", "yes"),
        ("version-lowered", b"/Version /1.7", b"/Version /1.4", "no"),
        ("version-none", b"/Version /1.7", b"/Version /x", "no"), ("version-gone", b"/Version /1.7", b"", "no"),
        ("extension-raised", ESIC % 2, ESIC % 5, "yes"), ("extension-lowered", ESIC % 2, ESIC % 1, "no"),
        ("extension-gone", b"/ESIC " + ESIC % 2, b"", "no"), ("extension-other", ESIC % 2, b"(x)", "no"),
        ("extension-added", b"/ISO_ [", b"/ADBE %s /ISO_ [" % (ESIC % 3), "yes"),
        ("extension-listed", b"/ISO_ [%s" % (ESIC % 3), b"/ISO_ [%s %s" % (ESIC % 3, ESIC % 4), "yes"),
        ("extension-relisted", b"/ISO_ [%s" % (ESIC % 3), b"/ISO_ [%s" % (ESIC % 4), "no"),
        ("extension-all-gone", b"/Extensions", b"/Other", "no")):
    body = NEWER.objects[1].replace(old, new)
    assert body != NEWER.objects[1]
    case(f"about-{name}", NEWER.copy().revise({1: body[:-2] + EVIDENCE + b">>", 40: CERTIFICATE}, trailer=INFO),
         passes, "permitted" if passes == "yes" else "forbidden")
revised("info-removed", "no", "forbidden", {13: b"null"}, trailer=b"")

# --- what stood in a list itself gets an object of its own, with all that it was -----------------------------------------

LABELS = b"/PageLabels << /Nums [0 %s] /Names [<< /Limits [%s %s] /Up 3 0 R >>] >> /Kept 14 0 R >>"
LABEL, OTHER_LABEL = b"<< /P (A-) /S /D >>", b"<< /P (B-) /S /D >>"
MOVED = signed(base(_1=BASE[1][:-2] + LABELS % (LABEL, b"<< /A 4 0 R >>", b"[1]"), _14=LABEL, _15=OTHER_LABEL))


def moved(name, passes, labels, more=None, pdf=None):
    catalog_of = BASE[1][:-2] + LABELS % labels
    revised(f"moved-{name}", passes, "permitted" if passes == "yes" else "forbidden", {1: catalog_of, **(more or {})},
            pdf or MOVED)


STAYED = (b"<< /A 4 0 R >>", b"[1]")
moved("out", "yes", (b"40 0 R", b"41 0 R", b"42 0 R"), {40: LABEL, 41: b"<< /A 4 0 R >>", 42: b"[1]"})
moved("out-nested", "yes", (b"40 0 R", *STAYED), {40: LABEL})
moved("to-what-was-there", "yes", (b"14 0 R", *STAYED))
moved("to-another", "no", (b"15 0 R", *STAYED))
moved("to-what-changed", "no", (b"15 0 R", *STAYED), {15: LABEL})
moved("to-nothing", "no", (b"99 0 R", *STAYED))
moved("changed", "no", (b"40 0 R", *STAYED), {40: OTHER_LABEL})
moved("to-stream", "no", (b"40 0 R", *STAYED), {40: stream(b"", b"/P (A-) /S /D")})
moved("leading-elsewhere", "no", (LABEL, b"41 0 R", b"[1]"), {41: b"<< /A 9 0 R >>"})
moved("what-it-leads-to-changed", "no", (LABEL, b"41 0 R", b"[1]"), {41: b"<< /A 4 0 R >>", 4: text(b"Pay 900 EUR")})
moved("number", "no", (LABEL, STAYED[0], b"[40 0 R]"), {40: b"1"})
# The next step compares it where it is now, and nothing else may change it there.
ONCE = MOVED.copy().revise({1: BASE[1][:-2] + LABELS % (b"40 0 R", *STAYED), 40: LABEL}, trailer=INFO)
revised("moved-then-changed", "no", "forbidden", {40: OTHER_LABEL}, ONCE)
revised("moved-then-changed-as-evidence", "no", "forbidden", {
    1: ONCE.objects[1][:-2] + b"/DSS << /VRI 40 0 R >> >>", 40: OTHER_LABEL}, ONCE)
revised("moved-to-field", "no", "forbidden", {1: BASE[1][:-2] + b"/Kept 7 0 R >>"},
        signed(base(_1=BASE[1][:-2] + b"/Kept %s >>" % BASE[7])))

# --- shadow attacks ---------------------------------------------------------------------------------------------------

revised("shadow-hide", "no", "forbidden", {9: stream(b"", b"/Subtype /Form /BBox [0 0 10 10]")})
revised("shadow-hide-freed", "no", "forbidden", {}, free=(9,))
revised("shadow-replace-font", "no", "forbidden", {5: BASE[5].replace(b"Helvetica", b"Symbol")})
revised("shadow-replace-form", "no", "forbidden", {8: stream(b"BT ET", APPEARANCE), 4: text(b"Pay 900 EUR")})
hidden = base()
hidden_at = len(hidden.data)
hidden.data += b"4 0 obj\n%s\nendobj\n" % text(b"Pay 900 EUR")
hidden.revise({13: b"null"}, trailer=INFO)
hidden = signed(hidden)
case("shadow-prepared", hidden, "yes", "none")
revised("shadow-hide-and-replace", "no", "forbidden", {}, hidden, entries={4: hidden_at})
revised("shadow-later-object", "no", "forbidden",
        {1: catalog(b"/DSS << /Certs [30 0 R] >>"), 30: stream(b"BT ET", b"/Subtype /Form /BBox [0 0 1 1]")},
        reasons="certificates-unreadable,pdf-changed")

# --- incremental saving, in its variants ------------------------------------------------------------------------------

revised("saved-content", "no", "forbidden", {4: text(b"Pay 900 EUR")})
revised("saved-page", "no", "forbidden", {3: (PAGE % b"7 0 R 10 0 R 21 0 R").replace(b"300 200", b"300 90")})
revised("saved-pages", "no", "forbidden", {2: b"<< /Type /Pages /Kids [3 0 R 40 0 R] /Count 2 >>",
                                           40: PAGE % b""})
revised("saved-packed", "no", "forbidden", {3: (PAGE % b"").replace(b"/Contents 4", b"/Contents 41"),
                                            41: text(b"Pay 900 EUR")}, stream=50, packed=(3,))
case("saved-body-only", SIGNED.data + b"4 0 obj\n%s\nendobj\n" % text(b"Pay 900 EUR"), "no", "forbidden")
case("saved-no-xref", SIGNED.data + b"4 0 obj\n%s\nendobj\ntrailer\n<< /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" %
     (text(b"Pay 900 EUR"), SIGNED.section), "no", "forbidden")
copied = SIGNED.copy()
revised("saved-copied-signature", "no", "-", {
    4: text(b"Pay 900 EUR"),
    20: b"<< /Type /Sig /Filter /Adobe.PPKLite /SubFilter /ETSI.CAdES.detached %s >>" %
        re.search(rb"/ByteRange \[[^]]*\] /Contents <[0-9a-f]*>", SIGNED.data)[0]},
        reasons="pdf-signature-not-reached,pdf-byte-range")
other_root = SIGNED.copy()
other_root.root = 40
case("other-root", other_root.revise({40: BASE[1].replace(b"2 0 R", b"41 0 R"), 41: BASE[2]}, trailer=INFO),
     "no", "forbidden")
revised("script", "no", "forbidden", {1: catalog(b"/OpenAction << /S /JavaScript /JS (app.alert\\(1\\)) >>")})
revised("field-action", "no", "forbidden", {7: (FILLED % (b"5", 8))[:-2] + b"/AA << /F << /S /JavaScript /JS () >> >> >>"})
revised("field-added", "no", "forbidden", {6: FORM % PAGED, 3: PAGE % PAGED,
                                           22: (FILLED % (b"5", 8)).replace(b"Amount", b"Other")})
revised("field-unsigned", "yes", "permitted", {6: FORM % PAGED, 3: PAGE % PAGED, 22: WIDGET % (b"B", b"9 9 99 99", b"")})
revised("field-unsigned-drawn", "no", "forbidden", {
    6: FORM % PAGED, 3: PAGE % PAGED, 22: WIDGET % (b"B", b"9 9 99 99", b"/AP << /N 40 0 R >> "),
    40: stream(b"1 g 0 0 100 100 re f", b"/Subtype /Form /BBox [0 0 100 100]")})
revised("field-hidden", "no", "forbidden", {7: (FILLED % (b"", 8)).replace(b"/F 4", b"/F 2")})
revised("field-removed", "no", "forbidden", {6: FORM % b"7 0 R 21 0 R", 3: PAGE % b"7 0 R 21 0 R"})
revised("dss-shares-content", "no", "forbidden", {1: catalog(b"/DSS << /Certs [4 0 R] >>"), 4: text(b"Pay 900 EUR")},
        reasons="certificates-unreadable,pdf-changed")
revised("metadata-is-content", "no", "forbidden", {1: catalog(b"").replace(b"/Metadata 11", b"/Metadata 4"),
                                                   4: text(b"Pay 900 EUR")})
measured = signed(base(_4=b"<< /Length 14 0 R >>\nstream\n" + text(b"Pay 100 EUR").split(b"stream\n")[1] + b"endstream",
                       _14=b"%d" % len(b"BT /F1 18 Tf 20 100 Td (Pay 100 EUR) Tj ET")))
case("measured", measured, "yes", "none")
broken("measured-shorter", measured.copy().revise({14: b"20"}, trailer=INFO), "object 4")
case("junk-behind", SIGNED.data + b"junk", "no", "forbidden")

# --- signature wrapping: what is covered moves to where the range says, something else stands in its place -------------


DICTIONARY = b"<< /Type /Sig /Filter /Adobe.PPKLite /SubFilter /ETSI.CAdES.detached /ByteRange [0 %d %010d %d] /Contents %s >>"


def wrapped_gap():
    """What was signed behind the gap moves to the end. In the wider gap, where the last startxref leads: another
    cross-reference, the evil object, and a copy of the signature that says where the signed parts are now."""
    data = SIGNED.data
    end = data.index(b">", CONTENTS) + 1
    contents, tail = data[CONTENTS:end], data[end:]
    evil = b"4 0 obj\n%s\nendobj\n" % text(b"Pay 900 EUR")
    trailer = b"trailer\n<< /Root 1 0 R /Size 22 /Info 12 0 R /Prev %d >>\n" % base().section

    def gap(moved, offsets):
        copy = b"20 0 obj\n%s\nendobj\n" % (DICTIONARY % (CONTENTS, moved, len(tail), contents))
        table = xref_table(in_use(offsets)) + trailer
        return (contents + b" >>\nendobj\n").ljust(SIGNED.section - CONTENTS, b"\n") + table + evil + copy, len(table)

    filled, table = gap(0, dict.fromkeys((3, 4, 6, 20, 21), 0))  # numbers have the same width, whatever they are
    moved = CONTENTS + len(filled)
    offsets = {number: data.rindex(b"\n%d 0 obj\n" % number) + 1 + moved - end for number in (3, 6, 21)}
    offsets[4] = SIGNED.section + table
    offsets[20] = offsets[4] + len(evil)
    return data[:CONTENTS] + gap(moved, offsets)[0] + tail


def wrapped_copy():
    """The signature's dictionary again, behind the end of what it covers."""
    data = SIGNED.data
    end = data.index(b">", CONTENTS) + 1
    return SIGNED.copy().revise({4: text(b"Pay 900 EUR"), 20: DICTIONARY % (
        CONTENTS, end, len(data) - end, data[CONTENTS:end])}, trailer=INFO)


case("wrapped-gap", wrapped_gap(), "no", "-", "pdf-signature-not-reached,pdf-byte-range")
case("wrapped-copy", wrapped_copy(), "no", "-", "pdf-signature-not-reached,pdf-byte-range")

# --- universal forgery: nothing to check ------------------------------------------------------------------------------

RANGE = re.search(rb"/ByteRange \[[^]]*\]", SIGNED.data)[0]
HEX = re.search(rb"/Contents <[0-9a-f]*>", SIGNED.data)[0]
ABSENT, CHANGED, UNREAD = (f"{code},pdf-byte-range" for code in ("content-absent", "content-changed", "signature-malformed"))
for name, old, new, reasons in (
        ("range-none", RANGE, b"", ABSENT),
        ("range-null", RANGE, b"/ByteRange null", "content-absent,pdf-signature-not-reached,pdf-byte-range"),
        ("range-zeros", RANGE, b"/ByteRange [0 0 0 0]", CHANGED), ("range-empty", RANGE, b"/ByteRange []", ABSENT),
        ("range-two", RANGE, b"/ByteRange [0 100]", ABSENT), ("range-six", RANGE, b"/ByteRange [0 9 20 9 40 9]", ABSENT),
        ("range-negative", RANGE, b"/ByteRange [0 -1 5 9]", ABSENT),
        ("range-huge", RANGE, b"/ByteRange [0 9223372036854775807 9223372036854775807 9]", ABSENT),
        ("range-not-from-start", RANGE, RANGE.replace(b"[0 ", b"[1 "), CHANGED),
        ("range-words", RANGE, b"/ByteRange [/a (b) true null]", ABSENT),
        ("contents-none", HEX, b"", UNREAD), ("contents-null", HEX, b"/Contents null", UNREAD),
        ("contents-empty", HEX, b"/Contents <>", UNREAD), ("contents-zero", HEX, b"/Contents <00>", UNREAD),
        ("contents-elsewhere", HEX, b"/Contents 40 0 R", UNREAD)):
    start = SIGNED.data.index(b"20 0 obj")
    end = SIGNED.data.index(b"\nendobj", start)
    old_body = SIGNED.data[start:end]
    body = old_body.replace(old, new.ljust(len(old)))
    body = body.replace(b"0" * (len(body) - len(old_body)) + b">", b">", 1)  # what is longer is taken off the filling
    case(f"forged-{name}", SIGNED.data[:start] + body + SIGNED.data[end:], "no", "-", reasons)

# --- certified documents ----------------------------------------------------------------------------------------------

for kind in (b"FreeText", b"Stamp", b"Redact", b"Square", b"Line", b"Ink", b"Link", b"Screen"):
    revised(f"evil-{kind.decode()}", "no", "forbidden", {3: PAGE % PAGED, 22: comment % (kind, b"")}, CERTIFIED[3])
revised("evil-comment-drawn", "no", "forbidden", {
    3: PAGE % PAGED, 22: comment % (b"Highlight", b"/AP << /N 40 0 R >>"),
    40: stream(b"1 g 0 0 100 100 re f", b"/Subtype /Form /BBox [0 0 100 100]")}, CERTIFIED[3])
for more, result in ((b"/C [1 1 1] /QuadPoints [0 200 300 200 0 0 300 0]", ("yes", "permitted")),
                     (b"/BM /Normal", ("no", "forbidden")),
                     (b"/A << /S /URI /URI (x) >>", ("no", "forbidden"))):
    revised(f"evil-mark-{more[1:3].strip().decode()}", *result, {
        3: PAGE % PAGED, 22: comment % (b"Highlight", more)}, CERTIFIED[3])
revised("evil-comment-2", "no", "forbidden", {3: PAGE % PAGED, 22: comment % (b"Text", b"")}, CERTIFIED[2])
revised("evil-comment-plain", "no", "forbidden", {3: PAGE % PAGED, 22: comment % (b"Text", b"")})
for level in (1, 2, 3):
    case(f"sneaky-{level}", CERTIFIED[level].copy().sign(
        23, {22: WIDGET % (b"Second", b"9 9 290 190", b"/V 23 0 R /AP << /N 40 0 R >> ")},
        {3: PAGE % PAGED, 6: FORM % PAGED,
         40: stream(b"1 g 0 0 100 100 re f", b"/Subtype /Form /BBox [0 0 100 100]")}, trailer=INFO), "no", "forbidden")
EVIL = stream(b"1 g 0 0 300 200 re f BT /F1 18 Tf 20 100 Td (Pay 900 EUR) Tj ET", APPEARANCE)
EVERYWHERE = b"0 0 300 200"
GARBAGE = b"<< /Type /Sig /Filter /Adobe.PPKLite /SubFilter /ETSI.CAdES.detached /ByteRange [0 1 2 3] /Contents <00> >>"
LATER = WIDGET.replace(b"%s", b"Later", 1).replace(b"%s", b"200 20 290 60", 1) % b"/V %d 0 R /AP << /N 40 0 R >> "
STAMP = b"<< /Type /DocTimeStamp /Filter /Adobe.PPKLite /SubFilter /ETSI.RFC3161 /ByteRange [0 1 2 3] /Contents <00> >>"


def shown(rect=EVERYWHERE, flags=4, value=b"", drawn=b"/AP << /N 40 0 R >> ", kind=b"Widget"):
    return (b"<< /Type /Annot /Subtype /%s /FT /Sig /T (Shown) /F %d /Rect [%s] /P 3 0 R %s%s>>" %
            (kind, flags, rect, value, drawn))


def with_field(field, **more):
    return {22: field, 3: PAGE % PAGED, 6: FORM % PAGED, 40: EVIL,
            **{int(number[1:]): body for number, body in more.items()}}


SIGNATURE = SIGNED.objects[20]
revised("value-text", "no", "forbidden", with_field(shown(value=b"/V (x) ")))
revised("value-text-bare", "no", "forbidden", with_field(shown(value=b"/V (x) ", drawn=b"")))
revised("value-text-prepared", "no", "forbidden", {10: WIDGET % (b"Later", b"200 20 290 60", b"/V (x) ")})
revised("value-nothing", "no", "forbidden", with_field(shown(value=b"/V 99 0 R ")))
revised("value-old-signature", "no", "forbidden", with_field(shown(value=b"/V 20 0 R ")))
revised("value-old-signature-prepared", "no", "-", {10: WIDGET % (b"Later", b"200 20 290 60", b"/V 20 0 R ")},
        reasons="pdf-byte-range")
revised("value-direct", "no", "forbidden", with_field(shown(value=b"/V %s " % STAMP)))
revised("value-stamp", "no", "forbidden", with_field(shown(value=b"/V 41 0 R "), _41=STAMP))
revised("value-shared", "no", "forbidden", with_field(
    shown(value=b"/V 23 0 R "), _23=SIGNATURE, _10=WIDGET % (b"Later", b"200 20 290 60", b"/V 23 0 R ")))
revised("value-stamp-hidden", "yes", "permitted", with_field(shown(b"0 0 0 0", value=b"/V 41 0 R "), _41=STAMP))
revised("value-stamp-then-shown", "no", "forbidden", with_field(shown(), _41=STAMP), SIGNED.copy().revise(
    with_field(shown(flags=2, value=b"/V 41 0 R "), _41=STAMP), trailer=INFO),
        reasons="pdf-signature-not-reached,pdf-changed")
revised("field-coloured", "no", "forbidden", with_field(shown(drawn=b"/MK << /BG [1 1 1] >> ")))
revised("field-plain", "yes", "permitted", with_field(shown(drawn=b"/MK << >> ")))
revised("field-stamp-too", "no", "forbidden", with_field(shown(drawn=b"", kind=b"Stamp")))
# What others write into a field for a signature, and draws nothing: nothing else comes with that.
for name, more, passes in (
        ("described", b"/M (D:20261126) /NM (x) /H /P /Q 0 /Contents (Signature) ", "yes"),
        ("painted", b"/C [1 1 1] ", "no"), ("layered", b"/OC << /Type /OCG >> ", "no"),
        ("acting", b"/AA << /E << /S /URI /URI (x) >> >> ", "no"), ("reset", b"/DV 23 0 R ", "yes"),
        ("reset-otherwise", b"/DV 20 0 R ", "no"), ("reset-direct", b"/DV << >> ", "no")):
    case(f"field-{name}", SIGNED.copy().sign(23, {22: WIDGET % (b"Second", b"9 9 99 99", b"/V 23 0 R " + more)},
                                             {3: PAGE % PAGED, 6: FORM % PAGED}, trailer=INFO),
         passes, "permitted" if passes == "yes" else "forbidden")
revised("field-reset-unsigned", "no", "forbidden", with_field(shown(drawn=b"/DV 23 0 R "), _23=SIGNATURE),
        reasons="pdf-signature-not-reached,pdf-changed")
revised("field-kid-of-signed", "no", "forbidden", {
    21: SIGNED.objects[21][:-2] + b"/Kids [22 0 R] >>", 3: PAGE % PAGED, 40: EVIL,
    22: b"<< /Type /Annot /Subtype /Widget /F 4 /Rect [%s] /Parent 21 0 R /P 3 0 R /AP << /N 40 0 R >> >>" % EVERYWHERE})
case("signature-of-no-field", base().sign(
    20, {21: WIDGET % (b"First", b"0 0 0 0", b"")}, {3: PAGE % b"7 0 R 10 0 R 21 0 R", 6: FORM % b"7 0 R 10 0 R 21 0 R"},
    trailer=INFO).revise({21: WIDGET % (b"First", b"0 0 0 0", b"/V 20 0 R ")}, trailer=INFO), "no", "-",
     "pdf-byte-range")
case("signed-twice-drawn", SIGNED.copy().sign(23, {22: shown(b"9 9 99 99", value=b"/V 23 0 R ")},
                                              {3: PAGE % PAGED, 6: FORM % PAGED, 40: EVIL}, trailer=INFO),
     "yes", "permitted")
for level in (None, 1, 2, 3):
    pdf = CERTIFIED.get(level, SIGNED)
    revised(f"printed-{level}", "no", "forbidden", with_field(shown(flags=36)), pdf)
    revised(f"long-zeros-{level}", "no", "forbidden", with_field(
        shown(b"0 0 %s300.0 %s200.0" % (b"0" * 40, b"0" * 40))), pdf)
    revised(f"hidden-drawn-{level}", "no", "forbidden", with_field(shown(flags=2)), pdf)
    revised(f"hidden-then-shown-{level}", "no", "forbidden", with_field(shown()), pdf.copy().revise(
        with_field(shown(flags=2)), trailer=INFO))
    # What a prepared field shows has to come with a signature, of this document and whole; never with a time-stamp.
    result = ("no", "forbidden") if level == 1 else ("yes", "permitted")
    revised(f"stamp-prepared-{level}", "no", "forbidden", {10: LATER % 41, 40: EVIL, 41: STAMP}, pdf)
    revised(f"garbage-prepared-{level}", "no", "forbidden", {10: LATER % 41, 40: EVIL, 41: GARBAGE}, pdf)
    revised(f"drawn-prepared-{level}", "no", "forbidden", {
        10: WIDGET % (b"Later", b"200 20 290 60", b"/AP << /N 40 0 R >> "), 40: EVIL}, pdf)
    for kind, sign, also in (("signature", Pdf.sign, ""), ("stamp", Pdf.stamp, "timestamp-not-counted,")):
        case(f"{kind}-prepared-drawn-{level}", sign(pdf.copy(), 23, {10: LATER % 23}, {40: EVIL}, trailer=INFO),
             *(("no", "forbidden") if kind == "stamp" else result))
        case(f"{kind}-prepared-of-another-{level}", sign(pdf.copy(), 23, {10: LATER % 23}, {40: EVIL}, over=b"another",
                                                         trailer=INFO), "no", "forbidden", also + "pdf-changed")
        case(f"{kind}-prepared-bare-{level}", sign(pdf.copy(), 23, {10: LATER.replace(b"/AP << /N 40 0 R >> ", b"") % 23},
                                                   {}, over=b"another", trailer=INFO),
             *(("yes", "permitted", also + "pdf-added-to") if kind == "stamp" else result))
        case(f"{kind}-prepared-moved-{level}", sign(pdf.copy(), 23, {
            10: WIDGET % (b"Later", EVERYWHERE, b"/V 23 0 R ")}, {}, trailer=INFO), "no", "forbidden")
        case(f"{kind}-prepared-coloured-{level}", sign(pdf.copy(), 23, {
            10: WIDGET % (b"Later", b"200 20 290 60", b"/V 23 0 R /MK << /BG [1 1 1] /CA (Approved) >> ")}, {}, trailer=INFO),
             *(("no", "forbidden") if kind == "stamp" else result))
        case(f"{kind}-new-drawn-{level}", sign(pdf.copy(), 23, with_field(shown(value=b"/V 23 0 R ")), {}, trailer=INFO),
             *(("no", "forbidden") if kind == "stamp" or level else result))
        case(f"{kind}-new-seen-{level}", sign(pdf.copy(), 23, with_field(shown(value=b"/V 23 0 R ", drawn=b"")), {},
                                              trailer=INFO), *(("no", "forbidden") if level else result))
        drawn = signed(base(_10=shown().replace(b"Shown", b"Later"), _40=EVIL), certified=level)
        case(f"{kind}-prepared-hidden-{level}", sign(drawn, 23, {
            10: shown(flags=2, value=b"/V 23 0 R ").replace(b"Shown", b"Later")}, {}, trailer=INFO),
             *(("no", "forbidden") if kind == "stamp" else result))
    prepared = signed(base(_10=shown(flags=2).replace(b"Shown", b"Later"), _40=EVIL), certified=level)
    revised(f"prepared-then-shown-{level}", "no", "forbidden", {10: shown().replace(b"Shown", b"Later")}, prepared)
revised("stamp-prepared-bare", "yes", "permitted", {10: WIDGET % (b"Later", b"200 20 290 60", b"/V 41 0 R "), 41: STAMP},
        CERTIFIED[1])
revised("stamp-prepared-locked", "no", "forbidden", {
    10: WIDGET % (b"Later", b"200 20 290 60", b"/V 41 0 R /AP << /N 40 0 R >> "), 40: EVIL, 41: STAMP}, OTHERS)
revised("objects-hidden", "no", "forbidden", {40: b"null"}, size=3)
# What /Perms does not name says what its signer permits all the same.
for level in (1, 2, 3):
    unnamed = signed(certified=level, named=False)
    case(f"unnamed-{level}", unnamed, "yes", "none")
    revised(f"unnamed-{level}-filled", "no" if level == 1 else "yes", "forbidden" if level == 1 else "permitted",
            {7: FILLED % (b"5", 31), 31: stream(b"", APPEARANCE)}, unnamed)
    revised(f"unnamed-{level}-comment", "no", "forbidden", {3: PAGE % PAGED, 22: comment % (b"Text", b"")}, unnamed)
    case(f"unnamed-{level}-sneaky", unnamed.copy().sign(23, {22: shown(b"9 9 99 99", value=b"/V 23 0 R ")},
                                                        {3: PAGE % PAGED, 6: FORM % PAGED, 40: EVIL}, trailer=INFO),
         "no" if level < 3 else "yes", "forbidden" if level < 3 else "permitted")
revised("certification-removed", "no", "forbidden", {1: BASE[1]}, CERTIFIED[1])
revised("locked-filled", "no", "forbidden", {7: FILLED % (b"5", 31), 31: stream(b"", APPEARANCE)}, LOCKED)


def named(name, passes, changes, field, action, listed):
    """A field of that name is filled in, of which a lock says something."""
    filled = FILLED.replace(b"/T (Amount)", b"/T " + field)
    revised(name, passes, changes, {7: filled % (b"5", 31), 31: stream(b"", APPEARANCE)}, signed(
        base(_7=filled % (b"", 8)), lock=b"/Lock << /Type /SigFieldLock /Action /%s /Fields %s >> " % (action, listed)))


for encoding, octets in (("pdfdoc", "Betr\u00e4ge".encode("latin-1")), ("utf16", "\ufeffBetr\u00e4ge".encode("utf-16-be")),
                         ("utf8", b"\xef\xbb\xbf" + "Betr\u00e4ge".encode())):
    for other, listed in (("pdfdoc", b"<42657472e46765>"), ("utf16", b"<feff004200650074007200e400670065>")):
        field = b"<%s>" % octets.hex().encode()
        named(f"locked-{encoding}-by-{other}", "no", "forbidden", field, b"Include", b"[%s]" % listed)
        named(f"excluded-{encoding}-by-{other}", "yes", "permitted", field, b"Exclude", b"[%s]" % listed)
named("locked-another-name", "yes", "permitted", b"<42657472e46765>", b"Include", b"[<42657472f66765>]")
named("excluded-another-name", "no", "forbidden", b"<42657472e46765>", b"Exclude", b"[<42657472f66765>]")
named("excluded-undecodable", "no", "forbidden", b"<417f>", b"Exclude", b"[<41ad>]")
named("excluded-undecodable-group", "no", "forbidden", b"(Amount)", b"Exclude", b"[(Amount) <7f>]")
named("locked-undecodable-listed", "no", "forbidden", b"(Amount)", b"Include", b"[<7f>]")
named("locked-undecodable-field", "no", "forbidden", b"<417f>", b"Include", b"[(Other)]")
named("locked-no-list", "no", "forbidden", b"(Amount)", b"Include", b"(Amount)")
named("locked-no-text", "no", "forbidden", b"(Amount)", b"Include", b"[17]")


def granting(name, p, passes, changes, update=None, **options):
    """Fields are filled in where a lock has a /P, in the field and in the signature."""
    update = update or {7: FILLED % (b"5", 31), 31: stream(b"", APPEARANCE)}
    lock = b"/Action /Include /Fields [(Other)] /P " + p
    revised(f"lock-{name}", passes, changes, update,
            signed(lock=b"/Lock << /Type /SigFieldLock %s >> " % lock, **options))
    if not options:
        revised(f"transform-{name}", passes, changes, update, signed(parameters=(
            b"/Reference [<< /Type /SigRef /TransformMethod /FieldMDP /TransformParams "
            b"<< /Type /TransformParams /V /1.2 %s >> >>]" % lock)))


SEEN = {6: FORM % PAGED, 3: PAGE % PAGED, 22: WIDGET % (b"B", b"9 9 99 99", b"")}
NOTE = {3: PAGE % PAGED, 22: comment % (b"Text", b"")}
for p in (b"1", b"0", b"4", b"-1", b"(2)", b"2.0", b"[2]"):
    granting(f"p-{p.decode()}", p, "no", "forbidden")
granting("p-1-dss", b"1", "yes", "permitted", {1: catalog(EVIDENCE), 40: CERTIFICATE})
granting("p-2", b"2", "yes", "permitted")
granting("p-2-seen", b"2", "no", "forbidden", SEEN)
granting("p-3", b"3", "yes", "permitted")
granting("p-3-seen", b"3", "yes", "permitted", SEEN)
granting("p-3-comment", b"3", "no", "forbidden", NOTE)
granting("p-null", b"null", "yes", "permitted")
granting("p-1-certified-3", b"1", "no", "forbidden", certified=3)
granting("p-2-certified-3", b"2", "no", "forbidden", NOTE, certified=3)
granting("p-3-certified-3", b"3", "yes", "permitted", NOTE, certified=3)
granting("p-3-certified-1", b"3", "no", "forbidden", certified=1)
granting("p-2-certified-1", b"2", "no", "forbidden", certified=1)

# --- the structure of the file ----------------------------------------------------------------------------------------

packed = signed(Pdf().revise(BASE, stream=50, packed=(2, 5, 12), trailer=INFO), stream=52)
case("packed", packed, "yes", "none")
revised("packed-altered", "no", "forbidden", {2: BASE[2].replace(b"/Count 1", b"/Count 0"), 5: BASE[5], 12: BASE[12]}, packed,
        stream=54, packed=(2, 5, 12))
revised("packed-moved", "yes", "permitted", {2: BASE[2], 5: BASE[5], 12: BASE[12]}, packed, stream=54, packed=(2, 5, 12))
revised("packed-stream-replaced", "no", "forbidden", {51: object_stream({2: BASE[2].replace(b"/Count 1", b"/Count 0"),
                                                                         5: BASE[5], 12: BASE[12]})}, packed, stream=54)


def with_table(table):
    """An update whose table is written by hand; {} is where the evil object stands."""
    data = SIGNED.data
    at = len(data)
    data += b"4 0 obj\n%s\nendobj\n" % text(b"Pay 900 EUR")
    old = SIGNED.data.index(b"4 0 obj\n")
    section = len(data)
    data += b"xref\n" + table.replace(b"EVIL", b"%010d 00000 n " % at).replace(b"GOOD", b"%010d 00000 n " % old)
    return data + (b"trailer\n<< /Root 1 0 R /Info 12 0 R /Size 22 /Prev %d >>\nstartxref\n%d\n%%%%EOF\n" %
                   (SIGNED.section, section))


REPEATED = "has object 4 more than once"
broken("repeated-good-first", with_table(b"4 1\nGOOD\n4 1\nEVIL\n"), REPEATED)
broken("repeated-evil-first", with_table(b"4 1\nEVIL\n4 1\nGOOD\n"), REPEATED)
broken("overlapping", with_table(b"4 1\nGOOD\n3 2\n%010d 00000 n \nEVIL\n" % SIGNED.data.rindex(b"3 0 obj\n")), REPEATED)
hybrid = SIGNED.copy()
update = hybrid.copy().revise({4: text(b"Pay 900 EUR")}, stream=50)
case("startxref-back", update.data[:update.data.rindex(b"startxref")] + b"startxref\n%d\n%%%%EOF\n" % SIGNED.section,
     "no", "forbidden")
behind = hybrid.data + b"50 0 obj\nnull\nendobj\n4 0 obj\n%s\nendobj\n" % text(b"Pay 900 EUR")
evil = len(behind) - len(b"4 0 obj\n%s\nendobj\n" % text(b"Pay 900 EUR"))
at = len(behind)
behind += xref_stream(51, at, in_use({4: evil}), b" /Root 1 0 R /Size 52")
section = len(behind)
behind += (b"xref\n50 1\n%010d 00000 n \ntrailer\n<< /Root 1 0 R /Info 12 0 R /Size 52 /Prev %d /XRefStm %d >>\n"
           b"startxref\n%d\n%%%%EOF\n" % (len(hybrid.data), SIGNED.section, at, section))
case("hybrid-hidden", behind, "no", "forbidden")


def hybrid_of(index, table, entries=b""):
    """An update whose table and whose stream are written by hand; the evil object is number 4, the good one, too."""
    data = SIGNED.data
    good, evil = data.index(b"4 0 obj\n"), len(data)
    if b"E" in entries or b"EVIL" in table:
        data += b"4 0 obj\n%s\nendobj\n" % text(b"Pay 900 EUR")
    null = len(data)
    data += b"50 0 obj\nnull\nendobj\n"
    at = len(data)
    rows = b"".join((1).to_bytes(1, "big") + {b"G": good, b"E": evil, b"N": null}[kind].to_bytes(4, "big") + bytes(2)
                    for kind in (entries[i:i + 1] for i in range(len(entries))))
    data += (b"51 0 obj\n<< /Type /XRef /W [1 4 2] /Index [%s] /Length %d /Root 1 0 R /Size 60 >>\nstream\n%s\n"
             b"endstream\nendobj\n" % (index, len(rows), rows))
    section = len(data)
    for word, place in ((b"GOOD", good), (b"EVIL", evil), (b"NULL", null)):
        table = table.replace(word, b"%010d 00000 n " % place)
    return data + (b"xref\n%strailer\n<< /Root 1 0 R /Info 12 0 R /Size 60 /Prev %d /XRefStm %d >>\nstartxref\n%d\n"
                   b"%%%%EOF\n" % (table, SIGNED.section, at, section))


case("hybrid-usual", hybrid_of(b"50 1", b"0 1\n0000000050 65535 f \n50 1\n0000000000 00000 f \n", b"N"), "yes",
     "permitted")
broken("hybrid-repeated-good-first", hybrid_of(b"4 1 4 1", b"50 1\nNULL\n", b"GE"), REPEATED)
broken("hybrid-repeated-evil-first", hybrid_of(b"4 1 4 1", b"50 1\nNULL\n", b"EG"), REPEATED)
broken("hybrid-both-evil-in-table", hybrid_of(b"4 1", b"4 1\nEVIL\n50 1\nNULL\n", b"G"), REPEATED)
broken("hybrid-both-evil-in-stream", hybrid_of(b"4 1", b"4 1\nGOOD\n50 1\nNULL\n", b"E"), REPEATED)
broken("hybrid-index-elsewhere", hybrid_of(b"4 1", b"50 1\nNULL\n", b"G").replace(b"/Index [4 1]", b"/Index 99 0 R"),
       "(xref stream): Cross-reference stream data has the wrong size")

# --- what reaches beyond the end of what was signed -------------------------------------------------------------------

PAINTED = b"1 1 1 rg 0 0 300 200 re f 0 g BT /F1 18 Tf 20 100 Td (Pay 900 EUR) Tj ET"
FAR = 40000


def beyond(pdf):
    """An object of which only the cross-reference was signed."""
    pdf = pdf.copy()
    pdf.data += b"%" + b"x" * (FAR - len(pdf.data) - 2) + b"\n31 0 obj\n" + stream(PAINTED) + b"\nendobj\n"
    return pdf.revise({90: b"null"}, trailer=INFO)


def straddling(pdf, start):
    """A stream of which only the beginning was signed."""
    pdf = pdf.copy()
    pdf.data += (b"\n" + PAINTED + b"\n").rjust(start + FAR - len(pdf.data)) + b"\nendstream\nendobj\n"
    return pdf.revise({90: b"null"}, trailer=INFO)


def indirect(how):
    """Object 2 stands in an object stream whose /First is object 60, which something else refers to, too."""
    head = b"2 0 "
    body = head + b"%".join((BASE[2][:-2] + b"/Rotate %d >>" % turned).ljust(199) for turned in (0, 180))
    more = {"info": {12: b"<< /Producer [60 0 R] >>"},
            "value": {7: (FILLED % (b"", 8)).replace(b"/V ()", b"/V 60 0 R")},
            "meta": {1: BASE[1][:-2] + b"/Extensions << /X 60 0 R >> >>"}}[how]
    objects = {**BASE, **more, 60: b"%d" % len(head),
               51: b"<< /Type /ObjStm /N 1 /First 60 0 R /Length %d >>\nstream\n%s\nendstream" % (len(body), body)}
    del objects[2]
    pdf = Pdf()
    offsets = {}
    for number, text_of in objects.items():
        offsets[number] = len(pdf.data)
        pdf.data += b"%d 0 obj\n%s\nendobj\n" % (number, text_of)
    pdf.section = len(pdf.data)
    pdf.objects = {**objects, 2: BASE[2]}
    pdf.data += xref_stream(50, pdf.section, {**in_use(offsets), 2: (2, 51, 0)}, INFO + b" /Root 1 0 R /Size 61")
    pdf.data += b"startxref\n%d\n%%%%EOF\n" % pdf.section
    return signed(pdf, stream=70), b"%d" % (len(head) + 200)


for level in (None, 1):
    open_end = signed(Pdf().revise({**BASE, 3: (PAGE % b"7 0 R 10 0 R").replace(b"4 0 R", b"[4 0 R 31 0 R]", 1)},
                                   entries={31: FAR}, trailer=INFO), certified=level)
    broken(f"beyond-{level}", beyond(open_end), "object 31 stands behind the end")
    open_end = base(_4=text(b"Pay 100 EUR").replace(b"/Length 42", b"/Length %d" % FAR))
    begins = open_end.data.index(b"stream\nBT") + len(b"stream\n")
    broken(f"straddling-{level}", straddling(signed(open_end, certified=level), begins), f"octet {begins + FAR} is referred to")
for how in ("info", "value", "meta"):
    pdf, other = indirect(how)
    case(f"indirect-{how}", pdf, "yes", "none")
    revised(f"indirect-{how}-same", "yes", "permitted", {80: b"null"}, pdf, stream=82)
    revised(f"indirect-{how}-moved", "no", "forbidden", {60: other}, pdf, stream=80)

# --- what reaches into what a signature leaves out: white space there is no part of the CMS ----------------------------

LOCATION = b"/Location (%s)"


PREPARED = {21: WIDGET % (b"First", b"0 0 0 0", b"/V 20 0 R ")}
LEADING = {3: PAGE % b"7 0 R 10 0 R 21 0 R", 6: FORM % b"7 0 R 10 0 R 21 0 R"}


def in_reason(number, head, tail, sign=Pdf.sign):
    """An object that begins in a text of the signature's dictionary, goes on behind a "%" to the end of the line, and
    ends in another text. {length}: how long it is behind "stream"; object 30 may say that."""
    offsets, length = {number: 0}, 0
    for _ in range(2):
        made = sign(base(), 20, PREPARED, LEADING, parameters=LOCATION % tail.replace(b"{length}", b"%06d" % length),
                    extra=b"/Reason (%s %% )" % head.replace(b"{length}", b"%06d" % length), trailer=INFO, entries=offsets)
        offsets[number] = at = made.data.rindex(b"/Reason (") + len(b"/Reason (")
        if b"30 0 obj" in tail:
            offsets[30] = made.data.rindex(b"30 0 obj")
        begins = made.data.find(b"stream\n", at) + len(b"stream\n")
        length = made.data.find(b"\nendstream", begins) - begins
    return made


def spaced(pdf):
    """An "f" of the CMS is a line of its own now, and less fills it up."""
    start = pdf.data.rindex(b"/Contents <30") + len(b"/Contents ")
    end = pdf.data.index(b">", start)
    at = pdf.data.index(b"f", start)
    other = pdf.copy()
    other.data = (pdf.data[:at] + b"\nf\n" + pdf.data[at + 1:end - 2] + pdf.data[end:])
    assert len(other.data) == len(pdf.data) and pdf.data[end - 2:end] == b"00"
    return other


def gap(name, pdf):
    case(f"gap-{name}", pdf, "no", "-", "pdf-byte-range")
    case(f"gap-{name}-spaced", spaced(pdf), "no", "-", "pdf-byte-range")


def from_before(number, head, tail):
    """An object that stands in front of the signature's dictionary, and ends behind its gap. `tail`: in a comment."""
    length = 0
    for _ in range(2):
        pdf = base()
        at = len(pdf.data)
        pdf.data += b"%d 0 obj\n" % number + head.replace(b"{length}", b"%06d" % length)
        begins = pdf.data.index(b"<<", at)
        begins = pdf.data.find(b"stream\n", begins) + len(b"stream\n")
        pdf.sign(20, PREPARED, LEADING, tail, trailer=INFO, entries={number: at})
        length = pdf.data.find(b"\nendstream", begins) - begins
    return pdf


# "Pay 100 EUR", which is painted over by "f" and followed by another text if there is such an operator in the gap.
CONTENT = (b"4 0 obj\n<< /Length {length} >>\nstream\nBT /F1 18 Tf 20 100 Td <50617920313030204555522E> Tj ET "
           b"1 1 1 rg 0 0 300 200 re")
END = b"\nendstream\nendobj\n"
gap("content", in_reason(4, CONTENT, END))
gap("content-measured", in_reason(4, CONTENT.replace(b"{length}", b"30 0 R"), END + b"30 0 obj {length} endobj"))
gap("content-named", in_reason(4, CONTENT.replace(b"Length", b"L#65ngth"), END))
gap("content-twice", in_reason(4, CONTENT.replace(b"/Length", b"/Length 5 /Length"), END))
gap("comment", in_reason(12, b"12 0 obj\n<< /Producer <41> /Nothing", b"\n0 >> endobj\n"))
gap("string", from_before(12, b"<< /Producer (", b"%) >> endobj\n"))
gap("stream", from_before(4, b"<< /Length {length} >>\nstream\nBT /F1 18 Tf 20 100 Td (", b"%) Tj ET\n" + LOCATION % b"\nendstream endobj"))
gap("starts-there", base().sign(20, PREPARED, LEADING, trailer=INFO, entries={4: len(base().data) + 400}))
gap("stamp", in_reason(4, CONTENT, END, Pdf.stamp))
case("gap-of-others", signed(base(_4=b"<< /Length 14 0 R /Other /Length >>\nstream\n(%\nendstream", _14=b"2",
                                  _9=b"<< /A (\\() /B <28> /C#28 [(()) << /Length (x) >>] >> % (\n",
                                  _12=b"<< /Producer (endobj stream) >>")), "yes", "none")

# --- what cannot be read ----------------------------------------------------------------------------------------------

CUT = 'no "startxref" that points into it, followed by "%%EOF", ends its first'
HERE = b"startxref\n%d" % SIGNED.section
broken("broken-truncated", SIGNED.data[:-1000], CUT)
broken("broken-half", SIGNED.data[:len(SIGNED.data) // 2], CUT)
broken("broken-table", SIGNED.data[:SIGNED.section + 5] + b"?????" + SIGNED.data[SIGNED.section + 10:],
       f"at octet {SIGNED.section + 5} (xref table): xref syntax invalid")
broken("broken-startxref", SIGNED.data.replace(HERE, b"startxref\n%d" % (SIGNED.section - 40)),
       f'its "startxref" points to octet {SIGNED.section - 40}, where no cross-reference begins')
broken("broken-startxref-object", SIGNED.data.replace(HERE, b"startxref\n%d" % SIGNED.data.index(b"5 0 obj")),
       f"at octet {SIGNED.data.index(b'5 0 obj')}: xref not found")
broken("broken-startxref-far", SIGNED.data.replace(HERE, b"startxref\n99999999999"), CUT)
broken("broken-no-offset", SIGNED.copy().revise({13: b"null"}, entries={5: 0}, trailer=INFO),
       "(object 5 0): object has offset 0")
broken("broken-no-end", SIGNED.data + b"x" * 2000, CUT)
broken("broken-loop", SIGNED.data.replace(b"/Prev %d" % base().section, b"/Prev %d" % SIGNED.section),
       "loop detected following xref tables")
broken("broken-length", signed(base(_4=b"<< /Length 10000000000 >>\nstream\nBT\nendstream"))
       .revise({4: text(b"Pay 900 EUR")}, trailer=INFO), "object 4/0: error reading object: octet 1000000")
repeated = base()
repeated.data = repeated.data.replace(b"trailer", b"4 1\n%010d 00000 n \ntrailer" % repeated.data.index(b"5 0 obj"))
broken("broken-earlier", signed(repeated), REPEATED)
# What was mended before anybody signed is no matter.
case("mended", signed(base(_4=b"<< /Length 10000000000 >>\nstream\nBT\nendstream").revise({4: BASE[4]}, trailer=INFO)),
     "yes", "none")
broken("broken-circle", signed(base(_2=b"<< /Type /Pages /Kids [2 0 R] /Count 1 >>")).revise({40: b"null"}, trailer=INFO),
       "its pages lead to object 2 more than once, or in a circle")
broken("broken-circle-of-fields", signed(base(_7=b"<< /FT /Tx /T (A) /Kids [7 0 R] >>")),
       "its form leads to the field in object 7 more than once")
broken("broken-deep", signed(base(_4=b"[" * 300 + b"]" * 300)).revise({4: text(b"")}, trailer=INFO), "nested too deeply",
       "limit-exceeded")
broken("broken-password", SIGNED.copy().revise(
    {40: b"<< /Filter /Standard /V 2 /R 3 /Length 128 /P -4 /O <%s> /U <%s> >>" % (b"41" * 32, b"42" * 32)},
    trailer=INFO + b" /Encrypt 40 0 R /ID [<00> <00>]"), "is encrypted, which Signet does not read", "unsupported")
# What qpdf quotes is data, that may steer no terminal.
broken("broken-quoted", SIGNED.copy().revise({4: b"<< /A <41\x1b41> >>"}, trailer=INFO),
       "invalid character (\N{REPLACEMENT CHARACTER}) in hexstring")
(FOLDER / "cases").write_text("".join(cases), "utf-8")
