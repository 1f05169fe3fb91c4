#!/usr/bin/python3
"""look_at_signature.py BEFORE.pdf AFTER.pdf X,Y,W,H LINE...: is the first page as it was but for a signature in this
rectangle (points, from the lower left), which reads so, and which can be read: its letters are large enough, nothing
of it is cut off, no line overlaps another, and none a word of the page? Says what is wrong."""
import itertools
import re
import subprocess
import sys
import tempfile

from look_at_box import look, read_page

DOTS = 150  # to the inch
SMALLEST = 6  # points of a letter's height, from the top of its font to the bottom
WORD = re.compile(r'<word xMin="([^"]*)" yMin="([^"]*)" xMax="([^"]*)" yMax="([^"]*)">(.*)</word>')


def words_of(path):
    """(left, top, right, bottom), in points from the upper left; and the word itself."""
    html = subprocess.run(["pdftotext", "-l", "1", "-bbox", path, "-"], capture_output=True, check=True).stdout.decode()
    return [(tuple(map(float, word[:4])), word[4]) for word in WORD.findall(html)]


def render(path, folder):
    subprocess.run(["pdftoppm", "-q", "-gray", "-r", str(DOTS), "-l", "1", "-singlefile", path, folder + "/page"], check=True)
    return read_page(folder + "/page.pgm")


def overlap(a, b):
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def added(before, after):
    """What a page has that it had not: white is what did not change."""
    if [len(row) for row in before] != [len(row) for row in after]:
        sys.exit("the page has another size")
    return [bytes(255 if a == b else b for a, b in zip(*rows)) if rows[0] != rows[1] else b"\xff" * len(rows[0])
            for rows in zip(before, after)]


def check_words(before, after, box, lines):
    old, new = words_of(before), words_of(after)
    own = list(new)
    for word in old:
        if word not in own:
            sys.exit(f"the page's word {word[1]!r} is not there any more")
        own.remove(word)
    if sorted(word for _, word in own) != sorted(" ".join(lines).split()):
        sys.exit(f"the signature reads {[word for _, word in own]}")
    for place, word in own:
        if place[0] < box[0] or place[1] < box[1] or place[2] > box[2] or place[3] > box[3]:
            sys.exit(f"{word!r} is outside of the rectangle")
        if place[3] - place[1] < SMALLEST:
            sys.exit(f"{word!r} is too small to read")
        for other, covered in old:
            if overlap(place, other):
                sys.exit(f"{word!r} overlaps the page's word {covered!r}")


def main():
    before, after, rect, *lines = sys.argv[1:]
    x, y, width, height = map(float, rect.split(","))
    with tempfile.TemporaryDirectory() as folder:
        ink = added(render(before, folder), render(after, folder))
    tall = len(ink) * 72 / DOTS
    box = (x, tall - y - height, x + width, tall - y)
    check_words(before, after, box, lines)
    edges = [round(place * DOTS / 72) + inward for place, inward in zip(box, (2, 2, -2, -2))]  # 2 dots: a point
    bands = sum(inked for inked, _ in itertools.groupby(look(ink, *edges)))
    if bands < len(lines):
        sys.exit(f"{len(lines)} lines overlap: there are {bands}")


if __name__ == "__main__":
    main()
