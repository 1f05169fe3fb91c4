#!/bin/bash
# Does `signet sign` make what it says, and does bad input get what it should, with nothing partial left behind?
. "${SIGNET_SOURCE:-$(dirname "$0")/../..}/tests/support/lib.sh"
fixtures
cd "$tmp"
main="pkcs11:token=Signet%20Test" odd="pkcs11:token=Signet%20Odd"
ca=$SIGNET_FIXTURES/ca

# An independent judge.
openssl_accepts() { # SIGNATURE [CONTENT]
    holds openssl cms -verify -cades -binary -inform DER -in "$1" ${2:+-content "$2"} -CAfile "$ca/chain.pem" \
        -purpose any -out "$tmp/content"
}

# Nothing of ours is in the folder but these names.
only() { # NAME...
    holds diff <(printf '%s\n' "$@" | sort) <(ls -A)
}

# What the store has in the last row of a table.
recorded() { # TABLE COLUMN
    /usr/bin/python3 -c 'import sqlite3, sys
print(sqlite3.connect(sys.argv[1]).execute(f"SELECT {sys.argv[3]} FROM {sys.argv[2]} ORDER BY rowid DESC LIMIT 1").fetchone()[0])' \
        "$SIGNET_HOME/store.db" "$1" "$2"
}

mkdir work && cd work
echo "one" > a.txt

# --- a signature, detached and attached, by the one key with nonRepudiation
expect 0 signet_pin sign a.txt
says "a.txt.p7s"
says "CN=Signer rsa2048"
says "not time-stamped yet"
openssl_accepts a.txt.p7s a.txt
expect 0 signet_pin sign --attached --json a.txt
json file='"a.txt"' output='"a.txt.p7m"' attached=true level='"B-B"' custody='"reported"' warnings='[]' \
    digest.algorithm='"sha256"' digest.value="\"$(sha256sum a.txt | cut -c1-64)\""
openssl_accepts a.txt.p7m
holds cmp a.txt "$tmp/content"
only a.txt a.txt.p7s a.txt.p7m

# --- every kind of key
for id in 02 03 04 05; do
    expect 0 signet_pin sign --key "$main;id=%$id" --output "key$id.p7s" a.txt
    openssl_accepts "key$id.p7s" a.txt
