#!/bin/bash
# Do the certificates that a CA sends back for a list get to the tokens that have their keys, whatever the files are
# called, and is everything that does not fit told before a token is touched? Does a run that is killed in the middle go
# on, is one reader's stack worked through, and does such a token then sign what verifies?
. "${SIGNET_SOURCE:-$(dirname "$0")/../..}/tests/support/lib.sh"
fixtures
ca=$SIGNET_FIXTURES/ca
export SIGNET_HOME=$tmp/home SOFTHSM2_CONF=$tmp/softhsm2.conf
export ONE_SLOT_FOLDER=$tmp/reader ONE_SLOT_MODULE=$SIGNET_MODULE
mkdir "$tmp/tokens" "$tmp/reader"
printf '%s\n' "directories.tokendir = $tmp/tokens" "log.level = ERROR" > "$SOFTHSM2_CONF"
cd "$tmp"
for officer in safe-1 safe-2; do
    openssl req -x509 -newkey rsa:2048 -nodes -keyout $officer.key -out $officer.pem -subj "/CN=$officer" -days 30 \
        -addext keyUsage=keyEncipherment 2> check || failed "no certificate for $officer: $(cat check)"
done
{
    echo name,email,subject
    for ((i = 1; i <= 5; i++)); do echo "Person $i,p$i@example.org,\"CN=Person $i,O=Signet Test\""; done
} > staff.csv
folders=(--csr-dir csr --letters letters --escrow escrow --escrow-to safe-1.pem --escrow-to safe-2.pem --plain-letters)
certify=("$SIGNET" token provision --csv staff.csv --certificates back --all)

at=() # a command that says when the CA does it
issue() { # CSR OUT SUBJECT EMAIL: as the CA does it
    local csr=$1 out=$2 subject=$3 email=$4
    openssl req -in "$csr" -noout -pubkey > key.pem
    {
        printf '%s\n' 'basicConstraints = critical, CA:FALSE' 'keyUsage = critical, nonRepudiation' \
            'subjectKeyIdentifier = hash' 'authorityKeyIdentifier = keyid'
        [ -z "$email" ] || echo "subjectAltName = email:$email"
    } > issue.ext
    holds "${at[@]}" openssl x509 -new -force_pubkey key.pem -subj "$subject" -CA "$ca/issuing.pem" -CAkey "$ca/issuing.key" \
        -set_serial "0x61$(openssl rand -hex 8)" -extfile issue.ext -out "$out" -days 30
}
for_person() { # NUMBER OUT
    issue "csr/000$1-"*.csr "$2" "/C=GB/O=Signet Test/CN=Person $1" "p$1@example.org"
}
refused() { # TEXT: a wrong one in back/, by which nothing is touched
    expect 77 "${certify[@]}"
    says "$1"
    says "no token was touched"
    rejects grep -rqaF 'Signet Test' tokens # the issuer's name
}

# ---- before there are tokens -----------------------------------------------------------------------------------------

mkdir back
expect 66 "${certify[@]}"
says "No tokens were made for this list"
expect 64 "${certify[@]}" --letters letters
says "--letters is for making tokens"
expect 64 "$SIGNET" token provision --certificates back
expect 0 "$SIGNET" token provision --all --csv staff.csv "${folders[@]}"

# ---- what does not fit -----------------------------------------------------------------------------------------------

cp "$ca/root.pem" "$ca/issuing.pem" back
for i in 1 2 3 4; do for_person $i back/$i.pem; done
openssl req -newkey rsa:2048 -nodes -keyout other.key -subj /CN=other -out other.csr 2> check
issue other.csr back/wrong.pem "/O=Signet Test/CN=Person 5" p5@example.org
refused "belongs to no key that was made for this list"
issue csr/0005-*.csr back/wrong.pem "/O=Signet Test/CN=Person 4" p5@example.org
refused 'is of "CN=Person 4,O=Signet Test"; "CN=Person 5,O=Signet Test" was asked for'
issue csr/0005-*.csr back/wrong.pem "/O=Signet Test/CN=Person 5" p4@example.org
refused "does not have the address p5@example.org"
issue csr/0005-*.csr back/wrong.pem "/O=Signet Test/CN=Person 5" ""
refused "does not have the address p5@example.org"
at=(faketime "2020-01-01 00:00:00")
for_person 5 back/wrong.pem
at=()
refused "has expired"
echo nothing > back/wrong.pem
refused "wrong.pem"
# All of them are told at once.
issue csr/0004-*.csr back/4.pem "/O=Signet Test/CN=Person 1" p4@example.org
refused "2 do not fit"
for_person 4 back/4.pem
rm back/wrong.pem

