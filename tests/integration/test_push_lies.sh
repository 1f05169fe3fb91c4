#!/bin/bash
# Is what a server lies about noticed and named, and does the next sync complete what it hindered, once?
. "${SIGNET_SOURCE:-$(dirname "$0")/../..}/tests/support/lib.sh"
. "$SIGNET_SOURCE/tests/support/push.sh"
. "$SIGNET_SOURCE/tests/support/server_liar.sh"
at_exit=stop_all
stop_all() {
    liar_stop
}

liar_has() { # COUNT
    holds test "$(curl -s "$LIAR_URL/count")" = "$1"
}

liar_start
# --- servers that lie ---------------------------------------------------------------------------------------------------

lies() { # TYPE CODE WORDS LIE...
    local type=$1 code=$2 words=$3
    shift 3
    liar "$@"
    document lie
    expect 1 push "$type" "$LIAR_URL/lies" "$tmp/lie"
    says "$code $tmp/lie: "
    says "$words"
    # The next time all is well, and once is enough.
    liar honest
    push_timeout='' expect 0 push "$type" "$LIAR_URL/lies" "$tmp/lie"
    push_timeout='' expect 0 push --get "$key" "$type" "$LIAR_URL/lies"
    holds cmp "$tmp/out" "$tmp/lie"
    stored=$((stored + 1))
    liar_has $stored
}
stored=0
lies webdav captive-portal "a web page came in place" portal
lies put captive-portal "a web page came in place" portal-redirect
lies webdav captive-portal "a web page came in place" portal-redirect
lies webdav server-refused "redirects to \"/lies/" circle
lies webdav server-failed "is in trouble (status 503)" status 503
lies put server-failed "is in trouble (status 503)" status 503
lies webdav server-refused "does not allow it (403)" status 403
lies webdav server-refused "does not take anything that large (413)" status 413 PUT
lies webdav server-failed "has no room left (507)" status 507 PUT
lies webdav server-failed "is in trouble (status 502)" status 502 MOVE
lies webdav bad-answer "gives back other bytes" wrong
lies put bad-answer "gives back other bytes" wrong
lies webdav bad-answer "gives back other bytes" short
lies webdav bad-answer "gives back other bytes" long
lies webdav bad-answer "gives back other bytes" endless
lies webdav bad-answer "gives back other bytes" replay
lies webdav captive-portal "a web page came in place" html
lies webdav network "was cut" cut-short
lies webdav network "was cut" cut
lies webdav network "was cut" lost MOVE
lies webdav network "was cut" lost PUT
lies webdav bad-answer "of headers" endless-headers
lies webdav server-failed "is in trouble (status 500)" endless-error
push_timeout=2
lies webdav timeout "made no progress for 2 seconds" slow-headers
lies webdav timeout "made no progress for 2 seconds" silent
push_timeout=
lies webdav bad-answer "does not answer as HTTP wants it" garbage
# An answer that is late and right is right.
liar late 0.5
document late
expect 0 push webdav "$LIAR_URL/lies" "$tmp/late"
passed
