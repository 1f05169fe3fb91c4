# Ceph's object gateway, a real S3 server: one monitor, one OSD that keeps its objects in memory, and radosgw, on
# loopback ports of their own. A test that sources this file says
#
#     radosgw_start [MIB]   # begins, and returns; MIB of objects fit (1024), beyond 2048 in a file of that size
#     radosgw_ready         # waits until it answers
#     radosgw_stop
#
# and has $S3_URL, $S3_TLS_URL (with the certificate $tmp/radosgw/server.pem), $S3_USER and $S3_PASSWORD from the start
# on. It takes about ten seconds: begin early, and share one start among all that a test asks. Everything it writes is in
# $tmp/radosgw. The servers end when the shell that started them does, however that ends.
#
#     front_start           # the same behind s3_front.py, at $FRONT_URL; $tmp/front.log has what it was asked
#     front WORD...         # how it is from now on
#     front_stop
# shellcheck shell=bash
. "${BASH_SOURCE[0]%/*}/servers.sh"

export S3_USER=SIGNETTESTKEY S3_PASSWORD=signet/test+secret=0123456789
S3_EMPTY_SHA256=e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
radosgw_pid='' front_pid=''

radosgw_start() { # [MIB]
    local listens=()
    for _ in 1 2 3 4; do
        free_port
        listens+=("$ret_port")
    done
    S3_URL=http://127.0.0.1:${listens[2]}
    S3_TLS_URL=https://127.0.0.1:${listens[3]}
    mkdir -p "$tmp/radosgw"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=radosgw" -days 30 \
        -addext subjectAltName=IP:127.0.0.1 -keyout "$tmp/radosgw/server.key" -out "$tmp/radosgw/server.pem" 2> /dev/null
    server_run "$tmp/radosgw/out" bash "${BASH_SOURCE[0]}" "$tmp/radosgw" "${1:-1024}" "${listens[@]}"
    radosgw_pid=$server_pid
}

radosgw_ready() {
    local end=$((SECONDS + 300))
    while [ $SECONDS -lt $end ]; do
        [ ! -e "$tmp/radosgw/ready" ] || return 0
        kill -0 "$radosgw_pid" 2> /dev/null || break
        sleep 0.1
    done
    echo "radosgw did not start:" >&2
    tail -n 20 "$tmp/radosgw/out" >&2
    return 1
}

radosgw_stop() {
    server_end "$radosgw_pid"
    radosgw_pid=
}

front() { # WORD...
    echo "$@" > "$tmp/front.new"
    mv "$tmp/front.new" "$tmp/front.how"
}

front_start() {
    front honest
    : > "$tmp/front.log"
    rm -f "$tmp/front.port"
    server_run "$tmp/front.out" /usr/bin/python3 "${BASH_SOURCE[0]%/*}/s3_front.py" "$tmp/front.port" "$tmp/front.how" \
        "$tmp/front.log" "${S3_URL##*:}"
    front_pid=$server_pid
    wait_for_file "$tmp/front.port" "$front_pid"
    FRONT_URL=http://127.0.0.1:$(cat "$tmp/front.port")
}

front_stop() {
    server_end "$front_pid"
    front_pid=
}

# A signed request, judged by nobody but the server: `s3 PUT /bucket/key --data-binary @file`, with the status in
# $s3_status and the body on stdout. S3_SHA256 is that of the body where there is one.
s3() { # METHOD PATH CURL-ARGUMENT...
    local method=$1 path=$2
    shift 2
    case $method in HEAD) set -- --head "$@" ;; *) set -- --request "$method" "$@" ;; esac
    curl --silent --show-error --noproxy '*' --config - --aws-sigv4 aws:amz:us-east-1:s3 \
        --header "x-amz-content-sha256: ${S3_SHA256:-$S3_EMPTY_SHA256}" "$@" "$S3_URL$path" <<< "user = \"$S3_USER:$S3_PASSWORD\""
}

s3_status() { # METHOD PATH CURL-ARGUMENT...
    s3 "$@" --output "$tmp/s3.body" --write-out '%{http_code}'
}

s3_put() { # PATH FILE CURL-ARGUMENT...: the status
    local path=$1 file=$2
    shift 2
    S3_SHA256=$(sha256sum "$file" | cut -d' ' -f1) s3_status PUT "$path" --data-binary "@$file" "$@"
}

