#!/bin/bash
# Do PIN letters and escrows open with an officer's token, by `signet decrypt` and `token unblock --escrow`, and with no
# other; and is an escrow used for its own token alone?
. "${SIGNET_SOURCE:-$(dirname "$0")/../..}/tests/support/lib.sh"
fixtures
export SIGNET_HOME=$tmp/home SOFTHSM2_CONF=$tmp/softhsm2.conf
mkdir "$tmp/tokens"
printf '%s\n' "directories.tokendir = $tmp/tokens" "log.level = ERROR" > "$SOFTHSM2_CONF"
cd "$tmp"
printf 'name,email\nAda Lovelace,ada@example.org\nBob,bob@example.org\n' > staff.csv

# An officer with a key for decryption on a token, and one without a token.
holds softhsm2-util --init-token --free --label officer --so-pin 87654321 --pin 123456
echo 123456 > officer.pin
expect 0 "$SIGNET" token keygen --kind rsa-2048 --usage decrypt --token pkcs11:token=officer --pin-fd 8 8< officer.pin
expect 0 "$SIGNET" token csr --public-key --key pkcs11:token=officer --output officer.pub --pin-fd 8 8< officer.pin
for name in ca safe; do
    openssl req -x509 -newkey rsa:2048 -nodes -keyout $name.key -out $name.pem -subj "/CN=$name" -days 30 2> check ||
        failed "no certificate for $name: $(cat check)"
done
echo keyUsage=keyEncipherment > officer.ext
holds openssl x509 -new -force_pubkey officer.pub -subj /CN=Officer -CA ca.pem -CAkey ca.key -days 30 \
    -extfile officer.ext -out officer.pem
expect 0 "$SIGNET" token import officer.pem --token pkcs11:token=officer --pin-fd 8 8< officer.pin

expect 0 "$SIGNET" token provision --all --csv staff.csv --csr-dir csr --letters letters --officer officer.pem \
    --escrow escrow --escrow-to officer.pem --escrow-to safe.pem --json
json schema='"signet.provision/1"' state='"done"' row=2
holds test "$(wc -l < out)" = 2

# ---- a letter --------------------------------------------------------------------------------------------------------

expect 0 "$SIGNET" decrypt letters/0001-*.p7m --output ada.txt --pin-fd 8 8< officer.pin
pin=$(sed -n 's/^PIN: //p' ada.txt)
echo "$pin" > ada.pin
expect 0 "$SIGNET" token show "pkcs11:token=Ada%20Lovelace" --pin-fd 8 8< ada.pin
says "custody: generated"
tamper letters/0002-*.p7m changed.p7m -20
expect 65 "$SIGNET" decrypt changed.p7m --output changed.txt --pin-fd 8 8< officer.pin
holds test ! -e changed.txt

# ---- an escrow -------------------------------------------------------------------------------------------------------

escrow=$(echo escrow/0001-*.p7m)
printf '123456\n75319024\n' > pins
expect 0 "$SIGNET" token unblock --escrow "$escrow" --pin-fd 8 8< pins
says "The token Ada Lovelace"
expect 77 "$SIGNET" token show "pkcs11:token=Ada%20Lovelace" --pin-fd 8 8< ada.pin
expect 0 "$SIGNET" token pin --clear "pkcs11:token=Ada%20Lovelace"
echo 75319024 > ada.pin
expect 0 "$SIGNET" token show "pkcs11:token=Ada%20Lovelace" --pin-fd 8 8< ada.pin

# Its JSON, as the other officer reads it.
openssl cms -decrypt -inform DER -in "$escrow" -inkey safe.key -recip safe.pem > out
json schema='"signet.escrow/1"' person.email='"ada@example.org"'

expect 64 "$SIGNET" token unblock --escrow "$escrow" --so-pin-fd 8 8< pins
tamper "$escrow" changed.p7m -20
expect 65 "$SIGNET" token unblock --escrow changed.p7m --pin-fd 8 8< pins
expect 66 "$SIGNET" token unblock --escrow none.p7m --pin-fd 8 8< pins
# A letter is no escrow, though it opens.
expect 65 "$SIGNET" token unblock --escrow letters/0001-*.p7m --pin-fd 8 8< pins
says "not the escrow of a token"
# One whose token is not there is not tried on another.
holds softhsm2-util --delete-token --token Bob
expect 69 "$SIGNET" token unblock --escrow escrow/0002-*.p7m --pin-fd 8 8< pins
says "which is not there"
# Without the officer's token it does not open.
holds softhsm2-util --delete-token --token officer
expect 69 "$SIGNET" token unblock --escrow "$escrow" --pin-fd 8 8< pins
says "insert the officer's token"
passed
