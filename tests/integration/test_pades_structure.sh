#!/bin/bash
# Is a PDF of any structure signed: cross-reference tables and streams, hybrid files, object streams, linearised files,
# forms, prepared fields, turned pages, 100,000 objects? And is refused what is broken, encrypted, or not permitted,
# without a file left behind?
. "${SIGNET_SOURCE:-$(dirname "$0")/../..}/tests/support/lib.sh"
cd "$tmp"
. "$SIGNET_SOURCE/tests/support/pades.sh"
make_signers

make() { # KIND [ARGUMENT]
    holds /usr/bin/python3 -B "$SIGNET_SOURCE/tests/support/make_pdf.py" "$1" "$1.pdf" "${@:2}"
}

# Nothing is left behind by a refusal.
refuses() { # CODE IN OPTION...
    local code=$1 in=$2
    shift 2
    expect "$code" sign "$in" refused.pdf "$@"
    rejects ls refused.pdf
}

# A sanitizer makes a hundred thousand objects take minutes, and finds in fewer what it finds.
[[ $(ldd "$SIGNET") != *libasan* ]] || export PDF_OBJECTS=5000

# ---- structures ------------------------------------------------------------------------------------------------------

for kind in table stream hybrid many no-newline no-newline-stream generations direct-form indirect-lists field \
    field-stream field-below field-text seed-subfilter-good seed-subfilter-wish bookmarks dangling dangling-stream; do
    make $kind
done
qpdf --object-streams=disable table.pdf classic.pdf
qpdf --object-streams=generate table.pdf object-streams.pdf
qpdf --linearize table.pdf linearised.pdf
qpdf --linearize --object-streams=generate many.pdf linearised-many.pdf
printf '\r\n' | cat no-newline.pdf - > crlf.pdf

for kind in table stream hybrid many no-newline no-newline-stream generations direct-form indirect-lists field \
    field-stream field-below seed-subfilter-good seed-subfilter-wish classic object-streams linearised linearised-many \
    crlf bookmarks dangling dangling-stream; do
    expect 0 sign $kind.pdf $kind-once.pdf
    judged $kind.pdf $kind-once.pdf 1
    expect 0 "$sign_pdf" ec.key ec.pem $kind-once.pdf $kind-twice.pdf
    judged $kind-once.pdf $kind-twice.pdf 2
    expect 0 sign $kind.pdf $kind-certified.pdf certify=3 reason=Paid
    judged $kind.pdf $kind-certified.pdf 1
    place=20,20,200,50 wanted=rect=20,20,200,50
    # In the field that is there, which has its own place.
    [[ $kind != hybrid && $kind != indirect-lists && $kind != field* && $kind != seed-* ]] || place=100,100,200,80 wanted=
    [ -n "$wanted" ] || refuses 64 $kind.pdf rect=20,20,200,50 line='Ada Signer'
    expect 0 sign $kind.pdf $kind-visible.pdf $wanted line='Ada Signer' page=1
    judged $kind.pdf $kind-visible.pdf 1
    legible $kind.pdf $kind-visible.pdf $place 'Ada Signer'
done

# The newest cross-reference section is of the kind that the one before it was (ISO 32000-1 §7.5.6).
newest() { # FILE
    dd if="$1" bs=1 skip="$(tail -c 40 "$1" | grep -a -A1 startxref | tail -1)" count=4 status=none
}
for kind in table many hybrid classic linearised; do
    [ "$(newest $kind-once.pdf)" = xref ] || failed "$kind: no table follows a table"
done
for kind in stream field-stream object-streams linearised-many; do
    [[ "$(newest $kind-once.pdf)" =~ ^[0-9] ]] || failed "$kind: no stream follows a stream"
done

# What an old reader does not see of a hybrid file, a new one still does: its form, in an object stream.
expect 0 qpdf --show-object=7 hybrid-once.pdf
says '/SigFlags 3'
expect 0 pdfsig -nssdir sql:nss hybrid-twice.pdf
says 'Signature Field Name: Approval'
says 'Signature Field Name: Signature1'