done
expect 0 signet_pin sign --key "pkcs11:token=Signet%20Ed25519" --output ed.p7s a.txt
rm -f ./*.p7?

# --- never overwritten, never the input
expect 0 signet_pin sign a.txt
before=$(stat -c %i a.txt.p7s)
expect 73 signet_pin sign a.txt
says "[output-exists]"
holds test "$before" = "$(stat -c %i a.txt.p7s)"
expect 0 signet_pin sign --force a.txt
holds test "$before" != "$(stat -c %i a.txt.p7s)"
expect 64 signet_pin sign --force --output a.txt a.txt
expect 64 signet_pin sign --force a.txt a.txt.p7s
expect 64 signet_pin sign a.txt ./a.txt
expect 64 signet_pin sign --output x --output-dir . a.txt
expect 64 signet_pin sign --output x a.txt a.txt.p7s
holds grep -qx one a.txt

# --- places: a folder, stdin and stdout, a pipe, a signature of a signature
mkdir out
expect 0 signet_pin sign --output-dir out a.txt a.txt.p7s
openssl_accepts out/a.txt.p7s a.txt
openssl_accepts out/a.txt.p7s.p7s a.txt.p7s
stdin=a.txt expect 0 signet_pin sign -
cp "$tmp/out" std.p7s
openssl_accepts std.p7s a.txt
expect 64 signet_pin sign --json --output - a.txt
stdin=a.txt expect 64 signet_pin sign --output-dir out -
expect 0 signet_pin sign --output pipe.p7s <(cat a.txt)
openssl_accepts pipe.p7s a.txt
rm -r out ./*.p7s

# --- input that is not there does not keep the others from being signed
mkdir folder
: > empty
echo secret > unreadable && chmod 000 unreadable
expect 66 signet_pin sign missing folder a.txt empty
says "[not-found]"
says "[is-folder]"
says "[empty-file]"
says "2 signed, 2 failed, 0 not begun"
openssl_accepts a.txt.p7s a.txt
openssl_accepts empty.p7s empty
expect 0 signet_pin sign --force --json empty
json warnings.0.code='"empty-file"'
if ! cat unreadable > "$tmp/out" 2>&1; then
    expect 66 signet_pin sign unreadable
    says "[not-readable]"
fi
rm -rf folder empty unreadable ./*.p7s

# --- names that would write to the terminal do not
name=$'a\e[2J\nb'
cp a.txt "$name"
expect 0 signet_pin sign "$name"
cp "$tmp/out" "$tmp/said"
says 'a\u001b[2J\u000ab'
rejects grep -q $'\e' "$tmp/said"
rm -f a$'\e'*

# --- many at once: groups, threads
mkdir many
for i in $(seq 900); do echo "$i" > "many/$i"; done
expect 0 signet_pin sign --quiet many/*
holds test "$(find many -name '*.p7s' | wc -l)" = 900
for i in 1 450 900; do openssl_accepts "many/$i.p7s" "many/$i"; done
(ulimit -n 150 && holds signet_pin sign --quiet --force many/?)
rm -r many

# --- the command line
expect 64 signet_pin sign
expect 64 signet_pin sign --format word a.txt
expect 64 signet_pin sign --output-d . a.txt
expect 64 signet_pin sign --level B-T a.txt
expect 64 "$SIGNET" extend a.txt
expect 64 "$SIGNET" token init
expect 64 "$SIGNET" --json nonsense
json error.code='"usage"'
for command in sign setup "token list" "token show"; do
    # shellcheck disable=SC2086
    expect 0 "$SIGNET" $command --help
done
expect 0 "$SIGNET" --help
expect 0 "$SIGNET" --version
expect 74 bash -c '"$0" --help > /dev/full' "$SIGNET"

# --- keys and tokens
expect 64 signet_pin sign --key "$main" a.txt
says "[key-ambiguous]"
holds test "$(grep -c '^pkcs11:.*;id=%0[0-9]' "$tmp/err")" = "$(sed -n 's/^signet: \([0-9]*\) keys .*/\1/p' "$tmp/err")"
expect 64 signet_pin sign --json --key "$main" a.txt
json error.code='"key-ambiguous"'
says "id=%02"
expect 64 signet_pin sign --json --key pkcs11: a.txt
holds grep -qE ' \.\.\. and [0-9]+ more; signet token show lists them"' "$tmp/out"
expect 69 signet_pin sign --key "$main;id=%77" a.txt
says "[no-key]"
for uri in pkcs11:token=Nobody "$main;serial=0000" "pkcs11:serial=0000;id=%01"; do
    expect 69 signet_pin sign --json --key "$uri" a.txt
    json error.code='"no-token"' error.retry=true
done
expect 64 signet_pin sign --key "nonsense" a.txt
expect 69 "$SIGNET" sign --module /nonexistent.so a.txt
says "/nonexistent.so"
expect 69 "$SIGNET" sign --module /etc/passwd a.txt
says "/etc/passwd"
SOFTHSM2_CONF=/dev/null expect 69 "$SIGNET" sign a.txt
expect 65 signet_pin sign --key "$odd;id=%07" a.txt
says "[no-certificate]"
expect 65 signet_pin sign --json --key "$odd;id=%07" a.txt
holds grep -qE '"token":"Signet Odd \([0-9a-f]+\)"' "$tmp/out"
expect 77 "$SIGNET" sign a.txt
says "[pin-required]"
only a.txt

# --- certificates that do not fit the day or the purpose: before the PIN, and as the person says
refused() { # ID CODE OPTION
    expect 77 "$SIGNET" sign --key "$odd;id=%$1" a.txt
    says "[$2]"
    expect 0 signet_pin sign --json "$3" --key "$odd;id=%$1" a.txt
    json warnings.0.code="\"$2\""
    rm a.txt.p7s
}
refused 01 certificate-expired --allow-expired
expect 0 signet_pin sign --allow-expired --key "$odd;id=%01" a.txt
says "not time-stamped yet"
rejects grep "before the certificate ends" "$tmp/out"
rm a.txt.p7s
refused 02 certificate-not-yet-valid --allow-not-yet-valid
refused 04 certificate-wrong-usage --allow-wrong-usage
refused 05 certificate-wrong-usage --allow-wrong-usage

