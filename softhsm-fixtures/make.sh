#!/bin/bash
# Fills the folder DIR with tokens, the CA, certificates and CRLs; called by token.sh, with SOFTHSM2_CONF set.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
module=$2
cd "$1"
pin=123456
so_pin=12345678

mkdir tokens home ca certs soft work
printf %s "$pin" > pin
printf %s "$so_pin" > so-pin

# ---- keys on the tokens -----------------------------------------------------------------------------------------

make_token() { # LABEL
    softhsm2-util --module "$module" --init-token --free --label "$1" --so-pin "$so_pin" --pin "$pin"
}

tool() { # LABEL ARGUMENT...
    local label=$1
    shift
    pkcs11-tool --module "$module" --token-label "$label" --login --pin "$pin" "$@"
}

# The token makes the key, so that its attributes say local, always sensitive and never extractable. pkcs11-tool
# exports RSA and P-256 alone correctly: any other curve's point, whose OCTET STRING it prints, is put behind the fixed
# header of its SubjectPublicKeyInfo (RFC 5480 §2, RFC 8410 §4).
make_key() { # LABEL ID NAME TYPE [ARGUMENT...]
    local label=$1 id=$2 name=$3 type=$4 header=
    shift 4
    tool "$label" --keypairgen --key-type "$type" --id "$id" --label "$name" --sensitive --usage-sign "$@" |
        tee work/keygen
    case $type in
        EC:secp384r1) header=3076301006072a8648ce3d020106052b81040022036200 ;;
        EC:edwards25519) header=302a300506032b6570032100 ;;
    esac
    if [ -n "$header" ]; then
        header+=$(sed -n 's/^ *EC_POINT: *04..//p' work/keygen)
        printf '%b' "$(sed 's/../\\x&/g' <<< "$header")" > work/spki.der
    else
        tool "$label" --read-object --type pubkey --id "$id" --output-file work/spki.der
    fi
    openssl pkey -pubin -inform DER -in work/spki.der -out "work/$name.pub"
}

