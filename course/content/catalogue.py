"""In charge of all that emails/ holds: read once at the start, compiled into mailings on first use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from course.content import command_words, courses, help_lines, layout, sources
from course.content import plain as without_links
from course.content.command_words import Command, Phrases
from course.content.courses import Course
from course.content.help_lines import HelpLine
from course.content.mailing import Mailing
from course.content.sources import ContentError, Problem, Source
from course.settings import Settings

CONFIRM, JOINING = "confirm", "joining"  # what a sign-up by the form is asked, and one by mail
ASKING = (CONFIRM, JOINING)  # they may reach a stranger
NOTICES = (
    *(*ASKING, "welcome", "receipt", "help", "farewell", "again", "paused", "resumed", "skipped", "left"),
    *("next", "hour", "hours", "erase", "erased"),
    *("unread", "empty"),
    *("plain", "links"),
)
MOST_SAID = 10_000  # blocks of help lines that are kept: a few days of all countries and locales
Words = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Catalogue:
    """Courses by name, notices by name and locale, words by locale; and the mailings made from them."""

    settings: Settings
    courses: Mapping[str, Course]
    notices: Mapping[tuple[str, str], Source]
    words: Mapping[str, Words]
    help_lines: tuple[HelpLine, ...]
    phrases: Mapping[str, Phrases]
    _compiled: dict[tuple[str, str, str, bool], Mailing] = field(default_factory=dict, repr=False)
    _said: dict[tuple[str, str, date, bool], str] = field(default_factory=dict, repr=False)

    def mailing(self, course: str, name: str, locale: str, *, plain: bool = False) -> Mailing:
        """Return a lesson or notice of a course in a locale (the course's first one, if it lacks it).

        `plain`: without links, but for the one that it is about.
        """
        known = self.courses[course]
        key = (course, name, known.locale(locale), plain)
        if key not in self._compiled:
            self._compiled[key] = self._compile(known, name, key[2], plain=plain)
        return self._compiled[key]

    def words_for(self, course: str, locale: str) -> Words:
        """Return the short strings in the locale that this person gets."""
        return self.words[self.courses[course].locale(locale)]

    def variants(self, course: str, name: str, locale: str) -> dict[bool, Mailing]:
        """Return a mailing as it is and, by True, as it is for those who want no links."""
        return {plain: self.mailing(course, name, locale, plain=plain) for plain in (False, True)}

    def help_for(self, locale: str, country: str, today: date, *, plain: bool = False) -> str:
        """Return the help lines that every mail prints, in a locale, for a country (ISO 3166, or "")."""
        key = (locale, country, today, plain)
        if key not in self._said:
            if len(self._said) >= MOST_SAID:
                self._said.clear()
            mail = self.words[locale]["mail"]
            words = without_links.words(mail) if plain else mail
            self._said[key] = help_lines.block(self.help_lines, words, country, today)
        return self._said[key]

    def command(self, course: str, locale: str, line: str) -> Command | None:
        """Return the command that this line is, in a person's words first and then in any locale's."""
        own = self.locale(course, locale)
        return command_words.first((self.phrases[own], *self.phrases.values()), line)

    def consent(self, locale: str) -> str:
        """Return the consent exactly as the page and the question by mail show it."""
        return layout.consent(self.settings, self.words[locale])

    def locale(self, course: str, wanted: str) -> str:
        """Return the locale in which to speak of a course; its folder may be gone, while its links still work."""
        return self.courses.get(course, self.first).locale(wanted)

    def title(self, course: str, locale: str) -> str:
        """Return what a course is called; one whose folder is gone, by the folder's name."""
        known = self.courses.get(course)
        return known.titles[known.locale(locale)] if known else course

    @property
    def first(self) -> Course:
        """The course that the home page shows."""
        return next(iter(self.courses.values()))

    def _compile(self, course: Course, name: str, locale: str, *, plain: bool) -> Mailing:
        day = next((day for day in range(1, course.days + 1) if courses.lesson_name(day) == name), None)
        source = self.notices[name, locale] if day is None else course.lessons[day, locale]
        words = self.words[locale]
        return layout.compile_mailing(self.settings, course, source, name, day, locale, words, plain=plain)


def load(settings: Settings) -> Catalogue:
    """Read the folder emails/. Raises ContentError with every mistake that keeps a mail from being made."""
    root = settings.emails_dir
    found: dict[str, Course] = {}
    problems: list[Problem] = []
    for path in sorted(root.glob("courses/*/course.toml")):
        try:
            found[path.parent.name] = courses.read(path.parent)
        except ContentError as error:
            problems += error.problems
    if not found and not problems:
        problems.append(Problem(root / "courses", 1, "there is no course here: make a folder with a course.toml"))
    locales = sorted({locale for course in found.values() for locale in course.locales})
    notices = {
        (name, locale): sources.read(root / "notices" / locale / f"{name}.md") for locale in locales for name in NOTICES
    }
    words: dict[str, Words] = {}
    phrases: dict[str, Phrases] = {}
    for locale in locales:
        path = root / "words" / f"{locale}.toml"
        try:
            words[locale] = sources.read_toml(path)
            phrases[locale] = Phrases.of(words[locale])
        except ContentError as error:
            problems += error.problems
        except (KeyError, TypeError, ValueError):
            problems.append(Problem(path, 1, "words for what people reply are missing; `course check` says which"))
    written = [
        *notices.values(),
        *(source for course in found.values() for source in course.lessons.values()),
    ]
    problems += [problem for source in written for problem in source.problems]
    numbers: tuple[HelpLine, ...] = ()
    try:
        numbers = help_lines.load(root / "help_lines.toml")
    except ContentError as error:
        problems += error.problems
    if problems:
        raise ContentError(problems)
    return Catalogue(settings, found, notices, words, numbers, phrases)
