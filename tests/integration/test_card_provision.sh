#!/bin/bash
# What OpenSC does not do on a PIV card is said, with the program that does; what it does, a certificate request, works.
. "${SIGNET_SOURCE:-$(dirname "$0")/../..}/tests/support/lib.sh"
. "$SIGNET_SOURCE/tests/support/card.sh"
fixtures
cd "$tmp"
card_make card 9c:p256:qualified 9d:rsa2048:encryption
card_make blank
card_start
card insert card

not_served() { # ARGUMENT...
    expect 69 signet_pin "$@" --json
    json error.code='"not-served"' error.retry=false
    says "piv-tool"
    says "ykman"
    says "pkcs15-init"
}
for kind in p-256 rsa-2048; do
    not_served token keygen --kind $kind --usage sign
done
openssl x509 -in card/9c.pem -signkey card/9c.key -days 3 -out renewed.pem 2> /dev/null
not_served token import renewed.pem
expect 0 signet_pin token import card/9c.pem --json
json state='"there"' id='"02"'
expect 0 "$SIGNET" token list --json
serial=$(/usr/bin/python3 -c 'import json, sys; print(json.load(sys.stdin)["serial"])' < out)
not_served token delete --key "pkcs11:id=%02" --yes --really "$serial/02"
says "Nothing was deleted"

# The signature key wants its PIN for each signature.
expect 0 signet_pin token csr --key "pkcs11:id=%02" --subject "CN=Ada Lovelace" --output card.csr
holds openssl req -in card.csr -verify -noout
holds cmp <(openssl req -in card.csr -noout -pubkey) <(openssl x509 -in card/9c.pem -noout -pubkey)

card remove
card insert blank
not_served token keygen --kind p-256 --usage sign

passed
