#!/bin/bash
# An officer's work on one token: do keys, requests, certificates, deletions and retirement end as they are said to,
# judged by openssl and pkcs11-tool?
. "${SIGNET_SOURCE:-$(dirname "$0")/../..}/tests/support/lib.sh"
fixtures
cd "$tmp"
softhsm2-util --init-token --free --label Officer --pin "$(cat "$SOFTHSM_PIN_FILE")" --so-pin 12345678 > /dev/null
token="pkcs11:token=Officer"

# What pkcs11-tool sees.
tool() { # ARGUMENT...
    pkcs11-tool --module "$SIGNET_MODULE" --token-label Officer --login --pin "$(cat "$SOFTHSM_PIN_FILE")" "$@" 2> tool.err
}

# What the ledger says, read by another program.
ledger() { # SQL
    /usr/bin/python3 -c 'import sqlite3, sys
for row in sqlite3.connect(sys.argv[1]).execute(sys.argv[2]): print(*row, sep="|")' "$SIGNET_HOME/store.db" "$1"
}

field() { # NAME
    /usr/bin/python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1" < out
}

# --- keygen ---------------------------------------------------------------------------------------------------------
expect 0 signet_pin token keygen --kind p-256 --usage sign --label "Ada Lovelace" --token "$token" --json
json token.label='"Officer"' id='"01"' kind='"p-256"' usage='"sign"' label='"Ada Lovelace"' custody='"generated"' interrupted='[]'
serial=$(/usr/bin/python3 -c 'import json, sys; print(json.load(sys.stdin)["token"]["serial"])' < out)
spki=$(field spki_sha256)
tool --read-object --type pubkey --id 01 --output-file pub.der > /dev/null
holds test "$(sha256sum pub.der | cut -c1-64)" = "$spki"
tool -O --type privkey --id 01 > objects
holds grep -q "Usage: *sign *$" objects
holds grep -q "Access: *sensitive, always sensitive, never extract" objects
holds test "$(ledger "SELECT event, token, object FROM ledger WHERE event LIKE 'keygen%' ORDER BY number" | tr '\n' ' ')" = \
    "keygen-begun|$serial|01 keygen|$serial|01 "
holds test "$(ledger "SELECT key FROM ledger WHERE event = 'keygen'")" = "$spki"
expect 0 signet_pin token show "$token" --json
json keys.0.custody='"generated"' keys.0.certificate=null

expect 0 signet_pin token keygen --kind rsa-2048 --usage decrypt --id 2A --token "$token" --json
json id='"2a"' usage='"decrypt"' kind='"rsa-2048"'
tool -O --type privkey --id 2a > objects
holds grep -q "Usage: *decrypt, unwrap *$" objects
expect 0 signet_pin token keygen --kind ed25519 --usage sign --token "$token"
says "id=%02"

# Its tampered twin: a key that other programs put there is not taken for one that was made here.
holds tool --keypairgen --key-type EC:prime256v1 --id 77 --label other --usage-sign
expect 0 signet_pin token show "$token;id=%77" --json
json keys.0.custody='"reported"'

expect 73 signet_pin token keygen --kind p-384 --usage sign --id 01 --token "$token" --json
json error.code='"key-exists"'
holds test "$(ledger "SELECT code FROM ledger WHERE event = 'keygen-failed'")" = key-exists
expect 64 signet_pin token keygen --kind rsa-1024 --usage sign --token "$token"
says "--kind"
expect 64 signet_pin token keygen --kind p-256 --usage both --token "$token"
says "never both"
expect 64 signet_pin token keygen --kind ed25519 --usage decrypt --token "$token"
expect 64 signet_pin token keygen --kind p-256 --usage sign --id 0g --token "$token"
expect 64 signet_pin token keygen --kind p-256 --usage sign
says "tokens could be meant"
expect 69 signet_pin token keygen --kind p-256 --usage sign --token "pkcs11:token=Nobody"
expect 77 "$SIGNET" token keygen --kind p-256 --usage sign --token "$token" --json
json error.code='"pin-required"'

# --- csr ------------------------------------------------------------------------------------------------------------
request() { # ID FILE
    expect 0 signet_pin token csr --key "$token;id=%$1" --subject "CN=Ada Lovelace,OU=Engines\\, Analytical,O=Example,C=GB" \
        --email ada@example.org --email a.lovelace@example.org --output "$2"
}
for id in 01 02; do
    request $id $id.csr
    holds openssl req -in $id.csr -verify -noout
    openssl req -in $id.csr -noout -text -nameopt RFC2253 > text
    holds grep -qF "Subject: CN=Ada Lovelace,OU=Engines\\, Analytical,O=Example,C=GB" text
    holds grep -qF "email:ada@example.org, email:a.lovelace@example.org" text
    holds grep -qF "Digital Signature, Non Repudiation" text
