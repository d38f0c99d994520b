"""In charge of reading what the catalogue is made of: courses, words, and all that people may reply with."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from course.content import courses, locales, sources
from course.content.command_words import Phrases
from course.content.courses import Course
from course.content.sources import ContentError, Problem

Words = Mapping[str, Mapping[str, Any]]


def names(root: Path) -> list[str]:
    """Return the names of the folders that hold a course, readable or not."""
    return [path.parent.name for path in sorted(root.glob("courses/*/course.toml"))]


def every_course(root: Path, problems: list[Problem]) -> dict[str, Course]:
    """Return the courses that can be read, by name, the first one first."""
    found: dict[str, Course] = {}
    for name in names(root):
        try:
            found[name] = courses.read(root / "courses" / name)
        except ContentError as error:
            problems += error.problems
    if not names(root):
        problems.append(Problem(root / "courses", 1, "there is no course here: make a folder with a course.toml"))
    problems += courses.rivals(root, found.values())
    return {course.name: course for course in courses.in_order(found.values())}


def words(root: Path, stand_ins: Mapping[str, str], problems: list[Problem]) -> dict[str, Words]:
    """Return each locale's own words; none for one whose file is missing and has a stand-in."""
    found: dict[str, Words] = {}
    for locale, other in stand_ins.items():
        path = root / "words" / f"{locale}.toml"
        try:
            found[locale] = sources.read_toml(path) if path.is_file() or locale == other else {}
        except ContentError as error:
            problems += error.problems
    return found


def phrases(root: Path, spoken: Mapping[str, Words], problems: list[Problem]) -> dict[str, Phrases]:
    """Return what people may reply with, by locale: also in those that no course is written in any more.

    Who has a letter in such a one at hand answers in it. What its file lacks is taken from a spoken one; one that
    cannot be read keeps nothing from being sent, and is left out.
    """
    found: dict[str, Phrases] = {}
    for locale, table in spoken.items():
        try:
            found[locale] = Phrases.of(table)
        except (KeyError, TypeError, ValueError):
            path = root / "words" / f"{locale}.toml"
            problems.append(Problem(path, 1, "words for what people reply are missing; `course check` says which"))
    first = next(iter(spoken.values()), {})
    for path in sorted(root.glob("words/*.toml")):
        try:
            if path.stem not in spoken:
                found[path.stem] = Phrases.of(locales.filled(sources.read_toml(path), first, ""))
        except (ContentError, KeyError, TypeError, ValueError):
            continue
    return found
