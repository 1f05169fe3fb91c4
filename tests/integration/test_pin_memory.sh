#!/bin/bash
# Is the PIN gone from the memory of our processes once it is not needed any more, and was it never where others can read
# it? The program is stopped where it waits: for a file that is a pipe, after the login. All of its memory is searched, and
# that of the token host (in which the vendor's module is).
. "${SIGNET_SOURCE:-$(dirname "$0")/../..}/tests/support/lib.sh"
[ "$(id -u)" = 0 ] || skip "the memory of a process that is not dumpable is for root"
fixtures
cd "$tmp"
token=pkcs11:token=Signet%20Test
key="$token;id=%03"
pin=Zq7-secret-4819 # nothing else looks like it
holds "$SIGNET" token pin "$token" --pin-fd 9 9< <(cat "$SOFTHSM_PIN_FILE"; printf '\n%s\n' "$pin")
holds "$SIGNET" token show "$token" --pin-fd 9 9< <(echo "$pin")

# Searches all that a process has mapped, but for what is not memory. Prints where it was found.
cat > search.py <<'PYTHON'
import sys
needles = [sys.argv[2].encode(), sys.argv[2].encode("utf-16-le")]
found = 0
with open(f"/proc/{sys.argv[1]}/maps") as maps, open(f"/proc/{sys.argv[1]}/mem", "rb", buffering=0) as memory:
    read = 0
    for line in maps:
        fields = line.split()
        start, end = (int(x, 16) for x in fields[0].split("-"))
        if fields[1][0] != "r" or (len(fields) > 5 and fields[5] in ("[vvar]", "[vsyscall]", "[vvar_vclock]")):
            continue
        try:
            memory.seek(start)
            data = memory.read(end - start)
        except OSError:
            continue
        read += len(data)
        for needle in needles:
            if needle in data:
                found += 1
                print("found in", line.strip())
print(read, "bytes read")
sys.exit(1 if found else 0 if read > 1 << 20 else 2)
PYTHON
search() { # PID TEXT
    /usr/bin/python3 search.py "$@"
}

# Starts `sign` of a pipe, and waits until it has logged in and reads it.
begin() { # KEY
    rm -f document document.p7s
    mkfifo document
    "$SIGNET" sign --yes --key "$1" document --pin-fd 9 > begun 2>&1 9< pin-pipe &
    signet=$!
    exec 8> document # both ends are open once it reads
    holds timeout 60 bash -c "until grep -q 'pipe' /proc/$signet/wchan || [ -r /proc/$signet/stack ] && grep -q pipe_read /proc/$signet/stack; do sleep 0.05; done"
    hosts=$(pgrep -P "$signet" || true)
}
end() {
    echo text >&8
    exec 8>&-
    wait "$signet" || failed "it did not sign: $(cat begun)"
    checks=$((checks + 1))
}
at_exit() {
    [ -z "${signet:-}" ] || kill "$signet" 2> /dev/null
}
at_exit=at_exit

# What is searched for can be found at all: in one that waits with the PIN in its hands.
mkfifo pin-pipe
printf '%s\n' "$pin" > pin-file

passed
