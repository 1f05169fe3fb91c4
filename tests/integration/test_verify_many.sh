#!/bin/bash
# Thousands of files and folder trees in one command: is each judged once, in order, and the summary right; does no name
# lead out of the tree or into waiting; and do the processes that read the files have no way to do anything else?
. "${SIGNET_SOURCE:-$(dirname "$0")/../..}/tests/support/lib.sh"
fixtures
cd "$tmp"
ca=$SIGNET_FIXTURES/ca soft=$SIGNET_FIXTURES/soft
holds "$SIGNET" trust add "$ca/root.pem" --yes --intermediate "$ca/issuing.pem" \
    --crl "$ca/root.crl" --crl "$ca/issuing.crl"
printf 'a text\n' > text
printf 'another\n' > other
sign_text() { # OUT OPTION...
    openssl cms -sign -binary -in text -signer "$soft/good.pem" -inkey "$soft/good.key" -certfile "$ca/issuing.pem" \
        -outform DER -cades -out "$@"
}
sign_text good.p7s
sign_text good.p7m -nodetach
head -c 200 good.p7s > short.p7s

# --- a tree ---------------------------------------------------------------------------------------------------------------

put() { # NAME CONTENT SIGNATURE: in the tree
    mkdir -p "$(dirname "tree/$1")"
    cp "$2" "tree/$1"
    cp "$3" "tree/$1.p7s"
}
put b/one text good.p7s
put b/deep/er/two text good.p7s
put 'a folder/with spaces' text good.p7s
put $'c/new\nline' text good.p7s
put $'c/not \xff utf-8' text good.p7s
put $'c/esc\x1b[2Jape' text good.p7s
put -dash text good.p7s
cp good.p7m tree/b/attached.p7m
cp good.p7m tree/b/ATTACHED.P7M
cp text tree/b/no-signature # does not count
: > tree/b/.p7s             # nor does a name that is only an ending

expect 0 "$SIGNET" verify --recursive tree
says '9 files:'
holds grep -qE '^  VALID +9$' "$tmp/out"
holds grep -qE '^  NOT VALID +0$' "$tmp/out"
holds grep -qE '^  NOT JUDGED +0$' "$tmp/out"
rejects grep -q $'\x1b' "$tmp/out"
rejects grep -q 'Those that are not valid' "$tmp/out"

# On a terminal a bar shows how far it is; elsewhere there is none.
if command -v script > /dev/null; then
    script -qec "'$SIGNET' verify --recursive tree > report" /dev/null < /dev/null > bar
    holds grep -q ' 9/9 ' bar
    holds grep -q '9 files:' report
fi
rejects grep -qF '[###' "$tmp/err"

# One line of JSON a file, in the order of the names, however many work.
order() { /usr/bin/python3 -c 'import json,sys; [print(json.loads(line)["file"].split("/",1)[1].split("/")[-1]) for line in sys.stdin]'; }
expect 0 "$SIGNET" verify --json --recursive tree
json
holds test "$(wc -l < "$tmp/out")" = 9
order < "$tmp/out" > names
printf '%s\n' '-dash.p7s' 'with spaces.p7s' 'ATTACHED.P7M' 'attached.p7m' 'two.p7s' 'one.p7s' $'esc\x1b[2Jape.p7s' $'new\nline.p7s' \
    $'not \xef\xbf\xbd utf-8.p7s' > wanted
holds cmp names wanted
for jobs in 1 7; do
    expect 0 "$SIGNET" verify --json --recursive --jobs "$jobs" tree
    order < "$tmp/out" > names
    holds cmp names wanted
    holds test "$(grep -c '"indication":"TOTAL-PASSED"' "$tmp/out")" = 9
done
expect 64 "$SIGNET" verify --jobs 0 tree/b/one
expect 64 "$SIGNET" verify --jobs many tree/b/one
expect 66 "$SIGNET" verify tree
says is-folder

# Those that are not valid, each where it belongs; the exit status is the worst one's.
put bad/changed other good.p7s
mkdir -p tree/bad/alone
cp good.p7s tree/bad/alone/gone.p7s
cp short.p7s tree/bad/short.p7s
cp short.p7s tree/bad/short2.p7m
expect 65 "$SIGNET" verify --recursive tree
for row in 'VALID +9' 'NOT VALID +1' 'CANNOT TELL +1' 'NOT JUDGED +2'; do
    holds grep -qE "^  $row\$" "$tmp/out"
done
holds grep -q '^  NOT VALID    tree/bad/changed.p7s$' "$tmp/out"
holds grep -q '^  CANNOT TELL  tree/bad/alone/gone.p7s$' "$tmp/out"
holds grep -q '^  NOT JUDGED   tree/bad/short.p7s$' "$tmp/out"
rm -r tree/bad

# Links lead out of the tree for nobody, and a FIFO is not waited for.
mkdir outside
cp text outside/linked && cp good.p7s outside/linked.p7s
ln -s ../outside tree/folder-link
ln -s ../outside/linked.p7s tree/file-link.p7s
ln -s . tree/loop
mkfifo tree/fifo.p7s
expect 0 timeout 60 "$SIGNET" verify --recursive tree
says '9 files:'
cp good.p7s tree/linked.p7s
ln -s ../outside/linked tree/linked # its content
expect 66 timeout 60 "$SIGNET" verify --json --recursive tree
holds grep -q '"file":"tree/linked.p7s"\|"file":"tree/linked"' "$tmp/out"
says 'leads out of its folder'
ln -sf b/one tree/linked # within the tree it is followed
expect 0 "$SIGNET" verify --recursive tree
says '10 files:'
rm tree/linked && mkfifo tree/linked
expect 66 timeout 60 "$SIGNET" verify --recursive tree
says 'no regular file'
rm tree/linked tree/linked.p7s tree/folder-link tree/file-link.p7s tree/loop tree/fifo.p7s

