"""In charge of how well and how fast replies are read: `python -m benchmarks.reading` scores the corpora beside us.

`--rules` lists what each rule changes, in the corpora and in our own fixtures: a rule that changes one case there and
no fixture of ours has no place.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import json
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

from course.reading import words
from course.reading.extracting import Reader
from course.reading.sieve import Sieve

ROOT = Path(__file__).parents[1]
CORPORA = ROOT.parent / "shared" / "corpora"
SIZE = 64 * 1024
ADDS = 5_000_000  # of a plain loop, by whose time others can compare a busy core with theirs
TRIES = 5  # of each, for other work on the same core takes its caches
OURS = {"lessons", "without the lesson", "words", "quotes", "journals", "endings"}  # sources of fixtures
WORST = {
    "words on one line": "word ",
    "short lines": "x\n",
    "one mark a line": "> x\n",
    "answers between": "> x\ny\n",
    "deep quotes": "> > > > > > > > x\n",
    "marks on one line": "> ",
    "attributions": "On Mon, 3 Mar 2026 at 8:00, A wrote:\n",
    "verbs": "wrote ",
    "labels": "From: a\n",
    "header blocks": "From: a@b.org\nSent: 3 May\nTo: c\n\n",
    "separators": "---- Original message ----\n",
    "footers": "Sent from my iPhone\n",
    "dashes": "-",
    "spaces": " ",
    "angles": "<",
    "HTML paragraphs": "<p>x",
    "HTML quotes": "<blockquote>x",
    "HTML tables": "<table><tr><td>x",
    "HTML quoted attribute": '<a x="',
    "HTML comments": "<!--",
    "HTML entities": "&lt;",
    "HTML line breaks": "<div><br></div>",
    "HTML quotes and answers": "<blockquote>x</blockquote>y",
    "HTML links": '<a href="https://a.example/?b=c">link</a> ',
    "HTML attributes": "<p a b c d e f g h i>x",
    "attributions of marked quotes": "On Mon, 3 Mar 2026 at 8:00, A wrote:\n> x\ny\n",
    "signatures": "-- \nAlice\n",
    "underscores": "__________\nFrom: a@b.org\n",
    "right to left": "\u200f\u05e9\u05dc\u05d5\u05dd\n",
    "unseen": "a\u200b",
    "emoji": "\U0001f600 ",
    "prose": "The quick brown fox jumps over the lazy dog and then some 12.\n",
    "prose, quoted": "> The quick brown fox jumps over the lazy dog and then some 12.\n",
    "CJK": "今",
    "long words": "a" * 480 + ":\n",
    "long rules": "-" * 4000 + "a\n> x\n",
    "long rules in a quote": "> " + "-" * 3990 + "a\n",
    "numbers": "1" * 480 + ":\n",
    "addresses": "a@" * 240 + ":\n",
}


@dataclass(frozen=True)
class Case:
    """Something to read, and what counts as right."""

    name: str
    source: str
    language: str
    message: str | bytes
    right: tuple[str, ...]
    sent: bytes | None = None


def main() -> None:
    """Score and time, or list what each rule is good for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rules", action="store_true", help="what each rule changes, and where")
    if parser.parse_args().rules:
        rules([*replies(), *own(), *fixtures()])
        return
    for kind, cases in (("reply_dev.jsonl", list(replies())), ("own", list(own())), ("fixtures", list(fixtures()))):
        if cases:
            print(f"\n{kind}")
            print("\n".join(scores(cases)))
    print("\n".join(timing([*replies(), *own()])))


def replies() -> Iterator[Case]:
    """Yield the cases of the corpus, if it is there."""
    scorer = _scorer()
    if scorer is None:
        return
    for one in scorer.load(CORPORA / "reply_dev.jsonl"):
        right = (one["expected"], *(one.get("also_accepted") or []))
        yield Case(one["id"], one["source"], one.get("language") or "", scorer.raw_of(one), right)


def own() -> Iterator[Case]:
    """Yield the genuine replies of real clients, if they are there."""
    folder = CORPORA / "own"
    if not (folder / "expected.json").exists():
        return
    sent = (folder / "prompt.eml").read_bytes()
    for name, text in json.loads((folder / "expected.json").read_text(encoding="utf-8")).items():
        yield Case(name, name.rsplit("-", 3)[0], "", (folder / name).read_bytes(), (text,), sent)


def fixtures() -> Iterator[Case]:
    """Yield our own fixtures, of the tests."""
    (lessons,) = _tests("test_replies_to_lessons")
    sent = lessons.lesson()
    for name, make, style in lessons.REPLIES:
        for who, text in lessons.ANSWERS.items():
            yield Case(f"{name}-{who}", "lessons", "", make(sent, text, style), (text,), sent.raw)
        if style == "top":
            yield Case(f"{name}-unknown", "without the lesson", "", make(sent, lessons.ALICE, style), (lessons.ALICE,))
    yield from texts()


