"""What the two suites of PDFs share."""

import re

import suite


def tampered(path, folder):
    """The comment behind the header changed, which every signature covers and no reader reads: nothing is intact."""
    data = bytearray(path.read_bytes())
    match = re.match(rb"%PDF-[^\r\n]*[\r\n]+%(.)", data, re.S)
    if not match:
        return None
    data[match.start(1)] ^= 1
    twin = folder / f"tampered-{path.name}"
    twin.write_bytes(data)

    def check(answer):
        intact = [one["id"] for one in answer["signatures"] if one["intact"]]
        return f"intact: {intact}" if intact or not answer["signatures"] else None
    return suite.Case(f"{path.name}: a byte changed", [twin], False, check, command=("verify",), whole=True)


def is_accepted(one):
    return one["intact"] and one["changes"] in ("none", "permitted") and one["indication"] != "TOTAL-FAILED"
