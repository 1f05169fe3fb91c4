#!/bin/bash
# Is the ledger's head time-stamped and stored at each target at the end of a sync, once for each state of the ledger,
# and does what the archive has show that a whole store was put back?
. "${SIGNET_SOURCE:-$(dirname "$0")/../..}/tests/support/lib.sh"
. "$SIGNET_SOURCE/tests/support/namespace.sh"
. "$SIGNET_SOURCE/tests/support/server_apache.sh"
. "$SIGNET_SOURCE/tests/support/server_tsa.sh"
. "$SIGNET_SOURCE/tests/support/server_liar.sh"
needs apache2 lighttpd
servers_stop() {
    proxy_stop
    apache_stop
    tsa_stop main
}
at_exit=servers_stop
fixtures
cd "$tmp"
ca=$SIGNET_FIXTURES/ca
key="pkcs11:token=Signet%20Test;id=%03"

# Statements at the target, the newest first by their numbers.
statements() {
    grep -l 'signet.ledger-head/1' "$APACHE_FILES"/* 2> /dev/null | while read -r file; do
        echo "$(/usr/bin/python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["number"])' "$file") $file"
    done | sort -rn | cut -d' ' -f2
}
newest() {
    statements | sed -n 1p
}

apache_start
tsa_start main
cat > "$SIGNET_HOME/signet.conf" <<CONF
[sign]
level = B-T
[tsa "main"]
url = $(tsa_url main)
[target "archive"]
type = webdav
url = $APACHE_URL
CONF
expect 0 "$SIGNET" trust add "$ca/root.pem" --yes --intermediate "$ca/issuing.pem" --crl "$ca/root.crl" --crl "$ca/issuing.crl"
echo one > one.txt
expect 0 signet_pin sign --key "$key" one.txt

# --- one sync, and everything is witnessed, what the sync itself recorded too
expect 0 "$SIGNET" sync
expect 0 "$SIGNET" log --check --json
json result='"ok"' unwitnessed=0 bad=null 'findings.1.check="tsa"' 'findings.1.result="ok"' 'findings.2.check="target"' \
    'findings.2.result="ok"'
holds test "$(statements | wc -l)" = 1
first=$(newest)
holds test "$(sha256sum < "$first" | cut -c1-64)" = "${first##*/}"
cp "$first" out
json 'schema="signet.ledger-head/1"'
expect 0 "$SIGNET" log --check --witness "$first"
expect 0 "$SIGNET" log --export all.json
mkdir proofs
holds /usr/bin/python3 "$SIGNET_SOURCE/tests/support/check_ledger.py" all.json proofs
holds openssl ts -verify -token_in -in proofs/*.token -data "$first" -CAfile "$ca/root.pem" -untrusted "$ca/issuing.pem"
expect 0 "$SIGNET" status --json
json ledger.unwitnessed=0 'ledger.failures=[]' sync.due=false

# --- the next one does nothing
asked=$(tsa_count main)
expect 0 "$SIGNET" sync
says "Nothing was to be done."
holds test "$(statements | wc -l)" = 1
holds test "$(tsa_count main)" = "$asked"

# --- who cannot witness is named, once, and made up for later
tsa_mode main fail
echo two > two.txt
expect 0 signet_pin sign --key "$key" --no-upload two.txt || true
expect 0 "$SIGNET" trust add "$ca/root.pem" --yes
for _ in 1 2 3; do
    "$SIGNET" sync > sync.log 2>&1 || true
done
expect 0 "$SIGNET" status
says "The ledger is not witnessed by a time-stamp since"
says "[server-failed]"
expect 0 "$SIGNET" log
holds test "$(grep -c 'witness-failed' out)" = 1
expect 0 "$SIGNET" log --check --json
json result='"ok"'
tsa_mode main good
expect 0 "$SIGNET" outbox retry
expect 0 "$SIGNET" sync
expect 0 "$SIGNET" log --check --json
json result='"ok"' unwitnessed=0
expect 0 "$SIGNET" status --json
json 'ledger.failures=[]'

# --- cut off while it is stored: what is half there is written over by the next, which is another one, and goes
expect 0 "$SIGNET" trust add "$ca/root.pem" --yes
proxy_start "$APACHE_PORT"
network "cut-answer 0"
sed -i "s|^url = $APACHE_URL|url = http://127.0.0.1:$PROXY_PORT/archive|" "$SIGNET_HOME/signet.conf"
"$SIGNET" sync > sync.log 2>&1 || true
holds test "$(find "$APACHE_FILES" -name '*.part' | wc -l)" = 1
expect 0 "$SIGNET" trust add "$ca/root.pem" --yes
before=$(newest)
network pass
expect 0 "$SIGNET" sync
holds test "$(newest)" != "$before"
holds test -z "$(find "$APACHE_FILES" -name '*.part')"
sed -i "s|^url = http://127.0.0.1:$PROXY_PORT/archive|url = $APACHE_URL|" "$SIGNET_HOME/signet.conf"

# --- a store put back as a whole: only what the archive has shows it
cp -r "$SIGNET_HOME" before
echo three > three.txt
expect 0 signet_pin sign --key "$key" three.txt
expect 0 "$SIGNET" sync
later=$(newest)
holds test "$later" != "$first"
expect 0 "$SIGNET" log --check --witness "$later" --witness "$first"
rm -rf "$SIGNET_HOME"
mv before "$SIGNET_HOME"
expect 0 "$SIGNET" log --check
expect 1 "$SIGNET" log --check --witness "$later"
says "an older copy was put back"

# --- a time-stamp without revocation data is said to be there, and what it lacks
export SIGNET_HOME=$tmp/bare
mkdir -m 700 "$SIGNET_HOME"
expect 0 "$SIGNET" trust add "$ca/root.pem" --yes
printf '[tsa "main"]\nurl = %s\n' "$(tsa_url main)" > "$SIGNET_HOME/signet.conf"
echo bare > bare.txt
expect 0 signet_pin sign --key "$key" bare.txt
# without its authority, a time-stamp waits, and what to do is said
mv "$SIGNET_HOME/signet.conf" conf
expect 78 "$SIGNET" sync
says "The configuration has no time-stamp authority; add one ([tsa], signet.conf(5))."
mv conf "$SIGNET_HOME/signet.conf"
expect 0 "$SIGNET" sync
expect 0 "$SIGNET" status --json
last=$(jq .ledger.witnessed out)
json ledger.unwitnessed=0
expect 0 "$SIGNET" log --check
says "Entries up to $last have a time-stamp that cannot be judged here, for want of what is said above"
says "The time-stamp of entry $last by main does not hold: "
rejects grep -q "No entry is witnessed" out
expect 0 "$SIGNET" trust add --intermediate "$ca/issuing.pem" --crl "$ca/root.crl" --crl "$ca/issuing.crl"
expect 0 "$SIGNET" log --check
says "Entry $last and all before it were there at"
rejects grep -q "cannot be judged" out

passed
