# Signing PDFs; sourced by run.sh.
# shellcheck shell=bash disable=SC2154

make_pdf() { # PAGES BYTES OUT
    python3 -B "$root/tests/support/make_pdf.py" large "$3" "$1" "$2"
}

# What it is made of: the octets are hashed, copied, and brought to disk.
case_sign_pdf_large() { # MIB PAGES
    make_pdf "$2" "$(($1 * 1048576))" large.pdf
    cat large.pdf > /dev/null
    before_ours() { rm -f large.signed.pdf large.copy && sync -f .; }
    before_peer() { before_ours; }
    ours() { timed ours "$signet" sign --format pades --key "$rsa" --pin-fd 9 large.pdf; }
    peer() { timed peer sh -c 'openssl dgst -sha256 large.pdf && cp large.pdf large.copy && sync -f large.copy'; }
    turns "$turns_many"
    line_time "sign a PDF of $1 MiB, $2 pages (dgst, cp, sync)" "<= 1.5"
    line_peak "  peak memory" "<= 64"
    rm -f large.pdf large.signed.pdf large.copy
}

# The peer's key is in NSS's own database, and ours on a token.
case_sign_pdf_one() {
    local nss=$work/pdf-nss
    make_pdf 10 1048576 one.pdf
    mkdir "$nss"
    certutil -N -d "sql:$nss" --empty-password
    openssl req -x509 -newkey rsa:2048 -nodes -keyout peer.key -out peer.pem -subj /CN=Peer -days 30 2> /dev/null
    openssl pkcs12 -export -inkey peer.key -in peer.pem -out peer.p12 -passout pass: -name peer
    pk12util -i peer.p12 -d "sql:$nss" -W '' > /dev/null
    before_ours() { rm -f one.signed.pdf; }
    before_peer() { rm -f one.peer.pdf; }
    ours() { timed ours "$signet" sign --format pades --key "$rsa" --pin-fd 9 one.pdf; }
    peer() { timed peer pdfsig -nssdir "sql:$nss" -nss-pwd '' -nick peer -add-signature one.pdf one.peer.pdf; }
    turns "$turns_one"
    line_time "sign a PDF of 1 MiB (pdfsig -add-signature)" "<= 0.25"
    rm -rf one.pdf one.signed.pdf one.peer.pdf "$nss"
}
