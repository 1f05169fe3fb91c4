#!/bin/bash
# How fast, against what: prints a table, one line a case. Ours and the peer run in turns in the same run, each line
# gives medians.
#
#     tests/bench/run.sh [--quick] [--json FILE] [--dir FOLDER] [--case WORD]...
#
# --quick: small sizes, one turn, nothing is judged (does it run at all?). --dir: where the files are made, by default
# the temporary folder; 5 GB are used there. --case: only the cases whose name has this word in it.
# Ends with 1 if a goal is not met.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

# ---- what to do --------------------------------------------------------------------------------------------------

quick=false json="" dir=${TMPDIR:-/tmp} only=()
while [ $# -gt 0 ]; do
    case $1 in
        --quick) quick=true ;;
        --json | --dir | --case)
            [ $# -gt 1 ] || { echo "$1 wants a value" >&2; exit 64; }
            case $1 in
                --json) json=$2 ;;
                --dir) dir=$2 ;;
                --case) only+=("$2") ;;
            esac
            shift
            ;;
        *)
            echo "usage: run.sh [--quick] [--json FILE] [--dir FOLDER] [--case WORD]..." >&2
            exit 64
            ;;
    esac
    shift
done

if $quick; then
    turns_one=3 turns_many=1 turns_few=1 provision_count=4 files_sign=100 files_pdfs=50 big_mib=64 files_verify=100 files_peer=20
    tokens=5 signatures=50 push_documents=2000 large_mib=100 stamp_documents=50 documents=1000
    crl_entries=10000 files_rsa=300 signers=40 signers_peer=10 files_asic=500 pdf_mib=20
else
    turns_one=41 turns_many=5 turns_few=3 provision_count=60 files_sign=2000 files_pdfs=1000 big_mib=2048 files_verify=10000 files_peer=400
    tokens=60 signatures=2000 push_documents=10000 large_mib=4096 stamp_documents=1000 documents=100000
    crl_entries=1000000 files_rsa=10000 signers=2000 signers_peer=400 files_asic=10000 pdf_mib=200
fi
threads=$(nproc)

# ---- the stage ----------------------------------------------------------------------------------------------------

(
    cd "$root"
    softhsm-fixtures/install.sh build fixtures test
    cmake --preset release > /dev/null
    cmake --build --preset release --target signet --target bench_signatures --target fill_outbox --target make_lta --target spy_module \
        -- --quiet
) >&2
build=$root/.build/release
signet=$build/agent/cli/signet
work=$(mktemp -d "$dir/signet-bench.XXXXXX")
trap 'rm -rf "$work"' EXIT
cc -std=gnu17 -D_GNU_SOURCE -O2 -o "$work/timer" "$root/tests/bench/timer.c"
# shellcheck disable=SC2046
cc -std=gnu17 -D_GNU_SOURCE -O2 -I"$root/agent" $(pkg-config --cflags p11-kit-1) -o "$work/bare" \
    "$root/tests/bench/floor.c" -lcrypto -ldl -lpthread
assignments=$("$root/softhsm-fixtures/token.sh" "$work/fixtures")
eval "$assignments"
export PKCS11_MODULE_PATH=$SIGNET_MODULE
ca=$SIGNET_FIXTURES/ca
cd "$work"
"$signet" trust add "$ca/root.pem" --yes --intermediate "$ca/issuing.pem" --crl "$ca/root.crl" --crl "$ca/issuing.crl" > trust.log
cat "$ca/root.pem" "$ca/root.crl.pem" "$ca/issuing.crl.pem" > anchors.pem

rsa="pkcs11:token=Signet%20Test;id=%01"
ec="pkcs11:token=Signet%20Test;id=%03"

# ---- measuring ------------------------------------------------------------------------------------------------------

# Each case defines before_ours, ours, before_peer and peer; only ours and peer are timed.
before_ours() { :; }
before_peer() { :; }

timed() { # WHO COMMAND...
    local who=$1
    shift
    "$work/timer" "$work/time" "$@" > "$work/said" 2>&1 9< "$SOFTHSM_PIN_FILE" || {
        cat "$work/said" >&2
        echo "failed: $*" | head -c 400 >&2
        exit 70
    }
    cat "$work/time" >> "$work/$who.times"
}

turns() { # COUNT
    local i
    : > ours.times
    : > peer.times
    for ((i = 0; i < $1; i++)); do
        before_ours
        ours
        before_peer
        peer
    done
    ours=$(median ours.times 1) peer=$(median peer.times 1) peak=$(sort -n -k2 ours.times | tail -1 | cut -d' ' -f2)
}

