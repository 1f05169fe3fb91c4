# Is a signed PDF that was changed afterwards caught, in every way that was published, and do permitted changes pass?
. "${SIGNET_SOURCE:-$(dirname "$0")/../..}/tests/support/lib.sh"

# A CA and a signer in files: the attacks need no token.
openssl req -x509 -newkey rsa:2048 -nodes -subj "/CN=Signet Test PDF CA" -days 30 -keyout "$tmp/ca.key" -out "$tmp/ca.pem" \
    -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign 2> /dev/null
openssl req -new -newkey rsa:2048 -nodes -subj "/CN=Signer" -keyout "$tmp/signer.key" -out "$tmp/signer.csr" 2> /dev/null
printf 'keyUsage=critical,digitalSignature,nonRepudiation\nbasicConstraints=critical,CA:FALSE\n' > "$tmp/ext"
openssl x509 -req -in "$tmp/signer.csr" -CA "$tmp/ca.pem" -CAkey "$tmp/ca.key" -days 30 -set_serial 2 -extfile "$tmp/ext" \
    -out "$tmp/signer.pem" 2> /dev/null
openssl req -new -newkey rsa:2048 -nodes -subj "/CN=TSA" -keyout "$tmp/tsa.key" -out "$tmp/tsa.csr" 2> /dev/null
printf 'keyUsage=critical,digitalSignature\nextendedKeyUsage=critical,timeStamping\nbasicConstraints=critical,CA:FALSE\n' \
    > "$tmp/ext"
openssl x509 -req -in "$tmp/tsa.csr" -CA "$tmp/ca.pem" -CAkey "$tmp/ca.key" -days 30 -set_serial 3 -extfile "$tmp/ext" \
    -out "$tmp/tsa.pem" 2> /dev/null
mkdir "$tmp/pdf"
python3 -B "$SIGNET_SOURCE/tests/support/pdf_attacks.py" "$tmp/pdf" "$tmp"/{signer,tsa}.{pem,key}
export SIGNET_HOME=$tmp/home

# The first signature of a file: "yes" if it passes, what it says of changes, and the reasons of those that differ between
# the cases. A file that is refused: "refused - CODE".
answer() { # FILE
    local status=0
    "$SIGNET" verify --json --anchor "$tmp/ca.pem" --revocation none "$1" > "$tmp/json" 2> "$tmp/err" || status=$?
    case $status in
        0 | 1 | 2) jq -r '.signatures[] | select(.id == "1") | [.reasons[].code | select(. != "revocation-not-asked" and
            . != "pdf-signing-time")] as $reasons | "\(if .indication == "TOTAL-PASSED" then "yes" else "no" end) " +
            "\(.changes // "-") \(if $reasons == [] then "-" else $reasons | join(",") end)"' "$tmp/json" ;;
        65) jq -r '"refused \(if .error.file then "-" else "nowhere" end) \(.error.code)"' "$tmp/json" ;;
        *) echo "exit $status" ;;
    esac
}

while read -r name passes changes reasons words; do
    got=$(answer "$tmp/pdf/$name.pdf")
    checks=$((checks + 1))
    [ "$got" = "$passes $changes $reasons" ] || failed "$name: $got instead of $passes $changes $reasons: $(cat "$tmp/json")"
    [ "$passes" != refused ] && continue
    said=$(jq -r .error.text "$tmp/json")
    [[ $said == *"$words"* ]] || failed "$name: \"$said\" does not say \"$words\""
    # What would be refused afterwards is not signed.
    expect 65 "$SIGNET_BUILD/agent/cli/sign_pdf" "$tmp/signer.key" "$tmp/signer.pem" "$tmp/pdf/$name.pdf" "$tmp/signed.pdf"
    rejects test -e "$tmp/signed.pdf"
done < "$tmp/pdf/cases"
[ "$checks" -ge 320 ] || failed "only $checks checks"
passed
