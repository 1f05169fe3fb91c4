#!/bin/bash
# Shows Signet at work on a token made for the occasion: signs a PDF and a text with the network cut off, verifies both,
# and has a tampered copy rejected; then the network comes back, and one `signet sync` has them time-stamped and stored in
# two archives, with receipts. Installs what is missing, builds, and leaves nothing behind but the build folder.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
work=$(mktemp -d)
tmp=$work # where the servers keep what they write
trap leave EXIT

leave() {
    local pid
    for pid in $(jobs -p); do
        kill "$pid" 2> /dev/null || true
    done
    wait
    rm -rf "$work"
}

step() { # WHAT RESULT
    printf '%-12s %s\n' "$1" "$2"
}

failed() { # WHAT: with what the last command said
    [ ! -e "$work/said" ] || cat "$work/said" >&2
    echo "try.sh: $*" >&2
    exit 1
}

# Runs a command that must end with this code, without a network.
offline=()
must() { # CODE COMMAND...
    local want=$1 got=0
    shift
    "${offline[@]}" "$@" > "$work/said" 2>&1 || got=$?
    [ "$got" = "$want" ] || failed "exit $got instead of $want: $*"
}

# What the last `signet verify` said: the verdict, and by whom or why.
verdict() { # BETWEEN FIELD
    echo "$(sed -n '1s/:.*//p' "$work/said")$1$(sed -n "s/^ *$2: *//p" "$work/said")"
}

softhsm-fixtures/install.sh build fixtures try
step packages "all there"

must 0 cmake --preset release
must 0 cmake --build --preset release --target signet
signet=$root/.build/release/agent/cli/signet
step program "built: ${signet#"$root"/}"

assignments=$(softhsm-fixtures/token.sh "$work/token")
eval "$assignments"
ca=$SIGNET_FIXTURES/ca
step token "made in SoftHSM, with keys that it generated and that never leave it"

# A PDF that Debian ships. Where documentation is not installed (slim images), it is taken out of the package.
pdf=/usr/share/doc/libtasn1-doc/libtasn1.pdf
if [ ! -f "$pdf" ]; then
    must 0 sh -c "cd '$work' && apt-get download libtasn1-doc && dpkg-deb -x libtasn1-doc_*.deb package"
    pdf=$work/package$pdf
fi
cp "$pdf" "$work/manual.pdf"
echo "I agree to the terms of 1 January." > "$work/letter.txt"
step documents "manual.pdf ($(stat -c %s "$work/manual.pdf") bytes, from the package libtasn1-doc) and letter.txt"

cd "$work"
for cut in "unshare -n" "unshare -rn"; do
    if $cut true 2> /dev/null; then
        read -ra offline <<< "$cut"
        break
    fi
