#!/bin/bash
# Do programs that share no code with us take what we sign, whoever made the PDF: signed once, twice, certified and
# visibly? And is what was there left as it was?
. "${SIGNET_SOURCE:-$(dirname "$0")/../..}/tests/support/lib.sh"
cd "$tmp"
. "$SIGNET_SOURCE/tests/support/pades.sh"
make_signers
mkdir made
printf 'Delivered complete and in good order.\n\nGeliefert: vollständig.\n' > text.txt
pdftex=/usr/share/doc/libtasn1-doc/libtasn1.pdf

# ---- PDFs of many makers, each as it makes them --------------------------------------------------------------------

office() { # OUT [FILTER OPTIONS]
    HOME=$tmp soffice --headless --convert-to "pdf$2" --outdir office text.txt
    mv office/text.pdf "$1"
}

make_libreoffice() { office "$1" ''; }
# PDF/A-2b
make_libreoffice_a() { office "$1" ':writer_pdf_Export:{"SelectPdfVersion":{"type":"long","value":"2"}}'; }
make_chromium() {
    HOME=$tmp chromium --headless --no-sandbox --disable-gpu --print-to-pdf="$1" 'data:text/html,<h1>Delivered</h1>complete'
}
make_pdftex() { cp "$pdftex" "$1"; }
make_ghostscript() {
    printf '%%!PS\n/Helvetica findfont 24 scalefont setfont 72 700 moveto (Delivered) show showpage\n' > page.ps
    ps2pdf page.ps "$1"
}
make_cairo() { pdftocairo -pdf made/ghostscript.pdf "$1"; }
make_groff() { printf '.TL\nOrder\n.PP\nDelivered complete.\n' | groff -ms -Tpdf > "$1"; }
make_mupdf() {
    printf '%%%%MediaBox 0 0 500 500\n%%%%Font Tm Times-Roman\nBT /Tm 24 Tf 50 400 Td (Delivered) Tj ET\n' > page.txt
    mutool create -o "$1" page.txt
}
make_reportlab() {
    /usr/bin/python3 -c 'import sys
from reportlab.pdfgen import canvas
page = canvas.Canvas(sys.argv[1], pageCompression=0)
page.drawString(72, 700, "Delivered")
page.showPage()
page.save()' "$1"
}
make_podofo() { podofotxt2pdf text.txt "$1"; }
make_weasyprint() { echo '<h1>Delivered</h1><p>complete' | weasyprint - "$1"; }
make_qpdf() { qpdf --linearize --object-streams=generate "$pdftex" "$1"; }

makers=(libreoffice libreoffice_a chromium pdftex ghostscript cairo groff mupdf reportlab podofo weasyprint qpdf)
for maker in "${makers[@]}"; do
    if ! "make_$maker" "made/$maker.pdf" > maker.out 2>&1 || [ ! -s "made/$maker.pdf" ]; then
        cat maker.out >&2
        failed "no PDF of $maker"
    fi
done

# ---- each signed in every way ----------------------------------------------------------------------------------------

for maker in "${makers[@]}"; do
    pdf=made/$maker.pdf
    expect 0 sign "$pdf" "$maker-once.pdf" reason='Geprüft' name='Ada Signer' location=Wien contact=ada@example.net
    judged "$pdf" "$maker-once.pdf" 1
    expect 0 "$sign_pdf" ec.key ec.pem "$maker-once.pdf" "$maker-twice.pdf"
    judged "$maker-once.pdf" "$maker-twice.pdf" 2
    expect 0 sign "$pdf" "$maker-certified.pdf" certify=2
    judged "$pdf" "$maker-certified.pdf" 1
    expect 0 "$sign_pdf" ec.key ec.pem "$maker-certified.pdf" "$maker-certified-twice.pdf"
    judged "$maker-certified.pdf" "$maker-certified-twice.pdf" 2
    expect 0 sign "$pdf" "$maker-visible.pdf" rect=20,20,240,60 line='Ada Signer' line='2026-11-26, 日本'
    judged "$pdf" "$maker-visible.pdf" 1
    expect 0 mutool draw -q -F text "$maker-visible.pdf" 1
    says 'Ada Signer'
done

# A byte of what the page says.
offset=$(grep -obUa 'Delivered' reportlab-once.pdf | sed -n 1p | cut -d: -f1)
altered reportlab-once.pdf "$offset"

# The entries are what was asked for.
expect 0 pdfsig -nssdir sql:nss libreoffice-once.pdf
says 'Signature Field Name: Signature1'
expect 0 qpdf --json=2 --json-key=qpdf libreoffice-once.pdf
says '"/Reason": "u:Geprüft"'
says '"/Location": "u:Wien"'
says '"/Name": "u:Ada Signer"'
says '"/ContactInfo": "u:ada@example.net"'

# ---- PDFBox finds them, BouncyCastle judges them -----------------------------------------------------------------------

jars=/usr/share/java
extract() { # PDF NAME
    mkdir "$2"
    holds java -cp "$jars/pdfbox2.jar:$jars/fontbox2.jar:$jars/commons-logging.jar" \
        "$SIGNET_SOURCE/tests/support/JudgePdf.java" "$1" "$2"
}

bouncy() { # ROOT SIGNATURE...
    local root=$1 signature
    shift
    for signature; do
        printf '%s\t%s\n' "$signature" "${signature%.p7s}.content"
    done | java -cp "$jars/bcprov.jar:$jars/bcpkix.jar:$jars/bcutil.jar" "$SIGNET_SOURCE/tests/support/JudgeCms.java" \
        verify "$root" > bouncy.out 2> /dev/null
}

if [ -e $jars/pdfbox2.jar ]; then
    extract libreoffice-twice.pdf twice
    extract chromium-visible.pdf visible
    extract altered.pdf altered
    bouncy rsa-ca.pem twice/1.p7s visible/1.p7s altered/1.p7s
    holds grep -q '^accepted twice/1.p7s' bouncy.out
    holds grep -q '^accepted visible/1.p7s' bouncy.out
    holds grep -q '^rejected altered/1.p7s' bouncy.out
    bouncy ec-ca.pem twice/2.p7s
    holds grep -q '^accepted twice/2.p7s' bouncy.out
fi

passed
