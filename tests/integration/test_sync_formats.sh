#!/bin/bash
# What sync does with PDFs and containers: a PDF's time-stamp goes into its signature as long as nothing of the file was
# sent to a target, and beside it from then on; a container's into the CAdES of its signature. Judged by signet, and by pdfsig and qpdf, and
# by openssl, unzip and Python's zipfile.
. "${SIGNET_SOURCE:-$(dirname "$0")/../..}/tests/support/lib.sh"
. "$SIGNET_SOURCE/tests/support/namespace.sh"
. "$SIGNET_SOURCE/tests/support/server_apache.sh"
. "$SIGNET_SOURCE/tests/support/server_tsa.sh"
. "$SIGNET_SOURCE/tests/support/server_liar.sh"
needs apache2
stop_servers() {
    proxy_stop
    apache_stop
    tsa_stop main
}
at_exit=stop_servers
fixtures
cd "$tmp"
ca=$SIGNET_FIXTURES/ca conf=$SIGNET_HOME/signet.conf

holds "$SIGNET" trust add "$ca/root.pem" --yes
for crl in root issuing; do
    holds "$SIGNET" trust add --crl "$ca/$crl.crl" --intermediate "$ca/issuing.pem"
done
pdf() { # NAME
    /usr/bin/python3 -B "$SIGNET_SOURCE/tests/support/make_pdf.py" page "$1.pdf" "$1"
}
holds_copy() { # FILE
    holds cmp "$1" "$APACHE_FILES/$(sha256sum < "$1" | cut -c1-64)"
}
is_level() { # FILE LEVEL
    expect 0 "$SIGNET" verify --json "$1"
    json "signatures.0.level=\"$2\"" 'signatures.0.indication="TOTAL-PASSED"'
}
# What an independent reader finds: as many signatures, the first of that type.
pdfsig_finds() { # FILE COUNT
    pdfsig "$1" > "$tmp/pdfsig" 2>&1 || true
    holds test "$(grep -c '^Signature #' "$tmp/pdfsig")" = "$2"
}
configure() { # tsa|no-tsa|archive|bad-way|nobody|no-tls...
    for part in "$@"; do
        case $part in
            tsa) printf '[tsa "main"]\nurl = %s\n' "$(tsa_url main)" ;;
            no-tsa) printf '[tsa "main"]\nurl = http://127.0.0.1:1/\n' ;;
            archive) printf '[target "archive"]\ntype = webdav\nurl = %s\n' "$APACHE_URL" ;;
            bad-way) printf '[target "archive"]\ntype = webdav\nurl = http://127.0.0.1:%s/archive\n' "$PROXY_PORT" ;;
            nobody) printf '[target "archive"]\ntype = webdav\nurl = http://nobody.invalid/archive\n' ;;
            no-tls) printf '[target "archive"]\ntype = webdav\nurl = https://127.0.0.1:%s/archive\n' "$APACHE_PORT" ;;
        esac
    done > "$conf"
}

tsa_start main
apache_start

# --- nobody has it yet: the time-stamp goes into the signature, and nothing else changes
configure tsa
pdf inside
expect 0 signet_pin sign inside.pdf
cp inside.signed.pdf before.pdf
expect 0 "$SIGNET" sync
says "Time-stamped by main: $tmp/inside.signed.pdf"
holds test "$(stat -c %s inside.signed.pdf)" = "$(stat -c %s before.pdf)"
is_level inside.signed.pdf B-T
json signatures.0.changes='"none"' format='"PAdES"'
pdfsig_finds inside.signed.pdf 1
holds grep -q 'Total document signed' "$tmp/pdfsig"
holds qpdf --check inside.signed.pdf
holds cmp -n "$(stat -c %s inside.pdf)" inside.pdf inside.signed.pdf

