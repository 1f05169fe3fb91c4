#!/bin/bash
# Is TLS as strict as it has to be, with a client key that never leaves its token?
. "${SIGNET_SOURCE:-$(dirname "$0")/../..}/tests/support/lib.sh"
. "$SIGNET_SOURCE/tests/support/push.sh"
. "$SIGNET_SOURCE/tests/support/server_apache.sh"
. "$SIGNET_SOURCE/tests/support/server_forward_proxy.sh"
command -v strace > /dev/null || skip "strace is not installed"
at_exit=stop_all
stop_all() {
    forward_proxy_stop
    apache_stop
}

# --- TLS ----------------------------------------------------------------------------------------------------------------

apache_start tls basic
document tls
ann=(--user ann --password archive)
expect 0 push --ca "$ca" "${ann[@]}" webdav "$APACHE_URL" "$tmp/tls"
holds cmp "$APACHE_FILES/$key" "$tmp/tls"
expect 1 push --ca "$ca" --user ann --password archivist webdav "$APACHE_URL" "$tmp/tls"
says "server-refused $tmp/tls: The target \"archive\" did not do what was asked: https://localhost:$APACHE_PORT does not accept the user and password"
expect 1 push webdav "$APACHE_URL" "$tmp/tls"
says "tls $tmp/tls: The TLS certificate of https://localhost:$APACHE_PORT leads to no CA that is trusted"
expect 1 push --ca "$ca" webdav "https://ip6-localhost.invalid:$APACHE_PORT" "$tmp/tls"
says "network $tmp/tls"
# By a proxy: the name, the chain and the password are the server's affair, and the proxy sees none of them.
forward_proxy_start
document proxied
expect 0 push --ca "$ca" "${ann[@]}" --proxy "$FORWARD_PROXY" webdav "$APACHE_URL" "$tmp/proxied"
holds cmp "$APACHE_FILES/$key" "$tmp/proxied"
proxied() { # COUNT: tunnels; the proxy logs one when it has ended
    server_idle "${FORWARD_PROXY##*:}"
    holds test "$(grep -c "^CONNECT localhost:$APACHE_PORT " "$tmp/forward-proxy/access.log")" = "$1"
}
proxied 1
rejects grep -q "archive" "$tmp/forward-proxy/access.log"
expect 1 push "${ann[@]}" --proxy "$FORWARD_PROXY" webdav "$APACHE_URL" "$tmp/proxied"
says "leads to no CA that is trusted"
expect 0 env https_proxy="$FORWARD_PROXY" no_proxy=elsewhere.example "$SIGNET_BUILD/tests/push_driver" --proxy env \
    --state "$tmp/state" --ca "$ca" "${ann[@]}" webdav "$APACHE_URL" "$tmp/proxied"
proxied 3
expect 0 env https_proxy="$FORWARD_PROXY" no_proxy=localhost "$SIGNET_BUILD/tests/push_driver" --proxy env \
    --state "$tmp/state" --ca "$ca" "${ann[@]}" webdav "$APACHE_URL" "$tmp/proxied"
proxied 3
forward_proxy_stop
expect 1 push --ca "$ca" --proxy "$FORWARD_PROXY" webdav "$APACHE_URL" "$tmp/proxied"
says "network $tmp/proxied: The proxy that leads to https://localhost:$APACHE_PORT cannot be connected to"
forward_proxy_start closed
expect 1 push --ca "$ca" --proxy "$FORWARD_PROXY" webdav "$APACHE_URL" "$tmp/proxied"
says "network $tmp/proxied: The proxy does not lead to https://localhost:$APACHE_PORT (status 403)"
forward_proxy_stop
apache_stop
for wrong in "name DNS:elsewhere.example is_not_for_this_name -days 30" \
    "time DNS:localhost is_not_valid_at_this_computer's_time -days -1"; do
    read -r what hosts words days number <<< "$wrong"
    rm -f "$tmp"/server.*
    server_certificate "$tmp/server" "$hosts" "$days" "$number"
    apache_start tls
    expect 1 push --ca "$ca" webdav "$APACHE_URL" "$tmp/tls"
    says "tls $tmp/tls: The TLS certificate of https://localhost:$APACHE_PORT ${words//_/ }"
    apache_stop
done
rm -f "$tmp"/server.*

# --- a client key on a token --------------------------------------------------------------------------------------------

export SIGNET_TEST_HOST=$SIGNET_BUILD/agent/libexec/signet/signet-token-host
for version in TLSv1.2 TLSv1.3; do
    apache_start tls client "$version"
    for label in rsa3072 p256 p384 pss2048; do
        document "$label"
        expect 0 push --ca "$ca" --key "pkcs11:object=$label" webdav "$APACHE_URL" "$tmp/$label"
        says "stored $tmp/$label 201"
        holds cmp "$APACHE_FILES/$key" "$tmp/$label"
    done
    expect 1 push --ca "$ca" webdav "$APACHE_URL" "$tmp/tls"
    says "tls $tmp/tls: https://localhost:$APACHE_PORT ended the TLS handshake; perhaps it wants a client certificate"
    # It may refuse while something is on its way to it, which then cannot be sent.
    for _ in 1 2 3; do
        expect 1 strace -f -qq -o /dev/null -e trace=sendto -e inject=sendto:delay_enter=100000:when=4+ \
            "$SIGNET_BUILD/tests/push_driver" --state "$tmp/state" --timeout 60 --ca "$ca" webdav "$APACHE_URL" "$tmp/tls"
        says "tls $tmp/tls: https://localhost:$APACHE_PORT ended the TLS handshake; perhaps it wants a client certificate"
    done
    expect 1 push --ca "$ca" --key pkcs11:object=expired webdav "$APACHE_URL" "$tmp/tls"
    says "tls $tmp/tls: https://localhost:$APACHE_PORT ended the TLS handshake; perhaps it does not accept the client certificate"
    [ "$version" = TLSv1.3 ] || apache_stop
done
# The token is pulled between two handshakes.
document before
document after
mkfifo "$tmp/go"
push --ca "$ca" --key pkcs11:object=p256 --parallel 1 --again yes webdav "$APACHE_URL" "$tmp/before" "$tmp/after" \
    < "$tmp/go" > "$tmp/pulled" 2>&1 &
pushing=$!
exec 8> "$tmp/go"
for ((i = 0; i < 1200; i++)); do
    ! grep -q "stored" "$tmp/pulled" || break
    sleep 0.05
done
holds grep -q "stored $tmp/before" "$tmp/pulled"
mv "$SIGNET_FIXTURES/tokens" "$SIGNET_FIXTURES/pulled"
echo go >&8
ended=0
wait $pushing || ended=$?
holds test $ended = 1
holds grep -q "{.*Signet Test.*}" "$tmp/pulled"
passed
