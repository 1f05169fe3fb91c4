#!/bin/bash
# Does `signet sign` make each format as it is asked to, name the file as it says, refuse what does not go together, and
# say of a PDF what is in it before anybody signs? Judged by qpdf, pdfsig, unzip and openssl beside signet.
. "${SIGNET_SOURCE:-$(dirname "$0")/../..}/tests/support/lib.sh"
fixtures
cd "$tmp"
ca=$SIGNET_FIXTURES/ca main="pkcs11:token=Signet%20Test"

pdf() { # NAME [FEATURE]...
    /usr/bin/python3 "$SIGNET_SOURCE/tests/support/pdf_page.py" "$@" > "$1.pdf"
}
usage() { # TEXT ARGUMENT...
    local text=$1
    shift
    expect 64 signet_pin sign "$@"
    says "$text"
}
passed_as() { # FILE FORMAT
    expect 0 "$SIGNET" verify --json "$1"
    json 'signatures.0.indication="TOTAL-PASSED"' "format=\"$2\"" 'signatures.0.level="B-B"'
}
holds "$SIGNET" trust add "$ca/root.pem" --yes
for crl in root issuing; do
    holds "$SIGNET" trust add --crl "$ca/$crl.crl" --intermediate "$ca/issuing.pem"
done
mkdir work && cd work

# --- auto: what begins as a PDF is signed as one, whatever it is called; all else beside it
pdf a
cp a.pdf B.PDF && cp a.pdf scan && echo "not a PDF" > letter.pdf
expect 0 signet_pin sign a.pdf B.PDF scan letter.pdf
says "PAdES B-B"
says "CAdES B-B, detached"
for file in a.signed.pdf B.signed.pdf scan.signed.pdf; do
    holds cmp -n "$(stat -c %s a.pdf)" a.pdf $file
    holds qpdf --check $file
    passed_as $file PAdES
done
passed_as letter.pdf.p7s CAdES
expect 0 signet_pin sign --json --format cades a.pdf
json format='"CAdES"' output='"a.pdf.p7s"'
expect 0 signet_pin sign --json --attached a.pdf
json format='"CAdES"' output='"a.pdf.p7m"'
expect 65 signet_pin sign --format pades letter.pdf
says "[malformed]"
stdin=a.pdf expect 0 signet_pin sign -
cp "$tmp/out" std.pdf
passed_as std.pdf PAdES
expect 0 signet_pin sign --output pipe.pdf <(cat a.pdf)
passed_as pipe.pdf PAdES
expect 0 signet_pin sign --output-dir . --force a.pdf
holds test "$(ls -d ./*.signed.pdf | wc -l)" = 3

# --- a second time, and with each kind of key
expect 0 signet_pin sign --json --key "$main;id=%03" --output twice.pdf a.signed.pdf
json format='"PAdES"' level='"B-B"' digest.algorithm='"sha256"'
expect 0 "$SIGNET" verify --json twice.pdf
json signatures.1.indication='"TOTAL-PASSED"' signatures.0.changes='"permitted"'
for id in 02 04 05; do
    expect 0 signet_pin sign --key "$main;id=%$id" --output "key$id.pdf" a.pdf
    passed_as "key$id.pdf" PAdES
done

# --- what is said of it, and where it is shown
pdf field field
expect 0 signet_pin sign --reason "I agree" --location Bern --contact "+41 31 000 00 00" --certify 2 --output said.pdf a.pdf
holds grep -qa '/Reason' said.pdf
holds grep -qa '/Location' said.pdf
holds grep -qa '/ContactInfo' said.pdf
holds grep -qa '/DocMDP' said.pdf
expect 0 signet_pin sign --rect 100,100,200,80 --page 1 --reason "I agree" --output shown.pdf a.pdf
expect 0 signet_pin sign --visible --output placed.pdf field.pdf
for file in shown placed; do
    holds qpdf --check $file.pdf
    passed_as $file.pdf PAdES
    pdftotext "$file.pdf" - > text
    holds grep -q "Signer rsa2048" text
done
holds grep -q "I agree" <(pdftotext shown.pdf -)
holds test "$(pdfsig shown.pdf 2> /dev/null | grep -c '^Signature #')" = 1
expect 0 signet_pin sign --field Mine --output named.pdf a.pdf
holds grep -q 'Field Name: Mine' <(pdfsig named.pdf 2> /dev/null)
expect 0 signet_pin sign --reserve 0 --output narrow.pdf a.pdf
expect 0 signet_pin sign --reserve 100000 --output wide.pdf a.pdf
holds test $(($(stat -c %s wide.pdf) - $(stat -c %s narrow.pdf))) -ge 199000

# a certification that permits nothing is kept; the other files are signed all the same
expect 0 signet_pin sign --certify 1 --output last.pdf a.pdf
expect 77 signet_pin sign --force last.pdf a.pdf letter.pdf
says "2 signed, 1 failed, 0 not begun"
says "[policy] last.pdf"

