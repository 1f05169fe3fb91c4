#!/bin/bash
# Does `cert check` judge one certificate by the anchors, lists and policies given, and `cert show` say what one holds?
. "${SIGNET_SOURCE:-$(dirname "$0")/../..}/tests/support/lib.sh"
fixtures
cd "$tmp"
ca=$SIGNET_FIXTURES/ca soft=$SIGNET_FIXTURES/soft
given=(--anchor "$ca/root.pem" --intermediate "$ca/issuing.pem" --crl "$ca/root.crl" --crl "$ca/issuing.crl")

judged() { # EXIT INDICATION SUB ARGUMENT...
    local status=$1 indication=$2 sub=$3
    shift 3
    expect "$status" "$SIGNET" cert check --json "$@"
    json "indication=\"$indication\"" "sub_indication=$sub"
}

judged 0 PASSED null "$soft/good.pem" "${given[@]}"
json 'revocation.0.status="good"'
judged 0 PASSED null "$soft/good.pem" "${given[@]}" --purpose sign
judged 2 INDETERMINATE '"CHAIN_CONSTRAINTS_FAILURE"' "$soft/good.pem" "${given[@]}" --purpose timestamp
judged 0 PASSED null "$soft/tsa.pem" "${given[@]}" --purpose timestamp
judged 2 INDETERMINATE '"CHAIN_CONSTRAINTS_FAILURE"' "$soft/tsa.pem" "${given[@]}" --purpose sign
judged 0 PASSED null "$soft/ocsp.pem" "${given[@]}" --purpose ocsp
judged 0 PASSED null "$ca/issuing.pem" "${given[@]}" --purpose crl
judged 2 INDETERMINATE '"CHAIN_CONSTRAINTS_FAILURE"' "$soft/good.pem" "${given[@]}" --purpose crl
says "not meant for CRLs"
judged 0 PASSED null "$soft/good.pem" "${given[@]}" --purpose any
judged 2 INDETERMINATE '"NO_CERTIFICATE_CHAIN_FOUND"' "$soft/good.pem"
judged 2 INDETERMINATE '"REVOKED_NO_POE"' "$soft/revoked.pem" "${given[@]}"
judged 0 PASSED null "$soft/revoked.pem" "${given[@]}" --revocation none
judged 2 INDETERMINATE '"OUT_OF_BOUNDS_NO_POE"' "$soft/expired.pem" "${given[@]}"
judged 2 INDETERMINATE '"CHAIN_CONSTRAINTS_FAILURE"' "$soft/good.pem" "${given[@]}" --explicit-policy
judged 2 INDETERMINATE '"NO_CERTIFICATE_CHAIN_FOUND"' "$soft/good.pem" "${given[@]}" --max-depth 0
judged 0 PASSED null "$soft/good.pem" "${given[@]}" --max-depth 1
judged 0 PASSED null "$soft/good.pem" "${given[@]}" --at "$(date -u -d '+1 day' +%FT%TZ)"
rejects "$SIGNET" cert check "$soft/good.pem" "${given[@]}" --at 2001-01-01T00:00:00Z

# What is no CA's is no anchor, for itself neither, unless it vouches for itself; then nobody says whether it was revoked.
for leaf in good revoked; do
    expect 65 "$SIGNET" cert check "$soft/$leaf.pem" --anchor "$soft/$leaf.pem" --crl "$ca/issuing.crl"
    says "is not the certificate of a CA"
done
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout own.key -out own.pem -subj "/CN=Own" -days 9 \
    -addext keyUsage=critical,nonRepudiation -addext basicConstraints=critical,CA:FALSE 2> /dev/null
judged 2 INDETERMINATE '"CERTIFICATE_CHAIN_GENERAL_FAILURE"' own.pem --anchor own.pem
json 'reasons.0.code="no-revocation-data"'
judged 0 PASSED null own.pem --anchor own.pem --revocation none

cat "$soft/good.pem" "$ca/issuing.pem" > chain.pem
judged 0 PASSED null chain.pem --anchor "$ca/root.pem" --crl "$ca/root.crl" --crl "$ca/issuing.crl"
expect 0 "$SIGNET" cert check "$soft/good.pem" "${given[@]}"
expect 65 "$SIGNET" cert check "$soft/good.key" "${given[@]}"
expect 66 "$SIGNET" cert check not-there
expect 64 "$SIGNET" cert check "$soft/good.pem" --purpose anything
expect 64 "$SIGNET" cert check "$soft/good.pem" --policy "1.2.x"
expect 64 "$SIGNET" cert check "$soft/good.pem" --max-depth -1
expect 65 "$SIGNET" cert check "$soft/good.pem" --ocsp "$ca/root.crl"
expect 64 "$SIGNET" cert renew

expect 0 "$SIGNET" cert show "$soft/good.pem" --json
json "sha256=\"$(openssl x509 -in "$soft/good.pem" -noout -fingerprint -sha256 | cut -d= -f2 | tr -d : | tr A-F a-f)\"" \
    'ca=false' 'may_sign=true' 'bits=256' 'key="EC"'
expect 0 "$SIGNET" cert show "$soft/wrong-eku.pem" --json
json 'may_sign=false'
expect 0 "$SIGNET" cert show "$ca/chain.pem"
holds test "$(grep -c SHA-256 "$tmp/out")" = 2
expect 65 "$SIGNET" cert show "$soft/good.pem" "$soft/good.key"

passed
