#!/bin/bash
# Does a visible signature show names of any script, and images, so that others' programs read and render them: the text
# comes back, its fonts are embedded subsets, the file is clean, and nothing is outside of the box or cut off?
. "${SIGNET_SOURCE:-$(dirname "$0")/../..}/tests/support/lib.sh"
for program in pdftotext pdftoppm pdffonts pdfimages qpdf mutool; do
    command -v $program > /dev/null || skip "$program is not installed"
done
[ -f /usr/share/fonts/truetype/noto/NotoSans-Regular.ttf ] || skip "fonts-noto-core is not installed"
[ -f /usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc ] || skip "fonts-noto-cjk is not installed"
italic=/usr/share/fonts/opentype/urw-base35/C059-Italic.otf
[ -f $italic ] || skip "fonts-urw-base35 is not installed"

# The module is found as an installed program finds it.
mkdir -p "$tmp/bin" "$tmp/libexec"
cp "$SIGNET_BUILD/tests/show_look" "$tmp/bin/"
cp -r "$SIGNET_BUILD/agent/libexec/signet" "$tmp/libexec/"
cd "$tmp"
export LC_ALL=C.UTF-8

show() { # WIDTH HEIGHT IMAGE FONT LINE...
    expect 0 "$tmp/bin/show_look" "$@"
    cp out shown.pdf
}

refused() { # STATUS PATTERN SHOW-ARGUMENT...
    local status=$1 pattern=$2
    shift 2
    expect "$status" "$tmp/bin/show_look" "$@"
    holds test ! -s out
    holds grep -q -- "$pattern" err
}

# What a page shows, without what says where lines end and how they are written.
text_of() { # FILE
    pdftotext "$1" - | tr -d ' \n\f' | sed 's/[‪‫‬‎‏]//g'
}

shows() { # LINE...
    local got want
    got=$(text_of shown.pdf)
    want=$(printf '%s' "$@" | tr -d ' ')
    [ "$got" = "$want" ] || failed "pdftotext has \"$got\" instead of \"$want\""
    checks=$((checks + 1))
}

clean() {
    holds qpdf --check shown.pdf
    holds mutool draw -q -r 100 -o drawn.pgm shown.pdf
    holds test -z "$(grep -v 'ICC support is not available' check)"
    holds pdftoppm -q -gray -r 100 -singlefile shown.pdf rendered
    for page in drawn rendered; do
        holds python3 "$SIGNET_SOURCE/tests/support/look_at_box.py" $page.pgm 100
    done
}

fonts_are_subsets() {
    pdffonts shown.pdf > fonts
    holds test "$(wc -l < fonts)" -gt 2
    holds test -z "$(tail -n +3 fonts | grep -v '^[A-Z]\{6\}+.* yes yes yes ')"
}

# --- Images of the kinds that there are ---

show 100 100 - - "An image"
for kind in "rgb -jpeg" "progressive -jpeg -jpegopt progressive=y" "grey -gray -jpeg" "cmyk -jpegcmyk" "plain -png"; do
    read -ra words <<< "$kind"
    holds pdftoppm -r 60 -singlefile "${words[@]:1}" shown.pdf "${words[0]}"
done
python3 - << 'END'
import struct
import zlib


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(name, pixels):
    lines = b"".join(b"\0" + pixels * 32 for _ in range(32))
    with open(name, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 32, 32, 8, 6, 0, 0, 0)) +
                   chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b""))


png("alpha.png", b"\x10\x10\x40\xe0")
png("clear.png", b"\0\0\0\0")
END

# --- Every script, with JPEG and with PNG, in boxes of any form ---

names=("Ángel Núñez de la Peña" "Мария Ивановна Кузнецова" "Γεώργιος Παπαδόπουλος" "محمد بن عبد الله" "דוד בן־גוריון"
    "श्री रामकृष्ण शर्मा" "สมชาย ใจดี ผู้ใหญ่" "王小明" "山田 太郎" "김철수" "Nguyễn Thị Minh Khai" "გიორგი" "Արամ" "சுப்ரமணியம்" "འཇིགས་མེད་")
