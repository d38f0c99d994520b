"""In charge of the one mail layout: a lesson or notice, its words and the footer become a compiled mailing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import css_inline
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markdown_it.token import Token

from course.content import markdown, slots
from course.content import plain as without_links
from course.content.courses import Course
from course.content.locales import direction
from course.content.mailing import Mailing
from course.content.resources import Resource
from course.content.sources import Source
from course.settings import Settings

# The dark-mode block must stay a <style>; everything else is inlined for clients that drop it.
INLINER = css_inline.CSSInliner(keep_style_tags=False, keep_at_rules=True, load_remote_stylesheets=False)


def compile_mailing(
    settings: Settings,
    course: Course,
    source: Source,
    name: str,
    day: int | None,
    locale: str,
    words: Mapping[str, Mapping[str, Any]],
    *,
    plain: bool,
) -> Mailing:
    """Return the mailing. `source` is the author's file, `words` the locale's short strings; `plain` is without links.

    Raises jinja2.UndefinedError when a word is missing that the layout uses.
    """
    resource = course.resource_of(day, locale) if day else None
    fixed = _fixed(settings, course, locale, words, resource)
    mail = without_links.words(words["mail"]) if plain else words["mail"]
    subject, minutes = slots.mark(str(source.front["subject"]), fixed), str(source.front.get("minutes", ""))
    shared = {
        "locale": locale,
        "dir": direction(locale),
        "unreviewed": locale in course.unreviewed,
        "name": name,
        "day": day,
        "course": fixed["course"],
        "subject": subject,
        "preheader": slots.mark(str(source.front["preheader"]), fixed),
        "front": source.front,
        "resource": resource,
        "mail": {key: slots.mark(said, {**fixed, "minutes": minutes}) for key, said in mail.items()},
        "plain": plain,
        "letter": plain and day in course.letter_days and bool(settings.journal_keys.get_secret_value()),
        "slot": {slot: slots.marker(slot) for slot in slots.FOOTER},
        "settings": settings,
    }
    parsed = _parsed(source, fixed, mail, plain=plain and not without_links.keeps_link(name))
    html = _rendered(settings.emails_dir, "layout.html", shared, [(*one, markdown.to_html(t)) for *one, t in parsed])
    text = _rendered(settings.emails_dir, "layout.txt", shared, [(*one, markdown.to_text(t)) for *one, t in parsed])
    # A line break is the only white space that means something between tags here.
    inlined = re.sub(r"\n\s*", "\n", INLINER.inline(html))
    for slot, shown in slots.SHOWN.items() if not plain else ():
        inlined = inlined.replace(slots.marker(slot), slots.marker(shown))
    return Mailing(course.name, name, locale, day, subject, re.sub(r"\n{3,}", "\n\n", text.strip()) + "\n", inlined)


def _parsed(
    source: Source, fixed: Mapping[str, str], mail: Mapping[str, Any], *, plain: bool
) -> list[tuple[str, str, list[Token]]]:
    """Return each section: its id, its heading, and its text taken apart."""
    found = [
        (section.id, slots.mark(section.heading, fixed), markdown.parse(slots.mark(section.markdown, fixed)))
        for section in source.sections
        if section.markdown.strip() or section.heading
    ]
    return [(id_, heading, without_links.tokens(tokens, mail)) for id_, heading, tokens in found] if plain else found


def _fixed(
    settings: Settings,
    course: Course,
    locale: str,
    words: Mapping[str, Mapping[str, Any]],
    resource: Resource | None,
) -> dict[str, str]:
    """Return what is known of a mailing before anybody gets it, by slot."""
    return {
        "course": course.titles[locale],
        "days": str(course.days),
        "site": settings.site_host,
        "consent": consent(settings, words),
        "resource": resource.script(locale).title if resource else "",
        **ends(settings, words),
    }


def consent(settings: Settings, words: Mapping[str, Mapping[str, Any]]) -> str:
    """Return what somebody says yes to, in a locale's words."""
    return slots.say(words["pages"]["signup"]["consent"], min_age=str(settings.min_age))


def ends(settings: Settings, words: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Return what is said of when somebody is forgotten, by slot."""
    kind = "" if settings.keep_people_days else "_never"
    said = {slot: str(words["mail"][f"{slot}{kind}"]) for slot in ("late_reply", "forgets")}
    return {slot: slots.say(text, keep_days=str(settings.keep_people_days)) for slot, text in said.items()}


def _rendered(root: Path, template: str, shared: Mapping[str, Any], sections: list[tuple[Any, ...]]) -> str:
    return _templates(root).get_template(template).render(shared, sections=sections)


@cache
def _templates(root: Path) -> Environment:
    return Environment(
        loader=FileSystemLoader(root),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
