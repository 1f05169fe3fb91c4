# Uploads against `curl --parallel`, which puts the same files and gets them again. Sourced by run.sh.
# shellcheck shell=bash disable=SC2154
tmp=$work
failed() { # WHAT
    echo "failed: $*" >&2
    exit 70
}
. "$root/tests/support/server_apache.sh"

# The copies in the store are the files that curl sends.
make_push() { # COUNT
    local state=$work/push/home
    mkdir -p "$state"
    "$build/tests/fill_outbox" "$state" "$1" 20000 archive
    printf '[target "archive"]\ntype = webdav\nurl = %s\n' "$APACHE_URL" > "$state/signet.conf"
    mkdir -p "$APACHE_FILES"
    [ "$(id -u)" != 0 ] || chown www-data "$APACHE_FILES"
    (
        cd "$state/blobs"
        for file in *; do
            printf 'upload-file = %s\nurl = %s\noutput = /dev/null\n' "$state/blobs/$file" "$APACHE_URL/$file"
        done
    ) > "$work/push/put"
    grep -v ^upload "$work/push/put" > "$work/push/get"
}

case_push() { # COUNT
    push_count=$1
    apache_start
    make_push "$1"
    empty() { find "$APACHE_FILES" -type f -delete; }
    before_ours() {
        empty
        rm -rf push/now && cp -a push/home push/now
    }
    ours() { timed ours env SIGNET_HOME="$work/push/now" "$signet" sync; }
    before_peer() { # the ledger's head is stored with them
        [ "$(find "$APACHE_FILES" -type f | wc -l)" = $((push_count + 1)) ] || failed "not all of $push_count documents were stored"
        empty
    }
    peer() {
        timed peer sh -c 'curl --silent --fail --parallel --config push/put && curl --silent --fail --parallel --config push/get'
    }
    turns "$turns_few"
    apache_stop
    line_rate "push $1 documents of 20 kB (curl put, get)" ">= 0.8" "$1" "$1"
}
