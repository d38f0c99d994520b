"""In charge of warnings about a course's folder: what the program would otherwise ignore without a word."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path

from course.content import courses, sources
from course.content.courses import Course
from course.content.sources import Problem, toml_line

TABLE = "course.toml"


def problems(root: Path, known: list[Course]) -> Iterator[Problem]:
    """Yield warnings about these courses, and about folders that are none."""
    for folder in sorted((root / "courses").glob("[!.]*/")):
        if not (folder / TABLE).is_file():
            yield Problem(folder, 1, _no_course(folder), warning=True)
    names = {course.name for course in known}
    for course in known:
        path = root / "courses" / course.name / TABLE
        for key, say in (*_unknown(path), *_days(course), *_next(course, names)):
            yield Problem(path, toml_line(path, key), f"{key}: {say}", warning=True)


def _no_course(folder: Path) -> str:
    other = next((one.name for one in sorted(folder.iterdir()) if one.name.casefold().startswith(TABLE)), "")
    return f"rename {other} to {TABLE}" if other else f"there is no {TABLE} here, so this is no course; write it"


def _unknown(path: Path) -> Iterator[tuple[str, str]]:
    for key in sources.read_toml(path):
        if key not in courses.KEYS:
            yield key, unread(key, courses.KEYS)


def unread(key: str, known: tuple[str, ...]) -> str:
    """Return what to say of a key that nothing reads."""
    meant = get_close_matches(key, known, 1)
    return f"nothing reads this line; write {meant[0]}, or take it out" if meant else "nothing reads this; take it out"


def _days(course: Course) -> Iterator[tuple[str, str]]:
    for day in course.letter_days:
        if not course.has(day):
            yield "letter_days", f"there is no day {day} in this course of {course.days}; take it out"


def _next(course: Course, names: set[str]) -> Iterator[tuple[str, str]]:
    """Find a course that is offered after another one and is not there, or is the same."""
    if course.next and course.next not in names:
        yield "next", f"there is no course {course.next}, so none is offered; write the name of a folder beside this"
    elif course.next == course.name:
        yield "next", "this is the course itself; write the name of another folder, or take this line out"
