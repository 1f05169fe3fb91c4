#!/usr/bin/python3
"""Writes a small PDF of one page: pdf_page.py TEXT [FEATURE]... > FILE

Features: script, launch, external (what acts, or comes from elsewhere), field (an empty signature field "Here" with a place
on the page), pad=N (N bytes of content that nobody sees)."""
import os
import sys


def main():
    text, features = sys.argv[1], sys.argv[2:]
    pad = next((int(f[4:]) for f in features if f.startswith("pad=")), 0)
    content = b"BT /F1 24 Tf 72 720 Td (%s) Tj ET" % text.encode()
    actions = {"script": "/OpenAction <</S /JavaScript /JS (app.alert\\(1\\))>>", "launch": "/OpenAction <</S /Launch /F (x)>>"}
    catalog = "<</Type /Catalog /Pages 2 0 R " + " ".join(actions[f] for f in features if f in actions)
    page = "<</Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources <</Font <</F1 5 0 R>>>>"
    objects = []
    if "field" in features:
        catalog += " /AcroForm <</Fields [6 0 R]>>"
        page += " /Annots [6 0 R]"
    objects += [catalog + ">>", "<</Type /Pages /Kids [3 0 R] /Count 1>>", page + ">>",
                b"<</Length %d>> stream\n%s\nendstream" % (len(content), content),
                "<</Type /Font /Subtype /Type1 /BaseFont /Helvetica>>"]
    if "field" in features:
        objects.append("<</Type /Annot /Subtype /Widget /FT /Sig /T (Here) /Rect [72 400 372 500] /F 4 /P 3 0 R>>")
    if "external" in features:
        objects.append(b"<</Length 0 /F <</Type /Filespec /FS /URL /F (http://a.example/)>>>> stream\n\nendstream")
    if pad:
        filling = os.urandom(pad).replace(b"e", b"E")
        objects.append(b"<</Length %d>> stream\n%s\nendstream" % (len(filling), filling))
    out, offsets = bytearray(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"), []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body.encode() if isinstance(body, str) else body)
    xref = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    out += b"trailer\n<</Size %d /Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, xref)
    sys.stdout.buffer.write(out)


main()
