"""Are dss' PAdES files judged as its tests assert: which are intact and unchanged, how many signatures, which level?"""

import csv
import pathlib
import tempfile

import pdfs
import suite

DSS = suite.corpus("dss")
PREFIX = "dss-pades--"

# The words of EN 319 142-1 for the forms that dss names.
LEVELS = {"PAdES_BES": "B-B", "PAdES_LTV": "B-LT", "PAdES_BASELINE_LTA": "B-LTA"}


def compare(row, answer):
    if "error" in answer:
        return None if row["document_ok"] == "no" else f"refused: {answer['error']['text']}"
    signatures = answer["signatures"]
    if row["nsig_asserted"] and len(signatures) != int(row["nsig_asserted"]):
        return f"{len(signatures)} signatures"
    if all(map(pdfs.is_accepted, signatures)) != (row["document_ok"] == "yes"):
        return "; ".join(f"signature {one['id']}: intact {one['intact']}, changes {one['changes']}" for one in signatures)
    return None


def compare_level(row, answer):
    """The level is one of its own: what is proven without an anchor is little."""
    got = [one["level"] for one in answer.get("signatures", [])]
    return None if LEVELS[row["level_asserted"]] in got else f"level {got}"


def cases(folder):
    with open(DSS / "expected.tsv", encoding="utf-8") as table:
        rows = [row for row in csv.DictReader(table, delimiter="\t") if row["file"].startswith(PREFIX)]
    for row in rows:
        path, name = DSS / row["file"], row["file"].removeprefix(PREFIX)
        yield suite.Case(name, [path], False, lambda answer, row=row: compare(row, answer), command=("verify",),
                         whole=True)
        if row["level_asserted"]:
            yield suite.Case(f"{name}: level", [path], False, lambda answer, row=row: compare_level(row, answer),
                             command=("verify",), whole=True)
        if row["document_ok"] == "yes":
            yield pdfs.tampered(path, folder)


with tempfile.TemporaryDirectory() as place:
    suite.run([case for case in cases(pathlib.Path(place)) if case], "dss-pades.md")