median() { # FILE COLUMN
    awk -v c="$2" '{ print $c }' "$1" | sort -n | awk '{ v[NR] = $1 } END { print (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2 }'
}

compute() { # EXPRESSION
    awk "BEGIN { printf \"%.6g\", $1 }"
}

wanted() { # NAME
    local word
    [ ${#only[@]} -gt 0 ] || return 0
    for word in "${only[@]}"; do
        [[ $1 != *"$word"* ]] || return 0
    done
    return 1
}

# ---- the table --------------------------------------------------------------------------------------------------------

lines=() unmet=0
format='%-46s %14s %14s %8s %10s  %s\n'

# GOAL is "<= X" or ">= X" for the ratio (for the peak: for ours itself), or "" where there is none.
line() { # CASE OURS PEER RATIO GOAL UNIT JUDGED
    local met=-
    if [ -n "$5" ] && ! $quick; then
        met=$(awk "BEGIN { print ($7 $5) ? \"yes\" : \"NO\" }")
        [ "$met" = yes ] || unmet=$((unmet + 1))
    fi
    # shellcheck disable=SC2059
    printf "$format" "$1" "$2 $6" "${3:+$3 $6}" "$4" "$5" "$met"
    lines+=("$(printf '{"case":"%s","unit":"%s","ours":%s,"peer":%s,"ratio":%s,"goal":"%s","met":%s}' "$1" "$6" "$2" \
        "${3:-null}" "${4:-null}" "$5" "$(case $met in yes) echo true ;; NO) echo false ;; *) echo null ;; esac)")")
}

line_time() { # CASE GOAL: seconds, ours against the peer's
    local ratio
    ratio=$(compute "$ours / $peer")
    line "$1" "$(printf %.4f "$ours")" "$(printf %.4f "$peer")" "$(printf %.2f "$ratio")" "$2" s "$ratio"
}

line_rate() { # CASE GOAL FILES PEER-FILES: files per second, ours against the peer's
    local ratio
    ratio=$(compute "($3 / $ours) / ($4 / $peer)")
    line "$1" "$(printf %.0f "$(compute "$3 / $ours")")" "$(printf %.0f "$(compute "$4 / $peer")")" \
        "$(printf %.2f "$ratio")" "$2" /s "$ratio"
}

line_peak() { # CASE GOAL: the most memory that ours ever held
    local mib
    mib=$(printf %.1f "$(compute "$peak / 1024")")
    line "$1" "$mib" "" "" "$2" MiB "$mib"
}

# ---- the cases ------------------------------------------------------------------------------------------------------------

case_sign_one() {
    openssl rand -out one 100000
    before_ours() { rm -f one.p7s; }
    ours() { timed ours "$signet" sign --key "$rsa" --pin-fd 9 one; }
    peer() {
        timed peer openssl cms -sign -engine pkcs11 -keyform engine \
            -inkey "$rsa;type=private?pin-value=$(cat "$SOFTHSM_PIN_FILE")" -signer "$SIGNET_FIXTURES/certs/rsa2048.pem" \
            -certfile "$ca/issuing.pem" -binary -cades -md sha256 -outform DER -in one -out one.peer
    }
    turns "$turns_one"
    line_time "sign one 100 kB file, RSA-2048" "<= 1.0"
}

