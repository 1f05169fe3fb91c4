#!/bin/bash
# Eight agents, each with a store of its own, sign and sync into one bucket at the same time, all of them some of the
# same files: is every version there once, byte for byte, and nothing else, and has each agent its receipts?
. "${SIGNET_SOURCE:-$(dirname "$0")/../..}/tests/support/lib.sh"
. "$SIGNET_SOURCE/tests/support/namespace.sh"
. "$SIGNET_SOURCE/tests/support/server_radosgw.sh"
needs radosgw
at_exit=radosgw_stop
radosgw_start
cd "$tmp"
agents=8 rounds=3
key="pkcs11:token=Signet%20Test;id=%03"

printf '%s\n%s\n' "$S3_USER" "$S3_PASSWORD" > credentials
chmod 600 credentials
cat > conf << EOC
[target "archive"]
type = s3
url = $S3_URL/archive/2026
credentials = $tmp/credentials
EOC
for ((round = 1; round <= rounds; round++)); do
    head -c 50000 /dev/urandom > "common$round"
done
for ((i = 1; i <= agents; i++)); do
    mkdir -m 700 -p "agent$i/home" "agent$i/files" "agent$i/run"
    cp conf "agent$i/home/signet.conf"
done

agent() { # NUMBER: everything that one of them does, with a token of its own
    local round tmp=$tmp/agent$1 common=$tmp
    export XDG_RUNTIME_DIR=$tmp/run
    fixtures
    export SIGNET_HOME=$tmp/home
    cd "$tmp/files"
    for ((round = 1; round <= rounds; round++)); do
        cp "$common/common$round" .
        echo "agent $1, round $round" > "own$round"
        signet_pin sign --key "$key" "common$round" "own$round" || return
        "$SIGNET" sync || return
    done
}
sql() { # AGENT QUERY
    /usr/bin/python3 -c '
import sqlite3, sys
for row in sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True).execute(sys.argv[2]):
    print(*row)' "$tmp/agent$1/home/store.db" "$2"
}

radosgw_ready
holds test "$(s3_status PUT /archive)" = 200

# A bucket with versions, where this server does not look at conditions: files with the same bytes are one version all
# the same, as long as one agent stores them.
holds test "$(s3_status PUT /versions)" = 200
printf '<VersioningConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Status>Enabled</Status>%s' \
    '</VersioningConfiguration>' > versioning
s3_put "/versions?versioning=" versioning > check
(
    fixtures
    sed "s/archive.2026/versions/" conf > "$SIGNET_HOME/signet.conf"
    for i in {1..12}; do
        echo "All the same." > same$i
    done
    expect 0 signet_pin sign --key "$key" same*
    expect 0 "$SIGNET" sync --json
    json done=24 failed=0
)
s3 GET "/versions?versions=" > versions
holds test "$(grep -o "<Key>$(sha256sum < same1 | cut -d ' ' -f 1)</Key>" versions | wc -l)" = 1

pids=()
for ((i = 1; i <= agents; i++)); do
    (agent "$i") > "agent$i/said" 2>&1 &
    pids+=($!)
done
for ((i = 1; i <= agents; i++)); do
    wait "${pids[i - 1]}" || failed "agent $i: $(tail -n 3 "agent$i/said")"
done

# The bucket holds what there is in their folders, and what they say of their ledgers, each as its name says.
sha256sum agent*/files/* | cut -c1-64 | sort -u > expected
holds test "$(wc -l < expected)" = $((rounds + 3 * rounds * agents))
s3_keys archive | sed 's,^2026/,,' | sort > there
holds test -z "$(comm -23 expected there)"
while read -r sha256; do
    s3 GET "/archive/2026/$sha256" > object
    [ "$(sha256sum < object | cut -c1-64)" = "$sha256" ] || failed "not as its name says: $sha256"
    grep -qx "$sha256" expected || grep -q '^{"schema":"signet.ledger-head/1"' object || failed "nobody's: $sha256"
done < there

# Each has the receipts of all that it sent; what all of them sent was stored once.
stored=0
for ((i = 1; i <= agents; i++)); do
    holds test "$(sql "$i" "SELECT count(*) FROM receipt WHERE compared >= stored AND etag <> ''")" = $((4 * rounds))
    stored=$((stored + $(sql "$i" "SELECT count(*) FROM receipt WHERE was_there = 0")))
    SIGNET_HOME=$tmp/agent$i/home expect 0 "$SIGNET" sync
    says "Nothing was to be done."
    SIGNET_HOME=$tmp/agent$i/home expect 0 "$SIGNET" log --check
done
holds test "$stored" = "$(wc -l < expected)"

# A large copy, which is sent in parts and compared on the way, was damaged before: it comes to no object, and the next
# attempt makes it again from the user's file.
damaged() {
    local sha256 tmp=$tmp/agent1
    export XDG_RUNTIME_DIR=$tmp/run
    fixtures
    export SIGNET_HOME=$tmp/home
    head -c 20000000 /dev/urandom > large
    sha256=$(sha256sum < large | cut -c1-64)
    signet_pin sign --key "$key" large
    tamper "$SIGNET_HOME/blobs/$sha256" x 17000000
    cp x "$SIGNET_HOME/blobs/$sha256"
    expect 74 "$SIGNET" sync
    says "[store-damaged]"
    holds test "$(s3_status HEAD "/archive/2026/$sha256")" = 404
    holds test -z "$(s3 GET "/archive?uploads=" | grep -o '<UploadId>')"
    expect 0 "$SIGNET" outbox retry
    expect 0 "$SIGNET" sync
    s3 GET "/archive/2026/$sha256" > object
    holds cmp object large
}
damaged
passed
