#!/bin/bash
# Signed without a network, and then one came: does one `signet sync` bring every version to every target, once, with a
# receipt of what was read back; does a second one do nothing; and does whatever fails wait, with its reason, without
# holding up the rest?
. "${SIGNET_SOURCE:-$(dirname "$0")/../..}/tests/support/lib.sh"
. "$SIGNET_SOURCE/tests/support/namespace.sh"
. "$SIGNET_SOURCE/tests/support/server_apache.sh"
needs apache2
at_exit=apache_stop
fixtures
cd "$tmp"
conf=$SIGNET_HOME/signet.conf
key="pkcs11:token=Signet%20Test;id=%03"

target() { # NAME URL [LINE...]
    printf '[target "%s"]\ntype = webdav\nurl = %s\n' "$1" "$2"
    shift 2
    [ $# = 0 ] || printf '%s\n' "$@"
}
sign() { # ARGUMENT...
    expect 0 signet_pin sign --key "$key" "$@"
}
# Everything that the store says, as text.
store() {
    /usr/bin/python3 -c '
import sqlite3, sys
for line in sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True).iterdump():
    print(line)' "$SIGNET_HOME/store.db"
}
sql() { # QUERY
    /usr/bin/python3 -c '
import sqlite3, sys
with sqlite3.connect(sys.argv[1]) as db:
    for row in db.execute(sys.argv[2]):
        print(*row)' "$SIGNET_HOME/store.db" "$1"
}
sha256() { # FILE
    sha256sum < "$1" | cut -c1-64
}
# The file is at the target, whole.
holds_copy() { # FILE
    cmp -s "$1" "$APACHE_FILES/$(sha256 "$1")"
}
# Objects there, but for what is said of the ledger.
stored() {
    grep -L signet.ledger-head/1 "$APACHE_FILES"/* | wc -l
}
requests() {
    server_idle "$APACHE_PORT"
    wc -l < apache/access.log
}

# ---- a network comes ------------------------------------------------------------------------------------------------

home() { # what is in the state folder, but for how SQLite shares it among processes
    (cd "$SIGNET_HOME" && find . -type f ! -name '*-shm' -exec sha256sum {} + | sort -k 2)
}

apache_start
target archive "$APACHE_URL" > "$conf"
home > before
expect 0 "$SIGNET" sync --dry-run # with nothing there yet, nothing is made
says "Nothing would be done."
home > after
holds cmp before after
printf '[trust]\nlist = http://127.0.0.1:9/list\nlist-signer = %064d\n' 1 >> "$conf"
expect 0 "$SIGNET" sync --dry-run --json
json step='"fetch"' server='"http://127.0.0.1:9/list"' file=null
target archive "$APACHE_URL" > "$conf"
holds test ! -e "$SIGNET_HOME/store.db"
echo "I agree." > letter.txt
head -c 300000 /dev/urandom > plan.bin
sign letter.txt plan.bin
holds test "$(requests)" = 0

home > before
expect 0 "$SIGNET" sync --dry-run --json # what would be done is told, and nothing sent
json step='"witness"' file=null server='"archive"'
holds test "$(grep -c '"upload"' out)" = 4
holds test "$(wc -l < out)" = 5
home > after
holds cmp before after
holds test "$(requests)" = 0

expect 75 unshare --net "$SIGNET" sync --json
json done=0 waiting.0.count=4 waiting.0.code='"network"' waiting.0.server='"archive"'
expect 0 "$SIGNET" sync --dry-run # for want of a network: a sync does not wait for its time
holds test "$(grep -c "^Would bring to archive (" out)" = 4
expect 75 unshare --net "$SIGNET" sync
says "[network]"
says "Waiting for archive: 4"
holds test "$(sql "SELECT max(attempts) <= 8 FROM step")" = 1 # as many as were tried at once, whatever waits

began=$(date +%s)
expect 0 "$SIGNET" sync --json # without waiting for the next try: there may be a network now
json done=4 failed=0 waiting=[]
for file in letter.txt letter.txt.p7s plan.bin plan.bin.p7s; do
    holds holds_copy $file
done
holds test "$(stored)" = 4
# Compared under its temporary name, and then stored under its own.
holds test "$(sql "SELECT count(*) FROM receipt WHERE status = 201 AND was_there = 0
                   AND compared BETWEEN $began AND stored")" = 4
holds test "$(sql "SELECT count(*) FROM ledger WHERE event = 'uploaded'")" = 4
holds test "$(sql "SELECT count(*) FROM ledger WHERE event = 'sync-failed' AND code = 'network'")" -ge 1

store > before
sent=$(requests)
expect 0 "$SIGNET" sync
says "Nothing was to be done."
holds test "$(requests)" = "$sent"
store > after
holds cmp before after

# It was stored, and the answer never came: the same bytes are there, and that is as good.
sql "UPDATE step SET state = 0" > check
sql "UPDATE outbox SET closed = 0" > check
sql "DELETE FROM receipt" > check
expect 0 "$SIGNET" sync
holds test "$(sql "SELECT sum(was_there) FROM receipt")" = 4
holds test "$(stored)" = 4

# ---- other bytes are there under that name --------------------------------------------------------------------------

echo "Once more." > again.txt
sign again.txt
echo "not that" > "$APACHE_FILES/$(sha256 again.txt)"
expect 69 "$SIGNET" sync --json
json done=1 waiting.0.code='"target-differs"' waiting.0.count=1
holds test "$(cat "$APACHE_FILES/$(sha256 again.txt)")" = "not that"
rm "$APACHE_FILES/$(sha256 again.txt)"
expect 69 "$SIGNET" sync # not before its time
expect 0 "$SIGNET" sync --dry-run
rejects grep "again.txt" out
says '"signet outbox retry": 1 more'
expect 0 "$SIGNET" outbox retry
expect 0 "$SIGNET" sync
holds holds_copy again.txt

# ---- begun, and given up: what lies there is named -------------------------------------------------------------------

echo "Begun." > begun.txt
echo "Not begun." > unbegun.txt
sign begun.txt
mkdir "$APACHE_FILES/$(sha256 begun.txt)" # the bytes come to have no name
rejects "$SIGNET" sync
sign unbegun.txt
expect 0 "$SIGNET" outbox drop --reason "a mistake" --json begun.txt
json steps.0.state='"dropped"' steps.1.left=null # its signature is stored
part=$(grep -o '"left":"[^"]*' out | cut -d '"' -f 4)
holds test "${part%/*}" = "$APACHE_URL"
holds cmp begun.txt "$APACHE_FILES/${part##*/}"
expect 0 "$SIGNET" outbox drop --reason "a mistake" unbegun.txt
says "unbegun.txt"
rejects grep -q "may lie there" out
expect 0 "$SIGNET" outbox list begun.txt
says "what was begun may lie there, for who runs the target to remove: $part"
rm -r "$APACHE_FILES/$(sha256 begun.txt)" "$APACHE_FILES/${part##*/}"

