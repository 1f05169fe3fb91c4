#!/bin/bash
# Time-stamps: what signet signed becomes a B-T by real TSAs, one that does not do its work gives way to the next, and
# what does not hold is not kept. Judged by `openssl ts` as well, from a token that another program takes out.
. "${SIGNET_SOURCE:-$(dirname "$0")/../..}/tests/support/lib.sh"
. "$SIGNET_SOURCE/tests/support/server_tsa.sh"

fixtures
ca=$SIGNET_FIXTURES/ca soft=$SIGNET_FIXTURES/soft
export SIGNET_HOME=$tmp/home
key="pkcs11:token=Signet%20Test;object=p256"

holds "$SIGNET" trust add "$ca/root.pem" --yes
for crl in root issuing; do
    holds "$SIGNET" trust add --crl "$ca/$crl.crl" --intermediate "$ca/issuing.pem"
done
mkdir "$tmp/docs"

patience=60s # a machine may be busy, and no TSA is silent but one
# The TSAs that there are, in the order in which they are asked.
tsas() { # NAME[=POLICY]...
    local name order=0
    printf '[sync]\ntimeout = %s\n' "$patience" > "$SIGNET_HOME/signet.conf"
    for name in "$@"; do
        printf '[tsa "%s"]\nurl = %s\norder = %d\n' "${name%%=*}" "$(tsa_url "${name%%=*}")" $((++order))
        [ "${name%%=*}" = "$name" ] || printf 'policy = %s\n' "${name#*=}"
    done >> "$SIGNET_HOME/signet.conf"
}

# A document that is signed and waits for its time-stamp, in $signed.
next=0
signed() { # [COMMAND...]
    local document=$tmp/docs/$((++next))
    signed=$document.p7s
    echo "document $next" > "$document"
    expect 0 "$@" "$SIGNET" sign --key "$key" "$document" --pin-fd 9 9< "$SOFTHSM_PIN_FILE"
}

# All that waits is tried, by the TSAs named.
run() { # NAME[=POLICY]...
    tsas "$@"
    holds "$SIGNET" outbox retry
    "$SIGNET" sync > "$tmp/out" 2> "$tmp/err" < /dev/null || true
}

stamped_by() { # NAME
    says "Time-stamped by $1: $signed"
}

not_stamped() { # CODE TEXT
    says "signet: $signed: "
    says "[$1]"
    says "$2"
}

# The token in the first unsigned attribute of $signed, by an independent reader; and what it is over.
extract() {
    /usr/bin/python3 - "$signed" "$tmp/token" "$tmp/value" << 'END'
import sys

def header(b, at):
    n, size = b[at + 1], 2
    if n & 0x80:
        size += n & 0x7f
        n = int.from_bytes(b[at + 2:at + size], "big")
    return at + size, at + size + n

def children(b, at, end):
    out = []
    while at < end:
        content, stop = header(b, at)
        out.append((b[at], at, content, stop))
        at = stop
    return out

b = open(sys.argv[1], "rb").read()
data = children(b, *header(b, children(b, *header(b, 0))[1][2]))  # SignedData
infos = [c for c in data if c[0] == 0x31][-1]
info = children(b, *children(b, infos[2], infos[3])[0][2:])
value = [c for c in info if c[0] == 0x04][-1]
attributes = [c for c in info if c[0] == 0xa1][0]
for _, at, content, stop in children(b, attributes[2], attributes[3]):
    oid, values = children(b, content, stop)
    if b[oid[2]:oid[3]] == bytes.fromhex("2a864886f70d010910020e"):
        _, start, _, end = children(b, values[2], values[3])[0]
        open(sys.argv[2], "wb").write(b[start:end])
open(sys.argv[3], "wb").write(b[value[2]:value[3]])
END
}

is_b_t() {
    expect 0 "$SIGNET" verify "$signed" --json
    json 'signatures.0.level="B-T"' 'signatures.0.timestamps.0.indication="PASSED"'
}

