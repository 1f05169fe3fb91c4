#!/bin/bash
# Does a batch with a key that wants the PIN for each signature ask the person once and the card as often as it demands,
# and leave whole files or none when the card is pulled?
. "${SIGNET_SOURCE:-$(dirname "$0")/../..}/tests/support/lib.sh"
. "$SIGNET_SOURCE/tests/support/card.sh"
fixtures
cd "$tmp"
ca=$SIGNET_FIXTURES/ca
files=50
mkdir in
for ((i = 0; i < files; i++)); do
    echo "page $i" > "in/$i"
done
card_make card 9c:p256:qualified
card_start
card insert "$tmp/card"

terminal() { # STEP... -- COMMAND...
    /usr/bin/python3 "$SIGNET_SOURCE/tests/support/terminal.py" "$@"
}
all_good() { # SIGNATURE...
    expect 0 "$SIGNET" verify --json --anchor "$ca/root.pem" --intermediate "$ca/issuing.pem" --crl "$ca/root.crl" \
        --crl "$ca/issuing.crl" "$@"
    holds test "$(grep -c TOTAL-PASSED out)" = $#
}

# --- one question, one VERIFY for the login and one for each signature
rises wrong 0 rises signatures $files rises verifies $((files + 1)) expect 0 terminal "see PIN of" \
    "type $(cat "$SOFTHSM_PIN_FILE")" -- "$SIGNET" sign --yes in/*
holds test "$(grep -o 'PIN of' out | wc -l)" = 1
all_good in/*.p7s
rm in/*.p7s

# --- pulled in the middle: the card made so many, and its last answer was lost
card pull signatures 20
rises signatures 20 expect 69 signet_pin sign --yes --json in/*
json error.code='"no-token"' error.retry=true
holds test "$(card state)" = empty
mapfile -t made < <(find in -name '*.p7s')
holds test "${#made[@]}" -le 19
[ "${#made[@]}" = 0 ] || all_good "${made[@]}"
holds test "$(find in -type f | wc -l)" = $((files + ${#made[@]}))

# The rest in a second run, which signs nothing twice.
card insert "$tmp/card"
mapfile -t rest < <(for ((i = 0; i < files; i++)); do [ -e "in/$i.p7s" ] || echo "in/$i"; done)
rises signatures ${#rest[@]} rises verifies $((${#rest[@]} + 1)) expect 0 signet_pin sign --yes "${rest[@]}"
all_good in/*.p7s
holds test "$(find in -name '*.p7s' | wc -l)" = $files

passed
