"""Are dss' CAdES files judged as its tests assert? And are their time-stamps over what they say: as it is, each fits, and
with a byte of a certificate changed, those that are over it do not."""

import csv
import pathlib
import re
import tempfile

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

import suite

DSS = suite.corpus("dss")
PREFIX = "dss-cades--"

# The words of EN 319 122-1 for the forms that dss names. Those with references alone are between B-T and B-LT.
LEVELS = {"CAdES_BES": "B-B", "CAdES_BASELINE_B": "B-B", "CAdES_T": "B-T", "CAdES_C": "B-T", "CAdES_A": "B-LTA",
          "CAdES_BASELINE_LTA": "B-LTA"}

# The time-stamps of each file, in the order of its attributes. An archive-time-stamp covers the certificates that come
# along; those that do not are of the signature value.
STAMPS = {"Signature-15-CBp-LT-2.p7m": ["signature"],
          "Signature-C-A-XL-1.p7m": ["signature", "references", "archive"],
          "cadesLTAwithATv2expired.p7s": ["archive", "signature"],
          "counterSignedLTA.p7s": ["signature", "archive"],
          "signatureExtendedTwoLTA.p7s": ["archive", "signature", "archive"]}


def rows():
    with open(DSS / "expected.tsv", encoding="utf-8") as table:
        return [row for row in csv.DictReader(table, delimiter="\t") if row["file"].startswith(PREFIX)]


def content_of(row, folder):
    """The options that give the detached content, where it is to be had."""
    kind, _, value = row["detached_content"].partition(":")
    if kind == "literal":
        path = folder / row["file"]
        path.write_text(value, encoding="utf-8")
        return ["--content", path]
    if kind == "file":
        return ["--content", DSS / f"content-{pathlib.PurePath(value).name}"]
    return []


def stamps_of(answer):
    return [stamp["kind"] for stamp in answer["timestamps"]]


def unfit(answer):
    """How many time-stamps are found to be over something else: the imprint differs, or there is none to compare with,
    since the index of an archive-time-stamp-v3 lists what is not there."""
    return (sum(stamp["sub_indication"] == "HASH_FAILURE" for stamp in answer["timestamps"]) +
            sum("cannot be calculated" in reason["text"] for reason in answer["reasons"]))


def compare(row, answer):
    if "error" in answer:
        return None if row["document_ok"] == "no" and not row["level_asserted"] else f"refused: {answer['error']['text']}"
    if row["intact_expected"].startswith("yes") != answer["intact"]:
        return f"intact: {answer['intact']}"
    for key, asserted in (("indication", row["indication_asserted"]), ("sub_indication", row["subindication_asserted"])):
        if asserted and answer[key] != asserted.partition("@")[0]:
            return f"{key}: {answer[key]}"
    levels = [LEVELS[level] for level in row["level_asserted"].split("|") if level]
    if levels and answer["level"] not in levels[-1:]:
        return f"level {answer['level']}"
    return None


def as_asserted(row, folder):
    return suite.Case(row["file"].removeprefix(PREFIX), [DSS / row["file"], *content_of(row, folder)], False,
                      lambda answer: compare(row, answer), command=("verify",))


def certificates(data):
    for match in re.finditer(rb"\x30\x82", data):
        end = match.start() + 4 + int.from_bytes(data[match.end():match.end() + 2], "big")
        try:
            yield x509.load_der_x509_certificate(data[match.start():end]), data[match.start():end]
        except ValueError:
            continue


def fitting(row, folder):
    """Every time-stamp is over what it says."""
    name = row["file"].removeprefix(PREFIX)

    def check(answer):
        if stamps_of(answer) != STAMPS[name]:
            return f"time-stamps {stamps_of(answer)}"
        return f"{unfit(answer)} do not fit" if unfit(answer) else None
    return suite.Case(f"{name}: time-stamps", [DSS / row["file"], *content_of(row, folder)], False, check,
                      command=("verify",))


def tampered(row, folder):
    """The last byte of the first certificate changed, wherever it is: those of the archive do not fit any more."""
    name = row["file"].removeprefix(PREFIX)
    data = (DSS / row["file"]).read_bytes()
    _, der = next(certificates(data))
    path = folder / f"tampered-{name}"
    path.write_bytes(data.replace(der, der[:-1] + bytes([der[-1] ^ 1])))
    expected = STAMPS[name].count("archive")

    def check(answer):
        return None if unfit(answer) == expected else f"{unfit(answer)} do not fit"
    return suite.Case(f"{name}: a certificate changed", [path, *content_of(row, folder)], False, check,
                      command=("verify",))


def by_its_root(name, at, level, folder):
    """With the root that the file carries as anchor, when its data was fresh: all of it holds."""
    root = next(cert for cert, _ in certificates((DSS / f"{PREFIX}{name}").read_bytes()) if cert.subject == cert.issuer)
    anchor = folder / f"{name}.pem"
    anchor.write_bytes(root.public_bytes(Encoding.PEM))
    return suite.Case(f"{name}: by its own root", ["--at", at, "--anchor", anchor, DSS / f"{PREFIX}{name}"], True,
                      lambda answer: None if answer["level"] == level else f"level {answer['level']}",
                      command=("verify",))


def countersignature_end(data):
    """Behind the value of the one countersignature: SET { SignerInfo }, whose last octets are the signature value."""
    at = data.index(bytes.fromhex("06092a864886f70d010906")) + 11
    assert data[at:at + 2] == b"\x31\x82" and data.count(bytes.fromhex("06092a864886f70d010906")) == 1
    return at + 4 + int.from_bytes(data[at + 2:at + 4], "big")


def countersigned(row, folder):
    """The countersignature has an answer of its own; changed, it takes nothing from the signature that it is of."""
    name = row["file"].removeprefix(PREFIX)
    data = bytearray((DSS / row["file"]).read_bytes())
    data[countersignature_end(data) - 1] ^= 1
    changed = folder / f"countersignature-{name}"
    changed.write_bytes(data)

    def check(intact):
        def compare_counter(answer):
            got = [(one["id"], one["covers"], one["level"], one["intact"]) for one in answer["countersignatures"]]
            if got != [("1.1", "signature 1", "B-B", intact)] or not answer["intact"]:
                return f"{answer['intact']} {got}"
            return None
        return compare_counter
    content = content_of(row, folder)
    yield suite.Case(f"{name}: countersignature", [DSS / row["file"], *content], False, check(True), command=("verify",))
    yield suite.Case(f"{name}: countersignature changed", [changed, *content], False, check(False), command=("verify",))


def cases(folder):
    for row in rows():
        yield as_asserted(row, folder)
        if row["file"].endswith("counterSignedLTA.p7s"):
            yield from countersigned(row, folder)
        if row["file"].removeprefix(PREFIX) in STAMPS:
            yield fitting(row, folder)
            yield tampered(row, folder)
    yield by_its_root("Signature-C-A-XL-1.p7m", "2014-01-05T00:00:00Z", "B-LTA", folder)


with tempfile.TemporaryDirectory() as place:
    suite.run(list(cases(pathlib.Path(place))), "dss-cades.md")
