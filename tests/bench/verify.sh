# The cases of many signatures; sourced by run.sh.

# Judged in child processes, with revocation: what is left of the rate at which all cores check bare RSA signatures.
case_verify_rsa() { # FILES
    local i raw
    mkdir rsa
    openssl rand "$(($1 * 10000))" | split -b 10000 -a 6 -d - rsa/f
    "$signet" sign --key "$rsa" --pin-fd 9 rsa/* > sign.log 9< "$SOFTHSM_PIN_FILE"
    ours() { timed ours "$signet" verify rsa/*.p7s; }
    peer() { :; }
    : > ours.times
    for ((i = 0; i < turns_many; i++)); do
        ours
    done
    ours=$(median ours.times 1)
    raw=$(openssl speed -seconds 3 rsa2048 2> /dev/null | awk '/^rsa/ { print $NF }')
    raw=$(compute "$raw * $threads")
    line "verify $1 of one signer, 10 kB (RSA x cores)" "$(printf %.0f "$(compute "$1 / $ours")")" "$(printf %.0f "$raw")" \
        "$(printf %.3f "$(compute "$1 / $ours / $raw")")" ">= 0.2" /s "$(compute "$1 / $ours / $raw")"
    rm -rf rsa
}

# Each signer is another, so that each chain is judged; the peer does one a file.
case_verify_signers() { # COUNT
    cc -std=gnu17 -D_GNU_SOURCE -O2 -o make_signers "$root/tests/bench/signers.c" -lcrypto
    mkdir signers
    ./make_signers signers "$1"
    SIGNET_HOME=$work/signers-home "$signet" trust add signers/ca.pem --yes --crl signers/crl.der > trust.log
    cat signers/ca.pem signers/crl.pem > signers.pem
    ours() { SIGNET_HOME=$work/signers-home timed ours "$signet" verify --recursive signers; }
    peer() {
        # shellcheck disable=SC2016
        timed peer sh -c 'i=0; while [ $i -lt "$1" ]; do
            openssl cms -verify -cades -binary -CAfile signers.pem -crl_check -inform DER -in signers/$i.p7s \
                -content signers/$i -out /dev/null || exit; i=$((i + 1)); done' sh "$signers_peer"
    }
    turns "$turns_many"
    line_rate "verify $1 of $1 signers (openssl, one a file)" ">= 30" "$1" "$signers_peer"
    rm -rf signers
}