# /ID: the first half is the document's, the second the revision's (in qpdf's words a literal string where most of it
# happens to be text).
expect 0 qpdf --show-object=trailer table-once.pdf
holds grep -aE '/ID \[ <0102> [<(]' "$tmp/out"
rejects grep -F '<0304>' "$tmp/out"

# ---- fields ----------------------------------------------------------------------------------------------------------

expect 0 sign field.pdf named.pdf field=Second
expect 0 pdfsig -nssdir sql:nss named.pdf
says 'Signature Field Name: Second'
expect 0 pdfsig -nssdir sql:nss field-once.pdf
says 'Signature Field Name: Approval'
refuses 64 field-once.pdf field=Approval
says 'is signed already'
refuses 64 field-text.pdf field=Remark
says 'is not for a signature'
refuses 64 field.pdf field=No.Such
says 'has no field of the name'
refuses 64 field-below.pdf field=Order
says 'is a group of fields'

# ---- where it is shown -----------------------------------------------------------------------------------------------

# Upright, and at the place that was asked for, as the page is seen (its crop box is 600 by 760).
for angle in 0 90 180 270; do
    make turned-$angle
    expect 0 sign turned-$angle.pdf visible-$angle.pdf rect=40,50,200,60 line='Ada Signer'
    judged turned-$angle.pdf visible-$angle.pdf 1
    expect 0 pdftotext -bbox -cropbox visible-$angle.pdf box.html
    /usr/bin/python3 - $angle box.html << 'PYTHON' || failed "not upright or not in its place, turned by $angle"
import re, sys
angle, html = int(sys.argv[1]), open(sys.argv[2]).read()
height = 600 if angle in (90, 270) else 760
for word in ("Ada", "Signer"):
    x0, y0, x1, y1 = map(float, re.search(
        r'xMin="([-0-9.]+)" yMin="([-0-9.]+)" xMax="([-0-9.]+)" yMax="([-0-9.]+)">%s<' % word, html).groups())
    assert 40 <= x0 < x1 <= 240 and height - 110 <= y0 < y1 <= height - 50, (word, x0, y0, x1, y1)
    assert x1 - x0 > y1 - y0, (word, "is turned")
PYTHON
done
refuses 64 table.pdf rect=500,20,200,60 line=Ada
says 'not on the page, which is 612 points wide'
refuses 64 table.pdf rect=20,20,200,60 line=Ada page=3
says 'has no page 3, but 2'
for kind in invisible hidden no-view; do
    make field-$kind
    refuses 64 field-$kind.pdf line=Ada
    says 'is invisible'
    expect 0 sign field-$kind.pdf field-$kind-unseen.pdf
    judged field-$kind.pdf field-$kind-unseen.pdf 1
done
for kind in outside cut; do
    make field-$kind
    refuses 64 field-$kind.pdf line=Ada
    says 'beyond the edge of its page'
done
for place in not-printed:100 edge:412; do
    kind=${place%:*}
    make field-$kind
    expect 0 sign field-$kind.pdf field-$kind-visible.pdf line='Ada Signer'
    judged field-$kind.pdf field-$kind-visible.pdf 1
    legible field-$kind.pdf field-$kind-visible.pdf "${place#*:},100,200,80" 'Ada Signer'
done
make field-places
refuses 65 field-places.pdf line=Ada
says 'has 2 places, and a signature is shown in one'
expect 0 sign field-places.pdf field-places-unseen.pdf
make fields
refuses 64 fields.pdf line=Ada
says 'has these empty fields: "Buyer", "Seller". Name one of them with --field'
expect 0 sign fields.pdf fields-seller.pdf line=Ada field=Seller
judged fields.pdf fields-seller.pdf 1
refuses 64 fields-seller.pdf line=Ada field=New
says 'these empty fields: "Buyer". Name'
make fields-many
refuses 64 fields-many.pdf line=Ada
holds grep -qE ': ("A{60}\.\.\.",? ){5}and more\. Name' err

