# shellcheck shell=bash
# A CRL of a million certificates: what it costs to bring it in once, and what then to check one certificate. The peer
# reads all of it each time.

# A CA, a certificate of it, and the CRL, which does not list it.
make_crl_files() {
    [ ! -f million.crl ] || return 0
    cc -std=gnu17 -O2 -o make_crl "$root/tests/bench/make_crl.c" -lcrypto
    openssl req -x509 -newkey rsa:2048 -nodes -keyout crl-ca.key -out crl-ca.pem -subj "/CN=CRL Bench CA" -days 30 \
        -addext keyUsage=critical,keyCertSign,cRLSign 2> crl.log
    openssl req -newkey rsa:2048 -nodes -keyout crl-leaf.key -out crl-leaf.csr -subj "/CN=CRL Bench" 2> crl.log
    openssl x509 -req -in crl-leaf.csr -CA crl-ca.pem -CAkey crl-ca.key -set_serial 77 -days 30 -out crl-leaf.pem 2> crl.log
    ./make_crl "$crl_entries" crl-ca.key crl-ca.pem million.crl
}

line_memory() { # CASE GOAL: the most memory that ours ever held, against the peer's
    local theirs ratio
    theirs=$(sort -n -k2 peer.times | tail -1 | cut -d' ' -f2)
    ratio=$(compute "$peak / $theirs")
    line "$1" "$(printf %.1f "$(compute "$peak / 1024")")" "$(printf %.1f "$(compute "$theirs / 1024")")" \
        "$(printf %.3f "$ratio")" "$2" MiB "$ratio"
}

line_times() { # CASE GOAL: as line_time, for small ratios
    local ratio
    ratio=$(compute "$ours / $peer")
    line "$1" "$(printf %.4f "$ours")" "$(printf %.4f "$peer")" "$(printf %.4f "$ratio")" "$2" s "$ratio"
}

case_crl_bring_in() {
    make_crl_files
    before_ours() {
        rm -rf crl-home
        SIGNET_HOME=$work/crl-home "$signet" trust add crl-ca.pem --yes > crl.log
    }
    ours() { timed ours env SIGNET_HOME="$work/crl-home" "$signet" trust add --crl million.crl; }
    peer() { timed peer openssl crl -noout -verify -CAfile crl-ca.pem -inform DER -in million.crl; }
    turns "$turns_many"
    line_times "bring in a CRL of $crl_entries entries (openssl crl)" "<= 1.2"
    line_memory "  memory" "<= 0.5"
}

case_crl_cached() {
    make_crl_files
    rm -rf crl-home
    SIGNET_HOME=$work/crl-home "$signet" trust add crl-ca.pem --yes --crl million.crl > crl.log
    ours() { timed ours env SIGNET_HOME="$work/crl-home" "$signet" cert check crl-leaf.pem; }
    peer() { timed peer openssl verify -crl_check -CAfile crl-ca.pem -CRLfile million.crl crl-leaf.pem; }
    turns "$turns_many"
    line_times "check by a cached CRL of $crl_entries (openssl verify)" "<= 0.01"
    line_memory "  memory" "<= 0.0667"
    rm -rf crl-home
}
