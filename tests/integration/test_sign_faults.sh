#!/bin/bash
# Sign without an outbox, of a PDF, into a container and beside a signature, and verify --extract, are killed at their
# system calls and at random moments, and their disk is full: is each output afterwards whole and on record, or not
# there at all? SIGNET_SEED chooses the moments. (With an outbox: test_outbox_faults.sh.)
. "${SIGNET_SOURCE:-$(dirname "$0")/../..}/tests/support/lib.sh"
. "$SIGNET_SOURCE/tests/support/namespace.sh"
needs strace
seed=${SIGNET_SEED:-$RANDOM}
echo "SIGNET_SEED=$seed"
RANDOM=$seed
fixtures
unmount() { umount "$tmp/small" 2> "$tmp/check" || true; }
at_exit=unmount
mkdir "$tmp/work" "$tmp/small"
cd "$tmp/work"
ca=$SIGNET_FIXTURES/ca
holds "$SIGNET" trust add --yes "$ca/root.pem"
holds "$SIGNET" trust add --crl "$ca/root.crl" --crl "$ca/issuing.crl" --intermediate "$ca/issuing.pem"

# ---- what is signed -------------------------------------------------------------------------------------------------

other="pkcs11:token=Signet%20Test;id=%03"
/usr/bin/python3 -B "$SIGNET_SOURCE/tests/support/make_pdf.py" page ../page.pdf "A page" pad=700000
for part in 1 2; do head -c 700000 /dev/urandom > "../part-$part"; done
echo "text" > ../text
holds signet_pin sign --output ../first.p7s ../text

keep_tokens

# Each kind's input is new, named by the test; its output does not exist, but for `add`, which replaces one.
kinds=(cades pdf asic add)
declare -a signs
prepare() { # KIND NAME: $signs is the command, $output the file
    case $1 in
        cades) cp ../part-1 "$2" && signs=(sign --attached "$2") output=$2.p7m ;;
        pdf) cp ../page.pdf "$2.pdf" && signs=(sign "$2.pdf") output=$2.signed.pdf ;;
        asic) output=$2.asice && signs=(sign --format asic-e ../part-1 ../part-2 --output "$output") ;;
        add) cp ../text "$2" && cp ../first.p7s "$2.p7s" && signs=(sign --add --force --key "$other" "$2") output=$2.p7s ;;
    esac
}

# All that is there under its name is whole, and on record; of an `add` it is that, or the one before.
cat > ../judge.py << 'END'
import glob, hashlib, os, sqlite3, sys
db = sqlite3.connect(f"file:{sys.argv[1]}/store.db?mode=ro", uri=True)
sha = lambda path: hashlib.sha256(open(path, "rb").read()).hexdigest()
first = sha("../first.p7s")
outputs = [name for kind in ("p7m", "p7s", "signed.pdf", "asice") for name in glob.glob(f"*.{kind}")]
for name in outputs:
    path = os.path.abspath(name)
    recorded = [result for result, in db.execute("SELECT result_sha256 FROM document WHERE output = ?", [path])]
    if sha(path) not in recorded + [first] * name.endswith(".p7s"):
        sys.exit(f"{path} is not on record")
# What a kill leaves under a hidden name is whole, too: what was to replace another, or the other.
every = {result for result, in db.execute("SELECT result_sha256 FROM document")} | {first}
for name in glob.glob(".signet-*"):
    if sha(name) not in every:
        sys.exit(f"{name} is half a file")