done
holds cmp <(openssl req -in 01.csr -noout -pubkey | openssl pkey -pubin -outform DER) pub.der
openssl req -in 01.csr -outform DER -out good.der
tamper good.der bad.der -10
rejects sh -c 'openssl req -inform DER -in bad.der -verify -noout 2>&1 | grep -q OK'
tamper good.der bad.der 40
rejects sh -c 'openssl req -inform DER -in bad.der -verify -noout 2>&1 | grep -q OK'

expect 73 signet_pin token csr --key "$token;id=%01" --subject CN=Ada --output 01.csr
says "[output-exists]"
expect 0 signet_pin token csr --key "$token;id=%01" --subject CN=Ada --output again.csr --json
json signed=true subject='"CN=Ada"' spki_sha256="\"$spki\"" emails='[]' output='"again.csr"'
expect 0 signet_pin token csr --key "$token;id=%01" --subject CN=Ada --output again.csr --force
expect 0 signet_pin token csr --key "$token;id=%01" --subject CN=Ada
holds openssl req -in "$tmp/out" -verify -noout
for subject in "Ada" "CN=" "CN=Ada;O=x" "CN=Ada,C=GBR" "/CN=Ada" ""; do
    expect 64 signet_pin token csr --key "$token;id=%01" --subject "$subject" --output none.csr
done
expect 64 signet_pin token csr --key "$token;id=%01" --subject CN=Ada --email "ada at example.org" --output none.csr
expect 64 signet_pin token csr --key "$token" --subject CN=Ada --output none.csr
says "[key-ambiguous]"
expect 64 signet_pin token csr --key "$token;id=%01" --subject CN=Ada --json
holds test ! -e none.csr

# A key that only decrypts cannot sign a request: its public key, and the CA has to see to the rest.
expect 69 signet_pin token csr --key "$token;id=%2a" --subject CN=Ada --output none.csr
says "--public-key"
expect 0 signet_pin token csr --key "$token;id=%2a" --public-key --output decrypt.pem --json
json signed=false subject=null
tool --read-object --type pubkey --id 2a --output-file pub2a.der > /dev/null
holds cmp <(openssl pkey -pubin -in decrypt.pem -outform DER) pub2a.der

# --- import ---------------------------------------------------------------------------------------------------------
ca() { # NAME
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1.key" -out "$1.pem" -days 30 \
        -subj "/CN=$1" -addext keyUsage=critical,keyCertSign,cRLSign 2> /dev/null
}
certify() { # CSR CA OUT
    openssl x509 -req -in "$1" -CA "$2.pem" -CAkey "$2.key" -CAcreateserial -days 20 -copy_extensions copyall -out "$3" 2> /dev/null
}
ca right
ca stranger
certify 01.csr right 01.pem
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout other.key -out other.csr -subj /CN=Other 2> /dev/null
certify other.csr right other.pem

# Nothing is written if one certificate has no business there.
for files in "other.pem" "01.pem other.pem" "01.pem right.pem stranger.pem" "right.pem"; do
    # shellcheck disable=SC2086
    expect 69 signet_pin token import $files --token "$token" --json
    json error.code='"no-key"'
done
holds test -z "$(tool -O --type cert)"
expect 65 signet_pin token import 01.csr --token "$token"

cat 01.pem right.pem > chain.pem
expect 0 signet_pin token import chain.pem --token "$token" --json
json role='"issuer"' state='"written"' subject='"CN=right"' id=null
head -n 1 out > first && cp first out
json role='"key"' state='"written"' id='"01"' token.serial="\"$serial\""
tool --read-object --type cert --id 01 --output-file back.der > /dev/null
holds cmp back.der <(openssl x509 -in 01.pem -outform DER)
tool -O --type cert > objects
holds grep -qF "label:      Ada Lovelace" objects
holds test "$(grep -c "^Certificate Object" objects)" = 2
expect 0 signet_pin token import chain.pem --token "$token" --json
json state='"there"'
holds test "$(tool -O --type cert | grep -c "^Certificate Object")" = 2
holds test "$(ledger "SELECT object, detail LIKE '%Ada Lovelace%' FROM ledger WHERE event = 'import' AND object <> ''")" = "01|1"

# What was made and certified so signs, and its custody is ours.
echo text > text
expect 0 signet_pin sign --key "$token;id=%01" --json text
json custody='"generated"' token.serial="\"$serial\""
expect 0 "$SIGNET" verify --anchor right.pem --revocation none text.p7s

