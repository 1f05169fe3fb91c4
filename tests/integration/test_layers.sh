#!/bin/bash
# Is the architecture enforced? With the very include paths that the build gives a folder, an upward include must not
# compile, and a lawful one must. No source may climb out of its view with "../" or an absolute path.
. "${SIGNET_SOURCE:-$(dirname "$0")/../..}/tests/support/lib.sh"
cd "$SIGNET_SOURCE"
commands=$SIGNET_BUILD/compile_commands.json
[ -f "$commands" ] || failed "no compile_commands.json in $SIGNET_BUILD"

# The compiler and include paths that the build gives a source.
command_of() { # SOURCE
    local line words word paths=()
    line=$(grep -m 1 "\"command\":.* -c $SIGNET_SOURCE/$1\"" "$commands") || failed "$1 is not built"
    read -ra words <<< "${line#*\"command\": \"}"
    ret_command=("${words[0]}" -std=gnu17 -D_GNU_SOURCE -fsyntax-only)
    paths=()
    while [ ${#words[@]} -gt 0 ]; do
        word=${words[0]}
        case $word in
            -I*) paths+=("$word") ;;
            -isystem) paths+=("$word" "${words[1]}") ;;
        esac
        words=("${words[@]:1}")
    done
    ret_command+=("${paths[@]}")
}

compile() { # SOURCE INCLUDE
    command_of "$1"
    printf '#include %s\n' "$2" > "$tmp/probe.c"
    "${ret_command[@]}" "$tmp/probe.c"
}

may() { # SOURCE INCLUDE...
    local source=$1 header
    shift
    for header in "$@"; do
        holds compile "$source" "$header"
    done
}

may_not() { # SOURCE INCLUDE...
    local source=$1 header
    shift
    for header in "$@"; do
        expect 1 compile "$source" "$header"
        says "No such file or directory"
    done
}

base=agent/base/err.c store=agent/store/store.c snapshot=agent/store/snapshot.c tokens=pkcs11/token.c
formats=agent/formats/cades.c verify=agent/verify/verify.c judge=agent/judge/judge.c cli=agent/cli/main.c
look=agent/formats/look_draw.c officer=agent/officer/letters.c sync=agent/sync/http.c sync_cli=agent/cli/sync_main.c

may $base '"base/err.h"'
may $store '"base/err.h"' '"store/snapshot.h"' '"store/store.h"' '<sqlite3.h>'
may $snapshot '"base/err.h"' '"store/snapshot.h"'
may $tokens '"base/err.h"' '"pkcs11/token.h"' '<p11-kit/pkcs11.h>'
may $formats '"base/err.h"' '"formats/cms.h"'
may $verify '"base/err.h"' '"store/snapshot.h"' '"formats/cms.h"' '"verify/verify.h"'
may $judge '"base/sandbox.h"' '"store/snapshot.h"' '"formats/cms.h"' '"verify/verify.h"' '"judge/judge.h"'
may $sync '"base/err.h"' '"store/store.h"' '"formats/cms.h"' '"verify/verify.h"' '<curl/curl.h>'
may $officer '"base/err.h"' '"store/store.h"' '"pkcs11/token.h"' '"formats/cms.h"'
may $cli '"base/err.h"' '"store/store.h"' '"pkcs11/token.h"' '"formats/cms.h"' '"verify/verify.h"'

may_not $base '"store/snapshot.h"' '"store/store.h"' '"pkcs11/token.h"' '"formats/cms.h"' '"verify/verify.h"'
may_not $store '"pkcs11/token.h"' '"formats/cms.h"' '"verify/verify.h"'
may_not $snapshot '"store/store.h"' '"pkcs11/token.h"' '"formats/cms.h"' '"verify/verify.h"'
may_not $tokens '"store/snapshot.h"' '"store/store.h"' '"formats/cms.h"' '"verify/verify.h"'
may_not $formats '"store/snapshot.h"' '"store/store.h"' '"pkcs11/token.h"' '"verify/verify.h"'
may_not $verify '"judge/judge.h"' '"store/store.h"' '"pkcs11/token.h"' '"officer/letters.h"'
may_not $judge '"store/store.h"' '"pkcs11/token.h"' '"cli/app.h"'
may_not $sync '"pkcs11/token.h"' '"officer/letters.h"'
may_not $officer '"verify/verify.h"'
may $sync_cli '"sync/sync.h"' '"verify/verify.h"' '"pkcs11/token.h"'
may_not $cli '"sync/sync.h"'
may $look '"formats/pdf_look.h"' '<hb.h>' '<fribidi.h>' '<png.h>'
may_not $look '"store/store.h"' '"verify/verify.h"' '"pkcs11/token.h"'
may_not $formats '<hb.h>' '<fribidi.h>'
for source in $base $store $snapshot $formats $verify $officer $sync $cli; do
    may_not "$source" '<p11-kit/pkcs11.h>' '<p11-kit/p11-kit.h>'
done

# What the include paths cannot stop.
holds test -z "$(grep -rnE '#[[:space:]]*include[[:space:]]*["<](\.\.|/|.*/\.\./)' agent pkcs11 --include='*.[ch]')"
# The program that signs and verifies has no HTTP client in it, and the one that syncs has.
needs_curl() { # PROGRAM
    readelf --dynamic "$1" | grep 'NEEDED.*libcurl' > /dev/null
}
rejects needs_curl "$SIGNET"
rejects needs_curl "$SIGNET_BUILD/agent/libexec/signet/signet-token-host"
holds needs_curl "$SIGNET_BUILD/agent/libexec/signet/signet-sync"
# What modules link, nothing else does; and a module exports its table alone.
needs_harfbuzz() { # PROGRAM
    readelf --dynamic "$1" | grep 'NEEDED.*libharfbuzz' > /dev/null
}
rejects needs_harfbuzz "$SIGNET"
holds needs_harfbuzz "$SIGNET_BUILD/agent/libexec/signet/signet-text.so"
holds test "$(nm --dynamic --defined-only "$SIGNET_BUILD/agent/libexec/signet/signet-text.so" | cut -d" " -f3 | grep -v "^__odr_asan")" = sg_text_table
# One folder has an HTTP client, and in it the files that are named for it.
holds test -z "$(grep -rlE '#[[:space:]]*include[[:space:]]*<curl/' agent pkcs11 --include='*.[ch]' | grep -v '^agent/sync/http')"
passed
