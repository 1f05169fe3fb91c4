# What the tests of targets share: push_driver, on documents of their own. They have $ca, which their servers' certificates
# lead to.
# shellcheck shell=bash
fixtures
ca=$SIGNET_FIXTURES/ca/root.pem
mkdir "$tmp/state"
# What a server may keep silent for is generous, unless a test is about that: the machine may be busy.
push() { # OPTION... TYPE URL FILE...
    "$SIGNET_BUILD/tests/push_driver" --state "$tmp/state" --timeout "${push_timeout:-60}" "$@"
}
sha() { # FILE
    sha256sum < "$1" | cut -d ' ' -f 1
}
document() { # NAME: a new document, and what a server calls it
    head -c 20000 /dev/urandom > "$tmp/$1"
    key=$(sha "$tmp/$1")
}
