#!/bin/bash
# Is a card read once, and shown from what is kept while it stays in; and is nothing kept believed once a card came or
# went, pcscd began anew, a PIN was refused, or somebody touched the file?
. "${SIGNET_SOURCE:-$(dirname "$0")/../..}/tests/support/lib.sh"
. "$SIGNET_SOURCE/tests/support/card.sh"
fixtures
cd "$tmp"
runtime=$XDG_RUNTIME_DIR/signet
printf 111111 > wrong
card_make first 9c:p256:qualified
card_make second 9a:p256:signer
card_start
card insert "$tmp/first"

serial() { # of the card that is in
    local all
    all=$(card get serial)
    echo "${all: -16}"
}
# The card is read, or it is not: what is shown is the same.
read_anew() { # COMMAND...
    local before rise
    before=$(card get apdus)
    "$@"
    rise=$(($(card get apdus) - before))
    [ "$rise" -gt 10 ] || failed "the card was asked $rise times only: $*"
    checks=$((checks + 1))
}
read_not() { # COMMAND...
    rises apdus 0 "$@"
}
list() {
    expect 0 "$SIGNET" token list --json
    json serial="\"$(serial)\"" "$@"
}
kept() {
    find "$runtime" -name 'cards.*'
}

# --- the second time, nothing is asked of the card
read_anew list pin_as_of=null 'pin="ok"'
holds test "$(stat -c %a "$(kept)")" = 600
read_not list 'pin="ok"'
json schema='"signet.token-list/1"'
rejects grep -q '"pin_as_of": *null' out
expect 0 "$SIGNET" token list --verbose
says "as of 20"
says "was not asked: no card came or went"
read_anew expect 0 "$SIGNET" token show
mv out shown
read_not expect 0 "$SIGNET" token show
holds diff <(sed 's/, as of .*//' shown) <(sed 's/, as of .*//' out)
read_not expect 0 "$SIGNET" token show --json
json keys.0.certificate.subject='"CN=first 9c,O=Signet Test"'
read_not expect 0 "$SIGNET" token show "pkcs11:serial=$(serial);id=%02"
says "CN=first 9c"
read_not expect 69 "$SIGNET" token show "pkcs11:serial=$(serial);id=%09"

# --- who wants it anew gets it, and what decides is asked of the card
read_anew expect 0 "$SIGNET" token list --fresh --json
json pin_as_of=null
read_not list
rises signatures 1 expect 0 signet_pin sign --yes --output a.p7s wrong
read_anew expect 0 signet_pin token show --json
json 'keys.0.custody="reported"'

# --- wrong PINs, and the right one after them
read_not list 'pin="ok"'
for wrong in 1 2; do
    expect 77 "$SIGNET" sign --yes --output b.p7s --pin-fd 8 wrong 8< wrong
    clear_interlock
    read_anew list pin_as_of=null
done
read_not list 'pin="final-try"'
expect 0 signet_pin sign --yes --use-last-try --output b.p7s wrong
read_anew list 'pin="ok"'

# --- another card, the same card again, the same card with another certificate
read_not list
card_swap "$tmp/second"
read_anew list
read_not list
card_swap "$tmp/first"
read_anew list
expect 0 "$SIGNET" token show
read_not expect 0 "$SIGNET" token show
openssl pkey -in first/9c.key -pubout -out card.pub
certificate_for card.pub "renewed 9c" qualified first/9c.pem
card_swap "$tmp/first"
expect 0 "$SIGNET" token show
says "CN=renewed 9c"
card remove
expect 69 "$SIGNET" token list
card insert "$tmp/first"
read_anew list

# --- the daemon of the readers begins anew, and counts from the beginning
read_not list
pcscd_stop
expect 69 "$SIGNET" token list
pcscd_start
card insert "$tmp/second"
read_anew list
read_not list

# --- a module that is another one
cp "$opensc" own.so
expect 0 "$SIGNET" token list --module "$tmp/own.so"
read_not expect 0 "$SIGNET" token list --module "$tmp/own.so"
cp "$opensc" other.so
mv other.so own.so
read_anew expect 0 "$SIGNET" token list --module "$tmp/own.so"
rm own.so "$(find "$runtime" -name 'cards.*' -newer wrong | sed -n 1p)"

# --- a file that is damaged, somebody else's, a link, or open to others
card_swap "$tmp/second"
read_anew list
file=$(ls -t "$runtime"/cards.* | sed -n 1p)
cp "$file" good
for at in 0 31 40 100 -1; do
    tamper good "$file" "$at"
    read_anew list pin_as_of=null
    read_not list
done
head -c 100 good > "$file"
read_anew list pin_as_of=null
: > "$file"
read_anew list pin_as_of=null
cp "$file" good
ln -sf "$tmp/good" "$file"
read_anew list pin_as_of=null
holds test ! -L "$file"
chmod 640 "$file"
read_anew list pin_as_of=null
ln "$file" "$runtime/second-name"
read_anew list pin_as_of=null
if [ "$(id -u)" = 0 ]; then
    chown 65534 "$file"
    read_anew list pin_as_of=null
fi
mkfifo "$runtime/fifo"
mv "$runtime/fifo" "$file"
read_anew list pin_as_of=null
chmod 755 "$runtime"
read_anew list pin_as_of=null
read_anew list pin_as_of=null
chmod 700 "$runtime"

# --- in process, nothing is kept
read_anew env SIGNET_TOKEN_ISOLATION=none "$SIGNET" token list > out

passed
