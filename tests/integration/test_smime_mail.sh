#!/bin/bash
# Are signed mails judged as they are: those that OpenSSL makes, with either line end, changed in each place, cut, and made
# ambiguous? OpenSSL is asked for its opinion, too: what it rejects is never VALID here.
. "${SIGNET_SOURCE:-$(dirname "$0")/../..}/tests/support/lib.sh"
fixtures
cd "$tmp"
ca=$SIGNET_FIXTURES/ca soft=$SIGNET_FIXTURES/soft

holds "$SIGNET" trust add "$ca/root.pem" --yes --intermediate "$ca/issuing.pem" --crl "$ca/root.crl" --crl "$ca/issuing.crl"
printf 'Dear all,\n\nwe agree to the terms.\n--\nThe board\n' > text

sign_as() { # NAME COMMAND OPTION...
    openssl "$2" -sign -signer "$soft/$1.pem" -inkey "$soft/$1.key" -certfile "$ca/issuing.pem" "${@:3}"
}

sign_mail() { # COMMAND OUT OPTION...
    sign_as good "$1" -in text -from alice@example.com -to bob@example.com -subject "The terms" "${@:3}" > "$2"
}

openssl_accepts() { # FILE
    openssl cms -verify -in "$1" -CAfile "$ca/root.pem" -out /dev/null
}

verdict() { # EXIT INDICATION SUB INTACT FILE
    expect "$1" "$SIGNET" verify --json "$5"
    json "signatures.0.indication=\"$2\"" "signatures.0.sub_indication=$3" "signatures.0.intact=$4" 'format="S/MIME"' \
        'signatures.0.covers="message body"' 'signatures.0.changes=null'
}

good() { # FILE
    verdict 0 TOTAL-PASSED null true "$1"
    holds openssl_accepts "$1"
}

changed() { # FILE
    verdict 1 TOTAL-FAILED '"HASH_FAILURE"' false "$1"
    rejects openssl_accepts "$1"
}

broken() { # TEXT FILE
    expect 65 "$SIGNET" verify "$2"
    says "$1"
}

# What sed makes of a good one.
broken_by() { # TEXT SCRIPT
    sed "$2" cades.eml > changed.eml
    broken "$1" changed.eml
}

with_crlf() { # IN OUT
    sed 's/\r*$/\r/' "$1" > "$2"
}

# --- good, and its changed twins ------------------------------------------------------------------------------------------

sign_mail smime plain.eml -text
sign_mail cms cades.eml -text -cades
sign_mail cms bare.eml -cades
sign_mail cms opaque.eml -text -cades -nodetach
for mail in plain cades bare opaque; do
    good "$mail.eml"
    with_crlf "$mail.eml" "$mail-crlf.eml"
    good "$mail-crlf.eml"
done
verdict 0 TOTAL-PASSED null true cades.eml
json 'signatures.0.level="B-B"' 'signatures.0.reasons.0.code="headers-not-signed"'
expect 0 "$SIGNET" verify cades.eml
says "Only the body of the message is signed"
stdin=cades.eml expect 0 "$SIGNET" verify -
{ echo "From alice@example.com Mon Jan  1 00:00:00 2024" && cat cades.eml; } > mailbox.eml
verdict 0 TOTAL-PASSED null true mailbox.eml

for mail in plain cades bare plain-crlf cades-crlf; do
    sed 's/we agree/we agree not/' "$mail.eml" > changed.eml
    changed changed.eml
    sed 's/^we agree/ we agree/' "$mail.eml" > changed.eml
    changed changed.eml
    # A line more at its end, within the body.
    sed '/^The board/s/$/\n/' "$mail.eml" > changed.eml
    changed changed.eml
done
sed 's/^Content-Type: text\/plain/Content-Type: text\/html/' cades.eml > changed.eml
changed changed.eml
# Everything around is anybody's; that is said, and the body is what was signed.
sed 's/^Subject:.*/Subject: Something else/; s/alice@/mallory@/' cades.eml > around.eml
good around.eml
echo "more below" >> around.eml
good around.eml

sed '1,/^\r*$/d' opaque.eml | tr -d '\r' | base64 -d > opaque.der
at=$(grep -abo "we agree" opaque.der | cut -d: -f1)
tamper opaque.der changed.der "$at"
{ sed '/^\r*$/q' opaque.eml && base64 changed.der; } > changed.eml
changed changed.eml

# The same body with a signature by nobody who is trusted, and by a revoked certificate.
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout mallory.key -out mallory.pem -subj /CN=Mallory \
    -days 30 2> "$tmp/err"
openssl cms -sign -in text -signer mallory.pem -inkey mallory.key -cades > mallory.eml
verdict 2 INDETERMINATE '"NO_CERTIFICATE_CHAIN_FOUND"' true mallory.eml
sign_as revoked cms -in text > revoked.eml
verdict 2 INDETERMINATE '"REVOKED_NO_POE"' true revoked.eml

# --- what was signed with bare line feeds is not what the standard signs (RFC 8551 §3.1.1) ----------------------------------

sign_mail cms lf.eml -cades -binary
verdict 1 TOTAL-FAILED '"HASH_FAILURE"' false lf.eml
with_crlf text text.crlf
sign_as good cms -binary -cades -in text.crlf > binary.eml
verdict 0 TOTAL-PASSED null true binary.eml

