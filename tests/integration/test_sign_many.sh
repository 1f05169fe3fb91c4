#!/bin/bash
# Do many files go through `signet sign` at once: what fails does not stop the rest, what is done stays done and is not
# done again, and what a manifest lists is signed as listed or not at all?
. "${SIGNET_SOURCE:-$(dirname "$0")/../..}/tests/support/lib.sh"
fixtures
cd "$tmp"
ca=$SIGNET_FIXTURES/ca

openssl_accepts() { # SIGNATURE CONTENT
    holds openssl cms -verify -cades -binary -inform DER -in "$1" -content "$2" -CAfile "$ca/chain.pem" \
        -purpose any -out "$tmp/content"
}

# A number that the store answers with.
count() { # SQL
    /usr/bin/python3 -c 'import sqlite3, sys
print(sqlite3.connect(sys.argv[1]).execute(sys.argv[2]).fetchone()[0])' "$SIGNET_HOME/store.db" "$1"
}

signatures() { # FOLDER
    find "$1" -name '*.p7s' | wc -l
}

# Makes a folder of files, each different.
make_files() { # FOLDER COUNT
    mkdir "$1"
    for i in $(seq "$2"); do echo "$1 $i" > "$1/$i"; done
}

mkdir work && cd work

# --- 200 files, three of which cannot be signed: the others are, and the three are listed at the end
make_files many 200
rm many/50 many/150
mkdir many/100.d && mv many/100.d many/50
ln -s nowhere many/150
echo taken > many/199.p7s
expect 73 signet_pin sign many/[0-9] many/[0-9][0-9] many/[0-9][0-9][0-9]
says "197 signed, 3 failed, 0 not begun"
tail -3 "$tmp/err" > "$tmp/last"
holds diff "$tmp/last" <(printf '  [%s] many/%s\n' output-exists 199 not-found 150 is-folder 50 | sort -t/ -k2n)
holds test "$(signatures many)" = 198
holds grep -qx taken many/199.p7s
for i in 1 149 200; do openssl_accepts "many/$i.p7s" "many/$i"; done
holds test "$(count "SELECT count(*) FROM ledger WHERE event = 'sign'")" = 197
holds test "$(count "SELECT count(*) FROM ledger WHERE event = 'sign-failed'")" = 3

