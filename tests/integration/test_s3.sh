#!/bin/bash
# Does an S3 bucket hold exactly the bytes that were sent, once, whatever the server can do and says? With Ceph's
# gateway, and with a front before it that makes it one of the less able ones.
. "${SIGNET_SOURCE:-$(dirname "$0")/../..}/tests/support/lib.sh"
. "$SIGNET_SOURCE/tests/support/namespace.sh"
. "$SIGNET_SOURCE/tests/support/server_radosgw.sh"
. "$SIGNET_SOURCE/tests/support/server_liar.sh"
needs radosgw
at_exit=stop_all
stop_all() {
    front_stop
    proxy_stop
    radosgw_stop
}
radosgw_start 2048
mkdir "$tmp/state"

push() { # OPTION... URL FILE...
    push_as "$S3_USER" "$S3_PASSWORD" "$@"
}
push_as() { # USER PASSWORD OPTION... URL FILE...
    local user=$1 password=$2
    shift 2
    "$SIGNET_BUILD/tests/push_driver" --user "$user" --password "$password" --region us-east-1 --state "$tmp/state" \
        --queued yes "${@:1:$#-2}" s3 "${@: -2}"
}
document() { # NAME [SIZE]: a new one, and its key
    head -c "${2:-20000}" /dev/urandom > "$tmp/$1"
    key=$(sha256sum < "$tmp/$1" | cut -d ' ' -f 1)
}
remove() { # NAME: here and in the bucket; it was large
    holds test "$(s3_status DELETE "/archive/$key")" = 204
    rm "$tmp/$1"
}
in_bucket() { # BUCKET NAME: the bytes are there
    s3 GET "/$1/$key" > "$tmp/body"
    holds cmp "$tmp/body" "$tmp/$2"
}
uploads() { # BUCKET: ids of uploads in parts that are under way
    s3 GET "/$1?uploads=" | grep -o '<UploadId>[^<]*' | cut -d '>' -f 2 || true
}
asked() { # COUNT METHOD PATTERN: the front was, since the last `forget`
    holds test "$(grep -cE "^$2 .*$3" "$tmp/front.log")" = "$1"
}
comes_to() { # COUNT: parts that the front has passed on
    local i
    for ((i = 0; i < 600; i++)); do
        [ "$(grep -c '^PUT .*partNumber=.* 200' "$tmp/front.log")" != "$1" ] || break
        sleep 0.1
    done
    asked "$1" PUT 'partNumber=.* 200'
}
forget() {
    : > "$tmp/front.log"
}

radosgw_ready
holds test "$(s3_status PUT /archive)" = 200
front_start

# --- stored once ------------------------------------------------------------------------------------------------------

document one
expect 0 push "$FRONT_URL/archive" "$tmp/one"
says "stored $tmp/one 200"
in_bucket archive one
asked 1 HEAD ''
asked 1 PUT ''
asked 1 GET ''
forget
expect 0 push "$FRONT_URL/archive" "$tmp/one"
says "there $tmp/one 200 \"$(md5sum < "$tmp/one" | cut -d ' ' -f 1)\""
asked 0 PUT ''
holds test "$(s3_keys archive)" = "$key"

# In a folder of the bucket, and an object without a byte.
document two
: > "$tmp/empty"
expect 0 push "$S3_URL/archive/of/2026" "$tmp/two"
in_bucket archive/of/2026 two
expect 0 push "$S3_URL/archive" "$tmp/empty"
holds test "$(s3_status HEAD "/archive/$S3_EMPTY_SHA256")" = 200

# Six at once, each a program of its own: one stores it.
document race
pids=()
for i in 1 2 3 4 5 6; do
    mkdir "$tmp/state$i"
    "$SIGNET_BUILD/tests/push_driver" --user "$S3_USER" --password "$S3_PASSWORD" --region us-east-1 \
        --state "$tmp/state$i" s3 "$S3_URL/archive" "$tmp/race" > "$tmp/race$i" &
    pids+=($!)
done
for pid in "${pids[@]}"; do holds wait "$pid"; done
holds test "$(cat "$tmp"/race[1-6] | grep -c '^stored')" = 1
holds test "$(cat "$tmp"/race[1-6] | grep -c '^there')" = 5
in_bucket archive race

# What somebody else put there stays, and is named; it makes no difference whether the condition would have held.
for what in "somebody else's" ''; do
    document other
    printf %s "$what" > "$tmp/else"
    holds test "$(s3_put "/archive/$key" "$tmp/else")" = 200
    expect 1 push "$S3_URL/archive" "$tmp/other"
    says "target-differs $tmp/other:"
    in_bucket archive else
done
document longer
cat "$tmp/longer" "$tmp/longer" > "$tmp/else"
holds test "$(s3_put "/archive/$key" "$tmp/else")" = 200
expect 1 push "$S3_URL/archive" "$tmp/longer"
says "target-differs $tmp/longer:"

