# A test in a network, a mount and a process namespace of its own: sourced after lib.sh and before anything else is
# done, it starts the whole test again in there. Ports and what is mounted are the test's alone, so tests with daemons
# run in parallel and leave the machine's own daemons alone; and whatever a test started ends with it, also when it is
# killed.
#
# /run is empty there, and there is a loopback. Daemons are children of the test: `wait` only for processes by their id.
# Where namespaces are not allowed the test is skipped.
# shellcheck shell=bash disable=SC2154

# The test needs these programs and files.
needs() { # PROGRAM-OR-FILE...
    local what
    for what in "$@"; do
        [ -e "$what" ] || command -v "$what" > /dev/null || skip "$what is not installed"
    done
}

# Waits until a command succeeds: for 40 seconds, which is less than sync waits before it tries again.
until_holds() { # COMMAND...
    local end=$((SECONDS + 40))
    until "$@" > "$tmp/until" 2>&1; do
        if [ $SECONDS -ge $end ]; then
            head -c 4000 "$tmp/until" >&2
            failed "does not come to hold in 40 seconds: $*"
        fi
        sleep 0.05
    done
}

own_namespaces() { # TEST-ARGUMENT...
    local apart=(unshare --net --mount --pid --fork --kill-child --mount-proc)
    local furnish='ip link set lo up && mount -t tmpfs tmpfs /run'
    [ "$(id -u)" = 0 ] || apart+=(--map-root-user)
    needs unshare ip
    "${apart[@]}" sh -c "$furnish" 2> /dev/null || skip "no network, mount and process namespaces are allowed here"
    rm -rf "$tmp"
    # shellcheck disable=SC2016
    SIGNET_TEST_APART=yes exec "${apart[@]}" sh -c "$furnish"' && exec bash "$@"' sh "$0" "$@"
}

[ -n "${SIGNET_TEST_APART:-}" ] || own_namespaces "$@"
