#!/bin/bash
# Does each row of the verdict table come out for a real file, with its exit code and JSON form; is nothing changed
# taken for good; and does verification keep to itself: no socket, nothing written?
. "${SIGNET_SOURCE:-$(dirname "$0")/../..}/tests/support/lib.sh"
fixtures
cd "$tmp"
ca=$SIGNET_FIXTURES/ca soft=$SIGNET_FIXTURES/soft

holds "$SIGNET" trust add "$ca/root.pem" --yes --intermediate "$ca/issuing.pem" \
    --crl "$ca/root.crl" --crl "$ca/issuing.crl"
head -c 3000 /dev/urandom | base64 > text
printf 'other' > other

# A signature by another program with one of the fixture's keys in files, over `text`.
sign_with() { # NAME OUT OPTION...
    local name=$1 out=$2
    shift 2
    openssl cms -sign -binary -in text -signer "$soft/$name.pem" -inkey "$soft/$name.key" -certfile "$ca/issuing.pem" \
        -outform DER -cades "$@" -out "$out"
}

# The verdict of one file: exit, indication, sub-indication, intact.
verdict() { # EXIT INDICATION SUB INTACT ARGUMENT...
    local status=$1 indication=$2 sub=$3 intact=$4
    shift 4
    expect "$status" "$SIGNET" verify --json "$@"
    json "signatures.0.indication=\"$indication\"" "signatures.0.sub_indication=$sub" "signatures.0.intact=$intact" \
        'format="CAdES"'
}

# --- good, and each row's twin ----------------------------------------------------------------------------------------

sign_with good text.p7s
verdict 0 TOTAL-PASSED null true text.p7s
json 'signatures.0.level="B-B"' 'signatures.0.covers="whole file"' 'signatures.0.algorithm="ecdsa"' \
    'signatures.0.digest="sha256"' 'signatures.0.changes=null' 'file="text.p7s"'
verdict 0 TOTAL-PASSED null true text
verdict 0 TOTAL-PASSED null true --content text text.p7s
expect 0 "$SIGNET" verify text.p7s
holds grep -q '^VALID' "$tmp/out"
says TOTAL-PASSED

verdict 1 TOTAL-FAILED '"HASH_FAILURE"' false --content other text.p7s
expect 1 "$SIGNET" verify --content other text.p7s
holds grep -q '^NOT VALID' "$tmp/out"

tamper text.p7s value.p7s -20
verdict 1 TOTAL-FAILED '"SIG_CRYPTO_FAILURE"' false --content text value.p7s

mkdir alone && cp text.p7s alone/
verdict 2 INDETERMINATE '"SIGNED_DATA_NOT_FOUND"' false alone/text.p7s

verdict 2 INDETERMINATE '"NO_CERTIFICATE_CHAIN_FOUND"' true --anchor "$ca/revoked.pem" text.p7s
expect 2 "$SIGNET" verify --anchor "$ca/revoked.pem" text.p7s
holds grep -q '^CANNOT TELL' "$tmp/out"

expect 65 "$SIGNET" verify --anchor "$SIGNET_FIXTURES/soft/good.pem" text.p7s
says "is not the certificate of a CA"

# A list issued after the certificate's end need not name it any more; one from before its end still speaks of it.
sign_with expired expired.p7s
verdict 2 INDETERMINATE '"OUT_OF_BOUNDS_NO_POE"' true --content text expired.p7s
: > index.txt
printf '[ca]\ndefault_ca=c\n[c]\ndatabase=%s/index.txt\ndefault_md=sha256\n' "$tmp" > ca.cnf
openssl ca -config ca.cnf -gencrl -cert "$ca/issuing.pem" -keyfile "$ca/issuing.key" -out early.crl \
    -crl_lastupdate "$(date -u -d '-400 days' +%y%m%d%H%M%SZ)" -crl_nextupdate "$(date -u -d '+10 days' +%y%m%d%H%M%SZ)"
SIGNET_HOME=$tmp/empty verdict 2 INDETERMINATE '"OUT_OF_BOUNDS_NOT_REVOKED"' true --content text \
    --anchor "$ca/root.pem" --crl early.crl --crl "$ca/root.crl" expired.p7s
verdict 2 INDETERMINATE '"OUT_OF_BOUNDS_NO_POE"' true --content text --revocation none expired.p7s
sign_with not-yet-valid early.p7s
verdict 2 INDETERMINATE '"OUT_OF_BOUNDS_NO_POE"' true --content text early.p7s

