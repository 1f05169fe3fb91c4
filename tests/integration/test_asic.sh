#!/bin/bash
# Do other programs accept our containers, and say the same of each file? And is a container in which anything was
# changed, or which can be understood in two ways, never accepted?
# shellcheck source=tests/support/lib.sh
. "${SIGNET_SOURCE:-$(dirname "$0")/../..}/tests/support/lib.sh"

MAKE=$SIGNET_BUILD/tests/make_asic
EDIT=$SIGNET_SOURCE/tests/support/edit_zip.py
export HOME=$tmp/home XDG_STATE_HOME=$tmp/state XDG_CONFIG_HOME=$tmp/config
mkdir "$HOME"
cd "$tmp"

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -subj "/CN=Root" -days 30 \
    -addext keyUsage=critical,keyCertSign 2> /dev/null
openssl req -new -newkey rsa:2048 -nodes -keyout key.pem -out request.pem -subj "/CN=Signer" 2> /dev/null
openssl x509 -req -in request.pem -CA ca.pem -CAkey ca.key -days 30 -out cert.pem \
    -extfile <(printf 'keyUsage=critical,digitalSignature\nsubjectKeyIdentifier=hash\n') 2> /dev/null

verify() { # ARGUMENT...
    "$SIGNET" verify --anchor "$tmp/ca.pem" --revocation none "$@"
}

# --- written: ASiC-E, names of every kind --------------------------------------------------------------------------

mkdir -p "folder/a & b"
printf 'first\n' > a.txt
printf 'second\n' > b.txt
: > "folder/empty"
head -c 300000 /dev/urandom > "folder/a & b/žluťoučký %20 kůň.bin"
printf '%s\n' a.txt b.txt folder/empty "folder/a & b/žluťoučký %20 kůň.bin" > names
stdin=names expect 0 "$MAKE" e key.pem cert.pem all.asice

expect 0 unzip -tq all.asice
expect 0 zipinfo -v all.asice
holds test "$(head -c 69 all.asice | tail -c +31)" = "mimetypeapplication/vnd.etsi.asic-e+zip" # first, stored, bare
mkdir unpacked
(cd unpacked && unzip -q ../all.asice)
while read -r name; do
    holds cmp "$name" "unpacked/$name"
done < names
expect 0 openssl cms -verify -cades -binary -inform DER -in unpacked/META-INF/signature001.p7s \
    -content unpacked/META-INF/ASiCManifest001.xml -CAfile ca.pem -out signed.xml
holds cmp signed.xml unpacked/META-INF/ASiCManifest001.xml
sed -i 's/a\.txt/c.txt/' unpacked/META-INF/ASiCManifest001.xml
expect 4 openssl cms -verify -cades -binary -inform DER -in unpacked/META-INF/signature001.p7s \
    -content unpacked/META-INF/ASiCManifest001.xml -CAfile ca.pem -out /dev/null

cat > digests.py << 'END'
import base64, sys, urllib.parse, xml.etree.ElementTree as tree
asic, ds = "{http://uri.etsi.org/02918/v1.2.1#}", "{http://www.w3.org/2000/09/xmldsig#}"
for reference in tree.parse(sys.argv[1]).iter(asic + "DataObjectReference"):
    value = base64.b64decode(reference.find(ds + "DigestValue").text).hex()
    print(value + "  " + urllib.parse.unquote(reference.get("URI")))
END
python3 digests.py signed.xml > sums
expect 0 sha256sum --check --strict sums
holds test "$(wc -l < sums)" = 4
printf 'third\n' > a.txt
expect 1 sha256sum --check --strict sums
printf 'first\n' > a.txt

# --- read again ----------------------------------------------------------------------------------------------------

expect 0 verify all.asice
says '"a.txt", "b.txt", "folder/a & b/žluťoučký %20 kůň.bin", "folder/empty"'
expect 0 verify --json all.asice
json 'format="ASiC-E"' 'uncovered=[]' 'signatures.0.indication="TOTAL-PASSED"' 'signatures.0.level="B-B"' \
    'signatures.0.covers="4 of 4 files"' 'signatures.0.files.3="folder/empty"'

