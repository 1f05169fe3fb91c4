#!/bin/bash
# Is the PIN gone from the memory of our processes once it is not needed any more, and was it never where others can read
# it? The program is stopped where it waits: for a file that is a pipe, after the login. All of its memory is searched, and
# that of the token host (in which the vendor's module is).
. "${SIGNET_SOURCE:-$(dirname "$0")/../..}/tests/support/lib.sh"
if [[ $(ldd "$SIGNET") == *libasan* ]]; then
    skip "a sanitizer keeps what was freed"
fi
[ "$(id -u)" = 0 ] || skip "the memory of a process that is not dumpable is for root"
fixtures
cd "$tmp"
token=pkcs11:token=Signet%20Test
export SIGNET_MODULE=$SIGNET_BUILD/tests/spy_module.so SPY_FOLDER=$tmp/spy
mkdir "$SPY_FOLDER"
# A certificate for a key that was made just now.
certificate_of() { # ID
    pkcs11-tool --module /usr/lib/softhsm/libsofthsm2.so --token-label "Signet Test" --read-object --type pubkey --id "$1" 2> /dev/null |
        openssl pkey -pubin -inform DER -out key.pem
    openssl x509 -new -subj "/CN=again" -days 10 -force_pubkey key.pem -CA "$SIGNET_FIXTURES/ca/root.pem" -CAkey "$SIGNET_FIXTURES/ca/root.key" -outform DER
}
pin=Zq7-secret-4819 # nothing else looks like it
holds "$SIGNET" token pin "$token" --pin-fd 9 9< <(cat "$SOFTHSM_PIN_FILE"; printf '\n%s\n' "$pin")
echo "$pin" > pin
# A key that wants the PIN before each signature, for which it has to be kept.
holds pkcs11-tool --module /usr/lib/softhsm/libsofthsm2.so --token-label "Signet Test" --login --pin "$pin" --keypairgen --key-type EC:prime256v1 \
    --id 77 --label again --usage-sign --always-auth
certificate_of 77 > again.der
holds pkcs11-tool --module /usr/lib/softhsm/libsofthsm2.so --token-label "Signet Test" --login --pin "$pin" --write-object \
    again.der --type cert --id 77 --label again

install -m 600 pin private

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

# Starts `sign` of a pipe, and waits until it is logged in and reads the pipe: then the PIN has done its work.
begin() { # KEY OPTION...
    local key=$1
    shift
    rm -f document document.p7s "$SPY_FOLDER/logins"
    mkfifo document
    exec 8<> document
    # With its format given, the document is not looked at before the PIN is asked for.
    "$SIGNET" sign --yes --format cades --key "$key" document "$@" > begun 2>&1 8>&- &
    signet=$!
    # shellcheck disable=SC2016
    holds timeout 60 bash -c 'until [ -s "$2" ] && grep -q "^0 " "/proc/$1/syscall"; do sleep 0.02; done' - "$signet" "$SPY_FOLDER/logins"
    hosts=$(pgrep -P "$signet" || true)
}
end() {
    echo text >&8
    exec 8>&-
    wait "$signet" || failed "it did not sign: $(cat begun)"
    signet=
    holds test -s document.p7s
}
stop_all() {
    [ -z "${signet:-}" ] || kill "$signet" 2> /dev/null
}
at_exit=stop_all

# A key that wants it once: gone from our process and from the host, however it came to us; and in a process of our own that
# has the module in it, too.
once="$token;id=%03"
for way in fd source none; do
    case $way in
        fd) begin "$once" --pin-fd 9 9< pin ;;
        source) begin "$once?pin-source=$tmp/private" ;;
        none)
            printf '[token]\nisolation = none\n' > "$SIGNET_HOME/signet.conf"
            begin "$once" --pin-fd 9 9< pin
            ;;
    esac
    holds test "$(echo "$hosts" | wc -w)" = "$([ $way = none ] && echo 0 || echo 1)"
    for process in $signet $hosts; do
        holds search "$process" "$pin"
        holds grep -Eq '^Max core file size +0 +0 ' "/proc/$process/limits"
        holds grep -Eq '^VmLck:\s+[1-9]' "/proc/$process/status"
    done
    end
done
rm "$SIGNET_HOME/signet.conf"

# One that wants it each time: it is there, once, where it is kept. So what is searched for can be found.
begin "$token;id=%77" --allow-wrong-usage --pin-fd 9 9< pin
rejects search "$signet" "$pin"
holds test "$(grep -c '^found in' "$tmp/check")" = 1
for process in $hosts; do
    holds search "$process" "$pin"
done
end

passed
