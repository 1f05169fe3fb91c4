"""Is each of PKITS' 249 runs judged as NIST says? The certificates are in Debian's python3-cryptography-vectors."""

import collections
import csv
import functools
import pathlib
import sys

import suite

DATA = pathlib.Path("/usr/lib/python3/dist-packages/cryptography_vectors/x509/PKITS_data")
POLICIES = "2.16.840.1.101.3.2.1.48."
INPUTS = {"e": "--explicit-policy", "m": "--inhibit-mapping", "a": "--inhibit-any-policy"}


def several(words):
    return [] if words == "-" else words.split()


def policy(word):
    return {"any": "2.5.29.32.0"}.get(word, POLICIES + word)


def same_policies(expected, answer):
    if sorted(answer["policies"]) != sorted(expected):
        return f"policies {answer['policies']} instead of {expected}"
    return None


def case_of(row, name):
    arguments = [DATA / f"certs/{row['certificate']}.crt", "--at", "2011-04-15T00:00:00Z",
                 "--anchor", DATA / "certs/TrustAnchorRootCertificate.crt"]
    for between in several(row["between"]):
        arguments += ["--intermediate", DATA / f"certs/{between}.crt"]
    for crl in ["TrustAnchorRootCRL", *several(row["lists"])]:
        arguments += ["--crl", DATA / f"crls/{crl}.crl"]
    for word in several(row["policies"]):
        arguments += ["--policy", word if word == "any" else policy(word)]
    for letter in row["inputs"].strip("-"):
        arguments.append(INPUTS[letter])
    good = row["valid"] == "yes"
    also = functools.partial(same_policies, [policy(word) for word in several(row["valid_policies"])])
    return suite.Case(name, arguments, good, also if good else lambda answer: None)


def rows():
    if not DATA.is_dir():
        sys.exit(f"{DATA} is not there: install python3-cryptography-vectors")
    with open(pathlib.Path(__file__).parent / "pkits.tsv", encoding="ascii") as table:
        return list(csv.DictReader((line for line in table if line[0] != "#"), delimiter="\t"))


def named(table):
    """Each row with the name of its run: the test's, with a number if it has several."""
    runs, seen = collections.Counter(row["test"] for row in table), collections.Counter()
    for row in table:
        test = row["test"]
        seen[test] += 1
        yield row, f"{test} ({seen[test]})" if runs[test] > 1 else test


if __name__ == "__main__":
    suite.run([case_of(row, name) for row, name in named(rows())], "pkits.md")