def texts() -> Iterator[Case]:
    """Yield those of our fixtures that quote no lesson; the last of them were made for one rule each."""
    lessons, spoken, quotes = _tests("test_replies_to_lessons", "test_reply_words", "test_quotes")
    for name, text in spoken.cases():
        yield Case(name, "words", name[:2], text, (spoken.OWN,))
    for name, text in quotes.cases():
        yield Case(name, "quotes", "", text, (quotes.OWN,))
    for text in lessons.JOURNALS:
        yield Case(text[:30], "journals", "", text, (text,))
    for name, text, right in lessons.ENDINGS:
        yield Case(name, "endings", "", text, (right,))


def _tests(*names: str) -> Iterator[ModuleType]:
    if str(ROOT / "tests") not in sys.path:
        sys.path.insert(0, str(ROOT / "tests"))
    return map(importlib.import_module, names)


def same(text: str) -> str:
    """Return a text as the corpora compare it."""
    scorer = _scorer()
    return str(scorer.norm(text)) if scorer else " ".join(text.split())


def right(case: Case, reader: Reader) -> bool:
    """Whether a case is read exactly."""
    return same(reader.read(case.message, case.sent)) in {same(text) for text in case.right}


def scores(cases: Iterable[Case]) -> Iterator[str]:
    """Yield a line for each source, and for all that is not English."""
    reader, groups = Reader(), defaultdict[str, list[bool]](list)
    for case in cases:
        found = right(case, reader)
        for group in (case.source, "all", *(["not English"] if case.language not in {"", "en"} else [])):
            groups[group].append(found)
    for group, found_all in groups.items():
        yield f"{group:24} {sum(found_all):5} of {len(found_all):5}  {sum(found_all) / len(found_all):7.1%}"


def timing(cases: Iterable[Case]) -> Iterator[str]:
    """Yield milliseconds of processor time: the median, and each of the worst that 64 kB can be."""
    reader = Reader()
    spent = [_spent(reader.read, case.message, case.sent) for case in cases]
    if spent:
        yield f"\nmedian {statistics.median(spent):.2f} ms, longest {max(spent):.1f} ms, of {len(spent)}"
    gc.collect()
    gc.freeze()  # the cases are many, and no reply's doing
    sent = next((case.sent for case in own()), None)
    yield f"16 kB on one line {_spent(reader.read, 'word ' * 3277, sent):.1f} ms"
    for name, piece in WORST.items():
        text = (piece * (SIZE // len(piece) + 1))[:SIZE]
        page = b"From: a@b.org\nContent-Type: text/html\n\n" + text.encode()
        message = page if name.startswith("HTML") else text
        loop = min(_spent(_loop) for _ in range(2))
        quickest = min(_spent(reader.read, message, sent) for _ in range(TRIES))
        yield f"64 kB of {name:30} {quickest:6.1f} ms, {quickest / loop:5.2f} of the loop"


def _loop() -> None:
    """Add up so many numbers, one by one."""
    total = 0
    for number in range(ADDS):
        total += number


def _spent(work: Callable[..., Any], *arguments: object) -> float:
    began = time.process_time()
    work(*arguments)
    return (time.process_time() - began) * 1000


def rules(cases: list[Case]) -> None:
    """Print for each rule, mark and language which cases it changes; of the lessons, alice's answers will do."""
    cases = [case for case in cases if case.source != "lessons" or case.name.endswith("-alice")]
    whole = Reader()
    usual = {case.name: whole.read(case.message, case.sent) for case in cases}
    for name, sieve in each_left_out(whole.sieve):
        reader = replace(whole, sieve=sieve)
        changed = [case for case in cases if reader.read(case.message, case.sent) != usual[case.name]]
        ours = sum(1 for case in changed if case.source in OURS)
        shown = ", ".join(case.name for case in changed if case.source not in OURS)
        print(f"{name:60} {ours:5} fixtures, {len(changed) - ours:3} cases  {shown[:200]}", flush=True)


def each_left_out(sieve: Sieve) -> Iterator[tuple[str, Sieve]]:
    """Yield what each rule, mark and language is called, and all the others."""
    for rule in sieve.heads:
        yield (
            f"rule: {rule.name} ({rule.source})"[:60],
            replace(sieve, heads=tuple(one for one in sieve.heads if one != rule)),
        )
    for rule in sieve.ends:
        yield (
            f"rule: {rule.name} ({rule.source})"[:60],
            replace(sieve, ends=tuple(one for one in sieve.ends if one != rule)),
        )
    for mark in sieve.marks:
        yield f"mark: {mark.client}", replace(sieve, marks=tuple(one for one in sieve.marks if one != mark))
    for language in words.ALL.tables:
        yield f"words: {language}", replace(sieve, words=sieve.words.without(language))


def _scorer() -> ModuleType | None:
    if not (CORPORA / "score_replies.py").exists():
        return None
    if str(CORPORA) not in sys.path:
        sys.path.append(str(CORPORA))
    return importlib.import_module("score_replies")


if __name__ == "__main__":
    main()
