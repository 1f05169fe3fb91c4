#!/bin/bash
# Shows Signet at work on a token made for the occasion: signs a PDF and a text with the network cut off, verifies both,
# and has a tampered copy rejected. Installs what is missing, builds, and leaves nothing behind but the build folder.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

step() { # WHAT RESULT
    printf '%-12s %s\n' "$1" "$2"
}

failed() { # WHAT: with what the last command said
    cat "$work/said" >&2
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

must 0 "$signet" sign --pin-fd 9 manual.pdf letter.txt 9< "$SOFTHSM_PIN_FILE"
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

cat << END

With your own token, type next:

    alias signet=$signet
    signet token list            # is it seen? (its module must be known to p11-kit, or named with --module)
    signet setup                 # chooses the key, asks for the PIN, signs a trial page
    signet sign FILE             # writes FILE.p7s
    signet verify FILE           # says whether it is valid, as of when, and why
END
