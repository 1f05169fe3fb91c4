# A server that lies, and a network that is bad.
#
#     liar_start            # and has $LIAR_URL; `liar LIE [WORD...]` says how it lies from now on
#     proxy_start PORT      # a way to PORT that has $PROXY_PORT; `network LINE...` says how bad it is
#     liar_stop; proxy_stop
# shellcheck shell=bash
. "${BASH_SOURCE[0]%/*}/servers.sh"

liar_pid='' proxy_pid=''

liar() { # LIE [WORD...]
    echo "$@" > "$tmp/liar.lie"
}

liar_start() {
    liar honest
    : > "$tmp/liar.log"
    rm -f "$tmp/liar.port"
    server_run "$tmp/liar.out" /usr/bin/python3 "$SIGNET_SOURCE/tests/support/lying_server.py" \
        "$tmp/liar.port" "$tmp/liar.lie" "$tmp/liar.log"
    liar_pid=$server_pid
    wait_for_file "$tmp/liar.port" "$liar_pid"
    LIAR_URL=http://127.0.0.1:$(cat "$tmp/liar.port")
}

liar_stop() {
    server_end "$liar_pid"
    liar_pid=
}

network() { # LINE...
    printf '%s\n' "$@" > "$tmp/network"
}

proxy_start() { # PORT
    network pass
    rm -f "$tmp/proxy.port"
    server_run "$tmp/proxy.out" /usr/bin/python3 "$SIGNET_SOURCE/tests/support/tcp_proxy.py" \
        "$tmp/proxy.port" "$tmp/network" "$1"
    proxy_pid=$server_pid
    wait_for_file "$tmp/proxy.port" "$proxy_pid"
    PROXY_PORT=$(cat "$tmp/proxy.port")
}

proxy_stop() {
    server_end "$proxy_pid"
    proxy_pid=
}
