#!/bin/bash
# What the machine does to a sync, by force: killed at its system calls, no space, a disk that fails, a store that another
# program has locked when it begins, a clock that is wrong, ten thousand documents that wait while no server is there. Is
# the cause named, and does the next sync complete it, with nothing lost and nothing twice?
. "${SIGNET_SOURCE:-$(dirname "$0")/../..}/tests/support/lib.sh"
. "$SIGNET_SOURCE/tests/support/namespace.sh"
. "$SIGNET_SOURCE/tests/support/server_apache.sh"
. "$SIGNET_SOURCE/tests/support/server_tsa.sh"
needs apache2 lighttpd strace faketime
at_exit=apache_stop
fixtures
cd "$tmp"
key="pkcs11:token=Signet%20Test;id=%03" ca=$SIGNET_FIXTURES/ca
holds "$SIGNET" trust add --yes "$ca/root.pem"
apache_start
tsa_start main
{
    printf '[tsa "main"]\nurl = %s\n' "$(tsa_url main)"
    printf '[target "archive"]\ntype = webdav\nurl = %s\n' "$APACHE_URL"
} > "$SIGNET_HOME/signet.conf"
cp -r "$SIGNET_HOME" fresh

sql() { # QUERY
    /usr/bin/python3 -c '
import sqlite3, sys
with sqlite3.connect(sys.argv[1]) as db:
    for row in db.execute(sys.argv[2]):
        print(*row)' "$SIGNET_HOME/store.db" "$1"
}
# After a sync that had to complete: one document, its three versions there once, byte for byte.
complete() { # FAULT
    local name
    until_holds "$SIGNET" sync --quiet
    [ "$(sql "SELECT group_concat(level) FROM (SELECT level FROM version ORDER BY level)")" = "B-B,B-T,content" ] ||
        failed "$1: $(sql "SELECT level FROM version")"
    [ "$(sql "SELECT count(*) FROM step WHERE state <> 1")" = 0 ] || failed "$1: steps wait"
    [ "$(sql "SELECT count(*) FROM receipt")" = 3 ] || failed "$1: receipts"
    for name in $(sql "SELECT sha256 FROM version"); do
        [ "$(sha256sum < "$APACHE_FILES/$name")" = "$name  -" ] || failed "$1: $name"
    done
    [ "$(grep -L signet.ledger-head/1 "$APACHE_FILES"/* | wc -l)" = 3 ] || failed "$1: $(ls "$APACHE_FILES")"
    [ "$(sha256sum < letter.txt.p7s)" = "$(sql "SELECT sha256 FROM version WHERE level = 'B-T'")  -" ] ||
        failed "$1: the signed file is not the newest version"
    "$SIGNET" log --check > check 2>&1 || failed "$1: $(cat check)"
    checks=$((checks + 1))
}
# One document that was signed and waits, and nothing else anywhere.
echo "I agree." > letter.txt
expect 0 signet_pin sign --key "$key" letter.txt
mv letter.txt.p7s signed
cp -r "$SIGNET_HOME" waiting
renewed() {
    rm -rf "$SIGNET_HOME" "${APACHE_FILES:?}"
    cp -r waiting "$SIGNET_HOME"
    cp signed letter.txt.p7s
    "$SIGNET" outbox retry > check 2>&1 || failed "$(cat check)"
}
inject() { # WHAT: 0 if the fault came; how sync ended is in $ended
    local program=$SIGNET_BUILD/agent/libexec/signet/signet-sync
    ended=0
    strace -o trace -f -e "inject=$1" "$program" sync > out 2> err < /dev/null || ended=$?
    grep -qE 'INJECTED|\+\+\+ killed by SIGKILL' trace
}

RANDOM=${SIGNET_SEED:=$RANDOM}
echo "SIGNET_SEED=$SIGNET_SEED"

# How often a sync that nothing disturbs does each call.
renewed
strace -o calls -f "$SIGNET_BUILD/agent/libexec/signet/signet-sync" sync > out 2> err < /dev/null || failed "$(cat err)"
complete "no fault"
numbers() { # CALL MOST: which calls of that kind, at most so many of them, over all of the sync, others at each seed
    local count step n
    count=$(grep -cE "^[0-9]+ +$1\\(" calls) || return 0
    step=$(((count + $2 - 1) / $2))
    for ((n = RANDOM % step + 1; n <= count; n += step)); do
        echo "$n"
    done
}

# ---- killed ---------------------------------------------------------------------------------------------------------

# A sync that never came to its end is not said to have ended.
renewed
holds inject fdatasync:signal=KILL:when=1
expect 0 "$SIGNET" status --json
json sync.last=null
complete "killed before it did anything"
tries=0 came=0
for call in pwrite64 fdatasync fsync syncfs linkat renameat2 unlink ftruncate write openat sendto recvfrom connect flock; do
    for n in $(numbers $call 4); do
        renewed
        tries=$((tries + 1))
        if inject "$call:signal=KILL:when=$n"; then came=$((came + 1)); fi
        complete "killed at $call $n"
    done