is_b_b() {
    expect 0 "$SIGNET" verify "$signed" --json
    json 'signatures.0.level="B-B"' 'signatures.0.timestamps=[]'
}

ledger() { # SQL-CONDITION: how many entries are so
    sqlite "SELECT count(*) FROM ledger WHERE $1"
}

sqlite() { # SQL
    /usr/bin/python3 -c 'import sqlite3, sys
for row in sqlite3.connect(sys.argv[1]).execute(sys.argv[2]): print(*row)' "$SIGNET_HOME/store.db" "$1"
}

is() { # VALUE WANTED
    [ "$1" = "$2" ] || failed "$1, not $2"
    checks=$((checks + 1))
}

output_state() { # of $signed: enum sg_output_state
    sqlite "SELECT output_state FROM outbox JOIN document ON entry = document WHERE output = '$signed'"
}

tsa_start main
tsa_start other
tsas main

# ---- a B-B becomes a B-T -----------------------------------------------------------------------------------------------

signed
chmod 640 "$signed"
cp "$signed" "$tmp/b-b.p7s"
is_b_b
run main
stamped_by main
is "$(output_state)" 0
is_b_t
json 'signatures.0.timestamps.0.kind="signature"' 'signatures.0.timestamps.0.tsa="CN=Soft tsa,O=Signet Test"' \
    'signatures.0.indication="TOTAL-PASSED"'
is "$(stat -c %a "$signed")" 640
is "$(ledger "event = 'timestamped' AND object = '$signed'")" 1
# Of the TSA's certificate it is to be known whether it is revoked: the next pull asks.
is "$(sqlite "SELECT count(*) FROM known_certificate WHERE source = 'tsa'")" 1

# What was signed is as it was, and others accept it: the signature, and the time-stamp.
extract
holds openssl ts -verify -in "$tmp/token" -token_in -data "$tmp/value" -CAfile "$ca/root.pem" -untrusted "$ca/issuing.pem"
holds openssl cms -verify -cades -inform DER -in "$signed" -content "${signed%.p7s}" -binary -CAfile "$ca/root.pem" \
    -certfile "$ca/issuing.pem" -purpose any -out /dev/null
tamper "$tmp/value" "$tmp/other-value" 10
rejects openssl ts -verify -in "$tmp/token" -token_in -data "$tmp/other-value" -CAfile "$ca/root.pem" \
    -untrusted "$ca/issuing.pem"

# A token that belongs to another signature is told apart, and the signature is judged as if without it.
/usr/bin/python3 - "$signed" "$tmp/swapped.p7s" << 'END'
import sys
b = bytearray(open(sys.argv[1], "rb").read())
at = b.index(bytes.fromhex("0420"), b.index(bytes.fromhex("2a864886f70d010910020e"))) + 10
b[at] ^= 1
open(sys.argv[2], "wb").write(b)
END
cp "${signed%.p7s}" "$tmp/swapped"
expect 0 "$SIGNET" verify "$tmp/swapped.p7s" --json
json 'signatures.0.level="B-B"' 'signatures.0.indication="TOTAL-PASSED"' 'signatures.0.timestamps.0.indication="FAILED"'
says timestamp-not-counted

# Nothing more is to be done.
asked=$(tsa_count main)
run main
is "$(tsa_count main)" "$asked"

# Beside others' signatures, it is the one made here that is stamped: each when it comes, and those before keep theirs.
signed
run main
is_b_t
expect 0 "$SIGNET" sign --add --force --key "pkcs11:token=Signet%20Test;object=rsa2048" "${signed%.p7s}" --pin-fd 9 9< "$SOFTHSM_PIN_FILE"
expect 0 "$SIGNET" verify "$signed" --json
is "$(jq -rc '[.signatures[].level] | sort | join(" ")' "$tmp/out")" "B-B B-T"
run main
stamped_by main
expect 0 "$SIGNET" verify "$signed" --json
is "$(jq -rc '[.signatures[] | .level, .indication] | join(" ")' "$tmp/out")" "B-T TOTAL-PASSED B-T TOTAL-PASSED"

