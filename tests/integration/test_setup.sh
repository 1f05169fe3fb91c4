#!/bin/bash
# Does `signet setup` end with a machine that signs, or say what is wanting, and does a profile set only what it may?
. "${SIGNET_SOURCE:-$(dirname "$0")/../..}/tests/support/lib.sh"
fixtures
cd "$tmp"
ca=$SIGNET_FIXTURES/ca conf=$SIGNET_HOME/signet.conf
key="pkcs11:token=Signet%20Test;id=%03"

fresh() {
    rm -rf "$SIGNET_HOME"
    mkdir "$SIGNET_HOME"
}

sha256() { # CERTIFICATE
    openssl x509 -in "$1" -outform DER | sha256sum | cut -c1-64
}

softhsm_tool() {
    pkcs11-tool --module "$SIGNET_MODULE" --token-label "Signet Test" --login --pin "$(cat "$SOFTHSM_PIN_FILE")" "$@"
}

# What a failure must leave as it was.
state() {
    "$SIGNET" trust list --json
    [ ! -e "$conf" ] || cat "$conf"
}

keep_in_mind() {
    before=$(state)
}

unchanged() {
    [ "$(state)" = "$before" ] || failed "a failure left something changed"
    checks=$((checks + 1))
}

# --- no way to an anchor: said before a PIN is asked for, and nothing is written
holds softhsm_tool --delete-object --type cert --id f0
keep_in_mind
expect 77 "$SIGNET" setup --key "$key"
says "trust add"
says "[not-trusted]"
unchanged
holds test ! -e "$conf"

# --- with anchors: ready, and until when; no revocation data is said and does not fail it
holds "$SIGNET" trust add --yes "$ca/root.pem" "$ca/issuing.pem"
printf '; mine\n[sign]\nconfirm = never ; really\n\n[verify]\nrevocation = soft\n' > "$conf"
expect 0 signet_pin setup --key "$key"
says "Ready"
says "CN=Signer p256"
says "[revocation-missing]"
holds grep -q '^; mine$' "$conf"
holds grep -q '^confirm = never ; really$' "$conf"
holds grep -q '^revocation = soft$' "$conf"
holds grep -q '^key = pkcs11:.*id=%03' "$conf"
holds test "$(grep -c '^key = ' "$conf")" = 1
expect 0 signet_pin setup --json --key "pkcs11:token=Signet%20Test;id=%01"
json warnings.0.code='"revocation-missing"' anchors_added='[]' signer.sha256="\"$(sha256 "$SIGNET_FIXTURES/certs/rsa2048.pem")\""
holds grep -q '^key = pkcs11:.*id=%01' "$conf"
holds test "$(grep -c '^key = ' "$conf")" = 1
echo text > a.txt
expect 0 signet_pin sign a.txt
says "CN=Signer rsa2048"

# --- a key that signet.conf names and that is gone is chosen anew; one that was asked for is not
gone="pkcs11:token=Signet%20Test;id=%7F"
sed -i "s/^key = .*/key = $gone/" "$conf"
expect 69 signet_pin sign --force a.txt
keep_in_mind
expect 69 signet_pin setup --key "$gone"
says "[no-key]"
unchanged
expect 0 signet_pin setup
says "The key that $conf:"
says "$gone"
holds grep -q '^key = pkcs11:.*id=%01' "$conf"
sed -i "s/^key = .*/key = pkcs11:token=None;id=%01/" "$conf"
expect 0 signet_pin setup --json
json warnings.0.code='"no-key"' warnings.1.code='"revocation-missing"'

# --- with CRLs there is nothing left to say; a revoked certificate is not ready
holds "$SIGNET" trust add --crl "$ca/root.crl" --crl "$ca/issuing.crl"
expect 0 signet_pin setup --json
json warnings='[]'
expect 77 signet_pin setup --key "pkcs11:token=Signet%20Odd;id=%06"
says "[not-trusted]"
holds grep -q '^key = pkcs11:.*id=%01' "$conf"
expect 77 signet_pin setup --key "pkcs11:token=Signet%20Odd;id=%01"
says "[certificate-expired]"

# --- --verbose: what was found and used, on stderr alone, and no PIN
on_stderr() { # TEXT
    holds grep -qF -- "$1" "$tmp/err"
    rejects grep -qF -- "$1" "$tmp/out"
}
expect 0 signet_pin sign --verbose --force a.txt
on_stderr "Configuration read: $conf"
on_stderr "Module $(realpath "$SIGNET_MODULE"), made by SoftHSM"
on_stderr "Token Signet Test (serial"
on_stderr ", named by $conf:"
rejects grep -qF -- "$(cat "$SOFTHSM_PIN_FILE")" "$tmp/out" "$tmp/err"
expect 0 signet_pin sign --verbose --json --force --key "pkcs11:token=Signet%20Test;id=%03" a.txt
json signer.subject='"CN=Signer p256,O=Signet Test"'
on_stderr "id=%03;type=private, named by --key"
expect 0 "$SIGNET" verify --verbose a.txt
on_stderr "Judged with 2 anchors and 2 revocation lists"
on_stderr "Revocation list used: CN=Signet Test Issuing CA"
rejects grep -q "Signet Test Root CA" "$tmp/err"
expect 0 "$SIGNET" verify --verbose --json a.txt
json file='"a.txt.p7s"'
on_stderr "Judged with"
expect 0 "$SIGNET" verify a.txt
holds test ! -s "$tmp/err"

