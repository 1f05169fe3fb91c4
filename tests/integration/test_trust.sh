#!/bin/bash
# Are anchors and revocation lists taken in only when a person or a digest vouches for them, and kept as they were?
. "${SIGNET_SOURCE:-$(dirname "$0")/../..}/tests/support/lib.sh"
fixtures
cd "$tmp"
ca=$SIGNET_FIXTURES/ca
sha256() {
    openssl x509 -in "$1" -noout -fingerprint -sha256 | cut -d= -f2
}
plain() {
    tr -d : <<< "$1" | tr A-F a-f
}
root=$(sha256 "$ca/root.pem")

expect 0 "$SIGNET" trust list
says "Nothing is trusted yet"

expect 0 "$SIGNET" trust export
says "nothing was exported"

# Without a terminal: neither option, the wrong digest, something that is no CA, and something that is nothing.
expect 77 "$SIGNET" trust add "$ca/root.pem"
says "[not-confirmed]"
says "--sha256"
expect 77 "$SIGNET" trust add "$ca/root.pem" --sha256 "$(sha256 "$ca/issuing.pem")"
expect 65 "$SIGNET" trust add "$SIGNET_FIXTURES/soft/good.pem" --yes
says "not the certificate of a CA"
expect 65 "$SIGNET" trust add "$ca/root.key" --yes
expect 66 "$SIGNET" trust add not-there --yes
expect 64 "$SIGNET" trust add
expect 64 "$SIGNET" trust add "$ca/root.pem" --yes --purpose everything
expect 65 "$SIGNET" trust add --ocsp "$ca/root.crl"
for digest in aa "" "${root}0" "${root%?}g" "$(plain "$root"):$(plain "$root")"; do
    expect 64 "$SIGNET" trust add "$ca/root.pem" --sha256 "$root" --sha256 "$digest"
    expect 64 "$SIGNET" trust remove "$digest"
done
expect 0 "$SIGNET" trust list
says "Nothing is trusted yet"

# With the digest, as openssl prints it or in lower case.
expect 0 "$SIGNET" trust add "$ca/root.pem" --sha256 "$root" --purpose sign --json
json 'action="added"' 'kind="anchor"' "sha256=\"$(plain "$root")\"" 'purposes=["sign"]' "source=\"file $ca/root.pem\""
expect 0 "$SIGNET" trust add "$ca/root.pem" --sha256 "$(plain "$root")"
# Every value of --purpose; the last one counts.
for purpose in sign timestamp timestamp,sign; do
    expect 0 "$SIGNET" trust add "$ca/root.pem" --yes --purpose "$purpose" --json
    json "purposes=$(/usr/bin/python3 -c 'import json, sys; print(json.dumps(sorted(sys.argv[1].split(","))))' "$purpose")"
done
expect 0 "$SIGNET" trust add "$ca/root.pem" --yes --purpose sign,timestamp
expect 0 "$SIGNET" trust list --json
json 'action="listed"' 'purposes=["sign", "timestamp"]'
holds test "$(wc -l < "$tmp/out")" = 1

# Revocation lists: only with a path from an anchor to their issuer, only whole, never older.
expect 0 "$SIGNET" trust add --crl "$ca/root.crl"
expect 77 "$SIGNET" trust add --crl "$ca/root.crl" --crl "$ca/issuing.crl"
says "$ca/issuing.crl: "
says "--intermediate"
expect 0 "$SIGNET" trust add --crl "$ca/issuing.crl.pem" --intermediate "$ca/issuing.pem" --json
json 'kind="crl"' 'action="added"'
tamper "$ca/issuing.crl" changed.crl -10
rejects "$SIGNET" trust add --crl changed.crl --intermediate "$ca/issuing.pem"
expect 77 "$SIGNET" trust add --crl "$ca/issuing-stale.crl" --intermediate "$ca/issuing.pem"
says "[policy]"
head -c 300 "$ca/root.crl" > short.crl
expect 65 "$SIGNET" trust add --crl short.crl
expect 0 "$SIGNET" trust list --json
json
holds test "$(grep -c '"crl"' "$tmp/out")" = 2

# Export is what was added; it overwrites nothing.
expect 0 "$SIGNET" trust export --output anchors.pem
holds test "$(sha256 anchors.pem)" = "$root"
expect 73 "$SIGNET" trust export --output anchors.pem
expect 0 "$SIGNET" trust export --output anchors.pem --force
expect 0 "$SIGNET" trust export
holds cmp "$tmp/out" anchors.pem
expect 64 "$SIGNET" trust export --json
says "--output"
expect 64 "$SIGNET" trust export --json --output -
expect 0 "$SIGNET" trust export --json --output anchors.pem --force
json 'action="exported"' 'kind="anchor"' "sha256=\"$(plain "$root")\""
holds test "$(sha256 anchors.pem)" = "$root"

# A damaged snapshot is noticed, and a change of trust mends it.
cp "$SIGNET_HOME/trust/snapshot" kept
tamper kept "$SIGNET_HOME/trust/snapshot" 100
expect 74 "$SIGNET" trust list
says "[store-damaged]"
expect 0 "$SIGNET" trust add "$ca/root.pem" --yes
expect 0 "$SIGNET" trust list

expect 66 "$SIGNET" trust remove "$(plain "$(sha256 "$ca/issuing.pem")")"
expect 0 "$SIGNET" trust remove "$root" --json
json 'action="removed"' "sha256=\"$(plain "$root")\""
expect 0 "$SIGNET" trust list
says "No anchor is trusted"
holds test "$(grep -c '^  SHA-256 [0-9a-f]*$' "$tmp/out")" = 2
expect 0 "$SIGNET" trust list --json
rejects grep '"anchor"' "$tmp/out"

passed
