#!/bin/bash
# Does Signet work with NSS, a module that p11-kit's configuration starts with parameters, has a token that is none of
# the user's, and no serial numbers?
. "${SIGNET_SOURCE:-$(dirname "$0")/../..}/tests/support/lib.sh"
. "$SIGNET_SOURCE/tests/support/nss.sh"
fixtures
nss_start
nss_key p256 -k ec -q nistp256
nss_key rsa2048 -k rsa -g 2048
nss_key loose -k ec -q nistp384 --keyAttrFlags token,private,sensitive,extractable
cd "$tmp"
echo text > a.txt
echo texT > b.txt
token="pkcs11:token=NSS%20Certificate%20DB"
ca=$SIGNET_FIXTURES/ca

sign() { # KEY ARGUMENT...
    local key=$1
    shift
    signet_pin sign --yes --json --key "$token;object=$key;type=private" "$@"
}
openssl_judges() { # CONTENT SIGNATURE
    openssl cms -verify -cades -binary -inform DER -in "$2" -content "$1" -CAfile "$ca/chain.pem" -purpose any \
        -out content
}

expect 0 "$SIGNET" token list --json
holds test "$(wc -l < out)" = 2
holds grep -q '"label":"NSS Certificate DB".*"module":"nss".*"login_required":true' out
expect 0 "$SIGNET" token show --json "$token"
says '"CN=NSS p256,O=Signet Test"'

for key in p256 rsa2048; do
    expect 0 sign "$key" --output "$key.p7s" a.txt
    json signer.subject="\"CN=NSS $key,O=Signet Test\"" token.label='"NSS Certificate DB"' custody='"held"'
    holds openssl_judges a.txt "$key.p7s"
    rejects openssl_judges b.txt "$key.p7s"
    expect 0 "$SIGNET" verify --anchor "$ca/root.pem" --intermediate "$ca/issuing.pem" --crl "$ca/root.crl" \
        --crl "$ca/issuing.crl" --content a.txt "$key.p7s"
done

# A key that may be taken out, as certutil makes them by default, is refused.
expect 77 sign loose --output loose.p7s a.txt
json error.code='"custody"'
holds test ! -e loose.p7s

printf wrong > wrong
expect 77 "$SIGNET" sign --yes --json --key "$token;object=p256;type=private" --output wrong.p7s --pin-fd 8 a.txt \
    8< wrong
json error.code='"pin-incorrect"'
holds test ! -e wrong.p7s

passed
