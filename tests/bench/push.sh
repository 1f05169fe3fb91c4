# Uploads against `curl --parallel`, which puts the same files and gets them again. Sourced by run.sh.
# shellcheck shell=bash disable=SC2154
tmp=$work
failed() { # WHAT
    echo "failed: $*" >&2
    exit 70
}
. "$root/tests/support/server_apache.sh"

# The copies in the store are the files that curl sends.
make_push() { # COUNT KIND
    local state=$work/push/home
    rm -rf push
    mkdir -p "$state"
    "$build/tests/fill_outbox" "$state" "$1" 20000 archive
    printf '[target "archive"]\ntype = %s\nurl = %s\n' "$2" "$APACHE_URL" > "$state/signet.conf"
    (
        cd "$state/blobs"
        for file in *; do
            printf 'upload-file = %s\nurl = %s\noutput = /dev/null\n' "$state/blobs/$file" "$APACHE_URL/$file"
        done
    ) > "$work/push/put"
    grep -v ^upload "$work/push/put" > "$work/push/get"
}

# A new collection each time: ext4 looks long for an inode where many were freed the moment before.
fresh_collection() {
    mkdir -p push/old
    [ ! -e "$APACHE_FILES" ] || mv "$APACHE_FILES" "push/old/$(find push/old -maxdepth 1 | wc -l)"
    mkdir "$APACHE_FILES"
    [ "$(id -u)" != 0 ] || chown www-data "$APACHE_FILES"
}

case_push() { # COUNT KIND GOAL
    push_count=$1
    apache_start
    make_push "$1" "$2"
    before_ours() {
        fresh_collection
        rm -rf push/now && cp -a push/home push/now && sync -f push/now
    }
    ours() { timed ours env SIGNET_HOME="$work/push/now" "$signet" sync; }
    before_peer() { # the ledger's head is stored with them
        [ "$(find "$APACHE_FILES" -type f | wc -l)" = $((push_count + 1)) ] || failed "not all of $push_count documents were stored"
        fresh_collection
    }
    peer() {
        timed peer sh -c 'curl --silent --fail --parallel --config push/put && curl --silent --fail --parallel --config push/get'
    }
    turns "$turns_few"
    apache_stop
    rm -rf push "$tmp/apache"
    line_rate "push $1 documents of 20 kB, $2 (curl put, get)" "$3" "$1" "$1"
}