# It comes back as it was, or not at all.
key=$(sha256sum < "$tmp/one" | cut -d ' ' -f 1)
fetch() {
    "$SIGNET_BUILD/tests/push_driver" --user "$S3_USER" --password "$S3_PASSWORD" --region us-east-1 --get "$key" s3 "$@"
}
expect 0 fetch "$S3_URL/archive"
holds cmp "$tmp/out" "$tmp/one"
key=$(sha256sum < "$tmp/longer" | cut -d ' ' -f 1)
expect 1 fetch "$S3_URL/archive"
says target-differs:
key=$(sha256sum < "$tmp/longer" | tr 0-9a-f 1-9a-f0 | cut -d ' ' -f 1)
expect 1 fetch "$S3_URL/archive"
says "has nothing under that name"

# --- servers that can less ----------------------------------------------------------------------------------------------

# 501 to a condition: without it, and still once.
front refuse
forget
document refused
expect 0 push "$FRONT_URL/archive" "$tmp/refused"
says "stored $tmp/refused 200"
in_bucket archive refused
asked 1 PUT ' 501$'
asked 1 PUT ' 200$'
expect 0 push "$FRONT_URL/archive" "$tmp/refused"
says "there $tmp/refused"
asked 2 PUT ''
expect 0 push "$FRONT_URL/archive" "$tmp/one"
says "there $tmp/one"
document other
holds test "$(s3_put "/archive/$key" "$tmp/one")" = 200
expect 1 push "$FRONT_URL/archive" "$tmp/other"
says "target-differs $tmp/other:"
in_bucket archive one

# The condition is not looked at, as Ceph itself does in a bucket that keeps versions: one version, and nothing is
# written over.
holds test "$(s3_status PUT /versions)" = 200
echo '<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>' > "$tmp/enable"
holds test "$(s3_put '/versions?versioning=' "$tmp/enable")" = 200
front ignore
for url in "$FRONT_URL" "$S3_URL"; do
    for bucket in archive versions; do
        document ignored
        for i in 1 2 3; do
            expect 0 push "$url/$bucket" "$tmp/ignored"
        done
        in_bucket $bucket ignored
        document other
        holds test "$(s3_put "/$bucket/$key" "$tmp/one")" = 200
        expect 1 push "$url/$bucket" "$tmp/other"
        says "target-differs $tmp/other:"
        in_bucket $bucket one
    done
done
holds test "$(s3 GET '/versions?versions=' | grep -o '<VersionId>' | wc -l)" = 4 # two documents, two others

# Who may not list a bucket is not told what is in it: the condition still is.
front cannot-list
document unlisted
expect 0 push "$FRONT_URL/archive" "$tmp/unlisted"
says "stored $tmp/unlisted 200"
forget
expect 0 push "$FRONT_URL/archive" "$tmp/unlisted"
says "there $tmp/unlisted 200"
asked 1 PUT ' 412$'

# Bytes that were damaged on their way are not kept.
front damage
document damaged
expect 1 push "$FRONT_URL/archive" "$tmp/damaged"
says "bad-answer $tmp/damaged:"
says "got other bytes than it was to get"
holds test "$(s3_status HEAD "/archive/$key")" = 404
front honest

# --- in parts ---------------------------------------------------------------------------------------------------------

two_parts=$((16 * 1048576 + 10))
three_parts=$((48 * 1048576 - 10)) # the third is more than lies in sockets, once who sent it is gone

forget
document whole $two_parts
expect 0 push "$FRONT_URL/archive" "$tmp/whole"
says "stored $tmp/whole 200"
in_bucket archive whole
asked 2 PUT 'partNumber=[12]&.* 200$'
asked 2 PUT ''
holds test -z "$(uploads archive)"
forget
expect 0 push "$FRONT_URL/archive" "$tmp/whole"
says "there $tmp/whole 200"
asked 0 '(PUT|POST|DELETE)' ''
remove whole

# Over TLS the parts come without digests.
document sealed $three_parts
expect 0 push --ca "$tmp/radosgw/server.pem" "$S3_TLS_URL/archive" "$tmp/sealed"
says "stored $tmp/sealed 200"
in_bucket archive sealed
remove sealed

# Killed while part 3 is under way: the next run sends that alone.
document killed $three_parts
forget
front hold 3
push "$FRONT_URL/archive" "$tmp/killed" > "$tmp/first" 2>&1 &
pid=$!
comes_to 2
kill -KILL "$(pgrep -P $pid)"
wait $pid || true
holds test "$(uploads archive | wc -l)" = 1
front honest
forget
expect 0 push "$FRONT_URL/archive" "$tmp/killed"
says "stored $tmp/killed 200"
in_bucket archive killed
asked 0 POST 'uploads='
asked 1 PUT 'partNumber=3&.* 200$'
asked 1 PUT ''
holds test -z "$(uploads archive)"
remove killed