# --- a target is to have it: the time-stamp comes first, and the one with it is delivered, and no other
signs() { # NAME
    pdf "$1"
    expect 0 signet_pin sign "$1.pdf"
    cp "$1.signed.pdf" before.pdf
}
inside() { # NAME
    is_level "$1.signed.pdf" B-T
    holds test "$(stat -c %s "$1.signed.pdf")" = "$(stat -c %s before.pdf)"
    holds_copy "$1.signed.pdf"
    rejects test -e "$APACHE_FILES/$(sha256sum < before.pdf | cut -c1-64)"
    expect 0 "$SIGNET" receipt "$1.signed.pdf"
}
beside() { # NAME
    holds cmp -n "$(stat -c %s before.pdf)" before.pdf "$1.signed.pdf"
    holds grep -qa /ETSI.RFC3161 "$1.signed.pdf"
    holds_copy before.pdf
    holds_copy "$1.signed.pdf"
}
configure tsa archive
signs ordinary
expect 0 "$SIGNET" sync
inside ordinary

# --- signed where there is no network, and tried again and again: nothing was sent, so it is the same when one comes
signs offline
for way in archive nobody no-tls; do
    [ "$way" != archive ] || apache_stop
    [ "$way" != no-tls ] || apache_start
    configure no-tsa "$way"
    rejects "$SIGNET" sync
    holds cmp before.pdf offline.signed.pdf
    holds "$SIGNET" outbox retry
done
configure tsa archive
expect 0 "$SIGNET" sync
inside offline

# --- something of it was sent, and what became of that is not known: beside it
signs begun
tsa_mode main fail
proxy_start "$APACHE_PORT"
network "cut 2000"
configure tsa bad-way
rejects "$SIGNET" sync
rejects test -e "$APACHE_FILES/$(sha256sum < before.pdf | cut -c1-64)"
tsa_mode main good
holds "$SIGNET" outbox retry
configure tsa archive
expect 0 "$SIGNET" sync
beside begun
proxy_stop

# --- no room was left for it: beside it
configure tsa
pdf narrow
expect 0 signet_pin sign --reserve 100 narrow.pdf
cp narrow.signed.pdf before.pdf
expect 0 "$SIGNET" sync
holds cmp -n "$(stat -c %s before.pdf)" before.pdf narrow.signed.pdf
holds grep -qa /DocTimeStamp narrow.signed.pdf
holds qpdf --check narrow.signed.pdf
is_level narrow.signed.pdf B-T
json signatures.0.changes='"permitted"' signatures.0.timestamps.0.kind='"document"' signatures.0.timestamps.0.indication='"PASSED"'
pdfsig_finds narrow.signed.pdf 2

# --- the time-stamp is longer than any room that is left for one: beside it, with as much as it takes
for name in 1 2 3; do
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -keyout /dev/null -subj "/CN=Filler $name" -days 9 \
        -addext "nsComment=$(head -c 12000 /dev/zero | tr '\0' x)" 2> check
done > fillers.pem
cat "$ca/issuing.pem" fillers.pem > many.pem
cp tsa-main/tsa.cnf few.cnf
sed "s|^certs = .*|certs = $tmp/many.pem|" few.cnf > tsa-main/tsa.cnf
pdf long
asked=$(tsa_count main)
expect 0 signet_pin sign long.pdf
cp long.signed.pdf before.pdf
expect 0 "$SIGNET" sync
says "Time-stamped by main: $tmp/long.signed.pdf"
holds test "$(($(tsa_count main) - asked))" = 3 # (the first showed how much; the third is of the ledger)
holds cmp -n "$(stat -c %s before.pdf)" before.pdf long.signed.pdf
holds qpdf --check long.signed.pdf
is_level long.signed.pdf B-T
json signatures.0.timestamps.0.kind='"document"' signatures.0.timestamps.0.indication='"PASSED"'
at=$(($(grep -abo '/Contents <' long.signed.pdf | tail -1 | cut -d: -f1) + 300)) digit=1 # in its TSTInfo
[ "$(dd if=long.signed.pdf bs=1 skip="$at" count=1 status=none)" != 1 ] || digit=2
printf %s $digit | dd of=long.signed.pdf bs=1 seek="$at" conv=notrunc status=none
is_level long.signed.pdf B-B
pdf roomy
expect 0 signet_pin sign --reserve 100000 roomy.pdf
expect 0 "$SIGNET" sync
is_level roomy.signed.pdf B-T
json signatures.0.changes='"none"' signatures.0.timestamps.0.kind='"signature"'
cp few.cnf tsa-main/tsa.cnf