# ---- what does, as CAs send it ---------------------------------------------------------------------------------------

# Any names; DER; several in a file, with the issuers; an older one for the same key; a CA that has nothing to do with it.
rm back/*.pem
at=(faketime -f -1d)
for i in 1 2 3; do for_person $i $i.pem; done
at=()
cat 1.pem "$ca/issuing.pem" 2.pem "$ca/root.pem" > back/batch.txt
openssl x509 -in 3.pem -outform DER -out back/5.der
cp "$ca/issuing.pem" back/again.pem
for_person 3 back/0-newer.pem
openssl x509 -in back/0-newer.pem -outform DER -out newer.der
openssl req -x509 -newkey rsa:2048 -nodes -keyout other.key -out back/other-ca.pem -subj /CN=Other -days 30 2> check
expect 0 "${certify[@]}" --report report.json
says "warning: A certificate of Person 3 in \"back/5.der\" is left out: there is a newer one"
says "other-ca.pem\" is left out"
says "There is no certificate for the key of Person 4 <p4@example.org> yet"
says "There are certificates for 3 of 5 persons; 0 are on their tokens."
says "All 3 certificates are on their tokens."
/usr/bin/python3 -c 'import json, sys; print(json.dumps(json.load(sys.stdin)))' < report.json > out
json 'rows.2.state="certified"' "rows.2.certificate_sha256=\"$(sha256sum < newer.der | cut -d' ' -f1)\"" \
    'rows.3.state="done"' 'rows.3.certificate_sha256=null' 'rows.3.earlier_token=null'
slot_of() { # ROW: as SoftHSM numbers the token
    local serial
    serial=$(basename "$(echo letters/000"$1"-*)" .letter.txt)
    echo $((16#${serial: -8} & 0x7fffffff))
}
on_token() { # ROW ARGUMENT...
    pkcs11-tool --module "$ONE_SLOT_MODULE" --slot "$(slot_of "$1")" "${@:2}"
}
certificates_of() { on_token "$1" --list-objects --type cert 2> check | grep -c 'Certificate Object'; }
holds grep -rqaF 'Signet Test' tokens
holds test "$(certificates_of 1)" = 3 # with both issuers
holds on_token 3 --read-object --type cert --id 01 --output-file read.der
holds cmp read.der newer.der
rejects on_token 4 --read-object --type cert --id 01

# Again: nothing more is done, and a later one is not put beside it unasked.
expect 0 "${certify[@]}" --json
holds test ! -s out
for_person 1 back/renewed.pem
expect 0 "${certify[@]}"
says "renewed.pem\" is left out: the token has another one already"
rm back/renewed.pem
holds test "$(certificates_of 1)" = 3

# ---- killed in the middle, and run again -----------------------------------------------------------------------------

for_person 4 back/four.pem
for_person 5 back/five.pem
cp -a home home.saved
cp -a tokens tokens.saved
again() { # as it was before both got their certificates
    rm -rf home tokens
    cp -a home.saved home
    cp -a tokens.saved tokens
}
traced() { # STRACE-OPTION...
    strace -qq -e trace=pwrite64 "$@" "${certify[@]}" > traced.out 2> traced.err < /dev/null
}
command -v strace > /dev/null || skip "strace is not installed"
holds traced -o trace
writes=$(grep -c pwrite64 trace)
met=
for ((i = 1; i <= 8; i++)); do # at a write to the store
    again
    status=0
    traced -o trace.killed -e inject=pwrite64:signal=KILL:when=$((1 + (writes - 1) * i / 9)) || status=$?
    holds test $status != 0
    met="$met $(certificates_of 4 || true)$(certificates_of 5 || true)"
    expect 0 "${certify[@]}"
    says "All 5 certificates are on their tokens."
    for person in 4 5; do holds test "$(certificates_of $person)" = 3; done
done
echo "certificates on two tokens after a kill:$met"
holds test -z "${met##*[12]*}" # one that had a part of its own

# ---- signing ---------------------------------------------------------------------------------------------------------

sed -n 's/^PIN: //p' letters/0004-*.txt > pin
echo text > text.txt
judge=("$SIGNET" verify --anchor "$ca/root.pem" --crl "$ca/root.crl" --crl "$ca/issuing.crl")
expect 0 "$SIGNET" sign --key "pkcs11:token=Person%204" --pin-fd 8 text.txt 8< pin
expect 0 "${judge[@]}" text.txt.p7s
says "Person 4"
tamper text.txt changed 0
expect 1 "${judge[@]}" --content changed text.txt.p7s

# ---- who has a token of an earlier list ------------------------------------------------------------------------------

printf 'name,email\nOne,P1@example.org\nSix,p6@example.org\n' > again.csv
expect 0 "$SIGNET" token provision --all --csv again.csv "${folders[@]}"
says "One <P1@example.org> has a token of an earlier list: Person 1"
rejects grep -q 'Six.*has a token' err
printf 'name,email\nOne,p1@example.org\n' > third.csv
for letter in letters/0001-*; do # what was lost is no token that they have
    serial=$(basename "$letter" .letter.txt)
    expect 0 "$SIGNET" token retire "${serial##*-}" --reason keyCompromise
done
expect 0 "$SIGNET" token provision --all --csv third.csv "${folders[@]}" --json
json earlier_token=null
printf 'name,email\nUno,p1@example.org\n' > fourth.csv
expect 0 "$SIGNET" token provision --all --csv fourth.csv "${folders[@]}" --json
json earlier_token.label='"One"'

# ---- one reader's stack ----------------------------------------------------------------------------------------------

export SIGNET_MODULE=$SIGNET_BUILD/tests/one_slot_module.so
insert() { echo "$1" > reader/card.new && mv reader/card.new reader/card; }
within() { # SECONDS COMMAND...: until it holds
    local end=$((SECONDS + $1))
    shift
    until "$@" > check 2>&1; do
        [ $SECONDS -lt $end ] || { head -c 2000 said complained >&2; failed "not in time: $*"; }
        sleep 0.05
    done
    checks=$((checks + 1))
}
asked() { grep -c 'Put in the token of' said; }
more_than() { [ "$(asked)" -gt "$1" ]; }
remove() { # and wait until that was noticed
    local before
    before=$(asked) || true
    rm reader/card
    within 60 more_than "$before"
}
at_exit=stop
stop() { [ -z "${pid:-}" ] || kill -KILL "$pid" 2> "$tmp/check" || true; }

rm -r csr letters escrow back
mkdir back
printf 'name,email\nPerson 1,p1@stack.example\nPerson 2,p2@stack.example\nPerson 3,p3@stack.example\n' > stack.csv
for i in 1 2 3; do
    insert $i
    expect $((i == 3 ? 0 : 69)) "$SIGNET" token provision --all --csv stack.csv "${folders[@]}"
done
for i in 1 2 3; do issue csr/000$i-*.csr back/$i.pem "/CN=Person $i" p$i@stack.example; done
# A card that lets its user alone write: told, and the user does it.
insert 1
touch reader/user-only
expect 77 "$SIGNET" token provision --all --csv stack.csv --certificates back
says "The token takes certificates from its user alone. Give the certificate to Person 1 <p1@stack.example>"
rejects pkcs11-tool --module "$SIGNET_MODULE" --read-object --type cert --id 01
sed -n 's/^PIN: //p' letters/0001-*.txt > pin
expect 0 "$SIGNET" token import back/1.pem --pin-fd 8 8< pin
rm reader/user-only

# Somebody made another key on the third.
insert 3
pin=$(sed -n 's/^PIN: //p' letters/0003-*.txt)
for type in privkey pubkey; do
    holds pkcs11-tool --module "$SIGNET_MODULE" --login --pin "$pin" --delete-object --type $type --id 01
done
holds pkcs11-tool --module "$SIGNET_MODULE" --login --pin "$pin" --keypairgen --key-type EC:prime256v1 --id 01
rm reader/card

: > said
: > complained
"$SIGNET" token provision --csv stack.csv --certificates back >> said 2>> complained < /dev/null &
pid=$!
within 60 grep -q 'Put in the token of Person 1 (serial CARD-1), or another one that waits; there are 3' said
insert 2
within 60 grep -q '^2/3  Person 2 <p2@stack.example>: token Person 2 (serial CARD-2), certificate' said
for refused in "2) of Person 2.* has its certificate already" "3) does not show the key that was made on it" \
    "9) was not made for this list"; do
    remove
    insert "${refused%%)*}"
    within 60 grep -q "CARD-$refused" complained
done
remove
insert 1
within 60 grep -q '^1/3 ' said
kill -TERM $pid
status=0
wait $pid || status=$?
pid=
holds test $status = 143 # the third one is still waited for
insert 3
rejects pkcs11-tool --module "$SIGNET_MODULE" --read-object --type cert --id 01
insert 1
holds pkcs11-tool --module "$SIGNET_MODULE" --read-object --type cert --id 01 --output-file read.der
holds cmp read.der <(openssl x509 -in back/1.pem -outform DER)
passed
