"""In charge of `course check`: every mistake in emails/, not only the first, each as file:line and what to do.

The rules themselves stand in course_rules, head_rules, body_rules, slip_rules, resource_rules, word_rules and
help_rules.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

from jinja2 import TemplateError, TemplateSyntaxError, UndefinedError

from course.content import (
    body_rules,
    catalogue,
    course_rules,
    courses,
    head_rules,
    help_rules,
    lacking,
    locales,
    resource_rules,
    samples,
    slip_rules,
    sources,
    word_rules,
)
from course.content.catalogue import NOTICES, Catalogue
from course.content.courses import Course
from course.content.sources import ContentError, Problem, Source
from course.content.word_rules import Words
from course.content.written import LESSON, Written
from course.settings import Settings

ASKED = re.compile(r"^'dict object' has no attribute '(\w+)'$")
RULES = (
    ((*head_rules.MISTAKES, *body_rules.MISTAKES), False),
    ((*head_rules.ADVICE, *body_rules.ADVICE, *slip_rules.ADVICE), True),
)


def check(settings: Settings, today: date) -> list[Problem]:
    """Return what is wrong with the folder emails/, file by file; what concerns help lines comes last.

    Each part is read by itself, so that a mistake in one hides none in another. `today` tells which help lines are
    stale.
    """
    root = settings.emails_dir
    known, lessons, found = _courses(root)
    stand_ins = _locales(root, known)
    notices = _notices(root, stand_ins)
    found += [problem for text in lessons + notices for problem in _of_a_text(text)]
    found += _alike(lessons)
    found += _strays({text.source.path for text in lessons + notices})
    found += resource_rules.problems(root, known)
    paths = [(locale == other, root / "words" / f"{locale}.toml") for locale, other in stand_ins.items()]
    words, unreadable = _tables([path for needed, path in paths if needed or path.is_file()])
    found += [*unreadable, *word_rules.problems([Words(path, table) for path, table in words.items()])]
    found += [one for locale in stand_ins for one in lacking.lacks(root, known, locale) if one.path not in words]
    help_lines, last = _tables([root / "help_lines.toml"])
    last += [problem for path, table in help_lines.items() for problem in help_rules.problems(path, table, today)]
    made = _made(settings, today) if all(problem.warning for problem in found + last) else ()
    return [*found, *made, *last]


def mistakes(settings: Settings, today: date) -> list[Problem]:
    """Return what keeps a mail from being right: all that `check` finds but the warnings."""
    return [problem for problem in check(settings, today) if not problem.warning]


def _courses(root: Path) -> tuple[list[Course], list[Written], list[Problem]]:
    """Return the courses that can be read, and all lessons: also those of a course whose course.toml is broken."""
    known: list[Course] = []
    lessons: list[Source] = []
    found: list[Problem] = []
    paths = sorted(root.glob("courses/*/course.toml"))
    for path in paths:
        try:
            course = courses.read(path.parent)
        except ContentError as error:
            found += error.problems
            lessons += [sources.read(lesson) for lesson in sorted(path.parent.glob("*/day-*.md"))]
        else:
            known.append(course)
            lessons += course.needed()
    if not paths:
        found.append(Problem(root / "courses", 1, "there is no course here; make a folder with a course.toml"))
    found += [*courses.rivals(root, known), *course_rules.problems(root, known)]
    return courses.in_order(known), [Written(lesson, LESSON) for lesson in lessons], found


def _strays(known: set[Path]) -> Iterator[Problem]:
    """Warn of texts that are never sent: "day-2 copy.md" beside the real one, or a day after the last."""
    for folder in sorted({path.parent for path in known}):
        for path in sorted(set(folder.glob("*.md")) - known):
            say = "no mail is made of this file; give it the name of a lesson or notice, or move it elsewhere"
            yield Problem(path, 1, say, warning=True)


def _alike(lessons: list[Written]) -> Iterator[Problem]:
    """Warn of a lesson that is called like another one of its course and language: their mails look alike."""
    first: dict[tuple[Path, str], str] = {}
    for source in (text.source for text in lessons):
        subject = str(source.front.get("subject") or "").strip().casefold()
        same = first.setdefault((source.path.parent, subject), source.path.name) if subject else source.path.name
        if same != source.path.name:
            say = f"subject: {same} has the same one, so their mails look alike; give each its own"
            yield Problem(source.path, source.line_of("subject"), say, warning=True)


def _locales(root: Path, known: list[Course]) -> dict[str, str]:
    """Return the locales that are needed, the first course's first one first, each with the one that stands in for it.

    Where no course can be read, those that there are words in.
    """
    return locales.stand_ins(known) or {path.stem: path.stem for path in sorted(root.glob("words/*.toml"))}


def _notices(root: Path, stand_ins: dict[str, str]) -> list[Written]:
    """Return the notices that are there, and those that must be: nothing stands in for a first locale's."""
    read = [
        (locale == other, Written(sources.read(root / "notices" / locale / f"{name}.md"), name))
        for locale, other in stand_ins.items()
        for name in NOTICES
    ]
    return [text for needed, text in read if needed or not text.source.missing]


def _tables(paths: list[Path]) -> tuple[dict[Path, dict[str, Any]], list[Problem]]:
    """Return what these files hold, as far as they can be read, and what is wrong with the others."""
    tables: dict[Path, dict[str, Any]] = {}
    found: list[Problem] = []
    for path in paths:
        try:
            tables[path] = sources.read_toml(path)
        except ContentError as error:
            found += error.problems
    return tables, found


def _of_a_text(text: Written) -> Iterator[Problem]:
    """Yield every mistake in a text, then every piece of advice; of a file that cannot be read, only that."""
    yield from text.source.problems
    for rules, warning in RULES if not text.source.problems else ():
        for rule in rules:
            yield from (Problem(text.source.path, line, say, warning) for line, say in rule(text))


def _made(settings: Settings, today: date) -> Iterator[Problem]:
    """Make every mail once: what the layout asks for and nobody wrote shows only then, and is told once for all."""
    everything = catalogue.load(settings)
    now = datetime.combine(today, time(12), UTC)
    told = set[tuple[Path, str]]()
    for course in everything.courses.values():
        for locale in course.locales:
            for name in catalogue.every_name(course):
                for path, line, why in _of_a_mailing(everything, course.name, name, locale, now):
                    if (path, why) not in told:
                        yield Problem(path, line, f"{name} cannot be made: {why}")
                    told.add((path, why))


def _of_a_mailing(
    everything: Catalogue, course: str, name: str, locale: str, now: datetime
) -> Iterator[tuple[Path, int, str]]:
    root = everything.settings.emails_dir
    try:
        for mailing in everything.variants(course, name, locale).values():
            mailing.mime(samples.values(everything, mailing, now, confirm_url="https://", leave_url="https://"))
    except TemplateSyntaxError as error:
        yield Path(error.filename or root), error.lineno, f"mend the layout here: {error.message}"
    except (KeyError, ValueError, TemplateError) as error:
        asked = ASKED.search(str(error)) if isinstance(error, UndefinedError) else None
        why = f"{type(error).__name__} {error}; write what is missing"
        why = f"write {asked[1]} = … under [mail]" if asked else why
        yield root / "words" / f"{locale}.toml", 1, f"{why}, or mend the layout"
