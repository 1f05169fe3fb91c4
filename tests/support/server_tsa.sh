# TSAs: lighttpd, which answers by `openssl ts`. A test that sources this file says
#
#     tsa_start NAME [CERTIFICATE KEY]
#
# (the fixtures' TSA without), several if it likes, and has the URL from `tsa_url NAME`. What one does is in a word that
# can be changed at any time, `tsa_mode NAME WORD...`:
#
#     good            a time-stamp (at first)
#     reject          the answer is a refusal
#     slow SECONDS    a time-stamp, late
#     replay          the last answer that was good, again
#     other-imprint   a time-stamp of something else
#     other-nonce     a time-stamp with another nonce
#     other-policy    a time-stamp under another policy than asked for
#     by FILE         a time-stamp signed with FILE.key, whose certificate FILE.pem is of any kind
#     fail            503
#     portal          a page to log in
#     garbage         bytes
#
# `tsa_count NAME` is how often it was asked.
# shellcheck shell=bash
. "${BASH_SOURCE[0]%/*}/servers.sh"

TSA_POLICY=1.3.6.1.4.1.99999.1.1 # of what is asked for without one
TSA_OTHER_POLICY=1.3.6.1.4.1.99999.1.2

declare -A tsa_pids=() tsa_ports=()

tsa_configuration() { # ROOT CERTIFICATE KEY
    cat << END
[tsa]
default_tsa = it
[it]
serial = $1/serial
signer_cert = $2
signer_key = $3
certs = $SIGNET_FIXTURES/ca/issuing.pem
signer_digest = sha256
default_policy = $TSA_POLICY
other_policies = $TSA_OTHER_POLICY
digests = sha256, sha384, sha512
accuracy = secs:1
clock_precision_digits = 3
ordering = no
tsa_name = no
ess_cert_id_chain = no
ess_cert_id_alg = sha256
END
}

# RFC 3161 §3.4: POST of a query, the reply in the answer.
tsa_program() { # ROOT
    cat << END
#!/bin/bash
root=$1
issuing=$SIGNET_FIXTURES/ca/issuing.pem
END
    cat << 'END'
work=$(mktemp -d "$root/work.XXXXXX")
trap 'rm -rf "$work"' EXIT
read -r mode argument < "$root/mode"
echo "$mode" >> "$root/asked"
head -c "${CONTENT_LENGTH:-0}" > "$work/query"

say() { # STATUS TYPE FILE
    printf 'Status: %s\r\nContent-Type: %s\r\nContent-Length: %s\r\n\r\n' "$1" "$2" "$(stat -c %s "$3")"
    cat "$3"
    exit
}

# The query with bytes of it changed.
change() { # PYTHON
    /usr/bin/python3 -c "
import sys
q = bytearray(open(sys.argv[1], 'rb').read())
$1
open(sys.argv[1], 'wb').write(q)" "$work/query"
}

if [ "$REQUEST_METHOD" != POST ] || [ "$CONTENT_TYPE" != application/timestamp-query ]; then
    echo "POST application/timestamp-query" > "$work/page"
    say "415 Unsupported Media Type" text/plain "$work/page"
fi
case $mode in
    fail) echo "out of order" > "$work/page" && say "503 Service Unavailable" text/plain "$work/page" ;;
    portal) echo "<html><body>Please log in</body></html>" > "$work/page" && say "200 OK" text/html "$work/page" ;;
    garbage) head -c 300 /dev/urandom > "$work/page" && say "200 OK" application/timestamp-reply "$work/page" ;;
    replay) say "200 OK" application/timestamp-reply "$root/last" ;;
    reject) echo "no query" > "$work/query" ;;
    slow) sleep "$argument" ;;
    other-imprint) change "q[q.index(b'\x04\x20') + 2] ^= 1" ;;
    other-nonce) change "q[-4] ^= 1" ;; # behind it is certReq, three octets
    other-policy) change "q[q.index(b'\x86\x8d\x1f\x01\x01') + 4] = 2" ;;
esac

# The TSTInfo of the reply, signed by somebody else: `openssl ts` itself would not with a certificate that is not for
# time-stamps.
sign_again() { # FILE
    openssl ts -reply -in "$work/reply" -token_out -out "$work/token" 2> /dev/null
    openssl cms -verify -noverify -inform DER -in "$work/token" -out "$work/info" 2> /dev/null
    openssl cms -sign -binary -nodetach -cades -econtent_type 1.2.840.113549.1.9.16.1.4 -in "$work/info" \
        -signer "$1.pem" -inkey "$1.key" -certfile "$issuing" -md sha256 -outform DER -out "$work/token"
    /usr/bin/python3 -c '
import sys
body = bytes.fromhex("3003020100") + open(sys.argv[1], "rb").read()
sys.stdout.buffer.write(b"\x30\x82" + len(body).to_bytes(2, "big") + body)' "$work/token" > "$work/reply"
}

if flock "$root/lock" openssl ts -reply -config "$root/tsa.cnf" -queryfile "$work/query" -out "$work/reply" \
    2> "$work/error"; then
    if [ "$mode" = good ]; then
        cp "$work/reply" "$work/last"
        mv "$work/last" "$root/last"
    fi
    [ "$mode" != by ] || sign_again "$argument"
    say "200 OK" application/timestamp-reply "$work/reply"
fi
say "500 Internal Server Error" text/plain "$work/error"
END
}

tsa_start() { # NAME [CERTIFICATE KEY]
    local root=$tmp/tsa-$1 port
    free_port
    port=$ret_port
    mkdir "$root"
    echo good > "$root/mode"
    echo 01 > "$root/serial"
    : > "$root/asked"
    tsa_configuration "$root" "${2:-$SIGNET_FIXTURES/soft/tsa.pem}" "${3:-$SIGNET_FIXTURES/soft/tsa.key}" > "$root/tsa.cnf"
    tsa_program "$root" > "$root/tsa.cgi"
    cgi_server_run "$root" "$port" tsa
    tsa_pids[$1]=$server_pid
    tsa_ports[$1]=$port
}

tsa_stop() { # NAME
    server_end "${tsa_pids[$1]}"
    unset "tsa_pids[$1]"
}

tsa_url() { # NAME
    echo "http://127.0.0.1:${tsa_ports[$1]}/tsa"
}

tsa_mode() { # NAME WORD...
    local root=$tmp/tsa-$1
    shift
    echo "$*" > "$root/mode.new"
    mv "$root/mode.new" "$root/mode"
}

tsa_count() { # NAME
    wc -l < "$tmp/tsa-$1/asked"
}
