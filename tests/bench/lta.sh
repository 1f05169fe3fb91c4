# A signature with its evidence against openssl, which judges its parts one by one. Sourced by run.sh.
# shellcheck shell=bash disable=SC2154

case_verify_lta() {
    local now=2026-09-21T14:13:20Z second
    second=$(date -d "$now" +%s)
    mkdir lta
    "$build/tests/make_lta" lta > lta/log 2>&1
    "$signet" verify --json --at "$now" --anchor lta/root.pem lta/lta.p7m > lta/said
    jq -e '.signatures[0] | .indication == "TOTAL-PASSED" and .level == "B-LTA"' lta/said > /dev/null || {
        cat lta/said >&2
        exit 70
    }
    ours() { timed ours "$signet" verify --at "$now" --anchor lta/root.pem lta/lta.p7m; }
    peer() {
        # shellcheck disable=SC2016
        timed peer sh -c 'cd lta && time="-attime $1 -crl_check_all -CAfile anchors.pem"
            openssl cms -verify -cades -binary $time -inform DER -in lta.p7m -out /dev/null &&
            openssl ts -verify $time -token_in -in signature.tst -data signature &&
            openssl ts -verify $time -token_in -in archive.tst -data archived' sh "$second"
    }
    turns "$turns_one"
    line_time "verify one CAdES-LTA (cms, ts, ts)" "<= 1.0"
}
