#!/bin/bash
# Do the documents say what the program does: every error code, every option, every example?
. "${SIGNET_SOURCE:-$(dirname "$0")/../..}/tests/support/lib.sh"
cd "$SIGNET_SOURCE"

# docs/errors.md has exactly the codes, exit statuses and retries of codes.def.
sed -n 's/^SG_CODE([A-Z_]*, "\(.*\)", \([0-9]*\), \(true\|false\))$/\1 \2 \3/p' agent/base/codes.def |
    sed 's/true$/yes/; s/false$/no/' > "$tmp/code"
sed -n 's/^| `\([a-z-]*\)` | \([0-9]*\) | \(yes\|no\) |.*/\1 \2 \3/p' docs/errors.md > "$tmp/doc"
holds test -s "$tmp/code"
holds diff <(sort "$tmp/code") <(sort "$tmp/doc")

# Every reason of a verdict is explained, and no other.
sed -n 's/^SG_REASON([A-Z_]*, "\([a-z-]*\)".*/\1/p' agent/verify/reasons.def | sort > "$tmp/reasons"
sed -n '/^## Reasons/,$p' docs/errors.md | grep '^| `' | cut -d'|' -f2 | grep -oE '[a-z-]+' | sort > "$tmp/explained"
holds test -s "$tmp/reasons"
holds diff "$tmp/reasons" "$tmp/explained"

# docs/verification.md explains every reason, and every sub-indication with the words of the report; the schema has them.
sed -n '/^<!-- reasons -->$/,/^<!-- reasons end -->$/p' docs/verification.md | sed '1d;$d' > "$tmp/page"
/usr/bin/python3 tests/support/reasons_table.py > "$tmp/table"
holds diff "$tmp/reasons" <(sed -n 's/^| `\([a-z-]*\)` |.*/\1/p' "$tmp/table" | sort)
rejects grep -F '| ? |' "$tmp/table"
holds diff "$tmp/table" "$tmp/page"
sed -n 's/^ *\[SG_SUB_[A-Z_]*\] = "\([A-Z_]*\)",$/\1/p' agent/verify/verdict.c | sort > "$tmp/subs"
holds test "$(wc -l < "$tmp/subs")" = 24
tr -s '\n ' ' ' < agent/verify/report_words.c | sed 's/" "//g' | grep -oE 'case SG_SUB_[A-Z_]+: return _\("[^"]*"\)' |
    sed 's/^case SG_SUB_\([A-Z_]*\): return _("\(.*\)")$/\1 | \2/' | sort > "$tmp/meanings"
sed -n 's/^| `\([A-Z_]*\)` | \([^|]*\) | [^|]* |$/\1 | \2/p' docs/verification.md | sort > "$tmp/explained"
holds diff "$tmp/subs" <(sed 's/ |.*//' "$tmp/explained")
holds diff "$tmp/meanings" "$tmp/explained"
/usr/bin/python3 -c 'import json, sys
print(*filter(None, json.load(sys.stdin)["$defs"]["subIndication"]["enum"]), sep="\n")' \
    < docs/schema/signet.verify.1.json | sort > "$tmp/in-schema"
holds diff "$tmp/subs" "$tmp/in-schema"

# Every warning of sign and setup is explained, and no other.
cat agent/cli/*.c | tr -s '\n ' ' ' | grep -oE 'sg_(signing_)?warn\([^"()]*"[a-z-]+"' | cut -d'"' -f2 |
    cat - <(sed -n 's/^SG_REMARK([A-Z_]*, [0-9]*, "\([a-z-]*\)",.*/\1/p' agent/cli/sign_remarks.def) | sort -u > "$tmp/warnings"
sed -n '/^## Warnings/,/^## Findings/p' docs/errors.md | sed -n 's/^| `\([a-z-]*\)` |.*/\1/p' | sort > "$tmp/explained"
holds test -s "$tmp/warnings"
holds diff "$tmp/warnings" "$tmp/explained"