# --- a target has it: beside it, and what is there stays, byte for byte
configure tsa archive
tsa_mode main fail
pdf given
expect 0 signet_pin sign --certify 1 given.pdf
cp given.signed.pdf before.pdf
"$SIGNET" sync > out 2> err || true
holds_copy before.pdf
tsa_mode main good
holds "$SIGNET" outbox retry
expect 0 "$SIGNET" sync
holds cmp -n "$(stat -c %s before.pdf)" before.pdf given.signed.pdf
holds grep -qa /ETSI.RFC3161 given.signed.pdf
holds qpdf --check given.signed.pdf
pdfsig_finds given.signed.pdf 2
holds_copy given.signed.pdf
expect 0 "$SIGNET" verify given.signed.pdf
is_level given.signed.pdf B-T
at=$(($(grep -abo '/Contents <' given.signed.pdf | tail -1 | cut -d: -f1) + 300)) digit=1 # in its TSTInfo
[ "$(dd if=given.signed.pdf bs=1 skip="$at" count=1 status=none)" != 1 ] || digit=2
cp given.signed.pdf changed.pdf
printf %s $digit | dd of=changed.pdf bs=1 seek="$at" conv=notrunc status=none
is_level changed.pdf B-B # it proves nothing, and harms nothing
tamper given.signed.pdf changed.pdf 300
expect 1 "$SIGNET" verify changed.pdf
expect 0 "$SIGNET" receipt given.signed.pdf

# --- containers: the time-stamp is in the CAdES, and nothing else changes
LOOK=$SIGNET_SOURCE/tests/support/look_at_container.py
# What independent programs find in a container: the signature over what it is of, and its time-stamp.
judged_by_others() { # FILE SIGNATURE CONTENT
    holds unzip -tq "$1"
    unzip -p "$1" "$2" > signature.p7s
    unzip -p "$1" "$3" > content
    holds openssl cms -verify -cades -binary -inform DER -in signature.p7s -content content -CAfile "$ca/root.pem" \
        -certfile "$ca/issuing.pem" -purpose any -out /dev/null
    holds /usr/bin/python3 "$LOOK" token signature.p7s value token
    holds openssl ts -verify -in token -token_in -data value -CAfile "$ca/root.pem" -untrusted "$ca/issuing.pem"
    echo more >> content
    rejects openssl cms -verify -cades -binary -inform DER -in signature.p7s -content content -CAfile "$ca/root.pem" \
        -certfile "$ca/issuing.pem" -purpose any -out /dev/null
    tamper value other-value 10
    rejects openssl ts -verify -in token -token_in -data other-value -CAfile "$ca/root.pem" -untrusted "$ca/issuing.pem"
}
is_stamped_container() { # FILE BEFORE SIGNATURE CONTENT
    is_level "$1" B-T
    json 'uncovered=[]' 'signatures.0.timestamps.0.kind="signature"'
    holds /usr/bin/python3 "$LOOK" changed "$2" "$1" "$3"
    judged_by_others "$1" "$3" "$4"
    rejects /usr/bin/python3 "$LOOK" changed "$1" "$1" "$3"
}
echo one > one && echo two > two && head -c 300000 /dev/urandom > three
configure tsa archive
expect 0 signet_pin sign --format asic-e --output both.asice one two three
cp both.asice before.asice
expect 0 "$SIGNET" sync
says "Time-stamped by main: $tmp/both.asice"
holds_copy before.asice
holds_copy both.asice
is_stamped_container both.asice before.asice META-INF/signature001.p7s META-INF/ASiCManifest001.xml
expect 0 "$SIGNET" receipt both.asice
cp both.asice stamped.asice
expect 0 "$SIGNET" sync # has nothing to do
holds cmp both.asice stamped.asice
expect 0 signet_pin sign --format asic-s one
cp one.asics before.asics
expect 0 "$SIGNET" sync
holds_copy before.asics
holds_copy one.asics
is_stamped_container one.asics before.asics META-INF/signature.p7s one

