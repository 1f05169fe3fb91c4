#!/bin/bash
# Does `signet decrypt` open what OpenSSL encrypted to a token's key, whatever the way, say whether it is authenticated,
# and leave nothing behind where something was changed?
. "${SIGNET_SOURCE:-$(dirname "$0")/../..}/tests/support/lib.sh"
fixtures
cd "$tmp"
ca=$SIGNET_FIXTURES/ca

# --- keys that decrypt, made by the token, with certificates of the CA
pin=$(cat "$SOFTHSM_PIN_FILE")
tool() { # ARGUMENT...
    holds pkcs11-tool --module "$SIGNET_MODULE" --token-label Decrypt --login --pin "$pin" "$@"
}

certificate() { # ID NAME KEY-USAGE
    tool --read-object --type pubkey --id "$1" --output-file spki.der
    openssl pkey -pubin -inform DER -in spki.der -out spki.pem
    printf '%s\n' 'basicConstraints = critical, CA:FALSE' "keyUsage = critical, $3" 'subjectKeyIdentifier = hash' > ext.cnf
    holds openssl x509 -new -subj "/O=Signet Test/CN=$2" -force_pubkey spki.pem -CA "$ca/issuing.pem" \
        -CAkey "$ca/issuing.key" -days 30 -sha256 -extfile ext.cnf -out "$2.pem"
    openssl x509 -in "$2.pem" -outform DER -out "$2.der"
    tool --write-object "$2.der" --type cert --id "$1" --label "$2"
}

holds softhsm2-util --module "$SIGNET_MODULE" --init-token --free --label Decrypt --so-pin 12345678 --pin "$pin"
tool --keypairgen --key-type rsa:2048 --id 01 --label rsa --sensitive --usage-decrypt
tool --keypairgen --key-type EC:prime256v1 --id 02 --label p256 --sensitive --usage-derive
tool --keypairgen --key-type rsa:2048 --id 03 --label always --sensitive --usage-decrypt --always-auth
certificate 01 rsa keyEncipherment
certificate 02 p256 keyAgreement
certificate 03 always keyEncipherment

# Nothing is in the folder but these names.
only() { # NAME...
    holds diff <(printf '%s\n' "$@" | sort) <(ls -A)
}

# What the store has in the last row of the ledger.
recorded() { # COLUMN
    /usr/bin/python3 -c 'import sqlite3, sys
print(sqlite3.connect(sys.argv[1]).execute(f"SELECT {sys.argv[2]} FROM ledger ORDER BY rowid DESC LIMIT 1").fetchone()[0])' \
        "$SIGNET_HOME/store.db" "$1"
}

encrypt() { # OUTPUT ARGUMENT...
    local output=$1
    shift
    holds openssl cms -encrypt -binary -in content -outform DER -out "$output" "$@"
}

mkdir work && cd work
head -c 300000 /dev/urandom > content

# --- each way to encrypt the content key, and each way to encrypt the content
opens() { # ARGUMENT...
    encrypt file.p7m "$@"
    expect 0 signet_pin decrypt --force --output plain file.p7m
    holds cmp content plain
}
opens -aes-256-gcm -recip ../rsa.pem
opens -aes-128-gcm -recip ../rsa.pem -keyopt rsa_padding_mode:oaep
opens -aes-256-cbc -recip ../rsa.pem -keyopt rsa_padding_mode:oaep -keyopt rsa_oaep_md:sha256
opens -aes-192-gcm -recip ../rsa.pem -keyopt rsa_padding_mode:oaep -keyopt rsa_oaep_md:sha512 -keyopt rsa_mgf1_md:sha1 -keyid
opens -des-ede3-cbc -recip ../p256.pem -aes256-wrap
opens -aes-256-gcm -recip ../p256.pem -aes128-wrap -keyopt ecdh_kdf_md:sha256 -keyid -stream
opens -aes-256-cbc -recip ../always.pem
opens -aes-256-gcm -recip ../always.pem -keyopt rsa_padding_mode:oaep -keyopt rsa_oaep_md:sha256
rm plain file.p7m

# --- what is said: authenticated or not, by whose key; a file of the user's own
encrypt file.p7m -aes-256-gcm ../rsa.pem
expect 0 signet_pin decrypt file.p7m
says "CN=rsa"
says "its tag proves the content unchanged"
holds cmp content file
holds test "$(stat -c %a file)" = 600
holds test "$(recorded event)" = decrypt
holds test "$(recorded object)" = "$PWD/file.p7m"
rm file
expect 0 signet_pin decrypt --json file.p7m
json file='"file.p7m"' output='"file"' authenticated=true cipher='"AES-256-GCM"' size=300000 \
    token.label='"Decrypt"' recipient.subject='"CN=rsa,O=Signet Test"'