case_sign_many() { # NAME KEY-URI ID GOAL
    local key=$2 id=$3 i size raw
    if [ ! -d many ]; then
        mkdir many floor
        for ((i = 0; i < files_sign; i++)); do
            openssl rand -out "many/$i" 10000
        done
    fi
    before_ours() { rm -rf signed && mkdir signed; }
    ours() { timed ours "$signet" sign --key "$key" --pin-fd 9 --output-dir signed many/*; }
    before_peer() {
        size=$(stat -c %s signed/0.p7s)
        rm -rf floor && mkdir floor
    }
    peer() {
        timed peer ./bare sign "$SIGNET_MODULE" "Signet Test" "$id" "$SOFTHSM_PIN_FILE" "$threads" "$size" \
            floor many/*
    }
    turns "$turns_many"
    raw=$(./bare raw "$SIGNET_MODULE" "Signet Test" "$id" "$SOFTHSM_PIN_FILE" "$threads" "$files_sign")
    line_rate "sign $files_sign files of 10 kB, $1 (floor)" "$4" "$files_sign" "$files_sign"
    line "  raw C_Sign, $1, $threads threads" "$(printf %.0f "$(compute "$files_sign / $ours")")" "$raw" \
        "$(printf %.2f "$(compute "$files_sign / $ours / $raw")")" "" /s 0
}

# PDFs, each signed in itself: the bare program writes as many bytes.
case_sign_pdfs() {
    local i size
    rm -rf pdfs floor && mkdir pdfs floor
    for ((i = 0; i < files_pdfs; i++)); do
        /usr/bin/python3 -B "$root/tests/support/make_pdf.py" page "pdfs/$i.pdf" "Letter $i" pad=100000
    done
    before_ours() { rm -rf signed && mkdir signed; }
    ours() { timed ours "$signet" sign --key "$rsa" --pin-fd 9 --output-dir signed pdfs/*; }
    before_peer() {
        size=$(stat -c %s signed/0.signed.pdf)
        rm -rf floor && mkdir floor
    }
    peer() {
        timed peer ./bare sign "$SIGNET_MODULE" "Signet Test" 01 "$SOFTHSM_PIN_FILE" "$threads" "$size" floor pdfs/*
    }
    turns "$turns_many"
    line_rate "sign $files_pdfs PDFs of 100 kB, RSA-2048 (floor)" ">= 0.7" "$files_pdfs" "$files_pdfs"
    rm -rf pdfs floor
}

# What the outbox costs: copies of content and signature, rows, one more wait for the disk a group.
case_outbox() {
    local i
    if [ ! -d many ]; then
        mkdir many
        for ((i = 0; i < files_sign; i++)); do
            openssl rand -out "many/$i" 10000
        done
    fi
    mkdir online offline
    cp -r "$SIGNET_HOME/." online
    cp -r "$SIGNET_HOME/." offline
    printf '%s\n' '[tsa "one"]' 'url = http://127.0.0.1:9/' '[target "archive"]' 'url = http://127.0.0.1:9/a/' \
        '[target "mirror"]' 'url = http://127.0.0.1:9/m/' > online/signet.conf
    before_ours() { rm -rf signed online/blobs && mkdir signed && sync -f .; }
    before_peer() { before_ours; }
    ours() { SIGNET_HOME=$work/online timed ours "$signet" sign --key "$rsa" --pin-fd 9 --output-dir signed many/*; }
    peer() {
        SIGNET_HOME=$work/offline timed peer "$signet" sign --no-upload --key "$rsa" --pin-fd 9 --output-dir signed many/*
    }
    turns "$turns_many"
    line_time "sign $files_sign files with an outbox (without)" "<= 1.5"
}

make_big() {
    [ -e big ] || openssl enc -aes-128-ctr -K 00 -iv 00 -in /dev/zero 2> /dev/null | head -c "${big_mib}M" > big || true
    cat big > /dev/null
}

case_big_detached() {
    make_big
    before_ours() { rm -f big.p7s; }
    ours() { timed ours "$signet" sign --key "$rsa" --pin-fd 9 big; }
    peer() { timed peer openssl dgst -sha256 big; }
    turns "$turns_many"
    line_time "sign one $big_mib MiB file, detached (dgst)" "<= 1.1"
    line_peak "  peak memory" "<= 24"
}

case_big_attached() {
    make_big
    before_ours() { rm -f big.p7m big.copy && sync -f .; }
    ours() { timed ours "$signet" sign --attached --key "$rsa" --pin-fd 9 big; }
    before_peer() { rm -f big.p7m big.copy && sync -f .; }
    peer() { timed peer sh -c 'openssl dgst -sha256 big && cp big big.copy && sync -f big.copy'; }
    turns "$turns_many"
    line_time "sign one $big_mib MiB file, attached (dgst, cp, sync)" "<= 1.1"
    line_peak "  peak memory" "<= 24"
    rm -f big.p7m big.copy
}

case_verify_one() {
    openssl rand -out seen 100000
    "$signet" sign --key "$rsa" --pin-fd 9 seen > sign.log 9< "$SOFTHSM_PIN_FILE"
    ours() { timed ours "$signet" verify seen.p7s; }
    peer() {
        timed peer openssl cms -verify -cades -binary -CAfile anchors.pem -crl_check_all -inform DER -in seen.p7s \
            -content seen -out /dev/null
    }
    turns "$turns_one"
    line_time "verify one 100 kB file" "<= 1.0"
}

case_verify_many() {
    local i
    mkdir all
    for ((i = 0; i < files_verify; i++)); do
        printf 'page %d\n' "$i" > "all/$i"
    done
    "$signet" sign --key "$ec" --pin-fd 9 all/* > sign.log 9< "$SOFTHSM_PIN_FILE"
    ours() { timed ours "$signet" verify all/*.p7s; }
    peer() {
        # shellcheck disable=SC2016
        timed peer sh -c 'i=0; while [ $i -lt "$1" ]; do
            openssl cms -verify -cades -binary -CAfile anchors.pem -crl_check_all -inform DER -in all/$i.p7s \
                -content all/$i -out /dev/null || exit; i=$((i + 1)); done' sh "$files_peer"
    }
    turns "$turns_many"
    line_rate "verify $files_verify files (openssl, one a file)" ">= 40" "$files_verify" "$files_peer"
}

# One thread signs and signs; what a signature takes more through the host than in process, where it is a call.
case_host_signature() {
    local i
    bare() { # HOST WHO
        mkdir -p -m 700 run
        XDG_RUNTIME_DIR=run "$build/tests/bench_signatures" "$1" "$SIGNET_MODULE" "$ec" "$SOFTHSM_PIN_FILE" \
            "$signatures" >> "$2.times"
    }
    : > ours.times
    : > peer.times
    for ((i = 0; i < turns_many; i++)); do
        bare "$build/agent/libexec/signet/signet-token-host" ours
        bare "" peer
    done
    ours=$(median ours.times 1) peer=$(median peer.times 1)
    line "one P-256 signature by the host (in process)" "$(printf %.3f "$ours")" "$(printf %.3f "$peer")" \
        "$(printf %.2f "$(compute "$ours / $peer")")" "" ms 0
    line "  more a signature" "$(printf %.3f "$(compute "$ours - $peer")")" "" "" "<= 0.10" ms "$(compute "$ours - $peer")"
}

case_list_many() {
    local i
    mkdir many-tokens
    sed "s|^directories.tokendir.*|directories.tokendir = $work/many-tokens|" "$SOFTHSM2_CONF" > many-tokens.conf
    for ((i = 0; i < tokens; i++)); do
        SOFTHSM2_CONF=$work/many-tokens.conf softhsm2-util --init-token --free --label "Token $i" --pin 918273 \
            --so-pin 12345678 > init.log
    done
    ours() { timed ours env SOFTHSM2_CONF="$work/many-tokens.conf" "$signet" token list; }
    peer() {
        timed peer env SOFTHSM2_CONF="$work/many-tokens.conf" pkcs11-tool --module "$SIGNET_MODULE" -L -O
    }
    turns "$turns_many"
    [ "$(SOFTHSM2_CONF=$work/many-tokens.conf "$signet" token list | grep -c '^Token ')" = "$tokens" ]
    line_time "list $tokens tokens (pkcs11-tool -L -O)" "<= 1.1"
}

# In namespaces of its own, which may not be allowed here.
case_card_list() {
    SIGNET=$signet SIGNET_BUILD=$build SIGNET_SOURCE=$root SIGNET_TIMER=$work/timer \
        bash "$root/tests/bench/card.sh" > card.times || { cat card.times; return 0; }
    peer=$(sed -n 1p card.times) ours=$(sed -n 2p card.times)
    line_time "list a card at 100 ms an APDU again (first)" "<= 0.2"
}

# What `token provision` does to each token, by programs that know one token each time: random PINs, a letter and an
# escrow that are encrypted, the token, its key, a look at that, its public key and a signature.
write_provision_loop() {
    cat > provision-loop.sh << 'LOOP'
set -e
mkdir csr letters escrow
for i in $(seq "$1"); do
    pin=$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')1234 so=$(od -An -N8 -tu8 /dev/urandom | tr -d ' ')
    pin=${pin:0:8}
    echo "PIN: $pin" | openssl cms -encrypt -aes-256-gcm -outform DER -out letters/$i.p7m ../letters.pem
    echo "{\"so_pin\":\"$so\"}" |
        openssl cms -encrypt -aes-256-gcm -outform DER -out escrow/$i.p7m ../safe-1.pem ../safe-2.pem
    softhsm2-util --init-token --free --label "Person $i" --so-pin "$so" --pin "$pin"
    tool="pkcs11-tool --module $SIGNET_MODULE --login --pin $pin --token-label"
    $tool "Person $i" --keypairgen --key-type EC:prime256v1 --id 01 --label "Person $i" --usage-sign
    $tool "Person $i" --list-objects --type privkey
    $tool "Person $i" --read-object --type pubkey --id 01 --output-file csr/$i.pub
    $tool "Person $i" --sign --mechanism ECDSA --id 01 --input-file ../digest --output-file csr/$i.sig
done
LOOP
}

case_provision() {
    local i officer count=$1
    write_provision_loop
    openssl rand -out digest 32
    for officer in letters safe-1 safe-2; do
        openssl req -x509 -newkey rsa:2048 -nodes -keyout $officer.key -out $officer.pem -subj "/CN=$officer" -days 30 \
            -addext keyUsage=keyEncipherment 2> provision.log
    done
    {
        echo name,email
        for ((i = 1; i <= count; i++)); do echo "Person $i,p$i@example.org"; done
    } > staff.csv
    fresh() { # a folder without tokens
        rm -rf provision && mkdir -p provision/tokens
        echo "directories.tokendir = $PWD/provision/tokens" > provision/softhsm2.conf
    }
    before_ours() { fresh; }
    before_peer() { fresh; }
    ours() {
        (
            cd provision
            export SOFTHSM2_CONF=$PWD/softhsm2.conf SIGNET_HOME=$PWD/home
            timed ours "$signet" token provision --all --csv ../staff.csv --csr-dir csr --letters letters \
                --officer ../letters.pem --escrow escrow --escrow-to ../safe-1.pem --escrow-to ../safe-2.pem
        )
    }
    peer() {
        (
            cd provision
            export SOFTHSM2_CONF=$PWD/softhsm2.conf
            timed peer bash ../provision-loop.sh "$count"
        )
    }
    turns "$turns_few"
    line_time "provision $count tokens (pkcs11-tool)" "<= 0.3"
}

. "$root/tests/bench/asic.sh"
. "$root/tests/bench/verify.sh"
. "$root/tests/bench/push.sh"
. "$root/tests/bench/push_s3.sh"
. "$root/tests/bench/stamp.sh"
. "$root/tests/bench/crl.sh"
. "$root/tests/bench/lta.sh"
. "$root/tests/bench/pdf.sh"
. "$root/tests/bench/pdf_verify.sh"
# What waits is counted over indexes that hold nothing else; the peer counts the rows of one table.
case_status() { # WAITING
    rm -rf status
    SIGNET_HOME=$work/status "$signet" log > status.log
    "$root/tests/bench/fill_store.py" status/store.db "$documents" "$1"
    ours() { timed ours env SIGNET_HOME="$work/status" "$signet" status; }
    peer() { timed peer sqlite3 status/store.db "SELECT count(*) FROM document"; }
    ours
    grep -q "wait for a time-stamp" said
    turns "$turns_many"
    line_time "status, $documents documents, $1 wait (sqlite3 counts)" "<= 3"
    rm -rf status
}

run() { # NAME COMMAND...
    before_ours() { :; }
    before_peer() { :; }
    if wanted "$1"; then
        "${@:2}"
    fi
}
# shellcheck disable=SC2059
printf "$format" case ours peer ratio goal met
run "sign one" case_sign_one
run "sign many rsa" case_sign_many RSA-2048 "$rsa" 01 ">= 0.9"
run "sign many ec" case_sign_many P-256 "$ec" 03 ">= 0.7"
run "sign pdfs" case_sign_pdfs
run "outbox" case_outbox
run "big detached" case_big_detached
run "big attached" case_big_attached
run "asic" case_asic "$files_asic"
run "sign pdf one" case_sign_pdf_one
run "sign pdf large" case_sign_pdf_large "$pdf_mib" 500
run "verify one" case_verify_one
run "verify many" case_verify_many
run "verify revisions" case_verify_revisions 20
run "bring CRL in" case_crl_bring_in
run "cached CRL" case_crl_cached
run "verify lta" case_verify_lta
run "verify one signer" case_verify_rsa "$files_rsa"
run "verify signers" case_verify_signers "$signers"
run "provision" case_provision "$provision_count"
run "host signature" case_host_signature
run "list many" case_list_many
run "card list" case_card_list
run "push put" case_push "$push_documents" put ">= 0.8"
run "push webdav" case_push "$push_documents" webdav ""
run "push large" case_push_large "$large_mib"
run "stamp" case_stamp "$stamp_documents"
run "status" case_status "$((documents / 10))"
run "status all waiting" case_status "$documents"

if [ -n "$json" ]; then
    printf '{"schema":"signet.bench/1","cores":%d,"quick":%s,"cases":[%s]}\n' "$threads" $quick \
        "$(IFS=,; echo "${lines[*]}")" > "$json"
fi
if $quick; then
    echo "quick: ran, not judged"
elif [ "$unmet" -gt 0 ]; then
    echo "$unmet goals not met"
    exit 1
else
    echo "every goal met"
fi
