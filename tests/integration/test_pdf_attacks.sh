# Is a signed PDF that was changed afterwards caught, in every way that was published, and do permitted changes pass?
. "${SIGNET_SOURCE:-$(dirname "$0")/../..}/tests/support/lib.sh"
. "$SIGNET_SOURCE/tests/support/pdf_cases.sh"

make_cases pdf_attacks.py
try_cases
[ "$checks" -ge 320 ] || failed "only $checks checks"
passed
