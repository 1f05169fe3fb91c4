#!/bin/bash
# Does import-system take what the machine trusts for signatures, on request, with the machine's limits, and nothing
# that it distrusts? The machine's trust is a folder of the test's, in a mount namespace.
. "${SIGNET_SOURCE:-$(dirname "$0")/../..}/tests/support/lib.sh"
# shellcheck source=tests/support/nss.sh
. "$SIGNET_SOURCE/tests/support/namespace.sh"
module=$(find /usr/lib* -name p11-kit-trust.so -print -quit)
needs "${module:-p11-kit-trust.so}"
export SIGNET_HOME=$tmp/home P11_KIT_NO_USER_CONFIG=1
unset SIGNET_MODULE
mkdir -m 700 "$SIGNET_HOME"
mkdir -p "$tmp/trust/anchors" "$tmp/trust/blocklist" "$tmp/modules"
cd "$tmp"

make_cert() { # NAME CA
    openssl req -x509 -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1.key" -days 30 -subj "/CN=$1" \
        -addext "basicConstraints=critical,CA:$2" -addext "keyUsage=critical,keyCertSign,cRLSign" -out "$1.pem" 2> /dev/null
}
for ca in plain mail stamps server distrusted blocked ended limited own; do
    make_cert $ca TRUE
done
make_cert leaf FALSE
sha256() { # NAME
    openssl x509 -in "$1.pem" -noout -fingerprint -sha256 | cut -d= -f2 | tr -d : | tr A-F a-f
}
cp plain.pem leaf.pem own.pem trust/anchors
openssl x509 -in mail.pem -trustout -addtrust emailProtection -out trust/anchors/mail.pem
openssl x509 -in stamps.pem -trustout -addtrust timeStamping -out trust/anchors/stamps.pem
openssl x509 -in server.pem -trustout -addtrust serverAuth -out trust/anchors/server.pem
cp blocked.pem trust/anchors
cp blocked.pem trust/blocklist
object() { # NAME LINE...: as p11-kit writes what it holds
    local name=$1
    shift
    printf '%s\n' '[p11-kit-object-v1]' 'class: certificate' "$@"
    cat "$name.pem"
}
object distrusted 'x-distrusted: true' > trust/distrusted.p11-kit
object ended 'trusted: true' 'nss-email-distrust-after: "300101000000Z"' > trust/ended.p11-kit
{
    object limited 'trusted: true'
    printf '%s\n' '[p11-kit-object-v1]' 'class: x-certificate-extension' 'object-id: 2.5.29.30' \
        'value: "0%1f%06%03U%1d%1e%01%01%ff%04%150%13%a0%110%0f%81%0dexample.com.x"'
    openssl x509 -in limited.pem -noout -pubkey
} > trust/limited.p11-kit
cat > modules/trust.module <<CONF
module: $module
trust-policy: yes
x-init-reserved: paths='$tmp/trust'
CONF
for place in /usr/share/p11-kit/modules /etc/pkcs11/modules; do
    [ ! -d "$place" ] || mount --bind modules "$place"
done

trusted() { # NAME...: exactly these
    local name
    "$SIGNET" trust list --json | jq -r .sha256 | sort > listed
    for name; do sha256 "$name"; done | sort > wanted
    holds diff listed wanted
}

# Nobody asked, nobody is asked, or another is meant.
expect 77 "$SIGNET" trust import-system
says "[not-confirmed]"
expect 64 "$SIGNET" trust import-system --sha256 abc
expect 64 "$SIGNET" trust import-system --yes --purpose everything
expect 0 "$SIGNET" trust import-system --sha256 "$(sha256 leaf)"
says "nothing to be added"
trusted

# One that is named; and none that the machine distrusts, whoever names it.
expect 0 "$SIGNET" trust import-system --sha256 "$(sha256 plain)" --json
json 'action="added"' 'source="system"' 'purposes=["sign", "timestamp"]' 'limits=null'
for no in distrusted blocked server limited; do
    expect 0 "$SIGNET" trust import-system --sha256 "$(sha256 $no)"
    says "Not taken: CN=$no"
done
trusted plain

# All: by the machine's purposes and dates, and what is trusted already stays as it is.
expect 0 "$SIGNET" trust add own.pem --yes --permit email:example.com
expect 0 "$SIGNET" trust import-system --yes --json
trusted plain own mail stamps ended
of() { # NAME FILTER
    "$SIGNET" trust list --json | jq -c "select(.sha256 == \"$(sha256 "$1")\") | $2"
}
holds test "$(of mail .purposes)" = '["sign"]'
holds test "$(of stamps .purposes)" = '["timestamp"]'
holds test "$(of ended .limits.not_after)" = '"2030-01-01T00:00:00Z"'
holds test "$(of own .source)" = "\"file own.pem\""
holds test "$(of own .limits.permit)" = '["email:example.com"]'
expect 0 "$SIGNET" trust import-system --yes
says "nothing to be added"

# Who is asked is shown what each is to be trusted for, and until when.
answered() { # ANSWER EXIT ARGUMENT...: asked about mail and ended
    local answer=$1 status=$2
    shift 2
    for ca in mail ended; do
        expect 0 "$SIGNET" trust remove "$(sha256 $ca)"
    done
    expect "$status" /usr/bin/python3 "$SIGNET_SOURCE/tests/support/terminal.py" "see Do you trust these 2" \
        "type $answer" -- "$SIGNET" trust import-system "$@"
    grep -A2 -F CN=mail "$tmp/out" > shown
    holds grep -qx $'  to be trusted for signatures\r' shown
    grep -A3 -F CN=ended "$tmp/out" > shown
    holds grep -qx $'  to be trusted for signatures and time-stamps\r' shown
}
answered yes 0
holds grep -qx $'  limited to not-after 2030-01-01T00:00:00Z\r' shown
trusted plain own mail stamps ended
answered no 77 --permit dns:example.com
holds grep -qx $'  limited to permit dns:example.com;not-after 2030-01-01T00:00:00Z\r' shown
trusted plain own stamps
expect 0 "$SIGNET" trust import-system --yes

# Limits of the person's: as of trust add, but never beyond the machine's.
for ca in mail ended; do
    expect 0 "$SIGNET" trust remove "$(sha256 $ca)"
done
expect 64 "$SIGNET" trust import-system --sha256 "$(sha256 ended)" --not-after 2031-01-01
says "no longer than"
expect 0 "$SIGNET" trust import-system --sha256 "$(sha256 ended)" --not-after 2029-01-01
holds test "$(of ended .limits.not_after)" = '"2029-01-01T00:00:00Z"'
expect 0 "$SIGNET" trust import-system --sha256 "$(sha256 mail)" --purpose timestamp
says "not trust it for this purpose"
expect 0 "$SIGNET" trust import-system --sha256 "$(sha256 mail)" --permit dns:example.com --purpose sign
holds test "$(of mail .limits.permit)" = '["dns:example.com"]'

# No source of trust policy.
sed -i 's/trust-policy: yes/trust-policy: no/' modules/trust.module
expect 69 "$SIGNET" trust import-system --yes
says "[no-module]"

passed
