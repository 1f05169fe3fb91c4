#!/bin/bash
# Does Signet work with a TPM, whose module wants one call at a time and locks for all its keys after three wrong PINs?
. "${SIGNET_SOURCE:-$(dirname "$0")/../..}/tests/support/lib.sh"
. "$SIGNET_SOURCE/tests/support/tpm.sh"
fixtures
tpm_start
tpm_key p256 EC:prime256v1
tpm_key rsa2048 rsa:2048
cd "$tmp"
echo text > a.txt
echo texT > b.txt
ca=$SIGNET_FIXTURES/ca

sign() { # KEY ARGUMENT...
    local key=$1
    shift
    signet_pin sign --yes --json --key "pkcs11:token=tpm;object=$key;type=private" "$@"
}
openssl_judges() { # CONTENT SIGNATURE
    openssl cms -verify -cades -binary -inform DER -in "$2" -content "$1" -CAfile "$ca/chain.pem" -purpose any \
        -out content
}

expect 0 "$SIGNET" token list --json
holds grep -q '"label":"tpm",.*"initialized":true,"login_required":true' out
expect 0 "$SIGNET" token show --json "pkcs11:token=tpm"
says '"CN=TPM p256,O=Signet Test"'
says '"CN=TPM rsa2048,O=Signet Test"'

for key in p256 rsa2048; do
    expect 0 sign "$key" --output "$key.p7s" a.txt
    json signer.subject="\"CN=TPM $key,O=Signet Test\"" token.label='"tpm"' custody='"reported"'
    holds openssl_judges a.txt "$key.p7s"
    rejects openssl_judges b.txt "$key.p7s"
    expect 0 "$SIGNET" verify --anchor "$ca/root.pem" --intermediate "$ca/issuing.pem" --crl "$ca/root.crl" \
        --crl "$ca/issuing.crl" --content a.txt "$key.p7s"
done

# Many at once: each file has a signature of its own that is right.
mkdir many
for i in {1..12}; do
    echo "$i" > "many/$i"
done
expect 0 sign p256 many/*
holds test "$(wc -l < out)" = 12
for i in {1..12}; do
    holds openssl_judges "many/$i" "many/$i.p7s"
done

# Three wrong PINs, and the TPM refuses the right one as well.
printf wrong > wrong
for code in pin-incorrect pin-incorrect pin-incorrect pin-locked; do
    expect 77 "$SIGNET" sign --yes --json --key "pkcs11:token=tpm;object=p256;type=private" --output wrong.p7s \
        --pin-fd 8 a.txt 8< wrong
    json "error.code=\"$code\""
    clear_interlock "pkcs11:token=tpm"
done
expect 77 sign p256 --output locked.p7s a.txt
json error.code='"pin-locked"'
holds test ! -e wrong.p7s -a ! -e locked.p7s

passed