# --- the issuer that the token carries is offered, and has to be compared
fresh
for name in issuing root; do
    openssl x509 -in "$ca/$name.pem" -outform DER -out "$name.der"
    holds softhsm_tool --write-object "$name.der" --type cert --id "a${#name}" --label "$name"
done
expect 77 signet_pin setup --key "$key"
says "$(sha256 "$ca/root.pem")"
says "[not-confirmed]"
holds test ! -e "$conf"
# Compared, but the PIN is not given, wrong, or the configuration cannot be written: nothing is trusted yet.
keep_in_mind
expect 77 "$SIGNET" setup --key "$key" --yes
says "[pin-required]"
unchanged
expect 77 "$SIGNET" setup --key "$key" --yes --pin-fd 9 9< <(printf 0000)
says "[pin-incorrect]"
unchanged
clear_interlock "pkcs11:token=Signet%20Test"
elsewhere=(env -u SIGNET_HOME XDG_CONFIG_HOME=/proc XDG_STATE_HOME="$tmp/state") # where no folder can be made
expect 73 "${elsewhere[@]}" "$SIGNET" setup --key "$key" --yes --pin-fd 9 9< "$SOFTHSM_PIN_FILE"
expect 0 "${elsewhere[@]}" "$SIGNET" trust list --json
holds test ! -s "$tmp/out"
expect 77 signet_pin setup --key "$key"
says "[not-confirmed]"
expect 0 signet_pin setup --key "$key" --yes --json
json anchors_added.0.sha256="\"$(sha256 "$ca/root.pem")\"" profile_signer=null
expect 0 "$SIGNET" trust list
says "Signet Test Root CA"

# --- an officer's profile, signed by somebody whose chain is not known yet
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout officer.key -out officer.pem -subj "/CN=Officer" \
    -addext keyUsage=critical,digitalSignature,nonRepudiation -addext basicConstraints=critical,CA:FALSE -days 30 2> /dev/null
profile() { # JSON: makes profile.p7m
    printf '%s' "$1" > profile.json
    openssl cms -sign -cades -binary -nodetach -in profile.json -signer officer.pem -inkey officer.key -outform DER -out profile.p7m
}
anchor() { # CERTIFICATE PURPOSE
    printf '{"certificate": "%s", "purposes": ["%s"]}' "$(openssl x509 -in "$1" -outform DER | base64 -w0)" "$2"
}
anchors="[$(anchor "$ca/root.pem" sign), $(anchor "$ca/issuing.pem" sign)]"

fresh
profile '{"schema": "signet.profile/1", "config": {"sign": {"confirm": "never"}, "verify": {"revocation": "soft", "stale": "3d"}}, "anchors": '"$anchors}"
expect 77 signet_pin setup --profile profile.p7m --key "$key"
says "$(sha256 officer.pem)"
says "[sign] confirm = \"never\""
says "$(sha256 "$ca/root.pem")"
says "CN=Signet Test Root CA"
says "[not-confirmed]"
holds test ! -e "$conf"
keep_in_mind
expect 77 "$SIGNET" setup --profile profile.p7m --key "$key" --yes
says "[pin-required]"
unchanged
expect 77 "$SIGNET" setup --profile profile.p7m --key "$key" --yes --pin-fd 9 9< <(printf 0000)
says "[pin-incorrect]"
clear_interlock "pkcs11:token=Signet%20Test"
unchanged
# A trial that fails, with what is known to be revoked and an anchor that is not written yet.
holds "$SIGNET" trust add --yes "$ca/root.pem" --crl "$ca/root.crl"
holds "$SIGNET" trust remove "$(sha256 "$ca/root.pem")"
keep_in_mind
expect 77 signet_pin setup --profile profile.p7m --key "pkcs11:token=Signet%20Odd;id=%06" --yes
says "[not-trusted]"
unchanged
fresh
expect 0 signet_pin setup --profile profile.p7m --key "$key" --yes --json
json profile_signer="\"$(sha256 officer.pem)\"" anchors_added.0.sha256="\"$(sha256 "$ca/root.pem")\""
holds grep -qx 'confirm = never' "$conf"
holds grep -qx 'stale = 3d' "$conf"
holds grep -q '^key = pkcs11:.*id=%03' "$conf"
expect 0 "$SIGNET" config check

# As with `trust add`, what is no CA's is no anchor.
fresh
profile '{"schema": "signet.profile/1", "config": {}, "anchors": ['"$(anchor "$ca/root.pem" sign), $(anchor officer.pem sign)]}"
keep_in_mind
expect 65 signet_pin setup --profile profile.p7m --key "$key" --yes
says "not that of a CA"
unchanged

