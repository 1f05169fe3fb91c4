#!/usr/bin/python3
"""look_at_box.py FILE.pgm DOTS-PER-INCH: is there ink in the box 20 points from the page's edges, and none outside of it or
within 1 point of its edges, where it would be cut off? Prints how many hundredths of the box's height have ink."""
import sys


def read_page(path):
    """The rows of a picture, grey, in 256 shades."""
    with open(path, "rb") as file:
        kind, size, depth, pixels = file.read().split(b"\n", 3)
    assert kind == b"P5" and depth == b"255"
    width, height = map(int, size.split())
    return [pixels[y * width:(y + 1) * width] for y in range(height)]


def look(rows, left, top, right, bottom):
    """Which rows of the box have ink. Nothing but white may be outside of it."""
    inked = []
    for y, row in enumerate(rows):
        inside = top <= y < bottom
        outside = row[:left] + row[right:] if inside else row
        if min(outside, default=255) < 250:
            sys.exit(f"ink outside of the box, in line {y} of {len(rows)}")
        if inside:
            inked.append(min(row[left:right]) < 128)
    if not any(inked):
        sys.exit("nothing is shown")
    return inked


def main():
    rows = read_page(sys.argv[1])
    border = int(21 * float(sys.argv[2]) / 72)
    inked = look(rows, border, border, len(rows[0]) - border, len(rows) - border)
    print(100 * sum(inked) // len(inked))


if __name__ == "__main__":
    main()
