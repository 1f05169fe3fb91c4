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
# --- a run of many, by PUT ----------------------------------------------------------------------------------------------

many() { # COUNT: new documents, in ${documents[@]}
    local i
    documents=()
    for ((i = 1; i <= $1; i++)); do
        document "many$i"
        documents+=("$tmp/many$i")
    done
    : > "$tmp/liar.log"
}
asked() { # COUNT METHOD [PATH]: so many requests
    holds test "$(grep -c "^$2 ${3:-}" "$tmp/liar.log")" = "$1"
}
push_one_by_one() { # CODE URL
    expect "$1" push --parallel 1 put "$2" "${documents[@]}"
}
learn=16 # objects, before it is found out whether conditions are honoured

# One that honours conditions is asked no more: the object behind those is put twice, once it is read back.
many $((learn + 4))
push_one_by_one 0 "$LIAR_URL/many"
asked $((learn + 1)) HEAD
asked $((learn + 5)) PUT
holds test "$(grep -c "^PUT .* 412" "$tmp/liar.log")" = 1
holds test "$(sed -n "$((3 * learn + 3)),$((3 * learn + 6))p" "$tmp/liar.log" | cut -d ' ' -f 1 | xargs)" = "GET PUT PUT GET"
holds test "$(grep -c "^stored .* 201" "$tmp/out")" = $((learn + 4))
# What is there already, and what somebody else put there, is told as ever.
many $((learn + 5))
key=$(sha "$tmp/many$((learn + 3))")
curl -s -X PUT -d "somebody else's" "$LIAR_URL/many/$key"
expect 0 push put "$LIAR_URL/many" "$tmp/many$((learn + 2))"
: > "$tmp/liar.log"
push_one_by_one 1 "$LIAR_URL/many"
asked $((learn + 1)) HEAD
says "there $tmp/many$((learn + 2)) 200"
says "target-differs $tmp/many$((learn + 3)): The target \"archive\" holds other bytes at $LIAR_URL/many/$key"
holds test "$(curl -s "$LIAR_URL/many/$key")" = "somebody else's"
holds test "$(grep -c "^stored .* 201" "$tmp/out")" = $((learn + 3))
# One that ignores them goes on being asked, and the object that was put twice is read twice.
many $((learn + 4))
liar deaf 0
push_one_by_one 0 "$LIAR_URL/many"
asked $((learn + 4)) HEAD
asked $((learn + 5)) PUT
asked $((learn + 5)) GET
# One that ignores them later is asked again as soon as it tells of an object that it was not new.
liar honest
many $((learn + 5))
key=$(sha "$tmp/many$((learn + 2))")
curl -s -X PUT -d "somebody else's" "$LIAR_URL/many/$key"
liar deaf $((learn + 2))
: > "$tmp/liar.log"
push_one_by_one 0 "$LIAR_URL/many"
asked $((learn + 1 + 3)) HEAD
says "stored $tmp/many$((learn + 2)) 204"
says "stored $tmp/many$((learn + 5)) 201"
# It is cut while it is asked: nobody has a receipt for that object until it is compared again.
liar honest
many $((learn + 2))
liar cut-412
push_one_by_one 1 "$LIAR_URL/many"
says "network $tmp/many$((learn + 1)): "
asked $((learn + 2)) HEAD
liar honest
expect 0 push put "$LIAR_URL/many" "$tmp/many$((learn + 1))"
says "there $tmp/many$((learn + 1)) 200"
# So with real ones.
for url in "$APACHE_URL" "$NGINX_URL"; do
    folder=$APACHE_FILES
    [ "$url" = "$APACHE_URL" ] || folder=$NGINX_FILES
    many $((learn + 3))
    key=$(sha "$tmp/many$((learn + 2))")
    echo "somebody else's" > "$folder/$key"
    server_idle "$APACHE_PORT"
    : > "$tmp/apache/access.log"
    push_one_by_one 1 "$url"
    says "target-differs $tmp/many$((learn + 2)): The target \"archive\" holds other bytes at $url/$key"
    holds test "$(cat "$folder/$key")" = "somebody else's"
    holds test "$(grep -c "^stored " "$tmp/out")" = $((learn + 2))
    holds cmp "$folder/$(sha "$tmp/many$((learn + 1))")" "$tmp/many$((learn + 1))"
    server_idle "$APACHE_PORT"
    [ "$url" != "$APACHE_URL" ] || holds test "$(grep -c "^HEAD" "$tmp/apache/access.log")" = $((learn + 1))
done

# --- killed -------------------------------------------------------------------------------------------------------------

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
push_timeout=2 expect 1 push webdav "$bad_url" "$tmp/drip"
says "timeout $tmp/drip: http://127.0.0.1:$PROXY_PORT made no progress for 2 seconds"
expect 1 push webdav http://no-such-host.invalid/archive "$tmp/drip"
says "network $tmp/drip: The name of http://no-such-host.invalid:80 is not known"
apache_stop
expect 1 push webdav "$APACHE_URL" "$tmp/drip"
says "refuses the connection"
passed
