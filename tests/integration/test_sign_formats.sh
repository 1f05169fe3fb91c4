#!/bin/bash
# Does `signet sign` make each format as it is asked to, name the file as it says, refuse what does not go together, and
# say of a PDF what is in it before anybody signs? Judged by qpdf, pdfsig, unzip and openssl beside signet.
. "${SIGNET_SOURCE:-$(dirname "$0")/../..}/tests/support/lib.sh"
fixtures
cd "$tmp"
ca=$SIGNET_FIXTURES/ca main="pkcs11:token=Signet%20Test"

pdf() { # NAME [FEATURE]...
    /usr/bin/python3 -B "$SIGNET_SOURCE/tests/support/make_pdf.py" page "$1.pdf" "$@"
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
expect 64 signet_pin sign --visible --output x.pdf a.pdf
says "has no empty field with a place"
# A field's own place and another one are not both meant.
expect 64 signet_pin sign --rect 1,1,100,50 --output x.pdf field.pdf
says 'The field "Here" of "field.pdf" has its own place; leave out the rectangle, or name a new field.'
expect 64 signet_pin sign --rect 1,1,100,50 --page 1 --field Here --output x.pdf field.pdf
says "has its own place"
rejects test -e x.pdf
expect 0 signet_pin sign --rect 1,1,100,50 --field New --output elsewhere.pdf field.pdf
passed_as elsewhere.pdf PAdES

# the name is that of the certificate, in any script
openssl x509 -in "$SIGNET_FIXTURES/certs/p256.pem" -pubkey -noout > wang.pub
openssl req -new -newkey rsa:2048 -nodes -keyout other.key -utf8 -subj "/CN=王小明" -out wang.csr 2> /dev/null
openssl x509 -req -in wang.csr -force_pubkey wang.pub -CA "$ca/issuing.pem" -CAkey "$ca/issuing.key" -days 30 -extensions signer \
    -extfile "$SIGNET_SOURCE/softhsm-fixtures/ca.cnf" -set_serial 0x5177 -outform DER -out wang.der 2> /dev/null
on_main() { # ARGUMENT...
    holds pkcs11-tool --module "$SIGNET_MODULE" --token-label "Signet Test" --login --pin "$(< "$SOFTHSM_PIN_FILE")" "$@"
}
on_main --delete-object --type cert --id 03
on_main --write-object wang.der --type cert --id 03 --label wang
expect 0 signet_pin sign --key "$main;id=%03" --rect 72,100,240,60 --reason 同意 --output wang.pdf a.pdf
passed_as wang.pdf PAdES
signed_at=$(pdftotext wang.pdf - | grep -E '^[0-9]{4}-[0-9]{2}-')
holds /usr/bin/python3 -B "$SIGNET_SOURCE/tests/support/look_at_signature.py" a.pdf wang.pdf 72,100,240,60 王小明 "$signed_at" 同意

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

# an earlier signature stays whole, or there is no other
openssl req -x509 -newkey rsa:2048 -nodes -keyout other.key -out other.pem -subj "/CN=Other" -days 30 2> openssl.out
for kind in "signed once.pdf 1" "form-shared shared.pdf"; do
    read -ra words <<< "$kind"
    holds /usr/bin/python3 -B "$SIGNET_SOURCE/tests/support/make_pdf.py" "${words[@]}" other.pem other.key
done
by_other() { # FILE: what the verifier says of the first signature's changes
    "$SIGNET" verify --json --anchor other.pem "$1" > by-other || true
    jq -r '.signatures[0].changes' by-other
}
expect 0 signet_pin sign --field New --output again.pdf once.pdf
[ "$(by_other once.pdf) $(by_other again.pdf)" = "none permitted" ] || failed "signed again: $(cat by-other)"
[ "$(by_other shared.pdf)" = none ] || failed "signed once: $(cat by-other)"
expect 77 signet_pin sign --field New --output refused.pdf shared.pdf
says 'One more signature or time-stamp would break what "shared.pdf" has: '
rejects test -e refused.pdf
expect 0 signet_pin sign --field Later --output prepared.pdf shared.pdf # which needs no other form
[ "$(by_other prepared.pdf)" = permitted ] || failed "the prepared field: $(cat by-other)"

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
usage "--add is for CAdES and containers" --add --format pades a.pdf
usage "no container of the form ASiC-S" --add --format asic-s --output x a.pdf
usage "--certify wants a number from 1 to 3" --certify 4 a.pdf
usage "--page wants" --page 0 --rect 1,1,100,50 a.pdf
usage "--page says on which page" --page 2 a.pdf
usage "--image is shown in a place" --image a.pdf a.pdf
usage "--reserve wants" --reserve -1 a.pdf
for rect in 1,2,3 1,2,3,4,5 a,b,c,d 1,2,3,nan ""; do usage "--rect wants" --rect "$rect" a.pdf; done
for rect in 1,1,0,50 1,1,100,-1 0,0,0,0; do usage "W and H are more than 0" --rect $rect a.pdf; done
expect 66 signet_pin sign --rect 1,1,100,50 --image nowhere.png a.pdf
for image in empty.png /dev/null; do
    : > empty.png
    expect 65 signet_pin sign --output x.pdf --rect 1,1,100,50 --image $image a.pdf
    says "[malformed]"
    says "The image \"$image\" is empty"
    rejects test -e x.pdf
done
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

# --- also where nobody is asked: it is said before the PIN is tried, once, whatever the format
warned() { # CODE TIMES
    [ "$(grep -c "\[$1\]" "$tmp/err")" = "$2" ] || failed "[$1] was said $(grep -c "\[$1\]" "$tmp/err") times"
    checks=$((checks + 1))
}
wrong() { # ARGUMENT...
    "$SIGNET" sign "$@" --pin-fd 9 9<<< 12345678
}
for format in auto cades asic-e; do
    expect 77 wrong --yes --format $format --output refused.out hazard.pdf
    holds grep -qx "1:.*\[pdf-scripts\]" <(grep -n "" "$tmp/err")
    says "[pin-incorrect]"
    rejects test -e refused.out
    clear_interlock "$main"
    expect 0 signet_pin sign --force --format $format --output agreed.out hazard.pdf
    warned pdf-scripts 1
    warned pdf-external 1
    expect 0 signet_pin sign --force --format $format --output agreed.out a.pdf
    warned "pdf-.*" 0
done
expect 0 signet_pin sign --format asic-e --output some.asice a.pdf hazard.pdf letter.pdf
says "hazard.pdf: The PDF has scripts"
rejects grep -q "a.pdf:" "$tmp/err"
stdin=hazard.pdf expect 0 signet_pin sign --force --format cades --output agreed.out -
warned pdf-scripts 1

# --- octets before its header: readers open it as a PDF, so it is not signed as something else
printf 'x' | cat - hazard.pdf > shifted.pdf
head -c 1100 /dev/zero | cat - hazard.pdf > beyond.pdf
expect 65 signet_pin sign shifted.pdf
says "octets stand before its header"
says "--format cades"
rejects test -e shifted.pdf.p7s -o -e shifted.signed.pdf
expect 0 signet_pin sign --format cades shifted.pdf
expect 0 signet_pin sign beyond.pdf
passed_as beyond.pdf.p7s CAdES
# An archive that has a PDF in front is none.
tar -cf archive.tar hazard.pdf
zip -q -0 archive.zip hazard.pdf
for archive in archive.tar archive.zip; do
    holds grep -q "%PDF-" <(head -c 1024 $archive)
    expect 0 signet_pin sign $archive
    passed_as $archive.p7s CAdES
done

# --- one that cannot be read as a PDF is, if it need not be one, signed as the data that it is
head -c 300 hazard.pdf > torn.pdf
expect 65 signet_pin sign torn.pdf
expect 0 signet_pin sign --format cades torn.pdf
warned "pdf-.*" 0

# --- what cannot be read is not signed, as is what says that it is of 10 GB
said=('its pages go round in a circle' 'object 5/0: error reading object: octet 1000000')
for kind in cyclic-pages length; do
    holds /usr/bin/python3 -B "$SIGNET_SOURCE/tests/support/make_pdf.py" $kind $kind.pdf
    expect 65 signet_pin sign $kind.pdf
    says "[malformed]"
    says "${said[0]}"
    said=("${said[@]:1}")
    rejects test -e $kind.signed.pdf
done

# --- containers
mkdir folder && echo one > folder/one && echo two > two && : > nothing
expect 0 signet_pin sign --json --format asic-e --output all.asice folder/one ./two "$PWD/a.pdf" nothing
json file=null 'files=["folder/one", "./two", "'"$PWD"'/a.pdf", "nothing"]' format='"ASiC-E"' output='"all.asice"'
holds unzip -tq all.asice
holds diff <(unzip -Z1 all.asice | grep -v ^META-INF) <(printf '%s\n' mimetype folder/one two a.pdf nothing)
passed_as all.asice ASiC-E
# the key is used once, whatever goes in: counted before the token
mkdir "$tmp/spy"
SIGNET_MODULE=$SIGNET_BUILD/tests/spy_module.so SPY_FOLDER=$tmp/spy expect 0 signet_pin sign --format asic-e \
    --output counted.asice folder/one two a.pdf nothing
holds test "$(wc -l < "$tmp/spy/signed")" = 1
SIGNET_MODULE=$SIGNET_BUILD/tests/spy_module.so SPY_FOLDER=$tmp/spy expect 0 signet_pin sign --format asic-s folder/one nothing
holds test "$(wc -l < "$tmp/spy/signed")" = 3
rm folder/one.asics
expect 0 signet_pin sign --format asic-e two
passed_as two.asice ASiC-E
expect 0 signet_pin sign --format asic-s two folder/one letter.pdf
for file in two folder/one letter; do passed_as $file.asics ASiC-S; done
expect 73 signet_pin sign --format asic-e --output all.asice two
usage "Two files would be" --format asic-e --output x.asice two "$PWD/two"
mkdir -p a mimetype "$tmp/else" && echo a | tee a/b a-b mimetype/a > "$tmp/else/a"
usage "Two files would be \"a\"" --format asic-e --output x.asice "$tmp/else/a" a-b a/b
usage "has a meaning of its own" --format asic-e --output x.asice two mimetype/a
rm -r a mimetype a-b
expect 66 signet_pin sign --format asic-e --output x.asice two missing
holds test ! -e x.asice
holds test "$(/usr/bin/python3 -c 'import sqlite3, sys
print(sqlite3.connect(sys.argv[1]).execute("SELECT count(*) FROM document WHERE format = ?", ("ASiC-E",)).fetchone()[0])' \
    "$SIGNET_HOME/store.db")" = 6

# a manifest goes into one container, or nothing does
sha256sum folder/one two > list
expect 0 signet_pin sign --yes --format asic-e --manifest list --output listed.asice
passed_as listed.asice ASiC-E
echo changed >> two
expect 65 signet_pin sign --yes --format asic-e --manifest list --output x.asice
says "[content-differs]"
holds test ! -e x.asice
expect 65 signet_pin sign --yes --format asic-s --output x.asics --manifest <(sha256sum two | sed 's/^0/1/; t; s/^./0/')
says "[content-differs]"
holds test ! -e x.asics
# what is in it is what was compared: a link that leads elsewhere and back while others are read changes nothing
echo "pay 10" > good && echo "pay 10000" > evil && ln -s good order && mkfifo gate
turn() { # TARGET...: where the link leads, each time that the gate is opened
    for target in "$@"; do
        { ln -sfn "$target" order.new && mv -T order.new order; } > gate
    done
}
sha256sum order /dev/null | sed 's,/dev/null,gate,' > list
turn evil good &
turning=$!
expect 0 timeout 60 "$SIGNET" sign --yes --format asic-e --manifest list --output order.asice --pin-fd 9 9< "$SOFTHSM_PIN_FILE"
kill $turning 2> /dev/null || true
holds cmp good <(unzip -p order.asice order)
passed_as order.asice ASiC-E
ln -sfn good order
tac list > turned
turn evil &
expect 65 signet_pin sign --yes --format asic-e --manifest turned --output x.asice
says "[content-differs]"
says "$(sha256sum < evil | cut -c1-64) here"
holds test ! -e x.asice
# a file that can be read only once is enough
(sha256sum good | sed 's/good/gate/') > list
cat good > gate &
expect 0 timeout 60 "$SIGNET" sign --yes --format asic-s --manifest list --output once.asics --pin-fd 9 9< "$SOFTHSM_PIN_FILE"
holds cmp good <(unzip -p once.asics gate)
rm gate order

# --- --resume knows each format's own
expect 0 "$SIGNET" sign --resume a.pdf B.PDF
holds test "$(grep -c '^Signed before ' "$tmp/out")" = 2
expect 0 "$SIGNET" sign --resume --format asic-s folder/one
expect 0 "$SIGNET" sign --resume a.pdf a.signed.pdf
says "Left out 1,"
echo >> a.pdf
expect 73 signet_pin sign --resume a.pdf a.signed.pdf
says "as it is now"
says "Left out 1,"
holds test ! -e a.signed.signed.pdf

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

# --- a signature in a container that has one: over the same files, and all else as it was
LOOK=$SIGNET_SOURCE/tests/support/look_at_container.py
echo two > two
both_passed() { # FILE FORMAT FILES
    expect 0 "$SIGNET" verify --json "$1"
    json "format=\"$2\"" 'uncovered=[]' 'signatures.0.indication="TOTAL-PASSED"' 'signatures.1.indication="TOTAL-PASSED"' \
        "signatures.0.files=$3" "signatures.1.files=$3"
    holds unzip -tq "$1"
}
part_passed() { # CONTAINER SIGNATURE CONTENT: judged by openssl
    unzip -p "$1" "$2" > part.p7s
    unzip -p "$1" "$3" > part
    holds openssl cms -verify -cades -binary -inform DER -in part.p7s -content part -CAfile "$ca/chain.pem" -purpose any \
        -out content
    echo more >> part
    rejects openssl cms -verify -cades -binary -inform DER -in part.p7s -content part -CAfile "$ca/chain.pem" -purpose any \
        -out content
}
expect 0 signet_pin sign --format asic-e --output pair.asice folder/one two
cp pair.asice first.asice
expect 73 signet_pin sign --add pair.asice
says "--force"
holds cmp first.asice pair.asice
expect 0 signet_pin sign --add --json --key "$main;id=%03" --output pair-2.asice pair.asice
json 'format="ASiC-E"' 'output="pair-2.asice"'
holds cmp first.asice pair.asice
both_passed pair-2.asice ASiC-E '["folder/one", "two"]'
holds /usr/bin/python3 "$LOOK" added pair.asice pair-2.asice META-INF/ASiCManifest002.xml META-INF/signature002.p7s
part_passed pair-2.asice META-INF/signature001.p7s META-INF/ASiCManifest001.xml
part_passed pair-2.asice META-INF/signature002.p7s META-INF/ASiCManifest002.xml
expect 0 signet_pin sign --add --force pair.asice
both_passed pair.asice ASiC-E '["folder/one", "two"]'
expect 0 signet_pin sign --add --force --format asic-e pair.asice
json_count=$(unzip -Z1 pair.asice | grep -c 'META-INF/signature00[123].p7s')
holds test "$json_count" = 3
# a container that another program made, packed, with a comment and a digest of its own
/usr/bin/python3 - first.asice other.asice << 'END'
import sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as old, zipfile.ZipFile(sys.argv[2], "w", zipfile.ZIP_DEFLATED) as new:
    new.comment = b"mimetype=application/vnd.etsi.asic-e+zip"
    for name in old.namelist():
        new.writestr(name, old.read(name), zipfile.ZIP_STORED if name == "mimetype" else zipfile.ZIP_DEFLATED)
END
expect 0 signet_pin sign --add --key "$main;id=%03" --output other-2.asice other.asice
both_passed other-2.asice ASiC-E '["folder/one", "two"]'
holds /usr/bin/python3 "$LOOK" added other.asice other-2.asice META-INF/ASiCManifest002.xml META-INF/signature002.p7s
holds grep -qa 'mimetype=application/vnd.etsi.asic-e+zip$' other-2.asice

cp two.asics first.asics
expect 0 signet_pin sign --add --key "$main;id=%03" --output two-2.asics two.asics
holds cmp first.asics two.asics
both_passed two-2.asics ASiC-S '["two"]'
holds /usr/bin/python3 "$LOOK" changed two.asics two-2.asics META-INF/signature.p7s
part_passed two-2.asics META-INF/signature.p7s two

# what the others did not sign is not signed
not_added() { # CONTAINER STATUS TEXT
    expect "$2" signet_pin sign --add --output x.asice "$1"
    says "$3"
    holds test ! -e x.asice
}
/usr/bin/python3 - first.asice first.asics << 'END'
import sys, zipfile
def write(target, source, change):
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        files = {name: old.read(name) for name in old.namelist()}
        change(files)
        for name, data in files.items():
            new.writestr(name, data)
def changed(name):
    return lambda files: files.update({name: files[name].replace(b"t", b"T") if name != "two" else b"three"})
write("bad-file.asice", sys.argv[1], changed("two"))
write("bad-more.asice", sys.argv[1], lambda files: files.update({"three": b"put in"}))
write("bad-less.asice", sys.argv[1], lambda files: files.pop("two"))
write("bad-signature.asice", sys.argv[1], lambda files: files.pop("META-INF/signature001.p7s"))
write("bad-orphan.asice", sys.argv[1], lambda files: files.pop("META-INF/ASiCManifest001.xml"))
manifest = "META-INF/ASiCManifest001.xml"
write("bad-manifest.asice", sys.argv[1], lambda files: files.update({manifest: files[manifest].replace(b"\n ", b"\n  ")}))
write("bad-file.asics", sys.argv[2], changed("two"))
write("bad-stamped.asics", sys.argv[2], lambda files: files.update({"META-INF/timestamp001.tst": b"what it may be"}))
END
not_added bad-file.asice 77 'what was signed: it has been changed ("two")'
not_added bad-more.asice 77 'signed by nobody; somebody else may have put it there ("three")'
not_added bad-less.asice 77 'is not in it ("two")'
not_added bad-signature.asice 65 "[unsupported]"
not_added bad-orphan.asice 77 "has no manifest"
not_added bad-manifest.asice 77 "its manifest is not what its signature is of"
not_added bad-file.asics 77 "[policy]"
not_added bad-stamped.asics 65 "a time-stamp of the container"
usage "no container of the form ASiC-S" --add --format asic-s --output x.asice first.asice
usage "--resume and --add" --add --resume first.asice

passed
