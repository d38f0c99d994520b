"""In charge of a lesson as a page shows it: its author's own words, through the mail's own renderer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from course.content import markdown, slots
from course.content.courses import Course


@dataclass(frozen=True)
class Part:
    """A section: its id and heading ("" for the opening), and its HTML."""

    id: str
    heading: str
    html: Markup


def subject(course: Course, day: int, locale: str) -> str:
    """Return what a day's letter is called."""
    return slots.say(str(course.lesson(day, locale).front["subject"]), **_fixed(course, locale, ""))


def shown(course: Course, day: int, locale: str, mail: Mapping[str, str]) -> Mapping[str, Any]:
    """Return a lesson's head and parts. `mail` are the locale's words for mails; it greets nobody by name."""
    lesson = course.lesson(day, locale)
    fixed = _fixed(course, locale, mail["greeting_nameless"])
    head = {key: slots.say(str(lesson.front.get(key, "")), **fixed) for key in ("subject", "minutes", "why", "needs")}
    return {**head, "parts": [_part(one.id, one.heading, one.markdown, fixed) for one in lesson.sections]}


def _part(name: str, heading: str, text: str, fixed: Mapping[str, str]) -> Part:
    # The renderer shows raw HTML as the text it is.
    html = Markup(markdown.to_html(markdown.parse(slots.say(text, **fixed))))  # noqa: S704
    return Part(name, slots.say(heading, **fixed), html)


def _fixed(course: Course, locale: str, greeting: str) -> dict[str, str]:
    return {"course": course.titles[locale], "days": str(course.days), "greeting": greeting}
