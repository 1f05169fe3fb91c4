#!/usr/bin/python3
"""Prints the table of reasons of docs/verification.md: what each says, from docs/errors.md, and what to do, from
agent/verify/reasons.def. With --write the page gets it, between its two marks."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/verification.md"
BEGIN, END = "<!-- reasons -->\n", "<!-- reasons end -->\n"


def advice_of_words():
    text = (ROOT / "agent/verify/reasons.def").read_text()
    entry = re.compile(r'^SG_REASON\(\w+,\s*"([a-z-]+)",\s*(?:N_\()?((?:"(?:[^"\\]|\\.)*"\s*)+)\)', re.M)
    for word, literals in entry.findall(text):
        yield word, "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', literals)).replace('\\"', '"')


def meaning_of_words():
    text = (ROOT / "docs/errors.md").read_text().partition("\n## Reasons")[2]
    for words, meaning in re.findall(r"^\| (`[^|]+) \| (.+) \|$", text, re.M):
        for word in re.findall(r"`([a-z-]+)`", words):
            yield word, meaning


def table():
    meanings = dict(meaning_of_words())
    yield "| reason | what it says | what to do |"
    yield "| --- | --- | --- |"
    for word, advice in advice_of_words():
        yield f"| `{word}` | {meanings.get(word, '?')} | {advice or 'Nothing.'} |"


def main():
    lines = "".join(line + "\n" for line in table())
    if sys.argv[1:] != ["--write"]:
        sys.stdout.write(lines)
        return
    before, _, rest = PAGE.read_text().partition(BEGIN)
    PAGE.write_text(before + BEGIN + lines + END + rest.partition(END)[2])


main()
