# Reading PDFs; sourced by run.sh.

# Each revision has a signature, so that each is compared with the next. Both judge all of them by one anchor.
case_verify_revisions() { # COUNT
    openssl req -x509 -newkey rsa:2048 -nodes -subj "/CN=PDF" -days 30 -keyout pdf.key -out pdf.pem \
        -addext keyUsage=critical,digitalSignature,keyCertSign 2> pdf.log
    python3 -B "$root/tests/support/make_pdf.py" signed revisions.pdf "$(($1 - 1))" pdf.pem pdf.key
    mkdir nss
    certutil -N -d sql:nss --empty-password
    certutil -A -d sql:nss -n PDF -t C,C,C -i pdf.pem
    ours() { timed ours "$signet" verify --revocation none --anchor pdf.pem revisions.pdf; }
    peer() { timed peer pdfsig -nssdir sql:nss revisions.pdf; }
    ours
    [ "$(grep -c "^VALID\|^  *VALID" said)" -ge 1 ]
    turns "$turns_one"
    line_time "verify a PDF with $1 revisions (pdfsig)" "<= 0.5"
    rm -rf nss revisions.pdf
}
