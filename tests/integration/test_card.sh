#!/bin/bash
# Does Signet work with a smartcard through OpenSC: sign with a key that wants the PIN for each signature, spend no more
# tries of the PIN than it says, and notice when the card is pulled or another one is put in?
. "${SIGNET_SOURCE:-$(dirname "$0")/../..}/tests/support/lib.sh"
. "$SIGNET_SOURCE/tests/support/card.sh"
fixtures
cd "$tmp"
ca=$SIGNET_FIXTURES/ca
echo text > a.txt
echo texT > b.txt
printf 111111 > wrong

card_make first 9c:p256:qualified 9d:rsa2048:encryption
card_make second 9a:rsa2048:signer 9c:rsa2048:qualified
card_make blank
card_start

# OpenSC shows the last sixteen digits of the card's serial number.
serial() { # of the card that is in
    local all
    all=$(card get serial)
    echo "${all: -16}"
}
sign() { # ARGUMENT...
    signet_pin sign --yes --json "$@"
}
with_wrong_pin() { # COMMAND ARGUMENT...
    "$SIGNET" "$@" --pin-fd 8 8< wrong
}
judged() { # CODE CONTENT SIGNATURE
    expect "$1" "$SIGNET" verify --json --anchor "$ca/root.pem" --intermediate "$ca/issuing.pem" --crl "$ca/root.crl" \
        --crl "$ca/issuing.crl" --content "$2" "$3"
}
openssl_judges() { # CONTENT SIGNATURE
    openssl cms -verify -cades -binary -inform DER -in "$2" -content "$1" -CAfile "$ca/chain.pem" -purpose any \
        -out content
}

# --- an empty reader, a blank card
expect 69 "$SIGNET" token list --json
json error.code='"no-token"' error.retry=true
card insert "$tmp/blank"
expect 0 "$SIGNET" token list --json
json serial="\"$(serial)\""
expect 69 sign --output blank.p7s a.txt
json error.code='"no-key"'
card remove

# --- a card with a P-256 key that wants the PIN for each signature
card insert "$tmp/first"
first=$(serial)
expect 0 "$SIGNET" token list --json
json serial="\"$first\"" login_required=true pin='"ok"'
expect 0 "$SIGNET" token show
says "CN=first 9c"
says "CN=first 9d"
rises verifies 0 expect 0 "$SIGNET" token show --json
json keys.1.curve='"P-256"' keys.1.certificate.subject='"CN=first 9c,O=Signet Test"'

# Checked, it is good as far as is known here, and each of its two keys works, at the cost of one use each.
holds "$SIGNET" trust add --yes "$ca/root.pem" "$ca/issuing.pem" --crl "$ca/root.crl" --crl "$ca/issuing.crl"
rises signatures 2 expect 0 signet_pin token check
says "A trial signature verified"
says "encrypted and decrypted again"
holds test "$(card get pin-tries)" = 3
rises verifies 0 expect 1 "$SIGNET" token check --json
json result='"unknown"' logged_in=false

# The key whose certificate has nonRepudiation is chosen, is used once, and two judges accept what it made.
rises wrong 0 rises signatures 1 expect 0 sign --output a.p7s a.txt
json signer.subject='"CN=first 9c,O=Signet Test"' token.serial="\"$first\""
judged 0 a.txt a.p7s
json 'signatures.0.indication="TOTAL-PASSED"' 'signatures.0.algorithm="ecdsa"'
judged 1 b.txt a.p7s
json 'signatures.0.sub_indication="HASH_FAILURE"'
holds openssl_judges a.txt a.p7s
rejects openssl_judges b.txt a.p7s

# Each of several files has its own signature and costs the card one.
rises wrong 0 rises signatures 2 expect 0 sign --output-dir . a.txt b.txt
judged 0 a.txt a.txt.p7s
judged 0 b.txt b.txt.p7s

# --- a wrong PIN costs one try, the card's own count says; the right one sets it back
rises verifies 1 rises wrong 1 expect 77 with_wrong_pin sign --yes --json --output wrong.p7s a.txt
json error.code='"pin-incorrect"' error.retry=false
holds test "$(card get pin-tries)" = 2
rises verifies 0 expect 77 sign --output again.p7s a.txt
json error.code='"pin-interlock"'
clear_interlock
rises wrong 0 expect 0 sign --output again.p7s a.txt
holds test "$(card get pin-tries)" = 3

# The last try is not spent, not even on the right PIN.
for i in 1 2; do
    rises verifies 1 expect 77 with_wrong_pin token show --json "pkcs11:serial=$first"
    clear_interlock
done
expect 0 "$SIGNET" token list --json
json pin='"final-try"'
rises verifies 0 expect 77 sign --output last.p7s a.txt
json error.code='"pin-final-try"' error.tries_left=1
holds test "$(card get pin-tries)" = 1
holds test ! -e wrong.p7s -a ! -e last.p7s
rises wrong 0 expect 0 sign --use-last-try --output last.p7s a.txt
holds test "$(card get pin-tries)" = 3

# --- another card is another token, also in the same reader
uri="pkcs11:serial=$first;type=private"
card_swap "$tmp/second"
expect 0 "$SIGNET" token list --json
json serial="\"$(serial)\"" pin='"ok"'
rises signatures 0 expect 69 sign --key "$uri" --output other.p7s a.txt
json error.code='"no-token"'
rises signatures 1 expect 0 sign --output rsa.p7s a.txt
json signer.subject='"CN=second 9c,O=Signet Test"'
judged 0 a.txt rsa.p7s
json 'signatures.0.algorithm="rsa-pkcs1"'
holds openssl_judges a.txt rsa.p7s

# --- a card that is pulled: while idle, and after the key was used but before its answer came
card remove
expect 69 "$SIGNET" token list --json
json error.code='"no-token"'
expect 69 sign --output pulled.p7s a.txt
json error.code='"no-token"'
card insert "$tmp/second"
card pull signatures 1
expect 69 sign --output pulled.p7s a.txt
json error.retry=true
holds test "$(card state)" = empty
holds test ! -e pulled.p7s
card insert "$tmp/second"
expect 0 sign --output pulled.p7s a.txt
judged 0 a.txt pulled.p7s

# While the PIN is asked: half of it is written, and taken, and the other half finds no card.
mkfifo pin-pipe
exec 7<> pin-pipe
pin_is_taken() {
    ! read -r -t 0 -u 7
}
before=$(card get verifies)
"$SIGNET" sign --yes --json --output asked.p7s --pin-fd 7 a.txt > out 2> err &
asking=$!
printf 123 >&7
until_holds pin_is_taken
card remove
echo 456 >&7
code=0
wait "$asking" || code=$?
holds test "$code" = 69
json error.code='"no-token"' error.retry=true
holds test "$(card get verifies)" = "$before"
holds test ! -e asked.p7s
card insert "$tmp/second"

# --- the daemon of the readers begins anew: the card is there again, and the same
pcscd_stop
expect 69 "$SIGNET" token list --json
pcscd_start
card insert "$tmp/second"
expect 0 sign --output restarted.p7s a.txt
judged 0 a.txt restarted.p7s

passed
