"""In charge of what a locale lacks: titles, lessons, notices, words, things to reply with, and people who read it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from course.content import courses, locales, sources, word_rules
from course.content.catalogue import NOTICES
from course.content.courses import Course
from course.content.sources import ContentError, Problem, Source, toml_line
from course.content.word_rules import Words


def counts(root: Path) -> dict[str, int]:
    """Return how much each locale lacks, of those that lack something. Raises ContentError for a broken course.toml."""
    known = courses.read_all(root)
    found = {locale: len(list(lacks(root, known, locale))) for locale in locales.stand_ins(known)}
    return {locale: count for locale, count in found.items() if count}


def lacks(root: Path, known: list[Course], locale: str) -> Iterator[Problem]:
    """Yield what stands in for a text of this locale, each with the place to write it."""
    for course in known:
        if locale in course.locales[1:]:
            yield from _of_a_course(root, course, locale)
    other = locales.stand_ins(known).get(locale, locale)
    if other == locale:
        return
    for source in _notices(root, locale):
        if source.missing:
            yield _lacking(source.path, 1, sources.missing(source.path), other)
    path = root / "words" / f"{locale}.toml"
    if not path.is_file():
        yield _lacking(path, 1, "this file is missing: write it", other)
        return
    own, first = _table(path), _table(root / "words" / f"{other}.toml")
    yield from word_rules.lacking(Words(path, own), Words(root / "words" / f"{other}.toml", first))


def unreviewed(root: Path, known: list[Course], locale: str) -> Iterator[Problem]:
    """Yield the files of a locale that do not say who has reviewed them."""
    path = root / "words" / f"{locale}.toml"
    if path.is_file() and not locales.is_reviewed(_table(path)):
        yield Problem(path, 1, f'begin with {locales.REVIEWED} = "…": who has read these words', warning=True)
    lessons = [text for course in known for (_, written_in), text in course.lessons.items() if written_in == locale]
    for source in [*lessons, *_notices(root, locale)]:
        if not (source.missing or source.problems or locales.is_reviewed(source.front)):
            yield Problem(source.path, 1, f'write {locales.REVIEWED}: "…": who has read this text', warning=True)


def _of_a_course(root: Path, course: Course, locale: str) -> Iterator[Problem]:
    path, first = root / "courses" / course.name / "course.toml", course.locales[0]
    for key, said in (("title", course.titles), ("summary", course.summaries)):
        if not said.get(locale):
            yield _lacking(path, toml_line(path, key), f"{key}: write the line {locale} = … under [{key}]", first)
    for (_, written_in), source in course.lessons.items():
        if written_in == locale and source.missing:
            yield _lacking(source.path, 1, sources.missing(source.path), first)


def _notices(root: Path, locale: str) -> list[Source]:
    return [sources.read(root / "notices" / locale / f"{name}.md") for name in NOTICES]


def _lacking(path: Path, line: int, say: str, other: str) -> Problem:
    return Problem(path, line, f"{say}; until then {other} stands in", warning=True)


def _table(path: Path) -> Mapping[str, Any]:
    """Return what a table holds; one that cannot be read is told by `course check`."""
    try:
        return sources.read_toml(path)
    except ContentError:
        return {}
