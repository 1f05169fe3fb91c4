# Is what fields of a form show held by a signature, whatever it hangs on, and may they still be filled in?
. "${SIGNET_SOURCE:-$(dirname "$0")/../..}/tests/support/lib.sh"
. "$SIGNET_SOURCE/tests/support/pdf_cases.sh"

make_cases pdf_attacks_fields.py
try_cases
[ "$checks" -ge 250 ] || failed "only $checks checks"
passed
