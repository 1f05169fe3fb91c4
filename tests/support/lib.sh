# What integration tests share. A test begins with
#
#     . "${SIGNET_SOURCE:-$(dirname "$0")/../..}/tests/support/lib.sh"
#
# and gets $tmp, a folder that is removed at the end; `fixtures` gives it tokens of its own. A check that fails says
# which and ends the test, so the last line of a test, `passed`, is reached only when all held.
# shellcheck shell=bash
set -euo pipefail

SIGNET_SOURCE=$(cd "${SIGNET_SOURCE:-$(dirname "${BASH_SOURCE[0]}")/../..}" && pwd)
SIGNET_BUILD=${SIGNET_BUILD:-$SIGNET_SOURCE/.build/release}
SIGNET=${SIGNET:-$SIGNET_BUILD/agent/cli/signet}
umask 022
tmp=$(mktemp -d)
at_exit=: # a command of the test's own, to stop what it started
told=
trap finish EXIT
checks=0

# The PIN interlock is the test's own: tokens of other tests are copies with the same serials.
export XDG_RUNTIME_DIR=$tmp/run
mkdir -m 700 "$XDG_RUNTIME_DIR"

# Leaks of other people's libraries are not ours to judge; whose they are, only a whole stack tells.
export ASAN_OPTIONS="fast_unwind_on_malloc=0${ASAN_OPTIONS:+:$ASAN_OPTIONS}"
export LSAN_OPTIONS="suppressions=$SIGNET_SOURCE/tests/support/lsan.supp:print_suppressions=0${LSAN_OPTIONS:+:$LSAN_OPTIONS}"

# LeakSanitizer does not work in a traced program.
strace() { # ARGUMENT...
    ASAN_OPTIONS=$ASAN_OPTIONS:detect_leaks=0 command strace "$@"
}

finish() {
    local status=$?
    $at_exit || true
    rm -rf "$tmp"
    case $status:$told in
        0: | 77:) ;;
        *:) echo "FAILED: a command outside any check ended with $status (bash -x $0 shows which)" >&2 ;;
    esac
}

failed() { # WHAT
    told=yes
    echo "FAILED: $*" >&2
    exit 1
}

passed() {
    echo "$checks checks held"
}

skip() { # WHY
    echo "skipped: $*"
    exit 77
}

# Tokens, CA and state of this test alone: a copy of what the build's first test made.
fixtures() {
    local assignments
    assignments=$(SIGNET_FIXTURES_FROM=$SIGNET_BUILD/fixtures "$SIGNET_SOURCE/softhsm-fixtures/token.sh" "$tmp/fixtures")
    eval "$assignments"
}

# A certificate of the fixtures' CA for a public key that the fixtures have not: SECTION is one of ca.cnf.
certificate_for() { # PUBLIC-KEY CN SECTION OUT
    local ca=$SIGNET_FIXTURES/ca/issuing
    openssl x509 -new -subj "/O=Signet Test/CN=$2" -force_pubkey "$1" -CA "$ca.pem" -CAkey "$ca.key" -days 30 \
        -set_serial "0x51$(openssl rand -hex 8)" -extfile "$SIGNET_SOURCE/softhsm-fixtures/ca.cnf" -extensions "$3" -out "$4"
}

# Runs a command that must end with this code; what it prints is in $tmp/out and $tmp/err.
expect() { # CODE COMMAND...
    local want=$1 got=0
    shift
    "$@" > "$tmp/out" 2> "$tmp/err" < "${stdin:-/dev/null}" || got=$?
    if [ "$got" != "$want" ]; then
        head -c 4000 "$tmp/out" "$tmp/err" >&2
        failed "exit $got instead of $want: $*"
    fi
    checks=$((checks + 1))
}

# Must succeed: a plain check. What `expect` kept of its command stays as it is.
holds() { # COMMAND...
    "$@" > "$tmp/check" 2>&1 < /dev/null || {
        head -c 4000 "$tmp/check" >&2
        failed "does not hold: $*"
    }
    checks=$((checks + 1))
}

# Must end with any code but 0 (of a program whose codes are not ours to choose).
rejects() { # COMMAND...
    if "$@" > "$tmp/check" 2>&1 < /dev/null; then
        head -c 4000 "$tmp/check" >&2
        failed "accepted: $*"
    fi
    checks=$((checks + 1))
}

# What the last command printed, on either stream, has this in it.
says() { # TEXT
    grep -qF -- "$1" "$tmp/out" "$tmp/err" || {
        head -c 4000 "$tmp/out" "$tmp/err" >&2
        failed "not said: $1"
    }
    checks=$((checks + 1))
}

# signet with the PIN of the fixtures.
signet_pin() { # ARGUMENT...
    "$SIGNET" "$@" --pin-fd 9 9< "$SOFTHSM_PIN_FILE"
}

# After a wrong PIN: PINs that nobody types are sent again.
clear_interlock() { # [URI]
    holds "$SIGNET" token pin --clear "$@"
}

# For tests that kill what has a token open, before the first kill and before each run. SoftHSM, killed while it writes,
# leaves its token's file empty, which no card would do; and who was killed while the token looked at the PIN, or could not
# write that it was right, leaves the mark of a refusal.
keep_tokens() {
    token_folder=$(sed -n 's/^directories.tokendir *= *//p' "$SOFTHSM2_CONF")
    cp -a "$token_folder" "$tmp/tokens-whole"
}
whole_tokens() {
    rm -rf "$XDG_RUNTIME_DIR/signet" "$token_folder"
    cp -a "$tmp/tokens-whole" "$token_folder"
}

# Copies a file with one byte changed (all its bits are flipped), at an offset, negative from the end.
tamper() { # IN OUT OFFSET
    local at=$3 size byte
    size=$(stat -c %s "$1")
    [ "$at" -ge 0 ] || at=$((size + at))
    byte=$(od -An -tu1 -j "$at" -N 1 "$1")
    cp "$1" "$2"
    printf '%b' "\\x$(printf %02x $((byte ^ 255)))" | dd of="$2" bs=1 seek="$at" conv=notrunc status=none
}

# The last command printed JSON that fits its schema, and these values: PATH=JSON.
json() { # PATH=JSON...
    /usr/bin/python3 "$SIGNET_SOURCE/tests/support/check_json.py" "$SIGNET_SOURCE/docs/schema" "$@" < "$tmp/out" || {
        head -c 4000 "$tmp/out" "$tmp/err" >&2
        failed "JSON: $*"
    }
    checks=$((checks + 1))
}
