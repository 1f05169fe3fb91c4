#!/bin/bash
# Killed at random moments of sign and sync over ten documents of several formats: is after a last sync every version of
# every signature in the three archives, once and byte for byte, with its receipt, the ledger whole, and no half file anywhere?
#
# SIGNET_SEED chooses the moments. SIGNET_KILLS is how many; without it, as many as fit into a minute.
. "${SIGNET_SOURCE:-$(dirname "$0")/../..}/tests/support/lib.sh"
. "$SIGNET_SOURCE/tests/support/namespace.sh"
. "$SIGNET_SOURCE/tests/support/server_apache.sh"
. "$SIGNET_SOURCE/tests/support/server_tsa.sh"
. "$SIGNET_SOURCE/tests/support/server_radosgw.sh"
needs apache2 lighttpd radosgw
at_exit=stop_all
stop_all() {
    apache_stop
    radosgw_stop
}
radosgw_start
seed=${SIGNET_SEED:-$RANDOM} wanted=${SIGNET_KILLS:-}
echo "SIGNET_SEED=$seed"
RANDOM=$seed
fixtures
cd "$tmp"
ca=$SIGNET_FIXTURES/ca
# By their names: what a signature is beside, and what it is in.
documents=(text-0 form-1.pdf text-2.e text-3 form-4.pdf text-5.s text-6.e form-7.pdf text-8.s text-9)
output_of() { # DOCUMENT
    case $1 in
        *.pdf) echo "${1%.pdf}.signed.pdf" ;;
        *.e) echo "${1%.e}.asice" ;;
        *.s) echo "${1%.s}.asics" ;;
        *) echo "$1.p7s" ;;
    esac
}
holds "$SIGNET" trust add --yes "$ca/root.pem"
holds "$SIGNET" trust add --crl "$ca/root.crl" --crl "$ca/issuing.crl" --intermediate "$ca/issuing.pem"
apache_start
tsa_start main
printf '%s\n%s\n' "$S3_USER" "$S3_PASSWORD" > credentials
chmod 600 credentials
cat > "$SIGNET_HOME/signet.conf" << END
[tsa "main"]
url = $(tsa_url main)
[target "one"]
type = webdav
url = $APACHE_URL
[target "two"]
type = webdav
url = ${APACHE_URL}2
[target "three"]
type = s3
url = $S3_URL/archive
credentials = $tmp/credentials
END
for document in "${documents[@]}"; do
    case $document in
        *.pdf) /usr/bin/python3 -B "$SIGNET_SOURCE/tests/support/make_pdf.py" page "$document" "$document" pad=$((RANDOM * 3 + 1)) ;;
        *) head -c $((RANDOM * 3 + 1)) /dev/urandom > "$document" ;;
    esac
done

key="pkcs11:token=Signet%20Test;id=%03"
keep_tokens
# The first alone, if a container is among them: several files would go into one.
sign() { # DOCUMENT...
    local format=()
    case $1 in
        *.e) format=(--format asic-e) ;;
        *.s) format=(--format asic-s) ;;
    esac
    case "$*" in
        *.[es]*) set -- "$1" ;;
    esac
    exec "$SIGNET" sign --force --quiet --key "$key" --pin-fd 9 "${format[@]}" "$@" 9< "$SOFTHSM_PIN_FILE" > out 2> err < /dev/null
}
sync() {
    exec "$SIGNET" sync --quiet > out 2> err < /dev/null
}
milliseconds() {
    date +%s%3N
}
# Of one that is let do its work: within so long a moment is chosen.
duration_of() { # COMMAND...
    local begun
    begun=$(milliseconds)
    ("$@") || failed "$* without a kill: $(cat err)"
    echo $(($(milliseconds) - begun))
}
# Runs a command and kills it at a random moment; what comes before is its own end.
killed=0
kill_in() { # MILLISECONDS COMMAND...
    local moment=$(((RANDOM * 32768 + RANDOM) % ($1 + $1 / 10 + 1)))
    shift
    ("$@") &
    sleep "$(printf '%d.%03d' $((moment / 1000)) $((moment % 1000)))"
    if kill -KILL $! 2> check; then killed=$((killed + 1)); fi
    wait $! 2> check || true
}

radosgw_ready
holds test "$(s3_status PUT /archive)" = 200
# The first of each finds servers that have just started, and takes longer.
for document in text-0 text-3; do
    sign_ms=$(duration_of sign $document form-1.pdf)
    sync_ms=$(duration_of sync)
