"""Makes signed PDFs of which the form was changed afterwards: attacks on what fields show, each beside its harmless twin.
Arguments and result: as of pdf_attacks.py."""

import pathlib
import ssl
import sys

from pdf_maker import APPEARANCE, BASE, FILLED, FORM, INFO, PAGE, SIGNER, TSA, WIDGET, Pdf, stream

FOLDER = pathlib.Path(sys.argv[1])
SIGNER += sys.argv[2:4]
TSA += sys.argv[4:6]
CERTIFICATE = stream(ssl.PEM_cert_to_DER_cert(pathlib.Path(SIGNER[0]).read_text("ascii")))
LEVELS = (None, 1, 2, 3)
GOOD, BAD = ("yes", "permitted", "pdf-added-to"), ("no", "forbidden", "pdf-changed")
cases = []


def case(name, pdf, result):
    (FOLDER / f"{name}.pdf").write_bytes(pdf.data)
    cases.append(" ".join((name, *result)) + "\n")


def signed(changes, certified=None, fields=b"7 0 R 10 0 R", lock=b""):
    """A signature in object 20, its invisible field in 21. `fields`: those that the form leads to besides."""
    pdf = Pdf().revise({**BASE, **changes}, trailer=INFO)
    parameters, update = b"", {6: pdf.objects[6].replace(b"/Fields [" + fields, b"/Fields [%s 21 0 R" % fields)}
    if certified:
        parameters = (b"/Reference [<< /Type /SigRef /TransformMethod /DocMDP /TransformParams "
                      b"<< /Type /TransformParams /V /1.2 /P %d >> >>]" % certified)
        update[1] = catalog(pdf, b"/Perms << /DocMDP 20 0 R >>")
    if lock:
        lock = b"/Lock << /Type /SigFieldLock /Action /%s >> " % lock
    return pdf.sign(20, {21: WIDGET % (b"First", b"0 0 0 0", b"/V 20 0 R " + lock)}, update, parameters, trailer=INFO)


def revised(name, pdf, update, result):
    case(name, pdf.copy().revise(update, trailer=INFO), result)


def catalog(pdf, extra):
    return pdf.objects[1][:-2] + extra + b" >>"


def evidence(pdf, extra=b""):
    """What may always come; by `extra`, something else with it."""
    return {1: catalog(pdf, b"/DSS << /Certs [40 0 R] %s >>" % extra), 40: CERTIFICATE}


def granted(level):
    return BAD if level == 1 else GOOD


# --- a node of the page tree that is a field, too ---------------------------------------------------------------------

NODE = {2: b"<< /Type /Pages /Kids [60 0 R] /Count 1 >>",
        3: (PAGE % b"7 0 R 10 0 R").replace(b"/Parent 2", b"/Parent 60"),
        6: b"<< /Fields [7 0 R 10 0 R 60 0 R] /SigFlags 3 /DR 60 0 R >>",
        60: b"<< /Type /Pages /Kids [3 0 R] /Count 1 /Parent 2 0 R >>"}
for level in (None, 1):
    node = signed(NODE, level)
    revised(f"node-{level}", node, evidence(node), GOOD)
    revised(f"node-turned-{level}", node, {**evidence(node), 60: NODE[60][:-2] + b"/Rotate 180 >>"}, BAD)

# --- a field that the form led to before there was one ----------------------------------------------------------------

for level in (None, 1):
    dangling = signed({6: FORM % b"7 0 R 10 0 R 60 0 R"}, level)
    revised(f"field-dangling-{level}", dangling, evidence(dangling), GOOD)
    revised(f"field-came-{level}", dangling, {**evidence(dangling, b"/X 60 0 R"),
                                              60: FILLED.replace(b"Amount", b"New") % (b"5", 8)}, BAD)
    revised(f"field-for-signature-came-{level}", dangling, {**evidence(dangling, b"/X 60 0 R"),
                                                            60: WIDGET % (b"New", b"0 0 0 0", b"")}, granted(level))

# --- what a look leads to that was not changed itself -----------------------------------------------------------------

def look(words):
    return stream(b"BT /F1 14 Tf 2 5 Td (%s) Tj ET" % words, APPEARANCE)


