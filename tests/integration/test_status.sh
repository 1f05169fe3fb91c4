#!/bin/bash
# Does `signet status` say what waits, what fails and why, in every one of its forms, and does --offline-for find what
# ends too early? Without a network, and without one word of its own about what is well.
. "${SIGNET_SOURCE:-$(dirname "$0")/../..}/tests/support/lib.sh"
fixtures
cd "$tmp"
ca=$SIGNET_FIXTURES/ca
db=$SIGNET_HOME/store.db
main="pkcs11:token=Signet%20Test;id=%01"

sql() { # SQL
    /usr/bin/python3 -c 'import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
db.executescript(sys.argv[2])' "$db" "$1"
}

# The figures as other programs read them, NAME{LABEL="VALUE"} VALUE, a line each: they are the same in OpenMetrics and in
# the older format, with no type but those of the latter, and every series has the id of the store, which is left out here.
cat > read_figures.py <<'PYTHON'
import sqlite3, sys
from prometheus_client import parser
from prometheus_client.openmetrics.parser import text_string_to_metric_families as newer
text = open("out", encoding="utf-8").read()
(store,) = sqlite3.connect(sys.argv[1]).execute("SELECT id FROM identity").fetchone()
lines = []
for families in newer(text), parser.text_string_to_metric_families(text):
    lines.append([])
    for family in families:
        if family.samples and family.type not in ("counter", "gauge", "histogram", "summary"):
            sys.exit(f"{family.name}: no type of Prometheus' text format: {family.type}")
        for sample in family.samples:
            if sample.labels.pop("store", None) != store:
                sys.exit(f"{sample.name} is not said to be of {store}")
            labels = ",".join(f'{k}="{v}"' for k, v in sorted(sample.labels.items()))
            lines[-1].append(f"{sample.name}{{{labels}}} {int(sample.value)}".replace("{}", ""))
if lines[0] != lines[1]:
    sys.exit("read in two ways, the figures are others")
print(*lines[0], sep="\n")
PYTHON
metrics() {
    expect 0 "$SIGNET" status --metrics
    /usr/bin/python3 read_figures.py "$db" > figures || failed "the figures cannot be read: $(cat out)"
    holds test "$(tail -1 out)" = "# EOF"
    rejects grep -vqE '^(# (TYPE signet_[a-z_]+ gauge$|UNIT |HELP |EOF$)|signet_[a-z_]+\{store="[0-9a-f]{32}")' out
}
figure() { # LINE
    grep -qxF -- "$1" figures || {
        cat figures >&2
        failed "no figure: $1"
    }
    checks=$((checks + 1))
}

# --- docs/deployment.md: its examples are read as they stand, and every figure that it names is one
/usr/bin/python3 - "$SIGNET_SOURCE/docs/deployment.md" <<'PYTHON'
import re, sys, textwrap
text = open(sys.argv[1], encoding="utf-8").read()
for name, block in re.findall(r"`/etc/signet/(\w+)\.conf`:\n\n *```ini\n(.*?)```", text, re.S):
    open(name + ".conf", "w").write(textwrap.dedent(block))
open("named", "w").write("\n".join(sorted(set(re.findall(r"`(signet_\w+)`", text)))) + "\n")
PYTHON
cp signet.conf "$SIGNET_HOME/signet.conf"
expect 0 "$SIGNET" config check
holds grep -q '^\[policy\]' policy.conf
expect 0 "$SIGNET" status --metrics
sed -n 's/^# TYPE \([a-z_]*\) .*/\1/p' out | sort > printed
holds test "$(wc -l < named)" -gt 5
holds test -z "$(comm -23 named printed)"
rm "$SIGNET_HOME/signet.conf"

# --- nothing yet
expect 0 "$SIGNET" status
says "Nothing waits."
says "There was no sync yet."
says "No time-stamp authority is configured"
expect 0 "$SIGNET" status --json
json 'waiting=[]' sync.last=null sync.due=false sync.running=false documents.open=0 ledger.entries=0 revocation.good_until=null \
    'level.asked="B-LTA"' 'level.reached="B-B"'
metrics
figure 'signet_waiting_steps{kind="timestamp",target=""} 0'
figure 'signet_ledger_entries 0'
figure 'signet_info{user="'"$(id -un)"'",version="'"$("$SIGNET" --version | cut -d' ' -f2)"'"} 1'