# Every finding of token check is explained and in its schema, and no other.
sed -n 's/^SG_CHECK([A-Z_]*, "\([a-z-]*\)")$/\1/p' agent/cli/findings.def | sort > "$tmp/checks"
sed -n '/^## Findings/,/^## Reasons/p' docs/errors.md | sed -n 's/^| `\([a-z-]*\)` |.*/\1/p' | sort > "$tmp/explained"
holds test -s "$tmp/checks"
holds diff "$tmp/checks" "$tmp/explained"
/usr/bin/python3 -c 'import json, sys
print(*json.load(sys.stdin)["$defs"]["finding"]["properties"]["check"]["enum"], sep="\n")' \
    < docs/schema/signet.token-check.1.json | sort > "$tmp/in-schema"
holds diff "$tmp/checks" "$tmp/in-schema"

# docs/failures.md names codes, reasons and tests that there are.
grep -oE '`(unit|integration|fault)/[a-z0-9_/]+\.(c|sh)`' docs/failures.md | tr -d '`' | sort -u > "$tmp/tests"
holds test -s "$tmp/tests"
while read -r test; do
    holds test -f "tests/$test"
done < "$tmp/tests"
sed 's/ .*//' "$tmp/code" | cat - "$tmp/warnings" "$tmp/reasons" | sort > "$tmp/words"
grep -E '^\| ' docs/failures.md | cut -d'|' -f3 | grep -oE '`[a-z-]+`' | tr -d '`' | sort -u > "$tmp/named"
holds test -z "$(comm -23 "$tmp/named" "$tmp/words" | grep -v '^allow-key$' || true)"

# Every command that --help shows is in the man page with its options, and the reverse. What is said of other sections'
# options in running text does not count; `cert check` has those of `verify` but for the ones that are about files.
"$SIGNET" --help | sed -n 's/^  \([a-z]\+\( [a-z-]\+\)\?\)  .*/\1/p' > "$tmp/commands"
while read -r command; do
    # shellcheck disable=SC2086
    "$SIGNET" $command --help | sed '/^Common options/,$d' | sed -n "s/^  \(--[a-z0-9-]*\).*/$command \1/p"
done < "$tmp/commands" | sort > "$tmp/help-options"
"$SIGNET" --help | sed -n 's/^  \(--[a-z0-9-]*\).*/every \1/p' | sort >> "$tmp/help-options"
awk '
    /^\.Ss Options of every command/ { command = "every" }
    /^\.Ss signet / { command = $3 ~ /^(token|outbox|cert|trust|config)$/ ? $3 " " $4 : $3; print command > commands }
    /^\.Sh / { command = "" }
    command != "" && /^\.It Fl -/ {
        option = "-" $3
        print command, option
        if (command == "verify" && option !~ /^--(content|recursive|jobs|html|force|extract|extract-all)$/)
            print "cert check", option
    }' commands="$tmp/man-commands" docs/man/signet.1 | sort > "$tmp/man-options"
holds test -s "$tmp/help-options"
holds diff <(sort "$tmp/help-options") "$tmp/man-options"
holds test -s "$tmp/commands"
holds diff <(sort "$tmp/commands") <(sort "$tmp/man-commands")

# Every key of the configuration is in its man page.
printf '%s\nurl = http://a\n' '[tsa "a"]' '[target "a"]' > "$tmp/signet.conf"
SIGNET_HOME=$tmp "$SIGNET" config show | sed -n 's/^\([a-z-]*\) =.*/\1/p' | sort -u > "$tmp/keys"
sed -n 's/^\.It Cm \([a-z-]*\)$/\1/p' docs/man/signet.conf.5 | sort -u > "$tmp/man-keys"
holds diff "$tmp/keys" "$tmp/man-keys"

# The man pages are well made.
if command -v mandoc > /dev/null; then
    holds mandoc -Tlint -Wwarning docs/man/signet.1 docs/man/signet.conf.5
fi

# Every schema is one.
holds /usr/bin/python3 - docs/schema <<'PYTHON'
import json, pathlib, sys
import jsonschema
for path in pathlib.Path(sys.argv[1]).glob("*.json"):
    jsonschema.Draft202012Validator.check_schema(json.loads(path.read_text()))
PYTHON

passed