# The same RSA key with an algorithm identifier of id-RSASSA-PSS without parameters (RFC 4055 §3.1).
as_pss() { # IN OUT
    local modulus
    modulus=$(openssl rsa -pubin -in "$1" -noout -modulus)
    cat > work/pss.cnf <<CNF
asn1 = SEQUENCE:spki
[spki]
algorithm = SEQUENCE:algorithm
key = BITWRAP, SEQUENCE:rsa
[algorithm]
oid = OID:rsassaPss
[rsa]
n = INTEGER:0x${modulus#*=}
e = INTEGER:65537
CNF
    openssl asn1parse -genconf work/pss.cnf -noout -out work/pss.der
    openssl pkey -pubin -inform DER -in work/pss.der -out "$2"
}

# ---- the CA ------------------------------------------------------------------------------------------------------

utc() { # a time relative to now, as UTCTime
    date -u -d "$1" +%y%m%d%H%M%SZ
}

declare -A spans=([ca]="-5years +10years" [now]="-30days +335days" [past]="-2years -1year" [future]="+1year +2years")

# `openssl x509` begins every certificate now and takes only public keys along: the dates are put into what is to be
# signed, which is as long as before, and that is signed again. Every CA here has RSA-3072: the signature is 384 octets.
redate() { # CA-KEY FROM TO OUT
    local dates
    mapfile -t dates < <(openssl asn1parse -inform DER -in work/cert.der | sed -n 's/.*UTCTIME *://p')
    openssl asn1parse -inform DER -in work/cert.der -strparse 4 -noout -out work/tbs.der
    LC_ALL=C sed -i "s/${dates[0]}/$(utc "$2")/; s/${dates[1]}/$(utc "$3")/" work/tbs.der
    {
        head -c 4 work/cert.der
        cat work/tbs.der
        tail -c "$((20 + 384))" work/cert.der | head -c 20
        openssl dgst -sha256 -sign "$1" work/tbs.der
    } | openssl x509 -inform DER -out "$4"
}

# Serial numbers are counted, so that they are readable in a test's output.
serial=0
next_serial() {
    serial=$((serial + 1))
    printf -v ret_serial '0x51600000%08x' "$serial"
}

issue() { # CA SECTION SPAN CN PUBLIC-KEY OUT
    next_serial
    openssl x509 -new -subj "/O=Signet Test/CN=$4" -force_pubkey "$5" -CA "ca/$1.pem" -CAkey "ca/$1.key" -days 1 \
        -set_serial "$ret_serial" -sha256 -extfile "$here/ca.cnf" -extensions "$2" -outform DER -out work/cert.der
    redate "ca/$1.key" ${spans[$3]} "$6"
}

make_root() {
    next_serial
    openssl x509 -new -subj "/O=Signet Test/CN=Signet Test Root CA" -key ca/root.key -days 1 \
        -set_serial "$ret_serial" -sha256 -extfile "$here/ca.cnf" -extensions root -outform DER -out work/cert.der
    redate ca/root.key ${spans[ca]} ca/root.pem
}

make_authority() { # NAME CN
    openssl pkey -in "ca/$1.key" -pubout -out work/authority.pub # work/$1.pub may be a signer's
    issue root issuing ca "$2" work/authority.pub "ca/$1.pem"
}

# A CRL of a CA that lists these certificates as revoked ten days ago.
make_crl() { # CA OUT NUMBER FROM TO CERT...
    local ca=$1 out=$2 number=$3 from=$4 to=$5 cert
    shift 5
    cp "ca/$ca.pem" work/ca.pem
    cp "ca/$ca.key" work/ca.key
    echo "$number" > work/crlnumber
    : > work/index.txt
    for cert in "$@"; do
        printf 'R\t%s\t%s,keyCompromise\t%s\tunknown\t/CN=revoked\n' "$(utc +1year)" \
            "$(utc -10days)" "$(openssl x509 -in "$cert" -noout -serial | cut -d= -f2)" \
            >> work/index.txt
    done
    openssl ca -config "$here/ca.cnf" -gencrl -crl_lastupdate "20$(utc "$from")" -crl_nextupdate "20$(utc "$to")" \
        -out "$out.pem"
    openssl crl -in "$out.pem" -outform DER -out "$out"
}

to_token() { # LABEL ID NAME FILE
    openssl x509 -in "$4" -outform DER -out work/cert.der
    tool "$1" --write-object work/cert.der --type cert --id "$2" --label "$3"
}

# A certificate for a key on a token, and onto the token with it.
certify() { # LABEL ID NAME CA SECTION SPAN
    issue "$4" "$5" "$6" "Signer $3" "work/$3.pub" "certs/$3.pem"
    to_token "$1" "$2" "$3" "certs/$3.pem"
}

# A certificate for a key in a file.
certify_soft() { # NAME CA SECTION SPAN
    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "soft/$1.key"
    openssl pkey -in "soft/$1.key" -pubout -out work/soft.pub
    issue "$2" "$3" "$4" "Soft $1" work/soft.pub "soft/$1.pem"
}

# ---- all of it ----------------------------------------------------------------------------------------------------

for name in root issuing revoked; do
    openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:3072 -out "ca/$name.key" &
done

main="Signet Test" ed="Signet Ed25519" odd="Signet Odd"
make_token "$main"
make_key "$main" 01 rsa2048 rsa:2048
make_key "$main" 02 rsa3072 rsa:3072
make_key "$main" 03 p256 EC:secp256r1
make_key "$main" 04 p384 EC:secp384r1
make_key "$main" 05 pss2048 rsa:2048
as_pss work/pss2048.pub work/pss2048.pub

make_token "$ed"
make_key "$ed" 01 ed25519 EC:edwards25519

make_token "$odd"
id=0
for name in expired not-yet-valid revoked wrong-usage wrong-eku revoked-ca no-certificate; do
    id=$((id + 1))
    make_key "$odd" "0$id" "$name" EC:secp256r1
done
make_key "$odd" 08 always-auth EC:secp256r1 --always-auth
make_key "$odd" 09 extractable EC:secp256r1 --extractable

# A key that was made elsewhere: only "held".
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out work/imported.key
openssl pkey -in work/imported.key -pubout -out work/imported.pub
softhsm2-util --module "$module" --import work/imported.key --token "$odd" --label imported --id 0a --pin "$pin"

wait
make_root
make_authority issuing "Signet Test Issuing CA"
make_authority revoked "Signet Test Revoked CA"

# Exactly one key of the whole folder has a certificate with nonRepudiation: the one that is chosen by default.
certify "$main" 01 rsa2048 issuing qualified now
certify "$main" 02 rsa3072 issuing signer now
certify "$main" 03 p256 issuing signer now
certify "$main" 04 p384 issuing signer now
certify "$main" 05 pss2048 issuing signer now
certify "$ed" 01 ed25519 issuing signer now
certify "$odd" 01 expired issuing signer past
certify "$odd" 02 not-yet-valid issuing signer future
certify "$odd" 03 revoked issuing signer now
certify "$odd" 04 wrong-usage issuing wrong_usage now
certify "$odd" 05 wrong-eku issuing timestamping now
certify "$odd" 06 revoked-ca revoked signer now
certify "$odd" 08 always-auth issuing signer now
certify "$odd" 09 extractable issuing signer now
certify "$odd" 0a imported issuing signer now

# The signers' CAs are on the tokens as well, as on the cards that CAs hand out.
for label in "$main" "$ed" "$odd"; do
    to_token "$label" f0 issuing-ca ca/issuing.pem
done
to_token "$odd" f1 revoked-ca-itself ca/revoked.pem

certify_soft good issuing signer now
certify_soft expired issuing signer past
certify_soft not-yet-valid issuing signer future
certify_soft revoked issuing signer now
certify_soft wrong-usage issuing wrong_usage now
certify_soft wrong-eku issuing timestamping now
certify_soft revoked-ca revoked signer now
certify_soft tsa issuing timestamping now
certify_soft ocsp issuing ocsp now

make_crl root ca/root.crl 02 -1hour +90days ca/revoked.pem
make_crl issuing ca/issuing.crl 02 -1hour +90days certs/revoked.pem soft/revoked.pem
make_crl issuing ca/issuing-stale.crl 01 -60days -30days
make_crl revoked ca/revoked.crl 01 -1hour +90days
cat ca/issuing.pem ca/root.pem > ca/chain.pem
rm -r work