done
echo "killed $came times of $tries"
holds test "$came" -ge $((tries * 3 / 4)) -a "$tries" -ge 30

# ---- no space, and a disk that fails --------------------------------------------------------------------------------

# What it could not do it says, with the cause; if it says nothing, nothing is left to be done.
tries=0 came=0
for fault in pwrite64:error=ENOSPC linkat:error=ENOSPC write:error=ENOSPC ftruncate:error=EIO pwrite64:error=EIO \
    fdatasync:error=EIO fsync:error=EIO syncfs:error=EIO linkat:error=EIO; do
    for n in $(numbers "${fault%%:*}" 3); do
        renewed
        tries=$((tries + 1))
        if inject "$fault:when=$n"; then came=$((came + 1)); fi
        if [ "$ended" != 0 ]; then
            grep -qE '\[(io|disk-full|cannot-create|store-damaged)\]' out err || failed "$fault $n: $ended: $(cat out err)"
        elif [ ! -s err ]; then
            [ "$(sql "SELECT count(*) FROM step WHERE state <> 1")" = 0 ] || failed "$fault $n: not a word of what waits"
            [ "$(sql "SELECT output_state FROM outbox")" = 0 ] || failed "$fault $n: not a word of the signed file"
        fi
        complete "$fault $n"
    done
done
echo "$came faults of $tries"
holds test "$came" -ge $((tries * 3 / 4)) -a "$tries" -ge 15

# ---- the store is locked --------------------------------------------------------------------------------------------

renewed
cat > hold.py << 'END'
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
END
mkfifo let-go
/usr/bin/python3 hold.py "$SIGNET_HOME/store.db" < let-go > held &
exec 7> let-go
until_holds grep -q held held
expect 75 "$SIGNET" sync
says "[busy]"
exec 7>&-
wait $!
complete "a locked store"

# ---- a clock two hours off ------------------------------------------------------------------------------------------

# It is time-stamped and delivered all the same, and the clock is said to be wrong until it is seen to be right.
faked() { # OFFSET COMMAND...
    ASAN_OPTIONS=$ASAN_OPTIONS:verify_asan_link_order=0 faketime -f "$@"
}
for off in -2h +2h; do
    renewed
    holds faked "$off" "$SIGNET" outbox retry
    expect 0 faked "$off" "$SIGNET" sync
    holds test "$(sql "SELECT count(*) FROM ledger WHERE event = 'clock-wrong'")" = 1
    holds test "$(sql "SELECT count(*) FROM ledger WHERE event LIKE 'clock-%'")" = 1
    expect 0 "$SIGNET" status
    says "This computer's clock is wrong, or was at the last time-stamp: "
    [ $off = -2h ] || says ": 2 hours ahead."
    [ $off = +2h ] || says ": 2 hours behind."
    complete "a clock at $off"
    echo "later" > later.txt
    expect 0 signet_pin sign --key "$key" --force --no-upload later.txt
    expect 0 "$SIGNET" sync
    expect 0 "$SIGNET" status --json
    json clock.wrong=false clock.differences=1 clock.late.documents=0
    holds "$SIGNET" log --check
done
# Signed by a clock that was ahead: delivered as soon as the clock is right.
rm -rf "$SIGNET_HOME" "${APACHE_FILES:?}" letter.txt.p7s
cp -r fresh "$SIGNET_HOME"
expect 0 faked +2h "$SIGNET" sign --key "$key" --pin-fd 9 letter.txt 9< "$SOFTHSM_PIN_FILE"
complete "signed at +2h"
expect 0 "$SIGNET" status --json
json clock.wrong=false clock.differences=1 clock.late.documents=0

# ---- ten thousand documents -----------------------------------------------------------------------------------------

rm -rf "$SIGNET_HOME"
cp -r fresh "$SIGNET_HOME"
holds "$SIGNET_BUILD/tests/fill_outbox" "$SIGNET_HOME" 10000 100 archive
apache_stop
peak() { # COMMAND...: its memory in KiB; what a sanitizer keeps of freed memory is not the program's
    ASAN_OPTIONS=$ASAN_OPTIONS:quarantine_size_mb=1 /usr/bin/python3 -c '
import resource, subprocess, sys
subprocess.run(sys.argv[1:], stdin=subprocess.DEVNULL, stdout=open("out", "w"), stderr=open("err", "w"))
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)' "$@"
}
small=$(cp -r fresh none && SIGNET_HOME=$tmp/none peak "$SIGNET" sync --json)
many=$(peak "$SIGNET" sync --json)
json waiting.0.count=10000 waiting.0.code='"network"'
says '"failed":8' # as many as were tried at once; the others wait with them
holds test "$many" -lt $((small + 32 * 1024))
expect 0 "$SIGNET" outbox list
holds test "$(wc -l < out)" -ge 10000
passed