# ---- failover ----------------------------------------------------------------------------------------------------------

# Whatever the first does wrong, the next is asked; alone, it is named and nothing is kept.
wrong() { # WORD CODE TEXT [POLICY]
    tsa_mode main $1
    signed
    cp "$signed" "$tmp/before.p7s"
    run "main${4:+=$4}"
    not_stamped "$2" "$3"
    holds cmp "$tmp/before.p7s" "$signed"
    run "main${4:+=$4}" other
    stamped_by other
    is "$(output_state)" 0
    tsa_mode main good
}

wrong reject server-refused 'authority "main" gave no time-stamp: refused'
wrong replay bad-answer "is of something else"
wrong other-imprint bad-answer "is of something else"
wrong other-nonce bad-answer "has not the nonce"
wrong other-policy bad-answer "not under the policy $TSA_POLICY" "$TSA_POLICY"
wrong fail server-failed 'authority "main" gave no time-stamp'
wrong portal captive-portal 'authority "main" gave no time-stamp'
wrong garbage bad-answer "none of the Time-Stamp Protocol"
patience=5s # which is enough for the other one
wrong "slow 20" timeout "made no progress"
patience=60s

# ---- certificates of TSAs ----------------------------------------------------------------------------------------------

tsa_certificate() { # NAME: $tmp/NAME.pem, .key
    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$tmp/$1.key" 2> /dev/null
    openssl pkey -in "$tmp/$1.key" -pubout -out "$tmp/$1.pub"
    certificate_for "$tmp/$1.pub" "$1" timestamping "$tmp/$1.pem"
}

# Whatever is wrong with its certificate, none of its time-stamps is kept.
bad_certificate() { # FILE TEXT
    wrong "by $1" bad-answer "$2"
}

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$tmp/nobody.key" -out "$tmp/nobody.pem" \
    -subj "/CN=nobody" -days 30 -addext "basicConstraints=critical,CA:FALSE" -addext "keyUsage=critical,digitalSignature" \
    -addext "extendedKeyUsage=critical,timeStamping" 2> /dev/null
tsa_certificate ended
faketime -f -60d openssl x509 -new -subj "/CN=ended" -force_pubkey "$tmp/ended.pub" -CA "$ca/issuing.pem" \
    -CAkey "$ca/issuing.key" -days 30 -extfile "$SIGNET_SOURCE/softhsm-fixtures/ca.cnf" -extensions timestamping \
    -out "$tmp/ended.pem"
bad_certificate "$tmp/nobody" "No path leads"
bad_certificate "$soft/good" "is not meant for time-stamps"
bad_certificate "$tmp/ended" "ended at"

# Revoked, and its key known to others: no time-stamp of it is taken, and those from before do not count any more.
tsa_certificate stolen
signed
tsa_mode main by "$tmp/stolen"
run main
stamped_by main
is_b_t
mkdir "$tmp/work"
cp "$ca/issuing.pem" "$tmp/work/ca.pem"
cp "$ca/issuing.key" "$tmp/work/ca.key"
echo 7f > "$tmp/work/crlnumber"
printf 'R\t491231235959Z\t%s,keyCompromise\t%s\tunknown\t/CN=stolen\n' "$(date -u -d +1hour +%y%m%d%H%M%SZ)" \
    "$(openssl x509 -in "$tmp/stolen.pem" -noout -serial | cut -d= -f2)" > "$tmp/work/index.txt"
(cd "$tmp" && openssl ca -config "$SIGNET_SOURCE/softhsm-fixtures/ca.cnf" -gencrl -crldays 30 -out "$tmp/new.crl") \
    2> /dev/null
holds "$SIGNET" trust add --crl "$tmp/new.crl" --intermediate "$ca/issuing.pem"
expect 0 "$SIGNET" verify "$signed" --json
json 'signatures.0.level="B-B"' 'signatures.0.timestamps.0.sub_indication="REVOKED_NO_POE"'
bad_certificate "$tmp/stolen" "was revoked at"
tsa_mode main good