# Two users' files in one folder, as the node exporter reads them: no series is there twice.
together() { # FILE...
    /usr/bin/python3 -c '
import sys
from prometheus_client.parser import text_string_to_metric_families
seen = set()
for name in sys.argv[1:]:
    for family in text_string_to_metric_families(open(name, encoding="utf-8").read()):
        for sample in family.samples:
            series = (sample.name, *sorted(sample.labels.items()))
            if series in seen:
                sys.exit(f"twice: {series}")
            seen.add(series)' "$@"
}
mkdir -m 700 other
cp out one.prom
expect 0 env SIGNET_HOME="$tmp/other" "$SIGNET" status --metrics
cp out other.prom
holds together one.prom other.prom
rejects together one.prom one.prom

# --- targets and a time-stamp authority, and what waits for them
cat > "$SIGNET_HOME/signet.conf" <<CONF
[tsa "main"]
url = http://127.0.0.1:1/
[target "archive"]
type = webdav
url = http://127.0.0.1:1/archive
[target "second"]
url = http://127.0.0.1:1/second
required = no
CONF
expect 0 "$SIGNET" trust add "$ca/root.pem" --yes --intermediate "$ca/issuing.pem" --crl "$ca/root.crl" --crl "$ca/issuing.crl"
echo one > one.txt
echo two > two.txt
expect 0 signet_pin sign --key "$main" one.txt two.txt
expect 0 "$SIGNET" status
says "wait for a time-stamp"
says "wait to be stored at archive"
says "Not tried yet."
says "A sync is due"
says "brought to B-T, the highest level yet; [sign] level asks for B-LTA"
says "All revocation lists here are good until"
says "Entries of the ledger that nobody has witnessed yet"
expect 0 "$SIGNET" status --json
json sync.due=true documents.open=2 'level.reached="B-T"' 'waiting.0.kind="timestamp"' waiting.0.count=2 waiting.0.code=null \
    'waiting.1.kind="upload"' 'waiting.1.target="archive"' waiting.1.count=4 'waiting.2.target="second"'
metrics
figure 'signet_waiting_steps{kind="timestamp",target=""} 2'
figure 'signet_waiting_steps{kind="upload",target="archive"} 4'
figure 'signet_waiting_steps{kind="upload",target="second"} 4'
figure 'signet_open_documents 2'
figure 'signet_sync_due 1'
holds grep -qE '^signet_revocation_good_until_timestamp_seconds [0-9]+$' figures
rejects grep -q signet_last_sync figures
rejects grep -q signet_ocsp_good_until figures
holds grep -qxF '# HELP signet_revocation_good_until_timestamp_seconds When the first of the revocation lists (CRLs) here has to be replaced.' out

# --- what fails, and why: said first
sql "UPDATE step SET code = 'network', text = 'The archive \"archive\" cannot be reached.', next_attempt = next_attempt + 86400
    WHERE target = 'archive'"
expect 0 "$SIGNET" status
says "cannot be reached. [network]"
says "The next try is at"
holds test "$(grep -n 'archive, the first' out | cut -d: -f1)" -lt "$(grep -n 'for a time-stamp, the' out | cut -d: -f1)"
expect 0 "$SIGNET" status --json
json 'waiting.1.code="network"' 'waiting.1.text="The archive \"archive\" cannot be reached."'
metrics
figure 'signet_failing_steps{code="network",kind="upload",target="archive"} 4'

# A target that is gone from the configuration; names and texts that are not fit to print as they are.
sql "UPDATE step SET target = 'gone', code = 'tls', text = 'No \"\\x5c' || char(10) || 'name\\xff' WHERE target = 'second'"
expect 0 "$SIGNET" status
says "has no target gone any more"
says 'No "\\u000aname\xff [tls]'
expect 0 "$SIGNET" status --json
json waiting.2.configured=false 'waiting.2.target="gone"'
metrics
figure 'signet_waiting_steps{kind="upload",target="gone"} 4'
figure 'signet_waiting_steps{kind="upload",target="second"} 0'

# --- documents whose file is not where it was, steps dropped, signing cut off, a clock that differs
sql "UPDATE outbox SET output_state = 2 WHERE document = (SELECT min(document) FROM outbox);
    UPDATE outbox SET output_state = 1 WHERE document = (SELECT max(document) FROM outbox);
    UPDATE step SET state = 2 WHERE target = 'gone'; UPDATE outbox SET placed = 0"
