"""Is docs/conformance/en-319-102-1.md what the citations in code and tests say? With --write, the page is written.

A rule is cited as `EN 319 102-1 §5.5.4 step 4 a` in a comment of the code; a test that asks for it, in the comment before
its function. A clause of the table below that nothing cites, a rule that no test asks for, and an answer that no test
reaches, are failures."""

import collections
import os
import pathlib
import re
import sys

SOURCE = pathlib.Path(os.environ.get("SIGNET_SOURCE", pathlib.Path(__file__).parents[2]))
PAGE = SOURCE / "docs/conformance/en-319-102-1.md"

CLAUSES = {
    "5.1.3": "answers",
    "5.2.2": "format checking",
    "5.2.3": "identification of the signing certificate",
    "5.2.4": "validation context initialization",
    "5.2.5": "revocation freshness",
    "5.2.6": "X.509 certificate validation",
    "5.2.7": "cryptographic verification",
    "5.2.8": "signature acceptance",
    "5.3": "basic signatures",
    "5.4": "time-stamps",
    "5.5": "signatures with time and with long-term validation material",
    "5.6.2.1": "past certificate validation",
    "5.6.2.2": "validation-time sliding",
    "5.6.2.3": "extraction of proofs of existence",
    "5.6.2.4": "past signature validation",
    "5.6.3": "signatures with archive time-stamps",
}

HEAD = """# EN 319 102-1 V1.3.1

How `signet verify` follows the standard's validation of signatures (clause 5): each rule, the files that cite it, and the
tests that ask for it. This page is written by `python3 tests/conformance/test_clauses.py --write` from the citations;
`conformance/test_clauses` fails if it is out of date, or if a rule has no test.

## Where we choose, or differ

- **All building blocks run** (§5.3.4), though the first that fails would do: the gravest problem is the answer, and the
  others are among the reasons. A later time mends an answer only if it mends all of them.
- **Freshness** (§5.2.5.4): revocation data counts until its `nextUpdate`; without one it is never fresh. Where the sliding
  (§5.6.2.2.4 step 2 c) finds data that is not fresh any more, the control time goes back to that `nextUpdate`, the last
  time at which the checker passes, and not on to the time of issue: else no CA's CRL that was issued before a signature
  could ever prove it.
- **Signature policies** (§5.2.4.4): we judge by our own policy. A signature that names another one explicitly is
  INDETERMINATE / SIGNATURE_POLICY_NOT_AVAILABLE, since what it bound itself to is not at hand.
- **Time-stamps** (§5.4.4): by RFC 3161 §2.4.2 one proves genTime and its accuracy, the upper limit, rounded up to a
  second. One that says a time at which its TSA's certificate was not valid, or one in the future, does not count.
- **Order** (§5.5.4 step 4 e): time-stamps that contradict each other prove nothing at all, whatever else would be mended:
  none is shown as proven, and the level is B-B.
- **Not mended by a signature-time-stamp alone** (§5.5.4 steps 4 and 10): a CA that has ended since, or an anchor that was
  trusted until then, an algorithm of a certificate or of revocation data, an OCSP responder that has ended. Archive
  time-stamps over them do.
- **A CA that is revoked, on hold, or not known to be good now** (§5.5.4 step 4 a): a signature-time-stamp is over the value
  alone. To anybody's old value a key can be calculated that makes it right over something else, and who has stolen a CA's
  key can certify that with any date. So a CA is judged as of then only if what is below it on the path is proven to have
  been there: the signer's certificate, by its hash in the signed attributes or by a time-stamp over it; those between, by a
  time-stamp over them. Else it is judged as of now. The standard only compares with the time of the revocation.
- **A certificate that has ended** (§5.5.4 step 4 b and d): the standard returns OUT_OF_BOUNDS_NO_POE as it is, and mends
  OUT_OF_BOUNDS_NOT_REVOKED. Which of them it is, is asked as of the proven time, as step 6 asks for fresh data: what was
  known then is never fresh now (§5.2.5.4), so that otherwise no B-LT would outlive its certificate. Where nothing from then
  is known, it stays OUT_OF_BOUNDS_NO_POE.
- **NO_POE** is no answer about a whole signature. It is what past certificate validation and the sliding (§5.6.2.1,
  §5.6.2.2) answer; past signature validation (§5.6.2.4.4 step 2) then gives the answer as of now with an explanation of
  the failure, which is the reason `no-proof-of-existence`.
- **Weak certificates in the past** (§5.6.2.2.4 step 2 d): one whose own signature is by an algorithm that was weak by the
  time for which the certificate is proven does not count.
- **Not there**: evidence records (§5.6.3.4 step 1), a time-stamp delay (§5.5.4 step 5), the chain model (§5.6.2.1.4).
- **Older forms**: CAdES-C, -X, -XL and -A are judged by the same processes, as far as what their time-stamps are over can
  be calculated; B-LTA is only what archive-time-stamps-v3 that hold cover: the signature-time-stamp, and all that B-LT rests on.
"""


