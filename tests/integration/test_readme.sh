#!/bin/bash
# Does the tour of the README run as it stands there, each line with the exit it tells (0 if it tells none)?
. "${SIGNET_SOURCE:-$(dirname "$0")/../..}/tests/support/lib.sh"
cd "$SIGNET_SOURCE"
PATH=$(dirname "$SIGNET"):$PATH
export SIGNET_FIXTURES_FROM=$SIGNET_BUILD/fixtures

sed -n '/^<!-- tour -->$/,/^<!-- tour end -->$/s/^    //p' README.md > "$tmp/tour"
holds test "$(wc -l < "$tmp/tour")" = 16
while IFS= read -r line <&8; do
    want=$(sed -n 's/.*# .*(exit \([0-9]*\))$/\1/p' <<< "$line")
    got=0
    eval "${line//DIR/"$tmp/try"}" > "$tmp/out" 2> "$tmp/err" || got=$?
    [ "$got" = "${want:-0}" ] || {
        cat "$tmp/out" "$tmp/err" >&2
        failed "exit $got: $line"
    }
    checks=$((checks + 1))
done 8< "$tmp/tour"

passed
