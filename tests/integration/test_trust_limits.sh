#!/bin/bash
# Does an anchor with limits vouch for what is within them, and for nothing else?
. "${SIGNET_SOURCE:-$(dirname "$0")/../..}/tests/support/lib.sh"
export SIGNET_HOME=$tmp/home
mkdir -m 700 "$SIGNET_HOME"
cd "$tmp"

openssl req -x509 -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout root.key -days 400 -subj "/O=Example/CN=Root" \
    -addext "basicConstraints=critical,CA:TRUE" -addext "keyUsage=critical,keyCertSign,cRLSign" -out root.pem 2> /dev/null
cat > leaf.cnf <<'CONFIG'
[leaf]
basicConstraints = critical,CA:FALSE
keyUsage = critical,nonRepudiation
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = email:ada@mail.example.com
certificatePolicies = 1.2.3.4
CONFIG
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout leaf.key -subj "/C=GB/O=Example/CN=Ada" -out leaf.csr 2> /dev/null
openssl x509 -req -in leaf.csr -CA root.pem -CAkey root.key -days 300 -extfile leaf.cnf -extensions leaf -out leaf.pem 2> /dev/null

in_days() { # DAYS
    date -u -d "$1 days" +%FT%TZ
}

judged() { # INDICATION SUB [LIMIT...]: with these options of trust add
    local indication=$1 sub=$2 status=2
    shift 2
    [ "$indication" != PASSED ] || status=0
    expect 0 "$SIGNET" trust add root.pem --yes "$@"
    expect $status "$SIGNET" cert check leaf.pem --revocation none --json "${judging[@]}"
    json "indication=\"$indication\"" "sub_indication=$sub"
}
judging=()

# Names of each kind that the certificate has; the twin of each that it has not.
judged PASSED null
judged PASSED null --permit email:.example.com
judged INDETERMINATE '"CHAIN_CONSTRAINTS_FAILURE"' --permit email:example.com
says "not among those that the anchor is trusted for"
judged PASSED null --permit email:.example.com --permit email:example.org
judged INDETERMINATE '"CHAIN_CONSTRAINTS_FAILURE"' --exclude email:ada@mail.example.com
judged PASSED null --exclude email:bob@mail.example.com
judged PASSED null --permit dir:O=Example,C=GB
judged INDETERMINATE '"CHAIN_CONSTRAINTS_FAILURE"' --permit dir:O=Another,C=GB
judged INDETERMINATE '"CHAIN_CONSTRAINTS_FAILURE"' --exclude dir:C=GB
judged PASSED null --permit dns:example.com --permit ip:192.0.2.0/24 --permit uri:example.com

# Dates, of the time that is judged.
judged PASSED null --not-before "$(in_days -1)" --not-after "$(in_days +1)"
json "reasons.0.code=\"revocation-not-asked\""
judged INDETERMINATE '"OUT_OF_BOUNDS_NO_POE"' --not-after "$(in_days -1)"
json "reasons.0.code=\"ca-expired\""
judged INDETERMINATE '"OUT_OF_BOUNDS_NO_POE"' --not-before "$(in_days +1)"
judging=(--at "$(in_days +2)")
judged PASSED null --not-before "$(in_days +1)"
judging=()

# A time-stamp from before that time is no way round it: the CA could have made the certificate since.
openssl req -x509 -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout tsaroot.key -days 400 -subj "/CN=TSA root" \
    -addext "basicConstraints=critical,CA:TRUE" -addext "keyUsage=critical,keyCertSign,cRLSign" -out tsaroot.pem 2> /dev/null
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout tsa.key -subj "/CN=TSA" -out tsa.csr 2> /dev/null
printf '%s\n' 'keyUsage = critical,digitalSignature' 'extendedKeyUsage = critical,timeStamping' \
    'subjectKeyIdentifier = hash' 'authorityKeyIdentifier = keyid' > tsa.ext
