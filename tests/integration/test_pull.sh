#!/bin/bash
# Does what is fetched from a CA's servers reach verification, which is offline; and does nothing else?
. "${SIGNET_SOURCE:-$(dirname "$0")/../..}/tests/support/lib.sh"
. "$SIGNET_SOURCE/tests/support/web_pki.sh"
. "$SIGNET_SOURCE/tests/support/server_nginx.sh"
. "$SIGNET_SOURCE/tests/support/server_ocsp.sh"
export SIGNET_HOME=$tmp/home
stop_all() {
    nginx_stop
    ocsp_stop
}
at_exit=stop_all
cd "$tmp"
nginx_start
ocsp_start "$tmp/pki/issuing" "$tmp/pki/ocsp" "$tmp/pki/index"
web_pki "$NGINX_URL" "$OCSP_URL"
cp "$PKI/root.crl" "$NGINX_FILES/root.crl"
openssl x509 -in "$PKI/issuing.pem" -outform DER -out "$NGINX_FILES/issuing.cer"
web_issue alice crl aia
web_issue bob ocsp
web_crl "$NGINX_FILES/issuing.crl"
expect 0 "$SIGNET" trust add "$PKI/root.pem" --yes

pull() { # [ARGUMENT...]
    "$SIGNET_BUILD/tests/pull_driver" --private yes "$@"
}

judge() { # NAME [ARGUMENT...]: offline, from the store alone
    local name=$1
    shift
    "$SIGNET" cert check "$PKI/$name.pem" --purpose sign --json "$@"
}

# A signer whose token carries no CA certificate: that is fetched, then the CRLs of both.
expect 2 judge alice
json 'sub_indication="NO_CERTIFICATE_CHAIN_FOUND"'
expect 0 pull --know "$PKI/alice.pem"
says "changed aia $NGINX_URL/issuing.cer"
says "changed crl $NGINX_URL/issuing.crl"
says "changed crl $NGINX_URL/root.crl"
expect 0 judge alice
json 'indication="PASSED"'

# Asked again, on condition: nothing is sent.
: > "$NGINX_LOG"
expect 0 pull
says "unchanged crl $NGINX_URL/issuing.crl"
nginx_stop # writes its log
holds grep -q '^304 /issuing.crl' "$NGINX_LOG"
rejects grep -q '^200' "$NGINX_LOG"
nginx_root=$NGINX_URL
sed -n 's/.*listen 127.0.0.1:\([0-9]*\);/\1/p' "$tmp/nginx/nginx.conf" > port
server_run "$tmp/nginx/out" nginx -p "$tmp/nginx" -c "$tmp/nginx/nginx.conf" -e "$tmp/nginx/error.log"
nginx_pid=$server_pid
server_wait "$(cat port)" "$nginx_pid" "$tmp/nginx/error.log"
holds test "$nginx_root" = "$NGINX_URL"

# What is no CRL, or a worse one, leaves what is there. Each is written anew, so that no condition holds.
cp "$NGINX_FILES/issuing.crl" good.crl
written=0
bad() { # CODE FILE
    rm -f "$NGINX_FILES/issuing.crl"
    cp "$2" "$NGINX_FILES/issuing.crl"
    written=$((written + 1))
    touch -d "-$written hours" "$NGINX_FILES/issuing.crl"
    expect 1 pull
    says "$1 crl $NGINX_URL/issuing.crl"
    expect 0 judge alice
}
head -c 100 good.crl > short.crl
bad bad-answer short.crl
tamper good.crl changed.crl -10
bad bad-answer changed.crl
bad bad-answer "$PKI/root.crl"
bad captive-portal "$NGINX_FILES/login.html"
web_crl ended.crl -crl_lastupdate "$(date -u -d '-3 days' +%Y%m%d%H%M%SZ)" -crl_nextupdate "$(date -u -d '-1 day' +%Y%m%d%H%M%SZ)"
bad bad-answer ended.crl
web_crl future.crl -crl_lastupdate "$(date -u -d '+1 day' +%Y%m%d%H%M%SZ)" -crl_nextupdate "$(date -u -d '+3 days' +%Y%m%d%H%M%SZ)"
bad bad-answer future.crl
: > empty.crl
bad bad-answer empty.crl
rm "$NGINX_FILES/issuing.crl"
expect 1 pull
says "server-refused crl"

# A certificate may name anything: circles, log-in pages, this machine.
web_sign mallory issuing "keyUsage=critical,nonRepudiation
crlDistributionPoints=URI:$NGINX_URL/loop,URI:ftp://ca.invalid/x"
web_sign trudy issuing "keyUsage=critical,nonRepudiation
crlDistributionPoints=URI:$NGINX_URL/portal"
cp good.crl "$NGINX_FILES/issuing.crl"
expect 1 pull --know "$PKI/mallory.pem" --know "$PKI/trudy.pem"
says "bad-answer crl $NGINX_URL/loop"
says "captive-portal crl $NGINX_URL/portal"
expect 1 "$SIGNET_BUILD/tests/pull_driver"
says "policy crl $NGINX_URL/loop"

# By OCSP alone: good, then whatever is wrong, then revoked.
expect 1 pull --know "$PKI/bob.pem"
says "changed ocsp $OCSP_URL"
expect 0 judge bob
holds jq -e '.revocation | any(.kind == "ocsp" and .status == "good")' "$tmp/out"
for mode in fail:server-failed portal:captive-portal garbage:bad-answer replay:bad-answer; do
    ocsp_mode "${mode%:*}"
    expect 1 pull
    says "${mode#*:} ocsp $OCSP_URL"
    expect 0 judge bob
done
ocsp_mode no-nonce
expect 1 pull
says "changed ocsp $OCSP_URL"
web_revoke bob
ocsp_mode good
expect 1 pull
says "changed ocsp $OCSP_URL"
expect 2 judge bob
json 'sub_indication="REVOKED_NO_POE"'

# And by CRL: revoked is revoked, offline.
web_revoke alice
rm "$NGINX_FILES/issuing.crl"
web_crl "$NGINX_FILES/issuing.crl"
expect 1 pull
says "changed crl $NGINX_URL/issuing.crl"
nginx_stop
ocsp_stop
expect 2 judge alice
json 'sub_indication="REVOKED_NO_POE"'
expect 2 judge alice --revocation soft
json 'sub_indication="REVOKED_NO_POE"'
expect 1 pull
says "network crl $NGINX_URL/issuing.crl"
passed
