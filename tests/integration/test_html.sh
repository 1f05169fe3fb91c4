#!/bin/bash
# The page of `verify --html`: is it whole or not there, is nothing replaced unasked, does it have every file in order and
# with its answer, and does it change no other answer?
. "${SIGNET_SOURCE:-$(dirname "$0")/../..}/tests/support/lib.sh"
fixtures
cd "$tmp"
ca=$SIGNET_FIXTURES/ca soft=$SIGNET_FIXTURES/soft

holds "$SIGNET" trust add "$ca/root.pem" --yes --intermediate "$ca/issuing.pem" \
    --crl "$ca/root.crl" --crl "$ca/issuing.crl"
echo 'a document' > text
openssl cms -sign -binary -in text -signer "$soft/good.pem" -inkey "$soft/good.key" -certfile "$ca/issuing.pem" \
    -outform DER -cades -out text.p7s
tamper text.p7s value.p7s -20
cp text value
mkdir alone
cp text.p7s 'alone/<b>&amp;.p7s'
head -c 200 text.p7s > short.p7s

page() { # EXIT ARGUMENT...
    local status=$1
    shift
    rm -f page.html
    expect "$status" "$SIGNET" verify --html page.html "$@"
    holds test -f page.html
}

# One element after another, each begun and ended, is the page of each answer; the other outputs stay what they are.
page 0 text.p7s
holds grep -qF '<strong class="badge good">VALID</strong>' page.html
holds grep -qF '<caption>1 VALID</caption>' page.html
holds grep -q '^VALID: text.p7s' "$tmp/out"
page 1 value.p7s
holds grep -qF '<caption>1 NOT VALID</caption>' page.html
page 2 'alone/<b>&amp;.p7s'
holds grep -qF '<caption>1 CANNOT TELL</caption>' page.html
holds grep -qF 'alone/&lt;b&gt;&amp;amp;.p7s' page.html
rejects grep -qF '<b>' page.html
page 0 --json text.p7s
json 'signatures.0.indication="TOTAL-PASSED"'
page 0 --quiet text.p7s
holds test ! -s "$tmp/out"

# Several files, one of which cannot be judged: in their order, the summary before them, each linked to its section.
page 65 text.p7s short.p7s value.p7s 'alone/<b>&amp;.p7s' text
holds grep -qF '<caption>2 VALID, 1 NOT VALID, 1 CANNOT TELL, 1 NOT JUDGED</caption>' page.html
grep -oE '<a href="#f[0-9]+">|<section id="f[0-9]+">|<main>|</main>' page.html | tr -d '\n' > order
holds test "$(cat order)" = '<main><a href="#f1"><a href="#f3"><a href="#f4"><a href="#f5"><section id="f1"><section id="f3"><section id="f4"><section id="f5"></main>'
holds /usr/bin/python3 - page.html <<'PYTHON'
import base64, hashlib, html.parser, re, sys
text = open(sys.argv[1], encoding="utf-8").read()
style = re.search("<style>(.*?)</style>", text, re.S)[1]
digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
assert f"style-src 'sha256-{digest}'" in text, "the policy is not that of the style sheet"
class Balanced(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.open = []
    def handle_starttag(self, tag, attributes):
        assert not any(name == "style" or name.startswith("on") for name, _ in attributes), attributes
        if tag not in ("meta", "br", "col"):
            self.open.append(tag)
    def handle_startendtag(self, tag, attributes):
        assert tag in ("path", "rect"), tag
    def handle_endtag(self, tag):
        assert self.open.pop() == tag, tag
page = Balanced()
page.feed(text)
assert page.open == []
PYTHON

# 300 files, more than are kept at a time: all are there.
mkdir many
for ((i = 100; i < 400; i++)); do
    cp text.p7s "many/$i.p7s"
    cp text "many/$i"
done
page 0 many/*.p7s
holds grep -qF '<caption>300 VALID</caption>' page.html
holds test "$(grep -c '<section id=' page.html)" = 300
holds grep -qF '<section id="f300">' page.html

# Nothing is replaced unless --force says so, and an input not even then. What cannot be written leaves nothing.
echo precious > page.html
expect 73 "$SIGNET" verify --html page.html text.p7s
says output-exists
holds grep -qx precious page.html
expect 0 "$SIGNET" verify --html page.html --force text.p7s
holds grep -qF '<caption>1 VALID</caption>' page.html
cp text before
cp text.p7s before.p7s
cp text.p7s apart.p7s
for input in text text.p7s; do
    expect 64 "$SIGNET" verify --html "$input" --force text.p7s
    expect 64 "$SIGNET" verify --html "$input" --force text
done
for input in content:text anchor:$ca/root.pem intermediate:$ca/issuing.pem crl:$ca/issuing.crl ocsp:answer.der; do
    file=${input#*:}
    [ -e "$file" ] || echo 'an answer' > "$file"
    cp "$file" kept
    ln "$file" linked
    for name in "$file" linked; do
        expect 64 "$SIGNET" verify --html "$name" --force "--${input%%:*}" "$file" apart.p7s
        says "an input is never changed"
    done
    holds cmp "$file" kept
    rm linked
done
ln text.p7s other-name
expect 64 "$SIGNET" verify --html other-name --force text.p7s
holds cmp text before
holds cmp text.p7s before.p7s
expect 64 "$SIGNET" verify --force text.p7s
expect 73 "$SIGNET" verify --html nowhere/page.html text.p7s
expect 64 "$SIGNET" verify --html new.html --content text text.p7s text.p7s
holds test ! -e new.html
mkdir room
# shellcheck disable=SC2016
expect 74 bash -c 'ulimit -f 8; exec "$@"' - "$SIGNET" verify --quiet --html room/page.html many/*.p7s
says disk-full
holds test -z "$(ls -A room)"

# On stdout, with what people are told on stderr.
expect 0 "$SIGNET" verify --html - text.p7s
holds grep -q '^<!DOCTYPE html>' "$tmp/out"
holds grep -q '^VALID: text.p7s' "$tmp/err"
expect 64 "$SIGNET" verify --json --html - text.p7s

# The page and nothing else is written.
if command -v strace > /dev/null; then
    rm page.html
    strace -f -e trace=network,%file -o trace "$SIGNET" verify --html page.html text.p7s > /dev/null
    holds test -s trace
    rejects grep -E 'socket\(|connect\(' trace
    grep -E 'O_WRONLY|O_RDWR|O_CREAT|O_TMPFILE|unlink|rename|mkdir|link' trace | grep -vE 'readlink|/dev/(null|tty)' > writes || true
    rejects grep -vE 'O_TMPFILE|page\.html' writes
fi

passed
