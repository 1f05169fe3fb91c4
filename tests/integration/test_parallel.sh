#!/bin/bash
# Are signatures that are added beside others (sign --add) accepted by programs that share no code with us, with those that
# were there, and is each rejected once a byte of it is changed? To what we signed, and to what others did.
#
# | judge        | looks at |
# | openssl cms  | all of them, signing-certificate-v2, path |
# | gpgsm        | all of them, path |
# | BouncyCastle | all of them, signing-certificate-v2, path |
. "${SIGNET_SOURCE:-$(dirname "$0")/../..}/tests/support/lib.sh"
fixtures
cd "$tmp"
. "$SIGNET_SOURCE/tests/support/judges.sh"
soft=$SIGNET_FIXTURES/soft
for tool in openssl gpgsm java jq; do
    command -v "$tool" > /dev/null || skip "$tool is not installed"
done

start_gpgsm
holds "$SIGNET" trust add "$ca/root.pem" --yes --intermediate "$ca/issuing.pem" --crl "$ca/root.crl" --crl "$ca/issuing.crl"

# So many signatures, each of them good.
counts() { # NUMBER FILE CONTENT
    local given=()
    [ "$3" = - ] || given=(--content "$3")
    expect 0 "$SIGNET" verify --json "${given[@]}" "$2"
    json 'format="CAdES"'
    holds test "$(jq -c '[.signatures[] | .indication] | [length, (unique | join(" "))]' "$tmp/out")" = "[$1,\"TOTAL-PASSED\"]"
}

# All judges accept all signatures, and none of them once the last byte of one of the signature values is changed.
judge_all() { # NUMBER FILE CONTENT
    local judge twin at number=0 wanted=$1
    [ "$3" != - ] || wanted=$((wanted + 1)) # the content stands as deep
    counts "$1" "$2" "$3"
    for judge in openssl gpgsm; do
        holds "judge_$judge" "$2" "$3"
    done
    cp "$2" "$2.good$1"
    printf 'accepted\t%s\t%s\t%s\n' "$2.good$1" "$3" "$1" >> judgements
    # The OCTET STRINGs as deep as SignerInfo's members: the signature values.
    for at in $(openssl asn1parse -inform DER -in "$2" | awk '/^ *[0-9]+:d=5 .*prim: OCTET STRING/ {
            split($0, part, /:d=|hl=|l=/); print part[1] + part[3] + part[4] - 1 }'); do
        twin=$2.$at
        tamper "$2" "$twin" "$at"
        for judge in openssl gpgsm signet; do
            rejects "judge_$judge" "$twin" "$3"
        done
        printf 'rejected\t%s\t%s\t%s\n' "$twin" "$3" "$1" >> judgements
        number=$((number + 1))
    done
    holds test "$number" = "$wanted"
}

head -c 70000 /dev/urandom | base64 > text
sed '1s/^./~/' text > other

# --- to what we signed: one by one, detached and attached ------------------------------------------------------------------

holds signet_pin sign --key pkcs11:object=rsa2048 text
holds signet_pin sign --attached --key pkcs11:object=rsa2048 text
count=1
for key in p256 pss2048 p384; do
    count=$((count + 1))
    holds signet_pin sign --add --force --key "pkcs11:object=$key" text
    holds signet_pin sign --add --attached --force --key "pkcs11:object=$key" text
    judge_all "$count" text.p7s text
    judge_all "$count" text.p7m -
done
rejects judge_openssl text.p7s other
expect 1 "$SIGNET" verify --content other text.p7s

# --- to what OpenSSL signed, with lengths that are indefinite ---------------------------------------------------------------

openssl cms -sign -binary -in text -signer "$soft/good.pem" -inkey "$soft/good.key" -certfile "$ca/issuing.pem" \
    -out text.p7m -stream -nodetach -outform DER -cades
holds test "$(od -An -tx1 -N 2 text.p7m)" = " 30 80"
holds signet_pin sign --add --attached --force --key pkcs11:object=rsa2048 text
holds test "$(od -An -tx1 -N 2 text.p7m)" = " 30 80"
counts 2 text.p7m -
holds judge_openssl text.p7m -
holds judge_gpgsm text.p7m -
printf 'accepted\ttext.p7m\t-\t2\n' >> judgements

# --- what is not the same content is not signed with it ---------------------------------------------------------------------

cp other changed
cp text.p7s changed.p7s
cp changed.p7s kept
expect 77 signet_pin sign --add --force --key pkcs11:object=p256 changed
says "is not what its signatures are of"
holds cmp changed.p7s kept

# --- nor is one added where there is none
cp other alone
expect 66 signet_pin sign --add --key pkcs11:object=p256 alone
says 'no "alone.p7s"'
says "sign without --add first"
rejects test -e alone.p7s
expect 66 signet_pin sign --add --attached --key pkcs11:object=p256 alone
says 'no "alone.p7m"'
expect 66 signet_pin sign --add --key pkcs11:object=p256 missing
says 'no file "missing"'

# BouncyCastle judges all of them in one go.
cut -f2- judgements | bouncycastle verify "$ca/root.pem" > bouncycastle.out 2> "$tmp/err" || failed "BouncyCastle"
while IFS=$'\t' read -r want file _; do
    holds grep -q "^$want $file\(:\|\$\)" bouncycastle.out
done < judgements
passed