levels_are() { # FILE LEVELS
    expect 0 "$SIGNET" verify --json "$1"
    holds test "$(grep -o '"level":"B-."' out | cut -d'"' -f4 | sort | xargs)" = "$2"
}
# Of several signatures in one container it is the one made here that gets it.
for container in both.asice one.asics; do
    expect 0 signet_pin sign --add --force --key "pkcs11:token=Signet%20Test;id=%03" "$container"
    levels_are "$container" "B-B B-T" # (in an ASiC-S they are a set, in the order of DER)
    expect 0 "$SIGNET" sync
    levels_are "$container" "B-T B-T"
    holds unzip -tq "$container"
done
cp stamped.asice both.asice

# --- so it is where another one was made within the same second, by another key or by the same; `claimed_time` of both
slow=no
[[ $(ldd "$SIGNET") != *libasan* ]] || slow=yes # with a sanitizer it may not sign twice within a second
same_second() { # KEY FILE ARGUMENT... (of the first sign)
    for _ in {1..40}; do
        expect 0 signet_pin sign --force --output "$2" "${@:3}"
        expect 0 signet_pin sign --add --force --key "pkcs11:token=Signet%20Test;id=%$1" "$2"
        [ "$(sqlite3 "$SIGNET_HOME/store.db" "SELECT count(DISTINCT claimed_time) FROM \
            (SELECT claimed_time FROM document ORDER BY entry DESC LIMIT 2)")" != 1 ] || return 0
        holds "$SIGNET" outbox drop --reason "not within a second" "$2"
    done
    failed "two signatures were never made within a second"
}
configure tsa
if [[ $slow = no ]]; then
    for key in 03 01; do
        same_second $key box.asice --format asic-e one two
        expect 0 "$SIGNET" sync
        says "Time-stamped by main: $tmp/box.asice"
        levels_are box.asice "B-T B-T" # both, in the file that has both
        expect 0 "$SIGNET" outbox list
        says "Nothing waits"
        same_second $key box.asics --format asic-s one
        expect 0 "$SIGNET" sync
        levels_are box.asics "B-T B-T"
    done
fi
# Of three, the one that was made elsewhere stays as it is.
expect 0 signet_pin sign one
SIGNET_HOME=$tmp/elsewhere expect 0 signet_pin sign --add --force --key "pkcs11:token=Signet%20Test;id=%02" one
expect 0 signet_pin sign --add --force --key "pkcs11:token=Signet%20Test;id=%03" one
expect 0 "$SIGNET" sync
levels_are one.p7s "B-B B-T B-T"
holds /usr/bin/python3 -c 'import json, sys
assert [s["signer"]["subject"] for s in json.load(open(sys.argv[1]))["signatures"] if s["level"] == "B-B"] == \
    ["CN=Signer rsa3072,O=Signet Test"]' out
holds openssl cms -verify -cades -binary -inform DER -in one.p7s -content one -CAfile "$ca/root.pem" \
    -certfile "$ca/issuing.pem" -purpose any -out /dev/null
if [[ $slow = no ]]; then
    # Which one it is cannot be told if it claims another time than the store has: a person has to see to that.
    same_second 03 box.asice --format asic-e one two
    sqlite3 "$SIGNET_HOME/store.db" "UPDATE document SET claimed_time = claimed_time - 1
        WHERE entry = (SELECT max(entry) FROM document)"
    expect 65 "$SIGNET" sync
    says "Which of the 2 signatures in \"$tmp/box.asice\" is the one made here is not clear"
    says "signet outbox drop"
    says "It is not tried again by itself"
    expect 65 "$SIGNET" sync
    says "not tried again by itself"
    expect 0 "$SIGNET" outbox list box.asice
    says "tried 1 times, and not again by itself"
    expect 0 "$SIGNET" sync --dry-run
    says 'Not before "signet outbox retry": 1 more'
    holds "$SIGNET" outbox retry box.asice
    expect 65 "$SIGNET" sync
    says "is not clear"
    expect 65 "$SIGNET" --json sync
    json waiting.0.code='"unsupported"' waiting.0.next_try=null
    holds "$SIGNET" outbox drop --reason "cannot be told" box.asice
    expect 0 "$SIGNET" sync
