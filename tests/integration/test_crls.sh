#!/bin/bash
# Is a revocation list judged by its index, is one that is damaged never believed, and does whoever writes the store next
# make it anew?
. "${SIGNET_SOURCE:-$(dirname "$0")/../..}/tests/support/lib.sh"
fixtures
cd "$tmp"

# A CA whose list has 1,000 entries, of which one is ours, and its delta list.
openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -subj "/CN=List CA" -days 30 \
    -addext keyUsage=critical,keyCertSign,cRLSign 2> /dev/null
cat > ca.cnf << 'EOF'
[ca]
default_ca = here
[here]
database = index
crlnumber = number
default_md = sha256
[delta]
2.5.29.27 = critical,ASN1:INTEGER:1
EOF
certificate() { # NAME SERIAL
    openssl req -newkey rsa:2048 -nodes -keyout "$1.key" -out "$1.csr" -subj "/CN=$1" 2> /dev/null
    openssl x509 -req -in "$1.csr" -CA ca.pem -CAkey ca.key -set_serial "$2" -days 20 -out "$1.pem" 2> /dev/null
}
certificate gone 0x10077
certificate held 0x10079
certificate good 0x1007A
revoked() { # SERIAL REASON
    printf 'R\t300101000000Z\t250101000000Z%s\t%s\tunknown\t/CN=x\n' "${2:+,$2}" "$1"
}
list() { # OUT DAYS OPTION...: what the file `index` has
    local out=$1 days=$2
    shift 2
    openssl ca -gencrl -config ca.cnf -cert ca.pem -keyfile ca.key -crldays "$days" -out list.pem "$@" 2> /dev/null
    openssl crl -in list.pem -outform DER -out "$out"
}
for i in {1..1000}; do
    revoked "$(printf %06X "$((65536 + i * 3))")"
done > index
revoked 010077 keyCompromise >> index
revoked 010079 certificateHold >> index
echo 01 > number
list list.crl 9 -crl_lastupdate "$(date -u -d '-1 hour' +%Y%m%d%H%M%SZ)" # older than its delta list

expect 0 "$SIGNET" trust add ca.pem --yes --crl list.crl
trust=$(find "$tmp" -type d -path '*/trust/crl' -print -quit)
holds test "$(find "$trust" -type f | wc -l)" = 2
name=$(sha256sum list.crl | cut -d' ' -f1)
holds cmp list.crl "$trust/$name.crl"
index=$trust/$name.index
holds test "$(stat -c %s "$index")" = "$((4096 * (1 + (1002 + 126) / 127)))"
cp "$index" index.right

judged() { # WORD
    expect 0 "$SIGNET" cert check good.pem --json
    "$1" grep -q crl-index-rebuilt "$tmp/out"
    expect 2 "$SIGNET" cert check gone.pem --json
    "$1" grep -q crl-index-rebuilt "$tmp/out"
    says '"revoked"'
    expect 2 "$SIGNET" cert check held.pem --json
    says '"on-hold"'
}
judged rejects

# Missing, cut short, of another list, a page that is not its own, octets: said, and the answers are the same; nothing is
# written by judging.
damages=(missing short other page octets)
for kind in "${damages[@]}"; do
    cp index.right damaged
    case $kind in
        missing) rm damaged ;;
        short) truncate -s -1 damaged ;;
        other) head -c 100 list.crl > damaged ;;
        page) dd if=index.right of=damaged bs=4096 skip=1 seek=4 count=4 conv=notrunc status=none ;;
        octets)
            for ((at = 4100; at < 36864; at += 4096)); do
                printf '\xff' | dd of=damaged bs=1 seek="$at" conv=notrunc status=none
            done
            ;;
    esac
    rm -f "$index"
    [ ! -f damaged ] || cp damaged "$index"
    judged holds
    if [ -f damaged ]; then
        holds cmp damaged "$index"
    else
        holds test ! -e "$index"
    fi
    # The next writer makes it anew: the very same, but for the key that the list was checked with, which only a header
    # that is whole can tell.
    expect 0 "$SIGNET" trust add ca.pem --yes
    holds cmp -i 4096 index.right "$index"
    judged rejects
done

# Both damaged: nobody can say, and nothing passes.
printf x > "$index"
printf x > "$trust/$name.crl"
expect 2 "$SIGNET" cert check good.pem --revocation soft --json
says '"crl-unreadable"'
expect 0 "$SIGNET" trust add --crl list.crl
holds cmp index.right "$index"
judged rejects

# A delta list beside it: takes the hold back, and revokes another.
revoked 010079 removeFromCRL > index
revoked 01007A superseded >> index
list delta.crl 9 -crlexts delta
expect 0 "$SIGNET" trust add --crl delta.crl
says "Delta revocation list"
holds test "$(find "$trust" -type f | wc -l)" = 4
expect 0 "$SIGNET" cert check held.pem
expect 2 "$SIGNET" cert check good.pem --json
says '"revoked"'
expect 2 "$SIGNET" cert check gone.pem

passed
