#!/bin/bash
# Is one reader's stack of cards worked through, card by card, with a card that was done already, one that holds keys
# and one of somebody else's refused, and a card whose making was killed begun anew? And is nothing touched by a list
# with mistakes, or without officers to open what is written?
. "${SIGNET_SOURCE:-$(dirname "$0")/../..}/tests/support/lib.sh"
fixtures
export SIGNET_HOME=$tmp/home SOFTHSM2_CONF=$tmp/softhsm2.conf
export ONE_SLOT_FOLDER=$tmp/reader ONE_SLOT_MODULE=$SIGNET_MODULE SIGNET_MODULE=$SIGNET_BUILD/tests/one_slot_module.so
mkdir "$tmp/tokens" "$tmp/reader"
printf '%s\n' "directories.tokendir = $tmp/tokens" "log.level = ERROR" > "$SOFTHSM2_CONF"
cd "$tmp"
for officer in letters safe-1 safe-2; do
    openssl req -x509 -newkey rsa:2048 -nodes -keyout $officer.key -out $officer.pem -subj "/CN=$officer" -days 30 \
        -addext keyUsage=keyEncipherment 2> check || failed "no certificate for $officer: $(cat check)"
done
{
    echo name,email,kind,usage
    for ((i = 1; i <= 5; i++)); do echo "Person $i,p$i@example.org,,"; done
} > staff.csv
sed -i 's/^Person 4,.*/Person 4,p4@example.org,rsa-2048,decrypt/' staff.csv

folders=(--csr-dir csr --letters letters --escrow escrow)
safes=(--escrow-to safe-1.pem --escrow-to safe-2.pem)
provision=("$SIGNET" token provision --csv staff.csv "${folders[@]}" "${safes[@]}" --plain-letters --report report.json
    --report report.csv)

# ---- what is asked for wrongly: nothing is touched -------------------------------------------------------------------

printf 'name,email,phone\nAda,a@example.org,1\n' > bad.csv
expect 65 "$SIGNET" token provision --csv bad.csv "${folders[@]}" "${safes[@]}" --plain-letters
says 'line 1, column 3: "phone" is not a column'
printf 'name,email,kind\n,a@example.org,\nBob,bob,p-257\nBob,b@example.org,\nCyd,b@example.org,\n' > bad.csv
expect 65 "$SIGNET" token provision --csv bad.csv "${folders[@]}" "${safes[@]}" --plain-letters
says "line 2, column 1 (name)"
says "line 3, column 2 (email)"
says "line 3, column 3 (kind)"
says "line 5, column 2 (email): this person is in line 4 already"
says "no token was touched"
expect 65 "$SIGNET" token provision --csv bad.csv "${folders[@]}" "${safes[@]}" --plain-letters --json
json error.code='"malformed"'
expect 64 "$SIGNET" token provision --csv staff.csv "${folders[@]}" "${safes[@]}"
says --officer
expect 64 "$SIGNET" token provision --csv staff.csv "${folders[@]}" "${safes[@]}" --plain-letters --officer letters.pem
expect 64 "$SIGNET" token provision --csv staff.csv "${folders[@]}" --plain-letters --escrow-to safe-1.pem
says "at least two officers"
expect 64 "$SIGNET" token provision --csv staff.csv "${folders[@]}" --plain-letters --escrow-to safe-1.pem \
    --escrow-to safe-1.pem
says "has a key that was given already"
expect 66 "$SIGNET" token provision --csv none.csv "${folders[@]}" "${safes[@]}" --plain-letters
holds test ! -e home/store.db -a -z "$(ls -A tokens)"

# ---- the stack -------------------------------------------------------------------------------------------------------

insert() { echo "$1" > reader/card.new && mv reader/card.new reader/card; }
within() { # SECONDS COMMAND...: until it holds
    local end=$((SECONDS + $1))
    shift
    until "$@" > check 2>&1; do
        [ $SECONDS -lt $end ] || { head -c 2000 said complained >&2; failed "not in time: $*"; }
        sleep 0.05
    done
    checks=$((checks + 1))
}
asked() { grep -c 'Put in the token for' said; }
more_than() { [ "$(asked)" -gt "$1" ]; }
remove() { # and wait until that was noticed
    local before
    before=$(asked) || true
    rm reader/card
    within 60 more_than "$before"
}
start() {
    "${provision[@]}" >> said 2>> complained < /dev/null &
    pid=$!
}
at_exit=stop
stop() { [ -z "${pid:-}" ] || kill -KILL "$pid" 2> "$tmp/check" || true; }
exists() { compgen -G "$1" > check; }

