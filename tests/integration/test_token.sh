#!/bin/bash
# Do `signet token list` and `token show` tell what is on the tokens, to people and as JSON?
. "${SIGNET_SOURCE:-$(dirname "$0")/../..}/tests/support/lib.sh"
fixtures

expect 0 "$SIGNET" token list
says "Signet Test"
says "Signet Ed25519"
says "Signet Odd"
says "${SIGNET_MODULE##*/}"
says "not initialised"
rejects grep "serial ," "$tmp/out"
expect 0 "$SIGNET" token list --json
json 'schema="signet.token-list/1"'
holds test "$(grep -c '"initialized":true,"login_required":true' "$tmp/out")" = 3

# Without a PIN the keys are known by their certificates; whose custody they are in is not.
expect 0 "$SIGNET" token show "pkcs11:token=Signet%20Test"
says "CN=Signer rsa2048"
says "P-384"
says "not logged in"
expect 0 "$SIGNET" token show --json "pkcs11:token=Signet%20Test;id=%03"
json keys.0.type='"EC"' keys.0.curve='"P-256"' keys.0.bits=256 keys.0.label='"p256"' keys.0.id='"03"' keys.0.custody=null \
    keys.0.certificate.sha256="\"$(openssl x509 -in "$SIGNET_FIXTURES/certs/p256.pem" -outform DER | sha256sum | cut -c1-64)\""
uri=$(/usr/bin/python3 -c 'import json, sys; print(json.load(sys.stdin)["keys"][0]["uri"])' < "$tmp/out")
expect 0 "$SIGNET" token show --json "$uri"
json keys.0.id='"03"'
expect 0 "$SIGNET" token show --json
holds test "$(wc -l < "$tmp/out")" = 3

# With it, each key's custody has its basis; a key that can leave the token is shown as refused.
expect 0 signet_pin token show --json "pkcs11:token=Signet%20Test;id=%01"
json keys.0.custody='"reported"'
expect 0 signet_pin token show --json "pkcs11:token=Signet%20Odd;id=%09"
json keys.0.custody='"refused"'
expect 0 signet_pin token show --json "pkcs11:token=Signet%20Odd;id=%0a"
json keys.0.custody='"held"'
expect 0 signet_pin token show --json "pkcs11:token=Signet%20Odd;id=%07"
json keys.0.certificate=null

# A PIN is for one token.
expect 64 signet_pin token show
says "3"
printf wrong > "$tmp/wrong"
expect 77 "$SIGNET" token show "pkcs11:token=Signet%20Test" --pin-fd 9 --json 9< "$tmp/wrong"
json error.code='"pin-incorrect"'

expect 69 "$SIGNET" token show --json "pkcs11:token=Nobody"
json error.code='"no-token"' error.retry=true
expect 64 "$SIGNET" token show "pkcs11:pin-value=1234"
expect 64 "$SIGNET" token show nonsense
expect 64 "$SIGNET" token list more
expect 69 "$SIGNET" token list --module "$tmp/none.so"
says "$tmp/none.so"
expect 64 "$SIGNET" token list --pin-fd x

passed
