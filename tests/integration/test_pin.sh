#!/bin/bash
# PINs: where they come from, what a wrong one stops, and that the last try is not ours to spend.
. "${SIGNET_SOURCE:-$(dirname "$0")/../..}/tests/support/lib.sh"
fixtures
cd "$tmp"
echo text > a.txt
token=pkcs11:token=Signet%20Test
key="$token;id=%03"
right=$(cat "$SOFTHSM_PIN_FILE")
export SIGNET_MODULE=$SIGNET_BUILD/tests/spy_module.so SPY_FOLDER=$tmp/spy
mkdir "$SPY_FOLDER"

sign() { # PIN OPTION...
    local pin=$1
    shift
    "$SIGNET" sign --yes --force --key "$key" a.txt --pin-fd 9 "$@" 9< <(printf %s "$pin")
}
terminal() { # STEP... -- COMMAND...
    /usr/bin/python3 "$SIGNET_SOURCE/tests/support/terminal.py" "$@"
}
by_hand() { # COMMAND...: with no terminal
    setsid --wait "$@"
}
logins() {
    cat "$SPY_FOLDER/logins" 2> "$tmp/check" | wc -l
}
reached() { # COUNT: so many PINs were given to the token since the last time
    holds test "$(logins)" = "$1"
    rm -f "$SPY_FOLDER/logins"
}
flags() { # HEX: what the token says of its PINs besides
    echo "$1" > "$SPY_FOLDER/flags"
}

# --- the interlock

# A wrong PIN, then the right one by the same way: not sent, until the cause is said to be found.
expect 0 sign "$right"
reached 1
expect 77 sign 0000
says "[pin-incorrect]"
expect 77 sign "$right" --json
json error.code='"pin-interlock"' error.retry=false
expect 77 "$SIGNET" token show "$token" --pin-fd 9 9< "$SOFTHSM_PIN_FILE"
says "[pin-interlock]"
says "signet token pin --clear"
reached 1
expect 0 "$SIGNET" token pin "$token" --clear --json
json schema='"signet.token-pin/1"' done='"cleared"'
expect 0 sign "$right"
reached 1

# It lives in the runtime folder, whichever state is in use, and has nothing of a PIN in it.
expect 77 sign 31415926
expect 77 env SIGNET_HOME="$tmp/elsewhere" "$SIGNET" token show "$token" --pin-fd 9 9< "$SOFTHSM_PIN_FILE"
says "[pin-interlock]"
holds test "$(stat -c %a "$XDG_RUNTIME_DIR/signet")" = 700
rejects grep -rq 31415926 "$XDG_RUNTIME_DIR/signet" "$tmp/home"
rejects grep -qv '^refused [0-9]* cleared [0-9]* at [0-9]* by [0-9]*$' "$XDG_RUNTIME_DIR"/signet/serial=*
reached 1

# A folder that others can write to, or that is somebody else's, is not trusted: nothing is sent.
chmod 777 "$XDG_RUNTIME_DIR/signet"
expect 73 sign "$right"
says "$XDG_RUNTIME_DIR/signet"
reached 0
chmod 700 "$XDG_RUNTIME_DIR/signet"

# A person may try again; the right one sets all free.
expect 0 terminal "see PIN of" "type $right" -- "$SIGNET" sign --yes --force --key "$key" a.txt
expect 0 sign "$right"
reached 2

