#!/bin/bash
# Eight agents write to one bucket at the same time, some of them the same bytes: is everything of everybody there, once,
# with a receipt for each?
. "${SIGNET_SOURCE:-$(dirname "$0")/../..}/tests/support/lib.sh"
. "$SIGNET_SOURCE/tests/support/namespace.sh"
. "$SIGNET_SOURCE/tests/support/server_radosgw.sh"
needs ceph-mon radosgw
agents=8 documents=${SIGNET_DOCUMENTS:-20}
at_exit=radosgw_stop
radosgw_start
cd "$tmp"
printf '%s\n%s\n' "$S3_USER" "$S3_PASSWORD" > credentials
chmod 600 credentials
for ((i = 0; i < agents; i++)); do
    mkdir "agent-$i"
    printf '[target "bucket"]\ntype = s3\nurl = %s/shared\ncredentials = %s\n' "$S3_URL" "$tmp/credentials" \
        > "agent-$i/signet.conf"
    # Half of them have the same documents: their sizes differ from those of the others.
    holds "$SIGNET_BUILD/tests/fill_outbox" "$tmp/agent-$i" "$documents" $((1000 + (i % 2) * i)) bucket
done
radosgw_ready
holds test "$(s3_status PUT /shared)" = 200

pids=()
for ((i = 0; i < agents; i++)); do
    SIGNET_HOME=$tmp/agent-$i "$SIGNET" sync --json > "out-$i" 2> "err-$i" < /dev/null &
    pids+=($!)
done
for ((i = 0; i < agents; i++)); do
    wait "${pids[$i]}" || failed "agent $i: $(cat "out-$i" "err-$i")"
done

cat > judge.py << 'END'
import hashlib, pathlib, sqlite3, sys
bucket, agents, documents = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
wanted, stored_by = set(), {}
for agent in range(agents):
    db = sqlite3.connect(f"agent-{agent}/store.db")
    rows = db.execute("SELECT r.sha256, r.url, r.was_there FROM receipt AS r").fetchall()
    assert len(rows) == documents, f"agent {agent} has {len(rows)} receipts"
    for sha256, url, was_there in rows:
        wanted.add(sha256)
        assert url.endswith("/" + sha256)
print(*sorted(wanted), sep="\n")
END
/usr/bin/python3 judge.py shared $agents "$documents" > wanted || failed "receipts"
holds test "$(wc -l < wanted)" = $((documents * 5)) # the four with even numbers share theirs
while read -r digest; do
    [ "$(s3_status GET "/shared/$digest")" = 200 ] || failed "$digest is not there"
    [ "$(sha256sum < s3.body)" = "$digest  -" ] || failed "$digest is not whole"
    checks=$((checks + 1))
done < wanted
for ((i = 0; i < agents; i++)); do
    SIGNET_HOME=$tmp/agent-$i expect 0 "$SIGNET" sync --json
    json done=0 waiting=[]
done
passed
