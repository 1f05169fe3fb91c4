#!/bin/bash
# Does the officer's /etc/signet/policy.conf bound everything, and is the system's signet.conf read where it should be?
# Needs a mount namespace, with an /etc of its own laid over the machine's.
. "${SIGNET_SOURCE:-$(dirname "$0")/../..}/tests/support/lib.sh"
fixtures
cd "$tmp"
mkdir upper scratch
apart() { # COMMAND...: with the files of upper/ in /etc
    unshare -rm bash -c 'mount -t overlay overlay -o "lowerdir=/etc,upperdir=$0/upper,workdir=$0/scratch" /etc && exec "$@"' \
        "$tmp" "$@"
}
apart true 2> /dev/null || skip "no mount namespace with an overlay is allowed here"

ca=$SIGNET_FIXTURES/ca odd="pkcs11:token=Signet%20Odd"
policy() { # LINE...
    mkdir -p upper/signet
    printf '[policy]\n' > upper/signet/policy.conf
    printf '%s\n' "$@" >> upper/signet/policy.conf
}
echo text > a.txt
# shellcheck disable=SC2016
sign=('"$0" sign --yes --pin-fd 9 "$@" 9< "$SOFTHSM_PIN_FILE"')

# Custody: a key that was imported signs with a warning, and not under `strict`, whatever the user's file allows.
expect 0 apart bash -c "${sign[0]}" "$SIGNET" --key "$odd;id=%0a" --output held.p7s a.txt
policy 'custody = strict'
expect 77 apart bash -c "${sign[0]}" "$SIGNET" --json --key "$odd;id=%0a" --output strict.p7s a.txt
json 'error.code="policy"'
spki=$(openssl x509 -in "$SIGNET_FIXTURES/certs/extractable.pem" -noout -pubkey | openssl pkey -pubin -outform DER | sha256sum | cut -c1-64)
printf '[token]\nallow-key = %s\n' "$spki" > "$SIGNET_HOME/signet.conf"
rejects apart bash -c "${sign[0]}" "$SIGNET" --key "$odd;id=%09" --output strict.p7s a.txt
policy 'custody = held'
expect 0 apart bash -c "${sign[0]}" "$SIGNET" --json --key "$odd;id=%09" --output allowed.p7s a.txt
json 'custody="allowed"'
holds test ! -e strict.p7s

# Revocation: what is weaker than the policy is refused, not silently raised.
policy 'min-revocation = hard'
expect 77 apart "$SIGNET" verify --json --revocation soft --anchor "$ca/root.pem" --content a.txt held.p7s
json 'error.code="policy"'
expect 2 apart "$SIGNET" verify --anchor "$ca/root.pem" --content a.txt held.p7s
rm upper/signet/policy.conf
expect 0 apart "$SIGNET" verify --revocation soft --anchor "$ca/root.pem" --content a.txt held.p7s

# The clock: under `strict` nothing is signed on a day that is before what is known to have happened.
policy 'clock = strict'
expect 77 apart env ASAN_OPTIONS="${ASAN_OPTIONS:-}:verify_asan_link_order=0" faketime -f "2001-01-01 00:00:00" bash -c "${sign[0]}" "$SIGNET" --json --allow-not-yet-valid \
    --key "$odd;id=%0a" --output early.p7s a.txt
json 'error.code="clock-wrong"'
holds test ! -e early.p7s

# A mistake in it stops everything, and names it.
policy 'custody = lenient'
expect 78 apart "$SIGNET" config check
says "/etc/signet/policy.conf:2"
printf '[sign]\nkey = x\n' > upper/signet/policy.conf
expect 78 apart "$SIGNET" config check
rm upper/signet/policy.conf

# The system's signet.conf: read, but not where SIGNET_HOME has put everything in one folder.
printf '[verify]\nrevocation = soft\n' > upper/signet/signet.conf
rm "$SIGNET_HOME/signet.conf"
expect 0 apart "$SIGNET" config show --origin
says "revocation = hard"
mkdir xdg
expect 0 apart env -u SIGNET_HOME XDG_CONFIG_HOME="$tmp/xdg" "$SIGNET" config show --origin
says "revocation = soft    ; system, /etc/signet/signet.conf:2"

passed
