"""A PDF of PAGES pages and so many bytes, each page with an image of noise: make_pdf.py PAGES BYTES OUT"""
import os
import sys

pages, size, path = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
offsets = {}
image = os.urandom(size // pages)

with open(path, "wb") as out:
    out.write(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")

    def put(number, body):
        offsets[number] = out.tell()
        out.write(b"%d 0 obj\n%s\nendobj\n" % (number, body))

    put(1, b"<< /Type /Catalog /Pages 2 0 R >>")
    kids = b" ".join(b"%d 0 R" % (3 + 3 * i) for i in range(pages))
    put(2, b"<< /Type /Pages /Kids [%s] /Count %d /MediaBox [0 0 595 842] >>" % (kids, pages))
    for page in range(3, 3 + 3 * pages, 3):
        put(page, b"<< /Type /Page /Parent 2 0 R /Contents %d 0 R /Resources << /XObject << /I %d 0 R >> >> >>"
            % (page + 1, page + 2))
        put(page + 1, b"<< /Length 28 >>\nstream\nq 500 0 0 700 40 70 cm /I Do \nendstream")
        put(page + 2, b"<< /Type /XObject /Subtype /Image /Width %d /Height 1 /BitsPerComponent 8 /ColorSpace /DeviceGray"
            b" /Length %d >>\nstream\n%s\nendstream" % (len(image), len(image), image))
    startxref, count = out.tell(), 3 + 3 * pages
    out.write(b"xref\n0 %d\n0000000000 65535 f \n" % count)
    out.writelines(b"%010d 00000 n \n" % offsets[n] for n in range(1, count))
    out.write(b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (count, startxref))
