#!/bin/bash
# Is the page of `verify --html` legible as a browser shows it: on a phone, on a desk, in the dark, on paper; with names of
# any length and script and with time-stamps close together? Nothing overlaps, nothing is cut off, nothing is loaded.
# The pages are those that unit/verify/test_report_html makes, and one of real files. SIGNET_TEST_PICTURES, a folder,
# gets what the browser showed.
. "${SIGNET_SOURCE:-$(dirname "$0")/../..}/tests/support/lib.sh"
chromium=$(command -v chromium || true)
[ -n "$chromium" ] || skip "there is no chromium"
pictures=${SIGNET_TEST_PICTURES:-$tmp/pictures}
look=$SIGNET_SOURCE/tests/support/look_at_pages.py

mkdir "$tmp/pages"
holds env SIGNET_TEST_PAGES="$tmp/pages" "$SIGNET_BUILD/tests/unit_verify_test_report_html"
holds test "$(ls "$tmp/pages" | wc -l)" -ge 11

fixtures
cd "$tmp"
ca=$SIGNET_FIXTURES/ca soft=$SIGNET_FIXTURES/soft
echo 'a document' > text
echo 'another one' > other
for name in good revoked expired; do
    openssl cms -sign -binary -in text -signer "$soft/$name.pem" -inkey "$soft/$name.key" -certfile "$ca/issuing.pem" \
        -outform DER -cades -out "$name.p7s"
    cp text "$name"
done
cp good.p7s other.p7s
head -c 200 good.p7s > short.p7s
expect 65 "$SIGNET" verify --html "$tmp/pages/real.html" --anchor "$ca/root.pem" --crl "$ca/root.crl" \
    --crl "$ca/issuing.crl" good.p7s other.p7s revoked.p7s expired.p7s short.p7s

expect 0 /usr/bin/python3 "$look" "$chromium" "$pictures" "$tmp"/pages/*.html
says 'ten.html: '
for name in good failed undecided long arabic chinese ten real; do
    for view in phone desk dark print; do
        holds test -s "$pictures/$name-$view.png"
    done
done

# The twins: what it looks for is found.
broken() { # WHAT SED-EXPRESSION
    sed "$2" "$tmp/pages/good.html" > "$tmp/broken.html"
    rejects cmp "$tmp/pages/good.html" "$tmp/broken.html"
    expect 1 /usr/bin/python3 "$look" "$chromium" "$tmp/broken" "$tmp/broken.html"
    says "$1"
}
broken 'overlaps' 's/<text class="p" x="10" y="[0-9]*">Judged/<text class="p" x="10" y="30">Judged/'
broken 'leaves its drawing' 's/<text class="p" x="10" y="[0-9]*">Judged/<text class="p" x="340" y="30">Judged/'
broken 'leaves its frame' 's/>CN=Alice<\/text>/>CN=A name that is by far too long to be drawn on one line<\/text>/'
broken 'the browser says' 's/<h1>/<h1 style="color:red">/'
broken 'the browser says' 's/<h1>/<img src="http:\/\/192.0.2.1\/x.png"><h1>/'
broken 'leads nowhere' 's/href="#f1"/href="#f9"/'

passed
