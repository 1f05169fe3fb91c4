# Programs that share no code with us, and we ourselves: each judge_NAME says whether FILE is a good signature of CONTENT
# ("-": what it holds). Sourced after lib.sh and fixtures(); `ca` is the folder of its certificates.
ca=$SIGNET_FIXTURES/ca
jars=/usr/share/java

judge_openssl() { # FILE CONTENT
    local given=()
    [ "$2" = - ] || given=(-content "$2")
    openssl cms -verify -cades -binary -inform DER -in "$1" "${given[@]}" -CAfile "$ca/root.pem" -out /dev/null
}

judge_certtool() { # FILE CONTENT
    local given=()
    [ "$2" = - ] || given=(--load-data "$2")
    certtool --p7-verify --inder --infile "$1" "${given[@]}" --load-ca-certificate "$ca/root.pem"
}

judge_gpgsm() { # FILE CONTENT
    local given=()
    [ "$2" = - ] || given=("$2")
    gpgsm --batch --verify "$1" "${given[@]}"
}

judge_signet() { # FILE CONTENT
    local given=()
    [ "$2" = - ] || given=(--content "$2")
    "$SIGNET" verify "${given[@]}" "$1"
}

# A home of gpgsm's own that trusts the root and asks nobody.
start_gpgsm() {
    export GNUPGHOME=$tmp/gnupg
    mkdir -m 700 "$GNUPGHOME"
    printf 'disable-crl-checks\ndisable-dirmngr\n' > "$GNUPGHOME/gpgsm.conf"
    echo allow-loopback-pinentry > "$GNUPGHOME/gpg-agent.conf"
    echo "$(openssl x509 -in "$ca/root.pem" -noout -fingerprint -sha1 | cut -d= -f2) S relax" > "$GNUPGHOME/trustlist.txt"
    at_exit="gpgconf --kill all"
    holds gpgsm --batch --import "$ca/root.pem" "$ca/issuing.pem"
}

bouncycastle() { # ARGUMENT...
    java -cp "$jars/bcprov.jar:$jars/bcpkix.jar:$jars/bcutil.jar" "$SIGNET_SOURCE/tests/support/JudgeCms.java" "$@"
}
