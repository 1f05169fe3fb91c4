"""A PDF that is signed so many times. Arguments: OUT CERTIFICATE KEY COUNT."""

import pathlib
import sys

from pdf_maker import BASE, FORM, INFO, PAGE, SIGNER, WIDGET, Pdf

SIGNER += sys.argv[2:4]
pdf, fields = Pdf().revise(BASE, trailer=INFO), b"7 0 R 10 0 R"
for number in range(int(sys.argv[4]) - 1):
    field, signature = 100 + 2 * number, 101 + 2 * number
    fields += b" %d 0 R" % field
    pdf.sign(signature, {field: WIDGET % (b"Signature %d" % number, b"0 0 0 0", b"/V %d 0 R " % signature)},
             {3: PAGE % fields, 6: FORM % fields}, trailer=INFO)
pathlib.Path(sys.argv[1]).write_bytes(pdf.data)
