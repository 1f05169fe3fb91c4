# Mozilla's software token (NSS softokn) for integration tests, sourced after lib.sh; the test then runs in namespaces
# of its own (namespace.sh). The module wants an init string, which only p11-kit's configuration can give it: in the
# test's mount namespace NSS is the one module that p11-kit is configured with, and SIGNET_MODULE is not set.
#
#     fixtures
#     nss_start
#     nss_key p256 -k ec -q nistp256      a key and its certificate by the fixtures' CA
#
# It is the token "NSS Certificate DB"; its PIN is that of the fixtures.
# shellcheck shell=bash disable=SC2154
# shellcheck source=tests/support/namespace.sh
. "$SIGNET_SOURCE/tests/support/namespace.sh"

needs certutil
softokn=$(find /usr/lib* -name libsoftokn3.so -print -quit)
needs "${softokn:-libsoftokn3.so}"

# NSS leaves its tables behind when it is unloaded, and then no stack tells LeakSanitizer that they are its own.
export ASAN_OPTIONS=$ASAN_OPTIONS:detect_leaks=0

# p11-kit knows these modules alone: FOLDER has its *.module files.
only_modules() { # FOLDER
    local place
    for place in /usr/share/p11-kit/modules /etc/pkcs11/modules; do
        [ ! -d "$place" ] || mount --bind "$1" "$place"
    done
    export P11_KIT_NO_USER_CONFIG=1
    unset SIGNET_MODULE
}

nss_start() {
    mkdir "$tmp/nss" "$tmp/modules"
    certutil -N -d "sql:$tmp/nss" -f "$SOFTHSM_PIN_FILE"
    cat > "$tmp/modules/nss.module" <<CONF
module: $softokn
critical: yes
x-init-reserved: configdir='sql:$tmp/nss' certPrefix='' keyPrefix='' secmod='secmod.db'
CONF
    only_modules "$tmp/modules"
}

# The key says of itself that it cannot be taken out, unless ARGUMENTs say otherwise.
nss_key() { # NAME CERTUTIL-ARGUMENT...
    local name=$1
    shift
    head -c 64 /dev/urandom > "$tmp/noise"
    certutil -R -d "sql:$tmp/nss" -f "$SOFTHSM_PIN_FILE" -s "CN=$name" -z "$tmp/noise" -o "$tmp/$name.csr" \
        --keyAttrFlags token,private,sensitive,unextractable "$@" > "$tmp/certutil" 2>&1
    openssl req -inform DER -in "$tmp/$name.csr" -pubkey -noout -out "$tmp/$name.pub"
    certificate_for "$tmp/$name.pub" "NSS $name" qualified "$tmp/$name.pem"
    certutil -A -d "sql:$tmp/nss" -f "$SOFTHSM_PIN_FILE" -n "$name" -t ,, -i "$tmp/$name.pem"
}
