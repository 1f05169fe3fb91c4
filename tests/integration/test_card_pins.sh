#!/bin/bash
# Do many programs at once spend at most one try of a card's PIN on a wrong one, by the card's own count, and none of
# them the last without consent?
. "${SIGNET_SOURCE:-$(dirname "$0")/../..}/tests/support/lib.sh"
. "$SIGNET_SOURCE/tests/support/card.sh"
fixtures
cd "$tmp"
echo text > a.txt
printf 111111 > wrong
cp "$SOFTHSM_PIN_FILE" right
card_make card 9a:p256:signer
card_start
card insert "$tmp/card"
card delay 5

# Eight programs at once, each with one of these PINs; how each ended is in codes, what it said in said.N.
at_once() { # PIN-FILE[,PIN-FILE...] [ARGUMENT...]
    local pins n running=()
    IFS=, read -r -a pins <<< "$1"
    shift
    rm -f said.* out.*.p7s
    for n in {0..7}; do
        "$SIGNET" sign --yes --json "$@" --output "out.$n.p7s" --pin-fd 8 a.txt 8< "${pins[n % ${#pins[@]}]}" > "said.$n" 2>&1 &
        running+=($!)
    done
    : > codes
    for n in {0..7}; do
        wait "${running[n]}" && echo 0 >> codes || echo $? >> codes
    done
}
# Of the eight, so many said this.
count_said() { # COUNT WHAT
    local count
    count=$(cat said.* | grep -cF "\"$2\"" || true)
    [ "$count" = "$1" ] || { cat said.* >&2; failed "$count of the programs said $2, not $1"; }
    checks=$((checks + 1))
}

# --- eight wrong PINs: one is sent
rises verifies 1 rises wrong 1 at_once wrong
holds test "$(card get pin-tries)" = 2
holds test "$(sort -u codes)" = 77
count_said 1 pin-incorrect
count_said 7 pin-interlock
holds test -z "$(find . -name 'out.*.p7s')"

# Nor is one sent later, right or wrong, until somebody has cleared it.
rises verifies 0 at_once wrong,right
count_said 8 pin-interlock

# --- wrong and right ones mixed: at most one wrong one is sent, and the right ones until then are good
clear_interlock
before=$(card get wrong)
at_once right,wrong
spent=$(($(card get wrong) - before))
holds test "$spent" -le 1
count_said "$spent" pin-incorrect
holds test "$(find . -name 'out.*.p7s' | wc -l)" = "$(grep -cx 0 codes || true)"
holds test "$(($(grep -cx 0 codes || true) + $(grep -cx 77 codes || true)))" = 8

# --- one try left: eight wrong ones without consent, and eight with it
clear_interlock
while [ "$(card get pin-tries)" -gt 1 ]; do
    expect 77 "$SIGNET" token show --json --pin-fd 8 8< wrong
    clear_interlock
done
rises verifies 0 at_once wrong
holds test "$(card get pin-tries)" = 1
count_said 8 pin-final-try
rises verifies 0 at_once right,wrong
count_said 8 pin-final-try
rises verifies 1 rises wrong 1 at_once wrong --use-last-try
holds test "$(card get pin-tries)" = 0
count_said 8 pin-locked

passed
