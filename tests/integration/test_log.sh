#!/bin/bash
# Does `signet log` show every use of a key, does its check find whatever was done to the ledger or to an export of it,
# and can an export be recomputed by a program that was made from docs/ledger.md alone?
. "${SIGNET_SOURCE:-$(dirname "$0")/../..}/tests/support/lib.sh"
fixtures
cd "$tmp"
ca=$SIGNET_FIXTURES/ca soft=$SIGNET_FIXTURES/soft
db=$SIGNET_HOME/store.db

sql() { # SQL: as somebody who can write the file, and only that
    /usr/bin/python3 - "$db" "$1" <<'PYTHON'
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
for row in db.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = 'ledger'").fetchall():
    db.execute(f"DROP TRIGGER {row[0]}")
last = None
for statement in sys.argv[2].split(";"):
    last = db.execute(statement).fetchone()
db.commit()
if last:
    print(*last)
PYTHON
}

independent() { # EXPORT [FOLDER]
    /usr/bin/python3 "$SIGNET_SOURCE/tests/support/check_ledger.py" "$@"
}

# The whole chain anew from its first entry, as somebody does who knows docs/ledger.md.
recompute() {
    /usr/bin/python3 - "$db" <<'PYTHON'
import hashlib, sqlite3, sys
db = sqlite3.connect(sys.argv[1])
previous = bytes(32)
for number, time, *texts in db.execute("SELECT number, time, event, code, token, key, object, detail FROM ledger").fetchall():
    data = b"signet.ledger/1" + previous + number.to_bytes(8, "big") + time.to_bytes(8, "big")
    for text in texts:
        data += len(text.encode()).to_bytes(8, "big") + text.encode()
    digest = hashlib.sha256(data).digest()
    db.execute("UPDATE ledger SET previous = ?, hash = ? WHERE number = ?", (previous, digest, number))
    previous = digest
db.commit()
PYTHON
}