reasons=("Reason: I approve" "Причина: утверждаю" "Λόγος: εγκρίνω" "السبب: أوافق" "סיבה: אני מאשר" "कारण: मैं स्वीकृत करता हूँ"
    "เหตุผล: ข้าพเจ้าอนุมัติเอกสารนี้" "原因：我批准本文件（见附件）。" "理由：この文書を承認します" "사유: 이 문서를 승인합니다" "Lý do: tôi đồng ý" "მიზეზი" "Պատճառ" "காரணம்" "རྒྱུ་མཚན་")
images=(rgb.jpg progressive.jpg grey.jpg plain.png alpha.png -)
boxes=("200 60" "120 120" "400 150" "90 200")
for i in "${!names[@]}"; do
    for k in $((i % 4)) $(((i + 2) % 4)); do
        read -r width height <<< "${boxes[k]}"
        show "$width" "$height" "${images[(i + k) % 6]}" - "${names[i]}" "2026-11-26 09:00:00" "${reasons[i]}"
        clean
        shows "${names[i]}" "2026-11-26 09:00:00" "${reasons[i]}"
        fonts_are_subsets
    done
done

# The tampered twin of the above: without the map from glyphs to text, it does not come back.
show 200 60 - - "王小明"
holds qpdf --qdf --object-streams=disable shown.pdf plain.pdf
sed -i 's|/ToUnicode|/XoUnicode|' plain.pdf
holds test "$(text_of plain.pdf)" != "王小明"

# A mixed line, and what has a meaning in PDF.
show 300 80 - - "王小明 (Wang, Xiaoming) и Мария" 'a \ ( ) < > / % @0@ @1@ [ ] {}'
clean
shows "王小明 (Wang, Xiaoming) и Мария" 'a \ ( ) < > / % @0@ @1@ [ ] {}'

# An image alone; one that nothing is seen of stays white: what is transparent is not black.
show 60 60 alpha.png -
clean
holds test "$(pdfimages -list shown.pdf | grep -c smask)" = 0
show 60 60 clear.png -
holds pdftoppm -q -gray -r 100 -singlefile shown.pdf rendered
expect 1 python3 "$SIGNET_SOURCE/tests/support/look_at_box.py" rendered.pgm 100
says "nothing is shown"

# A JPEG is in the file as it was.
show 200 60 rgb.jpg - "A"
holds python3 -c 'import sys; a, b = (open(f, "rb").read() for f in sys.argv[1:]); sys.exit(a[-1000:] not in b)' rgb.jpg \
    shown.pdf

# A font of the user's own, with outlines of the other kind.
show 200 60 - $italic "Affinité jWfj" "2026"
clean
fonts_are_subsets
shows "Affinité jWfj" "2026"

# --- What is refused ---

refused 64 "It needs [0-9]* by [0-9]* points" 60 20 rgb.jpg - "Ángel" "2026-11-26 09:00:00 +01:00" "Reason: I approve"
refused 64 "more than 0" 0 20 - - "Ángel"
refused 64 "text, an image, or both" 100 20 - -
refused 65 "U+202E, which steers text" 200 60 - - "Ángel $(printf '\u202e')txt"
refused 65 "U+0009" 200 60 - - "Ángel	"
refused 65 "is not UTF-8" 200 60 - - "$(printf '\xc3')"
refused 65 "U+12031 .*Install the package fonts-noto-core" 200 60 - - "$(printf '\U12031')"
refused 65 "other colours than grey or RGB" 200 60 cmyk.jpg - "A"
refused 65 "neither a JPEG nor a PNG" 200 60 shown.pdf - "A"
refused 65 "None of the fonts that were named" 200 60 - /usr/share/fonts/truetype/noto/NotoSansHebrew-Regular.ttf "Я"
head -c 1000 rgb.jpg > cut.jpg
refused 65 "cut.jpg.* is a damaged JPEG" 200 60 cut.jpg - "A"
head -c 300 plain.png > cut.png
refused 65 "cut.png.* is a damaged PNG" 200 60 cut.png - "A"
head -c 100000 /usr/share/fonts/truetype/noto/NotoSans-Regular.ttf > cut.ttf
refused 65 "cut.ttf.* is damaged" 200 60 - cut.ttf "A"
refused 66 "no font file" 200 60 - none.ttf "A"

# Without the module, the rest of Signet is as it was, and this says what is missing.
rm -r libexec
refused 70 "signet-text.so.* cannot be loaded" 200 60 - - "A"
passed
