"""Are pyHanko's PDFs judged as its tests assert: which are intact, what each signature covers, what came after?"""

import csv
import pathlib
import tempfile

import pdfs
import suite

PYHANKO = suite.corpus("pyhanko")
CHANGES = {"NONE": ("none",), "FORM_FILLING": ("permitted",), "<=FORM_FILLING": ("none", "permitted"),
           "OTHER": ("forbidden",), "SuspiciousModification": ("forbidden",)}


def asserted(text):
    """ "sig0 A; sig1 B", or one word for the only signature: pairs of number and word."""
    for part in filter(None, text.split("; ")):
        words = part.split()
        if words[0].startswith("sig"):
            yield int(words[0][3:]), words[1].rstrip(",")
        else:
            yield 0, words[0]


def compare(row, answer):
    if "error" in answer:
        return f"refused: {answer['error']['text']}"
    signatures = answer["signatures"]
    if row["expected"].startswith("reject") or row["expected"].startswith("(not"):
        return "accepted" if all(map(pdfs.is_accepted, signatures)) and row["expected"].startswith("reject") else None
    if row["expected"].startswith("INDETERMINATE"):
        said = f"{signatures[0]['indication']}/{signatures[0]['sub_indication']}"
        return None if said == row["expected"] else said
    for one in signatures:
        if not pdfs.is_accepted(one):
            return f"signature {one['id']}: intact {one['intact']}, changes {one['changes']}"
    return None


def compare_each(row, answer):
    signatures = answer.get("signatures", [])
    for number, word in asserted(row["modification_asserted"]):
        if word in CHANGES and signatures[number]["changes"] not in CHANGES[word]:
            return f"changes of signature {number + 1}: {signatures[number]['changes']}"
    for number, word in asserted(row["coverage_asserted"]):
        covers = signatures[number]["covers"]
        said = {"ENTIRE_FILE": covers == "whole file", "ENTIRE_REVISION": (covers or "").startswith("revision"),
                "UNCLEAR": covers is None, "CONTIGUOUS_BLOCK_FROM_START": covers is None}
        if not said[word]:
            return f"signature {number + 1} covers {covers}"
    return None


# With the root that is in each file, as of when it was made: nobody else's evidence is needed.
LEVELS = {"pades-lta-dss-indirect-arrs-test.pdf": ["B-LTA"], "pades-lta-dss-indirect-arrs-test-2.pdf": ["B-LTA", "B-LT"]}
MADE = "2020-11-01T00:00:00Z"


def compare_levels(expected, answer):
    levels = [one["level"] for one in answer.get("signatures", [])]
    return None if levels == expected else f"levels {levels}"


def long_term(folder):
    """How far each is proven; and once its last document time-stamp is another."""
    for name, levels in LEVELS.items():
        path = PYHANKO / name
        options = [*pdfs.roots(path, folder), "--at", MADE]
        yield suite.Case(f"{name}: level", [*options, path], True,
                         lambda answer, levels=levels: compare_levels(levels, answer), command=("verify",), whole=True)
        if len(levels) == 1:
            yield suite.Case(f"{name}: its time-stamp altered", [*options, pdfs.stamp_altered(path, folder)], True,
                             lambda answer: compare_levels(["B-LT"], answer), command=("verify",), whole=True)


def cases(folder):
    yield from long_term(folder)
    with open(PYHANKO / "expected.tsv", encoding="utf-8") as table:
        rows = list(csv.DictReader(table, delimiter="\t"))
    for row in rows:
        path = PYHANKO / row["file"]
        yield suite.Case(row["file"], [path], False,
                         lambda answer, row=row: compare(row, answer) or compare_each(row, answer), command=("verify",),
                         whole=True)
        if row["expected"] == "accept":
            yield pdfs.tampered(path, folder)


with tempfile.TemporaryDirectory() as place:
    suite.run([case for case in cases(pathlib.Path(place)) if case], "pyhanko.md")
