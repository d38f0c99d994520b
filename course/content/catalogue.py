"""In charge of all that emails/ holds: read once at the start, compiled into mailings on first use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date

from course.content import command_words, courses, gathering, help_lines, layout, locales, slots, sources
from course.content import plain as without_links
from course.content.command_words import Command, Phrases
from course.content.courses import Course
from course.content.gathering import Words
from course.content.help_lines import HelpLine
from course.content.mailing import Mailing
from course.content.sources import ContentError, Problem, Source
from course.settings import Settings

CONFIRM, JOINING = "confirm", "joining"  # what a sign-up by the form is asked, and one by mail
MOVE, MOVED = "move", "moved"  # a new address is asked, and the old one is told
ASKING = (CONFIRM, JOINING, MOVE)  # they may reach a stranger
ELSEWHERE = (MOVE, MOVED)  # they go to another address than the one on file
BARE = (*ASKING, MOVED)  # they hold no link to anybody's course
NOTICES = (
    *(*ASKING, "welcome", "receipt", "help", "farewell", "again", "paused", "resumed", "skipped", "left"),
    *("next", "hour", "hours", "erase", "erased"),
    *("unread", "empty"),
    *("quiet", "resting"),
    *("fresh", MOVED),
    *("kept", "unwritten", "months", "letter", "returned", "unkept", "closed", "over"),
    *("plain", "links"),
    *("settings", "checkin", "exercise"),
)
MOST_SAID = 10_000  # blocks of help lines that are kept: a few days of all countries and locales


def every_name(course: Course) -> list[str]:
    """Return the names of all mails of a course: its lessons, then the notices."""
    return [*(courses.lesson_name(day) for day in range(1, course.days + 1)), *NOTICES]


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
    _said: dict[tuple[str, str, date, bool], dict[str, str]] = field(default_factory=dict, repr=False)

    def mailing(self, course: str, name: str, locale: str, *, plain: bool = False) -> Mailing:
        """Return a lesson or notice of a course in a locale; one that this lacks, wholly in the course's first one.

        `plain`: without links, but for the one that it is about.
        """
        known = self.known(course)
        key = (course, name, known.locale(locale), plain)
        if key not in self._compiled:
            self._compiled[key] = self._compile(known, name, key[2], plain=plain)
        return self._compiled[key]

    def words_for(self, course: str, locale: str) -> Words:
        """Return the short strings in the locale that this person gets."""
        return self.words[self.locale(course, locale)]

    def variants(self, course: str, name: str, locale: str) -> dict[bool, Mailing]:
        """Return a mailing as it is and, by True, as it is for those who want no links."""
        return {plain: self.mailing(course, name, locale, plain=plain) for plain in (False, True)}

    def help_for(self, locale: str, country: str, today: date) -> str:
        """Return the help lines that every page prints, in a locale, for a country (ISO 3166, or "")."""
        return self.help_slots(locale, country, today)["help_lines"]

    def help_slots(self, locale: str, country: str, today: date, *, plain: bool = False) -> dict[str, str]:
        """Return the help lines that every mail prints, by slot: as text, and as HTML."""
        key = (locale, country, today, plain)
        if key not in self._said:
            if len(self._said) >= MOST_SAID:
                self._said.clear()
            mail, rtl = self.words[locale]["mail"], locales.direction(locale) == "rtl"
            words = without_links.words(mail) if plain else mail
            said = self.help_lines, words, country, today
            text, html = help_lines.block(*said, rtl=rtl), help_lines.block_html(*said, rtl=rtl)
            self._said[key] = {"help_lines": text, "help_lines_html": html}
        return self._said[key]

    def command(self, course: str, locale: str, line: str) -> Command | None:
        """Return the command that this line is, in a person's words first and then in any locale's."""
        own = self.locale(course, locale)
        return command_words.first((self.phrases[own], *self.phrases.values()), line)

    def consent(self, locale: str) -> str:
        """Return the consent exactly as the page and the question by mail show it."""
        return layout.consent(self.settings, self.words[locale])

    def locale(self, course: str, wanted: str) -> str:
        """Return the locale in which to speak of a course."""
        return self.known(course).locale(wanted)

    def known(self, course: str) -> Course:
        """Return a course; for one whose folder is gone, the first one by that folder's name.

        Its links still work then, and what holds nothing of a course is still answered.
        """
        return self.courses.get(course) or replace(self.first, name=course, titles=dict.fromkeys(self.words, course))

    def title(self, course: str, locale: str) -> str:
        """Return what a course is called."""
        known = self.known(course)
        return known.titles[known.locale(locale)]

    def called(self, course: str, day: int | str, locale: str) -> dict[str, str]:
        """Return what to call a lesson, by slot: its number, `lesson` for "Day 2", `listed` for "day 2"."""
        known = self.known(course)
        words = self.words[known.locale(locale)]["units"][known.unit]
        names = {"lesson": words["title"], "listed": words["listed"]}
        return {"day": str(day), **{slot: slots.say(said, day=str(day)) for slot, said in names.items()}}

    def next_course(self, course: str, locale: str) -> Course | None:
        """Return the course that is offered after this one, if there is one in this very locale."""
        known = self.courses.get(course)
        offered = self.courses.get(known.next) if known else None
        return offered if offered is not None and locale in offered.locales else None

    def offer(self, course: str, locale: str, url: str, *, plain: bool = False) -> dict[str, str]:
        """Return the end of a farewell, by slot: the course that is offered and its page; without a page, our own.

        `plain`: with the word to reply with instead of a page.
        """
        mail, offered = self.words_for(course, locale)["mail"], self.next_course(course, locale)
        mail = without_links.words(mail) if plain else mail
        if offered is None or not url:
            return {
                "offer": mail["offer_none"],
                "offer_label": mail["offer_none_label"],
                "offer_url": self.settings.site,
            }
        said = slots.say(mail["offer"], next=offered.titles[locale], summary=offered.summaries[locale])
        return {"offer": said, "offer_label": mail["offer_label"], "offer_url": url}

    @property
    def first(self) -> Course:
        """The course that the home page shows."""
        return next(iter(self.courses.values()))

    def _compile(self, course: Course, name: str, locale: str, *, plain: bool) -> Mailing:
        day = next((day for day in range(1, course.days + 1) if courses.lesson_name(day) == name), None)
        tried = (locale, course.locales[0], *self.words)
        texts = [(one, course.lessons.get((day, one)) if day else self.notices.get((name, one))) for one in tried]
        written = [(one, text) for one, text in texts if text is not None]
        if not written:  # taken out since it was sent
            raise LookupError(f"the course {course.name} has no {name}")
        spoken, source = written[0]
        if spoken != locale:
            subject = f"{locales.sign(self.settings, spoken)}{source.front['subject']}"
            source = replace(source, front={**source.front, "subject": subject})
        words = self.words[spoken]
        return layout.compile_mailing(self.settings, course, source, name, day, spoken, words, plain=plain)


def load(settings: Settings) -> Catalogue:
    """Read the folder emails/. Raises ContentError with every mistake that keeps a mail from being made.

    What a locale lacks is no mistake: its stand-in has it. A first locale that lacks something is one.
    """
    root = settings.emails_dir
    problems: list[Problem] = []
    found = gathering.every_course(root, problems)
    stand_ins = dict(sorted(locales.stand_ins(found.values()).items()))
    places = [(name, locale) for locale in stand_ins for name in NOTICES]
    notices = {(name, locale): sources.read(root / "notices" / locale / f"{name}.md") for name, locale in places}
    needed = [text for (_, locale), text in notices.items() if stand_ins[locale] == locale or not text.missing]
    needed += [text for course in found.values() for text in course.needed()]
    problems += [problem for text in needed for problem in text.problems]
    tables = gathering.words(root, stand_ins, problems)
    numbers: tuple[HelpLine, ...] = ()
    try:
        numbers = help_lines.load(root / "help_lines.toml")
    except ContentError as error:
        problems += error.problems
    words = {
        locale: locales.filled(tables[locale], tables[other], locales.sign(settings, other))
        for locale, other in stand_ins.items()
        if locale in tables and other in tables
    }
    phrases = gathering.phrases(root, words, problems)
    for locale in sorted(settings.unreviewed - stand_ins.keys()):
        say = f"UNREVIEWED_LOCALES names {locale}, and no course is written in it: take it out of the setting"
        problems.append(Problem(root / "courses", 1, say))
    if problems:
        raise ContentError(problems)
    there = {place: source for place, source in notices.items() if not source.missing}
    offered = {
        name: locales.whole(course, settings, locales.unreviewed(course, there, tables))
        for name, course in found.items()
    }
    return Catalogue(settings, offered, there, words, numbers, phrases)