FRAME = stream(b"/X Do", b"/Subtype /Form /BBox [0 0 100 20] /Resources << /XObject << /X 60 0 R >> >>")
GLYPH = stream(b"600 0 0 0 600 700 d1 0 0 100 700 re f")
TYPE3 = (b"<< /Type /Font /Subtype /Type3 /FontBBox [0 0 1000 1000] /FontMatrix [0.001 0 0 0.001 0 0] /CharProcs << /a 60 0 R >> "
         b"/Encoding << /Differences [49 /a] >> /FirstChar 49 /LastChar 49 /Widths [600] /Resources << >> >>")
NESTED = {7: FILLED % (b"Pay 100", 8), 8: FRAME, 60: look(b"Pay 100")}
INKED = {**NESTED, 8: stream(b"BT /G 14 Tf 2 5 Td (1) Tj ET", b"/Subtype /Form /BBox [0 0 100 20] /Resources "
                             b"<< /Font << /G 61 0 R >> >>"), 60: GLYPH, 61: TYPE3}
PREPARED = {**NESTED, 7: BASE[7], 10: WIDGET % (b"Later", b"20 20 120 40", b"/AP << /N 8 0 R >> ")}
MISSING = {number: body for number, body in NESTED.items() if number != 60}
STATES = {**NESTED, 7: (FILLED % (b"Pay 100", 62)).replace(b"/AP", b"/AS /On /AP"), 62: b"<< /On 8 0 R /Off 63 0 R >>",
          63: look(b"")}
EVIL = {60: look(b"Pay 900")}
for level in LEVELS:
    for name, changes in (("nested", NESTED), ("inked", INKED), ("prepared", PREPARED), ("missing", MISSING), ("states", STATES)):
        pdf = signed(changes, level)
        revised(f"look-{name}-{level}", pdf, evidence(pdf), GOOD)
        for how, extra in (("evidence", b"/VRI << /X << /Y 60 0 R >> >>"), ("private", b"/X 60 0 R")):
            revised(f"look-{name}-by-{how}-{level}", pdf, {**evidence(pdf, extra), **EVIL}, BAD)
    pdf = signed(NESTED, level)
    extended = evidence(pdf)
    extended[1] = extended[1][:-2] + b"/Extensions << /ESIC << /BaseVersion /1.7 /ExtensionLevel 5 %s>> >> >>"
    revised(f"look-extension-{level}", pdf, {**extended, 1: extended[1] % b""}, GOOD)
    revised(f"look-by-extension-{level}", pdf, {**extended, **EVIL, 1: extended[1] % b"/X 60 0 R "}, BAD)
    for name, more, result in (("new-field", EVIL, BAD), ("new-field-alone", {}, GOOD)):
        field = WIDGET % (b"Second", b"0 0 0 0", b"/V 23 0 R " + (b"/AP << /N 60 0 R >> " if more else b""))
        case(f"look-by-{name}-{level}", pdf.copy().stamp(
            23, {22: field}, {6: pdf.objects[6].replace(b"21 0 R]", b"21 0 R 22 0 R]"), **more}, trailer=INFO), result)
    # Filled in: drawn anew as a whole, or so that what was there is used again.
    revised(f"look-new-{level}", pdf, {7: FILLED % (b"5", 31), 31: FRAME}, granted(level))
    revised(f"look-kept-{level}", pdf, {7: FILLED % (b"5", 8), **EVIL}, BAD)
    revised(f"look-in-place-{level}", pdf, {7: FILLED % (b"5", 8), 8: FRAME.replace(b"/X Do", b"/X\tDo"), **EVIL}, granted(level))
    pdf = signed(STATES, level)
    revised(f"look-state-{level}", pdf, {7: STATES[7].replace(b"/On", b"/Off")}, granted(level))
    revised(f"look-states-in-place-{level}", pdf, {62: STATES[62].replace(b"63", b"8")}, granted(level))
    revised(f"look-of-state-in-place-{level}", pdf, {63: look(b"5")}, granted(level))
OTHER = {70: FILLED.replace(b"Amount", b"Free").replace(b"20 20 120 40", b"20 60 120 80") % (b"x", 71), 71: look(b"x"),
         6: FORM % b"7 0 R 10 0 R 70 0 R", 3: PAGE % b"7 0 R 10 0 R 70 0 R"}
