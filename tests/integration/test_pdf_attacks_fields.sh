# Is what fields of a form show held by a signature, whatever it hangs on, and may they still be filled in?
. "${SIGNET_SOURCE:-$(dirname "$0")/../..}/tests/support/lib.sh"
. "$SIGNET_SOURCE/tests/support/pdf_cases.sh"

make_cases pdf_attacks_fields.py
try_cases
[ "$checks" -ge 250 ] || failed "only $checks checks"

# Which fields were filled in is said, of many the first.
said() { # NAME
    answer "$tmp/pdf/$1.pdf" > "$tmp/answer"
    jq -r '.signatures[0].reasons[] | select(.code == "pdf-added-to") | .text' "$tmp/json"
}
holds test "$(said look-new-None)" = 'Fields of the form were filled in or signed after this signature: "Amount".'
holds test "$(said filled-seven)" = \
    'Fields of the form were filled in or signed after this signature: "F0", "F1", "F2", "F3", "F4", and more.'
passed
