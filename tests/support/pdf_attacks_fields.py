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

(FOLDER / "cases").write_text("".join(cases), "utf-8")
