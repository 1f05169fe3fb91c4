#!/usr/bin/python3
"""Recomputes an export of the ledger from docs/ledger.md alone: check_ledger.py EXPORT [FOLDER]

Prints "ENTRIES WITNESSES"; ends with 1 at the first entry or witness that does not fit. Into FOLDER it writes what each
witness is about and its proof, NUMBER.statement and NUMBER.token, for other programs to judge."""
import base64
import csv
import datetime
import hashlib
import json
import pathlib
import sys

TEXTS = ["event", "code", "token", "key", "object", "detail"]


def load(path):
    if path.suffix == ".json":
        document = json.loads(path.read_text(encoding="utf-8"))
        return document, document["witnesses"], document["entries"]
    with open(path, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    about = {"store": rows[0]["store"], "first": int(rows[0]["number"]), "last": int(rows[0]["last"])}
    for row in rows:
        row["number"] = int(row["number"])
    return about, [r for r in rows if r["record"] == "witness"], [r for r in rows if r["record"] == "entry"]


def seconds(text):
    return int(datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%S%z").timestamp())


def hash_of(entry):
    data = b"signet.ledger/1" + bytes.fromhex(entry["previous"])
    data += entry["number"].to_bytes(8, "big") + seconds(entry["time"]).to_bytes(8, "big", signed=True)
    for name in TEXTS:
        text = entry[name].encode()
        data += len(text).to_bytes(8, "big") + text
    return hashlib.sha256(data).hexdigest()


def statement_of(store, witness):
    return ('{"schema":"signet.ledger-head/1","store":"%s","number":%d,"hash":"%s","time":"%s"}'
            % (store, witness["number"], witness["hash"], witness["time"])).encode()


def check(about, witnesses, entries):
    number, previous = about["first"], None
    for entry in entries:
        expected = "0" * 64 if number == 1 else previous or entry["previous"]
        if entry["number"] != number or entry["previous"] != expected or entry["hash"] != hash_of(entry):
            sys.exit(f"entry {number} does not fit")
        number, previous = number + 1, entry["hash"]
    if number != about["last"] + 1:
        sys.exit("entries are missing at the end")
    hashes = {entry["number"]: entry["hash"] for entry in entries}
    for witness in witnesses:
        if hashes.get(witness["number"]) != witness["hash"]:
            sys.exit(f"the witness of entry {witness['number']} does not fit")


def main():
    about, witnesses, entries = load(pathlib.Path(sys.argv[1]))
    check(about, witnesses, entries)
    for witness in witnesses if len(sys.argv) > 2 else []:
        base = pathlib.Path(sys.argv[2]) / str(witness["number"])
        base.with_suffix(".statement").write_bytes(statement_of(about["store"], witness))
        if witness["proof"]:
            base.with_suffix(".token").write_bytes(base64.b64decode(witness["proof"], validate=True))
    print(len(entries), len(witnesses))


main()