s3_keys() { # BUCKET: the keys in it, a line each; a page ends after 1000
    local page after=
    while page=$(s3 GET "/$1?list-type=2&start-after=$after" | grep -o '<Key>[^<]*' | cut -c6-) && [ -n "$page" ]; do
        echo "$page"
        after=${page##*$'\n'}
        after=${after//\//%2F}
    done
}

# ---- the cluster: what radosgw_start runs, in a process of its own ------------------------------------------------------

# In memory they take twice their size, and more where many go.
objects() {
    if [ "$mib" -le 2048 ]; then
        echo "osd objectstore = memstore"
        echo "memstore device bytes = $((mib * 1048576))"
    else
        echo "osd objectstore = bluestore"
        echo "bluestore block create = true"
        echo "bluestore block size = $((mib * 1048576))"
        echo "osd memory target = 1073741824"
    fi
}

configure() {
    cat > ceph.conf << EOC
[global]
fsid = $fsid
mon host = $monitor
public addr = 127.0.0.1
cluster addr = 127.0.0.1
ms bind ipv6 = false
auth cluster required = cephx
auth service required = cephx
auth client required = cephx
auth allow insecure global id reclaim = false
keyring = $folder/keyring
run dir = $folder
pid file = $folder/\$name.pid
admin socket = $folder/\$name.asok
log file =
mon cluster log file =
log to stderr = true
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pgp num = 1
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
[mon.a]
mon data = $folder/mon
[osd.0]
osd data = $folder/osd
$(objects)
osd class dir = $(dirname "$(dpkg -L ceph-osd radosgw ceph-common librados2 ceph-base | grep /libcls_rgw.so | sed -n 1p)")
[client.rgw]
rgw data = $folder/rgw
rgw frontends = beast endpoint=127.0.0.1:$port ssl_endpoint=127.0.0.1:$tls_port ssl_certificate=$folder/server.pem ssl_private_key=$folder/server.key
rgw thread pool size = 32
rgw enable ops log = false
rgw enable usage log = false
rgw gc obj min wait = 1
rgw gc processor period = 1
EOC
}

daemon() { # COMMAND...
    setpriv --pdeathsig KILL "$@" --conf "$folder/ceph.conf" -f &
    daemons+=($!)
}

# Nothing of theirs is needed any more.
end() {
    [ ${#daemons[@]} -eq 0 ] || kill -KILL "${daemons[@]}" || true
    wait
    exit
}

until_true() { # COMMAND...
    local end=$((SECONDS + 180))
    while [ $SECONDS -lt $end ]; do
        ! "$@" > /dev/null 2>&1 || return 0
        sleep 0.1
    done
    echo "not within three minutes: $*" >&2
    return 1
}

osd_up() {
    ceph --conf ceph.conf osd stat | grep '1 up' > /dev/null
}

keys() {
    local name
    ceph-authtool --create-keyring keyring --gen-key --name mon. --cap mon 'allow *'
    for name in client.admin osd.0 client.rgw; do
        ceph-authtool keyring --gen-key --name "$name" --cap mon 'allow *' --cap osd 'allow *' --cap mgr 'allow *'
    done
}

cluster() {
    configure
    keys
    monmaptool --create --fsid "$fsid" --addv a "$monitor" monmap
    ceph-mon --conf ceph.conf -i a --mkfs --monmap monmap --keyring keyring
    daemon ceph-mon -i a
    ceph --conf ceph.conf osd new "$osd" # waits for the monitor
    ceph-osd --conf ceph.conf -i 0 --mkfs --osd-uuid "$osd"
    daemon ceph-osd -i 0
    until_true osd_up
    daemon radosgw --name client.rgw
    until_true curl --silent --fail --noproxy '*' "http://127.0.0.1:$port/"
    radosgw-admin --conf ceph.conf user create --uid=test --display-name=test --access-key="$S3_USER" --secret-key="$S3_PASSWORD"
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
    set -euo pipefail
    folder=$1 mib=$2 port=$5 tls_port=$6
    monitor="[v2:127.0.0.1:$3,v1:127.0.0.1:$4]"
    fsid=$(cat /proc/sys/kernel/random/uuid)
    osd=$(cat /proc/sys/kernel/random/uuid)
    daemons=()
    trap end TERM
    cd "$folder"
    mkdir mon osd rgw
    cluster
    : > ready
    wait
fi
