# A test in a network, a mount and a process namespace of its own: sourced after lib.sh and before anything else is done,
# it starts the whole test again in there. Ports and what is mounted are the test's alone, so tests with daemons run in
# parallel and leave the machine's own daemons alone; and whatever a test started ends with it, also when it is killed.
#
# /run is empty there, and there is a loopback. Where namespaces are not allowed the test is skipped.
# shellcheck shell=bash disable=SC2154

own_namespaces() {
    local apart=(unshare --net --mount --pid --fork --kill-child --mount-proc)
    [ "$(id -u)" = 0 ] || apart+=(--map-root-user)
    "${apart[@]}" true 2> /dev/null || skip "no namespaces are allowed here"
    rm -rf "$tmp"
    SIGNET_TEST_APART=yes exec "${apart[@]}" bash "$0" "$@"
}

[ -n "${SIGNET_TEST_APART:-}" ] || own_namespaces "$@"
ip link set lo up
mount -t tmpfs tmpfs /run

# Waits until a command succeeds, ten seconds at most.
until_holds() { # COMMAND...
    local try
    for try in {1..200}; do
        ! "$@" > "$tmp/until" 2>&1 || return 0
        sleep 0.05
    done
    head -c 4000 "$tmp/until" >&2
    failed "does not come to hold, after $try tries: $*"
}

# Needs these programs and files.
needs() { # PROGRAM-OR-FILE...
    local what
    for what in "$@"; do
        [ -e "$what" ] || command -v "$what" > /dev/null || skip "$what is not installed"
    done
}
