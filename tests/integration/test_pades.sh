#!/bin/bash
# Do programs that share no code with us take what we sign, whoever made the PDF: signed once, twice, certified and
# visibly, so that it can be read? And is what was there left as it was, and a PDF/A still one?
. "${SIGNET_SOURCE:-$(dirname "$0")/../..}/tests/support/lib.sh"
cd "$tmp"
. "$SIGNET_SOURCE/tests/support/pades.sh"
for jar in pdfbox2 preflight bcprov commons-io javax.activation jaxb-api; do
    [ -e "/usr/share/java/$jar.jar" ] || skip "$jar.jar is not installed"
done
make_signers
mkdir made
printf 'Delivered complete and in good order.\n\nGeliefert: vollständig.\n' > text.txt
pdftex=/usr/share/doc/libtasn1-doc/libtasn1.pdf

# ---- PDFs of many makers, each as it makes them --------------------------------------------------------------------

# Headings, which become bookmarks.
office_text='<?xml version="1.0" encoding="UTF-8"?>
<office:document xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"
 xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" office:version="1.2"
 office:mimetype="application/vnd.oasis.opendocument.text"><office:body><office:text>
<text:h text:outline-level="1">Order</text:h><text:p>Delivered complete and in good order.</text:p>
<text:h text:outline-level="2">Delivery</text:h><text:p>Geliefert: vollständig.</text:p>
<text:h text:outline-level="2">Payment</text:h><text:p>Within 30 days.</text:p>
</office:text></office:body></office:document>'
office() { # OUT [FILTER OPTIONS]
    printf %s "$office_text" > order.fodt
    HOME=$tmp soffice --headless --convert-to "pdf$2" --outdir office order.fodt
    mv office/order.pdf "$1"
}

make_libreoffice() { office "$1" ''; }
office_archive() { office "$1" ":writer_pdf_Export:{\"SelectPdfVersion\":{\"type\":\"long\",\"value\":\"$2\"}}"; }
# PDF/A-1b and PDF/A-2b
make_libreoffice_a1() { office_archive "$1" 1; }
make_libreoffice_a2() { office_archive "$1" 2; }
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

makers=(libreoffice libreoffice_a1 libreoffice_a2 chromium pdftex ghostscript cairo groff mupdf reportlab podofo weasyprint qpdf)
for maker in "${makers[@]}"; do
    if ! "make_$maker" "made/$maker.pdf" > maker.out 2>&1 || [ ! -s "made/$maker.pdf" ]; then
        cat maker.out >&2
        failed "no PDF of $maker"
    fi
done
expect 0 qpdf --json=2 --json-key=outlines made/libreoffice.pdf
[ "$(jq -c '[.outlines[] | .title, [.kids[].title]]' out)" = '["Order",["Delivery","Payment"]]' ] ||
    failed "LibreOffice made no bookmarks: $(cat out)"

# ---- each signed in every way ----------------------------------------------------------------------------------------

rect=20,30,240,60
for maker in "${makers[@]}"; do
    pdf=made/$maker.pdf name='Ada Signer'
    [[ $maker != libreoffice* ]] || name=王小明
    expect 0 sign "$pdf" "$maker-once.pdf" reason='Geprüft' name='Ada Signer' location=Wien contact=ada@example.net
    judged "$pdf" "$maker-once.pdf" 1
    expect 0 "$sign_pdf" ec.key ec.pem "$maker-once.pdf" "$maker-twice.pdf"
    judged "$maker-once.pdf" "$maker-twice.pdf" 2
    expect 0 sign "$pdf" "$maker-certified.pdf" certify=2
    judged "$pdf" "$maker-certified.pdf" 1
    expect 0 "$sign_pdf" ec.key ec.pem "$maker-certified.pdf" "$maker-certified-twice.pdf"
    judged "$maker-certified.pdf" "$maker-certified-twice.pdf" 2
    expect 0 sign "$pdf" "$maker-visible.pdf" rect="$rect" line="$name" line='2026-11-26, 日本'
    judged "$pdf" "$maker-visible.pdf" 1
    legible "$pdf" "$maker-visible.pdf" "$rect" "$name" '2026-11-26, 日本'
done

