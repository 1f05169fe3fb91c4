#!/bin/bash
# A server that never stops and never gets anywhere, too fast for the limit on silence: is it left, and asked in vain
# only for so long; does the next TSA take its place; and does what is signed meanwhile reach its target?
. "${SIGNET_SOURCE:-$(dirname "$0")/../..}/tests/support/lib.sh"
. "$SIGNET_SOURCE/tests/support/namespace.sh"
. "$SIGNET_SOURCE/tests/support/server_apache.sh"
. "$SIGNET_SOURCE/tests/support/server_liar.sh"
. "$SIGNET_SOURCE/tests/support/server_tsa.sh"
needs apache2 lighttpd
stop() {
    proxy_stop
    apache_stop
}
at_exit=stop
fixtures
cd "$tmp"
conf=$SIGNET_HOME/signet.conf
dripping="drip 100 0.5" # 200 bytes a second

sign() { # FILE
    echo "This is $1." > "$1"
    expect 0 signet_pin sign --key "pkcs11:token=Signet%20Test;id=%03" "$1"
}
holds_copy() { # FILE
    cmp -s "$1" "$APACHE_FILES/$(sha256sum < "$1" | cut -c1-64)"
}

# ---- what is fetched -------------------------------------------------------------------------------------------------

apache_start
proxy_start "$APACHE_PORT"
network "$dripping"
mkdir -p "$APACHE_FILES"
[ "$(id -u)" != 0 ] || chown www-data "$APACHE_FILES"
head -c 140000 /dev/urandom > "$APACHE_FILES/list"
cat > "$conf" << END
[sync]
timeout = 6s
[trust]
list = http://127.0.0.1:$PROXY_PORT/archive/list
list-signer = $(printf 'ab%.0s' {1..32})
[target "archive"]
type = webdav
url = $APACHE_URL
END
sign first.txt
"$SIGNET" sync > sync.out 2> sync.err < /dev/null &
first=$!
until_holds holds_copy first.txt.p7s
sign second.txt # while it is at it
expect 75 "$SIGNET" sync
says "[busy]"
until_holds holds_copy second.txt.p7s
holds kill -0 "$first" # so it was this one that took it
status=0
wait "$first" || status=$?
holds test "$status" = 0
holds grep -q "/archive/list: http://127.0.0.1:$PROXY_PORT was too slow, with .* bytes in .* seconds, and was left" sync.err
expect 0 "$SIGNET" status --json
json pulls.0.kind='"list"' pulls.0.code='"timeout"'

# One that is slow and gets there is waited for, also when it takes longer than a server may cost: three times the timeout.
network "drip 4000 0.25"
cp "$APACHE_FILES/list" "$APACHE_FILES/slow"
sed -i 's/^timeout = 6s/timeout = 2s/; s,/archive/list$,/archive/slow,' "$conf"
began=$(date +%s)
expect 0 "$SIGNET" sync
holds test $(($(date +%s) - began)) -gt 6
says "/archive/slow: "
rejects grep -q "too slow" err # all of it came, and it is no list
proxy_stop

# ---- time-stamps -----------------------------------------------------------------------------------------------------

tsa_start main
tsa_start other
proxy_start "${tsa_ports[main]}"
network "$dripping"
holds "$SIGNET" trust add "$SIGNET_FIXTURES/ca/root.pem" --yes
for crl in root issuing; do
    holds "$SIGNET" trust add --crl "$SIGNET_FIXTURES/ca/$crl.crl" --intermediate "$SIGNET_FIXTURES/ca/issuing.pem"
done
cat > "$conf" << END
[sync]
timeout = 2s
[tsa "main"]
url = http://127.0.0.1:$PROXY_PORT/tsa
order = 1
[tsa "other"]
url = $(tsa_url other)
order = 2
END
sign third.txt
expect 0 "$SIGNET" sync
says "Time-stamped by other: $tmp/third.txt.p7s"
passed