shared = signed({**NESTED, **OTHER}, lock=b"Include /Fields [(Amount)]")
FREE = {70: OTHER[70].replace(b"71 0 R", b"72 0 R"), 72: FRAME}
revised("look-of-locked-used", shared, FREE, GOOD)
revised("look-of-locked-shared", shared, {**FREE, **EVIL}, BAD)
# One dictionary of appearances for two fields, of which one gets its own.
common = signed({**NESTED, **OTHER, 73: b"<< /N 8 0 R >>", **{n: f.replace(b"<< /N %d 0 R >>" % a, b"73 0 R") for n, f, a in (
    (7, NESTED[7], 8), (70, OTHER[70], 71))}})
revised("look-of-two", common, {70: OTHER[70]}, GOOD)

# --- a lock, and a value that a field has from the one that it lies in --------------------------------------------------

KID = (FILLED % (b"", 8)).replace(b"/V ()", b"/Parent 70 0 R").replace(b"/FT /Tx", b"")
for name, above in (("named", b"/T (A) "), ("unnamed", b"")):
    group = {7: KID, 70: b"<< %s/FT /Tx /Kids [7 0 R] /V (Pay 100) >>" % above, 6: FORM % b"70 0 R 10 0 R"}
    whole = b"A.Amount" if above else b"Amount"
    for lock, result in ((b"Include /Fields [(%s)]" % whole, BAD), (b"Include /Fields [(Other)]", GOOD if above else BAD),
                         (b"Exclude /Fields [(%s)]" % whole, BAD), (b"Exclude /Fields [(A)]", GOOD if above else BAD),
                         (b"All", BAD)):
        pdf = signed(group, lock=lock, fields=b"70 0 R 10 0 R")
        name_of = f"inherited-{name}-{lock.decode().replace(' ', '').replace('/', '-')}"
        revised(name_of, pdf, {70: group[70].replace(b"100", b"900")}, result)
        revised(f"{name_of}-evidence", pdf, evidence(pdf), GOOD)

# --- what the form gives its fields -----------------------------------------------------------------------------------

BARE = (FILLED % (b"Pay 900", 8)).replace(b"/AP << /N 8 0 R >> ", b"")
OWN = BARE[:-2] + b"/DA (/F1 12 Tf) >>"
GIVEN = b"<< /Fields [7 0 R 10 0 R] /SigFlags 3 %s >>"
FONTS = b"/DR << /Font << /F1 5 0 R >> >> "
NEED = b"/NeedAppearances true "


def given(name, field, before, after, redraws, more=None, fields=b"7 0 R 10 0 R"):
    """What the form gives changes from `before` to `after`: does the field show something else by that?"""
    for level, lock, result in ((None, b"", GOOD), (1, b"", BAD if redraws else GOOD), (2, b"", GOOD),
                                (None, b"Include /Fields [(Amount)]", BAD if redraws else GOOD),
                                (None, b"Include /Fields [(Other)]", GOOD)):
        pdf = signed({6: GIVEN.replace(b"7 0 R 10 0 R", fields) % before, 7: field, **(more or {})}, level, fields, lock)
        update = evidence(pdf)
        revised(f"given-{name}-{level}-{lock[18:-2].decode()}", pdf,
                {**update, 61: TYPE3, 62: GLYPH, 6: pdf.objects[6].replace(before, b"")[:-2] + after + b">>"}, result)


given("text", BARE, FONTS, FONTS + b"/DA (/F1 12 Tf) ", True)
given("text-unused", OWN, FONTS, FONTS + b"/DA (/F1 12 Tf) ", False)
given("text-above", BARE.replace(b"/T (", b"/Parent 70 0 R /T ("), FONTS, FONTS + b"/DA (/F1 12 Tf) ", False,
      {70: b"<< /Kids [7 0 R] /DA (/F1 12 Tf) >>"}, b"70 0 R 10 0 R")
FONT = b"/DR << /Font << /F1 5 0 R /%s 61 0 R >> >> "
given("font", BARE.replace(b"/V", b"/DA (0 g/Own 12 Tf) /V"), FONTS, FONT % b"Own", True)
given("font-escaped", BARE.replace(b"/V", b"/DA (/O#77n 12 Tf) /V"), FONTS, FONT % b"Own", True)
given("font-long", BARE.replace(b"/V", b"/DA (/F1 12 Tf%s) /V" % (b" " * 300)), FONTS, FONT % b"Own", True)
given("font-above", BARE.replace(b"/T (", b"/Parent 70 0 R /T ("), FONTS, FONT % b"Own", True,
      {70: b"<< /Kids [7 0 R] /DA (/Own 12 Tf) >>"}, b"70 0 R 10 0 R")
