# A smartcard for integration tests: a PIV card in software (pivsim.py, pivcard.py) in pcscd's virtual reader, driven by
# OpenSC. Sourced after lib.sh; the test then runs in namespaces of its own (namespace.sh).
#
#     fixtures
#     card_make "$tmp/card" 9c:p256:qualified     a card with a key and a certificate of the fixtures' CA
#     card_start                                  pcscd with an empty reader
#     card insert "$tmp/card"                     the path is absolute
#     expect 0 "$SIGNET" token list               SIGNET_MODULE is OpenSC from now on
#     holds test "$(card get verifies)" = 0
#
# Commands of `card` are those of pivsim.py; `insert` and `remove` also wait until pcscd tells programs of it. The PIN
# of every card is that of the fixtures, so that signet_pin works; the PUK is 12345678. What the card was asked and what
# it answered is in $tmp/card.log, pcscd's own log in $tmp/pcscd.log.
# shellcheck shell=bash
# shellcheck source=tests/support/namespace.sh
. "$SIGNET_SOURCE/tests/support/namespace.sh"

vpcd=/etc/reader.conf.d/vpcd
needs pcscd opensc-tool "$vpcd"
opensc=$(find /usr/lib* -name opensc-pkcs11.so -print -quit)
needs "${opensc:-opensc-pkcs11.so}"
/usr/bin/python3 -c 'import cryptography' 2> /dev/null || skip "python3-cryptography is not installed"

pivsim() { # ARGUMENT...
    PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 "$SIGNET_SOURCE/tests/support/pivsim.py" "$@"
}

# A folder that is a card with these keys, or a blank one. A certificate's section is one of ca.cnf; its subject says
# the card's and the key's name.
card_make() { # FOLDER [KEY:p256|p384|rsa2048|rsa3072:SECTION]...
    local folder=$1 spec key type section
    shift
    mkdir "$folder"
    for spec in "$@"; do
        IFS=: read -r key type section <<< "$spec"
        case $type in
            p*) type=(EC -pkeyopt "ec_paramgen_curve:P-${type#p}") ;;
            rsa*) type=(RSA -pkeyopt "rsa_keygen_bits:${type#rsa}") ;;
        esac
        openssl genpkey -quiet -algorithm "${type[@]}" -out "$folder/$key.key"
        openssl pkey -in "$folder/$key.key" -pubout -out "$tmp/card.pub"
        certificate_for "$tmp/card.pub" "${folder##*/} $key" "$section" "$folder/$key.pem"
    done
}

# pcscd with the virtual reader alone (no reader of the machine), and the simulator.
card_start() {
    mkdir "$tmp/readers" "$tmp/no-drivers"
    cp "$vpcd" "$tmp/readers/"
    pcscd_start
    pivsim serve "$tmp/card.socket" > "$tmp/card.log" 2>&1 &
    until_holds test -S "$tmp/card.socket"
    export SIGNET_MODULE=$opensc
}

pcscd_start() {
    PCSCLITE_HP_DROPDIR=$tmp/no-drivers pcscd --foreground --debug --config "$tmp/readers" >> "$tmp/pcscd.log" 2>&1 &
    pcscd_pid=$!
    until_holds reader_is No
}

pcscd_stop() {
    kill "$pcscd_pid"
    wait "$pcscd_pid" || true
}

# What pcscd says of the first reader: is there a card in it?
reader_is() { # Yes|No
    [ "$(opensc-tool --list-readers 2>&1 | awk '$1 == "0" { print $2 }')" = "$1" ]
}

card() { # COMMAND [ARGUMENT...]
    pivsim ask "$tmp/card.socket" "$@" || failed "card $*"
    case $1 in
        insert) until_holds reader_is Yes ;;
        remove) until_holds reader_is No ;;
    esac
}

# Takes the card out and puts another in.
card_swap() { # FOLDER
    card remove
    card insert "$1"
}

# A check that a command made one of the card's counters rise by exactly this:
#
#     rises wrong 1 expect 77 "$SIGNET" sign ...
rises() { # COUNTER BY COMMAND...
    local counter=$1 by=$2 before rise
    shift 2
    before=$(card get "$counter")
    "$@"
    rise=$(($(card get "$counter") - before))
    [ "$rise" = "$by" ] || failed "the card's $counter rose by $rise instead of $by: $*"
    checks=$((checks + 1))
}
