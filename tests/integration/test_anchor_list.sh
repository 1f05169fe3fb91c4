#!/bin/bash
# Is the signed list of anchors applied whole or not at all, only from who is pinned, and never an older one?
. "${SIGNET_SOURCE:-$(dirname "$0")/../..}/tests/support/lib.sh"
export SIGNET_HOME=$tmp/home
mkdir -m 700 "$SIGNET_HOME"
cd "$tmp"

make_cert() { # NAME CA USAGE
    openssl req -x509 -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1.key" -days 30 -subj "/CN=$1" \
        -addext "basicConstraints=critical,CA:$2" -addext "keyUsage=critical,$3" -out "$1.pem" 2> /dev/null
}
for ca in first second own; do
    make_cert $ca TRUE keyCertSign,cRLSign
done
for officer in officer successor; do
    make_cert $officer FALSE nonRepudiation
done
sha256() { # NAME
    openssl x509 -in "$1.pem" -noout -fingerprint -sha256 | cut -d= -f2 | tr -d : | tr A-F a-f
}

list() { # OUT SIGNER NUMBER MORE ANCHOR...
    local out=$1 signer=$2 number=$3 more=$4 anchors='' anchor
    shift 4
    for anchor; do
        anchors+=${anchors:+, }"{\"certificate\": \"$(openssl x509 -in "$anchor.pem" -outform DER | base64 -w0)\", \"purposes\": [\"sign\"]}"
    done
    printf '{"schema": "signet.anchors/1", "number": %s, "anchors": [%s]%s}' "$number" "$anchors" "$more" > list.json
    openssl cms -sign -cades -binary -nodetach -in list.json -signer "$signer.pem" -inkey "$signer.key" -md sha256 \
        -outform DER -out "$out"
}

trusted() { # NAME...: exactly these
    local name
    "$SIGNET" trust list --json | jq -r .sha256 | sort > listed
    for name; do sha256 "$name"; done | sort > wanted
    holds diff listed wanted
}

expect 0 "$SIGNET" trust add own.pem --yes
list one.p7m officer 3 '' first second
holds /usr/bin/python3 -c 'import json, jsonschema, sys
jsonschema.validate(json.load(open(sys.argv[1])), json.load(open(sys.argv[2])))' list.json \
    "$SIGNET_SOURCE/docs/schema/signet.anchors.1.json"

# Nobody is pinned; then somebody else; then the bytes are others; then it is something else.
expect 78 "$SIGNET" trust add --list one.p7m
says "list-signer"
printf '[trust]\nlist-signer = %s\n' "$(sha256 successor)" > "$SIGNET_HOME/signet.conf"
expect 77 "$SIGNET" trust add --list one.p7m
says "is signed by"
printf '[trust]\nlist-signer = %s\n' "$(sha256 officer)" > "$SIGNET_HOME/signet.conf"
sed 's/"number": 3/"number": 9/' one.p7m > changed.p7m
expect 65 "$SIGNET" trust add --list changed.p7m
says "is not good"
expect 65 "$SIGNET" trust add --list first.pem
expect 64 "$SIGNET" trust add --list one.p7m first.pem
for bad in '"number": 0' '"number": "3"' '"more": 1, "number": 3'; do
    sed "s/\"number\": 3/$bad/" list.json > bad.json
    openssl cms -sign -cades -binary -nodetach -in bad.json -signer officer.pem -inkey officer.key -md sha256 \
        -outform DER -out bad.p7m
    expect 65 "$SIGNET" trust add --list bad.p7m
    says "signet.anchors/1"
done
list leaf.p7m officer 3 '' first officer # not a CA: none of it is taken
expect 65 "$SIGNET" trust add --list leaf.p7m
trusted own

expect 0 "$SIGNET" trust add --list one.p7m
says "number 3 is in force"
trusted own first second
expect 0 "$SIGNET" trust list
says "from list 3"

# The same number again, and an older one.
list older.p7m officer 2 '' first
for file in one.p7m older.p7m; do
    expect 77 "$SIGNET" trust add --list $file
    says "number 3 is in force"
done
trusted own first second

# What is no longer in it goes; what a person took over stays; the next signer takes the place of the one before.
expect 0 "$SIGNET" trust add second.pem --yes
list two.p7m officer 4 ", \"next_signer\": \"$(sha256 successor)\""
expect 0 "$SIGNET" trust add --list two.p7m
trusted own second
list three.p7m officer 5 '' first
expect 77 "$SIGNET" trust add --list three.p7m
list three.p7m successor 5 '' first
expect 0 "$SIGNET" trust add --list three.p7m
trusted own second first
passed
