#!/bin/bash
# What becomes of a program whose card is pulled, swapped, or held by another program, or whose pcscd begins anew, while
# it runs?
. "${SIGNET_SOURCE:-$(dirname "$0")/../..}/tests/support/lib.sh"
. "$SIGNET_SOURCE/tests/support/card.sh"
fixtures
cd "$tmp"
echo text > a.txt
card_make first 9c:p256:qualified 9a:p256:signer
card_make second 9c:p256:qualified 9a:p256:signer
cp -r first twin
card_start

serial() { # of the card that is in
    local all
    all=$(card get serial)
    echo "${all: -16}"
}
# A program that has half of its PIN: it runs, has listed the card, and waits.
asked_for_pin() { # ARGUMENT...
    rm -f pin-pipe asked.p7s
    mkfifo pin-pipe
    exec 7<> pin-pipe
    "$SIGNET" sign --yes --json --output asked.p7s --pin-fd 7 "$@" a.txt > out 2> err &
    asked=$!
    printf 123 >&7
    until_holds pin_is_taken
}
pin_is_taken() {
    ! read -r -t 0 -u 7
}
goes_on() { # CODE
    local code=0
    echo 456 >&7
    wait "$asked" || code=$?
    exec 7>&-
    [ "$code" = "$1" ] || { cat out err >&2; failed "exit $code instead of $1"; }
    checks=$((checks + 1))
}

# --- pulled while the key was used: after the card made the signature, before its answer came
card insert "$tmp/first"
first=$(serial)
card pull signatures 1
rises wrong 0 expect 69 signet_pin sign --yes --json --output pulled.p7s a.txt
json error.code='"no-token"' error.retry=true
holds test ! -e pulled.p7s

# At the PIN itself, whose answer is lost.
card insert "$tmp/first"
card pull verifies 1
expect 69 signet_pin sign --yes --json --output pulled.p7s a.txt
json error.code='"no-token"' error.retry=true

# --- while the PIN is asked: pulled; swapped; pulled and put back
card insert "$tmp/first"
asked_for_pin
card remove
rises verifies 0 goes_on 69
json error.code='"no-token"' error.retry=true
card insert "$tmp/first"
asked_for_pin
card_swap "$tmp/second"
rises verifies 0 goes_on 69
json error.code='"no-token"'
holds test ! -e asked.p7s
card_swap "$tmp/first"
asked_for_pin
card_swap "$tmp/first"
rises wrong 0 goes_on 69
json error.code='"no-token"' error.retry=true
holds test ! -e asked.p7s

# --- pcscd begins anew while the PIN is asked
asked_for_pin
pcscd_stop
pcscd_start
card insert "$tmp/first"
rises wrong 0 goes_on 69
json error.retry=true
expect 0 signet_pin sign --yes --json --output again.p7s a.txt

# --- a program that goes on: the card goes and comes while it is idle, and so does pcscd
watched() { # WHAT: says the program, asked again and again
    local said end=$((SECONDS + 40))
    until said=$(echo >&"${watch[1]}" && read -r said <&"${watch[0]}" && echo "$said") && [ "$said" = "$1" ]; do
        [ $SECONDS -lt $end ] || failed "the program says $said instead of $1"
        sleep 0.05
    done
    checks=$((checks + 1))
}
for host in "$SIGNET_BUILD/agent/libexec/signet/signet-token-host" ""; do
    coproc watch { "$SIGNET_BUILD/tests/watch_tokens" "$host" "$opensc" 2> watch.err; }
    watching=$watch_PID
    read -r said <&"${watch[0]}"
    holds test "$said" = "$first ."
    card remove
    watched .
    card insert "$tmp/second"
    watched "$(serial) ."
    card_swap "$tmp/first"
    watched "$first ."
    pcscd_stop
    pcscd_start
    watched .
    card insert "$tmp/first"
    watched "$first ."
    eval "exec ${watch[1]}>&-"
    wait "$watching"
done

# --- another program has the card for itself: before the command, and while the PIN is asked
held() { # COMMAND...: while the card is held
    rm -f held
    mkfifo release
    /usr/bin/python3 "$SIGNET_SOURCE/tests/support/hold_card.py" "$tmp/held" < release &
    holder=$!
    exec 6> release
    rm release
    until_holds test -e held
    "$@"
    exec 6>&-
    wait $holder
}
held expect 75 "$SIGNET" token list --json
json error.code='"busy"' error.retry=true
says "Another program keeps the card in the reader"
held expect 75 signet_pin sign --yes --json --output held.p7s a.txt
json error.code='"busy"'
held expect 75 "$SIGNET" token show --json "pkcs11:serial=$first"
json error.code='"busy"'
rises wrong 0 expect 0 signet_pin sign --yes --json --output held.p7s a.txt

# --- two cards with one label: only the serial tells them apart, and a key pinned by it is nobody else's
label=$(sed -n 's/.*"token":{"label":"\([^"]*\)".*/\1/p' out)
uri="pkcs11:serial=$first;id=%01;type=private"
card_swap "$tmp/twin"
holds test "$(serial)" != "$first"
expect 0 signet_pin sign --yes --json --key "pkcs11:token=${label// /%20};id=%01;type=private" --output twin.p7s a.txt
json token.serial="\"$(serial)\""
rises signatures 0 rises verifies 0 expect 69 signet_pin sign --yes --json --key "$uri" --output pinned.p7s a.txt
json error.code='"no-token"'
card_swap "$tmp/first"
expect 0 signet_pin sign --yes --json --key "$uri" --output pinned.p7s a.txt
json token.serial="\"$first\""

passed
