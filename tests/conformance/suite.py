"""Runs a suite that others made through `signet cert check` or `verify`: each case in a process, several at once. What
comes out is compared with what the suite expects and with the suite's page in docs/conformance/, which gives the
numbers and explains each difference by a clause: one that is not there, or is there and is none, fails."""

import collections
import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

SOURCE = pathlib.Path(os.environ.get("SIGNET_SOURCE", pathlib.Path(__file__).parents[2]))
SKIPPED = 77

# What to give to the command, whether the certificate or all signatures are good, and what else is to be said of the one
# signature, or of the whole answer.
Case = collections.namedtuple("Case", "name arguments good also command whole",
                              defaults=(lambda answer: None, ("cert", "check"), False))


def corpus(name):
    """The folder of a suite that is kept outside the project."""
    path = pathlib.Path(os.environ.get("SIGNET_CORPORA", SOURCE / "../shared/corpora")) / name
    if not path.is_dir():
        skip(f"{path} is not there")
    return path


def skip(why):
    print(f"skipped: {why}")
    sys.exit(SKIPPED)


def split(signatures):
    """Those of the document, and countersignatures, whose numbers have a point."""
    return [one for one in signatures if "." not in one["id"]], [one for one in signatures if "." in one["id"]]


def judge(case, environment):
    """None, or what is wrong. What cannot be read (65) is refused, too."""
    command = [os.environ["SIGNET"], *case.command, "--json", *map(str, case.arguments)]
    try:
        done = subprocess.run(command, env=environment, capture_output=True, timeout=60)
    except subprocess.TimeoutExpired:
        return "no answer within 60 s"
    if done.returncode not in (0, 1, 2, 65):
        return f"exit {done.returncode}: {done.stdout.decode()}{done.stderr.decode()}"
    answer = json.loads(done.stdout)
    own, counter = split(answer.get("signatures", []))
    if len(own) == 1 and not case.whole:
        answer = {**own[0], "countersignatures": counter, "uncovered": answer["uncovered"]}
    if (done.returncode == 0) == case.good:
        return case.also(answer)
    if done.returncode == 65:
        return f"refused: {answer['error']['text']}"
    said = []
    for one in answer.get("signatures", [answer]):
        said += [one["indication"], one["sub_indication"], *(reason["text"] for reason in one["reasons"])]
    return " | ".join(word for word in said if word)


def judge_all(cases):
    with tempfile.TemporaryDirectory() as home, concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        environment = {**os.environ, "SIGNET_HOME": home}
        return list(pool.map(lambda case: judge(case, environment), cases))


def explained(page):
    """The cases in the page's table of differences, and its numbers: all, alike, different."""
    text = (SOURCE / "docs/conformance" / page).read_text()
    numbers = re.search(r"^(\d+) [a-z ]+: (\d+) come out as expected, (\d+) differ", text, re.M)
    return set(re.findall(r"^\| `([^`]+)` \|", text, re.M)), [int(number) for number in numbers.groups()]


def run(cases, page):
    """Exits 0 if every case comes out as expected, or as the page explains."""
    known, numbers = explained(page)
    problems = dict(zip((case.name for case in cases), judge_all(cases)))
    assert len(problems) == len(cases), "two cases of one name"
    wrong = {name for name, problem in problems.items() if problem}
    failures = [f"{name}: {problems[name]}" for name in sorted(wrong - known)]
    failures += [f"{name}: comes out as expected, but {page} explains why not" for name in sorted(known - wrong)]
    if numbers != [len(cases), len(cases) - len(known), len(known)]:
        failures.append(f"{page} says {numbers}: there are {len(cases)}, {len(known)} of them in its table")
    for failure in failures:
        print(failure)
    print(f"{len(cases)} cases: {len(cases) - len(wrong)} as expected, {len(known & wrong)} explained, "
          f"{len(failures)} failures")
    sys.exit(1 if failures else 0)