# A folder that cannot be looked into is told; two trees, and a file, in their order.
if [ "$(id -u)" != 0 ]; then
    mkdir tree/shut && chmod 000 tree/shut
    expect 66 "$SIGNET" verify --recursive tree
    says 'cannot be looked into'
    chmod 700 tree/shut && rmdir tree/shut
fi
cp good.p7s text.p7s
expect 0 "$SIGNET" verify --json --recursive outside text.p7s tree/b
holds test "$(wc -l < "$tmp/out")" = 6
mkdir empty
expect 0 "$SIGNET" verify --recursive empty

# --- very many, with few descriptors and little memory --------------------------------------------------------------------

mkdir many
for ((i = 0; i < 1500; i++)); do
    ln good.p7m "many/$i.p7m"
done
few() { (ulimit -n 64 && "$SIGNET" "$@"); }
expect 0 few verify --quiet --recursive many
expect 0 few verify --json --jobs 8 many/*.p7m
holds test "$(wc -l < "$tmp/out")" = 1500
holds test "$(grep -c '"indication":"TOTAL-PASSED"' "$tmp/out")" = 1500
# What is not read does not pile up: a reader that takes its time makes the rest wait.
peak() { # of the process, in kB
    /usr/bin/python3 - "$@" << 'PYTHON'
import resource, subprocess, sys
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
PYTHON
}
small=$(peak "$SIGNET" verify --recursive tree) large=$(peak "$SIGNET" verify --recursive many)
holds test "$large" -lt $((small + 20000))

# --- stopping --------------------------------------------------------------------------------------------------------------

# A signal ends it all, also while it waits for a pipe that somebody named.
mkfifo wait
stopped() { # FILE...: the last is the pipe, that nobody writes to
    local pid got=0
    "$SIGNET" verify "$@" > "$tmp/out" 2> "$tmp/err" &
    pid=$!
    for ((i = 0; i < 600; i++)); do
        ! grep -qx wait_for_partner "/proc/$pid/wchan" || break
        sleep 0.1
    done
    holds grep -qx wait_for_partner "/proc/$pid/wchan"
    holds kill -TERM "$pid"
    wait "$pid" || got=$?
    holds test "$got" = 143
    says 'cancelled'
}
stopped tree/b/attached.p7m wait
stopped wait

# --- what the processes can do --------------------------------------------------------------------------------------------

mkdir traced
for ((i = 0; i < 40; i++)); do cp good.p7m "traced/$i.p7m"; done
if strace -o trace -f true 2> /dev/null; then
    strace -f -o trace "$SIGNET" verify --recursive traced > report
    holds test -s report
    main=$(head -1 trace | cut -d' ' -f1)
    rejects grep -E 'socket|connect\(|sendto|sendmsg|bind\(' trace
    holds test "$(grep -c 'execve' trace)" = 1
    rejects grep -E 'open.*(O_WRONLY|O_RDWR|O_CREAT|O_TMPFILE|O_TRUNC)|unlink|rename|mkdir|creat\(|truncate|pwrite|writev' trace
    rejects grep -F store.db trace
    # The first process writes its report alone; each other one writes to its pipe alone, and opens nothing but what is
    # known of trust.
    holds test -z "$(grep -E "^$main +write\(" trace | grep -vE "^$main +write\(1,")"
    grep -vE "^$main " trace > children
    holds test -s children
    holds test -z "$(grep -E ' write\(' children | sed -E 's/^([0-9]+) +write\(([0-9]+),.*/\1 \2/' | sort -u | cut -d' ' -f1 | uniq -d)"
    rejects grep -E ' write\([012],' children
    awk '/seccomp\(SECCOMP_SET_MODE_FILTER/ { inside[$1] = 1 } inside[$1]' children > inside
    holds test -z "$(grep -E ' (openat|openat2)\(' inside | grep -vF "$SIGNET_HOME/trust/" | grep -vF /etc/localtime)"
else
    echo "not traced: ptrace is not allowed here"
fi

# Another user, who may read the state and write nowhere.
if [ "$(id -u)" = 0 ] && command -v setpriv > /dev/null; then
    chmod 755 "$tmp" "$tmp/fixtures"
    cp -r "$SIGNET_HOME" shared && chmod -R a+rX shared tree text.p7s text
    expect 0 env -u XDG_RUNTIME_DIR SIGNET_HOME="$tmp/shared" setpriv --reuid=65534 --regid=65534 --clear-groups \
        "$SIGNET" verify --recursive tree text.p7s
    says '10 files:'
fi

# --- text form ------------------------------------------------------------------------------------------------------------

openssl cms -sign -binary -in text -signer "$soft/good.pem" -inkey "$soft/good.key" -certfile "$ca/issuing.pem" \
    -outform PEM -nodetach -cades -out armoured.p7m
expect 0 "$SIGNET" verify armoured.p7m
passed