# ---- one bad server does not hold up the rest -----------------------------------------------------------------------

{
    target dead "http://127.0.0.1:9/x"
    target archive "$APACHE_URL"
} > "$conf"
echo "Two places." > two.txt
sign two.txt
expect 75 "$SIGNET" sync --json
json done=2 waiting.0.server='"dead"' waiting.0.count=2 waiting.0.code='"network"'
holds holds_copy two.txt
holds holds_copy two.txt.p7s
# One that is not required is no failure, as long as enough others have it; more than there are cannot be asked for.
{
    target dead "http://127.0.0.1:9/x"
    echo "required = no"
    target archive "$APACHE_URL"
} > "$conf"
expect 0 "$SIGNET" sync --json
json waiting.0.server='"dead"' waiting.0.code='"network"'
printf '[sync]\nquorum = 2\n' >> "$conf"
expect 75 "$SIGNET" sync
sed -i 's/quorum = 2/quorum = 3/' "$conf"
expect 78 "$SIGNET" sync
says '"quorum" in [sync] asks for 3 targets, and there are 2'
# A target that was never to get it is none that has it.
{
    target dead "http://127.0.0.1:9/x"
    echo "required = no"
    target archive "$APACHE_URL"
    echo "required = no"
} > "$conf"
echo "Nowhere." > nowhere.txt
sign --target dead nowhere.txt
expect 75 "$SIGNET" sync
expect 1 "$SIGNET" receipt nowhere.txt
expect 0 "$SIGNET" outbox drop --reason "nowhere to go" nowhere.txt
expect 0 "$SIGNET" sync
target archive "$APACHE_URL" > "$conf" # a target that is gone from the configuration
expect 78 "$SIGNET" sync
says "no such target"

