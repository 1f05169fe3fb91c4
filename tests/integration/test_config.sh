#!/bin/bash
# Is configuration read in its order, bounded by nothing unknown, and is each mistake named with file and line?
. "${SIGNET_SOURCE:-$(dirname "$0")/../..}/tests/support/lib.sh"
cd "$tmp"
export SIGNET_HOME=$tmp/home
mkdir home
unset SIGNET_MODULE

expect 0 "$SIGNET" config show --origin
says "revocation = hard"
says "built-in"
expect 0 "$SIGNET" config show
holds diff <(grep '^\[' "$tmp/out") <(printf '[%s]\n' sign token verify trust sync policy)
holds test "$(grep -c "^$" "$tmp/out")" = 5
rejects grep -v -e '^[a-z-]* =' -e '^\[[a-z]*\]$' -e '^$' "$tmp/out"
expect 0 "$SIGNET" config check

cat > home/signet.conf <<'CONF'
; a comment
[verify]
revocation = soft
stale = 3d
[token]
modules = /usr/lib/one.so
modules = /usr/lib/two.so
CONF
expect 0 "$SIGNET" config show --origin
says "revocation = soft"
says "user, $tmp/home/signet.conf:3"
says "modules = /usr/lib/two.so"
expect 0 "$SIGNET" config show --json
json
holds grep -q '"/usr/lib/one.so","/usr/lib/two.so"' "$tmp/out"
expect 0 env SIGNET_MODULE=/a.so:/b.so "$SIGNET" config show --origin
says "modules = /b.so    ; environment, SIGNET_MODULE"
rejects grep one.so "$tmp/out"
expect 0 env SIGNET_MODULE=/a.so "$SIGNET" config show --origin --module /c.so
says "modules = /c.so    ; option, --module"

# What is wrong is said with its line, whatever command was asked for.
wrong() { # LINE TEXT
    printf '%b' "$2" > home/signet.conf
    expect 78 "$SIGNET" config check --json
    json 'error.code="config"' 'error.retry=false'
    says "home/signet.conf:$1"
    expect 78 "$SIGNET" trust list
}
wrong 1 '[nonsense]\nkey = value\n'
wrong 2 '[verify]\nnonsense = 1\n'
wrong 2 '[verify]\nrevocation = maybe\n'
wrong 2 '[verify]\nstale = soon\n'
wrong 3 '[verify]\nrevocation = soft\nrevocation = hard\n'
wrong 2 '[token]\nisolation = apart\n'
wrong 2 '[sign]\nlevel = B-X\n'
wrong 2 '[token]\nallow-key = 1234\n'
wrong 2 "[sign]\nkey = $(printf 'x%.0s' $(seq 5000))\n"
printf '[policy]\ncustody = strict\n' > home/signet.conf
expect 78 "$SIGNET" config check
printf '[backup]\nkeep = 7\n' > home/signet.conf
expect 78 "$SIGNET" config check
chmod 000 home/signet.conf
[ "$(id -u)" = 0 ] || expect 78 "$SIGNET" config check
chmod 600 home/signet.conf

# An option that is not right is an option's fault.
rm home/signet.conf
expect 64 "$SIGNET" verify --revocation maybe x
expect 64 "$SIGNET" config show --nonsense
for command in token trust cert config; do
    expect 0 "$SIGNET" "$command" --help
    holds diff <(sed -n 's/^  \([a-z]*\) [a-z]* .*/\1/p' "$tmp/out" | sort -u) <(echo "$command")
    expect 64 "$SIGNET" "$command"
    says "signet $command --help"
done
expect 0 "$SIGNET" help
says "trust add"
expect 64 "$SIGNET" trust add --nonsense
says "see signet trust add --help"
expect 64 "$SIGNET" --nonsense
says "see signet --help"
expect 64 "$SIGNET" config
expect 64 "$SIGNET" nonsense
expect 64 "$SIGNET" doctor
expect 64 "$SIGNET"
expect 0 "$SIGNET" --help
expect 0 "$SIGNET" --version
expect 0 "$SIGNET" config show --help

# A folder of one's own is made private, and XDG's folders are used without SIGNET_HOME.
unset SIGNET_HOME
mkdir -p xdg/config/signet
echo '[verify]
revocation = none' > xdg/config/signet/signet.conf
expect 0 env XDG_CONFIG_HOME="$tmp/xdg/config" XDG_STATE_HOME="$tmp/xdg/state" "$SIGNET" config show --origin
says "revocation = none"

# A disk that is full is noticed on output too.
expect 74 bash -c "'$SIGNET' config show > /dev/full"

# Sections with a name of their own.
mkdir "$tmp/groups"
printf '[target "b"]\nurl = https://b/\n[tsa "t"]\nurl = http://t\n[target "a"]\nurl = http://a\ntype = s3\n' > "$tmp/groups/signet.conf"
SIGNET_HOME=$tmp/groups expect 0 "$SIGNET" config show
holds test "$(grep -c '^\[target "[ab]"\]$\|^\[tsa "t"\]$' "$tmp/out")" = 3
SIGNET_HOME=$tmp/groups expect 0 "$SIGNET" config show --json
holds test "$(jq -r 'select(.section == "target \"a\"" and .key == "type") | .value' "$tmp/out")" = s3
echo '[target "a"]' >> "$tmp/groups/signet.conf"
SIGNET_HOME=$tmp/groups expect 78 "$SIGNET" config check
says "signet.conf:8: [target \"a\"] is there twice"

passed
