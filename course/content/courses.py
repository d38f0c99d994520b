"""In charge of a course: a folder under emails/courses/ with course.toml and one file per day and locale."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from babel import Locale, UnknownLocaleError

from course.content import sources
from course.content.sources import ContentError, Problem, Source
from course.schedule import Start

MOST_DAYS = 366


@dataclass(frozen=True)
class Course:
    """An ordered set of lessons. `send_hour` (0..23) and `start` are what a person gets who chooses nothing."""

    name: str
    days: int
    send_hour: int
    start: Start
    locales: tuple[str, ...]
    titles: Mapping[str, str]
    summaries: Mapping[str, str]
    lessons: Mapping[tuple[int, str], Source]
    unreviewed: frozenset[str] = frozenset()  # of the locales: those that no native speaker has reviewed

    def locale(self, wanted: str) -> str:
        """Return the wanted locale if the course has it, else its first one."""
        return wanted if wanted in self.locales else self.locales[0]

    def lesson(self, day: int, locale: str) -> Source:
        """Return a lesson in a locale, or in the first one if it is not written in that."""
        return self.lessons.get((day, locale)) or self.lessons[day, self.locales[0]]

    def needed(self) -> list[Source]:
        """Return the lessons that are there, and those of the first locale, which must be."""
        return [text for (_, locale), text in self.lessons.items() if locale == self.locales[0] or not text.missing]

    def has(self, day: int) -> bool:
        """Whether there is such a lesson."""
        return 1 <= day <= self.days


def lesson_name(day: int) -> str:
    """Return what a lesson's mailing and delivery are called."""
    return f"day-{day}"


def read(folder: Path) -> Course:
    """Read one course. Raises ContentError with every mistake in course.toml."""
    path = folder / "course.toml"
    table = sources.read_toml(path)
    wrong = [Problem(path, line_of(path, key), f"{key}: {say}") for key, say in _mistakes(table)]
    if wrong:
        raise ContentError(wrong)
    locales = tuple(table["locales"])
    lessons = {
        (day, locale): sources.read(folder / locale / f"{lesson_name(day)}.md")
        for locale in locales
        for day in range(1, table["days"] + 1)
    }
    start = Start(table.get("start", Start.NEXT_HOUR))
    return Course(
        folder.name,
        table["days"],
        table["send_hour"],
        start,
        locales,
        table["title"],
        table["summary"],
        lessons,
    )


def _mistakes(table: dict[str, Any]) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    if not _whole(table.get("days"), 1, MOST_DAYS):
        found.append(("days", f"write a whole number from 1 to {MOST_DAYS}"))
    if not _whole(table.get("send_hour"), 0, 23):
        found.append(("send_hour", "write the local hour as a whole number from 0 to 23"))
    if table.get("start", Start.NEXT_HOUR) not in set(Start):
        found.append(("start", f"write one of {', '.join(Start)}"))
    locales = table.get("locales")
    if not (isinstance(locales, list) and locales and all(isinstance(item, str) for item in locales)):
        return [*found, ("locales", 'write at least one, like ["en-GB"]')]
    found += [("locales", f"{item} is no locale; write it like en-GB") for item in locales if not _known(item)]
    for key in ("title", "summary"):
        said = table.get(key)
        if not (isinstance(said, dict) and said.get(locales[0])):
            found.append((key, f"write the line {locales[0]} = … under [{key}]"))
    return found


def _whole(value: object, low: int, high: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def _known(locale: str) -> bool:
    try:
        Locale.parse(locale, sep="-")
    except (UnknownLocaleError, ValueError):
        return False
    return True


def line_of(path: Path, key: str) -> int:
    """Return the line of a key or table in course.toml, or 1."""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if line.strip().startswith((f"{key} ", f"{key}=", f"[{key}]")):
            return number
    return 1
