"""In charge of a lesson as a page shows it: its author's own words, through the mail's own renderer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from course.content import markdown, slots
from course.content.courses import Course

HEAD = ("subject", "preheader", "minutes", "why", "needs")


@dataclass(frozen=True)
class Part:
    """A section: its id and heading ("" for the opening), and its HTML."""

    id: str
    heading: str
    html: Markup


def head(course: Course, day: int, locale: str, greeting: str = "") -> dict[str, Any]:
    """Return the lines of a lesson's head, by their keys."""
    front, fixed = course.lesson(day, locale).front, _fixed(course, locale, greeting)
    return {key: slots.say(str(front.get(key, "")), **fixed) for key in HEAD}


def prompt(course: Course, day: int, locale: str, greeting: str) -> Part | None:
    """Return a lesson's prompt; None for a day that the course has not."""
    parts = _parts(course, day, locale, greeting) if course.has(day) else ()
    return next((part for part in parts if part.id == "prompt"), None)


def shown(course: Course, day: int, locale: str, mail: Mapping[str, str]) -> Mapping[str, Any]:
    """Return a lesson's head and parts. `mail` are the locale's words for mails; it greets nobody by name."""
    greeting = mail["greeting_nameless"]
    return {**head(course, day, locale, greeting), "parts": _parts(course, day, locale, greeting)}


def exercise(course: Course, day: int, locale: str) -> str:
    """Return what the exercise is called that a lesson names; "" where it names none."""
    resource = course.resource_of(day, locale)
    return resource.script(locale).title if resource else ""


def _parts(course: Course, day: int, locale: str, greeting: str) -> list[Part]:
    fixed = _fixed(course, locale, greeting)
    return [_part(one.id, one.heading, one.markdown, fixed) for one in course.lesson(day, locale).sections]


def _part(name: str, heading: str, text: str, fixed: Mapping[str, str]) -> Part:
    return Part(name, slots.say(heading, **fixed), markdown.to_html(markdown.parse(slots.say(text, **fixed))))


def _fixed(course: Course, locale: str, greeting: str) -> dict[str, str]:
    return {"course": course.titles[locale], "days": str(course.days), "greeting": greeting}