# Parts are there that are not these: they are sent again, the others are not.
document swapped $three_parts
front late-error InternalError
expect 1 push "$FRONT_URL/archive" "$tmp/swapped"
says "server-failed $tmp/swapped:"
holds test "$(s3_status HEAD "/archive/$key")" = 404
id=$(uploads archive)
holds test -n "$id"
head -c 16M /dev/zero > "$tmp/zeros"
holds test "$(s3_put "/archive/$key?partNumber=2&uploadId=$id" "$tmp/zeros")" = 200
holds test "$(s3_put "/archive/$key?partNumber=3&uploadId=$id" "$tmp/one")" = 200
front honest
forget
expect 0 push "$FRONT_URL/archive" "$tmp/swapped"
in_bucket archive swapped
asked 2 PUT 'partNumber=[23]&.* 200$'
asked 2 PUT ''
remove swapped

# Somebody has cleaned up what a run had sent: it begins anew.
document cleaned $two_parts
front late-error InternalError
expect 1 push "$FRONT_URL/archive" "$tmp/cleaned"
holds test "$(s3_status DELETE "/archive/$key?uploadId=$(uploads archive)")" = 204
front honest
forget
expect 0 push "$FRONT_URL/archive" "$tmp/cleaned"
in_bucket archive cleaned
asked 1 POST 'uploads='
asked 2 PUT ''
remove cleaned

# The object is there by the time that a failed run goes on: what that had sent is given up.
document overtaken $two_parts
front late-error InternalError
expect 1 push "$FRONT_URL/archive" "$tmp/overtaken"
holds test "$(s3_put "/archive/$key" "$tmp/overtaken")" = 200
front honest
expect 0 push "$FRONT_URL/archive" "$tmp/overtaken"
says "there $tmp/overtaken 200"
holds test -z "$(uploads archive)"
remove overtaken

# The same, while its parts are under way.
document raced $two_parts
forget
front hold 2
push "$FRONT_URL/archive" "$tmp/raced" > "$tmp/first" 2>&1 &
pid=$!
comes_to 1
holds test "$(s3_put "/archive/$key" "$tmp/raced")" = 200
front honest
holds wait $pid
holds grep -q "^there $tmp/raced 200" "$tmp/first"
holds test -z "$(uploads archive)"
asked 0 POST 'uploadId='
remove raced

# A server without conditions; and one that does not say what it stored, which matters where there are parts.
document unconditional $two_parts
front refuse
expect 0 push "$FRONT_URL/archive" "$tmp/unconditional"
in_bucket archive unconditional
remove unconditional
front no-etag
document silent
expect 0 push "$FRONT_URL/archive" "$tmp/silent"
document silent $two_parts
expect 1 push "$FRONT_URL/archive" "$tmp/silent"
says "bad-answer $tmp/silent: The target \"archive\" did not say what it stored"
front honest
expect 0 push "$FRONT_URL/archive" "$tmp/silent"
in_bucket archive silent
remove silent

# The line is cut in the middle of a part, then in the middle of what is read back.
proxy_start "${S3_URL##*:}"
document cut $two_parts
network 'cut 10000000'
expect 1 push "http://127.0.0.1:$PROXY_PORT/archive" "$tmp/cut"
says "network $tmp/cut:"
holds test "$(s3_status HEAD "/archive/$key")" = 404
network 'cut-answer 1000000'
expect 1 push "http://127.0.0.1:$PROXY_PORT/archive" "$tmp/cut"
says "network $tmp/cut:"
network pass
expect 0 push "http://127.0.0.1:$PROXY_PORT/archive" "$tmp/cut"
says "there $tmp/cut 200"
in_bucket archive cut
holds test -z "$(uploads archive)"

# --- what is wrong is named -------------------------------------------------------------------------------------------

document wrong
expect 1 push_as "$S3_USER" wrong "$S3_URL/archive" "$tmp/wrong"
says "server-refused $tmp/wrong:"
says "check the secret key in the configuration. [SignatureDoesNotMatch"
expect 1 push_as NOBODY wrong "$S3_URL/archive" "$tmp/wrong"
says "does not know the access key; check the user in the configuration. [InvalidAccessKeyId"
expect 1 push "$S3_URL/nobodys" "$tmp/wrong"
says "server-refused $tmp/wrong:"
says "has no such bucket; make it, or check the URL in the configuration. [NoSuchBucket"
for way in "+2h 120 minutes ahead of" "-3h 180 minutes behind"; do
    ASAN_OPTIONS=$ASAN_OPTIONS:verify_asan_link_order=0 expect 1 faketime -f "${way%% *}" \
        "$SIGNET_BUILD/tests/push_driver" --user "$S3_USER" --password "$S3_PASSWORD" --region us-east-1 \
        --state "$tmp/state" s3 "$S3_URL/archive" "$tmp/wrong"
    says "clock-wrong $tmp/wrong:"
    says "this computer's clock is ${way#* } that of $S3_URL"
done
holds test "$(s3_status HEAD "/archive/$key")" = 404

passed