# What the eye would stumble over is found.
before=made/libreoffice.pdf after=libreoffice-visible.pdf
not_legible 'the signature reads' $before $after $rect 王大明 '2026-11-26, 日本'
not_legible 'is outside of the rectangle' $before $after 20,30,40,60 王小明 '2026-11-26, 日本'
pdftoppm -r 20 -png -l 1 -singlefile $before page
expect 0 "$sign_pdf" ec.key ec.pem $after inked.pdf rect=300,300,50,50 image=page.png
not_legible 'ink outside of the box' $before inked.pdf $rect 王小明 '2026-11-26, 日本'
expect 0 sign $before over.pdf rect=50,740,240,60 line='Ada Signer'
not_legible "overlaps the page's word" $before over.pdf 50,740,240,60 'Ada Signer'
not_legible 'the page has another size' made/pdftex.pdf $after $rect 王小明 '2026-11-26, 日本'

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

# ---- PDF/A stays PDF/A ---------------------------------------------------------------------------------------------------

jars=/usr/share/java
preflight() { # PDF...
    java -cp "$(printf "$jars/%s.jar:" preflight pdfbox2 fontbox2 xmpbox commons-logging commons-io javax.activation jaxb-api)" \
        "$SIGNET_SOURCE/tests/support/JudgePdfA.java" "$@" > preflight.out 2> /dev/null
}

# PDFBox takes PDF/A-1b: as it was made, and signed in each way; and finds fault with what a signature may not be.
archive=(made/libreoffice_a1.pdf libreoffice_a1-{once,twice,certified,certified-twice,visible}.pdf)
flaws=('s|/FT /Sig /F 132|/FT /Sig /F 130|' 's|/FontFile3 |/FontFileX |' 's|/AP <</N|/XP <</N|')
for i in "${!flaws[@]}"; do
    LC_ALL=C sed "${flaws[i]}" libreoffice_a1-visible.pdf > "flaw-$i.pdf"
    rejects cmp libreoffice_a1-visible.pdf "flaw-$i.pdf"
done
holds preflight "${archive[@]}" flaw-{0,1,2}.pdf made/reportlab.pdf
for pdf in "${archive[@]}"; do
    grep -qx "valid $pdf" preflight.out || { cat preflight.out >&2; failed "$pdf is no PDF/A-1b"; }
done
for pdf in flaw-{0,1,2}.pdf made/reportlab.pdf; do
    holds grep -qx "not-valid $pdf" preflight.out
done

# What says that it is PDF/A-2b, and how its colours are meant, is where it was; what is added is as in PDF/A-1b, which
# permits less.
archived() { # PDF: its metadata and its output intents
    qpdf --json=2 --json-key=qpdf "$1" | jq -r '.qpdf[1] as $all | $all["obj:\($all.trailer.value["/Root"])"].value |
        ."/Metadata", ."/OutputIntents"'
    qpdf --show-object="$(qpdf --json=2 --json-key=qpdf "$1" | jq -r '.qpdf[1] as $all |
        $all["obj:\($all.trailer.value["/Root"])"].value["/Metadata"] | sub(" R"; "") | sub(" "; ",")')" \
        --filtered-stream-data "$1"
}
archived made/libreoffice_a2.pdf > archived
holds grep -q '<pdfaid:part>2</pdfaid:part>' archived
for way in once twice certified certified-twice visible; do
    archived libreoffice_a2-$way.pdf > "archived-$way"
    holds cmp archived "archived-$way"
done
LC_ALL=C sed 's|<pdfaid:part>2|<pdfaid:part>3|' libreoffice_a2-visible.pdf > flaw-3.pdf
archived flaw-3.pdf > archived-flaw
rejects cmp archived archived-flaw

# ---- PDFBox finds them, BouncyCastle judges them -----------------------------------------------------------------------

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

extract libreoffice-twice.pdf twice
extract chromium-visible.pdf visible
extract altered.pdf altered
bouncy rsa-ca.pem twice/1.p7s visible/1.p7s altered/1.p7s
holds grep -q '^accepted twice/1.p7s' bouncy.out
holds grep -q '^accepted visible/1.p7s' bouncy.out
holds grep -q '^rejected altered/1.p7s' bouncy.out
bouncy ec-ca.pem twice/2.p7s
holds grep -q '^accepted twice/2.p7s' bouncy.out

passed