# --- a signed message in a signed message: the outer one -----------------------------------------------------------------

sign_as good cms -in cades.eml -cades > twice.eml
verdict 0 TOTAL-PASSED null true twice.eml
json 'signatures.0.reasons.1.code="signed-within"'
sed 's/we agree/we agree not/' twice.eml > changed.eml
verdict 1 TOTAL-FAILED '"HASH_FAILURE"' false changed.eml

# --- no signed message at all: nothing is wrong with it --------------------------------------------------------------------

openssl cms -encrypt -aes256 -in text mallory.pem > encrypted.eml
holds grep -q "smime-type=enveloped-data" encrypted.eml
printf 'From: a@example.com\nContent-Type: text/plain\n\nHello.\n' > ordinary.eml
printf 'Content-Type: multipart/signed; protocol="application/pgp-signature"; boundary=b\n\n--b\n' > pgp.eml
for mail in encrypted ordinary pgp; do
    expect 2 "$SIGNET" verify --json "$mail.eml"
    json 'format=null' 'signatures=[]'
done

# --- signed in a part alone, as by way of a mailing list: what is around that is not, and it is said how to go on ----------------

{ printf 'Content-Type: multipart/mixed; boundary=list\n\n--list\n' && cat cades.eml; } > part.eml
printf '\n--list\n\nPay to another account.\n--list--\n' >> part.eml
expect 65 "$SIGNET" verify --json part.eml
json error.code='"unsupported"'
says "Save that part as a message of its own"
sed '1,/^--list/d; /^--list/,$d' part.eml > saved.eml
good saved.eml
{ printf 'Content-Type: message/rfc822\n\n' && cat cades.eml; } > forwarded.eml
broken "Save that part" forwarded.eml
{ printf '\357\273\277' && cat cades.eml; } > marked.eml
broken "a byte order mark" marked.eml

# --- broken, or one thing for one reader and another for the next -------------------------------------------------------------

size=$(stat -c %s cades.eml)
head -c $((size - 60)) cades.eml > cut.eml
broken "line " cut.eml
for at in 500 900 $((size / 2)); do
    head -c "$at" cades.eml > cut.eml
    expect 65 "$SIGNET" verify cut.eml
done
boundary=$(sed -n 's/.*boundary="\([^"]*\)".*/\1/p' cades.eml)
broken_by "there is no second part" "0,/^--$boundary/{/^--$boundary/d}"
broken_by "the boundary has not come" 's/boundary="[^"]*"/boundary="another"/'
broken_by "no boundary" 's/boundary="[^"]*"/x=y/'
broken_by "there is a third part" "s/^--$boundary--/--$boundary\nContent-Type: text\/plain\n\nmore\n&/"
broken_by "without its last boundary" "s/^--$boundary--//"
broken_by "begins as a boundary" "s/^we agree/--$boundary-\n&/"
broken_by "another protocol" 's/protocol="[^"]*"/protocol="application\/other"/'
broken_by "two Content-Types" \
    's/^Content-Type: multipart/Content-Type: multipart\/signed; boundary=x; protocol="application\/pkcs7-signature"\n&/'
# A first part for who ends lines at a carriage return alone, or takes RFC 2231's boundary: and its twins that are for nobody.
broken_by "a carriage return that ends no line" \
    "0,/^--$boundary/s/^--$boundary/x\r--$boundary\rContent-Type: text\/plain\r\rPay more\r\n&/"
sed "0,/^--$boundary/s/^--$boundary/One line\r\nand another\r\n&/" cades.eml > preamble.eml
good preamble.eml
{ cat cades.eml && printf 'x\f--%s\f' "$boundary"; } > feed.eml
broken "a control character" feed.eml
{ cat cades.eml && printf 'x\302\205--%s\302\205' "$boundary"; } > nel.eml
broken "a boundary within a line" nel.eml
broken_by "RFC 2231" "s/boundary=\"[^\"]*\"/&; boundary*=us-ascii''x/"
sed "s/boundary=\"[^\"]*\"/&; comment*=us-ascii''x/" cades.eml > comment.eml
good comment.eml
broken_by "it is not Base64" "/^MII/s/./*/"
sed '/^MII/d' cades.eml > garbage.eml
expect 65 "$SIGNET" verify garbage.eml
printf 'Content-Type: application/pkcs7-mime; smime-type=signed-data\nContent-Transfer-Encoding: base64\n\nAAAA\n' > zeros.eml
broken "its signature is none" zeros.eml
expect 64 "$SIGNET" verify --content text cades.eml
says "leave out --content"

# --- large ones are streamed ------------------------------------------------------------------------------------------------

head -c 40000000 /dev/zero | base64 > text
sign_mail cms large.eml -cades
holds test "$(stat -c %s large.eml)" -gt 50000000
(
    [[ $(ldd "$SIGNET") == *libasan* ]] || ulimit -v 400000 # a sanitizer takes terabytes of addresses
    expect 0 "$SIGNET" verify large.eml
) || failed "a large message"
at=$((25 * 1000 * 1000))
tamper large.eml changed.eml "$at"
verdict 1 TOTAL-FAILED '"HASH_FAILURE"' false changed.eml
sign_mail cms large.eml -cades -nodetach
broken "DER" large.eml
passed