print(len(outputs))
END
judge() {
    holds /usr/bin/python3 ../judge.py "$SIGNET_HOME"
    expect 0 "$SIGNET" verify --quiet ./*.p7m ./*.p7s ./*.signed.pdf ./*.asice
    holds "$SIGNET" log --check
}
faulty() { # FAULT CALL NUMBER ARGUMENT...: at that call of the program's main thread
    strace -qq -o /dev/null -e trace="$2" -e inject="$2:$1:when=$3" "$SIGNET" "${@:4}" --pin-fd 9 9< "$SOFTHSM_PIN_FILE" \
        > faulty.out 2> faulty.err
}
count_calls() { # ARGUMENT...: how often each call is made, in $tmp/calls
    strace -qq -o "$tmp/calls" "$SIGNET" "$@" --pin-fd 9 9< "$SOFTHSM_PIN_FILE" > "$tmp/check" 2>&1
}
calls() { # CALL
    grep -c "^$1(" "$tmp/calls" || true
}
hidden() { # how many hidden files there are
    find . -name '.signet-*' | wc -l
}
few=(linkat link rename fsync syncfs) many=(write pwrite64 ftruncate)
third=$(($(date +%j | sed 's/^0*//') % 3)) # of the many calls, one third each day
echo "calls: $third of 3"
skipped() { # CALL NUMBER
    [[ " ${many[*]} " == *" $1 "* ]] && [ $(($2 % 3)) != $third ]
}

at_each_call() { # FAULT KIND NAME WHAT: with the fault there; WHAT is asked then, of the kind and the sign's status
    local call n status
    prepare "$2" "$3-traced"
    count_calls "${signs[@]}"
    for call in "${few[@]}" "${many[@]}"; do
        for ((n = 1; n <= $(calls "$call"); n++)); do
            ! skipped "$call" $n || continue
            prepare "$2" "$3-$call$n"
            status=0
            faulty "$1" "$call" $n "${signs[@]}" || status=$?
            $4 "$2" $status
        done
    done
}

# ---- killed ---------------------------------------------------------------------------------------------------------

milliseconds() { date +%s%3N; }
after_kill() { # KIND STATUS
    holds test $2 = 137 -o $2 = 0
    whole_tokens
    [ $2 = 0 ] || [ -e "$output" ] || unfinished=$((unfinished + 1))
}
for kind in "${kinds[@]}"; do
    prepare "$kind" "$kind-counted"
    begun=$(milliseconds)
    expect 0 signet_pin "${signs[@]}"
    took=$(($(milliseconds) - begun))
    unfinished=0
    at_each_call signal=KILL "$kind" "$kind" after_kill
    for ((n = 1; n <= 8; n++)); do
        prepare "$kind" "$kind-random$n"
        (exec "$SIGNET" "${signs[@]}" --pin-fd 9 9< "$SOFTHSM_PIN_FILE" > out 2> err < /dev/null) &
        sleep "$(printf '0.%03d' $((RANDOM % (took < 999 ? took + 1 : 999))))"
        kill -KILL $! 2> check || true
        wait $! 2> check || true
        whole_tokens
    done
    holds test $unfinished -gt 0 -o "$kind" = add
    echo "$kind: a sign takes $took ms"
done
judge
# The judge is one that can say no.
cp cades-counted.p7m unknown.p7m
rejects /usr/bin/python3 ../judge.py "$SIGNET_HOME"
rm unknown.p7m

# ---- a disk that is full, or a call that says so ---------------------------------------------------------------------

before=$(hidden)
after_full() { # KIND STATUS
    whole_tokens # that the PIN was right is perhaps not on the disk
    holds test $2 = 0 -o $2 = 73 -o $2 = 74
    if [ $2 = 0 ] || grep -q "The output could not be written" faulty.err; then # at most its own report could not
        holds test -e "$output"
        [ "$1" != add ] || rejects cmp ../first.p7s "$output"
    elif [ "$1" = add ]; then
        holds cmp ../first.p7s "$output"
    else
        holds test ! -e "$output"
    fi
}
for kind in "${kinds[@]}"; do
    at_each_call error=ENOSPC "$kind" "$kind-full" after_full
done
judge
holds test "$(hidden)" = "$before"

mount -t tmpfs -o size=512k tmpfs "$tmp/small"
for kind in cades pdf asic; do
    prepare $kind "$kind-small"
    [ $kind != asic ] || signs=("${signs[@]:0:5}") # without its output
    signs+=(--force --output "$tmp/small/out.$kind")
    expect 74 signet_pin "${signs[@]}"
    says "[disk-full]"
    holds test -z "$(ls -A "$tmp/small")"
    echo "former" > "$tmp/small/out.$kind"
    expect 74 signet_pin "${signs[@]}"
    holds grep -qx former "$tmp/small/out.$kind"
    holds test "$(ls -A "$tmp/small")" = out.$kind
    mount -o remount,size=4m "$tmp/small"
    expect 0 signet_pin "${signs[@]}"
    expect 0 "$SIGNET" verify "$tmp/small/out.$kind"
    rm "$tmp/small/out.$kind"
    mount -o remount,size=512k "$tmp/small"
done
unmount

# ---- taking files out of a container ---------------------------------------------------------------------------------

extracts=(verify --quiet --extract folder asic-counted.asice)
whole() { # the folder is there as it has to be
    [ "$(ls -A folder)" = "$(printf 'part-1\npart-2')" ] && cmp folder/part-1 ../part-1 && cmp folder/part-2 ../part-2
}
expect 0 "$SIGNET" "${extracts[@]}"
holds whole
rm -r folder
rm -rf .signet-*
strace -qq -o "$tmp/calls" "$SIGNET" "${extracts[@]}"
rm -r folder
few=(mkdir openat fchmod syncfs renameat2 fsync) many=(write)
stopped=0
for call in "${few[@]}" "${many[@]}"; do
    holds test "$(calls $call)" -gt 0
    last=$(calls $call)
    for ((n = last > 6 ? last - 6 : 1; n <= last; n++)); do
        strace -qq -o /dev/null -e trace=$call -e inject=$call:signal=KILL:when=$n "$SIGNET" "${extracts[@]}" > out 2> err || true
        if [ -e folder ]; then holds whole; else stopped=$((stopped + 1)); fi
        holds test -z "$(find . -name '.signet-*' ! -name '.signet-extract.*')"
        rm -rf folder .signet-*
        strace -qq -o /dev/null -e trace=$call -e inject=$call:error=ENOSPC:when=$n "$SIGNET" "${extracts[@]}" > out 2> err || true
        if [ -e folder ]; then holds whole; fi
        holds test "$(hidden)" = 0
        rm -rf folder
    done
done
holds test $stopped -gt 3
mount -t tmpfs -o size=1m tmpfs "$tmp/small"
expect 74 "$SIGNET" verify --extract "$tmp/small/folder" asic-counted.asice
says "[disk-full]"
holds test -z "$(ls -A "$tmp/small")"
mount -o remount,size=4m "$tmp/small"
expect 0 "$SIGNET" verify --extract "$tmp/small/folder" asic-counted.asice
holds cmp "$tmp/small/folder/part-2" ../part-2
unmount
passed