given("font-of-form", BARE, FONTS + b"/DA (/Own 12 Tf) ", FONT % b"Own" + b"/DA (/Own 12 Tf) ", True)
given("font-of-none", BARE, b"/DA (/Own 12 Tf) ", FONT % b"Own" + b"/DA (/Own 12 Tf) ", True)
given("font-unused", OWN, FONTS, FONT % b"Own", False)
given("need", FILLED % (b"Pay 100", 8), NEED, b"", True)
given("need-not", FILLED % (b"Pay 100", 8), b"/NeedAppearances false ", b"", False)
given("need-nothing", BASE[10].replace(b"Later", b"Another"), NEED, b"", False)
# A widget that the form does not lead to is drawn all the same.
STRAY = {3: PAGE % b"7 0 R 10 0 R 70 0 R", 70: BARE.replace(b"Amount", b"Stray")}
for level, lock, result in ((None, b"", GOOD), (1, b"", BAD), (None, b"Include /Fields [(Other)]", BAD)):
    pdf = signed({**STRAY, 6: GIVEN % FONTS, 7: OWN}, level, lock=lock)
    revised(f"given-stray-{level}{len(lock)}", pdf, {
        **evidence(pdf), 6: pdf.objects[6][:-2] + b"/DA (/F1 12 Tf) >>"}, result)

# --- what is filled in, and what is not -------------------------------------------------------------------------------

TEXT = FILLED % (b"", 8)
READ = TEXT.replace(b"/F 4", b"/F 4 /Ff 1")
PUSHED = TEXT.replace(b"/F 4", b"/F 4 /Ff 65536").replace(b"/FT /Tx", b"/FT /Btn")


def redrawn(name, field, certified, plain, more=None, fields=b"7 0 R 10 0 R", value=b""):
    """The look of a field, or its value, too, becomes another: in a document that is certified with level 2, or not."""
    for level, result in ((None, plain), (2, certified)):
        pdf = signed({6: FORM % fields, 7: field, 8: look(b"Pay 100"), **(more or {})}, level, fields)
        revised(f"redrawn-{name}-{level}-not", pdf, evidence(pdf), GOOD)
        revised(f"redrawn-{name}-{level}", pdf, {7: field.replace(b"/V ()", b"/V (%s)" % value).replace(b"8 0 R", b"31 0 R"),
                                                 31: look(b"Pay 900")}, result)


redrawn("text", TEXT, GOOD, GOOD)
redrawn("read", READ, BAD, GOOD)
redrawn("calculated", READ, GOOD, GOOD, value=b"Pay 900")
redrawn("pushed", PUSHED, BAD, GOOD)
redrawn("pushed-valued", PUSHED, BAD, GOOD, value=b"Pay 900")
redrawn("no-kind", TEXT.replace(b"/FT /Tx ", b""), BAD, BAD)
redrawn("odd-kind", TEXT.replace(b"/Tx", b"/Xx"), BAD, BAD)
redrawn("stamp", TEXT.replace(b"/Widget", b"/Stamp"), BAD, BAD)
redrawn("stamp-of-no-kind", TEXT.replace(b"/Widget /FT /Tx", b"/Stamp"), BAD, BAD)
redrawn("stamp-for-signature", TEXT.replace(b"/Widget /FT /Tx", b"/Stamp /FT /Sig").replace(b"/V () ", b""), BAD, BAD)
for name, above, certified in (("kid", b"/FT /Tx", GOOD), ("kid-read", b"/FT /Tx /Ff 1", BAD), ("kid-of-no-kind", b"", BAD)):
    redrawn(name, TEXT.replace(b"/FT /Tx /T (Amount)", b"/Parent 70 0 R"), certified, BAD if not above else GOOD,
            {70: b"<< /T (Amount) /Kids [7 0 R] %s >>" % above}, b"70 0 R 10 0 R")

SEVEN = {70 + i: TEXT.replace(b"Amount", b"F%d" % i) for i in range(7)}
seven = signed({6: FORM % (b"7 0 R 10 0 R " + b" ".join(b"%d 0 R" % number for number in SEVEN)), **SEVEN})
revised("filled-seven", seven, {number: field.replace(b"/V ()", b"/V (5)") for number, field in SEVEN.items()}, GOOD)

(FOLDER / "cases").write_text("".join(cases), "utf-8")