# Eight at once with a wrong PIN: one reaches the token. (A busy machine may take its time for eight modules.)
printf '[token]\ntimeout = 120s\n' > "$SIGNET_HOME/signet.conf"
# They have all looked at the token before the first one gets its PIN: SoftHSM gives a general error to one who reads its
# file while another, who logs in, writes it.
waits_for_pin() { # PID: reads descriptor 9, or has ended
    [ ! -e "/proc/$1" ] || grep -q '^0 0x9 ' "/proc/$1/syscall"
}
eight_at_once() {
    local i pids=()
    rm -f begin
    for i in 1 2 3 4 5 6 7 8; do
        echo "$i" > "p$i"
        { exec "$SIGNET" sign --yes --key "$key" "p$i" --pin-fd 9 9< <(until [ -e begin ]; do sleep 0.05; done; echo 0000) > "p$i.out" 2>&1; } &
        pids+=($!)
    done
    for i in "${pids[@]}"; do
        for _ in {1..1200}; do ! waits_for_pin "$i" 2> "$tmp/check" || break; sleep 0.05; done
    done
    touch begin
    for i in 1 2 3 4 5 6 7 8; do
        wait "${pids[i - 1]}" || echo "exit $?" >> "p$i.out"
    done
}
# And should one be late all the same: then once more.
for round in 1 2 3 4 5 6 7 8 9 10; do
    eight_at_once
    grep -q CKR_GENERAL_ERROR p?.out || break
    test "$(logins)" -le 1 || failed "a wrong PIN was sent more than once"
    expect 0 terminal "see PIN of" "type $right" -- "$SIGNET" sign --yes --force --key "$key" a.txt
    rm -f "$SPY_FOLDER/logins"
done
test "$round" -lt 10 || failed "SoftHSM never let eight look at its token at once"
reached 1
holds test "$(cat p?.out | grep -c '^exit 77$')" = 8
holds test "$(cat p?.out | grep -cF '[pin-incorrect]')" = 1
holds test "$(cat p?.out | grep -cF '[pin-interlock]')" = 7
# Eight who were asked at the same time: they all wait at the prompt before the first one types.
for i in 1 2 3 4 5 6 7 8; do
    { terminal "see PIN of" "touch asked$i" "wait go" "type 1111" "see PIN of" "key 03" -- \
        "$SIGNET" sign --yes --key "$key" "p$i" > "p$i.out" 2>&1 || true; } &
done
# shellcheck disable=SC2016
holds timeout 300 bash -c 'until [ "$(ls asked? | wc -l)" = 8 ]; do sleep 0.05; done'
touch go
wait
reached 1
holds test "$(cat p?.out | grep -cF 'That was wrong')" = 1
holds test "$(cat p?.out | grep -cF 'Another program gave the token a wrong PIN')" = 7
rm "$SIGNET_HOME/signet.conf"
expect 0 "$SIGNET" token pin "$token" --clear

# --- a person who mistypes

expect 0 terminal "see PIN of" "type no-pin" "see That was wrong" "see PIN of" "type no-pin" "see not sent again" "see PIN of" "type $right" -- \
    "$SIGNET" sign --yes --force --key "$key" a.txt
reached 2
rejects grep -qE "no-pin|$right" "$tmp/out" # (no digits: a serial number may have the same)
# One who gives up.
expect 130 terminal "see PIN of" "type 0000" "see That was wrong" "see PIN of" "key 03" -- "$SIGNET" sign --yes --force --key "$key" a.txt
reached 1
expect 0 "$SIGNET" token pin "$token" --clear

# --- few tries, the last one, none

flags 10000
expect 0 "$SIGNET" token list
says "[pin-count-low]"
expect 0 sign "$right"
says "[pin-count-low]"
expect 0 sign "$right" --json
json warnings.0.code='"pin-count-low"'
reached 2
flags 20000
expect 77 sign "$right" --json
json error.code='"pin-final-try"' error.tries_left=1
expect 77 by_hand "$SIGNET" sign --yes --force --key "$key" a.txt
says "--use-last-try"
reached 0
expect 0 sign "$right" --use-last-try
reached 1
# On a terminal, words are wanted that name the risk, not just Enter or y.
for answer in "" y "use it" "$right"; do
    expect 77 terminal "see it locks" "type $answer" -- "$SIGNET" sign --yes --force --key "$key" a.txt
    says "[not-confirmed]"
