"""In charge of how well replies are read: `python -m benchmarks.reading` scores the corpora beside us and us.

`--rules` lists what each rule changes, in the corpora and in our own fixtures: a rule that changes one case there and
no fixture of ours has no place. `--times` says how long it takes (reading_times.py).
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType

from benchmarks import reading_times
from course.reading import words
from course.reading.extracting import Reader
from course.reading.sieve import Sieve

ROOT = Path(__file__).parents[1]
CORPORA = ROOT.parent / "shared" / "corpora"
OURS = {"lessons", "without the lesson", "words", "quotes", "journals", "endings"}  # sources of fixtures


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
    """Score, time, or list what each rule is good for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rules", action="store_true", help="what each rule changes, and where")
    parser.add_argument("--times", action="store_true", help="how long reading takes, beside its limits")
    asked = parser.parse_args()
    if asked.rules:
        rules([*replies(), *own(), *fixtures()])
        return
    if asked.times:
        reading_times.show([(case.message, case.sent) for case in fixtures()])
        return
    for kind, cases in (("reply_dev.jsonl", list(replies())), ("own", list(own())), ("fixtures", list(fixtures()))):
        if cases:
            print(f"\n{kind}")
            print("\n".join(scores(cases)))


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
