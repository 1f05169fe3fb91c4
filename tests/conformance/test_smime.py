"""Is each of PKITS' signed messages, as it is, judged as NIST says, in each of the runs of its test? Certificates and CRLs
come along in it, and are given as well."""

import suite
import test_pkits as pkits

MESSAGES = pkits.DATA / "smime"

# The message of 4.14.18 is signed by the certificate of 4.14.19: that run's inputs are its own.
ODD_TEST, ODD_MESSAGE, ODD_RUN = "4.14.18", "SignedValidonlySomeReasonsTest18", "4.14.19"


def also(case, answer):
    """Of valid policies a signature's answer says nothing; a CRL that is not to be used is an error."""
    if "error" not in answer and answer["covers"] != "message body":
        return f"covers {answer['covers']}"
    return "not intact" if case.good and not answer["intact"] else None


def case_of(message, case):
    """The run of a certificate, with the message instead of it."""
    return suite.Case(f"{case.name} {message}", [MESSAGES / f"{message}.eml", *case.arguments[1:]], case.good,
                      also=lambda answer: also(case, answer), command=("verify",))


def cases():
    table = pkits.rows()
    odd = next(row for row in table if row["test"] == ODD_RUN)
    for row, name in pkits.named(table):
        message = ODD_MESSAGE if row["test"] == ODD_TEST else row["message"]
        yield case_of(message, pkits.case_of(odd if message == ODD_MESSAGE else row, name))


runs = list(cases())
messages = {run.arguments[0] for run in runs}
assert messages == set(MESSAGES.glob("*.eml")) and len(messages) == 224
suite.run(runs, "smime.md")
