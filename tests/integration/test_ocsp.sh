#!/bin/bash
# Are OCSP responses, as OpenSSL's responder makes them, taken, kept and judged, and what is not one, or of another, not?
. "${SIGNET_SOURCE:-$(dirname "$0")/../..}/tests/support/lib.sh"
. "$SIGNET_SOURCE/tests/support/web_pki.sh"
export SIGNET_HOME=$tmp/home
cd "$tmp"
web_pki http://ca.invalid http://ocsp.invalid
web_issue alice
web_issue bob
web_issue carol

respond() { # OUT NAME RESPONDER [ARGUMENT...]
    local out=$1 name=$2 responder=$3
    shift 3
    openssl ocsp -issuer "$PKI/issuing.pem" -cert "$PKI/$name.pem" -no_nonce -reqout request > out.txt 2>&1
    openssl ocsp -index "$PKI/index" -CA "$PKI/issuing.pem" -rsigner "$PKI/$responder.pem" -rkey "$PKI/$responder.key" \
        -reqin request -respout "$out" "$@" > out.txt 2>&1
}

judge() { # NAME [ARGUMENT...]
    local name=$1
    shift
    "$SIGNET" cert check "$PKI/$name.pem" --purpose sign --intermediate "$PKI/issuing.pem" "$@"
}

respond alice.ors alice ocsp -ndays 1
respond alice-by-ca.ors alice issuing -ndays 1 -resp_key_id -resp_no_certs
respond alice-old.ors alice ocsp
web_revoke bob
respond bob.ors bob ocsp -ndays 1
openssl ocsp -sha256 -issuer "$PKI/issuing.pem" -cert "$PKI/alice.pem" -sha256 -cert "$PKI/carol.pem" -no_nonce \
    -reqout request > out.txt 2>&1
openssl ocsp -index "$PKI/index" -CA "$PKI/issuing.pem" -rsigner "$PKI/ocsp.pem" -rkey "$PKI/ocsp.key" -ndays 1 \
    -reqin request -respout two.ors > out.txt 2>&1

# Named with the command: by a responder or by the CA itself, each for the certificate that it is about.
expect 0 "$SIGNET" trust add "$PKI/root.pem" --yes
expect 0 "$SIGNET" trust add --crl "$PKI/root.crl"
expect 2 judge alice
for response in alice.ors alice-by-ca.ors two.ors; do
    expect 0 judge alice --ocsp "$response" --json
    json 'indication="PASSED"'
    holds jq -e '.revocation | any(.kind == "ocsp" and .status == "good")' "$tmp/out"
done
expect 0 judge carol --ocsp two.ors
expect 2 judge carol --ocsp alice.ors
expect 2 judge bob --ocsp alice.ors --ocsp bob.ors --json
json 'sub_indication="REVOKED_NO_POE"'
expect 2 judge bob --ocsp bob.ors --revocation soft --json
json 'sub_indication="REVOKED_NO_POE"'
expect 2 judge alice --ocsp alice-old.ors --json # without nextUpdate there is always a newer one
json 'sub_indication="TRY_LATER"'

# Its tampered twin, and files that are something else.
tamper alice.ors changed.ors -20
rejects judge alice --ocsp changed.ors
expect 65 judge alice --ocsp "$PKI/root.crl"
says "not an OCSP response"
expect 66 judge alice --ocsp not-there
printf '\x30\x03\x0a\x01\x03' > try-later.ors
expect 65 judge alice --ocsp try-later.ors
says "asks to try later"

# Kept: only if a CA that an anchor vouches for, or its responder, signed it; then verification knows.
expect 77 "$SIGNET" trust add --ocsp alice.ors
says "[policy]"
expect 0 "$SIGNET" trust add --ocsp alice.ors --intermediate "$PKI/issuing.pem" --json
json 'kind="ocsp"' 'action="added"'
expect 0 judge alice
expect 0 "$SIGNET" trust list
says "OCSP response about the certificate with serial number"
respond impostor.ors alice alice -ndays 1 # signed by a certificate of the CA's that is for something else
expect 77 "$SIGNET" trust add --ocsp impostor.ors --intermediate "$PKI/issuing.pem"
says "not meant for OCSP"
expect 0 "$SIGNET" trust add --ocsp bob.ors --intermediate "$PKI/issuing.pem"
expect 2 judge bob --json
json 'sub_indication="REVOKED_NO_POE"'

# What is revoked stays so, and what is known is not undone by losing its file.
sed -i '/CN=bob$/d' "$PKI/index"
web_line bob V "" >> "$PKI/index"
respond bob-good.ors bob ocsp -ndays 1
expect 77 "$SIGNET" trust add --ocsp bob-good.ors --intermediate "$PKI/issuing.pem"
says "takes back"
expect 2 judge bob --json
json 'sub_indication="REVOKED_NO_POE"'
for file in "$SIGNET_HOME"/trust/ocsp/*.ocsp; do
    cmp -s "$file" bob.ors && rm "$file"
done
expect 2 judge bob --revocation soft
says "missing or damaged"
expect 0 judge alice
passed
