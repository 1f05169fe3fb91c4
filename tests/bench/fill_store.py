#!/usr/bin/python3
"""Puts documents into an empty store as sign and sync would have: fill_store.py STORE.DB COUNT WAITING

The last WAITING of them wait for a time-stamp and an upload, half of them after a failure; the others are done."""
import hashlib
import sqlite3
import sys


def digest(*parts):
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def main():
    path, count, waiting = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    db = sqlite3.connect(path)
    for i in range(1, count + 1):
        time, name = 1700000000 + i, f"/home/user/documents/letter-{i}.txt"
        open_, code = int(i > count - waiting), "network" if i % 2 else ""
        db.execute("INSERT INTO ledger VALUES (?, ?, 'sign', '', 'serial', ?, ?, ?, ?, ?)",
                   (i, time, digest("key"), name, f"sha256 {digest(i, 'content')}; result sha256 {digest(i)}, CAdES; custody reported",
                    bytes(32), bytes.fromhex(digest(i))))
        db.execute("INSERT INTO document VALUES (?, ?, ?, 'sha256', ?, ?, 'CAdES', ?, 'serial', 'reported', ?, 'ok', '', '')",
                   (i, name, name + ".p7s", digest(i, "content"), digest(i), digest("key"), time))
        db.execute("INSERT INTO outbox (document, queued, level, level_sha256, replaces, placed, closed) "
                   "VALUES (?, ?, 'B-B', ?, '', 1, ?)", (i, time, digest(i), 0 if open_ else time + 60))
        db.execute("INSERT INTO version (document, level, sha256, size) VALUES (?, 'B-B', ?, 3000)", (i, digest(i)))
        for kind, level, sha256, target in (1, "B-T", "", ""), (2, "B-B", digest(i), "archive"):
            db.execute("INSERT INTO step (document, kind, state, level, sha256, target, since, next_attempt, code, text) "
                       "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                       (i, kind, 1 - open_, level, sha256, target, time, time, code if open_ else "",
                        "The server cannot be reached." if open_ and code else ""))
    db.commit()


main()