# --- custody
expect 77 signet_pin sign --json --key "$odd;id=%09" a.txt
json error.code='"custody"'
holds grep -qE '"token":"Signet Odd \([0-9a-f]+\)"' "$tmp/out"
holds test "$(recorded ledger object)" = "$PWD/a.txt"
expect 0 signet_pin sign --json --key "$odd;id=%0a" a.txt
json custody='"held"' warnings.0.code='"custody-held"'
rm a.txt.p7s

# --- a wrong PIN is tried once
wrong() {
    printf 12345678 > "$tmp/wrong"
    "$SIGNET" sign "$@" --pin-fd 9 9< "$tmp/wrong"
}
expect 77 wrong --json a.txt
json error.code='"pin-incorrect"'
expect 0 "$SIGNET" token list --json
says '"pin":"count-low"'
clear_interlock "$main"
holds signet_pin token show "$main;id=%01"

# --- a PIN that cannot be one is not sent; standard input is not both PIN and document
expect 77 "$SIGNET" sign a.txt --pin-fd 9 9< <(printf '1234\000567890\n')
says "NUL"
for options in - "--key - a.txt" "a.txt -"; do
    # shellcheck disable=SC2086
    stdin=$tmp/wrong expect 64 "$SIGNET" sign --pin-fd 0 $options
    says "standard input"
done
stdin=$SOFTHSM_PIN_FILE expect 0 "$SIGNET" sign --pin-fd 0 --output - a.txt
expect 64 "$SIGNET" sign --pin-fd 99 a.txt
says "99"
expect 64 "$SIGNET" sign --pin-fd 9 a.txt 9> "$tmp/write-only"
says "9"
expect 64 "$SIGNET" sign --pin-fd 9 a.txt 9< .

# --- configuration
mkdir -p "$SIGNET_HOME"
printf '[sign]\nkey = %s;id=%%03\nconfirm = always\n' "$main" > "$SIGNET_HOME/signet.conf"
expect 77 signet_pin sign a.txt
says "[not-confirmed]"
expect 0 signet_pin sign --yes a.txt
says "CN=Signer p256"
echo "[sgin]" > "$SIGNET_HOME/signet.conf"
expect 78 signet_pin sign --force a.txt
says "signet.conf"
rm "$SIGNET_HOME/signet.conf" a.txt.p7s

# --- output that cannot be made, and a store that cannot be opened: nothing is signed unrecorded
expect 73 signet_pin sign --output nowhere/x.p7s a.txt
SIGNET_HOME=/proc/nowhere rejects signet_pin sign a.txt
only a.txt

truncate -s 8M big
(ulimit -f 4000 && expect 74 signet_pin sign --attached big && says "[disk-full]" && says "Make room, then try again")
rm big
only a.txt

# --- the clock
ASAN_OPTIONS=verify_asan_link_order=0 expect 0 faketime -f "2001-01-01 00:00:00" bash -c '"$0" sign --allow-not-yet-valid --pin-fd 9 a.txt 9< "$SOFTHSM_PIN_FILE"' "$SIGNET"
says "[clock-wrong]"
rm a.txt.p7s

# --- what is recorded is what is there: also of a large file, whose digest is reckoned while it is written
head -c 40M /dev/urandom > large
for id in 01 03; do
    for name in a.txt large; do
        for attached in "" --attached; do
            # shellcheck disable=SC2086
            expect 0 signet_pin sign --force --key "$main;id=%$id" $attached --output "$name.sig" "$name"
            holds test "$(recorded document content_digest)" = "$(sha256sum $name | cut -c1-64)"
            holds test "$(recorded document result_sha256)" = "$(sha256sum $name.sig | cut -c1-64)"
            holds test "$(recorded document output)" = "$PWD/$name.sig"
        done
    done
done
openssl_accepts large.sig
holds cmp large "$tmp/content"
rm large ./*.sig

# --- a signal: nothing partial, and the shell sees how it ended
truncate -s 1G big
for pause in 0.05 0.2 0.5; do
    # (a job of a script has SIGINT ignored, which signet would respect)
    env --default-signal=INT "$SIGNET" sign --attached big --pin-fd 9 9< "$SOFTHSM_PIN_FILE" > /dev/null 2>&1 &
    pid=$!
    for ((i = 0; i < 6000; i++)); do # before that it still ignores the signal
        [ ! "/proc/$pid/exe" -ef "$SIGNET" ] || break
        sleep 0.01
    done
    sleep "$pause"
    kill -INT "$pid"
    got=0
    wait "$pid" || got=$?
    holds test "$got" = 130
    only a.txt big
done

passed
