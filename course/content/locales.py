"""In charge of locales: what stands in for a text that one lacks, whether it was reviewed, and which are offered.

A locale's stand-in is the first locale of the first course that is written in it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from babel import Locale

from course.content.courses import Course
from course.content.sources import Source
from course.settings import Settings

REVIEWED = "reviewed_by"  # the key of a lesson's or notice's head, and the first line of words/<locale>.toml
WAY = {"L": "ltr", "R": "rtl", "AL": "rtl"}  # Unicode annex 9: the kinds of letters, and how they run
APART = {"L": "\u2066{}\u2069", "R": "\u2067{}\u2069", "AL": "\u2067{}\u2069"}  # isolated, as that annex has it
# Words that a program compares or follows: a sign before them would change what they mean.
SILENT = frozenset({"commands", "replies", "dates", "quick_commands", "shown_as", "path"})


def stand_ins(courses: Iterable[Course]) -> dict[str, str]:
    """Return each locale, in the order of the courses, with the one that stands in for it: a first one for itself."""
    found: dict[str, str] = {}
    for course in courses:
        for locale in course.locales:
            found.setdefault(locale, course.locales[0])
    return found


@cache
def language(locale: str) -> str:
    """Return a locale's name in its own words: British English."""
    parsed = Locale.parse(locale, sep="-")
    name = str(parsed.languages.get(str(parsed)) or parsed.get_display_name() or locale)
    return name[:1].upper() + name[1:]


def sign(settings: Settings, locale: str) -> str:
    """Return the mark before a text of another locale: its author shall see it, people in production shall not."""
    return "" if settings.production else f"⟦{locale}⟧ "


def filled(own: Mapping[str, Any], other: Mapping[str, Any], before: str) -> dict[str, Any]:
    """Return a table of words, and what only the other one has with `before` before it."""
    whole = dict(own)
    for key, said in other.items():
        mark = "" if key in SILENT else before
        if key not in own:
            whole[key] = _marked(said, mark)
        elif isinstance(said, dict) and isinstance(own[key], dict):
            whole[key] = filled(own[key], said, mark)
    return whole


def is_reviewed(said: Mapping[str, Any]) -> bool:
    """Whether a lesson's or notice's head, or a table of words, says who has reviewed it."""
    name = said.get(REVIEWED)
    return isinstance(name, str) and bool(name.strip())


def unreviewed(
    course: Course, notices: Mapping[tuple[str, str], Source], words: Mapping[str, Mapping[str, Any]]
) -> frozenset[str]:
    """Return the locales of a course in which some text is there that nobody has reviewed.

    Its first one is never among them: that is what its author wrote, and the others are compared with it.
    """
    fronts = [
        *((locale, source.front) for (_, locale), source in course.lessons.items()),
        *((locale, source.front) for (_, locale), source in notices.items()),
        *((locale, words.get(locale, {})) for locale in course.locales),
    ]
    return frozenset(locale for locale, said in fronts if not is_reviewed(said)) & frozenset(course.locales[1:])


def spoken(course: Course, settings: Settings, unread: frozenset[str]) -> tuple[str, ...]:
    """Return the locales that a course is offered in: in production, without a review only those asked for."""
    off = unread - settings.unreviewed if settings.production else frozenset[str]()
    return tuple(locale for locale in course.locales if locale not in off)


def whole(course: Course, settings: Settings, unread: frozenset[str]) -> Course:
    """Return a course as it is offered here: its locales, what it is called in each, the lessons that are there."""
    first = course.locales[0]
    said = [
        filled(own, dict.fromkeys(course.locales, own[first]), sign(settings, first))
        for own in (course.titles, course.summaries)
    ]
    lessons = {place: source for place, source in course.lessons.items() if not source.missing}
    locales = spoken(course, settings, unread)
    return replace(
        course,
        locales=locales,
        titles=said[0],
        summaries=said[1],
        lessons=lessons,
        unreviewed=unread & frozenset(locales),
    )


@cache
def direction(locale: str) -> str:
    """Return ltr or rtl."""
    return "rtl" if Locale.parse(locale, sep="-").character_order == "right-to-left" else "ltr"


def greeting(mail: Mapping[str, str], locale: str, name: str) -> str:
    """Greet somebody in this locale, by name where we know one. `mail` are its words for mails."""
    # As `say` has it: there is one slot in a greeting.
    return mail["greeting"].replace("{name}", _in_its_way(locale, name)) if name else mail["greeting_nameless"]


def _in_its_way(locale: str, name: str) -> str:
    """Return a name as it stands in a sentence of this locale: one that runs the other way keeps its own last dot."""
    way = direction(locale)
    if way == "ltr" and name.isascii():  # by far the most: no look at each letter
        return name
    kinds = [unicodedata.bidirectional(char) for char in name]
    strong = next((kind for kind in kinds if kind in APART), "")
    # Between two letters of its own, nothing of it is taken for a part of the sentence.
    safe = not strong or WAY[strong] == way or (kinds[0] in APART and kinds[-1] in APART)
    return name if safe else APART[strong].format(name)


def _marked(said: Any, before: str) -> Any:
    if isinstance(said, dict):
        return {key: _marked(inner, "" if key in SILENT else before) for key, inner in said.items()}
    if isinstance(said, list):
        return [_marked(inner, before) for inner in said]
    return f"{before}{said}" if said and isinstance(said, str) else said
