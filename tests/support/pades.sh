# What the tests of signing PDFs share: a signer in a file, and the judges. Source it after lib.sh, in $tmp.
# shellcheck shell=bash

for tool in pdfsig mutool qpdf certutil jq pdftotext pdftoppm; do
    command -v "$tool" > /dev/null || skip "$tool is not installed"
done

sign_pdf=$SIGNET_BUILD/agent/cli/sign_pdf

# A CA of RSA and of P-256, and a signer of each; NSS, which pdfsig asks, trusts them.
make_signers() {
    local kind options
    mkdir nss
    certutil -N -d sql:nss --empty-password
    printf 'basicConstraints=critical,CA:FALSE\nkeyUsage=critical,nonRepudiation,digitalSignature\n' > extensions
    for kind in rsa ec; do
        options=(rsa:2048)
        [ $kind = rsa ] || options=(ec -pkeyopt ec_paramgen_curve:P-256)
        openssl req -x509 -newkey "${options[@]}" -nodes -keyout $kind-ca.key -out $kind-ca.pem -subj "/CN=Test CA $kind" \
            -days 30 2> /dev/null
        openssl req -newkey "${options[@]}" -nodes -keyout $kind.key -out $kind.csr -subj "/O=Test/CN=Ada Signer" 2> /dev/null
        openssl x509 -req -in $kind.csr -CA $kind-ca.pem -CAkey $kind-ca.key -days 30 -extfile extensions -out $kind.pem \
            2> /dev/null
        cat $kind-ca.pem >> $kind.pem
        certutil -A -d sql:nss -n "ca-$kind" -t CT,C,C -i $kind-ca.pem
    done
}

sign() { # IN OUT [OPTION=VALUE]...
    "$sign_pdf" rsa.key rsa.pem "$@"
}

# By our own reader, which the other judges share no code with.
signet_verify() { # FILE
    SIGNET_HOME=$PWD/home "$SIGNET" verify --json --anchor rsa-ca.pem --anchor ec-ca.pem --revocation none "$1"
}

# A result: OLD is its beginning, to the octet, and every judge takes its COUNT signatures, and refuses them once a byte
# of the document is another.
judged() { # OLD NEW COUNT
    local name=$2
    holds cmp -n "$(stat -c %s "$1")" "$1" "$2"
    holds qpdf --check "$2"
    pdfsig -nssdir sql:nss "$2" > pdfsig.out 2>&1 || true
    [ "$(grep -c 'Signature is Valid' pdfsig.out)" = "$3" ] || { cat pdfsig.out >&2; failed "pdfsig does not take $name"; }
    [ "$(grep -c 'Certificate is Trusted' pdfsig.out)" = "$3" ] || failed "pdfsig: the certificate of $name"
    [ "$(grep -c 'Signature Type: ETSI.CAdES.detached' pdfsig.out)" = "$3" ] || failed "pdfsig: the type of $name"
    [ "$(grep -c 'Total document signed' pdfsig.out)" = 1 ] || failed "pdfsig: $name is not signed as a whole"
    # Of earlier signatures mutool says that something was added.
    mutool sign -v "$2" > mutool.out 2>&1 || true
    [ "$(grep -c -e 'unchanged since signing' -e 'valid but there have been edits' mutool.out)" = "$3" ] ||
        { cat mutool.out >&2; failed "mutool does not take $name"; }
    grep -q 'unchanged since signing' mutool.out || failed "mutool: $name is not signed as a whole"
    expect 0 signet_verify "$2"
    jq -e --argjson count "$3" '(.signatures | length) == $count and all(.signatures[];
        .indication == "TOTAL-PASSED" and (.changes == "none" or .changes == "permitted"))' out > /dev/null ||
        { cat out >&2; failed "signet verify does not take $name"; }
    altered "$2" 7
    checks=$((checks + 6))
}

# The same with another digit at that offset (7: in "%PDF-1.7"): no judge takes any of them.
altered() { # FILE OFFSET
    local digit=3
    [ "$(dd if="$1" bs=1 skip="$2" count=1 status=none)" != 3 ] || digit=4
    cp "$1" altered.pdf
    printf %s $digit | dd of=altered.pdf bs=1 seek="$2" conv=notrunc status=none
    pdfsig -nssdir sql:nss altered.pdf > pdfsig.out 2>&1 || true
    mutool sign -v altered.pdf > mutool.out 2>&1 || true
    ! grep -q 'Signature is Valid' pdfsig.out || failed "pdfsig takes $1 with another byte"
    grep -q 'Digest Mismatch' pdfsig.out || { cat pdfsig.out >&2; failed "pdfsig says nothing of $1"; }
    ! grep -q -e 'unchanged since signing' -e 'valid but' mutool.out || failed "mutool takes $1 with another byte"
    ! signet_verify altered.pdf > verify.out 2>&1 || { cat verify.out >&2; failed "signet verify takes $1 with another byte"; }
    grep -q 'Digest error' mutool.out || { cat mutool.out >&2; failed "mutool says nothing of $1"; }
}

# The visible signature is in this rectangle of the first page, reads so, and can be read; nothing else is changed.
legible() { # OLD NEW X,Y,W,H LINE...
    holds /usr/bin/python3 -B "$SIGNET_SOURCE/tests/support/look_at_signature.py" "$@"
}

# The twin of the above.
not_legible() { # WHY OLD NEW X,Y,W,H LINE...
    local why=$1
    shift
    rejects /usr/bin/python3 -B "$SIGNET_SOURCE/tests/support/look_at_signature.py" "$@"
    grep -qF -- "$why" "$tmp/check" || { cat "$tmp/check" >&2; failed "not found: $why"; }
}
