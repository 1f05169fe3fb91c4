# Is an object of a signed PDF the one that every reader finds, if it stands in an object stream?
. "${SIGNET_SOURCE:-$(dirname "$0")/../..}/tests/support/lib.sh"
. "$SIGNET_SOURCE/tests/support/pdf_cases.sh"

make_cases pdf_attacks_streams.py
try_cases
[ "$checks" -ge 90 ] || failed "only $checks checks"
passed
