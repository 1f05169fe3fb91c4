#!/bin/bash
# Is a card that was swapped, or a certificate that was renewed, noticed before anything is signed by it, and does
# `signet setup` take the new one?
. "${SIGNET_SOURCE:-$(dirname "$0")/../..}/tests/support/lib.sh"
fixtures
cd "$tmp"
ca=$SIGNET_FIXTURES/ca conf=$SIGNET_HOME/signet.conf
key="pkcs11:token=Signet%20Test;id=%03"
echo text > a.txt

sha256() { # CERTIFICATE
    openssl x509 -in "$1" -outform DER | sha256sum | cut -c1-64
}

# Puts another certificate beside the key 03 of the token "Signet Test".
replace_certificate() { # CERTIFICATE
    local tool=(pkcs11-tool --module "$SIGNET_MODULE" --token-label "Signet Test" --login --pin "$(cat "$SOFTHSM_PIN_FILE")" --id 03)
    openssl x509 -in "$1" -outform DER -out new.der
    "${tool[@]}" --delete-object --type cert
    "${tool[@]}" --write-object new.der --type cert --label p256
}

holds "$SIGNET" trust add --yes "$ca/root.pem" "$ca/issuing.pem" --crl "$ca/root.crl" --crl "$ca/issuing.crl"
expect 0 signet_pin setup --key "$key"
old=$(sha256 "$SIGNET_FIXTURES/certs/p256.pem")
holds grep -qx "certificate = $old" "$conf"
holds test "$(grep -c '^certificate = ' "$conf")" = 1
expect 0 signet_pin sign --force a.txt
expect 0 "$SIGNET" verify a.txt

# --- renewed: the same key with another certificate
openssl x509 -in "$SIGNET_FIXTURES/certs/p256.pem" -noout -pubkey > p256.pub
certificate_for p256.pub "Signer renewed" signer renewed.pem
holds replace_certificate renewed.pem
rm a.txt.p7s
expect 77 signet_pin sign a.txt --json
json error.code='"certificate-changed"' error.retry=false
says "$(sha256 renewed.pem)"
says "signet setup"
holds test ! -e a.txt.p7s
# Refused before a PIN is asked for.
expect 77 "$SIGNET" sign a.txt
says "$conf:"
says "[certificate-changed]"

# A key that the command line names is meant as it is, and so is one without a pin.
expect 0 signet_pin sign --force --key "$key" a.txt
sed '/^certificate = /d' "$conf" > other && cp "$conf" pinned && cp other "$conf"
expect 0 signet_pin sign --force a.txt
cp pinned "$conf"

# A trial that fails takes nothing; one that is good does, and says so.
expect 77 "$SIGNET" setup
says "[certificate-changed]"
holds cmp pinned "$conf"
expect 0 signet_pin setup --json
json warnings.0.code='"certificate-changed"' signer.subject='"CN=Signer renewed,O=Signet Test"'
holds grep -qx "certificate = $(sha256 renewed.pem)" "$conf"
holds test "$(grep -c '^certificate = ' "$conf")" = 1
expect 0 signet_pin sign --force a.txt
expect 0 signet_pin setup --json
json warnings='[]'

# --- another card, with the same label and id: its serial is noticed, and where the URI has none, its certificate
mkdir cards
sed "s|^directories.tokendir.*|directories.tokendir = $tmp/cards|" "$SOFTHSM2_CONF" > cards.conf
export SOFTHSM2_CONF=$tmp/cards.conf
holds softhsm2-util --init-token --free --label "Signet Test" --pin "$(cat "$SOFTHSM_PIN_FILE")" --so-pin 12345678
expect 0 signet_pin token keygen --kind p-256 --usage sign --id 03 --label p256
expect 0 signet_pin token csr --public-key --output other.pub
certificate_for other.pub "Signer p256" signer other.pem
expect 0 signet_pin token import other.pem
rm a.txt.p7s
expect 69 signet_pin sign a.txt
says "[no-token]"
sed -i "s|^key = .*|key = $key|" "$conf"
expect 77 signet_pin sign a.txt
says "[certificate-changed]"
says "$(sha256 other.pem)"
holds test ! -e a.txt.p7s
expect 0 signet_pin sign --key "$key" a.txt

# --- what is no SHA-256 is a mistake in the configuration
sed -i "s|^certificate = .*|certificate = ${old:1}|" "$conf"
expect 78 signet_pin sign --force a.txt
says "$conf:"
says "[config]"

passed
