"""In charge of a course: a folder under emails/courses/ with course.toml and one file per day and locale."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from babel import Locale, UnknownLocaleError

from course.content import resources, scripts, sources
from course.content.resources import Resource
from course.content.sources import ContentError, Problem, Source, is_whole, toml_line
from course.schedule import Pace, Start

MOST_DAYS = 366
# It stands in a header (List-Id) and in an address: join-<course>@, behind a mailbox's name where replies come to one.
LONGEST_NAME = 40
NAME = re.compile(rf"[a-z0-9][a-z0-9-]{{0,{LONGEST_NAME - 1}}}")
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
    resources: Mapping[str, Resource]
    letter_days: tuple[int, ...] = ()  # of which it is offered that the letter comes back; none: it never is
    unit: str = UNITS[0]
    next: str = ""
    first: bool = False  # its author wants it to be the first one, whatever its name
    unreviewed: frozenset[str] = frozenset()  # of the locales: those that no native speaker has reviewed

    def locale(self, wanted: str) -> str:
        """Return the wanted locale if the course has it, else its first one."""
        return wanted if wanted in self.locales else self.locales[0]

    def resource_of(self, day: int, locale: str) -> Resource | None:
        """Return the exercise that a day's lesson names, if it names one that is there."""
        return self.resources.get(str(self.lesson(day, locale).front.get("resource")))

    @property
    def minutes(self) -> tuple[int, int]:
        """How long the shortest and the longest lesson take."""
        each = [int(lesson.front.get("minutes", 0)) for lesson in self.lessons.values()]
        return min(each), max(each)

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
    """Read one course. Raises ContentError with every mistake in course.toml, or in its resources."""
    path = folder / "course.toml"
    table = sources.read_toml(path)
    wrong = [Problem(path, toml_line(path, key), f"{key}: {say}") for key, say in _mistakes(table)]
    if not NAME.fullmatch(folder.name):
        say = "name this folder with small letters, figures and hyphens"
        wrong.insert(0, Problem(folder, 1, f"{say}, {LONGEST_NAME} at most, like {_plain(folder.name)}"))
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
        scripts.fresh(folder, resources.read_all(folder, locales)),
        letter_days=tuple(table.get("letter_days", ())),
        unit=table.get("unit", UNITS[0]),
        next=table.get("next", ""),
        first=table.get("first", False),
    )


def read_all(root: Path) -> list[Course]:
    """Read every course in the folder emails/, the first one first. Raises ContentError for one that is broken."""
    return in_order(read(path.parent) for path in root.glob("courses/*/course.toml"))


def in_order(known: Iterable[Course]) -> list[Course]:
    """Return courses with the first one first: what the home page shows, and join@ asks for."""
    return sorted(known, key=lambda course: (not course.first, course.name))


def rivals(root: Path, known: Iterable[Course]) -> list[Problem]:
    """Return a mistake for every course that would be the first one beside another."""
    first = [course.name for course in in_order(known) if course.first]
    paths = [root / "courses" / name / "course.toml" for name in first[1:]]
    return [
        Problem(path, toml_line(path, "first"), f"first: {first[0]} says so already; keep one of them")
        for path in paths
    ]


def _plain(name: str) -> str:
    """Return a name for a folder that says the same as this one."""
    letters = unicodedata.normalize("NFKD", name.casefold()).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", letters).strip("-")[:LONGEST_NAME].strip("-") or "gentle-mornings"


def _mistakes(table: dict[str, Any]) -> list[tuple[str, str]]:
    below = {key: name for name, part in table.items() if isinstance(part, dict) for key in part if key in KEYS}
    low = [(key, f"put this line above the first [table]; here it is one of [{name}]") for key, name in below.items()]
    if low:
        return low
    found = [(key, say) for key, usual, fits, say in LINES if not fits(table.get(key, usual))]
    locales = table.get("locales")
    if not (isinstance(locales, list) and locales and all(isinstance(item, str) for item in locales)):
        return [*found, ("locales", 'write at least one, like ["en-GB"]')]
    found += [("locales", f"{item} is no locale; write it like en-GB") for item in locales if not _known(item)]
    for key in ("title", "summary"):
        said = table.get(key)
        if not (isinstance(said, dict) and said.get(locales[0]) and all(isinstance(one, str) for one in said.values())):
            found.append((key, f"write the line {locales[0]} = … under [{key}]"))
    return found


def _days(value: object) -> bool:
    return isinstance(value, list) and all(is_whole(day, 1, MOST_DAYS) for day in value)


# What each line may say: the key, what it is when there is no such line, whether a value fits, what to write instead.
LINES: tuple[tuple[str, Any, Callable[[Any], bool], str], ...] = (
    ("days", None, lambda days: is_whole(days, 1, MOST_DAYS), f"write a whole number from 1 to {MOST_DAYS}"),
    ("send_hour", None, lambda hour: is_whole(hour, 0, 23), "write the local hour as a whole number from 0 to 23"),
    ("start", Start.NEXT_HOUR, lambda start: start in tuple(Start), f"write one of {', '.join(Start)}"),
    ("letter_days", [], _days, "write the days in brackets, like [4, 5]"),
    ("unit", UNITS[0], lambda unit: unit in UNITS, f"write one of {', '.join(UNITS)}"),
    ("next", "", lambda name: isinstance(name, str), "write the name of another course's folder, in double quotes"),
    ("first", False, lambda first: isinstance(first, bool), "write true, or take this line out"),
    (
        "pace",
        Pace.DAILY,
        lambda pace: pace in tuple(PACES),
        f"write one of {', '.join(PACES)}; self-paced is theirs to choose in any course",
    ),
)
# All that course.toml may say.
KEYS = (*(key for key, *_ in LINES), "locales", "title", "summary")


def _known(locale: str) -> bool:
    try:
        Locale.parse(locale, sep="-")
    except (UnknownLocaleError, ValueError):
        return False
    return True
