"""Is each of PKITS' signed messages judged as NIST says, in each of the runs of its test? A message's CMS, and what it
signs, are taken out of it and given to `signet verify`; certificates and CRLs come along in it, and are given as well."""

import base64
import pathlib
import re
import tempfile

import suite
import test_pkits as pkits

# The message of 4.14.18 is signed by the certificate of 4.14.19: that run's inputs are its own.
ODD_TEST, ODD_MESSAGE, ODD_RUN = "4.14.18", "SignedValidonlySomeReasonsTest18", "4.14.19"


def split(message):
    """What is signed, and the CMS (RFC 1847 §2.1: the line break before a boundary belongs to the boundary)."""
    boundary = re.search(rb'boundary="([^"]+)"', message)[1]
    _, signed, signature, _ = message.split(b"--" + boundary)
    head, body = signature.split(b"\n\n", 1)
    assert b"application/pkcs7-signature" in head and b"base64" in head
    return signed.removeprefix(b"\n").removesuffix(b"\n"), base64.b64decode(body)


def unpack(name, folder):
    signed, cms = split((pkits.DATA / f"smime/{name}.eml").read_bytes())
    (folder / name).write_bytes(signed)
    (folder / f"{name}.p7s").write_bytes(cms)


def case_of(message, case, folder):
    """The run of a certificate, with the message instead of it. Of valid policies a signature's answer says nothing."""
    return suite.Case(f"{case.name} {message}", [folder / f"{message}.p7s", *case.arguments[1:]], case.good,
                      also=lambda answer: "not intact" if case.good and not answer["intact"] else None,
                      command=("verify",))


def cases(folder):
    table = pkits.rows()
    odd = next(row for row in table if row["test"] == ODD_RUN)
    for row, name in pkits.named(table):
        message = ODD_MESSAGE if row["test"] == ODD_TEST else row["message"]
        unpack(message, folder)
        yield case_of(message, pkits.case_of(odd if message == ODD_MESSAGE else row, name), folder)


with tempfile.TemporaryDirectory() as folder:
    runs = list(cases(pathlib.Path(folder)))
    assert len({run.arguments[0] for run in runs}) == 224
    suite.run(runs, "smime.md")
