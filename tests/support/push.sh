# What the tests of targets share: push_driver, on documents of their own. They have $ca, which their servers' certificates
# lead to.
# shellcheck shell=bash
fixtures
ca=$SIGNET_FIXTURES/ca/root.pem
mkdir "$tmp/state"
push() { # OPTION... TYPE URL FILE...
    "$SIGNET_BUILD/tests/push_driver" --state "$tmp/state" --timeout "${push_timeout:-2}" "$@"
}
sha() { # FILE
    sha256sum < "$1" | cut -d ' ' -f 1
}
document() { # NAME: a new document, and what a server calls it
    head -c 20000 /dev/urandom > "$tmp/$1"
    key=$(sha "$tmp/$1")
}
