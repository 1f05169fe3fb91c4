#!/bin/bash
# Do the fixtures give what their README says: tokens whose keys were made there, certificates that are good or bad in
# the one way that their name says, and a folder that is made once, safely?
. "${SIGNET_SOURCE:-$(dirname "$0")/../..}/tests/support/lib.sh"

token_sh=$SIGNET_SOURCE/softhsm-fixtures/token.sh
fixtures
cd "$SIGNET_FIXTURES"

# The output is for eval: nothing but assignments, also of a folder with an awkward name, and its tokens work.
awkward="$tmp/an \"awkward\" 'name; \$(false)"
assignments=$(SIGNET_FIXTURES_FROM=$SIGNET_FIXTURES "$token_sh" "$awkward" 2> "$tmp/err")
holds test ! -s "$tmp/err"
holds test "$(grep -cv '^export [A-Z0-9_]*=' <<< "$assignments" || true)" = 0
home=$(eval "$assignments" && echo "$SIGNET_HOME")
holds test "$home" = "$awkward/home"
holds test "$(stat -c %a "$awkward/pin")" = 600
(eval "$assignments" && pkcs11-tool --module "$SIGNET_MODULE" --list-slots > "$tmp/slots")
for label in "Signet Test" "Signet Ed25519" "Signet Odd"; do
    holds grep -q "token label *: $label\$" "$tmp/slots"
done

# Ready is left alone; incomplete is made anew; a folder with something else in it is not touched.
touch "$awkward/home/kept"
SIGNET_FIXTURES_FROM=$SIGNET_FIXTURES "$token_sh" "$awkward" > "$tmp/again"
holds test -e "$awkward/home/kept"
holds test "$(cat "$tmp/again")" = "$assignments"
rm "$awkward/.ready"
SIGNET_FIXTURES_FROM=$SIGNET_FIXTURES "$token_sh" "$awkward" > "$tmp/again"
holds test ! -e "$awkward/home/kept"
mkdir "$tmp/precious"
echo mine > "$tmp/precious/file"
expect 1 "$token_sh" "$tmp/precious"
holds grep -q mine "$tmp/precious/file"
expect 64 "$token_sh"

# Keys: made on the token and never out of it, but for the two that say otherwise.
access() { # TOKEN LABEL
    pkcs11-tool --module "$SIGNET_MODULE" --token-label "$1" --login --pin "$(cat pin)" --list-objects --type privkey |
        awk -v label="$2" '$1 == "label:" { mine = $2 == label } mine && $1 == "Access:" { sub(/^ *Access: */, ""); print }'
}
made_here="sensitive, always sensitive, never extractable, local"
for label in rsa2048 rsa3072 p256 p384 pss2048; do
    holds test "$(access "Signet Test" "$label")" = "$made_here"
done
holds test "$(access "Signet Ed25519" ed25519)" = "$made_here"
holds test "$(access "Signet Odd" always-auth)" = "always authenticate, $made_here"
holds test "$(access "Signet Odd" extractable)" = "sensitive, always sensitive, extractable, local"
holds test "$(access "Signet Odd" imported)" = "sensitive"

# Certificates: what another judge says of each.
for ca in root issuing revoked; do
    cat "ca/$ca.crl.pem"
done > "$tmp/crls.pem"
cat ca/issuing.pem ca/revoked.pem > "$tmp/cas.pem"
judge() { # CERTIFICATE
    openssl verify -CAfile ca/root.pem -untrusted "$tmp/cas.pem" -crl_check_all -CRLfile "$tmp/crls.pem" -purpose smimesign "$1"
}
for name in certs/{rsa2048,rsa3072,p256,p384,pss2048,ed25519,always-auth,extractable,imported} soft/good; do
    holds judge "$name.pem"
done
for folder in certs soft; do
    for pair in "expired:certificate has expired" "not-yet-valid:certificate is not yet valid" \
        "revoked:certificate revoked" "revoked-ca:certificate revoked" "wrong-eku:unsuitable certificate purpose" \
        "wrong-usage:unsuitable certificate purpose"; do
        expect 2 judge "$folder/${pair%%:*}.pem"
        says "${pair#*:}"
    done
done
holds openssl verify -CAfile ca/root.pem -untrusted ca/issuing.pem -purpose timestampsign soft/tsa.pem
holds openssl verify -CAfile ca/root.pem -untrusted ca/issuing.pem -purpose ocsphelper soft/ocsp.pem
holds test "$(openssl x509 -in certs/pss2048.pem -noout -text | grep -c 'Public Key Algorithm: rsassaPss')" = 1
holds grep -q 'Non Repudiation' <(openssl x509 -in certs/rsa2048.pem -noout -text)
non_repudiation=0
for cert in certs/*.pem; do
    if openssl x509 -in "$cert" -noout -ext keyUsage | grep 'Non Repudiation' > /dev/null; then
        non_repudiation=$((non_repudiation + 1))
    fi
done
holds test "$non_repudiation" = 1

# The certificate on the token is the one in the file, and each is that of its key: what the key signs, it verifies.
for label in rsa2048:01 p384:04 pss2048:05; do
    pkcs11-tool --module "$SIGNET_MODULE" --token-label "Signet Test" --read-object --type cert --id "${label#*:}" \
        --output-file "$tmp/cert.der"
    holds cmp "$tmp/cert.der" <(openssl x509 -in "certs/${label%:*}.pem" -outform DER)
done

echo data > "$tmp/data"
openssl dgst -sha256 -binary "$tmp/data" > "$tmp/sha256"
signs_as_certified() { # TOKEN ID LABEL MECHANISM INPUT OPENSSL-VERIFICATION...
    local token=$1 id=$2 label=$3 mechanism=$4 input=$5
    shift 5
    pkcs11-tool --module "$SIGNET_MODULE" --token-label "$token" --login --pin "$(cat pin)" --sign --id "$id" \
        --mechanism "$mechanism" --signature-format openssl --input-file "$input" --output-file "$tmp/signature" &&
        openssl x509 -in "certs/$label.pem" -noout -pubkey > "$tmp/key.pub" &&
        openssl "$@" -sigfile "$tmp/signature"
}
for key in 01:rsa2048 02:rsa3072; do
    holds signs_as_certified "Signet Test" "${key%:*}" "${key#*:}" SHA256-RSA-PKCS "$tmp/data" \
        pkeyutl -verify -pubin -inkey "$tmp/key.pub" -in "$tmp/sha256" -pkeyopt digest:sha256
done
holds signs_as_certified "Signet Test" 05 pss2048 SHA256-RSA-PKCS-PSS "$tmp/data" \
    pkeyutl -verify -pubin -inkey "$tmp/key.pub" -in "$tmp/sha256" -pkeyopt digest:sha256 -pkeyopt rsa_pss_saltlen:digest
holds signs_as_certified "Signet Ed25519" 01 ed25519 EDDSA "$tmp/data" \
    pkeyutl -verify -pubin -inkey "$tmp/key.pub" -rawin -in "$tmp/data"
for key in Test:03:p256 Test:04:p384 Odd:01:expired Odd:02:not-yet-valid Odd:03:revoked Odd:04:wrong-usage Odd:05:wrong-eku \
    Odd:06:revoked-ca Odd:08:always-auth Odd:09:extractable Odd:0a:imported; do
    IFS=: read -r token id label <<< "$key"
    holds signs_as_certified "Signet $token" "$id" "$label" ECDSA "$tmp/sha256" \
        pkeyutl -verify -pubin -inkey "$tmp/key.pub" -in "$tmp/sha256"
done
passed