sign_with revoked revoked.p7s
verdict 2 INDETERMINATE '"REVOKED_NO_POE"' true --content text revoked.p7s
json 'signatures.0.revocation.0.status="revoked"'
verdict 2 INDETERMINATE '"REVOKED_NO_POE"' true --content text --revocation soft revoked.p7s
verdict 0 TOTAL-PASSED null true --content text --revocation none revoked.p7s

sign_with wrong-usage usage.p7s
verdict 2 INDETERMINATE '"CHAIN_CONSTRAINTS_FAILURE"' true --content text usage.p7s
sign_with wrong-eku eku.p7s
verdict 2 INDETERMINATE '"CHAIN_CONSTRAINTS_FAILURE"' true --content text eku.p7s

openssl cms -sign -binary -in text -signer "$soft/revoked-ca.pem" -inkey "$soft/revoked-ca.key" \
    -certfile "$ca/revoked.pem" -outform DER -cades -out revoked-ca.p7s
verdict 2 INDETERMINATE '"REVOKED_CA_NO_POE"' true --content text --crl "$ca/revoked.crl" revoked-ca.p7s

# No revocation data, and stale data, as the mode asks.
mkdir bare && SIGNET_HOME=$tmp/bare
verdict 2 INDETERMINATE '"CERTIFICATE_CHAIN_GENERAL_FAILURE"' true --anchor "$ca/root.pem" text.p7s
verdict 0 TOTAL-PASSED null true --anchor "$ca/root.pem" --revocation soft text.p7s
verdict 2 INDETERMINATE '"TRY_LATER"' true --anchor "$ca/root.pem" --crl "$ca/issuing-stale.crl" --crl "$ca/root.crl" text.p7s
verdict 0 TOTAL-PASSED null true --anchor "$ca/root.pem" --crl "$ca/issuing.crl" --crl "$ca/root.crl" text.p7s
SIGNET_HOME=$SIGNET_FIXTURES/home

# A digest that is too weak; no signed attributes; no signing-certificate attribute; the wrong one.
openssl cms -sign -binary -in text -signer "$soft/good.pem" -inkey "$soft/good.key" -certfile "$ca/issuing.pem" \
    -outform DER -md sha1 -cades -out weak.p7s
verdict 2 INDETERMINATE '"CRYPTO_CONSTRAINTS_FAILURE_NO_POE"' true --content text weak.p7s
openssl cms -sign -binary -in text -signer "$soft/good.pem" -inkey "$soft/good.key" -certfile "$ca/issuing.pem" \
    -outform DER -noattr -out noattr.p7s
expect 2 "$SIGNET" verify --json --content text noattr.p7s
json 'signatures.0.indication="INDETERMINATE"' 'signatures.0.level=null'
openssl cms -sign -binary -in text -signer "$soft/good.pem" -inkey "$soft/good.key" -certfile "$ca/issuing.pem" \
    -outform DER -out noess.p7s
verdict 0 TOTAL-PASSED null true --content text noess.p7s
json 'signatures.0.level=null'
# Two certificates of one key and one serial: the signing-certificate attribute says which was meant.
openssl x509 -in "$soft/good.pem" -signkey "$soft/good.key" -days 30 -out twin.pem 2> /dev/null
openssl x509 -in "$soft/good.pem" -noout -serial | cut -d= -f2 > serial
openssl req -new -key "$soft/good.key" -subj "/CN=Twin" -out twin.csr
openssl x509 -req -in twin.csr -CA "$ca/issuing.pem" -CAkey "$ca/issuing.key" -set_serial "0x$(cat serial)" -days 30 \
    -out twin.pem 2> /dev/null
"$SIGNET_SOURCE/tests/support/edit_cms.py" replace text.p7s twin.p7s "$soft/good.pem" twin.pem
verdict 2 INDETERMINATE '"NO_SIGNING_CERTIFICATE_FOUND"' true --content text twin.p7s

# A structure that is read, and is not what a signature must be.
"$SIGNET_SOURCE/tests/support/edit_cms.py" double-attribute text.p7s double.p7s "$soft/good.key"
expect 1 "$SIGNET" verify --json --content text double.p7s
json 'signatures.0.indication="TOTAL-FAILED"' 'signatures.0.sub_indication="FORMAT_FAILURE"' \
    'signatures.0.reasons.0.code="attribute-duplicate"'

