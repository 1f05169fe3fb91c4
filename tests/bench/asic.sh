# Many files under one signature against programs that hash them and put them together. Sourced by run.sh.
# shellcheck shell=bash disable=SC2154

make_asic_files() { # COUNT
    local i
    mkdir -p asic/files
    for ((i = 0; i < $1; i++)); do
        head -c 10000 /dev/urandom > "asic/files/$i"
    done
}

case_asic() { # COUNT
    make_asic_files "$1"
    before_ours() { rm -f asic/out.asice && sync; }
    before_peer() { rm -f asic/out.zip && sync; }
    ours() {
        (cd asic && timed ours "$signet" sign --key "$rsa" --pin-fd 9 --yes --format asic-e --output out.asice files/*)
    }
    peer() {
        (cd asic && timed peer bash -c 'openssl dgst -sha256 files/* > sums && zip -0 -q -r out.zip files && sync -f out.zip')
    }
    turns "$turns_few"
    [ "$(unzip -Z1 asic/out.asice | wc -l)" = $(($1 + 3)) ] # mimetype, manifest, signature
    (
        # How often the key is used is counted by a module that stands before the token's, and is not timed.
        export SIGNET_MODULE=$build/tests/spy_module.so SPY_FOLDER=$work/asic/spy
        mkdir "$SPY_FOLDER"
        before_ours
        ours
    )
    [ "$(wc -l < asic/spy/signed)" = 1 ] || { echo "the key was used $(wc -l < asic/spy/signed) times" >&2; exit 70; }
    line_time "$1 files of 10 kB into one ASiC-E (openssl dgst, zip -0, sync -f)" "<= 1.2"
    rm -rf asic
}
