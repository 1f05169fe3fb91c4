#!/bin/bash
# The copies that the store keeps: do they go when their time is over, on record; and does the only copy of a completed
# file stay until somebody says that it may go?
. "${SIGNET_SOURCE:-$(dirname "$0")/../..}/tests/support/lib.sh"
. "$SIGNET_SOURCE/tests/support/namespace.sh"
. "$SIGNET_SOURCE/tests/support/server_apache.sh"
. "$SIGNET_SOURCE/tests/support/server_tsa.sh"
needs apache2 faketime
at_exit=apache_stop
fixtures
cd "$tmp"
key="pkcs11:token=Signet%20Test;id=%03"
later() { # COMMAND...
    ASAN_OPTIONS=$ASAN_OPTIONS:verify_asan_link_order=0:detect_leaks=0 faketime -f +31d "$@"
}
blobs() {
    find "$SIGNET_HOME/blobs" -type f | wc -l
}

holds "$SIGNET" trust add "$SIGNET_FIXTURES/ca/root.pem" --yes
for crl in root issuing; do
    holds "$SIGNET" trust add --crl "$SIGNET_FIXTURES/ca/$crl.crl" --intermediate "$SIGNET_FIXTURES/ca/issuing.pem"
done
apache_start
tsa_start main
cat > "$SIGNET_HOME/signet.conf" << END
[tsa "main"]
url = $(tsa_url main)
[target "archive"]
type = webdav
url = $APACHE_URL
END

# --- one that is stored, one that is in its place, one that is nowhere else
mkdir moved
for name in stored placed alone; do
    echo "$name" > $name.txt
done
expect 0 signet_pin sign --key "$key" stored.txt
expect 0 signet_pin sign --key "$key" --no-upload placed.txt alone.txt
mv stored.txt.p7s alone.txt.p7s moved
expect 0 "$SIGNET" sync --dry-run
says "Would have time-stamped: $PWD/alone.txt.p7s"
says "Would have time-stamped: the ledger's head"
cp "$SIGNET_HOME/signet.conf" with-tsa
sed -i '/tsa/,/url/d' "$SIGNET_HOME/signet.conf" # what no server is there for is not done
expect 0 "$SIGNET" sync --dry-run
rejects grep "time-stamped" out
says "Would bring to archive (B-B): $PWD/stored.txt.p7s"
cp with-tsa "$SIGNET_HOME/signet.conf"
expect 0 "$SIGNET" sync
expect 0 "$SIGNET" status
says "kept in the store, since the signed file was moved or changed: 2"
says "signet get brings them; signet forget ends this"
holds test "$(blobs)" = 7

# --- 31 days later: what is elsewhere goes, with an entry each
expect 0 later "$SIGNET" sync
holds test "$(blobs)" = 2 # alone.txt.p7s as it was signed and as it was completed
expect 0 "$SIGNET" log --json
holds test "$(grep -c '"event": *"expired"' out)" = 2
expect 0 "$SIGNET" status
says "was moved or changed: 1"
says "$PWD/alone.txt.p7s"
rejects grep -q "stored.txt" out
expect 0 "$SIGNET" get alone.txt.p7s --output got
expect 0 "$SIGNET" verify --content alone.txt got --json
json 'signatures.0.level="B-T"'
cp got alone.txt.p7s
expect 66 "$SIGNET" get stored.txt --output other
says "signet get --from TARGET fetches it"
expect 0 "$SIGNET" get --from archive stored.txt --output other
expect 66 "$SIGNET" get placed.txt --output third
says "no target has it by any receipt"
expect 0 "$SIGNET" receipt placed.txt
says "its copies are not kept here since"
expect 0 later "$SIGNET" log --check

# --- forgotten by whom it belongs to
expect 0 "$SIGNET" forget alone.txt
holds test "$(blobs)" = 0
expect 0 "$SIGNET" status
rejects grep -q "alone.txt" out
passed
