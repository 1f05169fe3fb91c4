#!/bin/bash
# Installs what is missing of the Debian packages that packages.txt lists for these purposes, and says which:
#
#     softhsm-fixtures/install.sh build fixtures
set -euo pipefail

list=$(dirname "${BASH_SOURCE[0]}")/packages.txt

fail() { # WHAT
    echo "$*" >&2
    exit 69
}

wanted() { # PURPOSE...
    local purpose
    for purpose in "$@"; do
        awk -v purpose="$purpose" '!/^#/ { for (i = 2; i <= NF; i++) if ($i == purpose) print $1 }' "$list"
    done
}

installed() { # PACKAGE
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2> /dev/null)" = installed ]
}

mapfile -t packages < <(wanted "$@")
command -v dpkg-query > /dev/null || {
    echo "This is no Debian: what is needed is called there ${packages[*]}." >&2
    exit 0
}
missing=()
for package in "${packages[@]}"; do
    installed "$package" || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

run=()
if [ "$(id -u)" != 0 ]; then
    command -v sudo > /dev/null || fail "Missing packages. As root, type: apt-get install ${missing[*]}"
    run=(sudo)
fi
run+=(env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0)
echo "Installing ${missing[*]}" >&2
log=$(mktemp)
trap 'rm -f "$log"' EXIT
{
    "${run[@]}" update && "${run[@]}" install --yes --no-install-recommends "${missing[@]}"
} > "$log" 2>&1 < /dev/null || {
    cat "$log" >&2
    fail "apt-get could not install ${missing[*]}"
}
