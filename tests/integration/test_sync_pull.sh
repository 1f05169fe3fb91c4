#!/bin/bash
# Does `signet sync` itself fetch what judging needs, the list of anchors with its notice of a release among it: as soon
# as there is a network, to be judged by without one; and does what is fetched no longer also fail no longer?
. "${SIGNET_SOURCE:-$(dirname "$0")/../..}/tests/support/lib.sh"
. "$SIGNET_SOURCE/tests/support/namespace.sh"
. "$SIGNET_SOURCE/tests/support/web_pki.sh"
. "$SIGNET_SOURCE/tests/support/server_nginx.sh"
needs nginx
at_exit=nginx_stop
fixtures
cd "$tmp"
conf=$SIGNET_HOME/signet.conf

# ---- a signer whose certificates name a server, and a list's --------------------------------------------------------

nginx_start
web_pki "$NGINX_URL" http://127.0.0.1:9
web_issue alice crl aia
holds softhsm2-util --init-token --free --label Web --pin "$(cat "$SOFTHSM_PIN_FILE")" --so-pin 12345678
expect 0 signet_pin token keygen --kind p-256 --usage sign --token pkcs11:token=Web
expect 0 signet_pin token csr --public-key --key "pkcs11:token=Web" --output alice.pub
serial=0x$(openssl x509 -in "$PKI/alice.pem" -noout -serial | cut -d= -f2)
openssl x509 -new -subj /CN=alice -force_pubkey alice.pub -CA "$PKI/issuing.pem" -CAkey "$PKI/issuing.key" -days 30 \
    -set_serial "$serial" -extfile "$PKI/alice.ext" -out "$PKI/alice.pem"
expect 0 signet_pin token import "$PKI/alice.pem" --token pkcs11:token=Web
cp "$PKI/root.crl" "$NGINX_FILES/root.crl"
openssl x509 -in "$PKI/issuing.pem" -outform DER -out "$NGINX_FILES/issuing.cer"
web_crl "$NGINX_FILES/issuing.crl"

for name in officer listed; do
    usage=nonRepudiation ca=FALSE
    [ $name = officer ] || usage=keyCertSign,cRLSign ca=TRUE
    openssl req -x509 -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout $name.key -days 30 \
        -subj "/CN=$name" -addext "basicConstraints=critical,CA:$ca" -addext "keyUsage=critical,$usage" \
        -out $name.pem 2> check
done
list() { # NUMBER RELEASE
    printf '{"schema": "signet.anchors/1", "number": %s, "anchors": [{"certificate": "%s", "purposes": ["sign"]}],
        "release": {"version": "%s", "sha256": "%s", "url": "https://signet.invalid/%s"}}' "$1" \
        "$(openssl x509 -in listed.pem -outform DER | base64 -w0)" "$2" "$(printf 'ab%.0s' {1..32})" "$2" > list.json
    openssl cms -sign -cades -binary -nodetach -in list.json -signer officer.pem -inkey officer.key -md sha256 \
        -outform DER -out list.p7m
    rm -f "$NGINX_FILES/list.p7m"
    cp list.p7m "$NGINX_FILES/"
}
list 3 99.0
pinned=$(openssl x509 -in officer.pem -noout -fingerprint -sha256 | cut -d= -f2 | tr -d : | tr A-F a-f)
with_list() { # URL
    printf '[trust]\nlist = %s\nlist-signer = %s\n[sync]\nprivate-addresses = yes\n' "$1" "$pinned" > "$conf"
}
with_list "$NGINX_URL/list.p7m"
# Of the last sync: what became of one URL, as "changed CODE".
fetched() { # PATH
    jq -r "select(.schema == \"signet.sync-pull/1\" and (.url | endswith(\"$1\"))) | \"\\(.changed) \\(.error.code)\"" out
}
asked() {
    wc -l < "$NGINX_LOG"
}

expect 0 "$SIGNET" trust add "$PKI/root.pem" --yes
echo "I agree." > letter.txt
expect 0 signet_pin sign --key "pkcs11:token=Web" letter.txt

# ---- a network comes ------------------------------------------------------------------------------------------------

for ((i = 0; i < 6; i++)); do # so often that the next try is hours away
    expect 0 unshare --net "$SIGNET" sync --json
    json not_fetched=2
done
holds test "$(fetched /list.p7m)" = "false network"
expect 0 "$SIGNET" status
says "[network]"
expect 0 "$SIGNET" sync --json # what a timer starts, too
json fetched=4 not_fetched=0
for path in /issuing.cer /issuing.crl /root.crl /list.p7m; do
    holds test "$(fetched $path)" = "true null"
done
expect 0 "$SIGNET" cert check "$PKI/alice.pem" --purpose sign --revocation hard --json
json 'indication="PASSED"'
expect 0 "$SIGNET" trust list
says "from list 3"
expect 0 "$SIGNET" status
says "There is a newer version of Signet: 99.0, at https://signet.invalid/99.0"
says "The list of anchors in force is number 3"
rejects grep -q "Not fetched" out
expect 0 "$SIGNET" status --json
json pulls=[] anchor_list.number=3 anchor_list.release.version='"99.0"'
before=$(asked)
expect 0 "$SIGNET" sync
says "Nothing was to be done."
holds test "$(asked)" = "$before"

# ---- revoked, and known so without a network -------------------------------------------------------------------------

web_revoke alice
rm "$NGINX_FILES/issuing.crl"
web_crl "$NGINX_FILES/issuing.crl"
list 4 0.0.1
expect 0 "$SIGNET" sync
says "Nothing was to be done."
expect 0 "$SIGNET" outbox retry # all that is fetched, also what is good for days
expect 0 "$SIGNET" sync
says "Fetched: $NGINX_URL/issuing.crl"
says "Fetched: $NGINX_URL/list.p7m"
nginx_stop
expect 2 "$SIGNET" cert check "$PKI/alice.pem" --purpose sign --json
json 'sub_indication="REVOKED_NO_POE"'
expect 0 "$SIGNET" status # an older release is none, nor is this one
says "The list of anchors in force is number 4"
rejects grep -q "version of Signet" out
expect 0 "$SIGNET" status --json
json anchor_list.number=4 anchor_list.release=null

# ---- what is no longer configured fails no longer ---------------------------------------------------------------------

with_list "http://127.0.0.1:9/list.p7m"
printf '[target "gone"]\ntype = put\nurl = http://127.0.0.1:9/\n' >> "$conf"
expect 0 "$SIGNET" sync
expect 0 "$SIGNET" status --json
holds jq -e '(.pulls | any(.kind == "list")) and (.ledger.failures | any(.name == "gone"))' out
rm "$conf"
expect 0 "$SIGNET" sync
expect 0 "$SIGNET" status --json
holds jq -e '(.pulls | any(.kind == "list") | not) and .ledger.failures == []' out
passed
