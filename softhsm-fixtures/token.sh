#!/bin/bash
# Makes a folder with private SoftHSM tokens, a small CA and its certificates and CRLs, and prints the shell
# assignments that make a program use them:
#
#     eval "$(softhsm-fixtures/token.sh DIR)"
#
# A folder that is ready is used as it is; one that is incomplete, of another version of these scripts, or more than
# 30 days old is made anew. With SIGNET_FIXTURES_FROM=READY in the environment, DIR becomes a copy of the folder READY
# (made first where needed), which is quicker when many tests want a folder of their own. README.md lists the files.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

fail() {
    echo "token.sh: $*" >&2
    exit 1
}

if [ $# -ne 1 ] || [ -z "$1" ]; then
    echo "usage: eval \"\$(token.sh DIR)\"" >&2
    exit 64
fi

# The PKCS#11 module: named by SOFTHSM_MODULE, or where distributions put it.
find_module() {
    local path
    for path in "${SOFTHSM_MODULE:-}" /usr/lib/softhsm/libsofthsm2.so /usr/lib/*/softhsm/libsofthsm2.so \
        /usr/lib64/softhsm/libsofthsm2.so /usr/lib64/pkcs11/libsofthsm2.so /usr/lib/pkcs11/libsofthsm2.so; do
        if [ -n "$path" ] && [ -e "$path" ]; then
            echo "$path"
            return
        fi
    done
    fail "libsofthsm2.so was not found: install softhsm2, or name it in SOFTHSM_MODULE"
}

# What the folder holds depends on these scripts alone.
version() {
    cat "$here/token.sh" "$here/make.sh" "$here/ca.cnf" | sha256sum | cut -d' ' -f1
}

ready() { # DIR
    [ -f "$1/.ready" ] && [ "$(cat "$1/.ready")" = "$(version)" ] && [ -z "$(find "$1/.ready" -mtime +30)" ]
}

# Only a folder that these scripts began (or an empty one) is ever emptied. The mark is the first file in it.
claim() { # DIR
    mkdir -p "$1"
    [ -z "$(ls -A "$1")" ] || [ -e "$1/.signet-fixtures" ] ||
        fail "$1 is neither empty nor a fixture folder: choose another"
    : >> "$1/.signet-fixtures"
}

empty() { # DIR
    find "$1" -mindepth 1 -maxdepth 1 ! -name .signet-fixtures -exec rm -rf {} +
}

# The only file that says where the folder is.
write_config() { # DIR
    printf '%s\n' "directories.tokendir = $1/tokens" "objectstore.backend = file" "log.level = ERROR" \
        "slots.removable = false" > "$1/softhsm2.conf"
}

make_folder() { # DIR
    empty "$1"
    write_config "$1"
    SOFTHSM2_CONF=$1/softhsm2.conf bash "$here/make.sh" "$1" "$module" > "$1/.log" 2>&1 || {
        cat "$1/.log" >&2
        fail "the tokens could not be made in $1"
    }
    version > "$1/.ready"
}

copy_folder() { # DIR READY
    empty "$1"
    cp -a "$2/tokens" "$2/ca" "$2/certs" "$2/soft" "$2/pin" "$2/so-pin" "$1/"
    mkdir "$1/home"
    write_config "$1"
    version > "$1/.ready"
}

# Two processes that want the same folder make it once: the mark of a fixture folder is also its lock.
ensure() { # DIR COMMAND [ARGUMENT...]
    local dir=$1 command=$2
    shift 2
    claim "$dir"
    (
        flock 9
        ready "$dir" || "$command" "$dir" "$@"
    ) 9>> "$dir/.signet-fixtures"
}

for tool in softhsm2-util pkcs11-tool openssl flock; do
    command -v "$tool" > /dev/null || fail "$tool is not installed: run $here/install.sh fixtures"
done
module=$(find_module)
umask 077
dir=$(realpath -ms -- "$1")
case $dir in
    *[$'\n']*) fail "a folder whose name has a line break cannot be used" ;;
esac
if [ -n "${SIGNET_FIXTURES_FROM:-}" ]; then
    from=$(realpath -ms -- "$SIGNET_FIXTURES_FROM")
    ensure "$from" make_folder
    ensure "$dir" copy_folder "$from"
else
    ensure "$dir" make_folder
fi

printf 'export %s=%q\n' SOFTHSM2_CONF "$dir/softhsm2.conf" SIGNET_MODULE "$module" SIGNET_HOME "$dir/home" \
    SOFTHSM_PIN_FILE "$dir/pin" SIGNET_FIXTURES "$dir"
