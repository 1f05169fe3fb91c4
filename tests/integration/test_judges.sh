#!/bin/bash
# Do programs that share no code with us accept what we sign, and reject it once a byte is changed? And do we accept
# what they sign, in the encodings that they choose?
#
# | judge             | RSA PKCS#1 | RSA-PSS | ECDSA P-256, P-384 | Ed25519 | looks at |
# | openssl cms       | yes        | yes     | yes                | no: 3.0 cannot | signing-certificate-v2, path |
# | gpgsm             | yes        | yes     | yes                | no      | path; knows no signing-certificate-v2 |
# | certtool (GnuTLS) | yes        | yes     | yes                | yes     | path; ignores signed attributes it does not know |
# | BouncyCastle      | yes        | yes     | yes                | yes     | signing-certificate-v2, path |
. "${SIGNET_SOURCE:-$(dirname "$0")/../..}/tests/support/lib.sh"
fixtures
cd "$tmp"
. "$SIGNET_SOURCE/tests/support/judges.sh"
for tool in openssl gpgsm certtool java jq; do
    command -v "$tool" > /dev/null || skip "$tool is not installed"
done

knows() { # JUDGE KEY
    case $1:$2 in
        openssl:ed25519 | gpgsm:ed25519) false ;;
    esac
}

# ---- what we sign, and its tampered twins --------------------------------------------------------------------------------

# Where the value of the last element of this kind begins that `openssl asn1parse` lists after this text.
value_offset() { # FILE AFTER KIND
    openssl asn1parse -inform DER -in "$1" | awk -v after="$2" -v kind="$3" '
        index($0, after) { seen = 1 }
        seen && !found && index($0, kind) {
            split($0, part, /:d=|hl=|l=/); print part[1] + part[3]; found = 1
        }'
}

# FILE with the bytes at OFFSET overwritten.
patch_file() { # FILE OUT OFFSET TEXT
    cp "$1" "$2"
    printf '%s' "$4" | dd of="$2" bs=1 seek="$3" conv=notrunc status=none
}

# Twins of FILE.p7s or FILE.p7m whose only change is the one their name says. Another time is a well-formed one.
make_twins() { # FILE KEY
    local time
    time=$(value_offset "$1" :signingTime UTCTIME)
    tamper "$1" "$1.value" -2
    patch_file "$1" "$1.time" "$((time + 1))" 0
    tamper "$1" "$1.digest" "$(($(value_offset "$1" :messageDigest 'OCTET STRING') + 5))"
}

# Our own refusal is exit 1, no crash.
refused() { # JUDGE FILE CONTENT
    if [ "$1" = signet ]; then
        expect 1 judge_signet "$2" "$3"
    else
        rejects "judge_$1" "$2" "$3"
    fi
}

judge_all() { # KEY FILE CONTENT TWIN-CONTENT
    local key=$1 file=$2 content=$3 judge twin
    for judge in openssl certtool gpgsm signet; do
        knows $judge "$key" || continue
        holds judge_$judge "$file" "$content"
        for twin in value time digest; do
            refused $judge "$file.$twin" "$content"
        done
        if [ "$content" = - ]; then
            refused $judge "$file.content" -
        else
            refused $judge "$file" "$4"
        fi
    done
    # BouncyCastle judges all of them in one go, at the end.
    printf 'accepted\t%s\t%s\n' "$file" "$content" >> judgements
    for twin in value time digest; do
        printf 'rejected\t%s\t%s\n' "$file.$twin" "$content" >> judgements
    done
    if [ "$content" = - ]; then
        printf 'rejected\t%s\t-\n' "$file.content" >> judgements
    else
        cp "$file" "$file.other"
        printf 'rejected\t%s\t%s\n' "$file.other" "$4" >> judgements
    fi
}

start_gpgsm
holds "$SIGNET" trust add "$ca/root.pem" --yes --intermediate "$ca/issuing.pem" --crl "$ca/root.crl" --crl "$ca/issuing.crl"
head -c 70000 /dev/urandom | base64 > text
sed '1s/^./~/' text > other
for key in rsa2048 rsa3072 p256 p384 pss2048 ed25519; do
    cp text "$key"
    holds signet_pin sign --key "pkcs11:object=$key" "$key"
    holds signet_pin sign --attached --key "pkcs11:object=$key" "$key"
    make_twins "$key.p7s" "$key"
    make_twins "$key.p7m" "$key"
    tamper "$key.p7m" "$key.p7m.content" 50000
    judge_all "$key" "$key.p7s" text other
    judge_all "$key" "$key.p7m" -
done
cut -f2,3 judgements | bouncycastle verify "$ca/root.pem" > bouncycastle.out 2> "$tmp/err" || failed "BouncyCastle"
while IFS=$'\t' read -r want file _; do
    holds grep -q "^$want $file\(:\|\$\)" bouncycastle.out
