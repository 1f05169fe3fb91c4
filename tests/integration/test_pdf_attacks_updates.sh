# Is what was appended to a signed PDF, for some readers to come across, caught; and does its harmless twin pass?
. "${SIGNET_SOURCE:-$(dirname "$0")/../..}/tests/support/lib.sh"

openssl req -x509 -newkey rsa:2048 -nodes -subj "/CN=Signet Test PDF CA" -days 30 -keyout "$tmp/ca.key" -out "$tmp/ca.pem" \
    -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign 2> /dev/null
openssl req -new -newkey rsa:2048 -nodes -subj "/CN=Signer" -keyout "$tmp/signer.key" -out "$tmp/signer.csr" 2> /dev/null
printf 'keyUsage=critical,digitalSignature,nonRepudiation\nbasicConstraints=critical,CA:FALSE\n' > "$tmp/ext"
openssl x509 -req -in "$tmp/signer.csr" -CA "$tmp/ca.pem" -CAkey "$tmp/ca.key" -days 30 -set_serial 2 -extfile "$tmp/ext" \
    -out "$tmp/signer.pem" 2> /dev/null
mkdir "$tmp/pdf"
python3 -B "$SIGNET_SOURCE/tests/support/pdf_attacks_updates.py" "$tmp/pdf" "$tmp"/signer.{pem,key}
export SIGNET_HOME=$tmp/home

while read -r name passes words; do
    status=0
    "$SIGNET" verify --json --anchor "$tmp/ca.pem" --revocation none "$tmp/pdf/$name.pdf" > "$tmp/json" 2> "$tmp/err" || status=$?
    case $status in
        0) got=yes ;;
        1) got=$(jq -r 'if .signatures[0].changes == "forbidden" then "no" else "failed" end' "$tmp/json") ;;
        65) got=$(jq -r 'if .error.code == "malformed" then "refused" else .error.code end' "$tmp/json") ;;
        *) got="exit $status" ;;
    esac
    checks=$((checks + 1))
    [ "$got" = "$passes" ] || failed "$name: $got instead of $passes: $(cat "$tmp/json")"
    [ "$words" = - ] && continue
    said=$(jq -r '.error.text // ([.signatures[0].reasons[].text] | join(" "))' "$tmp/json")
    [[ $said == *"$words"* ]] || failed "$name: \"$said\" does not say \"$words\""
done < "$tmp/pdf/cases"
[ "$checks" -ge 60 ] || failed "only $checks checks"
passed
