"""In charge of the mails that stand for a page where somebody wants no links: how their course is set, an exercise.

And of what mails say of where a course stands, by the words of its page.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from course import schedule
from course.content import command_words, dates, locales, markdown, plain, zones
from course.content.gathering import Words
from course.content.resources import Script
from course.journeys import mine, people
from course.journeys.mine import Mine
from course.journeys.owed import Owed
from course.journeys.service import Service


def settings(tx: Connection, service: Service, row: Owed, words: Words, now: datetime) -> dict[str, str]:
    """Return the slots of the mail that says how a course is set. Raises LookupError for a round that is gone."""
    found, page = _mine(tx, service, row, now), words["pages"]["mine"]
    zone = schedule.zone_of(row.timezone)
    days = [
        f"{service.catalogue.called(row.course, day, row.locale)['listed']} ({page['states'][state]})"
        for day, state in found.days.items()
    ]
    course = service.catalogue.courses[row.course]
    return {
        "days_now": dates.listed(days, row.locale) if days else words["mail"]["days_none"],
        "stands": mine.stands(found, words, row.locale, now),
        "rhythm": words["rhythm"][row.pace],
        "place": zones.city(row.timezone, row.locale),
        "clock": dates.time(now.astimezone(zone), row.locale),
        **_choices(words, row.locale, found.paces, course.locales),
    }


def stands(tx: Connection, service: Service, row: Owed, words: Words, now: datetime) -> dict[str, str]:
    """Return the slot for where a course stands. Raises LookupError for a round that is gone."""
    return {"stands": mine.stands(_mine(tx, service, row, now), words, row.locale, now)}


def _mine(tx: Connection, service: Service, row: Owed, now: datetime) -> Mine:
    person = people.by_id(tx, row.enrolment_id)
    if person is None:
        raise LookupError("This round is gone, and so is what was chosen for it")
    return mine.of(tx, service, person, now)


def _choices(words: Words, locale: str, paces: tuple[str, ...], written: tuple[str, ...]) -> dict[str, str]:
    """Return the words that choose a pace and a language, as a mail names them, and the language of now."""
    known = [one for one in written if one in words["replies"]["languages"]]
    return {
        "language": locales.language(locale),
        "pace_words": command_words.named(words, "PACE", "pace", paces),
        "language_words": command_words.named(words, "LANGUAGE", "language", known),
    }


def exercise(_: Connection, service: Service, row: Owed, words: Words, __: datetime) -> dict[str, str]:
    """Return the slots of the mail with an exercise. Raises LookupError where its letter names none any more."""
    course = service.catalogue.courses[row.course]
    resource = course.resource_of(row.day, row.locale) if row.day and course.has(row.day) else None
    if resource is None:
        raise LookupError("This letter names no exercise any more")
    return _script(resource.script(row.locale), words)


def _script(written: Script, words: Words) -> dict[str, str]:
    """Return an exercise as text, without a link."""
    parts = [("", written.introduction), *((part.heading, part.markdown) for part in written.sections)]
    texts = [
        "\n\n".join(filter(None, (heading, markdown.to_text(plain.tokens(markdown.parse(said), words["mail"])))))
        for heading, said in parts
    ]
    return {"exercise": written.title, "exercise_text": "\n\n".join(filter(None, texts))}
