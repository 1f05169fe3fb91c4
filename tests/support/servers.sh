# What the tests' servers share. Each has a file of its own, server_NAME.sh, with NAME_start and NAME_stop; a server
# listens on a loopback port that nobody had, keeps what it writes in a folder of $tmp, and ends with the shell that
# started it.
# shellcheck shell=bash

last_port=${last_port:-} # that was given

# A hundred ports that no other test takes, as long as this shell is there: a process holds the first of them.
hold_ports() {
    server_run "$tmp/ports" /usr/bin/python3 -c '
import random, signal, socket
while True:
    s = socket.socket()
    try:
        s.bind(("127.0.0.1", random.randrange(100, 320) * 100))
        break
    except OSError:
        s.close()
print(s.getsockname()[1], flush=True)
signal.pause()'
    until [ -s "$tmp/ports" ]; do
        kill -0 "$server_pid" 2> /dev/null || failed "no ports"
        sleep 0.01
    done
    last_port=$(cat "$tmp/ports")
}

# Sets $ret_port to one that nobody listens at, and that was not given before.
free_port() {
    [ -n "$last_port" ] || hold_ports
    ret_port=$((++last_port))
    while (exec 3<> "/dev/tcp/127.0.0.1/$ret_port") 2> /dev/null; do
        ret_port=$((++last_port))
    done
}

# Runs a server in the background; its output is in LOG, its pid in $server_pid.
server_run() { # LOG COMMAND...
    local log=$1
    shift
    setpriv --pdeathsig TERM "$@" > "$log" 2>&1 < /dev/null &
    server_pid=$!
}

# Waits until something listens on the port.
server_wait() { # PORT PID LOG
    local end=$((SECONDS + 60))
    while [ $SECONDS -lt $end ]; do
        if (exec 3<> "/dev/tcp/127.0.0.1/$1") 2> /dev/null; then
            return 0
        fi
        kill -0 "$2" 2> /dev/null || break
        sleep 0.05
    done
    tail -n 20 "$3" >&2
    failed "a server did not start"
}

# lighttpd with one CGI program, ROOT/NAME.cgi, at /NAME: sets $server_pid and returns when it answers.
cgi_server_run() { # ROOT PORT NAME
    cat > "$1/lighttpd.conf" << END
server.document-root = "$1"
server.bind = "127.0.0.1"
server.port = $2
server.modules = ( "mod_alias", "mod_cgi" )
server.errorlog = "$1/error.log"
alias.url = ( "/$3" => "$1/$3.cgi" )
cgi.assign = ( "$3.cgi" => "" )
END
    chmod +x "$1/$3.cgi"
    server_run "$1/out" lighttpd -D -f "$1/lighttpd.conf"
    server_wait "$2" "$server_pid" "$1/error.log"
}

# Waits until the server has closed all connections to the port: what it logs of them is in its log by then.
server_idle() { # PORT
    local end=$((SECONDS + 60)) at
    printf -v at ':%04X' "$1"
    # Local address, and state: 0A listens, 06 is closed.
    while awk -v at="$at" '$2 ~ at "$" && $4 != "0A" && $4 != "06" { open = 1 } END { exit !open }' /proc/net/tcp; do
        [ $SECONDS -lt $end ] || failed "a server keeps a connection"
        sleep 0.05
    done
}

# Waits for what a server writes when it is ready.
wait_for_file() { # FILE PID
    local end=$((SECONDS + 60))
    until [ -e "$1" ]; do
        if [ $SECONDS -ge $end ] || ! kill -0 "$2" 2> /dev/null; then
            failed "a server did not start"
        fi
        sleep 0.05
    done
}

server_end() { # PID
    [ -n "$1" ] || return 0
    kill "$1" 2> /dev/null || true
    wait "$1" 2> /dev/null || true
}

# A key and certificate for TLS in NAME.key and NAME.pem (with the issuing CA behind it), by the fixtures' CA. HOSTS as
# for subjectAltName; more words are openssl-x509's.
server_certificate() { # NAME HOSTS [ARGUMENT...]
    local name=$1 hosts=$2 ca=$SIGNET_FIXTURES/ca/issuing
    shift 2
    [ $# -gt 0 ] || set -- -days 30
    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$name.key" 2> /dev/null
    openssl pkey -in "$name.key" -pubout -out "$name.pub"
    printf 'basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth\nsubjectAltName=%s\n' \
        "$hosts" > "$name.cnf"
    openssl x509 -new -subj "/O=Signet Test/CN=server" -force_pubkey "$name.pub" -CA "$ca.pem" -CAkey "$ca.key" \
        -set_serial "0x52$(openssl rand -hex 8)" -extfile "$name.cnf" "$@" -out "$name.pem"
    cat "$ca.pem" >> "$name.pem"
}
