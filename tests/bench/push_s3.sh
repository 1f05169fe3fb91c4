# One large document to Ceph's gateway over TLS, in parts and read back, against `curl -T` of the same file as one PUT to
# the same gateway, which is told the file's digest. A second line has what curl itself needs to put it and to get it
# back, which is the least that a receipt costs there. Its objects are in a file, twice the document's size. Sourced by run.sh.
# shellcheck shell=bash disable=SC2154
. "$root/tests/support/server_radosgw.sh"

case_push_large() { # MIB
    local home=$work/large/home blob
    mkdir -p "$home" "$work/large/before"
    radosgw_start "$(($1 * 2 + 4096))"
    "$build/tests/fill_outbox" "$home" 1 "$(($1 * 1048576))" archive
    printf '%s\n%s\n' "$S3_USER" "$S3_PASSWORD" > "$work/large/credentials"
    printf 'user = "%s:%s"\n' "$S3_USER" "$S3_PASSWORD" > "$work/large/curl"
    chmod 600 "$work/large/credentials" "$work/large/curl"
    printf '[target "archive"]\ntype = s3\nurl = %s/archive\ncredentials = %s\nca-file = %s\n' "$S3_TLS_URL" \
        "$work/large/credentials" "$tmp/radosgw/server.pem" > "$home/signet.conf"
    cp "$home"/store.db* "$work/large/before"
    blob=$(cd "$home/blobs" && ls)
    radosgw_ready
    s3 PUT /archive
    before_ours() {
        s3 DELETE "/archive/$blob"
        rm -f "$home"/store.db*
        cp "$work/large/before"/* "$home"
    }
    ours() { timed ours env SIGNET_HOME="$home" "$signet" sync; }
    before_peer() {
        [ "$(s3_status HEAD "/archive/$blob")" = 200 ] || failed "the document was not stored"
        s3 DELETE "/archive/$blob"
    }
    bare() { # WHO DIGEST CURL-ARGUMENT...
        timed "$1" curl --silent --fail --noproxy '*' --config "$work/large/curl" --aws-sigv4 aws:amz:us-east-1:s3 \
            --header "x-amz-content-sha256: $2" --cacert "$tmp/radosgw/server.pem" "${@:3}" "$S3_TLS_URL/archive/$blob"
    }
    : > get.times
    peer() {
        bare peer "$blob" --upload-file "$home/blobs/$blob"
        bare get "$S3_EMPTY_SHA256" --output /dev/null
    }
    turns "$turns_few"
    radosgw_stop
    line_time "push $1 MiB to radosgw (curl -T)" "<= 1.2"
    peer=$(compute "$peer + $(median get.times 1)")
    line_time "push $1 MiB to radosgw (curl -T, then a GET)" ""
    line_peak "push $1 MiB to radosgw: peak" "<= 64"
}