# ---- damaged and missing copies -------------------------------------------------------------------------------------

{
    target dead "http://127.0.0.1:9/x"
    target archive "$APACHE_URL"
} > "$conf"
expect 0 "$SIGNET" outbox drop --target dead --reason "it is gone" two.txt
target archive "$APACHE_URL" > "$conf"
echo "From the file." > restored.txt
sign restored.txt
blob=$SIGNET_HOME/blobs/$(sha256 restored.txt.p7s)
tamper "$blob" x 100
cp x "$blob"
rm "$SIGNET_HOME/blobs/$(sha256 restored.txt)"
expect 0 "$SIGNET" sync # the user's files have the same bytes
holds holds_copy restored.txt
holds holds_copy restored.txt.p7s
holds cmp restored.txt.p7s "$blob"

echo "Lost." > lost.txt
echo "Found." > found.txt
sign lost.txt
sign found.txt
lost=$(sha256 lost.txt)
tamper "$SIGNET_HOME/blobs/$lost" x 2
cp x "$SIGNET_HOME/blobs/$lost"
echo "Changed since." > lost.txt
expect 74 "$SIGNET" sync --json
json done=3 waiting.0.code='"store-damaged"' waiting.0.count=1
says "blobs/$lost"
holds holds_copy found.txt
holds test ! -e "$APACHE_FILES/$lost"
echo "Lost." > lost.txt
expect 0 "$SIGNET" outbox retry
expect 0 "$SIGNET" sync
holds holds_copy lost.txt

# ---- many documents with the same bytes are one object ---------------------------------------------------------------

target archive "$APACHE_URL/put" > "$conf"
sed -i 's/webdav/put/' "$conf"
install -d -o www-data "$APACHE_FILES/put"
for i in {1..40}; do # more than are sent at once
    echo "All the same." > same$i.txt
done
sign same*.txt
expect 0 "$SIGNET" sync --json
json done=80 failed=0
holds test "$(grep -c "^PUT .*/$(sha256 same1.txt) 20[0-9]" apache/access.log)" = 1
holds test "$(sql "SELECT count(*), sum(was_there) FROM receipt WHERE sha256 = '$(sha256 same1.txt)'")" = "40 39"
rm -r "$APACHE_FILES/put"
target archive "$APACHE_URL" > "$conf"

# ---- copies go when they have been kept for long enough --------------------------------------------------------------

holds test "$(find "$SIGNET_HOME/blobs" -type f | wc -l)" -gt 10
printf '[sync]\nkeep-copies = 0s\n' >> "$conf"
sleep 1.1 # they were closed in a second before this one
expect 0 "$SIGNET" sync
holds test "$(find "$SIGNET_HOME/blobs" -type f | wc -l)" = 0

# ---- encrypted for who may read it ----------------------------------------------------------------------------------

openssl req -x509 -newkey rsa:2048 -nodes -keyout reader.key -out reader.pem -subj /CN=reader -days 30 \
    -addext keyUsage=keyEncipherment 2> check || failed "no certificate: $(cat check)"
rm "$APACHE_FILES"/*
target archive "$APACHE_URL" "encrypt-to = $tmp/reader.pem" > "$conf"
echo "Secret." > secret.txt
sign secret.txt
expect 75 unshare --net "$SIGNET" sync # made now, and sent later
cp -r "$SIGNET_HOME/blobs" blobs-before
sent=$(sql "SELECT sent_sha256 FROM step WHERE sent_sha256 <> '' LIMIT 1")
install -m 644 "blobs-before/$sent" "$APACHE_FILES/" # it was sent, and the answer never came
expect 0 "$SIGNET" sync
holds test "$(stored)" = 2
for file in $(grep -L signet.ledger-head/1 "$APACHE_FILES"/*); do
    holds test "$(sha256 "$file")" = "${file##*/}"
    holds cmp "$file" "blobs-before/${file##*/}"
    rejects grep -q Secret "$file"
    holds openssl cms -decrypt -inform DER -in "$file" -inkey reader.key -recip reader.pem -out plain
    cp plain "plain.$(sha256 plain)"
done
holds cmp secret.txt "plain.$(sha256 secret.txt)"
holds cmp secret.txt.p7s "plain.$(sha256 secret.txt.p7s)"
holds test "$(sql "SELECT was_there FROM receipt WHERE sha256 = '$sent'")" = 1

