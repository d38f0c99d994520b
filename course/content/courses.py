"""In charge of a course: a folder under emails/courses/ with course.toml and one file per day and locale."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from babel import Locale, UnknownLocaleError

from course.content import sources
from course.content.sources import ContentError, Problem, Source
from course.schedule import Pace, Start

MOST_DAYS = 366
UNITS = ("day", "part")
# What a course may be; and what whoever takes it may choose, the usual one first.
PACES: Mapping[Pace, tuple[Pace, ...]] = {
    Pace.DAILY: (Pace.DAILY, Pace.WEEKDAYS, Pace.SELF_PACED),
    Pace.WEEKLY: (Pace.WEEKLY, Pace.SELF_PACED),
}


@dataclass(frozen=True)
class Course:
    """An ordered set of lessons. `send_hour` (0..23), `start` and `pace` are what a person gets who chooses nothing.

    `unit` is what a lesson is called before its number; `next` is the course that the farewell offers, or "".
    """

    name: str
    days: int
    send_hour: int
    start: Start
    pace: Pace
    locales: tuple[str, ...]
    titles: Mapping[str, str]
    summaries: Mapping[str, str]
    lessons: Mapping[tuple[int, str], Source]
    unit: str = UNITS[0]
    next: str = ""

    def locale(self, wanted: str) -> str:
        """Return the wanted locale if the course has it, else its first one."""
        return wanted if wanted in self.locales else self.locales[0]

    @property
    def minutes(self) -> tuple[int, int]:
        """How long the shortest and the longest lesson take."""
        each = [int(lesson.front.get("minutes", 0)) for lesson in self.lessons.values()]
        return min(each), max(each)

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
    pace = Pace(table.get("pace", Pace.DAILY))
    return Course(
        folder.name,
        table["days"],
        table["send_hour"],
        start,
        pace,
        locales,
        table["title"],
        table["summary"],
        lessons,
        unit=table.get("unit", UNITS[0]),
        next=table.get("next", ""),
    )


def _mistakes(table: dict[str, Any]) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    if not _whole(table.get("days"), 1, MOST_DAYS):
        found.append(("days", f"write a whole number from 1 to {MOST_DAYS}"))
    if not _whole(table.get("send_hour"), 0, 23):
        found.append(("send_hour", "write the local hour as a whole number from 0 to 23"))
    if table.get("start", Start.NEXT_HOUR) not in set(Start):
        found.append(("start", f"write one of {', '.join(Start)}"))
    if table.get("unit", UNITS[0]) not in UNITS:
        found.append(("unit", f"write one of {', '.join(UNITS)}"))
    if not isinstance(table.get("next", ""), str):
        found.append(("next", "write the name of another course's folder, in double quotes"))
    if table.get("pace", Pace.DAILY) not in PACES:
        found.append(("pace", f"write one of {', '.join(PACES)}; self-paced is theirs to choose in any course"))
    locales = table.get("locales")
    if not (isinstance(locales, list) and locales and all(isinstance(item, str) for item in locales)):
        return [*found, ("locales", 'write at least one, like ["en-GB"]')]
    found += [("locales", f"{item} is no locale; write it like en-GB") for item in locales if not _known(item)]
    for key in ("title", "summary"):
        said = table.get(key)
        lacking = [item for item in locales if not (isinstance(said, dict) and said.get(item))]
        found += [(key, f"write the line {item} = … under [{key}]") for item in lacking]
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
    """Return the line of a key in a course.toml, from 1."""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if line.strip().startswith((f"{key} ", f"{key}=", f"[{key}]")):
            return number
    return 1