openssl x509 -req -in tsa.csr -CA tsaroot.pem -CAkey tsaroot.key -days 300 -extfile tsa.ext -out tsa.pem 2> /dev/null
cat > tsa.cnf <<'CONFIG'
[tsa]
default_tsa = it
[it]
serial = serial
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
CONFIG
echo 01 > serial
echo text > text
openssl cms -sign -cades -binary -in text -signer leaf.pem -inkey leaf.key -md sha256 -outform DER -out text.p7s
/usr/bin/python3 "$SIGNET_SOURCE/tests/support/edit_cms.py" value text.p7s value
openssl ts -query -data value -sha256 -cert -out query 2> /dev/null
openssl ts -reply -config tsa.cnf -queryfile query -signer tsa.pem -inkey tsa.key -token_out -out token 2> /dev/null
/usr/bin/python3 "$SIGNET_SOURCE/tests/support/edit_cms.py" stamp text.p7s stamped.p7s token
expect 0 "$SIGNET" trust add tsaroot.pem --yes --purpose timestamp
stamped() { # EXIT INDICATION SUB [LIMIT...]: judged two days from now
    expect 0 "$SIGNET" trust add root.pem --yes "${@:4}"
    expect "$1" "$SIGNET" verify --at "$(in_days +2)" --revocation none --json --content text stamped.p7s
    json "signatures.0.indication=\"$2\"" "signatures.0.sub_indication=$3" 'signatures.0.level="B-T"'
}
stamped 0 TOTAL-PASSED null
stamped 0 TOTAL-PASSED null --not-after "$(in_days +3)"
stamped 2 INDETERMINATE '"OUT_OF_BOUNDS_NO_POE"' --not-after "$(in_days +1)"
json 'signatures.0.reasons.0.code="ca-expired"'
stamped 2 INDETERMINATE '"OUT_OF_BOUNDS_NO_POE"' --not-before "$(in_days +3)"
expect 0 "$SIGNET" trust remove "$(openssl x509 -in tsaroot.pem -noout -fingerprint -sha256 | cut -d= -f2)"

# Policies: one of the anchor's has to be valid, and to be asked for.
judged PASSED null --policy 1.2.3.4
judged PASSED null --policy 1.2.3.5 --policy 1.2.3.4
judged INDETERMINATE '"CHAIN_CONSTRAINTS_FAILURE"' --policy 1.2.3.5
judging=(--policy 1.2.3.4)
judged PASSED null --policy 1.2.3.5 --policy 1.2.3.4
judging=(--policy 1.2.3.6)
judged INDETERMINATE '"CHAIN_CONSTRAINTS_FAILURE"' --policy 1.2.3.4
says "any of the policies asked for"
judging=()

# They are shown, and stand in the ledger; adding the anchor again replaces them; what is no limit is told.
expect 0 "$SIGNET" trust add root.pem --yes --permit email:.example.com --not-after 2100-01-01 --policy 1.2.3.4
expect 0 "$SIGNET" trust list
says "limited to not-after 2100-01-01T00:00:00Z;permit email:.example.com;policy 1.2.3.4"
expect 0 "$SIGNET" trust list --json
json 'limits={"not_after": "2100-01-01T00:00:00Z", "permit": ["email:.example.com"], "policies": ["1.2.3.4"]}'
expect 0 "$SIGNET" log --last 1
says "permit email:.example.com"
expect 0 "$SIGNET" trust add root.pem --yes --json
json 'limits=null'
for limit in "--permit example.com" "--permit dns:.example.com" "--exclude ip:192.0.2.0" "--not-after soon" "--policy all"; do
    # shellcheck disable=SC2086
    expect 64 "$SIGNET" trust add root.pem --yes $limit
    says "[usage]"
done