# --- what is no signature, and what is a broken one -------------------------------------------------------------------

expect 2 "$SIGNET" verify --json other
json 'format=null' 'signatures=[]'
head -c 200 text.p7s > short.p7s
expect 65 "$SIGNET" verify --json --content text short.p7s
json 'error.code="malformed"' 'error.file="short.p7s"'
expect 66 "$SIGNET" verify --json not-there
json 'error.code="not-found"'
expect 66 "$SIGNET" verify "$tmp/alone"
expect 64 "$SIGNET" verify --content text text.p7s text.p7s
expect 64 "$SIGNET" verify
expect 65 "$SIGNET" verify --ocsp text text.p7s
expect 64 "$SIGNET" verify --at yesterday text.p7s
expect 1 "$SIGNET" verify text.p7s alone/text.p7s value.p7s --json
expect 66 "$SIGNET" verify text.p7s not-there

# --- every form and every changed byte --------------------------------------------------------------------------------

sign_with good attached.p7m -nodetach
verdict 0 TOTAL-PASSED null true attached.p7m
stdin=attached.p7m expect 0 "$SIGNET" verify -
sign_with good stream.p7m -nodetach -stream
verdict 0 TOTAL-PASSED null true stream.p7m
openssl cms -sign -binary -in text -signer "$soft/good.pem" -inkey "$soft/good.key" -certfile "$ca/issuing.pem" \
    -outform PEM -cades -out pem.p7s
verdict 0 TOTAL-PASSED null true --content text pem.p7s
sign_with good keyid.p7s -keyid
verdict 0 TOTAL-PASSED null true --content text keyid.p7s
openssl cms -resign -binary -in text.p7s -inform DER -content text -signer "$soft/expired.pem" \
    -inkey "$soft/expired.key" -outform DER -cades -out two.p7s
expect 2 "$SIGNET" verify --json --content text two.p7s
json 'signatures.0.id="1"' 'signatures.1.id="2"'

# Each byte of the SignerInfo (signed attributes, signature value and all), and bytes of the content, changed in turn:
# never passed, never intact. One command judges them all; X is found for X.p7s.
first=$(openssl asn1parse -inform DER -in text.p7s | grep -E 'd=3 .*cons: SET' | tail -1 | cut -d: -f1 | tr -d ' ')
size=$(stat -c %s text.p7s)
mkdir changed
for ((at = first; at < size; at++)); do
    ln -s ../text "changed/a$at"
    tamper text.p7s "changed/a$at.p7s" "$at"
done
for ((at = 0; at < $(stat -c %s text); at += 97)); do
    tamper text "changed/c$at" "$at"
    ln -s ../text.p7s "changed/c$at.p7s"
done
got=0
"$SIGNET" verify --json changed/*.p7s > "$tmp/out" 2> "$tmp/err" || got=$?
holds test "$got" = 65 -o "$got" = 1
rejects grep -E '"intact": ?true' "$tmp/out"
rejects grep TOTAL-PASSED "$tmp/out"
holds test "$(wc -l < "$tmp/out")" = "$(ls changed/*.p7s | wc -l)"
json

# --- by itself --------------------------------------------------------------------------------------------------------

if command -v strace > /dev/null; then
    strace -f -e trace=network,%file -o trace "$SIGNET" verify text.p7s > /dev/null
    holds test -s trace
    rejects grep -E 'socket\(|connect\(' trace
    rejects grep -E 'O_WRONLY|O_RDWR|O_CREAT|unlink|rename|mkdir' trace
    rejects grep 'store\.db' trace
fi
if unshare -rn true 2> /dev/null; then
    holds unshare -rn "$SIGNET" verify text.p7s
fi
# A state folder that cannot be written, nor changes.
find "$SIGNET_HOME" -type f -exec sha256sum {} + | sort > before
# shellcheck disable=SC2016
read_only=(unshare -rm bash -c 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && ! touch "$0/x" 2> /dev/null && exec "$@"'
    "$SIGNET_HOME")
if "${read_only[@]}" true 2> /dev/null; then
    holds "${read_only[@]}" "$SIGNET" verify text.p7s
fi
chmod -R a-w "$SIGNET_HOME"
holds "$SIGNET" verify text.p7s
chmod -R u+w "$SIGNET_HOME"
find "$SIGNET_HOME" -type f -exec sha256sum {} + | sort > after
holds cmp before after

passed
