#!/bin/bash
# Does `signet sync --watch` notice that a network came, that a document was signed, and that it is to end? The network
# is a namespace's: its loopback goes down and comes up again.
. "${SIGNET_SOURCE:-$(dirname "$0")/../..}/tests/support/lib.sh"
. "$SIGNET_SOURCE/tests/support/namespace.sh"
. "$SIGNET_SOURCE/tests/support/server_apache.sh"
needs apache2 ip
watcher=
stop() {
    [ -z "$watcher" ] || kill "$watcher" 2> /dev/null || true
    apache_stop
}
at_exit=stop
fixtures
cd "$tmp"
key="pkcs11:token=Signet%20Test;id=%03"
apache_start
printf '[target "archive"]\ntype = webdav\nurl = http://127.0.0.1:%s/archive\n[sync]\ninterval = 1h\ntimeout = 20s\n' "$APACHE_PORT" \
    > "$SIGNET_HOME/signet.conf"
echo "one" > one.txt
expect 0 signet_pin sign --key "$key" one.txt

stored() { # FILE
    cmp -s "$1" "$APACHE_FILES/$(sha256sum < "$1" | cut -c1-64)"
}
# Of the watcher: how often it has tried.
tried() {
    grep -cE '\[(network|timeout)\]' watch.err
}

holds ip link set lo down
"$SIGNET" sync --watch > watch.out 2> watch.err < /dev/null &
watcher=$!
until_holds grep -qE "\[(network|timeout)\]" watch.err
holds test ! -e "$APACHE_FILES/$(sha256sum < one.txt | cut -c1-64)"

holds ip link set lo up # long before the next try, which is a minute off
until_holds stored one.txt
until_holds stored one.txt.p7s
before=$(tried)

echo "two" > two.txt
expect 0 signet_pin sign --key "$key" two.txt
until_holds stored two.txt
until_holds stored two.txt.p7s
holds test "$(tried)" = "$before" # and it did not try all the time

holds kill -TERM "$watcher"
status=0
wait "$watcher" || status=$?
watcher=
holds test "$status" = 143 # as whoever started it expects of SIGTERM
expect 0 "$SIGNET" sync
says "Nothing was to be done."
passed
