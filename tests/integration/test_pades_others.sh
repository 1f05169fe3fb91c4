#!/bin/bash
# Do our signatures in a PDF stay good when other programs sign or fill it in after us, each in its own way of writing?
. "${SIGNET_SOURCE:-$(dirname "$0")/../..}/tests/support/lib.sh"
cd "$tmp"
. "$SIGNET_SOURCE/tests/support/pades.sh"
jars=/usr/share/java
for file in $jars/{pdfbox2,fontbox2,commons-logging}.jar /usr/bin/pk12util; do
    [ -e "$file" ] || skip "$file is not installed"
done
make_signers
# pdfsig keeps a place of exactly one length for the signature, so with ECDSA it often fails.
openssl pkcs12 -export -in rsa.pem -inkey rsa.key -name ada -passout pass: -out rsa.p12
holds pk12util -d sql:nss -i rsa.p12 -W ''
mkdir classes
javac -cp "$jars/pdfbox2.jar" -d classes "$SIGNET_SOURCE/tests/support/ChangePdf.java"

poppler() { # IN OUT
    pdfsig -nssdir sql:nss -add-signature -nick ada "$1" "$2"
}

pdfbox() { # IN OUT COMMAND ARGUMENT...
    java -cp "classes:$jars/pdfbox2.jar:$jars/fontbox2.jar:$jars/commons-logging.jar" ChangePdf "$@"
}

# All COUNT signatures pass, and of the first it is said that something was added.
permitted() { # FILE COUNT
    expect 0 signet_verify "$1"
    jq -e --argjson count "$2" '(.signatures | length) == $count and all(.signatures[]; .indication == "TOTAL-PASSED") and
        .signatures[0].changes == "permitted"' out > /dev/null || { cat out >&2; failed "$1 is not permitted"; }
}

# The same with other octets behind the end of OLD: then it is forbidden, which is said with these words.
forbidden() { # OLD NEW OCTETS OTHERS WORDS
    holds python3 -c 'import pathlib, sys
old, new, was, other = sys.argv[1:5]
data, end = pathlib.Path(new).read_bytes(), pathlib.Path(old).stat().st_size
changed = data[end:].replace(was.encode(), other.encode())
assert len(was) == len(other) and changed != data[end:]
pathlib.Path("tampered.pdf").write_bytes(data[:end] + changed)' "$1" "$2" "$3" "$4"
    rejects signet_verify tampered.pdf
    signet_verify tampered.pdf > out || true
    jq -e --arg words "$5" '.signatures[0] | .sub_indication == "FORMAT_FAILURE" and .changes == "forbidden" and
        any(.reasons[]; .code == "pdf-changed" and (.text | contains($words)))' out > /dev/null ||
        { cat out >&2; failed "$2: no \"$5\""; }
}

for kind in table stream field listed; do
    holds /usr/bin/python3 -B "$SIGNET_SOURCE/tests/support/make_pdf.py" $kind $kind.pdf
    for certified in '' certify=2; do
        rm -f once.pdf
        expect 0 sign $kind.pdf once.pdf field=Ours $certified
        for other in poppler pdfbox; do
            rm -f twice.pdf thrice.pdf
            [ $other = poppler ] || set -- sign ec.pem ec.key
            holds $other once.pdf twice.pdf "$@"
            set --
            holds cmp -n "$(stat -c %s once.pdf)" once.pdf twice.pdf
            permitted twice.pdf 2
            if [ $other = poppler ]; then
                forbidden once.pdf twice.pdf '/Parent 2 0 R' '/Parent 1 0 R' '/Parent of the page'
            else
                forbidden once.pdf twice.pdf '/Pages 2 0 R' '/Pages 4 0 R' '/Pages of the catalog'
            fi
            if [ $kind-$other = listed-pdfbox ]; then
                forbidden once.pdf twice.pdf '(sRGB)' '(tRGB)' '/OutputIntents of the catalog was changed'
                forbidden once.pdf twice.pdf '/S /r' '/S /R' '/PageLabels of the catalog was changed'
            fi
            # And with one more of ours.
            expect 0 sign twice.pdf thrice.pdf field=Third
            permitted thrice.pdf 3
        done
    done
done

# Filled in, with the time in /Info; but with what is said about the document otherwise, that is another thing.
holds /usr/bin/python3 -B "$SIGNET_SOURCE/tests/support/make_pdf.py" field-text form.pdf
for certified in '' certify=2; do
    rm -f blank.pdf filled.pdf
    expect 0 sign form.pdf blank.pdf $certified
    holds pdfbox blank.pdf filled.pdf fill Remark Paid
    holds grep -qa ModDate filled.pdf
    permitted filled.pdf 1
    forbidden blank.pdf filled.pdf /ModDate /Subject 'The title or other metadata'
done

passed
