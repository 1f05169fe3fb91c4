# A TPM 2.0 in software for integration tests, reached through tpm2-pkcs11 and the resource manager tpm2-abrmd on a
# message bus of the test's own. Sourced after lib.sh; the test then runs in namespaces of its own (namespace.sh).
#
#     fixtures
#     tpm_start
#     tpm_key p256 EC:prime256v1          a key and its certificate by the fixtures' CA
#
# The token is "tpm", its PIN that of the fixtures; SIGNET_MODULE is tpm2-pkcs11 from tpm_start on.
# shellcheck shell=bash disable=SC2154
# shellcheck source=tests/support/namespace.sh
. "$SIGNET_SOURCE/tests/support/namespace.sh"

needs swtpm tpm2-abrmd dbus-daemon tpm2_getcap tpm2_ptool pkcs11-tool
tpm2_pkcs11=$(find /usr/lib* -name 'libtpm2_pkcs11.so*' -print -quit)
needs "${tpm2_pkcs11:-libtpm2_pkcs11.so}"

# The module asks for memory so often that whole stacks for LeakSanitizer are half of what a test takes.
export ASAN_OPTIONS=$ASAN_OPTIONS:malloc_context_size=10

tpm_start() {
    local folder=$tmp/tpm port=2321
    mkdir -p "$folder/state" "$folder/store"
    swtpm socket --tpm2 --tpmstate "dir=$folder/state" --server "type=tcp,port=$port,bindaddr=127.0.0.1" \
        --ctrl "type=tcp,port=$((port + 1)),bindaddr=127.0.0.1" --flags not-need-init,startup-clear \
        --pid "file=$folder/pid" > "$folder/swtpm.log" 2>&1 &
    cat > "$folder/bus.conf" <<CONF
<busconfig>
  <type>session</type>
  <listen>unix:path=$folder/bus</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
CONF
    dbus-daemon --config-file="$folder/bus.conf" --nofork --nopidfile > "$folder/bus.log" 2>&1 &
    until_holds test -s "$folder/pid" -a -S "$folder/bus"

    export DBUS_SESSION_BUS_ADDRESS=unix:path=$folder/bus TSS2_LOG=all+NONE
    export TPM2TOOLS_TCTI=tabrmd:bus_type=session
    export TPM2_PKCS11_TCTI=$TPM2TOOLS_TCTI TPM2_PKCS11_STORE=$folder/store TPM2_PKCS11_LOG_LEVEL=0
    tpm2-abrmd --session --allow-root --tcti="swtpm:host=127.0.0.1,port=$port" > "$folder/abrmd.log" 2>&1 &
    until_holds tpm2_getcap properties-fixed
    {
        tpm2_ptool init --path="$folder/store"
        tpm2_ptool addtoken --pid=1 --label=tpm --path="$folder/store" --sopin=12345678 \
            --userpin="$(cat "$SOFTHSM_PIN_FILE")"
    } > "$folder/ptool.log" 2>&1
    export SIGNET_MODULE=$tpm2_pkcs11
}

tpm_tool() { # PKCS11-TOOL-ARGUMENT...
    pkcs11-tool --module "$tpm2_pkcs11" --token-label tpm --login --pin "$(cat "$SOFTHSM_PIN_FILE")" "$@" \
        >> "$tmp/tpm/tool.log" 2>&1
}

tpm_key() { # NAME TYPE
    tpm_tool --keypairgen --key-type "$2" --id "$(od -An -tx1 <<< "$1" | tr -d ' \n')" --label "$1"
    tpm_tool --read-object --type pubkey --label "$1" --output-file "$tmp/spki.der"
    openssl pkey -pubin -inform DER -in "$tmp/spki.der" -out "$tmp/$1.pub"
    certificate_for "$tmp/$1.pub" "TPM $1" qualified "$tmp/$1.pem"
    tpm2_ptool addcert --label=tpm --key-label="$1" --path="$TPM2_PKCS11_STORE" "$tmp/$1.pem" \
        >> "$tmp/tpm/ptool.log" 2>&1
}