# A statement about the entry, as sync makes them; with a time-stamp by TSA's key, if one is named.
witness() { # NUMBER [TSA]
    /usr/bin/python3 - "$db" "$1" > "$1.statement" <<'PYTHON'
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
number = int(sys.argv[2])
digest, = db.execute("SELECT hash FROM ledger WHERE number = ?", (number,)).fetchone()
store, = db.execute("SELECT id FROM identity").fetchone()
db.execute("INSERT INTO statement VALUES (?, ?, 1700000000)", (number, digest))
db.commit()
print('{"schema":"signet.ledger-head/1","store":"%s","number":%d,"hash":"%s","time":"2023-11-14T22:13:20Z"}'
      % (store, number, digest.hex()), end="")
PYTHON
    [ $# -gt 1 ] || return 0
    stamp "$1" "$2"
    /usr/bin/python3 - "$db" "$1" "$1.token" <<'PYTHON'
import pathlib, sqlite3, sys, time
db = sqlite3.connect(sys.argv[1])
token = pathlib.Path(sys.argv[3]).read_bytes()
db.execute("INSERT INTO witness VALUES (?, 1, 'main', '', ?, ?)", (int(sys.argv[2]), int(time.time()), token))
db.commit()
PYTHON
}

# A real time-stamp of N.statement into N.token.
stamp() { # NUMBER TSA
    cat > tsa.cnf <<CNF
[tsa]
default_tsa = one
[one]
serial = $tmp/tsa.serial
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1
signer_digest = sha256
ess_cert_id_alg = sha256
CNF
    openssl ts -query -data "$1.statement" -sha256 -cert -out "$1.tsq" 2> /dev/null
    openssl ts -reply -config tsa.cnf -queryfile "$1.tsq" -signer "$2.pem" -inkey "$2.key" -chain "$ca/issuing.pem" \
        -token_out -out "$1.token" 2> openssl.log || failed "openssl ts: $(cat openssl.log)"
}

# --- an empty ledger
expect 0 "$SIGNET" log
holds test ! -s out
expect 0 "$SIGNET" log --check
says "There are no entries."
expect 66 "$SIGNET" log --export none.csv
says "[not-found]"
holds test ! -e none.csv

# --- every use of a key and every failure, the newest last
expect 0 "$SIGNET" trust add "$ca/root.pem" --yes --intermediate "$ca/issuing.pem" --crl "$ca/root.crl" --crl "$ca/issuing.crl"
echo one > "a, \"quoted\" and
broken.txt"
echo two > $'b\xff\\.txt'
expect 0 signet_pin sign "a, \"quoted\" and
broken.txt" $'b\xff\\.txt'
expect 77 "$SIGNET" sign --pin-fd 9 --output c.p7s $'b\xff\\.txt' 9<<< 0000
clear_interlock "pkcs11:token=Signet%20Test"
expect 0 "$SIGNET" log
says "  sign  "
says "sign-failed [pin-incorrect]"
says "trust-add"
says '\u000abroken.txt'
says 'b\xff\x5c.txt'
total=$(grep -c '^[0-9]' out)
holds test "$(grep '^[0-9]' out | cut -d' ' -f1)" = "$(seq "$total")"
expect 0 "$SIGNET" log --json
json
holds test "$(wc -l < out)" = "$total"
expect 0 "$SIGNET" log --last 2 --json
json "number=$total" 'schema="signet.log/1"'
holds test "$(wc -l < out)" = 2
expect 0 "$SIGNET" log --until 2001-01-01
holds test ! -s out
expect 0 "$SIGNET" log --since 2001-01-01 --until 2999-01-01
holds test "$(grep -c '^[0-9]' out)" = "$total"

# Options that say nothing, or nothing together.
for options in "--anchor x" "--crl x" "--last x" "--last -1" "--last" "--since yesterday" "--until 12" "--check --last 1" "--check --export x.csv" "--witness x" \
    "--force" "x.csv" "--export x.txt" "--export csv"; do
    # shellcheck disable=SC2086
    expect 64 "$SIGNET" log $options
done

# --- the check, without a witness and with one
expect 0 "$SIGNET" log --check --json
json "entries=$total" "first=1" "last=$total" bad=null witnessed=null "unwitnessed=$total" 'result="ok"' 'findings.0.check="chain"'
says "other programs"
expect 0 "$SIGNET" log --check
says "No entry is witnessed"
half=$((total - 2))
witness "$half" "$soft/tsa"
holds openssl ts -verify -token_in -in "$half.token" -data "$half.statement" -CAfile "$ca/root.pem" -untrusted "$ca/issuing.pem"
expect 0 "$SIGNET" log --check --json
json result='"ok"' bad=null
sql "INSERT INTO witness VALUES ($half, 2, 'archive', 'https://archive.example/x', 1700000001, x'')"
expect 0 "$SIGNET" log --check --json
json result='"ok"' "witnessed=$half" unwitnessed=2
expect 0 "$SIGNET" log --check
says "all before it are stated at the target archive"
says "Entries after $half are not witnessed yet (2)"
expect 0 "$SIGNET" log --check --witness "$half.statement" --json
json result='"ok"' "witnessed=$half"
cp -r "$SIGNET_HOME" whole

# --- exports: in both forms, recomputed by another program, and by us without the store
expect 0 "$SIGNET" log --export all.json --json
json 'schema="signet.log-export/1"' first=1 "last=$total" witnesses=2
expect 0 "$SIGNET" log --export all.csv
says "other programs"
expect 73 "$SIGNET" log --export all.csv
expect 0 "$SIGNET" log --export all.csv --force
cp all.json out
tr -d '\n' < all.json > out
json "first=1" "last=$total" "witnesses.0.number=$half" "entries.0.number=1"
holds grep -qF "other programs" all.json all.csv
mkdir proofs
for form in json csv; do
    holds test "$(independent all.$form proofs)" = "$total 2"
    holds cmp "proofs/$half.statement" "$half.statement"
    holds cmp "proofs/$half.token" "$half.token"
    mkdir elsewhere
    expect 0 env SIGNET_HOME="$tmp/elsewhere" "$SIGNET" log --check all.$form --json
    json result='"ok"' "entries=$total" "witnessed=$half" "unwitnessed=2" "source=\"all.$form\""
    holds test ! -e elsewhere/store.db
    # Whom a time-stamp is believed is for who checks it.
    json 'findings.1.check="tsa"' 'findings.1.result="unknown"'
    expect 0 env SIGNET_HOME="$tmp/elsewhere" "$SIGNET" log --check all.$form --json --anchor "$ca/root.pem" --crl "$ca/root.crl" \
        --crl "$ca/issuing.crl"
    json 'findings.1.check="tsa"' 'findings.1.result="ok"'
    rmdir elsewhere
done
cp "$half.statement" out
json "number=$half"
expect 0 "$SIGNET" log --export part.json --last 3
expect 0 "$SIGNET" log --export part.csv --last 3
holds test "$(independent part.json)" = "3 2"
expect 0 "$SIGNET" log --check part.json part.csv
expect 0 "$SIGNET" log --check part.json all.json --witness "$half.statement"

# --- what can be done to the store, and where it shows
again() {
    rm -rf "$SIGNET_HOME"
    cp -r whole "$SIGNET_HOME"
}
finds() { # BAD SQL
    again
    sql "$2"
    expect 1 "$SIGNET" log --check --json
    json "bad=$1" 'result="wrong"' 'findings.0.check="chain"' 'findings.0.result="wrong"'
}
finds 2 "UPDATE ledger SET time = time + 1 WHERE number = 2"
for field in event code token key object detail; do
    finds 2 "UPDATE ledger SET $field = $field || ' ' WHERE number = 2"
done
finds 2 "UPDATE ledger SET previous = zeroblob(32) WHERE number = 2"
finds 2 "UPDATE ledger SET hash = zeroblob(32) WHERE number = 2"
finds 2 "DELETE FROM ledger WHERE number = 2"
finds 2 "UPDATE ledger SET number = -number WHERE number >= 2; UPDATE ledger SET number = 1 - number WHERE number < 0;
    INSERT INTO ledger SELECT 2, time, event, code, token, key, object, detail, previous, hash FROM ledger WHERE number = 1"
says "Entry 2 is not as it was recorded"

# The tail, cut off above the witnessed entry and below it.
again
sql "DELETE FROM ledger WHERE number > $half"
expect 0 "$SIGNET" log --check --json
json bad=null unwitnessed=0 "last=$half"
again
sql "DELETE FROM ledger WHERE number >= $half"
expect 1 "$SIGNET" log --check --json
json bad=null "last=$((half - 1))" witnessed=null
says "cut off"

# Everything written anew after a change: the chain is whole again, and the witnesses are not of it.
again
sql "UPDATE ledger SET detail = 'nothing' WHERE number = 2"
recompute
expect 1 "$SIGNET" log --check --json
json bad=null 'findings.0.result="ok"' witnessed=null result='"wrong"'
says "written anew"
says '"check":"tsa"'
says '"check":"target"'
# The witnesses' rows written anew, too: the time-stamp is of something else, and so is what the archive has.
sql "UPDATE statement SET hash = (SELECT hash FROM ledger WHERE number = statement.number)"
expect 1 "$SIGNET" log --check --json
says "is of something else"
sql "DELETE FROM witness"
expect 0 "$SIGNET" log --check
expect 1 "$SIGNET" log --check --witness "$half.statement"
says "written anew"

# The store put back as a whole: the archive's statement is about an entry that is not there any more.
again
expect 0 "$SIGNET" trust remove "$(openssl x509 -in "$ca/root.pem" -outform DER | sha256sum | cut -c1-64)"
last=$((total + 1))
witness "$last"
again
expect 0 "$SIGNET" log --check
expect 1 "$SIGNET" log --check --witness "$last.statement"
says "an older copy was put back"
# Statements of another store, and what is none.
sed 's/"store":"...../"store":"00000/' "$half.statement" > other.statement
expect 1 "$SIGNET" log --check --witness other.statement
says "another ledger"
for change in 's/ledger-head/ledger-hand/' 's/,/, /' 's/"number":/&0/' 's/Z"}/"}/' '$a\\'; do
    sed "$change" "$half.statement" > wrong.statement
    expect 65 "$SIGNET" log --check --witness wrong.statement
    says "[malformed]"
done
expect 65 "$SIGNET" log --check --witness all.json
says "[limit-exceeded]"
expect 66 "$SIGNET" log --check --witness not-there

# --- what can be done to an export
edit() { # FORM PYTHON: in `entries`, `witnesses` and `about`
    /usr/bin/python3 - "all.$1" "changed.$1" "$2" <<'PYTHON'
import csv, json, sys
source, target, change = sys.argv[1:]
def another(digest): # with another first digit
    return "%x" % (int(digest[0], 16) ^ 1) + digest[1:]
if source.endswith(".json"):
    about = json.load(open(source))
    entries, witnesses = about["entries"], about["witnesses"]
    exec(change)
    json.dump(about, open(target, "w"))
else:
    with open(source, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    about, columns = rows[0], list(rows[0])
    witnesses = [r for r in rows if r["record"] == "witness"]
    entries = [r for r in rows if r["record"] == "entry"]
    exec(change)
    with open(target, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows([about] + witnesses + entries)
PYTHON
}
for form in json csv; do
    edit $form "pass"
    expect 0 "$SIGNET" log --check changed.$form
    for field in time event code token key object detail previous hash; do
        case $field in
            time) edit $form 'entries[1]["time"] = "2001-01-01T00:00:00Z"' ;;
            previous | hash) edit $form "entries[1]['$field'] = another(entries[1]['$field'])" ;;
            *) edit $form "entries[1]['$field'] += 'x'" ;;
        esac
        expect 1 "$SIGNET" log --check changed.$form --json
        json bad=2
        rejects independent changed.$form
    done
    edit $form 'del entries[1]'
    expect 1 "$SIGNET" log --check changed.$form --json
    json bad=2
    rejects independent changed.$form
    edit $form 'entries.insert(1, dict(entries[0]))'
    expect 1 "$SIGNET" log --check changed.$form --json
    json bad=2
    edit $form 'del entries[0]'
    expect 1 "$SIGNET" log --check changed.$form
    says "some were cut off"
    edit $form 'del entries[-1]'
    expect 1 "$SIGNET" log --check changed.$form
    says "some were cut off"
    rejects independent changed.$form
    edit $form "del entries[$((half - 1)):]; about['last'] = $((half - 1))"
    expect 1 "$SIGNET" log --check changed.$form
    says "cut off, or an older copy was put back"
    edit $form 'witnesses[0]["hash"] = another(witnesses[0]["hash"])'
    expect 1 "$SIGNET" log --check changed.$form
    rejects independent changed.$form
    edit $form 'witnesses[0]["time"] = "2023-11-14T22:13:21Z"'
    expect 1 "$SIGNET" log --check changed.$form
    says "is of something else"
    for change in 'about["store"] = "x"' 'witnesses[0]["kind"] = "me"' 'witnesses[0]["proof"] = "==="' 'entries[0]["hash"] = "0"' \
        'entries[0]["time"] = "today"'; do
        edit $form "$change"
        expect 65 "$SIGNET" log --check changed.$form
        says "[malformed]"
    done
done
edit json 'entries[0]["event"] = 1'
expect 65 "$SIGNET" log --check changed.json
edit json 'about["schema"] = "signet.ledger/2"'
expect 65 "$SIGNET" log --check changed.json
sed '1s/record/Record/' all.csv > changed.csv
expect 65 "$SIGNET" log --check changed.csv
sed '2s/export/whatever/' all.csv > changed.csv
expect 65 "$SIGNET" log --check changed.csv
: > empty.csv
expect 65 "$SIGNET" log --check empty.csv
expect 66 "$SIGNET" log --check not-there.csv

# Two exports, one of which is of another time: a statement has to be met in one of them.
expect 0 "$SIGNET" log --check part.csv all.json --witness "$half.statement"
expect 1 "$SIGNET" log --check part.csv all.json --witness "$last.statement"
says "nowhere here"
expect 1 "$SIGNET" log --check part.csv --witness "$last.statement"

passed
