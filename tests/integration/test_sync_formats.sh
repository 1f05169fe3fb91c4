#!/bin/bash
# What sync does with PDFs and containers: they are stored as they are, and a PDF's time-stamp goes into its signature as
# long as no target has the file, and beside it from then on. Judged by signet, and by pdfsig and qpdf.
. "${SIGNET_SOURCE:-$(dirname "$0")/../..}/tests/support/lib.sh"
. "$SIGNET_SOURCE/tests/support/namespace.sh"
. "$SIGNET_SOURCE/tests/support/server_apache.sh"
. "$SIGNET_SOURCE/tests/support/server_tsa.sh"
needs apache2
stop_servers() {
    apache_stop
    tsa_stop main
}
at_exit=stop_servers
fixtures
cd "$tmp"
ca=$SIGNET_FIXTURES/ca conf=$SIGNET_HOME/signet.conf

holds "$SIGNET" trust add "$ca/root.pem" --yes
for crl in root issuing; do
    holds "$SIGNET" trust add --crl "$ca/$crl.crl" --intermediate "$ca/issuing.pem"
done
pdf() { # NAME
    /usr/bin/python3 "$SIGNET_SOURCE/tests/support/pdf_page.py" "$1" > "$1.pdf"
}
holds_copy() { # FILE
    holds cmp "$1" "$APACHE_FILES/$(sha256sum < "$1" | cut -c1-64)"
}
is_level() { # FILE LEVEL
    expect 0 "$SIGNET" verify --json "$1"
    json "signatures.0.level=\"$2\"" 'signatures.0.indication="TOTAL-PASSED"'
}
# What an independent reader finds: as many signatures, the first of that type.
pdfsig_finds() { # FILE COUNT
    pdfsig "$1" > "$tmp/pdfsig" 2>&1 || true
    holds test "$(grep -c '^Signature #' "$tmp/pdfsig")" = "$2"
}
configure() { # tsa|archive...
    for part in "$@"; do
        case $part in
            tsa) printf '[tsa "main"]\nurl = %s\n' "$(tsa_url main)" ;;
            archive) printf '[target "archive"]\ntype = webdav\nurl = %s\n' "$APACHE_URL" ;;
        esac
    done > "$conf"
}

tsa_start main
apache_start

# --- nobody has it yet: the time-stamp goes into the signature, and nothing else changes
configure tsa
pdf inside
expect 0 signet_pin sign inside.pdf
cp inside.signed.pdf before.pdf
expect 0 "$SIGNET" sync
says "Time-stamped by main: $tmp/inside.signed.pdf"
holds test "$(stat -c %s inside.signed.pdf)" = "$(stat -c %s before.pdf)"
is_level inside.signed.pdf B-T
json signatures.0.changes='"none"' format='"PAdES"'
pdfsig_finds inside.signed.pdf 1
holds grep -q 'Total document signed' "$tmp/pdfsig"
holds qpdf --check inside.signed.pdf
holds cmp -n "$(stat -c %s inside.pdf)" inside.pdf inside.signed.pdf

# --- a target is to have it, and no delivery was begun: the one with the time-stamp is delivered, and no other
configure tsa archive
pdf waiting
expect 0 signet_pin sign waiting.pdf
cp waiting.signed.pdf before.pdf
configure tsa
"$SIGNET" sync > out 2> err || true
is_level waiting.signed.pdf B-T
holds test "$(stat -c %s waiting.signed.pdf)" = "$(stat -c %s before.pdf)"
configure tsa archive
expect 0 "$SIGNET" sync
holds_copy waiting.signed.pdf
rejects test -e "$APACHE_FILES/$(sha256sum < before.pdf | cut -c1-64)"
expect 0 "$SIGNET" receipt waiting.signed.pdf

# --- a delivery was begun, of whose end nothing is known: beside it
configure tsa archive
pdf begun
expect 0 signet_pin sign begun.pdf
cp begun.signed.pdf before.pdf
apache_stop
expect 75 "$SIGNET" sync
says "Time-stamped by main: $tmp/begun.signed.pdf"
holds cmp -n "$(stat -c %s before.pdf)" before.pdf begun.signed.pdf
holds grep -qa /ETSI.RFC3161 begun.signed.pdf
expect 0 "$SIGNET" outbox drop --reason "the archive moved" begun.signed.pdf

# --- no room was left for it: beside it
configure tsa
pdf narrow
expect 0 signet_pin sign --reserve 100 narrow.pdf
cp narrow.signed.pdf before.pdf
expect 0 "$SIGNET" sync
holds cmp -n "$(stat -c %s before.pdf)" before.pdf narrow.signed.pdf
holds grep -qa /DocTimeStamp narrow.signed.pdf
holds qpdf --check narrow.signed.pdf
pdfsig_finds narrow.signed.pdf 2

# --- a target has it: beside it, and what is there stays, byte for byte
apache_start
configure tsa archive
tsa_mode main fail
pdf given
expect 0 signet_pin sign --certify 1 given.pdf
cp given.signed.pdf before.pdf
"$SIGNET" sync > out 2> err || true
holds_copy before.pdf
tsa_mode main good
holds "$SIGNET" outbox retry
expect 0 "$SIGNET" sync
holds cmp -n "$(stat -c %s before.pdf)" before.pdf given.signed.pdf
holds grep -qa /ETSI.RFC3161 given.signed.pdf
holds qpdf --check given.signed.pdf
pdfsig_finds given.signed.pdf 2
holds_copy given.signed.pdf
expect 0 "$SIGNET" verify given.signed.pdf
tamper given.signed.pdf changed.pdf 300
expect 1 "$SIGNET" verify changed.pdf
expect 0 "$SIGNET" receipt given.signed.pdf

# --- containers are stored; that they are not time-stamped is said
configure archive
echo one > one && echo two > two
expect 0 signet_pin sign --format asic-e --output both.asice one two
expect 0 signet_pin sign --format asic-s one
expect 0 "$SIGNET" sync
holds_copy both.asice
holds_copy one.asics
configure tsa
expect 0 signet_pin sign --force --format asic-e --output both.asice one two
expect 65 "$SIGNET" sync
says "[unsupported]"
says "ASiC-E"
expect 0 "$SIGNET" outbox list both.asice
says "unsupported"
expect 0 "$SIGNET" outbox drop --reason "not yet" both.asice
expect 0 "$SIGNET" sync

passed