done
reached 0
expect 0 terminal "see it locks" "type use the last try" "see PIN of" "type $right" -- "$SIGNET" sign --yes --force --key "$key" a.txt
reached 1
# After a wrong PIN, consent to the last try does not let a PIN go that nobody typed.
flags 0
expect 77 sign 0000
flags 20000
expect 77 sign "$right" --use-last-try
says "[pin-interlock]"
flags 40000
expect 77 sign "$right" --use-last-try --json
json error.code='"pin-locked"' error.tries_left=0
expect 77 sign "$right" --use-last-try
says "signet token unblock"
reached 1
flags 0
expect 0 "$SIGNET" token pin "$token" --clear

# --- a PIN for the first use only

flags 80000
expect 77 sign "$right" --json
json error.code='"pin-to-be-changed"'
expect 77 sign "$right"
says "signet token pin"
reached 0
expect 0 "$SIGNET" token pin "$token" --pin-fd 9 9< <(printf '%s\n%s\n' "$right" 246810)
flags 0
expect 0 sign 246810
expect 77 sign ""
says "[pin-required]"
rm -f "$SPY_FOLDER/logins"

# --- where it comes from

# The URI's pin-source: a file of the user's alone, or a pipe.
printf 246810 > pin
chmod 600 pin
for source in "$tmp/pin" "file:$tmp/pin" "file://$tmp/pin"; do
    expect 0 "$SIGNET" sign --yes --force --key "$key?pin-source=$source" a.txt
done
expect 0 "$SIGNET" sign --yes --force --key "$key?pin-source=/dev/fd/9" a.txt 9< <(cat pin)
reached 4
# --pin-fd comes first.
expect 77 "$SIGNET" sign --yes --force --key "$key?pin-source=$tmp/pin" --pin-fd 9 a.txt 9< <(echo 0000)
says "[pin-incorrect]"
expect 77 "$SIGNET" sign --yes --force --key "$key?pin-source=$tmp/pin" a.txt
says "[pin-interlock]"
reached 1
expect 0 "$SIGNET" token pin "$token" --clear
for mode in 640 604 620; do
    chmod $mode pin
    expect 77 "$SIGNET" sign --yes --force --key "$key?pin-source=$tmp/pin" a.txt
    says "[policy]"
done
expect 77 "$SIGNET" sign --yes --force --key "$key?pin-source=/dev/null" a.txt
expect 66 "$SIGNET" sign --yes --force --key "$key?pin-source=$tmp/missing" a.txt
for source in "%7Ccat%20$tmp/pin" pin "file:pin" "file://host/pin" "http://host/pin"; do
    expect 64 "$SIGNET" sign --yes --force --key "$key?pin-source=$source" a.txt
done
expect 64 "$SIGNET" sign --yes --force --key "$key?pin-value=246810" a.txt
rejects grep -q 246810 "$tmp/err"
reached 0

# pinentry, where there is no terminal but GPG_TTY.
printf '[token]\npinentry = pinentry-tty\n' > "$SIGNET_HOME/signet.conf"
expect 0 terminal --dialogue "see PIN" "type 0000" "see That was wrong" "see PIN" "type 246810" -- "$SIGNET" sign --yes --force --key "$key" a.txt
reached 2
printf '[token]\npinentry = pinentry-curses\n' > "$SIGNET_HOME/signet.conf"
expect 0 terminal --dialogue "see PIN of" "see PIN:" "key 3234363831300d" -- "$SIGNET" sign --yes --force --key "$key" a.txt
expect 75 terminal --dialogue "see PIN of" "see Cancel" "key 09090d" -- "$SIGNET" sign --yes --force --key "$key" a.txt
says "[cancelled]"
reached 1
printf '[token]\npinentry = no-such-pinentry\n' > "$SIGNET_HOME/signet.conf"
expect 77 terminal --dialogue -- "$SIGNET" sign --yes --force --key "$key" a.txt
says "no-such-pinentry"
printf '[token]\npinentry =\n' > "$SIGNET_HOME/signet.conf"
expect 77 terminal --dialogue -- "$SIGNET" sign --yes --force --key "$key" a.txt
says "--pin-fd"
reached 0
rm "$SIGNET_HOME/signet.conf"

