#!/bin/bash
# A module that crashes, hangs, exits or loses its token in the middle of a batch: are there whole signatures for what
# was signed, nothing for the rest, an error that says so, and does a second run complete it?
. "${SIGNET_SOURCE:-$(dirname "$0")/../..}/tests/support/lib.sh"
fault=$SIGNET_BUILD/tests/fault
module=$fault/libfake_module.so
if [ ! -e "$module" ] || [ ! -x "$fault/fake_plan" ]; then
    skip "the fake module is not built"
fi
export SIGNET_HOME=$tmp/home SIGNET_MODULE=$module FAKE_CONTROL=$tmp/control
mkdir -m 700 "$SIGNET_HOME"
printf '[token]\ntimeout = 20s\nsign-timeout = 5s\n' > "$SIGNET_HOME/signet.conf"
printf 123456 > "$tmp/pin"
files=20

plan() { # NAME=VALUE...
    "$fault/fake_plan" "$FAKE_CONTROL" "$@"
}

sign() { # FILE...
    "$SIGNET" sign --key "pkcs11:serial=0001;id=%02" --pin-fd 9 "$@" 9< "$tmp/pin"
}

# Every signature is whole and of its document; nothing else is there. Sets $signed.
look() {
    local file
    signed=0
    for file in *.p7s; do
        [ -e "$file" ] || continue
        holds openssl cms -verify -noverify -binary -inform DER -in "$file" -content "${file%.p7s}" -out /dev/null
        signed=$((signed + 1))
    done
    holds test "$(find . -mindepth 1 | wc -l)" = $((files + signed))
}

# What the ledger says last of a code.
ledger() { # CODE
    /usr/bin/python3 -c 'import sqlite3, sys
print(sqlite3.connect(sys.argv[1]).execute("SELECT count(*) FROM ledger WHERE code = ?", (sys.argv[2],)).fetchone()[0])' \
        "$SIGNET_HOME/store.db" "$1"
}

# No token host is left behind.
gone() {
    local pid
    pid=$("$fault/fake_plan" "$FAKE_CONTROL" show | cut -d' ' -f2)
    rejects kill -0 "$pid"
}

batch() { # CODE NAME=VALUE...
    local code=$1 before after file rest=()
    shift
    rm -rf "$tmp/work"
    mkdir "$tmp/work"
    cd "$tmp/work"
    for i in $(seq $files); do echo "document $i" > "$i.txt"; done
    before=$(ledger "$code" 2> /dev/null || echo 0)
    plan "$@"
    expect 69 sign ./*.txt
    says "[$code]"
    holds test "$("$fault/fake_plan" "$FAKE_CONTROL" show | cut -d' ' -f1)" = C_Sign
    gone
    look
    holds test "$signed" -lt $files
    # The batch ends there: what failed is named, and the rest is counted.
    holds grep -qE "^signet: $signed signed, [0-9]+ failed(, [0-9]+ not begun)?$" "$tmp/err"
    holds test "$(grep -oE '^signet: [0-9]+ signed.*' "$tmp/err" | grep -oE '[0-9]+' | awk "{ n += \$1 } END { print n }")" = $files
    after=$(ledger "$code")
    holds test "$after" -gt "$before"

    plan
    for file in *.txt; do [ -e "$file.p7s" ] || rest+=("$file"); done
    expect 0 sign "${rest[@]}"
    look
    holds test "$signed" = $files
    gone
}

batch module-crashed deed=segfaults only=C_Sign at=7
batch module-crashed deed=exits only=C_Sign at=7
batch token-timeout deed=hangs only=C_Sign at=7
batch no-token rv=0x32 only=C_Sign at=7

# In the same process, where configuration trusts the module, what it answers is met the same way.
printf '[token]\nisolation = none\n' > "$SIGNET_HOME/signet.conf"
batch no-token rv=0x32 only=C_Sign at=7

passed