fi
configure tsa archive

# An octet of what is signed, of its signature, or of the time-stamp: each is noticed.
/usr/bin/python3 - both.asice << 'END'
import sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as old:
    files = {info.filename: old.read(info) for info in old.infolist()}
signature = files["META-INF/signature001.p7s"]
stamp = signature.index(bytes.fromhex("060b2a864886f70d010910020e"))
blank = files["META-INF/ASiCManifest001.xml"].index(b"\n ") + 1 # becomes another one
for twin, name, at, flip in (("file", "two", 0, 1), ("manifest", "META-INF/ASiCManifest001.xml", blank, 0x29),
                             ("stamp", "META-INF/signature001.p7s", len(signature) - 20, 1),
                             ("value", "META-INF/signature001.p7s", stamp - 40, 1)):
    with zipfile.ZipFile(f"bad-{twin}.asice", "w") as new:
        for other, data in files.items():
            data = bytearray(data)
            if other == name:
                data[at] ^= flip
            new.writestr(other, bytes(data))
END
for twin in file manifest value; do
    expect 1 "$SIGNET" verify "bad-$twin.asice"
done
"$SIGNET" verify --json bad-stamp.asice > out || true
rejects grep -q '"level":"B-T"' out

# Killed at any moment, the file is the one that was signed or the one with the time-stamp.
for moment in 0 1 2 4 7; do
    expect 0 signet_pin sign --force --format asic-e --output both.asice one two three
    cp both.asice before.asice
    "$SIGNET" sync > out 2> err < /dev/null &
    sleep "0.0$moment"
    kill -KILL $! 2> check || true
    wait $! 2> check || true
    cmp -s before.asice both.asice || holds /usr/bin/python3 "$LOOK" changed before.asice both.asice META-INF/signature001.p7s
    until_holds "$SIGNET" sync --quiet
    is_stamped_container both.asice before.asice META-INF/signature001.p7s META-INF/ASiCManifest001.xml
    holds_copy both.asice
done

# A user's file that is another one by now is left alone.
tsa_mode main fail
expect 0 signet_pin sign --force --format asic-e --output both.asice one two
"$SIGNET" sync > out 2> err || true
echo mine > both.asice
tsa_mode main good
holds "$SIGNET" outbox retry
expect 0 "$SIGNET" sync
holds test "$(cat both.asice)" = mine
# So is one that is gone; that the completed one is in the store alone, and how to get it, is said.
kept_is_said() { # FILE
    says "Time-stamped by main: $tmp/$1"
    says "kept in the store, since that file is gone or another one by now: signet get "
    expect 0 "$SIGNET" get --output kept "$(sed -n 's/^ .*signet get //p' out)"
    is_level kept B-T
    rm kept
}
kept_is_said both.asice
pdf gone
expect 0 signet_pin sign gone.pdf
mv gone.signed.pdf elsewhere.pdf
expect 0 "$SIGNET" sync
kept_is_said gone.signed.pdf
rejects test -e gone.signed.pdf
pdf there
for file in there gone; do
    expect 0 signet_pin sign --force $file.pdf
done
rm gone.signed.pdf
expect 0 "$SIGNET" --json sync
grep '"timestamp"' out > stamped
grep there.signed stamped > there.json
grep gone.signed stamped > out
json schema='"signet.sync-step/1"' done=true
holds grep -Eq '"kept": ?"[0-9a-f]{64}"' out
holds grep -Eq '"kept": ?null' there.json

passed