# ---- what is not permitted -------------------------------------------------------------------------------------------

expect 0 sign table.pdf final.pdf certify=1
judged table.pdf final.pdf 1
refuses 77 final.pdf
says 'permits no changes'
refuses 77 table-once.pdf certify=2
says 'only the first signature can certify'
refuses 77 table-certified.pdf certify=2
refuses 64 table.pdf certify=4

make field-lock-all
make field-lock-other
make field-lock-p1
expect 0 sign field-lock-all.pdf locked.pdf
judged field-lock-all.pdf locked.pdf 1
refuses 77 locked.pdf
says 'has locked the field "Signature1"'
expect 0 sign field-lock-other.pdf locked-other.pdf
refuses 77 locked-other.pdf field=Signature2
expect 0 "$sign_pdf" ec.key ec.pem locked-other.pdf unlocked.pdf field=Signature3
judged locked-other.pdf unlocked.pdf 2
expect 0 sign field-lock-p1.pdf locked-p1.pdf
refuses 77 locked-p1.pdf

# A new field that is seen could hide what was certified or locked; a prepared one, or one that is not seen, cannot.
make field-lock-p2
make field-lock-p3
for level in 2 3; do
    expect 0 sign table.pdf open.pdf certify=$level
    refuses 77 open.pdf rect=20,20,200,50 line=Ada
    says 'sign a field that was prepared for it, or invisibly'
    expect 0 "$sign_pdf" ec.key ec.pem open.pdf open-$level.pdf
    judged open.pdf open-$level.pdf 2
    rm open.pdf
done
expect 0 sign field.pdf prepared.pdf certify=2 field=Certified
refuses 77 prepared.pdf field=Other rect=20,20,200,50 line=Ada
expect 0 "$sign_pdf" ec.key ec.pem prepared.pdf prepared-twice.pdf line=Ada
judged prepared.pdf prepared-twice.pdf 2
expect 0 sign field-lock-p2.pdf locked-p2.pdf
refuses 77 locked-p2.pdf rect=20,20,200,50 line=Ada
says 'sign a field that was prepared for it, or invisibly'
expect 0 "$sign_pdf" ec.key ec.pem locked-p2.pdf locked-p2-twice.pdf
judged locked-p2.pdf locked-p2-twice.pdf 2
expect 0 sign field-lock-p3.pdf locked-p3.pdf
expect 0 "$sign_pdf" ec.key ec.pem locked-p3.pdf locked-p3-twice.pdf rect=20,20,200,50 line=Ada
judged locked-p3.pdf locked-p3-twice.pdf 2

for kind in seed-subfilter seed-digest seed-reasons seed-certify seed-certificate seed-time-stamp; do
    make $kind
    refuses 77 $kind.pdf
    says 'asks for a signature that cannot be made'
done
make seed-no-reason
refuses 77 seed-no-reason.pdf reason=Paid
expect 0 sign seed-no-reason.pdf seed-0.pdf
expect 0 sign seed-reasons.pdf seed-1.pdf reason=Paid
refuses 77 seed-reasons.pdf reason=Unseen
says '(the reason: it permits "Seen", "Paid")'
make seed-many-reasons
refuses 77 seed-many-reasons.pdf
says '"Seen � by everybody" and more)'
rejects grep -q $'\177' err
refuses 77 seed-digest.pdf
says '(the digest: it permits "SHA512")'
expect 0 sign seed-digest.pdf seed-2.pdf digest=SHA512
judged seed-digest.pdf seed-2.pdf 1
expect 0 sign seed-certify.pdf seed-3.pdf certify=2

# ---- what is broken --------------------------------------------------------------------------------------------------