printf '%s\n' a.txt > names
stdin=names expect 0 "$MAKE" s key.pem cert.pem one.asics
expect 0 unzip -tq one.asics
expect 0 verify --json one.asics
json 'format="ASiC-S"' 'uncovered=[]' 'signatures.0.files=["a.txt"]'
expect 0 openssl cms -verify -cades -binary -inform DER -in <(unzip -p one.asics META-INF/signature.p7s) \
    -content a.txt -CAfile ca.pem -out /dev/null

# --- with one thing wrong ------------------------------------------------------------------------------------------

printf '%s\n' a.txt b.txt > names
stdin=names expect 0 "$MAKE" e key.pem cert.pem two.asice
python3 "$EDIT" list > cases
while read -r what status; do
    python3 "$EDIT" "$what" two.asice "bad-$what.asice"
    expect "$status" verify "bad-$what.asice"
    case $what:$status in
        file_added:*) holds grep -q 'NOT SIGNED: *"c.txt"' out ;;
        *:0) rejects grep "NOT SIGNED" out ;;
        *) rejects grep "^VALID" out err ;;
    esac
done < cases

finds() { # CASE TEXT...
    local what=$1
    shift
    expect "$(sed -n "s/^$what //p" cases)" verify "bad-$what.asice"
    for text; do
        says "$text"
    done
}
finds file_changed 'The file "a.txt" is not what was signed' 'TOTAL-FAILED / HASH_FAILURE' 'NOT SIGNED:  "a.txt"'
finds file_removed 'The file "a.txt" that was signed is not in' 'INDETERMINATE / SIGNED_DATA_NOT_FOUND'
finds file_renamed 'NOT SIGNED:  "c.txt"'
finds manifest_removed 'INDETERMINATE / SIGNED_DATA_NOT_FOUND'
finds manifest_follows_file 'TOTAL-FAILED / HASH_FAILURE'
finds signature_changed 'TOTAL-FAILED / SIG_CRYPTO_FAILURE'
finds duplicate 'entry "a.txt": there are two of that name'
finds local_name 'entry "a.txt": its two headers contradict each other'
finds bomb '"ZIP bomb"' 'entry "zeros"'
finds bomb_that_lies 'entry "a.txt": it is longer than its headers say'
finds encrypted 'entry "a.txt" is encrypted'
finds traversal 'entry "../c.txt"'
finds truncated 'cut off'
finds gap 'something hidden behind it'
finds manifest_with_external_entity 'a document type or entities'

# A bomb costs little.
expect 65 sh -c "ulimit -t 5; '$SIGNET' verify bad-bomb.asice"

# An ASiC-S with a second file leaves open which one is signed.
python3 "$EDIT" file_added one.asics bad.asics
expect 65 verify bad.asics
python3 "$EDIT" file_changed one.asics bad.asics
expect 1 verify bad.asics

# A signature with content of its own, put beside files that it knows nothing of, with and without a manifest; its own
# content may stand there, too.
printf 'Lunch is at noon.\n' > lunch.txt
openssl cms -sign -binary -cades -nodetach -in lunch.txt -signer cert.pem -inkey key.pem -outform DER -out lunch.p7m
expect 0 verify lunch.p7m
cat > lend.py << 'END'
"""A signature for what it is not over: lend.py CONTAINER FORM NAME SIGNATURE [ENTRY FILE]..."""
import sys, zipfile
out, form, name, signature, *files = sys.argv[1:]
with zipfile.ZipFile(out, "w") as box:
    box.writestr("mimetype", "application/vnd.etsi.asic-%s+zip" % form)
    for entry, file in zip(files[::2], files[1::2]):
        box.write(file, entry)
    box.write(signature, "META-INF/" + name)
END
unzip -p two.asice META-INF/ASiCManifest001.xml > manifest.xml
python3 lend.py lent-bare.asice e signature001.p7s lunch.p7m a.txt a.txt
python3 lend.py lent-manifest.asice e signature001.p7s lunch.p7m META-INF/ASiCManifest001.xml manifest.xml a.txt a.txt \
    b.txt b.txt
