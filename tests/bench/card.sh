#!/bin/bash
# For run.sh: how long the first and the second `signet token list` on the simulated card take at 100 ms an APDU. Prints
# both in seconds.
. "${SIGNET_SOURCE:-$(dirname "$0")/../..}/tests/support/lib.sh"
. "$SIGNET_SOURCE/tests/support/card.sh"
fixtures
cd "$tmp"
card_make card 9a:rsa2048:signer 9c:rsa2048:qualified 9d:rsa2048:encryption 9e:p256:signer
card_start
card insert "$tmp/card"
card delay 100

for turn in first second; do
    "$SIGNET_TIMER" "$tmp/time" "$SIGNET" token list > "$tmp/$turn" || failed "$turn list"
    cut -d' ' -f1 "$tmp/time"
done