# Somebody else's cards.
insert 6
holds pkcs11-tool --module "$SIGNET_MODULE" --init-token --label other --so-pin 12345678
insert 7
holds pkcs11-tool --module "$SIGNET_MODULE" --init-token --label keys --so-pin 12345678
holds pkcs11-tool --module "$SIGNET_MODULE" --login --login-type so --so-pin 12345678 --init-pin --new-pin 123456
holds pkcs11-tool --module "$SIGNET_MODULE" --login --pin 123456 --keypairgen --key-type EC:prime256v1 --id 07
rm reader/card

: > said
: > complained
start
within 60 grep -q 'Put in the token for Person 1 (1 of 5)' said
insert 1
within 60 grep -q '^1/5  Person 1 <p1@example.org>: token Person 1 (serial CARD-1)' said
within 60 grep -q 'Take the token out' said
expect 75 "${provision[@]}" # one at a time
says "at work here"
for refused in "1:has been made already, for Person 1" "6:is initialised already, and not by this list" "7:holds keys"; do
    remove
    insert "${refused%%:*}"
    within 60 grep -q "CARD-${refused%%:*}) ${refused#*:}" complained
done
remove
holds grep -q 'Put in the token for Person 2 (2 of 5)' said
insert 2
within 60 grep -q '^2/5 ' said

# Killed in the middle: the card that is in the reader is begun anew.
touch reader/hold
insert 3
within 60 exists reader/held
kill -KILL $pid
wait $pid 2> check || true
holds exists 'letters/0003-*.txt'
rejects exists 'csr/0003-*.csr'
rm reader/held
start
within 60 exists 'csr/0003-*.csr'
insert 4
within 60 grep -q '^4/5 ' said
within 60 exists 'csr/0004-*.pub' # it only decrypts, so that it cannot sign a request
insert 5
within 60 grep -q 'All 5 tokens are made' said
status=0
wait $pid || status=$?
pid=
holds test $status = 0

# ---- what was made ---------------------------------------------------------------------------------------------------

holds test "$(stat -c %a letters/*.txt | sort -u)" = 600
holds test "$(find letters -name '*.txt' | wc -l)" = 5
holds grep -q 'plain-letters' complained
/usr/bin/python3 -c 'import json, sys; print(json.dumps(json.load(sys.stdin)))' < report.json > "$tmp/out"
for i in 1 2 3 4 5; do
    json "rows.$((i - 1)).state=\"done\"" "rows.$((i - 1)).token.serial=\"CARD-$i\"" \
        "rows.$((i - 1)).key.custody=\"generated\""
    insert $i
    pin=$(sed -n 's/^PIN: //p' letters/000$i-*.txt)
    holds pkcs11-tool --module "$SIGNET_MODULE" --login --pin "$pin" --list-objects --type privkey
done
holds openssl pkey -pubin -in csr/0004-*.pub -noout
holds openssl req -in csr/0003-*.csr -verify -noout
insert 7 # was not touched
holds pkcs11-tool --module "$SIGNET_MODULE" --login --pin 123456 --list-objects --type privkey
insert 6
holds pkcs11-tool --module "$SIGNET_MODULE" --login --login-type so --so-pin 12345678 --init-pin --new-pin 654321

# ---- cards that come with an SO PIN ----------------------------------------------------------------------------------

printf 'name,email\nZoe,z@example.org\n' > one.csv
printf 12345678 > so-pin
insert 6
expect 0 "$SIGNET" token provision --csv one.csv "${folders[@]}" "${safes[@]}" --officer letters.pem --so-pin-fd 8 \
    --all 8< so-pin
says "All 1 tokens are made."
rejects pkcs11-tool --module "$SIGNET_MODULE" --login --login-type so --so-pin 12345678 --init-pin --new-pin 654321
passed