done < judgements

# ---- every byte of content, signed attributes and signature ---------------------------------------------------------------

# Each is flipped in turn; "intact" must never be true, and no exit may say that all is well.
mkdir flipped
printf 'twenty bytes of text' > flipped/page
holds signet_pin sign --attached --key pkcs11:object=p256 --output flipped/page.p7m flipped/page
flip() { # FROM TO
    local at
    for ((at = $1; at < $2; at++)); do
        tamper flipped/page.p7m "flipped/$at.p7m" "$at"
    done
}
content=$(value_offset flipped/page.p7m pkcs7-signedData 'OCTET STRING')
flip "$content" $((content + 20))
attributes=$(($(value_offset flipped/page.p7m :contentType :contentType) - 4))
flip "$attributes" "$(stat -c %s flipped/page.p7m)"
mv flipped/page.p7m good.p7m
files=(flipped/*.p7m)
if "$SIGNET" verify --json "${files[@]}" > flipped.json 2> "$tmp/err"; then
    failed "exit 0 for changed files"
fi
holds test "$(wc -l < flipped.json)" = "${#files[@]}"
holds test "$(jq -s 'map(select(.signatures[0].intact == true)) | length' flipped.json)" = 0
holds "$SIGNET" verify good.p7m

# ---- what others sign ------------------------------------------------------------------------------------------------------

soft=$SIGNET_FIXTURES/soft
accepted() { # LEVEL FILE [ARGUMENT...]: by us, and only with the right content
    local level=$1
    shift
    expect 0 "$SIGNET" verify --json "$@"
    holds test "$(jq -c '[.signatures[0] | .indication, .intact, .level]' "$tmp/out")" = "[\"TOTAL-PASSED\",true,$level]"
}

mkdir bc
holds bouncycastle sign "$soft/good.key" "$soft/good.pem" "$ca/issuing.pem" text bc
accepted '"B-B"' bc/ber.p7m
offset=$(grep -abo -m 1 "$(sed -n 5p text)" bc/ber.p7m | cut -d: -f1)
tamper bc/ber.p7m bc/changed.p7m "$offset"
expect 1 "$SIGNET" verify bc/changed.p7m
for name in detached ski unsorted-der unsorted-wire; do
    accepted '"B-B"' "bc/$name.p7s" --content text
    expect 1 "$SIGNET" verify "bc/$name.p7s" --content other
done

by_openssl() { # OUT OPTION...
    openssl cms -sign -binary -in text -signer "$soft/good.pem" -inkey "$soft/good.key" -certfile "$ca/issuing.pem" \
        -out "$@"
}
holds by_openssl streamed.p7m -stream -nodetach -outform DER -cades
accepted '"B-B"' streamed.p7m
holds by_openssl pem.p7s -outform PEM -cades
accepted '"B-B"' pem.p7s --content text
holds by_openssl keyid.p7s -outform DER -cades -keyid
accepted '"B-B"' keyid.p7s --content text
holds by_openssl plain.p7s -outform DER
accepted null plain.p7s --content text
holds by_openssl noattr.p7s -outform DER -noattr
expect 2 "$SIGNET" verify noattr.p7s --content text

# gpgsm wants a key of its own, in a PKCS #12 file of the old kind.
openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out gpgsm.key
openssl pkey -in gpgsm.key -pubout -out gpgsm.pub
openssl x509 -new -force_pubkey gpgsm.pub -subj "/CN=gpgsm signer" -CA "$ca/issuing.pem" -CAkey "$ca/issuing.key" \
    -set_serial 0x5160000100000001 -days 30 -extfile "$SIGNET_SOURCE/softhsm-fixtures/ca.cnf" -extensions signer \
    -out gpgsm.pem
by_gpgsm() { # ARGUMENT...
    gpgsm --batch --yes --pinentry-mode loopback --passphrase-fd 3 "$@" 3<<< test
}
# Of about 75 salts there is one from which gpgsm derives another key than everyone else: then with another salt.
for salt in 1 2 3 4 5; do
    openssl pkcs12 -export -inkey gpgsm.key -in gpgsm.pem -passout pass:test \
        -keypbe PBE-SHA1-3DES -certpbe PBE-SHA1-3DES -macalg sha1 -out gpgsm.p12
    ! by_gpgsm --import gpgsm.p12 2> gpgsm.err || break
done
holds by_gpgsm --import gpgsm.p12
holds by_gpgsm --local-user "gpgsm signer" --output gpgsm.p7s --detach-sign text
accepted null gpgsm.p7s --content text
holds by_gpgsm --local-user "gpgsm signer" --output gpgsm.p7m --sign text
accepted null gpgsm.p7m
passed
