#!/bin/bash
# Is what a signature still needs queued with it, kept, shown and dropped as asked; and does an interrupted sign leave a
# document that is wholly queued, or none?
. "${SIGNET_SOURCE:-$(dirname "$0")/../..}/tests/support/lib.sh"
fixtures
mkdir "$tmp/work"
cd "$tmp/work"
blobs=$SIGNET_HOME/blobs

# What the store has, read by another program.
store() { # SQL
    /usr/bin/python3 -c 'import sqlite3, sys
for row in sqlite3.connect(sys.argv[1]).execute(sys.argv[2]): print(*row, sep="|")' "$SIGNET_HOME/store.db" "$1"
}
change() { # SQL
    /usr/bin/python3 -c 'import sqlite3, sys
with sqlite3.connect(sys.argv[1]) as db: db.executescript(sys.argv[2])' "$SIGNET_HOME/store.db" "$1"
}
sha() { # FILE
    sha256sum "$1" | cut -c1-64
}
configure() { # everything | targets | nothing
    : > "$SIGNET_HOME/signet.conf"
    [ "$1" = nothing ] || printf '[target "%s"]\nurl = http://127.0.0.1:9/%s/\n' archive archive mirror mirror >> "$SIGNET_HOME/signet.conf"
    [ "$1" != everything ] || printf '[tsa "one"]\nurl = http://127.0.0.1:9/tsa\n' >> "$SIGNET_HOME/signet.conf"
}
steps_of() { # OUTPUT: its newest document's steps
    store "SELECT s.level || ':' || s.target FROM step AS s WHERE document =
        (SELECT max(entry) FROM document WHERE output = '$1') ORDER BY id" | xargs
}
whole() { # each blob is what its name says, and is there for each version
    local file sha256
    for file in "$blobs"/*; do
        holds test "$(basename "$file")" = "$(sha "$file")"
        holds test "$(stat -c %a:%h "$file")" = 600:1
    done
    for sha256 in $(store "SELECT sha256 FROM version"); do
        holds test -f "$blobs/$sha256"
    done
    holds test "$("$SIGNET" log --check > "$tmp/log" 2>&1 && echo yes)" = yes
}

# --- nothing to be done online: nothing is queued, and nothing is kept
echo one > a.txt
configure nothing
expect 0 signet_pin sign a.txt
says "still to be done online: a time-stamp and revocation data"
expect 64 signet_pin sign --target archive --force a.txt
says "no [target] section"
configure targets
expect 0 signet_pin sign --force --no-upload --json a.txt
json queued='{"timestamp": false, "targets": []}'
holds test -z "$(store "SELECT * FROM outbox")"
holds test ! -e "$blobs"

# --- all that the configuration has, in one transaction with the signature
configure everything
expect 0 signet_pin sign --force a.txt
says "by signet sync: a time-stamp"
says "by signet sync: storing at archive"
says "by signet sync: storing at mirror"
holds test "$(steps_of "$PWD/a.txt.p7s")" = "content:archive content:mirror B-B:archive B-B:mirror B-T:"
holds cmp a.txt "$blobs/$(sha a.txt)"
holds cmp a.txt.p7s "$blobs/$(sha a.txt.p7s)"
holds test "$(store "SELECT placed, output_state, closed FROM outbox")" = "1|0|0"
whole
# a copy is a copy, whatever becomes of the file
before=$(sha a.txt.p7s)
echo more >> a.txt.p7s
holds test -f "$blobs/$before"
whole

# --- what is asked for instead
expect 0 signet_pin sign --force --target mirror --target mirror --json a.txt
json queued='{"timestamp": true, "targets": ["mirror"]}'
holds test "$(steps_of "$PWD/a.txt.p7s")" = "content:mirror B-B:mirror B-T:"
expect 0 signet_pin sign --force --no-upload a.txt
holds test "$(steps_of "$PWD/a.txt.p7s")" = "B-T:"
holds test "$(store "SELECT group_concat(level) FROM version WHERE document = (SELECT max(entry) FROM document)")" = B-B
printf '[sign]\nlevel = B-B\n' >> "$SIGNET_HOME/signet.conf"
expect 0 signet_pin sign --force --target archive a.txt
says "still to be done online: a time-stamp and revocation data"
holds test "$(steps_of "$PWD/a.txt.p7s")" = "content:archive B-B:archive"
expect 64 signet_pin sign --force --target archiv a.txt
says "archive, mirror"
expect 64 signet_pin sign --force --target archive --no-upload a.txt
configure everything

# --- every way in and out: attached, other digests, a pipe, stdin and stdout
expect 0 signet_pin sign --attached a.txt
holds test "$(steps_of "$PWD/a.txt.p7m")" = "B-B:archive B-B:mirror B-T:"
holds cmp a.txt.p7m "$blobs/$(sha a.txt.p7m)"
expect 0 signet_pin sign --key "pkcs11:token=Signet%20Ed25519" --output ed.p7s a.txt
holds cmp ed.p7s "$blobs/$(sha ed.p7s)"
holds test "$(steps_of "$PWD/ed.p7s")" = "content:archive content:mirror B-B:archive B-B:mirror B-T:"
expect 0 signet_pin sign --output pipe.p7s <(echo through a pipe)
holds test -f "$blobs/$(echo through a pipe | sha256sum | cut -c1-64)"
echo from stdin > stdin.txt
stdin=stdin.txt expect 0 signet_pin sign -
cp "$tmp/out" std.p7s
holds cmp std.p7s "$blobs/$(sha std.p7s)"
holds cmp stdin.txt "$blobs/$(sha stdin.txt)"
holds openssl cms -verify -cades -binary -inform DER -in std.p7s -content stdin.txt -CAfile "$SIGNET_FIXTURES/ca/chain.pem" \
    -purpose any -out "$tmp/content"
: > empty.txt
expect 0 signet_pin sign empty.txt
# a stdout that takes nothing: then it was not signed, and nothing is queued for it
count=$(store "SELECT count(*) FROM document")
# shellcheck disable=SC2016
expect 74 bash -c '"$0" sign --output - a.txt --pin-fd 9 > /dev/full 9< "$1"' "$SIGNET" "$SOFTHSM_PIN_FILE"
holds test "$(store "SELECT count(*) FROM document"):$(store "SELECT count(*) FROM outbox WHERE placed = 0")" = "$count:0"
holds test "$(store "SELECT event || code FROM ledger ORDER BY number DESC LIMIT 1")" = sign-faileddisk-full
holds test -f "$blobs/$(sha empty.txt)"
whole

# --- shown, tried again, dropped
expect 0 "$SIGNET" outbox list ed.p7s --json
json schema='"signet.outbox/1"' output="\"$PWD/ed.p7s\"" steps.0.state='"waiting"' steps.4.kind='"timestamp"' receipts='[]'
count=$(store "SELECT count(*) FROM outbox WHERE closed = 0")
expect 0 "$SIGNET" outbox list --json
json action='"list"'
holds test "$(wc -l < "$tmp/out")" = "$count"
change "UPDATE step SET attempts = 3, last_attempt = 1700000000, next_attempt = 4000000000, code = 'network',
    text = 'No way there.' WHERE target = 'mirror'"
expect 0 "$SIGNET" outbox list ed.p7s
says "tried 3 times"
says "No way there. [network]"
expect 0 "$SIGNET" outbox retry ed.p7s --json
json changed=5
holds test "$(store "SELECT count(*) FROM step WHERE next_attempt = 4000000000 AND
    document = (SELECT entry FROM document WHERE output = '$PWD/ed.p7s')")" = 0
holds test "$(store "SELECT count(*) FROM step WHERE next_attempt = 4000000000")" -gt 0
expect 0 "$SIGNET" outbox retry
holds test "$(store "SELECT count(*) FROM step WHERE next_attempt = 4000000000")" = 0

# a receipt as sync writes it: what was sent stays sent
change "UPDATE step SET state = 1 WHERE target = 'archive' AND level = 'B-B' AND document =
    (SELECT entry FROM document WHERE output = '$PWD/ed.p7s');
    INSERT INTO receipt SELECT id, target, 'http://127.0.0.1:9/archive/' || sha256, sha256, 3, 1700000000, 1700000001, 201,
    '\"e\"', '', 'Tue, 14 Nov 2023 22:13:20 GMT', 0 FROM step WHERE state = 1"
expect 64 "$SIGNET" outbox drop ed.p7s
says "--reason"
expect 64 "$SIGNET" outbox drop ed.p7s --reason ""
expect 0 "$SIGNET" outbox drop ed.p7s --target mirror --reason "the mirror is gone" --json
json action='"drop"' changed=2 steps.1.state='"dropped"' steps.2.state='"done"' steps.4.state='"waiting"' \
    receipts.0.url="\"http://127.0.0.1:9/archive/$(sha ed.p7s)\""
expect 1 "$SIGNET" receipt ed.p7s
says "is kept at archive since 2023-11-14T22:13:20Z: http://127.0.0.1:9/archive/$(sha ed.p7s)"
says "dropped"
expect 77 "$SIGNET" forget ed.p7s
says "outbox drop"
expect 0 "$SIGNET" outbox drop ed.p7s --reason "never mind"
says "http://127.0.0.1:9/archive/$(sha ed.p7s)"
says "stays where it is kept"
expect 0 "$SIGNET" log --last 1
says "dropped"
says "never mind"
says "upload of content to archive"

# --- the receipt on its own
mv ed.p7s renamed.p7s # it is known by its bytes
expect 1 "$SIGNET" receipt renamed.p7s --json
json schema='"signet.receipt/1"' complete=false versions.1.sha256="\"$(sha renamed.p7s)\"" receipts.0.target='"archive"' \
    receipts.0.compared='"2023-11-14T22:13:21Z"' receipts.0.etag='"\"e\""'
expect 1 "$SIGNET" receipt "$(sha renamed.p7s)" --export receipt.json
tr -d '\n' < receipt.json > "$tmp/out"
json schema='"signet.receipt/1"' receipts.0.sha256="\"$(sha renamed.p7s)\""
expect 73 "$SIGNET" receipt renamed.p7s --export receipt.json
change "UPDATE step SET state = 1 WHERE document = (SELECT entry FROM document WHERE output = '$PWD/ed.p7s')"
expect 0 "$SIGNET" receipt renamed.p7s --json
json complete=true
expect 66 "$SIGNET" receipt nowhere.p7s

# --- brought back, whole or not at all
expect 0 "$SIGNET" get ed.p7s --json
json output='"ed.p7s"' level='"B-B"' sha256="\"$(sha renamed.p7s)\""
holds cmp ed.p7s renamed.p7s
expect 73 "$SIGNET" get ed.p7s
expect 0 "$SIGNET" get "$(sha a.txt)" --output content.txt
holds cmp a.txt content.txt
expect 0 "$SIGNET" get ed.p7s --output -
holds cmp "$tmp/out" ed.p7s
expect 64 "$SIGNET" get ed.p7s --output - --json
tamper "$blobs/$(sha ed.p7s)" "$tmp/damaged" 100
cp "$blobs/$(sha ed.p7s)" "$tmp/good"
cp "$tmp/damaged" "$blobs/$(sha ed.p7s)"
expect 74 "$SIGNET" get ed.p7s --output damaged.p7s
says "[store-damaged]"
holds test ! -e damaged.p7s
cp "$tmp/good" "$blobs/$(sha ed.p7s)"

# --- forgotten: the copies go that nobody else needs, the record stays
expect 0 "$SIGNET" forget renamed.p7s --json
json documents=1 later=false
holds test ! -e "$blobs/$(sha renamed.p7s)"
holds test -e "$blobs/$(sha a.txt)" # others have the same content
expect 66 "$SIGNET" get renamed.p7s --output again.p7s
says "signet receipt"
expect 0 "$SIGNET" receipt renamed.p7s
whole_but_forgotten=$(store "SELECT count(*) FROM outbox WHERE forgotten > 0")
holds test "$whole_but_forgotten" = 1

# --- names that are no text, and names that several have
odd=$(printf 'odd \xff\\x41.txt')
echo odd > "$odd"
expect 0 signet_pin sign "$odd"
expect 0 "$SIGNET" outbox list "$odd.p7s" --json
expect 0 "$SIGNET" get "$odd.p7s" --output odd.p7s
holds cmp odd.p7s "$odd.p7s"
mkdir there
echo two > there/a.txt
expect 0 signet_pin sign there/a.txt
mkdir empty-folder
cd empty-folder
expect 64 "$SIGNET" get a.txt.p7s
says "there/a.txt.p7s"
cd ..

# --- where the file system can share blocks, a copy takes no room, and is one all the same (only root may mount such one)
# shellcheck disable=SC2016
shared='
mount -o loop "$1" "$2" || { echo "no loop device here"; exit 0; }
cd "$2"
cp -r "$SIGNET_HOME" home
export SIGNET_HOME=$PWD/home
openssl rand -out big 20000000
sync
before=$(df --output=used . | tail -1)
"$SIGNET" sign big --pin-fd 9
sync
[ $(($(df --output=used . | tail -1) - before)) -lt 10000 ]
echo changed >> big
for blob in home/blobs/*; do
    [ "$(sha256sum "$blob" | cut -c1-64)" = "$(basename "$blob")" ]
done
[ "$(find home/blobs -size +10000k | wc -l)" = 1 ]
echo "shared"'
truncate -s 400M "$tmp/xfs"
mkdir "$tmp/mounted"
if mkfs.xfs -q -m reflink=1 "$tmp/xfs" && unshare -m true 2> /dev/null; then
    export SIGNET
    holds unshare -m bash -ec "$shared" bash "$tmp/xfs" "$tmp/mounted" 9< "$SOFTHSM_PIN_FILE"
    cat "$tmp/check"
fi

passed
