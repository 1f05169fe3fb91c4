#!/bin/bash
# Sign is killed at its system calls, its disk is full or broken, another program holds the store: is each document
# afterwards wholly queued, and put in its place by the next sign, or not there at all?
. "${SIGNET_SOURCE:-$(dirname "$0")/../..}/tests/support/lib.sh"
fixtures
keep_tokens
mkdir "$tmp/work"
cd "$tmp/work"
printf '[tsa "one"]\nurl = http://127.0.0.1:9/tsa\n[target "archive"]\nurl = http://127.0.0.1:9/archive/\n' > "$SIGNET_HOME/signet.conf"

store() { # SQL
    /usr/bin/python3 -c 'import sqlite3, sys
for row in sqlite3.connect(sys.argv[1]).execute(sys.argv[2]): print(*row, sep="|")' "$SIGNET_HOME/store.db" "$1"
}

# Every document is whole, with copies that are what their names say; each file that was to be signed has its signature
# exactly if there is a document of it; all of them have their place.
judge() {
    /usr/bin/python3 - "$SIGNET_HOME" "$PWD" <<'PYTHON'
import hashlib, os, pathlib, sqlite3, sys
home, folder = map(pathlib.Path, sys.argv[1:])
db = sqlite3.connect(home / "store.db")
def sha(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()
for blob in (home / "blobs").iterdir():
    if len(blob.name) == 64 and sha(blob) != blob.name:
        sys.exit(f"{blob}: other bytes")
signed = {}
for document, output, result in db.execute("SELECT entry, output, result_sha256 FROM document ORDER BY entry"):
    levels = [row[0] for row in db.execute("SELECT level FROM version WHERE document = ? ORDER BY level", [document])]
    steps = db.execute("SELECT count(*) FROM step WHERE document = ? AND state = 0", [document]).fetchone()[0]
    placed = db.execute("SELECT placed, output_state FROM outbox WHERE document = ?", [document]).fetchone()
    if levels != ["B-B", "content"] or steps != 3 or placed != (1, 0):
        sys.exit(f"{output}: {levels}, {steps} steps, placed {placed}")
    for (sha256,) in db.execute("SELECT sha256 FROM version WHERE document = ?", [document]):
        if not (home / "blobs" / sha256).exists():
            sys.exit(f"{output}: no copy {sha256}")
    signed[output] = result
for name in os.listdir(folder):
    output = str(folder / name) + ".p7s"
    if name.endswith(".txt") and os.path.exists(output) != (output in signed):
        sys.exit(f"{output}: there: {os.path.exists(output)}, recorded: {output in signed}")
    if name.endswith(".txt") and output in signed and sha(pathlib.Path(output)) != signed[output]:
        sys.exit(f"{output}: another file")
print(len(signed))
PYTHON
}
judged() { # what holds after the next sign
    echo next > next.txt
    expect 0 signet_pin sign --force next.txt
    holds judge
    holds "$SIGNET" log --check
}

faulty() { # FAULT CALL NUMBER ARGUMENT...: at that call of the program's main thread; ends as sign does
    local status=0
    strace -qq -o /dev/null -e trace="$2" -e inject="$2:$1:when=$3" "$SIGNET" sign "${@:4}" --pin-fd 9 9< "$SOFTHSM_PIN_FILE" \
        > faulty.out 2> faulty.err || status=$?
    whole_tokens # that the PIN was right is perhaps not on the disk
    return $status
}

# What the calls are, and how many there are of each.
echo counted > counted.txt
strace -qq -o calls "$SIGNET" sign counted.txt --pin-fd 9 9< "$SOFTHSM_PIN_FILE" > /dev/null
calls() { # CALL: how often
    grep -c "^$1(" calls || true
}
for call in linkat fsync fdatasync syncfs flock pwrite64; do
    holds test "$(calls $call)" -gt 0
done
judged

# --- killed -----------------------------------------------------------------------------------------------------------
# Each call that gives a name or waits for the disk; of the many writes, every third, another third each day.
third=$(($(date +%j | sed 's/^0*//') % 3))
echo "pwrite64: $third of 3"
for call in linkat fsync fdatasync syncfs flock pwrite64; do
    count=$(calls $call)
    for ((n = 1; n <= count; n++)); do
        [ $call != pwrite64 ] || [ $((n % 3)) = $third ] || continue
        echo "$call $n" > "$call$n.txt"
        status=0
        faulty signal=KILL $call $n "$call$n.txt" || status=$?
        holds test $status = 137 -o $status = 0
        holds test ! -e "$call$n.txt.p7s" -o -n "$(store "SELECT 1 FROM document WHERE output = '$PWD/$call$n.txt.p7s'")"
    done
done
holds test "$(find . -name '*.txt' | wc -l)" -gt "$(find . -name '*.p7s' | wc -l)" # some were killed before they were signed
judged

# In the place of another file, whose bytes are there until the new ones are.
for call in linkat rename fsync; do
    for n in 1 2 3 4; do
        echo "$call $n again" > "over-$call$n.txt"
        echo former > "over-$call$n.txt.p7s"
        faulty signal=KILL $call $n --force "over-$call$n.txt" || true
        holds test -s "over-$call$n.txt.p7s"
        grep -qx former "over-$call$n.txt.p7s" || continue
        [ -n "$(store "SELECT 1 FROM document WHERE output = '$PWD/over-$call$n.txt.p7s'")" ] || rm "over-$call$n.txt"*
    done
done
judged

hidden=$(find . -name '.signet-*' | wc -l) # only a kill leaves one

# --- a disk that is full or broken ------------------------------------------------------------------------------------
for fault in error=ENOSPC error=EIO; do
    for call in linkat fsync fdatasync syncfs pwrite64; do
        count=$(calls $call)
        for ((n = 1; n <= count; n++)); do
            [ $call != pwrite64 ] || [ $((n % 3)) = $third ] || continue
            file=${fault#*=}-$call$n.txt
            echo "$file" > "$file"
            status=0
            faulty $fault $call $n "$file" || status=$?
            holds test $status = 0 -o $status = 74 -o $status = 73
            [ $status = 0 ] || holds test ! -e "$file.p7s"
            [ $status = 0 ] || holds grep -q "\[disk-full\]\|\[io\]\|\[cannot-create\]" faulty.err
        done
    done
done
judged
holds test "$(find . -name '.signet-*' | wc -l)" = "$hidden"

# --- somebody else ----------------------------------------------------------------------------------------------------
held() { # PYTHON-THAT-HOLDS EXPECT...
    local code=$1 pid
    shift
    mkfifo held release
    /usr/bin/python3 -c "$code
open('held', 'w').close()
open('release').read()" "$SIGNET_HOME" &
    pid=$!
    cat held
    "$@"
    : > release
    wait $pid
    rm held release
}
echo busy > busy.txt
held 'import sqlite3, sys
db = sqlite3.connect(sys.argv[1] + "/store.db", isolation_level=None); db.execute("BEGIN EXCLUSIVE")' expect 75 signet_pin sign busy.txt
says "[busy]"
held 'import fcntl, sys
lock = open(sys.argv[1] + "/outbox.lock"); fcntl.flock(lock, fcntl.LOCK_EX)' expect 75 signet_pin sign busy.txt
says "[busy]"
holds test ! -e busy.txt.p7s
# one who shares the outbox is no reason to wait
held 'import fcntl, sys
lock = open(sys.argv[1] + "/outbox.lock"); fcntl.flock(lock, fcntl.LOCK_SH)' expect 0 signet_pin sign busy.txt
judged

# --- many files: a kill between groups, two at once -------------------------------------------------------------------
for ((n = 0; n < 900; n++)); do
    echo "many $n" > "many$n.txt"
done
faulty signal=KILL syncfs 2 many*.txt || true
signed=$(find . -name 'many*.p7s' | wc -l)
holds test "$signed" -gt 0 -a "$signed" -lt 900
judged
rest=()
for ((n = 0; n < 900; n++)); do
    [ -e "many$n.txt.p7s" ] || rest+=("many$n.txt")
done
half=$((${#rest[@]} / 2))
# With a copy of the token for one of them: SoftHSM gives a general error to one who reads its file while another, who
# logs in, writes it.
cp -a "$SIGNET_FIXTURES/tokens" "$tmp/other-tokens"
sed "s|^directories.tokendir.*|directories.tokendir = $tmp/other-tokens|" "$SOFTHSM2_CONF" > "$tmp/other.conf"
SOFTHSM2_CONF=$tmp/other.conf signet_pin sign --quiet "${rest[@]:0:half}" > one.out 2>&1 &
expect 0 signet_pin sign --quiet "${rest[@]:half}"
holds wait $!
judged
holds test "$(store "SELECT count(*) FROM document WHERE output LIKE '%/many%'")" = 900

passed