# ---- none ---------------------------------------------------------------------------------------------------------------

# One that is gone: named, and the others asked. All of them are named when none will do.
signed
tsa_stop other
run other main
stamped_by main
signed
tsa_mode main reject
run other main
not_stamped network "refuses the connection"
says 'authority "main" gave no time-stamp: refused'
tsa_mode main good
run other main
stamped_by main

# ---- the clock ---------------------------------------------------------------------------------------------------------

# Two hours off is no reason not to have a time-stamp, and is noticed.
is "$(ledger "event IN ('clock-differs', 'clock-ahead', 'clock-wrong', 'clock-right')")" 0
faked() { # OFFSET COMMAND...
    ASAN_OPTIONS=$ASAN_OPTIONS:verify_asan_link_order=0 faketime -f "$@"
}
signed faked -2h
expect 0 faked -2h "$SIGNET" sync
stamped_by main
is "$(ledger "event = 'clock-differs' AND object = '$signed'
    AND detail LIKE 'signed 2 hours before its time-stamp: claimed %, time-stamped % by main'")" 1
is "$(ledger "event = 'clock-wrong' AND detail LIKE '%clock said % when main time-stamped %: 2 hours behind'")" 1
is_b_t
expect 0 "$SIGNET" status
says "This computer's clock is wrong, or was at the last time-stamp: "
says ": 2 hours behind. Set it right; the next time-stamp shows whether it is."
expect 1 "$SIGNET" status --offline-for 1d --json
json 'items.5.check="clock"' 'items.5.result="wrong"'
expect 0 "$SIGNET" status --metrics
holds grep -qE '^signet_clock_wrong\{.*\} 1$' "$tmp/out"

# Set right, it is not doubted, however long a document waited: that is said in its own words.
signed faked -6h
expect 0 "$SIGNET" sync
stamped_by main
is "$(ledger "event = 'clock-right'")" 1
expect 0 "$SIGNET" log --check
expect 0 "$SIGNET" status
says "This computer's clock was more than five minutes wrong (1 times"
says "Documents signed more than five minutes before their time-stamp: 2, the last: signed 6 hours before its time-stamp: "
expect 0 "$SIGNET" status --json
json clock.wrong=false clock.differences=1 clock.late.documents=2
expect 0 "$SIGNET" status --offline-for 1d --json
json 'items.5.check="clock"' 'items.5.result="ok"'
expect 0 "$SIGNET" status --metrics
holds grep -qE '^signet_clock_wrong\{.*\} 0$' "$tmp/out"
holds grep -qE '^signet_late_documents\{.*\} 2$' "$tmp/out"

# Claimed after the time-stamp: by a clock that was wrong then, and is not now.
signed faked +2h
expect 0 "$SIGNET" outbox retry
expect 0 "$SIGNET" sync
stamped_by main
is "$(ledger "event = 'clock-ahead' AND object = '$signed' AND detail LIKE 'signed by a clock that was 2 hours ahead: %'")" 1
expect 0 "$SIGNET" status --json
json clock.wrong=false clock.differences=2 clock.late.documents=2

# ---- the signed file ---------------------------------------------------------------------------------------------------

# Moved or changed since: it is left alone, and the completed version stays in the store.
kept() { # that of $signed
    local blob
    blob=$SIGNET_HOME/blobs/$(sqlite "SELECT level_sha256 FROM outbox JOIN document ON entry = document
        WHERE level = 'B-T' AND output = '$signed'")
    expect 0 "$SIGNET" verify "$blob" --content "${signed%.p7s}" --json
    json 'signatures.0.level="B-T"'
}

signed
mv "$signed" "$tmp/elsewhere.p7s"
run main
stamped_by main
is "$(output_state)" 1
[ ! -e "$signed" ] || failed "a file was made again that somebody had moved"
kept

signed
cp "$tmp/b-b.p7s" "$signed"
run main
is "$(output_state)" 2
holds cmp "$tmp/b-b.p7s" "$signed"
kept

passed
