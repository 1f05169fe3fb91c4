#!/usr/bin/python3
"""look_at_box.py FILE.pgm DOTS-PER-INCH: is there ink in the box 20 points from the page's edges, and none outside of it or
within 1 point of its edges, where it would be cut off? Prints how many hundredths of the box's height have ink."""
import sys

with open(sys.argv[1], "rb") as file:
    kind, size, depth, pixels = file.read().split(b"\n", 3)
assert kind == b"P5" and depth == b"255"
width, height = map(int, size.split())
border = int(21 * float(sys.argv[2]) / 72)
rows = [pixels[y * width:(y + 1) * width] for y in range(height)]
inside = 0
for y, row in enumerate(rows):
    outside = row if y < border or y >= height - border else row[:border] + row[width - border:]
    if min(outside) < 250:
        sys.exit(f"ink outside of the box, in line {y} of {height}")
    if border <= y < height - border:
        inside += min(row[border:width - border]) < 128
if inside == 0:
    sys.exit("nothing is shown")
print(100 * inside // (height - 2 * border))
