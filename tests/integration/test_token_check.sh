#!/bin/bash
# Does `signet token check` find of each token what is known to be right and wrong with it, and nothing else?
. "${SIGNET_SOURCE:-$(dirname "$0")/../..}/tests/support/lib.sh"
fixtures
cd "$tmp"
ca=$SIGNET_FIXTURES/ca
test_token="pkcs11:token=Signet%20Test" odd_token="pkcs11:token=Signet%20Odd"

# What is not "ok" of a key (its id), or of the token ("token"): "check=result" in their order, each once.
findings() { # ID|token
    /usr/bin/python3 -c '
import json, sys
report = json.load(sys.stdin)
of = report if sys.argv[1] == "token" else next(key for key in report["keys"] if key["id"] == sys.argv[1])
found = [finding["check"] + "=" + finding["result"] for finding in of["findings"] if finding["result"] != "ok"]
print(*dict.fromkeys(found))' "$1" < "$tmp/out"
}

found() { # ID|token CHECK=RESULT...
    local id=$1
    shift
    local got
    got=$(findings "$id")
    [ "$got" = "$*" ] || {
        head -c 4000 "$tmp/out" >&2
        failed "of $id was found \"$got\", not \"$*\""
    }
    checks=$((checks + 1))
}

value() { # PYTHON-EXPRESSION of `report`
    /usr/bin/python3 -c "import json, sys; report = json.load(sys.stdin); print($1)" < "$tmp/out"
}

ledger() { # SQL
    /usr/bin/python3 -c 'import sqlite3, sys
for row in sqlite3.connect(sys.argv[1]).execute(sys.argv[2]): print(*row, sep="|")' "$SIGNET_HOME/store.db" "$1"
}

end_of() { # CERTIFICATE
    date -u -d "$(openssl x509 -in "$1" -noout -enddate | cut -d= -f2)" +%Y-%m-%dT%H:%M:%SZ
}

# --- nothing is trusted here yet: the path and revocation are unknown, which is not ok
expect 1 signet_pin token check "$test_token;id=%01" --json
json result='"unknown"' findings.0.result='"ok"'
found 01 chain=unknown revocation=unknown
holds "$SIGNET" trust add --yes "$ca/root.pem" "$ca/issuing.pem"
expect 1 signet_pin token check "$test_token;id=%01" --json
found 01 revocation=unknown
says "Nothing here says"
holds "$SIGNET" trust add --crl "$ca/root.crl" --crl "$ca/issuing.crl"

