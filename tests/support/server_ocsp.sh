# An OCSP responder: lighttpd, which answers by `openssl ocsp`. A test that sources this file says
#
#     ocsp_start CA RESPONDER INDEX
#
# with CA.pem, RESPONDER.pem and RESPONDER.key, and INDEX as `openssl ca` keeps it, and has $OCSP_URL. What it does is in
# a word that can be changed at any time, `ocsp_mode WORD`:
#
#     good            the answer, good for a day (at first)
#     replay          the last answer that was good, again
#     no-nonce        an answer without the nonce that was asked with
#     fail            503
#     portal          a page to log in
#     garbage         bytes
#
# `ocsp_count` is how often it was asked.
# shellcheck shell=bash
. "${BASH_SOURCE[0]%/*}/servers.sh"

ocsp_pid=

# RFC 6960 §A.1: POST of a request, the response in the answer.
ocsp_program() { # ROOT CA RESPONDER INDEX
    printf '#!/bin/bash\nroot=%q ca=%q responder=%q index=%q\n' "$@"
    cat << 'END'
work=$(mktemp -d "$root/work.XXXXXX")
trap 'rm -rf "$work"' EXIT
mode=$(cat "$root/mode")
echo "$mode" >> "$root/asked"
head -c "${CONTENT_LENGTH:-0}" > "$work/request"

say() { # STATUS TYPE FILE
    printf 'Status: %s\r\nContent-Type: %s\r\nContent-Length: %s\r\n\r\n' "$1" "$2" "$(stat -c %s "$3")"
    cat "$3"
    exit
}

if [ "$REQUEST_METHOD" != POST ] || [ "$CONTENT_TYPE" != application/ocsp-request ]; then
    echo "POST application/ocsp-request" > "$work/page"
    say "415 Unsupported Media Type" text/plain "$work/page"
fi
options=()
case $mode in
    fail) echo "out of order" > "$work/page" && say "503 Service Unavailable" text/plain "$work/page" ;;
    portal) echo "<html><body>Please log in</body></html>" > "$work/page" && say "200 OK" text/html "$work/page" ;;
    garbage) head -c 300 /dev/urandom > "$work/page" && say "200 OK" application/ocsp-response "$work/page" ;;
    replay) say "200 OK" application/ocsp-response "$root/last" ;;
    no-nonce) options+=(-no_nonce) ;;
esac
if openssl ocsp -index "$index" -CA "$ca.pem" -rsigner "$responder.pem" -rkey "$responder.key" -ndays 1 \
    "${options[@]}" -reqin "$work/request" -respout "$work/response" > "$work/error" 2>&1; then
    [ "$mode" != good ] || cp "$work/response" "$root/last"
    say "200 OK" application/ocsp-response "$work/response"
fi
say "500 Internal Server Error" text/plain "$work/error"
END
}

ocsp_mode() { # WORD
    echo "$1" > "$tmp/ocsp/mode"
}

ocsp_count() {
    wc -l < "$tmp/ocsp/asked"
}

ocsp_start() { # CA RESPONDER INDEX
    local root=$tmp/ocsp port
    free_port
    port=$ret_port
    mkdir "$root"
    ocsp_mode good
    : > "$root/asked"
    ocsp_program "$root" "$@" > "$root/ocsp.cgi"
    cgi_server_run "$root" "$port" ocsp
    ocsp_pid=$server_pid
    OCSP_URL=http://127.0.0.1:$port/ocsp
}

ocsp_stop() {
    server_end "$ocsp_pid"
    ocsp_pid=
}
