"""Are others' containers judged as their tests assert? Those of dss by its table, those of ph-asic by their names. And
with a byte of a signed file changed, none is intact any more."""

import csv
import pathlib
import tempfile
import zipfile

import suite

DSS = suite.corpus("dss")
PH = suite.corpus("asic")
PREFIX = "dss-asic-cades--"

# As test_dss.py has them.
LEVELS = {"CAdES_BASELINE_B": "B-B", "CAdES_C": "B-T"}


def rows():
    with open(DSS / "expected.tsv", encoding="utf-8") as table:
        return [row for row in csv.DictReader(table, delimiter="\t") if row["file"].startswith(PREFIX)]


def signatures(answer):
    return answer["signatures"] if "signatures" in answer else [answer]


def compare(row, answer):
    if "error" in answer:
        return f"refused: {answer['error']['text']}"
    for signature in signatures(answer):
        if row["intact_expected"].startswith("yes") != signature["intact"]:
            return f"intact: {signature['intact']}"
        for key, asserted in (("indication", row["indication_asserted"]), ("sub_indication", row["subindication_asserted"])):
            if asserted and signature[key] != asserted.partition("@")[0]:
                return f"{key}: {signature[key]}"
    levels = [LEVELS[level] for level in row["level_asserted"].split("|") if level]
    got = [signature["level"] for signature in signatures(answer)]
    return f"level {got}" if levels and levels != got else None


def not_found(name):
    """What dss calls intact is that of the manifest; the file that is missing is the answer."""
    def check(answer):
        if answer["sub_indication"] != "SIGNED_DATA_NOT_FOUND" or answer["intact"]:
            return f"{answer['sub_indication']}, intact: {answer['intact']}"
        return None
    return suite.Case(f"{name}: the file is missed", [DSS / f"{PREFIX}{name}"], False, check, command=("verify",))


def by_name(path):
    """What ph-asic's files are, their names say."""
    def check(answer):
        intact = answer.get("intact", False)
        return None if intact == ("invalid" not in path.name) else f"intact: {intact}"
    return suite.Case(path.name, [path], False, check, command=("verify",))


def unsigned_files(path, names):
    return suite.Case(f"{path.name}: files that are not signed", [path], False,
                      lambda answer: None if answer["uncovered"] == names else str(answer["uncovered"]),
                      command=("verify",))


def container_stamp(name, fits):
    """The time-stamp over the archive manifest: its TSA is not trusted here, and of what it is can be told all the same."""
    def check(answer):
        reasons = [reason for signature in signatures(answer) for reason in signature["reasons"]
                   if reason["code"] == "container-timestamp-bad"]
        if not reasons:
            return "no time-stamp of the container"
        is_other = any("of something else" in reason["text"] for reason in reasons)
        return None if is_other != fits else "of something else" if is_other else "of this"
    return suite.Case(f"{name}: the container's time-stamp", [DSS / f"{PREFIX}{name}"], False, check, command=("verify",))


def tampered(path, folder):
    """One byte of the first file that is no part of the container's own is changed."""
    target = folder / f"tampered-{path.name}"
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as changed:
        names = [name for name in source.namelist() if not name.startswith("META-INF/") and name != "mimetype"]
        signed = next(name for name in names if name.isascii())
        for name in source.namelist():
            data = source.read(name)
            changed.writestr(name, bytes([data[0] ^ 1]) + data[1:] if name == signed else data)
    return suite.Case(f"{path.name}: a file changed", [target], False,
                      lambda answer: "intact" if any(signature["intact"] for signature in signatures(answer)) else None,
                      command=("verify",))


def cases(folder):
    for row in rows():
        path = DSS / row["file"]
        yield suite.Case(row["file"].removeprefix(PREFIX), [path], False, lambda answer, row=row: compare(row, answer),
                         command=("verify",))
        yield tampered(path, folder)
    yield not_found("removed-doc.asice")
    yield not_found("removedReference.asice")
    for name in ("ASiC-E-CAdES-BpLTA.sce", "cades-duplicate-orphan-revocation.asice", "dss1421.asice", "dss1984.asice",
                 "removed-doc.asice"):
        yield container_stamp(name, True)
    yield container_stamp("dss1421-broken.asice", False)
    for path in sorted(PH.glob("*.asice")):
        yield by_name(path)
    yield tampered(PH / "asic-cades-test-valid.asice", folder)
    yield unsigned_files(DSS / f"{PREFIX}cp852encoded_signature.asice", ["éáéïú√határozat.pdf"])
    yield unsigned_files(DSS / f"{PREFIX}dss1984.asice", [])
    yield unsigned_files(PH / "asic-cades-test-invalid-metadata-file.asice", ["META-INF/signature.malformed"])


with tempfile.TemporaryDirectory() as place:
    suite.run(list(cases(pathlib.Path(place))), "asic.md")