expect 0 "$SIGNET" status
says "moved or changed: 2"
says "one.txt.p7s"
says "(changed)"
says "(moved or missing)"
says "Steps that were dropped, for reasons that the ledger has: 4."
says "since signing was cut off: 2"
expect 0 "$SIGNET" status --json
json documents.changed=1 documents.moved=1 documents.unplaced=2 dropped=4 'documents.apart.1.state="changed"' \
    "documents.apart.1.file=\"$tmp/one.txt.p7s\"" "documents.apart.1.sha256=\"$(sha256sum one.txt.p7s | cut -c1-64)\""
metrics
figure 'signet_displaced_documents{state="moved"} 1'
figure 'signet_displaced_documents{state="changed"} 1'
figure 'signet_dropped_steps 4'
figure 'signet_unplaced_documents 2'

# --- whether the lock of a sync is held, and when one ended
: > "$SIGNET_HOME/sync.lock"
expect 0 "$SIGNET" status --json
json sync.running=false sync.last=null
echo > "$SIGNET_HOME/sync.lock"
touch -d 2026-01-02T03:04:05Z "$SIGNET_HOME/sync.lock"
expect 0 "$SIGNET" status --json
json sync.running=false 'sync.last="2026-01-02T03:04:05Z"'
metrics
figure "signet_last_sync_timestamp_seconds $(date -d 2026-01-02T03:04:05Z +%s)"
figure 'signet_sync_running 0'

# --- revocation data that should have been replaced
ASAN_OPTIONS=$ASAN_OPTIONS:verify_asan_link_order=0:detect_leaks=0 expect 0 faketime -f +400d "$SIGNET" status
says "should have been replaced"

# --- options
expect 64 "$SIGNET" status --metrics --json
expect 64 "$SIGNET" status --metrics --offline-for 1d
expect 64 "$SIGNET" status --offline-for soon
expect 64 "$SIGNET" status file

# --- what is needed to sign, and how long it lasts: one line each
cat > "$SIGNET_HOME/signet.conf" <<CONF
[sign]
key = $main
[tsa "main"]
url = http://127.0.0.1:1/
[target "archive"]
url = http://127.0.0.1:1/archive
CONF
expect 0 "$SIGNET" status --offline-for 1d
holds test "$(awk '{ print $2 }' out | tr '\n' ' ')" = "card pin certificate crls anchors clock disk waiting "
holds test "$(grep -c '^ok ' out)" = 8
expect 0 "$SIGNET" status --offline-for 1d --json
json lasts=true 'items.0.check="card"' 'items.7.check="waiting"'
# The revocation lists of the fixtures end first, then their certificates.
expect 1 "$SIGNET" status --offline-for 200d --json
json lasts=false 'items.3.check="crls"' 'items.3.result="ends"' 'items.0.result="ok"'
expect 1 "$SIGNET" status --offline-for 20000d --json
json 'items.2.result="ends"' 'items.4.result="ends"'
# Without a revocation list, without an anchor, without a card, after a wrong PIN.
expect 77 "$SIGNET" sign --key "$main" --pin-fd 9 --output no.p7s one.txt 9<<< 0000
expect 1 "$SIGNET" status --offline-for 1d --json
json 'items.1.check="pin"' 'items.1.result="wrong"'
clear_interlock "pkcs11:token=Signet%20Test"
expect 0 signet_pin sign --key "$main" --no-upload --output yes.p7s one.txt
expect 0 "$SIGNET" status --offline-for 1d
root=$(openssl x509 -in "$ca/root.pem" -outform DER | sha256sum | cut -c1-64)
expect 0 "$SIGNET" trust remove "$root"
expect 1 "$SIGNET" status --offline-for 1d --json
json 'items.3.result="unknown"' 'items.4.check="anchors"' 'items.4.result="wrong"'
sed -i 's/^key = .*/key = pkcs11:token=Nobody/' "$SIGNET_HOME/signet.conf"
expect 1 "$SIGNET" status --offline-for 1d --json
json 'items.0.result="wrong"' 'items.1.result="unknown"' 'items.5.check="clock"' 'items.5.result="ok"'

passed