python3 lend.py lent-file.asics s signature.p7s lunch.p7m a.txt a.txt
python3 lend.py lent-bare.asics s signature.p7s lunch.p7m
python3 lend.py lent-same.asics s signature.p7s lunch.p7m lunch.txt lunch.txt
for box in lent-bare.asice lent-manifest.asice lent-file.asics lent-bare.asics; do
    expect 1 verify $box
    case $box in
        *-bare.*) says 'The signature is over no file of the container' ;;
        *) says 'TOTAL-FAILED / HASH_FAILURE' ;;
    esac
    expect 1 verify --extract lent-out $box
    rejects ls -d lent-out/*
done
expect 0 verify lent-same.asics
openssl cms -sign -binary -cades -in manifest.xml -signer cert.pem -inkey key.pem -outform DER -out manifest.p7s
python3 lend.py fair.asice e signature001.p7s manifest.p7s META-INF/ASiCManifest001.xml manifest.xml a.txt a.txt b.txt b.txt
expect 0 verify fair.asice
openssl cms -sign -binary -cades -nodetach -in manifest.xml -signer cert.pem -inkey key.pem -outform DER -out manifest.p7m
python3 lend.py own.asice e signature001.p7s manifest.p7m META-INF/ASiCManifest001.xml manifest.xml a.txt a.txt b.txt b.txt
expect 0 verify own.asice

# --- other ZIP files -----------------------------------------------------------------------------------------------

zip -q other.zip a.txt
expect 2 verify --json other.zip
json 'format=null' 'signatures=[]' 'uncovered=null'

# --- several signatures --------------------------------------------------------------------------------------------

cat > second.py << 'END'
"""A container with a second manifest, over b.txt and c.txt; its signature comes from openssl."""
import base64, hashlib, subprocess, sys, zipfile
source, target = sys.argv[1:]
files = {name: open(name, "rb").read() for name in ("b.txt", "c.txt")}
manifest = """<ASiCManifest xmlns="http://uri.etsi.org/02918/v1.2.1#" xmlns:ds="http://www.w3.org/2000/09/xmldsig#">
<SigReference URI="META-INF/signature002.p7s"/>""" + "".join(
    f"""<DataObjectReference URI="{name}"><ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha512"/>
<ds:DigestValue>{base64.b64encode(hashlib.sha512(data).digest()).decode()}</ds:DigestValue></DataObjectReference>"""
    for name, data in files.items()) + "</ASiCManifest>"
signature = subprocess.run(["openssl", "cms", "-sign", "-cades", "-binary", "-outform", "DER", "-signer", "cert.pem", "-inkey",
                            "key.pem"], input=manifest.encode(), stdout=subprocess.PIPE, check=True).stdout
with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
    for info in old.infolist():
        new.writestr(info, old.read(info))
    new.writestr("c.txt", files["c.txt"])
    new.writestr("META-INF/ASiCManifest002.xml", manifest)
    new.writestr("META-INF/signature002.p7s", signature)
END
printf 'third\n' > c.txt
expect 0 python3 second.py two.asice three.asice
expect 0 verify --json three.asice
json 'uncovered=[]' 'signatures.0.files=["a.txt", "b.txt"]' 'signatures.1.files=["b.txt", "c.txt"]' \
    'signatures.1.covers="2 of 3 files"' 'signatures.1.indication="TOTAL-PASSED"'
# A file of the first alone is changed: the second still holds, and the file as a whole does not.
python3 "$EDIT" file_changed three.asice bad.asice
expect 1 verify --json bad.asice
json 'uncovered=["a.txt"]' 'signatures.0.indication="TOTAL-FAILED"' 'signatures.0.files=["b.txt"]' \
    'signatures.1.indication="TOTAL-PASSED"'

# --- time-stamps of the container: judged and said, and no answer rests on them -------------------------------------

openssl req -new -newkey rsa:2048 -nodes -keyout tsa.key -out request.pem -subj "/CN=Clock" 2> /dev/null
openssl x509 -req -in request.pem -CA ca.pem -CAkey ca.key -days 30 -out tsa.pem \
    -extfile <(printf 'keyUsage=critical,digitalSignature\nextendedKeyUsage=critical,timeStamping\n') 2> /dev/null
cat > tsa.cnf << END
[tsa]
default_tsa = it
[it]
serial = $tmp/serial
signer_cert = $tmp/tsa.pem
signer_key = $tmp/tsa.key
signer_digest = sha256
default_policy = 1.3.6.1.4.1.99999.1.1
digests = sha256
ess_cert_id_alg = sha256
END
echo 01 > serial
cat > stamp.py << 'END'
"""Containers with a time-stamp of their own, good and not: stamp.py E S, each named for what it is."""
import base64, hashlib, subprocess, sys, zipfile
META = "META-INF/"
TOKEN, MANIFEST = META + "timestamp001.tst", META + "ASiCArchiveManifest.xml"

def token(data):
    open("stamped", "wb").write(data)
    for command in ("ts -query -data stamped -sha256 -cert -out query",
                    "ts -reply -config tsa.cnf -queryfile query -token_out -out token"):
        subprocess.run(["openssl", *command.split()], check=True, stderr=subprocess.DEVNULL)
    return open("token", "rb").read()

def manifest(files, names):
    return ("""<ASiCManifest xmlns="http://uri.etsi.org/02918/v1.2.1#" xmlns:ds="http://www.w3.org/2000/09/xmldsig#">
<SigReference URI="%s" MimeType="application/vnd.etsi.timestamp-token"/>""" % TOKEN + "".join(
        f"""<DataObjectReference URI="{name}"><ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/>
<ds:DigestValue>{base64.b64encode(hashlib.sha256(files[name]).digest()).decode()}</ds:DigestValue></DataObjectReference>"""
        for name in names) + "\n</ASiCManifest>").encode()

def read(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}

def write(path, files, **changes):
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in {**files, **changes}.items():
            archive.writestr(name, data)

extended, simple = read(sys.argv[1]), read(sys.argv[2])
xml = manifest(extended, ["a.txt", "b.txt", META + "ASiCManifest001.xml", META + "signature001.p7s"])
good = {**extended, MANIFEST: xml, TOKEN: token(xml)}
write("ts-good.asice", good)
write("ts-manifest.asice", {**good, MANIFEST: xml.replace(b"\n</", b"\n\n</")})
write("ts-missing.asice", {**extended, TOKEN: good[TOKEN]})
write("ts-two.asice", {**good, META + "ASiCArchiveManifest1.xml": xml})
write("ts-broken.asice", {**good, MANIFEST: b"<broken"})
write("ts-garbage.asice", {**good, TOKEN: b"garbage"})
write("ts-cut.asice", {**good, TOKEN: good[TOKEN][:-100]})
flipped = bytearray(good[TOKEN])
flipped[-10] ^= 1
write("ts-flipped.asice", {**good, TOKEN: bytes(flipped)})
other = manifest({**extended, "a.txt": b"other"}, ["a.txt", META + "signature001.p7s"])
write("ts-digest.asice", {**good, MANIFEST: other, TOKEN: token(other)})
less = manifest(extended, ["a.txt"])
write("ts-less.asice", {**good, MANIFEST: less, TOKEN: token(less)})
write("ts-record.asice", {**extended, META + "evidencerecord.ers": b"record"})
stamped = {**simple, META + "timestamp.tst": token(simple["a.txt"])}
write("ts-good.asics", stamped)
write("ts-other.asics", {**simple, META + "timestamp.tst": token(b"other")})
write("ts-file.asics", {**stamped, "a.txt": b"other"})
END
python3 stamp.py two.asice one.asics
stamped() { # FILE CODE TEXT: said, and the answer is that of the signature alone
    expect 0 verify --json "$1"
    json 'signatures.0.indication="TOTAL-PASSED"' 'signatures.0.level="B-B"' 'signatures.0.timestamps=[]' \
        "signatures.0.reasons.1.code=\"$2\""
    says "$3"
}
stamped ts-good.asice container-timestamp "by CN=Clock, shows that this signature and 2 of 2 files were there at 20"
stamped ts-less.asice container-timestamp "which is not over this signature, shows that 1 of 2 files"
stamped ts-good.asics container-timestamp "which is not over this signature, shows that 1 of 1 files"
stamped ts-manifest.asice container-timestamp-bad "of something else"
stamped ts-missing.asice container-timestamp-bad "is not there, or not clear"
stamped ts-two.asice container-timestamp-bad "is not there, or not clear"
stamped ts-broken.asice container-timestamp-bad "is not there, or not clear"
stamped ts-garbage.asice container-timestamp-bad 'timestamp001.tst\" does not hold'
stamped ts-cut.asice container-timestamp-bad 'timestamp001.tst\" does not hold'
stamped ts-flipped.asice container-timestamp-bad 'timestamp001.tst\" does not hold'
stamped ts-digest.asice container-timestamp-bad 'is over \"a.txt\", which is not there, or not what it was'
stamped ts-record.asice container-timestamp-bad "evidence records"
stamped ts-other.asics container-timestamp-bad "of something else"
expect 1 verify --json ts-file.asics
says '"code":"container-timestamp-bad"'
# A TSA that is not trusted proves nothing, and says so.
expect 2 "$SIGNET" verify --json ts-good.asice
says '"code":"container-timestamp-bad"'
# A file of such a container that is changed is as any.
python3 "$EDIT" file_changed ts-good.asice bad-ts.asice
expect 1 verify --json bad-ts.asice
says '"code":"file-changed"'
says 'which is not there, or not what it was'

# --- files taken out -----------------------------------------------------------------------------------------------

gone() { # FOLDER: it is not there, nor anything half done
    rejects test -e "$1"
    rejects grep -q signet-extract <(ls -A)
}

expect 0 verify --extract out-two two.asice
says "2 files were taken out"
holds cmp a.txt out-two/a.txt
holds cmp b.txt out-two/b.txt
holds test "$(cd out-two && find . | sort | tr '\n' ' ')" = ". ./a.txt ./b.txt "
holds test "$(stat -c %a out-two out-two/a.txt | tr '\n' ' ')" = "755 644 "
expect 0 verify --extract out-all all.asice
holds cmp "folder/a & b/žluťoučký %20 kůň.bin" "out-all/folder/a & b/žluťoučký %20 kůň.bin"
holds test -f out-all/folder/empty
expect 0 verify --extract out-one one.asics
holds cmp a.txt out-one/a.txt

# Nothing is overwritten, and no link followed.
printf 'mine\n' > out-two/a.txt
expect 73 verify --extract out-two two.asice
holds test "$(cat out-two/a.txt)" = mine
ln -s out-two link
expect 73 verify --extract link/ two.asice
expect 73 verify --extract nowhere/folder two.asice
expect 64 verify --extract folder-new two.asice one.asics
expect 64 verify --extract-all two.asice
expect 64 verify --extract folder-new other.zip
gone folder-new

# What is not signed stays in, unless it is asked for.
expect 0 verify --extract out-signed bad-file_added.asice
rejects test -e out-signed/c.txt
expect 0 verify --extract out-added --extract-all bad-file_added.asice
holds test "$(cat out-added/c.txt)" = "not signed"
rejects test -e out-added/META-INF
expect 1 verify --extract out-none bad-file_changed.asice
says "Nothing was taken out"
gone out-none
expect 2 verify --extract out-none bad-file_removed.asice
gone out-none
# Of the two signatures one passed: what it covers comes out.
expect 1 verify --extract out-half bad.asice
holds test "$(ls out-half | tr '\n' ' ')" = "b.txt c.txt "
# A signer that is not trusted signs for nothing.
expect 2 "$SIGNET" verify --extract out-none two.asice
gone out-none

for what in traversal traversal_inside absolute backslash link duplicate wrong_crc bomb_that_lies; do
    expect 65 verify --extract-all --extract out-none "bad-$what.asice"
    gone out-none
done
rejects test -e ../c.txt
expect 74 sh -c "ulimit -f 64; exec '$SIGNET' verify --anchor ca.pem --revocation none --extract out-none all.asice"
gone out-none

passed
