#!/bin/bash
# Does the Debian package install what it should, ask for the libraries that the program needs, run, and leave nothing
# behind when it is removed? dpkg installs into a folder, with a copy of this machine's list of packages: the
# dependencies are judged for real, and the machine stays as it is.
. "${SIGNET_SOURCE:-$(dirname "$0")/../..}/tests/support/lib.sh"
command -v dpkg-shlibdeps > /dev/null || skip "dpkg-dev is not installed"
fixtures

holds cpack --config "$SIGNET_BUILD/CPackConfig.cmake" -G DEB -B "$tmp/package"
package=$(echo "$tmp"/package/signet_*.deb)

field() { # NAME
    dpkg-deb --field "$package" "$1"
}
holds test "$(field Package)" = signet
for library in libc6 libssl3 libp11-kit0 libsqlite3-0 libjansson4 libinih1 libcurl4 libharfbuzz0b libharfbuzz-subset0 libfribidi0 \
    libpng16-16; do
    holds grep -qw "$library" <(field Depends)
done
holds test "$(field Description | wc -l)" -gt 1

root=$tmp/root
mkdir -p "$root"/var/lib/dpkg/{info,updates,triggers}
cp /var/lib/dpkg/status "$root/var/lib/dpkg/status"
in_root() { # DPKG-ARGUMENT...
    dpkg --root="$root" --log=/dev/null --force-not-root --force-bad-path --no-triggers "$@"
}
holds in_root --install "$package"
holds in_root --verify signet
for file in usr/bin/signet usr/share/man/man1/signet.1 usr/share/man/man5/signet.conf.5 usr/share/doc/signet/copyright \
    usr/libexec/signet/signet-text.so usr/lib/systemd/user/signet-sync.{service,timer} usr/lib/systemd/user/signet-sync-watch.service; do
    holds test -f "$root/$file"
done
holds test -z "$(find "$root/usr" -perm /022 ! -type l)"

# The installed program, on its own: it signs, and verifies what it signed.
echo "a page" > "$tmp/page.txt"
installed() { # ARGUMENT...
    env -i PATH=/usr/bin:/bin HOME="$tmp" SIGNET_HOME="$SIGNET_HOME" SIGNET_MODULE="$SIGNET_MODULE" \
        SOFTHSM2_CONF="$SOFTHSM2_CONF" LSAN_OPTIONS="$LSAN_OPTIONS" "$root/usr/bin/signet" "$@" 9< "$SOFTHSM_PIN_FILE"
}
holds installed --version
holds installed sign --pin-fd 9 "$tmp/page.txt"
holds installed verify --anchor "$SIGNET_FIXTURES/ca/root.pem" --crl "$SIGNET_FIXTURES/ca/root.crl" \
    --crl "$SIGNET_FIXTURES/ca/issuing.crl" "$tmp/page.txt.p7s"

holds installed sync --once --json

holds in_root --purge signet
holds test ! -e "$root/usr/bin/signet"
holds test -z "$(find "$root/usr" -type f 2> /dev/null)"
passed
