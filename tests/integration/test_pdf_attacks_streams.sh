# Is an object of a signed PDF the one that every reader finds, if it stands in an object stream?
. "${SIGNET_SOURCE:-$(dirname "$0")/../..}/tests/support/lib.sh"
. "$SIGNET_SOURCE/tests/support/pdf_cases.sh"

revisions=250
[[ $(ldd "$SIGNET") != *libasan* ]] || revisions=60 # it is several times slower
make_cases pdf_attacks_streams.py $revisions
try_cases

# What was signed is told apart from what came later, and from what stands behind the last revision.
asked=(verify --anchor "$tmp/ca.pem" --revocation none)
expect 0 "$SIGNET" "${asked[@]}" "$tmp/pdf/untouched.pdf"
says "What was signed is unchanged."
says "whole file"
expect 0 "$SIGNET" "${asked[@]}" "$tmp/pdf/added.pdf"
says "What was signed is unchanged."
says "More came to the PDF afterwards, as is permitted."
says "revision 2 of 3"
expect 1 "$SIGNET" "${asked[@]}" "$tmp/pdf/untouched-junk.pdf"
says "Something was added to the PDF after this signature, behind the end of its last revision"
says "revision 2 of 2, and not what stands behind it"
expect 1 "$SIGNET" "${asked[@]}" "$tmp/pdf/added-junk.pdf"
says "Something stands behind the end of the file"
says "revision 2 of 3"
[ "$checks" -ge 140 ] || failed "only $checks checks"
passed
