# Whether each of the signed PDFs that a program of tests/support made is judged as that program says. Behind lib.sh.
# shellcheck shell=bash disable=SC2154

# A CA, a signer and a TSA in files: the cases need no token. Then the PDFs.
make_cases() { # PROGRAM ARGUMENT...
    openssl req -x509 -newkey rsa:2048 -nodes -subj "/CN=Signet Test PDF CA" -days 30 -keyout "$tmp/ca.key" -out "$tmp/ca.pem" \
        -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign 2> /dev/null
    issue signer 'keyUsage=critical,digitalSignature,nonRepudiation\nbasicConstraints=critical,CA:FALSE\n'
    issue tsa 'keyUsage=critical,digitalSignature\nextendedKeyUsage=critical,timeStamping\nbasicConstraints=critical,CA:FALSE\n'
    mkdir "$tmp/pdf"
    python3 -B "$SIGNET_SOURCE/tests/support/$1" "$tmp/pdf" "$tmp"/{signer,tsa}.{pem,key} "${@:2}"
    export SIGNET_HOME=$tmp/home
}

issue() { # NAME EXTENSIONS
    # shellcheck disable=SC2059 # it is a format
    printf "$2" > "$tmp/ext"
    openssl req -new -newkey rsa:2048 -nodes -subj "/CN=$1" -keyout "$tmp/$1.key" -out "$tmp/$1.csr" 2> /dev/null
    openssl x509 -req -in "$tmp/$1.csr" -CA "$tmp/ca.pem" -CAkey "$tmp/ca.key" -days 30 -extfile "$tmp/ext" \
        -out "$tmp/$1.pem" 2> /dev/null
}

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

try_cases() {
    local name passes changes reasons words got said
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
}