# --- changing, unblocking, initialising

expect 0 terminal "see Present PIN" "type 246810" "see New PIN" "type 135791" "see once more" "type 135792" "see not the same" \
    "see New PIN" "type 135791" "see once more" "type 135791" "see is changed" -- "$SIGNET" token pin "$token"
rejects grep -qE "246810|13579[12]" "$tmp/out"
expect 0 sign 135791
# The wrong old one is asked for again, the new one is not.
expect 0 terminal "see Present PIN" "type 0000" "see New PIN" "type 246810" "see once more" "type 246810" "see That was wrong" \
    "see Present PIN" "type 135791" "see is changed" -- "$SIGNET" token pin "$token"
expect 0 sign 246810
expect 77 "$SIGNET" token pin "$token" --pin-fd 9 9< <(printf '246810\n246810\n')
says "[policy]"
expect 77 "$SIGNET" token pin "$token" --pin-fd 9 9< <(printf '246810\n12\n')
says "[policy]"
expect 77 "$SIGNET" token pin "$token" --pin-fd 9 9< <(printf '246810\n')
says "[pin-required]"
expect 0 sign 246810

so_pin=$(cat "$SIGNET_FIXTURES/so-pin")
expect 77 "$SIGNET" token unblock "$token" --so-pin-fd 8 --pin-fd 9 8< <(echo 00000000) 9< <(echo 975310)
says "[pin-incorrect]"
expect 77 "$SIGNET" token unblock "$token" --so-pin-fd 8 --pin-fd 9 8< <(echo "$so_pin") 9< <(echo 975310)
says "[pin-interlock]"
expect 0 sign 246810 # the user's is another
expect 0 "$SIGNET" token pin "$token" --clear
expect 77 sign 0000
expect 0 "$SIGNET" token unblock "$token" --json --so-pin-fd 8 --pin-fd 9 8< <(echo "$so_pin") 9< <(echo 975310)
json done='"unblocked"' token.label='"Signet Test"'
expect 0 sign 975310 # which cleared the user's, too

expect 64 "$SIGNET" token init
expect 64 "$SIGNET" token init --label "a label that is longer than 32 bytes"
expect 77 "$SIGNET" token init --label "New" --so-pin-fd 8 --pin-fd 9 8< <(echo 12) 9< <(echo 111222)
says "[policy]"
expect 0 "$SIGNET" token init --label "New" --json --so-pin-fd 8 --pin-fd 9 8< <(echo 12345678) 9< <(echo 111222)
json schema='"signet.token-init/1"' token.label='"New"'
expect 0 "$SIGNET" token pin pkcs11:token=New --pin-fd 9 9< <(printf '111222\n111333\n')
expect 77 by_hand "$SIGNET" token init pkcs11:token=New --label "Newer" --so-pin-fd 8 --pin-fd 9 8< <(echo 12345678) 9< <(echo 111222)
says "[not-confirmed]"
expect 77 terminal "see will be lost" "see type the token" "type Newer" -- "$SIGNET" token init pkcs11:token=New --label "Newer"
says "[not-confirmed]"
expect 0 "$SIGNET" token pin pkcs11:token=New --pin-fd 9 9< <(printf '111333\n111222\n')
expect 0 terminal "see will be lost" "see type the token" "type New" "see present SO PIN" "type 12345678" "see first PIN" "type 333444" \
    "see once more" "type 333444" "see is initialised" -- "$SIGNET" token init pkcs11:token=New --label "Newer"
expect 0 "$SIGNET" token pin pkcs11:token=Newer --pin-fd 9 9< <(printf '333444\n444555\n')
expect 0 "$SIGNET" token init pkcs11:token=Newer --label "Newest" --yes --so-pin-fd 8 --pin-fd 9 8< <(echo 12345678) 9< <(echo 555666)

passed