done
if [ ${#offline[@]} -gt 0 ]; then
    step network "cut off for all that follows (${offline[*]})"
else
    step network "cannot be cut off here (unshare is not allowed); nothing below uses it"
fi

must 0 "$signet" trust add "$ca/root.pem" --sha256 "$(openssl x509 -in "$ca/root.pem" -outform DER | sha256sum | cut -c1-64)" \
    --intermediate "$ca/issuing.pem" --crl "$ca/root.crl" --crl "$ca/issuing.crl"
step trust "$(openssl x509 -in "$ca/root.pem" -noout -subject -nameopt RFC2253 | cut -d= -f2-) is an anchor now, its CRLs are cached"

must 0 "$signet" sign --format cades --pin-fd 9 manual.pdf letter.txt 9< "$SOFTHSM_PIN_FILE"
step sign "$(printf '%s ' *.p7s)"
for file in manual.pdf letter.txt; do
    must 0 "$signet" verify "$file.p7s"
    step verify "$file: $(verdict " by " "signed by")"
done

sed 's/1 January/2 January/' letter.txt > altered.txt
must 1 "$signet" verify --content altered.txt letter.txt.p7s
step tampered "another day in the letter: $(verdict ". " why)"
cp manual.pdf altered.pdf
printf X | dd of=altered.pdf bs=1 seek=100000 conv=notrunc status=none
must 1 "$signet" verify --content altered.pdf manual.pdf.p7s
step tampered "one byte of the PDF changed: $(verdict ". " why)"

openssl cms -verify -cades -binary -inform DER -in manual.pdf.p7s -content manual.pdf -CAfile "$ca/root.pem" -out /dev/null \
    2> said || failed "openssl does not accept the signature"
step openssl "accepts manual.pdf.p7s as well"

# ---- back online ----------------------------------------------------------------------------------------------------

for server in apache tsa radosgw; do
    . "$root/tests/support/server_$server.sh"
done
radosgw_start # a cluster of Ceph of its own: it takes a while
apache_start
tsa_start main
radosgw_ready
[ "$(s3_status PUT /signed)" = 200 ] || failed "no bucket"
printf '%s\n%s\n' "$S3_USER" "$S3_PASSWORD" > s3-credentials
chmod 600 s3-credentials
cat > "$SIGNET_HOME/signet.conf" << END
[tsa "main"]
url = $(tsa_url main)
[target "webdav"]
type = webdav
url = $APACHE_URL
[target "s3"]
type = s3
url = $S3_URL/signed
credentials = $work/s3-credentials
END
step servers "a time-stamp authority, apache (WebDAV) and Ceph's radosgw (S3), on loopback, for signet.conf"

echo "Minutes of the meeting." > minutes.txt
must 0 "$signet" sign --pin-fd 9 minutes.txt 9< "$SOFTHSM_PIN_FILE"
step sign "minutes.txt.p7s, without a network; $("$signet" outbox list --json | wc -l) document waits in the outbox"
must 75 "$signet" sync
step offline "signet sync: $(sed -n 's/^Waiting for s3: //p' said)"
offline=() # the network comes back
must 0 "$signet" sync
step sync "$(sed -n 's/^Time-stamped by \(.*\): .*/time-stamped by \1/p' said); $(sed -n '$p' said)"
must 0 "$signet" receipt minutes.txt
step receipt "$(grep -c http said) copies, each read back and compared"
must 0 "$signet" verify minutes.txt.p7s
step verify "minutes.txt: $(verdict ", not later than " "not later")"

# What stands in the signature file: the signature's value, and the time-stamp token that is about it.
openssl asn1parse -inform DER -in minutes.txt.p7s > asn1
cut_out() { # LINE OUT: the value that begins there; with its header, unless it is an OCTET STRING
    local at header len
    read -r at header len < <(sed -n "$1s/^ *\\([0-9]*\\):d=[0-9 ]*hl=\\([0-9]*\\) *l= *\\([0-9]*\\) .*/\\1 \\2 \\3/p" asn1)
    case $(sed -n "$1p" asn1) in
        *"OCTET STRING"*) tail -c +$((at + header + 1)) minutes.txt.p7s | head -c "$len" > "$2" ;;
        *) tail -c +$((at + 1)) minutes.txt.p7s | head -c $((header + len)) > "$2" ;;
    esac
}
token=$(grep -n 'id-smime-aa-timeStampToken' asn1 | cut -d: -f1)
cut_out $((token + 2)) stamp
cut_out "$(head -n "$token" asn1 | grep -n 'OCTET STRING' | tail -n 1 | cut -d: -f1)" value
judge=(openssl ts -verify -token_in -in stamp -data value -CAfile "$ca/root.pem" -untrusted "$ca/issuing.pem")
"${judge[@]}" > said 2>&1 || failed "openssl does not accept the time-stamp"
step openssl "accepts the time-stamp as well"
echo more >> value
! "${judge[@]}" > said 2>&1 || failed "openssl accepts the time-stamp of another signature"
step openssl "and not for another signature"

requests() {
    server_idle "$APACHE_PORT"
    cat apache/access.log | wc -l
}
before=$(requests)
must 0 "$signet" sync
[ "$(requests)" = "$before" ] || failed "a second sync sent something"
step again "a second sync: $(sed -n '$p' said)"

cat << END

With your own token, type next:

    alias signet=$signet
    signet token list            # is it seen? (its module must be known to p11-kit, or named with --module)
    signet setup                 # chooses the key, asks for the PIN, signs a trial page
    signet sign FILE             # writes FILE.p7s
    signet verify FILE           # says whether it is valid, as of when, and why
    signet sync                  # online again: time-stamp, archives, receipts, as signet.conf(5) says
END