# The code, and what is wrong and where; nothing is left behind. Who looks for signatures in it is told, too.
broken() { # FILE.pdf WORDS [WORDS-OF-VERIFY]
    refuses 65 "$1"
    says "malformed: "
    says "$2"
    expect 65 signet_verify "$1"
    [[ $(jq -r '.error | .code, .file, .text' out) == malformed$'\n'"$1"$'\n'*"${3:-$2}"* ]] || failed "verify $1: $(cat out)"
}
# sed that leaves the octets of each line as they are
edit() { # SCRIPT OUT
    LC_ALL=C sed "$1" table.pdf > "$2"
    rejects cmp -s table.pdf "$2"
}
at() { # TEXT: where table.pdf has it first
    LC_ALL=C grep -obUaF "$1" table.pdf | head -1 | cut -d: -f1
}

for kind in cyclic-pages cyclic-fields two-roles length; do
    make $kind
done
broken cyclic-pages.pdf 'its pages go round in a circle'
broken cyclic-fields.pdf 'its fields go round in a circle' 'its form leads to the field in object 8 more than once'
broken length.pdf 'object 5/0: error reading object: octet 1000000'
refuses 65 two-roles.pdf # whose form is a page, which can be read but not signed
says 'object 3 '
make unending
refuses 65 unending.pdf # which our own reader would not take for signed as a whole
says 'it cannot be told where object 5 ends, which may reach into a signature; have it written anew'
cut='no "startxref" that points into it, followed by "%%EOF", ends its first'
head -c -200 table.pdf > truncated.pdf
broken truncated.pdf "$cut $(stat -c %s truncated.pdf) octets; it may be cut off"
: > empty.pdf
refuses 65 empty.pdf
says 'it does not begin with "%PDF-"'
echo 'before it' | cat - table.pdf > before.pdf
broken before.pdf 'it does not begin with "%PDF-"'
edit '/^startxref$/{n;s/.*/17/}' wrong-startxref.pdf
broken wrong-startxref.pdf 'at octet 17: xref not found'
edit '/^startxref$/{n;s/.*/12/}' inside-startxref.pdf
broken inside-startxref.pdf 'its "startxref" points to octet 12, where no cross-reference begins'
edit '/^startxref$/{n;s/.*/99999999999/}' far-startxref.pdf
broken far-startxref.pdf "$cut"
edit 's/^0000000[0-9]* 00000 n $/0000000001 00000 n /' wrong-offsets.pdf
broken wrong-offsets.pdf 'at octet 1 (object 1 0): expected n n obj'
edit 's/^0 7$/0 x/' broken-table.pdf
broken broken-table.pdf "at octet $(($(at 'xref
') + 5)) (xref table): xref syntax invalid"
edit "s|^trailer|1 1\n$(printf %010d "$(at '3 0 obj')") 00000 n \n&|" repeated.pdf
broken repeated.pdf 'has object 1 more than once'
edit "s|^<<.*/Size 7|& /Prev $(at 'xref
')|" loop.pdf
broken loop.pdf 'loop detected following xref tables'
qpdf --encrypt '' owner 256 -- table.pdf encrypted.pdf
qpdf --encrypt user owner 256 -- table.pdf password.pdf
for kind in encrypted password; do
    refuses 65 $kind.pdf
    says 'unsupported: '
    says 'is encrypted, which Signet does not read; save it without a password first'
    expect 65 signet_verify $kind.pdf
    json error.code='"unsupported"'
done

# ---- what would take too much ------------------------------------------------------------------------------------------

# Within a limit of addresses, which a gigabyte that is inflated would be beyond; a sanitizer has its own, and is slow.
if [[ $(ldd "$SIGNET") != *libasan* ]]; then
    make inflating $((16 << 20))
    expect 0 sign inflating.pdf inflated.pdf
    expect 0 signet_verify inflated.pdf
    make inflating 1600000000
    holds test "$(stat -c %s inflating.pdf)" -lt 10000
    (ulimit -v 1000000 && refuses 65 inflating.pdf && says 'takes more memory than a file of its size may')
    expect 65 signet_verify inflating.pdf
    json error.code='"limit-exceeded"'
    make revised 901 # with room for those to come
    refuses 65 revised.pdf
    says 'was added to so often that its revisions are too many'
