# Time-stamps against curl, which asks the same TSA as often and as many at once. Sourced by run.sh.
# shellcheck shell=bash disable=SC2154
. "$root/tests/support/server_tsa.sh"

stamp_parallel=8 # SG_SYNC_PARALLEL

# Signed documents that wait, and the questions that curl asks.
make_stamp() { # COUNT
    local i
    mkdir -p stamp/home stamp/docs
    cp -r "$SIGNET_HOME/." stamp/home
    printf '[tsa "bench"]\nurl = %s\n' "$(tsa_url bench)" > stamp/home/signet.conf
    for ((i = 0; i < $1; i++)); do
        echo "document $i" > "stamp/docs/$i"
        printf 'url = %s\noutput = /dev/null\n' "$(tsa_url bench)"
    done > stamp/ask
    SIGNET_HOME=$work/stamp/home "$signet" sign --key "$ec" --pin-fd 9 stamp/docs/* > stamp/log 9< "$SOFTHSM_PIN_FILE"
    mkdir stamp/signed
    cp -a stamp/docs/*.p7s stamp/signed
    openssl ts -query -data stamp/docs/0 -sha256 -cert -out stamp/query 2> /dev/null
}

case_stamp() { # COUNT
    tsa_start bench
    make_stamp "$1"
    before_ours() {
        rm -rf stamp/now
        cp -a stamp/home stamp/now
        cp -a stamp/signed/. stamp/docs
    }
    ours() { timed ours env SIGNET_HOME="$work/stamp/now" "$signet" sync; }
    before_peer() {
        ! cmp -s stamp/signed/0.p7s stamp/docs/0.p7s || failed "nothing was time-stamped"
    }
    peer() {
        timed peer curl --silent --fail --parallel --parallel-max "$stamp_parallel" --config stamp/ask \
            --data-binary @stamp/query --header "Content-Type: application/timestamp-query"
    }
    turns "$turns_few"
    tsa_stop bench
    line_rate "B-B to B-T for $1 documents (curl, the TSA)" ">= 0.9" "$1" "$1"
}