encrypt old.cms -aes-128-cbc ../p256.pem
expect 0 signet_pin decrypt --json old.cms
json output='"old"' authenticated=false cipher='"AES-128-CBC"'
holds cmp content old
rm old
expect 0 signet_pin decrypt old.cms
says "nothing proves the content unchanged"

# --- never overwritten, never the input
expect 73 signet_pin decrypt file.p7m
says "[output-exists]"
echo other > file
expect 0 signet_pin decrypt --force file.p7m
holds cmp content file
expect 64 signet_pin decrypt --force --output file.p7m file.p7m
expect 64 signet_pin decrypt content
expect 64 signet_pin decrypt --json --output - file.p7m
expect 64 signet_pin decrypt file.p7m old.cms
rm file old

# --- places: stdin and stdout, a pipe, PEM
stdin=file.p7m expect 0 signet_pin decrypt -
holds cmp content "$tmp/out"
openssl cms -cmsout -inform DER -in file.p7m -outform PEM -out pem.p7m
expect 0 signet_pin decrypt --output pipe <(cat pem.p7m)
holds cmp content pipe
rm pipe pem.p7m

# --- several recipients: the key that is here; --key picks, and does not take one that is not named
encrypt both.p7m -aes-256-gcm "$SIGNET_FIXTURES/soft/wrong-usage.pem" ../p256.pem
expect 0 signet_pin decrypt both.p7m
says "CN=p256"
rm both
expect 69 signet_pin decrypt --key "pkcs11:token=Decrypt;id=%01" both.p7m
says "[no-key]"
expect 0 signet_pin decrypt --key "pkcs11:token=Decrypt;id=%02" both.p7m
rm both
encrypt nobody.p7m -aes-256-gcm "$SIGNET_FIXTURES/soft/wrong-usage.pem"
expect 69 signet_pin decrypt nobody.p7m
says "[no-key]"
expect 64 signet_pin decrypt --key nonsense both.p7m
only content file.p7m old.cms both.p7m nobody.p7m

# --- changed: in the content, in the tag, in the content key; no file, nothing on stdout, and it is recorded
for offset in -1 -1000; do
    tamper file.p7m changed.p7m $offset
    expect 65 signet_pin decrypt changed.p7m
    says "[decryption-failed]"
    holds test "$(recorded event)/$(recorded code)" = decrypt-failed/decryption-failed
    expect 65 signet_pin decrypt --output - changed.p7m
    holds test ! -s "$tmp/out"
    expect 65 signet_pin decrypt --json changed.p7m
    json error.code='"decryption-failed"' error.retry=false
done
encrypt pkcs1.p7m -aes-256-gcm -recip ../rsa.pem
key_at=$(openssl asn1parse -inform DER -in pkcs1.p7m | awk -F: '/OCTET STRING/ { print $1; exit }')
tamper pkcs1.p7m changed.p7m $((key_at + 100))
expect 65 signet_pin decrypt changed.p7m
cp "$tmp/err" bad-key
tamper pkcs1.p7m changed.p7m -1
expect 65 signet_pin decrypt changed.p7m
holds cmp bad-key "$tmp/err" # a key that does not unwrap is as a tag that is wrong
rm bad-key
head -c 200000 file.p7m > changed.p7m
expect 65 signet_pin decrypt changed.p7m
says "[malformed]"
expect 0 signet_pin sign --key "pkcs11:token=Signet%20Test;id=%02" --attached --output signed.p7m content
expect 65 signet_pin decrypt signed.p7m
says "nothing to decrypt"
expect 66 signet_pin decrypt missing.p7m
only content file.p7m old.cms both.p7m nobody.p7m pkcs1.p7m changed.p7m signed.p7m

# --- the PIN: none to be had, and a wrong one
expect 77 "$SIGNET" decrypt file.p7m
says "[pin-required]"
printf 0000 > "$tmp/wrong"
expect 77 "$SIGNET" decrypt --pin-fd 9 file.p7m 9< "$tmp/wrong"
says "[pin-incorrect]"
holds test ! -e file
clear_interlock "pkcs11:token=Decrypt"

# --- killed while it writes: no file
expect 0 openssl cms -encrypt -binary -aes-256-gcm -stream -in <(head -c 50000000 /dev/zero) -outform DER -out big.p7m ../rsa.pem
keep_tokens
timeout --signal=KILL 0.2 "$SIGNET" decrypt --pin-fd 9 big.p7m 9< "$SOFTHSM_PIN_FILE" > /dev/null 2>&1 || true
if [ -e big ]; then
    holds test "$(stat -c %s big)" = 50000000 # it was done by then
    rm big
fi
whole_tokens
expect 0 signet_pin decrypt big.p7m
holds cmp big <(head -c 50000000 /dev/zero)
passed
