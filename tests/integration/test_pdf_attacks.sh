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
python3 "$SIGNET_SOURCE/tests/support/pdf_attacks.py" "$tmp/pdf" "$tmp"/{signer,tsa}.{pem,key}
export SIGNET_HOME=$tmp/home

# The first signature of a file: "yes" if it passes, and what it says of changes. A file that is refused says "-".
answer() { # FILE
    local status=0
    "$SIGNET" verify --json --anchor "$tmp/ca.pem" --revocation none "$1" > "$tmp/json" 2> "$tmp/err" || status=$?
    case $status in
        0 | 1 | 2) jq -r '.signatures[] | select(.id == "1") | "\(if .indication == "TOTAL-PASSED" then "yes" else "no" end) \(.changes // "-")"' "$tmp/json" ;;
        65) jq -e ".error.file" "$tmp/json" > /dev/null && echo "refused -" ;;
        *) echo "exit $status" ;;
    esac
}

while read -r name passes changes; do
    got=$(answer "$tmp/pdf/$name.pdf")
    checks=$((checks + 1))
    [ "${got% *}" = "$passes" ] || [ "$got $passes $changes" = "refused - no -" ] || failed "$name: $got instead of $passes $changes: $(jq -c '.signatures[0].reasons // .error' "$tmp/json")"
    [ "$changes" = - ] || [ "${got#* }" = "$changes" ] || failed "$name: $got instead of $passes $changes: $(jq -c '.signatures[0].reasons' "$tmp/json")"
done < "$tmp/pdf/cases"
[ "$checks" -ge 100 ] || failed "only $checks cases"
passed