# --- one after the other, as they finish: JSON is in the order given
expect 0 signet_pin sign --json --output-dir . many/1 many/2 many/3
holds diff <(sed 's/.*"file":"\([^"]*\)".*/\1/' "$tmp/out") <(printf '%s\n' many/1 many/2 many/3)
rm -r many ./*.p7s

# --- a wrong PIN stops everything, and is given once
make_files few 20
printf 12345678 > "$tmp/wrong"
expect 77 "$SIGNET" sign few/* --pin-fd 9 9< "$tmp/wrong"
says "[pin-incorrect]"
holds test "$(signatures few)" = 0
holds test "$(count "SELECT count(*) FROM ledger WHERE event = 'sign-failed' AND code = 'pin-incorrect'")" = 1
clear_interlock "pkcs11:token=Signet%20Test"
holds signet_pin token show "pkcs11:token=Signet%20Test;id=%01"

# --- a terminal: what is to be signed, a bar with the rate and the time left, and the results
make_files bar 900
expect 0 /usr/bin/python3 "$SIGNET_SOURCE/tests/support/terminal.py" "see bar/1" "see and 890 more, the last of which is" "see [y/N]" "type y" \
    "see /900" "see /s, 0:0" "see  left" -- bash -c '"$0" sign bar/*[0-9] --pin-fd 9 9< "$SOFTHSM_PIN_FILE"' "$SIGNET"
holds test "$(signatures bar)" = 900
expect 77 /usr/bin/python3 "$SIGNET_SOURCE/tests/support/terminal.py" "see [y/N]" "type n" -- \
    bash -c '"$0" sign --force bar/*[0-9] --pin-fd 9 9< "$SOFTHSM_PIN_FILE"' "$SIGNET"

# --- --resume: what is done is left, and no key is needed where all is; anything else is not believed
expect 0 "$SIGNET" sign --resume bar/[0-9] bar/[0-9][0-9]
holds test "$(grep -c '^Signed before ' "$tmp/out")" = 99
expect 0 "$SIGNET" sign --resume --json bar/7
json schema='"signet.sign-skipped/1"' file='"bar/7"' output='"bar/7.p7s"'
echo more >> bar/1               # the document changed since
tamper bar/2.p7s bar/2.x -9 && mv bar/2.x bar/2.p7s
cp bar/4.p7s bar/3.p7s           # another's
rm bar/5.p7s                     # not there
echo new > bar/new
expect 73 signet_pin sign --resume bar/[1-6] bar/new
says "2 signed, 2 signed before, 3 failed, 0 not begun"
says "was not signed here from \"bar/1\" as it is now"
for i in 1 2 3; do says "[output-exists] bar/$i"; done
openssl_accepts bar/5.p7s bar/5
openssl_accepts bar/new.p7s bar/new
expect 0 signet_pin sign --resume --force bar/[1-6]
holds test "$(grep -c '^Signed before ' "$tmp/out")" = 3
for i in 1 2 3; do openssl_accepts "bar/$i.p7s" "bar/$i"; done
# however the path is spelled, then or now
ln -s bar link
for path in ./bar/4 link/4 bar/../bar/4 bar//4 "$PWD/link/4"; do
    expect 0 "$SIGNET" sign --resume "$path"
    says "Signed before $path"
done
rm bar/4.p7s
expect 0 signet_pin sign link/../bar/.//4
expect 0 "$SIGNET" sign --resume bar/4
mkdir -p other/bar && cp bar/4 bar/4.p7s other/bar # and not that of another folder
(cd other && expect 73 signet_pin sign --resume bar/4)
rm -r link other
# one that nobody here has signed
expect 0 signet_pin sign --output stray bar/6
SIGNET_HOME=$tmp/other expect 73 signet_pin sign --resume bar/6
says "[output-exists]"
rm -r bar few stray
# the command as it was finds what it made, and leaves it out; not what somebody else put there, what is named without
# what it was made of, or what a manifest lists
make_files again 5
expect 0 signet_pin sign again/*
expect 0 "$SIGNET" sign --resume again/*
holds test "$(grep -c '^Signed before ' "$tmp/out")" = 5
says "Left out 5,"
expect 0 "$SIGNET" sign --resume --json again/5 ./again/5.p7s
holds grep -qF '"file":"./again/5.p7s","output":null' "$tmp/out"
holds test "$(signatures again)" = 5
echo more >> again/1 && echo more >> again/2.p7s
expect 73 signet_pin sign --resume again/*
says "1 signed, 3 signed before, 2 failed, 0 not begun"
says "Left out 4,"
holds test ! -e again/1.p7s.p7s -a -e again/2.p7s.p7s
expect 0 signet_pin sign --resume again/3.p7s
openssl_accepts again/3.p7s.p7s again/3.p7s
expect 0 signet_pin sign --yes --resume --manifest <(sha256sum again/4 again/4.p7s)
openssl_accepts again/4.p7s.p7s again/4.p7s
rm -r again

# --- stopped by a signal, or killed: what is final stays and is recorded, and --resume does the rest
for signal in INT KILL; do
    make_files "stop$signal" 3000
    before=$(count "SELECT count(*) FROM document")
    env --default-signal=INT "$SIGNET" sign "stop$signal"/* --pin-fd 9 9< "$SOFTHSM_PIN_FILE" > /dev/null 2> "$tmp/said" &
    pid=$!
    for _ in $(seq 3000); do
        [ "$(signatures "stop$signal")" = 0 ] || break
        sleep 0.01
    done
    kill -s "$signal" "$pid"
    got=0
    wait "$pid" 2> /dev/null || got=$?
    holds test "$got" = $((128 + $(kill -l "$signal")))
    done=$(signatures "stop$signal")
    holds test "$done" -ge 1 -a "$done" -lt 3000
    if [ "$signal" = INT ]; then
        holds grep -q "signet: $done signed, " "$tmp/said"
        holds test "$(count "SELECT count(*) FROM document")" = $((before + done))
    fi
    find "stop$signal" -name '*.p7s' -exec sha256sum {} + > "$tmp/sums"
    expect 0 signet_pin sign --resume --quiet --json "stop$signal"/*[0-9]
    holds test "$(grep -c '"signet.sign-skipped/1"' "$tmp/out")" = "$done"
    holds test "$(signatures "stop$signal")" = 3000
    holds sha256sum --quiet -c "$tmp/sums"
    rm -r "stop$signal"
done

# --- a manifest: what sha256sum writes, shown, consented to, recorded, and kept to
make_files listed 30
(cd listed && sha256sum -- *) > plain
sha256sum listed/* > list
holds sha256sum --quiet -c list
for mode in auto always never; do
    printf '[sign]\nconfirm = %s\n' $mode > "$SIGNET_HOME/signet.conf"
    expect 77 setsid -w "$SIGNET" sign --manifest list
    says "[not-confirmed]"
    says "--yes"
done
holds test "$(signatures listed)" = 0
expect 0 signet_pin sign --yes --manifest <(head -1 list)
rm listed/*.p7s "$SIGNET_HOME/signet.conf"
mapfile -t listed < <(sed 's/^/see /' list) # each of them, in the order of the list
expect 0 /usr/bin/python3 "$SIGNET_SOURCE/tests/support/terminal.py" "${listed[@]}" \
    "see 30 files of 0.0 MB" "see $(sha256sum < list | cut -c1-64)" "see [y/N]" "type y" -- \
    bash -c '"$0" sign --manifest list --pin-fd 9 9< "$SOFTHSM_PIN_FILE"' "$SIGNET"
holds test "$(signatures listed)" = 30
openssl_accepts listed/30.p7s listed/30
manifest=$(sha256sum < list | cut -c1-64)
holds test "$(count "SELECT count(*) FROM document JOIN ledger ON entry = number
    WHERE manifest = '$manifest' AND detail LIKE '%; manifest sha256 $manifest'")" = 30
rm listed/*.p7s

echo changed > listed/17
expect 65 signet_pin sign --yes --manifest list
holds diff <(grep -o '[0-9a-f]\{64\}  .*' "$tmp/out") list
says "29 signed, 1 failed, 0 not begun"
says "[content-differs] listed/17"
holds test ! -e listed/17.p7s
echo "listed 17" > listed/17
expect 0 signet_pin sign --yes --resume --json --manifest list
holds test "$(grep -c '"signet.sign-skipped/1"' "$tmp/out")" = 29
tail -1 "$tmp/out" > "$tmp/line"
holds grep -q "\"file\":\"listed/9\"" "$tmp/line"
grep '"signet.sign/1"' "$tmp/out" > "$tmp/line" && cp "$tmp/line" "$tmp/out"
json file='"listed/17"' manifest="\"$manifest\""
echo changed > listed/17 # signed, and then not what is listed any more
expect 65 signet_pin sign --yes --resume --manifest list
says "[content-differs] listed/17"
rm listed/*.p7s

# attached: the same
for options in "" --attached; do
    # shellcheck disable=SC2086
    expect 65 signet_pin sign --yes $options --output-dir . --manifest <(sha256sum list | sed 's/^0/1/; t; s/^./0/')
    says "[content-differs]"
    # shellcheck disable=SC2086
    expect 0 signet_pin sign --yes $options --output-dir . --manifest <(sha256sum list)
done
rm list.p7?

# names as sha256sum escapes them
name=$'odd\\name\nhere'
echo odd > "$name"
sha256sum "$name" > odd-list
expect 0 signet_pin sign --yes --manifest odd-list
openssl_accepts "$name.p7s" "$name"
rm odd* list.p7s 2> /dev/null || true

# lists that are none
expect 64 signet_pin sign --yes --manifest list list
expect 64 signet_pin sign --yes
expect 66 signet_pin sign --yes --manifest nowhere
for bad in "" "hello" "$(sha256sum < list | cut -c2-64)  list" "$(sha256sum < list | cut -c1-64) list" \
    "$(sha256sum < list | cut -c1-64)  " "SHA256 (list) = $manifest" "\\$manifest  bad\\escape"; do
    printf '%s\n' "$bad" > bad
    expect 65 signet_pin sign --yes --manifest bad
    says "[malformed]"
done
printf '%s  -\n' "$manifest" > bad
expect 64 signet_pin sign --yes --manifest bad
sed p list > bad
expect 64 signet_pin sign --yes --manifest bad
says "would be written twice"
holds test "$(signatures .)" = 0

passed
