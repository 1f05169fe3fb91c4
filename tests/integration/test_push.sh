#!/bin/bash
# Does a target hold exactly the bytes that it was given, once, whoever was there before, and when the network cuts, delays
# or drips?
. "${SIGNET_SOURCE:-$(dirname "$0")/../..}/tests/support/lib.sh"
. "$SIGNET_SOURCE/tests/support/push.sh"
. "$SIGNET_SOURCE/tests/support/server_apache.sh"
. "$SIGNET_SOURCE/tests/support/server_nginx_dav.sh"
. "$SIGNET_SOURCE/tests/support/server_liar.sh"
at_exit=stop_all
stop_all() {
    apache_stop
    nginx_dav_stop
    liar_stop
    proxy_stop
}

liar_has() { # COUNT
    holds test "$(curl -s "$LIAR_URL/count")" = "$1"
}

# --- servers that are as they should be ---------------------------------------------------------------------------------

liar_start
for type in webdav put; do
    document "$type"
    : > "$tmp/liar.log"
    expect 0 push $type "$LIAR_URL/archive" "$tmp/$type"
    says "stored $tmp/$type 201"
    holds test "$(grep -c . "$tmp/liar.log")" -le 3
    expect 0 push $type "$LIAR_URL/archive" "$tmp/$type"
    says "there $tmp/$type 200"
    expect 0 push --get "$key" $type "$LIAR_URL/archive"
    holds cmp "$tmp/out" "$tmp/$type"
done
liar_has 2

# Nobody writes over what somebody else put there, whether the server honours conditions or not.
apache_start
nginx_dav_start
for type in webdav put; do
    for url in "$APACHE_URL" "$NGINX_URL"; do
        document other
        expect 0 push webdav "$url" "$tmp/other"
        folder=$APACHE_FILES
        [ "$url" = "$APACHE_URL" ] || folder=$NGINX_FILES
        holds cmp "$folder/$key" "$tmp/other"
        echo "somebody else's" > "$folder/$key"
        expect 1 push $type "$url" "$tmp/other"
        says "target-differs $tmp/other: The target \"archive\" holds other bytes at $url/$key"
        holds test "$(cat "$folder/$key")" = "somebody else's"
        holds test -z "$(find "$folder" -name '*.part')"
        expect 1 push --get "$key" $type "$url"
        says "target-differs: What the target \"archive\" holds"
        document new
        expect 0 push $type "$url" "$tmp/new"
        says "stored $tmp/new 20"
        holds cmp "$folder/$key" "$tmp/new"
    done
done
# What a killed run left behind is written over, and goes.
document killed
network "cut-answer 0"
proxy_start "$APACHE_PORT"
network "cut-answer 1"
expect 1 push webdav "http://127.0.0.1:$PROXY_PORT/archive" "$tmp/killed"
says "network $tmp/killed: The connection with http://127.0.0.1:$PROXY_PORT was cut"
holds test "$(find "$APACHE_FILES" -name "$key*.part" | wc -l)" = 1
expect 0 push webdav "$APACHE_URL" "$tmp/killed"
holds cmp "$APACHE_FILES/$key" "$tmp/killed"
holds test -z "$(find "$APACHE_FILES" -name '*.part')"

# --- networks -----------------------------------------------------------------------------------------------------------

proxy_stop
proxy_start "$APACHE_PORT"
bad_url=http://127.0.0.1:$PROXY_PORT/archive
cuts() { # LINE...
    network "$@"
    document cut
    expect 1 push webdav "$bad_url" "$tmp/cut"
    says "network $tmp/cut: "
    says "http://127.0.0.1:$PROXY_PORT"
    holds test ! -e "$APACHE_FILES/$key"
    network pass
    expect 0 push webdav "$bad_url" "$tmp/cut"
    holds cmp "$APACHE_FILES/$key" "$tmp/cut"
}
cuts "cut 100"
cuts "cut 10000"
cuts "cut-answer 10"
cuts "cut-answer 5000"
cuts refuse
# What is large goes on where it stopped: all of it again would be cut again.
head -c 50000000 /dev/urandom > "$tmp/large"
key=$(sha "$tmp/large")
network "cut 34000000"
expect 1 push webdav "$bad_url" "$tmp/large"
says "network $tmp/large: "
holds test ! -e "$APACHE_FILES/$key"
network "cut 34000000"
expect 0 push webdav "$bad_url" "$tmp/large"
holds cmp "$APACHE_FILES/$key" "$tmp/large"
holds test -z "$(find "$APACHE_FILES" -name '*.part')"
# nginx takes no parts.
expect 0 push webdav "$NGINX_URL" "$tmp/large"
holds cmp "$NGINX_FILES/$key" "$tmp/large"
network "delay 0.3" "drip 4000 0.01"
document slow
expect 0 push webdav "$bad_url" "$tmp/slow"
holds cmp "$APACHE_FILES/$key" "$tmp/slow"
network "drip 10 0.5"
document drip
expect 1 push webdav "$bad_url" "$tmp/drip"
says "timeout $tmp/drip: http://127.0.0.1:$PROXY_PORT made no progress for 2 seconds"
expect 1 push webdav http://no-such-host.invalid/archive "$tmp/drip"
says "network $tmp/drip: The name of http://no-such-host.invalid:80 is not known"
apache_stop
expect 1 push webdav "$APACHE_URL" "$tmp/drip"
says "refuses the connection"
passed
