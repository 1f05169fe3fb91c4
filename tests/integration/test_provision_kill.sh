#!/bin/bash
# Are 60 persons left with 60 good tokens, and with PIN letters and escrows that open for the right officers alone, when
# `token provision` is killed at 20 random moments and run again each time? SIGNET_SEED chooses the moments.
. "${SIGNET_SOURCE:-$(dirname "$0")/../..}/tests/support/lib.sh"
persons=${SIGNET_PERSONS:-60} kills=${SIGNET_KILLS:-20} seed=${SIGNET_SEED:-$RANDOM}
echo "SIGNET_SEED=$seed"
RANDOM=$seed
fixtures
export SIGNET_HOME=$tmp/home SOFTHSM2_CONF=$tmp/softhsm2.conf
mkdir "$tmp/tokens"
printf '%s\n' "directories.tokendir = $tmp/tokens" "log.level = ERROR" > "$SOFTHSM2_CONF"
cd "$tmp"

for officer in letters safe-1 safe-2; do
    openssl req -x509 -newkey rsa:2048 -nodes -keyout $officer.key -out $officer.pem -subj "/CN=$officer" -days 30 \
        -addext keyUsage=keyEncipherment 2> check || failed "no certificate for $officer: $(cat check)"
done
{
    echo name,email
    for ((i = 1; i <= persons; i++)); do echo "Person $i,p$i@example.org"; done
} > staff.csv

provision=("$SIGNET" token provision --all --csv staff.csv --csr-dir csr --letters letters --officer letters.pem
    --escrow escrow --escrow-to safe-1.pem --escrow-to safe-2.pem --report report.csv --report report.json)

# ---- killed, and run again -----------------------------------------------------------------------------------------

killed=0
made() { ls tokens | wc -l; }
for ((i = 1; i <= kills; i++)); do
    wanted=$(($(made) + RANDOM % 2))
    "${provision[@]}" > out 2> err < /dev/null &
    # A moment in the making of the next token or the one after it, however fast the machine is.
    while [ "$(made)" -lt "$wanted" ] && kill -0 $! 2> check; do sleep 0.01; done
    sleep 0.0$((RANDOM % 4))$((RANDOM % 10))
    if kill -KILL $! 2> check; then killed=$((killed + 1)); fi
    wait $! 2> check || true
done
expect 0 "${provision[@]}"
says "All $persons tokens are made."
expect 0 "${provision[@]}" --json # and nothing more is made by another run
holds test ! -s out
echo "killed $killed times; $(ls tokens | wc -l) tokens"
holds test "$killed" = "$kills"

# ---- every one of them ---------------------------------------------------------------------------------------------

on_token() { # SLOT ARGUMENT...
    local slot=$1
    shift
    pkcs11-tool --module "$SIGNET_MODULE" --slot "$slot" "$@"
}
opens() { # KEY FILE: what is in it, to stdout
    openssl cms -decrypt -inform DER -in "$2" -inkey "$1.key" -recip "$1.pem"
}

holds test "$(grep -c ',done,' report.csv)" = "$persons"
holds test "$(cut -d, -f9 report.csv | sort -u | wc -l)" = $((persons + 1))  # serials
holds test "$(cut -d, -f11 report.csv | sort -u | wc -l)" = $((persons + 1)) # keys
for kind in csr letters escrow; do # and nothing is left over that looks as if it counted
    holds test "$(find $kind -type f ! -name '*.void' | wc -l)" = "$persons"
done
while IFS=, read -r row name email _ label _ _ _ serial _ spki _; do
    [ "$row" != row ] || continue
    slot=$((16#${serial: -8} & 0x7fffffff)) # as SoftHSM numbers them
    base=$(printf '%04d-%s-%s' "$row" "${email/@/_}" "$serial")
    opens letters "letters/$base.letter.p7m" > letter || failed "the letter of $email does not open"
    holds grep -qxF "For:    $name <$email>" letter
    holds grep -qxF "Serial: $serial" letter
    pin=$(sed -n 's/^PIN: //p' letter)
    on_token $slot --login --pin "$pin" --list-objects --type privkey > objects 2>&1 || failed "$email: $(cat objects)"
    holds grep -q 'Usage: *sign$' objects
    holds grep -q 'Access: *sensitive, always sensitive, never extractable, local' objects
    holds test "$(grep -c 'Private Key Object' objects)" = 1
    holds openssl req -in "csr/$base.csr" -verify -noout
    openssl req -in "csr/$base.csr" -pubkey -noout | openssl pkey -pubin -outform DER > request.spki
    holds on_token $slot --read-object --type pubkey --id 01 --output-file token.spki
    holds cmp request.spki token.spki
    holds test "$(sha256sum < token.spki)" = "$spki  -"
    openssl req -in "csr/$base.csr" -text -noout > request
    holds grep -q "Subject: CN = $name" request
    holds grep -q "email:$email" request
    for officer in safe-1 safe-2; do
        opens $officer "escrow/$base.escrow.p7m" > escrow-$officer || failed "the escrow of $email does not open"
        holds grep -qF "\"serial\":\"$serial\"" escrow-$officer
    done
    holds cmp escrow-safe-1 escrow-safe-2
done < <(tr -d '\r' < report.csv)

# ---- and only for who may ------------------------------------------------------------------------------------------

rejects opens safe-1 "letters/$base.letter.p7m"
rejects opens letters "escrow/$base.escrow.p7m"
holds test "$(stat -c %a "letters/$base.letter.p7m" "escrow/$base.escrow.p7m" | sort -u)" = 600
so_pin=$(sed 's/.*"so_pin":"\([0-9]*\)".*/\1/' escrow-safe-1)
rejects on_token $slot --login --login-type so --so-pin "${so_pin%?}" --init-pin --new-pin 24681357
holds on_token $slot --login --login-type so --so-pin "$so_pin" --init-pin --new-pin 24681357
rejects on_token $slot --login --pin "$pin" --list-objects
holds on_token $slot --login --pin 24681357 --list-objects
! grep -rqF -e "$pin" -e "$so_pin" home report.csv report.json out err || failed "a PIN is in a file"
passed
