#!/bin/bash
# Does the next run know in what state a token is whose run was killed while it made or deleted a key, or which made
# another key than it was asked for? And is no key "generated" that was not checked?
. "${SIGNET_SOURCE:-$(dirname "$0")/../..}/tests/support/lib.sh"
fixtures
cd "$tmp"
softhsm2-util --init-token --free --label Officer --pin "$(cat "$SOFTHSM_PIN_FILE")" --so-pin 12345678 > /dev/null
token="pkcs11:token=Officer"

# What pkcs11-tool sees.
tool() { # ARGUMENT...
    pkcs11-tool --module "$SIGNET_MODULE" --token-label Officer --login --pin "$(cat "$SOFTHSM_PIN_FILE")" "$@" 2> tool.err
}

# What the ledger says, read by another program.
ledger() { # SQL
    /usr/bin/python3 -c 'import sqlite3, sys
for row in sqlite3.connect(sys.argv[1]).execute(sys.argv[2]): print(*row, sep="|")' "$SIGNET_HOME/store.db" "$1"
}

expect 0 signet_pin token keygen --kind p-256 --usage sign --id 01 --token "$token" --json
serial=$(/usr/bin/python3 -c 'import json, sys; print(json.load(sys.stdin)["token"]["serial"])' < out)

# A token that makes something else than it was asked for: the key is deleted again, which is said and recorded.
weak() { # HOW ARGUMENT...
    WEAK_MODULE=$1 WEAK_MODULE_OF=$SIGNET_MODULE SIGNET_MODULE=$SIGNET_BUILD/tests/fault/libweak_module.so signet_pin "${@:2}"
}
for how in extractable decrypts; do
    expect 77 weak $how token keygen --kind rsa-2048 --usage sign --id 5a --token "$token" --json
    json error.code='"custody"'
    says "deleted again"
    holds test -z "$(tool -O | grep "ID: *5a")"
    holds test "$(ledger "SELECT event, code, length(key) FROM ledger WHERE object = '5a' ORDER BY number DESC LIMIT 1")" = \
        "keygen-failed|custody|64"
done
expect 77 weak stays token keygen --kind p-256 --usage sign --id 5b --token "$token"
says "could not be deleted"
expect 0 signet_pin token keygen --kind p-256 --usage sign --id 5c --token "$token" --json
json interrupted.0.id='"5b"' interrupted.0.key_there=true
expect 0 signet_pin token show "$token;id=%5b" --json
json keys.0.custody='"refused"'
for id in 5b 5c; do
    expect 0 signet_pin token delete --key "$token;id=%$id" --yes --really "$serial/$id"
done

# --- killed in between ----------------------------------------------------------------------------------------------
generated() { # the ids of keys on the token whose making is in the ledger
    expect 0 signet_pin token show "$token" --json
    /usr/bin/python3 -c 'import json, sys
print(*sorted(k["id"] for k in json.load(sys.stdin)["keys"] if k["custody"] == "generated"))' < "$tmp/out"
}
in_ledger() { # the same by the ledger's last word on each id
    ledger "SELECT object FROM ledger AS l WHERE event = 'keygen' AND token = '$serial' AND NOT EXISTS
        (SELECT 1 FROM ledger WHERE event = 'delete' AND object = l.object AND number > l.number) ORDER BY object" | xargs
}
traced() { # STRACE-OPTION... -- ARGUMENT...
    local options=()
    while [ "$1" != -- ]; do
        options+=("$1")
        shift
    done
    shift
    strace -qq "${options[@]}" "$SIGNET" "$@" --pin-fd 9 9< "$SOFTHSM_PIN_FILE" > traced.out 2> traced.err
}
killed() { # COUNT ARGUMENT...: SIGKILL at that write to the store; ends with 0 if there were fewer
    local at=$1
    shift
    traced -o /dev/null -e trace=pwrite64 -e inject=pwrite64:signal=KILL:when="$at" -- "$@"
}
host_killed() { # CALL ARGUMENT...: SIGKILL to the token host at its first such call
    local call=$1
    shift
    traced -f -o /dev/null -e trace="$call" -e inject="$call:signal=KILL:when=1" -- "$@"
}
tells() { # WHAT ID: what the next run says of it, once
    local begun ended there=false
    begun=$(ledger "SELECT count(*) FROM ledger WHERE event = '$1-begun' AND object = '$2'")
    ended=$(ledger "SELECT count(*) FROM ledger WHERE event IN ('$1', '$1-failed') AND object = '$2'")
    [ -z "$(tool -O --type privkey --id "$2" | grep "ID: *$2")" ] || there=true
    expect 0 signet_pin token csr --key "$token;id=%01" --subject CN=Ada --output again.csr --force --json
    if [ "$begun" -gt "$ended" ]; then
        json interrupted.0.id="\"$2\"" interrupted.0.what="\"$1\"" interrupted.0.key_there=$there
        told_of="$told_of $1-$there"
    else
        json interrupted='[]'
    fi
    expect 0 signet_pin token csr --key "$token;id=%01" --subject CN=Ada --output again.csr --force --json
    json interrupted='[]'
    holds test "$(generated)" = "$(in_ledger)"
}

command -v strace > /dev/null || skip "strace is not installed"
told_of=
traced -o trace -e trace=pwrite64 -- token keygen --kind p-256 --usage sign --id c0 --token "$token"
writes=$(grep -c pwrite64 trace)
for point in 1 $(seq $((writes - 6)) "$writes"); do # the last ones are the ledger's entry of what came of it
    killed "$point" token keygen --kind p-256 --usage sign --id "$(printf c%x $((writes - point + 1)))" --token "$token" || true
    tells keygen "$(printf c%x $((writes - point + 1)))"
done
# It was met in between: before the ledger had the outcome, with the key there.
holds test "${told_of/keygen-true/}" != "$told_of"

# A deletion likewise. What it left is deleted by a second one.
expect 0 signet_pin token keygen --kind p-256 --usage sign --id d1 --token "$token"
host_killed unlink token delete --key "$token;id=%d1" --yes --really "$serial/d1" || true
tells delete d1
traced -o trace -e trace=pwrite64 -- token delete --key "$token;id=%c0" --yes --really "$serial/c0"
writes=$(grep -c pwrite64 trace)
killed $((writes - 1)) token delete --key "$token;id=%d1" --yes --really "$serial/d1" || true
tells delete d1
holds test -z "$(tool -O --type privkey | grep "ID: *d1")"
holds test "$(ledger "SELECT event FROM ledger WHERE object = 'd1' ORDER BY number DESC LIMIT 1")" = delete
holds test "${told_of/delete-false/}" != "$told_of"

passed