# a large one, whose digest is reckoned while it is written
pdf large pad=20000000
expect 0 signet_pin sign large.pdf
holds test "$(/usr/bin/python3 -c 'import sqlite3, sys
print(sqlite3.connect(sys.argv[1]).execute("SELECT result_sha256 FROM document ORDER BY entry DESC").fetchone()[0])' \
    "$SIGNET_HOME/store.db")" = "$(sha256sum < large.signed.pdf | cut -c1-64)"

# --- what does not go together
usage "There is no format" --format word a.pdf
usage "--format pades" --format cades --reason x a.pdf
usage "--format pades" --attached --rect 1,1,100,50 a.pdf
usage "--format pades" --format asic-e --certify 1 a.pdf
usage "--attached is for CAdES" --attached --format pades a.pdf
usage "--add is for CAdES" --add --format asic-s a.pdf
usage "--certify wants a number from 1 to 3" --certify 4 a.pdf
usage "--page wants" --page 0 --rect 1,1,100,50 a.pdf
usage "--page says on which page" --page 2 a.pdf
usage "--image is shown in a place" --image a.pdf a.pdf
usage "--reserve wants" --reserve -1 a.pdf
for rect in 1,2,3 1,2,3,4,5 a,b,c,d 1,2,3,nan ""; do usage "--rect wants" --rect "$rect" a.pdf; done
expect 66 signet_pin sign --rect 1,1,100,50 --image nowhere.png a.pdf
expect 64 signet_pin sign --output x.pdf --rect 1,1,1000,1000 a.pdf
expect 64 signet_pin sign --output x.pdf --page 9 --rect 1,1,100,50 a.pdf
usage "say with --output" --format asic-e a.pdf letter.pdf
usage "--resume has nothing to go on with" --format asic-e --resume a.pdf
usage "--resume and --add" --add --resume a.pdf
stdin=a.pdf usage "no name in a container" --format asic-s --output x -

# --- what a PDF has in it is said before anybody agrees, and with the result
pdf hazard script external
expect 0 signet_pin sign --json hazard.pdf
says '"pdf-external"'
holds grep -q '"code":"pdf-scripts"' "$tmp/out"
expect 77 /usr/bin/python3 "$SIGNET_SOURCE/tests/support/terminal.py" "see [pdf-external]" "see Sign it? [y/N]" "type n" -- \
    bash -c '"$0" sign --force hazard.pdf --pin-fd 9 9< "$SOFTHSM_PIN_FILE"' "$SIGNET"
expect 0 signet_pin sign --force --json a.pdf
json warnings='[]'

# --- containers
mkdir folder && echo one > folder/one && echo two > two && : > nothing
expect 0 signet_pin sign --json --format asic-e --output all.asice folder/one ./two "$PWD/a.pdf" nothing
json file=null 'files=["folder/one", "./two", "'"$PWD"'/a.pdf", "nothing"]' format='"ASiC-E"' output='"all.asice"'
holds unzip -tq all.asice
holds diff <(unzip -Z1 all.asice | grep -v ^META-INF) <(printf '%s\n' mimetype folder/one two a.pdf nothing)
passed_as all.asice ASiC-E
expect 0 signet_pin sign --format asic-e two
passed_as two.asice ASiC-E
expect 0 signet_pin sign --format asic-s two folder/one letter.pdf
for file in two folder/one letter; do passed_as $file.asics ASiC-S; done
expect 73 signet_pin sign --format asic-e --output all.asice two
usage "Two files would be" --format asic-e --output x.asice two "$PWD/two"
expect 66 signet_pin sign --format asic-e --output x.asice two missing
holds test ! -e x.asice
holds test "$(/usr/bin/python3 -c 'import sqlite3, sys
print(sqlite3.connect(sys.argv[1]).execute("SELECT count(*) FROM document WHERE format = ?", ("ASiC-E",)).fetchone()[0])' \
    "$SIGNET_HOME/store.db")" = 2

# a manifest goes into one container, or nothing does
sha256sum folder/one two > list
expect 0 signet_pin sign --yes --format asic-e --manifest list --output listed.asice
passed_as listed.asice ASiC-E
echo changed >> two
expect 65 signet_pin sign --yes --format asic-e --manifest list --output x.asice
says "[content-differs]"
holds test ! -e x.asice

# --- --resume knows each format's own
expect 0 "$SIGNET" sign --resume a.pdf B.PDF
holds test "$(grep -c '^Signed before ' "$tmp/out")" = 2
expect 0 "$SIGNET" sign --resume --format asic-s folder/one
echo >> a.pdf
expect 73 signet_pin sign --resume a.pdf
says "as it is now"

# --- a signature beside the one that is there
expect 0 signet_pin sign two
cp two.p7s first.p7s
expect 73 signet_pin sign --add --key "$main;id=%03" two
says "--force"
expect 0 signet_pin sign --add --force --key "$main;id=%03" two
expect 0 "$SIGNET" verify --json two.p7s
json signatures.0.indication='"TOTAL-PASSED"' signatures.1.indication='"TOTAL-PASSED"'
holds openssl cms -verify -binary -inform DER -in two.p7s -content two -CAfile "$ca/chain.pem" -purpose any -out content
echo other > two
expect 77 signet_pin sign --add --force two
says "[policy]"
expect 66 signet_pin sign --add folder/one

passed