# ---- brought back from there ----------------------------------------------------------------------------------------

expect 0 "$SIGNET" get --from archive --output back.p7e secret.txt
holds cmp back.p7e "$APACHE_FILES/$(sha256 back.p7e)"
expect 69 "$SIGNET" get --from archive "$(printf 'ab%.0s' {1..32})"
expect 64 "$SIGNET" get --from nowhere secret.txt
at=$APACHE_FILES/$(sha256 back.p7e)
tamper "$at" x 50
cp x "$at"
rm back.p7e
expect 69 "$SIGNET" get --from archive --output back.p7e secret.txt # what it holds now is not what was stored there
says "[target-differs]"
holds test ! -e back.p7e
target archive "$APACHE_URL" > "$conf"
echo "In the clear." > clear.txt
sign clear.txt
expect 0 "$SIGNET" sync
expect 0 "$SIGNET" get --from archive --json --output back.p7s clear.txt
json level='"B-B"' output='"back.p7s"'
holds cmp back.p7s clear.txt.p7s

# ---- a user and a password ------------------------------------------------------------------------------------------

apache_stop
apache_start tls basic
printf 'ann\narchive\n' > credentials
chmod 600 credentials
with_password=("credentials = $tmp/credentials" "ca-file = $SIGNET_FIXTURES/ca/root.pem")
target archive "${APACHE_URL/https/http}" "${with_password[@]}" > "$conf"
echo "For ann." > ann.txt
sign ann.txt
expect 78 "$SIGNET" sync
says "for everybody to read"
target archive "$APACHE_URL" "${with_password[@]}" > "$conf"
chmod 640 credentials
expect 78 "$SIGNET" sync
says "chmod 600"
chmod 600 credentials
printf 'ann\nwrong-word\n' > credentials
expect 69 "$SIGNET" sync --verbose
says "[server-refused]"
rejects grep -rq "wrong-word" out err "$SIGNET_HOME"
printf 'ann\narchive\n' > credentials
expect 69 "$SIGNET" sync --once # a timer's: nobody is there who may have mended it
says "Nothing is due; what waits is tried when its time comes, or at once: signet outbox retry"
says "Waiting for archive: 2"
expect 0 "$SIGNET" sync # a person's, who has
holds holds_copy ann.txt

# ---- a client key on a token ------------------------------------------------------------------------------------------

apache_stop
apache_start tls client
sealed=("ca-file = $SIGNET_FIXTURES/ca/root.pem" "client-key = pkcs11:token=Signet%20Test;object=p256")
target archive "$APACHE_URL" "${sealed[@]}" > "$conf"
echo "Under seal." > sealed.txt
sign sealed.txt
expect 0 signet_pin sync
holds holds_copy sealed.txt
holds holds_copy sealed.txt.p7s
# Without it the server does not listen; the token is not there: it is named, and all waits.
target archive "$APACHE_URL" "${sealed[0]}" > "$conf"
echo "Unsealed." > unsealed.txt
sign unsealed.txt
expect 69 signet_pin sync
says "[tls]"
target archive "$APACHE_URL" "${sealed[@]}" > "$conf"
mv "$SIGNET_FIXTURES/tokens" "$SIGNET_FIXTURES/pulled"
mkdir "$SIGNET_FIXTURES/tokens"
expect 69 signet_pin sync
says "No token that is there fits pkcs11:token=Signet%20Test;object=p256; insert it"
rm -r "$SIGNET_FIXTURES/tokens"
mv "$SIGNET_FIXTURES/pulled" "$SIGNET_FIXTURES/tokens"
expect 77 "$SIGNET" sync
says "give it with --pin-fd"
expect 0 signet_pin sync
holds holds_copy unsealed.txt

# ---- one at a time --------------------------------------------------------------------------------------------------

expect 75 /usr/bin/python3 -c 'import fcntl, subprocess, sys
with open(sys.argv[1], "r+") as file:
    fcntl.lockf(file, fcntl.LOCK_EX)
    assert b"at work" in subprocess.run([sys.argv[2], "status"], stdout=subprocess.PIPE).stdout
    sys.exit(subprocess.run([sys.argv[2], "sync"]).returncode)' "$SIGNET_HOME/sync.lock" "$SIGNET"
says "[busy]"
expect 0 "$SIGNET" status
rejects grep -q "at work" out
says "The last sync was at"
expect 64 "$SIGNET" sync --once --watch
passed
