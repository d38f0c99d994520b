"""In charge of what other sites paste to offer the course: a link, a plain form, a script; and the words in them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from markupsafe import escape

from course.content.catalogue import Catalogue
from course.content.courses import Course
from course.content.locales import direction
from course.content.slots import say

REF = re.compile(r"[a-z0-9-]{1,32}")  # a word for the page that led here, as its author chose it


@dataclass(frozen=True)
class Snippets:
    """What to paste, for one course in one locale."""

    link: str
    script: str
    form: str


def mark(words: str) -> str:
    """Return the value of the box beside these words: a box that was ticked beside other words does not count."""
    return hashlib.sha256(words.encode()).hexdigest()[:16]


def words(catalogue: Catalogue, course: Course, locale: str) -> Mapping[str, str]:
    """Return what a form on another site says, by the names that embed.js knows."""
    said: Mapping[str, Any] = catalogue.words[locale]["pages"]["signup"]
    consent, settings = catalogue.consent(locale), catalogue.settings
    return {
        "title": course.titles[locale],
        "summary": course.summaries[locale],
        "intro": said["form_intro"],
        "before": said["before"][-1],
        "email": said["email_label"],
        "emailHint": said["email_hint"],
        "name": said["name_label"],
        "nameHint": said["name_hint"],
        "hour": said["hour_label"],
        "at": str(course.send_hour),
        "locale": said["locale_label"],
        "consent": consent,
        "mark": mark(consent),
        "privacy": said["consent_more"],
        "young": say(said["under_age"], min_age=str(settings.min_age)),
        "more": said["embed_more"],
        "button": said["button"],
        "trap": said["trap_label"],
    }


def offered(catalogue: Catalogue) -> Mapping[str, Any]:
    """Return what embed.js is called with: where this site is, and each course's words by locale."""
    courses = catalogue.courses.values()
    return {
        "site": catalogue.settings.site,
        "first": catalogue.first.name,
        "courses": {one.name: {locale: words(catalogue, one, locale) for locale in one.locales} for one in courses},
    }


def of(catalogue: Catalogue, course: Course, locale: str, ref: str = "", hour: int | None = None) -> Snippets:
    """Return what to paste. `ref` is a short word by which sign-ups from there are counted, or "".

    `hour`, 0 to 23: the form lets people choose the hour of their letters, and begins with this one.
    """
    site, said = catalogue.settings.site, {key: escape(word) for key, word in words(catalogue, course, locale).items()}
    counted = {"ref": ref} if ref else {}
    link = f"{site}/?{urlencode({'course': course.name, 'locale': locale} | counted)}"
    data = f' data-ref="{escape(ref)}"' if ref else ""
    data += "" if hour is None else f' data-hour="{hour}"'
    script = f"""\
<script src="{site}/embed.js" data-course="{course.name}" data-locale="{locale}"{data} async></script>
<noscript><a href="{escape(link)}">{said["title"]}</a></noscript>
"""
    hidden = f'\n  <input type="hidden" name="ref" value="{escape(ref)}">' if ref else ""
    hidden += "" if hour is None else f'\n  <input type="hidden" name="send_hour" value="{hour}">'
    speaks = f'lang="{locale}" dir="{direction(locale)}"'
    form = f"""\
<form method="post" action="{site}/courses/{course.name}?locale={locale}" accept-charset="utf-8" {speaks}>
  <p><strong>{said["title"]}</strong><br>{said["summary"]}</p>
  <p>{said["before"]}</p>
  <p><label for="dear-self-email">{said["email"]}</label><br>
  <input id="dear-self-email" name="email" type="email" autocomplete="email" maxlength="254" required dir="ltr"
    aria-describedby="dear-self-hint"><br>
  <small id="dear-self-hint">{said["emailHint"]}</small></p>
  <p><label><input name="consent" type="checkbox" value="{said["mark"]}" required>
  {said["consent"]}</label></p>
  <p><a href="{site}/privacy?locale={locale}">{said["privacy"]}</a><br>
  <a href="{site}/young?locale={locale}">{said["young"]}</a></p>
  <input type="hidden" name="locale" value="{locale}">{hidden}
  <p><button>{said["button"]}</button></p>
</form>
"""
    return Snippets(link, script, form)