# --- delete ---------------------------------------------------------------------------------------------------------
# It has to be said twice, and the second time by name.
for answers in "" "--yes" "--really $serial/02" "--yes --really $serial/01" "--yes --really 02" "--yes --really yes"; do
    # shellcheck disable=SC2086
    expect 77 signet_pin token delete --key "$token;id=%02" $answers --json
    json error.code='"not-confirmed"'
done
holds tool --read-object --type pubkey --id 02
expect 64 signet_pin token delete --yes --really "$serial/02"
expect 64 signet_pin token delete --key "$token" --yes --really "$serial/02"
expect 69 signet_pin token delete --key "$token;id=%66" --yes --really "$serial/66"
expect 0 signet_pin token delete --key "$token;id=%02" --yes --really "$serial/02" --json
json id='"02"' subject=null token.serial="\"$serial\""
holds test -z "$(tool -O | grep "ID: *02")"
holds test "$(tool -O | grep -c "ID: *01")" = 3
holds test "$(ledger "SELECT event, object FROM ledger WHERE event LIKE 'delete%' ORDER BY number" | tr '\n' ' ')" = \
    "delete-begun|02 delete|02 "

# On a terminal two questions, of which the second wants the key's id.
on_terminal() { # ANSWER ANSWER KEY
    /usr/bin/python3 - "$SIGNET" "$3" "$1" "$2" "$SOFTHSM_PIN_FILE" <<'PYTHON'
import os, pty, sys
program, uri, first, second, pin = sys.argv[1:]
child, terminal = pty.fork()
if child == 0:
    fd = os.open(pin, os.O_RDONLY)
    os.set_inheritable(fd, True)
    os.execv(program, [program, "token", "delete", "--key", uri, "--pin-fd", str(fd)])
seen, answers = b"", [(b"[y/N]", first), (b"type its id", second)]
while True:
    try:
        data = os.read(terminal, 4096)
    except OSError:
        break
    if not data:
        break
    seen += data
    if answers and answers[0][0] in seen:
        os.write(terminal, answers.pop(0)[1].encode() + b"\n")
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
PYTHON
}
holds tool --keypairgen --key-type EC:prime256v1 --id 55 --usage-sign
expect 77 on_terminal no 55 "$token;id=%55"
expect 77 on_terminal yes 56 "$token;id=%55"
holds tool --read-object --type pubkey --id 55
expect 0 on_terminal yes 55 "$token;id=%55"
holds test -z "$(tool -O | grep "ID: *55")"

# --- retire ---------------------------------------------------------------------------------------------------------
expect 66 "$SIGNET" token retire "${serial}0" --reason keyCompromise --json
json error.code='"not-found"'
expect 64 "$SIGNET" token retire "$serial" --reason lost
says "keyCompromise"
expect 64 "$SIGNET" token retire "$serial"
holds sh -c '! ls revoke-* 2> /dev/null'

expect 0 "$SIGNET" token retire "$serial" --reason keyCompromise --json
json token="\"$serial\"" again=false certificates.0.subject='"CN=Ada Lovelace,OU=Engines\\, Analytical,O=Example,C=GB"'
holds test "$(grep -o '"sha256"' out | wc -l)" = 1
cp "revoke-$serial.json" out
tr -d '\n' < out > line && cp line out
wanted=$(openssl x509 -in 01.pem -noout -serial | cut -d= -f2 | tr 'A-F' 'a-f')
json schema='"signet.revocation-request/1"' reason='"keyCompromise"' certificates.0.serial="\"$wanted\"" \
    certificates.0.issuer='"CN=right"' certificates.0.sha256="\"$(openssl x509 -in 01.pem -outform DER | sha256sum | cut -c1-64)\""
holds grep -q "^serial   $wanted$" "revoke-$serial.txt"

# Nobody signs with it any more, or puts anything on it; other tokens go on.
rm text.p7s
expect 77 signet_pin sign --key "$token;id=%01" --json text
json error.code='"policy"'
holds test ! -e text.p7s
expect 77 signet_pin token keygen --kind p-256 --usage sign --token "$token"
says "[policy]"
expect 0 signet_pin sign --key "pkcs11:token=Signet%20Test;id=%03" text

# Again: said, not recorded twice; the request is not overwritten. A certificate that was unknown here comes from a file.
expect 73 "$SIGNET" token retire "$serial" --reason keyCompromise
mkdir again
expect 0 "$SIGNET" token retire "$serial" --reason keyCompromise --certificate other.pem --certificate 01.pem --output-dir again --json
json again=true
holds test "$(grep -o '"sha256"' out | wc -l)" = 2
holds test "$(ledger "SELECT count(*) FROM ledger WHERE event = 'retire'")" = 1

# One that was only used elsewhere.
expect 0 "$SIGNET" token retire "../far/away" --reason superseded --certificate other.pem --output-dir again
holds test -f again/revoke-___far_away.txt

passed
