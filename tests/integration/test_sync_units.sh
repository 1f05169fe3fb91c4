#!/bin/bash
# Are the units ones that systemd takes, and does `signet setup` say what becomes of the timer? No systemd runs here.
. "${SIGNET_SOURCE:-$(dirname "$0")/../..}/tests/support/lib.sh"
. "$SIGNET_SOURCE/tests/support/namespace.sh"
needs systemd-analyze systemctl
fixtures
cd "$tmp"

mkdir units
for unit in signet-sync.service signet-sync.timer signet-sync-watch.service; do
    sed "s|^ExecStart=signet |ExecStart=$SIGNET |" "$SIGNET_SOURCE/agent/cli/$unit" > units/$unit
done
holds systemd-analyze --user --man=no verify units/*
holds test ! -s check
holds grep -q "^ExecStart=$SIGNET sync --once" units/signet-sync.service
holds grep -q "^ExecStart=$SIGNET sync --watch" units/signet-sync-watch.service
sed -i 's/^UMask=/UMasque=/' units/signet-sync.service
systemd-analyze --user --man=no verify units/* > out 2>&1 || true
says "UMasque"

# --- the timer
ca=$SIGNET_FIXTURES/ca
holds "$SIGNET" trust add --yes "$ca/root.pem" "$ca/issuing.pem" --crl "$ca/root.crl" --crl "$ca/issuing.crl"
key="pkcs11:token=Signet%20Test;id=%03"
printf '[target "archive"]\ntype = put\nurl = http://127.0.0.1:9/\n' > "$SIGNET_HOME/signet.conf"
expect 0 signet_pin setup --yes --key "$key" # which does not enable it
expect 73 signet_pin setup --yes --enable-timer --key "$key"
says "Ready"
says "systemd does not run here"
says "sync --watch"
mkdir -p "$XDG_RUNTIME_DIR/systemd"
touch "$XDG_RUNTIME_DIR/systemd/private" # as if it did
expect 73 signet_pin setup --yes --enable-timer --key "$key"
says "systemd did not take the timer"
passed