def comments(text):
    """Each comment with the line of code behind it."""
    for match in re.finditer(r"/\*(.*?)\*/([^\n]*\n[^\n]*)", text, re.S):
        yield re.sub(r"\s*\n\s*\*?\s*", " ", match[1]), match[2]


def citations(comment):
    """("5.5.4", "4 a") for each rule that is cited; without a step, ""."""
    step = r"\d+(?: [a-z]\b(?: i+\b)?)?"
    for match in re.finditer(rf"EN 319 102-1 §(5(?:\.\d+)*)(?: steps? ({step}(?:(?:, | and | to ){step})*))?", comment):
        for one in re.findall(step, match[2] or "") or [""]:
            yield match[1], one


def sources(folder):
    return sorted(path for path in (SOURCE / folder).rglob("*.[ch]"))


def cited_by_code():
    found = collections.defaultdict(set)
    for path in sources("agent"):
        for comment, _ in comments(path.read_text()):
            for rule in citations(comment):
                found[rule].add(path.relative_to(SOURCE / "agent").as_posix())
    return found


def cited_by_tests():
    found = collections.defaultdict(set)
    for path in sources("tests/unit"):
        for comment, behind in comments(path.read_text()):
            test = re.match(r"\s*static void (\w+)\(void \*\*state\)", behind)
            for rule in citations(comment) if test else ():
                found[rule].add(f"{path.stem}: {test[1]}")
    return found


def is_same(a, b):
    """One rule is the other, or a part of it: "4" and "4 a"."""
    return a == b or not a or not b or f"{a} ".startswith(f"{b} ") or f"{b} ".startswith(f"{a} ")


def tests_of(rule, tests):
    clause, step = rule
    found = set()
    for (other, other_step), names in tests.items():
        same = other == clause or other.startswith(clause + ".") or clause.startswith(other + ".")
        if same and is_same(step, other_step) and (other_step or not step):
            found |= names
    return sorted(found)


def order(rule):
    clause, step = rule
    return [int(part) for part in clause.split(".")], [int(part) if part.isdigit() else 0 for part in step.split()], step


def rules_table(code, tests, failures):
    lines = ["## Rules", "", "| clause | what | code | tests |", "| --- | --- | --- | --- |"]
    for clause, what in CLAUSES.items():
        own = {rule: names for rule, names in code.items() if rule[0] == clause or rule[0].startswith(clause + ".")}
        files = sorted(set().union(*own.values())) if own else []
        if not files:
            failures.append(f"§{clause} ({what}): no code cites it")
        asked = tests_of((clause, ""), tests)
        if not asked:
            failures.append(f"§{clause} ({what}): no test asks for it")
        steps = sorted((rule for rule in own if rule[1]), key=order)
        lines.append(row(f"**{clause}**", f"**{what}**", files, [] if steps else asked))
        for rule in steps:
            asked = tests_of(rule, tests)
            if not asked:
                failures.append(f"§{rule[0]} step {rule[1]}: no test asks for it")
            lines.append(row(f"{rule[0]} step {rule[1]}", "", sorted(own[rule]), asked))
    return lines


def row(clause, what, files, tests):
    return f"| {clause} | {what} | {', '.join(f'`{name}`' for name in files)} | {', '.join(f'`{name}`' for name in tests)} |"


def functions(text):
    """Each test of a file with its text."""
    return re.findall(r"^static void (\w+)\(void \*\*state\)\n\{(.*?)^\}", text, re.S | re.M)


def answers_table(failures):
    header = (SOURCE / "agent/verify/verify.h").read_text()
    subs = [name for name in re.findall(r"^    SG_SUB_(\w+),", header, re.M) if name != "NONE"]
    found = {name: [] for name in subs}
    for path in sources("tests/unit/verify"):
        if path.stem in ("test_verdict", "test_report"):
            continue  # of what they name, they judge no file
        for test, body in functions(path.read_text()):
            for name in set(re.findall(r"\b(?:SG_SUB_|UNDECIDED\(|FAILED\()(\w+)", body)):
                if name in found:
                    found[name].append(f"{path.stem}: {test}")
    lines = ["## Answers (§5.1.3)", "", "| sub-indication | reached by, among others |", "| --- | --- |"]
    for name in subs:
        if not found[name]:
            failures.append(f"{name}: no test reaches it")
        lines.append(f"| {name} | {', '.join(f'`{test}`' for test in sorted(found[name])[:4])} |")
    return lines


def main():
    failures = []
    rules = rules_table(cited_by_code(), cited_by_tests(), failures)
    page = "\n".join([HEAD, *rules, "", *answers_table(failures), ""])
    if "--write" in sys.argv:
        PAGE.write_text(page)
    elif not PAGE.is_file() or PAGE.read_text() != page:
        failures.append(f"{PAGE.name} is not what the citations say: python3 tests/conformance/test_clauses.py --write")
    for failure in failures:
        print(failure, file=sys.stderr)
    return 1 if failures else 0


sys.exit(main())