# --- good tokens
expect 0 signet_pin token check "$test_token" --json
json result='"ok"' logged_in=true
holds test "$(value 'len(report["keys"])')" = 5
holds test "$(value 'all(finding["result"] == "ok" for key in [report, *report["keys"]] for finding in key["findings"])')" = True
for name in 01:rsa2048 02:rsa3072 03:p256 04:p384 05:pss2048; do
    id=${name%:*} cert=$SIGNET_FIXTURES/certs/${name#*:}.pem
    key="next(key for key in report['keys'] if key['id'] == '$id')"
    holds test "$(value "$key['until']['time']")" = "$(end_of "$cert")"
    holds test "$(value "$key['until']['what']")" = certificate
    holds test "$(value "$key['certificate_sha256']")" = "$(openssl x509 -in "$cert" -outform DER | sha256sum | cut -c1-64)"
    holds test "$(value "$key['custody']")" = reported
    holds test "$(value "[finding['check'] for finding in $key['findings']]")" = \
        "['private-key', 'custody', 'certificate', 'strength', 'validity', 'usage', 'chain', 'revocation', 'mechanisms', 'trial']"
done
holds test "$(value "next(key for key in report['keys'] if key['id'] == '01')['mechanisms'][0]")" = CKM_RSA_PKCS
holds test "$(value "report['keys'][0]['revocation_list_due']")" = \
    "$(date -u -d "$(openssl crl -inform DER -in "$ca/issuing.crl" -noout -nextupdate | cut -d= -f2)" +%Y-%m-%dT%H:%M:%SZ)"
# Each use of a key is in the ledger, with the key's id.
holds test "$(ledger "SELECT DISTINCT object FROM ledger WHERE event = 'check' ORDER BY object" | tr '\n' ' ')" = "01 02 03 04 05 "
expect 0 signet_pin token check "pkcs11:token=Signet%20Ed25519"
says "A trial signature verified"
says "not good after $(end_of "$SIGNET_FIXTURES/certs/ed25519.pem"): the end of the certificate of CN=Signer ed25519"
rejects grep -qE '^ *(wrong|unknown) ' "$tmp/out"

# --- the odd one: each key has its own fault
expect 1 signet_pin token check "$odd_token" --json
json result='"wrong"'
found token
found 01 validity=wrong revocation=unknown
found 02 validity=wrong
found 03 revocation=wrong
found 04 usage=wrong
found 05 usage=wrong
found 06 revocation=unknown revocation=wrong
found 07 certificate=wrong
found 08
found 09 custody=wrong
found 0a
holds test "$(value "{key['id']: key['custody'] for key in report['keys']}['0a']")" = held
holds test "$(value "{key['id']: key['custody'] for key in report['keys']}['09']")" = refused
holds test "$(value "{key['id']: key['attributes']['extractable'] for key in report['keys']}['09']")" = True
holds test "$(value "{key['id']: key['attributes']['always_authenticate'] for key in report['keys']}['08']")" = True
holds test "$(value "{key['id']: key['until'] for key in report['keys']}['07']")" = None
holds test "$(value "{key['id']: key['until']['time'] for key in report['keys'] if key['until']}['01']")" = \
    "$(end_of "$SIGNET_FIXTURES/certs/expired.pem")"
# What is wrong with a certificate, cert check says too.
for name in expired revoked wrong-eku; do
    rejects "$SIGNET" cert check --purpose sign "$SIGNET_FIXTURES/certs/$name.pem"
done
holds "$SIGNET" cert check --purpose sign "$SIGNET_FIXTURES/certs/always-auth.pem"
expect 1 signet_pin token check "$odd_token;id=%03"
says "wrong    revocation"
says "was revoked at"

# allow-key is said, and lets it pass.
expect 1 signet_pin token check "$odd_token;id=%09" --json
line=$(grep -oE 'allow-key = [0-9a-f]{64}' "$tmp/out")
printf '[token]\n%s\n' "$line" > "$SIGNET_HOME/signet.conf"
expect 0 signet_pin token check "$odd_token;id=%09" --json
json keys.0.custody='"allowed"' keys.0.allow_key=true
rm "$SIGNET_HOME/signet.conf"

# --- without the PIN: what can be said, and that the rest is not known
before=$(ledger "SELECT count(*) FROM ledger")
expect 1 "$SIGNET" token check "$test_token" --json
json result='"unknown"' logged_in=false keys.0.custody=null keys.0.attributes=null
found token not-checked=unknown
found 01
holds test "$(value "'trial' in [finding['check'] for finding in report['keys'][0]['findings']]")" = False
expect 1 "$SIGNET" token check --json
holds test "$(grep -c '"not-checked"' "$tmp/out")" = 3
json
holds test "$(ledger "SELECT count(*) FROM ledger")" = "$before"

# --- what keeps it from looking is an error, not a finding
expect 64 signet_pin token check
says "name it by its URI"
expect 69 signet_pin token check "pkcs11:token=Nobody"
expect 77 "$SIGNET" token check "$test_token" --pin-fd 9 9< <(printf 0000)
says "[pin-incorrect]"
expect 1 signet_pin token check "$test_token;id=%01" --json
found token pin=wrong not-checked=unknown
says "signet token pin --clear"
clear_interlock "$test_token"
expect 0 signet_pin token check "$test_token;id=%01"

# --- keys of our own making, for decryption, and certificates that end early
softhsm2-util --init-token --free --label Made --pin "$(cat "$SOFTHSM_PIN_FILE")" --so-pin 12345678 > /dev/null
made="pkcs11:token=Made"
expect 1 signet_pin token check "$made" --json
found token keys=wrong
make_key() { # ID KIND USAGE: its public key in ID.pub
    expect 0 signet_pin token keygen --kind "$2" --usage "$3" --id "$1" --token "$made"
    pkcs11-tool --module "$SIGNET_MODULE" --token-label Made --read-object --type pubkey --id "$1" --output-file "$1.der" > /dev/null
    openssl pkey -pubin -inform DER -in "$1.der" -out "$1.pub"
}
other_ca() { # NAME DAYS
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1.key" -out "$1.pem" -days "$2" -subj "/CN=$1" \
        -addext keyUsage=critical,keyCertSign,cRLSign 2> /dev/null
}
certify() { # ID CA DIGEST
    openssl x509 -new -subj "/CN=Holder $1" -force_pubkey "$1.pub" -CA "$2.pem" -CAkey "$2.key" -days 20 "-$3" -set_serial "0x$1" \
        -extfile "$SIGNET_SOURCE/softhsm-fixtures/ca.cnf" -extensions signer -out "$1.pem"
}
make_key 01 p-256 sign
make_key 02 rsa-2048 decrypt
make_key 03 p-256 decrypt
make_key 04 rsa-2048 decrypt
make_key 05 p-256 sign
make_key 06 p-256 sign
make_key 07 p-256 sign
certificate_for 01.pub "Holder 01" signer 01.pem
certificate_for 02.pub "Holder 02" encryption 02.pem
certificate_for 03.pub "Holder 03" wrong_usage 03.pem # which is keyAgreement
certificate_for 04.pub "Holder 04" signer 04.pem
certificate_for 05.pub "Holder 05" wrong_usage 05.pem
other_ca short 5 # which ends before what it issued
other_ca old 300 # which signs with what is no longer trusted
certify 06 short sha256
certify 07 old sha1
expect 0 signet_pin token import 0?.pem --token "$made"
holds "$SIGNET" trust add --yes short.pem old.pem
expect 1 signet_pin token check "$made" --json
json
for id in 01 02 03; do
    found $id
done
found 04 usage=wrong trial=unknown
found 05 usage=wrong
found 06 revocation=unknown
found 07 strength=wrong revocation=unknown
until_of() { # ID
    value "next((key['until']['time'], key['until']['what'], key['until']['subject']) for key in report['keys'] if key['id'] == '$1')"
}
holds test "$(until_of 01)" = "('$(end_of 01.pem)', 'certificate', 'CN=Holder 01,O=Signet Test')"
holds test "$(until_of 06)" = "('$(end_of short.pem)', 'certificate', 'CN=short')"
holds test "$(until_of 07)" = "('2014-01-01T00:00:00Z', 'signature-algorithm', 'CN=Holder 07')"
holds test "$(value "{key['custody'] for key in report['keys']}")" = "{'generated'}"
holds test "$(value "{key['id']: key['mechanisms'] for key in report['keys']}['03']")" = "['CKM_ECDSA', 'CKM_ECDH1_DERIVE']"
holds test "$(ledger "SELECT DISTINCT object FROM ledger WHERE detail = 'a trial decryption' ORDER BY object" | tr '\n' ' ')" = "02 03 "
serial=$(value 'report["token"]["serial"]')

# --- retired: nothing of it is used, and no PIN sent
holds "$SIGNET" token retire "$serial" --reason superseded --output-dir "$tmp"
before=$(ledger "SELECT count(*) FROM ledger WHERE event = 'check'")
expect 1 "$SIGNET" token check "$made;id=%01" --json --pin-fd 9 9< <(printf 0000)
found token retired=wrong not-checked=unknown
holds test "$(ledger "SELECT count(*) FROM ledger WHERE event = 'check'")" = "$before"

# --- a module that lies, and PINs in every state
fake() { # ENVIRONMENT...
    env SIGNET_MODULE="$SIGNET_BUILD/tests/fault/libfake_module.so" "$@" "$SIGNET" token check --json --pin-fd 9 9< <(printf 123456)
}
expect 1 fake
json logged_in=true
found 02 chain=unknown revocation=unknown
expect 1 fake FAKE_MODULE_LIE=value-readable
json result='"wrong"' keys.0.custody='"refused"' keys.1.custody='"refused"'
holds test "$(findings 02)" = "private-key=wrong chain=unknown revocation=unknown"
says "hands out its private value"
holds test "$(value "'trial' in [finding['check'] for finding in report['keys'][0]['findings']]")" = False
expect 1 fake FAKE_MODULE_LIE=signature-wrong
found 02 chain=unknown revocation=unknown trial=wrong
holds test "$(ledger "SELECT count(*) FROM ledger WHERE event = 'check-failed' AND code = 'token-failed'")" -gt 0
state() { # FLAG FINDING...
    local flag=$1
    shift
    expect 1 fake "FAKE_MODULE_FLAGS=$flag"
    found token "$@"
}
state 0x10000                                      # CKF_USER_PIN_COUNT_LOW, and a right one now
state 0x20000 pin=wrong not-checked=unknown        # CKF_USER_PIN_FINAL_TRY
state 0x40000 pin=wrong not-checked=unknown        # CKF_USER_PIN_LOCKED
state 0x80000 pin=wrong not-checked=unknown        # CKF_USER_PIN_TO_BE_CHANGED

passed