# What the profile configures is in force for the trial: the module that it names, in place of the one in signet.conf.
fresh
module=$(realpath "$SIGNET_MODULE")
printf '[token]\nmodules = /none/module.so\n' > "$conf"
profile '{"schema": "signet.profile/1", "config": {"token": {"modules": ["'"$module"'"]}}, "anchors": '"$anchors}"
keep_in_mind
expect 77 env -u SIGNET_MODULE "$SIGNET" setup --profile profile.p7m --key "$key" --yes
says "[pin-required]"
unchanged
expect 0 env -u SIGNET_MODULE "$SIGNET" setup --profile profile.p7m --key "$key" --yes --pin-fd 9 9< "$SOFTHSM_PIN_FILE"
holds grep -qx "modules = $module" "$conf"
rejects grep -q /none "$conf"

# A profile without an anchor that fits: what the token has is offered, and what it has not is named before the PIN.
fresh
profile '{"schema": "signet.profile/1", "config": {}, "anchors": []}'
expect 77 "$SIGNET" setup --profile profile.p7m --key "$key"
says "sets nothing"
expect 0 signet_pin setup --profile profile.p7m --key "$key" --yes --json
json anchors_added.0.sha256="\"$(sha256 "$ca/root.pem")\"" profile_signer="\"$(sha256 officer.pem)\""
fresh
for name in issuing root; do
    holds softhsm_tool --delete-object --type cert --id "a${#name}"
done
profile '{"schema": "signet.profile/1", "config": {"sign": {"confirm": "never"}}, "anchors": ['"$(anchor "$ca/root.pem" timestamp), $(anchor "$ca/issuing.pem" timestamp)]}"
keep_in_mind
expect 77 "$SIGNET" setup --profile profile.p7m --key "$key" --yes
says "CN=Signet Test Issuing CA"
says "[not-trusted]"
unchanged

# Anchors that are limited to names that the key's certificate has not, and their twins; nothing else would be found
# on the day of the first document.
limited() { # LIMITS
    profile '{"schema": "signet.profile/1", "config": {}, "anchors": ['"$(anchor "$ca/issuing.pem" sign | sed "s/}$/, \"limits\": $1}/")]}"
}
limited '{"exclude": ["dir:O=Signet Test"]}'
keep_in_mind
expect 77 signet_pin setup --profile profile.p7m --key "$key" --yes
says "exclude dir:O=Signet Test"
says "[not-trusted]"
unchanged
fresh
limited '{"exclude": ["dir:O=Another"]}'
expect 0 signet_pin setup --profile profile.p7m --key "$key" --yes
expect 0 "$SIGNET" trust list
says "limited to exclude dir:O=Another"

refused() { # CODE WORD JSON
    fresh
    profile "$3"
    expect "$1" signet_pin setup --profile profile.p7m --key "$key" --yes
    says "[$2]"
    holds test ! -e "$conf"
    expect 0 "$SIGNET" trust list
    cp "$tmp/out" "$tmp/said"
    rejects grep -q "Root CA" "$tmp/said"
}
refused 77 policy '{"schema": "signet.profile/1", "config": {"policy": {"custody": "held"}}, "anchors": '"$anchors}"
refused 78 config '{"schema": "signet.profile/1", "config": {"sign": {"confirm": "perhaps"}}, "anchors": '"$anchors}"
refused 78 config '{"schema": "signet.profile/1", "config": {"nonsense": {"a": "b"}}, "anchors": '"$anchors}"
refused 78 config '{"schema": "signet.profile/1", "config": {"sign": {"key": "x\nconfirm = never"}}, "anchors": '"$anchors}"
refused 65 malformed '{"schema": "signet.profile/1", "config": {"sign": {"confirm": ["never", "always"]}}, "anchors": '"$anchors}"
refused 65 malformed '{"schema": "signet.profile/2", "config": {}, "anchors": []}'
refused 65 malformed '{"schema": "signet.profile/1", "config": {}, "anchors": [], "more": 1}'
refused 65 malformed '{"schema": "signet.profile/1", "config": {}, "config": {}, "anchors": []}'
refused 65 malformed '{"schema": "signet.profile/1", "config": {}, "anchors": [{"certificate": "AAAA", "purposes": ["sign"]}]}'
refused 65 malformed "{\"schema\": \"signet.profile/1\", \"config\": {}, \"anchors\": [$(anchor "$ca/root.pem" everything)]}"
refused 65 malformed 'not JSON'

# A profile that was changed after it was signed, one without its content, one that is none.
profile '{"schema": "signet.profile/1", "config": {"sign": {"confirm": "never"}}, "anchors": []}'
at=$(grep -abo never profile.p7m | cut -d: -f1)
tamper profile.p7m changed.p7m "$at"
expect 65 signet_pin setup --profile changed.p7m --yes
openssl cms -sign -cades -binary -in profile.json -signer officer.pem -inkey officer.key -outform DER -out detached.p7m
expect 65 signet_pin setup --profile detached.p7m --yes
expect 65 signet_pin setup --profile profile.json --yes
expect 66 signet_pin setup --profile none.p7m --yes

passed