done
end=$((SECONDS + 60))
until [ "$killed" -ge "${wanted:-1000000}" ] || { [ -z "$wanted" ] && [ $SECONDS -ge $end ]; }; do
    if ((RANDOM % 2)); then
        whole_tokens
        first=$((RANDOM % ${#documents[@]})) second=$((RANDOM % ${#documents[@]}))
        kill_in "$sign_ms" sign "${documents[first]}" "${documents[second]}"
    else
        kill_in "$sync_ms" sync
    fi
done
echo "killed $killed times; a sign takes $sign_ms ms, a sync $sync_ms ms"
holds test "$killed" -ge "${wanted:-5}"

# ---- a last sync ----------------------------------------------------------------------------------------------------

whole_tokens
for document in "${documents[@]}"; do
    [ -e "$(output_of "$document")" ] || (sign "$document") || failed "no last signature: $(cat err)"
done
# A program that was killed a moment ago may hold a lock for as long as it takes to end.
until_holds "$SIGNET" sync --quiet
expect 0 "$SIGNET" sync --json
json done=0 failed=0 waiting=[]

holds "$SIGNET" log --check
cat > judge.py << 'END'
import hashlib, os, sqlite3, sys
home, folders = sys.argv[1], sys.argv[2:]
db = sqlite3.connect(f"file:{home}/store.db?mode=ro", uri=True)
rows = lambda sql: db.execute(sql).fetchall()
assert rows("PRAGMA integrity_check") == [("ok",)]
assert rows("PRAGMA foreign_key_check") == []
assert rows("SELECT count(*) FROM step WHERE state <> 1") == [(0,)], "steps wait"
assert rows("SELECT count(*) FROM outbox WHERE placed = 0 OR closed = 0") == [(0,)], "documents are not closed"
documents = rows("SELECT document, format FROM outbox JOIN document ON entry = document")
# Each signature has its B-B and B-T, and its content if it is not in it; each of them is stored at each target by a step
# of its own, once. Of a PDF the B-B is not, if its time-stamp was put into it before.
assert rows("SELECT max(c) FROM (SELECT count(*) AS c FROM step GROUP BY document, level, kind, target)") == [(1,)]
for document, form in documents:
    levels = lambda table, more="": sorted(l for l, in rows(f"SELECT level FROM {table} WHERE document = {document} {more}"))
    made = ["B-B", "B-T", "content"] if form == "CAdES" else ["B-B", "B-T"]
    stored = levels("step", "AND kind = 2")
    assert levels("version") == made, (form, levels("version"))
    assert stored == sorted(made * len(folders)) or form == "PAdES" and stored == ["B-T"] * len(folders), (form, stored)
assert rows("SELECT count(*) FROM receipt") == rows("SELECT count(*) FROM step WHERE kind = 2")
assert rows("SELECT count(*) FROM receipt JOIN step ON step.id = receipt.step "
            "WHERE receipt.sha256 <> step.sha256 OR receipt.target <> step.target") == [(0,)]
versions = {sha256 for sha256, in rows("SELECT sha256 FROM version")}
stored = {sha256 for sha256, in rows("SELECT sha256 FROM step WHERE kind = 2")}
for folder in folders:
    for name in os.listdir(folder):
        data = open(f"{folder}/{name}", "rb").read()
        assert hashlib.sha256(data).hexdigest() == name, f"{folder}/{name} is not whole"
        assert name in versions or b"signet.ledger-head/1" in data, f"{folder}/{name} belongs to nobody"
    assert stored <= set(os.listdir(folder)), f"{folder} lacks some"
# The user's files are whole: each is a version. So is what a kill may leave under a hidden name, between that name and
# the rename that replaces a file (--force).
for name in os.listdir("."):
    if name.endswith((".p7s", ".signed.pdf", ".asice", ".asics")) or name.startswith(".signet-"):
        assert hashlib.sha256(open(name, "rb").read()).hexdigest() in versions, f"{name} is no version"
print(len(documents), "signatures,", len(versions), "versions")
END
mkdir bucket
s3_keys archive > keys
while read -r name <&3; do
    s3 GET "/archive/$name" > "bucket/$name"
done 3< keys
holds /usr/bin/python3 judge.py "$SIGNET_HOME" "$APACHE_FILES" "${APACHE_FILES}2" bucket
cat check
for document in "${documents[@]}"; do
    expect 0 "$SIGNET" verify "$(output_of "$document")"
done
holds grep -q "B-T" <("$SIGNET" verify text-0.p7s)

# The judge is one that can say no.
some=bucket/$(sha256sum < text-0 | cut -d " " -f 1)
mv "$some" elsewhere
rejects /usr/bin/python3 judge.py "$SIGNET_HOME" "$APACHE_FILES" "${APACHE_FILES}2" bucket
tamper elsewhere "$some" 0
rejects /usr/bin/python3 judge.py "$SIGNET_HOME" "$APACHE_FILES" "${APACHE_FILES}2" bucket
passed