# Revocation data enters through an anchor within its limits alone, be it there already or about to be added.
cat > ca.cnf <<'CONFIG'
[ca]
default_ca = issuer
[issuer]
database = index.txt
default_md = sha256
CONFIG
touch index.txt
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout sub.key -subj "/O=Sub/CN=Sub" -out sub.csr 2> /dev/null
printf '%s\n' 'basicConstraints = critical,CA:TRUE' 'keyUsage = critical,keyCertSign,cRLSign' > sub.cnf
openssl x509 -req -in sub.csr -CA root.pem -CAkey root.key -days 300 -extfile sub.cnf -out sub.pem 2> /dev/null
openssl ca -config ca.cnf -cert root.pem -keyfile root.key -valid leaf.pem 2> /dev/null
for ca in root sub; do
    openssl ca -config ca.cnf -cert $ca.pem -keyfile $ca.key -gencrl -crldays 9 -out $ca.crl 2> /dev/null
done
openssl ocsp -index index.txt -CA root.pem -rsigner root.pem -rkey root.key -issuer root.pem -cert leaf.pem -ndays 9 \
    -respout leaf.ocsp > /dev/null 2>&1
enters() { # EXIT [ARGUMENT...]: of `trust add`
    local status=$1
    shift
    expect "$status" "$SIGNET" trust add "$@" --crl root.crl
    expect "$status" "$SIGNET" trust add "$@" --ocsp leaf.ocsp
}
expect 0 "$SIGNET" trust add root.pem --yes --not-after "$(in_days -1)"
enters 77
enters 0 root.pem --yes
enters 77 root.pem --yes --not-after "$(in_days -1)"
enters 0
expect 0 "$SIGNET" trust add root.pem --yes --purpose timestamp --exclude dir:O=Sub
enters 0
expect 77 "$SIGNET" trust add --crl sub.crl --intermediate sub.pem
expect 0 "$SIGNET" trust add root.pem --yes
expect 0 "$SIGNET" trust add --crl sub.crl --intermediate sub.pem

# A certificate of version 1 does not say that it is a CA's.
openssl x509 -req -in leaf.csr -signkey leaf.key -days 30 -out v1.pem 2> /dev/null
expect 65 "$SIGNET" trust add v1.pem --yes
says "basic constraints"

# In a signed list, likewise.
openssl req -x509 -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout officer.key -days 30 -subj "/CN=officer" \
    -addext "basicConstraints=critical,CA:FALSE" -addext "keyUsage=critical,nonRepudiation" -out officer.pem 2> /dev/null
printf '[trust]\nlist-signer = %s\n' "$(openssl x509 -in officer.pem -noout -fingerprint -sha256 | cut -d= -f2 | tr -d :)" > "$SIGNET_HOME/signet.conf"
list() { # NUMBER LIMITS
    printf '{"schema": "signet.anchors/1", "number": %s, "anchors": [{"certificate": "%s", "purposes": ["sign"], "limits": %s}]}' \
        "$1" "$(openssl x509 -in root.pem -outform DER | base64 -w0)" "$2" > list.json
    openssl cms -sign -cades -binary -nodetach -in list.json -signer officer.pem -inkey officer.key -md sha256 \
        -outform DER -out list.p7m
}
expect 0 "$SIGNET" trust remove "$(openssl x509 -in root.pem -noout -fingerprint -sha256 | cut -d= -f2)"
number=1
for limits in '{}' '[]' '{"permit": []}' '{"permit": "email:example.com"}' '{"permit": ["example.com"]}' '{"until": "2100-01-01"}' \
    '{"not_after": 1}' '{"policies": ["1.2", 3]}' 'null'; do
    list $number "$limits"
    expect 65 "$SIGNET" trust add --list list.p7m
done
list 1 '{"exclude": ["email:.example.com"], "not_after": "2100-01-01T00:00:00Z"}'
holds /usr/bin/python3 -c 'import json, jsonschema, sys
jsonschema.validate(json.load(open(sys.argv[1])), json.load(open(sys.argv[2])))' list.json \
    "$SIGNET_SOURCE/docs/schema/signet.anchors.1.json"
expect 0 "$SIGNET" trust add --list list.p7m
says "limited to"
expect 2 "$SIGNET" cert check leaf.pem --revocation none --purpose sign
list 2 '{"exclude": ["email:.example.org"]}'
expect 0 "$SIGNET" trust add --list list.p7m
expect 0 "$SIGNET" cert check leaf.pem --revocation none --purpose sign

passed