fi
# Some hundreds of revisions are ordinary; to open one is to read all before it, which a sanitizer makes slow.
hundreds=300
[[ $(ldd "$SIGNET") != *libasan* ]] || hundreds=40
make revised $hundreds
expect 0 sign revised.pdf revised-signed.pdf
expect 0 signet_verify revised-signed.pdf

# ---- the output --------------------------------------------------------------------------------------------------------

cp table.pdf there.pdf
expect 73 sign table.pdf there.pdf
holds cmp table.pdf there.pdf
expect 2 signet_verify table.pdf # whole, and not signed
json signatures='[]'
(ulimit -f 100 && refuses 74 many.pdf && says disk-full)

# ---- hazards -----------------------------------------------------------------------------------------------------------

for kind in script launch external; do
    make $kind
done
expect 0 "$sign_pdf" hazards table.pdf
[ "$(cat out)" = hazards: ] || failed "hazards of an ordinary PDF: $(cat out)"
expect 0 "$sign_pdf" hazards script.pdf
[ "$(cat out)" = 'hazards: scripts' ] || failed "hazards of a script: $(cat out)"
expect 0 "$sign_pdf" hazards launch.pdf
[ "$(cat out)" = 'hazards: launch' ] || failed "hazards of a launch action: $(cat out)"
expect 0 "$sign_pdf" hazards external.pdf
[ "$(cat out)" = 'hazards: external' ] || failed "hazards of an external stream: $(cat out)"
# Whatever it is that acts, also by a reference; and its twin, which does not.
acts() { # HAZARDS ACTION [OBJECT-7]
    local want=$1
    shift
    holds /usr/bin/python3 -B "$SIGNET_SOURCE/tests/support/make_pdf.py" acting acting.pdf "$@"
    expect 0 "$sign_pdf" hazards acting.pdf
    [ "$(cat out)" = "hazards:$want" ] || failed "hazards of $*: $(cat out)"
}
acts ' launch' '/S 7 0 R /F (calc.exe)' /Launch
acts '' '/S 7 0 R /F (calc.exe)' /URI
acts ' scripts' '/S 7 0 R' /JavaScript
acts '' '/S 70 0 R'
acts ' launch' '/S /GoToR /F (x.pdf) /D [0 /Fit]'
acts ' launch' '/S /GoToE /T << /R /C /N (x) >> /D [0 /Fit]'
acts '' '/S /GoTo /D [0 /Fit]'
acts ' launch' '/S /Thread /F (x.pdf) /D 0'
acts '' '/S /Thread /D 0'
acts ' external' '/S /Rendition /OP 0 /R << /S /MR /C << /S /MCD /D << /F (x.mp4) >> >> >>'
acts ' scripts external' '/S /Rendition /OP 0 /JS (x)'
acts ' external' '/S /Movie /T (x)'
acts ' external' '/S /Sound'
acts '' '/S /Named /N /NextPage'
acts ' external' '/S /GoTo /X << /FS 7 0 R >>' /URL
acts '' '/S /GoTo /X << /FS 7 0 R >>' /Other
acts ' external' '/S /GoTo' '<< /Subtype /Movie /Movie << /F (x.mov) >> >>'
acts ' external' '/S /GoTo' '<< /Subtype /Screen >>'
acts ' scripts external' '/S /GoTo' '<< /Subtype /RichMedia >>'
acts ' scripts' '/S /GoTo' '<< /Type /3D /OnInstantiate 8 0 R >>'
acts '' '/S /GoTo' '<< /Subtype /Text >>'
qpdf --object-streams=generate script.pdf script-hidden.pdf
expect 0 "$sign_pdf" hazards script-hidden.pdf
says scripts
expect 0 "$sign_pdf" hazards many.pdf

passed
